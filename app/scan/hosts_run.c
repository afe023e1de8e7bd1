/* SPDX-License-Identifier: BSD-3-Clause */
#include "hosts_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "base/time.h"

/* What the other process is given, as files without names; -1: none. */
struct files {
	int names;
	int exclusions;
	int job;
	int out;
	int log;
};

/* A YAML scalar. */
static void
put_text(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text != '\0'; text++)
		fprintf(f, *text == '\'' ? "''" : "%c", *text);
	fputc('\'', f);
}

static void
put_texts(FILE *f, const char *key, const struct job_texts *list)
{
	fprintf(f, "%s: [", key);
	for (size_t i = 0; i < list->count; i++) {
		fprintf(f, "%s", i > 0 ? ", " : "");
		put_text(f, list->items[i].text);
	}
	fprintf(f, "]");
}

static void
put_interface(FILE *f, const struct job_interface *i)
{
	char text[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];
	const uint8_t *m = i->gateway_mac;

	fprintf(f, "{device: ");
	put_text(f, i->device.text);
	fprintf(f, ", addresses: [");
	for (size_t k = 0; k < i->address_count; k++) {
		ipv4_format(i->addresses[k].first, text);
		ipv4_format(i->addresses[k].last, last);
		fprintf(f, "%s%s-%s", k > 0 ? ", " : "", text, last);
	}
	fprintf(f, "], source_ports: %u-%u", i->source_port_first, i->source_port_last);
	ipv4_format(i->gateway, text);
	if (i->has_gateway)
		fprintf(f, ", gateway: %s", text);
	if (i->has_gateway_mac)
		fprintf(f, ", gateway_mac: '%02x:%02x:%02x:%02x:%02x:%02x'", m[0], m[1], m[2], m[3], m[4], m[5]);
	if (i->vlan != 0)
		fprintf(f, ", vlan: %u", i->vlan);
	if (i->rate_pps != 0)
		fprintf(f, ", rate: %llu", (unsigned long long)i->rate_pps);
	fprintf(f, "}");
}

static void
put_interfaces(FILE *f, const struct job *job)
{
	fprintf(f, "interfaces: [");
	for (size_t i = 0; i < job->interface_count; i++) {
		fprintf(f, "%s", i > 0 ? ", " : "");
		put_interface(f, &job->interfaces[i]);
	}
	fprintf(f, "]\n");
}

static void
put_contact(FILE *f, const struct job_contact *c)
{
	const struct {
		const char *key, *text;
	} said[] = {{"operator", c->operator_name}, {"email", c->email}, {"url", c->url}, {"upstream", c->upstream}};
	const char *begin = "contact: {", *end = "";

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (said[i].text == NULL)
			continue;
		fprintf(f, "%s%s: ", begin, said[i].key);
		put_text(f, said[i].text);
		begin = ", ";
		end = "}\n";
	}
	fprintf(f, "%s", end);
}

static void
put_cpus(FILE *f, const char *key, const struct job_cpus *cpus)
{
	fprintf(f, "%s: [", key);
	for (size_t i = 0; i < cpus->count; i++)
		fprintf(f, "%s%u", i > 0 ? ", " : "", cpus->cpu[i]);
	fprintf(f, "]");
}

static void
put_lcores(FILE *f, const struct job_lcores *l)
{
	if (l->workers.count > 0) {
		put_cpus(f, "lcores: {probers", &l->probers);
		put_cpus(f, ", receivers", &l->receivers);
		put_cpus(f, ", workers", &l->workers);
		fprintf(f, "}\n");
	} else if (l->count != 0) {
		fprintf(f, "lcores: %u\n", l->count);
	}
}

static void
put_rates(FILE *f, const struct job *job)
{
	if (job->rate_pps != 0)
		fprintf(f, "rate: %llu\n", (unsigned long long)job->rate_pps);
	else
		fprintf(f, "rate: unlimited\n");
	if (job->bandwidth_bps != 0)
		fprintf(f, "bandwidth: %llu\n", (unsigned long long)job->bandwidth_bps);
}

static void
put_known(FILE *f, const struct job_dns_canary *c)
{
	put_text(f, c->name);
	for (unsigned int i = 0; i < c->address_count; i++) {
		char text[IPV4_TEXT_SIZE];

		ipv4_format(c->addresses[i], text);
		fprintf(f, "%s%s", i > 0 ? ", " : ": [", text);
	}
	fprintf(f, "], ");
}

static void
put_canaries(FILE *f, const struct job_dns_canaries *c)
{
	char name[JOB_CANARY_TEXT_MAX + 3];

	if (!c->are_given)
		return;
	fprintf(f, "canaries: {every: %lluus, exist: {", (unsigned long long)(c->every_ns / NS_PER_US));
	for (size_t i = 0; i < c->known_count; i++)
		put_known(f, &c->known[i]);
	fprintf(f, "}, absent: [");
	for (size_t i = 0; i < c->absent_count; i++) {
		snprintf(name, sizeof(name), "%s%s", c->absent[i].is_drawn ? "*." : "", c->absent[i].name);
		put_text(f, name);
		fprintf(f, ", ");
	}
	fprintf(f, "]}, ");
}

