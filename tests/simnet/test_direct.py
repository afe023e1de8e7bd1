#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names looked up from the root down: what the servers of a tree of zones say, lame ones and all."""

import collections
import json
import re
import unittest

import yaml

from harness import SimnetTest, truth_names

TREE = """
seed: 7
networks:
- cidr: 11.9.0.0/24
  ports: {53: {open: 100%, service: {kind: dns, authority: true, lame: LAME}}}
  latency: {min: 5ms, max: 50ms}
  loss: {out: 1%, back: 1%}
names: {exists: 70%, servfail: 1%, alias: 20%, types: 60%, big: 5%, truncated: 5%, addresses: 11.0.0.0/16}
zones:
- {zone: ".", servers: [{name: a.root, address: 11.9.0.1}, {name: b.root, address: 11.9.0.2}]}
- {zone: example, servers: [{name: ns1.example, address: 11.9.0.3}, {name: ns2.example, address: 11.9.0.4}]}
- {zone: com, servers: [{name: ns1.com, address: 11.9.0.5}, {name: ns2.com, address: 11.9.0.6}]}
- {zone: example.com, glue: false, servers: [{name: ns.hoster.com, address: 11.9.0.7}]}
- {zone: hoster.com, servers: [{name: ns.hoster.com, address: 11.9.0.7}]}
- {zone: round.com, glue: false, servers: [{name: ns.about.com, address: 11.9.0.8}]}
- {zone: about.com, glue: false, servers: [{name: ns.round.com, address: 11.9.0.9}]}
"""
# Each server is a network of its own, so that the world counts what it is asked; one has a hundred zones.
POLITE = yaml.safe_dump({
    "seed": 9,
    "networks": [{"cidr": f"11.9.0.{number}/32", "latency": {"min": "1ms", "max": "30ms"},
                  "loss": {"out": "1%", "back": "1%"},
                  "ports": {53: {"open": "100%", "service": {"kind": "dns", "authority": True}}}} for number in range(1, 6)],
    "names": {"exists": "70%", "addresses": "11.0.0.0/16"},
    "zones": [{"zone": ".", "servers": [{"name": "a.root", "address": "11.9.0.1"}, {"name": "b.root", "address": "11.9.0.2"}]},
              {"zone": "com", "servers": [{"name": "ns.com", "address": "11.9.0.3"}]},
              *({"zone": f"z{i}.com", "servers": [{"name": "ns1.z0.com", "address": "11.9.0.4"},
                                                  {"name": "ns2.z0.com", "address": "11.9.0.5"}]} for i in range(100))]})
NAMES = [f"n{i}.example.com" for i in range(600)]


