/* SPDX-License-Identifier: BSD-3-Clause */
#include "grabs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

/* A banner is whole when its host, having spoken, is silent for so long. */
#define BANNER_QUIET_NS (500 * NS_PER_MS)

/* Of what memory is free, the part that connections may take; the rest is the system's and the writer's. */
#define MEMORY_PART 2

#define SESSIONS_MIN 64
#define SESSIONS_MAX (1 << 18)
#define TLS_SESSIONS_MAX (1 << 17)

/* Names of protocols are offered in the job's order. 0 or -ENOMEM. */
static int
fill_tls(struct grabs *g, size_t i, const struct job_grab *grab)
{
	static const enum tls_depth depths[] = {
		[JOB_DEPTH_HELLO] = TLS_HELLO,
		[JOB_DEPTH_CERTIFICATE] = TLS_CERTIFICATE,
		[JOB_DEPTH_HANDSHAKE] = TLS_HANDSHAKE,
	};
	struct grabber_task *task = &g->tasks[i];

	g->alpn[i] = calloc(grab->alpn.count + 1, sizeof(*g->alpn[i]));
	if (g->alpn[i] == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < grab->alpn.count; k++)
		g->alpn[i][k] = grab->alpn.items[k].text;
	/* The job numbers versions as lib/tls does. */
	task->tls = (struct tls_spec){
		.versions = grab->versions,
		.depth = depths[grab->depth],
		.alpn = g->alpn[i],
		.alpn_count = grab->alpn.count,
	};
	task->indicate = strcmp(grab->sni, "none") != 0;
	if (strcmp(grab->sni, "target") != 0)
		task->server_name = grab->sni;
	return 0;
}

static void
fill_banner(struct grabber_task *task, const struct job_grab *grab)
{
	task->banner = (struct banner_spec){
		.send = {(const uint8_t *)grab->send.bytes, grab->send.len},
		.max_bytes = grab->max_bytes,
		.quiet_ns = BANNER_QUIET_NS,
	};
}

/* The first grab whose ports fit has a port. */
static void
give_ports(struct grabs *g, size_t i, const struct job_grab *grab)
{
	static const struct job_port_range every = {1, UINT16_MAX};
	const struct job_port_range *ranges = grab->port_range_count > 0 ? grab->ports : &every;
	size_t count = grab->port_range_count > 0 ? grab->port_range_count : 1;

	for (size_t k = 0; k < count; k++)
		for (unsigned int port = ranges[k].first; port <= ranges[k].last; port++)
			if (g->task_of_port[port] == 0)
				g->task_of_port[port] = (uint8_t)(i + 1);
}

static int
fill(struct grabs *g, size_t i, const struct job_grab *grab)
{
	static const enum grabrecord_form forms[] = {
		[JOB_FORM_INLINE] = GRABRECORD_INLINE,
		[JOB_FORM_LEAF] = GRABRECORD_LEAF,
		[JOB_FORM_REFERENCE] = GRABRECORD_REFERENCE,
	};

	g->tasks[i].module = grab->module == JOB_GRAB_TLS ? GRAB_TLS : GRAB_BANNER;
	g->tasks[i].timeout_ns = grab->timeout_ns;
	g->tasks[i].retry_declined = grab->retry_declined;
	g->forms[i] = (struct grabrecord_grab){grab->name, forms[grab->certificates]};
	give_ports(g, i, grab);
	if (grab->module == JOB_GRAB_TLS)
		return fill_tls(g, i, grab);
	fill_banner(&g->tasks[i], grab);
	return 0;
}

struct grabs *
grabs_new(const struct job *job, const struct inputs *inputs)
{
	struct grabs *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	for (size_t i = 0; i < job->grab_count; i++) {
		if (fill(g, i, &job->grabs[i]) != 0) {
			grabs_free(g);
			return NULL;
		}
	}
	g->plan = (struct grabber_plan){
		.tasks = g->tasks,
		.task_count = (unsigned int)job->grab_count,
		.task_of_port = g->task_of_port,
		.names = inputs->names,
	};
	return g;
}

void
grabs_free(struct grabs *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < JOB_GRABS_MAX; i++)
		free(g->alpn[i]);
	free(g);
}

uint64_t
grabs_memory_bytes(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

static uint32_t
clamp(uint64_t n, uint32_t least, uint32_t most)
{
	return n < least ? least : n > most ? most : (uint32_t)n;
}

bool
grabs_have_tls(const struct job *job)
{
	for (size_t i = 0; i < job->grab_count; i++)
		if (job->grabs[i].module == JOB_GRAB_TLS)
			return true;
	return false;
}

struct grabs_size
grabs_size(const struct job *job, unsigned int workers, uint64_t memory_bytes)
{
	uint64_t each = memory_bytes / MEMORY_PART / workers;
	bool has_tls = false, has_other = false;
	struct grabs_size size;

	for (size_t i = 0; i < job->grab_count; i++) {
		has_tls |= job->grabs[i].module == JOB_GRAB_TLS;
		has_other |= job->grabs[i].module != JOB_GRAB_TLS;
	}
	/* Where both are, each has half. */
	if (has_tls && has_other)
		each /= 2;
	size.tls_sessions = clamp(each / GRABS_TLS_BYTES, SESSIONS_MIN,
				  TLS_SESSIONS_MAX);
	size.sessions = has_other ? clamp(each / GRABS_BYTES, SESSIONS_MIN, SESSIONS_MAX)
				  : size.tls_sessions;
	if (job->limits.connections != 0) {
		uint64_t most = (job->limits.connections + workers - 1) / workers;

		size.sessions = clamp(most, 1, size.sessions);
		size.tls_sessions = clamp(most, 1, size.tls_sessions);
	}
	return size;
}

bool
grabs_refer(const struct job *job)
{
	for (size_t i = 0; i < job->grab_count; i++)
		if (job->grabs[i].module == JOB_GRAB_TLS &&
		    job->grabs[i].certificates != JOB_FORM_INLINE)
			return true;
	return false;
}
