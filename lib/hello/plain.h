/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a server says in the clear: SSL 3 to TLS 1.2 up to ServerHelloDone, and SSL 2's SERVER-HELLO.
 *
 * No key is exchanged to see a certificate before TLS 1.3, so none is: a struct plain reads records
 * and messages as they come, in any split, and writes them into the grab as it goes. It holds no
 * message itself: 40 bytes a connection.
 *
 * It ends as complete when the depth is reached, or at ServerHelloDone (SSL 2: the SERVER-HELLO),
 * as no more can be seen then; and else by a cause of grab/grab.h: the peer's fatal alert or SSL 2
 * error, a version below or above what was offered, something that is no record or no message, more
 * than PLAIN_BYTES_MAX.
 *
 * Pure; a struct plain belongs to one thread.
 */
#ifndef HELLO_PLAIN_H
#define HELLO_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "grab/grab.h"
#include "hello/sniff.h"

#define PLAIN_BYTES_MAX (256 * 1024)   /* of the peer's stream */
#define PLAIN_MESSAGE_MAX (128 * 1024) /* of one message */

enum plain_depth { PLAIN_SERVER_HELLO, PLAIN_CERTIFICATE, PLAIN_ALL };

struct plain {
	struct grab *grab; /* borrowed */
	struct sniff sniff;
	uint32_t message_left;
	uint16_t record_left;
	uint16_t version_min; /* as offered */
	uint16_t version_max;
	uint8_t depth;        /* enum plain_depth */
	uint8_t head[5];      /* of the record that is coming */
	uint8_t head_len;
	uint8_t message[6];   /* its head and the first two bytes of its body */
	uint8_t message_len;
	uint8_t alert[2];
	uint8_t alert_len;
	bool is_ssl2;
};

/* What was offered: version_max 0x0002 is SSL 2. */
void plain_begin(struct plain *p, struct grab *grab, uint16_t version_min, uint16_t version_max,
		 enum plain_depth depth);

/* Bytes of the peer, in order. Whether more is wanted; false: it has ended, as the grab says. */
bool plain_input(struct plain *p, struct span bytes, uint64_t now_ns);

/* The inside of plain.c: a stream of SSL 2. */
void plain_ssl2_input(struct plain *p, struct span bytes, uint64_t now_ns);

#endif /* HELLO_PLAIN_H */
