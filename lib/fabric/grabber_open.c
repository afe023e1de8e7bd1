/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that a grabber opens itself: other looks at a host, other names of it, and responders that were
 * declined.
 *
 * Who wants one waits in a line until there is credit and, where there are caps, its networks may have a
 * SYN. Responders that were declined come after all others, and only while half of what there is is
 * free: they are not to bring about that others are declined.
 */
#include "base/hash.h"
#include "base/time.h"
#include "fabric/grabber_inside.h"

static const enum ledger_open ledger_opens[SESSION_LINES] = {
	[SESSION_LOOK] = LEDGER_OPEN_LOOK,
	[SESSION_NAME] = LEDGER_OPEN_NAME,
	[SESSION_AGAIN] = LEDGER_OPEN_AGAIN,
};

uint32_t
grabber_followers(const struct grabber *g)
{
	return session_waiting(&g->sessions) - g->sessions.waiting[SESSION_AGAIN];
}

/* A connection is wanted that may not be opened. */
static void
refuse(struct grabber *g, enum session_line line)
{
	ledger_add(g->config.ledger, LEDGER_OPEN_WANTED + ledger_opens[line], 1);
	ledger_add(g->config.ledger, LEDGER_GIVEN_UP + ledger_opens[line], 1);
}

bool
grabber_want(struct grabber *g, uint32_t number, enum session_line line)
{
	if (g->is_over || gate_denies(g->config.gate, g->sessions.all[number].tuple.remote)) {
		refuse(g, line);
		return false;
	}
	ledger_add(g->config.ledger, LEDGER_OPEN_WANTED + ledger_opens[line], 1);
	session_wait(&g->sessions, number, line);
	return true;
}

bool
grabber_postpone(struct grabber *g, const struct reply *r)
{
	const struct grabber_task *task = &g->config.plan->tasks[g->config.plan->task_of_port[r->port] - 1];
	struct session *s;
	unsigned int iface = 0;

	if (g->is_over || !task->retry_declined || g->sessions.waiting[SESSION_AGAIN] == GRABBER_AGAIN_MAX)
		return false;
	(void)probe_sources_find(g->config.outlets[0].probe->config.sources, r->own_address, &iface);
	s = &g->sessions.all[session_begin_waiting(&g->sessions, r->received_ns, SESSION_AGAIN)];
	s->tuple = (struct flow_tuple){r->own_address, r->address, r->own_port, r->port};
	s->link = (uint8_t)iface;
	if (task->module == GRAB_TLS)
		s->look = (uint8_t)tls_first_look(g->profiles[g->config.plan->task_of_port[r->port] - 1]);
	ledger_add(g->config.ledger, LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN, 1);
	return true;
}

void
grabber_let_retry(struct grabber *g, bool may_retry)
{
	g->may_retry = may_retry;
}

/* One that waits, in no line, is not to be opened; nor is what would have come after it. */
static void
give_up(struct grabber *g, uint32_t number)
{
	struct session *s = &g->sessions.all[number];

	ledger_add(g->config.ledger, LEDGER_GIVEN_UP + ledger_opens[s->line], 1);
	while (s->line != SESSION_AGAIN && grabber_next_name(g, s) != NULL)
		refuse(g, SESSION_NAME);
	session_end(&g->sessions, number);
}

void
grabber_end_opening(struct grabber *g, uint64_t now_ns)
{
	struct session_pool *p = &g->sessions;
	uint32_t number, younger;

	if (g->is_over)
		return;
	g->now_ns = now_ns;
	g->is_over = true;
	for (enum session_line line = 0; line < SESSION_LINES; line++)
		while ((number = session_leave_line(p, line)) != 0)
			give_up(g, number);
	if (g->config.polite != NULL)
		polite_forget(g->config.polite);
	for (number = p->oldest; number != 0; number = younger) {
		younger = p->all[number].younger;
		if (p->all[number].waits)
			give_up(g, number);
	}
}

/*
 * A port of our own, in the bucket of the scan's, so that answers come to this worker. Connections to one
 * host differ in it, lest one meet what is left of the one before.
 */
static uint16_t
port_of(const struct grabber *g, const struct session *s)
{
	const struct probe_port_plan *plan = &g->config.outlets[s->link].probe->pool.plan;
	const struct probe_ports *ports = &plan->ports[COOKIE_OPEN];
	uint32_t slot = (uint32_t)(hash_mix64(s->tuple.remote) + s->opened) % ports->slots;
	enum cookie_plan use;
	uint8_t bucket = 0;

	probe_port_find(plan, s->tuple.local_port, &use, &bucket);
	return (uint16_t)(ports->base + slot * PROBE_BUCKETS + bucket);
}

