/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/stack.h"

#define RTO_MAX_TICKS ((uint32_t)((60 * NS_PER_SEC) >> TICK_SHIFT))
#define ACK_REPEATS 2

/* The wheel is told when it would wake later than the first of the timers, never to wake later. */
void
timer_update(struct tcp *t, struct tcp_conn *c)
{
	uint32_t first = c->deadline;

	if (c->flags & CONN_ALARM && seq_before(c->alarm, first))
		first = c->alarm;
	if (c->flags & CONN_ACK_LATER) {
		uint32_t ack = t->now + (uint32_t)(int16_t)(c->ack_tick - (uint16_t)t->now);

		if (seq_before(ack, first))
			first = ack;
	}
	if (!wheel_is_set(&c->timer) || seq_before(first, c->timer.tick))
		wheel_set(&t->wheel, conn_number(t, c), first);
}

void
timer_alarm(struct tcp *t, struct tcp_conn *c, uint32_t ticks)
{
	c->alarm = t->now + ticks + 1;
	c->flags |= CONN_ALARM;
}

/* RFC 6298, 2.3 and 5.5; never below the configured first timeout. */
void
timer_resend(struct tcp *t, struct tcp_conn *c)
{
	uint32_t rto = t->rto, measured = c->srtt / 8 + (c->rttvar > 0 ? c->rttvar : 1u);

	if (c->srtt > 0 && measured > rto)
		rto = measured;
	rto <<= c->retries;
	timer_alarm(t, c, rto < RTO_MAX_TICKS ? rto : RTO_MAX_TICKS);
}

void
timer_ack_later(struct tcp *t, struct tcp_conn *c)
{
	c->ack_tick = (uint16_t)(t->now + t->ack_delay);
	c->flags |= CONN_ACK_LATER;
}

/* What was timed has been acknowledged: RFC 6298, 2.2 and 2.3, in eighths and quarters. */
void
timer_rtt(struct tcp *t, struct tcp_conn *c)
{
	uint16_t elapsed = (uint16_t)((uint16_t)t->now - c->rtt_tick);
	uint32_t rtt = elapsed < 8000 ? elapsed + 1u : 8000u; /* eight times fits 16 bits */

	if (!(c->flags & CONN_TIMING))
		return;
	c->flags &= ~(uint32_t)CONN_TIMING;
	if (c->srtt == 0) {
		c->srtt = (uint16_t)(rtt * 8);
		c->rttvar = (uint16_t)(rtt * 2);
		return;
	}
	int32_t error = (int32_t)rtt - c->srtt / 8;

	c->srtt = (uint16_t)(c->srtt + error);
	c->rttvar = (uint16_t)(c->rttvar + (error < 0 ? -error : error) - c->rttvar / 4);
}

/* Sent, and not acknowledged in time: go back to it, with one segment in flight. */
static void
go_back(struct tcp *t, struct tcp_conn *c)
{
	if (c->retries == t->config.retries) {
		if (c->state == CONN_SYN)
			conn_end(t, c, TCP_TIMED_OUT, CONN_DEAD);
		else
			conn_end(t, c, c->snd_wnd == 0 ? TCP_ZERO_WINDOW : TCP_TIMED_OUT, CONN_RESET);
		return;
	}
	c->retries++;
	c->dup_in = 0;
	c->cwnd = 1;
	if (c->snd_wnd == 0 && c->state == CONN_OPEN)
		c->flags |= CONN_PROBE;
	else
		c->snd_nxt = c->snd_una;
}

/* The window of the SYN-ACK was zero, and still is. */
static void
window_waited(struct tcp *t, struct tcp_conn *c)
{
	if (c->retries > 0) {
		conn_end(t, c, TCP_ZERO_WINDOW, CONN_RESET);
		return;
	}
	c->retries++;
	c->flags |= CONN_PROBE;
}

/*
 * Nothing has come since the SYN-ACK, and nothing that we sent would bring it: when our ACK was lost,
 * a server that keeps no state of its SYN-ACKs (SYN cookies) waits for it forever.
 */
static void
ack_again(struct tcp *t, struct tcp_conn *c)
{
	if (c->flags & CONN_HEARD || c->retries == ACK_REPEATS)
		return;
	c->retries++;
	c->flags |= CONN_ACK_NOW;
	timer_resend(t, c);
}

static void
alarm_fired(struct tcp *t, struct tcp_conn *c)
{
	c->flags &= ~(uint32_t)CONN_ALARM;
	if (c->state == CONN_OPEN && !(c->flags & CONN_TOLD_OPEN))
		window_waited(t, c);
	else if (c->snd_una != c->snd_max || (c->snd_wnd == 0 && conn_send_end(c) != c->snd_una))
		go_back(t, c);
	else if (c->flags & CONN_WANTS_ROOM)
		send_tell_room(t, c);
	else
		ack_again(t, c);
}

static void
conn_expire(struct tcp *t, struct tcp_conn *c)
{
	if (!seq_after(c->deadline, t->now)) {
		conn_end(t, c, TCP_DEADLINE, c->state == CONN_OPEN ? CONN_RESET : CONN_DEAD);
		return;
	}
	if (c->flags & CONN_ACK_LATER && (int16_t)(c->ack_tick - (uint16_t)t->now) <= 0) {
		c->flags &= ~(uint32_t)CONN_ACK_LATER;
		c->flags |= CONN_ACK_NOW;
	}
	if (c->flags & CONN_ALARM && !seq_after(c->alarm, t->now))
		alarm_fired(t, c);
}

unsigned int
tcp_poll(struct tcp *t, uint64_t now_ns)
{
	unsigned int n = 0;
	uint32_t number;

	stack_time(t, now_ns);
	for (; (number = wheel_pop(&t->wheel, now_ns)) != WHEEL_NONE; n++) {
		struct tcp_conn *c = &t->conn[number];
		bool entered = conn_enter(c);

		conn_expire(t, c);
		conn_leave(t, c, entered);
	}
	return n;
}

uint64_t
tcp_next_ns(const struct tcp *t)
{
	return wheel_next_ns(&t->wheel);
}
