/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The program's own floor is no library: the test takes the file in whole. */
#include "../../app/scan/flags.c"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS_MAX 32

/* Split at '|', so that a case can hold spaces. */
static int
split_line(char *line, char *argv[ARGUMENTS_MAX])
{
	int argc = 0;

	argv[argc++] = (char *)"scan";
	for (char *word = strtok(line, "|"); word != NULL; word = strtok(NULL, "|")) {
		assert_true(argc < ARGUMENTS_MAX - 1);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

/* Parse; what is told comes back in told, and the overrides as "path = value (flag)" lines. */
static int
parse_line(const char *line, struct flags *flags, char *told, size_t told_size, char *shown,
	   size_t shown_size)
{
	static char copy[512];
	char *argv[ARGUMENTS_MAX];
	FILE *err = tmpfile();
	size_t at = 0, n;
	int argc, rc;

	assert_non_null(err);
	snprintf(copy, sizeof(copy), "%s", line);
	argc = split_line(copy, argv);
	rc = flags_parse(argc, argv, flags, err);
	rewind(err);
	n = fread(told, 1, told_size - 1, err);
	told[n] = '\0';
	fclose(err);
	shown[0] = '\0';
	for (size_t i = 0; i < flags->override_count; i++) {
		const struct job_override *o = &flags->overrides[i];

		at += (size_t)snprintf(shown + at, shown_size - at, "%s %s %s (%s)\n", o->path,
				       o->append ? "+=" : "=", o->value, o->flag);
		assert_true(at < shown_size);
	}
	return rc;
}

#define CLEARED(flag) "targets.include = [] (" flag ")\ntargets.include_files = [] (" flag ")\n"

static void
test_overrides(void **state)
{
	static const struct {
		const char *line, *job, *expected;
	} cases[] = {
		{"", NULL, ""},
		{"job.yaml", "job.yaml", ""},
		{"-", "-", ""},
		{"1.5", "1.5", ""},
		{"--|-x.yaml", "-x.yaml", ""},
		{"-p|443,8443,9000-9010", NULL,
		 "targets.ports = ['443','8443','9000-9010'] (-p)\n"},
		{"-p443", NULL, "targets.ports = ['443'] (-p)\n"},
		{"--target-ports=443", NULL, "targets.ports = ['443'] (--target-ports)\n"},
		{"--target-port|443", NULL, "targets.ports = ['443'] (--target-ports)\n"},
		{"-r|250k|--rate=1M", NULL, "rate = '250k' (-r)\nrate = '1M' (--rate)\n"},
		{"-f|saddr, sport ,ttl", NULL, "output.fields = ['saddr','sport','ttl'] (-f)\n"},
		{"-f|a,,b", NULL, "output.fields = ['a','','b'] (-f)\n"},
		{"-o|it's: [odd].csv", NULL, "output.file = 'it''s: [odd].csv' (-o)\n"},
		{"-o|a\nb's \"c\"\\d.csv", NULL, "output.file = \"a\\x0ab's \\\"c\\\"\\\\d.csv\" (-o)\n"},
		{"2001:db8::/32", NULL,
		 CLEARED("argument '2001:db8::/32'")
		 "targets.include += '2001:db8::/32' (argument '2001:db8::/32')\n"},
		{"--output-filter=", NULL, "output.filter = '' (--output-filter)\n"},
		{"-O|json", NULL, "output.format = 'ndjson' (-O)\n"},
		{"-O|csv", NULL, "output.format = 'csv' (-O)\n"},
		{"-t|60|-c|1.5", NULL, "limits.runtime = 60s (-t)\nlimits.cooldown = 1.5s (-c)\n"},
		{"-t|2h", NULL, "limits.runtime = '2h' (-t)\n"},
		{"-t|soon", NULL, "limits.runtime = 'soon' (-t)\n"},
		{"-n|10%|-N|5", NULL, "limits.targets = '10%' (-n)\nlimits.results = '5' (-N)\n"},
		{"-S|198.51.100.8,198.51.100.9", NULL,
		 "interfaces.addresses = ['198.51.100.8','198.51.100.9'] (-S)\n"},
		{"-b|a.conf|-b|b.conf", NULL,
		 "targets.exclude_files += 'a.conf' (-b)\n"
		 "targets.exclude_files += 'b.conf' (-b)\n"},
		{"--set|limits.cooldown=5s", NULL,
		 "limits.cooldown = 5s (--set limits.cooldown)\n"},
		{"--set=targets.ports=[80, 443]", NULL,
		 "targets.ports = [80, 443] (--set targets.ports)\n"},
		{"--set|output.filter=a = b", NULL,
		 "output.filter = a = b (--set output.filter)\n"},
		{"10.0.0.0/8", NULL,
		 CLEARED("argument '10.0.0.0/8'")
		 "targets.include += '10.0.0.0/8' (argument '10.0.0.0/8')\n"},
		{"j.yaml|10.0.0.1-10.0.0.9|-I|a|-w|b|10.0.0.0/33", "j.yaml",
		 CLEARED("-I") "targets.include_files += 'a' (-I)\n"
		 "targets.include_files += 'b' (-w)\n"
		 "targets.include += '10.0.0.1-10.0.0.9' (argument '10.0.0.1-10.0.0.9')\n"
		 "targets.include += '10.0.0.0/33' (argument '10.0.0.0/33')\n"},
		{"10.0.0.1:80|-q|j.yaml", "j.yaml",
		 CLEARED("argument '10.0.0.1:80'")
		 "targets.include += '10.0.0.1:80' (argument '10.0.0.1:80')\n"},
	};
	struct flags flags;
	char told[1024], shown[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int rc = parse_line(cases[i].line, &flags, told, sizeof(told), shown,
				    sizeof(shown));

		assert_int_equal(rc, 0);
		assert_string_equal(told, "");
		assert_string_equal(shown, cases[i].expected);
		assert_int_equal(flags.job_path != NULL, cases[i].job != NULL);
		if (cases[i].job != NULL)
			assert_string_equal(flags.job_path, cases[i].job);
		flags_free(&flags);
	}
}

static void
test_toggles(void **state)
{
	struct flags flags;
	char told[1024], shown[64];

	(void)state;
	assert_int_equal(parse_line("", &flags, told, sizeof(told), shown, sizeof(shown)), 0);
	assert_false(flags.dry_run || flags.force || flags.quiet || flags.test_key ||
		     flags.virtual_clock);
	flags_free(&flags);
	assert_int_equal(parse_line("--dry-run|--test-key", &flags, told, sizeof(told), shown,
				    sizeof(shown)), 0);
	assert_true(flags.dry_run && flags.test_key);
	assert_false(flags.force || flags.quiet || flags.virtual_clock);
	flags_free(&flags);
	assert_int_equal(parse_line("-dq|--force|--virtual-clock", &flags, told, sizeof(told),
				    shown, sizeof(shown)), 0);
	assert_true(flags.dry_run && flags.quiet && flags.force && flags.virtual_clock);
	assert_false(flags.test_key);
	flags_free(&flags);
}

static void
test_faults(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{"--target-prots=80",
		 "asdic scan: unknown flag '--target-prots'; did you mean '--target-ports'?\n"},
		{"--zzzzzzzz", "asdic scan: unknown flag '--zzzzzzzz'; see 'asdic scan --help'\n"},
		{"-Z", "asdic scan: unknown flag '-Z'; see 'asdic scan --help'\n"},
		{"-qZ", "asdic scan: unknown flag '-Z'; see 'asdic scan --help'\n"},
		{"--force=1", "asdic scan: --force takes no argument\n"},
		{"--seed", "asdic scan: --seed needs an argument: N\n"},
		{"-q|-e", "asdic scan: --seed needs an argument: N\n"},
		{"--resume=a", "asdic scan: --resume takes no argument\n"},
		{"--set|rate",
		 "asdic scan: --set rate: write KEY=VALUE, like limits.cooldown=5s\n"},
		{"--set|=5", "asdic scan: --set =5: write KEY=VALUE, like limits.cooldown=5s\n"},
		{"a.yaml|b.yaml",
		 "asdic scan: 'b.yaml' is no subnet, and 'a.yaml' is the job already\n"},
	};
	struct flags flags;
	char told[1024], shown[1024];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int rc = parse_line(cases[i].line, &flags, told, sizeof(told), shown,
				    sizeof(shown));

		assert_string_equal(told, cases[i].expected);
		assert_int_equal(rc, -EINVAL);
		flags_free(&flags);
	}
}

