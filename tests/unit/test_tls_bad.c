/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/tls against servers that misbehave, by script; and what a session costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "hello/hello.h"
#include "tls_server.h"

#define TEXT(literal) span_of(literal, sizeof(literal) - 1)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tls *tls;
static struct grab_pool *pool;
static uint8_t copy[GRAB_CAPTURE_MAX];
static uint8_t script[400000];
static size_t script_len;

/* What OpenSSL has allocated. */
static size_t allocated, peak;

static void *
count_malloc(size_t size, const char *file, int line)
{
	size_t *p = malloc(size + 16);

	(void)file;
	(void)line;
	if (p == NULL)
		return NULL;
	*p = size;
	allocated += size;
	peak = allocated > peak ? allocated : peak;
	return p + 2;
}

static void
count_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p == NULL)
		return;
	allocated -= ((size_t *)p)[-2];
	free((size_t *)p - 2);
}

static void *
count_realloc(void *old, size_t size, const char *file, int line)
{
	void *p;
	size_t had = old != NULL ? ((size_t *)old)[-2] : 0;

	if (size == 0) {
		count_free(old, file, line);
		return NULL;
	}
	p = count_malloc(size, file, line);
	if (p != NULL && old != NULL) {
		memcpy(p, old, had < size ? had : size);
		count_free(old, file, line);
	}
	return p;
}

static struct tls_profile *
make_profile(unsigned int versions, enum tls_depth depth)
{
	const struct tls_spec spec = {.versions = versions, .depth = depth};
	struct tls_profile *p;

	assert_int_equal(tls_profile_new(tls, &spec, &p), 0);
	return p;
}

static void
put(const void *bytes, size_t len)
{
	assert_true(script_len + len <= sizeof(script));
	memcpy(script + script_len, bytes, len);
	script_len += len;
}

/* A message in records of at most `size` bytes. */
static void
put_message(uint8_t type, struct span body, size_t size)
{
	static uint8_t message[300000];
	size_t len = 4 + body.len;

	store_be32(message, (uint32_t)type << 24 | (uint32_t)body.len);
	if (body.len > 0)
		memcpy(message + 4, body.at, body.len);
	for (size_t at = 0; at < len;) {
		size_t n = len - at < size ? len - at : size;
		uint8_t head[5] = {22, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

		put(head, 5);
		put(message + at, n);
		at += n;
	}
}

/* A ServerHello of TLS 1.2 that chooses ECDHE-RSA with AES-128-GCM. */
static void
put_hello(size_t size)
{
	uint8_t body[38] = {3, 3, 1, 2, 3};

	body[35] = 0xc0;
	body[36] = 0x2f;
	put_message(HELLO_SERVER_HELLO, span_of(body, sizeof(body)), size);
}

static void
put_chain(const struct span *ders, size_t count, size_t size)
{
	static uint8_t body[300000];
	size_t len = 3;

	for (size_t i = 0; i < count; i++) {
		body[len] = (uint8_t)(ders[i].len >> 16);
		store_be16(body + len + 1, (uint16_t)ders[i].len);
		memcpy(body + len + 3, ders[i].at, ders[i].len);
		len += 3 + ders[i].len;
	}
	body[0] = (uint8_t)((len - 3) >> 16);
	store_be16(body + 1, (uint16_t)(len - 3));
	put_message(HELLO_CERTIFICATE, span_of(body, len), size);
}

struct outcome {
	enum grab_cause cause;
	enum grab_stage stage;
	size_t certificates; /* whole ones, of the message kept */
};

static size_t
count_certificates(const struct grab *g)
{
	struct span rest = span_of(copy, grab_copy(g, copy)), bytes, entries, der, extensions;
	struct grab_chunk_head head;
	size_t count = 0;

	while (grab_next(&rest, &head, &bytes))
		if (head.type == GRAB_CHUNK_HANDSHAKE && bytes.at[0] == HELLO_CERTIFICATE &&
		    hello_certificates(span_of(bytes.at + 4, bytes.len - 4), false, &entries))
			while (hello_certificate(&entries, false, &der, &extensions))
				count++;
	return count;
}

/* Run the script against a session, in pieces, then FIN. */
static struct outcome
run(unsigned int versions, enum tls_depth depth, size_t piece)
{
	struct tls_profile *p = make_profile(versions, depth);
	struct grab *g = grab_new(pool, GRAB_TLS, 0);
	struct tls_session *s = tls_session_new(p, "www.example.com", g, 0);
	struct span rest = span_of(script, script_len), part;
	enum tls_state state = TLS_WANTS_MORE;
	struct outcome outcome;
	uint8_t buf[4096];

	while (tls_output(s, buf, sizeof(buf), 1) > 0)
		;
	while (rest.len > 0 && state == TLS_WANTS_MORE) {
		span_take(&rest, piece < rest.len ? piece : rest.len, &part);
		state = tls_input(s, part, 2);
		while (tls_output(s, buf, sizeof(buf), 1) > 0)
			;
	}
	if (state == TLS_WANTS_MORE)
		tls_eof(s, 3);
	assert_int_equal(tls_input(s, TEXT("more"), 4), TLS_DONE);
	outcome = (struct outcome){(enum grab_cause)g->cause, (enum grab_stage)g->stage,
				   count_certificates(g)};
	assert_true(grab_has_ended(g));
	tls_session_free(s);
	tls_profile_free(p);
	grab_free(g);
	return outcome;
}

/* All ways to speak that see a script of TLS 1.2 the same. */
static void
check(enum grab_cause cause, enum grab_stage stage, size_t certificates)
{
	static const size_t pieces[] = {SIZE_MAX, 1448, 7};

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct outcome o = run(TLS_MODERN, TLS_HANDSHAKE, pieces[i]);

		assert_int_equal(o.cause, cause);
		assert_int_equal(o.stage, stage);
		assert_int_equal(o.certificates, certificates);
	}
	script_len = 0;
}

