/* SPDX-License-Identifier: Apache-2.0 */
/* Why a Service gets nothing, in words that somebody can act on. */
#include <stdio.h>

#include "pkg/ipam/engine.h"

enum { CONSIDERED_MAX = 64, NAMED_MAX = 4 };

/* "IPv4 address" and the like, what it needs; or "an IPv4 address". */
static const char *need_words(enum need need, bool article)
{
	static const char *const words[] = {
		[NEED_IPV4] = "an IPv4 address",
		[NEED_IPV6] = "an IPv6 address",
		[NEED_REQUIRE] = "a pair of an IPv4 and an IPv6 address",
		[NEED_PREFER] = "an address",
		[NEED_EITHER] = "an address",
		[NEED_NONE] = "an address",
	};
	const char *w = words[need];

	return article ? w : strchr(w, ' ') + 1;
}

/* What follows "pool x ". */
const char *explain_refusal(struct ipam *m, const struct pool *p, const char *code)
{
	const struct config_names *names = &p->config->namespaces;

	if (!strcmp(code, "PoolRefusesNamespace") && names->n == 1 && !p->config->namespace_selectors.n)
		return arena_printf(&m->scratch, "is for namespace %s only", names->at[0]);
	if (!strcmp(code, "PoolRefusesNamespace"))
		return "is for other namespaces (serviceAllocation.namespaces, namespaceSelectors)";
	return "is for Services with other labels (serviceAllocation.serviceSelectors)";
}

static const struct api_port *common_port(const struct facts *a, const struct facts *b)
{
	for (size_t i = 0; i < a->ports_n; i++)
		for (size_t k = 0; k < b->ports_n; k++)
			if (a->ports[i].port == b->ports[k].port &&
			    a->ports[i].protocol == b->ports[k].protocol)
				return &a->ports[i];
	return NULL;
}

/* What follows "ADDRESS is held by OTHER, ". */
const char *explain_conflict(
    struct ipam *m, const struct service *s, const struct service *other, const char *code)
{
	const struct api_port *port;

	if (!strcmp(code, "HeldByOther"))
		return "which another controller serves";
	if (!strcmp(code, "StillRecorded"))
		return "which gives it up; it is free once its status says so";
	if (!strcmp(code, "NotShared"))
		return "and to share it both need the same annotation metallb.io/allow-shared-ip";
	if (!strcmp(code, "SharingKeyDiffers"))
		return arena_printf(&m->scratch,
		    "whose metallb.io/allow-shared-ip is \"%s\" and not \"%s\"", other->facts->sharing,
		    s->facts->sharing);
	if (!strcmp(code, "BackendDiffers"))
		return "and with externalTrafficPolicy Local both must select the same Pods to share "
		       "it";
	port = common_port(s->facts, other->facts);
	return arena_printf(&m->scratch, "which has port %s/%u too",
	    port ? api_protocol_name(port->protocol) : "", port ? port->port : 0U);
}

const char *explain_conflict_go(struct ipam *m, const struct service *s, const struct service *other,
    const char *code, const struct addr *a)
{
	char text[ADDR_TEXT_LEN];
	const struct api_port *port;

	if (strcmp(code, "PortInUse") != 0)
		return arena_printf(&m->scratch,
		    "can't change sharing key for \"%s\", address also in use by %s", tell_name(m, s),
		    tell_name(m, other));
	port = common_port(s->facts, other->facts);
	return arena_printf(&m->scratch, "port %s/%u is already in use on \"%s\"",
	    port ? api_protocol_name(port->protocol) : "", port ? port->port : 0U,
	    addr_format(a, text));
}

/* Wraps MetalLB's words for a failed allocation. */
static void failed(struct ipam *m, const struct service *s, struct refusal *r, const char *why)
{
	r->reason = "AllocationFailed";
	r->go = arena_printf(&m->scratch, "Failed to allocate IP for \"%s\": %s", tell_name(m, s), why);
}

