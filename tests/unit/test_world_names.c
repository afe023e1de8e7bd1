/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that answer DNS, asked over UDP and TCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench.h"
#include "dnsmsg/dnsmsg.h"
#include "worlds.h"

#define PERCENT WORLDS_PERCENT
#define SERVER 0x0a000035
#define PORT_OF_QUERY 40000

struct fixture {
	struct world_service service;
	struct world_offer offer;
	struct world_port port;
	struct world_network network;
	struct world_description d;
	struct worlds_rig rig;
	uint8_t frame[2048];
};

static void
open_world(struct fixture *f)
{
	f->service.name = "dns";
	f->service.kind = WORLD_SERVICE_DNS;
	f->service.window = WORLD_WINDOW_UNSAID;
	f->service.silent_after = WORLD_NEVER_SILENT;
	f->offer = (struct world_offer){0, WORLD_SHARE_ONE};
	f->port = (struct world_port){.port = 53, .open = WORLD_SHARE_ONE, .offers = {&f->offer, 1}};
	f->network = (struct world_network){.range = {SERVER, SERVER}, .ports = &f->port, .ports_count = 1,
					    .latency_min_ns = NS_PER_MS, .latency_max_ns = NS_PER_MS};
	f->d.seed = 7;
	f->d.networks = &f->network;
	f->d.networks_count = 1;
	f->d.services = &f->service;
	f->d.services_count = 1;
	assert_int_equal(worlds_open_servers(&f->rig, &f->d, 4096, 64), 0);
}

/* As in the table below, which tests/truth_names.py made. */
static const struct world_names some = {
	.servfail = 5 * PERCENT, .exists = 70 * PERCENT, .alias = 20 * PERCENT, .types = 60 * PERCENT,
	.big = 10 * PERCENT, .addresses = {0x0b000000, 0x0b00ffff},
};

static size_t
query(const char *name, uint16_t type, uint16_t edns, uint8_t *buf)
{
	uint8_t wire[DNS_NAME_MAX];
	struct dns_query q = {.id = 0x1234, .name = wire, .type = type, .edns_bytes = edns, .recurse = true};

	assert_true(dns_name_from_text(name, strlen(name), wire) > 0);
	return dns_query_write(&q, buf);
}

static bool
send_datagram(struct fixture *f, uint32_t to, uint16_t port, const uint8_t *message, size_t len)
{
	size_t at = worlds_ether(f->frame, ETHER_TYPE_IPV4, false);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(f->frame + at);
	struct wire_udp *udp = (struct wire_udp *)(ip + 1);
	uint16_t udp_len = (uint16_t)(sizeof(*udp) + len);

	wire_ipv4_build(ip, WORLDS_SCANNER, to, IP_PROTO_UDP, (uint16_t)(sizeof(*ip) + udp_len), 0, 64);
	store_be16(udp->src_port, PORT_OF_QUERY);
	store_be16(udp->dst_port, port);
	store_be16(udp->length, udp_len);
	store_be16(udp->checksum, 0);
	memcpy(udp + 1, message, len);
	store_be16(udp->checksum,
		   wire_checksum_fold(wire_sum(udp, udp_len, wire_pseudo_sum(ip, IP_PROTO_UDP, udp_len))));
	return worlds_send(&f->rig, f->frame, at + sizeof(*ip) + udp_len) > 0;
}

/* What came: a datagram whose sums hold, to whoever asked. */
static struct span
heard(struct fixture *f, uint32_t *from, uint16_t *to_port)
{
	const struct wire_ipv4 *ip = worlds_ip(f->rig.frame);
	const struct wire_udp *udp = (const struct wire_udp *)(ip + 1);
	uint16_t len = load_be16(udp->length);

	assert_int_equal(ip->protocol, IP_PROTO_UDP);
	assert_int_equal(load_be16(ip->total_length), sizeof(*ip) + len);
	assert_true(wire_ipv4_checksum_ok(ip, sizeof(*ip)) && wire_udp_checksum_ok(ip, udp, len));
	assert_int_equal(load_be16(udp->src_port), 53);
	assert_int_equal(load_be32(ip->dst), WORLDS_SCANNER);
	*from = load_be32(ip->src);
	*to_port = load_be16(udp->dst_port);
	return span_of(udp + 1, len - sizeof(*udp));
}

