/* SPDX-License-Identifier: BSD-3-Clause */
/* What speaks behind the ports of a world, and with which certificates. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "worldfile/keys.h"
#include "yaml/value.h"

#define BYTES_MEND "a number of bytes, such as 536"

/* ---- One service ------------------------------------------------------------------------- */

/* In the order of enum world_service_kind; banner and malformed want to be told what. */
static const char *const kind_words[] = {"none",   "silent", "banner", "endless",
					 "echo",   "tarpit", "tls",    "malformed", "dns",  NULL};
static const char *const cue_words[] = {"connect", "data", "line", "blank", NULL};
static const char *const reset_words[] = {"never", "ack", "data", "response", NULL};
static const char *const close_words[] = {"keep", "fin", "data", "reset", "simultaneous", NULL};
static const char *const malformed_words[] = {"record", "type", "hello", "certificate", "alert",
					      NULL};
static const char *const version_words[] = {"1.0", "1.1", "1.2", "1.3", NULL};
static const char *const key_words[] = {"p256", "rsa2048", NULL};

/* The place of a scalar among words; -1, with a fault, where it is none of them. */
static int
word_find(struct reader *r, const struct key *key, const struct yaml_node *node,
	  const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (yaml_is(node, words[i]))
			return i;
	}
	keys_fault(r, key, node);
	return -1;
}

static void
read_word(struct reader *r, const struct key *key, const struct yaml_node *node,
	  const char *const *words, uint8_t *field)
{
	int word = word_find(r, key, node, words);

	if (word >= 0)
		*field = (uint8_t)word;
}

/* One word or a list of them, as bits. */
static uint32_t
read_words(struct reader *r, const struct key *key, const struct yaml_node *node,
	   const char *const *words)
{
	uint32_t bits = 0;

	if (node->kind != YAML_SEQUENCE) {
		int word = word_find(r, key, node, words);

		return word >= 0 ? UINT32_C(1) << word : 0;
	}
	if (node->count == 0)
		keys_fault(r, key, node);
	for (size_t i = 0; i < node->count; i++)
		bits |= read_words(r, key, node->items[i], words);
	return bits;
}

static void
read_kind(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_word(r, key, node, kind_words, &((struct world_service *)field)->kind);
}

static void
read_text(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_service *s = field;

	if (node->kind != YAML_SCALAR || node->len > WORLD_TEXT_MAX) {
		keys_fault(r, key, node);
		return;
	}
	s->text = node->text;
	s->text_len = node->len;
}

static void
read_banner(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	((struct world_service *)field)->kind = WORLD_SERVICE_BANNER;
	read_text(r, key, node, field);
}

static void
read_malformed(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_service *s = field;

	s->kind = WORLD_SERVICE_MALFORMED;
	read_word(r, key, node, malformed_words, &s->malformed);
}

static void
read_cue(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_word(r, key, node, cue_words, &((struct world_service *)field)->cue);
}

static void
read_reset(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_word(r, key, node, reset_words, &((struct world_service *)field)->reset);
}

static void
read_close(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	read_word(r, key, node, close_words, &((struct world_service *)field)->close);
}

static void
read_versions(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	((struct world_service *)field)->tls = (uint8_t)read_words(r, key, node, version_words);
}

/* A number of bytes above 0. */
static void
read_bytes(struct reader *r, const struct key *key, const struct yaml_node *node, uint64_t *value)
{
	uint64_t number = 0;

	if (node->kind == YAML_SCALAR && value_unsigned(node->text, node->len, &number) == 0 &&
	    number > 0 && number <= key->max)
		*value = number;
	else
		keys_fault(r, key, node);
}

static void
read_u16(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value = 0;

	read_bytes(r, key, node, &value);
	*(uint16_t *)field = (uint16_t)value;
}

/* Of these, 0 is one, too. */
static void
read_u32(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value = 0;

	keys_number(r, key, node, &value);
	*(uint32_t *)field = (uint32_t)value;
}

