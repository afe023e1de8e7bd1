/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of grabs: whole conversations and made-up ones, as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "base/time.h"
#include "grabrecord/grabrecord.h"
#include "hello/hello.h"
#include "json_check.h"
#include "tls_server.h"

/* 2026-11-22T13:02:11Z */
#define START_S UINT64_C(1795352531)
#define TEXT(literal) span_of(literal, sizeof(literal) - 1)

static const struct grabrecord_grab grabs[] = {
	{"inline", GRABRECORD_INLINE},
	{"tls", GRABRECORD_LEAF},
	{"reference", GRABRECORD_REFERENCE},
	{"ssh", GRABRECORD_LEAF},
};

struct fixture {
	struct grab_pool *pool;
	struct grabrecord *r;
	unsigned int rows;
	char *row; /* the last, terminated */
	uint64_t now_ns;
};

static char *text; /* the last line, terminated */

static void
take_row(void *arg, const char *row, size_t len)
{
	struct fixture *f = arg;

	assert_true(json_is_line(row, len));
	f->rows++;
	free(f->row);
	f->row = strndup(row, len);
}

static void
begin(struct fixture *f, const char *trusted)
{
	const struct grabrecord_config config = {
		.grabs = grabs, .grab_count = 4,
		/* Certificates made here are valid today. */
		.start_wall_ns = (trusted != NULL ? (uint64_t)time(NULL) : START_S) * NS_PER_SEC,
		.validate = trusted != NULL, .trusted = trusted, .certificates = take_row, .arg = f};

	*f = (struct fixture){.pool = grab_pool_new(256), .now_ns = 1000};
	f->r = grabrecord_new(&config);
	assert_non_null(f->r);
}

static void
end(struct fixture *f)
{
	grabrecord_free(f->r);
	assert_int_equal(grab_pool_room(f->pool), 256);
	grab_pool_free(f->pool);
	free(f->row);
	free(text);
	text = NULL;
}

static struct grab *
make_grab(struct fixture *f, uint16_t index, enum grab_module module)
{
	struct grab *g = grab_new(f->pool, module, 1000);

	g->index = index;
	g->address = 0xc000020a;
	g->port = 443;
	return g;
}

static void
write_line(struct fixture *f, const struct grab *g)
{
	size_t len;
	const char *line = grabrecord_line(f->r, g, &len);

	assert_true(json_is_line(line, len));
	free(text);
	text = strndup(line, len);
}

static void
assert_has(const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in %s", part, text);
}

static void
assert_has_not(const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("%s in %s", part, text);
}

