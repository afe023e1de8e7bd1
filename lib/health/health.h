/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health: whether what is sent can reach anybody, and what comes back us.
 *
 * A scan that goes on while its cable is out finds nothing and does not know. So control takes a look every
 * second and shows it to this module, which says when to hold the sending and when to go on:
 *
 *   device    a device is gone
 *   link      a link is down
 *   gateway   three requests to the gateway in a row were not answered, and nothing else was received
 *             since the first of them
 *   canaries  in three rounds in a row none of those that are known to answer did
 *   hit rate  hits have fallen below a quarter of what the last ten minutes make expect, and are so few
 *             that chance would do it once in 10^9 times
 *
 * The first four are mended when what was observed is no longer. A hit rate can only be seen by sending: after
 * 10 s, then 20, 40, ... up to 5 minutes, it is tried again; a third trial that finds some hits takes what it
 * finds for the new level.
 *
 * The test of the hit rate: of n targets tried, a share p of whom is expected to answer, at most k do with a
 * probability of at most exp(-(L - k + k ln(k / L))), L = n p (Chernoff's bound of the Poisson
 * distribution). Windows of 2, 4, ... 32 s that end now are tested, each against what was before it, with p three
 * standard deviations on the safe side. Targets count a second after they were probed, since answers take time, and
 * what came in within that second counts too, since they may take none: so a sending that slows down is no fall of the
 * hit rate. Nothing is tested in the first seconds after a change (health_forget()).
 *
 * Pure: time is an argument. A struct health belongs to one thread.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_PORTS_MAX 16

/* Time between looks. */
#define HEALTH_INTERVAL_NS (UINT64_C(1000) * 1000 * 1000)

/* Looks that are remembered: ten minutes. */
#define HEALTH_LOOKS 600

enum health_trouble {
	HEALTH_FINE,
	HEALTH_DEVICE,
	HEALTH_LINK,
	HEALTH_GATEWAY,
	HEALTH_CANARIES,
	HEALTH_HITRATE,
	HEALTH_TROUBLES
};

/* What was seen of a port. */
struct health_port {
	bool is_gone;
	bool is_down;
	bool is_asked;           /* its gateway is, now and then */
	unsigned int unanswered; /* requests to its gateway in a row */
	uint64_t received;       /* frames so far */
};

struct health_look {
	uint64_t now_ns;
	struct health_port ports[HEALTH_PORTS_MAX];
	bool has_canaries;
	unsigned int canaries_silent; /* rounds in a row in which none answered */
	uint64_t canaries_good_ns;    /* when the last round that was answered was asked; 0: none yet */
	uint64_t tried;               /* targets probed for the first time so far */
	uint64_t hits;                /* so far */
	/* Probers were held, so that what was found came late: nothing follows from these two. */
	bool is_unlike;
	uint64_t position;            /* everything before it has been probed, as far as need be: an opaque mark */
};

/* One second, as it is remembered; all counts are since the start. */
struct health_second {
	uint64_t at_ns;
	uint64_t tried;
	uint64_t hits;
};

/*
 * A time at which all was well, and the mark of a moment before, as long as answers take: what was probed by
 * then had its answer, if it had one, by the time.
 */
struct health_good {
	uint64_t at_ns;
	uint64_t position;
};

/* Marks that are remembered: longer than any trouble takes to be noticed. */
#define HEALTH_MARKS 64

struct health {
	unsigned int ports;
	enum health_trouble trouble;
	unsigned int port;       /* that is in trouble */
	uint64_t next_ns;        /* when the next look is due */
	/* Of each port: frames received, and the last look at which there were more. */
	uint64_t received[HEALTH_PORTS_MAX];
	uint64_t quiet_since[HEALTH_PORTS_MAX]; /* received when the first request went unanswered */
	bool is_asked[HEALTH_PORTS_MAX];
	struct health_good heard[HEALTH_PORTS_MAX];
	struct health_good seen;     /* the last look */
	struct health_good answered; /* when the last canaries that answered had been asked */
	/* Marks, a ring: mark_count were made, and the first of all stood at 0 s. */
	struct health_good mark[HEALTH_MARKS];
	uint64_t mark_count;
	uint64_t sure;
	/* Hits: seconds since the last change, a ring; and what was before. */
	struct health_second ring[HEALTH_LOOKS];
	unsigned int count;
	unsigned int head;
	uint64_t base_tried;
	uint64_t base_hits;
	uint64_t retry_ns; /* when a held hit rate is tried again */
	unsigned int trials;
};

/* What a look has changed. */
struct health_news {
	bool is_news;
	enum health_trouble trouble;  /* HEALTH_FINE: mended */
	enum health_trouble mended;   /* and what */
	unsigned int port;
	uint64_t since_ns;            /* of trouble: the last time that all was well */
	uint64_t position;            /* and the mark then; what lies behind it is in doubt */
	bool is_level;                /* the hit rate that was found on trial is taken for the new level */
};

/* Nothing has been probed; the mark is `position`. */
void health_init(struct health *h, unsigned int ports, uint64_t position);

/* When the next look is due. */
static inline uint64_t
health_next_ns(const struct health *h)
{
	return h->next_ns;
}

/*
 * The mark of what was probed so early that no trouble that is noticed from now on will put it in doubt. It never
 * falls, and stays where it is while there is trouble.
 */
static inline uint64_t
health_sure(const struct health *h)
{
	return h->sure;
}

/* Whether a hit rate that had collapsed is still on trial. */
static inline bool
health_is_on_trial(const struct health *h)
{
	return h->trials > 0;
}

/* Take a look. Whether to hold the sending is h->trouble != HEALTH_FINE afterwards. */
void health_look(struct health *h, const struct health_look *look, struct health_news *news);

/* The pace has changed: what was seen so far says what to expect, but a window over the change says nothing. */
void health_forget(struct health *h);

/* "link", "gateway", ...: as the status has it. */
const char *health_name(enum health_trouble trouble);

/* Internal, for tests: minus the logarithm of the bound above. */
double health_surprise(double expected, uint64_t found);

#endif /* HEALTH_HEALTH_H */
