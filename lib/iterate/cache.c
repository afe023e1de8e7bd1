/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses of servers, by name. Four entries stand in a bucket of four cache lines; a new one takes the place of
 * whichever would end first. Names are told by a keyed hash of 64 bits alone, which who does not know the
 * key cannot bring to collide.
 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "internal.h"
#include "once/once.h"

#define WAYS 4
#define TTL_MAX_S 86400 /* RFC 8767, 4 */

struct entry {
	uint64_t key; /* 0: empty */
	uint32_t until_s;
	uint8_t count;
	uint8_t zero[3];
	uint32_t address[ITERATE_SERVERS_MAX];
};

_Static_assert(sizeof(struct entry) == 64, "a cache line");

struct cache {
	uint64_t key[2];
	uint32_t buckets;
	struct entry *entries;
};

size_t
cache_bytes(uint32_t entries)
{
	return sizeof(struct cache) + (size_t)entries * sizeof(struct entry);
}

struct cache *
cache_new(uint32_t entries, const uint64_t key[2])
{
	struct cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	memcpy(c->key, key, sizeof(c->key));
	c->buckets = entries / WAYS;
	c->entries = calloc(entries, sizeof(*c->entries));
	if (c->entries != NULL)
		return c;
	free(c);
	return NULL;
}

void
cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	free(c->entries);
	free(c);
}

uint64_t
cache_key(const struct cache *c, enum cache_kind kind, const uint8_t *name)
{
	const uint64_t key[2] = {c->key[0] ^ kind, c->key[1]};
	uint8_t folded[DNS_NAME_MAX];
	size_t size = dns_name_size(name);

	memcpy(folded, name, size);
	dns_name_fold(folded);
	return once_hash(key, folded, size);
}

static struct entry *
bucket_of(const struct cache *c, uint64_t key)
{
	return &c->entries[(uint64_t)(((unsigned __int128)key * c->buckets) >> 64) * WAYS];
}

bool
cache_find(const struct cache *c, uint64_t key, uint64_t now_ns, struct servers *out)
{
	const struct entry *e = bucket_of(c, key);

	for (unsigned int i = 0; i < WAYS; i++, e++) {
		if (e->key != key || e->until_s <= now_ns / NS_PER_SEC)
			continue;
		memcpy(out->address, e->address, sizeof(e->address));
		out->count = e->count;
		return true;
	}
	return false;
}

void
cache_put(struct cache *c, uint64_t key, const struct servers *servers, uint32_t ttl_s, uint64_t now_ns)
{
	struct entry *bucket = bucket_of(c, key), *to = bucket;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (bucket[i].key == key) {
			to = &bucket[i];
			break;
		}
		if (bucket[i].until_s < to->until_s)
			to = &bucket[i];
	}
	*to = (struct entry){
		.key = key,
		.until_s = (uint32_t)(now_ns / NS_PER_SEC) + (ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S),
		.count = servers->count,
	};
	memcpy(to->address, servers->address, sizeof(to->address));
}
