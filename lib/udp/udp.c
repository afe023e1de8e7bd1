/* SPDX-License-Identifier: BSD-3-Clause */
#include "udp/udp.h"

#include <errno.h>
#include <stdlib.h>

#define ENDPOINTS_MAX (UINT32_C(1) << 24)
#define QUEUE_MAX (UINT32_C(1) << 20)
#define HEADER 8

struct endpoint {
	struct flow_tuple tuple; /* first: the flow table reads it */
	uint32_t next_free;
	uint64_t user;
	uint8_t link;
	bool open;
};

_Static_assert(sizeof(struct endpoint) == UDP_ENDPOINT_BYTES, "as the header says");

/* A datagram that waits; its data stands in the queue's own array. */
struct waiting {
	struct flow_tuple tuple;
	uint16_t len;
	uint8_t link;
};

struct udp {
	struct udp_config config;
	struct flow_table flows;
	struct endpoint *endpoint; /* endpoint[0] is not used */
	uint32_t touched;
	uint32_t free;
	struct waiting *queue;
	uint8_t *data;
	uint32_t head;
	uint32_t count;
	uint16_t ip_id;
	struct udp_stats stats;
};

size_t
udp_memory_bytes(const struct udp_config *c)
{
	return sizeof(struct udp) + ((size_t)c->endpoints + 1) * sizeof(struct endpoint) +
	       flow_table_bytes(c->endpoints) +
	       (size_t)c->queue * (sizeof(struct waiting) + c->data_max);
}

static bool
config_is_good(const struct udp_config *c)
{
	return c->endpoints > 0 && c->endpoints <= ENDPOINTS_MAX && c->queue > 0 &&
	       c->queue <= QUEUE_MAX && c->data_max > 0 && c->data_max <= UDP_DATA_MAX &&
	       c->ttl > 0 && c->links > 0 && c->link != NULL && c->events.data != NULL &&
	       c->events.icmp != NULL;
}

struct udp *
udp_new(const struct udp_config *config)
{
	struct udp *u;

	if (!config_is_good(config))
		return NULL;
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		return NULL;
	u->config = *config;
	u->endpoint = malloc(((size_t)config->endpoints + 1) * sizeof(*u->endpoint));
	u->queue = malloc((size_t)config->queue * sizeof(*u->queue));
	u->data = malloc((size_t)config->queue * config->data_max);
	if (u->endpoint == NULL || u->queue == NULL || u->data == NULL)
		goto fail;
	u->endpoint[0] = (struct endpoint){0};
	if (flow_table_init(&u->flows, config->endpoints, u->endpoint, sizeof(*u->endpoint),
			    config->key) != 0)
		goto fail;
	return u;
fail:
	udp_free(u);
	return NULL;
}

void
udp_free(struct udp *u)
{
	if (u == NULL)
		return;
	flow_table_fini(&u->flows);
	free(u->endpoint);
	free(u->queue);
	free(u->data);
	free(u);
}

static void
give(struct udp *u, uint32_t endpoint)
{
	u->endpoint[endpoint].open = false;
	u->endpoint[endpoint].next_free = u->free;
	u->free = endpoint;
}

int
udp_open(struct udp *u, const struct flow_tuple *tuple, uint8_t link, uint64_t user,
	 uint32_t *endpoint)
{
	uint32_t number = u->free;
	int rc;

	if (number != 0)
		u->free = u->endpoint[number].next_free;
	else if (u->touched < u->config.endpoints)
		number = ++u->touched;
	else
		return -ENOBUFS;
	u->endpoint[number] = (struct endpoint){
		.tuple = *tuple, .user = user, .link = link, .open = true};
	rc = flow_table_add(&u->flows, number);
	if (rc != 0) {
		give(u, number);
		return rc;
	}
	u->stats.opened++;
	*endpoint = number;
	return 0;
}

void
udp_open_ahead(const struct udp *u, const struct flow_tuple *tuple)
{
	flow_table_ahead(&u->flows, tuple);
}

void
udp_close(struct udp *u, uint32_t endpoint)
{
	flow_table_remove(&u->flows, endpoint);
	give(u, endpoint);
	u->stats.closed++;
}

int
udp_send(struct udp *u, uint32_t endpoint, const void *bytes, size_t len)
{
	const struct endpoint *e = &u->endpoint[endpoint];
	uint32_t at = (u->head + u->count) % u->config.queue;

	if (len > u->config.data_max)
		return -EMSGSIZE;
	if (u->count == u->config.queue) {
		u->stats.refused++;
		return -EAGAIN;
	}
	u->queue[at] = (struct waiting){e->tuple, (uint16_t)len, e->link};
	if (len > 0)
		memcpy(u->data + (size_t)at * u->config.data_max, bytes, len);
	u->count++;
	u->stats.queued++;
	return 0;
}

