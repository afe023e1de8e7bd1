#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Life on the link: the gateway by ARP from cold, ARP and ping of asdic's own addresses, and what is
on the link itself."""

import contextlib
import ipaddress
import re
import signal
import socket
import struct
import time

from frames import sums_to_ones
from lab import (IFACE, Lab, Link, Target, World, each_driver, equal, main, outside, packet_socket, run,
                 wait_for)

ETHERTYPE_ARP, ARP_REQUEST, ARP_REPLY = 0x0806, 1, 2
ECHO_REQUEST, ECHO_REPLY = 8, 0
ONLINK = ipaddress.ip_network("10.91.200.0/24")
WORLD = World(seed=2862933555777941757, open_count=800, closed_count=0)


def test(lab: Lab):
    target = Target(lab, WORLD, rules=f"ip daddr {ONLINK} counter name onlink",
                    declarations="counter onlink { }")
    link = Link(lab, target)

    @contextlib.contextmanager
    def scanning(driver, **changes):
        """A scan that goes on meanwhile; gives a function that stops it and returns its result."""
        target.forget()
        scan = link.start(link.job(driver, {"rate": 2000, **changes}), ["--force"])
        wait_for(lambda: scan.process.poll() is not None or target.counter("syns"), "probe")

        def stop():
            scan.process.send_signal(signal.SIGINT)
            return scan.result().expect(130)
        yield stop

    def starts_cold(driver):
        target.ip("neigh", "flush", "all")
        result = link.scan(driver).expect(0)
        equal(result.first("synack"), WORLD.open, "open addresses")
        known = dict(re.findall(r"^(\S+) dev \S+ lladdr (\S+)", target.ip("neigh"), re.M))
        equal({a: known.get(a) for a in link.sources()}, {a: link.mac() for a in link.sources()},
              "the target's neighbours")

    def knows_its_gateway(driver):
        # A MAC address given is not asked for.
        job = link.job(driver, {"limits": {"targets": 2000}})
        del job["interfaces"][0]["gateway"]
        job["interfaces"][0]["gateway_mac"] = re.search(
            r"link/ether (\S+)", target.ip("link", "show", link.target_iface))[1]
        target.forget()
        target.ip("neigh", "flush", "all")
        result = link.start(job, ["--force"]).result().expect(0)
        equal(target.counter("syns"), 2000, "SYNs")
        equal(result.ledger().get("ARP sent", 0), result.ledger().get("ARP", 0), "ARP sent, all answers")

    def tells_of_no_gateway(driver):
        target.forget()
        job = link.job(driver)
        job["interfaces"][0]["gateway"] = "10.90.0.77"
        result = link.start(job, ["--force"]).result()
        equal(result.status, 1, f"exit status\n{result.log}\n")
        assert re.search(r"10\.90\.0\.77 does not answer", result.log), result.log
        took = result.ended - result.started
        assert 5 <= took < 9, f"gave up after {took:.1f} s"
        equal(target.counter("syns"), 0, "SYNs")

    def answers_arp(driver):
        with scanning(driver) as stop, packet_socket(target, link.target_iface, ETHERTYPE_ARP) as s:
            macs = {address: ask(s, link, address) for address in link.sources()}
            nobody = ask(s, link, "10.90.0.16", wait_s=0.3)
            stop()
        equal(macs, {address: link.mac() for address in link.sources()}, "ARP replies")
        equal(nobody, None, "an ARP reply for an address beyond the pool")

    def answers_ping(driver):
        with scanning(driver) as stop:
            replies = {address: ping(target, address) for address in link.sources()}
            big = ping(target, "10.90.0.8", bytes(1400))
            ledger = stop().ledger()
        equal(replies, dict.fromkeys(link.sources(), True), "echo replies")
        equal(big, True, "the reply to a ping of 1,400 bytes")
        equal(ledger["echo replies sent"], len(replies) + 1, "echo replies in the ledger")

    def spares_an_excluded_pinger(driver):
        with scanning(driver, targets={"exclude": [f"{link.gateway}/32"]}) as stop:
            reply = ping(target, "10.90.0.8", wait_s=0.3)
            ledger = stop().ledger()
        equal(reply, False, "a reply to an excluded address")
        equal(ledger["echo replies gated"], 1, "echo replies that the gate stopped")

    def leaves_out_the_link(driver):
        target.forget()
        link.ip("address", "add", f"{ONLINK[1]}/24", "dev", IFACE)
        result = link.scan(driver).expect(0)
        link.ip("address", "flush", "dev", IFACE)
        equal(target.counter("onlink"), 0, "packets for the link's own addresses by the gateway")
        equal(result.first("synack"), outside(WORLD.open, ONLINK), "open addresses")
        assert re.search(r"10\.91\.200\.0.*on .*link", result.log), result.log

    return run(each_driver(
        ("a cold ARP cache is no problem", starts_cold),
        ("a gateway's MAC address is taken as given", knows_its_gateway),
        ("a gateway that does not answer is told of in time", tells_of_no_gateway),
        ("ARP is answered for the pool and nothing else", answers_arp),
        ("ping is answered for the whole pool", answers_ping),
        ("a ping from an excluded address gets no answer", spares_an_excluded_pinger),
        ("targets on the link are left out, and told of", leaves_out_the_link),
    ))


def ask(s, link, address, wait_s=5):
    """Asks by ARP who has an address: the MAC address of the reply, or None."""
    mac = s.getsockname()[4]
    s.send(b"\xff" * 6 + mac + struct.pack("!HHHBBH", ETHERTYPE_ARP, 1, 0x0800, 6, 4, ARP_REQUEST)
           + mac + socket.inet_aton(link.gateway) + bytes(6) + socket.inet_aton(address))
    end = time.monotonic() + wait_s
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            frame = s.recv(2048)
        except TimeoutError:
            break
        if (int.from_bytes(frame[20:22], "big") == ARP_REPLY and frame[:6] == mac
                and frame[28:32] == socket.inet_aton(address)):
            assert frame[6:12] == frame[22:28], "the frame's sender is not the reply's"
            return frame[22:28].hex(":")
    return None


def ping(namespace, address, payload=b"asdic " * 8, wait_s=5):
    """Whether one ping is answered, byte for byte."""
    message = struct.pack("!HH", 4711, 1) + payload
    total = sum(struct.unpack(f"!{len(message) // 2}H", message)) + (ECHO_REQUEST << 8)
    checksum = ~(total % 0xFFFF) & 0xFFFF
    with namespace.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with s:
        s.sendto(struct.pack("!BBH", ECHO_REQUEST, 0, checksum) + message, (address, 0))
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                packet, (sender, _) = s.recvfrom(4096)
            except TimeoutError:
                break
            icmp = packet[(packet[0] & 15) * 4:]
            if sender == address and icmp[0] == ECHO_REPLY:
                return icmp[4:] == message and sums_to_ones(icmp)
    return False


if __name__ == "__main__":
    main(test)
