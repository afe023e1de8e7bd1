/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checkpoint: what a scan that was killed needs to go on, as versioned text.
 *
 *     asdic checkpoint 1
 *     state open
 *     key 0011223344556677 8899aabbccddeeff
 *     floor 1228800
 *     setting probe.module tcp_synscan
 *     output 9120 182400 results.csv
 *     segment 3 81920 1310720
 *     refused 24 192.0.2.0 64 12
 *     names 1 40960 0
 *     listed 70000
 *     gap 69990 69997
 *     name 0 certificate 0 0 www.example.com
 *     end
 *
 * One thing a line, the last word up to the line's end; the first line names the version and the last
 * says that it is whole. It holds the cookie's key: mode 0600.
 *
 * What it says of files is what they held when it was written; they may hold more by the time it is
 * read, which is then cut off (output/output.h, checkpoint/journal.h).
 *
 * A struct checkpoint that is to be written borrows its texts and lists; one that was read owns them.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKPOINT_VERSION 1
#define CHECKPOINT_ID_SIZE 33
#define CHECKPOINT_SHA256_SIZE 65

/* A name and what it stands for: what must be the same when the scan goes on. */
struct checkpoint_setting {
	const char *name; /* without spaces */
	const char *value;
};

/* A term of the ledgers of all runs so far. */
struct checkpoint_count {
	const char *name;
	uint64_t count;
};

/* A file that is done, of the output before it. */
struct checkpoint_file {
	const char *name;
	uint64_t rows;
	uint64_t bytes;
	char sha256[CHECKPOINT_SHA256_SIZE];
	size_t output; /* whose it is */
};

/* The file that an output was writing. */
struct checkpoint_output {
	const char *name;
	uint64_t rows;
	uint64_t bytes;
};

/* A segment of the journal. */
struct checkpoint_segment {
	uint64_t number;
	uint64_t bytes;
	uint64_t claimed; /* all its keys are of positions below this */
};

/* A network that had answered so often that it wants no probes, and how many it was then spared. */
struct checkpoint_refused {
	uint32_t address;
	uint8_t prefix_len; /* 16 or 24 */
	uint32_t refused;
	uint32_t skipped;
};

/* Names of lists, by their numbers: [first, end) were under way. */
struct checkpoint_gap {
	uint64_t first;
	uint64_t end;
};

/* A name that was found and not looked up yet. */
struct checkpoint_name {
	uint32_t address; /* the responder's, or 0 */
	uint8_t lookup;   /* which of the job's */
	uint8_t origin;   /* what the user's numbers mean */
	bool wildcard;
	const char *text; /* without spaces */
};

struct checkpoint {
	bool complete; /* the scan has come to its end: nothing else counts then, and there is no key */
	char scan_id[CHECKPOINT_ID_SIZE];
	uint64_t start_wall_ns; /* of the first run */
	uint64_t elapsed_ns;    /* of all runs */
	uint64_t runs;
	uint64_t seed;
	uint64_t key[2];
	uint64_t floor;         /* positions below it need never be looked at again */
	uint64_t results;       /* that limits.results counts */
	uint64_t hits;          /* targets that gave what the scan looks for */
	uint64_t coverage_found; /* of those that answered the second look: found before; */
	uint64_t coverage_seen;  /* all */
	struct checkpoint_setting *settings;
	size_t setting_count;
	struct checkpoint_count *counts;
	size_t count_count;
	struct checkpoint_output *outputs;
	size_t output_count;
	struct checkpoint_file *files;
	size_t file_count;
	struct checkpoint_segment *segments;
	size_t segment_count;
	struct checkpoint_refused *refused;
	size_t refused_count;
	struct checkpoint_segment *names; /* of the journal of names that were found */
	size_t names_count;
	uint64_t listed;                  /* names of lists up to here are done, but for the gaps */
	struct checkpoint_gap *gaps;
	size_t gap_count;
	struct checkpoint_name *found;    /* and not done */
	size_t found_count;
	char *text; /* of one that was read */
};

/*
 * Read one from text of len bytes. 0 and *out, to be freed; -EINVAL, and *line is where it is wrong
 * (0: it ends too soon); -ENOTSUP for another version; -ENOMEM.
 */
int checkpoint_parse(const char *text, size_t len, struct checkpoint **out, unsigned int *line);

/* The same from a file of at most 256 MB; also -ENOENT and other negative errnos. */
int checkpoint_read(const char *path, struct checkpoint **out, unsigned int *line);

/* NULL is fine. */
void checkpoint_free(struct checkpoint *c);

/* Write it aside and give it its name. 0 or a negative errno: the one before is then still there. */
int checkpoint_write(const char *path, const struct checkpoint *c);

/* The value of a setting, NULL when there is none. */
const char *checkpoint_setting(const struct checkpoint *c, const char *name);

#endif /* CHECKPOINT_CHECKPOINT_H */
