/* SPDX-License-Identifier: BSD-3-Clause */
#include "output/part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much of a path is its folder, with the slash. */
static size_t
folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* A device or a FIFO is there to be written to: nothing is lost by that. */
static int
open_existing(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return open(path, O_WRONLY | O_CLOEXEC);
	errno = EEXIST;
	return -1;
}

static int
open_path(const char *path, bool force)
{
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
	int fd;

	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (force)
		return open(path, flags | O_TRUNC, 0666);
	fd = open(path, flags | O_EXCL, 0666);
	if (fd < 0 && errno == EEXIST)
		fd = open_existing(path);
	return fd;
}

static int
open_aside(const char *path, const char *hidden, bool force)
{
	struct stat st;

	if (!force && lstat(path, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return open(hidden, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0666);
}

static void
release(struct part *p)
{
	free(p->hidden);
	digest_free(p->digest);
	p->hidden = NULL;
	p->digest = NULL;
}

int
part_open(struct part *p, const char *path, bool force, bool aside)
{
	size_t folder = folder_length(path);
	struct stat st;
	int err = 0;

	memset(p, 0, sizeof(*p));
	p->path = strdup(path);
	p->digest = digest_new();
	if (aside && asprintf(&p->hidden, "%.*s.%s.part", (int)folder, path, path + folder) < 0)
		p->hidden = NULL;
	if (p->path == NULL || p->digest == NULL || (aside && p->hidden == NULL)) {
		err = -ENOMEM;
	} else {
		p->fd = aside ? open_aside(path, p->hidden, force) : open_path(path, force);
		err = p->fd < 0 ? -errno : 0;
	}
	if (err != 0) {
		release(p);
		free(p->path);
		p->path = NULL;
		return err;
	}
	p->is_regular = fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

/* A terminal or pipe may be non-blocking by another's doing; wait for it as if it were not. */
static int
wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int
part_write(struct part *p, const char *data, size_t len, size_t *taken)
{
	*taken = 0;
	while (*taken < len) {
		ssize_t n = write(p->fd, data + *taken, len - *taken);
		int err = 0;

		if (n > 0)
			*taken += (size_t)n;
		else if (n == 0)
			err = -EIO;
		else if (errno == EAGAIN)
			err = wait_writable(p->fd);
		else if (errno != EINTR)
			err = -errno;
		if (err != 0)
			return err;
	}
	return 0;
}

void
part_keep(struct part *p, const char *data, size_t len, uint64_t rows)
{
	digest_add(p->digest, data, len);
	p->bytes += len;
	p->rows += rows;
}

void
part_cut_back(struct part *p, size_t len)
{
	off_t end = p->is_regular ? lseek(p->fd, 0, SEEK_CUR) : -1;
	struct stat st;

	if (len == 0 || end < (off_t)len || fstat(p->fd, &st) != 0 || st.st_size != end)
		return;
	if (ftruncate(p->fd, end - (off_t)len) == 0)
		lseek(p->fd, end - (off_t)len, SEEK_SET);
}

/* Without replacing a file that came to have the name meanwhile, where the file system can say so. */
static int
rename_to(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(from, to) == 0 ? 0 : -errno;
}

/* A rename lasts once its folder is on the disk. */
static int
sync_folder(const char *path)
{
	char *folder = strndup(path, folder_length(path));
	int fd, err = 0;

	if (folder == NULL)
		return -ENOMEM;
	fd = open(folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0 && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

static int
settle(const struct part *p, bool discard)
{
	int err;

	if (discard)
		return unlink(p->hidden) == 0 ? 0 : -errno;
	err = rename_to(p->hidden, p->path);
	return err != 0 ? err : sync_folder(p->path);
}

int
part_close(struct part *p, bool discard, char text[DIGEST_TEXT_SIZE])
{
	int err = 0, rc;

	if (p->is_regular && fsync(p->fd) != 0)
		err = -errno;
	if (close(p->fd) != 0 && err == 0 && errno != EINTR)
		err = -errno;
	p->fd = -1;
	rc = p->hidden != NULL ? settle(p, discard) : 0;
	digest_text(p->digest, text);
	release(p);
	return err != 0 ? err : rc;
}
