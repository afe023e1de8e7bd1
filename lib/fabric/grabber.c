/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/grabber.h"

#include <string.h>

#include <rte_ring.h>

#include "base/time.h"
#include "fabric/grabber_inside.h"

/* Sessions that are kept for responders on their way, when probers pause: half of a small number. */
#define RESERVE 16384

/* TLS sessions that are freed one by one when a scan is left with them: more would take too long. */
#define FREED_AT_END 2048

/* What goes out at once: a ClientHello, a last flight, a piece of a request. */
#define PIECE_BYTES 2048

static const struct grabber_task *
task_of(const struct grabber *g, const struct session *s)
{
	return &g->config.plan->tasks[s->grab->index];
}

/* Give TCP what the session has to say. */
static void
pump(struct grabber *g, struct session *s)
{
	uint8_t piece[PIECE_BYTES];
	size_t n;

	while (s->conn != NULL) {
		n = s->grab->module == GRAB_TLS
			    ? tls_output(s->tls, piece, sizeof(piece), g->now_ns)
			    : banner_output(&s->banner, piece, sizeof(piece), g->now_ns);
		if (n == 0)
			return;
		/* TCP was given buffers for all that sessions say. */
		if (tcp_send(g->tcp, s->conn, piece, n) < n) {
			grab_end(s->grab, GRAB_NO_MEMORY, g->now_ns);
			return;
		}
	}
}

/* To the writer: the place on the ring was reserved when the session began. */
static void
hand_over(struct grabber *g, struct grab *grab)
{
	ledger_add(g->config.ledger, LEDGER_ENDED + grab->cause, 1);
	rte_ring_sp_enqueue(g->config.grabs, grab);
	ledger_add(g->config.ledger, LEDGER_GRAB_RECORD, 1);
}

/* What the grab's peer made of its connection, which has come to that stage: at the end, while TCP still knows. */
static enum grab_service
service_of(const struct grab *grab, const struct tcp_conn *c, enum tcp_stage stage)
{
	if (stage == TCP_STAGE_SYN)
		return GRAB_UNTOLD;
	if (grab->received_bytes > 0 || tcp_received(c) > 0)
		return GRAB_SPOKE;
	if (grab->cause == GRAB_RESET)
		return GRAB_RST;
	if (grab->cause == GRAB_CLOSED)
		return GRAB_FIN;
	if (grab->cause != GRAB_TIMEOUT)
		return GRAB_UNTOLD; /* it had no time */
	if (tcp_peer_window(c) == 0)
		return GRAB_ZERO_WINDOW;
	if (grab->stage == GRAB_CONNECT)
		return GRAB_UNASKED;
	return tcp_is_acked(c) ? GRAB_SILENT : GRAB_UNACKNOWLEDGED;
}

static void
note_service(struct grab *grab, const struct tcp_conn *c, enum tcp_stage stage)
{
	grab->service = (uint8_t)service_of(grab, c, stage);
}

const char *
grabber_next_name(const struct grabber *g, struct session *s)
{
	const struct grabber_plan *plan = g->config.plan;
	const struct grabber_task *task = &plan->tasks[plan->task_of_port[s->tuple.remote_port] - 1];

	if (task->module != GRAB_TLS || !task->indicate)
		return NULL;
	if (task->server_name != NULL)
		return s->name == NULL ? task->server_name : NULL;
	return names_next(plan->names, s->tuple.remote, s->tuple.remote_port, &s->walk);
}

void
grabber_begin_names(const struct grabber *g, struct session *s)
{
	uint32_t skip = named_count(g->config.named, s->tuple.remote, s->tuple.remote_port);

	do {
		s->name = grabber_next_name(g, s);
	} while (skip-- > 0 && s->name != NULL);
}

void
grabber_note_name(struct grabber *g, struct session *s)
{
	if (s->name != NULL)
		grab_add(s->grab, GRAB_CHUNK_DOMAIN, span_of((const uint8_t *)s->name, strlen(s->name)), g->now_ns);
}

