/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <rte_ring.h>

#include "base/ipv4.h"
#include "base/time.h"
#include "fabric/lookups_inside.h"

/* A name's place and its types share the word that a question is known by. */
#define TYPE_BITS 4
_Static_assert(LOOKUPS_TYPES_MAX == 1 << TYPE_BITS, "every type has a number");

/* Names that are begun in one round; and in one that is behind. */
#define BURST 64
#define BURST_BEHIND 1

/* So far behind with what comes, a worker takes up less. */
#define BEHIND_NS (20 * NS_PER_MS)

/* The end of a name. */

static enum ledger_outcome
outcome_of(uint8_t cause)
{
	switch ((enum grab_cause)cause) {
	case GRAB_COMPLETE:
		return LEDGER_OUTCOME_ANSWERED;
	case GRAB_TIMEOUT:
		return LEDGER_OUTCOME_TIMEOUT;
	case GRAB_UNREACHABLE:
		return LEDGER_OUTCOME_UNREACHABLE;
	case GRAB_EXCLUDED:
		return LEDGER_OUTCOME_EXCLUDED;
	case GRAB_STOPPED:
		return LEDGER_OUTCOME_STOPPED;
	default:
		return LEDGER_OUTCOME_NO_MEMORY;
	}
}

/* To the writer: the place on the ring was reserved when the name was begun. */
static void
finish(struct lookups *l, uint32_t number)
{
	struct slot *s = &l->slots[number];
	struct grab *grab = s->grab;

	grab_end(grab, GRAB_COMPLETE, l->now_ns);
	s->grab = NULL;
	s->next_free = l->free;
	l->free = number;
	atomic_store_explicit(&l->live, lookups_live(l) - 1, memory_order_relaxed);
	ledger_add(l->config.ledger, LEDGER_LOOKUP + outcome_of(grab->cause), 1);
	rte_ring_sp_enqueue(l->config.grabs, grab);
	ledger_add(l->config.ledger, LEDGER_LOOKUP_RECORD, 1);
}

