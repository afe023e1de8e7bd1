/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asdic-bench dns: lookups a second that one core carries through lib/dns and lib/udp, frame by frame, to
 * a responder in the same memory; beside a plain loop of c-ares on kernel sockets, to the same
 * responder on the loopback. Short samples of both take turns, so that both see the same machine.
 *
 * Who asks is what is measured. On kernel sockets the responder has a thread of its own, and its time
 * is not counted. In memory it works on the asking thread, a burst at a time between two readings of the
 * time stamp counter: that share of a sample is told apart, and taken off.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "bench.h"
#include "base/hash.h"
#include "base/time.h"
#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"
#include "dns_responder.h"

#define IN_FLIGHT 50000
#define RESOLVERS 1000
#define LOSS_PER_10000 200
#define TIMEOUT_NS NS_PER_SEC /* at a million lookups a second 20,000 of what is in flight are lost, and wait */
#define SAMPLE_NS (500 * NS_PER_MS)
#define BURST 64
#define ASKS (BURST - 8) /* a turn, so that what is lost is asked again at once */

#define LOCAL UINT32_C(0xc6336408)
#define SERVER UINT32_C(0xc6120001) /* 198.18.0.1 and on: of no matter, nothing leaves */

static const char help[] =
	"usage: asdic-bench dns [--seconds N] [--json FILE]\n\n"
	"Lookups a second of one core: 50,000 in flight at 1,000 resolvers in memory, 2% of\n"
	"datagrams lost; and c-ares on kernel sockets over the loopback, without loss, 200 in flight.\n"
	"Per second of the asking thread's CPU time, and `ratio` of that: without the responders,\n"
	"of which the kernel's has a thread of its own, and the time of that in memory is taken off.\n"
	"Lookups a second of the clock in memory are with it.\n\n"
	"  --seconds N  for all samples together; 5 if not given\n"
	"  --only WHAT  memory or kernel: not in turn with the other\n"
	"  --json FILE  write the figures there; - is standard output\n";

/* The way there and back: packets wait here as in a network, two cache lines each. */
struct packet {
	uint16_t len;
	uint8_t bytes[126];
};

#define LINE_BYTES 64
#define LINK_BYTES 14
#define FRAME_BYTES (LINK_BYTES + 28 + DNS_QUERY_MAX)
#define WAY (1u << 16) /* packets that are on their way at most; a power of two */

struct rig {
	struct udp *udp;
	struct dns *dns;
	struct resolvers *resolvers;
	struct packet *way;
	uint32_t head, tail;
	uint64_t now_ns;  /* of the rig's own clock, which stands still while the other half is measured */
	uint64_t behind_ns;
	uint64_t asked;
	uint64_t answered;
	uint64_t right;
	uint64_t sent;
	uint64_t lost;
	uint64_t responder_tsc; /* of this sample */
};

struct sample {
	double per_second;     /* of the clock, responder and all */
	double per_cpu_second; /* of the asker */
	double responder;      /* its share of the time */
};

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static void
on_data(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct rig *r = context;

	dns_datagram(r->dns, endpoint, user, span_of(bytes, len), r->now_ns);
}

static void
on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	dns_icmp(((struct rig *)context)->dns, endpoint, user, type, code);
}

static void
on_ahead(void *context, uint64_t user, unsigned int round)
{
	dns_ahead(((struct rig *)context)->dns, user, round);
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *a)
{
	struct rig *r = context;

	(void)user;
	r->answered++;
	r->right += a->status == DNS_NOERROR && a->message.len > 0;
}

static void
on_tuple(void *context, uint64_t random, uint32_t server, uint16_t port, struct flow_tuple *tuple, uint8_t *link)
{
	(void)context;
	*tuple = (struct flow_tuple){LOCAL, server, (uint16_t)(32768 + random % 28232), port};
	*link = 0;
}

static bool
on_allowed(void *context, uint32_t server, uint16_t port)
{
	(void)context;
	(void)server;
	(void)port;
	return true;
}

static struct resolvers *
make_resolvers(void)
{
	static struct resolvers_address list[RESOLVERS];
	const struct resolvers_config c = {.list = list, .count = RESOLVERS, .rate_pps = 100000000,
					   .timeout_ns = NS_PER_SEC};

	for (uint32_t i = 0; i < RESOLVERS; i++)
		list[i] = (struct resolvers_address){SERVER + i, 53};
	return resolvers_new(&c, 0);
}

