/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "yaml/value.h"
#include "yaml/yaml.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A heap copy of exactly len bytes, so that a sanitizer sees a read past the end. */
static char *
exact_copy(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

/* What a number parser makes of a text. */
struct number_case {
	const char *text;
	int rc;
	uint64_t value;
};

typedef int parse_number(const char *text, size_t len, uint64_t *value);

static void
check_numbers(parse_number *parse, const struct number_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t untouched = UINT64_C(0xfeedfacecafebeef);
		uint64_t value = untouched;
		size_t len = strlen(cases[i].text);
		char *text = exact_copy(cases[i].text, len);
		int rc = parse(text, len, &value);

		if (rc != cases[i].rc || value != (rc == 0 ? cases[i].value : untouched))
			fail_msg("'%s': %d, %ju", cases[i].text, rc, (uintmax_t)value);
		free(text);
	}
}

static void
test_unsigned(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0, 0}, {"443", 0, 443}, {"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0}, {"99999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0}, {"01", -EINVAL, 0}, {"-1", -EINVAL, 0}, {"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0}, {"1 ", -EINVAL, 0}, {"1k", -EINVAL, 0}, {"0x10", -EINVAL, 0},
		{"1.0", -EINVAL, 0}, {"99999999999999999999999x", -EINVAL, 0},
	};

	(void)state;
	check_numbers(value_unsigned, cases, COUNT_OF(cases));
}

static void
test_count(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0, 0}, {"10000", 0, 10000}, {"250k", 0, 250000}, {"250K", 0, 250000},
		{"1.5M", 0, 1500000}, {"4G", 0, UINT64_C(4000000000)}, {"0.001k", 0, 1},
		{"1.50", -EINVAL, 0}, {"1.0", 0, 1}, {"1.2345k", -EINVAL, 0},
		{"18446744073.709551615G", -ERANGE, 0}, {"9223372036.854775807G", 0, INT64_MAX},
		{"18446744074G", -ERANGE, 0}, {"9999999999999999999", 0, 9999999999999999999u},
		{"99999999999999999999", -ERANGE, 0}, {"1m", -EINVAL, 0}, {"1kk", -EINVAL, 0},
		{"k", -EINVAL, 0}, {".5k", -EINVAL, 0}, {"1.k", -EINVAL, 0}, {"1 k", -EINVAL, 0},
		{"1e6", -EINVAL, 0}, {"", -EINVAL, 0}, {"-1", -EINVAL, 0}, {"00", -EINVAL, 0},
		{"1,000", -EINVAL, 0}, {"1.5.5k", -EINVAL, 0},
	};

	(void)state;
	check_numbers(value_count, cases, COUNT_OF(cases));
}

static void
test_size(void **state)
{
	static const struct number_case cases[] = {
		{"512", 0, 512}, {"4k", 0, 4096}, {"1M", 0, 1 << 20}, {"2G", 0, UINT64_C(2) << 30},
		{"0.5k", 0, 512}, {"0.3k", -EINVAL, 0}, {"4kB", -EINVAL, 0},
	};

	(void)state;
	check_numbers(value_size, cases, COUNT_OF(cases));
}

static void
test_duration(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0, 0}, {"0s", 0, 0}, {"1us", 0, 1000}, {"5ms", 0, 5000000},
		{"8s", 0, 8000000000}, {"1.5s", 0, 1500000000}, {"10m", 0, 600000000000},
		{"2h", 0, 7200000000000}, {"7d", 0, 604800000000000}, {"0.001us", 0, 1},
		{"0.0001us", -EINVAL, 0}, {"213503d", 0, 213503 * UINT64_C(86400000000000)},
		{"213504d", -ERANGE, 0}, {"8", -EINVAL, 0}, {"s", -EINVAL, 0}, {"8S", -EINVAL, 0},
		{"1ns", -EINVAL, 0}, {"-1s", -EINVAL, 0}, {"2h30m", -EINVAL, 0}, {"", -EINVAL, 0},
	};

	(void)state;
	check_numbers(value_duration, cases, COUNT_OF(cases));
}

