/* SPDX-License-Identifier: BSD-3-Clause */
/* How a grabber is made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_ring.h>

#include "base/time.h"
#include "fabric/grabber_inside.h"

/* Blocks of all sessions at once, on average: those that wait for a first answer have one. */
#define BLOCKS_PER_SESSION 2

/* TCP's buffers, per session: of 512 bytes, lazily used. */
#define SEND_BLOCKS_PER_SESSION 4
#define RECV_BLOCKS_PER_SESSION 8

/* Our window, as the SYN says, and what is read of a peer whatever it sends. */
#define RECEIVE_WINDOW 65535
#define SEND_MAX 16384
#define RECEIVE_MAX (1 << 20)

/* Tries of what is not acknowledged, after 1, 2 and 4 s; how long a lone segment's ACK may wait. */
#define RETRIES 3
#define DELAYED_ACK_NS (40 * NS_PER_MS)

/* Grabs that the writer may be behind, and those that talk, per session. */
#define RING_PER_SESSION 8

struct rte_ring *
grabber_ring_new(unsigned int worker, uint32_t sessions)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "grabs-%u", worker);
	return rte_ring_create(name, rte_align32pow2(RING_PER_SESSION * sessions), SOCKET_ID_ANY,
			       RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* The SYN as the scan sends it: adoption rests on its options, and active opens look no other way. */
static struct tcp_config
tcp_config_of(const struct grabber_config *c)
{
	const struct probe_syn *syn = probe_syn_of(c->outlets[0].probe->config.profile);

	return (struct tcp_config){
		.connections = c->sessions,
		.send_blocks = c->sessions * SEND_BLOCKS_PER_SESSION,
		.recv_blocks = c->sessions * RECV_BLOCKS_PER_SESSION,
		.send_max = SEND_MAX,
		.recv_max = RECEIVE_WINDOW,
		.mtu = MTU,
		.ttl = c->outlets[0].probe->config.ttl,
		.retries = RETRIES,
		.links = (uint8_t)c->outlet_count,
		.rto_ns = NS_PER_SEC,
		.delayed_ack_ns = DELAYED_ACK_NS,
		.receive_max = RECEIVE_MAX,
		.syn_window = syn->window,
		.syn_options_len = syn->options_len,
		.syn_options = syn->options,
		.key = {c->key[0], c->key[1]},
		.events = grabber_events,
	};
}

static size_t
grab_blocks(const struct grabber_config *c)
{
	return (size_t)c->sessions * BLOCKS_PER_SESSION + BLOCKS_TO_BEGIN;
}

/* Sessions that wait at most, beside those that talk. */
static uint32_t
most_waiting(const struct grabber_config *c)
{
	return GRABBER_FOLLOWERS * c->sessions + GRABBER_AGAIN_MAX;
}

size_t
grabber_memory_bytes(const struct grabber_config *config)
{
	struct tcp_config tcp = tcp_config_of(config);

	return sizeof(struct grabber) + tcp_memory_bytes(&tcp) +
	       (config->sessions + most_waiting(config)) * sizeof(struct session) +
	       grab_blocks(config) * GRAB_BLOCK_BYTES +
	       (size_t)config->tls_sessions * TLS_SESSION_BYTES;
}

static int
make_tcp(struct grabber *g, uint64_t now_ns)
{
	struct tcp_config tcp = tcp_config_of(&g->config);

	for (unsigned int i = 0; i < g->config.outlet_count; i++) {
		const struct probe_config *c = &g->config.outlets[i].probe->config;

		wire_link_build(c->gateway_mac, c->source_mac, c->vlan, &g->links[i]);
	}
	tcp.link = g->links;
	tcp.context = g;
	g->tcp = tcp_new(&tcp, now_ns);
	return g->tcp == NULL ? -ENOMEM : 0;
}

static int
make_profiles(struct grabber *g)
{
	const struct grabber_plan *plan = g->config.plan;
	int rc = 0;

	g->tls = tls_new(&(struct tls_config){.replay_seed = g->config.replay_seed});
	if (g->tls == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < plan->task_count && rc == 0; i++) {
		if (plan->tasks[i].module != GRAB_TLS)
			continue;
		g->has_tls = true;
		rc = tls_profile_new(g->tls, &plan->tasks[i].tls, &g->profiles[i]);
	}
	return rc;
}

struct grabber *
grabber_new(const struct grabber_config *config, uint64_t now_ns)
{
	struct grabber *g = calloc(1, sizeof(*g));
	int rc;

	if (g == NULL)
		return NULL;
	g->config = *config;
	g->is_over = config->never_opens;
	g->grabs = grab_pool_new(grab_blocks(config));
	rc = g->grabs == NULL ? -ENOMEM : session_pool_init(&g->sessions, config->sessions, most_waiting(config));
	if (rc == 0)
		rc = make_tcp(g, now_ns);
	if (rc == 0)
		rc = make_profiles(g);
	if (rc == 0)
		return g;
	grabber_free(g);
	return NULL;
}

void
grabber_free(struct grabber *g)
{
	if (g == NULL)
		return;
	for (unsigned int i = 0; i < GRABBER_TASKS_MAX; i++)
		tls_profile_free(g->profiles[i]);
	tls_free(g->tls);
	tcp_free(g->tcp);
	session_pool_fini(&g->sessions);
	grab_pool_free(g->grabs);
	free(g);
}
