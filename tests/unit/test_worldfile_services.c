/* SPDX-License-Identifier: BSD-3-Clause */
/* What speaks in a world, as its file says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "worldfile/worldfile.h"

#define PERCENT (WORLD_SHARE_ONE / 100)

static const char whole[] =
	"seed: 3\n"
	"networks:\n"
	"  - cidr: 10.0.0.0/8\n"
	"    ports:\n"
	"      22: {open: 100%, service: {banner: \"SSH-2.0-x\\r\\n\"}}\n"
	"      80: {open: 100%, services: {web: 70%, bad: 10%, echo: 20%}}\n"
	"      443: {open: 100%}\n"
	"    services: {tls: 60%, weak: 20%}\n"
	"  - cidr: 11.0.0.0/8\n"
	"    service: silent\n"
	"services:\n"
	"  web: {banner: \"HTTP/1.0 200 OK\\r\\n\\r\\n\", after: blank, close: data, segment: 1}\n"
	"  bad: {malformed: alert, mss: 88, window: 0, reset: response}\n"
	"  weak: {kind: tls, versions: [1.0, 1.2], text: hello, silent_after: 100}\n"
	"  slow: {kind: tarpit, every: 3s, idle: 90s, overlap: true, junk: yes}\n"
	"certificates: {folder: keys, count: 9, chain: 2-3, names: 5, keys: rsa2048}\n";

static int
parse(const char *text, struct diag *diag, struct world **w)
{
	return worldfile_parse("some/w.yaml", text, strlen(text), diag, w);
}

static const struct world_service *
named(const struct world_description *d, const char *name)
{
	for (size_t i = 0; i < d->services_count; i++) {
		if (strcmp(d->services[i].name, name) == 0)
			return &d->services[i];
	}
	fail_msg("no service %s", name);
	return NULL;
}

static void
test_whole_form_is_read(void **state)
{
	struct diag diag = DIAG_EMPTY;
	const struct world_description *d;
	const struct world_service *s;
	struct world *w;

	(void)state;
	assert_int_equal(parse(whole, &diag, &w), 0);
	d = world_describe(w);
	s = world_service_at(w, 0x0a000001, 22);
	assert_int_equal(s->kind, WORLD_SERVICE_BANNER);
	assert_int_equal(s->text_len, 11);
	assert_memory_equal(s->text, "SSH-2.0-x\r\n", 11);
	assert_int_equal(d->networks[0].ports[1].offers.count, 3);
	assert_true(d->networks[0].ports[1].offers.list[1].share == 10 * PERCENT);
	assert_int_equal(d->networks[0].ports[2].offers.count, 0);
	assert_int_equal(d->networks[0].offers.count, 2);
	assert_int_equal(world_service_at(w, 0x0b000001, 443)->kind, WORLD_SERVICE_SILENT);
	s = named(d, "web");
	assert_int_equal(s->cue, WORLD_CUE_BLANK);
	assert_int_equal(s->close, WORLD_CLOSE_DATA);
	assert_int_equal(s->segment, 1);
	assert_true(s->window == WORLD_WINDOW_UNSAID && s->silent_after == WORLD_NEVER_SILENT);
	s = named(d, "bad");
	assert_int_equal(s->kind, WORLD_SERVICE_MALFORMED);
	assert_int_equal(s->malformed, WORLD_MALFORMED_ALERT);
	assert_int_equal(s->cue, WORLD_CUE_DATA);
	assert_int_equal(s->reset, WORLD_RESET_RESPONSE);
	assert_int_equal(s->mss, 88);
	assert_int_equal(s->window, 0);
	s = named(d, "weak");
	assert_int_equal(s->kind, WORLD_SERVICE_TLS);
	assert_int_equal(s->tls, WORLD_TLS_1_0 | WORLD_TLS_1_2);
	assert_int_equal(s->silent_after, 100);
	assert_string_equal(s->text, "hello");
	s = named(d, "slow");
	assert_true(s->every_ns == 3 * NS_PER_SEC && s->idle_ns == 90 * NS_PER_SEC);
	assert_true(s->overlap && s->junk);
	assert_string_equal(d->certificates.folder, "some/keys");
	assert_int_equal(d->certificates.count, 9);
	assert_int_equal(d->certificates.chain_min, 2);
	assert_int_equal(d->certificates.chain_max, 3);
	assert_int_equal(d->certificates.names_min, 5);
	assert_int_equal(d->certificates.names_max, 5);
	assert_int_equal(d->certificates.keys, WORLD_KEY_RSA2048);
	world_free(w);
}

#define NETWORK "networks:\n- cidr: 0.0.0.0/0\n  "

static void
test_each_fault_has_place_and_mend(void **state)
{
	static const struct {
		const char *text, *fault;
	} faults[] = {
		{NETWORK "service: [none]",
		 "some/w.yaml:3:12: 'service' is a list; write none, tls, {banner: TEXT}, or the "
		 "name of a service"},
		{NETWORK "service: banner",
		 "some/w.yaml:3:12: 'service' is 'banner'; write none, tls, {banner: TEXT}, or the "
		 "name of a service"},
		{NETWORK "service: {kind: banner}",
		 "some/w.yaml:3:12: a banner without a text; write {banner: TEXT}"},
		{NETWORK "service: {kind: malformed}",
		 "some/w.yaml:3:12: malformed in what; write {malformed: certificate}"},
		{NETWORK "service: {kind: http}",
		 "some/w.yaml:3:19: 'kind' is 'http'; write none, silent, banner, endless, echo, "
		 "tarpit, tls, malformed or dns"},
		{NETWORK "service: {kind: dns, forge: 101}",
		 "some/w.yaml:3:31: 'forge' is '101'; write a number up to 100"},
		{"networks: []\nnames: {servfail: 1%, exists: 99.5%}",
		 "some/w.yaml:2:8: servfail and exists are more than 100% together; lower one"},
		{"networks: []\nnames: {exist: 1%}",
		 "some/w.yaml:2:9: names has no key 'exist'; did you mean 'exists'?"},
		{NETWORK "service: {kid: tls}",
		 "some/w.yaml:3:13: a service has no key 'kid'; did you mean 'kind'?"},
		{NETWORK "service: {kind: none, segment: 1461}",
		 "some/w.yaml:3:34: 'segment' is '1461'; write a number of bytes, such as 536"},
		{NETWORK "service: {kind: none, mss: 0}",
		 "some/w.yaml:3:30: 'mss' is '0'; write a number of bytes, such as 536"},
		{NETWORK "service: {kind: none, window: 65536}",
		 "some/w.yaml:3:33: 'window' is '65536'; write a number of bytes up to 65535"},
		{NETWORK "service: {kind: none, reset: later}",
		 "some/w.yaml:3:32: 'reset' is 'later'; write ack, data, response or never"},
		{NETWORK "service: {kind: none, versions: []}",
		 "some/w.yaml:3:35: 'versions' is a list; write versions of TLS, such as [1.2, 1.3]"},
		{NETWORK "services: {none: 60%, echo: 50%}",
		 "some/w.yaml:3:13: services are more than 100% together; lower one"},
		{NETWORK "services: {nonsense: 60%}",
		 "some/w.yaml:3:14: 'services' is 'nonsense'; write shares by name, such as {tls: "
		 "60%, none: 20%}"},
		{NETWORK "services: {echo: 60}",
		 "some/w.yaml:3:20: 'echo' is '60'; write a share such as 1.3%"},
		{NETWORK "service: none\n  services: {echo: 60%}",
		 "some/w.yaml:4:13: 'services' beside another of its kind; write either 'service' or "
		 "'services'"},
		{NETWORK "service: tls",
		 "some/w.yaml:1:1: services of tls without 'certificates'; write certificates: "
		 "{folder: certificates, count: 64}"},
		{NETWORK "default: {service: none}",
		 "some/w.yaml:3:13: a port has no key 'service'; remove it"},
		{"networks: []\nservices: {tls: {kind: tls}}\ncertificates: {folder: x}",
		 "some/w.yaml:2:12: 'tls' is the name of a kind; write another"},
		{"networks: []\nservices: [a]",
		 "some/w.yaml:2:11: 'services' is a list; write services by name"},
		{"networks: []\nservices: {a: tls}",
		 "some/w.yaml:2:15: 'a' is a value; write a service such as {banner: TEXT}"},
		{"networks: []\ncertificates: {count: 5}",
		 "some/w.yaml:2:15: 'certificates' is a mapping; write certificates such as "
		 "{folder: certificates, count: 64}"},
		{"networks: []\ncertificates: {folder: x, chain: 1-5}",
		 "some/w.yaml:2:34: 'chain' is '1-5'; write how many are sent, 1 to 4, such as 1-4"},
		{"networks: []\ncertificates: {folder: x, keys: [ed25519]}",
		 "some/w.yaml:2:34: 'keys' is 'ed25519'; write p256, rsa2048 or both"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct diag diag = DIAG_EMPTY;
		struct world *w;
		char text[512];

		assert_int_equal(parse(faults[i].text, &diag, &w), -EINVAL);
		assert_int_equal(diag.count, 1);
		diag_format(&diag, 0, text, sizeof(text));
		assert_string_equal(text, faults[i].fault);
		diag_reset(&diag);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_form_is_read),
		cmocka_unit_test(test_each_fault_has_place_and_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
