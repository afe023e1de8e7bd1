/* SPDX-License-Identifier: BSD-3-Clause */
#include "checkpoint/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/sys.h"

static int
write_aside(const char *aside, save_fn *put, const void *context)
{
	int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err = 0;
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f == NULL) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	/* Also where somebody left one with another mode. */
	if (fchmod(fd, 0600) != 0)
		err = -errno;
	put(f, context);
	if (fflush(f) != 0 || ferror(f) != 0 || fsync(fd) != 0)
		err = errno != 0 ? -errno : -EIO;
	if (fclose(f) != 0 && err == 0)
		err = -errno;
	return err;
}

int
save_file(const char *path, save_fn *put, const void *context)
{
	char *aside;
	int err;

	if (asprintf(&aside, "%s.part", path) < 0)
		return -ENOMEM;
	err = write_aside(aside, put, context);
	if (err == 0 && rename(aside, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(aside);
	free(aside);
	return err != 0 ? err : sys_sync_folder_of(path);
}
