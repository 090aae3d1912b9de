# SPDX-License-Identifier: Apache-2.0
"""What must be true of records after they were produced, judged by programs that are not ours.

Records are read back by kcat, and the brokers' own log files by Kafka's DumpLogSegments.
"""
import collections
import re
import shutil
import subprocess

import program

LINE_BYTES = 100
KEY_COUNT = 1000
COMPLAINTS_MAX = 5

Record = collections.namedtuple('Record', 'partition offset key value')


def write_lines(path, count):
    """Writes `count` lines of LINE_BYTES each, newline apart: 'KEY:VALUE', every value different.

    Returns {key: [its values, in the order of the file]}, which is all that has to come back.
    """
    expected = {b'key-%04d' % number: [] for number in range(KEY_COUNT)}
    keys = list(expected)
    with open(path, 'wb', buffering=1 << 20) as file:
        for index in range(count):
            scrambled = index * 2654435761 % 2**32  # a bijection: neighbours share no key
            key = keys[scrambled % KEY_COUNT]
            value = (b'%09d-%010d-' % (index, scrambled)).ljust(LINE_BYTES - len(key) - 1, b'x')
            expected[key].append(value)
            file.write(key + b':' + value + b'\n')
    return {key: values for key, values in expected.items() if values}


def read_back(bootstrap, topic):
    """Everything that is in the topic, by kcat, in the order of each partition."""
    if not shutil.which('kcat'):
        program.unavailable('kcat is not there; install it (tools/packages test)')
    command = ['kcat', '-C', '-b', bootstrap, '-t', topic, '-o', 'beginning', '-e', '-q',
               '-X', 'check.crcs=true', '-f', '%p\t%o\t%k\t%s\n']
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as kcat:
        records = []
        for line in kcat.stdout:
            partition, offset, key, value = line[:-1].split(b'\t', 3)
            records.append(Record(int(partition), int(offset), key, value))
        words = kcat.stderr.read().decode(errors='replace')
    if kcat.returncode:
        raise AssertionError(f'kcat could not read {topic}: {words}')
    return records


def complaints_about_records(expected, records):
    """Compares what came back with what went in; an empty list means: all of it, once, in order."""
    found = []
    by_key = {}
    place_of_key = {}
    next_offset = collections.Counter()
    for record in records:
        if record.offset != next_offset[record.partition]:
            found.append(f'partition {record.partition}: offset {record.offset} stands where '
                         f'{next_offset[record.partition]} should')
        next_offset[record.partition] = record.offset + 1
        if place_of_key.setdefault(record.key, record.partition) != record.partition:
            found.append(f'key {record.key} is in partitions {place_of_key[record.key]} and '
                         f'{record.partition}')
        by_key.setdefault(record.key, []).append(record.value)
    for key in expected.keys() | by_key.keys():
        found += complaints_about_key(key, expected.get(key, []), by_key.get(key, []))
    return shortened(found)


def complaints_about_key(key, expected, got):
    if expected == got:
        return []
    wanted, there = collections.Counter(expected), collections.Counter(got)
    lost, extra = list((wanted - there).elements()), list((there - wanted).elements())
    found = [f'key {key}: lost {value}' for value in lost]
    found += [f'key {key}: {value} is there {there[value]} times, not {wanted[value]}'
              for value in extra]
    if not found:
        at = next(index for index, pair in enumerate(zip(expected, got)) if pair[0] != pair[1])
        found = [f'key {key}: out of order, {got[at]} stands where {expected[at]} should']
    return found


def shortened(found):
    if len(found) <= COMPLAINTS_MAX:
        return found
    return found[:COMPLAINTS_MAX] + [f'and {len(found) - COMPLAINTS_MAX} more']


# The brokers' own log -------------------------------------------------------------------------

def log_files(cluster, node_number, topic):
    folder = cluster.node(node_number)['log_dir']
    return sorted(str(path) for path in cluster.folder.joinpath(folder).glob(f'{topic}-*/*.log'))


def dump_log(cluster, node_number, topic):
    """DumpLogSegments' text about one node's copy of a topic."""
    files = log_files(cluster, node_number, topic)
    if not files:
        raise AssertionError(f'node {node_number} has no log of {topic}')
    return dump_files(cluster, files)


def dump_files(cluster, files):
    package = 'kafka' if cluster.version.startswith('3.') else 'org.apache.kafka'
    done = subprocess.run(
        cluster.java(f'{package}.tools.DumpLogSegments', '--files', ','.join(files)),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f'DumpLogSegments failed: {done.stderr}')
    return done.stdout


def parse_dump(text):
    """Returns {folder of the partition: [one dict a batch, as DumpLogSegments prints it]}."""
    partitions = {}
    batches = None
    for line in text.splitlines():
        if line.startswith('Dumping '):
            batches = partitions.setdefault(line.split('/')[-2], [])
        elif line.startswith('baseOffset: '):
            batches.append(dict(re.findall(r'(\w+): (\S+)', line)))
    return partitions


def complaints_about_log(partitions, record_count):
    """Every batch valid, of an idempotent producer, its offsets and sequences without a gap."""
    found = []
    for name, batches in partitions.items():
        next_offset = 0
        next_sequence = {}
        for batch in batches:
            where = f"{name} at offset {batch['baseOffset']}"
            producer = (int(batch['producerId']), int(batch['producerEpoch']))
            first, last = int(batch['baseSequence']), int(batch['lastSequence'])
            if batch['isvalid'] != 'true':
                found.append(f"{where}: isvalid is {batch['isvalid']}")
            if producer[0] < 0 or producer[1] < 0:
                found.append(f'{where}: no producer id and epoch')
            if int(batch['baseOffset']) != next_offset:
                found.append(f'{where}: offset {next_offset} should be here')
            if first != next_sequence.get(producer, 0):
                found.append(f'{where}: sequence {first}, not {next_sequence.get(producer, 0)}')
            if (last - first) % 2**31 + 1 != int(batch['count']):
                found.append(f"{where}: sequences {first} to {last} for {batch['count']} records")
            next_offset = int(batch['lastOffset']) + 1
            next_sequence[producer] = (last + 1) % 2**31
    total = sum(int(batch['count']) for batches in partitions.values() for batch in batches)
    if total != record_count:
        found.append(f'{total} records are in the log, not {record_count}')
    return shortened(found)