static struct span
ask(struct fixture *f, const char *name, uint16_t type, uint16_t edns)
{
	uint8_t message[DNS_QUERY_MAX];
	uint32_t from;
	uint16_t to_port;
	struct span answer;

	f->rig.now_ns = 0;
	assert_true(send_datagram(f, SERVER, 53, message, query(name, type, edns, message)));
	assert_true(worlds_next(&f->rig, NS_PER_SEC) > 0);
	answer = heard(f, &from, &to_port);
	assert_int_equal(from, SERVER);
	assert_int_equal(to_port, PORT_OF_QUERY);
	return answer;
}

/* The records of the answer section, and what their times to live add up to. */
static unsigned int
answers(struct span message, struct dns_header *h, uint32_t *ttl)
{
	unsigned int count = 0;
	struct dns_reader r;
	struct dns_rr rr;
	int rc;

	*ttl = 0;
	assert_int_equal(dns_reader_init(&r, message), 0);
	*h = r.header;
	assert_true(h->is_response && h->id == 0x1234);
	while ((rc = dns_reader_next(&r, &rr)) == 1) {
		if (rr.section == DNS_ANSWERS) {
			count++;
			*ttl += rr.ttl;
		}
	}
	assert_int_equal(rc, 0);
	return count;
}

static void
test_truth(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		uint8_t status;
		unsigned int count;
		uint32_t ttl;
	} cases[] = {
		{"n0.example.com", DNS_A, DNS_NXDOMAIN, 0, 0},
		{"n2.example.com", DNS_A, DNS_NXDOMAIN, 1, 3168},
		{"n3.example.com", DNS_A, DNS_NOERROR, 2, 2849},
		{"N4.Example.com", DNS_A, DNS_NOERROR, 2, 3384},
		{"n5.example.com", DNS_AAAA, DNS_NOERROR, 3, 4494},
		{"n7.example.com", DNS_TXT, DNS_NOERROR, 2, 3548},
		{"n12.example.com", DNS_A, DNS_NOERROR, 4, 13088},
		{"n12.example.com", DNS_CNAME, DNS_NOERROR, 1, 3348},
		{"n12.example.com", DNS_TXT, DNS_NOERROR, 1, 3348},
		{"n13.example.com", DNS_SOA, DNS_NOERROR, 1, 909},
		{"n16.example.com", DNS_NS, DNS_NOERROR, 2, 1588},
		{"n16.example.com", DNS_SRV, DNS_NOERROR, 0, 0},
		{"n19.example.com", DNS_A, DNS_SERVFAIL, 0, 0},
		{"n24.example.com", DNS_HTTPS, DNS_NOERROR, 1, 1886},
		{"n28.example.com", DNS_MX, DNS_NOERROR, 0, 0},
	};
	struct fixture f = {.d.names = some};

	(void)state;
	open_world(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_header h;
		uint32_t ttl;
		unsigned int count = answers(ask(&f, cases[i].name, cases[i].type, 1232), &h, &ttl);

		assert_int_equal(h.rcode, cases[i].status);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(ttl, cases[i].ttl);
		assert_false(h.truncated);
	}
	assert_int_equal(f.rig.intake->counters.dns, sizeof(cases) / sizeof(cases[0]));
	worlds_close(&f.rig);
}

