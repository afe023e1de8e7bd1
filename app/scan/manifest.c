/* SPDX-License-Identifier: BSD-3-Clause */
#include "manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_version.h>

#include "base/time.h"
#include "commands.h"
#include "json_put.h"
#include "manifest_course.h"
#include "reserved.h"
#include "schedule/coverage.h"
#include "sets.h"

static const char *const reasons[] = {
	[CONTROL_COMPLETE] = "complete",
	[CONTROL_RUNTIME] = "runtime",
	[CONTROL_RESULTS] = "results",
	[CONTROL_OUTPUT] = "output-failed",
	[CONTROL_STOPPED] = "stopped",
	[CONTROL_ABORTED] = "aborted",
};

/* Beside the first file that is the scan's own: not a stream, a device or a FIFO. */
static char *
default_path(const struct job *job, const struct sinks *sinks)
{
	for (unsigned int i = 0; i < sinks->count; i++) {
		char stamp[OUTPUT_STAMP_SIZE] = "", *path;
		bool rotates = job->outputs[i].rotate_ns != 0;
		struct stat st;

		if (strcmp(sinks->names[i], "-") == 0 ||
		    (stat(sinks->names[i], &st) == 0 && !S_ISREG(st.st_mode)))
			continue;
		if (rotates) /* the row's common name may serve the next scan too */
			output_stamp(sinks->start, stamp);
		if (asprintf(&path, "%s%s%s.manifest.json", sinks->names[i], rotates ? "-" : "",
			     stamp) < 0)
			return NULL;
		return path;
	}
	return NULL;
}

int
manifest_init(struct manifest *m, const struct request *r, const struct sinks *sinks)
{
	uint64_t id[2];
	struct stat st;

	m->request = r;
	m->sinks = sinks;
	if (getentropy(id, sizeof(id)) != 0)
		return EXIT_MACHINE;
	snprintf(m->scan_id, sizeof(m->scan_id), "%016llx%016llx", (unsigned long long)id[0],
		 (unsigned long long)id[1]);
	m->path = r->flags.manifest_file != NULL ? strdup(r->flags.manifest_file)
						 : default_path(r->job, sinks);
	if (m->path == NULL || lstat(m->path, &st) != 0)
		return EXIT_DONE;
	/* It is renamed into place, which would do away with a device. */
	if (!S_ISREG(st.st_mode)) {
		fprintf(stderr, "asdic: the manifest '%s' is to be a plain file; name another\n", m->path);
		return EXIT_BAD_JOB;
	}
	return r->flags.force || r->flags.resume ? EXIT_DONE : sinks_refuse_existing(m->path);
}

void
manifest_free(struct manifest *m)
{
	free(m->path);
	accepting_free(&m->accepting);
}

static void
put_sets(FILE *f, const struct job *job, const struct inputs *in)
{
	char targets[DIGEST_TEXT_SIZE] = "", exclusions[DIGEST_TEXT_SIZE] = "";

	sets_targets_digest(job, in, targets);
	sets_exclusions_digest(in, exclusions);
	json_member_number(f, "targets", targets_count(in->targets));
	json_member_text(f, "targets_sha256", targets);
	json_member_number(f, "excluded_addresses", gate_denied_count(in->gate));
	json_member_text(f, "exclusions_sha256", exclusions);
}

/* The registry's date stands in the list's head: "# Registry: 2025-10-09 (...". */
static void
put_registry_date(FILE *f)
{
	static const char mark[] = "# Registry: ";
	char date[11] = "";
	size_t len;
	const char *text = reserved_text(&len), *at = memmem(text, len, mark, sizeof(mark) - 1);

	if (at != NULL)
		snprintf(date, sizeof(date), "%.10s", at + sizeof(mark) - 1);
	json_member_text(f, "reserved_registry_date", date);
}

