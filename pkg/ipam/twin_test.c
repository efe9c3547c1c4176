/* SPDX-License-Identifier: Apache-2.0 */
/* Two controllers on one API server, started at whatever time: what each writes the other sees, late
 * and between its own writes.  In the end nobody writes any more, no address is there twice, and
 * both believe what the API says.
 *
 *	HISTORIES=100000 twin_test        more of them;  SEED=7 twin_test: this one only */
#include "tests/unit.h"

#define FAIL fail_msg
#include "pkg/ipam/oracle_test.h"

enum { EVENTS = 4000, CHAOS = 60, QUIET = 4000 };

struct write {
	bool due;
	char uid[16]; /* of the Service it is for */
	struct addr at[2];
	size_t n;
	char pool[8];
};

struct controller {
	struct ipam *m; /* NULL: not started */
	size_t seen;    /* of the events */
	struct write writes[SERVICES];
};

struct twins {
	struct cluster c; /* the API: its models, and the configuration */
	struct controller two[2];
	struct model *events; /* each state of each Service; not there: deleted */
	size_t events_n;
};

static void happened(struct twins *t, const struct model *s)
{
	CHECK(&t->c, t->events_n < EVENTS);
	t->events[t->events_n++] = *s;
}

static void start_controller(struct twins *t, struct controller *k)
{
	ipam_free(k->m);
	k->m = restart(&t->c);
	k->seen = t->events_n;
	memset(k->writes, 0, sizeof(k->writes));
}

static void decide_all(struct twins *t, struct controller *k)
{
	struct ipam_outcome o;
	struct err e = ERR_INIT;
	char text[ADDR_TEXT_LEN];

	while (ipam_next(k->m, &o, &e) > 0) {
		size_t i = (size_t)atoi(o.name + 1);
		struct write *w = &k->writes[i];

		if (getenv("SHOW"))
			fprintf(stderr, "    %zu: %s %s%s %s\n", (size_t)(k - t->two), o.name,
			    o.write ? (o.addresses_n ? addr_format(&o.addresses[0], text)
						     : "writes nothing")
				    : "",
			    o.decided ? o.decision.code : "", o.decided ? o.decision.message : "");
		if (!o.write)
			continue;
		*w = (struct write){ .due = true, .n = o.addresses_n };
		for (size_t a = 0; a < o.addresses_n; a++)
			w->at[a] = o.addresses[a];
		snprintf(w->pool, sizeof(w->pool), "%s", o.pool ? o.pool : "");
		snprintf(w->uid, sizeof(w->uid), "%s", t->c.s[i].uid);
	}
}

static bool see_one(struct twins *t, struct controller *k)
{
	const struct model *s = &t->events[k->seen];
	char text[ADDR_TEXT_LEN];

	if (k->seen == t->events_n)
		return false;
	k->seen++;
	if (getenv("SHOW"))
		fprintf(stderr, "  %zu sees %s/%s age %d:%s %s%s (%s)\n", (size_t)(k - t->two), s->ns,
		    s->name, (int)s->created, s->there ? "" : " gone",
		    s->n ? addr_format(&s->at[0], text) : "", s->n > 1 ? " ..." : "", s->pool);
	if (s->there)
		tell_service(&t->c, k->m, s);
	else
		ipam_service_gone(k->m, s->ns, s->name);
	decide_all(t, k);
	return true;
}

static bool write_one(struct twins *t, struct controller *k)
{
	size_t from = pick(&t->c, SERVICES);

	for (size_t n = 0; n < SERVICES; n++) {
		size_t i = (from + n) % SERVICES;
		struct write *w = &k->writes[i];
		struct model *s = &t->c.s[i];

		if (!w->due)
			continue;
		w->due = false;
		if (!s->there || strcmp(s->uid, w->uid) != 0)
			return true; /* it is gone */
		memcpy(s->at, w->at, sizeof(w->at));
		s->n = w->n;
		memcpy(s->pool, w->pool, sizeof(s->pool));
		happened(t, s);
		return true;
	}
	return false;
}

