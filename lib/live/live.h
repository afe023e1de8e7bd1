/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Talking to scans that run, over Unix stream sockets: the lines that are said.
 *
 * Each running scan listens on a socket of its own in a private folder (live/folder.h), named
 * <scan's name>.<pid>. What comes is requests, a line each; each is answered by one line, in
 * order: "ok" and what there is to say, or "error" and why. A client may send some before it reads
 * the answers. Requests:
 *
 *   status              "ok rate=R bandwidth=B sent=N": what holds now, 0 for unlimited
 *   rate R B            change the rate, packets/s, and the bandwidth, bit/s; "-" leaves one as it is, 0
 *                       means none. Answered like status
 *   exclude ENTRY       deny an address, CIDR or first-last at the gate
 *   settle              answered when no frame that an exclusion before it forbids can be sent any more
 *
 * Numbers are decimal. A line has LIVE_LINE_MAX bytes at most, its end included; a longer one ends the
 * connection.
 */
#ifndef LIVE_LIVE_H
#define LIVE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_LINE_MAX 512

/* Requests that a client may have under way: their answers have room. */
#define LIVE_AHEAD 32

enum live_verb { LIVE_STATUS, LIVE_RATE, LIVE_EXCLUDE, LIVE_SETTLE };

struct live_request {
	enum live_verb verb;
	bool has_rate;
	bool has_bandwidth;
	uint64_t rate_pps;
	uint64_t bandwidth_bps;
	const char *entry; /* to exclude: into the line, not terminated */
	size_t entry_len;
};

/* Read a request from a line without its end; any bytes. 0, or -EINVAL when it is none. */
int live_request_read(const char *line, size_t len, struct live_request *out);

#endif /* LIVE_LIVE_H */
