/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "port/sockets.h"

/* How a PCI device is named: "0000:3b:00.0". */
#define PCI_NAME "%04x:%02x:%02x.%x"

#define RX_DESCRIPTORS 2048
#define TX_DESCRIPTORS 1024

/* Mbufs beyond the descriptors: bursts in the receivers' hands and the pool's cache. */
#define RX_POOL_SPARE 2048
#define POOL_CACHE 256

/* The EAL takes a PCI address also without its domain, and in capitals, but gives its port one name. */
static void
name_of(const char *device, char name[RTE_ETH_NAME_MAX_LEN])
{
	unsigned int domain, bus, slot, function;

	if (sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4)
		snprintf(name, RTE_ETH_NAME_MAX_LEN, PCI_NAME, domain, bus, slot, function);
	else if (sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3)
		snprintf(name, RTE_ETH_NAME_MAX_LEN, PCI_NAME, 0, bus, slot, function);
	else
		snprintf(name, RTE_ETH_NAME_MAX_LEN, "%.*s", (int)strcspn(device, ","), device);
}

int
port_find(const char *device, uint16_t *id)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	name_of(device, name);
	return rte_eth_dev_get_port_by_name(name, id) == 0 ? 0 : -ENODEV;
}

static uint16_t
lesser(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/*
 * Queues in pairs, since some virtual devices have them so. Those that hand packets to the queues of
 * their devargs whether or not they were set up get all of them, or packets would go unread.
 */
static void
choose_queues(struct port *p, const struct rte_eth_dev_info *info, uint16_t wanted)
{
	uint16_t most = lesser(info->max_rx_queues, info->max_tx_queues);
	bool is_fixed = strcmp(p->driver, "net_af_packet") == 0 || strcmp(p->driver, "net_af_xdp") == 0;

	most = lesser(most, PORT_QUEUES_MAX);
	/* Both ends of a memif must have as many, and do not agree on it: one, as its peers have by default. */
	if (strcmp(p->driver, "net_memif") == 0)
		wanted = 1;
	p->rx_queues = p->tx_queues = is_fixed ? most : lesser(wanted, most);
}

static void
choose_rss(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, uint16_t queues)
{
	uint64_t wanted = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV4;

	if (queues < 2 || (info->flow_type_rss_offloads & wanted) == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & wanted;
}

/*
 * A virtual NIC (virtio) may pass no tagged frame but of the VLANs that it is told of; a real one passes all
 * unless it is asked to filter, and then spares us the others.
 */
static void
choose_vlan(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, uint16_t vlan)
{
	if (vlan != 0)
		conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
}

static bool
has_umem(const struct port *p)
{
	return strcmp(p->driver, "net_af_xdp") == 0;
}

/*
 * How many mbufs of the pool a descriptor of an RX queue may keep busy. net_vmxnet3 fills two rings a queue, the
 * second for frames longer than a buffer; without mbufs beyond them it drops what it receives.
 */
static unsigned int
mbufs_each(const struct port *p)
{
	if (strcmp(p->driver, "net_vmxnet3") == 0)
		return 2;
	return has_umem(p) ? 3 : 1;
}

/*
 * A pool for all RX queues. net_af_xdp makes its UMEM of it: it takes the memory for a run of objects
 * without gaps, where a mempool by default leaves out the ends of pages (of 4 KB ones, almost half),
 * and what stands in mbufs beyond the UMEM is lost without a word. What it sends stands in mbufs of this
 * pool, too, as many as its TX and completion rings hold: it copies what does not.
 */
static struct rte_mempool *
rx_pool_new(const struct port *p, uint16_t descriptors, unsigned int waiting, int socket)
{
	unsigned int count = p->rx_queues * descriptors * mbufs_each(p) + RX_POOL_SPARE + waiting;
	struct rte_pktmbuf_pool_private sizes = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "rx-%u", p->id);
	pool = rte_mempool_create_empty(name, count,
					sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE,
					POOL_CACHE, sizeof(sizes), socket,
					has_umem(p) ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0);
	if (pool == NULL)
		return NULL;
	rte_pktmbuf_pool_init(pool, &sizes);
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) != 0 ||
	    rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

/* Some drivers take powers of two alone (net_vmxnet3), or fewer than they say. */
static int
configure_queues(struct port *p, struct rte_eth_conf *conf, const struct rte_eth_dev_info *info)
{
	int rc;

	for (;;) {
		uint16_t fewer = 1;

		choose_rss(conf, info, p->rx_queues);
		rc = rte_eth_dev_configure(p->id, p->rx_queues, p->tx_queues, conf);
		if (rc == 0 || p->rx_queues < 2 || p->rx_queues != p->tx_queues)
			return rc;
		while (fewer * 2 < p->rx_queues)
			fewer = (uint16_t)(fewer * 2);
		p->rx_queues = p->tx_queues = fewer;
	}
}

/* Memory of the NIC's own node where there is some, else of another: slower, but it works. */
static int
choose_socket(struct port *p, uint16_t descriptors, unsigned int waiting)
{
	int socket = rte_eth_dev_socket_id(p->id);

	p->rx_pool = rx_pool_new(p, descriptors, waiting, socket);
	if (p->rx_pool != NULL || socket == SOCKET_ID_ANY)
		return socket;
	p->rx_pool = rx_pool_new(p, descriptors, waiting, SOCKET_ID_ANY);
	return SOCKET_ID_ANY;
}

static int
setup_queues(struct port *p, unsigned int waiting, const struct rte_eth_dev_info *info)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx), socket;

	if (rc != 0)
		return rc;
	socket = choose_socket(p, rx, waiting);
	if (p->rx_pool == NULL)
		return -ENOMEM;
	p->tx_pool = has_umem(p) ? p->rx_pool : NULL;
	p->tx_descriptors = tx;
	for (uint16_t q = 0; q < p->rx_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned int)socket,
					    &info->default_rxconf, p->rx_pool);
	for (uint16_t q = 0; q < p->tx_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, tx, (unsigned int)socket,
					    &info->default_txconf);
	return rc;
}

