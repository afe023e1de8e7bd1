#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The two forms of a record: CSV as ZMap writes it, NDJSON with the keys that scripts rely on."""

import csv
import datetime
import io
import ipaddress
import json
import unittest

from harness import KINDS, OPEN, VIRTUAL, SimnetTest, Targets, network, target_text, world

CIDR = "20.5.0.0/22"
WORLD = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, unreachable="20%",
                      latency={"min": "1ms", "max": "900ms"}, duplicate="30%"), seed=21)
FLAGS = (CIDR, "-p", "443", "-e", "4", "-c", "2", *VIRTUAL)
OPEN_HOSTS = Targets(CIDR, ports=[443]).in_state(WORLD, OPEN)

HEAD = ["record", "saddr", "saddr_raw", "daddr", "daddr_raw", "ipid", "ttl", "sport", "dport"]
TAIL = ["repeat", "cooldown", "timestamp_str", "timestamp_ts", "timestamp_us", "probe_num"]
NUMBERS = ["seqnum", "acknum", "window"]
OPTIONS = ["tcpopt_mss", "tcpopt_wscale", "tcpopt_sack_perm"]
VERDICT = ["classification", "success"]
ICMP = ["icmp_responder", "icmp_type", "icmp_code", "icmp_unreach_str"]
KEYS = {
    "synack": HEAD + NUMBERS + OPTIONS + VERDICT + TAIL,
    "rst": HEAD + NUMBERS + VERDICT + TAIL,
    "icmp": HEAD + VERDICT + ICMP + TAIL,
}


class Csv(SimnetTest):
    def table(self, *flags):
        return list(csv.reader(io.StringIO(self.scan(WORLD, *FLAGS, *flags).stdout.decode())))

    def test_addresses_of_responders_by_default(self):
        run = self.scan(WORLD, *FLAGS)
        lines = run.stdout.decode().split("\n")
        self.assertEqual(lines[0], "saddr")
        self.assertEqual(lines[-1], "")
        self.assertEqual(sorted(lines[1:-1]),
                         sorted(target_text(key).split(":")[0] for key in OPEN_HOSTS))

    def test_fields_in_the_order_asked_for(self):
        rows = self.table("-f", "ttl,saddr,sport,classification,success,repeat")
        self.assertEqual(rows[0], ["ttl", "saddr", "sport", "classification", "success", "repeat"])
        self.assertEqual(len(rows) - 1, len(OPEN_HOSTS))
        for ttl, saddr, sport, *rest in rows[1:]:
            self.assertTrue(1 <= int(ttl) <= 255)
            self.assertIn(ipaddress.ip_address(saddr), ipaddress.ip_network(CIDR))
            self.assertEqual([sport, *rest], ["443", "synack", "1", "0"])

    def test_booleans_are_1_and_0_and_absent_is_empty(self):
        rows = self.table("--output-filter", "", "-f",
                          "classification,success,repeat,cooldown,window,icmp_type,tcpopt_mss")
        seen = set()
        for kind, success, repeat, cooldown, window, icmp_type, mss in rows[1:]:
            seen.add((kind, repeat, cooldown))
            self.assertEqual(success, "1" if kind == "synack" else "0")
            self.assertEqual(window == "", kind == "icmp")
            self.assertEqual(icmp_type, "3" if kind == "icmp" else "")
            self.assertEqual(mss != "", kind == "synack")
        # Each kind first and repeated; all in the cooldown, for sending takes microseconds.
        self.assertEqual(seen, {(kind, repeat, "1") for kind in KINDS for repeat in "01"})

    def test_no_header(self):
        rows = self.table("--set", "output.header=false")
        self.assertEqual(len(rows), len(OPEN_HOSTS))

    def test_filters(self):
        for text, expected in (
                ("classification = rst", {("rst", "0"), ("rst", "1")}),
                ("success = 0 && repeat = 0", {("rst", "0"), ("icmp", "0")}),
                ("icmp_type = 3 && repeat = 1 || classification = synack", {("icmp", "1"), ("synack", "0"), ("synack", "1")}),
                ("ttl > 255", set())):
            with self.subTest(text):
                rows = self.table("--output-filter", text, "-f", "classification,repeat")
                self.assertEqual(set(map(tuple, rows[1:])), expected)


