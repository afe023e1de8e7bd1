/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "engine.h"
#include "fabric/layout.h"
#include "grabs.h"
#include "host/host.h"
#include "port/eal.h"
#include "plan_names.h"
#include "request.h"
#include "text.h"
#include "probe/probe.h"

/* The length of a probe; between which MACs it goes makes no difference. */
static unsigned int
frame_bytes(const struct inputs *in, const struct job *job)
{
	static const uint8_t any[WIRE_MAC_SIZE];
	unsigned int longest = 0;
	struct probe probe;

	for (unsigned int i = 0; i < job->interface_count; i++)
		if (inputs_make_probe(in, job, i, any, any, &probe) == 0 &&
		    probe.frame_len > longest)
			longest = probe.frame_len;
	return longest;
}

/* The lower of two rates, 0 being none. */
static double
lower(double a, double b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

/* The part of all targets that goes out by an interface. */
static double
part_of(const struct probe_sources *s, unsigned int i)
{
	return (double)s->pool[i].shares / PROBE_SHARES;
}

/* The rate that holds: an interface that is at its own holds them all; 0 for none. */
static double
effective_pps(const struct job *job, const struct inputs *in, unsigned int bytes)
{
	double by_bandwidth = (double)job->bandwidth_bps / (double)wire_bits(bytes);
	double pps = lower((double)job->rate_pps, by_bandwidth);

	for (unsigned int i = 0; i < in->sources.count; i++)
		pps = lower(pps, (double)job->interfaces[i].rate_pps / part_of(&in->sources, i));
	return pps;
}

static void
print_targets(const struct inputs *in, bool has_ports)
{
	const struct targets *t = in->targets;

	printf("targets     %llu", (unsigned long long)targets_count(t));
	if (has_ports)
		printf(": %llu addresses x %u ports",
		       (unsigned long long)targets_address_count(t), targets_port_count(t));
	else
		printf(" addresses");
	if (targets_pair_count(t) > 0)
		printf(" + %llu address:port pairs", (unsigned long long)targets_pair_count(t));
	if (in->names != NULL)
		printf(", %llu names", (unsigned long long)names_count(in->names));
	if (hosts_count(in->hosts) > 0)
		printf("\n            and those that %zu names have for addresses, looked up before the scan",
		       hosts_count(in->hosts));
	printf("\nexclusions  %llu addresses that the gate denies\n",
	       (unsigned long long)gate_denied_count(in->gate));
	onlink_print(stdout, "            ", in->onlink, in->onlink_count);
}

static void
print_pace(const struct job *job, const struct inputs *in, uint64_t probes, unsigned int bytes)
{
	double pps = effective_pps(job, in, bytes), seconds = pps > 0 ? (double)probes / pps : 0;
	double mbits = pps * (double)wire_bits(bytes) / 1e6;
	char rate[TEXT_SIZE], time[TEXT_SIZE];

	if (pps == 0) {
		printf("rate        unlimited\n");
		return;
	}
	seconds += (double)job->limits.cooldown_ns / 1e9;
	printf("rate        %s packets/s, %.1f Mbit/s on the wire (%u-byte %s, preamble and gap counted)\n",
	       text_count(rate, pps), mbits, bytes,
	       job_has_ports(job) ? "SYNs" : "pings");
	printf("duration    %s (%.2f hours), cooldown included\n", text_duration(time, seconds),
	       seconds / 3600);
	if (job->limits.runtime_ns != 0 && (double)job->limits.runtime_ns / 1e9 < seconds)
		printf("            limits.runtime ends it after %s\n",
		       text_duration(time, (double)job->limits.runtime_ns / 1e9));
}

static double
megabytes(double bytes)
{
	return bytes / 1e6;
}

/* What the scan holds, and what it has taken until now: the lists have been read. */
static void
print_memory(const struct inputs *in, const struct job *job, uint64_t probes)
{
	double each = ENGINE_DEDUP_BYTES_EACH * (double)probes / 100;
	double most = (double)engine_dedup_bytes(targets_count(in->targets));
	unsigned int lcores = engine_lcores(job);
	uint64_t peak = host_peak_bytes();

	printf("memory      %.1f MB for targets, ", megabytes((double)targets_bytes(in->targets)));
	if (in->names != NULL)
		printf("%.1f MB for names, ", megabytes((double)names_bytes(in->names)));
	printf("%.1f MB for the gate\n", megabytes((double)in->gate->bytes));
	printf("            up to %u MB for packets on %u lcore%s\n", engine_memory_mb(job->interface_count, lcores), lcores,
	       lcores == 1 ? "" : "s");
	printf("            %.1f MB for each 1%% of the probes that is answered, %.0f MB at most: about %u bytes a "
	       "reply told apart\n", megabytes(each < most ? each : most), megabytes(most),
	       ENGINE_DEDUP_BYTES_EACH);
	if (peak > 0)
		printf("            %.0f MB was the most while the lists were read\n", megabytes((double)peak));
}

/* Workers as a driver with a queue for every lcore would have them. */
static unsigned int
workers_of(const struct job *job)
{
	unsigned int lcores = engine_lcores(job);
	struct layout layout;

	if (job->lcores.workers.count > 0)
		return (unsigned int)job->lcores.workers.count;
	layout_make(&layout, lcores, lcores, lcores);
	return layout.workers;
}

/* Connections at once, as memory allows now and the job's limit says. */
static void
print_grabs(const struct job *job)
{
	char all[TEXT_SIZE], tls[TEXT_SIZE];
	unsigned int workers;
	struct grabs_size size;

	if (job->grab_count == 0)
		return;
	workers = workers_of(job);
	size = grabs_size(job, workers, grabs_memory_bytes());
	printf("grabs       up to %s connections at once, %s of TLS, on %u worker%s: a TLS connection is counted as "
	       "%.0f KB, any other as %.0f\n", text_count(all, (double)size.sessions * workers),
	       grabs_have_tls(job) ? text_count(tls, (double)size.tls_sessions * workers) : "none",
	       workers, workers == 1 ? "" : "s", GRABS_TLS_BYTES / 1e3, GRABS_BYTES / 1e3);
}

static void
print_caps(const struct inputs *in)
{
	char a[TEXT_SIZE], b[TEXT_SIZE];

	if (in->per_24 != 0)
		printf("politeness  at most %s packets/s to a /24%s\n", text_count(a, (double)in->per_24),
		       in->spared_count > 0 ? ", allowed reserved ranges apart" : "");
	if (in->per_16 != 0)
		printf("%-11s at most %s packets/s to a /16\n", in->per_24 == 0 ? "politeness" : "",
		       text_count(b, (double)in->per_16));
}

/* What each interface has of the targets and, by its own rate, of the time. */
static void
print_ports(const struct request *r)
{
	const struct probe_sources *s = &r->inputs.sources;

	for (unsigned int i = 0; i < s->count; i++) {
		const struct job_interface *iface = &r->job->interfaces[i];
		char rate[TEXT_SIZE];

		printf("%-11s %s", i == 0 ? "device" : "", iface->device.text);
		if (s->count > 1)
			printf(": %u source addresses, %.1f%% of the targets", s->pool[i].address_count,
			       100.0 * part_of(s, i));
		if (iface->rate_pps != 0)
			printf(", at most %s packets/s", text_count(rate, (double)iface->rate_pps));
		printf("\n");
	}
}

/* What is done with the targets. */
static void
print_scan(const struct request *r, uint64_t probes)
{
	printf("this run    %llu probes (shard %u of %u), from %u source addresses\n",
	       (unsigned long long)probes, r->job->order.shard, r->job->order.shards,
	       r->inputs.sources.address_count);
	print_pace(r->job, &r->inputs, probes, frame_bytes(&r->inputs, r->job));
	print_caps(&r->inputs);
	print_memory(&r->inputs, r->job, probes);
	print_grabs(r->job);
}

int
cmd_plan(int argc, char **argv)
{
	struct request r;
	bool done;
	int status = request_load(&r, argc, argv, &done);

	if (!done) {
		uint64_t probes = r.inputs.span.end - r.inputs.span.first;

		printf("job         %s\n", r.job->name);
		if (job_has_targets(r.job))
			print_targets(&r.inputs, job_has_ports(r.job));
		plan_names_print(r.job, &r.inputs);
		if (job_has_targets(r.job))
			print_scan(&r, probes);
		print_ports(&r);
		for (size_t i = 0; i < r.job->output_count; i++)
			printf("%-11s %s\n", i == 0 ? "results" : "", r.job->outputs[i].file.text);
		fflush(stdout);
		request_note_files(&r);
	}
	request_free(&r);
	return status;
}
