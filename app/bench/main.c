/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "bench.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"grab", bench_grab, "handshakes a second that a worker carries, what connections cost"},
	{"dns", bench_dns, "lookups a second of one core, beside c-ares on kernel sockets"},
	{"rx", bench_rx, "replies a second into a receiver, and into a worker behind it"},
	{"stage", bench_stage, "what each stage of a probe and of a reply costs, one core"},
	{"tx", bench_tx, "probes a second into a device, everything on"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *out)
{
	fprintf(out, "usage: asdic-bench COMMAND [FLAGS]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-6s  %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\nFigures are medians of repeats; '--json FILE' writes them for machines.\n"
		     "On anything but net_null and net_simnet frames go to 198.18.0.0/15 alone.\n");
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_BAD_ARGUMENTS;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("asdic-bench %s\n", ASDIC_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "asdic-bench: unknown command '%s'; see 'asdic-bench --help'\n", argv[1]);
	return EXIT_BAD_ARGUMENTS;
}
