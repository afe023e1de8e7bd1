/* SPDX-License-Identifier: BSD-3-Clause */
#include "reserved.h"

#include "targets/list.h"

__asm__(".pushsection .rodata\n"
	"reserved_begin:\n"
	".incbin \"" RESERVED_LIST "\"\n"
	"reserved_end:\n"
	".popsection\n");

extern const char reserved_begin[] __attribute__((visibility("hidden")));
extern const char reserved_end[] __attribute__((visibility("hidden")));

const char *
reserved_text(size_t *len)
{
	*len = (size_t)(reserved_end - reserved_begin);
	return reserved_begin;
}

struct collected {
	struct ipv4_range *ranges;
	size_t count;
};

static int
collect(void *context, const struct list_entry *entry)
{
	struct collected *c = context;

	if (c->count < RESERVED_RANGES_MAX)
		c->ranges[c->count++] = entry->range;
	return 0;
}

size_t
reserved_ranges(struct ipv4_range ranges[RESERVED_RANGES_MAX])
{
	struct collected c = {ranges, 0};
	struct diag diag = DIAG_EMPTY;
	size_t len;
	const char *text = reserved_text(&len);

	list_read(RESERVED_NAME, text, len, collect, &c, &diag);
	diag_reset(&diag);
	return c.count;
}
