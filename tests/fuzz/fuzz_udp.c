/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anybody's packets for endpoints of UDP. The input is records: a byte of what to do, a byte of length, and as many
 * bytes; a packet is helped to a tuple. Only datagrams to an endpoint are given, inside their
 * packet; what leaves is well-formed, in order, and the books are right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "udp/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

enum { DO_PACKET, DO_ICMP, DO_SEND, DO_OUTPUT, DO_CLOSE, DO_OPEN, DEEDS };
enum { HELP = 8, SUM = 16 };

#define LOCAL 0x0a000001
#define REMOTE 0x0a000002
#define PORTS 3
#define FIRST_PORT 5000
#define DATA_MAX 100

struct fuzz {
	struct udp *udp;
	uint32_t endpoint[PORTS]; /* 0: closed */
	const uint8_t *packet;    /* that is being read */
	size_t len;
	uint64_t heard, errors, expected;
};

static void
on_data(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct fuzz *f = context;

	REQUIRE(user < PORTS && f->endpoint[user] == endpoint);
	REQUIRE(bytes >= f->packet && len <= f->len && (size_t)(bytes - f->packet) <= f->len - len);
	f->heard++;
}

static void
on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	struct fuzz *f = context;

	REQUIRE(user < PORTS && f->endpoint[user] == endpoint);
	(void)type;
	(void)code;
	f->errors++;
}

static void
on_ahead(void *context, uint64_t user, unsigned int round)
{
	struct fuzz *f = context;

	REQUIRE(user < PORTS && f->endpoint[user] != 0);
	REQUIRE(f->expected == round);
	f->expected++;
}

static void
open_one(struct fuzz *f, unsigned int i)
{
	const struct flow_tuple tuple = {LOCAL, REMOTE, (uint16_t)(FIRST_PORT + i), 53};
	uint32_t endpoint;
	int rc = udp_open(f->udp, &tuple, 0, i, &endpoint);

	REQUIRE(rc == (f->endpoint[i] != 0 ? -EEXIST : 0));
	if (rc == 0)
		f->endpoint[i] = endpoint;
}

/* Make it a packet of one of the tuples, or an error that quotes one. */
static void
help(uint8_t *packet, size_t len, uint8_t how, bool icmp)
{
	uint8_t *ports = packet + 20;
	uint16_t port = (uint16_t)(FIRST_PORT + how / 32 % PORTS);

	if (!(how & HELP) || len < (icmp ? 56 : 28))
		return;
	wire_ipv4_build((struct wire_ipv4 *)packet, REMOTE, LOCAL, icmp ? IP_PROTO_ICMP : IP_PROTO_UDP,
			(uint16_t)len, 0, 9);
	if (icmp) {
		wire_ipv4_build((struct wire_ipv4 *)(packet + 28), LOCAL, REMOTE, IP_PROTO_UDP, 128, 0, 9);
		ports = packet + 48;
	}
	store_be16(ports, icmp ? port : 53);
	store_be16(ports + 2, icmp ? 53 : port);
	if (!icmp && how & SUM)
		store_be16(ports + 6, 0);
}

static void
output(struct fuzz *f)
{
	uint8_t frame[UDP_FRAME_MAX];
	struct udp_frame out;

	if (!udp_output(f->udp, frame, &out))
		return;
	REQUIRE(out.remote == REMOTE && out.len >= 42 && out.len <= 42 + DATA_MAX);
	REQUIRE(load_be16(frame + 14 + 2) == out.len - 14 && load_be16(frame + 34 + 4) == out.len - 34);
}

/* Who is told of a packet that comes is who has heard that it would. */
static void
input(struct fuzz *f)
{
	const struct span packet = span_of(f->packet, f->len);
	uint64_t heard = f->heard;

	f->expected = 0;
	udp_ahead(f->udp, &packet, 1);
	REQUIRE(f->heard == heard && (f->expected == 0 || f->expected == UDP_AHEAD_ROUNDS));
	udp_input(f->udp, f->packet, f->len);
	REQUIRE(f->heard == heard || f->expected == UDP_AHEAD_ROUNDS);
}

static void
act(struct fuzz *f, uint8_t what, const uint8_t *bytes, size_t len)
{
	unsigned int i = what / 32 % PORTS;
	uint8_t *packet = malloc(len + (len == 0)); /* exactly, so that a byte too far is seen */

	REQUIRE(packet != NULL);
	if (len > 0)
		memcpy(packet, bytes, len);
	f->packet = packet;
	f->len = len;
	switch (what % 8 % DEEDS) {
	case DO_PACKET:
		help(packet, len, what, false);
		input(f);
		break;
	case DO_ICMP:
		help(packet, len, what, true);
		udp_icmp(f->udp, packet, len);
		break;
	case DO_SEND:
		if (f->endpoint[i] != 0)
			REQUIRE((udp_send(f->udp, f->endpoint[i], packet, len) == -EMSGSIZE) == (len > DATA_MAX));
		break;
	case DO_OUTPUT:
		output(f);
		break;
	case DO_CLOSE:
		if (f->endpoint[i] != 0)
			udp_close(f->udp, f->endpoint[i]);
		f->endpoint[i] = 0;
		break;
	default:
		open_one(f, i);
		break;
	}
	free(packet);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wire_link link = {.len = 14, .header = {[12] = 8}};
	struct fuzz f = {.heard = 0};
	const struct udp_config config = {
		/* One more, so that a tuple that has one is told from there being no more. */
		.endpoints = PORTS + 1, .queue = 4, .data_max = DATA_MAX, .ttl = 64, .links = 1, .link = &link,
		.key = {1, 2}, .events = {on_data, on_icmp, on_ahead}, .context = &f,
	};
	const struct udp_stats *stats;

	f.udp = udp_new(&config);
	REQUIRE(f.udp != NULL);
	for (unsigned int i = 0; i < PORTS; i++)
		open_one(&f, i);
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		act(&f, data[0], data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	stats = udp_stats(f.udp);
	REQUIRE(stats->received == f.heard && stats->icmp == f.errors);
	REQUIRE(stats->queued == stats->sent + 4 - udp_room(f.udp));
	udp_free(f.udp);
	return 0;
}
