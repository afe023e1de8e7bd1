/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message of foreign bytes: its reader stays inside and ends; names that were read are names, and come back
 * from their text. The same bytes as a text make a name or none.
 */
#include <stdlib.h>
#include <string.h>

#include "dnsmsg/dnsmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static void
hold_name(const uint8_t *wire)
{
	uint8_t again[DNS_NAME_MAX];
	char text[DNS_TEXT_SIZE];
	size_t size = dns_name_size(wire);

	REQUIRE(size <= DNS_NAME_MAX);
	REQUIRE(dns_name_from_text(text, dns_name_to_text(wire, text), again) == size);
	REQUIRE(memcmp(wire, again, size) == 0 && dns_name_is_within(wire, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_of(data, size);
	uint8_t wire[DNS_NAME_MAX];
	struct dns_question q;
	struct dns_reader r;
	struct dns_rr rr;
	size_t at;

	if (dns_name_from_text((const char *)data, size, wire) > 0)
		hold_name(wire);
	if (dns_reader_init(&r, message) != 0)
		return 0;
	if (dns_reader_question(&r, &q) == 1)
		hold_name(q.name);
	while (dns_reader_next(&r, &rr) == 1) {
		hold_name(rr.name);
		REQUIRE(rr.at + rr.len <= size);
		at = rr.at;
		if (dns_name_read(message, &at, wire) > 0)
			hold_name(wire);
	}
	return 0;
}
