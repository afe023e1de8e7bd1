/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks down the tree. A walk looks for one name of one type: for a lookup, or for a walk that needs the address
 * of a server. It stands at a zone, asks one of its servers at a time, and either comes down to another zone,
 * goes on with an alias, or ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "grab/grab.h"
#include "internal.h"

#define ROUNDS 3         /* that a zone's servers are asked in, if they say nothing */
#define SEEK_DEPTH_MAX 3 /* walks for servers of walks for servers */
#define SEEK_TTL_S 3600  /* of addresses of servers that were sought, where less is not said */
#define WAIT_BUCKETS 4096
#define PLACES_MAX (UINT32_C(1) << 16) /* of servers that are asked with manners */

static const uint8_t root_name[] = {0};

struct walk {
	uint64_t user;
	uint64_t started_ns;
	uint64_t waited_for; /* the key of a zone that another was waited for: not twice for one; 0: none */
	uint64_t leads;      /* the key of the zone that it asks for, for others too; 0: none */
	uint32_t next;       /* in a list: free, ready, or waiting in a bucket */
	uint32_t parent;     /* 0: a lookup's own */
	uint32_t waiting;    /* bucket's list: first of those that wait for this one's */
	uint32_t server;     /* that was asked last */
	uint16_t asks;       /* of a lookup's own walk: all that were made for it */
	uint16_t type;
	uint16_t useless;    /* servers of this zone that are not to be asked again, bits */
	uint8_t depth;
	uint8_t referrals;
	uint8_t tries;
	uint8_t tried;       /* turns of servers of this zone */
	uint8_t first;       /* the number of the server that is asked first */
	uint8_t ns_count, ns_next;
	uint8_t status;      /* the best that lame servers said: DNS_STATUSES for nothing yet */
	bool timed_out;      /* some server said nothing */
	bool cut_off;        /* some said that it has more to say, and did not */
	bool blocked;        /* some may not be asked */
	bool is_ready;
	bool is_waiting;
	bool is_seeking; /* a server of its zone */
	bool is_admitted; /* may ask the server whose turn it is, which was waited for */
	uint32_t place;  /* of manners: of the server that is asked, or waited for */
	struct servers servers;
	struct aliases aliases;
	uint8_t zone[DNS_NAME_MAX];
	uint8_t name[DNS_NAME_MAX];  /* that it looks for now */
	uint8_t asked[DNS_NAME_MAX]; /* that it was begun for */
	uint8_t ns[NS_NAMES_MAX][DNS_NAME_MAX];
};

struct iterate {
	struct iterate_config config;
	struct servers roots;
	struct cache *cache;
	struct manners *manners; /* NULL: no bounds */
	struct walk *walks; /* walks[0] stands for none */
	uint32_t capacity;
	uint32_t touched;
	uint32_t free;
	uint32_t lookups;
	uint32_t ready, ready_last; /* to be gone on with */
	uint32_t leaders[WAIT_BUCKETS]; /* walks by the key that they lead for: one a bucket */
	uint64_t drawn;
	bool stopped; /* nothing is asked any more */
	uint8_t *joined;
	struct iterate_stats stats;
};

/* ---- The pool ---------------------------------------------------------------------------- */

static bool
has_manners(const struct iterate_config *c)
{
	return c->server_rate > 0 || c->server_in_flight > 0;
}

/* Twice as many as walks ask servers at a time, or more. */
static uint32_t
places_of(const struct iterate_config *c)
{
	uint32_t places = 64;

	while (places < 4 * c->walks && places < PLACES_MAX)
		places *= 2;
	return places;
}

size_t
iterate_memory_bytes(const struct iterate_config *c)
{
	return sizeof(struct iterate) + (2 * (size_t)c->walks + 1) * sizeof(struct walk) +
	       cache_bytes(c->cache) + ALIASES_JOINED_MAX +
	       (has_manners(c) ? manners_bytes(places_of(c), 2 * c->walks) : 0);
}

