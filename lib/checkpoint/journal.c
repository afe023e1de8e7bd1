/* SPDX-License-Identifier: BSD-3-Clause */
#include "checkpoint/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define KEY_BYTES 8
#define BUFFER_BYTES (64 * 1024)

/* A segment this long is the last's last. */
#define SEGMENT_BYTES (1 << 20)

struct journal {
	char *path;
	struct checkpoint_segment *segments; /* [0, swept) no longer count, their files are still there */
	size_t count;
	size_t swept;
	uint64_t next; /* number of the next segment */
	int fd;        /* of the last segment; -1: the next key begins one */
	int error;
	size_t held;
	uint8_t buffer[BUFFER_BYTES];
};

struct journal *
journal_new(const char *path)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->fd = -1;
	j->next = 1;
	j->path = strdup(path);
	if (j->path == NULL) {
		free(j);
		return NULL;
	}
	return j;
}

static char *
segment_path(const struct journal *j, uint64_t number)
{
	char *path;

	return asprintf(&path, "%s-%llu", j->path, (unsigned long long)number) < 0 ? NULL : path;
}

static int
open_segment(const struct journal *j, uint64_t number, int flags)
{
	char *path = segment_path(j, number);
	int fd = path != NULL ? open(path, flags | O_CLOEXEC, 0600) : -1, err = errno;

	free(path);
	return path == NULL ? -ENOMEM : fd < 0 ? -err : fd;
}

/* 0, or -ENOENT and the like. */
static int
unlink_segment(const struct journal *j, uint64_t number)
{
	char *path = segment_path(j, number);
	int err = path == NULL ? -ENOMEM : unlink(path) != 0 ? -errno : 0;

	free(path);
	return err;
}

static int
add_segment(struct journal *j, struct checkpoint_segment segment)
{
	struct checkpoint_segment *grown = reallocarray(j->segments, j->count + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	j->segments = grown;
	j->segments[j->count++] = segment;
	return 0;
}

static int
begin_segment(struct journal *j)
{
	int fd = open_segment(j, j->next, O_WRONLY | O_CREAT | O_TRUNC), err;

	if (fd < 0)
		return fd;
	err = add_segment(j, (struct checkpoint_segment){.number = j->next});
	if (err != 0) {
		close(fd);
		return err;
	}
	j->next++;
	j->fd = fd;
	return 0;
}

static int
write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
flush(struct journal *j)
{
	if (j->held > 0 && j->fd < 0 && j->error == 0)
		j->error = begin_segment(j);
	if (j->held > 0 && j->error == 0) {
		j->error = write_all(j->fd, j->buffer, j->held);
		j->segments[j->count - 1].bytes += j->held;
	}
	j->held = 0;
}

void
journal_add(struct journal *j, const struct journal_key *key)
{
	uint8_t *at;

	if (j->held == sizeof(j->buffer))
		flush(j);
	at = j->buffer + j->held;
	store_be32(at, key->address);
	store_be16(at + 4, key->port);
	at[6] = key->kind;
	at[7] = key->marks;
	j->held += KEY_BYTES;
}

/* One that is long enough is done; keys to come are of another. */
static void
settle(struct journal *j, uint64_t claimed)
{
	struct checkpoint_segment *last;

	if (j->fd < 0 || j->error != 0)
		return;
	last = &j->segments[j->count - 1]; /* there is one, since it is open */
	if (fdatasync(j->fd) != 0)
		j->error = -errno;
	last->claimed = claimed;
	if (last->bytes < SEGMENT_BYTES)
		return;
	close(j->fd);
	j->fd = -1;
}

int
journal_sync(struct journal *j, uint64_t claimed, uint64_t floor)
{
	size_t open;

	flush(j);
	settle(j, claimed);
	/* The one that is being written stays, whatever is in it. */
	open = j->fd >= 0;
	while (j->error == 0 && j->swept + open < j->count && j->segments[j->swept].claimed <= floor)
		j->swept++;
	return j->error;
}

struct checkpoint_segment *
journal_segments(struct journal *j, size_t *count)
{
	*count = j->count - j->swept;
	return j->segments + j->swept;
}

void
journal_sweep(struct journal *j)
{
	for (size_t i = 0; i < j->swept; i++)
		unlink_segment(j, j->segments[i].number);
	j->count -= j->swept;
	if (j->swept > 0)
		memmove(j->segments, j->segments + j->swept, j->count * sizeof(*j->segments));
	j->swept = 0;
}

void
journal_remove(struct journal *j)
{
	j->swept = j->count;
	journal_sweep(j);
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->segments);
	free(j->path);
	free(j);
}

static int
read_segment(const struct journal *j, const struct checkpoint_segment *s,
	     void (*each)(void *context, const struct journal_key *key), void *context)
{
	int fd = open_segment(j, s->number, O_RDONLY);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	uint8_t raw[KEY_BYTES];
	uint64_t left = s->bytes / KEY_BYTES;

	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	for (; left > 0 && fread(raw, sizeof(raw), 1, f) == 1; left--) {
		struct journal_key key = {load_be32(raw), load_be16(raw + 4), raw[6], raw[7]};

		each(context, &key);
	}
	fclose(f);
	return left == 0 ? 0 : -ENODATA;
}

int
journal_resume(struct journal *j, const struct checkpoint_segment *segments, size_t count,
	       void (*each)(void *context, const struct journal_key *key), void *context)
{
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		err = read_segment(j, &segments[i], each, context);
		if (err == 0)
			err = add_segment(j, segments[i]);
		if (segments[i].number >= j->next)
			j->next = segments[i].number + 1;
	}
	if (err != 0)
		return err;
	/* Those that a kill left between a checkpoint and its sweep, or before one that named them. */
	for (uint64_t n = count > 0 ? segments[0].number : 0; n > 1 && unlink_segment(j, n - 1) == 0; n--)
		;
	for (uint64_t n = j->next; unlink_segment(j, n) == 0; n++)
		;
	return 0;
}
