/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/tcp against a server of another make (tcp_server.h) over a network with faults (tcp_sim.h), on a
 * virtual clock. Whatever the network does: what the user gets is the response from its start on,
 * byte for byte; the server never sees a rule broken; it all ends in time, and leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tcp_run.h"

/* Each profile, each way to begin and to end, without a fault. */
static void
test_without_faults(void **state)
{
	(void)state;
	for (int profile = PROBE_WINDOWS; profile <= PROBE_MSS; profile++) {
		for (int ending = END_FIN; ending <= END_ABORT; ending++) {
			for (int active = 0; active < 2; active++) {
				struct scenario sc = ordinary();

				sc.profile = (enum probe_profile)profile;
				sc.ending = (enum ending)ending;
				sc.active_open = active;
				expect_whole(&sc);
				sc.server.no_fin = ending != END_HALF_CLOSE;
				expect_whole(&sc);
			}
		}
	}
}

/* Whatever single packet is lost, either way, all comes through. */
static void
test_every_single_drop(void **state)
{
	(void)state;
	for (int variant = 0; variant < 12; variant++) {
		for (int64_t position = 0; position < 40; position++) {
			struct scenario sc = ordinary();

			sc.profile = (enum probe_profile)(variant % 3);
			sc.active_open = variant / 3 % 2;
			sc.ending = END_HALF_CLOSE;
			sc.server.request_len = 2000;
			sc.server.response_len = 9000;
			sc.server.mss = 536;
			if (variant / 6)
				sc.to_server.drop = position;
			else
				sc.to_client.drop = position;
			expect_whole(&sc);
		}
	}
}

/* A server that keeps no state of its SYN-ACKs: our ACK is lost, and it alone could have told. */
static void
test_cookies_and_a_lost_ack(void **state)
{
	(void)state;
	for (uint32_t request = 0; request <= 517; request += 517) {
		for (int64_t position = -1; position < 2; position++) {
			struct scenario sc = ordinary();

			sc.server.cookies = true;
			sc.server.request_len = request;
			sc.to_server.drop = position;
			expect_whole(&sc);
		}
	}
}

/* How many of some seeds came through whole. */
static unsigned int
count_whole(const struct scenario *like, unsigned int seeds)
{
	unsigned int whole = 0;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct scenario sc = *like;
		struct run r;

		sc.seed = hash_mix64(seed);
		play(&sc, &r);
		whole += r.received == sc.server.response_len;
		if (r.ended && r.received < sc.server.response_len)
			assert_true(r.cause == TCP_TIMED_OUT || r.cause == TCP_DEADLINE || r.cause == TCP_RESET ||
				    r.cause == TCP_REFUSED);
		run_end(&r);
	}
	return whole;
}

static void
test_loss_reordering_duplication(void **state)
{
	static const uint32_t losses[] = {0, 10, 50, 200};
	const unsigned int seeds = 12;

	(void)state;
	for (unsigned int to = 0; to < 4; to++) {
		for (unsigned int from = 0; from < 4; from++) {
			for (unsigned int more = 0; more < 8; more++) {
				struct scenario sc = ordinary();
				uint32_t loss = losses[to] > losses[from] ? losses[to] : losses[from];
				unsigned int whole;

				sc.profile = (enum probe_profile)(more % 3);
				sc.active_open = more / 2 % 2;
				sc.ending = more % 4 == 3 ? END_RST : END_HALF_CLOSE;
				sc.server.response_len = 20000;
				sc.server.request_len = 1500;
				sc.retries = 6;
				sc.deadline_ns = 120 * NS_PER_SEC;
				sc.to_server = (struct faults){losses[to], more & 1 ? 500 : 0, more & 2 ? 200 : 0, -1};
				sc.to_client = (struct faults){losses[from], more & 1 ? 500 : 0, more & 4 ? 200 : 0, -1};
				whole = count_whole(&sc, seeds);
				if (loss <= 50)
					assert_int_equal(whole, seeds);
				else
					assert_true(whole >= seeds / 2);
			}
		}
	}
}

/* With the usual three repeats much is lost at 20%: what then ends, ends rightly. */
static void
test_giving_up(void **state)
{
	struct scenario sc = ordinary();
	unsigned int whole;

	(void)state;
	sc.to_server.loss = sc.to_client.loss = 600;
	sc.retries = 2;
	whole = count_whole(&sc, 100);
	assert_in_range(whole, 1, 90);
	sc.to_server.loss = 1000;
	assert_int_equal(count_whole(&sc, 3), 0);
}

