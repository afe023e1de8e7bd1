/* SPDX-License-Identifier: BSD-3-Clause */
/* How an engine is put together, and taken apart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/time.h"
#include "engine_state.h"
#include "fabric/sender.h"
#include "port/eal.h"

/* Probes of one TX queue: what its descriptors hold, and bursts in the making. */
#define PROBE_POOL_SIZE 4095
#define URGENT_POOL_SIZE 8191
#define POOL_CACHE 256

/* Urgent frames that a lcore has: on its way out, on its way to another's, and in its cache of the pool. */
#define URGENT_LCORE (TX_FIFO_SIZE * 5 + POOL_CACHE * 3 / 2)

/* Of caps, workers have one part in so many. */
#define OPENS_PART 4

static struct rte_mempool *
probe_pool_new(unsigned int lcore, unsigned int port)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "probes-%u-%u", lcore, port);
	return rte_pktmbuf_pool_create(name, PROBE_POOL_SIZE, POOL_CACHE, 0,
				       RTE_PKTMBUF_HEADROOM + PROBE_FRAME_MAX, SOCKET_ID_ANY);
}

/* Pools of a prober's own, for ports that have none for probes. */
static int
make_probe_pools(struct engine *e, unsigned int lcore)
{
	for (unsigned int p = 0; p < e->port_count; p++) {
		if (e->ports[p].port.tx_pool != NULL)
			continue;
		e->lcores[lcore].probe_pools[p] = probe_pool_new(lcore, p);
		if (e->lcores[lcore].probe_pools[p] == NULL)
			return -ENOMEM;
	}
	return 0;
}

/*
 * A NIC's driver gives back what it has sent when it needs the descriptor again, and not before: a queue that
 * rests may hold as many frames as it has descriptors.
 */
static unsigned int
urgent_pool_size(const struct engine *e)
{
	unsigned int n = e->layout.lcores * e->port_count * URGENT_LCORE;

	for (unsigned int p = 0; p < e->port_count; p++)
		n += e->ports[p].port.tx_queues * e->ports[p].port.tx_descriptors;
	return n > URGENT_POOL_SIZE ? n : URGENT_POOL_SIZE;
}

