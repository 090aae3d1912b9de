# SPDX-License-Identifier: Apache-2.0
"""The real brokers that the tests share, each cluster started when the first of them asks: three
nodes of today's Apache Kafka, and one of the last of the 3.x line."""
import itertools
import pathlib
import sys

import program

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
import kafka_cluster  # noqa: E402: found through the line above

OLDER_VERSION = '3.9.1'

_started = {}  # by folder: the cluster, or the reason why there is none
_topic_numbers = itertools.count(1)


class Kafka(kafka_cluster.Cluster):
    """A cluster as tests use it."""

    def java(self, class_name, *arguments):
        return kafka_cluster.java_command(self.version, class_name, arguments, heap='1g')

    def new_topic(self, partitions=6, replicas=3, config=None):
        name = f'test-{next(_topic_numbers)}'
        self.create_topic(name, partitions, min(replicas, len(self.nodes)), config)
        return name

    def heal(self):
        """Starts what an earlier test killed and, having failed, left dead."""
        for number in {node['node'] for node in self.nodes} - {
                node['node'] for node in self.running()}:
            self.restart(number)


def cluster():
    """The running cluster. Without one the test is skipped, or in CI fails, with the reason."""
    return _running(kafka_cluster.VERSION, 'kafka-for-tests', 3)


def creating():
    """One node that makes a topic when somebody asks for it."""
    return _running(kafka_cluster.VERSION, 'creating-kafka-for-tests', 1, auto_create=True)


def older():
    """The same for one node of the line before."""
    return _running(OLDER_VERSION, 'older-kafka-for-tests', 1)


def _running(version, folder, node_count, auto_create=False):
    if folder not in _started:
        _started[folder] = _start(version, program.build_dir / folder, node_count, auto_create)
    kafka = _started[folder]
    if isinstance(kafka, Kafka):
        kafka.heal()
        return kafka
    return program.unavailable(f'no real Kafka {version}: {kafka}')


def _start(version, folder, node_count, auto_create):
    kafka = Kafka(folder)
    try:
        kafka.stop()  # one that a killed run may have left
        enable = str(auto_create).lower()
        kafka.start(node_count, version, config=[f'auto.create.topics.enable={enable}'])
    except (kafka_cluster.ClusterError, OSError) as error:
        return str(error)
    return kafka


def stop():
    for kafka in _started.values():
        if isinstance(kafka, Kafka):
            kafka.stop()
