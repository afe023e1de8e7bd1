/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"

static struct probe
make_probe(enum probe_profile profile)
{
	struct probe_config config = frames_config(profile);
	struct probe p;

	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &config), 0);
	return p;
}

/* Ranges follow one another from first, none is empty, none runs past last. */
static void
check_plan(uint32_t first, uint32_t last)
{
	struct probe_port_plan plan;
	uint32_t base = first;
	uint32_t slots = (last - first + 1) / PROBE_BUCKETS;

	assert_int_equal(probe_port_plan((uint16_t)first, (uint16_t)last, &plan), 0);
	for (int use = 0; use < 4; use++) {
		assert_true(plan.ports[use].slots >= 1);
		assert_int_equal(plan.ports[use].base, base);
		base += (uint32_t)plan.ports[use].slots * PROBE_BUCKETS;
	}
	assert_true(base - 1 <= last);
	assert_true(last - (base - 1) < PROBE_BUCKETS);
	if (slots >= 6)
		assert_int_equal(plan.ports[COOKIE_PROBE].slots, slots / 2);
}

static void
plan_divides_every_size(void **state)
{
	(void)state;
	for (uint32_t size = PROBE_PORTS_MIN; size <= 65535; size++) {
		check_plan(1, size);
		check_plan(65536 - size, 65535);
	}
	check_plan(1024, 65535);
	check_plan(32768, 61000);
}

static void
plan_refuses_too_few(void **state)
{
	struct probe_port_plan plan;

	(void)state;
	assert_int_equal(probe_port_plan(1024, 1024 + PROBE_PORTS_MIN - 2, &plan), -ERANGE);
	assert_int_equal(probe_port_plan(64513, 65535, &plan), -ERANGE);
	assert_int_equal(probe_port_plan(50000, 40000, &plan), -ERANGE);
	assert_int_equal(probe_port_plan(0, 65535, &plan), -ERANGE);
}

static void
plan_of_the_default_ports(void **state)
{
	static const uint16_t slots[4] = {55, 27, 14, 14};
	struct probe_port_plan plan;

	(void)state;
	assert_int_equal(probe_port_plan(32768, 61000, &plan), 0);
	for (int use = 0; use < 4; use++)
		assert_int_equal(plan.ports[use].slots, slots[use]);
}

