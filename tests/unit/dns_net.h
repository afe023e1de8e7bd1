/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network of name servers for tests of lib/dns, on a clock of its own: frames of lib/udp go out, are
 * lost, delayed, doubled, forged, and answered by a rule that a test can compute again. What happens
 * to a packet is a hash of the seed and of its number.
 */
#ifndef TESTS_DNS_NET_H
#define TESTS_DNS_NET_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"
#include "grab/grab.h"

#define NET_LOCAL UINT32_C(0xc6336408)
#define NET_SERVER UINT32_C(0x0a000001) /* and those that follow */
#define NET_USERS 400000

enum net_forgery { FORGE_NONE, FORGE_ID, FORGE_QUESTION, FORGE_PORT, FORGE_RESOLVER, FORGE_ALL };

struct net_packet {
	uint64_t at_ns;
	uint32_t order;
	uint16_t len;
	bool is_query;      /* on its way to a server; else to us */
	bool is_tcp;        /* of connection `handle`: to a server, or the answer's bytes */
	uint32_t handle;
	uint32_t turn;      /* of the handle, which is used again */
	uint8_t bytes[1600];
};

struct net_answer {
	uint8_t times;
	uint8_t status;
	uint8_t cause;
	uint8_t tries;
	bool is_tcp;
	bool right;         /* the message is what the rule says */
	uint16_t len;
	uint32_t server;
	uint16_t port;
};

struct net {
	struct udp *udp;
	struct dns *dns;
	struct resolvers *resolvers;
	uint64_t now_ns;
	uint64_t seed;
	uint64_t drawn;
	/* What the network does, in thousandths. */
	unsigned int loss, twice;
	uint64_t delay_ns, jitter_ns;
	enum net_forgery forge;
	unsigned int forgeries;  /* for each query */
	/* What servers do. */
	bool (*server)(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply,
		       size_t *len);
	unsigned int tcp_refused; /* thousandths of connections that fail */
	size_t tcp_piece;         /* bytes at a time; 0: any */
	uint64_t tcp_every_ns;    /* a connection may begin so often */
	uint64_t tcp_next_ns;     /* the next */
	unsigned int connections;
	uint32_t turn[NET_USERS];
	bool open[NET_USERS];
	bool blocked;             /* allowed() says no */
	uint16_t ports;           /* how many ports of ours there are; 0: 60000 */
	struct net_packet *heap;
	size_t count, size;
	uint32_t order;
	uint64_t forged;          /* how many were sent */
	uint64_t digest;          /* of everything that was sent */
	struct net_answer answers[NET_USERS];
	uint32_t answered;
	void (*on_answer)(struct net *n, uint64_t user);
};

static const struct wire_link net_link = {.len = 14, .header = {[12] = 8}};

static inline uint64_t
net_chance(struct net *n)
{
	return hash_mix64(n->seed ^ hash_mix64(n->drawn++));
}

static inline bool
net_happens(struct net *n, unsigned int thousandths)
{
	return net_chance(n) % 1000 < thousandths;
}

