/* SPDX-License-Identifier: BSD-3-Clause */
/* Chains of aliases that took more than one message to follow, told as one. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define KEPT_MAX (ITERATE_ALIASES_MAX * 2 * (DNS_NAME_MAX * 2 + 10))
_Static_assert(KEPT_MAX <= UINT16_MAX, "a length of 16 bits");

/* Where a type's data has names, which may be compressed (RFC 1035, 3.3; RFC 3597, 4): bytes before them, and how
 * many there are. */
static unsigned int
names_in(uint16_t type, size_t *before)
{
	*before = type == DNS_MX ? 2 : type == DNS_SRV ? 6 : 0;
	switch (type) {
	case DNS_SOA:
		return 2;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_DNAME:
	case DNS_MX:
	case DNS_SRV:
		return 1;
	default:
		return 0;
	}
}

/* A record's data with its names uncompressed: the length in out, or -1. */
static int
expand(struct span message, const struct dns_rr *rr, uint8_t *out, size_t size)
{
	size_t before, at = rr->at, end = rr->at + rr->len, len = 0;
	unsigned int names = names_in(rr->type, &before);

	if (before > rr->len || size < (size_t)rr->len + 2 * DNS_NAME_MAX)
		return -1;
	memcpy(out, message.at + at, before);
	at += before;
	len = before;
	for (unsigned int i = 0; i < names; i++) {
		size_t n = dns_name_read(message, &at, out + len);

		if (n == 0 || at > end)
			return -1;
		len += n;
	}
	memcpy(out + len, message.at + at, end - at);
	return (int)(len + (end - at));
}

static bool
copy_record(struct dns_writer *to, enum dns_section section, struct span message, const struct dns_rr *rr,
	    uint8_t *scratch)
{
	int len = expand(message, rr, scratch, DNS_MESSAGE_MAX);

	if (len < 0 || len > UINT16_MAX)
		return false;
	dns_writer_record(to, section, rr->name, rr->type, rr->ttl, scratch, (uint16_t)len);
	return !to->overflow;
}

bool
aliases_keep(struct aliases *a, struct span message)
{
	struct dns_reader r;
	struct dns_rr rr;

	if (a->records == NULL)
		a->records = malloc(KEPT_MAX);
	if (a->records == NULL || dns_reader_init(&r, message) != 0)
		return false;
	while (dns_reader_next(&r, &rr) == 1 && rr.section == DNS_ANSWERS) {
		size_t named = dns_name_size(rr.name);
		uint8_t data[3 * DNS_NAME_MAX];
		int len;

		if (rr.type != DNS_CNAME || rr.len > DNS_NAME_MAX)
			continue;
		len = expand(message, &rr, data, sizeof(data));
		if (len < 0 || a->len + named + 10 + (size_t)len > KEPT_MAX)
			return false;
		memcpy(a->records + a->len, rr.name, named);
		store_be16(a->records + a->len + named, DNS_CNAME);
		store_be16(a->records + a->len + named + 2, DNS_CLASS_IN);
		store_be32(a->records + a->len + named + 4, rr.ttl);
		store_be16(a->records + a->len + named + 8, (uint16_t)len);
		memcpy(a->records + a->len + named + 10, data, (size_t)len);
		a->len = (uint16_t)(a->len + named + 10 + (size_t)len);
		a->count++;
	}
	return true;
}

void
aliases_free(struct aliases *a)
{
	free(a->records);
	*a = (struct aliases){.count = 0};
}

/* The kept records, as they stand. */
static void
kept_write(const struct aliases *a, struct dns_writer *to)
{
	if (to->overflow || to->size - to->len < a->len) {
		to->overflow = true;
		return;
	}
	memcpy(to->buf + to->len, a->records, a->len);
	to->len += a->len;
	store_be16(to->buf + 6, (uint16_t)(load_be16(to->buf + 6) + a->count));
}

size_t
aliases_join(const struct aliases *a, const uint8_t *name, uint16_t type, struct span message, uint8_t *out,
	     size_t size)
{
	struct dns_reader r;
	struct dns_writer to;
	struct dns_rr rr;
	uint8_t *scratch;
	int rc;

	if (dns_reader_init(&r, message) != 0)
		return 0;
	scratch = malloc(DNS_MESSAGE_MAX);
	if (scratch == NULL)
		return 0;
	dns_writer_begin(&to, out, size, &r.header);
	dns_writer_question(&to, name, type, DNS_CLASS_IN);
	kept_write(a, &to);
	while ((rc = dns_reader_next(&r, &rr)) == 1) {
		if (rr.type == DNS_OPT)
			dns_writer_opt(&to, rr.class);
		else if (!copy_record(&to, (enum dns_section)rr.section, message, &rr, scratch))
			break;
	}
	free(scratch);
	return rc != 0 || to.overflow ? 0 : to.len;
}