static void refuse(
    struct refusal *r, enum record_verdict verdict, const char *code, const char *message)
{
	r->verdict = verdict;
	r->code = code;
	r->message = message;
}

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

static void survey_pool(struct ipam *m, const struct service *s, const struct pool *p, struct survey *v)
{
	const char *code = choose_refusal(s, p), *name = p->config->name, *why;
	enum need need = s->facts->need;

	if (!p->config->auto_assign && !s->facts->asked_pool) {
		code = "AutoAssignOff";
		why = "its autoAssign is off, so it must be asked for";
		name_it(&v->closed, &v->closed_n, name, "autoAssign is off");
	} else if (code) {
		why = arena_printf(&m->scratch, "it %s", explain_refusal(m, p, code));
		name_it(&v->closed, &v->closed_n, name, explain_refusal(m, p, code));
	} else if (!choose_has(p, need)) {
		code = "NoPoolForFamily";
		why = arena_printf(&m->scratch, "it has no %s", need_words(need, false));
		name_it(&v->familyless, &v->familyless_n, name, NULL);
	} else {
		code = "PoolExhausted";
		why = arena_printf(&m->scratch, "no %s of it is free%s", need_words(need, false),
		    p->config->reserved_n ? " but those that lbctl.dev/reserve keeps" : "");
		name_it(&v->full, &v->full_n, name, NULL);
	}
	if (v->at && v->n < CONSIDERED_MAX)
		v->at[v->n++] = (struct record_considered){ name, code, why };
}

static const char *survey_words(struct ipam *m, const struct service *s, const struct survey *v)
{
	if (v->full_n)
		return arena_printf(&m->scratch,
		    "no %s is free: %s %s full; add addresses to a pool, or delete a Service that has "
		    "one",
		    need_words(s->facts->need, false), v->full.data, v->full_n == 1 ? "is" : "are");
	if (v->familyless_n)
		return arena_printf(&m->scratch,
		    "no pool that takes it has %s: add one to %s, or add a pool",
		    need_words(s->facts->need, true), v->familyless.data);
	return arena_printf(&m->scratch,
	    "no pool takes it: %s; ask for one with metallb.io/address-pool, change its rules, or add "
	    "a pool",
	    v->closed.data ? v->closed.data : "");
}

/* Why no pool has an address for s: the automatic choice, or the pool it asks for. */
static void explain_pools(struct ipam *m, const struct service *s, struct refusal *r)
{
	struct survey v = { 0 };
	const char *want = s->facts->asked_pool;
	const char *go = "no available IPs";
	enum record_verdict verdict = VERDICT_WAITING;

	v.at = arena_alloc(&m->scratch, CONSIDERED_MAX * sizeof(*v.at));
	for (size_t i = 0; i < m->pools_n; i++)
		if (!want || !strcmp(want, m->pools[i].config->name))
			survey_pool(m, s, &m->pools[i], &v);
	refuse(r, verdict,
	    v.full_n         ? "PoolExhausted"
	    : v.familyless_n ? "NoPoolForFamily"
			     : "NoPoolMatches",
	    survey_words(m, s, &v));
	if (want && v.closed_n)
		go = arena_printf(&m->scratch, "pool %s not compatible for ip assignment", want);
	else if (want)
		go = arena_printf(&m->scratch, "no available IPs in pool %s%s", want,
		    s->facts->need == NEED_REQUIRE ? " for dual IPFamily" : "");
	failed(m, s, r, go);
	r->considered = v.at;
	r->considered_n = v.n;
	buf_release(&v.full);
	buf_release(&v.familyless);
	buf_release(&v.closed);
}

static void explain_no_pool(struct ipam *m, struct refusal *r)
{
	const char *message =
	    "there is no pool yet: add an IPAddressPool, or address-pools to MetalLB's "
	    "ConfigMap config";

	if (m->config && m->config->incomplete)
		message =
		    "there is no valid pool: what is wrong with those that are there is told about "
		    "each";
	else if (m->had_pools)
		message =
		    "there is no pool any more: add an IPAddressPool, or address-pools to MetalLB's "
		    "ConfigMap config";
	refuse(r, VERDICT_WAITING, "NoPool", message);
	if (m->had_pools)
		r->reason = NULL; /* the event ClearAssignment says enough */
}

