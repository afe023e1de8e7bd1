/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a scan needs that is computed from its job before any packet: the target table, the gate, the
 * order, the span of this shard, the source addresses, the record's fields and filter.
 *
 * The target table and the gate are built from the same texts by different code: the gate is what
 * proves the table.
 *
 * Made and freed by the control thread; immutable and unmoved in between but for the gate, which may be
 * added to.
 */
#ifndef SCAN_INPUTS_H
#define SCAN_INPUTS_H

#include <stdint.h>

#include "asking.h"
#include "base/diag.h"
#include "cookie/cookie.h"
#include "fabric/canary.h"
#include "gate/gate.h"
#include "hosts.h"
#include "job/job.h"
#include "names/names.h"
#include "onlink.h"
#include "optout/optout.h"
#include "perm/perm.h"
#include "probe/probe.h"
#include "record/filter.h"
#include "record/record.h"
#include "targets/targets.h"

/* Of one output: which fields of which records. */
struct inputs_sink {
	struct record_fields fields;
	struct filter *filter;
};

struct inputs {
	struct targets *targets;
	struct hosts *hosts; /* targets that lists give by name; NULL: none */
	struct names *names; /* for SNI, by target: names_next(); NULL where the lists give none */
	struct gate *gate;
	struct perm perm;
	struct perm_span span;  /* of this shard */
	uint64_t seed;
	struct cookie_key key;
	struct probe_sources sources; /* of all interfaces, in the job's order */
	struct inputs_sink sinks[JOB_OUTPUTS_MAX]; /* of the job's outputs */
	struct asking asking;    /* where the job has dns */
	struct canary_config canaries; /* addresses and ports alone */
	unsigned int canaries_left_out; /* since no target may be there either */
	struct optout_files optouts;               /* the lists that were read besides the job's */
	uint64_t per_24;          /* the caps that hold; 0: none */
	uint64_t per_16;
	struct ipv4_range *spared; /* where they do not: reserved ranges, unless the job gives caps */
	size_t spared_count;
	struct ipv4_range onlink[ONLINK_MAX]; /* left out, since they are on an interface's link */
	size_t onlink_count;
};

/*
 * Of a scan that goes on: what it began with. Its table is made without exactly what it was made without
 * then; the gate denies what is excluded now.
 */
struct inputs_past {
	const struct ipv4_range *excluded;
	size_t excluded_count;
	uint64_t seed; /* where the job has none */
	struct cookie_key key;
};

/*
 * Compute them; past is NULL for a scan that begins. Targets with names are looked up as how says; NULL: they
 * are not, and are no targets yet. test_key takes the public key of simulation instead of a random one.
 * 0; -EINVAL with faults in diag; -EIO when names could not be looked up, told; -EINTR when a signal ended that;
 * -ENOMEM. Free in any case.
 */
int inputs_build(struct inputs *in, const struct job *job, bool test_key,
		 const struct inputs_past *past, const struct hosts_how *how, struct diag *diag);
void inputs_free(struct inputs *in);

/*
 * The job's probe, as sent by an interface from a port of MAC own to that of gateway. What it borrows is
 * in's. 0 or -EINVAL.
 */
int inputs_make_probe(const struct inputs *in, const struct job *job, unsigned int iface,
		      const uint8_t own[WIRE_MAC_SIZE], const uint8_t gateway[WIRE_MAC_SIZE],
		      struct probe *probe);

#endif /* SCAN_INPUTS_H */