static void
count_answer(struct lookups *l, uint8_t status)
{
	_Atomic uint64_t *count = &l->answers[status < DNS_STATUSES ? status : (uint8_t)DNS_ERROR];

	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static uint32_t
microseconds(uint64_t from_ns, uint64_t to_ns)
{
	uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* A result, and how far the name has come by it. The worst of its questions is the name's end. */
static void
add_result(struct lookups *l, struct grab *grab, const struct grab_dns_result *result,
	   struct span message)
{
	grab_open(grab, GRAB_CHUNK_DNS_RESULT, l->now_ns);
	grab_append(grab, span_of(result, sizeof(*result)));
	grab_append(grab, message);
	grab->received_bytes += (uint32_t)message.len;
	grab_reach(grab, (enum grab_stage)result->stage, l->now_ns);
	if (result->cause != GRAB_COMPLETE)
		grab_end(grab, (enum grab_cause)result->cause, l->now_ns);
	count_answer(l, result->status);
}

/* What became of a question. */
static void
take_answer(struct lookups *l, struct slot *s, const struct grab_dns_result *result, struct span message)
{
	ledger_add(l->config.ledger, LEDGER_ASKED + outcome_of(result->cause), 1);
	add_result(l, s->grab, result, message);
	s->pending--;
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *a)
{
	struct lookups *l = context;
	uint32_t number = (uint32_t)(user >> TYPE_BITS);
	struct slot *s = &l->slots[number];
	const struct lookups_task *task = &l->config.plan->tasks[s->grab->index];
	struct grab_dns_result result = {
		.resolver = a->server,
		.resolver_port = a->port,
		.duration_us = microseconds(a->started_ns, a->ended_ns),
		.started_us = microseconds(s->grab->started_ns, a->started_ns),
		.type = task->type[user % LOOKUPS_TYPES_MAX],
		.status = a->status,
		.tries = a->tries,
		.is_tcp = a->is_tcp,
		.stage = a->message.len > 0 ? GRAB_ANSWER : a->tries > 0 ? GRAB_QUERY : GRAB_CONNECT,
		.cause = a->cause,
	};

	take_answer(l, s, &result, a->message);
	if (s->pending == 0)
		finish(l, number);
}

/* The beginning of a name. */

/* Whether there is all that another name may come to need. */
static bool
has_credit(struct lookups *l)
{
	uint32_t live = lookups_live(l);

	return live < l->config.names && dns_room(l->dns) >= LOOKUPS_TYPES_MAX &&
	       (l->walks == NULL || iterate_room(l->walks) >= LOOKUPS_TYPES_MAX) &&
	       udp_room(l->udp) > l->queue / 2 && grab_pool_room(l->grabs) >= BLOCKS_TO_BEGIN &&
	       rte_ring_free_count(l->config.grabs) > live;
}

static uint32_t
take_slot(struct lookups *l)
{
	uint32_t number = l->free;

	if (number != 0)
		l->free = l->slots[number].next_free;
	else
		number = ++l->touched;
	atomic_store_explicit(&l->live, lookups_live(l) + 1, memory_order_relaxed);
	return number;
}

/* An address that is listed stands for the name that its PTR record has. */
static size_t
wire_of(const struct lookups_task *task, const struct feed_name *n, uint8_t wire[DNS_NAME_MAX])
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t address6[16];
	uint32_t address;

	if (task->type_count != 1 || task->type[0] != DNS_PTR)
		return dns_name_from_text(n->text, n->len, wire);
	if (ipv4_parse(n->text, n->len, &address) == 0)
		return dns_name_reverse(address, wire);
	memcpy(text, n->text, n->len < sizeof(text) ? n->len : 0);
	return inet_pton(AF_INET6, text, address6) == 1 ? dns_name_reverse6(address6, wire)
							: dns_name_from_text(n->text, n->len, wire);
}

/* The name in wire form, and the text that it was given as where another would be told. */
static void
add_name(struct lookups *l, struct grab *grab, const struct feed_name *n, const uint8_t *wire,
	 size_t len)
{
	char text[DNS_TEXT_SIZE];
	size_t text_len = dns_name_to_text(wire, text);

	grab_open(grab, GRAB_CHUNK_DNS_NAME, l->now_ns);
	grab_append(grab, span_of(wire, len));
	if (text_len != n->len || memcmp(text, n->text, n->len) != 0)
		grab_append(grab, span_of(n->text, n->len));
}

/* What a walk of direct mode asks of a server, and what comes of that. */
static int
on_walk_ask(void *context, const struct dns_ask *ask, uint64_t user)
{
	struct lookups *l = context;

	return dns_ask(l->dns, ask, user, l->now_ns);
}

static void
on_server_answer(void *context, uint64_t user, const struct dns_answer *a)
{
	struct lookups *l = context;

	iterate_told(l->walks, user, a, l->now_ns);
}

/* A question, of a resolver or by a walk. */
static int
ask_one(struct lookups *l, const struct dns_ask *ask, uint64_t user)
{
	if (l->walks != NULL)
		return iterate_begin(l->walks, ask->name, ask->type, user, l->now_ns);
	return dns_ask(l->dns, ask, user, l->now_ns);
}

/* What is no name is asked of nobody. */
static void
refuse(struct lookups *l, uint32_t number, const struct lookups_task *task)
{
	for (unsigned int i = 0; i < task->type_count; i++) {
		struct grab_dns_result result = {.type = task->type[i], .status = DNS_ILLEGAL_INPUT};

		add_result(l, l->slots[number].grab, &result, span_of(NULL, 0));
	}
	finish(l, number);
}

/* An ask that could not begin ends at once; its room had been looked for, so only memory is missing. */
static void
fail(struct lookups *l, struct slot *s, uint16_t type)
{
	struct grab_dns_result result = {.type = type, .status = DNS_ERROR, .cause = GRAB_NO_MEMORY};

	take_answer(l, s, &result, span_of(NULL, 0));
}

static void
ask_all(struct lookups *l, uint32_t number, const struct lookups_task *task, const uint8_t *wire,
	size_t len)
{
	struct slot *s = &l->slots[number];
	struct dns_ask ask = {.name = wire, .name_len = len, .recurse = true};

	s->pending = (uint16_t)task->type_count;
	for (unsigned int i = 0; i < task->type_count; i++) {
		uint64_t user = (uint64_t)number << TYPE_BITS | i;

		ask.type = task->type[i];
		ledger_add(l->config.ledger, LEDGER_QUESTION, 1);
		if (ask_one(l, &ask, user) != 0)
			fail(l, s, ask.type);
	}
	if (s->pending == 0)
		finish(l, number);
}

static void
begin(struct lookups *l, const struct feed_name *n)
{
	const struct lookups_task *task = &l->config.plan->tasks[n->lookup];
	uint8_t wire[DNS_NAME_MAX] = {0};
	size_t len = wire_of(task, n, wire);
	uint32_t number = take_slot(l);
	struct grab *grab = grab_new(l->grabs, GRAB_DNS, l->now_ns);

	ledger_add(l->config.ledger, LEDGER_NAME_TAKEN, 1);
	l->slots[number].grab = grab;
	grab->number = n->number;
	grab->address = n->address;
	grab->index = n->lookup;
	grab->origin = n->origin;
	grab->wildcard = n->wildcard;
	if (len == 0)
		wire[0] = 0;
	add_name(l, grab, n, wire, len > 0 ? len : 1);
	if (len == 0)
		refuse(l, number, task);
	else
		ask_all(l, number, task, wire, len);
}

/* The next name of a feed; false when it has none now. */
static bool
next_name(struct lookups *l, unsigned int feed, struct feed_name *name)
{
	const struct feed_lane *lane = &l->config.lanes[feed];

	if (lane->full == NULL)
		return false;
	if (l->batch[feed] != NULL && feed_next(l->batch[feed], name))
		return true;
	if (l->batch[feed] != NULL)
		feed_give_back(lane, l->batch[feed]);
	l->batch[feed] = feed_take(lane);
	return l->batch[feed] != NULL && feed_next(l->batch[feed], name);
}

/* Feeds take turns, so that a long list does not keep what the scan finds waiting. */
static unsigned int
take_names(struct lookups *l)
{
	unsigned int most = l->now_ns > l->heard_ns + BEHIND_NS ? BURST_BEHIND : BURST, done = 0, empty = 0;
	struct feed_name name;

	if (atomic_load_explicit(l->config.stop, memory_order_relaxed)) {
		if (!l->is_stopped)
			dns_stop_waiting(l->dns, l->now_ns);
		l->is_stopped = true;
		return 0;
	}
	while (done < most && empty < LOOKUPS_FEEDS && has_credit(l)) {
		unsigned int feed = l->next_feed++ % LOOKUPS_FEEDS;

		if (!next_name(l, feed, &name)) {
			empty++;
			continue;
		}
		empty = 0;
		begin(l, &name);
		done++;
	}
	return done;
}

/* The way out and in. */

static uint16_t
room(const struct lookups *l)
{
	return outlets_room(l->config.outlets, l->config.outlet_count);
}

/*
 * Queries that the way out takes now. Their tries' time runs, so no more may wait there for the rate of all frames,
 * which others share and may be lower than that of queries, than may wait here.
 */
static uint32_t
room_of_queries(const struct lookups *l)
{
	uint32_t backlog = 0, most = room(l);

	for (unsigned int i = 0; i < l->config.outlet_count; i++) {
		uint32_t one = tx_urgent_waiting(l->config.outlets[i].tx);

		backlog = one > backlog ? one : backlog;
	}
	if (backlog >= l->queue)
		return 0;
	return l->queue - backlog < most ? l->queue - backlog : most;
}

/* Queries, as many as their rate allows now. */
static unsigned int
send_queries(struct lookups *l)
{
	uint32_t waiting = l->queue - udp_room(l->udp), most = room_of_queries(l), granted, sent = 0;
	uint8_t bytes[UDP_FRAME_MAX];
	struct udp_frame frame;

	most = waiting < most ? waiting : most;
	most = most < PACE_BURST ? most : PACE_BURST;
	if (most == 0)
		return 0;
	granted = pace_take(l->config.rate, PACE_WORKER, l->now_ns, most);
	for (; sent < granted && udp_output(l->udp, bytes, &frame); sent++)
		tx_urgent(l->config.outlets[frame.link].tx, LEDGER_QUERY, bytes, frame.len);
	return sent;
}

static unsigned int
send_segments(struct lookups *l)
{
	uint8_t bytes[STREAMS_FRAME_MAX];
	struct tcp_frame frame;
	unsigned int sent = 0;

	for (; room(l) > 0 && streams_output(l->streams, l->now_ns, bytes, &frame); sent++)
		tx_urgent(l->config.outlets[frame.link].tx, LEDGER_SEGMENT, bytes, frame.len);
	return sent;
}

void
lookups_ahead(const struct lookups *l, const struct span *packets, size_t count)
{
	udp_ahead(l->udp, packets, count);
}

bool
lookups_packet(struct lookups *l, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	int rc;

	l->now_ns = now_ns;
	if (len < sizeof(*ip))
		return false;
	if (ip->protocol == IP_PROTO_TCP)
		return streams_packet(l->streams, packet, len, now_ns);
	if (ip->protocol == IP_PROTO_ICMP)
		return udp_icmp(l->udp, packet, len) == 0 ||
		       streams_packet(l->streams, packet, len, now_ns);
	rc = udp_input(l->udp, packet, len);
	if (rc == -ENOENT)
		dns_stray(l->dns, span_of(packet, len), now_ns);
	return rc == 0;
}

void
lookups_heard(struct lookups *l, uint64_t until_ns)
{
	l->heard_ns = until_ns;
	dns_heard(l->dns, until_ns);
}

static void
on_datagram(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct lookups *l = context;

	dns_datagram(l->dns, endpoint, user, span_of(bytes, len), l->now_ns);
}

static void
on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	struct lookups *l = context;

	dns_icmp(l->dns, endpoint, user, type, code);
}