static bool
config_is_good(const struct iterate_config *c)
{
	return c->walks > 0 && c->walks <= ITERATE_WALKS_MAX && c->cache >= 4 &&
	       (c->cache & (c->cache - 1)) == 0 && c->root_count > 0;
}

static struct manners *
make_manners(const struct iterate_config *c)
{
	const struct manners_config manners = {
		.places = places_of(c),
		.waiters = 2 * c->walks,
		.rate = c->server_rate,
		.in_flight = c->server_in_flight,
		.key = c->key[1],
	};

	return manners_new(&manners);
}

struct iterate *
iterate_new(const struct iterate_config *config)
{
	struct iterate *it;

	if (!config_is_good(config))
		return NULL;
	it = calloc(1, sizeof(*it));
	if (it == NULL)
		return NULL;
	it->config = *config;
	it->capacity = 2 * config->walks;
	it->cache = cache_new(config->cache, config->key);
	it->walks = calloc((size_t)it->capacity + 1, sizeof(*it->walks));
	it->joined = malloc(ALIASES_JOINED_MAX);
	if (has_manners(config))
		it->manners = make_manners(config);
	if (it->cache == NULL || it->walks == NULL || it->joined == NULL ||
	    (it->manners == NULL && has_manners(config))) {
		iterate_free(it);
		return NULL;
	}
	for (size_t i = 0; i < config->root_count; i++)
		servers_add(&it->roots, config->roots[i]);
	return it;
}

void
iterate_free(struct iterate *it)
{
	if (it == NULL)
		return;
	for (uint32_t i = 1; it->walks != NULL && i <= it->touched; i++)
		aliases_free(&it->walks[i].aliases);
	cache_free(it->cache);
	manners_free(it->manners);
	free(it->walks);
	free(it->joined);
	free(it);
}

static uint32_t
number_of(const struct iterate *it, const struct walk *w)
{
	return (uint32_t)(w - it->walks);
}

static struct walk *
walk_take(struct iterate *it)
{
	uint32_t number = it->free;

	if (number != 0)
		it->free = it->walks[number].next;
	else if (it->touched < it->capacity)
		number = ++it->touched;
	else
		return NULL;
	it->walks[number] = (struct walk){.status = DNS_STATUSES};
	return &it->walks[number];
}

static void
walk_give(struct iterate *it, struct walk *w)
{
	aliases_free(&w->aliases);
	w->next = it->free;
	it->free = number_of(it, w);
}

/* To be gone on with by iterate_poll(), in turn. */
static void
make_ready(struct iterate *it, struct walk *w)
{
	uint32_t number = number_of(it, w);

	if (w->is_ready)
		return;
	w->is_ready = true;
	w->next = 0;
	if (it->ready_last != 0)
		it->walks[it->ready_last].next = number;
	else
		it->ready = number;
	it->ready_last = number;
}

/* ---- Waiting for one another ------------------------------------------------------------- */

/* What a walk is about to learn that others may want, too: who serves the zone that is expected next below where it
 * stands, one label more; or the address of the server that it seeks. 0: nothing. */
static uint64_t
expected_key(const struct iterate *it, const struct walk *w)
{
	unsigned int below = dns_name_labels(w->name) - dns_name_labels(w->zone);
	const uint8_t *child = w->name;

	if (below < 2)
		return w->parent != 0 ? cache_key(it->cache, CACHE_HOST, w->asked) : 0;
	for (; below > 1; below--)
		child = dns_name_parent(child);
	return cache_key(it->cache, CACHE_ZONE, child);
}

static uint32_t *
leader_of(struct iterate *it, uint64_t key)
{
	return &it->leaders[key % WAIT_BUCKETS];
}

