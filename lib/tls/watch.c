/* SPDX-License-Identifier: BSD-3-Clause */
/* What OpenSSL shows of a handshake: messages and alerts as they come, and why it gave up. */
#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <string.h>

#include "hello/hello.h"
#include "tls/fold.h"
#include "tls/internal.h"

#define MESSAGE_HEAD 4

/* The end, before OpenSSL has looked at the message: make it refuse that, and say nothing. */
static void
stop_at(struct tls_session *s, enum grab_cause cause, struct span message)
{
	grab_end(s->grab, cause, s->now_ns);
	s->is_mute = true;
	/* A ServerHello's version, a list's length: neither is ever so. The buffer is OpenSSL's heap. */
	if (message.len > MESSAGE_HEAD)
		((uint8_t *)(uintptr_t)message.at)[MESSAGE_HEAD] = 0xff;
}

static void
see_server_hello(struct tls_session *s, struct span message, struct span body)
{
	struct hello_server hello;

	if (!hello_server(body, &hello) || hello.is_retry)
		return;
	s->version = hello.chosen;
	grab_reach(s->grab, GRAB_SERVER_HELLO, s->now_ns);
	if (s->profile->depth == TLS_HELLO && s->version < HELLO_TLS13)
		stop_at(s, GRAB_COMPLETE, message);
}

/* More certificates than a worker has time to let OpenSSL read. */
static bool
are_too_many(const struct tls_session *s, struct span body)
{
	bool tls13 = s->version >= HELLO_TLS13;
	struct span entries, der, extensions;
	unsigned int count = 0;

	if (!hello_certificates(body, tls13, &entries))
		return false;
	while (hello_certificate(&entries, tls13, &der, &extensions))
		count++;
	return count > TLS_CERTIFICATES_MAX;
}

static void
see_certificate(struct tls_session *s, struct span message, struct span body)
{
	grab_reach(s->grab, GRAB_CERTIFICATE, s->now_ns);
	if (s->profile->depth <= TLS_CERTIFICATE)
		stop_at(s, GRAB_COMPLETE, message);
	else if (are_too_many(s, body))
		stop_at(s, GRAB_TOO_LARGE, message);
	else
		fold_chain((uint8_t *)(uintptr_t)body.at, body.len, s->version >= HELLO_TLS13);
}

static void
see_message(struct tls_session *s, struct span message)
{
	struct span head, body = message;

	if (!span_take(&body, MESSAGE_HEAD, &head))
		return;
	switch (head.at[0]) {
	case HELLO_SERVER_HELLO:
	case HELLO_NEW_SESSION_TICKET:
	case HELLO_ENCRYPTED_EXTENSIONS:
	case HELLO_CERTIFICATE:
	case HELLO_SERVER_KEY_EXCHANGE:
	case HELLO_CERTIFICATE_REQUEST:
	case HELLO_CERTIFICATE_STATUS:
		grab_add(s->grab, GRAB_CHUNK_HANDSHAKE, message, s->now_ns);
		break;
	default:
		break;
	}
	if (head.at[0] == HELLO_SERVER_HELLO)
		see_server_hello(s, message, body);
	else if (head.at[0] == HELLO_ENCRYPTED_EXTENSIONS && s->profile->depth == TLS_HELLO)
		stop_at(s, GRAB_COMPLETE, message);
	else if (head.at[0] == HELLO_CERTIFICATE)
		see_certificate(s, message, body);
}

void
session_watch(int is_sent, int version, int content_type, const void *buf, size_t len, SSL *ssl,
	      void *arg)
{
	struct tls_session *s = arg;

	(void)version;
	(void)ssl;
	if (grab_has_ended(s->grab))
		return;
	if (content_type == SSL3_RT_ALERT && len == 2)
		grab_add(s->grab, is_sent ? GRAB_CHUNK_ALERT_SENT : GRAB_CHUNK_ALERT_RECEIVED,
			 span_of(buf, len), s->now_ns);
	else if (content_type == SSL3_RT_HANDSHAKE && !is_sent)
		see_message(s, span_of(buf, len));
}

/* What a reason of OpenSSL's means to a scan. */
static enum grab_cause
cause_of(unsigned long error)
{
	static const struct {
		int reason;
		enum grab_cause cause;
	} causes[] = {
		{SSL_R_UNSUPPORTED_PROTOCOL, GRAB_VERSION},
		{SSL_R_WRONG_SSL_VERSION, GRAB_VERSION},
		{SSL_R_UNKNOWN_PROTOCOL, GRAB_VERSION},
		{SSL_R_UNKNOWN_SSL_VERSION, GRAB_VERSION},
		{SSL_R_BAD_PROTOCOL_VERSION_NUMBER, GRAB_VERSION},
		{SSL_R_VERSION_TOO_LOW, GRAB_VERSION},
		{SSL_R_INAPPROPRIATE_FALLBACK, GRAB_VERSION},
		{SSL_R_WRONG_VERSION_NUMBER, GRAB_BAD_RECORD},
		{SSL_R_HTTP_REQUEST, GRAB_BAD_RECORD},
		{SSL_R_HTTPS_PROXY_REQUEST, GRAB_BAD_RECORD},
		{SSL_R_BAD_RECORD_TYPE, GRAB_BAD_RECORD},
		{SSL_R_UNEXPECTED_RECORD, GRAB_BAD_RECORD},
		{SSL_R_RECORD_LENGTH_MISMATCH, GRAB_BAD_RECORD},
		{SSL_R_RECORD_TOO_SMALL, GRAB_BAD_RECORD},
		{SSL_R_PACKET_LENGTH_TOO_LONG, GRAB_BAD_RECORD},
		{SSL_R_DATA_LENGTH_TOO_LONG, GRAB_BAD_RECORD},
		{SSL_R_ENCRYPTED_LENGTH_TOO_LONG, GRAB_BAD_RECORD},
		{SSL_R_LENGTH_TOO_SHORT, GRAB_BAD_RECORD},
		{SSL_R_LENGTH_TOO_LONG, GRAB_BAD_RECORD},
		{SSL_R_BLOCK_CIPHER_PAD_IS_WRONG, GRAB_BAD_RECORD},
		{SSL_R_DECRYPTION_FAILED, GRAB_BAD_RECORD},
		{SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, GRAB_BAD_RECORD},
		{SSL_R_BAD_DECOMPRESSION, GRAB_BAD_RECORD},
		{SSL_R_EXCESSIVE_MESSAGE_SIZE, GRAB_TOO_LARGE},
	};
	int reason = ERR_GET_REASON(error);

	if (reason == ERR_R_MALLOC_FAILURE)
		return GRAB_NO_MEMORY;
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return GRAB_BAD_MESSAGE;
	if (reason >= SSL_AD_REASON_OFFSET)
		return GRAB_ALERT;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].reason == reason)
			return causes[i].cause;
	return GRAB_BAD_MESSAGE;
}

void
session_fail(struct tls_session *s, int ssl_error)
{
	/* The first error is the reason; what follows only says where it was. */
	unsigned long error = ERR_peek_error();
	const char *words = ERR_reason_error_string(error);

	if (words != NULL)
		grab_add(s->grab, GRAB_CHUNK_ERROR, span_of(words, strlen(words)), s->now_ns);
	if (error != 0)
		grab_end(s->grab, cause_of(error), s->now_ns);
	else
		grab_end(s->grab, ssl_error == SSL_ERROR_ZERO_RETURN ? GRAB_ALERT : GRAB_INTERNAL,
			 s->now_ns);
}
