/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library context of OpenSSL whose provider finds a key's decoder at once.
 * For lib/tls and lib/grabrecord.
 *
 * OpenSSL 3.0 reads a certificate's public key by building, each time, a chain of all decoders that
 * might lead from some encoding to some key: more than half of a client handshake's instructions. A
 * server's key is always DER of a SubjectPublicKeyInfo, so this provider offers the algorithms of
 * `default` with only the decoders of that. (Mended upstream after 3.1; harmless there.)
 */
#ifndef TLS_PROVIDER_H
#define TLS_PROVIDER_H

#include <stdbool.h>

#include <openssl/types.h>

struct provider;

/* NULL: no memory, or OpenSSL has no default provider. */
struct provider *provider_new(bool stock);
void provider_free(struct provider *p);

/* Let all its random bytes be replayed (replay/replay.h); before any are drawn. False: no memory. */
bool provider_replay(struct provider *p);

OSSL_LIB_CTX *provider_context(struct provider *p);

#endif /* TLS_PROVIDER_H */
