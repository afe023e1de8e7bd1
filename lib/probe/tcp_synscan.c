/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_synscan: one SYN a target.
 *
 * A frame is Ethernet, an IPv4 header without options, and a TCP header with the profile's options,
 * so every field stands at an offset known here. The sums of all that is constant are made once;
 * a probe adds its own fields to them and folds; there is no loop over bytes.
 */
#include <errno.h>

#include "probe/probe.h"

struct syn_frame {
	struct wire_ether ether;
	struct wire_ipv4 ip;
	struct wire_tcp tcp;
	uint8_t options[40];
};

_Static_assert(sizeof(struct syn_frame) <= PROBE_FRAME_MAX, "every SYN fits");

/* Where the linux profile has its timestamp's value among the options. */
#define TIMESTAMP_AT 8

struct syn_profile {
	uint16_t window;
	uint8_t options_len;
	uint8_t options[20];
};

static const struct syn_profile profiles[] = {
	[PROBE_WINDOWS] = {64240, 12, {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
	[PROBE_LINUX] = {64240, 20, {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0,
				     1, 3, 3, 7}},
	[PROBE_MSS] = {65535, 4, {2, 4, 0x05, 0xb4}},
};

/* The constant part of every frame we send as TCP; variable fields and checksums are zero. */
static void
headers_build(const struct probe_config *c, uint16_t tcp_len, uint8_t flags, struct syn_frame *f)
{
	*f = (struct syn_frame){0};
	memcpy(f->ether.dst, c->gateway_mac, WIRE_MAC_SIZE);
	memcpy(f->ether.src, c->source_mac, WIRE_MAC_SIZE);
	store_be16(f->ether.type, ETHER_TYPE_IPV4);
	f->ip.version_ihl = 0x45;
	store_be16(f->ip.total_length, (uint16_t)(sizeof(f->ip) + tcp_len));
	store_be16(f->ip.fragment, IPV4_DONT_FRAGMENT);
	f->ip.ttl = c->ttl;
	f->ip.protocol = IP_PROTO_TCP;
	f->tcp.data_offset = (uint8_t)(tcp_len / 4 << 4);
	f->tcp.flags = flags;
}

static int
synscan_init(struct probe *p)
{
	const struct syn_profile *profile;
	struct syn_frame f;
	uint16_t tcp_len;

	if ((size_t)p->config.profile >= sizeof(profiles) / sizeof(profiles[0]))
		return -EINVAL;
	profile = &profiles[p->config.profile];
	tcp_len = (uint16_t)(sizeof(f.tcp) + profile->options_len);
	headers_build(&p->config, tcp_len, TCP_SYN, &f);
	store_be16(f.tcp.window, profile->window);
	memcpy(f.options, profile->options, profile->options_len);
	memcpy(p->template, &f, sizeof(f));
	p->frame_len = (uint16_t)(sizeof(f.ether) + sizeof(f.ip) + tcp_len);
	p->ip_sum = wire_sum(&f.ip, sizeof(f.ip), 0);
	p->transport_sum = wire_sum(&f.tcp, tcp_len, wire_pseudo_sum(&f.ip, IP_PROTO_TCP, tcp_len));
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
	      bool timestamp, uint8_t *frame, uint32_t address, uint16_t port, uint64_t cookie)
{
	struct syn_frame *f = (struct syn_frame *)frame;
	uint32_t source = p->config.sources[probe_source_index(p->config.source_count, cookie)];
	uint32_t tuple_ports = (uint32_t)probe_source_port(ports, cookie) << 16 | port;
	uint16_t id = probe_ip_id(cookie, attempt);
	uint64_t addresses_sum = (uint64_t)source + address;
	uint64_t sum = p->transport_sum + addresses_sum + tuple_ports + (uint32_t)cookie;

	if (timestamp) {
		sum += timestamp_of(cookie);
		store_be32(f->options + TIMESTAMP_AT, timestamp_of(cookie));
	}
	store_be16(f->ip.id, id);
	store_be16(f->ip.checksum, wire_checksum_fold(p->ip_sum + addresses_sum + id));
	store_be32(f->ip.src, source);
	store_be32(f->ip.dst, address);
	store_be32(&f->tcp, tuple_ports);
	store_be32(f->tcp.seq, (uint32_t)cookie);
	store_be16(f->tcp.checksum, wire_checksum_fold(sum));
}

static void
synscan_fill(const struct probe *p, enum cookie_plan use, uint8_t attempt, unsigned int n,
	     uint8_t *const *frame, const uint32_t *address, const uint16_t *port,
	     const uint64_t *cookie)
{
	const struct probe_ports *ports = &p->config.plan.ports[use];

	if (p->config.profile == PROBE_LINUX) {
		for (unsigned int i = 0; i < n; i++)
			synscan_patch(p, ports, attempt, true, frame[i], address[i], port[i],
				      cookie[i]);
	} else {
		for (unsigned int i = 0; i < n; i++)
			synscan_patch(p, ports, attempt, false, frame[i], address[i], port[i],
				      cookie[i]);
	}
}

uint16_t
probe_build_rst(const struct probe *p, uint32_t address, uint16_t port, uint32_t own_address,
		uint16_t own_port, uint32_t seq, uint16_t ip_id, uint8_t *frame)
{
	const uint16_t len = sizeof(struct wire_ether) + sizeof(struct wire_ipv4) +
			     sizeof(struct wire_tcp);
	struct syn_frame f;

	headers_build(&p->config, sizeof(f.tcp), TCP_RST, &f);
	store_be16(f.ip.id, ip_id);
	store_be32(f.ip.src, own_address);
	store_be32(f.ip.dst, address);
	store_be16(f.tcp.src_port, own_port);
	store_be16(f.tcp.dst_port, port);
	store_be32(f.tcp.seq, seq);
	wire_ipv4_checksum_set(&f.ip, sizeof(f.ip));
	wire_tcp_checksum_set(&f.ip, &f.tcp, sizeof(f.tcp));
	memcpy(frame, &f, len);
	return len;
}

const struct probe_module probe_tcp_synscan = {
	.name = "tcp_synscan",
	.protocol = IP_PROTO_TCP,
	.init = synscan_init,
	.fill = synscan_fill,
};
