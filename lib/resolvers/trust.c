/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers at all, and who tells the truth: questions of the resolvers' own. */
#include <errno.h>

#include "resolvers/internal.h"

#define RETRY_FIRST_NS NS_PER_SEC
#define RETRY_MOST_NS (60 * NS_PER_SEC)

/* A canary without an answer is asked again so often. */
#define CANARY_AGAIN 2

/* The label below which nothing stands: 64 bits of chance in hexadecimal. */
#define LABEL_LEN 16

/* The root's address list says who a.root-servers.net is; com, org and net have no wildcards. */
const struct resolvers_canary resolvers_public_canaries[] = {
	{.name = "a.root-servers.net", .kind = RESOLVERS_KNOWN, .address_count = 1, .address = {UINT32_C(0xc6290004)}},
	{.name = "com", .kind = RESOLVERS_BELOW},
	{.name = "org", .kind = RESOLVERS_BELOW},
	{.name = "net", .kind = RESOLVERS_BELOW},
};
const size_t resolvers_public_canary_count =
	sizeof(resolvers_public_canaries) / sizeof(resolvers_public_canaries[0]);

static uint16_t
all_canaries(const struct resolvers *r)
{
	return (uint16_t)((1u << r->canary_count) - 1);
}

static uint16_t
bit(unsigned int canary)
{
	return (uint16_t)(1u << canary);
}

int
trust_init(struct resolvers *r, const struct resolvers_config *config)
{
	for (size_t i = 0; i < config->canary_count; i++) {
		const struct resolvers_canary *from = &config->canaries[i];
		struct canary *c = &r->canary[i];
		size_t len = dns_name_from_text(from->name, strlen(from->name), c->name);

		if (len == 0 || from->address_count > RESOLVERS_CANARY_ADDRESSES ||
		    (from->kind == RESOLVERS_KNOWN && from->address_count == 0) ||
		    (from->kind == RESOLVERS_BELOW && len + LABEL_LEN + 1 > DNS_NAME_MAX))
			return -EINVAL;
		c->name_len = (uint8_t)len;
		c->kind = (uint8_t)from->kind;
		c->address_count = (uint8_t)from->address_count;
		memcpy(c->address, from->address, sizeof(c->address));
	}
	r->canary_count = (unsigned int)config->canary_count;
	r->canary_every_ns = config->canary_every_ns;
	return 0;
}

/* Something of a resolver's will be due at a time. */
static void
note_due(struct resolvers *r, uint64_t at_ns)
{
	if (at_ns < r->wants_ns)
		r->wants_ns = at_ns;
}

static void
begin_round(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	x->to_ask = all_canaries(r);
	x->right = 0;
	x->believed_at_round = x->believed;
	memset(x->again, 0, sizeof(x->again));
	x->round_ns = TIME_NEVER;
	note_due(r, now_ns);
}

/* One that answers, again or for the first time: is it to be believed? */
void
trust_back(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	if (r->canary_count == 0) {
		resolver_set_state(r, x, RESOLVERS_GOOD);
		return;
	}
	resolver_set_state(r, x, RESOLVERS_UNPROVEN);
	if (x->to_ask == 0 && x->out == 0)
		begin_round(r, x, now_ns);
}

static void
set_aside(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	resolver_set_state(r, x, RESOLVERS_ASIDE);
	x->retry_wait_ns = RETRY_FIRST_NS;
	x->retry_ns = now_ns + RETRY_FIRST_NS;
	note_due(r, x->retry_ns);
}

void
trust_silent(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	if (x->silent < UINT8_MAX)
		x->silent++;
	if (x->state == RESOLVERS_GOOD && x->silent >= RESOLVERS_SILENT)
		set_aside(r, x, now_ns);
}

/* When a resolver wants something asked. */
static uint64_t
due_ns(const struct resolvers *r, const struct resolver *x)
{
	if (x->state == RESOLVERS_LIES)
		return TIME_NEVER;
	if (x->to_ask != 0)
		return 0;
	if (x->state == RESOLVERS_ASIDE)
		return x->trial_is_out ? TIME_NEVER : x->retry_ns;
	return r->canary_count > 0 && x->out == 0 ? x->round_ns : TIME_NEVER;
}

