#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Scans by DPDK's own drivers of NICs, in a machine under QEMU, of a real kernel's servers: from a machine on which
nothing is ready, by what `asdic doctor` says, to scans and grabs over each NIC, over two at once, in a VLAN, and with
a cable that is pulled. Every frame is counted four times: by the ledger, by the NIC, by the tap behind it and by
tcpdump."""

import collections
import functools
import ipaddress
import json
import re
import socket
import struct
import sys
import threading

from guest import ROOT, Guest, Nic, models

sys.path.insert(0, str(ROOT / "tests/netns"))

# pylint: disable=wrong-import-position
from frames import ACK, ETHERTYPE_IPV4, Frame, RST, SYN, captured, segment
from grabs import certificates
from lab import Lab, Result, Target, World, equal, listening, main, merge, packet_socket, run, wait_for
from neighbours import ping

SCANNED = ipaddress.ip_network("10.91.0.0/20")
EXCLUDED = ipaddress.ip_network("10.91.5.0/24")
WORLD = World(seed=20221, open_count=40, closed_count=60, within=SCANNED)
UNREACHABLE = {str(SCANNED[i]) for i in range(77, 4096, 200)} - WORLD.open - WORLD.closed
RATE = 3000
VLAN = 7
TAGGED = ipaddress.ip_network("10.91.16.0/24")
GATEWAY_MAC = bytes.fromhex("020000000701")
SOL_PACKET, PACKET_AUXDATA = 263, 8

NICS = [
    Nic(0, "e1000e", "net_e1000_em"),
    Nic(1, "e1000e", "net_e1000_em", bus=1),
    Nic(2, "vmxnet3", "net_vmxnet3"),
    # Without iommu_platform its DMA would bypass the IOMMU, and VFIO's addresses lead nowhere.
    Nic(3, "virtio-net-pci,disable-legacy=on,iommu_platform=on", "net_virtio"),
]
if "igb" in models():
    NICS.append(Nic(4, "igb", "net_e1000_igb", bus=2))
ONE_OF_EACH = [nic for nic in NICS if nic.number != 1]


class Servers(Target):
    """nginx at the open addresses, on port 80 and, by TLS, 443; hosts that are unreachable."""

    def __init__(self, lab):
        super().__init__(lab, WORLD, declarations=f"""
            set unreachable {{ type ipv4_addr; elements = {{ {', '.join(UNREACHABLE)} }} }}""", rules="""
            ip daddr @unreachable reject with icmp type host-unreachable""")
        # Errors are to be had of every address that is asked, at once.
        self.write("net/ipv4/icmp_ratelimit", 0)
        self.write("net/ipv4/icmp_msgs_per_sec", 100000)
        self.write("net/ipv4/icmp_msgs_burst", 100000)

    def serve(self, ports):
        folder = self.lab.folder / "nginx"
        folder.mkdir()
        certificates(folder)
        paths = "".join(f"{module}_temp_path {folder}/{module};\n" for module in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        listens = "".join(f"listen {address}:80; listen {address}:443 ssl;\n" for address in self.world.open)
        (folder / "conf").write_text(f"""
            daemon off; master_process off; user root; pid {folder}/pid; error_log stderr error;
            events {{ worker_connections 4096; }}
            http {{ access_log off; {paths} server {{ {listens} return 204;
                ssl_certificate ec.chain; ssl_certificate_key ec.key; }} }}""")
        log = open(folder / "log", "wb")
        self.lab.stack.callback(log.close)
        nginx = self.spawn("nginx", "-c", str(folder / "conf"), cwd=folder, stdout=log, stderr=log)
        wait_for(lambda: nginx.poll() is not None or listening(nginx.pid) == 2 * len(self.world.open), "nginx", 60)
        assert nginx.poll() is None, (folder / "log").read_text()

    def tap_counts(self, nic):
        """(frames that have come from the NIC, frames that have gone to it)."""
        stats = json.loads(self.ip("-s", "-j", "link", "show", nic.tap))[0]["stats64"]
        equal((stats["rx"]["dropped"], stats["tx"]["dropped"]), (0, 0), "frames that the tap has dropped")
        return stats["rx"]["packets"], stats["tx"]["packets"]


class Tagged:
    """Whoever is in the VLAN on a NIC's cable: the gateway, and behind it every seventh address of a network, open.
    In another VLAN all others are, too."""

    def __init__(self, target, nic):
        self.nic, self.socket = nic, packet_socket(target, nic.tap)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.settimeout(0.1)
        self.open = {str(address) for address in TAGGED if int(address) % 7 == 0}
        self.ended = False
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.socket.close()

    def serve(self):
        while not self.ended:
            try:
                frame, ancillary, _, _ = self.socket.recvmsg(2048, 256)
            except TimeoutError:
                continue
            tags = [struct.unpack_from("H", data, 16)[0] for level, kind, data in ancillary
                    if (level, kind) == (SOL_PACKET, PACKET_AUXDATA)]
            if frame[6:12].hex(":") == self.nic.mac and tags == [VLAN]:
                self.answer(frame)

    def answer(self, frame):
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and socket.inet_ntoa(frame[38:42]) == self.nic.gateway:
            self.send(frame, VLAN, frame[12:20] + b"\0\2" + GATEWAY_MAC + frame[38:42] + frame[22:32])
        elif frame[12:14] == b"\x08\0" and segment(Frame(0, frame)).flags == SYN:
            found = segment(Frame(0, frame))
            self.send(frame, VLAN if found.destination in self.open else VLAN + 1, syn_ack(found))

    def send(self, frame, tag, rest):
        self.socket.send(frame[6:12] + GATEWAY_MAC + struct.pack("!HH", 0x8100, tag) + rest)


def sum_of(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", 0xFFFF ^ ((total & 0xFFFF) + (total >> 16)))


def syn_ack(syn):
    """Ethernet's type and all behind it."""
    ends = socket.inet_aton(syn.destination) + socket.inet_aton(syn.source)
    tcp = struct.pack("!HHIIBBHHH", syn.destination_port, syn.source_port, 1, syn.seq + 1 & 0xFFFFFFFF, 5 << 4,
                      SYN | ACK, 1024, 0, 0)
    tcp = tcp[:16] + sum_of(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return b"\x08\0" + ip[:10] + sum_of(ip) + ip[12:] + tcp


def job_of(guest, nics, changes=None):
    """All replies over these NICs are recorded."""
    return merge({
        "interfaces": [nic.interface() for nic in nics],
        "lcores": 2,
        "targets": {"include": [str(SCANNED)], "exclude": [str(EXCLUDED)], "ports": [80],
                    "allow_reserved": ["10.90.0.0/16", "10.91.0.0/16"]},
        "rate": RATE,
        "output": {"file": str(guest.share / "out.ndjson"), "filter": ""},
        "limits": {"cooldown": "2s"},
    }, changes or {})


def start_scan(guest, job):
    (guest.share / "out.ndjson").unlink(missing_ok=True)
    (guest.share / "job.yaml").write_text(json.dumps(job))
    guest.start("asdic scan --force job.yaml")


def end_scan(guest, seconds=30):
    status, _, log = guest.finish(seconds)
    output = guest.share / "out.ndjson"
    return Result(status, log, output.read_bytes() if output.exists() else b"", 0, 0)


def scan(guest, nics, changes=None, seconds=30):
    start_scan(guest, job_of(guest, nics, changes))
    return end_scan(guest, seconds).expect(0)


def inside(addresses):
    return {address for address in addresses if ipaddress.ip_address(address) not in EXCLUDED}


def check_found(result):
    equal(result.first("synack"), inside(WORLD.open), "open addresses")
    equal(result.first("rst"), inside(WORLD.closed), "closed addresses")
    equal(result.first("icmp"), inside(UNREACHABLE), "unreachable addresses")


def own_counts(result):
    """(received, sent), as the ports count; what was lost, too."""
    ports = re.findall(r"by its own count rx (\d+) tx (\d+), missed (\d+), no mbuf (\d+), errors rx (\d+) tx (\d+)",
                       result.log)
    received, sent, *lost = (sum(map(int, counts)) for counts in zip(*ports))
    equal(lost, [0] * 4, "what ports have lost")
    return received, sent


def sent_of(ledger):
    return sum(count for name, count in ledger.items() if name.endswith(" sent"))


class Pinger:
    """Pings an address of asdic's, as long as it does not answer."""

    def __init__(self, target, nic):
        self.target, self.address = target, str(ipaddress.ip_network(nic.pool)[3])
        self.answered = self.ended = False
        self.thread = threading.Thread(target=self.ping)

    def ping(self):
        while not self.answered and not self.ended:
            self.answered = ping(self.target, self.address, wait_s=1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()


def check_capture(frames, nic, ledger):
    """Frames of the NIC's, as they came out of the tap."""
    own = [frame for frame in frames if frame.source_mac() == nic.mac]
    kinds = collections.Counter(frame.ether_type() for frame in own)
    equal(set(kinds) - {ETHERTYPE_IPV4, 0x0806}, set(), "Ethernet types")
    times = []
    for frame in own:
        if frame.ether_type() != ETHERTYPE_IPV4:
            continue
        destination = ipaddress.ip_address(frame.data[30:34])
        assert destination not in EXCLUDED, frame.data.hex()
        if frame.data[23] == 6:
            found = segment(frame)
            assert found.flags in (SYN, RST, RST | ACK), frame.data.hex()
            if found.flags == SYN:
                times.append(frame.time_ns)
    equal(len(times), ledger["probes sent"], "SYNs and probes sent")
    # The NIC's own time and that of its emulation are two: by and large.
    assert max(times) - min(times) >= 0.9e9 * (len(times) - 64) / RATE, f"{len(times)} in {max(times) - min(times)} ns"
    # The kernel asks for addresses when it likes; all else is accounted for.
    others = sum(frame.ether_type() == ETHERTYPE_IPV4 for frame in frames if frame.source_mac() != nic.mac)
    equal(others, ledger["received"] - ledger["ARP"], "frames of IPv4 that came")
    return len(own)


# ---- Cases ----------------------------------------------------------------------------------------------

def findings(guest, nics):
    """(exit status, [finding]) of doctor's, for a job over these NICs."""
    (guest.share / "job.yaml").write_text(json.dumps(job_of(guest, nics)))
    status, out, err = guest.run("asdic doctor --json job.yaml")
    assert status in (0, 3), err
    report = json.loads(out)
    equal(status, 3 if report["problems"] else 0, "exit status")
    return status, report["findings"]


def problems(guest, nics):
    return [finding for finding in findings(guest, nics)[1] if finding["level"] == "problem"]


def of(subject, found):
    return [f["finding"] for f in found if f["subject"] == subject]


def refuses(guest, nics, *words):
    start_scan(guest, job_of(guest, nics))
    result = end_scan(guest)
    equal(result.status, 3, "exit status")
    for word in words:
        assert word in result.log, result.log


def mend(guest, found):
    """Does what doctor says, to the letter."""
    for finding in found:
        guest.do(finding["mend"])


def becomes_ready(guest):
    """A machine with a NIC that the kernel has, and nothing else."""
    nic, all_nics = guest.nics[0], guest.nics
    guest.do("modprobe e1000e")
    listed = guest.do("asdic devices")
    assert re.search(rf'"{nic.address}"  8086:10d3  kernel driver e1000e \(eth\d\), IOMMU group \d+$', listed, re.M), listed
    refuses(guest, [nic], "a PCI device needs ", "MB of free hugepages; mend: echo ")
    found = problems(guest, all_nics)
    equal({f["subject"] for f in found}, {"hugepages", "VFIO", "NIC"}, "what stops it")
    equal(len(of("NIC", found)), len(all_nics), "NICs that are to be bound")
    assert f"{nic.address} (Intel 8086:10d3) is the kernel's, by e1000e, interface eth" in "".join(of("NIC", found)), found
    mend(guest, [f for f in found if f["subject"] != "NIC"])
    refuses(guest, [nic], "is the kernel's, by e1000e", "mend: cd /sys/bus/pci && echo vfio-pci > ",
            f"device '{nic.address}': finding it: No such device; see above")
    mend(guest, [f for f in found if f["subject"] == "NIC"])
    status, found = findings(guest, all_nics)
    equal(status, 0, found)
    for a_nic, text in zip(all_nics, of("NIC", found)):
        assert re.fullmatch(rf"{a_nic.address} \(.*\) is bound to vfio-pci, IOMMU group \d+", text), text
    assert re.match(r"\d+ MB free of \d+; node 0 has \d+ of 2 MB", of("hugepages", found)[0]), found
    assert f'"{nic.address}"  8086:10d3  kernel driver vfio-pci, IOMMU group' in guest.do("asdic devices")


def finds_all(guest, nic):
    """One scan, whose every frame is accounted for."""
    target = guest.target
    before = target.tap_counts(nic)
    with captured(target, nic.tap) as frames, Pinger(target, nic) as pinger:
        result = scan(guest, [nic])
    sent, received = (now - then for now, then in zip(target.tap_counts(nic), before))
    assert f"on {nic.address} ({nic.driver})" in result.log, result.log
    check_found(result)
    ledger = result.ledger()
    equal(ledger["probes sent"], SCANNED.num_addresses - EXCLUDED.num_addresses, "probes sent")
    equal(check_capture(frames, nic, ledger), sent, "frames sent, by tcpdump and by the tap")
    equal(sent_of(ledger), sent, "frames sent, by the ledger and by the tap")
    own_received, own_sent = own_counts(result)
    equal(own_sent, sent, "frames sent, by the NIC and by the tap")
    # What comes after the last look at the queue has been received by the NIC alone; and e1000's sets its counts
    # to 0 when it receives already: what has come before the scan's first frame it may not have counted.
    early = next(i for i, frame in enumerate(frames) if frame.source_mac() == nic.mac)
    assert ledger["received"] - early <= own_received <= received, (ledger["received"], early, own_received, received)
    assert pinger.answered, "no ping was answered"
    assert ledger["echo replies sent"] >= 1 and ledger["ARP sent"] >= 2, ledger


def grabs_tls(guest, nic):
    result = scan(guest, [nic], {"targets": {"ports": [443]}, "grabs": [{"module": "tls", "ports": [443]}]})
    grabbed = {record["ip"]: record["data"]["tls"]["status"] for record in result.records()
               if record["record"] == "tls"}
    equal(grabbed, dict.fromkeys(inside(WORLD.open), "success"), "handshakes")
    equal(result.ledger()["grabs complete"], len(grabbed), "grabs complete")


def holds_without_link(guest, nic):
    """A cable is pulled, and put back."""
    start_scan(guest, job_of(guest, [nic], {"rate": 600}))
    guest.wait(lambda: (guest.share / "out.ndjson").exists() and (guest.share / "out.ndjson").stat().st_size > 0,
               "find somebody", 10)
    guest.set_link(nic, False)
    try:
        guest.wait(lambda: f"the link of '{nic.address}' is down: sending is held" in guest.said(), "hold", 10)
    finally:
        guest.set_link(nic, True)
    result = end_scan(guest, 60).expect(0)
    assert "link: sending goes on after" in result.log, result.log
    check_found(result)


def begins_without_link(guest, nic):
    """The cable is not there at first: the scan waits for it before it sends anything."""
    guest.set_link(nic, False)
    start_scan(guest, job_of(guest, [nic]))
    guest.wait(lambda: f"on {nic.address}" in guest.said(), "begin a scan", 20)
    before = guest.target.tap_counts(nic)[0]
    guest.set_link(nic, True)
    result = end_scan(guest).expect(0)
    check_found(result)
    equal(sent_of(result.ledger()), guest.target.tap_counts(nic)[0] - before, "frames sent and the tap's")


def goes_on_after_a_kill(guest, nic):
    """Whatever the NIC was at when its program died, the next one has it, and finds what is left."""
    (guest.share / "out.ndjson").unlink(missing_ok=True)
    (guest.share / "job.yaml").write_text(json.dumps(job_of(guest, [nic], {"rate": 1000})))
    guest.start("""
        asdic scan --force --quiet job.yaml 2> killed &
        while [ ! -s out.ndjson ]; do sleep 0.1; done
        kill -KILL $!
        wait $!
        [ $? = 137 ] && exec asdic scan --resume job.yaml""")
    result = end_scan(guest, 60).expect(0)
    check_found(result)
    probes = SCANNED.num_addresses - EXCLUDED.num_addresses
    assert 0 < result.ledger()["probes sent"] <= probes, result.log


def says_no_link(guest, nic):
    guest.set_link(nic, False)
    try:
        start_scan(guest, job_of(guest, [nic]))
        result = end_scan(guest)
    finally:
        guest.set_link(nic, True)
    equal(result.status, 1, result.log)
    assert f"the link of '{nic.address}' is down" in result.log, result.log


def uses_two(guest, nics):
    """Each has half of the targets; they are named as people name them."""
    target, short = guest.target, [{**nic.interface(), "device": nic.address.removeprefix("0000:")} for nic in nics]
    before = [target.tap_counts(nic) for nic in nics]
    result = scan(guest, nics, {"interfaces": short})
    sent, received = zip(*([now - then for now, then in zip(target.tap_counts(nic), earlier)]
                           for nic, earlier in zip(nics, before)))
    check_found(result)
    probes = result.ledger()["probes sent"]
    equal(probes, SCANNED.num_addresses - EXCLUDED.num_addresses, "probes sent")
    assert min(sent) > 0.45 * probes, sent
    equal(sent_of(result.ledger()), sum(sent), "frames sent, by the ledger and by the taps")
    equal(own_counts(result)[1], sum(sent), "frames sent, by the NICs and by the taps")
    assert own_counts(result)[0] <= sum(received), received
    owners = {record["daddr"] for record in result.records()}
    assert all(any(ipaddress.ip_address(owner) in nic.subnet for owner in owners) for nic in nics), owners


def scans_vlan(guest, nic):
    """What is sent bears the tag, and what comes with it is heard: a NIC may pass no VLAN that it is not told of."""
    with Tagged(guest.target, nic) as tagged:
        result = scan(guest, [nic], {"interfaces": [{**nic.interface(), "vlan": VLAN}],
                                     "targets": {"include": [str(TAGGED)], "exclude": []}})
    equal(result.first("synack"), tagged.open, "open addresses")
    equal(result.ledger()["received"] - result.ledger()["ARP"], len(tagged.open), "replies heard")


def uses_uio_and_1g(earlier, nics):
    """A machine without an IOMMU, and with hugepages of 1 GB."""
    earlier.end()
    guest = Guest(earlier.lab, earlier.target, nics, memory_mb=4096, qemu=(),
                  kernel_args="default_hugepagesz=1G hugepagesz=1G hugepages=1")
    found = problems(guest, nics)
    equal({f["subject"] for f in found}, {"UIO", "NIC"}, found)
    assert "none: NICs can be bound to uio_pci_generic alone" in of("IOMMU", findings(guest, nics)[1])[0]
    mend(guest, found)
    status, found = findings(guest, nics)
    equal(status, 0, found)
    assert of("hugepages", found)[0].startswith("1024 MB free of 1024; node 0 has 1 of 1024 MB"), found
    assert of("NIC", found) == [f"{nics[0].address} (Intel 8086:10d3) is bound to uio_pci_generic"], found
    check_found(scan(guest, nics))
    guest.end()


def each(nics, guest, *cases):
    return [(f"{nic.driver}: {title}", functools.partial(case, guest, nic)) for nic in nics for title, case in cases]


def test(lab: Lab):
    target = Servers(lab)
    guest = Guest(lab, target, NICS)
    return run([("a machine becomes ready by what doctor says", functools.partial(becomes_ready, guest))] +
               each(ONE_OF_EACH, guest,
                    ("every host is found, every frame accounted for", finds_all),
                    ("TLS handshakes are complete", grabs_tls),
                    ("a VLAN is scanned", scans_vlan),
                    ("a link that goes holds the scan, and it goes on", holds_without_link),
                    ("a link that comes late is waited for", begins_without_link)) +
               each([NICS[0], NICS[3]], guest, ("a scan goes on after a kill", goes_on_after_a_kill)) +
               [("a link that does not come is told", functools.partial(says_no_link, guest, NICS[0])),
                ("two NICs share the targets", functools.partial(uses_two, guest, NICS[:2])),
                ("UIO without an IOMMU, and hugepages of 1 GB", functools.partial(uses_uio_and_1g, guest, NICS[:1]))])


if __name__ == "__main__":
    main(test)
