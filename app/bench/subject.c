/* SPDX-License-Identifier: BSD-3-Clause */
#include "subject.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define BENCHMARK_RANGE "198.18.0.0/15"
#define OVERRIDES_MAX 10

struct overrides {
	struct job_override item[OVERRIDES_MAX];
	size_t count;
};

static void
add(struct overrides *o, const char *path, const char *value, const char *flag)
{
	o->item[o->count++] = (struct job_override){path, value, flag, false};
}

int
subject_make(struct subject *s, const struct bench_options *o)
{
	struct overrides v = {.count = 0};
	struct diag diag = DIAG_EMPTY;
	bool is_harmless = job_device_is_harmless(job_device_kind(o->device));
	const char *ports = is_harmless ? "443" : "1-65535";
	int rc;

	memset(s, 0, sizeof(*s));
	add(&v, "interfaces.device", o->device, "--device");
	add(&v, "targets.ports", o->ports != NULL ? o->ports : ports, "--ports");
	add(&v, "probe.profile", o->profile, "--profile");
	add(&v, "order.seed", "42", "seed");
	if (o->exclude_file != NULL)
		add(&v, "targets.exclude_files", o->exclude_file, "--exclude-file");
	if (is_harmless) {
		if (o->include != NULL)
			add(&v, "targets.include", o->include, "--include");
	} else {
		if (o->include != NULL) {
			fprintf(stderr, "asdic-bench: '%s' reaches a network: its targets are "
					BENCHMARK_RANGE ", without --include\n", o->device);
			return -EINVAL;
		}
		if (o->peer_mac == NULL) {
			fprintf(stderr, "asdic-bench: '%s' reaches a network: give the peer's "
					"--peer-mac\n", o->device);
			return -EINVAL;
		}
		add(&v, "interfaces.gateway_mac", o->peer_mac, "--peer-mac");
		add(&v, "interfaces.addresses", "198.18.0.1", "addresses");
		add(&v, "targets.include", BENCHMARK_RANGE, "targets");
		add(&v, "targets.allow_reserved", BENCHMARK_RANGE, "targets");
	}
	rc = job_load(NULL, NULL, 0, v.item, v.count, &diag, &s->job);
	if (rc == 0)
		rc = inputs_build(&s->inputs, s->job, true, NULL, NULL, &diag);
	if (!diag_is_empty(&diag))
		text_print_faults(&diag);
	diag_reset(&diag);
	return rc;
}

void
subject_free(struct subject *s)
{
	inputs_free(&s->inputs);
	job_free(s->job);
}

int
subject_make_probe(struct subject *s, const uint8_t mac[WIRE_MAC_SIZE])
{
	return inputs_make_probe(&s->inputs, s->job, 0, mac, s->job->interfaces[0].gateway_mac,
				 &s->probe);
}
