/* SPDX-License-Identifier: BSD-3-Clause */
#include "schedule/coverage.h"

#include <math.h>

/* The normal distribution's 97.5% quantile. */
#define Z 1.959963984540054

uint64_t
coverage_bound(double share)
{
	if (share <= 0)
		return 0;
	return share >= 1 ? UINT64_MAX : (uint64_t)(share * 0x1p64);
}

struct coverage_estimate
coverage_estimate(uint64_t m, uint64_t n)
{
	double count = (double)n, p = n > 0 ? (double)m / count : 0, zz = Z * Z, centre, half;

	if (n == 0)
		return (struct coverage_estimate){0, 0, 1};
	centre = (p + zz / (2 * count)) / (1 + zz / count);
	half = Z / (1 + zz / count) * sqrt(p * (1 - p) / count + zz / (4 * count * count));
	return (struct coverage_estimate){
		.share = p,
		.low = m == 0 ? 0 : centre - half,
		.high = m == n ? 1 : centre + half,
	};
}
