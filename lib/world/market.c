/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/market.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SERVICE UINT64_C(0x73657276696365) /* "service" */
#define HASH_CERTIFICATE UINT64_C(0x63657274)   /* "cert" */

struct world_market {
	struct world_service *services; /* and behind them the plain one */
	char **texts;                   /* of each, its name and its text: one allocation */
	struct world_offer *offers;     /* of all mixes; what the description points to */
	uint64_t *below;                /* by offer: the bound of its share and those before */
	char *folder;
	size_t services_count;
};

static const struct world_service plain = WORLD_SERVICE_PLAIN;

static bool
service_fits(const struct world_service *s)
{
	return s->name != NULL && s->kind < WORLD_SERVICE_KINDS && s->cue <= WORLD_CUE_BLANK &&
	       s->reset <= WORLD_RESET_RESPONSE && s->close <= WORLD_CLOSE_SIMULTANEOUS &&
	       s->malformed < WORLD_MALFORMED_KINDS && s->tls < 1 << WORLD_TLS_VERSIONS &&
	       s->text_len <= WORLD_TEXT_MAX && s->lies <= WORLD_SHARE_ONE && s->denies <= WORLD_SHARE_ONE && s->diverts <= WORLD_SHARE_ONE &&
	       s->lame <= WORLD_SHARE_ONE &&
	       (s->window <= UINT16_MAX || s->window == WORLD_WINDOW_UNSAID);
}

static bool
certificates_fit(const struct world_certificates *c)
{
	return c->folder == NULL ||
	       (c->count > 0 && c->count <= WORLD_CERTIFICATES_MAX && c->chain_min > 0 &&
		c->chain_min <= c->chain_max && c->chain_max <= WORLD_CHAIN_MAX &&
		c->names_min > 0 && c->names_min <= c->names_max &&
		c->names_max <= WORLD_NAMES_MAX && c->keys != 0);
}

static int
service_copy(struct world_market *m, size_t i, const struct world_service *from)
{
	size_t name_size = strlen(from->name) + 1;
	char *texts = malloc(name_size + from->text_len + 1);

	if (texts == NULL)
		return -ENOMEM;
	m->texts[i] = texts;
	memcpy(texts, from->name, name_size);
	if (from->text_len > 0)
		memcpy(texts + name_size, from->text, from->text_len);
	texts[name_size + from->text_len] = '\0';
	m->services[i] = *from;
	m->services[i].name = texts;
	m->services[i].text = texts + name_size;
	return 0;
}

static int
services_copy(struct world_market *m, const struct world_description *d)
{
	for (size_t i = 0; i < d->services_count; i++) {
		int rc = service_fits(&d->services[i]) ? service_copy(m, i, &d->services[i])
						       : -EINVAL;

		if (rc != 0)
			return rc;
	}
	return service_copy(m, d->services_count, &plain);
}

/* Append the offers of one mix, and point their owner to the copy. */
static int
mix_compile(struct world_market *m, size_t *at, struct world_offers *offers, struct world_mix *mix)
{
	uint64_t sum = 0;

	*mix = (struct world_mix){.first = (uint32_t)*at, .count = (uint32_t)offers->count};
	for (size_t i = 0; i < offers->count; i++) {
		const struct world_offer *offer = &offers->list[i];

		if (offer->service >= m->services_count || offer->share > WORLD_SHARE_ONE - sum)
			return -EINVAL;
		sum += offer->share;
		m->offers[*at + i] = *offer;
		m->below[*at + i] = world_bound(sum);
	}
	offers->list = m->offers + *at;
	*at += offers->count;
	return 0;
}

