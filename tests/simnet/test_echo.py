#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans by icmp_echoscan: an address is found if it answers ping, by the formula at port 0."""

import math
import unittest

import numpy as np
import yaml

from harness import FAST, SANITIZED, VIRTUAL, SimnetTest, Targets, integers, network, target_keys, truth, world

CIDR = f"20.16.0.0/{16 if SANITIZED else 12}"
TARGETS = Targets(CIDR, ports=[0])
KINDS = (b"echoreply", b"icmp")
SIGMAS = 4


def echoing(text, targets):
    """The targets that answer ping, ascending."""
    (ranges, _), = targets.parts
    return np.concatenate(list(truth.echoing(truth.World(yaml.safe_load(text)), ranges))) << np.uint64(16)


class EchoTest(SimnetTest):
    def pings(self, text, *flags, **keys):
        """A scan of every kind of reply; run.found has the first echo replies' targets as they came."""
        run = self.scan(text, "-M", "icmp_echoscan", "-f", "saddr_raw,classification,repeat", "--set",
                        "output.header=false", "--output-filter", "", *flags, **keys)
        data = run.stdout
        for number, kind in enumerate(KINDS):
            data = data.replace(kind, b"%d" % number)
        rows = integers(data).reshape(-1, 3)
        run.kind = rows[:, 1]
        run.found = target_keys(rows[:, 0], np.uint64(0))[(rows[:, 1] == 0) & (rows[:, 2] == 0)]
        return run

    def assert_pinged(self, run, targets):
        """As many pings as targets and no other frame, by the world's own account."""
        ledger, heard = run.ledger, run.report
        self.assertEqual(heard["echo"], len(targets))
        self.assertEqual(heard["frames"], len(targets))
        self.assertEqual(ledger["probes sent"], heard["echo"])
        self.assertEqual(ledger["received"], heard["frames_out"])
        self.assertEqual(heard["events_refused"], 0)


