#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names looked up over a real link, at a resolver of a few lines that is no code of asdic's: every answer
is what the resolver's rule says, whatever is lost, cut off or never said; and no kernel socket asks."""

import collections
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

from lab import ASDIC, DRIVERS, Lab, Link, Target, World, each_driver, equal, main, run, wait_for

RESOLVER = "10.91.0.53"
ODD = "10.91.0.54"  # listens on another port
ZONE = ("lab", "test")
A, PTR, TXT = 1, 12, 16
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


# The rule: what a name has, by its first label alone.

def address_of(name):
    digest = hashlib.sha256(name.lower().encode()).digest()
    return f"203.0.113.{digest[0]}"


def texts_of(name):
    """More than a datagram holds."""
    return [hashlib.sha256(f"{name} {i}".encode()).hexdigest() * 3 for i in range(12)]


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


class Resolver:
    """Answers by the rule. What it was asked is counted by name and type."""

    def __init__(self, namespace, address, port=53):
        self.asked, self.over_tcp = collections.Counter(), collections.Counter()
        self.sources, self.tries = set(), collections.Counter()
        with namespace.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (self.udp, self.tcp):
            s.bind((address, port))
        self.tcp.listen(64)
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            self.sources.add(peer)
            answer = self.answer(query, False)
            if answer is not None:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                size = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
                answer = self.answer(connection.recv(size, socket.MSG_WAITALL), True)
                connection.sendall(struct.pack("!H", len(answer)) + answer)
                connection.recv(1)
            except (OSError, struct.error):
                pass

    def answer(self, query, tcp):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode("latin-1"))
            end += 1 + query[end]
        end += 5
        name, kind = ".".join(labels), struct.unpack_from("!H", query, end - 4)[0]
        (self.over_tcp if tcp else self.asked)[name.lower(), kind] += 1
        first = labels[0].lower() if labels else ""
        code, flags, data = NOERROR, 0x8180, []
        if first.startswith("dead") or (first.startswith("late") and self.asked[name.lower(), kind] < 2):
            return None
        if first.startswith("nx"):
            code = NXDOMAIN
        elif first.startswith("broken"):
            code = SERVFAIL
        elif kind == A:
            data = [socket.inet_aton(address_of(name))]
        elif kind == PTR:
            data = [wire(f"host-{'-'.join(labels[3::-1])}.lab.test")]
        elif kind == TXT and first.startswith("big"):
            data = [bytes([len(text)]) + text.encode() for text in texts_of(name)]
            if not tcp:
                flags, data = flags | 0x0200, []
        head = query[:2] + struct.pack("!HHHHH", flags | code, 1, len(data), 0, 0)
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(d)) + d for d in data)
        return head + query[12:end] + records


def lookups(*items):
    return {"resolvers": [RESOLVER], "timeout": "500ms", "tries": 4, "lookups": list(items)}


def by_name(result):
    """Records by name, each of which must come once."""
    records = [record for record in result.records() if record["record"] == "dns"]
    found = {record["name"]: record for record in records}
    equal(len(found), len(records), "names and records of them")
    return found


def answers(record, kind):
    return [answer["answer"] for answer in record["results"][kind].get("data", {}).get("answers", [])]


def write(path, names):
    path.write_text("".join(f"{name}\n" for name in names))
    return str(path)


