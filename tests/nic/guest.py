# SPDX-License-Identifier: BSD-3-Clause
"""A machine under QEMU in which asdic runs on real NICs: emulated ones, but by DPDK's own drivers, over vfio
and an IOMMU. Each NIC's cable ends in a tap in the namespace of the target (tests/netns/lab.py).

The image is made by scripts/image; what runs inside is tests/nic/guest. Host and guest share a folder, `share`,
which has the same path in both, so that jobs and commands need no translation."""

import contextlib
import dataclasses
import functools
import ipaddress
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/netns"))

from lab import command, end, wait_for # pylint: disable=wrong-import-position

PACE = 30 # emulated, on a loaded machine: how much longer things may take than they do


@functools.cache
def models():
    """What devices this QEMU has."""
    return set(re.findall(r'^name "([^"]+)"', command("qemu-system-x86_64", "-device", "help"), re.M))


@dataclasses.dataclass
class Nic:
    """A NIC of a guest, number n of the machine: its PCI address is 0000:00:1n.0, or, in a slot that makes bus b,
    0000:0b:00.0; its link is 10.90.n.0/24, where .1 is the target and .8 to .15 are for asdic."""

    number: int
    model: str     # QEMU's name, with options
    driver: str    # DPDK's
    bus: int = 0   # counted from 1 in the order of numbers, as a kernel does

    def __post_init__(self):
        self.slot = 0x10 + self.number
        self.address = f"0000:{self.bus:02x}:00.0" if self.bus else f"0000:00:{self.slot:02x}.0"
        self.tap = f"tap{self.number}"
        self.mac = f"52:54:00:00:00:{self.slot:02x}"
        self.subnet = ipaddress.ip_network(f"10.90.{self.number}.0/24")
        self.gateway, self.pool = str(self.subnet[1]), f"{self.subnet[8]}/29"

    def plug(self, target):
        """The tap, in the namespace of the target."""
        target.ip("tuntap", "add", "dev", self.tap, "mode", "tap")
        target.ip("address", "add", f"{self.gateway}/24", "dev", self.tap)
        target.ip("link", "set", self.tap, "up")

    def arguments(self):
        place = f"bus=slot{self.bus},addr=0" if self.bus else f"addr={self.slot:#x}"
        port = ["-device", f"pcie-root-port,id=slot{self.bus},chassis={self.bus},addr={self.slot:#x}"]
        return [*(port if self.bus else ()),
                "-netdev", f"tap,id={self.tap},ifname={self.tap},script=no,downscript=no",
                "-device", f"{self.model},netdev={self.tap},mac={self.mac},{place},romfile="]

    def interface(self):
        return {"device": self.address, "addresses": [self.pool], "gateway": self.gateway}


class Guest:
    """A machine that runs, until the lab ends."""

    def __init__(self, lab, target, nics, memory_mb=1536, kernel_args="", qemu=("-device", "intel-iommu,intremap=on")):
        self.lab, self.target, self.nics = lab, target, nics
        self.share = lab.folder / "share"
        self.share.mkdir(exist_ok=True)
        self.monitor_path, self.console = lab.folder / "monitor", lab.folder / "console"
        for nic in nics:
            if nic.tap not in target.ip("-br", "link", "show", "type", "tun"):
                nic.plug(target)
        kernel, image = self.make_image()
        log = open(lab.folder / "qemu.log", "wb")
        lab.stack.callback(log.close)
        self.process = target.spawn(
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", str(memory_mb), *qemu,
            "-kernel", str(kernel / "vmlinuz"), "-initrd", str(image),
            "-append", f"console=ttyS0 quiet panic=-1 {kernel_args}",
            "-serial", f"file:{self.console}", "-monitor", f"unix:{self.monitor_path},server=on,wait=off",
            "-fsdev", f"local,id=share,path={self.share},security_model=none",
            "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
            *[argument for nic in nics for argument in nic.arguments()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait(lambda: (self.share / "ready").exists(), "boot", 30)

    def make_image(self):
        """(kernel, initramfs), the latter once a test."""
        kernel = pathlib.Path(command(str(ROOT / "scripts/image/kernel")).split()[-1])
        image = self.lab.folder / "initramfs"
        overlay = self.lab.folder / "overlay"
        if not image.exists():
            boot = overlay / "etc/asdic/boot"
            boot.parent.mkdir(parents=True)
            here = ROOT / "tests/nic/guest/etc/asdic"
            boot.write_text((here / "boot").read_text().replace("@SHARE@", str(self.share)))
            boot.chmod(0o755)
            (boot.parent / "modules").write_text((here / "modules").read_text())
            command(str(ROOT / "scripts/image/initramfs"), str(kernel), str(image), str(overlay))
        return kernel, image

    def wait(self, condition, what, seconds):
        def check():
            if self.process.poll() is not None:
                raise RuntimeError(f"the guest ended while it was to {what}: {self.words()}")
            return condition()
        try:
            return wait_for(check, what, seconds * PACE)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; the guest's console: {self.words()}") from None

    def words(self):
        log = (self.lab.folder / "qemu.log").read_text(errors="replace")
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        return (log + console)[-3000:]

    def start(self, script):
        """Starts a shell's commands in the folder that is shared; one at a time."""
        for name in ("status", "out", "err"):
            (self.share / name).unlink(missing_ok=True)
        (self.share / "command.new").write_text(script + "\n")
        (self.share / "command.new").rename(self.share / "command")

    def said(self, name="err"):
        """What has been printed so far."""
        path = self.share / name
        return path.read_text(errors="replace") if path.exists() else ""

    def finish(self, seconds=10):
        """(status, standard output, standard error) of what was started."""
        self.wait((self.share / "status").exists, "end a command", seconds)
        return int((self.share / "status").read_text()), self.said("out"), self.said("err")

    def run(self, script, seconds=10):
        self.start(script)
        return self.finish(seconds)

    def do(self, script):
        """Commands that must succeed; what they print."""
        status, out, err = self.run(f"set -e\n{script}")
        assert status == 0, f"{script}: {status}: {out}{err}"
        return out

    def monitor(self, line):
        """One command to QEMU."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.settimeout(10 * PACE)
            s.connect(str(self.monitor_path))
            said = b""
            for text in ("", line + "\n"):
                s.sendall(text.encode())
                said = b""
                while not said.endswith(b"(qemu) "):
                    said += s.recv(4096)
            return said.decode(errors="replace")

    def set_link(self, nic, up):
        self.monitor(f"set_link {nic.tap} {'on' if up else 'off'}")

    def end(self):
        """Turns it off; another may be started on its NICs."""
        (self.share / "end").touch()
        try:
            self.process.wait(10 * PACE)
        except subprocess.TimeoutExpired:
            end(self.process)
        for name in ("end", "ready"):
            (self.share / name).unlink(missing_ok=True)
