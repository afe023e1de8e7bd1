/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A BIO between OpenSSL and a session. What it reads is the span that tls_input() was given: OpenSSL
 * takes all of it before it asks for more, and keeps a part of a record itself, so nothing is
 * buffered here. What it writes is a buffer that tls_output() empties; when it is full, OpenSSL
 * waits.
 */
#include <string.h>

#include <openssl/bio.h>

#include "tls/internal.h"

static int
bio_read(BIO *bio, char *buf, size_t size, size_t *done)
{
	struct tls_session *s = BIO_get_data(bio);
	struct span part;

	BIO_clear_retry_flags(bio);
	*done = 0;
	if (s->in.len == 0 || grab_has_ended(s->grab)) {
		BIO_set_retry_read(bio);
		return 0;
	}
	span_take(&s->in, size < s->in.len ? size : s->in.len, &part);
	memcpy(buf, part.at, part.len);
	*done = part.len;
	return 1;
}

static int
bio_write(BIO *bio, const char *bytes, size_t len, size_t *done)
{
	struct tls_session *s = BIO_get_data(bio);
	size_t room = OUT_BYTES - s->out_to;

	BIO_clear_retry_flags(bio);
	*done = len;
	if (s->is_mute)
		return 1;
	if (room == 0) {
		*done = 0;
		BIO_set_retry_write(bio);
		return 0;
	}
	*done = len < room ? len : room;
	memcpy(s->out + s->out_to, bytes, *done);
	s->out_to += (uint16_t)*done;
	return 1;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int
bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *
session_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "session");

	if (m == NULL || !BIO_meth_set_read_ex(m, bio_read) || !BIO_meth_set_write_ex(m, bio_write) ||
	    !BIO_meth_set_ctrl(m, bio_ctrl) || !BIO_meth_set_create(m, bio_create)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}
