/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How mappings of a world file are read, for the files of lib/worldfile alone: tables of keys, each
 * with who reads its value and what to write instead of one that is wrong.
 */
#ifndef WORLDFILE_KEYS_H
#define WORLDFILE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "world/world.h"
#include "yaml/region.h"
#include "yaml/yaml.h"

/* How much of a person's text a message repeats. */
#define SHOWN 40

#define SHARE "a share such as 1.3%"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct reader {
	struct diag *diag;
	struct region memory; /* networks, ports, services, until the world is compiled */
	bool no_memory;
	struct world_service *services; /* read so far */
	size_t services_count;
	size_t services_named; /* the first so many are those that the world names */
	size_t plain[WORLD_SERVICE_KINDS]; /* 1 + the index of a kind by itself; 0: none */
};

/* One key of a mapping: how its value is read into the field at offset of what the mapping is. */
struct key {
	const char *name;
	void (*read)(struct reader *r, const struct key *key, const struct yaml_node *node,
		     void *field);
	size_t offset;
	const char *mend; /* what to write */
	uint64_t max;     /* of a number or time */
};

/* ---- keys.c ---- */

void keys_fault(struct reader *r, const struct key *key, const struct yaml_node *node);

/* Read the keys of a mapping into *target; where names the mapping for people. */
void keys_read(struct reader *r, const char *where, const struct yaml_node *node,
		 const struct key *keys, size_t count, void *target);

/* Readers of values, into uint64_t. */
void keys_share(struct reader *r, const struct key *key, const struct yaml_node *node,
		  void *field);
void keys_number(struct reader *r, const struct key *key, const struct yaml_node *node,
		   void *field);
void keys_rate(struct reader *r, const struct key *key, const struct yaml_node *node,
		 void *field);
void keys_duration(struct reader *r, const struct key *key, const struct yaml_node *node,
		     void *field);

/* ---- services.c ---- */

/* The services that a world names; before its networks are read. */
void services_read(struct reader *r, const struct yaml_node *node);

/* `service` and `services` of a network or a port, into struct world_offers. */
void services_read_one(struct reader *r, const struct key *key, const struct yaml_node *node,
		       void *field);
void services_read_shares(struct reader *r, const struct key *key, const struct yaml_node *node,
			  void *field);
#define SERVICE_MEND "none, tls, {banner: TEXT}, or the name of a service"
#define SERVICES_MEND "shares by name, such as {tls: 60%, none: 20%}"

/* `certificates` of a world, into struct world_certificates; whose folder is found from that of the
 * file that names it. */
void services_read_certificates(struct reader *r, const struct key *key,
				const struct yaml_node *node, void *field);

/* ---- zones.c ---- */

/* `zones` of a world, into struct world_description. */
void zones_read(struct reader *r, const struct key *key, const struct yaml_node *node, void *field);
#define ZONES_MEND "zones such as - {zone: test, servers: [{name: ns.test, address: 198.51.100.1}]}"

#endif /* WORLDFILE_KEYS_H */
