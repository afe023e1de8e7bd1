/* SPDX-License-Identifier: BSD-3-Clause */
/* A walk's steps: the next server, the next zone, the next name. */
#include <string.h>

#include "grab/grab.h"
#include "walk.h"

#define ROUNDS 3         /* that a zone's servers are asked in, if they say nothing */
#define SEEK_DEPTH_MAX 3 /* walks for servers of walks for servers */

/* The lookup that a walk is for: its questions are bounded together. */
static struct walk *
top_of(struct iterate *it, struct walk *w)
{
	while (w->parent != 0)
		w = &it->walks[w->parent];
	return w;
}

/* Turns that a zone's servers have: whoever said nothing is asked again, as long as there are not too many. */
static unsigned int
turns(const struct iterate *it, const struct walk *w)
{
	unsigned int count = w->servers.count;

	if (count <= 1)
		return count * (it->config.tries > 0 ? it->config.tries : ROUNDS);
	return count * ROUNDS <= ITERATE_SERVERS_MAX ? count * ROUNDS : ITERATE_SERVERS_MAX;
}

/* The number of the server whose turn it is. */
static unsigned int
turn_of(const struct walk *w)
{
	return (unsigned int)(w->first + w->tried) % w->servers.count;
}

/* Past those that are not to be asked again; false when no turn is left. */
static bool
has_turn(const struct iterate *it, struct walk *w)
{
	while (w->tried < turns(it, w) && (w->useless >> turn_of(w) & 1) != 0)
		w->tried++;
	return w->tried < turns(it, w);
}

