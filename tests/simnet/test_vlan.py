#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans in a VLAN. The world answers in the VLAN that it is spoken to in and asdic hears no other, so that
whatever is found was asked for, and answered, behind the tag."""

import unittest

from harness import CLOSED, OPEN, UNREACHABLE, VIRTUAL, FAST, SimnetTest, Targets, network, world

CIDR = "20.16.0.0/15"
VLAN = ("--set", "interfaces.vlan=100")


class Vlan(SimnetTest):
    TEXT = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, unreachable="10%", echo="30%",
                         latency={"min": "5ms", "max": "50ms"}, duplicate="5%", synack_retries=2),
                 forged={"rate": 1000}, seed=12)
    TARGETS = Targets(CIDR, ports=[443])

    def test_found_is_truth(self):
        """The gateway too is asked for, and its answer heard, in the VLAN; and RSTs leave in it."""
        for name, flags in (("virtual clock", VIRTUAL), ("three lcores", (*FAST, "--lcores", "3"))):
            with self.subTest(name):
                run = self.records(self.TEXT, CIDR, "-p", "443", "-g", "198.18.0.254", "-c", "1", *VLAN, *flags)
                for state in (OPEN, CLOSED, UNREACHABLE):
                    self.assert_same(run.records.first(state), self.TARGETS.in_state(self.TEXT, state), state)
                self.assert_probed(run, self.TARGETS)
                self.assert_reconciles(run)
                self.assertEqual(run.ledger["ARP"], 1)
                self.assertEqual(run.ledger["not ours"], 0)
                if flags is VIRTUAL: # a RST that a busy machine delays finds no repeat left to end
                    self.assertEqual(run.report["answered"], len(self.TARGETS.in_state(self.TEXT, OPEN)))

    def test_the_tag_changes_nothing_else(self):
        plain, tagged = (self.scan(self.TEXT, CIDR, "-p", "443", "-c", "1", "-O", "json", "-e", "3", *flags, *VIRTUAL)
                         for flags in ((), VLAN))
        self.assertGreater(len(plain.stdout), 1_000_000)
        self.assertTrue(plain.stdout == tagged.stdout, "another output")

    def test_pings(self):
        plain, tagged = (self.scan(self.TEXT, "20.16.0.0/18", "-M", "icmp_echoscan", "-e", "3", *flags, *VIRTUAL)
                         for flags in ((), VLAN))
        self.assertGreater(plain.ledger["hosts that echo"], 4000)
        self.assertTrue(plain.stdout == tagged.stdout, "another output")

    def test_the_tag_counts(self):
        """Four bytes more of each frame: a SYN of 66 bytes and 24 of overhead becomes one of 70."""
        for flags, size, rate in (((), 66, "1.00K"), (VLAN, 70, "957")):
            status, stdout, _ = self.asdic("plan", "-i", "net_null0", "-p", "443", "-B", "720k", *flags)
            self.assertEqual(status, 0)
            self.assertIn(f"({size}-byte SYNs", stdout)
            self.assertRegex(stdout, rf"rate +{rate}\S* packets/s, 0.7 Mbit/s")

    def test_the_bandwidth_counts_the_tag(self):
        """50,000 probes take 50 s of the virtual clock at 1,000/s, and a 4 / 90 of it more with the tag."""
        seconds = []
        for flags in ((), VLAN):
            run = self.scan(world(network("0.0.0.0/0"), seed=1), CIDR, "-n", "50000", "-p", "443", "-c", "1",
                            "-B", "720k", "-r", "100k", "--virtual-clock", "-q", *flags)
            seconds.append(int(run.stderr.split("every target probed in 0:")[1].split(";")[0]))
        self.assertIn(seconds[0], (50, 51))
        self.assertIn(seconds[1] - seconds[0], (2, 3))


if __name__ == "__main__":
    unittest.main()
