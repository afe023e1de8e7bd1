/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments: RFC 9293, 3.10.7, in its order, with RFC 5961's and RFC 7323's checks.
 */
#include <errno.h>

#include "tcp/stack.h"

struct segment {
	uint32_t seq;
	uint32_t ack;
	uint32_t len;    /* of the data */
	uint32_t window; /* scaled */
	const uint8_t *data;
	uint8_t flags;
	struct wire_tcp_options options;
};

/* 0; -EINVAL when the header does not fit. */
static int
segment_read(const struct flow_packet *p, struct segment *s)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)p->transport;
	uint16_t header;

	if (p->len < sizeof(*tcp))
		return -EINVAL;
	header = (uint16_t)((tcp->data_offset >> 4) * 4);
	if (header < sizeof(*tcp) || header > p->len)
		return -EINVAL;
	s->seq = load_be32(tcp->seq);
	s->ack = load_be32(tcp->ack);
	s->flags = tcp->flags;
	s->window = load_be16(tcp->window);
	s->data = p->transport + header;
	s->len = (uint32_t)(p->len - header);
	wire_tcp_options_read((const uint8_t *)(tcp + 1), header - sizeof(*tcp), &s->options);
	return 0;
}

/* RFC 9293, 3.10.7.3, for a client that opens actively; what is no answer of ours is not answered. */
static void
input_syn(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	const struct tcp_synack synack = {s->seq, s->ack, (uint16_t)s->window, s->options};

	if (!(s->flags & TCP_ACK) || c->snd_max == c->snd_una || s->ack != c->snd_max)
		return;
	if (s->flags & TCP_RST) {
		conn_end(t, c, TCP_REFUSED, CONN_DEAD);
	} else if (s->flags & TCP_SYN) {
		timer_rtt(t, c);
		conn_synack(t, c, &synack);
	}
}

/* Whether any of it lies in our window; a segment without data also at the window's very end. */
static bool
is_acceptable(const struct tcp_conn *c, const struct segment *s)
{
	uint32_t end = s->seq + s->len + ((s->flags & TCP_FIN) != 0);

	if (end == s->seq)
		return !seq_before(s->seq, c->rcv_nxt) && !seq_after(s->seq, c->rcv_adv);
	return seq_after(end, c->rcv_nxt) && seq_before(s->seq, c->rcv_adv);
}

/* PAWS (RFC 7323, 5.3), and what we echo: the time of the first segment that our next ACK is for. */
static bool
timestamp_check(struct tcp_conn *c, const struct segment *s)
{
	if (!(c->flags & CONN_TIMESTAMPS) || !s->options.has_timestamp)
		return true;
	if (seq_before(s->options.ts_value, c->ts_recent))
		return false;
	if (!seq_after(s->seq, c->rcv_nxt) && !(c->flags & (CONN_ACK_LATER | CONN_ACK_NOW)))
		c->ts_recent = s->options.ts_value;
	return true;
}

/* A segment that is to go no further; true when it is. */
static bool
input_rejected(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	bool rst = s->flags & TCP_RST;

	if (s->flags & TCP_SYN) {
		if (s->flags & TCP_ACK && !rst)
			conn_synack_again(t, c, s->seq);
		else
			output_challenge(t, c);
		return true;
	}
	if (rst) {
		if (s->seq == c->rcv_nxt)
			conn_end(t, c, TCP_RESET, CONN_DEAD);
		else if (is_acceptable(c, s))
			output_challenge(t, c);
		else
			t->stats.outside++;
		return true;
	}
	if (!timestamp_check(c, s)) {
		t->stats.old_timestamps++;
		output_challenge(t, c);
		return true;
	}
	if (!is_acceptable(c, s)) {
		t->stats.outside++;
		if (s->len > 0)
			c->flags |= CONN_ACK_NOW; /* sent again, or a probe of our window */
		else
			output_challenge(t, c);
		return true;
	}
	return !(s->flags & TCP_ACK);
}

/* RFC 5961, 5.2: an ACK of what was never sent, or of long ago, is nobody's we speak with. */
static bool
ack_is_plausible(const struct tcp_conn *c, uint32_t ack)
{
	uint32_t oldest = c->snd_una - (uint32_t)TCP_CWND * c->mss;

	return !seq_after(ack, c->snd_max) && !seq_before(ack, oldest);
}

