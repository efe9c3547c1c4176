/* SPDX-License-Identifier: Apache-2.0 */
/* opts: one table of options, from which parsing, --help, completion and the manual's
 * synopsis all come.
 *
 * Options and operands may stand in any order; "--" ends the options.  Short options take
 * their value glued or apart (-c3, -c 3), long ones after "=" or apart.  A table may
 * include another with OPT_INCLUDE, for options that several commands share. */
#ifndef LB_OPTS_H
#define LB_OPTS_H

#include <stdio.h>

#include "pkg/err/err.h"

enum opt_type {
	OPT_TYPE_END,
	OPT_TYPE_FLAG,     /* bool */
	OPT_TYPE_STRING,   /* const char *, borrowed from argv; never empty */
	OPT_TYPE_UINT,     /* uint32_t */
	OPT_TYPE_DURATION, /* uint32_t milliseconds; "1.5s", "300ms", "5m", "2h" as Go writes them; "5"
			      is 5 s; at most OPT_DURATION_MAX_MS */
	OPT_TYPE_LIST,     /* struct opt_list; repeatable, and commas separate; may be empty */
	OPT_TYPE_INCLUDE,
};

/* 24 days: what a time that is kept in 32 bits can be ahead of now (RFC 1982), and some room. */
enum { OPT_DURATION_MAX_MS = 24 * 86400 * 1000 };

struct opt_list {
	const char **at; /* the pieces; owned by the list */
	size_t n;
	char *copies[32]; /* one a use of the option */
	size_t uses;
};
void opt_list_release(struct opt_list *l);

struct opt {
	enum opt_type type;
	char key;         /* 'o', or 0 */
	const char *name; /* "output" */
	const char *arg;  /* "FORMAT", or NULL for a flag */
	size_t at;        /* offset of the field in the command's own struct */
	const char *help; /* one sentence, lower case, no full stop */
	const struct opt *include;
};

/* The comparison costs nothing; the compiler warns when the field is of the wrong type. */
#define OPT_AT_(s, m, ptr) (offsetof(s, m) + 0 * sizeof(&((s *)0)->m == (ptr)0))
#define OPT_(t, k, n, a, s, m, ptr, h)                             \
	{                                                          \
		OPT_TYPE_##t, k, n, a, OPT_AT_(s, m, ptr), h, NULL \
	}
#define OPT_FLAG(k, n, s, m, h) OPT_(FLAG, k, n, NULL, s, m, bool *, h)
#define OPT_STRING(k, n, a, s, m, h) OPT_(STRING, k, n, a, s, m, const char **, h)
#define OPT_UINT(k, n, a, s, m, h) OPT_(UINT, k, n, a, s, m, uint32_t *, h)
#define OPT_DURATION(k, n, a, s, m, h) OPT_(DURATION, k, n, a, s, m, uint32_t *, h)
#define OPT_LIST(k, n, a, s, m, h) OPT_(LIST, k, n, a, s, m, struct opt_list *, h)
/* The options of `table`, whose struct is member m of this one. */
#define OPT_INCLUDE(table, s, m)                                             \
	{                                                                    \
		OPT_TYPE_INCLUDE, 0, NULL, NULL, offsetof(s, m), NULL, table \
	}
#define OPT_END                                            \
	{                                                  \
		OPT_TYPE_END, 0, NULL, NULL, 0, NULL, NULL \
	}

/* Fills *into; moves the operands to argv[1..n] and returns n, or -1. */
int opts_parse(const struct opt *opts, void *into, int argc, char **argv, struct err *e) MUST_CHECK;

/* Calls each() for every option, included ones in their place; stops when it returns false. */
void opts_each(const struct opt *opts, bool (*each)(const struct opt *o, void *arg), void *arg);

void opts_help(const struct opt *opts, FILE *out);

#endif
