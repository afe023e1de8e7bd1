/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TLS that simulated hosts speak: OpenSSL's server over memory, behind struct world_tls.
 *
 * A speaker belongs to one stage, so to one lock. What OpenSSL draws by chance on its behalf (key
 * shares, randoms, nonces) comes from lib/replay, which is set to the flow before each step: fresh
 * for each connection, and the same bytes when a seed is replayed. It is of a library context of
 * its own, which the application's TLS has no part in. No secrets are kept here by it.
 */
#ifndef SIMNET_TLS_H
#define SIMNET_TLS_H

#include "world/world.h"

struct simnet_tls;

/* Whether all the certificates that a world names are there: 0 or -ENOENT, with the path in buf. */
int simnet_tls_check(const struct world *w, char *buf, size_t size);

/* NULL without memory, or in a world without certificates. The world must outlive it. */
struct simnet_tls *simnet_tls_create(const struct world *w);
void simnet_tls_free(struct simnet_tls *tls);

/* What a stage is given; NULL for NULL. */
const struct world_tls *simnet_tls_speaker(const struct simnet_tls *tls);

#endif /* SIMNET_TLS_H */
