/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A struct tcp with a hand on every segment: what goes in is written out, what comes out is taken apart.
 */
#ifndef TESTS_TCP_RIG_H
#define TESTS_TCP_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "probe/probe.h"
#include "tcp/tcp.h"

#define RIG_LOCAL 0xc6336408
#define RIG_REMOTE 0xc0000201
#define RIG_LOCAL_PORT 40000
#define RIG_REMOTE_PORT 443
#define RIG_ISN 1000
#define RIG_IRS 5000
#define RIG_STREAM 70000

struct rig {
	struct tcp *tcp;
	struct tcp_conn *conn;
	uint64_t now_ns;
	uint8_t stream[RIG_STREAM]; /* what the user was given */
	size_t received;
	size_t take_most;           /* of what it is given at once */
	unsigned int opens, fins, rooms, icmps, closes;
	enum tcp_cause cause;
	enum tcp_stage stage;
	const char *say;            /* what the user sends as soon as it is open */
	bool close_on_data;
};

/* A segment that came out. */
struct rig_out {
	uint32_t seq, ack, len;
	uint16_t window, ip_id;
	uint8_t flags, kind;
	bool dont_fragment;
	struct wire_tcp_options options;
	uint8_t options_len;
	uint8_t option[40];
	uint8_t data[9200];
};

static inline void
rig_on_open(void *context, struct tcp_conn *c, uint64_t user)
{
	struct rig *r = context;

	(void)user;
	r->opens++;
	r->conn = c;
	if (r->say != NULL)
		tcp_send(r->tcp, c, r->say, strlen(r->say));
}

static inline size_t
rig_on_data(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct rig *r = context;

	(void)user;
	if (len > r->take_most)
		len = r->take_most;
	if (r->received + len <= sizeof(r->stream))
		memcpy(r->stream + r->received, bytes, len);
	r->received += len;
	if (r->close_on_data)
		tcp_close(r->tcp, c, TCP_CLOSE_RST);
	return len;
}

static inline void
rig_on_fin(void *context, struct tcp_conn *c, uint64_t user)
{
	(void)c;
	(void)user;
	((struct rig *)context)->fins++;
}

static inline void
rig_on_room(void *context, struct tcp_conn *c, uint64_t user)
{
	(void)c;
	(void)user;
	((struct rig *)context)->rooms++;
}

static inline void
rig_on_icmp(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code)
{
	(void)c;
	(void)user;
	(void)type;
	(void)code;
	((struct rig *)context)->icmps++;
}

static inline void
rig_on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	struct rig *r = context;

	(void)user;
	r->closes++;
	r->cause = cause;
	r->stage = stage;
	r->conn = NULL;
}

static const struct wire_link rig_link = {.len = 18, .header = {[12] = 0x81, [15] = 7, [16] = 8}};

static inline struct tcp_config
rig_config(struct rig *r, enum probe_profile profile)
{
	const struct probe_syn *syn = probe_syn_of(profile);

	return (struct tcp_config){
		.connections = 8,
		.send_blocks = 64,
		.recv_blocks = 512,
		.send_max = 16384,
		.recv_max = 64240,
		.mtu = 1500,
		.ttl = 64,
		.retries = 3,
		.links = 1,
		.link = &rig_link,
		.rto_ns = NS_PER_SEC,
		.delayed_ack_ns = 40 * NS_PER_MS,
		.syn_window = syn->window,
		.syn_options_len = syn->options_len,
		.syn_options = syn->options,
		.key = {1, 2},
		.events = {rig_on_open, rig_on_data, rig_on_fin, rig_on_room, rig_on_icmp, rig_on_closed},
		.context = r,
	};
}

static inline struct tcp_begin
rig_begin(uint16_t local_port, uint64_t deadline_ns)
{
	return (struct tcp_begin){
		{RIG_LOCAL, RIG_REMOTE, local_port, RIG_REMOTE_PORT}, 1, deadline_ns, 0};
}

static inline struct tcp_synack
rig_synack(uint16_t window)
{
	return (struct tcp_synack){RIG_IRS, RIG_ISN + 1, window,
				   {.mss = 1460, .has_mss = 1, .wscale = 0, .has_wscale = 1, .has_sack_perm = 1}};
}

