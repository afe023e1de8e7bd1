#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Lists of targets in all their forms, and what is said of bad ones."""

import os
import random
import re
import subprocess
import unittest

import numpy as np

from harness import OPEN, SANITIZED, VIRTUAL, SimnetTest, Targets, network, target_text, world

CIDR = "20.7.0.0/22"
WORLD = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, duplicate="30%"), seed=23)
OPEN_TARGETS = {target_text(key) for key in Targets(CIDR, ports=[80, 443]).in_state(WORLD, OPEN)}


class Lists(SimnetTest):
    def targets(self, *flags, stdin=None, status=0):
        """What a scan would probe, as a set of address:port; or what it says against it."""
        got, out, err = self.asdic("scan", "-i", "net_null0", "-d", *flags, stdin=stdin)
        self.assertEqual(got, status, err)
        return {line.replace(",", ":") for line in out.splitlines()} if status == 0 else err

    def compressed(self, name, text):
        path = self.write(name, text)
        subprocess.run(["zstd", "-q", "--rm", path], check=True)
        return path + ".zst"

    def test_forms(self):
        path = self.write("list", "\ufeff# a list\r\n20.0.0.1\r\n20.0.0.2:443,www.example.com\r\n"
                          "20.0.0.3,8080 \r\n20.0.0.4,b.example.com,tag,22\r\n20.0.0.6-20.0.0.7 # two\r\n20.0.0.8/31")
        self.assertEqual(self.targets("-p", "80", "-I", path),
                         {"20.0.0.1:80", "20.0.0.2:443", "20.0.0.3:8080", "20.0.0.4:22", "20.0.0.6:80",
                          "20.0.0.7:80", "20.0.0.8:80", "20.0.0.9:80"})

    def test_several_lists_compressed_or_not_and_standard_input(self):
        a = self.compressed("a", "20.0.0.1:1\n")
        b = self.write("b", "saddr,sport\n20.0.0.2,2\n")
        found = self.targets("-I", a, "-I", b, "-I", "-", stdin="20.0.0.3:3\n20.0.0.1:1")
        self.assertEqual(found, {"20.0.0.1:1", "20.0.0.2:2", "20.0.0.3:3"})

    def test_compressed_exclusions_hold(self):
        """Also by the gate, which reads them by itself: it denies as many as the table leaves out."""
        path = self.compressed("out", "\ufeff20.7.0.0/25\r\n20.7.1.3 # one\r\n20.7.3.255")
        found = self.targets(CIDR, "-p", "80", "-b", path)
        self.assertEqual(len(found), 1024 - 130)
        self.assertFalse({"20.7.0.9:80", "20.7.1.3:80", "20.7.3.255:80"} & found)
        reserved = self.asdic("plan", "-i", "net_null0", "-p", "80", CIDR)[1]
        plan = self.asdic("plan", "-i", "net_null0", "-p", "80", CIDR, "-b", path)[1]
        denied = [int(re.search(r"^exclusions +(\d+)", text, re.M)[1]) for text in (reserved, plan)]
        self.assertEqual(denied[1] - denied[0], 130)

    def test_what_answered_is_scanned_again(self):
        """NDJSON and CSV of a scan, of every reply, give what was open and no more."""
        for name, flags in (("all.ndjson.zst", ()),
                            ("all.csv", ("-f", "classification,sport,saddr,success,repeat")),
                            ("open.csv.zst", ("--output-filter", "success = 1 && repeat = 0"))):
            with self.subTest(name):
                self.scan(WORLD, CIDR, "-p", "80,443", "-e", "4", "-c", "2", "--output-filter", "",
                          "-o", name, *flags, *VIRTUAL)
                self.assertEqual(self.targets("-I", str(self.folder / name)), OPEN_TARGETS)

    def test_a_ping_takes_the_addresses_of_records(self):
        path = self.write("a.ndjson", '{"record":"banner","ip":"20.0.0.1","port":22}\n')
        self.assertEqual(self.targets("-M", "icmp_echoscan", "-I", path), {"20.0.0.1:0"})
        err = self.targets("-M", "icmp_echoscan", "-I", "-", stdin="20.0.0.1:22\n", status=2)
        self.assertIn("standard input:1:1: '20.0.0.1:22' has a port, but icmp_echoscan", err)

    def test_names_are_kept(self):
        path = self.write("list", "20.0.0.1:443,a.example\n20.0.0.1:443,b.example\n20.0.0.1:443,A.example.\n")
        status, out, err = self.asdic("plan", "-i", "net_null0", "-I", path)
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"(?m)^targets +1: .* 1 address:port pairs, 2 names$")

    def test_every_bad_line_is_told(self):
        lines = ["20.0.0.1"] * 300
        bad = random.Random(1).sample(range(300), 40)
        for number in bad:
            lines[number] = f"20.0.0.{300 + number}"
        err = self.targets("-p", "80", "-I", self.write("list", "\n".join(lines)), status=2)
        told = [int(n) for n in re.findall(r"^\S+/list:(\d+):1: '20\.0\.0\.\d+' is not a target; ", err, re.M)]
        self.assertEqual(told, sorted(number + 1 for number in bad))
        self.assertRegex(err, r"asdic: 40 faults\n$")

    def test_of_too_many_bad_lines_the_number(self):
        err = self.targets("-p", "80", "-I", "-", stdin="bad\n" * 12345, status=2)
        self.assertEqual(len(re.findall("^standard input:", err, re.M)), 100)
        self.assertIn("\nand 12245 more\nasdic: 12345 faults\n", err)

    def test_bad_exclusions_are_fatal(self):
        path = self.write("out", "20.0.0.0/33\n# fine\n20.0.0.1:80\n")
        err = self.targets(CIDR, "-p", "80", "-b", path, status=2)
        self.assertRegex(err, r"out:1:1: '20.0.0.0/33' has a prefix longer than 32")
        self.assertRegex(err, r"out:3:1: '20.0.0.1:80' excludes a port")

    def test_files_that_cannot_be_read(self):
        cut = self.folder / self.compressed("cut", "20.0.0.1\n" * 1000)
        cut.write_bytes(cut.read_bytes()[:-3])
        for path, words in (("none", "No such file or directory"), (str(self.folder), "Is a directory"),
                            (str(cut), "its compressed bytes are damaged, or end too soon; give what 'zstd -dc' makes")):
            for flag in ("-I", "-b"):
                with self.subTest(path=path, flag=flag):
                    err = self.targets("-p", "80", flag, path, status=2)
                    self.assertIn(f"cannot read '{path}': {words}", err)
        if os.geteuid() != 0:
            os.chmod(cut, 0)
            self.assertIn("Permission denied", self.targets("-p", "80", "-I", str(cut), status=2))

    def test_a_million_lines(self):
        """In any order, less 100,000 exclusions that overlap: exact, and in little more than what stays."""
        rng = np.random.default_rng(7)
        listed = rng.integers(20 << 24, 30 << 24, size=1000000, dtype=np.int64)
        lengths = rng.choice([20, 24, 28, 32], p=[0.001, 0.099, 0.4, 0.5], size=100000)
        sizes = 1 << (32 - lengths)
        firsts = rng.integers(20 << 24, 30 << 24, size=100000, dtype=np.int64) // sizes * sizes

        def text(address):
            return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"

        targets = self.write("targets", "".join(f"{text(a)}\n" for a in listed.tolist()))
        out = self.write("out", "".join(f"{text(a)}/{n} # {i}\r\n" for i, (a, n) in enumerate(
            zip(firsts.tolist(), lengths.tolist()))))
        # How many exclusions cover each place, as a running sum of their starts and ends.
        ends = np.sort(firsts + sizes)
        starts = np.sort(firsts)
        unique = np.unique(listed)
        covered = np.searchsorted(starts, unique, side="right") - np.searchsorted(ends, unique, side="right")
        status, plan, err = self.asdic("plan", "-i", "net_null0", "-p", "80", "-I", targets, "-b", out,
                                       "--set", "contact.email=a@example.org")
        self.assertEqual(status, 0, err)
        self.assertEqual(int(re.search(r"^targets +(\d+):", plan, re.M)[1]), np.count_nonzero(covered == 0))
        if not SANITIZED:
            self.assertLess(int(re.search(r"(\d+) MB was the most", plan)[1]), 40)

    def test_a_job_without_end(self):
        status, _, err = self.asdic("check", "/dev/zero", timeout=60)
        self.assertEqual((status, err.splitlines()[0]),
                         (2, "/dev/zero: longer than 4194304 bytes; put long lists into files of their own"))

    def test_flags_that_a_command_does_not_take(self):
        for arguments, told in (
                (("world", "--bogus"), "asdic: world: unknown flag '--bogus'; see 'asdic world --help'\n"),
                (("rate", "-B"), "asdic: rate: -B needs an argument\n"),
                (("exclude", "--reason"), "asdic: exclude: --reason needs an argument\n"),
                (("doctor", "--root", "/nosuch"),
                 "asdic doctor: '/nosuch' is no folder; --root takes one with a copy of proc and sys\n"),
                (("scna",), "asdic: unknown command 'scna'; did you mean 'scan'?\n")):
            with self.subTest(arguments):
                self.assertEqual(self.asdic(*arguments), (2, "", told))

    def test_standard_input_is_read_once(self):
        for flags in (("-I", "-", "-b", "-"), ("-I", "-", "-I", "-"), ("-b", "-", "-")):
            with self.subTest(flags):
                err = self.targets("-p", "80", *flags, stdin="20.0.0.1\n", status=2)
                self.assertRegex(err, "standard input")
                self.assertNotIn("no targets", err)

    def test_lists_without_targets(self):
        self.assertIn("-I: no targets: the lists that 'targets' names have none in them",
                      self.targets("-p", "80", "-I", "-", stdin="# none\n", status=2))
        self.assertIn("-I: no targets are left after exclusions; reserved ranges",
                      self.targets("-p", "80", "-I", "-", stdin="10.0.0.1\n", status=2))


if __name__ == "__main__":
    unittest.main()
