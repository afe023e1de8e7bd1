/* SPDX-License-Identifier: BSD-3-Clause */
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worldfile/worldfile.h"

static void
check_list(const struct job_text *file, struct diag *diag)
{
	struct stat st;
	int error = 0;

	if (file->text == NULL || strcmp(file->text, "-") == 0)
		return;
	if (access(file->text, R_OK) != 0)
		error = errno;
	else if (stat(file->text, &st) == 0 && S_ISDIR(st.st_mode))
		error = EISDIR;
	if (error != 0)
		diag_add(diag, file->place, "cannot read '%s': %s", file->text, strerror(error));
}

void
files_check_lists(const struct job *job, struct diag *diag)
{
	const struct job_texts *resolvers = &job->dns.resolvers;

	for (size_t i = 0; i < job->targets.include_files.count; i++)
		check_list(&job->targets.include_files.items[i], diag);
	for (size_t i = 0; i < job->targets.exclude_files.count; i++)
		check_list(&job->targets.exclude_files.items[i], diag);
	for (size_t i = 0; i < resolvers->count; i++)
		if (resolvers->items[i].text != NULL && strchr(resolvers->items[i].text, '/') != NULL)
			check_list(&resolvers->items[i], diag);
	for (size_t i = 0; i < job->dns.lookup_count; i++)
		check_list(&job->dns.lookups[i].file, diag);
}

/* The file of "net_simnet0,world=FILE,..."; the driver reads it again. */
static void
check_world(const struct job_interface *interface, struct diag *diag)
{
	const char *argument = strstr(interface->device.text, ",world="), *path;
	struct diag faults = DIAG_EMPTY;
	struct world *world = NULL;
	char *copy, text[512];

	if (argument == NULL) {
		diag_add(diag, interface->device.place, "'%s' has no world; write net_simnet0,world=world.yaml",
			 interface->device.text);
		return;
	}
	path = argument + strlen(",world=");
	copy = strndup(path, strcspn(path, ","));
	if (copy != NULL && worldfile_load(copy, &faults, &world) == 0)
		world_free(world);
	diag_sort(&faults);
	for (size_t i = 0; i < faults.count; i++) {
		diag_format(&faults, i, text, sizeof(text));
		diag_add(diag, interface->device.place, "%s", text);
	}
	diag_reset(&faults);
	free(copy);
}

/* A folder in which a file is to be made. */
static void
check_folder(const char *folder, const struct job_text *file, struct diag *diag)
{
	struct stat st;

	if (stat(folder, &st) != 0)
		diag_add(diag, file->place, "cannot write '%s': '%s': %s; make the folder first", file->text, folder,
			 strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		diag_add(diag, file->place, "cannot write '%s': '%s' is no folder", file->text, folder);
	else if (access(folder, W_OK | X_OK) != 0)
		diag_add(diag, file->place, "cannot write '%s': '%s': %s; name another folder", file->text, folder,
			 strerror(errno));
}

/* A file that is to be made; what its name has to fill in is part of no folder that there is. */
static void
check_output(const struct job_text *file, struct diag *diag)
{
	const char *slash = strrchr(file->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - file->text) : 0;
	struct stat st;
	char *folder;

	if (strcmp(file->text, "-") == 0)
		return;
	if (stat(file->text, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			diag_add(diag, file->place, "cannot write '%s': it is a folder; write the name of a file",
				 file->text);
		else if (access(file->text, W_OK) != 0)
			diag_add(diag, file->place, "cannot write '%s': %s", file->text, strerror(errno));
		return;
	}
	if (memchr(file->text, '{', len) != NULL)
		return;
	folder = slash == NULL ? strdup(".") : len == 0 ? strdup("/") : strndup(file->text, len);
	if (folder != NULL)
		check_folder(folder, file, diag);
	free(folder);
}

static void
check_side_file(const char *name, const char *flag, struct diag *diag)
{
	struct job_text file = {.text = (char *)name, .place = {flag, 0, 0}};

	if (name != NULL)
		check_output(&file, diag);
}

void
files_check_scan(const struct job *job, const struct flags *flags, struct diag *diag)
{
	check_side_file(flags->manifest_file, "-m", diag);
	check_side_file(flags->status_file, "-u", diag);
	check_side_file(flags->checkpoint_file, "--checkpoint", diag);
	for (size_t i = 0; i < job->interface_count; i++)
		if (job->interfaces[i].kind == JOB_DEVICE_SIMNET)
			check_world(&job->interfaces[i], diag);
	for (size_t i = 0; i < job->output_count; i++)
		check_output(&job->outputs[i].file, diag);
}
