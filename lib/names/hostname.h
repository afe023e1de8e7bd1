/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host names as TLS and DNS take them: labels of letters, digits and hyphens (RFC 1123, 2.1; RFC 5890
 * for IDNs, which stand as A-labels, "xn--..."), and of underscores, which many names in use have.
 *
 * Pure; any thread. Bytes are foreign.
 */
#ifndef NAMES_HOSTNAME_H
#define NAMES_HOSTNAME_H

#include <stddef.h>

#define HOSTNAME_MAX 253

/*
 * What is wrong with a name, and the mend, as the end of a sentence that begins with the name; NULL for
 * nothing. A dot at the end is fine and no part of the name.
 */
const char *hostname_fault(const char *text, size_t len);

#endif /* NAMES_HOSTNAME_H */