/* A name with a label before it that nobody can have. */
static void
name_nobody(const struct canary *c, uint64_t random, struct resolvers_question *q)
{
	q->name[0] = LABEL_LEN;
	for (unsigned int i = 0; i < LABEL_LEN; i++)
		q->name[1 + i] = (uint8_t)"0123456789abcdef"[random >> (4 * i) & 15];
	memcpy(q->name + 1 + LABEL_LEN, c->name, c->name_len);
	q->name_len = (uint8_t)(1 + LABEL_LEN + c->name_len);
}

static void
question_of_canary(const struct resolvers *r, struct resolver *x, uint64_t random, struct resolvers_question *q)
{
	unsigned int number = (unsigned int)__builtin_ctz(x->to_ask);
	const struct canary *c = &r->canary[number];

	x->to_ask &= (uint16_t)(x->to_ask - 1);
	x->out |= bit(number);
	q->number = number;
	q->type = DNS_A;
	if (c->kind == RESOLVERS_BELOW) {
		name_nobody(c, random, q);
		return;
	}
	memcpy(q->name, c->name, c->name_len);
	q->name_len = c->name_len;
}

/* Anybody who resolves knows the name servers of the root. */
static void
question_of_trial(struct resolver *x, struct resolvers_question *q)
{
	x->trial_is_out = true;
	q->number = TRIAL;
	q->type = DNS_NS;
	q->name[0] = 0;
	q->name_len = 1;
}

static void
ask(struct resolvers *r, struct resolver *x, uint64_t random, uint64_t now_ns, struct resolvers_question *q)
{
	q->resolver = (uint32_t)(x - r->resolver);
	if (x->to_ask == 0 && x->state != RESOLVERS_ASIDE)
		begin_round(r, x, now_ns);
	if (x->to_ask != 0)
		question_of_canary(r, x, random, q);
	else
		question_of_trial(x, q);
	resolver_take_token(r, x, now_ns);
}

bool
resolvers_wants(struct resolvers *r, uint64_t random, uint64_t now_ns, struct resolvers_question *question)
{
	uint64_t soonest = TIME_NEVER;

	if (now_ns < r->wants_ns)
		return false;
	for (uint32_t i = 0; i < r->count; i++) {
		struct resolver *x = &r->resolver[r->cursor];
		uint64_t due = due_ns(r, x);

		if (due <= now_ns) {
			ask(r, x, random, now_ns, question);
			return true;
		}
		if (due < soonest)
			soonest = due;
		r->cursor = r->cursor + 1 < r->count ? r->cursor + 1 : 0;
	}
	r->wants_ns = soonest;
	return false;
}

uint64_t
resolvers_wants_ns(const struct resolvers *r)
{
	return r->wants_ns;
}

static bool
may_be_at(const struct canary *c, uint32_t address)
{
	for (unsigned int i = 0; i < c->address_count; i++)
		if (c->address[i] == address)
			return true;
	return false;
}

/* The addresses in an answer: whether there is any, and one that the name has not. -EBADMSG: it makes no sense. */
static int
look_at(const struct canary *c, struct dns_reader *reader, bool *any, bool *wrong, uint32_t *address)
{
	struct dns_rr rr;
	int rc;

	*any = *wrong = false;
	while ((rc = dns_reader_next(reader, &rr)) == 1) {
		if (rr.section != DNS_ANSWERS)
			return 0;
		if (rr.type != DNS_A || rr.class != DNS_CLASS_IN || rr.len != 4)
			continue;
		*any = true;
		*address = load_be32(reader->message.at + rr.at);
		*wrong = !may_be_at(c, *address);
		if (*wrong)
			return 0;
	}
	return rc;
}

enum verdict { NOTHING, RIGHT, WRONG };