/* A flag of another command is none of this one, with its argument or without. */
static void
test_flags_of_other_commands(void **state)
{
	static const struct {
		const char *command, *flag, *expected;
	} cases[] = {
		{"dns", "-p", "asdic dns: unknown flag '-p'; see 'asdic dns --help'\n"},
		{"dns", "-p80", "asdic dns: unknown flag '-p'; see 'asdic dns --help'\n"},
		{"dns", "--seed", "asdic dns: unknown flag '--seed'; see 'asdic dns --help'\n"},
		{"dns", "--seed=4", "asdic dns: unknown flag '--seed'; see 'asdic dns --help'\n"},
		{"scan", "--types", "asdic scan: unknown flag '--types'; see 'asdic scan --help'\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *line[] = {(char *)cases[i].command, (char *)cases[i].flag, NULL};
		char told[256] = "";
		FILE *err = tmpfile();
		struct flags flags;

		assert_non_null(err);
		assert_int_equal(flags_parse(2, line, &flags, err), -EINVAL);
		rewind(err);
		assert_true(fread(told, 1, sizeof(told) - 1, err) > 0);
		fclose(err);
		assert_string_equal(told, cases[i].expected);
		flags_free(&flags);
	}
}

/* No letter or name stands for two flags, and each path is a key: its value is judged, not it. */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(table[i].name, table[j].name);
			assert_true(table[i].letter == 0 || table[i].letter != table[j].letter);
		}
		if (table[i].path != NULL) {
			struct job_override o = {table[i].path, "{}", "flag", false};
			struct diag diag = DIAG_EMPTY;
			struct job *job;

			assert_int_equal(job_load(NULL, NULL, 0, &o, 1, &diag, &job), -EINVAL);
			for (size_t f = 0; f < diag.count; f++)
				assert_null(strstr(diag.entries[f].text, "unknown"));
			diag_reset(&diag);
		}
	}
}

