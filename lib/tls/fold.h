/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain of certificates, folded into its leaf before OpenSSL reads it. For lib/tls.
 *
 * Of the client's side of a handshake a third and more is OpenSSL's reading of certificates (d2i_X509: the DER, and
 * a search for the decoder of the key in it). Of the chain's others nothing is ever used: nobody
 * verifies them here, and their bytes have been kept. So the message is rewritten, behind the
 * transcript's hash and in its own length, to hold the leaf alone, whose signature goes on to the
 * message's end: a signature is bits to whoever does not check it.
 *
 *     length | Certificate { TBS, algorithm, BIT STRING } [extensions] | length | Certificate ...
 *     length | Certificate { TBS, algorithm, BIT STRING ................................. } [none]
 */
#ifndef TLS_FOLD_H
#define TLS_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Rewrite the body of a Certificate message. A chain of one stays as it is, and so does what OpenSSL is to refuse:
 * a list that cannot be read to its end, a leaf that is no DER; and a chain of more than 64 KB.
 */
void fold_chain(uint8_t *body, size_t len, bool tls13);

#endif /* TLS_FOLD_H */
