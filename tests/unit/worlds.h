/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A world on the bench: an intake and a stage, and the frames that a scanner sends into them.
 */
#ifndef TESTS_WORLDS_H
#define TESTS_WORLDS_H

#include <string.h>

#include "base/time.h"
#include "wire/wire.h"
#include "world/world.h"

#define WORLDS_SCANNER 0xc6336408 /* 198.51.100.8 */
#define WORLDS_PERCENT (WORLD_SHARE_ONE / 100)

static const uint8_t worlds_scanner_mac[6] = {0x02, 0, 0, 0, 0, 0x0a};

struct worlds_rig {
	struct world *world;
	struct world_intake *intake;
	struct world_stage *stage;
	uint64_t now_ns;
	uint8_t frame[WORLD_FRAME_MAX]; /* the last that came out */
	unsigned int len;
};

/* With hosts that speak, on so many connections at once. 0 or what failed. */
static inline int
worlds_open_servers(struct worlds_rig *rig, const struct world_description *d, uint32_t events,
		    uint32_t connections)
{
	struct world_stage_config config = {.events = events, .index = 0, .count = 1,
					    .connections = connections};
	int rc;

	*rig = (struct worlds_rig){0};
	rc = world_create(d, &rig->world);
	if (rc != 0)
		return rc;
	rig->intake = world_intake_create(rig->world);
	rig->stage = world_stage_create(rig->world, &config);
	return rig->intake != NULL && rig->stage != NULL ? 0 : -1;
}

static inline int
worlds_open(struct worlds_rig *rig, const struct world_description *d, uint32_t events)
{
	return worlds_open_servers(rig, d, events, 0);
}

static inline void
worlds_close(struct worlds_rig *rig)
{
	world_stage_free(rig->stage);
	free(rig->intake);
	world_free(rig->world);
}

/* Send one frame at the rig's time; whether the world reacted. */
static inline unsigned int
worlds_send(struct worlds_rig *rig, const uint8_t *data, size_t len)
{
	struct world_frame frame = {.data = data, .len = (uint32_t)len};
	struct world_reaction reaction;

	if (world_intake_burst(rig->intake, &frame, 1, &reaction) == 0)
		return 0;
	world_stage_react(rig->stage, rig->now_ns, &reaction);
	return 1;
}

/* Go to the next time that something comes out, by until_ns at most; the length of what came, else
 * 0 at until_ns. */
static inline unsigned int
worlds_next(struct worlds_rig *rig, uint64_t until_ns)
{
	for (;;) {
		uint64_t next_ns = world_stage_next_ns(rig->stage);

		if (next_ns > until_ns) {
			rig->now_ns = until_ns;
			return 0;
		}
		if (next_ns > rig->now_ns)
			rig->now_ns = next_ns;
		rig->len = world_stage_out(rig->stage, rig->now_ns, rig->frame);
		if (rig->len > 0)
			return rig->len;
	}
}

/* What a scanner says. */
struct worlds_segment {
	uint32_t dst;
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t ip_id;
	const uint8_t *options;
	uint8_t options_len;
	const uint8_t *data; /* NULL: 'x' throughout */
	uint16_t data_len;
	uint16_t window; /* with has_window; else 1024 */
	bool has_window;
	bool tagged;
};

#define WORLDS_TCI 0x6064 /* priority 3, VLAN 100 */

static inline size_t
worlds_ether(uint8_t *frame, uint16_t type, bool tagged)
{
	struct wire_ether *ether = (struct wire_ether *)frame;

	memset(ether->dst, 0, 6);
	memcpy(ether->src, worlds_scanner_mac, 6);
	store_be16(ether->type, tagged ? ETHER_TYPE_VLAN : type);
	if (!tagged)
		return sizeof(*ether);
	store_be16(frame + sizeof(*ether), WORLDS_TCI);
	store_be16(frame + sizeof(*ether) + 2, type);
	return sizeof(*ether) + 4;
}

/* Write it into frame, which has 2048 bytes; not padded. Returns its length. */
static inline size_t
worlds_segment(const struct worlds_segment *s, uint8_t *frame)
{
	size_t at = worlds_ether(frame, ETHER_TYPE_IPV4, s->tagged);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + at);
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	size_t len = sizeof(*tcp) + s->options_len + s->data_len;

	wire_ipv4_build(ip, WORLDS_SCANNER, s->dst, IP_PROTO_TCP, (uint16_t)(sizeof(*ip) + len),
			s->ip_id, 64);
	*tcp = (struct wire_tcp){.flags = s->flags};
	store_be16(tcp->src_port, s->src_port);
	store_be16(tcp->dst_port, s->dst_port);
	store_be32(tcp->seq, s->seq);
	store_be32(tcp->ack, s->ack);
	store_be16(tcp->window, s->has_window ? s->window : 1024);
	tcp->data_offset = (uint8_t)((sizeof(*tcp) + s->options_len) / 4 << 4);
	if (s->options_len > 0)
		memcpy(tcp + 1, s->options, s->options_len);
	if (s->data != NULL)
		memcpy((uint8_t *)(tcp + 1) + s->options_len, s->data, s->data_len);
	else
		memset((uint8_t *)(tcp + 1) + s->options_len, 'x', s->data_len);
	wire_tcp_checksum_set(ip, tcp, (uint16_t)len);
	return at + sizeof(*ip) + len;
}