static void
test_percent(void **state)
{
	static const struct {
		const char *text;
		int rc;
		double fraction;
	} cases[] = {
		{"0", 0, 0.0}, {"0%", 0, 0.0}, {"100%", 0, 1.0}, {"1.3%", 0, 1.3 / 100.0},
		{"0.02%", 0, 0.02 / 100.0}, {"99.9999999999999%", 0, 99.9999999999999 / 100.0},
		{"100.0%", 0, 1.0}, {"0.00000000000001%", 0, 0.00000000000001 / 100.0},
		{"100.000001%", -ERANGE, 0}, {"101%", -ERANGE, 0},
		{"1.0000000000000000%", -ERANGE, 0}, {"1", -EINVAL, 0}, {"0.5", -EINVAL, 0},
		{"%", -EINVAL, 0}, {"1%%", -EINVAL, 0}, {"-1%", -EINVAL, 0}, {"1 %", -EINVAL, 0},
		{"nan%", -EINVAL, 0}, {"", -EINVAL, 0}, {"00", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].text);
		char *text = exact_copy(cases[i].text, len);
		double fraction = -1.0;
		int rc = value_percent(text, len, &fraction);

		if (rc != cases[i].rc || fraction != (rc == 0 ? cases[i].fraction : -1.0))
			fail_msg("'%s': %d, %.17g", cases[i].text, rc, fraction);
		free(text);
	}
}

/* Every percentage of two places is what strtod() and a division by 100 give. */
static void
test_percent_rounds_as_strtod(void **state)
{
	char text[16];

	(void)state;
	for (unsigned int i = 0; i <= 10000; i++) {
		double fraction;
		int len = snprintf(text, sizeof(text), "%u.%02u%%", i / 100, i % 100);

		assert_int_equal(value_percent(text, (size_t)len, &fraction), 0);
		assert_true(fraction == strtod(text, NULL) / 100.0);
	}
}

static void
test_bool(void **state)
{
	static const struct {
		const char *text;
		int rc;
		bool value;
	} cases[] = {
		{"true", 0, true}, {"false", 0, false}, {"yes", 0, true}, {"no", 0, false},
		{"on", 0, true}, {"off", 0, false}, {"True", 0, true}, {"OFF", 0, false},
		{"1", -EINVAL, false}, {"t", -EINVAL, false}, {"truee", -EINVAL, false},
		{"", -EINVAL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool value = !cases[i].value;

		assert_int_equal(value_bool(cases[i].text, strlen(cases[i].text), &value),
				 cases[i].rc);
		assert_int_equal(value, cases[i].rc == 0 ? cases[i].value : !cases[i].value);
	}
}

static void
test_ports(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint16_t first, last;
	} cases[] = {
		{"443", 0, 443, 443}, {"1-65535", 0, 1, 65535}, {"80-80", 0, 80, 80},
		{"0", -ERANGE, 0, 0}, {"65536", -ERANGE, 0, 0}, {"0-5", -ERANGE, 0, 0},
		{"90-80", -ERANGE, 0, 0}, {"80-", -EINVAL, 0, 0}, {"-80", -EINVAL, 0, 0},
		{"-", -EINVAL, 0, 0}, {"80-90-100", -EINVAL, 0, 0}, {"", -EINVAL, 0, 0},
		{"http", -EINVAL, 0, 0}, {"080", -EINVAL, 0, 0}, {"80 ", -EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint16_t first = 0, last = 0;
		size_t len = strlen(cases[i].text);
		char *text = exact_copy(cases[i].text, len);

		assert_int_equal(value_ports(text, len, &first, &last), cases[i].rc);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(last, cases[i].last);
		free(text);
	}
}

/* A document that must parse without fault. */
static struct yaml_tree *
parse_sound(const char *text)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;
	size_t len = strlen(text);
	char *copy = exact_copy(text, len);

	assert_int_equal(yaml_tree_parse("f", copy, len, &diag, &tree), 0);
	assert_true(diag_is_empty(&diag));
	free(copy); /* the tree keeps nothing of it */
	return tree;
}

static void
assert_place(const struct yaml_node *node, unsigned int line, unsigned int column)
{
	assert_string_equal(node->place.file, "f");
	assert_int_equal(node->place.line, line);
	assert_int_equal(node->place.column, column);
}

