#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A network that loses 2% of all packets, each way.

An open address is found unless its probe is lost, or all of its SYN-ACKs are. A kernel repeats a
SYN-ACK that is not answered after 1, 3 and 7 s, and asdic waits 8 s: four are in time, until one
arrives and is answered by a RST. So with loss p each way an address is found with probability
(1 - p)(1 - p^4), and the found of n addresses are binomial. Were repeats not taken, it would be
(1 - p)^2."""

import functools
import math

from lab import Lab, Link, Target, World, each_driver, equal, main, run

LOSS, PERCENT = 0.02, 2
TRIES = 4
WORLD = World(seed=2685821657736338717, open_count=8000, closed_count=0)
SIGMAS = 5
MARK = 100 # of replies that get lost, and their routing table
LOST = f"numgen random mod 100 < {PERCENT}"


def test(lab: Lab):
    target = Target(lab, WORLD, rules=f"""
        tcp flags & (syn | ack) == syn ip daddr @open {LOST} add @lost {{ ip daddr }} drop
        tcp flags rst {LOST} drop
    """, declarations=f"""
        set lost {{ type ipv4_addr; size 65536; }}
        counter lost_replies {{ }}
        chain leaving {{
            type route hook output priority mangle;
            tcp sport 80 {LOST} counter name lost_replies meta mark set {MARK}
        }}""")
    link = Link(lab, target)
    # A SYN-ACK that nftables drops at once the kernel knows of, and gives up its connection. What a
    # network loses it does not: those replies go out by an interface that leads nowhere.
    target.ip("link", "add", "void", "type", "veth", "peer", "name", "end")
    target.ip("link", "set", "end", "up")
    target.ip("link", "set", "void", "up", "arp", "off")
    target.ip("route", "add", "default", "dev", "void", "table", str(MARK))
    target.ip("rule", "add", "fwmark", str(MARK), "lookup", str(MARK))

    @functools.cache
    def scan(driver):
        """A scan, the open addresses whose probe was lost, and how many replies were."""
        target.forget()
        target.run("nft", "flush", "set", "ip", "lab", "lost")
        result = link.scan(driver, {"rate": 20000, "limits": {"cooldown": "8s"}}).expect(0)
        return result, target.addresses("lost"), target.counter("lost_replies")

    def recall_is_as_computed(driver):
        share = (1 - LOSS) * (1 - LOSS**TRIES)
        mean, sigma = len(WORLD.open) * share, math.sqrt(len(WORLD.open) * share * (1 - share))
        found = len(scan(driver)[0].first("synack"))
        print(f"# {driver}: {found} of {len(WORLD.open)} found; {mean:.0f} expected, sigma {sigma:.1f}")
        assert abs(found - mean) <= SIGMAS * sigma, f"{found}, not {mean:.0f} +- {SIGMAS} * {sigma:.1f}"

    def lost_probes_are_all_that_is_missed(driver):
        result, lost, lost_replies = scan(driver)
        found = result.first("synack")
        assert lost_replies > len(WORLD.open) * LOSS / 2, f"only {lost_replies} replies were lost"
        equal(found - (WORLD.open - lost), set(), "addresses found though their probe was lost")
        # p^4 of 8,000 is 0.001 addresses that lose all their SYN-ACKs.
        assert len(WORLD.open - lost - found) <= 1, f"missed: {sorted(WORLD.open - lost - found)[:5]}"

    def repeats_are_told_apart(driver):
        records = scan(driver)[0].records()
        repeats = [record for record in records if record["repeat"]]
        # A RST that is lost makes the kernel repeat itself.
        assert len(repeats) > len(WORLD.open) * LOSS / 2, f"only {len(repeats)} repeats"
        equal({record["saddr"] for record in repeats} - scan(driver)[0].first("synack"), set(),
              "repeats without a first")

    return run(each_driver(
        ("recall is within five sigma of what arithmetic gives", recall_is_as_computed),
        ("nothing is missed but where the probe was lost", lost_probes_are_all_that_is_missed),
        ("a SYN-ACK that comes again is a repeat", repeats_are_told_apart),
    ))


if __name__ == "__main__":
    main(test)
