/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS: a client that wants to see, bytes in and bytes out.
 *
 * A session takes what TCP received and gives what TCP is to send; it knows no sockets and no clock.
 * What the server said goes into a struct grab as it comes, raw, so that a grab that ends early has
 * everything that was seen until then. TLS 1.0 to 1.3 are spoken by OpenSSL, with everything that is
 * weak allowed; what needs no key to be seen (SSL 2, SSL 3, and TLS up to 1.2 where the depth is not
 * the handshake) by hello/plain.h, in 40 bytes and some microseconds. Certificates are not verified.
 *
 *     struct tls_session *s = tls_session_new(profile, name, grab, now_ns);
 *     send tls_output(s, ...);
 *     while (tls_input(s, received, now_ns) == TLS_WANTS_MORE)
 *             send tls_output(s, ...);
 *     send tls_output(s, ...);  // an alert or the last flight, where there is one
 *     tls_session_free(s);      // then the grab is the writer's
 *
 * Depths. `hello` ends at the ServerHello, in TLS 1.3 at the EncryptedExtensions. `certificate` ends
 * at the Certificate message, before anything in it is parsed: of a handshake's instructions more
 * than half are OpenSSL's reading of certificates (d2i_X509), and none of that is done. `handshake`
 * ends when both are finished; of a chain OpenSSL reads the leaf alone, whose key it needs
 * (tls/fold.h), so what is wrong with the others ends nothing. To stop at a message OpenSSL is given
 * it with a length that is wrong, after its bytes have been kept: nothing else ends its state
 * machine before the certificates are read. It refuses it, and what it would say to the server is
 * thrown away.
 *
 * Limits of a session: TLS_BYTES_MAX of the server's bytes, TLS_CHAIN_MAX bytes and
 * TLS_CERTIFICATES_MAX certificates in a chain (GRAB_TOO_LARGE). Records need no limit of their own:
 * each costs the server bytes, and OpenSSL takes no more than 32 empty ones in a row.
 *
 * Memory of a session: 45 KB while it waits for the server, 75 KB at most (TLS_SESSION_BYTES is what
 * a credit should count), and 2.5 KB for one in the clear; all of it is returned by tls_session_free().
 *
 * A struct tls has OpenSSL library contexts of its own, so that nothing is shared with other threads:
 * it, its profiles and sessions belong to one thread.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "grab/grab.h"

struct tls;
struct tls_profile;
struct tls_session;

#define TLS_BYTES_MAX (256 * 1024)
#define TLS_CHAIN_MAX (128 * 1024)
#define TLS_CERTIFICATES_MAX 255
#define TLS_SESSION_BYTES (80 * 1024)

/* Versions, as a set. */
enum {
	TLS_SSL2 = 1 << 0,
	TLS_SSL3 = 1 << 1,
	TLS_1_0 = 1 << 2,
	TLS_1_1 = 1 << 3,
	TLS_1_2 = 1 << 4,
	TLS_1_3 = 1 << 5,
};

#define TLS_MODERN (TLS_1_0 | TLS_1_1 | TLS_1_2 | TLS_1_3)

enum tls_depth { TLS_HELLO, TLS_CERTIFICATE, TLS_HANDSHAKE };

struct tls_spec {
	unsigned int versions;   /* what is offered; at least one */
	enum tls_depth depth;
	const char *const *alpn; /* protocol names, copied; each 1 to 255 bytes, 512 in all */
	size_t alpn_count;
};

enum tls_state {
	TLS_WANTS_MORE, /* of the server; first send what tls_output() has */
	TLS_DONE,       /* ended, in whatever way: the grab says how */
};

struct tls_config {
	bool stock; /* OpenSSL's own decoders, for measuring against */

	/*
	 * For simulation alone; 0: none. All that is drawn by chance then follows from this seed, the
	 * target, the look and the step that a session is at; so the same bytes of a server get the
	 * same answer, in whatever order sessions go on.
	 */
	uint64_t replay_seed;
};

/* A thread's context, or NULL. */
struct tls *tls_new(const struct tls_config *config);

/*
 * The process is about to end: what sessions have of OpenSSL is left to that from now on, since freeing ten
 * thousand takes a second. All else stays as it is.
 */
void tls_abandon(struct tls *t);

/* All its profiles must have been freed. NULL is fine. */
void tls_free(struct tls *t);

/*
 * What is common to all sessions of a grab. versions may mix: the first look of a session offers
 * those of TLS; tls_next_look() tells when SSL 3 and SSL 2 are worth one. 0, -EINVAL (a spec that
 * cannot be: no version, ALPN too long), -ENOMEM.
 */
int tls_profile_new(struct tls *t, const struct tls_spec *spec, struct tls_profile **out);

/* All its sessions must have been freed. NULL is fine. */
void tls_profile_free(struct tls_profile *p);

/*
 * A session on a connection that is open; its ClientHello waits in tls_output(). name is the server
 * name to indicate, NULL for none. The grab is borrowed, its look says how to speak, and it must stay
 * until the session is freed. NULL: no memory.
 */
struct tls_session *tls_session_new(struct tls_profile *p, const char *name, struct grab *grab,
				    uint64_t now_ns);

/* Bytes of the server, in order, in any split. */
enum tls_state tls_input(struct tls_session *s, struct span bytes, uint64_t now_ns);

/* Move bytes to send into buf; how many, 0 when there are none. */
size_t tls_output(struct tls_session *s, uint8_t *buf, size_t size, uint64_t now_ns);

/* The server's FIN. */
enum tls_state tls_eof(struct tls_session *s, uint64_t now_ns);

/* The connection or the caller ended it: a deadline, a reset. What is not TLS stays so. */
void tls_abort(struct tls_session *s, enum grab_cause cause, uint64_t now_ns);

/* NULL is fine. What waits in tls_output() is lost. */
void tls_session_free(struct tls_session *s);

/*
 * After a grab has ended: whether its host should get another look, over a connection of its own,
 * because it refused everything that was offered and the profile's versions hold older ones. The
 * look to set in the next grab; GRAB_LOOK_FIRST: none.
 */
enum grab_look tls_next_look(const struct tls_profile *p, const struct grab *grab);

/* The look to begin with: GRAB_LOOK_FIRST unless the versions hold none of TLS. */
enum grab_look tls_first_look(const struct tls_profile *p);

#endif /* TLS_TLS_H */
