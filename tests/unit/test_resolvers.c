/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "dnsmsg/dnsmsg.h"
#include "resolvers/resolvers.h"

#define MOST 64

static const struct resolvers_canary canaries[] = {
	{.name = "known.example", .kind = RESOLVERS_KNOWN, .address_count = 2, .address = {0xc0000207, 0xc0000201}},
	{.name = "example", .kind = RESOLVERS_BELOW},
	{.name = "absent.example", .kind = RESOLVERS_ABSENT},
};

static uint64_t drawn;

static uint64_t
chance(void)
{
	return hash_mix64(hash_mix64(drawn++));
}

static struct resolvers *
make(size_t count, uint64_t rate_pps, size_t canary_count, uint64_t every_ns)
{
	struct resolvers_address list[MOST];
	const struct resolvers_config c = {
		.list = list, .count = count, .rate_pps = rate_pps, .timeout_ns = NS_PER_SEC,
		.canaries = canaries, .canary_count = canary_count, .canary_every_ns = every_ns,
	};
	struct resolvers *r;

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct resolvers_address){0x0a000001 + i, (uint16_t)(53 + i)};
	r = resolvers_new(&c, 0);
	assert_non_null(r);
	assert_int_equal(resolvers_count(r), count);
	return r;
}

/* Picks over some time, one attempt each step: how many each gets. */
static void
pick_for(struct resolvers *r, uint64_t *now_ns, uint64_t for_ns, uint64_t step_ns, unsigned int got[MOST])
{
	uint64_t end_ns = *now_ns + for_ns;
	uint32_t number;

	memset(got, 0, MOST * sizeof(got[0]));
	for (; *now_ns < end_ns; *now_ns += step_ns)
		while (resolvers_pick(r, chance(), RESOLVERS_NONE, *now_ns, &number) == 0)
			got[number]++;
}

static void
test_rate_is_divided(void **state)
{
	static const size_t counts[] = {1, 2, 7, 64};
	unsigned int got[MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct resolvers *r = make(counts[i], 10000, 0, 0);
		uint64_t now_ns = 0;

		pick_for(r, &now_ns, 10 * NS_PER_SEC, NS_PER_MS, got);
		for (size_t n = 0; n < counts[i]; n++) {
			assert_true(got[n] <= 100000 / counts[i] + 16 + 20 / counts[i] + 1);
			assert_true(got[n] >= 95000 / counts[i]);
		}
		/* Never more than that in any second. */
		pick_for(r, &now_ns, NS_PER_SEC, NS_PER_MS, got);
		for (size_t n = 0; n < counts[i]; n++)
			assert_true(got[n] <= 10000 / counts[i] + 2);
		resolvers_set_rate(r, 100);
		pick_for(r, &now_ns, 10 * NS_PER_SEC, NS_PER_MS, got);
		for (size_t n = 0; n < counts[i]; n++)
			assert_true(got[n] <= 1000 / counts[i] + 16);
		resolvers_free(r);
	}
}

/* Where a pick says when to come again, there is one then, and not before. */
static void
test_pick_ns(void **state)
{
	struct resolvers *r = make(3, 1000, 0, 0);
	uint32_t number;
	uint64_t now_ns = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		while (resolvers_pick(r, chance(), RESOLVERS_NONE, now_ns, &number) == 0)
			;
		assert_true(resolvers_pick_ns(r) > now_ns);
		assert_true(resolvers_pick_ns(r) <= now_ns + 3 * NS_PER_MS);
		assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, resolvers_pick_ns(r) - 1, &number),
				 -EAGAIN);
		now_ns = resolvers_pick_ns(r);
		assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, now_ns, &number), 0);
	}
	resolvers_free(r);
}

