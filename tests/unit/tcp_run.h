/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of lib/tcp with a server of another make (tcp_server.h), over a network with faults
 * (tcp_sim.h), on a virtual clock: a scenario is played to its end, and all that must hold of any
 * is held. Include after <cmocka.h>.
 */
#ifndef TESTS_TCP_RUN_H
#define TESTS_TCP_RUN_H

#include "probe/probe.h"
#include "tcp/tcp.h"
#include "tcp_server.h"
#include "tcp_sim.h"

#define SERVER_ADDRESS 0xc0000201
#define CLIENT_ADDRESS 0xc6336408
#define SERVER_PORT 443
#define CLIENT_PORT 40000
#define RTT_NS (40 * NS_PER_MS)
#define FRAME_MAX 9300

/* How the user ends a connection when the response, or its end, has come. */
enum ending { END_FIN, END_RST, END_HALF_CLOSE, END_ABORT };

struct faults {
	uint32_t loss, reorder, duplicate; /* in thousandths */
	int64_t drop;                      /* the packet at this position; -1: none */
};

struct scenario {
	struct server_config server;
	enum probe_profile profile;
	bool active_open;
	uint32_t isn;
	enum ending ending;
	uint64_t deadline_ns;
	uint32_t credit;    /* frames that leave a step; 0: all */
	uint32_t take_most; /* bytes that the user takes at a time, the rest 50 ms later; 0: all */
	uint16_t mtu;
	uint8_t retries;
	struct faults to_server, to_client;
	uint64_t seed;
	/* Something forged, when the client gets this packet; and what is called then. */
	int64_t forge_at;
	void (*forge)(struct scenario *, void *);
};

/* A chain of nodes with an end. */
struct path {
	struct sim_node drop, loss, duplicate, delay, end;
};

struct run {
	struct scenario *scenario;
	struct sim sim;
	struct path to_server, to_client;
	struct server server;
	struct tcp *tcp;
	struct tcp_conn *conn;
	uint64_t sent, received;    /* bytes of the streams */
	uint64_t resume_ns;
	uint64_t ended_ns;
	enum tcp_cause cause;
	enum tcp_stage stage;
	bool begun, opened, fin, ended, closed;
	unsigned int icmp;
	uint32_t edge;              /* the client's window's, and the highest it was */
	bool has_edge;
	const char *fault;
};

static void
blame(struct run *r, bool truth, const char *fault)
{
	if (!truth && r->fault == NULL)
		r->fault = fault;
}

/* The user. */

static void
user_send(struct run *r)
{
	uint8_t bytes[700];
	uint32_t want = r->scenario->server.request_len;

	while (r->sent < want) {
		size_t n = want - r->sent < sizeof(bytes) ? want - r->sent : sizeof(bytes), taken;

		for (size_t i = 0; i < n; i++)
			bytes[i] = server_request_byte(r->sent + i);
		taken = tcp_send(r->tcp, r->conn, bytes, n);
		r->sent += taken;
		if (taken < n)
			return;
	}
	if (r->scenario->ending == END_HALF_CLOSE)
		tcp_shutdown(r->tcp, r->conn);
}

static void
user_end(struct run *r)
{
	if (r->closed)
		return;
	r->closed = r->scenario->ending != END_HALF_CLOSE;
	if (r->closed)
		r->ended_ns = r->sim.now_ns;
	if (r->scenario->ending == END_FIN)
		tcp_close(r->tcp, r->conn, TCP_CLOSE_FIN);
	else if (r->scenario->ending == END_RST)
		tcp_close(r->tcp, r->conn, TCP_CLOSE_RST);
	else if (r->scenario->ending == END_ABORT)
		tcp_abort(r->tcp, r->conn);
}

static void
on_open(void *context, struct tcp_conn *c, uint64_t user)
{
	struct run *r = context;

	blame(r, !r->opened && !r->closed && user == 7, "open twice, or of another");
	r->opened = true;
	r->conn = c;
	user_send(r);
}

