/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel lets the process do, and what it does with packets by itself. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/file.h"

#define HAS(set, capability) ((set) >> (capability) & 1)

static void
check_xdp_sockets(const struct host *h, struct host_report *r)
{
	int fd, err;

	if (!host_is_here(h))
		return;
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	err = errno;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || err == EPERM)
		host_add(r, HOST_OK, "AF_XDP", NULL, "the kernel has it");
	else
		host_add(r, HOST_PROBLEM, "AF_XDP", "use net_af_packet, or a kernel with CONFIG_XDP_SOCKETS",
			 "the kernel has no AF_XDP sockets: %s", strerror(err));
}

void
host_check_rights(const struct host *h, bool is_xdp, struct host_report *r)
{
	char value[HOST_TEXT_SIZE];
	unsigned long long set;
	bool raw, xdp;

	if (is_xdp)
		check_xdp_sockets(h, r);
	if (!host_value(h, value, "CapEff", "/proc/self/status"))
		return;
	set = strtoull(value, NULL, 16);
	raw = HAS(set, CAP_NET_RAW) && HAS(set, CAP_NET_ADMIN);
	xdp = raw && (HAS(set, CAP_SYS_ADMIN) || HAS(set, CAP_BPF));
	if (is_xdp ? xdp : raw)
		host_add(r, HOST_OK, "rights", NULL, "CAP_NET_RAW and CAP_NET_ADMIN%s", xdp ? ", and CAP_BPF" : "");
	else
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "rights",
			 is_xdp ? "run as root, or setcap cap_net_raw,cap_net_admin,cap_bpf,cap_ipc_lock+ep on asdic"
				: "run as root, or setcap cap_net_raw,cap_net_admin+ep on asdic",
			 "the process may not open a kernel's interface for packets%s",
			 h->has_job ? "" : ": only simulated devices can be scanned");
}

static void
check_firewall(const struct host *h, struct host_report *r)
{
	bool has = host_exists(h, "/proc/net/ip_tables_names") || host_exists(h, "/sys/module/nf_tables");

	host_add(r, HOST_OK, "firewall", NULL, "%s: what asdic sends and receives does not pass through it",
		 has ? "netfilter is there" : "none loaded");
}

void
host_check_forwarding(const struct host *h, struct host_report *r)
{
	if (host_number(h, 0, "/proc/sys/net/ipv4/ip_forward") != 0)
		host_add(r, HOST_WARNING, "forwarding", "sysctl net.ipv4.ip_forward=0",
			 "the kernel forwards: what comes for source addresses that it does not own it sends back to "
			 "the network, besides asdic's own answer");
	else
		host_add(r, HOST_OK, "forwarding", NULL, "off");
	host_add(r, HOST_OK, "reverse path", NULL, "rp_filter is %lld: asdic receives before it",
		 host_number(h, 0, "/proc/sys/net/ipv4/conf/all/rp_filter"));
	check_firewall(h, r);
}
