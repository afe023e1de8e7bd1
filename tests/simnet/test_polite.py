#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Politeness: caps on networks by the times at which their hosts were reached, and networks that want no probes."""

import collections
import json
import re
import unittest

from harness import OPEN, FAST, SimnetTest, Targets, integers, network, target_keys, world

SLOW = ("--virtual-clock", "--test-key", "-q", "-r", "50k")
CAPS = ("--set", "limits.per_24=300", "--set", "limits.per_16=700")


def worst(stamps):
    """The most of some times, in microseconds, within one second."""
    stamps, most, first = sorted(stamps), 0, 0
    for last, stamp in enumerate(stamps):
        while stamp - stamps[first] > 1_000_000:
            first += 1
        most = max(most, last - first + 1)
    return most


class Polite(SimnetTest):
    # A reply is a probe's time and a millisecond: the world has one latency and loses nothing.
    ALL_OPEN = world(network("0.0.0.0/0", default={"open": "100%"}, latency={"min": "1ms", "max": "1ms"},
                             synack_retries=0), seed=5)

    def times(self, text, *flags, **keys):
        """A scan, and when each /24 and /16 was reached."""
        run = self.scan(text, "-p", "80", "-c", "1", "--output-filter", "", "--set", "output.header=false",
                        "-f", "saddr_raw,sport,timestamp_ts,timestamp_us", *flags, **keys)
        rows = integers(run.stdout).reshape(-1, 4)
        run.found = target_keys(rows[:, 0], rows[:, 1])
        run.of_24, run.of_16 = collections.defaultdict(list), collections.defaultdict(list)
        for key, seconds, micro in zip(run.found, rows[:, 2], rows[:, 3]):
            stamp = int(seconds) * 1_000_000 + int(micro)
            run.of_24[int(key) >> 24].append(stamp)
            run.of_16[int(key) >> 32].append(stamp)
        run.took = int(re.search(r"in 0:(\d+);", run.stderr).group(1))
        return run

    def test_caps_hold_and_nothing_is_lost(self):
        lists = ("20.0.0.0/22", "20.7.0.0/24", "30.0.0.0/28", "30.1.0.0/28")
        targets = Targets(*lists, ports=[80])
        run = self.times(self.ALL_OPEN, *lists, *SLOW, *CAPS)
        self.assert_same(run.found, targets.in_state(self.ALL_OPEN, OPEN), "responders")
        self.assert_probed(run, targets)
        self.assertLessEqual(max(worst(stamps) for stamps in run.of_24.values()), 300)
        self.assertLessEqual(max(worst(stamps) for stamps in run.of_16.values()), 700)
        # 1,024 at 700/s, and the cooldown; not much longer.
        self.assertIn(run.took, (2, 3))
        self.assertEqual(run.ledger["targets"], len(targets))

    def test_caps_are_of_all_lcores_together(self):
        """In real time, and with more probers than one; what a late thread bunches is within the cap too."""
        lists = [f"20.{i}.0.0/18" for i in range(2)]
        run = self.times(self.ALL_OPEN, *lists, "-q", "-r", "200k", "--lcores", "8", "--set",
                         "limits.per_16=9000", timeout=120)
        self.assert_probed(run, Targets(*lists, ports=[80]))
        self.assertGreaterEqual(run.took, 2)
        heard = max(worst(stamps) for stamps in run.of_16.values())
        # Times are of receiving, which a busy machine may do late; of sending there is a unit test.
        self.assertLessEqual(heard, 9000 * 1.3)

    def test_simulations_have_no_caps_unless_asked(self):
        run = self.times(self.ALL_OPEN, "20.0.0.0/22", *SLOW)
        self.assertEqual(run.took, 1)
        for flags, expected in (((), 0), (CAPS, 1), (("--set", "limits.per_24=0"), 0)):
            _, stdout, _ = self.asdic("plan", "-i", "net_null0", "-p", "80", *flags)
            self.assertEqual(stdout.count("to a /24"), expected)

    def test_public_addresses_have_caps(self):
        eth = ("-i", "net_af_packet0,iface=lo", "-S", "198.51.100.8", "-G", "02:00:00:00:00:01", "-p", "80", "--set",
               "contact.email=a@example.org")
        for flags, seen in ((("20.0.0.0/16",), r"1.00K packets/s to a /24\n +at most 20.0K packets/s to a /16"),
                            (("20.0.0.0/16", "10.0.0.0/16", "--set", "targets.allow_reserved=10.0.0.0/8"),
                             "1.00K packets/s to a /24, allowed reserved ranges apart"),
                            (("10.0.0.0/16", "--set", "targets.allow_reserved=10.0.0.0/8"), None),
                            (("20.0.0.0/16", "--set", "limits.per_24=0", "--set", "limits.per_16=0"), None)):
            status, stdout, stderr = self.asdic("plan", *eth, *flags)
            self.assertEqual(status, 0, stderr)
            if seen is None:
                self.assertNotIn("politeness", stdout)
            else:
                self.assertRegex(stdout, seen)

    def test_the_status_says_so(self):
        run = self.scan(self.ALL_OPEN, "20.0.0.0/23", "-p", "80", "-c", "0", "--set", "limits.per_24=100", "-u",
                        "status.csv")
        self.assertIn("every target probed", run.stderr)
        sent = [int(line.split(",")[6]) for line in (self.folder / "status.csv").read_text().splitlines()[1:-1]]
        self.assertTrue(all(later - before < 210 for before, later in zip(sent, sent[1:])), sent)

    def test_a_network_that_prohibits(self):
        """Half of its errors say so: of 256 addresses some 128 would; the 64th ends it."""
        text = world(network("20.0.1.0/24", default={}, unreachable="100%", latency={"min": "1ms", "max": "1ms"}),
                     network("20.0.2.0/24", default={}, unreachable="8%", latency={"min": "1ms", "max": "1ms"}),
                     network("0.0.0.0/0", default={"open": "100%"}, latency={"min": "1ms", "max": "1ms"},
                             synack_retries=0), seed=5)
        run = self.times(text, "20.0.0.0/22", *SLOW, *CAPS, "-m", "manifest.json")
        manifest = json.loads((self.folder / "manifest.json").read_text())
        skipped = run.ledger["skipped"]
        self.assertIn(skipped, range(70, 190))
        self.assertEqual(run.report["syn"], 1024 - skipped)
        self.assertEqual(run.ledger["targets"], 1024)
        self.assertEqual(manifest["ledger"]["skipped"], skipped)
        self.assertEqual(manifest["skipped_networks"], [
            {"network": "20.0.1.0/24", "prohibited": manifest["skipped_networks"][0]["prohibited"],
             "skipped_targets": skipped}])
        self.assertIn(manifest["skipped_networks"][0]["prohibited"], range(64, 80))
        self.assertEqual([event["kind"] for event in manifest["events"]], ["skip"])
        self.assertIn("1 network answered that probes are administratively prohibited: left out from then on, "
                      f"{skipped} targets", run.stderr)
        # Nobody else is left out; without caps nobody at all.
        self.assertEqual([len(run.of_24[20 << 16 | i]) for i in (0, 3)], [256, 256])
        run = self.times(text, "20.0.0.0/22", *SLOW)
        self.assertEqual(run.report["syn"], 1024)

    def test_it_stops_while_targets_wait(self):
        for extra in (("--virtual-clock",), FAST[2:]):
            run = self.scan(self.ALL_OPEN, "20.0.0.0/22", "-p", "80", "-c", "0", "-t", "1", "-r", "50k", "--test-key",
                            *CAPS, *extra)
            self.assertIn("stopped by limits.runtime", run.stderr)
            self.assertGreater(run.ledger["put back"], 200)
            self.assertEqual(run.ledger["targets"], run.ledger["probes intended"] + run.ledger["put back"])


if __name__ == "__main__":
    unittest.main()
