#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one small bug after another in a copy of the sources, and sees the simulator catch each.

    tests/sim/mutants.py [--build DIR] [--only TEXT] [--part N/M] [--seeds N] [--jobs N]

Prints which seed caught each, as TAP. A mutant that is not caught is a failure, and so is one whose
place in the sources is no longer there: move it along with the code.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (name, file, what stands there once, what is put in its place)
MUTANTS = (
    ('a report is dropped', 'src/shard/lanes.cc',
     '    lane.channel->reports.commit(header.size);\n',
     '    if (lane.entry_runs != 2) lane.channel->reports.commit(header.size);\n'),
    ('a report comes twice', 'src/shard/lanes.cc',
     '    lane.channel->reports.commit(report_bytes_max);\n',
     '    lane.channel->reports.commit(report_bytes_max);\n'
     '    if (std::byte* twice = lane.channel->reports.try_reserve(report_bytes_max)) {\n'
     '        std::memcpy(twice, at, report_bytes_max);\n'
     '        lane.channel->reports.commit(report_bytes_max);\n    }\n'),
    ('an answer frees memory that is still being sent', 'src/broker/pipeline.cc',
     '== SlotState::sending) return false;\n',
     '== SlotState::sending) {\n            slots_[order_[0]].state = SlotState::awaiting;\n'
     '        }\n'),
    ('a later batch overtakes an earlier one', 'src/produce/partition.h',
     '            return b;\n        }\n        return nullptr;\n',
     '            Batch* after = queue.next(*b);\n'
     '            return after != nullptr && after->state == Batch::State::sealed ? after : b;\n'
     '        }\n        return nullptr;\n'),
    ('the gate is never closed', 'src/produce/readiness.h',
     'p.gate_open ? config_.max_in_flight : 1', 'config_.max_in_flight'),
    ('a sequence is not advanced', 'src/produce/sequence.h',
     'sequence_after(partition.next_sequence, batch.record_count)',
     'sequence_after(partition.next_sequence,\n'
     '                   batch.record_count == 2 ? 0 : batch.record_count)'),
    ('a new epoch has the old one\'s number', 'src/produce/sequence.cc',
     '        ++partition.producer_epoch;\n', '        partition.producer_epoch += 0;\n'),
    ('an epoch begins with batches in flight', 'src/produce/sequence.cc',
     'if (partition.bump_due && partition.in_flight == 0)', 'if (partition.bump_due)'),
    ('a new epoch sends again what may be written', 'src/produce/sequence.cc',
     '    if (!batch.maybe_written || batch.sequenced) return false;\n',
     '    if (!batch.maybe_written || batch.sequenced || batch.record_count != 0) return false;\n'),
    ('what may be written in one topic is taken for another', 'src/produce/batch.h',
     '        maybe_in = one_place ? sent_to : wire::Uuid{};\n',
     '        maybe_in = one_place ? wire::Uuid{{std::byte{1}}} : wire::Uuid{};\n'),
    ('a batch that is being compressed is sent as it is', 'src/produce/readiness.h',
     'next != nullptr && !next->pack_hook.linked', 'next != nullptr'),
    ('what comes of a slice is written over that of the one before', 'src/produce/packer.cc',
     'std::memcpy(piece.memory + piece.used,',
     'std::memcpy(piece.memory + wire::batch_header_bytes,'),
    ('a compressed batch says that it is plain', 'src/produce/sender.cc',
     'batch.is_packed() ? codec : std::int16_t{0}', 'std::int16_t{0}'),
    ('a keyed record takes any partition that has a leader', 'src/produce/chooser.h',
     '            index = entry.key_hash % count;\n',
     '            index = entry.key_hash %\n'
     '                std::max<std::size_t>(1, topic.with_leader.size());\n'),
    ('an asked partition is one beside it', 'src/produce/chooser.h',
     '            index = static_cast<std::uint32_t>(entry.partition);\n',
     '            index = static_cast<std::uint32_t>(entry.partition);\n'
     '            if (count > 2 && index == 2) index = 1;\n'),
    ('a topic made again keeps its old leader epochs', 'src/produce/cluster.cc',
     '        const bool stale = same_topic && told', '        const bool stale = told'),
    ('the linger timer is lost', 'src/produce/accumulator.cc',
     '    if (oldest == nullptr) return Instant::never();\n',
     '    if (oldest == nullptr || oldest->record_count == 1) return Instant::never();\n'),
    ('a wake-up is lost', 'src/shard/wakeup.h',
     '        if (written < wake_at.load(std::memory_order_relaxed)) return false;\n',
     '        if (written < wake_at.load(std::memory_order_relaxed) + 64) return false;\n'),
    ('a flush forgets parked records', 'src/produce/delivery.cc',
     '    }\n    flushes_.on_batch(batch.flush_epoch);\n',
     '    }\n'
     '    if (batch.parked) batch.flush_epoch = flushes_.epoch() + 1;\n'
     '    if (batch.parked) flushes_.begin();\n    flushes_.on_batch(batch.flush_epoch);\n'),
    ('a flush is done before its last batch', 'src/produce/flush_tracker.h',
     'return epoch < oldest_; }', 'return epoch <= oldest_; }'),
    ('a stop leaves what it could not send', 'src/shard/shard.cc',
     '        core_->purge(Purge::all, now);\n', ''),
    ('a credit leaks when a record fails', 'src/api/report_reader.cc',
     '    if (ours) uncredited_ += records;\n',
     '    if (ours && (!failed || records > 1)) uncredited_ += records;\n'),
    ('a credit comes back twice', 'src/api/report_reader.cc',
     '    if (ours) uncredited_ += records;\n',
     '    if (ours) uncredited_ += records + (records > 3);\n'),
    ('old bytes are read after a reconnect', 'src/broker/connection.cc',
     '    received_begin_ = received_end_ = 0;\n    versions_', '    versions_'),
    ('a throttle is ignored', 'src/produce/producer_core.cc',
     '        if (todo.throttle_ms > 0) {', '        if (todo.throttle_ms > 1'
     '\'000\'000) {'),
    ('a fatal code is tried for ever', 'src/wire/error_codes.cc',
     'no, no, no, fail, "invalid_topic_exception"',
     'no, no, no, retry, "invalid_topic_exception"'),
    ('a deadline is not kept without a leader', 'src/produce/producer_core.cc',
     '        if (batch == nullptr || batch->created + config_.delivery_timeout > now) return;\n',
     '        if (batch == nullptr || batch->created + config_.delivery_timeout > now) return;\n'
     '        if (batch->partition != nullptr && batch->partition->node == nullptr) return;\n'),
    ('one request too many is in flight', 'src/broker/pipeline.cc',
     'produce ? options_.inflight_max : limits::request_slots',
     'produce ? options_.inflight_max + 1 : limits::request_slots'),
    ('memory that was lent is never given back', 'src/produce/delivery.cc',
     '    --batch.lenders;\n', '    if (batch.record_count != 3) --batch.lenders;\n'),
    ('a failed record shows another\'s bytes', 'src/api/report_reader.cc',
     '    if (entry_ == nullptr) cursor_ = {};\n', ''),
    ('a moved broker is looked up for ever', 'src/produce/producer_core.cc',
     '    node.address_changed = false;\n', ''),
    ('a batch that is taken apart loses a record', 'src/produce/rebatch.cc',
     '        return copy(parts[part], bytes[part],',
     '        if (index == 3) return true;\n        return copy(parts[part], bytes[part],'),
    ('halves have the same sequence', 'src/produce/rebatch.cc',
     '        sequence = sequence_after(sequence, part->record_count);\n', ''),
    ('a batch is halved out of order', 'src/produce/rebatch.cc',
     'return index < cut ? 0U : 1U;', 'return index < cut ? 1U : 0U;'),
    ('another record than the named one fails', 'src/produce/rebatch.cc',
     'named.front() == index;', 'named.front() == index + 1;'),
    ('a request calls the allocator', 'src/produce/sender.cc',
     '    std::size_t cut = 0;\n',
     '    std::size_t cut = 0;\n    const Vector<int> room(picked.size());\n'),
    ('a lost request without retries counts as delivered', 'src/broker/connection.cc',
     '    last_error_ = Errc::connection_lost;  // of requests that are unanswered\n', ''),
)