/* ZMap's members are of the first interface, the list is of all. */
static void
put_interfaces(FILE *f, const struct job *job, const struct inputs *in)
{
	json_member_text(f, "iface", job->interfaces[0].device.text);
	json_member_number(f, "source_port_first", job->interfaces[0].source_port_first);
	json_member_number(f, "source_port_last", job->interfaces[0].source_port_last);
	json_member_number(f, "source_ip_count", in->sources.address_count);
	fprintf(f, ",\n  \"interfaces\": [");
	for (size_t i = 0; i < job->interface_count; i++) {
		const struct job_interface *iface = &job->interfaces[i];

		fprintf(f, "%s\n    {\"iface\": ", i > 0 ? "," : "");
		json_put_text(f, iface->device.text);
		fprintf(f, ", \"source_ip_count\": %u, \"source_port_first\": %u, \"source_port_last\": %u, "
			   "\"vlan\": %u, \"rate\": %llu}",
			in->sources.pool[i].address_count, iface->source_port_first,
			iface->source_port_last, iface->vlan, (unsigned long long)iface->rate_pps);
	}
	fprintf(f, "\n  ]");
}

/* Each port, as ZMap has them, in ascending order. */
static void
put_ports(FILE *f, const struct job_targets *t)
{
	bool is_target[UINT16_MAX + 1] = {false};
	const char *separator = "";

	for (size_t i = 0; i < t->port_range_count; i++)
		for (uint32_t port = t->ports[i].first; port <= t->ports[i].last; port++)
			is_target[port] = true;
	fprintf(f, ",\n  \"target_ports\": [");
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		if (!is_target[port])
			continue;
		fprintf(f, "%s%u", separator, port);
		separator = ", ";
	}
	fprintf(f, "]");
}

static void
put_job(FILE *f, const struct job *job, const struct inputs *in)
{
	put_interfaces(f, job, in);
	put_ports(f, &job->targets);
	json_member_number(f, "rate", job->rate_pps);
	json_member_number(f, "bandwidth", job->bandwidth_bps);
	json_member_seconds(f, "cooldown_secs", job->limits.cooldown_ns);
	json_member_seconds(f, "max_runtime", job->limits.runtime_ns);
	json_member_number(f, "max_results", job->limits.results);
	json_member_number(f, "max_targets", job->limits.targets);
	json_member_number(f, "seed", in->seed);
	fprintf(f, ",\n  \"seed_provided\": %s", job->order.has_seed ? "true" : "false");
	json_member_number(f, "shard_num", job->order.shard - 1); /* ZMap counts from 0 */
	json_member_number(f, "total_shards", job->order.shards);
	json_member_text(f, "probe_module", job->probe.module);
	json_member_number(f, "probe_ttl", job->probe.ttl);
	json_member_number(f, "packet_streams", job->probe.probes); /* to each target */
	json_member_text(f, "output_filename", job->outputs[0].file.text);
	json_member_text(f, "output_filter", job->outputs[0].filter.text);
}

/* Targets that lists gave by name. */
static void
put_hosts(FILE *f, const struct hosts *hosts)
{
	if (hosts_count(hosts) == 0)
		return;
	json_member_number(f, "target_names", hosts_count(hosts));
	json_member_number(f, "target_names_without_address", hosts_without_address(hosts));
	json_member_number(f, "target_names_left_out", hosts_left_out(hosts));
}

/* Names to look up: whom was asked, and what. */
static void
put_dns(FILE *f, const struct job_dns *dns, const struct asking *asking)
{
	char text[IPV4_TEXT_SIZE];

	fprintf(f, ",\n  \"dns\": {\"mode\": \"%s\", \"tries\": %u, \"timeout_secs\": %.3f, \"rate\": %llu, "
		   "\"resolvers\": [", asking->plan.direct ? "direct" : "resolvers", dns->tries, (double)dns->timeout_ns / 1e9, (unsigned long long)dns->rate_qps);
	for (size_t i = 0; i < asking->plan.resolver_count; i++) {
		ipv4_format(asking->resolvers[i].address, text);
		fprintf(f, "%s\"%s:%u\"", i > 0 ? ", " : "", text, asking->resolvers[i].port);
	}
	fprintf(f, "], \"lookups\": [");
	for (size_t i = 0; i < dns->lookup_count; i++) {
		static const char *const found[] = {"certificates", "responders"};
		const struct job_lookup *l = &dns->lookups[i];

		fprintf(f, "%s\n    {\"%s\": ", i > 0 ? "," : "", l->names == JOB_NAMES_FILE ? "names_file" : "names");
		json_put_text(f, l->names == JOB_NAMES_FILE ? l->file.text : found[l->names]);
		fprintf(f, ", \"types\": [");
		for (unsigned int k = 0; k < l->types.count; k++) {
			char type[DNS_TYPE_TEXT];

			fprintf(f, "%s\"%s\"", k > 0 ? ", " : "", dns_type_name(l->types.type[k], type));
		}
		fprintf(f, "]}");
	}
	fprintf(f, "]}");
}

