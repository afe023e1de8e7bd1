/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/socket.h>

#include "dns_net.h"

static struct net net;

/* Stands before the C library's, for c-ares too: nobody here makes a kernel socket. */
int
socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	abort();
}

/* One ask of a named server, or of a resolver, to its end. */
static const struct net_answer *
one(const char *name, uint32_t server, uint8_t tries)
{
	memset(net.answers, 0, sizeof(net.answers[0]));
	assert_int_equal(net_ask(&net, name, 0, server, tries), 0);
	assert_int_equal(net.answers[0].times, 0);
	net_run(&net);
	assert_int_equal(net.answers[0].times, 1);
	return &net.answers[0];
}

static void
start(uint64_t seed, unsigned int servers)
{
	struct dns_config c;

	net_init(&net, seed);
	c = net_config(&net, 16);
	net_start(&net, &c, servers, 1000000);
}

static void
test_statuses(void **state)
{
	static const struct {
		const char *name;
		uint8_t status, tries, tries_named;
		bool tcp;
	} cases[] = {
		{"www.example", DNS_NOERROR, 1, 1, false},
		{".", DNS_NOERROR, 1, 1, false},
		{"n.example", DNS_NXDOMAIN, 1, 1, false},
		{"s.example", DNS_SERVFAIL, 3, 1, false},
		{"r.example", DNS_REFUSED, 3, 1, false},
		{"f.example", DNS_FORMERR, 1, 1, false},
		{"i.example", DNS_NOTIMP, 1, 1, false},
		{"y.example", 6, 1, 1, false},
		{"t.example", DNS_NOERROR, 1, 1, true},
	};

	(void)state;
	start(1, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct net_answer *a = one(cases[i].name, 0, 0);

		assert_int_equal(a->status, cases[i].status);
		assert_int_equal(a->cause, GRAB_COMPLETE);
		assert_int_equal(a->tries, cases[i].tries);
		assert_int_equal(a->is_tcp, cases[i].tcp);
		assert_true(a->right);
		assert_in_range(a->server, NET_SERVER, NET_SERVER + 2);
		assert_int_equal(a->port, 53);
		a = one(cases[i].name, NET_SERVER + 9, 0);
		assert_int_equal(a->status, cases[i].status);
		assert_int_equal(a->tries, cases[i].tries_named);
		assert_int_equal(a->server, NET_SERVER + 9);
		assert_true(a->right);
	}
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_TRUNCATED], 2);
	net_stop(&net);
}

/* Queries as servers saw them. */
static struct {
	uint32_t server;
	uint16_t port, id, len;
	bool edns;
} seen[128];
static unsigned int seen_count;

static void
note(uint32_t server, const struct net_packet *query)
{
	seen[seen_count].server = server;
	seen[seen_count].port = load_be16(query->bytes + 20);
	seen[seen_count].id = load_be16(query->bytes + 28);
	seen[seen_count].len = (uint16_t)(query->len - 28);
	seen[seen_count++].edns = load_be16(query->bytes + 28 + 10) == 1;
}

static bool
silent(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	(void)n;
	(void)reply;
	(void)len;
	assert_false(is_tcp);
	note(address, query);
	return false;
}

/* Each try has a resolver, a port and an id of its own. */
static void
test_tries(void **state)
{
	const struct net_answer *a;
	uint64_t began;

	(void)state;
	start(2, 3);
	net.server = silent;
	seen_count = 0;
	a = one("www.example", 0, 7);
	assert_int_equal(a->status, DNS_TIMEOUT);
	assert_int_equal(a->cause, GRAB_TIMEOUT);
	assert_int_equal(a->tries, 7);
	assert_int_equal(a->len, 0);
	assert_int_equal(seen_count, 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(seen[i].len, 12 + 13 + 4 + 11);
		for (unsigned int j = 0; j < i; j++) {
			assert_int_not_equal(seen[i].port, seen[j].port);
			assert_int_not_equal(seen[i].id, seen[j].id);
		}
		assert_true(i == 0 || seen[i].server != seen[i - 1].server);
	}
	assert_in_range(net.now_ns, 7 * NS_PER_SEC, 7 * NS_PER_SEC + 20 * NS_PER_MS);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_LOST], 7);
	/* A server that was named is asked again itself. */
	seen_count = 0;
	began = net.now_ns;
	a = one("www.example", NET_SERVER + 5, 2);
	assert_int_equal(a->status, DNS_TIMEOUT);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[1].server, NET_SERVER + 5);
	assert_in_range(net.now_ns - began, 2 * NS_PER_SEC, 2 * NS_PER_SEC + 20 * NS_PER_MS);
	net_stop(&net);
}

