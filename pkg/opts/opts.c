/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/opts/opts.h"

#include <errno.h>
#include <string.h>

void opt_list_release(struct opt_list *l)
{
	for (size_t i = 0; i < l->uses; i++)
		free(l->copies[i]);
	free(l->at);
	*l = (struct opt_list){ 0 };
}

/* An option of the table or of those it includes, and where its struct begins. */
static const struct opt *find(const struct opt *o, const char *name, size_t n, char key, char **base)
{
	for (; o->type != OPT_TYPE_END; o++) {
		char *inner = *base + o->at;
		const struct opt *found;

		if (o->type == OPT_TYPE_INCLUDE && (found = find(o->include, name, n, key, &inner))) {
			*base = inner;
			return found;
		}
		if (o->type == OPT_TYPE_INCLUDE)
			continue;
		if (key ? o->key == key : strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	}
	return NULL;
}

static int parse_uint(const struct opt *o, const char *value, uint32_t *out, struct err *e)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || v > UINT32_MAX)
		return err_set(e, ERR_USAGE, "--%s: want a whole number from 0 to %u, have '%s'",
		    o->name, UINT32_MAX, value);
	*out = (uint32_t)v;
	return 0;
}

/* "1.5s", "1m30s": as Go's time.ParseDuration, without a sign; and "5" is seconds. */
static int parse_duration(const struct opt *o, const char *value, uint32_t *out, struct err *e)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 }, { "", 1e3 } };
	const char *at = value;
	double total = 0;

	while (*at) {
		size_t digits = strspn(at, "0123456789."), letters, u = 0;
		char *end;
		double v = strtod(at, &end);

		if (!digits || digits > 15 || end != at + digits)
			break;
		letters = strcspn(end, "0123456789.");
		while (u < ARRAY_LEN(units) &&
		       (strlen(units[u].unit) != letters || memcmp(units[u].unit, end, letters)))
			u++;
		if (u == ARRAY_LEN(units))
			break;
		total += v * units[u].ms;
		at = end + letters;
	}
	if (*at || !value[0])
		return err_set(e, ERR_USAGE,
		    "--%s: want a duration such as 300ms, 1.5s or 5m, have '%s'", o->name, value);
	if (total > OPT_DURATION_MAX_MS)
		return err_set(
		    e, ERR_USAGE, "--%s: at most 576h (24 days) will do, have '%s'", o->name, value);
	*out = (uint32_t)total;
	return 0;
}

static int add_list(const struct opt *o, const char *value, struct opt_list *l, struct err *e)
{
	char *rest, *piece;

	if (l->uses == ARRAY_LEN(l->copies))
		return err_set(e, ERR_USAGE, "--%s: given too often", o->name);
	rest = strdup(value);
	if (!rest)
		return err_memory(e);
	l->copies[l->uses++] = rest;
	while ((piece = strsep(&rest, ","))) {
		const char **at = realloc(l->at, (l->n + 1) * sizeof(*at));

		if (!at)
			return err_memory(e);
		l->at = at;
		if (*piece)
			l->at[l->n++] = piece;
	}
	return 0;
}

static int store(const struct opt *o, char *base, const char *value, struct err *e)
{
	void *field = base + o->at;

	switch (o->type) {
	case OPT_TYPE_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_TYPE_STRING:
		if (!value[0])
			return err_set(e, ERR_USAGE, "--%s: want %s, have ''", o->name, o->arg);
		*(const char **)field = value;
		return 0;
	case OPT_TYPE_UINT:
		return parse_uint(o, value, field, e);
	case OPT_TYPE_DURATION:
		return parse_duration(o, value, field, e);
	default:
		return add_list(o, value, field, e);
	}
}

struct words {
	int argc;
	char **argv;
	int at;
};

/* argv[at] is "--name", "--name=value". */
static int parse_long(const struct opt *opts, char *base, struct words *w, struct err *e)
{
	const char *word = w->argv[w->at] + 2;
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value++ - word) : strlen(word);
	const struct opt *o = find(opts, word, n, 0, &base);

	if (!o)
		return err_set(e, ERR_USAGE, "unknown option --%.*s; --help lists them", (int)n, word);
	if (o->type == OPT_TYPE_FLAG && value)
		return err_set(e, ERR_USAGE, "--%s takes no value", o->name);
	if (o->type != OPT_TYPE_FLAG && !value && ++w->at == w->argc)
		return err_set(e, ERR_USAGE, "--%s needs %s", o->name, o->arg);
	return store(o, base, value ? value : w->argv[w->at], e);
}

/* argv[at] is "-k", "-kvalue", "-abc" of flags. */
static int parse_short(const struct opt *opts, char *into, struct words *w, struct err *e)
{
	for (const char *c = w->argv[w->at] + 1; *c; c++) {
		char *base = into;
		const struct opt *o = find(opts, NULL, 0, *c, &base);

		if (!o)
			return err_set(e, ERR_USAGE, "unknown option -%c; --help lists them", *c);
		if (o->type != OPT_TYPE_FLAG) {
			if (!c[1] && ++w->at == w->argc)
				return err_set(e, ERR_USAGE, "-%c needs %s", o->key, o->arg);
			return store(o, base, c[1] ? c + 1 : w->argv[w->at], e);
		}
		if (store(o, base, NULL, e) < 0)
			return -1;
	}
	return 0;
}

int opts_parse(const struct opt *opts, void *into, int argc, char **argv, struct err *e)
{
	struct words w = { .argc = argc, .argv = argv, .at = 1 };
	int operands = 0;

	for (; w.at < argc; w.at++) {
		char *word = argv[w.at];

		if (word[0] != '-' || !word[1]) {
			argv[1 + operands++] = word;
			continue;
		}
		if (!strcmp(word, "--")) {
			while (++w.at < argc)
				argv[1 + operands++] = argv[w.at];
			break;
		}
		if ((word[1] == '-' ? parse_long : parse_short)(opts, into, &w, e) < 0)
			return -1;
	}
	return operands;
}

static bool walk(const struct opt *o, bool (*each)(const struct opt *o, void *arg), void *arg)
{
	for (; o->type != OPT_TYPE_END; o++)
		if (o->type == OPT_TYPE_INCLUDE ? !walk(o->include, each, arg) : !each(o, arg))
			return false;
	return true;
}

void opts_each(const struct opt *opts, bool (*each)(const struct opt *o, void *arg), void *arg)
{
	walk(opts, each, arg);
}

static bool help_line(const struct opt *o, void *out)
{
	char left[60]; /* far more than any option needs; cut if not */

	snprintf(left, sizeof(left), "%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
	fprintf(out, "  %c%c --%-24s %s\n", o->key ? '-' : ' ', o->key ? o->key : ' ', left, o->help);
	return true;
}

void opts_help(const struct opt *opts, FILE *out)
{
	opts_each(opts, help_line, out);
	fputs("     --help                     show this and exit\n", out);
}