static void
test_one_byte_segments(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct scenario sc = ordinary();

		sc.seed = seed;
		sc.server.segment = 1;
		sc.server.response_len = 600;
		sc.to_client.reorder = seed % 2 ? 500 : 0;
		sc.to_client.loss = seed % 3 == 2 ? 50 : 0;
		sc.retries = 6;
		expect_whole(&sc);
	}
}

/* Numbers wrap within the handshake, the request and the response. */
static void
test_sequence_wrap(void **state)
{
	(void)state;
	for (uint32_t before = 0; before < 6000; before += 97) {
		struct scenario sc = ordinary();

		sc.seed = before;
		sc.isn = 0u - before / 4;
		sc.server.iss = 0u - before;
		sc.active_open = before % 2;
		sc.ending = END_HALF_CLOSE;
		sc.server.request_len = 1400;
		sc.to_client.loss = sc.to_server.loss = before % 3 ? 0 : 30;
		sc.to_client.reorder = 200;
		sc.retries = 6;
		expect_whole(&sc);
	}
}

static void
test_segment_sizes(void **state)
{
	static const uint16_t sizes[] = {0, 1, 48, 88, 536, 1220, 1460, 9000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int profile = PROBE_WINDOWS; profile <= PROBE_MSS; profile++) {
			for (int mtu = 576; mtu <= 9040; mtu += 8464) {
				struct scenario sc = ordinary();

				sc.profile = (enum probe_profile)profile;
				sc.server.mss = sizes[i];
				sc.server.timestamps = sizes[i] != 1; /* of 48 there are 36 left */
				sc.server.request_len = 12000;
				sc.mtu = (uint16_t)mtu;
				expect_whole(&sc);
			}
		}
	}
}

/* Servers with little room: tiny, scaled, closed for a while; the rules hold by the server's word. */
static void
test_peer_windows(void **state)
{
	static const uint32_t windows[] = {1, 3, 100, 535, 1461, 5000, 65535, 200000};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		for (int closed = 0; closed < 3; closed++) {
			struct scenario sc = ordinary();

			sc.server.window = windows[i];
			sc.server.wscale = windows[i] > 65535 ? 4 : closed ? -1 : 0;
			sc.server.request_len = windows[i] < 100 ? 60 : 3000;
			sc.server.window_closed = closed > 0;
			sc.server.reads_at_ns = closed == 1 ? 500 * NS_PER_MS : closed == 2 ? 1500 * NS_PER_MS : 0;
			sc.ending = END_HALF_CLOSE;
			expect_whole(&sc);
		}
	}
}

/* The window opens, and shuts for good: probed, told as such, and nothing sent into it. */
static void
test_zero_windows(void **state)
{
	struct scenario sc = ordinary();
	struct run r;

	(void)state;
	sc.server.window_closed = true;
	sc.server.reads_at_ns = 60 * NS_PER_SEC;
	play(&sc, &r);
	assert_false(r.opened);
	assert_int_equal(r.cause, TCP_ZERO_WINDOW);
	assert_int_equal(r.stage, TCP_STAGE_WINDOW);
	assert_in_range(r.ended_ns, 2000 * NS_PER_MS, 2200 * NS_PER_MS);
	assert_int_equal(tcp_stats(r.tcp)->window_probes, 1);
	assert_true(r.server.was_reset);
	run_end(&r);

	sc = ordinary();
	sc.server.window = 1000; /* read by nobody */
	sc.server.reads_at_ns = 60 * NS_PER_SEC;
	sc.server.request_len = 3000;
	play(&sc, &r);
	assert_true(r.opened);
	assert_int_equal(r.cause, TCP_ZERO_WINDOW);
	assert_int_equal(r.stage, TCP_STAGE_SEND);
	assert_int_equal(r.server.rx_next, 1000);
	assert_int_equal(tcp_stats(r.tcp)->window_probes, 3);
	run_end(&r);
}

/* A user that takes a little at a time: our window closes and opens, and is what it says. */
static void
test_slow_user(void **state)
{
	static const uint32_t takes[] = {1, 100, 3000, 20000};

	(void)state;
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		for (int profile = PROBE_WINDOWS; profile <= PROBE_MSS; profile++) {
			struct scenario sc = ordinary();

			sc.profile = (enum probe_profile)profile;
			sc.seed = i;
			sc.take_most = takes[i];
			sc.server.response_len = takes[i] == 1 ? 300 : takes[i] == 100 ? 20000 : 300000;
			sc.to_client.loss = i % 2 ? 20 : 0;
			sc.to_client.reorder = 100;
			sc.deadline_ns = 60 * NS_PER_SEC;
			expect_whole(&sc);
		}
	}
}

