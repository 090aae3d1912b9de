# SPDX-License-Identifier: Apache-2.0
"""A million lines with keys through the program, read back by others: all, once, in order."""
import concurrent.futures
import contextlib
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import kafka_cluster
import oracle
import program
import real_kafka

LINE_COUNT = 1_000_000
LINES_BEFORE_KILL = 400_000
DOWN_S = 3
NODES = (1, 2, 3)

_folder = None
_expected = None


def setUpModule():
    global _folder, _expected
    _folder = tempfile.TemporaryDirectory()
    _expected = oracle.write_lines(lines_file(), LINE_COUNT)


def tearDownModule():
    _folder.cleanup()


def lines_file():
    return pathlib.Path(_folder.name) / 'lines.txt'


class MillionLines(unittest.TestCase):
    maxDiff = None

    def assert_all_delivered(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        summary = outcome.summary
        self.assertEqual((summary['records'], summary['delivered'], summary['failed']),
                         (LINE_COUNT, LINE_COUNT, 0), outcome)
        self.assertFalse(summary.get('errors'), outcome)

    def assert_read_back(self, bootstrap, topic):
        records = oracle.read_back(bootstrap, topic)
        self.assertEqual(oracle.complaints_about_records(_expected, records), [])
        return records

    def assert_logs_are_sound(self, kafka, topic, nodes):
        for node in nodes:
            partitions = oracle.parse_dump(oracle.dump_log(kafka, node, topic))
            self.assertEqual(len(partitions), 6, f'partitions on node {node}')
            self.assertEqual(oracle.complaints_about_log(partitions, LINE_COUNT), [],
                             f'on node {node}')

    def test_arrive_once_and_in_order_in_a_real_kafka(self):
        kafka = real_kafka.cluster()
        topic = kafka.new_topic()
        outcome = program.produce(kafka.bootstrap, topic, '-K', ':', lines_file())
        self.assert_all_delivered(outcome)
        self.assert_read_back(kafka.bootstrap, topic)
        self.assert_logs_are_sound(kafka, topic, [1])

    def test_arrive_once_and_in_order_though_a_broker_is_killed(self):
        kafka = real_kafka.cluster()
        topic = kafka.new_topic()
        outcome = self.produce_while_killing(kafka, topic, kafka.leader(topic, 0))
        kafka.wait_until_in_sync(topic, 6)
        self.assert_all_delivered(outcome)
        self.assert_read_back(kafka.bootstrap, topic)
        self.assert_logs_are_sound(kafka, topic, NODES)

    def test_arrive_once_and_in_order_in_an_older_kafka(self):
        kafka = real_kafka.older()
        topic = kafka.new_topic()
        outcome = program.produce(kafka.bootstrap, topic, '-K', ':', lines_file())
        self.assert_all_delivered(outcome)
        self.assert_read_back(kafka.bootstrap, topic)
        self.assert_logs_are_sound(kafka, topic, [1])

    def test_arrive_once_and_in_order_though_an_older_kafka_s_only_broker_is_killed(self):
        kafka = real_kafka.older()
        topic = kafka.new_topic()
        outcome = self.produce_while_killing(kafka, topic, 1)
        self.assert_all_delivered(outcome)
        self.assert_read_back(kafka.bootstrap, topic)
        self.assert_logs_are_sound(kafka, topic, [1])

    def produce_while_killing(self, kafka, topic, victim):
        data = lines_file().read_bytes()
        cut = LINES_BEFORE_KILL * (oracle.LINE_BYTES + 1)

        began = time.monotonic()
        process = program.start(['produce', '-b', kafka.bootstrap, '-t', topic, '--json',
                                 '-K', ':'])
        with concurrent.futures.ThreadPoolExecutor() as beside, process:
            with contextlib.suppress(BrokenPipeError):  # its exit code and words come below
                process.stdin.write(data[:cut])
            kafka.kill(victim)
            restarted = beside.submit(restart_later, kafka, victim)
            outcome = program.finish(process, began, data[cut:], timeout_s=120)
            restarted.result()
        return outcome

    def test_arrive_once_and_in_order_in_the_embedded_broker(self):
        with program.embedded_broker() as bootstrap:
            outcome = program.produce(bootstrap, 'lines', '-K', ':', lines_file())
            self.assert_all_delivered(outcome)
            records = self.assert_read_back(bootstrap, 'lines')
            get_java()
            self.assertEqual(complaints_of_java(bootstrap, 'lines', records), [])


def restart_later(kafka, node):
    time.sleep(DOWN_S)
    kafka.restart(node)


def get_java():
    try:
        kafka_cluster.get_jars(kafka_cluster.VERSION)
    except kafka_cluster.ClusterError as error:
        program.unavailable(str(error))


def complaints_of_java(bootstrap, topic, records):
    """Reads each partition with Java's console consumer and compares it with kcat's `records`."""
    by_partition = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record.key + b':' + record.value)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        read = pool.map(lambda item: (item, read_by_java(bootstrap, topic, item[0], len(item[1]))),
                        by_partition.items())
        return [f'partition {partition}: {len(lines)} records, Java read {len(got)}, '
                f'the same: {lines == got}'
                for (partition, lines), got in read if lines != got]


def read_by_java(bootstrap, topic, partition, count):
    command = kafka_cluster.java_command(
        kafka_cluster.VERSION, 'org.apache.kafka.tools.consumer.ConsoleConsumer',
        ['--bootstrap-server', bootstrap, '--topic', topic, '--partition', partition,
         '--offset', 'earliest', '--max-messages', count, '--timeout-ms', 10000,
         '--formatter-property', 'print.key=true', '--formatter-property', 'key.separator=:'])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    total = re.search(rb'Processed a total of (\d+) messages', done.stderr)
    if done.returncode or not total or int(total[1]) != count:
        raise AssertionError(f'ConsoleConsumer, partition {partition}, {count} records: '
                             f'exit code {done.returncode}, {done.stderr[-2000:].decode()}')
    return done.stdout.splitlines()
