/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "engine_state.h"
#include "rte_pmd_simnet.h"

#define RESOLVE_TIMEOUT_NS (5 * NS_PER_SEC)

/* A NIC that has just been started agrees with its peer on how to talk first: seconds, for copper. */
#define LINK_TIMEOUT_NS (9 * NS_PER_SEC)

/* After the last frame was given to a driver: until the NIC has sent it and counted it. */
#define SENT_TIMEOUT_NS (100 * NS_PER_MS)

/* A busy round of a virtual clock: a burst at the line rate of dual 10GbE. */
#define VIRTUAL_ROUND_NS NS_PER_US

static void
set_virtual_time(struct engine *e, uint64_t now_ns)
{
	e->clock.virtual_ns = now_ns;
	for (unsigned int i = 0; i < e->port_count; i++)
		rte_pmd_simnet_clock_set(e->ports[i].port.id, now_ns);
}

/* Virtual time jumps to the next event, of the scanner, of the world, or of control. */
static void
virtual_round(struct engine *e, uint64_t until_ns)
{
	uint64_t now = e->clock.virtual_ns, next, world;
	unsigned int work = fabric_step(e->fabric);

	work += engine_poll_lookups(e);
	work += writer_poll(e->writer);
	if (work > 0) {
		next = now + VIRTUAL_ROUND_NS;
	} else {
		next = fabric_next_ns(e->fabric);
		for (unsigned int i = 0; i < e->port_count; i++)
			if (rte_pmd_simnet_next_ns(e->ports[i].port.id, &world) == 0 && world < next)
				next = world;
		next = next < until_ns ? next : until_ns;
		next = next > now ? next : now + VIRTUAL_ROUND_NS;
	}
	set_virtual_time(e, next);
}

void
engine_wait(struct engine *e, uint64_t until_ns)
{
	static const struct timespec nap = {0, 5 * 1000 * 1000};

	if (e->config.virtual_clock)
		virtual_round(e, until_ns);
	else
		nanosleep(&nap, NULL);
}

/* The first interface whose gateway is not known, or the count of all. */
static unsigned int
find_unanswered(const struct engine *e)
{
	uint8_t mac[WIRE_MAC_SIZE];
	unsigned int i = 0;

	while (i < e->port_count && neigh_gateway_mac(&e->ports[i].neigh, mac))
		i++;
	return i;
}

/* Receivers and ways out, run by hand; the work they did. */
static unsigned int
resolve_round(struct engine *e, uint64_t now_ns)
{
	unsigned int work = 0;

	for (unsigned int r = 0; r < e->receiver_count; r++)
		work += receiver_role.poll(&e->receivers[r], now_ns);
	for (unsigned int i = 0; i < e->layout.lcores; i++)
		for (unsigned int p = 0; p < e->port_count; p++)
			work += tx_flush(&e->lcores[i].tx[p]);
	return work;
}

static bool
links_are_up(const struct engine *e)
{
	for (unsigned int i = 0; i < e->port_count; i++)
		if (!port_link_is_up(&e->ports[i].port))
			return false;
	return true;
}

/* A moment without work. */
static void
rest(struct engine *e)
{
	if (e->config.virtual_clock)
		set_virtual_time(e, e->clock.virtual_ns + NS_PER_MS);
	else
		nanosleep(&(struct timespec){0, 1000 * 1000}, NULL);
}

/* Nothing is sent before links are up; one that stays down is a matter of health, which holds the sending. */
static int
await_links(struct engine *e, bool (*is_stopped)(void))
{
	uint64_t start = engine_now_ns(e);

	while (!links_are_up(e) && engine_now_ns(e) - start < LINK_TIMEOUT_NS) {
		if (is_stopped())
			return -EINTR;
		rest(e);
	}
	return 0;
}

int
engine_resolve(struct engine *e, bool (*is_stopped)(void), unsigned int *unanswered)
{
	int rc = await_links(e, is_stopped);
	uint64_t start = engine_now_ns(e), now = start;

	while (rc == 0 && (*unanswered = find_unanswered(e)) < e->port_count) {
		unsigned int work;

		if (now - start > RESOLVE_TIMEOUT_NS)
			return -EHOSTUNREACH;
		if (is_stopped())
			return -EINTR;
		work = resolve_round(e, now);
		if (e->config.virtual_clock || work == 0)
			rest(e);
		now = engine_now_ns(e);
	}
	return rc;
}

/* The threads of a run: the writer's first, so that nothing waits for it. */
static int
start_threads(struct engine *e)
{
	int rc;

	if (e->config.virtual_clock)
		return 0;
	rc = writer_start(e->writer);
	if (rc == 0)
		rc = engine_start_lookups(e);
	return rc != 0 ? rc : fabric_launch(e->fabric);
}

