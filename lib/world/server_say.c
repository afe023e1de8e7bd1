/* SPDX-License-Identifier: BSD-3-Clause */
/* What connections say, and when. */
#include "world/server.h"

#include <string.h>

/* What is said of another place than its own, or of its own with other bytes. */
#define SCRAMBLE 0x55
#define JUNK_DISTANCE UINT32_C(0x40000000)

/* ---- The queue --------------------------------------------------------------------------- */

/* Room at the queue's end; NULL when there are no blocks. */
static struct block *
queue_end(struct world_stage *s, struct server *c)
{
	struct blocks *b = &s->servers->blocks;
	uint32_t index;

	if (c->queue_last != 0 && blocks_at(b, c->queue_last)->end < BLOCK_DATA)
		return blocks_at(b, c->queue_last);
	index = blocks_take_to_keep(b);
	if (index == 0)
		return NULL;
	blocks_at(b, index)->seq = c->snd_end;
	if (c->queue_last != 0)
		blocks_at(b, c->queue_last)->next = index;
	else
		c->queue_first = index;
	c->queue_last = index;
	return blocks_at(b, index);
}

/* How much more may be queued. */
static size_t
queue_allowed(const struct server *c)
{
	uint32_t queued = c->snd_end - c->snd_una;
	uint32_t silent_after = c->service->silent_after;
	size_t allowed = queued < SERVER_QUEUE_MAX ? SERVER_QUEUE_MAX - queued : 0;

	if (c->closing)
		return 0;
	if (silent_after == WORLD_NEVER_SILENT || silent_after - c->said > allowed)
		return allowed;
	return (size_t)(silent_after - c->said);
}

static void
queue_grow(struct server *c, struct block *block, size_t n)
{
	block->end += (uint32_t)n;
	c->snd_end += (uint32_t)n;
	c->said += n;
}

size_t
server_queue(struct world_stage *s, struct server *c, const uint8_t *data, size_t len)
{
	size_t done = 0, allowed = queue_allowed(c);

	if (len > allowed)
		len = allowed;
	while (done < len) {
		struct block *block = queue_end(s, c);
		size_t n;

		if (block == NULL)
			break;
		n = BLOCK_DATA - block->end;
		if (n > len - done)
			n = len - done;
		memcpy(block->data + block->end, data + done, n);
		queue_grow(c, block, n);
		done += n;
	}
	return done;
}

/* Take from the service what there is room for; when there are no blocks, again in a while. */
static void
queue_fill(struct world_stage *s, uint64_t now_ns, struct server *c)
{
	size_t allowed;

	c->fill_ns = TIME_NEVER;
	while (speak_ready(c) && (allowed = queue_allowed(c)) > 0) {
		uint8_t data[BLOCK_DATA];
		struct block *block = queue_end(s, c);
		size_t room, n;

		if (block == NULL) {
			c->fill_ns = now_ns + SERVER_FILL_NS;
			return;
		}
		room = BLOCK_DATA - block->end;
		n = speak_say(s, c, data, room < allowed ? room : allowed);
		if (n == 0)
			return;
		memcpy(block->data + block->end, data, n);
		queue_grow(c, block, n);
	}
}

/* Copy queued bytes from a sequence number on. They are there. */
static void
queue_read(const struct blocks *b, const struct server *c, uint32_t seq, uint8_t *data, size_t len)
{
	uint32_t index = c->queue_first;

	while (len > 0) {
		const struct block *block = blocks_at(b, index);
		uint32_t at = seq - block->seq;
		size_t n;

		index = block->next;
		if (at >= block->end)
			continue;
		n = block->end - at < len ? block->end - at : len;
		memcpy(data, block->data + at, n);
		data += n;
		seq += (uint32_t)n;
		len -= n;
	}
}

/* ---- Segments ---------------------------------------------------------------------------- */

uint32_t
server_window(const struct server *c)
{
	return c->service->window != WORLD_WINDOW_UNSAID ? c->service->window : SERVER_WINDOW;
}

static uint16_t
window_field(const struct world_stage *s, const struct server *c)
{
	uint32_t window = c->service->window;

	if (window != WORLD_WINDOW_UNSAID)
		return (uint16_t)window;
	window = world_answer_window(s->world, c->host);
	return (uint16_t)(c->wscaled ? window >> WORLD_WSCALE : window);
}

