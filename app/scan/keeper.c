/* SPDX-License-Identifier: BSD-3-Clause */
#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "job/job.h"
#include "quest.h"
#include "schedule/epochs.h"
#include "sys/sys.h"

/* A save takes as long as the disk does; it may take a tenth of the writer's time. */
#define SAVE_PERIOD_NS (2 * NS_PER_SEC)
#define SAVE_SHARE 10

struct keeper {
	const struct keeper_paths *paths;
	const struct checkpoint *base;
	struct keeper_view view;
	struct quest *quest; /* NULL: the job looks nothing up */
	struct epochs epochs;
	uint64_t sure; /* positions below it were not probed in vain, and what came of it is written */
	struct journal *journal;
	uint64_t highest;      /* no reply that was noted is of a position from here on, so far as is known */
	uint64_t next_save_ns; /* of the monotonic clock */
	bool told;             /* of a save that failed */
};

int
keeper_paths_make(struct keeper_paths *p, const char *checkpoint)
{
	memset(p, 0, sizeof(*p));
	p->checkpoint = strdup(checkpoint);
	if (asprintf(&p->journal, "%s.keys", checkpoint) < 0)
		p->journal = NULL;
	if (asprintf(&p->exclusions, "%s.exclusions", checkpoint) < 0)
		p->exclusions = NULL;
	if (asprintf(&p->hosts, "%s.hosts", checkpoint) < 0)
		p->hosts = NULL;
	if (asprintf(&p->names, "%s.names", checkpoint) < 0)
		p->names = NULL;
	return p->checkpoint != NULL && p->journal != NULL && p->exclusions != NULL && p->names != NULL && p->hosts != NULL
		       ? 0 : -ENOMEM;
}

void
keeper_paths_free(struct keeper_paths *p)
{
	free(p->checkpoint);
	free(p->journal);
	free(p->exclusions);
	free(p->names);
	free(p->hosts);
}

int
keeper_new(const struct keeper_paths *paths, const struct checkpoint *base, uint64_t end,
	   uint64_t cooldown_ns, void (*each)(void *context, const struct journal_key *key),
	   void *context, struct keeper **out)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int rc = -ENOMEM;

	*out = NULL;
	if (k == NULL)
		return rc;
	k->paths = paths;
	k->base = base;
	epochs_init(&k->epochs, base->floor, end, cooldown_ns);
	k->journal = journal_new(paths->journal);
	if (k->journal != NULL)
		rc = journal_resume(k->journal, base->segments, base->segment_count, each, context);
	if (rc != 0) {
		keeper_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	journal_free(k->journal);
	free(k);
}

void
keeper_start(struct keeper *k, const struct keeper_view *view, struct quest *quest)
{
	k->view = *view;
	k->quest = quest;
	k->sure = k->base->floor;
	k->next_save_ns = 0;
}

void
keeper_note(struct keeper *k, const struct record_scan *r)
{
	struct journal_key key = {r->reply.address, r->reply.port, r->reply.kind, r->news};

	if (r->news == 0)
		return;
	journal_add(k->journal, &key);
	/* Replies to what an earlier run sent may be of positions that this one has not come to. */
	if (r->position >= k->highest)
		k->highest = r->position + 1;
}

uint64_t
keeper_watermark(const struct keeper *k)
{
	return k->view.seen_ns(k->view.context);
}

void
keeper_seen(struct keeper *k, uint64_t seen_ns)
{
	uint64_t since_ns, sure = k->view.sure(k->view.context, &since_ns);

	epochs_seen(&k->epochs, seen_ns);
	if (sure > k->sure && (since_ns == 0 || seen_ns >= since_ns + k->epochs.cooldown_ns))
		k->sure = sure;
}

/* Positions below it need never be looked at again. */
static uint64_t
over(const struct keeper *k)
{
	return k->epochs.floor < k->sure ? k->epochs.floor : k->sure;
}

bool
keeper_is_due(struct keeper *k)
{
	uint64_t floor = k->view.floor(k->view.context);

	/* The time after the floor: by then it was true. */
	epochs_note(&k->epochs, k->view.now_ns(k->view.context), floor);
	return sys_now_ns(CLOCK_MONOTONIC) >= k->next_save_ns;
}

/* Of an output's files those that are done, and where it is in the one that is not. */
static size_t
take_marks(struct checkpoint *c, const struct output_mark *marks, unsigned int count)
{
	size_t files = 0;

	for (unsigned int i = 0; i < count; i++) {
		c->outputs[i] = (struct checkpoint_output){marks[i].name, marks[i].rows, marks[i].bytes};
		for (size_t k = 0; k < marks[i].file_count; k++) {
			const struct output_file *from = &marks[i].files[k];
			struct checkpoint_file *to = &c->files[files++];

			*to = (struct checkpoint_file){
				.name = from->name, .rows = from->rows, .bytes = from->bytes, .output = i};
			memcpy(to->sha256, from->sha256, sizeof(to->sha256));
		}
	}
	c->output_count = count;
	return files;
}

static uint64_t
count_before(const struct checkpoint *base, const char *name)
{
	for (size_t i = 0; i < base->count_count; i++)
		if (strcmp(base->counts[i].name, name) == 0)
			return base->counts[i].count;
	return 0;
}

