# SPDX-License-Identifier: Apache-2.0
"""What `ringpost produce` makes of lines, keys, headers and partitions, as kcat sees it."""
import collections
import hashlib
import subprocess
import tempfile
import unittest

import oracle
import program
import real_kafka


def read_details(bootstrap, topic):
    """Each record as (partition, key size, key, value size, value, headers); size -1 is null."""
    done = subprocess.run(
        ['kcat', '-C', '-b', bootstrap, '-t', topic, '-o', 'beginning', '-e', '-q',
         '-f', '%p\t%K\t%k\t%S\t%s\t%h\n'],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=30)
    return [tuple(line.split('\t')) for line in done.stdout.splitlines()]


class Lines(unittest.TestCase):
    def delivered(self, bootstrap, topic, *arguments, stdin):
        outcome = program.produce(bootstrap, topic, *arguments, stdin=stdin)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.summary['delivered'], outcome.summary['records'], outcome)
        return outcome

    def test_keys_headers_and_partition_arrive_in_a_real_kafka(self):
        kafka = real_kafka.cluster()
        topic = kafka.new_topic()
        self.delivered(kafka.bootstrap, topic, '-p', '4', '-K', ':', '-H', 'from=here',
                       '-H', 'empty=', stdin=b'k:v\n:no key bytes\nno delimiter\nk:\n')
        headers = 'from=here,empty='
        self.assertEqual(read_details(kafka.bootstrap, topic),
                         [('4', '1', 'k', '1', 'v', headers),
                          ('4', '0', '', '12', 'no key bytes', headers),
                          ('4', '-1', '', '12', 'no delimiter', headers),
                          ('4', '1', 'k', '0', '', headers)])

    KEYS = [b'key-%d-%s' % (number, b'\xc3\xa9' * (number % 5)) for number in range(10_000)]

    def assert_same_places(self, bootstrap, *topics):
        places = [{record.key: record.partition for record in oracle.read_back(bootstrap, topic)}
                  for topic in topics]
        self.assertEqual([len(one) for one in places], [len(self.KEYS)] * 2)
        self.assertEqual(set(places[0].items()) - set(places[1].items()), set())

    def test_keys_go_where_librdkafka_puts_them(self):
        lines = b''.join(key + b':v\n' for key in self.KEYS)
        with program.embedded_broker(partition_count=12) as bootstrap:
            for name in ('murmur2_random', 'consistent', 'consistent_random', 'fnv1a',
                         'fnv1a_random'):
                with self.subTest(partitioner=name):
                    self.delivered(bootstrap, f'ours-{name}', '-K', ':', '-X',
                                   f'partitioner={name}', stdin=lines)
                    subprocess.run(
                        ['kcat', '-P', '-b', bootstrap, '-t', f'theirs-{name}', '-K', ':',
                         '-X', f'topic.partitioner={name}'],
                        input=lines, capture_output=True, check=True, timeout=60)
                    self.assert_same_places(bootstrap, f'ours-{name}', f'theirs-{name}')

    def test_keys_go_where_pykafka_puts_them(self):
        lines = b''.join(key + b':v\n' for key in self.KEYS) + b':v\n'
        with program.embedded_broker(partition_count=12) as bootstrap:
            self.delivered(bootstrap, 'topic', '-K', ':', '-X', 'partitioner=hashing', stdin=lines)
            places = {record.key: record.partition
                      for record in oracle.read_back(bootstrap, 'topic')}
        self.assertEqual(places, {key: int(hashlib.sha1(key).hexdigest(), 16) % 12
                                  for key in self.KEYS + [b'']})

    def test_hashing_refuses_what_has_no_key(self):
        with program.embedded_broker() as bootstrap:
            outcome = program.produce(bootstrap, 'topic', '-K', ':', '-X', 'partitioner=hashing',
                                      stdin=b'key:v\nno delimiter\n')
        self.assertEqual(outcome.code, 1, outcome)
        self.assertEqual((outcome.summary['records'], outcome.summary['delivered']), (2, 1),
                         outcome)

    def test_keys_go_where_java_puts_them(self):
        kafka = real_kafka.cluster()
        ours, theirs = kafka.new_topic(), kafka.new_topic()
        lines = b''.join(key + b':v\n' for key in self.KEYS)
        self.delivered(kafka.bootstrap, ours, '-K', ':', stdin=lines)
        subprocess.run(
            kafka.java('org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server',
                       kafka.bootstrap, '--topic', theirs, '--reader-property', 'parse.key=true',
                       '--reader-property', 'key.separator=:'),
            input=lines, capture_output=True, check=True, timeout=60)
        self.assert_same_places(kafka.bootstrap, ours, theirs)

    def test_lines_of_several_files_without_keys_all_arrive(self):
        lines = [b'line %05d' % number for number in range(20_000)]
        with tempfile.NamedTemporaryFile() as first, tempfile.NamedTemporaryFile() as second, \
                program.embedded_broker() as bootstrap:
            first.write(b'\n'.join(lines[:9_000]) + b'\n')
            second.write(b'\n'.join(lines[9_000:]))  # the last line without its newline
            first.flush()
            second.flush()
            self.delivered(bootstrap, 'topic', first.name, second.name, stdin=b'')
            values = [record.value for record in oracle.read_back(bootstrap, 'topic')]
        self.assertEqual(collections.Counter(values), collections.Counter(lines))

    def test_the_summary_tells_what_compression_saved(self):
        lines = b'the same line, more or less %d\n' * 5000 % tuple(range(5000))
        with program.embedded_broker() as bootstrap:
            for codec in ('gzip:1', 'snappy', 'lz4:17', 'zstd:-3'):
                # -z comes after -X and counts, whatever level the older option asks for.
                outcome = self.delivered(bootstrap, codec.replace(':', '.'), '-z', codec,
                                         '-X', 'compression.level=9', stdin=lines)
                summary = outcome.summary
                self.assertLess(summary['batch_bytes_sent'], summary['plain_bytes_sent'] / 2)
                self.assertRegex(outcome.err, r'batches of 0\.\d MB compressed to 0\.\d MB')
            outcome = self.delivered(bootstrap, 'plain', stdin=lines)
        self.assertEqual(outcome.summary['batch_bytes_sent'], outcome.summary['plain_bytes_sent'])
        self.assertNotIn('compressed', outcome.err)

    def test_no_lines_are_no_failure(self):
        with program.embedded_broker() as bootstrap:
            outcome = self.delivered(bootstrap, 'topic', stdin=b'')
        self.assertEqual(outcome.summary['records'], 0, outcome)

    def test_each_acks_is_delivered(self):
        with program.embedded_broker() as bootstrap:
            for acks, idempotence in (('0', 'false'), ('1', 'false'), ('all', 'true')):
                with self.subTest(acks=acks):
                    self.delivered(bootstrap, 'topic-' + acks, '-X', f'acks={acks}',
                                   '-X', f'enable.idempotence={idempotence}', stdin=b'a\nb\n')
                    self.assertEqual(len(oracle.read_back(bootstrap, 'topic-' + acks)), 2)


class AutoCreation(unittest.TestCase):
    def test_makes_topics_that_records_name_if_both_sides_allow_it(self):
        kafka = real_kafka.creating()
        for number in range(5):
            topic = f'made-{number}'
            outcome = program.produce(kafka.bootstrap, topic, stdin=b'a\nb\nc\n')
            self.assertEqual((outcome.code, outcome.summary['delivered']), (0, 3), outcome)
            self.assertEqual(sorted(record.value for record in
                                    oracle.read_back(kafka.bootstrap, topic)),
                             [b'a', b'b', b'c'])
        outcome = program.produce(kafka.bootstrap, 'not-made', '-X',
                                  'allow.auto.create.topics=false', '-X',
                                  'topic.metadata.propagation.max.ms=500', stdin=b'a\n')
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertIn('unknown_topic_or_partition', outcome.out + outcome.err)
