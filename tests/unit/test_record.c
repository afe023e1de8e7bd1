/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "record/record.h"

/* 2026-11-22T13:02:11Z */
#define START_S UINT64_C(1795352531)

static const struct record_clock wall = {.start_wall_ns = START_S * NS_PER_SEC};

static const struct record_scan synack = {
	.reply = {
		.kind = CLASSIFY_SYNACK, .address = 0xc000020a, .own_address = 0xc6336408,
		.ttl = 53, .port = 443, .own_port = 40112, .seq = 3735928559, .ack = 305419897,
		.window = 64240, .has_mss = 1, .mss = 1460, .has_wscale = 1, .wscale = 7,
		.has_sack_perm = 1, .received_ns = 123456789,
	},
};

static const struct record_scan rst = {
	.reply = {
		.kind = CLASSIFY_RST, .address = 0xc000020b, .own_address = 0xc6336408, .ttl = 53,
		.port = 443, .own_port = 40113, .ack = 305419898, .received_ns = 124001000,
	},
};

static const struct record_scan icmp = {
	.reply = {
		.kind = CLASSIFY_ICMP, .address = 0xc000020c, .own_address = 0xc6336408,
		.ip_id = 4711, .ttl = 240, .port = 443, .own_port = 40114, .seq = 99,
		.icmp_responder = 0xcb007101, .icmp_type = 3, .icmp_code = 13,
		.received_ns = 130007999,
	},
};

static const struct record_scan echoreply = {
	.reply = {
		.kind = CLASSIFY_ECHOREPLY, .address = 0xc000020d, .own_address = 0xc6336408,
		.ip_id = 815, .ttl = 117, .own_port = 40115, .seq = 7, .received_ns = 131000000,
	},
};

static const char synack_line[] =
	"{\"record\":\"scan\",\"saddr\":\"192.0.2.10\",\"saddr_raw\":167903424,"
	"\"daddr\":\"198.51.100.8\",\"daddr_raw\":140784582,\"ipid\":0,\"ttl\":53,\"sport\":443,"
	"\"dport\":40112,\"seqnum\":3735928559,\"acknum\":305419897,\"window\":64240,"
	"\"tcpopt_mss\":1460,\"tcpopt_wscale\":128,\"tcpopt_sack_perm\":1,"
	"\"classification\":\"synack\",\"success\":true,\"repeat\":false,\"cooldown\":false,"
	"\"timestamp_str\":\"2026-11-22T13:02:11.123+0000\",\"timestamp_ts\":1795352531,"
	"\"timestamp_us\":123456,\"probe_num\":0}\n";
static const char rst_line[] =
	"{\"record\":\"scan\",\"saddr\":\"192.0.2.11\",\"saddr_raw\":184680640,"
	"\"daddr\":\"198.51.100.8\",\"daddr_raw\":140784582,\"ipid\":0,\"ttl\":53,\"sport\":443,"
	"\"dport\":40113,\"seqnum\":0,\"acknum\":305419898,\"window\":0,"
	"\"classification\":\"rst\",\"success\":false,\"repeat\":false,\"cooldown\":false,"
	"\"timestamp_str\":\"2026-11-22T13:02:11.124+0000\",\"timestamp_ts\":1795352531,"
	"\"timestamp_us\":124001,\"probe_num\":0}\n";
static const char icmp_line[] =
	"{\"record\":\"scan\",\"saddr\":\"192.0.2.12\",\"saddr_raw\":201457856,"
	"\"daddr\":\"198.51.100.8\",\"daddr_raw\":140784582,\"ipid\":4711,\"ttl\":240,"
	"\"sport\":443,\"dport\":40114,\"classification\":\"icmp\",\"success\":false,"
	"\"icmp_responder\":\"203.0.113.1\",\"icmp_type\":3,\"icmp_code\":13,"
	"\"icmp_unreach_str\":\"communication admin. prohibited\",\"repeat\":false,"
	"\"cooldown\":false,\"timestamp_str\":\"2026-11-22T13:02:11.130+0000\","
	"\"timestamp_ts\":1795352531,\"timestamp_us\":130007,\"probe_num\":0}\n";

static const char echoreply_line[] =
	"{\"record\":\"scan\",\"saddr\":\"192.0.2.13\",\"saddr_raw\":218235072,"
	"\"daddr\":\"198.51.100.8\",\"daddr_raw\":140784582,\"ipid\":815,\"ttl\":117,"
	"\"classification\":\"echoreply\",\"success\":true,\"icmp_type\":0,\"icmp_code\":0,"
	"\"repeat\":false,\"cooldown\":false,\"timestamp_str\":\"2026-11-22T13:02:11.131+0000\","
	"\"timestamp_ts\":1795352531,\"timestamp_us\":131000,\"probe_num\":0}\n";

