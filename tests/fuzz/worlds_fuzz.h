/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzzers of simulated hosts share: a check that stays, and frames of which every byte is watched. */
#ifndef FUZZ_WORLDS_FUZZ_H
#define FUZZ_WORLDS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/worlds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* An allocation of its own: a byte read past its end is seen. */
static inline uint8_t *
fuzz_copy(const uint8_t *frame, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	CHECK(copy != NULL);
	memcpy(copy, frame, len);
	return copy;
}

#endif /* FUZZ_WORLDS_FUZZ_H */
