#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two links of one scanner, and routes that are not symmetric: what is sent by one link is answered by
the other. Scans by net_tap, whose other end is an interface of the kernel's own, and by net_memif, whose other
end is testpmd, forwarding to the simulated NIC."""

import functools
import ipaddress
import pathlib
import subprocess

from lab import ASDIC, Lab, Link, NETWORK, Target, World, each_driver, equal, main, merge, run, wait_for

WORLD = World(seed=2862933555777941757, open_count=500, closed_count=700)
OTHER = "uplink2"
POOL, GATEWAY = ipaddress.ip_network("10.90.7.8/29"), "10.90.7.1"
SIMNET = str(pathlib.Path(ASDIC).parents[1] / "drivers/net/simnet/librte_net_simnet.so")
SIMULATED = """
seed: 7
networks: [{cidr: 0.0.0.0/0, default: {open: 10%, closed: 20%}, latency: {min: 5ms, max: 20ms}}]
"""
TAP, TAP_POOL, TAP_GATEWAY = "asdictap", "10.90.8.8/29", "10.90.8.1"


def add_link(link, target):
    """A second link from a scanner's namespace to the target."""
    link.ip("link", "add", OTHER, "type", "veth", "peer", "name", "second", "netns", target.name)
    target.run("ethtool", "-K", "second", "tx", "off")
    link.ip("link", "set", OTHER, "up")
    target.ip("link", "set", "second", "up")
    target.ip("address", "add", f"{GATEWAY}/24", "dev", "second")
    wait_for(lambda: "LOWER_UP" in link.ip("link", "show", OTHER), "link")


def cross(link, target):
    """Each pool is reached by an address of the other's: replies come in by the other link."""
    for name in ("all", "second", link.target_iface):
        target.write(f"net/ipv4/conf/{name}/rp_filter", 0)
    target.ip("route", "add", str(POOL), "via", str(ipaddress.ip_network(link.pool)[0]), "dev", link.target_iface)
    target.ip("route", "add", link.pool, "via", str(POOL[0]), "dev", "second")


