# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated Internet's DNS says of names, computed from docs/world.md and by no code of asdic's."""

import fractions
import ipaddress

import numpy

from truth import ALL, bound, share
from truth import below as below_all
from truth import mix64 as mix64_in_place

MASK = ALL - 1
ALIASES = 8
LIAR = "203.0.113.66"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65,
         "CAA": 257}


def mix64(z):
    z = (z + 0x9e3779b97f4a7c15) & MASK
    z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
    return z ^ (z >> 31)


def letters(text):
    return int.from_bytes(text.encode(), "big")


def draw(value):
    """A hash, of which the largest there is stands for nothing."""
    h = mix64(value)
    return h - (h == MASK)


def below(h, share):
    return fractions.Fraction(h, ALL) < share


def wire(name):
    """In wire form and lower case; names of tests have no escapes."""
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.lower() for label in labels) + b"\0"


class Names:
    def __init__(self, world):
        said = world.get("names") or {}
        self.seed = world.get("seed", 0)
        self.servfail = share(said.get("servfail", 0))
        self.exists = share(said.get("exists", "100%"))
        self.alias = share(said.get("alias", 0))
        self.types = share(said.get("types", "100%"))
        self.big = share(said.get("big", 0))
        self.truncated = share(said.get("truncated", 0))
        self.addresses = ipaddress.IPv4Network(said.get("addresses", "0.0.0.0/0"))

    def hash(self, name):
        h = 0xcbf29ce484222325
        for byte in wire(name):
            h = ((h ^ byte) * 0x100000001b3) & MASK
        return draw(mix64(self.seed ^ h) ^ letters("name"))

    def status(self, h):
        if below(h, self.servfail):
            return "SERVFAIL"
        return "NOERROR" if below(h, self.servfail + self.exists) else "NXDOMAIN"

    def is_cut(self, name):
        """Whether its answers over UDP are cut, whatever their length."""
        return below(draw(self.hash(name) ^ letters("cut")), self.truncated)

    def lie(self, service, address, name, kind):
        """What a server of a dns service at an address says in place of the truth: (status, answers); None: the truth."""
        status, answers = self.answer(name, kind)
        h = mix64(self.hash(name) ^ int(ipaddress.IPv4Address(address)))
        liar = [{"ttl": 60, "type": "A", "class": "IN", "name": name, "answer": LIAR}]

        def does(key, what):
            return below(draw(h ^ letters(what)), share(service.get(key, 0)))

        if status == "NOERROR" and does("denies", "deny"):
            return "NXDOMAIN", []
        if status == "NXDOMAIN" and does("lies", "lie"):
            return "NOERROR", liar
        if status == "NOERROR" and kind == "A" and answers and does("diverts", "divert"):
            return "NOERROR", liar
        return None

    def record(self, kind, d, big):
        """The data of one record as a record of asdic's has it."""
        low = d & 0xffffffff
        if kind == "A":
            return {"answer": str(self.addresses[d % self.addresses.num_addresses])}
        if kind == "AAAA":
            return {"answer": str(ipaddress.IPv6Address((0x20010db8 << 96) + d))}
        if kind == "NS":
            return {"answer": f"ns-{low:08x}.example"}
        if kind == "PTR":
            return {"answer": f"host-{low:08x}.example"}
        if kind == "MX":
            return {"preference": d % 100, "answer": f"mx-{low:08x}.example"}
        if kind == "SRV":
            return {"priority": d % 10, "weight": (d >> 8) % 100, "port": (d >> 16) & 0xffff,
                    "target": f"srv-{low:08x}.example"}
        if kind == "TXT":
            return {"answer": f"{d:016x}" * (6 if big else 1)}
        if kind == "SOA":
            return {"ns": f"ns-{low:08x}.example", "mbox": f"mail-{low:08x}.example", "serial": low,
                    "refresh": 3600, "retry": 600, "expire": 86400, "min_ttl": 300}
        if kind == "CAA":
            return {"flag": 0, "tag": "issue", "value": f"ca-{low:08x}.example"}
        if kind == "HTTPS":
            return {"priority": 1, "target": ".", "svcparams": {"alpn": ["h2"]}}
        return None

    def records(self, name, kind):
        h = self.hash(name)
        t = draw(h ^ TYPES[kind])
        big = below(draw(h ^ letters("big")), self.big)
        if not below(t, self.types):
            return []
        count = 1
        if kind == "TXT" and big:
            count = 20
        elif kind in ("A", "AAAA", "NS", "MX", "TXT"):
            count = 1 + mix64(t) % 3
        found = []
        for i in range(count):
            d = mix64((t + 1 + i) & MASK)
            data = self.record(kind, d, big)
            if data is not None:
                found.append({"ttl": 60 + d % 3600, "type": kind, "class": "IN", "name": name, **data})
        return found

    def answer(self, name, kind):
        """(status, answers) of an honest server."""
        answers, at = [], name.rstrip(".")
        for _ in range(ALIASES):
            h = self.hash(at)
            status = self.status(h)
            if status != "NOERROR":
                return status, answers
            if not below(draw(h ^ letters("alias")), self.alias):
                return status, answers + self.records(at, kind)
            d = mix64(h ^ letters("target"))
            target = f"{d:016x}.example"
            answers.append({"ttl": 60 + d % 3600, "type": "CNAME", "class": "IN", "name": at, "answer": target})
            if kind == "CNAME":
                return status, answers
            at = target
        return "SERVFAIL", answers