static void
test_other_protocols(void **state)
{
	static const struct span texts[] = {
		{(const uint8_t *)"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", 30},
		{(const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
		{(const uint8_t *)"220 mail.example ESMTP\r\n", 24},
		{(const uint8_t *)"\x16\x03\x01ZZ and this is no record", 28},
		{(const uint8_t *)"ok\n", 3}, /* too little to be sure that it is all; the FIN is */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		put(texts[i].at, texts[i].len);
		check(GRAB_NOT_TLS, GRAB_HELLO_SENT, 0);
	}
	check(GRAB_CLOSED, GRAB_HELLO_SENT, 0);
}

static void
test_every_alert(void **state)
{
	(void)state;
	for (unsigned int alert = 0; alert < 256; alert++) {
		uint8_t record[] = {21, 3, 3, 0, 2, 2, (uint8_t)alert};
		struct outcome o;

		put(record, sizeof(record));
		o = run(TLS_MODERN, TLS_HANDSHAKE, SIZE_MAX);
		assert_int_equal(o.stage, GRAB_HELLO_SENT);
		assert_int_equal(o.cause, GRAB_ALERT);
		/* In the clear it is the same. */
		o = run(TLS_1_2, TLS_CERTIFICATE, 1);
		assert_int_equal(o.cause, GRAB_ALERT);
		script_len = 0;
	}
}

static X509 *
big_certificate(EVP_PKEY *key, size_t size)
{
	X509 *cert = make_certificate(key, "www.example.com", "DNS:www.example.com", NULL, NULL, 5);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5", 1);
	uint8_t *filler = calloc(1, size);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(data, filler, (int)size);
	e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, data);
	X509_add_ext(cert, e, -1);
	X509_sign(cert, key, EVP_sha256());
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(data);
	free(filler);
	return cert;
}

static void
test_long_chains(void **state)
{
	EVP_PKEY *key = make_key("RSA-1024");
	X509 *cert = make_certificate(key, "www.example.com", "DNS:www.example.com", NULL, NULL, 5);
	X509 *big = big_certificate(key, 100 * 1024);
	struct span ders[400], big_der;
	uint8_t *der = NULL, *big_bytes = NULL;
	int len = i2d_X509(cert, &der);

	(void)state;
	big_der = span_of(NULL, (size_t)i2d_X509(big, &big_bytes));
	big_der.at = big_bytes;
	for (size_t i = 0; i < COUNT(ders); i++)
		ders[i] = span_of(der, (size_t)len);
	/* 200 certificates, 100 KB in one; then the server closes. */
	put_hello(16384);
	put_chain(ders, 200, 16384);
	check(GRAB_CLOSED, GRAB_CERTIFICATE, 200);
	put_hello(16384);
	put_chain(&big_der, 1, 16384);
	check(GRAB_CLOSED, GRAB_CERTIFICATE, 1);
	/* The same, but in records of one byte. */
	put_hello(1);
	put_chain(ders, 3, 1);
	check(GRAB_CLOSED, GRAB_CERTIFICATE, 3);
	/* More than there may be: of certificates, and of bytes. */
	for (size_t i = 0; i < COUNT(ders); i++)
		ders[i] = span_of(der, 300);
	put_hello(16384);
	put_chain(ders, 256, 16384);
	check(GRAB_TOO_LARGE, GRAB_CERTIFICATE, 256);
	for (size_t i = 0; i < COUNT(ders); i++)
		ders[i] = span_of(der, (size_t)len);
	put_hello(16384);
	put_chain(ders, 256 * 1024 / (size_t)len < 400 ? 256 * 1024 / (size_t)len : 400, 16384);
	check(GRAB_TOO_LARGE, GRAB_SERVER_HELLO, 0);
	/* At the depth of certificates it is complete, whatever is in it. */
	put_hello(16384);
	put_chain(ders, 200, 16384);
	for (int plain = 0; plain < 2; plain++) {
		struct outcome o = run(plain ? TLS_1_2 : TLS_MODERN, TLS_CERTIFICATE, 1448);

		assert_int_equal(o.cause, GRAB_COMPLETE);
		assert_int_equal(o.stage, GRAB_CERTIFICATE);
		assert_int_equal(o.certificates, 200);
	}
	script_len = 0;
	OPENSSL_free(der);
	OPENSSL_free(big_bytes);
	X509_free(cert);
	X509_free(big);
	EVP_PKEY_free(key);
}

/* Certificates that do not parse are kept; a handshake cannot go on without a key. */
static void
test_bad_certificates(void **state)
{
	EVP_PKEY *key = make_key("P-256");
	X509 *cert = make_certificate(key, "www.example.com", "DNS:www.example.com", NULL, NULL, -77);
	struct span ders[2] = {TEXT("this is no certificate"), {0}};
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);

	(void)state;
	put_hello(16384);
	put_chain(ders, 1, 16384);
	check(GRAB_BAD_MESSAGE, GRAB_CERTIFICATE, 1);
	put_hello(16384);
	put_chain(ders, 1, 16384);
	assert_int_equal(run(TLS_MODERN, TLS_CERTIFICATE, SIZE_MAX).cause, GRAB_COMPLETE);
	script_len = 0;
	/* A negative serial is none of TLS's business. */
	ders[0] = span_of(der, (size_t)len);
	put_hello(16384);
	put_chain(ders, 1, 16384);
	check(GRAB_BAD_MESSAGE, GRAB_CERTIFICATE, 1); /* an EC key under a suite of RSA */
	put_hello(16384);
	put_chain(ders, 0, 16384);
	check(GRAB_BAD_MESSAGE, GRAB_CERTIFICATE, 0);
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
test_bad_records(void **state)
{
	static const uint8_t oversize[] = {22, 3, 3, 0x45, 0}, data[] = {23, 3, 3, 0, 1, 0};
	static const uint8_t odd[] = {22, 3, 3, 0, 4, 99, 0, 0, 0}, empty[] = {22, 3, 3, 0, 0};

	(void)state;
	put(oversize, sizeof(oversize));
	check(GRAB_BAD_RECORD, GRAB_HELLO_SENT, 0);
	put_hello(16384);
	put(TEXT("not a record at all").at, 19);
	check(GRAB_BAD_RECORD, GRAB_SERVER_HELLO, 0);
	put(data, sizeof(data));
	check(GRAB_BAD_MESSAGE, GRAB_HELLO_SENT, 0);
	put(odd, sizeof(odd));
	check(GRAB_BAD_MESSAGE, GRAB_HELLO_SENT, 0);
	for (int i = 0; i < 100; i++)
		put(empty, sizeof(empty));
	assert_int_not_equal(run(TLS_MODERN, TLS_HANDSHAKE, SIZE_MAX).cause, GRAB_COMPLETE);
	script_len = 0;
}

/* Warnings without end: 256 KB of them at the most. */
static void
test_endless(void **state)
{
	static const uint8_t warning[] = {21, 3, 3, 0, 2, 1, 112};
	struct outcome o;

	(void)state;
	while (script_len < 300000)
		put(warning, sizeof(warning));
	o = run(TLS_MODERN, TLS_HANDSHAKE, 1448);
	assert_true(o.cause == GRAB_TOO_LARGE || o.cause == GRAB_BAD_RECORD || o.cause == GRAB_BAD_MESSAGE);
	assert_int_equal(o.stage, GRAB_HELLO_SENT);
	o = run(TLS_1_2, TLS_CERTIFICATE, 1448);
	assert_int_equal(o.cause, GRAB_TOO_LARGE);
	script_len = 0;
}

/* A version that was not offered. */
static void
test_versions(void **state)
{
	static const uint16_t versions[] = {0x0300, 0x0301, 0x0305};

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		uint8_t body[38] = {0};

		store_be16(body, versions[i]);
		body[35] = 0xc0;
		body[36] = 0x13;
		put_message(HELLO_SERVER_HELLO, span_of(body, sizeof(body)), 16384);
		assert_int_equal(run(TLS_1_2 | TLS_1_3, TLS_HANDSHAKE, SIZE_MAX).cause, GRAB_VERSION);
		assert_int_equal(run(TLS_1_2, TLS_CERTIFICATE, SIZE_MAX).cause, GRAB_VERSION);
		script_len = 0;
	}
}

