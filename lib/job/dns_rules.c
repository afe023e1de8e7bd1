/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/dns_rules.h"

#include <strings.h>

#include "job/readers.h"

bool
job_has_targets(const struct job *job)
{
	return job->targets.include.count > 0 || job->targets.include_files.count > 0;
}

bool
job_looks_up(const struct job *job, enum job_names names)
{
	for (size_t i = 0; i < job->dns.lookup_count; i++)
		if (job->dns.lookups[i].names == names)
			return true;
	return false;
}

static bool
has_tls(const struct job *job)
{
	for (size_t i = 0; i < job->grab_count; i++)
		if (job->grabs[i].module == JOB_GRAB_TLS)
			return true;
	return false;
}

/* Names come from what the scan finds: then it must look for it. */
static void
check_found(struct reader *r, enum job_names names, const struct yaml_node *node)
{
	if (!job_has_targets(r->job))
		diag_add(r->diag, node->place,
			 "'names' is '%s', but there are no targets to find any at; write 'names_file', or "
			 "see 'targets'", node->text);
	else if (names == JOB_NAMES_CERTIFICATES && !has_tls(r->job))
		diag_add(r->diag, node->place,
			 "'names' is 'certificates', but no grab asks for any; write a grab of module tls");
}

static void
check_lookup(struct reader *r, struct job_lookup *lookup, const struct yaml_node *item)
{
	const struct yaml_node *names = yaml_find(item, "names"), *file = yaml_find(item, "names_file");
	const struct yaml_node *types = yaml_find(item, "types");

	if (names != NULL && file != NULL)
		diag_add(r->diag, item->place,
			 "'names' and 'names_file' are both given; write two lookups, or remove one");
	else if (names == NULL && file == NULL)
		diag_add(r->diag, item->place,
			 "'names' is missing; write certificates or responders, or the name of a file as "
			 "'names_file'");
	else if (names != NULL)
		check_found(r, lookup->names, names);
	else
		lookup->names = JOB_NAMES_FILE;
	if (types == NULL)
		diag_add(r->diag, item->place, "'types' is missing; write a list of record types, like [A, AAAA]");
	else if (types->kind == YAML_SEQUENCE && types->count == 0)
		diag_add(r->diag, types->place, "'types' is an empty list; write record types, like [A, AAAA]");
}

static bool
says(const struct yaml_node *item, const char *names)
{
	const struct yaml_node *node = item->kind == YAML_MAPPING ? yaml_find(item, "names") : NULL;

	return node != NULL && yaml_is(node, names);
}

/* Each name is looked up once a scan: two lookups of one kind would be about the same names. */
static void
check_once(struct reader *r, const struct yaml_node *list)
{
	static const char *const found[] = {"certificates", "responders"};

	for (size_t n = 0; n < 2; n++) {
		unsigned int seen = 0;

		for (size_t i = 0; i < r->job->dns.lookup_count; i++)
			if (says(reader_item_at(list, i), found[n]) && seen++ > 0)
				diag_add(r->diag, reader_item_at(list, i)->place,
					 "%s' names have a lookup already; write all types there", found[n]);
	}
}

static void
check_lookups(struct reader *r, const struct yaml_node *list)
{
	struct job_dns *dns = &r->job->dns;
	size_t count = list->kind == YAML_SEQUENCE ? list->count : list->kind == YAML_MAPPING;

	if (count > JOB_LOOKUPS_MAX)
		return; /* told */
	dns->lookup_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(list, i);

		if (item->kind == YAML_MAPPING) /* else told */
			check_lookup(r, &dns->lookups[i], item);
	}
	check_once(r, list);
}

/* Only direct mode asks those who have not offered to be asked. */
static void
apply_manners(struct reader *r)
{
	static const char *const keys[] = {"dns.per_server", "dns.per_server_in_flight"};
	struct job_dns *dns = &r->job->dns;
	bool is_harmless = job_is_harmless(r->job);

	if (schema_given(r, keys[0]) == NULL)
		dns->per_server = is_harmless ? 0 : JOB_PER_SERVER;
	if (schema_given(r, keys[1]) == NULL)
		dns->per_server_in_flight = is_harmless ? 0 : JOB_PER_SERVER_IN_FLIGHT;
	for (size_t i = 0; i < 2; i++)
		if (schema_given(r, keys[i]) != NULL && dns->mode != JOB_DNS_DIRECT)
			diag_add(r->diag, schema_given(r, keys[i])->place,
				 "'%s' is of direct mode; write 'rate', which resolvers share, or 'mode: direct'",
				 keys[i] + sizeof("dns.") - 1);
}

/* Whether one of those so far has the name of another. */
static void
check_name_is_new(struct reader *r, const struct job_dns_canary *c, const struct job_dns_canary *others, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (others[i].is_drawn == c->is_drawn && strcasecmp(others[i].name, c->name) == 0)
			diag_add(r->diag, c->place, "'%s%s' is a canary already; remove one",
				 c->is_drawn ? "*." : "", c->name);
}

static void
check_canaries(struct reader *r, const struct yaml_node *node)
{
	struct job_dns_canaries *c = &r->job->dns.canaries;

	c->are_given = true;
	if (r->job->dns.mode == JOB_DNS_DIRECT)
		diag_add(r->diag, node->place,
			 "'canaries' are asked of resolvers, and 'mode' is direct; remove one of the two");
	if (c->known_count + c->absent_count > JOB_DNS_CANARIES_MAX)
		diag_add(r->diag, node->place, "'canaries' has %zu names; at most %d are asked",
			 c->known_count + c->absent_count, JOB_DNS_CANARIES_MAX);
	for (size_t i = 0; i < c->known_count; i++)
		check_name_is_new(r, &c->known[i], c->known, i);
	for (size_t i = 0; i < c->absent_count; i++) {
		check_name_is_new(r, &c->absent[i], c->known, c->known_count);
		check_name_is_new(r, &c->absent[i], c->absent, i);
	}
}

void
dns_rules_apply(struct reader *r)
{
	const struct yaml_node *node = schema_given(r, "dns"), *lookups = schema_given(r, "dns.lookups");
	const struct yaml_node *resolvers = schema_given(r, "dns.resolvers");
	const struct yaml_node *canaries = schema_given(r, "dns.canaries");
	struct job_dns *dns = &r->job->dns;

	if (node == NULL || node->kind != YAML_MAPPING)
		return;
	dns->is_given = true;
	dns->place = node->place;
	if (lookups != NULL)
		check_lookups(r, lookups);
	else if (!job_has_targets(r->job))
		diag_add(r->diag, node->place,
			 "'lookups' is missing; write which names to look up, like 'lookups: [{names_file: "
			 "names.txt, types: [A]}]'");
	apply_manners(r);
	if (canaries != NULL && canaries->kind == YAML_MAPPING)
		check_canaries(r, canaries);
	if (dns->mode != JOB_DNS_DIRECT &&
	    (resolvers == NULL || (resolvers->kind == YAML_SEQUENCE && resolvers->count == 0)))
		diag_add(r->diag, node->place,
			 "'resolvers' is missing; write whom to ask, like [198.51.100.53] or "
			 "[/etc/resolv.conf] (--resolvers), or 'mode: direct'");
}
