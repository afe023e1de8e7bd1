/* SPDX-License-Identifier: BSD-3-Clause */
/* asdic-bench rx: replies into a receiver, and into a worker behind it, with all that a scan does to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/time.h"
#include "bench.h"
#include "fabric/receiver.h"
#include "fabric/sender.h"
#include "fabric/worker.h"
#include "port/eal.h"
#include "source.h"
#include "subject.h"

#define SAMPLES 9
#define FRAMES_A_SECOND 10000000 /* about what is fed in a second: a sample is a fixed number */
#define DEVICE "net_null0,no-rx=1"
#define URGENT_POOL_SIZE 4095
#define POOL_CACHE 256
#define DEDUP_BYTES (UINT64_C(1) << 30)

static const char help[] =
	"usage: asdic-bench rx [FLAGS]\n\n"
	"Feeds a receiver from memory with a fixed mixture of replies, no target twice (in 100: 50 SYN-ACKs,\n"
	"30 RSTs, 10 ICMP errors, 2 SYN-ACKs said again, 3 forgeries, 5 of junk), nine times, and checks\n"
	"that each was found to be what it is. Frames a second are those of the busiest lcore, by the time that\n"
	"its roles work; what the rig does there (a NIC's copying, taking off what comes out) is told apart.\n\n"
	"  --lcores=N         1: a receiver alone, its replies taken and thrown away; 2: behind it, on\n"
	"                     another lcore, a worker, which dedups, records and resets (1)\n"
	"  --seconds=N        of measuring, about (5)\n"
	"  --json=FILE        the figures for machines (-: standard output)\n";

/* Takes what the last role made off its ring, as the next one would. */
struct drain {
	struct rte_ring *ring;
	size_t size;
	uint64_t taken;
	uint64_t last_tsc;
};

/* A role, and the time of those of its polls that found work. */
struct timed {
	const struct role_ops *ops;
	void *context;
	uint64_t busy_tsc;
};

enum { TIMED_RECEIVER, TIMED_WORKER, TIMED_SENDER, TIMED };

struct rig {
	struct subject subject;
	struct replies replies;
	struct source source;
	struct port port;
	struct clock clock;
	struct tx_rate rate;
	struct neigh neigh;
	struct receiver receiver;
	struct worker worker;
	struct watermark marks[2];     /* the receiver's, the worker's */
	struct prober_source order; /* nobody asks for positions */
	struct tx tx[2];
	struct ledger ledger[2];
	struct outlet outlet; /* the worker's */
	struct drain drain;
	struct timed timed[TIMED];
	struct pressure pressure[2];
	struct dedup *dedup;
	struct rte_mempool *urgent_pool;
	struct rte_ring *rings[1];
	struct rte_ring *records;
	_Atomic uint64_t cooldown_since_ns;
	unsigned int lcores;
	struct bench_samples wall_pps;    /* with all that the rig does */
	struct bench_samples receiver_ns; /* a frame, busy */
	struct bench_samples worker_ns;
	struct bench_samples copy_ns;
};

static unsigned int
drain_poll(void *context, uint64_t now_ns)
{
	struct record_scan buffer[2 * PORT_BURST];
	struct drain *d = context;
	unsigned int n = rte_ring_sc_dequeue_burst_elem(d->ring, buffer, (unsigned int)d->size,
							2 * PORT_BURST, NULL);

	(void)now_ns;
	if (n == 0)
		return 0;
	d->last_tsc = rte_rdtsc();
	__atomic_store_n(&d->taken, d->taken + n, __ATOMIC_RELEASE);
	return n;
}

static bool
drain_drain(void *context, uint64_t now_ns)
{
	return drain_poll(context, now_ns) == 0;
}

static uint64_t
drain_next_ns(const void *context, uint64_t now_ns)
{
	(void)context;
	return now_ns;
}

static const struct role_ops drain_role = {
	.name = "drain",
	.stage = FABRIC_DRAIN_SENDERS,
	.poll = drain_poll,
	.drain = drain_drain,
	.next_ns = drain_next_ns,
};

static unsigned int
timed_poll(void *context, uint64_t now_ns)
{
	struct timed *t = context;
	uint64_t start_tsc = rte_rdtsc();
	unsigned int work = t->ops->poll(t->context, now_ns);

	if (work > 0)
		t->busy_tsc += rte_rdtsc() - start_tsc;
	return work;
}

static bool
timed_drain(void *context, uint64_t now_ns)
{
	struct timed *t = context;

	return t->ops->drain(t->context, now_ns);
}

static uint64_t
timed_next_ns(const void *context, uint64_t now_ns)
{
	const struct timed *t = context;

	return t->ops->next_ns(t->context, now_ns);
}

