/* SPDX-License-Identifier: BSD-3-Clause */
#include "hello/client.h"

#include <string.h>

#include "base/bytes.h"
#include "hello/hello.h"

#define SSL3 0x0300
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Suites that TLS 1.2 brought: AEAD and SHA-2. Strongest first. */
static const uint16_t suites_of_tls12[] = {
	0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc024, 0xc028,
	0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x00a2, 0x00a3, 0x0040, 0x006a,
	0x009c, 0x009d, 0x003c, 0x003d, 0xc0ac, 0xc0ad, 0xc09c, 0xc09d, 0xc05c, 0xc060,
	0x00a6, 0x00a7, 0x006c, 0x006d, 0x003b,
};

/* Suites with elliptic curves (RFC 4492), which SSL 3 has not. */
static const uint16_t suites_of_curves[] = {
	0xc009, 0xc013, 0xc00a, 0xc014, 0xc004, 0xc00e, 0xc005, 0xc00f,
	0xc008, 0xc012, 0xc003, 0xc00d, 0xc007, 0xc011, 0xc002, 0xc00c,
	0xc018, 0xc019, 0xc017, 0xc016, 0xc006, 0xc010, 0xc001, 0xc00b, 0xc015,
};

/* Suites of SSL 3 and TLS 1.0: AES, Camellia, SEED and IDEA; 3DES; RC4; DES; export; NULL; anonymous. */
static const uint16_t suites_of_ssl3[] = {
	0x0033, 0x0039, 0x0032, 0x0038, 0x002f, 0x0035, 0x0030, 0x0036, 0x0031, 0x0037,
	0x0045, 0x0088, 0x0044, 0x0087, 0x0041, 0x0084, 0x009a, 0x0099, 0x0096, 0x0007,
	0x0016, 0x0013, 0x000a, 0x0010, 0x000d, 0x0005, 0x0004, 0x0066,
	0x0015, 0x0012, 0x0009, 0x000f, 0x000c,
	0x0062, 0x0064, 0x0063, 0x0065, 0x0060, 0x0061,
	0x0014, 0x0011, 0x000e, 0x000b, 0x0008, 0x0006, 0x0003,
	0x0034, 0x003a, 0x001b, 0x001a, 0x0018, 0x0019, 0x0017, 0x0002, 0x0001,
};

/* The ciphers of SSL 2, three bytes each. */
static const uint8_t ssl2_ciphers[] = {
	0x07, 0x00, 0xc0, 0x05, 0x00, 0x80, 0x03, 0x00, 0x80, 0x01, 0x00, 0x80,
	0x06, 0x00, 0x40, 0x04, 0x00, 0x80, 0x02, 0x00, 0x80, 0x08, 0x00, 0x80,
};

/* An append that cannot fail: HELLO_CLIENT_MAX has room for every spec that was let in. */
struct out {
	uint8_t *buf;
	size_t len;
};

static void
put8(struct out *o, uint8_t value)
{
	o->buf[o->len++] = value;
}

static void
put16(struct out *o, uint16_t value)
{
	store_be16(o->buf + o->len, value);
	o->len += 2;
}

static void
put_bytes(struct out *o, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(o->buf + o->len, bytes, len);
	o->len += len;
}

static void
put_numbers(struct out *o, const uint16_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put16(o, numbers[i]);
}

/* A length of two bytes, to be filled in when its end is known. */
static size_t
open16(struct out *o)
{
	o->len += 2;
	return o->len;
}

static void
close16(struct out *o, size_t start)
{
	store_be16(o->buf + start - 2, (uint16_t)(o->len - start));
}

static size_t
open_extension(struct out *o, uint16_t type)
{
	put16(o, type);
	return open16(o);
}

