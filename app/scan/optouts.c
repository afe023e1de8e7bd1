/* SPDX-License-Identifier: BSD-3-Clause */
#include "optouts.h"

#include <errno.h>
#include <stdlib.h>

#include "lines/lines.h"
#include "targets/list.h"

struct optouts {
	struct targets_builder *builder;
	const char *file;
	struct diag *diag;
};

static int
exclude_entry(void *context, const struct list_entry *e)
{
	struct optouts *o = context;

	if (e->port != 0) {
		diag_add(o->diag, e->place,
			 "'%.*s' names a port; opt-outs are of whole addresses: leave the port out",
			 (int)e->len, e->text);
		return 0;
	}
	return o->builder != NULL ? targets_exclude(o->builder, e->range) : 0;
}

static int
exclude_file(struct optouts *o, struct gate *gate)
{
	char *text;
	size_t len;
	int rc = lines_read_all(o->file, LINES_WHOLE_MAX, &text, &len);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc != 0) {
		diag_add(o->diag, (struct diag_place){o->file, 0, 0},
			 "cannot read the opt-outs: %s; make it readable, or name another by " OPTOUT_VARIABLE,
			 lines_error(rc));
		return 0;
	}
	rc = list_read(o->file, text, len, exclude_entry, o, o->diag);
	if (rc == 0 && gate_deny_list(gate, text, len) == -ENOMEM)
		rc = -ENOMEM;
	free(text);
	return rc;
}

int
optouts_exclude(const struct optout_files *files, struct targets_builder *builder,
		struct gate *gate, struct diag *diag)
{
	int rc = 0;

	for (size_t i = 0; i < files->count && rc == 0; i++) {
		struct optouts o = {builder, files->path[i], diag};

		rc = exclude_file(&o, gate);
	}
	return rc;
}
