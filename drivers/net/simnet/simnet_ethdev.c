/* SPDX-License-Identifier: BSD-3-Clause */
#include "simnet.h"
#include "simnet_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_malloc.h>

#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>

#include "base/time.h"
#include "rte_pmd_simnet.h"
#include "worldfile/worldfile.h"
#include "yaml/value.h"

#define ARG_WORLD "world"
#define ARG_REPORT "report"
#define ARG_CAPTURE "capture"
#define ARG_QUEUES "queues"
#define ARG_CLOCK "clock"
#define ARG_EVENTS "events"
#define ARG_ANSWERS "answers"
#define ARG_CONNECTIONS "connections"
#define ARG_DOWN "down"
#define ARG_DEAF "deaf"

#define DEFAULT_QUEUES 16
#define DEFAULT_EVENTS (1 << 20)
#define DEFAULT_CONNECTIONS (1 << 16)
#define CONNECTIONS_MAX (1 << 24)
#define QUEUE_CONNECTIONS_MIN 16U
#define EVENTS_MAX (1 << 28)
#define QUEUE_EVENTS_MIN 64U

RTE_LOG_REGISTER(simnet_logtype, pmd.net.simnet, NOTICE);

/* ---- Queues ------------------------------------------------------------------------------ */

static void
simnet_rx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct simnet_rx_queue *q = dev->data->rx_queues[id];

	if (q == NULL)
		return;
	simnet_retire_rx(q->simnet, q);
	world_stage_free(q->stage);
	simnet_tls_free(q->tls);
	rte_free(q);
	dev->data->rx_queues[id] = NULL;
}

static int
simnet_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors,
		      unsigned int socket, const struct rte_eth_rxconf *conf,
		      struct rte_mempool *pool)
{
	struct simnet *s = dev->data->dev_private;
	struct world_stage_config config = {
		.events = RTE_MAX(s->events / dev->data->nb_rx_queues, QUEUE_EVENTS_MIN),
		.index = id,
		.count = dev->data->nb_rx_queues,
		.connections = RTE_MAX(s->connections / dev->data->nb_rx_queues,
				       QUEUE_CONNECTIONS_MIN),
	};
	struct simnet_rx_queue *q;

	RTE_SET_USED(descriptors);
	RTE_SET_USED(conf);
	if (rte_pktmbuf_data_room_size(pool) < RTE_PKTMBUF_HEADROOM + WORLD_FRAME_MAX) {
		SIMNET_LOG(ERR, "%s: mbufs of pool %s have no room for a frame\n",
			   dev->device->name, pool->name);
		return -EINVAL;
	}
	q = rte_zmalloc_socket("simnet_rx", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	q->tls = simnet_tls_create(s->world);
	config.tls = simnet_tls_speaker(q->tls);
	if (q->tls != NULL || world_describe(s->world)->certificates.folder == NULL)
		q->stage = world_stage_create(s->world, &config);
	if (q->stage == NULL) {
		simnet_tls_free(q->tls);
		rte_free(q);
		return -ENOMEM;
	}
	q->simnet = s;
	q->pool = pool;
	q->port = dev->data->port_id;
	q->idle_until_ns = world_stage_idle_until_ns(q->stage);
	rte_spinlock_init(&q->lock);
	dev->data->rx_queues[id] = q;
	return 0;
}

static void
simnet_tx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct simnet_tx_queue *q = dev->data->tx_queues[id];

	if (q == NULL)
		return;
	simnet_retire_tx(q->simnet, q);
	free(q->intake);
	rte_free(q);
	dev->data->tx_queues[id] = NULL;
}

