/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key file: the cookie's key, for shards on several machines and scans that follow one another to
 * believe each other's replies. 32 hexadecimal digits and a line feed, mode 0600: whoever has the key can
 * forge replies. Control thread.
 */
#ifndef SCAN_KEY_FILE_H
#define SCAN_KEY_FILE_H

#include "cookie/cookie.h"

/*
 * Read the key, or make a random one where there is no such file; of several who make it at once, one
 * does. 0; -EPERM when others may read it; -EINVAL when it holds something else; another negative errno.
 */
int key_file_take(const char *path, struct cookie_key *key);

#endif /* SCAN_KEY_FILE_H */
