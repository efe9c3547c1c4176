/* SPDX-License-Identifier: Apache-2.0 */
/* Why a Service gets nothing, in words that somebody can act on. */
#include <stdio.h>

#include "pkg/ipam/words.h"

/* "IPv4 address" and the like, what it needs; or "an IPv4 address". */
const char *explain_need(enum need need, bool article)
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
		    "whose metallb.io/allow-shared-ip is \"%.100s\" and not \"%.100s\"",
		    other->facts->sharing, s->facts->sharing);
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
void explain_failed(struct ipam *m, const struct service *s, struct refusal *r, const char *why)
{
	r->reason = "AllocationFailed";
	r->go = arena_printf(&m->scratch, "Failed to allocate IP for \"%s\": %s", tell_name(m, s), why);
}

void explain_refuse(
    struct refusal *r, enum record_verdict verdict, const char *code, const char *message)
{
	r->verdict = verdict;
	r->code = code;
	r->message = message;
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
	explain_refuse(r, VERDICT_WAITING, "NoPool", message);
	if (m->had_pools)
		r->reason = NULL; /* the event ClearAssignment says enough */
}

static const char *family_wanted(enum need need)
{
	switch (need) {
	case NEED_IPV4:
		return "one IPv4 address";
	case NEED_IPV6:
		return "one IPv6 address";
	case NEED_EITHER:
		return "one address";
	default:
		return "one of each family";
	}
}

static const char *family_remedy(const struct facts *f)
{
	if (f->need == NEED_PREFER || f->need == NEED_REQUIRE)
		return "ask for both by metallb.io/loadBalancerIPs, or set its ipFamilyPolicy to "
		       "SingleStack";
	return f->asked_n == 2 ? "ask for that one only, or set its ipFamilyPolicy to PreferDualStack"
			       : "ask for one of that family";
}

/* False: they are of the families that it needs. */
static bool explain_families(struct ipam *m, const struct service *s, struct refusal *r)
{
	const struct facts *f = s->facts;
	bool dual = f->need == NEED_PREFER || f->need == NEED_REQUIRE;

	if (dual == (f->asked_n == 2) && (f->need != NEED_IPV4 || f->asked[0].family == ADDR_IPV4) &&
	    (f->need != NEED_IPV6 || f->asked[0].family == ADDR_IPV6))
		return false;
	explain_refuse(r, VERDICT_REFUSED, "FamilyMismatch",
	    arena_printf(&m->scratch, "it asks for %s, but by its cluster IPs it needs %s: %s",
		tell_addresses(m, f->asked, f->asked_n), family_wanted(f->need), family_remedy(f)));
	explain_failed(m, s, r,
	    arena_printf(&m->scratch,
		"requested loadBalancer IP(s) %s does not match the ipFamily of the service",
		tell_go(m, f->asked, f->asked_n)));
	return true;
}

/* False: each is of the pool, and may be given. */
static bool explain_places(
    struct ipam *m, const struct service *s, const struct pool *p, struct refusal *r)
{
	const struct facts *f = s->facts;

	for (size_t i = 0; i < f->asked_n; i++) {
		const struct place *at = space_find(m, &f->asked[i]);
		const char *one = tell_addresses(m, &f->asked[i], 1);

		if (at && at->pool == p && !space_avoids(p, &f->asked[i]))
			continue;
		explain_failed(m, s, r,
		    arena_printf(
			&m->scratch, "%s is not allowed in config", tell_go(m, f->asked, f->asked_n)));
		if (!at)
			explain_refuse(r, VERDICT_REFUSED, "AddressNotInPool",
			    arena_printf(&m->scratch,
				"%s, which it asks for, is in no pool: ask for another, or add it to a "
				"pool",
				one));
		else if (at->pool != p)
			explain_refuse(r, VERDICT_REFUSED, "AddressNotInPool",
			    arena_printf(&m->scratch,
				"%s, which it asks for, are of two pools, and both must be of one: ask "
				"for two of one pool",
				tell_addresses(m, f->asked, f->asked_n)));
		else
			explain_refuse(r, VERDICT_REFUSED, "AddressAvoided",
			    arena_printf(&m->scratch,
				"%s, which it asks for, ends in .0 or .255, and pool \"%s\" has "
				"avoidBuggyIPs: ask for another, or turn that off",
				one, p->config->name));
		return true;
	}
	return false;
}

