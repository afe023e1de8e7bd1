/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"

/* What a template may name besides tags, in the order of enum own. */
static const char *const own_names[] = {"name", "start", "shard"};

enum own { OWN_NAME, OWN_START, OWN_SHARD, OWN_COUNT };

static enum own
find_own(const char *name, size_t len)
{
	unsigned int i = 0;

	while (i < OWN_COUNT && (strlen(own_names[i]) != len || memcmp(own_names[i], name, len) != 0))
		i++;
	return (enum own)i;
}

bool
template_is_own(const char *name)
{
	return find_own(name, strlen(name)) != OWN_COUNT;
}

static const struct job_tag *
find_tag(const struct job *job, const char *name, size_t len)
{
	for (size_t i = 0; i < job->tags.count; i++)
		if (strlen(job->tags.items[i].name) == len &&
		    memcmp(job->tags.items[i].name, name, len) == 0)
			return &job->tags.items[i];
	return NULL;
}

/* A value that stays within its folder, and needs no quoting anywhere. */
static bool
fits_name(const char *value)
{
	const char *at = value;

	while (isascii(*at) && (isalnum((unsigned char)*at) || (*at != '\0' && strchr("._-", *at) != NULL)))
		at++;
	return *at == '\0' && at != value;
}

static void
note_nearer(const char *name, const char *candidate, unsigned int *best, const char **meant)
{
	unsigned int distance = near_distance(name, candidate);

	if (distance >= *best || !near_is_likely(name, distance))
		return;
	*best = distance;
	*meant = candidate;
}

static void
tell_unknown(struct reader *r, const char *name, struct diag_place place)
{
	unsigned int best = NEAR_WORD_MAX;
	const char *meant = NULL;

	for (size_t i = 0; i < OWN_COUNT; i++)
		note_nearer(name, own_names[i], &best, &meant);
	for (size_t i = 0; i < r->job->tags.count; i++)
		note_nearer(name, r->job->tags.items[i].name, &best, &meant);
	if (meant != NULL)
		diag_add(r->diag, place, "unknown name {%s}; did you mean {%s}?", name, meant);
	else
		diag_add(r->diag, place,
			 "unknown name {%s}; write {name}, {start}, {shard} or the name of a tag", name);
}

static void
check_name(struct reader *r, const char *name, size_t len, struct diag_place place)
{
	const struct job_tag *tag = find_tag(r->job, name, len);
	char shown[NEAR_WORD_MAX + 1];

	if (find_own(name, len) != OWN_COUNT)
		return;
	snprintf(shown, sizeof(shown), "%.*s", (int)(len < NEAR_WORD_MAX ? len : NEAR_WORD_MAX), name);
	if (tag == NULL)
		tell_unknown(r, shown, place);
	else if (!fits_name(tag->value))
		diag_add(r->diag, place,
			 "the tag '%s' is '%s', which does not fit a file's name; write letters, digits, "
			 "'.', '_' or '-'",
			 shown, tag->value);
}

void
template_check(struct reader *r, const char *template, struct diag_place place)
{
	for (const char *open = strchr(template, '{'); open != NULL; open = strchr(open, '{')) {
		const char *close = strchr(++open, '}');

		if (close == NULL) {
			diag_add(r->diag, place, "'%s' has a '{' without its '}'; close it", template);
			return;
		}
		check_name(r, open, (size_t)(close - open), place);
		open = close;
	}
}

/* What {name} stands for; room has the space of a shard. */
static const char *
value_of(const struct job *job, const char *name, size_t len, const char *start, char room[24])
{
	const struct job_tag *tag;

	switch (find_own(name, len)) {
	case OWN_NAME:
		return job->name;
	case OWN_START:
		return start;
	case OWN_SHARD:
		snprintf(room, 24, "%uof%u", job->order.shard, job->order.shards);
		return room;
	case OWN_COUNT:
		break;
	}
	tag = find_tag(job, name, len);
	return tag != NULL ? tag->value : "";
}

int
job_file_name(const struct job *job, const struct job_output *output, const char *start,
	      char name[JOB_FILE_NAME_SIZE])
{
	const char *at = output->file.text;
	size_t used = 0;

	while (*at != '\0') {
		char room[24];
		const char *piece = at;
		size_t len = strcspn(at, "{");

		if (len == 0) {
			len = strcspn(at, "}");
			piece = value_of(job, at + 1, len - 1, start, room);
			at += len + 1;
			len = strlen(piece);
		} else {
			at += len;
		}
		if (len >= JOB_FILE_NAME_SIZE - used)
			return -ENAMETOOLONG;
		memcpy(name + used, piece, len);
		used += len;
	}
	name[used] = '\0';
	return 0;
}
