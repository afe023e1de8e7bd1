#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rate of queries is a promise, whatever carries them: in any 100 ms at most dns.rate * 100 ms and one
burst leave, over UDP and TCP together; and the rate of all frames holds for what TCP sends besides.

Frames are seen as they are sent, in a capture that the simulation makes on the virtual clock."""

import json
import struct
import unittest

import numpy as np
from harness import SimnetTest, network, world

BURST = 32
WINDOW_NS = 100_000_000
RESOLVERS = [f"11.9.0.{i}" for i in range(4)]
SYN, ACK = 2, 16


def read_frames(path):
    """(time in ns, protocol, TCP's flags, whether it has data) of each frame to port 53."""
    data = path.read_bytes()
    at, frames = 24, []
    while at < len(data):
        seconds, ns, length, _ = struct.unpack_from("<4I", data, at)
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        if frame[12:14] != b"\x08\x00" or frame[36:38] != b"\x00\x35":
            continue
        is_tcp = frame[23] == 6
        has_data = is_tcp and int.from_bytes(frame[16:18], "big") > 20 + (frame[46] >> 4) * 4
        frames.append((seconds * 10**9 + ns, frame[23], frame[47] if is_tcp else 0, has_data))
    return frames


def most_in_a_window(times):
    times = np.array(sorted(times))
    ends = np.searchsorted(times, times + WINDOW_NS, side="left")
    return int((ends - np.arange(len(times))).max())


class DnsPace(SimnetTest):
    def frames_of(self, share, names, *flags, **keys):
        text = world(network("11.9.0.0/30", ports={53: {"open": "100%", "services": {"ns": "100%"}}},
                             latency={"min": "20ms", "max": "20ms"}),
                     services={"ns": {"kind": "dns"}}, names={"truncated": share}, seed=3)
        path = self.write("names.txt", "".join(f"n{i}.example.org\n" for i in range(names)))
        dns = {"resolvers": RESOLVERS, "lookups": [{"names_file": path, "types": ["A"]}], **keys}
        capture = self.folder / "sent.pcap"
        run = self.scan(text, "--set", f"dns={json.dumps(dns)}", "--virtual-clock", "--test-key", "-q", "-o",
                        "out.ndjson", *flags, devargs={"capture": capture})
        records = [json.loads(line) for line in (self.folder / "out.ndjson").read_text().splitlines()]
        self.assertEqual({r["results"]["A"]["status"] for r in records}, {"NOERROR"})
        self.assertEqual(len(records), names)
        return read_frames(capture), records, run

    def check(self, frames, rate, queries):
        """What begins a query: a datagram, or a SYN."""
        times = [at for at, protocol, flags, _ in frames if protocol == 17 or flags == SYN]
        self.assertEqual(len(times), queries)
        self.assertLessEqual(most_in_a_window(times), rate // 10 + BURST)
        self.assertGreater(most_in_a_window(times), 0.9 * rate / 10, "the promise is used")
        # Questions as resolvers get them: at a constant distance TCP's come so much later.
        times = [at for at, protocol, _, has_data in frames if protocol == 17 or has_data]
        self.assertLessEqual(most_in_a_window(times), rate // 10 + 2 * BURST)
        seconds = (max(times) - min(times)) / 1e9
        self.assertGreater(seconds, 0.99 * (queries - BURST) / rate)
        self.assertLess(seconds, 1.15 * queries / rate + 0.2)

    def test_queries(self):
        for share, tcp in (("100%", 1500), (0, 0)):
            for rate in (500, 3000):
                with self.subTest(share=share, rate=rate):
                    frames, records, run = self.frames_of(share, 1500, "-r", "1M", "--force", rate=rate)
                    self.assertEqual(sum(r["results"]["A"]["data"]["protocol"] == "tcp" for r in records), tcp)
                    self.assertEqual(run.ledger["queries sent"], 1500)
                    self.check(frames, rate, 1500 + tcp)

    def test_half_of_them(self):
        frames, records, _ = self.frames_of("50%", 3000, "-r", "1M", rate=2000)
        tcp = sum(r["results"]["A"]["data"]["protocol"] == "tcp" for r in records)
        self.assertTrue(1200 < tcp < 1800)
        self.check(frames, 2000, 3000 + tcp)

    def test_all_frames(self):
        """Below what TCP's handshakes and answers would need: the whole rate holds, and nothing is lost by it."""
        rate = 1000
        frames, _, _ = self.frames_of("100%", 1000, "-r", rate, rate=5000, timeout="5s")
        times = [at for at, *_ in frames]
        self.assertGreater(len(times), 3800)
        self.assertLessEqual(most_in_a_window(times), rate // 10 + BURST)
        self.assertGreater((max(times) - min(times)) / 1e9, 0.99 * (len(times) - BURST) / rate)

    def test_little(self):
        """At ten a second there are no bursts."""
        frames, _, _ = self.frames_of("100%", 15, "-r", "1M", rate=10, timeout="30s")
        times = sorted(at for at, protocol, flags, _ in frames if protocol == 17 or flags == SYN)
        self.assertEqual(len(times), 30)
        self.assertGreaterEqual(min(np.diff(times)), 99_000_000)


if __name__ == "__main__":
    unittest.main()
