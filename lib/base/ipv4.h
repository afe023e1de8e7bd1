/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 addresses and ranges as people write them.
 *
 * Addresses are uint32_t in host order (192.0.2.1 is 0xc0000201). Parsers take (pointer, length),
 * need no terminator, and accept exactly the dotted quad: no octal, no short forms, no spaces, no
 * leading zeros ("010" is 8 to some programs and 10 to others, so it is an error here).
 *
 * Any thread may call anything here; nothing has state.
 */
#ifndef BASE_IPV4_H
#define BASE_IPV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All addresses from first to last, both included; first <= last. */
struct ipv4_range {
	uint32_t first;
	uint32_t last;
};

/* Room for "255.255.255.255" and its end. */
#define IPV4_TEXT_SIZE 16

/* Parse "a.b.c.d". 0, or -EINVAL. */
int ipv4_parse(const char *text, size_t len, uint32_t *address);

/*
 * Parse "a.b.c.d", "a.b.c.d/n" or "a.b.c.d-e.f.g.h" into a range.
 *
 * 0; -EINVAL for what is none of the three; -ERANGE for a prefix longer than 32 or a range that
 * ends before it starts; -EDOM for a prefix with host bits set ("10.0.0.1/8"): *range is then the
 * network that was meant, so that the caller can name it in the mend or take it.
 */
int ipv4_parse_range(const char *text, size_t len, struct ipv4_range *range);

/* Write the dotted quad into buf, terminated. Returns its length. */
unsigned int ipv4_format(uint32_t address, char buf[IPV4_TEXT_SIZE]);

/* The number of addresses in a range, 1 to 2^32. */
static inline uint64_t
ipv4_range_count(struct ipv4_range r)
{
	return (uint64_t)r.last - r.first + 1;
}

/* Whether address stands in a sorted array; without branches on the data, and at once for one. */
static inline bool
ipv4_sorted_contains(const uint32_t *sorted, uint32_t count, uint32_t address)
{
	while (count > 1) {
		uint32_t half = count / 2;

		sorted = sorted[half] <= address ? sorted + half : sorted;
		count -= half;
	}
	return count == 1 && *sorted == address;
}

#endif /* BASE_IPV4_H */