static void
head_build(struct world_stage *s, const struct server *c, uint64_t now_ns, uint32_t seq,
	   uint32_t ack, uint8_t flags, struct answer_segment *head)
{
	*head = (struct answer_segment){.ip = {.version_ihl = 0x45, .protocol = IP_PROTO_TCP}};
	store_be16(head->ip.id, c->packets);
	store_be32(head->ip.src, c->client);
	store_be32(head->ip.dst, c->host);
	store_be16(head->tcp.src_port, c->client_port);
	store_be16(head->tcp.dst_port, c->host_port);
	store_be32(head->tcp.seq, seq);
	store_be32(head->tcp.ack, ack);
	head->tcp.flags = flags;
	store_be16(head->tcp.window, window_field(s, c));
	head->has_ts = c->has_ts;
	/* RFC 7323, 5.4: a clock of a millisecond, from where the SYN-ACK had it. */
	store_be32(head->ts_value, (uint32_t)(world_draw(c->flow, DRAW_TIMESTAMP, 0) +
					      now_ns / NS_PER_MS));
	store_be32(head->ts_echo, c->ts_recent);
}

/* A block with so many bytes of the queue; 0 when there is none. */
static uint32_t
data_copy(struct world_stage *s, const struct server *c, uint32_t seq, size_t len, uint8_t scramble)
{
	struct blocks *b = &s->servers->blocks;
	uint32_t index = blocks_take(b);
	struct block *block;

	if (index == 0)
		return 0;
	block = blocks_at(b, index);
	queue_read(b, c, seq, block->data, len);
	block->end = (uint32_t)len;
	for (size_t i = 0; scramble != 0 && i < len; i++)
		block->data[i] ^= scramble;
	return index;
}

/* Of the segments of one moment, this says where in the stream it stands and what it carries. */
struct saying {
	uint32_t seq; /* as it is told */
	uint32_t ack;
	uint32_t from; /* of its data */
	uint32_t len;
	uint8_t flags;
	uint8_t scramble;
};

/* Put a segment on its way. What there is no room for is as good as lost: it is resent. */
static void
segment_say(struct world_stage *s, uint64_t now_ns, struct server *c, const struct saying *g)
{
	struct world_event *e = events_take(s->events);
	struct answer_segment *head;
	uint32_t block = 0;

	if (e != NULL && g->len > 0) {
		block = data_copy(s, c, g->from, g->len, g->scramble);
		if (block == 0) {
			events_give(s->events, e);
			e = NULL;
		}
	}
	if (e == NULL) {
		s->counters.segments_refused++;
		return;
	}
	e->kind = ANSWER_SEGMENT;
	e->network = c->network;
	e->tci = c->tci;
	e->tagged = c->tagged;
	memcpy(e->mac, c->mac, sizeof(e->mac));
	e->head_len = sizeof(*head);
	head = (struct answer_segment *)e->head;
	head_build(s, c, now_ns, g->seq, g->ack, g->flags, head);
	store_be32(head->block, block);
	c->packets++;
	stage_launch(s, e, c->flow,
		     now_ns + stage_network_latency_ns(s, c->network, c->flow));
}

static void
bare_say(struct world_stage *s, uint64_t now_ns, struct server *c, uint32_t seq, uint32_t ack,
	 uint8_t flags)
{
	segment_say(s, now_ns, c, &(struct saying){.seq = seq, .ack = ack, .flags = flags});
}

void
server_reset(struct world_stage *s, uint64_t now_ns, struct server *c)
{
	bare_say(s, now_ns, c, c->snd_nxt, c->rcv_nxt, TCP_RST | TCP_ACK);
	server_end(s, c);
}

unsigned int
server_frame(struct world_stage *s, const struct world_event *e, uint64_t flow, uint8_t *frame,
	     uint16_t *packet)
{
	const struct answer_segment *head = (const struct answer_segment *)e->head;
	uint32_t index = load_be32(head->block);
	const struct block *block = blocks_at(&s->servers->blocks, index);

	if (index == 0)
		return world_segment_build(s->world, e, flow, NULL, 0, frame, packet);
	return world_segment_build(s->world, e, flow, block->data, block->end, frame, packet);
}

void
server_release(struct world_stage *s, const struct world_event *e)
{
	uint32_t index = load_be32(((const struct answer_segment *)e->head)->block);

	if (index != 0)
		blocks_give(&s->servers->blocks, index);
}

bool
server_copy(struct world_stage *s, struct world_event *copy)
{
	struct answer_segment *head = (struct answer_segment *)copy->head;
	struct blocks *b = &s->servers->blocks;
	uint32_t from = load_be32(head->block), to;

	if (from == 0)
		return true;
	to = blocks_take(b);
	if (to == 0) {
		s->counters.segments_refused++;
		return false;
	}
	blocks_at(b, to)->end = blocks_at(b, from)->end;
	memcpy(blocks_at(b, to)->data, blocks_at(b, from)->data, blocks_at(b, from)->end);
	store_be32(head->block, to);
	return true;
}

