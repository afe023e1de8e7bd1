/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asdic's commands: one word a deed. Each gets the arguments after its word (argv[0] is the word) and
 * returns the exit status.
 */
#ifndef SCAN_COMMANDS_H
#define SCAN_COMMANDS_H

/* Exit statuses; 130 as a shell gives for SIGINT. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,   /* failed while running */
	EXIT_BAD_JOB = 2,  /* bad job or arguments */
	EXIT_MACHINE = 3,  /* the machine lacks something */
	EXIT_STOPPED = 130 /* stopped by the operator */
};

int cmd_check(int argc, char **argv);
int cmd_devices(int argc, char **argv);
int cmd_dns(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_exclude(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_rate(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_world(int argc, char **argv);

#endif /* SCAN_COMMANDS_H */
