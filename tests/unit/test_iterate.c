/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks down a tree of zones that is made here, with servers of every kind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "grab/grab.h"
#include "iterate/iterate.h"

enum manner { GOOD, MUTE, REFUSES, UPWARD, SIDEWAYS, NO_AUTHORITY, POISONS, EXCLUDED };

struct server {
	const char *zone;
	const char *name;
	uint32_t address;
	enum manner manner;
	bool glue; /* the zone above gives its address */
};

struct record {
	const char *name;
	uint16_t type;
	const char *target; /* of a CNAME; else an address, of A */
	uint32_t address;
};

#define ASKS_MAX 4096

struct net {
	const struct server *servers;
	const struct record *records;
	struct iterate *it;
	struct {
		uint8_t name[DNS_NAME_MAX];
		uint32_t server;
		uint16_t type;
		uint64_t user;
	} asks[ASKS_MAX]; /* a queue */
	unsigned int first, last;
	unsigned int to[256]; /* questions to 10.0.0.x */
	unsigned int answers;
	struct dns_answer answer; /* the last */
	uint8_t message[DNS_MESSAGE_MAX];
	uint64_t seed;
	unsigned int loss; /* of 256 */
	uint32_t soa_ttl_s; /* of denials; 0: they have no SOA */
	uint64_t at_ns;     /* when lookups begin */
};

static const uint8_t *
wire(const char *text)
{
	static uint8_t made[8][DNS_NAME_MAX];
	static unsigned int next;
	uint8_t *to = made[next++ % 8];

	assert_true(dns_name_from_text(text, strlen(text), to) > 0);
	return to;
}

static int
on_ask(void *context, const struct dns_ask *ask, uint64_t user)
{
	struct net *n = context;
	unsigned int at = n->last++ % ASKS_MAX;

	assert_true(n->last - n->first <= ASKS_MAX);
	assert_false(ask->recurse);
	memcpy(n->asks[at].name, ask->name, ask->name_len);
	n->asks[at].server = ask->server;
	n->asks[at].type = ask->type;
	n->asks[at].user = user;
	n->to[ask->server & 0xff]++;
	return 0;
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *answer)
{
	struct net *n = context;

	(void)user;
	n->answers++;
	n->answer = *answer;
	if (answer->message.len > 0)
		memcpy(n->message, answer->message.at, answer->message.len);
	n->answer.message = span_of(n->message, answer->message.len);
}

static void
ns_write(const struct net *n, struct dns_writer *w, const char *zone)
{
	for (const struct server *s = n->servers; s->zone != NULL; s++)
		if (strcmp(s->zone, zone) == 0 && s->name != NULL)
			dns_writer_record(w, DNS_AUTHORITIES, wire(zone), DNS_NS, 3600, wire(s->name),
					  (uint16_t)dns_name_size(wire(s->name)));
	for (const struct server *s = n->servers; s->zone != NULL; s++) {
		uint8_t address[4];

		store_be32(address, s->address);
		if (strcmp(s->zone, zone) == 0 && s->glue && s->address != 0)
			dns_writer_record(w, DNS_ADDITIONALS, wire(s->name), DNS_A, 3600, address, 4);
	}
}

/* The longest zone of the tree that holds a name and lies below `above`; NULL: none does. */
static const char *
zone_below(const struct net *n, const uint8_t *name, const char *above)
{
	const char *found = NULL;

	for (const struct server *s = n->servers; s->zone != NULL; s++) {
		unsigned int labels = dns_name_labels(wire(s->zone));

		if (labels <= dns_name_labels(wire(above)) || !dns_name_is_within(wire(s->zone), wire(above)) ||
		    !dns_name_is_within(name, wire(s->zone)))
			continue;
		/* The next below: the shortest. */
		if (found == NULL || labels < dns_name_labels(wire(found)))
			found = s->zone;
	}
	return found;
}

