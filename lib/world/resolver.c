/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that answer DNS: over UDP as it comes, over TCP as a connection's service. */
#include "world/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "world/names.h"
#include "world/server.h"

/* ---- UDP --------------------------------------------------------------------------------- */

/* A datagram on its way back to who sent the query, of a block's bytes; from another host or to another
 * port where it is forged. */
struct datagram {
	uint32_t block;
	uint16_t port_off;
	uint32_t host_off;
	uint64_t arrival_ns;
};

static void
datagram_say(struct world_stage *s, const struct world_reaction *r, const struct datagram *d)
{
	struct world_event *e = stage_answer_take(s, r, ANSWER_DATAGRAM);
	struct answer_segment *head;

	if (e == NULL) {
		blocks_give(&s->servers->blocks, d->block);
		return;
	}
	e->head_len = sizeof(*head);
	head = (struct answer_segment *)e->head;
	*head = (struct answer_segment){0};
	memcpy(&head->ip, r->packet, sizeof(head->ip));
	head->ip.version_ihl = 0x45;
	store_be32(head->ip.dst, load_be32(head->ip.dst) + d->host_off);
	memcpy(&head->tcp, r->packet + (size_t)(r->packet[0] & 0xf) * 4, 4);
	store_be16(head->tcp.src_port, (uint16_t)(load_be16(head->tcp.src_port) + d->port_off));
	store_be32(head->block, d->block);
	stage_launch(s, e, r->flow, d->arrival_ns);
}

/* Forgeries come first, spread over the first half of the way. */
static void
forgeries_say(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r,
	      const struct names_query *q)
{
	uint64_t half_ns = stage_network_latency_ns(s, r->network, r->flow) / 2;

	for (unsigned int i = 0; i < q->server->forge; i++) {
		enum names_forgery kind = (enum names_forgery)((r->flow + i) % NAMES_FORGERIES);
		struct datagram d = {.block = blocks_take(&s->servers->blocks),
				     .port_off = kind == FORGED_PORT,
				     .host_off = kind == FORGED_SERVER,
				     .arrival_ns = now_ns + half_ns * i / q->server->forge};
		struct block *block;

		if (d.block == 0) {
			s->counters.segments_refused++;
			return;
		}
		block = blocks_at(&s->servers->blocks, d.block);
		block->end = (uint32_t)names_forge(q, kind, block->data, NAMES_DATAGRAM_MAX);
		s->counters.dns_forged++;
		datagram_say(s, r, &d);
	}
}

void
resolver_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)r->packet;
	const struct wire_udp *udp = (const struct wire_udp *)(r->packet + (size_t)(r->packet[0] & 0xf) * 4);
	const uint8_t *message = (const uint8_t *)(udp + 1);
	struct names_query q = {
		.address = load_be32(ip->dst),
		.now_ns = now_ns,
		.message = span_of(message, (size_t)(r->packet + r->len - message)),
	};
	struct datagram d = {.arrival_ns = now_ns + stage_network_latency_ns(s, r->network, r->flow)};
	struct block *block;

	if (s->servers == NULL)
		return;
	q.server = world_service_at(s->world, q.address, load_be16(udp->dst_port));
	forgeries_say(s, now_ns, r, &q);
	d.block = blocks_take(&s->servers->blocks);
	if (d.block == 0) {
		s->counters.segments_refused++;
		return;
	}
	block = blocks_at(&s->servers->blocks, d.block);
	block->end = (uint32_t)names_answer(s->world, &q, block->data, NAMES_DATAGRAM_MAX);
	if (block->end == 0)
		blocks_give(&s->servers->blocks, d.block);
	else
		datagram_say(s, r, &d);
}

/* ---- TCP (RFC 7766) ---------------------------------------------------------------------- */

/* One query at a time: what comes behind waits for its answer. */
struct resolver_session {
	size_t heard;
	size_t said;
	size_t len; /* of the answer with its length; 0: none */
	uint8_t query[2 + DNS_QUERY_MAX];
	uint8_t answer[2 + NAMES_ANSWER_MAX];
};

/* The query's whole length with its own, once that is known. */
static size_t
wanted(const struct resolver_session *q)
{
	return q->heard < 2 ? 2 : 2 + (size_t)load_be16(q->query);
}

static void
answer(const struct world *w, const struct server *c, struct resolver_session *q)
{
	struct names_query query = {.server = c->service, .address = c->host, .is_tcp = true,
				    .now_ns = c->heard_ns, .message = span_of(q->query + 2, q->heard - 2)};
	size_t len = names_answer(w, &query, q->answer + 2, NAMES_ANSWER_MAX);

	store_be16(q->answer, (uint16_t)len);
	q->len = len > 0 ? 2 + len : 0;
	q->heard = q->said = 0;
}

size_t
resolver_hear(const struct world *w, struct server *c, const uint8_t *data, size_t len)
{
	struct resolver_session *q = c->session;
	size_t at = 0;

	if (q == NULL)
		q = c->session = calloc(1, sizeof(*q));
	if (q == NULL)
		return len;
	while (at < len && q->len == 0) {
		size_t n = wanted(q) - q->heard;

		/* Longer than any question of ours: nothing more is answered. */
		if (wanted(q) > sizeof(q->query))
			return len;
		n = n < len - at ? n : len - at;
		memcpy(q->query + q->heard, data + at, n);
		q->heard += n;
		at += n;
		if (q->heard > 2 && q->heard == wanted(q))
			answer(w, c, q);
	}
	return at;
}

bool
resolver_ready(const struct server *c)
{
	const struct resolver_session *q = c->session;

	return q != NULL && q->len > 0;
}

size_t
resolver_say(struct server *c, uint8_t *data, size_t room)
{
	struct resolver_session *q = c->session;
	size_t n = q->len - q->said < room ? q->len - q->said : room;

	memcpy(data, q->answer + q->said, n);
	q->said += n;
	if (q->said == q->len)
		q->len = 0;
	return n;
}