/* The help has a line, within 80 columns, for each flag that is not kept out of it. */
static void
test_help(void **state)
{
	static const struct parse parses[] = {{.command = "scan"}, {.command = "dns", .is_dns = true}};
	char text[8192], name[64];

	(void)state;
	for (size_t p = 0; p < COUNT_OF(parses); p++) {
		FILE *out = tmpfile();
		size_t len;

		assert_non_null(out);
		print_help(out, &parses[p]);
		rewind(out);
		len = fread(text, 1, sizeof(text) - 1, out);
		text[len] = '\0';
		fclose(out);
		for (size_t i = 0; i < FLAG_COUNT; i++) {
			snprintf(name, sizeof(name), " --%s=", table[i].name);
			if (table[i].argument == NULL)
				snprintf(name, sizeof(name), " --%s ", table[i].name);
			assert_int_equal(strstr(text, name) != NULL,
					 table[i].help != NULL && is_of(&parses[p], &table[i]));
		}
		for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= 80);
	}
}

/* Of dns arguments are names, in a file that has no name; lists are lookups of their own. */
static void
test_names(void **state)
{
	char *line[] = {(char *)"dns", (char *)"--types", (char *)"A,MX", (char *)"www.example.org",
			(char *)"/dev/null", (char *)"192.0.2.1", (char *)"-", NULL};
	struct flags flags;
	char names[64] = "";

	(void)state;
	assert_int_equal(flags_parse(7, line, &flags, stderr), 0);
	assert_int_equal(flags.override_count, 5);
	assert_string_equal(flags.overrides[0].value, "dns");
	assert_string_equal(flags.overrides[1].value, "[]");
	assert_string_equal(flags.overrides[2].value, "{names_file: '/dev/null', types: ['A','MX']}");
	assert_string_equal(flags.overrides[3].value, "{names_file: '-', types: ['A','MX']}");
	assert_non_null(strstr(flags.overrides[4].value, "/proc/self/fd/"));
	assert_true(pread(flags.names_fd, names, sizeof(names) - 1, 0) > 0);
	assert_string_equal(names, "www.example.org\n192.0.2.1\n");
	flags_free(&flags);
	/* What is written as a path is a list, though there be none. */
	line[3] = (char *)"./nosuch.txt";
	assert_int_equal(flags_parse(4, line, &flags, stderr), 0);
	assert_string_equal(flags.overrides[2].value, "{names_file: './nosuch.txt', types: ['A','MX']}");
	flags_free(&flags);
	line[1] = NULL;
	assert_int_equal(flags_parse(1, line, &flags, stderr), 0);
	assert_string_equal(flags.overrides[2].value, "{names_file: '-', types: A}");
	flags_free(&flags);
}

/* A whole line of ZMap's flags makes a job. */
static void
test_line_makes_a_job(void **state)
{
	struct flags flags;
	struct diag diag = DIAG_EMPTY;
	char told[1024], shown[2048];
	struct job *job;

	(void)state;
	assert_int_equal(
		parse_line("-i|net_simnet0|-p|443,80|-r|20k|-B|10M|-o|x.json|-f|saddr,ttl|-n|50%|"
			   "-c|3|-e|7|--shard|2/3|-b|no.conf|198.51.100.0/24",
			   &flags, told, sizeof(told), shown, sizeof(shown)), 0);
	assert_int_equal(job_load(NULL, NULL, 0, flags.overrides, flags.override_count, &diag,
				  &job), 0);
	assert_int_equal(job->interfaces[0].kind, JOB_DEVICE_SIMNET);
	assert_int_equal(job->targets.port_range_count, 2);
	assert_int_equal(job->rate_pps, 20000);
	assert_int_equal(job->bandwidth_bps, 10000000);
	assert_int_equal(job->outputs[0].format, JOB_FORMAT_NDJSON);
	assert_int_equal(job->outputs[0].fields.count, 2);
	assert_true(job->limits.targets_share == 0.5);
	assert_true(job->limits.cooldown_ns == UINT64_C(3000000000));
	assert_int_equal(job->order.seed, 7);
	assert_int_equal(job->order.shard, 2);
	assert_int_equal(job->targets.include.count, 1);
	assert_int_equal(job->targets.exclude_files.count, 1);
	job_free(job);
	flags_free(&flags);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_toggles),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_flags_of_other_commands),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_line_makes_a_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
