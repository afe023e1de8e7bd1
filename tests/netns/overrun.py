#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What comes while asdic is off its CPU, and finds the driver's ring full, is missed, and said to be.

asdic stands still for a while (SIGSTOP) during its cooldown, and more frames come than any ring holds. What it
has received and what it says was missed are together what was sent."""

import json
import signal
import time

from lab import Lab, Link, Target, World, each_driver, main, packet_socket, run, wait_for

WORLD = World(seed=777, open_count=10, closed_count=0)
TARGETS = "10.91.0.0/24" # of which none is open
FRAMES = 40000
FRAME = b"%(to)s\x02\x00\x00\x00\x00\x77\x88\xb5" + bytes(46) # an EtherType for experiments


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)
    frame = FRAME % {b"to": bytes.fromhex(link.mac().replace(":", ""))}
    flood = packet_socket(target, link.target_iface)

    def dropped():
        """Frames that the veth itself had no room for."""
        return json.loads(target.ip("-s", "-j", "link", "show", link.target_iface))[0]["stats64"]["tx"]["dropped"]

    def missed_is_said(driver):
        target.forget()
        job = link.job(driver, {"targets": {"include": [TARGETS]}, "limits": {"cooldown": "4s"}})
        scan = link.start(job, ["--force"])
        wait_for(lambda: scan.process.poll() is not None or target.counter("syns") >= 256, "probes")
        scan.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        before = dropped()
        for _ in range(FRAMES):
            flood.send(frame)
        time.sleep(0.1)
        scan.process.send_signal(signal.SIGCONT)
        ledger = scan.result().expect(0).ledger()
        came = ledger["not ours"] + ledger["missed"] + dropped() - before
        print(f"# {driver}: not ours {ledger['not ours']}, missed {ledger['missed']}")
        assert ledger["missed"] > FRAMES / 2, f"missed {ledger['missed']} of {FRAMES}"
        # The target's own ARP may be among them.
        assert FRAMES <= came <= FRAMES + 20, f"{came} received and missed of {FRAMES}: {ledger}"

    return run(each_driver(("what found no room is counted, to the last frame", missed_is_said)))


if __name__ == "__main__":
    main(test)
