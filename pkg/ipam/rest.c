/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that were released, and addresses in quarantine.
 *
 * An address that nobody has is in exactly one place: in a gap of its pool; or apart, resting or
 * waiting its turn; or, in quarantine, in neither.  Those apart go back into the gaps, the longest
 * free first, when there are many more of them than Services. */
#include "pkg/ipam/engine.h"

enum { FORMERS_MAX = 4096 }; /* kept, or twice as many as there are Services */

static struct former *former_find(const struct ipam *m, const struct addr *a)
{
	struct former probe = { .addr = *a };

	return TREE_ITEM(tree_find(&m->formers, &probe.node), struct former, node);
}

static struct owner *owner_find(const struct ipam *m, const char *key, size_t len)
{
	struct owner *o;

	HASH_FIND(hh, m->owners, key, len, o);
	return o;
}

const struct report *rest_report(const struct ipam *m, const struct addr *a)
{
	const struct barred probe = { .addr = *a };
	const struct barred *b =
	    TREE_ITEM(tree_at_least(&m->barred, &probe.node), const struct barred, node);

	return b && addr_equal(&b->addr, a) ? b->report : NULL;
}

bool rest_open(const struct ipam *m, const struct pool *p, const struct addr *a)
{
	return space_open(p, a) && !rest_report(m, a);
}

static bool rests(const struct ipam *m, const struct former *f)
{
	return f->apart && m->now - f->since < m->reuse_delay;
}

static void leave_turns(struct former *f)
{
	if (f->pool)
		tree_remove(&f->pool->turns[family_index(f->addr.family)], &f->turn_node);
	f->pool = NULL;
}

/* One that has rested waits its turn, if anybody could have it. */
static void join_turns(struct ipam *m, struct former *f)
{
	const struct place *at = space_find(m, &f->addr);
	struct pool *p = at ? at->pool : NULL;

	if (f->pool || !p || !f->apart || rests(m, f) || !rest_open(m, p, &f->addr))
		return;
	f->pool = p;
	tree_add(&p->turns[family_index(f->addr.family)], &f->turn_node);
}

static struct former *released_after(const struct ipam *m, const struct former *f)
{
	return TREE_ITEM(f ? tree_after(&m->released, &f->order_node) : tree_first(&m->released),
	    struct former, order_node);
}

static void disown(struct ipam *m, struct former *f)
{
	struct owner *o = f->owner;

	if (f->prev)
		f->prev->next = f->next;
	else if (o)
		o->formers = f->next;
	if (f->next)
		f->next->prev = f->prev;
	f->owner = NULL;
	f->next = f->prev = NULL;
	if (!o || o->formers)
		return;
	HASH_DEL(m->owners, o);
	free(o);
}

static void forget(struct ipam *m, struct former *f)
{
	if (m->resting == f)
		m->resting = released_after(m, f);
	leave_turns(f);
	disown(m, f);
	tree_remove(&m->formers, &f->node);
	tree_remove(&m->released, &f->order_node);
	free(f);
}

/* The oldest that rest no more, when there are too many. */
static void evict(struct ipam *m)
{
	size_t most = FORMERS_MAX;

	if (m->services.n > most / 2)
		most = 2 * m->services.n;
	while (m->formers.n > most) {
		struct former *f = released_after(m, NULL);
		struct addr a = f->addr;
		bool apart = f->apart;

		if (rests(m, f))
			return;
		forget(m, f);
		if (apart && !rest_report(m, &a))
			space_put(m, &a);
	}
}

static bool own(struct ipam *m, struct former *f, const struct service *s)
{
	struct owner *o = owner_find(m, s->key, s->key_len);

	if (!o) {
		o = calloc(1, sizeof(*o) + s->key_len + 1);
		if (!o)
			return false;
		memcpy(o->key, s->key, s->key_len + 1);
		HASH_ADD_KEYPTR(hh, m->owners, o->key, s->key_len, o);
		if (!o->hh.tbl) {
			free(o);
			return false;
		}
	}
	f->owner = o;
	f->next = o->formers;
	if (f->next)
		f->next->prev = f;
	o->formers = f;
	return true;
}

void rest_released(struct ipam *m, const struct addr *a, const struct service *owner)
{
	struct former *f = m->reuse_delay || m->sticky ? calloc(1, sizeof(*f)) : NULL;

	if (f) {
		*f = (struct former){
			.addr = *a,
			.order = m->releases++,
			.since = m->now,
			.apart = m->reuse_delay != 0,
		};
		tree_add(&m->formers, &f->node);
		tree_add(&m->released, &f->order_node);
		m->bad = m->bad || !own(m, f, owner);
		if (f->apart && !m->resting)
			m->resting = f;
		evict(m);
	} else {
		m->bad = m->bad || m->reuse_delay || m->sticky;
	}
	if (!(f && m->reuse_delay) && !rest_report(m, a))
		space_put(m, a);
}