static int
simnet_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors,
		      unsigned int socket, const struct rte_eth_txconf *conf)
{
	uint64_t offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	struct simnet *s = dev->data->dev_private;
	struct simnet_tx_queue *q;

	RTE_SET_USED(descriptors);
	q = rte_zmalloc_socket("simnet_tx", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	q->intake = world_intake_create(s->world);
	if (q->intake == NULL) {
		rte_free(q);
		return -ENOMEM;
	}
	q->simnet = s;
	q->fast_free = (offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0;
	dev->data->tx_queues[id] = q;
	return 0;
}

static struct simnet *simnet_of_port(uint16_t port_id);

/* ---- The port ---------------------------------------------------------------------------- */

static int
simnet_configure(struct rte_eth_dev *dev)
{
	RTE_SET_USED(dev);
	return 0;
}

static void
set_link(struct rte_eth_dev *dev, uint16_t status)
{
	struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = status,
	};

	rte_eth_linkstatus_set(dev, &link);
}

/* Where answers come in: another port of ours, or this one. */
static int
find_hearer(struct simnet *s)
{
	uint16_t id;

	s->hearer = s;
	if (s->answers == NULL)
		return 0;
	if (rte_eth_dev_get_port_by_name(s->answers, &id) != 0 || simnet_of_port(id) == NULL) {
		SIMNET_LOG(ERR, ARG_ANSWERS "=%s: there is no such port of net_simnet\n", s->answers);
		return -ENODEV;
	}
	s->hearer = simnet_of_port(id);
	return 0;
}

/* The clock runs on over a stop, for what is on its way has its times. */
static int
simnet_start(struct rte_eth_dev *dev)
{
	struct simnet *s = dev->data->dev_private;
	int rc = find_hearer(s);

	if (rc != 0)
		return rc;

	if (s->clock.start_tsc == 0) {
		s->clock.ns_per_tsc = (NS_PER_SEC << 32) / rte_get_tsc_hz();
		s->clock.start_tsc = rte_rdtsc();
	}
	set_link(dev, RTE_ETH_LINK_UP);
	return 0;
}

static int
simnet_stop(struct rte_eth_dev *dev)
{
	dev->data->dev_started = 0;
	set_link(dev, RTE_ETH_LINK_DOWN);
	return 0;
}

static void
simnet_free(struct simnet *s)
{
	world_free(s->world);
	s->world = NULL;
	free(s->report_path);
	s->report_path = NULL;
	free(s->answers);
	s->answers = NULL;
	if (s->capture != NULL)
		simnet_capture_close(s->capture);
	s->capture = NULL;
}

static int
simnet_close(struct rte_eth_dev *dev)
{
	struct simnet *s = dev->data->dev_private;

	simnet_report(s);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		simnet_rx_queue_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		simnet_tx_queue_release(dev, i);
	simnet_free(s);
	dev->data->mac_addrs = NULL; /* part of the private data */
	return 0;
}

static int
simnet_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct simnet *s = dev->data->dev_private;

	info->max_mac_addrs = 1;
	info->max_rx_queues = s->queues_max;
	info->max_tx_queues = s->queues_max;
	info->max_rx_pktlen = RTE_ETHER_MTU + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	info->min_rx_bufsize = WORLD_FRAME_MAX;
	info->max_mtu = RTE_ETHER_MTU;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->speed_capa = RTE_ETH_LINK_SPEED_10G;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	info->tx_queue_offload_capa = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	info->flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP;
	return 0;
}

static int
simnet_link_update(struct rte_eth_dev *dev, int wait)
{
	const struct simnet *s = dev->data->dev_private;
	bool is_up = dev->data->dev_started && !simnet_span_has(&s->down, simnet_now_ns(&s->clock));

	RTE_SET_USED(wait);
	set_link(dev, is_up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN);
	return 0;
}

/* The world sends nothing to others: promiscuous or not, and of any MAC, a port hears the same. */
static int
simnet_mode_set(struct rte_eth_dev *dev)
{
	RTE_SET_USED(dev);
	return 0;
}

static int
simnet_mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	RTE_SET_USED(dev);
	RTE_SET_USED(mac);
	return 0;
}

