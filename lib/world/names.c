/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/names.h"

#include <stdio.h>
#include <string.h>

#include "world/authority.h"

/* What is drawn of a name: letters, read as a big-endian number. */
#define DRAW_NAME UINT64_C(0x6e616d65)         /* "name" */
#define DRAW_ALIAS UINT64_C(0x616c696173)      /* "alias" */
#define DRAW_TARGET UINT64_C(0x746172676574)   /* "target" */
#define DRAW_BIG UINT64_C(0x626967)            /* "big" */
#define DRAW_CUT UINT64_C(0x637574)            /* "cut" */
#define DRAW_LIE UINT64_C(0x6c6965)            /* "lie" */
#define DRAW_DENY UINT64_C(0x64656e79)         /* "deny" */
#define DRAW_DIVERT UINT64_C(0x646976657274)   /* "divert" */

#define ALIASES_MAX 8 /* that a server follows */
#define BIG_RECORDS 20
#define UDP_BYTES 512 /* that a client takes who says nothing (RFC 1035, 4.2.1) */
#define LIAR_ADDRESS UINT32_C(0xcb007142) /* 203.0.113.66 */

/* ---- Truth ------------------------------------------------------------------------------- */

/* FNV-1a of the name in wire form and lower case. */
uint64_t
names_hash(const struct world *w, const uint8_t *name)
{
	uint8_t folded[DNS_NAME_MAX];
	size_t size = dns_name_size(name);
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	memcpy(folded, name, size);
	dns_name_fold(folded);
	for (size_t i = 0; i < size; i++)
		h = (h ^ folded[i]) * UINT64_C(0x100000001b3);
	return world_hash(hash_mix64(w->seed ^ h) ^ DRAW_NAME);
}

bool
names_draw(uint64_t hash, uint64_t what, uint64_t bound)
{
	return world_chance(world_hash(hash ^ what), bound);
}

static unsigned int
name_status(const struct world *w, uint64_t hash)
{
	if (world_chance(hash, w->names.servfail))
		return DNS_SERVFAIL;
	return world_chance(hash, w->names.exists) ? DNS_NOERROR : DNS_NXDOMAIN;
}

static bool
is_alias(const struct world *w, uint64_t hash)
{
	return names_draw(hash, DRAW_ALIAS, w->names.alias);
}

/* ---- Records ----------------------------------------------------------------------------- */

/* A name "<word><hex>.example" of 40 bytes at most; its size. */
static size_t
made_name(const char *word, uint64_t number, unsigned int digits, uint8_t *wire)
{
	uint8_t made[DNS_NAME_MAX];
	char text[40];
	int len = snprintf(text, sizeof(text), "%s%0*llx.example", word, (int)digits,
			   (unsigned long long)number);
	size_t size = dns_name_from_text(text, (size_t)len, made);

	memcpy(wire, made, size);
	return size;
}

/* A name that stands behind so many bytes of data. */
static size_t
named(size_t before, const char *word, uint64_t d, uint8_t *data)
{
	return before + made_name(word, d & UINT32_MAX, 8, data + before);
}

static size_t
soa_data(uint64_t d, uint8_t *data)
{
	static const uint32_t times[] = {3600, 600, 86400, 300};
	size_t len = named(0, "ns-", d, data);

	len = named(len, "mail-", d, data);
	store_be32(data + len, (uint32_t)d);
	for (unsigned int i = 0; i < 4; i++)
		store_be32(data + len + 4 + 4 * i, times[i]);
	return len + 20;
}

static size_t
txt_data(uint64_t d, bool big, uint8_t *data)
{
	char hex[17];
	unsigned int times = big ? 6 : 1;

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)d);
	data[0] = (uint8_t)(16 * times);
	for (unsigned int i = 0; i < times; i++)
		memcpy(data + 1 + 16 * i, hex, 16);
	return 1 + 16 * times;
}

static size_t
caa_data(uint64_t d, uint8_t *data)
{
	memcpy(data, "\0\5issue", 7);
	return 7 + (size_t)sprintf((char *)data + 7, "ca-%08x.example", (unsigned int)(d & UINT32_MAX));
}

/* The data of a record of a type; 0: no name has any. Room for 128 bytes. */
static size_t
record_data(const struct world_names *n, uint16_t type, uint64_t d, bool big, uint8_t *data)
{
	switch (type) {
	case DNS_A:
		store_be32(data, n->addresses.first + (uint32_t)(d % ipv4_range_count(n->addresses)));
		return 4;
	case DNS_AAAA:
		memcpy(data, "\x20\x01\x0d\xb8\0\0\0\0", 8);
		store_be32(data + 8, (uint32_t)(d >> 32));
		store_be32(data + 12, (uint32_t)d);
		return 16;
	case DNS_NS:
		return named(0, "ns-", d, data);
	case DNS_PTR:
		return named(0, "host-", d, data);
	case DNS_MX:
		store_be16(data, (uint16_t)(d % 100));
		return named(2, "mx-", d, data);
	case DNS_SRV:
		store_be16(data, (uint16_t)(d % 10));
		store_be16(data + 2, (uint16_t)((d >> 8) % 100));
		store_be16(data + 4, (uint16_t)(d >> 16));
		return named(6, "srv-", d, data);
	case DNS_TXT:
		return txt_data(d, big, data);
	case DNS_SOA:
		return soa_data(d, data);
	case DNS_CAA:
		return caa_data(d, data);
	case DNS_HTTPS:
		memcpy(data, "\0\1\0\0\1\0\3\2h2", 10);
		return 10;
	default:
		return 0;
	}
}