static int
configure(struct port *p, const struct port_config *config, struct rte_eth_conf *conf, const char **what)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int rc;

	*what = "asking the driver what it can";
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc != 0)
		return rc;
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	p->sockets = sockets_new(p->driver, info.if_index);
	choose_queues(p, &info, config->queues);
	choose_vlan(conf, &info, config->vlan);
	*what = "configuring its queues";
	rc = configure_queues(p, conf, &info);
	if (rc != 0)
		return rc;
	*what = "setting up its queues";
	rc = setup_queues(p, config->waiting, &info);
	if (rc != 0)
		return rc;
	*what = "reading its MAC address";
	rc = rte_eth_macaddr_get(p->id, &mac);
	memcpy(p->mac, mac.addr_bytes, WIRE_MAC_SIZE);
	return rc;
}

static int
note_removal(uint16_t id, enum rte_eth_event_type event, void *arg, void *result)
{
	struct port *p = arg;

	(void)id;
	(void)event;
	(void)result;
	atomic_store_explicit(&p->is_removed, true, memory_order_relaxed);
	return 0;
}

static int
start(struct port *p, uint16_t vlan, const struct rte_eth_conf *conf, const char **what)
{
	int rc;

	*what = "starting it";
	rc = rte_eth_dev_start(p->id);
	sockets_find(p->sockets);
	if (rc != 0 || (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) == 0)
		return rc;
	*what = "letting its VLAN in";
	return rte_eth_dev_vlan_filter(p->id, vlan, 1);
}

int
port_open(struct port *p, uint16_t id, const struct port_config *config, const char **what)
{
	struct rte_eth_conf conf = {0};
	int rc;

	memset(p, 0, sizeof(*p));
	p->name = config->name;
	p->id = id;
	rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, note_removal, p);
	rc = configure(p, config, &conf, what);
	if (rc == 0)
		rc = start(p, config->vlan, &conf, what);
	if (rc != 0)
		port_close(p);
	return rc;
}

void
port_close(struct port *p)
{
	if (rte_eth_dev_is_valid_port(p->id)) {
		rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_RMV, note_removal, p);
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
	}
	sockets_free(p->sockets);
	p->sockets = NULL;
	rte_mempool_free(p->rx_pool);
	p->rx_pool = p->tx_pool = NULL;
}

void
port_counters(const struct port *p, struct port_counters *out)
{
	struct rte_eth_stats s;

	memset(out, 0, sizeof(*out));
	if (rte_eth_stats_get(p->id, &s) != 0)
		return;
	out->rx_frames = s.ipackets;
	out->tx_frames = s.opackets;
	out->rx_missed = s.imissed + sockets_lost(p->sockets);
	out->rx_nombuf = s.rx_nombuf;
	out->rx_errors = s.ierrors;
	out->tx_errors = s.oerrors;
}

bool
port_is_gone(const struct port *p)
{
	return atomic_load_explicit(&p->is_removed, memory_order_relaxed) ||
	       rte_eth_dev_is_removed(p->id) == 1;
}

bool
port_link_is_up(const struct port *p)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(p->id, &link) != 0)
		return true;
	return link.link_status == RTE_ETH_LINK_UP;
}