class DirectTest(SimnetTest):
    def look_up(self, world, names, *flags, resolvers=("--resolvers", "11.9.0.1,11.9.0.2")):
        """Records by name; all names have one."""
        device, report = self.device(world)
        status, out, err = self.asdic("dns", "-", "-m", "manifest.json", "--force", "-i", device, "--virtual-clock", "--test-key", "--set",
                                      "dns.mode=direct", *resolvers, *flags,
                                      stdin="".join(f"{name}\n" for name in names))
        self.assertEqual(status, 0, err)
        self.assertIn("ledger, balanced:", err)
        self.walks = json.loads((self.folder / "manifest.json").read_text())["dns_walks"]
        minutes, seconds = re.search(r"every name looked up in (\d+):(\d+)", err).groups()
        self.took_s = 60 * int(minutes) + int(seconds)
        records = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(collections.Counter(r["name"] for r in records), collections.Counter(names))
        return {r["name"]: r for r in records}, json.loads(report.read_text(encoding="utf-8"))

    def test_every_answer_is_the_zones(self):
        """Aliases lead from one zone into another; a server's address is to be sought first."""
        world = TREE.replace("LAME", "0%")
        says = truth_names.Names(yaml.safe_load(world))
        records, report = self.look_up(world, NAMES, "--types", "A,TXT,MX")
        for name, record in records.items():
            for kind, result in record["results"].items():
                status, answers = says.answer(name, kind)
                self.assertEqual(result["status"], status, name)
                if status == "SERVFAIL":
                    continue
                found = result["data"].get("answers", [])
                self.assertCountEqual(found, answers, f"{name} {kind}")
                self.assertFalse(result["data"]["flags"]["recursion_desired"])
                self.assertTrue(result["data"]["flags"]["authoritative"])
        # Most questions go to a name's own zone alone, and some to that of its alias.
        self.assertLess(report["dns"], 2 * 3 * len(NAMES))

    def test_lame_servers(self):
        """Where one of a zone's servers is not, names have their answers; where all are, that is told."""
        lame = TREE.replace("LAME", "30%")
        records, _ = self.look_up(lame, ["n1.example", "n2.example", "n3.example"], "--types", "A")
        statuses = collections.Counter(r["results"]["A"]["status"] for r in records.values())
        says = truth_names.Names(yaml.safe_load(lame))
        expected = collections.Counter(says.answer(name, "A")[0] for name in records)
        self.assertIn(statuses, [expected, collections.Counter({"SERVFAIL": 3})])
        records, _ = self.look_up(TREE.replace("LAME", "100%"), ["n1.example"], "--types", "A")
        self.assertEqual(records["n1.example"]["results"]["A"]["status"], "SERVFAIL")

    def test_circles_and_nobody(self):
        """Two zones whose servers stand in each other, and excluded servers: an end, and why."""
        world = TREE.replace("LAME", "0%")
        records, _ = self.look_up(world, ["www.round.com", "www.about.com"], "--types", "A")
        for record in records.values():
            self.assertEqual(record["results"]["A"]["status"], "AUTHFAIL")
            self.assertLess(record["results"]["A"]["tries"], 65)
        records, report = self.look_up(world, ["n1.example"], "--types", "A", "--set",
                                       "targets.exclude=[11.9.0.3-11.9.0.4]")
        self.assertEqual(records["n1.example"]["results"]["A"]["status"], "BLOCKED")
        self.assertEqual(records["n1.example"]["cause"], "excluded")

    def test_no_server_gets_more(self):
        """All names of a hundred zones are at two servers, and below one of com: each has its time, and is looked up."""
        names = [f"n{i}.z{i % 100}.com" for i in range(900)] + [f"free{i}.com" for i in range(300)]
        says = truth_names.Names(yaml.safe_load(POLITE))
        took, asked = {}, {}
        waited = {}
        for rate, more in ((100, ()), (0, ("--set", "dns.per_server=0")), (50, ("--set", "dns.per_server_in_flight=1"))):
            flags = ("--set", f"dns.per_server={rate}", *more)
            records, report = self.look_up(POLITE, names, "--types", "A", "-r", "5k", "--timeout", "300ms", *flags)
            waited[rate] = self.walks["waited_for_server"]
            asked[rate] = [network["dns"] for network in report["networks"]]
            took[rate] = self.took_s
            for name, record in records.items():
                status, answers = says.answer(name, "A")
                result = record["results"]["A"]
                self.assertEqual((result["status"], result.get("data", {}).get("answers", [])), (status, answers), name)
            # The root is asked who has com, by the first; a packet or two may be lost.
            self.assertLessEqual(sum(asked[rate][:2]), 3)
            self.assertLess(asked[rate][2], 1.1 * (100 + 300))
            self.assertLess(sum(asked[rate][3:]), 1.1 * 900)
        self.assertLess(took[0], 3)
        self.assertEqual(waited[0], 0)
        self.assertGreater(min(waited[100], waited[50]), 1000)
        # com's server has the 400 questions, two others 450 each, and none more than it may in a second.
        self.assertGreaterEqual(took[100], max(asked[100]) / 100 - 1)
        # Who has lost a packet stands in line again, and others may wait for what it was to learn.
        self.assertLess(took[100], 2 * max(asked[100]) / 100)
        # With 5% of answers lost for the time of a try, what waits for one at a time takes its time as well.
        self.assertGreaterEqual(took[50], max(asked[50]) / 50 - 1)

    def test_no_such_domain(self):
        """The Internet's root is told by nobody; and asked once of each top-level domain, whether there is one or not."""
        roots = ["198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
                 "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33"]
        world = yaml.safe_dump({
            "seed": 9, "names": {"exists": 0}, "networks": [
                {"cidr": f"{address}/32", "latency": {"min": "1ms", "max": "30ms"},
                 "ports": {53: {"open": "100%", "service": {"kind": "dns", "authority": True}}}} for address in (*roots, "11.9.0.3")],
            "zones": [{"zone": ".", "servers": [{"name": f"{chr(97 + i)}.root", "address": address} for i, address in enumerate(roots)]},
                      {"zone": "com", "servers": [{"name": "ns.com", "address": "11.9.0.3"}]}]})
        names = [f"n{i}.{top}" for i in range(200) for top in ("lan", "corp", "x.home", "com")]
        records, report = self.look_up(world, names, "--types", "A,AAAA", "-r", "5k", resolvers=())
        results = [result for record in records.values() for result in record["results"].values()]
        self.assertEqual({result["status"] for result in results}, {"NXDOMAIN"})
        self.assertEqual({result["data"]["resolver"] for name, record in records.items() if name.endswith(".com")
                          for result in record["results"].values()}, {"11.9.0.3:53"})
        self.assertEqual({result["data"]["resolver"].partition(":")[0] for name, record in records.items()
                          if not name.endswith(".com") for result in record["results"].values()} - set(roots), set())
        # One of each, but that both types of the first name may be on their way.
        asked = sum(network["dns"] for network in report["networks"] if network["cidr"] != "11.9.0.3/32")
        self.assertLessEqual(asked, 8)
        denied = sum(result["tries"] == 0 for result in results)
        self.assertEqual(denied, 2 * 600 - (asked - 1))
        self.assertEqual((self.walks["denied_before"], self.walks["questions"]), (denied, report["dns"]))

    def test_a_seed_replays(self):
        world = TREE.replace("LAME", "10%")
        first, second = (self.look_up(world, NAMES[:100], "--types", "A") for _ in range(2))
        self.assertEqual(first, second)


if __name__ == "__main__":
    unittest.main()
