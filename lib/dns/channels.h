/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * c-ares, and all that is known of it.
 *
 * Each query in flight is a query of a c-ares channel, whose socket functions (ares_set_socket_functions)
 * are made up: a channel has one server that does not exist, what it sends to it goes nowhere but
 * through channels_send(), and what it hears is one datagram for each channels_end(). So there is no
 * kernel socket, and c-ares' own retries, timers and choice of servers never come to anything.
 *
 * What a channel is told and hears is a stand-in: the shortest query that c-ares takes, of no question
 * or of one for the root, and the same as a reply. No name that is looked up and no byte of the
 * network's reaches c-ares: from 1.33 on, one datagram that does not parse makes it drop its connection
 * and fail everything that is in flight on it; what it takes for a name and a type is not what may be
 * asked for; and in 1.18 a fifth of a lookup's instructions are its reading of the name, twice. From 1.28
 * on, where c-ares has messages as records, the query is one that was read once, and no reply is
 * written out again for whoever hears it; what is left there, mostly copying a record by writing and
 * reading it, is c-ares' own.
 *
 * Channels are small. c-ares 1.18 finds a reply's query in 2,048 lists by its id, which is ours to give,
 * so with CHANNEL_QUERIES in flight each list has one; 1.33 and later replace the id by one of their own
 * and look for a free one without end when 65,536 are in flight.
 *
 * One thread; channels_new() and channels_free() of all of them one at a time.
 */
#ifndef DNS_CHANNELS_H
#define DNS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_QUERIES 2048

struct channels;

/* For queries numbered from 0 to capacity - 1. NULL without memory. */
struct channels *channels_new(uint32_t capacity);
void channels_free(struct channels *c);

/*
 * Make a query of c-ares' own, for which *live stays true. 0, *live and the id that c-ares has given it;
 * -ENOMEM.
 */
int channels_send(struct channels *c, uint32_t number, bool *live, uint16_t *id);

/* Let it hear the reply with that id, which ends it: *live is false. */
void channels_end(struct channels *c, uint32_t number, uint16_t id);

const char *channels_version(void);

#endif /* DNS_CHANNELS_H */
