/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The certificates of a simulated Internet: files made once by a world's recipe, and the truth that
 * they hold. Hides libcrypto and the file system.
 *
 * In the recipe's folder stand 0000.pem, 0001.pem, ...: a private key, and behind it the chain in
 * the order in which it is sent. Keys and signatures are random; the form of each is a function of
 * its number i and the world's seed:
 *
 *     chain    chain_min + i mod (chain_max - chain_min + 1) certificates, the leaf counted
 *     key      types take turns whenever a round of chain lengths is over
 *     names    names_min + mix64(seed XOR i) mod (names_max - names_min + 1) in the leaf
 *
 * A chain of one is a self-signed leaf; a longer one ends in a root of the world's own, of which
 * there are up to three levels that all chains share.
 */
#ifndef WORLDCERTS_WORLDCERTS_H
#define WORLDCERTS_WORLDCERTS_H

#include <stddef.h>
#include <stdint.h>

#include "world/world.h"

#define WORLDCERTS_SHA256_SIZE 32

/*
 * Make all files of a recipe, and its folder if need be. 0; -EEXIST when one of them is there
 * already, and nothing is made; another negative errno of the file system; -ENOMEM when libcrypto
 * fails. path names the file or folder that it was about.
 */
int worldcerts_make(const struct world_certificates *recipe, uint64_t seed, char *path,
		    size_t size);

/*
 * The SHA-256 of a leaf's DER. 0, or a negative errno: -EINVAL for a file without a certificate.
 */
int worldcerts_digest(const struct world_certificates *recipe, uint32_t index,
		      uint8_t digest[WORLDCERTS_SHA256_SIZE]);

/* The file of a number. */
void worldcerts_path(const struct world_certificates *recipe, uint32_t index, char *path,
		     size_t size);

#endif /* WORLDCERTS_WORLDCERTS_H */
