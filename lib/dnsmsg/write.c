/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a message. */
#include <string.h>

#include "dnsmsg/dnsmsg.h"

/* A pointer to the name of a first question, which stands right behind the header. */
#define TO_QUESTION 0xc00c

static void
header_write(uint8_t *at, const struct dns_header *h)
{
	uint16_t flags = (uint16_t)(h->is_response << 15 | (h->opcode & 15) << 11 | h->authoritative << 10 |
				    h->truncated << 9 | h->recursion_desired << 8 |
				    h->recursion_available << 7 | h->authenticated << 5 |
				    h->checking_disabled << 4 | (h->rcode & 15));

	store_be16(at, h->id);
	store_be16(at + 2, flags);
	memset(at + 4, 0, 8);
}

/* Room for so many bytes, or NULL. */
static uint8_t *
extend(struct dns_writer *w, size_t len)
{
	uint8_t *at = w->buf + w->len;

	if (w->overflow || w->size - w->len < len) {
		w->overflow = true;
		return NULL;
	}
	w->len += len;
	return at;
}

/* One more in a section. */
static void
count(struct dns_writer *w, unsigned int section)
{
	uint8_t *at = w->buf + 4 + 2 * section;

	store_be16(at, (uint16_t)(load_be16(at) + 1));
}

void
dns_writer_begin(struct dns_writer *w, uint8_t *buf, size_t size, const struct dns_header *h)
{
	uint8_t *at;

	*w = (struct dns_writer){.buf = buf, .size = size};
	at = extend(w, DNS_HEADER_BYTES);
	if (at != NULL)
		header_write(at, h);
}

void
dns_writer_question(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class)
{
	size_t size = dns_name_size(name);
	uint8_t *at = extend(w, size + 4);

	if (at == NULL)
		return;
	memcpy(at, name, size);
	store_be16(at + size, type);
	store_be16(at + size + 2, class);
	count(w, 0);
}

/* Whether a first question has this very name: case and all, since a pointer gives it as it stands. */
static bool
is_question(const struct dns_writer *w, const uint8_t *name, size_t size)
{
	return size > 2 && load_be16(w->buf + 4) > 0 && w->len >= DNS_HEADER_BYTES + size &&
	       memcmp(w->buf + DNS_HEADER_BYTES, name, size) == 0;
}

static void
fixed_write(uint8_t *at, uint16_t type, uint16_t class, uint32_t ttl, uint16_t len)
{
	store_be16(at, type);
	store_be16(at + 2, class);
	store_be32(at + 4, ttl);
	store_be16(at + 8, len);
}

void
dns_writer_record(struct dns_writer *w, enum dns_section section, const uint8_t *name, uint16_t type,
		  uint32_t ttl, const void *data, uint16_t len)
{
	size_t size = dns_name_size(name);
	bool short_name = !w->overflow && is_question(w, name, size);
	size_t named = short_name ? 2 : size;
	uint8_t *at = extend(w, named + 10 + len);

	if (at == NULL)
		return;
	if (short_name)
		store_be16(at, TO_QUESTION);
	else
		memcpy(at, name, size);
	fixed_write(at + named, type, DNS_CLASS_IN, ttl, len);
	if (len > 0)
		memcpy(at + named + 10, data, len);
	count(w, section);
}

void
dns_writer_opt(struct dns_writer *w, uint16_t bytes)
{
	uint8_t *at = extend(w, 11);

	if (at == NULL)
		return;
	at[0] = 0;
	fixed_write(at + 1, DNS_OPT, bytes, 0, 0);
	count(w, DNS_ADDITIONALS);
}

size_t
dns_query_write(const struct dns_query *q, uint8_t buf[DNS_QUERY_MAX])
{
	struct dns_header header = {.id = q->id, .recursion_desired = q->recurse};
	struct dns_writer w;

	dns_writer_begin(&w, buf, DNS_QUERY_MAX, &header);
	dns_writer_question(&w, q->name, q->type, DNS_CLASS_IN);
	if (q->edns_bytes > 0)
		dns_writer_opt(&w, q->edns_bytes);
	return w.len;
}
