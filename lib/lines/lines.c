/* SPDX-License-Identifier: BSD-3-Clause */
#include "lines/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define INPUT_BYTES (128u << 10)
#define FIRST_ROOM (256u << 10)
#define MAGIC_BYTES 4

struct lines {
	int fd;
	bool at_end; /* of the file */
	bool is_frame_open;
	ZSTD_DStream *decoder; /* NULL: plain */
	char *input;           /* as read: compressed, or the head by which that is found */
	size_t input_at;
	size_t input_len;

	char *text; /* lines, from `at` to `end` */
	size_t at;
	size_t end;
	size_t room;
};

/* Read once into a buffer. The number of bytes, 0 at the end, or a negative errno. */
static ssize_t
read_some(struct lines *l, char *to, size_t size)
{
	ssize_t n;

	do
		n = read(l->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		l->at_end = true;
	return n < 0 ? -errno : n;
}

/* A zstd frame, or one that a decoder skips (RFC 8878, 3.1). */
static bool
is_zstd(const char *head)
{
	const uint8_t *b = (const uint8_t *)head;
	uint32_t magic = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;

	return magic == UINT32_C(0xfd2fb528) || (magic & ~UINT32_C(15)) == UINT32_C(0x184d2a50);
}

/* Read the head, and choose by it. */
static int
begin(struct lines *l)
{
	while (l->input_len < MAGIC_BYTES && !l->at_end) {
		ssize_t n = read_some(l, l->input + l->input_len, INPUT_BYTES - l->input_len);

		if (n < 0)
			return (int)n;
		l->input_len += (size_t)n;
	}
	if (l->input_len < MAGIC_BYTES || !is_zstd(l->input))
		return 0;
	l->decoder = ZSTD_createDStream();
	return l->decoder != NULL ? 0 : -ENOMEM;
}

int
lines_open(const char *path, struct lines **out)
{
	struct lines *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	if (l == NULL)
		return -ENOMEM;
	l->room = FIRST_ROOM;
	l->input = malloc(INPUT_BYTES);
	l->text = malloc(l->room);
	l->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				       : open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0)
		rc = -errno;
	else if (l->input != NULL && l->text != NULL)
		rc = begin(l);
	if (rc != 0) {
		lines_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
lines_close(struct lines *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	ZSTD_freeDStream(l->decoder);
	free(l->input);
	free(l->text);
	free(l);
}

/* Take the head into the text, or more of the file. */
static int
fill_plain(struct lines *l)
{
	size_t room = l->room - l->end - 1, n = l->input_len - l->input_at;
	ssize_t got;

	if (n > 0) {
		n = n < room ? n : room;
		memcpy(l->text + l->end, l->input + l->input_at, n);
		l->input_at += n;
		l->end += n;
		return 0;
	}
	got = read_some(l, l->text + l->end, room);
	if (got < 0)
		return (int)got;
	l->end += (size_t)got;
	return 0;
}

/* Decode once. A decoder with nothing to read may still hold what it has decoded. */
static int
decode(struct lines *l)
{
	ZSTD_inBuffer in = {l->input, l->input_len, l->input_at};
	ZSTD_outBuffer out = {l->text, l->room - 1, l->end};
	size_t rc = ZSTD_decompressStream(l->decoder, &out, &in);

	if (ZSTD_isError(rc))
		return -EBADMSG;
	l->is_frame_open = rc != 0;
	l->input_at = in.pos;
	l->end = out.pos;
	return 0;
}

static int
fill_zstd(struct lines *l)
{
	size_t before = l->end;
	int rc = 0;

	while (rc == 0 && l->end == before) {
		ssize_t n = 0;

		if (l->input_at == l->input_len && !l->at_end) {
			n = read_some(l, l->input, INPUT_BYTES);
			l->input_at = 0;
			l->input_len = n > 0 ? (size_t)n : 0;
		}
		if (n < 0)
			return (int)n;
		if (l->input_at == l->input_len && l->at_end && !l->is_frame_open)
			return 0;
		rc = decode(l);
		if (rc == 0 && l->end == before && l->at_end && l->input_at == l->input_len)
			return l->is_frame_open ? -EBADMSG : 0;
	}
	return rc;
}

/* Room for more text, and for one byte behind it. */
static int
make_room(struct lines *l, size_t max)
{
	char *grown;

	if (l->end + 1 < l->room)
		return 0;
	if (l->room >= max)
		return -EMSGSIZE;
	grown = realloc(l->text, l->room * 2);
	if (grown == NULL)
		return -ENOMEM;
	l->text = grown;
	l->room *= 2;
	return 0;
}

/* Get more text behind what there is, which may move. 1; 0 at the end; or a negative errno. */
static int
fill(struct lines *l)
{
	size_t before;
	int rc;

	if (l->at > 0) {
		memmove(l->text, l->text + l->at, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
	}
	rc = make_room(l, LINES_MAX);
	if (rc != 0)
		return rc;
	before = l->end;
	rc = l->decoder != NULL ? fill_zstd(l) : fill_plain(l);
	return rc != 0 ? rc : l->end > before;
}

int
lines_next(struct lines *l, const char **text, size_t *len)
{
	size_t searched = 0;
	int more = 1;

	for (;;) {
		char *start = l->text + l->at;
		size_t have = l->end - l->at;
		char *feed = memchr(start + searched, '\n', have - searched);

		if (feed == NULL && more > 0) {
			searched = have;
			more = fill(l);
			continue;
		}
		if (more < 0 || (feed == NULL && have == 0))
			return more < 0 ? more : 0;
		*text = start;
		*len = feed != NULL ? (size_t)(feed - start) : have;
		l->at += *len + (feed != NULL);
		return 1;
	}
}

bool
lines_is_ready(const struct lines *l)
{
	return memchr(l->text + l->at, '\n', l->end - l->at) != NULL;
}

int
lines_read_all(const char *path, size_t most, char **text, size_t *len)
{
	struct lines *l;
	int rc = lines_open(path, &l);

	if (rc != 0)
		return rc;
	while (rc == 0) {
		size_t before = l->end;

		rc = make_room(l, SIZE_MAX / 2);
		if (rc == 0)
			rc = l->decoder != NULL ? fill_zstd(l) : fill_plain(l);
		if (rc == 0 && l->end == before)
			break;
		if (rc == 0 && l->end > most)
			rc = -EFBIG;
	}
	if (rc == 0) {
		l->text[l->end] = '\0';
		*text = l->text;
		*len = l->end;
		l->text = NULL;
	}
	lines_close(l);
	return rc;
}

const char *
lines_error(int rc)
{
	switch (rc) {
	case -EBADMSG:
		return "its compressed bytes are damaged, or end too soon; give what 'zstd -dc' makes of it";
	case -EMSGSIZE:
		return "it has a line longer than 16 MiB";
	case -EFBIG:
		return "it is too long to be read";
	default:
		return strerror(-rc);
	}
}