/* Every port is found in the one range that has it, and in none outside the plan. */
static void
every_port_is_found_once(void **state)
{
	struct probe_port_plan plan;
	uint32_t found[4] = {0};
	enum cookie_plan use;
	uint8_t bucket;

	(void)state;
	assert_int_equal(probe_port_plan(32768, 61000, &plan), 0);
	for (uint32_t port = 0; port <= 65535; port++) {
		const struct probe_ports *r;

		if (probe_port_find(&plan, (uint16_t)port, &use, &bucket) != 0)
			continue;
		r = &plan.ports[use];
		assert_true(port >= r->base && port < r->base + r->slots * 256u);
		assert_int_equal(bucket, (port - r->base) % 256);
		found[use]++;
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(found[i], plan.ports[i].slots * 256u);
	assert_int_equal(probe_port_find(&plan, 32767, &use, &bucket), -ENOENT);
	assert_int_equal(probe_port_find(&plan, 61000, &use, &bucket), -ENOENT);
}

/* What cookies make of the plan and the pool: all of both, and nothing outside. */
static void
cookies_spread_over_ports_and_sources(void **state)
{
	struct probe p = make_probe(PROBE_WINDOWS);
	const struct probe_ports *ports = &p.pool.plan.ports[COOKIE_PROBE];
	uint32_t per_slot[55] = {0}, per_source[4] = {0};

	(void)state;
	for (uint64_t i = 0; i < 220000; i++) {
		uint64_t cookie = hash_mix64(i);
		enum cookie_plan use;
		uint8_t bucket;
		uint16_t port = probe_source_port(ports, cookie);

		assert_int_equal(probe_port_find(&p.pool.plan, port, &use, &bucket), 0);
		assert_int_equal(use, COOKIE_PROBE);
		assert_int_equal(bucket, probe_bucket(cookie));
		per_slot[(port - ports->base) / 256]++;
		per_source[probe_pool_address(&p.pool, cookie) - frames_sources[0]]++;
	}
	for (int i = 0; i < 55; i++)
		assert_in_range(per_slot[i], 3600, 4400); /* 4000 expected, sigma 63 */
	for (int i = 0; i < 4; i++)
		assert_in_range(per_source[i], 54000, 56000);
}

static const uint8_t template_windows[] = {
	0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x00,
	0x45, 0, 0, 52, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x02, 0xfa, 0xf0, 0, 0, 0, 0,
	2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
static const uint8_t template_linux[] = {
	0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x00,
	0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0,
	2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
static const uint8_t template_mss[] = {
	0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x00,
	0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0,
	2, 4, 0x05, 0xb4};

static const struct {
	enum probe_profile profile;
	const uint8_t *template;
	uint16_t len;
} templates[] = {
	{PROBE_WINDOWS, template_windows, sizeof(template_windows)},
	{PROBE_LINUX, template_linux, sizeof(template_linux)},
	{PROBE_MSS, template_mss, sizeof(template_mss)},
};

static void
templates_are_as_the_systems_send(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct probe p = make_probe(templates[i].profile);

		assert_int_equal(p.frame_len, templates[i].len);
		assert_memory_equal(p.template, templates[i].template, templates[i].len);
	}
}

/* The fields of a probe are those asked for, and its checksums what a full computation gives. */
static void
check_probe(const struct probe *p, const uint8_t *frame, const struct frames_flow *f,
	    uint8_t attempt)
{
	uint8_t copy[PROBE_FRAME_MAX];
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(copy + 14);
	struct wire_tcp *tcp = (struct wire_tcp *)(copy + 34);

	memcpy(copy, frame, sizeof(copy));
	assert_int_equal(load_be32(ip->src), f->own_address);
	assert_int_equal(load_be32(ip->dst), f->address);
	assert_int_equal(load_be16(ip->id), probe_ip_id(f->cookie, attempt));
	assert_int_equal(load_be16(tcp->src_port), f->own_port);
	assert_int_equal(load_be16(tcp->dst_port), f->port);
	assert_int_equal(load_be32(tcp->seq), f->seq);
	wire_ipv4_checksum_set(ip, sizeof(*ip));
	wire_tcp_checksum_set(ip, tcp, (uint16_t)(p->frame_len - 34));
	assert_memory_equal(copy, frame, sizeof(copy));
	/* And all else is the template's. */
	memset(ip->id, 0, 2);
	memset(ip->checksum, 0, 10);
	memset(tcp, 0, 8);
	memset(tcp->checksum, 0, 2);
	if (p->config.profile == PROBE_LINUX)
		memset(copy + 54 + 8, 0, 4);
	assert_memory_equal(copy, p->template, sizeof(copy));
}

/* Frames are patched again and again, as they are in a pool; random cookies and extreme tuples. */
static void
checksums_equal_full_computation(void **state)
{
	enum { BURST = 32 };
	uint8_t buffer[BURST][PROBE_FRAME_MAX];
	uint8_t *frames[BURST];
	struct frames_flow flow[BURST];
	uint32_t address[BURST];
	uint16_t port[BURST];
	uint64_t cookie[BURST];
	struct probe p = make_probe(*(const enum probe_profile *)*state);

	for (int i = 0; i < BURST; i++) {
		memcpy(buffer[i], p.template, PROBE_FRAME_MAX);
		frames[i] = buffer[i];
	}
	for (uint64_t round = 0; round < 100000 / BURST + 1; round++) {
		enum cookie_plan use = (enum cookie_plan)(round & 3);
		uint8_t attempt = (uint8_t)(round >> 2);

		for (unsigned int i = 0; i < BURST; i++) {
			uint64_t h = hash_mix64(round * BURST + i);

			/* Bits all set or all clear bring the sums to their ends. */
			address[i] = i == 0 ? UINT32_MAX : i == 1 ? 0 : (uint32_t)h;
			port[i] = i == 0 ? UINT16_MAX : i == 1 ? 0 : (uint16_t)(h >> 32);
			flow[i] = frames_flow(&p, address[i], port[i], use);
			cookie[i] = flow[i].cookie;
		}
		p.module->fill(&p, use, attempt, BURST, frames, address, port, cookie);
		for (unsigned int i = 0; i < BURST; i++)
			check_probe(&p, buffer[i], &flow[i], attempt);
	}
}

/* All values of the IP ID, so that each checksum, 0x0000 among them, is met. */
static void
checksums_hold_at_every_value(void **state)
{
	struct probe p = make_probe(PROBE_MSS);
	uint8_t buffer[PROBE_FRAME_MAX];
	uint8_t *frame = buffer;
	unsigned int zero_ip = 0, zero_tcp = 0;

	(void)state;
	memcpy(buffer, p.template, sizeof(buffer));
	for (uint32_t v = 0; v <= 0xffff; v++) {
		uint64_t cookie = (uint64_t)v << 48 | v;
		uint32_t address = 0xc000020a;
		uint16_t port = 443;

		p.module->fill(&p, COOKIE_PROBE, 0, 1, &frame, &address, &port, &cookie);
		assert_true(wire_ipv4_checksum_ok((struct wire_ipv4 *)(buffer + 14), 20));
		assert_true(wire_tcp_checksum_ok((struct wire_ipv4 *)(buffer + 14), buffer + 34,
						 24));
		assert_int_not_equal(load_be16(buffer + 24), 0xffff);
		assert_int_not_equal(load_be16(buffer + 50), 0xffff);
		zero_ip += load_be16(buffer + 24) == 0;
		zero_tcp += load_be16(buffer + 50) == 0;
	}
	assert_true(zero_ip > 0);
	assert_true(zero_tcp > 0);
}

static void
attempts_differ_in_the_ip_id_alone(void **state)
{
	struct probe p = make_probe(PROBE_LINUX);
	uint8_t first[PROBE_FRAME_MAX], second[PROBE_FRAME_MAX];
	uint8_t *a = first, *b = second;
	uint32_t address = 0xc000020a;
	uint16_t port = 443;
	struct frames_flow f = frames_flow(&p, address, port, COOKIE_PROBE);

	(void)state;
	memcpy(first, p.template, sizeof(first));
	memcpy(second, p.template, sizeof(second));
	p.module->fill(&p, COOKIE_PROBE, 0, 1, &a, &address, &port, &f.cookie);
	p.module->fill(&p, COOKIE_PROBE, 1, 1, &b, &address, &port, &f.cookie);
	assert_memory_not_equal(first + 18, second + 18, 2);
	memcpy(second + 18, first + 18, 2);
	memcpy(second + 24, first + 24, 2);
	assert_memory_equal(first, second, sizeof(first));
}

static void
timestamps_are_the_cookies(void **state)
{
	struct probe p = make_probe(PROBE_LINUX);
	uint8_t packet[PROBE_FRAME_MAX];
	uint32_t seen[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct frames_flow f = frames_flow(&p, 0xc000020a + i / 2, 443, COOKIE_PROBE);
		struct wire_tcp_options o;

		assert_int_equal(frames_probe(&p, &f, packet), 60);
		wire_tcp_options_read(packet + 40, 20, &o);
		assert_true(o.has_timestamp);
		assert_int_equal(o.ts_echo, 0);
		seen[i] = o.ts_value;
	}
	assert_int_equal(seen[0], seen[1]);
	assert_int_not_equal(seen[0], seen[2]);
}

/* Whether a reply to (own_address, own_port) may be to a probe: what a receiver asks. */
static int
expects(const struct probe *p, const struct frames_flow *f, uint32_t own_address, uint16_t own_port,
	enum cookie_plan *use)
{
	const struct probe_sources *s = p->config.sources;

	return probe_use_find(s, own_address, own_port, use) == 0 &&
	       probe_leaves_from(s, *use, cookie_make(&p->config.key, f->address, f->port, *use),
				 own_address, own_port);
}

/* Exactly one own address and port fit a target. */
static void
only_the_keys_tuple_is_expected(void **state)
{
	struct probe p = make_probe(PROBE_WINDOWS);
	unsigned int accepted = 0;

	(void)state;
	for (int plan = 0; plan < 4; plan++) {
		struct frames_flow f = frames_flow(&p, 0xc000020a, 443, (enum cookie_plan)plan);
		enum cookie_plan use;

		assert_true(expects(&p, &f, f.own_address, f.own_port, &use));
		assert_int_equal(use, plan);
		for (int s = 0; s < 4; s++) {
			for (uint32_t port = 0; port <= 65535; port++)
				accepted += expects(&p, &f, frames_sources[s], (uint16_t)port,
						    &use) && plan == 0;
		}
	}
	/* One tuple of each plan, whichever of the four we ask for. */
	assert_int_equal(accepted, 4);
}

static void
init_refuses_what_it_cannot_use(void **state)
{
	const struct probe_config good = frames_config(PROBE_WINDOWS);
	struct probe_config c = good;
	struct probe p;

	(void)state;
	c.ttl = 0;
	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &c), -EINVAL);
	c = good;
	c.iface = 1;
	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &c), -EINVAL);
	c = good;
	c.sources = NULL;
	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &c), -EINVAL);
	c = good;
	c.vlan = 4095;
	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &c), -EINVAL);
	c = good;
	c.profile = (enum probe_profile)3;
	assert_int_equal(probe_init(&p, &probe_tcp_synscan, &c), -EINVAL);
}