/* Wait for another walk that asks for the same, if there is one; else be the one that others wait for. */
static bool
wait_for_leader(struct iterate *it, struct walk *w)
{
	uint64_t key = expected_key(it, w);
	uint32_t *leader = leader_of(it, key);

	if (key == 0 || w->waited_for == key)
		return false;
	if (*leader == 0) {
		*leader = number_of(it, w);
		w->leads = key;
		return false;
	}
	if (it->walks[*leader].leads != key || *leader == number_of(it, w))
		return false;
	if (it->walks[*leader].is_seeking && w->depth > 0)
		return false;
	w->waited_for = key;
	w->is_waiting = true;
	w->next = it->walks[*leader].waiting;
	it->walks[*leader].waiting = number_of(it, w);
	it->stats.waited++;
	return true;
}

/* Whoever has waited, at this depth or below, looks again for where to begin. */
static void
release_from(struct iterate *it, struct walk *w, unsigned int depth)
{
	uint32_t *link = &w->waiting;

	while (*link != 0) {
		struct walk *waiter = &it->walks[*link];

		if (waiter->depth < depth) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		make_ready(it, waiter);
	}
}

static void
release(struct iterate *it, struct walk *w)
{
	if (w->leads == 0)
		return;
	*leader_of(it, w->leads) = 0;
	w->leads = 0;
	release_from(it, w, 0);
}

/* ---- Where a walk stands ----------------------------------------------------------------- */

static void
stand_at(struct iterate *it, struct walk *w, const uint8_t *zone, const struct servers *servers)
{
	memmove(w->zone, zone, dns_name_size(zone));
	w->servers = *servers;
	w->tried = 0;
	w->useless = 0;
	w->first = servers->count > 0 ? (uint8_t)(hash_mix64(it->config.key[0] ^ ++it->drawn) % servers->count) : 0;
	w->ns_count = w->ns_next = 0;
}

/* At the lowest zone above the name of which the cache knows servers. */
static void
stand_at_best(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct servers found;

	for (const uint8_t *zone = w->name; zone[0] != 0; zone = dns_name_parent(zone)) {
		if (cache_find(it->cache, cache_key(it->cache, CACHE_ZONE, zone), now_ns, &found)) {
			it->stats.cached++;
			stand_at(it, w, zone, &found);
			return;
		}
	}
	stand_at(it, w, root_name, &it->roots);
}

/* ---- Manners ----------------------------------------------------------------------------- */

/* Those in line of a place that may ask now. */
static unsigned int
admit(struct iterate *it, uint32_t place, uint64_t now_ns)
{
	unsigned int admitted = 0;
	uint32_t number;

	for (; (number = manners_admit(it->manners, place, now_ns)) != 0; admitted++) {
		it->walks[number].is_admitted = true;
		make_ready(it, &it->walks[number]);
	}
	return admitted;
}

/* The question to its server has ended, or was not asked after all. */
static void
give_back(struct iterate *it, struct walk *w, enum manners_end end, unsigned int extra, uint64_t now_ns)
{
	if (it->manners == NULL)
		return;
	manners_give(it->manners, w->place, end, extra, now_ns);
	admit(it, w->place, now_ns);
}

/* It was to ask, and will not. */
static void
forgo(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	if (w->is_admitted)
		give_back(it, w, MANNERS_UNSAID, 0, now_ns);
	w->is_admitted = false;
}

static enum manners_end
end_of(const struct dns_answer *a)
{
	if (a->message.len == 0)
		return a->cause == GRAB_TIMEOUT ? MANNERS_BAD : MANNERS_UNSAID;
	return a->status == DNS_SERVFAIL || a->status == DNS_REFUSED ? MANNERS_BAD : MANNERS_GOOD;
}

/* ---- Ends -------------------------------------------------------------------------------- */

/* What is said of a walk that has found nothing. */
static void
failure(const struct iterate *it, const struct walk *w, struct dns_answer *a)
{
	if (it->stopped)
		a->status = DNS_STOPPED;
	else if (w->status != DNS_STATUSES)
		a->status = DNS_SERVFAIL;
	else if (w->cut_off)
		a->status = DNS_TRUNCATED;
	else if (w->timed_out)
		a->status = DNS_ITERATIVE_TIMEOUT;
	else
		a->status = w->blocked ? DNS_BLOCKED : DNS_AUTHFAIL;
	a->cause = a->status == DNS_STOPPED ? GRAB_STOPPED :
		   a->status == DNS_ITERATIVE_TIMEOUT || a->status == DNS_TRUNCATED ? GRAB_TIMEOUT :
		   a->status == DNS_BLOCKED ? GRAB_EXCLUDED : GRAB_COMPLETE;
}

