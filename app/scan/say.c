/* SPDX-License-Identifier: BSD-3-Clause */
#include "say.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

void
say(const char *name, const char *what, const char *more)
{
	time_t now = time(NULL);
	char clock[sizeof("23:59:59")];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(stderr, "%sasdic: %s: %s %s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", name, clock, what, more);
}
