/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"
#include "world/faults.h"
#include "world/syns.h"
#include "world/truth.h"

struct world_intake *
world_intake_create(const struct world *w)
{
	size_t tallies = w->description.networks_count + 1;
	struct world_intake *in;

	in = calloc(1, sizeof(*in) + tallies * sizeof(in->tallies[0]));
	if (in != NULL)
		in->world = w;
	return in;
}

/* A reaction, unless the frame is lost on its way. packet tells it from others of the flow. */
static bool
react(struct world_intake *in, struct world_reaction *r, enum world_reaction_kind kind,
      uint64_t flow, uint64_t packet)
{
	uint64_t loss = in->world->terrain[r->network].loss_out;

	if (loss != 0 && world_chance(world_draw(flow, DRAW_LOSS_OUT, packet), loss)) {
		in->counters.lost_out++;
		return false;
	}
	r->kind = (uint8_t)kind;
	r->flow = flow;
	return true;
}

/* The reaction to a segment. */
static bool
react_tcp(struct world_intake *in, const struct wire_ipv4 *ip, const struct wire_tcp *tcp,
	  enum world_reaction_kind kind, struct world_reaction *r)
{
	uint64_t packet = (uint64_t)tcp->flags << 48 | (uint64_t)load_be16(ip->id) << 32 |
			  load_be32(tcp->seq);

	return react(in, r, kind,
		     world_flow_hash(in->world->seed, load_be32(ip->src), load_be32(ip->dst),
				     load_be16(tcp->src_port), load_be16(tcp->dst_port)),
		     packet);
}

static bool
hear_tcp(struct world_intake *in, const struct wire_ipv4 *ip, const uint8_t *segment, uint16_t len,
	 struct world_reaction *r)
{
	const struct world *w = in->world;
	const struct wire_tcp *tcp = (const struct wire_tcp *)segment;
	enum world_reaction_kind kind = WORLD_REACT_ANSWER;
	uint32_t dst = load_be32(ip->dst);

	if (len < sizeof(*tcp) || (tcp->data_offset >> 4) * 4 < (int)sizeof(*tcp) ||
	    (tcp->data_offset >> 4) * 4 > len) {
		in->counters.malformed++;
		return false;
	}
	if (!wire_tcp_checksum_ok(ip, segment, len)) {
		in->counters.bad_checksum++;
		return false;
	}
	r->network = (uint16_t)world_terrain_find(w, dst);
	if ((tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN) {
		struct world_tally *tally = &in->tallies[r->network];
		uint16_t port = load_be16(tcp->dst_port);
		enum world_state state = world_state_of(w, &w->terrain[r->network], dst, port);

		tally->syn[state]++;
		tally->syn_digest += world_digest(dst, port);
		if (state == WORLD_SILENT)
			return false;
		r->state = (uint8_t)state;
		kind = WORLD_REACT_SYN;
	} else if ((tcp->flags & TCP_SYN) == 0 && (tcp->flags & (TCP_ACK | TCP_RST)) != 0) {
		in->counters.answers++;
	} else {
		in->counters.other++;
		return false;
	}
	return react_tcp(in, ip, tcp, kind, r);
}

static bool
hear_icmp(struct world_intake *in, const struct wire_ipv4 *ip, const uint8_t *message, uint16_t len,
	  struct world_reaction *r)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)message;
	const struct world *w = in->world;
	uint32_t dst = load_be32(ip->dst);

	if (len < sizeof(*icmp)) {
		in->counters.malformed++;
		return false;
	}
	if (!wire_icmp_checksum_ok(message, len)) {
		in->counters.bad_checksum++;
		return false;
	}
	if (icmp->type != ICMP_ECHO_REQUEST || icmp->code != 0) {
		in->counters.other++;
		return false;
	}
	in->counters.echo++;
	if (!world_echoes(w, dst))
		return false;
	r->network = (uint16_t)world_terrain_find(w, dst);
	return react(in, r, WORLD_REACT_ECHO,
		     world_flow_hash(w->seed, load_be32(ip->src), dst, load_be16(icmp->rest),
				     load_be16(icmp->rest + 2)),
		     load_be16(ip->id));
}