static void
test_not_this(void **state)
{
	uint32_t number;

	(void)state;
	for (size_t count = 1; count < 5; count++) {
		struct resolvers *r = make(count, 1000000, 0, 0);

		for (uint32_t i = 0; i < 1000; i++) {
			uint32_t not_this = i % (uint32_t)count;

			assert_int_equal(resolvers_pick(r, chance(), not_this, i * NS_PER_MS, &number), 0);
			assert_true(number < count && (count == 1 || number != not_this));
		}
		resolvers_free(r);
	}
}

/* The quick one gets three quarters of what two that are drawn leave to a choice. */
static void
test_better_of_two(void **state)
{
	struct resolvers *r = make(4, 4000000, 0, 0);
	unsigned int got[4] = {0};
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) {
		assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, i * NS_PER_MS, &number), 0);
		got[number]++;
		resolvers_told(r, number, RESOLVERS_ANSWERED, (number + 1) * 10 * NS_PER_MS, i * NS_PER_MS);
	}
	/* 1/2, 1/3, 1/6 and 0 of the pairs. */
	assert_in_range(got[0], 1900, 2100);
	assert_in_range(got[1], 1230, 1430);
	assert_in_range(got[2], 570, 770);
	assert_true(got[3] < 20);
	resolvers_free(r);
}

static uint64_t
rate_of(struct resolvers *r, uint32_t number)
{
	struct resolvers_report report;

	resolvers_report(r, number, &report);
	return report.rate_pps;
}

/* Tell of outcomes at 1,000 a second: of every `of`, `bad` are so. */
static void
tell_for(struct resolvers *r, uint64_t *now_ns, uint64_t for_ns, enum resolvers_outcome outcome, unsigned int bad,
	 unsigned int of)
{
	uint64_t end_ns = *now_ns + for_ns;

	for (unsigned int i = 0; *now_ns < end_ns; i++, *now_ns += NS_PER_MS)
		resolvers_told(r, 0, i % of < bad ? outcome : RESOLVERS_ANSWERED, 10 * NS_PER_MS, *now_ns);
}

static void
test_adapts(void **state)
{
	static const enum resolvers_outcome bad[] = {RESOLVERS_TIMEOUT, RESOLVERS_SERVFAIL, RESOLVERS_REFUSED};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct resolvers *r = make(2, 128000, 0, 0);
		uint64_t now_ns = 0;

		assert_int_equal(rate_of(r, 0), 64000);
		tell_for(r, &now_ns, 2 * NS_PER_SEC, bad[i], 1, 5); /* a fifth is borne */
		assert_int_equal(rate_of(r, 0), 64000);
		tell_for(r, &now_ns, 110 * NS_PER_MS, bad[i], 1, 3);
		assert_int_equal(rate_of(r, 0), 32000);
		tell_for(r, &now_ns, 110 * NS_PER_MS, bad[i], 1, 3);
		assert_int_equal(rate_of(r, 0), 16000);
		assert_int_equal(rate_of(r, 1), 64000);
		tell_for(r, &now_ns, 10 * NS_PER_SEC, bad[i], 1, 3);
		assert_int_equal(rate_of(r, 0), 1000);
		tell_for(r, &now_ns, 210 * NS_PER_MS, bad[i], 0, 1);
		assert_in_range(rate_of(r, 0), 4900, 9100); /* a window of each kind, perhaps */
		tell_for(r, &now_ns, 2 * NS_PER_SEC, bad[i], 0, 1);
		assert_int_equal(rate_of(r, 0), 64000);
		resolvers_free(r);
	}
}

/* What a resolver of these tests says to a question of the resolvers' own. */
enum manner { HONEST, DEAD, HIJACKS, CENSORS, WRONG_ADDRESS, ONE_WRONG, NO_ADDRESS, CUT, GARBLED, BROKEN };

