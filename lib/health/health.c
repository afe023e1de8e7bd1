/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health.h"

#include <math.h>
#include <string.h>

#include "base/time.h"

/* Requests or rounds in a row that stay without an answer. */
#define SILENT 3

/* Answers take up to so many seconds; a position that was probed so long before all was well is no doubt. */
#define LAG 1
#define DOUBT_LAG_NS (2 * NS_PER_SEC)

/* Seconds after a change in which nothing is tested, and the windows that then are. */
#define WARM_UP 4
#define WINDOW_FIRST 2
#define WINDOW_LAST 32

/* Hits that a level must rest on. */
#define BASE_HITS 100

/* -ln(10^-9), and the share of what is expected below which there is trouble. */
#define SURPRISE 20.7
#define COLLAPSED 0.25

#define RETRY_FIRST_NS (10 * NS_PER_SEC)
#define RETRY_LAST_NS (300 * NS_PER_SEC)
#define TRIALS_FOR_A_LEVEL 3

static const char *const names[HEALTH_TROUBLES] = {
	[HEALTH_FINE] = "fine",       [HEALTH_DEVICE] = "device",     [HEALTH_LINK] = "link",
	[HEALTH_GATEWAY] = "gateway", [HEALTH_CANARIES] = "canaries", [HEALTH_HITRATE] = "hit rate",
};

const char *
health_name(enum health_trouble trouble)
{
	return names[trouble];
}

/* ---- Marks ---- */

static void
make_mark(struct health *h, uint64_t at_ns, uint64_t position)
{
	h->mark[h->mark_count++ % HEALTH_MARKS] = (struct health_good){at_ns, position};
}

void
health_init(struct health *h, unsigned int ports, uint64_t position)
{
	memset(h, 0, sizeof(*h));
	h->ports = ports;
	make_mark(h, 0, position);
	h->seen = h->answered = (struct health_good){0, position};
	h->sure = position;
	for (unsigned int i = 0; i < ports; i++)
		h->heard[i] = h->seen;
}

/* All was well at a time: so is what was probed a moment before it. */
static struct health_good
good_at(const struct health *h, uint64_t at_ns)
{
	uint64_t n = h->mark_count < HEALTH_MARKS ? h->mark_count : HEALTH_MARKS;
	const struct health_good *mark = NULL;

	for (uint64_t ago = 1; ago <= n; ago++) {
		mark = &h->mark[(h->mark_count - ago) % HEALTH_MARKS];
		if (mark->at_ns + DOUBT_LAG_NS <= at_ns)
			break;
	}
	return (struct health_good){at_ns, mark->position};
}

/* ---- Hits ---- */

double
health_surprise(double expected, uint64_t found)
{
	double k = (double)found;

	if (k >= expected)
		return 0;
	return expected - k + (found == 0 ? 0 : k * log(k / expected));
}

/* The second that lies ago looks behind the last one. */
static const struct health_second *
second(const struct health *h, unsigned int ago)
{
	return &h->ring[(h->head + HEALTH_LOOKS - 1 - ago) % HEALTH_LOOKS];
}

static void
remember(struct health *h, const struct health_look *look)
{
	h->ring[h->head] = (struct health_second){look->now_ns, look->tried, look->hits};
	h->head = (h->head + 1) % HEALTH_LOOKS;
	if (h->count < HEALTH_LOOKS)
		h->count++;
}

/* Targets and hits from the oldest that is remembered to `ago`, and what was before all of them. */
static void
level(const struct health *h, unsigned int ago, uint64_t *tried, uint64_t *hits)
{
	const struct health_second *oldest = second(h, h->count - 1), *end = second(h, ago);

	*tried = h->base_tried + end->tried - oldest->tried;
	*hits = h->base_hits + end->hits - oldest->hits;
}

/*
 * What the last so many seconds, up to LAG ago, make expect, and what came. False: nothing can be said. Answers take
 * from nothing to LAG, so all that came since they began counts.
 */