/* Queries to hosts that answer them; what else there is of UDP nobody hears. */
static bool
hear_udp(struct world_intake *in, const struct wire_ipv4 *ip, const uint8_t *datagram, uint16_t len,
	 struct world_reaction *r)
{
	const struct wire_udp *udp = (const struct wire_udp *)datagram;
	const struct world *w = in->world;
	uint32_t dst = load_be32(ip->dst);
	uint16_t port;

	if (len < sizeof(*udp) || load_be16(udp->length) != len) {
		in->counters.malformed++;
		return false;
	}
	if (load_be16(udp->checksum) != 0 && !wire_udp_checksum_ok(ip, datagram, len)) {
		in->counters.bad_checksum++;
		return false;
	}
	port = load_be16(udp->dst_port);
	r->network = (uint16_t)world_terrain_find(w, dst);
	if (world_state_of(w, &w->terrain[r->network], dst, port) != WORLD_OPEN ||
	    world_service_at(w, dst, port)->kind != WORLD_SERVICE_DNS) {
		in->counters.other++;
		return false;
	}
	in->counters.dns++;
	in->tallies[r->network].dns++;
	return react(in, r, WORLD_REACT_DNS,
		     world_flow_hash(w->seed, load_be32(ip->src), dst, load_be16(udp->src_port), port),
		     load_be16(ip->id));
}

static bool
hear_ipv4(struct world_intake *in, const uint8_t *packet, size_t len, struct world_reaction *r)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	uint16_t header_len, total_length;

	if (len < sizeof(*ip)) {
		in->counters.malformed++;
		return false;
	}
	header_len = (ip->version_ihl & 0xf) * 4;
	total_length = load_be16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header_len < sizeof(*ip) || total_length < header_len ||
	    total_length > len) {
		in->counters.malformed++;
		return false;
	}
	if (!wire_ipv4_checksum_ok(ip, header_len)) {
		in->counters.bad_checksum++;
		return false;
	}
	r->packet = packet;
	r->len = total_length;
	if ((load_be16(ip->fragment) & IPV4_FRAGMENT_MASK) == 0) {
		if (ip->protocol == IP_PROTO_TCP)
			return hear_tcp(in, ip, packet + header_len, total_length - header_len, r);
		if (ip->protocol == IP_PROTO_ICMP)
			return hear_icmp(in, ip, packet + header_len, total_length - header_len, r);
		if (ip->protocol == IP_PROTO_UDP)
			return hear_udp(in, ip, packet + header_len, total_length - header_len, r);
	}
	in->counters.other++;
	return false;
}

/* Requests for any address but the sender's own, which is a check whether another has it. */
static bool
hear_arp(struct world_intake *in, const uint8_t *packet, size_t len, struct world_reaction *r)
{
	const struct wire_arp *arp = (const struct wire_arp *)packet;

	if (len < sizeof(*arp) || load_be16(arp->hardware) != 1 ||
	    load_be16(arp->protocol) != ETHER_TYPE_IPV4 || arp->hardware_size != WIRE_MAC_SIZE ||
	    arp->protocol_size != 4) {
		in->counters.malformed++;
		return false;
	}
	if (load_be16(arp->operation) != ARP_REQUEST) {
		in->counters.other++;
		return false;
	}
	in->counters.arp++;
	r->packet = packet;
	r->len = sizeof(*arp);
	r->network = (uint16_t)in->world->description.networks_count;
	return load_be32(arp->sender_ip) != load_be32(arp->target_ip) &&
	       react(in, r, WORLD_REACT_ARP, 0, 0);
}

static bool
hear(struct world_intake *in, const struct world_frame *frame, struct world_reaction *r)
{
	const struct wire_ether *ether = (const struct wire_ether *)frame->data;
	struct wire_network network;

	in->counters.frames++;
	if (wire_network_find(frame->data, frame->len, &network) != 0) {
		in->counters.malformed++;
		return false;
	}
	memcpy(r->mac, ether->src, sizeof(r->mac));
	r->tagged = load_be16(ether->type) == ETHER_TYPE_VLAN;
	r->tci = r->tagged ? load_be16(frame->data + sizeof(*ether)) : 0;
	if (network.ether_type == ETHER_TYPE_IPV4)
		return hear_ipv4(in, frame->data + network.offset, frame->len - network.offset, r);
	if (network.ether_type == ETHER_TYPE_ARP)
		return hear_arp(in, frame->data + network.offset, frame->len - network.offset, r);
	in->counters.other++;
	return false;
}

