# SPDX-License-Identifier: Apache-2.0
"""Several producers of several lanes against a real Kafka whose nodes die, freeze, move and come
back, one at a time or all at once, and whose topics move, grow, go and come back.

One minute; CHAOS_SECONDS=300 for longer, CHAOS_SEED=N for the same schedule, and the same codecs,
again.
"""
import collections
import os
import random
import signal
import subprocess
import time
import unittest

import oracle
import program
import real_kafka

LANES = 3
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
Report = collections.namedtuple('Report', 'value topic partition offset error maybe')


class Chaos:
    """A schedule of faults, drawn from a seed. Nothing that was acknowledged is lost by them: one
    node is in trouble at a time, or all are killed and keep what they gave to the kernel."""

    def __init__(self, kafka, doomed, growing, seed):
        self.kafka, self.doomed, self.growing = kafka, doomed, growing
        self.partitions = 1
        self.dice = random.Random(seed)
        self.counts = collections.Counter()

    def run(self, seconds):
        end = time.monotonic() + seconds
        faults = [self.kill, self.kill, self.freeze, self.freeze_for_long, self.elect,
                  self.remake_topic, self.grow_topic, self.move, self.kill_all]
        left = []
        while time.monotonic() < end:
            if not left:  # each once, in another order, before any comes again
                left = self.dice.sample(faults, len(faults))
            fault = left.pop()
            fault()
            self.counts[fault.__name__] += 1
            time.sleep(self.dice.uniform(0.5, 3))

    def kill(self):
        node = self.dice.choice(self.kafka.nodes)['node']
        self.kafka.kill(node)
        time.sleep(self.dice.uniform(0, 4))
        self.kafka.restart(node)

    def freeze(self):
        node = self.dice.choice(self.kafka.nodes)['node']
        self.kafka.kill(node, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 6))
        self.kafka.kill(node, signal.SIGCONT)

    def freeze_for_long(self):
        """Until the others have given its partitions away (broker.session.timeout.ms, 9 s)."""
        node = self.dice.choice(self.kafka.nodes)['node']
        self.kafka.kill(node, signal.SIGSTOP)
        time.sleep(self.dice.uniform(10, 14))
        self.kafka.kill(node, signal.SIGCONT)

    def move(self):
        node = self.dice.choice(self.kafka.nodes)['node']
        self.kafka.kill(node)
        self.kafka.move(node)

    def kill_all(self):
        for node in self.kafka.nodes:
            self.kafka.kill(node['node'])
        time.sleep(self.dice.uniform(0, 3))
        self.kafka.restart_all()

    def grow_topic(self):
        self.partitions += 1
        self.tool('TopicCommand', '--alter', '--topic', self.growing, '--partitions',
                  str(self.partitions))

    def elect(self):
        self.tool('LeaderElectionCommand', '--election-type', 'preferred',
                  '--all-topic-partitions')

    def remake_topic(self):
        self.tool('TopicCommand', '--delete', '--topic', self.doomed)
        time.sleep(self.dice.uniform(0, 2))
        self.tool('TopicCommand', '--create', '--if-not-exists', '--topic', self.doomed,
                  '--partitions', '3', '--replication-factor', '3')

    def tool(self, name, *arguments):
        subprocess.run(self.kafka.java(f'org.apache.kafka.tools.{name}', '--bootstrap-server',
                                       self.kafka.bootstrap, *arguments),
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def draw_codecs(seed, names, topic):
    """Options by producer: a codec each, and another one for the topic."""
    dice = random.Random(f'codecs {seed}')
    return {name: f'compression.type={first} compression.topics={topic}={second}'
            for name in names for first, second in [dice.sample(CODECS, 2)]}


def start_load(kafka, name, seconds, options, topics, folder):
    with open(folder / f'{name}.log', 'wb') as log, open(folder / f'{name}.reports', 'wb') as out:
        return subprocess.Popen(
            [program.build_dir / 'tests' / 'integration' / 'chaos_load', name, kafka.bootstrap,
             str(seconds), str(LANES), options, *topics],
            stdin=subprocess.DEVNULL, stdout=out, stderr=log)


def read_reports(path):
    """Returns the reports, and how many records were accepted."""
    lines = path.read_text().splitlines()
    reports = []
    for line in lines[:-1]:
        value, topic, partition, offset, error, maybe = line.split()
        reports.append(Report(value, topic, int(partition), int(offset), error, maybe == '1'))
    return reports, int(lines[-1].split()[1])


class Books:
    """Reports against what stands in the topics."""

    def __init__(self):
        self.counts = collections.Counter(lost=0, duplicated=0, reordered=0, unreported=0)
        self.examples = []

    def complain(self, kind, text):
        self.counts[kind] += 1
        if len(self.examples) < 10:
            self.examples.append(f'{kind}: {text}')

    def check_reports(self, reports, accepted):
        seen = collections.Counter(report.value for report in reports)
        for value in [value for value, count in seen.items() if count > 1]:
            self.complain('duplicated', f'{value} has {seen[value]} reports')
        if len(seen) != accepted:
            self.complain('unreported', f'{accepted} accepted, {len(seen)} reported')

    def check_topic(self, reports, records):
        places = collections.defaultdict(list)
        last = {}
        for record in records:
            value = record.value.decode()
            places[value].append((record.partition, record.offset))
            lane, sequence = value.rsplit('.', 1)
            if last.get((lane, record.partition), -1) >= int(sequence):
                self.complain('reordered', f'{value} at {record.partition}@{record.offset}')
            last[lane, record.partition] = int(sequence)
        for value, found in places.items():
            if len(found) > 1:
                self.complain('duplicated', f'{value} stands at {found}')
        for report in reports:
            there = places.get(report.value, [])
            if report.error == 'none' and report.offset >= 0:
                if (report.partition, report.offset) not in there:
                    self.complain('lost', f'{report} stands at {there}')
            elif report.error == 'none' and not there:
                self.complain('lost', f'{report} stands nowhere')
            elif report.error != 'none' and there and not report.maybe:
                self.complain('lost', f'{report} stands at {there} after all')


class ChaosTest(unittest.TestCase):
    def test_nothing_is_lost_doubled_reordered_or_unreported(self):
        kafka = real_kafka.cluster()
        seconds = int(os.environ.get('CHAOS_SECONDS', '60'))
        seed = int(os.environ.get('CHAOS_SEED', time.time_ns() % 10**6))
        growing = kafka.new_topic(partitions=1)
        steady = [kafka.new_topic(partitions=6), growing]
        doomed = kafka.new_topic(partitions=3)
        folder = program.build_dir / 'chaos'
        folder.mkdir(exist_ok=True)
        topics = {'p0': steady, 'p1': steady, 'p2': [*steady, doomed]}
        options = draw_codecs(seed, topics, growing)
        loads = {name: start_load(kafka, name, seconds, options[name], topics[name], folder)
                 for name in topics}
        chaos = Chaos(kafka, doomed, growing, seed)
        try:
            chaos.run(seconds)
            kafka.heal()
            codes = {name: load.wait(120) for name, load in loads.items()}
        finally:
            for load in loads.values():
                load.kill()
        books = Books()
        all_reports = []
        for name in loads:
            reports, accepted = read_reports(folder / f'{name}.reports')
            books.check_reports(reports, accepted)
            all_reports += reports
        for topic in steady:
            books.check_topic([report for report in all_reports if report.topic == topic],
                              oracle.read_back(kafka.bootstrap, topic))
        failed = sum(report.error != 'none' for report in all_reports)
        print(f'     chaos: seed {seed}, {seconds} s, {len(all_reports)} records, {failed} failed; '
              f'{dict(chaos.counts)}; {dict(books.counts)}; {options}', flush=True)
        self.assertEqual(codes, dict.fromkeys(loads, 0), 'a load did not end well')
        self.assertFalse(any(books.counts.values()), f'CHAOS_SEED={seed}: {books.examples}')
        steadily = [report for report in all_reports if report.topic in steady]
        self.assertGreater(sum(report.error == 'none' for report in steadily), len(steadily) / 2,
                           'hardly anything was delivered')
