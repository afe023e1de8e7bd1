/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of foreign text, a line at a time: plain or zstd-compressed, found by what is in them and not by
 * their name; "-" is standard input. Hides zstd's decoder and the reading.
 *
 * A reader holds about 400 KB, for compressed files up to zstd's window besides (128 MiB at most, some MB as
 * asdic and zstd write them), and as much as the longest line, up to LINES_MAX.
 *
 * A reader belongs to one thread.
 */
#ifndef LINES_LINES_H
#define LINES_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* No longer line is read: what a record with every certificate in it takes, and more. */
#define LINES_MAX (16u << 20)

struct lines;

/* 0 and *out, or a negative errno. */
int lines_open(const char *path, struct lines **out);

/*
 * The next line, without its line feed; *text is the reader's, until the next call, and is not terminated.
 * The last line may lack its line feed. 1; 0 at the end; a negative errno: -EMSGSIZE for a line longer
 * than LINES_MAX, -EBADMSG for compressed bytes that are damaged or end too soon, -EISDIR and others as
 * the system tells them. Nothing can be read after an error.
 */
int lines_next(struct lines *l, const char **text, size_t *len);

/* Whether the next line is there, and lines_next() will not wait for one. */
bool lines_is_ready(const struct lines *l);

/* NULL is fine. */
void lines_close(struct lines *l);

/* A list that is held whole while it is read: some 70 million addresses. */
#define LINES_WHOLE_MAX ((size_t)1 << 30)

/*
 * All of a file, for what is read more than once: *text is the caller's to free, and terminated by a NUL
 * that is not counted. 0; -EFBIG for more than most bytes; or a negative errno as above.
 */
int lines_read_all(const char *path, size_t most, char **text, size_t *len);

/* What an error means, for people: strerror()'s words but for those above. */
const char *lines_error(int rc);

#endif /* LINES_LINES_H */