static size_t
on_data(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct run *r = context;
	size_t most = r->scenario->take_most;

	(void)user;
	blame(r, !r->fin && !r->ended && !r->closed && len > 0, "data after the end, or none");
	r->conn = c;
	if (most != 0 && len > most) {
		len = most;
		r->resume_ns = r->sim.now_ns + 50 * NS_PER_MS;
	}
	for (size_t i = 0; i < len; i++)
		blame(r, bytes[i] == server_response_byte(r->received + i), "not the stream that was sent");
	r->received += len;
	if (r->received == r->scenario->server.response_len && r->scenario->server.no_fin)
		user_end(r);
	return len;
}

static void
on_fin(void *context, struct tcp_conn *c, uint64_t user)
{
	struct run *r = context;

	(void)user;
	blame(r, !r->fin && r->received == r->scenario->server.response_len, "a FIN too early, or twice");
	r->fin = true;
	r->conn = c;
	user_end(r);
}

static void
on_room(void *context, struct tcp_conn *c, uint64_t user)
{
	struct run *r = context;

	(void)user;
	r->conn = c;
	user_send(r);
}

static void
on_icmp(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code)
{
	(void)c;
	(void)user;
	(void)type;
	(void)code;
	((struct run *)context)->icmp++;
}

static void
on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	struct run *r = context;

	(void)user;
	blame(r, !r->ended && !r->closed, "closed twice, or after the user");
	r->ended = true;
	r->ended_ns = r->sim.now_ns;
	r->cause = cause;
	r->stage = stage;
}

/* The network's ends. */

static void
client_emit(struct run *r, const uint8_t *packet, size_t len)
{
	r->to_server.drop.take(&r->sim, &r->to_server.drop, sim_packet_new(packet, len));
}

static void
server_out(void *context, const uint8_t *packet, size_t len)
{
	struct run *r = context;

	r->to_client.drop.take(&r->sim, &r->to_client.drop, sim_packet_new(packet, len));
}

static void
to_server_end(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	struct run *r = n->context;

	server_input(&r->server, p->bytes, p->len, s->now_ns);
	free(p);
}

static struct flow_tuple
tuple_of(const struct run *r)
{
	(void)r;
	return (struct flow_tuple){CLIENT_ADDRESS, SERVER_ADDRESS, CLIENT_PORT, SERVER_PORT};
}

static struct tcp_begin
begin_of(const struct run *r)
{
	return (struct tcp_begin){tuple_of(r), 7, r->scenario->deadline_ns, 0};
}

/* A SYN-ACK as a worker gets it: a value, adopted when it is the first. */
static void
take_synack(struct run *r, const struct wire_tcp *tcp)
{
	const struct tcp_begin begin = begin_of(r);
	struct tcp_synack s = {load_be32(tcp->seq), load_be32(tcp->ack), load_be16(tcp->window), {0}};
	size_t header = (size_t)(tcp->data_offset >> 4) * 4;

	wire_tcp_options_read((const uint8_t *)(tcp + 1), header - sizeof(*tcp), &s.options);
	if (tcp_synack(r->tcp, &begin.tuple, &s, r->sim.now_ns) == 0 || r->begun ||
	    r->sim.now_ns >= begin.deadline_ns)
		return;
	r->begun = true;
	assert_int_equal(tcp_adopt(r->tcp, &begin, &s, r->sim.now_ns, &r->conn), 0);
}

static void
to_client_end(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	struct run *r = n->context;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(p->bytes + sizeof(struct wire_ipv4));

	if (r->scenario->forge != NULL && (int64_t)n->seen == r->scenario->forge_at)
		r->scenario->forge(r->scenario, r);
	n->seen++;
	if ((tcp->flags & TCP_SYN) != 0 && !r->scenario->active_open)
		take_synack(r, tcp);
	else
		tcp_input(r->tcp, p->bytes, p->len, s->now_ns);
	free(p);
}

static void
path_init(struct path *p, const struct faults *f, void (*end)(struct sim *, struct sim_node *, struct sim_packet *),
	  struct run *r, uint64_t salt)
{
	p->end = (struct sim_node){.take = end, .context = r};
	p->delay = (struct sim_node){.take = sim_delay, .next = &p->end, .share = f->reorder,
				     .delay_ns = RTT_NS / 2, .jitter_ns = 15 * NS_PER_MS};
	p->duplicate = (struct sim_node){.take = sim_duplicate, .next = &p->delay, .share = f->duplicate};
	p->loss = (struct sim_node){.take = sim_lose, .next = &p->duplicate, .share = f->loss,
				    .delay_ns = salt};
	p->drop = (struct sim_node){.take = sim_drop_position, .next = &p->loss, .position = f->drop};
}

