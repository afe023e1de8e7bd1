/* SPDX-License-Identifier: BSD-3-Clause */
#include "record/filter.h"

#include <errno.h>
#include <stdlib.h>

enum comparison { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL };

/* A filter in postfix order: a term pushes its truth, a connective takes two and pushes one. */
enum op_kind { OP_TERM, OP_AND, OP_OR };

struct filter_op {
	enum op_kind kind;
	enum comparison comparison;
	const struct record_field *field;
	uint64_t number;
	size_t text_at; /* of a string value, in the filter's text */
	size_t text_len;
};

/* n terms have n - 1 connectives. */
#define OPS_MAX (2 * FILTER_TERMS_MAX - 1)

/* Truths stand in the bits of a word: each level of brackets leaves at most two waiting. */
_Static_assert(2 * (FILTER_DEPTH_MAX + 1) + 1 <= 64, "the stack is one word");

struct filter {
	char *text;
	size_t count;
	size_t terms;
	struct filter_op ops[OPS_MAX];
};

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_QUOTED, /* at and len are those of what stands between the quotes */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_COMPARISON,
	TOKEN_BAD /* reported already */
};

struct token {
	enum token_kind kind;
	size_t start; /* where it begins, for diagnostics */
	size_t at;
	size_t len;
	enum comparison comparison;
	uint64_t number;
};

struct parser {
	const char *text;
	size_t len;
	size_t next;
	struct token token;
	unsigned int depth;
	struct diag_place place;
	struct diag *diag;
	struct filter *filter;
	bool unfit; /* a fault of meaning was reported */
};

/* Tokens quoted in faults are cut here: the text is foreign, and a line is enough. */
#define QUOTED_MAX 40

#define fault(p, at, ...) diag_add((p)->diag, place_of(p, at), __VA_ARGS__)

static struct diag_place
place_of(const struct parser *p, size_t at)
{
	struct diag_place place = p->place;

	place.column = (place.column != 0 ? place.column : 1) + (unsigned int)at;
	return place;
}

static int
cut(size_t len)
{
	return len < QUOTED_MAX ? (int)len : QUOTED_MAX;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':' || c == '-';
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* A number is a word of digits alone; 0, or -ERANGE above 64 bits, or -EINVAL for another word. */
static int
number_read(const char *text, size_t len, uint64_t *number)
{
	bool over = false;

	*number = 0;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		over |= __builtin_mul_overflow(*number, 10, number);
		over |= __builtin_add_overflow(*number, digit, number);
	}
	return over ? -ERANGE : 0;
}

static void
word_read(struct parser *p)
{
	struct token *t = &p->token;
	int err;

	while (p->next < p->len && is_word(p->text[p->next]))
		p->next++;
	t->len = p->next - t->at;
	err = number_read(p->text + t->at, t->len, &t->number);
	t->kind = err == 0 ? TOKEN_NUMBER : TOKEN_WORD;
	if (err == -ERANGE) {
		fault(p, t->at, "%.*s is too large: numbers end at 18446744073709551615",
		      cut(t->len), p->text + t->at);
		t->kind = TOKEN_BAD;
	}
}

static void
quoted_read(struct parser *p)
{
	struct token *t = &p->token;

	t->at = ++p->next;
	while (p->next < p->len && p->text[p->next] != '"' && !is_control(p->text[p->next]))
		p->next++;
	t->len = p->next - t->at;
	t->kind = TOKEN_QUOTED;
	if (p->next < p->len && p->text[p->next] == '"') {
		p->next++;
		return;
	}
	fault(p, t->start, "this string has no end: close it with \" on the same line");
	t->kind = TOKEN_BAD;
}

static const struct {
	char text[3];
	enum token_kind kind;
	enum comparison comparison;
} symbols[] = {
	/* The longer first, so that "<=" is not read as "<". */
	{"&&", TOKEN_AND, EQUAL},
	{"||", TOKEN_OR, EQUAL},
	{"!=", TOKEN_COMPARISON, NOT_EQUAL},
	{"<=", TOKEN_COMPARISON, LESS_EQUAL},
	{">=", TOKEN_COMPARISON, GREATER_EQUAL},
	{"==", TOKEN_BAD, EQUAL},
	{"=", TOKEN_COMPARISON, EQUAL},
	{"<", TOKEN_COMPARISON, LESS},
	{">", TOKEN_COMPARISON, GREATER},
	{"(", TOKEN_OPEN, EQUAL},
	{")", TOKEN_CLOSE, EQUAL},
};

