/* SPDX-License-Identifier: Apache-2.0 */
/* Any history of faults ends with exactly one announcer of each address in each part of the
 * network, and on the way there are two, or none, for no longer than the timers allow.  RUNS in the
 * environment is how many histories, SEED the first (make soak). */
#include "pkg/member/lan_test.h"

enum {
	MOST_NODES = 6,
	INTERVAL = 100 * MS,
	DETECTION = 3 * INTERVAL,
	SLACK = 15 * MS, /* some packets there and back */
	/* Parts that come together find each other by the packets of sessions that are down, at most
	 * BFD_SLOW_US apart (6.8.3), and the first that arrives is answered at once; one end that still
	 * takes its session for up must notice first.  lbctl-members(1) says so. */
	MEETING = BFD_SLOW_US + SLACK,
	/* Of a link that breaks one way while the session is coming up. */
	HALF_UP = 3 * BFD_SLOW_US + SLACK,
	LIFE = 100 * MS, /* see MEMBER_SEQUENCE_HZ */
	SETTLED = 5 * SECOND,
	POLLS = 3 * BFD_OVERDUE_POLLS - 11, /* of one that is overdue until its time is over */
	SETTLED_WITH_LOSS = 20 * SECOND,
};

/* Since when a condition that must not last has been true; 0: it isn't. */
struct watch {
	uint64_t two[LAN_ADDRESSES][MOST_NODES][MOST_NODES];
	uint64_t none[LAN_ADDRESSES][MOST_NODES];
	uint64_t most_two, most_none;
};

static void follow(uint64_t *since, bool is, uint64_t now, uint64_t *most)
{
	if (*since && now - *since > *most)
		*most = now - *since;
	if (!is)
		*since = 0;
	else if (!*since)
		*since = now;
}

static bool runs(const struct lan *l, size_t i)
{
	return l->node[i].state == LAN_RUNS;
}

/* Two that can hear each other both announce; a node that runs sees nobody who does. */
static void look(struct lan *l, void *arg)
{
	struct watch *w = arg;

	for (size_t a = 0; a < LAN_ADDRESSES; a++) {
		bool announces[MOST_NODES];

		for (size_t i = 0; i < l->n; i++)
			announces[i] = lan_announces(l, i, a);
		for (size_t i = 0; i < l->n; i++) {
			bool somebody = announces[i];

			for (size_t k = 0; k < i; k++)
				follow(&w->two[a][i][k],
				    announces[i] && announces[k] && lan_linked(l, i, k), l->now,
				    &w->most_two);
			for (size_t k = 0; k < l->n; k++)
				somebody |= announces[k] && lan_linked(l, i, k);
			follow(&w->none[a][i], runs(l, i) && !somebody, l->now, &w->most_none);
		}
	}
}

static void check_settled(struct lan *l, uint64_t seed)
{
	for (size_t a = 0; a < LAN_ADDRESSES; a++)
		for (size_t i = 0; i < l->n; i++) {
			unsigned announcers = 0;

			if (!runs(l, i))
				continue;
			for (size_t k = 0; k < l->n; k++)
				announcers += lan_linked(l, i, k) && lan_announces(l, k, a);
			if (announcers != 1)
				fail_msg("seed %llu: %u announcers of address %zu where node %zu is",
				    (unsigned long long)seed, announcers, a, i);
		}
}

static void all_linked(struct lan *l)
{
	memset(l->cut, 0, sizeof(l->cut));
	l->changed = true;
}

/* Two groups; packets pass neither way, or one way only. */
static void partition(struct lan *l, bool one_way)
{
	uint64_t side = lan_roll(l);

	all_linked(l);
	for (size_t a = 0; a < l->n; a++)
		for (size_t b = 0; b < l->n; b++)
			l->cut[a][b] = (side >> a & 1) < (side >> b & 1) ||
				       (!one_way && (side >> a & 1) != (side >> b & 1));
}

