/* SPDX-License-Identifier: BSD-3-Clause */
#include "simnet_tls.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "base/hash.h"
#include "replay/replay.h"
#include "worldcerts/worldcerts.h"

#define SCRATCH 4096

struct simnet_tls {
	struct world_tls speaker;
	const struct world_certificates *certificates;
	OSSL_LIB_CTX *library;
	SSL_CTX *contexts[]; /* by certificate, made when first needed */
};

struct session {
	SSL *ssl;
	const struct world_service *service;
	uint64_t flow;
	uint64_t steps;
	bool answered; /* the service's text was said */
	bool over;
};

/* ---- Contexts ---------------------------------------------------------------------------- */

int
simnet_tls_check(const struct world *w, char *buf, size_t size)
{
	const struct world_certificates *c = &world_describe(w)->certificates;

	for (uint32_t i = 0; c->folder != NULL && i < c->count; i++) {
		worldcerts_path(c, i, buf, size);
		if (access(buf, R_OK) != 0)
			return -ENOENT;
	}
	return 0;
}

/* No tickets and no sessions: nobody comes again, and they cost. All that OpenSSL still has is
 * offered, weak or not, as on the Internet. */
static SSL_CTX *
context_make(const struct simnet_tls *tls, uint32_t certificate)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(tls->library, NULL, TLS_server_method());
	char path[PATH_MAX];

	if (ctx == NULL)
		return NULL;
	worldcerts_path(tls->certificates, certificate, path, sizeof(path));
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	if (SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1 &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1 &&
	    SSL_CTX_use_certificate_chain_file(ctx, path) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static SSL_CTX *
context_of(struct simnet_tls *tls, uint32_t certificate)
{
	SSL_CTX **slot = &tls->contexts[certificate];

	if (*slot == NULL)
		*slot = context_make(tls, certificate);
	return *slot;
}

/* ---- Sessions ---------------------------------------------------------------------------- */

static void
versions_set(SSL *ssl, uint8_t versions)
{
	static const uint64_t off[WORLD_TLS_VERSIONS] = {SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1,
							 SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};

	if (versions == 0)
		versions = WORLD_TLS_1_2 | WORLD_TLS_1_3;
	for (unsigned int i = 0; i < WORLD_TLS_VERSIONS; i++) {
		if ((versions & 1 << i) == 0)
			SSL_set_options(ssl, off[i]);
	}
}

static SSL *
ssl_make(struct simnet_tls *tls, const struct world_service *service, uint32_t certificate)
{
	SSL_CTX *ctx = context_of(tls, certificate);
	SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	BIO *in, *out;

	if (ssl == NULL)
		return NULL;
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	if (in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_bio(ssl, in, out);
	SSL_set_accept_state(ssl);
	versions_set(ssl, service->tls);
	return ssl;
}

static void *
session_open(void *context, const struct world_service *service, uint32_t certificate,
	     uint64_t flow)
{
	struct simnet_tls *tls = context;
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	replay_seed(flow);
	s->service = service;
	s->flow = flow;
	s->ssl = ssl_make(tls, service, certificate);
	ERR_clear_error();
	if (s->ssl != NULL)
		return s;
	free(s);
	return NULL;
}

/* What a service says behind the handshake, to whoever says something, and the end. */
static void
answer(struct session *s)
{
	const uint8_t close = s->service->close;

	s->answered = true;
	if (s->service->text_len == 0)
		return;
	SSL_write(s->ssl, s->service->text, (int)s->service->text_len);
	if (close != WORLD_CLOSE_KEEP && close != WORLD_CLOSE_SIMULTANEOUS) {
		SSL_shutdown(s->ssl);
		s->over = true;
	}
}

/* SSL_read() makes the handshake, too. */
static void
session_hear(void *context, void *session, const uint8_t *data, size_t len)
{
	struct session *s = session;
	uint8_t scratch[SCRATCH];
	int n;

	(void)context;
	if (s->over)
		return;
	replay_seed(hash_mix64(s->flow) + s->steps++);
	BIO_write(SSL_get_rbio(s->ssl), data, (int)len);
	while ((n = SSL_read(s->ssl, scratch, sizeof(scratch))) > 0) {
		if (!s->answered)
			answer(s);
	}
	n = SSL_get_error(s->ssl, n);
	if (n == SSL_ERROR_ZERO_RETURN)
		SSL_shutdown(s->ssl);
	if (n != SSL_ERROR_WANT_READ)
		s->over = true;
	ERR_clear_error();
}

static size_t
session_say(void *context, void *session, uint8_t *data, size_t room)
{
	struct session *s = session;
	int n = BIO_read(SSL_get_wbio(s->ssl), data, (int)room);

	(void)context;
	return n > 0 ? (size_t)n : 0;
}

static bool
session_over(void *context, void *session)
{
	struct session *s = session;

	(void)context;
	return s->over && BIO_pending(SSL_get_wbio(s->ssl)) == 0;
}

static void
session_close(void *context, void *session)
{
	struct session *s = session;

	(void)context;
	SSL_free(s->ssl);
	free(s);
}

/* ---- Speakers ---------------------------------------------------------------------------- */

/*
 * The library context of all speakers. The process has one, and keeps it: threads that were in it
 * leave some state behind, which OpenSSL frees when they end (OPENSSL_thread_stop_ex(3)).
 */
static OSSL_LIB_CTX *shared;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void
library_make(void)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	if (context == NULL)
		return;
	if (OSSL_PROVIDER_load(context, "default") != NULL && replay_install(context) != NULL)
		shared = context;
	else
		OSSL_LIB_CTX_free(context);
}

/* NULL without memory. */
static OSSL_LIB_CTX *
library(void)
{
	pthread_once(&shared_once, library_make);
	return shared;
}

struct simnet_tls *
simnet_tls_create(const struct world *w)
{
	const struct world_certificates *c = &world_describe(w)->certificates;
	struct simnet_tls *tls;

	if (c->folder == NULL)
		return NULL;
	tls = calloc(1, sizeof(*tls) + c->count * sizeof(tls->contexts[0]));
	if (tls == NULL)
		return NULL;
	tls->certificates = c;
	tls->speaker = (struct world_tls){
		.context = tls,
		.open = session_open,
		.hear = session_hear,
		.say = session_say,
		.over = session_over,
		.close = session_close,
	};
	tls->library = library();
	if (tls->library == NULL) {
		simnet_tls_free(tls);
		return NULL;
	}
	return tls;
}

void
simnet_tls_free(struct simnet_tls *tls)
{
	if (tls == NULL)
		return;
	for (uint32_t i = 0; i < tls->certificates->count; i++)
		SSL_CTX_free(tls->contexts[i]);
	free(tls);
}

const struct world_tls *
simnet_tls_speaker(const struct simnet_tls *tls)
{
	return tls != NULL ? &tls->speaker : NULL;
}
