/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sinks: where lines go.
 *
 * A sink is a file, or standard output. It is buffered; output_flush() hands over what is held, and
 * the writer calls it at least each second so that a pipe's reader is never far behind. After the
 * first failure (disk full, pipe closed) nothing more is written: output_write() refuses, the errno
 * stays, and what was had until then is whole lines (but for a pipe, which may have taken the
 * beginning of one more). SIGPIPE is the caller's to ignore.
 *
 * An existing file is never overwritten unless force is set. Devices and FIFOs exist to be written
 * to and need no force. One thread: the writer.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

/*
 * Open path, "-" for standard output. 0; -EEXIST when the file exists and force is not set; another
 * negative errno.
 */
int output_open(const char *path, bool force, struct output **out);

/*
 * Append one line (or several whole lines): all of it or nothing. 0, or the negative errno of the
 * first failure; the lines of a refused call are not among output_lost_lines().
 */
int output_write(struct output *o, const char *line, size_t len);

/* Write what is held. 0, or the negative errno of the first failure. */
int output_flush(struct output *o);

/*
 * Lines that were accepted by output_write() but did not reach the file whole because a later flush
 * failed. Known after a failure; 0 before. Lets the ledger say what the disk refused.
 */
uint64_t output_lost_lines(const struct output *o);

/* Bytes of whole lines that the file has got; what is still held is not among them. */
uint64_t output_bytes(const struct output *o);

/*
 * Flush, fsync a regular file, close and free. 0, or the negative errno of the first failure;
 * *lost_lines (may be NULL) as above.
 */
int output_close(struct output *o, uint64_t *lost_lines);

#endif /* OUTPUT_OUTPUT_H */
