/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's TCP (RFC 9293) for a worker lcore: segments and timers in, segments and events out.
 *
 * A connection begins in one of two ways. tcp_adopt() takes up what a scan's own SYN and its
 * validated SYN-ACK have made: the SYN's options are constant, so nothing had to be remembered.
 * tcp_open() sends a SYN itself. After that they are alike.
 *
 * Input: tcp_input(), tcp_synack() and tcp_icmp() for what came in, tcp_poll() for time. They call the
 * events below. Output: tcp_output() builds one frame at a time, when the caller has room for one.
 * What is to be sent is state of the connection until then, so a caller without room loses nothing by
 * coming later, an ACK and the data that is queued behind it leave as one segment, and an ACK that a
 * burst of segments asked for twice leaves once.
 *
 * What the peer gets: at most 10 segments (one after a timeout, then one more for each ACK) and no
 * more than its window, each no larger than its MSS (absent: 536; below 48: 48) and our MTU. Lost
 * segments again after rto_ns, or more on a slow path (RFC 6298, with Karn's rule), doubled each
 * time, `retries` times; the first also after three duplicate ACKs. An ACK for every second segment
 * and every gap, with SACK (RFC 2018) and timestamps (RFC 7323) where our SYN offered and its SYN-ACK
 * took them. RST by RFC 5961: only at exactly the next number; inside the window, or a SYN, gets a
 * challenge ACK, at most one a second. No TIME-WAIT: what comes for a connection that has ended
 * is unknown here.
 *
 * What the user gets: the exact stream, from its start, once. Data that comes early waits in blocks
 * of a pool, bounded for a connection and for the stack; where copies differ the first stands. Each
 * connection has a deadline that nothing moves.
 *
 * A zero-window SYN-ACK is acknowledged, and `open` waits; after rto_ns it is probed once, and after
 * another ended as TCP_ZERO_WINDOW. A window that closes later is probed `retries` times.
 *
 * Memory is taken at the start and touched as far as it is used: 128 bytes a connection, 12 to 24 in
 * the flow table (flow/flow.h), and while something waits blocks of 512 bytes. tcp_memory_bytes().
 *
 * Pure: no clock, no system call. Times are those of one clock that never goes back. A struct tcp
 * belongs to one thread. Events may call anything here but tcp_input(), tcp_icmp(), tcp_poll(),
 * tcp_output() and tcp_free().
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow.h"
#include "wire/wire.h"

struct tcp;
struct tcp_conn;

/* Of a connection itself: what a million of them cost, a million times. */
#define TCP_CONN_BYTES 128

#define TCP_MSS_DEFAULT 536 /* of a peer that names none (RFC 9293, 3.7.1) */
#define TCP_MSS_FLOOR 48    /* of a peer that names less */
#define TCP_PMTU_FLOOR 512  /* an ICMP error brings the MSS no lower; below it goes DF */
#define TCP_CWND 10         /* segments in flight at most */
#define TCP_BUFFER_MAX 65535

/* How far a connection had come. */
enum tcp_stage {
	TCP_STAGE_SYN,    /* no answer to our SYN */
	TCP_STAGE_WINDOW, /* connected; the peer's window never opened */
	TCP_STAGE_SEND,   /* open; something that we sent is not acknowledged, or waits for window */
	TCP_STAGE_WAIT,   /* open; the peer has sent nothing yet */
	TCP_STAGE_DATA,   /* the peer has sent data */
	TCP_STAGE_FIN     /* the peer's FIN, or ours, has gone by */
};

/* What ended it. */
enum tcp_cause {
	TCP_FINISHED,    /* both FINs have been acknowledged */
	TCP_RESET,       /* by a RST */
	TCP_REFUSED,     /* a RST for our SYN */
	TCP_TIMED_OUT,   /* sent `retries` times again, never acknowledged */
	TCP_ZERO_WINDOW, /* the window stayed closed */
	TCP_DEADLINE,
	TCP_UNREACHABLE, /* an ICMP error for our SYN */
	TCP_OVERFLOW,    /* the peer sent more than receive_max */
	TCP_CLOSED,      /* the user closed it: no event */
	TCP_CAUSES
};

/* The names as records have them: "window", "zero-window", ... */
const char *tcp_stage_name(enum tcp_stage stage);
const char *tcp_cause_name(enum tcp_cause cause);

/* What the user hears. `user` is what was given with the connection. None may be NULL. */
struct tcp_events {
	/* Connected, and the peer has window: now is the time to make what sends. From within
	 * tcp_adopt() already, unless the window is zero. Data may come before it. */
	void (*open)(void *context, struct tcp_conn *c, uint64_t user);
	/* The stream's next bytes, valid during the call. How many are taken, 0 to len: the rest is
	 * kept, the window closes by it, and tcp_resume() gives it again. */
	size_t (*data)(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes,
		       size_t len);
	/* The peer's stream has ended; all of it was given. Ours may go on. */
	void (*fin)(void *context, struct tcp_conn *c, uint64_t user);
	/* tcp_send() took less than it was given, and would take more now. */
	void (*room)(void *context, struct tcp_conn *c, uint64_t user);
	/* An ICMP error quoted what we sent, and the connection goes on (RFC 5461): type, code. */
	void (*icmp)(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code);
	/* It has ended, and the handle with it. Once, unless the user closed it before. */
	void (*closed)(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage);
};

struct tcp_config {
	uint32_t connections;      /* 1 to 2^24 */
	uint32_t send_blocks;      /* of 512 bytes; data that is sent and not acknowledged */
	uint32_t recv_blocks;      /* data that came early, or was not taken */
	uint16_t send_max;         /* bytes that a connection has queued at most */
	uint16_t recv_max;         /* our window: bytes that it keeps at most */
	uint16_t mtu;              /* of our frames' IPv4 packets; 576 to 9216 */
	uint8_t ttl;
	uint8_t retries;           /* 1 to 10; 3 is usual */
	uint8_t links;
	const struct wire_link *link; /* by tuple's interface; borrowed */
	uint64_t rto_ns;           /* first timeout, and never less: 1 s is usual */
	uint64_t delayed_ack_ns;   /* for a segment alone: 40 ms is usual */
	uint64_t receive_max;      /* bytes that a peer may send on one connection; 0: no bound */
	/* The SYN, as the scan's own and as tcp_open() sends it; borrowed. */
	uint16_t syn_window;
	uint8_t syn_options_len;   /* at most 40, a multiple of 4 */
	const uint8_t *syn_options;
	uint64_t key[2];           /* secret and random: tuple hashes, ISNs, timestamps */
	struct tcp_events events;
	void *context;             /* of the events */
};

/* Bytes that tcp_new() would take; they are touched only as far as they are used. */
size_t tcp_memory_bytes(const struct tcp_config *config);

/* NULL without memory, or for a config outside the bounds above. */
struct tcp *tcp_new(const struct tcp_config *config, uint64_t now_ns);

/* Drops every connection without a word. */
void tcp_free(struct tcp *t);

/* A SYN-ACK that answered to its cookie. */
struct tcp_synack {
	uint32_t seq;
	uint32_t ack;
	uint16_t window; /* as it stands in the segment: of a SYN-ACK it is never scaled */
	struct wire_tcp_options options;
};

/* What a connection is given at its start. */
struct tcp_begin {
	struct flow_tuple tuple;
	uint64_t user;
	uint64_t deadline_ns; /* at most a week from now; it ends then, whatever it has come to */
	uint8_t link;
};

/*
 * Adopt the connection that a SYN of the scan's opened. Its ACK leaves with the next tcp_output(), in one
 * segment with what was sent before that. 0; -EEXIST: the tuple has one already; -ENOBUFS: no more
 * connections. *conn may be NULL after 0: the user closed it within `open`.
 */
int tcp_adopt(struct tcp *t, const struct tcp_begin *begin, const struct tcp_synack *synack,
	      uint64_t now_ns, struct tcp_conn **conn);

/* Open one with a SYN of our own, numbered isn (tcp_isn(), or a cookie). 0, -EEXIST, -ENOBUFS. */
int tcp_open(struct tcp *t, const struct tcp_begin *begin, uint32_t isn, uint64_t now_ns,
	     struct tcp_conn **conn);

/* An initial sequence number by RFC 6528: a keyed hash of the tuple plus a clock of 4 us. */
uint32_t tcp_isn(const struct tcp *t, const struct flow_tuple *tuple, uint64_t now_ns);

/*
 * A SYN-ACK that travels as a value: it completes tcp_open(), or is answered with an ACK once more.
 * 0, or -ENOENT: there is no such connection; adopt it or reset it.
 */
int tcp_synack(struct tcp *t, const struct flow_tuple *tuple, const struct tcp_synack *synack,
	       uint64_t now_ns);

/*
 * A packet from its IPv4 header on, its checksums verified by whoever received it. 0; -ENOENT: TCP
 * of no connection here, which the caller may answer with a RST; -EINVAL: no whole TCP segment.
 */
int tcp_input(struct tcp *t, const uint8_t *packet, size_t len, uint64_t now_ns);

/* An ICMP error. 0; -ENOENT: it quotes nothing in flight; -EINVAL: it is none, or not about TCP. */
int tcp_icmp(struct tcp *t, const uint8_t *packet, size_t len, uint64_t now_ns);

/* Queue a copy of bytes. How many were taken: less than len where send_max or the pool is full, after
 * tcp_shutdown(), and before `open`. Where it was for want of room, `room` says when to go on. */
size_t tcp_send(struct tcp *t, struct tcp_conn *c, const void *bytes, size_t len);

/* Give `data` again what it did not take. */
void tcp_resume(struct tcp *t, struct tcp_conn *c);

/* FIN behind what is queued; what the peer still sends is still heard. */
void tcp_shutdown(struct tcp *t, struct tcp_conn *c);

enum tcp_close { TCP_CLOSE_RST, TCP_CLOSE_FIN };

/*
 * The user is done: the handle ends here and nothing more is heard. RST: what is queued is dropped.
 * FIN: what is queued is sent, then a FIN, and the stack stays with it until the peer has said the
 * same, sends more data (a RST answers) or the deadline comes.
 */
void tcp_close(struct tcp *t, struct tcp_conn *c, enum tcp_close how);

/* The same without a single frame more: for a peer that must not hear of us again. */
void tcp_abort(struct tcp *t, struct tcp_conn *c);

/* Let time pass: timers that are due. How many were. */
unsigned int tcp_poll(struct tcp *t, uint64_t now_ns);

/* When tcp_poll() is next worth calling, sometimes early; TIME_NEVER without connections. */
uint64_t tcp_next_ns(const struct tcp *t);

/* What a frame is, for whoever counts frames. */
enum tcp_kind { TCP_KIND_SYN, TCP_KIND_ACK, TCP_KIND_DATA, TCP_KIND_FIN, TCP_KIND_RST, TCP_KINDS };

struct tcp_frame {
	uint32_t remote;
	uint16_t len;
	uint8_t link;
	uint8_t kind; /* enum tcp_kind */
};

/* Room that a frame needs at most. */
size_t tcp_frame_max(const struct tcp *t);

/*
 * Build the next frame that is to be sent, without padding: true, with *out told; false when there
 * is none. What is built counts as sent.
 */
bool tcp_output(struct tcp *t, uint64_t now_ns, uint8_t *frame, struct tcp_frame *out);

/* Whether tcp_output() may have something. */
bool tcp_has_output(const struct tcp *t);

/* Of a live connection; what was received and acknowledged, and the window, also within its `closed`. */
uint64_t tcp_user(const struct tcp_conn *c);
enum tcp_stage tcp_stage(const struct tcp_conn *c);
uint64_t tcp_received(const struct tcp_conn *c); /* bytes in order, modulo 2^32 */
bool tcp_is_acked(const struct tcp_conn *c);     /* the peer has acknowledged some data of ours */
uint32_t tcp_peer_window(const struct tcp_conn *c);
uint16_t tcp_mss(const struct tcp_conn *c);      /* bytes that we send in a segment */

/* Connections that could begin now; all there are, when none is left. */
uint32_t tcp_room(const struct tcp *t);

/*
 * Counts since tcp_new(). adopted + opened = the sum of ended + those that live. A connection that
 * its user closed counts under TCP_CLOSED, whatever came after.
 */
struct tcp_stats {
	uint64_t adopted;
	uint64_t opened;
	uint64_t ended[TCP_CAUSES];
	uint64_t segments_in;     /* of connections here */
	uint64_t segments_out[TCP_KINDS];
	uint64_t bytes_in;        /* given to users */
	uint64_t bytes_out;       /* acknowledged */
	uint64_t resent;          /* segments with SYN, data or FIN sent again */
	uint64_t window_probes;
	uint64_t challenges;      /* challenge ACKs asked for, sent or held back */
	uint64_t early;           /* bytes that came early and were kept */
	uint64_t overlapping;     /* bytes that came twice */
	uint64_t refused;         /* bytes dropped for want of memory; the peer sends them again */
	uint64_t outside;         /* segments outside the window, or with an ACK of nothing sent */
	uint64_t old_timestamps;  /* segments that PAWS dropped */
	uint64_t icmp;            /* errors that fit */
};

const struct tcp_stats *tcp_stats(const struct tcp *t);

/* Connections and blocks in use, for who looks for leaks. */
struct tcp_use {
	uint32_t connections; /* live, or ended with a RST to be sent */
	uint32_t send_blocks;
	uint32_t recv_blocks;
};

struct tcp_use tcp_use(const struct tcp *t);

#endif /* TCP_TCP_H */
