/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain folded into its leaf, as OpenSSL's own reader of certificates finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hello/hello.h"
#include "tls/fold.h"
#include "tls_server.h"

#define BODY_MAX (256 * 1024)

struct body {
	uint8_t *bytes;
	size_t len;
	bool tls13;
};

static void
put(struct body *b, const void *bytes, size_t len)
{
	assert_true(b->len + len <= BODY_MAX);
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

static void
put_number(struct body *b, unsigned int bytes, size_t value)
{
	while (bytes-- > 0)
		put(b, &(uint8_t){(uint8_t)(value >> 8 * bytes)}, 1);
}

static void
put_entry(struct body *b, const void *der, size_t len)
{
	static const uint8_t status[] = {0, 5, 0, 4, 1, 2, 3, 4};

	put_number(b, 3, len);
	put(b, der, len);
	if (b->tls13) {
		put_number(b, 2, sizeof(status));
		put(b, status, sizeof(status));
	}
}

/* An empty Certificate message's body. */
static void
begin(struct body *b, bool tls13)
{
	b->len = 0;
	b->tls13 = tls13;
	if (tls13)
		put_number(b, 1, 0);
	put_number(b, 3, 0);
}

static void
end(struct body *b)
{
	size_t at = b->tls13 ? 1 : 0, len = b->len, list = len - at - 3;

	b->len = at;
	put_number(b, 3, list);
	b->len = len;
}

static void
put_certificate(struct body *b, X509 *cert)
{
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);

	put_entry(b, der, (size_t)len);
	OPENSSL_free(der);
}

/* The message holds one certificate, to its last byte, with this key. */
static void
assert_is_leaf(const struct body *b, EVP_PKEY *key)
{
	struct span entries, der, extensions;
	const unsigned char *at;
	X509 *cert;

	assert_true(hello_certificates(span_of(b->bytes, b->len), b->tls13, &entries));
	assert_true(hello_certificate(&entries, b->tls13, &der, &extensions));
	assert_int_equal(entries.len, 0);
	assert_int_equal(extensions.len, 0);
	at = der.at;
	cert = d2i_X509(NULL, &at, (long)der.len);
	assert_non_null(cert);
	assert_ptr_equal(at, der.at + der.len);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), key), 1);
	X509_free(cert);
}

static void
assert_unchanged(struct body *b)
{
	uint8_t *before = malloc(b->len);

	memcpy(before, b->bytes, b->len);
	fold_chain(b->bytes, b->len, b->tls13);
	assert_memory_equal(b->bytes, before, b->len);
	free(before);
}

static void
test_every_key(void **state)
{
	static const char *const types[] = {"P-256", "RSA-1024", "RSA-2048", "P-521", "ED25519"};
	struct body b = {malloc(BODY_MAX), 0, false};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (size_t length = 2; length <= (i == 0 ? CHAIN_MAX : 2); length++) {
			struct identity id = make_identity(types[i], length);

			for (int tls13 = 0; tls13 < 2; tls13++) {
				begin(&b, tls13);
				for (size_t k = 0; k < length; k++)
					put_certificate(&b, id.chain[k]);
				end(&b);
				fold_chain(b.bytes, b.len, tls13);
				assert_is_leaf(&b, id.key);
			}
			free_identity(&id);
		}
	}
	free(b.bytes);
}

/* What the others are is of no account: no certificates, one byte, 60 KB. */
static void
test_others_of_any_form(void **state)
{
	struct identity id = make_identity("P-256", 1);
	struct body b = {malloc(BODY_MAX), 0, false};
	uint8_t *filler = calloc(1, 60000);

	(void)state;
	for (int tls13 = 0; tls13 < 2; tls13++) {
		for (size_t len = 200; len <= 60000; len *= 2) {
			begin(&b, tls13);
			put_certificate(&b, id.chain[0]);
			put_entry(&b, filler, len);
			put_entry(&b, filler, 1);
			end(&b);
			fold_chain(b.bytes, b.len, tls13);
			assert_is_leaf(&b, id.key);
		}
	}
	free(filler);
	free(b.bytes);
	free_identity(&id);
}

static void
test_what_stays(void **state)
{
	struct identity id = make_identity("P-256", 2);
	struct body b = {malloc(BODY_MAX), 0, false};
	uint8_t *filler = calloc(1, 100000);

	(void)state;
	for (int tls13 = 0; tls13 < 2; tls13++) {
		/* One certificate, and none. */
		begin(&b, tls13);
		put_certificate(&b, id.chain[0]);
		end(&b);
		assert_unchanged(&b);
		begin(&b, tls13);
		end(&b);
		assert_unchanged(&b);
		/* A list that goes on behind its end, one that ends too early. */
		begin(&b, tls13);
		put_certificate(&b, id.chain[0]);
		put_certificate(&b, id.chain[1]);
		end(&b);
		b.len--;
		assert_unchanged(&b);
		begin(&b, tls13);
		put_certificate(&b, id.chain[0]);
		put_number(&b, 2, 0);
		end(&b);
		assert_unchanged(&b);
		/* A leaf that is no certificate, and one that has something behind it. */
		begin(&b, tls13);
		put_entry(&b, filler, 600);
		put_certificate(&b, id.chain[1]);
		end(&b);
		assert_unchanged(&b);
		/* More than two bytes of length can say. */
		begin(&b, tls13);
		put_certificate(&b, id.chain[0]);
		put_entry(&b, filler, 66000);
		end(&b);
		assert_unchanged(&b);
	}
	free(filler);
	free(b.bytes);
	free_identity(&id);
}

/* Any bytes: nothing outside of them is touched (under a sanitizer, also not read). */
static void
test_any_bytes(void **state)
{
	struct identity id = make_identity("RSA-1024", 3);
	struct body b = {malloc(BODY_MAX), 0, false};
	uint32_t chance = 1;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t *copy;
		size_t len;

		begin(&b, i % 2);
		for (size_t k = 0; k < 3; k++)
			put_certificate(&b, id.chain[k]);
		end(&b);
		for (unsigned int k = 0; k < 3; k++) {
			chance = chance * 1664525 + 1013904223;
			b.bytes[(chance >> 8) % (k == 0 ? 64 : b.len)] = (uint8_t)(chance >> 3);
		}
		len = i % 3 == 0 ? chance % b.len : b.len;
		copy = malloc(len);
		memcpy(copy, b.bytes, len);
		fold_chain(copy, len, i % 2);
		free(copy);
	}
	free(b.bytes);
	free_identity(&id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_others_of_any_form),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
