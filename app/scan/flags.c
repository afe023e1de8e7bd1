/* SPDX-License-Identifier: BSD-3-Clause */
#include "flags.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/near.h"

/* What becomes of a flag's argument. */
enum form {
	FORM_TEXT,     /* the value of the key */
	FORM_LIST,     /* parted by commas, the items of the key */
	FORM_SECONDS,  /* a duration; a bare number is of seconds, as in ZMap */
	FORM_FORMAT,   /* an output format; "json" is ndjson, as in ZMap */
	FORM_TARGETS,  /* added to the key, in place of the job's own targets */
	FORM_ADDED,    /* added to the key */
	FORM_SET,      /* key.path=value, the value as in a job */
	FORM_FALSE,    /* no argument: the key is false */
	FORM_TOGGLE,   /* no argument: a member of struct flags is set */
	FORM_FILE,     /* a member of struct flags */
	FORM_TYPES,    /* parted by commas, the types of every lookup */
	FORM_HELP,
};

/* Which commands have a flag: those of a scan, dns, or both. */
enum of { OF_SCAN, OF_DNS, OF_BOTH };

struct flag {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* NULL: none */
	enum form form;
	const char *path; /* of the key, where the form has one */
	const char *help; /* NULL: kept out of the help */
	size_t member;    /* FORM_TOGGLE, FORM_FILE: offset of the bool or text in struct flags */
	enum of of;
};

#define MEMBER(name) .member = offsetof(struct flags, name)

