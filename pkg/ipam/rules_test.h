/* SPDX-License-Identifier: Apache-2.0 */
/* rules: those of the model, said in the plainest code: walks over every address. */
#ifndef LB_IPAM_RULES_TEST_H
#define LB_IPAM_RULES_TEST_H

#include "pkg/ipam/model_test.h"

static inline bool holds(const struct model *s, const struct addr *a)
{
	for (size_t i = 0; i < s->held_n; i++)
		if (addr_equal(&s->held[i], a))
			return true;
	return false;
}

/* In the status of some load balancer, ours or not. */
static inline bool is_recorded(const struct model *s, const struct addr *a)
{
	for (size_t i = 0; s->there && s->load_balancer && i < s->n; i++)
		if (addr_equal(&s->at[i], a))
			return true;
	return false;
}

/* Its status says what it holds. */
static inline bool is_written(const struct model *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!holds(s, &s->at[i]))
			return false;
	return s->n == s->held_n;
}

static inline bool is_ours(const struct model *s)
{
	return s->there && s->load_balancer && !s->class;
}

static inline bool lets_in(const struct cluster *c, const struct config_pool *p, const struct model *s)
{
	bool bound = p->namespaces.n || p->namespace_selectors.n, in = !bound;

	for (size_t i = 0; i < p->namespaces.n; i++)
		in = in || !strcmp(p->namespaces.at[i], s->ns);
	if (p->namespace_selectors.n)
		in = in || c->red[strcmp(s->ns, namespaces[0]) != 0];
	return in && (!p->service_selectors.n || !strcmp(s->app, "x"));
}

static inline bool is_buggy(const struct config_pool *p, const struct addr *a)
{
	return p->avoid_buggy_ips && a->family == ADDR_IPV4 && (a->bytes[3] == 0 || a->bytes[3] == 255);
}

static inline bool may_share(const struct model *a, const struct model *b)
{
	if (!a->key || !b->key || strcmp(a->key, b->key) != 0 || a->local != b->local)
		return false;
	if (a->local && strcmp(a->app, b->app) != 0)
		return false;
	for (size_t i = 0; i < a->ports_n; i++)
		for (size_t k = 0; k < b->ports_n; k++)
			if (a->ports[i].port == b->ports[k].port &&
			    a->ports[i].protocol == b->ports[k].protocol)
				return false;
	return true;
}

static inline bool families_fit(const struct model *s, const struct addr *at, size_t n)
{
	bool six = strchr(s->cluster_ips[0], ':') != NULL;

	if (s->cluster_ips_n == 2)
		return s->policy == API_PREFER_DUAL_STACK || n == 2;
	return s->policy != API_REQUIRE_DUAL_STACK && n == 1 &&
	       at[0].family == (six ? ADDR_IPV6 : ADDR_IPV4);
}

/* What it asks for; 0: nothing, or nothing that can be understood. */
static inline size_t asked_of(const struct model *s, struct addr asked[2])
{
	char list[64], *rest = list, *one;
	size_t n = 0;

	if (!s->asked[0] || !strcmp(s->asked, "nonsense"))
		return 0;
	snprintf(list, sizeof(list), "%s", s->asked);
	while ((one = strsep(&rest, ",")) && n < 2)
		asked[n++] = address(one);
	return n == 2 && asked[0].family == asked[1].family ? 0 : n;
}

/* Whether what is asked for, if it can be understood, is what at[] has. */
static inline bool request_fits(const struct model *s, const struct addr *at, size_t n)
{
	struct addr asked[2];
	size_t asked_n = asked_of(s, asked);

	if (!asked_n)
		return true;
	if (asked_n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(&at[i], &asked[0]) && !addr_equal(&at[i], &asked[n - 1]))
			return false;
	return true;
}

/* Whether s may have these addresses by every rule but the others' claims. */
static inline bool valid_alone(
    const struct cluster *c, const struct model *s, const struct addr *at, size_t n)
{
	const struct config_pool *p = config_pool_of(c->config, &at[0]);
	bool keep = c->options.keep;

	if (!p || !families_fit(s, at, n) || !request_fits(s, at, n) || (!keep && !lets_in(c, p, s)))
		return false;
	for (size_t i = 0; i < n && !keep; i++)
		if (config_pool_of(c->config, &at[i]) != p || is_buggy(p, &at[i]))
			return false;
	return !s->asked_pool[0] || !strcmp(s->asked_pool, p->name);
}

