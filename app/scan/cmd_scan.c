/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "commands.h"
#include "control.h"
#include "dry_run.h"
#include "engine.h"
#include "live.h"
#include "manifest.h"
#include "report.h"
#include "request.h"
#include "sinks.h"
#include "text.h"

/* Whether this build simulates, and flags that only simulation may have. */
static int
check_simulation(const struct request *r)
{
	size_t simulated = 0;

	for (size_t i = 0; i < r->job->interface_count; i++)
		simulated += r->job->interfaces[i].kind == JOB_DEVICE_SIMNET;
#ifndef HAVE_SIMNET
	if (simulated > 0) {
		fprintf(stderr, "asdic: built without net_simnet, since DPDK's driver headers were "
				"missing; run scripts/setup\n");
		return EXIT_MACHINE;
	}
#endif
	if (r->flags.test_key && !job_is_harmless(r->job)) {
		fprintf(stderr, "asdic: --test-key makes replies forgeable: only for net_null and "
				"net_simnet; leave it out\n");
		return EXIT_BAD_JOB;
	}
	if (r->flags.virtual_clock && simulated < r->job->interface_count) {
		fprintf(stderr, "asdic: --virtual-clock needs all devices to be of net_simnet; leave it out\n");
		return EXIT_BAD_JOB;
	}
	return EXIT_DONE;
}

static void
announce(const struct request *r, const struct engine *e)
{
	const struct inputs *in = &r->inputs;
	const struct layout *y = engine_layout(e);
	char n[TEXT_SIZE];

	fprintf(stderr, "asdic: %s: %s targets, seed %llu, shard %u/%u, on ",
		r->job->name, text_count(n, (double)(in->span.end - in->span.first)),
		(unsigned long long)in->seed, r->job->order.shard, r->job->order.shards);
	for (unsigned int i = 0; i < engine_port_count(e); i++)
		fprintf(stderr, "%s%s (%s)", i > 0 ? ", " : "", engine_port(e, i)->name,
			engine_port(e, i)->driver);
	fprintf(stderr, " with %u lcore%s\n", y->lcores, y->lcores == 1 ? "" : "s");
	if (r->job->contact.email != NULL)
		fprintf(stderr, "asdic: operator %s <%s>\n",
			r->job->contact.operator_name != NULL ? r->job->contact.operator_name : "",
			r->job->contact.email);
	if (in->canaries_left_out > 0)
		fprintf(stderr, "asdic: %u of %zu canaries are excluded, reserved or on an interface's own "
				"link: not asked\n",
			in->canaries_left_out, r->job->canaries.count);
	onlink_print(stderr, "asdic: ", in->onlink, in->onlink_count);
}

static int
status_of(const struct control_result *result, bool balanced, const char *failed_file)
{
	if (result->writer_rc != 0)
		fprintf(stderr, "asdic: writing '%s': %s\n", failed_file, strerror(-result->writer_rc));
	if (!balanced || result->writer_rc != 0)
		return EXIT_FAILED;
	return result->reason == CONTROL_STOPPED || result->reason == CONTROL_ABORTED ? EXIT_STOPPED
										      : EXIT_DONE;
}

static int
resolve(struct engine *e, const struct job *job)
{
	char gateway[IPV4_TEXT_SIZE];
	unsigned int unanswered;
	int rc = engine_resolve(e, control_is_stopped, &unanswered);

	if (rc == 0)
		return EXIT_DONE;
	if (rc == -EINTR)
		return EXIT_STOPPED;
	ipv4_format(job->interfaces[unanswered].gateway, gateway);
	fprintf(stderr,
		"asdic: gateway %s does not answer ARP on '%s' within 5 s; mend interfaces.gateway, "
		"the cable or the VLAN, or give interfaces.gateway_mac\n",
		gateway, job->interfaces[unanswered].device.text);
	return EXIT_FAILED;
}

static int
open_status_file(const struct request *r, struct status_file *s)
{
	int rc = status_file_open(s, r->flags.status_file, r->flags.force);

	if (rc == 0)
		return EXIT_DONE;
	if (rc == -EEXIST)
		return sinks_refuse_existing(s->path);
	fprintf(stderr, "asdic: cannot write '%s': %s\n", s->path, strerror(-rc));
	status_file_end(s, 0);
	return EXIT_FAILED;
}

/* Each network that came to be left out is an event of the scan. */
static void
note_skipped(const struct engine *e, struct events *events)
{
	const struct refusals *r = engine_refusals(e);
	struct refusals_network n;
	uint32_t at = 0;

	while (r != NULL && refusals_next(r, &at, &n) == 0) {
		char address[IPV4_TEXT_SIZE];

		ipv4_format(n.address, address);
		events_add(events, n.out_ns, "skip",
			   "%s/%u answered that probes are administratively prohibited; left out",
			   address, n.prefix_len);
	}
}

/* From the first probe to the last record. */
static int
run(const struct request *r, struct engine *e, const struct sinks *sinks,
    struct manifest *manifest, struct live *live)
{
	struct control_result result;
	struct status_file status_file;
	struct watch watch;
	bool balanced;
	int rc, status = open_status_file(r, &status_file);

