/* SPDX-License-Identifier: BSD-3-Clause */
#include "resolvers/resolvers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "resolvers/internal.h"

/* A bucket holds so many tokens, or what comes in so much time: callers poll now and then. */
#define BUCKET_TOKENS 16
#define BUCKET_NS (2 * NS_PER_MS)

/* How many are looked at, besides the two that were drawn, for one that has a token. */
#define PROBES 32

/* Smoothed latency moves an eighth of the way to a new one, as TCP's does (RFC 6298). */
#define LATENCY_SHIFT 3

static uint32_t
count_of(const struct resolvers *r, enum resolvers_state state)
{
	return atomic_load_explicit(&r->in_state[state], memory_order_relaxed);
}

/* Of the owner, whom others only read from. */
static void
add_to(struct resolvers *r, enum resolvers_state state, uint32_t more)
{
	atomic_store_explicit(&r->in_state[state], count_of(r, state) + more, memory_order_relaxed);
}

static void
set_interval(struct resolvers *r)
{
	uint32_t users = count_of(r, RESOLVERS_GOOD);

	if (users == 0)
		users = r->count;
	r->interval_ns = (NS_PER_SEC * users + r->rate_pps - 1) / r->rate_pps;
}

static bool
config_is_good(const struct resolvers_config *c)
{
	return c->list != NULL && c->count > 0 && c->count <= RESOLVERS_MAX && c->rate_pps > 0 &&
	       c->timeout_ns > 0 && c->canary_count <= RESOLVERS_CANARIES_MAX;
}

static void
begin(struct resolvers *r, uint32_t number, struct resolvers_address address, uint64_t now_ns)
{
	struct resolver *x = &r->resolver[number];

	memset(x, 0, sizeof(*x));
	x->address = address;
	x->edns = true;
	x->part = PART_WHOLE;
	x->place = number;
	x->window_ns = now_ns;
	r->order[number] = number;
	x->state = RESOLVERS_ASIDE;
	add_to(r, RESOLVERS_ASIDE, 1);
	trust_back(r, x, now_ns);
}

struct resolvers *
resolvers_new(const struct resolvers_config *config, uint64_t now_ns)
{
	struct resolvers *r;

	if (!config_is_good(config))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->resolver = aligned_alloc(64, config->count * sizeof(*r->resolver));
	r->order = calloc(config->count, sizeof(*r->order));
	r->standing = calloc(config->count, sizeof(*r->standing));
	r->rate_pps = config->rate_pps;
	r->timeout_ns = config->timeout_ns;
	if (r->resolver == NULL || r->order == NULL || r->standing == NULL || trust_init(r, config) != 0) {
		resolvers_free(r);
		return NULL;
	}
	for (r->count = 0; r->count < config->count;) {
		uint32_t number = r->count++;

		begin(r, number, config->list[number], now_ns);
	}
	set_interval(r);
	return r;
}

void
resolvers_free(struct resolvers *r)
{
	if (r == NULL)
		return;
	free(r->resolver);
	free(r->order);
	free((void *)r->standing);
	free(r);
}

size_t
resolvers_count(const struct resolvers *r)
{
	return r->count;
}

struct resolvers_address
resolvers_address(const struct resolvers *r, uint32_t number)
{
	return r->resolver[number].address;
}

void
resolvers_set_rate(struct resolvers *r, uint64_t rate_pps)
{
	r->rate_pps = rate_pps > 0 ? rate_pps : 1;
	set_interval(r);
}

/* Trade places in the order with the one that stands at a place. */
static void
move_to(struct resolvers *r, struct resolver *x, uint32_t place)
{
	uint32_t number = r->order[x->place], other = r->order[place];

	r->order[x->place] = other;
	r->resolver[other].place = x->place;
	r->order[place] = number;
	x->place = place;
}

void
resolver_set_state(struct resolvers *r, struct resolver *x, enum resolvers_state state)
{
	if (x->state == state)
		return;
	if (x->state == RESOLVERS_GOOD)
		move_to(r, x, count_of(r, RESOLVERS_GOOD) - 1);
	else if (state == RESOLVERS_GOOD)
		move_to(r, x, count_of(r, RESOLVERS_GOOD));
	add_to(r, x->state, UINT32_MAX);
	add_to(r, state, 1);
	x->state = (uint8_t)state;
	/* Who sees that it lies sees by what. */
	atomic_store_explicit(&r->standing[x - r->resolver], (uint8_t)state, memory_order_release);
	set_interval(r);
}

static uint64_t
interval_of(const struct resolvers *r, const struct resolver *x)
{
	if (x->part == PART_WHOLE)
		return r->interval_ns;
	return r->interval_ns * PART_WHOLE / x->part;
}

/* From when on its bucket has a token. */
static uint64_t
ready_ns(const struct resolvers *r, const struct resolver *x)
{
	uint64_t room = interval_of(r, x) * (BUCKET_TOKENS - 1);

	if (room < BUCKET_NS)
		room = BUCKET_NS;
	return x->tat_ns > room ? x->tat_ns - room : 0;
}

void
resolver_take_token(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	x->tat_ns = (x->tat_ns > now_ns ? x->tat_ns : now_ns) + interval_of(r, x);
	x->asked++;
}

/* Those that are drawn from, at the front of the order: the good ones, else all. */
static uint32_t
drawn_from(const struct resolvers *r)
{
	return count_of(r, RESOLVERS_GOOD) > 0 ? count_of(r, RESOLVERS_GOOD) : r->count;
}