static enum verdict
verdict_of(const struct canary *c, struct span message, struct resolvers_lie *lie)
{
	bool is_known = c->kind == RESOLVERS_KNOWN, any, wrong;
	struct dns_reader reader;

	if (dns_reader_init(&reader, message) != 0 || reader.header.truncated)
		return NOTHING;
	lie->kind = RESOLVERS_SAID_NO_NAME;
	if (reader.header.rcode == DNS_NXDOMAIN)
		return is_known ? WRONG : RIGHT;
	if (reader.header.rcode != DNS_NOERROR || look_at(c, &reader, &any, &wrong, &lie->address) != 0)
		return NOTHING;
	lie->kind = wrong ? RESOLVERS_SAID_ADDRESS : RESOLVERS_SAID_NO_ADDRESS;
	if (is_known)
		return any && !wrong ? RIGHT : WRONG;
	return any ? WRONG : NOTHING; /* no address of no name is half of the truth */
}

/* It is found out, by its own answer or by somebody else. */
static void
convict(struct resolvers *r, struct resolver *x, const struct resolvers_lie *lie)
{
	if (x->state == RESOLVERS_LIES)
		return;
	x->lie = *lie;
	x->in_doubt = x->believed - x->vouched;
	x->to_ask = 0;
	resolver_set_state(r, x, RESOLVERS_LIES);
}

void
resolvers_accuse(struct resolvers *r, uint32_t number, uint64_t now_ns)
{
	const struct resolvers_lie lie = {.at_ns = now_ns, .kind = RESOLVERS_ACCUSED};

	convict(r, &r->resolver[number], &lie);
}

void
resolvers_believed(struct resolvers *r, uint32_t number)
{
	r->resolver[number].believed++;
}

struct resolvers_lie
resolvers_lie(const struct resolvers *r, uint32_t number)
{
	return r->resolver[number].lie;
}

/* All canaries of a round are back, and none was a lie. */
static void
end_round(struct resolvers *r, struct resolver *x, uint64_t now_ns)
{
	if (x->right == all_canaries(r))
		x->vouched = x->believed_at_round;
	if (x->state == RESOLVERS_UNPROVEN && x->silent == 0)
		resolver_set_state(r, x, RESOLVERS_GOOD);
	else if (x->state == RESOLVERS_UNPROVEN)
		set_aside(r, x, now_ns);
	x->round_ns = r->canary_every_ns > 0 ? now_ns + r->canary_every_ns : TIME_NEVER;
	note_due(r, x->round_ns);
}

static void
end_trial(struct resolvers *r, struct resolver *x, bool answered, uint64_t now_ns)
{
	x->trial_is_out = false;
	if (answered || x->state != RESOLVERS_ASIDE)
		return;
	x->retry_wait_ns = x->retry_wait_ns < RETRY_MOST_NS / 2 ? x->retry_wait_ns * 2 : RETRY_MOST_NS;
	x->retry_ns = now_ns + x->retry_wait_ns;
	note_due(r, x->retry_ns);
}

void
resolvers_judge(struct resolvers *r, uint32_t resolver, uint32_t number, struct span message, uint64_t now_ns)
{
	struct resolvers_lie lie = {.at_ns = now_ns, .canary = number};
	struct resolver *x = &r->resolver[resolver];
	enum verdict verdict;

	if (number == TRIAL) {
		end_trial(r, x, message.len > 0, now_ns);
		return;
	}
	x->out &= (uint16_t)~bit(number);
	verdict = verdict_of(&r->canary[number], message, &lie);
	if (verdict == WRONG) {
		x->lies++;
		convict(r, x, &lie);
	}
	if (x->state == RESOLVERS_LIES)
		return;
	if (verdict == RIGHT) {
		x->right |= bit(number);
	} else if (message.len == 0 && x->again[number] < CANARY_AGAIN) {
		x->again[number]++;
		x->to_ask |= bit(number);
		note_due(r, now_ns);
	}
	if (x->to_ask == 0 && x->out == 0)
		end_round(r, x, now_ns);
}
