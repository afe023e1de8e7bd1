/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Function multiversioning: one portable source, compiled for AVX-512, AVX2, SSE4.2 (the least that
 * DPDK runs on) and the ABI's baseline, chosen by the loader for the CPU at hand. Results are the
 * same bytes from each; tests compile modules once for each (ASDIC_ONE_VERSION names it) and compare.
 *
 * Put MULTIVERSION before a function whose loops over arrays the compiler can turn into lanes.
 */
#ifndef BASE_MULTIVERSION_H
#define BASE_MULTIVERSION_H

#if defined(ASDIC_NO_MULTIVERSION) || !defined(__x86_64__) || defined(__clang__)
#define MULTIVERSION
#elif defined(ASDIC_ONE_VERSION)
#define MULTIVERSION __attribute__((target(ASDIC_ONE_VERSION), optimize("O3", "tree-vectorize")))
#else
#define MULTIVERSION                                                                               \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "arch=x86-64-v2",         \
				     "default"),                                                   \
		       optimize("O3", "tree-vectorize")))
#endif

#endif /* BASE_MULTIVERSION_H */
