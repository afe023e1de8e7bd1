/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/sender.h"

#include "base/time.h"

static unsigned int
sender_poll(void *context, uint64_t now_ns)
{
	(void)now_ns;
	return tx_flush(context);
}

static bool
sender_drain(void *context, uint64_t now_ns)
{
	struct tx *tx = context;

	(void)now_ns;
	tx_flush(tx);
	return tx_is_empty(tx);
}

static uint64_t
sender_next_ns(const void *context, uint64_t now_ns)
{
	return tx_next_ns(context, now_ns);
}

const struct role_ops sender_role = {
	.name = "sender",
	.stage = FABRIC_DRAIN_SENDERS,
	.poll = sender_poll,
	.drain = sender_drain,
	.next_ns = sender_next_ns,
};
