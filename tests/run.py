#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs asdic's test suites and counts individual test cases. The last line printed is
`N passed, N failed`, with `, N skipped` after it where some were.

A meson test of suite `long` runs only with --all, one of suite `heavy` not under sanitizers, where
ASDIC_SANITIZED=1 is in its environment.

Most of what scans in real time waits. So suites that only compute run beside it, nicer, and the sanitized
build is made there; what they say is shown when they are over. Sanitized tests run when all else is done."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

from cases import SKIPPED, Tally, cases_of

ROOT = pathlib.Path(__file__).resolve().parent.parent


# Running things.

def as_owner(command):
    """Builds and tests in a user's clone, under sudo, run as that user, as in scripts/lib.sh."""
    owner = ROOT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return command
    return ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups", *command]


def without_aslr(command):
    """The sanitizers of Debian 12 clash with a kernel that randomises addresses by many bits."""
    probe = subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False)
    return ["setarch", "-R", *command] if probe.returncode == 0 else command


def sanitizer_environment():
    suppressions = ROOT / "tests/lsan.supp"
    return dict(
        os.environ, ASDIC_SANITIZED="1",
        ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0",
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
        LSAN_OPTIONS=f"suppressions={suppressions}" if suppressions.exists() else "")


# Process groups of programs that run. None is begun, and none left, once the user has stopped it all.
running, is_stopped = set(), threading.Event()


def stop_all(*_):
    """On ctrl-C and the like, which the main thread alone hears of."""
    is_stopped.set()
    for group in list(running):
        try:
            os.killpg(group, signal.SIGTERM)
        except ProcessLookupError:
            pass
    raise KeyboardInterrupt


def run_program(command, timeout_s, show=None, environment=None):
    """Runs a program with its whole process group bounded in time; returns (text, status)."""
    if is_stopped.is_set():
        return "", "stopped"
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, errors="replace",
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    running.add(process.pid)
    lines, late = [], threading.Event()

    def stop(signum):
        late.set()
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            pass

    # TERM first, so that a test takes its namespaces with it.
    timers = [threading.Timer(timeout_s, stop, [signal.SIGTERM]),
              threading.Timer(timeout_s + 10, stop, [signal.SIGKILL])]
    try:
        for timer in timers:
            timer.start()
        for line in process.stdout:
            lines.append(line)
            if show:
                show(line.rstrip("\n"))
        status = process.wait()
    finally:
        for timer in timers:
            timer.cancel()
        running.discard(process.pid)
    return "".join(lines), f"took more than {timeout_s} s" if late.is_set() else status


def make_build(folder, options, *targets, compiler=None):
    """Configures and builds a folder of its own; returns an error's text or None."""
    environment = dict(os.environ, CC=compiler) if compiler else None
    steps = [["ninja", "-C", folder, "--quiet", *targets]]
    if not (ROOT / folder / "build.ninja").exists():
        steps.insert(0, ["meson", "setup", folder, *options])
    for step in steps:
        text, status = run_program(as_owner(step), 3600, environment=environment)
        if status != 0:
            return text or str(status)
    return None


def say(line):
    print(line, flush=True)


def inner(line):
    """Indented, so that a program's own closing line is not taken for this one's."""
    return f"    {line}"


# The suites: each is given the arguments, and what shows a line.

def run_meson(folder, args, extra=(), environment=None, wrap=lambda command: command):
    """meson test in a build folder, its cases read from meson's log."""
    log = ROOT / folder / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    leave_out = [] if args.all else ["--no-suite", "long"]
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", *leave_out, *extra]
    status = subprocess.run(wrap(as_owner(command)), cwd=ROOT, env=environment, check=False).returncode
    tally = Tally()
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        test = json.loads(line)
        result = {"OK": 0, "EXPECTEDFAIL": 0, "SKIP": SKIPPED}.get(test["result"], test["result"].lower())
        text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        tally.add(cases_of(test["name"], text, result))
    if status != 0 and not tally.failures:
        tally.failures.append(f"meson test -C {folder}: exit status {status}")
    return tally


