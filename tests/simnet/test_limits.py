#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How a scan ends: by its limits, by the operator, by an output that fails, or before it begins. And
what comes of lists, jobs and the other commands."""

import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

from harness import (ASDIC, FAST, OPEN, SANITIZED, UNREACHABLE, VIRTUAL, Run, SimnetTest, Targets,
                     integers, network, target_keys, world)

PLAIN = world(network("0.0.0.0/0", default={"open": "10%", "closed": "20%"}, unreachable="5%",
                      latency={"min": "1ms", "max": "20ms"}, synack_retries=3), seed=4)
SLOW = world(network("0.0.0.0/0", default={"open": "10%"}, latency={"min": "3s", "max": "3s"}), seed=4)
CIDR = "20.0.0.0/18"
TARGETS = Targets(CIDR, ports=[443])
FLAGS = (CIDR, "-p", "443", "-e", "3", "-c", "1")


class Limits(SimnetTest):
    def test_results(self):
        responders = len(TARGETS.in_state(PLAIN, OPEN))
        for limit, expected in ((1, 1), (7, 7), (500, 500), (responders, responders), (10 ** 9, responders)):
            with self.subTest(limit=limit):
                run = self.responders(PLAIN, *FLAGS, "-N", limit, *VIRTUAL, "-r", "10k")
                self.assertEqual(len(run.found), expected)
                self.assert_none_else(run.found, TARGETS.in_state(PLAIN, OPEN), "found")
                self.assertEqual(run.ledger["written"], expected)
                if limit < responders:
                    self.assertLess(run.report["syn"], 10 * limit / 0.10 + 1000, "goes on sending")
                    self.assertIn("limits.results", run.stderr)

    def test_results_in_real_time(self):
        run = self.responders(PLAIN, *FLAGS, "-N", 100, *FAST)
        self.assertEqual(len(run.found), 100)

    def test_runtime(self):
        for runtime, seconds in (("2", 2), ("1500ms", 1.5)):
            with self.subTest(runtime):
                run = self.responders(PLAIN, *FLAGS, "-t", runtime, *VIRTUAL, "-r", "2000")
                probes = run.report["syn"]
                sent = probes + run.report["answers"]
                self.assertLessEqual(sent, 2000 * seconds + 32 + run.ledger["cooldown"] + 64)
                self.assertGreater(probes, 0.85 * 2000 * seconds)
                # Whatever was probed is waited for.
                self.assertEqual(len(run.found), run.report["syn_open"])
                self.assertIn("limits.runtime", run.stderr)

    def test_cooldown(self):
        """Answers take three seconds."""
        for cooldown, share in (("2", 0), ("4", 1), ("3500ms", 1), ("0", 0)):
            with self.subTest(cooldown):
                run = self.responders(SLOW, *FLAGS, "-c", cooldown, *VIRTUAL)
                self.assertEqual(len(run.found), share * len(TARGETS.in_state(SLOW, OPEN)))

    def test_the_default_cooldown_is_eight_seconds(self):
        for latency, share in (("7900ms", 1), ("8100ms", 0)):
            text = world(network("0.0.0.0/0", default={"open": "10%"},
                                 latency={"min": latency, "max": latency}), seed=4)
            run = self.responders(text, CIDR, "-p", "443", *VIRTUAL)
            self.assertEqual(len(run.found), share * len(TARGETS.in_state(text, OPEN)))


class Signals(SimnetTest):
    """In real time, at a rate that leaves minutes of work."""

    CIDR = "20.0.0.0/12"
    # A row, and nothing else, on each line.
    ROW = re.compile(rb"\d+,443")
    # The promise is of one second; a machine that does much else may hold up any one attempt.
    AT_ONCE_S = 10 if SANITIZED else 1
    ATTEMPTS = 3

    def launch(self, text, *flags, stdout=subprocess.DEVNULL):
        """A scan that has announced itself."""
        device, self.report = self.device(text)
        process = subprocess.Popen([ASDIC, "scan", "-i", device, self.CIDR, "-p", "443", "-q", *map(str, flags)],
                                   stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.communicate()))
        self.assertIn(" targets, seed ", process.stderr.readline())
        return process

    def begin(self, *flags):
        """One that writes records by now."""
        self.output = self.folder / f"found-{self.runs}.csv"
        process = self.launch(PLAIN, "-r", "20k", "-o", self.output, "-f", "saddr_raw,sport",
                              "--set", "output.header=false", *flags)
        deadline = time.monotonic() + 60
        while not (self.output.exists() and self.output.stat().st_size > 1000):
            self.assertIsNone(process.poll(), "it ended by itself")
            self.assertLess(time.monotonic(), deadline, "no records, though it flushes each second")
            time.sleep(0.02)
        return process

    def end(self, process):
        start = time.monotonic()
        _, stderr = process.communicate(timeout=60)
        run = Run(process.returncode, self.output.read_bytes(), stderr, time.monotonic() - start, self.report)
        self.assertEqual(run.status, 130, stderr)
        self.assertTrue(run.balanced, stderr)
        self.assertTrue(run.stdout.endswith(b"\n"))
        for line in run.stdout.splitlines():
            self.assertRegex(line, self.ROW)
        rows = integers(run.stdout).reshape(-1, 2)
        run.found = target_keys(rows[:, 0], rows[:, 1])
        self.assertEqual(len(run.found), run.ledger["written"])
        self.assert_none_else(run.found, Targets(self.CIDR, ports=[443]).in_state(PLAIN, OPEN), "found")
        return run

    def assert_at_once(self, attempt):
        taken = []
        while len(taken) < self.ATTEMPTS and (not taken or taken[-1] >= self.AT_ONCE_S):
            taken.append(attempt())
        self.assertLess(taken[-1], self.AT_ONCE_S, f"seconds, in {len(taken)} attempts: {taken}")

    def test_once(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.begin("-c", "1")
                process.send_signal(number)
                run = self.end(process)
                self.assertIn("stopped by the operator", run.stderr)
                # It has cooled down: whoever was asked and is open has been heard.
                self.assertEqual(len(run.found), run.report["syn_open"])
                self.assertGreater(run.seconds, 0.9)

    def test_twice(self):
        def attempt():
            process = self.begin("-c", "30")
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            self.assertIsNone(process.poll(), "it cools down")
            process.send_signal(signal.SIGINT)
            run = self.end(process)
            self.assertIn("left at once", run.stderr)
            return run.seconds

        self.assert_at_once(attempt)

    def test_twice_with_an_output_that_nobody_reads(self):
        """A pipe that is full: the writer hangs in a write, and asdic leaves all the same."""
        text = world(network("0.0.0.0/0", default={"open": "100%"}), seed=1)

        def attempt():
            process = self.launch(text, "-O", "json", "-r", "100k", stdout=subprocess.PIPE)
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=60), 130)
            return time.monotonic() - start

        self.assert_at_once(attempt)

    def test_twice_in_the_cooldown(self):
        def attempt():
            process = self.launch(PLAIN, "-n", "10000", "-r", "unlimited", "-c", "30")
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, stderr)
            self.assertIn("ledger, balanced:", stderr)
            return time.monotonic() - start

        self.assert_at_once(attempt)


class Outputs(SimnetTest):
    def test_an_existing_file_is_refused(self):
        path = pathlib.Path(self.write("found.csv", "mine\n"))
        device, _ = self.device(PLAIN)
        flags = ("scan", "-i", device, *FLAGS, *VIRTUAL, "-o", path)
        status, _, stderr = self.asdic(*flags)
        self.assertEqual((status, path.read_text()), (2, "mine\n"))
        self.assertIn("--force", stderr)
        status, _, stderr = self.asdic(*flags, "--force")
        self.assertEqual(status, 0, stderr)
        lines = path.read_text().splitlines()
        self.assertEqual((lines[0], len(lines) - 1), ("saddr", len(TARGETS.in_state(PLAIN, OPEN))))

    def test_a_folder_that_is_not_there(self):
        device, _ = self.device(PLAIN)
        status, _, stderr = self.asdic("scan", "-i", device, *FLAGS, *VIRTUAL, "-o", "none/found.csv")
        self.assertEqual(status, 2)
        self.assertIn("none/found.csv", stderr)

    def assert_fails(self, *flags, stdout, text):
        device, _ = self.device(PLAIN)
        for clock in (VIRTUAL, FAST):
            done = subprocess.run([ASDIC, "scan", "-i", device, *FLAGS, *clock, *flags], stdout=stdout,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            run = Run(done.returncode, b"", done.stderr, 0, pathlib.Path("/none"))
            self.assertTrue(run.balanced, done.stderr)
            self.assertIn(text, done.stderr)
            # Nothing of it is taken for written.
            self.assertEqual(run.ledger["written"], 0)
            self.assertEqual(run.ledger["refused by disk"] + run.ledger["filtered"], run.ledger["records made"])

    def test_a_closed_pipe(self):
        read, write = os.pipe()
        os.close(read)
        self.addCleanup(os.close, write)
        self.assert_fails("-o", "-", stdout=write, text="Broken pipe")

    def test_a_full_disk(self):
        self.assert_fails("-o", "/dev/full", stdout=subprocess.DEVNULL, text="No space left on device")
        with open("/dev/full", "wb") as full:
            self.assert_fails("-o", "-", stdout=full, text="No space left on device")

    def test_a_full_output_ends_the_scan(self):
        """Hours of work are left when the disk is found to be full."""
        device, _ = self.device(PLAIN)
        start = time.monotonic()
        status, _, stderr = self.asdic("scan", "-i", device, "20.0.0.0/8", "-p", "443", "-q", "-r", "1k",
                                       "-o", "/dev/full")
        self.assertEqual(status, 1, stderr)
        self.assertLess(time.monotonic() - start, 60 if SANITIZED else 20)

    def test_dry_run_into_nowhere(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([ASDIC, "scan", "--dry-run", "-i", "net_null0", *FLAGS], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class Lists(SimnetTest):
    RUN = ("-e", "1", "-c", "1", *VIRTUAL)

    def test_exclusions_in_a_file(self):
        excluded = ("20.0.0.0/25", "20.0.1.7", "20.0.2.3-20.0.2.9", "20.0.63.255")
        names = [self.write("one.conf", "# ours\n20.0.0.0/25\n\n  20.0.1.7  # a host\n"),
                 self.write("two.conf", "20.0.2.3-20.0.2.9\n20.0.63.255")]
        targets = Targets(CIDR, ports=[443], minus=excluded)
        run = self.responders(PLAIN, CIDR, "-p", "443", "-b", names[0], "-b", names[1], *self.RUN)
        self.assert_probed(run, targets)
        self.assert_same(run.found, targets.in_state(PLAIN, OPEN), "found")

    def test_an_exclusion_that_does_not_parse_is_fatal(self):
        for line in ("20.0.0.0/33", "20.0.0", "example.org", "20.0.0.1:80", "20.0.0.9-20.0.0.3"):
            with self.subTest(line):
                name = self.write("bad.conf", f"20.0.0.0/25\n{line}\n")
                device, report = self.device(PLAIN)
                status, _, stderr = self.asdic("scan", "-i", device, CIDR, "-p", "443", "-b", name, *self.RUN)
                self.assertEqual(status, 2)
                self.assertIn("bad.conf", stderr)
                self.assertFalse(report.exists())

    def test_a_list_of_targets(self):
        text = "20.0.0.0/24\n# remark\n20.0.4.1\n20.0.4.1:8080\n20.0.5.0-20.0.5.9 # range\n20.0.6.6:22\n"
        targets = (Targets("20.0.0.0/24", "20.0.4.1", "20.0.5.0-20.0.5.9", ports=[443])
                   + Targets("20.0.4.1", ports=[8080]) + Targets("20.0.6.6", ports=[22]))
        for name, stdin in ((self.write("list.txt", text), None), ("-", text.encode())):
            with self.subTest(name):
                run = self.responders(PLAIN, "-p", "443", "-I", name, *self.RUN, stdin=stdin)
                self.assert_probed(run, targets)
                self.assert_same(run.found, targets.in_state(PLAIN, OPEN), "found")

    def test_pairs_alone_need_no_ports(self):
        name = self.write("pairs.txt", "".join(f"20.0.{i % 256}.{i // 256}:{1000 + i % 7}\n" for i in range(3000)))
        parts = [Targets(*[f"20.0.{i % 256}.{i // 256}" for i in range(3000) if i % 7 == port], ports=[1000 + port])
                 for port in range(7)]
        targets = sum(parts[1:], parts[0])
        run = self.responders(PLAIN, "-I", name, *self.RUN)
        self.assert_probed(run, targets)
        self.assert_same(run.found, targets.in_state(PLAIN, OPEN), "found")

    def test_reserved_addresses_only_where_allowed(self):
        run = self.responders(PLAIN, "10.0.0.0/24", "192.168.1.0/24", "20.0.0.0/24", "-p", "443", *self.RUN)
        self.assert_probed(run, Targets("20.0.0.0/24", ports=[443]))
        run = self.responders(PLAIN, "10.0.0.0/24", "192.168.1.0/24", "20.0.0.0/24", "-p", "443", *self.RUN,
                              "--set", "targets.allow_reserved=[10.0.0.0/8]")
        self.assert_probed(run, Targets("10.0.0.0/24", "20.0.0.0/24", ports=[443]))


class Jobs(SimnetTest):
    def test_a_job_file_and_flags_over_it(self):
        device, report = self.device(PLAIN)
        job = self.write("job.yaml", f"""