/* ---- The stream -------------------------------------------------------------------------- */

/* How many bytes the next segment may have. */
static uint32_t
data_next(const struct server *c, uint32_t window)
{
	uint32_t limit = window < c->cwnd ? window : c->cwnd;
	uint32_t in_flight = c->snd_nxt - c->snd_una, n;

	if (!seq_after(c->snd_end, c->snd_nxt) || in_flight >= limit)
		return 0;
	n = c->snd_end - c->snd_nxt;
	if (n > limit - in_flight)
		n = limit - in_flight;
	return n < c->mss ? n : c->mss;
}

/* One segment of data, and the bad manners that go with it, but not when it is resent. */
static void
data_say(struct world_stage *s, uint64_t now_ns, struct server *c, uint32_t len)
{
	bool last = c->snd_nxt + len == c->snd_end;
	bool first_time = c->snd_nxt == c->snd_max;
	struct saying g = {.seq = c->snd_nxt, .from = c->snd_nxt, .len = len, .ack = c->rcv_nxt,
			   .flags = TCP_ACK | (last ? TCP_PSH : 0)};

	if (last && c->closing && c->service->close == WORLD_CLOSE_DATA)
		g.flags |= TCP_FIN;
	if (first_time && c->service->junk) {
		struct saying junk = g;

		junk.seq += JUNK_DISTANCE;
		junk.scramble = SCRAMBLE;
		junk.flags = TCP_ACK;
		segment_say(s, now_ns, c, &junk);
		bare_say(s, now_ns, c, junk.seq, c->rcv_nxt, TCP_RST | TCP_ACK);
	}
	segment_say(s, now_ns, c, &g);
	if (first_time && c->service->overlap) {
		g.scramble = SCRAMBLE;
		segment_say(s, now_ns, c, &g);
	}
	s->counters.segments_resent += !first_time;
	c->snd_nxt += len + ((g.flags & TCP_FIN) != 0);
	if (seq_after(c->snd_nxt, c->snd_max))
		c->snd_max = c->snd_nxt;
}

/* A FIN; one that crosses the client's does not acknowledge it: an ACK behind it does. */
static void
fin_say(struct world_stage *s, uint64_t now_ns, struct server *c)
{
	bool crosses = c->service->close == WORLD_CLOSE_SIMULTANEOUS && c->fin_heard;

	bare_say(s, now_ns, c, c->snd_end, c->rcv_nxt - crosses, TCP_FIN | TCP_ACK);
	c->snd_nxt = c->snd_end + 1;
	if (seq_after(c->snd_nxt, c->snd_max))
		c->snd_max = c->snd_nxt;
	if (crosses)
		bare_say(s, now_ns, c, c->snd_nxt, c->rcv_nxt, TCP_ACK);
}

/* Whether it is time to close, at the end of the queue. */
static bool
should_close(const struct world_stage *s, const struct server *c)
{
	uint8_t close = c->service->close;

	if (c->said >= c->service->silent_after)
		return false;
	if (c->fin_heard && !speak_busy(c))
		return true;
	if (!speak_over(s, c))
		return false;
	return close == WORLD_CLOSE_FIN || close == WORLD_CLOSE_DATA ||
	       (c->service->kind == WORLD_SERVICE_TLS && close != WORLD_CLOSE_RESET);
}

/* Whether a reset is due behind what has been said. */
static bool
should_reset(const struct world_stage *s, const struct server *c)
{
	if (c->service->reset == WORLD_RESET_RESPONSE && c->said > 0 && c->snd_nxt != c->snd_una)
		return true;
	return c->service->close == WORLD_CLOSE_RESET && c->said > 0 && c->snd_nxt == c->snd_end &&
	       speak_over(s, c);
}

/* Data within the window, and the FIN behind it. Whether anything was said. */
static bool
stream_say(struct world_stage *s, uint64_t now_ns, struct server *c, uint32_t window)
{
	bool said = false;
	uint32_t len;

	while ((len = data_next(c, window)) > 0) {
		data_say(s, now_ns, c, len);
		said = true;
		if (c->service->reset == WORLD_RESET_RESPONSE)
			return true;
	}
	if (c->closing && c->snd_nxt == c->snd_end && !c->fin_acked) {
		fin_say(s, now_ns, c);
		said = true;
	}
	if (seq_after(c->snd_nxt, c->snd_end) && !c->fin_heard)
		c->closed_first = true;
	return said;
}

