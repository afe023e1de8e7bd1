/* SPDX-License-Identifier: BSD-3-Clause */
/* asdic-bench grab: handshakes a second that a worker carries, and what connections cost. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "base/time.h"
#include "bench.h"
#include "grab_hold.h"
#include "grab_rig.h"
#include "grab_world.h"
#include "port/eal.h"

#define SAMPLES 9
#define SESSIONS 64          /* at once; hosts answer at once, so more would only take turns in waves */
#define SAMPLE_GRABS 128     /* a sample has at least: some waves */
#define HELD_PLAIN 100000
#define HELD_TLS 8192
#define MEMORY_MB 512
#define NULL_DEVICE "net_null0,no-rx=1"

/* A census at 500,000 packets a second with 1% responders. */
#define CENSUS_HANDSHAKES 5000

static const char help[] =
	"usage: asdic-bench grab [FLAGS]\n\n"
	"A whole scan with grabs on one thread, of simulated hosts that speak TLS by OpenSSL, for each kind of\n"
	"key, version and depth; the CPU time of the worker is told apart from the servers'. Then connections\n"
	"that are adopted and wait: adoptions a second, and bytes that each takes. Certificates are made for\n"
	"the run in a folder below /tmp.\n\n"
	"  --seconds=N        of measuring, about (5)\n"
	"  --only=WORDS       grabs that have this in their name, and no connections that wait\n"
	"  --json=FILE        the figures for machines (-: standard output): handshakes_per_second is of a\n"
	"                     worker's own time, by the first kind of grab; pps the frames that it deals with meanwhile\n";

/* What is measured. */
struct variant {
	const char *name;
	enum grab_world_key key;
	enum grab_world_port port;
	unsigned int versions;
	enum tls_depth depth;
};

static const struct variant variants[] = {
	{"tls1.3 rsa2048 handshake", GRAB_WORLD_RSA, GRAB_WORLD_TLS13, TLS_MODERN, TLS_HANDSHAKE},
	{"tls1.3 rsa2048 certificate", GRAB_WORLD_RSA, GRAB_WORLD_TLS13, TLS_MODERN, TLS_CERTIFICATE},
	{"tls1.3 rsa2048 hello", GRAB_WORLD_RSA, GRAB_WORLD_TLS13, TLS_MODERN, TLS_HELLO},
	{"tls1.2 rsa2048 handshake", GRAB_WORLD_RSA, GRAB_WORLD_TLS12, TLS_MODERN, TLS_HANDSHAKE},
	{"tls1.2 rsa2048 certificate", GRAB_WORLD_RSA, GRAB_WORLD_TLS12, TLS_MODERN, TLS_CERTIFICATE},
	{"tls1.2 rsa2048 hello", GRAB_WORLD_RSA, GRAB_WORLD_TLS12, TLS_MODERN, TLS_HELLO},
	{"tls1.2 rsa2048 certificate, 1.3 not offered", GRAB_WORLD_RSA, GRAB_WORLD_TLS12,
	 TLS_1_0 | TLS_1_1 | TLS_1_2, TLS_CERTIFICATE},
	{"banner", GRAB_WORLD_RSA, GRAB_WORLD_BANNER, 0, TLS_HELLO},
	{"tls1.3 p256 handshake", GRAB_WORLD_EC, GRAB_WORLD_TLS13, TLS_MODERN, TLS_HANDSHAKE},
	{"tls1.3 p256 certificate", GRAB_WORLD_EC, GRAB_WORLD_TLS13, TLS_MODERN, TLS_CERTIFICATE},
	{"tls1.3 p256 hello", GRAB_WORLD_EC, GRAB_WORLD_TLS13, TLS_MODERN, TLS_HELLO},
	{"tls1.2 p256 handshake", GRAB_WORLD_EC, GRAB_WORLD_TLS12, TLS_MODERN, TLS_HANDSHAKE},
	{"tls1.2 p256 certificate", GRAB_WORLD_EC, GRAB_WORLD_TLS12, TLS_MODERN, TLS_CERTIFICATE},
	{"tls1.2 p256 hello", GRAB_WORLD_EC, GRAB_WORLD_TLS12, TLS_MODERN, TLS_HELLO},
};

