/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of anybody: classify, the neighbourhood and TCP options over arbitrary bytes.
 *
 * The first byte says how far a frame is helped on its way, since no fuzzer guesses a checksum or a
 * cookie, and to what scan it comes: of SYNs or of pings, in a VLAN or not; the rest is the frame. Whatever the help, a reply must be what the key makes of its
 * sender, by arithmetic done here once more.
 */
#include <stdlib.h>

#include "../unit/frames.h"
#include "neigh/neigh.h"

enum { HELP_CHECKSUMS = 1, HELP_TUPLE = 2, HELP_NUMBER = 4, HELP_QUOTE = 8, PING = 16, VLAN = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static struct probe
make_probe(unsigned int help)
{
	struct probe_config config = frames_config(PROBE_WINDOWS);
	struct probe p;

	config.vlan = help & VLAN ? FRAMES_VLAN : 0;
	REQUIRE(probe_init(&p, help & PING ? &probe_icmp_echoscan : &probe_tcp_synscan,
			   &config) == 0);
	return p;
}

/* Tuple and number of a segment to us, as if its sender answered our SYN. */
static void
help_segment(const struct probe *p, unsigned int help, struct wire_ipv4 *ip, struct wire_tcp *tcp)
{
	struct frames_flow f = frames_flow(p, load_be32(ip->src), load_be16(tcp->src_port),
					   COOKIE_PROBE);

	if (help & HELP_TUPLE) {
		store_be32(ip->dst, f.own_address);
		store_be16(tcp->dst_port, f.own_port);
	}
	if (help & HELP_NUMBER)
		store_be32(tcp->ack, f.seq + 1);
}

/* The same of an echo reply. */
static void
help_echo(const struct probe *p, unsigned int help, struct wire_ipv4 *ip, struct probe_echo *echo)
{
	struct frames_flow f = frames_flow(p, load_be32(ip->src), 0, COOKIE_PROBE);

	if (help & HELP_TUPLE) {
		store_be32(ip->dst, f.own_address);
		store_be16(echo->icmp.rest, f.own_port);
	}
	if (help & HELP_NUMBER) {
		store_be16(echo->icmp.rest + 2, probe_echo_seq(f.cookie));
		store_be32(echo->cookie, (uint32_t)(f.cookie >> 32));
		store_be32(echo->cookie + 4, (uint32_t)f.cookie);
	}
}

/* A quoted ping of ours. */
static void
help_quoted_echo(const struct probe *p, struct wire_ipv4 *ip, struct wire_ipv4 *quote,
		 struct wire_icmp *sent)
{
	struct frames_flow f = frames_flow(p, load_be32(quote->dst), 0, COOKIE_COVERAGE);

	store_be32(ip->dst, f.own_address);
	store_be32(quote->src, f.own_address);
	store_be16(sent->rest, f.own_port);
	store_be16(sent->rest + 2, probe_echo_seq(f.cookie));
	quote->protocol = IP_PROTO_ICMP;
}

static void
help_quote(const struct probe *p, struct wire_ipv4 *ip, uint8_t *quoted, size_t len)
{
	struct wire_ipv4 *quote = (struct wire_ipv4 *)quoted;
	size_t header_len = (size_t)(quoted[0] & 0x0f) * 4;
	struct wire_tcp *sent = (struct wire_tcp *)(quoted + header_len);
	struct frames_flow f;

	if (header_len < sizeof(*quote) || len < header_len + 8)
		return;
	if (p->module == &probe_icmp_echoscan) {
		help_quoted_echo(p, ip, quote, (struct wire_icmp *)sent);
		return;
	}
	f = frames_flow(p, load_be32(quote->dst), load_be16(sent->dst_port), COOKIE_COVERAGE);
	store_be32(ip->dst, f.own_address);
	store_be32(quote->src, f.own_address);
	store_be16(sent->src_port, f.own_port);
	store_be32(sent->seq, f.seq);
	quote->protocol = IP_PROTO_TCP;
}

static void
help_transport(const struct probe *p, unsigned int help, struct wire_ipv4 *ip, uint8_t *payload,
	       size_t len)
{
	struct wire_icmp *icmp = (struct wire_icmp *)payload;

	if (ip->protocol == IP_PROTO_TCP && len >= sizeof(struct wire_tcp)) {
		help_segment(p, help, ip, (struct wire_tcp *)payload);
		if (help & HELP_CHECKSUMS)
			wire_tcp_checksum_set(ip, payload, (uint16_t)len);
	} else if (ip->protocol == IP_PROTO_ICMP && len >= sizeof(*icmp)) {
		if (help & HELP_QUOTE && len >= sizeof(*icmp) + sizeof(*ip))
			help_quote(p, ip, payload + sizeof(*icmp), len - sizeof(*icmp));
		if (icmp->type == ICMP_ECHO_REPLY && len >= sizeof(struct probe_echo))
			help_echo(p, help, ip, (struct probe_echo *)payload);
		if (help & HELP_CHECKSUMS) {
			store_be16(icmp->checksum, 0);
			store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, len, 0)));
		}
	}
}

static void
help_frame(const struct probe *p, unsigned int help, uint8_t *frame, size_t len)
{
	struct wire_network net;
	struct wire_ipv4 *ip;
	size_t header_len, total;

	if (wire_network_find(frame, len, &net) != 0 || net.ether_type != ETHER_TYPE_IPV4 ||
	    len - net.offset < sizeof(*ip))
		return;
	ip = (struct wire_ipv4 *)(frame + net.offset);
	header_len = (size_t)(ip->version_ihl & 0x0f) * 4;
	total = load_be16(ip->total_length);
	if (header_len < sizeof(*ip) || total < header_len || total > len - net.offset)
		return;
	help_transport(p, help, ip, frame + net.offset + header_len, total - header_len);
	if (help & HELP_CHECKSUMS)
		wire_ipv4_checksum_set(ip, header_len);
}

