/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/authority.h"

#define DRAW_LAME UINT64_C(0x6c616d65) /* "lame" */

/* Whether a zone's server is lame for it: it refuses. */
static bool
is_lame(const struct world *w, const struct names_query *q, const uint8_t *zone)
{
	return names_draw(hash_mix64(names_hash(w, zone) ^ q->address), DRAW_LAME, world_bound(q->server->lame));
}

/* The lowest zone above a name that a server has; NULL: none. */
static const uint8_t *
zone_of(const struct world *w, uint32_t address, const uint8_t *name)
{
	const struct world_description *d = &w->description;
	const uint8_t *found = NULL;

	for (size_t i = 0; i < d->zone_servers_count; i++) {
		const struct world_zone_server *s = &d->zone_servers[i];

		if (s->address == address && dns_name_is_within(name, s->zone) &&
		    (found == NULL || dns_name_labels(s->zone) > dns_name_labels(found)))
			found = s->zone;
	}
	return found;
}

/* The zone right below one on the way to a name; NULL: the name is its own. */
static const uint8_t *
zone_below(const struct world *w, const uint8_t *zone, const uint8_t *name)
{
	const struct world_description *d = &w->description;
	unsigned int labels = dns_name_labels(zone);
	const uint8_t *found = NULL;

	for (size_t i = 0; i < d->zone_servers_count; i++) {
		const uint8_t *other = d->zone_servers[i].zone;

		if (dns_name_labels(other) > labels && dns_name_is_within(other, zone) &&
		    dns_name_is_within(name, other) &&
		    (found == NULL || dns_name_labels(other) < dns_name_labels(found)))
			found = other;
	}
	return found;
}

static void
referral_write(const struct world *w, const uint8_t *zone, struct dns_writer *to)
{
	const struct world_description *d = &w->description;
	uint8_t address[4];

	for (size_t i = 0; i < d->zone_servers_count; i++) {
		const struct world_zone_server *s = &d->zone_servers[i];

		if (dns_name_equal(s->zone, zone))
			dns_writer_record(to, DNS_AUTHORITIES, zone, DNS_NS, 86400, s->name,
					  (uint16_t)dns_name_size(s->name));
	}
	for (size_t i = 0; i < d->zone_servers_count; i++) {
		const struct world_zone_server *s = &d->zone_servers[i];

		store_be32(address, s->address);
		if (s->glue && dns_name_equal(s->zone, zone))
			dns_writer_record(to, DNS_ADDITIONALS, s->name, DNS_A, 86400, address, 4);
	}
}

/* The address of a server, by its name; false when it is none's. */
static bool
host_write(const struct world *w, const struct dns_question *q, struct dns_writer *to)
{
	const struct world_description *d = &w->description;
	bool found = false;
	uint8_t address[4];

	for (size_t i = 0; i < d->zone_servers_count; i++) {
		const struct world_zone_server *s = &d->zone_servers[i];

		if (!dns_name_equal(s->name, q->name))
			continue;
		store_be32(address, s->address);
		if (q->type == DNS_A && !found)
			dns_writer_record(to, DNS_ANSWERS, q->name, DNS_A, 86400, address, 4);
		found = true;
	}
	return found;
}

unsigned int
authority_resolve(const struct world *w, const struct names_query *q, const struct dns_question *question,
		  struct dns_writer *to, bool *with_authority)
{
	const uint8_t *zone = zone_of(w, q->address, question->name), *below;

	*with_authority = false;
	if (zone == NULL || is_lame(w, q, zone))
		return DNS_REFUSED;
	below = zone_below(w, zone, question->name);
	if (below != NULL) {
		referral_write(w, below, to);
		return DNS_NOERROR;
	}
	*with_authority = true;
	if (host_write(w, question, to))
		return DNS_NOERROR;
	return names_resolve(w, question, 1, to);
}
