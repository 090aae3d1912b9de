#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the integration tests: one line a test, counts last, JUnit XML in the build folder."""
import argparse
import pathlib
import signal
import sys
import time
import unittest
from xml.etree import ElementTree

import program
import real_kafka

HERE = pathlib.Path(__file__).resolve().parent


class LineResult(unittest.TestResult):
    """Prints each test's fate as it is known, and keeps it for the XML."""

    def __init__(self):
        super().__init__()
        self.cases = ElementTree.Element('testsuite', name='integration')
        self.counts = {'ok': 0, 'FAIL': 0, 'skip': 0}

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.fate, self.reason = 'ok', ''

    def note(self, fate, reason):
        if self.fate != 'FAIL':
            self.fate, self.reason = fate, reason

    def addError(self, test, err):
        self.addFailure(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        # No traceback where an assertion says itself what was seen.
        words = str(err[1]) if err[0] is AssertionError else self._exc_info_to_string(err, test)
        if isinstance(test, unittest.TestCase):
            self.note('FAIL', words)
        else:  # a class or module that could not be set up; no test was started for it
            self.startTest(test)
            self.note('FAIL', words)
            self.stopTest(test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note('skip', reason)

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self.began
        name = name_of(test)
        self.counts[self.fate] += 1
        text = f'({self.reason})' if self.fate == 'skip' else self.reason.replace('\n', '\n    ')
        print(f'{self.fate:4} {name} {seconds:.1f} s {text}'.rstrip(), flush=True)
        case = ElementTree.SubElement(self.cases, 'testcase', name=name,
                                      classname='integration', time=f'{seconds:.3f}')
        if self.fate != 'ok':
            kind = {'FAIL': 'failure', 'skip': 'skipped'}[self.fate]
            ElementTree.SubElement(case, kind, message=self.reason[:2000])


def name_of(test):
    return '.'.join(test.id().split('.')[-2:])


def all_tests(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from all_tests(one)
        else:
            yield one


def chosen_tests(only):
    suite = unittest.TestLoader().discover(HERE, pattern='*_test.py')
    return unittest.TestSuite(one for one in all_tests(suite)
                              if only.lower() in name_of(one).lower())


def parse_arguments():
    parser = argparse.ArgumentParser(prog='tests/integration/run.py', description=__doc__)
    parser.add_argument('--only', default='', metavar='TEXT', help='tests whose names have TEXT')
    parser.add_argument('--build', default=HERE.parents[1] / 'build', type=pathlib.Path,
                        help='the build folder (build)')
    return parser.parse_args()


def main():
    args = parse_arguments()
    # As Ctrl-C: KeyboardInterrupt is all that unittest lets through, to the cluster's stop below.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    program.build_dir = args.build.resolve()
    result = LineResult()
    try:
        chosen_tests(args.only).run(result)
    except KeyboardInterrupt:
        print('stopped before the last test')
        result.counts['FAIL'] += 1
        stopped = ElementTree.SubElement(result.cases, 'testcase', name='all tests are run')
        ElementTree.SubElement(stopped, 'failure')
    finally:
        real_kafka.stop()
        program.build_dir.mkdir(exist_ok=True)
        ElementTree.ElementTree(result.cases).write(
            program.build_dir / 'integration.junit.xml', encoding='utf-8', xml_declaration=True)
    counts = result.counts
    print(f"integration tests: {counts['ok']} passed, {counts['FAIL']} failed, "
          f"{counts['skip']} skipped")
    return 1 if counts['FAIL'] or not counts['ok'] else 0


if __name__ == '__main__':
    sys.exit(main())
