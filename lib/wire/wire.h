/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on the wire: Ethernet, ARP (RFC 826), IPv4 (RFC 791), ICMP (RFC 792), TCP (RFC 9293).
 *
 * Headers as structs of bytes: any alignment, network order, no padding. Fields wider than a byte
 * are arrays read by load_be16() and load_be32(), so that a mistaken byte order does not compile.
 *
 * Pure; any thread.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define WIRE_MAC_SIZE 6

enum { ETHER_TYPE_IPV4 = 0x0800, ETHER_TYPE_ARP = 0x0806, ETHER_TYPE_VLAN = 0x8100 };
enum { IP_PROTO_ICMP = 1, IP_PROTO_TCP = 6, IP_PROTO_UDP = 17 };
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };
enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12
};
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct wire_ether {
	uint8_t dst[WIRE_MAC_SIZE];
	uint8_t src[WIRE_MAC_SIZE];
	uint8_t type[2];
};

struct wire_arp {
	uint8_t hardware[2]; /* 1: Ethernet */
	uint8_t protocol[2]; /* ETHER_TYPE_IPV4 */
	uint8_t hardware_size;
	uint8_t protocol_size;
	uint8_t operation[2];
	uint8_t sender_mac[WIRE_MAC_SIZE];
	uint8_t sender_ip[4];
	uint8_t target_mac[WIRE_MAC_SIZE];
	uint8_t target_ip[4];
};

struct wire_ipv4 {
	uint8_t version_ihl;
	uint8_t tos;
	uint8_t total_length[2];
	uint8_t id[2];
	uint8_t fragment[2]; /* flags and offset */
	uint8_t ttl;
	uint8_t protocol;
	uint8_t checksum[2];
	uint8_t src[4];
	uint8_t dst[4];
};

struct wire_tcp {
	uint8_t src_port[2];
	uint8_t dst_port[2];
	uint8_t seq[4];
	uint8_t ack[4];
	uint8_t data_offset; /* high four bits, in words */
	uint8_t flags;
	uint8_t window[2];
	uint8_t checksum[2];
	uint8_t urgent[2];
};

struct wire_udp {
	uint8_t src_port[2];
	uint8_t dst_port[2];
	uint8_t length[2]; /* of header and data */
	uint8_t checksum[2]; /* 0: none */
};

struct wire_icmp {
	uint8_t type;
	uint8_t code;
	uint8_t checksum[2];
	uint8_t rest[4]; /* id and sequence of an echo; unused of an error */
};

_Static_assert(sizeof(struct wire_ether) == 14, "no padding");
_Static_assert(sizeof(struct wire_arp) == 28, "no padding");
_Static_assert(sizeof(struct wire_ipv4) == 20, "no padding");
_Static_assert(sizeof(struct wire_tcp) == 20, "no padding");
_Static_assert(sizeof(struct wire_icmp) == 8, "no padding");

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_FRAGMENT_MASK 0x3fff /* more-fragments and offset: non-zero in a fragment */

/* The shortest frame a driver is handed, without the FCS; and what a frame costs on the wire beside
 * its own bytes: FCS, preamble, start delimiter and gap. */
#define WIRE_FRAME_MIN 60
#define WIRE_OVERHEAD 24

/* Bits that a frame of len bytes (without FCS) occupies on the wire. */
static inline uint64_t
wire_bits(uint64_t len)
{
	return ((len < WIRE_FRAME_MIN ? WIRE_FRAME_MIN : len) + WIRE_OVERHEAD) * 8;
}

/*
 * The Internet checksum (RFC 1071) in parts: sums are of 16-bit words in host order of big-endian
 * loads, kept in 32 or more bits and folded at the end.
 */
uint64_t wire_sum(const void *data, size_t len, uint64_t sum);

/* Fold and complement a sum: the checksum field's value, host order. */
static inline uint16_t
wire_checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The sum of a TCP or UDP pseudo-header; len counts the transport header and its data. */
uint64_t wire_pseudo_sum(const struct wire_ipv4 *ip, uint8_t protocol, uint16_t len);

/*
 * Sums in the machine's own order, of which all 64 bits count: what only asks whether a checksum
 * holds needs no byte swap (RFC 1071, 2B), and for a short header no call. Begin with 0 or another
 * such sum; data of an odd length must come last.
 */
uint64_t wire_native_sum_long(const void *data, size_t len, uint64_t sum);

/* Addition with end-around carry: in one's complement arithmetic of 64 bits nothing is lost. */
static inline uint64_t
wire_add_carry(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < b);
}

static inline uint64_t
wire_load_native64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
wire_load_native32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#define WIRE_SHORT 64