static bool
expect(const struct health *h, unsigned int seconds, double *expected, uint64_t *found)
{
	uint64_t tried, hits, n;

	if (h->count < seconds + LAG + 1)
		return false;
	level(h, seconds + LAG, &tried, &hits);
	if (hits < BASE_HITS || tried == 0)
		return false;
	n = second(h, LAG)->tried - second(h, seconds + LAG)->tried;
	*expected = (double)n * (double)hits / (double)tried * (1 - 3 / sqrt((double)hits));
	*found = second(h, 0)->hits - second(h, seconds + LAG)->hits;
	return true;
}

/* The shortest window in which the hit rate has collapsed; 0 for none. */
static unsigned int
collapsed_window(const struct health *h)
{
	for (unsigned int w = WINDOW_FIRST; w <= WINDOW_LAST && h->count > WARM_UP; w *= 2) {
		double expected;
		uint64_t found;

		if (expect(h, w, &expected, &found) && (double)found < COLLAPSED * expected &&
		    health_surprise(expected, found) > SURPRISE)
			return w;
	}
	return 0;
}

/* A window that says that all is well: as many were expected as a collapse would have shown in. */
static bool
is_mended(const struct health *h)
{
	for (unsigned int w = WINDOW_FIRST; w <= WINDOW_LAST && h->count > WARM_UP; w *= 2) {
		double expected;
		uint64_t found;

		if (expect(h, w, &expected, &found) && expected > SURPRISE &&
		    (double)found >= COLLAPSED * expected)
			return true;
	}
	return false;
}

/* What the ring holds up to `ago` becomes what was before, and the ring empty. */
static void
settle(struct health *h, unsigned int ago)
{
	if (h->count > ago)
		level(h, ago, &h->base_tried, &h->base_hits);
	/* Ten minutes' weight at most, so that what comes after has a say. */
	if (h->base_hits > 100 * BASE_HITS) {
		h->base_tried = (uint64_t)((double)h->base_tried * (100.0 * BASE_HITS / (double)h->base_hits));
		h->base_hits = 100 * BASE_HITS;
	}
	h->count = 0;
}

void
health_forget(struct health *h)
{
	settle(h, 0);
}

/* A trial that keeps finding something, if little: that is how it is now. */
static bool
takes_new_level(struct health *h, unsigned int window)
{
	uint64_t found = second(h, 0)->hits - second(h, window)->hits;

	if (h->trials < TRIALS_FOR_A_LEVEL || found == 0)
		return false;
	h->base_tried = second(h, LAG)->tried - second(h, window + LAG)->tried;
	h->base_hits = found;
	h->count = 0;
	h->trials = 0;
	return true;
}

/* Whether the hit rate is in trouble. */
static bool
look_at_hits(struct health *h, const struct health_look *look, struct health_news *news,
	     struct health_good *since)
{
	unsigned int window;
	uint64_t wait;

	if (h->trouble == HEALTH_HITRATE)
		return look->now_ns < h->retry_ns;
	window = collapsed_window(h);
	if (window == 0) {
		if (h->trials > 0 && is_mended(h))
			h->trials = 0;
		return false;
	}
	if (takes_new_level(h, window)) {
		news->is_level = news->is_news = true;
		return false;
	}
	*since = good_at(h, second(h, window + LAG)->at_ns);
	settle(h, window + LAG);
	wait = RETRY_FIRST_NS << (h->trials < 5 ? h->trials : 5);
	h->retry_ns = look->now_ns + (wait < RETRY_LAST_NS ? wait : RETRY_LAST_NS);
	h->trials++;
	return true;
}

/* ---- Ports and canaries ---- */

static void
note_ports(struct health *h, const struct health_look *look)
{
	for (unsigned int i = 0; i < h->ports; i++) {
		const struct health_port *p = &look->ports[i];

		if (p->unanswered == 0)
			h->quiet_since[i] = p->received;
		/* It may have come in right after the last look. */
		if (p->received != h->received[i])
			h->heard[i] = h->seen;
		h->received[i] = p->received;
		h->is_asked[i] = p->is_asked;
	}
	if (!look->has_canaries)
		h->answered = good_at(h, look->now_ns);
	else if (look->canaries_good_ns > h->answered.at_ns)
		h->answered = good_at(h, look->canaries_good_ns);
}

