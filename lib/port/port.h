/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: an Ethernet device made ready to scan with, by whatever driver.
 *
 * port_open() configures queues and pools and starts the device; PCI NICs and virtual devices go
 * through the same code. Asking for more queues than the driver has gives what it has. RX mbufs and
 * TX mbufs share no pool, since drivers write replies over what they are given; but a driver that sends
 * without a copy from its RX queues' pool alone has probes sent from there.
 *
 * Opening and closing belong to the control thread. Each RX queue and each TX queue (port/tx.h) has
 * one owning lcore.
 */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

struct rte_mempool;
struct sockets;

#define PORT_QUEUES_MAX 16
#define PORT_BURST 32

struct port {
	const char *name;  /* the device as the job names it; borrowed */
	uint16_t id;       /* ethdev port */
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t tx_descriptors; /* of each TX queue: as many frames may be with the driver */
	uint8_t mac[WIRE_MAC_SIZE];
	char driver[32];
	struct rte_mempool *rx_pool;
	struct rte_mempool *tx_pool; /* probes' own: what stands in its mbufs is anything; NULL: no matter */
	struct sockets *sockets; /* what the driver's counters leave out; NULL: nothing */
	_Atomic bool is_removed; /* set by the EAL's interrupt thread */
};

/* What a driver counts; a reconciliation beside the ledger, never part of it. */
struct port_counters {
	uint64_t rx_frames;
	uint64_t tx_frames;
	uint64_t rx_missed; /* the NIC had no descriptor for it, or the kernel's socket no room */
	uint64_t rx_nombuf;
	uint64_t rx_errors;
	uint64_t tx_errors;
};

/*
 * Find the ethdev that a device text made: "net_af_packet0,iface=eth1", "0000:3b:00.0" or "3b:00.0".
 * 0 and *id; -ENODEV.
 */
int port_find(const char *device, uint16_t *id);

/* What is wanted of a port. */
struct port_config {
	const char *name; /* borrowed */
	uint16_t queues;  /* as many lcores would like one of their own */
	uint16_t vlan;    /* to hear; 0: none */
	unsigned int waiting; /* received frames that may be on their way inside, beside those in bursts */
};

/*
 * Configure and start. The link may come up seconds later.
 * 0; -ENOMEM; -ENODEV or the driver's error, with *what (static text) naming the step that failed.
 */
int port_open(struct port *p, uint16_t id, const struct port_config *config, const char **what);

/* Stop and close the device and free its pools. */
void port_close(struct port *p);

/* The control thread's. */
void port_counters(const struct port *p, struct port_counters *out);

/* Whether the device has been taken out. */
bool port_is_gone(const struct port *p);

/* Whether the link is up; drivers that cannot tell say up. */
bool port_link_is_up(const struct port *p);

#endif /* PORT_PORT_H */
