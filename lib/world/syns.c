/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/syns.h"

#include "base/multiversion.h"
#include "wire/wire.h"

/* The most of a segment that is a SYN's: a header with all the options there can be. */
#define SEGMENT_MAX 60

/* Whether a frame may be one, by all but its checksums; the sums and the target of one that may. */
static inline bool
frame_read(const struct world_frame *frame, struct syns *s, unsigned int i)
{
	const struct wire_ether *ether = (const struct wire_ether *)frame->data;
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(ether + 1);
	const struct wire_tcp *tcp = (const struct wire_tcp *)(ip + 1);
	uint32_t total, len;

	if (frame->len < sizeof(*ether) + sizeof(*ip) + sizeof(*tcp) ||
	    load_be16(ether->type) != ETHER_TYPE_IPV4 || ip->version_ihl != 0x45 ||
	    ip->protocol != IP_PROTO_TCP || (load_be16(ip->fragment) & IPV4_FRAGMENT_MASK) != 0)
		return false;
	total = load_be16(ip->total_length);
	len = total - (uint32_t)sizeof(*ip);
	if (total < sizeof(*ip) + sizeof(*tcp) || total > frame->len - sizeof(*ether) ||
	    len > SEGMENT_MAX || len % 4 != 0 || (tcp->data_offset >> 4) < 5 ||
	    (uint32_t)(tcp->data_offset >> 4) * 4 > len ||
	    (tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return false;
	s->ip_sum[i] = wire_native_sum(ip, sizeof(*ip), 0);
	s->tcp_sum[i] = wire_native_sum(
		tcp, len, wire_native_pseudo_sum(ip, IP_PROTO_TCP, (uint16_t)len));
	s->address[i] = load_be32(ip->dst);
	s->port[i] = load_be16(tcp->dst_port);
	return true;
}

/* All lanes, of frames that are SYNs and others: what is computed of these is not looked at. */
MULTIVERSION static void
lanes(uint64_t seed, unsigned int n, struct syns *s, uint64_t *good)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t key = world_key(s->address[i], s->port[i]);

		s->hash[i] = world_hash(seed ^ key);
		s->digest[i] = hash_mix64(WORLD_DIGEST_KEY ^ key);
		good[i] = (uint64_t)(wire_native_holds(s->ip_sum[i]) &
				       wire_native_holds(s->tcp_sum[i]));
	}
}

void
syns_read(const struct world *w, const struct world_frame *frames, unsigned int n, struct syns *s)
{
	uint64_t likely = 0, good[SYNS_MAX];

	for (unsigned int i = 0; i < n; i++) {
		if (frame_read(&frames[i], s, i)) {
			likely |= UINT64_C(1) << i;
		} else {
			s->address[i] = 0;
			s->port[i] = 0;
			s->ip_sum[i] = s->tcp_sum[i] = 0;
		}
	}
	lanes(w->seed, n, s, good);
	s->plain = 0;
	for (unsigned int i = 0; i < n; i++)
		s->plain |= good[i] << i;
	s->plain &= likely;
}
