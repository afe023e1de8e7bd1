/* SPDX-License-Identifier: BSD-3-Clause */
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ipv4.h"
#include "checkpoint/save.h"

#define TITLE "asdic checkpoint "
#define FILE_BYTES_MAX (UINT64_C(256) << 20)

/* Writing. */

static void
put_head(FILE *f, const struct checkpoint *c)
{
	fprintf(f, TITLE "%d\nstate %s\nscan_id %s\n", CHECKPOINT_VERSION,
		c->complete ? "complete" : "open", c->scan_id);
	fprintf(f, "start_ns %" PRIu64 "\nelapsed_ns %" PRIu64 "\nruns %" PRIu64 "\n", c->start_wall_ns,
		c->elapsed_ns, c->runs);
	if (c->complete)
		return;
	fprintf(f, "seed %" PRIu64 "\nkey %016" PRIx64 " %016" PRIx64 "\n", c->seed, c->key[0], c->key[1]);
	fprintf(f, "floor %" PRIu64 "\nresults %" PRIu64 "\n", c->floor, c->results);
	fprintf(f, "hits %" PRIu64 "\n", c->hits);
	fprintf(f, "coverage %" PRIu64 " %" PRIu64 "\n", c->coverage_found, c->coverage_seen);
}

static void
put_outputs(FILE *f, const struct checkpoint *c)
{
	size_t file = 0;

	for (size_t i = 0; i < c->output_count; i++) {
		fprintf(f, "output %" PRIu64 " %" PRIu64 " %s\n", c->outputs[i].rows, c->outputs[i].bytes,
			c->outputs[i].name);
		for (; file < c->file_count && c->files[file].output == i; file++)
			fprintf(f, "file %" PRIu64 " %" PRIu64 " %s %s\n", c->files[file].rows,
				c->files[file].bytes, c->files[file].sha256, c->files[file].name);
	}
}

static void
put_segments(FILE *f, const char *word, const struct checkpoint_segment *segments, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", word, segments[i].number,
			segments[i].bytes, segments[i].claimed);
}

static void
put_names(FILE *f, const struct checkpoint *c)
{
	put_segments(f, "names", c->names, c->names_count);
	if (c->listed > 0)
		fprintf(f, "listed %" PRIu64 "\n", c->listed);
	for (size_t i = 0; i < c->gap_count; i++)
		fprintf(f, "gap %" PRIu64 " %" PRIu64 "\n", c->gaps[i].first, c->gaps[i].end);
	for (size_t i = 0; i < c->found_count; i++)
		fprintf(f, "name %u %u %u %" PRIu32 " %s\n", c->found[i].lookup, c->found[i].origin,
			c->found[i].wildcard, c->found[i].address, c->found[i].text);
}

static void
put_refused(FILE *f, const struct checkpoint *c)
{
	for (size_t i = 0; i < c->refused_count; i++) {
		char address[IPV4_TEXT_SIZE];

		ipv4_format(c->refused[i].address, address);
		fprintf(f, "refused %u %s %" PRIu32 " %" PRIu32 "\n", c->refused[i].prefix_len, address,
			c->refused[i].refused, c->refused[i].skipped);
	}
}

static void
put_checkpoint(FILE *f, const void *context)
{
	const struct checkpoint *c = context;

	put_head(f, c);
	if (!c->complete) {
		for (size_t i = 0; i < c->setting_count; i++)
			fprintf(f, "setting %s %s\n", c->settings[i].name, c->settings[i].value);
		for (size_t i = 0; i < c->count_count; i++)
			fprintf(f, "count %" PRIu64 " %s\n", c->counts[i].count, c->counts[i].name);
		put_outputs(f, c);
		put_segments(f, "segment", c->segments, c->segment_count);
		put_refused(f, c);
		put_names(f, c);
	}
	fprintf(f, "end\n");
}

int
checkpoint_write(const char *path, const struct checkpoint *c)
{
	return save_file(path, put_checkpoint, c);
}

/* Reading: words of a line, which are cut out of the text. */

struct line {
	char *at; /* what is left of it */
	bool ok;
};

static char *
take_word(struct line *l)
{
	char *word = l->at, *space = strchr(word, ' ');

	l->ok &= *word != '\0' && *word != ' ';
	if (space != NULL)
		*space = '\0';
	l->at = space != NULL ? space + 1 : word + strlen(word);
	return word;
}

/* All that is left, which may hold spaces. */
static char *
take_rest(struct line *l)
{
	char *rest = l->at;

	l->at += strlen(rest);
	return rest;
}

static uint64_t
take_unsigned(struct line *l, int base)
{
	const char *digits = base == 16 ? "0123456789abcdef" : "0123456789", *word = take_word(l);
	unsigned long long value;

	errno = 0;
	value = strtoull(word, NULL, base);
	l->ok &= *word != '\0' && word[strspn(word, digits)] == '\0' && errno == 0;
	return value;
}

static uint64_t
take_number(struct line *l)
{
	return take_unsigned(l, 10);
}