static const struct role_ops timed_role = {
	.name = "timed",
	.stage = FABRIC_DRAIN_SENDERS,
	.poll = timed_poll,
	.drain = timed_drain,
	.next_ns = timed_next_ns,
};

static int
add_timed(struct rig *g, struct fabric *f, unsigned int lcore, unsigned int which, const struct role_ops *ops,
	  void *context)
{
	g->timed[which] = (struct timed){ops, context, 0};
	return fabric_add(f, lcore, &timed_role, &g->timed[which]);
}

static void
init_receiver(struct rig *g)
{
	struct receiver_config config = {
		.port = &g->port,
		.classify = {&g->subject.probe, g->subject.inputs.sources.addresses,
			     g->subject.inputs.sources.address_count},
		.neigh = &g->neigh,
		.tx = &g->tx[0],
		.rings = g->rings,
		.workers = 1,
		.pressure = &g->pressure[0],
		.watermark = &g->marks[0],
		.ledger = &g->ledger[0],
	};

	receiver_init(&g->receiver, &config);
}

static void
init_worker(struct rig *g)
{
	struct worker_config config = {
		.rings = g->rings,
		.receivers = 1,
		.records = g->records,
		.outlets = &g->outlet,
		.outlet_count = 1,
		.pressure = &g->pressure[1],
		.ledger = &g->ledger[1],
		.cooldown_since_ns = &g->cooldown_since_ns,
		.news = {.dedup = g->dedup, .source = &g->order, .key = &g->subject.inputs.key},
		.receiver_marks = &g->marks[0],
		.receiver_mark_count = 1,
		.watermark = &g->marks[1],
	};

	g->outlet = (struct outlet){&g->subject.probe, &g->tx[1], NULL, false};
	worker_init(&g->worker, &config);
}

/* Roles as a scan has them, for one sample: state that a sample leaves is not the next one's. */
static int
place(struct rig *g, struct fabric *f)
{
	bool has_worker = g->lcores > 1;
	int rc;

	memset(g->ledger, 0, sizeof(g->ledger));
	g->drain = (struct drain){g->rings[0], sizeof(struct reply), 0, 0};
	init_receiver(g);
	memset(g->timed, 0, sizeof(g->timed));
	rc = add_timed(g, f, 0, TIMED_RECEIVER, &receiver_role, &g->receiver);
	if (rc == 0 && has_worker) {
		dedup_free(g->dedup);
		g->dedup = dedup_new(DEDUP_BYTES, 1);
		if (g->dedup == NULL)
			return -ENOMEM;
		init_worker(g);
		g->drain = (struct drain){g->records, sizeof(struct record_scan), 0, 0};
		rc = add_timed(g, f, 1, TIMED_WORKER, &worker_role, &g->worker);
		if (rc == 0)
			rc = add_timed(g, f, 1, TIMED_SENDER, &sender_role, &g->tx[1]);
	}
	return rc == 0 ? fabric_add(f, g->lcores - 1, &drain_role, &g->drain) : rc;
}

/* What is wrong with the account of a sample, or NULL. */
static const char *
fault_of(const struct rig *g)
{
	const struct replies *r = &g->replies;
	const uint64_t *count = g->ledger[0].count, *worked = g->ledger[1].count;

	if (count[LEDGER_RECEIVED] != r->count)
		return "not all frames were received";
	for (unsigned int k = 0; k < CLASSIFY_KINDS; k++)
		if (count[LEDGER_KIND + k] != r->kinds[k])
			return classify_kind_name((enum classify_kind)k);
	if (count[LEDGER_PASSED] != replies_valid(r) || g->drain.taken != replies_valid(r))
		return "not all replies were passed on";
	if (g->lcores == 1)
		return NULL;
	if (worked[LEDGER_FIRST_SYNACK] != r->kinds[CLASSIFY_SYNACK] - r->said_again ||
	    worked[LEDGER_REPEAT] != r->said_again)
		return "first replies and repeats";
	if (worked[LEDGER_INTENDED + LEDGER_RESET] != r->kinds[CLASSIFY_SYNACK])
		return "resets";
	return NULL;
}

/* Until all is received and taken; false when no more is for a minute. */
static bool
wait_for_end(struct rig *g)
{
	const struct timespec nap = {0, 1000 * 1000};
	uint64_t want = replies_valid(&g->replies), last = 0;

	for (unsigned int idle = 0; idle < 60000; idle++) {
		uint64_t taken = __atomic_load_n(&g->drain.taken, __ATOMIC_ACQUIRE);

		if (taken == want && atomic_load_explicit(&g->source.end_tsc, memory_order_acquire) != 0)
			return true;
		if (taken != last)
			idle = 0;
		last = taken;
		nanosleep(&nap, NULL);
	}
	return false;
}

