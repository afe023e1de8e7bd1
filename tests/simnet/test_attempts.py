#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several probes to a target, and coverage: exactly so many, no sooner than they are due, and an estimate
that holds what is true."""

import json
import unittest

import numpy as np
from harness import OPEN, SILENT, VIRTUAL, SimnetTest, Targets, network, world

CIDR = "20.8.0.0/17"
TARGETS = Targets(CIDR, ports=[443])
# No SYN-ACK is said again, so what is lost is lost.
LATENCY = {"min": "1ms", "max": "50ms"}


def lossy(loss, seed):
    return world(network("0.0.0.0/0", default={"open": "20%", "closed": "10%"}, unreachable="2%", latency=LATENCY,
                         loss={"out": loss, "back": "0%"}), seed=seed)


class Attempts(SimnetTest):
    def test_exact_counts(self):
        """Whoever is silent gets r probes, whoever answers at once gets one; never (r + 1)^2."""
        text = lossy("0%", 3)
        silent = len(TARGETS.in_state(text, SILENT))
        for probes in (1, 2, 4):
            for shards in (1, 3):
                with self.subTest(probes=probes, shards=shards):
                    heard = found = due = 0
                    for shard in range(1, shards + 1):
                        run = self.scan(text, CIDR, "-p", "443", "-e", 5, "-P", probes, "--set", "probe.probe_delay=2s",
                                        "--shard", f"{shard}/{shards}", "-c", 1, *VIRTUAL)
                        heard += run.report["syn"]
                        found += run.ledger["written"]
                        due += run.ledger["probes intended"] + run.ledger["spared"]
                    self.assertEqual(due, probes * len(TARGETS))
                    self.assertEqual(heard, len(TARGETS) + (probes - 1) * silent)
                    self.assertEqual(found, len(TARGETS.in_state(text, OPEN)))

    def test_the_second_comes_when_it_is_due_and_finds_what_the_first_lost(self):
        text = lossy("20%", 4)
        expected = len(TARGETS.in_state(text, OPEN))
        for probes, share in ((1, 0.8), (2, 0.96), (3, 0.992)):
            run = self.records(text, CIDR, "-p", "443", "-e", 5, "-P", probes, "--set", "probe.probe_delay=3s",
                               "-c", 1, "-r", "100k", *VIRTUAL[:2], "-q")
            found = run.records.first(OPEN)
            self.assert_none_else(found, TARGETS.in_state(text, OPEN), "found")
            self.assertAlmostEqual(len(found) / expected, share, delta=0.02)
            self.assertEqual(run.ledger["probes intended"] + run.ledger["spared"], probes * len(TARGETS))

    def test_on_any_number_of_lcores(self):
        text = lossy("0%", 6)
        silent = len(TARGETS.in_state(text, SILENT))
        for lcores in (1, 2, 4):
            with self.subTest(lcores=lcores):
                run = self.responders(text, CIDR, "-p", "443", "-P", 2, "--set", "probe.probe_delay=2s", "-c", 1,
                                      "-q", "-r", "unlimited", "--lcores", lcores)
                self.assert_same(run.found, TARGETS.in_state(text, OPEN), "found")
                self.assertEqual(run.report["syn"], len(TARGETS) + silent)

    def test_errors_tell_which_attempt_they_speak_of(self):
        """A router's error quotes the probe, and its IP ID is the attempt's."""
        text = world(network("0.0.0.0/0", default={}, unreachable="100%", latency=LATENCY,
                             loss={"out": "50%", "back": "0%"}), seed=8)
        run = self.scan(text, "20.8.0.0/20", "-p", "443", "-P", 3, "--set", "probe.probe_delay=1s", "-c", 1,
                        "-f", "probe_num", "--output-filter", "repeat = 0", "--set", "output.header=false", *VIRTUAL)
        numbers = np.bincount([int(line) for line in run.stdout.split()], minlength=3)
        for number, share in enumerate((0.5, 0.25, 0.125)):
            self.assertAlmostEqual(numbers[number] / 4096, share, delta=0.03)


class Coverage(SimnetTest):
    def scan_of(self, text, *flags):
        manifest = self.folder / f"manifest-{self.runs}.json"
        run = self.scan(text, CIDR, "-p", "443", "-e", 5, "-c", 1, "-m", manifest, "--set", "output.fields=[saddr_raw,sport,probe_num]",
                        "--set", "output.header=false", *flags, *VIRTUAL)
        rows = np.array([line.split(b",") for line in run.stdout.split()], dtype=np.uint64).reshape(-1, 3)
        run.first = np.count_nonzero(rows[:, 2] == 0)
        run.found = len(rows)
        run.coverage = json.loads(manifest.read_text(encoding="utf-8"))["coverage"]
        return run

    def test_the_truth_lies_in_the_interval(self):
        for seed, loss in ((11, "0%"), (12, "2%"), (13, "10%"), (14, "30%")):
            with self.subTest(loss):
                text = lossy(loss, seed)
                run = self.scan_of(text, "--set", "probe.coverage=50%")
                true = run.first / len(TARGETS.in_state(text, OPEN))
                c = run.coverage
                self.assertLessEqual(c["low"], true)
                self.assertGreaterEqual(c["high"], true)
                self.assertLess(c["high"] - c["low"], 0.04)
                self.assertGreater(c["answered_second_look"], 1000)
                self.assertRegex(run.stderr, r"coverage: +\d+\.\d\d% of those")

    def test_with_two_attempts(self):
        text = lossy("30%", 15)
        run = self.scan_of(text, "--set", "probe.coverage=50%", "-P", 2, "--set", "probe.probe_delay=1s")
        true = np.float64(run.first) / len(TARGETS.in_state(text, OPEN))
        self.assertAlmostEqual(true, 0.91, delta=0.01)
        self.assertLessEqual(run.coverage["low"], true)
        self.assertGreaterEqual(run.coverage["high"], true)

    def test_what_the_second_look_alone_finds_is_a_result(self):
        text = lossy("30%", 16)
        run = self.scan_of(text, "--set", "probe.coverage=100%")
        expected = len(TARGETS.in_state(text, OPEN))
        self.assertAlmostEqual(run.first / expected, 0.7, delta=0.01)
        self.assertAlmostEqual(run.found / expected, 0.91, delta=0.01)
        self.assertEqual(run.report["syn"], 2 * len(TARGETS))

    def test_pings(self):
        text = world(network("0.0.0.0/0", echo="30%", latency=LATENCY, loss={"out": "20%", "back": "0%"}), seed=17)
        run = self.scan(text, CIDR, "-M", "icmp_echoscan", "-e", 5, "-c", 1, "-P", 2, "--set", "probe.probe_delay=1s",
                        "--set", "probe.coverage=10%", *VIRTUAL)
        self.assertAlmostEqual(run.ledger["hosts that echo"] / (0.3 * len(TARGETS)), 0.965, delta=0.02)
        self.assertRegex(run.stderr, r"coverage: +9\d\.\d\d%")


if __name__ == "__main__":
    unittest.main()
