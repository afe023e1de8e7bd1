/* SPDX-License-Identifier: BSD-3-Clause */
#include "grabrecord/grabrecord.h"

#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "base/time.h"
#include "grabrecord/internal.h"
#include "grabrecord/seen.h"
#include "hello/names.h"

struct grabrecord *
grabrecord_new(const struct grabrecord_config *config)
{
	struct grabrecord *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->config = *config;
	r->seen = seen_new();
	r->line = malloc(LINE_SIZE);
	r->row = malloc(ROW_SIZE);
	r->copy = malloc(GRAB_CAPTURE_MAX);
	r->validator = config->validate ? validator_new(config->trusted) : NULL;
	if (r->seen == NULL || r->line == NULL || r->row == NULL || r->copy == NULL ||
	    (config->validate && r->validator == NULL)) {
		grabrecord_free(r);
		return NULL;
	}
	return r;
}

void
grabrecord_free(struct grabrecord *r)
{
	if (r == NULL)
		return;
	validator_free(r->validator);
	seen_free(r->seen);
	free(r->line);
	free(r->row);
	free(r->copy);
	free(r);
}

void
grabrecord_know(struct grabrecord *r, const uint8_t sha256[GRABRECORD_SHA256_BYTES])
{
	seen_add(r->seen, sha256);
}

bool
grabrecord_next_name(struct grabrecord *r, struct span *name)
{
	return x509_next_name(&r->leaf, &r->names, name);
}

int64_t
wall_seconds(const struct grabrecord *r, uint64_t ns)
{
	return (int64_t)((r->config.start_wall_ns + ns) / NS_PER_SEC);
}

/* The first message of a kind counts; what a server repeats is its oddity. */
static void
keep_first(struct span *kept, struct span body)
{
	if (kept->len == 0)
		*kept = body;
}

static void
view_hello(struct view *v, struct span body)
{
	struct hello_server h;

	/* One that does not parse to its end has told some of it. */
	if (!hello_server(body, &h) && h.random.at == NULL)
		return;
	if (h.is_retry && !v->has_retry) {
		v->retry = h;
		v->has_retry = true;
	} else if (!h.is_retry && !v->has_hello) {
		v->hello = h;
		v->has_hello = true;
		v->tls13 = h.chosen >= HELLO_TLS13;
	}
}

static void
view_message(struct view *v, struct span message)
{
	struct span head, body = message;

	if (!span_take(&body, 4, &head))
		return;
	switch (head.at[0]) {
	case HELLO_SERVER_HELLO:
		view_hello(v, body);
		break;
	case HELLO_ENCRYPTED_EXTENSIONS:
		hello_encrypted_extensions(body, &v->encrypted);
		break;
	case HELLO_CERTIFICATE:
		keep_first(&v->certificate, body);
		v->has_certificate = true;
		break;
	case HELLO_SERVER_KEY_EXCHANGE:
		keep_first(&v->exchange, body);
		break;
	case HELLO_CERTIFICATE_REQUEST:
		keep_first(&v->request, body);
		break;
	case HELLO_CERTIFICATE_STATUS:
		keep_first(&v->status, body);
		break;
	case HELLO_NEW_SESSION_TICKET:
		keep_first(&v->ticket, body);
		break;
	default:
		break;
	}
}

static void
view_alert(struct view *v, bool sent, struct span bytes)
{
	uint8_t *alert = v->alerts[v->alert_count];

	if (v->alert_count == ALERTS_MAX || bytes.len != 2)
		return;
	alert[0] = sent;
	alert[1] = bytes.at[0];
	alert[2] = bytes.at[1];
	v->alert_count++;
}

static void
view_chunk(struct view *v, const struct grab_chunk_head *head, struct span bytes)
{
	switch ((enum grab_chunk_type)head->type) {
	case GRAB_CHUNK_HANDSHAKE:
		view_message(v, bytes);
		break;
	case GRAB_CHUNK_ALERT_RECEIVED:
	case GRAB_CHUNK_ALERT_SENT:
		view_alert(v, head->type == GRAB_CHUNK_ALERT_SENT, bytes);
		break;
	case GRAB_CHUNK_SSL2:
		v->ssl2 = bytes;
		break;
	case GRAB_CHUNK_RAW:
		v->raw = bytes;
		break;
	case GRAB_CHUNK_BANNER:
		v->banner = bytes;
		v->banner_cut = head->cut;
		break;
	case GRAB_CHUNK_ERROR:
		v->error = bytes;
		break;
	case GRAB_CHUNK_DOMAIN:
		v->domain = bytes;
		break;
	default:
		break;
	}
}

static const struct grabrecord_grab unnamed = {.name = "grab", .form = GRABRECORD_LEAF};

static void
view_grab(struct grabrecord *r, const struct grab *grab, struct view *v)
{
	struct span rest = span_of(r->copy, grab_copy(grab, r->copy)), bytes;
	struct grab_chunk_head head;

	*v = (struct view){
		.grab = grab,
		.form = grab->index < r->config.grab_count ? &r->config.grabs[grab->index] : &unnamed,
	};
	while (grab_next(&rest, &head, &bytes)) {
		v->has_seen |= head.type != GRAB_CHUNK_DOMAIN;
		view_chunk(v, &head, bytes);
	}
}

