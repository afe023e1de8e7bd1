/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a connection would send now follows from its state, and is made only when a frame can leave.
 */
#include "tcp/stack.h"

enum {
	OPTION_NOP = 1,
	OPTION_SACK = 5,
	OPTION_TIMESTAMP = 8
};

#define OPTIONS_MAX 40
#define TIMESTAMP_BYTES 12 /* with two NOPs before it */

/* What a segment is to be. */
struct segment {
	uint32_t seq;
	uint32_t offset; /* of its data, from snd_una */
	uint16_t len;    /* of its data */
	uint8_t flags;
	uint8_t kind;
	uint8_t options_len;
	uint8_t options[OPTIONS_MAX];
};

/* An MSS counts the options, too (RFC 6691). */
static uint32_t
payload_max(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t own = t->config.mtu - sizeof(struct wire_ipv4) - sizeof(struct wire_tcp);
	uint32_t max = c->mss < own ? c->mss : own;

	return c->flags & CONN_TIMESTAMPS ? max - TIMESTAMP_BYTES : max;
}

uint16_t
tcp_mss(const struct tcp_conn *c)
{
	return c->flags & CONN_TIMESTAMPS ? (uint16_t)(c->mss - TIMESTAMP_BYTES) : c->mss;
}

/* Whether a FIN goes with data up to `seq`: it needs a place in the window like any other number. */
static bool
fin_fits(const struct tcp_conn *c, uint32_t seq)
{
	return (c->flags & (CONN_FIN | CONN_FIN_ACKED)) == CONN_FIN &&
	       seq == c->snd_una + c->send_bytes && seq - c->snd_una < c->snd_wnd;
}

/*
 * The data that may go next: in the peer's window and in ours of cwnd segments; not less than a
 * segment while something is on its way, unless it is all there is (RFC 9293, 3.8.6.2.1).
 */
static uint32_t
data_ready(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t most = payload_max(t, c), window = c->cwnd * most;
	uint32_t flying = c->snd_nxt - c->snd_una, left, n;

	if (c->snd_wnd < window)
		window = c->snd_wnd;
	if (flying >= c->send_bytes || flying >= window)
		return 0;
	left = c->send_bytes - flying;
	n = left < window - flying ? left : window - flying;
	if (n >= most)
		return most;
	return n == left || flying == 0 ? n : 0;
}

static bool
fin_ready(const struct tcp_conn *c)
{
	return fin_fits(c, c->snd_nxt);
}

bool
output_wants(const struct tcp *t, const struct tcp_conn *c)
{
	const uint32_t reasons = CONN_ACK_NOW | CONN_PROBE | CONN_RESEND;

	switch (c->state) {
	case CONN_SYN:
		return c->snd_nxt == c->snd_una;
	case CONN_OPEN:
		return c->flags & reasons || c->dup_out > 0 || data_ready(t, c) > 0 || fin_ready(c);
	case CONN_RESET:
	case CONN_LAST_ACK:
		return true;
	default:
		return false;
	}
}

/* RFC 5961, 7: at most one a second, each connection for itself, so that none tells of another. */
void
output_challenge(struct tcp *t, struct tcp_conn *c)
{
	uint8_t second = (uint8_t)(t->now_ns >> 30);

	t->stats.challenges++;
	if (c->flags & CONN_CHALLENGED && c->challenge_s == second)
		return;
	c->flags |= CONN_CHALLENGED | CONN_ACK_NOW;
	c->challenge_s = second;
}

/* Options of every segment but a SYN. */
static void
options_add(const struct tcp *t, const struct tcp_conn *c, struct segment *s)
{
	uint8_t *o = s->options;

	if (c->flags & CONN_TIMESTAMPS) {
		o[0] = o[1] = OPTION_NOP;
		o[2] = OPTION_TIMESTAMP;
		o[3] = 10;
		store_be32(o + 4, c->ts_offset + t->now);
		store_be32(o + 8, c->ts_recent);
		o += TIMESTAMP_BYTES;
	}
	if (c->flags & CONN_SACK && c->recv_head != 0 && s->len == 0) {
		unsigned int n = receive_sack(t, c, c->flags & CONN_TIMESTAMPS ? 3 : 4, o + 4);

		if (n > 0) {
			o[0] = o[1] = OPTION_NOP;
			o[2] = OPTION_SACK;
			o[3] = (uint8_t)(2 + 8 * n);
			o += 4 + 8 * n;
		}
	}
	s->options_len = (uint8_t)(o - s->options);
}

