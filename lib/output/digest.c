/* SPDX-License-Identifier: BSD-3-Clause */
#include "output/digest.h"

#include <stdio.h>

#include <openssl/evp.h>

/* The context itself, under a name that says nothing of whose it is. */
static EVP_MD_CTX *
context_of(struct digest *d)
{
	return (EVP_MD_CTX *)d;
}

struct digest *
digest_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	return (struct digest *)context;
}

void
digest_add(struct digest *d, const void *data, size_t len)
{
	EVP_DigestUpdate(context_of(d), data, len);
}

void
digest_text(struct digest *d, char text[DIGEST_TEXT_SIZE])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	EVP_DigestFinal_ex(context_of(d), raw, &len);
	text[0] = '\0';
	for (unsigned int i = 0; i < len && 2 * i + 2 < DIGEST_TEXT_SIZE; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", raw[i]);
}

void
digest_free(struct digest *d)
{
	EVP_MD_CTX_free(context_of(d));
}
