# SPDX-License-Identifier: BSD-3-Clause
"""Runs asdic against the simulated Internet and reads back what asdic, its files and the world say.

What a world's truth is comes from tests/truth.py, which computes it from the published formula."""

import atexit
import collections
import functools
import ipaddress
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import yaml

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))
import truth  # noqa: E402
import truth_names  # noqa: E402,F401
from truth import CLOSED, OPEN, SILENT, UNREACHABLE  # noqa: E402,F401

ASDIC = os.environ.get("ASDIC", str(TESTS.parent / "build/app/asdic"))
SANITIZED = bool(os.environ.get("ASDIC_SANITIZED"))

KINDS = ("synack", "rst", "icmp")  # what an open, a closed and an unreachable target answers by

# Everything as quick as the CPU allows, and nothing but results on standard error's account.
FAST = ("--rate", "unlimited", "-q")
VIRTUAL = ("--virtual-clock", "--test-key", *FAST)


# Whoever runs out of time is sent SIGTERM: as on ctrl-C, scans and folders go with the test.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# A scan heeds SIGHUP unless it is to be ignored, as nohup would have it of all that it starts.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Worlds and sets of addresses.

def network(cidr, **keys):
    return {"cidr": cidr, **keys}


def world(*networks, seed=1, **keys):
    """The text of a world file."""
    return yaml.safe_dump({"seed": seed, "networks": list(networks), **keys}, sort_keys=False)


class Targets:
    """What a scan is to probe: ranges of addresses for each port, and what the formula says of them."""

    def __init__(self, *texts, ports, minus=()):
        ranges = truth.subtract(truth.read_ranges(texts), truth.read_ranges(minus))
        self.parts = [(ranges, port) for port in ports]

    def __add__(self, other):
        """The targets of both, which have none in common."""
        both = Targets(ports=())
        both.parts = self.parts + other.parts
        return both

    def __len__(self):
        return sum(truth.digest(ranges, port)[0] for ranges, port in self.parts)

    def digest(self):
        return sum(truth.digest(ranges, port)[1] for ranges, port in self.parts) % truth.ALL

    def all(self):
        """Every target as address * 65536 + port, ascending."""
        arrays = [truth.keys(first, last, port) for ranges, port in self.parts for first, last in ranges]
        return np.sort(np.concatenate(arrays))

    def in_state(self, text, state):
        """Those in a state of the world of that text, likewise."""
        described = truth.World(yaml.safe_load(text))
        arrays = [found << np.uint64(16) | np.uint64(port) for ranges, port in self.parts
                  for found in truth.addresses(described, ranges, port, state)]
        return np.sort(np.concatenate(arrays)) if arrays else np.array([], dtype=np.uint64)


def target_text(key):
    return f"{ipaddress.ip_address(int(key) >> 16)}:{int(key) & 0xffff}"


# Results.

def parse_ledger(stderr):
    """The terms of the ledger that a scan printed, and whether it said that it is balanced."""
    terms = collections.Counter()
    for line in re.findall(
            r"^  (?:targets|sent|received|replies|segments|grabs|names|lookups|tries|records): +(.*)$", stderr, re.M):
        for name, count in re.findall(r"(?:^|, )([A-Za-z][A-Za-z -]*?) (\d+)", line):
            terms[name] += int(count)
    return terms, re.search(r"^ledger, balanced:$", stderr, re.M) is not None


def integers(data):
    """Lines of integers parted by commas, as one flat array."""
    return np.fromstring(data.replace(b"\n", b","), dtype=np.uint64, sep=",")


def target_keys(saddr_raw, sport):
    """saddr_raw is the address as it stands in the packet, read as a little-endian number."""
    return saddr_raw.astype(np.uint32).byteswap().astype(np.uint64) << np.uint64(16) | sport


class Records:
    """Rows of COLUMNS as arrays."""

    COLUMNS = "saddr_raw,sport,classification,repeat"

    def __init__(self, data):
        for number, kind in enumerate(KINDS):
            data = data.replace(kind.encode(), b"%d" % number)
        rows = integers(data).reshape(-1, 4)
        self.keys = target_keys(rows[:, 0], rows[:, 1])
        self.kind = rows[:, 2]
        self.is_repeat = rows[:, 3] == 1

    def first(self, state):
        """The targets of first replies of the kind that hosts of a state give, as they came."""
        return self.keys[(self.kind == state) & ~self.is_repeat]


class Run:
    """What came of one run of asdic."""

    def __init__(self, status, stdout, stderr, seconds, report_path):
        self.status, self.stdout, self.stderr, self.seconds = status, stdout, stderr, seconds
        self.ledger, self.balanced = parse_ledger(stderr)
        self.report = None
        if report_path.exists():
            self.report = json.loads(report_path.read_text(encoding="utf-8"))
            self.digest = int(self.report["syn_digest"], 16)

    def syn_of(self, cidr):
        """SYNs that the world has heard for one of its networks."""
        return next(n["syn"] for n in self.report["networks"] if n["cidr"] == cidr)


