/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's sockets behind net_af_packet and net_af_xdp, and what found no room on their rings.
 *
 * net_af_packet counts no such loss, and net_af_xdp leaves out that of a full RX ring; the kernel has both, for
 * the process that has the socket (PACKET_STATISTICS in packet(7), XDP_STATISTICS in the kernel's af_xdp.rst).
 * The drivers do not tell their sockets, so they are looked for among the process's own.
 *
 * All of it belongs to the control thread.
 */
#ifndef PORT_SOCKETS_H
#define PORT_SOCKETS_H

#include <stdint.h>

struct sockets;

/*
 * Before a port's queues are set up: driver is the ethdev driver's name, and if_index the kernel's number of its
 * interface. NULL where the driver has no such sockets, or without memory.
 */
struct sockets *sockets_new(const char *driver, unsigned int if_index);

/* Afterwards: find the port's. What they have lost up to now does not count. */
void sockets_find(struct sockets *s);

/* How many were found, and the frames that they have lost and the driver does not count. NULL is none. */
unsigned int sockets_count(const struct sockets *s);
uint64_t sockets_lost(struct sockets *s);

/* NULL is ignored. The sockets are the driver's. */
void sockets_free(struct sockets *s);

#endif /* PORT_SOCKETS_H */
