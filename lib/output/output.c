/* SPDX-License-Identifier: BSD-3-Clause */
#include "output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)

struct output {
	int fd;
	int error; /* the first failure, negative; nothing is written after it */
	bool regular;
	char *buffer; /* whole lines that are not handed over yet */
	size_t held;
	size_t room;
	uint64_t bytes;
	uint64_t lost_lines;
};

static bool
is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
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

int
output_open(const char *path, bool force, struct output **out)
{
	struct output *o = calloc(1, sizeof(*o));
	int err;

	*out = NULL;
	if (o == NULL)
		return -ENOMEM;
	o->room = BUFFER_BYTES;
	o->buffer = malloc(o->room);
	if (o->buffer == NULL) {
		free(o);
		return -ENOMEM;
	}
	o->fd = open_path(path, force);
	if (o->fd < 0) {
		err = -errno;
		free(o->buffer);
		free(o);
		return err;
	}
	o->regular = is_regular(o->fd);
	*out = o;
	return 0;
}

/* A terminal or pipe may be non-blocking by another's doing; wait for it as if it were not. */
static int
wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* Hand len bytes over; *taken says how many the kernel took: all, unless there is an error. */
static int
write_all(int fd, const char *data, size_t len, size_t *taken)
{
	*taken = 0;
	while (*taken < len) {
		ssize_t n = write(fd, data + *taken, len - *taken);
		int err = 0;

		if (n > 0)
			*taken += (size_t)n;
		else if (n == 0)
			err = -EIO;
		else if (errno == EAGAIN)
			err = wait_writable(fd);
		else if (errno != EINTR)
			err = -errno;
		if (err != 0)
			return err;
	}
	return 0;
}

static size_t
whole_lines(const char *data, size_t len)
{
	const char *last = memrchr(data, '\n', len);

	return last != NULL ? (size_t)(last - data) + 1 : 0;
}

static uint64_t
count_lines(const char *data, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	return lines;
}

/* Take back what the kernel took of a line that did not fit, where it is the file's last. */
static void
cut_back(int fd, size_t partial)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (partial == 0 || end < (off_t)partial || fstat(fd, &st) != 0 || st.st_size != end)
		return;
	if (ftruncate(fd, end - (off_t)partial) == 0)
		lseek(fd, end - (off_t)partial, SEEK_SET);
}

static void
fail(struct output *o, int err, size_t taken)
{
	size_t whole = whole_lines(o->buffer, taken);

	if (o->regular)
		cut_back(o->fd, taken - whole);
	o->bytes += whole;
	o->lost_lines = count_lines(o->buffer + whole, o->held - whole);
	o->error = err;
}

int
output_flush(struct output *o)
{
	size_t taken;
	int err;

	if (o->error != 0)
		return o->error;
	err = write_all(o->fd, o->buffer, o->held, &taken);
	if (err != 0) {
		fail(o, err, taken);
		return err;
	}
	o->bytes += o->held;
	o->held = 0;
	return 0;
}

/* Lines longer than the whole buffer: lines are taken whole or not at all, so it grows. */
static int
make_room(struct output *o, size_t len)
{
	char *grown;
	int err = output_flush(o);

	if (err != 0 || len <= o->room)
		return err;
	grown = realloc(o->buffer, len);
	if (grown == NULL) {
		o->error = -ENOMEM;
		return o->error;
	}
	o->buffer = grown;
	o->room = len;
	return 0;
}

int
output_write(struct output *o, const char *line, size_t len)
{
	if (o->error != 0)
		return o->error;
	if (len > o->room - o->held) {
		int err = make_room(o, len);

		if (err != 0)
			return err;
	}
	memcpy(o->buffer + o->held, line, len);
	o->held += len;
	return 0;
}

uint64_t
output_lost_lines(const struct output *o)
{
	return o->lost_lines;
}

uint64_t
output_bytes(const struct output *o)
{
	return o->bytes;
}

int
output_close(struct output *o, uint64_t *lost_lines)
{
	int err = output_flush(o);

	if (o->regular && fsync(o->fd) != 0 && err == 0)
		err = -errno;
	if (close(o->fd) != 0 && err == 0 && errno != EINTR)
		err = -errno;
	if (lost_lines != NULL)
		*lost_lines = o->lost_lines;
	free(o->buffer);
	free(o);
	return err;
}
