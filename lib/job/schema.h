/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema of a job: one table of all keys, and the walk that holds a document against it.
 *
 * A row says a key's path, how its value is read into struct job, its bounds, its default, and
 * the words that mend a bad value. The walk finds unknown keys; a row's reader (job/readers.h) checks the value and stores it. Rules that concern several keys
 * come after, in job/rules.h.
 *
 * The inside of lib/job: no other module includes this.
 */
#ifndef JOB_SCHEMA_H
#define JOB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "job/job.h"
#include "yaml/region.h"
#include "yaml/yaml.h"

struct key;
struct reader;

/* Check a value (never YAML_NULL) and store it in the field, or tell what is wrong with it. */
typedef void key_read(struct reader *r, const struct key *key, const struct yaml_node *node,
		      void *field);

enum key_state {
	KEY_BUILT,
	KEY_OF_QUEUE, /* validated, not kept: whoever starts jobs reads it, a scan has no use for it */
};

struct key {
	const char *path; /* dotted; the keys of a list's items are below the list's */
	key_read *read;
	enum key_state state;
	const char *mend;    /* what to write: "'rate' is 'fast'; write <mend>" */
	const char *initial; /* the default, as written in a job; NULL: none, or a rule makes it */
	const char *choices; /* of an enumeration: words, in the order of the C enum */
	uint64_t min, max;   /* of a number, in the field's unit; of a text: its length */
	size_t offset, size; /* of the field in struct job; size 0 where nothing is stored */
};

#define KEYS_MAX 100

/* What of an interface is given, for the rules; NULL: absent. */
struct given_interface {
	const struct yaml_node *item;
	const struct yaml_node *device;
	const struct yaml_node *addresses;
	const struct yaml_node *gateway;
	const struct yaml_node *gateway_mac;
};

struct reader {
	struct diag *diag;
	struct region *memory; /* what struct job points to */
	struct job *job;
	struct job scratch;  /* where values go that are checked but not kept */
	unsigned int unkept; /* > 0: inside of what is not kept */
	size_t shift;        /* from the field of a list's first item to that of the one being read */
	bool no_memory;

	/* For the rules, once the walk is done: */
	const struct yaml_node *root;
	const struct yaml_node *given[KEYS_MAX]; /* the value of each row's key, NULL: absent */
	struct given_interface interfaces[JOB_INTERFACES_MAX];
	bool include_has_plain; /* an entry without a port */
	bool include_has_pair;
};

/* Set every default, then read the document at r->root. Faults are in r->diag. */
void schema_read(struct reader *r);

/* Read a mapping's keys, those below path. */
void schema_read_keys(struct reader *r, const char *path, const struct yaml_node *mapping);

/* The value of a key in the document, NULL where it is absent. path must be in the table. */
const struct yaml_node *schema_given(const struct reader *r, const char *path);

/* Of a list's items: the keys below path count as absent until the next item's are read. */
void schema_forget(struct reader *r, const char *path);

/* The last word of a key's path. */
const char *schema_name(const struct key *key);

/* Row i of the table, NULL past its end. */
const struct key *schema_key(size_t i);

#endif /* JOB_SCHEMA_H */
