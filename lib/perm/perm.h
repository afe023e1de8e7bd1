/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of a scan: a keyed bijection on [0, N), any N from 1 to 2^48, random access both ways.
 *
 * A generalised Feistel network (Black, Rogaway: "Ciphers with arbitrary finite domains", CT-RSA
 * 2002) over Z_a x Z_b with a = ceil(sqrt(N)), b = ceil(N / a): the halves take turns adding a
 * keyed hash of the other half, modulo their size. a * b exceeds N by less than a, so walking the
 * cycle past the rare results >= N costs next to nothing at any N, unlike power-of-two domains.
 *
 * The order is the same on every machine and for every instruction set, and its key is not the
 * cookie's. It is a statistical shuffle, not a secret: the tests hold its spread over prefixes
 * against a uniform shuffle's.
 *
 * A struct perm is immutable after perm_init(): any number of threads may use it.
 */
#ifndef PERM_PERM_H
#define PERM_PERM_H

#include <stdint.h>

#define PERM_MAX (UINT64_C(1) << 48)

/*
 * Five is the least that passes every statistic tried (spread over prefixes, serial correlation,
 * repeated spacings, differences along rows and columns of the square; N from 3 * 10^5 to 2^48);
 * four fails where halves are small. Three more are the margin.
 */
#ifndef PERM_ROUNDS
#define PERM_ROUNDS 8
#endif

struct perm {
	uint64_t n;
	uint32_t a; /* size of the left half, 1 to 2^24 */
	uint32_t b; /* size of the right half, at most a */
	float a_scale; /* a / 2^24 and b / 2^24, exact */
	float b_scale;
	uint32_t key[PERM_ROUNDS];
};

/* 0; -ERANGE for n of 0 or above PERM_MAX. */
int perm_init(struct perm *p, uint64_t n, uint64_t seed);

/* The index at a position, and the position of an index; both below n. */
uint64_t perm_forward(const struct perm *p, uint64_t position);
uint64_t perm_inverse(const struct perm *p, uint64_t index);

/*
 * The indices of count consecutive positions from first on (first + count <= n). The fast path:
 * lanes side by side, compiled for AVX-512, AVX2 and the baseline, same results from each. Quickest
 * for multiples of 128.
 */
void perm_forward_run(const struct perm *p, uint64_t first, unsigned int count, uint64_t *index);

/* Positions [first, end). */
struct perm_span {
	uint64_t first;
	uint64_t end;
};

/*
 * Shard i of n (1-based) of the positions [0, limit): n disjoint spans that cover all, of sizes
 * that differ by one at most. 0, or -EINVAL unless 1 <= i <= n.
 */
int perm_shard(uint64_t limit, uint32_t i, uint32_t n, struct perm_span *span);

#endif /* PERM_PERM_H */
