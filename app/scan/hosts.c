/* SPDX-License-Identifier: BSD-3-Clause */
#include "hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "checkpoint/save.h"
#include "hosts_run.h"
#include "lines/lines.h"
#include "record/json_line.h"
#include "yaml/region.h"

struct host {
	const char *name; /* lower case, without a dot at its end */
	uint16_t port;
	bool has_address;
};

/* What came of one, for a later run. */
struct row {
	uint32_t host;
	uint32_t address;
	bool is_left_out;
};

struct hosts {
	struct region memory;
	struct host *all; /* once resolved: by name */
	size_t count;
	struct row *rows;
	size_t row_count;
	size_t left_out;
	FILE *told; /* records for the scan's outputs; NULL: none */
};

struct hosts *
hosts_new(void)
{
	return calloc(1, sizeof(struct hosts));
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	region_free(&h->memory);
	if (h->told != NULL)
		fclose(h->told);
	free(h->all);
	free(h->rows);
	free(h);
}

size_t
hosts_count(const struct hosts *h)
{
	return h != NULL ? h->count : 0;
}

/* Room for one more in a list that grows by powers of two; NULL without memory. */
static void *
grow(void *list, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return list;
	return reallocarray(list, count > 0 ? 2 * count : 1, size);
}

int
hosts_add(struct hosts *h, const char *name, size_t len, uint16_t port)
{
	struct host *grown = grow(h->all, h->count, sizeof(*grown));
	char *own;

	if (grown == NULL)
		return -ENOMEM;
	h->all = grown;
	if (len > 0 && name[len - 1] == '.')
		len--;
	own = region_copy(&h->memory, name, len);
	if (own == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		if (own[i] >= 'A' && own[i] <= 'Z')
			own[i] = (char)(own[i] + ('a' - 'A'));
	h->all[h->count++] = (struct host){.name = own, .port = port};
	return 0;
}

static int
compare_hosts(const void *a, const void *b)
{
	const struct host *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->port > y->port) - (x->port < y->port);
}

