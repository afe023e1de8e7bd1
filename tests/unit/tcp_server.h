/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP server for tests, written from RFC 9293 and apart from lib/tcp: streams are numbered by 64-bit
 * offsets from their first byte, what was received is one flag a byte, timers are looked at by
 * whoever runs it. Like a kernel it slides windows, sends again, acknowledges duplicates, probes
 * zero windows, resets what it does not know.
 *
 * It takes a request of a given length and answers with a response of a given length, each byte a
 * function of its offset. It holds the client to the rules: the first one broken is `fault`.
 */
#ifndef TESTS_TCP_SERVER_H
#define TESTS_TCP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "wire/wire.h"

#define SERVER_STREAM_MAX (1 << 20)
#define SERVER_PACKET_MAX 9100

struct server_config {
	uint32_t address;
	uint16_t port;
	uint32_t iss;
	uint32_t request_len;
	uint32_t response_len;
	uint16_t mss;          /* that it announces; 0: no option */
	int wscale;            /* -1: no option */
	bool sack, timestamps;
	bool cookies;          /* keeps nothing of a SYN, and says its SYN-ACK once */
	uint32_t window;       /* its receive buffer */
	bool window_closed;    /* the SYN-ACK's window is 0 ... */
	uint64_t reads_at_ns;  /* ... and nothing is read until then */
	uint32_t segment;      /* the largest that it sends; 0: what fits the client's MSS */
	uint64_t byte_every_ns; /* a tarpit; 0: none */
	bool no_fin;           /* never ends its stream */
	bool fin_first;        /* ends it without waiting for the request; response_len is then 0 */
};

struct server {
	struct server_config config;
	void (*emit)(void *context, const uint8_t *packet, size_t len);
	void *context;
	const char *fault;
	enum { SERVER_LISTEN, SERVER_SYN_RCVD, SERVER_OPEN, SERVER_CLOSED } state;
	bool was_reset;
	uint32_t peer;
	uint16_t peer_port;
	uint32_t irs;
	/* The request: offsets. */
	uint8_t *have;
	uint64_t rx_next, rx_read, rx_edge;
	bool rx_fin;           /* the client's FIN has come, in order */
	uint64_t rx_end;       /* where it said its stream ends; UINT64_MAX: unknown */
	/* The response. */
	uint64_t tx_una, tx_next, tx_max, tx_limit;
	bool tx_fin_acked;
	uint16_t peer_mss;
	int peer_wscale;       /* in use: -1 none, both ways */
	bool ts;
	uint32_t ts_recent;
	unsigned int duplicates, retries;
	uint64_t timer_ns, opened_ns;
	uint64_t packets_in, data_in;
};

/* The two streams. */
static inline uint8_t
server_request_byte(uint64_t offset)
{
	return (uint8_t)(hash_mix64(offset / 8) >> offset % 8 * 8);
}

static inline uint8_t
server_response_byte(uint64_t offset)
{
	return (uint8_t)(hash_mix64(~(offset / 8)) >> offset % 8 * 8);
}

static inline void
server_init(struct server *s, const struct server_config *config)
{
	*s = (struct server){
		.config = *config, .timer_ns = TIME_NEVER, .rx_end = UINT64_MAX, .peer_mss = 536, .peer_wscale = -1};
	s->have = calloc(1, SERVER_STREAM_MAX);
	if (s->have == NULL)
		abort();
}

static inline void
server_fini(struct server *s)
{
	free(s->have);
}

static inline void
server_blame(struct server *s, bool truth, const char *fault)
{
	if (!truth && s->fault == NULL)
		s->fault = fault;
}

static inline uint32_t
server_ack_number(const struct server *s)
{
	return s->irs + 1 + (uint32_t)s->rx_next + s->rx_fin;
}

/* Room for the request now, and the edge that the client may believe. */
static inline uint32_t
server_window(struct server *s, uint64_t now_ns)
{
	uint64_t unread;

	if (now_ns >= s->config.reads_at_ns)
		s->rx_read = s->rx_next;
	else if (s->config.window_closed)
		return 0;
	unread = s->rx_next - s->rx_read;
	return unread < s->config.window ? (uint32_t)(s->config.window - unread) : 0;
}