static unsigned int
records_write(const struct net *n, struct dns_writer *w, const uint8_t *name, uint16_t type)
{
	unsigned int count = 0;

	for (const struct record *r = n->records; r->name != NULL; r++) {
		uint8_t address[4];

		if (!dns_name_equal(wire(r->name), name) || (r->type != type && r->type != DNS_CNAME))
			continue;
		count++;
		store_be32(address, r->address);
		if (r->type == DNS_A)
			dns_writer_record(w, DNS_ANSWERS, name, DNS_A, 60, address, 4);
		else
			dns_writer_record(w, DNS_ANSWERS, name, DNS_CNAME, 60, wire(r->target),
					  (uint16_t)dns_name_size(wire(r->target)));
	}
	return count;
}

static size_t
respond(struct net *n, const struct server *s, const uint8_t *name, uint16_t type, uint8_t *buf)
{
	struct dns_header h = {.is_response = true};
	const char *below = zone_below(n, name, s->zone);
	struct dns_writer w;

	h.rcode = s->manner == REFUSES ? DNS_REFUSED : 0;
	h.authoritative = below == NULL && s->manner != NO_AUTHORITY && s->manner != UPWARD &&
			  s->manner != SIDEWAYS && s->manner != REFUSES;
	dns_writer_begin(&w, buf, 4096, &h);
	dns_writer_question(&w, name, type, DNS_CLASS_IN);
	if (s->manner == UPWARD)
		ns_write(n, &w, ".");
	else if (s->manner == SIDEWAYS)
		ns_write(n, &w, "evil.test");
	else if (s->manner != REFUSES && below != NULL)
		ns_write(n, &w, below);
	else if (s->manner != REFUSES && records_write(n, &w, name, type) == 0 && h.authoritative) {
		uint8_t soa[22] = {0}; /* two names of the root, five numbers */

		buf[3] |= DNS_NXDOMAIN;
		store_be32(soa + 18, n->soa_ttl_s);
		if (n->soa_ttl_s > 0)
			dns_writer_record(&w, DNS_AUTHORITIES, wire(s->zone), DNS_SOA, 86400, soa, sizeof(soa));
	}
	/* Addresses of others' servers, which nobody asked for. */
	if (s->manner == POISONS)
		dns_writer_record(&w, DNS_ADDITIONALS, wire("ns.good.test"), DNS_A, 3600, "\x0a\0\0\x66", 4);
	assert_false(w.overflow);
	return w.len;
}

static void
serve(struct net *n, uint64_t now_ns)
{
	unsigned int at = n->first++ % ASKS_MAX;
	struct dns_answer a = {.server = n->asks[at].server, .port = 53, .tries = 1, .status = DNS_TIMEOUT,
			       .cause = GRAB_TIMEOUT};
	uint64_t user = n->asks[at].user;
	uint8_t buf[4096];

	for (const struct server *s = n->servers; s->zone != NULL; s++) {
		if (s->address != a.server)
			continue;
		if (s->manner == EXCLUDED) {
			a.status = DNS_BLOCKED;
			a.cause = GRAB_EXCLUDED;
		} else if (s->manner != MUTE && hash_mix64(n->seed ^ n->first) % 256 >= n->loss) {
			size_t len = respond(n, s, n->asks[at].name, n->asks[at].type, buf);

			a.message = span_of(buf, len);
			a.status = buf[3] & 15;
			a.cause = GRAB_COMPLETE;
		}
		break;
	}
	iterate_told(n->it, user, &a, now_ns);
}

static void
net_open_as(struct net *n, const struct server *servers, const struct record *records, bool root_has_tlds)
{
	static const uint32_t roots[] = {0x0a000001};
	const struct iterate_config config = {
		.root_has_tlds = root_has_tlds,
		.walks = 256, .cache = 1024, .roots = roots, .root_count = 1, .port = 53, .key = {1, 2},
		.events = {.ask = on_ask, .answer = on_answer}, .context = n,
	};

	memset(n, 0, sizeof(*n));
	n->servers = servers;
	n->records = records;
	n->at_ns = NS_PER_SEC;
	n->it = iterate_new(&config);
	assert_non_null(n->it);
}

static void
net_open(struct net *n, const struct server *servers, const struct record *records)
{
	net_open_as(n, servers, records, false);
}

