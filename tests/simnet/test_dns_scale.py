#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names by the million, from standard input: each answer as the world has it, with losses and late answers counted
apart; forgeries, none of which is believed; memory that no list's length adds to; and kills at any moment.

ASDIC_LONG=1: ten million names at 50,000 in flight, four million forgeries, lists of up to thirty million, twenty
kills; else a part of each."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import random
import re
import socket
import subprocess
import time
import unittest

import numpy as np
import yaml
from harness import ASDIC, Run, SimnetTest, network, world
from truth_names import Many, Names

LONG = bool(os.environ.get("ASDIC_LONG"))
SEED = int(os.environ.get("DNS_SEED", "1"))
BLOCK = 1 << 25

RESOLVERS = "11.9.0.0/22"  # a thousand of them
NAMES = {"exists": "80%", "servfail": "0.2%", "alias": "10%"}


def internet(latency, loss="0%", forge=0):
    return world(network(RESOLVERS, ports={53: {"open": "100%", "services": {"ns": "100%"}}},
                         latency={"min": latency[0], "max": latency[1]}, loss={"out": loss, "back": loss}),
                 services={"ns": {"kind": "dns", "forge": forge}}, names=NAMES, seed=77)


ADDRESS = re.compile(rb'"type":"A","class":"IN","name":"[^"]*","answer":"([\d.]+)"')
CODES = {name.encode(): code for code, name in enumerate((*Many.STATUSES, "TIMEOUT"))}
UNRESOLVED = CODES[b"TIMEOUT"]


@dataclasses.dataclass
class Seen:
    """What a block of records holds."""
    numbers: np.ndarray
    wrong: list
    unresolved: int
    seconds: float  # that lookups took, in all


def between(line, before, after, start=0):
    """What stands between two texts, and where it ends. Regular expressions take four times as long."""
    at = line.index(before, start) + len(before)
    end = line.index(after, at)
    return line[at:end], end


def row_of(line):
    """The name's number, the status, how many aliases, three addresses, whether there are answers at all, and the
    microseconds that it took."""
    number, at = between(line, b'"name":"n', b'.example.org","results":{"A":{')
    duration, after = between(line, b'"duration":', b",", at)
    status, _ = between(line, b'"status":"', b'"', after)
    begin = line.find(b'"answers":[', at, after)
    answers = line[begin:line.index(b"]", begin)] if begin >= 0 else b""
    found = [int.from_bytes(socket.inet_aton(text.decode()), "big") for text in ADDRESS.findall(answers)]
    return (int(number), CODES.get(status, -1), answers.count(b'"type":"CNAME"'), *found, *[0] * (3 - len(found)),
            begin >= 0, int(float(duration) * 1e6))


def look_at(block):
    """The records of a block of lines, held against `expected`, which is this process's parent's."""
    lines = block.split(b"\n")[:-1]
    rows = np.array([row_of(line) for line in lines], dtype=np.int64)
    at, status, is_unresolved = rows[:, 0], rows[:, 1], rows[:, 1] == UNRESOLVED
    # A SERVFAIL stands without its message where the last try was lost.
    is_bare = (status == Many.SERVFAIL) & (rows[:, 6] == 0)
    is_right = ((status == expected.status[at]) & ((rows[:, 2] == expected.aliases[at]) | is_bare)
                & (rows[:, 3:6] == expected.addresses[at]).all(axis=1))
    wrong = [lines[i].decode() for i in np.flatnonzero(~is_right & ~is_unresolved)[:10]]
    return Seen(at, wrong, int(is_unresolved.sum()), rows[:, 7].sum() / 1e6)


def blocks_of(path):
    """The lines of a file, in large pieces."""
    with contextlib.ExitStack() as stack:
        if path.suffix == ".zst":
            process = stack.enter_context(subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE))
            file = process.stdout
        else:
            file = stack.enter_context(open(path, "rb"))
        rest = b""
        while block := file.read(BLOCK):
            whole, newline, rest_of = (rest + block).rpartition(b"\n")
            rest = rest_of
            yield whole + newline
        assert not rest, "the last line has no end"


def wait_for(process):
    """Until it ends: the most memory that it had, in KB, and its usage. (That of getrusage(2) is this process's, where that
    is more.)"""
    memory_kb = 0
    while True:
        with contextlib.suppress(OSError):
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                found = re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.M)
            memory_kb = max(memory_kb, int(found[1]) if found else 0)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            process.returncode = os.waitstatus_to_exitcode(status)
            return memory_kb, usage
        time.sleep(0.05)


