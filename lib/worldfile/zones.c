/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of a world that say which zones there are, and who serves them. */
#include <string.h>

#include "dnsmsg/dnsmsg.h"
#include "worldfile/keys.h"
#include "yaml/value.h"

static void
read_name(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t size = node->kind == YAML_SCALAR ? dns_name_from_text(node->text, node->len, wire) : 0;

	if (size == 0)
		keys_fault(r, key, node);
	else
		memcpy(field, wire, size);
}

static void
read_address(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || ipv4_parse(node->text, node->len, field) != 0)
		keys_fault(r, key, node);
}

/* A server before it is put into its zone. */
static void
read_server(struct reader *r, const struct key *key, const struct yaml_node *node,
	    struct world_zone_server *server)
{
	static const struct key keys[] = {
		{"name", read_name, offsetof(struct world_zone_server, name), "a name such as ns.test", 0},
		{"address", read_address, offsetof(struct world_zone_server, address),
		 "an address such as 198.51.100.1", 0},
	};

	if (node->kind != YAML_MAPPING || yaml_find(node, "name") == NULL || yaml_find(node, "address") == NULL)
		keys_fault(r, key, node);
	else
		keys_read(r, "a zone's server", node, keys, COUNT(keys), server);
}

static void
read_glue(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || value_bool(node->text, node->len, field) != 0)
		keys_fault(r, key, node);
}

static void
pass(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	(void)field;
	if (node->kind != YAML_SEQUENCE || node->count == 0)
		keys_fault(r, key, node);
}

static const struct key zone_keys[] = {
	{"zone", read_name, offsetof(struct world_zone_server, zone), "a name such as test, or \".\"", 0},
	{"glue", read_glue, offsetof(struct world_zone_server, glue), "true or false", 0},
	{"servers", pass, 0, "servers such as [{name: ns.test, address: 198.51.100.1}]", 0},
};

static void
read_zone(struct reader *r, const struct key *key, const struct yaml_node *node,
	  struct world_description *d, struct world_zone_server *servers)
{
	const struct yaml_node *list = node->kind == YAML_MAPPING ? yaml_find(node, "servers") : NULL;
	struct world_zone_server zone = {.glue = true};

	if (list == NULL || yaml_find(node, "zone") == NULL) {
		keys_fault(r, key, node);
		return;
	}
	keys_read(r, "a zone", node, zone_keys, COUNT(zone_keys), &zone);
	for (size_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++) {
		servers[d->zone_servers_count] = zone;
		read_server(r, &zone_keys[2], list->items[i], &servers[d->zone_servers_count++]);
	}
}

/* How many servers there are in all. */
static size_t
servers_count(const struct yaml_node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *zone = node->items[i];
		const struct yaml_node *list = zone->kind == YAML_MAPPING ? yaml_find(zone, "servers") : NULL;

		count += list != NULL && list->kind == YAML_SEQUENCE ? list->count : 0;
	}
	return count;
}

void
zones_read(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_description *d = field;
	struct world_zone_server *servers;
	size_t count;

	if (node->kind != YAML_SEQUENCE) {
		keys_fault(r, key, node);
		return;
	}
	count = servers_count(node);
	if (count > WORLD_ZONE_SERVERS_MAX) {
		diag_add(r->diag, node->place, "%zu servers of zones; write at most %d", count,
			 WORLD_ZONE_SERVERS_MAX);
		return;
	}
	servers = region_alloc(&r->memory, count + 1, sizeof(*servers));
	if (servers == NULL) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		read_zone(r, key, node->items[i], d, servers);
	d->zone_servers = servers;
}
