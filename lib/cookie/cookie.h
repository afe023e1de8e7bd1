/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cookie: what a probe carries so that its reply proves itself, without state.
 *
 * cookie = SipHash-2-4(key, address | port | plan) of the target and of the plan (probe, coverage
 * probe, ...). Its low 32 bits are the SYN's sequence number; of its high 32 bits the source port,
 * the source address and the first IP ID are functions. So the whole tuple and the sequence number
 * are bound to the target: a reply counts only if all of them are what the key makes of its sender.
 *
 * The key is its own, not the order's seed: who knows the order still cannot forge a reply.
 * Shards of one scan may share it.
 *
 * Pure; any thread.
 */
#ifndef COOKIE_COOKIE_H
#define COOKIE_COOKIE_H

#include <stdint.h>

#include "base/hash.h"

struct cookie_key {
	uint64_t k0;
	uint64_t k1;
};

/*
 * What a tuple is for; disjoint source ports and cookies each. Values are part of the cookie: never
 * renumber.
 */
enum cookie_plan {
	COOKIE_PROBE = 0,
	COOKIE_COVERAGE = 1,
	COOKIE_OPEN = 2,
	COOKIE_DNS = 3,
	COOKIE_SAMPLE = 4, /* no tuple: the draw of who is looked at again (schedule/coverage.h) */
};

/* Names are looked up over UDP: the same ports and cookies over TCP or in a ping are a canary's. */
#define COOKIE_CANARY COOKIE_DNS

/* The key that --test-key means: public, so only for simulation. */
#define COOKIE_TEST_KEY {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}

/* The cookie of one target; address and port in host order. */
static inline uint64_t
cookie_make(const struct cookie_key *key, uint32_t address, uint16_t port, enum cookie_plan plan)
{
	uint64_t block = (uint64_t)address | (uint64_t)port << 32 | (uint64_t)plan << 48 |
			 UINT64_C(7) << 56;

	return hash_sip64(key->k0, key->k1, block);
}

/* The same for n targets, in lanes (AVX-512, AVX2, baseline; same results from each); of one plan, or of
 * one each. */
void cookie_make_burst(const struct cookie_key *key, enum cookie_plan plan, unsigned int n,
		       const uint32_t *address, const uint16_t *port, uint64_t *cookie);
void cookie_make_each(const struct cookie_key *key, unsigned int n, const uint32_t *address,
		      const uint16_t *port, const uint8_t *plan, uint64_t *cookie);

#endif /* COOKIE_COOKIE_H */
