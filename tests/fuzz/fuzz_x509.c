/* SPDX-License-Identifier: BSD-3-Clause */
/* A certificate of any bytes: what is found of it lies inside, its names end, and what is written is JSON. */
#include <stdlib.h>
#include <string.h>

#include "x509/x509.h"
#include "../unit/json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

#define LINE_MAX_BYTES (4 << 20)

static void
hold(struct span der, struct span part)
{
	if (part.len == 0)
		return;
	REQUIRE(part.at >= der.at && part.len <= der.len);
	REQUIRE((size_t)(part.at - der.at) <= der.len - part.len);
}

static void
read_names(struct span der, const struct x509 *c)
{
	struct x509_names cursor = {.begun = false};
	struct span name;
	size_t names = 0;

	while (x509_next_name(c, &cursor, &name)) {
		hold(der, name);
		REQUIRE(++names <= der.len + 1);
	}
}

static void
write_line(const struct x509 *c)
{
	static const struct x509_digests digests;
	static char line[LINE_MAX_BYTES + 1];
	struct json j;
	size_t len;

	json_begin(&j, line, LINE_MAX_BYTES);
	json_open_object(&j, NULL);
	x509_json(c, &digests, &j, "parsed");
	x509_dn_json(c->issuer, &j, "issuer");
	json_close_object(&j);
	len = json_finish(&j);
	line[len] = '\0';
	REQUIRE(len > 0 && json_is_line(line, len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span der = span_of(data, size);
	struct x509 c;
	bool whole = x509_parse(der, &c);

	REQUIRE(whole == (c.error == NULL));
	hold(der, c.tbs);
	hold(der, c.serial);
	hold(der, c.issuer);
	hold(der, c.subject);
	hold(der, c.spki);
	hold(der, c.key);
	hold(der, c.extensions);
	hold(der, c.signature);
	read_names(der, &c);
	write_line(&c);
	return 0;
}