@functools.cache
def certificates(description):
    """The folder of a world's certificates. Keys of RSA take seconds: they are made once in a process."""
    folder = tempfile.TemporaryDirectory(prefix="asdic-certificates-")
    atexit.register(folder.cleanup)
    path = pathlib.Path(folder.name) / "world.yaml"
    path.write_text(yaml.safe_dump({"networks": [], "certificates": json.loads(description)}))
    subprocess.run([ASDIC, "world", str(path), "--make-certificates"], check=True, stdout=subprocess.DEVNULL)
    return path.parent / "certificates"


class SimnetTest(unittest.TestCase):
    """A test with a folder of its own and asdic at hand."""

    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="asdic-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # A test's scans are nobody else's: no opt-outs of the machine, no commands from elsewhere.
        os.environ["ASDIC_OPTOUT"] = str(self.folder / "optout.conf")
        os.environ["ASDIC_RUN_DIR"] = str(self.folder / "run")
        self.runs = 0

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def asdic(self, *arguments, stdin=None, timeout=300):
        """Any command; (status, stdout, stderr) with texts."""
        done = subprocess.run([ASDIC, *map(str, arguments)], input=stdin, capture_output=True,
                              text=True, timeout=timeout, check=False, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def device(self, text, **devargs):
        """-i for a world, with a report to read back later; the report's path."""
        self.runs += 1
        path = self.write(f"world-{self.runs}.yaml", text)
        report = self.folder / f"report-{self.runs}.json"
        more = "".join(f",{key}={value}" for key, value in devargs.items())
        return f"net_simnet0,world={path},report={report}{more}", report

    def scan(self, text, *flags, stdin=None, timeout=300, status=0, devargs=None):
        """Scans a world to its end, which must be of that status with the ledger balanced."""
        device, report = self.device(text, **(devargs or {}))
        start = time.monotonic()
        done = subprocess.run([ASDIC, "scan", "-i", device, *map(str, flags)], input=stdin,
                              capture_output=True, timeout=timeout, check=False, cwd=self.folder)
        run = Run(done.returncode, done.stdout, done.stderr.decode(errors="replace"),
                  time.monotonic() - start, report)
        self.assertEqual(run.status, status, run.stderr)
        self.assertTrue(run.balanced, run.stderr)
        return run

    def responders(self, text, *flags, **keys):
        """A scan as it is by default, with its responders as an array in the order of its rows."""
        run = self.scan(text, "-f", "saddr_raw,sport", "--set", "output.header=false", *flags, **keys)
        rows = integers(run.stdout).reshape(-1, 2)
        run.found = target_keys(rows[:, 0], rows[:, 1])
        return run

    def records(self, text, *flags, **keys):
        """A scan of every kind of reply, with its rows as arrays."""
        run = self.scan(text, "-f", Records.COLUMNS, "--set", "output.header=false",
                        "--output-filter", "", *flags, **keys)
        run.records = Records(run.stdout)
        return run

    def assert_same(self, found, expected, what):
        """Two arrays of targets hold the same, each once, in any order."""
        found, counts = np.unique(found, return_counts=True)
        if np.array_equal(found, expected) and np.all(counts == 1):
            return
        missing, extra = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
        shown = [target_text(key) for key in [*missing[:3], *extra[:3]]]
        self.fail(f"{what}: {len(expected)} expected, {len(missing)} missing, {len(extra)} too many, "
                  f"{np.count_nonzero(counts > 1)} more than once: {', '.join(shown)}")

    def assert_none_else(self, found, expected, what):
        """Targets, each once at most, that are among the expected ones."""
        self.assertEqual(len(np.unique(found)), len(found), f"{what}: some more than once")
        self.assert_subset(found, expected, what)

    def assert_subset(self, found, expected, what):
        false = np.setdiff1d(found, expected)
        self.assertEqual(len(false), 0, f"{what}: {[target_text(key) for key in false[:5]]} ...")

    def assert_probed(self, run, targets):
        """Each of these targets was probed once and no other was, by the world's own account."""
        self.assertEqual(run.report["syn"], len(targets))
        self.assertEqual(run.digest, targets.digest())
        # Nor did the gate have to see to it: what it stops should never have come so far.
        self.assertEqual(run.ledger["probes gated"], 0)

    def assert_reconciles(self, run):
        """asdic's ledger and the world's counters tell of the same frames."""
        ledger, heard = run.ledger, run.report
        self.assertEqual(
            {"probes": ledger["probes sent"], "resets": ledger["resets sent"],
             "received": ledger["received"], "misunderstood": 0, "no room": 0,
             "gated": ledger["resets gated"]},
            {"probes": heard["syn"], "resets": heard["answers"], "received": heard["frames_out"],
             "misunderstood": heard["malformed"] + heard["bad_checksum"] + heard["other"],
             "no room": heard["events_refused"], "gated": 0}, run.stderr)

    def kill_soon(self, *flags):
        """A run with its records in out.ndjson, killed a moment after its first checkpoint."""
        process = subprocess.Popen([ASDIC, *flags], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        while not (self.folder / "out.ndjson.checkpoint").exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(0.7)
        process.kill()
        process.wait()


class CertifiedTest(SimnetTest):
    """Worlds with certificates, which are beside them in a folder of that name."""

    CERTIFICATES = {}

    def setUp(self):
        super().setUp()
        self.certificates = certificates(json.dumps(self.CERTIFICATES))
        (self.folder / "certificates").symlink_to(self.certificates)
