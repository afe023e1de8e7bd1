/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "peers.h"
#include "text.h"
#include "yaml/value.h"

struct options {
	const char *rate; /* NULL: as it is */
	const char *bandwidth;
	const char *scan; /* NULL: all that run */
	char line[LIVE_LINE_MAX];
};

static void
usage(FILE *out)
{
	fputs("usage: asdic rate [RATE] [--bandwidth BITS] [--scan NAME|PID]\n"
	      "\n"
	      "Changes the rate of the scans that run, at once; without a rate and a bandwidth shows it.\n"
	      "\n"
	      "  RATE                   packets/s, like 250k; 'unlimited' where a device only simulates\n"
	      "  -B, --bandwidth BITS   bit/s on the wire, like 400M; 'unlimited' for none\n"
	      "      --scan NAME|PID    of one scan alone\n"
	      "\n"
	      "Root's is for every scan on the machine. Exit status: 0 done, 1 no such scan runs or one\n"
	      "refused, 2 a fault in the arguments.\n",
	      out);
}

/* A number for the request, 0 for none, or "-" to leave it as it is. */
static bool
put_number(char buf[TEXT_SIZE], const char *text, const char *what)
{
	uint64_t number = 0;

	snprintf(buf, TEXT_SIZE, "-");
	if (text == NULL)
		return true;
	if (strcmp(text, "unlimited") != 0 &&
	    (value_count(text, strlen(text), &number) != 0 || number == 0)) {
		fprintf(stderr, "asdic: rate: '%s' is no %s, or 'unlimited'\n", text, what);
		return false;
	}
	snprintf(buf, TEXT_SIZE, "%llu", (unsigned long long)number);
	return true;
}

static int
make_line(struct options *o)
{
	char rate[TEXT_SIZE], bandwidth[TEXT_SIZE];

	if (!put_number(rate, o->rate, "rate; write packets/s, like 250k") ||
	    !put_number(bandwidth, o->bandwidth, "bandwidth; write bit/s, like 400M"))
		return EXIT_BAD_JOB;
	if (o->rate == NULL && o->bandwidth == NULL)
		snprintf(o->line, sizeof(o->line), "status");
	else
		snprintf(o->line, sizeof(o->line), "rate %s %s", rate, bandwidth);
	return EXIT_DONE;
}

/* EXIT_DONE to go on; *done to end with what is returned. */
static int
read_arguments(int argc, char **argv, struct options *o, bool *done)
{
	static const struct option names[] = {
		{"bandwidth", required_argument, NULL, 'B'},
		{"scan", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*done = true;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hB:", names, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return EXIT_DONE;
		}
		if (c == 'B')
			o->bandwidth = optarg;
		else if (c == 's')
			o->scan = optarg;
		else {
			text_refuse_flag("rate", c, argv[optind - 1]);
			return EXIT_BAD_JOB;
		}
	}
	if (optind < argc)
		o->rate = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "asdic: rate: one rate, not '%s' besides\n", argv[optind]);
		return EXIT_BAD_JOB;
	}
	*done = false;
	return make_line(o);
}

static const char *
or_unlimited(char buf[TEXT_SIZE], unsigned long long value)
{
	return value == 0 ? "unlimited" : text_count(buf, (double)value);
}

static void
print_answer(const struct live_peer *peer, const char *answer)
{
	char rate_text[TEXT_SIZE], bandwidth_text[TEXT_SIZE];
	unsigned long long rate, bandwidth;

	if (sscanf(answer, "ok rate=%llu bandwidth=%llu", &rate, &bandwidth) != 2)
		return;
	printf("%s (pid %ld): rate %s%s", peer->name, (long)peer->pid, or_unlimited(rate_text, rate),
	       rate == 0 ? "" : " packets/s");
	if (bandwidth != 0)
		printf(", bandwidth %s bit/s", or_unlimited(bandwidth_text, bandwidth));
	putchar('\n');
}

/* Ask those who are meant; how many they are, and in *failed how many of them did not do it. */
static size_t
ask(const struct options *o, struct live_peers *peers, size_t *failed)
{
	size_t asked = 0;

	for (size_t i = 0; i < peers->count; i++) {
		struct live_peer *peer = &peers->items[i];
		char answer[LIVE_LINE_MAX] = "";
		int rc;

		if (!peers_is_meant(peer, o->scan))
			continue;
		asked++;
		rc = live_ask(peer, o->line, answer);
		if (rc == 0 && peers_is_ok(answer)) {
			print_answer(peer, answer);
			continue;
		}
		++*failed;
		peers_tell("rate", peer, rc, answer);
	}
	return asked;
}

int
cmd_rate(int argc, char **argv)
{
	struct options o = {0};
	struct live_peers peers;
	size_t asked, failed = 0;
	bool done, all;
	int status = read_arguments(argc, argv, &o, &done);

	if (done || status != EXIT_DONE)
		return status;
	all = peers_find(&peers);
	asked = ask(&o, &peers, &failed);
	if (asked == 0 && o.scan != NULL)
		fprintf(stderr, "asdic: rate: no scan '%s' runs\n", o.scan);
	else if (asked == 0)
		fprintf(stderr, "asdic: rate: no scan runs\n");
	live_peers_free(&peers);
	return all && asked > 0 && failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