static struct probe
make_echo_probe(void)
{
	struct probe_config config = frames_config(PROBE_WINDOWS);
	struct probe p;

	assert_int_equal(probe_init(&p, &probe_icmp_echoscan, &config), 0);
	return p;
}

static void
echo_template_is_a_short_ping(void **state)
{
	static const uint8_t expected[] = {
		0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x00,
		0x45, 0, 0, 36, 0, 0, 0x40, 0, 64, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct probe p = make_echo_probe();

	(void)state;
	assert_int_equal(p.frame_len, sizeof(expected));
	assert_memory_equal(p.template, expected, sizeof(expected));
}

/* Id, sequence number and data are the cookie's, and the checksums what a full computation gives. */
static void
check_echo(const uint8_t *frame, const struct frames_flow *f, uint8_t attempt)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(frame + 14);
	const struct probe_echo *echo = (const struct probe_echo *)(frame + 34);

	assert_int_equal(load_be32(ip->src), f->own_address);
	assert_int_equal(load_be32(ip->dst), f->address);
	assert_int_equal(load_be16(ip->id), probe_ip_id(f->cookie, attempt));
	assert_int_equal(load_be16(echo->icmp.rest), f->own_port);
	assert_int_equal(load_be16(echo->icmp.rest + 2), f->cookie & 0xffff);
	assert_int_equal(load_be32(echo->cookie), f->cookie >> 32);
	assert_int_equal(load_be32(echo->cookie + 4), f->cookie & 0xffffffff);
	assert_true(wire_ipv4_checksum_ok(ip, sizeof(*ip)));
	assert_int_equal(wire_checksum_fold(wire_sum(echo, sizeof(*echo), 0)), 0);
	assert_int_not_equal(load_be16(echo->icmp.checksum), 0xffff);
}

