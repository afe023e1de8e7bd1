/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sinks: where lines go.
 *
 * A sink is a file, a row of files, or standard output. It is buffered; output_flush() hands over
 * what is held, and the writer calls it at least each second so that a pipe's reader is never far
 * behind. What is handed over at once is whole lines, and where the sink compresses it is a zstd
 * frame of its own (RFC 8878 lets frames follow one another): a file that a killed scan leaves can
 * be read up to the last flush.
 *
 * After the first failure (disk full, pipe closed) nothing more is written: output_write() refuses,
 * the errno stays, and what was had until then is whole lines, or whole frames (but for a pipe,
 * which may have taken the beginning of one more). SIGPIPE is the caller's to ignore.
 *
 * A sink that rotates writes a row of files, named by when they begin: a.csv.zst makes
 * a-20261123T171528Z.csv.zst. Each is written aside, as .a-20261123T171528Z.csv.zst.part, and gets
 * its name when it is whole and on the disk. One that does not rotate is written under its own name,
 * and an existing file is never overwritten unless force is set. Devices and FIFOs exist to be
 * written to and need no force.
 *
 * A sink belongs to one thread at a time: the writer, and who opened it before and after.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "output/digest.h"

struct output;

/* What became of one file, for who is to check it later. */
struct output_file {
	char *name;
	uint64_t rows;
	uint64_t bytes; /* of whole lines; as they stand in the file, so compressed ones */
	char sha256[DIGEST_TEXT_SIZE];
};

/* Where a sink stands: the files that are done, and how far the one that is being written is. */
struct output_mark {
	const struct output_file *files;
	size_t file_count;
	const char *name; /* of the file that is being written */
	uint64_t rows;
	uint64_t bytes;
};

struct output_config {
	const char *path;  /* "-" is standard output */
	bool force;
	bool compress;
	bool rotates;      /* not for standard output */
	const char *head;  /* lines that each file begins with; they are no rows. NULL: none */
	size_t head_len;
	const struct output_mark *past; /* go on from there; NULL: begin */
};

/* "20261123T171528Z" */
#define OUTPUT_STAMP_SIZE 17
void output_stamp(time_t when, char stamp[OUTPUT_STAMP_SIZE]);

/*
 * Open a sink; now names the first file of one that rotates. What config points to is copied. One that
 * goes on from a mark cuts off what its file got after it; a stream has no such place and just goes on.
 * 0; -EEXIST when the file exists and force is not set; -ENODATA when it holds less than the mark says;
 * -EBUSY while another sink, of whatever process, writes it; another negative errno.
 */
int output_open(const struct output_config *config, time_t now, struct output **out);

/*
 * Append one line (or several whole lines), each a row: all of it or nothing. 0, or the negative
 * errno of the first failure; the lines of a refused call are not among output_lost_rows().
 */
int output_write(struct output *o, const char *line, size_t len);

/* Write what is held. 0, or the negative errno of the first failure. */
int output_flush(struct output *o);

/* Of a mark: the row's last file is done, and the next is not begun. */
#define OUTPUT_NEXT "+"

/*
 * Write what is held and have it on the disk; then *mark says where a later run may go on. It borrows
 * from the sink until the next call. 0, or the negative errno of the first failure. A finished sink can
 * be gone on with, too.
 */
int output_sync(struct output *o, struct output_mark *mark);

/*
 * Of a sink that rotates: end the file and begin the next. A file without a row goes on instead. What
 * is done has its own name only after output_settle(): whoever keeps a mark writes down the new one
 * in between, so that at no time a file that has its name may still be written to.
 * 0, or the negative errno of the first failure.
 */
int output_rotate(struct output *o, time_t now);
int output_settle(struct output *o);

/*
 * Rows that were accepted by output_write() but did not reach the file whole because a later flush
 * failed. Known after a failure; 0 before. Lets the ledger say what the disk refused.
 */
uint64_t output_lost_rows(const struct output *o);

/* Bytes that stand in the present file; what is still held is not among them. */
uint64_t output_bytes(const struct output *o);

/*
 * Flush, fsync and close: no call but output_lost_rows(), output_files(), output_sync() and output_free()
 * after it.
 * 0, or the negative errno of the first failure.
 */
int output_finish(struct output *o);

/* The files that are done, in the order in which they were written. */
const struct output_file *output_files(const struct output *o, size_t *count);

/* Free a sink. One that is not finished leaves its file as a kill does. NULL is fine. */
void output_free(struct output *o);

#endif /* OUTPUT_OUTPUT_H */
