/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/grab_rules.h"

#include <string.h>

#include "job/readers.h"

#define MODERN_VERSIONS                                                                            \
	(1u << JOB_VERSION_TLS1_0 | 1u << JOB_VERSION_TLS1_1 | 1u << JOB_VERSION_TLS1_2 |           \
	 1u << JOB_VERSION_TLS1_3)

/* Of a ClientHello's list: each name has a byte of length before it. */
#define ALPN_MAX 512

static const char *const module_names[] = {[JOB_GRAB_TLS] = "tls", [JOB_GRAB_BANNER] = "banner"};

/* Keys that say something to one module alone. */
static const struct {
	const char *name;
	enum job_grab_module module;
} module_keys[] = {
	{"depth", JOB_GRAB_TLS}, {"versions", JOB_GRAB_TLS},     {"sni", JOB_GRAB_TLS},
	{"alpn", JOB_GRAB_TLS},  {"certificates", JOB_GRAB_TLS}, {"send", JOB_GRAB_BANNER},
	{"max_bytes", JOB_GRAB_BANNER},
};

static void
check_module(struct reader *r, const struct job_grab *grab, const struct yaml_node *item)
{
	const struct yaml_node *module = yaml_find(item, "module");

	if (module == NULL) {
		diag_add(r->diag, item->place, "'module' is missing; write tls or banner");
		return;
	}
	if (!yaml_is(module, module_names[grab->module]))
		return; /* told */
	for (size_t i = 0; i < sizeof(module_keys) / sizeof(module_keys[0]); i++) {
		const struct yaml_node *node = yaml_find(item, module_keys[i].name);

		if (node != NULL && module_keys[i].module != grab->module)
			diag_add(r->diag, node->place, "'%s' is of module %s; remove it",
				 module_keys[i].name, module_names[module_keys[i].module]);
	}
}

static void
check_alpn(struct reader *r, const struct job_grab *grab)
{
	size_t bytes = 0;

	for (size_t i = 0; i < grab->alpn.count; i++)
		bytes += strlen(grab->alpn.items[i].text) + 1;
	if (bytes > ALPN_MAX)
		diag_add(r->diag, grab->alpn.items[0].place,
			 "'alpn' holds more than %d bytes; remove some", ALPN_MAX);
}

/* A name is a key in the records: no two grabs have one. */
static void
complete_name(struct reader *r, size_t number, const struct yaml_node *item)
{
	struct job_grab *grabs = r->job->grabs, *grab = &grabs[number];

	if (grab->name == NULL)
		grab->name = reader_copy(r, module_names[grab->module]);
	for (size_t i = 0; grab->name != NULL && i < number; i++) {
		if (grabs[i].name == NULL || strcmp(grabs[i].name, grab->name) != 0)
			continue;
		diag_add(r->diag, item->place, "'%s' is the name of another grab already; write another",
			 grab->name);
		break;
	}
}

void
grab_rules_apply(struct reader *r)
{
	const struct yaml_node *list = schema_given(r, "grabs");
	struct job *job = r->job;
	size_t count;

	if (list == NULL || (list->kind != YAML_SEQUENCE && list->kind != YAML_MAPPING))
		return;
	count = list->kind == YAML_SEQUENCE ? list->count : 1;
	if (count > JOB_GRABS_MAX)
		return; /* told */
	job->grab_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader_item_at(list, i);

		if (item->kind != YAML_MAPPING)
			continue; /* told */
		check_module(r, &job->grabs[i], item);
		check_alpn(r, &job->grabs[i]);
		if (yaml_find(item, "module") != NULL)
			complete_name(r, i, item);
		if (job->grabs[i].versions == 0)
			job->grabs[i].versions = MODERN_VERSIONS;
	}
	if (count > 0 && !job_has_ports(job))
		diag_add(r->diag, list->place,
			 "'grabs' needs connections, and icmp_echoscan makes none; remove it");
}

/* The kinds of record that the job makes. */
static unsigned int
made(const struct job *job)
{
	unsigned int kinds = job_has_targets(job) ? JOB_RECORD_SCAN : 0;

	/* Lists of targets may have names in them. */
	if (job->dns.lookup_count > 0 || (job->dns.is_given && job->targets.include_files.count > 0))
		kinds |= JOB_RECORD_DNS;

	for (size_t i = 0; i < job->grab_count; i++) {
		kinds |= job->grabs[i].module == JOB_GRAB_TLS ? JOB_RECORD_TLS : JOB_RECORD_BANNER;
		if (job->grabs[i].module == JOB_GRAB_TLS &&
		    job->grabs[i].certificates != JOB_FORM_INLINE)
			kinds |= JOB_RECORD_CERTIFICATE;
	}
	return kinds;
}

