/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/config/config.h"

const struct config_pool *config_pool_find(const struct config *c, const char *name)
{
	size_t low = 0, high = c->pools_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, c->pools[mid].name);

		if (order == 0)
			return &c->pools[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct config_pool *config_pool_of(const struct config *c, const struct addr *a)
{
	size_t low = 0, high = c->ranges_n; /* the last that begins at most at a is before `high` */

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr_compare(&c->ranges[mid].range.first, a) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || !range_contains(&c->ranges[low - 1].range, a))
		return NULL;
	return c->ranges[low - 1].pool;
}

bool config_pool_holds(const struct config_pool *p, const struct addr *a)
{
	for (size_t i = 0; i < p->ranges_n; i++)
		if (range_contains(&p->ranges[i], a))
			return true;
	return false;
}

bool config_names_has(const struct config_names *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (!strcmp(n->at[i], name))
			return true;
	return false;
}

bool config_l2_covers_pool(const struct config_l2 *l, const struct config_pool *p)
{
	if (!l->pools.n && !l->pool_selectors.n)
		return true;
	if (config_names_has(&l->pools, p->name))
		return true;
	return l->pool_selectors.n && config_selectors_match(&l->pool_selectors, &p->labels);
}

bool config_selectors_match(const struct config_selectors *s, const struct api_map *labels)
{
	for (size_t i = 0; i < s->n; i++)
		if (api_selector_matches(&s->at[i], labels))
			return true;
	return s->n == 0;
}