/* What is to follow for the host of a session whose grab has ended: it waits for that, or ends. */
static void
follow(struct grabber *g, uint32_t number, struct grab *grab)
{
	struct session *s = &g->sessions.all[number];
	const struct tls_profile *profile = g->profiles[grab->index];
	const char *name;

	s->look = (uint8_t)(grab->module == GRAB_TLS ? tls_next_look(profile, grab) : GRAB_LOOK_FIRST);
	grab->ends_name = grab->is_last = s->look == GRAB_LOOK_FIRST;
	if (!grab->ends_name && grabber_want(g, number, SESSION_LOOK))
		return;
	while ((name = grabber_next_name(g, s)) != NULL) {
		grab->is_last = false;
		s->name = name;
		s->look = (uint8_t)tls_first_look(profile);
		if (grabber_want(g, number, SESSION_NAME))
			return;
	}
	session_end(&g->sessions, number);
}

/* Everything of a conversation goes but the grab, which the writer gets. */
void
grabber_finish(struct grabber *g, uint32_t number)
{
	struct session *s = &g->sessions.all[number];
	struct grab *grab = s->grab;

	if (s->conn != NULL) {
		if (s->has_spoken)
			pump(g, s);
		note_service(grab, s->conn, tcp_stage(s->conn));
		tcp_close(g->tcp, s->conn, TCP_CLOSE_RST);
	}
	tls_session_free(s->tls);
	g->tls_live -= grab->module == GRAB_TLS;
	s->conn = NULL;
	s->tls = NULL;
	s->has_spoken = false;
	follow(g, number, grab);
	hand_over(g, grab);
}

struct grab *
grabber_new_grab(struct grabber *g, uint32_t address, uint16_t port)
{
	unsigned int index = g->config.plan->task_of_port[port] - 1u;
	struct grab *grab = grab_new(g->grabs, g->config.plan->tasks[index].module, g->now_ns);

	if (grab == NULL)
		return NULL;
	grab->address = address;
	grab->port = port;
	grab->index = (uint16_t)index;
	return grab;
}

static uint32_t
begin(struct grabber *g, struct grab *grab, const struct flow_tuple *tuple, uint8_t link,
      uint64_t since_ns)
{
	uint32_t number = session_begin(&g->sessions, since_ns);
	struct session *s = &g->sessions.all[number];

	s->grab = grab;
	s->tuple = *tuple;
	s->link = link;
	if (grab->module == GRAB_TLS)
		g->tls_live++;
	return number;
}

struct tcp_begin
grabber_begin_of(const struct grabber *g, uint32_t number)
{
	const struct session *s = &g->sessions.all[number];

	return (struct tcp_begin){
		.tuple = s->tuple,
		.user = number,
		.deadline_ns = g->now_ns + task_of(g, s)->timeout_ns,
		.link = s->link,
	};
}

static void
note_synack(struct grab *grab, const struct reply *r)
{
	grab->has_tcp = true;
	grab->ttl = r->ttl;
	grab->window = r->window;
	grab->mss = r->has_mss ? r->mss : 0;
	grab->wscale = r->has_wscale ? r->wscale : 0;
}

enum grabber_answer
grabber_credit(struct grabber *g, enum grab_module module)
{
	if (session_room(&g->sessions) == 0 || tcp_room(g->tcp) == 0)
		return GRABBER_NO_CONNECTION;
	if (module == GRAB_TLS && g->tls_live >= g->config.tls_sessions)
		return GRABBER_NO_MEMORY;
	if (grab_pool_room(g->grabs) < BLOCKS_TO_BEGIN)
		return GRABBER_NO_MEMORY;
	if (rte_ring_free_count(g->config.grabs) <= g->sessions.live)
		return GRABBER_NO_RECORD;
	return GRABBER_ADOPTED;
}

