/* SPDX-License-Identifier: BSD-3-Clause */
/* A host that speaks, and a client, on the bench; for cmocka tests. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "base/hash.h"
#include "clients.h"

#define HOST 0x0a000001
#define EVENTS 4096
#define CONNECTIONS 64
#define LONG_TEXT 5000

static char long_text[LONG_TEXT + 1];

/* A world of one network, one service, all ports open. */
struct bench {
	struct worlds_rig rig;
	struct world_network network;
	struct world_service service;
	struct world_offer offer;
	struct client *client;
	unsigned int drop; /* this frame to the client is lost, the first being 1; 0: none */
	unsigned int came;
};

static inline void
bench_send(void *context, const uint8_t *frame, size_t len)
{
	worlds_send(context, frame, len);
}

static inline struct client *
client_make(struct worlds_rig *rig, uint32_t dst, uint16_t src_port)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->send = bench_send;
	c->context = rig;
	c->dst = dst;
	c->src_port = src_port;
	c->dst_port = 80;
	c->iss = UINT32_MAX - 100; /* wraps soon */
	c->mss = 1460;
	c->window = 65535;
	c->resend_ns = TIME_NEVER;
	return c;
}

static inline void
bench_open(struct bench *b, uint64_t seed)
{
	struct world_description d = {.seed = seed, .networks = &b->network, .networks_count = 1,
				      .services = &b->service, .services_count = 1};

	b->offer = (struct world_offer){0, WORLD_SHARE_ONE};
	b->network.range = (struct ipv4_range){0, UINT32_MAX};
	b->network.open = WORLD_SHARE_ONE;
	b->network.latency_min_ns = b->network.latency_max_ns = 20 * NS_PER_MS;
	b->network.offers = (struct world_offers){&b->offer, 1};
	assert_int_equal(worlds_open_servers(&b->rig, &d, EVENTS, CONNECTIONS), 0);
	b->client = client_make(&b->rig, HOST, 40000);
}

static inline void
bench_close(struct bench *b)
{
	free(b->client);
	worlds_close(&b->rig);
}

/* Let time pass; frames to the client, the client's own times too. */
static inline void
run(struct bench *b, uint64_t until_ns)
{
	struct worlds_rig *rig = &b->rig;

	while (rig->now_ns < until_ns) {
		uint64_t next_ns = b->client->resend_ns;

		if (next_ns > until_ns)
			next_ns = until_ns;

		if (worlds_next(rig, next_ns) > 0 && ++b->came != b->drop)
			client_hear(b->client, rig->now_ns, rig->frame, rig->len);
		client_tick(b->client, rig->now_ns);
	}
}

static inline void
run_for(struct bench *b, uint64_t ns)
{
	run(b, b->rig.now_ns + ns);
}

/* A service with all that is 0 by default, but its kind and its text. */
static inline struct world_service
service(enum world_service_kind kind, const char *text)
{
	struct world_service s = WORLD_SERVICE_PLAIN;

	s.kind = (uint8_t)kind;
	s.text = text;
	s.text_len = text != NULL ? strlen(text) : 0;
	return s;
}

static inline uint64_t
connections_left(const struct bench *b)
{
	const struct world_counters *c = world_stage_counters(b->rig.stage);

	return c->connections - c->connections_over;
}

static inline void
assert_stream(const struct client *c, const char *text, size_t len)
{
	assert_int_equal(c->in_len, len);
	assert_memory_equal(c->in, text, len);
}

/* Of long_text, once. */
static inline void
bench_write_text(void)
{
	for (size_t i = 0; i < LONG_TEXT; i++)
		long_text[i] = (char)('!' + hash_mix64(i) % 90);
}

#endif /* TESTS_BENCH_H */