static void
net_run(struct net *n)
{
	for (uint64_t now_ns = n->at_ns;; now_ns += NS_PER_MS) {
		while (iterate_poll(n->it, now_ns) > 0)
			;
		if (n->first == n->last)
			break;
		serve(n, now_ns);
	}
	assert_int_equal(iterate_live(n->it), 0);
	assert_int_equal(iterate_stats(n->it)->begun, iterate_stats(n->it)->ended);
}

static void
look_up(struct net *n, const char *name)
{
	n->answers = 0;
	assert_int_equal(iterate_begin(n->it, wire(name), DNS_A, 7, n->at_ns), 0);
	net_run(n);
	assert_int_equal(n->answers, 1);
}

static unsigned int
count_answers(const struct net *n, uint32_t *address)
{
	struct dns_reader r;
	struct dns_rr rr;
	unsigned int count = 0;

	*address = 0;
	assert_int_equal(dns_reader_init(&r, n->answer.message), 0);
	while (dns_reader_next(&r, &rr) == 1) {
		if (rr.section != DNS_ANSWERS)
			continue;
		count++;
		if (rr.type == DNS_A)
			*address = load_be32(n->answer.message.at + rr.at);
	}
	return count;
}

static struct net net;

static const struct record records[] = {
	{"www.good.test", DNS_A, NULL, 0x01010101},
	{"ns.good.test", DNS_A, NULL, 0x0a000003},
	{"ns2.good.test", DNS_A, NULL, 0x0a000004},
	{"www.far.test", DNS_A, NULL, 0x02020202},
	{"alias.far.test", DNS_CNAME, "www.good.test", 0},
	{"near.far.test", DNS_CNAME, "www.far.test", 0},
	{"none.far.test", DNS_CNAME, "nobody.good.test", 0},
	{"round.far.test", DNS_CNAME, "round.good.test", 0},
	{"round.good.test", DNS_CNAME, "round.far.test", 0},
	{NULL, 0, NULL, 0},
};

#define ROOT {".", "a.root", 0x0a000001, GOOD, false}
#define TEST {"test", "ns.test", 0x0a000002, GOOD, true}
#define END {NULL, NULL, 0, GOOD, false}

static void
test_down_and_cached(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST, {"good.test", "ns.good.test", 0x0a000003, GOOD, true}, END,
	};
	uint32_t address;

	(void)state;
	net_open(&net, servers, records);
	look_up(&net, "www.good.test");
	assert_int_equal(net.answer.status, DNS_NOERROR);
	assert_int_equal(net.answer.cause, GRAB_COMPLETE);
	assert_int_equal(net.answer.server, 0x0a000003);
	assert_int_equal(net.answer.tries, 3);
	assert_int_equal(count_answers(&net, &address), 1);
	assert_int_equal(address, 0x01010101);
	look_up(&net, "x.good.test");
	assert_int_equal(net.answer.status, DNS_NXDOMAIN);
	assert_int_equal(net.answer.tries, 1);
	look_up(&net, "x.y.test");
	assert_int_equal(net.answer.server, 0x0a000002);
	assert_int_equal(net.to[1], 1);
	iterate_free(net.it);
}

/* A server whose address the zone above does not give, or must not. */
static void
test_servers_are_sought(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST,
		{"good.test", "ns.good.test", 0x0a000003, GOOD, true},
		{"far.test", "ns2.good.test", 0x0a000004, GOOD, false},
		END,
	};
	uint32_t address;

	(void)state;
	net_open(&net, servers, records);
	look_up(&net, "www.far.test");
	assert_int_equal(net.answer.server, 0x0a000004);
	assert_int_equal(count_answers(&net, &address), 1);
	assert_int_equal(address, 0x02020202);
	assert_int_equal(iterate_stats(net.it)->servers_sought, 1);
	assert_int_equal(net.answer.tries, 5);
	iterate_free(net.it);
}