/* An answer that is too long for who asks is cut, whole over TCP; so is one that is always cut. */
static void
test_truncation(void **state)
{
	struct fixture f = {.d.names = WORLD_NAMES_PLAIN};
	struct dns_header h;
	uint32_t ttl;

	(void)state;
	f.d.names.big = WORLD_SHARE_ONE;
	open_world(&f);
	assert_int_equal(answers(ask(&f, "x.example", DNS_TXT, 1232), &h, &ttl), 0);
	assert_true(h.truncated);
	assert_true(answers(ask(&f, "x.example", DNS_A, 1232), &h, &ttl) > 0);
	assert_false(h.truncated);
	worlds_close(&f.rig);
	f.d.names.truncated = WORLD_SHARE_ONE;
	open_world(&f);
	assert_int_equal(answers(ask(&f, "x.example", DNS_A, 1232), &h, &ttl), 0);
	assert_true(h.truncated);
	worlds_close(&f.rig);
}

/* Two queries behind one another, in segments of any size. */
static void
test_tcp(void **state)
{
	for (uint16_t segment = 1; segment < 100; segment = (uint16_t)(segment * 3)) {
		struct fixture f = {.d.names = WORLD_NAMES_PLAIN};
		uint8_t said[2 * (2 + DNS_QUERY_MAX)];
		struct client *c = client_make(&f.rig, SERVER, 2000);
		struct dns_header h;
		uint32_t ttl;
		size_t one, two, first;

		(void)state;
		f.d.names.big = f.d.names.truncated = WORLD_SHARE_ONE;
		open_world(&f);
		one = query("x.example", DNS_TXT, 1232, said + 2);
		store_be16(said, (uint16_t)one);
		two = query("y.example", DNS_A, 0, said + 4 + one);
		store_be16(said + 2 + one, (uint16_t)two);
		c->dst_port = 53;
		c->segment = segment;
		client_start(c, 0);
		client_write(c, 0, said, 4 + one + two);
		while (f.rig.now_ns < 20 * NS_PER_SEC) {
			uint64_t until_ns = c->resend_ns < 20 * NS_PER_SEC ? c->resend_ns : 20 * NS_PER_SEC;

			if (worlds_next(&f.rig, until_ns) > 0)
				client_hear(c, f.rig.now_ns, f.rig.frame, f.rig.len);
			client_tick(c, f.rig.now_ns);
		}
		first = load_be16(c->in);
		assert_true(first > 1432);
		assert_int_equal(answers(span_of(c->in + 2, first), &h, &ttl), 20);
		assert_true(answers(span_of(c->in + 4 + first, load_be16(c->in + 2 + first)), &h, &ttl) > 0);
		assert_int_equal(c->in_len, 4 + first + load_be16(c->in + 2 + first));
		free(c);
		worlds_close(&f.rig);
	}
}

static void
test_bad_servers(void **state)
{
	struct fixture f = {.d.names = {.addresses = {0, UINT32_MAX}}, .service.no_edns = true,
			    .service.lies = WORLD_SHARE_ONE};
	struct dns_header h;
	uint32_t ttl;

	(void)state;
	open_world(&f);
	assert_int_equal(answers(ask(&f, "x.example", DNS_A, 1232), &h, &ttl), 0);
	assert_int_equal(h.rcode, DNS_FORMERR);
	assert_int_equal(answers(ask(&f, "x.example", DNS_A, 0), &h, &ttl), 1);
	assert_int_equal(h.rcode, DNS_NOERROR);
	worlds_close(&f.rig);
}

/* What it says of names that there are: that there are not, or another address; and nothing of it before its time. */
static void
test_liars(void **state)
{
	static const struct {
		uint64_t denies, diverts, honest_ns;
		unsigned int rcode;
		bool a_is_true, mx_is_true;
	} cases[] = {
		{0, 0, 0, DNS_NOERROR, true, true},
		{WORLD_SHARE_ONE, 0, 0, DNS_NXDOMAIN, false, false},
		{WORLD_SHARE_ONE, WORLD_SHARE_ONE, 0, DNS_NXDOMAIN, false, false},
		{0, WORLD_SHARE_ONE, 0, DNS_NOERROR, false, true},
		{WORLD_SHARE_ONE, 0, 1, DNS_NOERROR, true, true},
		{0, WORLD_SHARE_ONE, 1, DNS_NOERROR, true, true},
	};
	uint8_t liar[4] = {203, 0, 113, 66};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f = {.d.names = WORLD_NAMES_PLAIN, .service.denies = cases[i].denies,
				    .service.diverts = cases[i].diverts, .service.honest_ns = cases[i].honest_ns};
		struct dns_header h;
		struct span answer;
		uint32_t ttl;

		open_world(&f);
		answer = ask(&f, "x.example", DNS_A, 1232);
		assert_int_equal(answers(answer, &h, &ttl) > 0, cases[i].rcode == DNS_NOERROR);
		assert_int_equal(h.rcode, cases[i].rcode);
		assert_int_equal(cases[i].rcode == DNS_NOERROR && memmem(answer.at, answer.len, liar, 4) == NULL,
				 cases[i].a_is_true);
		answer = ask(&f, "x.example", DNS_MX, 1232);
		assert_int_equal(answers(answer, &h, &ttl) > 0, cases[i].mx_is_true);
		worlds_close(&f.rig);
	}
}