static int
simnet_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	RTE_SET_USED(dev);
	RTE_SET_USED(mtu);
	return 0;
}

static const struct eth_dev_ops simnet_ops = {
	.dev_configure = simnet_configure,
	.dev_start = simnet_start,
	.dev_stop = simnet_stop,
	.dev_close = simnet_close,
	.dev_infos_get = simnet_infos_get,
	.link_update = simnet_link_update,
	.promiscuous_enable = simnet_mode_set,
	.promiscuous_disable = simnet_mode_set,
	.allmulticast_enable = simnet_mode_set,
	.allmulticast_disable = simnet_mode_set,
	.mac_addr_set = simnet_mac_addr_set,
	.mtu_set = simnet_mtu_set,
	.rx_queue_setup = simnet_rx_queue_setup,
	.rx_queue_release = simnet_rx_queue_release,
	.tx_queue_setup = simnet_tx_queue_setup,
	.tx_queue_release = simnet_tx_queue_release,
	.stats_get = simnet_stats_get,
	.stats_reset = simnet_stats_reset,
	.xstats_get = simnet_xstats_get,
	.xstats_get_names = simnet_xstats_get_names,
};

/* ---- The virtual clock ------------------------------------------------------------------- */

static struct simnet *
simnet_of_port(uint16_t port_id)
{
	if (!rte_eth_dev_is_valid_port(port_id) || rte_eth_devices[port_id].dev_ops != &simnet_ops)
		return NULL;
	return rte_eth_devices[port_id].data->dev_private;
}

int
rte_pmd_simnet_clock_set(uint16_t port_id, uint64_t now_ns)
{
	struct simnet *s = simnet_of_port(port_id);

	if (s == NULL)
		return -ENODEV;
	if (!s->clock.virtual)
		return -ENOTSUP;
	if (now_ns < simnet_now_ns(&s->clock))
		return -EINVAL;
	__atomic_store_n(&s->clock.virtual_ns, now_ns, __ATOMIC_RELAXED);
	return 0;
}

int
rte_pmd_simnet_next_ns(uint16_t port_id, uint64_t *next_ns)
{
	struct simnet *s = simnet_of_port(port_id);
	uint64_t least = TIME_NEVER;

	if (s == NULL)
		return -ENODEV;
	if (!s->clock.virtual)
		return -ENOTSUP;
	if (!s->data->dev_started)
		return -EBUSY;
	for (uint16_t i = 0; i < s->data->nb_rx_queues; i++) {
		struct simnet_rx_queue *q = s->data->rx_queues[i];
		uint64_t next;

		rte_spinlock_lock(&q->lock);
		next = world_stage_next_ns(q->stage);
		rte_spinlock_unlock(&q->lock);
		least = RTE_MIN(least, next);
	}
	*next_ns = least;
	return 0;
}

/* ---- Devices ----------------------------------------------------------------------------- */

/* What a device is asked to be. */
struct simnet_args {
	char *world_path;
	char *report_path;
	char *capture_path;
	char *answers;
	uint64_t queues;
	uint64_t events;
	uint64_t connections;
	struct simnet_span down;
	struct simnet_span deaf;
	bool virtual;
};

static int
arg_path(const char *key, const char *value, void *field)
{
	char **path = field;

	RTE_SET_USED(key);
	free(*path);
	*path = strdup(value);
	return *path != NULL ? 0 : -ENOMEM;
}

static int
arg_number(const char *key, const char *value, uint64_t max, uint64_t *field)
{
	char *end;

	errno = 0;
	*field = strtoull(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' && *field > 0 && *field <= max &&
	    *value != '-')
		return 0;
	SIMNET_LOG(ERR, "%s=%s: write a number from 1 to %llu\n", key, value,
		   (unsigned long long)max);
	return -EINVAL;
}

static int
arg_queues(const char *key, const char *value, void *field)
{
	return arg_number(key, value, SIMNET_QUEUES_MAX, field);
}

