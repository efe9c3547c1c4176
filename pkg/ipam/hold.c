/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds which address, and who may hold it together with others. */
#include "pkg/ipam/engine.h"

struct used *hold_find(const struct ipam *m, const struct addr *a)
{
	struct used probe = { .addr = *a };

	return TREE_ITEM(tree_find(&m->used, &probe.node), struct used, node);
}

static uint64_t sharing_order(const struct hold *h)
{
	return h->service->sharing ? h->service->sharing->order : 0;
}

/* Those that come together are, for any other Service, in the way or not by the same rule. */
static int group_compare(const struct hold *a, const struct hold *b)
{
	uint64_t l = sharing_order(a), r = sharing_order(b);

	if (a->recorded || b->recorded)
		return a->recorded - b->recorded;
	if (l != r)
		return l < r ? -1 : 1;
	return l ? strcmp(a->service->facts->backend, b->service->facts->backend) : 0;
}

/* One without an address is after all of its group. */
static int hold_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct hold *l = TREE_ITEM(a, const struct hold, node);
	const struct hold *r = TREE_ITEM(b, const struct hold, node);
	int c = group_compare(l, r);

	if (c || l == r)
		return c;
	if (!l->used || !r->used)
		return l->used ? -1 : 1;
	c = by_service_age(l->service, r->service);
	if (!c)
		c = l->stale - r->stale;
	return c ? c : (uintptr_t)l < (uintptr_t)r ? -1 : 1;
}

static struct used *use(struct ipam *m, const struct addr *a)
{
	struct used *u = hold_find(m, a);

	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->addr = *a;
	u->holds.compare = hold_compare;
	tree_add(&m->used, &u->node);
	rest_used(m, a);
	return u;
}

static struct hold *first(const struct used *u)
{
	return u ? TREE_ITEM(tree_first(&u->holds), struct hold, node) : NULL;
}

static struct hold *next_group(const struct used *u, const struct hold *h)
{
	struct hold end = { .service = h->service, .recorded = h->recorded };

	return TREE_ITEM(tree_after(&u->holds, &end.node), struct hold, node);
}

/* The next of the group; NULL: that was the last. */
static struct hold *next(const struct hold *h)
{
	struct hold *o = TREE_ITEM(tree_after(&h->used->holds, &h->node), struct hold, node);

	return o && !group_compare(h, o) ? o : NULL;
}

static bool leads(const struct hold *h) /* its group */
{
	struct hold *o = TREE_ITEM(tree_before(&h->used->holds, &h->node), struct hold, node);

	return !o || group_compare(h, o) != 0;
}

static void fasten(struct ipam *m, struct hold *h)
{
	tree_add(&h->used->holds, &h->node);
	if (!h->recorded && h->service->sharing)
		sharing_take(m, h);
}

static void loosen(struct ipam *m, struct hold *h)
{
	tree_remove(&h->used->holds, &h->node);
	if (h->recorded || !h->service->sharing)
		return;
	sharing_wake_ports(m, h);
	sharing_drop(h);
}

void hold_loosen(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++)
		loosen(m, &s->holds[i]);
	for (size_t i = 0; i < s->records_n; i++)
		loosen(m, &s->records[i]);
}

void hold_fasten(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++)
		fasten(m, &s->holds[i]);
	for (size_t i = 0; i < s->records_n; i++)
		fasten(m, &s->records[i]);
}

/* Adds holds of these addresses, and returns them; NULL for none or when out of memory. */
static struct hold *take(
    struct ipam *m, struct service *s, const struct addr *at, size_t n, bool recorded, size_t *taken)
{
	struct hold *holds = n ? calloc(n, sizeof(*holds)) : NULL;

	*taken = 0;
	m->bad = m->bad || (n && !holds);
	for (size_t i = 0; holds && i < n; i++) {
		struct used *u = use(m, &at[i]);

		if (!u) {
			m->bad = true;
			break;
		}
		holds[i] = (struct hold){ .used = u, .service = s, .recorded = recorded };
		fasten(m, &holds[i]);
		if (!recorded && u->holders++ == 0)
			space_assigned(m, &u->addr, true);
		*taken = i + 1;
	}
	return holds;
}

/* As long as others of its group have the address, the ports are all that became free.  Those of
 * other keys learn who is in their way now. */
static void drop_one(struct ipam *m, struct hold *h)
{
	struct used *u = h->used;
	struct addr a = u->addr;
	bool led = leads(h), last = led && !next(h);

	loosen(m, h);
	if (!h->recorded && --u->holders == 0)
		space_assigned(m, &a, false);
	if (!u->holds.n) {
		tree_remove(&m->used, &u->node);
		free(u);
		rest_released(m, &a, h->service);
	}
	if (last || h->recorded || !h->service->sharing)
		wait_wake_address(m, &a);
	else if (led)
		wait_wake_others(m, &a, h->service->sharing);
}

