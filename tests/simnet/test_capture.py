#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames as they leave, by net_pcap into a file: what the rig sends at speed and what a scan sends, against
checksums, cookies (SipHash) and a port plan computed here."""

import ipaddress
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

TESTS = pathlib.Path(__file__).resolve().parent.parent
ASDIC = os.environ.get("ASDIC", str(TESTS.parent / "build/app/asdic"))
BENCH = os.environ.get("ASDIC_BENCH", str(TESTS.parent / "build/app/asdic-bench"))
RESERVED = TESTS.parent / "config/reserved-ipv4.conf"

PEER = "02:00:00:00:00:01"
MOST = 200_000  # frames that are looked at
MASK = (1 << 64) - 1

# The rig's key is the public one of tests. Probes have half of the 110 slots of 256 ports from 32768 on.
KEY = int.from_bytes(bytes(range(8)), "little"), int.from_bytes(bytes(range(8, 16)), "little")
FIRST_PORT, SLOTS = 32768, 55

OPTIONS = {"windows": "020405b4010303080101 0402", "mss": "020405b4",
           "linux": "020405b40402080a 00000000 00000000 01030307"}
WINDOW = {"windows": 64240, "mss": 65535, "linux": 64240}


def rotate(x, by):
    return x << np.uint64(by) | x >> np.uint64(64 - by)


def siphash(block):
    """SipHash-2-4 (Aumasson, Bernstein) of messages of one block each, length included."""
    v = [np.full(len(block), (k ^ c) & MASK, dtype=np.uint64) for k, c in (
        (KEY[0], 0x736F6D6570736575), (KEY[1], 0x646F72616E646F6D),
        (KEY[0], 0x6C7967656E657261), (KEY[1], 0x7465646279746573))]

    def rounds(n):
        for _ in range(n):
            v[0] += v[1]
            v[2] += v[3]
            v[1] = rotate(v[1], 13) ^ v[0]
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] += v[1]
            v[0] += v[3]
            v[1] = rotate(v[1], 17) ^ v[2]
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    v[3] ^= block
    rounds(2)
    v[0] ^= block
    v[2] ^= np.uint64(0xFF)
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def read_capture(path):
    """The frames of a capture, a row each; all are of one length."""
    data = np.fromfile(path, dtype=np.uint8)
    length = int(data[32:36].view("<u4")[0])
    rows = (len(data) - 24) // (16 + length) # the last may be cut off, where the rig was stopped
    frames = data[24:24 + rows * (16 + length)].reshape(rows, 16 + length)[:MOST]
    assert (frames[:, 8:12].copy().view("<u4") == length).all(), "frames of several lengths"
    return frames[:, 16:]


def number(frames, first, size):
    """A field of all frames."""
    total = np.zeros(len(frames), dtype=np.uint64)
    for i in range(first, first + size):
        total = total << np.uint64(8) | frames[:, i].astype(np.uint64)
    return total


def sum_words(frames, first, end):
    return sum(number(frames, i, 2) for i in range(first, end, 2))


def folded(total):
    for _ in range(4):
        total = (total & np.uint64(0xFFFF)) + (total >> np.uint64(16))
    return total


class Capture(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="asdic-capture-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "sent.pcap")
        self.device = f"net_pcap0,tx_pcap={self.file}"

    def command(self, *arguments):
        done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=250, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check_headers(self, frames, profile):
        """All that does not depend on the target, and both checksums."""
        options = bytes.fromhex(OPTIONS[profile])
        length = 40 + len(options)
        self.assertTrue((frames[:, :6] == list(bytes.fromhex(PEER.replace(":", "")))).all())
        for first, size, value in ((12, 2, 0x0800), (14, 2, 0x4500), (16, 2, length), (20, 2, 0x4000),
                                   (23, 1, 6), (42, 4, 0), (46, 1, (20 + len(options)) << 2), (47, 1, 2),
                                   (48, 2, WINDOW[profile]), (52, 2, 0)):
            self.assertTrue((number(frames, first, size) == value).all(), f"bytes from {first} on")
        constant = np.array([i for i in range(len(options)) if profile != "linux" or not 8 <= i < 12])
        self.assertTrue((frames[:, 54 + constant] == np.frombuffer(options, np.uint8)[constant]).all())
        self.assertTrue((frames[:, 14 + length:] == 0).all(), "padding")
        self.assertTrue((folded(sum_words(frames, 14, 34)) == 0xFFFF).all(), "IPv4 checksums")
        pseudo = sum_words(frames, 26, 34) + np.uint64(6 + length - 20)
        self.assertTrue((folded(pseudo + sum_words(frames, 34, 14 + length)) == 0xFFFF).all(), "TCP checksums")

    def check_cookies(self, frames):
        """Sequence number, source port and IP ID, all of the target alone."""
        target, port = number(frames, 30, 4), number(frames, 36, 2)
        cookie = siphash(target | port << np.uint64(32) | np.uint64(7 << 56))
        high = cookie >> np.uint64(32)
        slot = ((high >> np.uint64(8) & np.uint64(0xFFF)) * np.uint64(SLOTS)) >> np.uint64(12)
        self.assertTrue((number(frames, 38, 4) == cookie & np.uint64(0xFFFFFFFF)).all())
        self.assertTrue((number(frames, 34, 2) ==
                         np.uint64(FIRST_PORT) + slot * np.uint64(256) + (high & np.uint64(0xFF))).all())
        self.assertTrue((number(frames, 18, 2) == (high ^ high >> np.uint64(16)) & np.uint64(0xFFFF)).all())

    def targets(self, frames):
        """address << 16 | port, each of them once."""
        keys = number(frames, 30, 4) << np.uint64(16) | number(frames, 36, 2)
        self.assertEqual(len(np.unique(keys)), len(keys))
        return keys

    def test_siphash(self):
        """The second vector of its authors' that is of seven bytes."""
        block = np.array([0x0706050403020100 & (1 << 56) - 1 | 7 << 56], dtype=np.uint64)
        self.assertEqual(int(siphash(block)[0]), 0xAB0200F58B01D137)

    def test_the_rig(self):
        for profile in OPTIONS:
            with self.subTest(profile=profile):
                self.command(BENCH, "tx", "--device", self.device, "--peer-mac", PEER, "--seconds", 1,
                             "--rate", "100k", "--profile", profile)
                frames = read_capture(self.file)
                self.assertGreater(len(frames), 1000)
                self.check_headers(frames, profile)
                self.check_cookies(frames)
                keys = self.targets(frames)
                self.assertTrue((keys >> np.uint64(33) == (198 << 24 | 18 << 16) >> 17).all(), "198.18.0.0/15")
                self.assertTrue((number(frames, 26, 4) == (198 << 24 | 18 << 16 | 1)).all())

    def test_a_scan(self):
        """Nothing reserved, and what --dry-run says."""
        scan = [ASDIC, "scan", "-p", "80", "-n", 5000, "-e", 42, "-i", self.device, "-G", PEER, "-S", "192.0.2.10",
                "-q", "--set", "contact.email=tests@example.com"]
        self.command(*scan, "-r", "100k", "-c", 0, "-o", self.file + ".csv")
        frames = read_capture(self.file)
        self.check_headers(frames, "windows")
        keys = self.targets(frames)
        planned = [line.split(",") for line in self.command(*scan, "--dry-run").split()]
        self.assertEqual(sorted(keys.tolist()),
                         sorted(int(ipaddress.IPv4Address(a)) << 16 | int(port) for a, port in planned))
        for line in RESERVED.read_text(encoding="utf-8").splitlines():
            if line.split("#")[0].strip():
                network = ipaddress.IPv4Network(line.split("#")[0].split()[0])
                inside = (keys >> np.uint64(16 + 32 - network.prefixlen)) == \
                    int(network.network_address) >> (32 - network.prefixlen)
                self.assertFalse(inside.any(), f"{network} is reserved")