static void
read_forge(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value = 0;

	keys_number(r, key, node, &value);
	*(uint8_t *)field = (uint8_t)value;
}

static void
read_flag(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || value_bool(node->text, node->len, field) != 0)
		keys_fault(r, key, node);
}

#define SERVICE(field) offsetof(struct world_service, field)

static const struct key service_keys[] = {
	{"kind", read_kind, 0,
	 "none, silent, banner, endless, echo, tarpit, tls, malformed or dns", 0},
	{"text", read_text, 0, "a text of at most 64 KB", 0},
	{"banner", read_banner, 0, "a text of at most 64 KB", 0},
	{"malformed", read_malformed, 0, "record, type, hello, certificate or alert", 0},
	{"after", read_cue, 0, "connect, data, line or blank", 0},
	{"every", keys_duration, SERVICE(every_ns), "a time up to 1h, such as 10s",
	 3600 * NS_PER_SEC},
	{"idle", keys_duration, SERVICE(idle_ns), "a time up to 1h, such as 60s",
	 3600 * NS_PER_SEC},
	{"reset", read_reset, 0, "ack, data, response or never", 0},
	{"close", read_close, 0, "keep, fin, data, reset or simultaneous", 0},
	{"versions", read_versions, 0, "versions of TLS, such as [1.2, 1.3]", 0},
	{"segment", read_u16, SERVICE(segment), BYTES_MEND, WORLD_SEGMENT_MAX},
	{"mss", read_u16, SERVICE(mss), BYTES_MEND, UINT16_MAX},
	{"window", read_u32, SERVICE(window), "a number of bytes up to 65535", UINT16_MAX},
	{"silent_after", read_u32, SERVICE(silent_after), BYTES_MEND, WORLD_NEVER_SILENT - 1},
	{"overlap", read_flag, SERVICE(overlap), "true or false", 0},
	{"junk", read_flag, SERVICE(junk), "true or false", 0},
	{"lies", keys_share, SERVICE(lies), SHARE, 0},
	{"denies", keys_share, SERVICE(denies), SHARE, 0},
	{"diverts", keys_share, SERVICE(diverts), SHARE, 0},
	{"honest", keys_duration, SERVICE(honest_ns), "a time up to 1h, such as 10s", 3600 * NS_PER_SEC},
	{"bare", read_flag, SERVICE(bare), "true or false", 0},
	{"no_edns", read_flag, SERVICE(no_edns), "true or false", 0},
	{"authority", read_flag, SERVICE(authority), "true or false", 0},
	{"lame", keys_share, SERVICE(lame), SHARE, 0},
	{"forge", read_forge, SERVICE(forge), "a number up to 100", 100},
};

static void
read_service(struct reader *r, const char *name, const struct yaml_node *node,
	     struct world_service *s)
{
	*s = (struct world_service)WORLD_SERVICE_PLAIN;
	s->name = name;
	if (yaml_find(node, "malformed") != NULL)
		s->cue = WORLD_CUE_DATA;
	keys_read(r, "a service", node, service_keys, COUNT(service_keys), s);
	if (s->kind == WORLD_SERVICE_BANNER && s->text == NULL)
		diag_add(r->diag, node->place, "a banner without a text; write {banner: TEXT}");
	if (s->kind == WORLD_SERVICE_MALFORMED && yaml_find(node, "malformed") == NULL)
		diag_add(r->diag, node->place, "malformed in what; write {malformed: certificate}");
}

/* Room for one more service; NULL, with a fault or without memory, when there is none. */
static struct world_service *
service_add(struct reader *r, const struct yaml_node *node)
{
	struct world_service *services;

	if (r->services_count >= WORLD_SERVICES_MAX) {
		diag_add(r->diag, node->place, "more than %d services; write fewer",
			 WORLD_SERVICES_MAX);
		return NULL;
	}
	services = region_grow(&r->memory, r->services, r->services_count, sizeof(*services));
	if (services == NULL) {
		r->no_memory = true;
		return NULL;
	}
	r->services = services;
	return &services[r->services_count++];
}

