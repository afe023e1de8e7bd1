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
#define HEADERS_LINK_MAX sizeof(((struct wire_link *)0)->header)

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
	const struct probe_config *c = &p->config;
	struct wire_link link;

	wire_link_build(c->gateway_mac, c->source_mac, c->vlan, &link);
	memcpy(p->template, link.header, link.len);
	p->network = link.len;
	memcpy(p->template + p->network, packet, len);
	p->frame_len = (uint16_t)(p->network + len);
}

#endif /* PROBE_HEADERS_H */
