# SPDX-License-Identifier: Apache-2.0
"""One of three brokers stands still (SIGSTOP): the others' records go on as before."""
import signal
import subprocess
import threading
import time
import unittest

import program
import real_kafka

PARTITIONS = 6
RATE = 500         # records of 1,000 bytes a second and partition
BEFORE_S = 4
FROZEN_S = 20      # its records would fill the memory (8 MB) in 8 of them
AFTER_S = 6


class Load:
    """The running load, and what it has said so far."""

    def __init__(self, kafka, topic):
        self.process = subprocess.Popen(
            [program.build_dir / 'tests' / 'integration' / 'paced_load', kafka.bootstrap, topic,
             str(PARTITIONS), str(RATE), str(BEFORE_S + FROZEN_S + AFTER_S)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append([int(word) for word in line.split()])

    def wait_for(self, milliseconds):
        deadline = time.monotonic() + milliseconds / 1000 + 60
        while not self.lines or self.lines[-1][0] < milliseconds:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f'the load said {self.lines[-1:]} last')
            time.sleep(0.01)
        return self.lines[-1][0]

    def rate(self, partition, begin, end):
        """Records delivered a second between two times, in milliseconds."""
        first = next(line for line in self.lines if line[0] >= begin)
        last = next(line for line in self.lines if line[0] >= end)
        return (last[1 + partition] - first[1 + partition]) * 1000 / (last[0] - first[0])


class FrozenBroker(unittest.TestCase):
    def test_leaves_the_others_their_rate(self):
        kafka = real_kafka.cluster()
        topic = kafka.new_topic(PARTITIONS, replicas=1)
        frozen_node = kafka.leader(topic, 0)
        frozen = [p for p in range(PARTITIONS) if kafka.leader(topic, p) == frozen_node]
        others = [p for p in range(PARTITIONS) if p not in frozen]
        load = Load(kafka, topic)
        try:
            load.wait_for(BEFORE_S * 1000)
            kafka.kill(frozen_node, signal.SIGSTOP)
            stopped = load.lines[-1][0]
            thawed = load.wait_for(stopped + FROZEN_S * 1000)
            kafka.kill(frozen_node, signal.SIGCONT)
            load.process.wait(180)
        finally:
            load.process.kill()
            load.reader.join()
            kafka.heal()
        before = [load.rate(p, 1000, stopped) for p in others]
        # The last of it: by then the frozen broker's records have all the memory they can get.
        during = [load.rate(p, thawed - 8000, thawed - 100) for p in others]
        still = [load.rate(p, thawed - 8000, thawed - 100) for p in frozen]
        accepted, delivered, failed = load.lines[-1]
        print(f'     frozen broker: {sum(before):.0f} records a second of the others before, '
              f'{sum(during):.0f} with one of three frozen, {sum(still):.0f} of its own; '
              f'{accepted} accepted, {delivered} delivered, {failed} failed', flush=True)
        self.assertEqual(len(frozen), 2)
        self.assertLess(sum(still), RATE / 10, 'it was not frozen')
        for partition, was, is_now in zip(others, before, during):
            self.assertGreaterEqual(is_now, 0.9 * was, f'partition {partition}')
        self.assertEqual((delivered, failed), (accepted, 0))
