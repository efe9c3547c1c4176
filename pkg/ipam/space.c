/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, and which of their addresses are free.
 *
 * A pool keeps the gaps between used addresses, not the addresses.  In the beginning each range
 * is one gap; taking an address cuts one, giving it back mends it.  So there are never more gaps
 * than ranges and used addresses together.
 *
 * With avoidBuggyIPs an address that ends in .0 or .255 is never an end of a gap: gaps are
 * trimmed, and what was trimmed away is found again when a neighbour comes back. */
#include "pkg/ipam/engine.h"

static int gap_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct gap *l = TREE_ITEM(a, const struct gap, node);
	const struct gap *r = TREE_ITEM(b, const struct gap, node);

	if (l->range != r->range)
		return l->range < r->range ? -1 : 1;
	return addr_compare(&l->first, &r->first);
}

bool space_avoids(const struct pool *p, const struct addr *a)
{
	return p->config->avoid_buggy_ips && a->family == ADDR_IPV4 &&
	       (a->bytes[3] == 0 || a->bytes[3] == 255);
}

/* Moves the ends of g inwards past addresses to avoid; false when nothing is left. */
static bool trim(const struct pool *p, struct gap *g)
{
	while (space_avoids(p, &g->first)) {
		if (addr_equal(&g->first, &g->last))
			return false;
		addr_next(&g->first);
	}
	while (space_avoids(p, &g->last))
		addr_prev(&g->last);
	return true;
}

bool space_reserves(const struct pool *p, const struct addr *a)
{
	size_t low = 0, high = p->config->reserved_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr_compare(&p->config->reserved[mid].first, a) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && range_contains(&p->config->reserved[low - 1], a);
}

bool space_open(const struct pool *p, const struct addr *a)
{
	return !space_avoids(p, a) && !space_reserves(p, a);
}

static void add_gap(struct ipam *m, struct pool *p, const struct gap *like)
{
	struct gap *g, copy = *like;

	if (!trim(p, &copy))
		return;
	g = malloc(sizeof(*g));
	if (!g) {
		m->bad = true;
		return;
	}
	*g = copy;
	tree_add(&p->gaps[family_index(g->first.family)], &g->node);
}

static void drop_gap(struct pool *p, struct gap *g)
{
	tree_remove(&p->gaps[family_index(g->first.family)], &g->node);
	free(g);
}

const struct place *space_find(const struct ipam *m, const struct addr *a)
{
	size_t low = 0, high = m->places_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr_compare(&m->places[mid].range.first, a) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || !range_contains(&m->places[low - 1].range, a))
		return NULL;
	return &m->places[low - 1];
}

/* The last gap of the range that begins at most at a. */
static struct gap *gap_before(const struct pool *p, uint32_t range, const struct addr *a)
{
	struct gap probe = { .range = range, .first = *a };
	struct gap *g =
	    TREE_ITEM(tree_at_most(&p->gaps[family_index(a->family)], &probe.node), struct gap, node);

	return g && g->range == range ? g : NULL;
}

void space_take(struct ipam *m, const struct addr *a)
{
	const struct place *at = space_find(m, a);
	struct pool *p = at ? at->pool : NULL;
	struct gap *g = p && !space_avoids(p, a) ? gap_before(p, at->index, a) : NULL;
	struct gap right;

	if (!g || addr_compare(a, &g->last) > 0)
		return;
	p->out[family_index(a->family)]++;
	right = *g;
	right.first = *a;
	if (addr_equal(a, &g->first)) {
		drop_gap(p, g);
	} else {
		g->last = *a;
		addr_prev(&g->last);
		trim(p, g); /* its first is usable, so it stays, and where it is */
	}
	if (!addr_equal(a, &right.last) && addr_next(&right.first))
		add_gap(m, p, &right);
}

/* The usable address next to a, up or down; false at the end of the family. */
static bool step(const struct pool *p, struct addr *a, bool (*move)(struct addr *a))
{
	do {
		if (!move(a))
			return false;
	} while (space_avoids(p, a));
	return true;
}

