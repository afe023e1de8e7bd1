/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What speaks behind the open ports of a world, as a description has it (docs/world.md): kinds,
 * what each says and when, and how badly it behaves. Which host has which is computed
 * (world_service_at() in world/world.h).
 *
 * lib/world has no cipher: TLS is spoken by what stands behind struct world_tls.
 */
#ifndef WORLD_SERVICE_H
#define WORLD_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of a description. */
#define WORLD_SERVICES_MAX 1024
#define WORLD_OFFERS_MAX 64 /* of one port, or of one network */
#define WORLD_TEXT_MAX 65536
#define WORLD_SEGMENT_MAX 1460
#define WORLD_CERTIFICATES_MAX 4096
#define WORLD_CHAIN_MAX 4
#define WORLD_NAMES_MAX 1000

enum world_service_kind {
	WORLD_SERVICE_NONE,      /* completes the handshake, acknowledges, never speaks */
	WORLD_SERVICE_SILENT,    /* a SYN-ACK, and nothing more: not even an ACK */
	WORLD_SERVICE_BANNER,    /* says its text */
	WORLD_SERVICE_ENDLESS,   /* says it again and again, without end */
	WORLD_SERVICE_ECHO,      /* says what it hears */
	WORLD_SERVICE_TARPIT,    /* says its text over and over, a byte at a time, every so often */
	WORLD_SERVICE_TLS,       /* a handshake, and its text behind it to whoever asks */
	WORLD_SERVICE_MALFORMED, /* says what no TLS client should swallow */
	WORLD_SERVICE_DNS,       /* answers queries, over UDP too: see struct world_names */
	WORLD_SERVICE_KINDS
};

/* What has to come before a text is said. */
enum world_cue {
	WORLD_CUE_CONNECT, /* nothing: the server speaks first */
	WORLD_CUE_DATA,    /* any byte */
	WORLD_CUE_LINE,    /* a line feed */
	WORLD_CUE_BLANK,   /* an empty line: the end of an HTTP request's head */
};

/* When a connection is reset in the client's face. */
enum world_reset {
	WORLD_RESET_NEVER,
	WORLD_RESET_ACK,      /* when the handshake is complete */
	WORLD_RESET_DATA,     /* upon the first data, unacknowledged */
	WORLD_RESET_RESPONSE, /* behind the first segment of what it says */
};

/* What follows when a service has said all it has to say. */
enum world_close {
	WORLD_CLOSE_KEEP,         /* nothing: the client is to close */
	WORLD_CLOSE_FIN,          /* a FIN of its own, and it goes on listening */
	WORLD_CLOSE_DATA,         /* a FIN on the last of the data */
	WORLD_CLOSE_RESET,        /* a reset right behind the data */
	WORLD_CLOSE_SIMULTANEOUS, /* a FIN that crosses the client's */
};

enum world_malformed {
	WORLD_MALFORMED_RECORD,      /* a record longer than records may be */
	WORLD_MALFORMED_TYPE,        /* a record of a type that there is not */
	WORLD_MALFORMED_HELLO,       /* a ServerHello whose lengths do not fit */
	WORLD_MALFORMED_CERTIFICATE, /* TLS 1.2, and a certificate that is no DER */
	WORLD_MALFORMED_ALERT,       /* a fatal alert: handshake_failure */
};
#define WORLD_MALFORMED_KINDS 5

/* Versions of TLS, as bits. */
enum {
	WORLD_TLS_1_0 = 1 << 0,
	WORLD_TLS_1_1 = 1 << 1,
	WORLD_TLS_1_2 = 1 << 2,
	WORLD_TLS_1_3 = 1 << 3,
};
#define WORLD_TLS_VERSIONS 4

#define WORLD_WINDOW_UNSAID UINT32_MAX
#define WORLD_NEVER_SILENT UINT32_MAX