/* The first of a name, or the end. */
static size_t
find(const struct hosts *h, const char *name)
{
	size_t first = 0, end = h->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (strcmp(h->all[middle].name, name) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < h->count && strcmp(h->all[first].name, name) == 0 ? first : h->count;
}

static int
keep_row(struct hosts *h, size_t host, uint32_t address, bool is_left_out)
{
	struct row *grown = grow(h->rows, h->row_count, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	h->rows = grown;
	h->rows[h->row_count++] = (struct row){(uint32_t)host, address, is_left_out};
	h->left_out += is_left_out;
	return 0;
}

/* An address of a name: of each port that the name was listed with. */
static int
take_address(struct hosts *h, const char *name, uint32_t address, hosts_each *each, void *context)
{
	int rc = 0;

	for (size_t i = find(h, name); i < h->count && strcmp(h->all[i].name, name) == 0 && rc == 0; i++) {
		h->all[i].has_address = true;
		rc = each(context, address, h->all[i].port, h->all[i].name);
		if (rc == 0 || rc == HOSTS_LEFT_OUT)
			rc = keep_row(h, i, address, rc == HOSTS_LEFT_OUT);
	}
	return rc;
}

/* One that an earlier run has left out stays so, whatever is excluded by now. */
static int
leave_out(void *context, uint32_t address, uint16_t port, const char *name)
{
	(void)context;
	(void)address;
	(void)port;
	(void)name;
	return HOSTS_LEFT_OUT;
}

/* Reading records back. */

/* The member of an object that stands nested in it, or nothing. */
static struct json_member
member_of(const struct json_member *object, const char *name)
{
	struct json_member m = {.name = name};
	size_t at;

	if (object->type != JSON_NESTED || json_line_read(object->text, object->len, &m, 1, &at) != 0)
		m.type = JSON_ABSENT;
	return m;
}

/* The next object of a list, which moves on: its end is where its braces and strings are. */
static bool
next_object(struct json_member *list, struct json_member *object)
{
	unsigned int depth = 0;
	bool in_string = false;
	size_t start = 0;

	for (size_t i = 0; i < list->len; i++) {
		char c = list->text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && c == '{' && depth++ == 0)
			start = i;
		else if (!in_string && c == '}' && depth > 0 && --depth == 0) {
			*object = (struct json_member){.type = JSON_NESTED, .text = list->text + start,
						       .len = i + 1 - start};
			list->text += i + 1;
			list->len -= i + 1;
			return true;
		}
	}
	return false;
}

static bool
is_word(const struct json_member *m, const char *word)
{
	return m->type == JSON_STRING && m->len == strlen(word) && memcmp(m->text, word, m->len) == 0;
}

/* The addresses of a name that were left out, of rows from one on: each once. */
static void
put_left_out(const struct hosts *h, size_t from)
{
	const char *begin = ",\"excluded\":[", *end = "";
	char text[IPV4_TEXT_SIZE];
	uint32_t last = 0;

	for (size_t i = from; i < h->row_count; i++) {
		/* 0.0.0.0 is nobody's; those of several ports stand side by side. */
		if (!h->rows[i].is_left_out || h->rows[i].address == last)
			continue;
		last = h->rows[i].address;
		ipv4_format(last, text);
		fprintf(h->told, "%s\"%s\"", begin, text);
		begin = ",";
		end = "]";
	}
	fprintf(h->told, "%s}\n", end);
}

/* The record of a lookup as the scan has it: whose name it is, and which of its addresses are no targets. */
static void
tell_record(const struct hosts *h, const struct json_member *record, size_t rows_before)
{
	struct json_member origin = member_of(record, "origin");
	const char *behind = origin.text + origin.len;

	if (h->told == NULL || origin.type != JSON_STRING)
		return;
	fwrite(record->text, 1, (size_t)(origin.text - record->text), h->told);
	fprintf(h->told, "target%.*s", (int)(record->text + record->len - 1 - behind), behind);
	put_left_out(h, rows_before);
}

/* A record of a lookup: each A record among its answers, whatever aliases led there. */
static int
take_record(struct hosts *h, const char *line, size_t len, hosts_each *each, void *context)
{
	struct json_member record = {.type = JSON_NESTED, .text = line, .len = len}, answer;
	struct json_member name = member_of(&record, "name"), results = member_of(&record, "results");
	struct json_member a = member_of(&results, "A"), data = member_of(&a, "data");
	struct json_member answers = member_of(&data, "answers");
	size_t rows_before = h->row_count;
	char text[256];
	int rc = 0;

	if (name.type != JSON_STRING || name.len >= sizeof(text))
		return 0;
	memcpy(text, name.text, name.len);
	text[name.len] = '\0';
	while (answers.type == JSON_NESTED && rc == 0 && next_object(&answers, &answer)) {
		struct json_member type = member_of(&answer, "type"), value = member_of(&answer, "answer");
		uint32_t address;

		if (is_word(&type, "A") && value.type == JSON_STRING &&
		    ipv4_parse(value.text, value.len, &address) == 0)
			rc = take_address(h, text, address, each, context);
	}
	tell_record(h, &record, rows_before);
	return rc;
}

/* A file without a name, from its beginning. */
static int
open_unnamed(int fd, struct lines **lines)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return lines_open(path, lines);
}

static int
read_records(struct hosts *h, int out, hosts_each *each, void *context)
{
	struct lines *lines;
	const char *line;
	size_t len;
	int rc = open_unnamed(out, &lines), done = 0;

	if (rc != 0)
		return rc;
	while (done == 0 && (rc = lines_next(lines, &line, &len)) > 0)
		done = take_record(h, line, len, each, context);
	lines_close(lines);
	return done != 0 ? done : rc;
}

/* Each name once, with whatever ports. */
static void
put_names(FILE *f, const void *context)
{
	const struct hosts *h = context;

	for (size_t i = 0; i < h->count; i++)
		if (i == 0 || strcmp(h->all[i].name, h->all[i - 1].name) != 0)
			fprintf(f, "%s\n", h->all[i].name);
}