static struct tcp_synack
synack_of(const struct reply *r)
{
	return (struct tcp_synack){
		.seq = r->seq,
		.ack = r->ack,
		.window = r->window,
		.options = {
			.ts_value = r->ts_value,
			.ts_echo = r->ts_echo,
			.mss = r->mss,
			.wscale = r->wscale,
			.has_mss = r->has_mss,
			.has_wscale = r->has_wscale,
			.has_sack_perm = r->has_sack_perm,
			.has_timestamp = r->has_timestamp,
		},
	};
}

static struct flow_tuple
tuple_of(const struct reply *r)
{
	return (struct flow_tuple){r->own_address, r->address, r->own_port, r->port};
}

enum grabber_answer
grabber_adopt(struct grabber *g, const struct reply *r, uint64_t now_ns)
{
	const struct grabber_plan *plan = g->config.plan;
	struct tcp_synack synack = synack_of(r);
	struct flow_tuple tuple = tuple_of(r);
	struct tcp_begin begin_at;
	struct tcp_conn *conn;
	enum grabber_answer answer;
	struct grab *grab;
	uint32_t number;
	uint8_t link;

	g->now_ns = now_ns;
	answer = grabber_credit(g, plan->tasks[plan->task_of_port[r->port] - 1].module);
	if (answer != GRABBER_ADOPTED)
		return answer;
	/* Who talks may have to wait afterwards. */
	if (grabber_followers(g) + g->sessions.live >= GRABBER_FOLLOWERS * g->config.sessions)
		return GRABBER_NO_CONNECTION;
	grab = grabber_new_grab(g, r->address, r->port);
	if (grab == NULL)
		return GRABBER_NO_MEMORY;
	note_synack(grab, r);
	grab->is_first = true;
	if (grab->module == GRAB_TLS)
		grab->look = (uint8_t)tls_first_look(g->profiles[grab->index]);
	link = (uint8_t)outlet_of(g->config.outlets, g->config.outlet_count, r->own_address);
	number = begin(g, grab, &tuple, link, r->received_ns);
	grabber_begin_names(g, &g->sessions.all[number]);
	grabber_note_name(g, &g->sessions.all[number]);
	begin_at = grabber_begin_of(g, number);
	if (tcp_adopt(g->tcp, &begin_at, &synack, now_ns, &conn) == 0) {
		/* Else it is over already. */
		if (conn != NULL)
			g->sessions.all[number].conn = conn;
	} else {
		grab_end(grab, GRAB_NO_MEMORY, now_ns);
		grabber_finish(g, number);
	}
	return GRABBER_ADOPTED;
}

bool
grabber_repeat(struct grabber *g, const struct reply *r, uint64_t now_ns)
{
	struct tcp_synack synack = synack_of(r);
	struct flow_tuple tuple = tuple_of(r);

	g->now_ns = now_ns;
	return tcp_synack(g->tcp, &tuple, &synack, now_ns) == 0;
}

void
grabber_reset(struct grabber *g, const struct reply *r, uint64_t now_ns)
{
	struct {
		struct wire_ipv4 ip;
		struct wire_tcp tcp;
	} packet = {.tcp = {.data_offset = sizeof(struct wire_tcp) / 4 << 4, .flags = TCP_RST | TCP_ACK}};

	wire_ipv4_build(&packet.ip, r->address, r->own_address, IP_PROTO_TCP, sizeof(packet), r->ip_id,
			r->ttl);
	store_be16(packet.tcp.src_port, r->port);
	store_be16(packet.tcp.dst_port, r->own_port);
	store_be32(packet.tcp.seq, r->seq);
	store_be32(packet.tcp.ack, r->ack);
	g->now_ns = now_ns;
	tcp_input(g->tcp, (const uint8_t *)&packet, sizeof(packet), now_ns);
}

bool
grabber_packet(struct grabber *g, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;

	g->now_ns = now_ns;
	if (len < sizeof(*ip))
		return false;
	if (ip->protocol == IP_PROTO_ICMP)
		return tcp_icmp(g->tcp, packet, len, now_ns) == 0;
	return tcp_input(g->tcp, packet, len, now_ns) == 0;
}

/* What TCP tells. Sessions are named by their number, TCP's `user`. */

