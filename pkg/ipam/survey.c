/* SPDX-License-Identifier: Apache-2.0 */
/* What every pool says to a Service that gets nothing, and those with whom it can't share. */
#include "pkg/ipam/words.h"

enum { CONSIDERED_MAX = 64, NAMED_MAX = 4 };

/* What every pool says to a Service, and how many say what. */
struct survey {
	struct record_considered *at;
	size_t n;
	struct buf full; /* names of pools that are full */
	size_t full_n;
	struct buf familyless;
	size_t familyless_n;
	struct buf closed; /* "a (reason), b (reason)" */
	size_t closed_n;
	size_t off_n;      /* of the closed: those without autoAssign */
	const char *rules; /* of a closed one: "is for namespace a only" */
};

static void name_it(struct buf *b, size_t *n, const char *name, const char *why)
{
	if (*n < NAMED_MAX)
		buf_printf(b, "%s\"%s\"%s%s%s", *n ? ", " : "", name, why ? " (" : "", why ? why : "",
		    why ? ")" : "");
	else if (*n == NAMED_MAX)
		buf_puts(b, " and more");
	++*n;
}

const char *pool_withholds(const struct ipam *m, const struct pool *p)
{
	struct ipam_books four, six;
	bool reserved, held;

	if (!ipam_books(m, p->config->name, ADDR_IPV4, &four) ||
	    !ipam_books(m, p->config->name, ADDR_IPV6, &six))
		return NULL;
	reserved = four.reserved || six.reserved;
	held = four.held || six.held;
	return reserved && held ? "some are reserved, some held back"
	       : reserved       ? "some are reserved"
	       : held           ? "some are held back"
				: NULL;
}

/* avoidBuggyIPs leaves none of its IPv4 addresses. */
static bool all_avoided(const struct pool *p)
{
	for (size_t i = 0; i < p->config->ranges_n; i++)
		if (p->config->ranges[i].first.family == ADDR_IPV4)
			return !p->capacity[0];
	return false;
}

/* What a pool says, and the list of those that say the like; *why only if anybody will read it. */
static const char *ask(struct ipam *m, const struct service *s, const struct pool *p, struct survey *v,
    bool listed, const char **why)
{
	const char *code = choose_refusal(s, p), *name = p->config->name, *refusal = NULL;
	enum need need = s->facts->need;

	if (!p->config->auto_assign && !s->facts->asked_pool) {
		*why = "its autoAssign is off, so it must be asked for";
		name_it(&v->closed, &v->closed_n, name, "autoAssign is off");
		v->off_n++;
		return "AutoAssignOff";
	}
	if (code) {
		if (listed || v->closed_n < NAMED_MAX)
			refusal = explain_refusal(m, p, code);
		if (listed)
			*why = arena_printf(&m->scratch, "it %s", refusal);
		name_it(&v->closed, &v->closed_n, name, refusal);
		v->rules = refusal;
		return code;
	}
	if (!choose_has(p, need)) {
		if (listed)
			*why = arena_printf(&m->scratch, "it has no %s%s", explain_need(need, false),
			    all_avoided(p) ? " but those that avoidBuggyIPs excludes" : "");
		name_it(&v->familyless, &v->familyless_n, name,
		    all_avoided(p) ? "avoidBuggyIPs excludes all" : NULL);
		return "NoPoolForFamily";
	}
	if (listed || v->full_n < NAMED_MAX)
		refusal = pool_withholds(m, p);
	if (listed)
		*why = arena_printf(&m->scratch, "no %s of it is free%s%s", explain_need(need, false),
		    refusal ? ": " : "", refusal ? refusal : "");
	name_it(&v->full, &v->full_n, name, refusal);
	return "PoolExhausted";
}

static void survey_pool(struct ipam *m, const struct service *s, const struct pool *p, struct survey *v)
{
	bool listed = v->at && v->n < CONSIDERED_MAX;
	const char *why = NULL, *code = ask(m, s, p, v, listed, &why);

	if (listed)
		v->at[v->n++] = (struct record_considered){ p->config->name, code, why };
}

/* The same of the one pool that it asks for. */
static const char *asked_words(struct ipam *m, const struct service *s, const struct survey *v)
{
	enum need need = s->facts->need;

	if (v->full_n)
		return arena_printf(&m->scratch,
		    "no %s is free: %s, which it asks for, is full; add addresses to it, delete a "
		    "Service that has one, or ask for another pool",
		    explain_need(need, false), v->full.data);
	if (v->familyless_n)
		return arena_printf(&m->scratch,
		    "pool %s, which it asks for, does not have %s: add one to it, or ask for another "
		    "pool",
		    v->familyless.data, explain_need(need, true));
	return arena_printf(&m->scratch,
	    "pool \"%s\", which it asks for, %s: change its rules, or ask for another pool",
	    s->facts->asked_pool, v->rules ? v->rules : "");
}