static int
make(struct rig *r)
{
	static const struct wire_link link = {.len = LINK_BYTES, .header = {[12] = 8}};
	const struct udp_config u = {
		.endpoints = IN_FLIGHT + DNS_TRIALS_MAX, .queue = BURST, .data_max = DNS_QUERY_MAX, .ttl = 64,
		.links = 1, .link = &link, .key = {1, 2}, .events = {on_data, on_icmp, on_ahead}, .context = r,
	};
	struct dns_config d = {
		.in_flight = IN_FLIGHT, .timeout_ns = TIMEOUT_NS, .tcp_timeout_ns = NS_PER_SEC, .tries = 6,
		.events = {on_answer, on_tuple, on_allowed, NULL, NULL}, .context = r,
	};

	r->now_ns = clock_ns(CLOCK_MONOTONIC);
	d.udp = r->udp = udp_new(&u);
	d.resolvers = r->resolvers = make_resolvers();
	r->dns = r->udp != NULL ? dns_new(&d) : NULL;
	r->way = malloc(WAY * sizeof(*r->way));
	return r->dns != NULL && r->resolvers != NULL && r->way != NULL ? 0 : -ENOMEM;
}

static void
unmake(struct rig *r)
{
	dns_free(r->dns);
	resolvers_free(r->resolvers);
	udp_free(r->udp);
	free(r->way);
}

static void
ask(struct rig *r)
{
	uint8_t name[DNS_NAME_MAX];
	const struct dns_ask a = {.name = name, .name_len = dns_responder_name(r->asked, name), .type = DNS_A,
				  .recurse = true};

	if (dns_ask(r->dns, &a, r->asked, r->now_ns) == 0)
		r->asked++;
}

/* What is sent is answered, and is then on its way back. All this is none of the asker's. */
static void
answer(struct rig *r, uint8_t (*frames)[FRAME_BYTES], const uint16_t *len, unsigned int n)
{
	uint8_t packet[DNS_RESPONDER_MAX];

	for (unsigned int i = 0; i < n; i++) {
		struct packet *p = &r->way[r->tail % WAY];

		if (hash_mix64(r->sent++) % 10000 < LOSS_PER_10000 || r->tail - r->head == WAY) {
			r->lost++;
			continue;
		}
		p->len = (uint16_t)dns_responder_packet(frames[i] + LINK_BYTES, len[i] - (size_t)LINK_BYTES, packet);
		memcpy(p->bytes, packet, sizeof(p->bytes)); /* our names are short: 92 bytes */
		r->tail++;
	}
}

static void
send(struct rig *r)
{
	static uint8_t frames[BURST][FRAME_BYTES];
	uint16_t len[BURST];
	struct udp_frame out;
	uint64_t start_tsc;
	unsigned int n = 0;

	for (; n < BURST && udp_output(r->udp, frames[n], &out); n++)
		len[n] = out.len;
	if (n == 0)
		return;
	start_tsc = rte_rdtsc();
	answer(r, frames, len, n);
	r->responder_tsc += rte_rdtsc() - start_tsc;
}

/* As the worker does: a burst's frames are fetched, then what they are about, then each is dealt with. */
static void
receive(struct rig *r)
{
	struct span packets[BURST];
	unsigned int n = 0;

	for (unsigned int i = 0; i < BURST && i < r->tail - r->head; i++) {
		__builtin_prefetch(&r->way[(r->head + i) % WAY]);
		__builtin_prefetch(&r->way[(r->head + i) % WAY].bytes[LINE_BYTES]);
	}
	for (; n < BURST && r->head != r->tail; n++, r->head++)
		packets[n] = span_of(r->way[r->head % WAY].bytes, r->way[r->head % WAY].len);
	udp_ahead(r->udp, packets, n);
	for (unsigned int i = 0; i < n; i++)
		if (udp_input(r->udp, packets[i].at, packets[i].len) == -ENOENT)
			dns_stray(r->dns, packets[i], r->now_ns);
}

static void
turn(struct rig *r)
{
	for (unsigned int i = 0; i < ASKS && dns_room(r->dns) > 0; i++)
		ask(r);
	dns_poll(r->dns, r->now_ns);
	send(r);
	/* The way is long: with all that can be in flight on it before the first comes back. */
	if (dns_room(r->dns) == 0 || r->tail - r->head > IN_FLIGHT - BURST)
		receive(r);
	r->now_ns = clock_ns(CLOCK_MONOTONIC) - r->behind_ns;
}

/* Lookups in a while. */
static void
sample(struct rig *r, struct sample *out)
{
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), tsc = rte_rdtsc(), begun, answered = r->answered;
	double lookups;

	r->responder_tsc = 0;
	r->behind_ns = clock_ns(CLOCK_MONOTONIC) - r->now_ns;
	begun = r->now_ns;
	while (r->now_ns < begun + SAMPLE_NS)
		turn(r);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	lookups = (double)(r->answered - answered);
	out->responder = (double)r->responder_tsc / (double)(rte_rdtsc() - tsc);
	out->per_second = lookups * 1e9 / (double)(r->now_ns - begun);
	out->per_cpu_second = lookups * 1e9 / ((double)cpu * (1 - out->responder));
}

struct figures {
	struct bench_samples per_second, per_cpu_second, responder, kernel_per_second, kernel_per_cpu_second, ratio;
};