static void
ssl2_error_json(const struct view *v, struct json *j)
{
	struct span message = v->ssl2;
	uint16_t code;
	uint8_t type;

	if (!span_u8(&message, &type) || type != HELLO_SSL2_ERROR || !span_u16(&message, &code))
		return;
	json_open_object(j, "ssl2_error");
	json_string(j, "name", hello_ssl2_error_name(code));
	json_number(j, "value", code);
	json_close_object(j);
}

static void
tls_result_json(struct grabrecord *r, struct view *v, struct json *j)
{
	if (!v->has_seen)
		return;
	json_open_object(j, "result");
	ssl2_error_json(v, j);
	if (v->ssl2.len > 0 && v->ssl2.at[0] != HELLO_SSL2_SERVER_HELLO)
		v->ssl2 = span_of(NULL, 0);
	handshake_json(r, v, j);
	if (v->raw.len > 0)
		json_base64(j, "first_bytes", v->raw);
	if (v->grab->cut)
		json_bool(j, "truncated", true);
	json_close_object(j);
}

static void
banner_result_json(const struct view *v, struct json *j)
{
	if (v->banner.len == 0)
		return;
	json_open_object(j, "result");
	json_text(j, "banner", v->banner);
	if (!json_is_utf8(v->banner))
		json_base64(j, "raw", v->banner);
	json_number(j, "length", v->banner.len);
	json_bool(j, "truncated", v->banner_cut);
	json_close_object(j);
}

static void
data_json(struct grabrecord *r, struct view *v, bool with_result, struct json *j)
{
	const struct grab *g = v->grab;

	json_open_object(j, "data");
	json_open_object(j, v->form->name);
	json_string(j, "status", grab_status_name(g));
	json_string(j, "protocol", g->module == GRAB_TLS ? "tls" : "banner");
	json_number(j, "port", g->port);
	if (!with_result)
		json_bool(j, "result_omitted", true);
	else if (g->module == GRAB_TLS)
		tls_result_json(r, v, j);
	else
		banner_result_json(v, j);
	json_time(j, "timestamp", wall_seconds(r, g->started_ns));
	if (v->error.len > 0)
		json_text(j, "error", v->error);
	json_close_object(j);
	json_close_object(j);
}

static void
times_json(const struct grab *g, struct json *j)
{
	json_open_object(j, "times_us");
	for (int stage = GRAB_CONNECT + 1; stage < GRAB_STAGES; stage++)
		if (g->stage_us[stage] != 0)
			json_number(j, grab_stage_name((enum grab_stage)stage), g->stage_us[stage]);
	json_number(j, "end", g->ended_ns > g->started_ns ? (g->ended_ns - g->started_ns) / NS_PER_US
							  : 0);
	json_close_object(j);
}

static void
tcp_json(const struct grab *g, struct json *j)
{
	if (!g->has_tcp)
		return;
	json_open_object(j, "tcp");
	json_number(j, "ttl", g->ttl);
	json_number(j, "window", g->window);
	json_number(j, "mss", g->mss);
	json_number(j, "wscale", UINT64_C(1) << (g->wscale & 63));
	json_close_object(j);
}

static size_t
format(struct grabrecord *r, struct view *v, bool with_result)
{
	const struct grab *g = v->grab;
	char ip[IPV4_TEXT_SIZE];
	struct json j;

	json_begin(&j, r->line, LINE_SIZE);
	json_open_object(&j, NULL);
	json_string(&j, "record", g->module == GRAB_TLS ? "tls" : "banner");
	json_text(&j, "ip", span_of(ip, ipv4_format(g->address, ip)));
	json_number(&j, "port", g->port);
	if (v->domain.len > 0)
		json_text(&j, "domain", v->domain);
	data_json(r, v, with_result, &j);
	json_string(&j, "stage", grab_stage_name((enum grab_stage)g->stage));
	json_string(&j, "cause", grab_cause_name((enum grab_cause)g->cause));
	if (g->service != GRAB_UNTOLD)
		json_string(&j, "service", grab_service_name((enum grab_service)g->service));
	if (g->look != GRAB_LOOK_FIRST)
		json_string(&j, "look", grab_look_name((enum grab_look)g->look));
	times_json(g, &j);
	json_number(&j, "received_bytes", g->received_bytes);
	tcp_json(g, &j);
	json_close_object(&j);
	return json_finish(&j);
}

const char *
grabrecord_line(struct grabrecord *r, const struct grab *grab, size_t *len)
{
	struct view v;

	r->leaf = (struct x509){0};
	r->names = (struct x509_names){0};
	view_grab(r, grab, &v);
	*len = format(r, &v, true);
	/* Larger than anything that can be captured makes: told rather than lost. */
	if (*len == 0)
		*len = format(r, &v, false);
	return r->line;
}
