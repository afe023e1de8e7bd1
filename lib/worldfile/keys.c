/* SPDX-License-Identifier: BSD-3-Clause */
#include "worldfile/keys.h"

#include "base/near.h"
#include "worldfile/worldfile.h"
#include "yaml/value.h"

void
keys_fault(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR)
		diag_add(r->diag, node->place, "'%s' is '%.*s'; write %s", key->name, SHOWN,
			 node->text, key->mend);
	else
		diag_add(r->diag, node->place, "'%s' is %s; write %s", key->name,
			 yaml_kind_name(node->kind), key->mend);
}

/* ---- Values ------------------------------------------------------------------------------ */

void
keys_share(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || worldfile_share(node->text, node->len, field) != 0)
		keys_fault(r, key, node);
}

void
keys_number(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_unsigned(node->text, node->len, &value) != 0 ||
	    value > key->max)
		keys_fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

void
keys_rate(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_count(node->text, node->len, &value) != 0 ||
	    value > key->max)
		keys_fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

void
keys_duration(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_duration(node->text, node->len, &value) != 0 ||
	    value > key->max)
		keys_fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

/* ---- Mappings ---------------------------------------------------------------------------- */

static void
unknown_key(struct reader *r, const char *where, const struct yaml_node *typed,
	    const struct key *keys, size_t count)
{
	unsigned int least = NEAR_WORD_MAX + 1;
	const char *near = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned int distance = near_distance(typed->text, keys[i].name);

		if (distance < least) {
			least = distance;
			near = keys[i].name;
		}
	}
	if (near != NULL && near_is_likely(typed->text, least))
		diag_add(r->diag, typed->place, "%s has no key '%.*s'; did you mean '%s'?", where,
			 SHOWN, typed->text, near);
	else
		diag_add(r->diag, typed->place, "%s has no key '%.*s'; remove it", where, SHOWN,
			 typed->text);
}

/* Read the keys of a mapping into *target; where names the mapping for people. */
void
keys_read(struct reader *r, const char *where, const struct yaml_node *node, const struct key *keys,
	  size_t count, void *target)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *name = node->keys[i];
		const struct key *key = NULL;

		for (size_t j = 0; j < count; j++) {
			if (yaml_is(name, keys[j].name))
				key = &keys[j];
		}
		if (key == NULL)
			unknown_key(r, where, name, keys, count);
		else if (node->items[i]->kind == YAML_NULL)
			diag_add(r->diag, name->place, "'%s' has no value; write %s", key->name,
				 key->mend);
		else
			key->read(r, key, node->items[i], (char *)target + key->offset);
	}
}