/* An address and a port of a plan in one of this worker's buckets, by chance. */
static void
draw_tuple(const struct lookups *l, enum cookie_plan use, uint64_t random, struct flow_tuple *tuple,
	   uint8_t *link)
{
	const struct probe_sources *sources = l->config.outlets[0].probe->config.sources;
	unsigned int iface = probe_iface_of(sources, random);
	const struct probe_pool *pool = &sources->pool[iface];
	const struct probe_ports *ports = &pool->plan.ports[use];
	/* receiver_worker_of() is the inverse: the buckets of a worker are a run. */
	unsigned int first = (l->config.worker * PROBE_BUCKETS + l->config.workers - 1) / l->config.workers;
	unsigned int end = ((l->config.worker + 1) * PROBE_BUCKETS + l->config.workers - 1) / l->config.workers;
	uint32_t port = (uint32_t)(((random & UINT32_MAX) * ports->slots * (end - first)) >> 32);

	tuple->local = pool->addresses[hash_mix64(random) % pool->address_count];
	tuple->local_port = (uint16_t)(ports->base + port / (end - first) * PROBE_BUCKETS + first +
				       port % (end - first));
	*link = (uint8_t)iface;
}

static void
on_tuple(void *context, uint64_t random, uint32_t server, uint16_t port, struct flow_tuple *tuple,
	 uint8_t *link)
{
	tuple->remote = server;
	tuple->remote_port = port;
	draw_tuple(context, COOKIE_DNS, random, tuple, link);
}

