/* SPDX-License-Identifier: BSD-3-Clause */
#include "worldcerts/worldcerts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/hash.h"

#define VALID_DAYS 3650
#define AUTHORITIES (WORLD_CHAIN_MAX - 1)
#define NAME_SIZE 64

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

/* What a certificate is to be. */
struct plan {
	const char *name;
	unsigned int names; /* of a leaf; 0: an authority */
	uint64_t serial;
	EVP_PKEY *key;
};

void
worldcerts_path(const struct world_certificates *recipe, uint32_t index, char *path, size_t size)
{
	snprintf(path, size, "%s/%04u.pem", recipe->folder, index);
}

/* ---- One certificate --------------------------------------------------------------------- */

/* The type of the i-th of those that the recipe allows. */
static EVP_PKEY *
key_make(uint32_t types, uint32_t i)
{
	bool rsa = types == WORLD_KEY_RSA2048 ||
		   (types == (WORLD_KEY_P256 | WORLD_KEY_RSA2048) && i % 2 == 1);

	return rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

static bool
extension_add(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	bool good = e != NULL && X509_add_ext(x, e, -1) == 1;

	X509_EXTENSION_free(e);
	return good;
}

/* The leaf's own name, a wildcard, and hosts of it. */
static void
dns_name(const struct plan *plan, unsigned int i, char name[NAME_SIZE])
{
	if (i == 0)
		snprintf(name, NAME_SIZE, "%s", plan->name);
	else if (i == 1)
		snprintf(name, NAME_SIZE, "*.%s", plan->name);
	else
		snprintf(name, NAME_SIZE, "host-%u.%s", i, plan->name);
}

static bool
names_add(X509 *x, const struct plan *plan)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool good = names != NULL;

	for (unsigned int i = 0; good && i < plan->names; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();
		char dns[NAME_SIZE];

		dns_name(plan, i, dns);
		good = name != NULL && text != NULL && ASN1_STRING_set(text, dns, -1) == 1 &&
		       sk_GENERAL_NAME_push(names, name) > 0;
		if (!good) {
			GENERAL_NAME_free(name);
			ASN1_IA5STRING_free(text);
			break;
		}
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
	}
	good = good && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return good;
}

static bool
extensions_add(X509 *x, X509 *issuer, const struct plan *plan)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	if (plan->names == 0)
		return extension_add(x, &ctx, NID_basic_constraints, "critical,CA:TRUE") &&
		       extension_add(x, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign");
	return extension_add(x, &ctx, NID_basic_constraints, "critical,CA:FALSE") &&
	       extension_add(x, &ctx, NID_ext_key_usage, "serverAuth") && names_add(x, plan);
}

static bool
subject_set(X509 *x, const struct plan *plan)
{
	X509_NAME *name = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
					  (const unsigned char *)"A Simulated Internet", -1, -1,
					  0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)plan->name, -1, -1, 0) == 1;
}

/* issuer NULL: signed by itself. NULL when libcrypto fails. */
static X509 *
certificate_make(const struct plan *plan, const struct authority *issuer)
{
	X509 *x = X509_new();
	X509 *by = issuer != NULL ? issuer->certificate : x;
	EVP_PKEY *key = issuer != NULL ? issuer->key : plan->key;

	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), plan->serial) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -86400) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), VALID_DAYS * 86400L) != NULL &&
	    X509_set_pubkey(x, plan->key) == 1 && subject_set(x, plan) &&
	    X509_set_issuer_name(x, X509_get_subject_name(by)) == 1 &&
	    extensions_add(x, by, plan) && X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* ---- All of them ------------------------------------------------------------------------- */

static int
authorities_make(const struct world_certificates *recipe, struct authority *authorities)
{
	for (uint32_t i = 0; i + 1 < recipe->chain_max; i++) {
		char name[NAME_SIZE];
		struct plan plan = {.name = name, .serial = UINT64_C(0x5eed0000) + i};

		snprintf(name, sizeof(name), "Simulated Authority %u", i);
		authorities[i].key = plan.key = key_make(recipe->keys, i + 1);
		if (plan.key == NULL)
			return -ENOMEM;
		authorities[i].certificate =
			certificate_make(&plan, i > 0 ? &authorities[i - 1] : NULL);
		if (authorities[i].certificate == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void
authorities_free(struct authority *authorities)
{
	for (unsigned int i = 0; i < AUTHORITIES; i++) {
		EVP_PKEY_free(authorities[i].key);
		X509_free(authorities[i].certificate);
	}
}

/* Key, leaf, and who signed whom, up to the root. */
static int
file_write(const char *path, EVP_PKEY *key, X509 *leaf, const struct authority *authorities,
	   uint32_t chain)
{
	FILE *f = fopen(path, "wxe");
	bool good;

	if (f == NULL)
		return -errno;
	good = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	       PEM_write_X509(f, leaf) == 1;
	for (uint32_t i = chain - 1; good && i > 0; i--)
		good = PEM_write_X509(f, authorities[i - 1].certificate) == 1;
	good = fclose(f) == 0 && good;
	return good ? 0 : -EIO;
}

static int
leaf_make(const struct world_certificates *r, uint64_t seed, uint32_t index,
	  const struct authority *authorities, const char *path)
{
	uint32_t lengths = r->chain_max - r->chain_min + 1, chain = r->chain_min + index % lengths;
	uint32_t names = r->names_max - r->names_min + 1;
	char name[NAME_SIZE];
	struct plan plan = {
		.name = name,
		.names = r->names_min + (uint32_t)(hash_mix64(seed ^ index) % names),
		.serial = hash_mix64(seed + index) >> 1 | 1,
		.key = key_make(r->keys, index / lengths),
	};
	X509 *leaf = NULL;
	int rc = -ENOMEM;

	snprintf(name, sizeof(name), "c%04u.example", index);
	if (plan.key != NULL)
		leaf = certificate_make(&plan, chain > 1 ? &authorities[chain - 2] : NULL);
	if (leaf != NULL)
		rc = file_write(path, plan.key, leaf, authorities, chain);
	X509_free(leaf);
	EVP_PKEY_free(plan.key);
	return rc;
}

static int
folder_prepare(const struct world_certificates *recipe, char *path, size_t size)
{
	snprintf(path, size, "%s", recipe->folder);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return -errno;
	for (uint32_t i = 0; i < recipe->count; i++) {
		worldcerts_path(recipe, i, path, size);
		if (access(path, F_OK) == 0)
			return -EEXIST;
	}
	return 0;
}

int
worldcerts_make(const struct world_certificates *recipe, uint64_t seed, char *path, size_t size)
{
	struct authority authorities[AUTHORITIES] = {0};
	int rc = folder_prepare(recipe, path, size);

	if (rc == 0)
		rc = authorities_make(recipe, authorities);
	for (uint32_t i = 0; rc == 0 && i < recipe->count; i++) {
		worldcerts_path(recipe, i, path, size);
		rc = leaf_make(recipe, seed, i, authorities, path);
	}
	authorities_free(authorities);
	return rc;
}

int
worldcerts_digest(const struct world_certificates *recipe, uint32_t index,
		  uint8_t digest[WORLDCERTS_SHA256_SIZE])
{
	char path[4096];
	X509 *leaf;
	FILE *f;
	int rc;

	worldcerts_path(recipe, index, path, sizeof(path));
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	leaf = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (leaf == NULL)
		return -EINVAL;
	rc = X509_digest(leaf, EVP_sha256(), digest, NULL) == 1 ? 0 : -ENOMEM;
	X509_free(leaf);
	return rc;
}