static void
choose(struct record_fields *f, const char *const *names, size_t count)
{
	f->count = count;
	for (size_t i = 0; i < count; i++) {
		f->field[i] = record_field_find(names[i], strlen(names[i]));
		assert_non_null(f->field[i]);
	}
}

static void
check_ndjson(const struct record_fields *f, const struct record_scan *r, const char *expected)
{
	char buf[RECORD_LINE_MAX];
	size_t len = record_ndjson(f, r, &wall, buf);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(buf, expected, len);
}

static void
check_csv(const struct record_fields *f, const struct record_scan *r, const char *expected)
{
	char buf[RECORD_LINE_MAX];
	size_t len = record_csv(f, r, &wall, buf);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(buf, expected, len);
}

static void
lines_are_byte_for_byte(void **state)
{
	struct record_fields all;

	(void)state;
	record_fields_all(&all);
	check_ndjson(&all, &synack, synack_line);
	check_ndjson(&all, &rst, rst_line);
	check_ndjson(&all, &icmp, icmp_line);
	check_ndjson(&all, &echoreply, echoreply_line);
}

/* An error that quotes a ping has no ports either. */
static void
pings_have_no_ports(void **state)
{
	static const char *const names[] = {"sport", "dport", "icmp_type", "icmp_responder"};
	struct record_scan r = icmp;
	struct record_fields f;

	(void)state;
	choose(&f, names, 4);
	check_csv(&f, &icmp, "443,40114,3,203.0.113.1\n");
	r.reply.port = 0;
	check_csv(&f, &r, ",,3,203.0.113.1\n");
	check_csv(&f, &echoreply, ",,0,\n");
}

static void
choices_are_printed_as_chosen(void **state)
{
	static const char *const two[] = {"sport", "saddr"};
	static const char *const three[] = {"success", "record", "tcpopt_mss"};
	static const char *const absent[] = {"icmp_type", "saddr", "icmp_code", "repeat"};
	static const char *const nothing[] = {"icmp_type"};
	struct record_fields f;

	(void)state;
	choose(&f, two, 2);
	check_ndjson(&f, &synack, "{\"sport\":443,\"saddr\":\"192.0.2.10\"}\n");
	check_csv(&f, &synack, "443,192.0.2.10\n");
	choose(&f, three, 3);
	check_ndjson(&f, &synack, "{\"success\":true,\"record\":\"scan\",\"tcpopt_mss\":1460}\n");
	check_csv(&f, &synack, "1,scan,1460\n");
	check_ndjson(&f, &rst, "{\"success\":false,\"record\":\"scan\"}\n");
	check_csv(&f, &rst, "0,scan,\n");
	choose(&f, absent, 4);
	check_ndjson(&f, &rst, "{\"saddr\":\"192.0.2.11\",\"repeat\":false}\n");
	check_csv(&f, &rst, ",192.0.2.11,,0\n");
	choose(&f, nothing, 1);
	check_ndjson(&f, &rst, "{}\n");
	check_csv(&f, &rst, "\n");
}

static void
csv_has_every_column(void **state)
{
	struct record_fields all;
	char buf[RECORD_LINE_MAX];
	size_t len;

	(void)state;
	record_fields_all(&all);
	len = record_csv_header(&all, buf);
	buf[len] = '\0';
	assert_string_equal(buf,
		"record,saddr,saddr_raw,daddr,daddr_raw,ipid,ttl,sport,dport,seqnum,acknum,window,"
		"tcpopt_mss,tcpopt_wscale,tcpopt_sack_perm,tcpopt_ts_val,tcpopt_ts_ecr,"
		"classification,success,icmp_responder,icmp_type,icmp_code,icmp_unreach_str,repeat,"
		"cooldown,timestamp_str,timestamp_ts,timestamp_us,probe_num\n");
	check_csv(&all, &icmp,
		"scan,192.0.2.12,201457856,198.51.100.8,140784582,4711,240,443,40114,,,,,,,,,icmp,"
		"0,203.0.113.1,3,13,communication admin. prohibited,0,0,"
		"2026-11-22T13:02:11.130+0000,1795352531,130007,0\n");
}

