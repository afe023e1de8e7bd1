/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server's message is worth to who asked. */
#include <string.h>

#include "internal.h"

/* Names of a referral's servers that are held against the addresses beside it. */
#define NS_SEEN_MAX 16

struct ns_names {
	uint8_t name[NS_SEEN_MAX][DNS_NAME_MAX];
	bool has_address[NS_SEEN_MAX];
	unsigned int count;
};

/* ---- Answers ----------------------------------------------------------------------------- */

/* The alias of a name among the answers; false when it has none there. */
static bool
find_alias(struct span message, const uint8_t *name, uint8_t target[DNS_NAME_MAX])
{
	struct dns_reader r;
	struct dns_rr rr;

	if (dns_reader_init(&r, message) != 0)
		return false;
	while (dns_reader_next(&r, &rr) == 1 && rr.section == DNS_ANSWERS) {
		size_t at = rr.at;

		if (rr.type == DNS_CNAME && dns_name_equal(rr.name, name))
			return dns_name_read(message, &at, target) > 0 && at == rr.at + rr.len;
	}
	return false;
}

static bool
has_record(struct span message, const uint8_t *name, uint16_t type)
{
	struct dns_reader r;
	struct dns_rr rr;

	if (dns_reader_init(&r, message) != 0)
		return false;
	while (dns_reader_next(&r, &rr) == 1 && rr.section == DNS_ANSWERS)
		if ((rr.type == type || type == DNS_ANY) && dns_name_equal(rr.name, name))
			return true;
	return false;
}

/*
 * Of a message with authority: go along its aliases. The last is the answer's if its records are there, or if the
 * message says that it is none; else it is to be looked for.
 */
static enum said
answer_read(const struct asked *a, struct span message, unsigned int rcode, uint8_t alias[DNS_NAME_MAX])
{
	uint8_t at[DNS_NAME_MAX], next[DNS_NAME_MAX];
	unsigned int aliases = 0;

	memcpy(at, a->name, dns_name_size(a->name));
	while (a->type != DNS_CNAME && !has_record(message, at, a->type) &&
	       find_alias(message, at, next) && aliases <= ITERATE_ALIASES_MAX) {
		memcpy(at, next, dns_name_size(next));
		aliases++;
		if (!dns_name_is_within(at, a->zone))
			break;
	}
	if (aliases == 0 || (dns_name_is_within(at, a->zone) &&
			     (has_record(message, at, a->type) || rcode == DNS_NXDOMAIN)))
		return SAID_ANSWER;
	memcpy(alias, at, dns_name_size(at));
	return SAID_ALIAS;
}

/* ---- Referrals --------------------------------------------------------------------------- */

/* A server of the zone that is referred to. Those of other zones say that the message makes no sense. */
static bool
ns_add(const struct asked *a, struct span message, const struct dns_rr *rr, struct referral *r,
       struct ns_names *names)
{
	size_t at = rr->at;

	if (names->count == 0) {
		if (!dns_name_is_within(a->name, rr->name) || !dns_name_is_within(rr->name, a->zone) ||
		    dns_name_equal(rr->name, a->zone))
			return false;
		memcpy(r->zone, rr->name, dns_name_size(rr->name));
		r->ttl_s = rr->ttl;
	}
	if (!dns_name_equal(rr->name, r->zone))
		return false;
	if (names->count < NS_SEEN_MAX && dns_name_read(message, &at, names->name[names->count]) > 0)
		names->count++;
	return true;
}

static int
ns_find(const struct ns_names *names, const uint8_t *name)
{
	for (unsigned int i = 0; i < names->count; i++)
		if (dns_name_equal(names->name[i], name))
			return (int)i;
	return -1;
}

static void
glue_add(const struct asked *a, struct span message, const struct dns_rr *rr, struct referral *r,
	 struct ns_names *names)
{
	int i = ns_find(names, rr->name);

	if (i < 0 || !dns_name_is_within(rr->name, a->zone)) {
		r->glue_refused++;
		return;
	}
	names->has_address[i] = true;
	servers_add(&r->servers, load_be32(message.at + rr->at));
}

/* Servers without an address: but not those below the zone itself, which only it could tell. */
static void
keep_names(const struct ns_names *names, struct referral *r)
{
	for (unsigned int i = 0; i < names->count && r->ns_count < NS_NAMES_MAX; i++) {
		if (names->has_address[i] || dns_name_is_within(names->name[i], r->zone))
			continue;
		memcpy(r->ns[r->ns_count++], names->name[i], dns_name_size(names->name[i]));
	}
}

static enum said
referral_find(const struct asked *a, struct span message, struct referral *r)
{
	struct ns_names names = {.count = 0};
	struct dns_reader reader;
	struct dns_rr rr;

	if (dns_reader_init(&reader, message) != 0)
		return SAID_LAME;
	while (dns_reader_next(&reader, &rr) == 1) {
		if (rr.section == DNS_AUTHORITIES && rr.type == DNS_NS && !ns_add(a, message, &rr, r, &names))
			return SAID_LAME;
		if (rr.section == DNS_ADDITIONALS && rr.type == DNS_A && rr.len == 4)
			glue_add(a, message, &rr, r, &names);
	}
	keep_names(&names, r);
	return names.count > 0 ? SAID_REFERRAL : SAID_LAME;
}

uint32_t
referral_denied_s(struct span message)
{
	struct dns_reader r;
	struct dns_rr rr;

	if (dns_reader_init(&r, message) != 0)
		return 0;
	while (dns_reader_next(&r, &rr) == 1) {
		uint32_t minimum;

		if (rr.section != DNS_AUTHORITIES || rr.type != DNS_SOA || rr.len < 22)
			continue;
		minimum = load_be32(message.at + rr.at + rr.len - 4);
		return rr.ttl < minimum ? rr.ttl : minimum;
	}
	return 0;
}

enum said
referral_read(const struct asked *a, struct span message, struct referral *r, uint8_t alias[DNS_NAME_MAX])
{
	struct dns_header h;

	*r = (struct referral){.ttl_s = 0};
	if (!dns_header_read(message, &h) || !h.is_response)
		return SAID_LAME;
	if (h.rcode != DNS_NOERROR && h.rcode != DNS_NXDOMAIN)
		return SAID_LAME;
	if (h.authoritative)
		return answer_read(a, message, h.rcode, alias);
	if (h.rcode == DNS_NXDOMAIN || h.count[DNS_ANSWERS] > 0)
		return SAID_LAME;
	return referral_find(a, message, r);
}
