/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"

static int
compare_addresses(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Append an interface's addresses to the pooled ones: ascending, each once. */
static int
add_pool(struct probe_sources *s, const struct probe_pool_config *config, struct probe_pool *pool)
{
	uint32_t *own = s->pooled + s->address_count;
	uint32_t room = PROBE_SOURCES_MAX - s->address_count, n = 0, kept = 0;

	for (size_t i = 0; i < config->range_count; i++) {
		if (ipv4_range_count(config->ranges[i]) > room - n)
			return -E2BIG;
		for (uint64_t a = config->ranges[i].first; a <= config->ranges[i].last; a++)
			own[n++] = (uint32_t)a;
	}
	if (n == 0 || config->weight == 0)
		return -EINVAL;
	qsort(own, n, sizeof(own[0]), compare_addresses);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || own[i] != own[kept - 1])
			own[kept++] = own[i];
	s->address_count += kept;
	*pool = (struct probe_pool){.addresses = own, .address_count = kept};
	return probe_port_plan(config->port_first, config->port_last, &pool->plan);
}

/* Merge the pools, which are sorted each, into one, and note whose each address is. */
static int
merge(struct probe_sources *s)
{
	uint32_t next[PROBE_IFACES_MAX] = {0};

	for (uint32_t n = 0; n < s->address_count; n++) {
		const struct probe_pool *least = NULL;

		for (unsigned int i = 0; i < s->count; i++) {
			const struct probe_pool *p = &s->pool[i];

			if (next[i] < p->address_count &&
			    (least == NULL || p->addresses[next[i]] < s->addresses[n])) {
				least = p;
				s->addresses[n] = p->addresses[next[i]];
			}
		}
		s->owner[n] = (uint8_t)(least - s->pool);
		next[s->owner[n]]++;
		if (n > 0 && s->addresses[n] == s->addresses[n - 1])
			return -EEXIST;
	}
	return 0;
}

/* The first share that is not of the first `count` interfaces any more. */
static uint32_t
boundary(const struct probe_pool_config *pools, unsigned int all, unsigned int count)
{
	uint64_t before = 0, total = 0;

	for (unsigned int i = 0; i < all; i++) {
		total += pools[i].weight;
		before += i < count ? pools[i].weight : 0;
	}
	return (uint32_t)((2 * before * PROBE_SHARES + total) / (2 * total));
}

static void
divide(struct probe_sources *s, const struct probe_pool_config *pools)
{
	uint32_t first = 0;

	for (unsigned int i = 0; i < s->count; i++) {
		uint32_t end = boundary(pools, s->count, i + 1);
		uint32_t most = PROBE_SHARES - (s->count - 1 - i);

		end = end > first ? end : first + 1;
		end = end < most ? end : most;
		memset(s->iface_of_share + first, (int)i, end - first);
		s->pool[i].first_share = first;
		s->pool[i].shares = end - first;
		s->pool[i].scale = ((uint64_t)s->pool[i].address_count << 32) / (end - first);
		first = end;
	}
}

int
probe_sources_init(struct probe_sources *s, const struct probe_pool_config *pools,
		   unsigned int count)
{
	int rc = 0;

	if (count == 0 || count > PROBE_IFACES_MAX)
		return -EINVAL;
	*s = (struct probe_sources){.count = count, .is_one_plan = true};
	for (unsigned int i = 0; i < count && rc == 0; i++)
		rc = add_pool(s, &pools[i], &s->pool[i]);
	if (rc == 0)
		rc = merge(s);
	if (rc != 0)
		return rc;
	divide(s, pools);
	for (unsigned int i = 1; i < count; i++)
		s->is_one_plan &= pools[i].port_first == pools[0].port_first &&
				  pools[i].port_last == pools[0].port_last;
	return 0;
}

int
probe_sources_find(const struct probe_sources *s, uint32_t address, unsigned int *iface)
{
	uint32_t low = 0, high = s->address_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (s->addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->address_count || s->addresses[low] != address)
		return -ENOENT;
	*iface = s->owner[low];
	return 0;
}