static unsigned int
count(const char *part)
{
	unsigned int n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

/* The whole way, for each form: a server of OpenSSL's, a session, a grab, a line. */
static void
look(struct fixture *f, struct tls_profile *p, SSL_CTX *ctx, uint16_t index)
{
	struct grab *g = make_grab(f, index, GRAB_TLS);
	struct server server = make_server(ctx);
	struct tls_session *s;

	grab_add(g, GRAB_CHUNK_DOMAIN, TEXT("www.example.com"), f->now_ns);
	s = tls_session_new(p, "www.example.com", g, f->now_ns);
	converse(s, &server, 1448, &f->now_ns);
	tls_session_free(s);
	free_server(&server);
	write_line(f, g);
	grab_free(g);
}

static void
test_forms(void **state)
{
	struct identity id = make_identity("RSA-2048", 3);
	SSL_CTX *ctx = make_server_context(&id);
	struct tls *t = tls_new(&(struct tls_config){0});
	struct tls_spec spec = {.versions = TLS_MODERN, .depth = TLS_HANDSHAKE};
	struct tls_profile *p;
	struct fixture f;
	struct span name;

	(void)state;
	begin(&f, NULL);
	assert_int_equal(tls_profile_new(t, &spec, &p), 0);
	/* Which form a record has never depends on what came before: each comes twice. */
	for (int round = 0; round < 2; round++) {
		look(&f, p, ctx, 1);
		assert_int_equal(count("\"raw\":\""), 1);
		assert_int_equal(count("{\"fingerprint_sha256\":\""), 2);
		assert_int_equal(f.rows, round == 0 ? 2 : 3);
		look(&f, p, ctx, 0);
		assert_int_equal(count("\"raw\":\""), 3);
		look(&f, p, ctx, 2);
		assert_int_equal(count("\"raw\":\""), 0);
		assert_int_equal(count("{\"fingerprint_sha256\":\""), 3);
		assert_int_equal(f.rows, 3); /* each certificate once, the leaf with the form that refers to it */
	}
	assert_non_null(strstr(f.row, "{\"record\":\"certificate\",\"fingerprint_sha256\":\""));
	assert_non_null(strstr(f.row, "\"parsed\":{\"version\":3,"));
	look(&f, p, ctx, 1);
	assert_int_equal(strncmp(text, "{\"record\":\"tls\",\"ip\":\"192.0.2.10\",\"port\":443,"
				       "\"domain\":\"www.example.com\",\"data\":{\"tls\":{\"status\":\"success\","
				       "\"protocol\":\"tls\",\"port\":443,\"result\":{\"handshake_log\":{"
				       "\"server_hello\":{\"version\":{\"name\":\"TLSv1.2\",\"value\":771},"
				       "\"random\":\"", 200), 0);
	assert_has("\"supported_versions\":{\"selected_version\":{\"name\":\"TLSv1.3\",\"value\":772}}");
	assert_has("\"key_share\":{\"hex\":\"0x001D\",\"name\":\"x25519\",\"value\":29}");
	assert_has("\"extension_identifiers\":[43,51]");
	assert_has("\"compression_method\":{\"hex\":\"0x00\",\"name\":\"NULL\",\"value\":0}");
	/* JA3S of "771,4866,43-51": AES-256 is this server's first. */
	assert_has("\"cipher_suite\":{\"hex\":\"0x1302\",\"name\":\"TLS_AES_256_GCM_SHA384\",\"value\":4866}");
	assert_has("\"ja3s\":\"15af977ce25de452b96affa2addb1036\"");
	assert_has("\"handshake_completed_successfully\":true");
	assert_has("\"timestamp\":\"2026-11-22T13:02:11Z\"");
	assert_has("\"stage\":\"handshake\",\"cause\":\"complete\"");
	assert_true(grabrecord_next_name(f.r, &name));
	assert_int_equal(name.len, 15);
	assert_true(grabrecord_next_name(f.r, &name));
	assert_false(grabrecord_next_name(f.r, &name));
	tls_profile_free(p);
	tls_free(t);
	SSL_CTX_free(ctx);
	free_identity(&id);
	end(&f);
}

/* Told against a store that trusts the root; by a name that fits and one that does not. */
static void
test_validation(void **state)
{
	struct identity id = make_identity("P-256", 3), other = make_identity("P-256", 2);
	char path[] = "/tmp/test_grabrecord.XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct tls *t = tls_new(&(struct tls_config){0});
	struct tls_spec spec = {.versions = TLS_1_2, .depth = TLS_CERTIFICATE};
	SSL_CTX *good = make_server_context(&id), *bad = make_server_context(&other);
	struct tls_profile *p;
	struct fixture f;

	(void)state;
	PEM_write_X509(file, id.chain[2]);
	fclose(file);
	begin(&f, path);
	unlink(path);
	assert_int_equal(tls_profile_new(t, &spec, &p), 0);
	for (int round = 0; round < 2; round++) {
		look(&f, p, good, 1);
		assert_has("\"validation\":{\"browser_trusted\":true,\"matches_domain\":true}");
		look(&f, p, bad, 1);
		assert_has("\"validation\":{\"browser_trusted\":false,\"browser_error\":\"");
	}
	tls_profile_free(p);
	tls_free(t);
	SSL_CTX_free(good);
	SSL_CTX_free(bad);
	free_identity(&id);
	free_identity(&other);
	end(&f);
}

static void
test_banner(void **state)
{
	struct fixture f;
	struct grab *g;

	(void)state;
	begin(&f, NULL);
	g = make_grab(&f, 3, GRAB_BANNER);
	g->port = 22;
	grab_add(g, GRAB_CHUNK_BANNER, TEXT("SSH-2.0-OpenSSH_9.2"), 2000);
	grab_reach(g, GRAB_DATA, 2000000);
	grab_end(g, GRAB_COMPLETE, 3000000);
	write_line(&f, g);
	assert_string_equal(text,
		"{\"record\":\"banner\",\"ip\":\"192.0.2.10\",\"port\":22,\"data\":{\"ssh\":{\"status\":\"success\","
		"\"protocol\":\"banner\",\"port\":22,\"result\":{\"banner\":\"SSH-2.0-OpenSSH_9.2\",\"length\":19,"
		"\"truncated\":false},\"timestamp\":\"2026-11-22T13:02:11Z\"}},\"stage\":\"data\","
		"\"cause\":\"complete\",\"times_us\":{\"data\":1999,\"end\":2999},\"received_bytes\":0}\n");
	grab_free(g);

	g = make_grab(&f, 3, GRAB_BANNER);
	grab_add(g, GRAB_CHUNK_BANNER, TEXT("\xff\xfd\x18"), 2000);
	grab_mark_cut(g);
	g->service = GRAB_SPOKE;
	grab_end(g, GRAB_TIMEOUT, 3000000);
	write_line(&f, g);
	assert_has("\"cause\":\"timeout\",\"service\":\"spoke\",");
	assert_has("\"banner\":\"\\u00ff\\u00fd\\u0018\",\"raw\":\"//0Y\",\"length\":3,\"truncated\":true");
	assert_has("\"status\":\"io-timeout\"");
	grab_free(g);
	end(&f);
}

static void
test_failures(void **state)
{
	static const uint8_t alert[] = {2, 40}, warning[] = {1, 112};
	struct fixture f;
	struct grab *g;

	(void)state;
	begin(&f, NULL);
	g = make_grab(&f, 1, GRAB_TLS);
	g->has_tcp = true;
	g->ttl = 53;
	g->window = 64240;
	g->mss = 1460;
	g->wscale = 7;
	grab_add(g, GRAB_CHUNK_ALERT_RECEIVED, span_of(warning, 2), 1500);
	grab_add(g, GRAB_CHUNK_ALERT_RECEIVED, span_of(alert, 2), 1500);
	grab_reach(g, GRAB_HELLO_SENT, 1500);
	grab_end(g, GRAB_ALERT, 2000);
	write_line(&f, g);
	assert_has("\"status\":\"handshake-error\"");
	assert_has("\"handshake_log\":{\"alert\":40},\"handshake_completed_successfully\":false,\"alerts\":["
		   "{\"direction\":\"received\",\"level\":\"warning\",\"name\":\"unrecognized_name\",\"value\":112},"
		   "{\"direction\":\"received\",\"level\":\"fatal\",\"name\":\"handshake_failure\",\"value\":40}]");
	assert_has("\"stage\":\"hello_sent\",\"cause\":\"alert\"");
	assert_has("\"tcp\":{\"ttl\":53,\"window\":64240,\"mss\":1460,\"wscale\":128}");
	grab_free(g);

	g = make_grab(&f, 1, GRAB_TLS);
	grab_end(g, GRAB_TIMEOUT, 2000);
	write_line(&f, g);
	assert_has_not("\"result\"");
	assert_has("\"status\":\"connection-timeout\"");
	assert_has_not("\"service\"");
	grab_free(g);

	g = make_grab(&f, 1, GRAB_TLS);
	grab_add(g, GRAB_CHUNK_RAW, TEXT("HTTP/1.1 400"), 1500);
	grab_end(g, GRAB_NOT_TLS, 2000);
	write_line(&f, g);
	assert_has("\"first_bytes\":\"SFRUUC8xLjEgNDAw\"");
	assert_has("\"status\":\"protocol-error\"");
	grab_free(g);
	end(&f);
}

static void
test_ssl2(void **state)
{
	static const uint8_t hello[] = {4, 0, 1, 0, 2, 0, 2, 0, 3, 0, 1, 'd', 'e', 1, 0, 0x80, 'i'};
	static const uint8_t error[] = {0, 0, 1};
	struct fixture f;
	struct grab *g;

	(void)state;
	begin(&f, NULL);
	g = make_grab(&f, 1, GRAB_TLS);
	g->look = GRAB_LOOK_SSL2;
	grab_add(g, GRAB_CHUNK_SSL2, span_of(hello, sizeof(hello)), 1500);
	grab_reach(g, GRAB_CERTIFICATE, 1500);
	grab_end(g, GRAB_COMPLETE, 2000);
	write_line(&f, g);
	assert_has("\"ssl2_server_hello\":{\"version\":{\"name\":\"SSLv2\",\"value\":2},\"session_id_hit\":false,"
		   "\"certificate_type\":1,\"ciphers\":[{\"hex\":\"0x010080\",\"name\":"
		   "\"SSL_CK_RC4_128_WITH_MD5\",\"value\":65664}],\"connection_id\":\"aQ==\"}");
	assert_has("\"server_certificates\":{\"certificate\":{\"raw\":\"ZGU=\",\"parsed\":{");
	assert_has("\"look\":\"ssl2\"");
	grab_free(g);

	g = make_grab(&f, 1, GRAB_TLS);
	grab_add(g, GRAB_CHUNK_SSL2, span_of(error, sizeof(error)), 1500);
	grab_end(g, GRAB_ALERT, 2000);
	write_line(&f, g);
	assert_has("\"ssl2_error\":{\"name\":\"no_cipher\",\"value\":1}");
	assert_has_not("ssl2_server_hello");
	grab_free(g);
	end(&f);
}

/* The most certificates, and more than are written; each of none but its head. */
static void
test_many(void **state)
{
	static uint8_t message[4 + 3 + 3 * 1000];
	struct fixture f;
	struct grab *g;

	(void)state;
	begin(&f, NULL);
	message[0] = HELLO_CERTIFICATE;
	message[5] = 3000 >> 8;
	message[6] = 3000 & 0xff;
	for (uint16_t index = 0; index < 3; index++) {
		g = make_grab(&f, index, GRAB_TLS);
		grab_add(g, GRAB_CHUNK_HANDSHAKE, span_of(message, sizeof(message)), 1500);
		grab_end(g, GRAB_TOO_LARGE, 2000);
		write_line(&f, g);
		assert_has("\"chain_omitted\":745");
		grab_free(g);
	}
	assert_int_equal(f.rows, 1); /* they are all the same */
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_validation),
		cmocka_unit_test(test_banner),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_ssl2),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
