#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tcpdump sees of a scan at the target: the rate's promise, and every frame's shape."""

import functools

from frames import ACK, ETHERTYPE_IPV4, RST, SYN, busiest, captured, segment
from lab import DRIVERS, Lab, Link, NETWORK, Target, World, each_driver, equal, main, run

WORLD = World(seed=1442695040888963407, open_count=600, closed_count=600)
WINDOW_NS, BURST = 100_000_000, 32
FAST, SLOW = 20000, 5000 # packets/s
COUNTS = {FAST: NETWORK.num_addresses, SLOW: 3 * SLOW}
# Of real systems, as the profiles' names say: window and options.
PROFILES = {
    "windows": (64240, bytes.fromhex("020405b4 01 030308 01 01 0402")),
    "linux": (64240, bytes.fromhex("020405b4 0402 080a 00000000 00000000 01 030307")),
    "mss": (65535, bytes.fromhex("020405b4")),
}


class Capture:
    """The frames of a scan, sorted by who sent them."""

    def __init__(self, result, frames, mac):
        self.result = result
        self.sent = [frame for frame in frames if frame.source_mac() == mac]
        received = [frame for frame in frames if frame.source_mac() != mac]
        self.segments = [segment(frame) for frame in self.sent
                         if frame.ether_type() == ETHERTYPE_IPV4]
        self.replies = [segment(frame) for frame in received
                        if frame.ether_type() == ETHERTYPE_IPV4]
        self.probes = [s for s in self.segments if s.flags == SYN]
        self.resets = [s for s in self.segments if s.flags != SYN]


def test(lab: Lab):
    target = Target(lab, WORLD)
    link = Link(lab, target)

    @functools.cache
    def capture(driver, rate, count, profile="windows"):
        changes = {"rate": rate, "probe": {"profile": profile},
                   "limits": {"targets": count, "cooldown": "2s"}}
        with captured(target, link.target_iface) as frames:
            result = link.scan(driver, changes).expect(0)
        seen = Capture(result, frames, link.mac())
        equal(len(seen.probes), count, "probes")
        return seen

    def whole(driver, rate=FAST):
        return capture(driver, rate, COUNTS[rate])

    def keeps_the_rate(rate, driver):
        times = [frame.time_ns for frame in whole(driver, rate).sent]
        most, start_ns = busiest(times, WINDOW_NS)
        seconds = (times[-1] - times[0]) / 1e9
        print(f"# {driver} at {rate}/s: {most} in the busiest 100 ms")
        assert most <= rate // 10 + BURST, (
            f"{most} frames in the 100 ms from {(start_ns - times[0]) / 1e9:.6f} s of {seconds:.3f}")

    def probes_differ(driver):
        probes = whole(driver).probes
        equal(len({(p.destination, p.destination_port) for p in probes}), len(probes), "targets")

    def probes_are_windows(driver):
        check_profile(whole(driver).probes, "windows")

    def probes_are(profile):
        check_profile(capture(DRIVERS[0], FAST, 2000, profile).probes, profile)

    def sources_are_all_used(driver):
        probes = whole(driver).probes
        equal({probe.source for probe in probes}, link.sources(), "source addresses")
        ports = {probe.source_port for probe in probes}
        assert min(ports) >= 32768 and max(ports) <= 61000, (min(ports), max(ports))
        # Half of the range is for probes: 14,080 ports, of which so many probes leave out 1%.
        assert len(ports) > 13000, f"only {len(ports)} source ports"

    def fields_vary(driver):
        # Drawn at random, 65,536 numbers of 65,536 are 41,427 different ones, give or take 80.
        probes = whole(driver).probes
        ids, sequences = {p.ip_id for p in probes}, {p.seq for p in probes}
        assert len(ids) > 40000, f"only {len(ids)} IP IDs"
        assert len(sequences) > 65500, f"only {len(sequences)} initial sequence numbers"

    def resets_what_opened(driver):
        seen = whole(driver)
        opened = {s.flow(): s for s in seen.replies if s.flags == SYN | ACK}
        equal(sum(s.flags == SYN | ACK for s in seen.replies), len(opened), "SYN-ACKs, each once")
        equal({flow[0] for flow in opened}, WORLD.open, "addresses that sent a SYN-ACK")
        equal(len(seen.resets), len(opened), "RSTs")
        for reset in seen.resets:
            answer = opened.pop(reset.reverse())
            assert reset.flags == RST and reset.seq == answer.ack and not reset.payload, reset
        assert not opened, f"no RST for {list(opened)[:3]}"

    def records_are_the_replies(driver):
        seen = whole(driver)
        told = {(r["saddr"], r["sport"], r["daddr"], r["dport"], r["seqnum"], r["acknum"], r["window"],
                 r["ipid"], r["ttl"]) for r in seen.result.records()}
        equal(told, {(*s.flow(), s.seq, s.ack, s.window, s.ip_id, s.ttl) for s in seen.replies},
              "replies")
        probes = {probe.reverse(): probe for probe in seen.probes}
        assert all((probes[s.flow()].seq + 1) % 2**32 == s.ack for s in seen.replies), "acks"

    return run(each_driver(
        (f"no 100 ms at {SLOW}/s holds more than promised", functools.partial(keeps_the_rate, SLOW)),
        (f"no 100 ms at {FAST}/s holds more than promised", functools.partial(keeps_the_rate, FAST)),
        ("no two probes have one target", probes_differ),
        ("probes have the default profile's shape", probes_are_windows),
        ("all source addresses are used, and only source ports of the range", sources_are_all_used),
        ("IP IDs and sequence numbers vary", fields_vary),
        ("every connection that a SYN-ACK opened is reset at once", resets_what_opened),
        ("records say what was on the wire", records_are_the_replies),
    ) + [(f"probes of profile {profile} have its shape", functools.partial(probes_are, profile))
         for profile in ("linux", "mss")])


def check_profile(probes, profile):
    window, options = PROFILES[profile]
    for probe in probes:
        found = probe.options
        if profile == "linux": # the timestamp's own value is free
            found = found[:8] + bytes(4) + found[12:]
        assert found == options and probe.window == window, f"{profile}: {probe}"
        assert probe.ttl == 64 and probe.dont_fragment and not probe.payload and not probe.ack, probe


if __name__ == "__main__":
    main(test)
