/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hashes: one to spread, one to authenticate.
 *
 * hash_mix64() is splitmix64's output function (Steele, Lea, Flood: "Fast splittable pseudorandom
 * number generators", OOPSLA 2014). It is a bijection on 64 bits, fast, and keyless: use it to
 * spread values, never where an adversary must not guess the result.
 *
 * hash_sip64() is SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012) of a
 * message of exactly eight bytes whose last byte is its length, that is of at most seven bytes of
 * input; hash_sip128() of one of at most fifteen. A keyed PRF: without the key its outputs cannot be
 * predicted.
 *
 * Any thread may call anything here; nothing has state.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

/* splitmix64's output function: add the golden gamma, then mix. */
static inline uint64_t
hash_mix64(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* One SipRound on the state v0..v3; a macro, so that the lanes of a loop vectorise. */
#define HASH_SIPROUND(v0, v1, v2, v3)                                                              \
	do {                                                                                       \
		(v0) += (v1);                                                                      \
		(v1) = (v1) << 13 | (v1) >> 51;                                                    \
		(v1) ^= (v0);                                                                      \
		(v0) = (v0) << 32 | (v0) >> 32;                                                    \
		(v2) += (v3);                                                                      \
		(v3) = (v3) << 16 | (v3) >> 48;                                                    \
		(v3) ^= (v2);                                                                      \
		(v0) += (v3);                                                                      \
		(v3) = (v3) << 21 | (v3) >> 43;                                                    \
		(v3) ^= (v0);                                                                      \
		(v2) += (v1);                                                                      \
		(v1) = (v1) << 17 | (v1) >> 47;                                                    \
		(v1) ^= (v2);                                                                      \
		(v2) = (v2) << 32 | (v2) >> 32;                                                    \
	} while (0)

/* SipHash-2-4 in steps: begin with the key, take in the blocks in their order, end. */
struct hash_sip {
	uint64_t v0, v1, v2, v3;
};

static inline struct hash_sip
hash_sip_begin(uint64_t k0, uint64_t k1)
{
	return (struct hash_sip){
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
}

static inline struct hash_sip
hash_sip_take(struct hash_sip s, uint64_t block)
{
	s.v3 ^= block;
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	s.v0 ^= block;
	return s;
}

static inline uint64_t
hash_sip_end(struct hash_sip s)
{
	s.v2 ^= 0xff;
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	HASH_SIPROUND(s.v0, s.v1, s.v2, s.v3);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/*
 * SipHash-2-4 under the key (k0, k1) of the message whose only block is `block`: up to seven bytes
 * of input, little-endian in the low bytes, the length of the input in the top byte.
 */
static inline uint64_t
hash_sip64(uint64_t k0, uint64_t k1, uint64_t block)
{
	return hash_sip_end(hash_sip_take(hash_sip_begin(k0, k1), block));
}

/* The same of a message of two blocks: eight bytes of input, then up to seven and the length. */
static inline uint64_t
hash_sip128(uint64_t k0, uint64_t k1, uint64_t first, uint64_t last)
{
	return hash_sip_end(hash_sip_take(hash_sip_take(hash_sip_begin(k0, k1), first), last));
}

#endif /* BASE_HASH_H */
