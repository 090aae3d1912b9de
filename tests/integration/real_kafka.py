# SPDX-License-Identifier: Apache-2.0
"""The three-node Apache Kafka that the tests share, started when the first of them asks."""
import itertools
import pathlib
import sys

import program

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
import kafka_cluster  # noqa: E402: found through the line above

_started = []  # the cluster, or the reason why there is none
_topic_numbers = itertools.count(1)


class Kafka(kafka_cluster.Cluster):
    """A cluster as tests use it."""

    def java(self, class_name, *arguments):
        return kafka_cluster.java_command(self.version, class_name, arguments, heap='1g')

    def new_topic(self, partitions=6, replicas=3):
        name = f'test-{next(_topic_numbers)}'
        self.create_topic(name, partitions, replicas)
        return name

    def heal(self):
        """Starts what an earlier test killed and, having failed, left dead."""
        for number in {node['node'] for node in self.nodes} - {
                node['node'] for node in self.running()}:
            self.restart(number)


def cluster():
    """The running cluster. Without one the test is skipped, or in CI fails, with the reason."""
    if not _started:
        _started.append(_start())
    kafka = _started[0]
    if isinstance(kafka, Kafka):
        kafka.heal()
        return kafka
    return program.unavailable(f'no real Kafka: {kafka}')


def _start():
    kafka = Kafka(program.build_dir / 'kafka-for-tests')
    try:
        kafka.stop()  # one that a killed run may have left
        kafka.start(3, config=['auto.create.topics.enable=false'])
    except (kafka_cluster.ClusterError, OSError) as error:
        return str(error)
    return kafka


def stop():
    for kafka in _started:
        if isinstance(kafka, Kafka):
            kafka.stop()
