#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The counting of test cases: what is told as passed, failed and skipped."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cases import cases_of  # noqa: E402

CMOCKA = """\
[==========] Running 3 test(s).
[ RUN      ] bounds
[       OK ] bounds
[ RUN      ] wraps
[  FAILED  ] wraps
[ RUN      ] later
[  SKIPPED ] later
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] wraps
"""
UNITTEST = """\
FAIL: test_a (x.X) (i=1)
FAIL: test_a (x.X) (i=2)
ERROR: test_b (x.X)
Ran 5 tests in 0.003s

FAILED (failures=2, errors=1, skipped=1)
"""

# name, output, exit status, the line expected
TABLE = [
    ("silent good", "", 0, "1 passed, 0 failed"),
    ("silent bad", "words\n", 1, "0 passed, 1 failed"),
    ("killed", "", -9, "0 passed, 1 failed"),
    ("too slow, though it told no failure", "1..1\nok 1 - a\n", "took more than 60 s", "1 passed, 1 failed"),
    ("skipped", "no root\n", 77, "0 passed, 0 failed, 1 skipped"),
    ("cmocka", CMOCKA, 1, "1 passed, 1 failed, 1 skipped"),
    ("cmocka crash", "[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n", -11, "1 passed, 1 failed"),
    ("cmocka leak at exit", "[ RUN      ] a\n[       OK ] a\n", 1, "1 passed, 1 failed"),
    ("cmocka, a name twice", "[ RUN      ] a\n[       OK ] a\n[ RUN      ] a\n[  FAILED  ] a\n", 1,
     "0 passed, 2 failed"),
    ("tap", "1..4\nok 1 - a\nnot ok 2 - b\nok 3 # SKIP no nft\nnot ok 4 - d # TODO later\n", 1,
     "2 passed, 1 failed, 1 skipped"),
    ("tap, all skipped", "1..0 # SKIP no root\n", 0, "0 passed, 0 failed, 1 skipped"),
    ("tap, plan last", "ok 1 - a\nok 2 - b\n1..2\n", 0, "2 passed, 0 failed"),
    ("tap, ended early", "1..3\nok 1 - a\n", 0, "1 passed, 1 failed"),
    ("tap, no plan", "ok 1 - a\n", 0, "1 passed, 1 failed"),
    ("prose", "ok, that went well\n", 0, "1 passed, 0 failed"),
    ("closing line", "noise\n12 passed, 1 failed, 2 skipped\n", 1, "12 passed, 1 failed, 2 skipped"),
    ("closing line belied", "12 passed, 0 failed\n", 1, "12 passed, 1 failed"),
    ("unittest", UNITTEST, 1, "2 passed, 2 failed, 1 skipped"),
]


class Cases(unittest.TestCase):
    def test_table(self):
        for name, text, status, line in TABLE:
            with self.subTest(name):
                self.assertEqual(cases_of(name, text, status).line(), line)

    def test_failures_are_named(self):
        self.assertEqual(cases_of("perm", CMOCKA, 1).failures, ["perm: wraps"])
        self.assertEqual(cases_of("x", "1..1\nnot ok 1 - b\n", 1).failures, ["x: b"])

    def test_a_skip_has_its_reason(self):
        self.assertEqual(cases_of("x", "trying\nno root\n", 77).skips, ["x: no root"])


if __name__ == "__main__":
    unittest.main()
