/* SPDX-License-Identifier: Apache-2.0 */
/* steps: what happens to the model: pools and Services come, change and go, writes arrive late, the
 * engine is restarted from what the API server would have.
 *
 * With SHOW in the environment it tells what happens. */
#ifndef LB_IPAM_STEPS_TEST_H
#define LB_IPAM_STEPS_TEST_H

#include "pkg/ipam/rules_test.h"

static inline void collect(const struct ipam_held *h, void *arg)
{
	struct cluster *c = arg;

	for (size_t i = 0; i < SERVICES; i++)
		if (!strcmp(c->s[i].name, h->name) && c->s[i].ns && !strcmp(c->s[i].ns, h->namespace) &&
		    !h->recorded) {
			CHECK(c, c->s[i].held_n < 2);
			c->s[i].held[c->s[i].held_n++] = h->addr;
		}
}

static inline uint64_t mix(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h * 31 + 7;
}

static inline struct model *find(struct cluster *c, const char *ns, const char *name)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (c->s[i].there && !strcmp(c->s[i].name, name) && !strcmp(c->s[i].ns, ns))
			return &c->s[i];
	return NULL;
}

static inline void show(const struct cluster *c, const char *what)
{
	struct buf b = BUF_INIT;
	char text[ADDR_TEXT_LEN];

	if (!getenv("SHOW"))
		return;
	for (size_t i = 0; i < c->config->pools_n; i++) {
		const struct config_pool *p = &c->config->pools[i];

		buf_printf(&b, "  pool %s%s%s%s prio %" PRId64 ":", p->name,
		    p->auto_assign ? "" : " noauto", p->avoid_buggy_ips ? " avoid" : "",
		    p->restricted ? " restricted" : "", p->priority);
		for (size_t k = 0; k < p->ranges_n; k++) {
			char range[RANGE_TEXT_LEN];

			buf_printf(&b, " %s", range_format(&p->ranges[k], range));
		}
		buf_printf(&b, "%s%s%s\n", p->namespaces.n ? " blue" : "",
		    p->namespace_selectors.n ? " red" : "", p->service_selectors.n ? " x" : "");
	}
	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *s = &c->s[i];

		if (!s->there)
			continue;
		buf_printf(&b,
		    "  %s %s/%s age %d%s%s ips %zu policy %d key %s app %s%s asked '%s' '%s' port",
		    s->uid, s->ns, s->name, (int)s->created, s->load_balancer ? "" : " NOT LB",
		    s->class ? " OTHER" : "", s->cluster_ips_n, s->policy, s->key ? s->key : "-",
		    s->app, s->local ? " local" : "", s->asked, s->asked_pool);
		for (size_t k = 0; k < s->ports_n; k++)
			buf_printf(&b, " %d/%d", s->ports[k].protocol, s->ports[k].port);
		buf_printf(&b, " | status(%s)", s->pool);
		for (size_t k = 0; k < s->n; k++)
			buf_printf(&b, " %s", addr_format(&s->at[k], text));
		buf_printf(&b, " | late(%s)", s->late ? s->late_pool : "none");
		for (size_t k = 0; s->late && k < s->late_n; k++)
			buf_printf(&b, " %s", addr_format(&s->late_at[k], text));
		buf_printf(&b, " | held");
		for (size_t k = 0; k < s->held_n; k++)
			buf_printf(&b, " %s", addr_format(&s->held[k], text));
		buf_puts(&b, "\n");
	}
	fprintf(
	    stderr, "%d %s%s\n%s", c->step, what, c->config->incomplete ? " (incomplete)" : "", b.data);
	buf_release(&b);
}

