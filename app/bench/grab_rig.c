/* SPDX-License-Identifier: BSD-3-Clause */
#include "grab_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/time.h"
#include "fabric/sender.h"
#include "grab_world.h"

#define POOL_SIZE 4095
#define POOL_CACHE 256
#define DEDUP_BYTES (UINT64_C(256) << 20)

/* What is under way when a measurement ends has so long to end itself. */
#define END_WITHIN_NS (30 * NS_PER_SEC)

double
grab_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The least of many: any other was disturbed. */
static double
clock_cost(void)
{
	double least = 1e9;

	for (unsigned int i = 0; i < 1000; i++) {
		double cost = grab_cpu_ns();

		cost = grab_cpu_ns() - cost;
		least = cost < least ? cost : least;
	}
	return least;
}

/* ---- Roles, as a scan has them ----------------------------------------------------------- */

static int
make_prober(struct grab_rig *g)
{
	const struct prober_config config = {
		.source = &g->order,
		.outlets = &g->outlet,
		.outlet_count = 1,
		.pressures = g->pressure,
		.pressure_count = RTE_DIM(g->pressure),
		.ledger = &g->ledger,
	};
	int rc = prober_fill_pool(g->probe_pool, &g->subject.probe);

	g->order = (struct prober_source){
		.perm = &g->subject.inputs.perm,
		.targets = g->subject.inputs.targets,
		.attempts = 1,
	};
	schedule_source_init(&g->order.schedule, 0, g->subject.inputs.span.end, 1, 0, false, 0);
	return rc == 0 ? prober_init(&g->prober, &config) : rc;
}

static void
make_receiver(struct grab_rig *g)
{
	const struct inputs *in = &g->subject.inputs;
	const struct receiver_config config = {
		.port = g->port,
		.classify = {&g->subject.probe, in->sources.addresses, in->sources.address_count},
		.neigh = &g->neigh,
		.tx = &g->tx,
		.rings = &g->replies,
		.workers = 1,
		.segments = {&in->sources, &g->segments, 1, &g->ledger},
		.pressure = &g->pressure[0],
		.watermark = &g->marks[0],
		.ledger = &g->ledger,
	};

	receiver_init(&g->receiver, &config);
}

static int
make_grabber(struct grab_rig *g, uint32_t sessions)
{
	const struct grabber_config config = {
		.plan = &g->plan,
		.outlets = &g->outlet,
		.outlet_count = 1,
		.gate = g->subject.inputs.gate,
		.grabs = g->grabs,
		.ledger = &g->ledger,
		.sessions = sessions,
		.tls_sessions = sessions,
		.key = {1, 2},
	};

	g->grabber = grabber_new(&config, 0);
	return g->grabber == NULL ? -ENOMEM : 0;
}

static void
make_worker(struct grab_rig *g)
{
	const struct worker_config config = {
		.rings = &g->replies,
		.receivers = 1,
		.records = g->records,
		.outlets = &g->outlet,
		.outlet_count = 1,
		.news = {.dedup = g->dedup, .source = &g->order, .key = &g->subject.inputs.key},
		.pressure = &g->pressure[1],
		.ledger = &g->ledger,
		.cooldown_since_ns = &g->cooldown_since_ns,
		.receiver_marks = &g->marks[0],
		.receiver_mark_count = 1,
		.watermark = &g->marks[1],
		.grabber = g->grabber,
		.plan = &g->plan,
		.segments = &g->segments,
		.adopt_until_ns = &g->adopt_until_ns,
	};

	worker_init(&g->worker, &config);
}

