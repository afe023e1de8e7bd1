/* SPDX-License-Identifier: BSD-3-Clause */
/* The EAL as tests of the port want it: one lcore, no huge pages, no privileges, nothing found by itself. */
#ifndef TESTS_EAL_H
#define TESTS_EAL_H

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

/* 0, or -1 as cmocka has it. */
static inline int
eal_setup(const char *program)
{
	char lcores[32];
	const char *const args[] = {
		program, "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "64",
		"--log-level=lib.eal:4", lcores,
	};
	enum { ARGS = sizeof(args) / sizeof(args[0]) };
	static char texts[ARGS][sizeof(lcores)];
	char *argv[ARGS + 1] = {NULL};
	cpu_set_t cpus;
	int cpu = 0;

	/* Any CPU that this process may use. */
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return -1;
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", cpu);
	/* The EAL keeps and changes its arguments. */
	for (unsigned int i = 0; i < ARGS; i++)
		argv[i] = strcpy(texts[i], args[i]);
	return rte_eal_init(ARGS, argv) < 0 ? -1 : 0;
}

static inline struct rte_mempool *
eal_pool(const char *name, unsigned int mbufs)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, mbufs, 0, 0, 2048, SOCKET_ID_ANY);

	assert_non_null(pool);
	return pool;
}

/* A text as a file: 0 or -1. */
static inline int
eal_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return -1;
	fputs(text, file);
	return fclose(file);
}

#endif /* TESTS_EAL_H */
