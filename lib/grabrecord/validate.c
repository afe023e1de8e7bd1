/* SPDX-License-Identifier: BSD-3-Clause */
#include "grabrecord/validate.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/hash.h"
#include "tls/provider.h"

#define RESULTS 16384 /* powers of two: direct-mapped */
#define KEPT 1024

struct result {
	uint8_t key[16];
	int error; /* X509_V_ERR_ */
	bool used;
};

struct kept {
	uint8_t sha256[32];
	X509 *certificate; /* NULL: empty */
};

struct validator {
	struct provider *provider;
	X509_STORE *store;
	struct result results[RESULTS];
	struct kept kept[KEPT];
};

static X509 *
read_certificate(struct validator *v, struct span der)
{
	X509 *x = X509_new_ex(provider_context(v->provider), NULL);
	const uint8_t *at = der.at;

	if (x == NULL)
		return NULL;
	/* On failure it frees what it was given. */
	return d2i_X509(&x, &at, (long)der.len);
}

static bool
load_trusted(struct validator *v, const char *trusted)
{
	OSSL_LIB_CTX *context = provider_context(v->provider);

	if (trusted != NULL)
		return X509_STORE_load_file_ex(v->store, trusted, context, NULL) == 1;
	return X509_STORE_set_default_paths_ex(v->store, context, NULL) == 1;
}

struct validator *
validator_new(const char *trusted)
{
	struct validator *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->provider = provider_new(false);
	v->store = X509_STORE_new();
	if (v->provider == NULL || v->store == NULL || !load_trusted(v, trusted)) {
		validator_free(v);
		v = NULL;
	}
	ERR_clear_error();
	return v;
}

void
validator_free(struct validator *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < KEPT; i++)
		X509_free(v->kept[i].certificate);
	X509_STORE_free(v->store);
	provider_free(v->provider);
	free(v);
}

/* An authority's certificate, from those kept; the reference is the caller's. */
static X509 *
authority(struct validator *v, const struct validate_certificate *c)
{
	struct kept *slot = &v->kept[(c->sha256[0] | (size_t)c->sha256[1] << 8) & (KEPT - 1)];

	if (slot->certificate == NULL || memcmp(slot->sha256, c->sha256, sizeof(slot->sha256)) != 0) {
		X509 *x = read_certificate(v, c->der);

		if (x == NULL)
			return NULL;
		X509_free(slot->certificate);
		slot->certificate = x;
		memcpy(slot->sha256, c->sha256, sizeof(slot->sha256));
	}
	X509_up_ref(slot->certificate);
	return slot->certificate;
}

static STACK_OF(X509) *
authorities(struct validator *v, const struct validate_certificate *chain, size_t count)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	for (size_t i = 1; stack != NULL && i < count && i < VALIDATE_CHAIN_MAX; i++) {
		X509 *x = authority(v, &chain[i]);

		/* One that cannot be read is no help; the others may do. */
		if (x != NULL && !sk_X509_push(stack, x))
			X509_free(x);
	}
	return stack;
}

static int
verify(struct validator *v, const struct validate_certificate *chain, size_t count, int64_t now_s)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(provider_context(v->provider), NULL);
	STACK_OF(X509) *stack = authorities(v, chain, count);
	X509 *leaf = read_certificate(v, chain[0].der);
	int error = X509_V_ERR_UNSPECIFIED;

	if (ctx != NULL && leaf != NULL && X509_STORE_CTX_init(ctx, v->store, leaf, stack)) {
		X509_STORE_CTX_set_default(ctx, "ssl_server");
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_pop_free(stack, X509_free);
	X509_free(leaf);
	ERR_clear_error();
	return error;
}

/* The chain's digests, mixed, and the day. */
static void
make_key(const struct validate_certificate *chain, size_t count, int64_t now_s, uint8_t key[16])
{
	uint64_t words[2] = {(uint64_t)(now_s / 86400), count}, digest[2];

	for (size_t i = 0; i < count && i < VALIDATE_CHAIN_MAX; i++) {
		memcpy(digest, chain[i].sha256, sizeof(digest));
		words[0] = hash_mix64(words[0] ^ digest[0]);
		words[1] = hash_mix64(words[1] ^ digest[1]);
	}
	memcpy(key, words, sizeof(words));
}

const char *
validate(struct validator *v, const struct validate_certificate *chain, size_t count, int64_t now_s)
{
	struct result *slot;
	uint8_t key[16];

	if (count == 0)
		return "no certificate";
	make_key(chain, count, now_s, key);
	slot = &v->results[(key[0] | (size_t)key[1] << 8) & (RESULTS - 1)];
	if (!slot->used || memcmp(slot->key, key, sizeof(key)) != 0) {
		slot->error = verify(v, chain, count, now_s);
		memcpy(slot->key, key, sizeof(key));
		slot->used = true;
	}
	return slot->error == X509_V_OK ? NULL : X509_verify_cert_error_string(slot->error);
}
