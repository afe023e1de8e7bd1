/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How tests of lib/tcp begin and end: with a connection that is adopted, and perhaps has said its first words.
 */
#ifndef TESTS_TCP_TALK_H
#define TESTS_TCP_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tcp_rig.h"

/* Of the first byte that we say. */
#define ACKED (RIG_ISN + 1)

/* The segment that came out last. */
static struct rig_out o;

static inline struct rig *
adopted(enum probe_profile profile, const char *say)
{
	struct tcp_synack synack = rig_synack(65535);

	return rig_adopted(profile, say, &synack);
}

/* As adopted, and its first words are on their way. */
static inline struct rig *
talking(enum probe_profile profile, const char *say)
{
	struct rig *r = adopted(profile, say);

	rig_flush(r, &o);
	return r;
}

static inline void
finish(struct rig *r)
{
	assert_true(rig_end(r));
}

#endif /* TESTS_TCP_TALK_H */
