/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts and profiles: what is made once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "hello/hello.h"
#include "tls/internal.h"

/* Everything that the library knows, what authenticates or encrypts nothing last. */
#define CIPHERS "ALL:+aNULL:eNULL:@SECLEVEL=0"
#define SUITES_OF_TLS13                                                                            \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"               \
	"TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"

/* One key share goes with the hello, of the first; the others cost a second flight where asked for. */
#define GROUPS                                                                                     \
	"X25519:P-256:P-384:P-521:X448:brainpoolP512r1:brainpoolP384r1:brainpoolP256r1:secp256k1:"  \
	"ffdhe2048:ffdhe3072"

#ifndef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION /* OpenSSL 3.2 */
#define SSL_OP_NO_RX_CERTIFICATE_COMPRESSION 0
#endif

struct tls *
tls_new(const struct tls_config *config)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->replay_seed = config->replay_seed;
	t->provider = provider_new(config->stock);
	t->bio = session_bio_method();
	if (t->provider == NULL || t->bio == NULL ||
	    (t->replay_seed != 0 && !provider_replay(t->provider))) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void
tls_abandon(struct tls *t)
{
	t->is_abandoned = true;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	while (t->free != NULL) {
		struct tls_session *s = t->free;

		t->free = s->next_free;
		free(s);
	}
	BIO_meth_free(t->bio);
	provider_free(t->provider);
	free(t);
	ERR_clear_error();
}

/* A scanner must see the weak: keys of 512 bits, MD5, whatever a level above 0 would refuse. */
static int
allow_all(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
	(void)ssl;
	(void)ctx;
	(void)op;
	(void)bits;
	(void)nid;
	(void)other;
	(void)ex;
	return 1;
}

/* Certificates are seen, not judged. */
static int
accept_chain(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

static uint64_t
options(unsigned int versions)
{
	return SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_RENEGOTIATION | SSL_OP_TLSEXT_PADDING |
	       SSL_OP_NO_RX_CERTIFICATE_COMPRESSION |
	       (versions & TLS_1_0 ? 0 : SSL_OP_NO_TLSv1) |
	       (versions & TLS_1_1 ? 0 : SSL_OP_NO_TLSv1_1) |
	       (versions & TLS_1_2 ? 0 : SSL_OP_NO_TLSv1_2) |
	       (versions & TLS_1_3 ? 0 : SSL_OP_NO_TLSv1_3);
}

static bool
configure(SSL_CTX *ctx, const struct tls_profile *p)
{
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_security_callback(ctx, allow_all);
	SSL_CTX_set_options(ctx, options(p->versions));
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, TLS_CHAIN_MAX);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_chain, NULL);
	SSL_CTX_set_msg_callback(ctx, session_watch);
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS) &&
	       SSL_CTX_set_ciphersuites(ctx, SUITES_OF_TLS13) &&
	       SSL_CTX_set1_groups_list(ctx, GROUPS) &&
	       /* SCTs, empty: an extension of ours, as OpenSSL's own would verify them */
	       SSL_CTX_add_custom_ext(ctx, HELLO_EXT_SCT,
				      SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO |
					      SSL_EXT_TLS1_3_CERTIFICATE,
				      NULL, NULL, NULL, NULL, NULL) &&
	       (p->alpn_len == 0 || SSL_CTX_set_alpn_protos(ctx, p->alpn, p->alpn_len) == 0);
}

static int
read_alpn(struct tls_profile *p, const struct tls_spec *spec)
{
	for (size_t i = 0; i < spec->alpn_count; i++) {
		size_t len = strlen(spec->alpn[i]);

		if (len == 0 || len > 255 || len + 1 > sizeof(p->alpn) - p->alpn_len)
			return -EINVAL;
		p->alpn[p->alpn_len++] = (uint8_t)len;
		memcpy(p->alpn + p->alpn_len, spec->alpn[i], len);
		p->alpn_len += (uint16_t)len;
	}
	return 0;
}

/* Without TLS 1.3 and the end of a handshake no key is needed: then the first look is in the clear. */
static void
choose_plain(struct tls_profile *p)
{
	static const struct {
		unsigned int set;
		uint16_t version;
	} plain[] = {{TLS_1_0, 0x0301}, {TLS_1_1, 0x0302}, {TLS_1_2, 0x0303}};

	if ((p->versions & TLS_1_3) || p->depth == TLS_HANDSHAKE)
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!(p->versions & plain[i].set))
			continue;
		if (p->plain_min == 0)
			p->plain_min = plain[i].version;
		p->plain_max = plain[i].version;
	}
}

int
tls_profile_new(struct tls *t, const struct tls_spec *spec, struct tls_profile **out)
{
	struct tls_profile *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p == NULL)
		return -ENOMEM;
	*p = (struct tls_profile){.tls = t, .versions = spec->versions, .depth = spec->depth};
	if (spec->versions == 0 || read_alpn(p, spec) != 0) {
		free(p);
		return -EINVAL;
	}
	choose_plain(p);
	if ((p->versions & TLS_MODERN) && p->plain_max == 0) {
		p->ctx = SSL_CTX_new_ex(provider_context(t->provider), NULL, TLS_client_method());
		if (p->ctx == NULL || !configure(p->ctx, p)) {
			tls_profile_free(p);
			ERR_clear_error();
			return -ENOMEM;
		}
	}
	*out = p;
	return 0;
}

void
tls_profile_free(struct tls_profile *p)
{
	if (p == NULL)
		return;
	SSL_CTX_free(p->ctx);
	free(p);
}

enum grab_look
tls_first_look(const struct tls_profile *p)
{
	if (p->versions & TLS_MODERN)
		return GRAB_LOOK_FIRST;
	return p->versions & TLS_SSL3 ? GRAB_LOOK_SSL3 : GRAB_LOOK_SSL2;
}

/* A server that speaks TLS and shared nothing with us, or that does not know what we said. */
static bool
has_refused(const struct grab *g)
{
	if (g->cause == GRAB_VERSION)
		return true;
	return g->stage < GRAB_SERVER_HELLO && (g->cause == GRAB_ALERT || g->cause == GRAB_CLOSED ||
						g->cause == GRAB_RESET);
}

enum grab_look
tls_next_look(const struct tls_profile *p, const struct grab *grab)
{
	if (!has_refused(grab))
		return GRAB_LOOK_FIRST;
	if (grab->look < GRAB_LOOK_SSL3 && (p->versions & TLS_SSL3))
		return (enum grab_look)(grab->look + 1);
	if (grab->look < GRAB_LOOK_SSL2 && (p->versions & TLS_SSL2))
		return GRAB_LOOK_SSL2;
	return GRAB_LOOK_FIRST;
}
