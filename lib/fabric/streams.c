/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"

/* A query of each, and what comes early of the largest answer there is. */
#define SEND_BLOCKS (2 * STREAMS_MAX)
#define RECEIVE_BLOCKS (64 * STREAMS_MAX)
#define SEND_MAX 1024
#define RECEIVE_WINDOW 65535
#define RECEIVE_MAX (1 << 17)

/* What goes out at once: a query and its length. */
#define PIECE_BYTES 512

#define RETRIES 2
#define DELAYED_ACK_NS (40 * NS_PER_MS)

struct stream {
	struct tcp_conn *conn; /* NULL: a place that is free */
	uint32_t handle;
};

struct streams {
	struct dns *dns;
	struct tcp *tcp;
	uint64_t deadline_ns; /* of each, from its beginning */
	uint64_t random;
	uint64_t now_ns; /* of the call that is under way */
	struct stream all[STREAMS_MAX];
};

uint64_t
streams_random(struct streams *s)
{
	s->random = hash_mix64(s->random);
	return s->random;
}

static struct stream *
find(struct streams *s, uint32_t handle)
{
	for (unsigned int i = 0; i < STREAMS_MAX; i++)
		if (s->all[i].conn != NULL && s->all[i].handle == handle)
			return &s->all[i];
	return NULL;
}

int
streams_open(struct streams *s, uint32_t handle, const struct flow_tuple *tuple, uint8_t link,
	     uint64_t now_ns)
{
	struct tcp_begin begin = {
		.tuple = *tuple,
		.deadline_ns = now_ns + s->deadline_ns,
		.link = link,
	};
	struct stream *free_one = NULL;
	int rc;

	for (unsigned int i = 0; i < STREAMS_MAX && free_one == NULL; i++)
		if (s->all[i].conn == NULL)
			free_one = &s->all[i];
	if (free_one == NULL)
		return -ENOBUFS;
	begin.user = (uint64_t)(free_one - s->all);
	free_one->handle = handle;
	rc = tcp_open(s->tcp, &begin, tcp_isn(s->tcp, tuple, now_ns), now_ns, &free_one->conn);
	if (rc != 0)
		free_one->conn = NULL;
	return rc;
}

void
streams_close(struct streams *s, uint32_t handle)
{
	struct stream *one = find(s, handle);

	if (one == NULL)
		return;
	tcp_close(s->tcp, one->conn, TCP_CLOSE_RST);
	one->conn = NULL;
}

/* Give TCP what there is to say. */
static void
pump(struct streams *s, struct stream *one)
{
	uint8_t piece[PIECE_BYTES];
	size_t n;

	while (one->conn != NULL && (n = dns_tcp_output(s->dns, one->handle, piece, sizeof(piece))) > 0)
		tcp_send(s->tcp, one->conn, piece, n);
}

static void
on_open(void *context, struct tcp_conn *c, uint64_t user)
{
	struct streams *s = context;
	struct stream *one = &s->all[user];

	one->conn = c;
	pump(s, one);
}

static size_t
on_data(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct streams *s = context;
	struct stream *one = &s->all[user];

	(void)c;
	dns_tcp_received(s->dns, one->handle, span_of(bytes, len), s->now_ns);
	pump(s, one);
	return len;
}

/* A resolver that has said its last: what was to come has come, or will not. */
static void
on_fin(void *context, struct tcp_conn *c, uint64_t user)
{
	struct streams *s = context;
	struct stream *one = &s->all[user];

	tcp_close(s->tcp, c, TCP_CLOSE_RST);
	one->conn = NULL;
	dns_tcp_ended(s->dns, one->handle, s->now_ns);
}

static void
on_room(void *context, struct tcp_conn *c, uint64_t user)
{
	struct streams *s = context;

	(void)c;
	pump(s, &s->all[user]);
}

static void
on_icmp(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code)
{
	(void)context, (void)c, (void)user, (void)type, (void)code;
}

static void
on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	struct streams *s = context;
	struct stream *one = &s->all[user];

	(void)cause, (void)stage;
	one->conn = NULL;
	dns_tcp_ended(s->dns, one->handle, s->now_ns);
}

bool
streams_packet(struct streams *s, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;

	s->now_ns = now_ns;
	if (ip->protocol == IP_PROTO_ICMP)
		return tcp_icmp(s->tcp, packet, len, now_ns) == 0;
	return tcp_input(s->tcp, packet, len, now_ns) == 0;
}

unsigned int
streams_poll(struct streams *s, uint64_t now_ns)
{
	s->now_ns = now_ns;
	return tcp_poll(s->tcp, now_ns);
}

uint64_t
streams_next_ns(const struct streams *s, uint64_t now_ns)
{
	return tcp_has_output(s->tcp) ? now_ns : tcp_next_ns(s->tcp);
}

bool
streams_output(struct streams *s, uint64_t now_ns, uint8_t frame[STREAMS_FRAME_MAX],
	       struct tcp_frame *out)
{
	s->now_ns = now_ns;
	return tcp_output(s->tcp, now_ns, frame, out);
}

void
streams_serve(struct streams *s, struct dns *dns)
{
	s->dns = dns;
}

struct streams *
streams_new(const struct lookups_config *config, const struct wire_link *links, uint64_t now_ns)
{
	const struct probe_config *probe = &config->outlets[0].probe->config;
	const struct probe_syn *syn = probe_syn_of(probe->profile);
	struct tcp_config tcp = {
		/* One that is done with is there until its RST has left. */
		.connections = 2 * STREAMS_MAX,
		.send_blocks = SEND_BLOCKS,
		.recv_blocks = RECEIVE_BLOCKS,
		.send_max = SEND_MAX,
		.recv_max = RECEIVE_WINDOW,
		.mtu = STREAMS_MTU,
		.ttl = probe->ttl,
		.retries = RETRIES,
		.links = (uint8_t)config->outlet_count,
		.link = links,
		.rto_ns = NS_PER_SEC,
		.delayed_ack_ns = DELAYED_ACK_NS,
		.receive_max = RECEIVE_MAX,
		.syn_window = syn->window,
		.syn_options_len = syn->options_len,
		.syn_options = syn->options,
		.events = {on_open, on_data, on_fin, on_room, on_icmp, on_closed},
	};
	struct streams *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	memcpy(tcp.key, config->key, sizeof(tcp.key));
	memcpy(&s->random, config->key + sizeof(tcp.key), sizeof(s->random));
	s->deadline_ns = 2 * config->plan->timeout_ns + NS_PER_SEC;
	tcp.context = s;
	s->tcp = tcp_new(&tcp, now_ns);
	if (s->tcp != NULL)
		return s;
	free(s);
	return NULL;
}

void
streams_free(struct streams *s)
{
	if (s == NULL)
		return;
	tcp_free(s->tcp);
	free(s);
}
