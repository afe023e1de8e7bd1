#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The whole of 0.0.0.0/0 less the reserved ranges, on a world that loses nothing: 3.7 billion probes,
each target once, none of them reserved, and the truth found exactly, in bounded memory."""

import pathlib
import resource
import unittest

import numpy as np
import yaml

from harness import FAST, OPEN, TESTS, SimnetTest, Targets, network, truth, world

RESERVED_LIST = TESTS.parent / "config/reserved-ipv4.conf"
MEMORY_MAX_KB = 2 << 20


def reserved_networks():
    lines = pathlib.Path(RESERVED_LIST).read_text(encoding="utf-8").splitlines()
    return [line.split("#")[0].split()[0] for line in lines if line.split("#")[0].strip()]


class Internet(SimnetTest):
    def truth_in_slash8s(self, text, ranges):
        """The open addresses, one array for each /8."""
        described = truth.World(yaml.safe_load(text))
        for first in range(0, 1 << 32, 1 << 24):
            inside = truth.subtract(ranges, [(0, first - 1)] if first else [])
            last = first + (1 << 24) - 1
            inside = truth.subtract(inside, [(last + 1, truth.LAST)] if last < truth.LAST else [])
            found = list(truth.addresses(described, inside, 443, OPEN))
            yield first, np.concatenate(found) if found else np.array([], dtype=np.uint64)

    def test_every_public_address(self):
        reserved = reserved_networks()
        self.assertGreater(len(reserved), 10)
        text = world(*[network(cidr, default={"open": "100%"}) for cidr in reserved],
                     network("0.0.0.0/0", ports={443: {"open": "0.4%", "closed": "1%"}},
                             default={"open": "10%"}, latency={"min": "5ms", "max": "300ms"},
                             synack_retries=3),
                     seed=2026)
        targets = Targets("0.0.0.0/0", ports=[443], minus=reserved)
        output = self.folder / "found.csv"
        # The world holds what a thread that waits long for a CPU does not fetch.
        run = self.scan(text, "-p", "443", "-o", output, "-f", "saddr_raw", *FAST, "-c", "8",
                        "--set", "output.header=false", timeout=3000, devargs={"events": 1 << 23})
        memory_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{run.report['syn']:,} probes in {run.seconds:.0f} s, "
              f"{run.report['syn'] / run.seconds / 1e6:.2f} M/s, {memory_kb >> 10} MB")

        self.assertGreater(len(targets), 3_600_000_000)
        self.assert_probed(run, targets)
        self.assertEqual([run.syn_of(cidr) for cidr in reserved], [0] * len(reserved))
        self.assert_reconciles(run)
        self.assertLess(memory_kb, MEMORY_MAX_KB)

        found = np.fromfile(output, dtype=np.uint64, sep="\n").astype(np.uint32).byteswap()
        found.sort()
        ranges, _ = targets.parts[0]
        for first, expected in self.truth_in_slash8s(text, ranges):
            start, end = np.searchsorted(found, [first, first + (1 << 24)])
            self.assertTrue(np.array_equal(found[start:end], expected),
                            f"{first >> 24}.0.0.0/8: {end - start} found, {len(expected)} are open")


if __name__ == "__main__":
    unittest.main()
