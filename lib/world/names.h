/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names: what a world's DNS says of them. For the files of lib/world alone; the description is in
 * world/world.h, the truth in docs/world.md.
 *
 * Nothing is kept of a name: whether it exists and what its records hold are hashes of it, so a world
 * has all names there can be.
 */
#ifndef WORLD_NAMES_H
#define WORLD_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "dnsmsg/dnsmsg.h"
#include "world/truth.h"

/* An answer over UDP is as long as an Ethernet frame allows; over TCP it holds the longest there is. */
#define NAMES_DATAGRAM_MAX 1432
#define NAMES_ANSWER_MAX 4096

/* Who asks whom. */
struct names_query {
	const struct world_service *server;
	uint32_t address; /* the server's */
	bool is_tcp;
	uint64_t now_ns;
	struct span message;
};

/* A name's hash, and a draw of it: docs/world.md. */
uint64_t names_hash(const struct world *w, const uint8_t *name);
bool names_draw(uint64_t hash, uint64_t what, uint64_t bound);

/* What is said of a question, alias after alias, so many names of them: the status of the last. */
unsigned int names_resolve(const struct world *w, const struct dns_question *q, unsigned int names,
			   struct dns_writer *to);

/* The answer to a query, into room for size bytes; its length, 0 for what gets none. */
size_t names_answer(const struct world *w, const struct names_query *q, uint8_t *answer, size_t size);

/* What somebody else says in the server's place: NAMES_FORGERIES kinds, none of which fits the query. */
enum names_forgery { FORGED_ID, FORGED_PORT, FORGED_QUESTION, FORGED_SERVER };
#define NAMES_FORGERIES 4

/* The forged answer's message, which for FORGED_PORT and FORGED_SERVER is one that would fit. */
size_t names_forge(const struct names_query *q, enum names_forgery kind, uint8_t *answer, size_t size);

#endif /* WORLD_NAMES_H */