static void
test_tree_and_places(void **state)
{
	struct yaml_tree *tree = parse_sound("# first\n"
					     "rate: 10k\n"
					     "targets:\n"
					     "  ports: [80, '443']\n"
					     "  include:\n"
					     "    - a\n"
					     "    - {x: \"\", y: ~}\n"
					     "\u00e9t\u00e9: \u00fc \n"
					     "empty:\n");
	const struct yaml_node *root = yaml_tree_root(tree), *node;

	(void)state;
	assert_int_equal(root->kind, YAML_MAPPING);
	assert_int_equal(root->count, 4);
	assert_place(root, 2, 1);
	node = yaml_find(root, "rate");
	assert_int_equal(node->kind, YAML_SCALAR);
	assert_string_equal(node->text, "10k");
	assert_int_equal(node->len, 3);
	assert_place(node, 2, 7);
	assert_true(yaml_is(node, "10k"));
	assert_false(yaml_is(node, "10"));
	assert_null(yaml_find(node, "rate"));
	assert_null(yaml_find(root, "rat"));

	node = yaml_find(yaml_find(root, "targets"), "ports");
	assert_int_equal(node->kind, YAML_SEQUENCE);
	assert_int_equal(node->count, 2);
	assert_place(node, 4, 10);
	assert_place(node->items[1], 4, 15);
	assert_string_equal(node->items[1]->text, "443");

	node = yaml_find(yaml_find(root, "targets"), "include")->items[1];
	assert_place(node, 7, 7);
	assert_string_equal(node->keys[0]->text, "x");
	assert_int_equal(node->items[0]->kind, YAML_SCALAR);
	assert_string_equal(node->items[0]->text, "");
	assert_int_equal(node->items[1]->kind, YAML_NULL);

	assert_string_equal(root->keys[2]->text, "\u00e9t\u00e9");
	assert_place(root->items[2], 8, 6); /* columns count characters, not bytes */
	assert_int_equal(root->items[3]->kind, YAML_NULL);
	yaml_tree_free(tree);
}

static void
test_empty_documents(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only a comment", "---\n", "~",
					    "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct yaml_tree *tree = parse_sound(texts[i]);

		assert_int_equal(yaml_tree_root(tree)->kind, YAML_NULL);
		assert_int_not_equal(yaml_tree_root(tree)->place.line, 0);
		yaml_tree_free(tree);
	}
}

/* A byte order mark takes no column. */
static void
test_byte_order_mark(void **state)
{
	struct yaml_tree *tree = parse_sound("\xef\xbb\xbf" "a: b");

	(void)state;
	assert_place(yaml_find(yaml_tree_root(tree), "a"), 1, 4);
	yaml_tree_free(tree);
}

static void
check_faults(const char *text, size_t len, const char *expected, bool has_tree)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;
	char *copy = exact_copy(text, len);
	char line[512], all[4096] = "";
	int rc = yaml_tree_parse("f", copy, len, &diag, &tree);

	for (size_t i = 0; i < diag.count; i++) {
		diag_format(&diag, i, line, sizeof(line));
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n", line);
	}
	assert_string_equal(all, expected);
	assert_int_equal(rc, has_tree ? 0 : -EINVAL);
	assert_int_equal(tree != NULL, has_tree);
	yaml_tree_free(tree);
	diag_reset(&diag);
	free(copy);
}

