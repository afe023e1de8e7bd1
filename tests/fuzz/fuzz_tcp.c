/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anybody's packets into a stack with live connections: one adopted, one opened, one with nothing to
 * say and a user that takes little. The input is records: a byte of what to do, a byte of length, and
 * as many bytes. A packet is helped to a tuple and near the right numbers, since no fuzzer guesses
 * them. Whatever comes, what leaves is well-formed, within the peer's window, and memory comes back.
 */
#include <stdlib.h>

#include "../unit/tcp_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

enum { DO_PACKET, DO_ICMP, DO_WAIT, DO_SEND, DO_SHUTDOWN, DO_RESUME, DO_OUTPUT, DO_CLOSE, DEEDS };
enum { HELP_TUPLE = 8, HELP_NUMBERS = 16, OTHER = 32 };

#define PORTS 3

struct fuzz {
	struct rig rig;
	struct tcp_conn *conn[PORTS]; /* NULL: ended */
};

static struct fuzz *fuzz_of;

static void
on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	REQUIRE(user < PORTS && fuzz_of->conn[user] != NULL);
	REQUIRE(tcp_cause_name(cause) != NULL && tcp_stage_name(stage) != NULL);
	fuzz_of->conn[user] = NULL;
	(void)context;
}

static void
begin(struct fuzz *f, uint8_t flavour)
{
	struct tcp_config config = rig_config(&f->rig, (enum probe_profile)(flavour % 3));
	struct tcp_synack s = rig_synack(flavour & 8 ? 0 : 40000);

	config.events.closed = on_closed;
	config.recv_blocks = 20;
	config.send_blocks = 20;
	config.receive_max = 20000;
	f->rig.take_most = flavour & 16 ? 3 : SIZE_MAX;
	s.options.has_timestamp = s.options.has_wscale = 1;
	s.options.wscale = flavour & 7;
	f->rig.tcp = tcp_new(&config, 0);
	REQUIRE(f->rig.tcp != NULL);
	for (uint16_t i = 0; i < PORTS; i++) {
		struct tcp_begin b = rig_begin((uint16_t)(RIG_LOCAL_PORT + i), 30 * NS_PER_SEC);

		b.user = i;
		if (i == 1)
			REQUIRE(tcp_open(f->rig.tcp, &b, RIG_ISN, 0, &f->conn[i]) == 0);
		else
			REQUIRE(tcp_adopt(f->rig.tcp, &b, &s, 0, &f->conn[i]) == 0);
	}
}

/* Make it a packet of one of the tuples, with numbers relative to the streams' starts. */
static void
help(uint8_t *packet, size_t len, uint8_t how, bool icmp)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	uint8_t *transport = packet + 20;
	uint16_t port = (uint16_t)(RIG_LOCAL_PORT + how % PORTS);

	if (!(how & HELP_TUPLE) || len < 40)
		return;
	wire_ipv4_build(ip, RIG_REMOTE, RIG_LOCAL, icmp ? IP_PROTO_ICMP : IP_PROTO_TCP, (uint16_t)len, 0, 9);
	if (icmp && len < 56)
		return;
	if (icmp) {
		wire_ipv4_build((struct wire_ipv4 *)(packet + 28), RIG_LOCAL, RIG_REMOTE, IP_PROTO_TCP, 1500, 0, 9);
		transport = packet + 48;
	}
	store_be16(transport, icmp ? port : RIG_REMOTE_PORT);
	store_be16(transport + 2, icmp ? RIG_REMOTE_PORT : port);
	if (how & HELP_NUMBERS) {
		uint32_t seq = load_be32(transport + 4);

		store_be32(transport + 4, (icmp ? RIG_ISN : RIG_IRS) + seq % 70000);
		if (!icmp)
			store_be32(transport + 8, RIG_ISN + load_be32(transport + 8) % 5000);
	}
}

static void
drain(struct fuzz *f, unsigned int most)
{
	static struct rig_out o;

	for (unsigned int i = 0; i < most && rig_next(&f->rig, &o); i++)
		REQUIRE(o.len <= 1460);
}

static void
act(struct fuzz *f, uint8_t what, const uint8_t *bytes, size_t len)
{
	struct tcp_conn *c = f->conn[what / OTHER % PORTS];
	uint8_t *packet = malloc(len + 1); /* its own, so that a byte too far is seen */

	REQUIRE(packet != NULL);
	memcpy(packet, bytes, len);
	switch (what % DEEDS) {
	case DO_PACKET:
	case DO_ICMP:
		help(packet, len, what, what % DEEDS == DO_ICMP);
		if (what % DEEDS == DO_ICMP)
			tcp_icmp(f->rig.tcp, packet, len, f->rig.now_ns);
		else
			tcp_input(f->rig.tcp, packet, len, f->rig.now_ns);
		break;
	case DO_WAIT:
		rig_wait(&f->rig, (len + 1) * 50 * NS_PER_MS);
		break;
	case DO_OUTPUT:
		drain(f, (unsigned int)len + 1);
		break;
	case DO_SEND:
		if (c != NULL)
			tcp_send(f->rig.tcp, c, packet, len);
		break;
	case DO_SHUTDOWN:
		if (c != NULL)
			tcp_shutdown(f->rig.tcp, c);
		break;
	case DO_RESUME:
		if (c != NULL)
			tcp_resume(f->rig.tcp, c);
		break;
	default:
		f->conn[what / OTHER % PORTS] = NULL;
		if (c != NULL && len % 3 == 0)
			tcp_abort(f->rig.tcp, c);
		else if (c != NULL)
			tcp_close(f->rig.tcp, c, len % 3 == 1 ? TCP_CLOSE_RST : TCP_CLOSE_FIN);
	}
	free(packet);
}

static void
finish(struct fuzz *f)
{
	const struct tcp_stats *s = tcp_stats(f->rig.tcp);
	struct tcp_use use;
	uint64_t ended = 0;

	f->rig.now_ns += 31 * NS_PER_SEC; /* every deadline is past */
	tcp_poll(f->rig.tcp, f->rig.now_ns);
	drain(f, 1000);
	use = tcp_use(f->rig.tcp);
	REQUIRE(use.connections == 0 && use.send_blocks == 0 && use.recv_blocks == 0);
	REQUIRE(tcp_next_ns(f->rig.tcp) == TIME_NEVER && !tcp_has_output(f->rig.tcp));
	for (int i = 0; i < TCP_CAUSES; i++)
		ended += s->ended[i];
	REQUIRE(ended == s->adopted + s->opened);
	tcp_free(f->rig.tcp);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	memset(&f, 0, sizeof(f));
	fuzz_of = &f;
	if (size == 0)
		return 0;
	begin(&f, *data++);
	size--;
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		act(&f, data[0], data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	finish(&f);
	return 0;
}
