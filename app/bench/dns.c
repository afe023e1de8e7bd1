/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asdic-bench dns: lookups a second that one core carries through lib/dns and lib/udp, frame by frame, to
 * a responder in the same memory; beside a plain loop of c-ares on kernel sockets, to the same
 * responder on the loopback. Short samples of both take turns, so that both see the same machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "base/hash.h"
#include "base/time.h"
#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"
#include "dns_responder.h"

#define IN_FLIGHT 50000
#define RESOLVERS 1000
#define LOSS_PER_10000 200
#define SAMPLE_NS (500 * NS_PER_MS)
#define BURST 64

#define LOCAL UINT32_C(0xc6336408)
#define SERVER UINT32_C(0xc6120001) /* 198.18.0.1 and on: of no matter, nothing leaves */

static const char help[] =
	"usage: asdic-bench dns [--seconds N] [--json FILE]\n\n"
	"Lookups a second of one core: 50,000 in flight at 1,000 resolvers in memory, 2% of\n"
	"datagrams lost; and c-ares on kernel sockets over the loopback, without loss. `ratio` is\n"
	"of lookups per CPU second.\n\n"
	"  --seconds N  for all samples together; 5 if not given\n"
	"  --json FILE  write the figures there; - is standard output\n";

/* The way there and back: packets wait here as in a network, two cache lines each. */
struct packet {
	uint16_t len;
	uint8_t bytes[126];
};

#define WAY (1u << 16) /* packets that are on their way at most; a power of two */

struct rig {
	struct udp *udp;
	struct dns *dns;
	struct resolvers *resolvers;
	struct packet *way;
	uint32_t head, tail;
	uint64_t now_ns;
	uint64_t asked;
	uint64_t answered;
	uint64_t right;
	uint64_t sent;
	uint64_t lost;
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
	static const struct wire_link link = {.len = 14, .header = {[12] = 8}};
	const struct udp_config u = {
		.endpoints = IN_FLIGHT + DNS_TRIALS_MAX, .queue = BURST, .data_max = DNS_QUERY_MAX, .ttl = 64,
		.links = 1, .link = &link, .key = {1, 2}, .events = {on_data, on_icmp}, .context = r,
	};
	struct dns_config d = {
		.in_flight = IN_FLIGHT, .timeout_ns = 5 * NS_PER_SEC, .tcp_timeout_ns = NS_PER_SEC, .tries = 6,
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

/* What leaves is answered at once, and is then on its way back. */
static void
send(struct rig *r)
{
	uint8_t frame[UDP_FRAME_MAX], packet[DNS_RESPONDER_MAX];
	struct udp_frame out;

	while (udp_output(r->udp, frame, &out)) {
		struct packet *p = &r->way[r->tail % WAY];

		if (hash_mix64(r->sent++) % 10000 < LOSS_PER_10000 || r->tail - r->head == WAY) {
			r->lost++;
			continue;
		}
		p->len = (uint16_t)dns_responder_packet(frame + 14, out.len - 14u, packet);
		memcpy(p->bytes, packet, sizeof(p->bytes)); /* our names are short: 92 bytes */
		r->tail++;
	}
}

static void
receive(struct rig *r)
{
	for (unsigned int i = 0; i < BURST && r->head != r->tail; i++, r->head++) {
		const struct packet *p = &r->way[r->head % WAY];

		if (udp_input(r->udp, p->bytes, p->len) == -ENOENT)
			dns_stray(r->dns, span_of(p->bytes, p->len), r->now_ns);
	}
}

/* Lookups in a while: per second of the clock, and of this thread's CPU time. */
static void
sample(struct rig *r, double *per_second, double *per_cpu_second)
{
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), begun, answered = r->answered;

