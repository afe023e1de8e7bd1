/* SPDX-License-Identifier: BSD-3-Clause */
#include "banner/banner.h"

#include <string.h>

#include "base/time.h"

#define KEPT_MAX (GRAB_CAPTURE_MAX / 2)

void
banner_begin(struct banner *b, const struct banner_spec *spec, struct grab *grab)
{
	*b = (struct banner){.spec = spec, .grab = grab, .deadline_ns = TIME_NEVER};
}

static void
end(struct banner *b, enum grab_cause cause, uint64_t now_ns)
{
	if (b->ended)
		return;
	b->ended = true;
	grab_end(b->grab, cause, now_ns);
}

static uint32_t
limit(const struct banner *b)
{
	return b->spec->max_bytes < KEPT_MAX ? b->spec->max_bytes : KEPT_MAX;
}

bool
banner_input(struct banner *b, struct span bytes, uint64_t now_ns)
{
	uint32_t room = limit(b) - b->kept;
	bool full = bytes.len >= room;

	if (b->ended || bytes.len == 0)
		return !b->ended;
	b->grab->received_bytes += (uint32_t)bytes.len;
	if (b->kept == 0)
		grab_open(b->grab, GRAB_CHUNK_BANNER, now_ns);
	grab_reach(b->grab, GRAB_DATA, now_ns);
	grab_append(b->grab, span_of(bytes.at, full ? room : bytes.len));
	b->kept += full ? room : (uint32_t)bytes.len;
	b->deadline_ns = now_ns + b->spec->quiet_ns;
	if (bytes.len > room)
		grab_mark_cut(b->grab);
	if (full)
		end(b, GRAB_COMPLETE, now_ns);
	return !b->ended;
}

size_t
banner_output(struct banner *b, uint8_t *buf, size_t size, uint64_t now_ns)
{
	size_t left = b->spec->send.len - b->sent;

	if (b->ended || left == 0 || (b->spec->read_first && b->kept == 0))
		return 0;
	if (left > size)
		left = size;
	memcpy(buf, b->spec->send.at + b->sent, left);
	b->sent += (uint32_t)left;
	grab_reach(b->grab, GRAB_SENT, now_ns);
	/* The answer may take as long as it likes: silence counts from its first byte. */
	b->deadline_ns = TIME_NEVER;
	return left;
}

uint64_t
banner_deadline_ns(const struct banner *b)
{
	/* While the request is not sent whole, the peer's silence says nothing. */
	return b->sent < b->spec->send.len ? TIME_NEVER : b->deadline_ns;
}

void
banner_expire(struct banner *b, uint64_t now_ns)
{
	if (now_ns >= banner_deadline_ns(b))
		end(b, GRAB_COMPLETE, now_ns);
}

void
banner_eof(struct banner *b, uint64_t now_ns)
{
	end(b, b->kept > 0 ? GRAB_COMPLETE : GRAB_CLOSED, now_ns);
}

void
banner_abort(struct banner *b, enum grab_cause cause, uint64_t now_ns)
{
	end(b, cause, now_ns);
}