/* A SYN of a flow that (dst, port) alone make, as a scanner's does. */
static inline size_t
worlds_syn(uint32_t dst, uint16_t port, uint8_t *frame)
{
	struct worlds_segment s = {
		.dst = dst,
		.src_port = (uint16_t)(40000 + dst % 1000),
		.dst_port = port,
		.seq = dst * 2654435761u,
		.flags = TCP_SYN,
		.ip_id = (uint16_t)(dst * 40503u),
	};

	return worlds_segment(&s, frame);
}

static inline size_t
worlds_arp(uint16_t operation, uint32_t sender, uint32_t target, uint8_t *frame)
{
	size_t at = worlds_ether(frame, ETHER_TYPE_ARP, false);
	struct wire_arp *arp = (struct wire_arp *)(frame + at);

	*arp = (struct wire_arp){.hardware_size = 6, .protocol_size = 4};
	store_be16(arp->hardware, 1);
	store_be16(arp->protocol, ETHER_TYPE_IPV4);
	store_be16(arp->operation, operation);
	memcpy(arp->sender_mac, worlds_scanner_mac, 6);
	store_be32(arp->sender_ip, sender);
	store_be32(arp->target_ip, target);
	return at + sizeof(*arp);
}

static inline size_t
worlds_echo(uint32_t dst, uint16_t data_len, uint8_t *frame)
{
	size_t at = worlds_ether(frame, ETHER_TYPE_IPV4, false);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + at);
	struct wire_icmp *icmp = (struct wire_icmp *)(ip + 1);
	size_t len = sizeof(*icmp) + data_len;

	wire_ipv4_build(ip, WORLDS_SCANNER, dst, IP_PROTO_ICMP, (uint16_t)(sizeof(*ip) + len), 7,
			64);
	*icmp = (struct wire_icmp){.type = ICMP_ECHO_REQUEST, .rest = {0x12, 0x34, 0, 9}};
	for (uint16_t i = 0; i < data_len; i++)
		((uint8_t *)(icmp + 1))[i] = (uint8_t)i;
	store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, len, 0)));
	return at + sizeof(*ip) + len;
}

/* The parts of a frame that came out; NULL where it has none. */
static inline const struct wire_ipv4 *
worlds_ip(const uint8_t *frame)
{
	struct wire_network network;

	if (wire_network_find(frame, WIRE_FRAME_MIN, &network) != 0 ||
	    network.ether_type != ETHER_TYPE_IPV4)
		return NULL;
	return (const struct wire_ipv4 *)(frame + network.offset);
}

/* The TCP segment, if every length and checksum is as it should be. */
static inline const struct wire_tcp *
worlds_tcp(const uint8_t *frame, unsigned int len)
{
	const struct wire_ipv4 *ip = worlds_ip(frame);
	uint16_t total;

	if (ip == NULL || ip->version_ihl != 0x45 || ip->protocol != IP_PROTO_TCP)
		return NULL;
	total = load_be16(ip->total_length);
	if (total < 40 || total > len - (size_t)((const uint8_t *)ip - frame) ||
	    !wire_ipv4_checksum_ok(ip, 20) || !wire_tcp_checksum_ok(ip, ip + 1, total - 20))
		return NULL;
	return (const struct wire_tcp *)(ip + 1);
}

/* The ICMP message, likewise; *message_len gets its length. */
static inline const struct wire_icmp *
worlds_icmp(const uint8_t *frame, unsigned int len, size_t *message_len)
{
	const struct wire_ipv4 *ip = worlds_ip(frame);
	uint16_t total;

	if (ip == NULL || ip->version_ihl != 0x45 || ip->protocol != IP_PROTO_ICMP)
		return NULL;
	total = load_be16(ip->total_length);
	if (total < 28 || total > len - (size_t)((const uint8_t *)ip - frame) ||
	    !wire_ipv4_checksum_ok(ip, 20) ||
	    wire_checksum_fold(wire_sum(ip + 1, total - 20u, 0)) != 0)
		return NULL;
	*message_len = total - 20u;
	return (const struct wire_icmp *)(ip + 1);
}

#endif /* TESTS_WORLDS_H */