static int
make_pools(struct engine *e)
{
	int rc = 0;

	e->urgent_pool = rte_pktmbuf_pool_create("urgent", urgent_pool_size(e), POOL_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (e->urgent_pool == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < e->layout.probers && rc == 0; i++)
		rc = make_probe_pools(e, e->layout.prober[i]);
	return rc;
}

/* A way out of a port for a lcore: TX queues first come, relays for the rest. Probers come first. */
static int
make_tx(struct engine *e, unsigned int lcore, unsigned int p)
{
	struct engine_lcore *l = &e->lcores[lcore];
	struct engine_port *port = &e->ports[p];

	if (lcore >= port->port.tx_queues)
		return tx_init_relay(&l->tx[p], &e->lcores[lcore % port->port.tx_queues].tx[p],
				     e->urgent_pool, &l->ledger);
	tx_init(&l->tx[p], &port->port, (uint16_t)lcore, e->urgent_pool, e->config.inputs->gate,
		&e->rate, &e->clock, &l->ledger);
	if (e->config.job->interfaces[p].rate_pps != 0)
		tx_limit(&l->tx[p], &port->pace);
	return 0;
}

static struct outlet
outlet_new(struct engine *e, struct engine_lcore *l, unsigned int p)
{
	bool is_own = l->probe_pools[p] != NULL;

	return (struct outlet){
		.probe = &e->ports[p].probe,
		.tx = &l->tx[p],
		.pool = is_own ? l->probe_pools[p] : e->ports[p].port.tx_pool,
		.has_template = is_own,
	};
}

static int
make_outlets(struct engine *e)
{
	int rc = 0;

	for (unsigned int i = 0; i < e->layout.lcores; i++) {
		struct engine_lcore *l = &e->lcores[i];

		for (unsigned int p = 0; p < e->port_count && rc == 0; p++) {
			rc = make_tx(e, i, p);
			l->outlets[p] = outlet_new(e, l, p);
		}
	}
	return rc;
}

/* Of what is no reply to a probe, from each receiver to a worker. */
static int
make_segment_rings(struct engine *e, unsigned int w)
{
	for (unsigned int r = 0; r < e->layout.receivers; r++) {
		e->segments[r][w] = segments_ring_new(r, w);
		e->segments_by_worker[w][r] = e->segments[r][w];
		if (e->segments[r][w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
make_rings(struct engine *e)
{
	for (unsigned int w = 0; w < e->layout.workers; w++) {
		for (unsigned int r = 0; r < e->layout.receivers; r++) {
			e->rings[r][w] = receiver_ring_new(r, w);
			e->rings_by_worker[w][r] = e->rings[r][w];
			if (e->rings[r][w] == NULL)
				return -ENOMEM;
		}
		if (engine_has_flows(e) && make_segment_rings(e, w) != 0)
			return -ENOMEM;
		e->record_rings[w] = worker_record_ring_new(w);
		if (e->record_rings[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
engine_make_probes(struct engine *e)
{
	int rc = 0;

	for (unsigned int i = 0; i < e->port_count && rc == 0; i++) {
		struct engine_port *p = &e->ports[i];
		uint8_t gateway[WIRE_MAC_SIZE] = {0};

		neigh_gateway_mac(&p->neigh, gateway);
		rc = inputs_make_probe(e->config.inputs, e->config.job, i, p->port.mac, gateway,
				       &p->probe);
	}
	return rc;
}

static void
make_neigh(struct engine *e, unsigned int i)
{
	const struct job_interface *iface = &e->config.job->interfaces[i];
	const struct probe_pool *pool = &e->config.inputs->sources.pool[i];
	struct engine_port *p = &e->ports[i];
	/* Simulated devices need no gateway: the one that simnet answers for, and nobody. */
	static const uint8_t nobody[WIRE_MAC_SIZE] = {0x02, 0, 0, 0, 0, 0x01};
	struct neigh_config config = {
		.addresses = pool->addresses,
		.address_count = pool->address_count,
		.gateway = iface->has_gateway ? iface->gateway : 0,
		.vlan = iface->vlan,
	};

	memcpy(config.mac, p->port.mac, WIRE_MAC_SIZE);
	neigh_init(&p->neigh, &config, 0);
	if (iface->has_gateway_mac)
		neigh_set_gateway_mac(&p->neigh, iface->gateway_mac);
	else if (!iface->has_gateway)
		neigh_set_gateway_mac(&p->neigh, nobody);
}

/*
 * Chunks of positions that await a later pass, at most, of each prober: five seconds' worth at 25 million
 * probes a second. And blocks of positions whose answers are remembered meanwhile.
 */
#define CHUNKS_MAX 32768
#define ANSWERED_BLOCKS 65536

/* The longest that coverage waits for a burst of loss to be over. */
#define COVERAGE_DELAY_NS (5 * NS_PER_SEC)

/* What probers are to do, and what workers tell them of who has answered: memory that is used when it is. */
static int
make_source(struct engine *e)
{
	const struct job_probe *probe = &e->config.job->probe;
	const struct inputs *in = e->config.inputs;
	uint64_t delay_ns = probe->probe_delay_ns;

	e->source = (struct prober_source){
		.perm = &in->perm,
		.targets = in->targets,
		.attempts = probe->probes,
		.coverage_bound = coverage_bound(probe->coverage),
		.answered = e->answered,
	};
	schedule_source_init(&e->source.schedule, in->span.first, in->span.end, probe->probes, delay_ns,
			     probe->coverage > 0,
			     delay_ns > COVERAGE_DELAY_NS ? delay_ns : COVERAGE_DELAY_NS);
	e->source.answered_count = e->layout.workers;
	for (unsigned int i = 0; i < e->layout.workers; i++) {
		e->answered[i] = answered_new(ANSWERED_BLOCKS);
		if (e->answered[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static struct pressure *
new_pressure(struct engine *e)
{
	return &e->pressures[e->pressure_count++];
}

/* The lcore of receiver r, of those in the layout: RX queues are dealt out in turn. */
static unsigned int
dealt_to(const struct engine *e, unsigned int r)
{
	return r % e->layout.receivers;
}

static void
init_receiver(struct engine *e, unsigned int p, uint16_t queue)
{
	unsigned int r = e->receiver_count++, at = dealt_to(e, r);
	struct engine_lcore *l = &e->lcores[e->layout.receiver[at]];
	const struct probe_sources *sources = &e->config.inputs->sources;
	struct receiver_config config = {
		.port = &e->ports[p].port,
		.queue = queue,
		.iface = (uint8_t)p,
		.classify = {&e->ports[p].probe, sources->addresses, sources->address_count},
		.neigh = &e->ports[p].neigh,
		.tx = &l->tx[p],
		.rings = e->rings[at],
		.workers = e->layout.workers,
		.segments = {
			.sources = sources,
			.rings = engine_has_flows(e) ? e->segments[at] : NULL,
			.workers = e->layout.workers,
			.ledger = &l->ledger,
		},
		.canary = e->config.inputs->canaries.count > 0 ? &e->canary : NULL,
		.pressure = new_pressure(e),
		.watermark = &e->receiver_marks[r],
		.ledger = &l->ledger,
	};

	receiver_init(&e->receivers[r], &config);
}

static unsigned int
receiver_count(const struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int p = 0; p < e->port_count; p++)
		n += e->ports[p].port.rx_queues;
	return n;
}

#define DEDUP_BYTES_MAX (UINT64_C(3) << 30)
#define DEDUP_BYTES_LEAST (UINT64_C(16) << 20)
/* Replies of three kinds, of either look, and a grab, at 18 bytes each at the most; workers' shares are uneven. */
#define DEDUP_BYTES_A_TARGET 512

uint64_t
engine_dedup_bytes(uint64_t targets)
{
	uint64_t all = targets * DEDUP_BYTES_A_TARGET + DEDUP_BYTES_LEAST;
	uint64_t half = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2;
	uint64_t most = RTE_MIN(half, DEDUP_BYTES_MAX);

	return RTE_MIN(all, most);
}

static int
init_workers(struct engine *e)
{
	uint64_t dedup_bytes = engine_dedup_bytes(targets_count(e->config.inputs->targets));
	uint64_t hash_key;

	if (getentropy(&hash_key, sizeof(hash_key)) != 0)
		return -EIO;
	for (unsigned int i = 0; i < e->layout.workers; i++) {
		struct engine_lcore *l = &e->lcores[e->layout.worker[i]];
		struct worker_config config = {
			.rings = e->rings_by_worker[i],
			.receivers = e->layout.receivers,
			.records = e->record_rings[i],
			.outlets = l->outlets,
			.outlet_count = e->port_count,
			.refusals = e->refusals,
			.pressure = new_pressure(e),
			.ledger = &l->ledger,
			.cooldown_since_ns = &e->cooldown_since_ns,
			.news = {
				.source = &e->source,
				.key = &e->config.inputs->key,
				.answered = e->answered[i],
				.marks = e->config.job->probe.probes > 1,
				.floor = e->config.is_resumed ? e->config.inputs->span.first : 0,
			},
			.segments = engine_has_flows(e) ? e->segments_by_worker[i] : NULL,
			.receiver_marks = e->receiver_marks,
			.receiver_mark_count = receiver_count(e),
			.watermark = &e->worker_marks[i],
			.marking = &e->marking,
		};

		l->dedup = dedup_new(dedup_bytes / e->layout.workers, hash_key);
		config.news.dedup = l->dedup;
		if (l->dedup == NULL)
			return -ENOMEM;
		worker_init(&l->worker, &config);
	}
	return 0;
}

/* Caps on a /24 and a /16. */
struct caps {
	uint64_t per_24;
	uint64_t per_16;
};

/* Of a cap, what workers may open connections by: a quarter, where that and the rest can be divided; else none. */
static uint64_t
opens_part(const struct engine *e, uint64_t cap)
{
	uint64_t part = cap / OPENS_PART;

	if (!engine_has_grabs(e) || cap == 0)
		return 0;
	part = part < e->layout.workers ? e->layout.workers : part;
	return cap >= part + e->layout.probers ? part : 0;
}

static uint64_t
probes_part(const struct engine *e, uint64_t cap)
{
	return cap - opens_part(e, cap);
}

bool
engine_may_open(const struct engine *e)
{
	const struct inputs *in = e->config.inputs;

	return (in->per_24 == 0 || opens_part(e, in->per_24) > 0) &&
	       (in->per_16 == 0 || opens_part(e, in->per_16) > 0);
}

/* Part i of n of caps. 0 or -ENOMEM. */
static int
new_polite(const struct engine *e, const struct caps *caps, unsigned int i, unsigned int n, struct polite **out)
{
	const struct inputs *in = e->config.inputs;
	struct polite_config config = {
		.per_24 = polite_part(caps->per_24, i, n),
		.per_16 = polite_part(caps->per_16, i, n),
		.key = hash_mix64(in->key.k0 ^ hash_mix64(in->key.k1)),
		.exempt = in->spared,
		.exempt_count = in->spared_count,
		.refusals = e->refusals,
	};

	*out = polite_new(&config);
	return *out == NULL ? -ENOMEM : 0;
}

/* Caps, if there are any: each prober's and worker's part of them, and who has said that he wants no probes. */
static int
make_polite(struct engine *e)
{
	const struct inputs *in = e->config.inputs;
	int rc = 0;

	if (in->per_24 == 0 && in->per_16 == 0)
		return 0;
	e->refusals = refusals_new(in->per_24 != 0, in->per_16 != 0);
	if (e->refusals == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < e->layout.probers && rc == 0; i++)
		rc = new_polite(e, &(struct caps){probes_part(e, in->per_24), probes_part(e, in->per_16)}, i,
				e->layout.probers, &e->lcores[e->layout.prober[i]].polite);
	for (unsigned int i = 0; i < e->layout.workers && rc == 0 && engine_has_grabs(e); i++)
		rc = new_polite(e, &(struct caps){opens_part(e, in->per_24), opens_part(e, in->per_16)}, i,
				e->layout.workers, &e->lcores[e->layout.worker[i]].open_polite);
	return rc;
}

static int
init_probers(struct engine *e)
{
	for (unsigned int i = 0; i < e->layout.probers; i++) {
		struct engine_lcore *l = &e->lcores[e->layout.prober[i]];
		struct prober_config config = {
			.source = &e->source,
			.outlets = l->outlets,
			.outlet_count = e->port_count,
			.polite = l->polite,
			.ledger = &l->ledger,
			.pressures = e->pressures,
			.pressure_count = e->pressure_count,
			.chunks = CHUNKS_MAX,
		};
		int rc = prober_init(&l->prober, &config);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static void
init_canary(struct engine *e)
{
	struct canary_config config = e->config.inputs->canaries;

	config.gate = e->config.inputs->gate;
	config.outlets = e->lcores[0].outlets;
	canary_init(&e->canary, &config);
}

/* Every TX queue has a sender on the lcore that owns it. */
static int
place_senders(struct engine *e)
{
	int rc = 0;

	for (unsigned int i = 0; i < e->layout.lcores; i++)
		for (unsigned int p = 0; p < e->port_count && rc == 0; p++)
			if (i < e->ports[p].port.tx_queues)
				rc = fabric_add(e->fabric, i, &sender_role, &e->lcores[i].tx[p]);
	return rc;
}

/* Roles on lcores, in the order in which a packet meets them; the sender last. */
static int
place_roles(struct engine *e)
{
	const struct layout *y = &e->layout;
	int rc = 0;

	e->fabric = fabric_new(y->lcores, &e->clock);
	if (e->fabric == NULL)
		return -ENOMEM;
	for (unsigned int r = 0; r < e->receiver_count && rc == 0; r++)
		rc = fabric_add(e->fabric, y->receiver[dealt_to(e, r)], &receiver_role,
				&e->receivers[r]);
	for (unsigned int i = 0; i < y->workers && rc == 0; i++)
		rc = fabric_add(e->fabric, y->worker[i], &worker_role, &e->lcores[y->worker[i]].worker);
	if (e->config.inputs->canaries.count > 0 && rc == 0)
		rc = fabric_add(e->fabric, 0, &canary_role, &e->canary);
	for (unsigned int i = 0; i < y->probers && rc == 0; i++)
		rc = fabric_add(e->fabric, y->prober[i], &prober_role, &e->lcores[y->prober[i]].prober);
	return rc == 0 ? place_senders(e) : rc;
}

int
engine_make_writer(struct engine *e, const struct engine_outputs *outputs)
{
	struct writer_config config = {
		.rings = e->record_rings,
		.ring_count = e->layout.workers,
		.sinks = outputs->sinks,
		.sink_count = outputs->count,
		.keeper = outputs->keeper,
		.earlier = outputs->earlier,
		.clock = {e->config.start_wall_ns},
		.grabs = {
			.rings = e->grabs.rings,
			.validate = true,
			.is_resumed = e->config.is_resumed,
		},
		.results_limit = e->config.job->limits.results,
		.ledger = &e->writer_ledger,
	};

	if (e->config.grabs != NULL) {
		config.grabs.ring_count = e->layout.workers;
		config.grabs.forms = e->config.grabs->forms;
		config.grabs.form_count = e->config.job->grab_count;
	}
	if (e->lookups.quest != NULL)
		config.lookups = (struct writer_lookups){e->lookups.rings, e->layout.workers, e->lookups.quest};
	e->writer = writer_new(&config);
	return e->writer == NULL ? -ENOMEM : 0;
}

static void
init_ports(struct engine *e)
{
	for (unsigned int i = 0; i < e->port_count; i++) {
		make_neigh(e, i);
		pace_init(&e->ports[i].pace, e->config.job->interfaces[i].rate_pps, PACE_BURST);
	}
}

static int
make_all(struct engine *e)
{
	const struct job *job = e->config.job;
	int rc;

	e->promised = (struct engine_rate){job->rate_pps, job->bandwidth_bps};
	tx_rate_init(&e->rate, job->rate_pps, job->bandwidth_bps);
	atomic_init(&e->cooldown_since_ns, TIME_NEVER);
	atomic_init(&e->adopt_until_ns, TIME_NEVER);
	atomic_init(&e->open_until_ns, TIME_NEVER);
	atomic_init(&e->sure, e->config.inputs->span.first);
	init_ports(e);
	rc = engine_make_probes(e);
	if (rc == 0)
		rc = make_pools(e);
	if (rc == 0)
		rc = make_outlets(e);
	if (rc == 0)
		rc = make_rings(e);
	if (rc == 0)
		rc = make_source(e);
	if (rc == 0)
		rc = make_polite(e);
	if (rc == 0)
		rc = init_workers(e);
	if (rc != 0)
		return rc;
	for (unsigned int p = 0; p < e->port_count; p++)
		for (uint16_t q = 0; q < e->ports[p].port.rx_queues; q++)
			init_receiver(e, p, q);
	e->hold = new_pressure(e);
	e->lookups.pressure = new_pressure(e);
	init_canary(e);
	rc = init_probers(e);
	if (rc == 0)
		rc = place_roles(e);
	clock_init(&e->clock, e->config.virtual_clock);
	return rc;
}

int
engine_open(const struct engine_config *config, struct engine **out)
{
	struct engine *e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);
	int rc;

	*out = NULL;
	if (e == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	e->config = *config;
	/* Naps of microseconds: the default slack of 50 us would double them. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	rc = engine_open_ports(e);
	if (rc == 0) {
		rc = make_all(e);
		if (rc != 0)
			fprintf(stderr, "asdic: cannot set up the scan: %s\n", rte_strerror(-rc));
	}
	if (rc != 0) {
		engine_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

static void
free_lcore(struct engine_lcore *l)
{
	for (unsigned int p = 0; p < PORTS_MAX; p++) {
		rte_ring_free(l->tx[p].relay_to);
		rte_mempool_free(l->probe_pools[p]);
	}
	dedup_free(l->dedup);
	polite_free(l->polite);
	polite_free(l->open_polite);
	prober_free(&l->prober);
}

static void
free_rings(struct engine *e)
{
	for (unsigned int w = 0; w < LCORES_MAX; w++) {
		for (unsigned int r = 0; r < LCORES_MAX; r++)
			rte_ring_free(e->rings[r][w]);
		for (unsigned int r = 0; r < LCORES_MAX; r++)
			rte_ring_free(e->segments[r][w]);
		rte_ring_free(e->record_rings[w]);
		answered_free(e->answered[w]);
	}
}

void
engine_close(struct engine *e)
{
	for (unsigned int i = 0; i < e->port_count; i++)
		if (e->ports[i].is_open)
			port_close(&e->ports[i].port);
	for (unsigned int i = 0; i < e->layout.lcores; i++)
		free_lcore(&e->lcores[i]);
	free_rings(e);
	refusals_free(e->refusals);
	named_free(e->named);
	rte_mempool_free(e->urgent_pool);
	fabric_free(e->fabric);
	writer_free(e->writer);
	engine_free_grabs(e);
	engine_free_lookups(e);
	if (e->has_eal)
		eal_stop();
	free(e);
}
