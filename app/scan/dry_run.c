/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry_run.h"

#include <errno.h>
#include <stdio.h>

#define BURST 256

static char *
put_port(char *at, uint16_t port)
{
	char digits[5];
	unsigned int n = 0;

	do {
		digits[n++] = (char)('0' + port % 10);
		port /= 10;
	} while (port > 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static void
print_burst(const struct inputs *in, uint64_t position, unsigned int n)
{
	char text[BURST * (IPV4_TEXT_SIZE + 8)], *at = text;
	uint64_t index[BURST];
	uint32_t address[BURST];
	uint16_t port[BURST];

	perm_forward_run(&in->perm, position, n, index);
	targets_select(in->targets, index, n, address, port);
	for (unsigned int i = 0; i < n; i++) {
		at += ipv4_format(address[i], at);
		*at++ = ',';
		at = put_port(at, port[i]);
		*at++ = '\n';
	}
	fwrite(text, 1, (size_t)(at - text), stdout);
}

int
dry_run(const struct inputs *in)
{
	errno = 0;
	for (uint64_t p = in->span.first; p < in->span.end && !ferror(stdout); p += BURST) {
		uint64_t left = in->span.end - p;

		print_burst(in, p, left < BURST ? (unsigned int)left : BURST);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return errno != 0 ? -errno : -EIO;
	return 0;
}
