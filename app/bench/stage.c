/* SPDX-License-Identifier: BSD-3-Clause */
/* asdic-bench stage: nanoseconds an item, stage by stage, in bursts as on the data path. No EAL needed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "classify/classify.h"
#include "cookie/cookie.h"
#include "dedup/dedup.h"
#include "gate/gate.h"
#include "pace/pace.h"
#include "subject.h"

#define BURST 32
#define SAMPLES 9
#define ROUNDS 20000 /* bursts a sample */

static const char help[] =
	"usage: asdic-bench stage [FLAGS]\n\n"
	"Times each stage that a probe passes, and classification and dedup of replies, one core.\n\n"
	"  --profile=NAME     windows, linux or mss (windows)\n"
	"  --json=FILE        the figures for machines\n";

/* What the stages hand on, one burst. */
struct burst {
	struct subject subject;
	struct pace pace;
	struct dedup *dedup;
	uint64_t position;
	uint64_t index[BURST];
	uint32_t address[BURST];
	uint16_t port[BURST];
	uint64_t cookie[BURST];
	uint8_t frames[BURST][PROBE_FRAME_MAX];
	uint8_t *frame[BURST];
	uint8_t reply[BURST][PROBE_FRAME_MAX]; /* SYN-ACKs to the frames */
	uint64_t kept; /* results, so that no stage is optimised away */
};

static void
do_perm(struct burst *b)
{
	perm_forward_run(&b->subject.inputs.perm, b->position, BURST, b->index);
	b->position += BURST;
}

static void
do_select(struct burst *b)
{
	targets_select(b->subject.inputs.targets, b->index, BURST, b->address, b->port);
}

static void
do_cookie(struct burst *b)
{
	cookie_make_burst(&b->subject.inputs.key, COOKIE_PROBE, BURST, b->address, b->port, b->cookie);
}

static void
do_fill(struct burst *b)
{
	b->subject.probe.module->fill(&b->subject.probe, COOKIE_PROBE, 0, BURST, b->frame,
				      b->address, b->port, b->cookie);
}

static void
do_gate(struct burst *b)
{
	for (unsigned int i = 0; i < BURST; i++)
		b->kept += (uint64_t)gate_denies(b->subject.inputs.gate, b->address[i]);
}

static void
do_pace(struct burst *b)
{
	b->kept += pace_take(&b->pace, PACE_PROBE, b->position * 40, BURST);
}

static void
do_classify(struct burst *b)
{
	struct classify_config c = {&b->subject.probe, b->subject.inputs.sources.addresses,
				    b->subject.inputs.sources.address_count};
	struct reply reply;

	for (unsigned int i = 0; i < BURST; i++)
		b->kept += classify_frame(&c, b->reply[i], WIRE_FRAME_MIN, &reply) == CLASSIFY_SYNACK;
}

static void
do_dedup(struct burst *b)
{
	for (unsigned int i = 0; i < BURST; i++)
		b->kept += (uint64_t)dedup_add(b->dedup, b->address[i], b->port[i], CLASSIFY_SYNACK);
}

/* The SYN-ACKs that the frames of the burst would be answered with. */
static void
make_replies(struct burst *b)
{
	const size_t len = sizeof(struct wire_ipv4) + sizeof(struct wire_tcp);

	memset(b->reply, 0, sizeof(b->reply));
	for (unsigned int i = 0; i < BURST; i++) {
		struct wire_ether *ether = (struct wire_ether *)b->reply[i];
		struct wire_ipv4 *ip = (struct wire_ipv4 *)(ether + 1);
		struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
		const struct wire_ipv4 *sent = (const struct wire_ipv4 *)(b->frame[i] + sizeof(*ether));
		const struct wire_tcp *syn = (const struct wire_tcp *)(sent + 1);

		store_be16(ether->type, ETHER_TYPE_IPV4);
		wire_ipv4_build(ip, load_be32(sent->dst), load_be32(sent->src), IP_PROTO_TCP,
				(uint16_t)len, 0, 64);
		store_be16(tcp->src_port, load_be16(syn->dst_port));
		store_be16(tcp->dst_port, load_be16(syn->src_port));
		store_be32(tcp->ack, load_be32(syn->seq) + 1);
		tcp->data_offset = 5 << 4;
		tcp->flags = TCP_SYN | TCP_ACK;
		wire_tcp_checksum_set(ip, tcp, sizeof(*tcp));
	}
}