/* Room for one frame at a time, or none for a while: later, but nothing is lost. */
static void
test_output_that_waits(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct scenario sc = ordinary();

		sc.seed = seed;
		sc.credit = 1;
		sc.server.request_len = 6000;
		sc.server.response_len = 50000;
		sc.to_client.loss = sc.to_server.loss = (uint32_t)(seed % 3) * 20;
		sc.to_client.reorder = 300;
		sc.retries = 6;
		sc.ending = (enum ending)(seed % 4);
		expect_whole(&sc);
	}
}

/* One byte a second: progress, all the time, and the deadline ends it to the tick. */
static void
test_tarpit(void **state)
{
	struct scenario sc = ordinary();
	struct run r;

	(void)state;
	sc.server.byte_every_ns = NS_PER_SEC;
	sc.deadline_ns = 10 * NS_PER_SEC;
	play(&sc, &r);
	assert_int_equal(r.cause, TCP_DEADLINE);
	assert_int_equal(r.stage, TCP_STAGE_DATA);
	assert_in_range(r.received, 8, 10);
	assert_in_range(r.ended_ns, sc.deadline_ns, sc.deadline_ns + 3 * NS_PER_MS);
	assert_true(r.server.was_reset);
	run_end(&r);
}

/* FINs in each order: the server's first, both at once, the client's with its data. */
static void
test_orders_of_ending(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct scenario sc = ordinary();

		sc.seed = seed;
		sc.ending = seed % 2 ? END_HALF_CLOSE : END_FIN;
		sc.server.fin_first = true;
		sc.server.response_len = 0;
		sc.server.request_len = seed % 4 < 2 ? 400 : 4000;
		sc.to_client.reorder = sc.to_server.reorder = seed % 3 ? 500 : 0;
		sc.to_client.loss = sc.to_server.loss = seed < 20 ? 0 : 50;
		sc.retries = 6;
		if (sc.ending == END_HALF_CLOSE)
			expect_whole(&sc);
		else
			count_whole(&sc, 1);
	}
}

/* Forgeries: segments of whoever knows the tuple and does not see the numbers. */

static void
inject(struct run *r, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	uint8_t packet[200] = {0};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);

	store_be16(tcp->src_port, SERVER_PORT);
	store_be16(tcp->dst_port, CLIENT_PORT);
	store_be32(tcp->seq, seq);
	store_be32(tcp->ack, ack);
	tcp->data_offset = 5 << 4;
	tcp->flags = flags;
	store_be16(tcp->window, 10000);
	wire_ipv4_build(ip, SERVER_ADDRESS, CLIENT_ADDRESS, IP_PROTO_TCP, (uint16_t)(40 + len), 0, 64);
	tcp_input(r->tcp, packet, 40 + len, r->sim.now_ns);
}

/* A number of the server's stream, as far from what comes next as given. */
static uint32_t
server_number(const struct run *r, int32_t away)
{
	return r->server.config.iss + 1 + (uint32_t)r->received + (uint32_t)away;
}

static void
forge_blind(struct scenario *sc, void *run)
{
	struct run *r = run;
	uint32_t ack = sc->isn + 1 + (uint32_t)r->sent + (r->opened ? 0 : 77);

	if (r->ended || r->closed)
		return;
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t far = (uint32_t)hash_mix64(sc->seed + i) | 0x00100000;

		inject(r, TCP_RST, server_number(r, 1 + (int32_t)(i * 900)), 0, 0);
		inject(r, TCP_RST | TCP_ACK, server_number(r, (int32_t)far), ack, 0);
		inject(r, TCP_SYN, far, 0, 0);
		inject(r, TCP_SYN | TCP_ACK, far, ack, 0);
		/* Data in the window with an ACK of what we never sent, or of ages ago. */
		inject(r, TCP_ACK, server_number(r, (int32_t)i), ack + 100000 + far, 50);
		inject(r, TCP_ACK, server_number(r, 3), ack - 0x40000000, 50);
		inject(r, TCP_ACK | TCP_FIN, server_number(r, (int32_t)far), ack, 20);
		inject(r, 0, server_number(r, 0), ack, 60);
	}
}

static void
forge_rst(struct scenario *sc, void *run)
{
	struct run *r = run;

	(void)sc;
	if (!r->ended && !r->closed && r->begun)
		inject(r, TCP_RST, server_number(r, (int32_t)r->fin), 0, 0);
}

