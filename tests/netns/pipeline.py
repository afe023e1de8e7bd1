#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The whole pipeline at real servers, from the root down: a list of a hundred names becomes addresses, SYNs and
handshakes by SNI, each with its own certificate; and what certificates and responders are called is looked up while
the scan runs. Records join by what docs/records.md says."""

import base64
import collections
import contextlib
import hashlib
import json

import dns_servers
from lab import NETWORK, Lab, Link, Target, World, each_driver, equal, main, run, wait_for
from names import HOST, NAMELESS, NAMES, OTHERS, PAIR, SERVED, TLS, NamedServers

ROOT, EXAMPLE, LAB, REVERSE = "10.91.0.1", "10.91.0.2", "10.91.0.3", "10.91.0.4"
OUT = "10.91.9.9" # is excluded, and n3 points to it, too
SANS = {"pair.lab.example": ["PAIR.lab.example", "*.wild.lab.example", "www.wild.lab.example", "gone.lab.example"],
        "n5.lab.example": ["n5.lab.example", "*.n5.lab.example", "*.wild.lab.example", "n6.lab.example"],
        "n6.lab.example": ["*.n6.lab.example", "n6.lab.example"]}
# Of a certificate's names, those that it has alone behind "*." or before those that it has without.
WILDCARDS = {"wild.lab.example"}
HEAD = "$TTL 300\n@ SOA {0} hostmaster.lab.example. 1 3600 900 86400 300\n@ NS {0}\n"
PER_SERVER = 100
DIRECT = {"mode": "direct", "resolvers": [ROOT], "rate": 2000}
ALLOWED = [str(NETWORK)]


class NameServers(dns_servers.Servers):
    """NSD in a target that has other servers, too."""

    def __init__(self, target): # pylint: disable=super-init-not-called
        self.lab, self.name = target.lab, target.name
        self.folder = self.lab.folder / "nameservers"
        self.folder.mkdir()
        self.addresses = collections.defaultdict(set)
        for address, names in NAMES.items():
            for name in names:
                self.addresses[name].add(address)
        self.addresses["n3.lab.example"].add(OUT)
        self.addresses["out.lab.example"] = {OUT}
        self.addresses[OTHERS] = {NAMELESS}
        self.addresses["www.wild.lab.example"] = {HOST}
        self.hosts = {address: f"host-{address.replace('.', '-')}.lab.example" for address in NAMES}
        self.zones()

    def zones(self):
        self.nsd(".", ROOT, HEAD.format("a.root.") + f"a.root. A {ROOT}\n"
                 f"example. NS ns.example.\nns.example. A {EXAMPLE}\n"
                 f"91.10.in-addr.arpa. NS ns.reverse.\nns.reverse. A {REVERSE}\n")
        self.nsd("example.", EXAMPLE, HEAD.format("ns.example.") + f"ns.example. A {EXAMPLE}\n"
                 f"lab.example. NS ns.lab.example.\nns.lab.example. A {LAB}\n")
        self.nsd("lab.example.", LAB, HEAD.format("ns.lab.example.") + f"ns.lab.example. A {LAB}\n" +
                 "alias.lab.example. CNAME n1.lab.example.\n" +
                 "".join(f"{name}. A {address}\n" for name, addresses in self.addresses.items() for address in addresses))
        self.nsd("91.10.in-addr.arpa.", REVERSE, HEAD.format("ns.reverse.") + "".join(
            f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa. PTR {name}.\n" for address, name in self.hosts.items()))
        wait_for(lambda: all(self.says(address) for address in (ROOT, EXAMPLE, LAB, REVERSE)), "answers of all servers", 120)

    def says(self, address):
        with contextlib.suppress(RuntimeError): # what kdig says where nobody listens yet
            return "status: " in self.run("kdig", f"@{address}", "+retry=0", "+timeout=1", "lab.example", "SOA")
        return False


class Web(NamedServers):
    def __init__(self, lab): # pylint: disable=super-init-not-called,non-parent-init-called
        world = World(seed=1, open_count=0, closed_count=0)
        world.open = set(NAMES)
        Target.__init__(self, lab, world, ports=(), declarations="counter hurried { }\ncounter root { }", rules=f"""
            iifname "link*" ip daddr {ROOT} udp dport 53 counter name root
            iifname "link*" ip daddr {LAB} udp dport 53 limit rate over {PER_SERVER}/second burst {PER_SERVER // 4} packets \
                counter name hurried
            ip daddr {{ {ROOT}, {EXAMPLE}, {LAB}, {REVERSE} }} accept""")

    @staticmethod
    def sans_of(name):
        return SANS.get(name, [name])


def a_of(record):
    return {answer["answer"] for answer in record["results"]["A"].get("data", {}).get("answers", [])
            if answer["type"] == "A"}


def leaf_of(record):
    return record["data"]["tls"]["result"]["handshake_log"]["server_certificates"]["certificate"]


def by_kind(result):
    kinds = collections.defaultdict(list)
    for record in result.records():
        kinds[record["record"]].append(record)
    return kinds


def test(lab: Lab):
    target = Web(lab)
    link = Link(lab, target)
    servers = NameServers(target)
    listed = [*SERVED, "out.lab.example", "missing.lab.example", "alias.lab.example"]
    addresses = {**servers.addresses, "alias.lab.example": servers.addresses["n1.lab.example"]}

    def scan(driver, path, dns, **targets):
        return link.scan(driver, {
            "targets": {"include": [], "include_files": [str(path)], "ports": [TLS], "exclude": [OUT],
                        "allow_reserved": ALLOWED, **targets},
            "rate": 5000, "grabs": [{"module": "tls", "certificates": "inline"}], "dns": {**DIRECT, **dns},
            "limits": {"cooldown": "1s"}}, ).expect(0)

    def every_name_its_certificate(driver):
        path = lab.folder / "names"
        path.write_text("".join(f"{name}\n" for name in listed))
        result = scan(driver, path, {})
        kinds = by_kind(result)
        names = {record["name"]: record for record in kinds["dns"]}
        equal(sorted(names), sorted(listed), "names with a record, each once")
        for name, record in names.items():
            equal(record["origin"], "target", f"origin of {name}")
            equal(a_of(record), addresses.get(name, set()), f"addresses of {name}")
            equal(record.get("excluded"), [OUT] if OUT in a_of(record) else None, f"excluded addresses of {name}")
        # A handshake joins a name's record by its name, and by one of its addresses; each has one.
        wanted = collections.Counter((address, name) for name, record in names.items()
                                     for address in a_of(record) - {OUT})
        equal(collections.Counter((record["ip"], record["domain"]) for record in kinds["tls"]), wanted,
              "addresses and names with a handshake")
        for record in kinds["tls"]:
            name = record["domain"]
            equal((record["stage"], record["cause"]), ("handshake", "complete"), name)
            shown = name if name in target.leaves else OTHERS
            equal(hashlib.sha256(base64.b64decode(leaf_of(record)["raw"])).hexdigest(), target.leaves[shown],
                  f"the certificate of {name}")
            equal(leaf_of(record)["parsed"]["subject_dn"], f"CN={shown}", f"the subject for {name}")
        equal({record["saddr"] for record in kinds["scan"]}, {HOST, PAIR}, "responders")
        equal(len({leaf_of(record)["raw"] for record in kinds["tls"] if record["ip"] == HOST}), 101, "certificates of one address")
        manifest = json.loads((lab.folder / f"{link.name}.ndjson.manifest.json").read_text())
        equal((manifest["target_names"], manifest["target_names_without_address"], manifest["target_names_left_out"]),
              (len(listed), 1, 2), "names in the manifest")
        assert f"out.lab.example points to {OUT}, which is excluded or reserved: left out" in result.log, result.log

    def all_that_is_found_joins(driver):
        path = lab.folder / "hosts.csv"
        path.write_text("".join(f"{address},{name}\n" for address, names in NAMES.items() for name in names) + f"{NAMELESS}\n")
        result = scan(driver, path, {"lookups": [{"names": "certificates", "types": ["A"]},
                                                 {"names": "responders", "types": ["PTR"]}]})
        kinds = by_kind(result)
        hosts = {record["saddr"] for record in kinds["scan"]}
        equal(hosts, set(NAMES), "responders")
        # tls: by ip and port.
        equal({(record["ip"], record["port"]) for record in kinds["tls"]}, {(host, TLS) for host in hosts}, "hosts that were asked")
        given = collections.defaultdict(set) # name: hosts whose certificate has it
        for record in kinds["tls"]:
            for name in leaf_of(record)["parsed"]["names"]:
                given[name.lower().removeprefix("*.")].add(record["ip"])
        found = {record["name"]: record for record in kinds["dns"] if record["origin"] == "certificate"}
        equal(len(found), sum(record["origin"] == "certificate" for record in kinds["dns"]), "names, each once")
        equal(set(found), set(given), "names of certificates, and those that were looked up")
        assert {"wild.lab.example", "n6.lab.example", "gone.lab.example", OTHERS} < set(found), sorted(found)
        for name, record in found.items():
            assert record["ip"] in given[name], f"{name} is not of {record['ip']}"
            equal(a_of(record), servers.addresses.get(name, set()), f"addresses of {name}")
        equal({name for name, record in found.items() if record.get("wildcard")} - {"n5.lab.example", "n6.lab.example"},
              WILDCARDS, "names behind '*.'")
        # n5's certificate has "n5" before "*.n5"; n6's the other way round, but n5's may have said n6 before.
        assert "wildcard" not in found["n5.lab.example"], found["n5.lab.example"]
        responders = [record for record in kinds["dns"] if record["origin"] == "responder"]
        equal(sorted((record["ip"], record["results"]["PTR"]["data"]["answers"][0]["answer"]) for record in responders),
              sorted(servers.hosts.items()), "names of responders")

    def servers_are_not_hurried(driver):
        """Judged by the kernel: nftables' bucket of the rate, which has room for a late frame or two."""
        path = lab.folder / "missing"
        path.write_text("".join(f"missing{i}.lab.example\n" for i in range(500)))
        hurried = {}
        for cap in (PER_SERVER, 0):
            target.forget()
            job = link.job(driver, {"dns": {**DIRECT, "per_server": cap, "lookups": [
                {"names_file": str(path), "types": ["A"]}]}})
            job["targets"] = {"allow_reserved": ALLOWED}
            result = link.start(job, ["--force"]).result().expect(0)
            equal(collections.Counter(record["results"]["A"]["status"] for record in result.records()), {"NXDOMAIN": 500},
                  "statuses")
            assert target.counter("root") <= 4, "the root was asked again and again"
            hurried[cap] = target.counter("hurried")
        equal(hurried[PER_SERVER], 0, "queries beyond the cap")
        assert hurried[0] > 100, f"without a cap {hurried[0]} queries were beyond it"

    return run(each_driver(("servers are not hurried", servers_are_not_hurried),
                           ("every name shows its certificate", every_name_its_certificate),
                           ("all that is found joins", all_that_is_found_joins)))


if __name__ == "__main__":
    main(test)
