/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A part: one file that a sink writes, from its opening to its last fsync, and the account of what
 * it got. The inside of lib/output: no other module includes this.
 *
 * A part that is written aside has a hidden name (".name.part", in the same folder) until it is
 * whole; then it is renamed, so that who watches the folder sees whole files alone.
 */
#ifndef OUTPUT_PART_H
#define OUTPUT_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/digest.h"

struct part {
	int fd;
	bool is_regular;
	bool is_entered; /* its folder is on the disk since it was made */
	char *path;   /* "-" is standard output */
	char *hidden; /* NULL where it is written under its own name */
	struct digest *digest;
	uint64_t rows; /* that it got whole */
	uint64_t bytes;
};

/*
 * Open path; aside: under a hidden name. 0; -EEXIST where a file has the name, or the hidden one, and
 * force is not set; -EBUSY where another part writes it, in whatever process; another negative errno. After a failure
 * nothing is held.
 */
int part_open(struct part *p, const char *path, bool force, bool aside);

/*
 * Go on with a file that an earlier run left: its first bytes are rows rows, and what follows them is cut
 * off; where there is none and bytes is 0, it is made. It may have its own name already though it was
 * written aside: then that is taken back. A device or FIFO goes on as it is. 0; -ENODATA where the file
 * holds less; -EBUSY as above; another negative errno.
 */
int part_reopen(struct part *p, const char *path, bool aside, uint64_t bytes, uint64_t rows);

/* Write len bytes; *taken says how many the kernel took: all, unless there is an error. */
int part_write(struct part *p, const char *data, size_t len, size_t *taken);

/* Of what was taken, note what stays: the first len bytes, which are rows rows. */
void part_keep(struct part *p, const char *data, size_t len, uint64_t rows);

/* Take back the last len bytes that a regular file took, where they are its last. */
void part_cut_back(struct part *p, size_t len);

/* Have all that a file got on the disk, and its name in the folder. 0 or a negative errno. */
int part_sync(struct part *p);

/*
 * fsync what is a file and close it; its digest goes to text. One that is written aside keeps its hidden
 * name until part_settle(). 0 or the first negative errno; what the part holds but path and hidden is freed.
 */
int part_end(struct part *p, char text[DIGEST_TEXT_SIZE]);

/* Close it and free all that it holds; its file stays as it is. */
void part_drop(struct part *p);

/*
 * Give a file that was written aside the name path, or, with discard, do away with it. hidden may be NULL:
 * then there is nothing to do. One that has its name already is fine. 0 or a negative errno.
 */
int part_settle(const char *hidden, const char *path, bool discard);

/* The hidden name of a path, NULL without memory. */
char *part_hidden(const char *path);

#endif /* OUTPUT_PART_H */