/* ---- Time -------------------------------------------------------------------------------- */

static bool
is_closed(const struct server *c)
{
	return c->fin_heard && c->fin_acked;
}

static uint64_t
idle_at_ns(const struct server *c)
{
	if (is_closed(c))
		return c->heard_ns + SERVER_LINGER_NS;
	return c->heard_ns + (c->service->idle_ns != 0 ? c->service->idle_ns : SERVER_IDLE_NS);
}

static void
resend_arm(const struct world_stage *s, uint64_t now_ns, struct server *c)
{
	uint64_t rto_ns = SERVER_RTO_MIN_NS +
			  stage_network_latency_ns(s, c->network, c->flow);

	if (c->snd_nxt == c->snd_una && !seq_after(c->snd_end, c->snd_nxt))
		c->resend_ns = TIME_NEVER;
	else if (c->resend_ns == TIME_NEVER)
		c->resend_ns = now_ns + (rto_ns << c->tries);
}

/* One event a connection: it is only ever moved to an earlier time, and looks what is due when it
 * comes. In a full stage the old one stands; without any the connection waits for what it hears. */
static void
timer_arm(struct world_stage *s, struct server *c)
{
	struct world_event *old = c->timer != 0 ? events_at(s->events, c->timer) : NULL, *e;
	uint64_t due_ns = idle_at_ns(c);

	if (c->resend_ns < due_ns)
		due_ns = c->resend_ns;
	if (c->speak_ns < due_ns)
		due_ns = c->speak_ns;
	if (c->fill_ns < due_ns)
		due_ns = c->fill_ns;
	if (old != NULL && old->due_ns <= due_ns)
		return;
	e = events_take(s->events);
	if (e == NULL) {
		s->counters.events_refused++;
		return;
	}
	if (old != NULL)
		events_cancel(s->events, old);
	e->kind = EVENT_TIMER;
	store_be32(e->head, c->index);
	c->timer = e->index;
	events_schedule(s->events, e, due_ns);
}

static void
say(struct world_stage *s, uint64_t now_ns, struct server *c, bool ack_due, uint32_t window)
{
	bool said;

	queue_fill(s, now_ns, c);
	if (should_close(s, c))
		c->closing = true;
	said = stream_say(s, now_ns, c, window);
	if (should_reset(s, c)) {
		server_reset(s, now_ns, c);
		return;
	}
	if (ack_due && !said)
		bare_say(s, now_ns, c, c->snd_nxt, c->rcv_nxt, TCP_ACK);
	if (is_closed(c) && !c->closed_first) {
		server_end(s, c);
		return;
	}
	resend_arm(s, now_ns, c);
	timer_arm(s, c);
}

void
server_say(struct world_stage *s, uint64_t now_ns, struct server *c, bool ack_due)
{
	say(s, now_ns, c, ack_due, c->snd_wnd);
}

void
server_resend_first(struct world_stage *s, uint64_t now_ns, struct server *c)
{
	uint32_t next = c->snd_nxt, len = c->snd_end - c->snd_una;

	if (!seq_after(c->snd_end, c->snd_una))
		return;
	c->snd_nxt = c->snd_una;
	data_say(s, now_ns, c, len < c->mss ? len : c->mss);
	if (seq_after(next, c->snd_nxt))
		c->snd_nxt = next;
}

/* Begin again with the first byte that is not acknowledged: with it alone in a closed window. */
static void
resend(struct world_stage *s, uint64_t now_ns, struct server *c)
{
	if (++c->tries >= SERVER_TRIES) {
		server_end(s, c);
		return;
	}
	c->snd_nxt = c->snd_una;
	c->cwnd = c->mss;
	c->resend_ns = TIME_NEVER;
	say(s, now_ns, c, false, c->snd_wnd > 0 ? c->snd_wnd : 1);
}

void
server_timer(struct world_stage *s, uint64_t now_ns, const struct world_event *e)
{
	struct server *c = &s->servers->pool[load_be32(e->head)];

	c->timer = 0;
	if (now_ns >= idle_at_ns(c)) {
		if (is_closed(c))
			server_end(s, c);
		else
			server_reset(s, now_ns, c);
		return;
	}
	if (now_ns >= c->speak_ns)
		speak_time(c, now_ns);
	if (now_ns >= c->resend_ns)
		resend(s, now_ns, c);
	else
		server_say(s, now_ns, c, false);
}