static struct span
say(enum manner manner, const struct resolvers_question *q, uint8_t *buf, size_t size)
{
	bool exists = dns_name_labels(q->name) > 0 && q->name[0] == 5;
	struct dns_header h = {.is_response = true, .rcode = exists || q->type == DNS_NS ? DNS_NOERROR : DNS_NXDOMAIN};
	uint8_t address[4] = {192, 0, 2, 1};
	struct dns_writer w;

	if (manner == DEAD)
		return span_of(NULL, 0);
	if (manner == HIJACKS)
		h.rcode = DNS_NOERROR;
	if (manner == CENSORS)
		h.rcode = DNS_NXDOMAIN;
	if (manner == BROKEN)
		h.rcode = DNS_SERVFAIL;
	if (manner == WRONG_ADDRESS)
		address[3] = 2;
	h.truncated = manner == CUT;
	dns_writer_begin(&w, buf, size, &h);
	dns_writer_question(&w, q->name, q->type, DNS_CLASS_IN);
	if (h.rcode == DNS_NOERROR && q->type == DNS_A && manner != NO_ADDRESS && manner != CUT)
		dns_writer_record(&w, DNS_ANSWERS, q->name, DNS_A, 60, address, 4);
	address[3] = 9;
	if (h.rcode == DNS_NOERROR && q->type == DNS_A && manner == ONE_WRONG)
		dns_writer_record(&w, DNS_ANSWERS, q->name, DNS_A, 60, address, 4);
	if (manner == GARBLED)
		w.len -= 3;
	assert_false(w.overflow);
	return span_of(buf, w.len);
}

/* Ask all that is wanted now; how many that were. */
static unsigned int
serve(struct resolvers *r, const enum manner *manners, uint64_t now_ns)
{
	struct resolvers_question q;
	unsigned int asked = 0;
	uint8_t buf[512];

	while (resolvers_wants(r, chance(), now_ns, &q)) {
		struct span message = say(manners[q.resolver], &q, buf, sizeof(buf));

		assert_int_equal(dns_name_size(q.name), q.name_len);
		resolvers_told(r, q.resolver, message.len > 0 ? RESOLVERS_ANSWERED : RESOLVERS_TIMEOUT,
			       NS_PER_MS, now_ns);
		resolvers_judge(r, q.resolver, q.number, message, now_ns);
		assert_true(asked++ < 1000);
	}
	assert_true(resolvers_wants_ns(r) > now_ns);
	return asked;
}

static enum resolvers_state
state_of(struct resolvers *r, uint32_t number)
{
	struct resolvers_report report;

	resolvers_report(r, number, &report);
	return report.state;
}

static void
test_lies(void **state)
{
	enum manner manners[] = {HONEST, HIJACKS, CENSORS, WRONG_ADDRESS, ONE_WRONG, NO_ADDRESS,
				 BROKEN, CUT, GARBLED, DEAD};
	static const struct {
		enum resolvers_state state;
		enum resolvers_lie_kind kind;
		uint32_t canary;
		uint32_t address;
	} found[] = {
		{RESOLVERS_GOOD, 0, 0, 0},
		{RESOLVERS_LIES, RESOLVERS_SAID_ADDRESS, 1, 0xc0000201},
		{RESOLVERS_LIES, RESOLVERS_SAID_NO_NAME, 0, 0},
		{RESOLVERS_LIES, RESOLVERS_SAID_ADDRESS, 0, 0xc0000202},
		{RESOLVERS_LIES, RESOLVERS_SAID_ADDRESS, 0, 0xc0000209},
		{RESOLVERS_LIES, RESOLVERS_SAID_NO_ADDRESS, 0, 0},
		{RESOLVERS_GOOD, 0, 0, 0},
		{RESOLVERS_GOOD, 0, 0, 0},
		{RESOLVERS_GOOD, 0, 0, 0},
		{RESOLVERS_ASIDE, 0, 0, 0},
	};
	struct resolvers *r = make(10, 1000000, 3, 10 * NS_PER_SEC);
	struct resolvers_report report;
	uint32_t number;

	(void)state;
	/* Nobody is asked before the canaries are back. */
	assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, 0, &number), -EAGAIN);
	assert_int_equal(resolvers_pick_ns(r), TIME_NEVER);
	/* Three each, until one lies; nine of the dead one, which are asked again. */
	assert_int_equal(serve(r, manners, 7), 4 * 3 + 2 + 4 + 9);
	for (uint32_t i = 0; i < 10; i++) {
		struct resolvers_lie lie = resolvers_lie(r, i);

		assert_int_equal(resolvers_state(r, i), found[i].state);
		assert_int_equal(state_of(r, i), found[i].state);
		if (found[i].state != RESOLVERS_LIES)
			continue;
		assert_int_equal(lie.kind, found[i].kind);
		assert_int_equal(lie.canary, found[i].canary);
		assert_int_equal(lie.at_ns, 7);
		if (lie.kind == RESOLVERS_SAID_ADDRESS)
			assert_int_equal(lie.address, found[i].address);
	}
	assert_int_equal(resolvers_in_state(r, RESOLVERS_LIES), 5);
	resolvers_report(r, 3, &report);
	assert_int_equal(report.lies, 1);
	assert_int_equal(report.in_doubt, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, i * NS_PER_MS, &number), 0);
		assert_int_equal(found[number].state, RESOLVERS_GOOD);
	}
	resolvers_free(r);
}

