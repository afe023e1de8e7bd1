/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that answer DNS; for the files of lib/world alone. What they answer is in world/names.h. */
#ifndef WORLD_RESOLVER_H
#define WORLD_RESOLVER_H

#include "world/stage.h"

struct server;

/* A query over UDP, to a host that answers them. */
void resolver_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r);

/* Over TCP: as speak_hear(), speak_ready() and speak_say() of its service. The session is freed by free(). */
size_t resolver_hear(const struct world *w, struct server *c, const uint8_t *data, size_t len);
bool resolver_ready(const struct server *c);
size_t resolver_say(struct server *c, uint8_t *data, size_t room);

#endif /* WORLD_RESOLVER_H */