/* How many results there are of each status, and what else came. */
static void
put_answers(FILE *f, const struct engine *e)
{
	const char *separator = "";
	struct dns_stats s;

	fprintf(f, ",\n  \"dns_statuses\": {");
	for (unsigned int status = 0; status < DNS_STATUSES; status++) {
		unsigned long long count = engine_answers(e, (enum dns_status)status);

		if (count == 0)
			continue;
		fprintf(f, "%s\"%s\": %llu", separator, dns_status_name(status), count);
		separator = ", ";
	}
	engine_dns_stats(e, &s);
	fprintf(f, "}");
	json_member_number(f, "dns_replies_late", s.late);
	json_member_number(f, "dns_replies_repeated", s.repeated);
	json_member_number(f, "dns_replies_forged",
			   s.forged_port + s.forged_resolver + s.forged_id + s.forged_question);
	json_member_number(f, "dns_replies_other_case", s.other_case);
	json_member_number(f, "dns_replies_malformed", s.malformed);
	json_member_number(f, "dns_replies_distrusted", s.distrusted);
	json_member_number(f, "dns_icmp_errors", s.icmp);
}

/* How direct mode came by its answers. */
static void
put_walks(FILE *f, const struct engine *e)
{
	struct iterate_stats s;
	const struct {
		const char *name;
		const uint64_t *count;
	} said[] = {
		{"questions", &s.asks}, {"referrals", &s.referrals}, {"begun_below_root", &s.cached},
		{"waited_for_another", &s.waited}, {"waited_for_server", &s.paced}, {"lame", &s.lame},
		{"glue_refused", &s.glue_refused}, {"servers_sought", &s.servers_sought}, {"denied_before", &s.denied},
		{"bounded", &s.bounded},
	};

	engine_walk_stats(e, &s);
	fprintf(f, ",\n  \"dns_walks\": {");
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		fprintf(f, "%s\"%s\": %llu", i > 0 ? ", " : "", said[i].name, (unsigned long long)*said[i].count);
	fprintf(f, "}");
}

/* The most resolvers that are reported on; what the manifest says of whom was asked has all. */
#define REPORTED_MAX 1000

/* What became of what each resolver was asked, of all workers together. */
static void
put_resolvers(FILE *f, const struct engine *e, size_t count)
{
	fprintf(f, ",\n  \"dns_resolvers\": [");
	for (uint32_t i = 0; i < count && i < REPORTED_MAX; i++) {
		struct resolvers_report sum;
		char address[IPV4_TEXT_SIZE];

		engine_resolver_report(e, i, &sum);
		ipv4_format(sum.address.address, address);
		fprintf(f, "%s\n    {\"resolver\": \"%s:%u\", \"state\": \"%s\", \"asked\": %llu, \"answered\": %llu, "
			   "\"servfail\": %llu, \"refused\": %llu, \"timeout\": %llu, \"lies\": %llu, \"in_doubt\": %llu, "
			   "\"latency_ms\": %.3f}",
			i > 0 ? "," : "", address, sum.address.port, resolvers_state_name(sum.state),
			(unsigned long long)sum.asked, (unsigned long long)sum.outcomes[RESOLVERS_ANSWERED],
			(unsigned long long)sum.outcomes[RESOLVERS_SERVFAIL],
			(unsigned long long)sum.outcomes[RESOLVERS_REFUSED],
			(unsigned long long)sum.outcomes[RESOLVERS_TIMEOUT], (unsigned long long)sum.lies,
			(unsigned long long)sum.in_doubt, (double)sum.latency_ns / 1e6);
	}
	fprintf(f, "\n  ]");
}

