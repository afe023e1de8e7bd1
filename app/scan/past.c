/* SPDX-License-Identifier: BSD-3-Clause */
#include "past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "commands.h"
#include "request.h"
#include "settings.h"

/* In the checkpoint's name, for the time that the files' names may have in them. */
#define ANY_START "start"

static int
out_of_memory(void)
{
	fprintf(stderr, "asdic: out of memory\n");
	return EXIT_MACHINE;
}

/* Beside the first output that is a file of the scan's own. */
static int
default_path(const struct job *job, char name[JOB_FILE_NAME_SIZE + 16], bool *found)
{
	*found = false;
	for (size_t i = 0; i < job->output_count && !*found; i++) {
		struct stat st;

		if (job_file_name(job, &job->outputs[i], ANY_START, name) != 0)
			return -ENAMETOOLONG;
		*found = strcmp(name, "-") != 0 && (stat(name, &st) != 0 || S_ISREG(st.st_mode));
	}
	if (*found)
		strcat(name, ".checkpoint");
	return 0;
}

static int
find_paths(struct past *p, const struct request *r)
{
	char name[JOB_FILE_NAME_SIZE + 16];
	bool found = true;

	if (r->flags.checkpoint_file != NULL) {
		if (strlen(r->flags.checkpoint_file) >= JOB_FILE_NAME_SIZE)
			return -ENAMETOOLONG;
		strcpy(name, r->flags.checkpoint_file);
	} else if (default_path(r->job, name, &found) != 0) {
		return 0; /* the outputs' names are told later */
	}
	p->is_kept = found;
	return found ? keeper_paths_make(&p->paths, name) : 0;
}

/* "192.0.2.0-192.0.2.255", and " link" behind those of the link. */
static bool
read_range(const char *line, struct ipv4_range *out, bool *on_link)
{
	const char *dash = strchr(line, '-'), *end;

	if (dash == NULL)
		return false;
	end = dash + 1 + strcspn(dash + 1, " \n");
	*on_link = strcmp(end, " link\n") == 0;
	return (*on_link || strcmp(end, "\n") == 0) &&
	       ipv4_parse(line, (size_t)(dash - line), &out->first) == 0 &&
	       ipv4_parse(dash + 1, (size_t)(end - dash - 1), &out->last) == 0 &&
	       out->first <= out->last;
}

static int
read_exclusions(struct past *p)
{
	FILE *f = fopen(p->paths.exclusions, "re");
	char line[64];
	bool on_link = false;
	size_t room = 0;
	int rc = f == NULL ? -errno : 0;

	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (p->excluded_count == room) {
			struct ipv4_range *grown;

			room = room > 0 ? 2 * room : 64;
			grown = reallocarray(p->excluded, room, sizeof(*grown));
			if (grown == NULL)
				rc = -ENOMEM;
			else
				p->excluded = grown;
		}
		if (rc == 0 && !read_range(line, &p->excluded[p->excluded_count++], &on_link))
			rc = -EINVAL;
		p->on_link += on_link;
	}
	if (f != NULL)
		fclose(f);
	return rc;
}

static int
tell_unreadable(const struct past *p, int rc, unsigned int line)
{
	const char *path = p->paths.checkpoint;

	if (rc == -ENOMEM)
		return out_of_memory();
	if (rc == -ENOENT)
		fprintf(stderr, "asdic: there is no checkpoint '%s' to go on from; leave --resume out to begin, "
			"or name the checkpoint by --checkpoint\n", path);
	else if (rc == -ENOTSUP)
		fprintf(stderr, "asdic: '%s' is of another version of asdic; go on with that, or begin anew with "
			"--force\n", path);
	else if (rc == -EINVAL && line > 0)
		fprintf(stderr, "asdic: %s:%u: is no line of a checkpoint; begin anew with --force\n", path, line);
	else if (rc == -EINVAL)
		fprintf(stderr, "asdic: '%s' is no whole checkpoint; begin anew with --force\n", path);
	else
		fprintf(stderr, "asdic: cannot read the checkpoint '%s': %s\n", path, strerror(-rc));
	return EXIT_BAD_JOB;
}

static int
load_run(struct past *p, bool *is_complete)
{
	unsigned int line;
	int rc = checkpoint_read(p->paths.checkpoint, &p->checkpoint, &line);

	if (rc != 0)
		return tell_unreadable(p, rc, line);
	*is_complete = p->checkpoint->complete;
	if (*is_complete) {
		fprintf(stderr, "asdic: the scan of '%s' is complete: nothing is left to do\n",
			p->paths.checkpoint);
		return EXIT_DONE;
	}
	rc = read_exclusions(p);
	p->inputs = (struct inputs_past){
		.excluded = p->excluded,
		.excluded_count = p->excluded_count,
		.seed = p->checkpoint->seed,
		.key = {p->checkpoint->key[0], p->checkpoint->key[1]},
	};
	if (rc == 0)
		return EXIT_DONE;
	fprintf(stderr, "asdic: cannot go on without '%s': %s; begin anew with --force\n",
		p->paths.exclusions, strerror(-rc));
	return EXIT_BAD_JOB;
}

