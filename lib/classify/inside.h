/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/classify share: a segment's kind, the number it answers with, and its reply. */
#ifndef CLASSIFY_INSIDE_H
#define CLASSIFY_INSIDE_H

#include "classify/classify.h"

/* A SYN-ACK or a RST by its flags; PSH, URG and the ECN bits change nothing. */
static inline enum classify_kind
tcp_kind(uint8_t flags)
{
	if ((flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == (TCP_SYN | TCP_ACK))
		return CLASSIFY_SYNACK;
	if ((flags & (TCP_SYN | TCP_RST | TCP_FIN)) == TCP_RST)
		return CLASSIFY_RST;
	return CLASSIFY_TCP_OTHER;
}

/* The number that answers to our SYN's: where a RST has no ACK, its own sequence number. */
static inline uint32_t
tcp_answer(const struct wire_tcp *tcp, enum classify_kind kind)
{
	if (kind == CLASSIFY_RST && !(tcp->flags & TCP_ACK))
		return load_be32(tcp->seq);
	return load_be32(tcp->ack);
}

/* All that a target says goes to one worker, so a second look's reply to the one of the first. */
static inline uint8_t
target_bucket(const struct classify_config *c, uint32_t address, uint16_t port, uint8_t use, uint64_t cookie)
{
	if (use != COOKIE_COVERAGE)
		return probe_bucket(cookie);
	return probe_bucket(cookie_make(&c->probe->config.key, address, port, COOKIE_PROBE));
}

/* What a segment says, into a reply that has the rest; options_len bytes of options are there. */
static inline void
tcp_reply_fill(const struct wire_tcp *tcp, size_t options_len, struct reply *reply)
{
	struct wire_tcp_options options;

	reply->seq = load_be32(tcp->seq);
	reply->ack = load_be32(tcp->ack);
	reply->window = load_be16(tcp->window);
	if (options_len == 0)
		return;
	wire_tcp_options_read((const uint8_t *)(tcp + 1), options_len, &options);
	reply->ts_value = options.ts_value;
	reply->ts_echo = options.ts_echo;
	reply->mss = options.mss;
	reply->wscale = options.wscale;
	reply->has_mss = options.has_mss;
	reply->has_wscale = options.has_wscale;
	reply->has_sack_perm = options.has_sack_perm;
	reply->has_timestamp = options.has_timestamp;
}

#endif /* CLASSIFY_INSIDE_H */
