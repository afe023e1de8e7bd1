#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Targets by name in direct mode: looked up from the root down by a process that has the scan's job, then probed
and grabbed with their names; and names that are excluded, stopped and gone on with."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import yaml

from harness import ASDIC, OPEN, VIRTUAL, CertifiedTest, Targets, network, target_text, truth_names, world

WEB = "20.1.0.0/22"
# The servers are in a range that no scan asks unless its job allows it.
DNS = network("198.18.0.0/24", ports={53: {"open": "100%", "service": {"kind": "dns", "authority": True}}},
              latency={"min": "5ms", "max": "50ms"}, loss={"out": "1%", "back": "1%"})
CERTIFICATES = {"folder": "certificates", "count": 4, "chain": "1-2", "names": "1-4", "keys": ["p256"]}


def servers(*numbers):
    return [{"name": f"ns{number}.example", "address": f"198.18.0.{number}"} for number in numbers]


ZONES = [{"zone": "", "servers": servers(1, 2)}, {"zone": "example", "servers": servers(3, 4)},
         {"zone": "com", "servers": servers(5, 6)}, {"zone": "example.com", "servers": servers(7, 8)}]
ZONES[0]["zone"] = "."
TEXT = world(DNS, network(WEB, ports={443: {"open": "50%", "services": {"web": "100%"}}},
                          latency={"min": "5ms", "max": "50ms"}),
             services={"web": {"kind": "tls"}}, certificates=CERTIFICATES, zones=ZONES,
             names={"exists": "80%", "alias": "20%", "addresses": WEB}, seed=5)
# In real time a busy machine is slow enough.
CALM = TEXT.replace("1%", "0%")
NAMES = [f"n{i}.example.com" for i in range(150)]


