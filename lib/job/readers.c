/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all readers share, and the readers of structure and numbers.
 */
#include "job/readers.h"

#include <stdio.h>
#include <string.h>

#include "yaml/value.h"

void
reader_refuse(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	char shown[YAML_DESCRIBE_SIZE];

	diag_add(r->diag, node->place, "'%s' is %s; write %s", schema_name(key),
		 yaml_describe(node, shown), key->mend);
}

void
reader_refuse_item(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	char shown[YAML_DESCRIBE_SIZE];

	diag_add(r->diag, item->place, "'%s' holds %s; write %s", schema_name(key),
		 yaml_describe(item, shown), key->mend);
}

void *
reader_alloc(struct reader *r, size_t count, size_t size)
{
	void *p = region_alloc(r->memory, count, size);

	if (p == NULL)
		r->no_memory = true;
	return p;
}

char *
reader_copy(struct reader *r, const char *text)
{
	char *copy = region_copy(r->memory, text, strlen(text));

	if (copy == NULL)
		r->no_memory = true;
	return copy;
}

size_t
reader_item_count(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (node->kind == YAML_SEQUENCE)
		return node->count;
	if (node->kind == YAML_SCALAR)
		return 1;
	reader_refuse(r, key, node);
	return 0;
}

const struct yaml_node *
reader_item_at(const struct yaml_node *node, size_t i)
{
	return node->kind == YAML_SEQUENCE ? node->items[i] : node;
}

void
reader_mapping(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	(void)field; /* the rows below know their own */
	if (node->kind != YAML_MAPPING)
		reader_refuse(r, key, node);
	else
		schema_read_keys(r, key->path, node);
}

/* Read item i of a list of mappings into the i-th of structs of that size. */
static void
read_item(struct reader *r, const struct key *key, const struct yaml_node *item, size_t i,
	  size_t size)
{
	r->shift = i * size;
	if (item->kind == YAML_MAPPING)
		schema_read_keys(r, key->path, item);
	else
		reader_refuse_item(r, key, item);
	r->shift = 0;
}

/* Whether a list is short enough for its row. */
static bool
has_room(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (node->kind != YAML_SEQUENCE || node->count <= key->max)
		return true;
	diag_add(r->diag, node->place, "'%s' holds %zu entries, more than %u; remove some",
		 schema_name(key), node->count, (unsigned int)key->max);
	return false;
}

static void
note_interface(struct reader *r, const struct yaml_node *item, struct given_interface *given)
{
	given->item = item;
	given->device = schema_given(r, "interfaces.device");
	given->addresses = schema_given(r, "interfaces.addresses");
	given->gateway = schema_given(r, "interfaces.gateway");
	given->gateway_mac = schema_given(r, "interfaces.gateway_mac");
}

void
reader_interfaces(struct reader *r, const struct key *key, const struct yaml_node *node,
		  void *field)
{
	struct job_interface *interfaces = field;
	size_t count = node->kind == YAML_SEQUENCE ? node->count : 1;

	if (!has_room(r, key, node))
		return;
	/* The first has the defaults still. */
	for (size_t i = 1; i < count; i++)
		interfaces[i] = interfaces[0];
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);

		schema_forget(r, key->path);
		if (node->kind == YAML_SEQUENCE)
			read_item(r, key, item, i, sizeof(*interfaces));
		else
			reader_mapping(r, key, node, field);
		note_interface(r, item, &r->interfaces[i]);
	}
	r->job->interface_count = count;
}

/* Read a mapping, or a list of them, into an array of structs of that size. */
static void
read_items(struct reader *r, const struct key *key, const struct yaml_node *node, void *field,
	   size_t size)
{
	char *items = field;

	if (!has_room(r, key, node))
		return;
	if (node->kind != YAML_SEQUENCE) {
		reader_mapping(r, key, node, field);
		return;
	}
	/* The first has the defaults still. */
	for (size_t i = 1; i < node->count; i++)
		memcpy(items + i * size, items, size);
	for (size_t i = 0; i < node->count; i++)
		read_item(r, key, node->items[i], i, size);
}

void
reader_outputs(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_items(r, key, node, field, sizeof(struct job_output));
}

void
reader_grabs(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_items(r, key, node, field, sizeof(struct job_grab));
}

void
reader_lookups(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_items(r, key, node, field, sizeof(struct job_lookup));
}

typedef int parse_number(const char *text, size_t len, uint64_t *value);

/* Parse, hold against the row's bounds, and store in a field of the row's size. */
static void
read_number(struct reader *r, const struct key *key, const struct yaml_node *node,
	    parse_number *parse, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || parse(node->text, node->len, &value) != 0 ||
	    value < key->min || value > key->max) {
		reader_refuse(r, key, node);
		return;
	}
	/* The bounds fit the field, and the machine is little-endian. */
	memcpy(field, &value, key->size);
}

void
reader_unsigned(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_number(r, key, node, value_unsigned, field);
}

void
reader_count(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_number(r, key, node, value_count, field);
}

void
reader_bytes(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_number(r, key, node, value_size, field);
}

void
reader_duration(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_number(r, key, node, value_duration, field);
}

void
reader_rate(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	const uint64_t unlimited = 0;

	if (yaml_is(node, "unlimited"))
		memcpy(field, &unlimited, sizeof(unlimited));
	else
		reader_count(r, key, node, field);
}

void
reader_lcores(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	const unsigned int automatic = 0;

	if (yaml_is(node, "auto")) {
		memcpy(field, &automatic, sizeof(automatic));
		return;
	}
	if (node->kind == YAML_MAPPING)
		schema_read_keys(r, key->path, node);
	else
		reader_unsigned(r, key, node, field);
}

void
reader_percent(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	double fraction;

	if (node->kind != YAML_SCALAR || value_percent(node->text, node->len, &fraction) != 0)
		reader_refuse(r, key, node);
	else
		memcpy(field, &fraction, sizeof(fraction));
}

void
reader_quota(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_limits *limits = field;
	bool share = node->len > 0 && node->text[node->len - 1] == '%';
	double fraction = 1.0;
	uint64_t count = 0;

	if (share && value_percent(node->text, node->len, &fraction) == 0 && fraction > 0.0) {
		limits->targets_share = fraction;
		limits->targets = 0;
	} else if (node->kind == YAML_SCALAR && value_count(node->text, node->len, &count) == 0 &&
		   count >= key->min && count <= key->max) {
		limits->targets_share = 1.0;
		limits->targets = count;
	} else {
		reader_refuse(r, key, node);
	}
}

void
reader_bool(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	bool value;

	if (node->kind != YAML_SCALAR || value_bool(node->text, node->len, &value) != 0)
		reader_refuse(r, key, node);
	else
		memcpy(field, &value, sizeof(value));
}