void rest_used(struct ipam *m, const struct addr *a)
{
	struct former *f = former_find(m, a);

	space_take(m, a);
	if (f)
		forget(m, f);
}

void rest_time(struct ipam *m)
{
	while (m->resting && !rests(m, m->resting)) {
		struct former *f = m->resting;

		m->resting = released_after(m, f);
		if (!m->sticky)
			disown(m, f);
		join_turns(m, f);
		wait_wake_address(m, &f->addr);
	}
	evict(m);
}

void rest_rebuild(struct ipam *m)
{
	for (struct former *f = released_after(m, NULL); f; f = released_after(m, f)) {
		f->pool = NULL; /* the turns are new */
		if (f->apart)
			space_take(m, &f->addr);
		join_turns(m, f);
	}
	for (const struct tree_node *n = tree_first(&m->barred); n; n = tree_after(&m->barred, n))
		space_take(m, &TREE_ITEM(n, const struct barred, node)->addr);
}

bool rest_longest(const struct pool *p, uint8_t family, struct addr *out)
{
	const struct former *f =
	    TREE_ITEM(tree_first(&p->turns[family_index(family)]), const struct former, turn_node);

	if (f)
		*out = f->addr;
	return f != NULL;
}

const char *rest_refusal(const struct ipam *m, const struct service *s, const struct addr *a)
{
	const struct former *f = former_find(m, a);

	if (rest_report(m, a))
		return "AddressInUse";
	if (f && rests(m, f) && f->owner != owner_find(m, s->key, s->key_len))
		return "AddressResting";
	return NULL;
}

struct former *rest_own(const struct ipam *m, const struct service *s)
{
	const struct owner *o = owner_find(m, s->key, s->key_len);

	return o ? o->formers : NULL;
}

const char *rest_owner(struct ipam *m, const struct addr *a)
{
	const struct former *f = former_find(m, a);

	if (!f || !f->owner)
		return "another";
	return arena_printf(
	    &m->scratch, "%s/%s", f->owner->key, f->owner->key + strlen(f->owner->key) + 1);
}

/* ---- quarantine ---- */

/* An address that was in quarantine is free again, unless it is held or another report is left. */
static void offer(struct ipam *m, const struct addr *a)
{
	struct former *f = former_find(m, a);

	if (rest_report(m, a))
		return;
	if (f && f->apart)
		join_turns(m, f);
	else if (!hold_find(m, a))
		space_put(m, a);
	wait_wake_address(m, a);
}

static void report_free(struct report *r)
{
	if (!r)
		return;
	free(r->at);
	free(r->by);
	free(r->why);
	free(r);
}

static void report_leave(struct ipam *m, struct report *r)
{
	HASH_DEL(m->reports, r);
	for (size_t i = 0; i < r->n; i++)
		tree_remove(&m->barred, &r->at[i].node);
}

static struct report *report_new(struct ipam *m, const char *by, size_t n, const char *why)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->by = strdup(by);
	r->why = strdup(why);
	r->at = calloc(n, sizeof(*r->at));
	if (r->by && r->why && r->at)
		HASH_ADD_KEYPTR(hh, m->reports, r->by, strlen(r->by), r);
	if (r->hh.tbl)
		return r;
	report_free(r);
	return NULL;
}

static void bar(struct ipam *m, struct report *r, const struct addr *a)
{
	struct barred *b = &r->at[r->n];
	struct former *f = former_find(m, a);

	*b = (struct barred){ .addr = *a, .report = r };
	if (tree_add(&m->barred, &b->node))
		return; /* twice in one report */
	r->n++;
	space_take(m, a);
	if (f)
		leave_turns(f);
	wait_wake_address(m, a); /* who waits for it learns why */
}

static bool says_the_same(const struct report *r, const struct addr *at, size_t n, const char *why)
{
	if (r->n != n || strcmp(r->why, why) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(&r->at[i].addr, &at[i]))
			return false;
	return true;
}

void ipam_quarantine(struct ipam *m, const char *by, const struct addr *at, size_t n, const char *why)
{
	struct report *old, *r = NULL;

	HASH_FIND_STR(m->reports, by, old);
	if (old && says_the_same(old, at, n, why))
		return;
	if (old)
		report_leave(m, old);
	if (n) {
		r = report_new(m, by, n, why);
		m->bad = m->bad || !r;
	}
	for (size_t i = 0; r && i < n; i++)
		bar(m, r, &at[i]);
	for (size_t i = 0; old && i < old->n; i++)
		offer(m, &old->at[i].addr);
	report_free(old);
}

void rest_free(struct ipam *m)
{
	struct report *r, *next;

	while (m->released.root)
		forget(m, TREE_ITEM(tree_first(&m->released), struct former, order_node));
	HASH_ITER(hh, m->reports, r, next)
	{
		report_leave(m, r);
		report_free(r);
	}
}
