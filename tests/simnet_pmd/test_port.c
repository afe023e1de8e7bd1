/* SPDX-License-Identifier: BSD-3-Clause */
/* net_simnet as a port that an application drives: one lcore, no huge pages, no privileges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "rte_pmd_simnet.h"
#include "worldfile/worldfile.h"
#include "worlds.h"

#define QUEUES_MAX 4
#define MBUFS 1023
#define BURST 32

static const char world_text[] =
	"seed: 9\n"
	"networks:\n"
	"  - cidr: 198.51.100.0/24\n"
	"    default: {open: 100%}\n"
	"    latency: {min: 10ms, max: 10ms}\n"
	"  - cidr: 10.0.0.0/8\n"
	"    default: {open: 10%, closed: 20%}\n"
	"    unreachable: 5%\n"
	"    latency: {min: 1ms, max: 20ms}\n";

static char folder[] = "/tmp/simnet-port-XXXXXX";
static char world_path[64], report_path[64];

/* A port that is up. */
struct fixture {
	uint16_t port;
	uint16_t queues;
	struct rte_mempool *tx_pool;
	struct rte_mempool *rx_pools[QUEUES_MAX];
	uint64_t now_ns;
};

static int
attach(const char *more, uint16_t *port)
{
	char args[256];

	snprintf(args, sizeof(args), "world=%s,report=%s%s", world_path, report_path, more);
	if (rte_eal_hotplug_add("vdev", "net_simnet0", args) != 0)
		return -1;
	return rte_eth_dev_get_port_by_name("net_simnet0", port);
}

/* Configure and start with so many queues each way, RX pools of so many mbufs. */
static void
start(struct fixture *f, uint16_t queues, unsigned int rx_mbufs, uint64_t offloads)
{
	struct rte_eth_conf conf = {.txmode = {.offloads = offloads}};

	f->queues = queues;
	assert_int_equal(rte_eth_dev_configure(f->port, queues, queues, &conf), 0);
	for (uint16_t i = 0; i < queues; i++) {
		char name[32];

		snprintf(name, sizeof(name), "rx%u", i);
		if (f->rx_pools[i] == NULL)
			f->rx_pools[i] = eal_pool(name, rx_mbufs);
		assert_int_equal(rte_eth_rx_queue_setup(f->port, i, 512, SOCKET_ID_ANY, NULL,
							f->rx_pools[i]), 0);
		assert_int_equal(rte_eth_tx_queue_setup(f->port, i, 512, SOCKET_ID_ANY, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(f->port), 0);
}

static void
open_port(struct fixture *f, const char *args, uint16_t queues, unsigned int rx_mbufs,
	  uint64_t offloads)
{
	*f = (struct fixture){0};
	assert_int_equal(attach(args, &f->port), 0);
	f->tx_pool = eal_pool("tx", MBUFS);
	start(f, queues, rx_mbufs, offloads);
}

static void
close_port(struct fixture *f)
{
	assert_int_equal(rte_eth_dev_stop(f->port), 0);
	assert_int_equal(rte_eth_dev_close(f->port), 0);
	/* Nobody keeps an mbuf. */
	assert_int_equal(rte_mempool_in_use_count(f->tx_pool), 0);
	rte_mempool_free(f->tx_pool);
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		if (f->rx_pools[i] == NULL)
			continue;
		assert_int_equal(rte_mempool_in_use_count(f->rx_pools[i]), 0);
		rte_mempool_free(f->rx_pools[i]);
	}
	assert_int_equal(rte_eal_hotplug_remove("vdev", "net_simnet0"), 0);
}

static struct rte_mbuf *
syn_mbuf(struct fixture *f, uint32_t dst, uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->tx_pool);
	size_t len;

	assert_non_null(m);
	len = worlds_syn(dst, port, rte_pktmbuf_mtod(m, uint8_t *));
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	return m;
}

