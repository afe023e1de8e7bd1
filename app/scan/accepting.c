/* SPDX-License-Identifier: BSD-3-Clause */
#include "accepting.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "json_put.h"

/* Targets looked at together. */
#define BURST 32

/* Of n targets by their indices, how many the run has probed and asked. */
static unsigned int
count_burst(const struct accepting_scope *s, const uint64_t *index, unsigned int n)
{
	uint32_t address[BURST];
	uint16_t port[BURST];
	unsigned int count = 0;

	targets_select(s->inputs->targets, index, n, address, port);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t position;

		if (s->task_of_port[port[i]] == 0)
			continue;
		position = perm_inverse(&s->inputs->perm, index[i]);
		count += position >= s->probed.first && position < s->probed.end;
	}
	return count;
}

/* Of a /24, how many the run has probed and asked; no further than `enough`. */
static uint64_t
count_probed(const struct accepting_scope *s, uint32_t address, uint64_t enough)
{
	struct targets_indices within[2];
	uint64_t count = 0, index[BURST];

	targets_within(s->inputs->targets, (struct ipv4_range){address, address | 0xff}, within);
	for (unsigned int part = 0; part < 2; part++) {
		uint64_t at = within[part].first;

		while (at < within[part].end && count < enough) {
			unsigned int n = 0;

			while (n < BURST && at < within[part].end)
				index[n++] = at++;
			count += count_burst(s, index, n);
		}
	}
	return count;
}

/* Whether the last two are the halves of one network. */
static bool
are_halves(const struct accepting_network *low, const struct accepting_network *high)
{
	return low->prefix_len == high->prefix_len && low->prefix_len > 1 &&
	       (low->address ^ high->address) == UINT32_C(1) << (32 - low->prefix_len);
}

/* Behind those that are there: halves, and halves of halves, become one. */
static int
add(struct accepting *found, const struct accepting_network *network)
{
	struct accepting_network *n;

	found->responders += network->accepted;
	if (found->listed == ACCEPTING_LISTED_MAX) {
		found->count++;
		return 0;
	}
	n = reallocarray(found->networks, found->listed + 1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	found->networks = n;
	n += found->listed++;
	*n = *network;
	for (; found->listed > 1 && are_halves(n - 1, n); n--, found->listed--) {
		n[-1].prefix_len--;
		n[-1].probed += n->probed;
		n[-1].accepted += n->accepted;
	}
	found->count = found->listed;
	return 0;
}

int
accepting_find(struct accepting *found, const struct acceptors *a, const struct accepting_scope *scope)
{
	struct acceptors_network mute;
	uint32_t at = 0;
	int rc = 0;

	*found = (struct accepting){0};
	while (a != NULL && rc == 0 && acceptors_next(a, ACCEPTING_TARGETS, &at, &mute) == 0) {
		/* A full count says that there were more. */
		bool is_full = mute.accepted == ACCEPTORS_COUNT_MAX;
		uint64_t most = is_full ? UINT64_MAX - 1 : (uint64_t)mute.accepted * 100 / ACCEPTING_PERCENT;
		uint64_t probed = count_probed(scope, mute.address, most + 1);

		if (probed <= most)
			rc = add(found, &(struct accepting_network){mute.address, 24, probed, mute.accepted});
	}
	return rc;
}

void
accepting_free(struct accepting *found)
{
	free(found->networks);
	*found = (struct accepting){0};
}

void
accepting_print(FILE *f, const struct accepting *found)
{
	char address[IPV4_TEXT_SIZE];

	if (found->count == 0)
		return;
	ipv4_format(found->networks[0].address, address);
	fprintf(f, "asdic: %llu of the responders are no hosts: %llu network%s acknowledge%s everything and never sa%s a "
		"word (%s/%u%s)\n", (unsigned long long)found->responders, (unsigned long long)found->count,
		found->count == 1 ? "" : "s", found->count == 1 ? "s" : "", found->count == 1 ? "ys" : "y",
		address, found->networks[0].prefix_len, found->count == 1 ? "" : ", ...");
}

void
accepting_put(FILE *f, const struct accepting *found)
{
	fprintf(f, ",\n  \"ack_everything_networks\": [");
	for (size_t i = 0; i < found->listed; i++) {
		const struct accepting_network *n = &found->networks[i];
		char address[IPV4_TEXT_SIZE];

		ipv4_format(n->address, address);
		fprintf(f, "%s\n    {\"network\": \"%s/%u\", \"probed_targets\": %llu, \"accepted\": %llu}", i > 0 ? "," : "",
			address, n->prefix_len, (unsigned long long)n->probed, (unsigned long long)n->accepted);
	}
	fprintf(f, "%s]", found->listed > 0 ? "\n  " : "");
	json_member_number(f, "ack_everything_count", found->count);
	json_member_number(f, "ack_everything_responders", found->responders);
}
