/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anybody's datagrams, packets and streams into lookups that are live. The input is records: a byte of
 * what to do, a byte of length, and as many bytes. A datagram is helped to an id and a question, since
 * no fuzzer guesses them. Whatever comes, each ask has one answer, and all that was taken comes back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

#define ASKS 6
#define LOCAL UINT32_C(0xc6336408)
#define SERVER UINT32_C(0x0a000001)

enum { DO_DATAGRAM, DO_STRAY, DO_STREAM, DO_END, DO_WAIT, DO_ASK, DO_ICMP, DO_ACCUSE, DEEDS };
_Static_assert(DEEDS == 8, "three bits");
enum { HELP_ID = 8, HELP_QUESTION = 16, HELP_TUPLE = 32 };

struct query {
	uint32_t server;
	uint16_t port;
	size_t len;
	uint8_t bytes[DNS_QUERY_MAX];
};

struct fuzz {
	struct udp *udp;
	struct dns *dns;
	struct resolvers *resolvers;
	uint64_t now_ns;
	struct query last[8]; /* queries that went out, the newest of each kind of number */
	unsigned int queries;
	bool open[ASKS + DNS_TRIALS_MAX];
	unsigned int opened;
	unsigned int asked;
	unsigned int answered;
	bool is_live[256];
};

static const struct wire_link link_of_tests = {.len = 14, .header = {[12] = 8}};

static void
on_data(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct fuzz *f = context;

	dns_datagram(f->dns, endpoint, user, span_of(bytes, len), f->now_ns);
}

static void
on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	dns_icmp(((struct fuzz *)context)->dns, endpoint, user, type, code);
}

static void
on_ahead(void *context, uint64_t user, unsigned int round)
{
	dns_ahead(((struct fuzz *)context)->dns, user, round);
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *a)
{
	struct fuzz *f = context;

	REQUIRE(user < 256 && f->is_live[user]);
	f->is_live[user] = false;
	f->answered++;
	REQUIRE(dns_status_name(a->status) != NULL);
	REQUIRE(a->message.len == 0 || a->message.len >= DNS_HEADER_BYTES);
}

static void
on_tuple(void *context, uint64_t random, uint32_t server, uint16_t port, struct flow_tuple *tuple, uint8_t *link)
{
	(void)context;
	*tuple = (struct flow_tuple){LOCAL, server, (uint16_t)random, port};
	*link = 0;
}

static bool
on_allowed(void *context, uint32_t server, uint16_t port)
{
	(void)context;
	(void)port;
	return server != SERVER + 7;
}

static int
on_tcp_open(void *context, uint32_t handle, uint32_t server, uint16_t port)
{
	struct fuzz *f = context;

	(void)server;
	(void)port;
	REQUIRE(handle < ASKS + DNS_TRIALS_MAX && !f->open[handle]);
	if (f->opened++ % 3 == 1)
		return -EAGAIN;
	f->open[handle] = true;
	return 0;
}

static void
on_tcp_close(void *context, uint32_t handle)
{
	struct fuzz *f = context;

	REQUIRE(f->open[handle]);
	f->open[handle] = false;
}

static void
begin(struct fuzz *f)
{
	struct udp_config u = {.endpoints = ASKS + DNS_TRIALS_MAX, .queue = 64, .data_max = 300, .ttl = 64,
			       .links = 1, .link = &link_of_tests, .events = {on_data, on_icmp, on_ahead}, .context = f};
	const struct resolvers_address list[] = {{SERVER, 53}, {SERVER + 1, 53}};
	const struct resolvers_config r = {.list = list, .count = 2, .rate_pps = 1000000,
					   .timeout_ns = NS_PER_SEC, .canaries = resolvers_public_canaries,
					   .canary_count = 2};
	struct dns_config d = {
		.in_flight = ASKS, .streams = 2, .timeout_ns = NS_PER_SEC, .tcp_timeout_ns = NS_PER_SEC, .tries = 2,
		.events = {on_answer, on_tuple, on_allowed, on_tcp_open, on_tcp_close}, .context = f,
	};

	*f = (struct fuzz){.udp = udp_new(&u), .resolvers = resolvers_new(&r, 0)};
	d.udp = f->udp;
	d.resolvers = f->resolvers;
	f->dns = dns_new(&d);
	REQUIRE(f->dns != NULL);
}

