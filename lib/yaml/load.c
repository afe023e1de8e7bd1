/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From libyaml's events to nodes: a stack of open collections, no recursion.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "yaml/syntax.h"
#include "yaml/tree.h"

/* A mapping or sequence that is open: what it has so far, and the key that waits for its value. */
struct frame {
	struct yaml_node *node;
	struct yaml_node *key;
	bool has_key; /* a key was read; key is NULL where it was refused, and its value with it */
};

struct loader {
	yaml_parser_t parser;
	struct yaml_tree *tree;
	struct diag *diag;
	const char *file;
	bool placeless; /* a value from a flag: nodes have no line */
	struct yaml_node *root;
	struct frame open[YAML_DEPTH_MAX];
	size_t depth;
};

static struct diag_place
place_of(const struct loader *l, const yaml_mark_t *mark)
{
	struct diag_place place = {.file = l->file};

	if (!l->placeless) {
		place.line = (unsigned int)mark->line + 1;
		place.column = (unsigned int)mark->column + 1;
	}
	return place;
}

/*
 * Hand a finished scalar, or a collection just begun, to what it stands in. NULL stands for a node
 * that was refused: it is left out, and with it the other half of its entry. 0 or -ENOMEM.
 */
static int
attach(struct loader *l, struct yaml_node *node)
{
	struct frame *f;

	if (l->depth == 0) {
		l->root = node;
		return 0;
	}
	f = &l->open[l->depth - 1];
	if (f->node->kind == YAML_SEQUENCE)
		return node == NULL ? 0 : yaml_node_push(l->tree, f->node, NULL, node);
	if (!f->has_key) {
		f->key = node;
		f->has_key = true;
		return 0;
	}
	f->has_key = false;
	if (f->key == NULL || node == NULL)
		return 0;
	return yaml_node_push(l->tree, f->node, f->key, node);
}

static bool
expects_key(const struct loader *l)
{
	const struct frame *f = l->depth > 0 ? &l->open[l->depth - 1] : NULL;

	return f != NULL && f->node->kind == YAML_MAPPING && !f->has_key;
}

static bool
is_null(const yaml_event_t *e)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
			return true;
	return false;
}

/* Tell of an anchor or a tag before a node; the node itself is good. */
static void
refuse_properties(struct loader *l, const yaml_event_t *e, const yaml_char_t *anchor,
		  const yaml_char_t *tag)
{
	if (anchor != NULL)
		diag_add(l->diag, place_of(l, &e->start_mark),
			 "anchor '&%.40s' is not supported; write the value out where it is used",
			 (const char *)anchor);
	if (tag != NULL)
		diag_add(l->diag, place_of(l, &e->start_mark),
			 "a tag ('!...') is not supported; remove it");
}

