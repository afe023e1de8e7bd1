#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans of a /16 of a real kernel's: what is found is the truth, and what is excluded gets nothing."""

import csv
import functools
import io
import ipaddress
import socket

from lab import Lab, Link, NETWORK, Target, World, each_driver, equal, main, outside, run

EXCLUDED = ipaddress.ip_network("10.91.64.0/20")
WORLD = World(seed=6364136223846793005, open_count=600, closed_count=1200)
TARGETS = NETWORK.num_addresses - EXCLUDED.num_addresses


def test(lab: Lab):
    target = Target(lab, WORLD, ports=(80, 443), declarations="counter excluded { }")
    # Before all else, and for every kind of packet.
    target.nft(f"insert rule ip lab arriving ip daddr {EXCLUDED} counter name excluded")
    link = Link(lab, target)

    @functools.cache
    def whole(driver):
        """One scan of it all, and what the target counted meanwhile."""
        target.forget()
        result = link.scan(driver, {"targets": {"exclude": [str(EXCLUDED)]}}).expect(0)
        return result, target.probes_per_target(), target.counter("excluded")

    def finds_the_open(driver):
        equal(whole(driver)[0].first("synack"), outside(WORLD.open, EXCLUDED), "open addresses")

    def finds_the_closed(driver):
        equal(whole(driver)[0].first("rst"), outside(WORLD.closed, EXCLUDED), "closed addresses")

    def finds_nothing_else(driver):
        records = whole(driver)[0].records()
        equal({record["classification"] for record in records}, {"synack", "rst"}, "classes")
        assert not any(record["repeat"] for record in records), "repeats"

    def probes_each_once(driver):
        equal(whole(driver)[1], (TARGETS, TARGETS), "SYNs that came, and different targets of them")

    def spares_the_excluded(driver):
        result, _, excluded = whole(driver)
        equal(excluded, 0, "packets for excluded addresses")
        equal(sum(count for term, count in result.ledger().items() if term.endswith(" gated")), 0,
              "frames that only the gate stopped")

    def ledger_is_true(driver):
        result, (syns, _), _ = whole(driver)
        ledger, open_count = result.ledger(), len(outside(WORLD.open, EXCLUDED))
        closed_count = len(outside(WORLD.closed, EXCLUDED))
        expected = {"probes intended": TARGETS, "probes sent": syns, "SYN-ACK": open_count,
                    "RST": closed_count, "responders": open_count, "left alone": open_count,
                    "resets sent": open_count, "written": open_count + closed_count}
        equal({term: ledger.get(term, 0) for term in expected}, expected, "the ledger")

    def records_are_sane(driver):
        result = whole(driver)[0]
        assert result.records()
        for record in result.records():
            check_record(record, link.sources(), result)

    def default_output(driver):
        # No filter and no format given: CSV, and the open alone.
        job = link.job(driver, {"targets": {"include": ["10.91.0.0/19"], "ports": [80, 443]},
                                "output": {"file": str(lab.folder / "found.csv")}})
        del job["output"]["filter"]
        result = link.start(job, ["--force"]).result().expect(0)
        rows = list(csv.reader(io.StringIO(result.output.decode())))
        equal(rows[0], ["saddr", "sport"], "the header")
        some = {address for address in WORLD.open
                if ipaddress.ip_address(address) in ipaddress.ip_network("10.91.0.0/19")}
        equal({tuple(row) for row in rows[1:]}, {(a, port) for a in some for port in ("80", "443")},
              "open address:port pairs")
        equal(len(rows) - 1, 2 * len(some), "rows")

    return run(each_driver(
        ("finds exactly the open", finds_the_open),
        ("finds exactly the closed", finds_the_closed),
        ("finds nothing else", finds_nothing_else),
        ("every target gets one probe", probes_each_once),
        ("what is excluded gets no packet", spares_the_excluded),
        ("the ledger says what the target counted", ledger_is_true),
        ("every field of every record is sane", records_are_sane),
        ("two ports as CSV by the default filter", default_output),
    ))


def raw(address):
    """An address as ZMap's *_raw fields have it: the packet's bytes, read as little-endian."""
    return int.from_bytes(socket.inet_aton(address), "little")


def check_record(record, sources, result):
    """Asserts what holds of every record of a scan of a Linux kernel one hop away."""
    is_open = record["saddr"] in WORLD.open
    expected = {
        "record": "scan", "sport": 80, "ttl": 64, "probe_num": 0, "repeat": False,
        "saddr_raw": raw(record["saddr"]), "daddr_raw": raw(record["daddr"]), "success": is_open,
        "classification": "synack" if is_open else "rst",
    }
    if is_open:
        expected |= {"tcpopt_mss": 1460, "tcpopt_sack_perm": 1}
    else:
        expected |= {"seqnum": 0, "window": 0}
    equal({key: record[key] for key in expected}, expected, "a record")
    assert record["daddr"] in sources and 32768 <= record["dport"] <= 61000, record
    assert is_open or not any(key.startswith(("tcpopt", "icmp")) for key in record), record
    if is_open:
        assert record["window"] > 0 and record["tcpopt_wscale"] in [2**n for n in range(15)], record
    at = record["timestamp_ts"] + record["timestamp_us"] / 1e6
    assert result.started <= at <= result.ended, f"{record} not in {result.started}..{result.ended}"


if __name__ == "__main__":
    main(test)