static void
send_syns(struct fixture *f, uint16_t queue, uint32_t first, uint32_t count)
{
	struct rte_mbuf *mbufs[BURST];

	for (uint32_t done = 0; done < count;) {
		uint16_t n = 0;

		while (n < BURST && done + n < count) {
			mbufs[n] = syn_mbuf(f, first + done + n, 80);
			n++;
		}
		assert_int_equal(rte_eth_tx_burst(f->port, queue, mbufs, n), n);
		done += n;
	}
}

/* What came back of a range of targets. */
struct found {
	uint8_t synacks[4096];
	uint8_t queues[4096]; /* 1 + that on which the first came */
	unsigned int frames;
	unsigned int others;
};

static void
receive(struct fixture *f, uint32_t first, struct found *found)
{
	for (uint16_t queue = 0; queue < f->queues; queue++) {
		struct rte_mbuf *mbufs[BURST];
		uint16_t n = rte_eth_rx_burst(f->port, queue, mbufs, BURST);

		for (uint16_t i = 0; i < n; i++) {
			const uint8_t *frame = rte_pktmbuf_mtod(mbufs[i], const uint8_t *);
			const struct wire_tcp *tcp = worlds_tcp(frame, mbufs[i]->data_len);
			uint32_t from = load_be32(worlds_ip(frame)->src) - first;

			assert_int_equal(mbufs[i]->port, f->port);
			assert_int_equal(mbufs[i]->data_len, mbufs[i]->pkt_len);
			found->frames++;
			if (tcp == NULL || tcp->flags != (TCP_SYN | TCP_ACK)) {
				found->others++;
				continue;
			}
			assert_true(from < sizeof(found->synacks));
			found->synacks[from]++;
			found->queues[from] = (uint8_t)(1 + queue);
		}
		rte_pktmbuf_free_bulk(mbufs, n);
	}
}

/* Let the virtual clock run until nothing is on its way. */
static void
run_out(struct fixture *f, uint32_t first, struct found *found)
{
	for (;;) {
		uint64_t next_ns;

		assert_int_equal(rte_pmd_simnet_next_ns(f->port, &next_ns), 0);
		if (next_ns == UINT64_MAX)
			return;
		if (next_ns > f->now_ns)
			f->now_ns = next_ns;
		assert_int_equal(rte_pmd_simnet_clock_set(f->port, f->now_ns), 0);
		receive(f, first, found);
	}
}

/* The open ones, by the world itself; how many there are. */
static unsigned int
check_found(uint32_t first, uint32_t count, const struct found *found)
{
	struct diag diag = DIAG_EMPTY;
	unsigned int open = 0;
	struct world *w;

	assert_int_equal(worldfile_load(world_path, &diag, &w), 0);
	for (uint32_t i = 0; i < count; i++) {
		bool expected = world_state(w, first + i, 80) == WORLD_OPEN;

		assert_int_equal(found->synacks[i], expected);
		open += expected;
	}
	world_free(w);
	return open;
}

