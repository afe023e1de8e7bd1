#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manifest beside the results."""

import csv
import hashlib
import json
import unittest

from harness import VIRTUAL, SimnetTest, network, world

CIDR = "20.6.0.0/22"
WORLD = world(network("0.0.0.0/0", default={"open": "20%", "closed": "20%"}, duplicate="30%"), seed=22)
FLAGS = (CIDR, "-p", "443", "-e", "4", "-c", "2", *VIRTUAL)


class Manifest(SimnetTest):
    def manifest(self, name):
        return json.loads((self.folder / name).read_text())

    def test_says_what_the_scan_was_and_left(self):
        run = self.scan(WORLD, *FLAGS, "-o", "a.csv", "--shard", "2/4", "--name", "census", "-b", self.write("no.conf", "20.6.1.7\n"),
                        "--set", 'tags={vantage: ams1, note: "a \\"b\\" \\\\ c"}')
        m = self.manifest("a.csv.manifest.json")
        self.assertIs(m["complete"], True)
        self.assertEqual((m["end_reason"], m["name"], m["seed"], m["seed_provided"], m["shard_num"], m["total_shards"]),
                         ("complete", "census", 4, True, 1, 4))
        self.assertEqual(m["tags"], {"vantage": "ams1", "note": 'a "b" \\ c'})
        self.assertEqual(m["send_start_time"], "2026-01-01T00:00:00+0000")
        self.assertEqual((m["targets"], m["total_sent"]), (1023, run.ledger["probes sent"]))
        self.assertEqual((m["target_ports"], m["packet_streams"], m["packets_sent"], m["output_filename"], m["output_filter"]),
                         ([443], 1, m["total_sent"], "a.csv", "success = 1 && repeat = 0"))
        self.assertEqual((m["success_total"], m["failure_total"]),
                         (run.ledger["SYN-ACK"], run.ledger.get("RST", 0) + run.ledger.get("ICMP error", 0)))
        self.assertRegex(m["reserved_registry_date"], r"^\d{4}-\d\d-\d\d$")
        self.assertRegex(m["scan_id"], "^[0-9a-f]{32}$")
        self.assertIs(m["ledger_balanced"], True)
        for term, count in run.ledger.items():
            self.assertEqual(m["ledger"][term], count, term)
        data = (self.folder / "a.csv").read_bytes()
        self.assertEqual(m["files"], [{"name": "a.csv", "rows": run.ledger["written"], "bytes": len(data),
                                       "sha256": hashlib.sha256(data).hexdigest()}])
        self.assertEqual(list(self.folder.glob("*.part")), [])

    def test_a_ping_that_is_answered_is_a_success(self):
        text = world(network("0.0.0.0/0", echo="30%", default={}), seed=9)
        run = self.scan(text, "20.6.0.0/24", "-M", "icmp_echoscan", "-c", "1", "-e", "4", *VIRTUAL, "-o", "a.csv")
        m = self.manifest("a.csv.manifest.json")
        self.assertEqual((m["success_total"], m["target_ports"]), (run.ledger["echo reply"], []))
        self.assertGreater(m["success_total"], 30)

    def test_digests_are_of_the_sets(self):
        listed = "20.6.0.0-20.6.0.255\n20.6.1.7-20.6.1.7\n20.6.3.255-20.6.3.255\n"
        self.scan(WORLD, "20.6.0.0/24", "20.6.1.7", "20.6.3.255", "20.6.0.9:80", "-p", "443,80-81", "-c", "1", *VIRTUAL, "-o", "a.csv")
        a = self.manifest("a.csv.manifest.json")
        self.assertEqual(a["targets_sha256"], hashlib.sha256((listed + "80\n81\n443\n").encode()).hexdigest())
        opted_out = self.write("no.conf", "20.6.9.9\n")
        self.scan(WORLD, "20.6.0.0/24", "20.6.1.7", "20.6.3.255", "-p", "443,80-81", "-c", "1", *VIRTUAL, "-o", "b.csv", "-b", opted_out)
        b = self.manifest("b.csv.manifest.json")
        self.assertEqual(b["targets_sha256"], a["targets_sha256"])
        self.assertNotEqual(b["exclusions_sha256"], a["exclusions_sha256"])
        self.assertEqual(b["excluded_addresses"], a["excluded_addresses"] + 1)
        self.assertNotIn("20.6.9.9", (self.folder / "b.csv.manifest.json").read_text())

    def test_none_for_a_stream_unless_asked(self):
        self.scan(WORLD, *FLAGS)
        self.assertEqual(list(self.folder.glob("*.manifest.json")), [])
        self.scan(WORLD, *FLAGS, "-m", "m.json")
        m = self.manifest("m.json")
        self.assertEqual([f["name"] for f in m["files"]], ["-"])

    def test_is_not_overwritten(self):
        self.write("a.csv.manifest.json", "precious")
        device, _ = self.device(WORLD)
        status, _, stderr = self.asdic("scan", "-i", device, *FLAGS, "-o", "a.csv")
        self.assertEqual(status, 2)
        self.assertRegex(stderr, "a.csv.manifest.json' exists")
        self.assertFalse((self.folder / "a.csv").exists())
        self.scan(WORLD, *FLAGS, "-o", "a.csv", "--force")
        self.assertTrue(self.manifest("a.csv.manifest.json")["complete"])

    def test_is_a_plain_file_of_its_own(self):
        for flags in (("-m", "-"), ("-m", "/dev/null", "--force"), ("-m", "a.csv"), ("-m", "s", "-u", "s")):
            with self.subTest(flags):
                device, _ = self.device(WORLD)
                status, _, stderr = self.asdic("scan", "-i", device, *FLAGS, "-o", "a.csv", *flags)
                self.assertEqual(status, 2, stderr)
                self.assertFalse((self.folder / "a.csv").exists())

    def test_says_why_a_scan_ended(self):
        self.scan(WORLD, *FLAGS, "-o", "a.csv", "-N", "5")
        self.assertEqual(self.manifest("a.csv.manifest.json")["end_reason"], "results")
        self.scan(WORLD, CIDR, "-p", "443", "-q", "-r", "500", "-o", "/dev/full", "-m", "m.json", status=1)
        m = self.manifest("m.json")
        self.assertEqual((m["end_reason"], m["output_error"]), ("output-failed", "No space left on device"))


