/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of lib/tcp: no other module includes this.
 *
 * Sequence numbers wrap and are compared by difference. So are times: timers count ticks of 2^20 ns
 * in 32 bits, which wrap after 52 days, and none is more than a week away.
 *
 * Connections and blocks are named by numbers from 1; 0 is none.
 */
#ifndef TCP_STACK_H
#define TCP_STACK_H

#include "base/time.h"
#include "tcp/tcp.h"
#include "wheel/wheel.h"

#define TICK_SHIFT WHEEL_TICK_SHIFT
#define BLOCK_BYTES 512
#define BLOCK_DATA (BLOCK_BYTES - 12)

static inline bool
seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* A piece of a stream: data[begin] to data[end - 1]. Of what came in, seq is that of data[0]. */
struct tcp_block {
	uint32_t next;
	uint32_t seq;
	uint16_t begin;
	uint16_t end;
	uint8_t data[BLOCK_DATA];
};

_Static_assert(sizeof(struct tcp_block) == BLOCK_BYTES, "eight cache lines");

struct tcp_pool {
	struct tcp_block *block; /* block[0] is not used */
	uint32_t capacity;
	uint32_t touched;
	uint32_t free;
	uint32_t used;
};

enum conn_state {
	CONN_FREE,
	CONN_SYN,   /* our SYN waits for its answer */
	CONN_OPEN,  /* synchronised: everything after */
	CONN_RESET, /* ended; a RST is to be sent */
	CONN_LAST_ACK, /* ended; an ACK is to be sent */
	CONN_DEAD   /* ended; waits until it is out of the output's list, or of its own event */
};

enum {
	CONN_QUEUED = 1 << 0,      /* in the output's list */
	CONN_ACK_NOW = 1 << 1,
	CONN_ACK_LATER = 1 << 2,   /* ack_tick is set */
	CONN_PROBE = 1 << 3,       /* a probe of the window is to be sent */
	CONN_RESEND = 1 << 4,      /* the first segment not acknowledged is to be sent again, at once */
	CONN_ALARM = 1 << 5,       /* alarm is set */
	CONN_FIN = 1 << 6,         /* our stream ends behind what is queued */
	CONN_FIN_ACKED = 1 << 7,
	CONN_PEER_FIN = 1 << 8,    /* its stream has ended, in order */
	CONN_FIN_AHEAD = 1 << 9,   /* it will end at peer_fin */
	CONN_TOLD_OPEN = 1 << 10,
	CONN_DETACHED = 1 << 11,   /* the user has closed it */
	CONN_WANTS_ROOM = 1 << 12,
	CONN_TIMING = 1 << 13,     /* rtt_seq is on its way, sent once */
	CONN_HEARD = 1 << 14,      /* something came after the SYN-ACK */
	CONN_TIMESTAMPS = 1 << 15,
	CONN_SACK = 1 << 16,
	CONN_MAY_FRAGMENT = 1 << 17,
	CONN_SCALED = 1 << 18,     /* both SYNs had a window scale */
	CONN_FULL = 1 << 19,       /* it has not taken all that it was given */
	CONN_CHALLENGED = 1 << 20, /* challenge_s is set */
	CONN_TOLD_FIN = 1 << 21,
	CONN_BUSY = 1 << 23,       /* in use further up the stack of calls: not to be freed */
	CONN_PMTU = 1 << 24,       /* an ICMP error has lowered the MSS */
	CONN_ACKED = 1 << 25       /* the peer has acknowledged data of ours */
};

/* Two cache lines. */
struct tcp_conn {
	struct flow_tuple tuple; /* first: the flow table reads it */
	uint32_t out_next;       /* in the output's list, or of the free */
	uint64_t user;
	uint32_t flags;
	/* Timers: the wheel holds the earliest of the three, or an earlier one than that. */
	struct wheel_timer timer;
	uint32_t deadline;
	uint32_t alarm;          /* retransmission, window probe, or wait for memory */
	/* What we send: RFC 9293's names; [snd_una, snd_una + send_bytes) is queued. */
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t snd_max;        /* the highest that snd_nxt has been */
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t send_head;
	/* What comes in: [rcv_nxt, rcv_adv) is our window as the peer knows it. */
	uint32_t rcv_nxt;
	uint32_t rcv_adv;
	uint32_t recv_head;      /* blocks in order, apart; those before rcv_nxt wait for the user */
	uint32_t received;       /* bytes from the SYN to rcv_nxt */
	uint32_t peer_fin;
	uint32_t newest;         /* of what came early, for SACK */
	uint32_t ts_recent;
	uint32_t ts_offset;      /* our timestamps are ticks plus this */
	uint32_t rtt_seq;
	uint16_t rtt_tick;       /* low bits */
	uint16_t ack_tick;       /* low bits */
	uint16_t srtt;           /* ticks * 8; 0: not measured. RFC 6298 */
	uint16_t rttvar;         /* ticks * 4 */
	uint16_t send_bytes;
	uint16_t recv_blocks;
	uint16_t mss;            /* the peer's, or its path's: data and options */
	uint8_t challenge_s;     /* when the last challenge ACK was sent, in 2^30 ns */
	uint8_t link;
	uint8_t state : 4;       /* enum conn_state */
	uint8_t snd_shift : 4;
	uint8_t retries : 4;
	uint8_t cwnd : 4;        /* segments */
	uint8_t dup_in : 4;      /* duplicate ACKs in a row */
	uint8_t dup_out : 4;     /* duplicate ACKs that are to be sent */
};

