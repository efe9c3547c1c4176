/* SPDX-License-Identifier: Apache-2.0 */
/* model: a small cluster with random objects, and the rules said in the plainest code: walks over
 * every address.  For the property tests and the fuzz target, which say what FAIL(fmt, ...) does. */
#ifndef LB_IPAM_MODEL_TEST_H
#define LB_IPAM_MODEL_TEST_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pkg/ipam/ipam.h"
#include "pkg/yaml/yaml.h"

enum { SERVICES = 14, POOLS = 4, STEPS = 60, UNIVERSE = 64, REPORTS = 2, DELAY_MS = 4000 };

struct model { /* a Service as the API server has it */
	bool there;
	char name[8];
	const char *ns;
	int64_t created;
	char uid[16];
	bool load_balancer;
	const char *class;
	const char *cluster_ips[2];
	size_t cluster_ips_n;
	enum api_family_policy policy;
	const char *app;
	const char *key; /* of sharing, or NULL */
	struct api_port ports[2];
	size_t ports_n;
	bool local;
	char asked[64];
	char asked_pool[8];
	/* its status, and what was written but has not arrived */
	struct addr at[3];
	size_t n;
	char pool[8];
	bool late;
	struct addr late_at[2];
	size_t late_n;
	char late_pool[8];
	/* what it held after the last step */
	struct addr held[3];
	size_t held_n;
};

struct fate {          /* of one address of the universe */
	bool used;     /* after the last step */
	bool released; /* and not used since */
	uint64_t since;
	uint32_t users; /* bits, of the last that had it: slot * 2 + namespace */
};

struct cluster {
	uint32_t random;
	const uint8_t *bytes; /* instead of random numbers, when not NULL */
	size_t bytes_n;
	int64_t clock;
	uint64_t now;
	struct ipam_options options;
	struct fate fate[UNIVERSE];
	const struct addr *reported[REPORTS]; /* in quarantine, or NULL */
	struct config_store *store;
	const struct config *config;
	struct ipam *m;
	struct model s[SERVICES];
	struct addr universe[UNIVERSE];
	size_t universe_n;
	bool had_pools;
	bool red[2];  /* the namespaces have the label */
	uint64_t log; /* of all outcomes */
	uint32_t seed;
	int step;
	bool restarted; /* in this step */
};

static const char *const namespaces[] = { "blue", "green" };

static inline uint32_t pick(struct cluster *c, uint32_t n)
{
	if (c->bytes) {
		uint32_t byte = c->bytes_n ? *c->bytes : 0;

		c->bytes += c->bytes_n != 0;
		c->bytes_n -= c->bytes_n != 0;
		return byte % n;
	}
	c->random = c->random * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(c->random >> 4) * n) >> 28);
}

static inline bool chance(struct cluster *c, uint32_t percent)
{
	return pick(c, 100) < percent;
}

