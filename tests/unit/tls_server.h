/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TLS server in memory, made of OpenSSL's own server side: what lib/tls must see of it is known.
 * For the tests of lib/tls and lib/grabrecord.
 */
#ifndef TESTS_UNIT_TLS_SERVER_H
#define TESTS_UNIT_TLS_SERVER_H

#include <assert.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/tls.h"

#define CHAIN_MAX 4

struct identity {
	EVP_PKEY *key; /* of the leaf */
	X509 *chain[CHAIN_MAX];
	size_t length;
};

static inline EVP_PKEY *
dsa_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	assert(EVP_PKEY_paramgen_init(ctx) == 1);
	assert(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024) == 1);
	assert(EVP_PKEY_paramgen(ctx, &params) == 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(params, NULL);
	assert(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	return key;
}

static inline EVP_PKEY *
pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	assert(EVP_PKEY_keygen_init(ctx) == 1);
	assert(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	assert(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* "RSA-512", "RSA-PSS", "DSA", "ED25519", or the name of a curve. */
static inline EVP_PKEY *
make_key(const char *type)
{
	EVP_PKEY *key;

	if (strcmp(type, "RSA-PSS") == 0)
		key = pss_key();
	else if (strncmp(type, "RSA-", 4) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(type + 4));
	else if (strcmp(type, "DSA") == 0)
		key = dsa_key();
	else if (strncmp(type, "ED", 2) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, type);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
	assert(key != NULL);
	return key;
}

static inline void
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (e == NULL)
		ERR_print_errors_fp(stderr);
	assert(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* signer NULL: itself. A CA when san is NULL. */
static inline X509 *
make_certificate(EVP_PKEY *key, const char *name, const char *san, X509 *issuer, EVP_PKEY *signer,
		 long serial)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	EVP_PKEY *by = signer != NULL ? signer : key;
	bool no_digest = EVP_PKEY_is_a(by, "ED25519") || EVP_PKEY_is_a(by, "ED448");

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * 90);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(subject, "C", MBSTRING_ASC, (const uint8_t *)"US", -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
	if (san != NULL)
		add_extension(cert, NID_subject_alt_name, san);
	else
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	assert(X509_sign(cert, by, no_digest ? NULL : EVP_sha256()) > 0);
	return cert;
}

/* A leaf of that type, under length - 1 certificates of authorities; the root is the last. */
static inline struct identity
make_identity(const char *type, size_t length)
{
	struct identity id = {.length = length, .key = make_key(type)};
	EVP_PKEY *keys[CHAIN_MAX] = {id.key};

	for (size_t i = 1; i < length; i++)
		keys[i] = make_key("P-256");
	for (size_t i = length; i-- > 0;) {
		char name[32];

		snprintf(name, sizeof(name), i > 0 ? "Authority %zu" : "www.example.com", i);
		id.chain[i] = make_certificate(
			keys[i], name, i > 0 ? NULL : "DNS:www.example.com,DNS:*.example.org,IP:192.0.2.1",
			i + 1 < length ? id.chain[i + 1] : NULL, i + 1 < length ? keys[i + 1] : NULL,
			1000 + (long)i);
	}
	for (size_t i = 1; i < length; i++)
		EVP_PKEY_free(keys[i]);
	return id;
}

static inline void
free_identity(struct identity *id)
{
	EVP_PKEY_free(id->key);
	for (size_t i = 0; i < id->length; i++)
		X509_free(id->chain[i]);
}

struct server {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static inline SSL_CTX *
make_server_context(const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_cipher_list(ctx, "ALL:eNULL:@SECLEVEL=0");
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (id != NULL) {
		assert(SSL_CTX_use_certificate(ctx, id->chain[0]) == 1);
		assert(SSL_CTX_use_PrivateKey(ctx, id->key) == 1);
		for (size_t i = 1; i < id->length; i++)
			assert(SSL_CTX_add1_chain_cert(ctx, id->chain[i]) == 1);
	}
	return ctx;
}

/* The context stays the caller's. */
static inline struct server
make_server(SSL_CTX *ctx)
{
	struct server s = {.ctx = ctx, .ssl = SSL_new(ctx)};

	s.in = BIO_new(BIO_s_mem());
	s.out = BIO_new(BIO_s_mem());
	SSL_set_bio(s.ssl, s.in, s.out);
	SSL_set_accept_state(s.ssl);
	return s;
}

static inline void
free_server(struct server *s)
{
	SSL_free(s->ssl);
}

/* A conversation of a session with a server, the server's bytes in pieces of at most `piece`. */
static inline enum tls_state
converse(struct tls_session *s, struct server *server, size_t piece, uint64_t *now_ns)
{
	enum tls_state state = TLS_WANTS_MORE;
	uint8_t buf[20000];

	for (int turns = 0; turns < 20; turns++) {
		size_t len;
		int n;

		while ((len = tls_output(s, buf, sizeof(buf), *now_ns)) > 0)
			BIO_write(server->in, buf, (int)len);
		ERR_clear_error();
		SSL_do_handshake(server->ssl);
		if (state == TLS_DONE)
			break;
		while (state == TLS_WANTS_MORE &&
		       (n = BIO_read(server->out, buf, (int)(piece < sizeof(buf) ? piece : sizeof(buf)))) > 0) {
			*now_ns += 1000;
			state = tls_input(s, span_of(buf, (size_t)n), *now_ns);
		}
	}
	return state;
}

#endif /* TESTS_UNIT_TLS_SERVER_H */
