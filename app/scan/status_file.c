/* SPDX-License-Identifier: BSD-3-Clause */
#include "status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "sys/sys.h"

static const char header[] =
	"real-time,time-elapsed,time-remaining,percent-complete,hit-rate,active-send-threads,"
	"sent-total,sent-last-one-sec,sent-avg-per-sec,"
	"recv-success-total,recv-success-last-one-sec,recv-success-avg-per-sec,"
	"recv-total,recv-total-last-one-sec,recv-total-avg-per-sec,"
	"pcap-drop-total,drop-last-one-sec,drop-avg-per-sec,"
	"sendto-fail-total,sendto-fail-last-one-sec,sendto-fail-avg-per-sec\n";

/* Whether there is nothing to lose: no file, or a device or FIFO, or leave to overwrite. */
static int
open_flags(const char *path, bool force, bool go_on)
{
	struct stat st;
	bool stream = stat(path, &st) == 0 && !S_ISREG(st.st_mode);

	return O_WRONLY | O_CLOEXEC | O_APPEND | (stream ? 0 : O_CREAT | (go_on ? 0 : force ? O_TRUNC : O_EXCL));
}

int
status_file_open(struct status_file *s, const char *path, bool force, bool go_on)
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
		fputs(header, s->file);
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
take_counts(struct status_file *s, uint64_t counts[STATUS_COUNTS])
{
	struct ledger l;

	engine_ledger(s->engine, &l);
	counts[STATUS_SENT] = l.count[LEDGER_SENT + LEDGER_PROBE];
	s->done = ledger_done(&l, s->targets);
	counts[STATUS_SUCCESS] = ledger_hits(&l);
	counts[STATUS_RECEIVED] = l.count[LEDGER_RECEIVED];
	counts[STATUS_DROPPED] = engine_nic_drops(s->engine) + l.count[LEDGER_STRANDED];
	counts[STATUS_FAILED] = l.count[LEDGER_REFUSED + LEDGER_PROBE];
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
	char stamp[20];
	struct tm tm;

	take_counts(s, counts);
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(s->file, "%s,%.0f,%.0f,%f,%f,%u", stamp, age, left,
		s->targets == 0 ? 100.0 : 100.0 * (double)s->done / (double)s->targets,
		counts[STATUS_SENT] == 0
			? 0.0
			: 100.0 * (double)counts[STATUS_SUCCESS] / (double)counts[STATUS_SENT],
		senders);
	for (unsigned int i = 0; i < STATUS_COUNTS; i++) {
		fprintf(s->file, ",%llu,%.0f,%.0f", (unsigned long long)counts[i],
			(double)(counts[i] - s->last[i]) / span, (double)counts[i] / age);
		s->last[i] = counts[i];
	}
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