static void
test_poison_is_not_taken(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST,
		{"good.test", "ns.good.test", 0x0a000003, GOOD, true},
		{"far.test", "ns.far.test", 0x0a000004, POISONS, true},
		{"sub.far.test", "ns.good.test", 0, GOOD, false}, /* whose server's address far.test may not say */
		END,
	};
	static const struct record sub[] = {
		{"www.sub.far.test", DNS_A, NULL, 0x03030303},
		{"ns.good.test", DNS_A, NULL, 0x0a000003},
		{NULL, 0, NULL, 0},
	};

	(void)state;
	net_open(&net, servers, sub);
	look_up(&net, "www.sub.far.test");
	assert_int_equal(net.to[0x66], 0);
	assert_true(net.to[3] > 0);
	assert_true(iterate_stats(net.it)->glue_refused > 0);
	iterate_free(net.it);
}

static void
test_lame_servers_are_passed_over(void **state)
{
	for (enum manner manner = MUTE; manner <= NO_AUTHORITY; manner++) {
		struct server servers[] = {
			ROOT, TEST,
			{"evil.test", "ns.evil.test", 0x0a000005, GOOD, true},
			{"good.test", "ns.good.test", 0x0a000003, manner, true},
			{"good.test", "ns2.good.test", 0x0a000004, GOOD, true},
			END,
		};
		bool met = false;

		(void)state;
		/* Whichever is asked first: in the end, each is. */
		net_open(&net, servers, records);
		for (unsigned int i = 0; i < 20; i++) {
			look_up(&net, "www.good.test");
			assert_int_equal(net.answer.status, DNS_NOERROR);
			assert_int_equal(net.answer.server, 0x0a000004);
			met |= net.to[3] > 0;
		}
		assert_true(met);
		assert_int_equal(net.to[5], 0);
		iterate_free(net.it);
	}
}

/* Zones of which no server is any good. */
static void
test_failures(void **state)
{
	static const struct {
		enum manner manner;
		uint8_t status, cause;
	} cases[] = {
		{MUTE, DNS_ITERATIVE_TIMEOUT, GRAB_TIMEOUT}, {REFUSES, DNS_SERVFAIL, GRAB_COMPLETE},
		{UPWARD, DNS_SERVFAIL, GRAB_COMPLETE},       {SIDEWAYS, DNS_SERVFAIL, GRAB_COMPLETE},
		{NO_AUTHORITY, DNS_SERVFAIL, GRAB_COMPLETE}, {EXCLUDED, DNS_BLOCKED, GRAB_EXCLUDED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server servers[] = {
			ROOT, TEST, {"good.test", "ns.good.test", 0x0a000003, cases[i].manner, true}, END,
		};

		net_open(&net, servers, records);
		look_up(&net, "www.good.test");
		assert_int_equal(net.answer.status, cases[i].status);
		assert_int_equal(net.answer.cause, cases[i].cause);
		assert_int_equal(net.answer.message.len, 0);
		iterate_free(net.it);
	}
}

static void
test_aliases(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST,
		{"good.test", "ns.good.test", 0x0a000003, GOOD, true},
		{"far.test", "ns.far.test", 0x0a000004, GOOD, true},
		END,
	};
	uint32_t address;

	(void)state;
	net_open(&net, servers, records);
	/* Beyond the zone: both records, as if one server had said them. */
	look_up(&net, "alias.far.test");
	assert_int_equal(net.answer.status, DNS_NOERROR);
	assert_int_equal(net.answer.server, 0x0a000003);
	assert_int_equal(count_answers(&net, &address), 2);
	assert_int_equal(address, 0x01010101);
	look_up(&net, "near.far.test");
	assert_int_equal(count_answers(&net, &address), 2);
	assert_int_equal(address, 0x02020202);
	look_up(&net, "none.far.test");
	assert_int_equal(net.answer.status, DNS_NXDOMAIN);
	assert_int_equal(count_answers(&net, &address), 1);
	/* Round and round. */
	look_up(&net, "round.far.test");
	assert_int_equal(net.answer.status, DNS_SERVFAIL);
	assert_true(iterate_stats(net.it)->bounded == 1 && net.answer.tries < 20);
	iterate_free(net.it);
}

