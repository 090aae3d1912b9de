# SPDX-License-Identifier: Apache-2.0
"""Bad input to `ringpost produce`: what the person sees, and that no accepted record is lost."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest

import hostile_peers
import oracle
import program
import real_kafka

SHORT = ('-X', 'delivery.timeout.ms=3000')
SHORT_S = 15  # by when a run with SHORT has to be over
THREE = b'one\ntwo\nthree\n'


class BadInput(unittest.TestCase):
    def assert_refused(self, outcome, *patterns):
        """Ended by itself, not well, and said what the patterns ask for."""
        self.assertIn(outcome.code, range(1, 126), outcome)
        for pattern in patterns:
            self.assertRegex(outcome.err, f'(?i){pattern}', outcome)
        self.assertLess(len(outcome.err.splitlines()), 40, f'too many words: {outcome}')

    def assert_reported(self, outcome, records, delivered):
        """Each accepted record was reported once, the failed ones with their reasons."""
        summary = outcome.summary
        self.assertEqual((summary['records'], summary['delivered'], summary['failed']),
                         (records, delivered, records - delivered), outcome)
        self.assertEqual(sum(summary['errors'].values()), records - delivered, outcome)


class BadOptions(BadInput):
    """No broker is needed to refuse these."""

    def refused(self, *arguments, patterns):
        with hostile_peers.nobody() as address:
            outcome = program.run(['produce', '-b', address, '-t', 'topic', *arguments], THREE,
                                  timeout_s=SHORT_S)
        self.assert_refused(outcome, *patterns)
        self.assertLess(outcome.seconds, 5, outcome)

    def test_unknown_option_names_the_nearest(self):
        self.refused('-X', 'lingr.ms=5', patterns=['lingr.ms', r'linger\.ms'])

    def test_value_that_is_no_number(self):
        self.refused('-X', 'linger.ms=soon', patterns=[r'linger\.ms', 'soon'])

    def test_value_that_is_not_one_of_the_choices(self):
        self.refused('-X', 'acks=most', patterns=['acks', 'most', 'all'])

    def test_value_that_is_out_of_range(self):
        self.refused('-X', 'delivery.timeout.ms=-1', patterns=[r'delivery\.timeout\.ms', '-1'])

    def test_option_without_a_value(self):
        self.refused('-X', 'linger.ms', patterns=[r'linger\.ms', '='])

    def test_invalid_topic_name(self):
        with hostile_peers.nobody() as address:
            outcome = program.run(['produce', '-b', address, '-t', 'bad topic!'], THREE,
                                  timeout_s=SHORT_S)
        self.assert_refused(outcome, 'bad topic!', 'topic')
        self.assertLess(outcome.seconds, 5, outcome)

    def test_bootstrap_without_a_port_number(self):
        outcome = program.run(['produce', '-b', '127.0.0.1:kafka9', '-t', 'topic'], THREE,
                              timeout_s=SHORT_S)
        self.assert_refused(outcome, '127.0.0.1:kafka9', 'port')

    def test_negative_partition(self):
        for partition in ('-2', '-1'):
            self.refused('-p', partition, patterns=['partition', partition])

    def test_empty_key_delimiter(self):
        self.refused('-K', '', patterns=['key-delimiter'])

    def test_header_without_a_name(self):
        for header in ('', '=value'):
            self.refused('-H', header, patterns=['header', 'NAME'])

    def test_more_memory_than_the_machine_has(self):
        self.refused('-X', f'buffer.memory={1 << 40}', patterns=[r'buffer\.memory', str(1 << 40)])

    def test_partition_beyond_32_bits(self):
        self.refused('-p', '2147483648', patterns=['partition|-p', '2147483648'])

    def test_unknown_codec_names_those_there_are(self):
        for codec in ('zip', '', ':9', 'GZIP2:9'):
            self.refused('-z', codec, patterns=[codec.split(':')[0],
                                                'none, gzip, snappy, lz4 or zstd'])

    def test_level_that_the_codec_has_not(self):
        for codec, levels in (('zstd:99', '-131072 to 22'), ('gzip:0', '1 to 9'),
                              ('lz4:18', '1 to 17'), ('gzip:best', '1 to 9'),
                              ('zstd:', '-131072 to 22'), ('snappy:1', 'no levels.*gzip, lz4')):
            name, level = codec.split(':')
            self.refused('-z', codec, patterns=[name, level, levels])

    def test_file_that_is_not_there(self):
        self.refused('/no/such/file', patterns=['/no/such/file', 'no such file'])

    def test_file_that_is_a_directory(self):
        self.refused('/etc', patterns=['/etc', 'directory'])

    def test_unknown_command(self):
        self.assert_refused(program.run(['prodcue']), 'prodcue|subcommand|command')

    def test_broker_with_a_bad_address(self):
        outcome = program.run(['broker', '--listen', 'nowhere'], timeout_s=SHORT_S)
        self.assert_refused(outcome, 'nowhere')

    def test_broker_on_a_port_that_is_taken(self):
        with hostile_peers.serving(hostile_peers.silent) as address:
            outcome = program.run(['broker', '--listen', address], timeout_s=SHORT_S)
        self.assert_refused(outcome, re.escape(address), 'in use')


class BadOptionFiles(BadInput):
    """What -F and the environment may hold. No broker is needed to refuse these."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def options(self, *arguments, environment=None):
        outcome = program.run(['options', *arguments], timeout_s=SHORT_S,
                              env=os.environ | (environment or {}))
        self.assertLess(outcome.seconds, 5, outcome)
        return outcome

    def refused(self, path, *patterns):
        """By each command that takes -F."""
        outcome = self.options('-F', path)
        for one in (outcome, program.run(['produce', '-t', 'topic', '-F', path], THREE,
                                         timeout_s=SHORT_S)):
            self.assertEqual((one.code, one.out), (2, ''), one)
            self.assert_refused(one, re.escape(str(path)), *patterns)
            self.assertEqual(len(one.err.splitlines()), 1, one)
        self.assertEqual(outcome.err, one.err)

    def file(self, data):
        path = self.folder / 'my.conf'
        path.write_bytes(data)
        return path

    def test_missing(self):
        self.refused(self.folder / 'missing', 'No such file')

    def test_directory(self):
        self.refused(self.folder, 'directory')

    def test_unreadable(self):
        path = self.file(b'acks=1')
        path.chmod(0)
        if os.access(path, os.R_OK):
            self.skipTest('this user may read everything')
        self.refused(path, 'Permission denied')

    def test_endless(self):
        for path in ('/dev/zero', '/dev/urandom'):
            self.refused(path, 'no regular file')

    def test_fifo_that_nobody_writes_to(self):
        os.mkfifo(self.folder / 'fifo')
        self.refused(self.folder / 'fifo', 'no regular file')

    def test_huge(self):
        path = self.file(b'')
        os.truncate(path, 1 << 40)
        self.refused(path, '1048576')

    def test_binary(self):
        self.refused(program.ringpost(), 'no text|bytes of it')
        self.refused(self.file(b'acks=1\nlinger.ms=5\0\n'), ':2: .*0x00 is no text')

    def test_line_too_long(self):
        self.refused(self.file(b'acks=1\nclient.id=' + b'x' * 70_000), ':2: .*longer than 65536')

    def test_invalid_escapes(self):
        self.refused(self.file(b'client.id=\\u12'), ':1: .*four hexadecimal')
        self.refused(self.file(b'client.id=\\ud800'), ':1: .*surrogate')

    def test_unknown_name_and_value_out_of_range(self):
        self.refused(self.file(b'\n\n# fine\nlingr.ms=5'), r':4: .*lingr\.ms.*"linger\.ms"')
        self.refused(self.file(b'acks=1\nlinger_ms = 1000000'), ':2: .*0 to 900000')

    def test_one_option_by_two_names(self):
        self.refused(self.file(b'linger.ms=5\nqueue.buffering.max.ms=6'), ':2: .*:1.*same option')

    def test_a_password_is_not_repeated(self):
        path = self.file(b'sasl.password=hunter2')
        self.refused(path, 'not supported')
        self.assertNotIn('hunter2', self.options('-F', path).err)

    def test_environment(self):
        for name, value, *patterns in (('RINGPOST_LINGR_MS', '5', 'RINGPOST_LINGER_MS'),
                                       ('RINGPOST_LINGER_MS', 'soon', '0 to 900000'),
                                       ('RINGPOST_COMPRESSION_TYPE', 'brotli',
                                        'none, gzip, snappy, lz4 or zstd')):
            outcome = self.options(environment={name: value})
            self.assertEqual(outcome.code, 2, outcome)
            self.assert_refused(outcome, name, *patterns)

    def test_no_brokers(self):
        outcome = program.run(['produce', '-t', 'topic'], THREE, timeout_s=SHORT_S)
        self.assertEqual(outcome.code, 2, outcome)
        self.assert_refused(outcome, '-b HOST:PORT', 'RINGPOST_BOOTSTRAP_SERVERS')

    def test_conflict_names_both_and_their_origins(self):
        path = self.file(b'acks=1\n')
        outcome = self.options('-F', path, '-X', 'enable.idempotence=true')
        self.assertEqual(outcome.code, 2, outcome)
        self.assert_refused(outcome, re.escape(f'acks=1 ({path}:1)'),
                            re.escape('enable.idempotence=true (-X)'))

    def test_the_later_source_counts_and_is_named(self):
        path = self.file(b'linger.ms=2\nspin.us=2\n')
        outcome = self.options('--json', '-F', path, '-X', 'linger_ms=3', '-X', 'acks=0',
                               environment={'RINGPOST_LINGER_MS': '1', 'RINGPOST_SPIN_US': '1',
                                            'RINGPOST_MAX_RETRIES': '1'})
        self.assertEqual((outcome.code, outcome.err), (0, ''), outcome)
        found = {one['name']: (one['value'], one['origin']) for one in json.loads(outcome.out)}
        self.assertEqual(found['linger.ms'], ('3', '-X'))
        self.assertEqual(found['spin.us'], ('2', f'{path}:2'))
        self.assertEqual(found['retries'], ('1', 'environment RINGPOST_MAX_RETRIES'))
        self.assertEqual(found['enable.idempotence'], ('false', 'because of acks'))
        self.assertEqual(found['shards'], ('1', 'default'))

    def test_a_file_is_enough_to_produce(self):
        with program.embedded_broker() as bootstrap:
            path = self.file(f'metadata.broker.list = {bootstrap}\r\nlinger.ms 1\r\n'.encode())
            outcome = program.run(['produce', '-t', 'topic', '--json', '-F', path], THREE)
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_reported(outcome, records=3, delivered=3)

    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            outcome = program.run(['options'], timeout_s=SHORT_S, stdout=full)
        self.assertEqual(outcome.code, 1, outcome)
        self.assert_refused(outcome, 'output', 'no space')


