#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What accepts a connection and is no service is told apart from what is."""

import unittest

from harness import VIRTUAL, network, world
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


if __name__ == "__main__":
    unittest.main()