/* A format error that says nothing of what it is about. */
static void
test_bare(void **state)
{
	struct fixture f = {.d.names = WORLD_NAMES_PLAIN, .service.no_edns = true, .service.bare = true};
	struct span answer;
	struct dns_header h;
	uint32_t ttl;

	(void)state;
	open_world(&f);
	answer = ask(&f, "x.example", DNS_A, 1232);
	assert_int_equal(answer.len, DNS_HEADER_BYTES);
	assert_true(dns_header_read(answer, &h));
	assert_int_equal(h.rcode, DNS_FORMERR);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(h.count[i], 0);
	assert_true(answers(ask(&f, "x.example", DNS_A, 0), &h, &ttl) > 0);
	worlds_close(&f.rig);
}

/* Each forgery is wrong in one way, and comes before the answer. */
static void
test_forgeries(void **state)
{
	struct fixture f = {.d.names = WORLD_NAMES_PLAIN, .service.forge = 8};
	unsigned int wrong[4] = {0};
	uint8_t message[DNS_QUERY_MAX];
	size_t len;

	(void)state;
	open_world(&f);
	len = query("x.example", DNS_A, 1232, message);
	assert_true(send_datagram(&f, SERVER, 53, message, len));
	for (unsigned int i = 0; i < 9; i++) {
		uint32_t from;
		uint16_t to_port;
		struct span answer;
		bool ways[4];
		unsigned int count = 0;

		assert_true(worlds_next(&f.rig, NS_PER_SEC) > 0);
		answer = heard(&f, &from, &to_port);
		ways[0] = memcmp(answer.at, message, 2) != 0;
		ways[1] = to_port != PORT_OF_QUERY;
		ways[2] = memcmp(answer.at + 12, message + 12, len - 12 - 11) != 0;
		ways[3] = from != SERVER;
		for (unsigned int w = 0; w < 4; w++) {
			wrong[w] += ways[w];
			count += ways[w];
		}
		assert_int_equal(count, i < 8);
	}
	for (unsigned int w = 0; w < 4; w++)
		assert_int_equal(wrong[w], 2);
	assert_int_equal(worlds_next(&f.rig, NS_PER_SEC), 0);
	worlds_close(&f.rig);
}

/* What is no query, and what is asked of nobody, is not answered. */
static void
test_silence(void **state)
{
	struct fixture f = {.d.names = WORLD_NAMES_PLAIN};
	uint8_t message[DNS_QUERY_MAX];
	size_t len;

	(void)state;
	open_world(&f);
	len = query("x.example", DNS_A, 1232, message);
	assert_false(send_datagram(&f, SERVER + 1, 53, message, len));
	assert_false(send_datagram(&f, SERVER, 54, message, len));
	for (size_t cut = 0; cut < len; cut++)
		assert_true(send_datagram(&f, SERVER, 53, message, cut));
	message[2] |= 0x80;
	assert_true(send_datagram(&f, SERVER, 53, message, len));
	assert_int_equal(worlds_next(&f.rig, NS_PER_SEC), 0);
	assert_int_equal(f.rig.intake->counters.other, 2);
	worlds_close(&f.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_bad_servers),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