/* The one at a place of the order, if it may be asked now. Else NULL, and when is told. */
static struct resolver *
at_place(struct resolvers *r, uint32_t place, uint32_t not_this, uint64_t now_ns)
{
	struct resolver *x = &r->resolver[r->order[place]];
	uint64_t ready;

	if (x->state == RESOLVERS_LIES || (r->order[place] == not_this && drawn_from(r) > 1))
		return NULL;
	ready = ready_ns(r, x);
	if (ready <= now_ns)
		return x;
	if (ready < r->ready_ns)
		r->ready_ns = ready;
	return NULL;
}

static struct resolver *
better(struct resolver *a, struct resolver *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	return b->latency_ns < a->latency_ns ? b : a;
}

/* One of n, evenly, by 32 bits of chance. */
static uint32_t
draw(uint32_t random, uint32_t n)
{
	return (uint32_t)((uint64_t)random * n >> 32);
}

int
resolvers_pick(struct resolvers *r, uint64_t random, uint32_t not_this, uint64_t now_ns, uint32_t *number)
{
	uint32_t n = drawn_from(r), first = draw((uint32_t)random, n), second;
	struct resolver *x;

	if (count_of(r, RESOLVERS_LIES) == r->count)
		return -ENOENT;
	r->ready_ns = TIME_NEVER;
	if (count_of(r, RESOLVERS_GOOD) == 0 && count_of(r, RESOLVERS_UNPROVEN) > 0)
		return -EAGAIN; /* until a canary comes back */
	second = n > 1 ? (first + 1 + draw((uint32_t)(random >> 32), n - 1)) % n : first;
	x = better(at_place(r, first, not_this, now_ns), at_place(r, second, not_this, now_ns));
	for (uint32_t i = 1; x == NULL && i < n && i <= PROBES; i++)
		x = at_place(r, (first + i) % n, not_this, now_ns);
	if (x == NULL) {
		/* Not all were looked at: another draw finds others. */
		if (n > PROBES && r->ready_ns > now_ns + NS_PER_MS)
			r->ready_ns = now_ns + NS_PER_MS;
		return -EAGAIN;
	}
	resolver_take_token(r, x, now_ns);
	*number = r->order[x->place];
	return 0;
}

void
resolvers_charge(struct resolvers *r, uint32_t number, uint64_t now_ns)
{
	resolver_take_token(r, &r->resolver[number], now_ns);
}

uint64_t
resolvers_pick_ns(const struct resolvers *r)
{
	return r->ready_ns;
}

bool
resolvers_edns(const struct resolvers *r, uint32_t number)
{
	return r->resolver[number].edns;
}

/* At the end of a window: halve, or grow. */
static void
judge_window(struct resolver *x, bool bad, uint64_t now_ns)
{
	x->window_count++;
	x->window_bad += bad;
	if (x->window_count < RESOLVERS_WINDOW_COUNT || now_ns - x->window_ns < RESOLVERS_WINDOW_NS)
		return;
	if (x->window_bad * 4 >= x->window_count)
		x->part = x->part / 2 > PART_LEAST ? x->part / 2 : PART_LEAST;
	else
		x->part = x->part + PART_STEP < PART_WHOLE ? x->part + PART_STEP : PART_WHOLE;
	x->window_ns = now_ns;
	x->window_count = 0;
	x->window_bad = 0;
}

static void
smooth(struct resolver *x, uint64_t sample_ns)
{
	if (x->latency_ns == 0)
		x->latency_ns = sample_ns;
	else
		x->latency_ns += (sample_ns >> LATENCY_SHIFT) - (x->latency_ns >> LATENCY_SHIFT);
}

void
resolvers_told(struct resolvers *r, uint32_t number, enum resolvers_outcome outcome, uint64_t took_ns,
	       uint64_t now_ns)
{
	struct resolver *x = &r->resolver[number];
	bool bad = outcome == RESOLVERS_TIMEOUT || outcome == RESOLVERS_SERVFAIL ||
		   outcome == RESOLVERS_REFUSED;

	x->outcomes[outcome]++;
	judge_window(x, bad, now_ns);
	smooth(x, bad ? r->timeout_ns : took_ns);
	if (outcome == RESOLVERS_NO_EDNS)
		x->edns = false;
	if (outcome == RESOLVERS_TIMEOUT) {
		trust_silent(r, x, now_ns);
		return;
	}
	x->silent = 0;
	if (x->state == RESOLVERS_ASIDE)
		trust_back(r, x, now_ns);
}

const char *
resolvers_state_name(enum resolvers_state state)
{
	static const char *const names[RESOLVERS_STATES] = {
		[RESOLVERS_UNPROVEN] = "unproven",
		[RESOLVERS_GOOD] = "good",
		[RESOLVERS_ASIDE] = "silent",
		[RESOLVERS_LIES] = "lies",
	};

	return names[state];
}

void
resolvers_report(const struct resolvers *r, uint32_t number, struct resolvers_report *out)
{
	const struct resolver *x = &r->resolver[number];

	*out = (struct resolvers_report){
		.address = x->address,
		.state = x->state,
		.edns = x->edns,
		.asked = x->asked,
		.lies = x->lies,
		.in_doubt = x->in_doubt,
		.latency_ns = x->latency_ns,
		.rate_pps = NS_PER_SEC / interval_of(r, x),
	};
	memcpy(out->outcomes, x->outcomes, sizeof(out->outcomes));
}

enum resolvers_state
resolvers_state(const struct resolvers *r, uint32_t number)
{
	return atomic_load_explicit(&r->standing[number], memory_order_acquire);
}

size_t
resolvers_in_state(const struct resolvers *r, enum resolvers_state state)
{
	return count_of(r, state);
}