static inline bool
net_before(const struct net_packet *a, const struct net_packet *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static inline void
net_push(struct net *n, const struct net_packet *p)
{
	size_t at = n->count++;

	if (n->count > n->size) {
		n->size = n->size * 2 + 64;
		n->heap = realloc(n->heap, n->size * sizeof(*n->heap));
		assert_non_null(n->heap);
	}
	n->heap[at] = *p;
	n->heap[at].order = n->order++;
	while (at > 0 && net_before(&n->heap[at], &n->heap[(at - 1) / 2])) {
		struct net_packet swap = n->heap[at];

		n->heap[at] = n->heap[(at - 1) / 2];
		n->heap[(at - 1) / 2] = swap;
		at = (at - 1) / 2;
	}
}

static inline void
net_pop(struct net *n, struct net_packet *out)
{
	size_t at = 0, child;

	*out = n->heap[0];
	n->heap[0] = n->heap[--n->count];
	while ((child = 2 * at + 1) < n->count) {
		struct net_packet swap;

		if (child + 1 < n->count && net_before(&n->heap[child + 1], &n->heap[child]))
			child++;
		if (!net_before(&n->heap[child], &n->heap[at]))
			break;
		swap = n->heap[at];
		n->heap[at] = n->heap[child];
		n->heap[child] = swap;
		at = child;
	}
}

/* Put a packet on its way, or not, or twice. */
static inline void
net_carry(struct net *n, struct net_packet *p)
{
	for (int copies = net_happens(n, n->twice) ? 2 : 1; copies > 0; copies--) {
		p->at_ns = n->now_ns + n->delay_ns + (n->jitter_ns > 0 ? net_chance(n) % n->jitter_ns : 0);
		if (!net_happens(n, n->loss))
			net_push(n, p);
	}
}

/* An IPv4 packet of a datagram; without a UDP checksum. */
static inline void
net_datagram(struct net_packet *p, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port,
	     const uint8_t *data, size_t len)
{
	p->len = (uint16_t)(28 + len);
	assert_true(p->len <= sizeof(p->bytes));
	wire_ipv4_build((struct wire_ipv4 *)p->bytes, from, to, IP_PROTO_UDP, p->len, 0, 64);
	store_be16(p->bytes + 20, from_port);
	store_be16(p->bytes + 22, to_port);
	store_be16(p->bytes + 24, (uint16_t)(8 + len));
	store_be16(p->bytes + 26, 0);
	memcpy(p->bytes + 28, data, len);
}

/* The rule: names whose first label ends in a letter get what the letter says. */
static inline uint64_t
net_hash_name(const uint8_t *name)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < dns_name_size(name); i++)
		hash = hash_mix64(hash ^ name[i]);
	return hash;
}

static inline unsigned int
net_rcode(const uint8_t *name)
{
	switch (name[name[0]]) {
	case 'f': return DNS_FORMERR;
	case 's': return DNS_SERVFAIL;
	case 'n': return DNS_NXDOMAIN;
	case 'i': return DNS_NOTIMP;
	case 'r': return DNS_REFUSED;
	case 'y': return 6;
	default: return DNS_NOERROR;
	}
}

static inline bool
net_is_big(const uint8_t *name)
{
	return name[name[0]] == 't';
}

/* An honest server's answer: an A record that is a hash of the name; truncated over UDP if it is big. */
static inline size_t
net_reply(const uint8_t *query, size_t len, bool is_tcp, uint8_t *reply, size_t size)
{
	struct dns_reader r;
	struct dns_question q;
	struct dns_header h;
	struct dns_writer w;
	uint8_t address[4];

	assert_int_equal(dns_reader_init(&r, span_of(query, len)), 0);
	assert_int_equal(dns_reader_question(&r, &q), 1);
	h = r.header;
	h.is_response = true;
	h.recursion_available = true;
	h.rcode = (uint8_t)net_rcode(q.name);
	h.truncated = net_is_big(q.name) && !is_tcp;
	dns_writer_begin(&w, reply, size, &h);
	dns_writer_question(&w, q.name, q.type, q.class);
	store_be32(address, (uint32_t)net_hash_name(q.name));
	if (h.rcode == DNS_NOERROR && !h.truncated)
		for (int i = net_is_big(q.name) ? 200 : 1; i > 0; i--)
			dns_writer_record(&w, DNS_ANSWERS, q.name, q.type, 300, address, 4);
	if (r.header.count[3] > 0)
		dns_writer_opt(&w, 1232);
	assert_false(w.overflow);
	return w.len;
}

/* A reply with one thing wrong, from somebody who has seen the query. */
static inline void
net_forge(struct net *n, const struct net_packet *query)
{
	uint32_t from = load_be32(query->bytes + 16), to = load_be32(query->bytes + 12);
	uint16_t from_port = load_be16(query->bytes + 22), to_port = load_be16(query->bytes + 20);
	uint8_t reply[1500];
	struct net_packet p = {0};
	size_t len = net_reply(query->bytes + 28, query->len - 28u, false, reply, sizeof(reply));
	enum net_forgery what = n->forge;

	if (what == FORGE_ALL)
		what = FORGE_ID + net_chance(n) % 4;
	reply[3] = 0x80; /* NOERROR: to be believed would be seen */
	reply[len - 20] ^= 0xff;
	if (what == FORGE_ID)
		store_be16(reply, (uint16_t)(load_be16(reply) ^ (1 + net_chance(n) % 65535)));
	else if (what == FORGE_QUESTION)
		reply[13 + net_chance(n) % reply[12]] ^= 0x20; /* another case of a letter, or another letter */
	else if (what == FORGE_PORT)
		to_port ^= (uint16_t)(1 + net_chance(n) % 65535);
	else
		from ^= (uint32_t)(1 + net_chance(n) % 255) << 8;
	net_datagram(&p, from, from_port, to, to_port, reply, len);
	p.at_ns = n->now_ns + net_chance(n) % (n->delay_ns + n->jitter_ns + 1);
	n->forged++;
	net_push(n, &p);
}

