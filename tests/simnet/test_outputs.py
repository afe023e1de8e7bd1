#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several outputs of one scan, names from templates, compression, rotation."""

import re
import signal
import subprocess
import time
import unittest

from harness import (ASDIC, OPEN, VIRTUAL, SimnetTest, Targets, network, parse_ledger, target_text,
                     world)

CIDR = "20.6.0.0/22"
WORLD = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, duplicate="30%"), seed=22)
FLAGS = (CIDR, "-p", "443", "-e", "4", "-c", "2", *VIRTUAL)
OPEN_HOSTS = sorted(target_text(key).split(":")[0] for key in Targets(CIDR, ports=[443]).in_state(WORLD, OPEN))


class Outputs(SimnetTest):
    def job(self, *outputs, **keys):
        lines = [f"{key}: {value}" for key, value in keys.items()]
        return self.write("job.yaml", "\n".join([*lines, "output:", *(f"  - {o}" for o in outputs), ""]))

    def lines(self, name):
        return (self.folder / name).read_text().splitlines()

    def test_each_output_has_what_it_asks_for(self):
        job = self.job('{file: a.csv, fields: [saddr]}', '{fields: [classification], filter: "", header: false}',
                       '{file: rst.ndjson, filter: "classification = rst && repeat = 0", fields: [saddr]}')
        run = self.scan(WORLD, job, *FLAGS)
        self.assertEqual(sorted(self.lines("a.csv")), sorted([*OPEN_HOSTS, "saddr"]))
        kinds = run.stdout.decode().splitlines()
        rst = self.lines("rst.ndjson")
        made = run.ledger["records made"]
        self.assertEqual((set(kinds), len(kinds)), ({"synack", "rst"}, made))
        self.assertEqual(run.ledger["outputs"], 3)
        self.assertEqual(run.ledger["written"], len(OPEN_HOSTS) + made + len(rst))
        self.assertEqual(run.ledger["written"] + run.ledger["filtered"], 3 * made)
        self.assertTrue(0 < len(rst) < made)

    def test_a_result_is_one_however_many_outputs_take_it(self):
        job = self.job('{file: a.csv, header: false}', '{file: b.csv, header: false}')
        self.scan(WORLD, job, *FLAGS, "-N", "50")
        self.assertEqual((len(self.lines("a.csv")), len(self.lines("b.csv"))), (50, 50))

    def test_names(self):
        job = self.job('{file: "{name}-{vantage}-{start}-{shard}.csv"}', name="census", tags="{vantage: ams1}")
        self.scan(WORLD, job, *FLAGS, "--shard", "2/3")
        # The virtual clock starts with the year.
        self.assertTrue((self.folder / "census-ams1-20260101T000000Z-2of3.csv").exists())

    def test_names_that_come_to_one(self):
        job = self.job('{file: "{name}.csv"}', '{file: "./scan.csv"}')
        device, _ = self.device(WORLD)
        status, _, stderr = self.asdic("scan", "-i", device, job, *FLAGS, "--force")
        self.assertEqual(status, 2)
        self.assertRegex(stderr, "'{name}.csv' and './scan.csv' are one file")
        self.assertFalse((self.folder / "scan.csv").exists())

    def test_what_is_missing_is_told_at_once(self):
        self.write("bad.yaml", "networks: []\nsed: 1\n")
        job = self.job('{file: nodir/a.csv}', '{file: "."}', '{file: job.yaml/b.csv}')
        flags = ("-i", "net_simnet0,world=bad.yaml", "job.yaml", *FLAGS)
        told = ["job.yaml:2:12: cannot write 'nodir/a.csv': 'nodir': No such file or directory; make the folder first",
                "job.yaml:3:12: cannot write '.': it is a folder; write the name of a file",
                "job.yaml:4:12: cannot write 'job.yaml/b.csv': 'job.yaml' is no folder",
                "-i: bad.yaml:2:1: a world has no key 'sed'; did you mean 'seed'?"]
        status, _, stderr = self.asdic("scan", *flags)
        self.assertEqual((status, sorted(stderr.splitlines())), (2, sorted([*told, "asdic: 4 faults"])))
        status, _, stderr = self.asdic("scan", "-i", self.device(WORLD)[0], *FLAGS, "-o", "b.csv", "-m", "nodir/m", "-u",
                                       "job.yaml/u", "--checkpoint", "nodir/c")
        self.assertEqual((status, [line.split(":")[0] for line in stderr.splitlines()]),
                         (2, ["--checkpoint", "-m", "-u", "asdic"]))
        self.assertEqual(list(self.folder.glob("b.csv*")), [])
        status, _, stderr = self.asdic("check", *flags)
        self.assertEqual((status, sorted(stderr.splitlines())),
                         (0, sorted(f"{line} (a scan would end here)" for line in told)))

    def test_lists_are_told_with_other_faults(self):
        self.job("{file: a.csv}", rate="5x", targets="{include_files: [nosuch], exclude_files: ['.'], ports: 80}",
                 dns="{resolvers: [./none], lookups: [{names_file: nor, types: A}]}")
        status, _, stderr = self.asdic("check", "-i", "net_null0", "job.yaml")
        self.assertEqual((status, stderr.splitlines()), (2, [
            "job.yaml:1:7: 'rate' is '5x'; write packets/s from 1 to 1G, like 10000 or 250k",
            "job.yaml:2:27: cannot read 'nosuch': No such file or directory",
            "job.yaml:2:52: cannot read '.': Is a directory",
            "job.yaml:3:19: cannot read './none': No such file or directory",
            "job.yaml:3:51: cannot read 'nor': No such file or directory", "asdic: 5 faults"]))

    def test_none_is_made_where_one_exists(self):
        self.write("b.csv", "precious\n")
        job = self.job('{file: a.csv}', '{file: b.csv}')
        device, _ = self.device(WORLD)
        self.assertEqual(self.asdic("scan", "-i", device, job, *FLAGS)[0], 2)
        self.assertFalse((self.folder / "a.csv").exists())
        self.assertEqual(self.lines("b.csv"), ["precious"])

    def test_compressed(self):
        self.scan(WORLD, *FLAGS, "-o", "a.csv.zst")
        text = subprocess.run(["zstd", "-dc", str(self.folder / "a.csv.zst")], capture_output=True,
                              text=True, check=True).stdout
        self.assertEqual(sorted(text.splitlines()), sorted([*OPEN_HOSTS, "saddr"]))

    def test_rotated(self):
        self.scan(WORLD, CIDR, "-p", "443", "-c", "1", "-q", "--rate", "300", "-o", "a.csv",
                  "--set", "output.rotate=1s")
        files = sorted(path.name for path in self.folder.glob("*.csv"))
        self.assertTrue(2 <= len(files) <= 12, files)  # three or four, and as many more as it is held up
        found = []
        for name in files:
            self.assertTrue(re.fullmatch(r"a-\d{8}T\d{6}Z\.csv", name), name)
            head, *rows = self.lines(name)
            self.assertEqual(head, "saddr")
            self.assertTrue(rows, name)
            found += rows
        self.assertEqual(sorted(found), OPEN_HOSTS)
        self.assertEqual(list(self.folder.glob(".*")), [])

    def test_a_pipe_has_records_while_the_scan_goes_on(self):
        """What has answered is there within about a second; here the scan has minutes to go."""
        device, _ = self.device(WORLD)
        for flags, head in (((), b"saddr\n"), (("-O", "json"), b"{")):
            with self.subTest(flags), subprocess.Popen(
                    [ASDIC, "scan", "-i", device, CIDR, "-p", "443", "-q", "--rate", "8", *flags],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder) as scan:
                try:
                    self.assertTrue(scan.stdout.readline().startswith(head))
                    self.assertTrue(scan.stdout.readline().endswith(b"\n"))
                    self.assertIsNone(scan.poll(), "the scan has ended before its first record came")
                finally:
                    scan.send_signal(signal.SIGINT)
                    scan.send_signal(signal.SIGINT)
                    scan.communicate(timeout=60)

    def test_a_closed_pipe_ends_the_scan(self):
        """Of two outputs one goes away: the other has all that was written to it, in whole lines."""
        job = self.job('{filter: "", format: ndjson}', '{file: a.csv, filter: ""}')
        device, _ = self.device(WORLD)
        with subprocess.Popen([ASDIC, "scan", "-i", device, job, CIDR, "-p", "443", "-q", "--rate", "200"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder) as scan:
            scan.stdout.readline()
            scan.stdout.close()
            stderr = scan.stderr.read().decode()
            self.assertEqual(scan.wait(timeout=60), 1, stderr)
        ledger, balanced = parse_ledger(stderr)
        self.assertTrue(balanced, stderr)
        self.assertIn("writing standard output: Broken pipe", stderr)
        self.assertLess(ledger["probes sent"], 1024)
        text = (self.folder / "a.csv").read_text()
        self.assertTrue(text.startswith("saddr\n") and text.endswith("\n"))
        self.assertTrue(all(re.fullmatch(r"20\.6\.\d+\.\d+", line) for line in text.splitlines()[1:]))

    def test_standard_output_that_came_closed(self):
        device, _ = self.device(WORLD)
        done = subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", ASDIC, "scan", "-i", device, *FLAGS],
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr),
                         (2, "asdic: standard output is closed, and results are to go there; name a file (-o)\n"))

    def test_a_running_scan_has_its_files_alone(self):
        """Neither --force nor --resume writes into a file that is being written; and SIGHUP stops as ctrl-C does."""
        device, _ = self.device(WORLD)
        flags = ("scan", "-i", device, CIDR, "-p", "443", "-q", "-e", "4", "-c", "1", "-o", "a.csv")
        with subprocess.Popen([ASDIC, *flags, "--rate", "20"], stderr=subprocess.PIPE, cwd=self.folder) as scan:
            scan.stderr.readline()
            deadline = time.monotonic() + 60
            while not (self.folder / "a.csv.checkpoint").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            for more in ("--force", "--resume"):
                status, _, stderr = self.asdic(*flags, more)
                self.assertEqual(status, 2, stderr)
                self.assertIn("'a.csv' is written to by another scan that runs", stderr)
            scan.send_signal(signal.SIGHUP)
            stderr = scan.stderr.read().decode()
            self.assertEqual(scan.wait(timeout=60), 130, stderr)
        status, _, stderr = self.asdic(*flags, "--resume")
        self.assertEqual(status, 0, stderr)
        self.assertEqual(sorted(self.lines("a.csv")), sorted([*OPEN_HOSTS, "saddr"]))

    def test_a_full_disk_ends_the_scan(self):
        job = self.job('{file: /dev/full}', '{file: a.csv}')
        run = self.scan(WORLD, job, CIDR, "-p", "443", "-q", "--rate", "200", status=1, timeout=60)
        self.assertIn("writing '/dev/full': No space left on device", run.stderr)
        self.assertLess(run.ledger["probes sent"], 1024)
        self.assertEqual(len(self.lines("a.csv")) - 1, run.ledger["written"])


if __name__ == "__main__":
    unittest.main()
