# SPDX-License-Identifier: BSD-3-Clause
"""A lab of network namespaces for tests of asdic against a real kernel.

A Target is a namespace that owns 10.91.0.0/16 and is the router of its links: addresses of its set
`open` answer by nginx, those of `closed` with the kernel's own RST, nftables drops the rest and
counts what comes. A Link is a veth pair from a namespace of a scanner's, where no kernel address
is. All that a test makes is ended and removed when it ends, also by TERM.

A test is a list of cases, told as TAP by run()."""

import contextlib
import copy
import ctypes
import dataclasses
import functools
import ipaddress
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import yaml

ASDIC = os.environ.get("ASDIC", str(pathlib.Path(__file__).resolve().parents[2] / "build/app/asdic"))
DRIVERS = ("net_af_packet", "net_af_xdp")
NETWORK = ipaddress.ip_network("10.91.0.0/16")
IFACE = "uplink"  # the scanner's end of a link, in every scanner's namespace
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def command(*argv, text=None):
    """Runs a command that must succeed; returns what it prints."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def wait_for(condition, what, timeout_s=10):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} in {timeout_s} s")
        time.sleep(0.05)
    return result


class World:
    """Which addresses are open and which closed: the truth, from a seed, without asdic."""

    def __init__(self, seed, open_count, closed_count, within=NETWORK):
        chosen = random.Random(seed).sample(range(within.num_addresses), open_count + closed_count)
        names = [str(within[i]) for i in chosen]
        self.open, self.closed = set(names[:open_count]), set(names[open_count:])


def outside(addresses, *networks):
    """Those of the addresses that no network holds."""
    return {address for address in addresses
            if not any(ipaddress.ip_address(address) in network for network in networks)}


class Namespace:
    def __init__(self, lab, role):
        self.lab, self.name = lab, f"asdic-{os.getpid()}-{role}"
        lab.stack.callback(self.remove)
        command("ip", "netns", "add", self.name)
        # A kernel's own IPv6 chatter would be on the link among asdic's frames.
        self.write("net/ipv6/conf/all/disable_ipv6", 1)
        self.write("net/ipv6/conf/default/disable_ipv6", 1)
        self.ip("link", "set", "lo", "up")

    def remove(self):
        pids = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, check=False)
        for pid in map(int, pids.stdout.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def ip(self, *argv):
        return command("ip", "-n", self.name, *argv)

    def run(self, *argv, text=None):
        return command("ip", "netns", "exec", self.name, *argv, text=text)

    def write(self, path, value):
        self.run("sh", "-c", f"echo {value} > /proc/sys/{path}")

    def spawn(self, *argv, **options):
        """Starts a program, which ends with the lab at the latest."""
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *argv], **options)
        self.lab.stack.callback(end, process)
        return process

    @contextlib.contextmanager
    def inside(self):
        """Sockets made in this context belong to the namespace."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/run/netns/{self.name}", "rb") as there:
            enter(there)
            try:
                yield
            finally:
                enter(home)