static inline void
server_emit(struct server *s, uint8_t flags, uint32_t seq, uint64_t offset, uint32_t len,
	    uint64_t now_ns)
{
	uint8_t packet[SERVER_PACKET_MAX] = {0};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	uint8_t *o = (uint8_t *)(tcp + 1);
	uint32_t window = server_window(s, now_ns), shift = 0;

	if (flags & TCP_SYN) {
		if (s->config.mss != 0) {
			memcpy(o, (uint8_t[]){2, 4, (uint8_t)(s->config.mss >> 8), (uint8_t)s->config.mss}, 4);
			o += 4;
		}
		if (s->peer_wscale >= 0) {
			memcpy(o, (uint8_t[]){1, 3, 3, (uint8_t)s->config.wscale}, 4);
			o += 4;
		}
		if (s->config.sack) {
			memcpy(o, (uint8_t[]){1, 1, 4, 2}, 4);
			o += 4;
		}
	} else if (s->peer_wscale >= 0) {
		shift = (uint32_t)s->config.wscale;
	}
	if (s->ts && !(flags & TCP_RST)) {
		memcpy(o, (uint8_t[]){1, 1, 8, 10}, 4);
		store_be32(o + 4, (uint32_t)(now_ns / NS_PER_MS) - 5000); /* wraps early on */
		store_be32(o + 8, s->ts_recent);
		o += 12;
	}
	window >>= shift;
	if (window > 65535)
		window = 65535;
	if (s->rx_next + ((uint64_t)window << shift) > s->rx_edge)
		s->rx_edge = s->rx_next + ((uint64_t)window << shift);
	store_be16(tcp->src_port, s->config.port);
	store_be16(tcp->dst_port, s->peer_port);
	store_be32(tcp->seq, seq);
	store_be32(tcp->ack, flags & TCP_ACK ? server_ack_number(s) : 0);
	tcp->data_offset = (uint8_t)((o - (uint8_t *)tcp) / 4 << 4);
	tcp->flags = flags;
	store_be16(tcp->window, (uint16_t)window);
	for (uint32_t i = 0; i < len; i++)
		*o++ = server_response_byte(offset + i);
	wire_ipv4_build(ip, s->config.address, s->peer, IP_PROTO_TCP, (uint16_t)(o - packet), 0, 60);
	wire_tcp_checksum_set(ip, tcp, (uint16_t)(o - (uint8_t *)tcp));
	s->emit(s->context, packet, (size_t)(o - packet));
}

static inline uint32_t
server_seq(const struct server *s, uint64_t offset)
{
	return s->config.iss + 1 + (uint32_t)offset;
}

static inline void
server_ack(struct server *s, uint64_t now_ns)
{
	server_emit(s, TCP_ACK, server_seq(s, s->tx_next), 0, 0, now_ns);
}

/* How much of the response there is to send by now, and whether its end is known. */
static inline uint64_t
server_ready(const struct server *s, uint64_t now_ns)
{
	uint64_t n;

	if (s->rx_next < s->config.request_len && !s->config.fin_first)
		return 0;
	if (s->config.byte_every_ns == 0)
		return s->config.response_len;
	n = (now_ns - s->opened_ns) / s->config.byte_every_ns;
	return n < s->config.response_len ? n : s->config.response_len;
}

/* The stream's end in numbers: the FIN counts one behind the response. */
static inline uint64_t
server_tx_end(const struct server *s, uint64_t now_ns)
{
	uint64_t ready = server_ready(s, now_ns);
	bool whole = ready == s->config.response_len &&
		     (s->rx_next >= s->config.request_len || s->config.fin_first);

	return ready + (whole && !s->config.no_fin);
}

static inline uint64_t
server_rto_ns(const struct server *s)
{
	uint64_t ns = 300 * NS_PER_MS << (s->retries < 6 ? s->retries : 6);

	return ns < 8 * NS_PER_SEC ? ns : 8 * NS_PER_SEC;
}

/* One segment from offset on; how far it reaches. */
static inline uint64_t
server_segment(struct server *s, uint64_t offset, uint64_t limit, uint64_t now_ns)
{
	uint64_t response = s->config.response_len, most = s->peer_mss - (s->ts ? 12 : 0), n;
	uint8_t flags = TCP_ACK;
	bool fin;

	if (s->config.segment != 0 && s->config.segment < most)
		most = s->config.segment;
	if (most > SERVER_PACKET_MAX - 100)
		most = SERVER_PACKET_MAX - 100;
	n = limit - offset < most ? limit - offset : most;
	fin = offset + n > response;
	if (fin)
		n = response - offset;
	if (fin)
		flags |= TCP_FIN;
	if (n > 0)
		flags |= TCP_PSH;
	server_emit(s, flags, server_seq(s, offset), offset, (uint32_t)n, now_ns);
	return offset + n + fin;
}

/* All that may go now: in the client's window, ten segments at most. */
static inline void
server_transmit(struct server *s, uint64_t now_ns)
{
	uint64_t end = server_tx_end(s, now_ns), limit = s->tx_una + 10u * s->peer_mss;

	if (s->tx_limit < limit)
		limit = s->tx_limit;
	if (end < limit)
		limit = end;
	while (s->tx_next < limit)
		s->tx_next = server_segment(s, s->tx_next, limit, now_ns);
	if (s->tx_next > s->tx_max)
		s->tx_max = s->tx_next;
	if (s->tx_una == end)
		s->timer_ns = TIME_NEVER;
	else if (s->timer_ns == TIME_NEVER)
		s->timer_ns = now_ns + server_rto_ns(s);
}

