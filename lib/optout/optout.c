/* SPDX-License-Identifier: BSD-3-Clause */
#include "optout/optout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"
#include "targets/list.h"

#define LOCK_TRIES 100
#define LOCK_NAP_NS (50 * 1000 * 1000)

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/* The user's own: as the XDG base directories have it; no path when there is no home. */
static void
find_own(struct optout_files *files)
{
	const char *state = variable("XDG_STATE_HOME"), *home = variable("HOME");
	char *path = files->path[files->count];
	int n = 0;

	if (state != NULL && *state == '/')
		n = snprintf(path, PATH_MAX, "%s/asdic/optout.conf", state);
	else if (home != NULL)
		n = snprintf(path, PATH_MAX, "%s/.local/state/asdic/optout.conf", home);
	if (n > 0 && n < PATH_MAX)
		files->count++;
}

void
optout_find(struct optout_files *files)
{
	const char *only = variable(OPTOUT_VARIABLE);

	files->count = 1;
	snprintf(files->path[0], PATH_MAX, "%s", only != NULL ? only : OPTOUT_SYSTEM);
	if (only == NULL && geteuid() != 0)
		find_own(files);
}

void
optout_format(struct ipv4_range range, char text[OPTOUT_TEXT_SIZE])
{
	uint64_t count = ipv4_range_count(range);
	unsigned int prefix = 32 - (unsigned int)__builtin_ctzll(count);
	size_t at = ipv4_format(range.first, text);

	if (count == 1)
		return;
	if ((count & (count - 1)) == 0 && (range.first & (count - 1)) == 0) {
		snprintf(text + at, OPTOUT_TEXT_SIZE - at, "/%u", prefix);
		return;
	}
	text[at++] = '-';
	ipv4_format(range.last, text + at);
}

/* What is to be added, as the list is read. */
struct addition {
	const struct ipv4_range *ranges;
	size_t count;
	bool *is_there; /* of each range */
};

static int
note_entry(void *context, const struct list_entry *e)
{
	struct addition *a = context;

	for (size_t i = 0; i < a->count; i++)
		if (e->port == 0 && e->range.first <= a->ranges[i].first &&
		    e->range.last >= a->ranges[i].last)
			a->is_there[i] = true;
	return 0;
}

/* Make the folders on the way to a file. */
static int
make_folders(const char *path, mode_t mode)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, mode) != 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* The descriptor that holds the lock, or a negative errno. */
static int
lock(const char *path)
{
	const struct timespec nap = {0, LOCK_NAP_NS};
	char name[PATH_MAX + sizeof(".lock")];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		int rc = -errno;

		if ((rc != -EWOULDBLOCK && rc != -EINTR) || i == LOCK_TRIES) {
			close(fd);
			return rc;
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}

/* A whole file; one that is not there is empty, and its mode is as it was. */
static int
read_all(const char *path, char **text, size_t *len, mode_t *mode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;
	ssize_t n = 0;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc == 0) {
		*mode = st.st_mode & 07777;
		*text = malloc((size_t)st.st_size + 1);
		rc = *text != NULL ? 0 : -ENOMEM;
	}
	while (rc == 0 && *len < (size_t)st.st_size &&
	       (n = read(fd, *text + *len, (size_t)st.st_size - *len)) != 0) {
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	close(fd);
	return rc;
}

/* Whether one that is added before it in the same go holds it. */
static bool
is_given_twice(const struct addition *a, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (a->ranges[k].first <= a->ranges[i].first && a->ranges[k].last >= a->ranges[i].last)
			return true;
	return false;
}

static void
put_new(FILE *f, const struct addition *a, const char *date, const char *reason, size_t *added)
{
	for (size_t i = 0; i < a->count; i++) {
		char entry[OPTOUT_TEXT_SIZE];

		if (a->is_there[i] || is_given_twice(a, i))
			continue;
		optout_format(a->ranges[i], entry);
		fprintf(f, "%s # %s %s\n", entry, date, reason);
		++*added;
	}
}

/* Write the old text and the new lines aside, and put it in its place. */
static int
replace(const char *path, const char *text, size_t len, mode_t mode, const struct addition *a,
	const char *date, const char *reason, size_t *added)
{
	char aside[PATH_MAX + sizeof(".new")];
	FILE *f;
	int rc = 0;

	snprintf(aside, sizeof(aside), "%s.new", path);
	unlink(aside); /* what a crash has left: the lock is ours */
	f = fopen(aside, "wxe");
	if (f == NULL)
		return -errno;
	if (len > 0)
		fwrite(text, 1, len, f);
	if (len > 0 && text[len - 1] != '\n')
		fputc('\n', f);
	put_new(f, a, date, reason, added);
	if (fchmod(fileno(f), mode) != 0 || fflush(f) != 0 || fsync(fileno(f)) != 0)
		rc = -errno;
	if (fclose(f) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(aside, path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(aside);
	return rc != 0 ? rc : sys_sync_folder_of(path);
}

static int
add_locked(const char *path, mode_t mode, struct addition *a, const char *date,
	   const char *reason, size_t *added)
{
	struct diag diag = DIAG_EMPTY;
	char *text;
	size_t len;
	int rc = read_all(path, &text, &len, &mode);

	if (rc == 0) {
		/* Faults of old lines are for those to tell who read the list. */
		list_read(path, text, len, note_entry, a, &diag);
		rc = replace(path, text, len, mode, a, date, reason, added);
	}
	diag_reset(&diag);
	free(text);
	return rc;
}

int
optout_add(const char *path, const struct ipv4_range *ranges, size_t count, const char *date,
	   const char *reason, size_t *added)
{
	bool is_system = strcmp(path, OPTOUT_SYSTEM) == 0;
	struct addition a = {ranges, count, calloc(count, sizeof(bool))};
	char real[PATH_MAX];
	int fd, rc = a.is_there != NULL ? 0 : -ENOMEM;

	*added = 0;
	if (rc == 0)
		rc = make_folders(path, is_system ? 0755 : 0700);
	/* A link stays one: what it points to is replaced. */
	if (rc == 0 && realpath(path, real) != NULL)
		path = real;
	fd = rc == 0 ? lock(path) : rc;
	if (fd < 0) {
		free(a.is_there);
		return fd;
	}
	rc = add_locked(path, is_system ? 0644 : 0600, &a, date, reason, added);
	close(fd);
	free(a.is_there);
	return rc;
}