/* The peer has window: now, and not before, is TLS worth its memory. */
static bool
speak(struct grabber *g, struct session *s)
{
	const struct grabber_task *task = task_of(g, s);

	s->has_spoken = true;
	if (s->grab->module == GRAB_BANNER) {
		banner_begin(&s->banner, &task->banner, s->grab);
		return true;
	}
	s->tls = tls_session_new(g->profiles[s->grab->index], s->name, s->grab, g->now_ns);
	if (s->tls == NULL)
		grab_end(s->grab, GRAB_NO_MEMORY, g->now_ns);
	return s->tls != NULL;
}

/* Say what there is to say, and end what has ended. */
static void
go_on(struct grabber *g, uint32_t number)
{
	struct session *s = &g->sessions.all[number];

	if (!grab_has_ended(s->grab))
		pump(g, s);
	if (grab_has_ended(s->grab))
		grabber_finish(g, number);
}

static void
on_open(void *context, struct tcp_conn *c, uint64_t user)
{
	struct grabber *g = context;
	struct session *s = &g->sessions.all[user];

	s->conn = c;
	if (speak(g, s))
		tcp_resume(g->tcp, c);
	if (s->grab != NULL)
		go_on(g, (uint32_t)user);
}

static size_t
on_data(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct grabber *g = context;
	struct session *s = &g->sessions.all[user];
	struct span span = {bytes, len};

	(void)c;
	if (!s->has_spoken)
		return 0;
	if (s->grab->module == GRAB_TLS) {
		tls_input(s->tls, span, g->now_ns);
	} else if (banner_input(&s->banner, span, g->now_ns)) {
		session_queue(&g->sessions, (uint32_t)user, banner_deadline_ns(&s->banner));
	}
	go_on(g, (uint32_t)user);
	return len;
}

static void
on_fin(void *context, struct tcp_conn *c, uint64_t user)
{
	struct grabber *g = context;
	struct session *s = &g->sessions.all[user];

	(void)c;
	if (!s->has_spoken)
		grab_end(s->grab, GRAB_CLOSED, g->now_ns);
	else if (s->grab->module == GRAB_TLS)
		tls_eof(s->tls, g->now_ns);
	else
		banner_eof(&s->banner, g->now_ns);
	go_on(g, (uint32_t)user);
}

static void
on_room(void *context, struct tcp_conn *c, uint64_t user)
{
	(void)c;
	go_on(context, (uint32_t)user);
}

static void
on_icmp(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code)
{
	/* A soft error: the connection goes on (RFC 5461), and so does the grab. */
	(void)context, (void)c, (void)user, (void)type, (void)code;
}

static enum grab_cause
cause_of(const struct grabber *g, const struct session *s, enum tcp_cause cause)
{
	static const enum grab_cause causes[TCP_CAUSES] = {
		[TCP_FINISHED] = GRAB_CLOSED,       [TCP_RESET] = GRAB_RESET,
		[TCP_REFUSED] = GRAB_REFUSED,       [TCP_TIMED_OUT] = GRAB_TIMEOUT,
		[TCP_ZERO_WINDOW] = GRAB_TIMEOUT,   [TCP_DEADLINE] = GRAB_TIMEOUT,
		[TCP_UNREACHABLE] = GRAB_UNREACHABLE, [TCP_OVERFLOW] = GRAB_TOO_LARGE,
		[TCP_CLOSED] = GRAB_INTERNAL,
	};

	/* Nothing that we sent since has left. */
	if (causes[cause] == GRAB_TIMEOUT && gate_denies(g->config.gate, s->tuple.remote))
		return GRAB_EXCLUDED;
	return causes[cause];
}

/* End it, whoever talks. */
static void
abort_with(struct grabber *g, struct session *s, enum grab_cause cause)
{
	if (!s->has_spoken)
		grab_end(s->grab, cause, g->now_ns);
	else if (s->grab->module == GRAB_TLS)
		tls_abort(s->tls, cause, g->now_ns);
	else
		banner_abort(&s->banner, cause, g->now_ns);
}