/* What has come to a stand, and where. */
static void
tell_stand(const struct rig *g)
{
	fprintf(stderr,
		"asdic-bench: a sample stands still: of %lu frames %lu are in descriptors, %lu given, %lu received; "
		"%lu replies passed, %u on the ring, %lu taken; %u records on the ring, %lu taken off of %lu\n",
		(unsigned long)g->replies.count, (unsigned long)g->source.filled,
		(unsigned long)g->source.given, (unsigned long)g->ledger[0].count[LEDGER_RECEIVED],
		(unsigned long)g->ledger[0].count[LEDGER_PASSED], rte_ring_count(g->rings[0]),
		(unsigned long)g->ledger[1].count[LEDGER_TAKEN], rte_ring_count(g->records),
		(unsigned long)g->drain.taken, (unsigned long)replies_valid(&g->replies));
}

static double
ns_a_frame(const struct rig *g, uint64_t tsc)
{
	return (double)tsc * 1e9 / (double)rte_get_tsc_hz() / (double)g->replies.count;
}

static void
keep(struct bench_samples *s, double value)
{
	s->value[s->count++] = value;
}

/* What a sample took: frames a second of the busiest lcore. */
static double
keep_times(struct rig *g)
{
	uint64_t end_tsc = RTE_MAX(atomic_load(&g->source.end_tsc), g->drain.last_tsc);
	const struct timed *t = g->timed;
	double receiver = ns_a_frame(g, t[TIMED_RECEIVER].busy_tsc - g->source.copy_tsc);
	double worker = ns_a_frame(g, t[TIMED_WORKER].busy_tsc + t[TIMED_SENDER].busy_tsc);

	keep(&g->receiver_ns, receiver);
	keep(&g->worker_ns, worker);
	keep(&g->copy_ns, ns_a_frame(g, g->source.copy_tsc));
	keep(&g->wall_pps, 1e9 / ns_a_frame(g, end_tsc - g->source.start_tsc));
	return 1e9 / RTE_MAX(receiver, worker);
}

/* All replies once: frames a second, or a negative errno, told. */
static double
sample(struct rig *g)
{
	struct fabric *f = fabric_new(g->lcores, &g->clock);
	const char *fault;
	bool ended = true;
	int rc = f == NULL ? -ENOMEM : place(g, f);

	source_begin(&g->source);
	if (rc == 0)
		rc = fabric_launch(f);
	if (rc == 0)
		ended = wait_for_end(g);
	if (f != NULL)
		fabric_stop(f);
	fabric_free(f);
	if (!ended)
		tell_stand(g);
	tx_give_up(&g->tx[0]);
	tx_give_up(&g->tx[1]);
	source_end(&g->source);
	fault = rc == 0 ? fault_of(g) : rte_strerror(-rc);
	if (fault != NULL) {
		fprintf(stderr, "asdic-bench: the account of a sample is wrong: %s\n", fault);
		return -EBADMSG;
	}
	return keep_times(g);
}

/* The first sample is for pages, pools and caches. */
static int
measure(struct rig *g, struct bench_samples *s)
{
	for (unsigned int i = 0; i <= SAMPLES; i++) {
		double pps = sample(g);

		if (pps < 0)
			return (int)pps;
		if (i > 0)
			keep(s, pps);
		else
			g->wall_pps.count = g->receiver_ns.count = g->worker_ns.count = g->copy_ns.count = 0;
	}
	return 0;
}

static void
print(const struct rig *g, struct bench_figure f)
{
	struct bench_figure wall = bench_figure(&g->wall_pps);

	printf("rx from memory, %u lcore%s: %.2f Mpps (min %.2f, max %.2f); receiver %.1f ns a frame", g->lcores,
	       g->lcores == 1 ? "" : "s", f.median / 1e6, f.min / 1e6, f.max / 1e6,
	       bench_figure(&g->receiver_ns).median);
	if (g->lcores > 1)
		printf(", worker %.1f", bench_figure(&g->worker_ns).median);
	printf("; the rig's copying %.1f, and with all of the rig's %.2f Mpps (max %.2f); exact:",
	       bench_figure(&g->copy_ns).median, wall.median / 1e6, wall.max / 1e6);
	for (unsigned int k = 0; k < CLASSIFY_KINDS; k++)
		if (g->replies.kinds[k] > 0)
			printf(" %s %.2f Mpps", classify_kind_name((enum classify_kind)k),
			       f.median / 1e6 * (double)g->replies.kinds[k] / (double)g->replies.count);
	printf("\n");
}

