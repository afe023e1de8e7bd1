/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates: what lib/x509 reads is what OpenSSL reads, and what is wrong is data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "json_check.h"
#include "tls_server.h"
#include "x509/x509.h"

static char line[1 << 20];
static const struct x509_digests no_digests;

/* The JSON of a certificate, as a terminated text. */
static const char *
format(struct span der)
{
	struct x509 c;
	struct json j;
	size_t len;

	x509_parse(der, &c);
	json_begin(&j, line, sizeof(line) - 1);
	json_open_object(&j, NULL);
	x509_json(&c, &no_digests, &j, "parsed");
	json_close_object(&j);
	len = json_finish(&j);
	assert_true(len > 0);
	assert_true(json_is_line(line, len));
	line[len] = '\0';
	return line;
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		return;
	fputs(part, stderr);
	fputs(" is not in ", stderr);
	fputs(text, stderr);
	fail();
}

static uint8_t *
encode(X509 *cert, struct span *der)
{
	uint8_t *bytes = NULL;
	int len = i2d_X509(cert, &bytes);

	*der = span_of(bytes, (size_t)len);
	return bytes;
}

/* OpenSSL's words for the same. */
static void
check_against_openssl(X509 *cert, const char *text)
{
	ASN1_INTEGER *serial = X509_get_serialNumber(cert);
	BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	char *decimal = BN_bn2dec(number), expected[256];
	struct tm tm;

	snprintf(expected, sizeof(expected), "\"serial_number\":\"%s\"", decimal);
	assert_has(text, expected);
	ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm);
	snprintf(expected, sizeof(expected), "\"end\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	assert_has(text, expected);
	OPENSSL_free(decimal);
	BN_free(number);
}