/* What is stated of a session's memory; and all of it comes back. */
static void
test_memory(void **state)
{
	struct tls_profile *p = make_profile(TLS_MODERN, TLS_HANDSHAKE);
	struct identity id = make_identity("RSA-2048", 3);
	SSL_CTX *ctx = make_server_context(&id);
	size_t waiting = 0, most = 0;

	(void)state;
	for (int round = 0; round < 4; round++) {
		struct server server = make_server(ctx);
		struct grab *g = grab_new(pool, GRAB_TLS, 0);
		struct tls_session *s;
		uint8_t buf[20000];
		size_t before = allocated, len;
		int n;

		s = tls_session_new(p, "www.example.com", g, 0);
		len = tls_output(s, buf, sizeof(buf), 0);
		waiting = allocated - before;
		BIO_write(server.in, buf, (int)len);
		SSL_do_handshake(server.ssl);
		before = allocated - waiting;
		for (peak = allocated; (n = BIO_read(server.out, buf, 1448)) > 0;) {
			/* The server's own buffers shrink as they are read. */
			tls_input(s, span_of(buf, (size_t)n), 1);
			/* The first finds OpenSSL's algorithms, which stay. */
			if (round > 0 && peak - before > most)
				most = peak - before;
		}
		assert_int_equal(g->cause, GRAB_COMPLETE);
		tls_session_free(s);
		free_server(&server);
		grab_free(g);
	}
	print_message("waiting for the ServerHello %zu bytes, at most %zu\n", waiting, most);
	assert_true(waiting > 1000 && waiting < 48 * 1024);
	assert_true(most < TLS_SESSION_BYTES);
	/* Rounds after the first leave nothing behind. */
	{
		size_t before = 0;

		for (int round = 0; round < 3; round++) {
			struct grab *g = grab_new(pool, GRAB_TLS, 0);
			struct tls_session *s = tls_session_new(p, "www.example.com", g, 0);

			tls_abort(s, GRAB_TIMEOUT, 1);
			tls_session_free(s);
			grab_free(g);
			if (round > 0)
				assert_int_equal(allocated, before);
			before = allocated;
		}
	}
	SSL_CTX_free(ctx);
	free_identity(&id);
	tls_profile_free(p);
}

static int
set_up(void **state)
{
	(void)state;
	tls = tls_new(&(struct tls_config){0});
	pool = grab_pool_new(256);
	return tls != NULL && pool != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_int_equal(grab_pool_room(pool), 256);
	grab_pool_free(pool);
	tls_free(tls);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_protocols), cmocka_unit_test(test_every_alert),
		cmocka_unit_test(test_long_chains),     cmocka_unit_test(test_bad_certificates),
		cmocka_unit_test(test_bad_records),     cmocka_unit_test(test_endless),
		cmocka_unit_test(test_versions),        cmocka_unit_test(test_memory),
	};

	if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