static uint64_t
xstat(uint16_t port, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(port, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
	return value;
}

static void
read_report(char *text, size_t size)
{
	FILE *file = fopen(report_path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	fclose(file);
}

static void
test_answers_are_the_truth(void **state)
{
	static const uint16_t queues[] = {1, 4};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct found found = {.frames = 0};
		unsigned int open, used = 0;
		struct rte_eth_stats stats;
		struct fixture f;
		uint64_t digest = 0;
		char text[8192], line[128];

		open_port(&f, ",clock=virtual", queues[i], MBUFS, 0);
		for (uint16_t q = 0; q < queues[i]; q++)
			send_syns(&f, q, 0x0a000000 + q * 512, 512);
		run_out(&f, 0x0a000000, &found);
		open = check_found(0x0a000000, queues[i] * 512u, &found);
		assert_true(open > 0 && found.others > open);

		assert_int_equal(rte_eth_stats_get(f.port, &stats), 0);
		assert_int_equal(stats.opackets, queues[i] * 512);
		assert_int_equal(stats.obytes, queues[i] * 512 * 54);
		assert_int_equal(stats.ipackets, found.frames);
		assert_true(stats.ibytes >= found.frames * 60);
		assert_int_equal(stats.oerrors + stats.rx_nombuf + stats.imissed, 0);
		assert_int_equal(xstat(f.port, "world_syn"), queues[i] * 512);
		assert_int_equal(xstat(f.port, "world_syn_open"), open);
		assert_int_equal(xstat(f.port, "world_frames_out"), found.frames);
		for (uint32_t t = 0; t < queues[i] * 512u; t++)
			digest += world_digest_term(0x0a000000 + t, 80);
		assert_true(xstat(f.port, "world_syn_digest") == digest);

		/* Flows are spread over all queues. */
		for (uint32_t t = 0; t < queues[i] * 512u; t++)
			used |= 1u << found.queues[t] >> 1;
		assert_int_equal(used, (1u << queues[i]) - 1);

		close_port(&f);
		read_report(text, sizeof(text));
		snprintf(line, sizeof(line),
			 "{\"cidr\": \"10.0.0.0/8\", \"syn\": %u, \"syn_digest\": \"0x%016llx\"",
			 queues[i] * 512, (unsigned long long)digest);
		assert_non_null(strstr(text, line));
		snprintf(line, sizeof(line), "\"frames_out\": %u,", found.frames);
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, "\"events_refused\": 0,"));
	}
}

static void
test_a_flow_keeps_its_queue(void **state)
{
	struct fixture f;

	(void)state;
	open_port(&f, ",clock=virtual", 4, MBUFS, 0);
	for (uint32_t t = 0; t < 64; t++) {
		uint8_t queue = 0;

		for (uint16_t q = 0; q < 4; q++) {
			struct found found = {.frames = 0};

			send_syns(&f, q, 0xc6336400 + t, 1);
			run_out(&f, 0xc6336400, &found);
			assert_int_equal(found.frames, 1);
			assert_true(queue == 0 || found.queues[t] == queue);
			queue = found.queues[t];
		}
	}
	close_port(&f);
}

static void
test_mbufs_go_back(void **state)
{
	static const uint64_t offloads[] = {0, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct found found = {.frames = 0};
		struct fixture f;

		open_port(&f, ",clock=virtual", 1, MBUFS, offloads[i]);
		for (unsigned int round = 0; round < 8; round++)
			send_syns(&f, 0, 0xc0000000, MBUFS);
		assert_int_equal(rte_mempool_in_use_count(f.tx_pool), 0);
		run_out(&f, 0xc0000000, &found);
		assert_int_equal(found.frames, 0);
		close_port(&f);
	}
}

/* A receiver without mbufs loses nothing: what is due waits, and the polls are counted. */
static void
test_frames_wait_for_mbufs(void **state)
{
	struct rte_mbuf *held[BURST];
	struct rte_eth_stats stats;
	struct found found = {.frames = 0};
	struct fixture f;
	uint16_t n;

	(void)state;
	open_port(&f, ",clock=virtual", 1, 15, 0);
	send_syns(&f, 0, 0xc6336400, 100);
	f.now_ns = 10 * NS_PER_MS;
	assert_int_equal(rte_pmd_simnet_clock_set(f.port, f.now_ns), 0);
	n = rte_eth_rx_burst(f.port, 0, held, BURST);
	assert_int_equal(n, 15);
	assert_int_equal(rte_eth_rx_burst(f.port, 0, held + n, BURST - n), 0);
	assert_int_equal(rte_eth_stats_get(f.port, &stats), 0);
	assert_int_equal(stats.rx_nombuf, 2);
	rte_pktmbuf_free_bulk(held, n);
	run_out(&f, 0xc6336400, &found);
	assert_int_equal(found.frames, 85);
	assert_int_equal(rte_eth_stats_reset(f.port), 0);
	assert_int_equal(rte_eth_stats_get(f.port, &stats), 0);
	assert_int_equal(stats.rx_nombuf + stats.ipackets + stats.opackets, 0);
	assert_int_equal(xstat(f.port, "world_frames"), 100);
	close_port(&f);
}

