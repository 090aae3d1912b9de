# SPDX-License-Identifier: Apache-2.0
"""The two Kafka requests that the scripts need, in their oldest form that Kafka 4 still serves.

Spoken here and not through Kafka's own command-line tools, each of which takes two or three
seconds to start.
"""
import socket
import struct

METADATA = 3
CREATE_TOPICS = 19


class Reader:
    """Reads Kafka's non-flexible fields off a response."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        (value,) = struct.unpack_from('>' + form, self.data, self.at)
        self.at += struct.calcsize('>' + form)
        return value

    def string(self):
        size = self.number('h')
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def array(self, read_one):
        return [read_one() for _ in range(max(0, self.number('i')))]


def string(text):
    data = text.encode()
    return struct.pack('>h', len(data)) + data


def receive(sock, size):
    data = b''
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionError('the broker closed the connection')
        data += piece
    return data


def request(address, api_key, version, body, timeout_s=10.0):
    """Sends one request to 'host:port' and returns a Reader over the response's body."""
    host, port = address.rsplit(':', 1)
    header = struct.pack('>hhi', api_key, version, 1) + string('ringpost-tools')
    frame = header + body
    with socket.create_connection((host, int(port)), timeout_s) as sock:
        sock.sendall(struct.pack('>i', len(frame)) + frame)
        (size,) = struct.unpack('>i', receive(sock, 4))
        return Reader(receive(sock, size)[4:])


def metadata(address, topics=(), timeout_s=10.0):
    """Returns ({node: 'host:port'}, {topic: [partition dicts, by index]})."""
    body = struct.pack('>i', len(topics)) + b''.join(string(topic) for topic in topics)
    reader = request(address, METADATA, 1, body, timeout_s)

    def broker():
        node, host, port = reader.number('i'), reader.string(), reader.number('i')
        reader.string()  # rack
        return node, f'{host}:{port}'

    def partition():
        reader.number('h')  # error; a partition without a leader says it by leader -1
        index, leader = reader.number('i'), reader.number('i')
        replicas = reader.array(lambda: reader.number('i'))
        in_sync = reader.array(lambda: reader.number('i'))
        return {'index': index, 'leader': leader, 'replicas': replicas, 'in_sync': in_sync}

    def topic():
        reader.number('h')
        name = reader.string()
        reader.number('b')  # is_internal
        return name, sorted(reader.array(partition), key=lambda one: one['index'])

    brokers = dict(reader.array(broker))
    reader.number('i')  # controller
    return brokers, dict(reader.array(topic))


def create_topic(address, name, partitions, replicas, config=None, timeout_s=30.0):
    """Creates a topic; raises ValueError with the broker's words where it refuses."""
    config = config or {}
    body = (struct.pack('>i', 1) + string(name) + struct.pack('>ih', partitions, replicas)
            + struct.pack('>ii', 0, len(config))  # no assignments
            + b''.join(string(key) + string(str(value)) for key, value in config.items())
            + struct.pack('>ib', int(timeout_s * 1000), 0))
    reader = request(address, CREATE_TOPICS, 4, body, timeout_s + 5)
    reader.number('i')  # throttle time
    for topic, error, text in reader.array(
            lambda: (reader.string(), reader.number('h'), reader.string())):
        if error:
            raise ValueError(f"topic '{topic}' was not created: {text or f'error {error}'}")