/* Of a variant, sample by sample. */
struct result {
	const struct variant *variant;
	struct bench_samples per_s;      /* grabs a second of the worker's CPU time */
	struct bench_samples worker_ns;  /* a grab */
	struct bench_samples sender_ns;  /* a grab: what the servers take, nearly all */
	struct bench_samples pps;        /* frames in and out, of the worker's CPU time */
	struct bench_samples frames;     /* a grab */
	struct bench_samples wall_per_s; /* with the servers on the same core */
};

struct bench {
	struct grab_worlds worlds;
	struct port ports[GRAB_WORLD_KEYS + 1]; /* by key; the last takes everything and answers nothing */
	char devices[GRAB_WORLD_KEYS + 1][PATH_MAX];
	struct grab_rig rig;
	struct result results[RTE_DIM(variants)];
	size_t count; /* of results */
	struct grab_held plain;
	struct grab_held tls;
};

#define NOBODY GRAB_WORLD_KEYS

static struct grabber_task
task_of(unsigned int versions, enum tls_depth depth)
{
	if (versions == 0)
		return (struct grabber_task){
			.module = GRAB_BANNER,
			.banner = {.max_bytes = 1024, .quiet_ns = NS_PER_SEC},
			.timeout_ns = 60 * NS_PER_SEC,
		};
	return (struct grabber_task){
		.module = GRAB_TLS,
		.tls = {.versions = versions, .depth = depth},
		.timeout_ns = 60 * NS_PER_SEC,
	};
}

/* ---- Grabs of hosts that answer ---------------------------------------------------------- */

static void
add(struct bench_samples *s, double value)
{
	s->value[s->count++] = value;
}

/* What lies between two accounts, as a sample. */
static void
note(struct result *r, const struct grab_account *a, const struct grab_account *b)
{
	double grabs = (double)(b->ended[GRAB_COMPLETE] - a->ended[GRAB_COMPLETE]);
	double frames = (double)(b->frames_in + b->frames_out - a->frames_in - a->frames_out);
	double worker_ns = b->cpu_ns[GRAB_ROLE_WORKER] - a->cpu_ns[GRAB_ROLE_WORKER];

	add(&r->per_s, grabs * 1e9 / worker_ns);
	add(&r->worker_ns, worker_ns / grabs);
	add(&r->sender_ns, (b->cpu_ns[GRAB_ROLE_SENDER] - a->cpu_ns[GRAB_ROLE_SENDER]) / grabs);
	add(&r->pps, frames * 1e9 / worker_ns);
	add(&r->frames, frames / grabs);
	add(&r->wall_per_s, grabs * 1e9 / (b->elapsed_ns - a->elapsed_ns));
}

/* Rounds for so long, and until enough grabs have ended. */
static void
run_for(struct grab_rig *g, double ns)
{
	struct grab_account start = *grab_rig_account(g);
	const struct grab_account *now;

	do {
		for (unsigned int i = 0; i < 16; i++)
			grab_rig_step(g);
		now = grab_rig_account(g);
	} while (now->elapsed_ns - start.elapsed_ns < ns ||
		 now->ended[GRAB_COMPLETE] < start.ended[GRAB_COMPLETE] + SAMPLE_GRABS);
}

/* Every host is as good as its world, so every grab must be whole. */
static bool
all_are_whole(const struct grab_account *a, const char *name)
{
	for (int cause = GRAB_COMPLETE + 1; cause < GRAB_CAUSES; cause++) {
		if (a->ended[cause] > 0) {
			fprintf(stderr, "asdic-bench: %s: %lu grabs ended by '%s'\n", name,
				(unsigned long)a->ended[cause],
				grab_cause_name((enum grab_cause)cause));
			return false;
		}
	}
	return true;
}