static inline uint64_t
wire_native_sum(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;

	if (len > WIRE_SHORT || len % 4 != 0)
		return wire_native_sum_long(data, len, sum);
	for (; len >= 8; len -= 8, p += 8)
		sum = wire_add_carry(sum, wire_load_native64(p));
	return len > 0 ? wire_add_carry(sum, wire_load_native32(p)) : sum;
}

/* The native sum of a pseudo-header. */
static inline uint64_t
wire_native_pseudo_sum(const struct wire_ipv4 *ip, uint8_t protocol, uint16_t len)
{
	return wire_add_carry(wire_load_native64(ip->src),
			      __builtin_bswap16((uint16_t)(protocol + len)));
}

/* Whether a sum over all that a checksum covers, and the checksum itself, says that it holds. */
static inline int
wire_native_holds(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* Whether a header's, or a segment's, checksum holds. len bytes must be there. */
static inline int
wire_ipv4_checksum_ok(const struct wire_ipv4 *ip, size_t header_len)
{
	return wire_native_holds(wire_native_sum(ip, header_len, 0));
}

static inline int
wire_tcp_checksum_ok(const struct wire_ipv4 *ip, const void *segment, uint16_t len)
{
	return wire_native_holds(
		wire_native_sum(segment, len, wire_native_pseudo_sum(ip, IP_PROTO_TCP, len)));
}

/* Of one that has a checksum. */
static inline int
wire_udp_checksum_ok(const struct wire_ipv4 *ip, const void *datagram, uint16_t len)
{
	return wire_native_holds(
		wire_native_sum(datagram, len, wire_native_pseudo_sum(ip, IP_PROTO_UDP, len)));
}

static inline int
wire_icmp_checksum_ok(const void *message, uint16_t len)
{
	return wire_native_holds(wire_native_sum(message, len, 0));
}

/* Fill in checksums over what stands in the frame. */
void wire_ipv4_checksum_set(struct wire_ipv4 *ip, size_t header_len);
void wire_tcp_checksum_set(const struct wire_ipv4 *ip, void *segment, uint16_t len);

/* Build an IPv4 header without options: total_length counts the header. Sets the checksum. */
void wire_ipv4_build(struct wire_ipv4 *ip, uint32_t src, uint32_t dst, uint8_t protocol,
		     uint16_t total_length, uint16_t id, uint8_t ttl);

/* An IEEE 802.1Q tag: between the addresses and the type that is its last field here. */
struct wire_vlan {
	uint8_t tci[2]; /* priority, and in the low twelve bits the VLAN's id */
	uint8_t type[2];
};

_Static_assert(sizeof(struct wire_vlan) == 4, "no padding");

#define WIRE_VLAN_MASK 0x0fff

/* What stands before the packet in every frame that goes out of a port. */
struct wire_link {
	uint8_t header[sizeof(struct wire_ether) + sizeof(struct wire_vlan)];
	uint8_t len;
};

/* Make it, for IPv4; a vlan of 0 is no tag. */
void wire_link_build(const uint8_t dst[WIRE_MAC_SIZE], const uint8_t src[WIRE_MAC_SIZE],
		     uint16_t vlan, struct wire_link *link);

/* Where the network layer of a frame starts. */
struct wire_network {
	uint16_t ether_type; /* behind the VLAN tag, if there is one */
	uint16_t offset;     /* of the IPv4 or ARP header */
	uint16_t vlan;       /* the tag's id; 0 without a tag, or with one of priority alone */
};

/* Find it, through at most one VLAN tag. 0, or -EINVAL when the frame is too short. */
static inline int
wire_network_find(const uint8_t *frame, size_t len, struct wire_network *out)
{
	const uint16_t untagged = sizeof(struct wire_ether);
	const uint16_t tagged = untagged + sizeof(struct wire_vlan);

	if (len < untagged)
		return -EINVAL;
	out->ether_type = load_be16(frame + 12);
	out->offset = untagged;
	out->vlan = 0;
	if (out->ether_type != ETHER_TYPE_VLAN)
		return 0;
	if (len < tagged)
		return -EINVAL;
	out->vlan = load_be16(frame + 14) & WIRE_VLAN_MASK;
	out->ether_type = load_be16(frame + 16);
	out->offset = tagged;
	return 0;
}

/* What a SYN or SYN-ACK offers. Absent options leave their has_ bit 0. */
struct wire_tcp_options {
	uint32_t ts_value;
	uint32_t ts_echo;
	uint16_t mss;
	uint8_t wscale; /* the shift, at most 14 (RFC 7323, 2.3) */
	uint8_t has_mss : 1, has_wscale : 1, has_sack_perm : 1, has_timestamp : 1;
};

/*
 * Read TCP options. As hosts do: stop without fault at the first whose length byte is below two or
 * runs past the end, pass over a known kind of a wrong length, and let the last of a kind stand.
 */
void wire_tcp_options_read(const uint8_t *options, size_t len, struct wire_tcp_options *out);

#endif /* WIRE_WIRE_H */
