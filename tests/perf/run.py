#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures asdic on this machine and prints a table, as docs/performance.md has it.

    tests/perf/run.py              all of it: about ten minutes on two quiet cores, as root
    tests/perf/run.py tx rx        parts of it: tx rx stage veth grab dns scan
    tests/perf/run.py scan --whole the whole of 0.0.0.0/0 less the reserved ranges

A figure that stands beside DPDK's testpmd is of pairs run in turn: the ratio is the median of the pairs'. Over
veth both run at once, stopped but for their turns of 100 ms, and the kernel counts. What
is set up (hugepages, a namespace with a veth pair) is taken down again, however it ends."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("ASDIC_BUILD", ROOT / "build"))
BENCH, ASDIC = str(BUILD / "app/asdic-bench"), str(BUILD / "app/asdic")
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
PAGES = 700
NAMESPACE, NEAR, FAR = f"asdic-perf-{os.getpid()}", ("asdicp0", "asdicp1"), ("asdicq0", "asdicq1")

ROWS = []


def row(what, figure, peer="", note=""):
    ROWS.append((what, figure, peer, note))
    print(f"  {what}: {figure} {peer} {note}", flush=True)


def sh(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


def bench(*arguments):
    """A command of the rig; what it wrote for machines."""
    with tempfile.NamedTemporaryFile(prefix="asdic-perf-", suffix=".json") as out:
        done = subprocess.run([BENCH, *arguments, "--json", out.name], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"asdic-bench {' '.join(arguments)}: {done.stderr.strip()}")
        return json.load(open(out.name, encoding="utf-8"))


def thousands(figure):
    return f"{figure['median']:,.0f} ({figure['min']:,.0f}-{figure['max']:,.0f})"


def mpps(figure):
    return f"{figure['median'] / 1e6:.2f} Mpps ({figure['min'] / 1e6:.2f}-{figure['max'] / 1e6:.2f})"


def testpmd_command(device, period, *more):
    """testpmd's txonly on the CPU that asdic-bench's first lcore has."""
    memory = ["--in-memory"] if huge_free() else ["--no-huge", "-m", "512"]
    return ["dpdk-testpmd", "--lcores", "0@1,1@0", *memory, "--no-pci", "--no-telemetry", "--iova-mode=va",
            "--vdev", device, "--", "--forward-mode=txonly", "--nb-cores=1", f"--stats-period={period}",
            "--no-lsc-interrupt", *more]


def testpmd(device, seconds, *more):
    """Packets a second that testpmd's txonly brings into a device: the median of its seconds."""
    run = subprocess.Popen(testpmd_command(device, 1, *more), stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, stdin=subprocess.DEVNULL)
    time.sleep(seconds + 2)
    run.send_signal(signal.SIGINT)
    text = run.communicate(timeout=60)[0]
    rates = [int(n) for n in re.findall(r"Tx-pps:\s+(\d+)", text) if int(n) > 0][1:]
    if not rates:
        raise RuntimeError(f"testpmd sent nothing into {device}")
    return statistics.median(rates)


def pairs(device, times, seconds, *flags, peer=()):
    """asdic-bench tx and testpmd in turn: medians, and the median ratio."""
    ours, theirs = [], []
    for _ in range(times):
        ours.append(bench("tx", "--device", device, "--seconds", str(seconds), *flags)["pps"]["median"])
        theirs.append(testpmd(device, seconds, *peer))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    figure = {"median": statistics.median(ours), "min": min(ours), "max": max(ours)}
    other = {"median": statistics.median(theirs), "min": min(theirs), "max": max(theirs)}
    return figure, other, ratio


# Hugepages.

def huge_free():
    return int(re.search(r"HugePages_Free:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) > 300


class Hugepages:
    """Pages for both programs, if root may have them; as many as before afterwards."""

    def __enter__(self):
        self.before = None
        if os.geteuid() == 0:
            self.before = HUGEPAGES.read_text(encoding="ascii")
            HUGEPAGES.write_text(str(PAGES), encoding="ascii")
        return self

    def __exit__(self, *_):
        if self.before is not None:
            HUGEPAGES.write_text(self.before, encoding="ascii")


class Veth:
    """Two veth pairs, near here, far in a namespace. What is sent goes to a MAC address that is nobody's, so
    the far kernel drops it before it looks at IP: the same work whoever sends. Offloads are off: the far
    end would be given frames with half a checksum."""

    def __enter__(self):
        sh("ip", "netns", "add", NAMESPACE)
        try:
            for near, far in zip(NEAR, FAR):
                sh("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", NAMESPACE)
                sh("ip", "netns", "exec", NAMESPACE, "sysctl", "-qw", f"net.ipv6.conf.{far}.disable_ipv6=1",
                   check=False)
                sh("sysctl", "-qw", f"net.ipv6.conf.{near}.disable_ipv6=1", check=False)
                sh("ip", "netns", "exec", NAMESPACE, "ip", "link", "set", far, "up")
                sh("ip", "link", "set", near, "up")
                sh("ethtool", "-K", near, "tx", "off", check=False)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for near in NEAR:
            sh("ip", "link", "del", near, check=False)
        sh("ip", "netns", "del", NAMESPACE, check=False)


class Sender:
    """A program that sends into an interface until it is ended, stopped but for its turns."""

    def __init__(self, interface, command):
        self.sent_path = pathlib.Path(f"/sys/class/net/{interface}/statistics/tx_packets")
        self.run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        start, deadline = self.sent(), time.monotonic() + 30
        while self.sent() < start + 50000:
            if self.run.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError(f"{command[0]} sends nothing into {interface}")
            time.sleep(0.05)
        self.run.send_signal(signal.SIGSTOP)

    def sent(self):
        """Frames, by the kernel's count, which has no part in what is compared."""
        return int(self.sent_path.read_text(encoding="ascii"))

    def cpu_ns(self):
        tasks = pathlib.Path(f"/proc/{self.run.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks)

    def turn(self, seconds):
        """Run so long: (nanoseconds, nanoseconds of CPU time) a frame; None if other work had the CPU all along."""
        self.run.send_signal(signal.SIGCONT)
        time.sleep(0.005)
        sent, cpu, start = self.sent(), self.cpu_ns(), time.monotonic_ns()
        time.sleep(seconds)
        sent, cpu, end = self.sent() - sent, self.cpu_ns() - cpu, time.monotonic_ns()
        self.run.send_signal(signal.SIGSTOP)
        return ((end - start) / sent, cpu / sent) if sent > 0 and cpu > 0 else None

    def end(self):
        self.run.kill()
        self.run.wait()


def turns(ours, theirs, count, seconds):
    """Two senders in turn: two figures in packets/s, and the median ratios of pairs of turns: of rates, and of
    CPU time a frame, which other work on the machine disturbs less."""
    pair = [(ours.turn(seconds), theirs.turn(seconds)) for _ in range(count)]
    pair = [(a, b) for a, b in pair if a and b]
    figures = []
    for who in 0, 1:
        pps = [1e9 / p[who][0] for p in pair]
        figures.append({"median": statistics.median(pps), "min": min(pps), "max": max(pps)})
    return *figures, *(statistics.median(b[i] / a[i] for a, b in pair) for i in (0, 1))


# Parts.

def part_tx(options):
    for profile in ("mss", "windows"):
        ours, theirs, ratio = pairs("net_null0", options.pairs, 3, "--profile", profile,
                                    peer=("--txonly-multi-flow",))
        row(f"one prober lcore into net_null, profile {profile}", mpps(ours),
            f"testpmd txonly, many flows: {mpps(theirs)}", f"ratio {ratio:.2f}")


def part_rx(_options):
    alone, both = bench("rx", "--seconds", "5"), bench("rx", "--seconds", "5", "--lcores", "2")
    row("one receiver lcore, mixed replies", mpps(alone["pps"]), f"with the rig's own work {mpps(alone['wall_pps'])}",
        f"{alone['receiver_ns']['median']:.1f} ns a frame")
    row("a worker lcore behind it (dedup, records, resets)", mpps(both["pps"]),
        f"with the rig's own work {mpps(both['wall_pps'])}",
        f"receiver {both['receiver_ns']['median']:.1f}, worker {both['worker_ns']['median']:.1f} ns a frame")


def probe_ns(stages):
    """What a probe costs until it is in a frame and past the gate."""
    return 1e9 / stages["pps"]["median"]


def part_stage(options):
    stages = bench("stage")
    row("stages, ns", ", ".join(f"{name} {s['median']:.1f}" for name, s in stages.items()
                                if name not in ("pps", "unit")))
    with tempfile.NamedTemporaryFile("w", prefix="asdic-perf-", suffix=".txt") as many:
        for i in range(100000):
            z = (i * 0x9e3779b1 + 12345) % (1 << 32)
            many.write(f"{z >> 24}.{z >> 16 & 255}.{z >> 8 & 255}.{z & 255}\n")
        many.flush()
        for name, flags in (("a /16", ("--include", "11.0.0.0/16")),
                            ("2^48 targets less the reserved", ("--ports", "1-65535")),
                            ("100,000 exclusions more", ("--exclude-file", many.name))):
            costs = [(probe_ns(bench("stage")), probe_ns(bench("stage", *flags))) for _ in range(options.pairs)]
            few, cost = (statistics.median(side) for side in zip(*costs))
            ratio = statistics.median(b / a for a, b in costs)
            row(f"perm to gate: {name}", f"{cost:.1f} ns a probe", f"{few:.1f} with one port of all",
                f"ratio {ratio:.2f}")


def part_veth(options):
    nobody = "02:00:00:00:00:99"
    for driver in ("net_af_packet", "net_af_xdp"):
        with Veth(), contextlib.ExitStack() as senders:
            devices = [f"{driver}0,iface={near}" for near in NEAR]
            ours = Sender(NEAR[0], [BENCH, "tx", "--device", devices[0], "--seconds", "3600",
                                    "--peer-mac", nobody])
            senders.callback(ours.end)
            theirs = Sender(NEAR[1], testpmd_command(devices[1], 3600, "--txonly-multi-flow", "--txpkts=66",
                                                     f"--eth-peer=0,{nobody}", "--total-num-mbufs=16384"))
            senders.callback(theirs.end)
            us, them, ratio, cpu_ratio = turns(ours, theirs, 20 * options.pairs, 0.1)
            row(f"one lcore over veth by {driver}", mpps(us), f"testpmd txonly: {mpps(them)}",
                f"ratio {ratio:.2f}, by CPU time {cpu_ratio:.2f}")


TLS_WORLD = """networks: []
certificates: {folder: FOLDER, count: 1, chain: 3-3, names: 4-4, keys: [KEY]}
"""


class Server:
    """openssl s_server on loopback, of one version and type of key, with the same form of chain as the rig's."""

    def __init__(self, folder, key, version):
        world = folder / f"{key}.yaml"
        world.write_text(TLS_WORLD.replace("FOLDER", key).replace("KEY", key), encoding="utf-8")
        if not (folder / key).exists():
            sh(ASDIC, "world", str(world), "--make-certificates")
        parts = re.findall(r"-----BEGIN.*?-----END[^\n]*\n", (folder / key / "0000.pem").read_text(), re.S)
        (folder / f"{key}.chain").write_text("".join(parts[2:]), encoding="utf-8")
        self.command = ["openssl", "s_server", "-quiet", f"-{version}", "-cert", str(folder / key / "0000.pem"),
                        "-key", str(folder / key / "0000.pem"), "-cert_chain", str(folder / f"{key}.chain")]
        self.version = version

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen([*self.command, "-accept", self.address], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.address.split(":")[1]))) == 0:
                    return self
            time.sleep(0.05)
        raise RuntimeError("openssl s_server does not listen")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def s_time(self, seconds):
        """Connections of `openssl s_time -new` in a second of its user time."""
        text = sh("openssl", "s_time", "-connect", self.address, "-new", "-time", str(seconds), f"-{self.version}")
        return float(re.search(r"([\d.]+) connections/user sec", text)[1])


def part_grab(options):
    with tempfile.TemporaryDirectory(prefix="asdic-perf-") as name:
        for version, key in (("tls1_3", "rsa2048"), ("tls1_3", "p256"), ("tls1_2", "rsa2048"), ("tls1_2", "p256")):
            words = f"{version.replace('_', '.')} {key} handshake"
            ours, theirs = [], []
            with Server(pathlib.Path(name), key, version) as server:
                for _ in range(options.pairs):
                    ours.append(bench("grab", "--only", words, "--seconds", "2")["handshakes_per_second"]["median"])
                    theirs.append(server.s_time(2))
            row(f"a worker, {words}, a second", f"{statistics.median(ours):,.0f}",
                f"openssl s_time -new: {statistics.median(theirs):,.0f} a second of its user time",
                f"ratio {statistics.median(a / b for a, b in zip(ours, theirs)):.2f}")
    all_of = bench("grab", "--seconds", "10")
    for what, figures in all_of["grabs"].items():
        row(f"a worker, {what}, a second", thousands(figures["handshakes_per_second"]),
            f"{figures['worker_ns']['median'] / 1e3:,.1f} us, {figures['worker_cycles']:,.0f} cycles",
            f"servers {figures['server_ns']['median'] / 1e3:,.0f} us")
    row("adoptions a second, plain", thousands(all_of["adoptions_per_second"]))
    row("bytes a connection that waits", ", ".join(f"{k} {v:,}" for k, v in all_of["bytes_per_connection"].items()))
    row("worker cores for 5,000 handshakes a second", str(all_of["worker_cores_for_5000"]))


WORLD = """seed: 2026
networks:
  - cidr: 0.0.0.0/0
    ports: {443: {open: "1%"}}
    latency: {min: 5ms, max: 300ms}
"""

SIMNET = re.compile(r"simnet|world_|syns_|lanes|hear|events_|deliver|answer|synack_|heap_|stage_|slot_|wheel_|"
                    r"^arrive|ether_build|host_|syn_react|react|^names_|^server_|^query_read|^blocks_")


def simnet_share(command, folder, thread=None):
    """What part of a scan's samples, or of a thread's, stand in the simulated network, where perf can tell."""
    data = str(folder / "perf.data")
    try:
        sh("perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "-o", data, "--", *command)
        text = sh("perf", "report", "-i", data, "--stdio", "-s", "sym", "--percentage", "relative",
                  *(["--comm", thread] if thread else []))
    except (OSError, subprocess.CalledProcessError):
        return None
    shares = [(float(m[1]), m[2]) for m in re.finditer(r"^\s+([\d.]+)%\s+\[[.k]\]\s+(\S+)", text, re.M)]
    return sum(share for share, name in shares if SIMNET.search(name))


def part_scan(options):
    with tempfile.TemporaryDirectory(prefix="asdic-perf-") as name:
        folder = pathlib.Path(name)
        (folder / "world.yaml").write_text(WORLD, encoding="utf-8")
        command = [ASDIC, "scan", "-i", f"net_simnet0,world={folder}/world.yaml,events=8388608", "-p", "443",
                   "-f", "saddr_raw", "--rate", "unlimited", "-q", "-c", "1", "--seed", "42"]
        if not options.whole:
            command += ["-n", str(options.targets)]
        start = time.monotonic()
        done = subprocess.run([*command, "-o", str(folder / "a.csv")], capture_output=True, text=True,
                              check=True)
        seconds = time.monotonic() - start
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        probes, responders = map(int, re.search(r"; (\d+) probes, (\d+) responders", done.stderr).groups())
        row(f"asdic scan of {probes:,} targets on simnet, 1% open", f"{probes / seconds / 1e6:.2f} M/s",
            f"{seconds:.0f} s wall", f"{responders:,} responders, {megabytes:.0f} MB; all of IPv4 at that: "
            f"{3702258432 * seconds / probes:.0f} s")
        if options.whole:
            command += ["-n", str(options.targets)]
        share = simnet_share([*command, "-o", str(folder / "b.csv")], folder)
        if share is not None:
            row("of its CPU time, in the simulated network", f"{share:.0f}%")


RESOLVERS = """
seed: 5
networks:
  - {cidr: 11.9.0.0/26, ports: {53: {open: 100%, services: {ns: 100%}}}, latency: {min: 20ms, max: 80ms},
     loss: {out: 1%, back: 1%}}
services: {ns: {kind: dns}}
names: {exists: 80%}
"""
LCORE = "rte-worker-1"


def lcore_seconds(command):
    """The CPU time of the one lcore of a run."""
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = 0
    while run.poll() is None:
        for task in pathlib.Path(f"/proc/{run.pid}/task").glob("*"):
            with contextlib.suppress(OSError):  # it has just ended
                if (task / "comm").read_text().strip() == LCORE:
                    seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
        time.sleep(0.02)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit status {run.returncode}")
    return seconds


def lookups_on_simnet(options, folder):
    """The whole program: one lcore has lookups, receiver, sender and the simulated network."""
    count = options.names
    (folder / "world.yaml").write_text(RESOLVERS, encoding="utf-8")
    (folder / "resolvers").write_text("".join(f"11.9.0.{i}\n" for i in range(64)), encoding="utf-8")
    (folder / "names").write_text("".join(f"n{i}.example.org\n" for i in range(count)), encoding="utf-8")
    command = [ASDIC, "dns", "-i", f"net_simnet0,world={folder}/world.yaml,events=1048576", "--resolvers",
               f"{folder}/resolvers", "--rate", "unlimited", "--dns-rate", "10M", "--lcores", "1", "-q", "--force",
               "-o", str(folder / "out.ndjson"), str(folder / "names")]
    rates = [count / lcore_seconds(command) for _ in range(options.pairs)]
    share = simnet_share(command, folder, LCORE)
    note = f"{share:.0f}% of that in the simulated network" if share is not None else ""
    row(f"asdic dns of {count:,} names on simnet, 2% lost, one lcore",
        f"{statistics.median(rates):,.0f} lookups/CPU s of the lcore", "", note)


def part_dns(options):
    """Lookups of one core, in turn with c-ares on kernel sockets; and the whole program's."""
    figures = bench("dns", "--seconds", str(max(5, 2 * options.pairs)))
    row(f"asdic-bench dns, {figures['library']}", f"{figures['per_cpu_second']['median']:,.0f} lookups/CPU s",
        f"kernel socket {figures['kernel_per_cpu_second']['median']:,.0f}", f"{figures['ratio']['median']:.2f} x")
    with tempfile.TemporaryDirectory(prefix="asdic-perf-") as name:
        lookups_on_simnet(options, pathlib.Path(name))


PARTS = {"tx": part_tx, "rx": part_rx, "stage": part_stage, "veth": part_veth, "grab": part_grab,
         "dns": part_dns, "scan": part_scan}
NEED_ROOT = {"veth"}


def table():
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"\n{datetime.date.today()}, {os.cpu_count()} cores, {cpu[1] if cpu else 'unknown CPU'}, "
          f"load {os.getloadavg()[0]:.1f}\n")
    print("| what | asdic | beside it | |\n|---|---|---|---|")
    for line in ROWS:
        print("| " + " | ".join(line) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all where none is named")
    parser.add_argument("--pairs", type=int, default=5, help="runs of asdic and testpmd in turn (5)")
    parser.add_argument("--targets", type=int, default=200_000_000, help="of the scan (200,000,000)")
    parser.add_argument("--names", type=int, default=1_000_000, help="that are looked up on simnet (1,000,000)")
    parser.add_argument("--whole", action="store_true", help="scan all of IPv4 less the reserved ranges")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = 0
    with Hugepages():
        for name in options.parts or PARTS:
            if name in NEED_ROOT and os.geteuid() != 0:
                print(f"{name}: needs root; left out", file=sys.stderr)
                continue
            print(f"{name}:", flush=True)
            try:
                PARTS[name](options)
            except (RuntimeError, subprocess.SubprocessError, OSError) as fault:
                print(f"  {fault}", file=sys.stderr)
                status = 1
    table()
    return status


if __name__ == "__main__":
    sys.exit(main())