/* Our SYN: the profile's options, with the time in its timestamp. */
static void
choose_syn(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	const uint8_t *options = t->config.syn_options;
	uint8_t len = t->config.syn_options_len;

	s->seq = c->snd_una;
	s->flags = TCP_SYN;
	s->kind = TCP_KIND_SYN;
	s->options_len = len;
	memcpy(s->options, options, len);
	for (uint8_t i = 0; i + 10 <= len && t->syn_timestamps;) {
		if (options[i] == OPTION_TIMESTAMP) {
			store_be32(s->options + i + 2, c->ts_offset + t->now);
			break;
		}
		i = (uint8_t)(i + (options[i] == OPTION_NOP ? 1 : options[i + 1]));
	}
}

/* The first segment that is not acknowledged, also when others are on their way behind it. */
static void
choose_resend(const struct tcp *t, const struct tcp_conn *c, struct segment *s)
{
	uint32_t n = payload_max(t, c);

	n = n < c->send_bytes ? n : c->send_bytes;
	n = n < c->snd_wnd ? n : c->snd_wnd;
	s->seq = c->snd_una;
	s->len = (uint16_t)n;
}

/* What an open connection says next. */
static void
choose(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	s->flags = TCP_ACK;
	s->kind = TCP_KIND_ACK;
	s->seq = c->snd_nxt;
	if (c->flags & CONN_RESEND) {
		choose_resend(t, c, s);
	} else if (data_ready(t, c) > 0 || fin_ready(c)) {
		s->offset = c->snd_nxt - c->snd_una;
		s->len = (uint16_t)data_ready(t, c);
	} else {
		/* A probe is an old number without data: whoever lives must answer it (RFC 9293, 3.10.7.4). */
		if (c->flags & CONN_PROBE)
			s->seq = c->snd_una - 1;
		return;
	}
	if (s->len > 0) {
		s->kind = TCP_KIND_DATA;
		s->flags |= s->offset + s->len == c->send_bytes ? TCP_PSH : 0;
	}
	if (fin_fits(c, s->seq + s->len)) {
		s->flags |= TCP_FIN;
		s->kind = TCP_KIND_FIN;
	}
}

/* Something that must be acknowledged has been built. */
static void
sent(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	uint32_t end = s->seq + s->len + ((s->flags & (TCP_SYN | TCP_FIN)) != 0);
	bool first = c->snd_una == c->snd_max;

	if (seq_before(s->seq, c->snd_max)) {
		t->stats.resent++;
		c->flags &= ~(uint32_t)CONN_TIMING; /* Karn: its ACK may be of either sending */
	} else if (!(c->flags & CONN_TIMING)) {
		c->flags |= CONN_TIMING;
		c->rtt_seq = end;
		c->rtt_tick = (uint16_t)t->now;
	}
	if (seq_after(end, c->snd_nxt))
		c->snd_nxt = end;
	if (seq_after(c->snd_nxt, c->snd_max))
		c->snd_max = c->snd_nxt;
	if (first)
		c->retries = 0;
	if (first || !(c->flags & CONN_ALARM))
		timer_resend(t, c);
}

/* What has been built is no longer to be sent. */
static void
spend(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	if (s->kind == TCP_KIND_ACK && c->flags & CONN_PROBE) {
		t->stats.window_probes++;
		c->flags &= ~(uint32_t)CONN_PROBE;
		if (c->flags & CONN_TOLD_OPEN)
			timer_resend(t, c);
		else
			timer_alarm(t, c, t->rto);
	} else if (s->kind == TCP_KIND_ACK && c->dup_out > 0) {
		c->dup_out--;
	} else if (s->kind != TCP_KIND_ACK) {
		sent(t, c, s);
		c->flags &= ~(uint32_t)CONN_RESEND;
	} else {
		/* RESEND with nothing to send again: its ACK came in between. */
		c->flags &= ~(uint32_t)CONN_RESEND;
	}
	if (s->kind != TCP_KIND_SYN)
		c->flags &= ~(uint32_t)(CONN_ACK_NOW | CONN_ACK_LATER);
	timer_update(t, c);
}

