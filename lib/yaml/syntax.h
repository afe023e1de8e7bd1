/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libyaml says of a text that is not YAML, told for people: where, what, and the mend.
 */
#ifndef YAML_SYNTAX_H
#define YAML_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/diag.h"

/* Add the fault that the parser stopped at while reading text; without its line when placeless. */
void syntax_tell(const yaml_parser_t *parser, const char *file, bool placeless, const char *text,
		 size_t len, struct diag *diag);

#endif /* YAML_SYNTAX_H */