/* Who has learnt to lie is found out by a later round, and never asked again; what it said since the last is in doubt. */
static void
test_lies_later(void **state)
{
	enum manner manners[] = {HONEST, HONEST, HONEST};
	struct resolvers *r = make(3, 1000000, 3, 10 * NS_PER_SEC);
	struct resolvers_report report;
	uint32_t number;

	(void)state;
	assert_int_equal(serve(r, manners, 0), 9);
	for (unsigned int i = 0; i < 100; i++)
		resolvers_believed(r, 0);
	assert_int_equal(serve(r, manners, 10 * NS_PER_SEC), 9);
	for (unsigned int i = 0; i < 40; i++)
		resolvers_believed(r, 0);
	manners[1] = BROKEN; /* vouches for nothing */
	resolvers_believed(r, 1);
	assert_int_equal(serve(r, manners, 20 * NS_PER_SEC), 9);
	resolvers_believed(r, 1);
	for (unsigned int i = 0; i < 3; i++)
		resolvers_believed(r, 0);
	manners[0] = HIJACKS;
	manners[1] = CENSORS;
	assert_int_equal(serve(r, manners, 30 * NS_PER_SEC), 2 + 1 + 3);
	resolvers_report(r, 0, &report);
	assert_int_equal(report.state, RESOLVERS_LIES);
	assert_int_equal(report.in_doubt, 3);
	resolvers_report(r, 1, &report);
	assert_int_equal(report.state, RESOLVERS_LIES);
	assert_int_equal(report.in_doubt, 2);
	manners[0] = manners[1] = HONEST;
	for (uint64_t at_ns = 40 * NS_PER_SEC; at_ns < 1000 * NS_PER_SEC; at_ns += 10 * NS_PER_SEC)
		assert_int_equal(serve(r, manners, at_ns), 3);
	assert_int_equal(state_of(r, 0), RESOLVERS_LIES);
	/* Others' word counts as much; then there is nobody left. */
	resolvers_believed(r, 2);
	assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, 1000 * NS_PER_SEC, &number), 0);
	assert_int_equal(number, 2);
	resolvers_accuse(r, 0, 1001 * NS_PER_SEC);
	assert_int_equal(resolvers_lie(r, 0).kind, RESOLVERS_SAID_ADDRESS);
	resolvers_accuse(r, 2, 1001 * NS_PER_SEC);
	assert_int_equal(resolvers_lie(r, 2).kind, RESOLVERS_ACCUSED);
	resolvers_report(r, 2, &report);
	assert_int_equal(report.in_doubt, 1);
	assert_int_equal(report.lies, 0);
	assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, 1001 * NS_PER_SEC, &number), -ENOENT);
	assert_int_equal(serve(r, manners, 2000 * NS_PER_SEC), 0);
	assert_int_equal(resolvers_wants_ns(r), TIME_NEVER);
	resolvers_free(r);
}

