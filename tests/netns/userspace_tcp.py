#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""lib/tcp beside a real kernel's TCP: tests/tun/tcp_tun on a TUN device sends a stream to an echo
server of the kernel's and must get it back, byte for byte, over connections that it adopts and
connections that it opens; with small segments, SYN cookies, and 5% of packets lost each way."""

import functools
import itertools
import os
import pathlib
import re
import socket
import subprocess
import threading

from lab import Lab, Namespace, equal, main, run

TCP_TUN = os.environ.get("TCP_TUN", str(pathlib.Path(__file__).resolve().parents[2] / "build/tests/tun/tcp_tun"))
KERNEL, OURS, DEVICE = "10.93.0.1", "10.93.0.8", "tun0"
PORTS = {1460: 7000, 536: 7001, 88: 7002} # by the largest segment that the kernel takes
MARK = 100 # of packets that get lost, and their routing table
FIRST_PORTS = itertools.count(20000, 100)


def echo(connection):
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=echo, args=[connection], daemon=True).start()


class Kernel(Namespace):
    """A namespace with an echo server for each size of segments, behind a TUN device."""

    def __init__(self, lab):
        super().__init__(lab, "kernel")
        self.ip("tuntap", "add", "dev", DEVICE, "mode", "tun")
        self.ip("address", "add", f"{KERNEL}/24", "dev", DEVICE)
        self.ip("link", "set", DEVICE, "up")
        # Where what is lost goes: the kernel must not know.
        self.ip("link", "add", "void", "type", "veth", "peer", "name", "end")
        self.ip("link", "set", "end", "up")
        self.ip("link", "set", "void", "up", "arp", "off")
        self.ip("route", "add", "default", "dev", "void", "table", str(MARK))
        self.ip("rule", "add", "fwmark", str(MARK), "lookup", str(MARK))
        for size, port in PORTS.items():
            with self.inside():
                listener = socket.socket()
            if size < 1460:
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, size)
            listener.bind((KERNEL, port))
            listener.listen(64)
            lab.stack.callback(listener.close)
            threading.Thread(target=serve, args=[listener], daemon=True).start()

    def lose(self, percent):
        rules = "" if percent == 0 else f"""
            table ip loss {{
                chain arriving {{
                    type filter hook prerouting priority raw;
                    iif {DEVICE} numgen random mod 100 < {percent} drop
                }}
                chain leaving {{
                    type route hook output priority mangle;
                    ip saddr {KERNEL} numgen random mod 100 < {percent} meta mark set {MARK}
                }}
            }}"""
        self.run("nft", "-f", "-", text="table ip loss\ndelete table ip loss\n" + rules)

    def talk(self, begin, profile, size=1460, length=100_000, count=1):
        """Runs tcp_tun; returns what it counted."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, TCP_TUN, DEVICE, OURS, KERNEL, str(PORTS[size]),
             str(next(FIRST_PORTS)), begin, profile, str(length), str(count)],
            capture_output=True, text=True, timeout=300, check=False)
        print(f"# {begin} {profile} {size}: {done.stdout.strip()}")
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode}: {done.stderr.strip()}")
        counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", done.stdout)}
        equal(counts["left"], 0, "connections left")
        return counts


def test(lab: Lab):
    kernel = Kernel(lab)

    def whole(begin, profile):
        counts = kernel.talk(begin, profile, count=5)
        equal(counts["mss"], 1448 if profile == "linux" else 1460, "MSS")
        assert counts["resent"] <= 2, "sent again on a path that loses nothing"

    def small_segments(begin, size):
        counts = kernel.talk(begin, "windows", size)
        equal(counts["mss"], size, "MSS")
        assert counts["data"] >= 100_000 // size

    def cookies(begin, profile):
        kernel.write("net/ipv4/tcp_syncookies", 2)
        try:
            kernel.talk(begin, profile, count=5)
        finally:
            kernel.write("net/ipv4/tcp_syncookies", 1)

    def losses(begin, profile, size):
        kernel.lose(5)
        try:
            counts = kernel.talk(begin, profile, size, length=100_000 if size > 88 else 10_000, count=3)
        finally:
            kernel.lose(0)
        assert counts["resent"] + counts["early"] > 0, "nothing was lost"

    begins, profiles = ("adopt", "open"), ("windows", "linux", "mss")
    cases = [(f"{begin}, {profile}: 5 times 100 KB", functools.partial(whole, begin, profile))
             for begin in begins for profile in profiles]
    cases += [(f"{begin}: segments of {size}", functools.partial(small_segments, begin, size))
              for begin in begins for size in (536, 88)]
    cases += [(f"{begin}, {profile}: SYN cookies", functools.partial(cookies, begin, profile))
              for begin in begins for profile in profiles]
    cases += [(f"{begin}, {profile}: segments of {size}, 5% lost", functools.partial(losses, begin, profile, size))
              for begin, profile, size in (("adopt", "windows", 1460), ("open", "linux", 1460),
                                           ("adopt", "mss", 536), ("open", "windows", 88))]
    return run(cases)


if __name__ == "__main__":
    main(test)
