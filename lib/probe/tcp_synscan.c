/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_synscan: one SYN a target.
 *
 * A packet is an IPv4 header without options, and a TCP header with the profile's options, so every
 * field stands at an offset known here. The sums of all that is constant are made once; a probe adds
 * its own fields to them and folds; there is no loop over bytes.
 *
 * What varies is made side by side for a block of probes, as it stands in their packets: fields that
 * are neighbours there are one number, so that a packet takes four stores.
 */
#include <errno.h>

#include "base/multiversion.h"
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

/* Probes made side by side. */
#define LANES 32

/* What varies of a block of packets, in network order. */
struct syn_lanes {
	_Alignas(64) uint32_t source[LANES]; /* host order: what the others are made of */
	uint32_t timestamp[LANES];
	uint64_t id[LANES]; /* ID, fragment, TTL, protocol and checksum of IPv4 */
	uint64_t addresses[LANES];
	uint64_t ports[LANES]; /* and the sequence number */
	uint32_t checksum[LANES]; /* of TCP, and the urgent pointer */
};

#define AT(field) offsetof(struct syn_packet, field)

_Static_assert(AT(ip.src) - AT(ip.id) == 8 && AT(tcp) - AT(ip.src) == 8 &&
	       AT(tcp.ack) - AT(tcp) == 8 && AT(options) - AT(tcp.checksum) == 4,
	       "neighbours, and nothing between them");

/* Two neighbours of 32 bits. */
static inline uint64_t
be_pair(uint32_t first, uint32_t second)
{
	return (uint64_t)__builtin_bswap32(second) << 32 | __builtin_bswap32(first);
}

/* Half of a fold: a sum of 16-bit words, with what is above them added to them. */
static inline uint32_t
fold_once(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

/* The checksum of a sum of up to 2^16 words. */
static inline uint32_t
fold(uint32_t sum)
{
	return ~fold_once(fold_once(sum)) & 0xffff;
}

static inline void
synscan_sources(const struct probe_pool *pool, unsigned int n, const uint64_t *cookie, uint32_t *source)
{
	if (pool->address_count == 1) {
		for (unsigned int i = 0; i < n; i++)
			source[i] = pool->addresses[0];
	} else {
		for (unsigned int i = 0; i < n; i++)
			source[i] = probe_pool_address(pool, cookie[i]);
	}
}

/* All of *w, of n probes. Sums count each field as its two 16-bit words. */
MULTIVERSION static void
synscan_lanes(const struct probe *p, const struct probe_ports *ports, uint8_t attempt, unsigned int n,
	      const uint32_t *restrict address, const uint16_t *restrict port,
	      const uint64_t *restrict cookie, struct syn_lanes *restrict w)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(p->template + p->network);
	const uint32_t fragment = load_be16(ip->fragment), ttl = load_be32(&ip->ttl);
	const uint32_t ip_sum = (uint16_t)~wire_checksum_fold(p->ip_sum);
	const uint32_t tcp_sum = (uint16_t)~wire_checksum_fold(p->transport_sum);
	const uint32_t base = ports->base, slots = ports->slots;

	synscan_sources(&p->pool, n, cookie, w->source);
	for (unsigned int i = 0; i < n; i++)
		w->timestamp[i] = p->config.profile == PROBE_LINUX ? timestamp_of(cookie[i]) : 0;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t source = w->source[i], seq = (uint32_t)cookie[i];
		uint32_t high = (uint32_t)(cookie[i] >> 32);
		uint32_t both = probe_source_port_wide(base, slots, high) << 16 | port[i];
		uint32_t id = probe_ip_id_wide(high, attempt);
		uint32_t sum = fold_once(source) + fold_once(address[i]);
		uint32_t all = tcp_sum + sum + fold_once(both) + fold_once(seq) +
			       fold_once(w->timestamp[i]);

		w->id[i] = be_pair(id << 16 | fragment, ttl | fold(ip_sum + sum + id));
		w->addresses[i] = be_pair(source, address[i]);
		w->ports[i] = be_pair(both, seq);
		w->checksum[i] = __builtin_bswap32(fold(all) << 16);
		w->timestamp[i] = __builtin_bswap32(w->timestamp[i]);
	}
}

static void
synscan_fill(const struct probe *p, enum cookie_plan use, uint8_t attempt, unsigned int n,
	     uint8_t *const *frame, const uint32_t *address, const uint16_t *port,
	     const uint64_t *cookie)
{
	const struct probe_ports *ports = &p->pool.plan.ports[use];
	const size_t network = p->network;
	struct syn_lanes w;
	unsigned int done;

	for (; n > 0; n -= done, frame += done, address += done, port += done, cookie += done) {
		done = n < LANES ? n : LANES;
		synscan_lanes(p, ports, attempt, done, address, port, cookie, &w);
		for (unsigned int i = 0; i < done; i++) {
			uint8_t *packet = frame[i] + network;

			memcpy(packet + AT(ip.id), &w.id[i], sizeof(w.id[i]));
			memcpy(packet + AT(ip.src), &w.addresses[i], sizeof(w.addresses[i]));
			memcpy(packet + AT(tcp), &w.ports[i], sizeof(w.ports[i]));
			memcpy(packet + AT(tcp.checksum), &w.checksum[i], sizeof(w.checksum[i]));
		}
		for (unsigned int i = 0; i < done && p->config.profile == PROBE_LINUX; i++)
			memcpy(frame[i] + network + AT(options) + TIMESTAMP_AT, &w.timestamp[i],
			       sizeof(w.timestamp[i]));
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