/* What a person may write that is not YAML, or that is refused though it is. */
static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
		bool has_tree;
	} cases[] = {
		{"a: [1, 2\nb: 3\n",
		 "f:2:2: a list that never closes; add ',' or ']' (begun at line 1)\n", false},
		{"a: {b: 1\n",
		 "f:2:1: a mapping that never closes; add ',' or '}' (begun at line 1)\n", false},
		{"a: 'x\nb: 3\n",
		 "f:3:1: quotes that never close; add the closing quote (begun at line 1)\n",
		 false},
		{"a:\n\tb: 1\n",
		 "f:2:1: a tab where YAML wants spaces; indent with spaces\n", false},
		{"a: `b`\n", "f:1:4: '`' cannot begin a value; put the value in quotes\n", false},
		{"a: - b\n",
		 "f:1:4: a list item that does not fit here; begin the list on a line of its own\n",
		 false},
		{"a: x\x01\n", "f:1:5: a control character; write plain UTF-8 text\n", false},
		{"\u00e9: \xff\n", "f:1:4: not UTF-8; save the file as UTF-8 text\n", false},
		{"a: 1\r\nb: \xff\r\n", "f:2:4: not UTF-8; save the file as UTF-8 text\n", false},
		{"a: \xe2\x82", "f:1:4: not UTF-8; save the file as UTF-8 text\n", false},
		{"a: 1\nb: 2\na: 3\na: 4\n",
		 "f:3:1: duplicate key 'a'; line 1 has it already, keep one\n"
		 "f:4:1: duplicate key 'a'; line 1 has it already, keep one\n", true},
		{"a: &x 1\nb: *x\n",
		 "f:1:4: anchor '&x' is not supported; write the value out where it is used\n"
		 "f:2:4: alias '*x' is not supported; write the value out\n", true},
		{"a: *undefined\n",
		 "f:1:4: alias '*undefined' is not supported; write the value out\n", true},
		{"*x\n", "f:1:1: alias '*x' is not supported; write the value out\n", true},
		{"a: !!binary aGk=\n", "f:1:4: a tag ('!...') is not supported; remove it\n", true},
		{"a: !x [1]\n", "f:1:4: a tag ('!...') is not supported; remove it\n", true},
		{"[a]: 1\nb: 2\n", "f:1:1: a key must be a plain word, not a list\n", true},
		{"{{a: b}: c}\n", "f:1:2: a key must be a plain word, not a mapping\n", true},
		{"a: 1\n---\nb: 2\n",
		 "f:2:1: a second document; keep one, without a '---' after the first line\n",
		 true},
		{"a: \"x\\0y\"\nb: 1\n", "f:1:4: a NUL character in a value; remove it\n", true},
		{"\"x\\0y\": 1\n", "f:1:1: a NUL character in a value; remove it\n", true},
		{"~: 1\n", "f:1:1: an empty key; write 'key: value'\n", true},
		{"\"\\e[1m\": 1\n\"\\e[1m\": 2\n",
		 "f:2:1: duplicate key '?[1m'; line 1 has it already, keep one\n", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_faults(cases[i].text, strlen(cases[i].text), cases[i].expected,
			     cases[i].has_tree);
	check_faults("a: 1\0", 5, "f:1:5: a control character; write plain UTF-8 text\n", false);
}

/* What is refused is left out; what is sound beside it stays. */
static void
test_refused_is_left_out(void **state)
{
	static const char text[] = "a: 1\nb: *x\n[k]: {v: 1}\nc: [1, *x, 2]\na: 2\n*x : 5\nd: 4\n";
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;
	const struct yaml_node *root;

	(void)state;
	assert_int_equal(yaml_tree_parse("f", text, strlen(text), &diag, &tree), 0);
	assert_int_equal(diag.count, 5);
	root = yaml_tree_root(tree);
	assert_int_equal(root->count, 3);
	assert_string_equal(yaml_find(root, "a")->text, "1");
	assert_int_equal(yaml_find(root, "c")->count, 2);
	assert_string_equal(yaml_find(root, "c")->items[1]->text, "2");
	assert_string_equal(yaml_find(root, "d")->text, "4");
	yaml_tree_free(tree);
	diag_reset(&diag);
}

static char *
repeat(const char *before, const char *unit, size_t count, size_t *len)
{
	size_t head = strlen(before), each = strlen(unit);
	char *text = malloc(head + count * each + 1);

	assert_non_null(text);
	memcpy(text, before, head + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(text + head + i * each, unit, each + 1);
	*len = head + count * each;
	return text;
}

static void
check_one_fault(const char *text, size_t len, const char *words)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;

	assert_int_equal(yaml_tree_parse("f", text, len, &diag, &tree), -EINVAL);
	assert_null(tree);
	assert_int_equal(diag.count, 1);
	assert_non_null(strstr(diag.entries[0].text, words));
	diag_reset(&diag);
}

static void
test_bounds(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;
	size_t len;
	char *text;

	(void)state;
	text = repeat("", "[", YAML_DEPTH_MAX + 1, &len);
	check_one_fault(text, len, "nested deeper");
	free(text);
	text = repeat("", "[", 100000, &len);
	check_one_fault(text, len, "nested deeper");
	free(text);
	text = repeat("", "- a\n", YAML_NODES_MAX, &len);
	check_one_fault(text, len, "more than 262144 values");
	free(text);
	text = repeat("", " ", YAML_TEXT_MAX + 1, &len);
	check_one_fault(text, len, "longer than 4194304 bytes");
	free(text);

	text = repeat("", "[]", YAML_DEPTH_MAX, &len);
	memset(text, '[', YAML_DEPTH_MAX);
	memset(text + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	assert_int_equal(yaml_tree_parse("f", text, len, &diag, &tree), 0);
	assert_true(diag_is_empty(&diag));
	yaml_tree_free(tree);
	free(text);
}

/* Many keys, all alike or all different, end soon: duplicates are found by sorting. */
static void
test_many_keys(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree;
	size_t len, at = 0;
	char *text = repeat("", "a: 1\n", 100000, &len);
	static char different[100000 * 10 + 1];

	(void)state;
	assert_int_equal(yaml_tree_parse("f", text, len, &diag, &tree), 0);
	assert_int_equal(diag.count, DIAG_MAX);
	assert_int_equal(diag.count + diag.dropped, 99999);
	assert_int_equal(yaml_tree_root(tree)->count, 1);
	yaml_tree_free(tree);
	diag_reset(&diag);
	free(text);

	for (unsigned int i = 0; i < 100000; i++) {
		char line[16];
		int n = snprintf(line, sizeof(line), "k%05u: 1\n", (i * 7919) % 100000);

		memcpy(different + at, line, (size_t)n);
		at += (size_t)n;
	}
	assert_int_equal(yaml_tree_parse("f", different, at, &diag, &tree), 0);
	assert_true(diag_is_empty(&diag));
	assert_int_equal(yaml_tree_root(tree)->count, 100000);
	assert_string_equal(yaml_tree_root(tree)->keys[1]->text, "k07919");
	yaml_tree_free(tree);
}

/* Every prefix of a document with everything in it ends in a tree or in a fault. */
static void
test_prefixes(void **state)
{
	static const char text[] =
		"%YAML 1.1\n---\na: [1, {b: 'c'}, \"d\\x41\"]\n? e\n: |\n  f\n  g\nh: &i !!j *k\n"
		"l:\n  - m: >-\n      n\n...\n";
	struct diag diag = DIAG_EMPTY;

	(void)state;
	for (size_t len = 0; len <= strlen(text); len++) {
		char *copy = exact_copy(text, len);
		struct yaml_tree *tree;
		int rc = yaml_tree_parse("f", copy, len, &diag, &tree);

		assert_true(rc == 0 || rc == -EINVAL);
		assert_int_equal(tree != NULL, rc == 0);
		assert_true(rc == 0 || !diag_is_empty(&diag));
		yaml_tree_free(tree);
		diag_reset(&diag);
		free(copy);
	}
}

/* The tree in flow form, for comparing. */
static void
write_flow(const struct yaml_node *node, char *out, size_t size)
{
	size_t at = strlen(out);

	if (node->kind == YAML_NULL || node->kind == YAML_SCALAR) {
		snprintf(out + at, size - at, "%s", node->kind == YAML_NULL ? "~" : node->text);
		return;
	}
	strcat(out, node->kind == YAML_MAPPING ? "{" : "[");
	for (size_t i = 0; i < node->count; i++) {
		if (i > 0)
			strcat(out, ", ");
		if (node->kind == YAML_MAPPING) {
			write_flow(node->keys[i], out, size);
			strcat(out, ": ");
		}
		write_flow(node->items[i], out, size);
	}
	strcat(out, node->kind == YAML_MAPPING ? "}" : "]");
}

static void
test_put(void **state)
{
	static const struct {
		const char *document, *path, *value;
		bool append;
		const char *expected; /* NULL: a fault, and nothing changed */
	} cases[] = {
		{"a: 1", "a", "2", false, "{a: 2}"},
		{"a: 1", "b", "2", false, "{a: 1, b: 2}"},
		{"a: 1", "b.c.d", "[2, 3]", false, "{a: 1, b: {c: {d: [2, 3]}}}"},
		{"a: {b: 1, c: 2}", "a.b", "{x: y}", false, "{a: {b: {x: y}, c: 2}}"},
		{"a: [{b: 1}, {b: 2}]", "a.b", "3", false, "{a: [{b: 3}, {b: 2}]}"},
		{"a: []", "a.b", "3", false, "{a: [{b: 3}]}"},
		{"a:", "a.b", "3", false, "{a: {b: 3}}"},
		{"a: [~]", "a.b", "3", false, "{a: [{b: 3}]}"},
		{"", "a", "1", false, "{a: 1}"},
		{"a: 1", "a", "2", true, "{a: [1, 2]}"},
		{"a: [1]", "a", "[2, 3]", true, "{a: [1, 2, 3]}"},
		{"a: [1, 2]", "a", "3", true, "{a: [1, 2, 3]}"},
		{"a:", "a", "3", true, "{a: [3]}"},
		{"b: 1", "a", "[3]", true, "{b: 1, a: [3]}"},
		{"a: 1", "a", "", false, "{a: ~}"},
		{"a: 1", "a", "''", false, "{a: }"},
		{"a: 1", "a.b", "2", false, NULL},
		{"a: [1]", "a.b", "2", false, NULL},
		{"a: [[1]]", "a.b", "2", false, NULL},
		{"a: 1", "b", "[2", false, NULL},
		{"a: 1", "b", "{c: 1, c: 2}", false, NULL},
		{"a: 1", "b", "*x", false, NULL},
		{"a: 1", "", "2", false, NULL},
		{"a: 1", "b.", "2", false, NULL},
		{"a: 1", ".b", "2", false, NULL},
		{"a: 1", "b..c", "2", false, NULL},
		{"[1]", "a", "2", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct diag diag = DIAG_EMPTY;
		struct yaml_tree *tree = parse_sound(cases[i].document);
		char before[256] = "", after[256] = "";
		int rc;

		write_flow(yaml_tree_root(tree), before, sizeof(before));
		rc = yaml_tree_put(tree, cases[i].path, "--flag", cases[i].value, cases[i].append,
				   &diag);
		write_flow(yaml_tree_root(tree), after, sizeof(after));
		assert_int_equal(rc, cases[i].expected != NULL ? 0 : -EINVAL);
		assert_int_equal(diag_is_empty(&diag), cases[i].expected != NULL);
		assert_string_equal(after, cases[i].expected != NULL ? cases[i].expected : before);
		if (rc != 0)
			assert_string_equal(diag.entries[0].place.file, "--flag");
		yaml_tree_free(tree);
		diag_reset(&diag);
	}
}

static void
test_put_places(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct yaml_tree *tree = parse_sound("a: {b: 1}");
	const struct yaml_node *node;

	(void)state;
	assert_int_equal(yaml_tree_put(tree, "a.b", "-x", "[2]", false, &diag), 0);
	assert_int_equal(yaml_tree_put(tree, "a.c", "-y", "3", false, &diag), 0);
	node = yaml_find(yaml_tree_root(tree), "a");
	assert_place(node, 1, 4);
	assert_place(node->keys[0], 1, 5);
	assert_string_equal(node->items[0]->items[0]->place.file, "-x");
	assert_int_equal(node->items[0]->items[0]->place.line, 0);
	assert_string_equal(node->keys[1]->place.file, "-y");
	assert_string_equal(node->items[1]->place.file, "-y");
	yaml_tree_free(tree);

	tree = yaml_tree_new((struct diag_place){"g", 3, 4});
	assert_int_equal(yaml_tree_root(tree)->kind, YAML_MAPPING);
	assert_int_equal(yaml_tree_root(tree)->count, 0);
	assert_int_equal(yaml_tree_root(tree)->place.line, 3);
	yaml_tree_free(tree);
}

static void
test_describe(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"fast", "'fast'"}, {"[1]", "a list"}, {"{a: b}", "a mapping"}, {"~", "nothing"},
		{"''", "''"}, {"\"a\\e[31m\\nb\"", "'a?[31m?b'"},
	};
	char buf[YAML_DESCRIBE_SIZE], text[400] = "";
	struct yaml_tree *tree;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		tree = parse_sound(cases[i].text);
		assert_string_equal(yaml_describe(yaml_tree_root(tree), buf), cases[i].expected);
		yaml_tree_free(tree);
	}
	/* Cut between characters, at any length. */
	for (unsigned int n = 1; n <= 100; n++) {
		const char *shown;

		strcat(text, "\u20ac");
		tree = parse_sound(text);
		shown = yaml_describe(yaml_tree_root(tree), buf);
		assert_true(strlen(shown) < YAML_DESCRIBE_SIZE);
		if (3 * n + sizeof("''") > YAML_DESCRIBE_SIZE)
			assert_string_equal(shown + strlen(shown) - 7, "\u20ac...'");
		yaml_tree_free(tree);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_percent_rounds_as_strtod),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_tree_and_places),
		cmocka_unit_test(test_empty_documents),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_refused_is_left_out),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_places),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