/* Knows no EDNS, and says so in the way of old. */
static bool
old(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	if (is_tcp)
		return net_honest(n, address, query, is_tcp, reply, len);
	note(address, query);
	*len = net_reply(query->bytes + 28, query->len - 28u, false, reply, 512);
	if (load_be16(query->bytes + 28 + 10) == 1) {
		reply[3] |= DNS_FORMERR;
		*len = query->len - 28u - 11; /* its question alone */
		store_be16(reply + 6, 0);
		store_be16(reply + 10, 0);
	}
	return true;
}

static void
test_without_edns(void **state)
{
	(void)state;
	start(3, 1);
	net.server = old;
	seen_count = 0;
	for (unsigned int i = 0; i < 3; i++) {
		const struct net_answer *a = one("www.example", 0, 1);

		assert_int_equal(a->status, DNS_NOERROR);
		assert_int_equal(a->tries, 1);
		assert_true(a->right);
		assert_int_equal(seen_count, 2 + i); /* remembered */
		assert_false(seen[seen_count - 1].edns);
	}
	assert_int_equal(one("t.example", 0, 1)->status, DNS_NOERROR);
	seen_count = 0;
	assert_int_equal(one("www.example", NET_SERVER + 9, 1)->status, DNS_NOERROR);
	assert_int_equal(seen_count, 2);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_NO_EDNS], 2);
	net_stop(&net);
}

/* Says so by a header alone; unless it is asked without: then it says nothing else, ever. */
static bool mute;

static bool
bare(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	if (!mute && (is_tcp || load_be16(query->bytes + 28 + 10) == 0))
		return old(n, address, query, is_tcp, reply, len);
	note(address, query);
	memset(reply, 0, DNS_HEADER_BYTES);
	memcpy(reply, query->bytes + 28, 2);
	reply[2] = 0x80;
	reply[3] = DNS_FORMERR;
	*len = DNS_HEADER_BYTES;
	return true;
}

static void
test_bare_format_error(void **state)
{
	const struct net_answer *a;

	(void)state;
	start(31, 1);
	net.server = bare;
	mute = false;
	seen_count = 0;
	for (unsigned int i = 0; i < 3; i++) {
		a = one("www.example", 0, 1);
		assert_int_equal(a->status, DNS_NOERROR);
		assert_int_equal(a->tries, 1);
		assert_true(a->right);
		assert_int_equal(seen_count, 2 + i); /* remembered */
		assert_int_equal(seen[seen_count - 1].edns, false);
	}
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_NO_EDNS], 1);
	/* Of a question without OPT it is no answer. */
	mute = true;
	a = one("www.example", 0, 2);
	assert_int_equal(a->status, DNS_TIMEOUT);
	assert_int_equal(a->len, 0);
	assert_int_equal(dns_stats(net.dns)->forged_question, 2);
	seen_count = 0;
	a = one("www.example", NET_SERVER + 9, 1);
	assert_int_equal(a->status, DNS_TIMEOUT);
	assert_int_equal(seen_count, 2);
	assert_true(seen[0].edns && !seen[1].edns);
	net_stop(&net);
}

/* What a header alone says else is believed of nothing: another code, the truncation bit, another id. */
static uint8_t bare_flags, bare_code;
static bool bare_other_id;

static bool
odd(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	mute = true;
	if (!bare(n, address, query, is_tcp, reply, len))
		return false;
	reply[2] = (uint8_t)(0x80 | bare_flags);
	reply[3] = bare_code;
	reply[1] ^= bare_other_id;
	return true;
}

static void
test_bare_otherwise(void **state)
{
	static const struct {
		uint8_t flags, code;
		bool other_id;
	} cases[] = {{0, DNS_NOERROR, false}, {0, DNS_SERVFAIL, false}, {2, DNS_FORMERR, false}, {0, DNS_FORMERR, true}};

	(void)state;
	start(32, 1);
	net.server = odd;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bare_flags = cases[i].flags;
		bare_code = cases[i].code;
		bare_other_id = cases[i].other_id;
		seen_count = 0;
		assert_int_equal(one("www.example", 0, 2)->status, DNS_TIMEOUT);
		assert_int_equal(seen_count, 2);
		assert_true(seen[0].edns && seen[1].edns);
	}
	assert_int_equal(dns_stats(net.dns)->forged_question, 6);
	assert_int_equal(dns_stats(net.dns)->forged_id, 2);
	net_stop(&net);
}