static void
take_digest(struct line *l, char *text, size_t size)
{
	const char *word = take_word(l);

	l->ok &= strlen(word) == size - 1 && word[strspn(word, "0123456789abcdef")] == '\0';
	if (l->ok)
		memcpy(text, word, size);
}

/* Room for one more in a list that grows by powers of two; NULL without memory. */
static void *
grow(void *list, size_t *count, size_t size)
{
	char *grown = list;

	if ((*count & (*count - 1)) == 0)
		grown = reallocarray(list, *count > 0 ? *count * 2 : 1, size);
	if (grown != NULL)
		memset(grown + (*count)++ * size, 0, size);
	return grown;
}

#define ADD(list, count)                                                                           \
	({                                                                                         \
		void *grown_ = grow((list), &(count), sizeof(*(list)));                            \
		if (grown_ != NULL)                                                                \
			(list) = grown_;                                                           \
		grown_ != NULL ? &(list)[(count) - 1] : NULL;                                      \
	})

static int
read_setting(struct checkpoint *c, struct line *l)
{
	struct checkpoint_setting *s = ADD(c->settings, c->setting_count);

	if (s == NULL)
		return -ENOMEM;
	s->name = take_word(l);
	s->value = take_rest(l);
	return 0;
}

static int
read_count(struct checkpoint *c, struct line *l)
{
	struct checkpoint_count *n = ADD(c->counts, c->count_count);

	if (n == NULL)
		return -ENOMEM;
	n->count = take_number(l);
	n->name = take_rest(l);
	return 0;
}

static int
read_output(struct checkpoint *c, struct line *l)
{
	struct checkpoint_output *o = ADD(c->outputs, c->output_count);

	if (o == NULL)
		return -ENOMEM;
	o->rows = take_number(l);
	o->bytes = take_number(l);
	o->name = take_rest(l);
	l->ok &= *o->name != '\0';
	return 0;
}

static int
read_file(struct checkpoint *c, struct line *l)
{
	struct checkpoint_file *f = ADD(c->files, c->file_count);

	if (f == NULL)
		return -ENOMEM;
	l->ok &= c->output_count > 0;
	f->output = c->output_count - 1;
	f->rows = take_number(l);
	f->bytes = take_number(l);
	take_digest(l, f->sha256, sizeof(f->sha256));
	f->name = take_rest(l);
	l->ok &= *f->name != '\0';
	return 0;
}

/* A journal's segment, of one of two lists. */
static int
add_segment(struct checkpoint_segment **list, size_t *count, struct line *l)
{
	struct checkpoint_segment *s = ADD(*list, *count);

	if (s == NULL)
		return -ENOMEM;
	s->number = take_number(l);
	s->bytes = take_number(l);
	s->claimed = take_number(l);
	return 0;
}

static int
read_segment(struct checkpoint *c, struct line *l)
{
	return add_segment(&c->segments, &c->segment_count, l);
}

static int
read_names(struct checkpoint *c, struct line *l)
{
	return add_segment(&c->names, &c->names_count, l);
}

static int
read_gap(struct checkpoint *c, struct line *l)
{
	struct checkpoint_gap *g = ADD(c->gaps, c->gap_count);

	if (g == NULL)
		return -ENOMEM;
	g->first = take_number(l);
	g->end = take_number(l);
	/* In order, and within what was listed. */
	l->ok &= g->first < g->end && g->end <= c->listed &&
		 (c->gap_count == 1 || g[-1].end < g->first);
	return 0;
}

/* A number up to a bound. */
static uint64_t
take_small(struct line *l, uint64_t max)
{
	uint64_t value = take_number(l);

	l->ok &= value <= max;
	return value;
}

static int
read_refused(struct checkpoint *c, struct line *l)
{
	struct checkpoint_refused *r = ADD(c->refused, c->refused_count);
	const char *address;

	if (r == NULL)
		return -ENOMEM;
	r->prefix_len = (uint8_t)take_small(l, 24);
	address = take_word(l);
	r->refused = (uint32_t)take_small(l, UINT32_MAX);
	r->skipped = (uint32_t)take_small(l, UINT32_MAX);
	l->ok &= (r->prefix_len == 16 || r->prefix_len == 24) &&
		 ipv4_parse(address, strlen(address), &r->address) == 0 &&
		 r->address << r->prefix_len == 0;
	return 0;
}

static int
read_name(struct checkpoint *c, struct line *l)
{
	struct checkpoint_name *n = ADD(c->found, c->found_count);

	if (n == NULL)
		return -ENOMEM;
	n->lookup = (uint8_t)take_small(l, UINT8_MAX);
	n->origin = (uint8_t)take_small(l, UINT8_MAX);
	n->wildcard = take_small(l, 1) != 0;
	n->address = (uint32_t)take_small(l, UINT32_MAX);
	n->text = take_word(l);
	return 0;
}