static int
on_scalar(struct loader *l, const yaml_event_t *e)
{
	enum yaml_kind kind = is_null(e) ? YAML_NULL : YAML_SCALAR;
	struct diag_place place = place_of(l, &e->start_mark);
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct yaml_node *node;

	refuse_properties(l, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (memchr(text, '\0', len) != NULL) {
		diag_add(l->diag, place, "a NUL character in a value; remove it");
		return attach(l, NULL);
	}
	if (kind == YAML_NULL && expects_key(l)) {
		diag_add(l->diag, place, "an empty key; write 'key: value'");
		return attach(l, NULL);
	}
	node = yaml_node_new(l->tree, kind, place);
	if (node == NULL)
		return -ENOMEM;
	if (kind == YAML_SCALAR) {
		node->text = region_copy(&l->tree->region, text, len);
		node->len = len;
		if (node->text == NULL)
			return -ENOMEM;
	}
	return attach(l, node);
}

static int
on_begin(struct loader *l, const yaml_event_t *e, enum yaml_kind kind)
{
	struct diag_place place = place_of(l, &e->start_mark);
	struct yaml_node *node;
	int rc;

	if (l->depth == YAML_DEPTH_MAX) {
		diag_add(l->diag, place, "nested deeper than %d levels; flatten it",
			 YAML_DEPTH_MAX);
		return -EINVAL;
	}
	node = yaml_node_new(l->tree, kind, place);
	if (node == NULL)
		return -ENOMEM;
	if (expects_key(l)) {
		diag_add(l->diag, place, "a key must be a plain word, not %s",
			 yaml_kind_name(kind));
		rc = attach(l, NULL);
	} else {
		rc = attach(l, node);
	}
	l->open[l->depth++] = (struct frame){.node = node};
	return rc;
}

struct entry {
	const struct yaml_node *key;
	size_t index;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->key->text, y->key->text);

	if (c != 0)
		return c;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Tell of each key that came before, and leave its entry out. Sorted, so that a hostile document
 * of many keys costs no quadratic time. */
static int
refuse_duplicates(struct loader *l, struct yaml_node *map)
{
	struct entry *entries;
	char shown[YAML_DESCRIBE_SIZE];
	size_t kept = 0, first = 0;

	if (map->count < 2)
		return 0;
	entries = malloc(map->count * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++)
		entries[i] = (struct entry){map->keys[i], i};
	qsort(entries, map->count, sizeof(*entries), compare_entries);
	for (size_t i = 1; i < map->count; i++) {
		const struct yaml_node *key = entries[i].key;

		if (strcmp(entries[first].key->text, key->text) != 0) {
			first = i;
			continue;
		}
		diag_add(l->diag, key->place, "duplicate key %s; line %u has it already, keep one",
			 yaml_describe(key, shown), entries[first].key->place.line);
		map->keys[entries[i].index] = NULL;
	}
	free(entries);
	for (size_t i = 0; i < map->count; i++) {
		if (map->keys[i] == NULL)
			continue;
		map->keys[kept] = map->keys[i];
		map->items[kept++] = map->items[i];
	}
	map->count = kept;
	return 0;
}

static int
on_end(struct loader *l)
{
	struct yaml_node *node = l->open[--l->depth].node;

	return node->kind == YAML_MAPPING ? refuse_duplicates(l, node) : 0;
}

static int
on_alias(struct loader *l, const yaml_event_t *e)
{
	diag_add(l->diag, place_of(l, &e->start_mark),
		 "alias '*%.40s' is not supported; write the value out",
		 (const char *)e->data.alias.anchor);
	return attach(l, NULL);
}

static int
on_document(struct loader *l, const yaml_event_t *e)
{
	if (l->root == NULL)
		return 0;
	diag_add(l->diag, place_of(l, &e->start_mark),
		 "a second document; keep one, without a '---' after the first line");
	return -ECANCELED;
}

/* 0 to go on; -ECANCELED to end here with what there is; else the error to end with. */
static int
on_event(struct loader *l, const yaml_event_t *e)
{
	if (l->tree->nodes >= YAML_NODES_MAX) {
		diag_add(l->diag, place_of(l, &e->start_mark),
			 "more than %zu values; put long lists into files of their own",
			 YAML_NODES_MAX);
		return -EINVAL;
	}
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(l, e);
	case YAML_ALIAS_EVENT:
		return on_alias(l, e);
	case YAML_SCALAR_EVENT:
		return on_scalar(l, e);
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(l, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		return on_begin(l, e, YAML_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		refuse_properties(l, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return on_begin(l, e, YAML_MAPPING);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(l);
	case YAML_STREAM_END_EVENT:
		return -ECANCELED;
	default:
		return 0;
	}
}

static int
load_events(struct loader *l, const char *text, size_t len)
{
	yaml_event_t event;
	int rc;

	do {
		if (!yaml_parser_parse(&l->parser, &event)) {
			if (l->parser.error == YAML_MEMORY_ERROR)
				return -ENOMEM;
			syntax_tell(&l->parser, l->file, l->placeless, text, len, l->diag);
			return -EINVAL;
		}
		rc = on_event(l, &event);
		yaml_event_delete(&event);
	} while (rc == 0);
	return rc == -ECANCELED ? 0 : rc;
}

int
yaml_load(struct yaml_tree *tree, const char *file, bool placeless, const char *text, size_t len,
	  struct diag *diag, struct yaml_node **root)
{
	static const char bom[] = {'\xef', '\xbb', '\xbf'};
	struct loader *l;
	int rc;

	if (len > YAML_TEXT_MAX) {
		diag_add(diag, (struct diag_place){.file = file},
			 "longer than %zu bytes; put long lists into files of their own",
			 YAML_TEXT_MAX);
		return -EINVAL;
	}
	if (len >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0) {
		text += sizeof(bom);
		len -= sizeof(bom);
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL || !yaml_parser_initialize(&l->parser)) {
		free(l);
		return -ENOMEM;
	}
	l->tree = tree;
	l->diag = diag;
	l->file = file;
	l->placeless = placeless;
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, len);
	/* Not guessed from the first bytes: UTF-16 is a fault at its place. */
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	rc = load_events(l, text, len);
	if (rc == 0 && l->root == NULL)
		l->root = yaml_node_new(tree, YAML_NULL,
					place_of(l, &(yaml_mark_t){0}));
	*root = l->root;
	yaml_parser_delete(&l->parser);
	free(l);
	if (rc != 0)
		return rc;
	return *root == NULL ? -ENOMEM : 0;
}
