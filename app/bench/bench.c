/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>

#include "port/eal.h"
#include "yaml/value.h"

/* No driver takes a frame a nanosecond: the pacer works and never holds. */
#define NEVER_HOLDS_PPS 1000000000

/* What DPDK is given: pools and rings, and what each lcore adds. */
#define MEMORY_MB 256
#define LCORE_MB 16

static const struct option options[] = {
	{"device", required_argument, NULL, 'd'},  {"exclude-file", required_argument, NULL, 'x'},
	{"help", no_argument, NULL, 'h'},          {"include", required_argument, NULL, 'i'},
	{"json", required_argument, NULL, 'j'},    {"lcores", required_argument, NULL, 'l'},
	{"peer-mac", required_argument, NULL, 'm'}, {"ports", required_argument, NULL, 'P'},
	{"only", required_argument, NULL, 'o'},    {"profile", required_argument, NULL, 'p'},
	{"rate", required_argument, NULL, 'r'},    {"seconds", required_argument, NULL, 's'},
	{NULL, 0, NULL, 0},
};

static int
read_number(const char *name, const char *text, unsigned int most, unsigned int *value)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v < 1 || v > most) {
		fprintf(stderr, "asdic-bench: --%s takes a number from 1 to %u\n", name, most);
		return -EINVAL;
	}
	*value = (unsigned int)v;
	return 0;
}

static int
read_one(struct bench_options *o, int letter, const char *text)
{
	switch (letter) {
	case 'd':
		o->device = text;
		return 0;
	case 'j':
		o->json = text;
		return 0;
	case 'm':
		o->peer_mac = text;
		return 0;
	case 'i':
		o->include = text;
		return 0;
	case 'x':
		o->exclude_file = text;
		return 0;
	case 'o':
		o->only = text;
		return 0;
	case 'P':
		o->ports = text;
		return 0;
	case 'p':
		o->profile = text;
		return 0;
	case 'l':
		return read_number("lcores", text, 64, &o->lcores);
	case 's':
		return read_number("seconds", text, 3600, &o->seconds);
	case 'r':
		if (value_count(text, strlen(text), &o->rate_pps) == 0 && o->rate_pps > 0)
			return 0;
		fprintf(stderr, "asdic-bench: --rate takes packets/s, like 500k\n");
		return -EINVAL;
	default:
		return -EINVAL;
	}
}

static int
refuse_json(const struct bench_options *o)
{
	int err = errno;

	fprintf(stderr, "asdic-bench: cannot write '%s': %s\n", o->json, strerror(err));
	return -err;
}

/* What getopt_long() did not take. */
static int
refuse(const char *command, int letter, const char *written)
{
	if (letter == ':')
		fprintf(stderr, "asdic-bench %s: %s needs an argument\n", command, written);
	else
		fprintf(stderr, "asdic-bench %s: unknown flag '%s'; see 'asdic-bench %s --help'\n", command, written,
			command);
	return -EINVAL;
}

/*
 * That the figures cannot be written is better told now than when all has been measured. Where they go to standard
 * output, they go there alone: what is for people goes to standard error.
 */
static int
prepare_json(struct bench_options *o)
{
	bool exists;
	FILE *file;
	int fd;

	if (o->json == NULL)
		return 0;
	if (strcmp(o->json, "-") == 0) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		o->json_stdout = fd < 0 ? NULL : fdopen(fd, "w");
		if (o->json_stdout != NULL && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
			return 0;
		return refuse_json(o);
	}
	exists = access(o->json, F_OK) == 0;
	file = fopen(o->json, "ae");
	if (file == NULL || fclose(file) != 0)
		return refuse_json(o);
	if (!exists)
		unlink(o->json);
	return 0;
}

int
bench_options_read(struct bench_options *o, int argc, char **argv, const char *help)
{
	int letter;

	*o = (struct bench_options){.device = "net_null0", .profile = "windows", .lcores = 1,
				    .seconds = 5, .rate_pps = NEVER_HOLDS_PPS};
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (letter == '?' || letter == ':')
			return refuse(argv[0], letter, argv[optind - 1]);
		if (read_one(o, letter, optarg) != 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "asdic-bench %s: takes flags alone, not '%s'; see 'asdic-bench %s --help'\n", argv[0],
			argv[optind], argv[0]);
		return -EINVAL;
	}
	return prepare_json(o);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct bench_figure
bench_figure(const struct bench_samples *s)
{
	struct bench_samples sorted = *s;
	size_t n = s->count;

	qsort(sorted.value, n, sizeof(sorted.value[0]), compare);
	return (struct bench_figure){
		.median = (sorted.value[(n - 1) / 2] + sorted.value[n / 2]) / 2,
		.min = sorted.value[0],
		.max = sorted.value[n - 1],
	};
}

void
bench_json_figure(FILE *out, const char *name, struct bench_figure f)
{
	fprintf(out, "\"%s\": {\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}", name, f.median,
		f.min, f.max);
}

int
bench_json_open(const struct bench_options *o, FILE **out)
{
	*out = NULL;
	if (o->json == NULL)
		return 0;
	*out = o->json_stdout != NULL ? o->json_stdout : fopen(o->json, "we");
	return *out != NULL ? 0 : refuse_json(o);
}

int
bench_open_port(struct port *port, const struct bench_options *o, bool is_pci)
{
	struct eal_config eal = {
		.devices = &o->device,
		.device_count = 1,
		.any_pci = is_pci,
		.lcores = o->lcores,
		.memory_mb = MEMORY_MB + LCORE_MB * o->lcores,
		.rate_pps = o->rate_pps,
	};
	const struct port_config wanted = {.name = o->device, .queues = (uint16_t)o->lcores};
	const char *what = "starting DPDK";
	uint16_t id = 0;
	int rc = eal_start(&eal);

	if (rc == 0)
		rc = port_find(o->device, &id);
	if (rc == 0)
		rc = port_open(port, id, &wanted, &what);
	if (rc != 0)
		fprintf(stderr, "asdic-bench: device '%s': %s: %s\n", o->device, what,
			rte_strerror(-rc));
	return rc;
}
