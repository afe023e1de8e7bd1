/* SPDX-License-Identifier: BSD-3-Clause */
/* What an engine has for lookups: a struct lookups on each worker, and the feeds of names to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ring.h>

#include "base/time.h"
#include "engine_state.h"

static bool
has_found(const struct job *job)
{
	return job_looks_up(job, JOB_NAMES_CERTIFICATES) || job_looks_up(job, JOB_NAMES_RESPONDERS);
}

/* Secret, unless a seed is to be replayed. */
static int
make_key(const struct engine *e, unsigned int worker, uint8_t key[32])
{
	uint64_t words[4] = {e->config.inputs->key.k0, e->config.inputs->key.k1, worker, 0};

	if (e->config.virtual_clock) {
		memcpy(key, words, sizeof(words));
		return 0;
	}
	return getentropy(key, 32) != 0 ? -EIO : 0;
}

static int
make_one(struct engine *e, unsigned int w)
{
	struct engine_lookups *l = &e->lookups;
	unsigned int at = e->layout.worker[w];
	const struct lookups_plan *plan = &e->config.inputs->asking.plan;
	struct lookups_config config = {
		.plan = plan,
		.outlets = e->lcores[at].outlets,
		.outlet_count = e->port_count,
		.gate = e->config.inputs->gate,
		.rate = &l->rate,
		.accused = &l->accused,
		.ledger = &e->lcores[at].ledger,
		.stop = &l->stop,
		.worker = w,
		.workers = e->layout.workers,
		.names = lookups_names(plan, e->layout.workers),
	};
	int rc = make_key(e, w, config.key);

	if (rc != 0)
		return rc;
	if (l->listed != NULL)
		config.lanes[0] = *feed_lane(l->listed, w);
	if (l->found != NULL)
		config.lanes[1] = *feed_lane(l->found, w);
	l->rings[w] = lookups_ring_new(w, config.names);
	config.grabs = l->rings[w];
	if (config.grabs == NULL)
		return -ENOMEM;
	l->lookups[w] = lookups_new(&config, engine_now_ns(e));
	if (l->lookups[w] == NULL)
		return -ENOMEM;
	e->lcores[at].worker.config.lookups = l->lookups[w];
	return fabric_add(e->fabric, at, &lookups_role, l->lookups[w]);
}

static int
make_feeds(struct engine *e)
{
	const struct job *job = e->config.job;
	struct engine_lookups *l = &e->lookups;

	if (job_looks_up(job, JOB_NAMES_FILE))
		l->listed = feed_new("listed", e->layout.workers);
	if (has_found(job))
		l->found = feed_new("found", e->layout.workers);
	return (job_looks_up(job, JOB_NAMES_FILE) && l->listed == NULL) || (has_found(job) && l->found == NULL)
		       ? -ENOMEM : 0;
}

static int
make_quest(struct engine *e, const struct engine_outputs *outputs)
{
	struct engine_lookups *l = &e->lookups;
	const struct cookie_key *key = &e->config.inputs->key;
	struct quest_config config = {
		.job = e->config.job,
		.feed = l->found,
		.pressure = l->pressure,
		.ledger = &e->writer_ledger,
		.key = {key->k0, key->k1},
		.journal = outputs->names_journal,
		.past = outputs->past,
	};

	return quest_new(&config, &l->quest);
}

static int
make_lister(struct engine *e)
{
	struct engine_lookups *l = &e->lookups;
	struct lister_config config = {
		.job = e->config.job,
		.feed = l->listed,
		.quest = l->quest,
		.ledger = &l->ledger,
		.origin = GRAB_ORIGIN_LIST,
	};

	if (l->listed == NULL)
		return 0;
	l->lister = lister_new(&config);
	return l->lister == NULL ? -ENOMEM : 0;
}

static int
make_accused(struct engine *e)
{
	struct accused *a = &e->lookups.accused;

	a->resolver = calloc(e->config.inputs->asking.plan.resolver_count, sizeof(*a->resolver));
	return a->resolver != NULL ? 0 : -ENOMEM;
}