/* Of addresses that are asked for: what no waiting will change.  False: nothing is wrong. */
static bool explain_asked(struct ipam *m, const struct service *s, struct refusal *r)
{
	const struct facts *f = s->facts;
	const char *text = tell_addresses(m, f->asked, f->asked_n);
	const char *go = tell_go(m, f->asked, f->asked_n), *code;
	const struct place *place = space_find(m, &f->asked[0]);
	bool dual = f->need == NEED_PREFER || f->need == NEED_REQUIRE;
	struct pool *p = place ? place->pool : NULL;

	if (dual != (f->asked_n == 2) || (f->need == NEED_IPV4 && f->asked[0].family != ADDR_IPV4) ||
	    (f->need == NEED_IPV6 && f->asked[0].family != ADDR_IPV6)) {
		refuse(r, VERDICT_REFUSED, "FamilyMismatch",
		    arena_printf(&m->scratch, "it asks for %s, but by its cluster IPs it needs %s",
			text,
			dual                   ? "one of each family"
			: f->need == NEED_IPV6 ? "one IPv6 address"
			: f->need == NEED_IPV4 ? "one IPv4 address"
					       : "one address"));
		failed(m, s, r,
		    arena_printf(&m->scratch,
			"requested loadBalancer IP(s) %s does not match the ipFamily of the service",
			go));
		return true;
	}
	for (size_t i = 0; i < f->asked_n; i++) {
		const struct place *at = space_find(m, &f->asked[i]);
		const char *one = tell_addresses(m, &f->asked[i], 1);

		failed(m, s, r, arena_printf(&m->scratch, "%s is not allowed in config", go));
		if (!at)
			refuse(r, VERDICT_REFUSED, "AddressNotInPool",
			    arena_printf(&m->scratch,
				"%s, which it asks for, is in no pool: ask for another, or add it to a "
				"pool",
				one));
		else if (at->pool != p)
			refuse(r, VERDICT_REFUSED, "AddressNotInPool",
			    arena_printf(&m->scratch,
				"%s, which it asks for, are of two pools, and both must be of one",
				text));
		else if (space_avoids(p, &f->asked[i]))
			refuse(r, VERDICT_REFUSED, "AddressAvoided",
			    arena_printf(&m->scratch,
				"%s, which it asks for, ends in .0 or .255, and pool \"%s\" has "
				"avoidBuggyIPs",
				one, p->config->name));
		else
			continue;
		return true;
	}
	code = choose_refusal(s, p);
	if (code) {
		refuse(r, VERDICT_REFUSED, code,
		    arena_printf(&m->scratch, "%s, which it asks for, is of pool \"%s\", which %s",
			text, p->config->name, explain_refusal(m, p, code)));
		failed(m, s, r,
		    arena_printf(
			&m->scratch, "pool %s not compatible for ip assignment", p->config->name));
		return true;
	}
	if (f->asked_pool && strcmp(f->asked_pool, p->config->name) != 0) {
		refuse(r, VERDICT_REFUSED, "PoolMismatch",
		    arena_printf(&m->scratch,
			"it asks for %s, which is of pool \"%s\", and for pool \"%s\": ask for one of "
			"them",
			text, p->config->name, f->asked_pool));
		failed(m, s, r,
		    arena_printf(&m->scratch,
			"requested loadBalancer IP(s) %s is not compatible with requested address pool "
			"%s",
			go, f->asked_pool));
		return true;
	}
	return false;
}

static void explain_invalid(struct ipam *m, const struct service *s, struct refusal *r)
{
	refuse(r, VERDICT_REFUSED, "RequestInvalid", s->facts->invalid);
	r->reason = "LoadBalancerFailed";
	r->go =
	    arena_printf(&m->scratch, "invalid requested loadbalancer IPs: %s", s->facts->invalid_go);
}

