/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON for people to read: an object's members, a line each, the first of which is the caller's. */
#ifndef SCAN_JSON_PUT_H
#define SCAN_JSON_PUT_H

#include <stdint.h>
#include <stdio.h>

/* A string with what has to be escaped escaped. */
void json_put_text(FILE *f, const char *text);

/* A time: ISO 8601 with the offset, as ZMap writes it; ours is UTC. */
void json_put_time(FILE *f, uint64_t wall_ns);

void json_member_text(FILE *f, const char *name, const char *text);
void json_member_number(FILE *f, const char *name, uint64_t number);
void json_member_seconds(FILE *f, const char *name, uint64_t ns);
void json_member_time(FILE *f, const char *name, uint64_t wall_ns);

#endif /* SCAN_JSON_PUT_H */
