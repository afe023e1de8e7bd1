#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans that are killed at any moment and gone on with find what an uninterrupted one finds, each once: also if the
network was gone meanwhile.

RESUME_KILLS says how many kills there are in all (20); RESUME_SEED, when they come."""

import concurrent.futures
import io
import json
import os
import random
import re
import signal
import subprocess
import time
import unittest

import numpy as np
from harness import ASDIC, OPEN, SimnetTest, Targets, network, target_keys, world

KILLS = int(os.environ.get("RESUME_KILLS", "20"))
SEED = int(os.environ.get("RESUME_SEED", "1"))

CIDR = "20.64.0.0/16"
TARGETS = Targets(CIDR, ports=[443])
TEXT = world(network("0.0.0.0/0", default={"open": "10%", "closed": "5%"}, unreachable="2%",
                     latency={"min": "1ms", "max": "200ms"}, synack_retries=3), seed=21)
# Twelve seconds of sending, in which epochs come to be over; a reply is there within the cooldown or never.
FLAGS = (CIDR, "-p", "443", "-e", "7", "-c", "500ms", "-r", "6k", "-q", "-f", "saddr_raw,sport",
         "--set", "output.header=false")


def open_text(path):
    """A file's text, a frame after the other where it is compressed."""
    if path.suffix != ".zst":
        return path.read_text(encoding="ascii")
    return subprocess.run(["zstd", "-dcq", str(path)], check=True, capture_output=True, text=True).stdout


class ResumeTest(SimnetTest):
    fault = {}  # of the network, in each run

    def start(self, *flags):
        device, _ = self.device(TEXT, **self.fault)
        process = subprocess.Popen([ASDIC, "scan", "-i", device, *map(str, flags)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.communicate()))
        return process

    def finish(self, process, status=0):
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, status, stderr)
        return stdout, stderr

    def has_checkpoint(self):
        return any(self.folder.glob("*.checkpoint"))

    def rows(self, pattern):
        """The targets of all files of a name, which are whole."""
        self.assertEqual([p.name for p in self.folder.glob(".*.part") if p.stat().st_size > 0], [])
        text = "".join(open_text(path) for path in sorted(self.folder.glob(pattern)))
        rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.uint64).reshape(-1, 2)
        return target_keys(rows[:, 0], rows[:, 1])

    def check_manifest(self, runs=None):
        path, = self.folder.glob("*.manifest.json")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual((manifest["complete"], manifest["end_reason"]), (True, "complete"))
        self.assertTrue(manifest["ledger_balanced"])
        if runs is not None:
            self.assertEqual(manifest["runs"], runs)
        self.assertEqual(manifest["success_unique"], len(TARGETS.in_state(TEXT, OPEN)))
        for file in manifest["files"]:
            data = (self.folder / file["name"]).read_bytes()
            self.assertEqual(file["bytes"], len(data))
            shown = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout
            self.assertEqual(file["sha256"], shown.decode().split()[0])
            self.assertEqual(file["rows"], open_text(self.folder / file["name"]).count("\n"))

    def run_through(self, chance, kills, output, flags, lcores=(2,), signals=(signal.SIGKILL,)):
        """Begin, be killed so often, and come to the end. How often each run was gone on with."""
        resumed = began = 0
        for kill in range(kills + 1):
            go_on = self.has_checkpoint()
            resumed += go_on
            began += not go_on
            process = self.start(*FLAGS, "-o", output, *flags, "--lcores", chance.choice(lcores),
                                 "--resume" if go_on else "--force")
            if kill == kills:
                break
            # The first is killed once there is something to go on from, later ones at any moment.
            deadline = time.monotonic() + 60
            while not go_on and not self.has_checkpoint() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.1, 11))
            process.send_signal(chance.choice(signals))
            if process.poll() is None and chance.random() < 0.3:
                time.sleep(0.1)
                process.kill()
            process.communicate(timeout=60)
        _, stderr = self.finish(process)
        return resumed, stderr


