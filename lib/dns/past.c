/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tries that are over, remembered so that what still comes for them is told from what is forged: 64
 * bits of a keyed hash of all that a reply must fit, in sets of four, from which the oldest goes. A
 * reply to a try that went counts as forged.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "dns/internal.h"

#define SET 4

int
past_init(struct dns *d)
{
	uint64_t size = 1024;

	while (size < UINT64_C(2) * d->config.in_flight)
		size *= 2;
	d->past_mask = size - 1;
	d->past_key = chance_u64(&d->chance);
	d->past[0] = aligned_alloc(64, size * sizeof(*d->past[0]));
	d->past[1] = aligned_alloc(64, size * sizeof(*d->past[1]));
	d->asking = calloc(PORTS, sizeof(*d->asking));
	if (d->past[0] == NULL || d->past[1] == NULL || d->asking == NULL)
		return -ENOMEM;
	memset(d->past[0], 0, size * sizeof(*d->past[0]));
	memset(d->past[1], 0, size * sizeof(*d->past[1]));
	return 0;
}

/* The set that a key belongs to. */
static uint64_t *
set_of(const struct dns *d, bool answered, uint64_t key)
{
	return &d->past[answered][key & d->past_mask & ~(uint64_t)(SET - 1)];
}

static bool
is_in_set(const uint64_t *set, uint64_t key)
{
	bool found = false;

	for (unsigned int i = 0; i < SET; i++)
		found |= set[i] == key;
	return found;
}

static uint64_t
hash_bytes(uint64_t hash, const uint8_t *bytes, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = hash_mix64(hash ^ word);
	}
	word = len;
	memcpy(&word, bytes, len);
	return hash_mix64(hash ^ word ^ (uint64_t)len << 56);
}

/* Of a try: whom it asked from where, its id, and its question. Never 0, which is an empty place. */
static uint64_t
key_of(const struct dns *d, const struct flow_tuple *tuple, uint16_t id, const uint8_t *question, size_t len)
{
	uint64_t hash = hash_mix64(((uint64_t)tuple->local << 32 | tuple->remote) ^ d->past_key);

	hash ^= (uint64_t)tuple->local_port << 32 | (uint64_t)tuple->remote_port << 16 | id;
	return hash_bytes(hash_mix64(hash), question, len) | 1;
}

uint64_t
past_key_of(const struct dns *d, const struct lookup *l)
{
	const struct flow_tuple tuple = {l->local, l->server, l->local_port, l->port};

	return key_of(d, &tuple, load_be16(l->query), l->query + DNS_HEADER_BYTES, l->question_len);
}

void
past_ahead(const struct dns *d, const struct lookup *l)
{
	__builtin_prefetch(set_of(d, true, l->past_key), 1);
}

void
past_note(struct dns *d, const struct lookup *l, bool answered)
{
	uint64_t *set = set_of(d, answered, l->past_key);

	memmove(set + 1, set, (SET - 1) * sizeof(*set));
	set[0] = l->past_key;
}

/* The bytes of a message's first question; of none, where it has none. */
static struct span
question_of(struct span message)
{
	size_t at = DNS_HEADER_BYTES;

	while (at < message.len && message.at[at] != 0 && message.at[at] <= DNS_LABEL_MAX)
		at += 1u + message.at[at];
	if (message.len < DNS_HEADER_BYTES + 5 || at + 5 > message.len || message.at[at] != 0 ||
	    at - DNS_HEADER_BYTES >= DNS_NAME_MAX)
		return span_of(NULL, 0);
	return span_of(message.at + DNS_HEADER_BYTES, at + 5 - DNS_HEADER_BYTES);
}

bool
past_knows(struct dns *d, const struct flow_tuple *tuple, struct span message)
{
	struct span question = question_of(message);
	uint64_t key;

	if (question.len == 0)
		return false;
	key = key_of(d, tuple, load_be16(message.at), question.at, question.len);
	if (is_in_set(set_of(d, true, key), key))
		d->stats.repeated++;
	else if (is_in_set(set_of(d, false, key), key))
		d->stats.late++;
	else
		return false;
	return true;
}

void
dns_stray(struct dns *d, struct span packet, uint64_t now_ns)
{
	struct flow_packet p;

	(void)now_ns;
	if (flow_packet_read(packet.at, packet.len, IP_PROTO_UDP, &p) != 0)
		return;
	if (past_knows(d, &p.tuple, span_of(p.transport + 8, p.len - 8u)))
		return;
	if (d->asking[p.tuple.local_port] > 0)
		d->stats.forged_resolver++;
	else
		d->stats.forged_port++;
}
