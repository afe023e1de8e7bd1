/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/wire.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERM = 4,
	OPTION_TIMESTAMP = 8
};

/* RFC 7323, 2.3: a larger shift is to be taken as 14. */
#define WSCALE_MAX 14

/* Less than eight bytes, as the low bytes of a word. */
static inline uint64_t
load_tail(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	uint32_t half;
	uint16_t pair;
	unsigned int shift = 0;

	if (len & 4) {
		memcpy(&half, p, sizeof(half));
		v = half;
		p += 4;
		shift = 32;
	}
	if (len & 2) {
		memcpy(&pair, p, sizeof(pair));
		v |= (uint64_t)pair << shift;
		p += 2;
		shift += 16;
	}
	if (len & 1)
		v |= (uint64_t)*p << shift;
	return v;
}

/* Eight bytes a step, in two chains, so that a long segment's carries overlap. */
uint64_t
wire_native_sum_long(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint64_t even = sum, odd = 0;

	for (; len >= 16; len -= 16, p += 16) {
		even = wire_add_carry(even, wire_load_native64(p));
		odd = wire_add_carry(odd, wire_load_native64(p + 8));
	}
	if (len >= 8) {
		even = wire_add_carry(even, wire_load_native64(p));
		len -= 8;
		p += 8;
	}
	if (len > 0)
		odd = wire_add_carry(odd, load_tail(p, len));
	return wire_add_carry(even, odd);
}

uint64_t
wire_sum(const void *data, size_t len, uint64_t sum)
{
	return sum + __builtin_bswap16((uint16_t)~wire_checksum_fold(wire_native_sum(data, len, 0)));
}

uint64_t
wire_pseudo_sum(const struct wire_ipv4 *ip, uint8_t protocol, uint16_t len)
{
	return (uint64_t)load_be32(ip->src) + load_be32(ip->dst) + protocol + len;
}

void
wire_ipv4_checksum_set(struct wire_ipv4 *ip, size_t header_len)
{
	store_be16(ip->checksum, 0);
	store_be16(ip->checksum, wire_checksum_fold(wire_sum(ip, header_len, 0)));
}

void
wire_tcp_checksum_set(const struct wire_ipv4 *ip, void *segment, uint16_t len)
{
	struct wire_tcp *tcp = segment;
	uint64_t sum = wire_pseudo_sum(ip, IP_PROTO_TCP, len);

	store_be16(tcp->checksum, 0);
	store_be16(tcp->checksum, wire_checksum_fold(wire_sum(segment, len, sum)));
}

void
wire_ipv4_build(struct wire_ipv4 *ip, uint32_t src, uint32_t dst, uint8_t protocol,
		uint16_t total_length, uint16_t id, uint8_t ttl)
{
	*ip = (struct wire_ipv4){
		.version_ihl = 0x45,
		.ttl = ttl,
		.protocol = protocol,
	};
	store_be16(ip->total_length, total_length);
	store_be16(ip->id, id);
	store_be32(ip->src, src);
	store_be32(ip->dst, dst);
	wire_ipv4_checksum_set(ip, sizeof(*ip));
}

void
wire_link_build(const uint8_t dst[WIRE_MAC_SIZE], const uint8_t src[WIRE_MAC_SIZE], uint16_t vlan,
		struct wire_link *link)
{
	struct wire_ether *ether = (struct wire_ether *)link->header;
	struct wire_vlan *tag = (struct wire_vlan *)(ether + 1);

	*link = (struct wire_link){.len = sizeof(*ether)};
	memcpy(ether->dst, dst, WIRE_MAC_SIZE);
	memcpy(ether->src, src, WIRE_MAC_SIZE);
	store_be16(ether->type, vlan != 0 ? ETHER_TYPE_VLAN : ETHER_TYPE_IPV4);
	if (vlan != 0) {
		store_be16(tag->tci, vlan);
		store_be16(tag->type, ETHER_TYPE_IPV4);
		link->len += sizeof(*tag);
	}
}

/* One option, kind and length byte included; a known kind of a wrong length is passed over. */
static void
option_read(const uint8_t *option, uint8_t len, struct wire_tcp_options *out)
{
	if (option[0] == OPTION_MSS && len == 4) {
		out->mss = load_be16(option + 2);
		out->has_mss = 1;
	} else if (option[0] == OPTION_WSCALE && len == 3) {
		out->wscale = option[2] < WSCALE_MAX ? option[2] : WSCALE_MAX;
		out->has_wscale = 1;
	} else if (option[0] == OPTION_SACK_PERM && len == 2) {
		out->has_sack_perm = 1;
	} else if (option[0] == OPTION_TIMESTAMP && len == 10) {
		out->ts_value = load_be32(option + 2);
		out->ts_echo = load_be32(option + 6);
		out->has_timestamp = 1;
	}
}

void
wire_tcp_options_read(const uint8_t *options, size_t len, struct wire_tcp_options *out)
{
	size_t at = 0;

	*out = (struct wire_tcp_options){0};
	while (at < len && options[at] != OPTION_END) {
		if (options[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (len - at < 2 || options[at + 1] < 2 || options[at + 1] > len - at)
			return;
		option_read(options + at, options[at + 1], out);
		at += options[at + 1];
	}
}