def test(lab: Lab):
    world = World(seed=7, open_count=40, closed_count=0)
    target = Target(lab, world, rules=f"ip daddr {{ {RESOLVER}, {ODD} }} accept")
    link = Link(lab, target)
    resolver = Resolver(target, RESOLVER)
    odd = Resolver(target, ODD, 5353)

    def look_up(driver, dns, **changes):
        job = link.job(driver, {"dns": dns, **changes})
        if "targets" not in changes:
            del job["targets"]
        return link.start(job, ["--force"]).result().expect(0)

    def every_answer(driver):
        names = [f"n{i}.lab.test" for i in range(5000)] + [f"nx{i}.lab.test" for i in range(50)]
        names += [f"late{i}.lab.test" for i in range(50)]
        resolver.asked.clear()
        result = look_up(driver, lookups({"names_file": write(lab.folder / "names", names), "types": ["A"]}))
        found = by_name(result)
        equal(set(found), set(names), "names that have records")
        for name in names:
            record = found[name]
            status = record["results"]["A"]["status"]
            if name.startswith("nx"):
                equal(status, "NXDOMAIN", name)
            else:
                equal((status, answers(record, "A")), ("NOERROR", [address_of(name)]), name)
            equal((record["origin"], record["stage"], record["cause"]), ("list", "answer", "complete"), name)
        terms = result.ledger()
        equal(terms["names of lists"], len(names), "names of lists")
        equal(terms["lookups answered"], len(names), "lookups that were answered")
        assert sum(resolver.asked.values()) == terms["queries sent"], "queries went elsewhere"
        equal({address for address, _ in resolver.sources} <= link.sources(), True, "sources within the pool")

    def several_types(driver):
        names = [f"n{i}.lab.test" for i in range(100)]
        found = by_name(look_up(driver, lookups({"names_file": write(lab.folder / "names", names),
                                                 "types": ["A", "TXT", "MX"]})))
        equal({name for name, r in found.items() if set(r["results"]) == {"A", "TXT", "MX"}}, set(names),
              "names with a result for each type")

    def truncated(driver):
        names = [f"big{i}.lab.test" for i in range(60)]
        result = look_up(driver, lookups({"names_file": write(lab.folder / "names", names), "types": ["TXT"]}))
        for name, record in by_name(result).items():
            data = record["results"]["TXT"]["data"]
            equal((data["protocol"], answers(record, "TXT")), ("tcp", texts_of(name)), name)

    def silence(driver):
        names = ["dead1.lab.test", "n1.lab.test", "broken1.lab.test"]
        result = look_up(driver, lookups({"names_file": write(lab.folder / "names", names), "types": ["A"]}))
        found = by_name(result)
        dead = found["dead1.lab.test"]
        equal((dead["results"]["A"]["status"], dead["stage"], dead["cause"]), ("TIMEOUT", "query", "timeout"),
              "a name that nobody answers")
        equal(found["n1.lab.test"]["results"]["A"]["status"], "NOERROR", "one that is answered")
        equal(found["broken1.lab.test"]["results"]["A"]["status"], "SERVFAIL", "one that fails")
        equal(result.ledger()["lookups timed out"], 1, "lookups that timed out")

    def no_names(driver):
        names = ["a..b", "x" * 64 + ".lab.test", ".".join(["y" * 60] * 5), "n1.lab.test"]
        found = by_name(look_up(driver, lookups({"names_file": write(lab.folder / "names", names),
                                                 "types": ["A"]})))
        equal({name for name, r in found.items() if r["results"]["A"]["status"] == "ILLEGAL_INPUT"},
              set(names[:3]), "names that are none")

    def other_port(driver):
        names = [f"n{i}.lab.test" for i in range(20)]
        odd.asked.clear()
        dns = lookups({"names_file": write(lab.folder / "names", names), "types": ["A"]})
        dns["resolvers"] = [f"{ODD}:5353"]
        equal(len(by_name(look_up(driver, dns))), 20, "records")
        equal(len(odd.asked), 20, "names asked of the other port")

    def rate_holds(driver):
        names = [f"n{i}.lab.test" for i in range(1500)]
        dns = lookups({"names_file": write(lab.folder / "names", names), "types": ["A"]})
        dns["rate"] = 500
        result = look_up(driver, dns)
        assert result.ended - result.started > 2.8, "1500 queries at 500 a second took too short"
        equal(len(by_name(result)), 1500, "records")

    def responders(driver):
        result = look_up(driver, lookups({"names": "responders", "types": ["PTR"]}),
                         targets={"include": [str(a) for a in sorted(world.open)], "ports": [80, 81],
                                  "allow_reserved": ["10.91.0.0/16", "10.90.0.0/24"]},
                         limits={"cooldown": "1s"})
        found = by_name(result)
        equal(set(found), world.open, "responders with a record")
        for address, record in found.items():
            equal((record["origin"], record["ip"], answers(record, "PTR")),
                  ("responder", address, [f"host-{address.replace('.', '-')}.lab.test"]), address)

    def short_way(driver):
        flags = ["-i", f"{driver}0,iface=uplink", "-S", link.pool, "-g", link.gateway, "--resolvers", RESOLVER]
        done = subprocess.run(["ip", "netns", "exec", link.name, ASDIC, "dns", *flags, "--types", "A,PTR",
                               "n1.lab.test", "n2.lab.test"], capture_output=True, text=True, timeout=60,
                              check=False)
        equal(done.returncode, 0, done.stderr)
        equal({json.loads(line)["name"] for line in done.stdout.splitlines()}, {"n1.lab.test", "n2.lab.test"},
              "names on standard output")
        done = subprocess.run(["ip", "netns", "exec", link.name, ASDIC, "dns", *flags, "--types", "A", "-"],
                              input="n3.lab.test\n", capture_output=True, text=True, timeout=60, check=False)
        equal([answers(json.loads(line), "A") for line in done.stdout.splitlines()],
              [[address_of("n3.lab.test")]], "answers of standard input's name")

    def stopped(driver):
        names = [f"n{i}.lab.test" for i in range(20000)]
        dns = lookups({"names_file": write(lab.folder / "names", names), "types": ["A"]})
        dns["rate"] = 2000
        job = link.job(driver, {"dns": dns})
        del job["targets"]
        scan = link.start(job, ["--force"])
        wait_for(lambda: scan.said("names asked of"), "announcement")
        wait_for(lambda: scan.output.exists() and scan.output.stat().st_size > 10000, "records")
        # The kernel has no part in it.
        equal(link.run("cat", "/proc/net/udp", "/proc/net/tcp").count("\n"), 2, "lines of the kernel's sockets")
        scan.process.send_signal(signal.SIGINT)
        first = scan.result().expect(130)
        done = set(by_name(first))
        assert 0 < len(done) < len(names), f"{len(done)} records when it was stopped"
        second = link.start(job, ["--resume"]).result().expect(0)
        equal(set(by_name(second)), set(names), "names of both runs together")

    return run(each_driver(
        ("every name has its answer", every_answer),
        ("a result for each type", several_types),
        ("what a datagram does not hold comes over TCP", truncated),
        ("who says nothing, or fails", silence),
        ("what is no name is asked of nobody", no_names),
        ("a resolver on another port", other_port),
        ("the rate of queries holds", rate_holds),
        ("PTR of responders, each once", responders),
        ("names on the command line", short_way),
        ("stopped, and gone on with", stopped),
    ))


if __name__ == "__main__":
    main(test)
