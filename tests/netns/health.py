#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a scan does when the world goes away: it holds the sending, says why, and goes on by itself."""

import json
import time

from lab import DRIVERS, IFACE, Lab, Link, Target, World, each_driver, equal, main, run, wait_for

WORLD = World(seed=7046029254386353131, open_count=1000, closed_count=0)
PORTS = [80, 81, 82, 83]
RATE = 4000
# Who drops everything a host sends, ARP included, and who drops first SYNs alone.
DEAF = """table netdev deaf {{ chain c {{ type filter hook ingress device {iface} priority 0; policy drop; }}
}}"""
MUTE = """table ip mute { chain c { type filter hook prerouting priority -400; tcp flags syn drop; }
}"""


def test(lab: Lab):
    target = Target(lab, WORLD, ports=PORTS)
    link = Link(lab, target)

    def start(driver, rate=RATE, changes=None):
        """A scan of a minute or more, which has been going for a while."""
        target.run("sh", "-c", "(nft delete table netdev deaf; nft delete table ip mute) 2>/dev/null; true")
        target.forget()
        job = link.job(driver, {"rate": rate, "targets": {"ports": PORTS}, **(changes or {})})
        scan = link.start(job, ["--force", "-m", str(lab.folder / "manifest.json")])
        wait_for(lambda: scan.process.poll() is not None or target.counter("syns") > 5 * rate, "probes", 30)
        return scan

    def assert_holds_and_goes_on(scan, said, mend, cause, rate=RATE, timeout_s=30):
        """Once it has said so no probe leaves; once mended they do."""
        wait_for(lambda: scan.said(said), said, timeout_s)
        time.sleep(0.3)
        sent = link.sent()
        time.sleep(1.5)
        assert link.sent() - sent <= 5, f"{link.sent() - sent} frames while it is held"
        lines = [line for line in scan.text().splitlines() if "is held" in line]
        equal(len(lines), len(set(lines)), "lines that say so, each once")
        mend()
        wait_for(lambda: scan.said("sending goes on"), "going on", timeout_s)
        heard = target.counter("syns")
        wait_for(lambda: target.counter("syns") > heard + rate, "more probes", 10)
        scan.process.terminate()
        scan.result().expect(130)
        events = json.loads((lab.folder / "manifest.json").read_text())["events"]
        kinds = [event["kind"] for event in events if event["kind"] != "again"]
        # A lost gateway shows in the hit rate first.
        assert kinds in (["hold", "resume"], ["hold", "hold", "resume"]), events
        assert cause in [event for event in events if event["kind"] == "resume"][0]["what"], events
        first, end = events[0]["positions"]
        assert 0 <= first < end <= 4 * 65536, events

    def link_down(driver):
        scan = start(driver)
        link.ip("link", "set", IFACE, "down")
        assert_holds_and_goes_on(scan, "the link of .* is down", lambda: link.ip("link", "set", IFACE, "up"), "link")

    def cable_out(driver):
        scan = start(driver)
        target.ip("link", "set", link.target_iface, "down")

        def plug():
            target.ip("link", "set", link.target_iface, "up")
        assert_holds_and_goes_on(scan, "the link of .* is down", plug, "link")

    def gateway_gone(driver):
        scan = start(driver)
        target.nft(DEAF.format(iface=link.target_iface))
        assert_holds_and_goes_on(scan, "the gateway of .* does not answer ARP",
                                 lambda: target.run("nft", "delete", "table", "netdev", "deaf"), "gateway")

    def canaries_silent(driver):
        """At this rate the hit rate takes far longer to tell."""
        scan = start(driver, 200, {"canaries": [f"{address}:80" for address in sorted(WORLD.open)[:3]]})
        target.nft(MUTE)
        assert_holds_and_goes_on(scan, "no canary answers",
                                 lambda: target.run("nft", "delete", "table", "ip", "mute"), "canaries", 200)

    def nobody_answers(driver):
        scan = start(driver)
        target.nft(MUTE)
        wait_for(lambda: scan.said("the hit rate has fallen"), "hold", 20)
        time.sleep(0.3)
        sent = link.sent()
        time.sleep(1.5)
        assert link.sent() - sent <= 5, f"{link.sent() - sent} frames while it is held"
        target.run("nft", "delete", "table", "ip", "mute")
        wait_for(lambda: scan.said("a trial of the hit rate: sending goes on"), "trial", 20)
        heard = target.counter("syns")
        wait_for(lambda: target.counter("syns") > heard + 3 * RATE, "more probes", 20)
        scan.process.terminate()
        scan.result().expect(130)
        equal(len([line for line in scan.text().splitlines() if "is held" in line]), 1, "holds")

    return run(each_driver(
        ("an interface that goes down and comes back", link_down),
    ) + [(f"{DRIVERS[0]}: {title}", lambda case=case: case(DRIVERS[0])) for title, case in (
        ("a cable that is out for a while", cable_out),
        ("a gateway that is gone for a while", gateway_gone),
        ("canaries that are silent for a while", canaries_silent),
        ("a network that swallows probes for a while", nobody_answers),
    )])


if __name__ == "__main__":
    main(test)