/* What no waiting will change, before any pool is looked at. */
static bool explain_service(struct ipam *m, const struct service *s, struct refusal *r)
{
	const struct facts *f = s->facts;

	if (!m->pools_n) {
		explain_no_pool(m, r);
	} else if (f->need == NEED_NONE) {
		refuse(r, VERDICT_REFUSED, "NoClusterIP",
		    "it has no cluster IP, so nothing could forward to it: clusterIP must not be None");
	} else if (f->not_enough) {
		refuse(r, VERDICT_REFUSED, "NotEnoughClusterIPs",
		    "its ipFamilyPolicy is RequireDualStack, but it has one cluster IP only: the "
		    "cluster is "
		    "not dual-stack");
		r->reason = "not enough clusterips";
		r->go = "Service requires dual stack but not enough clusterips";
	} else if (f->invalid) {
		explain_invalid(m, s, r);
	} else {
		return false;
	}
	return true;
}

/* The pools to try, in order, into like->pools (room for all of them). */
static void list_pools(struct ipam *m, const struct service *s, struct class *like)
{
	for (size_t i = 0; i < m->pools_n; i++) {
		struct pool *p = &m->pools[i];

		if (!p->config->auto_assign || choose_refusal(s, p) || !choose_has(p, like->need))
			continue;
		like->pools[like->pools_n++] = p;
		like->pinned_n += p->config->restricted;
	}
}

bool explain_static(struct ipam *m, struct service *s, struct class *like, struct refusal *r)
{
	const struct facts *f = s->facts;
	struct pool *p;

	like->need = f->need;
	like->primary = f->primary;
	if (explain_service(m, s, r))
		return true;
	if (f->asked_n) {
		like->wants = WANTS_ASKED;
		return explain_asked(m, s, r);
	}
	if (f->asked_pool) {
		p = space_pool(m, f->asked_pool);
		if (!p) {
			refuse(r, VERDICT_REFUSED, "PoolUnknown",
			    arena_printf(&m->scratch,
				"there is no pool \"%.100s\", which it asks for: correct its "
				"annotation "
				"metallb.io/address-pool, or add the pool",
				f->asked_pool));
			failed(
			    m, s, r, arena_printf(&m->scratch, "unknown pool \"%s\"", f->asked_pool));
			return true;
		}
		if (!choose_refusal(s, p) && choose_has(p, like->need)) {
			like->pools[0] = p;
			like->pools_n = like->pinned_n = 1;
			return false;
		}
	} else {
		list_pools(m, s, like);
		if (like->pools_n)
			return false;
	}
	explain_pools(m, s, r);
	return true;
}

/* Nobody has the address that it asks for, but it is not given now. */
static void waiting_for_rest(
    struct ipam *m, const struct service *s, const struct addr *a, struct refusal *r)
{
	const char *code = rest_refusal(m, s, a), *text = tell_addresses(m, a, 1);

	if (!code)
		return;
	if (!strcmp(code, "AddressInUse"))
		refuse(r, VERDICT_WAITING, code,
		    arena_printf(&m->scratch,
			"%s, which it asks for, is in quarantine, because somebody else on the network "
			"uses it (%s); it is given when that ends",
			text, rest_report(m, a)->why));
	else
		refuse(r, VERDICT_WAITING, code,
		    arena_printf(&m->scratch,
			"%s, which it asks for, was %s's a moment ago; it is given when it has rested "
			"(--reuse-delay)",
			text, rest_owner(m, a)));
	failed(m, s, r, arena_printf(&m->scratch, "%s is not free yet", tell_go(m, a, 1)));
}

