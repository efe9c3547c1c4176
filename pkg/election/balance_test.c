/* SPDX-License-Identifier: Apache-2.0 */
/* What --spread balanced promises, in worlds of many sizes and from fixed seeds. */
#include "pkg/election/election_test.h"

enum { NODES = 12, ADDRESSES = 60, NOBODY = -1 };

static const struct election_options balanced = { .balanced = true };

static uint64_t roll(uint64_t *seed) /* xorshift64* */
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717) >> 33;
}

/* Number i was created i seconds after the first. */
static void a_node(struct world *w, int i, const char *zone)
{
	tell(w, PUT,
	    "{'kind':'Node','metadata':{'name':'node-%d','labels':{'zone':'%s'},"
	    "'creationTimestamp':'2024-01-01T00:00:%02dZ'},"
	    "'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
	    i, zone, i);
}

static void a_service(struct world *w, int i, const char *zone)
{
	char name[20], ip[20], meta[200];

	snprintf(name, sizeof(name), "s%d", i);
	snprintf(ip, sizeof(ip), "192.0.2.%d", i);
	snprintf(meta, sizeof(meta),
	    ",'labels':{'zone':'%s'},'creationTimestamp':'2024-02-01T00:00:%02dZ'", zone, i % 60);
	slice(w, name, "anywhere");
	service(w, name, ip, meta, "");
}

static void alive(struct world *w, int i, bool is)
{
	char name[20];

	snprintf(name, sizeof(name), "node-%d", i);
	member(w, name, is, "");
}

struct places {
	int at[ADDRESSES];
};

/* Adds what has come out since the last time. */
static void read_places(struct world *w, struct places *p)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(w->store, &e);
	struct election_outcome o;

	assert_non_null(c);
	while (election_next(w->el, c, &o, &e) == 1) {
		const struct election_address *a =
		    o.now && o.now->addresses_n ? o.now->addresses : NULL;

		p->at[atoi(o.name + 1)] = a && a->winner ? atoi(a->winner + 5) : NOBODY;
	}
}

static int moved(const struct places *a, const struct places *b)
{
	int n = 0;

	for (int i = 0; i < ADDRESSES; i++)
		n += a->at[i] != b->at[i];
	return n;
}

static int load(const struct places *p, int node)
{
	int n = 0;

	for (int i = 0; i < ADDRESSES; i++)
		n += p->at[i] == node;
	return n;
}

static void nobody_anywhere(struct places *p)
{
	for (int i = 0; i < ADDRESSES; i++)
		p->at[i] = NOBODY;
}

static void open(struct world *w, struct places *p, int nodes, int addresses)
{
	world_open(w, &balanced);
	pool(w, "p", "'192.0.2.0/24'");
	ad(w, "all", "");
	nobody_anywhere(p);
	for (int i = 0; i < nodes; i++) {
		a_node(w, i, "x");
		alive(w, i, true);
	}
	for (int i = 0; i < addresses; i++)
		a_service(w, i, "x");
	read_places(w, p);
}

/* `n` nodes live and may announce all. */
static void check_bound(const struct places *p, int n, int addresses)
{
	for (int i = 0; i < NODES; i++)
		assert_true(load(p, i) * n <= addresses + n);
}

#define FOR_SIZES                                   \
	for (int nodes = 2; nodes < NODES; nodes++) \
		for (int addresses = 1; addresses < ADDRESSES; addresses += 1 + addresses / 4)

static void no_node_has_more_than_one_above_the_mean(void **state)
{
	(void)state;
	FOR_SIZES
	{
		struct places p;
		struct world w;

		open(&w, &p, nodes, addresses);
		check_bound(&p, nodes, addresses);
		world_close(&w);
	}
}

static void a_node_that_dies_moves_what_it_had_and_takes_the_same_back(void **state)
{
	(void)state;
	FOR_SIZES
	{
		struct places first, without, again;
		struct world w;
		int dead = addresses % nodes;

		open(&w, &first, nodes, addresses);
		without = first;
		alive(&w, dead, false);
		read_places(&w, &without);
		check_bound(&without, nodes - 1, addresses);
		assert_int_equal(moved(&first, &without), load(&first, dead));
		again = without;
		alive(&w, dead, true);
		read_places(&w, &again);
		assert_int_equal(moved(&first, &again), 0);
		world_close(&w);
	}
}

static void who_lives_keeps_its_own_whoever_dies(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 60; round++) {
		int nodes = 3 + (int)(roll(&seed) % (NODES - 3)), living = nodes;
		bool dead[NODES] = { false };
		struct places first, now;
		struct world w;

		open(&w, &first, nodes, 40);
		now = first;
		for (int i = 0; i < nodes - 1; i++) {
			int n = (int)(roll(&seed) % (unsigned)nodes);

			if (dead[n])
				continue;
			dead[n] = true;
			living--;
			alive(&w, n, false);
			read_places(&w, &now);
			check_bound(&now, living, 40);
			for (int k = 0; k < 40; k++)
				assert_true(dead[first.at[k]] || now.at[k] == first.at[k]);
		}
		world_close(&w);
	}
}