static void
put_tags(FILE *f, const struct job_tags *tags)
{
	fprintf(f, ",\n  \"tags\": {");
	for (size_t i = 0; i < tags->count; i++) {
		fprintf(f, "%s\"%s\": ", i > 0 ? ", " : "", tags->items[i].name);
		json_put_text(f, tags->items[i].value);
	}
	fprintf(f, "}");
}

static void
put_ledger(FILE *f, const struct ledger *l)
{
	const char *separator = "";

	fprintf(f, ",\n  \"ledger_balanced\": %s,\n  \"ledger\": {",
		ledger_balances(l, NULL) ? "true" : "false");
	for (unsigned int term = 0; term < LEDGER_TERMS; term++) {
		fprintf(f, "%s\n    \"%s\": %llu", separator, ledger_term_name(term),
			(unsigned long long)l->count[term]);
		separator = ",";
	}
	fprintf(f, "\n  }");
}

/* The most networks that are listed; that there are more is said. */
#define SKIPPED_MAX 10000

/* Networks that were left out, since they had answered that they want no probes. */
static void
put_skipped(FILE *f, const struct refusals *r)
{
	struct refusals_network n;
	uint64_t count = 0, targets = 0;
	uint32_t at = 0;

	fprintf(f, ",\n  \"skipped_networks\": [");
	while (r != NULL && refusals_next(r, REFUSALS_OUT, &at, &n) == 0) {
		char address[IPV4_TEXT_SIZE];

		targets += n.skipped;
		if (count++ >= SKIPPED_MAX)
			continue;
		ipv4_format(n.address, address);
		fprintf(f, "%s\n    {\"network\": \"%s/%u\", \"prohibited\": %u, \"skipped_targets\": %u}",
			count > 1 ? "," : "", address, n.prefix_len, n.refused, n.skipped);
	}
	fprintf(f, "%s]", count > 0 ? "\n  " : "");
	json_member_number(f, "skipped_networks_count", count);
	json_member_number(f, "skipped_targets", targets);
}

/* Files are known once they are done. */
static void
put_files(FILE *f, const struct sinks *sinks)
{
	const char *separator = "";

	fprintf(f, ",\n  \"files\": [");
	for (unsigned int i = 0; i < sinks->count; i++) {
		size_t count = 0;
		const struct output_file *files = output_files(sinks->sinks[i].output, &count);

		for (size_t k = 0; k < count; k++) {
			fprintf(f, "%s\n    {\"name\": ", separator);
			json_put_text(f, files[k].name);
			fprintf(f, ", \"rows\": %llu, \"bytes\": %llu, \"sha256\": \"%s\"}",
				(unsigned long long)files[k].rows,
				(unsigned long long)files[k].bytes, files[k].sha256);
			separator = ",";
		}
	}
	fprintf(f, "\n  ]");
}

/* What the ledgers of earlier runs had, each when its last checkpoint was written, and this one's. */
static uint64_t
of_all_runs(const struct manifest *m, const struct ledger *l, unsigned int term)
{
	const char *name = ledger_term_name(term);
	uint64_t sum = l->count[term];

	for (size_t i = 0; i < m->base->count_count; i++)
		if (strcmp(m->base->counts[i].name, name) == 0)
			sum += m->base->counts[i].count;
	return sum;
}

static void
put_coverage(FILE *f, const struct manifest *m, const struct keeper_totals *totals)
{
	struct coverage_estimate c = coverage_estimate(totals->coverage_found, totals->coverage_seen);

	if (m->request->job->probe.coverage == 0)
		return;
	fprintf(f, ",\n  \"coverage\": {\"answered_second_look\": %llu, \"of_those_found_before\": %llu, "
		"\"estimate\": %.6f, \"low\": %.6f, \"high\": %.6f, \"confidence\": 0.95}",
		(unsigned long long)totals->coverage_seen, (unsigned long long)totals->coverage_found, c.share,
		c.low, c.high);
}

