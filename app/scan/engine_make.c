/* SPDX-License-Identifier: BSD-3-Clause */
/* How an engine is put together, and taken apart. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/time.h"
#include "engine_state.h"
#include "fabric/sender.h"
#include "onlink.h"
#include "port/eal.h"

/* Probes of one TX queue: what its descriptors hold, and bursts in the making. */
#define PROBE_POOL_SIZE 4095
#define URGENT_POOL_SIZE 8191
#define POOL_CACHE 256

static unsigned int
lcore_count(const struct engine_config *c)
{
	unsigned int n = c->job->lcores != 0 ? c->job->lcores : eal_cpu_count();

	if (c->virtual_clock)
		return 1;
	return n < LCORES_MAX ? n : LCORES_MAX;
}

/* What to do about a device that cannot be had. */
static const char *
mend_device(const char *device)
{
	char name[IFNAMSIZ];

	if (onlink_interface(device, name, sizeof(name)) == 0 && if_nametoindex(name) == 0)
		return "there is no such interface; 'asdic devices' lists what is here";
	if (geteuid() != 0)
		return "it needs root";
	return "'asdic devices' lists what is here";
}

static int
start_eal(struct engine *e, unsigned int lcores)
{
	const struct job_interface *iface = &e->config.job->interface;
	char *device = NULL;
	struct eal_config config = {
		.devices = (const char *const *)&device,
		.device_count = 1,
		.any_pci = iface->kind == JOB_DEVICE_PCI,
		.lcores = lcores,
		.memory_mb = ENGINE_BASE_MB + ENGINE_LCORE_MB * lcores,
	};
	int rc;

	if (asprintf(&device, "%s%s", iface->device.text,
		     e->config.virtual_clock ? ",clock=virtual" : "") < 0)
		return -ENOMEM;
	rc = eal_start(&config);
	free(device);
	if (rc == -ENOMEM && config.any_pci)
		fprintf(stderr, "asdic: a PCI device needs %u MB of free hugepages; "
			"try: echo %u > /proc/sys/vm/nr_hugepages\n", config.memory_mb, config.memory_mb / 2);
	else if (rc != 0)
		fprintf(stderr, "asdic: DPDK cannot start with device '%s': %s; %s\n",
			iface->device.text, rte_strerror(-rc), mend_device(iface->device.text));
	return rc;
}

static int
open_port(struct engine *e, unsigned int lcores)
{
	const char *device = e->config.job->interface.device.text, *what = "finding it";
	uint16_t id;
	int rc = port_find(device, &id);

	if (rc == 0)
		rc = port_open(&e->port, device, id, (uint16_t)lcores, &what);
	if (rc != 0)
		fprintf(stderr, "asdic: device '%s': %s: %s; %s\n", device, what, rte_strerror(-rc),
			mend_device(device));
	e->has_port = rc == 0;
	return rc;
}