class BadPeers(BadInput):
    """The bootstrap address leads to something that is no Kafka."""

    def all_fail(self, address, *patterns):
        outcome = program.produce(address, 'topic', *SHORT, stdin=THREE, timeout_s=SHORT_S)
        self.assert_refused(outcome, re.escape(address), *patterns)
        self.assert_reported(outcome, records=3, delivered=0)

    def all_fail_against(self, behaviour, *patterns):
        with hostile_peers.serving(behaviour) as address:
            self.all_fail(address, *patterns)

    def test_nobody_listens(self):
        with hostile_peers.nobody() as address:
            self.all_fail(address, 'refused')

    def test_name_does_not_resolve(self):
        self.all_fail('no-such-host.invalid:9092', 'resolve|not known|no address')

    def test_one_bad_bootstrap_address_is_survived(self):
        with hostile_peers.nobody() as bad, program.embedded_broker() as good:
            outcome = program.produce(f'{bad},{good}', 'topic', stdin=THREE)
        self.assertEqual(outcome.code, 0, outcome)
        self.assert_reported(outcome, records=3, delivered=3)

    def test_http_server(self):
        self.all_fail_against(hostile_peers.http, 'http|not a kafka|malformed')

    def test_length_of_two_gigabytes(self):
        self.all_fail_against(hostile_peers.two_gigabytes, '2147483647|too large|malformed|limit')

    def test_negative_length(self):
        self.all_fail_against(hostile_peers.negative_length, 'malformed|length|not a kafka')

    def test_garbage(self):
        self.all_fail_against(hostile_peers.garbage, 'malformed|not a kafka|correlation')

    def test_garbage_for_our_request(self):
        self.all_fail_against(hostile_peers.garbage_for_our_request, 'malformed|not a kafka|error')

    def test_close_in_the_middle_of_a_frame(self):
        self.all_fail_against(hostile_peers.close_mid_frame, 'closed|lost')

    def test_close_at_once(self):
        self.all_fail_against(hostile_peers.close_at_once, 'closed|lost|reset')

    def test_peer_that_says_nothing(self):
        self.all_fail_against(hostile_peers.silent)