class StatusFile(SimnetTest):
    def test_a_line_each_second_and_one_at_the_end(self):
        run = self.scan(WORLD, CIDR, "-p", "443", "-q", "-r", "400", "-c", "1", "-o", "a.csv", "--status-file", "s.csv")
        with open(self.folder / "s.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertTrue(run.seconds - 3 <= len(rows) <= run.seconds + 1, (len(rows), run.seconds))
        self.assertNotIn(None, rows[-1])
        sent = [int(row["sent-total"]) for row in rows]
        self.assertEqual(sent, sorted(sent))
        self.assertTrue(0 < sent[0] < 1024)
        last = rows[-1]
        self.assertEqual((sent[-1], float(last["percent-complete"])), (1024, 100))
        self.assertEqual(int(last["recv-success-total"]), run.ledger["responders"])
        self.assertEqual(int(last["recv-total"]), run.ledger["received"])
        self.assertEqual((last["time-remaining"], last["active-send-threads"]), ("0", "0"))

    def test_pings_are_successes_and_who_is_spared_is_done_with(self):
        text = world(network("0.0.0.0/0", echo="50%", latency={"max": "1ms"}), seed=6)
        run = self.scan(text, "20.0.0.0/22", "-M", "icmp_echoscan", "-q", "-r", "2k", "-c", "0", "-P", "2", "--set",
                        "probe.probe_delay=500ms", "-o", "a.csv", "--status-file", "s.csv")
        with open(self.folder / "s.csv", encoding="utf-8") as file:
            last = list(csv.DictReader(file))[-1]
        self.assertEqual(int(last["recv-success-total"]), run.ledger["hosts that echo"])
        self.assertGreater(float(last["hit-rate"]), 20)
        self.assertEqual(float(last["percent-complete"]), 100)

    def test_is_not_overwritten(self):
        self.write("s.csv", "precious\n")
        device, _ = self.device(WORLD)
        self.assertEqual(self.asdic("scan", "-i", device, *FLAGS, "-o", "a.csv", "--status-file", "s.csv")[0], 2)
        self.assertEqual((self.folder / "s.csv").read_text(), "precious\n")
        self.assertFalse((self.folder / "a.csv").exists())

    def test_a_file_that_cannot_be_written_is_told(self):
        device, _ = self.device(WORLD)
        status, _, stderr = self.asdic("scan", "-i", device, *FLAGS, "--status-file", "/dev/full")
        self.assertEqual((status, "No space left" in stderr), (1, True))


if __name__ == "__main__":
    unittest.main()
