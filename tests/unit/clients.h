/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small TCP client for simulated hosts: one connection, everything sent again after a second,
 * what comes put in its place with the first copy winning. Made to be simple, and of no code of
 * lib/'s but lib/wire.
 */
#ifndef TESTS_CLIENTS_H
#define TESTS_CLIENTS_H

#include "worlds.h"

#ifndef CLIENT_STREAM
#define CLIENT_STREAM (1 << 18) /* most bytes each way */
#endif
#define CLIENT_RESEND_NS NS_PER_SEC

struct client {
	void (*send)(void *context, const uint8_t *frame, size_t len);
	void *context;
	uint32_t dst;
	uint16_t src_port, dst_port;
	uint16_t ip_id; /* another for each segment: draws of loss go by it */
	uint16_t mss;   /* that it offers; 0: none */
	uint8_t wscale; /* that it offers with an MSS; above 14: none */
	uint16_t window;
	uint16_t segment; /* most bytes it sends in one */
	uint32_t iss, irs;
	uint32_t acked; /* bytes of `out` */
	uint32_t out_len, in_len;
	uint32_t fin_at;  /* bytes before the peer's FIN */
	uint64_t resend_ns; /* TIME_NEVER: nothing is waited for */
	bool open, closing, fin_acked, fin_heard, fin_known, reset;
	/* Of the peer, as its SYN-ACK and its last segment said. */
	uint16_t peer_mss, peer_window;
	uint32_t peer_ack;
	unsigned int segments, acks, fins, resets; /* heard, resets out of place too */
	unsigned int longest;                      /* data in one segment */
	uint8_t out[CLIENT_STREAM], in[CLIENT_STREAM], have[CLIENT_STREAM];
};

/* in_len is what is whole from the start; a FIN heard in its turn counts as one more. */
static inline uint32_t
client_rcv_nxt(const struct client *c)
{
	return c->irs + 1 + c->in_len + c->fin_heard;
}

static inline void
client_say(struct client *c, uint8_t flags, uint32_t seq, const uint8_t *data, uint16_t len)
{
	static const uint8_t options[] = {2, 4, 0, 0, 1, 3, 3, 0};
	uint8_t frame[2048], offered[8];
	struct worlds_segment s = {
		.dst = c->dst, .src_port = c->src_port, .dst_port = c->dst_port, .seq = seq,
		.ack = (flags & TCP_ACK) != 0 ? client_rcv_nxt(c) : 0, .flags = flags,
		.ip_id = c->ip_id++, .data = data, .data_len = len, .window = c->window,
		.has_window = true,
	};

	memcpy(offered, options, sizeof(offered));
	store_be16(offered + 2, c->mss);
	offered[7] = c->wscale;
	if ((flags & TCP_SYN) != 0 && c->mss != 0) {
		s.options = offered;
		s.options_len = c->wscale <= 14 ? sizeof(offered) : 4;
	}
	c->send(c->context, frame, worlds_segment(&s, frame));
}

static inline void
client_start(struct client *c, uint64_t now_ns)
{
	client_say(c, TCP_SYN, c->iss, NULL, 0);
	c->resend_ns = now_ns + CLIENT_RESEND_NS;
}

static inline void
client_ack(struct client *c)
{
	bool fin = c->closing && c->fin_acked;

	client_say(c, TCP_ACK, c->iss + 1 + c->acked + fin, NULL, 0);
}

/* Everything that is not acknowledged, from the start. */
static inline void
client_flush(struct client *c, uint64_t now_ns)
{
	uint16_t most = c->segment != 0 ? c->segment : 1460;

	if (!c->open || c->reset)
		return;
	if (c->peer_mss != 0 && most > c->peer_mss)
		most = c->peer_mss;
	for (uint32_t at = c->acked; at < c->out_len; at += most) {
		uint32_t n = c->out_len - at < most ? c->out_len - at : most;

		client_say(c, TCP_ACK | TCP_PSH, c->iss + 1 + at, c->out + at, (uint16_t)n);
	}
	if (c->closing && !c->fin_acked)
		client_say(c, TCP_ACK | TCP_FIN, c->iss + 1 + c->out_len, NULL, 0);
	c->resend_ns = c->acked < c->out_len || (c->closing && !c->fin_acked)
			       ? now_ns + CLIENT_RESEND_NS : TIME_NEVER;
}

