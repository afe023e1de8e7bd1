#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What accepts a connection and is no service is told apart from what is."""

import json
import unittest

from harness import OPEN, VIRTUAL, Targets, network, world
from test_grabs import CERTIFICATES, GrabTest

# Each kind of host, and what a grab that says something finds it to be.
KINDS = {
    "tls": ("tls", {"spoke"}),
    "ssh": ({"banner": "SSH-2.0-OpenSSH_9.2\r\n"}, {"spoke"}),
    "record": ({"malformed": "record"}, {"spoke"}),
    "alert": ({"malformed": "alert"}, {"spoke"}),
    "half": ({"kind": "tls", "silent_after": 100}, {"spoke"}),
    "slow": ({"kind": "tarpit", "text": "wait ", "every": "1s"}, {"spoke"}),
    "late": ({"kind": "tarpit", "text": "wait ", "every": "60s"}, {"silent"}),
    "none": ("none", {"silent"}),
    "mute": ({"kind": "tls", "silent_after": 0}, {"silent"}),
    "silent": ("silent", {"unacknowledged"}),
    "reset1": ({"kind": "none", "reset": "ack"}, {"reset"}),
    "reset2": ({"kind": "tls", "reset": "data"}, {"reset"}),
    "reset3": ({"kind": "tls", "reset": "response"}, {"spoke"}),
    "fin": ({"banner": "", "close": "fin"}, {"closed"}),
    "fin2": ({"banner": "", "after": "data", "close": "fin"}, {"closed"}),
    "fin3": ({"banner": "", "window": 0, "close": "fin"}, {"closed"}),
    "window": ({"kind": "none", "window": 0}, {"zero_window"}),
}
SERVICES = {name: kind for name, (kind, _) in KINDS.items() if not isinstance(kind, str)}


class Accepting(GrabTest):
    CIDR = "20.16.0.0/24"

    def text(self, **keys):
        return world(network("0.0.0.0/0", ports={443: {"open": "100%", "services": {
            name: f"{100 // len(KINDS)}%" for name in KINDS}}}, synack_retries=3,
            latency={"min": "5ms", "max": "50ms"}, **keys), services=SERVICES, certificates=CERTIFICATES)

    def found(self, grab, text):
        """{kind of host: what its records say of the service}."""
        _, hosts = self.services(text, self.CIDR)
        run = self.grab(text, self.CIDR, *VIRTUAL[:2], "-q", "-r", "20k", grabs=[grab])
        found = {}
        for record in run.records["tls"] + run.records["banner"]:
            found.setdefault(hosts[record["ip"]][0], set()).add(record.get("service"))
        self.assertEqual(set(found), set(KINDS))
        return found

    def test_told_by_a_hello(self):
        found = self.found("{module: tls, timeout: 8s}", self.text())
        for name, services in found.items():
            with self.subTest(kind=name):
                self.assertEqual(services, KINDS[name][1])

    def test_told_by_a_line(self):
        """The same by a banner grab that says something; servers of TLS hear no TLS and may close."""
        found = self.found('{module: banner, send: "GET / HTTP/1.0\\r\\n\\r\\n", timeout: 8s}', self.text())
        for name, services in found.items():
            with self.subTest(kind=name):
                if name not in ("tls", "half", "mute", "reset2", "reset3", "record", "alert"):
                    self.assertEqual(services, KINDS[name][1])

    def test_nothing_is_known_of_who_was_not_asked(self):
        found = self.found("{module: banner, timeout: 8s}", self.text())
        for name in ("none", "silent", "tls", "fin2"):
            self.assertEqual(found[name], {"unasked"}, name)
        self.assertEqual(found["ssh"], {"spoke"})
        self.assertEqual(found["window"], {"zero_window"})
        self.assertEqual(found["fin"], {"closed"})

    def test_losses_make_no_service_of_what_is_none(self):
        """Nor the other way round: what acknowledged once has acknowledged."""
        text = self.text(loss={"out": "5%", "back": "5%"})
        found = self.found("{module: tls, timeout: 30s}", text)
        for name in ("none", "late", "mute"):
            self.assertLessEqual(found[name], {"silent"}, name)
        self.assertEqual(found["silent"], {"unacknowledged"})
        self.assertEqual(found["window"], {"zero_window"})


