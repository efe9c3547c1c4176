/* SPDX-License-Identifier: Apache-2.0 */
/* May a Service keep what it has?  If not, or if it has nothing, what does it wait for?
 *
 * The order of the questions is MetalLB's, so that the same Service fails for the same reason. */
#include "pkg/ipam/words.h"

static bool any_in_pool(const struct ipam *m, const struct seen *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (space_find(m, &v->at[i]))
			return true;
	return false;
}

/* Whether addresses that are in no pool are kept: when there may be a pool that we don't know. */
static bool keeps_outside(const struct ipam *m)
{
	return !m->config || m->config->incomplete || (!m->pools_n && !m->had_pools);
}

/* One address, or one of each family. */
static bool is_proper(const struct seen *v)
{
	return v->n == 1 || ((v->n == 2 && v->at[0].family != v->at[1].family));
}

static bool family_fits(enum need need, const struct addr *at, size_t n)
{
	switch (need) {
	case NEED_NONE:
		return false;
	case NEED_IPV4:
	case NEED_IPV6:
		return n == 1 && at->family == (need == NEED_IPV4 ? ADDR_IPV4 : ADDR_IPV6);
	case NEED_EITHER:
		return n == 1;
	case NEED_PREFER:
		return true;
	case NEED_REQUIRE:
		return n == 2;
	}
	return false;
}

static bool same_set(const struct addr *a, size_t a_n, const struct addr *b, size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (!addr_equal(&a[i], &b[0]) && !(b_n == 2 && addr_equal(&a[i], &b[1])))
			return false;
	return true;
}

/* Nobody else holds them, or all may share; or, when it is seen with them and they are news, those who
 * hold them are younger and must go.  So that two controllers come to rest: both see in the end what
 * was written last of the oldest Service, and believe it; then of the next. */
static bool shares(struct ipam *m, struct service *s, const struct addr *at, size_t n, bool news)
{
	const char *text = tell_addresses(m, at, n), *code;

	for (size_t i = 0; i < n; i++) {
		const struct used *u = hold_find(m, &at[i]);
		const struct service *other = hold_conflict(s, u, false, &code);

		if (!other || (news && by_service_age(s, other) < 0))
			continue;
		tell_loss(m, s, explain_conflict_go(m, s, other, code, &at[i]),
		    "gave up %s, because %s is held by %s, %s", text,
		    n > 1 ? tell_addresses(m, &at[i], 1) : "it", tell_name(m, other),
		    explain_conflict(m, s, other, code));
		return false;
	}
	return true;
}

/* The pool of addresses lets s have them. */
static bool pool_fits(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	const struct place *first = space_find(m, &at[0]);
	const char *text = tell_addresses(m, at, n), *go = tell_go(m, at, n), *code;
	struct pool *p = first ? first->pool : NULL;

	for (size_t i = 0; i < n; i++) {
		const struct place *place = space_find(m, &at[i]);

		if (!p || !place || place->pool != p) {
			tell_loss(m, s, arena_printf(&m->scratch, "%s is not allowed in config", go),
			    p && place ? "gave up %s, because both must be of one pool"
				       : "gave up %s, because %s is in no pool",
			    text, n > 1 ? tell_addresses(m, &at[i], 1) : "it");
			return false;
		}
		if (space_avoids(p, &at[i])) {
			tell_loss(m, s, arena_printf(&m->scratch, "%s is not allowed in config", go),
			    "gave up %s, because pool \"%s\" has avoidBuggyIPs", text, p->config->name);
			return false;
		}
	}
	code = choose_refusal(s, p);
	if (!code)
		return true;
	tell_loss(m, s,
	    arena_printf(&m->scratch, "pool %s not compatible for ip assignment", p->config->name),
	    "gave up %s, because pool \"%s\" %s", text, p->config->name, explain_refusal(m, p, code));
	return false;
}

/* What it asks for is there, and not what it has: at[], which the pool `from` gave. */
static bool asks_elsewhere(
    const struct ipam *m, const struct facts *f, const struct addr *at, size_t n, const char *from)
{
	if (!f->invalid && f->asked_n && !same_set(f->asked, f->asked_n, at, n))
		return space_find(m, &f->asked[0]) != NULL;
	return f->asked_pool && from && strcmp(f->asked_pool, from) != 0 &&
	       space_pool(m, f->asked_pool);
}

