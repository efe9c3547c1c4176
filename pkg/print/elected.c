/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of an election: who announces what; and of a what-if, what moves and who has how many. */
#include <inttypes.h>
#include <string.h>

#include "pkg/print/columns.h"

static void before(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "before", NULL), "<none>", out);
}

static void name(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "subject", "name", NULL), "", out);
}

static void number(const struct json *j, struct buf *out)
{
	int64_t n = 0;

	if (json_int(j, &n))
		buf_printf(out, "%" PRId64, n);
}

static void share_now(const struct json *o, struct buf *out)
{
	number(json_at(o, "spec", "share", "now", NULL), out);
}

static void share_then(const struct json *o, struct buf *out)
{
	number(json_at(o, "spec", "share", "then", NULL), out);
}

/* Of an election: the winner has no code, those after it are on standby, the others refused. */
static bool is_candidate(const struct json *considered)
{
	const char *why = json_string(json_get(considered, "code"));

	return !why || !strcmp(why, "Standby");
}

static void winner(const struct json *o, struct buf *out)
{
	const struct json *first = json_item(json_at(o, "spec", "considered", NULL), 0);

	column_text(
	    json_string(json_get(first, "code")) ? NULL : json_get(first, "name"), "<none>", out);
}

static void names_of(const struct json *o, bool candidate, struct buf *out)
{
	const struct json *list = json_at(o, "spec", "considered", NULL);
	size_t start = out->len;

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);

		if (is_candidate(item) != candidate)
			continue;
		if (out->len > start)
			buf_putc(out, ',');
		column_text(json_get(item, "name"), "", out);
		if (!candidate)
			buf_printf(out, "(%s)", json_string(json_get(item, "code")));
	}
	if (out->len == start)
		buf_puts(out, "<none>");
}

static void election_candidates(const struct json *o, struct buf *out)
{
	names_of(o, true, out);
}

static void election_refused(const struct json *o, struct buf *out)
{
	names_of(o, false, out);
}

static const struct print_column election[] = {
	{ "SERVICE", column_object, false },
	{ "ADDRESS", column_addresses, false },
	{ "NODE", winner, false },
	{ "CANDIDATES", election_candidates, false },
	{ "REFUSED", election_refused, true },
	{ "CODE", column_code, true },
	{ "REASON", column_message, false },
	{ NULL, NULL, false },
};

/* What would be announced otherwise. */
static const struct print_column moves[] = {
	{ "ADDRESS", column_addresses, false },
	{ "SERVICE", column_object, false },
	{ "NOW", before, false },
	{ "THEN", winner, false },
	{ "WHY", column_message, false },
	{ NULL, NULL, false },
};

static const struct print_column shares[] = {
	{ "NODE", name, false },
	{ "NOW", share_now, false },
	{ "THEN", share_then, false },
	{ "SUMMARY", column_message, false },
	{ NULL, NULL, false },
};

const struct print_table *print_elected(const struct json *object)
{
	static const struct print_table elected = { "Decision", election };
	static const struct print_table moved = { "Decision", moves };
	static const struct print_table shared = { "Decision", shares };
	const struct json *spec = json_get(object, "spec");

	if (json_get(spec, "share"))
		return &shared;
	return json_get(spec, "before") ? &moved : &elected;
}
