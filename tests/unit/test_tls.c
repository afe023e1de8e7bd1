/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/tls against OpenSSL's own server side, in memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hello/hello.h"
#include "tls_server.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WHOLE SIZE_MAX
#define HELLO_ROOM 2048

struct fixture {
	struct tls *tls;
	struct grab_pool *pool;
	struct identity rsa, ec, ed;
	SSL_CTX *rsa_server, *ec_server, *ed_server;
	uint64_t now_ns;
};

/* What a look at a server left. */
struct seen {
	struct grab *grab;
	uint8_t copy[GRAB_CAPTURE_MAX];
	size_t len;
};

static struct seen seen; /* of the last look */

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->tls = tls_new(&(struct tls_config){0});
	f->pool = grab_pool_new(1024);
	f->rsa = make_identity("RSA-2048", 3);
	f->ec = make_identity("P-256", 1);
	f->ed = make_identity("ED25519", 2);
	f->rsa_server = make_server_context(&f->rsa);
	f->ec_server = make_server_context(&f->ec);
	f->ed_server = make_server_context(&f->ed);
	f->now_ns = 1000000;
	*state = f;
	return f->tls != NULL && f->pool != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(grab_pool_room(f->pool), 1024);
	SSL_CTX_free(f->rsa_server);
	SSL_CTX_free(f->ec_server);
	SSL_CTX_free(f->ed_server);
	free_identity(&f->rsa);
	free_identity(&f->ec);
	free_identity(&f->ed);
	grab_pool_free(f->pool);
	tls_free(f->tls);
	free(f);
	return 0;
}

static struct tls_profile *
profile(struct fixture *f, unsigned int versions, enum tls_depth depth)
{
	static const char *const alpn[] = {"h2", "http/1.1"};
	const struct tls_spec spec = {
		.versions = versions, .depth = depth, .alpn = alpn, .alpn_count = 2};
	struct tls_profile *p;

	assert_int_equal(tls_profile_new(f->tls, &spec, &p), 0);
	return p;
}

static void
keep(struct grab *g)
{
	seen.grab = g;
	seen.len = grab_copy(g, seen.copy);
}

/* Look at a server in pieces; the grab is in seen.grab until forget(). */
static void
look(struct fixture *f, struct tls_profile *p, SSL_CTX *ctx, size_t piece)
{
	struct server server = make_server(ctx);
	struct grab *g = grab_new(f->pool, GRAB_TLS, f->now_ns);
	struct tls_session *s = tls_session_new(p, "www.example.com", g, f->now_ns);

	assert_non_null(s);
	assert_int_equal(converse(s, &server, piece, &f->now_ns), TLS_DONE);
	tls_session_free(s);
	free_server(&server);
	keep(g);
}

static void
forget(void)
{
	grab_free(seen.grab);
}

/* The body of the nth message of a type. */
static bool
find_message(uint8_t type, unsigned int nth, struct span *body)
{
	struct span copy = span_of(seen.copy, seen.len), bytes;
	struct grab_chunk_head head;

	while (grab_next(&copy, &head, &bytes)) {
		if (head.type != GRAB_CHUNK_HANDSHAKE || bytes.at[0] != type || nth-- > 0)
			continue;
		*body = span_of(bytes.at + 4, bytes.len - 4);
		return true;
	}
	return false;
}

static void
check_chain(const struct identity *id, bool tls13)
{
	struct span body, entries, der, extensions;

	assert_true(find_message(HELLO_CERTIFICATE, 0, &body));
	assert_true(hello_certificates(body, tls13, &entries));
	for (size_t i = 0; i < id->length; i++) {
		uint8_t *expected = NULL;
		int len = i2d_X509(id->chain[i], &expected);

		assert_true(hello_certificate(&entries, tls13, &der, &extensions));
		assert_int_equal(der.len, len);
		assert_memory_equal(der.at, expected, der.len);
		OPENSSL_free(expected);
	}
	assert_int_equal(entries.len, 0);
}

static uint16_t
chosen_version(void)
{
	struct hello_server hello;
	struct span body;

	assert_true(find_message(HELLO_SERVER_HELLO, 0, &body));
	assert_true(hello_server(body, &hello));
	return hello.chosen;
}