static inline size_t drain(struct cluster *c, struct ipam *m, bool write)
{
	struct ipam_outcome o;
	struct err e = ERR_INIT;
	char text[ADDR_TEXT_LEN];
	size_t writes = 0;
	int more;

	while ((more = ipam_next(m, &o, &e)) > 0) {
		struct model *s = find(c, o.namespace, o.name);

		c->log = mix(mix(c->log, o.name), o.decided ? o.decision.message : "");
		if (getenv("SHOW"))
			fprintf(stderr, "    %s: %s %s\n", o.name, o.decided ? o.decision.code : "",
			    o.decided ? o.decision.message : "");
		for (size_t i = 0; i < o.events_n; i++)
			c->log = mix(c->log, o.events[i].message);
		if (!o.write)
			continue;
		CHECK(c, s != NULL);
		writes++;
		for (size_t i = 0; i < o.addresses_n; i++)
			c->log = mix(c->log, addr_format(&o.addresses[i], text));
		if (!write || !s)
			continue;
		s->late = true;
		s->late_n = o.addresses_n;
		for (size_t i = 0; i < o.addresses_n; i++)
			s->late_at[i] = o.addresses[i];
		snprintf(s->late_pool, sizeof(s->late_pool), "%s", o.pool ? o.pool : "");
	}
	CHECK(c, more == 0);
	return writes;
}

static inline void arrive(struct cluster *c, struct model *s)
{
	if (!s->late || !s->there)
		return;
	s->late = false;
	memcpy(s->at, s->late_at, sizeof(s->late_at));
	s->n = s->late_n;
	memcpy(s->pool, s->late_pool, sizeof(s->pool));
	tell_service(c, c->m, s);
}

static inline void tell_report(const struct cluster *c, struct ipam *m, size_t i)
{
	static const char *const by[REPORTS] = { "node-a", "node-b" };

	ipam_quarantine(m, by[i], c->reported[i], c->reported[i] != NULL, "seen at 02:00:00:00:00:01");
}

static inline struct ipam *restart(const struct cluster *c)
{
	struct err e = ERR_INIT;
	struct ipam *m = ipam_new(&c->options, &e);

	CHECK(c, m);
	ipam_time(m, c->now);
	ipam_config(m, c->config);
	for (size_t i = 0; i < REPORTS; i++)
		tell_report(c, m, i);
	for (size_t i = 0; i < SERVICES; i++)
		if (c->s[i].there)
			tell_service((struct cluster *)(uintptr_t)c, m, &c->s[i]);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		tell_namespace(c, m, i);
	return m;
}

static inline void one_step(struct cluster *c)
{
	struct model *s = &c->s[pick(c, SERVICES)];
	uint32_t what = pick(c, 100);

	c->restarted = false;
	c->now += pick(c, 3) * 1000;
	ipam_time(c->m, c->now);
	if (what < 35 && !s->there) {
		char name[8];

		memcpy(name, s->name, sizeof(name));
		*s = (struct model){ .there = true, .ns = namespaces[pick(c, 2)] };
		memcpy(s->name, name, sizeof(name));
		s->created = chance(c, 80) ? ++c->clock : c->clock;
		snprintf(s->uid, sizeof(s->uid), "u%d", c->step);
		random_service(c, s);
		tell_service(c, c->m, s);
	} else if (what < 50 && s->there) {
		ipam_service_gone(c->m, s->ns, s->name);
		s->there = s->late = false;
	} else if (what < 62 && s->there) {
		random_service(c, s);
		tell_service(c, c->m, s);
	} else if (what < 75) {
		put_pool(c);
		configure(c);
	} else if (what < 78) {
		uint32_t i = pick(c, 2);

		c->red[i] = chance(c, 50);
		tell_namespace(c, c->m, i);
	} else if (what < 95) {
		arrive(c, s);
	} else if (what < 96) {
		uint32_t i = pick(c, REPORTS);

		c->reported[i] = chance(c, 60) ? &c->universe[pick(c, (uint32_t)c->universe_n)] : NULL;
		tell_report(c, c->m, i);
	} else if (what < 98 && s->there && !s->late) { /* somebody empties its status */
		s->n = 0;
		s->pool[0] = 0;
		tell_service(c, c->m, s);
	} else if (s->there && s->load_balancer) { /* a restart: what was not written is lost */
		ipam_free(c->m);
		for (size_t i = 0; i < SERVICES; i++)
			c->s[i].late = false;
		c->had_pools = c->config->pools_n;
		c->m = restart(c);
		c->restarted = true;
		for (size_t i = 0; i < c->universe_n; i++)
			c->fate[i].released = false;
	}
}

#endif