/* A server that writes all names in lower case: as good as silent, but counted. */
static bool
lowers(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	net_honest(n, address, query, is_tcp, reply, len);
	for (size_t i = DNS_HEADER_BYTES; reply[i] != 0; i++)
		if (reply[i] >= 'A' && reply[i] <= 'Z')
			reply[i] |= 0x20;
	return true;
}

static void
test_case_must_fit(void **state)
{
	(void)state;
	start(33, 1);
	net.server = lowers;
	assert_int_equal(one("www.example", 0, 1)->status, DNS_NOERROR);
	assert_int_equal(one("wWw.example", 0, 3)->status, DNS_TIMEOUT);
	assert_int_equal(dns_stats(net.dns)->other_case, 3);
	assert_int_equal(dns_stats(net.dns)->forged_question, 0);
	net_stop(&net);
}

/* Sixteen asks of two resolvers, of which one or both turn out to lie after so many steps: what of it has an answer. */
static void
ask_liars(bool (*server)(struct net *, uint32_t, struct net_packet *, bool, uint8_t *, size_t *), unsigned int steps,
	  unsigned int liars)
{
	static const char *const names[] = {"www.example", "t.example", "n.example"};
	unsigned int early = 0;

	start(34 + steps, 2);
	net.server = server;
	mute = false;
	seen_count = 0;
	memset(net.answers, 0, 16 * sizeof(net.answers[0]));
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(net_ask(&net, names[i % 3], i, 0, 1), 0);
	for (unsigned int i = 0; i < steps; i++)
		net_step(&net);
	early = net.answered;
	for (uint32_t i = 0; i < liars; i++)
		resolvers_accuse(net.resolvers, i, net.now_ns);
	net_run(&net);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(net.answers[i].times, 1);
	if (liars == 2) {
		unsigned int lost = 0;

		for (unsigned int i = 0; i < 16; i++)
			lost += net.answers[i].status == DNS_NO_RESOLVER && net.answers[i].cause == GRAB_UNREACHABLE;
		assert_int_equal(lost, 16 - early);
	} else {
		unsigned int of_liar = 0;

		for (unsigned int i = 0; i < 16; i++) {
			assert_true(net.answers[i].right);
			of_liar += net.answers[i].server == NET_SERVER;
		}
		assert_true(of_liar <= early);
	}
	if (early == 0)
		assert_true(dns_stats(net.dns)->distrusted > 0);
	net_stop(&net);
}

static void
test_liars_are_not_believed(void **state)
{
	(void)state;
	for (unsigned int steps = 1; steps < 60; steps++) {
		ask_liars(net_honest, steps, 1);
		ask_liars(net_honest, steps, 2);
		ask_liars(bare, steps, 1);
		ask_liars(bare, steps, 2);
	}
}

/* Eight truncated answers where a connection may begin each so often; four may be there at once. */
static void
ask_by_tcp(uint64_t every_ns, uint64_t deadline_ns)
{
	uint8_t name[DNS_NAME_MAX];
	struct dns_ask ask = {
		.name = name,
		.name_len = dns_name_from_text("t.example", 9, name),
		.type = DNS_A,
		.deadline_ns = deadline_ns,
		.tries = 1,
		.recurse = true,
	};

	start(35, 2);
	net.tcp_every_ns = every_ns;
	memset(net.answers, 0, 8 * sizeof(net.answers[0]));
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(dns_ask(net.dns, &ask, i, 0), 0);
}