int
past_load(struct past *p, const struct request *r, bool *is_complete)
{
	int rc = find_paths(p, r);

	*is_complete = false;
	if (rc != 0)
		return rc == -ENOMEM ? out_of_memory() : EXIT_BAD_JOB;
	if (!r->flags.resume)
		return EXIT_DONE;
	if (p->is_kept)
		return load_run(p, is_complete);
	fprintf(stderr, "asdic: a scan to standard output alone leaves no checkpoint, so there is nothing to "
		"go on from; name one by --checkpoint from the first run on\n");
	return EXIT_BAD_JOB;
}

void
past_free(struct past *p)
{
	keeper_paths_free(&p->paths);
	checkpoint_free(p->checkpoint);
	free(p->excluded);
}

/* Whether the gate denies all of a range; else an address that it does not. */
static bool
is_denied(const struct gate *g, struct ipv4_range range, uint32_t *missing)
{
	uint64_t first, end = 0;

	*missing = range.first;
	if (gate_next_span(g, range.first, &first, &end) != 0 || first > range.first)
		return false;
	*missing = (uint32_t)end;
	return end > range.last;
}

/* No exclusion may have gone: its targets have no positions. */
static bool
has_all_exclusions(const struct past *p, const struct inputs *in)
{
	bool has_all = true;

	for (size_t i = 0; i < p->excluded_count - p->on_link && has_all; i++) {
		char text[IPV4_TEXT_SIZE];
		uint32_t missing;

		if (is_denied(in->gate, p->excluded[i], &missing))
			continue;
		ipv4_format(missing, text);
		fprintf(stderr, "asdic: '%s' is of another job: %s was excluded and is not any more\n",
			p->paths.checkpoint, text);
		has_all = false;
	}
	return has_all;
}

static bool
was_excluded(const struct past *p, struct ipv4_range range)
{
	for (size_t i = 0; i < p->excluded_count; i++)
		if (p->excluded[i].first <= range.first && p->excluded[i].last >= range.last)
			return true;
	return false;
}

/* What another interface has on its link is in the table: the gate stops it. */
static int
deny_new_links(const struct past *p, struct inputs *in)
{
	int rc = 0;

	for (size_t i = 0; i < in->onlink_count && rc == 0; i++) {
		char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE], text[2 * IPV4_TEXT_SIZE + 2];
		int n;

		if (was_excluded(p, in->onlink[i]))
			continue;
		ipv4_format(in->onlink[i].first, first);
		ipv4_format(in->onlink[i].last, last);
		n = snprintf(text, sizeof(text), "%s-%s", first, last);
		rc = gate_deny(in->gate, text, (size_t)n);
	}
	return rc;
}

/* Whether the settings are what they were; each that is not is told. */
static bool
has_same_settings(const struct past *p, const struct settings *now)
{
	const struct checkpoint *was = p->checkpoint;
	bool same = true;

	for (size_t i = 0; i < now->count; i++) {
		const char *name = now->items[i].name, *value = now->items[i].value;
		const char *old = checkpoint_setting(was, name);

		if (old != NULL && strcmp(old, value) == 0)
			continue;
		same = false;
		if (old != NULL)
			fprintf(stderr, "asdic: '%s' is of another job: %s was '%s' and is '%s'\n",
				p->paths.checkpoint, name, old, value);
		else
			fprintf(stderr, "asdic: '%s' is of another job: %s is new: '%s'\n",
				p->paths.checkpoint, name, value);
	}
	for (size_t i = 0; i < was->setting_count; i++) {
		if (settings_find(now, was->settings[i].name) != NULL)
			continue;
		same = false;
		fprintf(stderr, "asdic: '%s' is of another job: %s was '%s' and is gone\n",
			p->paths.checkpoint, was->settings[i].name, was->settings[i].value);
	}
	return same;
}

static int
check_job(const struct past *p, struct request *r)
{
	struct settings now;
	int rc = settings_make(&now, r);
	bool same = false;

	if (rc == 0) {
		same = has_same_settings(p, &now);
		same = has_all_exclusions(p, &r->inputs) && same;
	}
	settings_free(&now);
	if (rc == 0 && same)
		rc = deny_new_links(p, &r->inputs);
	if (rc != 0)
		return out_of_memory();
	if (same && (p->checkpoint->floor < r->inputs.span.first || p->checkpoint->floor > r->inputs.span.end ||
		     p->checkpoint->output_count != r->job->output_count)) {
		fprintf(stderr, "asdic: '%s' contradicts itself; begin anew with --force\n", p->paths.checkpoint);
		return EXIT_BAD_JOB;
	}
	if (same) {
		r->inputs.span.first = p->checkpoint->floor;
		return EXIT_DONE;
	}
	fprintf(stderr, "asdic: resume the job that it is of, or begin this one anew with --force; only the rate, "
		"limits, lcores, the device and more exclusions may be new\n");
	return EXIT_BAD_JOB;
}