static inline void
client_write(struct client *c, uint64_t now_ns, const void *data, size_t len)
{
	memcpy(c->out + c->out_len, data, len);
	c->out_len += (uint32_t)len;
	client_flush(c, now_ns);
}

static inline void
client_close(struct client *c, uint64_t now_ns)
{
	c->closing = true;
	client_flush(c, now_ns);
}

static inline void
client_abort(struct client *c)
{
	client_say(c, TCP_RST, c->iss + 1 + c->acked, NULL, 0);
	c->reset = true;
	c->resend_ns = TIME_NEVER;
}

static inline void
client_tick(struct client *c, uint64_t now_ns)
{
	if (now_ns < c->resend_ns || c->reset)
		return;
	if (!c->open)
		client_start(c, now_ns);
	else
		client_flush(c, now_ns);
}

static inline void
client_hear_synack(struct client *c, uint64_t now_ns, const struct wire_tcp *tcp)
{
	struct wire_tcp_options options;

	if (c->open) {
		client_ack(c);
		return;
	}
	wire_tcp_options_read((const uint8_t *)(tcp + 1), (tcp->data_offset >> 4) * 4u - 20,
			      &options);
	c->open = true;
	c->irs = load_be32(tcp->seq);
	c->peer_mss = options.has_mss ? options.mss : 0;
	c->peer_window = load_be16(tcp->window);
	if (c->out_len == 0)
		client_ack(c);
	client_flush(c, now_ns);
}

/* Put data in its place; the first copy of a byte stands. */
static inline void
client_take(struct client *c, uint32_t seq, const uint8_t *data, uint32_t len, bool fin)
{
	uint32_t at = seq - (c->irs + 1);

	if ((int32_t)(seq - client_rcv_nxt(c)) > 65535 || at > CLIENT_STREAM ||
	    len > CLIENT_STREAM - at)
		return;
	for (uint32_t i = 0; i < len; i++) {
		if (c->have[at + i] == 0)
			c->in[at + i] = data[i];
		c->have[at + i] = 1;
	}
	if (fin) {
		c->fin_known = true;
		c->fin_at = at + len;
	}
	while (c->in_len < CLIENT_STREAM && c->have[c->in_len] != 0)
		c->in_len++;
	c->fin_heard = c->fin_known && c->in_len == c->fin_at;
}

/* A frame of the connection; others are not for it. Whether it was one. */
static inline bool
client_hear(struct client *c, uint64_t now_ns, const uint8_t *frame, unsigned int frame_len)
{
	const struct wire_tcp *tcp = worlds_tcp(frame, frame_len);
	uint32_t seq, header, len, ack;

	if (tcp == NULL || load_be32(worlds_ip(frame)->src) != c->dst ||
	    load_be16(tcp->dst_port) != c->src_port || load_be16(tcp->src_port) != c->dst_port)
		return false;
	header = (uint32_t)(tcp->data_offset >> 4) * 4;
	len = load_be16(worlds_ip(frame)->total_length) - 20u - header;
	seq = load_be32(tcp->seq);
	c->segments++;
	c->fins += (tcp->flags & TCP_FIN) != 0;
	if ((tcp->flags & TCP_RST) != 0) {
		c->resets++;
		if (c->open && seq == client_rcv_nxt(c)) {
			c->reset = true;
			c->resend_ns = TIME_NEVER;
		}
		return true;
	}
	if ((tcp->flags & TCP_SYN) != 0) {
		client_hear_synack(c, now_ns, tcp);
		return true;
	}
	if (!c->open || c->reset)
		return true;
	c->longest = len > c->longest ? len : c->longest;
	c->acks += len == 0;
	c->peer_ack = ack = load_be32(tcp->ack);
	c->peer_window = load_be16(tcp->window);
	ack -= c->iss + 1;
	if (ack <= c->out_len + 1 && ack > c->acked) {
		c->fin_acked |= c->closing && ack == c->out_len + 1;
		c->acked = ack <= c->out_len ? ack : c->out_len;
		if (c->acked == c->out_len && (!c->closing || c->fin_acked))
			c->resend_ns = TIME_NEVER;
	}
	if (len > 0 || (tcp->flags & TCP_FIN) != 0) {
		client_take(c, seq, (const uint8_t *)tcp + header, len,
			    (tcp->flags & TCP_FIN) != 0);
		client_ack(c);
	}
	return true;
}

#endif /* TESTS_CLIENTS_H */
