/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SSL 2 in the clear. A record's head is two bytes (the top bit set: no padding) or three. The first
 * record is the SERVER-HELLO or an ERROR; a server without SSL 2 answers with an alert of TLS, with
 * something else, or closes.
 */
#include "base/bytes.h"
#include "hello/hello.h"
#include "hello/plain.h"

#define ALERT_RECORD_BYTES 7

/* What p->head says, with the message's type behind the length; 0: more is needed. */
static unsigned int
head_size(const struct plain *p)
{
	if (p->head_len == 0)
		return 0;
	return p->head[0] & 0x80 ? 2 : 3;
}

static bool
is_ssl2_type(uint8_t type)
{
	return type == HELLO_SSL2_ERROR || type == HELLO_SSL2_SERVER_HELLO;
}

static void
begin_other(struct plain *p, struct span rest, uint64_t now_ns)
{
	size_t len = rest.len < SNIFF_KEPT_MAX ? rest.len : SNIFF_KEPT_MAX;

	grab_open(p->grab, GRAB_CHUNK_RAW, now_ns);
	grab_append(p->grab, span_of(p->head, p->head_len));
	grab_append(p->grab, span_of(rest.at, len));
	grab_end(p->grab, GRAB_NOT_TLS, now_ns);
}

/* The head and the type have come: what follows is a message, or no SSL 2. */
static void
begin_message(struct plain *p, struct span rest, uint64_t now_ns)
{
	unsigned int size = head_size(p);
	uint16_t len = load_be16(p->head) & (size == 2 ? 0x7fff : 0x3fff);
	unsigned int padding = size == 2 ? 0 : p->head[2];

	if (!is_ssl2_type(p->head[size]) || len < 1 + padding) {
		begin_other(p, rest, now_ns);
		return;
	}
	p->message[0] = p->head[size];
	p->message_len = 1;
	p->message_left = len - 1 - padding;
	p->record_left = 1; /* the record is open */
	grab_open(p->grab, GRAB_CHUNK_SSL2, now_ns);
	grab_append(p->grab, span_of(p->message, 1));
}

static void
end_message(struct plain *p, uint64_t now_ns)
{
	if (p->message[0] == HELLO_SSL2_ERROR) {
		grab_end(p->grab, GRAB_ALERT, now_ns);
		return;
	}
	grab_reach(p->grab, GRAB_SERVER_HELLO, now_ns);
	grab_reach(p->grab, GRAB_CERTIFICATE, now_ns);
	grab_end(p->grab, GRAB_COMPLETE, now_ns);
}

/* A server of TLS says what it thinks of SSL 2: a record of an alert. */
static bool
take_alert(struct plain *p, struct span *bytes, uint64_t now_ns)
{
	if (p->head_len < 2 || p->head[0] != HELLO_RECORD_ALERT || p->head[1] != 3)
		return false;
	while (bytes->len > 0 && p->alert_len < ALERT_RECORD_BYTES - 2) {
		uint8_t byte;

		span_u8(bytes, &byte);
		/* Version and length pass; the last two are the alert. */
		p->alert[p->alert_len++ % 2] = byte;
	}
	if (p->alert_len == ALERT_RECORD_BYTES - 2) {
		uint8_t alert[2] = {p->alert[1], p->alert[0]};

		grab_add(p->grab, GRAB_CHUNK_ALERT_RECEIVED, span_of(alert, 2), now_ns);
		grab_end(p->grab, GRAB_ALERT, now_ns);
	}
	return true;
}

static void
take_head(struct plain *p, struct span *bytes, uint64_t now_ns)
{
	while (bytes->len > 0 && !take_alert(p, bytes, now_ns)) {
		span_u8(bytes, &p->head[p->head_len++]);
		if (p->head_len == head_size(p) + 1) {
			begin_message(p, *bytes, now_ns);
			return;
		}
	}
}

void
plain_ssl2_input(struct plain *p, struct span bytes, uint64_t now_ns)
{
	struct span part;

	if (p->record_left == 0)
		take_head(p, &bytes, now_ns);
	if (p->record_left == 0 || grab_has_ended(p->grab))
		return;
	span_take(&bytes, bytes.len < p->message_left ? bytes.len : p->message_left, &part);
	grab_append(p->grab, part);
	p->message_left -= (uint32_t)part.len;
	if (p->message_left == 0)
		end_message(p, now_ns);
}