static bool
wants_records(const struct job *job)
{
	unsigned int kinds = 0;

	for (size_t i = 0; i < job->output_count; i++)
		kinds |= job->outputs[i].records;
	return (kinds & JOB_RECORD_DNS) != 0;
}

static int
take_records(struct hosts *h, const struct job *job, int out, hosts_each *each, void *context)
{
	int fd = wants_records(job) ? memfd_create("told", MFD_CLOEXEC) : -1, rc;

	h->told = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (wants_records(job) && h->told == NULL)
		return -ENOMEM;
	rc = read_records(h, out, each, context);
	if (rc == 0 && h->told != NULL && (fflush(h->told) != 0 || ferror(h->told)))
		rc = -ENOMEM;
	return rc;
}

static int
ask(struct hosts *h, const struct job *job, const struct gate *gate, const struct hosts_how *how,
    hosts_each *each, void *context)
{
	const struct hosts_run run = {.job = job, .gate = gate, .how = how, .put_names = put_names, .names = h};
	int out, rc;

	fprintf(stderr, "asdic: %s: looking up the targets' %zu names first\n", job->name, h->count);
	rc = hosts_run(&run, &out);
	if (rc != 0)
		return rc;
	rc = take_records(h, job, out, each, context);
	close(out);
	return rc;
}

/* "address,name", as hosts_keep() has left them; behind a '#', one that was left out. */
static int
read_kept(struct hosts *h, const char *path, hosts_each *each, void *context)
{
	struct lines *lines;
	const char *line;
	size_t len;
	int rc = lines_open(path, &lines), done = 0;

	while (rc == 0 && done == 0 && lines_next(lines, &line, &len) > 0) {
		bool is_left_out = len > 0 && line[0] == '#';
		const char *comma = memchr(line, ',', len);
		char name[256];
		uint32_t address;

		line += is_left_out;
		len -= is_left_out;

		if (comma == NULL || ipv4_parse(line, (size_t)(comma - line), &address) != 0 ||
		    len - (size_t)(comma - line) > sizeof(name)) {
			done = -EINVAL;
			break;
		}
		memcpy(name, comma + 1, len - (size_t)(comma - line) - 1);
		name[len - (size_t)(comma - line) - 1] = '\0';
		done = take_address(h, name, address, is_left_out ? leave_out : each, context);
	}
	if (rc == 0)
		lines_close(lines);
	return rc != 0 ? rc : done;
}

int
hosts_resolve(struct hosts *h, const struct job *job, const struct gate *gate, const struct hosts_how *how,
	      hosts_each *each, void *context)
{
	qsort(h->all, h->count, sizeof(*h->all), compare_hosts);
	if (how->kept != NULL)
		return read_kept(h, how->kept, each, context);
	return ask(h, job, gate, how, each, context);
}

int
hosts_records(const struct hosts *h, hosts_line *put, void *context)
{
	struct lines *lines;
	const char *line;
	size_t len;
	int rc;

	if (h == NULL || h->told == NULL)
		return 0;
	rc = open_unnamed(fileno(h->told), &lines);
	if (rc != 0)
		return rc;
	while ((rc = lines_next(lines, &line, &len)) > 0)
		put(context, line, len);
	lines_close(lines);
	return rc;
}

size_t
hosts_without_address(const struct hosts *h)
{
	size_t without = 0;

	for (size_t i = 0; i < h->count; i++)
		without += !h->all[i].has_address;
	return without;
}

size_t
hosts_left_out(const struct hosts *h)
{
	return h->left_out;
}

/* A name that is listed with several ports stands once for each address. */
static void
put_rows(FILE *f, const void *context)
{
	const struct hosts *h = context;

	for (size_t i = 0; i < h->row_count; i++) {
		const struct row *r = &h->rows[i];
		char text[IPV4_TEXT_SIZE];

		if (r->host > 0 && strcmp(h->all[r->host].name, h->all[r->host - 1].name) == 0)
			continue;
		ipv4_format(r->address, text);
		fprintf(f, "%s%s,%s\n", r->is_left_out ? "#" : "", text, h->all[r->host].name);
	}
}

int
hosts_keep(const struct hosts *h, const char *path)
{
	return save_file(path, put_rows, h);
}