	if (status != EXIT_DONE)
		return status;
	rc = manifest_write(manifest, e, NULL);
	if (rc == 0)
		rc = engine_launch(e, sinks->sinks, sinks->count);
	if (rc != 0) {
		status_file_end(&status_file, 0);
		fprintf(stderr, "asdic: cannot start the scan: %s\n", strerror(-rc));
		return EXIT_FAILED;
	}
	watch_init(&watch, e, r->job, &manifest->events, &manifest->course);
	control_run(e, r->job, r->inputs.span.end - r->inputs.span.first, r->flags.quiet,
		    &status_file, live, &watch, &result);
	live_close(live);
	if (result.writer_rc == -ETIMEDOUT)
		_exit(EXIT_STOPPED); /* the writer hangs in a write that nobody reads: nothing can be freed */
	note_skipped(e, live->events);
	balanced = report_print(e, r->job, sinks, &result);
	status = status_of(&result, balanced, sinks->names[writer_error_sink(engine_writer(e))]);
	rc = manifest_write(manifest, e, &result);
	return rc != 0 ? EXIT_FAILED : status;
}

/* Be there to be told of opt-outs before anything is sent. */
static int
listen_and_run(const struct request *r, struct engine *e, const struct sinks *sinks,
	       struct manifest *manifest)
{
	struct live live;
	int status = EXIT_FAILED;

	if (live_open(&live, e, r, &manifest->events) == 0)
		status = run(r, e, sinks, manifest, &live);
	live_close(&live);
	return status;
}

static int
scan(const struct request *r, struct sinks *sinks, struct manifest *manifest)
{
	struct engine_config config = {
		.job = r->job,
		.inputs = &r->inputs,
		.virtual_clock = r->flags.virtual_clock,
		.start_wall_ns = manifest->start_wall_ns,
	};
	struct engine *e;
	int status = sinks_check(sinks, r->job, r->flags.force);

	if (status != EXIT_DONE)
		return status;
	control_catch_signals();
	if (engine_open(&config, &e) != 0)
		return EXIT_MACHINE;
	announce(r, e);
	status = resolve(e, r->job);
	if (status == EXIT_DONE)
		status = sinks_open(sinks, r->job, &r->inputs, r->flags.force);
	if (status == EXIT_DONE)
		status = listen_and_run(r, e, sinks, manifest);
	engine_close(e);
	return status;
}

/* Wall time at the start of a virtual clock, so that a seed replays to the byte: 2026-01-01T00:00:00Z. */
#define VIRTUAL_START_NS (UINT64_C(1767225600) * NS_PER_SEC)

/* What stands beside the outputs must be none of them, nor take the place of what is there. */
static int
check_side_files(const struct request *r, const struct sinks *sinks)
{
	const char *files[] = {r->flags.manifest_file, r->flags.status_file};
	struct stat st;

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int k = 0; files[i] != NULL && k < sinks->count; k++) {
			if (strcmp(files[i], sinks->names[k]) != 0)
				continue;
			fprintf(stderr, "asdic: '%s' is an output's file already; name another\n", files[i]);
			return EXIT_BAD_JOB;
		}
	}
	if (files[0] != NULL && strcmp(files[0], "-") == 0) {
		fprintf(stderr, "asdic: --metadata-file is to be a plain file; name one\n");
		return EXIT_BAD_JOB;
	}
	if (files[0] != NULL && files[1] != NULL && strcmp(files[0], files[1]) == 0) {
		fprintf(stderr, "asdic: '%s' is both manifest and status file; name another\n", files[0]);
		return EXIT_BAD_JOB;
	}
	if (files[1] != NULL && !r->flags.force && stat(files[1], &st) == 0 && S_ISREG(st.st_mode))
		return sinks_refuse_existing(files[1]);
	return EXIT_DONE;
}

/* The outputs' names hold from here on, as does the time that they and all records tell. */
static int
name_and_scan(const struct request *r)
{
	struct timespec t;
	uint64_t start_ns = VIRTUAL_START_NS;
	struct manifest manifest = {0};
	struct sinks sinks;
	int status;

	if (!r->flags.virtual_clock) {
		clock_gettime(CLOCK_REALTIME, &t);
		start_ns = (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
	}
	status = sinks_name(&sinks, r->job, (time_t)(start_ns / NS_PER_SEC));
	if (status == EXIT_DONE)
		status = check_side_files(r, &sinks);
	if (status == EXIT_DONE)
		status = manifest_init(&manifest, r, &sinks, start_ns);
	if (status == EXIT_DONE)
		status = scan(r, &sinks, &manifest);
	manifest_free(&manifest);
	sinks_free(&sinks);
	return status;
}

int
cmd_scan(int argc, char **argv)
{
	struct request r;
	bool done;
	int status = request_load(&r, argc, argv, &done), rc;

	if (!done && !r.flags.dry_run)
		status = check_simulation(&r);
	if (!done && r.flags.dry_run) {
		rc = dry_run(&r.inputs);
		if (rc != 0 && rc != -EPIPE)
			fprintf(stderr, "asdic: writing the targets: %s\n", strerror(-rc));
		status = rc == 0 ? EXIT_DONE : EXIT_FAILED;
	} else if (!done && status == EXIT_DONE) {
		status = name_and_scan(&r);
	}
	request_free(&r);
	return status;
}
