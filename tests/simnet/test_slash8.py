#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A /8 of a world that loses nothing, in real time on every lcore and as fast as it goes: what is
found is the truth exactly, each target is probed once, and nothing that is excluded ever is."""

import unittest

from harness import CLOSED, FAST, OPEN, SANITIZED, UNREACHABLE, SimnetTest, Targets, network, world

# Sanitized code is slow: a smaller network then, holes in the same places.
LARGE = "11.0.0.0/14" if SANITIZED else "11.0.0.0/8"
EXCLUDED = ("11.0.0.0/32", "11.0.77.0/24", "11.1.3.5/32", "11.1.128.0/17", "11.2.0.128/25",
            "11.3.255.255/32", "11.128.0.0/12", "11.255.255.254/31")


class Slash8(SimnetTest):
    # All that is excluded, and all beside the /8, would answer if it were asked.
    WORLD = world(
        *[network(cidr, default={"open": "100%"}) for cidr in EXCLUDED],
        network("11.0.0.0/8", ports={443: {"open": "1.1%", "closed": "4%"}}, default={"open": "10%"},
                unreachable="0.5%", latency={"min": "1ms", "max": "80ms"}, synack_retries=3),
        network("0.0.0.0/0", default={"open": "100%"}),
        seed=8)
    TARGETS = Targets(LARGE, ports=[443], minus=EXCLUDED)
    FLAGS = (LARGE, "-p", "443", "-c", "2", *FAST,
             "--set", f"targets.exclude=[{','.join(EXCLUDED)}]")

    def assert_path_is_exact(self, run):
        self.assert_probed(run, self.TARGETS)
        self.assertEqual([run.syn_of(cidr) for cidr in (*EXCLUDED, "0.0.0.0/0")],
                         [0] * (len(EXCLUDED) + 1))
        self.assertEqual(run.report["elsewhere"]["syn"], 0)
        self.assert_reconciles(run)

    def test_responders(self):
        run = self.responders(self.WORLD, *self.FLAGS)
        self.assert_same(run.found, self.TARGETS.in_state(self.WORLD, OPEN), "found")
        self.assert_path_is_exact(run)

    def test_every_kind_of_reply(self):
        run = self.records(self.WORLD, *self.FLAGS)
        for state in (OPEN, CLOSED, UNREACHABLE):
            self.assert_same(run.records.first(state), self.TARGETS.in_state(self.WORLD, state), state)
        self.assert_path_is_exact(run)


if __name__ == "__main__":
    unittest.main()