static int
read_state(struct checkpoint *c, struct line *l)
{
	const char *word = take_word(l);

	c->complete = strcmp(word, "complete") == 0;
	l->ok &= c->complete || strcmp(word, "open") == 0;
	return 0;
}

static int
read_id(struct checkpoint *c, struct line *l)
{
	take_digest(l, c->scan_id, sizeof(c->scan_id));
	return 0;
}

static int
read_key(struct checkpoint *c, struct line *l)
{
	c->key[0] = take_unsigned(l, 16);
	c->key[1] = take_unsigned(l, 16);
	return 0;
}

static int
read_coverage(struct checkpoint *c, struct line *l)
{
	c->coverage_found = take_number(l);
	c->coverage_seen = take_number(l);
	return 0;
}

#define READ_NUMBER(member)                                                                        \
	static int read_##member(struct checkpoint *c, struct line *l)                             \
	{                                                                                          \
		c->member = take_number(l);                                                        \
		return 0;                                                                          \
	}
READ_NUMBER(start_wall_ns)
READ_NUMBER(elapsed_ns)
READ_NUMBER(runs)
READ_NUMBER(seed)
READ_NUMBER(floor)
READ_NUMBER(results)
READ_NUMBER(hits)
READ_NUMBER(listed)

static const struct {
	const char *word;
	int (*read)(struct checkpoint *c, struct line *l);
} readers[] = {
	{"state", read_state},     {"scan_id", read_id},         {"start_ns", read_start_wall_ns},
	{"runs", read_runs},       {"elapsed_ns", read_elapsed_ns}, {"seed", read_seed},
	{"key", read_key},         {"floor", read_floor},        {"results", read_results},
	{"hits", read_hits},
	{"coverage", read_coverage}, {"setting", read_setting},  {"count", read_count},
	{"output", read_output},   {"file", read_file},          {"segment", read_segment},
	{"names", read_names},     {"listed", read_listed},      {"gap", read_gap},
	{"name", read_name},       {"refused", read_refused},
};

/* 0, -EINVAL or -ENOMEM. */
static int
read_line(struct checkpoint *c, char *text)
{
	struct line l = {text, true};
	const char *word = take_word(&l);

	for (size_t i = 0; l.ok && i < sizeof(readers) / sizeof(readers[0]); i++) {
		int rc;

		if (strcmp(word, readers[i].word) != 0)
			continue;
		rc = readers[i].read(c, &l);
		return rc != 0 ? rc : l.ok && *l.at == '\0' ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int
read_title(const char *text)
{
	static const char title[] = TITLE;
	const char *version = text + sizeof(title) - 1;

	if (strncmp(text, title, sizeof(title) - 1) != 0)
		return -EINVAL;
	if (version[strspn(version, "0123456789")] != '\0' || *version == '\0')
		return -EINVAL;
	return strcmp(version, "1") == 0 ? 0 : -ENOTSUP;
}

static int
read_lines(struct checkpoint *c, unsigned int *line)
{
	char *at = c->text;

	for (*line = 1;; (*line)++) {
		char *end = strchr(at, '\n');
		int rc;

		if (end == NULL) {
			*line = 0;
			return -EINVAL;
		}
		*end = '\0';
		if (*line > 1 && strcmp(at, "end") == 0)
			return end[1] == '\0' ? 0 : -EINVAL;
		rc = *line == 1 ? read_title(at) : read_line(c, at);
		if (rc != 0)
			return rc;
		at = end + 1;
	}
}

int
checkpoint_parse(const char *text, size_t len, struct checkpoint **out, unsigned int *line)
{
	struct checkpoint *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	*out = NULL;
	*line = 0;
	if (c != NULL)
		c->text = malloc(len + 1);
	if (c != NULL && c->text != NULL) {
		memcpy(c->text, text, len);
		c->text[len] = '\0';
		rc = strlen(c->text) == len ? read_lines(c, line) : -EINVAL;
	}
	if (rc != 0) {
		checkpoint_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int
checkpoint_read(const char *path, struct checkpoint **out, unsigned int *line)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	struct stat st;
	int rc = -errno;

	*line = 0;
	if (f == NULL)
		return rc;
	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_BYTES_MAX)
		rc = -EINVAL;
	else if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		rc = -ENOMEM;
	else
		rc = checkpoint_parse(text, fread(text, 1, (size_t)st.st_size, f), out, line);
	free(text);
	fclose(f);
	return rc;
}

void
checkpoint_free(struct checkpoint *c)
{
	if (c == NULL)
		return;
	free(c->settings);
	free(c->counts);
	free(c->outputs);
	free(c->files);
	free(c->segments);
	free(c->refused);
	free(c->names);
	free(c->gaps);
	free(c->found);
	free(c->text);
	free(c);
}

const char *
checkpoint_setting(const struct checkpoint *c, const char *name)
{
	for (size_t i = 0; i < c->setting_count; i++)
		if (strcmp(c->settings[i].name, name) == 0)
			return c->settings[i].value;
	return NULL;
}
