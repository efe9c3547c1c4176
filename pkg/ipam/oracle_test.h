/* SPDX-License-Identifier: Apache-2.0 */
/* oracle: a history of the model, step by step, and what must be so after each. */
#ifndef LB_IPAM_ORACLE_TEST_H
#define LB_IPAM_ORACLE_TEST_H

#include "pkg/ipam/steps_test.h"

static inline void check_holdings(struct cluster *c)
{
	for (size_t i = 0; i < SERVICES; i++) {
		struct model *s = &c->s[i];

		if (!s->held_n)
			continue;
		CHECK(c, is_ours(s));
		if (c->options.keep)
			CHECK(c, !c->config->pools_n || (families_fit(s, s->held, s->held_n) &&
							    request_fits(s, s->held, s->held_n)));
		else if (is_outside(c, s))
			CHECK(c, keeps_outside(c));
		else if (!is_of_wrong_pool(c, s))
			CHECK(c, valid_alone(c, s, s->held, s->held_n));
		for (size_t k = 0; k < i; k++)
			for (size_t a = 0; a < s->held_n; a++)
				if (holds(&c->s[k], &s->held[a]))
					CHECK(c, may_share(s, &c->s[k]));
	}
}

/* Somebody else had it recorded too, had to leave because they may not share any more, and that is
 * not yet written.  Started again, the older of them keeps it. */
static inline bool is_disputed(const struct cluster *c, const struct model *s)
{
	for (size_t k = 0; k < SERVICES; k++)
		for (size_t a = 0; a < s->n; a++)
			if (&c->s[k] != s && is_ours(&c->s[k]) && is_recorded(&c->s[k], &s->at[a]) &&
			    !may_share(s, &c->s[k]))
				return true;
	return false;
}

/* Nothing that was valid moved; before[] is what was held before the step. */
static inline void check_stillness(struct cluster *c, const struct model *before)
{
	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *was = &before[i], *s = &c->s[i];
		bool conflict = false;

		if (!was->held_n || !is_ours(s) || strcmp(was->uid, s->uid) != 0)
			continue;
		if (c->restarted && (!is_written(was) || is_disputed(c, s)))
			continue; /* it was not yet written */
		if (!valid_alone(c, s, was->held, was->held_n))
			continue;
		/* A change of what it shares with others may cost it the address. */
		for (size_t k = 0; k < SERVICES; k++)
			for (size_t a = 0; a < was->held_n; a++)
				conflict = conflict || (k != i && holds(&before[k], &was->held[a]) &&
							   !may_share(s, &c->s[k]));
		for (size_t a = 0; a < was->held_n && !conflict; a++)
			CHECK(c, holds(s, &was->held[a]));
	}
}

/* What it asks for it can't have. */
static inline void check_asked(struct cluster *c, const struct model *s)
{
	struct addr at[2];
	size_t n = asked_of(s, at), available = 0;
	const struct config_pool *p = n ? config_pool_of(c->config, &at[0]) : NULL;

	if (!p || n != s->cluster_ips_n || !families_fit(s, at, n) || !lets_in(c, p, s))
		return;
	for (size_t i = 0; i < n; i++)
		if (config_pool_of(c->config, &at[i]) == p && !is_buggy(p, &at[i]))
			available += (!is_used(c, &at[i]) && !is_reported(c, &at[i]) &&
					 !is_resting(c, &at[i])) ||
				     is_shareable(c, s, &at[i]);
	CHECK(c, available < n);
}