/* The window field; and what it promises is remembered. Rounded down: no more than there is. */
static uint16_t
advertise(struct tcp *t, struct tcp_conn *c)
{
	uint32_t shift = c->flags & CONN_SCALED ? t->rcv_shift : 0;
	uint32_t field = receive_window(t, c) >> shift;
	uint32_t edge;

	if (field > UINT16_MAX)
		field = UINT16_MAX;
	edge = c->rcv_nxt + (field << shift);
	if (seq_after(edge, c->rcv_adv))
		c->rcv_adv = edge;
	return (uint16_t)field;
}

static uint16_t
build(struct tcp *t, struct tcp_conn *c, const struct segment *s, uint8_t *frame)
{
	const struct wire_link *link = &t->config.link[c->link];
	uint16_t header = (uint16_t)(sizeof(struct wire_tcp) + s->options_len);
	struct flow_header h = {
		.payload_len = (uint16_t)(header + s->len),
		.id = t->ip_id++,
		.protocol = IP_PROTO_TCP,
		.ttl = t->config.ttl,
		.may_fragment = (c->flags & CONN_MAY_FRAGMENT) != 0,
	};
	struct wire_ipv4 *ip = flow_frame_begin(link, &c->tuple, &h, frame);
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);

	store_be32(tcp->seq, s->seq);
	store_be32(tcp->ack, s->flags & TCP_ACK ? c->rcv_nxt : 0);
	tcp->data_offset = (uint8_t)(header / 4 << 4);
	tcp->flags = s->flags;
	store_be16(tcp->window, s->kind == TCP_KIND_SYN ? t->config.syn_window :
				s->kind == TCP_KIND_RST ? 0 : advertise(t, c));
	store_be16(tcp->urgent, 0);
	memcpy(tcp + 1, s->options, s->options_len);
	send_copy(t, c, s->offset, s->len, (uint8_t *)tcp + header);
	wire_tcp_checksum_set(ip, tcp, h.payload_len);
	return (uint16_t)(link->len + sizeof(*ip) + h.payload_len);
}

/* The last word of a connection that has ended. */
static void
choose_last(struct tcp_conn *c, struct segment *s)
{
	bool rst = c->state == CONN_RESET;

	s->seq = c->snd_max;
	s->flags = rst ? TCP_RST | TCP_ACK : TCP_ACK;
	s->kind = rst ? TCP_KIND_RST : TCP_KIND_ACK;
}

bool
tcp_has_output(const struct tcp *t)
{
	return t->out_head != 0;
}

bool
tcp_output(struct tcp *t, uint64_t now_ns, uint8_t *frame, struct tcp_frame *out)
{
	stack_time(t, now_ns);
	while (t->out_head != 0) {
		struct tcp_conn *c = &t->conn[t->out_head];
		struct segment s = {0};

		if (!output_wants(t, c)) {
			conn_unqueue_head(t);
			continue;
		}
		if (c->state == CONN_SYN)
			choose_syn(t, c, &s);
		else if (c->state == CONN_OPEN)
			choose(t, c, &s);
		else
			choose_last(c, &s);
		if (c->state != CONN_SYN && c->state != CONN_RESET)
			options_add(t, c, &s);
		*out = (struct tcp_frame){c->tuple.remote, build(t, c, &s, frame), c->link, s.kind};
		t->stats.segments_out[s.kind]++;
		if (conn_lives(c))
			spend(t, c, &s);
		else
			c->state = CONN_DEAD;
		if (!output_wants(t, c))
			conn_unqueue_head(t);
		return true;
	}
	return false;
}

size_t
tcp_frame_max(const struct tcp *t)
{
	return sizeof(((struct wire_link *)0)->header) + t->config.mtu;
}