/* A kind that is a service without being told more. */
static int
plain_kind(const struct yaml_node *node)
{
	for (int i = 0; kind_words[i] != NULL; i++) {
		if (yaml_is(node, kind_words[i]))
			return i == WORLD_SERVICE_BANNER || i == WORLD_SERVICE_MALFORMED ? -1 : i;
	}
	return -1;
}

void
services_read(struct reader *r, const struct yaml_node *node)
{
	if (node == NULL || node->kind == YAML_NULL)
		return; /* who reads the world's keys says so */
	if (node->kind != YAML_MAPPING) {
		diag_add(r->diag, node->place, "'services' is %s; write services by name",
			 yaml_kind_name(node->kind));
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *name = node->keys[i], *item = node->items[i];
		struct world_service *s;

		if (plain_kind(name) >= 0)
			diag_add(r->diag, name->place, "'%s' is the name of a kind; write another",
				 name->text);
		if (item->kind != YAML_MAPPING) {
			diag_add(r->diag, item->place, "'%.*s' is %s; write a service such as %s",
				 SHOWN, name->text, yaml_kind_name(item->kind), "{banner: TEXT}");
			continue;
		}
		s = service_add(r, item);
		if (s == NULL)
			return;
		read_service(r, name->text, item, s);
	}
	r->services_named = r->services_count;
}

/* ---- Offers ------------------------------------------------------------------------------ */

/* The index of a service by its name, made when it is a plain kind's; -1 where there is none. */
static int
service_find(struct reader *r, const struct yaml_node *node)
{
	int kind = plain_kind(node);
	struct world_service *s;

	for (size_t i = 0; i < r->services_named; i++) {
		if (yaml_is(node, r->services[i].name))
			return (int)i;
	}
	if (kind < 0)
		return -1;
	if (r->plain[kind] != 0)
		return (int)r->plain[kind] - 1;
	s = service_add(r, node);
	if (s == NULL)
		return -1;
	r->plain[kind] = r->services_count;
	*s = (struct world_service)WORLD_SERVICE_PLAIN;
	s->name = kind_words[kind];
	s->kind = (uint8_t)kind;
	return (int)r->services_count - 1;
}

static struct world_offer *
offers_make(struct reader *r, const struct key *key, const struct yaml_node *node, size_t count,
	    struct world_offers *offers)
{
	struct world_offer *list;

	if (offers->count > 0) {
		diag_add(r->diag, node->place,
			 "'%s' beside another of its kind; write either 'service' or 'services'",
			 key->name);
		return NULL;
	}
	list = region_alloc(&r->memory, count + 1, sizeof(*list));
	if (list == NULL)
		r->no_memory = true;
	offers->list = list;
	return list;
}

void
services_read_one(struct reader *r, const struct key *key, const struct yaml_node *node,
		  void *field)
{
	struct world_offers *offers = field;
	struct world_offer *list = offers_make(r, key, node, 1, offers);
	struct world_service *s;
	int found = -1;

	if (list == NULL)
		return;
	if (node->kind == YAML_SCALAR) {
		found = service_find(r, node);
		if (found < 0)
			keys_fault(r, key, node);
	} else if (node->kind == YAML_MAPPING) {
		s = service_add(r, node);
		if (s != NULL) {
			/* Named by its kind for people; nobody can refer to it. */
			read_service(r, "", node, s);
			s->name = kind_words[s->kind];
			found = (int)r->services_count - 1;
		}
	} else {
		keys_fault(r, key, node);
	}
	if (found < 0)
		return;
	list[0] = (struct world_offer){(uint16_t)found, WORLD_SHARE_ONE};
	offers->count = 1;
}

