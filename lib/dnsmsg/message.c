/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a message. */
#include <errno.h>
#include <string.h>

#include "dnsmsg/dnsmsg.h"

bool
dns_header_read(struct span message, struct dns_header *h)
{
	uint16_t flags;

	if (message.len < DNS_HEADER_BYTES)
		return false;
	flags = load_be16(message.at + 2);
	*h = (struct dns_header){
		.id = load_be16(message.at),
		.is_response = flags >> 15 & 1,
		.opcode = flags >> 11 & 15,
		.authoritative = flags >> 10 & 1,
		.truncated = flags >> 9 & 1,
		.recursion_desired = flags >> 8 & 1,
		.recursion_available = flags >> 7 & 1,
		.authenticated = flags >> 5 & 1,
		.checking_disabled = flags >> 4 & 1,
		.rcode = flags & 15,
	};
	for (unsigned int i = 0; i < 4; i++)
		h->count[i] = load_be16(message.at + 4 + 2 * i);
	return true;
}

int
dns_reader_init(struct dns_reader *r, struct span message)
{
	*r = (struct dns_reader){.message = message, .offset = DNS_HEADER_BYTES};
	if (!dns_header_read(message, &r->header))
		return -EBADMSG;
	r->left = r->header.count[0];
	return 0;
}

/* A message that is broken has no more to say. */
static int
fail(struct dns_reader *r)
{
	r->section = DNS_ADDITIONALS;
	r->left = 0;
	return -EBADMSG;
}

int
dns_reader_question(struct dns_reader *r, struct dns_question *q)
{
	if (r->section != 0 || r->left == 0)
		return 0;
	if (dns_name_read(r->message, &r->offset, q->name) == 0 || r->message.len - r->offset < 4)
		return fail(r);
	q->type = load_be16(r->message.at + r->offset);
	q->class = load_be16(r->message.at + r->offset + 2);
	r->offset += 4;
	r->left--;
	return 1;
}

/* Past the questions and the sections that are done with. */
static int
find_section(struct dns_reader *r)
{
	struct dns_question q;
	int rc;

	while (r->section == 0 && r->left > 0)
		if ((rc = dns_reader_question(r, &q)) < 0)
			return rc;
	while (r->left == 0 && r->section < DNS_ADDITIONALS)
		r->left = r->header.count[++r->section];
	return r->left > 0;
}

int
dns_reader_next(struct dns_reader *r, struct dns_rr *rr)
{
	const uint8_t *fixed;
	int rc = find_section(r);

	if (rc <= 0)
		return rc;
	if (dns_name_read(r->message, &r->offset, rr->name) == 0 || r->message.len - r->offset < 10)
		return fail(r);
	fixed = r->message.at + r->offset;
	rr->section = (uint8_t)r->section;
	rr->type = load_be16(fixed);
	rr->class = load_be16(fixed + 2);
	rr->ttl = load_be32(fixed + 4);
	rr->len = load_be16(fixed + 8);
	rr->at = r->offset + 10;
	if (r->message.len - rr->at < rr->len)
		return fail(r);
	r->offset = rr->at + rr->len;
	r->left--;
	return 1;
}
