/* SPDX-License-Identifier: BSD-3-Clause */
#include "status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "asked.h"
#include "base/time.h"
#include "sys/sys.h"

static const char header[] =
	"real-time,time-elapsed,time-remaining,percent-complete,hit-rate,active-send-threads,"
	"sent-total,sent-last-one-sec,sent-avg-per-sec,"
	"recv-success-total,recv-success-last-one-sec,recv-success-avg-per-sec,"
	"recv-total,recv-total-last-one-sec,recv-total-avg-per-sec,"
	"pcap-drop-total,drop-last-one-sec,drop-avg-per-sec,"
	"sendto-fail-total,sendto-fail-last-one-sec,sendto-fail-avg-per-sec";

static const char header_of_names[] =
	",dns-lookups-total,dns-lookups-last-one-sec,dns-lookups-avg-per-sec,"
	"dns-queries-total,dns-queries-last-one-sec,dns-queries-avg-per-sec,"
	"dns-in-flight,dns-success-percent,dns-timeout-total,dns-servfail-total,"
	"dns-resolvers-good,dns-resolvers-silent,dns-resolvers-lying";

/* Whether there is nothing to lose: no file, or a device or FIFO, or leave to overwrite. */
static int
open_flags(const char *path, bool force, bool go_on)
{
	struct stat st;
	bool stream = stat(path, &st) == 0 && !S_ISREG(st.st_mode);

	return O_WRONLY | O_CLOEXEC | O_APPEND | (stream ? 0 : O_CREAT | (go_on ? 0 : force ? O_TRUNC : O_EXCL));
}

int
status_file_open(struct status_file *s, const char *path, bool has_names, bool force, bool go_on)
{
	int fd, rc;

	*s = (struct status_file){.path = path};
	if (path == NULL)
		return 0;
	fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
				    : open(path, open_flags(path, force, go_on), 0666);
	if (fd < 0)
		return -errno;
	s->file = fdopen(fd, "w");
	if (s->file == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (!go_on)
		fprintf(s->file, "%s%s\n", header, has_names ? header_of_names : "");
	return fflush(s->file) == 0 ? 0 : -errno;
}

void
status_file_start(struct status_file *s, struct engine *e, const struct job *job, uint64_t targets)
{
	s->engine = e;
	s->job = job;
	s->targets = targets;
	s->last_ns = engine_now_ns(e);
	s->next_wall_ns = sys_now_ns(CLOCK_MONOTONIC_COARSE) + NS_PER_SEC;
}

static void
take_counts(struct status_file *s, const struct ledger *l, uint64_t counts[STATUS_COUNTS])
{
	counts[STATUS_SENT] = l->count[LEDGER_SENT + LEDGER_PROBE];
	s->done = ledger_done(l, s->targets);
	counts[STATUS_SUCCESS] = ledger_hits(l);
	counts[STATUS_RECEIVED] = l->count[LEDGER_RECEIVED];
	counts[STATUS_DROPPED] = engine_nic_drops(s->engine) + l->count[LEDGER_STRANDED];
	counts[STATUS_FAILED] = l->count[LEDGER_REFUSED + LEDGER_PROBE];
}

/* Counts, each with what came to it each second of the last span, and of all of it. */
static void
put_counts(FILE *f, const uint64_t *counts, uint64_t *last, unsigned int n, double span, double age)
{
	for (unsigned int i = 0; i < n; i++) {
		fprintf(f, ",%llu,%.0f,%.0f", (unsigned long long)counts[i], (double)(counts[i] - last[i]) / span,
			(double)counts[i] / age);
		last[i] = counts[i];
	}
}

static void
put_names(struct status_file *s, const struct ledger *l, double span, double age)
{
	uint64_t counts[STATUS_NAMES_COUNTS];
	struct asked a;

	if (!engine_has_lookups(s->engine))
		return;
	asked_take(s->engine, l, &a);
	counts[STATUS_NAMES] = a.names;
	counts[STATUS_QUERIES] = a.queries;
	put_counts(s->file, counts, s->last_names, STATUS_NAMES_COUNTS, span, age);
	fprintf(s->file, ",%u,%f,%llu,%llu,%llu,%llu,%llu", a.live, asked_success_percent(&a),
		(unsigned long long)a.timeouts, (unsigned long long)a.servfail,
		(unsigned long long)a.resolvers[RESOLVERS_GOOD], (unsigned long long)a.resolvers[RESOLVERS_ASIDE],
		(unsigned long long)a.resolvers[RESOLVERS_LIES]);
}

/* Seconds until the end as far as it can be told: at the pace so far. */
static double
seconds_left(const struct status_file *s, uint64_t now_ns, bool cooling, uint64_t end_ns)
{
	double cooldown = (double)s->job->limits.cooldown_ns / 1e9, left = 0;

	if (cooling)
		return end_ns > now_ns ? (double)(end_ns - now_ns) / 1e9 : 0;
	if (s->done > 0)
		left = (double)(s->targets - s->done) * ((double)now_ns / 1e9) / (double)s->done;
	return left + cooldown;
}

static void
put_line(struct status_file *s, uint64_t now_ns, double left, unsigned int senders)
{
	double span = now_ns > s->last_ns ? (double)(now_ns - s->last_ns) / 1e9 : 1;
	double age = now_ns > 0 ? (double)now_ns / 1e9 : 1;
	uint64_t counts[STATUS_COUNTS];
	time_t now = time(NULL);
	struct ledger l;
	char stamp[20];
	struct tm tm;

	engine_ledger(s->engine, &l);
	take_counts(s, &l, counts);
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(s->file, "%s,%.0f,%.0f,%f,%f,%u", stamp, age, left,
		s->targets == 0 ? 100.0 : 100.0 * (double)s->done / (double)s->targets,
		counts[STATUS_SENT] == 0
			? 0.0
			: 100.0 * (double)counts[STATUS_SUCCESS] / (double)counts[STATUS_SENT],
		senders);
	put_counts(s->file, counts, s->last, STATUS_COUNTS, span, age);
	put_names(s, &l, span, age);
	fputc('\n', s->file);
	s->last_ns = now_ns;
}

static void
close_file(struct status_file *s)
{
	fclose(s->file);
	s->file = NULL;
}

static void
check_file(struct status_file *s)
{
	if (fflush(s->file) == 0)
		return;
	fprintf(stderr, "asdic: writing '%s': %s; the scan goes on without it\n", s->path,
		strerror(errno));
	close_file(s);
}

void
status_file_update(struct status_file *s, uint64_t now_ns, bool cooling, uint64_t end_ns)
{
	uint64_t wall = s->file != NULL ? sys_now_ns(CLOCK_MONOTONIC_COARSE) : 0;

	if (s->file == NULL || wall < s->next_wall_ns)
		return;
	s->next_wall_ns += NS_PER_SEC;
	put_line(s, now_ns, seconds_left(s, now_ns, cooling, end_ns),
		 cooling ? 0 : engine_layout(s->engine)->probers);
	check_file(s);
}

void
status_file_end(struct status_file *s, uint64_t now_ns)
{
	if (s->file != NULL && s->engine != NULL) {
		put_line(s, now_ns, 0, 0);
		check_file(s);
	}
	if (s->file != NULL)
		close_file(s);
}
