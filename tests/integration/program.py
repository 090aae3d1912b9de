# SPDX-License-Identifier: Apache-2.0
"""Runs the `ringpost` program as a person would, and says what came of it."""
import collections
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time
import unittest

build_dir = pathlib.Path('build')  # set by run.py


class Outcome(collections.namedtuple('Outcome', 'code out err seconds')):
    """How a run ended: exit code (negative: killed by that signal), both outputs, its time."""

    @property
    def summary(self):
        """The object that --json printed."""
        lines = [line for line in self.out.splitlines() if line.strip()]
        if len(lines) != 1:
            raise AssertionError(f'expected one line of JSON on standard output; {self}')
        return json.loads(lines[0])

    def __str__(self):
        return (f'exit code {self.code} after {self.seconds:.1f} s\n'
                f'--- standard output\n{self.out[-2000:]}\n--- standard error\n{self.err[-3000:]}')


def unavailable(reason):
    """Something that is not ours is not there: the test is skipped, but in CI it fails."""
    raise (AssertionError if os.environ.get('CI') == 'true' else unittest.SkipTest)(reason)


def ringpost():
    path = build_dir / 'tools' / 'ringpost'
    if not path.exists():
        raise AssertionError(f'{path} is not there; build it first')
    return str(path)


def start(arguments, **pipes):
    """Starts the program with pipes for all three streams, unless told otherwise."""
    streams = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    return subprocess.Popen([ringpost(), *map(str, arguments)], **(streams | pipes))


def finish(process, began, stdin=None, timeout_s=60):
    """Waits for the end; a run that takes longer than `timeout_s` is a failure."""
    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        outcome = Outcome(process.returncode, (out or b'').decode(errors='replace'),
                          (err or b'').decode(errors='replace'), time.monotonic() - began)
        raise AssertionError(f'still running after {timeout_s} s; killed: {outcome}') from None
    except BaseException:  # Ctrl-C: nothing that was started stays behind
        process.kill()
        raise
    return Outcome(process.returncode, (out or b'').decode(errors='replace'),
                   (err or b'').decode(errors='replace'), time.monotonic() - began)


def run(arguments, stdin=b'', timeout_s=60, **pipes):
    began = time.monotonic()
    return finish(start(arguments, **pipes), began, stdin, timeout_s)


def produce(bootstrap, topic, *arguments, stdin=b'', timeout_s=60):
    """`ringpost produce --json` with `stdin`, to its end."""
    return run(['produce', '-b', bootstrap, '-t', topic, '--json', *arguments], stdin, timeout_s)


@contextlib.contextmanager
def embedded_broker(broker_count=3, partition_count=6, arguments=()):
    """`ringpost broker`; yields its bootstrap list, and expects a clean end on Ctrl-C."""
    process = start(['broker', '--listen', '127.0.0.1:0', '--brokers', broker_count,
                     '--partitions', partition_count, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield ','.join(announced_addresses(process, broker_count))
        if process.poll() is not None:
            raise AssertionError(f'the broker ended by itself: '
                                 f'{finish(process, time.monotonic())}')
        process.send_signal(signal.SIGINT)
        outcome = finish(process, time.monotonic(), timeout_s=10)
        if outcome.code != 0:
            raise AssertionError(f'the broker did not end well on Ctrl-C: {outcome}')
    finally:
        process.kill()
        process.communicate()


def announced_addresses(process, count, timeout_s=10):
    """Reads 'listening on HOST:PORT (node N)' lines until `count` have come."""
    deadline = time.monotonic() + timeout_s
    text = b''
    while True:
        found = re.findall(rb'^listening on (\S+) \(node \d+\)\n', text, re.MULTILINE)
        if len(found) == count:
            return [address.decode() for address in found]
        ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
        piece = process.stdout.read1() if ready else b''
        if not piece:
            process.kill()
            _, err = process.communicate()
            raise AssertionError(f'the broker announced {len(found)} of {count} addresses: '
                                 f'{text!r} {err!r}')
        text += piece
