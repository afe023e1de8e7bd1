/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "commands.h"
#include "text.h"
#include "world/world.h"
#include "world_services.h"
#include "worldfile/worldfile.h"
#include "yaml/value.h"

/* Listed addresses are written in blocks of this size. */
#define BLOCK 65536

struct options {
	const char *path;
	bool lists;
	bool services; /* what speaks, too */
	bool makes_certificates;
	enum world_state state; /* of what is listed */
	struct ipv4_range range;
	uint16_t port; /* 0: none given */
};

static void
usage(FILE *out)
{
	fputs("usage: asdic world WORLD.yaml [--open CIDR --port PORT [--services]]\n"
	      "\n"
	      "Computes what a simulated Internet holds. With no more than a file: checks it,\n"
	      "and says what it describes.\n"
	      "\n"
	      "  --open CIDR         list the addresses where the port is open, one a line\n"
	      "  --closed CIDR       where it is closed\n"
	      "  --unreachable CIDR  where a router says that it cannot be reached\n"
	      "  --silent CIDR       where nothing answers\n"
	      "  --port PORT         the port\n"
	      "  --services          list address,service,sha256: what speaks there, and the\n"
	      "                      SHA-256 of the leaf certificate of those that speak TLS\n"
	      "  --make-certificates make the files of the world's certificates, once\n"
	      "\n"
	      "CIDR is an address, a prefix, or a range first-last. Exit status: 0 done, 1 the\n"
	      "list could not be written, 2 a fault in the file or the arguments.\n",
	      out);
}

/* ---- Arguments --------------------------------------------------------------------------- */

static bool
read_range(struct options *o, enum world_state state, const char *text)
{
	char first[IPV4_TEXT_SIZE];
	int rc = ipv4_parse_range(text, strlen(text), &o->range);

	if (o->lists) {
		fputs("asdic: world: more than one list; ask for one at a time\n", stderr);
		return false;
	}
	o->lists = true;
	o->state = state;
	if (rc == 0)
		return true;
	if (rc == -EDOM) {
		ipv4_format(o->range.first, first);
		fprintf(stderr, "asdic: world: '%s' has bits set behind its prefix; write %s%s\n",
			text, first, strchr(text, '/'));
	} else {
		fprintf(stderr, "asdic: world: '%s' is no range; write one such as 10.0.0.0/8\n",
			text);
	}
	return false;
}

static bool
read_port(struct options *o, const char *text)
{
	uint16_t first, last;

	if (value_ports(text, strlen(text), &first, &last) == 0 && first == last) {
		o->port = first;
		return true;
	}
	fprintf(stderr, "asdic: world: '%s' is no port; write one of 1 to 65535\n", text);
	return false;
}

static bool
complete(struct options *o, int argc, char **argv)
{
	if (optind == argc) {
		fputs("asdic: world: no file; write asdic world WORLD.yaml\n", stderr);
		return false;
	}
	if (optind + 1 < argc) {
		fprintf(stderr, "asdic: world: '%s' is one file too many\n", argv[optind + 1]);
		return false;
	}
	if (o->lists && o->port == 0) {
		fputs("asdic: world: a list needs a port; add --port PORT\n", stderr);
		return false;
	}
	if (!o->lists && o->port != 0) {
		fputs("asdic: world: a port needs a list; add --open CIDR\n", stderr);
		return false;
	}
	if (o->services && (!o->lists || o->state != WORLD_OPEN)) {
		fputs("asdic: world: services are where a port is open; add --open CIDR\n", stderr);
		return false;
	}
	if (o->makes_certificates && o->lists) {
		fputs("asdic: world: make certificates and list by two commands\n", stderr);
		return false;
	}
	o->path = strcmp(argv[optind], "-") == 0 ? "/dev/stdin" : argv[optind];
	return true;
}

