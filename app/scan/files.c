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

/* The folder of a file that is to be made; what its name has to fill in is part of no folder that there is. */
static void
check_folder(const struct job_text *file, struct diag *diag)
{
	const char *slash = strrchr(file->text, '/');
	struct stat st;
	char *folder;

	if (strcmp(file->text, "-") != 0 && stat(file->text, &st) == 0 && S_ISDIR(st.st_mode))
		diag_add(diag, file->place, "cannot write '%s': it is a folder; write the name of a file", file->text);
	if (slash == NULL || slash == file->text || memchr(file->text, '{', (size_t)(slash - file->text)) != NULL)
		return;
	folder = strndup(file->text, (size_t)(slash - file->text));
	if (folder != NULL && stat(folder, &st) != 0)
		diag_add(diag, file->place, "cannot write '%s': '%s': %s; make the folder first", file->text, folder,
			 strerror(errno));
	else if (folder != NULL && !S_ISDIR(st.st_mode))
		diag_add(diag, file->place, "cannot write '%s': '%s' is no folder", file->text, folder);
	free(folder);
}

void
files_check_scan(const struct job *job, struct diag *diag)
{
	for (size_t i = 0; i < job->interface_count; i++)
		if (job->interfaces[i].kind == JOB_DEVICE_SIMNET)
			check_world(&job->interfaces[i], diag);
	for (size_t i = 0; i < job->output_count; i++)
		check_folder(&job->outputs[i].file, diag);
}