static const struct {
	unsigned int set;
	uint16_t version;
} versions[] = {{TLS_1_0, 0x0301}, {TLS_1_1, 0x0302}, {TLS_1_2, 0x0303}, {TLS_1_3, 0x0304}};

static void
test_versions_and_keys(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *const servers[] = {f->rsa_server, f->ec_server, f->ed_server};
	const struct identity *const ids[] = {&f->rsa, &f->ec, &f->ed};

	for (size_t v = 0; v < COUNT(versions); v++) {
		struct tls_profile *p = profile(f, versions[v].set, TLS_HANDSHAKE);

		for (size_t i = 0; i < 3; i++) {
			/* Ed25519 came with TLS 1.2. */
			if (i == 2 && versions[v].version < 0x0303)
				continue;
			look(f, p, servers[i], WHOLE);
			assert_int_equal(seen.grab->cause, GRAB_COMPLETE);
			assert_int_equal(seen.grab->stage, GRAB_HANDSHAKE);
			assert_int_equal(chosen_version(), versions[v].version);
			check_chain(ids[i], versions[v].version == 0x0304);
			forget();
		}
		tls_profile_free(p);
	}
}

static void
test_depths(void **state)
{
	static const enum grab_stage stages[] = {GRAB_SERVER_HELLO, GRAB_CERTIFICATE, GRAB_HANDSHAKE};
	struct fixture *f = *state;
	struct span body;

	for (size_t v = 0; v < COUNT(versions); v++) {
		for (int depth = TLS_HELLO; depth <= TLS_HANDSHAKE; depth++) {
			/* With 1.3 offered it is OpenSSL that stops, else hello/plain.h. */
			for (int all = 0; all < 2; all++) {
				struct tls_profile *p = profile(
					f, all ? TLS_MODERN : versions[v].set, (enum tls_depth)depth);

				SSL_CTX_set_max_proto_version(f->rsa_server, versions[v].version);
				look(f, p, f->rsa_server, WHOLE);
				assert_int_equal(seen.grab->cause, GRAB_COMPLETE);
				assert_int_equal(seen.grab->stage, stages[depth]);
				assert_int_equal(chosen_version(), versions[v].version);
				assert_int_equal(find_message(HELLO_CERTIFICATE, 0, &body),
						 depth >= TLS_CERTIFICATE);
				if (versions[v].version == 0x0304)
					assert_true(find_message(HELLO_ENCRYPTED_EXTENSIONS, 0, &body));
				if (depth >= TLS_CERTIFICATE)
					check_chain(&f->rsa, versions[v].version == 0x0304);
				forget();
				tls_profile_free(p);
			}
		}
	}
	SSL_CTX_set_max_proto_version(f->rsa_server, 0);
}

/* Whatever the split, the same is seen. */
static void
test_splits(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 333, 1447, 1448, 1449};
	struct fixture *f = *state;

	for (size_t v = 2; v < COUNT(versions); v++) {
		for (int depth = TLS_HELLO; depth <= TLS_HANDSHAKE; depth++) {
			struct tls_profile *p = profile(f, versions[v].set, (enum tls_depth)depth);

			for (size_t i = 0; i < COUNT(pieces); i++) {
				look(f, p, f->rsa_server, pieces[i]);
				assert_int_equal(seen.grab->cause, GRAB_COMPLETE);
				if (depth >= TLS_CERTIFICATE)
					check_chain(&f->rsa, versions[v].version == 0x0304);
				forget();
			}
			tls_profile_free(p);
		}
	}
}

