/* SPDX-License-Identifier: BSD-3-Clause */
/* a.root-servers.net to m.root-servers.net: https://www.iana.org/domains/root/files */
#include "iterate/iterate.h"

#define ADDRESS(a, b, c, d)                                                                        \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

const uint32_t iterate_roots[] = {
	ADDRESS(198, 41, 0, 4),    ADDRESS(170, 247, 170, 2), ADDRESS(192, 33, 4, 12),
	ADDRESS(199, 7, 91, 13),   ADDRESS(192, 203, 230, 10), ADDRESS(192, 5, 5, 241),
	ADDRESS(192, 112, 36, 4),  ADDRESS(198, 97, 190, 53), ADDRESS(192, 36, 148, 17),
	ADDRESS(192, 58, 128, 30), ADDRESS(193, 0, 14, 129),  ADDRESS(199, 7, 83, 42),
	ADDRESS(202, 12, 27, 33),
};

const size_t iterate_root_count = sizeof(iterate_roots) / sizeof(iterate_roots[0]);
