/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/yaml/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 400 }; /* no longer word is a number */

struct word {
	const char *text;
	enum json_type type;
	bool value;
};

/* A row stands for three spellings: yes, Yes, YES. */
static const struct word words[] = {
	{ "y", JSON_BOOL, true },
	{ "yes", JSON_BOOL, true },
	{ "true", JSON_BOOL, true },
	{ "on", JSON_BOOL, true },
	{ "n", JSON_BOOL, false },
	{ "no", JSON_BOOL, false },
	{ "false", JSON_BOOL, false },
	{ "off", JSON_BOOL, false },
	{ "null", JSON_NULL, false },
	{ "~", JSON_NULL, false },
	{ "", JSON_NULL, false },
};

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* All lower, all upper, or only the first letter upper. */
static bool same_word(const char *text, size_t len, const char *word)
{
	bool rest;

	if (strlen(word) != len || strncasecmp(text, word, len) != 0)
		return false;
	rest = len > 1 && is_upper(text[1]);
	for (size_t i = 1; i < len; i++)
		if (is_upper(text[i]) != rest)
			return false;
	return !rest || is_upper(text[0]);
}

static const struct word *find_word(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (same_word(text, len, words[i].text))
			return &words[i];
	return NULL;
}

static bool all_in(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == '\0';
}

/* An integer as Go's strconv reads it with base 0: 10, 0x1F, 0b11, 0o17, 017.  `s` has no sign. */
static bool parse_integer(const char *s, uint64_t *v)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} bases[] = {
		{ "0x", "0123456789abcdefABCDEF", 16 },
		{ "0b", "01", 2 },
		{ "0o", "01234567", 8 },
		{ "0", "01234567", 8 },
		{ "", "0123456789", 10 },
	};

	if (!strcmp(s, "0")) {
		*v = 0;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		size_t n = strlen(bases[i].prefix);

		if (strncasecmp(s, bases[i].prefix, n) != 0 || (bases[i].base == 10 && *s == '0'))
			continue;
		if (!all_in(s + n, bases[i].digits))
			continue;
		errno = 0;
		*v = strtoull(s + n, NULL, bases[i].base);
		return errno == 0;
	}
	return false;
}

/* A number as JSON writes it, out of one as YAML may ("+.5" gives "0.5"); false when `s` is none. */
static bool number_text(const char *s, char out[static NUMBER_MAX + 8])
{
	size_t whole, fraction = 0;
	char *o = out;

	if (*s == '-')
		*o++ = '-';
	if (*s == '-' || *s == '+')
		s++;
	whole = strspn(s, "0123456789");
	while (whole > 1 && *s == '0') {
		s++;
		whole--;
	}
	if (!whole)
		*o++ = '0';
	memcpy(o, s, whole);
	o += whole;
	s += whole;
	if (*s == '.') {
		fraction = strspn(s + 1, "0123456789");
		if (fraction) {
			memcpy(o, s, fraction + 1);
			o += fraction + 1;
		}
		s += fraction + 1;
	}
	if (!whole && !fraction)
		return false;
	if (*s == 'e' || *s == 'E') {
		*o++ = *s++;
		if (*s == '-' || *s == '+')
			*o++ = *s++;
		if (!all_in(s, "0123456789"))
			return false;
		o = stpcpy(o, s);
		s += strlen(s);
	}
	*o = '\0';
	return *s == '\0';
}

static struct json *signed_number(bool negative, uint64_t v)
{
	char text[40];

	if (v <= INT64_MAX || (negative && v == (uint64_t)INT64_MAX + 1))
		return json_new_int(negative ? (int64_t)(0 - v) : (int64_t)v);
	if (negative)
		snprintf(text, sizeof(text), "%.17g", -(double)v);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_new_double(negative ? -(double)v : (double)v, text);
}

/* 1 and *out; 0 when the text is no number; -1 when out of memory. */
static int parse_number(const char *text, size_t len, struct json **out, bool *whole)
{
	char plain[NUMBER_MAX + 1], norm[NUMBER_MAX + 8];
	size_t n = 0, sign;
	uint64_t v;
	double d;

	if (!len || len > NUMBER_MAX || !memchr("+-.0123456789", text[0], 13))
		return 0;
	for (size_t i = 0; i < len; i++)
		if (text[i] != '_' || text[0] == '.')
			plain[n++] = text[i];
	plain[n] = '\0';
	if (strlen(plain) != n)
		return 0;
	sign = plain[0] == '-' || plain[0] == '+';
	*whole = true;
	if (parse_integer(plain + sign, &v)) {
		*out = signed_number(plain[0] == '-', v);
		return *out ? 1 : -1;
	}
	*whole = false;
	if (!number_text(plain, norm))
		return 0;
	d = strtod(norm, NULL);
	if (!isfinite(d))
		return 0;
	/* More digits than any integer type: what a JSON reader makes of them is its own affair, so
	 * they are written as the number that they round to. */
	if (fabs(d) > (double)INT64_MAX && !strpbrk(norm, ".eE"))
		snprintf(norm, sizeof(norm), "%.17g", d);
	*out = json_new_double(d, norm);
	return *out ? 1 : -1;
}

static bool is_infinite(const char *text, size_t len)
{
	if (len == 5 && (text[0] == '+' || text[0] == '-') && !strncasecmp(text + 1, ".inf", 4))
		return true;
	return len == 4 && (!strncasecmp(text, ".inf", 4) || !strncasecmp(text, ".nan", 4));
}

static int refuse(struct err *e, const char *text, size_t len, const char *want)
{
	return err_set(e, ERR_PROTOCOL, "'%.*s' is not %s", (int)(len < 60 ? len : 60), text, want);
}

static int resolve_word(
    const struct word *w, const char *text, enum scalar_tag tag, struct json **out, struct err *e)
{
	if (w->type == JSON_NULL) {
		if (tag != SCALAR_PLAIN && tag != SCALAR_NULL)
			return refuse(e, text, strlen(w->text), "what its tag says");
		*out = NULL;
		return 0;
	}
	if (tag != SCALAR_PLAIN && tag != SCALAR_BOOL)
		return refuse(e, text, strlen(w->text), "what its tag says");
	*out = json_new_bool(w->value);
	return *out ? 0 : err_memory(e);
}

int scalar_resolve(const char *text, size_t len, enum scalar_tag tag, struct json **out, struct err *e)
{
	const struct word *w = tag == SCALAR_STRING ? NULL : find_word(text, len);
	bool whole = false;
	int number = 0;

	if (w)
		return resolve_word(w, text, tag, out, e);
	if (tag != SCALAR_STRING) {
		if (is_infinite(text, len))
			return refuse(e, text, len, "a number that JSON can hold");
		number = parse_number(text, len, out, &whole);
		if (number < 0)
			return err_memory(e);
	}
	if (number) {
		if (tag == SCALAR_PLAIN || tag == SCALAR_FLOAT || (tag == SCALAR_INT && whole))
			return 0;
		json_freep(out);
		*out = NULL;
		return refuse(e, text, len, "what its tag says");
	}
	if (tag != SCALAR_PLAIN && tag != SCALAR_STRING)
		return refuse(e, text, len, "what its tag says");
	*out = json_new_string(text, len);
	return *out ? 0 : err_memory(e);
}