#define CHECK(c, claim)                                                                    \
	do {                                                                               \
		if (!(claim))                                                              \
			FAIL("seed %u, step %d: " #claim, (unsigned)(c)->seed, (c)->step); \
	} while (0)

static inline struct addr address(const char *text)
{
	struct addr a;
	struct err e = ERR_INIT;

	if (addr_parse(&a, text, &e) < 0)
		FAIL("%s", e.text);
	return a;
}

static inline struct json *model_yaml(const char *text)
{
	struct json *j = NULL;
	struct err e = ERR_INIT;

	if (yaml_parse(text, strlen(text), &j, &e) < 0)
		FAIL("%s in %s", e.text, text);
	return j;
}

/* ---- what the engine is told ---- */

static inline void tell_service(struct cluster *c, struct ipam *m, const struct model *s)
{
	struct api_pair annotations[5], labels[1] = { { "app", s->app } };
	struct api_pair selector[1] = { { "app", s->app } };
	struct api_ingress ingress[3];
	char text[3][ADDR_TEXT_LEN];
	struct api_service o = { .meta = { .namespace = s->ns,
				     .name = s->name,
				     .uid = s->uid,
				     .created = s->created,
				     .labels = { labels, 1 } },
		.load_balancer = s->load_balancer,
		.load_balancer_class = s->class,
		.load_balancer_ip = "",
		.cluster_ips = s->cluster_ips,
		.cluster_ips_n = s->cluster_ips_n,
		.ip_family_policy = s->policy,
		.external_traffic_local = s->local,
		.selector = { selector, 1 },
		.ports = s->ports,
		.ports_n = s->ports_n,
		.ingress = ingress,
		.ingress_n = s->n };
	size_t k = 0;

	(void)c;
	if (s->asked_pool[0])
		annotations[k++] = (struct api_pair){ "metallb.io/address-pool", s->asked_pool };
	if (s->key)
		annotations[k++] = (struct api_pair){ "metallb.io/allow-shared-ip", s->key };
	if (s->pool[0])
		annotations[k++] = (struct api_pair){ "metallb.io/ip-allocated-from-pool", s->pool };
	if (s->asked[0])
		annotations[k++] = (struct api_pair){ "metallb.io/loadBalancerIPs", s->asked };
	o.meta.annotations = (struct api_map){ annotations, k };
	for (size_t i = 0; i < s->n; i++)
		ingress[i] = (struct api_ingress){ addr_format(&s->at[i], text[i]), "" };
	ipam_service(m, &o);
}

static inline void tell_namespace(const struct cluster *c, struct ipam *m, size_t i)
{
	struct api_pair label = { "team", c->red[i] ? "red" : "none" };
	struct api_namespace n = { .meta = { .name = namespaces[i], .labels = { &label, 1 } } };

	ipam_namespace(m, &n);
}

/* ---- random objects ---- */

static inline void random_service(struct cluster *c, struct model *s)
{
	static const char *const four[] = { "198.51.100.1" }, *const six[] = { "2001:db8:f::1" };
	char text[ADDR_TEXT_LEN], other[ADDR_TEXT_LEN];
	uint32_t family = pick(c, 10);

	s->load_balancer = chance(c, 92);
	s->class = chance(c, 4) ? "other" : NULL;
	s->policy = API_SINGLE_STACK;
	s->cluster_ips_n = 1;
	s->cluster_ips[0] = family < 5 || family > 6 ? four[0] : six[0];
	s->cluster_ips[1] = six[0];
	if (family > 6) {
		s->policy = chance(c, 50) ? API_PREFER_DUAL_STACK : API_REQUIRE_DUAL_STACK;
		s->cluster_ips_n = chance(c, 90) ? 2 : 1;
	}
	s->app = chance(c, 50) ? "x" : "w";
	s->key = chance(c, 35) ? (chance(c, 70) ? "k" : "l") : NULL;
	s->ports_n = 1 + pick(c, 2);
	for (size_t i = 0; i < s->ports_n; i++)
		s->ports[i] =
		    (struct api_port){ chance(c, 80) ? API_TCP : API_UDP, (uint16_t)(80 + pick(c, 3)) };
	s->local = chance(c, 20);
	s->asked[0] = s->asked_pool[0] = 0;
	if (chance(c, 12)) {
		struct addr *a = &c->universe[pick(c, (uint32_t)c->universe_n)];
		struct addr *b = &c->universe[pick(c, (uint32_t)c->universe_n)];

		snprintf(s->asked, sizeof(s->asked), "%s%s%s", addr_format(a, text),
		    s->cluster_ips_n == 2 ? "," : "",
		    s->cluster_ips_n == 2 ? addr_format(b, other) : "");
	} else if (chance(c, 2)) {
		snprintf(s->asked, sizeof(s->asked), "nonsense");
	}
	if (chance(c, 10))
		snprintf(s->asked_pool, sizeof(s->asked_pool), "p%u", pick(c, POOLS + 1) % 10);
}

static inline void put_pool(struct cluster *c)
{
	static const char *const blocks[] = { "192.0.2.0/30", "192.0.2.4/30", "192.0.2.8/31",
		"192.0.2.10-192.0.2.13", "198.51.100.252/30", "203.0.113.254-203.0.113.255",
		"2001:db8::/127", "2001:db8::2/127", "2001:db8::8/126", "nonsense" };
	struct buf b = BUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;

	static const char *const reserves[] = { "192.0.2.1", "192.0.2.2-192.0.2.4", "192.0.2.9",
		"198.51.100.254/31", "2001:db8::1", "2001:db8::8/127,2001:db8::b", "nonsense" };

	buf_printf(&b,
	    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: p%u, namespace: "
	    "lb",
	    (unsigned)pick(c, POOLS));
	if (chance(c, 25))
		buf_printf(&b, ", annotations: {lbctl.dev/reserve: '%s'}",
		    reserves[pick(c, ARRAY_LEN(reserves))]);
	buf_puts(&b, "}, spec: {addresses: [");
	for (uint32_t i = 0, n = 1 + pick(c, 3); i < n; i++)
		buf_printf(&b, "%s'%s'", i ? ", " : "", blocks[pick(c, ARRAY_LEN(blocks))]);
	buf_printf(&b, "], autoAssign: %s, avoidBuggyIPs: %s", chance(c, 85) ? "true" : "false",
	    chance(c, 30) ? "true" : "false");
	if (chance(c, 35))
		buf_printf(&b, ", serviceAllocation: {priority: %u%s%s%s}", (unsigned)pick(c, 3),
		    chance(c, 30) ? ", namespaces: [blue]" : "",
		    chance(c, 20) ? ", namespaceSelectors: [{matchLabels: {team: red}}]" : "",
		    chance(c, 20) ? ", serviceSelectors: [{matchLabels: {app: x}}]" : "");
	buf_puts(&b, "}}");
	j = model_yaml(b.data);
	buf_release(&b);
	if (chance(c, 15))
		config_store_remove(c->store, j);
	else
		config_store_put(c->store, j);
}

static inline void configure(struct cluster *c)
{
	struct err e = ERR_INIT;

	c->config = config_store_get(c->store, &e);
	CHECK(c, c->config);
	c->had_pools = c->had_pools || c->config->pools_n;
	ipam_config(c->m, c->config);
}

/* ---- the rules, plainly ---- */

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
