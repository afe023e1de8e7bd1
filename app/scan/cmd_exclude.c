/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "lines/lines.h"
#include "optout/optout.h"
#include "peers.h"
#include "targets/list.h"
#include "text.h"

struct options {
	const char *file; /* NULL: where the environment says */
	const char *reason;
	bool lists;
	char **entries;
	size_t count;
};

static void
usage(FILE *out)
{
	fputs("usage: asdic exclude CIDR... [--reason TICKET] [--file FILE]\n"
	      "       asdic exclude --list [--file FILE]\n"
	      "\n"
	      "Excludes addresses, CIDRs or ranges first-last for good: adds them to the opt-outs, which every\n"
	      "check, plan and scan reads from then on, and tells the scans that run. When it has ended with 0\n"
	      "nothing is sent there any more.\n"
	      "\n"
	      "      --reason TICKET  why, in a line; it stands beside them with the date\n"
	      "      --file FILE      the list to add to, or show\n"
	      "      --list           show the opt-outs\n"
	      "\n"
	      "The list is " OPTOUT_SYSTEM " for root, else\n"
	      "$XDG_STATE_HOME/asdic/optout.conf (~/.local/state/asdic/optout.conf), unless $" OPTOUT_VARIABLE "\n"
	      "names another. Exit status: 0 done, 1 it could not be written, or a scan that runs did not\n"
	      "confirm, 2 a fault in the arguments.\n",
	      out);
}

static bool
is_one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int
check_arguments(const struct options *o)
{
	if (o->lists && (o->count > 0 || o->reason != NULL))
		fprintf(stderr, "asdic: exclude: --list stands alone, but for --file\n");
	else if (!o->lists && o->count == 0)
		usage(stderr);
	else if (o->reason != NULL && (!is_one_line(o->reason) || strlen(o->reason) > OPTOUT_REASON_MAX))
		fprintf(stderr, "asdic: exclude: a reason is one line of up to %d bytes\n",
			OPTOUT_REASON_MAX);
	else
		return EXIT_DONE;
	return EXIT_BAD_JOB;
}

/* EXIT_DONE to go on, unless *done. */
static int
read_arguments(int argc, char **argv, struct options *o, bool *done)
{
	static const struct option names[] = {
		{"reason", required_argument, NULL, 'r'}, {"file", required_argument, NULL, 'f'},
		{"list", no_argument, NULL, 'l'},         {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*done = true;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", names, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return EXIT_DONE;
		}
		if (c == 'r')
			o->reason = optarg;
		else if (c == 'f')
			o->file = optarg;
		else if (c == 'l')
			o->lists = true;
		else {
			text_refuse_flag("exclude", c, argv[optind - 1]);
			return EXIT_BAD_JOB;
		}
	}
	o->entries = argv + optind;
	o->count = (size_t)(argc - optind);
	*done = false;
	return check_arguments(o);
}

/* All of them, or all that is wrong with them. */
static int
read_entries(const struct options *o, struct ipv4_range *ranges)
{
	struct diag diag = DIAG_EMPTY;
	bool good;

	for (size_t i = 0; i < o->count; i++) {
		struct diag_place place = {"exclude", 0, 0};
		struct list_entry e;

		if (list_read_entry(o->entries[i], strlen(o->entries[i]), place, &e, &diag) != 0)
			continue;
		ranges[i] = e.range;
		if (e.port != 0)
			diag_add(&diag, place,
				 "'%s' names a port; opt-outs are of whole addresses: leave the port out",
				 o->entries[i]);
	}
	good = diag_is_empty(&diag);
	if (!good)
		text_print_faults(&diag);
	diag_reset(&diag);
	return good ? EXIT_DONE : EXIT_BAD_JOB;
}

static int
show(const struct optout_files *files)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < files->count; i++) {
		char *text;
		size_t len;
		int rc = lines_read_all(files->path[i], LINES_WHOLE_MAX, &text, &len);

		if (rc == -ENOENT || rc == -ENOTDIR)
			continue;
		if (rc != 0) {
			fprintf(stderr, "asdic: exclude: '%s': %s\n", files->path[i], lines_error(rc));
			status = EXIT_FAILED;
			continue;
		}
		fwrite(text, 1, len, stdout);
		free(text);
	}
	if (fflush(stdout) != 0)
		status = EXIT_FAILED;
	return status;
}