void
services_read_shares(struct reader *r, const struct key *key, const struct yaml_node *node,
		     void *field)
{
	struct world_offers *offers = field;
	struct world_offer *list;
	uint64_t sum = 0;

	if (node->kind != YAML_MAPPING || node->count == 0 || node->count > WORLD_OFFERS_MAX) {
		keys_fault(r, key, node);
		return;
	}
	list = offers_make(r, key, node, node->count, offers);
	for (size_t i = 0; list != NULL && i < node->count; i++) {
		struct key share = {.name = node->keys[i]->text, .mend = SHARE};
		int found = service_find(r, node->keys[i]);

		if (found < 0) {
			keys_fault(r, key, node->keys[i]);
			continue;
		}
		list[offers->count].service = (uint16_t)found;
		keys_share(r, &share, node->items[i], &list[offers->count].share);
		sum += list[offers->count++].share;
		if (sum > WORLD_SHARE_ONE) {
			diag_add(r->diag, node->place,
				 "services are more than 100%% together; lower one");
			return;
		}
	}
}

/* ---- Certificates ------------------------------------------------------------------------ */

/* "4", or "1-4". */
static void
read_span(struct reader *r, const struct key *key, const struct yaml_node *node, uint32_t *min,
	  uint32_t *max)
{
	uint16_t first, last;

	if (node->kind != YAML_SCALAR || value_ports(node->text, node->len, &first, &last) != 0 ||
	    last > key->max) {
		keys_fault(r, key, node);
		return;
	}
	*min = first;
	*max = last;
}

static void
read_chain(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_certificates *c = field;

	read_span(r, key, node, &c->chain_min, &c->chain_max);
}

static void
read_names(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_certificates *c = field;

	read_span(r, key, node, &c->names_min, &c->names_max);
}

static void
read_key_types(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	((struct world_certificates *)field)->keys = read_words(r, key, node, key_words);
}

static void
read_certificate_count(struct reader *r, const struct key *key, const struct yaml_node *node,
		       void *field)
{
	uint64_t value = 1;

	read_bytes(r, key, node, &value);
	((struct world_certificates *)field)->count = (uint32_t)value;
}

/* From the folder of the file that names it. */
static void
read_folder(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_certificates *c = field;
	const char *file = node->place.file != NULL ? node->place.file : "";
	const char *slash = strrchr(file, '/');
	size_t prefix = slash != NULL ? (size_t)(slash - file) + 1 : 0;
	char path[PATH_MAX];

	if (node->kind != YAML_SCALAR || node->len == 0 || prefix + node->len >= sizeof(path)) {
		keys_fault(r, key, node);
		return;
	}
	if (node->text[0] == '/')
		prefix = 0;
	snprintf(path, sizeof(path), "%.*s%s", (int)prefix, file, node->text);
	c->folder = region_copy(&r->memory, path, strlen(path));
	if (c->folder == NULL)
		r->no_memory = true;
}

static const struct key certificate_keys[] = {
	{"folder", read_folder, 0, "a folder such as certificates", 0},
	{"count", read_certificate_count, 0, "a number from 1 to 4096", WORLD_CERTIFICATES_MAX},
	{"chain", read_chain, 0, "how many are sent, 1 to 4, such as 1-4", WORLD_CHAIN_MAX},
	{"names", read_names, 0, "how many names a leaf has, 1 to 1000, such as 1-100",
	 WORLD_NAMES_MAX},
	{"keys", read_key_types, 0, "p256, rsa2048 or both", 0},
};

void
services_read_certificates(struct reader *r, const struct key *key, const struct yaml_node *node,
			   void *field)
{
	struct world_certificates *c = field;

	if (node->kind != YAML_MAPPING || yaml_find(node, "folder") == NULL) {
		keys_fault(r, key, node);
		return;
	}
	*c = (struct world_certificates){
		.count = 64,
		.chain_min = 1,
		.chain_max = 4,
		.names_min = 1,
		.names_max = 100,
		.keys = WORLD_KEY_P256 | WORLD_KEY_RSA2048,
	};
	keys_read(r, "certificates", node, certificate_keys, COUNT(certificate_keys), c);
}
