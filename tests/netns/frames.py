# SPDX-License-Identifier: BSD-3-Clause
"""Captures by tcpdump, and what they hold: Ethernet, IPv4 and TCP, parsed without mercy."""

import contextlib
import dataclasses
import signal
import socket
import struct

from lab import re_number, wait_for

SYN, RST, ACK = 0x02, 0x04, 0x10
ETHERTYPE_IPV4 = 0x0800


@dataclasses.dataclass
class Frame:
    time_ns: int
    data: bytes    # from the Ethernet header on, with its padding

    def source_mac(self):
        return self.data[6:12].hex(":")

    def ether_type(self):
        return int.from_bytes(self.data[12:14], "big")


@dataclasses.dataclass
class Segment:
    """A TCP segment in an IPv4 packet without fragments."""
    ttl: int
    ip_id: int
    dont_fragment: bool
    source: str
    destination: str
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes

    def flow(self):
        return self.source, self.source_port, self.destination, self.destination_port

    def reverse(self):
        return self.destination, self.destination_port, self.source, self.source_port


def sums_to_ones(*parts):
    """Whether a checksum over parts (of even lengths, but for the last) is right, as of RFC 1071."""
    text = b"".join(parts)
    if len(text) % 2:
        text += b"\0"
    total = sum(struct.unpack(f"!{len(text) // 2}H", text))
    return total != 0 and total % 0xFFFF == 0


def segment(frame):
    """The TCP segment of a frame; ValueError for anything that is not right with it."""
    ip = frame.data[14:]
    version_ihl, _, length, ip_id, fragment, ttl, protocol, _, source, destination = struct.unpack(
        "!BBHHHBBH4s4s", ip[:20])
    if version_ihl != 0x45 or protocol != socket.IPPROTO_TCP or fragment & 0xBFFF or length > len(ip):
        raise ValueError(f"no plain TCP over IPv4: {frame.data.hex()}")
    if not sums_to_ones(ip[:20]):
        raise ValueError(f"IPv4 checksum: {frame.data.hex()}")
    tcp = ip[20:length]
    if not sums_to_ones(source, destination, struct.pack("!HH", protocol, len(tcp)), tcp):
        raise ValueError(f"TCP checksum: {frame.data.hex()}")
    source_port, destination_port, seq, ack, offset, flags, window, _, _ = struct.unpack(
        "!HHIIBBHHH", tcp[:20])
    header = (offset >> 4) * 4
    if not 20 <= header <= len(tcp):
        raise ValueError(f"TCP header: {frame.data.hex()}")
    return Segment(ttl, ip_id, bool(fragment & 0x4000), socket.inet_ntoa(source),
                   socket.inet_ntoa(destination), source_port, destination_port, seq, ack, flags,
                   window, tcp[20:header], tcp[header:])


def read_capture(path):
    """The frames of a capture file with nanoseconds, in order."""
    text = path.read_bytes()
    if struct.unpack_from("<I", text)[0] != 0xA1B23C4D:
        raise ValueError("not a capture with nanoseconds")
    frames, at = [], 24
    while at < len(text):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", text, at)
        if kept != length:
            raise ValueError("a frame is cut")
        at += 16
        frames.append(Frame(seconds * 10**9 + nanoseconds, text[at:at + kept]))
        at += kept
    return frames


@contextlib.contextmanager
def captured(target, interface):
    """In this context all frames of an interface of the target's are captured; gives a list, which
    holds them afterwards. That none was lost is seen to."""
    frames = []
    path, log_path = target.lab.folder / "capture", target.lab.folder / "tcpdump.log"
    with open(log_path, "wb") as log:
        # A buffer of 64 MiB. Without -Z tcpdump gives up root before it opens the file.
        tcpdump = target.spawn("tcpdump", "-i", interface, "-w", str(path), "-B", "65536", "-Z", "root",
                               "--time-stamp-precision=nano", stderr=log)
        wait_for(lambda: "listening on" in log_path.read_text(), "tcpdump")
        yield frames
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.wait(20)
    lost = re_number(r"(\d+) packets? dropped by kernel", log_path.read_text())
    if lost:
        raise RuntimeError(f"tcpdump lost {lost} frames")
    frames.extend(read_capture(path))


def busiest(times_ns, window_ns):
    """The most of the times that any window of that length holds, and where it begins; a window holds
    its beginning and not its end."""
    best, first = (0, 0), 0
    for last, time_ns in enumerate(times_ns):
        while times_ns[first] <= time_ns - window_ns:
            first += 1
        best = max(best, (last - first + 1, times_ns[first]))
    return best
