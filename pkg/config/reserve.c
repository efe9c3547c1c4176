/* SPDX-License-Identifier: Apache-2.0 */
/* The annotation lbctl.dev/reserve of a pool: addresses, prefixes and ranges with commas between. */
#include <stdio.h>
#include <string.h>

#include "pkg/config/decode.h"

#define WANT "want addresses, prefixes or ranges with commas between"
static const struct path where = { RESERVE_PATH };

/* An address, a prefix or a range. */
static bool parse(struct decoder *d, const char *text, struct range *r)
{
	struct err ignored = ERR_INIT, e = ERR_INIT; /* what is no address may be a range */

	if (addr_parse(&r->first, text, &ignored) == 0) {
		r->last = r->first;
		return true;
	}
	if (range_parse(r, text, &e) == 0)
		return true;
	refuse(d, &where, "%s; %s", e.text, WANT);
	return false;
}

void each_reserved(struct decoder *d, const struct api_meta *meta,
    void (*each)(void *arg, const char *text, const struct range *r), void *arg)
{
	const char *list = api_map_get(&meta->annotations, RESERVE_KEY);

	while (list && *list) {
		size_t n = strcspn(list, ",");
		size_t from = strspn(list, " \t"), to = n;
		char one[2 * ADDR_TEXT_LEN];
		struct range r;

		while (to > from && (list[to - 1] == ' ' || list[to - 1] == '\t'))
			to--;
		if (to > from && to - from >= sizeof(one)) {
			refuse(d, &where, "%zu characters are too many for an address or a range; %s",
			    to - from, WANT);
		} else if (to > from) {
			snprintf(one, sizeof(one), "%.*s", (int)(to - from), list + from);
			if (parse(d, one, &r))
				each(arg, one, &r);
		}
		list += list[n] ? n + 1 : n;
	}
}

static int by_first(const void *a, const void *b)
{
	return addr_compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

struct found {
	struct decoder *d;
	const struct config_pool *pool;
	struct range *at;
	size_t n;
	bool whole;
};

static void find(void *arg, const char *text, const struct range *r)
{
	struct found *f = arg;
	bool in = false;

	for (size_t i = 0; i < f->pool->ranges_n && !in; i++)
		in = range_overlaps(&f->pool->ranges[i], r);
	if (in)
		f->at[f->n++] = *r;
	else if (f->whole)
		refuse(f->d, &where,
		    "\"%s\" has no address of the pool; reserve some of its own, or remove it", text);
}

/* Joins what overlaps or touches; at[] is sorted. */
static size_t merge(struct range *at, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct addr after = kept ? at[kept - 1].last : at[0].first;
		bool joins = kept && (range_overlaps(&at[kept - 1], &at[i]) ||
					 (addr_next(&after) && addr_equal(&after, &at[i].first)));

		if (!joins)
			at[kept++] = at[i];
		else if (addr_compare(&at[i].last, &at[kept - 1].last) > 0)
			at[kept - 1].last = at[i].last;
	}
	return kept;
}

void get_reserved(struct decoder *d, const struct api_meta *meta, struct version *v, bool whole)
{
	const char *list = api_map_get(&meta->annotations, RESERVE_KEY);
	struct found f = { .d = d, .pool = &v->pool, .whole = whole };
	size_t n = 1;

	if (!list || !v->pool.ranges_n) /* without addresses, which is told, all would be outside */
		return;
	for (const char *at = list; *at; at++)
		n += *at == ',';
	f.at = arena_alloc(d->arena, n * sizeof(*f.at));
	if (!f.at)
		return;
	each_reserved(d, meta, find, &f);
	qsort(f.at, f.n, sizeof(*f.at), by_first);
	v->pool.reserved = f.at;
	v->pool.reserved_n = merge(f.at, f.n);
}
