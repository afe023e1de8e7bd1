#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Responders for whom there was no room in time are tried again, and none is lost."""

import collections
import datetime
import json
import signal
import subprocess
import time
import unittest

from harness import ASDIC, VIRTUAL, network, world
from test_grabs import CERTIFICATES, GrabTest, shown

# A third hold their connection for all of a grab's time, so that a few connections are soon taken.
TEXT = world(network("0.0.0.0/0", ports={443: {"open": "90%", "services": {"tls": "60%", "none": "30%", "silent": "10%"}}},
                     latency={"min": "5ms", "max": "100ms"}, synack_retries=3), certificates=CERTIFICATES, seed=11)
GRAB = "{module: tls, timeout: 6s}"
FEW = ("--set", "limits.connections=12")


class Again(GrabTest):
    CIDR = "20.16.0.0/24"

    def check(self, run):
        described, services = self.services(TEXT, self.CIDR)
        self.assert_one_each(run.records["tls"], services)
        for record in run.records["tls"]:
            service, number = services[record["ip"]]
            if service == "tls":
                self.assertEqual((record["cause"], shown(record)[0]), ("complete", described.leaf(number)), record["ip"])
            else:
                self.assertEqual(record["service"], {"none": "silent", "silent": "unacknowledged"}[service])

    def declined(self, run):
        return sum(count for name, count in run.ledger.items() if name.startswith("declined for want of "))

    def test_all_are_grabbed_in_the_end(self):
        run = self.grab(TEXT, self.CIDR, *VIRTUAL[:2], "-q", "-r", "20k", *FEW, grabs=[GRAB])
        self.check(run)
        ledger = run.ledger
        self.assertGreater(ledger["to be tried again"], 40, run.stderr)
        self.assertEqual(ledger["to be tried again"], ledger["tried again"])
        self.assertEqual(ledger["to be tried again"], self.declined(run) + ledger["declined at the end"])
        self.assertEqual(ledger["declined for good"], 0)
        self.assertEqual(len(run.records["tls"]), ledger["responders"])

    def test_not_where_the_job_does_not_want_it(self):
        grab = GRAB.replace("}", ", retry_declined: false}")
        run = self.grab(TEXT, self.CIDR, *VIRTUAL[:2], "-q", "-r", "20k", *FEW, grabs=[grab])
        declined = self.declined(run) + run.ledger["declined at the end"]
        self.assertGreater(declined, 40)
        self.assertEqual(run.ledger["declined for good"], declined)
        self.assertEqual(len(run.records["tls"]), run.ledger["responders"] - declined)

    def test_ctrl_c_ends_it(self):
        device, _ = self.device(TEXT)
        process = subprocess.Popen(
            [ASDIC, "scan", "-i", device, "-q", "-r", "20k", "-c", "1", *FEW, *self.arguments(
                self.CIDR, [GRAB.replace("6s", "20s")], "443")], stderr=subprocess.PIPE, cwd=self.folder, text=True)
        self.addCleanup(process.kill)
        time.sleep(14)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn("ledger, balanced", stderr)
        self.assertRegex(stderr, r"never tried again \d+|declined for good \d+")

    def test_killed_while_some_wait(self):
        """The epoch of who waits to be tried again is not over: resumed, each host has its record, once."""
        cidr = "20.16.0.0/25"
        _, services = self.services(TEXT, cidr)
        device, _ = self.device(TEXT)
        command = [ASDIC, "scan", "-i", device, "-q", "-r", "20k", "-c", "1", "-e", "5", *FEW, *self.arguments(cidr, [GRAB], "443")]
        command.remove("--force")
        process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        time.sleep(14)
        process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL, "it ended before it was killed")
        done = subprocess.run([*command, "--resume"], cwd=self.folder, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]
        self.assert_one_each([{"ip": r["saddr"]} for r in records if r["record"] == "scan"], services)
        self.assert_one_each([r for r in records if r["record"] == "tls"], services)


class Caps(GrabTest):
    def test_what_is_opened_counts_as_well(self):
        """In any second no more SYNs to a /24 than it may have: probes and other looks together."""
        text = world(network("0.0.0.0/0", ports={443: {"open": "100%", "service": "old"}}, synack_retries=3,
                             latency={"min": "1ms", "max": "1ms"}),
                     services={"old": {"kind": "tls", "versions": "1.0"}}, certificates=CERTIFICATES)
        cap, grab = 40, "{module: tls, versions: [ssl2, ssl3, tls1.3], timeout: 3s}"
        run = self.grab(text, "20.16.0.0/25", *VIRTUAL[:2], "-q", "-r", "20k", "--set", f"limits.per_24={cap}", grabs=[grab])
        self.assertEqual(len(run.records["tls"]), 256)
        self.assertEqual(run.ledger["other looks opened"], 128)
        seconds = collections.Counter(record["timestamp_ts"] for record in run.records["scan"])
        looks = collections.Counter(int(datetime.datetime.fromisoformat(record["data"]["tls"]["timestamp"].replace(
            "Z", "+00:00")).timestamp()) for record in run.records["tls"] if "look" in record)
        self.assertGreater(len(seconds & looks), 1, "both at once")
        self.assertLessEqual(max((seconds + looks).values()), cap)
        self.assertLessEqual(max(looks.values()), cap // 4)
        # And no slower than that.
        self.assertLessEqual(len(looks), 128 // (cap // 4) + 4)


if __name__ == "__main__":
    unittest.main()