def plain(args, _show):
    # Many of them wait most of the time: four share two CPUs well.
    processes = str(2 * len(os.sched_getaffinity(0)))
    return run_meson("build", args, ["--num-processes", processes])


def build_sanitized():
    return make_build("build-asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1"])


def sanitize(args, show):
    error = build_sanitized()
    if error:
        show(error)
        return Tally(failures=["build-asan does not build (see above)"])
    return run_meson("build-asan", args, ["--no-suite", "heavy", "--timeout-multiplier", "4"],
                     sanitizer_environment(), without_aslr)


def fuzz_one(target, seconds, show):
    name = target.name
    work = target.parent / f"{name}.corpus"
    subprocess.run(as_owner(["mkdir", "-p", str(work)]), check=True)
    seeds = ROOT / "tests/fuzz/corpus" / name.removeprefix("fuzz_")
    command = [str(target), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4096",
               "-print_final_stats=1", f"-artifact_prefix={work.parent}/{name}.", str(work)]
    if seeds.is_dir():
        command.append(str(seeds))
    text, status = run_program(without_aslr(as_owner(command)), seconds + 120,
                               environment=sanitizer_environment())
    runs = re.search(r"stat::number_of_executed_units: (\d+)", text)
    show(inner(f"{name}: " + (f"{int(runs[1]):,} runs in {seconds} s" if status == 0 and runs
                              else "\n".join(text.splitlines()[-60:]))))
    return Tally(passed=1) if status == 0 else Tally(failures=[f"{name} (see above)"])