static void disturb(struct twins *t)
{
	struct cluster *c = &t->c;
	struct model *s = &c->s[pick(c, SERVICES)];
	uint32_t what = pick(c, 100);
	char name[8];

	if (!s->there && what < 60) {
		memcpy(name, s->name, sizeof(name));
		*s = (struct model){ .there = true, .ns = namespaces[pick(c, 2)] };
		memcpy(s->name, name, sizeof(name));
		s->created = ++c->clock;
		snprintf(s->uid, sizeof(s->uid), "u%d", c->step);
		random_service(c, s);
		happened(t, s);
	} else if (s->there && what < 30) {
		s->there = false;
		happened(t, s);
	} else if (s->there && what < 50) {
		random_service(c, s);
		happened(t, s);
	} else if (what > 95) {
		start_controller(t, &t->two[what & 1]);
		decide_all(t, &t->two[what & 1]);
	}
}

static void check_end(struct twins *t)
{
	struct cluster *c = &t->c;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < SERVICES; i++)
			c->s[i].held_n = 0;
		ipam_each_held(t->two[k].m, collect, c);
		for (size_t i = 0; i < SERVICES; i++)
			CHECK(c, !is_ours(&c->s[i]) || is_written(&c->s[i]));
		check_holdings(c);
	}
}

static void twin_history(uint32_t seed, bool in_step)
{
	struct twins *t = calloc(1, sizeof(*t));
	struct cluster *c = &t->c;
	struct err e = ERR_INIT;
	int rounds = 0;

	t->events = calloc(EVENTS, sizeof(*t->events));
	c->random = seed * 2654435761U + 1;
	c->seed = seed;
	make_universe(c);
	c->store = config_store_new("lb", &e);
	c->m = ipam_new(&c->options, &e);
	for (size_t i = 0; i < SERVICES; i++)
		snprintf(c->s[i].name, sizeof(c->s[i].name), "s%zu", i);
	for (int i = 0; i < 6; i++)
		put_pool(c);
	configure(c);
	for (size_t k = 0; k < 2; k++)
		start_controller(t, &t->two[k]);
	for (c->step = 0; c->step < CHAOS; c->step++) {
		struct controller *k = &t->two[pick(c, 2)];
		uint32_t what = pick(c, 3);

		if (what == 0)
			disturb(t);
		else if (what == 1)
			see_one(t, k);
		else
			write_one(t, k);
	}
	/* Now nobody disturbs them. */
	for (bool busy = true; busy; rounds++) {
		CHECK(c, rounds < QUIET);
		busy = false;
		if (in_step) { /* the worst: each writes all, then each sees all */
			for (size_t k = 0; k < 2; k++)
				while (write_one(t, &t->two[k]))
					busy = true;
			for (size_t k = 0; k < 2; k++)
				while (see_one(t, &t->two[k]))
					busy = true;
			continue;
		}
		for (size_t k = 0; k < 2; k++) {
			bool first = chance(c, 50);

			busy = (first ? see_one : write_one)(t, &t->two[k]) || busy;
			busy = (first ? write_one : see_one)(t, &t->two[k]) || busy;
		}
	}
	check_end(t);
	for (size_t k = 0; k < 2; k++)
		ipam_free(t->two[k].m);
	ipam_free(c->m);
	config_store_free(c->store);
	free(t->events);
	free(t);
}

static void two_controllers_come_to_rest(void **state)
{
	const char *many = getenv("HISTORIES"), *one = getenv("SEED");
	uint32_t first = one ? (uint32_t)atoi(one) : 1;
	uint32_t n = one ? 1 : many ? (uint32_t)atoi(many) : 1500;

	(void)state;
	for (uint32_t seed = first; seed < first + n; seed++)
		for (int in_step = 0; in_step < 2; in_step++)
			twin_history(seed, in_step);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(two_controllers_come_to_rest) };

	return cmocka_run_group_tests_name("ipam twins", tests, NULL, NULL);
}
