/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers: how each type of value in a job is checked and stored.
 *
 * `field` is what the row's offset names: for most a member of the type that the comment says; for
 * values that fill several members, the struct that holds them. Each tells what is wrong in the
 * form "'<key>' is <what>; write <the row's mend>" and then leaves the field alone.
 *
 * The inside of lib/job: no other module includes this.
 */
#ifndef JOB_READERS_H
#define JOB_READERS_H

#include "job/schema.h"

/* Structure. */
key_read reader_mapping;  /* a mapping, keys in the table */
key_read reader_interfaces; /* struct job_interface[]: one mapping, or a list */
key_read reader_outputs;  /* struct job_output[]: one mapping, or a list */
key_read reader_grabs;    /* struct job_grab[]: one mapping, or a list */
key_read reader_lookups;  /* struct job_lookup[]: one mapping, or a list */
key_read reader_tags;     /* struct job_tags: a mapping of free keys to texts */

/* Numbers; the field is an unsigned integer of the row's size, within the row's bounds. */
key_read reader_unsigned; /* 64 */
key_read reader_count;    /* 250k */
key_read reader_bytes;    /* 4k */
key_read reader_duration; /* 8s, in ns */
key_read reader_rate;     /* a count, or "unlimited", which is 0 */
key_read reader_lcores;   /* a number, or "auto", which is 0, or a mapping of roles */
key_read reader_percent;  /* double */
key_read reader_quota;    /* struct job_limits: a count or a percentage of the targets */
key_read reader_bool;     /* bool */

/* Texts: struct job_text, struct job_texts or char *. */
key_read reader_string;     /* char * */
key_read reader_name;       /* char *, fit for a file name */
key_read reader_email;      /* char * */
key_read reader_text;       /* struct job_text, may be empty */
key_read reader_payload;    /* struct job_payload: any text, control characters too */
key_read reader_texts;      /* struct job_texts; one, or a list */
key_read reader_choice;     /* an enum: the number of the word among the row's choices */
key_read reader_known;      /* struct job_dns_canaries: a mapping of names to addresses */
key_read reader_absent;     /* struct job_dns_canaries: names that there are not */
key_read reader_types;      /* struct job_types: types of DNS records */
key_read reader_module;     /* char *: the probe module */
key_read reader_records;    /* unsigned int: the kinds of records of an output */
key_read reader_versions;   /* unsigned int: a set of words among the row's choices */
key_read reader_sni;        /* char *: a host name, or a word that stands for one */
key_read reader_clock;      /* nothing kept: "02:00" */
key_read reader_window;     /* nothing kept: "02:00-08:00" */
key_read reader_cores;      /* struct job_cpus: [1, 5-15] */
key_read reader_file;       /* struct job_text: an output file's name */

/* Network values. */
key_read reader_device;       /* struct job_interface */
key_read reader_pool;         /* struct job_interface: the source addresses */
key_read reader_source_ports; /* struct job_interface */
key_read reader_gateway;      /* struct job_interface */
key_read reader_gateway_mac;  /* struct job_interface */
key_read reader_ports;        /* struct job_targets */
key_read reader_grab_ports;   /* struct job_grab */
key_read reader_include;      /* struct job_texts */
key_read reader_exclude;      /* struct job_texts */
key_read reader_reserved;     /* struct job_texts: addresses and CIDRs */
key_read reader_pairs;        /* struct job_texts: [address:port] */
key_read reader_resolvers;    /* struct job_texts: [address, address:port, or a file's name with a slash] */
key_read reader_seed;         /* struct job_order */
key_read reader_shard;        /* struct job_order */

/*
 * For readers and rules.
 */

/* Tell "'<key>' is <what>; write <mend>"; for an item of a list "'<key>' holds <what>; ...". */
void reader_refuse(struct reader *r, const struct key *key, const struct yaml_node *node);
void reader_refuse_item(struct reader *r, const struct key *key, const struct yaml_node *item);

/* Whether a scalar is a text without control characters, up to the row's max bytes. */
bool reader_is_text(const struct key *key, const struct yaml_node *node);

/* Copies for the job. On lack of memory these note it in the reader and return NULL. */
char *reader_copy(struct reader *r, const char *text);
void *reader_alloc(struct reader *r, size_t count, size_t size);

/* What one item of a list must pass; false when it was refused. */
typedef bool reader_item(struct reader *r, const struct key *key, const struct yaml_node *item);

/* Read one text or a list of them, leaving out items that check (may be NULL) refuses. */
void reader_list(struct reader *r, const struct key *key, const struct yaml_node *node,
		 reader_item *check, struct job_texts *texts);

/* A list's number of items; 1 for a scalar, which stands for a list of itself; 0 for all else, with
 * the fault told. */
size_t reader_item_count(struct reader *r, const struct key *key, const struct yaml_node *node);
const struct yaml_node *reader_item_at(const struct yaml_node *node, size_t i);

#endif /* JOB_READERS_H */
