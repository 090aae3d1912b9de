# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback that are no Kafka brokers: each does one wrong thing to every connection."""
import contextlib
import socket
import struct
import threading


def http(connection):
    request = connection.recv(4096)
    if request:
        connection.sendall(b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n'
                           b'Content-Length: 11\r\n\r\nBad Request')


def two_gigabytes(connection):
    """Promises a response of 2 GB and goes on sending, which nobody should store."""
    connection.recv(4096)
    connection.sendall(struct.pack('>i', 2**31 - 1))
    for _ in range(1024):
        connection.sendall(b'\0' * 65536)


def negative_length(connection):
    connection.recv(4096)
    connection.sendall(struct.pack('>i', -5) + b'\0' * 64)


def garbage(connection):
    """A frame of a believable length, with nothing believable in it."""
    connection.recv(4096)
    body = bytes(index * 167 % 251 for index in range(600))
    connection.sendall(struct.pack('>i', len(body)) + body)


def garbage_for_our_request(connection):
    """As `garbage`, but after the right correlation id, so that the decoder has to see it."""
    request = connection.recv(4096)
    body = request[8:12] + bytes(index * 167 % 251 for index in range(600))
    connection.sendall(struct.pack('>i', len(body)) + body)


def close_mid_frame(connection):
    connection.recv(4096)
    connection.sendall(struct.pack('>i', 200) + b'\0' * 20)


def close_at_once(_):
    pass


def silent(connection):
    """Reads everything and answers nothing."""
    while connection.recv(65536):
        pass


@contextlib.contextmanager
def serving(behaviour):
    """Runs `behaviour` on each connection; yields the address."""
    listener = socket.create_server(('127.0.0.1', 0))
    open_connections = set()

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            behaviour(connection)
        open_connections.discard(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.add(connection)
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f'127.0.0.1:{listener.getsockname()[1]}'
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for connection in list(open_connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def nobody():
    """An address that refuses connections, and that nobody else is given meanwhile."""
    with socket.socket() as held:
        held.bind(('127.0.0.1', 0))  # bound but not listening
        yield f'127.0.0.1:{held.getsockname()[1]}'
