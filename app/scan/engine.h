/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: a scan's ports, pools, rings and roles, put together.
 *
 * engine_open() makes everything and starts nothing; engine_resolve() waits for links and finds the gateways;
 * engine_launch() sets the roles off. From then on control reads and steers through the functions
 * below. All of it belongs to the control thread; what lcores share with it says so where it is
 * defined.
 */
#ifndef SCAN_ENGINE_H
#define SCAN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "port/clock.h"
#include "fabric/fabric.h"
#include "fabric/layout.h"
#include "grabs.h"
#include "inputs.h"
#include "health/health.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "polite/refusals.h"
#include "port/port.h"
#include "writer.h"

struct engine_config {
	const struct job *job;
	const struct inputs *inputs;
	const struct grabs *grabs; /* NULL where the job has none */
	bool virtual_clock;     /* simulation: one thread, time that jumps */
	uint64_t start_wall_ns; /* the wall clock when the run's clock is 0 */
	uint64_t earlier_ns;    /* that earlier runs of this scan took */
	bool is_resumed;        /* positions below the span are done with */
};

/* How many lcores a scan has, and the memory that DPDK takes for its packets, in megabytes. */
unsigned int engine_lcores(const struct job *job);
unsigned int engine_memory_mb(size_t interfaces, unsigned int lcores);

/* A reply that the workers can tell from repeats takes about so many bytes. */
#define ENGINE_DEDUP_BYTES_EACH 13

/*
 * The most that all workers take for that: 240 million replies, and no more than so many targets could ever send,
 * nor than half of what this machine has: the kernel gives nobody more than there is.
 */
uint64_t engine_dedup_bytes(uint64_t targets);

struct engine;

/*
 * Bring up DPDK, the ports and everything on them. The engine owns what it makes.
 * 0; -ENOMEM, -ENODEV or a driver's error, which has been told on standard error.
 */
int engine_open(const struct engine_config *config, struct engine **out);

/*
 * Resolve the gateways: 0; -EHOSTUNREACH after 5 s without an answer from that of interface *unanswered;
 * -EINTR when is_stopped() says so.
 */
int engine_resolve(struct engine *e, bool (*is_stopped)(void), unsigned int *unanswered);

/* Before the launch: an earlier run has recorded this reply. */
void engine_recall(void *engine, const struct journal_key *key);

/* Before the launch: networks that an earlier run had slowed or left out still are. */
void engine_recall_refused(struct engine *e, const struct checkpoint *c);

/* Where records go; all borrowed until engine_stop(). */
struct engine_outputs {
	const struct writer_sink *sinks;
	unsigned int count;
	struct keeper *keeper; /* NULL: nothing is kept */
	struct keeper_totals earlier;
	const char *names_journal;     /* of names that are found; NULL: nothing is kept */
	const struct checkpoint *past; /* of an earlier run; NULL: this is the first */
};

/*
 * Start sending, and writing to the outputs, which are the writer's until engine_stop(). 0 or a negative
 * errno.
 */
int engine_launch(struct engine *e, const struct engine_outputs *outputs);

/* Let time pass: a nap with threads; with a virtual clock one round of every role. */
void engine_wait(struct engine *e, uint64_t until_ns);

uint64_t engine_now_ns(const struct engine *e);
struct fabric *engine_fabric(struct engine *e);
struct writer *engine_writer(const struct engine *e); /* once launched */
unsigned int engine_port_count(const struct engine *e);
const struct port *engine_port(const struct engine *e, unsigned int i); /* in the job's order */

/* What NICs had no room for, all ports together. */
uint64_t engine_nic_drops(const struct engine *e);
const struct layout *engine_layout(const struct engine *e);

/* The length of a probe's frame, the longest of all interfaces. */
uint16_t engine_probe_bytes(const struct engine *e);

/* What is promised now; 0 is unlimited. */
struct engine_rate {
	uint64_t frames_pps;
	uint64_t bits_per_s;
};

struct engine_rate engine_rate(const struct engine *e);

/* Promise something else from now on, also while it sends; and how often that was done. */
void engine_set_rate(struct engine *e, struct engine_rate rate);
uint64_t engine_rate_changes(const struct engine *e);

/* Hold the probers, by a cause (static text), or let go of them (NULL). What is queued still leaves. */
void engine_hold(struct engine *e, const char *cause);
const char *engine_hold_cause(const struct engine *e);

/*
 * What there is to see, but for the time and what was found: of a look that is all zero. The mark is the
 * position below which all have had all their probes.
 */
void engine_look(struct engine *e, struct health_look *look);

