/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Certificate message of any bytes, folded into its leaf: it stays as it was, or holds one entry, to its
 * end. The first byte says whether it is of TLS 1.3.
 */
#include <stdlib.h>
#include <string.h>

#include "hello/hello.h"
#include "tls/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span entries, der, extensions;
	bool tls13;
	uint8_t *body;
	size_t len;

	if (size < 2)
		return 0;
	tls13 = data[0] & 1;
	len = size - 1;
	body = malloc(len); /* exactly, so that a byte too far is seen */
	REQUIRE(body != NULL);
	memcpy(body, data + 1, len);
	fold_chain(body, len, tls13);
	if (memcmp(body, data + 1, len) != 0) {
		REQUIRE(hello_certificates(span_of(body, len), tls13, &entries));
		REQUIRE(hello_certificate(&entries, tls13, &der, &extensions));
		REQUIRE(entries.len == 0 && extensions.len == 0 && der.at[0] == 0x30);
	}
	free(body);
	return 0;
}