static const struct flag table[] = {
	{'p', "target-ports", "PORTS", FORM_LIST, .path = "targets.ports",
	 .help = "ports, like 443,8443,9000-9010"},
	{'I', "list-of-ips-file", "FILE", FORM_TARGETS, .path = "targets.include_files",
	 .help = "scan what FILE lists, a line each; - is stdin"},
	{'w', "allowlist-file", "FILE", FORM_TARGETS, .path = "targets.include_files",
	 .help = "the same"},
	{'b', "blocklist-file", "FILE", FORM_ADDED, .path = "targets.exclude_files",
	 .help = "exclude what FILE lists too"},
	{'n', "max-targets", "N", FORM_TEXT, .path = "limits.targets",
	 .help = "probe N targets, or a share like 10%"},
	{'N', "max-results", "N", FORM_TEXT, .path = "limits.results",
	 .help = "stop after N results", .of = OF_BOTH},
	{'t', "max-runtime", "TIME", FORM_SECONDS, .path = "limits.runtime",
	 .help = "stop sending after TIME: seconds, or like 2h", .of = OF_BOTH},
	{'c', "cooldown-time", "TIME", FORM_SECONDS, .path = "limits.cooldown",
	 .help = "wait TIME for the last replies (8s)"},
	{'e', "seed", "N", FORM_TEXT, .path = "order.seed",
	 .help = "the order's seed; random without"},
	{0, "shard", "I/N", FORM_TEXT, .path = "order.shard",
	 .help = "scan part I of N, from 1/N to N/N", .of = OF_BOTH},
	{'r', "rate", "PPS", FORM_TEXT, .path = "rate", .help = "packets/s, like 250k (10k)", .of = OF_BOTH},
	{'B', "bandwidth", "BPS", FORM_TEXT, .path = "bandwidth",
	 .help = "bits/s on the wire, like 400M", .of = OF_BOTH},
	{'i', "interface", "DEVICE", FORM_TEXT, .path = "interfaces.device",
	 .help = "what to send from, like net_af_packet0,iface=eth1", .of = OF_BOTH},
	{'S', "source-ip", "POOL", FORM_LIST, .path = "interfaces.addresses",
	 .help = "source addresses, like 198.51.100.8/29", .of = OF_BOTH},
	{'s', "source-port", "PORTS", FORM_TEXT, .path = "interfaces.source_ports",
	 .help = "source ports (32768-61000)", .of = OF_BOTH},
	{'g', "gateway", "ADDRESS", FORM_TEXT, .path = "interfaces.gateway",
	 .help = "the router, asked by ARP", .of = OF_BOTH},
	{'G', "gateway-mac", "MAC", FORM_TEXT, .path = "interfaces.gateway_mac",
	 .help = "the router's MAC address, not asked", .of = OF_BOTH},
	{'M', "probe-module", "NAME", FORM_TEXT, .path = "probe.module",
	 .help = "tcp_synscan or icmp_echoscan (tcp_synscan)"},
	{0, "probe-ttl", "N", FORM_TEXT, .path = "probe.ttl",
	 .help = "TTL of probes, 64 to 255 (64)"},
	{'P', "probes", "N", FORM_TEXT, .path = "probe.probes",
	 .help = "probes to each target (1)"},
	{'o', "output-file", "FILE", FORM_TEXT, .path = "output.file",
	 .help = "results; - is standard output (-)", .of = OF_BOTH},
	{'O', "output-module", "FORMAT", FORM_FORMAT, .path = "output.format",
	 .help = "csv or json; else by the file's ending"},
	{'f', "output-fields", "NAMES", FORM_LIST, .path = "output.fields",
	 .help = "fields, like saddr,sport,ttl; '*' is all"},
	{0, "output-filter", "FILTER", FORM_TEXT, .path = "output.filter",
	 .help = "(success = 1 && repeat = 0); \"\" gives all"},
	{0, "no-header-row", NULL, FORM_FALSE, .path = "output.header",
	 .help = "CSV without the line that names the fields"},
	{0, "name", "NAME", FORM_TEXT, .path = "name", .help = "the job's name", .of = OF_BOTH},
	{0, "lcores", "N", FORM_TEXT, .path = "lcores", .help = "logical cores to run on, or auto", .of = OF_BOTH},
	{0, "set", "KEY=VALUE", FORM_SET, .help = "any key of the job, like limits.cooldown=5s", .of = OF_BOTH},
	{'m', "metadata-file", "FILE", FORM_FILE, MEMBER(manifest_file),
	 .help = "the manifest (beside the first output's file)", .of = OF_BOTH},
	{'u', "status-file", "FILE", FORM_FILE, MEMBER(status_file),
	 .help = "status each second, as CSV", .of = OF_BOTH},
	{0, "status-updates-file", "FILE", FORM_FILE, MEMBER(status_file), .of = OF_BOTH},
	{'d', "dry-run", NULL, FORM_TOGGLE, MEMBER(dry_run),
	 .help = "print address,port in order; send nothing"},
	{0, "dryrun", NULL, FORM_TOGGLE, MEMBER(dry_run)},
	{0, "force", NULL, FORM_TOGGLE, MEMBER(force), .help = "overwrite an output that exists", .of = OF_BOTH},
	{'q', "quiet", NULL, FORM_TOGGLE, MEMBER(quiet), .help = "no status line", .of = OF_BOTH},
	{0, "test-key", NULL, FORM_TOGGLE, MEMBER(test_key),
	 .help = "a public cookie key, so runs repeat; for tests", .of = OF_BOTH},
	{0, "virtual-clock", NULL, FORM_TOGGLE, MEMBER(virtual_clock),
	 .help = "simulated time; for net_simnet alone", .of = OF_BOTH},
	{0, "resume", NULL, FORM_TOGGLE, MEMBER(resume),
	 .help = "go on with a scan that was stopped or killed", .of = OF_BOTH},
	{0, "checkpoint", "FILE", FORM_FILE, MEMBER(checkpoint_file),
	 .help = "what --resume needs (beside the first output)", .of = OF_BOTH},
	{0, "resolvers", "LIST", FORM_LIST, .path = "dns.resolvers", .of = OF_BOTH,
	 .help = "whom to ask: 198.51.100.53,/etc/resolv.conf"},
	{0, "types", "LIST", FORM_TYPES, .of = OF_DNS, .help = "types of records, like A,AAAA,MX (A)"},
	{0, "dns-rate", "QPS", FORM_TEXT, .path = "dns.rate", .of = OF_BOTH,
	 .help = "queries/s, below the rate of packets"},
	{0, "tries", "N", FORM_TEXT, .path = "dns.tries", .of = OF_DNS,
	 .help = "how often a question is asked (3)"},
	{0, "timeout", "TIME", FORM_SECONDS, .path = "dns.timeout", .of = OF_DNS,
	 .help = "how long a try waits for its answer (2s)"},
	{'h', "help", NULL, FORM_HELP, .help = "this text", .of = OF_BOTH},
};