/* Whether s may have these addresses, which are recorded or held.  If not, the loss says why. */
static bool fits(struct ipam *m, struct service *s, const struct addr *at, size_t n, bool news)
{
	const struct facts *f = s->facts;
	const struct place *place = space_find(m, &at[0]);
	const char *text = tell_addresses(m, at, n), *pool;
	const char *from = !news && s->pool ? s->pool : s->seen->pool;
	bool outside = !place || (n > 1 && !space_find(m, &at[1])) || space_lacks(m, from);

	if (m->pools_n && (f->need == NEED_NONE || f->not_enough || !family_fits(f->need, at, n))) {
		tell_loss(
		    m, s, NULL, "gave up %s, because its families are not those of the Service", text);
		return false;
	}
	if (outside && !m->keep && keeps_outside(m)) {
		if (!asks_elsewhere(m, f, at, n, from))
			return shares(m, s, at, n, news);
		tell_loss(m, s, NULL, "gave up %s for what it asks for now", text);
		return false;
	}
	if (!m->keep && !pool_fits(m, s, at, n))
		return false;
	if (!shares(m, s, at, n, news))
		return false;
	pool = place && !space_lacks(m, from) ? place->pool->config->name : from;
	if (f->asked_pool && pool && strcmp(f->asked_pool, pool) != 0) {
		tell_loss(m, s, NULL,
		    "gave up %s, because it is of pool \"%s\", and another is asked for", text, pool);
		return false;
	}
	if (!f->invalid && f->asked_n && !same_set(f->asked, f->asked_n, at, n)) {
		tell_loss(m, s, NULL, "gave up %s for what it asks for now", text);
		return false;
	}
	return true;
}

/* Its status has something else than what we know: *took, if it has that now.  False: that is none of
 * our business. */
static bool take_over(struct ipam *m, struct service *s, bool *took)
{
	const struct seen *v = s->seen;
	bool holds = s->holds_n != 0;

	if (!v->pool && !any_in_pool(m, v))
		return false;
	if (!is_proper(v)) {
		tell_event(m, s, true, "nolbIPsIPFamily",
		    arena_printf(
			&m->scratch, "Failed to retrieve LBIPs IPFamily for \"%s\"", tell_name(m, s)));
		if (!holds)
			tell_loss(m, s, NULL,
			    "its status had %s, where one address is wanted or one of each family, "
			    "and is written anew",
			    v->n ? tell_addresses(m, v->at, v->n) : "an entry that is no address");
		return true;
	}
	if (fits(m, s, v->at, v->n, true)) {
		hold_take(m, s, v->at, v->n);
		hold_contest(m, s);
		s->pool = NULL;
		*took = true;
	}
	return true;
}

static void pending(struct ipam *m, struct service *s)
{
	struct class like = { 0 };
	struct pool **pools = arena_alloc(&m->scratch, (m->pools_n + 1) * sizeof(*pools));
	struct refusal r = { 0 };

	if (!pools) {
		m->bad = true;
		return;
	}
	like.pools = pools;
	if (explain_static(m, s, &like, &r))
		tell_refused(m, s, &r);
	else if (wait_join(m, s, &like))
		tell_waiting(m, s);
}

/* It keeps what it has; perhaps it lacks the second address. */
static void keep(struct ipam *m, struct service *s)
{
	const struct addr *a = &s->holds[0].used->addr;
	const struct place *place = space_find(m, a);
	size_t other = !family_index(a->family);
	bool second = s->facts->need == NEED_PREFER && s->holds_n == 1 && place &&
		      place->pool->capacity[other] && !s->facts->asked_n &&
		      !space_lacks(m, s->pool ? s->pool : s->seen->pool) &&
		      !space_avoids(place->pool, a) && !choose_refusal(s, place->pool);
	struct class like = { .wants = WANTS_SECOND, .need = other ? NEED_IPV6 : NEED_IPV4 };
	struct pool *pools[1];

	if (s->facts->invalid) {
		explain_invalid_kept(m, s);
		return;
	}
	tell_kept(m, s, second);
	if (!second)
		return;
	pools[0] = place->pool;
	like.pools = pools;
	like.pools_n = like.pinned_n = 1;
	if (wait_join(m, s, &like) && !m->bad) {
		s->fresh = true;
		s->class->fresh_n++;
		wait_wake(m, s->class);
	}
}