static int
fill_pools(struct engine *e)
{
	int rc = 0;

	for (unsigned int i = 0; i < e->layout.probers; i++) {
		struct engine_lcore *l = &e->lcores[e->layout.prober[i]];

		for (unsigned int p = 0; p < e->port_count && rc == 0; p++)
			if (l->probe_pools[p] != NULL)
				rc = prober_fill_pool(l->probe_pools[p], &e->ports[p].probe);
	}
	return rc;
}

/* What the keeper sees of the run. */

static uint64_t
view_now_ns(void *context)
{
	return engine_now_ns(context);
}

static uint64_t
view_seen_ns(void *context)
{
	const struct engine *e = context;

	return watermark_least(e->worker_marks, e->layout.workers);
}

uint64_t
engine_floor(const struct engine *e)
{
	uint64_t floor = e->source.schedule.end;

	for (unsigned int i = 0; i < e->layout.probers; i++) {
		uint64_t one = schedule_floor(&e->lcores[e->layout.prober[i]].prober.schedule);

		floor = one < floor ? one : floor;
	}
	return floor;
}

static uint64_t
view_floor(void *context)
{
	return engine_floor(context);
}

static uint64_t
view_sure(void *context, uint64_t *since_ns)
{
	const struct engine *e = context;
	uint64_t sure = atomic_load_explicit(&e->sure, memory_order_acquire);

	*since_ns = atomic_load_explicit(&e->sure_since_ns, memory_order_relaxed);
	return sure;
}

static uint64_t
view_claimed(void *context)
{
	const struct engine *e = context;

	return atomic_load_explicit(&e->source.schedule.next, memory_order_acquire);
}

static void
view_ledger(void *context, struct ledger *total)
{
	engine_ledger(context, total);
}

/* The first save comes before the first probe: from then on a kill leaves something to go on from. */
static void
start_keeper(struct engine *e, struct keeper *keeper)
{
	const struct keeper_view view = {
		.context = e,
		.now_ns = view_now_ns,
		.seen_ns = view_seen_ns,
		.floor = view_floor,
		.sure = view_sure,
		.claimed = view_claimed,
		.ledger = view_ledger,
		.refusals = e->refusals,
	};

	keeper_start(keeper, &view, e->lookups.quest);
	writer_poll(e->writer);
}

/* Without memory a name that was dealt with is asked for again: no harm but a repeat. */
static void
recall_name(struct engine *e, const struct journal_key *key)
{
	if (e->named == NULL)
		e->named = named_new();
	if (e->named != NULL)
		(void)named_add(e->named, key->address, key->port);
}

void
engine_recall(void *engine, const struct journal_key *key)
{
	struct engine *e = engine;
	uint64_t cookie = cookie_make(&e->config.inputs->key, key->address, key->port, COOKIE_PROBE);
	unsigned int i = receiver_worker_of(probe_bucket(cookie), e->layout.workers);
	struct worker *w = &e->lcores[e->layout.worker[i]].worker;

	news_recall(&w->config.news, key->address, key->port, key->kind, key->marks);
	if (key->marks & RECORD_NAMED)
		recall_name(e, key);
}

void
engine_recall_refused(struct engine *e, const struct checkpoint *c)
{
	for (size_t i = 0; i < c->refused_count && e->refusals != NULL; i++) {
		const struct refusals_network n = {
			.address = c->refused[i].address,
			.prefix_len = c->refused[i].prefix_len,
			.refused = c->refused[i].refused,
			.skipped = c->refused[i].skipped,
		};

		refusals_recall(e->refusals, &n);
	}
}

static void
write_target(void *context, const char *line, size_t len)
{
	writer_take_target(context, line, len);
}

int
engine_launch(struct engine *e, const struct engine_outputs *outputs)
{
	int rc = engine_make_probes(e);

	if (rc == 0)
		rc = fill_pools(e);
	if (rc == 0)
		rc = engine_make_grabs(e);
	if (rc == 0)
		rc = engine_make_lookups(e, outputs);
	if (rc == 0)
		rc = engine_make_writer(e, outputs);
	if (rc == 0)
		rc = hosts_records(e->config.inputs->hosts, write_target, e->writer);
	if (rc != 0)
		return rc;
	if (outputs->keeper != NULL)
		start_keeper(e, outputs->keeper);
	rc = start_threads(e);
	if (rc != 0)
		engine_stop(e, true);
	return rc;
}

uint64_t
engine_now_ns(const struct engine *e)
{
	return clock_now_ns(&e->clock);
}

uint64_t
engine_scan_ns(const struct engine *e, uint64_t now_ns)
{
	return e->config.earlier_ns + now_ns;
}

uint64_t
engine_probes(const struct engine *e)
{
	const struct perm_span *span = &e->config.inputs->span;
	const struct job_probe *probe = &e->config.job->probe;

	return (uint64_t)((double)(span->end - span->first) * (probe->probes + probe->coverage));
}

struct fabric *
engine_fabric(struct engine *e)
{
	return e->fabric;
}

