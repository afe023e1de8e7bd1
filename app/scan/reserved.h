/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reserved ranges: config/reserved-ipv4.conf, built into the program, so that no installation can
 * lose it. As text for the gate, which parses for itself, and as ranges for everyone else.
 */
#ifndef SCAN_RESERVED_H
#define SCAN_RESERVED_H

#include <stddef.h>

#include "base/ipv4.h"

#define RESERVED_RANGES_MAX 64
#define RESERVED_NAME "reserved-ipv4.conf"

const char *reserved_text(size_t *len);

/* The ranges; how many. The list is ours, so it parses: a test holds it to that. */
size_t reserved_ranges(struct ipv4_range ranges[RESERVED_RANGES_MAX]);

#endif /* SCAN_RESERVED_H */
