# SPDX-License-Identifier: Apache-2.0
"""Every codec and level through real brokers of two versions, read back byte for byte by kcat and
by Java, and named by the brokers' own log. Prints the matrix."""
import collections
import pathlib
import random
import subprocess
import tempfile
import unittest

import oracle
import program
import real_kafka

CODECS = ['none', 'gzip', 'gzip:1', 'gzip:4', 'gzip:9', 'snappy', 'lz4', 'lz4:1', 'lz4:17',
          'zstd', 'zstd:-5', 'zstd:1', 'zstd:12', 'zstd:19']
WORDS = b'the broker took a batch of records from this partition and closed its segment'.split()
TEXTS, NOISES = 0, 1  # partitions: what a codec makes smaller, and what none can
FEW = 10  # records of a batch that may be too short to get smaller
TOPIC = 'compressed-'

Line = collections.namedtuple('Line', 'key value')  # key None: there is none


def lines_of(records):
    return b''.join(record.value + b'\n' if record.key is None else
                    record.key + b'\t' + record.value + b'\n' for record in records)


def sentence(dice, count):
    return b' '.join(dice.choices(WORDS, k=count))


def texts(dice):
    """Sentences and repetition, with keys and without, empty values, one of 900 KB."""
    records = []
    for number in range(8000):
        key = None if number % 7 == 0 else b'key-%d' % dice.randrange(500)
        value = b'' if number % 11 == 0 else b'%d ' % number + sentence(dice, 20)
        if number % 13 == 0:
            value = b'abc' * dice.randrange(400)
        records.append(Line(key, value))
    records.insert(5000, Line(b'large', sentence(dice, 200_000)[:900_000]))
    return records


def noise(dice, size):
    return dice.randbytes(size).translate(bytes.maketrans(b'\n', b'\r'))


def noises(dice):
    return [Line(b'key-%d' % number, noise(dice, 8000)) for number in range(120)]


# Readers that are not ours: {(topic, partition): [Line]} ----------------------------------------

KCAT_HEADERS = b'topic=%s,empty=,null=NULL'
JAVA_HEADERS = b'topic:%s,empty:,null:null'


