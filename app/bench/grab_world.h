/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Worlds to grab from, made for one run: in a folder of its own below /tmp a world file for each type of key, and
 * certificates. All of 11.0.0.0/8 answers at once, on ports that say what they speak.
 */
#ifndef BENCH_GRAB_WORLD_H
#define BENCH_GRAB_WORLD_H

#include <stddef.h>

#define GRAB_WORLD_TARGETS "11.0.0.0/8"

enum grab_world_port {
	GRAB_WORLD_TLS12 = 12,
	GRAB_WORLD_TLS13 = 13,
	GRAB_WORLD_BANNER = 22, /* says a line and closes */
};

enum grab_world_key { GRAB_WORLD_RSA, GRAB_WORLD_EC, GRAB_WORLD_KEYS };

/* Names as world files have them: "rsa2048", "p256". */
const char *grab_world_key_name(enum grab_world_key key);

struct grab_worlds {
	char folder[32];
};

/* 0 or a negative errno, told on standard error. */
int grab_worlds_make(struct grab_worlds *w);

/* Remove the folder and all that was made in it. */
void grab_worlds_remove(const struct grab_worlds *w);

/* The device that leads into the world of a key. */
void grab_worlds_device(const struct grab_worlds *w, enum grab_world_key key, char *text, size_t size);

#endif /* BENCH_GRAB_WORLD_H */
