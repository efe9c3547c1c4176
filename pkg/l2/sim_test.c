/* SPDX-License-Identifier: Apache-2.0 */
/* Failovers on a simulated LAN, a thousand a second: five nodes and five hosts behind three switches,
 * with loss, delay, deaths, graceful stops, restarts and partitions.  After the last change every host
 * that talks to an address reaches the node that is elected, within the burst. */
#include "tests/sim/host.h"
#include "tests/sim/speaker.h"
#include "tests/unit.h"

enum {
	NODES = 5,
	HOSTS = 5,
	ADDRESSES = 3,
	SWITCHES = 3,
	FAILOVERS = 1000,
	BURST_MS = (L2_BURST_ROUNDS - 1) * L2_BURST_INTERVAL_MS,
	NOTICE_MS = 350, /* how long until all have noticed a death */
};

struct world {
	struct sim *s;
	struct sim_speaker nodes[NODES];
	struct sim_host hosts[HOSTS];
	struct addr ip[2 * ADDRESSES];
	int trunk;
	bool parted;
	bool alive[NODES], side[NODES]; /* side: beyond the trunk */
	int elected[2][ADDRESSES];      /* by each side's reckoning */
	unsigned failovers;
};

static const struct l2_options options = { .grace_ms = 1000, .refresh_ms = 240000, .rate = 5000 };

/* As the election does it: each side has its own view of who is alive. */
static int elect(const struct world *w, bool side, unsigned address)
{
	int best = -1;
	uint32_t lowest = UINT32_MAX;

	for (int i = 0; i < NODES; i++) {
		uint32_t rank = ((uint32_t)i * 2654435761U + address * 40503U) * 2246822519U;

		if (!w->alive[i] || (w->parted && w->side[i] != side) || rank > lowest)
			continue;
		lowest = rank;
		best = i;
	}
	return best;
}

static void settle(struct world *w)
{
	for (unsigned a = 0; a < ADDRESSES; a++) {
		const char *key = (const char *[]){ "default/a", "default/b", "default/c" }[a];

		for (int i = 0; i < NODES; i++) {
			int mine = elect(w, w->side[i], a);

			if (mine == i)
				sim_speaker_announce(&w->nodes[i], key, &w->ip[2 * a], 2);
			else
				sim_speaker_withdraw(&w->nodes[i], key);
		}
		for (int side = 0; side < 2; side++) {
			int now = elect(w, side, a);

			w->failovers += now != w->elected[side][a] && (side == 0 || w->parted);
			w->elected[side][a] = now;
		}
	}
}

/* Which side a host is on: the first switch's, or beyond the trunk. */
static bool host_side(int host)
{
	return host % SWITCHES == SWITCHES - 1;
}

static void talk(struct world *w)
{
	for (int h = 0; h < HOSTS; h++)
		for (int a = 0; a < 2 * ADDRESSES; a++)
			sim_host_use(&w->hosts[h], &w->ip[a]);
}

static void go_on(struct world *w, uint64_t ms)
{
	uint64_t until = sim_now_ms(w->s) + ms;

	while (sim_now_ms(w->s) < until) {
		talk(w);
		sim_run(w->s, sim_now_ms(w->s) + 250 < until ? sim_now_ms(w->s) + 250 : until);
	}
}

/* Nobody has a wrong MAC.  Who has none just now, since all his probes were lost, asks again. */
static bool all_reach_the_elected(struct world *w)
{
	bool all = true;

	for (int h = 0; h < HOSTS; h++)
		for (int a = 0; a < 2 * ADDRESSES; a++) {
			int node = elect(w, host_side(h), (unsigned)a / 2);
			const struct mac *mac = sim_host_use(&w->hosts[h], &w->ip[a]);

			if (node >= 0 && mac)
				assert_memory_equal(mac, &w->nodes[node].mac, MAC_LEN);
			all &= node < 0 || mac;
		}
	return all;
}

static void check_that_all_reach_the_elected(struct world *w)
{
	uint64_t until = sim_now_ms(w->s) + 20000;

	while (!all_reach_the_elected(w)) {
		assert_true(sim_now_ms(w->s) < until);
		go_on(w, 250);
	}
}

static void die_or_come_back(struct world *w, int i)
{
	if (!w->alive[i]) {
		sim_speaker_start(&w->nodes[i], &options);
		w->alive[i] = true;
		return;
	}
	w->alive[i] = false;
	if (sim_random(w->s, 2)) { /* killed; the others notice after a while */
		sim_speaker_kill(&w->nodes[i]);
		go_on(w, NOTICE_MS);
		return;
	}
	l2_withdraw_all(w->nodes[i].l, sim_now_ms(w->s)); /* stopped: they are told at once */
	sim_speaker_pump(&w->nodes[i]);
	settle(w);
	go_on(w, 1100);
	assert_true(l2_is_idle(w->nodes[i].l));
	sim_speaker_kill(&w->nodes[i]);
}

static void part_or_heal(struct world *w)
{
	w->parted = !w->parted;
	sim_cut(w->s, w->trunk, w->parted);
	go_on(w, NOTICE_MS);
	if (w->parted)
		return;
	for (int i = 0; i < NODES; i++) { /* members that were lost are back */
		if (w->nodes[i].l)
			l2_tell_again(w->nodes[i].l, sim_now_ms(w->s));
		sim_speaker_pump(&w->nodes[i]);
	}
}

static void world_init(struct world *w, uint32_t seed)
{
	int sw[SWITCHES];

	w->s = sim_new(seed);
	for (int i = 0; i < SWITCHES; i++)
		sw[i] = sim_switch(w->s, 300000);
	sim_trunk(w->s, sw[0], sw[1]);
	w->trunk = sim_trunk(w->s, sw[1], sw[2]);
	for (int i = 0; i < NODES; i++) {
		sim_speaker_init(&w->nodes[i], w->s, sw[i % SWITCHES], (uint8_t)(i + 1), &options);
		w->alive[i] = true;
		w->side[i] = i % SWITCHES == SWITCHES - 1;
	}
	for (int i = 0; i < HOSTS; i++) {
		sim_host_init(&w->hosts[i], w->s, sw[i % SWITCHES], (uint8_t)(i + 100));
		w->hosts[i].garp_overrides = i % 2;
		sim_lose(w->s, w->hosts[i].nic, 100); /* a tenth */
	}
	for (unsigned a = 0; a < ADDRESSES; a++) {
		struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)(a + 10) } };

		w->ip[2 * a] = addr_from_in((struct in_addr){ htonl(0xc000020a + a) });
		w->ip[2 * a + 1] = addr_from_in6(&six);
		w->elected[0][a] = w->elected[1][a] = -1;
	}
}

static void after_the_last_change_every_host_reaches_the_elected_node(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 20261125);
	settle(&w);
	go_on(&w, 3000);
	while (w.failovers < FAILOVERS) {
		for (uint32_t changes = 1 + sim_random(w.s, 3); changes > 0; changes--) {
			if (sim_random(w.s, 6))
				die_or_come_back(&w, (int)sim_random(w.s, NODES));
			else
				part_or_heal(&w);
			settle(&w);
			go_on(&w, sim_random(w.s, 2000));
		}
		go_on(&w, BURST_MS + 1100); /* what a host asks itself is asked again after a second */
		check_that_all_reach_the_elected(&w);
	}
	for (int i = 0; i < NODES; i++)
		sim_speaker_kill(&w.nodes[i]);
	sim_free(w.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_the_last_change_every_host_reaches_the_elected_node),
	};

	return cmocka_run_group_tests_name("l2 on a simulated LAN", tests, NULL, NULL);
}
