/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMED_DIR "/run/netns"

/* What the namespace that this thread is in says of the interface. */
static int
look(unsigned int index, struct peer *out)
{
	if (if_indextoname(index, out->name) == NULL)
		return -errno;
	return ethtool_tx_checksum(out->name, &out->tx_checksum);
}

/* The namespace of a file, if it has the id. -1 if it is another, or cannot be opened. */
static int
open_if(const char *path, int nsid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), found = -1;

	if (fd >= 0 && (netlink_nsid(fd, &found) != 0 || found != nsid)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Among the namespaces that `ip netns` keeps, then among those of processes. */
static int
open_namespace(int nsid, char name[NAME_MAX + 1])
{
	char path[PATH_MAX];
	int fd = -1;

	for (int pass = 0; pass < 2 && fd < 0; pass++) {
		DIR *dir = opendir(pass == 0 ? NAMED_DIR : "/proc");
		struct dirent *entry;

		while (dir != NULL && fd < 0 && (entry = readdir(dir)) != NULL) {
			if (entry->d_name[0] == '.' || (pass == 1 && atoi(entry->d_name) <= 0))
				continue;
			snprintf(path, sizeof(path), pass == 0 ? NAMED_DIR "/%s" : "/proc/%s/ns/net", entry->d_name);
			fd = open_if(path, nsid);
			snprintf(name, NAME_MAX + 1, "%s%.200s", pass == 0 ? "" : "of process ", entry->d_name);
		}
		if (dir != NULL)
			closedir(dir);
	}
	return fd;
}

static int
look_inside(int there, unsigned int index, struct peer *out)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), rc;

	if (home < 0)
		return -errno;
	rc = setns(there, CLONE_NEWNET) != 0 ? -errno : 0;
	if (rc == 0) {
		rc = look(index, out);
		if (setns(home, CLONE_NEWNET) != 0)
			abort(); /* nothing after this would be of the right network */
	}
	close(home);
	return rc;
}

int
peer_find(const struct netlink_link *link, struct peer *out)
{
	int fd, rc;

	*out = (struct peer){0};
	if (!link->has_peer)
		return -ENOENT;
	if (link->peer_nsid < 0)
		return look(link->peer, out);
	fd = open_namespace(link->peer_nsid, out->namespace);
	if (fd < 0)
		return -ENOENT;
	rc = look_inside(fd, link->peer, out);
	close(fd);
	return rc;
}