def enter(namespace):
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def end(process):
    """Ends a program if it still runs: politely, then not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Target(Namespace):
    """What is scanned. Its nftables count, by name: `syns`, all first SYNs; and whatever the extra
    rules do. They stand before the dropping of what is neither open nor closed, and can use the
    sets `open` and `closed`; the set `probed` holds the address and port of every first SYN."""

    def __init__(self, lab, world, ports=(80,), rules="", declarations=""):
        super().__init__(lab, "target")
        self.world = world
        self.ip("route", "add", "local", str(NETWORK), "dev", "lo")
        self.write("net/core/somaxconn", 4096)
        self.write("net/ipv4/tcp_max_syn_backlog", 65536)
        self.nft(f"""
            table ip lab {{
                set open {{ type ipv4_addr; {elements(world.open)} }}
                set closed {{ type ipv4_addr; {elements(world.closed)} }}
                set probed {{ type ipv4_addr . inet_service; size 262144; }}
                counter syns {{ }}
                {declarations}
                chain arriving {{
                    type filter hook prerouting priority raw;
                    ip daddr != {NETWORK} accept
                    tcp flags & (syn | ack) == syn counter name syns \
                        add @probed {{ ip daddr . tcp dport }}
                    {rules}
                    ip daddr @open accept
                    ip daddr @closed accept
                    drop
                }}
            }}""")
        self.serve(ports)

    def nft(self, text):
        return self.run("nft", "-f", "-", text=text)

    def serve(self, ports):
        """nginx at the open addresses and no others."""
        folder = self.lab.folder / "nginx"
        folder.mkdir()
        paths = "".join(f"{module}_temp_path {folder}/{module};\n" for module in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        listens = "".join(f"listen {address}:{port} backlog=1024;\n"
                          for address in self.world.open for port in ports)
        (folder / "conf").write_text(f"""
            daemon off; master_process off; user root; pid {folder}/pid; error_log stderr error;
            events {{ worker_connections 16384; }}
            http {{ access_log off; {paths} server {{ {listens} return 204; }} }}""")
        log = open(folder / "log", "wb")
        self.lab.stack.callback(log.close)
        nginx = self.spawn("nginx", "-c", str(folder / "conf"), stdout=log, stderr=log)
        count = len(self.world.open) * len(ports)
        wait_for(lambda: nginx.poll() is not None or listening(nginx.pid) == count, "nginx")
        if nginx.poll() is not None:
            raise RuntimeError("nginx ended: " + (folder / "log").read_text()[-500:])

    def counter(self, name):
        return re_number(r"packets (\d+)", self.run("nft", "list", "counter", "ip", "lab", name))

    def addresses(self, name):
        """The addresses that an nftables set holds."""
        listed = json.loads(self.run("nft", "-j", "list", "set", "ip", "lab", name))
        members = next(item["set"] for item in listed["nftables"] if "set" in item).get("elem", [])
        return {member["concat"][0] if isinstance(member, dict) else member for member in members}

    def probes_per_target(self):
        """(SYNs, different targets that got one)."""
        listed = json.loads(self.run("nft", "-j", "list", "set", "ip", "lab", "probed"))
        members = next(item["set"] for item in listed["nftables"] if "set" in item).get("elem", [])
        return self.counter("syns"), len(members)

    def forget(self):
        """Sets the counts back."""
        self.run("nft", "reset", "counters")
        self.run("nft", "flush", "set", "ip", "lab", "probed")


def elements(addresses):
    return f"elements = {{ {', '.join(sorted(addresses))} }}" if addresses else ""


def listening(pid):
    """How many TCP sockets listen in a process's namespace."""
    lines = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()
    return sum(line.split()[3] == "0A" for line in lines[1:])


def re_number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"no {pattern} in {text[-500:]!r}")
    return int(found[1])


class Link(Namespace):
    """A scanner's namespace and its link to the target: number n has the subnet 10.90.n.0/24, where
    .1 is the target, and .8 to .15 are for asdic."""

    def __init__(self, lab, target, number=0):
        super().__init__(lab, f"scanner{number}")
        self.target, self.target_iface = target, f"link{number}"
        self.subnet = ipaddress.ip_network(f"10.90.{number}.0/24")
        self.gateway, self.pool = str(self.subnet[1]), f"{self.subnet[8]}/29"
        command("ip", "link", "add", IFACE, "netns", self.name, "type", "veth",
                "peer", "name", self.target_iface, "netns", target.name)
        # Else the kernel leaves a partial checksum for a device to complete, and no device does.
        target.run("ethtool", "-K", self.target_iface, "tx", "off")
        self.ip("link", "set", IFACE, "up")
        target.ip("link", "set", self.target_iface, "up")
        target.ip("address", "add", f"{self.gateway}/24", "dev", self.target_iface)
        wait_for(lambda: "LOWER_UP" in self.ip("link", "show", IFACE), "link")

    def sources(self):
        return {str(address) for address in ipaddress.ip_network(self.pool)}

    def sent(self):
        """Frames that have left by the link."""
        return json.loads(self.ip("-s", "-j", "link", "show", IFACE))[0]["stats64"]["tx"]["packets"]

    def mac(self):
        return re.search(r"link/ether (\S+)", self.ip("link", "show", IFACE))[1]

    def job(self, driver, changes=None):
        """A job over this link: every reply is recorded. Changes are merged in, key by key."""
        job = {
            "interfaces": [{"device": f"{driver}0,iface={IFACE}", "addresses": [self.pool],
                            "gateway": self.gateway}],
            "targets": {"include": [str(NETWORK)], "ports": [80],
                        "allow_reserved": [str(NETWORK), str(self.subnet)]},
            "rate": 30000,
            "output": {"file": str(self.lab.folder / f"{self.name}.ndjson"), "filter": ""},
            "limits": {"cooldown": "1s"},
        }
        return merge(job, changes or {})

    def start(self, job, flags=(), **options):
        """Starts `asdic scan` of a job."""
        path = self.lab.folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(job))
        return Scan(self, job, ["scan", *flags, str(path)], options)

    def scan(self, driver, changes=None, **options):
        """Runs a scan to its end, over what is left of one before."""
        return self.start(self.job(driver, changes), ["--force"], **options).result()