/* How many records of a type a name has that has any. */
static unsigned int
record_count(uint16_t type, uint64_t t, bool big)
{
	if (type == DNS_TXT && big)
		return BIG_RECORDS;
	if (type == DNS_A || type == DNS_AAAA || type == DNS_NS || type == DNS_MX || type == DNS_TXT)
		return 1 + (unsigned int)(hash_mix64(t) % 3);
	return 1;
}

/* The records of one name, if there are any of that type. */
static void
records_write(const struct world *w, struct dns_writer *to, const uint8_t *name, uint64_t hash,
	      uint16_t type)
{
	uint64_t t = world_hash(hash ^ type);
	bool big = names_draw(hash, DRAW_BIG, w->names.big);

	if (!world_chance(t, w->names.types))
		return;
	for (unsigned int i = 0; i < record_count(type, t, big); i++) {
		uint64_t d = hash_mix64(t + 1 + i);
		uint8_t data[128];
		size_t len = record_data(&w->description.names, type, d, big, data);

		if (len > 0)
			dns_writer_record(to, DNS_ANSWERS, name, type, (uint32_t)(60 + d % 3600), data,
					  (uint16_t)len);
	}
}

/* ---- Answers ----------------------------------------------------------------------------- */

unsigned int
names_resolve(const struct world *w, const struct dns_question *q, unsigned int names,
	      struct dns_writer *to)
{
	uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX];
	uint64_t hash = names_hash(w, q->name);

	memcpy(name, q->name, sizeof(name));
	for (unsigned int i = 0; i < names; i++) {
		unsigned int status = name_status(w, hash);
		uint64_t d = hash_mix64(hash ^ DRAW_TARGET);
		size_t len;

		if (status != DNS_NOERROR)
			return status;
		if (!is_alias(w, hash)) {
			records_write(w, to, name, hash, q->type);
			return DNS_NOERROR;
		}
		len = made_name("", d, 16, target);
		dns_writer_record(to, DNS_ANSWERS, name, DNS_CNAME, (uint32_t)(60 + d % 3600), target,
				  (uint16_t)len);
		if (q->type == DNS_CNAME || names == 1)
			return DNS_NOERROR;
		memcpy(name, target, len);
		hash = names_hash(w, name);
	}
	return DNS_SERVFAIL;
}

static void
liar_write(struct dns_writer *to, const uint8_t *name)
{
	uint8_t address[4];

	store_be32(address, LIAR_ADDRESS);
	dns_writer_record(to, DNS_ANSWERS, name, DNS_A, 60, address, 4);
}

static void
authority_write(struct dns_writer *to, uint64_t hash)
{
	static const uint8_t root[] = {0};
	uint8_t data[128];

	dns_writer_record(to, DNS_AUTHORITIES, root, DNS_SOA, 300, data, (uint16_t)soa_data(hash, data));
}

/* The client's side of a query: its question, and what it takes. */
struct asked {
	struct dns_header header;
	struct dns_question question;
	bool has_opt;
	uint16_t bytes;
};

static bool
query_read(struct span message, struct asked *a)
{
	struct dns_reader r;
	struct dns_rr rr;
	int rc;

	*a = (struct asked){.bytes = UDP_BYTES};
	if (dns_reader_init(&r, message) != 0 || r.header.is_response || r.header.opcode != 0 ||
	    dns_reader_question(&r, &a->question) != 1)
		return false;
	a->header = r.header;
	while ((rc = dns_reader_next(&r, &rr)) == 1) {
		if (rr.type != DNS_OPT)
			continue;
		a->has_opt = true;
		a->bytes = rr.class < UDP_BYTES ? UDP_BYTES : rr.class;
	}
	return rc == 0;
}

static void
answer_begin(const struct asked *a, unsigned int status, bool cut, uint8_t *answer, size_t size,
	     struct dns_writer *to)
{
	const struct dns_header header = {
		.id = a->header.id,
		.is_response = true,
		.truncated = cut,
		.recursion_desired = a->header.recursion_desired,
		.recursion_available = true,
		.rcode = (uint8_t)status,
	};

	dns_writer_begin(to, answer, size, &header);
	dns_writer_question(to, a->question.name, a->question.type, a->question.class);
}

/* An answer with nothing in it. */
static size_t
answer_empty(const struct asked *a, unsigned int status, bool cut, uint8_t *answer, size_t size)
{
	struct dns_writer to;

	answer_begin(a, status, cut, answer, size, &to);
	if (a->has_opt && status != DNS_FORMERR)
		dns_writer_opt(&to, 1232);
	return to.overflow ? 0 : to.len;
}

