/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random bytes that can be replayed: an OpenSSL provider (provider-rand(7)) whose generator is set
 * to a seed, so that the same calls make the same key shares, randoms and nonces. For simulation
 * alone: whoever knows the seed knows the secrets.
 *
 * The generator is the thread's: seed it before each step of what is to be replayed, by something that
 * tells the step from all others, and no order of steps matters.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include <stdint.h>

#include <openssl/types.h>

/*
 * Let a library context draw all its random bytes from the calling threads' generators. To be
 * called before any are drawn. The provider, for OSSL_PROVIDER_unload() before the context is freed;
 * NULL: no memory.
 */
OSSL_PROVIDER *replay_install(OSSL_LIB_CTX *context);

/* Any thread: set its generator. Close seeds make sequences that have nothing in common. */
void replay_seed(uint64_t seed);

#endif /* REPLAY_REPLAY_H */
