/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings: what of a job must be the same when a scan goes on, as names and texts that a person can
 * compare. The rate, the limits of time and results, the device, the lcores are none of them.
 */
#ifndef SCAN_SETTINGS_H
#define SCAN_SETTINGS_H

#include <stddef.h>

#include "checkpoint/checkpoint.h"

struct request;

struct settings {
	struct checkpoint_setting *items;
	size_t count;
};

/* Of a request whose inputs are made. 0 or -ENOMEM; settings_free() in either case. */
int settings_make(struct settings *s, const struct request *r);
void settings_free(struct settings *s);

/* The value of a name, NULL when it has none. */
const char *settings_find(const struct settings *s, const char *name);

#endif /* SCAN_SETTINGS_H */