/* Our window as it leaves: its edge never comes back by more than the scale's rounding. */
static void
check_edge(struct run *r, const struct wire_tcp *tcp)
{
	uint32_t shift = r->server.peer_wscale > 0 ? (uint32_t)r->server.peer_wscale : 0;
	uint32_t edge = load_be32(tcp->ack) + ((uint32_t)load_be16(tcp->window) << shift);

	if (tcp->flags & (TCP_RST | TCP_SYN))
		return;
	if (r->has_edge)
		blame(r, (int32_t)(edge - r->edge) > -256, "a window that shrinks");
	if (!r->has_edge || (int32_t)(edge - r->edge) > 0)
		r->edge = edge;
	r->has_edge = true;
}

static void
client_output(struct run *r)
{
	uint32_t left = r->scenario->credit != 0 ? r->scenario->credit : UINT32_MAX;
	uint8_t frame[FRAME_MAX];
	struct tcp_frame out;

	while (left-- > 0 && tcp_output(r->tcp, r->sim.now_ns, frame, &out)) {
		blame(r, out.len <= tcp_frame_max(r->tcp) && out.remote == SERVER_ADDRESS, "a bad frame");
		check_edge(r, (const struct wire_tcp *)(frame + 34));
		client_emit(r, frame + 14, out.len - 14u);
	}
}

/* The scan's SYN: as the probe makes it, never lost here, for the connection begins with its answer. */
static void
scan_syn(struct run *r)
{
	const struct probe_syn *syn = probe_syn_of(r->scenario->profile);
	uint8_t packet[80] = {0};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*tcp) + syn->options_len);

	store_be16(tcp->src_port, CLIENT_PORT);
	store_be16(tcp->dst_port, SERVER_PORT);
	store_be32(tcp->seq, r->scenario->isn);
	tcp->data_offset = (uint8_t)(len / 4 << 4);
	tcp->flags = TCP_SYN;
	store_be16(tcp->window, syn->window);
	memcpy(tcp + 1, syn->options, syn->options_len);
	if (r->scenario->profile == PROBE_LINUX)
		store_be32((uint8_t *)(tcp + 1) + 8, 0xfffffff0);
	wire_ipv4_build(ip, CLIENT_ADDRESS, SERVER_ADDRESS, IP_PROTO_TCP, (uint16_t)(sizeof(*ip) + len), 1, 64);
	wire_tcp_checksum_set(ip, tcp, len);
	server_input(&r->server, packet, sizeof(*ip) + len, 0);
}

static const struct wire_link link_of_tests = {.len = 14, .header = {[12] = 8}};

static struct tcp *
new_stack(struct run *r)
{
	const struct probe_syn *syn = probe_syn_of(r->scenario->profile);
	struct tcp_config config = {
		.connections = 4,
		.send_blocks = 64,
		.recv_blocks = 512,
		.send_max = 16384,
		.recv_max = 64240,
		.mtu = r->scenario->mtu != 0 ? r->scenario->mtu : 1500,
		.ttl = 64,
		.retries = r->scenario->retries != 0 ? r->scenario->retries : 3,
		.links = 1,
		.link = &link_of_tests,
		.rto_ns = NS_PER_SEC,
		.delayed_ack_ns = 40 * NS_PER_MS,
		.syn_window = syn->window,
		.syn_options_len = syn->options_len,
		.syn_options = syn->options,
		.key = {1, r->scenario->seed},
		.events = {on_open, on_data, on_fin, on_room, on_icmp, on_closed},
		.context = r,
	};

	return tcp_new(&config, 0);
}

