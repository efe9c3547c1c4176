/* SPDX-License-Identifier: Apache-2.0 */
/* Which pools fit a Service, and which of their addresses it gets. */
#include "pkg/ipam/engine.h"

const char *choose_refusal(const struct service *s, const struct pool *p)
{
	const struct config_pool *c = p->config;
	bool bound = c->namespaces.n || c->namespace_selectors.n;

	if (!c->restricted)
		return NULL;
	if (bound && !config_names_has(&c->namespaces, SERVICE_NAMESPACE(s)) &&
	    !(c->namespace_selectors.n &&
		config_selectors_match(&c->namespace_selectors, &s->ns->labels)))
		return "PoolRefusesNamespace";
	if (!config_selectors_match(&c->service_selectors, &s->facts->labels))
		return "PoolRefusesService";
	return NULL;
}

bool choose_has(const struct pool *p, enum need need)
{
	switch (need) {
	case NEED_IPV4:
		return p->capacity[0];
	case NEED_IPV6:
		return p->capacity[1];
	case NEED_REQUIRE:
		return p->capacity[0] && p->capacity[1];
	default:
		return p->capacity[0] || p->capacity[1];
	}
}

struct best {
	bool found;
	struct addr addr;
	uint32_t range;
};

/* Is u a better one, and may s have it together with its holders? */
static void consider(const struct ipam *m, const struct service *s, const struct pool *p,
    uint8_t family, const struct used *u, struct best *b)
{
	const struct place *at = u->addr.family == family ? space_find(m, &u->addr) : NULL;
	const char *code;

	if (!at || at->pool != p)
		return;
	if (b->found &&
	    (at->index > b->range || (at->index == b->range && addr_compare(&u->addr, &b->addr) >= 0)))
		return;
	if (rest_open(m, p, &u->addr) && !hold_conflict(s, u, true, &code))
		*b = (struct best){ true, u->addr, at->index };
}

static void consider_shared(
    const struct ipam *m, const struct service *s, const struct pool *p, uint8_t family, struct best *b)
{
	const struct tree *t = &s->sharing->addresses;

	for (const struct tree_node *n = tree_first(t); n; n = tree_after(t, n))
		consider(m, s, p, family, TREE_ITEM(n, const struct shared, node)->used, b);
}

/* What s had is nobody's now, and may be given again: its pool, else NULL. */
static struct pool *again_of(const struct ipam *m, const struct former *f)
{
	const struct place *at = space_find(m, &f->addr);

	return at && rest_open(m, at->pool, &f->addr) ? at->pool : NULL;
}

static bool own(const struct ipam *m, const struct service *s, const struct pool *p, uint8_t family,
    struct addr *out)
{
	const struct former *f = rest_own(m, s);

	while (f && (f->addr.family != family || again_of(m, f) != p))
		f = f->next;
	if (f)
		*out = f->addr;
	return f != NULL;
}

/* The address of the family that s may have: what it had; or the lowest that is free, or shared with
 * others of its key, or in its own status and nobody's; or what is free for the longest. */
static bool lowest(const struct ipam *m, const struct service *s, const struct pool *p, uint8_t family,
    struct addr *out)
{
	struct best b = { 0 };

	if (own(m, s, p, family, out))
		return true;
	b.found = space_lowest(p, family, &b.addr, &b.range);
	if (s->sharing && !sharing_is_full(s))
		consider_shared(m, s, p, family, &b);
	for (size_t i = 0; i < s->records_n; i++)
		consider(m, s, p, family, s->records[i].used, &b);
	*out = b.addr;
	return b.found || rest_longest(p, family, out);
}

static bool both(
    const struct ipam *m, const struct service *s, const struct pool *p, struct addr out[2], size_t *n)
{
	*n = 2;
	return lowest(m, s, p, ADDR_IPV4, &out[0]) && lowest(m, s, p, ADDR_IPV6, &out[1]);
}

static bool one(const struct ipam *m, const struct service *s, const struct pool *p, uint8_t family,
    struct addr out[2], size_t *n)
{
	*n = 1;
	return lowest(m, s, p, family, &out[0]);
}

