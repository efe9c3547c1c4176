/* SPDX-License-Identifier: Apache-2.0 */
/* model: a small cluster with random objects.  For the property tests and the fuzz target, which say
 * what FAIL(fmt, ...) does. */
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

#endif
