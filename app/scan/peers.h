/* SPDX-License-Identifier: BSD-3-Clause */
/* The scans that run, as the commands speak to them. */
#ifndef SCAN_PEERS_H
#define SCAN_PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "live/client.h"

/* Find them; what stands in the way is told. false: some may not have been found. */
bool peers_find(struct live_peers *peers);

/* Whether one is meant: which is a scan's name or its pid, NULL all of them. */
bool peers_is_meant(const struct live_peer *peer, const char *which);

/* Tell what is wrong with a scan: it answered "error ..." (rc 0), or not at all. */
void peers_tell(const char *command, const struct live_peer *peer, int rc, const char *answer);

/* Whether an answer is one of success. */
bool peers_is_ok(const char *answer);

#endif /* SCAN_PEERS_H */
