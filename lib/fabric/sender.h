/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sender role: flushes one TX queue, after the roles that fill it.
 *
 * Its context is the struct tx. A lcore that makes frames for several ports has a sender for each.
 */
#ifndef FABRIC_SENDER_H
#define FABRIC_SENDER_H

#include "fabric/fabric.h"
#include "port/tx.h"

extern const struct role_ops sender_role;

#endif /* FABRIC_SENDER_H */
