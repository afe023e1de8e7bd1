#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names looked up in a simulated Internet: those of lists, of certificates that the scan finds, and of
responders, each answer as tests/truth_names.py has it; and the same after kills at any moment.

LOOKUP_KILLS says how many kills there are (8); LOOKUP_SEED, when they come."""

import collections
import ipaddress
import json
import os
import pathlib
import random
import subprocess
import time
import unittest

import yaml
from harness import ASDIC, OPEN, VIRTUAL, CertifiedTest, SimnetTest, Targets, network, target_text, world
from truth_names import Names

KILLS = int(os.environ.get("LOOKUP_KILLS", "8"))
SEED = int(os.environ.get("LOOKUP_SEED", "1"))

RESOLVERS = [f"11.9.0.{i}" for i in range(8)]
NS = network("11.9.0.0/28", ports={53: {"open": "100%", "services": {"ns": "100%"}}},
             latency={"min": "1ms", "max": "40ms"}, loss={"out": "1%", "back": "1%"})
NAMES = {"exists": "80%", "servfail": "1%", "alias": "10%", "big": "3%", "truncated": "1%"}
SERVICES = {"ns": {"kind": "dns"}}
TEXT = world(NS, services=SERVICES, names=NAMES, seed=5)


def resolved(*lookups, **keys):
    dns = {"resolvers": RESOLVERS, "tries": 6, "timeout": "500ms", "lookups": list(lookups), **keys}
    return ["--set", f"dns={json.dumps(dns)}"]


def answers_of(result):
    return result.get("data", {}).get("answers", [])


class LookupsTest(SimnetTest):
    def lines(self, path):
        return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]

    def list_of(self, count, name="names.txt"):
        names = [f"n{i}.{'sub.' * (i % 3)}example.org" for i in range(count)]
        return self.write(name, "# names\n\n" + "".join(f"{n}\n" for n in names)), names

    def check_truth(self, records, text, kinds):
        """Each result is what the world says of its name."""
        said = Names(yaml.safe_load(text))
        for record in records:
            name = record["name"]
            self.assertEqual(set(record["results"]), set(kinds), name)
            for kind, result in record["results"].items():
                status, answers = said.answer(name, kind)
                self.assertEqual((result["status"], answers_of(result)), (status, answers), (name, kind))

    def check_once(self, records, names):
        counts = collections.Counter(record["name"] for record in records)
        self.assertEqual(set(counts), set(names))
        self.assertEqual({name for name, n in counts.items() if n != 1}, set())


class Lists(LookupsTest):
    def test_every_answer(self):
        path, names = self.list_of(4000)
        run = self.scan(TEXT, *resolved({"names_file": path, "types": ["A", "MX", "TXT"]}), *VIRTUAL,
                        "-o", "out.ndjson")
        records = self.lines(self.folder / "out.ndjson")
        self.check_once(records, names)
        self.check_truth(records, TEXT, ("A", "MX", "TXT"))
        said = Names(yaml.safe_load(TEXT))
        for record in records:
            self.assertEqual(record["origin"], "list")
            if said.is_cut(record["name"]) and said.answer(record["name"], "A")[0] == "NOERROR":
                self.assertEqual(record["results"]["A"]["data"]["protocol"], "tcp", record["name"])
        manifest = json.loads((self.folder / "out.ndjson.manifest.json").read_text())
        self.assertEqual(sum(manifest["dns_statuses"].values()), 3 * len(names))
        self.assertEqual(manifest["dns"]["resolvers"], [f"{r}:53" for r in RESOLVERS])

    def test_a_seed_replays(self):
        path, _ = self.list_of(500)
        for name in ("a.ndjson", "b.ndjson"):
            self.scan(TEXT, *resolved({"names_file": path, "types": ["A"]}), *VIRTUAL, "-e", "1",
                      "--lcores", "1", "-o", name)
        self.assertEqual((self.folder / "a.ndjson").read_bytes(), (self.folder / "b.ndjson").read_bytes())

    def test_shards_are_the_whole(self):
        path, names = self.list_of(999)
        found = []
        for shard in (1, 2):
            self.scan(TEXT, *resolved({"names_file": path, "types": ["A"]}), *VIRTUAL, "-e", "1",
                      "--shard", f"{shard}/2", "-o", f"{shard}.ndjson")
            found.append({record["name"] for record in self.lines(self.folder / f"{shard}.ndjson")})
        self.assertEqual((found[0] & found[1], found[0] | found[1]), (set(), set(names)))

    def test_the_short_way(self):
        device, _ = self.device(TEXT)
        status, stdout, stderr = self.asdic("dns", "-i", device, "--resolvers", ",".join(RESOLVERS), "--types",
                                            "A,AAAA", *VIRTUAL, "-", stdin="n1.example.org\nn2.example.org.\n")
        self.assertEqual(status, 0, stderr)
        records = [json.loads(line) for line in stdout.splitlines()]
        self.check_truth([dict(r, name=r["name"].rstrip(".")) for r in records], TEXT, ("A", "AAAA"))
        self.assertEqual(len(records), 2)
        self.assertIn("\nledger, balanced:\n", stderr)

    def test_addresses_and_what_is_no_name(self):
        device, _ = self.device(TEXT)
        given = ["11.0.0.7", "2001:db8::7", "1.2.3", "a..b"]
        status, stdout, stderr = self.asdic("dns", "-i", device, "--resolvers", ",".join(RESOLVERS), "--types", "PTR",
                                            *VIRTUAL, *given)
        self.assertEqual(status, 0, stderr)
        records = {r["name"]: r for r in map(json.loads, stdout.splitlines())}
        asked = {name: r.get("altered_name") for name, r in records.items()}
        self.assertEqual(asked, {"11.0.0.7": "7.0.0.11.in-addr.arpa", "1.2.3": None, "a..b": None,
                                 "2001:db8::7": ipaddress.ip_address("2001:db8::7").reverse_pointer})
        self.assertEqual(records["a..b"]["results"]["PTR"]["status"], "ILLEGAL_INPUT")
        self.check_truth([dict(r, name=asked[n] or n) for n, r in records.items() if n != "a..b"], TEXT, ("PTR",))

    def test_nobody_answers(self):
        path, names = self.list_of(50)
        silent = world(network("11.9.0.0/24", default={}), seed=5)
        self.scan(silent, *resolved({"names_file": path, "types": ["A"]}, tries=2), *VIRTUAL, "-o", "out.ndjson")
        for record in self.lines(self.folder / "out.ndjson"):
            self.assertEqual((record["results"]["A"]["status"], record["results"]["A"]["tries"], record["stage"],
                              record["cause"]), ("TIMEOUT", 2, "query", "timeout"))

    def test_a_list_that_is_not_there(self):
        status, _, stderr = self.asdic("check", "-i", "net_null0", *resolved(
            {"names_file": "missing.txt", "types": ["A"]}))
        self.assertEqual(status, 2)
        self.assertIn("cannot read 'missing.txt': No such file or directory", stderr)

    def test_enough(self):
        path, _ = self.list_of(3000)
        run = self.scan(TEXT, *resolved({"names_file": path, "types": ["A"]}), *VIRTUAL, "-N", "100", "-r", "500",
                        "-o", "out.ndjson")
        self.assertEqual(len(self.lines(self.folder / "out.ndjson")), 100)
        self.assertLess(run.ledger["queries sent"], 500)

    def test_what_was_stopped_is_asked_later_and_told_once(self):
        path, names = self.list_of(3000)
        flags = (*resolved({"names_file": path, "types": ["A"]}), *VIRTUAL, "-e", "1", "-o", "out.ndjson")
        run = self.scan(TEXT, *flags, "-r", "500", "-t", "1")
        found = self.lines(self.folder / "out.ndjson")
        self.assertEqual({r["results"]["A"]["status"] for r in found} & {"STOPPED"}, set())
        self.assertTrue(200 < len(found) < 1000, len(found))
        self.assertLess(run.ledger["queries sent"], 1000)
        self.scan(TEXT, *flags, "--resume")
        records = self.lines(self.folder / "out.ndjson")
        self.check_once(records, names)
        self.check_truth(records, TEXT, ("A",))


class CertifiedLookupsTest(CertifiedTest, LookupsTest):
    CERTIFICATES = {"folder": "certificates", "count": 12, "chain": "1-2", "names": "1-40", "keys": ["p256"]}

    def setUp(self):
        super().setUp()
        self.certify("0003", "*.wild.example", "*.Sub.Wild.example", "www.wild.example")

    def certify(self, number, *names):
        """Names behind "*." that stand nowhere without, in place of a certificate that was made."""
        folder = self.certificates
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "9", "-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names),
                        "-keyout", "key", "-out", "leaf"], cwd=folder, check=True, capture_output=True)
        (folder / f"{number}.pem").write_text((folder / "key").read_text() + (folder / "leaf").read_text())


class Found(CertifiedLookupsTest):
    """SYN, certificate, its names, their addresses, in one run: records that join."""

    TEXT = world(NS, network("20.1.0.0/22", ports={443: {"open": "20%", "services": {"web": "100%"}}},
                             latency={"min": "5ms", "max": "50ms"}),
                 services={**SERVICES, "web": {"kind": "tls"}}, names=NAMES,
                 certificates=CertifiedLookupsTest.CERTIFICATES, seed=5)
    TARGETS = Targets("20.1.0.0/22", ports=[443])
    FLAGS = ("20.1.0.0/22", "-p", "443", "-c", "1", "--set", "grabs=[{module: tls, timeout: 10s}]",
             *resolved({"names": "certificates", "types": ["A"]}, {"names": "responders", "types": ["PTR"]}))

    def check_joins(self, records):
        by_kind = collections.defaultdict(list)
        for record in records:
            by_kind[record["record"]].append(record)
        names, wildcards = collections.defaultdict(set), {}
        for record in by_kind["tls"]:
            log = record["data"]["tls"]["result"]["handshake_log"]
            for name in log["server_certificates"]["certificate"]["parsed"].get("names", []):
                bare = name.lower().removeprefix("*.")
                names[bare].add(record["ip"])
                wildcards.setdefault(bare, name.startswith("*."))
        hosts = {target_text(key).partition(":")[0] for key in self.TARGETS.in_state(self.TEXT, OPEN)}
        self.assertEqual({record["saddr"] for record in by_kind["scan"]}, hosts)
        self.assertEqual({(record["ip"], record["port"]) for record in by_kind["tls"]},
                         {(record["saddr"], record["sport"]) for record in by_kind["scan"]})
        origins = collections.defaultdict(list)
        for record in by_kind["dns"]:
            origins[record["origin"]].append(record)
        self.check_once(origins["certificate"], names)
        self.check_truth(origins["certificate"], self.TEXT, ("A",))
        for record in origins["certificate"]:
            self.assertIn(record["ip"], names[record["name"]], "who has shown the name")
            # What is told of a name is where it was seen first.
            self.assertEqual(record.get("wildcard", False), wildcards[record["name"]], record["name"])
        self.assertEqual({name for name, is_wild in wildcards.items() if is_wild}, {"wild.example", "sub.wild.example"})
        self.check_once(origins["responder"], hosts)
        self.check_truth([dict(r, name=ipaddress.ip_address(r["name"]).reverse_pointer)
                          for r in origins["responder"]], self.TEXT, ("PTR",))
        for record in origins["responder"]:
            self.assertEqual(record["ip"], record["name"])
        self.assertEqual(len(by_kind["tls"]), len(hosts))

    def test_pipeline(self):
        run = self.scan(self.TEXT, *self.FLAGS, *VIRTUAL, "-o", "out.ndjson")
        self.check_joins(self.lines(self.folder / "out.ndjson"))
        self.assertEqual(run.ledger["probes gated"], 0)

    def test_kills(self):
        """Killed at any moment: what both kinds of names and a list come to is what one run finds."""
        path, names = self.list_of(6000)
        chance = random.Random(SEED)
        device, _ = self.device(self.TEXT)
        flags = ["scan", "-i", device, *self.FLAGS[:7], "--set", "limits.connections=64", "-r", "3k", "-e", "3", "-q",
                 *resolved({"names": "certificates", "types": ["A"]}, {"names": "responders", "types": ["PTR"]},
                           {"names_file": path, "types": ["A"]}, rate="2k"), "-o", "out.ndjson"]
        resumed = 0
        for kill in range(KILLS + 1):
            go_on = (self.folder / "out.ndjson.checkpoint").exists()
            resumed += go_on
            process = subprocess.Popen([ASDIC, *flags, "--lcores", chance.choice("123"),
                                        "--resume" if go_on else "--force"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(process.communicate)
            if kill == KILLS:
                break
            # The first is killed once there is something to go on from, later ones at any moment.
            deadline = time.monotonic() + 60
            while not go_on and not (self.folder / "out.ndjson.checkpoint").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.3, 1.5))
            process.kill()
            process.wait()
        _, stderr = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, stderr)
        self.assertGreater(resumed, KILLS // 2)
        records = self.lines(self.folder / "out.ndjson")
        self.check_joins([r for r in records if r.get("origin") != "list"])
        self.check_once([r for r in records if r.get("origin") == "list"], names)
        self.assertEqual(sorted(p.name for p in self.folder.glob("*.checkpoint*")), ["out.ndjson.checkpoint"])


class Targeted(CertifiedLookupsTest):
    """Names as targets: looked up first, then probed, and grabbed with their names."""

    WEB = "20.1.0.0/22"
    TEXT = world(NS, network(WEB, ports={443: {"open": "50%", "services": {"web": "100%"}}},
                             latency={"min": "5ms", "max": "50ms"}),
                 services={**SERVICES, "web": {"kind": "tls"}}, certificates=CertifiedLookupsTest.CERTIFICATES,
                 names={"exists": "80%", "alias": "10%", "addresses": "20.1.0.0/22"}, seed=5)

    def pairs(self, names):
        """(address, name) of every name, as the world has them."""
        said = Names(yaml.safe_load(self.TEXT))
        return {(answer["answer"], name) for name in names for answer in said.answer(name, "A")[1]
                if answer["type"] == "A"}

    def flags(self, path, *more):
        return ("-I", path, "-p", "443", "--resolvers", ",".join(RESOLVERS), "-c", "1", "--set",
                "grabs=[{module: tls, timeout: 10s}]", "-o", "out.ndjson", "--set", "dns.timeout=500ms", "--set",
                "dns.tries=6", *more)

    def check(self, pairs, run):
        records = self.lines(self.folder / "out.ndjson")
        open_ones = {target_text(key).partition(":")[0]
                     for key in Targets(self.WEB, ports=[443]).in_state(self.TEXT, OPEN)}
        addresses = {address for address, _ in pairs}
        self.assertEqual(run.ledger["probes sent"], len(addresses), "probes and addresses of names")
        self.assertEqual({r["saddr"] for r in records if r["record"] == "scan"}, addresses & open_ones)
        self.assertEqual({(r["ip"], r["domain"]) for r in records if r["record"] == "tls"},
                         {(address, name) for address, name in pairs if address in open_ones})

    def test_each_is_probed_with_its_name(self):
        path, names = self.list_of(150)
        run = self.scan(self.TEXT, *self.flags(path), *VIRTUAL)
        self.check(self.pairs(names), run)
        self.assertRegex(run.stderr, r"asdic: \d+ of 150 targets' names have no address")

    def test_who_points_into_an_exclusion_is_told(self):
        path, names = self.list_of(60)
        pairs = self.pairs(names)
        out = {pair for pair in pairs if int(pair[0].split(".")[2]) < 2}
        self.assertTrue(out and out < pairs)
        run = self.scan(self.TEXT, *self.flags(path, "--set", "targets.exclude=[20.1.0.0/23]"), *VIRTUAL)
        self.check(pairs - out, run)
        told = {(address, name) for address, name in pairs
                if f"{name} points to {address}, which is excluded or reserved: left out" in run.stderr}
        self.assertTrue(told and told <= out)
        self.assertEqual(run.ledger["probes gated"], 0)

    def test_nobody_to_ask(self):
        path = self.write("list.txt", "www.example.org\n20.1.0.1\n")
        status, _, stderr = self.asdic("check", "-i", "net_null0", "-p", "443", "-I", path)
        self.assertEqual(status, 2)
        self.assertIn("list.txt:1:1: 'www.example.org' is a name, and nobody is named to be asked", stderr)

    def test_gone_on_with(self):
        """A later run has the addresses of the first, whatever resolvers say by then."""
        path, names = self.list_of(150)
        device, _ = self.device(self.TEXT)
        flags = ["scan", "-i", device, *self.flags(path), "-r", "100", "-q"]
        self.kill_soon(*flags)
        status, _, stderr = self.asdic(*flags, "--resolvers", "11.77.0.1", "--resume")
        self.assertEqual(status, 0, stderr)
        found = {(r["ip"], r["domain"]) for r in self.lines(self.folder / "out.ndjson") if r["record"] == "tls"}
        open_ones = {target_text(key).partition(":")[0]
                     for key in Targets(self.WEB, ports=[443]).in_state(self.TEXT, OPEN)}
        self.assertEqual(found, {pair for pair in self.pairs(names) if pair[0] in open_ones})


if __name__ == "__main__":
    unittest.main()