static void
options_and_marks_show(void **state)
{
	static const char *const names[] = {"tcpopt_ts_val", "tcpopt_ts_ecr", "tcpopt_wscale",
					    "repeat", "cooldown", "probe_num", "success"};
	struct record_scan r = synack;
	struct record_fields f;

	(void)state;
	choose(&f, names, 7);
	check_csv(&f, &r, ",,128,0,0,0,1\n");
	r.reply.has_timestamp = 1;
	r.reply.ts_value = UINT32_MAX;
	r.reply.wscale = 14;
	r.repeat = true;
	r.probe_num = 255;
	check_csv(&f, &r, "4294967295,0,16384,1,0,255,1\n");
	r.repeat = false;
	r.cooldown = true;
	r.reply.wscale = 0;
	r.reply.ts_echo = 5;
	check_csv(&f, &r, "4294967295,5,1,0,1,255,1\n");
	r.reply.kind = CLASSIFY_RST;
	check_csv(&f, &r, "4294967295,5,1,0,1,255,0\n");
}

static void
timestamps_equal_the_systems(void **state)
{
	static const uint64_t edges[] = {
		0, 86399, 86400, 951782399, 951782400, 951868800, /* 2000-02-28..03-01 */
		1709164800, 1709251200, 4107542399, 4107542400, /* 2024-02-29; 2100-02-28..03-01 */
		1795352531, 2147483647, 2147483648, 4294967295, 4294967296, 13601088000};
	static const char *const name[] = {"timestamp_str"};
	struct record_fields f;

	(void)state;
	choose(&f, name, 1);
	for (size_t i = 0; i < 20000; i++) {
		uint64_t second = i < sizeof(edges) / sizeof(edges[0]) ? edges[i] :
				  hash_mix64(i) % UINT64_C(18446744073);
		struct record_clock clock = {.start_wall_ns = second * NS_PER_SEC};
		struct record_scan r = synack;
		time_t t = (time_t)second;
		char expected[64], date[32], buf[RECORD_LINE_MAX];
		unsigned int ms = (unsigned int)(hash_mix64(i) >> 40) % 1000;
		struct tm tm;
		size_t len;

		r.reply.received_ns = ms * NS_PER_MS + i % NS_PER_MS;
		assert_non_null(gmtime_r(&t, &tm));
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "%s.%03u+0000\n", date, ms);
		len = record_csv(&f, &r, &clock, buf);
		buf[len] = '\0';
		assert_string_equal(buf, expected);
	}
}

static void
the_runs_clock_is_added_to_the_wall(void **state)
{
	static const char *const names[] = {"timestamp_str", "timestamp_ts", "timestamp_us"};
	struct record_clock clock = {.start_wall_ns = START_S * NS_PER_SEC + 999999999};
	struct record_scan r = synack;
	struct record_fields f;
	char buf[RECORD_LINE_MAX];

	(void)state;
	choose(&f, names, 3);
	r.reply.received_ns = 1;
	buf[record_csv(&f, &r, &clock, buf)] = '\0';
	assert_string_equal(buf, "2026-11-22T13:02:12.000+0000,1795352532,0\n");
	r.reply.received_ns = 0;
	buf[record_csv(&f, &r, &clock, buf)] = '\0';
	assert_string_equal(buf, "2026-11-22T13:02:11.999+0000,1795352531,999999\n");
}

/* ZMap's words, which people's scripts compare with; only codes of "unreachable" that have any. */
static void
unreachable_strings_are_zmaps(void **state)
{
	static const char *const words[] = {
		"network unreachable\n", "host unreachable\n", "protocol unreachable\n",
		"port unreachable\n", "fragments required\n", "source route failed\n",
		"network unknown\n", "host unknown\n", "source host isolated\n",
		"network admin. prohibited\n", "host admin. prohibited\n",
		"network unreachable TOS\n", "host unreachable TOS\n",
		"communication admin. prohibited\n", "host presdence violation\n",
		"precedence cutoff\n"};
	static const char *const name[] = {"icmp_unreach_str"};
	struct record_scan r = icmp;
	struct record_fields f;

	(void)state;
	choose(&f, name, 1);
	for (unsigned int code = 0; code < 256; code++) {
		r.reply.icmp_code = (uint8_t)code;
		check_csv(&f, &r, code < 16 ? words[code] : "\n");
	}
	r.reply.icmp_code = 1;
	r.reply.icmp_type = 11;
	check_csv(&f, &r, "\n");
	check_csv(&f, &rst, "\n");
}

static void
fields_are_found_by_name(void **state)
{
	(void)state;
	assert_string_equal(record_field_at(0)->name, "record");
	for (size_t i = 0; i < record_field_count(); i++) {
		const struct record_field *f = record_field_at(i);

		assert_int_equal(f->name_len, strlen(f->name));
		assert_ptr_equal(record_field_find(f->name, f->name_len), f);
		assert_null(record_field_find(f->name, f->name_len - 1u));
		assert_int_not_equal(f->type, RECORD_ABSENT);
	}
	assert_null(record_field_at(record_field_count()));
	assert_null(record_field_find("", 0));
	assert_null(record_field_find("saddr,", 6));
}

