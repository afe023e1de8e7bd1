/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "dnsmsg/dnsmsg.h"
#include "request.h"
#include "sets.h"

/* printf a value, under a name that is a format of a number or none. */
static int __attribute__((format(printf, 4, 5)))
add(struct settings *s, const char *name, size_t number, const char *format, ...)
{
	struct checkpoint_setting *grown = reallocarray(s->items, s->count + 1, sizeof(*grown));
	char *own_name, *value;
	va_list args;
	int n;

	if (grown == NULL)
		return -ENOMEM;
	s->items = grown;
	va_start(args, format);
	n = vasprintf(&value, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	n = number > 0 ? asprintf(&own_name, "output.%zu.%s", number, name) : asprintf(&own_name, "%s", name);
	if (n < 0) {
		free(value);
		return -ENOMEM;
	}
	s->items[s->count++] = (struct checkpoint_setting){own_name, value};
	return 0;
}

static int
add_output(struct settings *s, const struct request *r, size_t i)
{
	const struct job_output *o = &r->job->outputs[i];
	const struct record_fields *fields = &r->inputs.sinks[i].fields;
	char file[JOB_FILE_NAME_SIZE], names[RECORD_LINE_MAX];
	size_t len = record_csv_header(fields, names);
	int rc = job_file_name(r->job, o, "{start}", file);

	if (rc == 0)
		rc = add(s, "file", i + 1, "%s", file);
	if (rc == 0)
		rc = add(s, "format", i + 1, "%s", o->format == JOB_FORMAT_CSV ? "csv" : "ndjson");
	if (rc == 0)
		rc = add(s, "fields", i + 1, "%.*s", (int)(len > 0 ? len - 1 : 0), names);
	if (rc == 0)
		rc = add(s, "records", i + 1, "%#x", o->records);
	if (rc == 0)
		rc = add(s, "header", i + 1, "%s", o->header ? "true" : "false");
	if (rc == 0)
		rc = add(s, "filter", i + 1, "%s", o->filter.text);
	if (rc == 0)
		rc = add(s, "rotate", i + 1, "%s", o->rotate_ns != 0 ? "true" : "false");
	return rc;
}

/* What a grab finds must not change within a scan; how long it may take may. */
static int
add_grab(struct settings *s, const struct job_grab *g)
{
	char name[80], ports[1024] = "";
	size_t at = 0;

	snprintf(name, sizeof(name), "grabs.%s", g->name);
	for (size_t i = 0; i < g->port_range_count && at < sizeof(ports); i++)
		at += (size_t)snprintf(ports + at, sizeof(ports) - at, " %u-%u", g->ports[i].first,
				       g->ports[i].last);
	return add(s, name, 0, "module %d, ports%s, depth %d, versions %#x, sni %s, certificates %d, "
		   "max_bytes %u", g->module, at > 0 ? ports : " all", g->depth, g->versions, g->sni,
		   g->certificates, g->max_bytes);
}

/* Which names are looked up must not change, nor what is asked of them; whom may. */
static int
add_lookup(struct settings *s, const struct job_lookup *l, size_t number)
{
	static const char *const found[] = {[JOB_NAMES_CERTIFICATES] = "of certificates",
					    [JOB_NAMES_RESPONDERS] = "of responders"};
	char name[40], types[JOB_TYPES_MAX * (DNS_TYPE_TEXT + 1) + 1] = "";
	size_t at = 0;

	snprintf(name, sizeof(name), "dns.lookups.%zu", number);
	for (unsigned int i = 0; i < l->types.count && at < sizeof(types); i++) {
		char text[DNS_TYPE_TEXT];

		at += strlcpy(types + at, " ", sizeof(types) - at);
		at += strlcpy(types + at, dns_type_name(l->types.type[i], text), sizeof(types) - at);
	}
	return add(s, name, 0, "names %s, types%s", l->names == JOB_NAMES_FILE ? l->file.text : found[l->names],
		   types);
}

static int
add_probe(struct settings *s, const struct job_probe *p)
{
	static const char *const profiles[] = {"windows", "linux", "mss"};
	int rc = add(s, "probe.module", 0, "%s", p->module);

	if (rc == 0)
		rc = add(s, "probe.profile", 0, "%s", profiles[p->profile]);
	if (rc == 0)
		rc = add(s, "probe.ttl", 0, "%u", p->ttl);
	if (rc == 0)
		rc = add(s, "probe.probes", 0, "%u", p->probes);
	return rc != 0 ? rc : add(s, "probe.coverage", 0, "%.9g%%", 100 * p->coverage);
}

/* Where replies come back to: as many and which, without listing thousands. */
static int
add_sources(struct settings *s, const struct request *r)
{
	char digest[DIGEST_TEXT_SIZE];
	int rc = sets_sources_digest(&r->inputs, digest);

	if (rc == 0)
		rc = add(s, "interfaces", 0, "%u with %u addresses, sha256 of those, their ports and shares %s",
			 r->inputs.sources.count, r->inputs.sources.address_count, digest);
	return rc;
}

static int
add_targets(struct settings *s, const struct request *r)
{
	const struct job *job = r->job;
	const struct inputs *in = &r->inputs;
	char digest[DIGEST_TEXT_SIZE];
	int rc = sets_targets_digest(job, in, digest);

	if (rc == 0)
		rc = add(s, "targets", 0, "%llu, sha256 %s", (unsigned long long)targets_count(in->targets),
			 digest);
	if (rc == 0)
		rc = add(s, "order.seed", 0, "%llu", (unsigned long long)in->seed);
	if (rc == 0)
		rc = add(s, "order.shard", 0, "%u/%u", job->order.shard, job->order.shards);
	if (rc == 0)
		rc = add(s, "limits.targets", 0, "up to position %llu", (unsigned long long)in->span.end);
	return rc != 0 ? rc : add(s, "test-key", 0, "%s", r->flags.test_key ? "true" : "false");
}

int
settings_make(struct settings *s, const struct request *r)
{
	int rc;

	*s = (struct settings){0};
	rc = add_targets(s, r);
	if (rc == 0)
		rc = add_probe(s, &r->job->probe);
	for (size_t i = 0; i < r->job->grab_count && rc == 0; i++)
		rc = add_grab(s, &r->job->grabs[i]);
	for (size_t i = 0; i < r->job->dns.lookup_count && rc == 0; i++)
		rc = add_lookup(s, &r->job->dns.lookups[i], i + 1);
	if (rc == 0)
		rc = add_sources(s, r);
	for (size_t i = 0; i < r->job->output_count && rc == 0; i++)
		rc = add_output(s, r, i);
	return rc;
}

void
settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free((char *)s->items[i].name);
		free((char *)s->items[i].value);
	}
	free(s->items);
}

const char *
settings_find(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return s->items[i].value;
	return NULL;
}
