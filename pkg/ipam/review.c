/* SPDX-License-Identifier: Apache-2.0 */
/* May a Service keep what it has?  If not, or if it has nothing, what does it wait for?
 *
 * The order of the questions is MetalLB's, so that the same Service fails for the same reason. */
#include "pkg/ipam/engine.h"

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

/* Nobody else holds them, or all may share. */
static bool shares(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	const char *text = tell_addresses(m, at, n), *code;

	for (size_t i = 0; i < n; i++) {
		const struct service *other = hold_conflict(s, hold_find(m, &at[i]), false, &code);

		if (!other)
			continue;
		tell_loss(m, s, explain_conflict_go(m, s, other, code, &at[i]),
		    "%s was given up: %s is held by %s, %s", text, tell_addresses(m, &at[i], 1),
		    tell_name(m, other), explain_conflict(m, s, other, code));
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
			    p && place ? "%s was given up: both must be of one pool"
				       : "%s was given up: it is in no pool",
			    text);
			return false;
		}
		if (space_avoids(p, &at[i])) {
			tell_loss(m, s, arena_printf(&m->scratch, "%s is not allowed in config", go),
			    "%s was given up: pool \"%s\" has avoidBuggyIPs", text, p->config->name);
			return false;
		}
	}
	code = choose_refusal(s, p);
	if (!code)
		return true;
	tell_loss(m, s,
	    arena_printf(&m->scratch, "pool %s not compatible for ip assignment", p->config->name),
	    "%s was given up: pool \"%s\" %s", text, p->config->name, explain_refusal(m, p, code));
	return false;
}

/* Whether s may have these addresses, which are recorded or held.  If not, the loss says why. */
static bool fits(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	const struct facts *f = s->facts;
	const struct place *place = space_find(m, &at[0]);
	const char *text = tell_addresses(m, at, n);
	bool outside = !place || (n > 1 && !space_find(m, &at[1]));

	if (outside && keeps_outside(m))
		return shares(m, s, at, n);
	if (m->pools_n && (f->need == NEED_NONE || f->not_enough || !family_fits(f->need, at, n))) {
		tell_loss(
		    m, s, NULL, "%s was given up: its families are not those of the Service", text);
		return false;
	}
	if (!pool_fits(m, s, at, n) || !shares(m, s, at, n))
		return false;
	if (f->asked_pool && strcmp(f->asked_pool, place->pool->config->name) != 0) {
		tell_loss(m, s, NULL, "%s was given up: it is of pool \"%s\"", text,
		    place->pool->config->name);
		return false;
	}
	if (!f->invalid && f->asked_n && !same_set(f->asked, f->asked_n, at, n)) {
		tell_loss(m, s, NULL, "%s was given up for what it asks for now", text);
		return false;
	}
	return true;
}

/* Its status has something else than what we know.  False: that is none of our business. */
static bool take_over(struct ipam *m, struct service *s)
{
	const struct seen *v = s->seen;
	bool holds = s->holds_n && !s->foreign;

	if (!v->pool && !any_in_pool(m, v))
		return false;
	if (!is_proper(v)) {
		tell_event(m, s, true, "nolbIPsIPFamily",
		    arena_printf(
			&m->scratch, "Failed to retrieve LBIPs IPFamily for \"%s\"", tell_name(m, s)));
		if (!holds)
			tell_loss(m, s, NULL,
			    "its status was not one address, or one of each family, and is written "
			    "anew");
		return true;
	}
	if (fits(m, s, v->at, v->n))
		hold_take(m, s, v->at, v->n);
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
		      place->pool->has[other] && !s->facts->asked_n;
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

static void review_ours(struct ipam *m, struct service *s)
{
	const struct seen *v = s->seen;
	struct addr at[2];
	size_t n;
	bool news;

	tell_seen(s);
	if (s->foreign)
		hold_drop(m, s);
	news = !s->writing && (v->n || v->odd) && (v->odd || !hold_equals(s, v->at, v->n));
	if (news && !take_over(m, s)) {
		hold_drop(m, s);
		explain_foreign(m, s);
		return;
	}
	n = s->holds_n;
	for (size_t i = 0; i < n; i++)
		at[i] = s->holds[i].used->addr;
	if (n && !fits(m, s, at, n)) {
		hold_drop(m, s);
		n = 0;
	}
	if (n)
		keep(m, s);
	else
		pending(m, s);
}

/* What is recorded in a Service that is not ours is given to nobody else. */
static void occupy(struct ipam *m, struct service *s)
{
	struct addr *at = arena_alloc(&m->scratch, (s->seen->n + 1) * sizeof(*at));
	size_t n = 0;

	for (size_t i = 0; at && i < s->seen->n && !s->writing; i++)
		if (space_find(m, &s->seen->at[i]))
			at[n++] = s->seen->at[i];
	if (!at || (s->foreign && hold_equals(s, at, n)))
		return;
	hold_take(m, s, at, n);
	s->foreign = true;
}

/* Not of type LoadBalancer, or of another class. */
static void review_other(struct ipam *m, struct service *s)
{
	const struct facts *f = s->facts;
	const struct seen *v = s->seen;
	struct addr at[2] = { { 0 }, { 0 } };
	size_t n = s->foreign ? 0 : s->holds_n;
	bool recorded = v->pool || any_in_pool(m, v);

	tell_seen(s);
	for (size_t i = 0; i < n; i++)
		at[i] = s->holds[i].used->addr;
	if (n || s->foreign)
		hold_drop(m, s);
	if (n || (!f->load_balancer && recorded && !s->writing))
		tell_released(m, s, at, n,
		    f->load_balancer ? "its loadBalancerClass is another's"
				     : "its type is not LoadBalancer");
	if (!f->load_balancer)
		return;
	occupy(m, s);
	if (!n)
		explain_other_class(m, s);
}

static void review_gone(struct ipam *m, struct service *s)
{
	struct addr at[2] = { { 0 }, { 0 } };
	size_t n = s->foreign ? 0 : s->holds_n;

	for (size_t i = 0; i < n && i < 2; i++)
		at[i] = s->holds[i].used->addr;
	hold_drop(m, s);
	if (n)
		tell_released(m, s, at, n, "the Service was deleted");
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
	if (s->facts->load_balancer &&
	    (class ? m->lb_class && !strcmp(class, m->lb_class) : !m->lb_class))
		review_ours(m, s);
	else
		review_other(m, s);
}

void review_try(struct ipam *m, struct class *c)
{
	struct service *s = c->head;
	struct addr at[2];
	size_t n, had = s->holds_n;

	tell_begin(m, s);
	if (choose(m, c, s, at, &n)) {
		wait_leave(m, s);
		hold_take(m, s, at, n);
		tell_assigned(m, s, had);
		return;
	}
	wait_sleep(m, c);
	c->fresh_n -= s->fresh;
	s->fresh = false;
	tell_waiting(m, s);
	if (m->out.decided || c->fresh_n) {
		m->telling = c;
		m->told = s;
	}
}
