/* SPDX-License-Identifier: Apache-2.0 */
/* Several contenders for a Lease in virtual time, on a server that conflicts, loses, delays and goes
 * away: never do two act as its holder. */
#include "pkg/kube/lease.h"
#include "tests/unit.h"

static const struct lease_options options = { .namespace = "ns",
	.name = "x",
	.identity = "me",
	.duration_ms = 15000,
	.renew_deadline_ms = 10000,
	.retry_ms = 2000,
	.seed = 1 };

enum { CONTENDERS = 4, WIRE = 64 };

struct wire { /* a request on its way there, or an answer on its way back */
	bool used, back;
	uint64_t at;
	unsigned who;
	uint64_t number; /* of the request */
	enum lease_ask ask;
	struct json *object;
	int status;
};

struct world {
	uint64_t random, ms, requests;
	struct contender {
		struct lease *lease; /* NULL: it does not run */
		uint64_t life;       /* counts its starts */
		uint64_t offset;     /* of its clock */
		uint64_t waits_for;  /* the answer to that request; 0: none */
		uint64_t until;      /* it acts as the holder before this, on the world's clock */
		uint64_t cut;        /* until then nothing gets to it, nor from it */
		bool lost, stopping;
	} c[CONTENDERS];
	struct json *lease;
	uint64_t version;
	struct wire wire[WIRE];
	bool calm; /* nothing goes wrong any more */
	unsigned handovers;
};

