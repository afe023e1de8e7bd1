/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers of texts and words.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "dnsmsg/dnsmsg.h"
#include "job/readers.h"
#include "job/template.h"
#include "names/hostname.h"
#include "yaml/value.h"

bool
reader_is_text(const struct key *key, const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR || node->len > key->max)
		return false;
	for (size_t i = 0; i < node->len; i++)
		if ((unsigned char)node->text[i] < ' ' || node->text[i] == 0x7f)
			return false;
	return true;
}

/* Whether a scalar is a text that says something, told if not. */
static bool
require_words(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (reader_is_text(key, node) && node->len > 0)
		return true;
	reader_refuse(r, key, node);
	return false;
}

static void
store_string(struct reader *r, const struct yaml_node *node, char **field)
{
	*field = reader_copy(r, node->text);
}

static void
store_text(struct reader *r, const struct yaml_node *node, struct job_text *field)
{
	*field = (struct job_text){.text = reader_copy(r, node->text), .place = node->place};
}

void
reader_string(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (require_words(r, key, node))
		store_string(r, node, field);
}

#define TAG_NAME_MAX 64

static bool
is_name(const struct yaml_node *node)
{
	for (size_t i = 0; i < node->len; i++) {
		unsigned char c = (unsigned char)node->text[i];

		if (c > 0x7f || (!isalnum(c) && (i == 0 || strchr("._-", c) == NULL)))
			return false;
	}
	return node->len > 0;
}

void
reader_name(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (!reader_is_text(key, node) || !is_name(node))
		reader_refuse(r, key, node);
	else
		store_string(r, node, field);
}

/* A tag's name: a word that is no name of a template's own. */
static bool
is_tag_name(struct reader *r, const struct key *key, const struct yaml_node *name)
{
	char shown[YAML_DESCRIBE_SIZE];
	bool sound = name->len > 0 && name->len <= TAG_NAME_MAX;

	for (size_t i = 0; i < name->len; i++)
		sound &= isascii(name->text[i]) &&
			 (isalnum((unsigned char)name->text[i]) || strchr("_-", name->text[i]) != NULL);
	if (!sound)
		diag_add(r->diag, name->place,
			 "'%s' has the name %s; write up to %d letters, digits, '_' or '-'",
			 schema_name(key), yaml_describe(name, shown), TAG_NAME_MAX);
	else if (template_is_own(name->text))
		diag_add(r->diag, name->place,
			 "the tag '%s' would hide what {%s} means in a file's name; write another name",
			 name->text, name->text);
	return sound && !template_is_own(name->text);
}

void
reader_tags(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_tags *tags = field;

	if (node->kind != YAML_MAPPING) {
		reader_refuse(r, key, node);
		return;
	}
	tags->count = 0;
	tags->items = reader_alloc(r, node->count, sizeof(*tags->items));
	for (size_t i = 0; tags->items != NULL && i < node->count; i++) {
		if (!reader_is_text(key, node->items[i]))
			reader_refuse_item(r, key, node->items[i]);
		else if (is_tag_name(r, key, node->keys[i]))
			tags->items[tags->count++] = (struct job_tag){
				reader_copy(r, node->keys[i]->text),
				reader_copy(r, node->items[i]->text)};
	}
}

void
reader_email(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	const char *at = strchr(node->text, '@');
	bool sound = at != NULL && at != node->text && at[1] != '\0' && strchr(at + 1, '@') == NULL;

	if (!sound || !reader_is_text(key, node) || strchr(node->text, ' ') != NULL)
		reader_refuse(r, key, node);
	else
		store_string(r, node, field);
}

void
reader_text(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (reader_is_text(key, node))
		store_text(r, node, field);
	else
		reader_refuse(r, key, node);
}

void
reader_payload(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_payload *payload = field;

	if (node->kind != YAML_SCALAR || node->len > key->max) {
		reader_refuse(r, key, node);
		return;
	}
	payload->bytes = reader_alloc(r, node->len + 1, 1);
	if (payload->bytes == NULL)
		return;
	memcpy(payload->bytes, node->text, node->len);
	payload->len = node->len;
}

static bool
is_words(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	bool sound = reader_is_text(key, item) && item->len > 0;

	if (!sound)
		reader_refuse_item(r, key, item);
	return sound;
}

void
reader_list(struct reader *r, const struct key *key, const struct yaml_node *node,
	    reader_item *check, struct job_texts *texts)
{
	size_t count = reader_item_count(r, key, node);

	texts->count = 0;
	texts->items = reader_alloc(r, count, sizeof(*texts->items));
	for (size_t i = 0; texts->items != NULL && i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);

		if (is_words(r, key, item) && (check == NULL || check(r, key, item)))
			store_text(r, item, &texts->items[texts->count++]);
	}
}

void
reader_texts(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	reader_list(r, key, node, NULL, field);
}

/* The number of a word among words parted by spaces, -1 if it is none of them. */
static int
find_choice(const char *choices, const struct yaml_node *node)
{
	int number = 0;

	if (node->kind != YAML_SCALAR || node->len == 0)
		return -1;
	for (const char *word = choices; *word != '\0'; number++) {
		size_t len = strcspn(word, " ");

		if (len == node->len && memcmp(word, node->text, len) == 0)
			return number;
		word += len;
		word += strspn(word, " ");
	}
	return -1;
}

