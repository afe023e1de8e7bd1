/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Units of time.
 *
 * Every time in asdic is a uint64_t count of nanoseconds, `_ns`. What it counts from is said where
 * it is stored: nearly always the start of the run, on one monotonic clock that simulation may
 * replace by a virtual one. Wall-clock time appears only where a record is written.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

/* A time that never comes. */
#define TIME_NEVER UINT64_MAX

#endif /* BASE_TIME_H */