static void
put_suites(struct out *o, uint16_t version)
{
	size_t start = open16(o);

	if (version >= 0x0303)
		put_numbers(o, suites_of_tls12, COUNT(suites_of_tls12));
	if (version > SSL3)
		put_numbers(o, suites_of_curves, COUNT(suites_of_curves));
	put_numbers(o, suites_of_ssl3, COUNT(suites_of_ssl3));
	put16(o, 0x00ff); /* RFC 5746: renegotiation info, as a suite for those without extensions */
	close16(o, start);
}

static void
put_sni(struct out *o, struct span name)
{
	size_t extension, list;

	if (name.len == 0)
		return;
	extension = open_extension(o, 0);
	list = open16(o);
	put8(o, 0);
	put16(o, (uint16_t)name.len);
	put_bytes(o, name.at, name.len);
	close16(o, list);
	close16(o, extension);
}

static void
put_list(struct out *o, uint16_t type, const uint16_t *numbers, size_t count)
{
	size_t extension = open_extension(o, type), list = open16(o);

	put_numbers(o, numbers, count);
	close16(o, list);
	close16(o, extension);
}

static void
put_extensions(struct out *o, const struct hello_client *spec)
{
	static const uint16_t groups[] = {29, 23, 24, 25, 30, 22, 28, 27, 26, 21, 19, 14, 13, 9, 10};
	static const uint16_t schemes[] = {
		0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b,
		0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
		0x0203, 0x0201, 0x0202, 0x0101,
	};
	static const uint8_t points[] = {0, 11, 0, 2, 1, 0};           /* uncompressed */
	static const uint8_t status[] = {0, 5, 0, 5, 1, 0, 0, 0, 0};  /* OCSP, no list */
	static const uint8_t empty[] = {0, 18, 0, 0, 0, 23, 0, 0, 0, 35, 0, 0}; /* SCT, EMS, ticket */
	size_t all = open16(o), alpn;

	put_sni(o, spec->sni);
	put_list(o, 10, groups, COUNT(groups));
	put_bytes(o, points, sizeof(points));
	if (spec->version >= 0x0303)
		put_list(o, HELLO_EXT_SIGNATURE_ALGORITHMS, schemes, COUNT(schemes));
	put_bytes(o, status, sizeof(status));
	put_bytes(o, empty, sizeof(empty));
	if (spec->alpn.len > 0) {
		alpn = open_extension(o, HELLO_EXT_ALPN);
		put16(o, (uint16_t)spec->alpn.len);
		put_bytes(o, spec->alpn.at, spec->alpn.len);
		close16(o, alpn);
	}
	close16(o, all);
}

size_t
hello_client_tls(const struct hello_client *spec, uint8_t buf[HELLO_CLIENT_MAX])
{
	struct out o = {.buf = buf};
	size_t record, message;

	if (spec->sni.len > 255 || spec->alpn.len > 512)
		return 0;
	put8(&o, HELLO_RECORD_HANDSHAKE);
	put16(&o, spec->version > SSL3 ? 0x0301 : SSL3); /* RFC 5246, E.1 */
	record = open16(&o);
	put8(&o, 1);
	put8(&o, 0);
	message = open16(&o);
	put16(&o, spec->version);
	put_bytes(&o, spec->random, HELLO_RANDOM_BYTES);
	put8(&o, 0);
	put_suites(&o, spec->version);
	put8(&o, 1);
	put8(&o, 0);
	if (spec->version > SSL3)
		put_extensions(&o, spec);
	close16(&o, message);
	close16(&o, record);
	return o.len;
}

size_t
hello_client_ssl2(const uint8_t random[HELLO_RANDOM_BYTES], uint8_t buf[HELLO_CLIENT_MAX])
{
	struct out o = {.buf = buf};
	size_t record = open16(&o);

	put8(&o, 1);
	put16(&o, 0x0002);
	put16(&o, sizeof(ssl2_ciphers));
	put16(&o, 0);
	put16(&o, 16);
	put_bytes(&o, ssl2_ciphers, sizeof(ssl2_ciphers));
	put_bytes(&o, random, 16);
	close16(&o, record);
	buf[0] |= 0x80; /* a head of two bytes, without padding */
	return o.len;
}