/* A kind of a set that nothing makes: what to say of it. */
static void
refuse_vain(struct reader *r, unsigned int kinds, struct diag_place place)
{
	if ((kinds & JOB_RECORD_DNS) != 0)
		diag_add(r->diag, place,
			 "'records' holds 'dns', but nothing is looked up; remove it, or see 'dns.lookups'");
	else if ((kinds & JOB_RECORD_SCAN) != 0)
		diag_add(r->diag, place,
			 "'records' holds 'scan', but there are no targets; write 'records: [dns]'");
	else
		diag_add(r->diag, place,
			 "'records' holds '%s', but no grab makes any; remove it, or see 'grabs'",
			 (kinds & JOB_RECORD_TLS) != 0 ? "tls" :
			 (kinds & JOB_RECORD_BANNER) != 0 ? "banner" : "certificate");
}

/* What an output takes that is not told: CSV has columns for scan records alone. */
static unsigned int
taken_untold(const struct job *job, const struct job_output *output)
{
	if (output->format == JOB_FORMAT_CSV)
		return JOB_RECORD_SCAN;
	return made(job) & ~(unsigned int)JOB_RECORD_CERTIFICATE;
}

void
grab_rules_records(struct reader *r, struct job_output *output, const struct yaml_node *node)
{
	const struct yaml_node *records = node != NULL ? yaml_find(node, "records") : NULL;
	unsigned int vain = output->records & ~made(r->job);

	if (records == NULL) {
		output->records = taken_untold(r->job, output);
		return;
	}
	if (vain != 0)
		refuse_vain(r, vain, records->place);
	else if (output->format == JOB_FORMAT_CSV &&
		 (output->records & ~(unsigned int)JOB_RECORD_SCAN) != 0)
		diag_add(r->diag, records->place,
			 "'records' other than 'scan' have no columns; write 'format: ndjson'");
}

/* "a.ndjson.zst" is beside "a.certificates.ndjson.zst"; NULL without memory. */
static char *
name_beside(struct reader *r, const char *file)
{
	static const char word[] = ".certificates";
	const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;
	const char *tail = base + strlen(base), *dot;
	char *name = reader_alloc(r, strlen(file) + sizeof(word), 1);

	for (unsigned int endings = 0; endings < 2; endings++) {
		dot = memrchr(base, '.', (size_t)(tail - base));
		if (dot == NULL || dot == base || memchr(dot, '}', (size_t)(tail - dot)) != NULL)
			break;
		tail = dot;
	}
	if (name == NULL)
		return NULL;
	memcpy(name, file, (size_t)(tail - file));
	memcpy(name + (tail - file), word, sizeof(word) - 1);
	strcpy(name + (tail - file) + sizeof(word) - 1, tail);
	return name;
}

/* Standard output or a device: nothing can stand beside it. */
static bool
is_stream(const char *file)
{
	return strcmp(file, "-") == 0 || strncmp(file, "/dev/", strlen("/dev/")) == 0;
}

/* A file for certificates, beside the first that has tls records; on a stream they are among these. */
static void
add_certificates(struct reader *r, struct diag_place place)
{
	struct job *job = r->job;
	struct job_output *beside = NULL, *output;

	for (size_t i = 0; i < job->output_count; i++) {
		struct job_output *o = &job->outputs[i];

		if ((o->records & JOB_RECORD_TLS) != 0 &&
		    (beside == NULL || (is_stream(beside->file.text) && !is_stream(o->file.text))))
			beside = o;
	}
	if (beside == NULL)
		return; /* nobody takes what would refer to them */
	if (is_stream(beside->file.text)) {
		beside->records |= JOB_RECORD_CERTIFICATE;
		return;
	}
	if (job->output_count == JOB_OUTPUTS_MAX) {
		diag_add(r->diag, place, "no output is left for certificates; remove one, or write "
			 "'records: [certificate]' in one");
		return;
	}
	output = &job->outputs[job->output_count++];
	*output = *beside;
	output->records = JOB_RECORD_CERTIFICATE;
	output->file.text = name_beside(r, beside->file.text);
}

void
grab_rules_outputs(struct reader *r)
{
	unsigned int untold = made(r->job) & JOB_RECORD_CERTIFICATE;

	for (size_t i = 0; i < r->job->output_count; i++)
		untold &= ~r->job->outputs[i].records;
	if (untold != 0)
		add_certificates(r, schema_given(r, "grabs")->place);
}
