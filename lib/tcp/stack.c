/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/hash.h"
#include "tcp/stack.h"

#define CONNECTIONS_MAX (UINT32_C(1) << 24)
#define BLOCKS_MAX (UINT32_C(1) << 24)

const char *
tcp_stage_name(enum tcp_stage stage)
{
	static const char *const names[] = {
		[TCP_STAGE_SYN] = "syn",   [TCP_STAGE_WINDOW] = "window", [TCP_STAGE_SEND] = "send",
		[TCP_STAGE_WAIT] = "wait", [TCP_STAGE_DATA] = "data",	  [TCP_STAGE_FIN] = "fin",
	};

	return names[stage];
}

const char *
tcp_cause_name(enum tcp_cause cause)
{
	static const char *const names[TCP_CAUSES] = {
		[TCP_FINISHED] = "finished",
		[TCP_RESET] = "reset",
		[TCP_REFUSED] = "refused",
		[TCP_TIMED_OUT] = "timeout",
		[TCP_ZERO_WINDOW] = "zero-window",
		[TCP_DEADLINE] = "deadline",
		[TCP_UNREACHABLE] = "unreachable",
		[TCP_OVERFLOW] = "overflow",
		[TCP_CLOSED] = "closed",
	};

	return names[cause];
}

size_t
tcp_memory_bytes(const struct tcp_config *c)
{
	return sizeof(struct tcp) + ((size_t)c->connections + 1) * sizeof(struct tcp_conn) +
	       flow_table_bytes(c->connections) +
	       ((size_t)c->send_blocks + c->recv_blocks + 2) * sizeof(struct tcp_block);
}

static bool
config_is_good(const struct tcp_config *c)
{
	const struct tcp_events *e = &c->events;

	return c->connections > 0 && c->connections <= CONNECTIONS_MAX && c->send_blocks > 0 &&
	       c->send_blocks <= BLOCKS_MAX && c->recv_blocks > 0 && c->recv_blocks <= BLOCKS_MAX &&
	       c->send_max > 0 && c->recv_max > 0 && c->mtu >= 576 && c->mtu <= 9216 && c->ttl > 0 &&
	       c->retries > 0 && c->retries <= 10 && c->links > 0 && c->link != NULL &&
	       c->rto_ns > 0 && c->rto_ns <= 60 * NS_PER_SEC && c->delayed_ack_ns <= NS_PER_SEC / 2 &&
	       c->syn_options_len <= 40 && c->syn_options_len % 4 == 0 && e->open != NULL &&
	       e->data != NULL && e->fin != NULL && e->room != NULL && e->icmp != NULL &&
	       e->closed != NULL;
}

/* What our SYN offers: only that can have been taken. */
static void
syn_learn(struct tcp *t)
{
	struct wire_tcp_options syn;

	wire_tcp_options_read(t->config.syn_options, t->config.syn_options_len, &syn);
	t->syn_scaled = syn.has_wscale;
	t->syn_sack = syn.has_sack_perm;
	t->syn_timestamps = syn.has_timestamp;
	t->rcv_shift = syn.wscale;
}

/* Memory that is touched as it is used; only free connections are told by `touched`. */
static int
memory_take(struct tcp *t)
{
	const struct tcp_config *c = &t->config;
	const uint64_t key[2] = {hash_mix64(c->key[0]), hash_mix64(c->key[1])};
	int ret = 0;

	t->conn = aligned_alloc(64, ((size_t)c->connections + 1) * sizeof(*t->conn));
	if (t->conn == NULL)
		return -1;
	t->conn[0] = (struct tcp_conn){0};
	ret |= flow_table_init(&t->flows, c->connections, t->conn, sizeof(*t->conn), key);
	ret |= pool_init(&t->send, c->send_blocks);
	ret |= pool_init(&t->recv, c->recv_blocks);
	return ret;
}

struct tcp *
tcp_new(const struct tcp_config *config, uint64_t now_ns)
{
	struct tcp *t;

	if (!config_is_good(config))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->config = *config;
	if (memory_take(t) != 0) {
		tcp_free(t);
		return NULL;
	}
	syn_learn(t);
	stack_time(t, now_ns);
	wheel_init(&t->wheel, &t->conn->timer, sizeof(*t->conn), now_ns);
	t->rto = wheel_tick_up(config->rto_ns);
	t->ack_delay = wheel_tick_up(config->delayed_ack_ns);
	/* Twice the window's worth of full blocks: gaps leave some of them half empty. */
	t->recv_blocks_max = (uint16_t)(2 * (config->recv_max / BLOCK_DATA + 1));
	t->ip_id = (uint16_t)hash_mix64(config->key[0] ^ config->key[1]);
	return t;
}

void
tcp_free(struct tcp *t)
{
	if (t == NULL)
		return;
	free(t->conn);
	flow_table_fini(&t->flows);
	pool_fini(&t->send);
	pool_fini(&t->recv);
	free(t);
}

uint64_t
tcp_user(const struct tcp_conn *c)
{
	return c->user;
}

enum tcp_stage
tcp_stage(const struct tcp_conn *c)
{
	if (c->state == CONN_SYN)
		return TCP_STAGE_SYN;
	if (!(c->flags & CONN_TOLD_OPEN))
		return TCP_STAGE_WINDOW;
	if (c->flags & (CONN_FIN | CONN_PEER_FIN))
		return TCP_STAGE_FIN;
	if (c->received > 0)
		return TCP_STAGE_DATA;
	return c->send_bytes > 0 ? TCP_STAGE_SEND : TCP_STAGE_WAIT;
}

uint64_t
tcp_received(const struct tcp_conn *c)
{
	return c->received;
}

bool
tcp_is_acked(const struct tcp_conn *c)
{
	return c->flags & CONN_ACKED;
}

uint32_t
tcp_peer_window(const struct tcp_conn *c)
{
	return c->snd_wnd;
}

uint32_t
tcp_room(const struct tcp *t)
{
	return t->config.connections - t->used;
}

const struct tcp_stats *
tcp_stats(const struct tcp *t)
{
	return &t->stats;
}

struct tcp_use
tcp_use(const struct tcp *t)
{
	return (struct tcp_use){t->used, t->send.used, t->recv.used};
}
