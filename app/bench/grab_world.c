/* SPDX-License-Identifier: BSD-3-Clause */
#include "grab_world.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "worldcerts/worldcerts.h"
#include "worldfile/worldfile.h"

/* Hosts share them; each that is used makes a context of OpenSSL's on the servers' side. */
#define CERTIFICATES 4

static const char world_format[] =
	"seed: 1\n"
	"networks:\n"
	"  - cidr: " GRAB_WORLD_TARGETS "\n"
	"    ports:\n"
	"      12: {open: 100%%, service: tls12}\n"
	"      13: {open: 100%%, service: tls13}\n"
	"      22: {open: 100%%, service: line}\n"
	"services:\n"
	"  tls12: {kind: tls, versions: 1.2}\n"
	"  tls13: {kind: tls, versions: 1.3}\n"
	"  line: {banner: \"SSH-2.0-OpenSSH_9.2\\r\\n\", close: fin}\n"
	"certificates: {folder: %s, count: %d, chain: 3-3, names: 4-4, keys: [%s]}\n";

const char *
grab_world_key_name(enum grab_world_key key)
{
	return key == GRAB_WORLD_RSA ? "rsa2048" : "p256";
}

static void
world_path(const struct grab_worlds *w, enum grab_world_key key, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.yaml", w->folder, grab_world_key_name(key));
}

void
grab_worlds_device(const struct grab_worlds *w, enum grab_world_key key, char *text, size_t size)
{
	char path[PATH_MAX];

	world_path(w, key, path, sizeof(path));
	snprintf(text, size, "net_simnet%d,world=%s", (int)key, path);
}

static int
write_world(const char *path, enum grab_world_key key)
{
	FILE *out = fopen(path, "we");

	if (out == NULL)
		return -errno;
	fprintf(out, world_format, grab_world_key_name(key), CERTIFICATES, grab_world_key_name(key));
	return fclose(out) == 0 ? 0 : -errno;
}

static int
read_world(const char *path, struct world **world)
{
	struct diag diag = DIAG_EMPTY;
	int rc = worldfile_load(path, &diag, world);

	if (!diag_is_empty(&diag))
		text_print_faults(&diag);
	diag_reset(&diag);
	return rc;
}

static int
make_one(const struct grab_worlds *w, enum grab_world_key key)
{
	char path[PATH_MAX];
	struct world *world = NULL;
	const struct world_description *d;
	int rc;

	world_path(w, key, path, sizeof(path));
	rc = write_world(path, key);
	if (rc == 0)
		rc = read_world(path, &world);
	if (rc == 0) {
		d = world_describe(world);
		rc = worldcerts_make(&d->certificates, d->seed, path, sizeof(path));
	}
	if (rc != 0)
		fprintf(stderr, "asdic-bench: %s: %s\n", path, strerror(-rc));
	world_free(world);
	return rc;
}

int
grab_worlds_make(struct grab_worlds *w)
{
	int rc = 0;

	strcpy(w->folder, "/tmp/asdic-bench-XXXXXX");
	if (mkdtemp(w->folder) == NULL) {
		rc = -errno;
		fprintf(stderr, "asdic-bench: %s: %s\n", w->folder, strerror(-rc));
		return rc;
	}
	for (int key = 0; key < GRAB_WORLD_KEYS && rc == 0; key++)
		rc = make_one(w, (enum grab_world_key)key);
	if (rc != 0)
		grab_worlds_remove(w);
	return rc;
}

void
grab_worlds_remove(const struct grab_worlds *w)
{
	char path[PATH_MAX], folder[PATH_MAX];

	for (int key = 0; key < GRAB_WORLD_KEYS; key++) {
		struct world_certificates recipe = {.folder = folder};

		snprintf(folder, sizeof(folder), "%s/%s", w->folder,
			 grab_world_key_name((enum grab_world_key)key));
		for (uint32_t i = 0; i < CERTIFICATES; i++) {
			worldcerts_path(&recipe, i, path, sizeof(path));
			unlink(path);
		}
		rmdir(folder);
		world_path(w, (enum grab_world_key)key, path, sizeof(path));
		unlink(path);
	}
	rmdir(w->folder);
}
