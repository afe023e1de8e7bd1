/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lib/tls: no other module includes this. */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "hello/client.h"
#include "hello/plain.h"
#include "hello/sniff.h"
#include "tls/provider.h"
#include "tls/tls.h"

#define OUT_BYTES 2048
_Static_assert(OUT_BYTES >= HELLO_CLIENT_MAX, "a hand-made hello fits");

struct tls {
	struct provider *provider;
	BIO_METHOD *bio;
	uint64_t replay_seed;     /* 0: none */
	bool is_abandoned;
	struct tls_session *free; /* sessions that were used and will be again */
};

struct tls_profile {
	struct tls *tls;
	SSL_CTX *ctx;            /* NULL where no session needs it */
	unsigned int versions;
	enum tls_depth depth;
	uint16_t plain_min, plain_max; /* of a first look in the clear; 0: it is OpenSSL's */
	uint16_t alpn_len;
	uint8_t alpn[512];       /* as it goes onto the wire */
};

struct tls_session {
	struct tls_profile *profile;
	struct grab *grab;
	SSL *ssl;                /* NULL: in the clear, or over */
	struct tls_session *next_free;
	uint64_t now_ns;
	uint64_t steps;          /* that drew random bytes, or could have */
	struct span in;          /* what OpenSSL may read, during one call */
	struct sniff sniff;
	struct plain plain;
	uint16_t version;        /* chosen by the ServerHello; 0: not yet */
	bool is_plain;
	bool is_mute;            /* nothing that OpenSSL still writes is sent */
	uint16_t out_from, out_to;
	uint8_t out[OUT_BYTES];
};

/* bio.c: a BIO between a session's spans and OpenSSL. */
BIO_METHOD *session_bio_method(void);

/* watch.c: OpenSSL's message callback, whose arg is the session. */
void session_watch(int is_sent, int version, int content_type, const void *buf, size_t len, SSL *ssl,
		   void *arg);

/* watch.c: end a grab by what OpenSSL's error queue says. */
void session_fail(struct tls_session *s, int ssl_error);

#endif /* TLS_INTERNAL_H */
