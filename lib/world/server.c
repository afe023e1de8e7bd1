/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: their table, and what is made of the segments that are heard. */
#include "world/server.h"

#include <stdlib.h>
#include <string.h>

/* ---- The table --------------------------------------------------------------------------- */

struct servers *
servers_create(uint32_t connections, const struct world_tls *tls)
{
	struct servers *sv = calloc(1, sizeof(*sv));
	uint32_t buckets = 1;

	if (sv == NULL)
		return NULL;
	while (buckets < connections && buckets < UINT32_C(1) << 30)
		buckets <<= 1;
	sv->capacity = connections;
	sv->mask = buckets - 1;
	sv->tls = tls;
	sv->pool = malloc(((size_t)connections + 1) * sizeof(*sv->pool));
	sv->buckets = calloc(buckets, sizeof(*sv->buckets));
	if (blocks_init(&sv->blocks, 2 * connections + 2 * SERVER_EARLY_MAX) != 0 ||
	    sv->pool == NULL || sv->buckets == NULL) {
		servers_free(sv);
		return NULL;
	}
	return sv;
}

static void
sessions_close(struct servers *sv)
{
	for (uint32_t i = 0; i <= sv->mask; i++) {
		for (uint32_t at = sv->buckets[i]; at != 0; at = sv->pool[at].next) {
			if (sv->pool[at].session == NULL)
				continue;
			if (sv->pool[at].service->kind == WORLD_SERVICE_TLS)
				sv->tls->close(sv->tls->context, sv->pool[at].session);
			else
				free(sv->pool[at].session);
		}
	}
}

void
servers_free(struct servers *sv)
{
	if (sv == NULL)
		return;
	if (sv->buckets != NULL && sv->open > 0)
		sessions_close(sv);
	blocks_fini(&sv->blocks);
	free(sv->pool);
	free(sv->buckets);
	free(sv);
}

static struct server *
server_take(struct servers *sv)
{
	uint32_t index = sv->free;

	if (index != 0)
		sv->free = sv->pool[index].next;
	else if (sv->touched < sv->capacity)
		index = ++sv->touched;
	else
		return NULL;
	sv->open++;
	sv->pool[index] = (struct server){.index = index};
	return &sv->pool[index];
}

static struct server *
server_find(const struct servers *sv, uint64_t flow, const uint8_t *packet)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(packet + (packet[0] & 0xf) * 4);
	uint32_t at = sv->buckets[flow & sv->mask];

	for (; at != 0; at = sv->pool[at].next) {
		struct server *c = &sv->pool[at];

		if (c->flow == flow && c->client == load_be32(ip->src) &&
		    c->host == load_be32(ip->dst) && c->client_port == load_be16(tcp->src_port) &&
		    c->host_port == load_be16(tcp->dst_port))
			return c;
	}
	return NULL;
}

static void
chain_give(struct blocks *b, uint32_t at)
{
	while (at != 0) {
		uint32_t next = blocks_at(b, at)->next;

		blocks_give(b, at);
		at = next;
	}
}

void
server_end(struct world_stage *s, struct server *c)
{
	struct servers *sv = s->servers;
	uint32_t *link = &sv->buckets[c->flow & sv->mask];

	while (*link != c->index)
		link = &sv->pool[*link].next;
	*link = c->next;
	if (c->timer != 0)
		events_cancel(s->events, events_at(s->events, c->timer));
	speak_close(s, c);
	chain_give(&sv->blocks, c->queue_first);
	chain_give(&sv->blocks, c->early);
	c->next = sv->free;
	sv->free = c->index;
	sv->open--;
	s->counters.connections_over++;
}

/* ---- A connection is made ---------------------------------------------------------------- */

/* Its client's side, as the SYN said it. */
static void
client_learn(struct server *c, const struct world_client *client)
{
	uint16_t mss = client->mss;

	if (c->has_ts)
		mss = (uint16_t)(mss - 12);
	if (c->service->segment != 0 && c->service->segment < mss)
		mss = c->service->segment;
	c->mss = mss;
	c->cwnd = SERVER_CWND_FIRST * mss;
	c->wscaled = client->wscale != WORLD_UNSCALED && c->service->window == WORLD_WINDOW_UNSAID;
	c->client_wscale = c->wscaled ? client->wscale : 0;
}

/* Whether a segment proves that a SYN-ACK was said; to whom, if so. */
static bool
cookie_fits(const struct world_reaction *r, const struct server_segment *g,
	    struct world_client *client)
{
	return world_answer_isn_read(r->flow, g->seq - 1, g->ack - 1, client);
}

