/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The opt-outs: a list of addresses that is excluded from every scan, and outlives them all.
 *
 * A file in ZMap's list format (targets/list.h), an entry a line with the date and the reason behind it
 * as a comment. Root has one for the machine, which everybody's scans read; anybody else has one of his own
 * besides. It is only ever added to: a new file with the old lines and the new ones is written aside,
 * synced, and renamed over the old one, so that a reader sees the one or the other, whole, whenever it
 * looks and whatever crashes. Adding holds a lock, on a file beside it; reading needs none.
 *
 * Any thread; no state but the files'.
 */
#ifndef OPTOUT_OPTOUT_H
#define OPTOUT_OPTOUT_H

#include <limits.h>
#include <stddef.h>

#include "base/ipv4.h"

/* The machine's list. */
#define OPTOUT_SYSTEM "/var/lib/asdic/optout.conf"

/* Names the one list there is, in place of all others. */
#define OPTOUT_VARIABLE "ASDIC_OPTOUT"

/* Lists that a scan reads, which need not exist. */
struct optout_files {
	char path[2][PATH_MAX];
	size_t count;
};

/* The lists that the environment and the user make; the last one is that which he adds to. */
void optout_find(struct optout_files *files);

/* A reason has so many bytes at most, none of them a control character. */
#define OPTOUT_REASON_MAX 200

/* An entry as it stands in a list: a CIDR where it is one, else an address or first-last. */
#define OPTOUT_TEXT_SIZE (2 * IPV4_TEXT_SIZE)
void optout_format(struct ipv4_range range, char text[OPTOUT_TEXT_SIZE]);

/*
 * Add ranges to a list, made with its folders where there is none, for everybody to read if system, else for
 * its owner alone. What a line of it holds already is not added again. date is ten characters, ISO 8601;
 * the reason is checked by the caller. When this returns 0 they are on the disk, and *added says how
 * many were new. -EWOULDBLOCK: somebody else has held the lock for five seconds; else the file system's
 * errno.
 */
int optout_add(const char *path, const struct ipv4_range *ranges, size_t count, const char *date,
	       const char *reason, size_t *added);

#endif /* OPTOUT_OPTOUT_H */
