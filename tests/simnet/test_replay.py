#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A seed replays: on the virtual clock byte for byte, on any number of lcores the same records but
for their times."""

import json
import unittest

from harness import FAST, OPEN, SimnetTest, Targets, network, world

CIDR = "31.7.0.0/17"
TARGETS = Targets(CIDR, ports=[443, 8443])
FLAGS = (CIDR, "-p", "443,8443", "-O", "json", "--output-filter", "", "--test-key")

# All that can go wrong on the way. What is said more than once comes at once or not at all, for
# whoever hears it later has an answer under way.
FAULTY = world(network("0.0.0.0/0", default={"open": "20%", "closed": "10%"}, unreachable="10%",
                       latency={"min": "5ms", "max": "100ms"}, loss={"out": "2%", "back": "10%"},
                       duplicate="10%", reorder="10%", corrupt="3%"),
               forged={"rate": 2000}, seed=77)
QUIET = world(network("0.0.0.0/0", default={"open": "20%", "closed": "10%"}, unreachable="10%",
                      latency={"min": "5ms", "max": "100ms"}, synack_retries=2), seed=78)


class OnTheVirtualClock(SimnetTest):
    def run_with(self, text, seed, *flags):
        return self.scan(text, *FLAGS, "--virtual-clock", "-q", "--seed", seed, "-r", "200k", *flags)

    def test_same_bytes(self):
        for name, text in (("no faults", QUIET), ("faults", FAULTY)):
            with self.subTest(name):
                first, second = self.run_with(text, 5), self.run_with(text, 5)
                self.assertGreater(len(first.stdout), 1_000_000)
                self.assertTrue(first.stdout == second.stdout, "another output")
                self.assertEqual(first.ledger, second.ledger)
                self.assertEqual(first.report, second.report)

    def test_the_lcores_that_a_job_asks_for_are_of_no_account(self):
        first, second = self.run_with(FAULTY, 5), self.run_with(FAULTY, 5, "--lcores", "4")
        self.assertTrue(first.stdout == second.stdout, "another output")

    def test_another_seed_is_another_order_of_the_same(self):
        first, second = self.run_with(QUIET, 5), self.run_with(QUIET, 6)
        self.assertNotEqual(first.stdout, second.stdout)
        self.assertEqual(timeless(first), timeless(second))


def timeless(run):
    """The records as a sorted list, without what depends on when they came."""
    records = []
    for line in run.stdout.splitlines():
        record = json.loads(line)
        for key in [key for key in record if key.startswith("timestamp") or key == "cooldown"]:
            del record[key]
        records.append(json.dumps(record))
    return sorted(records)


class OnAnyNumberOfLcores(SimnetTest):
    def test_same_records(self):
        for name, text in (("no faults", QUIET), ("faults", FAULTY)):
            alone = timeless(self.scan(text, *FLAGS, "--virtual-clock", *FAST, "--seed", 9))
            self.assertGreater(len(alone), len(TARGETS.in_state(text, OPEN)))
            for lcores in (1, 2, 3, 5, 8):
                with self.subTest(name, lcores=lcores):
                    run = self.scan(text, *FLAGS, *FAST, "--seed", 9, "--lcores", lcores, "-c", 1.5)
                    self.assertIn(f"with {lcores} lcore", run.stderr)
                    self.assert_reconciles(run)
                    self.assertTrue(timeless(run) == alone, "other records")

    def test_one_queue_for_all(self):
        """RSTs of lcores that have no queue of their own go by way of one that has."""
        alone = timeless(self.scan(FAULTY, *FLAGS, "--virtual-clock", *FAST, "--seed", 9))
        for lcores in (3, 20):
            with self.subTest(lcores=lcores):
                run = self.scan(FAULTY, *FLAGS, *FAST, "--seed", 9, "--lcores", lcores, "-c", 1.5,
                                devargs={"queues": 1})
                self.assert_reconciles(run)
                self.assertTrue(timeless(run) == alone, "other records")


if __name__ == "__main__":
    unittest.main()
