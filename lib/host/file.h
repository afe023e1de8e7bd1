/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files below a machine's root. Inside of lib/host. Paths start with a slash and are printf-like. */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/host.h"

#define HOST_TEXT_SIZE 4096
#define HOST_NAMES_MAX 256

/* The first bytes of a file, without the line feed at the end; "" where there is none. Whether there is. */
bool host_read(const struct host *h, char text[HOST_TEXT_SIZE], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The number that a file starts with, decimal or 0x; otherwise the given one. */
long long host_number(const struct host *h, long long otherwise, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What a symbolic link ends in, such as a driver's name; "" for none. Whether there is. */
bool host_link_end(const struct host *h, char text[HOST_TEXT_SIZE], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool host_exists(const struct host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is in a folder, sorted. */
struct host_names {
	char *name[HOST_NAMES_MAX];
	size_t count;
};

void host_list(const struct host *h, struct host_names *names, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void host_list_free(struct host_names *names);

/* Whether a word stands in a text of words parted by blanks. */
bool host_has_word(const char *text, const char *word);

/*
 * The value of "key: value" or "key=value" in a file of lines, up to the end of its line or, after '=',
 * the next blank; false where there is no such key. Only the first line of a key counts.
 */
bool host_value(const struct host *h, char value[HOST_TEXT_SIZE], const char *key, const char *path);

/* The CPUs of a list like "0-3,8". */
void host_cpus(const char *list, cpu_set_t *set);

#endif /* HOST_FILE_H */
