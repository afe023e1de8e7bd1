/* SPDX-License-Identifier: BSD-3-Clause */
#include "live/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "live/client.h"
#include "live/folder.h"

struct connection {
	int fd; /* -1: none */
	uint64_t heard_ns;
	size_t in_len;
	size_t out_len;
	char in[LIVE_LINE_MAX * LIVE_AHEAD / 4];
	char out[LIVE_LINE_MAX * LIVE_AHEAD / 4];
};

struct live_server {
	struct live_folder folder;
	char file[NAME_MAX];
	int fd;
	struct connection connections[LIVE_CLIENTS];
};

static int
listen_there(struct live_server *s)
{
	struct sockaddr_un a;
	int rc = live_folder_address(&s->folder, s->file, &a);

	if (rc != 0)
		return rc;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	unlinkat(s->folder.fd, s->file, 0); /* of a process before us that had our pid */
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    fchmodat(s->folder.fd, s->file, 0600, 0) != 0 || listen(s->fd, LIVE_CLIENTS) != 0)
		return -errno;
	return 0;
}

int
live_server_open(const char *name, struct live_server **out, char **where)
{
	struct live_server *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	*where = NULL;
	if (s == NULL)
		return -ENOMEM;
	s->fd = -1;
	for (unsigned int i = 0; i < LIVE_CLIENTS; i++)
		s->connections[i].fd = -1;
	snprintf(s->file, sizeof(s->file), "%s.%ld", name, (long)getpid());
	rc = live_folder_open(&s->folder, true);
	*where = strdup(s->folder.path);
	if (rc == 0) {
		live_clean(&s->folder);
		rc = listen_there(s);
	}
	if (rc != 0) {
		live_server_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void
hang_up(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static void
let_in(struct live_server *s, uint64_t now_ns)
{
	for (unsigned int i = 0; i < LIVE_CLIENTS; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0)
			continue;
		c->fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c->fd < 0)
			return;
		c->heard_ns = now_ns;
		c->in_len = c->out_len = 0;
	}
}

static void
answer_line(struct connection *c, size_t len, live_answer_fn *answer, void *context)
{
	char text[LIVE_LINE_MAX] = "error this is no request";
	struct live_request request;

	if (live_request_read(c->in, len, &request) == 0)
		answer(context, &request, text);
	c->out_len += (size_t)snprintf(c->out + c->out_len, LIVE_LINE_MAX, "%.*s\n", LIVE_LINE_MAX - 2,
				       text);
}

/* Answer the lines that are whole, as long as their answers have room. */
static void
answer_lines(struct connection *c, live_answer_fn *answer, void *context)
{
	const char *end;

	while (sizeof(c->out) - c->out_len >= LIVE_LINE_MAX &&
	       (end = memchr(c->in, '\n', c->in_len)) != NULL) {
		size_t len = (size_t)(end - c->in);

		if (len < LIVE_LINE_MAX)
			answer_line(c, len, answer, context);
		c->in_len -= len + 1;
		memmove(c->in, end + 1, c->in_len);
	}
}

/* Whether a line has begun that is longer than any may be. */
static bool
is_too_long(const struct connection *c)
{
	size_t most = c->in_len < LIVE_LINE_MAX ? c->in_len : LIVE_LINE_MAX;

	return most == LIVE_LINE_MAX && memchr(c->in, '\n', most) == NULL;
}

/* Whether there is reason to go on with a transfer's outcome, or to hang up. */
static bool
is_alive(ssize_t n)
{
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool
hear(struct connection *c, uint64_t now_ns)
{
	ssize_t n;

	if (c->in_len == sizeof(c->in))
		return true; /* its answers wait to be read */
	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	if (n > 0) {
		c->in_len += (size_t)n;
		c->heard_ns = now_ns;
	}
	return is_alive(n);
}

static bool
say(struct connection *c)
{
	ssize_t n;

	if (c->out_len == 0)
		return true;
	n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
	if (n > 0) {
		c->out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->out_len);
	}
	return is_alive(n);
}

static void
serve(struct connection *c, uint64_t now_ns, live_answer_fn *answer, void *context)
{
	/* What was asked before the other side closed is done and answered. */
	bool alive = hear(c, now_ns);

	while (!is_too_long(c)) {
		size_t before = c->in_len;

		answer_lines(c, answer, context);
		if (!say(c)) {
			alive = false;
			break;
		}
		if (c->in_len == before)
			break;
	}
	if (!alive || is_too_long(c) || now_ns - c->heard_ns > LIVE_IDLE_NS)
		hang_up(c);
}

void
live_server_poll(struct live_server *s, uint64_t now_ns, live_answer_fn *answer, void *context)
{
	let_in(s, now_ns);
	for (unsigned int i = 0; i < LIVE_CLIENTS; i++)
		if (s->connections[i].fd >= 0)
			serve(&s->connections[i], now_ns, answer, context);
}

void
live_server_close(struct live_server *s)
{
	if (s == NULL)
		return;
	for (unsigned int i = 0; i < LIVE_CLIENTS; i++)
		if (s->connections[i].fd >= 0)
			hang_up(&s->connections[i]);
	if (s->fd >= 0) {
		unlinkat(s->folder.fd, s->file, 0);
		close(s->fd);
	}
	live_folder_close(&s->folder);
	free(s);
}
