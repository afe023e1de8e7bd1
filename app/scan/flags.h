/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of check, plan, scan and dns: ZMap's letters and long names as keys of the job.
 *
 * Nothing is validated here but the shape of the line: a flag's value becomes an override, and
 * job_load() judges it as it judges the file's, so both get the same words. Flags may stand before,
 * between and after [JOB] [SUBNETS...]. Whatever looks like an address, CIDR, range or address:port
 * is a subnet; the one other argument is the job file, "-" for standard input.
 *
 * Targets from the command line (SUBNETS, -I, -w) take the place of the job's include and
 * include_files; -b adds to its exclude_files, since what is excluded stays excluded.
 *
 * Of dns, an argument is a name or, where there is a file of that name, a list of names; "-" is a list, too,
 * and without any argument meant. The job is those names and nothing to scan.
 *
 * Control thread; getopt has state.
 */
#ifndef SCAN_FLAGS_H
#define SCAN_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "job/job.h"
#include "yaml/region.h"

struct flags {
	const char *job_path; /* NULL: the flags say it all; "-": standard input */
	struct job_override *overrides;
	size_t override_count;
	bool dry_run;
	bool force;
	bool resume;
	bool quiet;
	bool test_key;
	bool virtual_clock;
	const char *manifest_file; /* NULL: where the first output says */
	const char *status_file;   /* NULL: none */
	const char *checkpoint_file; /* NULL: where the first output says */
	char *types;                 /* of dns: a list in YAML; NULL: A */
	int names_fd;                /* of dns: names of the command line, as a list; 0: there are none */
	struct region memory; /* of the overrides and their texts */
};

/* The word of the command that has names for arguments. */
#define FLAGS_DNS "dns"

/*
 * Read a command line; argv[0] is the command's word, and argv may be reordered, as getopt does.
 * 0; 1 after --help, which is then on standard output; -EINVAL, told on err; -ENOMEM. What argv
 * holds must outlive out and the job. flags_free() out in any case.
 */
int flags_parse(int argc, char **argv, struct flags *out, FILE *err);
void flags_free(struct flags *flags);

#endif /* SCAN_FLAGS_H */