class Arguments(unittest.TestCase):
    """What the rig refuses, and that machines get the figures alone."""

    def rig(self, *arguments):
        done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_refused(self):
        network = ("tx", "--device", "net_af_packet0,iface=lo")
        for arguments, told in (
                (("tx", "--bogus"), "asdic-bench tx: unknown flag '--bogus'; see 'asdic-bench tx --help'\n"),
                (("tx", "--seconds"), "asdic-bench tx: --seconds needs an argument\n"),
                (("rx", "x"), "asdic-bench rx: takes flags alone, not 'x'; see 'asdic-bench rx --help'\n"),
                (("tx", "--json", "/nosuch/a"), "asdic-bench: cannot write '/nosuch/a': No such file or directory\n"),
                (network, "asdic-bench: 'net_af_packet0,iface=lo' reaches a network: give the peer's --peer-mac\n"),
                ((*network, "--peer-mac", PEER, "--include", "11.0.0.0/8"),
                 "asdic-bench: 'net_af_packet0,iface=lo' reaches a network: its targets are 198.18.0.0/15, "
                 "without --include\n")):
            with self.subTest(arguments):
                self.assertEqual(self.rig(*arguments), (2, "", told))

    def test_figures_on_standard_output(self):
        status, stdout, stderr = self.rig("tx", "--seconds", "1", "--json", "-")
        self.assertEqual((status, set(json.loads(stdout)["pps"])), (0, {"median", "min", "max"}), stderr)
        self.assertIn("Mpps", stderr)


if __name__ == "__main__":
    unittest.main()
