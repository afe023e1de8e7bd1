/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshake messages: what a server said, found in its bytes.
 *
 * Parsers of the messages of SSL 2 (Netscape's draft), SSL 3 (RFC 6101), TLS 1.0 to 1.2 (RFC 5246)
 * and 1.3 (RFC 8446). A body is a message without its four bytes of head. Everything found is a span
 * in the caller's memory; nothing is copied and nothing is judged but whether it can be read. A
 * parser that returns false has filled in what it found until then.
 *
 * Pure; any thread.
 */
#ifndef HELLO_HELLO_H
#define HELLO_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Types of records and of messages. */
#define HELLO_RECORD_ALERT 21
#define HELLO_RECORD_HANDSHAKE 22

#define HELLO_SERVER_HELLO 2
#define HELLO_NEW_SESSION_TICKET 4
#define HELLO_ENCRYPTED_EXTENSIONS 8
#define HELLO_CERTIFICATE 11
#define HELLO_SERVER_KEY_EXCHANGE 12
#define HELLO_CERTIFICATE_REQUEST 13
#define HELLO_SERVER_HELLO_DONE 14
#define HELLO_CERTIFICATE_STATUS 22

/* Extensions that the record knows. */
#define HELLO_EXT_STATUS_REQUEST 5
#define HELLO_EXT_SIGNATURE_ALGORITHMS 13
#define HELLO_EXT_HEARTBEAT 15
#define HELLO_EXT_ALPN 16
#define HELLO_EXT_SCT 18
#define HELLO_EXT_EXTENDED_MASTER_SECRET 23
#define HELLO_EXT_SESSION_TICKET 35
#define HELLO_EXT_SUPPORTED_VERSIONS 43
#define HELLO_EXT_CERTIFICATE_AUTHORITIES 47
#define HELLO_EXT_KEY_SHARE 51
#define HELLO_EXT_RENEGOTIATION_INFO 65281

#define HELLO_TLS13 0x0304

/* ServerHello. */
struct hello_server {
	uint16_t version; /* of the field: 0x0303 also in TLS 1.3 */
	uint16_t chosen;  /* what was chosen: supported_versions, or version */
	uint16_t suite;
	uint8_t compression;
	bool is_retry;    /* a HelloRetryRequest */
	bool has_group;   /* a key_share */
	uint16_t group;
	struct span random;
	struct span session_id;
	struct span extensions; /* for hello_extension() */
};

bool hello_server(struct span body, struct hello_server *out);

/* The next extension of a list; false at its end or where it cannot be read. */
bool hello_extension(struct span *extensions, uint16_t *type, struct span *data);

/* One extension of a list. */
bool hello_find_extension(struct span extensions, uint16_t type, struct span *data);

/* The protocol that an ALPN extension of a server chose. */
bool hello_alpn(struct span data, struct span *protocol);

/* EncryptedExtensions: its list. */
bool hello_encrypted_extensions(struct span body, struct span *extensions);

/*
 * Certificate: its entries. In TLS 1.3 each has extensions, elsewhere that span is empty.
 * hello_certificate() is false at the end or where the list cannot be read; then left says whether
 * anything was left.
 */
bool hello_certificates(struct span body, bool tls13, struct span *entries);
bool hello_certificate(struct span *entries, bool tls13, struct span *der, struct span *extensions);

/* CertificateStatus, of a message or of an extension of TLS 1.3: an OCSP response. */
bool hello_ocsp(struct span body, struct span *response);

/* A SignedCertificateTimestampList (RFC 6962, 3.3): its entries, then each by span_vec16(). */
bool hello_scts(struct span data, struct span *entries);

struct hello_sct {
	uint8_t version; /* 0 is v1; of another nothing more is known */
	uint64_t timestamp_ms;
	struct span log_id;
	struct span signature; /* with its two bytes of algorithm and two of length */
};

bool hello_sct(struct span entry, struct hello_sct *out);

/* CertificateRequest. */
struct hello_request {
	struct span types;       /* ClientCertificateType, one byte each; not in TLS 1.3 */
	struct span schemes;     /* two bytes each; not before TLS 1.2 */
	struct span authorities; /* DER names, each by span_vec16() */
};

bool hello_request(struct span body, uint16_t version, struct hello_request *out);

/* NewSessionTicket. */
struct hello_ticket {
	uint32_t lifetime_s;
	struct span ticket;
};

bool hello_ticket(struct span body, bool tls13, struct hello_ticket *out);

/* ServerKeyExchange: how its key is exchanged is told by the suite. */
enum hello_kind { HELLO_KIND_OTHER, HELLO_KIND_ECDHE, HELLO_KIND_DHE, HELLO_KIND_RSA };

struct hello_exchange {
	enum hello_kind kind;
	uint16_t group;            /* ECDHE: the named curve; 0: an explicit one */
	struct span public_key;    /* ECDHE: the point; DHE: the number */
	struct span prime;         /* DHE: the prime; RSA (export): the modulus */
	struct span generator;     /* DHE; RSA: the exponent */
	bool has_scheme;           /* TLS 1.2 */
	uint16_t scheme;
	struct span signature;     /* empty where anonymous */
};

bool hello_exchange(struct span body, uint16_t version, uint16_t suite, struct hello_exchange *out);

/* SSL 2 SERVER-HELLO, its type first; and ERROR. */
#define HELLO_SSL2_ERROR 0
#define HELLO_SSL2_SERVER_HELLO 4

struct hello_ssl2 {
	bool session_hit;
	uint8_t certificate_type; /* 1: X.509 */
	uint16_t version;
	struct span certificate;
	struct span ciphers;      /* three bytes each */
	struct span connection_id;
};

bool hello_ssl2(struct span message, struct hello_ssl2 *out);

#endif /* HELLO_HELLO_H */