/* One fault, at a node that it makes sense for. */
static void strike(struct lan *l)
{
	size_t i = lan_upto(l, l->n - 1);

	switch (lan_upto(l, 7)) {
	case 0:
		if (runs(l, i))
			lan_kill(l, i);
		break;
	case 1:
		if (runs(l, i))
			lan_leave(l, i);
		break;
	case 2: /* a crash, and a restart that may be too quick to be noticed */
		if (runs(l, i))
			lan_kill(l, i);
		/* fall through */
	case 3:
		if (l->node[i].state == LAN_DEAD && l->now - l->node[i].opened >= LIFE)
			lan_start(l, i);
		break;
	case 4:
		if (runs(l, i))
			lan_pause(l, i, lan_upto(l, 1));
		break;
	case 5:
		partition(l, false);
		break;
	case 6:
		partition(l, true);
		break;
	default: /* a calendar that steps */
		l->wall_us += lan_upto(l, 1) ? 3600 * (uint64_t)SECOND : 0;
	}
}

static void resume_all(struct lan *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->node[i].state == LAN_PAUSED)
			lan_resume(l, i);
}

static struct watch live(uint64_t seed, unsigned loss, bool signed_too)
{
	static const struct bfd_key key = { .id = 1, .bytes = "secret" };
	static struct lan l;
	struct watch w = { 0 };

	lan_open(&l, 2 + seed % (MOST_NODES - 1), seed);
	l.loss = loss;
	l.key = signed_too ? &key : NULL;
	for (size_t i = 0; i < l.n; i++)
		lan_start(&l, i);
	lan_run(&l, l.now + SECOND, NULL, NULL);
	for (int round = 0; round < 3; round++) {
		for (uint64_t faults = 1 + lan_upto(&l, 2); faults; faults--) {
			strike(&l);
			lan_run(&l, l.now + lan_upto(&l, SECOND), look, &w);
		}
		if (lan_upto(&l, 1))
			all_linked(&l);
		resume_all(&l);
		lan_run(&l, l.now + (loss ? SETTLED_WITH_LOSS : SETTLED), look, &w);
		if (loss <= 100)
			check_settled(&l, seed);
	}
	lan_close(&l);
	return w;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct watch live_within_bounds(uint64_t seed)
{
	struct watch w = live(seed, 0, seed % 4 == 0);

	if (w.most_two > MEETING + DETECTION || w.most_none > HALF_UP + DETECTION)
		fail_msg("seed %llu: two announcers for %llu us, none for %llu us",
		    (unsigned long long)seed, (unsigned long long)w.most_two,
		    (unsigned long long)w.most_none);
	return w;
}

static void what_a_soak_has_found(void **state)
{
	(void)state;
	/* Partitions that heal while one end is at Init with an earlier life of the other; two that
	 * wake at once, and of whose first packets one was overtaken; a path that breaks one way
	 * while the other end is at Init, for more packets than a sequence number may be ahead. */
	static const uint64_t seeds[] = { 20378, 20767, 202519, 295032 };

	for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
		live_within_bounds(seeds[i]);
}

static void any_history_ends_with_one_announcer_of_each_address(void **state)
{
	(void)state;
	uint64_t first = number("SEED", 1), n = number("RUNS", 400), two = 0, none = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		struct watch w = live_within_bounds(seed);

		two = w.most_two > two ? w.most_two : two;
		none = w.most_none > none ? w.most_none : none;
	}
	print_message("# %llu histories: at most %llu ms with two announcers, %llu ms with none\n",
	    (unsigned long long)n, (unsigned long long)two / MS, (unsigned long long)none / MS);
}

static void with_loss_it_ends_so_too(void **state)
{
	(void)state;
	uint64_t first = number("SEED", 1), n = number("RUNS", 400) / 10;

	for (uint64_t seed = first; seed < first + n; seed++)
		live(seed, 10 + 10 * (seed % 3), seed % 2);
	for (uint64_t seed = first; seed < first + n / 10; seed++)
		live(seed, 300, true);
}

