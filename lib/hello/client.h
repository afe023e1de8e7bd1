/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-made ClientHellos: for versions and suites that no library speaks any more.
 *
 * hello_client_tls() offers SSL 3 to TLS 1.2 with every kind of suite: forward-secret, plain RSA,
 * 3DES, RC4, DES, export, NULL and anonymous. hello_client_ssl2() offers SSL 2 with all its ciphers.
 *
 * Pure: randomness is an argument. Any thread.
 */
#ifndef HELLO_CLIENT_H
#define HELLO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define HELLO_RANDOM_BYTES 32

struct hello_client {
	uint16_t version;   /* the highest offered: 0x0300 to 0x0303 */
	struct span sni;    /* a name; empty: none. At most 255 bytes. Not for SSL 3 */
	struct span alpn;   /* the list as it goes into the extension; empty: none. Not for SSL 3 */
	const uint8_t *random; /* HELLO_RANDOM_BYTES */
};

/* What a hello of any spec needs: 1.5 KB, alpn of up to 512 bytes included. */
#define HELLO_CLIENT_MAX 1536

/* The whole record. Its length, or 0 when sni or alpn are too long. */
size_t hello_client_tls(const struct hello_client *spec, uint8_t buf[HELLO_CLIENT_MAX]);
size_t hello_client_ssl2(const uint8_t random[HELLO_RANDOM_BYTES], uint8_t buf[HELLO_CLIENT_MAX]);

#endif /* HELLO_CLIENT_H */
