/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What servers get of walks: a clock that jumps from event to event, servers that answer after a while, fail or
 * say nothing, and the time of every question.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "grab/grab.h"
#include "iterate/iterate.h"

#define ROOT 0x0a000001u
#define FIRST 0x0a000010u /* of the zone's servers */
#define SERVERS_MAX 6
#define ASKS_MAX 40000
#define LATENCY_NS (20 * NS_PER_MS)
#define TIMEOUT_NS (500 * NS_PER_MS)

enum manner { GOOD, FAILS, REFUSES, MUTE, CUT };

struct ask {
	uint64_t at_ns;
	uint64_t ends_ns;
	uint64_t user;
	uint32_t server;
	bool is_over;
	uint8_t name[DNS_NAME_MAX];
};

struct net {
	struct iterate *it;
	unsigned int servers;
	enum manner manner[SERVERS_MAX];
	unsigned int loss; /* of 256 */
	uint64_t seed;
	uint64_t latency_ns;
	uint64_t now_ns;
	struct ask asks[ASKS_MAX];
	unsigned int count, over;
	unsigned int answers[64]; /* by status */
	unsigned int ended;
};

static struct net net;

static int
on_ask(void *context, const struct dns_ask *ask, uint64_t user)
{
	struct net *n = context;
	struct ask *a = &n->asks[n->count];

	assert_true(n->count < ASKS_MAX);
	assert_int_equal(ask->tries, 1);
	*a = (struct ask){.at_ns = n->now_ns, .user = user, .server = ask->server};
	memcpy(a->name, ask->name, ask->name_len);
	a->ends_ns = n->now_ns + n->latency_ns;
	if (ask->server != ROOT) {
		bool is_lost = hash_mix64(n->seed ^ n->count) % 256 < n->loss;

		if (is_lost || n->manner[ask->server - FIRST] == MUTE)
			a->ends_ns = n->now_ns + TIMEOUT_NS;
	}
	n->count++;
	return 0;
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *answer)
{
	struct net *n = context;

	(void)user;
	n->answers[answer->status]++;
	n->ended++;
}

static void
refer(struct net *n, struct dns_writer *w)
{
	uint8_t zone[DNS_NAME_MAX], name[DNS_NAME_MAX], address[4];

	dns_name_from_text("test", 4, zone);
	for (unsigned int i = 0; i < n->servers; i++) {
		char text[] = "nsX.test";

		text[2] = (char)('a' + i);
		dns_name_from_text(text, sizeof(text) - 1, name);
		dns_writer_record(w, DNS_AUTHORITIES, zone, DNS_NS, 86400, name, (uint16_t)dns_name_size(name));
	}
	for (unsigned int i = 0; i < n->servers; i++) {
		char text[] = "nsX.test";

		text[2] = (char)('a' + i);
		dns_name_from_text(text, sizeof(text) - 1, name);
		store_be32(address, FIRST + i);
		dns_writer_record(w, DNS_ADDITIONALS, name, DNS_A, 86400, address, 4);
	}
}

static void
tell(struct net *n, const struct ask *a)
{
	struct dns_answer answer = {.server = a->server, .port = 53, .tries = 1, .packets = 1};
	enum manner manner = a->server == ROOT ? GOOD : n->manner[a->server - FIRST];
	struct dns_header h = {.is_response = true};
	struct dns_writer w;
	uint8_t buf[1232];

	if (a->ends_ns - a->at_ns == TIMEOUT_NS) {
		answer.status = DNS_TIMEOUT;
		answer.cause = GRAB_TIMEOUT;
		iterate_told(n->it, a->user, &answer, n->now_ns);
		return;
	}
	h.rcode = manner == FAILS ? DNS_SERVFAIL : manner == REFUSES ? DNS_REFUSED : DNS_NOERROR;
	h.authoritative = a->server != ROOT && h.rcode == DNS_NOERROR;
	dns_writer_begin(&w, buf, sizeof(buf), &h);
	dns_writer_question(&w, a->name, DNS_A, DNS_CLASS_IN);
	if (a->server == ROOT)
		refer(n, &w);
	else if (h.rcode == DNS_NOERROR)
		dns_writer_record(&w, DNS_ANSWERS, a->name, DNS_A, 60, (const uint8_t *)"\1\2\3\4", 4);
	assert_false(w.overflow);
	answer.message = span_of(buf, w.len);
	answer.status = h.rcode;
	answer.packets = manner == CUT ? 2 : 1;
	iterate_told(n->it, a->user, &answer, n->now_ns);
}