# Names n<number>.example.org, millions of them, as arrays.

def numbered(first, end):
    """Names n<i>.example.org in wire form, rows of bytes, from i = first up to end: (i of the first row, rows)."""
    while first < end:
        digits = len(str(first))
        stop = min(end, 10 ** digits, first + (1 << 18))
        numbers = numpy.arange(first, stop)
        rows = numpy.empty((len(numbers), digits + 15), dtype=numpy.uint8)
        rows[:, 0], rows[:, 1] = digits + 1, ord("n")
        for at in range(digits):
            rows[:, 2 + at] = ord("0") + numbers // 10 ** (digits - 1 - at) % 10
        rows[:, 2 + digits:] = numpy.frombuffer(wire("example.org"), dtype=numpy.uint8)
        yield first, rows
        first = stop


def draws(values):
    h = mix64_all(values)
    return h - (h == numpy.uint64(MASK))


def aliases_of(d):
    """<16 hex digits>.example in wire form, one for each."""
    rows = numpy.empty((len(d), 26), dtype=numpy.uint8)
    rows[:, 0] = 16
    for at in range(16):
        digit = (d >> numpy.uint64(60 - 4 * at) & numpy.uint64(15)).astype(numpy.uint8)
        rows[:, 1 + at] = digit + numpy.where(digit < 10, ord("0"), ord("a") - 10).astype(numpy.uint8)
    rows[:, 17:] = numpy.frombuffer(wire("example"), dtype=numpy.uint8)
    return rows


class Many:
    """Of each name, for type A: the status, how many aliases lead to its addresses, and these in their order, 0 where
    there are fewer than three. Addresses are drawn from all there are."""

    STATUSES = ("NOERROR", "SERVFAIL", "NXDOMAIN")
    NOERROR, SERVFAIL, NXDOMAIN = range(3)

    def __init__(self, names, count):
        self.names = names
        self.status = numpy.empty(count, dtype=numpy.uint8)
        self.aliases = numpy.zeros(count, dtype=numpy.uint8)
        self.addresses = numpy.zeros((count, 3), dtype=numpy.uint32)
        for first, rows in numbered(0, count):
            self.fill(first, rows)

    def hashes(self, rows):
        h = numpy.full(len(rows), 0xcbf29ce484222325, dtype=numpy.uint64)
        for column in rows.T:
            h ^= column
            h *= numpy.uint64(0x100000001b3)
        return draws(mix64_all(h ^ numpy.uint64(self.names.seed)) ^ numpy.uint64(letters("name")))

    def fill(self, first, rows):
        names, at, h = self.names, numpy.arange(first, first + len(rows)), self.hashes(rows)
        for _ in range(ALIASES):
            fails = below_all(h, bound(names.servfail))
            exists = ~fails & below_all(h, bound(names.servfail + names.exists))
            self.status[at] = numpy.where(fails, self.SERVFAIL, numpy.where(exists, self.NOERROR, self.NXDOMAIN))
            is_alias = exists & below_all(draws(h ^ numpy.uint64(letters("alias"))), bound(names.alias))
            self.fill_addresses(at[exists & ~is_alias], h[exists & ~is_alias])
            at = at[is_alias]
            self.aliases[at] += 1
            h = self.hashes(aliases_of(mix64_all(h[is_alias] ^ numpy.uint64(letters("target")))))
        self.status[at] = self.SERVFAIL

    def fill_addresses(self, at, h):
        t = draws(h ^ numpy.uint64(TYPES["A"]))
        count = numpy.where(below_all(t, bound(self.names.types)), 1 + mix64_all(t) % numpy.uint64(3), 0)
        for i in range(3):
            d = mix64_all(t + numpy.uint64(1 + i))
            self.addresses[at, i] = numpy.where(count > i, d & numpy.uint64(0xffffffff), 0)


def mix64_all(values):
    return mix64_in_place(values.copy())
