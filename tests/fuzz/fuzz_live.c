/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a running scan: any bytes are one request or none, and what it points to lies in the line. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "live/live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct live_request q;
	char *line = malloc(size > 0 ? size : 1);
	int rc;

	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	rc = live_request_read(line, size, &q);
	if (rc != 0 && rc != -EINVAL)
		abort();
	if (rc == 0 && q.verb == LIVE_EXCLUDE &&
	    (q.entry < line || q.entry_len == 0 || q.entry + q.entry_len > line + size ||
	     memchr(q.entry, ' ', q.entry_len) != NULL))
		abort();
	free(line);
	return 0;
}