static void
lookup_end(struct iterate *it, struct walk *w, const struct dns_answer *answer, uint64_t now_ns)
{
	struct dns_answer a = *answer;
	uint64_t user = w->user;

	if (w->aliases.count > 0 && a.message.len > 0) {
		size_t len = aliases_join(&w->aliases, w->asked, w->type, a.message, it->joined,
					  ALIASES_JOINED_MAX);

		if (len > 0 && len <= DNS_MESSAGE_MAX)
			a.message = span_of(it->joined, len);
	}
	a.started_ns = w->started_ns;
	a.ended_ns = now_ns;
	a.tries = (uint8_t)(w->asks < UINT8_MAX ? w->asks : UINT8_MAX);
	walk_give(it, w);
	it->lookups--;
	it->stats.ended++;
	it->config.events.answer(it->config.context, user, &a);
}

/* ---- Top-level domains that there are not ------------------------------------------------ */

static uint64_t
none_key(const struct iterate *it, const uint8_t *name)
{
	while (dns_name_labels(name) > 1)
		name = dns_name_parent(name);
	return cache_key(it->cache, CACHE_NONE, name);
}

/* What the root has said of a name may be true of all in its top-level domain. */
static void
note_denied(struct iterate *it, const struct walk *w, const struct dns_answer *a, uint64_t now_ns)
{
	const struct servers said = {.address = {a->server}, .count = 1};
	uint32_t ttl_s = referral_denied_s(a->message);
	struct dns_header h;

	if (!it->config.root_has_tlds || w->zone[0] != 0 || a->status != DNS_NXDOMAIN || ttl_s == 0 ||
	    !dns_header_read(a->message, &h) || h.count[DNS_ANSWERS] > 0)
		return;
	cache_put(it->cache, none_key(it, w->name), &said, ttl_s, now_ns);
}

/* Addresses that a walk for a server's name has found. */
static void
addresses_read(struct span message, struct servers *found, uint32_t *ttl_s)
{
	struct dns_reader r;
	struct dns_rr rr;

	*ttl_s = SEEK_TTL_S;
	if (dns_reader_init(&r, message) != 0)
		return;
	while (dns_reader_next(&r, &rr) == 1 && rr.section == DNS_ANSWERS) {
		if (rr.type != DNS_A || rr.len != 4)
			continue;
		servers_add(found, load_be32(message.at + rr.at));
		*ttl_s = rr.ttl < *ttl_s ? rr.ttl : *ttl_s;
	}
}

/* Its parent goes on, with the addresses if there are any. */
static void
seek_done(struct iterate *it, struct walk *w, const struct servers *found, uint32_t ttl_s, uint64_t now_ns)
{
	struct walk *parent = &it->walks[w->parent];

	if (found->count > 0) {
		cache_put(it->cache, cache_key(it->cache, CACHE_HOST, w->asked), found, ttl_s, now_ns);
		cache_put(it->cache, cache_key(it->cache, CACHE_ZONE, parent->zone), found, ttl_s, now_ns);
		parent->servers = *found;
		parent->tried = 0;
		parent->useless = 0;
	}
	walk_give(it, w);
	make_ready(it, parent);
}

static void
seek_end(struct iterate *it, struct walk *w, const struct dns_answer *a, uint64_t now_ns)
{
	struct servers found = {.count = 0};
	uint32_t ttl_s = SEEK_TTL_S;

	if (a->status == DNS_NOERROR)
		addresses_read(a->message, &found, &ttl_s);
	seek_done(it, w, &found, ttl_s, now_ns);
}

