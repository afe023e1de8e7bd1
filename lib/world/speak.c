/* SPDX-License-Identifier: BSD-3-Clause */
/* What the services say, each by its kind. */
#include "world/resolver.h"
#include "world/server.h"

#include <stdlib.h>
#include <string.h>

#define TARPIT_EVERY_NS (10 * NS_PER_SEC)

/* ---- What no TLS client should swallow --------------------------------------------------- */

/* A ServerHello of TLS 1.2: version, random, no session id, ECDHE-RSA-AES128-GCM-SHA256. */
#define HELLO_BODY "\x03\x03" "0123456789abcdef0123456789abcdef" "\x00" "\xc0\x2f" "\x00"

static const char record_too_long[] = "\x16\x03\x03\x7f\xff\x02\x00\x7f\xfb\x03\x03";
static const char record_of_no_type[] = "\x63\x03\x03\x00\x05" "hello";
/* Its session id is longer than all that follows. */
static const char hello_that_lies[] =
	"\x16\x03\x03\x00\x2a" "\x02\x00\x00\x26" "\x03\x03"
	"0123456789abcdef0123456789abcdef" "\xff" "\xc0\x2f" "\x00";
static const char certificate_of_junk[] =
	"\x16\x03\x03\x00\x2a" "\x02\x00\x00\x26" HELLO_BODY
	"\x16\x03\x03\x00\x1a" "\x0b\x00\x00\x16" "\x00\x00\x13" "\x00\x00\x10" "no DER at all..."
	"\x16\x03\x03\x00\x04" "\x0e\x00\x00\x00";
static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28";

#define BYTES(text) {text, sizeof(text) - 1}
static const struct {
	const char *data;
	size_t len;
} malformed[WORLD_MALFORMED_KINDS] = {
	[WORLD_MALFORMED_RECORD] = BYTES(record_too_long),
	[WORLD_MALFORMED_TYPE] = BYTES(record_of_no_type),
	[WORLD_MALFORMED_HELLO] = BYTES(hello_that_lies),
	[WORLD_MALFORMED_CERTIFICATE] = BYTES(certificate_of_junk),
	[WORLD_MALFORMED_ALERT] = BYTES(alert),
};

/* ---- Texts ------------------------------------------------------------------------------- */

/* The text of a service that has one; it may be empty, but for those that go on without end. */
static const char *
text_of(const struct world_service *service, size_t *len)
{
	*len = service->text_len;
	if (service->kind == WORLD_SERVICE_MALFORMED) {
		*len = malformed[service->malformed].len;
		return malformed[service->malformed].data;
	}
	if (*len == 0 && service->kind != WORLD_SERVICE_BANNER) {
		*len = 1;
		return ".";
	}
	return service->text;
}

static size_t
text_say(const struct server *c, uint8_t *data, size_t room, bool again)
{
	size_t len, done = 0, at;
	const char *text = text_of(c->service, &len);

	if (!again && room > len - c->said)
		room = len - (size_t)c->said;
	at = (size_t)(c->said % (len > 0 ? len : 1));
	while (done < room) {
		size_t n = len - at < room - done ? len - at : room - done;

		memcpy(data + done, text + at, n);
		done += n;
		at = 0;
	}
	return done;
}

/* Look for the end of a line, or of a head, in what is heard. */
static bool
cue_heard(struct server *c, const uint8_t *data, size_t len)
{
	uint16_t wanted = c->service->cue == WORLD_CUE_BLANK ? 2 : 1;

	if (c->service->cue == WORLD_CUE_DATA)
		return len > 0;
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' && ++c->blank == wanted)
			return true;
		if (data[i] != '\n' && data[i] != '\r')
			c->blank = 0;
	}
	return false;
}

/* ---- By kind ----------------------------------------------------------------------------- */

void
speak_open(struct server *c, uint64_t now_ns)
{
	c->heard_ns = now_ns;
	c->cued = c->service->cue == WORLD_CUE_CONNECT;
	if (c->service->kind == WORLD_SERVICE_TARPIT)
		speak_time(c, now_ns);
	c->due = false;
}

