#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints compressed_batches.txt: record batches of each codec as other producers write them, taken
from the log of a real Kafka, which keeps them as they came but for their offsets.

    tests/golden/compressed_batches.py > tests/golden/compressed_batches.txt

Record N of 120, from 0 on, has the key `key-N`, the header `from` = `elsewhere`, and as its value
the word of four digits N, 1 + 3 * N times. tests/unit/wire/other_producers_test.cc knows that, too.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
import kafka_cluster  # noqa: E402: found through the line above

CODECS = ('gzip', 'snappy', 'lz4', 'zstd')
RECORD_COUNT = 120


def records():
    for number in range(RECORD_COUNT):
        yield f'key-{number}', f'{number:04}' * (1 + 3 * number)


def write_by_librdkafka(cluster, topic, codec):
    lines = ''.join(f'{key}\t{value}\n' for key, value in records())
    return ['kcat', '-P', '-b', cluster.bootstrap, '-t', topic, '-K', '\t', '-z', codec,
            '-H', 'from=elsewhere', '-X', 'linger.ms=1000'], lines


def write_by_java(cluster, topic, codec):
    lines = ''.join(f'from:elsewhere\t{key}\t{value}\n' for key, value in records())
    properties = ['parse.headers=true', 'parse.key=true']
    command = kafka_cluster.java_command(
        cluster.version, 'org.apache.kafka.tools.ConsoleProducer',
        ['--bootstrap-server', cluster.bootstrap, '--topic', topic, '--compression-codec', codec,
         '--batch-size', '100000', '--timeout', '1000']
        + [word for one in properties for word in ('--reader-property', one)])
    return command, lines


def main():
    words = subprocess.run(['kcat', '-V'], capture_output=True, text=True).stdout.split()
    kcat, librdkafka = words[words.index('Version') + 1], words[words.index('librdkafka') + 1]
    print('# SPDX-License-Identifier: Apache-2.0')
    print(f'# Printed by compressed_batches.py; see there. Written by kcat {kcat} on librdkafka '
          f'{librdkafka}, and by the\n# Java producer of Kafka {kafka_cluster.VERSION}. '
          'PRODUCER CODEC BATCHES')
    with tempfile.TemporaryDirectory() as folder:
        cluster = kafka_cluster.Cluster(pathlib.Path(folder) / 'kafka')
        cluster.start(1)
        try:
            for name, write in (('librdkafka', write_by_librdkafka), ('java', write_by_java)):
                for codec in CODECS:
                    topic = f'{name}-{codec}'
                    cluster.create_topic(topic, 1, 1)
                    command, lines = write(cluster, topic, codec)
                    subprocess.run(command, input=lines.encode(), stdout=sys.stderr, check=True,
                                   timeout=60)
                    log = pathlib.Path(cluster.nodes[0]['log_dir'], f'{topic}-0',
                                       f'{0:020}.log').read_bytes()
                    print(name, codec, log.hex())
        finally:
            cluster.stop()


if __name__ == '__main__':
    main()
