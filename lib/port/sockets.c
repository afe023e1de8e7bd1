/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/sockets.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/if_xdp.h>

/* Of all ports: eight, of sixteen queues. */
#define SOCKETS_MAX 128

struct sockets {
	int family; /* AF_PACKET or AF_XDP */
	unsigned int if_index;
	unsigned int count, earlier_count;
	int fd[SOCKETS_MAX];
	int earlier[SOCKETS_MAX]; /* other ports' */
	uint64_t lost;
	uint64_t base; /* of AF_XDP, whose counts are since the socket was made */
};

/* A packet socket says what interface it is bound to; an XDP socket does not. */
static bool
is_of(const struct sockets *s, int fd)
{
	struct sockaddr_ll address = {0};
	socklen_t len = sizeof(int);
	int family;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) != 0 || family != s->family)
		return false;
	if (family == AF_XDP)
		return true;
	len = sizeof(address);
	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       (unsigned int)address.sll_ifindex == s->if_index;
}

/* The process's sockets of this kind; how many. */
static unsigned int
look(const struct sockets *s, int *fd)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned int n = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && n < SOCKETS_MAX) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (end != entry->d_name && is_of(s, (int)number))
			fd[n++] = (int)number;
	}
	closedir(dir);
	return n;
}

/* Frames that one has lost: an AF_PACKET socket's since it was last asked, an AF_XDP one's in all. */
static uint64_t
ask(const struct sockets *s, int fd)
{
	struct xdp_statistics xdp = {0};
	struct tpacket_stats packet = {0};
	socklen_t len = sizeof(packet);

	if (s->family == AF_PACKET)
		return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &packet, &len) == 0 ? packet.tp_drops : 0;
	len = sizeof(xdp);
	return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &xdp, &len) == 0 ? xdp.rx_ring_full : 0;
}

static uint64_t
ask_all(const struct sockets *s)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < s->count; i++)
		n += ask(s, s->fd[i]);
	return n;
}

struct sockets *
sockets_new(const char *driver, unsigned int if_index)
{
	bool is_xdp = strcmp(driver, "net_af_xdp") == 0;
	struct sockets *s;

	if (!is_xdp && strcmp(driver, "net_af_packet") != 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->family = is_xdp ? AF_XDP : AF_PACKET;
	s->if_index = if_index;
	/* XDP sockets are made with the queues; packet sockets are there with the device. */
	if (is_xdp)
		s->earlier_count = look(s, s->earlier);
	return s;
}

static bool
is_earlier(const struct sockets *s, int fd)
{
	for (unsigned int i = 0; i < s->earlier_count; i++)
		if (s->earlier[i] == fd)
			return true;
	return false;
}

void
sockets_find(struct sockets *s)
{
	int fd[SOCKETS_MAX];
	unsigned int n;

	if (s == NULL)
		return;
	n = look(s, fd);
	for (unsigned int i = 0; i < n; i++)
		if (!is_earlier(s, fd[i]))
			s->fd[s->count++] = fd[i];
	s->base = ask_all(s);
	s->lost = 0;
}

unsigned int
sockets_count(const struct sockets *s)
{
	return s == NULL ? 0 : s->count;
}

uint64_t
sockets_lost(struct sockets *s)
{
	if (s == NULL)
		return 0;
	if (s->family == AF_XDP)
		return ask_all(s) - s->base;
	s->lost += ask_all(s);
	return s->lost;
}

void
sockets_free(struct sockets *s)
{
	free(s);
}
