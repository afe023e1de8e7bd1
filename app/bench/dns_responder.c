/* SPDX-License-Identifier: BSD-3-Clause */
#define CARES_NO_DEPRECATED /* as lib/dns/channels.c */
#include "dns_responder.h"

#include <ares.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "wire/wire.h"

#define RECORD_BYTES 16
#define COOKIE_BYTES 12 /* that c-ares 1.34 puts into OPT */
#define BURST 32

/* As many as the socket's buffer holds for certain: with more the kernel drops, and all waits for timeouts. */
#define IN_FLIGHT 200

struct kernel_loop {
	pthread_t thread;
	bool has_thread;
	atomic_bool stop;
	int socket;           /* the responder's */
	uint16_t port;
	ares_channel channel;
	ares_socket_t client; /* c-ares' own */
	uint64_t asked;
	uint64_t answered;
	uint64_t failed;
	uint16_t ids;
};

size_t
dns_responder_name(uint64_t number, uint8_t name[DNS_NAME_MAX])
{
	static const uint8_t form[] = "\11n00000000\7example\4test";

	memcpy(name, form, sizeof(form));
	for (unsigned int i = 0; i < 8; i++, number /= 10)
		name[9 - i] = (uint8_t)('0' + number % 10);
	return sizeof(form);
}

size_t
dns_responder_answer(const uint8_t *query, size_t len, uint8_t *answer)
{
	static const uint8_t record[RECORD_BYTES] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 1, 2, 3};
	size_t question = DNS_HEADER_BYTES + dns_name_size(query + DNS_HEADER_BYTES) + 4;

	memcpy(answer, query, question);
	memcpy(answer + question, record, RECORD_BYTES);
	memcpy(answer + question + RECORD_BYTES, query + question, len - question);
	answer[2] |= 0x80;
	answer[3] = 0x80;
	answer[7] = 1;
	return len + RECORD_BYTES;
}

size_t
dns_responder_packet(const uint8_t *packet, size_t len, uint8_t *out)
{
	size_t answer = dns_responder_answer(packet + 28, len - 28, out + 28);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)out;
	uint16_t datagram = (uint16_t)(8 + answer);

	wire_ipv4_build(ip, load_be32(packet + 16), load_be32(packet + 12), IP_PROTO_UDP, (uint16_t)(20 + datagram),
			0, 64);
	memcpy(out + 20, packet + 22, 2);
	memcpy(out + 22, packet + 20, 2);
	store_be16(out + 24, datagram);
	store_be16(out + 26, 0);
	store_be16(out + 26, wire_checksum_fold(wire_sum(out + 20, datagram,
							 wire_pseudo_sum(ip, IP_PROTO_UDP, datagram))));
	return 20u + datagram;
}

/* The responder's thread: as many at a time as there are. */
static void *
respond(void *arg)
{
	struct kernel_loop *k = arg;
	static uint8_t in[BURST][DNS_QUERY_MAX + COOKIE_BYTES], out[BURST][DNS_RESPONDER_MAX];
	static struct sockaddr_in from[BURST];
	struct iovec iov_in[BURST], iov_out[BURST];
	struct mmsghdr queries[BURST], answers[BURST];

	while (!atomic_load_explicit(&k->stop, memory_order_relaxed)) {
		int n;

		for (int i = 0; i < BURST; i++) {
			iov_in[i] = (struct iovec){in[i], sizeof(in[i])};
			queries[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
							     .msg_iov = &iov_in[i], .msg_iovlen = 1};
		}
		n = recvmmsg(k->socket, queries, BURST, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			iov_out[i] = (struct iovec){out[i], dns_responder_answer(in[i], queries[i].msg_len, out[i])};
			answers[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
							     .msg_iov = &iov_out[i], .msg_iovlen = 1};
		}
		for (int sent = 0, rc; sent < n; sent += rc) {
			rc = sendmmsg(k->socket, answers + sent, (unsigned int)(n - sent), 0);
			if (rc <= 0)
				break;
		}
	}
	return NULL;
}

static int
open_responder(struct kernel_loop *k)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval wait = {.tv_usec = 100000};
	socklen_t len = sizeof(a);
	int buffer = 4 << 20;

	k->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (k->socket < 0 || bind(k->socket, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(k->socket, (struct sockaddr *)&a, &len) != 0)
		return -1;
	setsockopt(k->socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(k->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	k->port = ntohs(a.sin_port);
	k->has_thread = pthread_create(&k->thread, NULL, respond, k) == 0;
	return k->has_thread ? 0 : -1;
}

static void
on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct kernel_loop *k = arg;

	(void)writable;
	k->client = readable ? fd : ARES_SOCKET_BAD;
}

static int
open_client(struct kernel_loop *k)
{
	struct in_addr server = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct ares_options options = {
		.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS,
		.timeout = 1000,
		.tries = 4,
		.ednspsz = 1232,
		.udp_port = k->port, /* in host order, whatever 1.18's page says */
		.servers = &server,
		.nservers = 1,
		.socket_receive_buffer_size = 4 << 20,
		.sock_state_cb = on_state,
		.sock_state_cb_data = k,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_UDP_PORT |
		   ARES_OPT_SERVERS | ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB;

#ifdef ARES_OPT_QUERY_CACHE
	mask |= ARES_OPT_QUERY_CACHE; /* for no seconds: none */
#endif
	k->client = ARES_SOCKET_BAD;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -1;
	return ares_init_options(&k->channel, &options, mask) == ARES_SUCCESS ? 0 : -1;
}

struct kernel_loop *
kernel_loop_new(void)
{
	struct kernel_loop *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->socket = -1;
	if (open_responder(k) != 0 || open_client(k) != 0) {
		kernel_loop_free(k);
		return NULL;
	}
	return k;
}

void
kernel_loop_free(struct kernel_loop *k)
{
	if (k == NULL)
		return;
	if (k->channel != NULL) {
		ares_destroy(k->channel);
		ares_library_cleanup();
	}
	atomic_store(&k->stop, true);
	if (k->has_thread)
		pthread_join(k->thread, NULL);
	if (k->socket >= 0)
		close(k->socket);
	free(k);
}

static void
on_end(void *arg, int status, int timeouts, unsigned char *message, int len)
{
	struct kernel_loop *k = arg;

	(void)timeouts;
	(void)message;
	(void)len;
	if (status == ARES_SUCCESS)
		k->answered++;
	else
		k->failed++;
}

static void
ask(struct kernel_loop *k)
{
	uint8_t name[DNS_NAME_MAX], query[DNS_QUERY_MAX];
	const struct dns_query q = {.id = k->ids++, .name = name, .type = DNS_A, .edns_bytes = 1232, .recurse = true};

	dns_responder_name(k->asked++, name);
	ares_send(k->channel, query, (int)dns_query_write(&q, query), on_end, k);
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

void
kernel_loop_sample(struct kernel_loop *k, uint64_t for_ns, double *per_second, double *per_cpu_second)
{
	uint64_t begun = clock_ns(CLOCK_MONOTONIC), now = begun, cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t answered = k->answered;

	while (now < begun + for_ns) {
		struct pollfd ready = {.events = POLLIN};

		while (k->asked - k->answered - k->failed < IN_FLIGHT)
			ask(k);
		ready.fd = k->client;
		poll(&ready, 1, 100);
		ares_process_fd(k->channel, ready.revents ? k->client : ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		now = clock_ns(CLOCK_MONOTONIC);
	}
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	*per_second = (double)(k->answered - answered) / ((double)(now - begun) / 1e9);
	*per_cpu_second = (double)(k->answered - answered) / ((double)cpu / 1e9);
}
