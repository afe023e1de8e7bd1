/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests of single replies begin with: a probe of some module, one of its flows, and who classifies what comes
 * back to it.
 */
#ifndef TESTS_CLASSIFY_RIG_H
#define TESTS_CLASSIFY_RIG_H

#include "frames.h"

#define TARGET 0xc000020a
#define ROUTER 0xcb007101

static struct probe probe;
static struct frames_flow flow;
static struct classify_config config;

/* 0, or -1 as cmocka has it. */
static inline int
classify_rig_setup(const struct probe_module *module, uint16_t port)
{
	struct probe_config c = frames_config(PROBE_WINDOWS);

	config = (struct classify_config){
		.probe = &probe,
		.addresses = frames_sources,
		.address_count = 4,
	};
	if (probe_init(&probe, module, &c) != 0)
		return -1;
	flow = frames_flow(&probe, TARGET, port, COOKIE_PROBE);
	return 0;
}

static inline enum classify_kind
classify(const uint8_t *frame, size_t len)
{
	struct reply reply;

	return classify_frame(&config, frame, len, &reply);
}

/* A router's error about the flow's probe, with so much of it. */
static inline size_t
icmp_error(uint8_t type, uint8_t code, size_t quoted, uint8_t *frame)
{
	uint8_t body[PROBE_FRAME_MAX] = {0};

	frames_probe(&probe, &flow, body);
	return frames_icmp(ROUTER, flow.own_address, type, code, body, quoted, frame);
}

#endif /* TESTS_CLASSIFY_RIG_H */