#define FLAG_COUNT (sizeof(table) / sizeof(table[0]))

/* getopt's value of row i by its long name; its letter stands for itself. */
#define LONG_VALUE(i) (256 + (int)(i))

struct parse {
	const char *command;
	bool is_dns;
	struct flags *out;
	FILE *err;
	bool has_targets;
};

static const char scan_usage[] =
	"usage: asdic %s [FLAGS] [JOB] [SUBNETS...]\n\n"
	"JOB is a YAML file ('-': standard input); each flag overrides one of its keys,\n"
	"and SUBNETS its targets. Without JOB the flags say it all.\n\n";

static const char dns_usage[] =
	"usage: asdic %s [FLAGS] [NAMES...]\n\n"
	"Each of NAMES is looked up: it is a name or, where there is a file of that name,\n"
	"a list with a name in each line; '-' is standard input, which is also what is\n"
	"read without any. With --types PTR addresses are names, too. Records go to\n"
	"standard output as NDJSON, one for each name. A file that is called like a\n"
	"domain is './example.com'.\n\n"
	"  asdic dns -i net_af_packet0,iface=eth1 -S 198.51.100.8 -g 198.51.100.1 \\\n"
	"      --resolvers 198.51.100.53 --types A,MX www.example.com names.txt\n\n";

static const char exit_statuses[] =
	"\nExit status: 0 done, 1 failed while running, 2 a bad job or bad arguments,\n"
	"3 the machine lacks something, 130 stopped (ctrl-C once: what was sent is waited\n"
	"for; twice: out at once).\n";

static bool
is_of(const struct parse *p, const struct flag *f)
{
	return f->of == OF_BOTH || (f->of == OF_DNS) == p->is_dns;
}

static void
print_help(FILE *out, const struct parse *p)
{
	fprintf(out, p->is_dns ? dns_usage : scan_usage, p->command);
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		const struct flag *f = &table[i];
		char letter[] = {'-', f->letter, ',', '\0'};
		char name[40];

		if (f->help == NULL || !is_of(p, f))
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", f->name, f->argument != NULL ? "=" : "",
			 f->argument != NULL ? f->argument : "");
		fprintf(out, "  %3s %-23s %s\n", f->letter != 0 ? letter : "", name, f->help);
	}
	fputs(exit_statuses, out);
}

/* Tables for getopt_long(), made from ours: the flags of the command. */
static void
make_options(const struct parse *p, char letters[2 * FLAG_COUNT + 2], struct option options[FLAG_COUNT + 1])
{
	size_t at = 0, count = 0;

	letters[at++] = ':'; /* tell a missing argument from an unknown flag */
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		const struct flag *f = &table[i];

		if (!is_of(p, f))
			continue;
		options[count++] = (struct option){
			f->name, f->argument != NULL ? required_argument : no_argument, NULL,
			LONG_VALUE(i)};
		if (f->letter == 0)
			continue;
		letters[at++] = f->letter;
		if (f->argument != NULL)
			letters[at++] = ':';
	}
	letters[at] = '\0';
	options[count] = (struct option){0};
}

static const struct flag *
find_flag(const struct parse *p, int value)
{
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (is_of(p, &table[i]) &&
		    (value == LONG_VALUE(i) || (table[i].letter != 0 && value == table[i].letter)))
			return &table[i];
	return NULL;
}