static int
measure(struct bench *b, struct result *r, double ns)
{
	const struct variant *v = r->variant;
	struct grabber_task task = task_of(v->versions, v->depth);
	int rc = grab_rig_begin(&b->rig, b->devices[v->key], &b->ports[v->key], v->port, &task, SESSIONS);
	bool good;

	if (rc == 0)
		run_for(&b->rig, ns / SAMPLES); /* contexts, pools, caches */
	for (unsigned int k = 0; rc == 0 && k < SAMPLES; k++) {
		struct grab_account start = *grab_rig_account(&b->rig);

		run_for(&b->rig, ns / SAMPLES);
		note(r, &start, grab_rig_account(&b->rig));
	}
	good = grab_rig_end(&b->rig, rc != 0);
	if (rc == 0 && (!good || !all_are_whole(&b->rig.account, v->name)))
		return -EBADMSG;
	return rc;
}

/* ---- Connections that wait --------------------------------------------------------------- */

static int
hold(struct bench *b, uint16_t port, unsigned int versions, uint32_t count, struct grab_held *out)
{
	struct grabber_task task = task_of(versions, TLS_HANDSHAKE);
	int rc = grab_rig_begin(&b->rig, NULL_DEVICE, &b->ports[NOBODY], port, &task, count);

	if (rc == 0)
		rc = grab_hold(&b->rig, port, count, out);
	return grab_rig_end(&b->rig, true) || rc != 0 ? rc : -EBADMSG;
}

/* ---- What is told ------------------------------------------------------------------------ */

static double
cycles(double ns)
{
	return ns * (double)rte_get_tsc_hz() / 1e9;
}

static void
print_held(const struct bench *b)
{
	printf("adoptions a second: plain %.0f, TLS with its ClientHello %.0f\n",
	       bench_figure(&b->plain.adoptions_per_s).median,
	       bench_figure(&b->tls.adoptions_per_s).median);
	printf("bytes a connection that waits: plain %.0f (of %d), TLS %.0f (of %d)\n", b->plain.bytes_each,
	       HELD_PLAIN, b->tls.bytes_each, HELD_TLS);
}

static void
print(const struct bench *b)
{
	printf("%-44s %9s %9s %11s %11s %9s %7s\n", "", "a second", "at best", "worker, ns", "cycles",
	       "servers", "frames");
	for (size_t i = 0; i < b->count; i++) {
		const struct result *r = &b->results[i];
		struct bench_figure per_s = bench_figure(&r->per_s);

		printf("%-44s %9.0f %9.0f %11.0f %11.0f %9.0f %7.1f\n", r->variant->name, per_s.median,
		       per_s.max, 1e9 / per_s.median, cycles(1e9 / per_s.median),
		       bench_figure(&r->sender_ns).median, bench_figure(&r->frames).median);
	}
	if (b->plain.adoptions_per_s.count > 0)
		print_held(b);
	printf("%d a second, %s: %.1f worker cores\n", CENSUS_HANDSHAKES, b->results[0].variant->name,
	       CENSUS_HANDSHAKES / bench_figure(&b->results[0].per_s).median);
}

static void
write_result(FILE *json, const struct result *r)
{
	double ns = bench_figure(&r->worker_ns).median;

	fprintf(json, "\"%s\": {", r->variant->name);
	bench_json_figure(json, "handshakes_per_second", bench_figure(&r->per_s));
	fprintf(json, ", ");
	bench_json_figure(json, "worker_ns", bench_figure(&r->worker_ns));
	fprintf(json, ", \"worker_cycles\": %.6g, ", cycles(ns));
	bench_json_figure(json, "server_ns", bench_figure(&r->sender_ns));
	fprintf(json, ", ");
	bench_json_figure(json, "pps", bench_figure(&r->pps));
	fprintf(json, ", \"frames\": %.3g, ", bench_figure(&r->frames).median);
	bench_json_figure(json, "with_servers_per_second", bench_figure(&r->wall_per_s));
	fprintf(json, "}");
}

static void
write_held(FILE *json, const struct bench *b)
{
	bench_json_figure(json, "adoptions_per_second", bench_figure(&b->plain.adoptions_per_s));
	fprintf(json, ", ");
	bench_json_figure(json, "tls_adoptions_per_second", bench_figure(&b->tls.adoptions_per_s));
	fprintf(json, ", \"bytes_per_connection\": {\"plain\": %.0f, \"tls\": %.0f}, ", b->plain.bytes_each,
		b->tls.bytes_each);
}

