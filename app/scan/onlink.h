/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link of a kernel network device: how it is, and what is on it: targets there would have to be asked by ARP, never sent
 * to the gateway, so they are left out of the scan and the operator is told.
 */
#ifndef SCAN_ONLINK_H
#define SCAN_ONLINK_H

#include <stddef.h>
#include <stdio.h>

#include "base/ipv4.h"

/* Prefixes of one job's interfaces. */
#define ONLINK_MAX 64

/* The name after "iface=" in a device text. 0, or -ENOENT for devices of no kernel interface. */
int onlink_interface(const char *device, char *name, size_t size);

/* The prefixes that the kernel's addresses of a device text's interface have, up to max; how many. */
size_t onlink_prefixes(const char *device, struct ipv4_range *prefixes, size_t max);

/* How the kernel says that a device text's interface is; fine for devices of no kernel interface. */
enum onlink_state { ONLINK_FINE, ONLINK_DOWN, ONLINK_GONE };

enum onlink_state onlink_state(const char *device);

/* Say of each that it is not scanned, in a line behind `before`. */
void onlink_print(FILE *f, const char *before, const struct ipv4_range *prefixes, size_t count);

#endif /* SCAN_ONLINK_H */