static void
symbol_fault(struct parser *p)
{
	char c = p->text[p->next];

	p->token.kind = TOKEN_BAD;
	if (c == '&' || c == '|')
		fault(p, p->next, "a single %c means nothing here: write %c%c", c, c, c);
	else if (c == '=')
		fault(p, p->next, "== is no operator here: write =");
	else if (is_control(c) || (unsigned char)c >= 0x80)
		fault(p, p->next, "byte 0x%02x has no place here: remove it, or put it in double "
		      "quotes if it is text", (unsigned char)c);
	else
		fault(p, p->next, "%c has no place here: filters are made of terms such as "
		      "success = 1, joined by && and ||", c);
}

static void
symbol_read(struct parser *p)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		size_t len = strlen(symbols[i].text);

		if (p->len - p->next < len || memcmp(p->text + p->next, symbols[i].text, len) != 0)
			continue;
		if (symbols[i].kind == TOKEN_BAD)
			break;
		p->token.kind = symbols[i].kind;
		p->token.comparison = symbols[i].comparison;
		p->token.len = len;
		p->next += len;
		return;
	}
	symbol_fault(p);
}

static void
advance(struct parser *p)
{
	while (p->next < p->len && memchr(" \t\r\n", p->text[p->next], 4) != NULL)
		p->next++;
	p->token = (struct token){.kind = TOKEN_END, .start = p->next, .at = p->next};
	if (p->next == p->len)
		return;
	if (is_word(p->text[p->next]))
		word_read(p);
	else if (p->text[p->next] == '"')
		quoted_read(p);
	else
		symbol_read(p);
}

/* Report that what stands at the token is not what the grammar wants there. */
static int
unexpected(struct parser *p, const char *wanted)
{
	const struct token *t = &p->token;

	if (t->kind == TOKEN_END)
		fault(p, t->start, "the filter ends too early: %s is missing", wanted);
	else if (t->kind != TOKEN_BAD)
		fault(p, t->start, "%s is wanted here, not \"%.*s\"", wanted, cut(t->len),
		      p->text + t->at);
	return -EINVAL;
}

static void
unfit(struct parser *p)
{
	p->unfit = true;
}

static void
field_find(struct parser *p, struct filter_op *op)
{
	const char *name = p->text + p->token.at;
	char advice[RECORD_ADVICE_SIZE];

	op->field = record_field_find(name, p->token.len);
	if (op->field != NULL)
		return;
	unfit(p);
	record_field_advice(name, p->token.len, advice);
	fault(p, p->token.start, "unknown field '%.*s'; %s", cut(p->token.len), name, advice);
}

static bool
word_is(const struct parser *p, const char *word)
{
	return p->token.kind == TOKEN_WORD && p->token.len == strlen(word) &&
	       memcmp(p->text + p->token.at, word, p->token.len) == 0;
}

static void
string_value(struct parser *p, struct filter_op *op)
{
	const struct token *t = &p->token;

	op->text_at = t->at;
	op->text_len = t->len;
	if (t->kind == TOKEN_NUMBER) {
		unfit(p);
		fault(p, t->start, "%s holds text, not a number: write \"%.*s\" in double quotes",
		      op->field->name, cut(t->len), p->text + t->at);
	}
	if (op->comparison != EQUAL && op->comparison != NOT_EQUAL) {
		unfit(p);
		fault(p, t->start, "%s holds text, which has no order: use = or !=",
		      op->field->name);
	}
}

static void
bool_value(struct parser *p, struct filter_op *op)
{
	op->number = word_is(p, "true") ? 1 : p->token.number;
	if ((p->token.kind == TOKEN_NUMBER && op->number <= 1) || word_is(p, "true") ||
	    word_is(p, "false"))
		return;
	unfit(p);
	fault(p, p->token.start, "%s is true or false: write 1 or 0, not \"%.*s\"", op->field->name,
	      cut(p->token.len), p->text + p->token.at);
}

static void
int_value(struct parser *p, struct filter_op *op)
{
	op->number = p->token.number;
	if (p->token.kind == TOKEN_NUMBER)
		return;
	unfit(p);
	fault(p, p->token.start, "%s holds a number: write one, not \"%.*s\"", op->field->name,
	      cut(p->token.len), p->text + p->token.at);
}

static struct filter_op *
op_add(struct parser *p, enum op_kind kind)
{
	struct filter_op *op = &p->filter->ops[p->filter->count++];

	*op = (struct filter_op){.kind = kind};
	return op;
}

