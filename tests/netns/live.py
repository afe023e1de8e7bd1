#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An exclusion while a scan runs: tcpdump sees no frame to its addresses once the command has answered."""

import ipaddress
import json
import subprocess
import time

from frames import ETHERTYPE_IPV4, captured
from lab import ASDIC, Lab, Link, Target, World, each_driver, main, run, wait_for

WORLD = World(seed=2862933555777941757, open_count=2000, closed_count=2000)
GONE = ipaddress.ip_network("10.91.64.0/18")
# The capture's clock and what is on the wire when the command answers.
SLACK_NS = 2_000_000


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)

    def nothing_leaves(driver):
        manifest = lab.folder / "manifest.json"
        with captured(target, link.target_iface) as frames:
            scan = link.start(link.job(driver, {"rate": 10000}), ["--force", "-m", str(manifest)])
            wait_for(lambda: scan.process.poll() is not None or target.counter("syns") > 15000, "probes")
            done = subprocess.run([ASDIC, "exclude", str(GONE), "--reason", "ticket 1"], capture_output=True,
                                  text=True, check=False)
            answered_ns = time.time_ns()
            assert done.returncode == 0, done.stderr
            assert "in force in scan 'scan'" in done.stdout, done.stdout
            result = scan.result().expect(0)
        target.forget()
        (lab.folder / "optout.conf").unlink()
        mac = link.mac()
        sent = [f for f in frames if f.source_mac() == mac and f.ether_type() == ETHERTYPE_IPV4]
        to_gone = [f.time_ns for f in sent if ipaddress.ip_address(f.data[30:34]) in GONE]
        late = [t - answered_ns for t in to_gone if t > answered_ns + SLACK_NS]
        assert len(to_gone) > 1000, f"{len(to_gone)} before"
        assert not late, f"{len(late)} frames after the answer, the first {late[0] / 1e6:.3f} ms"
        assert max(f.time_ns for f in sent) > answered_ns + 10**9, "it went on"
        gated = result.ledger()["probes gated"]
        assert gated > 3000, gated
        text = manifest.read_text()
        assert "10.91.64" not in text and "1 entry excluded" in text, json.loads(text)["events"]

    return run(each_driver(("no frame to an address once its exclusion is confirmed", nothing_leaves)))


if __name__ == "__main__":
    main(test)