static int
report(const struct rig *g, const struct bench_options *o, const struct bench_samples *s)
{
	struct bench_figure f = bench_figure(s);
	FILE *json;

	print(g, f);
	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "pps", f);
	fprintf(json, ", ");
	bench_json_figure(json, "wall_pps", bench_figure(&g->wall_pps));
	fprintf(json, ", ");
	bench_json_figure(json, "receiver_ns", bench_figure(&g->receiver_ns));
	fprintf(json, ", ");
	bench_json_figure(json, "worker_ns", bench_figure(&g->worker_ns));
	fprintf(json, ", ");
	bench_json_figure(json, "copy_ns", bench_figure(&g->copy_ns));
	fprintf(json, ", \"lcores\": %u, \"frames\": %lu, \"ns_per_frame\": %.6g, \"kinds\": {",
		g->lcores, (unsigned long)g->replies.count, 1e9 / f.median);
	for (unsigned int k = 0; k < CLASSIFY_KINDS; k++)
		fprintf(json, "%s\"%s\": %lu", k > 0 ? ", " : "",
			classify_kind_name((enum classify_kind)k),
			(unsigned long)g->replies.kinds[k]);
	fprintf(json, "}, \"exact\": true}\n");
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int
make(struct rig *g, const struct bench_options *o)
{
	struct neigh_config neigh = {.addresses = g->subject.inputs.sources.addresses,
				     .address_count = g->subject.inputs.sources.address_count};
	uint64_t frames = (uint64_t)o->seconds * FRAMES_A_SECOND / SAMPLES;
	int rc = subject_make_probe(&g->subject, g->port.mac);

	if (rc == 0)
		rc = replies_make(&g->replies, &g->subject, frames);
	if (rc == 0)
		rc = source_attach(&g->source, &g->port, &g->replies);
	if (rc != 0)
		return rc;
	memcpy(neigh.mac, g->port.mac, WIRE_MAC_SIZE);
	neigh_init(&g->neigh, &neigh, 0);
	clock_init(&g->clock, false);
	tx_rate_init(&g->rate, 0, 0);
	atomic_init(&g->cooldown_since_ns, TIME_NEVER);
	g->urgent_pool = rte_pktmbuf_pool_create("urgent", URGENT_POOL_SIZE, POOL_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	g->rings[0] = receiver_ring_new(0, 0);
	g->records = worker_record_ring_new(0);
	if (g->urgent_pool == NULL || g->rings[0] == NULL || g->records == NULL)
		return -ENOMEM;
	for (uint16_t i = 0; i < 2; i++)
		tx_init(&g->tx[i], &g->port, RTE_MIN(i, (uint16_t)(g->port.tx_queues - 1)),
			g->urgent_pool, g->subject.inputs.gate, &g->rate, &g->clock, &g->ledger[i]);
	return 0;
}

static void
free_all(struct rig *g)
{
	port_close(&g->port);
	rte_ring_free(g->rings[0]);
	rte_ring_free(g->records);
	rte_mempool_free(g->urgent_pool);
	dedup_free(g->dedup);
	replies_free(&g->replies);
	subject_free(&g->subject);
	eal_stop();
}

static int
run(struct rig *g, struct bench_options *o)
{
	struct bench_samples samples = {.count = 0};
	int rc;

	if (subject_make(&g->subject, o) != 0)
		return EXIT_BAD_ARGUMENTS;
	if (bench_open_port(&g->port, o, false) != 0) {
		subject_free(&g->subject);
		return EXIT_MACHINE;
	}
	rc = make(g, o);
	if (rc == 0)
		rc = measure(g, &samples);
	if (rc != 0 && rc != -EBADMSG)
		fprintf(stderr, "asdic-bench: %s\n", rte_strerror(-rc));
	rc = rc == 0 ? report(g, o, &samples) : EXIT_FAILED;
	free_all(g);
	return rc;
}

int
bench_rx(int argc, char **argv)
{
	struct rig *g = aligned_alloc(64, (sizeof(*g) + 63) / 64 * 64);
	struct bench_options o;
	int rc = bench_options_read(&o, argc, argv, help);

	if (rc != 0 || g == NULL) {
		free(g);
		return rc > 0 ? EXIT_DONE : EXIT_BAD_ARGUMENTS;
	}
	memset(g, 0, sizeof(*g));
	o.device = DEVICE;
	g->lcores = o.lcores < 2 ? 1 : 2;
	o.lcores = g->lcores;
	rc = run(g, &o);
	free(g);
	return rc;
}