/* Two zones, each of whose servers stands in the other; and one whose server stands below itself. */
static void
test_circles_end(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST,
		{"one.test", "ns.two.test", 0x0a000003, GOOD, false},
		{"one.test", "ns2.two.test", 0x0a000003, GOOD, false},
		{"two.test", "ns.one.test", 0x0a000004, GOOD, false},
		{"two.test", "ns2.one.test", 0x0a000004, GOOD, false},
		{"self.test", "ns.self.test", 0x0a000005, GOOD, false},
		END,
	};

	(void)state;
	net_open(&net, servers, records);
	look_up(&net, "www.one.test");
	assert_int_equal(net.answer.status, DNS_AUTHFAIL);
	assert_true(iterate_stats(net.it)->asks <= ITERATE_ASKS_MAX);
	look_up(&net, "www.self.test");
	assert_int_equal(net.answer.status, DNS_AUTHFAIL);
	/* Many at once, each of which might wait for another. */
	net.answers = 0;
	for (unsigned int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a.b%u.%s.test", i / 4, i % 2 != 0 ? "one" : "two");
		assert_int_equal(iterate_begin(net.it, wire(name), DNS_A, i, NS_PER_SEC), 0);
	}
	net_run(&net);
	assert_int_equal(net.answers, 200);
	/* None of them went round until a bound. */
	assert_int_equal(iterate_stats(net.it)->bounded, 0);
	iterate_free(net.it);
}

/* The Internet's root is not asked again and again for what it does not have. */
static void
test_no_such_domain(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST, {"good.test", "ns.good.test", 0x0a000003, GOOD, true}, END,
	};
	static const char *const names[] = {"a.lan", "b.lan", "x.y.lan", "lan", "A.LAN"};

	(void)state;
	net_open_as(&net, servers, records, true);
	net.soa_ttl_s = 1000;
	for (unsigned int i = 0; i < 5; i++) {
		look_up(&net, names[i]);
		assert_int_equal(net.answer.status, DNS_NXDOMAIN);
		assert_int_equal(net.answer.cause, GRAB_COMPLETE);
		assert_int_equal(net.answer.server, 0x0a000001);
		assert_int_equal(net.answer.tries, i == 0);
		assert_int_equal(net.answer.message.at[3] & 15, DNS_NXDOMAIN);
		assert_memory_equal(net.answer.message.at + DNS_HEADER_BYTES, wire(names[i]), dns_name_size(wire(names[i])));
	}
	assert_int_equal(net.to[1], 1);
	assert_int_equal(iterate_stats(net.it)->denied, 4);
	/* What another zone denies is nothing of its top-level domain's; and another one is another. */
	look_up(&net, "x.good.test");
	look_up(&net, "www.good.test");
	assert_int_equal(net.answer.status, DNS_NOERROR);
	look_up(&net, "a.corp");
	assert_int_equal(net.to[1], 3);
	/* Until its time is over. */
	net.at_ns = 1002 * NS_PER_SEC;
	look_up(&net, "c.lan");
	assert_int_equal(net.to[1], 4);
	/* Many at once: one asks for all. */
	net.answers = 0;
	for (unsigned int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.home", i);
		assert_int_equal(iterate_begin(net.it, wire(name), DNS_A, i, net.at_ns), 0);
	}
	net_run(&net);
	assert_int_equal(net.answers, 200);
	assert_int_equal(net.to[1], 5);
	/* Who gives no time for it is asked again. */
	net.soa_ttl_s = 0;
	look_up(&net, "a.internal");
	look_up(&net, "b.internal");
	assert_int_equal(net.to[1], 7);
	iterate_free(net.it);
	/* Others' roots may have names of their own. */
	net_open_as(&net, servers, records, false);
	net.soa_ttl_s = 1000;
	look_up(&net, "a.lan");
	look_up(&net, "b.lan");
	assert_int_equal(net.to[1], 2);
	iterate_free(net.it);
}

