#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The simulated NIC under a program that knows nothing of it: dpdk-testpmd loads the module and sends
for two seconds, without huge pages. Every frame it counts as sent, the world must have heard.

testpmd.py MODULE; exit status 77 where there is no dpdk-testpmd."""

import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

WORLD = """\
networks:
  - cidr: 0.0.0.0/0
    default: {open: 1.3%, closed: 4%}
"""
SECONDS = 2
PATIENCE_S = 60


def read_until(process, words, log):
    """Reads testpmd's output as far as one of the words; False when it ends, or takes too long."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if not select.select([process.stdout], [], [], 1)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            return False
        log.append(data.decode(errors="replace"))
        if any(word in "".join(log) for word in words):
            return True
    return False


def run(module, folder):
    world, report = folder / "world.yaml", folder / "report.json"
    world.write_text(WORLD, encoding="utf-8")
    cpus = sorted(os.sched_getaffinity(0))
    lcores = f"0@{cpus[0]},1@{cpus[-1]}"
    command = ["dpdk-testpmd", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "256",
               "--lcores", lcores, "-d", str(module), "--vdev",
               f"net_simnet0,world={world},report={report},queues=2",
               "--", "--interactive", "--forward-mode=txonly", "--txonly-multi-flow",
               "--rxq=2", "--txq=2", "--total-num-mbufs=8192"]
    log = []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        ready = read_until(process, ["testpmd> "], log)
        if ready:
            process.stdin.write(b"start\n")
            process.stdin.flush()
            time.sleep(SECONDS)
        output, _ = process.communicate(b"stop\nshow port xstats 0\nquit\n" if ready else None,
                                        timeout=PATIENCE_S)
        log.append(output.decode(errors="replace"))
    finally:
        process.kill()
        process.wait()
    return process.returncode, "".join(log), report


def check(status, log, report):
    """What is wrong, or None."""
    if status != 0:
        return f"testpmd's exit status is {status}"
    sent = re.search(r"Accumulated forward statistics.*?TX-packets: (\d+)", log, re.S)
    if sent is None or int(sent.group(1)) == 0:
        return "testpmd has sent nothing"
    if "world_frames:" not in log:
        return "no extended statistics"
    heard = json.loads(report.read_text(encoding="utf-8"))
    if heard["frames"] != int(sent.group(1)):
        return f"testpmd has sent {sent.group(1)} frames, the world has heard {heard['frames']}"
    if heard["other"] != heard["frames"] or heard["frames_out"] != 0:
        return f"UDP is not what the world answers: {heard}"
    print(f"{heard['frames'] / SECONDS / 1e6:.1f} M frames/s from testpmd into simnet")
    return None


def main():
    if shutil.which("dpdk-testpmd") is None:
        print("no dpdk-testpmd here")
        sys.exit(77)
    module = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="simnet-testpmd-") as folder:
        status, log, report = run(module, pathlib.Path(folder))
        fault = check(status, log, report)
    if fault:
        print(log, fault, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