static void
test_full_stages_are_counted(void **state)
{
	struct found found = {.frames = 0};
	struct fixture f;

	(void)state;
	open_port(&f, ",clock=virtual,events=64", 1, MBUFS, 0);
	send_syns(&f, 0, 0xc6336400, 100);
	assert_int_equal(xstat(f.port, "world_events_refused"), 36);
	run_out(&f, 0xc6336400, &found);
	assert_int_equal(found.frames, 64);
	close_port(&f);
}

static void
test_segmented_frames_are_errors(void **state)
{
	struct rte_mbuf *mbufs[2];
	struct rte_eth_stats stats;
	struct fixture f;

	(void)state;
	open_port(&f, ",clock=virtual", 1, MBUFS, 0);
	mbufs[0] = syn_mbuf(&f, 0xc6336401, 80);
	mbufs[1] = syn_mbuf(&f, 0xc6336402, 80);
	assert_int_equal(rte_pktmbuf_chain(mbufs[0], syn_mbuf(&f, 0xc6336403, 80)), 0);
	assert_int_equal(rte_eth_tx_burst(f.port, 0, mbufs, 2), 2);
	assert_int_equal(rte_eth_stats_get(f.port, &stats), 0);
	assert_int_equal(stats.oerrors, 1);
	assert_int_equal(stats.opackets, 1);
	assert_int_equal(xstat(f.port, "world_frames"), 1);
	close_port(&f);
}

static void
test_counters_outlive_queues(void **state)
{
	struct found found = {.frames = 0};
	struct fixture f;
	char text[8192];

	(void)state;
	open_port(&f, ",clock=virtual", 2, MBUFS, 0);
	send_syns(&f, 1, 0xc6336400, 10);
	run_out(&f, 0xc6336400, &found);
	assert_int_equal(rte_eth_dev_stop(f.port), 0);
	start(&f, 1, MBUFS, 0);
	send_syns(&f, 0, 0xc633640a, 5);
	run_out(&f, 0xc6336400, &found);
	assert_int_equal(found.frames, 15);
	assert_int_equal(xstat(f.port, "world_frames"), 15);
	close_port(&f);
	read_report(text, sizeof(text));
	assert_non_null(strstr(text, "\"synacks\": 15,"));
}

static void
test_time_is_the_machine_s(void **state)
{
	struct found found = {.frames = 0};
	struct fixture f;
	uint64_t start_tsc, next_ns;

	(void)state;
	open_port(&f, "", 1, MBUFS, 0);
	assert_int_equal(rte_pmd_simnet_clock_set(f.port, 1), -ENOTSUP);
	assert_int_equal(rte_pmd_simnet_next_ns(f.port, &next_ns), -ENOTSUP);
	start_tsc = rte_rdtsc();
	send_syns(&f, 0, 0xc6336400, 1);
	while (found.frames == 0 && rte_rdtsc() - start_tsc < 30 * rte_get_tsc_hz())
		receive(&f, 0xc6336400, &found);
	assert_int_equal(found.frames, 1);
	/* Ten milliseconds of latency. */
	assert_true(rte_rdtsc() - start_tsc >= rte_get_tsc_hz() / 100);
	close_port(&f);
}

