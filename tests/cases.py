# SPDX-License-Identifier: BSD-3-Clause
"""What a test program's output says of its test cases.

A program tells its cases as cmocka, TAP or Python's unittest do, or by a closing line of its own
(`N passed, N failed`). One that tells none is itself a case: exit status 0 passed, 77 skipped,
anything else failed. One that tells only good cases and exits otherwise has failed all the same."""

import re

SKIPPED = 77  # the exit status, as automake and meson have it


class Tally:
    """Counts of test cases, and the names of those to be told about at the end."""

    def __init__(self, passed=0, failures=(), skips=()):
        self.passed, self.failures, self.skips = passed, list(failures), list(skips)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def total(self):
        return self.passed + len(self.failures) + len(self.skips)

    def line(self):
        skipped = f", {len(self.skips)} skipped" if self.skips else ""
        return f"{self.passed} passed, {len(self.failures)} failed{skipped}"


def cmocka_cases(name, text):
    cases = re.findall(r"^\[ RUN +\] (.+?)\s*$", text, re.M)
    verdicts = {}
    for verdict, case in re.findall(r"^\[ +(OK|FAILED|ERROR|SKIPPED) +\] (\w+)\s*$", text, re.M):
        # A bad word on one of two groups' cases of a name is not taken back by a good one.
        verdicts[case] = verdict if verdicts.get(case, "OK") == "OK" else verdicts[case]
    tally = Tally()
    for case in cases:
        verdict = verdicts.get(case, "it never ended")
        if verdict == "OK":
            tally.passed += 1
        elif verdict == "SKIPPED":
            tally.skips.append(f"{name}: {case}")
        else:
            tally.failures.append(f"{name}: {case}")
    return tally


def tap_cases(name, text):
    tally = Tally()
    for bad, number, title, skip, todo in re.findall(
            r"^(not )?ok (\d+)\b[ -]*(.*?)(# *skip\S*.*)?(# *todo.*)?$", text, re.M | re.I):
        case = f"{name}: {title.strip() or number}"
        if skip:
            tally.skips.append(f"{case} {skip}")
        elif bad and not todo:
            tally.failures.append(case)
        else:
            tally.passed += 1
    plan = re.search(r"^1\.\.(\d+)\s*(?:# *(?:skip\S*)? *(.*))?$", text, re.M | re.I)
    if not plan:
        tally.failures.append(f"{name}: ended without its plan (1..N)")
    elif plan[1] == "0":
        tally.skips.append(f"{name}: {plan[2] or 'no cases planned'}")
    elif int(plan[1]) != tally.total():
        tally.failures.append(f"{name}: {plan[1]} cases planned, {tally.total()} told")
    return tally


def closing_line_cases(name, text):
    *_, (passed, failed, skipped) = re.findall(
        r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
    return Tally(int(passed), [f"{name}: (see above)"] * int(failed),
                 [f"{name}: (see above)"] * int(skipped or 0))


def unittest_cases(name, text):
    ran = int(re.search(r"^Ran (\d+) tests? in ", text, re.M)[1])
    skipped = sum(map(int, re.findall(r"^(?:OK|FAILED) \(.*\bskipped=(\d+)", text, re.M)))
    failed = dict.fromkeys(re.findall(r"^(?:FAIL|ERROR): (\w+)", text, re.M)) # a subtest has its own line
    return Tally(ran - len(failed) - skipped, [f"{name}: {case}" for case in failed],
                 [f"{name}: a case (its reason is above)"] * skipped)


def cases_of(name, text, status):
    """The tally of a test program that printed text and exited with status, a number, or ended
    otherwise, which status then tells in words."""
    if status == SKIPPED:
        return Tally(skips=[f"{name}: {(text.strip() or 'no reason given').splitlines()[-1]}"])
    if re.search(r"^\[ RUN +\] ", text, re.M):
        tally = cmocka_cases(name, text)
    elif re.search(r"^(?:not )?ok \d+\b|^1\.\.\d+", text, re.M):
        tally = tap_cases(name, text)
    elif re.search(r"^\d+ passed, \d+ failed", text, re.M):
        tally = closing_line_cases(name, text)
    elif re.search(r"^Ran \d+ tests? in ", text, re.M):
        tally = unittest_cases(name, text)
    else:
        tally = Tally(passed=1) if status == 0 else Tally()
    if status != 0 and not tally.failures:
        tally.failures.append(f"{name}: {status if isinstance(status, str) else f'exit status {status}'}")
    return tally