/* New data has been acknowledged. */
static void
ack_advance(struct tcp *t, struct tcp_conn *c, uint32_t ack)
{
	uint32_t bytes = ack - c->snd_una;

	if (bytes > c->send_bytes) {
		bytes = c->send_bytes;
		c->flags |= CONN_FIN_ACKED;
	}
	if (bytes > 0)
		c->flags |= CONN_ACKED;
	send_acked(t, c, bytes);
	c->snd_una = ack;
	if (seq_before(c->snd_nxt, ack))
		c->snd_nxt = ack;
	if (c->flags & CONN_TIMING && !seq_before(ack, c->rtt_seq))
		timer_rtt(t, c);
	if (c->cwnd < TCP_CWND)
		c->cwnd++;
	c->retries = 0;
	c->dup_in = 0;
	c->flags &= ~(uint32_t)(CONN_ALARM | CONN_RESEND);
	if (c->snd_una != c->snd_max)
		timer_resend(t, c);
}

/* RFC 5681, 3.2: the third duplicate in a row sends the first segment again. */
static void
ack_duplicate(struct tcp_conn *c)
{
	if (c->dup_in < 15)
		c->dup_in++;
	if (c->dup_in != 3)
		return;
	c->flags |= CONN_RESEND;
	c->cwnd = c->cwnd > 3 ? c->cwnd / 2 : 1;
}

static void
window_update(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	bool was_closed = c->snd_wnd == 0;

	if (seq_before(s->seq, c->snd_wl1))
		return;
	c->snd_wnd = s->window << c->snd_shift;
	c->snd_wl1 = s->seq;
	if (!was_closed || c->snd_wnd == 0)
		return;
	c->retries = 0;
	c->flags &= ~(uint32_t)(CONN_ALARM | CONN_PROBE);
	/* What was sent into a window that then closed is lost, and is not waited for. */
	c->snd_nxt = c->snd_una;
	if (!(c->flags & CONN_TOLD_OPEN))
		conn_tell_open(t, c);
}

static void
input_ack(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	bool same_window = s->window << c->snd_shift == c->snd_wnd;

	if (seq_before(s->ack, c->snd_una))
		return;
	if (s->ack != c->snd_una)
		ack_advance(t, c, s->ack);
	else if (s->len == 0 && same_window && !(s->flags & TCP_FIN) && c->snd_una != c->snd_max)
		ack_duplicate(c);
	window_update(t, c, s);
	if (conn_lives(c))
		send_tell_room(t, c);
}

static void
input_open(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	if (input_rejected(t, c, s))
		return;
	if (!ack_is_plausible(c, s->ack)) {
		t->stats.outside++;
		output_challenge(t, c);
		return;
	}
	c->flags |= CONN_HEARD;
	input_ack(t, c, s);
	if (!conn_lives(c))
		return;
	if (c->flags & CONN_DETACHED && s->len > 0 && seq_after(s->seq + s->len, c->rcv_nxt)) {
		/* Nobody will read it, and it cannot be acknowledged as if somebody would. */
		conn_end(t, c, TCP_CLOSED, CONN_RESET);
		return;
	}
	if (s->len > 0)
		receive_data(t, c, s->seq, s->data, s->len);
	if (conn_lives(c) && s->flags & TCP_FIN)
		receive_fin(t, c, s->seq + s->len);
	else if (conn_lives(c) && (c->flags & (CONN_FIN_AHEAD | CONN_PEER_FIN)) == CONN_FIN_AHEAD)
		receive_fin(t, c, c->peer_fin);
}

int
tcp_input(struct tcp *t, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	struct flow_packet p;
	struct segment s;
	struct tcp_conn *c;
	uint32_t number;
	bool entered;

	if (flow_packet_read(packet, len, IP_PROTO_TCP, &p) != 0 || segment_read(&p, &s) != 0)
		return -EINVAL;
	number = flow_table_find(&t->flows, &p.tuple);
	if (number == 0)
		return -ENOENT;
	stack_time(t, now_ns);
	t->stats.segments_in++;
	c = &t->conn[number];
	entered = conn_enter(c);
	if (c->state == CONN_SYN)
		input_syn(t, c, &s);
	else
		input_open(t, c, &s);
	conn_leave(t, c, entered);
	return 0;
}
