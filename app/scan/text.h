/* SPDX-License-Identifier: BSD-3-Clause */
/* Small helps of the commands: printing faults, and numbers for people. */
#ifndef SCAN_TEXT_H
#define SCAN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* Print the faults on standard error, one a line, then how many. */
void text_print_faults(struct diag *diag);

/* Say that a command does not take a flag: value is getopt's, ':' where its argument is missing. */
void text_refuse_flag(const char *command, int value, const char *written);

#define TEXT_SIZE 32

/* "9.99K", "1.26G": three digits that matter. */
const char *text_count(char buf[TEXT_SIZE], double value);

/* "499 Kp/s (of 500)": both in the unit of the limit; "4.9 Mp/s" where the limit is 0. */
const char *text_rate(char buf[TEXT_SIZE], double pps, double limit_pps);

/* "0:41", "1:02:07" and, for what is still to come, "1h19m", "41s". */
const char *text_elapsed(char buf[TEXT_SIZE], uint64_t ns);
const char *text_duration(char buf[TEXT_SIZE], double seconds);

#endif /* SCAN_TEXT_H */
