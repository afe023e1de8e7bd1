#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""asdic's truth against that of tests/truth.py: truth_agrees.py ASDIC."""

import ipaddress
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import truth  # noqa: E402

ASDIC = sys.argv.pop() if len(sys.argv) > 1 else "build/app/asdic"

WORLDS = {
    "plain": "seed: 1\nnetworks: [{cidr: 0.0.0.0/0, ports: {443: {open: 1.1%, closed: 4%}}, "
             "default: {open: 0.02%, closed: 3%}, unreachable: 0.5%}]",
    "digits": "seed: 18446744073709551615\nnetworks: [{cidr: 0.0.0.0/0, default: "
              "{open: 33.3333333333333333%, closed: 0.0000000000000001%}, "
              "unreachable: 66.6666666666666666%}]",
    "overlaps": "seed: 77\nnetworks:\n"
                "- {cidr: 10.0.3.0/24, default: {open: 100%}}\n"
                "- {cidr: 10.0.2.200-10.0.4.9, default: {closed: 100%}}\n"
                "- {cidr: 10.0.0.0/16, ports: {80: {open: 50%}, 443: {open: 0%}}, default: "
                "{open: 25%, closed: 25%}, unreachable: 25%}\n"
                "- {cidr: 10.0.255.255, default: {open: 100%}}\n"
                "- {cidr: 10.2.0.0/15, default: {open: 12.5%}}\n",
    "silent": "networks: []",
}
RANGES = ["10.0.0.0/14", "198.51.100.7-198.51.101.9", "255.255.255.0/24", "0.0.0.0/25", "10.0.3.7"]


class TruthAgrees(unittest.TestCase):
    def test_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in WORLDS.items():
                path = pathlib.Path(folder) / f"{name}.yaml"
                path.write_text(text, encoding="utf-8")
                for cidr in RANGES:
                    for port in (1, 80, 443, 65535):
                        with self.subTest(world=name, cidr=cidr, port=port):
                            self.compare(path, cidr, port)

    def compare(self, path, cidr, port):
        ranges, world = truth.read_ranges([cidr]), truth.load(path)
        counts = truth.count(world, ranges, port)
        for number, state in enumerate(truth.STATES):
            done = subprocess.run([ASDIC, "world", str(path), f"--{state}", cidr, "--port", str(port)],
                                  capture_output=True, text=True, check=True)
            listed = [int(ipaddress.IPv4Address(line)) for line in done.stdout.split()]
            expected = [int(a) for part in truth.addresses(world, ranges, port, number) for a in part]
            self.assertEqual(len(expected), counts[state])
            self.assertTrue(listed == expected, f"{state}: {len(listed)}, not {len(expected)}")


SERVICES = ("seed: 12\n"
            "networks:\n"
            "- {cidr: 10.0.1.0/24, default: {open: 100%}, service: silent}\n"
            "- cidr: 10.0.0.0/16\n"
            "  ports:\n"
            "    80: {open: 50%, services: {web: 33.3333333333333333%, tls: 0.1%, echo: 66.5%}}\n"
            "    443: {open: 70%}\n"
            "    22: {open: 70%, service: {banner: x}}\n"
            "    23: {open: 20%, service: web}\n"
            "  default: {open: 10%}\n"
            "  services: {tls: 60%, old: 20%, tarpit: 5%}\n"
            "- {cidr: 0.0.0.0/0, default: {open: 1%}}\n"
            "services:\n"
            "  web: {banner: y, after: blank}\n"
            "  old: {kind: tls, versions: [1.0]}\n"
            "certificates: {folder: shown, count: 5, keys: p256, chain: 1-3, names: 1-3}\n")


class ServicesAgree(unittest.TestCase):
    def test_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "world.yaml"
            path.write_text(SERVICES, encoding="utf-8")
            make = [ASDIC, "world", str(path), "--make-certificates"]
            subprocess.run(make, check=True, capture_output=True)
            self.assertEqual(subprocess.run(make, check=False, capture_output=True).returncode, 1)
            for cidr in ("10.0.0.0/15", "10.0.1.0-10.0.2.9"):
                for port in (22, 23, 80, 443, 1):
                    with self.subTest(cidr=cidr, port=port):
                        self.compare(path, cidr, port)

    def compare(self, path, cidr, port):
        done = subprocess.run([ASDIC, "world", str(path), "--open", cidr, "--port", str(port), "--services"],
                              capture_output=True, text=True, check=True)
        world = truth.load(path)
        expected = [f"{ipaddress.IPv4Address(address)},{name},{world.leaf(number) if kind == 'tls' else ''}"
                    for address, name, kind, number in truth.services(world, truth.read_ranges([cidr]), port)]
        self.assertGreater(len(expected), 0)
        self.assertTrue(done.stdout.splitlines() == expected)


class WorldCommand(unittest.TestCase):
    def asdic(self, *arguments, **keys):
        keys = {"capture_output": True, **keys}
        return subprocess.run([ASDIC, "world", *arguments], text=True, check=False, **keys)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "world.yaml"
        self.path.write_text(WORLDS["plain"], encoding="utf-8")

    def test_good_file(self):
        done = self.asdic(str(self.path))
        self.assertEqual(done.returncode, 0)
        self.assertIn("port 443     open 1.1% closed 4%", done.stdout)

    def test_help(self):
        done = self.asdic("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("usage: asdic world", done.stdout)

    def test_faults(self):
        self.path.write_text("networks: []\nsed: 1\n", encoding="utf-8")
        done = self.asdic(str(self.path))
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("world.yaml:2:1: a world has no key 'sed'; did you mean 'seed'?", done.stderr)

    def test_arguments(self):
        file = str(self.path)
        for arguments in ([], [file, file], [file, "--open", "10.0.0.0/8"], [file, "--port", "80"],
                          [file, "--open", "10.0.0.1/8", "--port", "80"],
                          [file, "--open", "x", "--port", "80"],
                          [file, "--open", "10.0.0.0/8", "--port", "0"],
                          [file, "--open", "1.2.3.4", "--silent", "1.2.3.4", "--port", "80"],
                          [file, "--services"], [file, "--make-certificates"],
                          [file, "--closed", "1.2.3.4", "--port", "80", "--services"],
                          [file, "--nonsense"], [f"{file}.not"]):
            with self.subTest(arguments=arguments):
                done = self.asdic(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")

    def test_output_errors(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = self.asdic(str(self.path), "--open", "10.0.0.0/8", "--port", "443",
                              capture_output=False, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
