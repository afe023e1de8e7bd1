/* SPDX-License-Identifier: BSD-3-Clause */
#include "world_services.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "worldcerts/worldcerts.h"

#define HEX_SIZE (2 * WORLDCERTS_SHA256_SIZE + 1)

/* Digests in hexadecimal, by certificate; empty until they are needed. */
struct digests {
	const struct world_certificates *recipe;
	char (*hex)[HEX_SIZE];
};

/* NULL, with what is wrong told, when there is none. */
static const char *
digest_of(struct digests *d, uint32_t index)
{
	uint8_t digest[WORLDCERTS_SHA256_SIZE];
	char *hex = d->hex[index], path[PATH_MAX];
	int rc;

	if (hex[0] != '\0')
		return hex;
	rc = worldcerts_digest(d->recipe, index, digest);
	if (rc != 0) {
		worldcerts_path(d->recipe, index, path, sizeof(path));
		fprintf(stderr, "asdic: world: %s: %s; make the certificates by "
			"--make-certificates\n", path,
			rc == -EINVAL ? "no certificate in it" : strerror(-rc));
		return NULL;
	}
	for (unsigned int i = 0; i < WORLDCERTS_SHA256_SIZE; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	return hex;
}

static int
list(const struct world *w, struct ipv4_range range, uint16_t port, struct digests *digests)
{
	for (uint64_t a = range.first; a <= range.last && !ferror(stdout); a++) {
		const struct world_service *service;
		const char *digest = "";
		char address[IPV4_TEXT_SIZE];

		if (world_state(w, (uint32_t)a, port) != WORLD_OPEN)
			continue;
		service = world_service_at(w, (uint32_t)a, port);
		if (service->kind == WORLD_SERVICE_TLS)
			digest = digest_of(digests, world_certificate_at(w, (uint32_t)a));
		if (digest == NULL)
			return EXIT_FAILED;
		ipv4_format((uint32_t)a, address);
		printf("%s,%s,%s\n", address, service->name, digest);
	}
	return EXIT_DONE;
}

int
world_services_list(const struct world *w, struct ipv4_range range, uint16_t port)
{
	struct digests digests = {.recipe = &world_describe(w)->certificates};
	int status = EXIT_FAILED;

	digests.hex = calloc(digests.recipe->count + 1, sizeof(*digests.hex));
	if (digests.hex == NULL)
		fputs("asdic: world: no memory\n", stderr);
	else
		status = list(w, range, port, &digests);
	free(digests.hex);
	return status;
}

int
world_services_make_certificates(const struct world *w)
{
	const struct world_description *d = world_describe(w);
	char path[PATH_MAX];
	int rc;

	if (d->certificates.folder == NULL) {
		fputs("asdic: world: a world without 'certificates'; write "
		      "certificates: {folder: certificates, count: 64}\n", stderr);
		return EXIT_BAD_JOB;
	}
	rc = worldcerts_make(&d->certificates, d->seed, path, sizeof(path));
	if (rc == 0) {
		printf("%u certificates in %s\n", d->certificates.count, d->certificates.folder);
		return EXIT_DONE;
	}
	fprintf(stderr, "asdic: world: %s: %s%s\n", path, strerror(-rc),
		rc == -EEXIST ? "; remove it to have it made anew" : "");
	return EXIT_FAILED;
}