static void
on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	struct grabber *g = context;
	struct session *s = &g->sessions.all[user];

	abort_with(g, s, cause_of(g, s, cause));
	note_service(s->grab, s->conn, stage);
	s->conn = NULL;
	grabber_finish(g, (uint32_t)user);
}

/* Banners whose peers have been silent for long enough are whole. */
static unsigned int
expire_banners(struct grabber *g)
{
	struct session_pool *p = &g->sessions;
	unsigned int done = 0;

	for (; session_due_ns(p) <= g->now_ns; done++) {
		uint32_t number = session_unqueue(p);
		uint64_t due_ns;

		if (number == 0)
			continue;
		due_ns = banner_deadline_ns(&p->all[number].banner);
		if (due_ns > g->now_ns) {
			session_queue(p, number, due_ns);
			continue;
		}
		banner_expire(&p->all[number].banner, g->now_ns);
		go_on(g, number);
	}
	return done;
}

static bool
has_room(const struct grabber *g)
{
	return outlets_room(g->config.outlets, g->config.outlet_count) > 0;
}

static unsigned int
send_frames(struct grabber *g)
{
	uint8_t bytes[FRAME_MAX];
	struct tcp_frame frame;
	unsigned int sent = 0;

	while (has_room(g) && tcp_output(g->tcp, g->now_ns, bytes, &frame)) {
		tx_urgent(g->config.outlets[frame.link].tx, LEDGER_SEGMENT, bytes, frame.len);
		sent++;
	}
	return sent;
}

unsigned int
grabber_poll(struct grabber *g, uint64_t now_ns)
{
	unsigned int work;

	g->now_ns = now_ns;
	work = tcp_poll(g->tcp, now_ns);
	work += expire_banners(g);
	work += grabber_open_waiting(g);
	return work + send_frames(g);
}

uint64_t
grabber_next_ns(const struct grabber *g, uint64_t now_ns)
{
	uint64_t tcp = tcp_next_ns(g->tcp), banners = session_due_ns(&g->sessions);
	uint64_t opens = grabber_open_next_ns(g);

	/* What waits for room leaves when the sender has made some, which is work and no nap. */
	if (tcp_has_output(g->tcp) && has_room(g))
		return now_ns;
	tcp = tcp < banners ? tcp : banners;
	return tcp < opens ? tcp : opens;
}

/* Whether so few are left that those who are on their way may find none. */
static bool
are_few_left(uint32_t live, uint32_t all)
{
	uint32_t reserve = all / 2 < RESERVE ? all / 2 : RESERVE;

	return live + reserve > all;
}

bool
grabber_is_crowded(const struct grabber *g)
{
	return are_few_left(g->sessions.live, g->config.sessions) ||
	       are_few_left(g->tls_live, g->config.tls_sessions) ||
	       grabber_followers(g) > g->config.sessions;
}

uint32_t
grabber_live(const struct grabber *g)
{
	return g->sessions.live + session_waiting(&g->sessions);
}

uint64_t
grabber_oldest_ns(const struct grabber *g)
{
	const struct session_pool *p = &g->sessions;

	return p->oldest != 0 ? p->all[p->oldest].since_ns : TIME_NEVER;
}

void
grabber_fini(struct grabber *g, uint64_t now_ns)
{
	struct session_pool *p = &g->sessions;

	grabber_end_opening(g, now_ns);
	g->now_ns = now_ns;
	if (g->tls_live > FREED_AT_END)
		tls_abandon(g->tls);
	while (p->oldest != 0) {
		struct session *s = &p->all[p->oldest];

		abort_with(g, s, GRAB_STOPPED);
		if (s->conn != NULL) {
			note_service(s->grab, s->conn, tcp_stage(s->conn));
			tcp_abort(g->tcp, s->conn);
			s->conn = NULL;
		}
		grabber_finish(g, p->oldest);
	}
}

const struct tcp_events grabber_events = {on_open, on_data, on_fin, on_room, on_icmp, on_closed};