static void
put_dns(FILE *f, const struct job_dns *dns, int names)
{
	fprintf(f, "dns: {mode: %s, tries: %u, timeout: %lluus, ",
		dns->mode == JOB_DNS_DIRECT ? "direct" : "resolvers", dns->tries,
		(unsigned long long)(dns->timeout_ns / NS_PER_US));
	if (dns->rate_qps != 0)
		fprintf(f, "rate: %llu, ", (unsigned long long)dns->rate_qps);
	if (dns->mode == JOB_DNS_DIRECT)
		fprintf(f, "per_server: %llu, per_server_in_flight: %llu, ", (unsigned long long)dns->per_server,
			(unsigned long long)dns->per_server_in_flight);
	put_canaries(f, &dns->canaries);
	if (dns->resolvers.count > 0) {
		put_texts(f, "resolvers", &dns->resolvers);
		fprintf(f, ", ");
	}
	fprintf(f, "lookups: {names_file: /proc/self/fd/%d, types: A}}\n", names);
}

static void
put_job(FILE *f, const struct job *job, const struct files *files)
{
	fprintf(f, "name: '%s'\n", job->name);
	put_contact(f, &job->contact);
	put_interfaces(f, job);
	put_rates(f, job);
	put_lcores(f, &job->lcores);
	fprintf(f, "targets: {exclude_files: [/proc/self/fd/%d]", files->exclusions);
	if (job->targets.allow_reserved.count > 0)
		put_texts(f, ", allow_reserved", &job->targets.allow_reserved);
	fprintf(f, "}\n");
	put_dns(f, &job->dns, files->names);
}

/* Everything that the gate denies. */
static void
put_exclusions(FILE *f, const struct gate *gate)
{
	uint64_t first, end = 0;

	while (gate_next_span(gate, end, &first, &end) == 0) {
		char a[IPV4_TEXT_SIZE], b[IPV4_TEXT_SIZE];

		ipv4_format((uint32_t)first, a);
		ipv4_format((uint32_t)(end - 1), b);
		fprintf(f, "%s-%s\n", a, b);
	}
}

/* A file without a name, which the other process finds under its number; -1 without memory. */
static int
make_file(const char *name, FILE **f)
{
	int fd = memfd_create(name, 0);

	*f = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	if (*f == NULL && fd >= 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
files_make(struct files *files, const struct hosts_run *run)
{
	FILE *f;
	bool bad = false;

	*files = (struct files){-1, -1, -1, -1, -1};
	files->names = make_file("names", &f);
	if (files->names >= 0) {
		run->put_names(f, run->names);
		bad |= fclose(f) != 0;
	}
	files->exclusions = make_file("exclusions", &f);
	if (files->exclusions >= 0) {
		put_exclusions(f, run->gate);
		bad |= fclose(f) != 0;
	}
	files->job = make_file("job", &f);
	if (files->job >= 0) {
		put_job(f, run->job, files);
		bad |= fclose(f) != 0;
	}
	files->out = memfd_create("records", 0);
	files->log = memfd_create("log", 0);
	bad |= files->names < 0 || files->exclusions < 0 || files->job < 0 || files->out < 0 || files->log < 0;
	return bad ? -ENOMEM : 0;
}

static void
files_close(const struct files *files)
{
	const int all[] = {files->names, files->exclusions, files->job, files->out, files->log};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] >= 0)
			close(all[i]);
}

/* In the other process. */
static void __attribute__((noreturn))
become(const struct files *files, const struct hosts_how *how, pid_t parent)
{
	char path[32];
	char *argv[] = {(char *)"asdic", (char *)"scan", path, (char *)"-q", NULL, NULL, NULL};
	int argc = 4;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", files->job);
	if (how->virtual_clock)
		argv[argc++] = (char *)"--virtual-clock";
	if (how->test_key)
		argv[argc++] = (char *)"--test-key";
	/* A terminal's ctrl-C is the scan's to hand on, once. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent && dup2(files->out, STDOUT_FILENO) >= 0 && dup2(files->log, STDERR_FILENO) >= 0)
		execv("/proc/self/exe", argv);
	_exit(127);
}

/* Its exit status, as waitpid() has it. Stopped, it is asked twice to end: the second time, at once. */
static int
wait_for(pid_t pid, const struct hosts_how *how)
{
	static const struct timespec nap = {0, 10 * NS_PER_MS};
	unsigned int asked = 0;
	int status = -1;

	for (;;) {
		pid_t rc = waitpid(pid, &status, WNOHANG);

		if (rc == pid || (rc < 0 && errno != EINTR))
			return status;
		if (how->is_stopped() && asked++ < 2)
			kill(pid, SIGTERM);
		nanosleep(&nap, NULL);
	}
}

/* What it said, where it failed: that is what people must know. */
static void
tell(int log)
{
	char buf[4096];
	ssize_t n;

	lseek(log, 0, SEEK_SET);
	while ((n = read(log, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stderr);
	fprintf(stderr, "asdic: the targets' names could not be looked up, as told above\n");
}

static int
start(const struct files *files, const struct hosts_how *how)
{
	pid_t parent = getpid(), pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(files, how, parent);
	status = pid > 0 ? wait_for(pid, how) : -1;
	if (how->is_stopped())
		return -EINTR;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	tell(files->log);
	return -EIO;
}

int
hosts_run(const struct hosts_run *run, int *out)
{
	struct files files;
	int rc = files_make(&files, run);

	run->how->catch_signals();
	if (rc == 0)
		rc = start(&files, run->how);
	if (rc == 0)
		rc = (*out = dup(files.out)) < 0 ? -ENOMEM : 0;
	files_close(&files);
	return rc;
}