static bool
on_allowed(void *context, uint32_t server, uint16_t port)
{
	const struct lookups *l = context;
	const struct lookups_plan *plan = l->config.plan;

	for (size_t i = 0; i < plan->beside_count; i++)
		if (plan->beside[i].first <= server && server <= plan->beside[i].last)
			return false;
	return gate_lets_ask(l->config.gate, server, port);
}

static void
on_ahead(void *context, uint64_t user, unsigned int round)
{
	const struct lookups *l = context;
	uint64_t asked = dns_ahead(l->dns, user, round);
	const struct slot *s;

	if (l->walks != NULL || round == 0)
		return;
	s = &l->slots[asked >> TYPE_BITS];
	if (round == 1)
		__builtin_prefetch(s, 1);
	else if (s->grab != NULL)
		grab_ahead(s->grab);
}

/* Draws of a port for a connection, of which some are in use. */
#define TUPLE_DRAWS 8

static int
on_tcp_open(void *context, uint32_t handle, uint32_t server, uint16_t port)
{
	struct lookups *l = context;
	struct flow_tuple tuple = {.remote = server, .remote_port = port};
	uint8_t link;
	int rc = -EEXIST;

	/* A query is a query, whatever carries it. */
	if (pace_take(l->config.rate, PACE_WORKER, l->now_ns, 1) == 0)
		return -EAGAIN;
	for (unsigned int i = 0; i < TUPLE_DRAWS && rc == -EEXIST; i++) {
		draw_tuple(l, COOKIE_OPEN, streams_random(l->streams), &tuple, &link);
		rc = streams_open(l->streams, handle, &tuple, link, l->now_ns);
	}
	if (rc != 0)
		pace_refund(l->config.rate, l->now_ns, l->now_ns, 1);
	return rc == -EAGAIN ? -ENOBUFS : rc;
}

static void
on_tcp_close(void *context, uint32_t handle)
{
	struct lookups *l = context;

	streams_close(l->streams, handle);
}

const struct udp_events lookups_udp_events = {on_datagram, on_icmp, on_ahead};
const struct iterate_events lookups_walk_events = {on_walk_ask, on_answer};
const struct dns_events lookups_resolver_events = {on_answer, on_tuple, on_allowed, on_tcp_open, on_tcp_close};
const struct dns_events lookups_server_events = {on_server_answer, on_tuple, on_allowed, on_tcp_open,
						 on_tcp_close};

/* The role. */