/* Cut a server off at each byte of its flight: what was seen before is there, and why it ended. */
static void
test_every_end(void **state)
{
	struct fixture *f = *state;
	struct tls_profile *p = profile(f, TLS_1_2, TLS_HANDSHAKE);
	uint8_t flight[20000];
	struct span body;
	size_t whole = 1;

	for (size_t end = 0; end < whole; end++) {
		struct server server = make_server(f->ec_server);
		struct grab *g = grab_new(f->pool, GRAB_TLS, f->now_ns);
		struct tls_session *s = tls_session_new(p, NULL, g, f->now_ns);
		uint8_t hello[4096];
		size_t len = tls_output(s, hello, sizeof(hello), f->now_ns);

		BIO_write(server.in, hello, (int)len);
		SSL_do_handshake(server.ssl);
		whole = (size_t)BIO_read(server.out, flight, sizeof(flight));
		assert_int_equal(tls_input(s, span_of(flight, end), f->now_ns + 1), TLS_WANTS_MORE);
		if (end % 2 == 0)
			assert_int_equal(tls_eof(s, f->now_ns + 2), TLS_DONE);
		else
			tls_abort(s, GRAB_TIMEOUT, f->now_ns + 2);
		assert_int_equal(g->cause, end % 2 == 0 ? GRAB_CLOSED : GRAB_TIMEOUT);
		keep(g);
		assert_int_equal(find_message(HELLO_SERVER_HELLO, 0, &body), g->stage >= GRAB_SERVER_HELLO);
		assert_int_equal(find_message(HELLO_CERTIFICATE, 0, &body), g->stage >= GRAB_CERTIFICATE);
		if (end + 1 == whole)
			assert_int_equal(g->stage, GRAB_CERTIFICATE);
		tls_session_free(s);
		free_server(&server);
		forget();
	}
	tls_profile_free(p);
}

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
	    unsigned int in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	(void)in_len;
	*out = in + 1; /* the first */
	*len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static int
staple(SSL *ssl, void *arg)
{
	uint8_t *response = OPENSSL_memdup("OCSP response", 13);

	(void)arg;
	SSL_set_tlsext_status_ocsp_resp(ssl, response, 13);
	return SSL_TLSEXT_ERR_OK;
}

static void
test_what_a_server_says(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = make_server_context(&f->rsa);
	struct span body, extensions, data, protocol, response;
	struct hello_request request;
	struct hello_ticket ticket;
	struct hello_server hello;
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

	sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(f->rsa.chain[2])));
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_tlsext_status_cb(ctx, staple);
	for (int tls13 = 0; tls13 < 2; tls13++) {
		struct tls_profile *p = profile(f, tls13 ? TLS_1_3 : TLS_1_2, TLS_HANDSHAKE);

		look(f, p, ctx, WHOLE);
		assert_int_equal(seen.grab->cause, GRAB_COMPLETE);
		assert_true(find_message(HELLO_SERVER_HELLO, 0, &body));
		assert_true(hello_server(body, &hello));
		extensions = hello.extensions;
		if (tls13) {
			assert_true(hello.has_group);
			assert_int_equal(hello.group, 29);
			assert_true(find_message(HELLO_ENCRYPTED_EXTENSIONS, 0, &body));
			assert_true(hello_encrypted_extensions(body, &extensions));
		} else {
			assert_true(find_message(HELLO_CERTIFICATE_STATUS, 0, &body));
			assert_true(hello_ocsp(body, &response));
			assert_memory_equal(response.at, "OCSP response", 13);
			assert_true(hello_find_extension(extensions, HELLO_EXT_EXTENDED_MASTER_SECRET, &data));
		}
		assert_true(hello_find_extension(extensions, HELLO_EXT_ALPN, &data));
		assert_true(hello_alpn(data, &protocol));
		assert_int_equal(protocol.len, 2);
		assert_memory_equal(protocol.at, "h2", 2);
		assert_true(find_message(HELLO_CERTIFICATE_REQUEST, 0, &body));
		assert_true(hello_request(body, hello.chosen, &request));
		assert_true(request.schemes.len > 0);
		assert_true(span_vec16(&request.authorities, &data));
		if (!tls13) {
			assert_true(find_message(HELLO_NEW_SESSION_TICKET, 0, &body));
			assert_true(hello_ticket(body, false, &ticket));
			assert_true(ticket.lifetime_s > 0 && ticket.ticket.len > 0);
		}
		forget();
		tls_profile_free(p);
	}
	SSL_CTX_free(ctx);
}