/* A stack of the given config, and at second 100 a connection adopted in it. */
static inline void
rig_adopt(struct rig *r, const struct tcp_config *config, const struct tcp_synack *synack)
{
	struct tcp_begin begin = rig_begin(RIG_LOCAL_PORT, 200 * NS_PER_SEC);

	r->take_most = SIZE_MAX;
	r->now_ns = 100 * NS_PER_SEC;
	r->tcp = tcp_new(config, r->now_ns);
	if (r->tcp == NULL || tcp_adopt(r->tcp, &begin, synack, r->now_ns, &r->conn) != 0)
		abort();
}

static inline size_t
rig_packet(uint8_t *packet, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
	   const uint8_t *options, size_t options_len, const void *data, size_t len)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);

	*tcp = (struct wire_tcp){.flags = flags, .data_offset = (uint8_t)((20 + options_len) / 4 << 4)};
	store_be16(tcp->src_port, RIG_REMOTE_PORT);
	store_be16(tcp->dst_port, RIG_LOCAL_PORT);
	store_be32(tcp->seq, seq);
	store_be32(tcp->ack, ack);
	store_be16(tcp->window, window);
	if (options_len > 0)
		memcpy(tcp + 1, options, options_len);
	if (len > 0)
		memcpy((uint8_t *)(tcp + 1) + options_len, data, len);
	wire_ipv4_build(ip, RIG_REMOTE, RIG_LOCAL, IP_PROTO_TCP, (uint16_t)(40 + options_len + len), 0, 60);
	return 40 + options_len + len;
}

/* A segment of the peer's, numbered from the first byte of each stream. */
static inline int
rig_in(struct rig *r, uint8_t flags, uint32_t offset, uint32_t acked, uint16_t window, const void *data,
       size_t len)
{
	uint8_t packet[2000];
	size_t n = rig_packet(packet, flags, RIG_IRS + 1 + offset, RIG_ISN + 1 + acked, window, NULL, 0, data, len);

	return tcp_input(r->tcp, packet, n, r->now_ns);
}

/* The next segment that leaves; false: none does. */
static inline bool
rig_next(struct rig *r, struct rig_out *o)
{
	static uint8_t frame[9300];
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(frame + 18);
	const struct wire_tcp *tcp = (const struct wire_tcp *)(ip + 1);
	struct tcp_frame out;
	size_t header;

	if (!tcp_output(r->tcp, r->now_ns, frame, &out))
		return false;
	header = (size_t)(tcp->data_offset >> 4) * 4;
	*o = (struct rig_out){
		.seq = load_be32(tcp->seq), .ack = load_be32(tcp->ack), .len = (uint32_t)(out.len - 38 - header),
		.window = load_be16(tcp->window), .ip_id = load_be16(ip->id), .flags = tcp->flags, .kind = out.kind,
		.dont_fragment = load_be16(ip->fragment) == IPV4_DONT_FRAGMENT,
		.options_len = (uint8_t)(header - 20),
	};
	wire_tcp_options_read((const uint8_t *)(tcp + 1), header - 20, &o->options);
	memcpy(o->option, tcp + 1, header - 20);
	memcpy(o->data, (const uint8_t *)tcp + header, o->len);
	if (memcmp(frame, rig_link.header, 18) != 0 || load_be16(ip->total_length) != out.len - 18 ||
	    !wire_ipv4_checksum_ok(ip, 20) || !wire_tcp_checksum_ok(ip, tcp, (uint16_t)(out.len - 38)))
		abort();
	return true;
}

/* How many segments leave now; the last is *o. */
static inline unsigned int
rig_flush(struct rig *r, struct rig_out *o)
{
	unsigned int n = 0;

	while (rig_next(r, o))
		n++;
	return n;
}

static inline void
rig_wait(struct rig *r, uint64_t ns)
{
	r->now_ns += ns;
	tcp_poll(r->tcp, r->now_ns);
}

/* Adopted in a stack of its own; `say`, unless NULL, waits to be sent. */
static inline struct rig *
rig_adopted(enum probe_profile profile, const char *say, const struct tcp_synack *synack)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_config config;

	if (r == NULL)
		abort();
	r->say = say;
	config = rig_config(r, profile);
	rig_adopt(r, &config, synack);
	return r;
}

/* End what lives, and the rig: whether all memory came back. */
static inline bool
rig_end(struct rig *r)
{
	static struct rig_out o;
	struct tcp_use use;

	if (r->conn != NULL && r->closes == 0)
		tcp_abort(r->tcp, r->conn);
	rig_flush(r, &o);
	use = tcp_use(r->tcp);
	tcp_free(r->tcp);
	free(r);
	return use.connections == 0 && use.send_blocks == 0 && use.recv_blocks == 0;
}

#endif /* TESTS_TCP_RIG_H */