class Truth(EchoTest):
    TEXT = world(network("20.17.0.0/16", echo="0%", default={"open": "50%"}),
                 network("20.18.0.0/16", echo="100%"),
                 network("0.0.0.0/0", echo="30%", default={"open": "20%", "closed": "30%"},
                         latency={"min": "5ms", "max": "100ms"}), seed=4)

    def test_found_is_truth(self):
        run = self.pings(self.TEXT, CIDR, "-c", "1", *FAST)
        expected = echoing(self.TEXT, TARGETS)
        self.assertGreater(len(expected), len(TARGETS) // 5)
        self.assert_same(run.found, expected, "found")
        self.assert_pinged(run, TARGETS)
        self.assertEqual(run.ledger["hosts that echo"], len(expected))
        self.assertEqual(run.ledger["resets sent"], 0)

    def test_each_address_once(self):
        """Where everybody answers, everybody is heard: each address has been pinged."""
        targets = Targets("20.18.0.0/16", ports=[0], minus=["20.18.77.0/24"])
        run = self.pings(self.TEXT, "20.18.0.0/16", "--set", "targets.exclude=[20.18.77.0/24]", *VIRTUAL)
        self.assert_same(run.found, targets.all(), "found")
        self.assert_pinged(run, targets)

    def test_the_default_output_is_of_addresses(self):
        run = self.scan(self.TEXT, "-M", "icmp_echoscan", "20.18.3.0/24", *VIRTUAL)
        lines = run.stdout.decode().split()
        self.assertEqual(lines[0], "saddr")
        self.assertEqual(sorted(lines[1:]), sorted(f"20.18.3.{i}" for i in range(256)))

    def test_results_end_it(self):
        run = self.pings(self.TEXT, "20.18.0.0/16", "-N", "10", "-r", "1000", "-c", "1", "--virtual-clock", "-q")
        self.assertGreaterEqual(len(run.found), 10)
        self.assertLess(run.report["echo"], 5000)

    def test_shards_are_disjoint_and_whole(self):
        found = [self.pings(self.TEXT, "20.19.0.0/16", "--shard", f"{i}/3", "-e", "8", *VIRTUAL).found
                 for i in (1, 2, 3)]
        self.assert_same(np.concatenate(found), echoing(self.TEXT, Targets("20.19.0.0/16", ports=[0])), "found")


class Faults(EchoTest):
    OUT, BACK = 0.05, 0.1
    TEXT = world(network("0.0.0.0/0", echo="60%", latency={"min": "10ms", "max": "300ms"},
                         loss={"out": f"{OUT:.0%}", "back": f"{BACK:.0%}"}, duplicate="20%", reorder="20%"),
                 forged={"rate": 20000}, seed=6)
    HARMED = world(network("0.0.0.0/0", echo="60%", latency={"min": "10ms", "max": "300ms"}, corrupt="10%",
                           duplicate="20%"), forged={"rate": 5000}, seed=7)

    def test_nothing_false_and_nothing_twice(self):
        run = self.pings(self.TEXT, CIDR, *VIRTUAL)
        expected = echoing(self.TEXT, TARGETS)
        self.assert_none_else(run.found, expected, "found")
        share = (1 - self.OUT) * (1 - self.BACK)
        sigma = math.sqrt(len(expected) * share * (1 - share))
        self.assertLessEqual(abs(len(run.found) - len(expected) * share), SIGMAS * sigma)
        for fault in ("duplicated", "reordered", "forged", "lost_out", "lost_back"):
            self.assertGreater(run.report[fault], 100, fault)
        self.assertEqual(run.ledger["wrong cookie"], run.report["forged"])
        self.assertEqual(np.count_nonzero(run.kind == 1), 0, "no ping was unreachable")

    def test_harmed_replies_are_told_by_their_checksums(self):
        run = self.pings(self.HARMED, CIDR, *VIRTUAL)
        ledger, did = run.ledger, run.report
        self.assert_none_else(run.found, echoing(self.HARMED, TARGETS), "found")
        self.assertGreater(did["corrupted"], 100)
        self.assertEqual(ledger["wrong cookie"], did["forged"])
        self.assertEqual(ledger["bad checksum"] + ledger["truncated"] + ledger["not ours"], did["corrupted"])
        self.assertEqual(ledger["echo reply"], did["echo_replies"] - did["corrupted"])

    def test_workers_tell_repeats(self):
        """The id leads both copies of a reply to the worker that tells them apart."""
        text = world(network("0.0.0.0/0", echo="100%", latency={"max": "5ms"}, duplicate="50%"), seed=9)
        targets = Targets("20.16.0.0/16", ports=[0])
        for lcores in (1, 4):
            with self.subTest(lcores=lcores):
                run = self.pings(text, "20.16.0.0/16", "--lcores", lcores, "-c", "1", "-r", "200k", "-q")
                self.assert_same(run.found, targets.all(), "found")
                self.assertEqual(run.ledger["repeats"], run.report["duplicated"])


class Jobs(EchoTest):
    def refused(self, *flags, stdin=None):
        status, _, stderr = self.asdic("check", "-i", "net_null0", "-M", "icmp_echoscan", *flags, stdin=stdin)
        self.assertEqual(status, 2, stderr)
        return stderr

    def test_ports_are_refused(self):
        self.assertIn("pings addresses; remove it", self.refused("-p", "443", "20.0.0.0/24"))
        self.assertIn("pings addresses; leave the ports out", self.refused("20.0.0.1:443"))
        self.assertIn("'20.0.0.1:443' has a port", self.refused("-I", "-", stdin="20.0.0.2\n20.0.0.1:443\n"))

    def test_dry_run_prints_port_0(self):
        status, stdout, stderr = self.asdic("scan", "-i", "net_null0", "-M", "icmp_echoscan", "-d", "20.0.0.0/30")
        self.assertEqual(status, 0, stderr)
        self.assertEqual(sorted(stdout.split()), [f"20.0.0.{i},0" for i in range(4)])


if __name__ == "__main__":
    unittest.main()
