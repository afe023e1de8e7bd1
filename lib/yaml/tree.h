/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a tree, for the files of this module alone: who parses (load.c) and who lays values
 * over what was parsed (put.c). All nodes and texts live in the tree's region.
 */
#ifndef YAML_TREE_H
#define YAML_TREE_H

#include "yaml/region.h"
#include "yaml/yaml.h"

struct yaml_tree {
	struct region region;
	struct yaml_node *root;
	size_t nodes; /* made so far, whether in the tree or dropped from it */
};

/* A node without text or children; NULL without memory. */
struct yaml_node *yaml_node_new(struct yaml_tree *tree, enum yaml_kind kind,
				struct diag_place place);

/* Append to a sequence (key is NULL) or to a mapping. 0 or -ENOMEM. */
int yaml_node_push(struct yaml_tree *tree, struct yaml_node *parent, struct yaml_node *key,
		   struct yaml_node *item);

/*
 * Parse a document into nodes of the tree, hanging nowhere yet; placeless ones at {file, 0, 0}.
 * Returns and tells what yaml_tree_parse() does.
 */
int yaml_load(struct yaml_tree *tree, const char *file, bool placeless, const char *text,
	      size_t len, struct diag *diag, struct yaml_node **root);

#endif /* YAML_TREE_H */