static inline void
net_at_server(struct net *n, struct net_packet *query)
{
	uint8_t reply[8192];
	struct net_packet p = {.is_tcp = query->is_tcp, .handle = query->handle, .turn = query->turn};
	size_t len = 0;

	for (unsigned int i = 0; i < n->forgeries && !query->is_tcp; i++)
		net_forge(n, query);
	if (query->is_tcp) {
		uint16_t total = load_be16(query->bytes + 4);

		assert_int_equal(total, query->len - 6);
		if (!n->server(n, load_be32(query->bytes), query, true, reply + 2, &len))
			return;
		store_be16(reply, (uint16_t)len);
		len += 2;
		for (size_t at = 0, piece; at < len; at += piece) {
			piece = n->tcp_piece != 0 ? n->tcp_piece : 1 + net_chance(n) % 1400;
			piece = piece < len - at ? piece : len - at;
			memcpy(p.bytes, reply + at, piece);
			p.len = (uint16_t)piece;
			p.at_ns = n->now_ns + n->delay_ns;
			net_push(n, &p);
		}
		return;
	}
	if (!n->server(n, load_be32(query->bytes + 16), query, false, reply, &len))
		return;
	net_datagram(&p, load_be32(query->bytes + 16), load_be16(query->bytes + 22),
		     load_be32(query->bytes + 12), load_be16(query->bytes + 20), reply, len);
	net_carry(n, &p);
}

/* The data of a query, and whether it came by TCP. */
static inline bool
net_honest(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	size_t skip = is_tcp ? 6 : 28;

	(void)n;
	(void)address;
	*len = net_reply(query->bytes + skip, query->len - skip, is_tcp, reply, 8190);
	return true;
}

static inline void
net_at_us(struct net *n, struct net_packet *p)
{
	const struct span packet = span_of(p->bytes, p->len);

	if (p->is_tcp) {
		if (!n->open[p->handle] || n->turn[p->handle] != p->turn)
			return;
		if (p->len == 0) {
			n->open[p->handle] = false;
			n->connections--;
			dns_tcp_ended(n->dns, p->handle, n->now_ns);
		} else {
			dns_tcp_received(n->dns, p->handle, span_of(p->bytes, p->len), n->now_ns);
		}
		return;
	}
	udp_ahead(n->udp, &packet, 1);
	if (udp_input(n->udp, p->bytes, p->len) == -ENOENT)
		dns_stray(n->dns, packet, n->now_ns);
}

static inline void
net_on_ahead(void *context, uint64_t user, unsigned int round)
{
	dns_ahead(((struct net *)context)->dns, user, round);
}

static inline void
net_on_data(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct net *n = context;

	dns_datagram(n->dns, endpoint, user, span_of(bytes, len), n->now_ns);
}

static inline void
net_on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	dns_icmp(((struct net *)context)->dns, endpoint, user, type, code);
}

static inline bool
net_is_right(const struct dns_answer *a)
{
	struct dns_reader r;
	struct dns_question q;
	struct dns_rr rr;

	if (dns_reader_init(&r, a->message) != 0 || dns_reader_question(&r, &q) != 1 ||
	    r.header.rcode != net_rcode(q.name) || (r.header.truncated && a->is_tcp))
		return false;
	while (dns_reader_next(&r, &rr) == 1)
		if (rr.section == DNS_ANSWERS &&
		    load_be32(a->message.at + rr.at) != (uint32_t)net_hash_name(q.name))
			return false;
	return true;
}

