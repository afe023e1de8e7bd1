#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rate is a promise: in any 100 ms at most rate * 100 ms packets and one burst leave.

On the virtual clock a world that answers every probe after exactly the same time tells when each was
sent: when its answer came, less that time. Closed ports answer by a RST, which asdic does not answer:
all that is sent is then seen. Of open ones asdic's own RSTs take their share of the rate."""

import unittest

import numpy as np

from harness import VIRTUAL, SimnetTest, integers, network, world

BURST = 32
WINDOW_US = 100_000
LATENCY_MS = 40
# A SYN of the windows profile, with FCS, preamble and gap.
SYN_BITS = (66 + 24) * 8


def answering(state):
    return world(network("0.0.0.0/0", default={state: "100%"},
                         latency={"min": f"{LATENCY_MS}ms", "max": f"{LATENCY_MS}ms"}), seed=1)


class Pace(SimnetTest):
    def sent_us(self, state, *flags):
        """When the probes were sent, in microseconds, ascending; and the run."""
        run = self.scan(answering(state), "20.0.0.0/15", "-p", "443", *VIRTUAL, "-c", "1",
                        "--output-filter", "", "-f", "timestamp_ts,timestamp_us",
                        "--set", "output.header=false", *flags)
        rows = integers(run.stdout).reshape(-1, 2).astype(np.int64)
        self.assertEqual(len(rows), run.report["syn"])
        times = rows[:, 0] * 1_000_000 + rows[:, 1]
        return np.sort(times) - times.min(), run

    def most_in_a_window(self, times):
        """The most that any 100 ms have; those that begin with a packet have the most. A microsecond
        is what timestamps leave out."""
        ends = np.searchsorted(times, times + WINDOW_US - 1, side="left")
        return int((ends - np.arange(len(times))).max())

    def assert_promise(self, times, rate):
        most = self.most_in_a_window(times)
        self.assertLessEqual(most, rate * WINDOW_US // 1_000_000 + BURST)
        self.assertGreater(most, 0.95 * rate * WINDOW_US / 1_000_000, "the promise is used")

    def assert_lasts(self, times, rate):
        """Nor is it much slower than it may be."""
        self.assertGreater(times[-1] / 1e6, 0.999 * (len(times) - BURST) / rate)
        self.assertLess(times[-1] / 1e6, 1.01 * len(times) / rate + 0.01)

    def test_rates(self):
        for rate, probes in ((300, 900), (1000, 3000), (10_000, 30_000), (77_777, 131_072),
                             (250_000, 131_072), (499_999, 131_072)):
            with self.subTest(rate=rate):
                times, _ = self.sent_us("closed", "-r", rate, "-n", probes)
                self.assert_promise(times, rate)
                self.assert_lasts(times, rate)

    def test_the_default_rate(self):
        device, _ = self.device(answering("closed"))
        status, out, err = self.asdic("scan", "-i", device, "20.0.0.0/15", "-p", "443", "-n", "20000",
                                      "--virtual-clock", "-q", "--output-filter", "", "-f",
                                      "timestamp_ts,timestamp_us", "--set", "output.header=false")
        self.assertEqual(status, 0, err)
        rows = integers(out.encode()).reshape(-1, 2).astype(np.int64)
        self.assert_promise(np.sort(rows[:, 0] * 1_000_000 + rows[:, 1]), 10_000)

    def test_bandwidth(self):
        rate = 20_000
        times, _ = self.sent_us("closed", "-r", "1M", "-B", rate * SYN_BITS, "-n", "60000")
        # The burst of bits is that of as many frames of the largest size.
        burst = BURST * (1514 + 24) // (66 + 24) + 1
        self.assertLessEqual(self.most_in_a_window(times), rate // 10 + burst)
        self.assertGreater(times[-1] / 1e6, 0.999 * (60_000 - burst) / rate)
        self.assertLess(times[-1] / 1e6, 1.02 * 60_000 / rate)

    def test_the_lower_of_both_holds(self):
        times, _ = self.sent_us("closed", "-r", "5000", "-B", "1G", "-n", "15000")
        self.assert_promise(times, 5000)

    def test_answers_share_the_rate_and_come_first(self):
        """Every probe is followed by a RST: half of the rate is left for probes."""
        rate, probes = 20_000, 40_000
        times, run = self.sent_us("open", "-r", rate, "-n", probes)
        self.assertEqual(run.ledger["resets sent"], probes)
        self.assertLessEqual(self.most_in_a_window(times), rate // 10 + BURST)
        seconds = times[-1] / 1e6
        self.assertGreater(seconds, (2 * probes - rate * LATENCY_MS / 1000 - 2 * BURST) / rate * 0.99)
        self.assertLess(seconds, 1.02 * 2 * probes / rate + 0.1)


if __name__ == "__main__":
    unittest.main()
