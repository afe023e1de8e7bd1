/* SPDX-License-Identifier: BSD-3-Clause */
#include "cookie/cookie.h"

#include "base/multiversion.h"

MULTIVERSION void
cookie_make_burst(const struct cookie_key *key, enum cookie_plan plan, unsigned int n,
		  const uint32_t *address, const uint16_t *port, uint64_t *cookie)
{
	for (unsigned int i = 0; i < n; i++)
		cookie[i] = cookie_make(key, address[i], port[i], plan);
}

MULTIVERSION void
cookie_make_each(const struct cookie_key *key, unsigned int n, const uint32_t *address,
		 const uint16_t *port, const uint8_t *plan, uint64_t *cookie)
{
	for (unsigned int i = 0; i < n; i++)
		cookie[i] = cookie_make(key, address[i], port[i], (enum cookie_plan)plan[i]);
}
