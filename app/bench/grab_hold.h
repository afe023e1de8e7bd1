/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that are adopted and then wait, for nobody answers: what adoption costs, and what a connection takes
 * while it lives. SYN-ACKs are made up, frames go into a device that takes everything.
 */
#ifndef BENCH_GRAB_HOLD_H
#define BENCH_GRAB_HOLD_H

#include "grab_rig.h"

struct grab_held {
	struct bench_samples adoptions_per_s; /* of the worker's CPU time: adopted, first frame built */
	double bytes_each; /* of resident memory, all that a connection has */
};

/* count of them on a rig that has begun and not stepped. 0; -ENOBUFS when one was not adopted. */
int grab_hold(struct grab_rig *g, uint16_t port, uint32_t count, struct grab_held *out);

#endif /* BENCH_GRAB_HOLD_H */
