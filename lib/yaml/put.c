/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Laying one value over a tree at a path.
 *
 * The way is walked twice: first to see that it can be gone, so that a fault leaves the tree as it
 * was, then to make what is missing.
 */
#include <errno.h>
#include <string.h>

#include "yaml/tree.h"

struct put {
	struct yaml_tree *tree;
	const char *path;
	const char *source;
	struct diag *diag;
};

/* The first component of a path; the rest after its dot, or NULL. */
static size_t
split(const char *path, const char **rest)
{
	size_t len = strcspn(path, ".");

	*rest = path[len] == '.' ? path + len + 1 : NULL;
	return len;
}

static struct yaml_node **
find_child(struct yaml_node *node, const char *key, size_t len)
{
	for (size_t i = 0; i < node->count; i++)
		if (node->keys[i]->len == len && memcmp(node->keys[i]->text, key, len) == 0)
			return &node->items[i];
	return NULL;
}

static bool
path_is_sound(const char *path)
{
	unsigned int depth = 0;

	for (const char *rest; path != NULL; path = rest)
		if (split(path, &rest) == 0 || ++depth > YAML_DEPTH_MAX)
			return false;
	return true;
}

/* See that every node there is on the way is a mapping, or a list whose first item is one. */
static int
check_way(const struct put *p)
{
	struct yaml_node *node = p->tree->root;
	const char *rest;

	for (const char *path = p->path; path != NULL && node != NULL; path = rest) {
		size_t len = split(path, &rest);
		struct yaml_node **child;

		if (node->kind == YAML_SEQUENCE && node->count > 0)
			node = node->items[0];
		if (node->kind == YAML_SCALAR || (node->kind == YAML_SEQUENCE && node->count > 0)) {
			diag_add(p->diag, (struct diag_place){.file = p->source},
				 "'%s' leads through %s, which holds no '%.*s'; set that whole",
				 p->path, yaml_kind_name(node->kind), (int)len, path);
			return -EINVAL;
		}
		child = node->kind == YAML_MAPPING ? find_child(node, path, len) : NULL;
		node = child != NULL ? *child : NULL;
	}
	return 0;
}

/* The mapping that a node on the way is or leads to. 0 or -ENOMEM. */
static int
enter(const struct put *p, struct yaml_node **node)
{
	struct diag_place place = {.file = p->source};
	struct yaml_node *first;

	if ((*node)->kind == YAML_SEQUENCE && (*node)->count == 0) {
		first = yaml_node_new(p->tree, YAML_MAPPING, place);
		if (first == NULL || yaml_node_push(p->tree, *node, NULL, first) != 0)
			return -ENOMEM;
	}
	if ((*node)->kind == YAML_SEQUENCE)
		*node = (*node)->items[0];
	(*node)->kind = YAML_MAPPING; /* an empty key becomes one */
	return 0;
}

/* The slot of a key's value in a mapping, made with an empty value where there is none. */
static struct yaml_node **
slot_of(const struct put *p, struct yaml_node *map, const char *name, size_t len)
{
	struct diag_place place = {.file = p->source};
	struct yaml_node **slot = find_child(map, name, len);
	struct yaml_node *key, *value;

	if (slot != NULL)
		return slot;
	key = yaml_node_new(p->tree, YAML_SCALAR, place);
	value = yaml_node_new(p->tree, YAML_NULL, place);
	if (key == NULL || value == NULL)
		return NULL;
	key->text = region_copy(&p->tree->region, name, len);
	key->len = len;
	if (key->text == NULL || yaml_node_push(p->tree, map, key, value) != 0)
		return NULL;
	return &map->items[map->count - 1];
}

/* Turn what is in the slot into a sequence, and add the value or its items to it. */
static int
append_to(const struct put *p, struct yaml_node **slot, struct yaml_node *value)
{
	struct yaml_node *list = *slot;
	int rc = 0;

	if (list->kind != YAML_SEQUENCE) {
		list = yaml_node_new(p->tree, YAML_SEQUENCE, (*slot)->place);
		if (list == NULL)
			return -ENOMEM;
		if ((*slot)->kind != YAML_NULL)
			rc = yaml_node_push(p->tree, list, NULL, *slot);
	}
	if (value->kind != YAML_SEQUENCE && rc == 0)
		rc = yaml_node_push(p->tree, list, NULL, value);
	for (size_t i = 0; value->kind == YAML_SEQUENCE && i < value->count && rc == 0; i++)
		rc = yaml_node_push(p->tree, list, NULL, value->items[i]);
	*slot = list;
	return rc;
}

static int
place_value(const struct put *p, struct yaml_node *value, bool append)
{
	struct yaml_node *node = p->tree->root;
	struct yaml_node **slot = NULL;
	const char *rest;

	for (const char *path = p->path; path != NULL; path = rest) {
		size_t len = split(path, &rest);

		if (enter(p, &node) != 0)
			return -ENOMEM;
		slot = slot_of(p, node, path, len);
		if (slot == NULL)
			return -ENOMEM;
		node = *slot;
	}
	if (append)
		return append_to(p, slot, value);
	*slot = value;
	return 0;
}

int
yaml_tree_put(struct yaml_tree *tree, const char *path, const char *source, const char *value,
	      bool append, struct diag *diag)
{
	struct put p = {.tree = tree, .path = path, .source = source, .diag = diag};
	size_t faults = diag->count + diag->dropped;
	struct yaml_node *node;
	int rc;

	if (!path_is_sound(path)) {
		diag_add(diag, (struct diag_place){.file = source},
			 "'%.60s' is not a path of keys; write it like limits.cooldown", path);
		return -EINVAL;
	}
	rc = yaml_load(tree, source, true, value, strlen(value), diag, &node);
	if (rc == 0 && diag->count + diag->dropped != faults)
		rc = -EINVAL;
	if (rc == 0)
		rc = check_way(&p);
	if (rc == 0)
		rc = place_value(&p, node, append);
	return rc;
}
