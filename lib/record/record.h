/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records: what a scan says of a reply, in ZMap's field names.
 *
 * A struct record_scan is a value, made by a worker and written by the writer; fields are looked up
 * in one table that serves NDJSON, CSV and the filter alike. `saddr` and `sport` are the target's;
 * `saddr_raw` is, as in ZMap, the address's network-order bytes read as a little-endian integer;
 * `tcpopt_wscale` is 2^shift; a field that has no value is omitted in NDJSON and empty in CSV; CSV
 * booleans are 1 and 0.
 *
 * An ICMP record has the target's address and ports, from the quote, and the ipid and ttl of the
 * error itself; it has no sequence numbers, window or TCP options. Only it and an echo reply have
 * icmp_ fields, and an echo reply the type and code alone. Nothing of a ping has ports.
 * No value ever holds a character that JSON escapes or CSV quotes (RFC 4180).
 *
 * Pure; any thread.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify/classify.h"

/*
 * What a record brings that was not known: what a scan that is resumed must be told, lest it takes it for
 * news again. FOUND and SEEN are of targets that coverage looks at again (schedule/coverage.h).
 */
enum record_news {
	RECORD_FIRST = 1, /* the first reply of its kind from its target */
	RECORD_FOUND = 2, /* the target has answered an attempt */
	RECORD_SEEN = 4,  /* the target has answered the second look */
	RECORD_BOTH = 8,  /* with this, both */
	RECORD_GRABBED = 16, /* of its SYN-ACK's grab: the last record of it */
	RECORD_NAMED = 32,   /* the last of one of its names, and others are to follow */
};

struct record_scan {
	struct reply reply;
	uint8_t probe_num;
	uint8_t news;  /* enum record_news, ored */
	bool repeat;   /* this (target, kind) was seen before: not RECORD_FIRST */
	bool cooldown; /* it came after the last probe was sent */
	uint64_t position; /* the target's, in the order of the scan, where its worker needs it; else 0 */
};

/* How a field's value reads. */
enum record_type { RECORD_ABSENT, RECORD_INT, RECORD_BOOL, RECORD_STRING };

struct record_value {
	enum record_type type;
	uint32_t text_len; /* RECORD_STRING */
	uint64_t number;   /* RECORD_INT, RECORD_BOOL */
	const char *text;  /* RECORD_STRING: static, or in scratch; no NUL is promised */
	char scratch[40];
};

/* What turns the run's clock into wall time: the wall clock at the run's start, ns since 1970. */
struct record_clock {
	uint64_t start_wall_ns;
};

struct record_field {
	const char *name;
	uint8_t name_len;
	enum record_type type; /* never RECORD_ABSENT */
	/* The value: out->type is the field's type, or RECORD_ABSENT. */
	void (*get)(const struct record_scan *r, const struct record_clock *clock,
		    struct record_value *out);
};

/* All fields of a scan record, in the order of NDJSON's output; the first is "record". */
size_t record_field_count(void);
const struct record_field *record_field_at(size_t i);

/* The field of a name, or NULL. */
const struct record_field *record_field_find(const char *name, size_t len);

/* The name that one was meant to be, for the mend; NULL where none is like it. */
const char *record_field_near(const char *name, size_t len);

/* What to write in place of an unknown name: "did you mean 'saddr'?", or all that there are. */
#define RECORD_ADVICE_SIZE 512
void record_field_advice(const char *name, size_t len, char buf[RECORD_ADVICE_SIZE]);

/* A choice of fields, in the order of output. */
#define RECORD_FIELDS_MAX 64

struct record_fields {
	const struct record_field *field[RECORD_FIELDS_MAX];
	size_t count;
};

void record_fields_all(struct record_fields *f);

/* The most bytes that one line, or header, of any choice may take. */
#define RECORD_LINE_MAX 4096

/*
 * One line of exactly the chosen fields in their order ("record":"scan" comes first when all are
 * chosen), with its line feed, not terminated by NUL. buf has RECORD_LINE_MAX bytes. Returns the
 * length.
 */
size_t record_ndjson(const struct record_fields *f, const struct record_scan *r,
		     const struct record_clock *clock, char *buf);
size_t record_csv(const struct record_fields *f, const struct record_scan *r,
		  const struct record_clock *clock, char *buf);
size_t record_csv_header(const struct record_fields *f, char *buf);

#endif /* RECORD_RECORD_H */