/* What the server that was asked last said, or did not, is no use. */
static void
give_up_server(struct walk *w)
{
	for (unsigned int i = 0; i < w->servers.count; i++)
		if (w->servers.address[i] == w->server)
			w->useless |= (uint16_t)(1 << i);
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* Ask the next server of the zone. False: it could not be asked. */
static bool
ask_next(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct dns_ask ask = {
		.name = w->name,
		.name_len = dns_name_size(w->name),
		.server = w->servers.address[turn_of(w)],
		.port = it->config.port,
		.type = w->type,
		.tries = 1, /* the next server is the next try, or it has another turn */
	};
	int rc;

	w->tried++;
	top_of(it, w)->asks++;
	it->stats.asks++;
	w->server = ask.server;
	rc = it->config.events.ask(it->config.context, &ask, walk_number(it, w));
	it->stopped |= rc == -ECANCELED;
	if (rc != 0)
		walk_give_back(it, w, MANNERS_UNSAID, 0, now_ns);
	return rc == 0;
}

/* Let another server, of which it is not the turn yet, have this one's. */
static void
swap_turns(struct walk *w, unsigned int a, unsigned int b)
{
	uint32_t address = w->servers.address[a];
	unsigned int differ = (w->useless >> a ^ w->useless >> b) & 1;

	w->servers.address[a] = w->servers.address[b];
	w->servers.address[b] = address;
	w->useless ^= (uint16_t)(differ << a | differ << b);
}

/*
 * The servers that have not had their turn in this round: the first that may be asked now, and then it may be. If
 * none may, get in the shortest line: false.
 */
static bool
be_admitted(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	unsigned int count = w->servers.count, turn = turn_of(w), best = turn;
	uint32_t least = UINT32_MAX;

	for (unsigned int left = count - w->tried % count, i = 0; i < left; i++) {
		unsigned int at = (turn + i) % count;
		uint32_t place = manners_place(it->manners, w->servers.address[at]), waiting;

		if ((w->useless >> at & 1) != 0)
			continue;
		waiting = manners_waiting(it->manners, place);
		if (waiting == 0 && manners_take(it->manners, place, now_ns)) {
			w->place = place;
			swap_turns(w, turn, at);
			return true;
		}
		if (waiting < least) {
			least = waiting;
			best = at;
		}
	}
	swap_turns(w, turn, best);
	w->place = manners_place(it->manners, w->servers.address[turn]);
	manners_wait(it->manners, w->place, walk_number(it, w));
	it->stats.paced++;
	return false;
}

/* A walk for the address of a server of the zone; false when it has no more names of servers. */
static bool
seek_next(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct servers found;
	struct walk *seek;

	/* Lookups may wait for one that seeks: it waits for walks of its own alone. Those might come to wait for one another. */
	w->is_seeking = true;
	walk_release_from(it, w, 1);
	while (w->ns_next < w->ns_count) {
		const uint8_t *name = w->ns[w->ns_next++];

		if (cache_find(it->cache, cache_key(it->cache, CACHE_HOST, name), now_ns, &found)) {
			w->servers = found;
			w->tried = 0;
			w->useless = 0;
			walk_make_ready(it, w);
			return true;
		}
		if (w->depth >= SEEK_DEPTH_MAX || (seek = walk_take(it)) == NULL)
			continue;
		it->stats.servers_sought++;
		seek->parent = walk_number(it, w);
		seek->depth = w->depth + 1;
		seek->type = DNS_A;
		memcpy(seek->name, name, dns_name_size(name));
		memcpy(seek->asked, name, dns_name_size(name));
		walk_stand_at_best(it, seek, now_ns);
		walk_make_ready(it, seek);
		return true;
	}
	return false;
}

/* The next thing that a walk can do. */
void
walk_go_on(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	for (;;) {
		if (it->stopped) {
			walk_fail(it, w, now_ns);
			return;
		}
		if (top_of(it, w)->asks >= ITERATE_ASKS_MAX) {
			walk_exceed(it, w, now_ns);
			return;
		}
		if (walk_is_denied(it, w, now_ns))
			return;
		if (w->is_seeking && w->servers.count > 0) {
			w->is_seeking = false;
			walk_release(it, w);
		}
		if (!has_turn(it, w)) {
			if (!seek_next(it, w, now_ns))
				walk_fail(it, w, now_ns);
			return;
		}
		if (w->tried == 0 && !w->is_admitted && walk_waits_for_leader(it, w))
			return;
		if (it->manners != NULL && !w->is_admitted && !be_admitted(it, w, now_ns))
			return;
		w->is_admitted = false;
		if (ask_next(it, w, now_ns))
			return;
		w->timed_out = true;
	}
}

static void
descend(struct iterate *it, struct walk *w, const struct referral *r, uint64_t now_ns)
{
	it->stats.referrals++;
	it->stats.glue_refused += r->glue_refused;
	if (r->servers.count > 0)
		cache_put(it->cache, cache_key(it->cache, CACHE_ZONE, r->zone), &r->servers, r->ttl_s,
			  now_ns);
	if (r->servers.count > 0)
		walk_release(it, w);
	if (++w->referrals > ITERATE_REFERRALS_MAX) {
		walk_exceed(it, w, now_ns);
		return;
	}
	walk_stand_at(it, w, r->zone, &r->servers);
	memcpy(w->ns, r->ns, sizeof(w->ns));
	w->ns_count = r->ns_count;
	walk_go_on(it, w, now_ns);
}

/* From the top again, for the name behind the alias. */
static void
follow(struct iterate *it, struct walk *w, const struct dns_answer *a, const uint8_t *alias,
       uint64_t now_ns)
{
	if (!aliases_keep(&w->aliases, a->message) || w->aliases.count > ITERATE_ALIASES_MAX) {
		walk_exceed(it, w, now_ns);
		return;
	}
	walk_release(it, w);
	memcpy(w->name, alias, dns_name_size(alias));
	w->referrals = 0;
	walk_stand_at_best(it, w, now_ns);
	walk_go_on(it, w, now_ns);
}

/* Its server could not be heard out over TCP: then it has another turn. */
static bool
is_cut_off(const struct dns_answer *a)
{
	struct dns_header h;

	return !a->is_tcp && dns_header_read(a->message, &h) && h.truncated;
}

/* A question that got no message, or none that is whole. */
static void
unanswered(struct walk *w, const struct dns_answer *a)
{
	w->cut_off |= a->message.len > 0;
	if (a->cause == GRAB_EXCLUDED) {
		w->blocked = true;
		give_up_server(w);
	} else {
		w->timed_out = true;
	}
}

static enum manners_end
end_of(const struct dns_answer *a)
{
	if (a->message.len == 0)
		return a->cause == GRAB_TIMEOUT ? MANNERS_BAD : MANNERS_UNSAID;
	return a->status == DNS_SERVFAIL || a->status == DNS_REFUSED ? MANNERS_BAD : MANNERS_GOOD;
}
void
iterate_told(struct iterate *it, uint64_t user, const struct dns_answer *a, uint64_t now_ns)
{
	struct walk *w = &it->walks[user];
	const struct asked asked = {.zone = w->zone, .name = w->name, .type = w->type};
	uint8_t alias[DNS_NAME_MAX];
	struct referral r;

	if (a->cause == GRAB_STOPPED)
		it->stopped = true;
	walk_give_back(it, w, end_of(a), a->packets > 1 ? a->packets - 1u : 0, now_ns);
	if (a->message.len == 0 || is_cut_off(a)) {
		unanswered(w, a);
		walk_make_ready(it, w);
		return;
	}
	switch (referral_read(&asked, a->message, &r, alias)) {
	case SAID_ANSWER:
		walk_note_denied(it, w, a, now_ns);
		walk_end(it, w, a, now_ns);
		return;
	case SAID_ALIAS:
		follow(it, w, a, alias, now_ns);
		return;
	case SAID_REFERRAL:
		descend(it, w, &r, now_ns);
		return;
	case SAID_LAME:
		it->stats.lame++;
		w->status = a->status;
		give_up_server(w);
		walk_make_ready(it, w);
	}
}