void space_put(struct ipam *m, const struct addr *a)
{
	const struct place *at = space_find(m, a);
	struct pool *p = at ? at->pool : NULL;
	struct gap fresh, *left, *right;
	struct addr before = *a, after = *a;

	if (!p || !space_open(p, a))
		return;
	fresh = (struct gap){ .range = at->index, .first = *a, .last = *a };
	left = gap_before(p, at->index, a);
	if (left && addr_compare(a, &left->last) <= 0)
		return; /* it was free */
	p->out[family_index(a->family)]--;
	if (left && step(p, &before, addr_prev) && addr_equal(&before, &left->last)) {
		fresh.first = left->first;
		drop_gap(p, left);
	}
	if (step(p, &after, addr_next)) {
		right = gap_before(p, at->index, &after);
		if (right && addr_equal(&after, &right->first)) {
			fresh.last = right->last;
			drop_gap(p, right);
		}
	}
	add_gap(m, p, &fresh);
}

bool space_lowest(const struct pool *p, uint8_t family, struct addr *a, uint32_t *range)
{
	const struct gap *g =
	    TREE_ITEM(tree_first(&p->gaps[family_index(family)]), const struct gap, node);

	if (!g)
		return false;
	*a = g->first;
	*range = g->range;
	return true;
}

const char *space_name(struct ipam *m, const char *name)
{
	size_t n = strlen(name);
	struct pool_name *known;

	HASH_FIND(hh, m->names, name, n, known);
	if (known)
		return known->name;
	known = calloc(1, sizeof(*known) + n + 1);
	if (known) {
		memcpy(known->name, name, n);
		HASH_ADD_KEYPTR(hh, m->names, known->name, n, known);
	}
	if (known && known->hh.tbl)
		return known->name;
	free(known);
	m->bad = true;
	return NULL;
}

struct pool *space_pool(const struct ipam *m, const char *name)
{
	const struct config_pool *p = m->config ? config_pool_find(m->config, name) : NULL;

	return p ? m->by_name[p - m->config->pools] : NULL;
}

bool space_lacks(const struct ipam *m, const char *pool)
{
	return pool && m->config && m->config->incomplete && !space_pool(m, pool);
}

void space_free(struct ipam *m)
{
	for (size_t i = 0; i < m->pools_n; i++) {
		struct pool *p = &m->pools[i];

		for (size_t f = 0; f < 2; f++) {
			while (p->gaps[f].root)
				drop_gap(p, TREE_ITEM(p->gaps[f].root, struct gap, node));
			while (p->turns[f].root) {
				struct former *turn =
				    TREE_ITEM(p->turns[f].root, struct former, turn_node);

				tree_remove(&p->turns[f], &turn->turn_node);
				turn->pool = NULL;
			}
		}
	}
	free(m->pools);
	free(m->by_name);
	free(m->places);
	m->pools = NULL;
	m->by_name = NULL;
	m->places = NULL;
	m->pools_n = m->places_n = 0;
	m->config = NULL;
}

/* Pools with a serviceAllocation before those without; by priority, 0 last; by name. */
static int try_order(const void *a, const void *b)
{
	const struct config_pool *l = ((const struct pool *)a)->config;
	const struct config_pool *r = ((const struct pool *)b)->config;
	int64_t lp = l->priority ? l->priority : INT64_MAX, rp = r->priority ? r->priority : INT64_MAX;

	if (l->restricted != r->restricted)
		return l->restricted ? -1 : 1;
	if (lp != rp)
		return lp < rp ? -1 : 1;
	return strcmp(l->name, r->name);
}

static int by_first(const void *a, const void *b)
{
	return addr_compare(
	    &((const struct place *)a)->range.first, &((const struct place *)b)->range.first);
}

static int turn_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct former *l = TREE_ITEM(a, const struct former, turn_node);
	const struct former *r = TREE_ITEM(b, const struct former, turn_node);

	return l->order < r->order ? -1 : l->order > r->order;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a >= INT64_MAX || b > INT64_MAX - a ? INT64_MAX : a + b;
}

/* How many usable addresses there are from first to last. */
static uint64_t usable(const struct pool *p, const struct addr *first, const struct addr *last)
{
	struct gap g = { .first = *first, .last = *last };
	struct range r;
	uint64_t n;

	if (!trim(p, &g))
		return 0;
	r = (struct range){ g.first, g.last };
	n = range_size(&r);
	if (p->config->avoid_buggy_ips && g.first.family == ADDR_IPV4)
		n -= 2 * (uint64_t)((ntohl(addr_to_in(&g.last).s_addr) >> 8) -
				    (ntohl(addr_to_in(&g.first).s_addr) >> 8));
	return n;
}

