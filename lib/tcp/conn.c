/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "base/hash.h"
#include "tcp/stack.h"

#define WEEK_NS (UINT64_C(7) * 86400 * NS_PER_SEC)

static uint32_t
conn_take(struct tcp *t)
{
	uint32_t number = t->free;

	if (number != 0)
		t->free = t->conn[number].out_next;
	else if (t->touched < t->config.connections)
		number = ++t->touched;
	else
		return 0;
	t->used++;
	return number;
}

/* What has ended goes back, once nothing holds it. */
static void
conn_release(struct tcp *t, struct tcp_conn *c)
{
	if (c->state != CONN_DEAD || c->flags & (CONN_QUEUED | CONN_BUSY))
		return;
	c->state = CONN_FREE;
	c->out_next = t->free;
	t->free = conn_number(t, c);
	t->used--;
}

/* Events may end the connection that they are about: it is not freed between these two. */
bool
conn_enter(struct tcp_conn *c)
{
	bool entered = !(c->flags & CONN_BUSY);

	c->flags |= CONN_BUSY;
	return entered;
}

void
conn_leave(struct tcp *t, struct tcp_conn *c, bool entered)
{
	conn_settle(t, c);
	if (!entered)
		return;
	c->flags &= ~(uint32_t)CONN_BUSY;
	conn_release(t, c);
}

void
conn_queue(struct tcp *t, struct tcp_conn *c)
{
	if (c->flags & CONN_QUEUED)
		return;
	c->flags |= CONN_QUEUED;
	c->out_next = 0;
	if (t->out_head == 0)
		t->out_head = conn_number(t, c);
	else
		t->conn[t->out_tail].out_next = conn_number(t, c);
	t->out_tail = conn_number(t, c);
}

void
conn_unqueue_head(struct tcp *t)
{
	struct tcp_conn *c = &t->conn[t->out_head];

	t->out_head = c->out_next;
	c->flags &= ~(uint32_t)CONN_QUEUED;
	conn_release(t, c);
}

/* Nothing is on its way, so no ACK will wake us: the window, or room in the pool, is waited for. */
static void
settle_idle(struct tcp *t, struct tcp_conn *c)
{
	bool alarm = c->flags & CONN_ALARM;

	if (c->snd_wnd == 0 && conn_send_end(c) != c->snd_una) {
		if (!alarm)
			timer_resend(t, c);
	} else if (c->flags & CONN_WANTS_ROOM && c->send_bytes == 0) {
		if (!alarm || seq_after(c->alarm, t->now + t->ack_delay + 1))
			timer_alarm(t, c, t->ack_delay);
	}
}

/* After anything has happened: what follows from where the connection now stands. */
void
conn_settle(struct tcp *t, struct tcp_conn *c)
{
	const uint32_t both = CONN_FIN_ACKED | CONN_TOLD_FIN;

	if (conn_lives(c) && (c->flags & both) == both)
		conn_end(t, c, TCP_FINISHED, CONN_LAST_ACK);
	if (!conn_lives(c))
		return;
	if (c->state == CONN_OPEN && c->snd_una == c->snd_max)
		settle_idle(t, c);
	timer_update(t, c);
	if (output_wants(t, c))
		conn_queue(t, c);
}

/* The connection ends: its memory goes back at once, itself when `last` has been sent. */
void
conn_end(struct tcp *t, struct tcp_conn *c, enum tcp_cause cause, enum conn_state last)
{
	enum tcp_stage stage = tcp_stage(c);
	bool tell = !(c->flags & CONN_DETACHED);

	t->stats.ended[tell ? cause : TCP_CLOSED]++;
	flow_table_remove(&t->flows, conn_number(t, c));
	wheel_clear(&t->wheel, conn_number(t, c));
	pool_give_list(&t->send, c->send_head);
	pool_give_list(&t->recv, c->recv_head);
	c->send_head = 0;
	c->recv_head = 0;
	c->send_bytes = 0;
	c->state = last & 0xf;
	if (last != CONN_DEAD)
		conn_queue(t, c);
	if (tell)
		t->config.events.closed(t->config.context, c->user, cause, stage);
	conn_release(t, c);
}

static int
conn_begin(struct tcp *t, const struct tcp_begin *begin, struct tcp_conn **conn)
{
	uint64_t latest_ns = t->now_ns + WEEK_NS;
	uint32_t number;

	if (flow_table_find(&t->flows, &begin->tuple) != 0)
		return -EEXIST;
	number = conn_take(t);
	if (number == 0)
		return -ENOBUFS;
	*conn = &t->conn[number];
	**conn = (struct tcp_conn){
		.tuple = begin->tuple,
		.user = begin->user,
		.link = begin->link,
		.deadline = wheel_tick_up(begin->deadline_ns < latest_ns ? begin->deadline_ns : latest_ns),
		.cwnd = TCP_CWND,
	};
	return flow_table_add(&t->flows, number);
}

static uint64_t
tuple_prf(const struct tcp *t, const struct flow_tuple *tuple)
{
	uint64_t addresses = (uint64_t)tuple->local << 32 | tuple->remote;
	uint64_t ports = (uint64_t)tuple->local_port << 16 | tuple->remote_port;

	return hash_sip128(t->config.key[0], t->config.key[1], addresses, UINT64_C(12) << 56 | ports);
}

