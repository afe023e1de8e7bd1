/* SPDX-License-Identifier: BSD-3-Clause */
#include "hello/plain.h"

#include "base/bytes.h"
#include "hello/hello.h"

#define MESSAGE_HEAD 4

void
plain_begin(struct plain *p, struct grab *grab, uint16_t version_min, uint16_t version_max,
	    enum plain_depth depth)
{
	*p = (struct plain){
		.grab = grab, .version_min = version_min, .version_max = version_max,
		.depth = (uint8_t)depth, .is_ssl2 = version_max == 0x0002,
	};
}

/* Messages that the record knows; others pass. */
static bool
is_kept(uint8_t type)
{
	return type == HELLO_SERVER_HELLO || type == HELLO_CERTIFICATE ||
	       type == HELLO_SERVER_KEY_EXCHANGE || type == HELLO_CERTIFICATE_REQUEST ||
	       type == HELLO_CERTIFICATE_STATUS;
}

static void
begin_message(struct plain *p, uint64_t now_ns)
{
	p->message_left = load_be32(p->message) & 0xffffff;
	if (p->message_left > PLAIN_MESSAGE_MAX)
		grab_end(p->grab, GRAB_TOO_LARGE, now_ns);
	if (!is_kept(p->message[0]))
		return;
	grab_open(p->grab, GRAB_CHUNK_HANDSHAKE, now_ns);
	grab_append(p->grab, span_of(p->message, MESSAGE_HEAD));
}

static void
end_server_hello(struct plain *p, uint64_t now_ns)
{
	uint16_t version = load_be16(p->message + MESSAGE_HEAD);

	grab_reach(p->grab, GRAB_SERVER_HELLO, now_ns);
	if (version < p->version_min || version > p->version_max)
		grab_end(p->grab, GRAB_VERSION, now_ns);
	else if (p->depth == PLAIN_SERVER_HELLO)
		grab_end(p->grab, GRAB_COMPLETE, now_ns);
}

static void
end_message(struct plain *p, uint64_t now_ns)
{
	uint8_t type = p->message[0];

	if (type == HELLO_SERVER_HELLO && p->message_len < sizeof(p->message))
		grab_end(p->grab, GRAB_BAD_MESSAGE, now_ns);
	else if (type == HELLO_SERVER_HELLO)
		end_server_hello(p, now_ns);
	else if (type != 0 && p->grab->stage < GRAB_SERVER_HELLO) /* a HelloRequest may come */
		grab_end(p->grab, GRAB_BAD_MESSAGE, now_ns);
	else if (type == HELLO_CERTIFICATE)
		grab_reach(p->grab, GRAB_CERTIFICATE, now_ns);
	if (type == HELLO_SERVER_HELLO_DONE ||
	    (type == HELLO_CERTIFICATE && p->depth == PLAIN_CERTIFICATE))
		grab_end(p->grab, GRAB_COMPLETE, now_ns);
	p->message_len = 0;
}

/* The body of a message: kept, and its first bytes looked at. */
static void
take_body(struct plain *p, struct span *bytes)
{
	struct span part;

	span_take(bytes, bytes->len < p->message_left ? bytes->len : p->message_left, &part);
	p->message_left -= (uint32_t)part.len;
	if (is_kept(p->message[0]))
		grab_append(p->grab, part);
	for (size_t i = 0; i < part.len && p->message_len < sizeof(p->message); i++)
		p->message[p->message_len++] = part.at[i];
}

/* Bytes of handshake records. */
static void
take_handshake(struct plain *p, struct span bytes, uint64_t now_ns)
{
	while (!grab_has_ended(p->grab)) {
		while (p->message_len < MESSAGE_HEAD && bytes.len > 0) {
			span_u8(&bytes, &p->message[p->message_len++]);
			if (p->message_len == MESSAGE_HEAD)
				begin_message(p, now_ns);
		}
		if (p->message_len < MESSAGE_HEAD || grab_has_ended(p->grab))
			return;
		take_body(p, &bytes);
		if (p->message_left > 0)
			return;
		end_message(p, now_ns);
	}
}

static void
take_alert(struct plain *p, struct span bytes, uint64_t now_ns)
{
	while (bytes.len > 0 && !grab_has_ended(p->grab)) {
		span_u8(&bytes, &p->alert[p->alert_len++]);
		if (p->alert_len < sizeof(p->alert))
			continue;
		p->alert_len = 0;
		grab_add(p->grab, GRAB_CHUNK_ALERT_RECEIVED, span_of(p->alert, sizeof(p->alert)),
			 now_ns);
		/* A close_notify is a warning that ends it. */
		if (p->alert[0] != 1 || p->alert[1] == 0)
			grab_end(p->grab, GRAB_ALERT, now_ns);
	}
}

/* A record's head is there. */
static void
begin_record(struct plain *p, uint64_t now_ns)
{
	uint8_t type = p->head[0];

	p->record_left = load_be16(p->head + 3);
	if (type < 20 || type > 24 || p->head[1] != 3 || p->record_left > 16384 + 2048)
		grab_end(p->grab, GRAB_BAD_RECORD, now_ns);
	else if (type != HELLO_RECORD_HANDSHAKE && type != HELLO_RECORD_ALERT)
		grab_end(p->grab, GRAB_BAD_MESSAGE, now_ns);
}

static void
take_record(struct plain *p, struct span *bytes, uint64_t now_ns)
{
	struct span part;

	span_take(bytes, bytes->len < p->record_left ? bytes->len : p->record_left, &part);
	p->record_left -= (uint16_t)part.len;
	if (p->head[0] == HELLO_RECORD_ALERT)
		take_alert(p, part, now_ns);
	else
		take_handshake(p, part, now_ns);
	if (p->record_left == 0)
		p->head_len = 0;
}

static void
tls_input(struct plain *p, struct span bytes, uint64_t now_ns)
{
	switch (sniff_input(&p->sniff, bytes, p->grab, now_ns)) {
	case SNIFF_ENOUGH:
		grab_end(p->grab, GRAB_NOT_TLS, now_ns);
		return;
	case SNIFF_OTHER:
		return;
	default:
		break;
	}
	while (bytes.len > 0 && !grab_has_ended(p->grab)) {
		if (p->head_len < sizeof(p->head)) {
			span_u8(&bytes, &p->head[p->head_len++]);
			if (p->head_len == sizeof(p->head))
				begin_record(p, now_ns);
		} else {
			take_record(p, &bytes, now_ns);
		}
	}
}

bool
plain_input(struct plain *p, struct span bytes, uint64_t now_ns)
{
	if (grab_has_ended(p->grab))
		return false;
	p->grab->received_bytes += (uint32_t)bytes.len;
	if (p->is_ssl2)
		plain_ssl2_input(p, bytes, now_ns);
	else
		tls_input(p, bytes, now_ns);
	if (p->grab->received_bytes > PLAIN_BYTES_MAX)
		grab_end(p->grab, GRAB_TOO_LARGE, now_ns);
	return !grab_has_ended(p->grab);
}
