/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "lines/lines.h"
#include "reserved.h"
#include "text.h"
#include "yaml/yaml.h"

static int
load_job(struct request *r, struct diag *diag)
{
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	const char *path = r->flags.job_path;
	size_t len = 0;
	int rc = 0;

	if (path != NULL)
		rc = lines_read_all(path, YAML_TEXT_MAX, &r->text, &len);
	if (rc == -EFBIG) {
		diag_add(diag, (struct diag_place){path, 0, 0},
			 "longer than %zu bytes; put long lists into files of their own", YAML_TEXT_MAX);
		return -EINVAL;
	}
	if (rc != 0) {
		diag_add(diag, (struct diag_place){path, 0, 0}, "cannot read the job: %s%s", lines_error(rc),
			 rc == -ENOENT ? "; write a job file, or targets like 203.0.113.0/24" : "");
		return -EINVAL;
	}
	if (path != NULL && strcmp(path, "-") == 0)
		path = "standard input";
	rc = job_read(path, r->text, len, r->flags.overrides, r->flags.override_count, diag, &r->job);
	if (rc == 0)
		rc = job_check_policy(r->job, reserved, reserved_ranges(reserved), diag);
	if (rc == -EINVAL && r->job != NULL)
		files_check_lists(r->job, diag);
	return rc;
}

/* A job and a list that both want standard input would each get a part of it. */
static void
check_standard_input(const struct request *r, struct diag *diag)
{
	const struct job_texts *files = &r->job->targets.include_files;
	unsigned int uses = r->flags.job_path != NULL && strcmp(r->flags.job_path, "-") == 0;

	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->items[i].text, "-") != 0)
			continue;
		if (++uses > 1)
			diag_add(diag, files->items[i].place,
				 "standard input can be read once; give one of the two as a file");
	}
}

/* Print what there is to print of it. The status to exit with. */
static int
end_load(int rc, struct diag *diag)
{
	if (!diag_is_empty(diag)) {
		text_print_faults(diag);
		rc = -EINVAL;
	} else if (rc == -ENOMEM) {
		fprintf(stderr, "asdic: out of memory\n");
	} else if (rc != 0) {
		fprintf(stderr, "asdic: %s\n", strerror(-rc));
	}
	diag_reset(diag);
	return rc == 0 ? EXIT_DONE : rc == -ENOMEM ? EXIT_MACHINE : EXIT_BAD_JOB;
}

int
request_load_job(struct request *r, int argc, char **argv, bool *done)
{
	struct diag diag = DIAG_EMPTY;
	int rc, status;

	memset(r, 0, sizeof(*r));
	*done = true;
	rc = flags_parse(argc, argv, &r->flags, stderr);
	if (rc > 0)
		return EXIT_DONE;
	if (rc != 0)
		return EXIT_BAD_JOB;
	rc = load_job(r, &diag);
	if (rc == 0)
		check_standard_input(r, &diag);
	status = end_load(rc, &diag);
	*done = status != EXIT_DONE;
	return status;
}

int
request_load_inputs(struct request *r, const struct inputs_past *past, const struct hosts_how *how)
{
	struct diag diag = DIAG_EMPTY;
	int rc;

	r->has_inputs = true;
	if (how != NULL)
		files_check_scan(r->job, &r->flags, &diag);
	rc = inputs_build(&r->inputs, r->job, r->flags.test_key, past, how, &diag);
	if (rc == -EIO || rc == -EINTR) {
		diag_reset(&diag);
		return rc == -EIO ? EXIT_FAILED : EXIT_STOPPED;
	}
	return end_load(rc, &diag);
}

int
request_load(struct request *r, int argc, char **argv, bool *done)
{
	int status = request_load_job(r, argc, argv, done);

	if (*done)
		return status;
	status = request_load_inputs(r, NULL, NULL);
	*done = status != EXIT_DONE;
	return status;
}

void
request_note_files(const struct request *r)
{
	struct diag diag = DIAG_EMPTY;
	char text[1024];

	files_check_scan(r->job, &r->flags, &diag);
	diag_sort(&diag);
	for (size_t i = 0; i < diag.count; i++) {
		diag_format(&diag, i, text, sizeof(text));
		fprintf(stderr, "%s (a scan would end here)\n", text);
	}
	diag_reset(&diag);
}

void
request_free(struct request *r)
{
	if (r->has_inputs)
		inputs_free(&r->inputs);
	job_free(r->job);
	flags_free(&r->flags);
	free(r->text);
}
