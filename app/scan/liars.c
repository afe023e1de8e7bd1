/* SPDX-License-Identifier: BSD-3-Clause */
#include "liars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "say.h"

/* Lists of open resolvers have many: so many are told one by one, the manifest has all. */
#define TOLD_MAX 10

/* Of a canary's name, in an event. */
#define NAME_SHOWN 64

void
liars_init(struct liars *l, struct engine *e, const char *name, struct events *events)
{
	uint32_t count = engine_resolver_count(e);

	*l = (struct liars){.engine = e, .events = events, .name = name};
	if (count > 0)
		l->is_known = calloc(count, sizeof(*l->is_known));
}

void
liars_free(struct liars *l)
{
	free(l->is_known);
}

/* "192.0.2.53:53 lies: it said that nx.example.org is at 203.0.113.66" */
static void
describe(const struct lookups_plan *plan, uint32_t number, const struct resolvers_lie *lie,
	 char text[EVENT_TEXT_SIZE])
{
	const struct resolvers_canary *canary = &plan->canaries[lie->canary];
	const char *before = canary->kind == RESOLVERS_BELOW ? "a name below " : "";
	char resolver[IPV4_TEXT_SIZE], address[IPV4_TEXT_SIZE];
	int at;

	ipv4_format(plan->resolvers[number].address, resolver);
	ipv4_format(lie->address, address);
	at = snprintf(text, EVENT_TEXT_SIZE, "%s:%u lies: it said that %s%.*s ", resolver,
		      plan->resolvers[number].port, before, NAME_SHOWN, canary->name);
	if (lie->kind == RESOLVERS_SAID_ADDRESS)
		snprintf(text + at, EVENT_TEXT_SIZE - (size_t)at, "is at %s", address);
	else
		snprintf(text + at, EVENT_TEXT_SIZE - (size_t)at,
			 lie->kind == RESOLVERS_SAID_NO_NAME ? "does not exist" : "has no address");
}

static void
tell(struct liars *l, uint32_t number, const struct resolvers_lie *lie)
{
	char text[EVENT_TEXT_SIZE];

	describe(engine_lookups_plan(l->engine), number, lie, text);
	events_add(l->events, lie->at_ns, "lie", "%s", text);
	l->count++;
	if (l->count <= TOLD_MAX)
		say(l->name, text, l->count < TOLD_MAX ? "; it is asked no more"
						       : "; it is asked no more. Others are in the manifest");
}

/* Nobody is left to ask: that may well be the canaries' fault. */
static void
tell_all(struct liars *l, uint64_t now_ns)
{
	static const char text[] = "all resolvers lie, and nobody is asked any more";

	events_add(l->events, now_ns, "lie", "%s", text);
	say(l->name, text, "; is what 'dns.canaries' says true?");
}

void
liars_look(struct liars *l, uint64_t now_ns)
{
	uint32_t resolvers = engine_resolver_count(l->engine), before = l->count;
	uint64_t lies = engine_lies(l->engine);
	struct resolvers_lie lie;

	if (lies == l->lies || l->is_known == NULL)
		return;
	l->lies = lies;
	for (uint32_t i = 0; i < resolvers; i++) {
		if (l->is_known[i] || !engine_resolver_lie(l->engine, i, &lie))
			continue;
		l->is_known[i] = true;
		engine_accuse(l->engine, i);
		tell(l, i, &lie);
	}
	if (l->count == resolvers && before < resolvers)
		tell_all(l, now_ns);
}
