/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml/tree.h"

int
yaml_node_push(struct yaml_tree *tree, struct yaml_node *parent, struct yaml_node *key,
	       struct yaml_node *item)
{
	struct yaml_node **items, **keys;

	items = region_grow(&tree->region, parent->items, parent->count, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	parent->items = items;
	if (key != NULL) {
		keys = region_grow(&tree->region, parent->keys, parent->count, sizeof(*keys));
		if (keys == NULL)
			return -ENOMEM;
		parent->keys = keys;
		keys[parent->count] = key;
	}
	items[parent->count++] = item;
	return 0;
}

struct yaml_node *
yaml_node_new(struct yaml_tree *tree, enum yaml_kind kind, struct diag_place place)
{
	struct yaml_node *node = region_alloc(&tree->region, 1, sizeof(*node));

	if (node == NULL)
		return NULL;
	*node = (struct yaml_node){.kind = kind, .place = place, .text = ""};
	tree->nodes++;
	return node;
}

int
yaml_tree_parse(const char *file, const char *text, size_t len, struct diag *diag,
		struct yaml_tree **out)
{
	struct yaml_tree *tree = calloc(1, sizeof(*tree));
	int rc;

	*out = NULL;
	if (tree == NULL)
		return -ENOMEM;
	rc = yaml_load(tree, file, false, text, len, diag, &tree->root);
	if (rc != 0) {
		yaml_tree_free(tree);
		return rc;
	}
	*out = tree;
	return 0;
}

struct yaml_tree *
yaml_tree_new(struct diag_place place)
{
	struct yaml_tree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL)
		return NULL;
	tree->root = yaml_node_new(tree, YAML_MAPPING, place);
	if (tree->root == NULL) {
		free(tree);
		return NULL;
	}
	return tree;
}

void
yaml_tree_free(struct yaml_tree *tree)
{
	if (tree == NULL)
		return;
	region_free(&tree->region);
	free(tree);
}

const struct yaml_node *
yaml_tree_root(const struct yaml_tree *tree)
{
	return tree->root;
}

const struct yaml_node *
yaml_find(const struct yaml_node *node, const char *key)
{
	if (node->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		if (strcmp(node->keys[i]->text, key) == 0)
			return node->items[i];
	return NULL;
}

bool
yaml_is(const struct yaml_node *node, const char *text)
{
	return node->kind == YAML_SCALAR && strcmp(node->text, text) == 0;
}

const char *
yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {"nothing", "a value", "a list", "a mapping"};

	return names[kind];
}

const char *
yaml_describe(const struct yaml_node *node, char buf[YAML_DESCRIBE_SIZE])
{
	size_t shown = YAML_DESCRIBE_SIZE - sizeof("'...'"), n;
	bool cut = node->len > shown;

	if (node->kind != YAML_SCALAR)
		return yaml_kind_name(node->kind);
	if (!cut)
		shown = node->len;
	/* Not in the midst of a UTF-8 sequence. */
	while (cut && shown > 0 && (node->text[shown] & 0xc0) == 0x80)
		shown--;
	n = (size_t)snprintf(buf, YAML_DESCRIBE_SIZE, "'%.*s%s'", (int)shown, node->text,
			     cut ? "..." : "");
	/* Foreign text goes to a terminal. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)buf[i] < ' ' || buf[i] == 0x7f)
			buf[i] = '?';
	return buf;
}