uint32_t
tcp_isn(const struct tcp *t, const struct flow_tuple *tuple, uint64_t now_ns)
{
	return (uint32_t)tuple_prf(t, tuple) + (uint32_t)(now_ns / (4 * NS_PER_US));
}

void
conn_tell_open(struct tcp *t, struct tcp_conn *c)
{
	c->flags |= CONN_TOLD_OPEN;
	t->config.events.open(t->config.context, c, c->user);
}

/* What a SYN-ACK settles, whoever sent the SYN. */
void
conn_synack(struct tcp *t, struct tcp_conn *c, const struct tcp_synack *s)
{
	const struct wire_tcp_options *o = &s->options;

	c->state = CONN_OPEN;
	c->snd_una = c->snd_nxt = c->snd_max = s->ack;
	c->snd_wnd = s->window;
	c->snd_wl1 = s->seq;
	c->rcv_nxt = s->seq + 1;
	c->rcv_adv = c->rcv_nxt + t->config.syn_window;
	c->mss = o->has_mss ? o->mss : TCP_MSS_DEFAULT;
	if (c->mss < TCP_MSS_FLOOR)
		c->mss = TCP_MSS_FLOOR;
	if (t->syn_scaled && o->has_wscale) {
		c->flags |= CONN_SCALED;
		c->snd_shift = o->wscale & 0xf;
	}
	if (t->syn_sack && o->has_sack_perm)
		c->flags |= CONN_SACK;
	if (t->syn_timestamps && o->has_timestamp) {
		c->flags |= CONN_TIMESTAMPS;
		c->ts_recent = o->ts_value;
	}
	c->retries = 0;
	c->flags |= CONN_ACK_NOW;
	timer_resend(t, c);
	if (c->snd_wnd > 0)
		conn_tell_open(t, c);
}

/* Our ACK was lost: once more. What is no repeat of the one we know gets RFC 5961's answer. */
void
conn_synack_again(struct tcp *t, struct tcp_conn *c, uint32_t seq)
{
	uint32_t first = c->rcv_nxt - c->received - ((c->flags & CONN_PEER_FIN) != 0);

	if (seq + 1 == first && !(c->flags & CONN_HEARD))
		c->flags |= CONN_ACK_NOW;
	else
		output_challenge(t, c);
}

int
tcp_adopt(struct tcp *t, const struct tcp_begin *begin, const struct tcp_synack *synack,
	  uint64_t now_ns, struct tcp_conn **conn)
{
	struct tcp_conn *c;
	bool entered;
	int ret;

	stack_time(t, now_ns);
	ret = conn_begin(t, begin, &c);
	if (ret != 0)
		return ret;
	t->stats.adopted++;
	entered = conn_enter(c);
	c->ts_offset = synack->options.ts_echo - t->now;
	conn_synack(t, c, synack);
	conn_leave(t, c, entered);
	*conn = conn_lives(c) ? c : NULL;
	return 0;
}

int
tcp_open(struct tcp *t, const struct tcp_begin *begin, uint32_t isn, uint64_t now_ns,
	 struct tcp_conn **conn)
{
	struct tcp_conn *c;
	int ret;

	stack_time(t, now_ns);
	ret = conn_begin(t, begin, &c);
	if (ret != 0)
		return ret;
	t->stats.opened++;
	c->state = CONN_SYN;
	c->snd_una = c->snd_nxt = c->snd_max = isn;
	c->ts_offset = (uint32_t)(tuple_prf(t, &begin->tuple) >> 32);
	conn_settle(t, c);
	*conn = c;
	return 0;
}

int
tcp_synack(struct tcp *t, const struct flow_tuple *tuple, const struct tcp_synack *synack,
	   uint64_t now_ns)
{
	uint32_t number = flow_table_find(&t->flows, tuple);
	struct tcp_conn *c = &t->conn[number];
	bool entered;

	if (number == 0)
		return -ENOENT;
	stack_time(t, now_ns);
	entered = conn_enter(c);
	t->stats.segments_in++;
	if (c->state == CONN_OPEN) {
		conn_synack_again(t, c, synack->seq);
	} else if (c->snd_max != c->snd_una && synack->ack == c->snd_max) {
		timer_rtt(t, c);
		conn_synack(t, c, synack);
	}
	conn_leave(t, c, entered);
	return 0;
}

void
tcp_close(struct tcp *t, struct tcp_conn *c, enum tcp_close how)
{
	c->flags |= CONN_DETACHED;
	if (c->state == CONN_SYN) {
		conn_end(t, c, TCP_CLOSED, CONN_DEAD);
	} else if (how == TCP_CLOSE_RST || !(c->flags & CONN_TOLD_OPEN)) {
		conn_end(t, c, TCP_CLOSED, CONN_RESET);
	} else {
		receive_drop(t, c);
		tcp_shutdown(t, c);
	}
}

void
tcp_abort(struct tcp *t, struct tcp_conn *c)
{
	c->flags |= CONN_DETACHED;
	conn_end(t, c, TCP_CLOSED, CONN_DEAD);
}