static void
check_reply(const struct probe *p, enum classify_kind kind, const struct reply *r)
{
	const struct probe_config *c = &p->config;
	uint64_t cookie, of_target;
	uint32_t seq;

	REQUIRE(r->kind == kind && r->use < 4);
	cookie = cookie_make(&c->key, r->address, r->port, (enum cookie_plan)r->use);
	/* A second look's reply goes where the first one's went. */
	of_target = r->use == COOKIE_COVERAGE ? cookie_make(&c->key, r->address, r->port, COOKIE_PROBE) : cookie;
	seq = (uint32_t)cookie;
	REQUIRE(r->own_port == probe_source_port(&p->pool.plan.ports[r->use], cookie));
	REQUIRE(r->own_address == probe_pool_address(&p->pool, cookie));
	REQUIRE(r->bucket == probe_bucket(of_target));
	if (p->module == &probe_icmp_echoscan) {
		REQUIRE(r->port == 0 && r->seq == probe_echo_seq(cookie));
		REQUIRE(kind == CLASSIFY_ICMP || kind == CLASSIFY_ECHOREPLY);
		REQUIRE((r->icmp_type == 0) == (kind == CLASSIFY_ECHOREPLY));
	} else if (kind == CLASSIFY_SYNACK)
		REQUIRE(r->ack == seq + 1);
	else if (kind == CLASSIFY_RST)
		REQUIRE(r->ack == seq + 1 || r->seq == seq + 1);
	else
		REQUIRE(r->seq == seq && r->icmp_type != 0);
	REQUIRE(r->received_ns == 0 && r->iface == 0 && r->wscale <= 14);
}

/* What is sent back is whole, padded, from us, and to one station. */
static void
check_answer(const uint8_t *frame, uint16_t len)
{
	if (len == 0)
		return;
	REQUIRE(len >= WIRE_FRAME_MIN && len <= NEIGH_FRAME_MAX);
	REQUIRE(memcmp(frame + 6, frames_own_mac, 6) == 0);
	REQUIRE((frame[0] & 1) == 0);
}

static void
check_neigh(const uint8_t *in, size_t len, enum classify_kind kind)
{
	struct neigh_config config = {.addresses = frames_sources, .address_count = 4,
				      .gateway = 0xc6336401};
	uint8_t frame[NEIGH_FRAME_MAX], mac[6];
	struct neigh n;
	uint16_t answer;

	memcpy(config.mac, frames_own_mac, 6);
	neigh_init(&n, &config, 0);
	answer = neigh_arp(&n, in, len, frame);
	REQUIRE(answer == 0 || kind == CLASSIFY_ARP);
	check_answer(frame, answer);
	if (neigh_gateway_mac(&n, mac))
		REQUIRE(kind == CLASSIFY_ARP && (mac[0] & 1) == 0);
	answer = neigh_echo(&n, in, len, frame);
	check_answer(frame, answer);
}

/* A frame in a burst is what it is alone, to the byte. */
static void
check_burst(const struct classify_config *c, const uint8_t *frame, size_t len, enum classify_kind kind,
	    const struct reply *alone)
{
	const uint8_t *frames[] = {frame, frame};
	const uint16_t lens[] = {(uint16_t)len, (uint16_t)len};
	struct reply reply[2];
	uint8_t kinds[2];
	unsigned int n;

	if (len > UINT16_MAX)
		return;
	n = classify_burst(c, 2, frames, lens, kinds, reply);
	REQUIRE(kinds[0] == kind && kinds[1] == kind && n == (kind < CLASSIFY_REPLIES ? 2 : 0));
	for (unsigned int i = 0; i < n; i++)
		REQUIRE(memcmp(&reply[i], alone, sizeof(*alone)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe p = make_probe(size > 0 ? data[0] : 0);
	const struct classify_config c = {&p, frames_sources, 4};
	struct wire_tcp_options options;
	struct reply reply;
	enum classify_kind kind;
	uint8_t *frame;
	size_t len;

	if (size < 2)
		return 0;
	len = size - 1;
	frame = malloc(len);
	REQUIRE(frame != NULL);
	memcpy(frame, data + 1, len);
	wire_tcp_options_read(frame, len, &options);
	REQUIRE(options.wscale <= 14);
	help_frame(&p, data[0], frame, len);
	kind = classify_frame(&c, frame, len, &reply);
	REQUIRE(kind >= 0 && kind < CLASSIFY_KINDS);
	check_burst(&c, frame, len, kind, &reply);
	if (data[0] & VLAN && kind != CLASSIFY_TRUNCATED && kind != CLASSIFY_NOT_OURS)
		REQUIRE(load_be16(frame + 12) == ETHER_TYPE_VLAN &&
			(load_be16(frame + 14) & 0xfff) == FRAMES_VLAN);
	if (kind < CLASSIFY_REPLIES)
		check_reply(&p, kind, &reply);
	/* The neighbourhood knows no VLANs: it is shown what was found to be of ours. */
	if (!(data[0] & VLAN) || kind == CLASSIFY_ARP || kind == CLASSIFY_ECHO_REQUEST)
		check_neigh(frame, len, kind);
	free(frame);
	return 0;
}