class BadRecords(BadInput):
    """The broker is sound, the records or where they should go are not."""

    def test_topic_that_does_not_exist(self):
        kafka = real_kafka.cluster()
        outcome = program.produce(kafka.bootstrap, 'no-such-topic', *SHORT, stdin=THREE,
                                  timeout_s=SHORT_S)
        self.assert_refused(outcome, 'no-such-topic', 'unknown_topic_or_partition|not exist')
        self.assert_reported(outcome, records=3, delivered=0)

    def test_partition_that_the_topic_has_not(self):
        with program.embedded_broker(partition_count=6) as bootstrap:
            outcome = program.produce(bootstrap, 'topic', '-p', '99', *SHORT, stdin=THREE,
                                      timeout_s=SHORT_S)
        self.assert_refused(outcome, '99|partition')
        self.assert_reported(outcome, records=3, delivered=0)

    def test_record_over_the_limit_fails_alone(self):
        with program.embedded_broker() as bootstrap:
            outcome = program.produce(bootstrap, 'topic',
                                      stdin=b'before\n' + b'x' * 3_000_000 + b'\nafter\n')
            values = [record.value for record in oracle.read_back(bootstrap, 'topic')]
        self.assert_refused(outcome, 'too.large')
        self.assert_reported(outcome, records=3, delivered=2)
        self.assertCountEqual(values, [b'before', b'after'])

    def test_a_failed_record_is_named_by_file_and_line(self):
        with tempfile.TemporaryDirectory() as folder, program.embedded_broker() as bootstrap:
            first, second = pathlib.Path(folder) / 'first', pathlib.Path(folder) / 'second'
            first.write_bytes(THREE)
            second.write_bytes(b'one\n' + b'x' * 3_000_000 + b'\n')
            outcome = program.produce(bootstrap, 'topic', first, second)
        self.assert_refused(outcome, 'second: line 2: ')
        self.assert_reported(outcome, records=5, delivered=4)

    def test_record_that_the_cluster_finds_too_large_fails_alone(self):
        kafka = real_kafka.cluster()
        topic = kafka.new_topic(partitions=1)
        outcome = program.produce(kafka.bootstrap, topic,
                                  stdin=b'before\n' + b'x' * 1_048_600 + b'\nafter\n')
        values = [record.value for record in oracle.read_back(kafka.bootstrap, topic)]
        self.assert_refused(outcome, 'too.large')
        self.assert_reported(outcome, records=3, delivered=2)
        self.assertEqual(values, [b'before', b'after'])

    def test_unreadable_file_after_a_good_one_loses_nothing(self):
        with tempfile.TemporaryDirectory() as folder, program.embedded_broker() as bootstrap:
            good = pathlib.Path(folder) / 'good'
            good.write_bytes(THREE)
            outcome = program.produce(bootstrap, 'topic', good, pathlib.Path(folder) / 'missing')
            there = len(oracle.read_back(bootstrap, 'topic')) if outcome.out else 0
        self.assert_refused(outcome, 'missing', 'no such file')
        if outcome.out:  # it may also look at all files first, and accept nothing
            self.assert_reported(outcome, records=there, delivered=there)