def test(lab: Lab):
    target = Target(lab, WORLD, declarations=f"""
        counter first {{ }}
        counter second {{ }}
        counter crossed {{ }}
        chain leaving {{
            type filter hook postrouting priority raw;
            oifname "second" ip daddr != {POOL} tcp sport 80 counter name crossed
            oifname != "second" ip daddr {POOL} tcp sport 80 counter name crossed
        }}""", rules="""
        iifname "second" tcp flags & (syn | ack) == syn counter name second
        iifname != "second" tcp flags & (syn | ack) == syn counter name first""")
    link = Link(lab, target)
    add_link(link, target)

    def interfaces(driver):
        return [{"device": f"{driver}0,iface=uplink", "addresses": [link.pool], "gateway": link.gateway},
                {"device": f"{driver}1,iface={OTHER}", "addresses": [str(POOL)], "gateway": GATEWAY}]

    def check(result):
        result.expect(0)
        equal(result.first("synack"), WORLD.open, "open addresses")
        equal(result.first("rst"), WORLD.closed, "closed addresses")
        equal(target.probes_per_target(), (NETWORK.num_addresses, NETWORK.num_addresses), "SYNs and targets")
        shares = [target.counter(name) for name in ("first", "second")]
        equal(sum(shares), NETWORK.num_addresses, "SYNs on both links")
        assert min(shares) > 0.48 * NETWORK.num_addresses, shares
        owners = {record["saddr"]: record["daddr"] for record in result.records()}
        by_other = sum(ipaddress.ip_address(own) in POOL for own in owners.values())
        assert 0.4 < by_other / len(owners) < 0.6, (by_other, len(owners))
        return owners

    def scan(driver, lcores, changes=None):
        target.forget()
        return link.scan(driver, merge({"interfaces": interfaces(driver), "lcores": lcores,
                                        "targets": {"allow_reserved": [str(NETWORK), "10.90.0.0/16"]}},
                                       changes or {}))

    @functools.cache
    def crossed():
        cross(link, target)

    def both_links(driver):
        check(scan(driver, 1))
        check(scan(driver, 2))
        equal(target.counter("crossed"), 0, "replies by the other link")

    def replies_by_the_other(driver):
        crossed()
        check(scan(driver, 2))
        equal(target.counter("crossed"), len(WORLD.open) + len(WORLD.closed), "replies by the other link")

    def gateways_both(driver):
        result = link.scan(driver, {"interfaces": [interfaces(driver)[0], {**interfaces(driver)[1],
                                                                           "gateway": "10.90.7.77"}]})
        equal(result.status, 1, "exit status")
        assert f"gateway 10.90.7.77 does not answer ARP on '{driver}1,iface={OTHER}'" in result.log, result.log

    def tap():
        job = {"interfaces": [{"device": f"net_tap0,iface={TAP}", "addresses": [TAP_POOL], "gateway": TAP_GATEWAY}],
               "targets": {"include": [str(NETWORK)], "ports": [80], "allow_reserved": [str(NETWORK)]},
               "rate": 20000, "output": {"file": str(lab.folder / "tap.ndjson"), "filter": ""},
               "limits": {"cooldown": "1s"}}
        target.forget()
        started = Scanner(lab, target).start(job)
        wait_for(lambda: started.said("on net_tap0"), "tap") # before, its MAC is still to be set
        become_router(target)
        result = started.result().expect(0)
        equal(result.first("synack"), WORLD.open, "open addresses")
        equal(result.first("rst"), WORLD.closed, "closed addresses")
        equal(target.probes_per_target(), (NETWORK.num_addresses, NETWORK.num_addresses), "SYNs and targets")

    def memif():
        socket_path = lab.folder / "memif"
        world = lab.folder / "world.yaml"
        world.write_text(SIMULATED)
        log = open(lab.folder / "testpmd.log", "wb")
        lab.stack.callback(log.close)
        testpmd = target.spawn(
            "stdbuf", "-oL", "dpdk-testpmd", "-d", SIMNET, "--no-huge", "--no-shconf", "-m", "256", "--no-pci", "--no-telemetry",
            "--lcores", "0@(0-1),1@(0-1)", "--vdev",
            f"net_memif0,role=server,socket={socket_path},socket-abstract=no", "--vdev",
            f"net_simnet0,world={world}", "--", "--forward-mode=io", "--auto-start", "--total-num-mbufs=16384",
            stdin=subprocess.PIPE, stdout=log, stderr=log)
        # Who comes before it is ready is turned away, and does not come again.
        wait_for(lambda: "start packet forwarding" in (lab.folder / "testpmd.log").read_text(), "testpmd", 30)
        job = {"interfaces": [{"device": f"net_memif0,role=client,socket={socket_path},socket-abstract=no",
                               "addresses": ["198.18.0.1"], "gateway_mac": "02:00:00:00:00:01"}],
               "targets": {"include": ["10.1.0.0/17"], "ports": [80], "allow_reserved": ["10.1.0.0/16"]},
               "rate": 20000, "output": {"file": str(lab.folder / "memif.ndjson"), "filter": ""},
               "limits": {"cooldown": "1s"}, "lcores": 2}
        result = Scanner(lab, target).start(job).result().expect(0)
        testpmd.stdin.close()
        truth = subprocess.run([ASDIC, "world", str(world), "--open", "10.1.0.0/17", "--port", "80"], text=True,
                               capture_output=True, check=True).stdout.split()
        assert len(truth) > 3000, truth[:5]
        equal(result.first("synack"), set(truth), "open addresses")

    return run(each_driver(
        ("two links share the targets, and find all", both_links),
        ("a gateway that does not answer is named with its link", gateways_both),
    ) + each_driver(
        ("replies come in by the other link", replies_by_the_other),
    ) + [("net_tap, and the kernel behind it", tap),
         ("net_memif, and testpmd behind it", memif)])


class Scanner:
    """A scanner in the target's own namespace."""

    def __init__(self, lab, target):
        self.lab, self.spawn, self.name = lab, target.spawn, "scanner"

    def start(self, job):
        return Link.start(self, job, ["--force"])


def become_router(target):
    """The kernel's end of the tap. Both ends are born with one MAC, and nobody believes a router that has
    his own."""
    target.run("ethtool", "-K", TAP, "tx", "off")
    target.ip("link", "set", TAP, "address", "02:00:00:00:08:01")
    target.ip("address", "add", f"{TAP_GATEWAY}/24", "dev", TAP)
    target.ip("link", "set", TAP, "up")


if __name__ == "__main__":
    main(test)
