/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
#include "key_file.h"
#include "manifest.h"
#include "past.h"
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

	fprintf(stderr, "asdic: %s: ", r->job->name);
	if (job_has_targets(r->job))
		fprintf(stderr, "%s targets, seed %llu, ", text_count(n, (double)(in->span.end - in->span.first)),
			(unsigned long long)in->seed);
	if (r->job->dns.lookup_count > 0)
		fprintf(stderr, "names asked of %zu %s%s, ", in->asking.plan.resolver_count,
			in->asking.plan.direct ? "root server" : "resolver",
			in->asking.plan.resolver_count == 1 ? "" : "s");
	fprintf(stderr, "shard %u/%u, on ", r->job->order.shard, r->job->order.shards);
	for (unsigned int i = 0; i < engine_port_count(e); i++)
		fprintf(stderr, "%s%s (%s)", i > 0 ? ", " : "", engine_port(e, i)->name,
			engine_port(e, i)->driver);
	fprintf(stderr, " with %u lcore%s\n", y->lcores, y->lcores == 1 ? "" : "s");
	if (r->job->contact.email != NULL)
		fprintf(stderr, "asdic: operator %s%s<%s>\n",
			r->job->contact.operator_name != NULL ? r->job->contact.operator_name : "",
			r->job->contact.operator_name != NULL ? " " : "", r->job->contact.email);
	if (r->job->has_schedule)
		fprintf(stderr, "asdic: 'schedule' is for a queue of jobs; this scan begins now\n");
	if (in->canaries_left_out > 0)
		fprintf(stderr, "asdic: %u of %zu canaries are excluded, reserved or on an interface's own "
				"link: not asked\n",
			in->canaries_left_out, r->job->canaries.count);
	onlink_print(stderr, "asdic: ", in->onlink, in->onlink_count);
}

static int
status_of(const struct engine *e, const struct control_result *result, bool balanced, const char *failed_file)
{
	const char *list;

	bool is_stdout = strcmp(failed_file, "-") == 0;

	if (result->writer_rc != 0)
		fprintf(stderr, "asdic: writing %s%s%s: %s\n", is_stdout ? "" : "'",
			is_stdout ? "standard output" : failed_file, is_stdout ? "" : "'",
			strerror(-result->writer_rc));
	if (!balanced || result->writer_rc != 0 || engine_list_error(e, &list) != 0)
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
	if (!port_link_is_up(engine_port(e, unanswered))) {
		fprintf(stderr, "asdic: the link of '%s' is down; mend the cable, or what it leads to\n",
			job->interfaces[unanswered].device.text);
		return EXIT_FAILED;
	}
	ipv4_format(job->interfaces[unanswered].gateway, gateway);
	fprintf(stderr,
		"asdic: gateway %s does not answer ARP on '%s' within 5 s; mend interfaces.gateway, "
		"the cable or the VLAN, or give interfaces.gateway_mac\n",
		gateway, job->interfaces[unanswered].device.text);
	return EXIT_FAILED;
}

/* A scan, and all that it has. */
struct scan {
	struct request request;
	struct past past;
	struct checkpoint base; /* of what checkpoints say what stays, and what earlier runs have left */
	struct sinks sinks;
	struct manifest manifest;
	struct grabs *grabs;    /* NULL where the job has none */
	struct engine *engine;
	struct keeper *keeper;  /* NULL: nothing is kept */
};

static int
open_status_file(const struct request *r, struct status_file *s)
{
	int rc = status_file_open(s, r->flags.status_file, r->job->dns.lookup_count > 0, r->flags.force,
				  r->flags.resume);

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

	while (r != NULL && refusals_next(r, REFUSALS_OUT, &at, &n) == 0) {
		char address[IPV4_TEXT_SIZE];

		ipv4_format(n.address, address);
		events_add(events, n.out_ns, "skip",
			   "%s/%u answered that probes are administratively prohibited%s; left out",
			   address, n.prefix_len, n.out_ns == 0 ? ", to an earlier run" : "");
	}
}

/* Whose SYN-ACKs are no hosts; without memory they stay untold. */
static void
find_accepting(struct scan *s)
{
	const struct inputs *in = &s->request.inputs;
	struct accepting_scope scope = {
		.inputs = in,
		.probed = {in->span.first, engine_position_end(s->engine)},
	};

	if (s->grabs == NULL)
		return;
	scope.task_of_port = s->grabs->task_of_port;
	if (accepting_find(&s->manifest.accepting, writer_acceptors(engine_writer(s->engine)), &scope) != 0)
		fprintf(stderr, "asdic: no memory for the list of networks that acknowledge everything\n");
	accepting_print(stderr, &s->manifest.accepting);
}

static int
launch(struct scan *s)
{
	const struct engine_outputs outputs = {
		.sinks = s->sinks.sinks,
		.count = s->sinks.count,
		.keeper = s->keeper,
		.earlier = {s->base.results, s->base.hits, s->base.coverage_found, s->base.coverage_seen},
		.names_journal = s->past.is_kept ? s->past.paths.names : NULL,
		.past = s->past.checkpoint,
	};
	int rc = manifest_write(&s->manifest, s->engine, NULL);

	return rc != 0 ? rc : engine_launch(s->engine, &outputs);
}