static void
test_virtual_clock_says_what_is_wrong(void **state)
{
	struct fixture f;
	uint64_t next_ns = 0;

	(void)state;
	assert_int_equal(rte_pmd_simnet_clock_set(RTE_MAX_ETHPORTS, 1), -ENODEV);
	assert_int_equal(rte_pmd_simnet_next_ns(0, &next_ns), -ENODEV);
	open_port(&f, ",clock=virtual", 1, MBUFS, 0);
	assert_int_equal(rte_pmd_simnet_clock_set(f.port, 5), 0);
	assert_int_equal(rte_pmd_simnet_clock_set(f.port, 5), 0);
	assert_int_equal(rte_pmd_simnet_clock_set(f.port, 4), -EINVAL);
	assert_int_equal(rte_pmd_simnet_next_ns(f.port, &next_ns), 0);
	assert_true(next_ns == UINT64_MAX);
	assert_int_equal(rte_eth_dev_stop(f.port), 0);
	assert_int_equal(rte_pmd_simnet_next_ns(f.port, &next_ns), -EBUSY);
	assert_int_equal(rte_eth_dev_start(f.port), 0);
	close_port(&f);
}

static void
test_port_describes_itself(void **state)
{
	struct rte_eth_dev_info info;
	struct rte_eth_link link;
	struct rte_ether_addr mac;
	struct fixture f;

	(void)state;
	open_port(&f, ",queues=3", 3, MBUFS, 0);
	assert_int_equal(rte_eth_dev_info_get(f.port, &info), 0);
	assert_string_equal(info.driver_name, "net_simnet");
	assert_int_equal(info.max_rx_queues, 3);
	assert_int_equal(info.max_tx_queues, 3);
	assert_int_equal(rte_eth_link_get_nowait(f.port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	assert_int_equal(link.link_speed, RTE_ETH_SPEED_NUM_10G);
	assert_int_equal(rte_eth_macaddr_get(f.port, &mac), 0);
	assert_true(rte_is_valid_assigned_ether_addr(&mac));
	assert_int_equal(rte_eth_promiscuous_enable(f.port), 0);
	assert_int_equal(rte_eth_promiscuous_get(f.port), 1);
	assert_int_equal(rte_eth_dev_stop(f.port), 0);
	assert_int_equal(rte_eth_link_get_nowait(f.port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	assert_int_not_equal(rte_eth_dev_configure(f.port, 4, 4, &(struct rte_eth_conf){0}), 0);
	start(&f, 3, MBUFS, 0);
	close_port(&f);
}

static void
test_bad_arguments_are_refused(void **state)
{
	static const char *const bad[] = {
		",clock=sundial", ",queues=0", ",queues=257", ",queues=x",
		",events=-1", ",evnets=5", ",world=/nowhere",
	};
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(attach(bad[i], &port), 0);
	assert_int_not_equal(rte_eal_hotplug_add("vdev", "net_simnet0", "queues=1"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

/* ---- ---- */

static int
write_world(void)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(world_path, sizeof(world_path), "%s/world.yaml", folder);
	snprintf(report_path, sizeof(report_path), "%s/report.json", folder);
	return eal_write(world_path, world_text);
}

static int
setup(void **state)
{
	(void)state;
	return write_world() != 0 ? -1 : eal_setup("test_port");
}

static int
teardown(void **state)
{
	(void)state;
	unlink(report_path);
	unlink(world_path);
	rmdir(folder);
	return rte_eal_cleanup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_the_truth),
		cmocka_unit_test(test_a_flow_keeps_its_queue),
		cmocka_unit_test(test_mbufs_go_back),
		cmocka_unit_test(test_frames_wait_for_mbufs),
		cmocka_unit_test(test_full_stages_are_counted),
		cmocka_unit_test(test_segmented_frames_are_errors),
		cmocka_unit_test(test_counters_outlive_queues),
		cmocka_unit_test(test_time_is_the_machine_s),
		cmocka_unit_test(test_virtual_clock_says_what_is_wrong),
		cmocka_unit_test(test_port_describes_itself),
		cmocka_unit_test(test_bad_arguments_are_refused),
	};

	return cmocka_run_group_tests_name("simnet_port", tests, setup, teardown);
}
