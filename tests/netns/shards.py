#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two shards by two processes at once, each over a link of its own: together exactly the whole."""

import functools
import ipaddress

from lab import Lab, Link, Target, World, each_driver, equal, main, outside, run

PORTS = [80, 443, 8080]
INCLUDED = ipaddress.ip_network("10.91.128.0/18")
# What is left has an odd number of addresses, and with three ports an odd number of targets.
EXCLUDED = ipaddress.ip_network("10.91.130.7/32")
TARGETS = (INCLUDED.num_addresses - 1) * len(PORTS)
WORLD = World(seed=3202034522624059733, open_count=400, closed_count=0, within=INCLUDED)


def test(lab: Lab):
    target = Target(lab, WORLD, ports=(80, 443))
    links = [Link(lab, target, number) for number in (0, 1)]

    @functools.cache
    def scans(driver):
        target.forget()
        running = []
        for number, link in enumerate(links, 1):
            job = link.job(driver, {
                "targets": {"include": [str(INCLUDED)], "exclude": [str(EXCLUDED)], "ports": PORTS},
                "order": {"seed": 42, "shard": f"{number}/2"}, "rate": 15000})
            running.append(link.start(job, ["--force"]))
        results = [scan.result().expect(0) for scan in running]
        return results, target.probes_per_target()

    def open_pairs(result):
        return {(record["saddr"], record["sport"]) for record in result.records()
                if record["success"]}

    def finds_the_whole(driver):
        first, second = map(open_pairs, scans(driver)[0])
        equal(first | second, {(a, port) for a in outside(WORLD.open, EXCLUDED) for port in (80, 443)},
              "open address:port pairs")

    def parts_are_disjoint(driver):
        first, second = map(open_pairs, scans(driver)[0])
        assert first and second, "a shard found nothing"
        equal(first & second, set(), "pairs that both found")

    def probes_each_once(driver):
        equal(scans(driver)[1], (TARGETS, TARGETS), "SYNs that came, and different targets of them")

    def halves_are_even(driver):
        halves = sorted(result.ledger()["probes sent"] for result in scans(driver)[0])
        equal(halves, [TARGETS // 2, TARGETS - TARGETS // 2], "probes of the shards")

    return run(each_driver(
        ("two shards find exactly the open", finds_the_whole),
        ("no target is found by both", parts_are_disjoint),
        ("every target gets one probe of the two", probes_each_once),
        ("the shards are as even as they can be", halves_are_even),
    ))


if __name__ == "__main__":
    main(test)