/* The range without what is reserved, as gaps. */
static void add_open(struct ipam *m, struct pool *p, size_t index)
{
	const struct range *r = &p->config->ranges[index];
	struct gap g = { .range = (uint32_t)index, .first = r->first };
	size_t f = family_index(r->first.family);

	for (size_t i = 0; i < p->config->reserved_n; i++) {
		const struct range *cut = &p->config->reserved[i];

		if (cut->first.family != r->first.family || addr_compare(&cut->last, &g.first) < 0)
			continue;
		if (addr_compare(&cut->first, &r->last) > 0)
			break;
		if (addr_compare(&cut->first, &g.first) > 0) {
			g.last = cut->first;
			addr_prev(&g.last);
			p->open[f] = sum(p->open[f], usable(p, &g.first, &g.last));
			add_gap(m, p, &g);
		}
		if (addr_compare(&cut->last, &r->last) >= 0)
			return;
		g.first = cut->last;
		addr_next(&g.first);
	}
	g.last = r->last;
	p->open[f] = sum(p->open[f], usable(p, &g.first, &g.last));
	add_gap(m, p, &g);
}

static void add_ranges(struct ipam *m, struct pool *p)
{
	for (size_t i = 0; i < p->config->ranges_n; i++) {
		const struct range *r = &p->config->ranges[i];
		size_t f = family_index(r->first.family);

		add_open(m, p, i);
		p->capacity[f] = sum(p->capacity[f], usable(p, &r->first, &r->last));
		m->places[m->places_n++] = (struct place){ *r, p, (uint32_t)i };
	}
}

void space_assigned(struct ipam *m, const struct addr *a, bool assigned)
{
	const struct place *at = space_find(m, a);
	size_t f = family_index(a->family);
	uint64_t change = assigned ? 1 : (uint64_t)-1;

	if (!at || space_avoids(at->pool, a))
		return;
	at->pool->assigned[f] += change;
	if (space_reserves(at->pool, a))
		at->pool->reserved_assigned[f] += change;
}

void space_build(struct ipam *m, const struct config *c)
{
	space_free(m);
	m->pools = calloc(c->pools_n + 1, sizeof(*m->pools));
	m->by_name = calloc(c->pools_n + 1, sizeof(*m->by_name));
	m->places = calloc(c->ranges_n + 1, sizeof(*m->places));
	if (!m->pools || !m->by_name || !m->places) {
		m->bad = true;
		return;
	}
	m->config = c;
	m->pools_n = c->pools_n;
	for (size_t i = 0; i < c->pools_n; i++)
		m->pools[i] = (struct pool){
			.config = &c->pools[i],
			.gaps = { TREE_INIT(gap_compare), TREE_INIT(gap_compare) },
			.turns = { TREE_INIT(turn_compare), TREE_INIT(turn_compare) },
		};
	qsort(m->pools, m->pools_n, sizeof(*m->pools), try_order);
	for (size_t i = 0; i < m->pools_n; i++) {
		m->by_name[m->pools[i].config - c->pools] = &m->pools[i];
		add_ranges(m, &m->pools[i]);
	}
	qsort(m->places, m->places_n, sizeof(*m->places), by_first);
	for (const struct tree_node *n = tree_first(&m->used); n; n = tree_after(&m->used, n)) {
		const struct used *u = TREE_ITEM(n, const struct used, node);

		space_take(m, &u->addr);
		if (u->holders)
			space_assigned(m, &u->addr, true);
	}
	rest_rebuild(m);
}

bool ipam_books(const struct ipam *m, const char *pool, uint8_t family, struct ipam_books *out)
{
	const struct pool *p = space_pool(m, pool);
	size_t f = family_index(family);
	uint64_t turns;

	if (!p)
		return false;
	turns = p->turns[f].n;
	*out = (struct ipam_books){
		.capacity = p->capacity[f],
		.assigned = p->assigned[f],
		.available = p->open[f] == INT64_MAX ? INT64_MAX : p->open[f] - p->out[f] + turns,
		.reserved = p->capacity[f] - p->open[f] - p->reserved_assigned[f],
		.held = p->out[f] - turns - (p->assigned[f] - p->reserved_assigned[f]),
	};
	if (p->capacity[f] == INT64_MAX)
		out->reserved = p->open[f] == INT64_MAX ? 0 : INT64_MAX;
	return true;
}
