# SPDX-License-Identifier: Apache-2.0
"""A real Apache Kafka (KRaft, combined roles) on loopback, for tests and for trying things out.

Everything about a cluster stands in DIR/cluster.json, so that each command of tools/kafka, and
each test, finds the nodes that an earlier one started. Only processes written down there are
ever ended, and only if they are still the ones that were started.
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import kafka_requests

VERSION = '4.3.0'
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 10

POM = '''<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>ringpost</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies>{dependencies}</dependencies></project>
'''
DEPENDENCY = ('<dependency><groupId>{}</groupId><artifactId>{}</artifactId>'
              '<version>{}</version></dependency>')

PROPERTIES = '''process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={log_dir}
num.network.threads=2
num.io.threads=4
num.partitions=6
default.replication.factor={replicas}
min.insync.replicas={in_sync_min}
offsets.topic.num.partitions=1
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync_min}
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=6000
'''


class ClusterError(Exception):
    """Something a person can act on; the text says what."""


def say(text):
    print(f'kafka: {text}', file=sys.stderr, flush=True)


# Getting the jars -----------------------------------------------------------------------------

def jars_dir(version):
    cache = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    return cache / 'ringpost' / f'kafka-{version}'


def pom_text(version):
    wanted = [('org.apache.kafka', 'kafka_2.13', version),
              ('org.apache.kafka', 'kafka-tools', version),
              ('org.slf4j', 'slf4j-simple', '1.7.36')]  # the brokers' log goes to node-N.log
    return POM.format(dependencies=''.join(DEPENDENCY.format(*one) for one in wanted))


def get_jars(version):
    """Returns the folder with Kafka's jars, fetched through Maven the first time."""
    target = jars_dir(version)
    needed = [('java', 'default-jre-headless')]
    needed += [] if target.is_dir() else [('mvn', 'maven')]
    for program, package in needed:
        if not shutil.which(program):
            raise ClusterError(f"'{program}' is not there; install {package} (tools/packages test)")
    if target.is_dir():
        return target
    say(f'getting Apache Kafka {version} through Maven')
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        (pathlib.Path(scratch) / 'pom.xml').write_text(pom_text(version))
        done = subprocess.run(
            ['mvn', '-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'],
            cwd=scratch, capture_output=True, text=True, timeout=900)
        if done.returncode:
            output = (done.stdout + done.stderr).strip().splitlines()
            reason = next((line for line in output if 'ERROR' in line), 'it did not say why')
            raise ClusterError(f'Maven could not get Kafka {version}: {reason}')
        try:
            (pathlib.Path(scratch) / 'libs').rename(target)
        except OSError:
            if not target.is_dir():  # else another run was faster, and its jars are as good
                raise
    return target


def java_command(version, class_name, arguments=(), heap='400m', log_level='error'):
    return ['java', f'-Xmx{heap}', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
            f'-Dorg.slf4j.simpleLogger.defaultLogLevel={log_level}',
            '-Dorg.slf4j.simpleLogger.showDateTime=true',
            '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
            '-cp', f'{get_jars(version)}/*', class_name, *map(str, arguments)]


# Ports and processes --------------------------------------------------------------------------

def free_ports(count):
    """Ports chosen by the kernel, all different because all are held until the last is known."""
    held = [socket.socket() for _ in range(count)]
    try:
        for sock in held:
            sock.bind(('127.0.0.1', 0))
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


def started_at(pid):
    """The process's start time in kernel ticks, or None if there is none (or only a zombie)."""
    try:
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in 'ZX' else int(fields[19])


def is_running(node):
    return node['pid'] is not None and started_at(node['pid']) == node['started_at']


def send_signal(node, number):
    if is_running(node):
        os.kill(node['pid'], number)


def wait_until(condition, timeout_s, step_s=0.05):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True