def copy_sources(to):
    """A tree to plant in; files that are as they were keep their times, and need no compiler."""
    def copy_changed(source, target):
        target = pathlib.Path(target)
        if not target.exists() or target.read_bytes() != pathlib.Path(source).read_bytes():
            shutil.copy(source, target)
        return target

    for part in ('meson.build', 'meson_options.txt', 'include', 'src', 'tests', 'tools', 'bench'):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, copy_function=copy_changed, dirs_exist_ok=True)
        else:
            to.mkdir(parents=True, exist_ok=True)
            copy_changed(ROOT / part, to / part)


def build(folder):
    environment = os.environ | {'PATH': '/usr/bin:' + os.environ['PATH']}
    if not (folder / 'build' / 'build.ninja').exists():
        subprocess.run(['meson', 'setup', 'build', '-Doptimization=1', '-Ddebug=false'],
                       cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run(['ninja', '-C', 'build', 'tests/sim/sim'], cwd=folder, env=environment,
                          capture_output=True, text=True)
    return '' if said.returncode == 0 else said.stdout[-2000:]


def first_catch(folder, seeds, jobs):
    """The number of the seed that caught it, and what it said; None if none did."""
    said = subprocess.run(['build/tests/sim/sim', '--seeds', f'1..{seeds}', '--jobs', str(jobs),
                           '--enough', '1'], cwd=folder, capture_output=True, text=True)
    if said.returncode == 0:
        return None, ''
    why = re.search(r'^sim: seed \d+ failed: (.*)', said.stderr, re.M)
    failed = [int(seed) for seed in re.findall(r'^failed seed: (\d+)', said.stdout, re.M)]
    return min(failed), why.group(1)[-100:] if why else ''


def try_mutant(folder, mutant, arguments):
    name, file, old, new = mutant
    source = ROOT / file
    text = source.read_text()
    if text.count(old) != 1:
        return False, f'its place in {file} is there {text.count(old)} times'
    (folder / file).write_text(text.replace(old, new))
    try:
        if said := build(folder):
            return False, 'does not build: ' + said
        seed, why = first_catch(folder, arguments.seeds, arguments.jobs)
    finally:
        shutil.copy(source, folder / file)
    if seed is None:
        return False, f'not caught by {arguments.seeds} seeds'
    return True, f'caught by seed {seed}: {why}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build' / 'mutants',
                        help='folder for the copy (build/mutants)')
    parser.add_argument('--only', default='', help='those with this in their name')
    parser.add_argument('--part', default=os.environ.get('MUTANTS_PART', '1/1'),
                        help='the Nth of M parts, as N/M (MUTANTS_PART, or all)')
    parser.add_argument('--seeds', type=int, default=2000, help='to be caught within (2000)')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    part, parts = (int(n) for n in arguments.part.split('/'))
    chosen = [m for m in MUTANTS if arguments.only in m[0]][part - 1::parts]
    copy_sources(arguments.build)
    if said := build(arguments.build):
        sys.exit(f'mutants: the sources do not build as they are:\n{said}')
    failures = 0
    print(f'1..{len(chosen)}')
    for number, mutant in enumerate(chosen, 1):
        caught, how = try_mutant(arguments.build, mutant, arguments)
        failures += not caught
        print(f'{"ok" if caught else "not ok"} {number} - {mutant[0]}\n# {how}', flush=True)
    return 1 if failures else 0


sys.exit(main())
