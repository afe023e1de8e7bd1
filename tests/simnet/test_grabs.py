#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Grabs: every responder is adopted, talked with, and told of as the world says that it is."""

import base64
import collections
import hashlib
import ipaddress
import json
import os
import random
import re
import signal
import subprocess
import time
import unittest

import yaml

from harness import ASDIC, SANITIZED, VIRTUAL, CertifiedTest, network, truth, world

LONG = bool(os.environ.get("ASDIC_LONG"))
PATIENCE = 1800 if LONG else 300  # seconds of a scan
CERTIFICATES = {"folder": "certificates", "count": 12, "chain": "1-4", "names": "1-40",
                "keys": ["p256", "rsa2048"]}
TLS = "{name: tls, module: tls, ports: [443], timeout: 8s}"

# What a host of each service is found to be: the furthest stage, and what ended it.
NONE = {("hello_sent", "timeout")}
WHOLE = {("handshake", "complete")}


class GrabTest(CertifiedTest):
    CERTIFICATES = CERTIFICATES

    def arguments(self, cidr, grabs, ports):
        return ["-p", ports, "-o", "out.ndjson", "--force", "--set", f"grabs=[{', '.join(grabs)}]", cidr]

    def grab(self, text, cidr, *flags, grabs=(TLS,), ports="443", **keys):
        """A scan with grabs; run.records has its records by kind, run.rows the certificates told."""
        run = self.scan(text, *self.arguments(cidr, grabs, ports), *flags, **keys)
        run.text = (self.folder / "out.ndjson").read_text(encoding="utf-8")
        run.records = collections.defaultdict(list)
        for line in run.text.splitlines():
            record = json.loads(line)
            run.records[record["record"]].append(record)
        rows = self.folder / "out.certificates.ndjson"
        run.rows = [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []
        return run

    def services(self, text, cidr, port=443):
        """By the formula alone: (service, number of its certificate) of every open address."""
        described = truth.World(yaml.safe_load(text), str(self.folder))
        return described, {str(ipaddress.ip_address(address)): (name, number) for address, name, _, number
                           in truth.services(described, truth.read_ranges([cidr]), port)}

    def assert_one_each(self, records, expected):
        """One record for each of these addresses, and no other."""
        found = collections.Counter(record["ip"] for record in records)
        self.assertEqual(set(found), set(expected))
        self.assertEqual(set(found.values()) - {1}, set())

    def outcomes(self, records, services):
        """How the hosts of each service were found: {service: {(stage, cause), ...}}."""
        found = collections.defaultdict(set)
        for record in records:
            found[services[record["ip"]][0]].add((record["stage"], record["cause"]))
        return dict(found)


def shown(record):
    """SHA-256 of the leaf, from its bytes, and of the others, as they are referred to."""
    certificates = record["data"]["tls"]["result"]["handshake_log"]["server_certificates"]
    leaf = base64.b64decode(certificates["certificate"]["raw"])
    return hashlib.sha256(leaf).hexdigest(), [c["fingerprint_sha256"] for c in certificates.get("chain", [])]


class Truth(GrabTest):
    CIDR = f"20.16.0.0/{24 if SANITIZED else 16 if LONG else 21}"
    TEXT = world(network("0.0.0.0/0", ports={443: {"open": "90%", "closed": "5%",
                                                   "services": {"tls": "60%", "old": "10%", "silent": "5%"}}},
                         latency={"min": "5ms", "max": "300ms"}, synack_retries=3),
                 services={"old": {"kind": "tls", "versions": ["1.0", "1.1"]}},
                 certificates=CERTIFICATES, seed=7)

    def check(self, run, cidr=CIDR):
        described, services = self.services(self.TEXT, cidr)
        records = run.records["tls"]
        self.assert_one_each(records, services)
        self.assertEqual(self.outcomes(records, services),
                         {"tls": WHOLE, "old": WHOLE, "silent": NONE, "none": NONE})
        told = {row["fingerprint_sha256"]: base64.b64decode(row["raw"]) for row in run.rows}
        self.assertEqual(len(told), len(run.rows), "each certificate is told once")
        for digest, der in told.items():
            self.assertEqual(hashlib.sha256(der).hexdigest(), digest)
        for record in records:
            service, number = services[record["ip"]]
            if service in ("tls", "old"):
                leaf, others = shown(record)
                self.assertEqual(leaf, described.leaf(number), record["ip"])
                self.assertEqual(len(others), number % 4, "chains have 1 to 4 certificates in turn")
                self.assertEqual(set(others) - set(told), set())
        self.assertEqual(run.ledger["responders"], len(services))
        self.assertEqual(run.ledger["adopted"], len(services))

    def test_every_certificate_is_the_worlds(self):
        self.check(self.grab(self.TEXT, self.CIDR, *VIRTUAL[:2], "-q", "-r", "20k", timeout=PATIENCE))

    def test_on_two_lcores_in_real_time(self):
        grab = TLS.replace("8s", "30s") if LONG else TLS
        self.check(self.grab(self.TEXT, self.CIDR, "-q", "-r", "2k", "--lcores", "2", "-c", "2", grabs=[grab],
                             timeout=PATIENCE))

    @unittest.skipUnless(LONG, "with --all: in real time, and as slow as the machine")
    def test_more_than_a_lcore_carries(self):
        """At 20,000 a second all have answered before a tenth is talked with: none runs into its deadline."""
        cidr = "20.16.0.0/19"
        self.check(self.grab(self.TEXT, cidr, "-q", "-r", "20k", "-c", "2", grabs=[TLS]), cidr)

    def test_four_times_more_than_there_is_room_for(self):
        """Slower than asked, and still every one: a third of them hold their connection for 8 s."""
        rate, connections = 1000, 512
        self.assertGreater(rate * 0.9 * 0.3 * 8, 4 * connections)
        run = self.grab(self.TEXT, self.CIDR, *VIRTUAL[:2], "-q", "-r", rate, "--set",
                        f"limits.connections={connections}", timeout=PATIENCE)
        self.check(run)

    def test_a_seed_replays(self):
        flags = (*VIRTUAL[:2], "-q", "-r", "20k", "-e", "1")
        first = self.grab(self.TEXT, "20.16.0.0/25", *flags).text
        self.assertEqual(first, self.grab(self.TEXT, "20.16.0.0/25", *flags).text)


class Killed(GrabTest):
    """Killed at any moment and gone on with: every host's grab, each once, and each certificate."""

    CIDR = f"20.16.0.0/{25 if SANITIZED else 22}"
    KILLS = 1 if SANITIZED else 4

    def test_goes_on(self):
        text = world(network("0.0.0.0/0", ports={443: {"open": "90%", "services": {"tls": "90%", "silent": "5%"}}},
                             latency={"min": "5ms", "max": "200ms"}, synack_retries=3),
                     certificates=CERTIFICATES, seed=8)
        described, services = self.services(text, self.CIDR)
        device, _ = self.device(text)
        command = [ASDIC, "scan", "-i", device, "-q", "-r", "300", "-c", "1", "-e", "5", *self.arguments(
            self.CIDR, [TLS.replace("8s", "5s")], "443")]
        command.remove("--force")
        chance = random.Random(9)
        for kill in range(self.KILLS):
            process = subprocess.Popen(command + ["--resume"] * (kill > 0), cwd=self.folder,
                                       stderr=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            end = time.monotonic() + 60
            while not list(self.folder.glob("*.checkpoint")) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(chance.uniform(0.5, 2))
            process.kill()
            process.wait()
        done = subprocess.run(command + ["--resume"], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]
        scans = [{"ip": r["saddr"]} for r in records if r["record"] == "scan"]
        grabs = [r for r in records if r["record"] == "tls"]
        self.assert_one_each(scans, services)
        self.assert_one_each(grabs, services)
        for record in grabs:
            service, number = services[record["ip"]]
            if service == "tls":
                self.assertEqual(shown(record)[0], described.leaf(number))
        rows = [json.loads(line)["fingerprint_sha256"] for line in
                (self.folder / "out.certificates.ndjson").read_text().splitlines()]
        self.assertEqual(len(rows), len(set(rows)), "a certificate is told once")


class Faults(GrabTest):
    CIDR = f"20.16.0.0/{25 if SANITIZED else 22}"

    def test_losses(self):
        """Who answered is heard to the end, at any loss that TCP bears; nobody is taken for another."""
        for loss in ("1%", "5%", "20%"):
            with self.subTest(loss=loss):
                text = world(network("0.0.0.0/0", ports={443: {"open": "100%", "service": "tls"}},
                                     latency={"min": "5ms", "max": "100ms"},
                                     loss={"out": loss, "back": loss}, reorder=loss, duplicate=loss,
                                     synack_retries=5), certificates=CERTIFICATES)
                described, services = self.services(text, self.CIDR)
                grab = TLS.replace("8s", "60s")
                run = self.grab(text, self.CIDR, *VIRTUAL[:2], "-q", "-r", "20k", "-c", "35", grabs=[grab])
                whole = [r for r in run.records["tls"] if r["cause"] == "complete"]
                for record in whole:
                    self.assertEqual(shown(record)[0], described.leaf(services[record["ip"]][1]))
                self.assertEqual(run.ledger["adopted"], run.ledger["responders"])
                self.assertEqual(len(run.records["tls"]), run.ledger["adopted"])
                # A try of four that are lost at 20% each way ends a connection now and then.
                least = {"1%": 1.0, "5%": 0.99, "20%": 0.7}[loss]
                self.assertGreaterEqual(len(whole), least * len(run.records["tls"]))

    def test_each_service(self):
        kinds = {
            "tls": ("tls", {("handshake", "complete")}),
            "ssh": ({"banner": "SSH-2.0-OpenSSH_9.2\r\n"}, {("hello_sent", "not_tls")}),
            "silent": ("silent", {("hello_sent", "timeout")}),
            "none": ("none", {("hello_sent", "timeout")}),
            "closed": ({"kind": "none", "window": 0}, {("connect", "timeout")}),
            "reset1": ({"kind": "tls", "reset": "ack"}, {("hello_sent", "reset"), ("connect", "reset")}),
            "reset2": ({"kind": "tls", "reset": "data"}, {("hello_sent", "reset")}),
            "record": ({"malformed": "record"}, {("hello_sent", "not_tls")}),
            "alert": ({"malformed": "alert"}, {("hello_sent", "alert")}),
            "bytes": ({"kind": "tls", "segment": 1}, {("handshake", "complete")}),
            "small": ({"kind": "tls", "mss": 88}, {("handshake", "complete")}),
        }
        services = {name: kind for name, (kind, _) in kinds.items() if not isinstance(kind, str)}
        text = world(network("0.0.0.0/0", ports={443: {"open": "100%", "services": {
            name: f"{100 // len(kinds)}%" for name in kinds}}}, synack_retries=3,
            latency={"min": "5ms", "max": "50ms"}), services=services, certificates=CERTIFICATES)
        _, found = self.services(text, "20.16.0.0/24")
        run = self.grab(text, "20.16.0.0/24", *VIRTUAL[:2], "-q", "-r", "20k")
        self.assert_one_each(run.records["tls"], found)
        for name, outcomes in self.outcomes(run.records["tls"], found).items():
            with self.subTest(service=name):
                self.assertLessEqual(outcomes, kinds[name][1])

    def test_old_servers_get_another_look(self):
        text = world(network("0.0.0.0/0", ports={443: {"open": "100%", "service": "old"}}, synack_retries=3),
                     services={"old": {"kind": "tls", "versions": "1.0"}}, certificates=CERTIFICATES)
        grab = "{module: tls, versions: [ssl2, ssl3, tls1.3], timeout: 3s}"
        run = self.grab(text, "20.16.0.0/28", *VIRTUAL[:2], "-q", "-r", "20k", grabs=[grab])
        looks = collections.Counter(record["ip"] for record in run.records["tls"])
        self.assertEqual(run.ledger["adopted"], 16)
        self.assertEqual(run.ledger["other looks opened"], 16, run.stderr)
        self.assertEqual(set(looks.values()), {2})
        self.assertEqual({(r["look"], r["cause"]) for r in run.records["tls"] if "look" in r},
                         {("weak", "complete")})


class Banners(GrabTest):
    TEXT = world(network("0.0.0.0/0", ports={
        22: {"open": "100%", "service": {"banner": "SSH-2.0-OpenSSH_9.2\r\n"}},
        80: {"open": "100%", "service": {"banner": "HTTP/1.0 200 OK\r\n\r\nhello", "after": "blank",
                                         "close": "fin"}},
        23: {"open": "100%", "service": {"kind": "tarpit", "text": "wait ", "every": "1s"}},
        19: {"open": "100%", "service": {"kind": "endless", "text": "all work "}}}, synack_retries=3))

    def banners(self, port, grab):
        run = self.grab(self.TEXT, "20.16.0.0/26", *VIRTUAL[:2], "-q", "-r", "20k", grabs=[grab],
                        ports=str(port))
        self.assertEqual(len(run.records["banner"]), 64)
        return [(r["data"]["b"]["result"], r["stage"], r["cause"]) for r in run.records["banner"]]

    def test_read_first(self):
        for result, stage, cause in self.banners(22, "{name: b, module: banner}"):
            self.assertEqual(result, {"banner": "SSH-2.0-OpenSSH_9.2\r\n", "length": 21, "truncated": False})
            self.assertEqual((stage, cause), ("data", "complete"))

    def test_send_a_line(self):
        grab = '{name: b, module: banner, send: "GET / HTTP/1.0\\r\\n\\r\\n"}'
        for result, stage, cause in self.banners(80, grab):
            self.assertEqual(result["banner"], "HTTP/1.0 200 OK\r\n\r\nhello")
            self.assertEqual((stage, cause), ("data", "complete"))

    def test_a_tarpit_has_its_time_and_no_more(self):
        for result, stage, _ in self.banners(23, "{name: b, module: banner, timeout: 10s}"):
            self.assertLessEqual(result["length"], 10)
            self.assertEqual(stage, "data")

    def test_bytes_are_bounded(self):
        for result, _, cause in self.banners(19, "{name: b, module: banner, max_bytes: 100}"):
            self.assertEqual((result["length"], result["truncated"], cause), (100, True, "complete"))


class Signals(GrabTest):
    def adopted(self, status):
        """By the status file, which has a line a second; nobody of these ends by itself."""
        rows = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
        column = rows[0].split(",").index("recv-success-total") if rows else 0
        return int(rows[-1].split(",")[column]) if len(rows) > 1 else 0

    def stop_twice(self, service, grab, count, port):
        """Ctrl-C twice while so many connections are open: out within a second, with books that are right."""
        text = world(network("0.0.0.0/0", default={"open": "100%"}, service=service))
        device, _ = self.device(text, connections=262144)
        status = self.folder / "status.csv"
        process = subprocess.Popen(
            [ASDIC, "scan", "-i", device, "-q", "-r", "100k", "--status-file", str(status), *self.arguments(
                f"20.16.0.0/{32 - (count - 1).bit_length()}", [grab], port)],
            stderr=subprocess.PIPE, cwd=self.folder, text=True)
        self.addCleanup(process.kill)
        end = time.monotonic() + 240
        while time.monotonic() < end and self.adopted(status) < count:
            time.sleep(0.1)
        self.assertGreaterEqual(self.adopted(status), count)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        stderr = process.communicate(timeout=60)[1]
        # A second of a CPU of its own: as long again for each process that has to share it.
        self.assertLess(time.monotonic() - start, 30 if SANITIZED else 1 + os.getloadavg()[0])
        self.assertEqual(process.returncode, 130)
        self.assertIn("ledger, balanced", stderr)
        self.assertGreaterEqual(int(re.search(r"grabs stopped (\d+)", stderr)[1]), count)

    def test_silent_acceptors(self):
        count = 1000 if SANITIZED else 100000 if LONG else 16384
        self.stop_twice("none", "{module: banner, timeout: 300s}", count, "22")

    def test_tarpits(self):
        """They go on before a silence of theirs would be the end."""
        service = {"kind": "tarpit", "text": "wait ", "every": "400ms"}
        self.stop_twice(service, "{module: banner, timeout: 300s}", 1000 if SANITIZED else 8192, "22")

    def test_silent_servers_of_tls(self):
        count = 500 if SANITIZED else 32768 if LONG else 4096
        self.stop_twice("none", "{module: tls, timeout: 300s}", count, "443")


    def test_who_was_talked_with_is_talked_with_again(self):
        """A grab that ctrl-C cut short is left to the run that goes on: each host has one record, the whole one."""
        hosts = 256
        text = world(network("0.0.0.0/0", default={"open": "100%"}, service="none"))
        device, _ = self.device(text)
        flags = ["scan", "-i", device, "-q", "-r", "10k", "-e", "1", "-c", "1", "-p", "22", "-o", "out.ndjson", "--set",
                 "grabs={module: banner, timeout: 6s}", "20.16.0.0/24"]
        with subprocess.Popen([ASDIC, *flags, "-u", "status.csv"], stderr=subprocess.PIPE, cwd=self.folder) as scan:
            end = time.monotonic() + 60
            while time.monotonic() < end and self.adopted(self.folder / "status.csv") < hosts:
                time.sleep(0.05)
            for _ in range(2):
                scan.send_signal(signal.SIGINT)
                time.sleep(0.2)
            stderr = scan.stderr.read().decode()
        self.assertIn("ledger, balanced", stderr)
        path = self.folder / "out.ndjson"
        self.assertNotIn('"stopped"', path.read_text(encoding="utf-8"))
        status, _, stderr = self.asdic(*flags, "--resume")
        self.assertEqual(status, 0, stderr)
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        banners = [(r["ip"], r["cause"]) for r in records if r["record"] == "banner"]
        self.assertEqual(sorted(banners), sorted((f"20.16.0.{i}", "timeout") for i in range(hosts)))
        self.assertEqual(len(records), 2 * hosts)


class Exhausted(GrabTest):
    def test_who_finds_no_room_is_declined_and_counted(self):
        """Hosts that hold all there is for a minute: others wait for ten seconds, and are told of."""
        hosts, connections = 1024, 64
        text = world(network("0.0.0.0/0", ports={22: {"open": "100%", "service": "none"}}, synack_retries=3))
        run = self.grab(text, "20.16.0.0/22", *VIRTUAL[:2], "-q", "-r", "1k", "--set",
                        f"limits.connections={connections}", grabs=["{module: banner, timeout: 60s}"], ports="22")
        ledger = run.ledger
        self.assertEqual(ledger["responders"], hosts)
        self.assertEqual(ledger["adopted"] + ledger["declined for want of a connection"], hosts)
        self.assertGreaterEqual(ledger["adopted"], connections)
        self.assertEqual(len(run.records["banner"]), ledger["adopted"])
        self.assertEqual(len(run.records["scan"]), hosts, "each is told of as open")


class Jobs(GrabTest):
    def refused(self, *settings):
        arguments = [argument for setting in settings for argument in ("--set", setting)]
        status, _, stderr = self.asdic("check", "-i", "net_null0", "-p", "443", *arguments)
        self.assertEqual(status, 2)
        return stderr

    def test_records_that_nobody_takes(self):
        self.assertIn("no grab makes any", self.refused("output.records=[tls]", "output.format=ndjson"))
        self.assertIn("have no columns", self.refused("grabs=[{module: tls}]", "output.records=[tls]"))

    def test_what_is_of_another_module(self):
        self.assertIn("'sni' is of module tls", self.refused("grabs=[{module: banner, sni: none}]"))
        self.assertIn("'module' is missing", self.refused("grabs=[{name: x}]"))
        self.assertIn("another grab already", self.refused("grabs=[{module: tls}, {module: tls}]"))


if __name__ == "__main__":
    unittest.main()
