/* SPDX-License-Identifier: BSD-3-Clause */
#include "hosts.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipv4.h"
#include "checkpoint/save.h"
#include "lines/lines.h"
#include "record/json_line.h"
#include "yaml/region.h"

struct host {
	const char *name; /* lower case, without a dot at its end */
	uint16_t port;
	bool has_address;
};

/* What came of one, for a later run. */
struct row {
	uint32_t host;
	uint32_t address;
};

struct hosts {
	struct region memory;
	struct host *all; /* once resolved: by name */
	size_t count;
	struct row *rows;
	size_t row_count;
};

struct hosts *
hosts_new(void)
{
	return calloc(1, sizeof(struct hosts));
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	region_free(&h->memory);
	free(h->all);
	free(h->rows);
	free(h);
}

size_t
hosts_count(const struct hosts *h)
{
	return h != NULL ? h->count : 0;
}

/* Room for one more in a list that grows by powers of two; NULL without memory. */
static void *
grow(void *list, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return list;
	return reallocarray(list, count > 0 ? 2 * count : 1, size);
}

int
hosts_add(struct hosts *h, const char *name, size_t len, uint16_t port)
{
	struct host *grown = grow(h->all, h->count, sizeof(*grown));
	char *own;

	if (grown == NULL)
		return -ENOMEM;
	h->all = grown;
	if (len > 0 && name[len - 1] == '.')
		len--;
	own = region_copy(&h->memory, name, len);
	if (own == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		if (own[i] >= 'A' && own[i] <= 'Z')
			own[i] = (char)(own[i] + ('a' - 'A'));
	h->all[h->count++] = (struct host){.name = own, .port = port};
	return 0;
}

static int
compare_hosts(const void *a, const void *b)
{
	const struct host *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->port > y->port) - (x->port < y->port);
}

