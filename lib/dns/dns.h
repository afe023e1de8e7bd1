/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS for a worker lcore: questions in, one answer each out, over UDP endpoints (udp/udp.h) and TCP
 * connections that are the caller's. No kernel socket, no thread.
 *
 * Each lookup is a query of a c-ares channel, whose socket functions are this module's (channels.h): what
 * a channel sends ends here, and what it hears is that a query is over. All that is of the network is
 * done here:
 *
 * Tries. Each goes to a resolver drawn anew (resolvers/resolvers.h), or to the server that the ask
 * names, from a port drawn anew, with an id from a cryptographic generator (RFC 5452). A reply counts
 * only if it comes from the address and port that were asked, to the address and port that asked,
 * and has the id and the question, byte for byte with its case: letters are sent as they were given,
 * never mixed at random ("0x20"), and a server that changes them is as good as silent, though counted
 * apart (other_case). Anything else is counted by what did not fit; a try that has met DNS_FORGED_MAX such datagrams is given up, and begun anew elsewhere
 * where the ask has tries left. A reply to a try that is over is late, and counted as such. ICMP
 * errors prove nothing: they are counted and change nothing.
 *
 * Retries. A try ends unanswered after timeout_ns. SERVFAIL and REFUSED from a resolver are tried
 * again elsewhere while the ask has tries left, and then stand; a server that the ask names is taken
 * at its word. FORMERR without OPT is asked again without EDNS, also where it is a header alone, without
 * the question, as some servers say it; that is believed of nothing but this. A truncated answer is asked for from
 * the same server over TCP. Both are at no cost in tries. If TCP fails, the truncated one stands when no try is left. An
 * answer is not read beyond its question: one that makes no sense is an answer.
 *
 * Lies. A resolver that is found lying (resolvers/resolvers.h) is asked no more. What was asked of it and has
 * no answer yet is asked of another, at no cost in tries, and what it still answers is thrown away.
 *
 * Memory is taken at the start, and DNS_ASK_BYTES an ask in flight; c-ares takes some 400 bytes of the
 * heap for each. A struct dns belongs to one thread; dns_new() and dns_free() of all of them to one
 * at a time (c-ares' library has a count of its users). Events are never called from within dns_ask(),
 * and may call anything here but dns_free().
 *
 * Times are those of one clock that never goes back.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "flow/flow.h"
#include "resolvers/resolvers.h"
#include "udp/udp.h"

struct dns;

#define DNS_ASKS_MAX (UINT32_C(1) << 20)
#define DNS_ASK_BYTES 448
#define DNS_STREAM_BYTES (66 * 1024)
#define DNS_EDNS_SIZE 1232
#define DNS_FORGED_MAX 16
#define DNS_TRIES_MAX 32
#define DNS_TRIALS_MAX 64 /* questions of the resolvers' own at a time */
#define DNS_DEADLINE_MAX_NS UINT64_C(900000000000)

/* What is to be asked; copied. */
struct dns_ask {
	const uint8_t *name;  /* wire form, uncompressed, with the root's label */
	size_t name_len;      /* 1 to 255 */
	uint64_t timeout_ns;  /* of a try; 0: as configured */
	uint64_t deadline_ns; /* it ends then, asked or not; 0 and what is later: DNS_DEADLINE_MAX_NS from now */
	uint32_t server;      /* 0: a resolver */
	uint16_t port;        /* the server's */
	uint16_t type;
	uint8_t tries;        /* up to DNS_TRIES_MAX; 0: as configured */
	bool recurse;         /* the RD bit */
};

/* What came of it. */
struct dns_answer {
	struct span message;  /* as it came, valid during the call; of no bytes: none did */
	uint64_t started_ns;  /* the first try; the end, where there was none */
	uint64_t ended_ns;
	uint32_t server;      /* that answered, or was asked last; 0: nobody was */
	uint16_t port;
	uint8_t status;       /* enum dns_status (dnsmsg/dnsmsg.h): the reply's rcode, or why there is none */
	uint8_t cause;        /* enum grab_cause: COMPLETE, TIMEOUT, UNREACHABLE (no resolver is to be
				 believed), EXCLUDED (the server may not be asked), STOPPED, NO_MEMORY */
	uint8_t tries;        /* over UDP */
	uint8_t packets;      /* queries that left, over UDP and TCP: retries without EDNS are no tries */
	bool is_tcp;          /* the message came over TCP */
};

/* What the user does for it and hears from it. tcp_open and tcp_close may be NULL together. */
struct dns_events {
	/* Exactly once for an ask that was taken, when its place is free again. */
	void (*answer)(void *context, uint64_t user, const struct dns_answer *answer);

	/* The address and port of ours to ask a server from, and the interface. The random number is
	 * fresh, and all 64 bits are to be trusted. */
	void (*tuple)(void *context, uint64_t random, uint32_t server, uint16_t port,
		      struct flow_tuple *tuple, uint8_t *link);

	/* Whether a server may be asked at all. */
	bool (*allowed)(void *context, uint32_t server, uint16_t port);

	/*
	 * Begin a connection, named by handle until tcp_close; 0 or a negative errno. -EAGAIN: not now, since
	 * queries have a rate; it is asked for again in each dns_poll(). When it is open send what dns_tcp_output() has, and give dns_tcp_received() what comes; dns_tcp_ended()
	 * if it ends or never opens. tcp_close may come from within any of these but the last.
	 */
	int (*tcp_open)(void *context, uint32_t handle, uint32_t server, uint16_t port);
	void (*tcp_close)(void *context, uint32_t handle);
};

struct dns_config {
	uint32_t in_flight;     /* asks at a time: 1 to DNS_ASKS_MAX */
	uint32_t streams;       /* of them over TCP at a time, DNS_STREAM_BYTES each; what more there are wait */
	uint64_t timeout_ns;    /* of a try over UDP, and of the resolvers' own questions */
	uint64_t tcp_timeout_ns;
	uint8_t tries;          /* 1 to DNS_TRIES_MAX */
	uint8_t key[32];        /* of the generator of ids, ports and choices: secret, unless a run is to be replayed */
	struct udp *udp;        /* borrowed; its datagrams and errors are to be given to dns_datagram() and
				   dns_icmp(), and its looks ahead may be to dns_ahead(). It needs DNS_TRIALS_MAX endpoints more than asks are in
				   flight; a short queue, since the time of a try begins when it is
				   queued; and data_max of 282 bytes */
	struct resolvers *resolvers; /* borrowed; NULL where every ask names its server */
	struct dns_events events;
	void *context;
};

/* NULL without memory, or for a config outside the bounds above. */
struct dns *dns_new(const struct dns_config *config);

/* What is in flight ends without a word; dns_stop() before gives each its answer. NULL is fine. */
void dns_free(struct dns *d);

/* Bytes that dns_new() would take, c-ares' own not counted. */
size_t dns_memory_bytes(const struct dns_config *config);

/*
 * 0; -EAGAIN: as many as configured are in flight; -EINVAL: no name, or too many tries; -ECANCELED: after
 * dns_stop(); -ENOMEM. The query leaves with the next dns_poll() that has a resolver and room for it.
 */
int dns_ask(struct dns *d, const struct dns_ask *ask, uint64_t user, uint64_t now_ns);

/*
 * All that came before a time has been given to dns_datagram() and its like: no try that was to end later is given up
 * for lost. For who reads late, and says so before each dns_poll(); for others, and at first, that is so at all times.
 */
void dns_heard(struct dns *d, uint64_t until_ns);

/* Let time pass, and send what waits for a resolver or for room. How much was done. */
unsigned int dns_poll(struct dns *d, uint64_t now_ns);

/*
 * When dns_poll() is next worth calling, sometimes early; TIME_NEVER with nothing to do. Beside that it
 * is worth calling after dns_ask(), and when udp's queue, having been full, has room.
 */
uint64_t dns_next_ns(const struct dns *d);

/* Whether connections wait for tcp_open to let them begin. */
bool dns_waits_for_tcp(const struct dns *d);

/* End everything that is in flight as stopped, and take no more. */
void dns_stop(struct dns *d, uint64_t now_ns);

/* End what waits for a resolver's token and was never asked, as stopped: who wants no more need not wait for it. */
void dns_stop_waiting(struct dns *d, uint64_t now_ns);

/* Asks in flight, not counted those of the resolvers themselves; and how many more dns_ask() takes. */
uint32_t dns_live(const struct dns *d);
uint32_t dns_room(const struct dns *d);

/* One is likely to come, as udp's event has it. Whose question it would end, from round 1 on. */
uint64_t dns_ahead(const struct dns *d, uint64_t user, unsigned int round);

/* A datagram or an ICMP error for an endpoint, as udp's events have them. */
void dns_datagram(struct dns *d, uint32_t endpoint, uint64_t user, struct span bytes, uint64_t now_ns);
void dns_icmp(struct dns *d, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code);

/* A packet from its IPv4 header on that udp_input() knew no endpoint for (-ENOENT): late or forged. */
void dns_stray(struct dns *d, struct span packet, uint64_t now_ns);

/* What happens on connections. */
void dns_tcp_received(struct dns *d, uint32_t handle, struct span bytes, uint64_t now_ns);
void dns_tcp_ended(struct dns *d, uint32_t handle, uint64_t now_ns); /* no tcp_close any more */
size_t dns_tcp_output(struct dns *d, uint32_t handle, uint8_t *buf, size_t size); /* the next bytes; 0: no more */

/*
 * Counts since dns_new(); those of the resolvers' own questions are apart. asked = the sum of
 * answered + dns_live(). Of `ended` each try that was sent counts once: queries = the sum of ended +
 * those that are out.
 */
enum dns_try_end {
	DNS_TRY_ANSWERED,  /* and it was the answer */
	DNS_TRY_RETRIED,   /* it answered; another is asked */
	DNS_TRY_TRUNCATED, /* it answered; TCP follows */
	DNS_TRY_NO_EDNS,   /* it answered; asked again without */
	DNS_TRY_LOST,      /* no reply in time */
	DNS_TRY_SPOILED,   /* too many forgeries */
	DNS_TRY_BROKEN,    /* TCP: the connection failed or ended, or spoke no DNS */
	DNS_TRY_STOPPED,
	DNS_TRY_ENDS,
};

struct dns_stats {
	uint64_t asked;
	uint64_t answered[64];     /* by enum dns_status */
	uint64_t trials;           /* questions of the resolvers' own */
	uint64_t trials_ended;
	uint64_t queries_udp;      /* datagrams given to udp */
	uint64_t queries_tcp;      /* connections begun */
	uint64_t ended[DNS_TRY_ENDS];
	uint64_t late;             /* replies that fit a try that was given up */
	uint64_t repeated;         /* replies that fit a try that was answered */
	uint64_t forged_port;      /* to a port that nobody asks from */
	uint64_t forged_resolver;  /* to a port that asks, from who was not asked */
	uint64_t forged_id;
	uint64_t forged_question;
	uint64_t other_case;       /* would fit, but for the case of letters in its question */
	uint64_t malformed;        /* no reply, or too short for a header; from who was asked */
	uint64_t distrusted;       /* replies that fit, of resolvers that lie: thrown away */
	uint64_t icmp;
	uint64_t blocked;          /* queries that were not sent: their server may not be asked */
	uint64_t crowded;          /* queries that had to wait: all ports to their server were in use */
	uint64_t unheard;          /* queries that c-ares did not end as told: a place is lost for each */
	uint64_t tcp_failed;       /* connections that could not begin */
};

const struct dns_stats *dns_stats(const struct dns *d);

/* The version of c-ares that is linked: "1.18.1". */
const char *dns_library_version(void);

#endif /* DNS_DNS_H */