static void
test_retry_request(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = make_server_context(&f->ec);
	struct tls_profile *p = profile(f, TLS_MODERN, TLS_HANDSHAKE);
	struct hello_server hello;
	struct span body;

	SSL_CTX_set1_groups_list(ctx, "P-384");
	look(f, p, ctx, 3);
	assert_int_equal(seen.grab->cause, GRAB_COMPLETE);
	assert_true(find_message(HELLO_SERVER_HELLO, 0, &body));
	assert_true(hello_server(body, &hello));
	assert_true(hello.is_retry && hello.has_group);
	assert_int_equal(hello.group, 24);
	assert_true(find_message(HELLO_SERVER_HELLO, 1, &body));
	assert_true(hello_server(body, &hello));
	assert_false(hello.is_retry);
	forget();
	tls_profile_free(p);
	SSL_CTX_free(ctx);
}

static uint8_t
last_alert(uint8_t chunk_type)
{
	struct span copy = span_of(seen.copy, seen.len), bytes;
	struct grab_chunk_head head;
	uint8_t alert = 255;

	while (grab_next(&copy, &head, &bytes))
		if (head.type == chunk_type)
			alert = bytes.at[1];
	return alert;
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = make_server_context(&f->rsa);
	struct tls_profile *p = profile(f, TLS_1_0 | TLS_1_1 | TLS_SSL3 | TLS_SSL2, TLS_HANDSHAKE);

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	look(f, p, ctx, WHOLE);
	assert_int_equal(seen.grab->cause, GRAB_ALERT);
	assert_int_equal(seen.grab->stage, GRAB_HELLO_SENT);
	assert_int_equal(last_alert(GRAB_CHUNK_ALERT_RECEIVED), SSL_AD_PROTOCOL_VERSION);
	/* Refused: the next look is a weak one, then SSL 3, then SSL 2. */
	assert_int_equal(tls_first_look(p), GRAB_LOOK_FIRST);
	for (int next = GRAB_LOOK_WEAK; next <= GRAB_LOOK_SSL2; next++) {
		assert_int_equal(tls_next_look(p, seen.grab), next);
		seen.grab->look = (uint8_t)next;
	}
	assert_int_equal(tls_next_look(p, seen.grab), GRAB_LOOK_FIRST);
	forget();
	tls_profile_free(p);

	/* A weak hello is understood by a server of today. */
	p = profile(f, TLS_SSL3, TLS_HANDSHAKE);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	{
		struct server server = make_server(ctx);
		struct grab *g = grab_new(f->pool, GRAB_TLS, f->now_ns);
		struct tls_session *s;

		g->look = GRAB_LOOK_WEAK;
		s = tls_session_new(p, "www.example.com", g, f->now_ns);
		assert_int_equal(converse(s, &server, WHOLE, &f->now_ns), TLS_DONE);
		tls_session_free(s);
		free_server(&server);
		keep(g);
		assert_int_equal(g->cause, GRAB_COMPLETE);
		assert_int_equal(g->stage, GRAB_CERTIFICATE);
		check_chain(&f->rsa, false);
		assert_int_equal(chosen_version(), 0x0303);
		forget();
	}
	tls_profile_free(p);
	SSL_CTX_free(ctx);
}

/* A server that insists on a client's certificate: everything but the end is seen. */
static void
test_mutual(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = make_server_context(&f->ec);
	struct tls_profile *p = profile(f, TLS_1_2, TLS_HANDSHAKE);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	look(f, p, ctx, WHOLE);
	assert_int_equal(seen.grab->cause, GRAB_ALERT);
	assert_int_equal(seen.grab->stage, GRAB_CERTIFICATE);
	assert_int_equal(last_alert(GRAB_CHUNK_ALERT_RECEIVED), SSL_AD_HANDSHAKE_FAILURE);
	check_chain(&f->ec, false);
	forget();
	tls_profile_free(p);
	SSL_CTX_free(ctx);
}

