/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of which the answer is known, that tell resolvers who lie: those there are, and those there are not. */
#include <string.h>

#include "base/ipv4.h"
#include "dnsmsg/dnsmsg.h"
#include "job/readers.h"

#define WILDCARD "*."
#define WILDCARD_LEN 2

/* Of a label that is drawn by chance, and its length before it. */
#define DRAWN_BYTES 17

static bool
is_name(const char *text, size_t len, size_t room)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t wire_len = dns_name_from_text(text, len, wire);

	return wire_len > 1 && wire_len <= room;
}

static bool
is_drawn(const struct yaml_node *name)
{
	return name->len >= WILDCARD_LEN && memcmp(name->text, WILDCARD, WILDCARD_LEN) == 0;
}

static bool
has_room(struct reader *r, const struct key *key, const struct yaml_node *node, size_t count)
{
	if (count <= JOB_DNS_CANARIES_MAX)
		return true;
	diag_add(r->diag, node->place, "'%s' has %zu names; at most %d are asked", schema_name(key), count,
		 JOB_DNS_CANARIES_MAX);
	return false;
}

/* All addresses that a name may have; false: told. */
static bool
read_addresses(struct reader *r, const struct key *key, const struct yaml_node *node, struct job_dns_canary *c)
{
	size_t count = reader_item_count(r, key, node);

	if (node->kind == YAML_SEQUENCE && count == 0)
		reader_refuse_item(r, key, node);
	if (count > JOB_CANARY_ADDRESSES_MAX) {
		diag_add(r->diag, node->place, "'%s' has %zu addresses; up to %d are known of a name", c->name, count,
			 JOB_CANARY_ADDRESSES_MAX);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);
		uint32_t address;

		if (item->kind == YAML_SCALAR && ipv4_parse(item->text, item->len, &address) == 0)
			c->addresses[c->address_count++] = address;
		else
			reader_refuse_item(r, key, item);
	}
	return count > 0 && c->address_count == count;
}

void
reader_known(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_dns_canaries *canaries = field;

	canaries->known_count = 0;
	if (node->kind != YAML_MAPPING) {
		reader_refuse(r, key, node);
		return;
	}
	if (!has_room(r, key, node, node->count))
		return;
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *name = node->keys[i];
		struct job_dns_canary *c = &canaries->known[canaries->known_count];

		if (!reader_is_text(key, name) || is_drawn(name) || !is_name(name->text, name->len, DNS_NAME_MAX)) {
			reader_refuse_item(r, key, name);
			continue;
		}
		*c = (struct job_dns_canary){.name = reader_copy(r, name->text), .place = name->place};
		if (c->name != NULL && read_addresses(r, key, node->items[i], c))
			canaries->known_count++;
	}
}

static bool
is_absent(const struct key *key, const struct yaml_node *item)
{
	if (!reader_is_text(key, item))
		return false;
	if (is_drawn(item))
		return is_name(item->text + WILDCARD_LEN, item->len - WILDCARD_LEN, DNS_NAME_MAX - DRAWN_BYTES);
	return is_name(item->text, item->len, DNS_NAME_MAX);
}

void
reader_absent(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_dns_canaries *canaries = field;
	size_t count = reader_item_count(r, key, node);

	canaries->absent_count = 0;
	if (!has_room(r, key, node, count))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);
		struct job_dns_canary *c = &canaries->absent[canaries->absent_count];

		if (!is_absent(key, item)) {
			reader_refuse_item(r, key, item);
			continue;
		}
		*c = (struct job_dns_canary){.place = item->place};
		c->is_drawn = is_drawn(item);
		c->name = reader_copy(r, item->text + (c->is_drawn ? WILDCARD_LEN : 0));
		canaries->absent_count += c->name != NULL;
	}
}
