/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The side of whoever wants something of running scans.
 */
#ifndef LIVE_CLIENT_H
#define LIVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "live/folder.h"
#include "live/live.h"

/* How long an answer may take. */
#define LIVE_PATIENCE_S 5

#define LIVE_NAME_SIZE 72

struct live_peer {
	char name[LIVE_NAME_SIZE]; /* the scan's */
	pid_t pid;
	int fd; /* -1: it does not let us in */
};

struct live_peers {
	struct live_peer *items;
	size_t count;
	char refused[PATH_MAX]; /* a folder that cannot be looked into; "": none */
	int refused_rc;         /* and why: -EPERM when it is not private */
};

/*
 * Find the running scans, root all on the machine, another his own, and connect to each; sockets of
 * scans that are gone are removed. 0 or -ENOMEM; live_peers_free() in either case.
 */
int live_peers_find(struct live_peers *peers);
void live_peers_free(struct live_peers *peers);

/*
 * Say a line, without its end, and hear the answer, likewise, terminated. 0; -ETIMEDOUT; -EPIPE when
 * the scan has hung up, as one that ends does; another errno.
 */
int live_ask(struct live_peer *peer, const char *line, char answer[LIVE_LINE_MAX]);

/* The halves of it: up to LIVE_AHEAD lines may be said before the first answer is heard. */
int live_say(struct live_peer *peer, const char *line);
int live_hear(struct live_peer *peer, char answer[LIVE_LINE_MAX]);

/* Remove what scans that are gone have left in a folder. */
void live_clean(const struct live_folder *folder);

#endif /* LIVE_CLIENT_H */
