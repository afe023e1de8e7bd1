/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/job.h"

#include <errno.h>
#include <stdlib.h>

#include "job/rules.h"
#include "job/schema.h"

/* A job and the memory that it points to. */
struct owned_job {
	struct region memory;
	struct job job;
};

void
job_free(struct job *job)
{
	struct owned_job *owned;

	if (job == NULL)
		return;
	owned = (struct owned_job *)((char *)job - offsetof(struct owned_job, job));
	region_free(&owned->memory);
	free(owned);
}

/* The document with the overrides laid over it. Goes on past faults that leave a tree. */
static int
load_tree(const char *file, const char *text, size_t len, const struct job_override *overrides,
	  size_t override_count, struct diag *diag, struct yaml_tree **out)
{
	int rc = 0;

	if (text != NULL)
		rc = yaml_tree_parse(file, text, len, diag, out);
	else
		*out = yaml_tree_new((struct diag_place){0});
	if (rc != 0)
		return rc;
	if (*out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < override_count && rc != -ENOMEM; i++)
		rc = yaml_tree_put(*out, overrides[i].path, overrides[i].flag, overrides[i].value,
				   overrides[i].append, diag);
	return rc == -ENOMEM ? rc : 0;
}

/* Read the tree into a job; faults are in diag. 0 or -ENOMEM. */
static int
read_tree(const struct yaml_tree *tree, struct diag *diag, struct job **out)
{
	struct owned_job *owned = calloc(1, sizeof(*owned));
	struct reader r = {.diag = diag, .root = yaml_tree_root(tree)};

	if (owned == NULL)
		return -ENOMEM;
	r.memory = &owned->memory;
	r.job = &owned->job;
	schema_read(&r);
	rules_apply(&r);
	*out = r.job;
	return r.no_memory ? -ENOMEM : 0;
}

int
job_read(const char *file, const char *text, size_t len, const struct job_override *overrides,
	 size_t override_count, struct diag *diag, struct job **out)
{
	size_t faults = diag->count + diag->dropped;
	struct yaml_tree *tree = NULL;
	struct job *job = NULL;
	int rc = load_tree(file, text, len, overrides, override_count, diag, &tree);

	if (rc == 0)
		rc = read_tree(tree, diag, &job);
	yaml_tree_free(tree);
	if (rc == 0 && diag->count + diag->dropped != faults)
		rc = -EINVAL;
	if (rc != 0)
		diag_sort(diag);
	*out = job;
	return rc;
}

int
job_load(const char *file, const char *text, size_t len, const struct job_override *overrides,
	 size_t override_count, struct diag *diag, struct job **out)
{
	int rc = job_read(file, text, len, overrides, override_count, diag, out);

	if (rc != 0) {
		job_free(*out);
		*out = NULL;
	}
	return rc;
}