/* A header alone. */
static size_t
answer_bare(const struct asked *a, unsigned int status, uint8_t *answer, size_t size)
{
	struct dns_writer to;

	answer_begin(a, status, false, answer, size, &to);
	store_be16(answer + 4, 0);
	return to.overflow ? 0 : DNS_HEADER_BYTES;
}

/* Of a server of zones: no recursion, and authority (AA) where it has it. */
static size_t
answer_authority(const struct world *w, const struct names_query *q, const struct asked *a,
		 struct dns_writer *to)
{
	bool with_authority;
	unsigned int status = authority_resolve(w, q, &a->question, to, &with_authority);

	to->buf[2] |= with_authority ? 0x04 : 0;
	to->buf[3] = (uint8_t)status;
	if (with_authority && status != DNS_SERVFAIL && load_be16(to->buf + 6) == 0)
		authority_write(to, names_hash(w, a->question.name));
	if (a->has_opt)
		dns_writer_opt(to, 1232);
	return to->overflow ? 0 : to->len;
}

/* Whether it lies so of this name. */
static bool
lies(const struct names_query *q, uint64_t hash, uint64_t how, uint64_t share)
{
	return q->now_ns >= q->server->honest_ns && share != 0 &&
	       names_draw(hash_mix64(hash ^ q->address), how, world_bound(share));
}

/* What it says in place of the truth, if it does: the status. */
static unsigned int
answer_lie(const struct names_query *q, const struct asked *a, uint64_t hash, unsigned int status,
	   struct dns_writer *to)
{
	uint8_t *answer = to->buf;
	bool is_address = a->question.type == DNS_A && load_be16(answer + 6) > 0;

	if (status == DNS_NOERROR && lies(q, hash, DRAW_DENY, q->server->denies)) {
		answer_begin(a, DNS_NXDOMAIN, false, answer, to->size, to);
		return DNS_NXDOMAIN;
	}
	if ((status == DNS_NXDOMAIN && lies(q, hash, DRAW_LIE, q->server->lies)) ||
	    (status == DNS_NOERROR && is_address && lies(q, hash, DRAW_DIVERT, q->server->diverts))) {
		answer_begin(a, DNS_NOERROR, false, answer, to->size, to);
		liar_write(to, a->question.name);
		return DNS_NOERROR;
	}
	return status;
}

static size_t
answer_full(const struct world *w, const struct names_query *q, const struct asked *a, uint64_t hash,
	    uint8_t *answer, size_t size)
{
	struct dns_writer to;
	unsigned int status;

	answer_begin(a, DNS_NOERROR, false, answer, size, &to);
	if (q->server->authority)
		return answer_authority(w, q, a, &to);
	status = names_resolve(w, &a->question, ALIASES_MAX, &to);
	status = answer_lie(q, a, hash, status, &to);
	answer[3] = (uint8_t)((answer[3] & 0xf0) | status);
	if (status != DNS_SERVFAIL && load_be16(answer + 6) == 0)
		authority_write(&to, hash);
	if (a->has_opt)
		dns_writer_opt(&to, 1232);
	return to.overflow ? 0 : to.len;
}

size_t
names_answer(const struct world *w, const struct names_query *q, uint8_t *answer, size_t size)
{
	struct asked a;
	uint64_t hash;
	size_t len;

	if (!query_read(q->message, &a))
		return 0;
	if (a.has_opt && q->server->no_edns && q->server->bare)
		return answer_bare(&a, DNS_FORMERR, answer, size);
	if (a.has_opt && q->server->no_edns)
		return answer_empty(&a, DNS_FORMERR, false, answer, size);
	hash = names_hash(w, a.question.name);
	if (!q->is_tcp && size > a.bytes)
		size = a.bytes;
	if (!q->is_tcp && names_draw(hash, DRAW_CUT, w->names.truncated))
		return answer_empty(&a, DNS_NOERROR, true, answer, size);
	len = answer_full(w, q, &a, hash, answer, size);
	return len > 0 ? len : answer_empty(&a, DNS_NOERROR, true, answer, size);
}

/* ---- Forgeries --------------------------------------------------------------------------- */

size_t
names_forge(const struct names_query *q, enum names_forgery kind, uint8_t *answer, size_t size)
{
	struct dns_writer to;
	struct asked a;

	if (!query_read(q->message, &a))
		return 0;
	if (kind == FORGED_ID)
		a.header.id ^= 1 + (uint16_t)hash_mix64(a.header.id) % 0xffff;
	/* The first letter becomes another; the root has none and gets a label. */
	if (kind == FORGED_QUESTION && a.question.name[0] > 0)
		a.question.name[1] ^= 1;
	else if (kind == FORGED_QUESTION)
		memcpy(a.question.name, "\1x", 3);
	answer_begin(&a, DNS_NOERROR, false, answer, size, &to);
	liar_write(&to, a.question.name);
	return to.overflow ? 0 : to.len;
}
