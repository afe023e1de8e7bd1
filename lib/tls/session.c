/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "replay/replay.h"
#include "tls/internal.h"

/* OpenSSL is needed no more; what waits in out is still to be sent. */
static void
release(struct tls_session *s)
{
	if (!s->profile->tls->is_abandoned)
		SSL_free(s->ssl);
	s->ssl = NULL;
}

static struct tls_session *
take_session(struct tls *t)
{
	struct tls_session *s = t->free;

	if (s == NULL)
		return malloc(sizeof(*s));
	t->free = s->next_free;
	return s;
}

/* Where a seed is replayed: before OpenSSL may draw. */
static void
seed_step(struct tls_session *s)
{
	const struct grab *g = s->grab;
	uint64_t seed = s->profile->tls->replay_seed;

	if (seed == 0)
		return;
	seed = hash_mix64(seed ^ ((uint64_t)g->address << 32 | (uint32_t)g->port << 16 | g->index));
	replay_seed(hash_mix64(seed ^ g->look) + s->steps++);
}

/* After the handshake, what has arrived with it: the tickets of TLS 1.3. Data is not kept. */
static void
read_rest(struct tls_session *s)
{
	uint8_t data[512];

	while (s->in.len > 0 && SSL_read(s->ssl, data, sizeof(data)) > 0)
		;
}

/* Let OpenSSL go as far as it can. */
static enum tls_state
step(struct tls_session *s)
{
	int done, error;

	ERR_clear_error();
	seed_step(s);
	done = SSL_do_handshake(s->ssl);
	error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, done);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		if (!grab_has_ended(s->grab))
			return TLS_WANTS_MORE;
	} else if (error == SSL_ERROR_NONE && !grab_has_ended(s->grab)) {
		grab_reach(s->grab, GRAB_HANDSHAKE, s->now_ns);
		read_rest(s);
		grab_end(s->grab, GRAB_COMPLETE, s->now_ns);
	} else if (!grab_has_ended(s->grab)) {
		session_fail(s, error);
	}
	release(s);
	ERR_clear_error();
	return TLS_DONE;
}

static bool
begin_openssl(struct tls_session *s, const char *name)
{
	BIO *bio = BIO_new(s->profile->tls->bio);

	s->ssl = SSL_new(s->profile->ctx);
	if (bio == NULL || s->ssl == NULL) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, s);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_msg_callback_arg(s->ssl, s);
	SSL_set_connect_state(s->ssl);
	return (name == NULL || SSL_set_tlsext_host_name(s->ssl, name)) &&
	       step(s) == TLS_WANTS_MORE;
}

static bool
begin_plain(struct tls_session *s, const char *name)
{
	static const uint16_t lowest[GRAB_LOOKS] = {0, 0x0300, 0x0300, 0x0002};
	static const uint16_t highest[GRAB_LOOKS] = {0, 0x0303, 0x0300, 0x0002};
	const struct tls_profile *p = s->profile;
	bool first = s->grab->look == GRAB_LOOK_FIRST;
	uint8_t random[HELLO_RANDOM_BYTES];
	struct hello_client hello = {
		.version = first ? p->plain_max : highest[s->grab->look],
		.sni = span_of(name, name != NULL ? strlen(name) : 0),
		.alpn = span_of(p->alpn, p->alpn_len),
		.random = random,
	};

	if (RAND_bytes_ex(provider_context(p->tls->provider), random, sizeof(random), 0) != 1)
		return false;
	if (s->grab->look == GRAB_LOOK_SSL2)
		s->out_to = (uint16_t)hello_client_ssl2(random, s->out);
	else
		s->out_to = (uint16_t)hello_client_tls(&hello, s->out);
	plain_begin(&s->plain, s->grab, first ? p->plain_min : lowest[s->grab->look], hello.version,
		    first && p->depth == TLS_HELLO ? PLAIN_SERVER_HELLO
		    : first                        ? PLAIN_CERTIFICATE
						   : PLAIN_ALL);
	return s->out_to > 0;
}

struct tls_session *
tls_session_new(struct tls_profile *p, const char *name, struct grab *grab, uint64_t now_ns)
{
	struct tls_session *s = take_session(p->tls);
	bool begun;

	if (s == NULL)
		return NULL;
	memset(s, 0, offsetof(struct tls_session, out));
	s->profile = p;
	s->grab = grab;
	s->now_ns = now_ns;
	s->is_plain = p->ctx == NULL || grab->look != GRAB_LOOK_FIRST;
	seed_step(s);
	begun = s->is_plain ? begin_plain(s, name) : begin_openssl(s, name);
	if (begun)
		return s;
	tls_session_free(s);
	return NULL;
}

enum tls_state
tls_input(struct tls_session *s, struct span bytes, uint64_t now_ns)
{
	enum sniff_verdict verdict;
	enum tls_state state;

	s->now_ns = now_ns;
	if (s->is_plain)
		return plain_input(&s->plain, bytes, now_ns) ? TLS_WANTS_MORE : TLS_DONE;
	if (s->ssl == NULL)
		return TLS_DONE;
	s->grab->received_bytes += (uint32_t)bytes.len;
	verdict = sniff_input(&s->sniff, bytes, s->grab, now_ns);
	if (verdict == SNIFF_OTHER)
		return TLS_WANTS_MORE;
	if (verdict == SNIFF_ENOUGH) {
		tls_abort(s, GRAB_NOT_TLS, now_ns);
		return TLS_DONE;
	}
	s->in = bytes;
	state = step(s);
	s->in = span_of(NULL, 0);
	if (state == TLS_WANTS_MORE && s->grab->received_bytes > TLS_BYTES_MAX) {
		tls_abort(s, GRAB_TOO_LARGE, now_ns);
		return TLS_DONE;
	}
	return state;
}

size_t
tls_output(struct tls_session *s, uint8_t *buf, size_t size, uint64_t now_ns)
{
	size_t done = 0;

	s->now_ns = now_ns;
	while (done < size && s->out_from < s->out_to) {
		size_t n = s->out_to - s->out_from;

		if (n > size - done)
			n = size - done;
		memcpy(buf + done, s->out + s->out_from, n);
		done += n;
		s->out_from += (uint16_t)n;
		if (s->out_from < s->out_to)
			break;
		s->out_from = s->out_to = 0;
		if (s->ssl != NULL && SSL_want_write(s->ssl))
			step(s);
	}
	if (done > 0)
		grab_reach(s->grab, GRAB_HELLO_SENT, now_ns);
	return done;
}

enum tls_state
tls_eof(struct tls_session *s, uint64_t now_ns)
{
	tls_abort(s, GRAB_CLOSED, now_ns);
	return TLS_DONE;
}

void
tls_abort(struct tls_session *s, enum grab_cause cause, uint64_t now_ns)
{
	const struct sniff *sniff = s->is_plain ? &s->plain.sniff : &s->sniff;

	/* However a peer goes on that does not speak TLS, that it does not is what ended it. */
	if (sniff->verdict == SNIFF_OTHER)
		cause = GRAB_NOT_TLS;
	grab_end(s->grab, cause, now_ns);
	release(s);
}

void
tls_session_free(struct tls_session *s)
{
	struct tls *t;

	if (s == NULL)
		return;
	t = s->profile->tls;
	release(s);
	s->next_free = t->free;
	t->free = s;
}