int
engine_make_lookups(struct engine *e, const struct engine_outputs *outputs)
{
	int rc;

	if (!engine_has_lookups(e))
		return 0;
	atomic_init(&e->lookups.stop, false);
	pace_init(&e->lookups.rate, e->config.job->dns.rate_qps, PACE_BURST);
	rc = make_accused(e);
	if (rc == 0)
		rc = make_feeds(e);
	if (rc == 0)
		rc = make_quest(e, outputs);
	if (rc == 0)
		rc = make_lister(e);
	for (unsigned int w = 0; w < e->layout.workers && rc == 0; w++)
		rc = make_one(e, w);
	return rc;
}

int
engine_start_lookups(struct engine *e)
{
	return e->lookups.lister != NULL ? lister_start(e->lookups.lister) : 0;
}

unsigned int
engine_poll_lookups(struct engine *e)
{
	const struct engine_lookups *l = &e->lookups;

	if (l->lister == NULL || lister_is_done(l->lister))
		return 0;
	return lister_poll(l->lister);
}

bool
engine_has_lookups(const struct engine *e)
{
	return e->config.job->dns.lookup_count > 0;
}

uint32_t
engine_live_lookups(const struct engine *e)
{
	uint32_t live = 0;

	for (unsigned int w = 0; w < e->layout.workers; w++)
		if (e->lookups.lookups[w] != NULL)
			live += lookups_live(e->lookups.lookups[w]);
	return live;
}

/* All that workers have made for the writer; what it has dealt with of that has given its names. */
static uint64_t
made(const struct engine *e)
{
	struct ledger l;

	engine_ledger(e, &l);
	return l.count[LEDGER_RECORD] + l.count[LEDGER_GRAB_RECORD] + l.count[LEDGER_LOOKUP_RECORD];
}

/* Counts only rise, and are read in the order in which one follows from another. */
bool
engine_lookups_are_over(const struct engine *e)
{
	const struct engine_lookups *l = &e->lookups;
	uint64_t over = quest_over_count(l->quest), dealt = writer_dealt(e->writer);

	if (l->lister != NULL && !lister_is_done(l->lister))
		return false;
	return made(e) == dealt &&
	       quest_found_count(l->quest) + (l->lister != NULL ? lister_fed(l->lister) : 0) == over;
}

void
engine_stop_lookups(struct engine *e)
{
	atomic_store_explicit(&e->lookups.stop, true, memory_order_relaxed);
	quest_stop(e->lookups.quest);
	if (e->lookups.lister != NULL)
		lister_stop(e->lookups.lister);
}

uint64_t
engine_answers(const struct engine *e, enum dns_status status)
{
	uint64_t count = 0;

	for (unsigned int w = 0; w < e->layout.workers; w++)
		if (e->lookups.lookups[w] != NULL)
			count += lookups_answers(e->lookups.lookups[w], status);
	return count;
}

/* Structs of nothing but counts, added member by member. */
static void
add_counts(void *total, const void *one, size_t size)
{
	uint64_t *sum = total;
	const uint64_t *count = one;

	for (size_t i = 0; i < size / sizeof(*sum); i++)
		sum[i] += count[i];
}

void
engine_dns_stats(const struct engine *e, struct dns_stats *total)
{
	_Static_assert(sizeof(*total) % sizeof(uint64_t) == 0, "only counts");
	memset(total, 0, sizeof(*total));
	for (unsigned int w = 0; w < e->layout.workers; w++)
		if (e->lookups.lookups[w] != NULL)
			add_counts(total, lookups_stats(e->lookups.lookups[w]), sizeof(*total));
}

void
engine_walk_stats(const struct engine *e, struct iterate_stats *total)
{
	_Static_assert(sizeof(*total) % sizeof(uint64_t) == 0, "only counts");
	memset(total, 0, sizeof(*total));
	for (unsigned int w = 0; w < e->layout.workers; w++) {
		const struct lookups *l = e->lookups.lookups[w];
		const struct iterate_stats *one = l != NULL ? lookups_walks(l) : NULL;

		if (one != NULL)
			add_counts(total, one, sizeof(*total));
	}
}

