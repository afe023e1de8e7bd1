/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The side of a running scan: a socket that its control thread looks at now and then.
 *
 * Nothing here waits: what a client does not read or send, or how many there are, is the clients' own
 * matter. Beyond LIVE_CLIENTS they wait to be let in; one that says nothing for LIVE_IDLE_NS is shown out.
 */
#ifndef LIVE_SERVER_H
#define LIVE_SERVER_H

#include <stdint.h>

#include "live/live.h"

#define LIVE_CLIENTS 8
#define LIVE_IDLE_NS (UINT64_C(5) * 1000 * 1000 * 1000)

struct live_server;

/* Answers a request: writes a line without its end into answer. */
typedef void live_answer_fn(void *context, const struct live_request *request,
			    char answer[LIVE_LINE_MAX]);

/*
 * Listen under a scan's name, in the caller's folder, which is made; sockets of scans that are gone are
 * removed. 0; -EPERM when the folder is not private; the system's errno; with *where (the folder's path, or NULL
 * without memory, to be freed).
 */
int live_server_open(const char *name, struct live_server **out, char **where);

/* Serve whoever asks. now_ns is any monotonic clock's. */
void live_server_poll(struct live_server *s, uint64_t now_ns, live_answer_fn *answer, void *context);

/* Stop listening and remove the socket. NULL is fine. */
void live_server_close(struct live_server *s);

#endif /* LIVE_SERVER_H */
