/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a server says in its messages: whatever the bytes, each reader ends, and all that it finds lies inside
 * them. The first byte is the version, the second which message it is taken for.
 */
#include <stdlib.h>
#include <string.h>

#include "hello/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static volatile uint8_t sink;

/* Inside the message; and its bytes are there to be read, as a sanitizer sees. */
static void
hold(struct span message, struct span part)
{
	if (part.len == 0)
		return;
	REQUIRE(part.at >= message.at && part.len <= message.len);
	REQUIRE((size_t)(part.at - message.at) <= message.len - part.len);
	sink = (uint8_t)(part.at[0] ^ part.at[part.len - 1]);
}

static void
read_extensions(struct span message, struct span extensions)
{
	struct span data, found;
	size_t left = extensions.len;
	uint16_t type;

	hold(message, extensions);
	if (hello_find_extension(extensions, HELLO_EXT_ALPN, &data) && hello_alpn(data, &found))
		hold(message, found);
	while (hello_extension(&extensions, &type, &data)) {
		REQUIRE(extensions.len < left);
		left = extensions.len;
		hold(message, data);
	}
}

static void
read_server(struct span message)
{
	struct hello_server hello;

	if (!hello_server(message, &hello))
		return;
	hold(message, hello.random);
	hold(message, hello.session_id);
	read_extensions(message, hello.extensions);
}

static void
read_scts(struct span message, struct span data)
{
	struct hello_sct sct;
	struct span entries, entry;

	if (!hello_scts(data, &entries))
		return;
	hold(message, entries);
	while (span_vec16(&entries, &entry)) {
		if (!hello_sct(entry, &sct))
			continue;
		hold(message, sct.log_id);
		hold(message, sct.signature);
	}
}

static void
read_certificates(struct span message, bool tls13)
{
	struct span entries, der, extensions, response;
	size_t left;

	if (!hello_certificates(message, tls13, &entries))
		return;
	for (left = entries.len; hello_certificate(&entries, tls13, &der, &extensions); left = entries.len) {
		REQUIRE(entries.len < left);
		hold(message, der);
		read_extensions(message, extensions);
		if (hello_ocsp(extensions, &response))
			hold(message, response);
		read_scts(message, extensions);
	}
}

static void
read_exchange(struct span message, uint16_t version)
{
	static const uint16_t suites[] = {0xc02f, 0xc013, 0x009e, 0x0033, 0x0003, 0x0018, 0x002f};
	struct hello_exchange x;

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		if (!hello_exchange(message, version, suites[i], &x))
			continue;
		hold(message, x.public_key);
		hold(message, x.prime);
		hold(message, x.generator);
		hold(message, x.signature);
	}
}

static void
read_request(struct span message, uint16_t version)
{
	struct hello_request r;
	struct span name;

	if (!hello_request(message, version, &r))
		return;
	hold(message, r.types);
	hold(message, r.schemes);
	hold(message, r.authorities);
	while (span_vec16(&r.authorities, &name))
		hold(message, name);
}

static void
read_others(struct span message, bool tls13)
{
	struct hello_ticket ticket;
	struct hello_ssl2 ssl2;
	struct span part;

	if (hello_ticket(message, tls13, &ticket))
		hold(message, ticket.ticket);
	if (hello_encrypted_extensions(message, &part))
		read_extensions(message, part);
	if (hello_ocsp(message, &part))
		hold(message, part);
	if (hello_ssl2(message, &ssl2)) {
		hold(message, ssl2.certificate);
		hold(message, ssl2.ciphers);
		hold(message, ssl2.connection_id);
	}
	read_scts(message, message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t version;
	uint8_t *copy;
	struct span message;

	if (size < 2)
		return 0;
	version = (uint16_t)(0x0300 + data[0] % 5);
	copy = malloc(size - 2); /* exactly, so that a byte too far is seen */
	REQUIRE(copy != NULL || size == 2);
	if (size > 2)
		memcpy(copy, data + 2, size - 2);
	message = span_of(copy, size - 2);
	switch (data[1] % 5) {
	case 0:
		read_server(message);
		break;
	case 1:
		read_certificates(message, version >= HELLO_TLS13);
		break;
	case 2:
		read_exchange(message, version);
		break;
	case 3:
		read_request(message, version);
		break;
	default:
		read_others(message, version >= HELLO_TLS13);
		break;
	}
	free(copy);
	return 0;
}
