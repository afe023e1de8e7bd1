#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is asked of scans while they run: another rate, an exclusion; and opt-outs that outlive them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from harness import ASDIC, SANITIZED, SimnetTest, Targets, integers, network, target_keys, world

LATENCY_MS = 20
CLOSED = world(network("0.0.0.0/0", default={"closed": "100%"},
                       latency={"min": f"{LATENCY_MS}ms", "max": f"{LATENCY_MS}ms"}))
OPEN = world(network("0.0.0.0/0", default={"open": "100%"}))
BURST = 32


class Running:
    """A scan that runs until it is stopped or done."""

    def __init__(self, test, text, *flags, name="live"):
        device, self.report_path = test.device(text)
        self.test, self.name = test, name
        self.manifest = test.folder / f"{name}.json"
        self.process = subprocess.Popen(
            [ASDIC, "scan", "-i", device, "-q", "-c", "1", "--name", name, "-m", str(self.manifest), "--force",
             "--output-filter", "", "--set", "output.header=false", *map(str, flags)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=test.folder)
        test.addCleanup(self.kill)
        end = time.monotonic() + 60
        while not self.is_listening():
            if self.process.poll() is not None or time.monotonic() > end:
                test.fail(self.process.communicate(timeout=10)[1].decode())
            time.sleep(0.02)

    def is_listening(self):
        return (self.test.folder / "run" / f"{self.name}.{self.process.pid}").exists()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def pause(self):
        """Until SIGCONT. Each of its threads stops when it comes to."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        while any(re.search(r"\) (\S)", (task / "stat").read_text())[1] != "T" for task in tasks.iterdir()):
            time.sleep(0.01)

    def stop(self, status=130):
        """Stops sending, and waits for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.end(status)

    def end(self, status=0):
        out, err = self.process.communicate(timeout=120)
        self.stderr = err.decode()
        self.test.assertEqual(self.process.returncode, status, self.stderr)
        self.test.assertIn("\nledger, balanced:", self.stderr)
        self.report = json.loads(self.report_path.read_text())
        return out

    def events(self, kind):
        return [e["what"] for e in json.loads(self.manifest.read_text())["events"] if e["kind"] == kind]


class Rate(SimnetTest):
    def test_nobody_runs(self):
        status, out, err = self.asdic("rate", "10k")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no scan runs", err)

    def test_arguments(self):
        for arguments, words in ((("x",), "'x' is no rate"), (("0",), "'0' is no rate"), (("1", "2"), "one rate"),
                                 (("-B", "1x"), "'1x' is no bandwidth")):
            status, _, err = self.asdic("rate", *arguments)
            self.assertEqual(status, 2, arguments)
            self.assertIn(words, err)
        status, out, _ = self.asdic("rate", "--help")
        self.assertEqual(status, 0)
        self.assertIn("--bandwidth", out)

    @unittest.skipIf(SANITIZED, "a receiver that is slow stamps late what came in time")
    def test_changes_while_it_runs(self):
        # So does one that gets no CPU for a while; a promise that is broken is broken each time.
        for _ in range(2):
            try:
                self.check_changes()
                return
            except AssertionError:
                pass
        self.check_changes()

    def check_changes(self):
        """The promise holds in all windows, by when the answers came: all of them take as long."""
        scan = Running(self, CLOSED, "20.0.0.0/8", "-p", "443", "-r", "2000", "-f", "timestamp_ts,timestamp_us")
        time.sleep(1)
        status, out, _ = self.asdic("rate")
        self.assertEqual((status, out), (0, f"live (pid {scan.process.pid}): rate 2.00K packets/s\n"))
        self.assertEqual(self.asdic("rate", "20k")[:2], (0, f"live (pid {scan.process.pid}): rate 20.0K packets/s\n"))
        changed = time.time()
        time.sleep(2)
        status, out, _ = self.asdic("rate", "4k", "-B", "1G", "--scan", "live")
        self.assertEqual((status, out),
                         (0, f"live (pid {scan.process.pid}): rate 4.00K packets/s, bandwidth 1.00G bit/s\n"))
        slower = time.time()
        time.sleep(2)
        times = self.times(scan.stop())
        self.assertEqual(len(times), scan.report["syn"])
        # What the operator's clock and the latency leave unclear stands aside.
        before = [t for t in times if t < changed - 0.5]
        between = [t for t in times if changed + 0.5 < t < slower - 0.3]
        after = [t for t in times if t > slower + 0.5]
        for seen, rate in ((before, 2000), (between, 20_000), (after, 4000)):
            self.assertLessEqual(most_in_100_ms(seen), rate / 10 + BURST + rate * 0.02, rate)
        self.assertGreater(len(between), 1.5 * 4000 * (slower - changed - 0.8), "it did go up")
        self.assertEqual(len(scan.events("rate")), 2)
        self.assertIn("20.0K", scan.events("rate")[0])

    def times(self, out):
        rows = integers(out).reshape(-1, 2)
        return sorted(int(s) + int(us) / 1e6 for s, us in rows)

    def test_of_one_of_several(self):
        one = Running(self, OPEN, "20.0.0.0/8", "-p", "443", "-r", "1000", name="one")
        two = Running(self, OPEN, "30.0.0.0/8", "-p", "443", "-r", "2000", name="two")
        status, out, _ = self.asdic("rate")
        self.assertEqual((status, len(out.splitlines())), (0, 2))
        self.assertEqual(self.asdic("rate", "5k", "--scan", two.process.pid)[0], 0)
        self.assertRegex(self.asdic("rate", "--scan", "two")[1], r"^two \(pid \d+\): rate 5.00K packets/s\n$")
        self.assertIn("1.00K", self.asdic("rate", "--scan", "one")[1])
        status, _, err = self.asdic("rate", "--scan", "three")
        self.assertEqual(status, 1)
        self.assertIn("no scan 'three' runs", err)
        # A device that simulates may be without a limit; what no job may have, no command may set.
        self.assertIn("rate unlimited", self.asdic("rate", "unlimited", "--scan", "one")[1])
        status, _, err = self.asdic("rate", "2G", "--scan", "one")
        self.assertEqual(status, 1)
        self.assertIn("at most 1000000000", err)
        one.stop()
        two.stop()
        self.assertEqual(list((self.folder / "run").iterdir()), [])

    def test_a_killed_scan_leaves_nothing_in_the_way(self):
        scan = Running(self, OPEN, "20.0.0.0/8", "-p", "443", "-r", "1000")
        scan.kill()
        self.assertEqual(self.asdic("rate")[0], 1)
        self.assertEqual(list((self.folder / "run").iterdir()), [])

    def test_a_folder_that_is_not_private(self):
        (self.folder / "run").mkdir(mode=0o755)
        run = self.scan(OPEN, "20.0.0.0/24", "-p", "443", "-c", "1", "-q")
        self.assertIn("cannot reach this scan", run.stderr)
        status, _, err = self.asdic("exclude", "20.0.0.0/24")
        self.assertEqual(status, 1)
        self.assertIn("not known to be in force", err)
        self.assertIn("20.0.0.0/24", (self.folder / "optout.conf").read_text())


def most_in_100_ms(times):
    most, first = 0, 0
    for i, t in enumerate(times):
        while t - times[first] >= 0.1:
            first += 1
        most = max(most, i - first + 1)
    return most


class Exclude(SimnetTest):
    def test_holds_for_all_that_comes_after(self):
        """The world counts what it hears for the network, once the command has answered."""
        text = world(network("20.64.0.0/10", default={"open": "100%"}),
                     network("0.0.0.0/0", default={"open": "100%"}))
        scan = Running(self, text, "20.0.0.0/8", "-p", "443", "-r", "50k", "-f", "saddr_raw,sport")
        time.sleep(1)
        status, out, err = self.asdic("exclude", "20.64.0.0/10", "--reason", "ticket 7")
        told = time.time()
        self.assertEqual(status, 0, err)
        self.assertIn(f"in force in scan 'live' (pid {scan.process.pid})", out)
        time.sleep(2)
        out = scan.stop()
        heard = next(n["syn"] for n in scan.report["networks"] if n["cidr"] == "20.64.0.0/10")
        self.assertGreater(heard, 1000, "it was scanned before")
        self.assertLess(heard, scan.report["syn"] * 0.25, "and not after")
        gated = int(re.search(r"probes gated (\d+)", scan.stderr)[1])
        self.assertGreater(gated, 1000)
        self.assertEqual(scan.events("exclude"), ["1 entry excluded while the scan ran"])
        self.assertNotIn("20.64", scan.manifest.read_text())
        self.assertGreater(time.time(), told)
        found = integers(out).reshape(-1, 2)
        self.assertEqual(len(target_keys(found[:, 0], found[:, 1])), scan.report["syn"])

    def test_lasts(self):
        flags = ("20.6.0.0/22", "-p", "443")
        status, out, _ = self.asdic("exclude", "20.6.1.0/24", "20.6.2.5", "20.6.2.7-20.6.2.9", "--reason", "T-1 x")
        self.assertEqual((status, out), (0, f"3 added to {os.environ['ASDIC_OPTOUT']}\n"))
        self.assertEqual(self.asdic("exclude", "20.6.2.8")[1],
                         f"0 added to {os.environ['ASDIC_OPTOUT']}, 1 excluded before\n")
        self.assertRegex(self.asdic("exclude", "--list")[1],
                         r"^20\.6\.1\.0/24 # \d{4}-\d\d-\d\d T-1 x\n20\.6\.2\.5 # .*\n20\.6\.2\.7-20\.6\.2\.9 # .*\n$")
        targets = Targets("20.6.0.0/22", ports=[443], minus=["20.6.1.0/24", "20.6.2.5", "20.6.2.7-20.6.2.9"])
        run = self.scan(OPEN, *flags, "--virtual-clock", "-q", "-c", "1", "-r", "unlimited")
        self.assert_probed(run, targets)
        device, _ = self.device(OPEN)
        status, out, _ = self.asdic("scan", "-i", device, "--dry-run", *flags)
        self.assertEqual((status, len(out.splitlines())), (0, len(targets)))
        self.assertNotRegex(out, r"(?m)^20\.6\.(1\.|2\.[5789],)")
        self.assertIn(f"targets     {len(targets)}:", self.asdic("plan", "-i", device, *flags)[1])

    def test_a_bad_line_is_fatal(self):
        (self.folder / "optout.conf").write_text("20.6.1.0/24\n20.6.1.0/33\n20.6.1.1:80\n")
        device, _ = self.device(OPEN)
        for command in (("check",), ("plan",), ("scan", "--dry-run")):
            status, out, err = self.asdic(*command, "-i", device, "20.6.0.0/22", "-p", "443")
            self.assertEqual((status, out), (2, ""))
            self.assertIn("optout.conf:2:", err)
            self.assertIn("optout.conf:3:1: '20.6.1.1:80' names a port", err)

    def test_arguments(self):
        for arguments, words in ((("20.0.0.1/8",), "20.0.0.0/8"), (("x",), "'x'"), (("1.2.3.4:80",), "names a port"),
                                 ((), "usage"), (("--list", "1.2.3.4"), "stands alone"),
                                 (("1.2.3.4", "--reason", "a\nb"), "one line")):
            status, out, err = self.asdic("exclude", *arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(words, err)
        self.assertFalse((self.folder / "optout.conf").exists())
        self.assertEqual(self.asdic("exclude", "--list"), (0, "", ""))

    def test_another_file(self):
        path = self.folder / "deep" / "er" / "list.conf"
        self.assertEqual(self.asdic("exclude", "--file", path, "20.6.1.0/24")[0], 0)
        self.assertRegex(path.read_text(), r"^20\.6\.1\.0/24 # \S+ no reason given\n$")
        self.assertIn("20.6.1.0/24", self.asdic("exclude", "--list", "--file", path)[1])
        self.assertFalse((self.folder / "optout.conf").exists())
        status, _, err = self.asdic("exclude", "--file", "/proc/none/x", "20.6.1.0/24")
        self.assertEqual(status, 1)
        self.assertIn("cannot write '/proc/none/x'", err)

    def test_a_scan_that_does_not_confirm(self):
        scan = Running(self, OPEN, "20.0.0.0/8", "-p", "443", "-r", "1000")
        scan.pause()
        status, _, err = self.asdic("exclude", "20.1.0.0/16")
        scan.process.send_signal(signal.SIGCONT)
        self.assertEqual(status, 1)
        self.assertIn(f"scan 'live' (pid {scan.process.pid}): it does not answer", err)
        self.assertIn("20.1.0.0/16", (self.folder / "optout.conf").read_text())
        scan.stop()

    def test_many_at_once(self):
        scan = Running(self, OPEN, "20.0.0.0/8", "-p", "443", "-r", "1000")
        entries = [f"20.{i // 250}.{i % 250}.7" for i in range(2000)]
        status, out, err = self.asdic("exclude", *entries, "--reason", "many")
        self.assertEqual(status, 0, err)
        self.assertIn("2000 added", out)
        scan.stop()
        counts = [int(what.split()[0]) for what in scan.events("exclude")]
        self.assertEqual(sum(counts), 2000)
        self.assertLess(len(counts), 20, "those that come together are one event")


if __name__ == "__main__":
    unittest.main()
