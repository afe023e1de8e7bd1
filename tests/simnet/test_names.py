#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every name that a list gives a target has a handshake of its own, and its record."""

import collections
import json
import signal
import subprocess
import time
import unittest

from harness import ASDIC, VIRTUAL, network, world
from test_grabs import CERTIFICATES, TLS, GrabTest, shown

TEXT = world(network("0.0.0.0/0", ports={443: {"open": "100%", "services": {"tls": "90%", "none": "10%"}},
                                         8443: {"open": "100%", "service": "tls"}},
                     latency={"min": "5ms", "max": "60ms"}, synack_retries=3), certificates=CERTIFICATES, seed=21)
HOSTS = [f"20.16.0.{host}" for host in range(64)]


def names_of(host):
    """From none to eleven names for a host of that number."""
    return [f"n{number}.h{host}.example" for number in range(host % 12)]


class Names(GrabTest):
    def lines(self):
        """A list with names in disorder, some twice and in capitals, and of a port of their own."""
        lines = [f"{address},{name}" for host, address in enumerate(HOSTS) for name in reversed(names_of(host))]
        lines += [f"{HOSTS[5]},N1.H5.Example.", f"{HOSTS[5]}:8443,own.example", f"{HOSTS[5]}:8443,n2.h5.example"]
        return "\n".join(lines + HOSTS) + "\n"

    def expected(self):
        """{(address, port): its names, of which None is the lack of any}."""
        expected = {(address, 443): set(names_of(host)) or {None} for host, address in enumerate(HOSTS)}
        expected[HOSTS[5], 8443] = {*names_of(5), "own.example"}
        return expected

    def arguments(self, cidr, grabs, ports):
        return super().arguments("", grabs, ports)[:-1] + ["-I", "list.txt"]

    def check(self, records):
        described, services = self.services(TEXT, "20.16.0.0/26")
        found = collections.defaultdict(list)
        for record in records:
            found[record["ip"], record["port"]].append(record.get("domain"))
            if record["port"] == 443 and services[record["ip"]][0] == "tls":
                self.assertEqual(shown(record)[0], described.leaf(services[record["ip"]][1]))
                self.assertEqual(record["cause"], "complete")
        self.assertEqual({target: collections.Counter(names) for target, names in found.items()},
                         {target: collections.Counter(names) for target, names in self.expected().items()})

    def test_each_has_its_record(self):
        self.write("list.txt", self.lines())
        grab = TLS.replace("[443]", "[443, 8443]").replace("8s", "2s")
        run = self.grab(TEXT, "", *VIRTUAL[:2], "-q", "-r", "20k", grabs=[grab])
        self.check(run.records["tls"])
        total = sum(map(len, self.expected().values()))
        self.assertEqual(run.ledger["adopted"], len(self.expected()))
        self.assertEqual(run.ledger["further names opened"], total - len(self.expected()))
        self.assertEqual(run.ledger["further names wanted"], total - len(self.expected()))
        # In order, one after another.
        of_one = [record["domain"] for record in run.records["tls"] if record["ip"] == HOSTS[11]]
        self.assertEqual(of_one, sorted(of_one))
        # What did not speak has a name all the same, and no result.
        mute = [record for record in run.records["tls"] if record["service"] == "silent" and "domain" in record]
        self.assertTrue(mute)
        self.assertFalse([record for record in mute if "result" in record["data"]["tls"]])

    def test_with_hardly_room(self):
        self.write("list.txt", self.lines())
        grab = TLS.replace("[443]", "[443, 8443]").replace("8s", "2s")
        run = self.grab(TEXT, "", *VIRTUAL[:2], "-q", "-r", "20k", "--set", "limits.connections=2", grabs=[grab])
        self.check(run.records["tls"])

    def test_a_name_for_all_or_none(self):
        self.write("list.txt", self.lines())
        for sni, names in (("none", {None}), ("one.example", {"one.example"})):
            grab = TLS.replace("[443]", "[443, 8443]").replace("}", f", sni: {sni}}}").replace("8s", "2s")
            run = self.grab(TEXT, "", *VIRTUAL[:2], "-q", "-r", "20k", grabs=[grab])
            self.assertEqual(len(run.records["tls"]), len(self.expected()))
            self.assertEqual({record.get("domain") for record in run.records["tls"]}, names)

    def test_excluded_meanwhile_or_stopped(self):
        """A scan that has enough opens no more, and says of how many names."""
        self.write("list.txt", self.lines())
        run = self.grab(TEXT, "", *VIRTUAL[:2], "-q", "-e", "5", "-r", "200", "-N", "30", grabs=[TLS.replace("8s", "2s")])
        ledger = run.ledger
        self.assertGreater(ledger["further names given up"], 20, run.stderr)
        self.assertEqual(ledger["further names wanted"], ledger["further names opened"] + ledger["further names given up"])


class Killed(Names):
    test_each_has_its_record = test_with_hardly_room = test_a_name_for_all_or_none = None
    test_excluded_meanwhile_or_stopped = None

    def test_goes_on(self):
        """Killed among the names of many hosts: each name's record, once."""
        self.write("list.txt", self.lines())
        device, _ = self.device(TEXT.replace("60ms", "400ms").replace("5ms", "300ms"))
        # A host that says nothing has up to eleven names, one after another.
        grab = TLS.replace("[443]", "[443, 8443]").replace("8s", "4s")
        command = [ASDIC, "scan", "-i", device, "-q", "-r", "1k", "-c", "1", "-e", "5", *self.arguments("", [grab], "443")]
        command.remove("--force")
        for kill, seconds in enumerate((4.5, 3.5)):
            process = subprocess.Popen(command + ["--resume"] * (kill > 0), cwd=self.folder, stderr=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            end = time.monotonic() + 60
            while not list(self.folder.glob("*.checkpoint")) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(seconds)
            process.kill()
            self.assertEqual(process.wait(), -signal.SIGKILL, "it ended before it was killed")
        done = subprocess.run([*command, "--resume"], cwd=self.folder, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]
        self.check([record for record in records if record["record"] == "tls"])


if __name__ == "__main__":
    unittest.main()