static inline void
net_on_answer(void *context, uint64_t user, const struct dns_answer *a)
{
	struct net *n = context;
	struct net_answer *to = &n->answers[user];

	assert_true(user < NET_USERS);
	to->times++;
	to->status = a->status;
	to->cause = a->cause;
	to->tries = a->tries;
	to->is_tcp = a->is_tcp;
	to->len = (uint16_t)a->message.len;
	to->right = a->message.len > 0 && net_is_right(a);
	to->server = a->server;
	to->port = a->port;
	assert_true(a->started_ns <= a->ended_ns && a->ended_ns == n->now_ns);
	n->answered++;
	n->digest = hash_mix64(n->digest ^ hash_mix64(user) ^ a->status ^ n->now_ns);
	if (n->on_answer != NULL)
		n->on_answer(n, user);
}

static inline void
net_on_tuple(void *context, uint64_t random, uint32_t server, uint16_t port, struct flow_tuple *tuple,
	     uint8_t *link)
{
	const struct net *n = context;
	uint16_t ports = n->ports != 0 ? n->ports : 60000;

	*tuple = (struct flow_tuple){NET_LOCAL, server, (uint16_t)(2000 + random % ports), port};
	*link = 0;
}

static inline bool
net_on_allowed(void *context, uint32_t server, uint16_t port)
{
	(void)server;
	(void)port;
	return !((struct net *)context)->blocked;
}

static inline int
net_on_tcp_open(void *context, uint32_t handle, uint32_t server, uint16_t port)
{
	struct net *n = context;
	struct net_packet p = {.is_tcp = true, .handle = handle, .is_query = true};

	(void)port;
	if (n->now_ns < n->tcp_next_ns)
		return -EAGAIN;
	n->tcp_next_ns = n->now_ns + n->tcp_every_ns;
	assert_false(n->open[handle]);
	n->open[handle] = true;
	n->connections++;
	p.turn = ++n->turn[handle];
	p.at_ns = n->now_ns + n->delay_ns;
	store_be32(p.bytes, server);
	if (net_happens(n, n->tcp_refused))
		p.is_query = false; /* of no bytes: it ends */
	net_push(n, &p);
	return 0;
}

static inline void
net_on_tcp_close(void *context, uint32_t handle)
{
	struct net *n = context;

	assert_true(n->open[handle]);
	n->open[handle] = false;
	n->connections--;
}

/* A connection is open: what is sent on it, in pieces, reaches the server as one. */
static inline void
net_connected(struct net *n, struct net_packet *p)
{
	size_t len;

	if (!n->open[p->handle] || n->turn[p->handle] != p->turn)
		return;
	p->len = 4;
	while ((len = dns_tcp_output(n->dns, p->handle, p->bytes + p->len, 7)) > 0)
		p->len = (uint16_t)(p->len + len);
	net_at_server(n, p);
}

static inline void
net_init(struct net *n, uint64_t seed)
{
	memset(n, 0, sizeof(*n));
	n->seed = seed;
	n->delay_ns = 10 * NS_PER_MS;
	n->server = net_honest;
}

static inline struct dns_config
net_config(struct net *n, uint32_t in_flight)
{
	struct dns_config c = {
		.in_flight = in_flight,
		.streams = 4,
		.timeout_ns = NS_PER_SEC,
		.tcp_timeout_ns = 2 * NS_PER_SEC,
		.tries = 3,
		.events = {net_on_answer, net_on_tuple, net_on_allowed, net_on_tcp_open, net_on_tcp_close},
		.context = n,
	};

	store_be32(c.key, (uint32_t)n->seed);
	return c;
}

/* Make it all, with `servers` resolvers; none: 0. */
static inline void
net_start(struct net *n, struct dns_config *config, unsigned int servers, uint64_t rate_pps)
{
	struct udp_config u = {
		.endpoints = config->in_flight + DNS_TRIALS_MAX,
		.queue = 64,
		.data_max = 300,
		.ttl = 64,
		.links = 1,
		.link = &net_link,
		.key = {1, 2},
		.events = {net_on_data, net_on_icmp, net_on_ahead},
		.context = n,
	};
	struct resolvers_address list[64];
	struct resolvers_config r = {.list = list, .count = servers, .rate_pps = rate_pps,
				     .timeout_ns = config->timeout_ns};

	for (unsigned int i = 0; i < servers; i++)
		list[i] = (struct resolvers_address){NET_SERVER + i, 53};
	n->udp = udp_new(&u);
	if (servers > 0 && n->resolvers == NULL)
		n->resolvers = resolvers_new(&r, 0);
	config->udp = n->udp;
	config->resolvers = n->resolvers;
	n->dns = dns_new(config);
	assert_non_null(n->udp);
	assert_non_null(n->dns);
}

