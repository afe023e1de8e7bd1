/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of service bindings (RFC 9460, section 14.3.2). */
#include <arpa/inet.h>
#include <stdio.h>

#include "rdata.h"

enum { MANDATORY = 0, ALPN = 1, NO_DEFAULT_ALPN = 2, PORT = 3, IPV4HINT = 4, ECH = 5, IPV6HINT = 6, KEYS };

static const char *const keys[KEYS] = {"mandatory", "alpn", "no-default-alpn", "port",
				       "ipv4hint",  "ech",  "ipv6hint"};

static bool
next_param(struct span *params, uint16_t *key, struct span *value)
{
	return span_u16(params, key) && span_vec16(params, value);
}

bool
svcb_is_whole(struct span params)
{
	struct span value;
	uint16_t key;

	while (params.len > 0)
		if (!next_param(&params, &key, &value))
			return false;
	return true;
}

static void
addresses_json(int family, size_t size, struct span value, const char *key, struct json *j)
{
	struct span address;
	char text[INET6_ADDRSTRLEN];

	json_open_array(j, key);
	while (value.len > 0 && span_take(&value, size, &address))
		json_string(j, NULL, inet_ntop(family, address.at, text, sizeof(text)));
	json_close_array(j);
}

static void
alpn_json(struct span value, const char *key, struct json *j)
{
	struct span protocol;

	json_open_array(j, key);
	while (value.len > 0 && span_vec8(&value, &protocol))
		json_text(j, NULL, protocol);
	json_close_array(j);
}

static void
mandatory_json(struct span value, const char *key, struct json *j)
{
	uint16_t number;

	json_open_array(j, key);
	while (span_u16(&value, &number)) {
		if (number < KEYS)
			json_string(j, NULL, keys[number]);
		else
			json_format(j, NULL, "key%u", number);
	}
	json_close_array(j);
}

static void
param_json(uint16_t number, struct span value, struct json *j)
{
	const char *key = number < KEYS ? keys[number] : NULL;
	char unknown[16];
	uint16_t port;

	switch (number) {
	case MANDATORY:
		mandatory_json(value, key, j);
		return;
	case ALPN:
		alpn_json(value, key, j);
		return;
	case NO_DEFAULT_ALPN:
		json_bool(j, key, true);
		return;
	case PORT:
		if (span_u16(&value, &port))
			json_number(j, key, port);
		return;
	case IPV4HINT:
		addresses_json(AF_INET, 4, value, key, j);
		return;
	case IPV6HINT:
		addresses_json(AF_INET6, 16, value, key, j);
		return;
	case ECH:
		json_base64(j, key, value);
		return;
	default:
		snprintf(unknown, sizeof(unknown), "key%u", number);
		json_base64(j, unknown, value);
	}
}

bool
svcb_json(struct span params, struct json *j)
{
	struct span value;
	uint16_t key;

	if (params.len == 0)
		return true;
	json_open_object(j, "svcparams");
	while (params.len > 0 && next_param(&params, &key, &value))
		param_json(key, value, j);
	json_close_object(j);
	return params.len == 0;
}
