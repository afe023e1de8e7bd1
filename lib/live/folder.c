/* SPDX-License-Identifier: BSD-3-Clause */
#include "live/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_given(void)
{
	const char *given = getenv(LIVE_FOLDER_VARIABLE);

	return given != NULL && *given != '\0';
}

static void
find_own(struct live_folder *f)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	f->owner = geteuid();
	if (is_given())
		snprintf(f->path, sizeof(f->path), "%s", getenv(LIVE_FOLDER_VARIABLE));
	else if (f->owner == 0)
		snprintf(f->path, sizeof(f->path), "/run/asdic");
	else if (runtime != NULL && *runtime == '/')
		snprintf(f->path, sizeof(f->path), "%s/asdic", runtime);
	else
		snprintf(f->path, sizeof(f->path), "/tmp/asdic-%u", (unsigned int)f->owner);
}

static int
open_checked(struct live_folder *f)
{
	struct stat st;
	int rc = 0;

	f->fd = open(f->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(f->fd, &st) != 0)
		rc = -errno;
	else if (st.st_uid != f->owner || (st.st_mode & 07777) != 0700)
		rc = -EPERM;
	if (rc != 0)
		live_folder_close(f);
	return rc;
}

int
live_folder_open(struct live_folder *f, bool make)
{
	find_own(f);
	f->fd = -1;
	if (make && mkdir(f->path, 0700) != 0 && errno != EEXIST)
		return -errno;
	return open_checked(f);
}

/* Another place: his who owns it, which for who is not root is himself. */
static int
open_other(struct live_folder *f, const char *path)
{
	struct stat st;

	snprintf(f->path, sizeof(f->path), "%s", path);
	f->fd = -1;
	if (lstat(path, &st) != 0)
		return -errno;
	if (geteuid() == 0)
		f->owner = st.st_uid;
	return open_checked(f);
}

int
live_folder_open_nth(struct live_folder *f, size_t i)
{
	char whose[16] = "[0-9]*", pattern[80];
	glob_t found;
	int rc = -ERANGE;

	find_own(f);
	if (i == 0)
		return live_folder_open(f, false);
	if (is_given())
		return -ERANGE;
	if (geteuid() != 0)
		snprintf(whose, sizeof(whose), "%u", (unsigned int)geteuid());
	snprintf(pattern, sizeof(pattern), "{/run/user/%s/asdic,/tmp/asdic-%s}", whose, whose);
	if (glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found) != 0)
		return -ERANGE;
	if (i - 1 < found.gl_pathc)
		rc = strcmp(f->path, found.gl_pathv[i - 1]) == 0 ? -ENOENT
								  : open_other(f, found.gl_pathv[i - 1]);
	globfree(&found);
	return rc;
}

int
live_folder_address(const struct live_folder *f, const char *file, struct sockaddr_un *address)
{
	int n;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", f->fd, file);
	return n < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

void
live_folder_close(struct live_folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