class Networks(GrabTest):
    """What acknowledges everything is told as a network, beside hosts that are services or merely mute."""

    NETWORKS = (
        network("198.18.4.0/22", default={"open": "100%"}, service="none"),  # a middlebox
        network("198.18.9.0/24", default={"open": "99%"}, service="silent"),  # another, of another kind
        network("198.18.10.0/24", default={"open": "100%"}, services={"none": "90%", "ssh": "10%"}),
        network("198.18.11.0/24", default={"open": "60%"}, service="none"),  # some are mute
        network("198.18.0.0/16", default={"open": "30%"}, service="ssh"),
    )
    TEXT = world(*NETWORKS, seed=3, services={"ssh": {"banner": "SSH-2.0-OpenSSH_9.2\r\n"}})
    GRAB = '{module: banner, send: "hello\\r\\n", timeout: 2s}'

    def told(self, *flags, cidr="198.18.0.0/20", ports="22", **keys):
        run = self.grab(self.TEXT, cidr, *VIRTUAL[:2], "-q", "-r", "50k", *flags, grabs=[self.GRAB], ports=ports,
                        **keys)
        manifest = json.loads((self.folder / "out.ndjson.manifest.json").read_text())
        networks = manifest["ack_everything_networks"]
        self.assertEqual(manifest["ack_everything_count"], len(networks))
        self.assertEqual(manifest["ack_everything_responders"], sum(n["accepted"] for n in networks))
        return run, {n["network"]: (n["probed_targets"], n["accepted"]) for n in networks}

    def accepting(self, cidr, port):
        return len(Targets(cidr, ports=[port]).in_state(self.TEXT, OPEN))

    def test_as_networks(self):
        run, told = self.told("--set", "targets.allow_reserved=[198.18.0.0/15]")
        self.assertEqual(told, {"198.18.4.0/22": (1024, 1024),
                                "198.18.9.0/24": (256, self.accepting("198.18.9.0/24", 22))})
        self.assertRegex(run.stderr, r"asdic: \d+ of the responders are no hosts: 2 networks acknowledge everything")
        _, told = self.told("--set", "targets.allow_reserved=[198.18.0.0/15]", ports="22,80,443")
        self.assertEqual(told["198.18.4.0/22"], (3 * 1024, 3 * 1024))
        self.assertEqual(set(told), {"198.18.4.0/22", "198.18.9.0/24"})

    def test_of_what_was_probed(self):
        """A shard, a part, listed pairs, exclusions: what was not asked says nothing."""
        lab = "--set", "targets.allow_reserved=[198.18.0.0/15]"
        _, told = self.told(*lab, "--shard", "2/4")
        self.assertEqual(set(told), {"198.18.4.0/22", "198.18.9.0/24"})
        for probed, accepted in told.values():
            self.assertLessEqual(accepted, probed)
        probed, accepted = told["198.18.4.0/22"]
        self.assertEqual(probed, accepted)
        self.assertLess(abs(probed - 256), 80)
        pairs = [f"198.18.6.{host}:{1000 + host}" for host in range(100)] + ["198.18.9.0/29"]
        _, told = self.told(*lab, *pairs, "-b", self.write("no.conf", "198.18.6.0/30\n"), cidr="198.18.4.0/29")
        self.assertEqual(told, {"198.18.6.0/24": (96, 96)})

    def test_none(self):
        run, told = self.told("--set", "targets.allow_reserved=[198.18.0.0/15]", cidr="198.18.10.0/23")
        self.assertEqual(told, {})
        self.assertNotIn("no hosts", run.stderr)


if __name__ == "__main__":
    unittest.main()
