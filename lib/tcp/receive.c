/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream that comes in. What can be given to the user is given from the segment itself; what is
 * early, or not taken, waits in a list of blocks in the order of the stream that never overlap.
 * A block is appended to while what follows it comes, so one-byte segments do not cost a block each.
 */
#include "tcp/stack.h"

static struct tcp_block *
block_at(const struct tcp *t, uint32_t number)
{
	return &t->recv.block[number];
}

static uint32_t
block_start(const struct tcp_block *b)
{
	return b->seq + b->begin;
}

static uint32_t
block_end(const struct tcp_block *b)
{
	return b->seq + b->end;
}

/* The number behind the data that has come in order, without the FIN's own. */
static uint32_t
data_end(const struct tcp_conn *c)
{
	return c->rcv_nxt - ((c->flags & CONN_PEER_FIN) != 0);
}

/* Bytes in order that the user has not taken. */
static uint32_t
held(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t start;

	if (c->recv_head == 0)
		return 0;
	start = block_start(block_at(t, c->recv_head));
	return seq_before(start, data_end(c)) ? data_end(c) - start : 0;
}

/*
 * What we may say: all the room there is, but an old promise is kept, and none grows by crumbs (RFC
 * 9293, 3.8.6.2.2).
 */
uint32_t
receive_window(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t in_use = held(t, c), max = t->config.recv_max;
	uint32_t room = in_use < max ? max - in_use : 0;
	uint32_t promised = seq_after(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
	uint32_t step = max / 2 < 1460 ? max / 2 : 1460;

	return room >= promised + step ? room : promised;
}

/* Give the user what is next, no more than it may have: how much it took. May end the connection. */
static uint32_t
give(struct tcp *t, struct tcp_conn *c, const uint8_t *bytes, uint32_t len, uint32_t given)
{
	uint64_t max = t->config.receive_max;
	uint32_t n = max == 0 || len <= max - given ? len : (uint32_t)(max - given), taken = 0;

	if (n > 0)
		taken = (uint32_t)t->config.events.data(t->config.context, c, c->user, bytes, n);
	t->stats.bytes_in += taken;
	if (!conn_lives(c))
		return taken;
	if (taken < n)
		c->flags |= CONN_FULL;
	else if (n < len)
		conn_end(t, c, TCP_OVERFLOW, CONN_RESET);
	return taken;
}

/* A new block between prev and its next; 0 when this connection, or the stack, has its share. */
static uint32_t
block_insert(struct tcp *t, struct tcp_conn *c, uint32_t prev, uint32_t seq)
{
	uint32_t *link = prev != 0 ? &block_at(t, prev)->next : &c->recv_head;
	uint32_t number = c->recv_blocks < t->recv_blocks_max ? pool_take(&t->recv) : 0;

	if (number == 0)
		return 0;
	block_at(t, number)->seq = seq;
	block_at(t, number)->next = *link;
	*link = number;
	c->recv_blocks++;
	return number;
}

/* Fill a hole that begins at seq, behind prev: *prev is then the last block filled. False: no memory. */
static bool
hole_fill(struct tcp *t, struct tcp_conn *c, uint32_t *prev, uint32_t seq, const uint8_t *bytes,
	  uint32_t len)
{
	while (len > 0) {
		struct tcp_block *b = block_at(t, *prev);
		uint32_t n;

		if (*prev == 0 || block_end(b) != seq || b->end == BLOCK_DATA) {
			uint32_t number = block_insert(t, c, *prev, seq);

			if (number == 0) {
				t->stats.refused += len;
				return false;
			}
			*prev = number;
			b = block_at(t, number);
		}
		n = (uint32_t)(BLOCK_DATA - b->end) < len ? (uint32_t)(BLOCK_DATA - b->end) : len;
		memcpy(b->data + b->end, bytes, n);
		b->end = (uint16_t)(b->end + n);
		seq += n;
		bytes += n;
		len -= n;
	}
	return true;
}

/* Keep what is not kept yet of [seq, seq + len): where it was, the first copy stands. */
static void
keep(struct tcp *t, struct tcp_conn *c, uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	uint32_t prev = 0, at = c->recv_head;

	while (len > 0) {
		uint32_t n = len;

		while (at != 0 && !seq_after(block_end(block_at(t, at)), seq)) {
			prev = at;
			at = block_at(t, at)->next;
		}
		if (at != 0 && !seq_after(block_start(block_at(t, at)), seq)) {
			uint32_t known = block_end(block_at(t, at)) - seq;

			n = known < len ? known : len;
			t->stats.overlapping += n;
		} else {
			if (at != 0 && block_start(block_at(t, at)) - seq < len)
				n = block_start(block_at(t, at)) - seq;
			if (!hole_fill(t, c, &prev, seq, bytes, n))
				return;
		}
		seq += n;
		bytes += n;
		len -= n;
	}
}

/* What is kept and follows without a gap has come in order. */
static void
advance(struct tcp *t, struct tcp_conn *c)
{
	uint32_t at = c->recv_head;

	for (; at != 0 && !seq_after(block_start(block_at(t, at)), c->rcv_nxt); at = block_at(t, at)->next) {
		uint32_t end = block_end(block_at(t, at));

		if (seq_after(end, c->rcv_nxt)) {
			c->received += end - c->rcv_nxt;
			c->rcv_nxt = end;
		}
	}
}

static void
tell_fin(struct tcp *t, struct tcp_conn *c)
{
	if ((c->flags & (CONN_PEER_FIN | CONN_TOLD_FIN)) != CONN_PEER_FIN || held(t, c) > 0)
		return;
	c->flags |= CONN_TOLD_FIN;
	if (!(c->flags & CONN_DETACHED))
		t->config.events.fin(t->config.context, c, c->user);
}

/* Give what has come in order, until the user takes no more. */
static void
deliver(struct tcp *t, struct tcp_conn *c)
{
	uint32_t waiting;

	while (!(c->flags & CONN_FULL) && (waiting = held(t, c)) > 0) {
		uint32_t head = c->recv_head;
		struct tcp_block *b = block_at(t, head);
		uint32_t taken = give(t, c, b->data + b->begin, (uint32_t)(b->end - b->begin),
				      c->received - waiting);

		if (!conn_lives(c))
			return;
		b->begin = (uint16_t)(b->begin + taken);
		if (b->begin == b->end) {
			c->recv_head = b->next;
			c->recv_blocks--;
			pool_give(&t->recv, head);
		}
	}
	tell_fin(t, c);
}

/* The part of a segment that is next, and of which nothing is kept, goes to the user as it is. */
static uint32_t
give_directly(struct tcp *t, struct tcp_conn *c, const uint8_t *bytes, uint32_t len)
{
	uint32_t n = len, taken;

	if (c->flags & CONN_FULL || held(t, c) > 0)
		return 0;
	if (c->recv_head != 0 && block_start(block_at(t, c->recv_head)) - c->rcv_nxt < n)
		n = block_start(block_at(t, c->recv_head)) - c->rcv_nxt;
	taken = give(t, c, bytes, n, c->received);
	c->rcv_nxt += taken;
	c->received += taken;
	return taken;
}

/* Cut a segment to our window and to the peer's own end. False: nothing is left. */
static bool
trim(struct tcp *t, const struct tcp_conn *c, uint32_t *seq, const uint8_t **bytes, uint32_t *len)
{
	uint32_t end = c->rcv_adv;

	if (c->flags & CONN_FIN_AHEAD && seq_before(c->peer_fin, end))
		end = c->peer_fin;
	if (seq_before(*seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - *seq;

		t->stats.overlapping += old < *len ? old : *len;
		if (old >= *len)
			return false;
		*seq += old;
		*bytes += old;
		*len -= old;
	}
	if (!seq_before(*seq, end))
		return false;
	if (*len > end - *seq)
		*len = end - *seq;
	return true;
}

/* RFC 5681, 4.2: at once for every gap, for what fills one, and for every second segment. */
static void
acknowledge(struct tcp *t, struct tcp_conn *c, bool early, bool had_gap)
{
	if (early) {
		if (c->dup_out < 15)
			c->dup_out++;
	} else if (had_gap || c->flags & (CONN_ACK_LATER | CONN_FULL)) {
		c->flags |= CONN_ACK_NOW;
	} else {
		timer_ack_later(t, c);
	}
}

void
receive_data(struct tcp *t, struct tcp_conn *c, uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	bool early, had_gap = c->recv_head != 0;
	uint32_t n = 0;

	if (c->flags & CONN_PEER_FIN || !trim(t, c, &seq, &bytes, &len)) {
		c->flags |= CONN_ACK_NOW;
		return;
	}
	early = seq != c->rcv_nxt;
	if (early) {
		c->newest = seq;
		t->stats.early += len;
	} else {
		n = give_directly(t, c, bytes, len);
		if (!conn_lives(c))
			return;
	}
	keep(t, c, seq + n, bytes + n, len - n);
	acknowledge(t, c, early, had_gap);
	advance(t, c);
	deliver(t, c);
}

/* Forget what was kept behind the end of its stream. */
static void
cut(struct tcp *t, struct tcp_conn *c, uint32_t end)
{
	uint32_t *link = &c->recv_head;

	while (*link != 0) {
		uint32_t number = *link;
		struct tcp_block *b = block_at(t, number);

		if (seq_before(block_start(b), end)) {
			if (seq_after(block_end(b), end))
				b->end = (uint16_t)(end - b->seq);
			link = &b->next;
			continue;
		}
		*link = b->next;
		c->recv_blocks--;
		pool_give(&t->recv, number);
	}
}

/* Its stream ends at seq: now if all before it has come, else when it will have. */
void
receive_fin(struct tcp *t, struct tcp_conn *c, uint32_t seq)
{
	if (c->flags & CONN_PEER_FIN) {
		c->flags |= CONN_ACK_NOW;
		return;
	}
	if (!(c->flags & CONN_FIN_AHEAD)) {
		if (seq_before(seq, c->rcv_nxt) || seq_after(seq, c->rcv_adv))
			return;
		c->peer_fin = seq;
		c->flags |= CONN_FIN_AHEAD;
		cut(t, c, seq);
	}
	if (c->rcv_nxt != c->peer_fin)
		return;
	c->rcv_nxt++;
	if (seq_before(c->rcv_adv, c->rcv_nxt))
		c->rcv_adv = c->rcv_nxt;
	c->flags |= CONN_PEER_FIN | CONN_ACK_NOW;
	tell_fin(t, c);
}

void
receive_drop(struct tcp *t, struct tcp_conn *c)
{
	pool_give_list(&t->recv, c->recv_head);
	c->recv_head = 0;
	c->recv_blocks = 0;
	c->flags &= ~(uint32_t)CONN_FULL;
	tell_fin(t, c);
}

void
tcp_resume(struct tcp *t, struct tcp_conn *c)
{
	bool entered;

	if (!(c->flags & CONN_FULL))
		return;
	entered = conn_enter(c);
	c->flags &= ~(uint32_t)CONN_FULL;
	deliver(t, c);
	if (conn_lives(c) && receive_window(t, c) > c->rcv_adv - c->rcv_nxt)
		c->flags |= CONN_ACK_NOW;
	conn_leave(t, c, entered);
}

/* The run of blocks without a gap that starts with number: its end, and the block behind it. */
static uint32_t
run_end(const struct tcp *t, uint32_t number, uint32_t *behind)
{
	uint32_t end = block_end(block_at(t, number));

	for (number = block_at(t, number)->next; number != 0; number = block_at(t, number)->next) {
		if (block_start(block_at(t, number)) != end)
			break;
		end = block_end(block_at(t, number));
	}
	*behind = number;
	return end;
}

/* SACK's blocks (RFC 2018, 4): first the one with what came last, then the rest from the first on. */
unsigned int
receive_sack(const struct tcp *t, const struct tcp_conn *c, unsigned int most, uint8_t *option)
{
	unsigned int n = 0;
	bool has_newest = false;

	for (uint32_t at = c->recv_head, behind; at != 0; at = behind) {
		uint32_t start = block_start(block_at(t, at)), end = run_end(t, at, &behind);
		bool newest = !seq_after(start, c->newest) && seq_before(c->newest, end);
		unsigned int place = n;

		if (!seq_after(start, c->rcv_nxt))
			continue;
		if (newest) {
			/* Others make room at the front; the last of too many falls off. */
			unsigned int moved = n < most ? n : most - 1;

			memmove(option + 8, option, (size_t)moved * 8);
			place = 0;
			has_newest = true;
			n = moved;
		} else if (n >= most - !has_newest) {
			continue;
		}
		store_be32(option + (size_t)place * 8, start);
		store_be32(option + (size_t)place * 8 + 4, end);
		n++;
	}
	return n;
}
