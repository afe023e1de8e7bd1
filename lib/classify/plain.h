/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain segments of a burst, side by side: nearly all that a scan is answered with.
 *
 * Plain is a TCP segment without data, in an IPv4 packet without options that is no fragment, in a
 * frame with the tag that our probes have, or none. Whatever else a frame is, if only by a little, is
 * left to be read alone; tests hold the two against each other.
 *
 * What comes is a mixture that no branch predictor learns. So segments are dealt out by their length
 * first: those of one length have one shape, SYN-ACKs of one kind of host or RSTs, and what is done to a
 * shape takes the same branches each time.
 *
 * For the files of lib/classify alone. Pure; the same results from every instruction set.
 */
#ifndef CLASSIFY_PLAIN_H
#define CLASSIFY_PLAIN_H

#include "classify/classify.h"

/* Lanes are worked on in full: as many are computed as the next multiple of this. */
#define PLAIN_LANES 8

#define PLAIN_NO_USE 4

/* By their place in the order of shapes. */
struct plain {
	unsigned int count;
	uint8_t frame[CLASSIFY_BURST];   /* which frame of the burst it is */
	uint8_t kind[CLASSIFY_BURST];    /* of its flags */
	uint8_t options[CLASSIFY_BURST]; /* bytes of options */
	uint8_t use[CLASSIFY_BURST];     /* what its port of ours is for; PLAIN_NO_USE: for nothing */
	uint32_t address[CLASSIFY_BURST];
	uint16_t port[CLASSIFY_BURST];
	uint32_t own_address[CLASSIFY_BURST];
	uint16_t own_port[CLASSIFY_BURST];
	uint32_t number[CLASSIFY_BURST]; /* must be the cookie's */
	uint64_t ip_sum[CLASSIFY_BURST]; /* native sums */
	uint64_t tcp_sum[CLASSIFY_BURST];
	uint64_t cookie[CLASSIFY_BURST];
	uint64_t fit[CLASSIFY_BURST];    /* bits of enum plain_fit */
};

enum plain_fit { PLAIN_IP_HOLDS = 1, PLAIN_TCP_HOLDS = 2, PLAIN_NUMBER_FITS = 4, PLAIN_ALL_FITS = 7 };

/* Find the plain ones among n frames. The numbers of the others into other[]; how many they are. */
unsigned int plain_find(const struct classify_config *c, unsigned int n, const uint8_t *const *frame,
			const uint16_t *len, uint8_t *other, struct plain *p);

/* The kind of each of them, by its frame. */
void plain_judge(const struct classify_config *c, const uint8_t *const *frame, uint8_t *kind,
		 struct plain *p);

/* The replies among them: frame i's is reply[at[i]]. */
void plain_fill(const struct classify_config *c, const uint8_t *const *frame, const uint8_t *kind,
		const uint8_t *at, const struct plain *p, struct reply *reply);

#endif /* CLASSIFY_PLAIN_H */