static uint64_t rnd(struct world *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

static struct lease_now clock_of(const struct world *w, unsigned who)
{
	return (
	    struct lease_now){ w->ms + w->c[who].offset, (int64_t)(w->ms + w->c[who].offset) * 1000 };
}

static void born(struct world *w, unsigned who)
{
	char name[32];
	struct err e = ERR_INIT;
	struct lease_options o = options;
	struct contender *c = &w->c[who];

	snprintf(name, sizeof(name), "c%u.%u", who, (unsigned)++c->life);
	o.identity = name;
	o.seed = rnd(w, UINT32_MAX);
	c->offset = rnd(w, 1000000000);
	c->lost = c->stopping = false;
	c->waits_for = 0;
	c->lease = lease_new(&o, clock_of(w, who), &e);
	assert_non_null(c->lease);
}

static void dies(struct world *w, unsigned who)
{
	lease_free(TAKE(w->c[who].lease));
	w->c[who].until = 0;
}

/* `m` without its time; the object is copied. */
static void send(struct world *w, struct wire m, const struct json *object)
{
	if (!w->calm && (!rnd(w, 20) || w->ms < w->c[m.who].cut))
		return;
	m.used = true;
	m.at = w->ms + 1 + (w->calm || rnd(w, 10) ? rnd(w, 30) : rnd(w, 20000));
	m.object = object ? json_copy(object) : NULL;
	for (unsigned i = 0; i < WIRE; i++)
		if (!w->wire[i].used) {
			w->wire[i] = m;
			return;
		}
	fail_msg("more than %d messages are under way", WIRE);
}

static const char *version_of(const struct json *o)
{
	const char *v = json_string(json_at(o, "metadata", "resourceVersion", NULL));

	return v ? v : "";
}

/* The API server's part: one version at a time, and who comes late is told so. */
static void served(struct world *w, struct wire *m)
{
	bool exists = w->lease != NULL;
	int status = m->ask == LEASE_CREATE ? (exists ? 409 : 201) : exists ? 200 : 404;
	char text[24];

	if (m->ask == LEASE_UPDATE && exists &&
	    strcmp(version_of(m->object), version_of(w->lease)) != 0)
		status = 409;
	if (status < 300 && m->ask != LEASE_GET) {
		snprintf(text, sizeof(text), "%u", (unsigned)++w->version);
		assert_int_equal(json_set(json_edit(m->object, "metadata"), "resourceVersion",
				     json_new_string(text, strlen(text))),
		    0);
		json_free(w->lease);
		w->lease = json_copy(m->object);
	}
	/* If the answer is lost, what was written stays. */
	send(w,
	    (struct wire){
		.back = true, .who = m->who, .number = m->number, .ask = m->ask, .status = status },
	    status < 300 ? w->lease : NULL);
}

static void delivered(struct world *w, struct wire *m)
{
	struct contender *c = &w->c[m->who];
	struct err e = ERR_INIT;
	struct lease_answer a = { .status = m->status, .object = m->object, .error = &e };

	err_set(&e, ERR_SYSTEM, "HTTP %d", m->status);
	if (m->status < 300)
		a.error = NULL;
	if (c->lease && c->waits_for == m->number) {
		c->waits_for = 0;
		lease_answer(c->lease, &a, clock_of(w, m->who));
	}
}

static void acts(struct world *w, unsigned who)
{
	struct contender *c = &w->c[who];
	struct lease_event ev;

	while (c->lease && lease_next(c->lease, clock_of(w, who), &ev)) {
		if (ev.what == LEASE_ASK) {
			c->waits_for = ++w->requests;
			send(w, (struct wire){ .who = who, .number = c->waits_for, .ask = ev.ask },
			    ev.object);
		} else if (ev.what == LEASE_HELD) {
			assert_false(c->lost);
			w->handovers += c->until == 0;
			c->until = ev.until - c->offset;
		} else if (ev.what == LEASE_LOST) {
			c->lost = true; /* its command ends by itself, some time before `until` */
		} else if (ev.what == LEASE_OVER) {
			dies(w, who);
		}
	}
}

/* An answer that never comes is given up, as the binding does; what was asked may still be done. */
static void times_out(struct world *w, unsigned who)
{
	struct contender *c = &w->c[who];
	struct err e = ERR_INIT;
	struct lease_answer a = { .error = &e };

	err_set(&e, ERR_SYSTEM, "no answer");
	c->waits_for = 0;
	lease_answer(c->lease, &a, clock_of(w, who));
}

static void happens(struct world *w, unsigned who)
{
	struct contender *c = &w->c[who];

	if (!c->lease && rnd(w, 400) == 0)
		born(w, who);
	else if (c->lease && c->lost && w->ms >= c->until)
		dies(w, who);
	else if (c->lease && !w->calm && rnd(w, 4000) == 0)
		dies(w, who); /* crashes */
	else if (c->lease && !w->calm && !c->stopping && rnd(w, 3000) == 0) {
		c->stopping = true;
		c->until = 0; /* its command has ended before */
		lease_stop(c->lease, clock_of(w, who));
	} else if (c->lease && c->waits_for && rnd(w, 500) == 0) {
		times_out(w, who);
	} else if (rnd(w, 2000) == 0) {
		c->cut = w->ms + rnd(w, 30000);
	}
}

static void only_one_holds(const struct world *w, uint64_t seed)
{
	unsigned holders = 0;

	for (unsigned i = 0; i < CONTENDERS; i++)
		holders += w->c[i].lease && !w->c[i].stopping && w->ms < w->c[i].until;
	if (holders > 1)
		fail_msg("seed %u, %u ms: %u hold it", (unsigned)seed, (unsigned)w->ms, holders);
}

static void step(struct world *w, uint64_t seed)
{
	w->ms += 10;
	for (unsigned i = 0; i < WIRE; i++) {
		struct wire m = w->wire[i];

		if (!m.used || m.at > w->ms)
			continue;
		w->wire[i].used = false;
		(m.back ? delivered : served)(w, &m);
		json_free(m.object);
	}
	for (unsigned i = 0; i < CONTENDERS; i++) {
		acts(w, i);
		happens(w, i);
		if (w->c[i].lost && w->ms >= w->c[i].until && w->c[i].lease)
			dies(w, i);
	}
	only_one_holds(w, seed);
}

static unsigned history(uint64_t seed)
{
	struct world w = { .random = seed };
	unsigned held = 0;

	for (unsigned i = 0; i < CONTENDERS; i++)
		born(&w, i);
	while (w.ms < 200000)
		step(&w, seed);
	w.calm = true;
	while (w.ms < 260000)
		step(&w, seed);
	for (unsigned i = 0; i < CONTENDERS; i++) {
		held += w.c[i].lease && w.ms < w.c[i].until;
		lease_free(w.c[i].lease);
	}
	for (unsigned i = 0; i < WIRE; i++)
		if (w.wire[i].used)
			json_free(w.wire[i].object);
	json_free(w.lease);
	if (held != 1)
		fail_msg("seed %u: %u hold it when all is calm", (unsigned)seed, held);
	return w.handovers;
}

static void of_several_one_holds_it_whatever_the_network_does(void **state)
{
	const char *text = getenv("RUNS");
	uint64_t runs = text ? strtoull(text, NULL, 10) : 100;
	unsigned handovers = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= runs; seed++)
		handovers += history(seed);
	assert_true(handovers > runs * 3); /* it did change hands */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_several_one_holds_it_whatever_the_network_does),
	};

	return cmocka_run_group_tests_name("lease_sim", tests, NULL, NULL);
}