class Named(CertifiedTest):
    CERTIFICATES = CERTIFICATES

    @classmethod
    def setUpClass(cls):
        cls.says = truth_names.Names(yaml.safe_load(TEXT))
        cls.open = {target_text(key).partition(":")[0] for key in Targets(WEB, ports=[443]).in_state(TEXT, OPEN)}

    def flags(self, *more, names=None, allow="198.18.0.0/24"):
        path = self.write("names.txt", "".join(f"{name}\n" for name in names or NAMES))
        return ("-I", path, "-p", "443", "-c", "1", "--set", "grabs=[{module: tls, timeout: 10s}]", "-o", "out.ndjson",
                "--set", "dns={mode: direct, resolvers: [198.18.0.1, 198.18.0.2], timeout: 5s, tries: 6}",
                "--set", f"targets.allow_reserved=[{allow}]", *more)

    def records(self):
        """By kind."""
        kinds = collections.defaultdict(list)
        for line in (self.folder / "out.ndjson").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            kinds[record["record"]].append(record)
        return kinds

    def manifest(self):
        return json.loads((self.folder / "out.ndjson.manifest.json").read_text())

    def pairs(self, names=None):
        """(address, name) of every name, as the world has them."""
        return {(answer["answer"], name) for name in names or NAMES for answer in self.says.answer(name, "A")[1]
                if answer["type"] == "A"}

    def check(self, pairs, left_out=frozenset()):
        """Every pair is a target with its name, and each name has told what it points to."""
        kinds = self.records()
        addresses = {address for address, _ in pairs}
        self.assertEqual({r["saddr"] for r in kinds["scan"]}, addresses & self.open)
        self.assertCountEqual([(r["ip"], r["domain"]) for r in kinds["tls"]],
                              [(address, name) for address, name in pairs if address in self.open])
        self.assertCountEqual([r["name"] for r in kinds["dns"]], NAMES)
        for record in kinds["dns"]:
            name = record["name"]
            status, answers = self.says.answer(name, "A")
            self.assertEqual((record["origin"], record["results"]["A"]["status"]), ("target", status), name)
            self.assertEqual(record["results"]["A"].get("data", {}).get("answers", []), answers, name)
            self.assertEqual(set(record.get("excluded", [])), {a for a, n in left_out if n == name}, name)
        manifest = self.manifest()
        self.assertEqual(manifest["dns"]["mode"], "direct")
        self.assertEqual(manifest["target_names"], len(NAMES))
        self.assertEqual(manifest["target_names_without_address"],
                         len(NAMES) - len({name for _, name in pairs | left_out}))
        self.assertEqual(manifest["target_names_left_out"], len(left_out))
        self.assertNotIn("points to", json.dumps(manifest))

    def test_each_is_probed_with_its_name(self):
        run = self.scan(TEXT, *self.flags(), *VIRTUAL)
        pairs = self.pairs()
        self.assertEqual(run.ledger["probes sent"], len({address for address, _ in pairs}))
        self.assertEqual(run.ledger["target records made"], len(NAMES))
        self.check(pairs)

    def test_who_points_into_an_exclusion(self):
        """Left out, and told: on standard error, in the name's record, and how many in the manifest."""
        pairs = self.pairs()
        out = {pair for pair in pairs if int(pair[0].split(".")[2]) < 2}
        self.assertTrue(out and out < pairs)
        run = self.scan(TEXT, *self.flags("--set", "targets.exclude=[20.1.0.0/23]"), *VIRTUAL)
        self.check(pairs - out, out)
        self.assertIn(f"asdic: and {len(out) - 10} more addresses that targets' names point to are left out", run.stderr)
        self.assertEqual(run.ledger["probes gated"], 0)

    def test_excluded_servers_are_not_asked(self):
        """All of them are: no name has an address, and nothing is left to scan."""
        for more in (["--set", "targets.exclude=[198.18.0.7-198.18.0.8]"], None):
            flags = self.flags(*more, "--force") if more else self.flags("--force", allow="198.18.1.0/24")
            device, _ = self.device(TEXT)
            status, _, stderr = self.asdic("scan", "-i", device, *flags, *VIRTUAL)
            self.assertEqual(status, 2, stderr)
            self.assertIn("150 of 150 targets' names have no address", stderr)

    def test_what_the_other_process_is_given(self):
        """Contact, lcores, bandwidth, an interface's VLAN and rate: texts that need quotes, too."""
        device, _ = self.device(CALM)
        job = {"name": "a-b_c.1", "contact": {"operator": "O'Neill: \"x\"", "email": "a@example.org"},
               "interfaces": [{"device": device, "addresses": ["198.51.100.8/30"], "vlan": 7, "rate": 5000,
                               "source_ports": "40000-48191"}],
               "rate": 7000, "bandwidth": "100M", "lcores": {"probers": [0], "receivers": [0], "workers": [1]},
               "targets": {"include_files": [self.write("names.txt", "".join(f"{name}\n" for name in NAMES))],
                           "ports": [443], "allow_reserved": ["198.18.0.0/24"]},
               "dns": {"mode": "direct", "resolvers": ["198.18.0.1"], "timeout": "5s", "tries": 6, "rate": 3000},
               "output": {"file": "out.ndjson"}, "limits": {"cooldown": "1s"}}
        status, _, stderr = self.asdic("scan", self.write("job.yaml", yaml.safe_dump(job)), "-q")
        self.assertEqual(status, 0, stderr)
        self.assertEqual({r["saddr"] for r in self.records()["scan"]}, {address for address, _ in self.pairs()} & self.open)

    def test_csv_has_no_records_of_names(self):
        self.scan(TEXT, *self.flags("-o", "out.csv"), *VIRTUAL)
        rows = (self.folder / "out.csv").read_text().splitlines()
        self.assertEqual(set(rows[1:]), {address for address, _ in self.pairs()} & self.open)

    def test_stopped_while_names_are_looked_up(self):
        """By a signal to the scan alone: both processes end, and nothing is left."""
        device, _ = self.device(CALM)
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen([ASDIC, "scan", "-i", device, *self.flags("--set", "dns.rate=20"), "-q"],
                                       cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(process.communicate)
            child = self.child_of(process)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, stderr)
            self.assertFalse(pathlib.Path(f"/proc/{child}").exists(), "the other process is left")
            self.assertFalse((self.folder / "out.ndjson").exists())

    def test_killed_while_names_are_looked_up(self):
        """The other process does not go on asking for a scan that is no more."""
        device, _ = self.device(CALM)
        process = subprocess.Popen([ASDIC, "scan", "-i", device, *self.flags("--set", "dns.rate=20"), "-q"],
                                   cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        child = self.child_of(process)
        process.kill()
        process.wait()
        end = time.monotonic() + 60
        while pathlib.Path(f"/proc/{child}").exists() and self.state_of(child) != "Z" and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn(self.state_of(child), ("Z", None))

    def test_excluded_while_names_are_looked_up(self):
        """The other process confirms it, asks them no more, and so does the scan."""
        device, _ = self.device(CALM)
        flags = self.flags("--set", "dns.rate=15", names=[*NAMES, "20.1.0.1"])
        process = subprocess.Popen([ASDIC, "scan", "-i", device, *flags, "-q"],
                                   cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        child = self.child_of(process)
        status, out, err = self.asdic("exclude", "198.18.0.7-198.18.0.8")
        self.assertEqual(status, 0, err)
        self.assertTrue(pathlib.Path(f"/proc/{child}").exists(), "it was over before: nothing is tested")
        _, stderr = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, stderr)
        statuses = collections.Counter(record["results"]["A"]["status"] for record in self.records()["dns"])
        self.assertEqual(sum(statuses.values()), len(NAMES))
        self.assertGreater(statuses["BLOCKED"], 20, statuses)

    @staticmethod
    def state_of(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return None

    def child_of(self, process):
        """Once it runs asdic, and asks."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            if children and list(self.folder.glob(f"run/*{children[0]}*")):
                return int(children[0])
            time.sleep(0.02)
        self.fail("no other process in a minute")

    def test_gone_on_with(self):
        """With the addresses of the first run and what it left out, whoever would answer by then."""
        pairs = self.pairs()
        out = {pair for pair in pairs if int(pair[0].split(".")[2]) < 1}
        device, _ = self.device(CALM)
        flags = ["scan", "-i", device, *self.flags("-r", "60", "--set", "targets.exclude=[20.1.0.0/24]",
                                                   "--set", "dns.rate=2k"), "-q"]
        self.kill_soon(*flags)
        for path in pathlib.Path(self.folder).glob("*.part"):
            os.unlink(path)
        status, _, stderr = self.asdic(*flags, "--set", "dns.resolvers=[198.18.0.99]", "--resume")
        self.assertEqual(status, 0, stderr)
        self.check(pairs - out, out)


if __name__ == "__main__":
    unittest.main()