/* Nobody waits for what is there. */
static inline void check_waiting(struct cluster *c)
{
	const struct config_pool *pools[POOLS];

	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *s = &c->s[i];
		bool six = s->there && strchr(s->cluster_ips[0], ':');
		size_t n;

		if (!is_ours(s) || s->held_n || s->asked_pool[0])
			continue;
		if (s->policy == API_REQUIRE_DUAL_STACK && s->cluster_ips_n == 1)
			continue;
		if (s->asked[0]) {
			check_asked(c, s);
			continue;
		}
		n = candidates(c, s, pools);
		for (size_t k = 0; k < n; k++) {
			bool four_free =
			    free_in(c, pools[k], ADDR_IPV4) || shareable_in(c, pools[k], s, ADDR_IPV4);
			bool six_free =
			    free_in(c, pools[k], ADDR_IPV6) || shareable_in(c, pools[k], s, ADDR_IPV6);

			if (s->cluster_ips_n == 1)
				CHECK(c, !(six ? six_free : four_free));
			else if (s->policy == API_REQUIRE_DUAL_STACK)
				CHECK(c, !(four_free && six_free));
			else
				CHECK(c, !four_free && !six_free);
		}
	}
}

static inline void check_books(struct cluster *c, bool exact)
{
	static const uint8_t families[] = { ADDR_IPV4, ADDR_IPV6 };

	for (size_t i = 0; i < c->config->pools_n; i++)
		for (size_t f = 0; f < 2; f++) {
			const struct config_pool *p = &c->config->pools[i];
			struct ipam_books b;
			uint64_t capacity = 0, available = 0;

			for (size_t k = 0; k < c->universe_n; k++) {
				const struct addr *a = &c->universe[k];
				bool in = a->family == families[f] && config_pool_holds(p, a);

				capacity += in && !is_buggy(p, a);
				available += in && is_available(c, p, a);
			}
			CHECK(c, ipam_books(c->m, p->name, families[f], &b));
			CHECK(c, b.capacity == capacity);
			CHECK(c, !exact || b.available == available);
			CHECK(c, b.assigned + b.available + b.reserved + b.held == capacity);
		}
}

/* One Service came and nothing else happened: it got the lowest address of the first pool. */
static inline void check_lowest(struct cluster *c, const struct model *before)
{
	const struct config_pool *pools[POOLS];
	struct cluster *then;

	if (c->options.sticky || c->options.reuse_delay_ms)
		return;
	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *s = &c->s[i];
		bool six = s->there && strchr(s->cluster_ips[0], ':');
		const struct addr *want = NULL;
		size_t n;

		if (before[i].there || !is_ours(s) || !s->held_n || s->asked[0] || s->asked_pool[0] ||
		    s->key || s->cluster_ips_n == 2)
			continue;
		then = malloc(sizeof(*then));
		*then = *c;
		memcpy(then->s, before, sizeof(then->s));
		n = candidates(c, s, pools);
		for (size_t k = 0; k < n && !want; k++)
			want = free_in(then, pools[k], six ? ADDR_IPV6 : ADDR_IPV4);
		CHECK(c, want && addr_equal(want, &s->held[0]));
		free(then);
	}
}

/* Stopped here and started again, everybody keeps what is recorded, as far as it is valid and the
 * running one gave it; and two never get one address. */
static inline void check_restart(struct cluster *c)
{
	struct ipam *m = restart(c), *own = c->m;
	struct model *now = malloc(sizeof(c->s));
	bool had = c->had_pools;

	memcpy(now, c->s, sizeof(c->s));
	c->had_pools = c->config->pools_n;
	drain(c, m, false);
	for (size_t i = 0; i < SERVICES; i++)
		c->s[i].held_n = 0;
	ipam_each_held(m, collect, c);
	c->m = m;
	show(c, "restarted");
	check_holdings(c);
	check_books(c, false);
	for (size_t i = 0; i < SERVICES; i++)
		for (size_t a = 0; a < now[i].n; a++)
			/* Of what is kept the annotation may decide, when its pool is not there. */
			if (is_ours(&now[i]) && is_written(&now[i]) && !is_disputed(c, &c->s[i]) &&
			    !(now[i].late && (c->options.keep || is_of_wrong_pool(c, &now[i]))))
				CHECK(c, holds(&c->s[i], &now[i].at[a]));
	c->m = own;
	c->had_pools = had;
	memcpy(c->s, now, sizeof(c->s));
	free(now);
	ipam_free(m);
}