static bool
port_has(const struct health *h, const struct health_port *p, unsigned int i,
	 enum health_trouble trouble)
{
	if (trouble == HEALTH_DEVICE)
		return p->is_gone;
	if (trouble == HEALTH_LINK)
		return p->is_down;
	return p->unanswered >= SILENT && p->received == h->quiet_since[i];
}

/* The gravest trouble that can be seen at once; *since is the last time that it surely was not. */
static enum health_trouble
look_around(struct health *h, const struct health_look *look, struct health_good *since)
{
	for (enum health_trouble t = HEALTH_DEVICE; t <= HEALTH_GATEWAY; t++) {
		for (unsigned int i = 0; i < h->ports; i++) {
			if (!port_has(h, &look->ports[i], i, t))
				continue;
			h->port = i;
			*since = t == HEALTH_GATEWAY ? h->heard[i] : h->seen;
			return t;
		}
	}
	*since = h->answered;
	return look->canaries_silent >= SILENT ? HEALTH_CANARIES : HEALTH_FINE;
}

static void
tell(struct health *h, enum health_trouble found, struct health_good since, struct health_news *news)
{
	news->is_news = true;
	news->trouble = found;
	news->mended = h->trouble;
	news->port = h->port;
	news->since_ns = since.at_ns;
	news->position = since.position;
	h->trouble = found;
}

/* The same of the hit rate: a collapse would show in the shortest window that has a say. */
static uint64_t
sure_of_hits(const struct health *h)
{
	unsigned int window = WINDOW_FIRST, ago;
	double expected = 0;
	uint64_t found;

	if (h->count == 0 || h->base_hits + second(h, 0)->hits - second(h, h->count - 1)->hits < BASE_HITS)
		return h->seen.position;
	while (window < WINDOW_LAST && !(expect(h, window, &expected, &found) && expected > SURPRISE))
		window *= 2;
	ago = window + LAG < h->count ? window + LAG : h->count - 1;
	return good_at(h, second(h, ago)->at_ns).position;
}

static void
raise_sure(struct health *h)
{
	uint64_t sure = h->seen.position, hits = sure_of_hits(h);

	sure = h->answered.position < sure ? h->answered.position : sure;
	sure = hits < sure ? hits : sure;
	for (unsigned int i = 0; i < h->ports; i++)
		if (h->is_asked[i] && h->heard[i].position < sure)
			sure = h->heard[i].position;
	h->sure = sure > h->sure ? sure : h->sure;
}

void
health_look(struct health *h, const struct health_look *look, struct health_news *news)
{
	struct health_good since;
	enum health_trouble found;
	bool was_held = h->trouble != HEALTH_FINE;

	*news = (struct health_news){0};
	h->next_ns = look->now_ns + HEALTH_INTERVAL_NS;
	make_mark(h, look->now_ns, look->position);
	note_ports(h, look);
	if (look->is_unlike)
		health_forget(h);
	else if (!was_held)
		remember(h, look);
	found = look_around(h, look, &since);
	if (found == HEALTH_FINE && look_at_hits(h, look, news, &since))
		found = HEALTH_HITRATE;
	h->seen = good_at(h, look->now_ns);
	if (found == HEALTH_FINE && h->trouble == HEALTH_FINE)
		raise_sure(h);
	if (found == h->trouble)
		return;
	/* What was sent blindly says nothing of what to expect. */
	if (!was_held && found != HEALTH_HITRATE) {
		unsigned int blind = 0;

		while (blind + 1 < h->count && second(h, blind)->at_ns + DOUBT_LAG_NS > since.at_ns)
			blind++;
		settle(h, blind);
	}
	tell(h, found, since, news);
}
