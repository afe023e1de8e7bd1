/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_simnet: a port whose wire leads to a simulated Internet (lib/world).
 *
 * A vdev PMD, linked into asdic and loadable by any DPDK program:
 *
 *     dpdk-testpmd -d build/drivers/net/simnet/librte_net_simnet.so \
 *         --vdev net_simnet0,world=world.yaml
 *
 * Arguments of the device:
 *     world=PATH          the world file; required
 *     report=PATH         write all counters there, as JSON, when the port is closed
 *     queues=N            most queues each way, 1 to 256; default 16
 *     clock=tsc|virtual   whose time it is: nanoseconds since the port's first start, or the
 *                         application's, set by rte_pmd_simnet_clock_set(); default tsc
 *     events=N            how many packets can be on their way at once, in all queues together;
 *                         default 1048576. 128 bytes each, touched as far as used
 *     connections=N       how many TCP connections the hosts can keep at once, in all queues
 *                         together; default 65536. 3.3 KB each, touched as far as used
 *     answers=PORT        the name of another port of this driver, with the same world, clock and number of
 *                         queues: what answers this port's frames comes in there, as where routes are not
 *                         symmetric. It must be there when this port is started, and be closed after it
 *     down=FROM-TO        the link is down from one time of the port's clock to another, like 3s-6s: what is
 *                         sent then, or was to come in, is lost
 *     deaf=FROM-TO        the same, with a link that is up
 *
 * What is sent on any TX queue is heard by the world; an answer comes in on the RX queue that the
 * hash of its flow names, the same for all packets of a flow. Threads as for any PMD: one a queue.
 * TX queues hear in parallel and lock an RX queue's stage only for the packets that are answered.
 *
 * The port takes frames as the wire would: no offloads but MBUF_FAST_FREE, one segment each (others
 * are counted in oerrors and not heard). The world's counters, for the port's life, are its xstats;
 * the port's own are reset by rte_eth_stats_reset(). When mbufs run out, frames wait in the world
 * and rx_nombuf counts the polls that found none.
 */
#ifndef RTE_PMD_SIMNET_H
#define RTE_PMD_SIMNET_H

#include <stdint.h>

/*
 * Set the time of a port with clock=virtual. Any thread; bursts on other threads may still be at
 * the time before. 0; -ENODEV when the port is not of this driver; -ENOTSUP when it has clock=tsc;
 * -EINVAL for a time before the port's.
 */
int rte_pmd_simnet_clock_set(uint16_t port_id, uint64_t now_ns);

/*
 * When something next happens in the world of a port that is started: at *next_ns, UINT64_MAX when
 * nothing is on its way. Setting the clock to that time and polling every RX queue gives it, or
 * nothing, when what was due then is lost on the way. Any thread. 0; -ENODEV as above; -ENOTSUP as
 * above; -EBUSY when the port is not started.
 */
int rte_pmd_simnet_next_ns(uint16_t port_id, uint64_t *next_ns);

#endif /* RTE_PMD_SIMNET_H */