static void
near_names_are_named(void **state)
{
	static const char *const near[][2] = {
		{"sucess", "success"}, {"Success", "success"}, {"sadr", "saddr"},
		{"s_port", "sport"},
		{"icmp_respnder", "icmp_responder"}, {"time_stamp_str", "timestamp_str"},
		{"tcpopt_wscal", "tcpopt_wscale"}, {"classifcation", "classification"},
		{"saddr_row", "saddr_raw"}, {"tl", "ttl"}, {"windowsize", "window"},
		{"seqnumber", "seqnum"}};

	(void)state;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		assert_string_equal(record_field_near(near[i][0], strlen(near[i][0])), near[i][1]);
	assert_null(record_field_near("", 0));
	assert_null(record_field_near("foo", 3));
	assert_null(record_field_near("*", 1));
}

/* The mend of a name that is like none is all names; of one that is cut off, none of them. */
static void
an_unknown_name_is_advised(void **state)
{
	char advice[RECORD_ADVICE_SIZE];
	size_t commas = 0;

	(void)state;
	record_field_advice("sadr", 4, advice);
	assert_string_equal(advice, "did you mean 'saddr'?");
	record_field_advice("foo", 3, advice);
	for (const char *at = advice; *at != '\0'; at++)
		commas += *at == ',';
	assert_int_equal(commas + 1, record_field_count());
}

/* Values are of the field's type or absent, and hold nothing that would have to be quoted. */
static void
check_value(const struct record_field *f, const struct record_scan *r)
{
	struct record_value v;

	memset(&v, 0xaa, sizeof(v));
	f->get(r, &wall, &v);
	if (v.type == RECORD_ABSENT)
		return;
	assert_int_equal(v.type, f->type);
	if (v.type == RECORD_BOOL)
		assert_true(v.number <= 1);
	if (v.type != RECORD_STRING)
		return;
	for (size_t i = 0; i < v.text_len; i++) {
		assert_in_range(v.text[i], 0x20, 0x7e);
		assert_null(strchr("\",\\", v.text[i]));
	}
}

static void
any_record_keeps_to_the_types(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5000; seed++) {
		struct record_scan r;

		for (size_t i = 0; i < sizeof(r.reply); i += 8) {
			uint64_t h = hash_mix64(seed * 8 + i);

			memcpy((char *)&r.reply + i, &h, 8);
		}
		r.reply.kind = (uint8_t)(seed % CLASSIFY_REPLIES);
		r.reply.icmp_type = seed % 2 ? 3 : r.reply.icmp_type;
		r.reply.icmp_code %= 20;
		r.probe_num = (uint8_t)seed;
		r.repeat = seed % 3 == 0;
		r.cooldown = seed % 5 == 0;
		for (size_t i = 0; i < record_field_count(); i++)
			check_value(record_field_at(i), &r);
	}
}

/* The longest value of each field, sixty-four times. */
static void
every_choice_fits_a_line(void **state)
{
	struct record_scan r;
	struct record_fields f = {.count = RECORD_FIELDS_MAX};
	char buf[RECORD_LINE_MAX];

	(void)state;
	memset(&r, 0xff, sizeof(r));
	r.repeat = r.cooldown = false;
	r.reply.icmp_type = 3;
	r.reply.icmp_code = 13;
	r.reply.received_ns = 0;
	for (size_t i = 0; i < record_field_count(); i++) {
		for (size_t j = 0; j < f.count; j++)
			f.field[j] = record_field_at(i);
		for (int kind = 0; kind < CLASSIFY_REPLIES; kind++) {
			r.reply.kind = (uint8_t)kind;
			assert_true(record_ndjson(&f, &r, &wall, buf) <= RECORD_LINE_MAX);
			assert_true(record_csv(&f, &r, &wall, buf) <= RECORD_LINE_MAX);
		}
		assert_true(record_csv_header(&f, buf) <= RECORD_LINE_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_byte_for_byte),
		cmocka_unit_test(pings_have_no_ports),
		cmocka_unit_test(choices_are_printed_as_chosen),
		cmocka_unit_test(csv_has_every_column),
		cmocka_unit_test(options_and_marks_show),
		cmocka_unit_test(timestamps_equal_the_systems),
		cmocka_unit_test(the_runs_clock_is_added_to_the_wall),
		cmocka_unit_test(unreachable_strings_are_zmaps),
		cmocka_unit_test(fields_are_found_by_name),
		cmocka_unit_test(near_names_are_named),
		cmocka_unit_test(an_unknown_name_is_advised),
		cmocka_unit_test(any_record_keeps_to_the_types),
		cmocka_unit_test(every_choice_fits_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