/* Who speaks with whom, and from where to go on. */
static void
server_fill(struct server *c, const struct world_reaction *r, const struct server_segment *g)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)r->packet;
	const struct wire_tcp *tcp =
		(const struct wire_tcp *)(r->packet + (r->packet[0] & 0xf) * 4);

	c->flow = r->flow;
	c->client = load_be32(ip->src);
	c->host = load_be32(ip->dst);
	c->client_port = load_be16(tcp->src_port);
	c->host_port = load_be16(tcp->dst_port);
	c->network = r->network;
	c->tci = r->tci;
	c->tagged = r->tagged;
	memcpy(c->mac, r->mac, sizeof(c->mac));
	c->rcv_nxt = g->seq;
	c->snd_first = c->snd_una = c->snd_nxt = c->snd_max = c->snd_end = g->ack;
	c->resend_ns = c->speak_ns = c->fill_ns = TIME_NEVER;
	c->has_ts = g->options.has_timestamp;
}

/* A connection of a segment that completes a handshake; NULL when it does not, when nobody is there
 * to speak, and when there is no room. */
static struct server *
server_open(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r,
	    const struct server_segment *g)
{
	struct servers *sv = s->servers;
	struct server made = {0}, *c;
	struct world_client client;

	server_fill(&made, r, g);
	if ((g->flags & TCP_RST) != 0 || (g->flags & TCP_ACK) == 0 ||
	    !cookie_fits(r, g, &client) ||
	    world_state_of(s->world, &s->world->terrain[r->network], made.host, made.host_port) !=
		    WORLD_OPEN)
		return NULL;
	made.service = world_service_at(s->world, made.host, made.host_port);
	if (made.service->kind == WORLD_SERVICE_SILENT)
		return NULL;
	c = server_take(sv);
	if (c == NULL) {
		s->counters.connections_refused++;
		return NULL;
	}
	made.index = c->index;
	*c = made;
	c->next = sv->buckets[c->flow & sv->mask];
	sv->buckets[c->flow & sv->mask] = c->index;
	client_learn(c, &client);
	speak_open(c, now_ns);
	s->counters.connections++;
	return c;
}

/* ---- What is heard ----------------------------------------------------------------------- */

/* Give back the blocks whose bytes have all arrived. */
static void
queue_trim(struct world_stage *s, struct server *c)
{
	struct blocks *b = &s->servers->blocks;

	while (c->queue_first != 0) {
		struct block *block = blocks_at(b, c->queue_first);
		uint32_t end = block->seq + block->end, next = block->next;

		/* The last may still be added to. */
		if (seq_after(end, c->snd_una) || (next == 0 && block->end < BLOCK_DATA))
			return;
		blocks_give(b, c->queue_first);
		c->queue_first = next;
		if (next == 0)
			c->queue_last = 0;
	}
}

static void
acknowledge(struct world_stage *s, struct server *c, uint32_t ack)
{
	if (!seq_after(ack, c->snd_una))
		return;
	c->snd_una = ack;
	if (seq_after(ack, c->snd_nxt))
		c->snd_nxt = ack;
	c->tries = 0;
	c->dup_acks = 0;
	c->resend_ns = TIME_NEVER;
	if (c->cwnd < (uint32_t)SERVER_CWND_MAX * c->mss)
		c->cwnd += c->mss;
	if (c->closing && ack == c->snd_end + 1)
		c->fin_acked = true;
	queue_trim(s, c);
}

/* Give the service what is next, as far as it takes it. Whether all was taken. */
static bool
consume(struct world_stage *s, struct server *c, const uint8_t *data, size_t len)
{
	size_t taken = c->closing ? len : speak_hear(s, c, data, len);

	c->rcv_nxt += (uint32_t)taken;
	return taken == len;
}

/* What came early and whose turn it is now. */
static void
early_consume(struct world_stage *s, struct server *c)
{
	struct blocks *b = &s->servers->blocks;

	while (c->early != 0) {
		struct block *block = blocks_at(b, c->early);
		uint32_t index = c->early, skip = c->rcv_nxt - block->seq;

		if (seq_after(block->seq, c->rcv_nxt))
			return;
		if (skip < block->end && !consume(s, c, block->data + skip, block->end - skip))
			return;
		c->early = block->next;
		c->early_count--;
		blocks_give(b, index);
	}
}

static void
early_keep(struct world_stage *s, struct server *c, uint32_t seq, const uint8_t *data, size_t len)
{
	struct blocks *b = &s->servers->blocks;
	uint32_t *link = &c->early, index;
	struct block *block;

	while (*link != 0 && seq_after(seq, blocks_at(b, *link)->seq))
		link = &blocks_at(b, *link)->next;
	if ((*link != 0 && blocks_at(b, *link)->seq == seq) || c->early_count >= SERVER_EARLY_MAX)
		return;
	index = blocks_take_to_keep(b);
	if (index == 0)
		return;
	block = blocks_at(b, index);
	block->seq = seq;
	block->end = (uint32_t)len;
	block->next = *link;
	memcpy(block->data, data, len);
	*link = index;
	c->early_count++;
}

