#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the machine lacks is told of in words, with exit status 3."""

import functools
import re
import shutil
import subprocess

from lab import ASDIC, DRIVERS, IFACE, Lab, Namespace, main, run

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def test(lab: Lab):
    namespace = Namespace(lab, "scanner")
    namespace.ip("link", "add", IFACE, "type", "veth", "peer", "name", "downlink")
    namespace.ip("link", "set", IFACE, "up")
    # Where everybody can run it, wherever it was built.
    lab.folder.chmod(0o755)
    binary = shutil.copy(ASDIC, lab.folder / "asdic")

    def refuses(device, words, prefix=()):
        scan = namespace.spawn(
            *prefix, str(binary), "scan", "-i", device, "-S", "10.90.0.8/29", "-g", "10.90.0.1",
            "-p", "80", "--set", "targets.allow_reserved=[10.91.0.0/16]", "-o", "-", "10.91.0.0/16",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, log = scan.communicate(timeout=20)
        assert scan.returncode == 3, f"exit status {scan.returncode}:\n{log}"
        assert not output, f"standard output: {output}"
        assert re.search(words, log), f"nothing like '{words}' in:\n{log}"
        assert len(log.splitlines()) <= 3, f"too many words:\n{log}"

    cases = []
    for driver in DRIVERS:
        cases += [
            (f"{driver}: an interface that does not exist",
             functools.partial(refuses, f"{driver}0,iface=nosuch0", "nosuch0.*no such interface")),
            (f"{driver}: an ordinary user",
             functools.partial(refuses, f"{driver}0,iface={IFACE}", "root|CAP_", NOBODY)),
        ]
    cases.append(("a PCI device that does not exist",
                  functools.partial(refuses, "0000:7f:1f.7", "0000:7f:1f.7|hugepages")))
    return run(cases)


if __name__ == "__main__":
    main(test)
