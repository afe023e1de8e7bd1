/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the frames of all probe modules begin with.
 *
 * The inside of lib/probe: no other module includes this.
 */
#ifndef PROBE_HEADERS_H
#define PROBE_HEADERS_H

#include "probe/probe.h"

/* The most that stands before the IPv4 header. */
#define HEADERS_LINK_MAX (sizeof(struct wire_ether) + sizeof(struct wire_vlan))

/* An IPv4 header before payload_len bytes; ID, addresses and checksum are left zero. */
static inline void
headers_ipv4_build(const struct probe_config *c, uint8_t protocol, uint16_t payload_len,
		   struct wire_ipv4 *ip)
{
	*ip = (struct wire_ipv4){.version_ihl = 0x45, .ttl = c->ttl, .protocol = protocol};
	store_be16(ip->total_length, (uint16_t)(sizeof(*ip) + payload_len));
	store_be16(ip->fragment, IPV4_DONT_FRAGMENT);
}

/*
 * The template: a packet, behind the link's header. Sets network and frame_len too. A VLAN's tag
 * only moves the packet, so that it costs nothing more for each probe.
 */
static inline void
headers_template_set(struct probe *p, const void *packet, uint16_t len)
{
	struct wire_ether *ether = (struct wire_ether *)p->template;
	struct wire_vlan *tag = (struct wire_vlan *)(ether + 1);

	memcpy(ether->dst, p->config.gateway_mac, WIRE_MAC_SIZE);
	memcpy(ether->src, p->config.source_mac, WIRE_MAC_SIZE);
	store_be16(ether->type, ETHER_TYPE_IPV4);
	p->network = sizeof(*ether);
	if (p->config.vlan != 0) {
		store_be16(tag->tci, p->config.vlan);
		memcpy(tag->type, ether->type, sizeof(tag->type));
		store_be16(ether->type, ETHER_TYPE_VLAN);
		p->network += sizeof(*tag);
	}
	memcpy(p->template + p->network, packet, len);
	p->frame_len = (uint16_t)(p->network + len);
}

#endif /* PROBE_HEADERS_H */