void
speak_time(struct server *c, uint64_t now_ns)
{
	uint64_t every_ns = c->service->every_ns;

	c->due = true;
	c->speak_ns = now_ns + (every_ns != 0 ? every_ns : TARPIT_EVERY_NS);
}

/* The session is made when the client has spoken: those who never do cost none. */
static void
tls_hear(struct world_stage *s, struct server *c, const uint8_t *data, size_t len)
{
	const struct world_tls *tls = s->servers->tls;

	if (tls == NULL)
		return;
	if (c->session == NULL && !c->heard_data)
		c->session = tls->open(tls->context, c->service,
				       world_certificate_at(s->world, c->host), c->flow);
	if (c->session != NULL)
		tls->hear(tls->context, c->session, data, len);
}

size_t
speak_hear(struct world_stage *s, struct server *c, const uint8_t *data, size_t len)
{
	if (c->service->kind == WORLD_SERVICE_ECHO)
		return server_queue(s, c, data, len);
	if (c->service->kind == WORLD_SERVICE_DNS)
		return resolver_hear(s->world, c, data, len);
	if (c->service->kind == WORLD_SERVICE_TLS)
		tls_hear(s, c, data, len);
	else if (!c->cued)
		c->cued = cue_heard(c, data, len);
	c->heard_data = true;
	return len;
}

static bool
text_is_said(const struct server *c)
{
	size_t len;

	text_of(c->service, &len);
	return c->cued && c->said >= len;
}

bool
speak_ready(const struct server *c)
{
	switch ((enum world_service_kind)c->service->kind) {
	case WORLD_SERVICE_BANNER:
	case WORLD_SERVICE_MALFORMED:
		return c->cued && !text_is_said(c);
	case WORLD_SERVICE_ENDLESS:
		return c->cued;
	case WORLD_SERVICE_TARPIT:
		return c->due;
	case WORLD_SERVICE_TLS:
		return c->session != NULL;
	case WORLD_SERVICE_DNS:
		return resolver_ready(c);
	default:
		return false;
	}
}

/* Of one that is ready. */
size_t
speak_say(struct world_stage *s, struct server *c, uint8_t *data, size_t room)
{
	const struct world_tls *tls = s->servers->tls;

	switch ((enum world_service_kind)c->service->kind) {
	case WORLD_SERVICE_BANNER:
	case WORLD_SERVICE_MALFORMED:
		return text_say(c, data, room, false);
	case WORLD_SERVICE_ENDLESS:
		return text_say(c, data, room, true);
	case WORLD_SERVICE_TARPIT:
		c->due = false;
		return text_say(c, data, 1, true);
	case WORLD_SERVICE_TLS:
		return tls->say(tls->context, c->session, data, room);
	case WORLD_SERVICE_DNS:
		return resolver_say(c, data, room);
	default:
		return 0;
	}
}

bool
speak_over(const struct world_stage *s, const struct server *c)
{
	const struct world_tls *tls = s->servers->tls;

	switch ((enum world_service_kind)c->service->kind) {
	case WORLD_SERVICE_BANNER:
	case WORLD_SERVICE_MALFORMED:
		return text_is_said(c);
	case WORLD_SERVICE_TLS:
		return c->session != NULL && tls->over(tls->context, c->session);
	default:
		return false;
	}
}

bool
speak_busy(const struct server *c)
{
	if (c->service->kind == WORLD_SERVICE_TARPIT)
		return true;
	return c->service->kind != WORLD_SERVICE_TLS && speak_ready(c);
}

void
speak_close(struct world_stage *s, struct server *c)
{
	const struct world_tls *tls = s->servers->tls;

	if (c->session != NULL && c->service->kind == WORLD_SERVICE_TLS)
		tls->close(tls->context, c->session);
	else
		free(c->session);
	c->session = NULL;
}
