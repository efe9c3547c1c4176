/* SPDX-License-Identifier: Apache-2.0 */
/* MetalLB's regular expressions are Go's (RE2), those of the C library POSIX's extended ones, which
 * take \d for a d.  What is written in another way there is translated; what they have not is
 * refused, lest it match something else or nothing. */
#include <ctype.h>
#include <string.h>

#include "pkg/l2/engine.h"

struct translation {
	const char *from; /* the whole */
	const char *at;
	struct buf out;
	int open;        /* parentheses */
	bool can_repeat; /* a *, + or ? may follow */
};

static int refuse(
    const struct translation *t, const char *what, size_t n, const char *remedy, struct err *e)
{
	return err_set(e, ERR_USAGE,
	    "\"%s\": %.*s is not understood in a regular expression for names of interfaces; %s",
	    t->from, (int)n, what, remedy);
}

/* What \d, \w or \s stands for in brackets, or NULL. */
static const char *class_of(char letter)
{
	switch (tolower((unsigned char)letter)) {
	case 'd':
		return "0-9";
	case 'w':
		return "0-9A-Za-z_";
	case 's':
		return "\t\n\f\r ";
	default:
		return NULL;
	}
}

static int refuse_escape(const struct translation *t, struct err *e)
{
	return refuse(t, t->at, 2,
	    t->at[1] ? "write the character itself, or [...]" : "a backslash stands before something",
	    e);
}

static int put_escape(struct translation *t, struct err *e)
{
	char c = t->at[1];
	const char *class = class_of(c);

	if (class)
		buf_printf(&t->out, "[%s%s]", isupper((unsigned char)c) ? "^" : "", class);
	else if (c == 'b' || c == 'B')
		buf_printf(&t->out, "\\%c", c);
	else if (c == 'A' || c == 'z')
		buf_putc(&t->out, c == 'A' ? '^' : '$');
	else if (!ispunct((unsigned char)c))
		return refuse_escape(t, e);
	else if (strchr("<>`'_", c)) /* \< and others are more to the GNU library */
		buf_printf(&t->out, "[%c]", c);
	else
		buf_printf(&t->out, "\\%c", c);
	t->at += 2;
	t->can_repeat = true;
	return 0;
}

static void put_literal_in_brackets(struct buf *out, char c)
{
	if (strchr("[]^-", c))
		buf_printf(out, "[.%c.]", c);
	else
		buf_putc(out, c);
}

static int put_escape_in_brackets(struct translation *t, struct err *e)
{
	char c = t->at[1];

	if (class_of(c) && islower((unsigned char)c))
		buf_puts(&t->out, class_of(c));
	else if (class_of(c))
		return refuse(t, t->at, 2, "in brackets there is only \\d, \\w and \\s", e);
	else if (!ispunct((unsigned char)c))
		return refuse_escape(t, e);
	else
		put_literal_in_brackets(&t->out, c);
	t->at += 2;
	return 0;
}

static int put_brackets(struct translation *t, struct err *e)
{
	const char *end;
	bool first = true;

	buf_putc(&t->out, *t->at++);
	if (*t->at == '^')
		buf_putc(&t->out, *t->at++);
	for (; *t->at && (first || *t->at != ']'); first = false) {
		if (*t->at == '\\') {
			if (put_escape_in_brackets(t, e) < 0)
				return -1;
		} else if (t->at[0] == '[' && t->at[1] == ':' && (end = strstr(t->at, ":]"))) {
			buf_add(&t->out, t->at, (size_t)(end + 2 - t->at));
			t->at = end + 2;
		} else if (*t->at == '[') {
			put_literal_in_brackets(&t->out, *t->at++);
		} else {
			buf_putc(&t->out, *t->at++);
		}
	}
	if (*t->at)
		buf_putc(&t->out, *t->at++);
	t->can_repeat = true;
	return 0;
}

/* *, + and ?.  After them or {n} a ? means to match as little as possible, which is no other name. */
static int put_repetition(struct translation *t, struct err *e)
{
	if (!t->can_repeat)
		return refuse(t, t->at, 1, "something to repeat must stand before it", e);
	buf_putc(&t->out, *t->at++);
	t->at += *t->at == '?';
	return 0;
}

static int put_next(struct translation *t, struct err *e)
{
	char c = *t->at;

	if (c == '\\')
		return put_escape(t, e);
	if (c == '[')
		return put_brackets(t, e);
	if (strchr("*+?", c))
		return put_repetition(t, e);
	if (!strncmp(t->at, "(?:", 3))
		t->at += 2;
	else if (!strncmp(t->at, "(?", 2))
		return refuse(t, t->at, strcspn(t->at, ")"), "of these there is only (?:...)", e);
	if (c == ')' && t->open == 0)
		return refuse(t, t->at, 1, "no ( stands before it", e);
	t->open += (c == '(') - (c == ')');
	buf_putc(&t->out, c);
	t->at++;
	if (c == '}' && *t->at == '?')
		t->at++;
	t->can_repeat = c != '(' && c != '|';
	return 0;
}

int pattern_compile(regex_t *out, const char *text, struct err *e)
{
	struct translation t = { .from = text, .at = text, .out = BUF_INIT };
	char why[128];
	int got = 0;

	while (got == 0 && *t.at)
		got = put_next(&t, e);
	if (got == 0 && t.out.bad)
		got = err_memory(e);
	if (got == 0) {
		got = regcomp(out, t.out.data ? t.out.data : "", REG_EXTENDED | REG_NOSUB);
		if (got) {
			regerror(got, out, why, sizeof(why));
			err_set(e, ERR_USAGE,
			    "\"%s\" is no regular expression for names of interfaces: %s", text, why);
		}
	}
	buf_release(&t.out);
	return got ? -1 : 0;
}

int l2_pattern_check(const char *text, struct err *e)
{
	regex_t compiled;

	if (pattern_compile(&compiled, text, e) < 0)
		return -1;
	regfree(&compiled);
	return 0;
}
