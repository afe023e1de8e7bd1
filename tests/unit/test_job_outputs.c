/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job says of its outputs, and the names of their files. */
#include "jobs.h"

#include "base/time.h"

/* What the output defaults to follows from its file and from the ports. */
static void
test_output_defaults(void **state)
{
	static const struct {
		const char *targets, *output;
		enum job_format format;
		size_t fields;
	} cases[] = {
		{"ports: 443", "", JOB_FORMAT_CSV, 1},
		{"ports: [443, 443-443]", "", JOB_FORMAT_CSV, 1},
		{"ports: [443, 80]", "", JOB_FORMAT_CSV, 2},
		{"ports: 80-81", "", JOB_FORMAT_CSV, 2},
		{"ports: 443, include: [198.51.100.1, 198.51.100.2:80]", "", JOB_FORMAT_CSV, 2},
		{"include: 198.51.100.2:80", "", JOB_FORMAT_CSV, 2},
		{"include_files: a", "", JOB_FORMAT_CSV, 2},
		{"include_files: a, ports: 443", "", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: a.csv", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: a.txt", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: a.ndjson", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "file: a.json", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "file: a.jsonl", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "file: a.json.zst", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "file: a.csv.zst", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: .json.zst", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: .json", JOB_FORMAT_CSV, 1},
		{"ports: 443", "file: a.json, format: csv", JOB_FORMAT_CSV, 1},
		{"ports: 443", "format: ndjson", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "file: a.csv, format: ndjson", JOB_FORMAT_NDJSON, 0},
		{"ports: 443", "fields: [ttl, saddr, window]", JOB_FORMAT_CSV, 3},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct job *job;

		snprintf(text, sizeof(text),
			 "interfaces: {device: net_null0}\ntargets: {%s}\noutput: {%s}\n",
			 cases[i].targets, cases[i].output);
		job = load_sound(text);
		assert_int_equal(job->outputs[0].format, cases[i].format);
		assert_int_equal(job->outputs[0].fields.count, cases[i].fields);
		job_free(job);
	}
}

/* Each output of a list has the defaults for what it leaves out, whatever the one before it says. */
static void
test_several_outputs(void **state)
{
	struct job *job = load_sound("interfaces: {device: net_null0}\n"
				     "targets: {ports: [443, 80]}\n"
				     "output:\n"
				     "  - {file: a.ndjson.zst, filter: '', rotate: 1h}\n"
				     "  - {format: ndjson, fields: [ttl]}\n"
				     "  - {file: b, header: false}\n");
	const struct job_output *o = job->outputs;

	(void)state;
	assert_int_equal(job->output_count, 3);
	assert_string_equal(o[0].file.text, "a.ndjson.zst");
	assert_string_equal(o[1].file.text, "-");
	assert_string_equal(o[2].file.text, "b");
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(o[i].format, i < 2 ? JOB_FORMAT_NDJSON : JOB_FORMAT_CSV);
		assert_int_equal(o[i].fields.count, i);
		assert_int_equal(o[i].header, i < 2);
		assert_int_equal(o[i].compress, i == 0);
		assert_int_equal(o[i].rotate_ns, i == 0 ? 3600 * NS_PER_SEC : 0);
		assert_string_equal(o[i].filter.text, i == 0 ? "" : "success = 1 && repeat = 0");
	}
	job_free(job);
}

static void
test_file_names(void **state)
{
	static const struct {
		const char *template, *name;
	} cases[] = {
		{"a.csv", "a.csv"},
		{"{name}-{vantage}-{start}-{shard}.ndjson.zst",
		 "census-ams1-20261123T171528Z-2of4.ndjson.zst"},
		{"{campaign_2}{campaign_2}", "weekly.3weekly.3"},
		{"out}/{name}", "out}/census"},
	};
	char text[512], name[JOB_FILE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct job *job;

		snprintf(text, sizeof(text),
			 "interfaces: {device: net_null0}\ntargets: {ports: 443}\nname: census\n"
			 "tags: {campaign_2: weekly.3, vantage: ams1, note: \"a/b, c\"}\n"
			 "order: {shard: 2/4}\noutput: {file: \"%s\"}\n",
			 cases[i].template);
		job = load_sound(text);
		assert_int_equal(job->tags.count, 3);
		assert_string_equal(job->tags.items[2].value, "a/b, c");
		assert_int_equal(job_file_name(job, &job->outputs[0], "20261123T171528Z", name), 0);
		assert_string_equal(name, cases[i].name);
		job_free(job);
	}
}

/* A name that fills its room to the last byte, and one that is a byte longer. */
static void
test_file_names_are_bounded(void **state)
{
	char text[2048], name[JOB_FILE_NAME_SIZE], tag[128];

	(void)state;
	memset(tag, 'x', sizeof(tag));
	for (unsigned int spare = 0; spare < 2; spare++) {
		char template[512] = "";
		struct job *job;

		/* 31 times 128 and 127 or 128 more. */
		for (unsigned int i = 0; i < 31; i++)
			strcat(template, "{t}");
		snprintf(text, sizeof(text),
			 "interfaces: {device: net_null0}\ntargets: {ports: 443}\n"
			 "tags: {t: %.128s}\noutput: {file: \"%s%.*s\"}\n",
			 tag, template, 127 + (int)spare, tag);
		job = load_sound(text);
		assert_int_equal(job_file_name(job, &job->outputs[0], "", name),
				 spare == 0 ? 0 : -ENAMETOOLONG);
		if (spare == 0)
			assert_int_equal(strlen(name), JOB_FILE_NAME_SIZE - 1);
		job_free(job);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_defaults),
		cmocka_unit_test(test_several_outputs),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_file_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