static void
net_open(unsigned int servers, double rate, uint32_t in_flight)
{
	static const uint32_t roots[] = {ROOT};
	const struct iterate_config config = {
		.walks = 4096, .cache = 1024, .roots = roots, .root_count = 1, .port = 53, .key = {1, 2},
		.server_rate = rate, .server_in_flight = in_flight,
		.events = {.ask = on_ask, .answer = on_answer}, .context = &net,
	};

	memset(&net, 0, sizeof(net));
	net.servers = servers;
	net.latency_ns = LATENCY_NS;
	net.now_ns = NS_PER_SEC;
	net.it = iterate_new(&config);
	assert_non_null(net.it);
	assert_true(iterate_memory_bytes(&config) > 0);
}

static void
begin(unsigned int from, unsigned int count)
{
	uint8_t name[DNS_NAME_MAX];

	for (unsigned int i = from; i < from + count; i++) {
		char text[] = "n00000.test";

		for (unsigned int k = 0, left = i; k < 5; k++, left /= 10)
			text[5 - k] = (char)('0' + left % 10);
		assert_true(dns_name_from_text(text, sizeof(text) - 1, name) > 0);
		assert_int_equal(iterate_begin(net.it, name, DNS_A, i, net.now_ns), 0);
	}
}

/* The next answer that comes, or TIME_NEVER. */
static uint64_t
next_answer(struct ask **which)
{
	uint64_t next_ns = TIME_NEVER;

	while (net.over < net.count && net.asks[net.over].is_over)
		net.over++;
	for (unsigned int i = net.over; i < net.count; i++) {
		if (net.asks[i].is_over || net.asks[i].ends_ns >= next_ns)
			continue;
		next_ns = net.asks[i].ends_ns;
		*which = &net.asks[i];
	}
	return next_ns;
}

/* From event to event, by what iterate itself says, until a time or the end. */
static void
run_until(uint64_t end_ns)
{
	for (;;) {
		uint64_t answer_ns, own_ns;
		struct ask *a = NULL;

		while (iterate_poll(net.it, net.now_ns) > 0)
			;
		answer_ns = next_answer(&a);
		own_ns = iterate_next_ns(net.it);
		if (answer_ns == TIME_NEVER && own_ns == TIME_NEVER)
			return;
		if ((answer_ns < own_ns ? answer_ns : own_ns) >= end_ns) {
			net.now_ns = end_ns;
			return;
		}
		if (own_ns < answer_ns) {
			/* Early is allowed, never is not. */
			net.now_ns = own_ns > net.now_ns ? own_ns : net.now_ns + NS_PER_MS / 4;
			continue;
		}
		net.now_ns = answer_ns > net.now_ns ? answer_ns : net.now_ns;
		a->is_over = true;
		tell(&net, a);
	}
}

static void
run(void)
{
	run_until(TIME_NEVER);
	assert_int_equal(iterate_live(net.it), 0);
	assert_int_equal(iterate_stats(net.it)->begun, iterate_stats(net.it)->ended);
}

/* The most questions to a server within any second from a time on, both of whose ends count. */
static unsigned int
worst_second(uint32_t server, uint64_t from_ns)
{
	unsigned int most = 0, first = 0, held = 0;

	for (unsigned int i = 0; i < net.count; i++) {
		if (net.asks[i].server != server || net.asks[i].at_ns < from_ns)
			continue;
		held++;
		for (; net.asks[i].at_ns - net.asks[first].at_ns > NS_PER_SEC || net.asks[first].server != server ||
		       net.asks[first].at_ns < from_ns; first++)
			held -= net.asks[first].server == server && net.asks[first].at_ns >= from_ns;
		most = held > most ? held : most;
	}
	return most;
}

static unsigned int
most_in_flight(uint32_t server)
{
	unsigned int most = 0;

	for (unsigned int i = 0; i < net.count; i++) {
		unsigned int held = 0;

		if (net.asks[i].server != server)
			continue;
		for (unsigned int k = i < 2000 ? 0 : i - 2000; k <= i; k++)
			held += net.asks[k].server == server && net.asks[k].ends_ns > net.asks[i].at_ns;
		most = held > most ? held : most;
	}
	return most;
}

static unsigned int
asked(uint32_t server)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < net.count; i++)
		count += net.asks[i].server == server;
	return count;
}

static void
test_no_second_has_more(void **state)
{
	static const struct {
		double rate;
		unsigned int names;
	} cases[] = {{1, 5}, {2, 9}, {3.5, 20}, {10, 60}, {31, 100}, {32, 100}, {100, 500}, {500, 3000}, {0.5, 3}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t took_ns;
		double least;

		net_open(1, cases[i].rate, 0);
		begin(0, cases[i].names);
		run();
		took_ns = net.now_ns - NS_PER_SEC;
		assert_int_equal(net.answers[DNS_NOERROR], cases[i].names);
		assert_int_equal(asked(ROOT), 1);
		assert_int_equal(asked(FIRST), cases[i].names);
		assert_in_range(worst_second(FIRST, 0), 1, cases[i].rate < 1 ? 1 : (unsigned int)(cases[i].rate + 0.999));
		/* And not much slower than is allowed. */
		least = (cases[i].names - 1) / cases[i].rate;
		assert_true((double)took_ns / 1e9 < least * 1.1 + 0.1);
		iterate_free(net.it);
	}
}