static const char *survey_words(struct ipam *m, const struct service *s, const struct survey *v)
{
	if (s->facts->asked_pool)
		return asked_words(m, s, v);
	if (v->full_n)
		return arena_printf(&m->scratch,
		    "no %s is free: %s %s full; add addresses to a pool, or delete a Service that has "
		    "one",
		    explain_need(s->facts->need, false), v->full.data, v->full_n == 1 ? "is" : "are");
	if (v->familyless_n)
		return arena_printf(&m->scratch,
		    "no pool that takes it has %s: add one to %s, or add a pool",
		    explain_need(s->facts->need, true), v->familyless.data);
	return arena_printf(&m->scratch,
	    "no pool takes it: %s; %schange the rules of one, or add a pool",
	    v->closed.data ? v->closed.data : "",
	    v->off_n ? "ask for one without autoAssign by metallb.io/address-pool, " : "");
}

enum { SHARED_MAX = 8, LOOKED_MAX = 64 };

/* The lowest addresses of full pools that those of its key hold. */
static size_t list_shared(
    const struct ipam *m, const struct service *s, const struct used *out[SHARED_MAX])
{
	const struct tree *t = s->sharing ? &s->sharing->addresses : NULL;
	size_t n = 0, looked = 0;

	for (const struct tree_node *k = t ? tree_first(t) : NULL;
	     k && n < SHARED_MAX && looked < LOOKED_MAX; k = tree_after(t, k), looked++) {
		const struct used *u = TREE_ITEM(k, const struct shared, node)->used;
		const struct place *at = space_find(m, &u->addr);

		if (at && !choose_refusal(s, at->pool) &&
		    !(s->facts->need == NEED_IPV4 && u->addr.family != ADDR_IPV4) &&
		    !(s->facts->need == NEED_IPV6 && u->addr.family != ADDR_IPV6))
			out[n++] = u;
	}
	return n;
}

/* Adds them to what was considered; what the first says goes to the message. */
static void survey_sharers(struct ipam *m, const struct service *s, struct survey *v, struct refusal *r)
{
	const struct used *shared[SHARED_MAX];
	size_t n = v->full_n ? list_shared(m, s, shared) : 0;
	bool told = false;

	for (size_t i = 0; v->at && i < n && v->n < CONSIDERED_MAX + SHARED_MAX; i++) {
		const struct addr *a = &shared[i]->addr;
		const char *code, *rule;
		const struct service *other = hold_conflict(s, shared[i], true, &code);

		if (!other)
			continue; /* it would need another too */
		rule = explain_conflict(m, s, other, code);
		v->at[v->n++] = (struct record_considered){ tell_name(m, other), code,
			arena_printf(&m->scratch, "holds %s, %s", tell_addresses(m, a, 1), rule) };
		if (!told)
			r->message =
			    arena_printf(&m->scratch, "%s; %s is not shared: it is held by %s, %s",
				r->message, tell_addresses(m, a, 1), tell_name(m, other), rule);
		told = true;
	}
	if (s->sharing && v->full_n && !n)
		r->message = arena_printf(&m->scratch,
		    "%s; no other Service whose metallb.io/allow-shared-ip is \"%.100s\" has one to "
		    "share",
		    r->message, s->facts->sharing);
}

/* Why no pool has an address for s: the automatic choice, or the pool it asks for. */
void explain_pools(struct ipam *m, const struct service *s, struct refusal *r)
{
	struct survey v = { 0 };
	const char *want = s->facts->asked_pool;
	const char *go = "no available IPs";
	enum record_verdict verdict = VERDICT_WAITING;

	v.at = arena_alloc(&m->scratch, (CONSIDERED_MAX + SHARED_MAX) * sizeof(*v.at));
	for (size_t i = 0; i < m->pools_n; i++)
		if (!want || !strcmp(want, m->pools[i].config->name))
			survey_pool(m, s, &m->pools[i], &v);
	explain_refuse(r, verdict,
	    v.full_n         ? "PoolExhausted"
	    : v.familyless_n ? "NoPoolForFamily"
			     : "NoPoolMatches",
	    survey_words(m, s, &v));
	survey_sharers(m, s, &v, r);
	if (want && v.closed_n)
		go = arena_printf(&m->scratch, "pool %s not compatible for ip assignment", want);
	else if (want)
		go = arena_printf(&m->scratch, "no available IPs in pool %s%s", want,
		    s->facts->need == NEED_REQUIRE ? " for dual IPFamily" : "");
	explain_failed(m, s, r, go);
	r->considered = v.at;
	r->considered_n = v.n;
	buf_release(&v.full);
	buf_release(&v.familyless);
	buf_release(&v.closed);
}
