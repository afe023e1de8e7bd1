#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A hundred names on one address of nginx, each with a certificate of its own: all of them are seen in one
run, the first on the scan's own connection, the others one after another; so are two on another address."""

import base64
import collections
import functools
import hashlib
import subprocess

from grabs import SYN, TLS, Servers, Tap, der
from lab import DRIVERS, Lab, Link, Target, World, equal, main, run, wait_for

HOST, PAIR, NAMELESS = "10.91.1.1", "10.91.1.2", "10.91.1.3"
NAMES = {HOST: [f"n{number}.lab.example" for number in range(100)],
         PAIR: ["n7.lab.example", "pair.lab.example"], NAMELESS: []}
SERVED = sorted({name for names in NAMES.values() for name in names})
OTHERS = "other.lab.example" # whom nginx shows to those that ask for nobody it knows


class NamedServers(Servers):
    """nginx, with a server for each name on every address."""

    def __init__(self, lab):
        world = World(seed=1, open_count=0, closed_count=0)
        world.open = set(NAMES)
        Target.__init__(self, lab, world, ports=())

    @staticmethod
    def sans_of(name):
        return [name]

    def serve(self, _ports):
        folder = self.lab.folder / "servers"
        folder.mkdir()
        self.log = open(folder / "log", "wb")
        self.lab.stack.callback(self.log.close)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key")
        for name in (OTHERS, *SERVED):
            sans = ",".join(f"DNS:{each}" for each in self.sans_of(name))
            subprocess.run(["openssl", "req", "-x509", *key, "-days", "9", "-subj", f"/CN={name}", "-addext",
                            f"subjectAltName={sans}", "-out", f"{name}.pem"], cwd=folder, check=True, capture_output=True)
            key = ("-key", "key")
        self.leaves = {name: hashlib.sha256(der((folder / f"{name}.pem").read_text())).hexdigest()
                       for name in (OTHERS, *SERVED)}
        listens = "".join(f"listen {address}:{TLS} ssl;\n" for address in NAMES)
        servers = "".join(f"""server {{ {listens} server_name {name}; return 204;
            ssl_certificate {name}.pem; ssl_certificate_key key; }}\n""" for name in (OTHERS, *SERVED))
        paths = "".join(f"{module}_temp_path {folder}/{module};\n" for module in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "conf").write_text(f"""
            daemon off; master_process off; user root; pid {folder}/pid; error_log stderr error;
            events {{ worker_connections 1024; }}
            http {{ access_log off; {paths} ssl_protocols TLSv1.2 TLSv1.3; {servers} }}""")
        self.start("nginx", "-c", str(folder / "conf"), folder=folder)
        wait_for(lambda: {(address, TLS) for address in NAMES} <= self.listening(), "nginx", 60)


def test(lab: Lab):
    target = NamedServers(lab)
    link = Link(lab, target)
    tap = Tap(link)
    path = lab.folder / "names.csv"
    # In disorder, and some twice.
    path.write_text("".join(f"{address},{name}\n" for address, names in NAMES.items()
                            for name in (*reversed(names), *(name.upper() for name in names[:3]))) + f"{NAMELESS}\n")

    @functools.cache
    def seen(driver):
        tap.frames()
        result = link.scan(driver, {
            "targets": {"include": [], "include_files": [str(path)], "ports": [TLS]}, "rate": 5000, "order": {"seed": 1},
            "grabs": [{"module": "tls", "certificates": "inline"}], "limits": {"cooldown": "1s"}}).expect(0)
        return result, tap.frames()

    def each_name_shows_its_certificate(driver):
        result, _ = seen(driver)
        found = collections.defaultdict(list)
        for record in result.records():
            if record["record"] != "tls":
                continue
            name = record.get("domain")
            found[record["ip"]].append(name)
            equal((record["stage"], record["cause"], record["service"]), ("handshake", "complete", "spoke"), f"{name}")
            certificates = record["data"]["tls"]["result"]["handshake_log"]["server_certificates"]
            equal(hashlib.sha256(base64.b64decode(certificates["certificate"]["raw"])).hexdigest(),
                  target.leaves[name or OTHERS], f"the certificate of {name}")
            equal(certificates.get("validation", {}).get("matches_domain"), True if name else None, f"{name} is matched")
        equal({address: sorted(names, key=str) for address, names in found.items()},
              {address: sorted(names) or [None] for address, names in NAMES.items()}, "names that have a record")
        ledger = result.ledger()
        equal((ledger["adopted"], ledger["further names opened"]), (len(NAMES), 99 + 1), "connections")

    def one_after_another(driver):
        """The first is the scan's; no two are open at once."""
        _, frames = seen(driver)
        flows = collections.defaultdict(list)
        for at, frame in enumerate(frames):
            flows[frame.host, frame.client, frame.sport].append((at, frame))
        spans = collections.defaultdict(list)
        for (host, _, _), flow in flows.items():
            # A port may serve again: each SYN begins a connection.
            begins = [at for at, frame in flow if frame.ours and frame.flags & SYN]
            data = [at for at, frame in flow if frame.data_len > 0]
            for begin, end in zip(begins, [*begins[1:], len(frames)]):
                spans[host].append((begin, max(at for at in data if begin < at < end)))
        equal({host: len(each) for host, each in spans.items()}, {HOST: 100, PAIR: 2, NAMELESS: 1}, "connections to each")
        for host, each in spans.items():
            each.sort()
            for (_, end), (begin, _) in zip(each, each[1:]):
                assert end < begin, f"two connections to {host} at once"

    return run([(f"{driver}: {title}", functools.partial(case, driver)) for driver in DRIVERS for title, case in (
        ("each name shows its certificate", each_name_shows_its_certificate),
        ("one after another", one_after_another))])


if __name__ == "__main__":
    main(test)
