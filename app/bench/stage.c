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
#include "output/output.h"
#include "pace/pace.h"
#include "replies.h"
#include "subject.h"
#include "world/world.h"

#define BURST 32
#define SAMPLES 9
#define ROUNDS 20000 /* bursts a sample */
#define FILTER "success = 1 && repeat = 0"

static const char help[] =
	"usage: asdic-bench stage [FLAGS]\n\n"
	"Times each stage that a probe passes, that replies pass (the mixture of 'rx'; dedup of new keys), that\n"
	"records pass, and what the simulated network takes for a probe that is not answered; and how many probes\n"
	"a second pass all stages from the permutation to the gate in turn. One core.\n\n"
	"  --profile=NAME     windows, linux or mss (windows)\n"
	"  --include=RANGE    targets, on a device that reaches nobody (all public addresses)\n"
	"  --ports=PORTS      their ports (443; on a network 1-65535)\n"
	"  --exclude-file=F   a list of what to leave out, besides the reserved ranges\n"
	"  --json=FILE        the figures for machines (-: standard output)\n";

#define AHEAD (4 * BURST) /* positions permuted at once */
#define REPLIES (1 << 14)

/* What the stages hand on, one burst. */
struct burst {
	struct subject subject;
	struct replies replies;
	struct pace pace;
	struct dedup *dedup;
	struct world *world;
	struct world_intake *intake;
	struct output *output;
	struct filter *filter;
	struct record_fields fields;
	uint64_t position;
	uint64_t next_reply;
	uint64_t ahead[AHEAD];
	const uint64_t *index;
	uint32_t address[BURST];
	uint16_t port[BURST];
	uint64_t cookie[BURST];
	uint8_t frames[BURST][PROBE_FRAME_MAX];
	uint8_t *frame[BURST];
	struct record_scan record[BURST];
	uint64_t kept; /* results, so that no stage is optimised away */
};

static void
do_perm(struct burst *b)
{
	/* Round and round the targets, but for less than four bursts at the end. */
	if (b->position + AHEAD > b->subject.inputs.perm.n)
		b->position = 0;
	if (b->position % AHEAD == 0)
		perm_forward_run(&b->subject.inputs.perm, b->position, AHEAD, b->ahead);
	b->index = b->ahead + b->position % AHEAD;
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
	const uint8_t *frame[BURST];
	struct reply reply[BURST];
	uint16_t len[BURST];
	uint8_t kind[BURST];

	for (unsigned int i = 0; i < BURST; i++) {
		const struct replies_frame *f = &b->replies.frame[b->next_reply++ % REPLIES];

		frame[i] = f->data;
		len[i] = f->len;
	}
	b->kept += classify_burst(&c, BURST, frame, len, kind, reply);
}

static void
do_dedup(struct burst *b)
{
	uint64_t key[BURST];
	bool is_new[BURST];

	for (unsigned int i = 0; i < BURST; i++)
		key[i] = dedup_key(b->address[i], b->port[i], CLASSIFY_SYNACK);
	dedup_add_burst(b->dedup, BURST, key, is_new);
	b->kept += is_new[0];
}

static void
do_ndjson(struct burst *b)
{
	const struct record_clock clock = {0};
	char line[RECORD_LINE_MAX];

	for (unsigned int i = 0; i < BURST; i++)
		b->kept += record_ndjson(&b->fields, &b->record[i], &clock, line);
}

/* As the writer: filter, line, output. */
static void
do_write(struct burst *b)
{
	const struct record_clock clock = {0};
	char line[RECORD_LINE_MAX];

	for (unsigned int i = 0; i < BURST; i++)
		if (filter_pass(b->filter, &b->record[i], &clock))
			b->kept += (uint64_t)output_write(
				b->output, line,
				record_csv(&b->fields, &b->record[i], &clock, line));
}