/* A scan that did all that it was asked leaves nothing to go on from. */
static int
keep_end(struct scan *s, const struct control_result *result, int status)
{
	if (s->keeper == NULL || status != EXIT_DONE || result->reason != CONTROL_COMPLETE)
		return status;
	return keeper_complete(s->keeper) == 0 ? status : EXIT_FAILED;
}

/* From the first probe to the last record. */
static int
run(struct scan *s, struct live *live)
{
	const struct request *r = &s->request;
	struct control_result result;
	struct status_file status_file;
	struct watch watch;
	bool balanced;
	int rc, status = open_status_file(r, &status_file);

	if (status != EXIT_DONE)
		return status;
	rc = launch(s);
	if (rc != 0) {
		status_file_end(&status_file, 0);
		fprintf(stderr, "asdic: cannot start the scan: %s\n", strerror(-rc));
		return EXIT_FAILED;
	}
	watch_init(&watch, s->engine, r->job, &s->manifest.events, &s->manifest.course);
	control_run(s->engine, r->job, engine_probes(s->engine), r->flags.quiet, &status_file, live, &watch,
		    &result);
	live_close(live);
	if (result.writer_rc == -ETIMEDOUT)
		_exit(EXIT_STOPPED); /* the writer hangs in a write that nobody reads: nothing can be freed */
	note_skipped(s->engine, live->events);
	balanced = report_print(s->engine, r->job, &s->sinks, &result);
	find_accepting(s);
	status = status_of(s->engine, &result, balanced, s->sinks.names[writer_error_sink(engine_writer(s->engine))]);
	status = keep_end(s, &result, status);
	rc = manifest_write(&s->manifest, s->engine, &result);
	return rc != 0 ? EXIT_FAILED : status;
}

/* Be there to be told of opt-outs before anything is sent. */
static int
listen_and_run(struct scan *s)
{
	struct live live;
	int status = EXIT_FAILED;

	if (live_open(&live, s->engine, &s->request, &s->manifest.events) == 0)
		status = run(s, &live);
	live_close(&live);
	return status;
}

/* What this run leaves for a later one, and what it must know of an earlier one. */
static int
open_keeper(struct scan *s)
{
	const struct request *r = &s->request;
	int status = past_begin(&s->past, r, s->manifest.scan_id, s->manifest.start_wall_ns, &s->base), rc;

	if (status != EXIT_DONE)
		return status;
	memcpy(s->manifest.scan_id, s->base.scan_id, sizeof(s->manifest.scan_id));
	s->manifest.base = &s->base;
	if (!s->past.is_kept)
		return EXIT_DONE;
	engine_recall_refused(s->engine, &s->base);
	rc = keeper_new(&s->past.paths, &s->base, r->inputs.span.end, r->job->limits.cooldown_ns, engine_recall,
			s->engine, &s->keeper);
	if (rc == 0)
		return EXIT_DONE;
	fprintf(stderr, "asdic: cannot go on from '%s': its journal: %s; begin anew with --force\n",
		s->past.paths.checkpoint, strerror(-rc));
	return EXIT_BAD_JOB;
}

static int
scan_with(struct scan *s)
{
	const struct request *r = &s->request;
	const struct checkpoint *earlier = s->past.checkpoint;
	struct engine_config config = {
		.job = r->job,
		.inputs = &r->inputs,
		.grabs = s->grabs,
		.virtual_clock = r->flags.virtual_clock,
		.start_wall_ns = s->manifest.run_wall_ns,
		.earlier_ns = earlier != NULL ? earlier->elapsed_ns : 0,
		.is_resumed = earlier != NULL,
	};
	int status = earlier == NULL ? sinks_check(&s->sinks, r->job, r->flags.force) : EXIT_DONE;

	if (status != EXIT_DONE)
		return status;
	control_catch_signals();
	if (engine_open(&config, &s->engine) != 0)
		return EXIT_MACHINE;
	announce(r, s->engine);
	status = resolve(s->engine, r->job);
	if (status == EXIT_DONE)
		status = sinks_open(&s->sinks, r->job, &r->inputs, r->flags.force, earlier);
	if (status == EXIT_DONE)
		status = open_keeper(s);
	if (status == EXIT_DONE)
		status = listen_and_run(s);
	engine_close(s->engine);
	return status;
}

static int
scan(struct scan *s)
{
	int status;

	if (s->request.job->grab_count > 0) {
		s->grabs = grabs_new(s->request.job, &s->request.inputs);
		if (s->grabs == NULL) {
			fprintf(stderr, "asdic: out of memory\n");
			return EXIT_MACHINE;
		}
	}
	status = scan_with(s);
	grabs_free(s->grabs);
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
	if (files[1] != NULL && !r->flags.force && !r->flags.resume && stat(files[1], &st) == 0 && S_ISREG(st.st_mode))
		return sinks_refuse_existing(files[1]);
	return EXIT_DONE;
}