/* With every write arrived, a restart has nothing to write, and the statuses say what is held. */
static inline void check_settled(struct cluster *c)
{
	struct ipam *m;

	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < SERVICES; i++)
			arrive(c, &c->s[i]);
		if (!drain(c, c->m, true))
			break;
		CHECK(c, round < 9);
	}
	for (size_t i = 0; i < SERVICES; i++)
		c->s[i].held_n = 0;
	ipam_each_held(c->m, collect, c);
	for (size_t i = 0; i < SERVICES; i++)
		if (is_ours(&c->s[i])) {
			CHECK(c, c->s[i].n == c->s[i].held_n);
			for (size_t a = 0; a < c->s[i].n; a++)
				CHECK(c, holds(&c->s[i], &c->s[i].at[a]));
		}
	m = restart(c);
	/* What rests for others is free for all then. */
	CHECK(c, drain(c, m, false) == 0 || c->options.reuse_delay_ms);
	ipam_free(m);
}

/* An address that s did not have, by what it holds or by its status. */
static inline bool is_new(const struct model *was, const struct model *s, const struct addr *a)
{
	if (strcmp(was->uid, s->uid) != 0)
		return true;
	return !holds(was, a) && !is_recorded(was, a) && !is_recorded(s, a);
}

/* Reserved addresses only go to who asks for them, those in quarantine to nobody, those that rest
 * to who had them. */
static inline void check_gifts(struct cluster *c, const struct model *before)
{
	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *s = &c->s[i];
		uint32_t bit = 1U << (2 * i + (s->ns && strcmp(s->ns, namespaces[0]) != 0));

		for (size_t a = 0; s->there && a < s->held_n; a++) {
			const struct addr *at = &s->held[a];
			const struct config_pool *p = config_pool_of(c->config, at);

			if (!is_new(&before[i], s, at))
				continue;
			CHECK(c, !p || s->asked[0] || !is_reserved(p, at));
			CHECK(c, !is_reported(c, at));
			for (size_t k = 0; k < SERVICES; k++) /* or to who shares it with them */
				if (c->s[k].there && holds(&c->s[k], at))
					bit |= 1U << (2 * k + (strcmp(c->s[k].ns, namespaces[0]) != 0));
			CHECK(c, !is_resting(c, at) || (fate_of(c, at)->users & bit));
		}
	}
}

/* One that was made again has what it had, if that is nobody's. */
static inline void check_sticky(struct cluster *c, const struct model *before)
{
	const struct config_pool *pools[POOLS];

	for (size_t i = 0; i < SERVICES; i++) {
		const struct model *s = &c->s[i];
		bool six = s->there && strchr(s->cluster_ips[0], ':'), wanted = false, got = false;
		uint32_t bit = 1U << (2 * i + (s->ns && strcmp(s->ns, namespaces[0]) != 0));
		size_t n;

		if (before[i].there || !is_ours(s) || s->asked[0] || s->asked_pool[0] ||
		    s->cluster_ips_n == 2 || s->policy == API_REQUIRE_DUAL_STACK)
			continue;
		n = candidates(c, s, pools);
		for (size_t k = 0; k < c->universe_n; k++) {
			const struct addr *a = &c->universe[k];
			const struct config_pool *p = config_pool_of(c->config, a);
			bool listed = false;

			for (size_t j = 0; j < n; j++)
				listed = listed || pools[j] == p;
			if (!listed || c->fate[k].used || !c->fate[k].released ||
			    c->fate[k].users != bit || a->family != (six ? ADDR_IPV6 : ADDR_IPV4) ||
			    is_buggy(p, a) || is_reserved(p, a) || is_reported(c, a) ||
			    !(c->options.sticky || is_resting(c, a)) ||
			    (is_used(c, a) && !holds(s, a))) /* rested enough just now, for a waiter */
				continue;
			wanted = true;
			got = got || holds(s, a);
		}
		CHECK(c, !wanted || got);
	}
}