struct stage {
	const char *name;
	void (*run)(struct burst *b);
	bool needs_new; /* of targets: timed with the stages that make them, whose time is taken off */
};

static const struct stage stages[] = {
	{"perm", do_perm, false},         {"select", do_select, true},
	{"cookie", do_cookie, false},     {"fill", do_fill, false},
	{"gate", do_gate, true},          {"pace", do_pace, false},
	{"classify", do_classify, false}, {"dedup", do_dedup, true},
};

#define STAGES (sizeof(stages) / sizeof(stages[0]))

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/*
 * Nanoseconds an item. A stage whose cost hangs on memory gets new targets for each burst; the making of
 * many bursts' targets beforehand would itself spill the cache, so it is timed alone and taken off.
 */
static double
time_stage(struct burst *b, const struct stage *s)
{
	double start = now_ns(), making = 0, total;

	if (s->needs_new) {
		for (unsigned int i = 0; i < ROUNDS; i++) {
			do_perm(b);
			if (s->run != do_select)
				do_select(b);
		}
		making = now_ns() - start;
		start = now_ns();
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (s->needs_new) {
			do_perm(b);
			if (s->run != do_select)
				do_select(b);
		}
		s->run(b);
	}
	total = now_ns() - start - making;
	return (total > 0 ? total : 0) / (ROUNDS * BURST);
}

static void
run_all(struct burst *b, struct bench_figure *figures)
{
	for (size_t i = 0; i < STAGES; i++) {
		struct bench_samples samples = {.count = 0};

		time_stage(b, &stages[i]);
		while (samples.count < SAMPLES)
			samples.value[samples.count++] = time_stage(b, &stages[i]);
		figures[i] = bench_figure(&samples);
		printf("%-9s %6.2f ns (min %.2f, max %.2f)\n", stages[i].name, figures[i].median,
		       figures[i].min, figures[i].max);
	}
}

static int
write_json(const struct bench_options *o, const struct bench_figure *figures)
{
	FILE *json;

	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{\"unit\": \"ns\"");
	for (size_t i = 0; i < STAGES; i++) {
		fprintf(json, ", ");
		bench_json_figure(json, stages[i].name, figures[i]);
	}
	fprintf(json, "}\n");
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int
prepare(struct burst *b, const struct bench_options *o)
{
	static const uint8_t mac[WIRE_MAC_SIZE] = {0x02};
	int rc = subject_make(&b->subject, o);

	if (rc != 0 || subject_make_probe(&b->subject, mac) != 0)
		return -EINVAL;
	b->dedup = dedup_new(UINT64_C(1) << 30, 1);
	if (b->dedup == NULL)
		return -ENOMEM;
	pace_init(&b->pace, o->rate_pps, PACE_BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		b->frame[i] = b->frames[i];
		memcpy(b->frame[i], b->subject.probe.template, PROBE_FRAME_MAX);
	}
	do_perm(b);
	do_select(b);
	do_cookie(b);
	do_fill(b);
	make_replies(b);
	return 0;
}

int
bench_stage(int argc, char **argv)
{
	struct bench_figure figures[STAGES];
	struct bench_options o;
	struct burst *b;
	int rc = bench_options_read(&o, argc, argv, help);

	if (rc != 0)
		return rc > 0 ? EXIT_DONE : EXIT_BAD_ARGUMENTS;
	b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	if (b == NULL)
		return EXIT_MACHINE;
	memset(b, 0, sizeof(*b));
	if (prepare(b, &o) != 0)
		return EXIT_BAD_ARGUMENTS;
	run_all(b, figures);
	rc = write_json(&o, figures);
	dedup_free(b->dedup);
	subject_free(&b->subject);
	free(b);
	return rc;
}
