# SPDX-License-Identifier: Apache-2.0
"""The oracle itself: a judge that never says no proves nothing."""
import pathlib
import tempfile
import unittest

import oracle
from oracle import Record

BATCH = ('baseOffset: {0} lastOffset: {1} count: {2} baseSequence: {3} lastSequence: {4} '
         'producerId: {5} producerEpoch: 0 partitionLeaderEpoch: 0 isTransactional: false '
         'position: 0 CreateTime: 1 size: 99 magic: 2 compresscodec: none crc: 1 isvalid: {6}\n')


def dump(*batches):
    return oracle.parse_dump('Dumping /data/topic-0/00000000000000000000.log\n'
                             'Log starting offset: 0\n'
                             + ''.join(BATCH.format(*batch) for batch in batches))


class RecordsOracle(unittest.TestCase):
    EXPECTED = {b'a': [b'1', b'2'], b'b': [b'3']}
    GOOD = [Record(0, 0, b'a', b'1'), Record(0, 1, b'a', b'2'), Record(1, 0, b'b', b'3')]

    def complaint(self, records):
        found = oracle.complaints_about_records(self.EXPECTED, records)
        return found[0] if found else ''

    def test_accepts_what_is_right(self):
        self.assertEqual(self.complaint(self.GOOD), '')

    def test_sees_a_lost_record(self):
        self.assertIn('lost', self.complaint(self.GOOD[:2]))

    def test_sees_a_record_that_is_there_twice(self):
        self.assertIn('2 times', self.complaint(self.GOOD + [Record(1, 1, b'b', b'3')]))

    def test_sees_a_changed_value(self):
        self.assertIn('lost', self.complaint(self.GOOD[:2] + [Record(1, 0, b'b', b'4')]))

    def test_sees_a_swap_within_a_key(self):
        swapped = [Record(0, 0, b'a', b'2'), Record(0, 1, b'a', b'1'), self.GOOD[2]]
        self.assertIn('out of order', self.complaint(swapped))

    def test_sees_a_key_in_two_partitions(self):
        split = [self.GOOD[0], Record(2, 0, b'a', b'2'), self.GOOD[2]]
        self.assertIn('in partitions', self.complaint(split))

    def test_sees_a_gap_in_the_offsets(self):
        gap = [self.GOOD[0], Record(0, 5, b'a', b'2'), self.GOOD[2]]
        self.assertIn('offset 5', self.complaint(gap))

    def test_knows_the_lines_that_it_wrote(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'lines.txt'
            expected = oracle.write_lines(path, 5000)
            lines = path.read_bytes().splitlines()
        self.assertEqual({len(line) for line in lines}, {oracle.LINE_BYTES})
        self.assertEqual(len(set(lines)), 5000)
        by_key = {}
        for line in lines:
            key, value = line.split(b':', 1)
            by_key.setdefault(key, []).append(value)
        self.assertEqual(by_key, expected)


class LogOracle(unittest.TestCase):
    def complaint(self, record_count, *batches):
        found = oracle.complaints_about_log(dump(*batches), record_count)
        return found[0] if found else ''

    def test_accepts_what_is_right(self):
        self.assertEqual(self.complaint(5, (0, 2, 3, 0, 2, 7, 'true'), (3, 4, 2, 3, 4, 7, 'true')),
                         '')

    def test_accepts_a_second_producer_that_begins_at_zero(self):
        self.assertEqual(self.complaint(5, (0, 2, 3, 0, 2, 7, 'true'), (3, 4, 2, 0, 1, 8, 'true')),
                         '')

    def test_sees_an_invalid_batch(self):
        self.assertIn('isvalid', self.complaint(3, (0, 2, 3, 0, 2, 7, 'false')))

    def test_sees_a_batch_without_a_producer_id(self):
        self.assertIn('no producer id', self.complaint(3, (0, 2, 3, 0, 2, -1, 'true')))

    def test_sees_a_gap_in_the_sequences(self):
        self.assertIn('sequence 4, not 3', self.complaint(
            5, (0, 2, 3, 0, 2, 7, 'true'), (3, 4, 2, 4, 5, 7, 'true')))

    def test_sees_a_sequence_that_comes_twice(self):
        self.assertIn('sequence 0, not 3', self.complaint(
            6, (0, 2, 3, 0, 2, 7, 'true'), (3, 5, 3, 0, 2, 7, 'true')))

    def test_sees_a_gap_in_the_offsets(self):
        self.assertIn('offset 3 should', self.complaint(
            5, (0, 2, 3, 0, 2, 7, 'true'), (4, 5, 2, 3, 4, 7, 'true')))

    def test_sees_a_record_count_that_is_off(self):
        self.assertIn('3 records are in the log', self.complaint(4, (0, 2, 3, 0, 2, 7, 'true')))