uint32_t
engine_resolver_count(const struct engine *e)
{
	const struct lookups_plan *plan = &e->config.inputs->asking.plan;

	return engine_has_lookups(e) && !plan->direct ? (uint32_t)plan->resolver_count : 0;
}

/* Of one worker. */
static const struct resolvers *
view_of(const struct engine *e, unsigned int worker)
{
	return lookups_resolvers(e->lookups.lookups[worker]);
}

enum resolvers_state
engine_resolver_state(const struct engine *e, uint32_t number)
{
	enum resolvers_state worst = RESOLVERS_UNPROVEN;

	for (unsigned int w = 0; w < e->layout.workers; w++) {
		enum resolvers_state state = resolvers_state(view_of(e, w), number);

		worst = state > worst ? state : worst;
	}
	return worst;
}

void
engine_resolver_states(const struct engine *e, uint64_t counts[RESOLVERS_STATES])
{
	memset(counts, 0, RESOLVERS_STATES * sizeof(*counts));
	for (uint32_t i = 0; i < engine_resolver_count(e); i++)
		counts[engine_resolver_state(e, i)]++;
}

uint64_t
engine_lies(const struct engine *e)
{
	uint64_t lies = 0;

	for (unsigned int w = 0; w < e->layout.workers && engine_resolver_count(e) > 0; w++)
		lies += resolvers_in_state(view_of(e, w), RESOLVERS_LIES);
	return lies;
}

bool
engine_resolver_lie(const struct engine *e, uint32_t number, struct resolvers_lie *lie)
{
	for (unsigned int w = 0; w < e->layout.workers; w++) {
		if (resolvers_state(view_of(e, w), number) != RESOLVERS_LIES)
			continue;
		*lie = resolvers_lie(view_of(e, w), number);
		if (lie->kind != RESOLVERS_ACCUSED)
			return true;
	}
	return false;
}

void
engine_accuse(struct engine *e, uint32_t number)
{
	accused_add(&e->lookups.accused, number);
}

const struct lookups_plan *
engine_lookups_plan(const struct engine *e)
{
	return &e->config.inputs->asking.plan;
}

void
engine_resolver_report(const struct engine *e, uint32_t number, struct resolvers_report *sum)
{
	struct resolvers_report one;

	memset(sum, 0, sizeof(*sum));
	for (unsigned int w = 0; w < e->layout.workers; w++) {
		resolvers_report(view_of(e, w), number, &one);
		sum->address = one.address;
		sum->asked += one.asked;
		sum->lies += one.lies;
		sum->in_doubt += one.in_doubt;
		sum->rate_pps += one.rate_pps;
		sum->edns |= one.edns;
		sum->state = one.state > sum->state ? one.state : sum->state;
		sum->latency_ns = one.latency_ns > sum->latency_ns ? one.latency_ns : sum->latency_ns;
		add_counts(sum->outcomes, one.outcomes, sizeof(one.outcomes));
	}
}

int
engine_list_error(const struct engine *e, const char **file)
{
	return e->lookups.lister != NULL ? lister_error(e->lookups.lister, file) : 0;
}

void
engine_end_lookups(struct engine *e)
{
	struct engine_lookups *l = &e->lookups;

	if (l->quest == NULL)
		return;
	if (l->lister != NULL)
		lister_stop(l->lister);
	for (unsigned int w = 0; w < e->layout.workers; w++)
		lookups_fini(l->lookups[w], engine_now_ns(e));
	ledger_add(&l->ledger, LEDGER_NAME_LEFT, feed_left(l->listed) + feed_left(l->found));
}

void
engine_free_lookups(struct engine *e)
{
	struct engine_lookups *l = &e->lookups;

	for (unsigned int w = 0; w < LCORES_MAX; w++) {
		lookups_free(l->lookups[w]);
		rte_ring_free(l->rings[w]);
	}
	free(l->accused.resolver);
	lister_free(l->lister);
	quest_free(l->quest);
	feed_free(l->listed);
	feed_free(l->found);
}