/* What dns has counted since the last time is the ledger's, too. */
static void
count_tries(struct lookups *l)
{
	const struct dns_stats *now = dns_stats(l->dns);
	struct dns_stats *was = &l->counted;

	ledger_add(l->config.ledger, LEDGER_TRY,
		   now->queries_udp + now->queries_tcp - was->queries_udp - was->queries_tcp);
	for (unsigned int i = 0; i < LEDGER_TRIES; i++)
		ledger_add(l->config.ledger, LEDGER_TRY_ENDED + i, now->ended[i] - was->ended[i]);
	*was = *now;
}

/* Walks that can go on, until none can. */
static unsigned int
walk(struct lookups *l)
{
	unsigned int work = 0, some;

	if (l->walks == NULL)
		return 0;
	while ((some = iterate_poll(l->walks, l->now_ns)) > 0)
		work += some;
	return work;
}

/* Whom others have found lying is asked no more here either. */
static void
hear_accusations(struct lookups *l)
{
	uint32_t resolver;

	while (l->resolvers != NULL && accused_next(l->config.accused, &l->accusations, &resolver))
		resolvers_accuse(l->resolvers, resolver, l->now_ns);
}

static unsigned int
lookups_poll(void *context, uint64_t now_ns)
{
	struct lookups *l = context;
	unsigned int work;

	l->now_ns = now_ns;
	hear_accusations(l);
	work = streams_poll(l->streams, now_ns);
	work += dns_poll(l->dns, now_ns);
	work += take_names(l);
	work += walk(l);
	work += send_queries(l);
	work += send_segments(l);
	count_tries(l);
	return work;
}

/* Control has waited for the last name; what is left are words to resolvers. */
static bool
lookups_drain(void *context, uint64_t now_ns)
{
	/* Receivers have ended: nothing more comes, and nothing is waited for in vain. */
	lookups_heard(context, TIME_NEVER);
	lookups_poll(context, now_ns);
	return lookups_live(context) == 0;
}

static bool
has_names(const struct lookups *l)
{
	for (unsigned int i = 0; i < LOOKUPS_FEEDS; i++) {
		const struct rte_ring *full = l->config.lanes[i].full;

		if (full != NULL && ((l->batch[i] != NULL && feed_unread(l->batch[i]) > 0) || !rte_ring_empty(full)))
			return true;
	}
	return false;
}

static uint64_t
lookups_next_ns(const void *context, uint64_t now_ns)
{
	/* Rooms are asked after, which collects what others gave back. */
	struct lookups *l = (struct lookups *)(uintptr_t)context;
	uint64_t next = dns_next_ns(l->dns), streams = streams_next_ns(l->streams, now_ns);

	next = streams < next ? streams : next;
	if (l->walks != NULL) {
		uint64_t walks = iterate_next_ns(l->walks);

		next = walks < next ? walks : next;
	}
	/* Without room it is the sender's time that counts. */
	if (dns_waits_for_tcp(l->dns) || (udp_room(l->udp) < l->queue && room_of_queries(l) > 0)) {
		uint64_t paced = pace_next_ns(l->config.rate, PACE_WORKER, now_ns);

		next = paced < next ? paced : next;
	}
	if (!atomic_load_explicit(l->config.stop, memory_order_relaxed) && has_names(l) && has_credit(l))
		next = now_ns;
	return next;
}

const struct role_ops lookups_role = {
	.name = "lookups",
	.stage = FABRIC_DRAIN_WORKERS,
	.poll = lookups_poll,
	.drain = lookups_drain,
	.next_ns = lookups_next_ns,
};

uint32_t
lookups_live(const struct lookups *l)
{
	return atomic_load_explicit(&l->live, memory_order_relaxed);
}

uint64_t
lookups_answers(const struct lookups *l, enum dns_status status)
{
	return atomic_load_explicit(&l->answers[status], memory_order_relaxed);
}

const struct dns_stats *
lookups_stats(const struct lookups *l)
{
	return dns_stats(l->dns);
}

const struct iterate_stats *
lookups_walks(const struct lookups *l)
{
	return l->walks != NULL ? iterate_stats(l->walks) : NULL;
}

const struct resolvers *
lookups_resolvers(const struct lookups *l)
{
	return l->resolvers;
}

void
lookups_fini(struct lookups *l, uint64_t now_ns)
{
	l->now_ns = now_ns;
	dns_stop(l->dns, now_ns);
	if (l->walks != NULL)
		iterate_stop(l->walks);
	walk(l);
	count_tries(l);
	for (unsigned int i = 0; i < LOOKUPS_FEEDS; i++) {
		if (l->batch[i] == NULL)
			continue;
		ledger_add(l->config.ledger, LEDGER_NAME_LEFT, feed_unread(l->batch[i]));
		feed_give_back(&l->config.lanes[i], l->batch[i]);
		l->batch[i] = NULL;
	}
}