static int
make_memory(struct grab_rig *g, uint32_t sessions)
{
	g->probe_pool = rte_pktmbuf_pool_create("probes", POOL_SIZE, POOL_CACHE, 0,
						RTE_PKTMBUF_HEADROOM + PROBE_FRAME_MAX, SOCKET_ID_ANY);
	g->urgent_pool = rte_pktmbuf_pool_create("urgent", POOL_SIZE, POOL_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	g->replies = receiver_ring_new(0, 0);
	g->segments = segments_ring_new(0, 0);
	g->records = worker_record_ring_new(0);
	g->grabs = grabber_ring_new(0, sessions);
	g->dedup = dedup_new(DEDUP_BYTES, 1);
	if (g->probe_pool == NULL || g->urgent_pool == NULL || g->replies == NULL ||
	    g->segments == NULL || g->records == NULL || g->grabs == NULL || g->dedup == NULL)
		return -ENOMEM;
	return 0;
}

static int
make_subject(struct grab_rig *g, const char *device, uint16_t port)
{
	struct bench_options o = {
		.device = device, .profile = "windows", .include = GRAB_WORLD_TARGETS,
	};
	char ports[8];

	snprintf(ports, sizeof(ports), "%u", port);
	o.ports = ports;
	if (subject_make(&g->subject, &o) != 0)
		return -EINVAL;
	return subject_make_probe(&g->subject, g->port->mac);
}

int
grab_rig_begin(struct grab_rig *g, const char *device, struct port *port_of, uint16_t port,
	       const struct grabber_task *task, uint32_t sessions)
{
	int rc;

	memset(g, 0, sizeof(*g));
	g->port = port_of;
	g->task = *task;
	g->task_of_port[port] = 1;
	g->plan = (struct grabber_plan){&g->task, 1, g->task_of_port, NULL};
	rc = make_subject(g, device, port);
	if (rc == 0)
		rc = make_memory(g, sessions);
	if (rc != 0)
		return rc;
	neigh_init(&g->neigh, &(struct neigh_config){0}, 0);
	clock_init(&g->clock, false);
	tx_rate_init(&g->rate, 0, 0);
	atomic_init(&g->cooldown_since_ns, TIME_NEVER);
	atomic_init(&g->adopt_until_ns, TIME_NEVER);
	tx_init(&g->tx, g->port, 0, g->urgent_pool, g->subject.inputs.gate, &g->rate, &g->clock,
		&g->ledger);
	g->outlet = (struct outlet){&g->subject.probe, &g->tx, g->probe_pool, true};
	rc = make_grabber(g, sessions);
	if (rc == 0)
		rc = make_prober(g);
	make_receiver(g);
	make_worker(g);
	g->clock_cost_ns = clock_cost();
	g->start_ns = clock_now_ns(&g->clock);
	return rc;
}

/* ---- Rounds ------------------------------------------------------------------------------ */

/* What the writer would take. */
static void
take_output(struct grab_rig *g)
{
	struct record_scan records[PORT_BURST];
	void *grab;

	while (rte_ring_sc_dequeue_burst_elem(g->records, records, sizeof(records[0]), PORT_BURST,
					      NULL) > 0)
		;
	while (rte_ring_sc_dequeue(g->grabs, &grab) == 0) {
		g->account.ended[((struct grab *)grab)->cause]++;
		grab_free(grab);
	}
}

/* A round without work is none of a role's cost: a lcore naps then. */
static void
poll_role(struct grab_rig *g, enum grab_role role, const struct role_ops *ops, void *context)
{
	double start = grab_cpu_ns();

	if (ops->poll(context, clock_now_ns(&g->clock)) == 0)
		return;
	g->account.cpu_ns[role] += grab_cpu_ns() - start - g->clock_cost_ns;
}

static void
step(struct grab_rig *g, bool probes)
{
	if (probes)
		poll_role(g, GRAB_ROLE_PROBER, &prober_role, &g->prober);
	poll_role(g, GRAB_ROLE_RECEIVER, &receiver_role, &g->receiver);
	poll_role(g, GRAB_ROLE_WORKER, &worker_role, &g->worker);
	poll_role(g, GRAB_ROLE_SENDER, &sender_role, &g->tx);
	take_output(g);
}

void
grab_rig_step(struct grab_rig *g)
{
	step(g, true);
}

const struct grab_account *
grab_rig_account(struct grab_rig *g)
{
	const uint64_t *count = g->ledger.count;

	g->account.elapsed_ns = (double)(clock_now_ns(&g->clock) - g->start_ns);
	g->account.adopted = count[LEDGER_ADOPTED];
	g->account.frames_in = count[LEDGER_TAKEN] + count[LEDGER_SEGMENT_TAKEN];
	g->account.frames_out = count[LEDGER_INTENDED + LEDGER_SEGMENT] +
				count[LEDGER_INTENDED + LEDGER_RESET];
	return &g->account;
}

/* ---- The end ----------------------------------------------------------------------------- */

static bool
is_quiet(const struct grab_rig *g)
{
	return grabber_live(g->grabber) == 0 && rte_ring_empty(g->replies) &&
	       g->worker.held_first == g->worker.held_count && tx_is_empty(&g->tx);
}

static bool
let_end(struct grab_rig *g)
{
	uint64_t end_ns = clock_now_ns(&g->clock) + END_WITHIN_NS;
	unsigned int quiet = 0;

	/* What is on its way in the world comes within some rounds. */
	while (quiet < 1000 && clock_now_ns(&g->clock) < end_ns) {
		step(g, false);
		quiet = is_quiet(g) ? quiet + 1 : 0;
	}
	if (grabber_live(g->grabber) == 0)
		return true;
	fprintf(stderr, "asdic-bench: %u grabs have not ended\n", grabber_live(g->grabber));
	return false;
}

/* No writer has counted, so its terms say nothing; all others must hold. */
static bool
books_are_right(const struct grab_rig *g)
{
	const struct ledger_equation *broken = NULL;

	if (ledger_balances(&g->ledger, &broken))
		return true;
	fprintf(stderr, "asdic-bench: the ledger does not balance: %s\n", broken->name);
	return false;
}

static void
free_all(struct grab_rig *g)
{
	prober_free(&g->prober);
	grabber_free(g->grabber);
	dedup_free(g->dedup);
	rte_ring_free(g->replies);
	rte_ring_free(g->segments);
	rte_ring_free(g->records);
	rte_ring_free(g->grabs);
	rte_mempool_free(g->probe_pool);
	rte_mempool_free(g->urgent_pool);
	subject_free(&g->subject);
}

bool
grab_rig_end(struct grab_rig *g, bool stops)
{
	bool good = true;

	if (g->grabber != NULL) {
		if (!stops)
			good = let_end(g);
		prober_fini(&g->prober);
		receiver_fini(&g->receiver);
		worker_fini(&g->worker, clock_now_ns(&g->clock));
		tx_give_up(&g->tx);
		take_output(g);
		good &= books_are_right(g);
	}
	free_all(g);
	return good;
}