static void
walk_end(struct iterate *it, struct walk *w, const struct dns_answer *a, uint64_t now_ns)
{
	release(it, w);
	if (w->parent != 0)
		seek_end(it, w, a, now_ns);
	else
		lookup_end(it, w, a, now_ns);
}

/* Whether the root has said before that there is no such name: then that is the walk's end. */
static bool
is_denied(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	const struct dns_header h = {.is_response = true, .rcode = DNS_NXDOMAIN};
	struct dns_answer a = {.port = it->config.port, .status = DNS_NXDOMAIN, .cause = GRAB_COMPLETE};
	uint8_t message[DNS_HEADER_BYTES + DNS_NAME_MAX + 4];
	struct servers said;
	struct dns_writer to;

	if (!it->config.root_has_tlds || w->zone[0] != 0 || w->tried > 0 ||
	    !cache_find(it->cache, none_key(it, w->name), now_ns, &said))
		return false;
	it->stats.denied++;
	a.server = said.address[0];
	dns_writer_begin(&to, message, sizeof(message), &h);
	dns_writer_question(&to, w->name, w->type, DNS_CLASS_IN);
	a.message = span_of(message, to.len);
	walk_end(it, w, &a, now_ns);
	return true;
}

static void
walk_fail(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct dns_answer a = {.server = w->server, .port = w->server != 0 ? it->config.port : 0};

	forgo(it, w, now_ns);
	failure(it, w, &a);
	walk_end(it, w, &a, now_ns);
}

static void
walk_bounded(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	it->stats.bounded++;
	w->status = DNS_SERVFAIL;
	walk_fail(it, w, now_ns);
}

/* ---- Steps ------------------------------------------------------------------------------- */

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
	rc = it->config.events.ask(it->config.context, &ask, number_of(it, w));
	it->stopped |= rc == -ECANCELED;
	if (rc != 0)
		give_back(it, w, MANNERS_UNSAID, 0, now_ns);
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
	manners_wait(it->manners, w->place, number_of(it, w));
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
	release_from(it, w, 1);
	while (w->ns_next < w->ns_count) {
		const uint8_t *name = w->ns[w->ns_next++];

		if (cache_find(it->cache, cache_key(it->cache, CACHE_HOST, name), now_ns, &found)) {
			w->servers = found;
			w->tried = 0;
			w->useless = 0;
			make_ready(it, w);
			return true;
		}
		if (w->depth >= SEEK_DEPTH_MAX || (seek = walk_take(it)) == NULL)
			continue;
		it->stats.servers_sought++;
		seek->parent = number_of(it, w);
		seek->depth = w->depth + 1;
		seek->type = DNS_A;
		memcpy(seek->name, name, dns_name_size(name));
		memcpy(seek->asked, name, dns_name_size(name));
		stand_at_best(it, seek, now_ns);
		make_ready(it, seek);
		return true;
	}
	return false;
}

