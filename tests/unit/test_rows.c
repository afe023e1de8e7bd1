/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "record/json_line.h"
#include "targets/rows.h"

#define TEXT_MAX 4096

/* What a list gives, written out: a line for each target or fault. */
static void
read_all(const char *text, char out[TEXT_MAX])
{
	struct diag diag = DIAG_EMPTY;
	struct rows rows;
	size_t at = 0, told = 0;

	out[0] = '\0';
	rows_init(&rows, "list", &diag);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];
		struct row row;
		int rc = rows_read(&rows, text, len, &row);

		text += len + (text[len] == '\n');
		for (; told < diag.count; told++) {
			assert_int_equal(rc, 0);
			at += (size_t)diag_format(&diag, told, out + at, TEXT_MAX - at);
			at += (size_t)snprintf(out + at, TEXT_MAX - at, "\n");
		}
		if (rc == 0)
			continue;
		ipv4_format(row.entry.range.first, first);
		ipv4_format(row.entry.range.last, last);
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%s-%s:%u %.*s%s%s\n", first, last,
				       row.entry.port, (int)row.name_len,
				       row.name != NULL ? row.name : "", row.is_record ? " record" : "",
				       row.is_host ? " host" : "");
	}
	diag_reset(&diag);
}

static void
test_lists(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		/* ZMap's lists */
		{"\xef\xbb\xbf" "10.0.0.0/30 # a lab\r\n\r\n# nothing\r\n10.1.0.1 \t\r\n10.2.0.1-10.2.0.3",
		 "10.0.0.0-10.0.0.3:0 \n10.1.0.1-10.1.0.1:0 \n10.2.0.1-10.2.0.3:0 \n"},
		/* with ports and names */
		{"10.0.0.1:443\n10.0.0.1:443,www.example.com\n10.0.0.1,www.example.com # c\n10.0.0.1,\n",
		 "10.0.0.1-10.0.0.1:443 \n10.0.0.1-10.0.0.1:443 www.example.com\n"
		 "10.0.0.1-10.0.0.1:0 www.example.com\n10.0.0.1-10.0.0.1:0 \n"},
		{"10.0.0.1,443\n10.0.0.1 , 443 , a.example\n10.0.0.1,a.example,tag,8443\n"
		 "10.0.0.1,,,22\n10.0.0.1:22,,,22\n\"10.0.0.1\",\"a.example\"\n",
		 "10.0.0.1-10.0.0.1:443 \n10.0.0.1-10.0.0.1:443 a.example\n"
		 "10.0.0.1-10.0.0.1:8443 a.example\n10.0.0.1-10.0.0.1:22 \n10.0.0.1-10.0.0.1:22 \n"
		 "10.0.0.1-10.0.0.1:0 a.example\n"},
		/* hosts by name */
		{"www.example.com\nA-1.example.com.:8443 # c\na.example , 443\n_x.example\n",
		 "0.0.0.0-0.0.0.0:0 www.example.com host\n0.0.0.0-0.0.0.0:8443 A-1.example.com. host\n"
		 "0.0.0.0-0.0.0.0:443 a.example host\n0.0.0.0-0.0.0.0:0 _x.example host\n"},
		/* headers, of one column and of many, once more in the middle */
		{"saddr\n10.0.0.1\n", "10.0.0.1-10.0.0.1:0  record\n"},
		{"# of yesterday\nclassification,saddr,text,sport,success,repeat,domain\n"
		 "synack,10.0.0.1,\"a, \"\"b\"\" #\",443,1,0,\n"
		 "rst,10.0.0.2,,443,0,0,\nsynack,10.0.0.3,,443,1,1,\nsynack,10.0.0.4,,,true,false,a.example\n"
		 "ip,domain\n10.0.0.5,b.example\n",
		 "10.0.0.1-10.0.0.1:443  record\n10.0.0.4-10.0.0.4:0 a.example record\n"
		 "10.0.0.5-10.0.0.5:0 b.example record\n"},
		/* records */
		{"{\"record\":\"scan\",\"saddr\":\"10.0.0.1\",\"sport\":443,\"success\":true,\"repeat\":false}\n"
		 "{\"record\":\"scan\",\"saddr\":\"10.0.0.2\",\"sport\":443,\"success\":false,\"repeat\":false}\n"
		 "{\"record\":\"scan\",\"saddr\":\"10.0.0.3\",\"sport\":443,\"success\":true,\"repeat\":true}\n"
		 "{\"record\":\"dns\",\"name\":\"a.example\"}\n"
		 " {\"record\":\"tls\", \"ip\":\"10.0.0.4\" , \"port\":8443,\"domain\":\"a.example\",\"data\":"
		 "{\"saddr\":\"10.9.9.9\",\"x\":[\"}\\\"]\",{}]}}\r\n"
		 "{\"record\":\"banner\",\"ip\":\"10.0.0.5\",\"port\":22,\"data\":{\"ip\":\"10.9.9.9\"}}\n"
		 "{\"saddr\":\"10.0.0.6\"}\n",
		 "10.0.0.1-10.0.0.1:443  record\n10.0.0.4-10.0.0.4:8443 a.example record\n"
		 "10.0.0.5-10.0.0.5:22  record\n10.0.0.6-10.0.0.6:0  record\n"},
	};
	char out[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_all(rows[i].text, out);
		assert_string_equal(out, rows[i].expected);
	}
}

