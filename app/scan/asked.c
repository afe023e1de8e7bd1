/* SPDX-License-Identifier: BSD-3-Clause */
#include "asked.h"

void
asked_take(const struct engine *e, const struct ledger *l, struct asked *out)
{
	*out = (struct asked){0};
	if (!engine_has_lookups(e))
		return;
	out->names = l->count[LEDGER_LOOKUP_RECORD];
	out->live = engine_live_lookups(e);
	out->queries = l->count[LEDGER_TRY];
	for (unsigned int status = 0; status < DNS_STATUSES; status++)
		out->results += engine_answers(e, (enum dns_status)status);
	out->success = engine_answers(e, DNS_NOERROR) + engine_answers(e, DNS_NXDOMAIN);
	out->timeouts = engine_answers(e, DNS_TIMEOUT) + engine_answers(e, DNS_ITERATIVE_TIMEOUT);
	out->servfail = engine_answers(e, DNS_SERVFAIL);
	engine_resolver_states(e, out->resolvers);
}

double
asked_success_percent(const struct asked *a)
{
	return a->results == 0 ? 100.0 : 100.0 * (double)a->success / (double)a->results;
}