static inline void
server_synack(struct server *s, uint64_t now_ns)
{
	server_emit(s, TCP_SYN | TCP_ACK, s->config.iss, 0, 0, now_ns);
	if (!s->config.cookies)
		s->timer_ns = now_ns + (NS_PER_SEC << s->retries);
}

static inline void
server_take_syn(struct server *s, const struct wire_ipv4 *ip, const struct wire_tcp *tcp,
		const struct wire_tcp_options *o, uint64_t now_ns)
{
	s->peer = load_be32(ip->src);
	s->peer_port = load_be16(tcp->src_port);
	s->irs = load_be32(tcp->seq);
	s->peer_mss = o->has_mss ? o->mss : 536;
	s->peer_wscale = o->has_wscale && s->config.wscale >= 0 ? o->wscale : -1;
	s->ts = o->has_timestamp && s->config.timestamps;
	s->config.sack &= o->has_sack_perm;
	s->ts_recent = o->ts_value;
	s->state = SERVER_SYN_RCVD;
	server_synack(s, now_ns);
}

/* Timers: SYN-ACKs and segments again, window probes of both makes, window updates, late bytes. */
static inline void
server_timer(struct server *s, uint64_t now_ns)
{
	if (s->state == SERVER_OPEN && s->config.window_closed && now_ns >= s->config.reads_at_ns) {
		s->config.window_closed = false;
		server_ack(s, now_ns);
	}
	if (s->state == SERVER_OPEN && s->config.byte_every_ns != 0)
		server_transmit(s, now_ns);
	if (now_ns < s->timer_ns)
		return;
	s->timer_ns = TIME_NEVER;
	if (++s->retries > (s->state == SERVER_OPEN ? 12 : 5)) {
		s->state = SERVER_CLOSED;
	} else if (s->state == SERVER_SYN_RCVD) {
		server_synack(s, now_ns);
	} else if (s->state == SERVER_OPEN && s->tx_limit <= s->tx_una) {
		if (s->retries % 2 != 0)
			server_emit(s, TCP_ACK, server_seq(s, s->tx_una) - 1, 0, 0, now_ns);
		else
			server_segment(s, s->tx_una, s->tx_una + 1, now_ns);
		s->timer_ns = now_ns + server_rto_ns(s);
	} else if (s->state == SERVER_OPEN) {
		s->tx_next = s->tx_una;
		server_transmit(s, now_ns);
	}
}

static inline uint64_t
server_next_ns(const struct server *s, uint64_t now_ns)
{
	uint64_t next = s->timer_ns;

	if (s->state == SERVER_CLOSED || s->state == SERVER_LISTEN)
		return TIME_NEVER;
	if (s->config.window_closed && s->config.reads_at_ns < next)
		next = s->config.reads_at_ns;
	if (s->state == SERVER_OPEN && s->config.byte_every_ns != 0 &&
	    server_ready(s, now_ns) < s->config.response_len) {
		uint64_t later = now_ns + s->config.byte_every_ns;

		next = later < next ? later : next;
	}
	return next;
}

static inline void
server_take_data(struct server *s, int64_t offset, const uint8_t *bytes, uint32_t len)
{
	if (len == 0)
		return;
	s->data_in++;
	server_blame(s, offset + (int64_t)len <= (int64_t)s->rx_edge, "data outside the window");
	server_blame(s, offset + (int64_t)len <= (int64_t)s->config.request_len, "more than was asked");
	server_blame(s, (uint64_t)(offset + (int64_t)len) <= s->rx_end, "data behind the FIN");
	for (uint32_t i = 0; i < len; i++) {
		if (offset + i < 0 || offset + i >= SERVER_STREAM_MAX)
			continue;
		server_blame(s, bytes[i] == server_request_byte((uint64_t)(offset + i)), "a wrong byte");
		if ((uint64_t)(offset + i) < s->rx_edge)
			s->have[offset + i] = 1;
	}
	while (s->rx_next < SERVER_STREAM_MAX && s->have[s->rx_next])
		s->rx_next++;
}

