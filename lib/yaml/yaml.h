/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * YAML as a tree of nodes, each with its place.
 *
 * Hides libyaml. Exactly one document of plain data: mappings with scalar keys, sequences and
 * scalars. What YAML has beyond that is refused, as it only serves to surprise: anchors and aliases
 * (and with them bombs), tags, complex keys, a second document. Duplicate keys are faults.
 *
 * Nothing is typed here: a scalar is its text, and who reads it knows what it should be
 * (yaml/value.h has the parsers). So `port: 0443`, `at: 02:00` or `name: no` hold no trap.
 *
 * Input is foreign: text, depth and number of nodes are bounded, every byte sequence ends in a tree
 * or in faults. The tree is plain data; any thread may read it while none changes it.
 */
#ifndef YAML_YAML_H
#define YAML_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* Bounds of a document; beyond them it is refused. */
#define YAML_TEXT_MAX ((size_t)4 << 20) /* bytes */
#define YAML_DEPTH_MAX 32               /* mappings and sequences inside one another */
#define YAML_NODES_MAX ((size_t)1 << 18)

enum yaml_kind {
	YAML_NULL,     /* nothing, '~' or 'null', unquoted: a key without a value */
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
};

struct yaml_node {
	enum yaml_kind kind;
	struct diag_place place; /* of its first character */
	const char *text;         /* scalar: UTF-8 without NUL, terminated; else "" */
	size_t len;               /* of text */
	size_t count;             /* sequence: items; mapping: entries; else 0 */
	struct yaml_node **keys;  /* mapping: count scalars, no two alike, in the order written */
	struct yaml_node **items; /* sequence: its items; mapping: items[i] belongs to keys[i] */
};

struct yaml_tree;

/*
 * Parse a document. file names it in the places of all nodes (borrowed: must outlive the tree and
 * whatever keeps a place from it). An empty document's root is YAML_NULL at 1:1.
 *
 * 0 and *out; -EINVAL without a tree (*out is NULL) when the text is not YAML or out of bounds,
 * the fault in diag; -ENOMEM. A document that is YAML but uses what is refused here, such as a
 * duplicate key or an anchor, gives a tree (first key kept, alias left out) and also faults, so
 * that its reader can go on to find the others: success is a tree and no fault in diag.
 */
int yaml_tree_parse(const char *file, const char *text, size_t len, struct diag *diag,
		    struct yaml_tree **out);

/* A tree whose root is an empty mapping at place; NULL without memory. */
struct yaml_tree *yaml_tree_new(struct diag_place place);

void yaml_tree_free(struct yaml_tree *tree);

/* The document's node; never NULL. */
const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree);

/*
 * Lay one value, given as YAML flow text ("443", "[80, 443]", "{a: b}"), over the tree at a dotted
 * path of keys. Mappings missing on the way are made; a sequence on the way stands for its first
 * item. The value replaces what is there, or, with append, is added to it: a scalar there becomes a
 * sequence, and a sequence given adds its items.
 *
 * source names the giver in diagnostics, such as "--rate" (borrowed, as file above): every node
 * that this makes has the place {source, 0, 0}.
 *
 * 0; -EINVAL with the fault in diag, the tree unchanged; -ENOMEM.
 */
int yaml_tree_put(struct yaml_tree *tree, const char *path, const char *source, const char *value,
		  bool append, struct diag *diag);

/* The value of a key, or NULL: when it is absent, and when the node is no mapping. */
const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key);

/* Whether the text of a scalar is exactly this. */
bool yaml_is(const struct yaml_node *node, const char *text);

/* "nothing", "a value", "a list" or "a mapping", for messages. */
const char *yaml_kind_name(enum yaml_kind kind);

/* Room for yaml_describe(). */
#define YAML_DESCRIBE_SIZE 96

/*
 * A node in words for messages: a scalar's text in quotes, cut when long, its control characters
 * made '?' (foreign text goes to a terminal); for all else yaml_kind_name(). Returns buf or a
 * literal.
 */
const char *yaml_describe(const struct yaml_node *node, char buf[YAML_DESCRIBE_SIZE]);

#endif /* YAML_YAML_H */
