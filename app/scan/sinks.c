/* SPDX-License-Identifier: BSD-3-Clause */
#include "sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"

static int
out_of_memory(void)
{
	fprintf(stderr, "asdic: out of memory\n");
	return EXIT_MACHINE;
}

static bool
is_standard_output(const char *file)
{
	return strcmp(file, "-") == 0;
}

/* A path with its folder resolved, so that two spellings of one file are the same; NULL without memory. */
static char *
resolve(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	char *folder, *real, *whole = NULL;

	folder = slash != NULL ? strndup(path, (size_t)(base - path)) : strdup(".");
	if (folder == NULL)
		return NULL;
	real = realpath(folder, NULL);
	if (asprintf(&whole, "%s/%s", real != NULL ? real : folder, base) < 0)
		whole = NULL;
	free(real);
	free(folder);
	return whole;
}

/* Templates that differ may still come to one name. */
static int
refuse_twins(const struct sinks *s, const struct job *job)
{
	char *paths[JOB_OUTPUTS_MAX] = {NULL};
	int status = EXIT_DONE;

	for (unsigned int i = 0; i < s->count && status == EXIT_DONE; i++) {
		paths[i] = resolve(s->names[i]);
		if (paths[i] == NULL)
			status = out_of_memory();
		for (unsigned int k = 0; k < i && status == EXIT_DONE; k++) {
			if (strcmp(paths[k], paths[i]) != 0)
				continue;
			fprintf(stderr, "asdic: outputs '%s' and '%s' are one file, '%s'; name another\n",
				job->outputs[k].file.text, job->outputs[i].file.text, s->names[i]);
			status = EXIT_BAD_JOB;
		}
	}
	for (unsigned int i = 0; i < s->count; i++)
		free(paths[i]);
	return status;
}

int
sinks_name(struct sinks *s, const struct job *job, time_t start)
{
	char stamp[OUTPUT_STAMP_SIZE], name[JOB_FILE_NAME_SIZE];

	memset(s, 0, sizeof(*s));
	s->start = start;
	output_stamp(start, stamp);
	for (size_t i = 0; i < job->output_count; i++) {
		if (job_file_name(job, &job->outputs[i], stamp, name) != 0) {
			fprintf(stderr, "asdic: output '%s' makes a name of more than %d bytes; shorten it\n",
				job->outputs[i].file.text, JOB_FILE_NAME_SIZE - 1);
			return EXIT_BAD_JOB;
		}
		s->names[i] = strdup(name);
		if (s->names[i] == NULL)
			return out_of_memory();
		s->count++;
	}
	return refuse_twins(s, job);
}

int
sinks_refuse_existing(const char *file)
{
	fprintf(stderr,
		"asdic: '%s' exists and is not overwritten; name another file or add --force\n", file);
	return EXIT_BAD_JOB;
}

/* One that came closed takes nothing (main.c). */
static int
check_standard_output(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		return EXIT_DONE;
	fprintf(stderr, "asdic: standard output is closed, and results are to go there; name a file (-o)\n");
	return EXIT_BAD_JOB;
}

int
sinks_check(const struct sinks *s, const struct job *job, bool force)
{
	for (unsigned int i = 0; i < s->count; i++) {
		struct stat st;
		bool exists;

		if (is_standard_output(s->names[i])) {
			int status = check_standard_output();

			if (status != EXIT_DONE)
				return status;
			continue;
		}
		exists = stat(s->names[i], &st) == 0;

		/* Devices and FIFOs are there to be written to; rows of files have names of their own. */
		if (exists && S_ISREG(st.st_mode) && !force && job->outputs[i].rotate_ns == 0)
			return sinks_refuse_existing(s->names[i]);
	}
	return EXIT_DONE;
}

/* Where an earlier run left output i; the files are copied to list. */
static struct output_mark
find_mark(const struct checkpoint *past, unsigned int i, struct output_file *list)
{
	const struct checkpoint_output *o = &past->outputs[i];
	struct output_mark mark = {.files = list, .name = o->name, .rows = o->rows, .bytes = o->bytes};

	for (size_t k = 0; k < past->file_count; k++) {
		const struct checkpoint_file *f = &past->files[k];
		struct output_file *to = &list[mark.file_count];

		if (f->output != i)
			continue;
		*to = (struct output_file){.name = (char *)f->name, .rows = f->rows, .bytes = f->bytes};
		memcpy(to->sha256, f->sha256, sizeof(to->sha256));
		mark.file_count++;
	}
	return mark;
}

static int
tell_unusable(const char *name, int rc)
{
	if (rc == -ENODATA)
		fprintf(stderr, "asdic: '%s' holds less than its checkpoint says; it cannot be gone on with: begin "
			"anew with --force\n", name);
	else if (rc == -EBUSY)
		fprintf(stderr, "asdic: '%s' is written to by another scan that runs; name another file, or stop that one\n",
			name);
	else
		fprintf(stderr, "asdic: cannot write '%s': %s\n", name, strerror(-rc));
	return rc == -EBUSY || rc == -ENOENT || rc == -EISDIR || rc == -ENOTDIR ? EXIT_BAD_JOB : EXIT_FAILED;
}

static int
open_sink(struct sinks *s, unsigned int i, const struct job_output *output,
	  const struct inputs_sink *inputs, bool force, const struct output_mark *past)
{
	char head[RECORD_LINE_MAX];
	bool has_head = output->format == JOB_FORMAT_CSV && output->header;
	struct output_config config = {
		.path = s->names[i],
		.force = force,
		.past = past,
		.compress = output->compress,
		.rotates = output->rotate_ns != 0,
		.head = head,
		.head_len = has_head ? record_csv_header(&inputs->fields, head) : 0,
	};
	int rc;

	s->sinks[i] = (struct writer_sink){
		.format = output->format,
		.fields = &inputs->fields,
		.filter = inputs->filter,
		.kinds = output->records,
		.rotate_ns = output->rotate_ns,
	};
	rc = output_open(&config, s->start, &s->sinks[i].output);
	if (rc == 0)
		return EXIT_DONE;
	if (rc == -EEXIST)
		return sinks_refuse_existing(s->names[i]);
	return tell_unusable(s->names[i], rc);
}

static int
reopen_sink(struct sinks *s, unsigned int i, const struct job_output *output,
	    const struct inputs_sink *inputs, const struct checkpoint *past)
{
	struct output_file *list = calloc(past->file_count + 1, sizeof(*list));
	struct output_mark mark;
	int status;

	if (list == NULL)
		return out_of_memory();
	mark = find_mark(past, i, list);
	status = open_sink(s, i, output, inputs, false, &mark);
	free(list);
	return status;
}

int
sinks_open(struct sinks *s, const struct job *job, const struct inputs *inputs, bool force,
	   const struct checkpoint *past)
{
	int status = EXIT_DONE;

	for (unsigned int i = 0; i < s->count && status == EXIT_DONE; i++)
		status = past == NULL
				 ? open_sink(s, i, &job->outputs[i], &inputs->sinks[i], force, NULL)
				 : reopen_sink(s, i, &job->outputs[i], &inputs->sinks[i], past);
	return status;
}

void
sinks_free(struct sinks *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		if (s->sinks[i].output != NULL)
			output_finish(s->sinks[i].output);
		output_free(s->sinks[i].output);
		free(s->names[i]);
	}
}