static void
test_tcp_has_a_rate(void **state)
{
	unsigned int truncated = 0, with_message = 0;

	(void)state;
	ask_by_tcp(5 * NS_PER_SEC, 0);
	net_run(&net);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(net.answers[i].status, DNS_NOERROR);
		assert_true(net.answers[i].is_tcp && net.answers[i].right);
		assert_int_equal(net.answers[i].tries, 1);
	}
	assert_in_range(net.now_ns, 35 * NS_PER_SEC, 36 * NS_PER_SEC);
	assert_int_equal(dns_stats(net.dns)->queries_tcp, 8);
	net_stop(&net);
	/* Whose time is up has the truncated answer, if there was a place for it. */
	ask_by_tcp(5 * NS_PER_SEC, 7 * NS_PER_SEC);
	net_run(&net);
	for (unsigned int i = 0; i < 8; i++) {
		truncated += net.answers[i].status == DNS_TRUNCATED;
		with_message += net.answers[i].status == DNS_TRUNCATED && net.answers[i].len > 0;
	}
	assert_int_equal(truncated, 6);
	assert_int_equal(with_message, 2); /* two others had found no place at first */
	assert_int_equal(dns_stats(net.dns)->queries_tcp, 2);
	net_stop(&net);
	/* Or is stopped meanwhile; and all places are free again. */
	ask_by_tcp(5 * NS_PER_SEC, 0);
	while (net.now_ns < NS_PER_SEC)
		net_step(&net);
	dns_stop(net.dns, net.now_ns);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(net.answers[i].times, 1);
	net_stop(&net);
	ask_by_tcp(5 * NS_PER_SEC, 0);
	while (net.now_ns < NS_PER_SEC)
		net_step(&net);
	resolvers_accuse(net.resolvers, 0, net.now_ns);
	resolvers_accuse(net.resolvers, 1, net.now_ns);
	net_run(&net);
	for (unsigned int i = 1; i < 8; i++)
		assert_true(net.answers[i].status == DNS_NO_RESOLVER || net.answers[i].is_tcp);
	net_stop(&net);
}

static void
test_may_not_be_asked(void **state)
{
	const struct net_answer *a;
	struct dns_config c;

	(void)state;
	start(4, 2);
	net.blocked = true;
	a = one("www.example", NET_SERVER + 9, 3);
	assert_int_equal(a->status, DNS_BLOCKED);
	assert_int_equal(a->cause, GRAB_EXCLUDED);
	a = one("www.example", 0, 3);
	assert_int_equal(a->status, DNS_BLOCKED);
	assert_int_equal(dns_stats(net.dns)->blocked, 4);
	assert_int_equal(udp_stats(net.udp)->queued, 0);
	net_stop(&net);
	/* Nobody to ask. */
	net_init(&net, 4);
	c = net_config(&net, 1);
	net_start(&net, &c, 0, 0);
	a = one("www.example", 0, 3);
	assert_int_equal(a->status, DNS_NO_RESOLVER);
	assert_int_equal(a->cause, GRAB_UNREACHABLE);
	assert_int_equal(a->server, 0);
	assert_int_equal(one("www.example", NET_SERVER, 3)->status, DNS_NOERROR);
	net_stop(&net);
}

static void
test_bounds(void **state)
{
	uint8_t name[DNS_NAME_MAX] = {3, 'w', 'w', 'w', 0};
	struct dns_ask ask = {.name = name, .name_len = 5, .type = DNS_A};
	static const size_t wrong[] = {0, 1, 4, 6, 255, 256};
	struct dns_config c;

	(void)state;
	start(5, 2);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ask.name_len = wrong[i];
		assert_int_equal(dns_ask(net.dns, &ask, 0, 0), -EINVAL);
	}
	ask.name_len = 5;
	ask.tries = DNS_TRIES_MAX + 1;
	assert_int_equal(dns_ask(net.dns, &ask, 0, 0), -EINVAL);
	ask.tries = 0;
	name[0] = 64;
	assert_int_equal(dns_ask(net.dns, &ask, 0, 0), -EINVAL);
	name[0] = 3;
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(dns_room(net.dns), 16 - i);
		assert_int_equal(dns_ask(net.dns, &ask, i, 0), 0);
	}
	assert_int_equal(dns_ask(net.dns, &ask, 16, 0), -EAGAIN);
	assert_int_equal(dns_live(net.dns), 16);
	net_run(&net);
	assert_int_equal(dns_ask(net.dns, &ask, 16, net.now_ns), 0);
	net_run(&net);
	c = net_config(&net, 0);
	c.udp = net.udp;
	assert_null(dns_new(&c));
	c.in_flight = 1;
	c.tries = DNS_TRIES_MAX + 1;
	assert_null(dns_new(&c));
	c.tries = 1;
	c.events.tcp_close = NULL;
	assert_null(dns_new(&c));
	dns_free(NULL);
	net_stop(&net);
}