/* printf into the flags' memory; NULL without memory. */
static char *__attribute__((format(printf, 2, 3)))
format_text(struct flags *flags, const char *format, ...)
{
	va_list args;
	char *text = NULL, *kept;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return NULL;
	kept = region_copy(&flags->memory, text, (size_t)n);
	free(text);
	return kept;
}

/* A byte costs at most "\x0a", and two quotes stand about all of them. */
#define QUOTED_SIZE(len) (4 * (len) + 3)

/* Append one byte within double quotes. */
static char *
escape(char *out, char byte)
{
	if ((unsigned char)byte < ' ' || byte == '\x7f')
		return out + sprintf(out, "\\x%02x", (unsigned char)byte);
	if (byte == '"' || byte == '\\')
		*out++ = '\\';
	*out++ = byte;
	return out;
}

static bool
has_controls(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
			return true;
	return false;
}

/* Append len bytes to out as a quoted YAML scalar, so that no sign in them means anything. */
static char *
quote(char *out, const char *text, size_t len)
{
	bool escaped = has_controls(text, len);
	char mark = escaped ? '"' : '\'';

	*out++ = mark;
	for (size_t i = 0; i < len; i++) {
		if (escaped) {
			out = escape(out, text[i]);
			continue;
		}
		if (text[i] == '\'')
			*out++ = '\'';
		*out++ = text[i];
	}
	*out++ = mark;
	return out;
}

static char *
quote_text(struct flags *flags, const char *text)
{
	char *yaml = region_alloc(&flags->memory, QUOTED_SIZE(strlen(text)), 1);

	if (yaml != NULL)
		quote(yaml, text, strlen(text));
	return yaml;
}

/* "a, b" to "['a','b']". With its comma, which is a byte of text, an item costs what QUOTED_SIZE() says. */
static char *
quote_list(struct flags *flags, const char *text)
{
	char *yaml = region_alloc(&flags->memory, strlen(text) + 2, 4);
	char *out = yaml;

	if (yaml == NULL)
		return NULL;
	*out++ = '[';
	for (;;) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, ",");
		while (len > 0 && text[len - 1] == ' ')
			len--;
		out = quote(out, text, len);
		text += strcspn(text, ",");
		if (*text == '\0')
			break;
		*out++ = *text++;
	}
	*out = ']';
	return yaml;
}

/* A duration; a bare number gets its unit. */
static char *
quote_seconds(struct flags *flags, const char *text)
{
	bool bare = *text != '\0' && text[strspn(text, "0123456789.")] == '\0';

	return bare ? format_text(flags, "%ss", text) : quote_text(flags, text);
}

static int
add_override(struct parse *p, const char *path, char *value, const char *flag, bool append)
{
	struct flags *out = p->out;
	struct job_override *grown = region_grow(&out->memory, out->overrides, out->override_count,
						 sizeof(*grown));

	if (grown == NULL || path == NULL || value == NULL || flag == NULL)
		return -ENOMEM;
	out->overrides = grown;
	grown[out->override_count++] = (struct job_override){
		.path = path, .value = value, .flag = flag, .append = append};
	return 0;
}

/* Add a target; the first puts the job's own out of the way. */
static int
add_target(struct parse *p, const char *path, char *value, const char *flag)
{
	static const char *const lists[] = {"targets.include", "targets.include_files"};
	int rc = 0;

	for (size_t i = 0; i < 2 && !p->has_targets && rc == 0; i++)
		rc = add_override(p, lists[i], format_text(p->out, "[]"), flag, false);
	p->has_targets = true;
	return rc != 0 ? rc : add_override(p, path, value, flag, true);
}

static int
add_setting(struct parse *p, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char *path;

	if (equals == NULL || equals == argument) {
		fprintf(p->err, "asdic %s: --set %s: write KEY=VALUE, like limits.cooldown=5s\n",
			p->command, argument);
		return -EINVAL;
	}
	path = region_copy(&p->out->memory, argument, (size_t)(equals - argument));
	if (path == NULL)
		return -ENOMEM;
	return add_override(p, path, format_text(p->out, "%s", equals + 1),
			    format_text(p->out, "--set %s", path), false);
}