/* The ports of a compiled network, and its rules, are in the same order. */
static int
network_compile(struct world *w, size_t number, size_t *at)
{
	struct world_network *n = &w->networks[number];
	struct world_terrain *t = &w->terrain[number];
	struct world_rule *rules = w->rules + (t->rules - w->rules);
	struct world_port *ports = w->ports + (n->ports - w->ports);
	int rc = mix_compile(w->market, at, &n->offers, &t->mix);

	for (size_t i = 0; rc == 0 && i < n->ports_count; i++)
		rc = mix_compile(w->market, at, &ports[i].offers, &rules[i].mix);
	return rc;
}

/* How many offers there are in all; -EINVAL when somewhere there are too many. */
static int
offers_count(const struct world *w, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < w->description.networks_count; i++) {
		const struct world_network *n = &w->networks[i];

		if (n->offers.count > WORLD_OFFERS_MAX)
			return -EINVAL;
		*count += n->offers.count;
		for (size_t j = 0; j < n->ports_count; j++) {
			if (n->ports[j].offers.count > WORLD_OFFERS_MAX)
				return -EINVAL;
			*count += n->ports[j].offers.count;
		}
	}
	return 0;
}

static int
folder_copy(struct world *w, const struct world_description *d)
{
	if (!certificates_fit(&d->certificates))
		return -EINVAL;
	if (d->certificates.folder == NULL)
		return 0;
	w->market->folder = strdup(d->certificates.folder);
	w->description.certificates.folder = w->market->folder;
	return w->market->folder != NULL ? 0 : -ENOMEM;
}

int
market_compile(struct world *w, const struct world_description *d)
{
	size_t count, at = 0;
	struct world_market *m;
	int rc = offers_count(w, &count);

	if (rc != 0 || d->services_count > WORLD_SERVICES_MAX)
		return -EINVAL;
	m = w->market = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	m->services_count = d->services_count;
	m->services = calloc(d->services_count + 1, sizeof(*m->services));
	m->texts = calloc(d->services_count + 1, sizeof(*m->texts));
	m->offers = calloc(count + 1, sizeof(*m->offers));
	m->below = calloc(count + 1, sizeof(*m->below));
	if (m->services == NULL || m->texts == NULL || m->offers == NULL || m->below == NULL)
		return -ENOMEM;
	rc = services_copy(m, d);
	for (size_t i = 0; rc == 0 && i < d->networks_count; i++)
		rc = network_compile(w, i, &at);
	w->description.services = m->services;
	return rc == 0 ? folder_copy(w, d) : rc;
}

void
market_free(struct world_market *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->texts != NULL && i <= m->services_count; i++)
		free(m->texts[i]);
	free(m->texts);
	free(m->services);
	free(m->offers);
	free(m->below);
	free(m->folder);
	free(m);
}

static struct world_mix
mix_find(const struct world_terrain *t, uint16_t port)
{
	const struct world_bounds *b = world_bounds_find(t, port);

	/* The bounds are a rule's first field. */
	if (b != &t->fallback) {
		const struct world_rule *rule = (const struct world_rule *)b;

		if (rule->mix.count > 0)
			return rule->mix;
	}
	return t->mix;
}

const struct world_service *
world_service_at(const struct world *w, uint32_t address, uint16_t port)
{
	struct world_mix mix = mix_find(&w->terrain[world_terrain_find(w, address)], port);
	const struct world_market *m = w->market;
	uint64_t h;

	if (mix.count == 0)
		return &m->services[m->services_count];
	h = world_hash(hash_mix64(w->seed ^ world_key(address, port)) ^ HASH_SERVICE);
	for (uint32_t i = mix.first; i < mix.first + mix.count; i++) {
		if (h < m->below[i])
			return &m->services[m->offers[i].service];
	}
	return &m->services[m->services_count];
}

uint32_t
world_certificate_at(const struct world *w, uint32_t address)
{
	uint64_t h = hash_mix64(hash_mix64(w->seed ^ world_key(address, 0)) ^ HASH_CERTIFICATE);
	uint32_t count = w->description.certificates.count;

	return count > 0 ? (uint32_t)(h % count) : 0;
}