class Cluster:
    """One cluster, kept in a folder. Thread: any, one at a time."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.state_file = self.folder / 'cluster.json'
        self.state = None
        if self.state_file.exists():
            self.state = json.loads(self.state_file.read_text())
        self.children = {}  # nodes that this process started: waited for, so that none stays

    # What is there.

    @property
    def nodes(self):
        return self.state['nodes'] if self.state else []

    @property
    def version(self):
        return self.state['version']

    @property
    def bootstrap(self):
        return ','.join(self.address(node['node']) for node in self.nodes)

    def node(self, number):
        for node in self.nodes:
            if node['node'] == number:
                return node
        known = ', '.join(str(node['node']) for node in self.nodes) or 'none'
        raise ClusterError(f'there is no node {number} (nodes: {known})')

    def address(self, number):
        return f"127.0.0.1:{self.node(number)['port']}"

    def running(self):
        self.reap()
        return [node for node in self.nodes if is_running(node)]

    def reap(self):
        for child in self.children.values():
            child.poll()

    # Starting.

    def start(self, node_count=3, version=VERSION, config=()):
        if self.running():
            raise ClusterError(f'a cluster runs in {self.folder} already ({self.bootstrap}); '
                               f'stop it first')
        get_jars(version)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.make_state(node_count, version, config)
        try:
            self.format_storage()
            for node in self.nodes:
                self.launch(node)
            self.wait_until_serving()
        except BaseException:  # Ctrl-C too: nothing that was started stays behind
            self.end_all(signal.SIGKILL)
            raise

    def make_state(self, node_count, version, config):
        ports = free_ports(2 * node_count)
        self.state = {
            'version': version,
            'cluster_id': base64.urlsafe_b64encode(b'ringpost' + os.urandom(8)).decode()[:22],
            'nodes': [{'node': index + 1, 'pid': None, 'started_at': None,
                       'port': ports[2 * index], 'controller_port': ports[2 * index + 1],
                       'log_dir': str(self.folder / f'data-{index + 1}'),
                       'properties': str(self.folder / f'node-{index + 1}.properties'),
                       'output': str(self.folder / f'node-{index + 1}.log')}
                      for index in range(node_count)]}
        voters = ','.join(f"{node['node']}@127.0.0.1:{node['controller_port']}"
                          for node in self.nodes)
        for node in self.nodes:
            text = PROPERTIES.format(voters=voters, replicas=min(3, node_count),
                                     in_sync_min=min(2, node_count), **node)
            text += ''.join(line + '\n' for line in config)
            pathlib.Path(node['properties']).write_text(text)
        self.save()

    def save(self):
        scratch = self.state_file.with_suffix('.new')
        scratch.write_text(json.dumps({'bootstrap': self.bootstrap, **self.state}, indent=2))
        scratch.rename(self.state_file)

    def format_storage(self):
        say(f'formatting the storage of {len(self.nodes)} node(s)')
        runs = [subprocess.Popen(
            java_command(self.version, 'kafka.tools.StorageTool',
                         ['format', '-t', self.state['cluster_id'], '-c', node['properties']]),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for node in self.nodes]
        try:
            for run in runs:
                output, _ = run.communicate(timeout=START_TIMEOUT_S)
                if run.returncode:
                    raise ClusterError(f'the storage could not be formatted:\n{output[-2000:]}')
        finally:
            for run in runs:
                run.kill()

    def launch(self, node):
        command = java_command(self.version, 'kafka.Kafka', [node['properties']], log_level='info')
        with open(node['output'], 'ab') as output:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=output, start_new_session=True)
        self.children[node['node']] = child
        node['pid'], node['started_at'] = child.pid, started_at(child.pid)
        self.save()

    def wait_until_serving(self):
        """Every node answers, and knows all the others."""
        for node in self.nodes:
            say(f"waiting for node {node['node']} (pid {node['pid']}, port {node['port']})")
            self.wait_for_node(node['node'], len(self.nodes))
        say(f'serving: {self.bootstrap}')

    def wait_for_node(self, number, broker_count):
        node = self.node(number)

        def serves():
            self.reap()
            if not is_running(node):
                raise ClusterError(f'node {number} ended by itself:\n{self.last_output(number)}')
            try:
                brokers, _ = kafka_requests.metadata(self.address(number), timeout_s=2)
            except OSError:
                return False
            return len(brokers) >= broker_count

        if not wait_until(serves, START_TIMEOUT_S, 0.2):
            raise ClusterError(f'node {number} does not serve after {START_TIMEOUT_S} s:\n'
                               f'{self.last_output(number)}')

    def last_output(self, number, line_count=15):
        path = pathlib.Path(self.node(number)['output'])
        if not path.exists():
            return '(no output)'
        return '\n'.join(path.read_text(errors='replace').splitlines()[-line_count:])

    # Faults.

    def kill(self, number, signal_number=signal.SIGKILL):
        node = self.node(number)
        if number not in [one['node'] for one in self.running()]:
            raise ClusterError(f'node {number} is not running')
        send_signal(node, signal_number)
        if signal_number in (signal.SIGKILL, signal.SIGTERM):
            self.wait_until_gone([node], STOP_TIMEOUT_S)

    def restart(self, number):
        """Starts a node that was killed, on its old port and its old log."""
        node = self.node(number)
        if number in [one['node'] for one in self.running()]:
            raise ClusterError(f'node {number} is running')
        for attempts_left in (2, 1, 0):
            self.launch(node)
            try:
                return self.wait_for_node(number, len(self.running()))
            except ClusterError as error:  # its port may serve someone's connection for a while
                if 'Address already in use' not in str(error) or not attempts_left:
                    raise
                time.sleep(1)

    def restart_all(self):
        """Starts every node, all of which were killed: one alone would wait for a quorum."""
        for node in self.nodes:
            self.launch(node)
        self.wait_until_serving()

    def move(self, number):
        """Restarts a node that was killed on another port, as a new address of its host would."""
        node = self.node(number)
        old, node['port'] = node['port'], free_ports(1)[0]
        path = pathlib.Path(node['properties'])
        path.write_text(path.read_text().replace(f'127.0.0.1:{old}', f"127.0.0.1:{node['port']}"))
        self.restart(number)

    # Topics.

    def create_topic(self, name, partitions, replicas, config=None):
        """Creates a topic and waits until each partition has a leader and all its replicas."""
        addresses = [self.address(node['node']) for node in self.running()]
        if not addresses:
            raise ClusterError('no node is running')
        try:
            kafka_requests.create_topic(addresses[0], name, partitions, replicas, config)
        except ValueError as error:
            raise ClusterError(str(error)) from None
        self.wait_until_in_sync(name, partitions)

    def wait_until_in_sync(self, topic, partition_count):
        addresses = [self.address(node['node']) for node in self.running()]

        def complete():
            for address in addresses:
                try:
                    partitions = kafka_requests.metadata(address, [topic])[1].get(topic, [])
                except OSError:
                    return False
                if len(partitions) != partition_count:
                    return False
                if any(one['leader'] < 0 or set(one['in_sync']) != set(one['replicas'])
                       for one in partitions):
                    return False
            return True

        if not wait_until(complete, START_TIMEOUT_S, 0.1):
            raise ClusterError(f"topic '{topic}' is not in sync after {START_TIMEOUT_S} s")

    def leader(self, topic, partition):
        address = self.address(self.running()[0]['node'])
        return kafka_requests.metadata(address, [topic])[1][topic][partition]['leader']

    # Ending.

    def stop(self):
        """Ends the nodes and removes their data; node-N.log stays."""
        count = len(self.running())
        self.end_all(signal.SIGTERM)
        for node in self.nodes:
            shutil.rmtree(node['log_dir'], ignore_errors=True)
        self.state_file.unlink(missing_ok=True)
        return count

    def end_all(self, first_signal):
        for number in (first_signal, signal.SIGKILL):
            for node in self.running():
                send_signal(node, number)
                send_signal(node, signal.SIGCONT)  # a stopped process would not hear SIGTERM
            if self.wait_until_gone(self.nodes, STOP_TIMEOUT_S):
                return
        raise ClusterError('some nodes did not end: '
                           + ', '.join(str(node['pid']) for node in self.running()))

    def wait_until_gone(self, nodes, timeout_s):
        def gone():
            self.reap()
            return not any(is_running(node) for node in nodes)
        return wait_until(gone, timeout_s)
