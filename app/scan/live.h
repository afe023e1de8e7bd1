/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be asked of a running scan: its rate, another rate, an exclusion. Requests come by a socket
 * (live/live.h) and are carried out by the control thread between two looks at the scan.
 *
 * Control thread.
 */
#ifndef SCAN_LIVE_H
#define SCAN_LIVE_H

#include <stdint.h>

#include "engine.h"
#include "events.h"
#include "live/server.h"
#include "request.h"

struct live {
	struct live_server *server; /* NULL: nobody listens */
	struct engine *engine;
	const struct request *request;
	struct events *events;
	uint64_t excluded;       /* entries since the last event, to be noted together */
	uint64_t excluded_at_ns; /* of the first of them */
};

/*
 * Listen. A scan that cannot says so and goes on; one on a virtual clock does not. Then look at the opt-out
 * lists once more: what was added since the targets were computed, and before anybody could tell us,
 * goes into the gate. 0; -EINVAL when a list has become unreadable, told; -ENOMEM.
 */
int live_open(struct live *live, struct engine *e, const struct request *r, struct events *events);

/* Serve whoever asks. */
void live_poll(struct live *live, uint64_t now_ns);

void live_close(struct live *live);

#endif /* SCAN_LIVE_H */
