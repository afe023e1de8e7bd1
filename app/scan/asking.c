/* SPDX-License-Identifier: BSD-3-Clause */
#include "asking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "inputs.h"
#include "lines/lines.h"
#include "reserved.h"

/* Queries/s where neither the job nor its dns has a rate. */
#define UNLIMITED_PPS UINT64_C(100000000)

static bool
has_resolver(const struct asking *a, struct resolvers_address address)
{
	for (size_t i = 0; i < a->plan.resolver_count; i++)
		if (a->resolvers[i].address == address.address && a->resolvers[i].port == address.port)
			return true;
	return false;
}

/* Each once: a list may name one twice. */
static int
add_resolver(struct asking *a, struct resolvers_address address)
{
	size_t count = a->plan.resolver_count;
	struct resolvers_address *grown;

	if (has_resolver(a, address))
		return 0;
	if ((count & (count - 1)) == 0) {
		grown = reallocarray(a->resolvers, count > 0 ? 2 * count : 1, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		a->resolvers = grown;
	}
	a->resolvers[a->plan.resolver_count++] = address;
	return 0;
}

static void
refuse_line(const struct job_text *file, unsigned int line, const char *text, size_t len, struct diag *diag)
{
	diag_add(diag, (struct diag_place){file->text, line, 1},
		 "'%.*s' is no resolver; write an address, address:port or 'nameserver' and an address",
		 (int)(len < 64 ? len : 64), text);
}

static int
read_file(struct asking *a, const struct job_text *file, struct diag *diag)
{
	struct resolvers_address address;
	struct lines *lines;
	unsigned int line = 0;
	const char *text;
	size_t len;
	int rc = lines_open(file->text, &lines), added = 0;

	if (rc != 0) {
		diag_add(diag, file->place, "cannot read '%s': %s", file->text, lines_error(rc));
		return rc == -ENOMEM ? rc : 0;
	}
	while (added == 0 && a->plan.resolver_count <= RESOLVERS_MAX &&
	       (rc = lines_next(lines, &text, &len)) > 0) {
		line++;
		switch (resolvers_read_line(text, len, &address)) {
		case 1:
			added = add_resolver(a, address);
			break;
		case 0:
			break;
		default:
			refuse_line(file, line, text, len, diag);
		}
	}
	if (rc < 0)
		diag_add(diag, file->place, "cannot read '%s': %s", file->text, lines_error(rc));
	lines_close(lines);
	return added;
}

/* Direct mode begins with the root's servers: those that are named, or those of the Internet. */
static int
check_roots(struct asking *a, const struct job_dns *dns, struct diag *diag)
{
	int rc = 0;

	a->plan.direct = true;
	a->plan.internet = dns->resolvers.count == 0;
	for (size_t i = 0; i < a->plan.resolver_count; i++) {
		if (a->resolvers[i].port != DNS_PORT) {
			diag_add(diag, dns->place, "'mode' is direct, which asks at port %d alone; name the root's "
				 "servers without ports, or none for those of the Internet", DNS_PORT);
			return 0;
		}
	}
	for (size_t i = 0; dns->resolvers.count == 0 && i < iterate_root_count && rc == 0; i++)
		rc = add_resolver(a, (struct resolvers_address){iterate_roots[i], DNS_PORT});
	return rc;
}

static int
read_resolvers(struct asking *a, const struct job_dns *dns, struct diag *diag)
{
	int rc = 0;

	for (size_t i = 0; i < dns->resolvers.count && rc == 0; i++) {
		const struct job_text *t = &dns->resolvers.items[i];
		struct resolvers_address address;

		if (strchr(t->text, '/') != NULL)
			rc = read_file(a, t, diag);
		else if (resolvers_read_line(t->text, strlen(t->text), &address) == 1)
			rc = add_resolver(a, address);
	}
	if (rc == 0 && dns->mode == JOB_DNS_DIRECT)
		rc = check_roots(a, dns, diag);
	if (rc != 0 || !diag_is_empty(diag))
		return rc;
	if (a->plan.resolver_count == 0)
		diag_add(diag, dns->place, "'resolvers' has none in it that has an IPv4 address; name one");
	else if (a->plan.resolver_count > RESOLVERS_MAX)
		diag_add(diag, dns->place, "'resolvers' has more than %d in all; name fewer", RESOLVERS_MAX);
	return 0;
}

static bool
is_gateway(const struct job *job, uint32_t address)
{
	for (size_t i = 0; i < job->interface_count; i++)
		if (job->interfaces[i].has_gateway && job->interfaces[i].gateway == address)
			return true;
	return false;
}

/* Frames go to the router, never to a host beside it. */
static bool
is_beside(const struct inputs *in, const struct job *job, uint32_t address)
{
	for (size_t i = 0; i < in->onlink_count; i++)
		if (in->onlink[i].first <= address && address <= in->onlink[i].last)
			return !is_gateway(job, address);
	return false;
}

/* Holes in the gate for those that it denies, and nobody who cannot be reached. */
static void
admit(const struct asking *a, const struct inputs *in, const struct job *job, struct diag *diag)
{
	for (size_t i = 0; i < a->plan.resolver_count; i++) {
		struct resolvers_address r = a->resolvers[i];
		char text[IPV4_TEXT_SIZE];

		ipv4_format(r.address, text);
		if (is_beside(in, job, r.address)) {
			diag_add(diag, job->dns.place,
				 "resolver %s is on the interface's own link, beside the router, which asdic does "
				 "not speak with; name the router or one beyond it", text);
			return;
		}
		if (gate_denies(in->gate, r.address) && gate_open(in->gate, r.address, r.port) != 0) {
			diag_add(diag, job->dns.place,
				 "more than %d resolvers have excluded or reserved addresses; name fewer",
				 GATE_HOLES_MAX);
			return;
		}
	}
}

static bool
is_public(uint32_t address)
{
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	size_t count = reserved_ranges(reserved);

	for (size_t i = 0; i < count; i++)
		if (reserved[i].first <= address && address <= reserved[i].last)
			return false;
	return true;
}

static void
take_canaries(struct asking *a, const struct job_dns_canaries *c)
{
	_Static_assert(RESOLVERS_CANARIES_MAX >= JOB_DNS_CANARIES_MAX &&
			       RESOLVERS_CANARY_ADDRESSES >= JOB_CANARY_ADDRESSES_MAX,
		       "room for all");
	for (size_t i = 0; i < c->known_count; i++) {
		struct resolvers_canary *to = &a->canaries[a->plan.canary_count++];

		*to = (struct resolvers_canary){.name = c->known[i].name, .kind = RESOLVERS_KNOWN,
						.address_count = c->known[i].address_count};
		memcpy(to->address, c->known[i].addresses, sizeof(c->known[i].addresses));
	}
	for (size_t i = 0; i < c->absent_count; i++)
		a->canaries[a->plan.canary_count++] = (struct resolvers_canary){
			.name = c->absent[i].name,
			.kind = c->absent[i].is_drawn ? RESOLVERS_BELOW : RESOLVERS_ABSENT,
		};
	a->plan.canaries = a->canaries;
}

/* The job's; else, of public resolvers, what is true of the Internet, which those of a lab need not know. */
static void
choose_canaries(struct asking *a, const struct job *job)
{
	a->plan.canary_every_ns = job->dns.canaries.every_ns;
	if (job->dns.canaries.are_given) {
		take_canaries(a, &job->dns.canaries);
		return;
	}
	for (size_t i = 0; i < a->plan.resolver_count && !a->plan.direct && !job_is_harmless(job); i++) {
		if (!is_public(a->resolvers[i].address))
			continue;
		a->plan.canaries = resolvers_public_canaries;
		a->plan.canary_count = resolvers_public_canary_count;
		return;
	}
}

/* The lower of the two that hold. */
static uint64_t
rate_of(const struct job *job)
{
	uint64_t all = job->rate_pps != 0 ? job->rate_pps : UNLIMITED_PPS, own = job->dns.rate_qps;

	return own != 0 && own < all ? own : all;
}

static void
fill_tasks(struct lookups_plan *plan, const struct job_dns *dns)
{
	_Static_assert(LOOKUPS_TASKS_MAX >= JOB_LOOKUPS_MAX && LOOKUPS_TYPES_MAX >= JOB_TYPES_MAX,
		       "every lookup of a job has a task");
	for (size_t i = 0; i < dns->lookup_count; i++) {
		plan->tasks[i].type_count = dns->lookups[i].types.count;
		memcpy(plan->tasks[i].type, dns->lookups[i].types.type, sizeof(dns->lookups[i].types.type));
	}
	plan->task_count = (unsigned int)dns->lookup_count;
}

/* Lists are read while the run goes on; that there is something to read is seen before. */
static void
check_lists(const struct job_dns *dns, struct diag *diag)
{
	for (size_t i = 0; i < dns->lookup_count; i++) {
		const struct job_text *file = &dns->lookups[i].file;
		struct stat st;
		int rc = 0;

		if (dns->lookups[i].names != JOB_NAMES_FILE || strcmp(file->text, "-") == 0)
			continue;
		if (stat(file->text, &st) != 0 || access(file->text, R_OK) != 0)
			rc = -errno;
		else if (S_ISDIR(st.st_mode))
			rc = -EISDIR;
		if (rc != 0)
			diag_add(diag, file->place, "cannot read '%s': %s", file->text, lines_error(rc));
	}
}

int
asking_build(struct asking *a, const struct inputs *in, const struct job *job, struct diag *diag)
{
	int rc = read_resolvers(a, &job->dns, diag);

	check_lists(&job->dns, diag);
	if (rc != 0 || !diag_is_empty(diag))
		return rc;
	admit(a, in, job, diag);
	choose_canaries(a, job);
	fill_tasks(&a->plan, &job->dns);
	a->plan.resolvers = a->resolvers;
	/* Resolvers have been looked at; who else is asked is not known yet. */
	if (a->plan.direct) {
		a->plan.beside = in->onlink;
		a->plan.beside_count = in->onlink_count;
	}
	a->plan.rate_pps = rate_of(job);
	a->plan.server_rate = (uint32_t)job->dns.per_server;
	a->plan.server_in_flight = (uint32_t)job->dns.per_server_in_flight;
	a->plan.timeout_ns = job->dns.timeout_ns;
	a->plan.tries = job->dns.tries;
	return 0;
}

void
asking_free(struct asking *a)
{
	free(a->resolvers);
}