/* Who used what, for the next step. */
static inline void note_fates(struct cluster *c)
{
	for (size_t k = 0; k < c->universe_n; k++) {
		struct fate *f = &c->fate[k];
		const struct addr *a = &c->universe[k];
		uint32_t users = 0;

		for (size_t i = 0; i < SERVICES; i++) {
			const struct model *s = &c->s[i];

			/* What is recorded counts while a pool has it. */
			if (s->there &&
			    (holds(s, a) || (is_recorded(s, a) && config_pool_of(c->config, a))))
				users |= 1U << (2 * i + (strcmp(s->ns, namespaces[0]) != 0));
		}
		if (f->used && !users) {
			f->released = !c->restarted; /* a new engine knows nothing of it */
			f->since = c->now;
		} else if (users) {
			f->released = false;
			f->users = users;
		}
		f->used = users != 0;
	}
}

static inline void make_universe(struct cluster *c)
{
	for (int i = 0; i < 14; i++)
		c->universe[c->universe_n++] =
		    addr_from_in((struct in_addr){ htonl(0xc0000200U + (uint32_t)i) });
	for (int i = 252; i < 256; i++)
		c->universe[c->universe_n++] =
		    addr_from_in((struct in_addr){ htonl(0xc6336400U + (uint32_t)i) });
	c->universe[c->universe_n++] = address("203.0.113.254");
	c->universe[c->universe_n++] = address("203.0.113.255");
	for (int i = 0; i < 12; i++) {
		c->universe[c->universe_n] = address("2001:db8::");
		c->universe[c->universe_n++].bytes[15] = (uint8_t)i;
	}
}

static inline void see_held(struct cluster *c)
{
	for (size_t i = 0; i < SERVICES; i++)
		c->s[i].held_n = 0;
	ipam_each_held(c->m, collect, c);
}

static inline void check_all(struct cluster *c, const struct model *before)
{
	show(c, "after the step");
	check_holdings(c);
	check_stillness(c, before);
	check_gifts(c, before);
	check_sticky(c, before);
	check_lowest(c, before);
	note_fates(c);
	check_waiting(c);
	check_books(c, true);
	if (c->step % 5 == 0)
		check_restart(c);
}

/* What followed, as one number.  bytes: the history is in them, else in the seed. */
static inline uint64_t history(uint32_t seed, const uint8_t *bytes, size_t bytes_n, bool check)
{
	struct cluster *c = calloc(1, sizeof(*c));
	struct model *before = malloc(sizeof(c->s));
	struct err e = ERR_INIT;
	uint64_t log;

	*c = (struct cluster){
		.random = seed * 2654435761U + 1, .seed = seed, .bytes = bytes, .bytes_n = bytes_n
	};
	make_universe(c);
	c->options.keep = chance(c, 20);
	c->options.sticky = chance(c, 20);
	c->options.reuse_delay_ms = chance(c, 20) ? DELAY_MS : 0;
	c->store = config_store_new("lb", &e);
	c->m = ipam_new(&c->options, &e);
	for (size_t i = 0; i < SERVICES; i++)
		snprintf(c->s[i].name, sizeof(c->s[i].name), "s%zu", i);
	configure(c);
	for (c->step = 0; c->step < STEPS && (!bytes || c->bytes_n); c->step++) {
		memcpy(before, c->s, sizeof(c->s));
		one_step(c);
		drain(c, c->m, true);
		see_held(c);
		if (check)
			check_all(c, before);
	}
	if (check)
		check_settled(c);
	log = c->log;
	ipam_free(c->m);
	config_store_free(c->store);
	free(before);
	free(c);
	return log;
}

#endif
