/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/near.h"
#include "commands.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"check", cmd_check, "say all that is wrong with a job"},
	{"plan", cmd_plan, "say what a job would do; send nothing"},
	{"scan", cmd_scan, "run a job"},
	{"dns", cmd_dns, "look names up"},
	{"rate", cmd_rate, "show or change the rate of scans that run"},
	{"exclude", cmd_exclude, "exclude addresses from scans that run and from all to come"},
	{"world", cmd_world, "compute what a simulated Internet holds"},
	{"devices", cmd_devices, "list the devices that a job can name"},
	{"doctor", cmd_doctor, "judge this machine, with the mend of what is wrong"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *out)
{
	fprintf(out, "usage: asdic COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'asdic COMMAND --help' tells more. A scan in one line:\n"
		     "  asdic scan -i net_simnet0,world=world.yaml -p 443 11.0.0.0/16\n");
}

static int
unknown(const char *word)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (near_is_likely(word, near_distance(word, commands[i].name))) {
			fprintf(stderr, "asdic: unknown command '%s'; did you mean '%s'?\n", word, commands[i].name);
			return EXIT_BAD_JOB;
		}
	fprintf(stderr, "asdic: unknown command '%s'; see 'asdic --help'\n", word);
	return EXIT_BAD_JOB;
}

/* A standard file that came closed must not become the number of the next that is opened. It stays of no use. */
static void
keep_standard_files(void)
{
	static const int uses[] = {O_WRONLY, O_RDONLY, O_RDONLY}; /* the wrong ones */

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", uses[fd]) < 0)
			return;
}

int
main(int argc, char **argv)
{
	keep_standard_files();
	if (argc < 2) {
		usage(stderr);
		return EXIT_BAD_JOB;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("asdic %s\n", ASDIC_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return unknown(argv[1]);
}