static void
put_end(FILE *f, const struct manifest *m, const struct engine *e, const struct control_result *result)
{
	struct ledger l;
	struct keeper_totals totals;
	uint64_t sent;

	engine_ledger(e, &l);
	writer_totals(engine_writer(e), &totals);
	sent = of_all_runs(m, &l, LEDGER_SENT + LEDGER_PROBE);
	json_member_text(f, "end_reason", reasons[result->reason]);
	if (result->writer_rc != 0)
		json_member_text(f, "output_error", strerror(-result->writer_rc));
	json_member_time(f, "send_end_time", m->run_wall_ns + result->sending_ns);
	json_member_time(f, "recv_end_time", m->run_wall_ns + result->duration_ns);
	json_member_number(f, "total_sent", sent);
	json_member_number(f, "packets_sent", sent); /* as ZMap 4 calls it */
	json_member_number(f, "send_to_failures", of_all_runs(m, &l, LEDGER_REFUSED + LEDGER_PROBE));
	json_member_number(f, "success_total", of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_SYNACK) +
						       of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_ECHOREPLY));
	json_member_number(f, "failure_total", of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_RST) +
						       of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_ICMP));
	json_member_number(f, "success_unique", totals.hits);
	json_member_number(f, "validation_passed", of_all_runs(m, &l, LEDGER_TAKEN));
	json_member_number(f, "validation_failed",
			   of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_BAD_COOKIE));
	json_member_number(f, "ip_fragments", of_all_runs(m, &l, LEDGER_KIND + CLASSIFY_FRAGMENT));
	fprintf(f, ",\n  \"hitrate\": %.6f", sent == 0 ? 0.0 : 100.0 * (double)totals.hits / (double)sent);
	put_coverage(f, m, &totals);
	if (engine_has_lookups(e)) {
		put_answers(f, e);
		if (engine_resolver_count(e) > 0)
			put_resolvers(f, e, m->request->inputs.asking.plan.resolver_count);
		if (m->request->inputs.asking.plan.direct)
			put_walks(f, e);
	}
	put_ledger(f, &l);
	put_skipped(f, engine_refusals(e));
	if (engine_has_grabs(e))
		accepting_put(f, &m->accepting);
	manifest_put_events(f, &m->events, m->start_wall_ns);
	manifest_put_course(f, &m->course, m->start_wall_ns);
	put_files(f, m->sinks);
}

static void
put_all(FILE *f, const struct manifest *m, const struct engine *e, const struct control_result *result)
{
	const struct job *job = m->request->job;

	fprintf(f, "{\n  \"complete\": %s", result != NULL ? "true" : "false");
	json_member_text(f, "scan_id", m->scan_id);
	json_member_text(f, "name", job->name);
	put_tags(f, &job->tags);
	json_member_text(f, "asdic_version", ASDIC_VERSION);
	json_member_text(f, "dpdk_version", rte_version());
	put_job(f, job, &m->request->inputs);
	if (job->dns.lookup_count > 0 || hosts_count(m->request->inputs.hosts) > 0)
		put_dns(f, &job->dns, &m->request->inputs.asking);
	put_hosts(f, m->request->inputs.hosts);
	put_sets(f, job, &m->request->inputs);
	put_registry_date(f);
	json_member_time(f, "send_start_time", m->start_wall_ns);
	json_member_time(f, "recv_start_time", m->start_wall_ns);
	manifest_put_clock(f);
	json_member_number(f, "runs", m->base->runs);
	if (result != NULL)
		put_end(f, m, e, result);
	fprintf(f, "\n}\n");
}

static int
write_aside(const struct manifest *m, const char *aside, const struct engine *e,
	    const struct control_result *result)
{
	FILE *f = fopen(aside, "we");
	int rc = 0;

	if (f == NULL)
		return -errno;
	put_all(f, m, e, result);
	if (fflush(f) != 0 || fsync(fileno(f)) != 0)
		rc = -errno;
	if (fclose(f) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(aside, m->path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(aside);
	return rc;
}

int
manifest_write(const struct manifest *m, const struct engine *e, const struct control_result *result)
{
	char *aside;
	int rc = -ENOMEM;

	if (m->path == NULL)
		return 0;
	if (asprintf(&aside, "%s.part", m->path) >= 0) {
		rc = write_aside(m, aside, e, result);
		free(aside);
	}
	if (rc != 0)
		fprintf(stderr, "asdic: cannot write the manifest '%s': %s\n", m->path, strerror(-rc));
	return rc;
}