/* The decoders that are left read every kind of key; both kinds of context agree. */
static void
test_every_key(void **state)
{
	static const char *const types[] = {
		"RSA-512",  "RSA-1024",  "RSA-4096",        "RSA-PSS",         "DSA",
		"P-224",    "P-256",     "P-384",           "P-521",           "secp256k1",
		"ED25519",  "ED448",     "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1",
		"secp160r1", "P-192",
	};
	struct fixture *f = *state;
	struct tls *const contexts[] = {tls_new(&(struct tls_config){.stock = true}), f->tls};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct identity id = make_identity(types[i], 1);
		SSL_CTX *ctx = make_server_context(&id);
		int results[2];

		for (int k = 0; k < 2; k++) {
			struct fixture own = *f;
			struct tls_profile *p;

			own.tls = contexts[k];
			p = profile(&own, TLS_MODERN, TLS_HANDSHAKE);
			SSL_CTX_set_max_proto_version(ctx, strcmp(types[i], "DSA") == 0 ? TLS1_2_VERSION : 0);
			look(&own, p, ctx, WHOLE);
			results[k] = seen.grab->cause;
			forget();
			tls_profile_free(p);
		}
		assert_int_equal(results[0], results[1]);
		/* A key of 512 bits is too short for TLS 1.3's signatures; the certificate is read. */
		if (results[0] != GRAB_COMPLETE)
			print_message("%s: %s\n", types[i], grab_cause_name((enum grab_cause)results[0]));
		SSL_CTX_free(ctx);
		free_identity(&id);
	}
	tls_free(contexts[0]);
}

/* What a client says first. */
static size_t
say(struct fixture *f, struct tls *tls, uint32_t address, uint8_t look, uint8_t out[HELLO_ROOM])
{
	struct fixture own = *f;
	struct tls_profile *p;
	struct tls_session *s;
	struct grab *g = grab_new(f->pool, GRAB_TLS, 0);
	size_t len;

	own.tls = tls;
	p = profile(&own, TLS_MODERN, TLS_HANDSHAKE);
	g->address = address;
	g->port = 443;
	g->look = look;
	s = tls_session_new(p, "www.example.com", g, 0);
	assert_non_null(s);
	len = tls_output(s, out, HELLO_ROOM, 0);
	assert_in_range(len, 40, HELLO_ROOM - 1);
	tls_session_free(s);
	tls_profile_free(p);
	grab_free(g);
	return len;
}

static bool
same(const uint8_t a[2][HELLO_ROOM], const size_t len[2])
{
	return len[0] == len[1] && memcmp(a[0], a[1], len[0]) == 0;
}

/* A seed and a target make a client's bytes, whoever spoke before, and whichever the decoders. */
static void
test_replay(void **state)
{
	struct fixture *f = *state;
	static uint8_t said[2][HELLO_ROOM];
	size_t len[2];

	for (uint8_t look = GRAB_LOOK_FIRST; look < GRAB_LOOKS; look++) {
		struct tls *a = tls_new(&(struct tls_config){.replay_seed = 7});
		struct tls *b = tls_new(&(struct tls_config){.replay_seed = 7, .stock = true});
		struct tls *c = tls_new(&(struct tls_config){.replay_seed = 8});

		len[0] = say(f, a, 1, look, said[0]);
		len[1] = say(f, a, 2, look, said[1]);
		assert_false(same(said, len));
		len[1] = say(f, a, 1, look, said[1]);
		assert_true(same(said, len));
		len[1] = say(f, b, 1, look, said[1]);
		assert_true(same(said, len));
		len[1] = say(f, c, 1, look, said[1]);
		assert_false(same(said, len));
		len[0] = say(f, f->tls, 1, look, said[0]);
		len[1] = say(f, f->tls, 1, look, said[1]);
		assert_false(same(said, len));
		tls_free(a);
		tls_free(b);
		tls_free(c);
	}
}

static void
test_specs(void **state)
{
	struct fixture *f = *state;
	static const char *const empty[] = {""};
	struct tls_profile *p;

	assert_int_equal(tls_profile_new(f->tls, &(struct tls_spec){.versions = 0}, &p), -EINVAL);
	assert_int_equal(tls_profile_new(f->tls,
					 &(struct tls_spec){.versions = TLS_1_2, .alpn = empty,
							    .alpn_count = 1}, &p), -EINVAL);
	assert_null(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_keys),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_every_end),
		cmocka_unit_test(test_what_a_server_says),
		cmocka_unit_test(test_retry_request),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_specs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
