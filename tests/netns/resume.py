#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans of a real kernel that are killed (SIGKILL) at any moment and gone on with find what an uninterrupted
one finds, and write each answer once.

RESUME_KILLS says how many kills there are in all (20); RESUME_SEED, when they come."""

import collections
import ipaddress
import json
import os
import random
import signal
import time

from lab import DRIVERS, Lab, Link, Target, World, each_driver, equal, main, run, wait_for

KILLS = int(os.environ.get("RESUME_KILLS", "20"))
SEED = int(os.environ.get("RESUME_SEED", "1"))
WITHIN = ipaddress.ip_network("10.91.32.0/20")
WORLD = World(seed=1181783497276652981, open_count=300, closed_count=300, within=WITHIN)
CHANGES = {
    "targets": {"include": [str(WITHIN)]},
    "order": {"seed": 5},
    "rate": 3500, # a bit more than a second of sending
    "output": {"filter": "repeat = 0"},
    "limits": {"cooldown": "500ms"},
}


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)

    def has_checkpoint():
        return any(lab.folder.glob("*.checkpoint"))

    def found(result):
        """{(class, address): records}"""
        records = map(json.loads, result.output.splitlines())
        return collections.Counter((record["classification"], record["saddr"]) for record in records)

    def truth():
        return {("synack", address) for address in WORLD.open} | {("rst", address) for address in WORLD.closed}

    def run_through(job, chance, kills):
        """Begin, be killed so often, and come to the end: the last run, and how many had gone on."""
        resumed = 0
        for _ in range(kills):
            go_on = has_checkpoint()
            resumed += go_on
            scan = link.start(job, ["--resume" if go_on else "--force"])
            # The first is killed once there is something to go on from, later ones at any moment.
            if not go_on:
                wait_for(lambda: has_checkpoint() or scan.process.poll() is not None, "checkpoint", 60)
            time.sleep(chance.uniform(0.1, 1.5))
            scan.process.send_signal(signal.SIGKILL)
            scan.process.wait()
            assert scan.process.returncode in (-signal.SIGKILL, 0), scan.text()
        return link.start(job, ["--resume" if has_checkpoint() else "--force"]).result(), resumed

    def killed_finds_the_same(driver):
        job = link.job(driver, CHANGES)
        whole = found(link.start(job, ["--force"]).result().expect(0))
        equal(set(whole), truth(), "what an uninterrupted scan finds")
        for path in lab.folder.glob("*.checkpoint*"):
            path.unlink()
        result, resumed = run_through(job, random.Random(SEED), -(-KILLS // len(DRIVERS)))
        assert resumed > 0, "never gone on with"
        parts = found(result.expect(0))
        print(f"# {driver}: gone on with {resumed} times, {sum(parts.values())} records")
        equal(set(parts), set(whole), "what the killed scan finds")
        equal([key for key, count in parts.items() if count > 1], [], "written twice")

    return run(each_driver(("killed and gone on with, it finds the same, each once", killed_finds_the_same)))


if __name__ == "__main__":
    main(test)
