/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors (RFC 1122, 4.2.3.9; RFC 5461; RFC 5927): whoever quotes a tuple and a number in flight
 * has seen the segment. He may tell us why a SYN is not answered; a connection that has begun
 * he may slow down, and not end.
 */
#include <errno.h>

#include "tcp/stack.h"

#define CODE_FRAGMENT_NEEDED 4

/* RFC 1191: smaller segments from here on; a router too old to say how small gets the floor. */
static void
path_mtu(struct tcp_conn *c, uint16_t mtu)
{
	uint16_t headers = sizeof(struct wire_ipv4) + sizeof(struct wire_tcp);
	uint16_t mss = mtu > headers ? (uint16_t)(mtu - headers) : 0;

	if (mss < TCP_PMTU_FLOOR) {
		mss = TCP_PMTU_FLOOR;
		c->flags |= CONN_MAY_FRAGMENT;
	}
	if (mss >= c->mss || c->state != CONN_OPEN)
		return;
	c->mss = mss;
	/* Once at once; were it often, a forger could have us send without end. */
	if (!(c->flags & CONN_PMTU)) {
		c->snd_nxt = c->snd_una;
		c->flags |= CONN_PMTU;
	}
}

static void
icmp_about(struct tcp *t, struct tcp_conn *c, const struct flow_quote *q)
{
	if (q->type == ICMP_UNREACHABLE && q->code == CODE_FRAGMENT_NEEDED) {
		path_mtu(c, q->mtu);
		return;
	}
	if (q->type == ICMP_QUENCH) /* RFC 6633 */
		return;
	t->config.events.icmp(t->config.context, c, c->user, q->type, q->code);
	if (c->state == CONN_SYN && q->type == ICMP_UNREACHABLE)
		conn_end(t, c, TCP_UNREACHABLE, CONN_DEAD);
}

int
tcp_icmp(struct tcp *t, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	struct flow_quote q;
	struct tcp_conn *c;
	uint32_t number;
	bool entered;

	if (flow_quote_read(packet, len, IP_PROTO_TCP, &q) != 0)
		return -EINVAL;
	number = flow_table_find(&t->flows, &q.tuple);
	if (number == 0)
		return -ENOENT;
	c = &t->conn[number];
	if (seq_before(q.seq, c->snd_una) || !seq_before(q.seq, c->snd_max))
		return -ENOENT;
	stack_time(t, now_ns);
	t->stats.icmp++;
	entered = conn_enter(c);
	if (!(c->flags & CONN_DETACHED))
		icmp_about(t, c, &q);
	conn_leave(t, c, entered);
	return 0;
}