static inline void
net_send(struct net *n)
{
	uint8_t frame[UDP_FRAME_MAX];
	struct udp_frame out;

	while (udp_output(n->udp, frame, &out)) {
		struct net_packet p = {.is_query = true, .len = (uint16_t)(out.len - 14)};

		memcpy(p.bytes, frame + 14, p.len);
		for (size_t i = 0; i < p.len; i++)
			n->digest = (n->digest ^ p.bytes[i]) * UINT64_C(0x100000001b3);
		net_carry(n, &p);
	}
}

/* One event of the network or of dns; false: nothing will ever happen. */
static inline bool
net_step(struct net *n)
{
	uint64_t next_ns;
	struct net_packet p;

	while (dns_poll(n->dns, n->now_ns) > 0 || udp_room(n->udp) < 64)
		net_send(n);
	next_ns = dns_next_ns(n->dns);
	if (dns_waits_for_tcp(n->dns) && n->tcp_next_ns < next_ns)
		next_ns = n->tcp_next_ns;
	if (n->count > 0 && n->heap[0].at_ns <= next_ns) {
		net_pop(n, &p);
		n->now_ns = p.at_ns;
		if (p.is_query && p.is_tcp)
			net_connected(n, &p);
		else if (p.is_query)
			net_at_server(n, &p);
		else
			net_at_us(n, &p);
		return true;
	}
	if (next_ns == TIME_NEVER)
		return false;
	/* What dns_next_ns() says has come must be done by dns_poll(), or time stands still. */
	assert_true(next_ns > n->now_ns);
	n->now_ns = next_ns;
	return true;
}

/* Nothing leaked, all counts are of one mind. */
static inline void
net_check(struct net *n)
{
	const struct dns_stats *s = dns_stats(n->dns);
	uint64_t answered = 0, ended = 0;

	for (size_t i = 0; i < sizeof(s->answered) / sizeof(s->answered[0]); i++)
		answered += s->answered[i];
	for (size_t i = 0; i < DNS_TRY_ENDS; i++)
		ended += s->ended[i];
	assert_int_equal(s->asked, answered + dns_live(n->dns));
	assert_int_equal(answered, n->answered);
	assert_int_equal(s->unheard, 0);
	if (dns_live(n->dns) > 0 || s->trials != s->trials_ended)
		return;
	assert_int_equal(s->queries_udp + s->queries_tcp, ended);
	assert_int_equal(udp_stats(n->udp)->opened, udp_stats(n->udp)->closed);
	assert_int_equal(n->connections, 0);
}

static inline void
net_stop(struct net *n)
{
	net_check(n);
	dns_free(n->dns);
	udp_free(n->udp);
	resolvers_free(n->resolvers);
	free(n->heap);
	n->heap = NULL;
}

/* Ask for a name in text; the server by number, or 0 for a resolver. */
static inline int
net_ask(struct net *n, const char *text, uint64_t user, uint32_t server, uint8_t tries)
{
	uint8_t name[DNS_NAME_MAX];
	struct dns_ask ask = {
		.name = name,
		.name_len = dns_name_from_text(text, strlen(text), name),
		.type = DNS_A,
		.server = server,
		.port = server != 0 ? 53 : 0,
		.tries = tries,
		.recurse = true,
	};

	return dns_ask(n->dns, &ask, user, n->now_ns);
}

/* Until everything that was asked is answered. */
static inline void
net_run(struct net *n)
{
	while (net_step(n) && dns_live(n->dns) > 0)
		;
	assert_int_equal(dns_live(n->dns), 0);
	net_check(n);
}

#endif /* TESTS_DNS_NET_H */