/* The first of a name, or the end. */
static size_t
find(const struct hosts *h, const char *name)
{
	size_t first = 0, end = h->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (strcmp(h->all[middle].name, name) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < h->count && strcmp(h->all[first].name, name) == 0 ? first : h->count;
}

static int
keep_row(struct hosts *h, size_t host, uint32_t address)
{
	struct row *grown = grow(h->rows, h->row_count, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	h->rows = grown;
	h->rows[h->row_count++] = (struct row){(uint32_t)host, address};
	return 0;
}

/* An address of a name: of each port that the name was listed with. */
static int
take_address(struct hosts *h, const char *name, uint32_t address, hosts_each *each, void *context)
{
	int rc = 0;

	for (size_t i = find(h, name); i < h->count && strcmp(h->all[i].name, name) == 0 && rc == 0; i++) {
		h->all[i].has_address = true;
		rc = each(context, address, h->all[i].port, h->all[i].name);
		if (rc == 0)
			rc = keep_row(h, i, address);
		else if (rc == HOSTS_LEFT_OUT)
			rc = 0;
	}
	return rc;
}

/* Reading records back. */

/* The member of an object that stands nested in it, or nothing. */
static struct json_member
member_of(const struct json_member *object, const char *name)
{
	struct json_member m = {.name = name};
	size_t at;

	if (object->type != JSON_NESTED || json_line_read(object->text, object->len, &m, 1, &at) != 0)
		m.type = JSON_ABSENT;
	return m;
}

/* The next object of a list, which moves on: its end is where its braces and strings are. */
static bool
next_object(struct json_member *list, struct json_member *object)
{
	unsigned int depth = 0;
	bool in_string = false;
	size_t start = 0;

	for (size_t i = 0; i < list->len; i++) {
		char c = list->text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && c == '{' && depth++ == 0)
			start = i;
		else if (!in_string && c == '}' && depth > 0 && --depth == 0) {
			*object = (struct json_member){.type = JSON_NESTED, .text = list->text + start,
						       .len = i + 1 - start};
			list->text += i + 1;
			list->len -= i + 1;
			return true;
		}
	}
	return false;
}

static bool
is_word(const struct json_member *m, const char *word)
{
	return m->type == JSON_STRING && m->len == strlen(word) && memcmp(m->text, word, m->len) == 0;
}

/* A record of a lookup: each A record among its answers, whatever aliases led there. */
static int
take_record(struct hosts *h, const char *line, size_t len, hosts_each *each, void *context)
{
	struct json_member record = {.type = JSON_NESTED, .text = line, .len = len}, answer;
	struct json_member name = member_of(&record, "name"), results = member_of(&record, "results");
	struct json_member a = member_of(&results, "A"), data = member_of(&a, "data");
	struct json_member answers = member_of(&data, "answers");
	char text[256];
	int rc = 0;

	if (name.type != JSON_STRING || name.len >= sizeof(text))
		return 0;
	memcpy(text, name.text, name.len);
	text[name.len] = '\0';
	while (answers.type == JSON_NESTED && rc == 0 && next_object(&answers, &answer)) {
		struct json_member type = member_of(&answer, "type"), value = member_of(&answer, "answer");
		uint32_t address;

		if (is_word(&type, "A") && value.type == JSON_STRING &&
		    ipv4_parse(value.text, value.len, &address) == 0)
			rc = take_address(h, text, address, each, context);
	}
	return rc;
}

/* Starting the other process: the job's interfaces and whom it asks, as settings of its own. */

static void
put_interface(FILE *f, const struct job_interface *i)
{
	char text[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];
	const uint8_t *m = i->gateway_mac;

	fprintf(f, "{device: '%s', addresses: [", i->device.text);
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
put_dns(FILE *f, const struct job_dns *dns, int names)
{
	fprintf(f, "dns: {mode: %s, tries: %u, timeout: %lluus, ", dns->mode == JOB_DNS_DIRECT ? "direct" : "resolvers",
		dns->tries, (unsigned long long)(dns->timeout_ns / 1000));
	if (dns->rate_qps != 0)
		fprintf(f, "rate: %llu, ", (unsigned long long)dns->rate_qps);
	for (size_t i = 0; i < dns->resolvers.count; i++)
		fprintf(f, "%s'%s'", i > 0 ? ", " : "resolvers: [", dns->resolvers.items[i].text);
	fprintf(f, "%slookups: {names_file: /proc/self/fd/%d, types: A}}\n", dns->resolvers.count > 0 ? "], " : "",
		names);
}

/* The other process's job. */
static void
put_job(FILE *f, const struct job *job, int names)
{
	fprintf(f, "name: %s\ninterfaces: [", job->name);
	for (size_t i = 0; i < job->interface_count; i++) {
		fprintf(f, "%s", i > 0 ? ", " : "");
		put_interface(f, &job->interfaces[i]);
	}
	fprintf(f, "]\n");
	if (job->rate_pps != 0)
		fprintf(f, "rate: %llu\n", (unsigned long long)job->rate_pps);
	else
		fprintf(f, "rate: unlimited\n");
	if (job->bandwidth_bps != 0)
		fprintf(f, "bandwidth: %llu\n", (unsigned long long)job->bandwidth_bps);
	if (job->lcores.count != 0)
		fprintf(f, "lcores: %u\n", job->lcores.count);
	put_dns(f, &job->dns, names);
}

/* A file without a name, that the other process finds under its number. */
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
make_names(const struct hosts *h)
{
	FILE *f;
	int fd = make_file("names", &f);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < h->count; i++)
		if (i == 0 || strcmp(h->all[i].name, h->all[i - 1].name) != 0)
			fprintf(f, "%s\n", h->all[i].name);
	fclose(f);
	return fd;
}

static int
make_job(const struct job *job, int names)
{
	FILE *f;
	int fd = make_file("job", &f);

	if (fd < 0)
		return -1;
	put_job(f, job, names);
	fclose(f);
	return fd;
}

/* All that the gate denies, as opt-outs of the other process: in direct mode it may ask anybody else. */
static int
make_exclusions(const struct gate *gate)
{
	uint64_t first, end = 0;
	FILE *f;
	int fd = make_file("exclusions", &f);

	if (fd < 0)
		return -1;
	while (gate_next_span(gate, end, &first, &end) == 0) {
		char a[IPV4_TEXT_SIZE], b[IPV4_TEXT_SIZE];

		ipv4_format((uint32_t)first, a);
		ipv4_format((uint32_t)(end - 1), b);
		fprintf(f, "%s-%s\n", a, b);
	}
	fclose(f);
	return fd;
}

#define OPTOUT "ASDIC_OPTOUT="

/* The environment, but for where opt-outs are; NULL without memory. The list alone is the caller's to free. */
static char **
make_environment(char *optout)
{
	extern char **environ;
	size_t count = 0, kept = 0;
	char **list;

	while (environ[count] != NULL)
		count++;
	list = calloc(count + 2, sizeof(*list));
	for (size_t i = 0; list != NULL && i < count; i++)
		if (strncmp(environ[i], OPTOUT, strlen(OPTOUT)) != 0)
			list[kept++] = environ[i];
	if (list != NULL)
		list[kept] = optout;
	return list;
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

/* Run it to its end: 0 or -EIO, told. Its records are in out, which is read from its beginning. */
static int
run(int job_fd, int exclusions, const struct hosts_how *how, int out, int log)
{
	char path[32], optout[64], **environment;
	char *argv[] = {(char *)"asdic", (char *)"scan", path, (char *)"-q", NULL, NULL, NULL};
	posix_spawn_file_actions_t actions;
	int argc = 4, status = -1, rc;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", job_fd);
	snprintf(optout, sizeof(optout), OPTOUT "/proc/self/fd/%d", exclusions);
	environment = make_environment(optout);
	if (environment == NULL)
		return -ENOMEM;
	if (how->virtual_clock)
		argv[argc++] = (char *)"--virtual-clock";
	if (how->test_key)
		argv[argc++] = (char *)"--test-key";
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
	rc = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environment);
	free(environment);
	posix_spawn_file_actions_destroy(&actions);
	while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	tell(log);
	return -EIO;
}

static int
read_records(struct hosts *h, int out, hosts_each *each, void *context)
{
	struct lines *lines;
	const char *line;
	char path[32];
	size_t len;
	int rc, done = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	rc = lines_open(path, &lines);
	if (rc != 0)
		return rc;
	while (done == 0 && (rc = lines_next(lines, &line, &len)) > 0)
		done = take_record(h, line, len, each, context);
	lines_close(lines);
	return done != 0 ? done : rc;
}

static int
ask(struct hosts *h, const struct job *job, const struct gate *gate, const struct hosts_how *how,
    hosts_each *each, void *context)
{
	int exclusions = make_exclusions(gate);
	int names = make_names(h), job_fd = make_job(job, names);
	int out = memfd_create("records", 0), log = memfd_create("log", 0);
	int rc = -ENOMEM;

	if (names >= 0 && job_fd >= 0 && out >= 0 && log >= 0 && exclusions >= 0)
		rc = run(job_fd, exclusions, how, out, log);
	if (rc == 0)
		rc = read_records(h, out, each, context);
	for (size_t i = 0; i < 5; i++) {
		const int fds[] = {names, job_fd, out, log, exclusions};

		if (fds[i] >= 0)
			close(fds[i]);
	}
	return rc;
}

/* "address,name", as hosts_keep() has left them. */
static int
read_kept(struct hosts *h, const char *path, hosts_each *each, void *context)
{
	struct lines *lines;
	const char *line;
	size_t len;
	int rc = lines_open(path, &lines), done = 0;

	while (rc == 0 && done == 0 && lines_next(lines, &line, &len) > 0) {
		const char *comma = memchr(line, ',', len);
		char name[256];
		uint32_t address;

		if (comma == NULL || ipv4_parse(line, (size_t)(comma - line), &address) != 0 ||
		    len - (size_t)(comma - line) > sizeof(name)) {
			done = -EINVAL;
			break;
		}
		memcpy(name, comma + 1, len - (size_t)(comma - line) - 1);
		name[len - (size_t)(comma - line) - 1] = '\0';
		done = take_address(h, name, address, each, context);
	}
	if (rc == 0)
		lines_close(lines);
	return rc != 0 ? rc : done;
}

int
hosts_resolve(struct hosts *h, const struct job *job, const struct gate *gate, const struct hosts_how *how,
	      hosts_each *each, void *context)
{
	qsort(h->all, h->count, sizeof(*h->all), compare_hosts);
	if (how->kept != NULL)
		return read_kept(h, how->kept, each, context);
	return ask(h, job, gate, how, each, context);
}

size_t
hosts_without_address(const struct hosts *h)
{
	size_t without = 0;

	for (size_t i = 0; i < h->count; i++)
		without += !h->all[i].has_address;
	return without;
}

/* A name that is listed with several ports stands once for each address. */
static void
put_rows(FILE *f, const void *context)
{
	const struct hosts *h = context;

	for (size_t i = 0; i < h->row_count; i++) {
		const struct row *r = &h->rows[i];
		char text[IPV4_TEXT_SIZE];

		if (r->host > 0 && strcmp(h->all[r->host].name, h->all[r->host - 1].name) == 0)
			continue;
		ipv4_format(r->address, text);
		fprintf(f, "%s,%s\n", text, h->all[r->host].name);
	}
}

int
hosts_keep(const struct hosts *h, const char *path)
{
	return save_file(path, put_rows, h);
}
