/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/list.h"

#include <errno.h>
#include <string.h>

#include "targets/span.h"

static size_t
count_char(struct span s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.text[i] == c;
	return n;
}

/* What to write for a prefix with host bits: the network meant, or the address alone. */
static void
add_host_bits(struct span s, struct ipv4_range meant, struct diag_place place, struct diag *diag)
{
	const char *slash = memchr(s.text, '/', s.len);
	int address_len = (int)(slash - s.text), prefix_len = (int)(s.len - (size_t)address_len);
	char network[IPV4_TEXT_SIZE];

	ipv4_format(meant.first, network);
	diag_add(diag, place,
		 "'%.*s' has host bits set; write %s%.*s for the network or %.*s for the address",
		 (int)s.len, s.text, network, prefix_len, slash, address_len, s.text);
}

static void
add_no_target(struct span s, struct diag_place place, struct diag *diag)
{
	diag_add(diag, place,
		 "'%s' is not a target; write an address, a CIDR (192.0.2.0/24), first-last or "
		 "address:port",
		 span_show(s).text);
}

static int
parse_range(struct span s, struct diag_place place, struct ipv4_range *range, struct diag *diag)
{
	switch (ipv4_parse_range(s.text, s.len, range)) {
	case 0:
		return 0;
	case -EDOM:
		add_host_bits(s, *range, place, diag);
		break;
	case -ERANGE:
		diag_add(diag, place, "'%s' %s", span_show(s).text,
			 memchr(s.text, '/', s.len) != NULL
				 ? "has a prefix longer than 32; write /0 to /32"
				 : "ends before it starts; write the lower address first");
		break;
	default:
		add_no_target(s, place, diag);
	}
	return -EINVAL;
}

/* What stands before a port and is no address: many addresses, or nonsense. */
static void
add_no_address(struct span s, struct span address, struct diag_place place, struct diag *diag)
{
	struct ipv4_range range;

	if (ipv4_parse_range(address.text, address.len, &range) == -EINVAL)
		add_no_target(s, place, diag);
	else
		diag_add(diag, place,
			 "'%s': only a single address takes a port here; list '%s' without it and "
			 "give the port to all targets",
			 span_show(s).text, span_show(address).text);
}

static int
parse_pair(struct span s, const char *colon, struct diag_place place, struct list_entry *out,
	   struct diag *diag)
{
	struct span address = {s.text, (size_t)(colon - s.text)};
	struct span port = {colon + 1, s.len - address.len - 1};

	if (ipv4_parse(address.text, address.len, &out->range.first) != 0) {
		add_no_address(s, address, place, diag);
		return -EINVAL;
	}
	out->range.last = out->range.first;
	out->port = span_port(port);
	if (out->port == 0) {
		diag_add(diag, place, "'%s': '%s' is not a port; write 1 to 65535", span_show(s).text,
			 span_show(port).text);
		return -EINVAL;
	}
	return 0;
}

int
list_read_entry(const char *text, size_t len, struct diag_place place, struct list_entry *out,
		struct diag *diag)
{
	struct span s = span_trim((struct span){text, len});
	const char *colon = memchr(s.text, ':', s.len);

	*out = (struct list_entry){.text = s.text, .len = s.len, .place = place};
	if (colon == NULL)
		return parse_range(s, place, &out->range, diag);
	if (count_char(s, ':') == 1)
		return parse_pair(s, colon, place, out, diag);
	diag_add(diag, place, "'%s' is an IPv6 address or no target; asdic scans IPv4",
		 span_show(s).text);
	return -EINVAL;
}

/* Cut the next line, without its end, off the front of rest. */
static struct span
next_line(struct span *rest)
{
	const char *end = memchr(rest->text, '\n', rest->len);
	struct span line = *rest;

	if (end == NULL) {
		rest->len = 0;
		return line;
	}
	line.len = (size_t)(end - line.text);
	rest->text = end + 1;
	rest->len -= line.len + 1;
	return line;
}

int
list_read(const char *file, const char *text, size_t len, list_entry_fn *entry, void *context,
	  struct diag *diag)
{
	struct diag_place place = {.file = file};
	struct span rest = span_without_mark((struct span){text, len});
	struct list_entry parsed;
	int ret = 0;

	while (rest.len > 0 && ret == 0) {
		struct span line = next_line(&rest);
		struct span s = span_trim(span_without_comment(line));

		place.line++;
		place.column = (unsigned int)(s.text - line.text) + 1;
		if (s.len > 0 && list_read_entry(s.text, s.len, place, &parsed, diag) == 0)
			ret = entry(context, &parsed);
	}
	return ret;
}
