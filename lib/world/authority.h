/* SPDX-License-Identifier: BSD-3-Clause */
/* Servers of zones: what they say, who answer without recursion; for the files of lib/world alone. */
#ifndef WORLD_AUTHORITY_H
#define WORLD_AUTHORITY_H

#include "world/names.h"

/* What a server says of a question: a status, and the records are written behind the question. *with_authority:
 * it has it. */
unsigned int authority_resolve(const struct world *w, const struct names_query *q,
			       const struct dns_question *question, struct dns_writer *to,
			       bool *with_authority);

#endif /* WORLD_AUTHORITY_H */