static void
test_health(void **state)
{
	enum manner manners[] = {DEAD, HONEST};
	struct resolvers *r = make(2, 1000000, 0, 0);
	uint64_t now_ns = NS_PER_SEC;
	uint32_t number;

	(void)state;
	assert_int_equal(serve(r, manners, now_ns), 0);
	assert_int_equal(resolvers_wants_ns(r), TIME_NEVER);
	for (unsigned int i = 0; i < RESOLVERS_SILENT - 1; i++)
		resolvers_told(r, 0, RESOLVERS_TIMEOUT, NS_PER_SEC, now_ns);
	resolvers_told(r, 0, RESOLVERS_SERVFAIL, NS_PER_MS, now_ns); /* answers, after all */
	for (unsigned int i = 0; i < RESOLVERS_SILENT; i++) {
		assert_int_equal(state_of(r, 0), RESOLVERS_GOOD);
		resolvers_told(r, 0, RESOLVERS_TIMEOUT, NS_PER_SEC, now_ns);
	}
	assert_int_equal(state_of(r, 0), RESOLVERS_ASIDE);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, now_ns + i * NS_PER_MS, &number), 0);
		assert_int_equal(number, 1);
	}
	/* Asked again after 1 s, 2 s more, 4 s more. */
	for (unsigned int wait = 1; wait <= 4; wait *= 2) {
		assert_int_equal(resolvers_wants_ns(r), now_ns + wait * NS_PER_SEC);
		now_ns = resolvers_wants_ns(r);
		assert_int_equal(serve(r, manners, now_ns - 1), 0);
		assert_int_equal(serve(r, manners, now_ns), 1);
	}
	/* The other one too: then both are asked, since there is nobody else. */
	for (unsigned int i = 0; i < RESOLVERS_SILENT; i++)
		resolvers_told(r, 1, RESOLVERS_TIMEOUT, NS_PER_SEC, now_ns);
	assert_int_equal(resolvers_in_state(r, RESOLVERS_ASIDE), 2);
	assert_int_equal(resolvers_pick(r, chance(), RESOLVERS_NONE, now_ns, &number), 0);
	resolvers_told(r, 1, RESOLVERS_ANSWERED, NS_PER_MS, now_ns);
	assert_int_equal(state_of(r, 1), RESOLVERS_GOOD);
	manners[0] = HONEST;
	do
		now_ns = resolvers_wants_ns(r);
	while (serve(r, manners, now_ns) == 0); /* sometimes early */
	assert_int_equal(state_of(r, 0), RESOLVERS_GOOD);
	resolvers_free(r);
}

/* One that comes back meets the canaries before it is believed. */
static void
test_back_to_canaries(void **state)
{
	enum manner manners[] = {DEAD, HONEST};
	struct resolvers *r = make(2, 1000000, 2, 0);

	(void)state;
	serve(r, manners, 0);
	assert_int_equal(state_of(r, 0), RESOLVERS_ASIDE);
	manners[0] = HIJACKS;
	assert_int_equal(serve(r, manners, NS_PER_SEC), 3);
	assert_int_equal(state_of(r, 0), RESOLVERS_LIES);
	resolvers_free(r);
}

static void
test_edns(void **state)
{
	struct resolvers *r = make(2, 1000, 0, 0);

	(void)state;
	assert_true(resolvers_edns(r, 1));
	resolvers_told(r, 1, RESOLVERS_NO_EDNS, NS_PER_MS, 0);
	assert_false(resolvers_edns(r, 1));
	assert_true(resolvers_edns(r, 0));
	resolvers_free(r);
}