struct world_service {
	const char *name; /* borrowed by a description, a world's own once compiled; so is text */
	const char *text;
	size_t text_len;
	uint8_t kind;      /* enum world_service_kind */
	uint8_t cue;       /* enum world_cue, of banner, endless and malformed */
	uint8_t reset;     /* enum world_reset */
	uint8_t close;     /* enum world_close */
	uint8_t malformed; /* enum world_malformed */
	uint8_t tls;       /* versions it speaks, bits; 0: 1.2 and 1.3 */
	bool overlap;      /* each segment is followed by one of the same place and other bytes */
	bool junk;         /* each is preceded by data and a reset that are out of the window */
	uint16_t segment;  /* most bytes it puts into one; 0: the MSS */
	uint16_t mss;      /* that it announces and holds others to; 0: 1460 */
	uint32_t window;   /* bytes, without scaling; WORLD_WINDOW_UNSAID: as the host has it */
	uint32_t silent_after; /* bytes said; WORLD_NEVER_SILENT */
	uint64_t every_ns;     /* a tarpit's byte; 0: 10 s */
	uint64_t idle_ns;      /* without a segment from the client, reset; 0: 60 s */
	uint64_t lies;         /* dns: share of the names that there are not, of which it says there are */
	uint64_t denies;       /* dns: share of the names that there are, of which it says there are not */
	uint64_t diverts;      /* dns: share of the other ones, of which it says another address */
	uint64_t honest_ns;    /* dns: it does none of these three before */
	bool no_edns;          /* dns: a query with OPT is a format error */
	bool bare;             /* dns: and that is told by a header alone, without the question */
	bool authority;        /* dns: a server of the world's zones, which answers for those it has and refuses all else */
	uint64_t lame;         /* dns: share of those zones that it refuses, too */
	uint8_t forge;         /* dns: answers that somebody else gives before its own to each query */
};

/* What a service is by default: all 0 but what 0 would say something else by. */
#define WORLD_SERVICE_PLAIN                                                                        \
	{                                                                                          \
		.name = "none", .window = WORLD_WINDOW_UNSAID, .silent_after = WORLD_NEVER_SILENT  \
	}

/* A share of the open hosts that have a service; what the shares leave over has none. */
struct world_offer {
	uint16_t service; /* index */
	uint64_t share;
};

/* Types of keys, as bits. */
enum { WORLD_KEY_P256 = 1 << 0, WORLD_KEY_RSA2048 = 1 << 1 };

struct world_offers {
	const struct world_offer *list;
	size_t count;
};

/*
 * The certificates of a world, which live in files beside it: 0000.pem to so many, each a private
 * key and a chain in the order in which it is sent. `count` is part of the truth, the rest is a
 * recipe for who makes the files.
 */
struct world_certificates {
	const char *folder; /* NULL: none */
	uint32_t count;
	uint32_t chain_min; /* certificates that are sent, the leaf counted */
	uint32_t chain_max;
	uint32_t names_min; /* of a leaf */
	uint32_t names_max;
	uint32_t keys; /* bits */
};

/*
 * Who speaks TLS for a stage. All of it is called by the thread that uses the stage, with whatever
 * lock guards it. Sessions are the speaker's own; each is closed once.
 */
struct world_tls {
	void *context;
	/* A session; NULL when there can be none: the host then says nothing. flow makes what is
	 * drawn by chance. */
	void *(*open)(void *context, const struct world_service *service, uint32_t certificate,
		      uint64_t flow);
	/* Bytes from the client, in order. */
	void (*hear)(void *context, void *session, const uint8_t *data, size_t len);
	/* Up to room bytes for the client; how many. */
	size_t (*say)(void *context, void *session, uint8_t *data, size_t room);
	/* Whether nothing will be said any more: the connection may end when all is out. */
	bool (*over)(void *context, void *session);
	void (*close)(void *context, void *session);
};

#endif /* WORLD_SERVICE_H */
