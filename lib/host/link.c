/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "host/file.h"
#include "host/netlink.h"
#include "host/peer.h"

#define NET_DIR "/sys/class/net"
#define MTU_USUAL 1500
#define MTU_XDP_MAX 3498 /* a frame and its headroom in a page, as XDP in the kernel has it */

static void
check_state(const struct host *h, const char *name, struct host_report *r)
{
	char state[HOST_TEXT_SIZE], mend[128];

	host_read(h, state, NET_DIR "/%s/operstate", name);
	if (strcmp(state, "up") == 0 || (strcmp(state, "unknown") == 0 && host_number(h, 0, NET_DIR "/%s/carrier", name) == 1)) {
		host_add(r, HOST_OK, "link", NULL, "%s is up", name);
		return;
	}
	snprintf(mend, sizeof(mend), "ip link set %s up%s", name,
		 strcmp(state, "lowerlayerdown") == 0 || strcmp(state, "down") == 0 ? ", and look at the cable or the peer" : "");
	host_add(r, HOST_PROBLEM, "link", mend, "%s is %s", name, state[0] != '\0' ? state : "in an unknown state");
}

static void
check_mtu(const struct host *h, const char *name, bool is_xdp, struct host_report *r)
{
	long long mtu = host_number(h, 0, NET_DIR "/%s/mtu", name);
	char mend[128];

	snprintf(mend, sizeof(mend), "ip link set %s mtu %d", name, MTU_USUAL);
	if (mtu < MTU_USUAL)
		host_add(r, HOST_WARNING, "MTU", mend, "%s has %lld: hosts that send full segments are not understood", name, mtu);
	else if (is_xdp && mtu > MTU_XDP_MAX)
		host_add(r, HOST_PROBLEM, "MTU", mend, "%s has %lld, and XDP takes up to %d", name, mtu, MTU_XDP_MAX);
	else
		host_add(r, HOST_OK, "MTU", NULL, "%s has %lld", name, mtu);
	if ((host_number(h, 0, NET_DIR "/%s/flags", name) & IFF_PROMISC) != 0)
		host_add(r, HOST_OK, "promiscuous", NULL, "%s is: another program listens to all of it, too", name);
}

static void
tell_peer(const char *name, const struct peer *peer, struct host_report *r)
{
	char mend[1024];
	bool is_named = peer->namespace[0] != '\0' && strncmp(peer->namespace, "of ", 3) != 0;

	if (!peer->tx_checksum) {
		host_add(r, HOST_OK, "checksums", NULL, "%s, the peer of %s, makes its checksums itself", peer->name, name);
		return;
	}
	snprintf(mend, sizeof(mend), "%s%s%sethtool -K %s tx off%s%s", is_named ? "ip netns exec " : "",
		 is_named ? peer->namespace : "", is_named ? " " : "", peer->name,
		 peer->namespace[0] != '\0' && !is_named ? " in the namespace " : "",
		 peer->namespace[0] != '\0' && !is_named ? peer->namespace : "");
	host_add(r, HOST_PROBLEM, "checksums", mend,
		 "%s, the peer of %s, leaves checksums to a device (tx offload), and a veth makes none: every reply "
		 "comes with a bad checksum", peer->name, name);
}

/*
 * The kernel leaves a partial checksum to the device of what it sends. A veth or tap is no device: what
 * comes out of it by way of its other end has that checksum still.
 */
static void
check_offload(const char *name, const struct netlink_link *link, struct host_report *r)
{
	char driver[ETHTOOL_DRIVER_SIZE];
	struct peer peer;
	bool is_on = false;

	if (ethtool_driver(name, driver) != 0)
		return;
	if (strcmp(driver, "veth") != 0 && strcmp(driver, "tun") != 0) {
		host_add(r, HOST_OK, "driver", NULL, "%s is of %s", name, driver);
		return;
	}
	if (strcmp(driver, "veth") == 0 && peer_find(link, &peer) == 0) {
		tell_peer(name, &peer, r);
		return;
	}
	if (ethtool_tx_checksum(name, &is_on) == 0 && is_on)
		host_add(r, HOST_WARNING, "checksums", "ethtool -K DEVICE tx off, on both ends",
			 "%s leaves checksums to a device (tx offload), and its other end, which cannot be looked at from "
			 "here, may do so too: then every reply comes with a bad checksum", name);
	else
		host_add(r, HOST_OK, "checksums", NULL, "%s makes its checksums itself; its other end must, too", name);
}

static void
check_attached(const char *name, const struct netlink_link *link, bool is_xdp, struct host_report *r)
{
	char mend[128];

	if (!link->is_xdp_attached)
		return;
	snprintf(mend, sizeof(mend), "ip link set %s xdp off, if no other program needs it", name);
	host_add(r, is_xdp ? HOST_PROBLEM : HOST_WARNING, "XDP", mend,
		 "%s has an XDP program already: %s", name,
		 is_xdp ? "AF_XDP cannot attach its own" : "it sees packets first and may keep them");
}

/* The kernel merges segments before it shows them to packet sockets, whose rings have room for one. */
static void
check_merging(const char *name, struct host_report *r)
{
	char mend[128];
	bool is_on;

	if (ethtool_gro(name, &is_on) != 0 || !is_on)
		return;
	snprintf(mend, sizeof(mend), "ethtool -K %s gro off lro off, or use net_af_xdp", name);
	host_add(r, HOST_WARNING, "segments", mend,
		 "%s makes one packet of several that come in (generic-receive-offload), and net_af_packet cuts what is "
		 "longer than a frame: long answers to grabs are lost, and come again one by one", name);
}

void
host_check_link(const struct host *h, const char *name, bool is_xdp, struct host_report *r)
{
	struct netlink_link link = {0};
	unsigned int index = host_is_here(h) ? if_nametoindex(name) : 0;

	if (host_is_here(h) ? index == 0 : !host_exists(h, NET_DIR "/%s", name)) {
		host_add(r, HOST_PROBLEM, "link", "'asdic devices' lists what is here", "there is no interface %s", name);
		return;
	}
	check_state(h, name, r);
	check_mtu(h, name, is_xdp, r);
	if (!host_is_here(h) || netlink_link(index, &link) != 0)
		return;
	check_attached(name, &link, is_xdp, r);
	if (!is_xdp)
		check_merging(name, r);
	check_offload(name, &link, r);
}

static uint32_t
ipv4_of(const struct sockaddr *a)
{
	return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);
}

static bool
is_in(uint32_t address, const struct ipv4_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ranges[i].first <= address && address <= ranges[i].last)
			return true;
	return false;
}

void
host_check_sources(const struct host *h, const struct ipv4_range *sources, size_t count,
		   struct host_report *r)
{
	struct ifaddrs *all;
	size_t owned = 0;

	if (!host_is_here(h) || count == 0 || getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		char text[IPV4_TEXT_SIZE], mend[160];

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET ||
		    !is_in(ipv4_of(i->ifa_addr), sources, count))
			continue;
		owned++;
		ipv4_format(ipv4_of(i->ifa_addr), text);
		snprintf(mend, sizeof(mend), "ip address del %s dev %s, or take it out of interfaces.addresses", text, i->ifa_name);
		host_add(r, HOST_PROBLEM, "addresses", mend,
			 "%s is the kernel's, too, on %s: it resets every connection that asdic opens from there", text,
			 i->ifa_name);
	}
	freeifaddrs(all);
	if (owned == 0)
		host_add(r, HOST_OK, "addresses", NULL, "no source address is the kernel's");
}