static void
add(struct bench_samples *s, double value)
{
	if (s->count < BENCH_SAMPLES_MAX)
		s->value[s->count++] = value;
}

/* Whether a half is to be measured, by --only. */
static bool
is_wanted(const struct bench_options *o, const char *name)
{
	return o->only == NULL || strcmp(o->only, name) == 0;
}

static void
take_turns(struct rig *r, struct kernel_loop *k, const struct bench_options *o, struct figures *f)
{
	bool memory = is_wanted(o, "memory"), kernel = is_wanted(o, "kernel");

	/* The first of each fills what is in flight, and touches the memory. */
	for (unsigned int i = 0; i <= o->seconds && i <= BENCH_SAMPLES_MAX; i++) {
		struct sample a = {0}, b = {0};

		if (memory)
			sample(r, &a);
		if (kernel)
			kernel_loop_sample(k, SAMPLE_NS, &b.per_second, &b.per_cpu_second);
		if (memory && i > 0) {
			add(&f->per_second, a.per_second);
			add(&f->per_cpu_second, a.per_cpu_second);
			add(&f->responder, a.responder);
		}
		if (kernel && i > 0) {
			add(&f->kernel_per_second, b.per_second);
			add(&f->kernel_per_cpu_second, b.per_cpu_second);
		}
		if (memory && kernel && i > 0)
			add(&f->ratio, a.per_cpu_second / b.per_cpu_second);
	}
}

static void
tell_half(const char *name, const struct bench_samples *per_second, const struct bench_samples *per_cpu_second)
{
	struct bench_figure clock, cpu;

	if (per_second->count == 0)
		return;
	clock = bench_figure(per_second);
	cpu = bench_figure(per_cpu_second);
	printf("%-14s %9.0f lookups per CPU second of who asks (min %.0f, max %.0f); %.0f per second\n", name,
	       cpu.median, cpu.min, cpu.max, clock.median);
}

static void
tell(const struct rig *r, const struct figures *f)
{
	const struct dns_stats *s = dns_stats(r->dns);

	tell_half("in memory", &f->per_second, &f->per_cpu_second);
	tell_half("kernel sockets", &f->kernel_per_second, &f->kernel_per_cpu_second);
	if (f->ratio.count > 0)
		printf("ratio          %9.2f lookups per CPU second\n", bench_figure(&f->ratio).median);
	if (f->responder.count > 0)
		printf("in memory the responder had %.0f%% of the time; %lu answered, %lu rightly; %lu datagrams of %lu "
		       "lost, %lu tries given up, %lu late\n",
		       bench_figure(&f->responder).median * 100, r->answered, r->right, r->lost, s->queries_udp,
		       s->ended[DNS_TRY_LOST], s->late);
	printf("c-ares %s\n", dns_library_version());
}

static void
write_figure(FILE *json, const char *name, const struct bench_samples *s)
{
	if (s->count == 0)
		return;
	fprintf(json, ", ");
	bench_json_figure(json, name, bench_figure(s));
}

static int
write_json(const struct bench_options *o, const struct figures *f)
{
	const struct bench_samples *pps = f->per_second.count > 0 ? &f->per_second : &f->kernel_per_second;
	FILE *json;

	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "pps", bench_figure(pps));
	fprintf(json, ", \"unit\": \"lookups/s\", \"library\": \"c-ares %s\"", dns_library_version());
	write_figure(json, "per_cpu_second", &f->per_cpu_second);
	write_figure(json, "responder", &f->responder);
	write_figure(json, "kernel_per_second", &f->kernel_per_second);
	write_figure(json, "kernel_per_cpu_second", &f->kernel_per_cpu_second);
	write_figure(json, "ratio", &f->ratio);
	fprintf(json, "}\n");
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int
bench_dns(int argc, char **argv)
{
	static struct figures figures;
	struct kernel_loop *kernel;
	struct bench_options o;
	struct rig r = {0};
	int rc = bench_options_read(&o, argc, argv, help);

	if (rc != 0)
		return rc > 0 ? EXIT_DONE : EXIT_BAD_ARGUMENTS;
	if (!is_wanted(&o, "memory") && !is_wanted(&o, "kernel")) {
		fprintf(stderr, "asdic-bench: --only takes memory or kernel\n");
		return EXIT_BAD_ARGUMENTS;
	}
	kernel = kernel_loop_new();
	if (kernel == NULL || make(&r) != 0) {
		fprintf(stderr, "asdic-bench: no memory, or no sockets on the loopback\n");
		kernel_loop_free(kernel);
		unmake(&r);
		return EXIT_MACHINE;
	}
	take_turns(&r, kernel, &o, &figures);
	tell(&r, &figures);
	rc = write_json(&o, &figures);
	if (r.right < r.answered * 999 / 1000) {
		fprintf(stderr, "asdic-bench: lookups failed that should not have\n");
		rc = EXIT_FAILED;
	}
	kernel_loop_free(kernel);
	unmake(&r);
	return rc;
}
