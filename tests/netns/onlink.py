#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Targets on the interface's own link are left out; a list of nothing else is refused in words."""

import subprocess

from lab import ASDIC, DRIVERS, IFACE, Lab, Namespace, equal, main, run


def test(lab: Lab):
    namespace = Namespace(lab, "scanner")
    namespace.ip("link", "add", IFACE, "type", "veth", "peer", "name", "downlink")
    namespace.ip("address", "add", "10.90.0.200/24", "dev", IFACE)
    namespace.ip("link", "set", IFACE, "up")
    targets = lab.folder / "targets"

    def dry_run(driver, text):
        targets.write_text(text)
        return subprocess.run(
            ["ip", "netns", "exec", namespace.name, ASDIC, "scan", "-i", f"{driver}0,iface={IFACE}", "-d",
             "-S", "10.90.0.8/29", "-g", "10.90.0.1", "-p", "80", "--set", "targets.allow_reserved=[10.0.0.0/8]",
             "-I", str(targets)], capture_output=True, text=True, check=False, timeout=60)

    def none_is_left():
        for driver in DRIVERS:
            done = dry_run(driver, "10.90.0.0/28\n10.90.0.77:443\n")
            equal((done.returncode, done.stdout), (2, ""), done.stderr)
            assert "no targets are left" in done.stderr, done.stderr
            assert "on the interface's own link (10.90.0.0-10.90.0.255)" in done.stderr, done.stderr

    def others_are_scanned():
        done = dry_run(DRIVERS[0], "10.90.0.77:443\n10.90.0.254-10.90.1.1\n10.91.0.1:22,a.example\n")
        equal(done.returncode, 0, done.stderr)
        equal(set(done.stdout.splitlines()), {"10.90.1.0,80", "10.90.1.1,80", "10.91.0.1,22"}, "targets")

    return run([
        ("a list wholly on the link is refused, and told why", none_is_left),
        ("what is not on the link is scanned", others_are_scanned),
    ])


if __name__ == "__main__":
    main(test)
