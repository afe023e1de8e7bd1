/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "worldfile/worldfile.h"

#define PERCENT (WORLD_SHARE_ONE / 100)

/* The form as it is documented, with every key in use. */
static const char whole[] =
	"# What answers, how, and what goes wrong on the way.\n"
	"seed: 18446744073709551615\n"
	"networks:\n"
	"  - cidr: 198.51.100.0/24   # a middlebox\n"
	"    default: {open: 100%}\n"
	"    service: none\n"
	"  - cidr: 10.0.0.0-10.0.0.9\n"
	"  - cidr: 0.0.0.0/0\n"
	"    ports:\n"
	"      80: {open: 1.3%, closed: 4%}\n"
	"      443: {open: 1.1%}\n"
	"    default: {open: 0.02%, closed: 3%}\n"
	"    unreachable: 0.5%\n"
	"    echo: 10%\n"
	"    latency: {min: 5ms, max: 300ms}\n"
	"    loss: {out: 2%, back: 3%}\n"
	"    duplicate: 4%\n"
	"    reorder: 5%\n"
	"    corrupt: 0.0000000000000001%\n"
	"    synack_retries: 3\n"
	"forged: {rate: 10k}\n";

static int
parse(const char *text, struct diag *diag, struct world **w)
{
	return worldfile_parse("w.yaml", text, strlen(text), diag, w);
}

static void
test_whole_form_is_read(void **state)
{
	struct diag diag = DIAG_EMPTY;
	const struct world_description *d;
	const struct world_network *n;
	struct world *w;

	(void)state;
	assert_int_equal(parse(whole, &diag, &w), 0);
	assert_true(diag_is_empty(&diag));
	d = world_describe(w);
	assert_true(d->seed == UINT64_MAX);
	assert_int_equal(d->forged_pps, 10000);
	assert_int_equal(d->networks_count, 3);
	n = &d->networks[0];
	assert_int_equal(n->range.first, 0xc6336400);
	assert_int_equal(n->range.last, 0xc63364ff);
	assert_true(n->open == WORLD_SHARE_ONE && n->closed == 0);
	assert_int_equal(n->offers.count, 1);
	assert_string_equal(d->services[n->offers.list[0].service].name, "none");
	assert_int_equal(n->latency_max_ns, 0);
	assert_int_equal(n->synack_retries, 0);
	n = &d->networks[1];
	assert_int_equal(n->range.last, 0x0a000009);
	assert_true(n->open == 0 && n->closed == 0);
	n = &d->networks[2];
	assert_int_equal(n->offers.count, 0);
	assert_int_equal(n->ports_count, 2);
	assert_int_equal(n->ports[0].port, 80);
	assert_true(n->ports[0].open == 13 * PERCENT / 10 && n->ports[0].closed == 4 * PERCENT);
	assert_true(n->ports[1].open == 11 * PERCENT / 10 && n->ports[1].closed == 0);
	assert_true(n->open == PERCENT / 50 && n->closed == 3 * PERCENT);
	assert_true(n->unreachable == PERCENT / 2 && n->echo == 10 * PERCENT);
	assert_int_equal(n->latency_min_ns, 5 * NS_PER_MS);
	assert_int_equal(n->latency_max_ns, 300 * NS_PER_MS);
	assert_true(n->loss_out == 2 * PERCENT && n->loss_back == 3 * PERCENT);
	assert_true(n->duplicate == 4 * PERCENT && n->reorder == 5 * PERCENT && n->corrupt == 1);
	assert_int_equal(n->synack_retries, 3);
	world_free(w);
}

static void
test_least_worlds_are_silent(void **state)
{
	static const char *const texts[] = {"networks: []", "networks: [{cidr: 0.0.0.0/0}]",
					    "networks: [{cidr: 1.0.0.0/8, default: {open: 100%}}]"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct diag diag = DIAG_EMPTY;
		struct world *w;

		assert_int_equal(parse(texts[i], &diag, &w), 0);
		assert_int_equal(world_state(w, 0x02000000, 80), WORLD_SILENT);
		world_free(w);
	}
}