static void
test_no_more_at_a_time(void **state)
{
	(void)state;
	for (uint32_t most = 1; most <= 64; most *= 4) {
		net_open(1, 0, most);
		begin(0, 1000);
		run();
		assert_int_equal(net.answers[DNS_NOERROR], 1000);
		assert_int_equal(most_in_flight(FIRST), most);
		iterate_free(net.it);
	}
}

/* Whatever is lost, how many servers there are, and who comes when: each name has its end, and no server more. */
static void
test_nothing_is_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		unsigned int servers = 1 + seed % SERVERS_MAX, names = 0;
		unsigned int rate = 20 + (unsigned int)(hash_mix64(seed) % 200);
		unsigned int in_flight = seed % 3 == 0 ? 0 : 1 + (unsigned int)(hash_mix64(seed + 99) % 12);

		net_open(servers, rate, in_flight);
		net.seed = seed;
		net.loss = seed % 4 == 0 ? 80 : 8;
		for (unsigned int part = 0; part < 10; part++) {
			unsigned int count = (unsigned int)(hash_mix64(seed * 64 + part) % 100);

			begin(names, count);
			names += count;
			run_until(net.now_ns + hash_mix64(seed * 32 + part) % (2 * NS_PER_SEC));
		}
		run();
		assert_int_equal(net.ended, names);
		assert_int_equal(net.answers[DNS_NOERROR] + net.answers[DNS_ITERATIVE_TIMEOUT], names);
		for (unsigned int i = 0; i < servers; i++) {
			assert_true(worst_second(FIRST + i, 0) <= rate);
			assert_true(in_flight == 0 || most_in_flight(FIRST + i) <= in_flight);
		}
		iterate_free(net.it);
	}
}

/* Where one server has had its share, another of the zone is asked. */
static void
test_servers_share(void **state)
{
	unsigned int least = UINT32_MAX, most = 0;

	(void)state;
	net_open(4, 100, 0);
	begin(0, 2000);
	run();
	assert_int_equal(net.answers[DNS_NOERROR], 2000);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int count = asked(FIRST + i);

		least = count < least ? count : least;
		most = count > most ? count : most;
	}
	assert_true(least > 450 && most < 550);
	/* As fast as all of them together allow. */
	assert_true(net.now_ns - NS_PER_SEC < (uint64_t)(5.6 * 1e9));
	iterate_free(net.it);
}

/* Who fails or is silent is asked an eighth as often, and again as often once it is well. */
static void
test_trouble_slows_down(void **state)
{
	static const enum manner manners[] = {FAILS, REFUSES, MUTE};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t well_ns;

		net_open(1, 80, 0);
		net.manner[0] = manners[i];
		begin(0, 600);
		run_until(8 * NS_PER_SEC);
		assert_in_range(worst_second(FIRST, 6 * NS_PER_SEC), 1, 10);
		net.manner[0] = GOOD;
		well_ns = net.now_ns;
		run();
		assert_int_equal(net.ended, 600);
		assert_in_range(worst_second(FIRST, well_ns), 60, 80);
		assert_int_equal(worst_second(FIRST, 0) <= 80, true);
		iterate_free(net.it);
	}
	/* A packet in twenty that is lost is no trouble. */
	net_open(1, 80, 0);
	net.loss = 13;
	begin(0, 800);
	run();
	assert_true(net.now_ns < 14 * NS_PER_SEC);
	iterate_free(net.it);
}

/* An answer that took another packet is paid for by the next. */
static void
test_packets_are_paid(void **state)
{
	(void)state;
	net_open(1, 50, 0);
	net.manner[0] = CUT;
	begin(0, 200);
	run();
	assert_int_equal(net.answers[DNS_NOERROR], 200);
	assert_true(net.now_ns - NS_PER_SEC > 7 * NS_PER_SEC);
	iterate_free(net.it);
}

/* Those that wait are not left behind. */
static void
test_stop(void **state)
{
	(void)state;
	net_open(2, 5, 1);
	begin(0, 300);
	run_until(3 * NS_PER_SEC);
	assert_true(iterate_live(net.it) > 250);
	assert_int_equal(iterate_room(net.it), 4096 - iterate_live(net.it));
	iterate_stop(net.it);
	run();
	assert_int_equal(net.ended, 300);
	assert_true(net.answers[DNS_STOPPED] > 250);
	assert_int_equal(iterate_next_ns(net.it), TIME_NEVER);
	iterate_free(net.it);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_second_has_more),
		cmocka_unit_test(test_no_more_at_a_time),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_servers_share),
		cmocka_unit_test(test_trouble_slows_down),
		cmocka_unit_test(test_packets_are_paid),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