static int
write_json(const struct bench *b, const struct bench_options *o)
{
	FILE *json;

	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "handshakes_per_second", bench_figure(&b->results[0].per_s));
	fprintf(json, ", ");
	bench_json_figure(json, "pps", bench_figure(&b->results[0].pps));
	fprintf(json, ", ");
	if (b->plain.adoptions_per_s.count > 0)
		write_held(json, b);
	fprintf(json, "\"worker_cores_for_%d\": %.3g, \"grabs\": {", CENSUS_HANDSHAKES,
		CENSUS_HANDSHAKES / bench_figure(&b->results[0].per_s).median);
	for (size_t i = 0; i < b->count; i++) {
		fprintf(json, i > 0 ? ", " : "");
		write_result(json, &b->results[i]);
	}
	fprintf(json, "}}\n");
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- The run ----------------------------------------------------------------------------- */

static int
open_ports(struct bench *b)
{
	const char *devices[RTE_DIM(b->devices)], *what = "starting DPDK";
	struct eal_config eal = {
		.devices = devices, .device_count = RTE_DIM(devices), .lcores = 1, .memory_mb = MEMORY_MB,
	};
	uint16_t id;
	int rc;

	for (int key = 0; key < GRAB_WORLD_KEYS; key++)
		grab_worlds_device(&b->worlds, (enum grab_world_key)key, b->devices[key],
				   sizeof(b->devices[key]));
	strcpy(b->devices[NOBODY], NULL_DEVICE);
	for (size_t i = 0; i < RTE_DIM(devices); i++)
		devices[i] = b->devices[i];
	rc = eal_start(&eal);
	for (size_t i = 0; i < RTE_DIM(devices) && rc == 0; i++) {
		rc = port_find(devices[i], &id);
		if (rc == 0)
			rc = port_open(&b->ports[i], id, &(struct port_config){.name = devices[i], .queues = 1}, &what);
	}
	if (rc != 0)
		fprintf(stderr, "asdic-bench: %s: %s\n", what, rte_strerror(-rc));
	return rc;
}

static int
measure_all(struct bench *b, const struct bench_options *o)
{
	double ns = o->seconds * 1e9 / (double)b->count;
	int rc = 0;

	for (size_t i = 0; i < b->count && rc == 0; i++)
		rc = measure(b, &b->results[i], ns);
	if (rc == 0 && o->only == NULL)
		rc = hold(b, GRAB_WORLD_BANNER, 0, HELD_PLAIN, &b->plain);
	if (rc == 0 && o->only == NULL)
		rc = hold(b, GRAB_WORLD_TLS13, TLS_MODERN, HELD_TLS, &b->tls);
	if (rc != 0 && rc != -EBADMSG)
		fprintf(stderr, "asdic-bench: %s\n", rte_strerror(-rc));
	return rc;
}

static int
run(struct bench *b, const struct bench_options *o)
{
	int status;

	if (grab_worlds_make(&b->worlds) != 0)
		return EXIT_FAILED;
	status = open_ports(b) == 0 ? EXIT_DONE : EXIT_MACHINE;
	if (status == EXIT_DONE && measure_all(b, o) != 0)
		status = EXIT_FAILED;
	for (size_t i = 0; i < RTE_DIM(b->ports); i++)
		if (b->ports[i].name != NULL)
			port_close(&b->ports[i]);
	eal_stop();
	grab_worlds_remove(&b->worlds);
	if (status != EXIT_DONE)
		return status;
	print(b);
	return write_json(b, o);
}

int
bench_grab(int argc, char **argv)
{
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct bench_options o = {.seconds = 0};
	int rc = bench_options_read(&o, argc, argv, help);

	if (rc != 0 || b == NULL) {
		free(b);
		return rc > 0 ? EXIT_DONE : EXIT_BAD_ARGUMENTS;
	}
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < RTE_DIM(variants); i++)
		if (o.only == NULL || strstr(variants[i].name, o.only) != NULL)
			b->results[b->count++].variant = &variants[i];
	if (b->count == 0)
		fprintf(stderr, "asdic-bench: --only: no grab has '%s' in its name, like '%s'\n", o.only,
			variants[0].name);
	rc = b->count == 0 ? EXIT_BAD_ARGUMENTS : run(b, &o);
	free(b);
	return rc;
}