_Static_assert(sizeof(struct tcp_conn) == TCP_CONN_BYTES, "two cache lines");

struct tcp {
	struct tcp_config config;
	struct flow_table flows;
	struct tcp_conn *conn; /* conn[0] is not used */
	struct tcp_pool send;
	struct tcp_pool recv;
	uint64_t now_ns;
	uint32_t now;          /* the same in ticks */
	uint32_t touched;
	uint32_t free;
	uint32_t used;
	uint32_t out_head;
	uint32_t out_tail;
	uint32_t rto;
	uint32_t ack_delay;
	uint16_t ip_id;
	uint16_t recv_blocks_max; /* of a connection */
	uint8_t rcv_shift;
	bool syn_scaled;
	bool syn_sack;
	bool syn_timestamps;
	struct wheel wheel;
	struct tcp_stats stats;
};

static inline uint32_t
conn_number(const struct tcp *t, const struct tcp_conn *c)
{
	return (uint32_t)(c - t->conn);
}

/* Whether it lives, also when an event may just have ended it. */
static inline bool
conn_lives(const struct tcp_conn *c)
{
	return c->state == CONN_SYN || c->state == CONN_OPEN;
}

/* The number behind all that is queued, its FIN included. */
static inline uint32_t
conn_send_end(const struct tcp_conn *c)
{
	return c->snd_una + c->send_bytes +
	       ((c->flags & (CONN_FIN | CONN_FIN_ACKED)) == CONN_FIN);
}

/* The clock of whoever calls. */
static inline void
stack_time(struct tcp *t, uint64_t now_ns)
{
	t->now_ns = now_ns;
	t->now = (uint32_t)(now_ns >> TICK_SHIFT);
}

/* pool.c: blocks. */
int pool_init(struct tcp_pool *p, uint32_t capacity);
void pool_fini(struct tcp_pool *p);
uint32_t pool_take(struct tcp_pool *p); /* emptied; 0 when all are in use */
void pool_give(struct tcp_pool *p, uint32_t number);
void pool_give_list(struct tcp_pool *p, uint32_t head);

/* conn.c: how connections begin and end, and the list of those that have output. */
bool conn_enter(struct tcp_conn *c);
void conn_leave(struct tcp *t, struct tcp_conn *c, bool entered);
void conn_settle(struct tcp *t, struct tcp_conn *c);
void conn_queue(struct tcp *t, struct tcp_conn *c);
void conn_unqueue_head(struct tcp *t);
void conn_synack(struct tcp *t, struct tcp_conn *c, const struct tcp_synack *s);
void conn_synack_again(struct tcp *t, struct tcp_conn *c, uint32_t seq);
void conn_tell_open(struct tcp *t, struct tcp_conn *c);
/* `last` is the state that says what is still to be sent: CONN_DEAD, CONN_RESET or CONN_LAST_ACK. */
void conn_end(struct tcp *t, struct tcp_conn *c, enum tcp_cause cause, enum conn_state last);

/* timer.c: retransmission (RFC 6298) and what else waits. */
void timer_alarm(struct tcp *t, struct tcp_conn *c, uint32_t ticks);
void timer_resend(struct tcp *t, struct tcp_conn *c);
void timer_ack_later(struct tcp *t, struct tcp_conn *c);
void timer_rtt(struct tcp *t, struct tcp_conn *c);
void timer_update(struct tcp *t, struct tcp_conn *c);

/* send.c: the stream that we send. */
void send_acked(struct tcp *t, struct tcp_conn *c, uint32_t bytes);
void send_copy(const struct tcp *t, const struct tcp_conn *c, uint32_t offset, uint32_t len,
	       uint8_t *out);
void send_tell_room(struct tcp *t, struct tcp_conn *c);

/* receive.c: the stream that comes in. */
void receive_data(struct tcp *t, struct tcp_conn *c, uint32_t seq, const uint8_t *bytes,
		  uint32_t len);
void receive_fin(struct tcp *t, struct tcp_conn *c, uint32_t seq);
void receive_drop(struct tcp *t, struct tcp_conn *c); /* nobody will take any more */
uint32_t receive_window(const struct tcp *t, const struct tcp_conn *c);
unsigned int receive_sack(const struct tcp *t, const struct tcp_conn *c, unsigned int most,
			  uint8_t *option);

/* output.c */
bool output_wants(const struct tcp *t, const struct tcp_conn *c);
void output_challenge(struct tcp *t, struct tcp_conn *c);

#endif /* TCP_STACK_H */