def merge(base, changes):
    """A copy of base with changes in it; mappings are merged, all else is replaced."""
    merged = copy.copy(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if both else value
    return merged


@dataclasses.dataclass
class Result:
    """What came of a scan."""

    status: int
    log: str      # standard error
    output: bytes # what stands in the output file, or came by standard output
    started: float
    ended: float

    def records(self):
        return [json.loads(line) for line in self.output.splitlines()]

    def first(self, classification):
        """The addresses of records of a class that are no repeats; each must come once."""
        found = [record["saddr"] for record in self.records()
                 if record["classification"] == classification and not record["repeat"]]
        equal(len(found), len(set(found)), "first records and their addresses")
        return set(found)

    def ledger(self):
        """The ledger's terms by name; those that are not there are 0."""
        lines = re.findall(r"^  \w+: +(.*)$", self.log.partition("\nledger, ")[2], re.M)
        terms = re.findall(r"([^,]+?) (\d+)(?:, |$)", "\n".join(lines), re.M)
        return {name.strip(): int(count) for name, count in terms}

    def expect(self, status):
        """The scan ended as it should, its books in order."""
        assert self.status == status, f"exit status {self.status}, not {status}:\n{self.log}"
        assert "\nledger, balanced:" in self.log, f"no balanced ledger:\n{self.log}"
        assert self.output[-1:] in (b"", b"\n"), f"the last line is cut: {self.output[-80:]}"
        return self


class Scan:
    """A scan that runs."""

    def __init__(self, link, job, arguments, options):
        self.log = tempfile.TemporaryFile(dir=link.lab.folder)
        self.output = pathlib.Path(job["output"]["file"])
        self.piped = options.get("stdout") == subprocess.PIPE
        self.started = time.time()
        self.process = link.spawn(*options.pop("prefix", ()), ASDIC, *arguments, stderr=self.log,
                                  stdin=subprocess.DEVNULL, **options)

    def said(self, pattern):
        """What standard error says so far, if the pattern is in it."""
        return re.search(pattern, self.text(), re.M)

    def text(self):
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def result(self, timeout_s=60):
        try:
            written = self.process.communicate(timeout=timeout_s)[0] or b""
        except subprocess.TimeoutExpired:
            end(self.process) # it would be in the way of the next
            raise
        if not self.piped:
            written = self.output.read_bytes() if self.output.is_file() else b""
        return Result(self.process.returncode, self.text(), written, self.started, time.time())


class Lab:
    """What a test builds, in a context that takes it all down."""

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="asdic-netns-"))
        self.stack.callback(shutil.rmtree, self.folder)
        # A test's scans are nobody else's: no opt-outs of the machine, no commands from elsewhere.
        os.environ["ASDIC_OPTOUT"] = str(self.folder / "optout.conf")
        os.environ["ASDIC_RUN_DIR"] = str(self.folder / "run")
        return self

    def __exit__(self, *_):
        # Being stopped twice must not leave half of it.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.stack.close()


def equal(found, expected, what):
    """Asserts that two sets or numbers are equal, and says how not."""
    if found == expected:
        return
    if isinstance(found, (set, frozenset)):
        missing, extra = sorted(expected - found), sorted(found - expected)
        raise AssertionError(f"{what}: {len(missing)} missing {missing[:5]}, {len(extra)} too many "
                             f"{extra[:5]}, of {len(expected)}")
    raise AssertionError(f"{what}: {found}, expected {expected}")


def run(cases):
    """Runs [(title, function)] and returns how many fail; a case fails by what it raises."""
    print(f"1..{len(cases)}", flush=True)
    failures = 0
    for number, (title, case) in enumerate(cases, 1):
        try:
            case()
            print(f"ok {number} - {title}", flush=True)
        except Exception: # pylint: disable=broad-except
            failures += 1
            print(f"not ok {number} - {title}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    return failures


def main(test):
    """Runs test(lab), which returns its number of failures, in a lab of its own."""
    if os.geteuid() != 0:
        print("network namespaces need root")
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with Lab() as lab:
        failures = test(lab)
    sys.exit(1 if failures else 0)


def each_driver(*cases):
    """[(title, function(driver))] to cases over every driver, driver by driver."""
    return [(f"{driver}: {title}", functools.partial(case, driver))
            for driver in DRIVERS for title, case in cases]


def packet_socket(namespace, interface, protocol=0x0003):
    """A raw socket on an interface, for frames of an Ethernet type; the default is all."""
    with namespace.inside():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    s.bind((interface, protocol))
    return s
