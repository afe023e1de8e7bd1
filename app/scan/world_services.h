/* SPDX-License-Identifier: BSD-3-Clause */
/* asdic world: what speaks where, and the certificates that it shows. */
#ifndef APP_WORLD_SERVICES_H
#define APP_WORLD_SERVICES_H

#include <stdint.h>

#include "base/ipv4.h"
#include "world/world.h"

/*
 * Write "address,service,sha256" of each address of a range where a port is open: the service's
 * name, and the SHA-256 of the leaf certificate of those that speak TLS, else nothing. An exit
 * status; what is wrong is told.
 */
int world_services_list(const struct world *w, struct ipv4_range range, uint16_t port);

/* Make the files of a world's certificates; likewise. */
int world_services_make_certificates(const struct world *w);

#endif /* APP_WORLD_SERVICES_H */