static void
test_keys(void **state)
{
	static const struct {
		const char *type, *algorithm, *detail;
	} rows[] = {
		{"RSA-2048", "\"name\":\"RSA\"", "\"exponent\":65537"},
		{"RSA-1024", "\"name\":\"RSA\"", "\"length\":1024"},
		{"RSA-PSS", "\"name\":\"RSAPSS\"", "\"length\":2048"},
		{"P-256", "\"name\":\"ECDSA\"", "\"curve\":\"P-256\",\"length\":256"},
		{"P-521", "\"name\":\"ECDSA\"", "\"curve\":\"P-521\",\"length\":521"},
		{"secp256k1", "\"name\":\"ECDSA\"", "\"curve\":\"secp256k1\""},
		{"DSA", "\"name\":\"DSA\"", "\"dsa_public_key\":{\"p\":"},
		{"ED25519", "\"name\":\"Ed25519\"", "\"public_key\":\""},
		{"ED448", "\"name\":\"Ed448\"", "\"public_key\":\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity id = make_identity(rows[i].type, 2);
		struct span der;
		uint8_t *bytes = encode(id.chain[0], &der);
		const char *text = format(der);

		assert_has(text, rows[i].algorithm);
		assert_has(text, rows[i].detail);
		assert_has(text, "\"version\":3");
		assert_has(text, "\"signature_algorithm\":{\"name\":\"ECDSA-SHA256\","
				 "\"oid\":\"1.2.840.10045.4.3.2\"}");
		assert_has(text, "\"issuer_dn\":\"C=US, CN=Authority 1\"");
		assert_has(text, "\"subject\":{\"country\":[\"US\"],\"common_name\":[\"www.example.com\"]}");
		assert_has(text, "\"subject_alt_name\":{\"dns_names\":[\"www.example.com\","
				 "\"*.example.org\"],\"ip_addresses\":[\"192.0.2.1\"]}");
		/* The common name stands among the DNS names already. */
		assert_has(text, "\"names\":[\"www.example.com\",\"*.example.org\"]");
		assert_null(strstr(text, "parse_error"));
		check_against_openssl(id.chain[0], text);
		OPENSSL_free(bytes);
		free_identity(&id);
	}
}

static void
test_extensions(void **state)
{
	EVP_PKEY *key = make_key("P-256");
	X509 *cert = make_certificate(key, "Odd, \"CA\"", NULL, NULL, NULL, 1);
	struct span der;
	const char *text;
	uint8_t *bytes;

	(void)state;
	add_extension(cert, NID_key_usage, "critical,keyCertSign,digitalSignature");
	add_extension(cert, NID_ext_key_usage, "serverAuth,1.2.3.4");
	add_extension(cert, NID_subject_key_identifier, "hash");
	add_extension(cert, NID_crl_distribution_points, "URI:http://crl.example/a.crl");
	add_extension(cert, NID_info_access, "OCSP;URI:http://ocsp.example,caIssuers;URI:http://ca.example/i.crt");
	add_extension(cert, NID_certificate_policies, "DER:300a3008060667810c010201");
	add_extension(cert, NID_netscape_comment, "hello");
	X509_sign(cert, key, EVP_sha256());
	bytes = encode(cert, &der);
	text = format(der);
	assert_has(text, "\"issuer_dn\":\"C=US, CN=Odd\\\\, \\\\\\\"CA\\\\\\\"\"");
	assert_has(text, "\"basic_constraints\":{\"is_ca\":true}");
	assert_has(text, "\"key_usage\":{\"digital_signature\":true,\"certificate_sign\":true,\"value\":33}");
	assert_has(text, "\"extended_key_usage\":{\"server_auth\":true,\"unknown\":[\"1.2.3.4\"]}");
	assert_has(text, "\"subject_key_id\":\"");
	assert_has(text, "\"crl_distribution_points\":[\"http://crl.example/a.crl\"]");
	assert_has(text, "\"ocsp_urls\":[\"http://ocsp.example\"],\"issuer_urls\":[\"http://ca.example/i.crt\"]");
	assert_has(text, "\"certificate_policies\":[{\"id\":\"2.23.140.1.2.1\"}]");
	assert_has(text, "\"unknown_extensions\":[{\"id\":\"2.16.840.1.113730.1.13\",\"critical\":false,"
			 "\"value\":\"FgVoZWxsbw==\"}]");
	assert_has(text, "\"self_signed\":true");
	OPENSSL_free(bytes);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
test_serials(void **state)
{
	static const char *const serials[] = {
		"0", "1", "-1", "127", "128", "-128", "255", "1000000000", "999999999999999999999",
		"-340282366920938463463374607431768211456",
		"57896044618658097711785492504343953926634992332820282019728792003956564819967",
	};
	EVP_PKEY *key = make_key("P-256");
	X509 *cert = make_certificate(key, "x", NULL, NULL, NULL, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		char expected[160];
		BIGNUM *number = NULL;
		struct span der;
		uint8_t *bytes;

		BN_dec2bn(&number, serials[i]);
		BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
		X509_sign(cert, key, EVP_sha256());
		bytes = encode(cert, &der);
		snprintf(expected, sizeof(expected), "\"serial_number\":\"%s\",", serials[i]);
		assert_has(format(der), expected);
		OPENSSL_free(bytes);
		BN_free(number);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Cut at each byte it says what is wrong, and keeps what was before; each byte changed, it stays JSON. */
static void
test_broken(void **state)
{
	EVP_PKEY *key = make_key("P-256");
	X509 *cert = make_certificate(key, "www.example.com", "DNS:a.example", NULL, NULL, 77);
	struct span der;
	uint8_t *bytes = encode(cert, &der), *exact;
	struct x509 c;

	(void)state;
	for (size_t len = 0; len < der.len; len++) {
		/* A copy of its own size, so that a sanitizer sees a read too many. */
		exact = malloc(len + 1);
		memcpy(exact, der.at, len);
		assert_false(x509_parse(span_of(exact, len), &c));
		assert_non_null(c.error);
		assert_has(format(span_of(exact, len)), "\"parse_error\":\"");
		free(exact);
	}
	exact = malloc(der.len);
	for (size_t i = 0; i < der.len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(exact, der.at, der.len);
			exact[i] ^= (uint8_t)(1 << bit);
			format(span_of(exact, der.len));
		}
	}
	free(exact);
	assert_false(x509_parse(span_of("no certificate", 14), &c));
	OPENSSL_free(bytes);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
