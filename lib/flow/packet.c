/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "flow/flow.h"

/* Ports, and what a quote must bring: the first eight bytes behind the IPv4 header (RFC 792). */
#define TRANSPORT_MIN 8

/* An IPv4 header that is whole, and says nothing shorter than itself: its length, else 0. */
static size_t
ipv4_header_len(const uint8_t *packet, size_t len)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	size_t header;

	if (len < sizeof(*ip) || ip->version_ihl >> 4 != 4)
		return 0;
	header = (size_t)(ip->version_ihl & 0xf) * 4;
	if (header < sizeof(*ip) || header > len || load_be16(ip->total_length) < header)
		return 0;
	return header;
}

/* The data of a packet that is no fragment, all of which is there. 0, or -EINVAL. */
static int
payload_find(const uint8_t *packet, size_t len, uint8_t protocol, const uint8_t **payload,
	     uint16_t *payload_len)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	size_t header = ipv4_header_len(packet, len);

	if (header == 0 || load_be16(ip->total_length) > len || ip->protocol != protocol ||
	    (load_be16(ip->fragment) & IPV4_FRAGMENT_MASK) != 0)
		return -EINVAL;
	*payload = packet + header;
	*payload_len = (uint16_t)(load_be16(ip->total_length) - header);
	return *payload_len >= TRANSPORT_MIN ? 0 : -EINVAL;
}

int
flow_packet_read(const uint8_t *packet, size_t len, uint8_t protocol, struct flow_packet *out)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;

	if (payload_find(packet, len, protocol, &out->transport, &out->len) != 0)
		return -EINVAL;
	out->ttl = ip->ttl;
	out->tuple = (struct flow_tuple){
		.local = load_be32(ip->dst),
		.remote = load_be32(ip->src),
		.local_port = load_be16(out->transport + 2),
		.remote_port = load_be16(out->transport),
	};
	return 0;
}

struct wire_ipv4 *
flow_frame_begin(const struct wire_link *link, const struct flow_tuple *tuple,
		 const struct flow_header *header, uint8_t *frame)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + link->len);
	uint8_t *ports = (uint8_t *)(ip + 1);
	uint16_t length = (uint16_t)(sizeof(*ip) + header->payload_len);
	uint16_t fragment = header->may_fragment ? 0 : IPV4_DONT_FRAGMENT;

	memcpy(frame, link->header, link->len);
	ip->version_ihl = 0x45;
	ip->tos = 0;
	store_be16(ip->total_length, length);
	store_be16(ip->id, header->id);
	store_be16(ip->fragment, fragment);
	ip->ttl = header->ttl;
	ip->protocol = header->protocol;
	store_be32(ip->src, tuple->local);
	store_be32(ip->dst, tuple->remote);
	/* Of the values: the bytes that have just been written would be waited for. */
	store_be16(ip->checksum,
		   wire_checksum_fold(UINT64_C(0x4500) + length + header->id + fragment +
				      (uint32_t)(header->ttl << 8 | header->protocol) +
				      (uint64_t)tuple->local + tuple->remote));
	store_be16(ports, tuple->local_port);
	store_be16(ports + 2, tuple->remote_port);
	return ip;
}

static int
is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_QUENCH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER;
}

int
flow_quote_read(const uint8_t *packet, size_t len, uint8_t protocol, struct flow_quote *out)
{
	const struct wire_icmp *icmp;
	const struct wire_ipv4 *quote;
	const uint8_t *message, *sent;
	uint16_t message_len;
	size_t header;

	if (payload_find(packet, len, IP_PROTO_ICMP, &message, &message_len) != 0)
		return -EINVAL;
	icmp = (const struct wire_icmp *)message;
	quote = (const struct wire_ipv4 *)(icmp + 1);
	message_len = (uint16_t)(message_len - sizeof(*icmp));
	header = ipv4_header_len((const uint8_t *)quote, message_len);
	/* Of a fragment, only the first has ports; what follows it was not lost on its account. */
	if (!is_error(icmp->type) || header == 0 || message_len < header + TRANSPORT_MIN ||
	    quote->protocol != protocol || (load_be16(quote->fragment) & 0x1fff) != 0)
		return -EINVAL;
	sent = (const uint8_t *)quote + header;
	*out = (struct flow_quote){
		.tuple = {load_be32(quote->src), load_be32(quote->dst), load_be16(sent),
			  load_be16(sent + 2)},
		.seq = load_be32(sent + 4),
		.sender = load_be32(((const struct wire_ipv4 *)packet)->src),
		.mtu = icmp->type == ICMP_UNREACHABLE && icmp->code == 4 ? load_be16(icmp->rest + 2) : 0,
		.type = icmp->type,
		.code = icmp->code,
	};
	return 0;
}