/* Of addresses that are asked for: what no waiting will change.  False: nothing is wrong. */
static bool explain_asked(struct ipam *m, const struct service *s, struct refusal *r)
{
	const struct facts *f = s->facts;
	const char *text = tell_addresses(m, f->asked, f->asked_n);
	const struct place *place = space_find(m, &f->asked[0]);
	struct pool *p = place ? place->pool : NULL;
	const char *code;

	if (explain_families(m, s, r) || explain_places(m, s, p, r))
		return true;
	code = choose_refusal(s, p);
	if (code) {
		explain_refuse(r, VERDICT_REFUSED, code,
		    arena_printf(&m->scratch,
			"%s, which it asks for, is of pool \"%s\", which %s: ask for another, or "
			"change the pool's rules",
			text, p->config->name, explain_refusal(m, p, code)));
		explain_failed(m, s, r,
		    arena_printf(
			&m->scratch, "pool %s not compatible for ip assignment", p->config->name));
		return true;
	}
	if (f->asked_pool && strcmp(f->asked_pool, p->config->name) != 0) {
		explain_refuse(r, VERDICT_REFUSED, "PoolMismatch",
		    arena_printf(&m->scratch,
			"it asks for %s, which is of pool \"%s\", and for pool \"%.100s\": ask for one "
			"of them",
			text, p->config->name, f->asked_pool));
		explain_failed(m, s, r,
		    arena_printf(&m->scratch,
			"requested loadBalancer IP(s) %s is not compatible with requested address pool "
			"%.253s",
			tell_go(m, f->asked, f->asked_n), f->asked_pool));
		return true;
	}
	return false;
}

static void explain_invalid(struct ipam *m, const struct service *s, struct refusal *r)
{
	explain_refuse(r, VERDICT_REFUSED, "RequestInvalid", s->facts->invalid);
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
		explain_refuse(r, VERDICT_REFUSED, "NoClusterIP",
		    "it has no cluster IP, so nothing could forward to it: clusterIP must not be None");
	} else if (f->not_enough) {
		explain_refuse(r, VERDICT_REFUSED, "NotEnoughClusterIPs",
		    "its ipFamilyPolicy is RequireDualStack, but it has one cluster IP only: the "
		    "cluster is "
		    "not dual-stack; set it to PreferDualStack or SingleStack");
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
			explain_refuse(r, VERDICT_REFUSED, "PoolUnknown",
			    arena_printf(&m->scratch,
				"there is no pool \"%.100s\", which it asks for: correct its "
				"annotation "
				"metallb.io/address-pool, or add the pool",
				f->asked_pool));
			explain_failed(m, s, r,
			    arena_printf(&m->scratch, "unknown pool \"%.253s\"", f->asked_pool));
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
		explain_refuse(r, VERDICT_WAITING, code,
		    arena_printf(&m->scratch,
			"%s, which it asks for, is in quarantine, because somebody else on the network "
			"uses it (%s); it is given when that ends",
			text, rest_report(m, a)->why));
	else
		explain_refuse(r, VERDICT_WAITING, code,
		    arena_printf(&m->scratch,
			"%s, which it asks for, was %s's a moment ago; it is given when it has rested "
			"(--reuse-delay)",
			text, rest_owner(m, a)));
	explain_failed(m, s, r, arena_printf(&m->scratch, "%s is not free yet", tell_go(m, a, 1)));
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
			explain_refuse(r, VERDICT_WAITING, "AddressInUse",
			    arena_printf(&m->scratch, "%s, which it asks for, is held by %s, %s",
				tell_addresses(m, a, 1), tell_name(m, other), rule));
			explain_failed(m, s, r, explain_conflict_go(m, s, other, code, a));
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

	explain_refuse(r, VERDICT_WAITING, "SecondAddressPending",
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
	    &m->scratch, "keeps %s, but %s", tell_addresses(m, at, s->holds_n), s->facts->invalid);
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
