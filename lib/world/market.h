/* SPDX-License-Identifier: BSD-3-Clause */
/* Services and their shares as a world has them compiled; for the files of lib/world alone. */
#ifndef WORLD_MARKET_H
#define WORLD_MARKET_H

#include "world/truth.h"

/*
 * Copy the services of a description into the world, and its offers, which the compiled networks
 * and ports then name instead of the caller's. After those are compiled. 0, -EINVAL for what is out
 * of bounds, -ENOMEM; free in any case.
 */
int market_compile(struct world *w, const struct world_description *d);
void market_free(struct world_market *m);

#endif /* WORLD_MARKET_H */
