/* SPDX-License-Identifier: BSD-3-Clause */
#include "peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
peers_find(struct live_peers *peers)
{
	if (live_peers_find(peers) != 0) {
		fprintf(stderr, "asdic: out of memory\n");
		return false;
	}
	if (peers->refused_rc == 0)
		return true;
	fprintf(stderr, "asdic: scans that listen in '%s' cannot be reached: %s\n", peers->refused,
		peers->refused_rc == -EPERM ? "it is not a folder of its user's alone; remove it, or make it "
					      "private (chmod 700)"
					    : strerror(-peers->refused_rc));
	return false;
}

bool
peers_is_meant(const struct live_peer *peer, const char *which)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%ld", (long)peer->pid);
	return which == NULL || strcmp(which, peer->name) == 0 || strcmp(which, pid) == 0;
}

void
peers_tell(const char *command, const struct live_peer *peer, int rc, const char *answer)
{
	const char *why = answer;

	if (rc == 0 && strncmp(answer, "error ", 6) == 0)
		why = answer + 6;
	else if (rc == -ETIMEDOUT)
		why = "it does not answer";
	else if (rc != 0)
		why = strerror(-rc);
	fprintf(stderr, "asdic: %s: scan '%s' (pid %ld): %s\n", command, peer->name, (long)peer->pid, why);
}

bool
peers_is_ok(const char *answer)
{
	return strncmp(answer, "ok", 2) == 0 && (answer[2] == '\0' || answer[2] == ' ');
}
