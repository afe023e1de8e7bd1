/* SPDX-License-Identifier: BSD-3-Clause */
#include "simnet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- The port's own ---------------------------------------------------------------------- */

int
simnet_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	for (unsigned int i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct simnet_rx_queue *q = dev->data->rx_queues[i];

		if (q == NULL)
			continue;
		stats->ipackets += q->counters.packets;
		stats->ibytes += q->counters.bytes;
		stats->rx_nombuf += q->counters.errors;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_ipackets[i] = q->counters.packets;
			stats->q_ibytes[i] = q->counters.bytes;
		}
	}
	for (unsigned int i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct simnet_tx_queue *q = dev->data->tx_queues[i];

		if (q == NULL)
			continue;
		stats->opackets += q->counters.packets;
		stats->obytes += q->counters.bytes;
		stats->oerrors += q->counters.errors;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_opackets[i] = q->counters.packets;
			stats->q_obytes[i] = q->counters.bytes;
		}
	}
	return 0;
}

int
simnet_stats_reset(struct rte_eth_dev *dev)
{
	for (unsigned int i = 0; i < dev->data->nb_rx_queues; i++) {
		struct simnet_rx_queue *q = dev->data->rx_queues[i];

		if (q != NULL)
			q->counters = (struct simnet_counters){0};
	}
	for (unsigned int i = 0; i < dev->data->nb_tx_queues; i++) {
		struct simnet_tx_queue *q = dev->data->tx_queues[i];

		if (q != NULL)
			q->counters = (struct simnet_counters){0};
	}
	return 0;
}

/* ---- The world's ------------------------------------------------------------------------- */

static size_t
tally_count(const struct simnet *s)
{
	return world_describe(s->world)->networks_count + 1;
}

void
simnet_retire_rx(struct simnet *s, const struct simnet_rx_queue *q)
{
	world_counters_add(&s->counters, world_stage_counters(q->stage));
}

void
simnet_retire_tx(struct simnet *s, const struct simnet_tx_queue *q)
{
	world_counters_add(&s->counters, &q->intake->counters);
	for (size_t i = 0; i < tally_count(s); i++)
		world_tally_add(&s->tallies[i], &q->intake->tallies[i]);
}

/* Of all queues there are and were. */
static struct world_counters
counters_sum(const struct simnet *s)
{
	const struct rte_eth_dev_data *data = s->data;
	struct world_counters sum = s->counters;

	for (unsigned int i = 0; i < data->nb_rx_queues; i++) {
		const struct simnet_rx_queue *q = data->rx_queues[i];

		if (q != NULL)
			world_counters_add(&sum, world_stage_counters(q->stage));
	}
	for (unsigned int i = 0; i < data->nb_tx_queues; i++) {
		const struct simnet_tx_queue *q = data->tx_queues[i];

		if (q != NULL)
			world_counters_add(&sum, &q->intake->counters);
	}
	return sum;
}

static struct world_tally
tally_sum(const struct simnet *s, size_t network)
{
	struct world_tally sum = s->tallies[network];

	for (unsigned int i = 0; i < s->data->nb_tx_queues; i++) {
		const struct simnet_tx_queue *q = s->data->tx_queues[i];

		if (q != NULL)
			world_tally_add(&sum, &q->intake->tallies[network]);
	}
	return sum;
}

static struct world_tally
tally_all(const struct simnet *s)
{
	struct world_tally sum = {0};

	for (size_t i = 0; i < tally_count(s); i++) {
		struct world_tally one = tally_sum(s, i);

		world_tally_add(&sum, &one);
	}
	return sum;
}

/* A tally as the extended statistics and the report give it. */
#define TALLY_VALUES 6
static const char *const tally_names[TALLY_VALUES] = {
	"syn", "syn_digest", "syn_open", "syn_closed", "syn_unreachable", "syn_silent",
};