class ScaleTest(SimnetTest):
    def setUp(self):
        super().setUp()
        self.resolvers = self.write("resolvers", "".join(
            f"11.9.{i >> 8}.{i & 255}\n" for i in range(1024) if 0 < (i & 255) < 255))

    def flags(self, text, *more):
        device, self.report = self.device(text, events=1 << 22, connections=1 << 18)
        return ["dns", "-i", device, "--resolvers", self.resolvers, "--types", "A", "--tries", "6", "-q",
                "--set", "rate=unlimited", *map(str, more)]

    def look_up(self, text, names, *more, status=0):
        """Lists come from another process, however long they are; Run, with `memory_kb` and `cpu_seconds`."""
        with open(self.folder / "stderr", "w+", encoding="utf-8") as log, \
                subprocess.Popen(names, stdout=subprocess.PIPE) as source:
            start = time.monotonic()
            process = subprocess.Popen([ASDIC, *self.flags(text, *more), "-"], stdin=source.stdout, stderr=log,
                                       stdout=subprocess.DEVNULL, cwd=self.folder)
            source.stdout.close()
            memory_kb, usage = wait_for(process)
            log.seek(0)
            run = Run(process.returncode, b"", log.read(), time.monotonic() - start, self.report)
        run.memory_kb, run.cpu_seconds = memory_kb, usage.ru_utime + usage.ru_stime
        self.assertEqual(run.status, status, run.stderr)
        self.assertTrue(run.balanced, run.stderr)
        return run

    @staticmethod
    def numbered(count):
        return ["seq", "-f", "n%.0f.example.org", "0", str(count - 1)]

    def check(self, path, text, count, processes=2):
        """Each name has one record, with the answer that the world has for it, but for one in ten thousand that none came
        for. How long lookups took in all."""
        global expected
        expected = Many(Names(yaml.safe_load(text)), count)
        times, seconds, unresolved = np.zeros(count, dtype=np.uint8), 0.0, 0
        for seen in self.look_at_all(path, processes):
            self.assertEqual(seen.wrong[:5], [], "records that are not as the world has them")
            np.add.at(times, seen.numbers, 1)
            seconds += seen.seconds
            unresolved += seen.unresolved
        self.assertEqual(np.count_nonzero(times != 1), 0,
                         f"names without a record, or with several: {np.flatnonzero(times != 1)[:5]}")
        self.assertLessEqual(unresolved, count / 10000)
        return seconds

    @staticmethod
    def look_at_all(path, processes):
        with concurrent.futures.ProcessPoolExecutor(processes) as pool:
            waiting = collections.deque()
            for block in blocks_of(path):
                waiting.append(pool.submit(look_at, block))
                if len(waiting) > processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def tell(self, what, run, count):
        print(f"{what}: {count:,} names in {run.seconds:.0f} s, {count / run.seconds:,.0f}/s; {run.cpu_seconds:.0f} s "
              f"of CPU, {count / run.cpu_seconds:,.0f} for each; {run.memory_kb >> 10} MB resident", flush=True)


class Millions(ScaleTest):
    def test_every_answer(self):
        """At two seconds' distance and two queries in a hundred without an answer: 50,000 names are under way."""
        count = 10_000_000 if LONG else 100_000
        text = internet(("1600ms", "2400ms") if LONG else ("100ms", "300ms"), loss="1%")
        run = self.look_up(text, self.numbered(count), "--timeout", "4s", "-o", "found.ndjson.zst")
        seconds = self.check(self.folder / "found.ndjson.zst", text, count)
        self.tell("millions", run, count)
        print(f"{seconds / run.seconds:,.0f} in flight on average", flush=True)
        if LONG:
            self.assertGreater(seconds / run.seconds, 30_000)
        ledger, heard = run.ledger, run.report
        self.assertEqual((ledger["lookup records made"], ledger["questions"]), (count, count), run.stderr)
        self.assertEqual((heard["dns"], heard["events_refused"], heard["segments_refused"]),
                         (ledger["queries sent"], 0, 0))
        self.check_lost(run)
        self.assertGreater(heard["lost_out"] + heard["lost_back"], ledger["queries sent"] / 60)

    def test_late_is_not_lost(self):
        """Where a part of the answers takes longer than a try: each try without one is of a packet lost, or of an answer
        that is counted when it comes."""
        count = 300_000 if LONG else 50_000
        text = internet(("100ms", "330ms"), loss="1%")
        run = self.look_up(text, self.numbered(count), "--timeout", "300ms", "--tries", "10", "-o", "found.ndjson",
                           "--set", "rate=20k")
        self.assertGreater(self.manifest()["dns_replies_late"], count / 20)
        self.check_lost(run)
        self.check(self.folder / "found.ndjson", text, count)

    def manifest(self):
        path = next(self.folder.glob("*.manifest.json"))
        return json.loads(path.read_text(encoding="utf-8"))

    def check_lost(self, run):
        """A try is lost by what the world loses, by what a lcore that was kept off its CPU for seconds had no room for, or
        its answer is late: then it is counted when it comes, which at the end of all it may not do any more."""
        manifest = self.manifest()
        lost = run.report["lost_out"] + run.report["lost_back"] + run.ledger["segments that found no room"]
        late, others = manifest["dns_replies_late"], ("forged", "malformed", "repeated")
        self.assertEqual([manifest[f"dns_replies_{other}"] for other in others], [0, 0, 0])
        self.assertLessEqual(lost + late, run.ledger["tries lost"] + run.ledger["tries stopped"])
        self.assertGreaterEqual(lost + late, 0.9 * run.ledger["tries lost"])