static void
test_shares_are_exact(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t share;
	} shares[] = {
		{"0", 0, 0},
		{"0%", 0, 0},
		{"0.0%", 0, 0},
		{"100%", 0, WORLD_SHARE_ONE},
		{"100.0000000000000000%", 0, WORLD_SHARE_ONE},
		{"1.3%", 0, UINT64_C(13000000000000000)},
		{"0.1%", 0, UINT64_C(1000000000000000)},
		{"001%", 0, UINT64_C(10000000000000000)},
		{"0.0000000000000001%", 0, 1},
		{"99.9999999999999999%", 0, WORLD_SHARE_ONE - 1},
		{"0.00000000000000001%", -ERANGE, 0},
		{"100.0000000000000001%", -ERANGE, 0},
		{"101%", -ERANGE, 0},
		{"0001%", -ERANGE, 0},
		{"18446744073709551617%", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"%", -EINVAL, 0},
		{"1", -EINVAL, 0},
		{"00", -EINVAL, 0},
		{"0.5", -EINVAL, 0},
		{"1.%", -EINVAL, 0},
		{".5%", -EINVAL, 0},
		{"1.5", -EINVAL, 0},
		{"-1%", -EINVAL, 0},
		{"+1%", -EINVAL, 0},
		{"1e1%", -EINVAL, 0},
		{"1 %", -EINVAL, 0},
		{"1%%", -EINVAL, 0},
		{"1.2.3%", -EINVAL, 0},
		{"0x1%", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		uint64_t share = 4711;
		size_t len = strlen(shares[i].text);
		char *exact = malloc(len + 1);

		/* No byte is read behind the text. */
		memcpy(exact, shares[i].text, len);
		assert_int_equal(worldfile_share(exact, len, &share), shares[i].rc);
		assert_true(share == (shares[i].rc == 0 ? shares[i].share : 4711));
		free(exact);
	}
}

#define NETWORKS "a list of networks, such as - cidr: 0.0.0.0/0"

static const struct {
	const char *text;
	const char *fault;
} faults[] = {
	{"", "w.yaml:1:1: a world is nothing; write a mapping with 'networks'"},
	{"[]", "w.yaml:1:1: a world is a list; write a mapping with 'networks'"},
	{"seed: 1", "w.yaml:1:1: a world without 'networks'; write " NETWORKS},
	{"networks: 1", "w.yaml:1:11: 'networks' is '1'; write " NETWORKS},
	{"networks:", "w.yaml:1:1: 'networks' has no value; write " NETWORKS},
	{"networks: [1]", "w.yaml:1:12: 'networks' is '1'; write " NETWORKS},
	{"networks: []\nsed: 1", "w.yaml:2:1: a world has no key 'sed'; did you mean 'seed'?"},
	{"networks: []\nzzzzzz: 1", "w.yaml:2:1: a world has no key 'zzzzzz'; remove it"},
	{"networks: []\nseed: -1", "w.yaml:2:7: 'seed' is '-1'; write a whole number below 2^64"},
	{"networks: []\nseed: 18446744073709551616",
	 "w.yaml:2:7: 'seed' is '18446744073709551616'; write a whole number below 2^64"},
	{"networks: []\nforged: {rate: 101M}",
	 "w.yaml:2:16: 'rate' is '101M'; write packets per second up to 100M, such as 10k"},
	{"networks: []\nforged: 5",
	 "w.yaml:2:9: 'forged' is '5'; write a rate such as {rate: 1000}"},
	{"networks: [{}]", "w.yaml:1:12: a network without 'cidr'; write which addresses it has"},
	{"networks: [{cidr: x}]",
	 "w.yaml:1:19: 'cidr' is 'x'; write a network such as 198.51.100.0/24"},
	{"networks: [{cidr: [1.2.3.4]}]",
	 "w.yaml:1:19: 'cidr' is a list; write a network such as 198.51.100.0/24"},
	{"networks: [{cidr: 10.0.0.1/8}]",
	 "w.yaml:1:19: 'cidr' is '10.0.0.1/8', which has bits set behind its prefix; write "
	 "10.0.0.0/8"},
	{"networks:\n- cidr: 0.0.0.0/0\n  prots: {}",
	 "w.yaml:3:3: a network has no key 'prots'; did you mean 'ports'?"},
	{"networks:\n- cidr: 0.0.0.0/0\n  ports: {0: {open: 1%}}",
	 "w.yaml:3:11: '0' is no port; write one of 1 to 65535"},
	{"networks:\n- cidr: 0.0.0.0/0\n  ports: {80-90: {open: 1%}}",
	 "w.yaml:3:11: '80-90' is no port; write one of 1 to 65535"},
	{"networks:\n- cidr: 0.0.0.0/0\n  ports: {80: {open: 1%}, 080: {open: 2%}}",
	 "w.yaml:3:27: '080' is no port; write one of 1 to 65535"},
	{"networks:\n- cidr: 0.0.0.0/0\n  ports: {80: 1%}",
	 "w.yaml:3:15: 'ports' is '1%'; write shares by port, such as {80: {open: 1.3%, closed: "
	 "4%}}"},
	{"networks:\n- cidr: 0.0.0.0/0\n  ports: {80: {opne: 1%}}",
	 "w.yaml:3:16: a port has no key 'opne'; did you mean 'open'?"},
	{"networks:\n- cidr: 0.0.0.0/0\n  default: {open: 1}",
	 "w.yaml:3:19: 'open' is '1'; write a share such as 1.3%"},
	{"networks:\n- cidr: 0.0.0.0/0\n  echo: 101%",
	 "w.yaml:3:9: 'echo' is '101%'; write a share such as 1.3%"},
	{"networks:\n- cidr: 0.0.0.0/0\n  default: {open: 60%, closed: 41%}",
	 "w.yaml:3:12: open, closed and unreachable are more than 100% together; lower one"},
	{"networks:\n- cidr: 0.0.0.0/0\n  unreachable: 1%\n  ports: {80: {closed: 100%}}",
	 "w.yaml:4:11: open, closed and unreachable are more than 100% together; lower one"},
	{"networks:\n- cidr: 0.0.0.0/0\n  latency: 5ms",
	 "w.yaml:3:12: 'latency' is '5ms'; write a range such as {min: 5ms, max: 300ms}"},
	{"networks:\n- cidr: 0.0.0.0/0\n  latency: {min: 6ms, max: 5ms}",
	 "w.yaml:3:12: 'latency' has a min above its max; swap them"},
	{"networks:\n- cidr: 0.0.0.0/0\n  latency: {max: 61s}",
	 "w.yaml:3:18: 'max' is '61s'; write a time up to 60s, such as 5ms"},
	{"networks:\n- cidr: 0.0.0.0/0\n  loss: 2%",
	 "w.yaml:3:9: 'loss' is '2%'; write shares such as {out: 2%, back: 2%}"},
	{"networks:\n- cidr: 0.0.0.0/0\n  synack_retries: 9",
	 "w.yaml:3:19: 'synack_retries' is '9'; write a number from 0 to 8"},
	{"networks:\n- cidr: 0.0.0.0/0\n  service: http",
	 "w.yaml:3:12: 'service' is 'http'; write none, tls, {banner: TEXT}, or the name of a service"},
};