static int
arg_events(const char *key, const char *value, void *field)
{
	return arg_number(key, value, EVENTS_MAX, field);
}

static int
arg_connections(const char *key, const char *value, void *field)
{
	return arg_number(key, value, CONNECTIONS_MAX, field);
}

static int
arg_clock(const char *key, const char *value, void *field)
{
	bool *virtual = field;

	*virtual = strcmp(value, "virtual") == 0;
	if (*virtual || strcmp(value, "tsc") == 0)
		return 0;
	SIMNET_LOG(ERR, "%s=%s: write tsc or virtual\n", key, value);
	return -EINVAL;
}

/* "3s-6s" */
static int
arg_span(const char *key, const char *value, void *field)
{
	struct simnet_span *span = field;
	const char *dash = strchr(value, '-');
	uint64_t end_ns;

	if (dash != NULL && value_duration(value, (size_t)(dash - value), &span->first_ns) == 0 &&
	    value_duration(dash + 1, strlen(dash + 1), &end_ns) == 0 && end_ns > span->first_ns) {
		span->length_ns = end_ns - span->first_ns;
		return 0;
	}
	SIMNET_LOG(ERR, "%s=%s: write two times like 3s-6s\n", key, value);
	return -EINVAL;
}

static int
args_read(const char *text, struct simnet_args *args)
{
	static const char *const keys[] = {ARG_WORLD, ARG_REPORT, ARG_CAPTURE, ARG_QUEUES,
					   ARG_CLOCK, ARG_EVENTS, ARG_CONNECTIONS,
					   ARG_ANSWERS, ARG_DOWN, ARG_DEAF, NULL};
	struct rte_kvargs *kvargs = rte_kvargs_parse(text, keys);
	int rc = 0;

	if (kvargs == NULL) {
		SIMNET_LOG(ERR, "cannot read '%s': write world=PATH, and if need be report=PATH, "
			   "capture=PATH, queues=N, clock=tsc|virtual, events=N, connections=N, answers=PORT, "
			   "down=FROM-TO, deaf=FROM-TO\n", text);
		return -EINVAL;
	}
	if (rte_kvargs_process(kvargs, ARG_WORLD, arg_path, &args->world_path) != 0 ||
	    rte_kvargs_process(kvargs, ARG_REPORT, arg_path, &args->report_path) != 0 ||
	    rte_kvargs_process(kvargs, ARG_CAPTURE, arg_path, &args->capture_path) != 0 ||
	    rte_kvargs_process(kvargs, ARG_QUEUES, arg_queues, &args->queues) != 0 ||
	    rte_kvargs_process(kvargs, ARG_CLOCK, arg_clock, &args->virtual) != 0 ||
	    rte_kvargs_process(kvargs, ARG_EVENTS, arg_events, &args->events) != 0 ||
	    rte_kvargs_process(kvargs, ARG_CONNECTIONS, arg_connections,
			       &args->connections) != 0 ||
	    rte_kvargs_process(kvargs, ARG_ANSWERS, arg_path, &args->answers) != 0 ||
	    rte_kvargs_process(kvargs, ARG_DOWN, arg_span, &args->down) != 0 ||
	    rte_kvargs_process(kvargs, ARG_DEAF, arg_span, &args->deaf) != 0) {
		rc = -EINVAL;
	} else if (args->world_path == NULL) {
		SIMNET_LOG(ERR, "no world; write world=PATH\n");
		rc = -EINVAL;
	}
	rte_kvargs_free(kvargs);
	return rc;
}

static int
world_load(const char *path, struct world **world)
{
	struct diag faults = DIAG_EMPTY;
	int rc = worldfile_load(path, &faults, world);
	char text[512];

	diag_sort(&faults);
	for (size_t i = 0; i < faults.count; i++) {
		diag_format(&faults, i, text, sizeof(text));
		SIMNET_LOG(ERR, "%s\n", text);
	}
	diag_reset(&faults);
	return rc;
}