/* What it gave up a moment ago may be right again, before that was written. */
static bool takes_back(struct ipam *m, struct service *s)
{
	const struct seen *v = s->seen;
	struct loss *told = TAKE(s->loss);
	bool fit = s->writing && is_proper(v) && fits(m, s, v->at, v->n, false);

	tell_forget(s);
	s->loss = told;
	if (fit)
		hold_take(m, s, v->at, v->n);
	return fit;
}

static void review_ours(struct ipam *m, struct service *s)
{
	const struct seen *v = s->seen;
	struct addr at[2];
	size_t n;
	bool news, took = false;

	tell_seen(s);
	news = !s->writing && (v->n || v->odd) && (v->odd || !hold_equals(s, v->at, v->n));
	if (news && !take_over(m, s, &took)) {
		hold_drop(m, s);
		explain_foreign(m, s);
		return;
	}
	n = s->holds_n;
	for (size_t i = 0; i < n; i++)
		at[i] = s->holds[i].used->addr;
	if (n && !took && !fits(m, s, at, n, false)) {
		hold_drop(m, s);
		s->pool = NULL;
		n = 0;
	}
	if (n || takes_back(m, s))
		keep(m, s);
	else
		pending(m, s);
}

/* Not of type LoadBalancer, or of another class. */
static void review_other(struct ipam *m, struct service *s)
{
	const struct facts *f = s->facts;
	const struct seen *v = s->seen;
	struct addr at[2] = { { 0 }, { 0 } };
	size_t n = s->holds_n;
	bool recorded = v->pool || any_in_pool(m, v);

	tell_seen(s);
	for (size_t i = 0; i < n; i++)
		at[i] = s->holds[i].used->addr;
	hold_drop(m, s);
	if (n || (!f->load_balancer && recorded && !s->writing))
		tell_released(m, s, at, n,
		    f->load_balancer ? "its loadBalancerClass is another's"
				     : "its type is not LoadBalancer");
	else if (f->load_balancer)
		explain_other_class(m, s);
}

static void review_gone(struct ipam *m, struct service *s)
{
	struct addr at[2] = { { 0 }, { 0 } };
	size_t n = s->holds_n;

	for (size_t i = 0; i < n && i < 2; i++)
		at[i] = s->holds[i].used->addr;
	hold_drop(m, s);
	if (n)
		tell_released(m, s, at, n, "the Service was deleted");
}

/* What stands in its status and is not its own is given to nobody else: not before it is written
 * that it was given up, and not if it is another controller's. */
static void note_records(struct ipam *m, struct service *s)
{
	const struct seen *v = s->seen;
	bool counts = s->facts->load_balancer;
	struct addr *at = arena_alloc(&m->scratch, (v->n + 1) * sizeof(*at));
	size_t n = 0;

	if (!at)
		return;
	for (size_t i = 0; counts && i < v->n; i++)
		if (space_find(m, &v->at[i]) && !hold_has(s, &v->at[i]))
			at[n++] = v->at[i];
	hold_record(m, s, at, n);
}

void review(struct ipam *m, struct service *s)
{
	const char *class;

	tell_begin(m, s);
	wait_leave(m, s);
	if (s->gone) {
		review_gone(m, s);
		return;
	}
	if (s->unreadable) {
		explain_unreadable(m, s);
		return;
	}
	class = s->facts->class;
	s->ours = s->facts->load_balancer &&
		  (class ? m->lb_class && !strcmp(class, m->lb_class) : !m->lb_class);
	if (s->ours)
		review_ours(m, s);
	else
		review_other(m, s);
	note_records(m, s);
}

void review_try(struct ipam *m, struct class *c)
{
	struct service *s = c->head;
	struct addr at[2], first;
	bool had = s->holds_n != 0;
	size_t n;

	if (had)
		first = s->holds[0].used->addr;
	tell_begin(m, s);
	if (choose(m, c, s, at, &n)) {
		wait_leave(m, s);
		hold_take(m, s, at, n);
		note_records(m, s);
		tell_assigned(m, s, had ? &first : NULL);
		return;
	}
	wait_sleep(m, c);
	c->fresh_n -= s->fresh;
	s->fresh = false;
	tell_waiting(m, s);
	m->telling_all = s->code != c->code;
	c->code = s->code;
	if (m->telling_all || c->fresh_n) {
		m->telling = c;
		m->told = s;
	}
}
