/* SPDX-License-Identifier: BSD-3-Clause */
#include "dns/chance.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Begin a stream; nonce and counter are zero, since no key is used twice. */
static int
rekey(struct chance *c, const uint8_t key[32])
{
	static const uint8_t iv[16];

	c->drawn = 0;
	c->at = CHANCE_BUFFER;
	return EVP_EncryptInit_ex(c->cipher, EVP_chacha20(), NULL, key, iv) == 1 ? 0 : -ENOMEM;
}

int
chance_init(struct chance *c, const uint8_t key[32])
{
	c->cipher = EVP_CIPHER_CTX_new();
	return c->cipher != NULL ? rekey(c, key) : -ENOMEM;
}

void
chance_fini(struct chance *c)
{
	EVP_CIPHER_CTX_free(c->cipher);
	c->cipher = NULL;
	OPENSSL_cleanse(c->buffer, sizeof(c->buffer));
}

/* A stream cipher neither fails nor allocates once it has its key. */
static void
stream(struct chance *c)
{
	static const uint8_t zeros[CHANCE_BUFFER];
	int len;

	EVP_EncryptUpdate(c->cipher, c->buffer, &len, zeros, CHANCE_BUFFER);
	c->at = 0;
	c->drawn += CHANCE_BUFFER;
}

void
chance_refill(struct chance *c)
{
	stream(c);
	if (c->drawn < CHANCE_REKEY_BYTES)
		return;
	rekey(c, c->buffer);
	stream(c);
}