/* The turn of one that waits has come, and there is credit. */
static void
open_one(struct grabber *g, uint32_t number)
{
	struct session *s = &g->sessions.all[number];
	struct grab *grab = grabber_new_grab(g, s->tuple.remote, s->tuple.remote_port);
	struct tcp_begin begin;

	if (grab == NULL) {
		give_up(g, number);
		return;
	}
	ledger_add(g->config.ledger, LEDGER_OPENED + ledger_opens[s->line], 1);
	session_talk(&g->sessions, number);
	s->tuple.local_port = port_of(g, s);
	s->opened++;
	s->grab = grab;
	grab->look = s->look;
	grab->is_first = s->line == SESSION_AGAIN;
	if (s->line == SESSION_AGAIN)
		grabber_begin_names(g, s);
	grabber_note_name(g, s);
	g->tls_live += grab->module == GRAB_TLS;
	begin = grabber_begin_of(g, number);
	if (tcp_open(g->tcp, &begin, tcp_isn(g->tcp, &s->tuple, g->now_ns), g->now_ns, &s->conn) == 0)
		return;
	grab_end(grab, GRAB_NO_MEMORY, g->now_ns);
	grabber_finish(g, number);
}

/* Declined ones may have their turn while all that are under way leave half of the room. */
static bool
is_calm(const struct grabber *g)
{
	return g->may_retry && !grabber_is_crowded(g) &&
	       g->sessions.live + grabber_followers(g) <= g->config.sessions / 2;
}

static uint32_t
next_in_line(struct grabber *g)
{
	for (enum session_line line = 0; line < SESSION_LINES; line++) {
		uint32_t number = 0;

		if (line != SESSION_AGAIN || is_calm(g))
			number = session_leave_line(&g->sessions, line);
		if (number != 0)
			return number;
	}
	return 0;
}

/* Whether one more may be opened now, whichever it is. */
static bool
has_credit(struct grabber *g)
{
	return grabber_credit(g, g->has_tls ? GRAB_TLS : GRAB_BANNER) == GRABBER_ADOPTED;
}

/* What politeness says of a session; true when it is to be opened. */
static bool
heed(struct grabber *g, enum polite_verdict verdict, uint32_t number)
{
	if (verdict == POLITE_SKIP)
		give_up(g, number);
	g->allowed += verdict == POLITE_GO;
	return verdict == POLITE_GO;
}

/* The next whose networks may have a SYN: first those that have waited for it. 0: none. */
static uint32_t
next_polite(struct grabber *g)
{
	struct polite *polite = g->config.polite;
	enum polite_verdict verdict;
	struct polite_target t;
	uint32_t number;

	if (g->allowed == POLITE_BURST)
		return 0;
	while ((verdict = polite_next(polite, g->now_ns, &t)) != POLITE_WAIT)
		if (heed(g, verdict, (uint32_t)t.cookie))
			return (uint32_t)t.cookie;
	while (polite_waiting(polite) < POLITE_WAITING_MAX && (number = next_in_line(g)) != 0) {
		const struct flow_tuple *tuple = &g->sessions.all[number].tuple;

		t = (struct polite_target){tuple->remote, tuple->remote_port, number};
		if (heed(g, polite_ask(polite, g->now_ns, &t), number))
			return number;
	}
	return 0;
}

/* Whether nothing that was built waits to leave. */
static bool
have_all_left(const struct grabber *g)
{
	if (tcp_has_output(g->tcp))
		return false;
	for (unsigned int i = 0; i < g->config.outlet_count; i++)
		if (tx_urgent_waiting(g->config.outlets[i].tx) > 0)
			return false;
	return true;
}

unsigned int
grabber_open_waiting(struct grabber *g)
{
	unsigned int work = 0;
	uint32_t number;

	if (g->allowed > 0 && have_all_left(g)) {
		polite_sent(g->config.polite, g->now_ns);
		g->allowed = 0;
	}
	for (; session_waiting(&g->sessions) > 0 && has_credit(g); work++) {
		number = g->config.polite != NULL ? next_polite(g) : next_in_line(g);
		if (number == 0)
			break;
		open_one(g, number);
	}
	return work;
}

uint64_t
grabber_open_next_ns(const struct grabber *g)
{
	const struct session_pool *p = &g->sessions;
	bool has_one = p->lines[SESSION_LOOK].head != 0 || p->lines[SESSION_NAME].head != 0 ||
		       (p->lines[SESSION_AGAIN].head != 0 && is_calm(g));

	/* Room for one comes about by an end, or by what leaves: work, and no nap. */
	if (session_room(p) == 0 || g->allowed == POLITE_BURST)
		return TIME_NEVER;
	if (g->config.polite == NULL)
		return has_one ? g->now_ns : TIME_NEVER;
	if (has_one && polite_waiting(g->config.polite) < POLITE_WAITING_MAX)
		return g->now_ns;
	return polite_next_ns(g->config.polite);
}
