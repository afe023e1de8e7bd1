/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole scan with grabs on one thread, for the rig: prober, receiver, worker and sender as a lcore has them, polled
 * in turn, and the CPU time of each told apart. The simulated hosts, OpenSSL's servers among them, work
 * within the sender's and the receiver's calls of their driver; so the worker's time is its own alone.
 *
 * CPU time is the thread's: what the machine gives to others meanwhile is not in it. What the clock
 * itself costs is measured, and taken off.
 */
#ifndef BENCH_GRAB_RIG_H
#define BENCH_GRAB_RIG_H

#include <stdint.h>

#include "bench.h"
#include "fabric/grabber.h"
#include "fabric/receiver.h"
#include "fabric/worker.h"
#include "subject.h"

/* Whose time it is. */
enum grab_role { GRAB_ROLE_PROBER, GRAB_ROLE_RECEIVER, GRAB_ROLE_WORKER, GRAB_ROLE_SENDER, GRAB_ROLES };

/* What has been since the rig began. */
struct grab_account {
	double cpu_ns[GRAB_ROLES];
	double elapsed_ns; /* of the clock on the wall */
	uint64_t ended[GRAB_CAUSES];
	uint64_t adopted;
	uint64_t frames_in;  /* replies and segments that the worker has dealt with */
	uint64_t frames_out; /* that it has made */
};

struct grab_rig {
	struct subject subject;
	struct port *port; /* borrowed */
	struct clock clock;
	struct tx_rate rate;
	struct neigh neigh;
	struct prober_source order;
	struct prober prober;
	struct receiver receiver;
	struct worker worker;
	struct tx tx;
	struct outlet outlet;
	struct watermark marks[2];
	struct pressure pressure[2];
	struct ledger ledger;
	struct grabber_plan plan;
	struct grabber_task task;
	uint8_t task_of_port[UINT16_MAX + 1];
	struct grabber *grabber;
	struct dedup *dedup;
	struct rte_mempool *probe_pool;
	struct rte_mempool *urgent_pool;
	struct rte_ring *replies;
	struct rte_ring *segments;
	struct rte_ring *records;
	struct rte_ring *grabs;
	_Atomic uint64_t cooldown_since_ns;
	_Atomic uint64_t adopt_until_ns;
	double clock_cost_ns; /* of reading the thread's clock */
	uint64_t start_ns;
	struct grab_account account;
};

/* The thread's CPU time. */
double grab_cpu_ns(void);

/*
 * Everything for one kind of grab, of all targets' port `port`, so many at once. The device was opened as
 * `port_of` and is used by one rig at a time. 0 or a negative errno; -EINVAL was told.
 */
int grab_rig_begin(struct grab_rig *g, const char *device, struct port *port_of, uint16_t port,
		   const struct grabber_task *task, uint32_t sessions);

/* A round of all roles, and of the writer's end, which frees grabs. */
void grab_rig_step(struct grab_rig *g);

/* What has been until now. */
const struct grab_account *grab_rig_account(struct grab_rig *g);

/*
 * Let what is under way end, or with `stops` stop it, and free all. False, told: not all ended, or books that
 * are wrong.
 */
bool grab_rig_end(struct grab_rig *g, bool stops);

#endif /* BENCH_GRAB_RIG_H */