/* The ledgers of the runs before, and of this one. */
static void
take_counts(const struct keeper *k, struct checkpoint_count counts[LEDGER_TERMS])
{
	struct ledger now = {0};

	k->view.ledger(k->view.context, &now);
	for (unsigned int i = 0; i < LEDGER_TERMS; i++) {
		const char *name = ledger_term_name(i);

		counts[i] = (struct checkpoint_count){name, now.count[i] + count_before(k->base, name)};
	}
}

/* More could be told, but for a scan that half the Internet refuses. */
#define REFUSED_MAX (1 << 20)

/* Networks that are slowed or left out; freed by the caller. 0 or -ENOMEM. */
static int
take_refused(const struct keeper *k, struct checkpoint *c)
{
	const struct refusals *r = k->view.refusals;
	struct refusals_network n;
	uint32_t at = 0;
	size_t room = 0;

	c->refused = NULL;
	c->refused_count = 0;
	while (r != NULL && c->refused_count < REFUSED_MAX &&
	       refusals_next(r, REFUSALS_HALF, &at, &n) == 0) {
		if (c->refused_count == room) {
			struct checkpoint_refused *grown;

			room = room > 0 ? 2 * room : 64;
			grown = reallocarray(c->refused, room, sizeof(*grown));
			if (grown == NULL)
				return -ENOMEM;
			c->refused = grown;
		}
		c->refused[c->refused_count++] =
			(struct checkpoint_refused){n.address, n.prefix_len, n.refused, n.skipped};
	}
	return 0;
}

static int
write_checkpoint(struct keeper *k, const struct output_mark *marks, unsigned int count,
		 const struct keeper_totals *totals, struct checkpoint_file *files)
{
	struct checkpoint_output outputs[JOB_OUTPUTS_MAX];
	struct checkpoint_count counts[LEDGER_TERMS];
	struct checkpoint c = *k->base;
	uint64_t claimed = k->view.claimed(k->view.context);
	int rc;

	claimed = claimed > k->highest ? claimed : k->highest;
	rc = journal_sync(k->journal, claimed, over(k));
	if (rc == 0 && k->quest != NULL)
		rc = quest_save(k->quest, &c);
	if (rc != 0)
		return rc;
	c.outputs = outputs;
	c.files = files;
	c.counts = counts;
	c.count_count = LEDGER_TERMS;
	c.file_count = take_marks(&c, marks, count);
	take_counts(k, counts);
	c.elapsed_ns = k->base->elapsed_ns + k->view.now_ns(k->view.context);
	c.floor = over(k);
	c.results = totals->results;
	c.hits = totals->hits;
	c.coverage_found = totals->coverage_found;
	c.coverage_seen = totals->coverage_seen;
	c.segments = journal_segments(k->journal, &c.segment_count);
	rc = take_refused(k, &c);
	if (rc == 0)
		rc = checkpoint_write(k->paths->checkpoint, &c);
	free(c.refused);
	if (rc == 0)
		journal_sweep(k->journal);
	if (rc == 0 && k->quest != NULL)
		quest_saved(k->quest);
	return rc;
}

static void
tell(struct keeper *k, int rc)
{
	if (rc != 0 && !k->told)
		fprintf(stderr, "asdic: cannot write the checkpoint '%s': %s; the scan goes on, and could be "
			"resumed from where the last one was written\n", k->paths->checkpoint, strerror(-rc));
	k->told = rc != 0;
}

int
keeper_save(struct keeper *k, const struct output_mark *marks, unsigned int count,
	    const struct keeper_totals *totals)
{
	uint64_t begin_ns = sys_now_ns(CLOCK_MONOTONIC), end_ns;
	struct checkpoint_file *list;
	size_t files = 1;
	int rc = -ENOMEM;

	for (unsigned int i = 0; i < count; i++)
		files += marks[i].file_count;
	list = calloc(files, sizeof(*list));
	if (list != NULL)
		rc = write_checkpoint(k, marks, count, totals, list);
	free(list);
	end_ns = sys_now_ns(CLOCK_MONOTONIC);
	/* Soon after the first, which comes before there is anything, the second. */
	k->next_save_ns = end_ns + (k->next_save_ns == 0 ? SAVE_PERIOD_NS / 4 : SAVE_PERIOD_NS);
	if ((end_ns - begin_ns) * SAVE_SHARE > SAVE_PERIOD_NS)
		k->next_save_ns = end_ns + (end_ns - begin_ns) * SAVE_SHARE;
	tell(k, rc);
	return rc;
}

int
keeper_complete(struct keeper *k)
{
	struct checkpoint c = *k->base;
	int rc;

	c.complete = true;
	c.elapsed_ns += k->view.now_ns(k->view.context);
	rc = checkpoint_write(k->paths->checkpoint, &c);
	tell(k, rc);
	if (rc != 0)
		return rc;
	journal_remove(k->journal);
	if (k->quest != NULL)
		quest_remove(k->quest);
	unlink(k->paths->exclusions);
	unlink(k->paths->hosts);
	return 0;
}
