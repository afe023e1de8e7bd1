#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Canaries: asked all along, no targets, and what a scan does when they are silent."""

import json
import unittest

from harness import VIRTUAL, SimnetTest, Targets, network, world

WORLD = world(network("20.9.0.0/24", default={"open": "100%"}),
              network("20.9.1.0/24", default={"closed": "100%"}),
              network("20.9.2.0/24", default={"open": "0%"}),
              network("0.0.0.0/0", default={"open": "10%", "closed": "10%"}))
TARGETS = ("20.6.0.0/20", "-p", "443")
SLOW = ("-r", "400", "-c", "1", "--virtual-clock", "--test-key", "-q", "-m", "m.json")


def canaries(*texts):
    return "--set", "canaries=[" + ", ".join(f'"{text}"' for text in texts) + "]"


class Canaries(SimnetTest):
    def events(self):
        return json.loads((self.folder / "m.json").read_text())["events"]

    def test_they_are_asked_and_no_targets(self):
        """Open and closed ones answer alike; twelve seconds of sending, and the cooldown, make six rounds and the first one."""
        run = self.records(WORLD, *TARGETS, *SLOW, *canaries("20.9.0.7:443", "20.9.1.7:80", "20.9.2.7:80"))
        self.assertEqual(run.report["syn"], 4096 + run.ledger["canaries sent"])
        self.assertEqual(run.ledger["canaries sent"] % 3, 0)
        self.assertIn(run.ledger["canaries sent"] // 3, (6, 7))
        self.assertEqual(run.ledger["canary replies"], run.ledger["canaries sent"] * 2 // 3)
        expected = Targets("20.6.0.0/20", ports=[443])
        self.assert_same(run.records.first(0), expected.in_state(WORLD, 0), "open targets")
        self.assertEqual(run.ledger["resets sent"], run.ledger["responders"] + run.ledger["canaries sent"] // 3)
        self.assertEqual(self.events(), [])

    def test_one_that_is_a_target_is_both(self):
        run = self.responders(WORLD, "20.9.0.0/28", "-p", "443", *VIRTUAL, "-c", "3", *canaries("20.9.0.7:443"))
        self.assert_same(run.found, Targets("20.9.0.0/28", ports=[443]).all(), "targets")
        self.assertGreaterEqual(run.ledger["canary replies"], 1)
        self.assertEqual(run.ledger["repeats"], 0)

    def test_pings(self):
        text = world(network("20.9.0.0/24", default={"open": "100%"}, echo="100%"), network("0.0.0.0/0", echo="50%"))
        run = self.scan(text, "20.6.0.0/22", "-M", "icmp_echoscan", *SLOW, *canaries("20.9.0.7:443"))
        self.assertGreaterEqual(run.ledger["canary replies"], 1)
        self.assertEqual(run.ledger["canary replies"], run.ledger["canaries sent"])

    def test_silent_ones_hold_the_scan(self):
        run = self.scan(WORLD, *TARGETS, *SLOW, *canaries("20.9.2.7:443"), "-t", "60", "-o", "o.csv")
        self.assertIn("no canary answers: sending is held", run.stderr)
        self.assertEqual(run.stderr.count("is held"), 1)
        # Three rounds and a look, 400 a second; then nothing for the rest of the minute.
        self.assertLess(run.ledger["probes sent"], 400 * 9)
        self.assertGreaterEqual(run.ledger["canaries sent"], 29)
        self.assertEqual([e["kind"] for e in self.events()], ["hold"])
        self.assertEqual(self.events()[0]["positions"][0], 0)

    def test_excluded_ones_are_left_alone(self):
        run = self.scan(WORLD, *TARGETS, *SLOW, *canaries("20.9.0.7:443", "192.0.2.200:443"), "-o", "o.csv",
                        "-b", self.write("no.conf", "20.9.0.0/24\n"))
        self.assertIn("2 of 2 canaries are excluded", run.stderr)
        self.assertEqual(run.ledger["canaries sent"], 0)
        self.assertEqual(run.report["syn"], 4096)

    def test_faults(self):
        device, _ = self.device(WORLD)
        status, _, err = self.asdic("check", "-i", device, *TARGETS, *canaries("20.9.0.7"))
        self.assertEqual(status, 2)
        self.assertIn("write a list of address:port", err)
        many = canaries(*(f"20.9.0.{i}:443" for i in range(1, 18)))
        self.assertIn("at most 16", self.asdic("check", "-i", device, *TARGETS, *many)[2])


if __name__ == "__main__":
    unittest.main()
