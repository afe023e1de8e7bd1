#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names looked up at servers that others wrote: NSD, which has a zone made here, and Unbound before it. Every
answer is the zone's, with packets lost, too, from the root down, and by kdig's word."""

import collections
import contextlib
import os
import random
import re

from lab import DRIVERS, IFACE, NETWORK, Lab, Link, Scan, Target, World, each_driver, equal, main, run, wait_for

LONG = bool(os.environ.get("ASDIC_LONG"))
NAMES = 200000 if LONG else 20000
RATE = 10000 # what Unbound answers with half a processor
ROOT, TEST, ZONE, RESOLVER = "10.91.0.1", "10.91.0.2", "10.91.0.3", "10.91.0.53"
TYPES = ("A", "AAAA", "MX", "TXT", "CNAME", "CAA", "SRV")
MARK = 100 # of replies that get lost, and their routing table


class Zone:
    """lab.test: what each name has, by type, as a master file says it."""

    def __init__(self, count):
        chance = random.Random(count)
        self.names = {f"n{i}.lab.test": self.records(i, chance) for i in range(count)}
        self.names.update({
            r"dot\.ted.lab.test": {"A": ["198.18.0.1"], "MX": [r"5 other\.dot.lab.test."]},
            r"\001\255.lab.test": {"A": ["198.18.0.2"]},
            "_sip._tcp.lab.test": {"SRV": ["0 5 5060 n0.lab.test."]},
            "*.wild.lab.test": {"A": ["198.18.0.3"], "TXT": ['"any"']},
        })

    @staticmethod
    def records(i, chance):
        def addresses(n):
            return [f"198.18.{chance.randrange(256)}.{at}" for at in chance.sample(range(256), n)]

        def hosts6(n):
            return [f"2001:db8:{i % 65535 + 1:x}::{at:x}" for at in chance.sample(range(1, 65536), n)]

        kind = i % 8
        if kind == 1:
            return {"A": addresses(4), "AAAA": hosts6(3)}
        if kind == 2:
            return {"A": addresses(1), "MX": [f"10 n{i - 1}.lab.test.", "20 mx.example."]}
        if kind == 3:
            return {"TXT": [f'"v=spf1 ip4:198.18.0.{i % 256} -all"', '""',
                            r'"quote \" and \\ backslash" "second; third"']}
        if kind == 4: # of some, more than a datagram holds
            return {"TXT": [f'"{chance.getrandbits(960):0240x}"' for _ in range(12 if i % 40 == 4 else 2)]}
        if kind == 5: # an alias, of an alias for some
            return {"CNAME": [f"n{i - 8 if i % 80 == 45 else i - 4}.lab.test."]}
        if kind == 6:
            return {"AAAA": hosts6(1), "CAA": ['0 issue "ca.example; policy=ev"', '128 iodef "mailto:a@lab.test"']}
        if kind == 7:
            return {"A": addresses(2), "SRV": [f"1 {i % 100} 5060 n{i - 7}.lab.test.", "2 0 65535 ."]}
        return {"A": addresses(1)}

    def text(self):
        return "".join(f"{name}. {kind} {data}\n" for name, types in self.names.items()
                       for kind, texts in types.items() for data in texts)

    def of(self, name):
        if name not in self.names and name.endswith(".wild.lab.test"):
            return self.names["*.wild.lab.test"]
        return self.names.get(name)

    def answer(self, name, kind):
        """The status, and (owner, type, data) of each record in the answer."""
        records, types = [], self.of(name)
        if types is None:
            return "NXDOMAIN", []
        while kind != "CNAME" and types.get("CNAME"):
            records.append((name, "CNAME", types["CNAME"][0]))
            name = types["CNAME"][0][:-1]
            types = self.names[name]
        return "NOERROR", sorted(records + [(name, kind, data) for data in types.get(kind, [])])


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def data_of(record):
    """An answer of asdic's as a master file has it."""
    kind = record["type"]
    if kind == "MX":
        return f"{record['preference']} {record['answer']}."
    if kind == "TXT":
        return " ".join(map(quoted, record["answer"].split("\n")))
    if kind == "CNAME":
        return record["answer"] + "."
    if kind == "SRV":
        return f"{record['priority']} {record['weight']} {record['port']} {record['target'].rstrip('.')}."
    if kind == "CAA":
        return f"{record['flag']} {record['tag']} {quoted(record['value'])}"
    return record["answer"]


