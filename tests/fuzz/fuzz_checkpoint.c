/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints of any bytes: read or refused, within bounds; what is read can be used. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checkpoint *c;
	unsigned int line;
	int rc = checkpoint_parse((const char *)data, size, &c, &line);

	REQUIRE((rc == 0) == (c != NULL));
	if (c == NULL)
		return 0;
	for (size_t i = 0; i < c->setting_count; i++)
		REQUIRE(checkpoint_setting(c, c->settings[i].name) != NULL);
	for (size_t i = 0; i < c->file_count; i++) {
		REQUIRE(c->files[i].output < c->output_count);
		REQUIRE(strlen(c->files[i].sha256) == CHECKPOINT_SHA256_SIZE - 1 && c->files[i].name[0] != '\0');
	}
	for (size_t i = 0; i < c->output_count; i++)
		REQUIRE(c->outputs[i].name[0] != '\0');
	for (size_t i = 0; i < c->count_count; i++)
		REQUIRE(strchr(c->counts[i].name, '\n') == NULL);
	checkpoint_free(c);
	return 0;
}
