/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "targets/list.h"

#define ENTRIES_MAX 64

/* The list of reserved ranges as it stands under config/, found beside the include folder. */
__asm__(".pushsection .rodata\n"
	"reserved_list: .incbin \"../config/reserved-ipv4.conf\"\n"
	"reserved_list_end:\n"
	".popsection\n");
extern const char reserved_list[], reserved_list_end[];

struct sink {
	struct list_entry entry[ENTRIES_MAX];
	size_t count;
	int stop_at; /* return -ECANCELED from this entry on; 0: never */
};

static int
keep(void *context, const struct list_entry *entry)
{
	struct sink *s = context;

	assert_true(s->count < ENTRIES_MAX);
	s->entry[s->count++] = *entry;
	return s->stop_at != 0 && s->count >= (size_t)s->stop_at ? -ECANCELED : 0;
}

static int
read_text(const char *text, struct sink *s, struct diag *diag)
{
	return list_read("list", text, strlen(text), keep, s, diag);
}

static void
test_entries(void **state)
{
	static const struct {
		const char *text;
		struct ipv4_range range;
		uint16_t port;
		const char *entry;
	} rows[] = {
		{"192.0.2.1", {0xc0000201, 0xc0000201}, 0, "192.0.2.1"},
		{"10.0.0.0/8", {0x0a000000, 0x0affffff}, 0, "10.0.0.0/8"},
		{"10.0.0.9-10.0.1.0", {0x0a000009, 0x0a000100}, 0, "10.0.0.9-10.0.1.0"},
		{"192.0.2.1:443", {0xc0000201, 0xc0000201}, 443, "192.0.2.1:443"},
		{"192.0.2.1:1\n", {0xc0000201, 0xc0000201}, 1, "192.0.2.1:1"},
		{"192.0.2.1:65535\r\n", {0xc0000201, 0xc0000201}, 65535, "192.0.2.1:65535"},
		{"\t 192.0.2.1 \t", {0xc0000201, 0xc0000201}, 0, "192.0.2.1"},
		{"192.0.2.1# a comment", {0xc0000201, 0xc0000201}, 0, "192.0.2.1"},
		{"192.0.2.0/24 # one # two\r\n", {0xc0000200, 0xc00002ff}, 0, "192.0.2.0/24"},
		{"\n\r\n # nothing\n\n0.0.0.0/0", {0, UINT32_MAX}, 0, "0.0.0.0/0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag = DIAG_EMPTY;
		struct sink s = {0};

		assert_int_equal(read_text(rows[i].text, &s, &diag), 0);
		assert_true(diag_is_empty(&diag));
		assert_int_equal(s.count, 1);
		assert_int_equal(s.entry[0].range.first, rows[i].range.first);
		assert_int_equal(s.entry[0].range.last, rows[i].range.last);
		assert_int_equal(s.entry[0].port, rows[i].port);
		assert_int_equal(s.entry[0].len, strlen(rows[i].entry));
		assert_memory_equal(s.entry[0].text, rows[i].entry, s.entry[0].len);
	}
}

/* Each bad line says what is wrong with it and what to write. */
static void
test_mends(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{"10.1.2.3/8", "list:1:1: '10.1.2.3/8' has host bits set; write 10.0.0.0/8 for the "
			       "network or 10.1.2.3 for the address"},
		{"  10.0.0.0/33",
		 "list:1:3: '10.0.0.0/33' has a prefix longer than 32; write /0 to /32"},
		{"\n\n10.0.0.2-10.0.0.1", "list:3:1: '10.0.0.2-10.0.0.1' ends before it starts; "
					 "write the lower address first"},
		{"example.org", "list:1:1: 'example.org' is not a target; write an address, a CIDR "
				"(192.0.2.0/24), first-last or address:port"},
		{"10.0.0.1 10.0.0.2", "list:1:1: '10.0.0.1 10.0.0.2' is not a target; write an "
				      "address, a CIDR (192.0.2.0/24), first-last or address:port"},
		{"10.0.0.1:0", "list:1:1: '10.0.0.1:0': '0' is not a port; write 1 to 65535"},
		{"10.0.0.1:65536",
		 "list:1:1: '10.0.0.1:65536': '65536' is not a port; write 1 to 65535"},
		{"10.0.0.1:65537",
		 "list:1:1: '10.0.0.1:65537': '65537' is not a port; write 1 to 65535"},
		{"10.0.0.1:", "list:1:1: '10.0.0.1:': '' is not a port; write 1 to 65535"},
		{"10.0.0.1:080", "list:1:1: '10.0.0.1:080': '080' is not a port; write 1 to 65535"},
		{"10.0.0.1:http",
		 "list:1:1: '10.0.0.1:http': 'http' is not a port; write 1 to 65535"},
		{"10.0.0.0/8:80",
		 "list:1:1: '10.0.0.0/8:80': only a single address takes a port here; list "
		 "'10.0.0.0/8' without it and give the port to all targets"},
		{"a.example:80", "list:1:1: 'a.example:80' is not a target; write an address, a "
				 "CIDR (192.0.2.0/24), first-last or address:port"},
		{"2001:db8::1",
		 "list:1:1: '2001:db8::1' is an IPv6 address or no target; asdic scans IPv4"},
		{"\x1b[31m\xff", "list:1:1: '?[31m?' is not a target; write an address, a CIDR "
				 "(192.0.2.0/24), first-last or address:port"},
		{"1234567890123456789012345678901234567890x",
		 "list:1:1: '1234567890123456789012345678901234567890...' is not a target; write "
		 "an address, a CIDR (192.0.2.0/24), first-last or address:port"},
	};
	char message[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag = DIAG_EMPTY;
		struct sink s = {0};

		assert_int_equal(read_text(rows[i].text, &s, &diag), 0);
		assert_int_equal(s.count, 0);
		assert_int_equal(diag.count, 1);
		diag_format(&diag, 0, message, sizeof(message));
		assert_string_equal(message, rows[i].message);
		diag_reset(&diag);
	}
}