/* Whether to go on; if not, *status is what to exit with. */
static bool
read_options(struct options *o, int argc, char **argv, int *status)
{
	static const struct option names[] = {
		{"open", required_argument, NULL, 'o'},
		{"closed", required_argument, NULL, 'c'},
		{"unreachable", required_argument, NULL, 'u'},
		{"silent", required_argument, NULL, 's'},
		{"port", required_argument, NULL, 'p'},
		{"services", no_argument, NULL, 'S'},
		{"make-certificates", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool good = true;
	int c = 0;

	*status = EXIT_BAD_JOB;
	opterr = 0;
	while (good && (c = getopt_long(argc, argv, ":hp:", names, NULL)) != -1) {
		if (c == 'o')
			good = read_range(o, WORLD_OPEN, optarg);
		else if (c == 'c')
			good = read_range(o, WORLD_CLOSED, optarg);
		else if (c == 'u')
			good = read_range(o, WORLD_UNREACHABLE, optarg);
		else if (c == 's')
			good = read_range(o, WORLD_SILENT, optarg);
		else if (c == 'p')
			good = read_port(o, optarg);
		else if (c == 'S')
			o->services = true;
		else if (c == 'm')
			o->makes_certificates = true;
		else
			good = false;
		if (c == '?' || c == ':')
			text_refuse_flag("world", c, argv[optind - 1]);
	}
	if (c == 'h') {
		usage(stdout);
		*status = EXIT_DONE;
	}
	return good && complete(o, argc, argv);
}

/* ---- A list ------------------------------------------------------------------------------ */

static void
list(const struct world *w, const struct options *o)
{
	char block[BLOCK];
	size_t used = 0;

	for (uint64_t a = o->range.first; a <= o->range.last && !ferror(stdout); a++) {
		if (world_state(w, (uint32_t)a, o->port) != o->state)
			continue;
		used += ipv4_format((uint32_t)a, block + used);
		block[used++] = '\n';
		if (used > BLOCK - IPV4_TEXT_SIZE) {
			fwrite(block, 1, used, stdout);
			used = 0;
		}
	}
	fwrite(block, 1, used, stdout);
}

/* ---- A summary --------------------------------------------------------------------------- */

/* " name 1.3%", as exactly as it was written; nothing for a share of 0. */
static void
print_share(const char *name, uint64_t share)
{
	const uint64_t percent = WORLD_SHARE_ONE / 100;
	char fraction[24];
	size_t len;

	if (share == 0)
		return;
	len = (size_t)snprintf(fraction, sizeof(fraction), ".%016" PRIu64, share % percent);
	while (fraction[len - 1] == '0')
		fraction[--len] = '\0';
	if (len == 1)
		fraction[0] = '\0';
	printf(" %s %" PRIu64 "%s%%", name, share / percent, fraction);
}

static void
print_offers(const struct world_description *d, const struct world_offers *offers)
{
	if (offers->count > 0)
		fputs(offers->count > 1 ? " services" : " service", stdout);
	for (size_t i = 0; i < offers->count; i++)
		print_share(d->services[offers->list[i].service].name, offers->list[i].share);
}

static void
print_port(const char *name, uint64_t open, uint64_t closed)
{
	printf("  %-12s", name);
	print_share("open", open);
	print_share("closed", closed);
	fputs(open == 0 && closed == 0 ? " silent" : "", stdout);
}

static void
print_network(const struct world_description *d, const struct world_network *n)
{
	char name[WORLD_NETWORK_NAME_SIZE], port[16];

	world_network_name(n, name);
	printf("%s:", name);
	print_share("unreachable", n->unreachable);
	print_share("echo", n->echo);
	print_share("lost out", n->loss_out);
	print_share("lost back", n->loss_back);
	print_share("duplicate", n->duplicate);
	print_share("reorder", n->reorder);
	print_share("corrupt", n->corrupt);
	printf(" latency %g to %g ms", (double)n->latency_min_ns / NS_PER_MS,
	       (double)n->latency_max_ns / NS_PER_MS);
	if (n->synack_retries > 0)
		printf(" SYN-ACK repeats %u", n->synack_retries);
	print_offers(d, &n->offers);
	puts("");
	for (size_t i = 0; i < n->ports_count; i++) {
		snprintf(port, sizeof(port), "port %u", n->ports[i].port);
		print_port(port, n->ports[i].open, n->ports[i].closed);
		print_offers(d, &n->ports[i].offers);
		puts("");
	}
	print_port("other ports", n->open, n->closed);
	puts("");
}

static void
summarise(const struct world *w)
{
	const struct world_description *d = world_describe(w);

	printf("seed %" PRIu64 "\n", d->seed);
	for (size_t i = 0; i < d->networks_count; i++)
		print_network(d, &d->networks[i]);
	puts("elsewhere: silent");
	if (d->forged_pps > 0)
		printf("forged: %" PRIu64 " packets/s\n", d->forged_pps);
}

/* What was asked for; an exit status. */
static int
act(const struct world *w, const struct options *o)
{
	if (o->makes_certificates)
		return world_services_make_certificates(w);
	if (o->services)
		return world_services_list(w, o->range, o->port);
	if (o->lists)
		list(w, o);
	else
		summarise(w);
	return EXIT_DONE;
}

int
cmd_world(int argc, char **argv)
{
	struct diag faults = DIAG_EMPTY;
	struct options o = {0};
	struct world *w;
	int status, rc;

	if (!read_options(&o, argc, argv, &status))
		return status;
	rc = worldfile_load(o.path, &faults, &w);
	if (rc == -ENOMEM)
		fputs("asdic: world: no memory\n", stderr);
	else if (rc != 0)
		text_print_faults(&faults);
	diag_reset(&faults);
	if (rc != 0)
		return rc == -ENOMEM ? EXIT_FAILED : EXIT_BAD_JOB;
	status = act(w, &o);
	world_free(w);
	if (status != EXIT_DONE || (fflush(stdout) == 0 && !ferror(stdout)))
		return status;
	fprintf(stderr, "asdic: world: cannot write: %s\n", strerror(errno));
	return EXIT_FAILED;
}
