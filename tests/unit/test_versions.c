/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The versions of what is compiled for several instruction sets (base/multiversion.h): each that this CPU
 * has gives the same bytes as the baseline's. Each stands in a library of its own, named by an argument.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "perm/perm.h"

/* Longer than any block of lanes, and odd. */
#define MOST 301

struct version {
	const char *name;
	void (*forward_run)(const struct perm *p, uint64_t first, unsigned int count, uint64_t *index);
	void (*make_burst)(const struct cookie_key *key, enum cookie_plan plan, unsigned int n,
			   const uint32_t *address, const uint16_t *port, uint64_t *cookie);
	void (*make_each)(const struct cookie_key *key, unsigned int n, const uint32_t *address,
			  const uint16_t *port, const uint8_t *plan, uint64_t *cookie);
	const struct probe_module *synscan;
};

static struct version versions[8];
static size_t version_count;
static uint32_t address[MOST];
static uint16_t port[MOST];

static int
cpu_has(const char *isa)
{
	__builtin_cpu_init();
	if (strcmp(isa, "x86-64-v2") == 0)
		return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
	if (strcmp(isa, "x86-64-v3") == 0)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
		       __builtin_cpu_supports("fma");
	if (strcmp(isa, "x86-64-v4") == 0)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512vl");
	return strcmp(isa, "x86-64") == 0;
}

/* 0, or -1 for a library that is not as it should be. */
static int
load(const char *isa, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct version *v = &versions[version_count];

	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	*v = (struct version){isa, dlsym(library, "perm_forward_run"), dlsym(library, "cookie_make_burst"),
			      dlsym(library, "cookie_make_each"), dlsym(library, "probe_tcp_synscan")};
	if (v->forward_run == NULL || v->make_burst == NULL || v->make_each == NULL || v->synscan == NULL)
		return -1;
	version_count++;
	return 0;
}

static int
make_targets(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < MOST; i++) {
		address[i] = i < 2 ? -i : (uint32_t)hash_mix64(i);
		port[i] = i % 3 == 0 ? UINT16_MAX : (uint16_t)(hash_mix64(i) >> 40);
	}
	return 0;
}

/* The first is the baseline. Lest the others be passed over, some CPU of today's is asked for two at least. */
static void
test_there_are_versions(void **state)
{
	(void)state;
	assert_true(version_count >= 2);
	assert_string_equal(versions[0].name, "x86-64");
	for (size_t i = 1; i < version_count; i++)
		assert_true(versions[i].forward_run != versions[0].forward_run);
}

static void
test_permutation(void **state)
{
	static const uint64_t sizes[] = {1, 100, 20000, 3702258432, UINT64_C(1) << 48};
	uint64_t expected[MOST], index[MOST];

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		unsigned int most = sizes[s] < MOST ? (unsigned int)sizes[s] : MOST;
		struct perm p;

		assert_int_equal(perm_init(&p, sizes[s], 42), 0);
		for (unsigned int n = 1; n <= most; n++) {
			versions[0].forward_run(&p, sizes[s] - n, n, expected);
			for (size_t i = 1; i < version_count; i++) {
				versions[i].forward_run(&p, sizes[s] - n, n, index);
				assert_memory_equal(index, expected, n * sizeof(index[0]));
			}
		}
	}
}

static void
test_cookies(void **state)
{
	const struct cookie_key key = COOKIE_TEST_KEY;
	uint64_t expected[MOST], cookie[MOST];
	uint8_t plan[MOST];

	(void)state;
	for (unsigned int i = 0; i < MOST; i++)
		plan[i] = i % 4;
	for (unsigned int n = 1; n <= MOST; n++) {
		for (size_t i = 0; i < version_count; i++) {
			versions[i].make_burst(&key, COOKIE_PROBE, n, address, port, i == 0 ? expected : cookie);
			assert_memory_equal(i == 0 ? expected : cookie, expected, n * sizeof(cookie[0]));
		}
		for (size_t i = 0; i < version_count; i++) {
			versions[i].make_each(&key, n, address, port, plan, i == 0 ? expected : cookie);
			assert_memory_equal(i == 0 ? expected : cookie, expected, n * sizeof(cookie[0]));
		}
	}
}

/* The frames of n targets as a version fills them. */
static void
fill(const struct version *v, const struct probe_config *config, uint8_t attempt, unsigned int n,
     uint8_t frame[MOST][PROBE_FRAME_MAX])
{
	uint8_t *at[MOST];
	uint64_t cookie[MOST];
	struct probe p;

	assert_int_equal(probe_init(&p, v->synscan, config), 0);
	for (unsigned int i = 0; i < n; i++) {
		at[i] = frame[i];
		memcpy(frame[i], p.template, sizeof(p.template));
	}
	v->make_burst(&config->key, COOKIE_COVERAGE, n, address, port, cookie);
	v->synscan->fill(&p, COOKIE_COVERAGE, attempt, n, at, address, port, cookie);
}

static void
compare_fills(const struct probe_config *config, uint8_t attempt)
{
	static uint8_t expected[MOST][PROBE_FRAME_MAX], frame[MOST][PROBE_FRAME_MAX];

	for (unsigned int n = 1; n <= MOST; n += n < 70 ? 1 : 33) {
		fill(&versions[0], config, attempt, n, expected);
		for (size_t i = 1; i < version_count; i++) {
			fill(&versions[i], config, attempt, n, frame);
			assert_memory_equal(frame, expected, n * sizeof(frame[0]));
		}
	}
}

static void
test_frames(void **state)
{
	static const struct ipv4_range one = {0xc6336408, 0xc6336408};
	static const struct probe_pool_config pool = {&one, 1, 1024, 65535, 1};
	static struct probe_sources alone;

	(void)state;
	assert_int_equal(probe_sources_init(&alone, &pool, 1), 0);
	for (int profile = PROBE_WINDOWS; profile <= PROBE_MSS; profile++) {
		struct probe_config config = frames_config((enum probe_profile)profile);

		compare_fills(&config, 0);
		config.vlan = FRAMES_VLAN;
		compare_fills(&config, 3);
		config.sources = &alone;
		compare_fills(&config, PROBE_ATTEMPTS_MAX - 1);
	}
}

/* Arguments: instruction set and library, by turns. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_are_versions),
		cmocka_unit_test(test_permutation),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_frames),
	};

	for (int i = 1; i + 1 < argc; i += 2)
		if (cpu_has(argv[i]) && load(argv[i], argv[i + 1]) != 0)
			return 1;
	return cmocka_run_group_tests(tests, make_targets, NULL);
}