name: little
interfaces: [{{device: "{device}", addresses: [198.51.100.8/29]}}]
targets: {{include: [{CIDR}], exclude: [20.0.1.0/24], ports: [443]}}
probe: {{profile: mss}}
rate: unlimited
order: {{seed: 5}}
output: {{file: "-", format: csv, fields: [saddr_raw, sport], header: false}}
limits: {{cooldown: 1s}}
""")
        for flags, ports in (((), [443]), (("-p", "22,80"), [22, 80])):
            status, out, stderr = self.asdic("scan", job, "-q", "--virtual-clock", *flags)
            run = Run(status, out.encode(), stderr, 0, report)
            self.assertEqual(run.status, 0, stderr)
            self.assertIn("little: ", stderr)
            self.assert_probed(run, Targets(CIDR, ports=ports, minus=["20.0.1.0/24"]))

    def test_a_job_on_standard_input(self):
        device, report = self.device(PLAIN)
        text = f"interfaces: [{{device: '{device}'}}]\ntargets: {{include: [{CIDR}], ports: [443]}}\n"
        status, out, stderr = self.asdic("scan", "-", *VIRTUAL, stdin=text)
        self.assertEqual(status, 0, stderr)
        self.assert_probed(Run(status, out.encode(), stderr, 0, report), TARGETS)

    def test_bad_ones(self):
        name = self.write("bad.yaml", "interfaces: [{device: net_null0}]\ntargets: {port: 443}\nratte: 3\n")
        for command in ("scan", "check", "plan"):
            with self.subTest(command):
                status, out, stderr = self.asdic(command, name)
                self.assertEqual((status, out), (2, ""))
                self.assertIn("bad.yaml:2:11: ", stderr)
                self.assertIn("bad.yaml:3:1: ", stderr)

    def test_bad_flags(self):
        device, report = self.device(PLAIN)
        for flags in (("--sed", "3"), ("-p", "70000"), ("-r", "fast"), ("--shard", "5/4"), ("-n", "0"),
                      ("--set", "limits.cooldwn=3s"), ("--set", "nonsense"), ("--output-filter", "colour = 1"),
                      ("-f", "saddr,colour"), ("-b", "/nowhere/list"), ("-I", "/nowhere/list"), ("-e",)):
            with self.subTest(flags):
                status, _, stderr = self.asdic("scan", "-i", device, *FLAGS, *VIRTUAL, *flags)
                self.assertEqual(status, 2, stderr)
                self.assertNotEqual(stderr, "")
                self.assertFalse(report.exists())

    def test_flags_of_simulation_are_for_simulation(self):
        for flag in ("--test-key", "--virtual-clock"):
            status, _, stderr = self.asdic(
                "scan", flag, "-i", "net_af_packet0,iface=lo", "-S", "198.51.100.8", "-g", "198.51.100.1",
                "10.0.0.0/24", "--set", "targets.allow_reserved=[10.0.0.0/8]", "-p", "443")
            self.assertEqual(status, 2, stderr)
            self.assertIn(flag, stderr)


class Machine(SimnetTest):
    # Sound for any device.
    LAB = ("10.0.0.0/24", "--set", "targets.allow_reserved=[10.0.0.0/8]", "-p", "443", "-S", "10.0.1.1",
           "-G", "02:00:00:00:00:01")

    def test_devices_that_are_not_there(self):
        bad = self.write("bad-world.yaml", "seed: 1\nnetworks: [{cidr: 1.2.3.4/8}]\n")
        # A world that cannot be had is a fault of the job; a device, of the machine.
        for device, expected, reason in (
                ("net_bogus0", 3, "net_bogus0"), ("net_simnet0,world=/nowhere/world.yaml", 2, "/nowhere/world.yaml: cannot be read"),
                (f"net_simnet0,world={bad}", 2, "bad-world.yaml:2:19: "), ("net_simnet0", 2, "'net_simnet0' has no world")):
            with self.subTest(device):
                status, _, stderr = self.asdic("scan", "-i", device, *self.LAB)
                self.assertEqual(status, expected, stderr)
                self.assertIn(reason, stderr)

    def test_nothing_is_left_behind_by_a_scan_that_could_not_begin(self):
        path = self.folder / "found.csv"
        status, _, stderr = self.asdic("scan", "-i", "net_bogus0", *self.LAB, "-o", path)
        self.assertEqual(status, 3, stderr)
        self.assertFalse(path.exists(), "the next try would be refused")


class Commands(SimnetTest):
    def test_help(self):
        for command in ((), ("scan",), ("check",), ("plan",), ("world",), ("devices",)):
            for flag in ("--help", "-h"):
                with self.subTest(command=command, flag=flag):
                    status, out, stderr = self.asdic(*command, flag)
                    self.assertEqual((status, stderr), (0, ""))
                    self.assertIn("usage: asdic", out)

    def test_words_that_are_no_command(self):
        for words in ((), ("skan",), ("resume",)):
            with self.subTest(words):
                status, out, stderr = self.asdic(*words)
                self.assertEqual((status, out), (2, ""))
                self.assertNotEqual(stderr, "")

    def test_check(self):
        device, report = self.device(PLAIN)
        status, out, stderr = self.asdic("check", "-i", device, *FLAGS)
        self.assertEqual((status, stderr), (0, ""))
        self.assertIn("no faults", out)
        self.assertFalse(report.exists())

    def test_plan(self):
        device, report = self.device(PLAIN)
        status, out, stderr = self.asdic("plan", "-i", device, *FLAGS, "-p", "80,443", "-r", "1000",
                                         "--shard", "2/2", "-c", "8")
        self.assertEqual((status, stderr), (0, ""))
        self.assertIn("32768: 16384 addresses x 2 ports", out)
        self.assertIn("16384 probes", out)
        self.assertIn("24s", out)  # 16.4 s and the cooldown
        self.assertNotIn("grabs", out)
        self.assertFalse(report.exists())
        self.assertIn("34 MB at most", out)  # 512 bytes a target, and 16 MiB
        out = self.asdic("plan", "-i", device, "20.0.0.0/8", "-p", "443")[1]
        self.assertRegex(out, r"\b[1-9]\d{3} MB at most")  # or what the machine has

    def test_plan_says_how_many_connections_there_may_be(self):
        limit, banner = "limits.connections=1000", "{module: banner, ports: [80]}"
        for grabs, words in (("{module: tls}", "up to 1.00K connections at once, 1.00K of TLS"),
                             (banner, "up to 1.00K connections at once, none of TLS"),
                             (f"{banner}, {{module: tls, ports: [443]}}", "1.00K of TLS")):
            status, out, stderr = self.asdic("plan", "-i", "net_null0", *FLAGS, "-p", "80,443", "--lcores", "1",
                                             "--set", limit, "--set", f"grabs=[{grabs}]")
            self.assertEqual((status, stderr), (0, ""))
            self.assertIn(words, out)

    def test_world(self):
        name = self.write("world.yaml", PLAIN)
        self.assertEqual(self.asdic("world", name)[0], 0)
        status, out, _ = self.asdic("world", name, "--open", CIDR, "--port", 443)
        self.assertEqual(status, 0)
        expected = [f"20.0.{int(key) >> 24 & 255}.{int(key) >> 16 & 255}" for key in TARGETS.in_state(PLAIN, OPEN)]
        self.assertEqual(out.splitlines(), expected)
        status, out, _ = self.asdic("world", name, "--unreachable", CIDR, "--port", 443)
        self.assertEqual(len(out.splitlines()), len(TARGETS.in_state(PLAIN, UNREACHABLE)))
        for flags in ((), (name, "--open", CIDR), (name, "--open", "20.0.0.1/8", "--port", 1),
                      ("/nowhere/world.yaml",), (name, name), (name, "--colour")):
            with self.subTest(flags):
                status, out, stderr = self.asdic("world", *flags)
                self.assertEqual((status, out), (2, ""))
                self.assertNotEqual(stderr, "")

    def test_devices(self):
        status, out, _ = self.asdic("devices")
        self.assertEqual(status, 0)
        self.assertIn("net_simnet0,world=", out)
        self.assertEqual(self.asdic("devices", "all")[0], 2)


if __name__ == "__main__":
    unittest.main()