/* The first of pools that has what is needed. */
static bool first_of(const struct ipam *m, const struct class *c, const struct service *s,
    struct pool *const *pools, size_t pools_n, struct addr out[2], size_t *n)
{
	uint8_t other = c->primary == ADDR_IPV6 ? ADDR_IPV4 : ADDR_IPV6;
	size_t i;

	if (c->need == NEED_IPV4 || c->need == NEED_IPV6) {
		for (i = 0; i < pools_n; i++)
			if (one(m, s, pools[i], c->need == NEED_IPV4 ? ADDR_IPV4 : ADDR_IPV6, out, n))
				return true;
		return false;
	}
	if (c->need == NEED_EITHER) {
		for (i = 0; i < pools_n; i++)
			if (one(m, s, pools[i], ADDR_IPV4, out, n) ||
			    one(m, s, pools[i], ADDR_IPV6, out, n))
				return true;
		return false;
	}
	for (i = 0; i < pools_n; i++)
		if (both(m, s, pools[i], out, n))
			return true;
	if (c->need == NEED_REQUIRE)
		return false;
	for (i = 0; i < pools_n; i++)
		if (one(m, s, pools[i], c->primary, out, n))
			return true;
	for (i = 0; i < pools_n; i++)
		if (one(m, s, pools[i], other, out, n))
			return true;
	return false;
}

/* What it had last, if a pool of the class has it. */
static bool again(
    const struct ipam *m, const struct class *c, const struct service *s, struct addr out[2], size_t *n)
{
	for (const struct former *f = rest_own(m, s); f; f = f->next) {
		const struct pool *p = again_of(m, f);
		bool ipv4 = f->addr.family == ADDR_IPV4, listed = false;

		for (size_t i = 0; p && !listed && i < c->pools_n; i++)
			listed = c->pools[i] == p;
		if (!listed || (c->need == NEED_IPV4 && !ipv4) || (c->need == NEED_IPV6 && ipv4))
			continue;
		*n = 1;
		out[0] = f->addr;
		if (c->need != NEED_PREFER && c->need != NEED_REQUIRE)
			return true;
		out[ipv4 ? 0 : 1] = f->addr;
		if (lowest(m, s, p, ipv4 ? ADDR_IPV6 : ADDR_IPV4, &out[ipv4 ? 1 : 0])) {
			*n = 2;
			return true;
		}
		out[0] = f->addr;
		if (c->need == NEED_PREFER)
			return true;
	}
	return false;
}

static bool asked(const struct ipam *m, const struct service *s, struct addr out[2], size_t *n)
{
	const char *code;

	for (size_t i = 0; i < s->facts->asked_n; i++) {
		if (hold_conflict(s, hold_find(m, &s->facts->asked[i]), true, &code) ||
		    rest_refusal(m, s, &s->facts->asked[i]))
			return false;
		out[i] = s->facts->asked[i];
	}
	*n = s->facts->asked_n;
	return true;
}

/* What it has and one of the other family, of the same pool. */
static bool second(
    const struct ipam *m, const struct class *c, const struct service *s, struct addr out[2], size_t *n)
{
	struct addr first = s->holds[0].used->addr;
	bool ipv4 = first.family == ADDR_IPV4;

	out[ipv4 ? 0 : 1] = first;
	*n = 2;
	return lowest(m, s, c->pools[0], ipv4 ? ADDR_IPV6 : ADDR_IPV4, &out[ipv4 ? 1 : 0]);
}

bool choose(
    struct ipam *m, const struct class *c, const struct service *s, struct addr out[2], size_t *n)
{
	switch (c->wants) {
	case WANTS_ASKED:
		return asked(m, s, out, n);
	case WANTS_SECOND:
		return second(m, c, s, out, n);
	case WANTS_ANY:
		break;
	}
	return again(m, c, s, out, n) || first_of(m, c, s, c->pools, c->pinned_n, out, n) ||
	       first_of(m, c, s, c->pools + c->pinned_n, c->pools_n - c->pinned_n, out, n);
}