/* Take one flag. shown is how the person wrote it. */
static int
take_flag(struct parse *p, const struct flag *f, const char *shown, const char *argument)
{
	struct flags *out = p->out;

	switch (f->form) {
	case FORM_TEXT:
		return add_override(p, f->path, quote_text(out, argument), shown, false);
	case FORM_LIST:
		return add_override(p, f->path, quote_list(out, argument), shown, false);
	case FORM_SECONDS:
		return add_override(p, f->path, quote_seconds(out, argument), shown, false);
	case FORM_FORMAT:
		if (strcmp(argument, "json") == 0)
			argument = "ndjson";
		return add_override(p, f->path, quote_text(out, argument), shown, false);
	case FORM_TARGETS:
		return add_target(p, f->path, quote_text(out, argument), shown);
	case FORM_ADDED:
		return add_override(p, f->path, quote_text(out, argument), shown, true);
	case FORM_SET:
		return add_setting(p, argument);
	case FORM_FALSE:
		return add_override(p, f->path, format_text(out, "false"), shown, false);
	case FORM_TOGGLE:
		*(bool *)((char *)out + f->member) = true;
		return 0;
	case FORM_FILE:
		*(const char **)((char *)out + f->member) = argument;
		return 0;
	case FORM_TYPES:
		out->types = quote_list(out, argument);
		return out->types == NULL ? -ENOMEM : 0;
	case FORM_HELP:
		print_help(stdout, p);
		return 1;
	}
	return -EINVAL;
}

/* The long name that was meant by one that is none; NULL if none is near. */
static const char *
find_meant(const struct parse *p, const char *name)
{
	unsigned int best = NEAR_WORD_MAX;
	const char *meant = NULL;

	for (size_t i = 0; i < FLAG_COUNT; i++) {
		unsigned int distance = near_distance(name, table[i].name);

		if (distance >= best || !near_is_likely(name, distance) || !is_of(p, &table[i]))
			continue;
		best = distance;
		meant = table[i].name;
	}
	return meant;
}

/* What getopt_long() did not take. Its optopt is a letter, a row that has no argument, or 0. */
static void
refuse_flag(const struct parse *p, const char *written)
{
	const struct flag *f = find_flag(p, optopt);
	char name[NEAR_WORD_MAX + 1];
	const char *meant;

	if (f != NULL) {
		fprintf(p->err, "asdic %s: --%s takes no argument\n", p->command, f->name);
		return;
	}
	if (optopt != 0) {
		fprintf(p->err, "asdic %s: unknown flag '-%c'; see 'asdic %s --help'\n",
			p->command, optopt, p->command);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(written + 2, "="), written + 2);
	meant = find_meant(p, name);
	if (meant != NULL)
		fprintf(p->err, "asdic %s: unknown flag '--%s'; did you mean '--%s'?\n",
			p->command, name, meant);
	else
		fprintf(p->err, "asdic %s: unknown flag '--%s'; see 'asdic %s --help'\n",
			p->command, name, p->command);
}

static int
refuse_bare_flag(const struct parse *p)
{
	const struct flag *f = find_flag(p, optopt);

	fprintf(p->err, "asdic %s: --%s needs an argument: %s\n", p->command, f->name, f->argument);
	return -EINVAL;
}

static int
parse_flags(struct parse *p, int argc, char **argv)
{
	char letters[2 * FLAG_COUNT + 2];
	struct option options[FLAG_COUNT + 1];
	int value, rc = 0;

	make_options(p, letters, options);
	optind = 0; /* GNU: forget an earlier command line */
	opterr = 0;
	while (rc == 0 && (value = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct flag *f = find_flag(p, value);
		char *shown;

		if (value == ':')
			return refuse_bare_flag(p);
		if (f == NULL) {
			refuse_flag(p, argv[optind - 1]);
			return -EINVAL;
		}
		shown = value == f->letter ? format_text(p->out, "-%c", f->letter)
					   : format_text(p->out, "--%s", f->name);
		rc = shown == NULL ? -ENOMEM : take_flag(p, f, shown, optarg);
	}
	return rc;
}

static unsigned int
count_char(const char *text, char c)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == c;
	return n;
}