/* A bad line does not hide the good and the bad ones after it. */
static void
test_reading_goes_on(void **state)
{
	static const unsigned int bad_lines[] = {2, 4, 5};
	struct diag diag = DIAG_EMPTY;
	struct sink s = {0};

	(void)state;
	assert_int_equal(read_text("10.0.0.1\nbad\n10.0.0.2\r\n1.2.3\n:\n10.0.0.3", &s, &diag), 0);
	assert_int_equal(s.count, 3);
	assert_int_equal(s.entry[2].range.first, 0x0a000003);
	assert_int_equal(diag.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(diag.entries[i].place.line, bad_lines[i]);
	diag_reset(&diag);
}

static void
test_callback_ends_reading(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct sink s = {.stop_at = 2};

	(void)state;
	assert_int_equal(read_text("10.0.0.1\n10.0.0.2\n10.0.0.3\nbad\n", &s, &diag), -ECANCELED);
	assert_int_equal(s.count, 2);
	assert_true(diag_is_empty(&diag));
}

/* No byte beyond the length is read or means anything; a NUL is a byte like any other. */
static void
test_length_rules(void **state)
{
	static const char text[] = "10.0.0.1\n10.0.0.2\0\n10.0.0.34";
	size_t len = sizeof(text) - 2;
	char *copy = malloc(len);
	struct diag diag = DIAG_EMPTY;
	struct sink s = {0};

	(void)state;
	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(list_read(NULL, copy, len, keep, &s, &diag), 0);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.entry[1].range.first, 0x0a000003);
	assert_int_equal(diag.count, 1);
	assert_int_equal(list_read(NULL, copy, 0, keep, &s, &diag), 0);
	assert_int_equal(s.count, 2);
	diag_reset(&diag);
	free(copy);
}

static void
test_single_entry_keeps_its_place(void **state)
{
	const struct diag_place place = {"job.yaml", 12, 15};
	struct diag diag = DIAG_EMPTY;
	struct list_entry entry;

	(void)state;
	assert_int_equal(list_read_entry(" 10.0.0.1:22 ", 13, place, &entry, &diag), 0);
	assert_int_equal(entry.port, 22);
	assert_int_equal(entry.len, 11);
	assert_int_equal(list_read_entry("", 0, place, &entry, &diag), -EINVAL);
	assert_int_equal(diag.count, 1);
	assert_int_equal(diag.entries[0].place.line, 12);
	assert_int_equal(diag.entries[0].place.column, 15);
	diag_reset(&diag);
}

/* The registry's ranges do not overlap but for the broadcast address, and leave 3.7 billion. */
static void
test_reserved_list(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct sink s = {0};
	uint64_t addresses = 0;

	(void)state;
	assert_int_equal(list_read("reserved-ipv4.conf", reserved_list,
				   (size_t)(reserved_list_end - reserved_list), keep, &s, &diag),
			 0);
	assert_true(diag_is_empty(&diag));
	assert_int_equal(s.count, 16);
	for (size_t i = 0; i < s.count - 1; i++) {
		addresses += ipv4_range_count(s.entry[i].range);
		if (i > 0)
			assert_true(s.entry[i].range.first > s.entry[i - 1].range.last);
	}
	assert_int_equal(s.entry[15].range.first, UINT32_MAX);
	assert_int_equal((UINT64_C(1) << 32) - addresses, 3702258432);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_mends),
		cmocka_unit_test(test_reading_goes_on),
		cmocka_unit_test(test_callback_ends_reading),
		cmocka_unit_test(test_length_rules),
		cmocka_unit_test(test_single_entry_keeps_its_place),
		cmocka_unit_test(test_reserved_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