static void
icmp_packet(struct run *r, uint8_t type, uint8_t code, uint32_t seq, uint16_t mtu)
{
	uint8_t packet[56] = {0};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet, *quote;
	struct wire_icmp *icmp = (struct wire_icmp *)(ip + 1);

	wire_ipv4_build(ip, 0x01020304, CLIENT_ADDRESS, IP_PROTO_ICMP, sizeof(packet), 0, 64);
	icmp->type = type;
	icmp->code = code;
	store_be16(icmp->rest + 2, mtu);
	quote = (struct wire_ipv4 *)(icmp + 1);
	wire_ipv4_build(quote, CLIENT_ADDRESS, SERVER_ADDRESS, IP_PROTO_TCP, 500, 0, 64);
	store_be16(quote + 1, CLIENT_PORT);
	store_be16((uint8_t *)(quote + 1) + 2, SERVER_PORT);
	store_be32((uint8_t *)(quote + 1) + 4, seq);
	tcp_icmp(r->tcp, packet, sizeof(packet), r->sim.now_ns);
}

static void
forge_icmp(struct scenario *sc, void *run)
{
	struct run *r = run;
	uint32_t una = sc->isn + 1 + (uint32_t)r->server.rx_next;

	if (r->ended || r->closed || !r->begun)
		return;
	for (uint8_t code = 0; code < 16; code++) {
		icmp_packet(r, ICMP_UNREACHABLE, code, una, (uint16_t)(code * 100));
		icmp_packet(r, ICMP_UNREACHABLE, code, una + 0x10000000, 68);
		icmp_packet(r, ICMP_TIME_EXCEEDED, code & 1, una - 5000, 0);
		icmp_packet(r, ICMP_QUENCH, 0, una, 0);
	}
}

static void
test_blind_forgeries_at_every_stage(void **state)
{
	(void)state;
	for (int64_t at = 0; at < 14; at++) {
		for (int variant = 0; variant < 12; variant++) {
			struct scenario sc = ordinary();

			sc.seed = (uint64_t)variant;
			sc.profile = (enum probe_profile)(variant % 3);
			sc.active_open = variant / 3 % 2;
			sc.ending = END_HALF_CLOSE;
			sc.forge_at = at;
			sc.forge = variant < 6 ? forge_blind : forge_icmp;
			expect_whole(&sc);
		}
	}
}

/* A RST at exactly the next number ends it, at any stage, with what was had. */
static void
test_resets_at_every_stage(void **state)
{
	unsigned int resets = 0;

	(void)state;
	for (int64_t at = 0; at < 14; at++) {
		struct scenario sc = ordinary();
		struct run r;

		sc.ending = END_HALF_CLOSE;
		sc.forge_at = at;
		sc.forge = forge_rst;
		play(&sc, &r);
		resets += r.cause == TCP_RESET;
		assert_true(r.cause == TCP_RESET || r.received == sc.server.response_len);
		run_end(&r);
	}
	assert_in_range(resets, 4, 13);
}

/* Errors for a SYN end it; the type is told. */
static void
forge_unreachable(struct scenario *sc, void *run)
{
	icmp_packet(run, ICMP_UNREACHABLE, 13, sc->isn, 0);
	icmp_packet(run, ICMP_UNREACHABLE, 13, sc->isn - 1, 0);
}

static void
test_unreachable(void **state)
{
	struct scenario sc = ordinary();
	struct run r;

	(void)state;
	sc.active_open = true;
	sc.forge = forge_unreachable; /* as the SYN-ACK comes */
	play(&sc, &r);
	assert_int_equal(r.cause, TCP_UNREACHABLE);
	assert_int_equal(r.stage, TCP_STAGE_SYN);
	assert_int_equal(r.icmp, 1);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_faults),
		cmocka_unit_test(test_every_single_drop),
		cmocka_unit_test(test_cookies_and_a_lost_ack),
		cmocka_unit_test(test_loss_reordering_duplication),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_one_byte_segments),
		cmocka_unit_test(test_sequence_wrap),
		cmocka_unit_test(test_segment_sizes),
		cmocka_unit_test(test_peer_windows),
		cmocka_unit_test(test_zero_windows),
		cmocka_unit_test(test_slow_user),
		cmocka_unit_test(test_output_that_waits),
		cmocka_unit_test(test_tarpit),
		cmocka_unit_test(test_orders_of_ending),
		cmocka_unit_test(test_blind_forgeries_at_every_stage),
		cmocka_unit_test(test_resets_at_every_stage),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
