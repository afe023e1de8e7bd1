/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookups through networks that lose, delay, double and lie. Each run is a seed. */
#include "dns_net.h"

static struct net net;

/* Ask for `count` names, `in_flight` at a time; every few ones get something else than an address. */
static void
look_up(uint32_t count, uint8_t tries)
{
	uint32_t asked = 0;

	do {
		while (asked < count) {
			char name[32];

			snprintf(name, sizeof(name), "name%u%c.example", asked, "wsnrtwwwwwww"[asked % 12]);
			if (net_ask(&net, name, asked, 0, tries) != 0)
				break;
			asked++;
		}
	} while (net_step(&net) && (asked < count || dns_live(net.dns) > 0));
	net_check(&net);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(net.answers[i].times, 1);
}

/* What is still on its way reaches us. */
static void
let_all_arrive(void)
{
	while (net.count > 0)
		assert_true(net_step(&net));
	net_check(&net);
}

static void
start(uint64_t seed, uint32_t in_flight, unsigned int servers)
{
	struct dns_config c;

	net_init(&net, seed);
	c = net_config(&net, in_flight);
	net_start(&net, &c, servers, 10000000);
}

static unsigned int
count_status(uint32_t count, unsigned int status)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < count; i++)
		n += net.answers[i].status == status;
	return n;
}

/* Every answer is the right one, or there is none. */
static void
test_loss(void **state)
{
	static const struct {
		unsigned int loss, twice;
		uint64_t jitter_ns;
	} cases[] = {
		{0, 0, 0}, {10, 0, 20 * NS_PER_MS}, {50, 100, 200 * NS_PER_MS}, {200, 500, 400 * NS_PER_MS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(20 + i, 300, 5);
		net.loss = cases[i].loss;
		net.twice = cases[i].twice;
		net.jitter_ns = cases[i].jitter_ns;
		look_up(6000, 12);
		for (uint32_t u = 0; u < 6000; u++) {
			assert_int_not_equal(net.answers[u].status, DNS_TIMEOUT);
			assert_true(net.answers[u].right || net.answers[u].status == DNS_SERVFAIL ||
				    net.answers[u].status == DNS_REFUSED);
		}
		assert_int_equal(count_status(6000, DNS_NXDOMAIN), 500);
		assert_int_equal(count_status(6000, DNS_SERVFAIL), 500);
		assert_int_equal(count_status(6000, DNS_REFUSED), 500);
		assert_int_equal(count_status(6000, DNS_NOERROR), 4500);
		let_all_arrive();
		assert_int_equal(dns_stats(net.dns)->forged_id, 0);
		assert_int_equal(dns_stats(net.dns)->forged_question, 0);
		if (cases[i].twice > 0)
			assert_true(dns_stats(net.dns)->repeated > 100);
		/* What comes for tries that are over is known as such, but for what was pushed out. */
		assert_true((dns_stats(net.dns)->forged_port + dns_stats(net.dns)->forged_resolver) * 100 <=
			    dns_stats(net.dns)->repeated + dns_stats(net.dns)->late);
		net_stop(&net);
	}
}

/* Answers that all come too late are late, and nothing else. */
static void
test_late(void **state)
{
	(void)state;
	start(30, 300, 5);
	net.delay_ns = 600 * NS_PER_MS;
	look_up(100, 2);
	let_all_arrive();
	assert_int_equal(count_status(100, DNS_TIMEOUT), 100);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_LOST], 200 + dns_stats(net.dns)->trials_ended);
	assert_int_equal(dns_stats(net.dns)->late, dns_stats(net.dns)->ended[DNS_TRY_LOST]);
	assert_int_equal(dns_stats(net.dns)->repeated, 0);
	net_stop(&net);
}

/* Who sees the queries and gets one thing wrong is never believed, whatever it is. */
static void
test_forgeries(void **state)
{
	uint32_t names = getenv("ASDIC_LONG") != NULL ? 333000 : 4000;

	(void)state;
	for (enum net_forgery what = FORGE_ID; what <= FORGE_ALL; what++) {
		const struct dns_stats *s;
		uint64_t told;

		start(40 + what, 300, 5);
		net.forge = what;
		net.forgeries = 3;
		net.jitter_ns = NS_PER_MS;
		look_up(names, 6);
		for (uint32_t u = 0; u < names; u++)
			assert_true(net.answers[u].right || net.answers[u].status == DNS_SERVFAIL ||
				    net.answers[u].status == DNS_REFUSED);
		let_all_arrive();
		s = dns_stats(net.dns);
		told = s->forged_id + s->forged_question + s->other_case + s->forged_port + s->forged_resolver;
		assert_true(net.forged >= 3 * names);
		assert_int_equal(told, net.forged);
		assert_true(what != FORGE_ID || s->forged_id > net.forged / 3);
		assert_true(what != FORGE_QUESTION || s->forged_question + s->other_case > net.forged / 3);
		assert_true(what != FORGE_PORT || s->forged_port > net.forged / 2);
		assert_true(what != FORGE_RESOLVER || s->forged_resolver > net.forged / 3);
		assert_int_equal(s->late + s->repeated + s->malformed, 0);
		net_stop(&net);
	}
}

/* A flood of ids that are wrong: the try is given up before it can be guessed, and goes elsewhere. */
static void
test_flood(void **state)
{
	(void)state;
	start(50, 10, 3);
	net.forge = FORGE_ID;
	net.forgeries = DNS_FORGED_MAX;
	net.jitter_ns = 0;
	net.delay_ns = 10 * NS_PER_MS;
	look_up(10, 3);
	assert_int_equal(dns_stats(net.dns)->forged_id % DNS_FORGED_MAX, 0);
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_SPOILED],
			 dns_stats(net.dns)->forged_id / DNS_FORGED_MAX);
	assert_true(net.now_ns < NS_PER_SEC); /* nobody waited for a timeout */
	net_stop(&net);
}

