/* SPDX-License-Identifier: BSD-3-Clause */
#include "output/part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/sys.h"

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
		return open(path, flags, 0666);
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
	return open(hidden, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? 0 : O_EXCL), 0666);
}

char *
part_hidden(const char *path)
{
	size_t folder = folder_length(path);
	char *hidden;

	if (asprintf(&hidden, "%.*s.%s.part", (int)folder, path, path + folder) < 0)
		return NULL;
	return hidden;
}

/* After a failure nothing is held. */
static int
give_up(struct part *p, int err)
{
	free(p->hidden);
	free(p->path);
	digest_free(p->digest);
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	return err;
}

/* All but the file itself. */
static int
prepare(struct part *p, const char *path, bool aside)
{
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->path = strdup(path);
	p->digest = digest_new();
	p->hidden = aside ? part_hidden(path) : NULL;
	return p->path == NULL || p->digest == NULL || (aside && p->hidden == NULL) ? -ENOMEM : 0;
}

static void
look_at(struct part *p)
{
	struct stat st;

	p->is_regular = fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * A file has one writer: the lock goes with the descriptor, so also with a process that is killed. Where the file
 * system has no locks there is none.
 */
static int
take_file(const struct part *p)
{
	bool is_own = p->is_regular && strcmp(p->path, "-") != 0;

	return is_own && flock(p->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK ? -EBUSY : 0;
}

/* What was in a file that is begun anew goes when it is known to be nobody else's. */
static int
take_and_empty(const struct part *p)
{
	int err = take_file(p);

	if (err == 0 && p->is_regular && strcmp(p->path, "-") != 0 && ftruncate(p->fd, 0) != 0)
		err = -errno;
	return err;
}

int
part_open(struct part *p, const char *path, bool force, bool aside)
{
	int err = prepare(p, path, aside);

	if (err == 0) {
		p->fd = aside ? open_aside(path, p->hidden, force) : open_path(path, force);
		err = p->fd < 0 ? -errno : 0;
	}
	if (err == 0) {
		look_at(p);
		err = take_and_empty(p);
		if (err != 0)
			close(p->fd);
	}
	return err != 0 ? give_up(p, err) : 0;
}

/* What is kept of an earlier run goes into the digest. */
static int
digest_past(struct part *p, uint64_t bytes)
{
	static const size_t room = 1 << 20;
	char *buffer = malloc(room);
	int err = buffer != NULL ? 0 : -ENOMEM;

	while (err == 0 && p->bytes < bytes) {
		size_t want = bytes - p->bytes < room ? (size_t)(bytes - p->bytes) : room;
		ssize_t n = pread(p->fd, buffer, want, (off_t)p->bytes);

		if (n > 0)
			part_keep(p, buffer, (size_t)n, 0);
		else if (n == 0)
			err = -ENODATA;
		else if (errno != EINTR)
			err = -errno;
	}
	free(buffer);
	return err;
}

static int
cut_to(struct part *p, uint64_t bytes)
{
	int err = digest_past(p, bytes);

	if (err != 0)
		return err;
	if (ftruncate(p->fd, (off_t)bytes) != 0 || lseek(p->fd, (off_t)bytes, SEEK_SET) < 0)
		return -errno;
	return 0;
}

/* The file itself, under the name that it is written under. */
static int
open_past(struct part *p, uint64_t bytes)
{
	const char *name = p->hidden != NULL ? p->hidden : p->path;
	int flags = O_RDWR | O_CLOEXEC | (bytes == 0 ? O_CREAT : 0);

	if (strcmp(p->path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (p->hidden != NULL && access(p->hidden, F_OK) != 0 && bytes > 0 &&
	    rename(p->path, p->hidden) != 0)
		return -1;
	p->fd = open(name, flags, 0666);
	if (p->fd < 0)
		return -1;
	/* A pipe that we could read ourselves would never tell that its reader has gone. */
	look_at(p);
	if (!p->is_regular) {
		close(p->fd);
		p->fd = open(name, O_WRONLY | O_CLOEXEC);
	}
	return p->fd;
}

int
part_reopen(struct part *p, const char *path, bool aside, uint64_t bytes, uint64_t rows)
{
	int err = prepare(p, path, aside);

	if (err == 0) {
		p->fd = open_past(p, bytes);
		err = p->fd < 0 ? -errno : 0;
	}
	if (err != 0)
		return give_up(p, err);
	look_at(p);
	if (!p->is_regular)
		return 0;
	err = take_file(p);
	if (err == 0)
		err = cut_to(p, bytes);
	if (err != 0) {
		close(p->fd);
		return give_up(p, err);
	}
	p->rows = rows;
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

int
part_sync(struct part *p)
{
	if (!p->is_regular)
		return 0;
	if (fdatasync(p->fd) != 0)
		return -errno;
	if (!p->is_entered) {
		int err = sys_sync_folder_of(p->path);

		if (err != 0)
			return err;
		p->is_entered = true;
	}
	return 0;
}

int
part_settle(const char *hidden, const char *path, bool discard)
{
	int err;

	if (hidden == NULL)
		return 0;
	if (discard)
		return unlink(hidden) == 0 ? 0 : -errno;
	err = rename_to(hidden, path);
	if (err == -ENOENT && access(path, F_OK) == 0)
		err = 0;
	return err != 0 ? err : sys_sync_folder_of(path);
}

int
part_end(struct part *p, char text[DIGEST_TEXT_SIZE])
{
	int err = 0;

	if (p->is_regular && fsync(p->fd) != 0)
		err = -errno;
	if (close(p->fd) != 0 && err == 0 && errno != EINTR)
		err = -errno;
	p->fd = -1;
	digest_text(p->digest, text);
	digest_free(p->digest);
	p->digest = NULL;
	return err;
}

void
part_drop(struct part *p)
{
	close(p->fd);
	give_up(p, 0);
}