class Forged(ScaleTest):
    def test_none_is_believed(self):
        """Ten answers of others' come before each server's own, right but for one thing."""
        count = 400_000 if LONG else 20_000
        text = internet(("50ms", "150ms"), loss="1%", forge=10)
        # So few are under way that the world has room for all of it: what it has none for it does not say.
        run = self.look_up(text, self.numbered(count), "--timeout", "500ms", "--dns-rate", "12k", "-o", "found.ndjson")
        self.tell("forgeries", run, count)
        forged = run.report["dns_forged"]
        print(f"{forged:,} forgeries", flush=True)
        self.assertGreaterEqual(forged, 10 * count)
        self.check(self.folder / "found.ndjson", text, count)
        # Those that the world loses on their way are not heard; nor those of a server whose own came first.
        manifest = Millions.manifest(self)
        told = sum(n for key, n in manifest.items() if key.startswith("dns_replies_"))
        self.assertGreater(told + run.ledger["segments that found no room"], 0.95 * forged)


class Memory(ScaleTest):
    """What is in flight costs memory, and no more than that. How much that comes to be is by chance, but on the virtual
    clock; there it is little, since lists are short."""

    TEXT = internet(("20ms", "60ms"))
    LENGTHS = (1_000_000, 10_000_000, 30_000_000) if LONG else (250_000, 500_000)
    FLAGS = () if LONG else ("--virtual-clock", "--test-key", "--dns-rate", "40k", "--timeout", "200ms")
    SHARDS = 100_000_000 if LONG else 4_000_000

    def test_no_list_is_too_long(self):
        memory_kb = []
        for count in self.LENGTHS:
            run = self.look_up(self.TEXT, self.numbered(count), "-o", "/dev/null", *self.FLAGS)
            self.tell("memory", run, count)
            self.assertEqual(run.ledger["lookup records made"], count)
            memory_kb.append(run.memory_kb)
        grown_kb = memory_kb[-1] - memory_kb[-2]
        self.assertLess(grown_kb << 10, 32 * (self.LENGTHS[-1] - self.LENGTHS[-2]), "bytes for each name more")
        self.assertLess(memory_kb[-1], 700 << 10)

    def test_a_hundred_million_lines(self):
        """Read to the end, each two thousandth looked up: a shard of a list is as long as the list."""
        run = self.look_up(self.TEXT, self.numbered(self.SHARDS), "-o", "/dev/null", "--shard", "7/2000",
                           "--set", "order.seed=1")
        self.tell("a shard", run, self.SHARDS)
        self.assertEqual(run.ledger["lookups answered"], self.SHARDS // 2000)
        self.assertLess(run.memory_kb, 700 << 10)


class Killed(ScaleTest):
    COUNT = 2_000_000 if LONG else 100_000
    KILLS = 20 if LONG else 3
    TEXT = internet(("50ms", "150ms"), loss="1%")

    def begin(self, flags, chance):
        go_on = (self.folder / "found.ndjson.checkpoint").exists()
        process = subprocess.Popen([ASDIC, *flags, "--lcores", chance.choice("123"), "--resume" if go_on else "--force"],
                                   cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.communicate()))
        return process

    def has_begun(self):
        """A checkpoint of this run, by the time that it was renamed into place."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "found.ndjson.checkpoint").stat().st_mtime_ns
        return 0

    def test_each_name_once(self):
        """Nothing that was looked up before the last checkpoint is asked again, and nothing is left out."""
        path = self.folder / "names.txt"
        with open(path, "wb") as file:
            subprocess.run(self.numbered(self.COUNT), stdout=file, check=True)
        chance = random.Random(SEED)
        # Half as long again as the kills take, on a machine that has the time.
        flags = self.flags(self.TEXT, "--timeout", "1s", "--set", f"rate={self.COUNT // (3 * self.KILLS)}", path,
                           "-o", "found.ndjson")
        kills = 0
        for _ in range(self.KILLS):
            before = self.has_begun()
            process = self.begin(flags, chance)
            deadline = time.monotonic() + 120
            while self.has_begun() == before and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.1, 1.5))
            process.kill()
            if process.wait() == 0:
                break
            kills += 1
        self.assertGreater(kills, self.KILLS // 2, "it ended before it was killed")
        process = self.begin(flags, chance)
        _, stderr = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, stderr)
        print(f"{kills} kills", flush=True)
        self.check(self.folder / "found.ndjson", self.TEXT, self.COUNT)
        self.assertEqual(sorted(p.name for p in self.folder.glob("*.checkpoint*")), ["found.ndjson.checkpoint"])


if __name__ == "__main__":
    unittest.main()