def read_by_kcat(kafka, topics):
    found = collections.defaultdict(list)
    for topic in topics:
        done = subprocess.run(
            ['kcat', '-C', '-b', kafka.bootstrap, '-t', topic, '-o', 'beginning', '-e', '-q',
             '-X', 'check.crcs=true', '-f', '%p\t%h\t%K\t%k\t%s\n'],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if done.returncode:
            raise AssertionError(f'kcat, {topic}: {done.stderr[-2000:].decode()}')
        for line in done.stdout.split(b'\n')[:-1]:
            partition, headers, key_size, key, value = line.split(b'\t', 4)
            name = topic if headers == KCAT_HEADERS % topic.encode() else f'headers {headers}'
            found[name, int(partition)].append(Line(None if key_size == b'-1' else key, value))
    return found


def read_by_java(kafka, topics, count):
    """By one process for all topics: each takes seconds to start."""
    property_option = '--property' if kafka.version.startswith('3.') else '--formatter-property'
    shown = [word for name in ('partition', 'headers', 'key')
             for word in (property_option, f'print.{name}=true')]
    done = subprocess.run(
        kafka.java('org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server',
                   kafka.bootstrap, '--include', '|'.join(topics), '--from-beginning',
                   '--max-messages', count, '--timeout-ms', 15000, *shown),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if f'Processed a total of {count} messages'.encode() not in done.stderr:
        raise AssertionError(f'Java was to read {count} records: {done.stderr[-2000:].decode()}')
    names = {JAVA_HEADERS % topic.encode(): topic for topic in topics}
    found = collections.defaultdict(list)
    for line in done.stdout.split(b'\n')[:-1]:
        partition, headers, key, value = line.split(b'\t', 3)
        name = names.get(headers, f'headers {headers}')
        number = int(partition.removeprefix(b'Partition:'))
        found[name, number].append(Line(None if key == b'null' else key, value))
    return found


def dump_logs(kafka, topics):
    """{folder of a partition: its batches}, by one process for the logs of all topics."""
    files = [file for topic in topics for node in kafka.nodes
             for file in oracle.log_files(kafka, node['node'], topic)]
    return oracle.parse_dump(oracle.dump_files(kafka, files))


# What is wrong with it ------------------------------------------------------------------------

def difference(expected, got):
    """'' if they are equal, else where they begin to differ."""
    if expected == got:
        return ''
    if len(expected) != len(got):
        return f'{len(got)} records, not {len(expected)}'
    at = next(index for index, pair in enumerate(zip(expected, got)) if pair[0] != pair[1])
    return f'record {at} is {str(got[at])[:200]}, not {str(expected[at])[:200]}'


def codecs_in(batches):
    """The codecs that a partition's log names, but for batches too short to get smaller."""
    return {batch['compresscodec'].lower() for batch in batches if int(batch['count']) >= FEW}


def complaint_about_log(name, batches, codec, count):
    found = oracle.complaints_about_log({name: batches}, count)
    # One value of 900 KB is a batch of its own, and no short one.
    seen = {batch['compresscodec'].lower() for batch in batches
            if int(batch['count']) >= FEW or int(batch['size']) > 8000}
    if seen != {codec}:
        found.append(f'{name}: the log names {seen}, not {codec}')
    return found[0] if found else ''


class Matrix:
    """Codec and level by broker and reader; a cell is '' where all is well."""

    def __init__(self, columns):
        self.columns, self.rows = columns, {}

    def note(self, row, column, complaint):
        cells = self.rows.setdefault(row, dict.fromkeys(self.columns, 'not tried'))
        if cells[column] in ('', 'not tried'):
            cells[column] = complaint

    def complaints(self):
        return [f'{row}, {column}: {cell}' for row, cells in self.rows.items()
                for column, cell in cells.items() if cell]

    def text(self, ratios):
        lines = [f"     {'codec':8}" + ''.join(f'{column:>12}' for column in self.columns)
                 + '  plain/sent']
        for row, cells in self.rows.items():
            words = ''.join(f"{'FAIL' if cell else 'ok':>12}" for cell in cells.values())
            lines.append(f'     {row:8}{words}{ratios[row]:12.2f}')
        return '\n'.join(lines)


class EveryCompression(unittest.TestCase):
    def setUp(self):
        dice = random.Random(7)
        self.lines = {TEXTS: texts(dice), NOISES: noises(dice)}
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.files = {partition: folder / str(partition) for partition in self.lines}
        for partition, file in self.files.items():
            file.write_bytes(lines_of(self.lines[partition]))
        self.ratios = {}

    def topic_of(self, codec):
        return TOPIC + codec.replace(':', '.')

    def produce(self, kafka, codec):
        topic = self.topic_of(codec)
        kafka.create_topic(topic, 2, 1)
        for partition, file in self.files.items():
            outcome = program.produce(
                kafka.bootstrap, topic, '-z', codec, '-p', partition, '-K', '\t',
                '-H', f'topic={topic}', '-H', 'empty=', '-H', 'null',
                '-X', 'batch.size=65536', '-X', 'linger.ms=100', file)
            summary = outcome.summary
            self.assertEqual((outcome.code, summary['delivered'], summary['failed']),
                             (0, len(self.lines[partition]), 0), outcome)
            if partition == TEXTS:
                self.ratios[codec] = summary['plain_bytes_sent'] / summary['batch_bytes_sent']

    def test_is_read_byte_for_byte_by_others(self):
        kafkas = [real_kafka.cluster(), real_kafka.older()]
        matrix = Matrix([f'{kafka.version} {by}' for kafka in kafkas
                         for by in ('kcat', 'Java', 'log')])
        for kafka in kafkas:
            for codec in CODECS:
                self.produce(kafka, codec)
            self.judge(kafka, matrix)
        print(matrix.text(self.ratios), flush=True)
        self.assertEqual(matrix.complaints(), [])
        for codec, ratio in self.ratios.items():
            self.assertTrue(ratio == 1 if codec == 'none' else ratio > 2, (codec, ratio))

    def judge(self, kafka, matrix):
        topics = [self.topic_of(codec) for codec in CODECS]
        count = len(topics) * sum(map(len, self.lines.values()))
        found = {'kcat': read_by_kcat(kafka, topics), 'Java': read_by_java(kafka, topics, count)}
        logs = dump_logs(kafka, topics)
        for codec, topic in zip(CODECS, topics):
            for partition, expected in self.lines.items():
                for reader, seen in found.items():
                    matrix.note(codec, f'{kafka.version} {reader}',
                                difference(expected, seen[topic, partition]))
                name = f'{topic}-{partition}'
                asked = codec.split(':')[0] if partition == TEXTS else 'none'
                matrix.note(codec, f'{kafka.version} log', complaint_about_log(
                    name, logs.get(name, []), asked, len(expected)))


class CompressionAndBrokers(unittest.TestCase):
    """What topics and brokers have to say about compression."""

    LINES = [Line(b'key', b'%d ' % number + b' '.join(WORDS)) for number in range(3000)]

    def produce(self, kafka, topic, lines, *arguments):
        outcome = program.produce(kafka.bootstrap, topic, '-K', '\t', *arguments,
                                  stdin=lines_of(lines))
        self.assertEqual((outcome.code, outcome.summary['delivered']), (0, len(lines)), outcome)
        return outcome.summary

    def batches_of(self, kafka, topics, lines):
        """Of topics with one partition, each of which must hold exactly these lines: in order."""
        for topic in topics:
            records = oracle.read_back(kafka.bootstrap, topic)
            self.assertEqual(difference(lines, [Line(one.key, one.value) for one in records]), '')
        logs = dump_logs(kafka, topics)
        for name, batches in logs.items():
            self.assertEqual(oracle.complaints_about_log({name: batches}, len(lines)), [])
        return [logs[f'{topic}-0'] for topic in topics]

    def test_single_topics_have_codecs_of_their_own(self):
        kafka = real_kafka.cluster()
        codecs = ['gzip:9', 'none', 'zstd:9', 'lz4']
        topics = [kafka.new_topic(1, 1) for _ in codecs]
        own = ','.join(f'{topic}={codec}' for topic, codec in zip(topics[:3], codecs))
        for topic in topics:
            self.produce(kafka, topic, self.LINES, '-z', 'lz4', '-X', f'compression.topics={own}')
        for codec, batches in zip(codecs, self.batches_of(kafka, topics, self.LINES)):
            self.assertEqual(codecs_in(batches), {codec.split(':')[0]})

    def test_a_topic_with_a_codec_of_its_own_in_the_broker_takes_any(self):
        for kafka in (real_kafka.cluster(), real_kafka.older()):
            kept = {'gzip': 'gzip', 'lz4': 'lz4', 'uncompressed': 'none'}
            topics = [kafka.new_topic(1, 1, {'compression.type': there}) for there in kept]
            for topic in topics:
                self.produce(kafka, topic, self.LINES, '-z', 'zstd')
            for codec, batches in zip(kept.values(), self.batches_of(kafka, topics, self.LINES)):
                self.assertEqual(codecs_in(batches), {codec})

    def test_what_was_expected_to_get_smaller_and_does_not_is_split(self):
        """By what went before, 16 KB are thought to hold some hundred KB; then comes noise, in
        batches far over the topic's limit. Few records are on their way at a time, so that what
        became of the first is known before the later ones are batched."""
        dice = random.Random(11)
        noisy = [Line(b'key', noise(dice, 1000)) for _ in range(1000)]
        lines = 5 * self.LINES + noisy + self.LINES
        codecs = ['gzip', 'snappy', 'lz4', 'zstd']
        for kafka in (real_kafka.cluster(), real_kafka.older()):
            topics = [kafka.new_topic(1, 1, {'max.message.bytes': 20_000}) for _ in codecs]
            sent = [self.produce(kafka, topic, lines, '-z', codec, '-X', 'batch.size=16384', '-X',
                                 'lane.records.max=2000')['batch_bytes_sent']
                    for topic, codec in zip(topics, codecs)]
            for codec, batches, bytes_sent in zip(
                    codecs, self.batches_of(kafka, topics, lines), sent):
                self.assertEqual({batch['compresscodec'].lower() for batch in batches},
                                 {codec, 'none'})
                sizes = [int(batch['size']) for batch in batches]
                self.assertLessEqual(max(sizes), 20_000)
                # Some were refused and sent again in parts: else this has tried nothing.
                self.assertGreater(bytes_sent, sum(sizes) + 20_000, codec)

    def test_a_first_batch_too_short_to_get_smaller_does_not_turn_it_off(self):
        numbers = b''.join(b'%d\n' % number for number in range(1_000_000))
        with program.embedded_broker() as bootstrap:
            for codec in ('gzip:1', 'snappy', 'lz4', 'zstd'):
                outcome = program.produce(bootstrap, codec.replace(':', '.'), '-z', codec,
                                          stdin=numbers)
                summary = outcome.summary
                self.assertEqual((outcome.code, summary['delivered']), (0, 1_000_000), outcome)
                ratio = summary['plain_bytes_sent'] / summary['batch_bytes_sent']
                self.assertGreater(ratio, 1.8, codec)

    def test_zstd_is_refused_aloud_where_the_broker_is_too_old(self):
        lines = lines_of(self.LINES)
        with program.embedded_broker(arguments=('--produce-version', 6)) as bootstrap:
            outcome = program.produce(bootstrap, 'topic', '-z', 'zstd', stdin=lines)
            summary = outcome.summary
            self.assertEqual((outcome.code, summary['delivered'], summary['errors']),
                             (1, 0, {'unsupported_compression_type': len(self.LINES)}), outcome)
            self.assertIn('Kafka 2.1', outcome.err)
            self.assertEqual(oracle.read_back(bootstrap, 'topic'), [])
            for codec in ('gzip', 'snappy', 'lz4'):
                outcome = program.produce(bootstrap, codec, '-z', codec, stdin=lines)
                self.assertEqual(outcome.code, 0, outcome)
                self.assertEqual(len(oracle.read_back(bootstrap, codec)), len(self.LINES))
