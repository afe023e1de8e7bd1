/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "commands.h"
#include "request.h"

int
cmd_check(int argc, char **argv)
{
	struct request r;
	bool done;
	int status = request_load(&r, argc, argv, &done);

	if (!done) {
		request_note_files(&r);
		printf("%s: no faults\n", r.flags.job_path != NULL ? r.flags.job_path : "job");
	}
	request_free(&r);
	return status;
}