/* Any bytes are a name, and any number is a type; c-ares has to bear with all of them. */
static void
test_names(void **state)
{
	static const uint8_t lengths[] = {63, 63, 63, 61};
	uint8_t name[DNS_NAME_MAX];
	struct dns_ask ask = {.name = name, .server = NET_SERVER, .port = 5353, .tries = 1};

	(void)state;
	start(6, 1);
	for (unsigned int fill = 0; fill < 256; fill++) {
		size_t at = 0;

		for (unsigned int i = fill % 4; i < 4; i++) {
			name[at++] = lengths[i];
			for (unsigned int j = 0; j < lengths[i]; j++)
				name[at++] = (uint8_t)(fill + i * j);
		}
		name[at++] = 0;
		ask.name_len = at;
		ask.type = (uint16_t)(fill * 257 + 1);
		memset(net.answers, 0, sizeof(net.answers[0]));
		assert_int_equal(dns_ask(net.dns, &ask, 0, net.now_ns), 0);
		net_run(&net);
		assert_int_equal(net.answers[0].times, 1);
		assert_int_not_equal(net.answers[0].status, DNS_TIMEOUT);
	}
	net_stop(&net);
}

static void
test_deadline(void **state)
{
	uint8_t name[] = {0};
	struct dns_ask ask = {.name = name, .name_len = 1, .type = DNS_NS, .tries = 10};
	struct dns_config c;

	(void)state;
	start(7, 2);
	net.server = silent;
	seen_count = 0;
	ask.deadline_ns = 1500 * NS_PER_MS;
	ask.timeout_ns = 400 * NS_PER_MS;
	assert_int_equal(dns_ask(net.dns, &ask, 0, 0), 0);
	net_run(&net);
	assert_int_equal(net.answers[0].status, DNS_TIMEOUT);
	assert_int_equal(net.answers[0].tries, 4);
	assert_in_range(net.now_ns, 1500 * NS_PER_MS, 1510 * NS_PER_MS);
	/* More than a turn of the wheel away. */
	ask.tries = 1;
	ask.deadline_ns = 0;
	ask.timeout_ns = 40 * NS_PER_SEC;
	assert_int_equal(dns_ask(net.dns, &ask, 1, net.now_ns), 0);
	net_run(&net);
	assert_in_range(net.now_ns, 41500 * NS_PER_MS, 41520 * NS_PER_MS);
	net_stop(&net);
	/* Never asked: one token a second, of one resolver, and 16 of them at the start. */
	ask.deadline_ns = 1500 * NS_PER_MS;
	net_init(&net, 7);
	c = net_config(&net, 20);
	net_start(&net, &c, 1, 1);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(dns_ask(net.dns, &ask, i, 0), 0);
	net_run(&net);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(net.answers[i].status, i < 17 ? DNS_NOERROR : DNS_TIMEOUT);
		assert_int_equal(net.answers[i].tries, i < 17);
	}
	net_stop(&net);
}

static void
test_rate(void **state)
{
	struct dns_config c;

	(void)state;
	net_init(&net, 8);
	c = net_config(&net, 1000);
	net_start(&net, &c, 4, 1000);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 1), 0);
	net_run(&net);
	/* 4 x 16 at once, the rest at 1,000 a second. */
	assert_in_range(net.now_ns, 900 * NS_PER_MS, 1050 * NS_PER_MS);
	net_stop(&net);
}

/* What was never asked ends at once; what was has its answer. */
static void
test_stop_waiting(void **state)
{
	(void)state;
	start(9, 2);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	dns_poll(net.dns, net.now_ns);
	for (unsigned int i = 4; i < 6; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	dns_stop_waiting(net.dns, net.now_ns);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(net.answers[i].times, i >= 4);
	while (dns_live(net.dns) > 0)
		net_step(&net);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(net.answers[i].times, 1);
		assert_int_equal(net.answers[i].cause, i < 4 ? GRAB_COMPLETE : GRAB_STOPPED);
	}
	net_stop(&net);
}