static struct lan quiet;

/* How often a live node counted as dead, of `n` nodes in so many seconds. */
static unsigned false_alarms(size_t n, unsigned loss, uint64_t seconds)
{
	unsigned downs = 0;

	lan_open(&quiet, n, 1);
	quiet.loss = loss;
	for (size_t i = 0; i < n; i++)
		lan_start(&quiet, i);
	lan_run(&quiet, quiet.now + 20 * SECOND, NULL, NULL); /* until all are up */
	for (size_t i = 0; i < n; i++)
		quiet.node[i].downs = 0;
	lan_run(&quiet, quiet.now + seconds * SECOND, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		downs += quiet.node[i].downs;
	lan_close(&quiet);
	return downs;
}

/* As lbctl-members(1) has it: an end of a session notices that all packets of a detection time were
 * lost, and the polls of the overdue ones or their answers too; then so does the other end. */
static double computed_alarms(double loss, double ends, double seconds)
{
	double all_lost = loss * loss * loss;

	for (int i = 0; i < POLLS; i++)
		all_lost *= 1 - (1 - loss) * (1 - loss);
	return ends * seconds * 2 * (SECOND / (0.875 * INTERVAL)) * all_lost;
}

static void losses_are_no_alarms(void **state)
{
	(void)state;
	enum { NODES = 4, ENDS = NODES * (NODES - 1) };
	const double year = 365.25 * 86400;
	double seconds = (double)number("QUIET_SECONDS", 200);

	for (unsigned loss = 10; loss <= 300; loss += loss < 100 ? 90 : 100) {
		unsigned measured = false_alarms(NODES, loss, (uint64_t)seconds);
		double computed = computed_alarms(loss / 1000.0, ENDS, seconds);

		print_message(
		    "# false alarms at %u%% loss, %d nodes, %.0f s: computed %.2g, measured %u; a "
		    "node-year: %.2g and %.2g\n",
		    loss / 10, NODES, seconds, computed, measured, computed * year / seconds / NODES,
		    measured * year / seconds / NODES);
		assert_in_range(measured, 0, (unsigned)(2 * computed + 4.5 * (loss / 200)));
	}
}

static void a_hundred_nodes_stay_under_their_packets_and_notice_a_death(void **state)
{
	(void)state;
	enum { NODES = 100 };
	uint64_t interval = member_interval_us(NODES), died, all = 0;

	lan_open(&quiet, NODES, 3);
	for (size_t i = 0; i < NODES; i++)
		lan_start(&quiet, i);
	lan_run(&quiet, quiet.now + 4 * SECOND, NULL, NULL);
	for (size_t i = 0; i < NODES; i++) {
		quiet.node[i].sent = 0;
		for (size_t k = 0; k < NODES; k++)
			assert_true(quiet.node[i].alive[k]);
	}
	lan_run(&quiet, quiet.now + 2 * SECOND, NULL, NULL);
	for (size_t i = 0; i < NODES; i++) { /* all at once, six to nine times */
		assert_in_range(quiet.node[i].sent / (NODES - 1), 6, 9);
		all += quiet.node[i].sent;
	}
	/* 320, and the jitter that RFC 5880 wants on top */
	assert_in_range(all / NODES / 2, MEMBER_PACKETS_MAX, MEMBER_PACKETS_MAX * 100 / 87 + 10);
	lan_kill(&quiet, 7);
	died = quiet.now;
	lan_run(&quiet, died + 3 * interval + 5 * MS, NULL, NULL);
	for (size_t i = 0; i < NODES; i++)
		assert_false(i != 7 && quiet.node[i].alive[7]);
	lan_close(&quiet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_soak_has_found),
		cmocka_unit_test(any_history_ends_with_one_announcer_of_each_address),
		cmocka_unit_test(with_loss_it_ends_so_too),
		cmocka_unit_test(losses_are_no_alarms),
		cmocka_unit_test(a_hundred_nodes_stay_under_their_packets_and_notice_a_death),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