class Ndjson(SimnetTest):
    def records(self, *flags):
        run = self.scan(WORLD, *FLAGS, "-O", "json", *flags)
        return [json.loads(line, object_pairs_hook=list) for line in run.stdout.decode().splitlines()]

    def test_keys_and_their_order(self):
        seen = set()
        for pairs in self.records("--output-filter", ""):
            record = dict(pairs)
            seen.add(record["classification"])
            self.assertEqual([key for key, _ in pairs], KEYS[record["classification"]])
        self.assertEqual(seen, set(KINDS))

    def test_values(self):
        for record in map(dict, self.records("--output-filter", "")):
            kind = record["classification"]
            self.assertEqual(record["record"], "scan")
            self.assertIs(record["success"], kind == "synack")
            self.assertIs(type(record["repeat"]), bool)
            self.assertIs(type(record["cooldown"]), bool)
            for name in ("saddr", "daddr"):
                packed = ipaddress.ip_address(record[name]).packed
                self.assertEqual(record[name + "_raw"], int.from_bytes(packed, "little"))
            self.assertEqual((record["daddr"], record["sport"], record["probe_num"]),
                             ("198.18.0.1", 443, 0))
            self.assertTrue(32768 <= record["dport"] <= 61000)
            if kind == "synack":
                self.assertEqual((record["tcpopt_mss"], record["tcpopt_wscale"],
                                  record["tcpopt_sack_perm"]), (1460, 128, 1))
            if kind == "icmp":
                self.assertEqual(record["icmp_type"], 3)
                self.assertEqual(record["icmp_unreach_str"],
                                 {1: "host unreachable", 13: "communication admin. prohibited"}[record["icmp_code"]])
                self.assertEqual(record["icmp_responder"].rsplit(".", 1)[0],
                                 record["saddr"].rsplit(".", 1)[0])

    def test_times(self):
        """The virtual clock starts at the same time always, so that a run can be repeated."""
        for record in map(dict, self.records()):
            when = datetime.datetime.strptime(record["timestamp_str"], "%Y-%m-%dT%H:%M:%S.%f%z")
            self.assertEqual(int(when.timestamp()), record["timestamp_ts"])
            self.assertEqual(when.microsecond // 1000, record["timestamp_us"] // 1000)
            self.assertEqual(when.strftime("%Y-%m-%d %H:%M"), "2026-01-01 00:00")

    def test_profiles_bring_their_options(self):
        for profile, options in (("windows", OPTIONS), ("mss", ["tcpopt_mss"]),
                                 ("linux", OPTIONS + ["tcpopt_ts_val", "tcpopt_ts_ecr"])):
            with self.subTest(profile):
                records = self.records("--set", f"probe.profile={profile}")
                self.assertEqual(len(records), len(OPEN_HOSTS))
                for pairs in records:
                    self.assertEqual([key for key, _ in pairs if key.startswith("tcpopt")], options)

    def test_chosen_fields(self):
        records = self.records("-f", "sport,saddr", "--output-filter", "")
        self.assertEqual({tuple(key for key, _ in pairs) for pairs in records}, {("sport", "saddr")})


class ZMap(SimnetTest):
    """CSV byte for byte as ZMap's own writer makes it of the same values, where fields are the same."""

    # Its fields of tcp_synscan in its order: those of IP, of the module, and of the system.
    FIELDS = [*HEAD[1:7], "sport", "dport", *NUMBERS, *OPTIONS, "tcpopt_ts_val", "tcpopt_ts_ecr", *VERDICT,
              *ICMP, *TAIL[:-1]]

    @staticmethod
    def row(values):
        """ZMap's csv_process(): booleans as numbers, nothing for what is absent, quotes around a comma."""
        texts = []
        for value in values:
            if value is None:
                texts.append("")
            elif isinstance(value, (bool, int)):
                texts.append(f"{int(value)}")
            else:
                texts.append(f'"{value}"' if "," in value else value)
        return ",".join(texts) + "\n"

    def records(self, profile):
        run = self.scan(WORLD, *FLAGS, "-O", "json", "--output-filter", "", "--set", f"probe.profile={profile}")
        return [json.loads(line) for line in run.stdout.decode().splitlines()]

    def test_same_bytes(self):
        for profile in ("windows", "linux", "mss"):
            with self.subTest(profile):
                records = self.records(profile)
                run = self.scan(WORLD, *FLAGS, "-f", ",".join(self.FIELDS), "--output-filter", "",
                                "--set", f"probe.profile={profile}")
                expected = self.row(self.FIELDS) + "".join(
                    self.row(record.get(field) for field in self.FIELDS) for record in records)
                self.assertEqual(run.stdout.decode(), expected)
                self.assertEqual({record["classification"] for record in records}, set(KINDS))

    def test_timestamps(self):
        """As its strftime("%Y-%m-%dT%H:%M:%S.%03d%z") where its clock is UTC, with milliseconds cut."""
        for record in self.records("windows"):
            when = datetime.datetime.fromtimestamp(record["timestamp_ts"], datetime.timezone.utc)
            milliseconds = f"{record['timestamp_us'] // 1000:03d}"
            self.assertEqual(record["timestamp_str"], when.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds}%z"))

    def test_one_script_reads_both(self):
        """A file as ZMap 4.3 writes it, and one of asdic: the same code finds the same hosts in both."""
        def responders(text):
            return {row["saddr"] for row in csv.DictReader(io.StringIO(text))
                    if row["classification"] == "synack" and row["success"] == "1" and row["repeat"] == "0"
                    and row["cooldown"] in "01" and int(row["timestamp_ts"]) and int(row["saddr_raw"])
                    and 0 <= int(row["timestamp_us"]) < 1000000}

        records = self.records("windows")
        theirs = self.row(self.FIELDS) + "".join(
            self.row(record.get(field) for field in self.FIELDS) for record in records)
        run = self.scan(WORLD, *FLAGS, "-f", "*", "--output-filter", "")
        ours = run.stdout.decode()
        self.assertEqual(ours.splitlines()[0].split(",")[0], "record")
        self.assertEqual(responders(ours), responders(theirs))
        self.assertEqual(responders(ours), {target_text(key).split(":")[0] for key in OPEN_HOSTS})

    def test_no_header_row(self):
        run = self.scan(WORLD, *FLAGS, "-f", "saddr,sport", "--no-header-row")
        self.assertEqual(len(run.stdout.splitlines()), len(OPEN_HOSTS))
        self.assertNotIn(b"saddr", run.stdout)


if __name__ == "__main__":
    unittest.main()
