#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Grabs of real servers behind a real kernel: what asdic's own TCP and its TLS see is what a kernel's
socket and OpenSSL's client see of the same servers, on a good link, with SYN cookies, with a small
MSS, and with losses. The scan's own SYN is the connection's, and the only one."""

import base64
import collections
import functools
import hashlib
import pathlib
import re
import selectors
import socket
import struct
import subprocess
import threading

from lab import DRIVERS, Lab, Link, Target, World, command, equal, main, packet_socket, run, wait_for

TLS, TLS_ANYWHERE = 443, 4433 # gnutls-serv knows no address, so it has a port of its own
SSH, HTTP, ECHO, SILENT = 22, 80, 7, 9
PORTS = (TLS, TLS_ANYWHERE, SSH, HTTP, ECHO, SILENT)
SSH_SAYS = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
SWARM = 24 # more addresses of nginx, for losses to have something to hit
LOSS_PERCENT, MARK = 5, 100

# What lib/tls offers, in its order.
OFFER = ("-cipher", "ALL:+aNULL:eNULL:@SECLEVEL=0",
         "-ciphersuites", "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                          "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
         "-groups", "X25519:P-256:P-384:P-521:X448:brainpoolP512r1:brainpoolP384r1:brainpoolP256r1:"
                    "secp256k1:ffdhe2048:ffdhe3072",
         "-min_protocol", "TLSv1", "-legacy_server_connect")
GROUPS = {"prime256v1": "secp256r1"} # OpenSSL's names that are not IANA's
VERSIONS = {"TLSv1": "TLSv1.0"}

GRABS = [
    {"module": "tls", "ports": [TLS, TLS_ANYWHERE], "certificates": "inline"},
    {"name": "ssh", "module": "banner", "ports": [SSH]},
    {"name": "http", "module": "banner", "ports": [HTTP], "send": REQUEST.decode()},
    {"name": "echo", "module": "banner", "ports": [ECHO], "send": "hello\r\n"},
    {"name": "silent", "module": "banner", "ports": [SILENT], "timeout": "1s"},
]

# Servers of OpenSSL: name, certificate, arguments. Whatever they allow is asked of them.
WEAK = ("-cipher", "ALL:@SECLEVEL=0")
OPENSSL = [
    ("TLS 1.0", "rsa", ("-tls1", *WEAK)),
    ("TLS 1.1", "ec", ("-tls1_1", *WEAK)),
    ("TLS 1.2", "rsa", ("-tls1_2", *WEAK)),
    ("TLS 1.3", "ec", ("-tls1_3",)),
    ("an odd cipher", "rsa", ("-tls1_2", "-cipher", "DHE-RSA-CAMELLIA256-SHA256:@SECLEVEL=0")),
    ("no forward secrecy", "rsa", ("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")),
    ("another group", "rsa", ("-tls1_3", "-groups", "P-521")),
    ("a client certificate is wanted, TLS 1.2", "ec", ("-tls1_2", "-Verify", "1", "-CAfile", "root.pem")),
    ("a client certificate is wanted, TLS 1.3", "ec", ("-tls1_3", "-Verify", "1", "-CAfile", "root.pem")),
]
NAMES = ["nginx, RSA", "nginx, EC", "gnutls-serv", *(name for name, _, _ in OPENSSL),
         "HTTP where TLS is asked for", "closes at once", "resets at once"]
ADDRESS = {name: f"10.91.1.{i}" for i, name in enumerate(NAMES, 1)}
SWARM_ADDRESSES = [f"10.91.2.{i}" for i in range(1, SWARM + 1)]
PORT = {name: TLS_ANYWHERE if name == "gnutls-serv" else TLS for name in NAMES}
TALKERS = "10.91.1.200" # has the ports of banners


def certificates(folder):
    """A root, and a leaf of each kind of key with the root behind it."""
    def openssl(*argv):
        subprocess.run(["openssl", *argv], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
            "-subj", "/O=Lab/CN=Lab Root", "-keyout", "root.key", "-out", "root.pem")
    for kind, key in (("rsa", ("rsa:2048",)), ("ec", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"))):
        openssl("req", "-newkey", *key, "-nodes", "-subj", f"/CN={kind}.lab.example", "-keyout",
                f"{kind}.key", "-out", f"{kind}.csr")
        openssl("x509", "-req", "-in", f"{kind}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "9",
                "-CAcreateserial", "-out", f"{kind}.pem")
        (folder / f"{kind}.chain").write_text(
            (folder / f"{kind}.pem").read_text() + (folder / "root.pem").read_text())


class Talkers:
    """Servers of banners, in a thread: each port's way to talk is a function of (socket, data), which
    returns whether to go on; it is called with None when a connection is accepted."""

    def __init__(self, target, ways):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for (address, port), way in ways.items():
            with target.inside():
                listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(64)
            self.selector.register(listener, selectors.EVENT_READ, (True, way))
        self.waker, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, (None, None))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                is_listener, way = key.data
                if is_listener is None:
                    return
                if is_listener:
                    connection = key.fileobj.accept()[0]
                    self.go_on(connection, way, None)
                else:
                    self.hear(key.fileobj, way)

    def hear(self, connection, way):
        try:
            data = connection.recv(4096)
        except ConnectionError:
            data = b""
        self.selector.unregister(connection)
        if data:
            self.go_on(connection, way, data)
        else:
            connection.close()

    def go_on(self, connection, way, data):
        try:
            goes_on = way(connection, data)
        except ConnectionError:
            goes_on = False
        if goes_on:
            self.selector.register(connection, selectors.EVENT_READ, (False, way))
        else:
            connection.close()

    def end(self):
        self.waker.send(b"x")
        self.thread.join(5)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.waker.close()


def greet(connection, data):
    if data is None:
        connection.sendall(SSH_SAYS)
    return True


def echo(connection, data):
    if data is not None:
        connection.sendall(data)
    return True


def listen_only(_connection, _data):
    return True


def hang_up(connection, data):
    """Once a hello has come and all of it is read: for what is left the kernel would send a reset."""
    if data is None:
        return True
    left = 5 + int.from_bytes(data[3:5], "big") - len(data)
    while left > 0 and (more := connection.recv(left)):
        left -= len(more)
    return False


def reset(connection, data):
    if data is None:
        return True
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


class Servers(Target):
    """The target's own servers are of another kind here."""

    def __init__(self, lab):
        addresses = {*ADDRESS.values(), *SWARM_ADDRESSES, TALKERS}
        world = World(seed=1, open_count=0, closed_count=0)
        world.open = addresses
        super().__init__(lab, world, ports=(), declarations=f"""
            counter lost {{ }}
            chain elsewhere {{
                type filter hook prerouting priority mangle;
                tcp dport {TLS_ANYWHERE} ip daddr != {ADDRESS["gnutls-serv"]} drop
            }}
            chain losing_in {{ type filter hook prerouting priority mangle; }}
            chain losing_out {{ type route hook output priority mangle; }}""")

    def serve(self, _ports):
        folder = self.lab.folder / "servers"
        folder.mkdir()
        certificates(folder)
        self.log = open(folder / "log", "wb")
        self.lab.stack.callback(self.log.close)
        self.start_nginx(folder)
        self.start("gnutls-serv", "--http", "--port", str(TLS_ANYWHERE), "--x509keyfile", "rsa.key",
                   "--x509certfile", "rsa.chain", "--quiet", folder=folder)
        for name, kind, arguments in OPENSSL:
            self.start("openssl", "s_server", "-accept", f"{ADDRESS[name]}:{TLS}", "-www", "-cert", f"{kind}.pem",
                       "-key", f"{kind}.key", "-cert_chain", "root.pem", *arguments, folder=folder)
        talkers = Talkers(self, {(TALKERS, SSH): greet, (TALKERS, ECHO): echo, (TALKERS, SILENT): listen_only,
                                 (ADDRESS["closes at once"], TLS): hang_up,
                                 (ADDRESS["resets at once"], TLS): reset})
        self.lab.stack.callback(talkers.end)
        wanted = {(address, TLS) for address in (*ADDRESS.values(), *SWARM_ADDRESSES)}
        wanted -= {(ADDRESS["gnutls-serv"], TLS)}
        wanted |= {("0.0.0.0", TLS_ANYWHERE), *((TALKERS, port) for port in (SSH, HTTP, ECHO, SILENT))}
        wait_for(lambda: wanted <= self.listening(), "servers", 20)

    def start(self, *argv, folder):
        return self.spawn(*argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start_nginx(self, folder):
        paths = "".join(f"{module}_temp_path {folder}/{module};\n" for module in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        def listens(addresses, port, kind=""):
            return "".join(f"listen {address}:{port}{kind};\n" for address in addresses)
        def server(kind, addresses):
            return f"""server {{ {listens(addresses, TLS, " ssl")} return 204;
                ssl_certificate {kind}.chain; ssl_certificate_key {kind}.key; }}"""
        (folder / "conf").write_text(f"""
            daemon off; master_process off; user root; pid {folder}/pid; error_log stderr error;
            events {{ worker_connections 1024; }}
            http {{ access_log off; {paths} ssl_protocols TLSv1.2 TLSv1.3;
                server {{ {listens([TALKERS], HTTP)} {listens([ADDRESS["HTTP where TLS is asked for"]], TLS)}
                          server_tokens off; return 200 "hello"; }}
                {server("rsa", [ADDRESS["nginx, RSA"], *SWARM_ADDRESSES[::2]])}
                {server("ec", [ADDRESS["nginx, EC"], *SWARM_ADDRESSES[1::2]])} }}""")
        self.start("nginx", "-c", str(folder / "conf"), folder=folder)

    def listening(self):
        """(address, port) of the sockets that listen."""
        lines = self.run("ss", "-Hltn").splitlines()
        return {(address, int(port)) for address, _, port in
                (line.split()[3].rpartition(":") for line in lines) for address in
                ([address] if address != "*" else ["0.0.0.0", "*"])}

    def accepted(self):
        """Connections that servers here have had: SNMP's PassiveOpens."""
        return snmp(self, "PassiveOpens")


def snmp(namespace, name):
    """One of the kernel's own counters of TCP in a namespace."""
    names, values = (line.split() for line in namespace.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Tcp:"))
    return int(values[names.index(name)])


# ---- What a kernel's socket and OpenSSL's client see ----------------------------------------------

@functools.cache
def iana_names():
    """OpenSSL's names of cipher suites, and IANA's."""
    lines = command("openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").splitlines()
    return {ours: iana for iana, _, ours, *_ in (line.split() for line in lines)}


def der(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def found(pattern, text, otherwise=None):
    match = re.search(pattern, text, re.M)
    return match[1] if match else otherwise


def openssl_sees(target, address, port):
    """What `openssl s_client` reports, in the words of records."""
    done = subprocess.run(["ip", "netns", "exec", target.name, "openssl", "s_client", "-connect", f"{address}:{port}",
                           "-showcerts", *OFFER], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=20, check=False)
    text, errors = done.stdout, done.stderr
    cipher = found(r"^New, .*, Cipher is (\S+)", text)
    key = re.search(r"^(?:Server|Peer) Temp Key: (?:ECDH, )?([^,\n]+), (\d+) bits", text, re.M)
    group = key and (f"dh of {key[2]}" if key[1] == "DH" else GROUPS.get(key[1], key[1].lower()))
    names = found(r"^Acceptable client certificate CA names\n((?:.+\n)+?)(?:Client|Requested|---)", text, "")
    alert = found(r"SSL alert number (\d+)", errors)
    seen = {"chain": listed(text), "group": group,
            "authorities": [name.replace(" = ", "=") for name in names.splitlines()]}
    version = found(r"^ +Protocol +: (\S+)", text) or found(r"^New, (TLSv1.3)", text)
    is_known = cipher not in (None, "(NONE)")
    seen |= {"version": VERSIONS.get(version, version) if is_known else None,
             "cipher": iana_names()[cipher] if is_known else None}
    # In TLS 1.3 the client has finished before a server can refuse its certificate.
    if is_known and (alert is None or version == "TLSv1.3"):
        return seen | {"stage": "handshake", "cause": "complete", "status": "success", "alert": None}
    seen["alert"] = int(alert) if alert else None
    causes = {"alert": ("alert", "handshake-error"), "wrong version": ("not_tls", "protocol-error"),
              "eof while": ("closed", "connection-closed"), "errno=104": ("reset", "connection-closed")}
    cause, status = next(words for sign, words in causes.items() if sign in errors)
    return seen | {"stage": "certificate" if seen["chain"] else "hello_sent", "cause": cause, "status": status}


def listed(text):
    """SHA-256 of the certificates between `Certificate chain` and the leaf that s_client repeats."""
    part = text.partition("Certificate chain\n")[2].partition("\n---\n")[0]
    return [hashlib.sha256(der(pem)).hexdigest() for pem in
            re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", part, re.S)]


def socket_hears(target, port, says=b""):
    """What comes until half a second's silence, the end, or the time of a grab."""
    heard = b""
    with target.inside():
        connection = socket.create_connection((TALKERS, port), 5)
    with connection:
        connection.settimeout(0.5)
        connection.sendall(says)
        try:
            while data := connection.recv(4096):
                heard += data
        except TimeoutError:
            pass
    return heard


# ---- What asdic saw ------------------------------------------------------------------------------

def asdic_saw(record):
    """A tls record in the same words."""
    data = record["data"]["tls"]
    log = data.get("result", {}).get("handshake_log", {})
    hello = log.get("server_hello", {})
    certificates = log.get("server_certificates", {})
    chain = [c for c in (certificates.get("certificate"), *certificates.get("chain", [])) if c]
    exchange = log.get("server_key_exchange", {})
    group = hello.get("key_share") or exchange.get("ecdh_params", {}).get("curve_id")
    if "dh_params" in exchange:
        group = {"name": f"dh of {exchange['dh_params']['prime']['length']}"}
    version = hello.get("supported_versions", {}).get("selected_version") or hello.get("version", {})
    return {"chain": [hashlib.sha256(base64.b64decode(c["raw"])).hexdigest() for c in chain],
            "group": group and group["name"].lower(), "version": version.get("name"),
            "cipher": hello.get("cipher_suite", {}).get("name"),
            "authorities": log.get("certificate_request", {}).get("certificate_authorities", []),
            "stage": record["stage"], "cause": record["cause"], "status": data["status"],
            "alert": log.get("alert")}


Frame = collections.namedtuple("Frame", "ours client host sport dport seq flags data_len mss")
SYN, RST, ACK = 2, 4, 16


def frame_of(packet, ours):
    """A TCP segment over IPv4, or None."""
    if packet[12:14] != b"\x08\x00" or packet[23] != 6:
        return None
    ip = packet[14:14 + struct.unpack(">H", packet[16:18])[0]]
    tcp = ip[(ip[0] & 15) * 4:]
    source, destination = (socket.inet_ntoa(ip[at:at + 4]) for at in (12, 16))
    sport, dport, seq = struct.unpack(">HHI", tcp[:8])
    header, flags = (tcp[12] >> 4) * 4, tcp[13]
    mss = struct.unpack(">H", tcp[22:24])[0] if flags & SYN and tcp[20:22] == b"\x02\x04" else None
    if not ours:
        source, destination, sport, dport = destination, source, dport, sport
    return Frame(ours, source, destination, sport, dport, seq, flags, len(tcp) - header, mss)


class Tap:
    """All TCP on the target's end of the link, in its order."""

    def __init__(self, link):
        self.socket = packet_socket(link.target, link.target_iface)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 25) # SO_RCVBUFFORCE
        self.socket.setblocking(False)

    def frames(self):
        frames = []
        while True:
            try:
                packet, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return frames
            if frame := frame_of(packet, ours=address[2] != socket.PACKET_OUTGOING):
                frames.append(frame)


# ---- The test ------------------------------------------------------------------------------------

Seen = collections.namedtuple("Seen", "result frames accepted kernel_resets lost")


def test(lab: Lab):
    target = Servers(lab)
    link = Link(lab, target)
    # What is lost on its way to the scanner goes out where nobody is: of what nftables drops TCP is told.
    target.ip("link", "add", "void", "type", "veth", "peer", "name", "end")
    target.ip("link", "set", "end", "up")
    target.ip("link", "set", "void", "up", "arp", "off")
    target.ip("route", "add", "default", "dev", "void", "table", str(MARK))
    target.ip("rule", "add", "fwmark", str(MARK), "lookup", str(MARK))
    tap = Tap(link)
    truth = {name: openssl_sees(target, ADDRESS[name], PORT[name]) for name in NAMES}
    for name, sees in truth.items():
        print(f"# {name}: {sees['cause']} {sees['version']} {sees['cipher']} {sees['group']} "
              f"{len(sees['chain'])} certificates, alert {sees['alert']}")
    banners = {SSH: socket_hears(target, SSH), HTTP: socket_hears(target, HTTP, REQUEST),
               ECHO: socket_hears(target, ECHO, b"hello\r\n"), SILENT: b""}

    def expected(address):
        if address in SWARM_ADDRESSES:
            return truth["nginx, EC" if SWARM_ADDRESSES.index(address) % 2 else "nginx, RSA"]
        return truth[next(name for name in NAMES if ADDRESS[name] == address)]

    addresses = (*ADDRESS.values(), *SWARM_ADDRESSES, TALKERS)
    wanted = {(ADDRESS[name], PORT[name]) for name in NAMES} | {(address, TLS) for address in SWARM_ADDRESSES}
    talkers = {(TALKERS, port) for port in banners}

    def route(*options):
        target.ip("route", "replace", str(link.subnet), "dev", link.target_iface, "src", link.gateway, *options)

    def lossy(on):
        target.nft("flush chain ip lab losing_in; flush chain ip lab losing_out;")
        if on:
            # Whose reset is lost waits for ever, if it is of these servers.
            lost = f"tcp flags & (syn | rst) == 0 numgen random mod 100 < {LOSS_PERCENT} counter name lost"
            target.nft(f"""add rule ip lab losing_in iifname {link.target_iface} {lost} drop
                add rule ip lab losing_out ip daddr {link.subnet} {lost} meta mark set {MARK}""")

    def plain():
        target.write("net/ipv4/tcp_syncookies", 1)
        lossy(False)
        route()

    def cookies():
        target.write("net/ipv4/tcp_syncookies", 2)

    def small(mss):
        target.write("net/ipv4/route/min_adv_mss", 88)
        route("advmss", str(mss))

    @functools.cache
    def seen(driver, network):
        plain()
        NETWORKS[network]()
        target.forget()
        tap.frames()
        accepted, resets = target.accepted(), snmp(link, "OutRsts")
        result = link.scan(driver, {
            "targets": {"include": sorted(addresses), "ports": list(PORTS)}, "grabs": GRABS,
            "order": {"seed": 1}, "rate": 5000,
            "limits": {"cooldown": "1s"}}).expect(0)
        return Seen(result, tap.frames(), target.accepted() - accepted, snmp(link, "OutRsts") - resets,
                    target.counter("lost"))

    NETWORKS = {"a good network": lambda: None, "SYN cookies": cookies,
                "an MSS of 536": functools.partial(small, 536), "an MSS of 88": functools.partial(small, 88),
                f"{LOSS_PERCENT}% losses": functools.partial(lossy, True)}

    def grabs_are_as_the_kernels(driver, network):
        records = seen(driver, network).result.records()
        tls = {(r["ip"], r["port"]): r for r in records if r["record"] == "tls"}
        equal(set(tls), wanted, "hosts that have a tls record")
        equal(len([r for r in records if r["record"] == "tls"]), len(wanted), "tls records")
        faults, given_up = [], 0
        for (address, port), record in sorted(tls.items()):
            # Four losses in a row end a connection: of one in some thousands.
            if "losses" in network and record["cause"] == "timeout":
                given_up += 1
                continue
            saw, sees = asdic_saw(record), expected(address)
            # A client that has failed may not tell version and cipher.
            faults += [f"{address}:{port}: {key}: {saw[key]}, {sees[key]} by openssl" for key in sees
                       if saw[key] != sees[key] and (key not in ("version", "cipher") or sees[key])]
        assert not faults, "\n".join(faults)
        assert given_up <= 2, f"{given_up} connections given up"
        heard = {(r["ip"], r["port"]): r for r in records if r["record"] == "banner"}
        equal(set(heard), talkers, "hosts that have a banner record")
        for (_, port), record in heard.items():
            (data,) = record["data"].values()
            text = data.get("result", {}).get("banner", "")
            equal(dateless(text), dateless(banners[port].decode()), f"the banner of port {port}")
            equal((record["stage"], record["cause"], data["status"]),
                  ("connect", "timeout", "io-timeout") if port == SILENT else ("data", "complete", "success"),
                  f"the end of port {port}")

    def the_scans_syn_is_the_connections(driver, network):
        _, frames, accepted, kernel_resets, lost = seen(driver, network)
        flows = collections.defaultdict(list)
        for frame in frames:
            flows[frame.host, frame.dport].append(frame)
        equal(set(flows), {(address, port) for address in addresses for port in PORTS}, "targets of frames")
        for (host, port), flow in flows.items():
            where = f"{host}:{port}"
            equal(len({(f.client, f.sport) for f in flow}), 1, f"connections to {where}")
            syns = [f for f in flow if f.ours and f.flags & SYN]
            equal(len(syns), 1, f"SYNs to {where}")
            if (host, port) not in wanted | talkers:
                continue
            said = [f for f in flow if f.ours and f.data_len > 0]
            equal(bool(said), port not in (SSH, SILENT), f"something is said to {where}")
            for first in said[:1]:
                equal(first.seq, (syns[0].seq + 1) % 2**32, f"first sequence number to {where}")
            # Who says nothing gets a reset when its time is over.
            resets = [at for at, f in enumerate(flow) if f.ours and f.flags & RST]
            data = [at for at, f in enumerate(flow) if f.data_len > 0]
            assert port == SILENT or data[0] < min(resets, default=len(flow)), f"an early RST to {where}"
        if network.startswith("an MSS"):
            mss = int(network.split()[-1])
            equal({f.mss for f in frames if not f.ours and f.flags & SYN}, {mss}, "MSS of SYN-ACKs")
            assert max(f.data_len for f in frames if f.ours) <= mss, "a segment of more than the MSS"
        equal(accepted, len(wanted | talkers), "connections that servers had")
        equal(kernel_resets, 0, "resets by the scanner's kernel")
        ledger = seen(driver, network).result.ledger()
        equal(ledger["adopted"], len(wanted | talkers), "adopted responders")
        assert (lost > 0) == ("losses" in network), f"{lost} packets were lost"

    return run([(f"{driver}: {network}: {title}", functools.partial(case, driver, network))
                for driver in DRIVERS for network in NETWORKS for title, case in (
                    ("grabs are as the kernel's", grabs_are_as_the_kernels),
                    ("the scan's SYN is the connection's", the_scans_syn_is_the_connections))])


def dateless(text):
    return re.sub(r"^Date: .*$", "", text, flags=re.M)


if __name__ == "__main__":
    main(test)
