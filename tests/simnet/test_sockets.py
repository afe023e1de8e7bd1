#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Under strace: whatever looks names up, over UDP and TCP, at resolvers and from the root down, no socket of the kernel's
does, and nobody reads what the machine has to say of resolvers and hosts."""

import json
import os
import re
import subprocess
import unittest


from harness import ASDIC, CertifiedTest, network, world

FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/hostname", "/etc/services",
         "/etc/gai.conf", "/run/systemd/resolve")
# All calls that name a file or make a socket, whatever the libraries of this or another Debian use.
CALLS = "trace=socket,socketpair,connect,bind,sendto,sendmsg,sendmmsg,open,openat,openat2,stat,lstat,newfstatat,statx,access"
FAMILIES = re.compile(r"\b(socket|socketpair)\((AF_\w+|PF_\w+|0x[0-9a-f]+|\d+)")
PRIVATE = ("AF_UNIX", "AF_LOCAL", "AF_NETLINK")

CERTIFICATES = {"folder": "certificates", "count": 2, "chain": "1", "names": "1-3", "keys": ["p256"]}


def dns(first, last, **keys):
    return network(f"11.9.{first}.0/29", ports={53: {"open": "100%", "service": {"kind": "dns", **keys}}},
                   latency={"min": "1ms", "max": "5ms"})


# Half of all answers are cut off, and come over TCP.
TEXT = world(dns(0, 7), dns(1, 7, authority=True), network("20.1.0.0/26", ports={443: {"open": "50%", "service": "web"}}),
             services={"web": {"kind": "tls"}}, certificates=CERTIFICATES,
             names={"truncated": "50%", "addresses": "20.1.0.0/26"}, seed=3,
             zones=[{"zone": ".", "servers": [{"name": "a.root", "address": "11.9.1.1"}]},
                    {"zone": "example", "servers": [{"name": "ns.example", "address": "11.9.1.2"}]}])


def trace(folder, arguments):
    """Runs a program; what came of it, and the calls that it and all that it started have made."""
    path = folder / "trace"
    done = subprocess.run(["strace", "-f", "-qq", "-s", "4096", "-e", CALLS, "-o", str(path), *map(str, arguments)],
                          cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
    return done, path.read_text(errors="replace").splitlines()


def can_trace():
    return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def told(calls):
    """What of the calls is a kernel's network, or the machine's word on names."""
    found = []
    for call in calls:
        family = FAMILIES.search(call)
        if family and family[2] not in PRIVATE:
            found.append(call)
        elif any(f'"{name}' in call for name in FILES):
            found.append(call)
        elif re.search(r"sa_family=AF_INET", call):
            found.append(call)
    return found


@unittest.skipUnless(can_trace(), "nobody may trace here")
class Sockets(CertifiedTest):
    CERTIFICATES = CERTIFICATES

    def setUp(self):
        super().setUp()
        # c-ares would read these, if it were asked to.
        os.environ.update(RES_OPTIONS="attempts:1", LOCALDOMAIN="lab.example", HOSTALIASES="/etc/hosts")
        for name in ("RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"):
            self.addCleanup(os.environ.pop, name)

    def clean(self, *arguments):
        """Records of a run that makes no such call."""
        device, _ = self.device(TEXT)
        done, calls = trace(self.folder, [ASDIC, arguments[0], "-i", device, "-q", "-o", "out.ndjson", "--force",
                                          *arguments[1:]])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ledger, balanced:", done.stderr)
        self.assertTrue([call for call in calls if "world-" in call], "strace has seen nothing")
        self.assertEqual(told(calls), [])
        return [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]

    def names(self):
        return self.write("names.txt", "".join(f"n{i}.example\n" for i in range(60)))

    def check_answers(self, records):
        results = [result for record in records for result in record["results"].values()]
        self.assertGreaterEqual({result["status"] for result in results}, {"NOERROR"})
        self.assertEqual({result["data"]["protocol"] for result in results}, {"udp", "tcp"})

    def test_what_is_looked_for_is_seen(self):
        program = "import socket; socket.socket(); socket.socket(socket.AF_INET6); open('/etc/hosts')"
        _, calls = trace(self.folder, ["sh", "-c", f'/usr/bin/python3 -c "{program}"'])
        self.assertEqual(len(told(calls)), 3, told(calls))

    def test_resolvers(self):
        records = self.clean("dns", self.names(), "--resolvers", "11.9.0.1,11.9.0.2", "--types", "A,TXT")
        self.assertEqual(len(records), 60)
        self.check_answers(records)

    def test_from_the_root_down(self):
        records = self.clean("dns", self.names(), "--set", "dns.mode=direct", "--resolvers", "11.9.1.1", "--types", "A")
        self.assertEqual(len(records), 60)
        self.check_answers(records)

    def test_scan(self):
        """A list of targets by name, certificates, responders: all at once, in two processes."""
        lookups = [{"names": "certificates", "types": ["A"]}, {"names": "responders", "types": ["PTR"]}]
        records = self.clean("scan", "-I", self.names(), "-p", "443", "-c", "1", "--resolvers", "11.9.0.1",
                             "--set", "grabs=[{module: tls}]", "--set", f"dns.lookups={json.dumps(lookups)}")
        self.assertEqual({record["origin"] for record in records if record["record"] == "dns"},
                         {"target", "certificate", "responder"})
        self.check_answers([record for record in records if record["record"] == "dns"])
        self.assertTrue([record for record in records if record["record"] == "tls"])


if __name__ == "__main__":
    unittest.main()