void
reader_choice(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	int number = find_choice(key->choices, node);

	if (number < 0)
		reader_refuse(r, key, node);
	else
		memcpy(field, &number, sizeof(number));
}

/* From this one up to ANY types are of transactions and transfers (RFC 2930, 8945, 5936). */
#define TYPE_TKEY 249

static bool
has_type(const struct job_types *types, uint16_t type)
{
	for (unsigned int i = 0; i < types->count; i++)
		if (types->type[i] == type)
			return true;
	return false;
}

void
reader_types(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_types types = {.count = 0};
	size_t count = reader_item_count(r, key, node);

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);
		uint16_t type;

		/* Options, keys of transactions and zone transfers are no lookups. */
		if (item->kind != YAML_SCALAR || !dns_type_parse(item->text, item->len, &type) ||
		    type == 0 || type == DNS_OPT || (type >= TYPE_TKEY && type < DNS_ANY)) {
			reader_refuse_item(r, key, item);
		} else if (has_type(&types, type)) {
			diag_add(r->diag, item->place, "'%s' is in the list already; remove one", item->text);
		} else if (types.count == JOB_TYPES_MAX) {
			diag_add(r->diag, item->place, "'%s' is one too many: up to %u types are asked of a name; "
				 "write another lookup", item->text, JOB_TYPES_MAX);
			break;
		} else {
			types.type[types.count++] = type;
		}
	}
	*(struct job_types *)field = types;
}

void
reader_module(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (find_choice(key->choices, node) < 0)
		reader_refuse(r, key, node);
	else
		store_string(r, node, field);
}

/* A list of words among the row's choices, as the set of their numbers. */
static unsigned int
read_set(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	size_t count = reader_item_count(r, key, node);
	unsigned int set = 0;

	if (node->kind == YAML_SEQUENCE && count == 0)
		diag_add(r->diag, node->place, "'%s' is an empty list; write %s", schema_name(key),
			 key->mend);
	for (size_t i = 0; i < count; i++) {
		int number = find_choice(key->choices, reader_item_at(node, i));

		if (number < 0)
			reader_refuse_item(r, key, reader_item_at(node, i));
		else
			set |= 1u << number;
	}
	return set;
}

void
reader_sni(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || hostname_fault(node->text, node->len) != NULL)
		reader_refuse(r, key, node);
	else
		store_string(r, node, field);
}

void
reader_versions(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	*(unsigned int *)field = read_set(r, key, node);
}

void
reader_records(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	*(unsigned int *)field = read_set(r, key, node);
}

/* "hh:mm" */
static bool
is_clock(const char *text, size_t len)
{
	uint64_t hour, minute;

	if (len != 5 || text[2] != ':')
		return false;
	/* Two digits each, where value_unsigned() would not have the leading zero. */
	if (value_unsigned(text + (text[0] == '0'), text[0] == '0' ? 1 : 2, &hour) != 0 ||
	    value_unsigned(text + 3 + (text[3] == '0'), text[3] == '0' ? 1 : 2, &minute) != 0)
		return false;
	return hour < 24 && minute < 60;
}

void
reader_clock(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	(void)field;
	if (!is_clock(node->text, node->len))
		reader_refuse(r, key, node);
}

void
reader_window(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	(void)field;
	if (node->len != 11 || node->text[5] != '-' || !is_clock(node->text, 5) ||
	    !is_clock(node->text + 6, 5))
		reader_refuse(r, key, node);
}

/* "5" or "5-15", up to max. 0 or -EINVAL. */
static int
read_core_range(const struct yaml_node *node, uint64_t max, uint64_t *first, uint64_t *last)
{
	const char *dash = strchr(node->text, '-');
	size_t head = dash != NULL ? (size_t)(dash - node->text) : node->len;

	if (value_unsigned(node->text, head, first) != 0)
		return -EINVAL;
	*last = *first;
	if (dash != NULL && value_unsigned(dash + 1, node->len - head - 1, last) != 0)
		return -EINVAL;
	return *first <= *last && *last <= max ? 0 : -EINVAL;
}

static bool
has_cpu(const struct job_cpus *cpus, uint64_t cpu)
{
	for (size_t i = 0; i < cpus->count; i++)
		if (cpus->cpu[i] == cpu)
			return true;
	return false;
}

void
reader_cores(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_cpus cpus = {reader_alloc(r, JOB_CPUS_MAX, sizeof(*cpus.cpu)), 0};
	size_t count = reader_item_count(r, key, node);
	uint64_t first, last;

	for (size_t i = 0; i < count && cpus.cpu != NULL; i++) {
		const struct yaml_node *item = reader_item_at(node, i);

		if (read_core_range(item, key->max, &first, &last) != 0) {
			reader_refuse_item(r, key, item);
			continue;
		}
		for (uint64_t cpu = first; cpu <= last; cpu++) {
			if (has_cpu(&cpus, cpu)) {
				diag_add(r->diag, item->place, "CPU %u is in the list already; remove one",
					 (unsigned int)cpu);
				break;
			}
			if (cpus.count == JOB_CPUS_MAX) {
				diag_add(r->diag, item->place, "more than %u CPUs; remove some",
					 JOB_CPUS_MAX);
				return;
			}
			cpus.cpu[cpus.count++] = (uint16_t)cpu;
		}
	}
	memcpy(field, &cpus, sizeof(cpus));
}

void
reader_file(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (require_words(r, key, node))
		store_text(r, node, field);
}