/* A scan that could be gone on with is nothing to overwrite unasked. */
static int
check_nothing_in_the_way(const struct past *p, const struct request *r)
{
	struct checkpoint *other = NULL;
	unsigned int line;
	bool open;

	if (!p->is_kept || r->flags.force)
		return EXIT_DONE;
	if (checkpoint_read(p->paths.checkpoint, &other, &line) == -ENOENT)
		return EXIT_DONE;
	open = other == NULL || !other->complete;
	checkpoint_free(other);
	if (!open)
		return EXIT_DONE;
	fprintf(stderr, "asdic: '%s' is of a scan that was not finished; go on with it by --resume, name another "
		"file, or begin anew with --force\n", p->paths.checkpoint);
	return EXIT_BAD_JOB;
}

int
past_check(const struct past *p, struct request *r)
{
	return p->checkpoint != NULL ? check_job(p, r) : check_nothing_in_the_way(p, r);
}

static void
put_range(FILE *f, uint32_t first, uint32_t last, const char *mark)
{
	char a[IPV4_TEXT_SIZE], b[IPV4_TEXT_SIZE];

	ipv4_format(first, a);
	ipv4_format(last, b);
	fprintf(f, "%s-%s%s\n", a, b, mark);
}

static void
put_exclusions(FILE *f, const void *context)
{
	const struct inputs *in = context;
	uint64_t first, end = 0;

	while (gate_next_span(in->gate, end, &first, &end) == 0)
		put_range(f, (uint32_t)first, (uint32_t)(end - 1), "");
	for (size_t i = 0; i < in->onlink_count; i++)
		put_range(f, in->onlink[i].first, in->onlink[i].last, " link");
}

static void
forget_key(void *context, const struct journal_key *key)
{
	(void)context;
	(void)key;
}

/* With --force another scan's checkpoint may be in the way: its journal goes. */
static void
forget_another(const struct past *p)
{
	struct checkpoint *other = NULL;
	struct journal *j = journal_new(p->paths.journal);
	unsigned int line;

	if (j != NULL && checkpoint_read(p->paths.checkpoint, &other, &line) == 0 &&
	    journal_resume(j, other->segments, other->segment_count, forget_key, NULL) == 0)
		journal_remove(j);
	journal_free(j);
	j = journal_new(p->paths.names);
	if (j != NULL && other != NULL &&
	    journal_resume(j, other->names, other->names_count, forget_key, NULL) == 0)
		journal_remove(j);
	checkpoint_free(other);
	journal_free(j);
}

static int
begin_first(const struct past *p, const struct request *r, const char *scan_id, uint64_t start_wall_ns,
	    struct checkpoint *base)
{
	const struct inputs *in = &r->inputs;
	struct settings settings;
	const char *path;
	int rc = settings_make(&settings, r);

	base->settings = settings.items;
	base->setting_count = settings.count;
	if (rc != 0)
		return out_of_memory();
	snprintf(base->scan_id, sizeof(base->scan_id), "%s", scan_id);
	base->start_wall_ns = start_wall_ns;
	base->seed = in->seed;
	base->key[0] = in->key.k0;
	base->key[1] = in->key.k1;
	base->floor = in->span.first;
	base->runs = 1;
	if (!p->is_kept)
		return EXIT_DONE;
	forget_another(p);
	path = p->paths.exclusions;
	rc = save_file(path, put_exclusions, in);
	if (rc == 0 && hosts_count(in->hosts) > 0) {
		path = p->paths.hosts;
		rc = hosts_keep(in->hosts, path);
	}
	if (rc == 0)
		return EXIT_DONE;
	fprintf(stderr, "asdic: cannot write '%s', which a scan needs to be resumed: %s; name another place by "
		"--checkpoint\n", path, strerror(-rc));
	return rc == -ENOENT || rc == -ENOTDIR ? EXIT_BAD_JOB : EXIT_FAILED;
}

int
past_begin(const struct past *p, const struct request *r, const char *scan_id, uint64_t start_wall_ns,
	   struct checkpoint *base)
{
	memset(base, 0, sizeof(*base));
	if (p->checkpoint == NULL)
		return begin_first(p, r, scan_id, start_wall_ns, base);
	*base = *p->checkpoint;
	base->runs++;
	return EXIT_DONE;
}

void
past_base_free(const struct past *p, struct checkpoint *base)
{
	struct settings settings = {base->settings, base->setting_count};

	if (p->checkpoint == NULL)
		settings_free(&settings);
}
