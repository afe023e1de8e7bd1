#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Outputs that end early, are full, or are there already."""

import json
import re
import subprocess

from lab import DRIVERS, Lab, Link, Target, World, command, equal, main, run

WORLD = World(seed=4768777513237032717, open_count=1000, closed_count=0)
DRIVER = DRIVERS[0]


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)
    existing = lab.folder / "existing.csv"

    def job(file):
        return link.job(DRIVER, {"rate": 10000, "output": {"file": file}})

    def expect_failure(result, cause):
        result.expect(1)
        assert re.search(cause, result.log), result.log
        # It does not send 65,536 probes for nobody.
        assert result.ledger()["probes sent"] < 50000, result.log

    def reader_leaves():
        scan = link.start(job("-"), stdout=subprocess.PIPE)
        head = link.spawn("head", "-n", "1", stdin=scan.process.stdout, stdout=subprocess.PIPE)
        scan.process.stdout.close() # the reader's alone now
        scan.process.stdout = None
        equal(head.communicate(timeout=30)[0], b"saddr\n", "what head got")
        expect_failure(scan.result(), "Broken pipe")

    def device_is_full():
        with open("/dev/full", "wb") as full:
            expect_failure(link.start(job("-"), stdout=full).result(), "No space left on device")
        expect_failure(link.start(job("/dev/full"), ["--force"]).result(), "No space left on device")

    def small_disk(name, size_kb):
        """A file system of so many kilobytes."""
        folder = lab.folder / name
        folder.mkdir()
        command("mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "asdic-test", str(folder))
        lab.stack.callback(command, "umount", str(folder))
        return folder

    def disk_fills_up():
        """What was had is there, in lines of which none is cut, and counted."""
        disk = small_disk("small", 64)
        changes = {"rate": 10000, "output": {"file": str(disk / "a.ndjson"), "format": "ndjson", "filter": ""}}
        result = link.start(link.job(DRIVER, changes)).result()
        expect_failure(result, r"writing '.*/a\.ndjson': No space left on device")
        found = {json.loads(line)["saddr"] for line in result.output.splitlines()}
        assert found and found <= WORLD.open, found
        ledger = result.ledger()
        equal(len(result.output.splitlines()), ledger["written"], "lines, and records written")
        assert ledger["refused by disk"] > 0, result.log

    def compressed_disk_fills_up():
        """A zstd file keeps the frames that were whole."""
        disk = small_disk("smaller", 24)  # of which the checkpoint takes its part
        changes = {"rate": 10000, "output": {"file": str(disk / "a.ndjson.zst"), "format": "ndjson", "filter": ""}}
        result = link.start(link.job(DRIVER, changes)).result()
        equal(result.status, 1, result.log)
        assert "\nledger, balanced:" in result.log, result.log
        assert "No space left on device" in result.log, result.log
        done = subprocess.run(["zstd", "-dc"], input=result.output, capture_output=True, check=False)
        equal(done.returncode, 0, f"zstd's exit status ({done.stderr})")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        equal(len(lines), result.ledger()["written"], "lines, and records written")
        assert lines, "nothing was written"

    def file_exists():
        existing.write_text("precious\n")
        target.forget()
        result = link.start(job(str(existing))).result()
        equal(result.status, 2, "exit status")
        assert re.search(rf"{existing}.*exists.*--force", result.log), result.log
        equal(existing.read_text(), "precious\n", "what the file holds")
        equal(target.counter("syns"), 0, "SYNs")

    def file_is_overwritten():
        existing.write_text("precious\n" * 100000)
        link.start(job(str(existing)), ["--force"]).result().expect(0)
        equal(set(existing.read_text().splitlines()), WORLD.open | {"saddr"}, "lines")

    return run([
        ("a reader that has seen enough ends the scan", reader_leaves),
        ("a full device ends the scan", device_is_full),
        ("a disk that fills up ends the scan with what was had", disk_fills_up),
        ("and so with zstd", compressed_disk_fills_up),
        ("a file that exists is left alone", file_exists),
        ("and overwritten with --force", file_is_overwritten),
    ])


if __name__ == "__main__":
    main(test)