static int
certificates_check(const struct world *world)
{
	char missing[512];

	if (simnet_tls_check(world, missing, sizeof(missing)) == 0)
		return 0;
	SIMNET_LOG(ERR, "%s cannot be read: make the world's certificates by "
		   "'asdic world WORLD.yaml --make-certificates'\n", missing);
	return -ENOENT;
}

static int
port_create(struct rte_vdev_device *vdev, struct simnet_args *args, struct world *world)
{
	size_t tallies = world_describe(world)->networks_count + 1;
	FILE *capture = args->capture_path != NULL ? simnet_capture_open(args->capture_path) : NULL;
	struct rte_eth_dev *dev;
	struct simnet *s;

	if (args->capture_path != NULL && capture == NULL)
		return -EIO;
	dev = rte_eth_vdev_allocate(vdev, sizeof(*s) + tallies * sizeof(s->tallies[0]));
	if (dev == NULL) {
		if (capture != NULL)
			simnet_capture_close(capture);
		return -ENOMEM;
	}
	s = dev->data->dev_private;
	s->capture = capture;
	s->data = dev->data;
	s->world = world;
	s->clock.virtual = args->virtual;
	s->queues_max = (uint16_t)args->queues;
	s->events = (uint32_t)args->events;
	s->connections = (uint32_t)args->connections;
	s->down = args->down;
	s->deaf = args->deaf;
	s->report_path = args->report_path;
	args->report_path = NULL;
	s->answers = args->answers;
	args->answers = NULL;
	s->hearer = s;
	/* Locally administered; the world's own is 02:00:00:00:00:01. */
	s->mac = (struct rte_ether_addr){{0x02, 0x51, 0x4d}};
	s->mac.addr_bytes[RTE_ETHER_ADDR_LEN - 1] = (uint8_t)dev->data->port_id;
	dev->data->mac_addrs = &s->mac;
	dev->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	dev->dev_ops = &simnet_ops;
	dev->rx_pkt_burst = simnet_rx_burst;
	dev->tx_pkt_burst = simnet_tx_burst;
	set_link(dev, RTE_ETH_LINK_DOWN);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
simnet_probe(struct rte_vdev_device *vdev)
{
	struct simnet_args args = {
		.queues = DEFAULT_QUEUES,
		.events = DEFAULT_EVENTS,
		.connections = DEFAULT_CONNECTIONS,
	};
	struct world *world = NULL;
	int rc;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		SIMNET_LOG(ERR, "%s lives in the primary process alone\n",
			   rte_vdev_device_name(vdev));
		return -ENOTSUP;
	}
	rc = args_read(rte_vdev_device_args(vdev), &args);
	if (rc == 0)
		rc = world_load(args.world_path, &world);
	if (rc == 0)
		rc = certificates_check(world);
	if (rc == 0)
		rc = port_create(vdev, &args, world);
	if (rc != 0)
		world_free(world);
	free(args.world_path);
	free(args.report_path);
	free(args.capture_path);
	free(args.answers);
	return rc;
}

static int
simnet_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (dev == NULL)
		return 0; /* closed */
	simnet_close(dev);
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver simnet_driver = {
	.probe = simnet_probe,
	.remove = simnet_remove,
};

RTE_PMD_REGISTER_VDEV(net_simnet, simnet_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_simnet,
			      ARG_WORLD "=<path> "
			      ARG_REPORT "=<path> "
			      ARG_CAPTURE "=<path> "
			      ARG_QUEUES "=<int> "
			      ARG_CLOCK "=<tsc|virtual> "
			      ARG_EVENTS "=<int> "
			      ARG_CONNECTIONS "=<int> "
			      ARG_ANSWERS "=<port> "
			      ARG_DOWN "=<from-to> "
			      ARG_DEAF "=<from-to>");
