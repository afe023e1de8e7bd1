#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated Internet holds, computed from the formula alone and by no code of asdic's.

    u = mix64(seed XOR (address * 65536 + port)) / 2^64

Below `open` a port is open, then `closed`, then `unreachable`, else silent; the first network that
contains the address rules. Shares are exact fractions of the decimal text.

Behind an open port speaks, by h = mix64(mix64(seed XOR key) XOR "service") / 2^64, the first of the
port's services, or else of the network's, whose shares add up to more than h; behind the last is "none".
The certificate of an address has the number mix64(mix64(seed XOR address * 65536) XOR "cert") modulo
their count.

    truth.py WORLD --cidr 10.0.0.0/8 --exclude opt-outs.txt --port 443 --list

prints the open addresses; --services, "address,service,sha256" of each; --count, the number of each state; --digest, the count and the digest of a
scan that probes each target once: the sum of mix64(0x5eed XOR (address * 65536 + port)) modulo 2^64.
"""

import argparse
import fractions
import hashlib
import ipaddress
import json
import os
import ssl
import sys

import numpy
import yaml

OPEN, CLOSED, UNREACHABLE, SILENT = range(4)
STATES = ("open", "closed", "unreachable", "silent")
ALL = 1 << 64
SERVICE = int.from_bytes(b"service", "big")
CERTIFICATE = int.from_bytes(b"cert", "big")
LAST = (1 << 32) - 1
CHUNK = 1 << 15  # addresses at a time: the arrays stay in the cache


# Ranges of addresses: sorted lists of (first, last), both included.

def parse_range(text):
    if "-" in text:
        first, last = (int(ipaddress.IPv4Address(part.strip())) for part in text.split("-"))
        return first, last
    network = ipaddress.IPv4Network(text.strip(), strict=False)
    return int(network.network_address), int(network.broadcast_address)


def read_ranges(texts):
    """Ranges as written, or lines of them in files, '#' before remarks."""
    ranges = []
    for text in texts:
        lines = open(text, encoding="utf-8") if os.path.exists(text) else [text]
        for line in lines:
            line = line.split("#")[0].split()
            if line:
                ranges.append(parse_range(line[0]))
    return ranges


def union(ranges):
    merged = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def subtract(ranges, holes):
    left, holes, at = [], union(holes), 0
    for first, last in union(ranges):
        while at < len(holes) and holes[at][1] < first:
            at += 1
        # The hole at `at` may reach into the next range too.
        while at < len(holes) and holes[at][0] <= last:
            if holes[at][0] > first:
                left.append((first, holes[at][0] - 1))
            first = holes[at][1] + 1
            if first > last:
                break
            at += 1
        if first <= last:
            left.append((first, last))
    return left


# The world.

def share(text):
    """A share as the fraction that its decimal text is."""
    text = str(text)
    if text == "0":
        return fractions.Fraction(0)
    if not text.endswith("%"):
        raise ValueError(f"'{text}' is no share")
    return fractions.Fraction(text[:-1]) / 100


def bound(fraction):
    """u < fraction if and only if the hash is below this: the least integer that is not below it."""
    return -(-fraction.numerator * ALL // fraction.denominator)


def kind_of(service):
    """Of a kind by itself, or of a mapping."""
    if isinstance(service, str):
        return service
    return "banner" if "banner" in service else "malformed" if "malformed" in service else \
        service.get("kind", "none")


class World:
    def __init__(self, document, folder="."):
        self.document, self.folder = document, folder
        self.leaves = {}
        self.seed = int(document.get("seed", 0))
        self.networks = document.get("networks") or []
        self.ranges = [parse_range(str(network["cidr"])) for network in self.networks]

    def bounds(self, network, port):
        """The three bounds of a network, cumulative; all 0 where there is none."""
        if network is None:
            return 0, 0, 0
        described = self.networks[network]
        shares = described.get("ports", {}).get(port, described.get("default", {}))
        total, bounds = fractions.Fraction(0), []
        for part in (shares.get("open", 0), shares.get("closed", 0), described.get("unreachable", 0)):
            total += share(part)
            bounds.append(bound(total))
        return tuple(bounds)

    def offers(self, network, port):
        """(name, kind, bound) of the services, cumulative."""
        described = self.networks[network]
        at = described.get("ports", {}).get(port, {})
        if "service" not in at and "services" not in at:
            at = described
        shares = at.get("services") or {}
        if "service" in at:
            shares = {"": "100%"}
        total, offers = fractions.Fraction(0), []
        for name, part in shares.items():
            service = at["service"] if name == "" else name
            service = self.document.get("services", {}).get(service, service) if isinstance(
                service, str) else service
            total += share(part)
            kind = kind_of(service)
            offers.append((name or (at["service"] if isinstance(at["service"], str) else kind), kind,
                           bound(total)))
        return offers

    def leaf(self, number):
        """The SHA-256 of a leaf certificate: the first in its file."""
        if number not in self.leaves:
            path = os.path.join(self.folder, self.document["certificates"]["folder"], f"{number:04d}.pem")
            with open(path, encoding="ascii") as file:
                text = file.read()
            begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
            pem = text[text.index(begin):text.index(end) + len(end)]
            self.leaves[number] = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        return self.leaves[number]

    def segments(self, ranges):
        """(first, last, network): the ranges cut up by the network that rules."""
        left, found = union(ranges), []
        for network, range_ in enumerate(self.ranges):
            outside = subtract(left, [range_])
            found += [(first, last, network) for first, last in subtract(left, outside)]
            left = outside
        return sorted(found + [(first, last, None) for first, last in left], key=lambda s: s[0])


def load(path):
    with open(path, encoding="utf-8") as file:
        return World(yaml.safe_load(file), os.path.dirname(path))


# The formula, on arrays of unsigned 64-bit integers, which wrap as it wants them to.

def mix64(z):
    """In place; returns z."""
    scratch = numpy.empty_like(z)
    z += numpy.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numpy.right_shift(z, numpy.uint64(shift), out=scratch)
        z ^= scratch
        z *= numpy.uint64(factor)
    numpy.right_shift(z, numpy.uint64(31), out=scratch)
    z ^= scratch
    return z


def keys(first, last, port):
    return (numpy.arange(first, last + 1, dtype=numpy.uint64) << numpy.uint64(16)) + numpy.uint64(port)


def below(hashes, limit):
    if limit >= ALL:
        return numpy.ones(len(hashes), dtype=bool)
    return hashes < numpy.uint64(limit)


def chunks(world, ranges):
    for first, last, network in world.segments(ranges):
        for start in range(first, last + 1, CHUNK):
            yield start, min(start + CHUNK - 1, last), network


def states(world, ranges, port):
    """Yields (first address, states of it and those that follow) over the ranges."""
    for first, last, network in chunks(world, ranges):
        hashes = mix64(keys(first, last, port) ^ numpy.uint64(world.seed))
        state = numpy.full(len(hashes), SILENT, dtype=numpy.uint8)
        for limit in world.bounds(network, port):
            state -= below(hashes, limit)
        yield first, state


def addresses(world, ranges, port, wanted=OPEN):
    """Yields arrays of the addresses in a state, ascending."""
    for first, state in states(world, ranges, port):
        found = numpy.flatnonzero(state == wanted)
        if len(found):
            yield found.astype(numpy.uint64) + numpy.uint64(first)


def count(world, ranges, port):
    total = numpy.zeros(len(STATES), dtype=numpy.int64)
    for _, state in states(world, ranges, port):
        total += numpy.bincount(state, minlength=len(STATES))
    return dict(zip(STATES, total.tolist()))


def digest(ranges, port):
    """(how many targets, their digest): those of a scan that probes each once."""
    total, targets = 0, 0
    for range_first, range_last in union(ranges):
        for first in range(range_first, range_last + 1, CHUNK):
            last = min(first + CHUNK - 1, range_last)
            terms = mix64(keys(first, last, port) ^ numpy.uint64(0x5EED))
            total += int(terms.sum(dtype=numpy.uint64))
            targets += len(terms)
    return targets, total % ALL


def echoing(world, ranges):
    """Yields arrays of the addresses that answer ping, ascending: u of port 0 is below `echo`."""
    for first, last, network in chunks(world, ranges):
        if network is not None:
            hashes = mix64(keys(first, last, 0) ^ numpy.uint64(world.seed))
            answering = below(hashes, bound(share(world.networks[network].get("echo", 0))))
            yield numpy.flatnonzero(answering).astype(numpy.uint64) + numpy.uint64(first)


def echoes(world, address):
    for network, (first, last) in enumerate(world.ranges):
        if first <= address <= last:
            hashes = mix64(keys(address, address, 0) ^ numpy.uint64(world.seed))
            return bool(below(hashes, bound(share(world.networks[network].get("echo", 0))))[0])
    return False


def services(world, ranges, port):
    """Yields (address, service, its kind, number of its certificate) where a port is open."""
    offers = [world.offers(network, port) for network in range(len(world.networks))]
    count = (world.document.get("certificates") or {}).get("count", 64)
    for first, last, network in chunks(world, ranges):
        if network is None:
            continue
        found = numpy.flatnonzero(below(mix64(keys(first, last, port) ^ numpy.uint64(world.seed)),
                                        world.bounds(network, port)[0])).astype(numpy.uint64)
        found += numpy.uint64(first)
        at = found << numpy.uint64(16)
        speaks = mix64(mix64((at + numpy.uint64(port)) ^ numpy.uint64(world.seed)) ^ numpy.uint64(SERVICE))
        shows = mix64(mix64(at ^ numpy.uint64(world.seed)) ^ numpy.uint64(CERTIFICATE)) % numpy.uint64(count)
        for address, h, number in zip(found.tolist(), speaks.tolist(), shows.tolist()):
            name, kind = next(((n, k) for n, k, b in offers[network] if h < b), ("none", "none"))
            yield address, name, kind, number


def write_services(world, ranges, port):
    for address, name, kind, number in services(world, ranges, port):
        digest = world.leaf(number) if kind == "tls" else ""
        print(f"{ipaddress.IPv4Address(address)},{name},{digest}")


def write_list(world, ranges, port, wanted):
    for found in addresses(world, ranges, port, wanted):
        sys.stdout.write("".join(f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}\n"
                                 for a in found.tolist()))


def main():
    parser = argparse.ArgumentParser(description="What a simulated Internet holds, by the formula alone.")
    parser.add_argument("world")
    parser.add_argument("--cidr", nargs="+", required=True, help="ranges, or files of them")
    parser.add_argument("--exclude", nargs="+", default=[], help="ranges, or files of them")
    parser.add_argument("--port", type=int, nargs="+", required=True)
    parser.add_argument("--state", choices=STATES, default="open", help="of the list")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true")
    what.add_argument("--services", action="store_true")
    what.add_argument("--count", action="store_true")
    what.add_argument("--digest", action="store_true")
    args = parser.parse_args()

    world = load(args.world)
    ranges = subtract(read_ranges(args.cidr), read_ranges(args.exclude))
    if args.list:
        for port in args.port:
            write_list(world, ranges, port, STATES.index(args.state))
        return
    if args.services:
        for port in args.port:
            write_services(world, ranges, port)
        return
    result = {}
    if not args.digest:
        counts = [count(world, ranges, port) for port in args.port]
        result.update({state: sum(c[state] for c in counts) for state in STATES})
    if not args.count:
        digests = [digest(ranges, port) for port in args.port]
        result["syn"] = sum(n for n, _ in digests)
        result["syn_digest"] = f"0x{sum(d for _, d in digests) % ALL:016x}"
    print(json.dumps(result))


if __name__ == "__main__":
    main()