/* The address that it asks for is held. */
static void waiting_for_asked(struct ipam *m, struct service *s, struct refusal *r)
{
	struct record_considered *at = arena_alloc(&m->scratch, 2 * sizeof(*at));

	for (size_t i = 0; at && i < s->facts->asked_n; i++) {
		const struct addr *a = &s->facts->asked[i];
		const char *code, *rule;
		const struct service *other = hold_conflict(s, hold_find(m, a), true, &code);

		if (!other && !r->code)
			waiting_for_rest(m, s, a, r);
		if (!other)
			continue;
		rule = explain_conflict(m, s, other, code);
		if (!r->code) {
			refuse(r, VERDICT_WAITING, "AddressInUse",
			    arena_printf(&m->scratch, "%s, which it asks for, is held by %s, %s",
				tell_addresses(m, a, 1), tell_name(m, other), rule));
			failed(m, s, r, explain_conflict_go(m, s, other, code, a));
		}
		at[r->considered_n++] = (struct record_considered){ tell_name(m, other), code,
			arena_printf(&m->scratch, "holds %s, %s", tell_addresses(m, a, 1), rule) };
	}
	r->considered = at;
}

static void waiting_for_second(struct ipam *m, struct service *s, struct refusal *r)
{
	const struct addr *a = &s->holds[0].used->addr;
	const char *name = s->class->pools[0]->config->name;

	refuse(r, VERDICT_WAITING, "SecondAddressPending",
	    arena_printf(&m->scratch,
		"has %s; pool \"%s\" has no free %s for the second, which it would like",
		tell_addresses(m, a, 1), name,
		a->family == ADDR_IPV4 ? "IPv6 address" : "IPv4 address"));
	r->reason = "AdditionalAssignFailed";
	r->normal = true;
	r->go = arena_printf(&m->scratch,
	    "cannot assign additional IP in PreferDualStack: no available IPs in pool %s", name);
}

void tell_waiting(struct ipam *m, struct service *s)
{
	struct refusal r = { 0 };

	if (s->class->wants == WANTS_SECOND) {
		waiting_for_second(m, s, &r);
		tell_holding(m, s, &r, true);
		return;
	}
	if (s->class->wants == WANTS_ASKED)
		waiting_for_asked(m, s, &r);
	else
		explain_pools(m, s, &r);
	tell_refused(m, s, &r);
}

void explain_invalid_kept(struct ipam *m, struct service *s)
{
	struct refusal r = { 0 };
	struct addr at[2] = { { 0 }, { 0 } };

	for (size_t i = 0; i < s->holds_n; i++)
		at[i] = s->holds[i].used->addr;
	explain_invalid(m, s, &r);
	r.message = arena_printf(
	    &m->scratch, "keeps %s: %s", tell_addresses(m, at, s->holds_n), s->facts->invalid);
	tell_holding(m, s, &r, false);
}

void explain_foreign(struct ipam *m, struct service *s)
{
	const char *what = "an entry that is no address";

	if (s->seen->n)
		what = tell_addresses(m, s->seen->at, s->seen->n);
	tell_only(m, s, VERDICT_KEPT, "ForeignAddress",
	    arena_printf(&m->scratch,
		"left alone: its status has %s, which is in no pool and not marked as given from one, "
		"so "
		"another controller wrote it; empty status.loadBalancer if it is a remnant",
		what));
}

void explain_other_class(struct ipam *m, struct service *s)
{
	const char *class = s->facts->class;

	if (!class)
		tell_only(m, s, VERDICT_REFUSED, "OtherClass",
		    arena_printf(&m->scratch,
			"left alone: it has no loadBalancerClass, and only those of class \"%s\" are "
			"served "
			"(--lb-class)",
			m->lb_class));
	else
		tell_only(m, s, VERDICT_REFUSED, "OtherClass",
		    arena_printf(&m->scratch,
			"left alone: its loadBalancerClass is \"%.100s\", and only those %s%s%s are "
			"served "
			"(--lb-class)",
			class, m->lb_class ? "of class \"" : "without one",
			m->lb_class ? m->lb_class : "", m->lb_class ? "\"" : ""));
}

void explain_unreadable(struct ipam *m, struct service *s)
{
	tell_only(m, s, VERDICT_REFUSED, "ServiceInvalid",
	    arena_printf(&m->scratch, "it can't be read, and keeps what it has: %s", s->unreadable));
}