static void drop(struct ipam *m, struct hold *holds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		drop_one(m, &holds[i]);
	free(holds);
}

void hold_take(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	struct hold *old = s->holds;
	size_t old_n = s->holds_n;

	for (size_t i = 0; i < old_n; i++)
		old[i].stale = true; /* what it goes on holding is not free in between */
	s->holds = take(m, s, at, n, false, &s->holds_n);
	drop(m, old, old_n);
}

void hold_drop(struct ipam *m, struct service *s)
{
	struct hold *old = s->holds;
	size_t old_n = s->holds_n;

	s->holds = NULL;
	s->holds_n = 0;
	drop(m, old, old_n);
}

void hold_record(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	struct hold *old = s->records;
	size_t old_n = s->records_n;
	bool same = old_n == n;

	for (size_t i = 0; same && i < n; i++)
		same = addr_equal(&old[i].used->addr, &at[i]);
	if (same)
		return;
	s->records = take(m, s, at, n, true, &s->records_n);
	drop(m, old, old_n);
}

void hold_changed(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++)
		wait_wake_address(m, &s->holds[i].used->addr);
}

/* The oldest of the group of h that is in the way of s, and why; NULL: none is. */
static const struct service *in_the_way(
    const struct service *s, const struct hold *h, const char **code)
{
	const struct service *worst = NULL;

	*code = sharing_refusal(s->facts, h->service->facts);
	if (h->recorded || *code) {
		while (h && h->service == s)
			h = next(h);
		if (h && h->recorded)
			*code =
			    h->service->ours || h->service->writing ? "StillRecorded" : "HeldByOther";
		return h ? h->service : NULL;
	}
	*code = "PortInUse";
	for (size_t i = 0; i < s->facts->ports_n; i++) {
		const struct taken *t = sharing_taken(s, i, &h->used->addr, NULL);

		while (t && t->hold->service == s)
			t = sharing_taken(s, i, &h->used->addr, t);
		if (t && (!worst || by_service_age(t->hold->service, worst) < 0))
			worst = t->hold->service;
	}
	return worst;
}

const struct service *hold_conflict(
    const struct service *s, const struct used *u, bool giving, const char **code)
{
	const struct service *worst = NULL;

	/* Of several, the first by age, so that the answer doesn't depend on history. */
	for (const struct hold *h = first(u); h; h = next_group(u, h)) {
		const char *why;
		const struct service *o = h->recorded && !giving ? NULL : in_the_way(s, h, &why);

		if (!o || (worst && by_service_age(o, worst) >= 0))
			continue;
		worst = o;
		*code = why;
	}
	return worst;
}

static void contest_group(struct ipam *m, struct service *s, struct hold *h)
{
	const struct addr *a = &h->used->addr;

	if (sharing_refusal(s->facts, h->service->facts)) {
		for (; h; h = next(h))
			if (h->service != s)
				soil(m, h->service);
		return;
	}
	for (size_t i = 0; i < s->facts->ports_n; i++)
		for (const struct taken *t = NULL; (t = sharing_taken(s, i, a, t));)
			if (t->hold->service != s)
				soil(m, t->hold->service);
}

void hold_contest(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++) {
		const struct used *u = s->holds[i].used;

		for (struct hold *h = first(u); h; h = next_group(u, h))
			if (!h->recorded)
				contest_group(m, s, h);
	}
}

bool hold_has(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->holds_n; i++)
		if (addr_equal(&s->holds[i].used->addr, a))
			return true;
	return false;
}

bool hold_equals(const struct service *s, const struct addr *at, size_t n)
{
	if (s->holds_n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(&s->holds[i].used->addr, &at[i]))
			return false;
	return true;
}

static void free_holds(struct hold *holds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(holds[i].taken);
	free(holds);
}

void hold_free(struct service *s)
{
	free_holds(s->holds, s->holds_n);
	free_holds(s->records, s->records_n);
}

static void free_used(struct tree_node *n)
{
	free(TREE_ITEM(n, struct used, node));
}

void used_free(struct ipam *m)
{
	tree_clear(&m->used, free_used);
}

void ipam_each_held(const struct ipam *m, void (*each)(const struct ipam_held *h, void *arg), void *arg)
{
	for (const struct tree_node *n = tree_first(&m->used); n; n = tree_after(&m->used, n)) {
		const struct used *u = TREE_ITEM(n, const struct used, node);
		const struct place *at = space_find(m, &u->addr);

		for (const struct tree_node *k = tree_first(&u->holds); k;
		     k = tree_after(&u->holds, k)) {
			const struct hold *h = TREE_ITEM(k, const struct hold, node);
			struct ipam_held held = {
				.addr = u->addr,
				.namespace = SERVICE_NAMESPACE(h->service),
				.name = h->service->name,
				.pool = at ? at->pool->config->name : NULL,
				.recorded = h->recorded,
			};

			each(&held, arg);
		}
	}
}
