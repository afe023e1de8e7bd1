/* SPDX-License-Identifier: BSD-3-Clause */
/* asdic-bench tx: probers into a device, with all that a scan has on their way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "fabric/prober.h"
#include "fabric/sender.h"
#include "port/eal.h"
#include "subject.h"

#define SAMPLES 9
#define POOL_SIZE 4095
#define POOL_CACHE 256

static const char help[] =
	"usage: asdic-bench tx [FLAGS]\n\n"
	"Sends probes as a scan does (permutation, target table, cookies, checksums, gate, pacer, ledger)\n"
	"and counts what the driver takes, in nine samples after a warm-up.\n\n"
	"  --device=DEVICE    as in a job (net_null0)\n"
	"  --lcores=N         probers, a TX queue each (1)\n"
	"  --seconds=N        of measuring (5)\n"
	"  --profile=NAME     windows, linux or mss (windows)\n"
	"  --rate=PPS         the promise; by default one that never holds\n"
	"  --peer-mac=MAC     where the device reaches a network\n"
	"  --include=RANGE    targets, on a device that reaches nobody (all public addresses)\n"
	"  --ports=PORTS      their ports (443; on a network 1-65535)\n"
	"  --exclude-file=F   a list of what to leave out, besides the reserved ranges\n"
	"  --json=FILE        the figures for machines (-: standard output)\n";

struct sender_lcore {
	struct ledger ledger;
	struct tx tx;
	struct outlet outlet;
	struct prober prober;
	struct rte_mempool *pool;
};

struct bench {
	struct subject subject;
	struct port port;
	struct clock clock;
	struct tx_rate rate;
	struct prober_source source;
	struct pressure pressure;
	struct fabric *fabric;
	unsigned int lcores;
	struct sender_lcore lcore[PORT_QUEUES_MAX];
};

/* A pool of probes, as a scan has it. 0 or -ENOMEM. */
static int
make_outlet(struct bench *b, struct sender_lcore *l, unsigned int i)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	l->outlet = (struct outlet){&b->subject.probe, &l->tx, b->port.tx_pool, false};
	if (l->outlet.pool != NULL)
		return 0;
	snprintf(name, sizeof(name), "probes-%u", i);
	l->pool = rte_pktmbuf_pool_create(name, POOL_SIZE, POOL_CACHE, 0,
					  RTE_PKTMBUF_HEADROOM + PROBE_FRAME_MAX, SOCKET_ID_ANY);
	if (l->pool == NULL)
		return -ENOMEM;
	l->outlet.pool = l->pool;
	l->outlet.has_template = true;
	return prober_fill_pool(l->pool, &b->subject.probe);
}

static int
make_lcore(struct bench *b, unsigned int i)
{
	struct sender_lcore *l = &b->lcore[i];
	const struct prober_config config = {
		.source = &b->source,
		.outlets = &l->outlet,
		.outlet_count = 1,
		.pressures = &b->pressure,
		.pressure_count = 1,
		.ledger = &l->ledger,
	};
	int rc = make_outlet(b, l, i);

	tx_init(&l->tx, &b->port, (uint16_t)i, NULL, b->subject.inputs.gate, &b->rate, &b->clock,
		&l->ledger);
	if (rc == 0)
		rc = prober_init(&l->prober, &config);
	if (rc == 0)
		rc = fabric_add(b->fabric, i, &prober_role, &l->prober);
	return rc == 0 ? fabric_add(b->fabric, i, &sender_role, &l->tx) : rc;
}

static int
make(struct bench *b, const struct bench_options *o)
{
	int rc = subject_make_probe(&b->subject, b->port.mac);

	clock_init(&b->clock, false);
	tx_rate_init(&b->rate, o->rate_pps, 0);
	b->source = (struct prober_source){
		.perm = &b->subject.inputs.perm,
		.targets = b->subject.inputs.targets,
		.attempts = 1,
	};
	schedule_source_init(&b->source.schedule, 0, b->subject.inputs.span.end, 1, 0, false, 0);
	b->lcores = o->lcores < b->port.tx_queues ? o->lcores : b->port.tx_queues;
	b->fabric = fabric_new(b->lcores, &b->clock);
	if (b->fabric == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < b->lcores && rc == 0; i++)
		rc = make_lcore(b, i);
	return rc;
}

static uint64_t
sent(const struct bench *b)
{
	struct ledger total = {0};

	for (unsigned int i = 0; i < b->lcores; i++)
		ledger_sum(&total, &b->lcore[i].ledger);
	return total.count[LEDGER_SENT + LEDGER_PROBE];
}

/* Frames a second over one span of time. */
static double
sample(struct bench *b, double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	uint64_t start_ns = clock_now_ns(&b->clock), start = sent(b);

	nanosleep(&t, NULL);
	return (double)(sent(b) - start) * 1e9 / (double)(clock_now_ns(&b->clock) - start_ns);
}

static int
measure(struct bench *b, const struct bench_options *o, struct bench_samples *s)
{
	double span = (double)o->seconds / SAMPLES;
	int rc = fabric_launch(b->fabric);

	if (rc == 0)
		sample(b, 0.2);
	while (rc == 0 && s->count < SAMPLES)
		s->value[s->count++] = sample(b, span);
	fabric_stop(b->fabric);
	for (unsigned int i = 0; i < b->lcores; i++)
		tx_give_up(&b->lcore[i].tx);
	return rc;
}

static int
report(const struct bench *b, const struct bench_options *o, const struct bench_samples *s)
{
	struct bench_figure f = bench_figure(s);
	FILE *json;

	printf("tx into %s, %u lcore%s, profile %s: %.2f Mpps (min %.2f, max %.2f), %.1f ns a probe a lcore\n",
	       o->device, b->lcores, b->lcores == 1 ? "" : "s", o->profile, f.median / 1e6,
	       f.min / 1e6, f.max / 1e6, 1e9 * b->lcores / f.median);
	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "pps", f);
	fprintf(json, ", \"device\": \"%s\", \"lcores\": %u, \"seconds\": %u, \"profile\": \"%s\"}\n",
		o->device, b->lcores, o->seconds, o->profile);
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int
bench_tx(int argc, char **argv)
{
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct bench_samples samples = {.count = 0};
	struct bench_options o;
	int rc = bench_options_read(&o, argc, argv, help);

	if (rc != 0 || b == NULL) {
		free(b);
		return rc > 0 ? EXIT_DONE : EXIT_BAD_ARGUMENTS;
	}
	memset(b, 0, sizeof(*b));
	if (subject_make(&b->subject, &o) != 0) {
		free(b);
		return EXIT_BAD_ARGUMENTS;
	}
	if (bench_open_port(&b->port, &o, b->subject.job->interfaces[0].kind == JOB_DEVICE_PCI) != 0)
		return EXIT_MACHINE;
	rc = make(b, &o);
	if (rc == 0)
		rc = measure(b, &o, &samples);
	if (rc != 0)
		fprintf(stderr, "asdic-bench: %s\n", rte_strerror(-rc));
	rc = rc == 0 ? report(b, &o, &samples) : EXIT_FAILED;
	port_close(&b->port);
	fabric_free(b->fabric);
	subject_free(&b->subject);
	free(b);
	eal_stop();
	return rc;
}
