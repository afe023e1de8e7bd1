# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated Internet's DNS says of names, computed from docs/world.md and by no code of asdic's."""

import fractions
import ipaddress

from truth import ALL, share

MASK = ALL - 1
ALIASES = 8
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