static void
test_refused_configs(void **state)
{
	const struct resolvers_address one = {1, 53};
	struct resolvers_canary none = {.name = "a..b", .kind = RESOLVERS_ABSENT};
	const struct resolvers_config good = {.list = &one, .count = 1, .rate_pps = 1, .timeout_ns = 1};
	struct resolvers_config c = good;

	(void)state;
	c.count = 0;
	assert_null(resolvers_new(&c, 0));
	c = good;
	c.rate_pps = 0;
	assert_null(resolvers_new(&c, 0));
	c = good;
	c.canaries = &none;
	c.canary_count = 1;
	assert_null(resolvers_new(&c, 0));
	none = (struct resolvers_canary){.name = "a.b", .kind = RESOLVERS_KNOWN};
	assert_null(resolvers_new(&c, 0)); /* known of what address? */
	none.address_count = RESOLVERS_CANARY_ADDRESSES + 1;
	assert_null(resolvers_new(&c, 0));
	c.canaries = resolvers_public_canaries;
	c.canary_count = resolvers_public_canary_count;
	resolvers_free(resolvers_new(&c, 0));
	resolvers_free(NULL);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *line;
		int rc;
		uint32_t address;
		uint16_t port;
	} cases[] = {
		{"192.0.2.1", 1, 0xc0000201, 53},
		{"  192.0.2.1\t\r\n", 1, 0xc0000201, 53},
		{"192.0.2.1:5353", 1, 0xc0000201, 5353},
		{"192.0.2.1 # the good one", 1, 0xc0000201, 53},
		{"192.0.2.1;", 1, 0xc0000201, 53},
		{"nameserver 192.0.2.1", 1, 0xc0000201, 53},
		{"nameserver\t192.0.2.1:1", 1, 0xc0000201, 1},
		{"nameserver 192.0.2.1#x", 1, 0xc0000201, 53},
		{"", 0, 0, 0},
		{"   ", 0, 0, 0},
		{"# 192.0.2.1", 0, 0, 0},
		{"; 192.0.2.1", 0, 0, 0},
		{"search example.com example.net", 0, 0, 0},
		{"domain example.com", 0, 0, 0},
		{"options edns0 trust-ad", 0, 0, 0},
		{"sortlist 130.155.160.0/255.255.240.0", 0, 0, 0},
		{"nameserver 2001:db8::1", 0, 0, 0},
		{"nameserver fe80::1%eth0", 0, 0, 0},
		{"::1", 0, 0, 0},
		{"::ffff:192.0.2.1", 0, 0, 0},
		{"nameserver", -EINVAL, 0, 0},
		{"nameserver ns1.example", -EINVAL, 0, 0},
		{"192.0.2", -EINVAL, 0, 0},
		{"192.0.2.1:", -EINVAL, 0, 0},
		{"192.0.2.1:0", -EINVAL, 0, 0},
		{"192.0.2.1:65536", -EINVAL, 0, 0},
		{"192.0.2.1:5x", -EINVAL, 0, 0},
		{"192.0.2.1 192.0.2.2", -EINVAL, 0, 0},
		{"192.0.2.0/24", -EINVAL, 0, 0},
		{"nameservers 192.0.2.1", -EINVAL, 0, 0},
		{"hello", -EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolvers_address a = {0};
		int rc = resolvers_read_line(cases[i].line, strlen(cases[i].line), &a);

		if (rc != cases[i].rc)
			fail_msg("'%s': %d", cases[i].line, rc);
		if (rc == 1) {
			assert_int_equal(a.address, cases[i].address);
			assert_int_equal(a.port, cases[i].port);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_is_divided),
		cmocka_unit_test(test_pick_ns),
		cmocka_unit_test(test_not_this),
		cmocka_unit_test(test_better_of_two),
		cmocka_unit_test(test_adapts),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lies_later),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_back_to_canaries),
		cmocka_unit_test(test_edns),
		cmocka_unit_test(test_refused_configs),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