def found_by(result):
    """{(name, type): (status, records)}, and the results themselves; each name has one record."""
    records = [record for record in result.records() if record["record"] == "dns"]
    twice = [name for name, n in collections.Counter(r["name"] for r in records).items() if n > 1]
    equal(twice, [], "names with several records")
    results = {(r["name"], kind): each for r in records for kind, each in r["results"].items()}
    return {key: (each["status"], sorted((a["name"], a["type"], data_of(a))
                                         for a in each.get("data", {}).get("answers", [])))
            for key, each in results.items()}, results


def said_by_kdig(text):
    """The same of what kdig prints."""
    found = {}
    for reply in text.split(";; ->>HEADER<<-")[1:]:
        name, kind = re.search(r"^;; (\S+)\.\s+IN\s+(\S+)", reply, re.M).groups()
        answers = reply.partition(";; ANSWER SECTION:\n")[2].partition("\n\n")[0]
        records = re.findall(r"^(\S+)\.\s+\d+\s+IN\s+(\S+)\s+(.*?) *$", answers, re.M)
        found[name, kind] = re.search(r"status: (\w+)", reply)[1], sorted(records)
    return found


class Servers(Target):
    """NSD thrice, for the root, for test and for lab.test, and Unbound, which asks the last."""

    def __init__(self, lab, zone):
        self.zone = zone
        super().__init__(lab, World(seed=1, open_count=0, closed_count=0), ports=(), declarations="""
            counter queries { }
            counter recursive { }
            counter lost_queries { }
            counter lost_replies { }
            chain losing { }
            chain leaving { type route hook output priority mangle; }
        """, rules=f"""
            iifname "link*" udp dport 53 counter name queries
            iifname "link*" udp dport 53 @th,87,1 1 counter name recursive
            iifname "link*" jump losing
            ip daddr {{ {ROOT}, {TEST}, {ZONE}, {RESOLVER} }} accept
        """)
        # Of a reply that nftables drops the kernel knows; of one that leaves by here it does not.
        self.ip("link", "add", "void", "type", "veth", "peer", "name", "end")
        self.ip("link", "set", "end", "up")
        self.ip("link", "set", "void", "up", "arp", "off")
        self.ip("route", "add", "default", "dev", "void", "table", str(MARK))
        self.ip("rule", "add", "fwmark", str(MARK), "lookup", str(MARK))

    def lose(self, percent):
        """Of the packets each way."""
        lost = f"numgen random mod 100 < {percent} counter name"
        self.nft(f"""
            flush chain ip lab losing
            flush chain ip lab leaving
            add rule ip lab losing {lost} lost_queries drop
            add rule ip lab leaving ip daddr 10.90.0.0/16 {lost} lost_replies meta mark set {MARK}
        """)

    def serve(self, _ports):
        self.folder = self.lab.folder / "servers"
        self.folder.mkdir()
        head = "$TTL 300\n@ SOA {0} hostmaster.lab.test. 1 3600 900 86400 300\n@ NS {0}\n{0} A {1}\n"
        self.nsd(".", ROOT, head.format("a.root.", ROOT) + f"test. NS ns.test.\nns.test. A {TEST}\n")
        self.nsd("test.", TEST, head.format("ns.test.", TEST) + f"lab.test. NS ns.lab.test.\nns.lab.test. A {ZONE}\n")
        self.nsd("lab.test.", ZONE, head.format("ns.lab.test.", ZONE) + self.zone.text())
        self.unbound()
        try:
            wait_for(lambda: all(map(self.answers, (ROOT, TEST, ZONE, RESOLVER))), "answers of all servers", 120)
        except TimeoutError as none:
            raise RuntimeError("\n".join(path.read_text()[-500:] for path in self.folder.glob("*.log"))) from none

    def nsd(self, zone, address, text):
        folder = self.folder / address
        folder.mkdir()
        (folder / "zone").write_text(text)
        (folder / "conf").write_text(f"""
server:
    ip-address: {address}
    do-ip6: no
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/pid"
    xfrdfile: "{folder}/xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/list"
    tcp-count: 1000
    receive-buffer-size: 8388608
    send-buffer-size: 8388608
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "{zone}"
    zonefile: "zone"
""")
        self.start(address, "nsd", "-d", "-c", str(folder / "conf"))

    def unbound(self):
        (self.folder / "unbound.conf").write_text(f"""
server:
    interface: {RESOLVER}
    access-control: 0.0.0.0/0 allow
    module-config: "iterator"
    do-not-query-localhost: no
    do-ip6: no
    do-daemonize: no
    use-syslog: no
    username: ""
    chroot: ""
    directory: "{self.folder}"
    pidfile: ""
    local-zone: "test." nodefault
    so-rcvbuf: 8m
    so-sndbuf: 8m
    outgoing-range: 8192
    num-queries-per-thread: 4096
    incoming-num-tcp: 1000
    outgoing-num-tcp: 500
    msg-cache-size: 256m
    rrset-cache-size: 512m
remote-control:
    control-enable: no
stub-zone:
    name: "lab.test"
    stub-addr: {ZONE}
""")
        self.start("unbound", "unbound", "-d", "-p", "-c", str(self.folder / "unbound.conf"))

    def start(self, name, *argv):
        log = open(self.folder / f"{name}.log", "wb")
        self.lab.stack.callback(log.close)
        self.spawn(*argv, stdout=log, stderr=log)

    def answers(self, address):
        with contextlib.suppress(RuntimeError): # what kdig says where nobody listens yet
            return "status: NOERROR" in self.run("kdig", f"@{address}", "+retry=0", "+timeout=1", "lab.test", "SOA")
        return False


