/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream that we send: from snd_una on, in a chain of blocks. Blocks are filled to their end, so
 * an offset is found by counting.
 */
#include "tcp/stack.h"

static struct tcp_block *
block_at(const struct tcp *t, uint32_t number)
{
	return &t->send.block[number];
}

static uint32_t
tail_of(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t tail = c->send_head;

	while (tail != 0 && block_at(t, tail)->next != 0)
		tail = block_at(t, tail)->next;
	return tail;
}

/* Append to the chain that ends with *tail: how much of it, 0 when there is no block. */
static size_t
append(struct tcp *t, struct tcp_conn *c, uint32_t *tail, const uint8_t *bytes, size_t len)
{
	struct tcp_block *b = block_at(t, *tail);

	if (*tail == 0 || b->end == BLOCK_DATA) {
		uint32_t number = pool_take(&t->send);

		if (number == 0)
			return 0;
		if (*tail == 0)
			c->send_head = number;
		else
			b->next = number;
		*tail = number;
		b = block_at(t, number);
	}
	if (len > (size_t)(BLOCK_DATA - b->end))
		len = (size_t)(BLOCK_DATA - b->end);
	memcpy(b->data + b->end, bytes, len);
	b->end = (uint16_t)(b->end + len);
	c->send_bytes = (uint16_t)(c->send_bytes + len);
	return len;
}

size_t
tcp_send(struct tcp *t, struct tcp_conn *c, const void *bytes, size_t len)
{
	size_t room = t->config.send_max - c->send_bytes, taken = 0, n;
	uint32_t tail = tail_of(t, c);

	if (!(c->flags & CONN_TOLD_OPEN) || c->flags & CONN_FIN)
		return 0;
	room = room < len ? room : len;
	while (taken < room) {
		n = append(t, c, &tail, (const uint8_t *)bytes + taken, room - taken);
		if (n == 0)
			break;
		taken += n;
	}
	if (taken < len)
		c->flags |= CONN_WANTS_ROOM;
	conn_settle(t, c);
	return taken;
}

void
tcp_shutdown(struct tcp *t, struct tcp_conn *c)
{
	c->flags |= CONN_FIN;
	conn_settle(t, c);
}

/* The peer has the first bytes of the stream: they are ours no longer. */
void
send_acked(struct tcp *t, struct tcp_conn *c, uint32_t bytes)
{
	t->stats.bytes_out += bytes;
	c->send_bytes = (uint16_t)(c->send_bytes - bytes);
	while (bytes > 0) {
		uint32_t head = c->send_head;
		struct tcp_block *b = block_at(t, head);
		uint32_t n = (uint32_t)(b->end - b->begin);

		if (n > bytes) {
			b->begin = (uint16_t)(b->begin + bytes);
			return;
		}
		bytes -= n;
		/* A last block that has room yet may stay for what comes next, but not empty. */
		c->send_head = b->next;
		pool_give(&t->send, head);
	}
}

void
send_copy(const struct tcp *t, const struct tcp_conn *c, uint32_t offset, uint32_t len, uint8_t *out)
{
	uint32_t number = c->send_head;

	while (len > 0) {
		const struct tcp_block *b = block_at(t, number);
		uint32_t here = (uint32_t)(b->end - b->begin);

		if (offset < here) {
			uint32_t n = here - offset < len ? here - offset : len;

			memcpy(out, b->data + b->begin + offset, n);
			out += n;
			len -= n;
			offset += n;
		}
		offset -= here;
		number = b->next;
	}
}

/* Tell who was refused room, if there is some. */
void
send_tell_room(struct tcp *t, struct tcp_conn *c)
{
	bool free = t->send.used < t->send.capacity || c->send_bytes > 0;

	if (!(c->flags & CONN_WANTS_ROOM) || c->send_bytes == t->config.send_max || !free)
		return;
	c->flags &= ~(uint32_t)CONN_WANTS_ROOM;
	t->config.events.room(t->config.context, c, c->user);
}