/* Those that would ask the root for the same wait for the first. */
static void
test_one_asks_for_all(void **state)
{
	static const struct server servers[] = {
		ROOT, TEST, {"good.test", "ns.good.test", 0x0a000003, GOOD, true}, END,
	};
	static const struct server apart[] = {
		ROOT, TEST,
		{"good.test", "ns.good.test", 0x0a000003, GOOD, true},
		{"far.test", "ns2.good.test", 0x0a000004, GOOD, false},
		END,
	};

	(void)state;
	net_open(&net, servers, records);
	for (unsigned int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.good.test", i);
		assert_int_equal(iterate_begin(net.it, wire(name), DNS_A, i, NS_PER_SEC), 0);
	}
	net_run(&net);
	assert_int_equal(net.answers, 200);
	assert_int_equal(net.to[1], 1);
	assert_int_equal(net.to[2], 1);
	assert_int_equal(net.to[3], 200);
	iterate_free(net.it);
	/* Nor does each seek the address of the same server. */
	net_open(&net, apart, records);
	for (unsigned int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.far.test", i);
		assert_int_equal(iterate_begin(net.it, wire(name), DNS_A, i, NS_PER_SEC), 0);
	}
	net_run(&net);
	assert_int_equal(net.answers, 200);
	assert_int_equal(net.to[3], 1);
	assert_int_equal(net.to[4], 200);
	iterate_free(net.it);
}

static int
refuse_ask(void *context, const struct dns_ask *ask, uint64_t user)
{
	(void)context;
	(void)ask;
	(void)user;
	return -ECANCELED;
}

/* When the asking is stopped everybody gets an answer, those that wait for others too. */
static void
test_stop(void **state)
{
	static const uint32_t roots[] = {0x0a000001};
	const struct iterate_config config = {
		.walks = 64, .cache = 64, .roots = roots, .root_count = 1, .port = 53,
		.events = {.ask = refuse_ask, .answer = on_answer}, .context = &net,
	};

	(void)state;
	memset(&net, 0, sizeof(net));
	net.it = iterate_new(&config);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(iterate_begin(net.it, wire("a.b.test"), DNS_A, i, 0), 0);
	assert_int_equal(iterate_begin(net.it, wire("a.b.test"), DNS_A, 64, 0), -EAGAIN);
	while (iterate_poll(net.it, 0) > 0)
		;
	assert_int_equal(net.answers, 64);
	assert_int_equal(net.answer.cause, GRAB_STOPPED);
	iterate_free(net.it);
}

/* Losses, and servers of every manner: one answer each, within bounds; and the right one, if any server of
 * each zone is good and nothing is lost. */
static void
test_any_tree(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct server servers[] = {
			ROOT, TEST,
			{"evil.test", "ns.evil.test", 0x0a000005, GOOD, true},
			{"good.test", "ns.good.test", 0x0a000003, GOOD, true},
			{"good.test", "ns2.good.test", 0x0a000006, GOOD, true},
			{"far.test", "ns.good.test", 0x0a000007, GOOD, false},
			{"far.test", "ns2.good.test", 0x0a000004, GOOD, false},
			END,
		};
		static const char *const names[] = {"www.good.test", "alias.far.test", "x.far.test", "round.far.test"};

		for (unsigned int i = 3; i < 7; i++)
			servers[i].manner = (enum manner)(hash_mix64(seed * 8 + i) % 8);
		net_open(&net, servers, records);
		net.seed = seed;
		net.loss = seed % 2 != 0 ? 0 : (unsigned int)(seed % 128);
		for (unsigned int i = 0; i < 100; i++)
			assert_int_equal(iterate_begin(net.it, wire(names[i % 4]), DNS_A, i, NS_PER_SEC), 0);
		net_run(&net);
		assert_int_equal(net.answers, 100);
		assert_true(iterate_stats(net.it)->asks <= 100 * (ITERATE_ASKS_MAX + 1));
		iterate_free(net.it);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_and_cached),
		cmocka_unit_test(test_servers_are_sought),
		cmocka_unit_test(test_poison_is_not_taken),
		cmocka_unit_test(test_lame_servers_are_passed_over),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_circles_end),
		cmocka_unit_test(test_no_such_domain),
		cmocka_unit_test(test_one_asks_for_all),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_any_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