/* Sum over the pseudo-header and the datagram: zero where its checksum holds. */
static uint16_t
checksum(const struct wire_ipv4 *ip, const uint8_t *datagram, uint16_t len)
{
	return wire_checksum_fold(wire_sum(datagram, len, wire_pseudo_sum(ip, IP_PROTO_UDP, len)));
}

int
udp_input(struct udp *u, const uint8_t *packet, size_t len)
{
	struct flow_packet p;
	uint16_t datagram_len;
	uint32_t number;

	if (flow_packet_read(packet, len, IP_PROTO_UDP, &p) != 0)
		return -EINVAL;
	datagram_len = load_be16(p.transport + 4);
	if (datagram_len < HEADER || datagram_len > p.len)
		return -EINVAL;
	number = flow_table_find(&u->flows, &p.tuple);
	if (number == 0)
		return -ENOENT;
	if (load_be16(p.transport + 6) != 0 &&
	    checksum((const struct wire_ipv4 *)packet, p.transport, datagram_len) != 0) {
		u->stats.bad_checksum++;
		return -EBADMSG;
	}
	u->stats.received++;
	u->config.events.data(u->config.context, number, u->endpoint[number].user,
			      p.transport + HEADER, (size_t)(datagram_len - HEADER));
	return 0;
}

/* Packets that are looked ahead at together: enough that the last has come when the first is used. */
#define AHEAD 32

static void
tell_ahead(const struct udp *u, const uint32_t *number, size_t n, unsigned int round)
{
	for (size_t i = 0; i < n && u->config.events.ahead != NULL; i++)
		if (number[i] != 0)
			u->config.events.ahead(u->config.context, u->endpoint[number[i]].user, round);
}

static void
look_ahead(const struct udp *u, const struct span *packets, size_t count)
{
	uint32_t hash[AHEAD], number[AHEAD];
	struct flow_packet p;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (flow_packet_read(packets[i].at, packets[i].len, IP_PROTO_UDP, &p) == 0)
			hash[n++] = flow_table_ahead(&u->flows, &p.tuple);
	for (size_t i = 0; i < n; i++) {
		number[i] = flow_table_likely(&u->flows, hash[i]);
		__builtin_prefetch(&u->endpoint[number[i]], 1);
	}
	for (unsigned int round = 0; round < UDP_AHEAD_ROUNDS; round++)
		tell_ahead(u, number, n, round);
}

void
udp_ahead(const struct udp *u, const struct span *packets, size_t count)
{
	for (size_t i = 0; i < count; i += AHEAD)
		look_ahead(u, packets + i, count - i < AHEAD ? count - i : AHEAD);
}

int
udp_icmp(struct udp *u, const uint8_t *packet, size_t len)
{
	struct flow_quote q;
	uint32_t number;

	if (flow_quote_read(packet, len, IP_PROTO_UDP, &q) != 0)
		return -EINVAL;
	number = flow_table_find(&u->flows, &q.tuple);
	if (number == 0)
		return -ENOENT;
	u->stats.icmp++;
	u->config.events.icmp(u->config.context, number, u->endpoint[number].user, q.type, q.code);
	return 0;
}

/* The frame of one that waits. */
static void
build(struct udp *u, const struct waiting *w, const uint8_t *data, uint8_t *frame,
      struct udp_frame *out)
{
	const struct wire_link *link = &u->config.link[w->link];
	uint16_t len = (uint16_t)(HEADER + w->len), sum;
	/* Of the pseudo-header, the header and the data: not of the frame's bytes, which were just written. */
	uint64_t parts = (uint64_t)w->tuple.local + w->tuple.remote + IP_PROTO_UDP + w->tuple.local_port +
			 w->tuple.remote_port + 2u * len;
	struct flow_header h = {
		.payload_len = len,
		.id = u->ip_id++,
		.protocol = IP_PROTO_UDP,
		.ttl = u->config.ttl,
		.may_fragment = true,
	};
	struct wire_ipv4 *ip = flow_frame_begin(link, &w->tuple, &h, frame);
	uint8_t *datagram = (uint8_t *)(ip + 1);

	store_be16(datagram + 4, len);
	memcpy(datagram + HEADER, data, w->len);
	sum = wire_checksum_fold(wire_sum(data, w->len, parts));
	store_be16(datagram + 6, sum != 0 ? sum : 0xffff); /* zero would say that there is none */
	*out = (struct udp_frame){w->tuple.remote, (uint16_t)(link->len + sizeof(*ip) + len), w->link};
}

bool
udp_output(struct udp *u, uint8_t *frame, struct udp_frame *out)
{
	if (u->count == 0)
		return false;
	build(u, &u->queue[u->head], u->data + (size_t)u->head * u->config.data_max, frame, out);
	u->head = (u->head + 1) % u->config.queue;
	u->count--;
	u->stats.sent++;
	return true;
}

uint32_t
udp_room(const struct udp *u)
{
	return u->config.queue - u->count;
}

const struct udp_stats *
udp_stats(const struct udp *u)
{
	return &u->stats;
}
