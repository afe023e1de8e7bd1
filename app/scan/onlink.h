/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is on the link of a kernel network device: targets there would have to be asked by ARP, never sent
 * to the gateway, so they are left out of the scan and the operator is told.
 */
#ifndef SCAN_ONLINK_H
#define SCAN_ONLINK_H

#include <stddef.h>

#include "base/ipv4.h"

#define ONLINK_MAX 16

/* The name after "iface=" in a device text. 0, or -ENOENT for devices of no kernel interface. */
int onlink_interface(const char *device, char *name, size_t size);

/* The prefixes that the kernel's addresses of a device text's interface have; how many. */
size_t onlink_prefixes(const char *device, struct ipv4_range prefixes[ONLINK_MAX]);

#endif /* SCAN_ONLINK_H */