/* Take a segment's data, and its FIN when its turn has come. */
static void
accept(struct world_stage *s, struct server *c, const struct server_segment *g)
{
	uint32_t seq = g->seq, len = g->len, window = server_window(c);
	const uint8_t *data = g->data;
	uint32_t skip = seq_after(c->rcv_nxt, seq) ? c->rcv_nxt - seq : 0;
	bool fin = (g->flags & TCP_FIN) != 0;

	if (skip > len)
		return; /* all of it is old */
	seq += skip;
	data += skip;
	len -= skip;
	if (seq - c->rcv_nxt > window)
		return;
	if (len > window - (seq - c->rcv_nxt)) {
		len = window - (seq - c->rcv_nxt);
		fin = false;
	}
	if (seq != c->rcv_nxt) {
		if (len > 0)
			early_keep(s, c, seq, data, len);
		return;
	}
	if (c->fin_heard)
		return;
	if (len > 0 && !consume(s, c, data, len))
		return;
	early_consume(s, c);
	if (fin && c->rcv_nxt == seq + len) {
		c->rcv_nxt++;
		c->fin_heard = true;
	}
}

/* An ACK that says what the one before it said: something behind the first segment came. */
static bool
is_dup_ack(const struct server *c, const struct server_segment *g)
{
	return g->len == 0 && g->ack == c->snd_una && seq_after(c->snd_nxt, c->snd_una) &&
	       (uint32_t)g->window << c->client_wscale == c->snd_wnd;
}

static void
segment_read(const struct world_reaction *r, struct server_segment *g)
{
	size_t ip_len = (size_t)(r->packet[0] & 0xf) * 4;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(r->packet + ip_len);
	size_t tcp_len = (size_t)(tcp->data_offset >> 4) * 4;

	*g = (struct server_segment){
		.data = r->packet + ip_len + tcp_len,
		.len = (uint16_t)(r->len - ip_len - tcp_len),
		.flags = tcp->flags,
		.seq = load_be32(tcp->seq),
		.ack = load_be32(tcp->ack),
		.window = load_be16(tcp->window),
	};
	wire_tcp_options_read((const uint8_t *)(tcp + 1), tcp_len - sizeof(*tcp), &g->options);
}

/* What is no part of the connection: out of the window, older than it, or of bytes never said. */
static bool
is_foreign(const struct server *c, const struct server_segment *g)
{
	return (g->flags & TCP_ACK) == 0 || seq_after(g->ack, c->snd_max) ||
	       seq_after(g->seq, c->rcv_nxt + SERVER_WINDOW);
}

static void
segment_hear(struct world_stage *s, uint64_t now_ns, struct server *c,
	     const struct server_segment *g)
{
	bool carries = g->len > 0 || (g->flags & TCP_FIN) != 0;
	uint16_t mss = c->service->mss != 0 ? c->service->mss : WORLD_MSS;

	if ((g->flags & TCP_RST) != 0) {
		if (g->seq == c->rcv_nxt)
			server_end(s, c);
		return;
	}
	if (g->len > mss) {
		s->counters.oversize++;
		return;
	}
	if (is_foreign(c, g)) {
		server_say(s, now_ns, c, true);
		return;
	}
	c->heard_ns = now_ns;
	if (g->options.has_timestamp && !seq_after(g->seq, c->rcv_nxt))
		c->ts_recent = g->options.ts_value;
	if (is_dup_ack(c, g) && ++c->dup_acks == SERVER_DUP_ACKS)
		server_resend_first(s, now_ns, c);
	acknowledge(s, c, g->ack);
	c->snd_wnd = (uint32_t)g->window << c->client_wscale;
	if (c->service->reset == WORLD_RESET_ACK ||
	    (c->service->reset == WORLD_RESET_DATA && g->len > 0)) {
		server_reset(s, now_ns, c);
		return;
	}
	if (carries)
		accept(s, c, g);
	server_say(s, now_ns, c, carries);
}

/* Whether a client that has forgotten a connection has made another of the same ports. */
static bool
is_another(const struct server *c, const struct world_reaction *r, bool awaited,
	   const struct server_segment *g)
{
	struct world_client client;

	return (awaited || is_foreign(c, g)) && (g->flags & TCP_RST) == 0 &&
	       g->ack != c->snd_first && cookie_fits(r, g, &client);
}

bool
server_hear(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r, bool awaited)
{
	struct server_segment g;
	struct server *c;

	if (s->servers == NULL)
		return false;
	segment_read(r, &g);
	c = server_find(s->servers, r->flow, r->packet);
	if (c != NULL && is_another(c, r, awaited, &g)) {
		server_end(s, c);
		c = NULL;
	}
	if (c == NULL)
		c = server_open(s, now_ns, r, &g);
	if (c == NULL)
		return false;
	s->counters.segments_heard++;
	segment_hear(s, now_ns, c, &g);
	return true;
}