/* The first of the run's positions; and those from here on have not been probed. */
uint64_t engine_first(const struct engine *e);
uint64_t engine_position_end(const struct engine *e);

/*
 * Have the positions from first on that were probed so far probed once more, but for those who have answered:
 * workers mark these first, then probers have the others. What was asked so before and is not done is
 * forgotten. The end of the positions.
 */
uint64_t engine_probe_again(struct engine *e, uint64_t first);
void engine_stop_again(struct engine *e);

/* See to it: true once it is done, and all has left. And whether it goes on. */
bool engine_tend_again(struct engine *e);
bool engine_probes_again(const struct engine *e);

/*
 * Positions from here on may have been probed in vain: no checkpoint says that they are done with. Or, where
 * those before it have been probed once more, until since_ns: not before the cooldown after that is over.
 */
void engine_set_sure(struct engine *e, uint64_t position, uint64_t since_ns);

/*
 * Wait until no frame is on its way to the driver that the gate has come to deny. 0; -ETIMEDOUT when a lcore
 * stands still for a second.
 */
int engine_settle(const struct engine *e);

/* How long the scan has lasted, with earlier runs; how many probes this run may come to. */
uint64_t engine_scan_ns(const struct engine *e, uint64_t now_ns);
uint64_t engine_probes(const struct engine *e);

/* All positions made into probes, and all of those sent. */
bool engine_is_exhausted(const struct engine *e);

/* Whether probes wait for workers or the writer. */
bool engine_is_held(const struct engine *e);

/* Whether probes wait since their networks have had enough for now. */
bool engine_is_polite(const struct engine *e);

/* Networks that have said that they want no probes; NULL where there are no caps. */
const struct refusals *engine_refusals(const struct engine *e);
/* Whether the job has grabs; those under way; from when on nobody is adopted any more, and no connection opened. */
bool engine_has_grabs(const struct engine *e);
uint32_t engine_live_grabs(const struct engine *e);
void engine_end_adoption(struct engine *e, uint64_t now_ns);
void engine_end_opening(struct engine *e, uint64_t now_ns);

/*
 * Whether the job looks names up; those under way; whether everything has been: then nobody finds another
 * name. To be asked when no more grabs come. Or take no more names from now on.
 */
bool engine_has_lookups(const struct engine *e);
uint32_t engine_live_lookups(const struct engine *e);
bool engine_lookups_are_over(const struct engine *e);
void engine_stop_lookups(struct engine *e);

/* Of all workers: results with a status; what was asked, when the lcores have stopped. */
uint64_t engine_answers(const struct engine *e, enum dns_status status);
void engine_dns_stats(const struct engine *e, struct dns_stats *total);

/* Then, too: how walks of direct mode went; all nothing without it. */
void engine_walk_stats(const struct engine *e, struct iterate_stats *total);

/*
 * Resolvers that are asked, none in direct mode; how one stands: the worst that any worker has found; and
 * how many stand how. At any time.
 */
uint32_t engine_resolver_count(const struct engine *e);
enum resolvers_state engine_resolver_state(const struct engine *e, uint32_t number);
void engine_resolver_states(const struct engine *e, uint64_t counts[RESOLVERS_STATES]);

/*
 * A number that rises when a worker has found, or heard, that a resolver lies; by what it was found out, if
 * it was; and to have all workers ask it no more. Control.
 */
uint64_t engine_lies(const struct engine *e);
bool engine_resolver_lie(const struct engine *e, uint32_t number, struct resolvers_lie *lie);
void engine_accuse(struct engine *e, uint32_t number);

/* What is looked up, and of whom. */
const struct lookups_plan *engine_lookups_plan(const struct engine *e);

/*
 * What all workers came to know of a resolver, when the lcores have stopped: counts are sums, the state is the
 * gravest and the latency the longest that one of them has.
 */
void engine_resolver_report(const struct engine *e, uint32_t number, struct resolvers_report *sum);

/* A list of names that could not be read: a negative errno of lib/lines, and its name; 0: all could. */
int engine_list_error(const struct engine *e, const char **file);

/* From now on replies are of the cooldown. */
void engine_begin_cooldown(struct engine *e, uint64_t now_ns);

/* The ledgers of all threads, added up. */
void engine_ledger(const struct engine *e, struct ledger *total);

/*
 * Of a launched engine: stop the lcores, count what they still hold, finish the writer. abort: leave
 * at once.
 * 0; the writer's error; -ETIMEDOUT when the writer is stuck: then only leaving the process helps.
 */
int engine_stop(struct engine *e, bool abort);

/* Free everything and shut DPDK down. */
void engine_close(struct engine *e);

#endif /* SCAN_ENGINE_H */
