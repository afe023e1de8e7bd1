/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests: a probe set up to send, and the replies that a good network would bring.
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <string.h>

#include "classify/classify.h"

/* 198.51.100.8 and its neighbours; sorted. */
static const uint32_t frames_sources[] = {0xc6336408, 0xc6336409, 0xc633640a, 0xc633640b};

/* Of tagged frames. */
#define FRAMES_VLAN 100

static const uint8_t frames_own_mac[6] = {0x02, 0, 0, 0, 0, 0x0a};
static const uint8_t frames_gateway_mac[6] = {0x02, 0, 0, 0, 0, 0x01};

/* One interface with these addresses. */
static inline const struct probe_sources *
frames_one_interface(void)
{
	static const struct ipv4_range range = {0xc6336408, 0xc633640b};
	static const struct probe_pool_config pool = {&range, 1, 32768, 61000, 1};
	static struct probe_sources sources;

	if (sources.count == 0)
		(void)probe_sources_init(&sources, &pool, 1);
	return &sources;
}

static inline struct probe_config
frames_config(enum probe_profile profile)
{
	struct probe_config c = {
		.profile = profile,
		.ttl = 64,
		.sources = frames_one_interface(),
		.key = COOKIE_TEST_KEY,
	};

	memcpy(c.source_mac, frames_own_mac, 6);
	memcpy(c.gateway_mac, frames_gateway_mac, 6);
	return c;
}

/* One target's flow, as the key makes it. */
struct frames_flow {
	uint32_t address;
	uint16_t port;
	uint32_t own_address;
	uint16_t own_port;
	uint32_t seq;
	uint64_t cookie;
	enum cookie_plan use;
};

static inline struct frames_flow
frames_flow(const struct probe *p, uint32_t address, uint16_t port, enum cookie_plan use)
{
	const struct probe_sources *s = p->config.sources;
	uint64_t cookie = cookie_make(&p->config.key, address, port, use);
	const struct probe_pool *pool = &s->pool[probe_iface_of(s, cookie)];

	return (struct frames_flow){
		.address = address,
		.port = port,
		.own_address = probe_pool_address(pool, cookie),
		.own_port = probe_source_port(&pool->plan.ports[use], cookie),
		.seq = (uint32_t)cookie,
		.cookie = cookie,
		.use = use,
	};
}

/* What a reply says beside its flow. */
struct frames_tcp {
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	const uint8_t *options;
	uint8_t options_len;
	const uint8_t *ip_options;
	uint8_t ip_options_len;
	uint16_t data_len;
	int tagged;
};

static inline size_t
frames_ether(uint8_t *frame, int tagged)
{
	memcpy(frame, frames_own_mac, 6);
	memcpy(frame + 6, frames_gateway_mac, 6);
	if (tagged) {
		store_be16(frame + 12, ETHER_TYPE_VLAN);
		store_be16(frame + 14, FRAMES_VLAN);
	}
	store_be16(frame + 12 + 4 * (size_t)(tagged != 0), ETHER_TYPE_IPV4);
	return 14 + 4 * (size_t)(tagged != 0);
}

/* An IPv4 header with options, checksum set. */
static inline struct wire_ipv4 *
frames_ipv4(uint8_t *at, uint32_t src, uint32_t dst, uint8_t protocol, size_t payload_len,
	    const uint8_t *options, uint8_t options_len)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)at;
	size_t header_len = sizeof(*ip) + options_len;

	wire_ipv4_build(ip, src, dst, protocol, (uint16_t)(header_len + payload_len), 4711, 53);
	ip->version_ihl = (uint8_t)(0x40 | header_len / 4);
	if (options_len > 0)
		memcpy(at + sizeof(*ip), options, options_len);
	wire_ipv4_checksum_set(ip, header_len);
	return ip;
}

/* A segment of the flow's target to us. Returns the frame's length; frame has 2048 bytes. */
static inline size_t
frames_reply(const struct frames_flow *f, const struct frames_tcp *t, uint8_t *frame)
{
	size_t at = frames_ether(frame, t->tagged);
	size_t segment_len = sizeof(struct wire_tcp) + t->options_len + t->data_len;
	struct wire_ipv4 *ip = frames_ipv4(frame + at, f->address, f->own_address, IP_PROTO_TCP,
					   segment_len, t->ip_options, t->ip_options_len);
	struct wire_tcp *tcp;

	at += sizeof(*ip) + t->ip_options_len;
	tcp = (struct wire_tcp *)(frame + at);
	*tcp = (struct wire_tcp){.flags = t->flags};
	store_be16(tcp->src_port, f->port);
	store_be16(tcp->dst_port, f->own_port);
	store_be32(tcp->seq, t->seq);
	store_be32(tcp->ack, t->ack);
	store_be16(tcp->window, t->window);
	tcp->data_offset = (uint8_t)((sizeof(*tcp) + t->options_len) / 4 << 4);
	if (t->options_len > 0)
		memcpy(frame + at + sizeof(*tcp), t->options, t->options_len);
	memset(frame + at + sizeof(*tcp) + t->options_len, 'x', t->data_len);
	wire_tcp_checksum_set(ip, tcp, (uint16_t)segment_len);
	return at + segment_len;
}

static inline size_t
frames_icmp(uint32_t src, uint32_t dst, uint8_t type, uint8_t code, const void *body,
	    size_t body_len, uint8_t *frame)
{
	size_t at = frames_ether(frame, 0);
	struct wire_icmp *icmp;

	frames_ipv4(frame + at, src, dst, IP_PROTO_ICMP, sizeof(*icmp) + body_len, NULL, 0);
	at += sizeof(struct wire_ipv4);
	icmp = (struct wire_icmp *)(frame + at);
	*icmp = (struct wire_icmp){.type = type, .code = code};
	memcpy(icmp + 1, body, body_len);
	store_be16(icmp->checksum,
		   wire_checksum_fold(wire_sum(icmp, sizeof(*icmp) + body_len, 0)));
	return at + sizeof(*icmp) + body_len;
}

/* The probe of a flow as it left, from the IPv4 header on; its length. */
static inline size_t
frames_probe(const struct probe *p, const struct frames_flow *f, uint8_t *packet)
{
	uint8_t frame[PROBE_FRAME_MAX];
	uint8_t *frames[1] = {frame};

	memcpy(frame, p->template, sizeof(frame));
	p->module->fill(p, f->use, 0, 1, frames, &f->address, &f->port, &f->cookie);
	memcpy(packet, frame + p->network, (size_t)(p->frame_len - p->network));
	return (size_t)(p->frame_len - p->network);
}

/* The flow's ping as its target says it again. */
static inline size_t
frames_echo_reply(const struct frames_flow *f, uint8_t *frame)
{
	struct probe_echo echo = {.icmp = {.type = ICMP_ECHO_REPLY}};
	size_t len;

	store_be16(echo.icmp.rest, f->own_port);
	store_be16(echo.icmp.rest + 2, probe_echo_seq(f->cookie));
	store_be32(echo.cookie, (uint32_t)(f->cookie >> 32));
	store_be32(echo.cookie + 4, (uint32_t)f->cookie);
	len = frames_icmp(f->address, f->own_address, ICMP_ECHO_REPLY, 0, echo.cookie,
			  sizeof(echo.cookie), frame);
	memcpy(frame + 34, &echo, sizeof(echo));
	store_be16(frame + 36, wire_checksum_fold(wire_sum(&echo, sizeof(echo), 0)));
	return len;
}

#endif /* TESTS_FRAMES_H */
