/* SPDX-License-Identifier: BSD-3-Clause */
#include "key_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/save.h"

static int
read_key(const char *path, struct cookie_key *key)
{
	char text[34] = "";
	FILE *f = fopen(path, "re");
	struct stat st;
	size_t len;
	int rc = 0;

	if (f == NULL)
		return -errno;
	len = fread(text, 1, sizeof(text), f);
	if (fstat(fileno(f), &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || len != 33 || text[32] != '\n' ||
		 strspn(text, "0123456789abcdef") != 32)
		rc = -EINVAL;
	else if ((st.st_mode & 077) != 0)
		rc = -EPERM;
	fclose(f);
	if (rc == 0 && sscanf(text, "%16" SCNx64 "%16" SCNx64, &key->k0, &key->k1) != 2)
		rc = -EINVAL;
	return rc;
}

static void
put_key(FILE *f, const void *context)
{
	const struct cookie_key *key = context;

	fprintf(f, "%016" PRIx64 "%016" PRIx64 "\n", key->k0, key->k1);
}

/* Written aside under a name of our own and linked: never half, and never over another's. */
static int
make_key(const char *path)
{
	struct cookie_key key;
	char *own;
	int rc;

	if (getentropy(&key, sizeof(key)) != 0)
		return -errno;
	if (asprintf(&own, "%s.%ld", path, (long)getpid()) < 0)
		return -ENOMEM;
	rc = save_file(own, put_key, &key);
	if (rc == 0 && link(own, path) != 0 && errno != EEXIST)
		rc = -errno;
	unlink(own);
	free(own);
	return rc;
}

int
key_file_take(const char *path, struct cookie_key *key)
{
	int rc = read_key(path, key);

	if (rc != -ENOENT)
		return rc;
	rc = make_key(path);
	return rc != 0 ? rc : read_key(path, key);
}