static uint64_t
earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One step: what is due now, then to the next time that anything is. False: nothing ever is. */
static bool
step(struct run *r)
{
	uint64_t next;

	sim_run(&r->sim);
	server_timer(&r->server, r->sim.now_ns);
	tcp_poll(r->tcp, r->sim.now_ns);
	if (r->resume_ns <= r->sim.now_ns) {
		r->resume_ns = TIME_NEVER;
		if (!r->ended && !r->closed)
			tcp_resume(r->tcp, r->conn);
	}
	client_output(r);
	next = earliest(earliest(sim_next_ns(&r->sim), tcp_next_ns(r->tcp)),
			earliest(server_next_ns(&r->server, r->sim.now_ns), r->resume_ns));
	if (tcp_has_output(r->tcp))
		next = earliest(next, r->sim.now_ns + NS_PER_MS);
	if (next == TIME_NEVER)
		return false;
	r->sim.now_ns = next > r->sim.now_ns ? next : r->sim.now_ns + 1;
	return true;
}

/* Run it to its end; *r then tells what came of it. */
static void
play(struct scenario *sc, struct run *r)
{
	struct tcp_use use;

	*r = (struct run){.scenario = sc, .sim = {.seed = sc->seed}, .resume_ns = TIME_NEVER};
	path_init(&r->to_server, &sc->to_server, to_server_end, r, 11);
	path_init(&r->to_client, &sc->to_client, to_client_end, r, 12);
	server_init(&r->server, &sc->server);
	r->server.emit = server_out;
	r->server.context = r;
	r->tcp = new_stack(r);
	assert_non_null(r->tcp);
	if (sc->active_open) {
		const struct tcp_begin begin = begin_of(r);

		assert_int_equal(tcp_open(r->tcp, &begin, sc->isn, 0, &r->conn), 0);
		r->begun = true;
	} else {
		scan_syn(r);
	}
	for (unsigned int n = 0; step(r) && r->sim.now_ns < sc->deadline_ns + 2 * NS_PER_SEC; n++)
		blame(r, n < 200000, "steps without end");
	use = tcp_use(r->tcp);
	blame(r, use.connections == 0 && use.send_blocks == 0 && use.recv_blocks == 0, "a leak");
	blame(r, !r->begun || r->ended || r->closed, "no end");
	blame(r, r->ended_ns <= sc->deadline_ns + 5 * NS_PER_MS, "an end too late");
	blame(r, tcp_stats(r->tcp)->resent <= (uint64_t)sc->server.request_len / 36 * 4 + 12, "too much sent again");
	if (r->fault == NULL)
		r->fault = r->server.fault;
	if (r->fault != NULL)
		print_error("seed %lu: %s (received %lu of %u, cause %s, stage %s)\n", sc->seed, r->fault,
			    r->received, sc->server.response_len, r->ended ? tcp_cause_name(r->cause) : "none",
			    r->ended ? tcp_stage_name(r->stage) : "none");
	assert_null(r->fault);
}

static void
run_end(struct run *r)
{
	sim_drain(&r->sim);
	server_fini(&r->server);
	tcp_free(r->tcp);
}

/* Some five hundred bytes of request, five segments of response. */
static struct scenario
ordinary(void)
{
	return (struct scenario){
		.server = {.address = SERVER_ADDRESS, .port = SERVER_PORT, .iss = 0x10000000,
			   .request_len = 517, .response_len = 5000, .mss = 1460, .wscale = 7, .sack = true,
			   .timestamps = true, .window = 65535},
		.isn = 0x20000000,
		.deadline_ns = 30 * NS_PER_SEC,
		.to_server = {.drop = -1},
		.to_client = {.drop = -1},
	};
}

/* Play it, and expect the whole of it. */
static void
expect_whole(struct scenario *sc)
{
	struct run r;

	play(sc, &r);
	if (r.received != sc->server.response_len)
		print_error("seed %lu: received %lu of %u, cause %s, stage %s\n", sc->seed, r.received,
			    sc->server.response_len, r.ended ? tcp_cause_name(r.cause) : "none",
			    r.ended ? tcp_stage_name(r.stage) : "none");
	assert_int_equal(r.received, sc->server.response_len);
	assert_true(r.opened);
	assert_int_equal(r.server.rx_next, sc->server.request_len);
	if (sc->ending == END_HALF_CLOSE)
		assert_int_equal(r.cause, TCP_FINISHED);
	run_end(&r);
}

#endif /* TESTS_TCP_RUN_H */
