/* SPDX-License-Identifier: BSD-3-Clause */
#include "live/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "yaml/value.h"

/* A socket's name: <scan's name>.<pid>. */
static bool
read_name(const char *file, struct live_peer *peer)
{
	const char *dot = strrchr(file, '.');
	uint64_t pid;

	if (dot == NULL || dot == file || (size_t)(dot - file) >= sizeof(peer->name) ||
	    value_unsigned(dot + 1, strlen(dot + 1), &pid) != 0 || pid == 0 || pid > INT_MAX)
		return false;
	memcpy(peer->name, file, (size_t)(dot - file));
	peer->name[dot - file] = '\0';
	peer->pid = (pid_t)pid;
	return true;
}

/* A connected descriptor, or a negative errno: -ECONNREFUSED where nobody listens any more. */
static int
connect_to(const struct live_folder *folder, const char *file)
{
	const struct timeval patience = {.tv_sec = LIVE_PATIENCE_S};
	struct sockaddr_un a;
	int rc = live_folder_address(folder, file, &a), fd;

	if (rc != 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Called for each socket on which somebody may listen; fd is connected, -1 where that failed. */
typedef int socket_fn(void *context, struct live_peer *peer);

/* Go through a folder; what nobody listens on is removed. context NULL: that alone. */
static int
walk(const struct live_folder *folder, socket_fn *found, void *context)
{
	int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		struct live_peer peer;
		struct stat st;

		if (!read_name(entry->d_name, &peer) ||
		    fstatat(folder->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISSOCK(st.st_mode))
			continue;
		peer.fd = connect_to(folder, entry->d_name);
		if (peer.fd == -ECONNREFUSED)
			unlinkat(folder->fd, entry->d_name, 0);
		else if (peer.fd != -ENOENT)
			rc = found(context, &peer);
	}
	closedir(dir);
	return rc;
}

static int
leave_alone(void *context, struct live_peer *peer)
{
	(void)context;
	if (peer->fd >= 0)
		close(peer->fd);
	return 0;
}

void
live_clean(const struct live_folder *folder)
{
	walk(folder, leave_alone, NULL);
}

static int
add_peer(void *context, struct live_peer *peer)
{
	struct live_peers *peers = context;
	struct live_peer *grown = realloc(peers->items, (peers->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	peers->items = grown;
	peers->items[peers->count++] = *peer;
	return 0;
}

int
live_peers_find(struct live_peers *peers)
{
	int rc = 0;

	*peers = (struct live_peers){0};
	for (size_t i = 0; rc != -ERANGE && rc != -ENOMEM; i++) {
		struct live_folder folder;

		rc = live_folder_open_nth(&folder, i);
		if (rc == 0) {
			rc = walk(&folder, add_peer, peers);
			live_folder_close(&folder);
		}
		if (rc == 0 || rc == -ENOENT || rc == -ERANGE || rc == -ENOMEM)
			continue;
		snprintf(peers->refused, sizeof(peers->refused), "%s", folder.path);
		peers->refused_rc = rc;
	}
	return rc == -ENOMEM ? rc : 0;
}

void
live_peers_free(struct live_peers *peers)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].fd >= 0)
			close(peers->items[i].fd);
	free(peers->items);
}

/* An errno of a transfer in the words of live_ask(). */
static int
fault(ssize_t n)
{
	if (n == 0 || errno == ECONNRESET)
		return -EPIPE;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int
live_say(struct live_peer *peer, const char *line)
{
	char text[LIVE_LINE_MAX];
	int len = snprintf(text, sizeof(text), "%s\n", line);
	ssize_t n;

	if (peer->fd < 0)
		return peer->fd;
	if (len >= LIVE_LINE_MAX)
		return -EMSGSIZE;
	for (int at = 0; at < len; at += (int)n) {
		n = send(peer->fd, text + at, (size_t)(len - at), MSG_NOSIGNAL);
		if (n <= 0)
			return fault(n);
	}
	return 0;
}

/* Answers are short, and who waits for them is in no hurry: a byte a call keeps no state. */
int
live_hear(struct live_peer *peer, char answer[LIVE_LINE_MAX])
{
	size_t len = 0;
	ssize_t n;

	if (peer->fd < 0)
		return peer->fd;
	while (len < LIVE_LINE_MAX) {
		n = recv(peer->fd, answer + len, 1, 0);
		if (n <= 0)
			return fault(n);
		if (answer[len] == '\n') {
			answer[len] = '\0';
			return 0;
		}
		len++;
	}
	return -EMSGSIZE;
}

int
live_ask(struct live_peer *peer, const char *line, char answer[LIVE_LINE_MAX])
{
	int rc = live_say(peer, line);

	return rc == 0 ? live_hear(peer, answer) : rc;
}