class Endings(BadInput):
    """The program is asked to end, or its reader has."""

    def test_broken_output_pipe_loses_no_record(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            with program.embedded_broker() as bootstrap:
                outcome = program.run(['produce', '-b', bootstrap, '-t', 'topic', '--json'],
                                      THREE, stdout=writer)
                values = [record.value for record in oracle.read_back(bootstrap, 'topic')]
        finally:
            os.close(writer)
        self.assertCountEqual(values, THREE.split())
        self.assert_refused(outcome, 'output', 'broken pipe')

    def test_on_a_terminal_each_message_has_a_line_of_its_own(self):
        terminal, program_side = pty.openpty()
        with hostile_peers.nobody() as address:
            process = program.start(['produce', '-b', address, '-t', 'topic', *SHORT],
                                    stderr=program_side)
            os.close(program_side)
            process.stdin.write(THREE)
            process.stdin.close()
            shown = b''
            while more := read_terminal(terminal):
                shown += more
            process.wait(SHORT_S)
            process.stdout.close()
        os.close(terminal)
        self.assertIn(b' in flight', shown)
        for before in shown.split(b'ringpost: ')[:-1]:
            self.assertTrue(before == b'' or before.endswith((b'\n', b'\r\033[K')), shown)

    def test_ctrl_c_flushes_what_was_accepted(self):
        lines = b''.join(b'%06d\n' % number for number in range(10_000))
        with program.embedded_broker() as bootstrap:
            began = time.monotonic()
            process = program.start(['produce', '-b', bootstrap, '-t', 'topic', '--json'])
            process.stdin.write(lines)
            process.stdin.flush()  # and stays open: there could be more to come
            wait_for_first_record(bootstrap, 'topic')
            process.send_signal(signal.SIGINT)
            process.wait(SHORT_S)
            outcome = program.finish(process, began)
            values = [record.value for record in oracle.read_back(bootstrap, 'topic')]
        self.assertIn(outcome.code, range(0, 131), outcome)
        self.assert_reported(outcome, records=len(values), delivered=len(values))
        self.assertLessEqual(set(values), set(lines.split()))
        self.assertEqual(len(values), len(set(values)), 'records that are there twice')

    def test_second_ctrl_c_ends_at_once(self):
        with hostile_peers.serving(hostile_peers.silent) as address:
            began = time.monotonic()
            process = program.start(['produce', '-b', address, '-t', 'topic', '--json'])
            process.stdin.write(THREE)
            process.stdin.flush()
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            time.sleep(1)
            self.assertIsNone(process.poll(), 'the first Ctrl-C did not wait for the records')
            process.send_signal(signal.SIGINT)
            second = time.monotonic()
            outcome = program.finish(process, began, timeout_s=SHORT_S)
            self.assertLess(time.monotonic() - second, 2, outcome)
        self.assertNotEqual(outcome.code, 0, outcome)


def read_terminal(terminal):
    """The next bytes; b'' once the program has let go of it."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b''


def wait_for_first_record(bootstrap, topic):
    subprocess.run(['kcat', '-C', '-b', bootstrap, '-t', topic, '-o', 'beginning', '-c', '1',
                    '-X', 'topic.metadata.refresh.interval.ms=200'],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=30)
