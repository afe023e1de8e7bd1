#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans by several interfaces: a target's way out is its own, whoever sends; replies are heard on any."""

import json
import re
import unittest

import yaml

from harness import CLOSED, OPEN, UNREACHABLE, FAST, VIRTUAL, Records, Run, SimnetTest, Targets, network, world

CIDR = "20.32.0.0/15"
POOLS = (["198.18.0.1-198.18.0.5"], ["198.18.1.0/30"])
SLOW = ("--virtual-clock", "--test-key", "-q", "-r", "60k")
LAYOUTS = (VIRTUAL, FAST + ("--lcores", "1", "--test-key"), FAST + ("--lcores", "4", "--test-key"))


class Interfaces(SimnetTest):
    TEXT = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, unreachable="10%",
                         latency={"min": "5ms", "max": "50ms"}), seed=21)
    TARGETS = Targets(CIDR, ports=[443])

    def job(self, crossed, *rates):
        """A job of two interfaces into one world; crossed: what answers one comes in by the other."""
        path = self.write("world.yaml", self.TEXT)
        interfaces = []
        for i in range(2):
            answers = f",answers=net_simnet{1 - i}" if crossed else ""
            report = self.folder / f"report-{i}.json"
            interfaces.append({"device": f"net_simnet{i},world={path},report={report}{answers}",
                               "addresses": POOLS[i]})
        for interface, rate in zip(interfaces, rates):
            interface["rate"] = rate
        return self.write("job.yaml", yaml.safe_dump({"interfaces": interfaces,
                                                      "targets": {"include": [CIDR], "ports": [443]},
                                                      "order": {"seed": 3}, "limits": {"cooldown": "1s"}}))

    def run_job(self, job, *flags):
        """The scan, and its reports; rows of asdic's own addresses and ports besides the usual."""
        status, stdout, stderr = self.asdic("scan", job, "--output-filter", "", "--set", "output.header=false",
                                            "-f", Records.COLUMNS + ",daddr_raw,dport", *flags)
        run = Run(status, stdout, stderr, 0, self.folder / "none")
        self.assertEqual(status, 0, stderr)
        self.assertTrue(run.balanced, stderr)
        run.reports = [json.loads((self.folder / f"report-{i}.json").read_text()) for i in range(2)]
        rows = [line.split(",") for line in stdout.splitlines()]
        run.records = Records("".join(",".join(row[:4]) + "\n" for row in rows).encode())
        run.flows = sorted(set(",".join((row[0], row[1], row[4], row[5])) for row in rows))
        return run

    def check(self, run, crossed):
        for state in (OPEN, CLOSED, UNREACHABLE):
            self.assert_same(run.records.first(state), self.TARGETS.in_state(self.TEXT, state), state)
        heard = [report["syn"] for report in run.reports]
        self.assertEqual(sum(heard), len(self.TARGETS))
        digest = sum(int(report["syn_digest"], 16) for report in run.reports) % 2 ** 64
        self.assertEqual(digest, self.TARGETS.digest())
        self.assertEqual(run.ledger["received"], sum(report["frames_out"] for report in run.reports))
        self.assertEqual(run.ledger["resets sent"], sum(report["answers"] for report in run.reports))
        self.assertEqual(run.ledger["wrong cookie"] + run.ledger["not ours"], 0)
        return heard

    def test_found_is_truth_and_the_same_on_any_number_of_lcores(self):
        flows = {}
        for crossed in (False, True):
            for flags in LAYOUTS:
                with self.subTest(crossed=crossed, flags=flags):
                    run = self.run_job(self.job(crossed), *flags)
                    heard = self.check(run, crossed)
                    self.assertAlmostEqual(heard[0] / sum(heard), 0.5, delta=0.01)
                    flows[crossed, flags] = run.flows
        for name, found in flows.items():
            self.assertEqual(found, flows[False, VIRTUAL], name)
        # The host's order of the packet's bytes: the third is 0 or 1, as the pools are.
        owners = [int(flow.split(",")[2]) >> 16 & 0xff for flow in flows[False, VIRTUAL]]
        self.assertEqual(sorted(set(owners)), [0, 1])
        self.assertEqual(len(set(flow.split(",")[2] for flow in flows[False, VIRTUAL])), 9)

    def test_answers_come_in_by_the_other(self):
        run = self.run_job(self.job(True), *FAST, "--lcores", "2", "--test-key")
        counted = [line for line in run.stderr.splitlines() if "by its own count" in line]
        self.assertEqual(len(counted), 2, run.stderr)
        for i, line in enumerate(counted):
            received = int(line.split(" rx ")[1].split()[0])
            answered = sum(int(flow.split(",")[2]) >> 16 & 0xff == 1 - i for flow in run.flows)
            self.assertEqual(received, answered, line)

    def test_a_rate_of_its_own(self):
        """A third of the whole is a third of the targets. Two rates hold, though the whole is far above."""
        run = self.run_job(self.job(False, "20k"), *SLOW, "-n", "120000")
        heard = [report["syn"] for report in run.reports]
        self.assertEqual(sum(heard), 120000)
        self.assertAlmostEqual(heard[0] / 120000, 1 / 3, delta=0.01)
        self.assertEqual(self.seconds(run), (120000 + run.ledger["resets sent"]) // 60000 + 1)
        # The larger half, with its resets, and half a per cent more while one interface waits for the other.
        run = self.run_job(self.job(False, "1k", "1k"), *SLOW, "-n", "20000")
        most = max(report["syn"] + report["answers"] for report in run.reports)
        self.assertIn(self.seconds(run), range(most // 1000 + 1, int(most * 1.005 // 1000) + 3))

    def seconds(self, run):
        return int(re.search(r"every target probed in 0:(\d+);", run.stderr).group(1))

    def test_plan_and_manifest_speak_of_both(self):
        job = self.job(False, "20k")
        status, stdout, _ = self.asdic("plan", job, "-r", "60k")
        self.assertEqual(status, 0)
        self.assertRegex(stdout, r"net_simnet0\S+: 5 source addresses, 33.3% of the targets, at most 20.0K packets/s")
        self.assertRegex(stdout, r"net_simnet1\S+: 4 source addresses, 66.7% of the targets\n")
        self.run_job(job, *VIRTUAL, "-n", "1000", "-o", "-", "-m", "manifest.json")
        manifest = json.loads((self.folder / "manifest.json").read_text())
        self.assertEqual([i["source_ip_count"] for i in manifest["interfaces"]], [5, 4])
        self.assertEqual(manifest["source_ip_count"], 9)
        self.assertEqual(manifest["interfaces"][0]["rate"], 20000)


if __name__ == "__main__":
    unittest.main()
