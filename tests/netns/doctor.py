#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What asdic doctor says of interfaces and addresses of a real kernel."""

import json
import subprocess

import yaml

from lab import ASDIC, DRIVERS, IFACE, Lab, Link, Target, World, equal, main, run, wait_for

WORLD = World(seed=1, open_count=2, closed_count=0)


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)

    def findings(driver=DRIVERS[0]):
        """(exit status, {subject: [(level, finding, mend)]})"""
        path = lab.folder / "job.yaml"
        path.write_text(yaml.safe_dump(link.job(driver)))
        done = subprocess.run(["ip", "netns", "exec", link.name, ASDIC, "doctor", "--json", str(path)],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (0, 3), done.stderr
        report, found = json.loads(done.stdout), {}
        for f in report["findings"]:
            found.setdefault(f["subject"], []).append((f["level"], f["finding"], f.get("mend")))
        levels = [f["level"] for f in report["findings"]]
        equal((report["problems"], report["warnings"]), (levels.count("problem"), levels.count("warning")), "counts")
        equal(done.returncode, 3 if report["problems"] else 0, "exit status")
        return done.returncode, found

    def nothing_stops_it():
        for driver in DRIVERS:
            status, found = findings(driver)
            equal(status, 0, found)
            equal([found[subject][0][0] for subject in ("link", "MTU", "checksums", "addresses", "rights")],
                  ["ok"] * 5, "levels")
        assert "AF_XDP" in found, found

    def peer_with_offload():
        """The mend, done to the letter, mends it."""
        target.run("ethtool", "-K", link.target_iface, "tx", "on")
        status, found = findings()
        (level, text, mend), = found["checksums"]
        equal((status, level), (3, "problem"), text)
        assert link.target_iface in text and "bad checksum" in text, text
        equal(mend, f"ip netns exec {target.name} ethtool -K {link.target_iface} tx off", "mend")
        subprocess.run(mend.split(), check=True, capture_output=True)
        equal(findings()[1]["checksums"][0][0], "ok", "level after the mend")

    def own_offload_is_no_matter():
        link.run("ethtool", "-K", IFACE, "tx", "on")
        equal(findings()[0], 0, "exit status")

    def merged_segments():
        link.run("ethtool", "-K", IFACE, "gro", "on")
        status, found = findings("net_af_packet")
        (level, text, mend), = found["segments"]
        equal((status, level), (0, "warning"), text)
        assert mend.startswith(f"ethtool -K {IFACE} gro off"), mend
        assert "segments" not in findings("net_af_xdp")[1], "XDP comes before the merging"
        link.run("ethtool", "-K", IFACE, "gro", "off")
        assert "segments" not in findings("net_af_packet")[1], "told of what is off"

    def address_of_the_kernel():
        address = str(link.subnet[9])
        link.ip("address", "add", f"{address}/32", "dev", "lo")
        status, found = findings()
        (level, text, mend), = found["addresses"]
        equal((status, level), (3, "problem"), text)
        assert text.startswith(f"{address} is the kernel's, too, on lo: it resets"), text
        assert mend.startswith(f"ip address del {address} dev lo"), mend
        link.ip("address", "del", f"{address}/32", "dev", "lo")
        equal(findings()[0], 0, "exit status")

    def link_is_down():
        link.ip("link", "set", IFACE, "down")
        status, found = findings()
        equal((status, found["link"][0][0]), (3, "problem"), found["link"])
        link.ip("link", "set", IFACE, "up")
        wait_for(lambda: findings()[0] == 0, "link")

    def forwarding():
        link.write("net/ipv4/ip_forward", 1)
        status, found = findings()
        equal((status, found["forwarding"][0][0]), (0, "warning"), found["forwarding"])
        link.write("net/ipv4/ip_forward", 0)

    def text_has_a_line_each():
        done = subprocess.run([ASDIC, "doctor"], capture_output=True, text=True, check=False, timeout=60)
        *lines, last = done.stdout.splitlines()
        assert all(line.split()[0] in ("ok", "warning", "problem") for line in lines), done.stdout
        assert all("; mend: " in line for line in lines if not line.startswith("ok")), done.stdout
        equal(last, f"{done.stdout.count(chr(10) + 'problem')} problems, {sum(l.startswith('warning') for l in lines)} warnings",
              "last line")
        equal(done.returncode, 0, "exit status without a job")

    return run([
        ("nothing stops a scan of a sound link", nothing_stops_it),
        ("a peer that leaves checksums to a device is told, with the mend", peer_with_offload),
        ("this end's offload does no harm", own_offload_is_no_matter),
        ("segments that the kernel merges are warned of", merged_segments),
        ("a source address that the kernel owns is told", address_of_the_kernel),
        ("a link that is down is told", link_is_down),
        ("a kernel that forwards is warned of", forwarding),
        ("as text, a line for each finding", text_has_a_line_each),
    ])


if __name__ == "__main__":
    main(test)
