/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are whole or not there: written aside, fsynced, renamed, and the folder fsynced. Mode 0600,
 * since what is saved this way is nobody else's business.
 *
 * Any thread, one at a time for each path.
 */
#ifndef CHECKPOINT_SAVE_H
#define CHECKPOINT_SAVE_H

#include <stdio.h>

typedef void save_fn(FILE *f, const void *context);

/*
 * Have put() write a file and give it its name. 0 or a negative errno: then the file of that name is the
 * one before, if there was one.
 */
int save_file(const char *path, save_fn *put, const void *context);

#endif /* CHECKPOINT_SAVE_H */