	begun = r->now_ns = clock_ns(CLOCK_MONOTONIC);
	while (r->now_ns < begun + SAMPLE_NS) {
		for (unsigned int i = 0; i < BURST && dns_room(r->dns) > 0; i++)
			ask(r);
		dns_poll(r->dns, r->now_ns);
		send(r);
		/* The way is long: with all that can be in flight on it before the first comes back. */
		if (dns_room(r->dns) == 0 || r->tail - r->head > IN_FLIGHT - BURST)
			receive(r);
		r->now_ns = clock_ns(CLOCK_MONOTONIC);
	}
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	*per_second = (double)(r->answered - answered) / ((double)(r->now_ns - begun) / 1e9);
	*per_cpu_second = (double)(r->answered - answered) / ((double)cpu / 1e9);
}

struct figures {
	struct bench_samples per_second, per_cpu_second, kernel_per_second, kernel_per_cpu_second, ratio;
};

static void
add(struct bench_samples *s, double value)
{
	if (s->count < BENCH_SAMPLES_MAX)
		s->value[s->count++] = value;
}

static void
take_turns(struct rig *r, struct kernel_loop *k, unsigned int seconds, struct figures *f)
{
	double a, a_cpu, b, b_cpu;

	sample(r, &a, &a_cpu); /* fills what is in flight, and touches the memory */
	kernel_loop_sample(k, SAMPLE_NS, &b, &b_cpu);
	for (unsigned int i = 0; i < seconds && i < BENCH_SAMPLES_MAX; i++) {
		sample(r, &a, &a_cpu);
		kernel_loop_sample(k, SAMPLE_NS, &b, &b_cpu);
		add(&f->per_second, a);
		add(&f->per_cpu_second, a_cpu);
		add(&f->kernel_per_second, b);
		add(&f->kernel_per_cpu_second, b_cpu);
		add(&f->ratio, a_cpu / b_cpu);
	}
}

static void
tell(const struct rig *r, const struct figures *f)
{
	const struct dns_stats *s = dns_stats(r->dns);
	struct bench_figure memory = bench_figure(&f->per_second), cpu = bench_figure(&f->per_cpu_second);
	struct bench_figure kernel = bench_figure(&f->kernel_per_second);
	struct bench_figure kernel_cpu = bench_figure(&f->kernel_per_cpu_second);

	printf("in memory      %9.0f lookups/s (min %.0f, max %.0f), %.0f per CPU second\n", memory.median,
	       memory.min, memory.max, cpu.median);
	printf("kernel sockets %9.0f lookups/s (min %.0f, max %.0f), %.0f per CPU second\n", kernel.median,
	       kernel.min, kernel.max, kernel_cpu.median);
	printf("ratio          %9.2f lookups per CPU second\n", bench_figure(&f->ratio).median);
	printf("c-ares %s; %lu answered, %lu rightly; %lu datagrams of %lu lost, %lu tries given up, %lu late\n",
	       dns_library_version(), r->answered, r->right, r->lost, s->queries_udp, s->ended[DNS_TRY_LOST],
	       s->late);
}

static int
write_json(const struct bench_options *o, const struct figures *f)
{
	FILE *json;

	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "pps", bench_figure(&f->per_second));
	fprintf(json, ", \"unit\": \"lookups/s\", \"library\": \"c-ares %s\", ", dns_library_version());
	bench_json_figure(json, "per_cpu_second", bench_figure(&f->per_cpu_second));
	fprintf(json, ", ");
	bench_json_figure(json, "kernel_per_second", bench_figure(&f->kernel_per_second));
	fprintf(json, ", ");
	bench_json_figure(json, "kernel_per_cpu_second", bench_figure(&f->kernel_per_cpu_second));
	fprintf(json, ", ");
	bench_json_figure(json, "ratio", bench_figure(&f->ratio));
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
	kernel = kernel_loop_new();
	if (kernel == NULL || make(&r) != 0) {
		fprintf(stderr, "asdic-bench: no memory, or no sockets on the loopback\n");
		kernel_loop_free(kernel);
		unmake(&r);
		return EXIT_MACHINE;
	}
	take_turns(&r, kernel, o.seconds, &figures);
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