static inline void
server_take_ack(struct server *s, uint32_t ack, uint64_t window, bool pure, uint64_t now_ns)
{
	int64_t offset = (int64_t)s->tx_una + (int32_t)(ack - server_seq(s, s->tx_una));
	uint64_t response = s->config.response_len;

	server_blame(s, offset <= (int64_t)s->tx_max + 1, "an ACK of what was never sent");
	if (offset > (int64_t)s->tx_una) {
		s->tx_una = (uint64_t)offset;
		if (s->tx_next < s->tx_una)
			s->tx_next = s->tx_una;
		s->tx_fin_acked = s->tx_una > response;
		s->duplicates = 0;
		s->retries = 0;
		s->timer_ns = TIME_NEVER;
	} else if (offset == (int64_t)s->tx_una && pure && s->tx_next > s->tx_una &&
		   ++s->duplicates == 3) {
		server_segment(s, s->tx_una, s->tx_next, now_ns);
	}
	if (offset >= (int64_t)s->tx_una && (uint64_t)offset + window != s->tx_limit) {
		if (s->tx_limit <= s->tx_una)
			s->timer_ns = TIME_NEVER;
		s->tx_limit = (uint64_t)offset + window;
	}
}

static inline void
server_take(struct server *s, const struct wire_tcp *tcp, const uint8_t *data, uint32_t len,
	    const struct wire_tcp_options *o, uint64_t now_ns)
{
	int64_t offset = (int64_t)s->rx_next +
			 (int32_t)(load_be32(tcp->seq) - (s->irs + 1 + (uint32_t)s->rx_next));
	uint64_t window = (uint64_t)load_be16(tcp->window) << (s->peer_wscale > 0 ? s->peer_wscale : 0);

	server_blame(s, tcp->flags & TCP_ACK, "no ACK");
	if (s->ts) {
		server_blame(s, o->has_timestamp, "no timestamp");
		if ((int32_t)(o->ts_value - s->ts_recent) >= 0)
			s->ts_recent = o->ts_value;
	}
	server_take_data(s, offset, data, len);
	if (tcp->flags & TCP_FIN) {
		server_blame(s, s->rx_end == UINT64_MAX || s->rx_end == (uint64_t)offset + len, "two ends");
		server_blame(s, (uint64_t)offset + len < s->rx_edge || s->rx_fin, "a FIN outside the window");
		s->rx_end = (uint64_t)offset + len;
	}
	s->rx_fin = s->rx_next == s->rx_end;
	server_take_ack(s, load_be32(tcp->ack), window, len == 0 && !(tcp->flags & TCP_FIN), now_ns);
	server_transmit(s, now_ns);
	if (len > 0 || tcp->flags & TCP_FIN || offset < (int64_t)s->rx_next)
		server_ack(s, now_ns);
}

static inline void
server_take_rst(struct server *s, uint32_t seq, uint64_t now_ns)
{
	if (s->state == SERVER_LISTEN || s->state == SERVER_CLOSED)
		return;
	if (seq == server_ack_number(s)) {
		s->state = SERVER_CLOSED;
		s->was_reset = true;
	} else if (seq - server_ack_number(s) < s->config.window) {
		server_ack(s, now_ns);
	}
}

static inline void
server_input(struct server *s, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(ip + 1);
	uint32_t header = (uint32_t)(tcp->data_offset >> 4) * 4;
	uint32_t data_len = (uint32_t)(len - sizeof(*ip) - header);
	uint32_t mss = s->config.mss == 0 ? 536 : s->config.mss < 48 ? 48 : s->config.mss;
	struct wire_tcp_options o;

	s->packets_in++;
	server_blame(s, wire_ipv4_checksum_ok(ip, sizeof(*ip)), "a wrong IPv4 checksum");
	server_blame(s, wire_tcp_checksum_ok(ip, tcp, (uint16_t)(len - sizeof(*ip))), "a wrong checksum");
	server_blame(s, tcp->flags & TCP_SYN || data_len == 0 || data_len + header - 20 <= mss, "larger than the MSS");
	wire_tcp_options_read((const uint8_t *)(tcp + 1), header - sizeof(*tcp), &o);
	if (tcp->flags & TCP_RST) {
		server_take_rst(s, load_be32(tcp->seq), now_ns);
		return;
	}
	if (s->state == SERVER_CLOSED) {
		server_emit(s, TCP_RST, load_be32(tcp->ack), 0, 0, now_ns);
		return;
	}
	if (tcp->flags & TCP_SYN) {
		if (s->state != SERVER_OPEN)
			server_take_syn(s, ip, tcp, &o, now_ns);
		return;
	}
	if (s->state == SERVER_SYN_RCVD && load_be32(tcp->ack) == s->config.iss + 1) {
		s->state = SERVER_OPEN;
		s->retries = 0;
		s->timer_ns = TIME_NEVER;
		s->opened_ns = now_ns;
	}
	if (s->state == SERVER_OPEN)
		server_take(s, tcp, packet + sizeof(*ip) + header, data_len, &o, now_ns);
}

#endif /* TESTS_TCP_SERVER_H */
