#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which targets there are and how shards divide them: exactly, once each, in an order that the seed
decides alone."""

import unittest

import numpy as np

from harness import OPEN, VIRTUAL, SimnetTest, Targets, integers, network, world

NULL = ("-i", "net_null0")


def parse_targets(text):
    """The lines of --dry-run as address * 65536 + port, in their order."""
    rows = integers(text.replace(".", ",").encode()).reshape(-1, 5)
    address = np.zeros(len(rows), dtype=np.uint64)
    for part in range(4):
        address = address << np.uint64(8) | rows[:, part]
    return address << np.uint64(16) | rows[:, 4]


class DryRun(SimnetTest):
    def order(self, *flags):
        status, out, err = self.asdic("scan", "--dry-run", *NULL, *flags)
        self.assertEqual(status, 0, err)
        return parse_targets(out)

    def shards(self, count, *flags):
        return [self.order(*flags, "--shard", f"{i}/{count}") for i in range(1, count + 1)]

    def assert_is_divided(self, whole, parts):
        """Shards follow one another in the order of the whole, and differ by one target at most."""
        self.assertTrue(np.array_equal(np.concatenate(parts), whole), "not the whole, or not in its order")
        self.assertLessEqual(max(map(len, parts)) - min(map(len, parts)), 1)


class Products(DryRun):
    PAIRS = ("9.9.9.9:53", "20.0.0.1:8443", "255.1.2.3:443", "20.0.4.0:443")
    # Three ports times 1,021 addresses, a prime, holes in them, and pairs outside.
    ODD = ("-p", "80,443,8080", "20.0.0.0-20.0.3.255", *PAIRS, "-e", "42", "--set",
           "targets.exclude=[20.0.0.7, 20.0.1.255, 20.0.3.0, 255.0.0.0/8]")

    def odd(self):
        hosts = Targets("20.0.0.0-20.0.3.255", ports=[80, 443, 8080],
                        minus=["20.0.0.7", "20.0.1.255", "20.0.3.0"])
        # A pair that is excluded is none; 255.1.2.3 is reserved as well.
        return (hosts + Targets("9.9.9.9", ports=[53]) + Targets("20.0.0.1", ports=[8443])
                + Targets("20.0.4.0", ports=[443]))

    def test_odd_product_and_pairs(self):
        self.assertEqual(len(self.odd()), 3 * 1021 + 3)
        self.assert_same(self.order(*self.ODD), self.odd().all(), "targets")

    def test_shards_divide_it(self):
        whole = self.order(*self.ODD)
        for count in (1, 3, 4, 7, 1000):
            with self.subTest(shards=count):
                if count == 1000:
                    parts = [self.order(*self.ODD, "--shard", f"{i}/{count}") for i in (1, 2, 500, 1000)]
                    at = [0, len(parts[0])]
                    self.assertTrue(np.array_equal(whole[:len(parts[0])], parts[0]))
                    self.assertTrue(np.array_equal(whole[at[1]:at[1] + len(parts[1])], parts[1]))
                    self.assertTrue(np.array_equal(whole[len(whole) - len(parts[3]):], parts[3]))
                    self.assertEqual({len(part) for part in parts}, {3, 4})
                else:
                    self.assert_is_divided(whole, self.shards(count, *self.ODD))

    def test_more_shards_than_targets(self):
        flags = ("20.0.0.0/31", "-p", "80", "-e", "1")
        parts = self.shards(5, *flags)
        self.assertEqual(sorted(map(len, parts)), [0, 0, 0, 1, 1])
        self.assert_is_divided(self.order(*flags), parts)

    def test_sizes_around_powers_of_two(self):
        for last, count in (("20.0.0.0", 1), ("20.0.0.1", 2), ("20.0.0.2", 3), ("20.0.255.254", 65535),
                            ("20.0.255.255", 65536), ("20.1.0.0", 65537)):
            with self.subTest(count=count):
                hosts = Targets(f"20.0.0.0-{last}", ports=[65535])
                self.assertEqual(len(hosts), count)
                whole = self.order(f"20.0.0.0-{last}", "-p", "65535", "-e", "3")
                self.assert_same(whole, hosts.all(), "targets")
                self.assert_is_divided(whole, self.shards(3, f"20.0.0.0-{last}", "-p", "65535", "-e", "3"))

    def test_five_ports(self):
        flags = ("-p", "22,80,443,8080,65535", "20.16.0.0/12", "-e", "7")
        hosts = Targets("20.16.0.0/12", ports=[22, 80, 443, 8080, 65535])
        found = self.order(*flags)
        self.assertEqual(len(found), 5 << 20)
        found.sort()
        self.assertTrue(np.array_equal(found, hosts.all()), "not the product")

    def test_overlaps_count_once(self):
        found = self.order("-p", "80,80-82,81", "20.0.0.0/28", "20.0.0.8-20.0.0.20", "20.0.0.3",
                           "20.0.0.3:80", "20.0.0.21:80", "20.0.0.21:80")
        expected = Targets("20.0.0.0-20.0.0.20", ports=[80, 81, 82]) + Targets("20.0.0.21", ports=[80])
        self.assert_same(found, expected.all(), "targets")


class Seeds(DryRun):
    FLAGS = ("20.0.0.0/20", "-p", "80,443")

    def test_same_seed_same_order(self):
        self.assertTrue(np.array_equal(self.order(*self.FLAGS, "-e", "11"), self.order(*self.FLAGS, "-e", "11")))

    def test_another_seed_another_order(self):
        one, other = self.order(*self.FLAGS, "-e", "11"), self.order(*self.FLAGS, "-e", "12")
        # In a shuffle about one target stands where it stood.
        self.assertLess(np.count_nonzero(one == other), 12)
        self.assertTrue(np.array_equal(np.sort(one), np.sort(other)))

    def test_no_seed_is_a_random_one(self):
        self.assertFalse(np.array_equal(self.order(*self.FLAGS), self.order(*self.FLAGS)))

    def test_the_order_is_a_shuffle(self):
        """Neighbours in the order are seldom neighbours: of 8,192 a shuffle has about two pairs."""
        order = self.order(*self.FLAGS, "-e", "11").astype(np.int64) >> 16
        self.assertLess(np.count_nonzero(np.abs(np.diff(order)) <= 1), 20)


class Limits(DryRun):
    FLAGS = ("20.0.0.0/22", "-p", "80,443", "-e", "5")

    def test_the_first_n_of_the_order(self):
        whole = self.order(*self.FLAGS)
        for limit, count in (("1", 1), ("1000", 1000), ("2048", 2048), ("2049", 2048), ("10%", 205),
                             ("100%", 2048)):
            with self.subTest(limit=limit):
                self.assertTrue(np.array_equal(self.order(*self.FLAGS, "-n", limit), whole[:count]))

    def test_shards_divide_what_the_limit_leaves(self):
        limited = self.order(*self.FLAGS, "-n", "1001")
        self.assert_is_divided(limited, self.shards(4, *self.FLAGS, "-n", "1001"))


class Scans(SimnetTest):
    WORLD = world(network("0.0.0.0/0", default={"open": "10%", "closed": "20%"},
                          latency={"max": "20ms"}), seed=3)
    FLAGS = ("20.0.0.0-20.0.39.16", "-p", "80,443,8443", "20.1.0.0:22", "-e", "9", "-c", "1", *VIRTUAL)
    TARGETS = Targets("20.0.0.0-20.0.39.16", ports=[80, 443, 8443]) + Targets("20.1.0.0", ports=[22])

    def test_the_union_of_shards(self):
        for count in (3, 4):
            with self.subTest(shards=count):
                runs = [self.responders(self.WORLD, *self.FLAGS, "--shard", f"{i}/{count}")
                        for i in range(1, count + 1)]
                found = np.concatenate([run.found for run in runs])
                self.assert_same(found, self.TARGETS.in_state(self.WORLD, OPEN), "found")
                self.assertEqual(sum(run.report["syn"] for run in runs), len(self.TARGETS))
                self.assertEqual(sum(run.digest for run in runs) % (1 << 64), self.TARGETS.digest())

    def test_a_limit_of_targets(self):
        run = self.responders(self.WORLD, *self.FLAGS, "-n", "777")
        self.assertEqual(run.report["syn"], 777)
        self.assertEqual(run.ledger["probes sent"], 777)


if __name__ == "__main__":
    unittest.main()
