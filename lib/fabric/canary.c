/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/canary.h"

#include <string.h>

void
canary_init(struct canary *c, const struct canary_config *config)
{
	memset(c, 0, sizeof(*c));
	c->config = *config;
}

void
canary_note(struct canary *c, const struct reply *reply)
{
	if (reply->kind == CLASSIFY_ICMP)
		return;
	for (unsigned int i = 0; i < c->config.count; i++)
		if (c->config.address[i] == reply->address && c->config.port[i] == reply->port)
			atomic_fetch_or_explicit(&c->answered, UINT32_C(1) << i, memory_order_relaxed);
}

static void
ask(const struct canary *c, unsigned int i)
{
	const struct probe *any = c->config.outlets[0].probe;
	uint32_t address = c->config.address[i];
	uint16_t port = c->config.port[i], len;
	uint64_t cookie = cookie_make(&any->config.key, address, port, COOKIE_CANARY);
	const struct outlet *o = &c->config.outlets[probe_iface_of(any->config.sources, cookie)];
	uint8_t room[PROBE_FRAME_MAX], *frame = room;

	memcpy(frame, o->probe->template, sizeof(room));
	o->probe->module->fill(o->probe, COOKIE_CANARY, 0, 1, &frame, &address, &port, &cookie);
	len = o->probe->frame_len < WIRE_FRAME_MIN ? WIRE_FRAME_MIN : o->probe->frame_len;
	tx_urgent(o->tx, LEDGER_CANARY, frame, len);
}

/* What the last round has brought, and the next. */
static unsigned int
canary_poll(void *context, uint64_t now_ns)
{
	struct canary *c = context;
	uint32_t answered;

	if (now_ns < c->next_ns)
		return 0;
	answered = atomic_exchange_explicit(&c->answered, 0, memory_order_relaxed);
	/* Where nobody was to be asked, nothing is known to be wrong. */
	if (c->asked == 0 || answered != 0) {
		atomic_store_explicit(&c->silent, 0, memory_order_relaxed);
		atomic_store_explicit(&c->good_ns, c->asked_ns, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&c->silent, 1, memory_order_relaxed);
	}
	c->asked_ns = now_ns;
	c->next_ns = now_ns + CANARY_PERIOD_NS;
	c->asked = 0;
	for (unsigned int i = 0; i < c->config.count; i++) {
		if (gate_denies(c->config.gate, c->config.address[i]))
			continue;
		ask(c, i);
		c->asked |= UINT32_C(1) << i;
	}
	return c->config.count;
}

static bool
canary_drain(void *context, uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	return true;
}

static uint64_t
canary_next_ns(const void *context, uint64_t now_ns)
{
	const struct canary *c = context;

	(void)now_ns;
	return c->next_ns;
}

const struct role_ops canary_role = {
	.name = "canary",
	.stage = FABRIC_DRAIN_PROBERS,
	.poll = canary_poll,
	.drain = canary_drain,
	.next_ns = canary_next_ns,
};
