/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks that accept every connection and never say a word.
 *
 * Middleboxes answer the SYNs to whole networks, of every port: their SYN-ACKs are no hosts (L. Izhikevich,
 * R. Teixeira, Z. Durumeric, "LZR: Identifying Unexpected Internet Services", USENIX Security 2021).
 * Noted is, for each /24, how many of its targets accepted and whether any has ever spoken; who knows how
 * many were probed judges the rest.
 *
 * Two bytes a /24: 32 MB for the whole Internet, in a sparse array of which what is written takes memory.
 * Beyond ACCEPTORS_COUNT_MAX targets of one /24 are not counted.
 *
 * Pure; one thread.
 */
#ifndef ACCEPTORS_ACCEPTORS_H
#define ACCEPTORS_ACCEPTORS_H

#include <stdbool.h>
#include <stdint.h>

#define ACCEPTORS_COUNT_MAX 0x7fff

struct acceptors;

/* NULL without memory. */
struct acceptors *acceptors_new(void);
void acceptors_free(struct acceptors *a);

/* A target has accepted a connection. */
void acceptors_note(struct acceptors *a, uint32_t address);

/* A target has said something, whenever that was. */
void acceptors_note_speech(struct acceptors *a, uint32_t address);

/* A /24 in which nobody has spoken. */
struct acceptors_network {
	uint32_t address;
	uint32_t accepted; /* targets that did */
};

/*
 * Walk the mute networks in which at least so many targets accepted, ascending: give 0 in *at first. 0 and *network,
 * or -ENOENT at the end. It reads 32 MB.
 */
int acceptors_next(const struct acceptors *a, uint32_t least, uint32_t *at, struct acceptors_network *network);

#endif /* ACCEPTORS_ACCEPTORS_H */
