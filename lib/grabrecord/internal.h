/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lib/grabrecord: no other module includes this. */
#ifndef GRABRECORD_INTERNAL_H
#define GRABRECORD_INTERNAL_H

#include "grabrecord/grabrecord.h"
#include "grabrecord/validate.h"
#include "hello/hello.h"
#include "json/json.h"
#include "x509/x509.h"

/* A record of GRAB_CAPTURE_MAX bytes of whatever cannot be longer: see the fuzz target. */
#define LINE_SIZE (8 << 20)
#define ROW_SIZE (4 << 20)

/* Certificates of a chain that are written; of more only the number is. */
#define CERTIFICATES_MAX 255
#define ALERTS_MAX 32

struct grabrecord {
	struct grabrecord_config config;
	struct validator *validator; /* NULL: not wanted */
	struct seen *seen;
	char *line, *row;
	uint8_t *copy;               /* a grab's chunks, flat */
	struct x509 leaf;            /* of the last line, in copy */
	struct x509_names names;
};

/* What the chunks of one grab hold: spans in the copy, empty where there is none. */
struct view {
	const struct grab *grab;
	const struct grabrecord_grab *form;
	struct hello_server hello;
	bool has_hello;
	bool tls13;
	struct hello_server retry;
	bool has_retry;
	struct span encrypted;      /* the list of EncryptedExtensions */
	bool has_certificate;
	struct span certificate;    /* the message's body */
	struct span exchange, request, status, ticket;
	struct span ssl2;
	struct span raw, banner, error, domain;
	bool has_seen; /* anything but the name that we asked for */
	bool banner_cut;
	uint8_t alerts[ALERTS_MAX][3]; /* sent, level, description */
	unsigned int alert_count;
};

/* certificates.c: "server_certificates". */
void certificates_json(struct grabrecord *r, const struct view *v, struct json *j);

/* handshake.c: "handshake_log" and what stands beside it in the result of a tls grab. */
void handshake_json(struct grabrecord *r, const struct view *v, struct json *j);

/* A number of TLS's with its name: {"hex":"0x1301","name":...,"value":...}. */
void number_json(struct json *j, const char *key, unsigned int digits, uint32_t value,
		 const char *name);

/* The wall clock at a time of the run, in seconds since 1970. */
int64_t wall_seconds(const struct grabrecord *r, uint64_t ns);

#endif /* GRABRECORD_INTERNAL_H */