static void
tally_values(const struct world_tally *tally, uint64_t values[TALLY_VALUES])
{
	values[0] = world_tally_syn(tally);
	values[1] = tally->syn_digest;
	values[2] = tally->syn[WORLD_OPEN];
	values[3] = tally->syn[WORLD_CLOSED];
	values[4] = tally->syn[WORLD_UNREACHABLE];
	values[5] = tally->syn[WORLD_SILENT];
}

#define XSTATS (TALLY_VALUES + WORLD_COUNTERS)

int
simnet_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	const struct simnet *s = dev->data->dev_private;
	struct world_tally tally = tally_all(s);
	struct world_counters counters = counters_sum(s);
	uint64_t values[XSTATS];

	if (xstats == NULL || n < XSTATS)
		return XSTATS;
	tally_values(&tally, values);
	memcpy(values + TALLY_VALUES, &counters, sizeof(counters));
	for (unsigned int i = 0; i < XSTATS; i++) {
		xstats[i].id = i;
		xstats[i].value = values[i];
	}
	return XSTATS;
}

int
simnet_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	RTE_SET_USED(dev);
	if (names == NULL || n < XSTATS)
		return XSTATS;
	for (unsigned int i = 0; i < XSTATS; i++)
		snprintf(names[i].name, sizeof(names[i].name), "world_%s",
			 i < TALLY_VALUES ? tally_names[i] : world_counter_names[i - TALLY_VALUES]);
	return XSTATS;
}

/* ---- The report -------------------------------------------------------------------------- */

/* Digests as text: they have more bits than the numbers of many JSON readers. */
static void
write_tally(FILE *f, const struct world_tally *tally)
{
	uint64_t values[TALLY_VALUES];

	tally_values(tally, values);
	for (unsigned int i = 0; i < TALLY_VALUES; i++) {
		if (i == 1)
			fprintf(f, "\"%s\": \"0x%016" PRIx64 "\"", tally_names[i], values[i]);
		else
			fprintf(f, "\"%s\": %" PRIu64, tally_names[i], values[i]);
		fputs(i + 1 < TALLY_VALUES ? ", " : "", f);
	}
}

static void
write_report(const struct simnet *s, FILE *f)
{
	const struct world_description *d = world_describe(s->world);
	struct world_counters counters = counters_sum(s);
	struct world_tally tally = tally_all(s);
	char name[WORLD_NETWORK_NAME_SIZE];
	uint64_t values[WORLD_COUNTERS];

	memcpy(values, &counters, sizeof(counters));
	fputs("{", f);
	for (size_t i = 0; i < WORLD_COUNTERS; i++)
		fprintf(f, "\"%s\": %" PRIu64 ",\n ", world_counter_names[i], values[i]);
	write_tally(f, &tally);
	fputs(",\n \"networks\": [", f);
	for (size_t i = 0; i < d->networks_count; i++) {
		world_network_name(&d->networks[i], name);
		fprintf(f, "%s\n  {\"cidr\": \"%s\", ", i > 0 ? "," : "", name);
		tally = tally_sum(s, i);
		write_tally(f, &tally);
		fprintf(f, ", \"dns\": %" PRIu64 "}", tally.dns);
	}
	fputs("],\n \"elsewhere\": {", f);
	tally = tally_sum(s, d->networks_count);
	write_tally(f, &tally);
	fprintf(f, ", \"dns\": %" PRIu64 "}}\n", tally.dns);
}

void
simnet_report(const struct simnet *s)
{
	bool failed;
	FILE *f;

	if (s->report_path == NULL)
		return;
	f = fopen(s->report_path, "we");
	if (f == NULL) {
		SIMNET_LOG(ERR, "cannot write the report %s: %s\n", s->report_path,
			   strerror(errno));
		return;
	}
	write_report(s, f);
	failed = ferror(f) != 0;
	failed |= fclose(f) != 0;
	if (failed)
		SIMNET_LOG(ERR, "the report %s is not complete\n", s->report_path);
}
