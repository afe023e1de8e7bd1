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
	char *path;   /* "-" is standard output */
	char *hidden; /* NULL where it is written under its own name */
	struct digest *digest;
	uint64_t rows; /* that it got whole */
	uint64_t bytes;
};

/*
 * Open path; aside: under a hidden name. 0; -EEXIST where a file has the name, or the hidden one, and
 * force is not set; another negative errno. After a failure nothing is held.
 */
int part_open(struct part *p, const char *path, bool force, bool aside);

/* Write len bytes; *taken says how many the kernel took: all, unless there is an error. */
int part_write(struct part *p, const char *data, size_t len, size_t *taken);

/* Of what was taken, note what stays: the first len bytes, which are rows rows. */
void part_keep(struct part *p, const char *data, size_t len, uint64_t rows);

/* Take back the last len bytes that a regular file took, where they are its last. */
void part_cut_back(struct part *p, size_t len);

/*
 * fsync what is a file, close it, give it its name; or, with discard, do away with it if it is
 * written aside. Its digest goes to text. 0 or the first negative errno; all is freed but path,
 * which is the caller's.
 */
int part_close(struct part *p, bool discard, char text[DIGEST_TEXT_SIZE]);

#endif /* OUTPUT_PART_H */
