/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * icmp_echoscan: one echo request (RFC 792) a target, which is an address alone: its port is 0.
 *
 * The id is what a SYN's source port is, made by the same plan, so it carries the bucket and says
 * which look at the target this was. The sequence number is as much of the cookie as fits, for the
 * errors that quote eight bytes; the data is the whole of it, for the host that says it all again.
 * A frame is 50 bytes, 60 on the wire: line rate.
 */
#include "probe/headers.h"
#include "probe/probe.h"

struct echo_packet {
	struct wire_ipv4 ip;
	struct probe_echo echo;
};

_Static_assert(HEADERS_LINK_MAX + sizeof(struct echo_packet) <= PROBE_FRAME_MAX, "it fits");

static int
echoscan_init(struct probe *p)
{
	struct echo_packet k = {.echo = {.icmp = {.type = ICMP_ECHO_REQUEST}}};

	headers_ipv4_build(&p->config, IP_PROTO_ICMP, sizeof(k.echo), &k.ip);
	headers_template_set(p, &k, sizeof(k));
	p->ip_sum = wire_sum(&k.ip, sizeof(k.ip), 0);
	p->transport_sum = wire_sum(&k.echo, sizeof(k.echo), 0); /* ICMP has no pseudo-header */
	return 0;
}

/* Sums of 32-bit fields may be added to sums of 16-bit words, since 2^16 is 1 modulo 2^16 - 1. */
static inline void
echoscan_patch(const struct probe *p, const struct probe_ports *ports, uint8_t attempt,
	       uint8_t *packet, uint32_t address, uint64_t cookie)
{
	struct echo_packet *k = (struct echo_packet *)packet;
	uint32_t source = probe_pool_address(&p->pool, cookie);
	uint32_t number = (uint32_t)probe_source_port(ports, cookie) << 16 |
			  probe_echo_seq(cookie);
	uint32_t high = (uint32_t)(cookie >> 32), low = (uint32_t)cookie;
	uint16_t id = probe_ip_id(cookie, attempt);

	store_be16(k->ip.id, id);
	store_be16(k->ip.checksum,
		   wire_checksum_fold(p->ip_sum + (uint64_t)source + address + id));
	store_be32(k->ip.src, source);
	store_be32(k->ip.dst, address);
	store_be32(k->echo.icmp.rest, number);
	store_be16(k->echo.icmp.checksum,
		   wire_checksum_fold(p->transport_sum + (uint64_t)number + high + low));
	store_be32(k->echo.cookie, high);
	store_be32(k->echo.cookie + 4, low);
}

static void
echoscan_fill(const struct probe *p, enum cookie_plan use, uint8_t attempt, unsigned int n,
	      uint8_t *const *frame, const uint32_t *address, const uint16_t *port,
	      const uint64_t *cookie)
{
	const struct probe_ports *ports = &p->pool.plan.ports[use];
	const size_t network = p->network;

	(void)port;
	for (unsigned int i = 0; i < n; i++)
		echoscan_patch(p, ports, attempt, frame[i] + network, address[i], cookie[i]);
}

const struct probe_module probe_icmp_echoscan = {
	.name = "icmp_echoscan",
	.protocol = IP_PROTO_ICMP,
	.init = echoscan_init,
	.fill = echoscan_fill,
};
