/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers that say anything: the first byte is the type that is looked for, then come messages, each a length
 * of two bytes, and so many bytes. A walk that they are said to asks a bounded number of questions, and has one end.
 * Headers are made good enough to be read: an answer with authority, or not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "grab/grab.h"
#include "iterate/iterate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static struct {
	bool pending;
	uint64_t user;
	struct dns_ask ask;
	unsigned int answers, asks;
} run;

static int
on_ask(void *context, const struct dns_ask *ask, uint64_t user)
{
	(void)context;
	REQUIRE(!run.pending && ask->server != 0 && dns_name_size(ask->name) == ask->name_len);
	run.pending = true;
	run.user = user;
	run.asks++;
	return 0;
}

static void
on_answer(void *context, uint64_t user, const struct dns_answer *answer)
{
	(void)context;
	REQUIRE(user == 1 && answer->message.len <= DNS_MESSAGE_MAX);
	run.answers++;
}

/* The next message, and what it is to be; empty at the end. */
static struct span
next(struct span *rest)
{
	struct span message = {0};

	if (!span_vec16(rest, &message))
		span_take(rest, rest->len, &message);
	return message;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t roots[] = {0x0a000001};
	static const uint8_t name[] = "\3www\1x";
	/* Servers are few, and what one has to wait for comes, whoever they are. */
	const struct iterate_config config = {
		.walks = 4, .cache = 16, .roots = roots, .root_count = 1, .port = 53,
		.server_rate = 20, .server_in_flight = 1,
		.events = {.ask = on_ask, .answer = on_answer},
	};
	struct span rest = span_of(data, size);
	struct iterate *it = iterate_new(&config);
	uint8_t type = 1;

	memset(&run, 0, sizeof(run));
	REQUIRE(it != NULL);
	span_u8(&rest, &type);
	REQUIRE(iterate_begin(it, name, type, 1, 0) == 0);
	for (uint64_t now_ns = 0;; now_ns += NS_PER_MS) {
		struct dns_answer a = {.server = 1, .port = 53};

		while (iterate_poll(it, now_ns) > 0)
			;
		if (!run.pending) {
			uint64_t next_ns = iterate_next_ns(it);

			if (next_ns == TIME_NEVER)
				break;
			now_ns = next_ns > now_ns ? next_ns - NS_PER_MS : now_ns;
			continue;
		}
		run.pending = false;
		a.message = next(&rest);
		a.packets = (uint8_t)a.message.len;
		a.status = a.message.len > 3 ? a.message.at[3] & 15 : (uint8_t)DNS_TIMEOUT;
		iterate_told(it, run.user, &a, now_ns);
	}
	REQUIRE(run.answers == 1 && iterate_live(it) == 0 && run.asks <= ITERATE_ASKS_MAX + 1);
	iterate_free(it);
	return 0;
}