static int
make_pools(struct engine *e)
{
	e->urgent_pool = rte_pktmbuf_pool_create("urgent", URGENT_POOL_SIZE, POOL_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (e->urgent_pool == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < e->layout.probers; i++) {
		unsigned int lcore = e->layout.prober[i];
		char name[RTE_MEMPOOL_NAMESIZE];

		snprintf(name, sizeof(name), "probes-%u", lcore);
		e->lcores[lcore].probe_pool =
			rte_pktmbuf_pool_create(name, PROBE_POOL_SIZE, POOL_CACHE, 0,
						RTE_PKTMBUF_HEADROOM + PROBE_FRAME_MAX, SOCKET_ID_ANY);
		if (e->lcores[lcore].probe_pool == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* A way out for every lcore: TX queues first come, relays for the rest. Probers come first. */
static int
make_tx(struct engine *e)
{
	for (unsigned int i = 0; i < e->layout.lcores; i++) {
		struct engine_lcore *l = &e->lcores[i];
		int rc = 0;

		if (i < e->port.tx_queues)
			tx_init(&l->tx, &e->port, (uint16_t)i, e->urgent_pool,
				e->config.inputs->gate, &e->rate, &e->clock, &l->ledger);
		else
			rc = tx_init_relay(&l->tx, &e->lcores[i % e->port.tx_queues].tx,
					   e->urgent_pool, &l->ledger);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
make_rings(struct engine *e)
{
	for (unsigned int w = 0; w < e->layout.workers; w++) {
		for (unsigned int r = 0; r < e->port.rx_queues; r++) {
			e->rings[r][w] = receiver_ring_new(r, w);
			e->rings_by_worker[w][r] = e->rings[r][w];
			if (e->rings[r][w] == NULL)
				return -ENOMEM;
		}
		e->record_rings[w] = worker_record_ring_new(w);
		if (e->record_rings[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
engine_make_probe(struct engine *e)
{
	uint8_t gateway[WIRE_MAC_SIZE] = {0};

	neigh_gateway_mac(&e->neigh, gateway);
	return inputs_make_probe(e->config.inputs, e->config.job, e->port.mac, gateway, &e->probe);
}

static void
make_neigh(struct engine *e)
{
	const struct job_interface *iface = &e->config.job->interface;
	/* Simulated devices need no gateway: the one that simnet answers for, and nobody. */
	static const uint8_t nobody[WIRE_MAC_SIZE] = {0x02, 0, 0, 0, 0, 0x01};
	struct neigh_config config = {
		.addresses = e->config.inputs->sources,
		.address_count = e->config.inputs->source_count,
		.gateway = iface->has_gateway ? iface->gateway : 0,
		.vlan = iface->vlan,
	};

	memcpy(config.mac, e->port.mac, WIRE_MAC_SIZE);
	neigh_init(&e->neigh, &config, 0);
	if (iface->has_gateway_mac)
		neigh_set_gateway_mac(&e->neigh, iface->gateway_mac);
	else if (!iface->has_gateway)
		neigh_set_gateway_mac(&e->neigh, nobody);
}

static struct pressure *
new_pressure(struct engine *e)
{
	return &e->pressures[e->pressure_count++];
}

static void
init_receivers(struct engine *e)
{
	for (uint16_t q = 0; q < e->port.rx_queues; q++) {
		struct engine_lcore *l = &e->lcores[e->layout.receiver[q % e->layout.receivers]];
		struct receiver_config config = {
			.port = &e->port,
			.queue = q,
			.classify = {&e->probe, e->config.inputs->sources,
				     e->config.inputs->source_count},
			.neigh = &e->neigh,
			.tx = &l->tx,
			.rings = e->rings[q],
			.workers = e->layout.workers,
			.pressure = new_pressure(e),
			.ledger = &l->ledger,
		};

		receiver_init(&e->receivers[q], &config);
	}
}

static int
init_workers(struct engine *e)
{
	uint64_t hash_key;

	if (getentropy(&hash_key, sizeof(hash_key)) != 0)
		return -EIO;
	for (unsigned int i = 0; i < e->layout.workers; i++) {
		struct engine_lcore *l = &e->lcores[e->layout.worker[i]];
		struct worker_config config = {
			.rings = e->rings_by_worker[i],
			.receivers = e->port.rx_queues,
			.records = e->record_rings[i],
			.probe = &e->probe,
			.tx = &l->tx,
			.pressure = new_pressure(e),
			.ledger = &l->ledger,
			.cooldown_since_ns = &e->cooldown_since_ns,
		};

		l->dedup = dedup_new(ENGINE_DEDUP_BYTES_MAX / e->layout.workers, hash_key);
		config.dedup = l->dedup;
		if (l->dedup == NULL)
			return -ENOMEM;
		worker_init(&l->worker, &config);
	}
	return 0;
}

static void
init_probers(struct engine *e)
{
	e->source = (struct prober_source){
		.perm = &e->config.inputs->perm,
		.targets = e->config.inputs->targets,
		.end = e->config.inputs->span.end,
		.next = e->config.inputs->span.first,
	};
	for (unsigned int i = 0; i < e->layout.probers; i++) {
		struct engine_lcore *l = &e->lcores[e->layout.prober[i]];
		struct prober_config config = {
			.source = &e->source,
			.probe = &e->probe,
			.tx = &l->tx,
			.pool = l->probe_pool,
			.pressures = e->pressures,
			.pressure_count = e->pressure_count,
		};

		prober_init(&l->prober, &config);
	}
}

/* Roles on lcores, in the order in which a packet meets them; the sender last. */
static int
place_roles(struct engine *e)
{
	const struct layout *y = &e->layout;
	int rc = 0;

	e->fabric = fabric_new(y->lcores, &e->clock);
	if (e->fabric == NULL)
		return -ENOMEM;
	for (uint16_t q = 0; q < e->port.rx_queues && rc == 0; q++)
		rc = fabric_add(e->fabric, y->receiver[q % y->receivers], &receiver_role,
				&e->receivers[q]);
	for (unsigned int i = 0; i < y->workers && rc == 0; i++)
		rc = fabric_add(e->fabric, y->worker[i], &worker_role, &e->lcores[y->worker[i]].worker);
	for (unsigned int i = 0; i < y->probers && rc == 0; i++)
		rc = fabric_add(e->fabric, y->prober[i], &prober_role, &e->lcores[y->prober[i]].prober);
	for (unsigned int i = 0; i < y->lcores && i < e->port.tx_queues && rc == 0; i++)
		rc = fabric_add(e->fabric, i, &sender_role, &e->lcores[i].tx);
	return rc;
}

int
engine_make_writer(struct engine *e, const struct writer_sink *sinks, unsigned int count)
{
	struct writer_config config = {
		.rings = e->record_rings,
		.ring_count = e->layout.workers,
		.sinks = sinks,
		.sink_count = count,
		.clock = {e->config.start_wall_ns},
		.results_limit = e->config.job->limits.results,
		.ledger = &e->writer_ledger,
	};

	e->writer = writer_new(&config);
	return e->writer == NULL ? -ENOMEM : 0;
}

static int
make_all(struct engine *e)
{
	const struct job *job = e->config.job;
	int rc;

	e->promised = (struct engine_rate){job->rate_pps, job->bandwidth_bps};
	tx_rate_init(&e->rate, job->rate_pps, job->bandwidth_bps);
	atomic_init(&e->cooldown_since_ns, TIME_NEVER);
	make_neigh(e);
	rc = engine_make_probe(e);
	if (rc == 0)
		rc = make_pools(e);
	if (rc == 0)
		rc = make_tx(e);
	if (rc == 0)
		rc = make_rings(e);
	if (rc == 0)
		rc = init_workers(e);
	if (rc != 0)
		return rc;
	init_receivers(e);
	init_probers(e);
	rc = place_roles(e);
	clock_init(&e->clock, e->config.virtual_clock);
	return rc;
}

int
engine_open(const struct engine_config *config, struct engine **out)
{
	struct engine *e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);
	unsigned int lcores = lcore_count(config);
	int rc;

	*out = NULL;
	if (e == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	e->config = *config;
	/* Naps of microseconds: the default slack of 50 us would double them. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	rc = start_eal(e, lcores);
	if (rc != 0) {
		free(e);
		return rc;
	}
	rc = open_port(e, lcores);
	if (rc == 0) {
		layout_make(&e->layout, lcores, e->port.tx_queues);
		rc = make_all(e);
		if (rc != 0)
			fprintf(stderr, "asdic: cannot set up the scan: %s\n", rte_strerror(-rc));
	}
	if (rc != 0) {
		engine_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

static void
free_lcore(struct engine_lcore *l)
{
	rte_ring_free(l->tx.relay_to);
	rte_mempool_free(l->probe_pool);
	dedup_free(l->dedup);
}

void
engine_close(struct engine *e)
{
	if (e->has_port)
		port_close(&e->port);
	for (unsigned int i = 0; i < e->layout.lcores; i++)
		free_lcore(&e->lcores[i]);
	for (unsigned int w = 0; w < LCORES_MAX; w++) {
		for (unsigned int r = 0; r < PORT_QUEUES_MAX; r++)
			rte_ring_free(e->rings[r][w]);
		rte_ring_free(e->record_rings[w]);
	}
	rte_mempool_free(e->urgent_pool);
	fabric_free(e->fabric);
	writer_free(e->writer);
	free(e);
	eal_stop();
}
