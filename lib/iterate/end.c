/* SPDX-License-Identifier: BSD-3-Clause */
/* How walks end, and what is remembered of what the root denies. */
#include "grab/grab.h"
#include "walk.h"

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
void
walk_note_denied(struct iterate *it, const struct walk *w, const struct dns_answer *a, uint64_t now_ns)
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
void
walk_seek_done(struct iterate *it, struct walk *w, const struct servers *found, uint32_t ttl_s, uint64_t now_ns)
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
	walk_make_ready(it, parent);
}

static void
seek_end(struct iterate *it, struct walk *w, const struct dns_answer *a, uint64_t now_ns)
{
	struct servers found = {.count = 0};
	uint32_t ttl_s = SEEK_TTL_S;

	if (a->status == DNS_NOERROR)
		addresses_read(a->message, &found, &ttl_s);
	walk_seek_done(it, w, &found, ttl_s, now_ns);
}

void
walk_end(struct iterate *it, struct walk *w, const struct dns_answer *a, uint64_t now_ns)
{
	walk_release(it, w);
	if (w->parent != 0)
		seek_end(it, w, a, now_ns);
	else
		lookup_end(it, w, a, now_ns);
}

/* Whether the root has said before that there is no such name: then that is the walk's end. */
bool
walk_is_denied(struct iterate *it, struct walk *w, uint64_t now_ns)
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

/* It was to ask, and will not. */
static void
forgo(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	if (w->is_admitted)
		walk_give_back(it, w, MANNERS_UNSAID, 0, now_ns);
	w->is_admitted = false;
}

void
walk_fail(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct dns_answer a = {.server = w->server, .port = w->server != 0 ? it->config.port : 0};

	forgo(it, w, now_ns);
	failure(it, w, &a);
	walk_end(it, w, &a, now_ns);
}

void
walk_exceed(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	it->stats.bounded++;
	w->status = DNS_SERVFAIL;
	walk_fail(it, w, now_ns);
}
