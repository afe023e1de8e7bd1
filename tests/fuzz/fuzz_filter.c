/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters: any text compiles or is refused with a fault of its own, and what compiles evaluates the
 * same over any record each time. The first 64 bytes are the reply of a record, the rest the text.
 */
#include <stdlib.h>
#include <string.h>

#include "record/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

/* Faults are for people: printable, within the text, and short, but for advice that lists all fields. */
static void
check_faults(const struct diag *diag, size_t len)
{
	for (size_t i = 0; i < diag->count; i++) {
		const char *text = diag->entries[i].text;

		REQUIRE(text != NULL && strlen(text) < 200 + RECORD_ADVICE_SIZE);
		REQUIRE(diag->entries[i].place.column >= 1);
		REQUIRE(diag->entries[i].place.column <= len + 1);
		for (; *text != '\0'; text++)
			REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7f);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct record_clock clock = {.start_wall_ns = UINT64_C(1795352531000000000)};
	const struct diag_place place = {.file = "filter", .line = 1, .column = 1};
	struct record_scan r = {0};
	struct diag diag = DIAG_EMPTY;
	struct filter *f;
	size_t len;
	int err;

	if (size < sizeof(r.reply))
		return 0;
	memcpy(&r.reply, data, sizeof(r.reply));
	r.reply.kind %= CLASSIFY_REPLIES;
	len = size - sizeof(r.reply);
	err = filter_compile((const char *)data + sizeof(r.reply), len, place, &diag, &f);
	REQUIRE((err == 0) == diag_is_empty(&diag));
	REQUIRE((err == 0) == (f != NULL));
	check_faults(&diag, len);
	if (f != NULL)
		REQUIRE(filter_pass(f, &r, &clock) == filter_pass(f, &r, &clock));
	filter_free(f);
	diag_reset(&diag);
	return 0;
}