static int
make_durable(const struct options *o, const char *path, const struct ipv4_range *ranges)
{
	time_t now = time(NULL);
	char date[sizeof("2026-01-01")];
	struct tm tm;
	size_t added;
	int rc;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	rc = optout_add(path, ranges, o->count, date, o->reason != NULL ? o->reason : "no reason given",
			&added);
	if (rc != 0) {
		fprintf(stderr, "asdic: exclude: cannot write '%s': %s\n", path,
			rc == -EWOULDBLOCK ? "another 'asdic exclude' is at it" : strerror(-rc));
		return EXIT_FAILED;
	}
	printf("%zu added to %s", added, path);
	if (added < o->count)
		printf(", %zu excluded before", o->count - added);
	putchar('\n');
	return EXIT_DONE;
}

/* Answers that are due; the first that is not good ends it. */
static int
hear(struct live_peer *peer, size_t count, char answer[LIVE_LINE_MAX])
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = live_hear(peer, answer);
		if (rc == 0 && !peers_is_ok(answer))
			rc = -EBADMSG;
	}
	return rc;
}

/* Tell one scan all of it. */
static int
tell_peer(struct live_peer *peer, const struct ipv4_range *ranges, size_t count,
	  char answer[LIVE_LINE_MAX])
{
	size_t said = 0;
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		char entry[OPTOUT_TEXT_SIZE], line[LIVE_LINE_MAX];

		optout_format(ranges[i], entry);
		snprintf(line, sizeof(line), "exclude %s", entry);
		rc = live_say(peer, line);
		if (rc == 0 && ++said == LIVE_AHEAD) {
			rc = hear(peer, said, answer);
			said = 0;
		}
	}
	if (rc == 0)
		rc = hear(peer, said, answer);
	if (rc == 0)
		rc = live_say(peer, "settle");
	return rc == 0 ? hear(peer, 1, answer) : rc;
}

/* A scan that has hung up has ended, unless its process is still there. */
static bool
has_ended(const struct live_peer *peer, int rc)
{
	char path[32];

	if (rc != -EPIPE)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld", (long)peer->pid);
	return access(path, F_OK) != 0;
}

static int
tell_scans(const struct ipv4_range *ranges, size_t count)
{
	struct live_peers peers;
	bool good = peers_find(&peers);

	for (size_t i = 0; i < peers.count; i++) {
		struct live_peer *peer = &peers.items[i];
		char answer[LIVE_LINE_MAX] = "";
		int rc = tell_peer(peer, ranges, count, answer);

		if (rc == 0) {
			printf("in force in scan '%s' (pid %ld)\n", peer->name, (long)peer->pid);
		} else if (!has_ended(peer, rc)) {
			peers_tell("exclude", peer, rc == -EBADMSG ? 0 : rc, answer);
			good = false;
		}
	}
	if (!good)
		fprintf(stderr, "asdic: exclude: it is on the list for all scans to come, but not known to be "
				"in force in every scan that runs; stop those\n");
	live_peers_free(&peers);
	return good ? EXIT_DONE : EXIT_FAILED;
}

static int
exclude(const struct options *o, const char *path)
{
	struct ipv4_range *ranges = calloc(o->count, sizeof(*ranges));
	int status;

	if (ranges == NULL) {
		fprintf(stderr, "asdic: out of memory\n");
		return EXIT_MACHINE;
	}
	status = read_entries(o, ranges);
	if (status == EXIT_DONE)
		status = make_durable(o, path, ranges);
	if (status == EXIT_DONE)
		status = tell_scans(ranges, o->count);
	free(ranges);
	return status;
}

int
cmd_exclude(int argc, char **argv)
{
	struct options o = {0};
	struct optout_files files;
	bool done;
	int status = read_arguments(argc, argv, &o, &done);

	if (done || status != EXIT_DONE)
		return status;
	optout_find(&files);
	if (o.file != NULL) {
		files.count = 1;
		snprintf(files.path[0], sizeof(files.path[0]), "%s", o.file);
	}
	return o.lists ? show(&files) : exclude(&o, files.path[files.count - 1]);
}
