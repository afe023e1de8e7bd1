/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges the machine, as a whole or for a job's devices. */
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_version.h>

#include "commands.h"
#include "engine.h"
#include "host/host.h"
#include "onlink.h"
#include "port/eal.h"
#include "request.h"

struct doctor {
	struct request request;
	struct host host;
	struct host_report report;
	bool is_json;
};

static void
usage(void)
{
	printf("usage: asdic doctor [--json] [--root FOLDER] [FLAGS] [JOB]\n\n"
	       "Judges this machine for scanning: a line for each finding, and the mend of what is wrong.\n"
	       "With a job, or flags that make one, it judges the job's devices.\n\n"
	       "  --json         one JSON object on standard output\n"
	       "  --root FOLDER  read FOLDER/proc and FOLDER/sys, a copy of another machine's\n\n"
	       "FLAGS are those of scan. Exit status 0 when nothing stops a scan, 3 when something does.\n");
}

/* Take the flags that are doctor's own out of argv. The new argc, or 0 for a fault that was told. */
static int
take_flags(int argc, char **argv, struct doctor *d)
{
	struct stat st;
	int kept = 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			d->is_json = true;
		} else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc) {
			d->host.root = argv[++i];
		} else if (strcmp(argv[i], "--root") == 0) {
			fprintf(stderr, "asdic doctor: --root takes a folder\n");
			return 0;
		} else {
			argv[kept++] = argv[i];
		}
	}
	argv[kept] = NULL;
	if (d->host.root[0] != '\0' && (stat(d->host.root, &st) != 0 || !S_ISDIR(st.st_mode))) {
		fprintf(stderr, "asdic doctor: '%s' is no folder; --root takes one with a copy of proc and sys\n",
			d->host.root);
		return 0;
	}
	return kept;
}

static void
check_versions(struct host_report *r)
{
	void *ares = dlopen("libcares.so.2", RTLD_LAZY | RTLD_LOCAL);
	const char *(*ares_version)(int *) = NULL;

	if (ares != NULL)
		*(void **)&ares_version = dlsym(ares, "ares_version");
	host_add(r, HOST_OK, "versions", NULL, "asdic %s, %s, %s, c-ares %s", ASDIC_VERSION, rte_version(),
		 OpenSSL_version(OPENSSL_VERSION), ares_version != NULL ? ares_version(NULL) : "none");
	if (ares != NULL)
		dlclose(ares);
#ifdef HAVE_SIMNET
	host_add(r, HOST_OK, "simnet", NULL, "built in");
#else
	host_add(r, HOST_WARNING, "simnet", "scripts/setup", "not built, since DPDK's driver headers were missing: "
		 "there is no simulated Internet");
#endif
}

static void
check_device(struct doctor *d, const struct job_interface *interface)
{
	const struct host *h = &d->host;
	bool is_xdp = interface->kind == JOB_DEVICE_AF_XDP;
	char name[64];

	if (interface->kind == JOB_DEVICE_PCI) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(interface->device.text, ","), interface->device.text);
		host_check_nic(h, name, &d->report);
	} else if (onlink_interface(interface->device.text, name, sizeof(name)) == 0) {
		host_check_rights(h, is_xdp, &d->report);
		host_check_link(h, name, is_xdp, &d->report);
	}
	if (!job_device_is_harmless(interface->kind))
		host_check_sources(h, interface->addresses, interface->address_count, &d->report);
}

static void
check_job(struct doctor *d)
{
	const struct job *job = d->request.job;

	if (job_has_pci(job))
		host_check_iommu(&d->host, &d->report);
	for (size_t i = 0; i < job->interface_count; i++)
		check_device(d, &job->interfaces[i]);
	for (size_t i = 0; i < job->output_count; i++)
		host_check_disk(&d->host, job->outputs[i].file.text, &d->report);
}

static void
examine(struct doctor *d)
{
	const struct job *job = d->request.job;
	struct host *h = &d->host;

	h->has_job = job != NULL;
	h->lcores = job != NULL ? engine_lcores(job) : eal_cpu_count();
	h->memory_mb = engine_memory_mb(job != NULL ? job->interface_count : 1, h->lcores);
	h->needs_hugepages = job != NULL && job_has_pci(job);
	h->rate_pps = job != NULL ? job->rate_pps : 0;
	host_check_memory(h, &d->report);
	host_check_cpu(h, &d->report);
	host_check_clock(h, &d->report);
	if (job == NULL || !job_is_harmless(job)) {
		host_check_machine(h, &d->report);
		host_check_forwarding(h, &d->report);
	}
	if (job != NULL) {
		check_job(d);
	} else {
		host_check_rights(h, true, &d->report);
		host_check_iommu(h, &d->report);
		host_check_nics(h, &d->report);
	}
	check_versions(&d->report);
}

static const char *const levels[] = {
	[HOST_OK] = "ok",
	[HOST_WARNING] = "warning",
	[HOST_PROBLEM] = "problem",
};

static void
print_text(const struct host_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct host_finding *f = &r->items[i];

		printf("%-8s %-13s %s%s%s\n", levels[f->level], f->subject, f->text, f->mend != NULL ? "; mend: " : "",
		       f->mend != NULL ? f->mend : "");
	}
	printf("%zu problems, %zu warnings\n", host_count(r, HOST_PROBLEM), host_count(r, HOST_WARNING));
}

static void
print_string(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < ' ')
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void
print_json(const struct host_report *r)
{
	printf("{\"problems\":%zu,\"warnings\":%zu,\"findings\":[", host_count(r, HOST_PROBLEM),
	       host_count(r, HOST_WARNING));
	for (size_t i = 0; i < r->count; i++) {
		const struct host_finding *f = &r->items[i];

		printf("%s{", i > 0 ? "," : "");
		print_string("level", levels[f->level]);
		putchar(',');
		print_string("subject", f->subject);
		putchar(',');
		print_string("finding", f->text);
		if (f->mend != NULL) {
			putchar(',');
			print_string("mend", f->mend);
		}
		putchar('}');
	}
	printf("]}\n");
}

static int
judge(struct doctor *d)
{
	examine(d);
	if (d->report.lacks_memory) {
		fprintf(stderr, "asdic: out of memory\n");
		return EXIT_MACHINE;
	}
	if (d->is_json)
		print_json(&d->report);
	else
		print_text(&d->report);
	return host_count(&d->report, HOST_PROBLEM) > 0 ? EXIT_MACHINE : EXIT_DONE;
}

int
cmd_doctor(int argc, char **argv)
{
	struct doctor d = {.host.root = ""};
	int status = EXIT_DONE;
	bool done = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage();
			return EXIT_DONE;
		}
	}
	argc = take_flags(argc, argv, &d);
	if (argc == 0)
		return EXIT_BAD_JOB;
	if (argc > 1)
		status = request_load_job(&d.request, argc, argv, &done);
	if (!done)
		status = judge(&d);
	host_report_free(&d.report);
	if (argc > 1)
		request_free(&d.request);
	return status;
}