static void
test_each_fault_has_place_and_mend(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct diag diag = DIAG_EMPTY;
		char line[512];
		struct world *w;

		assert_int_equal(parse(faults[i].text, &diag, &w), -EINVAL);
		assert_null(w);
		assert_int_equal(diag.count, 1);
		diag_format(&diag, 0, line, sizeof(line));
		assert_string_equal(line, faults[i].fault);
		diag_reset(&diag);
	}
}

static void
test_all_faults_at_once(void **state)
{
	static const char text[] = "sed: 1\n"
				   "networks:\n"
				   "  - default: {opn: 1%, closed: 1}\n"
				   "    latency: {min: 5}\n"
				   "  - cidr: 1.2.3.4/33\n"
				   "    ports: {99999: {}, 80: {open: 100%, closed: 100%}}\n"
				   "forged: {rate: x}\n";
	static const unsigned int lines[] = {1, 3, 3, 3, 4, 5, 6, 6, 7};
	struct diag diag = DIAG_EMPTY;
	struct world *w;

	(void)state;
	assert_int_equal(parse(text, &diag, &w), -EINVAL);
	diag_sort(&diag);
	assert_int_equal(diag.count, sizeof(lines) / sizeof(lines[0]));
	for (size_t i = 0; i < diag.count; i++)
		assert_int_equal(diag.entries[i].place.line, lines[i]);
	diag_reset(&diag);
}

static void
test_files_are_read(void **state)
{
	char path[] = "/tmp/worldfile-XXXXXX";
	struct diag diag = DIAG_EMPTY;
	char line[512];
	struct world *w;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, whole, sizeof(whole) - 1), sizeof(whole) - 1);
	close(fd);
	assert_int_equal(worldfile_load(path, &diag, &w), 0);
	assert_int_equal(world_describe(w)->networks_count, 3);
	world_free(w);
	unlink(path);
	assert_int_equal(worldfile_load(path, &diag, &w), -ENOENT);
	assert_null(w);
	assert_int_equal(diag.count, 1);
	diag_format(&diag, 0, line, sizeof(line));
	assert_non_null(strstr(line, ": cannot be read: No such file or directory"));
	diag_reset(&diag);
	assert_int_equal(worldfile_load("/", &diag, &w), -EISDIR);
	diag_reset(&diag);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_form_is_read),
		cmocka_unit_test(test_least_worlds_are_silent),
		cmocka_unit_test(test_shares_are_exact),
		cmocka_unit_test(test_each_fault_has_place_and_mend),
		cmocka_unit_test(test_all_faults_at_once),
		cmocka_unit_test(test_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