/* The next thing that a walk can do. */
static void
go_on(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	for (;;) {
		if (it->stopped) {
			walk_fail(it, w, now_ns);
			return;
		}
		if (top_of(it, w)->asks >= ITERATE_ASKS_MAX) {
			walk_bounded(it, w, now_ns);
			return;
		}
		if (is_denied(it, w, now_ns))
			return;
		if (w->is_seeking && w->servers.count > 0) {
			w->is_seeking = false;
			release(it, w);
		}
		if (!has_turn(it, w)) {
			if (!seek_next(it, w, now_ns))
				walk_fail(it, w, now_ns);
			return;
		}
		if (w->tried == 0 && !w->is_admitted && wait_for_leader(it, w))
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
		release(it, w);
	if (++w->referrals > ITERATE_REFERRALS_MAX) {
		walk_bounded(it, w, now_ns);
		return;
	}
	stand_at(it, w, r->zone, &r->servers);
	memcpy(w->ns, r->ns, sizeof(w->ns));
	w->ns_count = r->ns_count;
	go_on(it, w, now_ns);
}

/* From the top again, for the name behind the alias. */
static void
follow(struct iterate *it, struct walk *w, const struct dns_answer *a, const uint8_t *alias,
       uint64_t now_ns)
{
	if (!aliases_keep(&w->aliases, a->message) || w->aliases.count > ITERATE_ALIASES_MAX) {
		walk_bounded(it, w, now_ns);
		return;
	}
	release(it, w);
	memcpy(w->name, alias, dns_name_size(alias));
	w->referrals = 0;
	stand_at_best(it, w, now_ns);
	go_on(it, w, now_ns);
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

void
iterate_told(struct iterate *it, uint64_t user, const struct dns_answer *a, uint64_t now_ns)
{
	struct walk *w = &it->walks[user];
	const struct asked asked = {.zone = w->zone, .name = w->name, .type = w->type};
	uint8_t alias[DNS_NAME_MAX];
	struct referral r;

	if (a->cause == GRAB_STOPPED)
		it->stopped = true;
	give_back(it, w, end_of(a), a->packets > 1 ? a->packets - 1u : 0, now_ns);
	if (a->message.len == 0 || is_cut_off(a)) {
		unanswered(w, a);
		make_ready(it, w);
		return;
	}
	switch (referral_read(&asked, a->message, &r, alias)) {
	case SAID_ANSWER:
		note_denied(it, w, a, now_ns);
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
		make_ready(it, w);
	}
}

/* ---- From outside ------------------------------------------------------------------------ */

int
iterate_begin(struct iterate *it, const uint8_t *name, uint16_t type, uint64_t user, uint64_t now_ns)
{
	struct walk *w;

	if (it->lookups == it->config.walks)
		return -EAGAIN;
	w = walk_take(it);
	if (w == NULL)
		return -EAGAIN;
	it->lookups++;
	it->stats.begun++;
	w->user = user;
	w->type = type;
	w->started_ns = now_ns;
	memcpy(w->name, name, dns_name_size(name));
	memcpy(w->asked, name, dns_name_size(name));
	stand_at_best(it, w, now_ns);
	make_ready(it, w);
	return 0;
}

/* Whom it waited for may have brought it nearer, or to its end: true. */
static bool
has_waited(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct servers found;

	w->is_waiting = false;
	if (w->parent != 0 &&
	    cache_find(it->cache, cache_key(it->cache, CACHE_HOST, w->asked), now_ns, &found)) {
		seek_done(it, w, &found, SEEK_TTL_S, now_ns);
		return true;
	}
	stand_at_best(it, w, now_ns);
	return false;
}

unsigned int
iterate_poll(struct iterate *it, uint64_t now_ns)
{
	unsigned int done = 0;
	uint32_t place;

	while (it->manners != NULL && (place = manners_due(it->manners, now_ns)) != MANNERS_NONE)
		admit(it, place, now_ns);
	while (it->ready != 0) {
		struct walk *w = &it->walks[it->ready];

		it->ready = w->next;
		if (it->ready == 0)
			it->ready_last = 0;
		w->is_ready = false;
		done++;
		if (w->is_waiting && has_waited(it, w, now_ns))
			continue;
		go_on(it, w, now_ns);
	}
	return done;
}

uint64_t
iterate_next_ns(const struct iterate *it)
{
	if (it->ready != 0)
		return 0;
	return it->manners != NULL ? manners_next_ns(it->manners) : TIME_NEVER;
}

void
iterate_stop(struct iterate *it)
{
	uint32_t number;

	it->stopped = true;
	while (it->manners != NULL && (number = manners_dismiss(it->manners)) != 0)
		make_ready(it, &it->walks[number]);
}

uint32_t
iterate_room(const struct iterate *it)
{
	return it->config.walks - it->lookups;
}

uint32_t
iterate_live(const struct iterate *it)
{
	return it->lookups;
}

const struct iterate_stats *
iterate_stats(const struct iterate *it)
{
	return &it->stats;
}
