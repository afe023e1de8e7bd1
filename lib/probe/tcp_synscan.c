/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_synscan: one SYN a target.
 *
 * A packet is an IPv4 header without options, and a TCP header with the profile's options, so every
 * field stands at an offset known here. The sums of all that is constant are made once;
 * a probe adds its own fields to them and folds; there is no loop over bytes.
 */
#include <errno.h>

#include "probe/headers.h"
#include "probe/probe.h"

struct syn_packet {
	struct wire_ipv4 ip;
	struct wire_tcp tcp;
	uint8_t options[20];
};

_Static_assert(HEADERS_LINK_MAX + sizeof(struct syn_packet) <= PROBE_FRAME_MAX, "every SYN fits");

/* Where the linux profile has its timestamp's value among the options. */
#define TIMESTAMP_AT 8

static const struct probe_syn profiles[] = {
	[PROBE_WINDOWS] = {64240, 12, {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
	[PROBE_LINUX] = {64240, 20, {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0,
				     1, 3, 3, 7}},
	[PROBE_MSS] = {65535, 4, {2, 4, 0x05, 0xb4}},
};

const struct probe_syn *
probe_syn_of(enum probe_profile profile)
{
	if ((size_t)profile >= sizeof(profiles) / sizeof(profiles[0]))
		return NULL;
	return &profiles[profile];
}

/* The constant part of every packet we send as TCP; variable fields and checksums are zero. */
static void
packet_build(const struct probe_config *c, uint16_t tcp_len, uint8_t flags, struct syn_packet *k)
{
	*k = (struct syn_packet){0};
	headers_ipv4_build(c, IP_PROTO_TCP, tcp_len, &k->ip);
	k->tcp.data_offset = (uint8_t)(tcp_len / 4 << 4);
	k->tcp.flags = flags;
}

static int
synscan_init(struct probe *p)
{
	const struct probe_syn *profile = probe_syn_of(p->config.profile);
	struct syn_packet k;
	uint16_t tcp_len;

	if (profile == NULL)
		return -EINVAL;
	tcp_len = (uint16_t)(sizeof(k.tcp) + profile->options_len);
	packet_build(&p->config, tcp_len, TCP_SYN, &k);
	store_be16(k.tcp.window, profile->window);
	memcpy(k.options, profile->options, profile->options_len);
	headers_template_set(p, &k, (uint16_t)(sizeof(k.ip) + tcp_len));
	p->ip_sum = wire_sum(&k.ip, sizeof(k.ip), 0);
	p->transport_sum = wire_sum(&k.tcp, tcp_len, wire_pseudo_sum(&k.ip, IP_PROTO_TCP, tcp_len));
	return 0;
}

/*
 * A timestamp that looks like any: Linux too offsets its clock by a keyed hash of the connection.
 * Constant among the attempts of a target.
 */
static inline uint32_t
timestamp_of(uint64_t cookie)
{
	return (uint32_t)(cookie * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Sums of 32-bit fields may be added to sums of 16-bit words, since 2^16 is 1 modulo 2^16 - 1. */
static inline void
synscan_patch(const struct probe *p, const struct probe_ports *ports, uint8_t attempt,
	      bool timestamp, uint8_t *packet, uint32_t address, uint16_t port, uint64_t cookie)
{
	struct syn_packet *k = (struct syn_packet *)packet;
	uint32_t source = probe_pool_address(&p->pool, cookie);
	uint32_t tuple_ports = (uint32_t)probe_source_port(ports, cookie) << 16 | port;
	uint16_t id = probe_ip_id(cookie, attempt);
	uint64_t addresses_sum = (uint64_t)source + address;
	uint64_t sum = p->transport_sum + addresses_sum + tuple_ports + (uint32_t)cookie;

	if (timestamp) {
		sum += timestamp_of(cookie);
		store_be32(k->options + TIMESTAMP_AT, timestamp_of(cookie));
	}
	store_be16(k->ip.id, id);
	store_be16(k->ip.checksum, wire_checksum_fold(p->ip_sum + addresses_sum + id));
	store_be32(k->ip.src, source);
	store_be32(k->ip.dst, address);
	store_be32(&k->tcp, tuple_ports);
	store_be32(k->tcp.seq, (uint32_t)cookie);
	store_be16(k->tcp.checksum, wire_checksum_fold(sum));
}

static void
synscan_fill(const struct probe *p, enum cookie_plan use, uint8_t attempt, unsigned int n,
	     uint8_t *const *frame, const uint32_t *address, const uint16_t *port,
	     const uint64_t *cookie)
{
	const struct probe_ports *ports = &p->pool.plan.ports[use];
	const size_t network = p->network;

	if (p->config.profile == PROBE_LINUX) {
		for (unsigned int i = 0; i < n; i++)
			synscan_patch(p, ports, attempt, true, frame[i] + network, address[i],
				      port[i], cookie[i]);
	} else {
		for (unsigned int i = 0; i < n; i++)
			synscan_patch(p, ports, attempt, false, frame[i] + network, address[i],
				      port[i], cookie[i]);
	}
}

uint16_t
probe_build_rst(const struct probe *p, uint32_t address, uint16_t port, uint32_t own_address,
		uint16_t own_port, uint32_t seq, uint16_t ip_id, uint8_t *frame)
{
	const uint16_t len = sizeof(struct wire_ipv4) + sizeof(struct wire_tcp);
	struct syn_packet k;

	packet_build(&p->config, sizeof(k.tcp), TCP_RST, &k);
	store_be16(k.ip.id, ip_id);
	store_be32(k.ip.src, own_address);
	store_be32(k.ip.dst, address);
	store_be16(k.tcp.src_port, own_port);
	store_be16(k.tcp.dst_port, port);
	store_be32(k.tcp.seq, seq);
	wire_ipv4_checksum_set(&k.ip, sizeof(k.ip));
	wire_tcp_checksum_set(&k.ip, &k.tcp, sizeof(k.tcp));
	memcpy(frame, p->template, p->network);
	memcpy(frame + p->network, &k, len);
	return (uint16_t)(p->network + len);
}

const struct probe_module probe_tcp_synscan = {
	.name = "tcp_synscan",
	.protocol = IP_PROTO_TCP,
	.init = synscan_init,
	.fill = synscan_fill,
};