static void a_new_node_takes_no_more_than_the_others_must_give(void **state)
{
	(void)state;
	FOR_SIZES
	{
		struct places before, after;
		struct world w;
		int most = addresses / (nodes + 1) + 1, must = 0;

		open(&w, &before, nodes, addresses);
		for (int i = 0; i < nodes; i++)
			must += load(&before, i) > most ? load(&before, i) - most : 0;
		after = before;
		tell(&w, PUT,
		    "{'kind':'Node','metadata':{'name':'node-%d','creationTimestamp':"
		    "'2025-01-01T00:00:00Z'}}",
		    nodes);
		alive(&w, nodes, true);
		read_places(&w, &after);
		check_bound(&after, nodes + 1, addresses);
		assert_int_equal(moved(&before, &after), must);
		world_close(&w);
	}
}

static void a_new_service_moves_no_other(void **state)
{
	(void)state;
	for (int nodes = 1; nodes < NODES; nodes++) {
		struct places p;
		struct world w;

		open(&w, &p, nodes, 0);
		for (int i = 0; i < ADDRESSES; i++) {
			struct places before = p;

			a_service(&w, i, "x");
			read_places(&w, &p);
			check_bound(&p, nodes, i + 1);
			assert_int_equal(moved(&before, &p), 1);
		}
		world_close(&w);
	}
}

/* Zones: an address of zone z is for the nodes of that zone; of zone x, for all. */
static bool may(const int *zone, int address_zone, int node)
{
	return address_zone == 0 || zone[node] == address_zone;
}

/* The mean of those that may announce it is what counts, whatever they are. */
static void the_bound_is_that_of_the_nodes_that_may(void **state)
{
	static const char *const names[] = { "x", "a", "b" };
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 80; round++) {
		int zone[NODES], of[ADDRESSES];
		struct places p;
		struct world w;

		open(&w, &p, 0, 0);
		ad(&w, "all", "'serviceSelectors':[{'matchLabels':{'zone':'x'}}]");
		for (int z = 1; z < 3; z++) {
			char spec[200];

			snprintf(spec, sizeof(spec),
			    "'serviceSelectors':[{'matchLabels':{'zone':'%s'}}],"
			    "'nodeSelectors':[{'matchLabels':{'zone':'%s'}}]",
			    names[z], names[z]);
			ad(&w, names[z], spec);
		}
		for (int i = 0; i < NODES; i++) {
			zone[i] = (int)(roll(&seed) % 3);
			a_node(&w, i, names[zone[i]]);
			alive(&w, i, true);
		}
		for (int i = 0; i < ADDRESSES; i++) {
			of[i] = (int)(roll(&seed) % 3);
			a_service(&w, i, names[of[i]]);
		}
		read_places(&w, &p);
		for (int i = 0; i < ADDRESSES; i++) {
			int sum = 0, n = 0;

			for (int k = 0; k < NODES; k++)
				if (may(zone, of[i], k)) {
					sum += load(&p, k);
					n++;
				}
			assert_int_equal(p.at[i] == NOBODY, n == 0);
			if (n)
				assert_true(
				    may(zone, of[i], p.at[i]) && load(&p, p.at[i]) * n <= sum + n);
		}
		world_close(&w);
	}
}

static void a_winner_that_is_not_the_first_says_why(void **state)
{
	struct election_outcome o;
	struct err e = ERR_INIT;
	struct world w;
	int balance = 0;

	(void)state;
	world_open(&w, &balanced);
	pool(&w, "p", "'192.0.2.0/24'");
	ad(&w, "all", "");
	for (int i = 0; i < 3; i++)
		a_node(&w, i, "x");
	for (int i = 0; i < 30; i++)
		a_service(&w, i, "x");
	while (election_next(w.el, config_store_get(w.store, &e), &o, &e) == 1) {
		const struct election_address *a = &o.now->addresses[0];

		assert_string_equal(a->winner, a->nodes[0].name);
		assert_int_equal(a->candidates_n, 3);
		balance += !strcmp(a->nodes[0].message, "balance");
	}
	assert_in_range(balance, 1, 10); /* the others are where the order alone has them */
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_node_has_more_than_one_above_the_mean),
		cmocka_unit_test(a_node_that_dies_moves_what_it_had_and_takes_the_same_back),
		cmocka_unit_test(who_lives_keeps_its_own_whoever_dies),
		cmocka_unit_test(a_new_node_takes_no_more_than_the_others_must_give),
		cmocka_unit_test(a_new_service_moves_no_other),
		cmocka_unit_test(the_bound_is_that_of_the_nodes_that_may),
		cmocka_unit_test(a_winner_that_is_not_the_first_says_why),
	};

	return cmocka_run_group_tests_name("election balance", tests, NULL, NULL);
}