def fuzz(args, show):
    error = make_build("build-fuzz", ["-Dfuzzers=true", "-Db_sanitize=address,undefined",
                                      "-Db_lundef=false", "-Doptimization=1",
                                      "-Dc_args=-fsanitize=fuzzer-no-link"], "fuzzers", compiler="clang")
    if error:
        show(error)
        return Tally(failures=["build-fuzz does not build (see above)"])
    targets = sorted(path for path in (ROOT / "build-fuzz/tests/fuzz").glob("fuzz_*")
                     if path.is_file() and os.access(path, os.X_OK))
    # All of them in about a minute, two at a time.
    seconds = int(os.environ.get("FUZZ_SECONDS", 600 if args.all else max(5, 120 // max(1, len(targets)))))
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for result in pool.map(lambda target: fuzz_one(target, seconds, show), targets):
            tally.add(result)
    return tally


def run_programs(paths, timeout_s, show, wrap=lambda command: command, at_once=1, **variables):
    """Programs in their order. What one says is shown as it comes, or at its end where others run at once."""
    environment = dict(os.environ, ASDIC=str(ROOT / "build/app/asdic"), **variables)

    def run(path):
        name = str(path.relative_to(ROOT / "tests"))
        said = [f"  {name}"]
        show_line = said.append if at_once > 1 else show
        if at_once == 1:
            show(said.pop())
        text, status = run_program(wrap([str(path)]), timeout_s, lambda line: show_line(inner(line)), environment)
        if said:
            show("\n".join(said))
        return cases_of(name, text, status)

    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for result in pool.map(run, paths):
            tally.add(result)
    return tally


def executables(pattern):
    return sorted(path for path in ROOT.glob(pattern)
                  if path.is_file() and os.access(path, os.X_OK))


def tools(_args, show):
    return run_programs(executables("tests/tools/*.py"), 60, show, as_owner)


def netns(args, show):
    paths = executables("tests/netns/*.sh") + executables("tests/netns/*.py")
    if os.geteuid() != 0:
        return Tally(skips=[f"netns/{path.name}: network namespaces need root" for path in paths])
    if args.all:
        return run_programs(paths, 3600, show, at_once=2, RESUME_KILLS="200", ASDIC_LONG="1")
    return run_programs(paths, 600, show, at_once=2)


def nic(_args, show):
    return run_programs(executables("tests/nic/nics.py"), 3600, show)


def ledger(_args, show):
    return run_programs(executables("tests/ledger/run"), 1800, show, as_owner)


def debian13(_args, show):
    return run_programs(executables("tests/debian13/run"), 3600, show)


SUITES = {
    "tools": (tools, "the machinery under scripts/ and tests/ itself"),
    "plain": (plain, "every meson test, as built in build/"),
    "sanitize": (sanitize, "every meson test, with ASan and UBSan"),
    "fuzz": (fuzz, "each fuzz target for a while (FUZZ_SECONDS)"),
    "netns": (netns, "scans of real kernels in network namespaces (root)"),
    "nic": (nic, "scans by DPDK's drivers of NICs, in a machine under QEMU (root; only with --all)"),
    "ledger": (ledger, "each ledger increment taken away must be noticed"),
    "debian13": (debian13, "builds and tests in a Debian 13 root (root; only with --all)"),
}
ONLY_WITH_ALL = {"debian13", "nic"}
BESIDE = ("ledger", "fuzz")  # these compute, while others wait
ALONE = ("sanitize",)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/test", description="Runs asdic's tests.")
    parser.add_argument("--all", action="store_true", help="the long tests too: whole-Internet "
                        "simnet, 200 kills, ten minutes of each fuzz target, NICs under QEMU, Debian 13")
    parser.add_argument("--only", action="append", metavar="NAME", default=[],
                        help="only this suite (repeat, or separate by commas)")
    parser.add_argument("--list", action="store_true", help="list the suites")
    args = parser.parse_args()
    args.only = [name for names in args.only for name in names.split(",")]
    unknown = [name for name in args.only if name not in SUITES]
    if unknown:
        parser.error(f"no suite is named {', '.join(unknown)}; there are {', '.join(SUITES)}")
    return args


def report(results):
    total = Tally()
    print(f"\n{'suite':<12}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for name, (tally, seconds) in results.items():
        print(f"{name:<12}{tally.passed:>8}{len(tally.failures):>8}{len(tally.skips):>8}{seconds:>9.0f}")
        total.add(tally)
    for name, (tally, _) in results.items():
        for case in tally.skips:
            print(f"skipped: {name}: {case}")
    for name, (tally, _) in results.items():
        for case in tally.failures:
            print(f"FAILED: {name}: {case}")
    print(total.line(), flush=True)
    return 0 if total.passed and not total.failures else 1


def run_suite(name, args, results, show=say):
    run, what = SUITES[name]
    show(f"\n== {name}: {what}")
    start = time.monotonic()
    tally = run(args, show)
    results[name] = tally, time.monotonic() - start
    show(f"== {name}: {results[name][1]:.0f} s")


def run_beside(names, args, results, and_then):
    """In a thread of its own, and nicer than all else: its children are, too."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    for name in names:
        said = []
        run_suite(name, args, results, said.append)
        say("\n".join(said))
    if and_then:
        and_then()


def run_all(chosen, args):
    """Every suite's result, by its name."""
    results = {}
    beside = [name for name in BESIDE if name in chosen]
    first = [name for name in chosen if name not in BESIDE + ALONE]
    last = [name for name in chosen if name in ALONE]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # An error in the build is told by the suite, which tries again.
        other = pool.submit(run_beside, beside, args, results, build_sanitized if last else None)
        for name in first:
            run_suite(name, args, results)
        other.result()
    for name in last:
        run_suite(name, args, results)
    return {name: results[name] for name in chosen}


def main():
    args = arguments()
    if args.list:
        for name, (_, what) in SUITES.items():
            print(f"{name:<10} {what}")
        return 0
    return report(run_all(args.only or [name for name in SUITES if args.all or name not in ONLY_WITH_ALL], args))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop_all)
    signal.signal(signal.SIGTERM, stop_all)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
