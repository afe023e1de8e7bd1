/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chance for ids, ports and choices: the key stream of ChaCha20 (RFC 8439), which nobody can go on with
 * who has seen any part of it. The key is drawn anew from it once in CHANCE_REKEY_BYTES, long before the
 * block counter comes round.
 */
#ifndef DNS_CHANCE_H
#define DNS_CHANCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/types.h>

#define CHANCE_BUFFER 512
#define CHANCE_REKEY_BYTES (UINT64_C(1) << 30)

struct chance {
	EVP_CIPHER_CTX *cipher;
	uint64_t drawn;
	size_t at;
	uint8_t buffer[CHANCE_BUFFER];
};

/* 0, or -ENOMEM. */
int chance_init(struct chance *c, const uint8_t key[32]);
void chance_fini(struct chance *c);

/* The buffer is used up. */
void chance_refill(struct chance *c);

static inline uint64_t
chance_u64(struct chance *c)
{
	uint64_t value;

	if (c->at + sizeof(value) > CHANCE_BUFFER)
		chance_refill(c);
	memcpy(&value, c->buffer + c->at, sizeof(value));
	c->at += sizeof(value);
	return value;
}

#endif /* DNS_CHANCE_H */
