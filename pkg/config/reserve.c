/* SPDX-License-Identifier: Apache-2.0 */
/* The annotation lbctl.dev/reserve of a pool: addresses, prefixes and ranges with commas between. */
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

struct reserves get_reserves(struct decoder *d, const struct api_meta *meta)
{
	const char *list = api_map_get(&meta->annotations, RESERVE_KEY);
	size_t n = 1, kept = 0;
	struct reserve *at;

	for (const char *c = list; c && *c; c++)
		n += *c == ',';
	at = list ? arena_alloc(d->arena, n * sizeof(*at)) : NULL;
	while (at && *list) {
		size_t length = strcspn(list, ","), one = length;
		const char *from = addr_trim(list, &one);

		if (one >= 2 * ADDR_TEXT_LEN) {
			refuse(d, &where, "%zu characters are too many for an address or a range; %s",
			    one, WANT);
		} else if (one) {
			const char *text = arena_printf(d->arena, "%.*s", (int)one, from);

			at[kept].text = text;
			kept += text && parse(d, text, &at[kept].range);
		}
		list += list[length] ? length + 1 : length;
	}
	return (struct reserves){ at, kept };
}

bool reserve_is_of(const struct reserve *r, const struct version *v)
{
	for (size_t i = 0; i < v->pool.ranges_n; i++)
		if (range_overlaps(&v->pool.ranges[i], &r->range))
			return true;
	return false;
}

static int by_first(const void *a, const void *b)
{
	return addr_compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
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

void take_reserves(struct decoder *d, const struct reserves *r, struct version *v)
{
	struct range *at = r->n ? arena_alloc(d->arena, r->n * sizeof(*at)) : NULL;
	size_t n = 0;

	for (size_t i = 0; at && i < r->n; i++)
		if (reserve_is_of(&r->at[i], v))
			at[n++] = r->at[i].range;
	if (!n)
		return;
	qsort(at, n, sizeof(*at), by_first);
	v->pool.reserved = at;
	v->pool.reserved_n = merge(at, n);
}

void get_reserved(struct decoder *d, const struct api_meta *meta, struct version *v)
{
	struct reserves r = get_reserves(d, meta);

	take_reserves(d, &r, v);
	for (size_t i = 0; v->pool.ranges_n && i < r.n; i++) /* that there are none is told */
		if (!reserve_is_of(&r.at[i], v))
			refuse(d, &where,
			    "\"%s\" has no address of the pool; reserve some of its own, or remove it",
			    r.at[i].text);
}
