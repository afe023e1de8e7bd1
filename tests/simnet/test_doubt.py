#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What was probed while the network was gone is probed once more: whatever went wrong, and when, a scan finds what
there is. And nothing is held that is well."""

import json
import random
import unittest

from harness import OPEN, SimnetTest, Targets, network, world

CIDR = "20.64.0.0/18"
TARGETS = Targets(CIDR, ports=[443])
# A SYN-ACK is said once: whoever is not probed again, or whose answer got lost, is not found.
TEXT = world(network("20.9.0.0/24", default={"open": "100%"}, latency={"min": "1ms", "max": "20ms"}),
             network("0.0.0.0/0", default={"open": "10%", "closed": "5%"}, unreachable="2%",
                     latency={"min": "1ms", "max": "200ms"}, synack_retries=0), seed=21)
# Nine seconds of sending: resets are sent at the rate, too.
FLAGS = (CIDR, "-p", "443", "-e", "7", "-c", "4", "-r", "2k", "-q", "--test-key", "-m", "m.json", "--force")
VIRTUAL = "--virtual-clock"
CANARIES = ("--set", 'canaries=["20.9.0.7:443", "20.9.0.8:443"]')


class DoubtTest(SimnetTest):
    def run_with(self, *flags, text=TEXT, **fault):
        run = self.responders(text, *FLAGS, *flags, devargs=fault, timeout=60)
        run.manifest = json.loads((self.folder / "m.json").read_text(encoding="utf-8"))
        run.events = run.manifest["events"]
        run.kinds = [event["kind"] for event in run.events]
        return run

    def assert_all_found(self, run, kinds=("hold", "resume", "again"), text=TEXT):
        self.assert_same(run.found, TARGETS.in_state(text, OPEN), "found")
        if kinds is not None:
            self.assertEqual(run.kinds, list(kinds), run.events)
        self.assertEqual(run.manifest["end_reason"], "complete")


class Doubt(DoubtTest):
    def test_nothing_wrong_and_nothing_again(self):
        run = self.run_with(VIRTUAL)
        self.assert_all_found(run, ())
        self.assert_probed(run, TARGETS)
        self.assertEqual(run.ledger["probed again"], 0)

    def test_link(self):
        run = self.run_with(VIRTUAL, down="3s-5s")
        self.assert_all_found(run)
        first, end = run.events[-1]["positions"]
        self.assertEqual(run.events[0]["positions"], [first, end])
        self.assertEqual(run.ledger["probed again"], end - first)
        self.assertEqual(run.ledger["targets"], len(TARGETS))
        # Who had answered is left out; the last second's are those that had no time to.
        self.assertGreater(run.ledger["spared"], 50)
        self.assertEqual(run.ledger["probes sent"], len(TARGETS) + end - first - run.ledger["spared"])
        self.assertLess(run.report["syn"], run.ledger["probes sent"])

    def test_hit_rate(self):
        """Its trial is of new targets; once that is good those in doubt are had once more."""
        run = self.run_with(VIRTUAL, "-r", "1k", deaf="4s-9s")
        self.assert_all_found(run)
        self.assertIn("the hit rate has fallen", run.events[0]["what"])

    def test_hit_rate_without_targets_left_to_try(self):
        run = self.run_with(VIRTUAL, deaf="6500ms-12s")
        self.assert_all_found(run)
        self.assertEqual(run.events[-1]["positions"][1], len(TARGETS))

    def test_canaries(self):
        """Too few answer for the hit rate to tell."""
        text = TEXT.replace("10%", "0.4%")
        run = self.run_with(VIRTUAL, *CANARIES, "-r", "800", text=text, deaf="6200ms-16s")
        self.assertIn("no canary answers", run.events[0]["what"])
        self.assert_all_found(run, text=text)

    def test_at_the_end(self):
        """The last probes go into a link that is noticed to be down when all have been sent."""
        run = self.run_with(VIRTUAL, down="8700ms-10s")
        self.assert_all_found(run)
        self.assertEqual(run.events[-1]["positions"][1], len(TARGETS))

    def test_in_the_cooldown(self):
        """Late replies are lost then; and a scan does not end while it is so."""
        run = self.run_with(VIRTUAL, down="9200ms-30s")
        self.assert_all_found(run)
        self.assertGreater(run.manifest["recv_end_time"], run.events[-1]["time"])

    def test_after_the_cooldown_is_no_matter(self):
        run = self.run_with(VIRTUAL, "-c", "1", down="10500ms-30s")
        self.assert_all_found(run, ())

    def test_again_and_again(self):
        """The network goes once more while what was in doubt is had once more."""
        run = self.run_with(VIRTUAL, "-r", "1k", down="8s-10s", deaf="13s-22s")
        self.assert_all_found(run, None)
        self.assertEqual(run.kinds.count("hold"), 2)
        self.assertGreaterEqual(run.kinds.count("again"), 2)

    def test_attempts_and_coverage(self):
        for flags in (("-P", "2", "--set", "probe.probe_delay=1s"), ("--set", "probe.coverage=50%")):
            with self.subTest(flags):
                run = self.run_with(VIRTUAL, *flags, down="3s-6s")
                self.assert_all_found(run)

    def test_whenever(self):
        """Faults of any length at any time, of one or two kinds."""
        for seed in range(12):
            with self.subTest(seed):
                chance = random.Random(seed)
                fault = {}
                for kind in chance.choice((("down",), ("deaf",), ("down", "deaf"))):
                    first = chance.uniform(1, 8)
                    last = first + (chance.uniform(1.1, 8) if kind == "down" else chance.uniform(9, 20))
                    fault[kind] = f"{first * 1000:.0f}ms-{last * 1000:.0f}ms"
                flags = chance.choice(((), ("-P", "2", "--set", "probe.probe_delay=1s"), ("--set", "probe.coverage=50%")))
                # A link is seen within a second; canaries tell of the rest within nine.
                run = self.run_with(VIRTUAL, *CANARIES, "-c", "9", "-r", chance.choice((1500, 2000, 3000)), *flags,
                                    **fault)
                self.assert_all_found(run, None)

    def test_on_several_lcores(self):
        """In real time."""
        run = self.run_with("--lcores", "3", "-P", "2", "--set", "probe.probe_delay=500ms", "-r", "6k", "-c", "2",
                            down="2s-4s")
        self.assert_all_found(run)

    def test_stopped_while_it_is_gone(self):
        run = self.run_with(VIRTUAL, "-t", "4", down="3s-20s")
        self.assertEqual(run.kinds, ["hold"])
        self.assertEqual(run.manifest["end_reason"], "runtime")


class NoDoubt(DoubtTest):
    """What looks like a network that is gone, and is none."""

    def test_later_passes(self):
        """They leave out who has answered: a second pass over as many finds nobody."""
        text = world(network("0.0.0.0/0", default={"open": "50%"}, latency={"min": "1ms", "max": "50ms"},
                             synack_retries=0), seed=3)
        for flags in (("-P", "3", "--set", "probe.probe_delay=8s"), ("--set", "probe.coverage=100%"),
                      ("-P", "2", "--set", "probe.probe_delay=20s", "--set", "probe.coverage=80%")):
            with self.subTest(flags):
                run = self.run_with(VIRTUAL, "-r", "1k", *flags, text=text)
                self.assertEqual(run.events, [])
                self.assert_same(run.found, TARGETS.in_state(text, OPEN), "found")


if __name__ == "__main__":
    unittest.main()