class Killed(ResumeTest):
    """Every scenario has its part of the kills. They mostly wait: all at once."""

    SCENARIOS = (
        ("plain", "found.csv", "found.csv", (), (2,), (signal.SIGKILL,), {}),
        ("lcores", "found.csv", "found.csv", (), (1, 2, 3, 5), (signal.SIGKILL,), {}),
        ("zstd, rotated", "{start}-found.csv.zst", "*found*.zst", ("--set", "output.rotate=1s"), (2,),
         (signal.SIGKILL,), {}),
        ("twice", "found.csv.zst", "found.csv.zst", ("-P", "2", "--set", "probe.probe_delay=300ms"), (1, 2),
         (signal.SIGKILL,), {}),
        ("ctrl-C too", "found.csv", "found*.csv", ("--set", "output.rotate=1s"), (2,),
         (signal.SIGKILL, signal.SIGINT), {}),
        ("link down", "found.csv", "found.csv", (), (2,), (signal.SIGKILL,), {"down": "3s-5s"}),
        ("nobody answers", "found.csv", "found.csv", (), (1, 2), (signal.SIGKILL, signal.SIGINT),
         {"deaf": "3s-9s"}),
    )

    def union(self, number, kills):
        _, output, pattern, flags, lcores, signals, self.fault = self.SCENARIOS[number]
        chance = random.Random(SEED * 1000 + number)
        resumed, stderr = self.run_through(chance, kills, output, flags, lcores, signals)
        self.assertGreater(resumed, 0, "never gone on with")
        self.assertIn("ledger, balanced", stderr)
        self.assert_same(self.rows(pattern), TARGETS.in_state(TEXT, OPEN), "found")
        self.check_manifest()
        left = sorted(p.name for p in self.folder.iterdir() if "checkpoint" in p.name)
        self.assertEqual(len(left), 1, left)

    def test_union(self):
        kills = -(-KILLS // len(self.SCENARIOS))
        tests = [Killed("test_union") for _ in self.SCENARIOS]
        with concurrent.futures.ThreadPoolExecutor(len(tests)) as pool:
            for test in tests:
                test.setUp()
                self.addCleanup(test.doCleanups)
            runs = [pool.submit(test.union, number, kills) for number, test in enumerate(tests)]
        for scenario, run in zip(self.SCENARIOS, runs):
            with self.subTest(scenario[0], kills=kills):
                run.result()


class Resume(ResumeTest):
    def floor(self):
        path = self.folder / "found.csv.checkpoint"
        found = re.search(r"^floor (\d+)$", path.read_text(encoding="ascii"), re.M) if path.exists() else None
        return int(found.group(1)) if found else 0

    def stopped(self, *flags, after=0.8, floor=0):
        """A scan that ctrl-C has stopped with some done and some not."""
        process = self.start(*FLAGS, "-o", "found.csv", *flags)
        deadline = time.monotonic() + 60
        time.sleep(after)
        while self.floor() < floor:
            self.assertIsNone(process.poll(), "it ended by itself")
            self.assertLess(time.monotonic(), deadline, "no epoch is over")
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.finish(process, 130)
        self.assertTrue((self.folder / "found.csv.checkpoint").exists())

    def go_on(self, *flags, status=0):
        return self.finish(self.start(*FLAGS, "-r", "50k", "-o", "found.csv", "--resume", *flags), status)

    def test_without_a_checkpoint(self):
        _, stderr = self.go_on(status=2)
        self.assertIn("there is no checkpoint 'found.csv.checkpoint'", stderr)
        _, stderr = self.finish(self.start(*FLAGS, "--resume"), 2)
        self.assertIn("standard output alone leaves no checkpoint", stderr)

    def test_stopped_and_gone_on_with(self):
        self.stopped("-r", "2k", floor=4096)  # far from the end, however late the stop
        checkpoint = self.folder / "found.csv.checkpoint"
        self.assertEqual(checkpoint.stat().st_mode & 0o777, 0o600)
        floor = self.floor()
        _, stderr = self.finish(self.start(*FLAGS, "-o", "found.csv"), 2)
        self.assertIn("was not finished", stderr)
        _, stderr = self.go_on("--lcores", "1")
        sent = int(re.search(r"probes sent (\d+)", stderr).group(1))
        self.assertEqual(sent, len(TARGETS) - floor)
        self.assert_same(self.rows("found.csv"), TARGETS.in_state(TEXT, OPEN), "found")
        self.check_manifest(runs=2)
        _, stderr = self.go_on()
        self.assertIn("is complete: nothing is left to do", stderr)

    def test_killed_while_the_network_is_gone(self):
        """What was probed in vain is not done with, whether the hold had begun, or was over a moment ago."""
        for words in ("is held", "sending goes on"):
            with self.subTest(words):
                self.fault = {"down": "10s-11500ms"}  # a second of which nobody notices
                process = self.start(*FLAGS, "-o", "found.csv", "--force")
                for line in process.stderr:
                    if words in line:
                        break
                process.kill()
                process.communicate()
                self.assertGreater(self.floor(), 0)
                self.fault = {}
                self.go_on()
                self.assert_same(self.rows("found.csv"), TARGETS.in_state(TEXT, OPEN), "found")

    def test_a_changed_job_is_refused(self):
        self.stopped()
        for flags, words in (
                (("-e", "8"), "order.seed was '7' and is '8'"),
                (("-p", "80"), "targets was '65536, sha256"),
                (("--shard", "1/2"), "order.shard was '1/1' and is '1/2'"),
                (("--set", "probe.profile=linux"), "probe.profile was 'windows' and is 'linux'"),
                (("-P", "2"), "probe.probes was '1' and is '2'"),
                (("-f", "saddr"), "output.1.fields was 'saddr_raw,sport' and is 'saddr'"),
                (("--output-filter", ""), "output.1.filter was 'success = 1 && repeat = 0' and is ''"),
                (("-S", "198.18.0.7"), "interfaces was '1 with 1 addresses"),
                (("--set", "targets.allow_reserved=[10.0.0.0/8]"), "10.0.0.0 was excluded and is not any more")):
            with self.subTest(flags):
                _, stderr = self.go_on(*flags, status=2)
                self.assertIn(words, stderr)
        self.go_on()

    def test_more_exclusions_hold_at_the_gate(self):
        self.stopped(after=0.6)
        excluded = "20.64.128.0/17"
        before = self.rows("found.csv")
        self.write("optout.txt", excluded + "\n")
        _, stderr = self.go_on("-b", "optout.txt")
        gated = int(re.search(r"probes gated (\d+)", stderr).group(1))
        self.assertGreater(gated, 1000)
        found = self.rows("found.csv")
        allowed = Targets("20.64.0.0/17", ports=[443]).in_state(TEXT, OPEN)
        self.assert_same(np.setdiff1d(found, before), np.setdiff1d(allowed, before), "found after it")

    def test_limits_go_on(self):
        self.stopped("-N", "300", after=0.3)
        _, stderr = self.go_on("-N", "300")
        self.assertIn("limits.results", stderr)
        self.assertEqual(len(self.rows("found.csv")), 300)
        _, stderr = self.go_on("-t", "1")
        self.assertIn("limits.runtime", stderr)
        _, stderr = self.go_on()
        self.assert_same(self.rows("found.csv"), TARGETS.in_state(TEXT, OPEN), "found")

    def test_a_network_that_refused_is_still_left_out(self):
        """Counted on from what it had come to: a resumed scan does not ask it again how it likes it."""
        text = world(network("20.64.0.0/24", default={}, unreachable="100%", latency={"min": "1ms", "max": "1ms"}),
                     network("0.0.0.0/0", default={"open": "10%"}, latency={"min": "1ms", "max": "1ms"}), seed=5)
        flags = ("20.64.0.0/23", "-p", "1-64", "-e", "7", "-c", "500ms", "-q", "-f", "saddr_raw,sport", "-o", "out.csv",
                 "--set", "limits.per_24=2000")
        device, _ = self.device(text)
        process = subprocess.Popen([ASDIC, "scan", "-i", device, *flags, "-r", "1500"], stderr=subprocess.PIPE,
                                   text=True, cwd=self.folder)
        checkpoint = self.folder / "out.csv.checkpoint"
        deadline = time.monotonic() + 60
        refused = 0
        while refused < 64:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
            told = checkpoint.read_text(encoding="ascii") if checkpoint.exists() else ""
            refused = max(map(int, re.findall(r"^refused 24 20.64.0.0 (\d+)", told, re.M)), default=0)
        process.kill()
        process.communicate()
        run = self.scan(text, *flags, "--resume")
        self.assertEqual(run.syn_of("20.64.0.0/24"), 0)
        manifest = json.loads((self.folder / "out.csv.manifest.json").read_text(encoding="utf-8"))
        skips = [event["what"] for event in manifest["events"] if event["kind"] == "skip"]
        self.assertEqual(len(skips), 1)
        self.assertIn("20.64.0.0/24 answered that probes are administratively prohibited, to an earlier run", skips[0])
        self.assertEqual(manifest["skipped_networks"][0]["prohibited"], refused)
        self.assertGreater(manifest["skipped_networks"][0]["skipped_targets"], 5000)

    def test_coverage_goes_on(self):
        flags = ("--set", "probe.coverage=100%", "--set", "probe.probe_delay=0")
        self.stopped(*flags)
        self.go_on(*flags)
        self.assert_same(self.rows("found.csv"), TARGETS.in_state(TEXT, OPEN), "found")
        manifest = json.loads((self.folder / "found.csv.manifest.json").read_text(encoding="utf-8"))
        hosts = len(TARGETS.in_state(TEXT, OPEN))
        self.assertEqual((manifest["coverage"]["answered_second_look"], manifest["coverage"]["of_those_found_before"]),
                         (hosts, hosts))

    def test_a_seed_is_no_key(self):
        """Who knows the order cannot forge replies: each scan has a key of its own, and no file but one for it."""
        keys = []
        for _ in range(2):
            process = self.start(*FLAGS, "-o", "found.csv", "--force", "-t", "1")
            self.finish(process)
            keys += re.findall(r"^key (.*)$", (self.folder / "found.csv.checkpoint").read_text(encoding="ascii"), re.M)
        self.assertEqual(len(set(keys)), 2)
        for key in keys:
            for word in key.split():
                for path in self.folder.glob("found.csv*"):
                    told = word in path.read_text(encoding="ascii", errors="replace")
                    self.assertEqual(told, path.name == "found.csv.checkpoint" and key == keys[1])

    def test_key_file(self):
        key = self.folder / "scan.key"
        process = self.start(*FLAGS, "--set", f"order.key_file={key}", "-n", "100")
        self.finish(process)
        self.assertRegex(key.read_text(encoding="ascii"), r"^[0-9a-f]{32}\n$")
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        first = key.read_text(encoding="ascii")
        self.finish(self.start(*FLAGS, "--set", f"order.key_file={key}", "-n", "100"))
        self.assertEqual(key.read_text(encoding="ascii"), first)
        key.chmod(0o644)
        _, stderr = self.finish(self.start(*FLAGS, "--set", f"order.key_file={key}"), 2)
        self.assertIn("chmod 600", stderr)
        key.chmod(0o600)
        key.write_text("no key\n", encoding="ascii")
        _, stderr = self.finish(self.start(*FLAGS, "--set", f"order.key_file={key}"), 2)
        self.assertIn("no line of 32 hexadecimal digits", stderr)


if __name__ == "__main__":
    unittest.main()