static int
comparison_read(struct parser *p)
{
	struct filter_op *op;

	if (p->filter->terms == FILTER_TERMS_MAX) {
		fault(p, p->token.start, "more than %d terms: shorten the filter",
		      FILTER_TERMS_MAX);
		return -EINVAL;
	}
	p->filter->terms++;
	op = op_add(p, OP_TERM);
	field_find(p, op);
	advance(p);
	if (p->token.kind != TOKEN_COMPARISON)
		return unexpected(p, "one of = != < <= > >=");
	op->comparison = p->token.comparison;
	advance(p);
	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_NUMBER &&
	    p->token.kind != TOKEN_QUOTED)
		return unexpected(p, "a value");
	if (op->field != NULL && op->field->type == RECORD_STRING)
		string_value(p, op);
	else if (op->field != NULL && op->field->type == RECORD_BOOL)
		bool_value(p, op);
	else if (op->field != NULL)
		int_value(p, op);
	advance(p);
	return 0;
}

static int expression_read(struct parser *p);

static int
term_read(struct parser *p)
{
	int err;

	if (p->token.kind == TOKEN_WORD)
		return comparison_read(p);
	if (p->token.kind != TOKEN_OPEN)
		return unexpected(p, "a field's name or (");
	if (p->depth == FILTER_DEPTH_MAX) {
		fault(p, p->token.start, "brackets deeper than %d: simplify the filter",
		      FILTER_DEPTH_MAX);
		return -EINVAL;
	}
	p->depth++;
	advance(p);
	err = expression_read(p);
	if (err != 0)
		return err;
	if (p->token.kind != TOKEN_CLOSE)
		return unexpected(p, "&&, || or )");
	p->depth--;
	advance(p);
	return 0;
}

static int
conjunction_read(struct parser *p)
{
	int err = term_read(p);

	while (err == 0 && p->token.kind == TOKEN_AND) {
		advance(p);
		err = term_read(p);
		if (err == 0)
			op_add(p, OP_AND);
	}
	return err;
}

/* Calls itself through term_read(), as deep as brackets may be. */
static int
expression_read(struct parser *p)
{
	int err = conjunction_read(p);

	while (err == 0 && p->token.kind == TOKEN_OR) {
		advance(p);
		err = conjunction_read(p);
		if (err == 0)
			op_add(p, OP_OR);
	}
	return err;
}

static int
filter_parse(struct parser *p)
{
	int err;

	advance(p);
	if (p->token.kind == TOKEN_END)
		return 0;
	err = expression_read(p);
	if (err == 0 && p->token.kind != TOKEN_END)
		err = unexpected(p, "&& or ||");
	if (err == 0 && p->unfit)
		err = -EINVAL;
	return err;
}

static struct filter *
filter_new(const char *text, size_t len)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->text = malloc(len + 1);
	if (f->text == NULL) {
		free(f);
		return NULL;
	}
	if (len > 0)
		memcpy(f->text, text, len);
	return f;
}

int
filter_compile(const char *text, size_t len, struct diag_place place, struct diag *diag,
	       struct filter **out)
{
	struct parser p = {.len = len, .place = place, .diag = diag};
	int err;

	*out = NULL;
	if (len > FILTER_TEXT_MAX) {
		diag_add(diag, place, "the filter is longer than %d bytes: shorten it",
			 FILTER_TEXT_MAX);
		return -EINVAL;
	}
	p.filter = filter_new(text, len);
	if (p.filter == NULL)
		return -ENOMEM;
	p.text = p.filter->text;
	err = filter_parse(&p);
	if (err != 0) {
		filter_free(p.filter);
		return err;
	}
	*out = p.filter;
	return 0;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	free(f->text);
	free(f);
}

static bool
number_holds(enum comparison comparison, uint64_t a, uint64_t b)
{
	switch (comparison) {
	case EQUAL:
		return a == b;
	case NOT_EQUAL:
		return a != b;
	case LESS:
		return a < b;
	case LESS_EQUAL:
		return a <= b;
	case GREATER:
		return a > b;
	case GREATER_EQUAL:
		return a >= b;
	}
	return false;
}

static bool
term_holds(const struct filter *f, const struct filter_op *op, const struct record_scan *r,
	   const struct record_clock *clock)
{
	struct record_value v;
	bool equal;

	op->field->get(r, clock, &v);
	if (v.type == RECORD_ABSENT)
		return false;
	if (v.type != RECORD_STRING)
		return number_holds(op->comparison, v.number, op->number);
	equal = v.text_len == op->text_len &&
		memcmp(v.text, f->text + op->text_at, op->text_len) == 0;
	return equal == (op->comparison == EQUAL);
}

bool
filter_pass(const struct filter *f, const struct record_scan *r, const struct record_clock *clock)
{
	uint64_t stack = 1;

	for (size_t i = 0; i < f->count; i++) {
		const struct filter_op *op = &f->ops[i];

		if (op->kind == OP_TERM)
			stack = stack << 1 | term_holds(f, op, r, clock);
		else if (op->kind == OP_AND)
			stack = stack >> 1 & (stack | ~UINT64_C(1));
		else
			stack = stack >> 1 | (stack & 1);
	}
	return stack & 1;
}
