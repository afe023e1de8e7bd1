/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TLS that simulated hosts speak: OpenSSL's server over memory, behind struct world_tls.
 *
 * A speaker belongs to one stage, so to one lock. What OpenSSL draws by chance on its behalf (key
 * shares, randoms, nonces) comes from a generator that is set to the flow before each step: fresh
 * for each connection, and the same bytes when a seed is replayed. It is of a library context of
 * its own, which the application's TLS has no part in. No secrets are kept here by it.
 */
#ifndef SIMNET_TLS_H
#define SIMNET_TLS_H

#include <openssl/types.h>

#include "world/world.h"

struct simnet_tls;

/* Whether all the certificates that a world names are there: 0 or -ENOENT, with the path in buf. */
int simnet_tls_check(const struct world *w, char *buf, size_t size);

/* NULL without memory, or in a world without certificates. The world must outlive it. */
struct simnet_tls *simnet_tls_create(const struct world *w);
void simnet_tls_free(struct simnet_tls *tls);

/* What a stage is given; NULL for NULL. */
const struct world_tls *simnet_tls_speaker(const struct simnet_tls *tls);

/*
 * simnet_rand.c: the library context whose random bytes follow from simnet_rand_seed(), a thread's
 * own; NULL without memory. The process has one, and keeps it: threads that were in it leave some
 * state behind, which OpenSSL frees when they end (OPENSSL_thread_stop_ex(3)).
 */
OSSL_LIB_CTX *simnet_rand_library(void);
void simnet_rand_seed(uint64_t seed);

#endif /* SIMNET_TLS_H */
