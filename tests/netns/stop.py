#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C: the first stops the sending and waits for what is under way, the second leaves at once."""

import signal
import subprocess
import time

from lab import Lab, Link, Target, World, each_driver, equal, main, run, wait_for

WORLD = World(seed=3935559000370003845, open_count=1000, closed_count=0)
COOLDOWN_S = 2
SOON_S = 1.5 # within a second, on a machine that has other things to do


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)

    def start(driver, cooldown_s, **options):
        """A scan that would take 13 s, some 5,000 probes into it."""
        target.forget()
        job = link.job(driver, {"rate": 5000, "limits": {"cooldown": f"{cooldown_s}s"}})
        if options:
            job["output"] = {"file": "-", "format": "ndjson", "filter": ""}
        scan = link.start(job, ["--force"], **options)
        wait_for(lambda: scan.process.poll() is not None or target.counter("syns") > 5000, "probes")
        return scan

    def interrupt(scan):
        scan.process.send_signal(signal.SIGINT)
        return time.time()

    def stops_orderly(driver):
        scan = start(driver, COOLDOWN_S)
        at = interrupt(scan)
        time.sleep(0.1)
        sent = target.counter("syns")
        result = scan.result().expect(130)
        equal(target.counter("syns"), sent, "SYNs in the end and 0.1 s after ctrl-C")
        took = result.ended - at
        assert COOLDOWN_S <= took < COOLDOWN_S + SOON_S, f"ended {took:.2f} s after ctrl-C"
        equal(result.ledger()["probes sent"], sent, "probes sent")
        # All of what answered to what was sent, to the last.
        equal(result.first("synack"), WORLD.open & target.addresses("probed"), "open addresses")

    def leaves_at_once(driver):
        scan = start(driver, 8)
        interrupt(scan)
        time.sleep(0.5)
        assert scan.process.poll() is None, f"it ended by one ctrl-C\n{scan.text()}"
        at = interrupt(scan)
        result = scan.result().expect(130)
        assert result.ended - at < SOON_S, f"ended {result.ended - at:.2f} s after the second ctrl-C"
        equal(len(result.records()), result.ledger()["written"], "lines and records written")

    def leaves_a_stuck_output(driver):
        # Nobody reads the pipe, and the records do not fit into it. The second ctrl-C comes during
        # the cooldown, or when only the writer is left.
        for cooldown_s, pause_s in ((8, 2), (0, 1)):
            scan = start(driver, cooldown_s, stdout=subprocess.PIPE, pipesize=4096)
            time.sleep(pause_s)
            interrupt(scan)
            time.sleep(1)
            assert scan.process.poll() is None, f"it wrote all, or gave up\n{scan.text()}"
            at = interrupt(scan)
            wait_for(lambda: scan.process.poll() is not None, "end")
            took = time.time() - at
            equal(scan.process.returncode, 130, "exit status")
            assert took < SOON_S, f"ended {took:.2f} s after the second ctrl-C"

    return run(each_driver(
        ("one ctrl-C stops the sending, cools down and writes all", stops_orderly),
        ("two leave within a second, the books in order", leaves_at_once),
        ("two leave within a second also when nobody reads the output", leaves_a_stuck_output),
    ))


if __name__ == "__main__":
    main(test)
