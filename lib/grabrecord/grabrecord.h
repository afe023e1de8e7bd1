/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grab records: what workers saw, as lines of NDJSON.
 *
 * The keys are docs/records.md's: zgrab2's and zcrypto's names and nesting where the meaning is the
 * same. Messages are parsed here, on the writer's thread, and nowhere else; what does not parse is
 * data (`parse_error`), with the raw bytes beside it.
 *
 * Certificates have one of three forms, which is the grab's and never depends on what came before.
 * In the forms that refer, each certificate is written once, as a row of its own, to the sink of
 * the certificates file: the set of those written is kept by the first 16 bytes of SHA-256, 24 bytes
 * of memory a certificate at most. (Where memory for it runs out a row may come again: a repeat harms
 * nobody.)
 *
 * Validation is told, not enforced: against the system's store, at the time of the grab, with the
 * chain as it was sent. Results are cached.
 *
 * A struct grabrecord belongs to one thread. It holds 10 MB of buffers.
 */
#ifndef GRABRECORD_GRABRECORD_H
#define GRABRECORD_GRABRECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grab/grab.h"

enum grabrecord_form {
	GRABRECORD_INLINE,    /* every certificate in the record */
	GRABRECORD_LEAF,      /* the leaf in the record, the others by fingerprint */
	GRABRECORD_REFERENCE, /* all by fingerprint */
};

/* What a record says of the job's grab that made it. */
struct grabrecord_grab {
	const char *name; /* the key below "data" */
	enum grabrecord_form form;
};

/* A row of the certificates file, with its line feed; borrowed for the call. */
typedef void grabrecord_sink(void *arg, const char *row, size_t len);

struct grabrecord_config {
	const struct grabrecord_grab *grabs; /* by grab->index; borrowed */
	size_t grab_count;
	uint64_t start_wall_ns;              /* the wall clock at the run's start, since 1970 */
	bool validate;
	const char *trusted;                 /* a file of PEM; NULL: the system's store */
	grabrecord_sink *certificates;       /* NULL where every grab's form is inline */
	void *arg;
};

struct grabrecord;

/* NULL: no memory, or `trusted` cannot be read. */
struct grabrecord *grabrecord_new(const struct grabrecord_config *config);
void grabrecord_free(struct grabrecord *r);

/*
 * The record of a grab that has ended, with its line feed; valid until the next call. The grab stays
 * the caller's. Rows of certificates go to the sink before this returns.
 */
const char *grabrecord_line(struct grabrecord *r, const struct grab *grab, size_t *len);

/*
 * The names that the leaf of the last line is for (x509/x509.h): each call gives the next, false at
 * the end. Valid until the next line. Names are as they stand in the certificate, of any bytes.
 */
bool grabrecord_next_name(struct grabrecord *r, struct span *name);

/* A certificate that stands in the file already, from before a scan was gone on with. */
#define GRABRECORD_SHA256_BYTES 32
void grabrecord_know(struct grabrecord *r, const uint8_t sha256[GRABRECORD_SHA256_BYTES]);

#endif /* GRABRECORD_GRABRECORD_H */