static bool
junk(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	if (net_chance(n) % 2)
		return net_honest(n, address, query, is_tcp, reply, len);
	*len = net_chance(n) % 600;
	for (size_t i = 0; i < *len; i++)
		reply[i] = (uint8_t)net_chance(n);
	if (*len > 30 && !is_tcp)
		memcpy(reply, query->bytes + 28, 20);
	return true;
}

/* Servers that answer with anything: over UDP, and on connections. */
static void
test_junk(void **state)
{
	(void)state;
	start(60, 100, 5);
	net.server = junk;
	look_up(3000, 20);
	for (uint32_t u = 0; u < 3000; u++)
		assert_true(net.answers[u].right || net.answers[u].status == DNS_SERVFAIL ||
			    net.answers[u].status == DNS_REFUSED || net.answers[u].status == DNS_TRUNCATED);
	assert_true(dns_stats(net.dns)->malformed > 100);
	assert_true(dns_stats(net.dns)->ended[DNS_TRY_BROKEN] > 50);
	net_stop(&net);
}

/* Streams: fewer than are wanted, bytes one by one, connections that fail. */
static void
test_tcp(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 1400, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		start(70 + i, 16, 2);
		net.tcp_piece = pieces[i];
		for (unsigned int u = 0; u < 16; u++)
			assert_int_equal(net_ask(&net, "t.example", u, 0, 1), 0);
		net_run(&net);
		for (unsigned int u = 0; u < 16; u++) {
			assert_int_equal(net.answers[u].status, DNS_NOERROR);
			assert_true(net.answers[u].right && net.answers[u].is_tcp);
			assert_int_equal(net.answers[u].len, 12 + 11 + 4 + 200 * 16 + 11);
		}
		net_stop(&net);
	}
	start(80, 16, 2);
	net.tcp_refused = 1000;
	for (unsigned int u = 0; u < 4; u++)
		assert_int_equal(net_ask(&net, "t.example", u, 0, 2), 0);
	net_run(&net);
	for (unsigned int u = 0; u < 4; u++) {
		assert_int_equal(net.answers[u].status, DNS_TRUNCATED);
		assert_int_equal(net.answers[u].cause, GRAB_COMPLETE);
		assert_int_equal(net.answers[u].tries, 2);
		assert_false(net.answers[u].is_tcp);
		assert_int_equal(net.answers[u].len, 12 + 11 + 4 + 11); /* the truncated one */
	}
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_BROKEN], 8);
	net_stop(&net);
}

static bool
tcp_only_silent(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	return !is_tcp && net_honest(n, address, query, is_tcp, reply, len);
}

static void
test_tcp_silent(void **state)
{
	(void)state;
	start(81, 16, 2);
	net.server = tcp_only_silent;
	for (unsigned int u = 0; u < 6; u++)
		assert_int_equal(net_ask(&net, "t.example", u, 0, 1), 0);
	net_run(&net);
	for (unsigned int u = 0; u < 6; u++)
		assert_int_equal(net.answers[u].status, DNS_TRUNCATED);
	/* Four have streams, two wait for one. */
	assert_in_range(net.now_ns, 4 * NS_PER_SEC, 4 * NS_PER_SEC + 100 * NS_PER_MS);
	net_stop(&net);
}

/* The same seed sends the same bytes at the same times; another does not. */
static void
test_replay(void **state)
{
	uint64_t digest[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		start(i < 2 ? 90 : 91, 100, 5);
		net.loss = 50;
		net.twice = 50;
		net.jitter_ns = 50 * NS_PER_MS;
		look_up(1000, 3);
		digest[i] = net.digest;
		net_stop(&net);
	}
	assert_true(digest[0] == digest[1]);
	assert_true(digest[0] != digest[2]);
}

static uint16_t heard_port[20000], heard_id[20000];
static unsigned int heard;

static bool
listen_to(struct net *n, uint32_t address, struct net_packet *query, bool is_tcp, uint8_t *reply, size_t *len)
{
	heard_port[heard % 20000] = load_be16(query->bytes + 20);
	heard_id[heard++ % 20000] = load_be16(query->bytes + 28);
	return net_honest(n, address, query, is_tcp, reply, len);
}

/* The pairs of neighbours, in a table of 16 x 16: chi-square with 255 degrees of freedom. */
static void
assert_random(const uint16_t *values, unsigned int range)
{
	static unsigned int table[256];
	double chi = 0, expected = 19999 / 256.0;

	memset(table, 0, sizeof(table));
	for (unsigned int i = 1; i < 20000; i++)
		table[values[i - 1] * 16 / range * 16 + values[i] * 16 / range]++;
	for (unsigned int i = 0; i < 256; i++)
		chi += (table[i] - expected) * (table[i] - expected) / expected;
	assert_true(chi > 150 && chi < 380); /* one in a million outside */
}

static void
test_unguessable(void **state)
{
	(void)state;
	start(92, 300, 1);
	heard = 0;
	net.server = listen_to;
	for (uint32_t asked = 0; heard < 20000;) {
		while (net_ask(&net, "w.example", asked % NET_USERS, 0, 1) == 0)
			asked++;
		net_step(&net);
	}
	for (unsigned int i = 0; i < 20000; i++)
		heard_port[i] = (uint16_t)(heard_port[i] - 2000);
	assert_random(heard_port, 60000);
	assert_random(heard_id, 65536);
	net_run(&net);
	net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_silent),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_unguessable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