static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"10.0.0.1\n\n10.0.0.1/8\n",
		 "10.0.0.1-10.0.0.1:0 \nlist:3:1: '10.0.0.1/8' has host bits set; write 10.0.0.0/8 for the "
		 "network or 10.0.0.1 for the address\n"},
		{"10.0.0.0/24,a.example\n",
		 "list:1:13: only a single address takes a name; leave 'a.example' out\n"},
		{"10.0.0.0/24,443\n", "list:1:13: only a single address takes a port here; leave '443' out\n"},
		{"10.0.0.1,0\n", "list:1:10: '0' is not a port; write 1 to 65535\n"},
		{"10.0.0.1,65536\n", "list:1:10: '65536' is not a port; write 1 to 65535\n"},
		{"10.0.0.1:80,443\n", "list:1:13: '443' is a second port for one address; leave one of them out\n"},
		{"10.0.0.1,-x.example\n",
		 "list:1:10: '-x.example' has a label that begins or ends with '-'\n"},
		{"10.0.0.1,a,b,80,c\n",
		 "list:1:17: more than address,name,tag,port; begin with a line that names the columns, like "
		 "saddr,sport\n"},
		{"a.example,10.0.0.1\n",
		 "list:1:11: '10.0.0.1' is not a port, which is all that may follow a name; write 1 to 65535, or "
		 "address,name\n"},
		/* an address with a slip in it is no name */
		{"10.0.0.1o\n",
		 "list:1:1: '10.0.0.1o' is not a target; write an address, a CIDR (192.0.2.0/24), first-last or "
		 "address:port\n"},
		{"saddr,sport\n10.0.0.1,x\n", "list:2:10: 'x' is not a port; write 1 to 65535\n"},
		{"sport,saddr\n443\n",
		 "list:2:4: '' is not a target; write an address, a CIDR (192.0.2.0/24), first-last or "
		 "address:port\n"},
		{"{\"saddr\":\"10.0.0.1\"\n", "list:1:20: this record is cut or is no JSON; take the line out\n"},
		{"{\"record\":\"scan\"}\n",
		 "list:1:1: this record has no address, as saddr or ip; take the line out\n"},
		{"{\"saddr\":\"10.0.0.1\",\"sport\":99999}\n", "list:1:29: '99999' is not a port; write 1 to 65535\n"},
		{"{\"ip\":\"10.0.0.1\",\"domain\":\"a\\u0062\"}\n",
		 "list:1:28: 'a\\u0062' is no host name; write letters, digits, '-', '_' and dots\n"},
	};
	char out[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_all(rows[i].text, out);
		assert_string_equal(out, rows[i].expected);
	}
}

static void
test_json(void **state)
{
	static const struct {
		const char *line;
		int rc;
		size_t at; /* of the fault */
	} rows[] = {
		{"{}", 0, 0},
		{" { \"a\" : 1 , \"b\" : [ ] } \r", 0, 0},
		{"{\"a\":-1.5e+3,\"b\":0,\"c\":1E5,\"d\":null,\"e\":true,\"f\":\"\\\\\"}", 0, 0},
		{"{\"a\":{\"b\":[[{\"c\":\"]}\"}]]}}", 0, 0},
		{"", -EINVAL, 0},
		{"[]", -EINVAL, 0},
		{"{", -EINVAL, 1},
		{"{}x", -EINVAL, 2},
		{"{\"a\"}", -EINVAL, 4},
		{"{\"a\":}", -EINVAL, 5},
		{"{\"a\":1,}", -EINVAL, 7},
		{"{\"a\":01}", -EINVAL, 6},
		{"{\"a\":1.}", -EINVAL, 7},
		{"{\"a\":tru}", -EINVAL, 5},
		{"{\"a\":[}]}", -EINVAL, 6},
		{"{\"a\":\"\\\"}", -EINVAL, 6},
		{"{\"a\":[\"]}", -EINVAL, 7},
		{"{\"a\":1 \"b\":2}", -EINVAL, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = 0;

		assert_int_equal(json_line_read(rows[i].line, strlen(rows[i].line), NULL, 0, &at), rows[i].rc);
		assert_int_equal(at, rows[i].at);
	}
}

/* Brackets may be open 64 deep, and no deeper. */
static void
test_json_depth(void **state)
{
	struct json_member m = {.name = "a"};
	size_t at;

	(void)state;
	for (size_t depth = 63; depth < 67; depth++) {
		char line[200];
		size_t len = 5 + 2 * depth + 1;

		memcpy(line, "{\"a\":", 5);
		memset(line + 5, '[', depth);
		memset(line + 5 + depth, ']', depth);
		line[len - 1] = '}';
		assert_int_equal(json_line_read(line, len, &m, 1, &at), depth <= 64 ? 0 : -EINVAL);
		if (depth <= 64)
			assert_true(m.type == JSON_NESTED && m.len == 2 * depth);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