/* When this run starts, and when the scan did: the outputs' names are of that time. */
static void
set_times(struct scan *s)
{
	const struct checkpoint *earlier = s->past.checkpoint;
	uint64_t now_ns = VIRTUAL_START_NS + (earlier != NULL ? earlier->elapsed_ns : 0);
	struct timespec t;

	if (!s->request.flags.virtual_clock) {
		clock_gettime(CLOCK_REALTIME, &t);
		now_ns = (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
	}
	s->manifest.run_wall_ns = now_ns;
	s->manifest.start_wall_ns = earlier != NULL ? earlier->start_wall_ns : now_ns;
}

/* The outputs' names hold from here on. */
static int
name_and_scan(struct scan *s)
{
	const struct request *r = &s->request;
	int status = past_check(&s->past, &s->request);

	if (status != EXIT_DONE)
		return status;
	set_times(s);
	status = sinks_name(&s->sinks, r->job, (time_t)(s->manifest.start_wall_ns / NS_PER_SEC));
	if (status == EXIT_DONE)
		status = check_side_files(r, &s->sinks);
	if (status == EXIT_DONE)
		status = manifest_init(&s->manifest, r, &s->sinks);
	if (status == EXIT_DONE)
		status = scan(s);
	return status;
}

static int
refuse_key_file(const char *path, int rc)
{
	if (rc == -EPERM)
		fprintf(stderr, "asdic: others may read the key file '%s': chmod 600 it, or name a new one\n", path);
	else if (rc == -EINVAL)
		fprintf(stderr, "asdic: the key file '%s' is no line of 32 hexadecimal digits; name a new file, and "
			"one will be made\n", path);
	else
		fprintf(stderr, "asdic: cannot read or make the key file '%s': %s\n", path, strerror(-rc));
	return EXIT_BAD_JOB;
}

/* The cookie's key is that of the key file, if there is one; an earlier run's is the same. */
static int
take_key(struct scan *s)
{
	const char *path = s->request.job->order.key_file.text;
	const struct checkpoint *earlier = s->past.checkpoint;
	struct cookie_key key;
	int rc;

	if (path == NULL || s->request.flags.test_key)
		return EXIT_DONE;
	rc = key_file_take(path, &key);
	if (rc != 0)
		return refuse_key_file(path, rc);
	if (earlier != NULL && (earlier->key[0] != key.k0 || earlier->key[1] != key.k1)) {
		fprintf(stderr, "asdic: '%s' is of another job: the key file '%s' holds another key than it had\n",
			s->past.paths.checkpoint, path);
		return EXIT_BAD_JOB;
	}
	s->request.inputs.key = key;
	return EXIT_DONE;
}

static int
print_targets(const struct request *r)
{
	int rc = dry_run(&r->inputs);

	if (hosts_count(r->inputs.hosts) > 0)
		fprintf(stderr, "asdic: %zu targets are listed by name, which --dry-run looks nobody up for: left out\n",
			hosts_count(r->inputs.hosts));
	if (rc != 0 && rc != -EPIPE)
		fprintf(stderr, "asdic: writing the targets: %s\n", strerror(-rc));
	return rc == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* The job has been read. */
static int
load_and_scan(struct scan *s)
{
	struct request *r = &s->request;
	struct hosts_how how = {
		.virtual_clock = r->flags.virtual_clock,
		.test_key = r->flags.test_key,
		.catch_signals = control_catch_signals,
		.is_stopped = control_is_stopped,
	};
	bool is_complete = false;
	int status = past_load(&s->past, r, &is_complete);

	if (status != EXIT_DONE || is_complete)
		return status;
	how.kept = s->past.checkpoint != NULL ? s->past.paths.hosts : NULL;
	status = request_load_inputs(r, s->past.checkpoint != NULL ? &s->past.inputs : NULL,
				     r->flags.dry_run ? NULL : &how);
	if (status != EXIT_DONE)
		return status;
	if (r->flags.dry_run)
		return print_targets(r);
	status = check_simulation(r);
	if (status == EXIT_DONE)
		status = take_key(s);
	return status == EXIT_DONE ? name_and_scan(s) : status;
}

int
cmd_scan(int argc, char **argv)
{
	struct scan *s = calloc(1, sizeof(*s));
	bool done;
	int status;

	if (s == NULL)
		return EXIT_MACHINE;
	status = request_load_job(&s->request, argc, argv, &done);
	if (!done)
		status = load_and_scan(s);
	keeper_free(s->keeper);
	past_base_free(&s->past, &s->base);
	manifest_free(&s->manifest);
	sinks_free(&s->sinks);
	past_free(&s->past);
	request_free(&s->request);
	free(s);
	return status;
}

/* The flags say it all, and what they say is that there is nothing but names. */
int
cmd_dns(int argc, char **argv)
{
	return cmd_scan(argc, argv);
}
