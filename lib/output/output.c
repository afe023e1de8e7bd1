/* SPDX-License-Identifier: BSD-3-Clause */
#include "output/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "output/part.h"

#define BUFFER_BYTES (256 * 1024)

/* Frames know nothing of one another: longer ones compress better. */
#define COMPRESSED_BUFFER_BYTES (1024 * 1024)

/* Files that begin in the same second, of this scan and others, get later seconds' names. */
#define NAME_TRIES 60

struct output {
	struct output_config config; /* its texts are ours */
	struct part part;
	bool is_open;
	int error; /* the first failure, negative; nothing is written after it */
	char *buffer; /* whole lines that are not handed over yet; those of the head first */
	size_t held;
	size_t room;
	uint64_t held_heads; /* lines of the head among them */
	ZSTD_CCtx *zstd;
	char *frame;
	size_t frame_room;
	uint64_t lost_rows;
	struct output_file *files;
	size_t file_count;
	char *unsettled; /* the hidden name of the last of them, when it has no other yet */
};

void
output_stamp(time_t when, char stamp[OUTPUT_STAMP_SIZE])
{
	struct tm tm;

	gmtime_r(&when, &tm);
	if (strftime(stamp, OUTPUT_STAMP_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		stamp[0] = '\0';
}

static uint64_t
count_lines(const char *data, size_t len)
{
	uint64_t lines = 0;

	/* In pieces whose count fits a byte: so the compiler counts in lanes of bytes. */
	while (len > 0) {
		size_t piece = len < UINT8_MAX ? len : UINT8_MAX;
		uint8_t some = 0;

		for (size_t i = 0; i < piece; i++)
			some += data[i] == '\n';
		lines += some;
		data += piece;
		len -= piece;
	}
	return lines;
}

static size_t
whole_lines(const char *data, size_t len)
{
	const char *last = memrchr(data, '\n', len);

	return last != NULL ? (size_t)(last - data) + 1 : 0;
}

/* Where a path's endings begin: those of its format and of compression. */
static size_t
stem_length(const char *path, bool compressed)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	size_t len = strlen(path) - (compressed ? strlen(".zst") : 0);
	const char *dot = memrchr(base, '.', len - (size_t)(base - path));

	return dot != NULL && dot != base ? (size_t)(dot - path) : len;
}

/* Open the file of a row of them that begins now. */
static int
open_dated(struct output *o, time_t now)
{
	const char *path = o->config.path;
	size_t stem = stem_length(path, o->config.compress);
	int err = -EEXIST;

	for (time_t when = now; when < now + NAME_TRIES && err == -EEXIST; when++) {
		char stamp[OUTPUT_STAMP_SIZE], *name;

		output_stamp(when, stamp);
		if (asprintf(&name, "%.*s-%s%s", (int)stem, path, stamp, path + stem) < 0)
			return -ENOMEM;
		err = part_open(&o->part, name, false, true);
		free(name);
	}
	return err;
}

/* A file has been opened; if it is new, its head waits in the buffer, which is empty. */
static int
begin_file(struct output *o, int err)
{
	const struct output_config *c = &o->config;

	if (err != 0)
		return err;
	o->is_open = true;
	if (o->part.bytes > 0)
		return 0;
	if (c->head_len > 0)
		memcpy(o->buffer, c->head, c->head_len);
	o->held = c->head_len;
	o->held_heads = count_lines(o->buffer, o->held);
	return 0;
}

static int
open_file(struct output *o, time_t now)
{
	const struct output_config *c = &o->config;

	return begin_file(o, c->rotates ? open_dated(o, now)
					: part_open(&o->part, c->path, c->force, false));
}

static int
add_file(struct output *o, struct output_file file)
{
	struct output_file *grown = reallocarray(o->files, o->file_count + 1, sizeof(*grown));

	if (grown == NULL || file.name == NULL) {
		free(file.name);
		o->files = grown != NULL ? grown : o->files;
		return -ENOMEM;
	}
	o->files = grown;
	o->files[o->file_count++] = file;
	return 0;
}

/* What is done stays done, but for the last file's name, which may be missing. */
static int
go_on(struct output *o, const struct output_mark *past, time_t now)
{
	bool is_stream = strcmp(past->name, "-") == 0;
	int err = 0;

	for (size_t i = 0; i < past->file_count && err == 0; i++) {
		struct output_file file = past->files[i];

		file.name = strdup(file.name);
		err = add_file(o, file);
	}
	if (err == 0 && o->config.rotates && o->file_count > 0) {
		o->unsettled = part_hidden(o->files[o->file_count - 1].name);
		err = o->unsettled != NULL ? output_settle(o) : -ENOMEM;
	}
	if (err != 0)
		return err;
	if (o->config.rotates && strcmp(past->name, OUTPUT_NEXT) == 0)
		return open_file(o, now);
	err = part_reopen(&o->part, past->name, o->config.rotates, past->bytes, past->rows);
	/* A stream has had its head. */
	if (err == 0 && (is_stream || !o->part.is_regular)) {
		o->is_open = true;
		return 0;
	}
	return begin_file(o, err);
}

static int
make_buffers(struct output *o)
{
	o->room = o->config.compress ? COMPRESSED_BUFFER_BYTES : BUFFER_BYTES;
	if (o->room < o->config.head_len)
		o->room = o->config.head_len;
	o->buffer = malloc(o->room);
	if (o->config.compress) {
		o->zstd = ZSTD_createCCtx();
		o->frame_room = ZSTD_compressBound(o->room);
		o->frame = malloc(o->frame_room);
		if (o->zstd == NULL || o->frame == NULL)
			return -ENOMEM;
		ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
	}
	return o->buffer != NULL ? 0 : -ENOMEM;
}

static int
copy_config(struct output *o, const struct output_config *config)
{
	o->config = *config;
	o->config.path = strdup(config->path);
	o->config.head = config->head_len > 0 ? strndup(config->head, config->head_len) : NULL;
	return o->config.path == NULL || (config->head_len > 0 && o->config.head == NULL) ? -ENOMEM : 0;
}

int
output_open(const struct output_config *config, time_t now, struct output **out)
{
	struct output *o = calloc(1, sizeof(*o));
	int err;

	*out = NULL;
	if (o == NULL)
		return -ENOMEM;
	err = copy_config(o, config);
	if (err == 0)
		err = make_buffers(o);
	if (err == 0)
		err = config->past != NULL ? go_on(o, config->past, now) : open_file(o, now);
	o->config.past = NULL;
	if (err != 0) {
		output_free(o);
		return err;
	}
	*out = o;
	return 0;
}

/* What goes to the file for what is held: the same, or a frame of it. */
static int
make_chunk(struct output *o, const char **chunk, size_t *len)
{
	size_t n;

	*chunk = o->buffer;
	*len = o->held;
	if (!o->config.compress || o->held == 0)
		return 0;
	n = ZSTD_compress2(o->zstd, o->frame, o->frame_room, o->buffer, o->held);
	if (ZSTD_isError(n))
		return -EIO;
	*chunk = o->frame;
	*len = n;
	return 0;
}

/* Note what stays in the file, and what of the lines that are held is lost. */
static void
settle(struct output *o, const char *chunk, size_t kept, size_t kept_lines_bytes)
{
	uint64_t lines = count_lines(o->buffer, kept_lines_bytes);
	uint64_t heads = lines < o->held_heads ? lines : o->held_heads;
	uint64_t rest = count_lines(o->buffer + kept_lines_bytes, o->held - kept_lines_bytes);

	part_keep(&o->part, chunk, kept, lines - heads);
	o->lost_rows += rest - (o->held_heads - heads);
	o->held = 0;
	o->held_heads = 0;
}

int
output_flush(struct output *o)
{
	size_t len, taken = 0, kept, lines;
	const char *chunk;
	int err;

	if (o->error != 0 || o->held == 0)
		return o->error;
	err = make_chunk(o, &chunk, &len);
	if (err == 0)
		err = part_write(&o->part, chunk, len, &taken);
	if (err == 0) {
		settle(o, chunk, len, o->held);
		return 0;
	}
	/* Half a line, or half a frame, is of no use. */
	kept = lines = o->config.compress ? 0 : whole_lines(o->buffer, taken);
	part_cut_back(&o->part, taken - kept);
	settle(o, chunk, kept, lines);
	o->error = err;
	return err;
}

/* Lines longer than the whole buffer: lines are taken whole or not at all, so it grows. */
static int
grow(struct output *o, size_t len)
{
	char *grown = realloc(o->buffer, len);

	if (grown == NULL)
		return -ENOMEM;
	o->buffer = grown;
	o->room = len;
	if (!o->config.compress)
		return 0;
	o->frame_room = ZSTD_compressBound(len);
	grown = realloc(o->frame, o->frame_room);
	if (grown == NULL)
		return -ENOMEM;
	o->frame = grown;
	return 0;
}

static int
make_room(struct output *o, size_t len)
{
	int err = output_flush(o);

	if (err == 0 && len > o->room)
		o->error = err = grow(o, len);
	return err;
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

/* Close the file and enter it among those done; a last one of a row that got nothing is left out. */
static int
close_file(struct output *o)
{
	bool discard = o->config.rotates && o->part.rows == 0 && o->file_count > 0;
	struct output_file file = {.name = o->part.path, .rows = o->part.rows, .bytes = o->part.bytes};
	int err = part_end(&o->part, file.sha256), rc = 0;

	o->is_open = false;
	if (discard) {
		rc = part_settle(o->part.hidden, o->part.path, true);
		free(o->part.hidden);
		free(o->part.path);
	} else {
		o->unsettled = o->part.hidden;
		rc = add_file(o, file);
	}
	return err != 0 ? err : rc;
}

static void
fail(struct output *o, int err)
{
	if (o->error == 0)
		o->error = err;
}

int
output_sync(struct output *o, struct output_mark *mark)
{
	if (o->is_open && output_flush(o) == 0)
		fail(o, part_sync(&o->part));
	*mark = (struct output_mark){
		.files = o->files,
		.file_count = o->file_count,
		.name = o->part.path,
		.rows = o->part.rows,
		.bytes = o->part.bytes,
	};
	if (o->is_open)
		return o->error;
	if (o->config.rotates)
		*mark = (struct output_mark){o->files, o->file_count, OUTPUT_NEXT, 0, 0};
	else
		mark->file_count = 0; /* its only file is the one that goes on */
	return o->error;
}

int
output_rotate(struct output *o, time_t now)
{
	if (output_flush(o) != 0 || o->part.rows == 0)
		return o->error;
	fail(o, close_file(o));
	if (o->error == 0)
		fail(o, open_file(o, now));
	return o->error;
}

int
output_settle(struct output *o)
{
	if (o->unsettled != NULL)
		fail(o, part_settle(o->unsettled, o->files[o->file_count - 1].name, false));
	free(o->unsettled);
	o->unsettled = NULL;
	return o->error;
}

uint64_t
output_lost_rows(const struct output *o)
{
	return o->lost_rows;
}

uint64_t
output_bytes(const struct output *o)
{
	return o->part.bytes;
}

int
output_finish(struct output *o)
{
	output_flush(o);
	output_settle(o);
	if (o->is_open)
		fail(o, close_file(o));
	output_settle(o);
	return o->error;
}

const struct output_file *
output_files(const struct output *o, size_t *count)
{
	*count = o->file_count;
	return o->files;
}

void
output_free(struct output *o)
{
	if (o == NULL)
		return;
	if (o->is_open)
		part_drop(&o->part);
	for (size_t i = 0; i < o->file_count; i++)
		free(o->files[i].name);
	free(o->files);
	free(o->unsettled);
	ZSTD_freeCCtx(o->zstd);
	free(o->frame);
	free(o->buffer);
	free((char *)o->config.path);
	free((char *)o->config.head);
	free(o);
}