static void
echoes_are_patched_again_and_again(void **state)
{
	struct probe p = make_echo_probe();
	uint8_t buffer[PROBE_FRAME_MAX], *frame = buffer;
	uint16_t port = 0;

	(void)state;
	memcpy(buffer, p.template, sizeof(buffer));
	for (uint64_t i = 0; i < 100000; i++) {
		enum cookie_plan use = (enum cookie_plan)(i & 3);
		uint32_t address = i == 0 ? UINT32_MAX : (uint32_t)hash_mix64(i);
		struct frames_flow f = frames_flow(&p, address, 0, use);
		enum cookie_plan found;
		uint8_t bucket;

		p.module->fill(&p, use, (uint8_t)(i >> 2), 1, &frame, &address, &port, &f.cookie);
		check_echo(buffer, &f, (uint8_t)(i >> 2));
		assert_int_equal(probe_port_find(&p.pool.plan, load_be16(buffer + 38), &found,
						 &bucket), 0);
		assert_int_equal(found, use);
		assert_int_equal(bucket, probe_bucket(f.cookie));
	}
}

/* All sequence numbers, and all high halves of data: each checksum, 0x0000 among them, is met. */
static void
echo_checksums_hold_at_every_value(void **state)
{
	struct probe p = make_echo_probe();
	uint8_t buffer[PROBE_FRAME_MAX], *frame = buffer;
	uint32_t address = 0xc000020a;
	unsigned int zero = 0;
	uint16_t port = 0;

	(void)state;
	memcpy(buffer, p.template, sizeof(buffer));
	for (uint32_t v = 0; v <= 0xffff; v++) {
		uint64_t cookie = (uint64_t)v << 16;

		p.module->fill(&p, COOKIE_PROBE, 0, 1, &frame, &address, &port, &cookie);
		assert_int_equal(wire_checksum_fold(wire_sum(buffer + 34, 16, 0)), 0);
		zero += load_be16(buffer + 36) == 0;
	}
	assert_true(zero > 0);
}