/* Whether an argument means targets: an address with whatever follows it, sound or not, also one of IPv6. */
static bool
is_subnet(const char *argument)
{
	if (argument[strspn(argument, "0123456789./:-")] == '\0' && count_char(argument, '.') >= 3)
		return true;
	return argument[strspn(argument, "0123456789abcdefABCDEF.:/")] == '\0' && count_char(argument, ':') >= 2;
}

/* A name of the command line joins those before it in a file that has no name. */
static int
add_name(struct parse *p, const char *name)
{
	struct flags *out = p->out;

	if (out->names_fd == 0)
		out->names_fd = memfd_create("names", MFD_CLOEXEC);
	if (out->names_fd < 0) {
		out->names_fd = 0;
		return -errno;
	}
	return dprintf(out->names_fd, "%s\n", name) < 0 ? -errno : 0;
}

static int
add_lookup(struct parse *p, const char *file)
{
	const char *types = p->out->types != NULL ? p->out->types : "A";
	char *quoted = quote_text(p->out, file);

	if (quoted == NULL)
		return -ENOMEM;
	return add_override(p, "dns.lookups", format_text(p->out, "{names_file: %s, types: %s}", quoted, types),
			    p->out->types != NULL ? "names, --types" : "names", true);
}

/* What is written as a path is one, though there be no file; all else is a list where there is a file. */
static bool
is_list(const char *name)
{
	struct stat st;

	return strcmp(name, "-") == 0 || name[0] == '/' || strncmp(name, "./", 2) == 0 ||
	       strncmp(name, "../", 3) == 0 || (stat(name, &st) == 0 && !S_ISDIR(st.st_mode));
}

/* Lists are lookups of their own, names together another. */
static int
take_names(struct parse *p, int count, char **names)
{
	int rc = add_override(p, "dns.lookups", format_text(p->out, "[]"), "names", false);
	char path[32];

	for (int i = 0; i < count && rc == 0; i++) {
		if (is_list(names[i]))
			rc = add_lookup(p, names[i]);
		else
			rc = add_name(p, names[i]);
	}
	if (count == 0)
		rc = add_lookup(p, "-");
	if (rc != 0 || p->out->names_fd == 0)
		return rc;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->out->names_fd);
	return add_lookup(p, path);
}

static int
take_argument(struct parse *p, const char *argument)
{
	if (is_subnet(argument))
		return add_target(p, "targets.include", quote_text(p->out, argument),
				  format_text(p->out, "argument '%s'", argument));
	if (*argument == '\0') {
		fprintf(p->err, "asdic %s: an argument is empty; write a job file or targets\n", p->command);
		return -EINVAL;
	}
	if (p->out->job_path != NULL) {
		fprintf(p->err, "asdic %s: '%s' is no subnet, and '%s' is the job already\n",
			p->command, argument, p->out->job_path);
		return -EINVAL;
	}
	p->out->job_path = argument;
	return 0;
}

int
flags_parse(int argc, char **argv, struct flags *out, FILE *err)
{
	struct parse p = {.command = argv[0], .out = out, .err = err};
	int rc;

	*out = (struct flags){0};
	p.is_dns = strcmp(p.command, FLAGS_DNS) == 0;
	rc = p.is_dns ? add_override(&p, "name", format_text(out, FLAGS_DNS), "names", false) : 0;
	if (rc == 0)
		rc = parse_flags(&p, argc, argv);
	if (p.is_dns)
		return rc == 0 ? take_names(&p, argc - optind, argv + optind) : rc;
	for (int i = optind; i < argc && rc == 0; i++)
		rc = take_argument(&p, argv[i]);
	return rc;
}

void
flags_free(struct flags *flags)
{
	if (flags->names_fd > 0)
		close(flags->names_fd);
	region_free(&flags->memory);
}