static void
do_world(struct burst *b)
{
	struct world_reaction reaction[BURST];
	struct world_frame frame[BURST];

	for (unsigned int i = 0; i < BURST; i++)
		frame[i] = (struct world_frame){b->frame[i], b->subject.probe.frame_len};
	b->kept += world_intake_burst(b->intake, frame, BURST, reaction);
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
	{"world", do_world, false},       {"classify", do_classify, false},
	{"dedup", do_dedup, true},        {"ndjson", do_ndjson, false},
	{"write", do_write, false},
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

/* Probes a second from the permutation to the gate, as the prober makes them. */
static double
time_pipeline(struct burst *b)
{
	double start = now_ns();

	for (unsigned int i = 0; i < ROUNDS; i++) {
		do_perm(b);
		do_select(b);
		gate_prefetch(b->subject.inputs.gate, BURST, b->address);
		do_cookie(b);
		do_fill(b);
		do_gate(b);
	}
	return (double)ROUNDS * BURST * 1e9 / (now_ns() - start);
}

static struct bench_figure
run_pipeline(struct burst *b)
{
	struct bench_samples samples = {.count = 0};
	struct bench_figure f;

	time_pipeline(b);
	while (samples.count < SAMPLES)
		samples.value[samples.count++] = time_pipeline(b);
	f = bench_figure(&samples);
	printf("perm to gate: %.2f Mpps (min %.2f, max %.2f)\n", f.median / 1e6, f.min / 1e6, f.max / 1e6);
	return f;
}

static void
run_stages(struct burst *b, struct bench_figure *figures)
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
write_json(const struct bench_options *o, struct bench_figure pps, const struct bench_figure *figures)
{
	FILE *json;

	if (bench_json_open(o, &json) != 0)
		return EXIT_FAILED;
	if (json == NULL)
		return EXIT_DONE;
	fprintf(json, "{");
	bench_json_figure(json, "pps", pps);
	fprintf(json, ", \"unit\": \"ns\"");
	for (size_t i = 0; i < STAGES; i++) {
		fprintf(json, ", ");
		bench_json_figure(json, stages[i].name, figures[i]);
	}
	fprintf(json, "}\n");
	return fclose(json) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* One burst's probes, as what follows them finds them. */
static void
prepare_probes(struct burst *b, uint64_t rate_pps)
{
	pace_init(&b->pace, rate_pps, PACE_BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		b->frame[i] = b->frames[i];
		memcpy(b->frame[i], b->subject.probe.template, PROBE_FRAME_MAX);
	}
	do_perm(b);
	do_select(b);
	do_cookie(b);
	do_fill(b);
}

/* Records of SYN-ACKs, and where they go. 0 or a negative errno. */
static int
prepare_records(struct burst *b)
{
	const struct output_config config = {.path = "/dev/null"};
	struct classify_config c = {&b->subject.probe, b->subject.inputs.sources.addresses,
				    b->subject.inputs.sources.address_count};
	struct diag diag = DIAG_EMPTY;
	unsigned int n = 0;

	for (uint64_t i = 0; i < REPLIES && n < BURST; i++) {
		const struct replies_frame *f = &b->replies.frame[i];

		if (f->kind == CLASSIFY_SYNACK &&
		    classify_frame(&c, f->data, f->len, &b->record[n].reply) == CLASSIFY_SYNACK)
			n++;
	}
	record_fields_all(&b->fields);
	if (filter_compile(FILTER, strlen(FILTER), (struct diag_place){0}, &diag, &b->filter) != 0)
		return -EINVAL;
	return output_open(&config, 0, &b->output);
}

/* A world of which no target of ours answers. */
static int
prepare_world(struct burst *b)
{
	const struct world_description nobody = {.seed = 1};
	int rc = world_create(&nobody, &b->world);

	if (rc == 0)
		b->intake = world_intake_create(b->world);
	return b->intake != NULL ? 0 : -ENOMEM;
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
	rc = replies_make(&b->replies, &b->subject, REPLIES);
	if (rc != 0)
		return rc;
	prepare_probes(b, o->rate_pps);
	rc = prepare_records(b);
	return rc == 0 ? prepare_world(b) : rc;
}

int
bench_stage(int argc, char **argv)
{
	struct bench_figure figures[STAGES], pps;
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
	run_stages(b, figures);
	pps = run_pipeline(b);
	rc = write_json(&o, pps, figures);
	output_finish(b->output);
	output_free(b->output);
	filter_free(b->filter);
	free(b->intake);
	world_free(b->world);
	dedup_free(b->dedup);
	replies_free(&b->replies);
	subject_free(&b->subject);
	free(b);
	return rc;
}