static void
ask(struct fuzz *f, uint8_t how)
{
	static const uint8_t names[2][12] = {"\3www\6fuzzed", "\0"};
	struct dns_ask a = {.name = names[how & 1], .name_len = how & 1 ? 1 : 12, .type = how, .recurse = true};

	if (how & 2) {
		a.server = SERVER + how % 8;
		a.port = 53;
	}
	if (f->asked == 256 || dns_room(f->dns) == 0)
		return;
	f->is_live[f->asked] = true;
	REQUIRE(dns_ask(f->dns, &a, f->asked, f->now_ns) == 0);
	f->asked++;
}

/* Time passes, and what was sent is noted. */
static void
settle(struct fuzz *f)
{
	uint8_t frame[UDP_FRAME_MAX], bytes[4];
	struct udp_frame out;

	dns_poll(f->dns, f->now_ns);
	while (udp_output(f->udp, frame, &out)) {
		struct query *q = &f->last[f->queries++ % 8];

		q->server = out.remote;
		q->port = load_be16(frame + 34);
		q->len = out.len - 42u;
		memcpy(q->bytes, frame + 42, q->len);
	}
	for (uint32_t i = 0; i < ASKS + DNS_TRIALS_MAX; i++)
		while (f->open[i] && dns_tcp_output(f->dns, i, bytes, sizeof(bytes)) > 0)
			;
}

/* A datagram of the bytes as a packet, or the bytes as a packet. */
static void
packet(struct fuzz *f, uint8_t what, const uint8_t *data, size_t len)
{
	const struct query *q = &f->last[len % (f->queries < 8 ? f->queries : 8)];
	uint8_t bytes[28 + 600] = {0};
	size_t size = 28 + len;
	struct span whole;

	memcpy(bytes + 28, data, len);
	if (what & HELP_ID && len >= 12) {
		memcpy(bytes + 28, q->bytes, 2);
		bytes[30] |= 0x80;
	}
	if (what & HELP_QUESTION && len >= 12) {
		memmove(bytes + 28 + q->len, bytes + 28 + 12, len - 12);
		memcpy(bytes + 28 + 12, q->bytes + 12, q->len - 12);
		store_be16(bytes + 32, 1);
		size = 28 + q->len + len - 12;
	}
	wire_ipv4_build((struct wire_ipv4 *)bytes, q->server, LOCAL, IP_PROTO_UDP, (uint16_t)size, 0, 64);
	store_be16(bytes + 20, what & HELP_TUPLE ? (uint16_t)(what << 8) : 53);
	store_be16(bytes + 22, q->port);
	store_be16(bytes + 24, (uint16_t)(size - 20));
	whole = span_of(bytes, size);
	udp_ahead(f->udp, &whole, 1);
	if (udp_input(f->udp, bytes, size) != 0)
		dns_stray(f->dns, whole, f->now_ns);
}

static void
act(struct fuzz *f, uint8_t what, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1); /* its own, so that a byte too far is seen */
	uint32_t handle = what / 8 % 8;

	memcpy(copy, data, len);
	switch (what % DEEDS) {
	case DO_DATAGRAM:
		packet(f, what, copy, len);
		break;
	case DO_STRAY:
		dns_stray(f->dns, span_of(copy, len), f->now_ns);
		break;
	case DO_STREAM:
		dns_tcp_received(f->dns, handle, span_of(copy, len), f->now_ns);
		break;
	case DO_END:
		if (handle < ASKS && f->open[handle]) {
			f->open[handle] = false;
			dns_tcp_ended(f->dns, handle, f->now_ns);
		}
		break;
	case DO_WAIT:
		f->now_ns += len * 20 * NS_PER_MS;
		break;
	case DO_ASK:
		ask(f, (uint8_t)len);
		break;
	case DO_ACCUSE:
		resolvers_accuse(f->resolvers, handle % 2, f->now_ns);
		break;
	default:
		dns_icmp(f->dns, 1, 0, what, (uint8_t)len);
		break;
	}
	free(copy);
	settle(f);
}

static void
end(struct fuzz *f)
{
	dns_stop(f->dns, f->now_ns);
	REQUIRE(f->answered == f->asked && dns_live(f->dns) == 0);
	REQUIRE(dns_stats(f->dns)->unheard == 0);
	REQUIRE(udp_stats(f->udp)->opened == udp_stats(f->udp)->closed);
	for (uint32_t i = 0; i < ASKS + DNS_TRIALS_MAX; i++)
		REQUIRE(!f->open[i]);
	dns_free(f->dns);
	udp_free(f->udp);
	resolvers_free(f->resolvers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	begin(&f);
	for (uint8_t i = 0; i < 4; i++)
		ask(&f, i);
	settle(&f);
	REQUIRE(f.queries > 0);
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		act(&f, data[0], data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	end(&f);
	return 0;
}
