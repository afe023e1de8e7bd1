/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asdic-bench: the rig. What its commands share: options, samples, and what they print.
 *
 * A measurement is a list of samples of equal length; its median is the figure, its least and most
 * say how noisy the machine was.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "port/port.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_BAD_ARGUMENTS = 2, EXIT_MACHINE = 3 };

struct bench_options {
	const char *device;    /* as a job names it */
	const char *peer_mac;  /* needed where frames reach a network */
	const char *json;      /* file for the figures; NULL for none */
	FILE *json_stdout;     /* where that is "-" */
	const char *profile;   /* of the SYN */
	const char *include;   /* targets as a job names them; NULL for all */
	const char *exclude_file;
	const char *ports;     /* NULL: one, or on a network nearly all, since its addresses are few */
	const char *only;      /* of what a command measures, those that have this in their name; NULL: all */
	unsigned int lcores;
	unsigned int seconds;
	uint64_t rate_pps;     /* the promise; far above what is possible unless asked for */
};

/* 0; 1 after --help; -EINVAL, told on standard error. */
int bench_options_read(struct bench_options *o, int argc, char **argv, const char *help);

#define BENCH_SAMPLES_MAX 64

struct bench_samples {
	double value[BENCH_SAMPLES_MAX];
	size_t count;
};

struct bench_figure {
	double median;
	double min;
	double max;
};

/* Of at least one sample. */
struct bench_figure bench_figure(const struct bench_samples *s);

/* "name": {"median": .., "min": .., "max": ..} */
void bench_json_figure(FILE *out, const char *name, struct bench_figure f);

/* Open the JSON file that the options name: 0 and *out (NULL where none is wanted), or a negative errno, told. */
int bench_json_open(const struct bench_options *o, FILE **out);

/* Start DPDK and open the options' device. 0 or a negative errno, told. */
int bench_open_port(struct port *port, const struct bench_options *o, bool is_pci);

int bench_grab(int argc, char **argv);
int bench_dns(int argc, char **argv);
int bench_rx(int argc, char **argv);
int bench_stage(int argc, char **argv);
int bench_tx(int argc, char **argv);

#endif /* BENCH_BENCH_H */
