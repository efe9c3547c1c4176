/* SPDX-License-Identifier: Apache-2.0 */
/* A server that fails at random, in virtual time. */
#include "pkg/apply/apply_test.h"

enum { SERVICES = 6, STEPS = 4000 };

struct world {
	uint32_t seed;
	int wanted[SERVICES]; /* the last address byte wanted, 0: none */
	int stored[SERVICES]; /* on the server */
	int version;
	struct {
		uint64_t id;
		int service, value;
		uint64_t due;
	} calls[16];
	size_t calls_n;
};

static uint32_t any(struct world *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

static void start_all(struct world *w, struct apply *a)
{
	struct apply_write write;

	while (apply_next(a, now(), &write)) {
		const char *ip = json_string(json_get(
		    json_item(json_at(write.object, "status", "loadBalancer", "ingress", NULL), 0),
		    "ip"));
		int service = write.name[1] - '0';

		for (size_t i = 0; i < w->calls_n; i++) /* one under way an object */
			assert_int_not_equal(w->calls[i].service, service);
		w->calls[w->calls_n].id = write.id;
		w->calls[w->calls_n].service = service;
		w->calls[w->calls_n].value = ip ? atoi(strrchr(ip, '.') + 1) : 0;
		w->calls[w->calls_n++].due = clock_ms + any(w, 50);
		assert_true(w->calls_n <= 4);
	}
}

/* The server takes the write or not, and its answer arrives or not. */
static void answer(struct world *w, struct apply *a, size_t i, bool well)
{
	uint32_t luck = well ? 0 : any(w, 10);
	uint64_t id = w->calls[i].id;
	int s = w->calls[i].service, value = w->calls[i].value;
	char ip[32];

	w->calls[i] = w->calls[--w->calls_n];
	snprintf(ip, sizeof(ip), "192.0.2.%d", value);
	if (luck < 6 || luck == 8) {
		w->stored[s] = value;
		w->version++;
	}
	if (luck < 6)
		done(a, id, APPLY_WRITTEN, value ? ip : NULL, w->version);
	else
		done(a, id,
		    luck == 6   ? APPLY_CONFLICT
		    : luck == 7 ? APPLY_FORBIDDEN
				: APPLY_OUTAGE,
		    NULL, 0);
}

static void answer_due(struct world *w, struct apply *a, bool well)
{
	for (size_t i = w->calls_n; i; i--)
		if (w->calls[i - 1].due <= clock_ms)
			answer(w, a, i - 1, well);
}

static void step(struct world *w, struct apply *a)
{
	int s = (int)any(w, SERVICES), v = (int)any(w, 4);
	char name[8], ip[32];

	snprintf(name, sizeof(name), "s%d", s);
	snprintf(ip, sizeof(ip), "192.0.2.%d", v);
	clock_ms += any(w, 20);
	if (any(w, 4) == 0) {
		want(a, name, v ? ip : NULL);
		w->wanted[s] = v;
	}
	if (any(w, 50) == 0) { /* somebody else; it is seen, and wanted again as it was */
		w->stored[s] = v;
		observed(a, name, v ? ip : NULL, ++w->version);
		snprintf(ip, sizeof(ip), "192.0.2.%d", w->wanted[s]);
		want(a, name, w->wanted[s] ? ip : NULL);
	}
	start_all(w, a);
	answer_due(w, a, false);
}

static void whatever_fails_the_last_wish_is_what_is_stored(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 20; seed++) {
		CLEANUP(apply_freep) struct apply *a = new_engine(4);
		struct world w = { .seed = seed };

		for (int i = 0; i < STEPS; i++)
			step(&w, a);
		for (int i = 0; i < 1000 && !apply_idle(a); i++) {
			clock_ms += 1000;
			start_all(&w, a);
			answer_due(&w, a, true);
		}
		assert_true(apply_idle(a));
		for (int i = 0; i < SERVICES; i++)
			if (w.stored[i] != w.wanted[i])
				fail_msg("seed %u: s%d: stored %d, wanted %d", seed, i, w.stored[i],
				    w.wanted[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_fails_the_last_wish_is_what_is_stored),
	};

	return cmocka_run_group_tests_name("apply, failing", tests, NULL, NULL);
}
