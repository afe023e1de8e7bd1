#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Resolvers that lie, in a simulated Internet: told apart by names with known answers, all of them and no
other, and asked no more; what the records hold is what honest ones say, but for what is told to be in doubt.

Who lies of what is computed by tests/truth_names.py."""

import collections
import csv
import datetime
import json
import os
import re
import subprocess
import unittest

import yaml
from harness import ASDIC, FAST, VIRTUAL, SimnetTest, network, world
from truth_names import LIAR, Names

NAMES = {"exists": "70%", "servfail": "1%", "alias": "10%", "truncated": "3%"}
SEED = 11

# One worker, and in real time two.
CLOCKS = [VIRTUAL, (*FAST, "--lcores", "2")]

# Each a service by its manner, on two addresses.
MANNERS = {
    "honest": {},
    "wildcard": {"lies": "100%"},
    "censor": {"denies": "100%"},
    "divert": {"diverts": "100%"},
    "sly": {"lies": "40%", "diverts": "40%"},
    "old": {"no_edns": True, "bare": True},
}


def manners_of(**more):
    """The text of a world, and the manner of each resolver by its address."""
    services, networks, manners = {}, [], {}
    for i, (name, keys) in enumerate(MANNERS.items()):
        services[name] = {"kind": "dns", **keys, **(more if name not in ("honest", "old") else {})}
        networks.append(network(f"11.9.{i}.0/31", ports={53: {"open": "100%", "services": {name: "100%"}}},
                                latency={"min": "1ms", "max": "30ms"}))
        manners.update({f"11.9.{i}.{host}": services[name] for host in range(2)})
    return world(*networks, services=services, names=NAMES, seed=SEED), manners


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Liars(SimnetTest):
    def setUp(self):
        super().setUp()
        self.text, self.manners = manners_of()
        self.said = Names(yaml.safe_load(self.text))
        self.canaries = self.some_canaries()

    def some_canaries(self):
        """Five names that have addresses, and five that are not there; none of which nobody can tell."""
        known, absent = {}, []
        for i in range(200):
            name = f"canary{i}.example.org"
            status, answers = self.said.answer(name, "A")
            addresses = [a["answer"] for a in answers if a["type"] == "A"]
            if status == "NOERROR" and addresses and len(known) < 5:
                known[name] = addresses
            elif status == "NXDOMAIN" and len(absent) < 5:
                absent.append(name)
        return {"exist": known, "absent": absent}

    def liars(self):
        """Those that lie of some canary."""
        names = [*self.canaries["exist"], *self.canaries["absent"]]
        return {f"{address}:53" for address, manner in self.manners.items()
                if any(self.said.lie(manner, address, name, "A") is not None for name in names)}

    def lookup(self, count, *flags, text=None, clock=VIRTUAL, **keys):
        names = [f"n{i}.example.org" for i in range(count)]
        path = self.write("names.txt", "".join(f"{n}\n" for n in names))
        dns = {"resolvers": list(self.manners), "tries": 6, "timeout": "500ms", "canaries": self.canaries,
               "lookups": [{"names_file": path, "types": ["A"]}], **keys}
        run = self.scan(text or self.text, "--set", f"dns={json.dumps(dns)}", *clock, "-o", "out.ndjson", *flags)
        records = [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]
        self.assertEqual(sorted(r["name"] for r in records), sorted(names))
        self.manifest = json.loads((self.folder / "out.ndjson.manifest.json").read_text())
        return run, records

    def states(self):
        return {r["resolver"]: r["state"] for r in self.manifest["dns_resolvers"]}

    def wrong(self, records):
        """Records that are not what an honest resolver says."""
        for record in records:
            result = record["results"]["A"]
            status, answers = self.said.answer(record["name"], "A")
            if (result["status"], result.get("data", {}).get("answers", [])) != (status, answers):
                yield record

    def lies(self):
        return [e for e in self.manifest["events"] if e["kind"] == "lie"]

    def test_all_are_told_apart(self):
        """From the start on: nothing of theirs is in the records, with one worker and with two."""
        for clock in CLOCKS:
            run, records = self.lookup(3000, "--force", clock=clock, timeout="2s")
            liars = self.liars()
            self.assertEqual(len(liars), 8, "each that does lie lies of some canary")
            self.assertEqual({r for r, state in self.states().items() if state == "lies"}, liars)
            self.assertEqual({r for r, state in self.states().items() if state == "good"},
                             {f"{address}:53" for address in self.manners} - liars)
            self.assertEqual(list(self.wrong(records)), [])
            self.assertEqual({e["what"].partition(" ")[0] for e in self.lies()}, liars)
            self.assertEqual(len(self.lies()), len(liars))
            self.assertIn("\nresolvers:   good 4, lies 8; 0 answers in doubt\n", run.stderr)
            for event in self.lies():
                name = event["what"].split()[5]
                known = self.canaries["exist"].get(name, [])
                self.assertRegex(event["what"], f"is at {LIAR}$" if "is at" in event["what"] else "does not exist$")
                self.assertTrue(known or name in self.canaries["absent"], event)

    def test_who_begins_to_lie_is_found_out(self):
        """They lie from the fourth second on, and canaries come each second. What came before they were found
        out is in doubt, and nothing that is wrong is not."""
        for clock in CLOCKS:
            text, self.manners = manners_of(honest="4s")
            canaries = {**self.canaries, "every": "1s"}
            _, records = self.lookup(14000, "--force", clock=clock, text=text, canaries=canaries, rate="2k", timeout="2s")
            liars = self.liars()
            self.assertEqual({r for r, state in self.states().items() if state == "lies"}, liars)
            doubtful = sum(r["in_doubt"] for r in self.manifest["dns_resolvers"])
            wrong = list(self.wrong(records))
            # There is something to see; all that is wrong is of those that are told, and not more than is told.
            self.assertGreater(len(wrong), 10)
            self.assertLessEqual(len(wrong), doubtful)
            self.assertLess(doubtful, 14000 / 2)
            self.assertLessEqual({r["results"]["A"]["data"]["resolver"] for r in wrong}, liars)
            start = moment(self.manifest["send_start_time"])
            seconds = [moment(e["time"]) - start for e in self.lies()]
            self.assertEqual(len(seconds), len(liars))
            for second in seconds:
                # The world's time begins with the port's, a little before the first query.
                self.assertGreater(second, 3.9 if clock is VIRTUAL else 0.5)
                self.assertLess(second, 5.7 if clock is VIRTUAL else 10)

    def test_one_tells_the_others(self):
        """Who lies now and then is found out by one of two workers, by chance; the other asks it no more either."""
        slyly = {"kind": "dns", "lies": "10%"}
        sly = [f"11.9.7.{i}" for i in range(8)]
        honest = ["11.9.8.0", "11.9.8.1"]
        text = world(network("11.9.7.0/29", ports={53: {"open": "100%", "services": {"sly": "100%"}}}),
                     network("11.9.8.0/31", ports={53: {"open": "100%", "services": {"honest": "100%"}}}),
                     services={"sly": slyly, "honest": {"kind": "dns"}}, names={"exists": 0}, seed=SEED)
        self.said = Names(yaml.safe_load(text))
        _, records = self.lookup(20000, clock=CLOCKS[1], text=text, resolvers=sly + honest, rate="2k", timeout="2s",
                                 canaries={"absent": ["*.example.com"], "every": "2s"})
        found = {e["what"].partition(":")[0]: moment(e["time"]) for e in self.lies()}
        self.assertLessEqual(set(found), set(sly))
        self.assertGreater(len(found), 2)
        last = {}
        for record in records:
            result = record["results"]["A"]
            resolver = result["data"]["resolver"].partition(":")[0]
            last[resolver] = max(last.get(resolver, 0), moment(result["timestamp"]))
        for resolver, time in found.items():
            self.assertLess(last.get(resolver, 0), time + 4)
        told = [r for r in self.manifest["dns_resolvers"] if r["resolver"].partition(":")[0] in found]
        self.assertEqual({r["state"] for r in told}, {"lies"})
        self.assertLess(sum(r["lies"] for r in told), 2 * len(told), "some were found out by one worker alone")

    def test_all_lie(self):
        """Then nobody is asked: that the canaries are to blame is for people to see."""
        canaries = {"exist": {next(iter(self.canaries["exist"])): "192.0.2.1"}}
        run, records = self.lookup(20, canaries=canaries)
        self.assertEqual({r["results"]["A"]["status"] for r in records}, {"NO_RESOLVER"})
        self.assertEqual({r["cause"] for r in records}, {"unreachable"})
        self.assertEqual(set(self.states().values()), {"lies"})
        self.assertIn("all resolvers lie, and nobody is asked any more; is what 'dns.canaries' says true?", run.stderr)
        self.assertIn("; it is asked no more. Others are in the manifest\n", run.stderr)
        self.assertEqual(len(self.lies()), len(self.manners) + 1)

    def test_none(self):
        """Nobody is told apart where nobody is tried."""
        _, records = self.lookup(500, canaries={})
        self.assertEqual(set(self.states().values()), {"good"})
        self.assertGreater(len(list(self.wrong(records))), 50)

    def test_status(self):
        """While it goes on: the file for programs, and the line for people."""
        self.manners["11.9.99.1"] = {}  # nobody is there
        path = self.write("names.txt", "".join(f"n{i}.example.org\n" for i in range(6000)))
        dns = {"resolvers": list(self.manners), "tries": 8, "timeout": "1s", "canaries": self.canaries, "rate": "2k",
               "lookups": [{"names_file": path, "types": ["A", "MX"]}]}
        device, _ = self.device(self.text)
        terminal, stderr = os.openpty()
        self.addCleanup(os.close, terminal)
        process = subprocess.Popen([ASDIC, "scan", "-i", device, "--set", f"dns={json.dumps(dns)}", "-o", "out.ndjson",
                                    "-u", "status.csv", "-r", "1M"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stderr=stderr)
        os.close(stderr)
        shown = b""
        try:
            while block := os.read(terminal, 65536):
                shown += block
        except OSError:
            pass  # so ends a terminal
        self.assertEqual(process.wait(), 0, shown)
        line = re.compile(rb"dns: \S+/s \S+ q/s \S+ live \d+\.\d% ok \S+ timeout \S+ servfail; "
                          rb"resolvers: (\d+) good (\d+) silent (\d+) lie; drops")
        self.assertEqual(line.findall(shown)[-1], (b"4", b"1", b"8"))
        with open(self.folder / "status.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertGreater(len(rows), 3)
        manifest = json.loads((self.folder / "out.ndjson.manifest.json").read_text())
        statuses, last = collections.Counter(manifest["dns_statuses"]), rows[-1]
        good = statuses["NOERROR"] + statuses["NXDOMAIN"]
        self.assertEqual((int(last["dns-lookups-total"]), int(last["dns-in-flight"])), (6000, 0))
        self.assertEqual(int(last["dns-queries-total"]), manifest["ledger"]["tries"])
        self.assertAlmostEqual(float(last["dns-success-percent"]), 100 * good / 12000, places=4)
        self.assertEqual((int(last["dns-timeout-total"]), int(last["dns-servfail-total"])),
                         (statuses["TIMEOUT"], statuses["SERVFAIL"]))
        self.assertEqual([last[f"dns-resolvers-{state}"] for state in ("good", "silent", "lying")], ["4", "1", "8"])
        for row, after in zip(rows, rows[1:]):
            self.assertLessEqual(int(row["dns-lookups-total"]), int(after["dns-lookups-total"]))
        self.assertTrue(any(int(row["dns-in-flight"]) > 0 for row in rows))
        self.assertTrue(any(1000 < int(row["dns-queries-last-one-sec"]) < 2400 for row in rows))

    def test_names_as_targets(self):
        """The looking up of targets' names, which another process does, has the canaries, too."""
        self.write("list.txt", "".join(f"n{i}.example.org\n" for i in range(60)))
        expected = {a["answer"] for i in range(60) for a in self.said.answer(f"n{i}.example.org", "A")[1]
                    if a["type"] == "A"}
        dns = {"resolvers": list(self.manners), "tries": 6, "timeout": "500ms", "canaries": self.canaries}
        run = self.scan(self.text, "-I", "list.txt", "-p", "80", "-c", "1", "--set", f"dns={json.dumps(dns)}",
                        *VIRTUAL)
        # Reserved addresses are left out and told; none that a liar made up is among either.
        self.assertEqual(run.ledger["probes sent"] + run.stderr.count("is excluded or reserved: left out"),
                         len(expected))
        self.assertNotIn(LIAR, run.stderr)


if __name__ == "__main__":
    unittest.main()