def test(lab: Lab):
    zone = Zone(NAMES)
    target = Servers(lab, zone)
    link = Link(lab, target)
    plain, odd = list(zone.names)[:NAMES], list(zone.names)[NAMES:] + ["x.wild.lab.test", "x.y.wild.lab.test"]
    nobody = [f"missing{i}.lab.test" for i in range(NAMES // 50)]
    listed = [*plain, *odd, *nobody]
    some = random.Random(3).sample(plain, 460) + odd + nobody[:36]

    def look_up(driver, names, types, *flags, ask=RESOLVER):
        (lab.folder / "names").write_text("".join(f"{name}\n" for name in names))
        output = str(lab.folder / "found.ndjson")
        result = Scan(link, {"output": {"file": output}}, [
            "dns", str(lab.folder / "names"), "-i", f"{driver}0,iface={IFACE}", "-S", link.pool, "-g", link.gateway,
            "--resolvers", ask, "--types", ",".join(types), "--dns-rate", str(RATE), "--tries", "10", "--force",
            "-o", output, *flags], {}).result(600).expect(0)
        took_s = result.ended - result.started
        print(f"# {driver}: {len(names) * len(types) / took_s:.0f} lookups/s, start and end included", flush=True)
        return result

    def as_the_zone_has_it(result, names, types):
        """Returns what came."""
        found, results = found_by(result)
        wanted = {(name, kind): zone.answer(name, kind) for name in names for kind in types}
        equal(set(found), set(wanted), "names and types with a result")
        wrong = {key: (found[key], answer) for key, answer in wanted.items() if found[key] != answer}
        equal(len(wrong), 0, f"results that are not the zone's, such as {list(wrong.items())[:2]}: their number")
        return results

    def every_answer(driver):
        names = listed if driver == DRIVERS[0] else listed[:NAMES // 10]
        target.forget()
        result = look_up(driver, names, ("A", "TXT"))
        results = as_the_zone_has_it(result, names, ("A", "TXT"))
        big = {key for key, each in results.items() if each["data"]["protocol"] == "tcp"}
        equal(big, {(name, "TXT") for name in names
                    if sum(len(data) for *_, data in zone.answer(name, "TXT")[1]) > 1232}, "what came over TCP")
        assert target.counter("recursive") >= len(names) * 2, "recursion was not asked for"

    def every_type(driver):
        names = listed[:NAMES // 16] + listed[NAMES:NAMES + 100]
        as_the_zone_has_it(look_up(driver, names, TYPES), names, TYPES)

    def lossy(percent, driver):
        names = listed[:NAMES // 8] + nobody[:50]
        target.lose(percent)
        try:
            target.forget()
            # Over TCP a try has twice that, so a SYN that is lost is sent again in it, after 1 s.
            result = look_up(driver, names, ("A", "TXT"), "--timeout", "1s")
            lost = target.counter("lost_queries"), target.counter("lost_replies")
        finally:
            target.lose(0)
        assert min(lost) > len(names) * percent / 100, f"only {lost} packets were lost"
        found, _ = found_by(result)
        wanted = {(name, kind): zone.answer(name, kind) for name in names for kind in ("A", "TXT")}
        equal(set(found), set(wanted), "names and types with a result")
        # Where TCP alone came to nothing, what was cut off stands.
        unresolved = {key for key, each in found.items() if each[0] in ("TIMEOUT", "TRUNCATED")}
        print(f"# {driver}: {lost} queries and replies lost, {len(unresolved)} of {len(found)} unresolved")
        assert len(unresolved) <= len(found) / 10000, f"unresolved: {sorted(unresolved)[:5]}"
        equal([(key, each) for key, each in found.items() if key not in unresolved and each != wanted[key]], [],
              "answers that are not the zone's")

    def from_the_root(driver):
        target.forget()
        result = look_up(driver, some, TYPES, "--set", "dns.mode=direct",
                         "--set", f"targets.allow_reserved=[{NETWORK}]", ask=ROOT)
        results = as_the_zone_has_it(result, some, TYPES)
        for key, each in results.items():
            flags = each["data"]["flags"]
            equal((flags["authoritative"], flags["recursion_desired"]), (True, False), f"flags of {key}")
            equal(each["data"]["resolver"], f"{ZONE}:53", f"who answered {key}")
        queries = target.counter("queries")
        equal(target.counter("recursive"), 0, "queries that ask for recursion")
        # Delegations are kept: else there were three for each.
        assert queries < len(results) * 2, f"{queries} queries for {len(results)} lookups"

    def as_kdig_says(driver):
        names = some[:40] + some[-10:]
        for server in (RESOLVER, ZONE):
            found, _ = found_by(look_up(driver, names, TYPES, ask=server))
            asked = [word for name in names for kind in TYPES for word in (name, kind)]
            said = said_by_kdig(target.run("kdig", f"@{server}", "+timeout=5", *asked))
            equal(len(said), len(found), "what kdig was asked")
            equal([(key, found[key], each) for key, each in said.items() if found[key] != each], [],
                  "answers that differ")

    return run(each_driver(
        ("every answer of a resolver's is the zone's", every_answer),
        ("so it is of every type", every_type),
        ("and where 2% are lost", lambda driver: lossy(2, driver)),
        ("and where 10% are lost", lambda driver: lossy(10, driver)),
        ("from the root down, and nobody is asked to recurse", from_the_root),
        ("kdig is told the same", as_kdig_says),
    ))


if __name__ == "__main__":
    main(test)
