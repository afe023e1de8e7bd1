/* SPDX-License-Identifier: BSD-3-Clause */
#include "dns_net.h"

static struct net net;

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
		{"", DNS_NOERROR, 1, 1, false},
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
	for (size_t i = 1; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct net_answer *a = one(cases[i].name[0] != '\0' ? cases[i].name : ".", 0, 0);

		assert_int_equal(a->status, cases[i].status);
		assert_int_equal(a->cause, GRAB_COMPLETE);
		assert_int_equal(a->tries, cases[i].tries);
		assert_int_equal(a->is_tcp, cases[i].tcp);
		assert_true(a->right);
		assert_in_range(a->server, NET_SERVER, NET_SERVER + 2);
		assert_int_equal(a->port, 53);
		a = one(cases[i].name[0] != '\0' ? cases[i].name : ".", NET_SERVER + 9, 0);
		assert_int_equal(a->status, cases[i].status);
		assert_int_equal(a->tries, cases[i].tries_named);
		assert_int_equal(a->server, NET_SERVER + 9);
		assert_true(a->right);
	}
	assert_int_equal(dns_stats(net.dns)->ended[DNS_TRY_TRUNCATED], 2);
	net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