static inline bool is_reserved(const struct config_pool *p, const struct addr *a)
{
	for (size_t i = 0; i < p->reserved_n; i++)
		if (range_contains(&p->reserved[i], a))
			return true;
	return false;
}

static inline bool is_reported(const struct cluster *c, const struct addr *a)
{
	for (size_t i = 0; i < REPORTS; i++)
		if (c->reported[i] && addr_equal(c->reported[i], a))
			return true;
	return false;
}

static inline struct fate *fate_of(const struct cluster *c, const struct addr *a)
{
	for (size_t i = 0; i < c->universe_n; i++)
		if (addr_equal(&c->universe[i], a))
			return (struct fate *)(uintptr_t)&c->fate[i];
	return NULL;
}

static inline bool is_resting(const struct cluster *c, const struct addr *a)
{
	const struct fate *f = fate_of(c, a);

	return c->options.reuse_delay_ms && f->released &&
	       c->now - f->since < c->options.reuse_delay_ms;
}

static inline bool is_used(const struct cluster *c, const struct addr *a)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (holds(&c->s[i], a) || is_recorded(&c->s[i], a))
			return true;
	return false;
}

/* It could be given to anybody whom its pool lets in. */
static inline bool is_available(
    const struct cluster *c, const struct config_pool *p, const struct addr *a)
{
	return !is_used(c, a) && !is_buggy(p, a) && !is_reserved(p, a) && !is_reported(c, a) &&
	       !is_resting(c, a);
}

/* Others have it, and s could have it beside them. */
static inline bool is_shareable(const struct cluster *c, const struct model *s, const struct addr *a)
{
	bool held = false;

	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *o = &c->s[i];

		if (o == s)
			continue;
		if (holds(o, a) ? !may_share(s, o) : is_recorded(o, a))
			return false;
		held = held || holds(o, a);
	}
	return held && !is_reported(c, a);
}

static inline bool keeps_outside(const struct cluster *c)
{
	return c->config->incomplete || (!c->config->pools_n && !c->had_pools);
}

static inline bool is_outside(const struct cluster *c, const struct model *s)
{
	for (size_t i = 0; i < s->held_n; i++)
		if (!config_pool_of(c->config, &s->held[i]))
			return true;
	return false;
}

/* It was given from a pool that is not there, and may be one that is wrong. */
static inline bool is_of_wrong_pool(const struct cluster *c, const struct model *s)
{
	const char *late = s->late ? s->late_pool : "";

	return c->config->incomplete && ((s->pool[0] && !config_pool_find(c->config, s->pool)) ||
					    (*late && !config_pool_find(c->config, late)));
}

/* The first address of the family in the pool that anybody could have without sharing. */
static inline const struct addr *free_in(
    const struct cluster *c, const struct config_pool *p, uint8_t family)
{
	for (size_t r = 0; r < p->ranges_n; r++) {
		struct addr a = p->ranges[r].first;

		for (bool more = a.family == family; more;
		     more = !addr_equal(&a, &p->ranges[r].last) && addr_next(&a))
			for (size_t i = 0; i < c->universe_n; i++)
				if (addr_equal(&c->universe[i], &a) && is_available(c, p, &a))
					return &c->universe[i];
	}
	return NULL;
}

static inline bool shareable_in(
    const struct cluster *c, const struct config_pool *p, const struct model *s, uint8_t family)
{
	for (size_t i = 0; i < c->universe_n; i++) {
		const struct addr *a = &c->universe[i];

		if (a->family == family && config_pool_holds(p, a) && !is_buggy(p, a) &&
		    !is_reserved(p, a) && is_shareable(c, s, a))
			return true;
	}
	return false;
}

/* Pools that would be tried for s, in order. */
static inline size_t candidates(
    const struct cluster *c, const struct model *s, const struct config_pool *out[POOLS])
{
	size_t n = 0;

	for (int restricted = 1; restricted >= 0; restricted--)
		for (int priority = 1; priority <= 3; priority++) /* 3 stands for 0 */
			for (size_t i = 0; i < c->config->pools_n; i++) {
				const struct config_pool *p = &c->config->pools[i];

				if (p->restricted == restricted && p->priority == priority % 3 &&
				    p->auto_assign && lets_in(c, p, s))
					out[n++] = p;
			}
	return n;
}

#endif