static void
attempts_of_an_echo_differ_in_the_ip_id_alone(void **state)
{
	struct probe p = make_echo_probe();
	uint8_t first[PROBE_FRAME_MAX], second[PROBE_FRAME_MAX], *a = first, *b = second;
	uint32_t address = 0xc000020a;
	uint16_t port = 0;
	struct frames_flow f = frames_flow(&p, address, 0, COOKIE_PROBE);

	(void)state;
	memcpy(first, p.template, sizeof(first));
	memcpy(second, p.template, sizeof(second));
	p.module->fill(&p, COOKIE_PROBE, 0, 1, &a, &address, &port, &f.cookie);
	p.module->fill(&p, COOKIE_PROBE, 1, 1, &b, &address, &port, &f.cookie);
	assert_memory_not_equal(first + 18, second + 18, 2);
	memcpy(second + 18, first + 18, 2);
	memcpy(second + 24, first + 24, 2);
	assert_memory_equal(first, second, sizeof(first));
}

/* A tag moves the packet, and changes nothing of it: probes of both modules, and RSTs. */
static void
a_vlan_moves_the_packet(void **state)
{
	static const struct probe_module *const kinds[] = {&probe_tcp_synscan, &probe_icmp_echoscan};
	static const uint8_t tag[] = {0x81, 0x00, 0x0f, 0xfe, 0x08, 0x00};
	uint8_t plain[PROBE_FRAME_MAX], tagged[PROBE_FRAME_MAX], *a = plain, *b = tagged;
	struct probe_config config = frames_config(PROBE_LINUX);
	uint32_t address = 0xc000020a;
	uint64_t cookie = UINT64_C(0x123456789abcdef0);
	uint16_t port = 443;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct probe p, v;

		config.vlan = 0;
		assert_int_equal(probe_init(&p, kinds[i], &config), 0);
		config.vlan = 4094;
		assert_int_equal(probe_init(&v, kinds[i], &config), 0);
		assert_int_equal(v.frame_len, p.frame_len + 4);
		memcpy(plain, p.template, sizeof(plain));
		memcpy(tagged, v.template, sizeof(tagged));
		kinds[i]->fill(&p, COOKIE_PROBE, 0, 1, &a, &address, &port, &cookie);
		kinds[i]->fill(&v, COOKIE_PROBE, 0, 1, &b, &address, &port, &cookie);
		assert_memory_equal(tagged, plain, 12);
		assert_memory_equal(tagged + 12, tag, sizeof(tag));
		assert_memory_equal(tagged + 18, plain + 14, p.frame_len - 14u);
		assert_int_equal(probe_build_rst(&p, address, port, 1, 2, 3, 4, plain), 54);
		assert_int_equal(probe_build_rst(&v, address, port, 1, 2, 3, 4, tagged), 58);
		assert_memory_equal(tagged + 12, tag, sizeof(tag));
		assert_memory_equal(tagged + 18, plain + 14, 40);
	}
}