static void
test_stop(void **state)
{
	uint8_t name[] = {0};
	const struct dns_ask ask = {.name = name, .name_len = 1, .type = DNS_NS};

	(void)state;
	start(9, 2);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(net_ask(&net, i % 2 ? "t.example" : "www.example", i, 0, 0), 0);
	while (net.connections < 2)
		net_step(&net);
	for (unsigned int i = 8; i < 12; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	dns_poll(net.dns, net.now_ns);
	for (unsigned int i = 12; i < 14; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	dns_stop(net.dns, net.now_ns);
	for (unsigned int i = 0; i < 14; i++)
		assert_int_equal(net.answers[i].times, 1);
	for (unsigned int i = 8; i < 14; i++) {
		assert_int_equal(net.answers[i].status, DNS_STOPPED);
		assert_int_equal(net.answers[i].cause, GRAB_STOPPED);
	}
	assert_int_equal(dns_live(net.dns), 0);
	assert_int_equal(dns_room(net.dns), 0);
	assert_int_equal(dns_ask(net.dns, &ask, 14, net.now_ns), -ECANCELED);
	net_stop(&net);
	/* And without a word. */
	start(9, 2);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	net_stop(&net);
	assert_int_equal(net.answers[0].times, 0);
}

static void
ask_again(struct net *n, uint64_t user)
{
	if (user < 1000)
		assert_int_equal(net_ask(n, user % 3 ? "s.example" : "t.example", user + 16, 0, 2), 0);
}

/* Whoever hears an answer may ask at once; its place is free. */
static void
test_ask_from_answer(void **state)
{
	(void)state;
	start(10, 2);
	net.on_answer = ask_again;
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(net_ask(&net, "n.example", i, 0, 0), 0);
	net_run(&net);
	for (unsigned int i = 0; i < 1016; i++)
		assert_int_equal(net.answers[i].times, 1);
	net_stop(&net);
}

/* Few ports: a query waits until one to its server is free. */
static void
test_few_ports(void **state)
{
	(void)state;
	start(11, 1);
	net.ports = 3;
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(net_ask(&net, "www.example", i, i % 2 ? NET_SERVER : 0, 0), 0);
	net_run(&net);
	for (unsigned int i = 0; i < 16; i++)
		assert_true(net.answers[i].right);
	assert_true(dns_stats(net.dns)->crowded > 0);
	net_stop(&net);
}

static void
test_icmp(void **state)
{
	(void)state;
	start(12, 1);
	assert_int_equal(net_ask(&net, "www.example", 0, 0, 0), 0);
	dns_poll(net.dns, 0);
	dns_icmp(net.dns, 1, 0, 3, 3);
	net_run(&net);
	assert_int_equal(dns_stats(net.dns)->icmp, 1);
	assert_int_equal(net.answers[0].tries, 1);
	assert_true(net.answers[0].right);
	net_stop(&net);
}

/* All that is on its way arrives, whatever its time. */
static void
deliver(void)
{
	struct net_packet p;

	while (net.count > 0) {
		net_pop(&net, &p);
		if (p.is_query)
			net_at_server(&net, &p);
		else
			net_at_us(&net, &p);
	}
}

/* Who was away for longer than a try waits reads what came meanwhile first: it is not late. */
static void
test_read_late(void **state)
{
	(void)state;
	start(13, 1);
	dns_heard(net.dns, 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(net_ask(&net, "www.example", i, 0, 0), 0);
	dns_poll(net.dns, 0);
	net_send(&net);
	net.now_ns = 3 * NS_PER_SEC;
	dns_heard(net.dns, 900 * NS_PER_MS);
	dns_poll(net.dns, net.now_ns);
	assert_int_equal(net.answered, 0);
	deliver();
	assert_int_equal(net.answered, 2);
	assert_true(net.answers[0].right && net.answers[1].right);
	assert_int_equal(net.answers[0].tries, 1);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_LOST], 0);
	/* What has not come by then is lost. */
	net.server = silent;
	assert_int_equal(net_ask(&net, "www.example", 2, 0, 1), 0);
	dns_poll(net.dns, net.now_ns);
	net_send(&net);
	net.now_ns = 4200 * NS_PER_MS;
	dns_heard(net.dns, 4100 * NS_PER_MS);
	dns_poll(net.dns, net.now_ns);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_LOST], 1);
	dns_heard(net.dns, TIME_NEVER);
	net_run(&net);
	net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_without_edns),
		cmocka_unit_test(test_bare_format_error),
		cmocka_unit_test(test_bare_otherwise),
		cmocka_unit_test(test_case_must_fit),
		cmocka_unit_test(test_liars_are_not_believed),
		cmocka_unit_test(test_tcp_has_a_rate),
		cmocka_unit_test(test_may_not_be_asked),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_stop_waiting),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_ask_from_answer),
		cmocka_unit_test(test_few_ports),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_read_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