/* One of the plain SYNs that is not silent. */
static bool
hear_syn(struct world_intake *in, const struct world_frame *frame, uint16_t network, uint8_t state,
	 struct world_reaction *r)
{
	const struct wire_ether *ether = (const struct wire_ether *)frame->data;
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(ether + 1);

	memcpy(r->mac, ether->src, sizeof(r->mac));
	r->tagged = false;
	r->tci = 0;
	r->packet = (const uint8_t *)ip;
	r->len = load_be16(ip->total_length);
	r->network = network;
	r->state = state;
	return react_tcp(in, ip, (const struct wire_tcp *)(ip + 1), WORLD_REACT_SYN, r);
}

/* Where the targets of a burst's plain SYNs are, and what they are. */
struct places {
	uint16_t network[SYNS_MAX];
	uint8_t state[SYNS_MAX];
};

/* SYNs in a row to one port of one network, as nearly all are: counted in registers. */
struct run {
	unsigned int network;
	uint16_t port;
	const struct world_bounds *bounds;
	uint64_t silent;
	uint64_t digest;
};

static void
run_end(struct world_intake *in, const struct run *run)
{
	in->tallies[run->network].syn[WORLD_SILENT] += run->silent;
	in->tallies[run->network].syn_digest += run->digest;
}

static struct run
run_begin(const struct world_intake *in, unsigned int network, uint16_t port)
{
	return (struct run){network, port, world_bounds_find(&in->world->terrain[network], port), 0, 0};
}

/* Tally the plain SYNs; which of them are not silent. */
static uint64_t
tally_syns(struct world_intake *in, const struct syns *s, struct places *places)
{
	struct run run = run_begin(in, 0, 0);
	uint64_t heard = 0;

	for (uint64_t left = s->plain; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		unsigned int network = world_terrain_find(in->world, s->address[i]);
		enum world_state state;

		if (network != run.network || s->port[i] != run.port) {
			run_end(in, &run);
			run = run_begin(in, network, s->port[i]);
		}
		state = world_bounds_state(run.bounds, s->hash[i]);
		run.digest += s->digest[i];
		if (state == WORLD_SILENT) {
			run.silent++;
			continue;
		}
		in->tallies[network].syn[state]++;
		places->network[i] = (uint16_t)network;
		places->state[i] = (uint8_t)state;
		heard |= UINT64_C(1) << i;
	}
	run_end(in, &run);
	return heard;
}

/* Up to SYNS_MAX frames: silent SYNs, which are nearly all, are done with once tallied. */
static unsigned int
hear_some(struct world_intake *in, const struct world_frame *frames, unsigned int n,
	  struct world_reaction *reactions)
{
	uint64_t all = ~UINT64_C(0) >> (SYNS_MAX - n);
	struct places places;
	unsigned int count = 0;
	struct syns syns;
	uint64_t left;

	syns_read(in->world, frames, n, &syns);
	in->counters.frames += (uint64_t)__builtin_popcountll(syns.plain);
	left = tally_syns(in, &syns, &places) | (all & ~syns.plain);
	for (; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);

		if ((syns.plain >> i & 1) != 0)
			count += hear_syn(in, &frames[i], places.network[i], places.state[i],
					  &reactions[count]);
		else
			count += hear(in, &frames[i], &reactions[count]);
	}
	return count;
}

unsigned int
world_intake_burst(struct world_intake *in, const struct world_frame *frames, unsigned int n,
		   struct world_reaction *reactions)
{
	unsigned int count = 0, some;

	for (; n > 0; n -= some, frames += some) {
		some = n < SYNS_MAX ? n : SYNS_MAX;
		count += hear_some(in, frames, some, reactions + count);
	}
	return count;
}