static void
modules_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(probe_module_find("tcp_synscan"), &probe_tcp_synscan);
	assert_ptr_equal(probe_module_find("icmp_echoscan"), &probe_icmp_echoscan);
	assert_null(probe_module_find("tcp_syn"));
	assert_null(probe_module_find(""));
	assert_int_equal(probe_tcp_synscan.protocol, IP_PROTO_TCP);
	assert_int_equal(probe_icmp_echoscan.protocol, IP_PROTO_ICMP);
}

static void
rst_answers_a_synack(void **state)
{
	static const uint8_t expected[] = {
		0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x00,
		0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 6};
	struct probe p = make_probe(PROBE_WINDOWS);
	uint8_t frame[PROBE_FRAME_MAX];
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(frame + 14);
	const struct wire_tcp *tcp = (const struct wire_tcp *)(frame + 34);

	(void)state;
	assert_int_equal(probe_build_rst(&p, 0xc000020a, 443, 0xc6336408, 40112, 0x12345679, 0x1234,
					 frame), 54);
	assert_memory_equal(frame, expected, sizeof(expected));
	assert_int_equal(load_be32(ip->src), 0xc6336408);
	assert_int_equal(load_be32(ip->dst), 0xc000020a);
	assert_true(wire_ipv4_checksum_ok(ip, sizeof(*ip)));
	assert_true(wire_tcp_checksum_ok(ip, tcp, sizeof(*tcp)));
	assert_int_equal(load_be16(tcp->src_port), 40112);
	assert_int_equal(load_be16(tcp->dst_port), 443);
	assert_int_equal(load_be32(tcp->seq), 0x12345679);
	assert_int_equal(load_be32(tcp->ack), 0);
	assert_int_equal(tcp->data_offset, 0x50);
	assert_int_equal(tcp->flags, TCP_RST);
	assert_int_equal(load_be16(tcp->window), 0);
}

int
main(void)
{
	static enum probe_profile profiles[] = {PROBE_WINDOWS, PROBE_LINUX, PROBE_MSS};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_divides_every_size),
		cmocka_unit_test(plan_refuses_too_few),
		cmocka_unit_test(plan_of_the_default_ports),
		cmocka_unit_test(every_port_is_found_once),
		cmocka_unit_test(cookies_spread_over_ports_and_sources),
		cmocka_unit_test(templates_are_as_the_systems_send),
		cmocka_unit_test_prestate(checksums_equal_full_computation, &profiles[0]),
		cmocka_unit_test_prestate(checksums_equal_full_computation, &profiles[1]),
		cmocka_unit_test_prestate(checksums_equal_full_computation, &profiles[2]),
		cmocka_unit_test(checksums_hold_at_every_value),
		cmocka_unit_test(attempts_differ_in_the_ip_id_alone),
		cmocka_unit_test(timestamps_are_the_cookies),
		cmocka_unit_test(only_the_keys_tuple_is_expected),
		cmocka_unit_test(init_refuses_what_it_cannot_use),
		cmocka_unit_test(echo_template_is_a_short_ping),
		cmocka_unit_test(echoes_are_patched_again_and_again),
		cmocka_unit_test(echo_checksums_hold_at_every_value),
		cmocka_unit_test(attempts_of_an_echo_differ_in_the_ip_id_alone),
		cmocka_unit_test(a_vlan_moves_the_packet),
		cmocka_unit_test(modules_are_found_by_name),
		cmocka_unit_test(rst_answers_a_synack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
