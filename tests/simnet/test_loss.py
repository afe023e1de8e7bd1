#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A world that loses, copies, harms, delays and forges packets, on the virtual clock.

A responder is found if its probe arrives, and one of the SYN-ACKs that its host then says does too.
With p_out and p_back the shares of packets that are lost on either way, each by itself, and k the
SYN-ACKs that can come before the cooldown is over (the first, and repeats 1, 3, 7 s after it, as many
as the host says):

    P(found) = (1 - p_out) * (1 - p_back^k)

A RST and an ICMP error are said once: k = 1. Of n hosts, n * P are found, give or take a binomial
deviation of sqrt(n * P * (1 - P)); four of those are allowed. Sending takes some hundredths of a second
here, so k follows from the cooldown alone. The RST by which asdic answers a SYN-ACK ends the repeats,
or is lost and does not: neither changes what is found."""

import math
import unittest

from harness import CLOSED, OPEN, SANITIZED, UNREACHABLE, VIRTUAL, SimnetTest, Targets, network, world

SIZE = 16 if SANITIZED else 14
TARGETS = Targets(f"20.16.0.0/{SIZE}", ports=[443])
SIGMAS = 4


def lossy(out, back, **keys):
    return world(network("0.0.0.0/0", default={"open": "40%", "closed": "30%"}, unreachable="20%",
                         latency={"min": "10ms", "max": "50ms"},
                         loss={"out": f"{out}%", "back": f"{back}%"}, **keys), seed=5)


class Loss(SimnetTest):
    # Loss out and back in %, repeats of a SYN-ACK, cooldown in s, and the k that follows.
    TABLE = ((2, 2, 3, 9, 4), (2, 2, 0, 9, 1), (0, 30, 3, 9, 4), (0, 30, 3, 5, 3), (0, 30, 3, 2, 2),
             (0, 30, 3, 0.5, 1), (10, 10, 1, 9, 2), (30, 0, 3, 9, 4), (50, 50, 2, 9, 3), (100, 0, 3, 9, 4))

    def assert_within(self, found, hosts, share, what):
        sigma = math.sqrt(hosts * share * (1 - share))
        self.assertLessEqual(abs(found - hosts * share), SIGMAS * sigma,
                             f"{what}: {found} of {hosts} found, {hosts * share:.0f} expected, "
                             f"a deviation is {sigma:.1f}")

    def test_recall_is_what_arithmetic_gives(self):
        for out, back, repeats, cooldown, k in self.TABLE:
            with self.subTest(out=out, back=back, repeats=repeats, cooldown=cooldown):
                text = lossy(out, back, synack_retries=repeats)
                run = self.records(text, TARGETS_TEXT, "-p", "443", "-c", cooldown, *VIRTUAL)
                arrives = 1 - out / 100
                for state, said in ((OPEN, k), (CLOSED, 1), (UNREACHABLE, 1)):
                    expected = TARGETS.in_state(text, state)
                    found = run.records.first(state)
                    self.assert_none_else(found, expected, state)
                    self.assert_within(len(found), len(expected),
                                       arrives * (1 - (back / 100) ** said), f"state {state}")
                self.assert_probed(run, TARGETS)
                self.assert_reconciles(run)

    def test_an_answered_host_is_not_heard_again(self):
        """Without loss the RST ends the repeats: every SYN-ACK is said once."""
        text = lossy(0, 0, synack_retries=3)
        run = self.records(text, TARGETS_TEXT, "-p", "443", "-c", "9", *VIRTUAL)
        hosts = len(TARGETS.in_state(text, OPEN))
        self.assertEqual(run.report["synacks"], hosts)
        self.assertEqual(run.report["answered"], hosts)
        self.assertEqual(run.report["repeats"], 0)
        self.assertEqual(run.ledger["repeats"], 0)


class Faults(SimnetTest):
    TEXT = world(network("0.0.0.0/0", default={"open": "40%", "closed": "30%"}, unreachable="20%",
                         latency={"min": "10ms", "max": "300ms"}, loss={"out": "2%", "back": "2%"},
                         duplicate="20%", reorder="20%", corrupt="5%", synack_retries=3),
                 forged={"rate": 5000}, seed=6)

    def test_nothing_false_and_nothing_twice(self):
        run = self.responders(self.TEXT, TARGETS_TEXT, "-p", "443", "-c", "9", *VIRTUAL)
        expected = TARGETS.in_state(self.TEXT, OPEN)
        self.assert_none_else(run.found, expected, "found")
        # 2% of probes are lost; of SYN-ACKs, nearly all come in the end.
        self.assertGreater(len(run.found), 0.97 * len(expected))
        for fault in ("duplicated", "reordered", "corrupted", "forged", "lost_out", "lost_back", "repeats"):
            self.assertGreater(run.report[fault], 100, fault)

    def test_each_kind_of_reply(self):
        run = self.records(self.TEXT, TARGETS_TEXT, "-p", "443", "-c", "9", *VIRTUAL)
        rows = run.records
        for state in (OPEN, CLOSED, UNREACHABLE):
            first = rows.first(state)
            self.assert_none_else(first, TARGETS.in_state(self.TEXT, state), state)
            # Whoever is told as repeated was told as first.
            self.assert_subset(rows.keys[(rows.kind == state) & rows.is_repeat], first, "repeated")
        self.assertEqual(len(rows.keys), run.ledger["written"])
        self.assertEqual(rows.is_repeat.sum(), run.ledger["repeats"])

    def test_the_ledger_counts_what_the_world_did(self):
        """A byte that changes is found by a checksum, unless it says where the packet ends or of which
        version it is; a forgery bears a wrong cookie and is otherwise sound."""
        run = self.records(self.TEXT, TARGETS_TEXT, "-p", "443", "-c", "9", *VIRTUAL)
        ledger, did = run.ledger, run.report
        self.assert_reconciles(run)
        self.assertEqual(ledger["wrong cookie"], did["forged"])
        self.assertEqual(ledger["bad checksum"] + ledger["truncated"] + ledger["not ours"], did["corrupted"])
        self.assertGreater(ledger["bad checksum"], 0.8 * did["corrupted"])
        sound = did["synacks"] + did["resets"] + did["unreachables"] - did["corrupted"]
        self.assertEqual(ledger["SYN-ACK"] + ledger["RST"] + ledger["ICMP error"], sound)


TARGETS_TEXT = f"20.16.0.0/{SIZE}"

if __name__ == "__main__":
    unittest.main()