struct writer *
engine_writer(const struct engine *e)
{
	return e->writer;
}

unsigned int
engine_port_count(const struct engine *e)
{
	return e->port_count;
}

const struct port *
engine_port(const struct engine *e, unsigned int i)
{
	return &e->ports[i].port;
}

uint64_t
engine_nic_drops(const struct engine *e)
{
	struct port_counters c;
	uint64_t drops = 0;

	for (unsigned int i = 0; i < e->port_count; i++) {
		port_counters(&e->ports[i].port, &c);
		drops += c.rx_missed + c.rx_nombuf;
	}
	return drops;
}

const struct layout *
engine_layout(const struct engine *e)
{
	return &e->layout;
}

uint16_t
engine_probe_bytes(const struct engine *e)
{
	uint16_t len = 0;

	for (unsigned int i = 0; i < e->port_count; i++)
		if (e->ports[i].probe.frame_len > len)
			len = e->ports[i].probe.frame_len;
	return len;
}

struct engine_rate
engine_rate(const struct engine *e)
{
	return e->promised;
}

void
engine_set_rate(struct engine *e, struct engine_rate rate)
{
	tx_rate_change(&e->rate, &e->clock, rate.frames_pps, rate.bits_per_s);
	e->promised = rate;
	e->rate_changes++;
}

uint64_t
engine_rate_changes(const struct engine *e)
{
	return e->rate_changes;
}

int
engine_settle(const struct engine *e)
{
	return fabric_settle(e->fabric, NS_PER_SEC);
}

bool
engine_is_exhausted(const struct engine *e)
{
	for (unsigned int i = 0; i < e->layout.probers; i++)
		if (!atomic_load_explicit(&e->lcores[e->layout.prober[i]].prober.exhausted,
					  memory_order_relaxed))
			return false;
	return true;
}

bool
engine_is_held(const struct engine *e)
{
	for (unsigned int i = 0; i < e->layout.probers; i++)
		if (atomic_load_explicit(&e->lcores[e->layout.prober[i]].prober.held,
					 memory_order_relaxed))
			return true;
	return false;
}

bool
engine_is_polite(const struct engine *e)
{
	for (unsigned int i = 0; i < e->layout.probers; i++)
		if (atomic_load_explicit(&e->lcores[e->layout.prober[i]].prober.polite,
					 memory_order_relaxed))
			return true;
	return false;
}

const struct refusals *
engine_refusals(const struct engine *e)
{
	return e->refusals;
}

void
engine_begin_cooldown(struct engine *e, uint64_t now_ns)
{
	atomic_store_explicit(&e->cooldown_since_ns, now_ns, memory_order_relaxed);
}

void
engine_ledger(const struct engine *e, struct ledger *total)
{
	memset(total, 0, sizeof(*total));
	for (unsigned int i = 0; i < e->layout.lcores; i++)
		ledger_sum(total, &e->lcores[i].ledger);
	ledger_sum(total, &e->writer_ledger);
	ledger_sum(total, &e->lookups.ledger);
}

static uint64_t
frames_given(const struct engine *e)
{
	struct ledger total;
	uint64_t n = 0;

	engine_ledger(e, &total);
	for (unsigned int kind = 0; kind < LEDGER_FRAMES; kind++)
		n += total.count[LEDGER_SENT + kind];
	return n;
}

static uint64_t
frames_counted(const struct engine *e)
{
	struct port_counters c;
	uint64_t n = 0;

	for (unsigned int i = 0; i < e->port_count; i++) {
		port_counters(&e->ports[i].port, &c);
		n += c.tx_frames;
	}
	return n;
}

/* What stands in a NIC's descriptors when it is stopped is not sent. */
static void
await_sent(struct engine *e)
{
	uint64_t given = frames_given(e), start = engine_now_ns(e);

	while (!e->config.virtual_clock && frames_counted(e) < given && engine_now_ns(e) - start < SENT_TIMEOUT_NS)
		nanosleep(&(struct timespec){0, 1000 * 1000}, NULL);
}

int
engine_stop(struct engine *e, bool abort)
{
	fabric_stop(e->fabric);
	for (unsigned int r = 0; r < e->receiver_count; r++)
		receiver_fini(&e->receivers[r]);
	for (unsigned int i = 0; i < e->layout.probers; i++)
		prober_fini(&e->lcores[e->layout.prober[i]].prober);
	for (unsigned int i = 0; i < e->layout.workers; i++)
		worker_fini(&e->lcores[e->layout.worker[i]].worker, engine_now_ns(e));
	engine_end_lookups(e);
	/* Relays first have nothing of their own: their rings are emptied by the owners. */
	for (unsigned int i = 0; i < e->layout.lcores; i++)
		for (unsigned int p = 0; p < e->port_count; p++)
			tx_give_up(&e->lcores[i].tx[p]);
	await_sent(e);
	return writer_finish(e->writer, abort);
}
