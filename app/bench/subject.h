/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured on: the job that a measurement stands for, and its inputs, made by the same code
 * as a scan's. All public addresses, one port; on a device that reaches a network 198.18.0.0/15 (RFC
 * 2544's range for benchmarks) to a peer whose MAC was given. There is no other way.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "bench.h"
#include "inputs.h"
#include "job/job.h"
#include "probe/probe.h"

struct subject {
	struct job *job;
	struct inputs inputs;
	struct probe probe;
};

/* 0, or -EINVAL, told on standard error. */
int subject_make(struct subject *s, const struct bench_options *o);
void subject_free(struct subject *s);

/* The probe, from a port of this MAC. 0 or -EINVAL. */
int subject_make_probe(struct subject *s, const uint8_t mac[WIRE_MAC_SIZE]);

#endif /* BENCH_SUBJECT_H */
