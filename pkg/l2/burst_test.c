/* SPDX-License-Identifier: Apache-2.0 */
/* When what is sent unasked is sent: the pace, whose turn it is, and the refresh. */
#include "pkg/l2/l2_test.h"

enum { MANY = 5000 };

static struct l2 *engine_on_eth0(const struct l2_options *o)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(o);

	set_links(l, &eth0, 1, 0);
	return l;
}

static void announce_many_as(struct l2 *l, const char *as, unsigned first, unsigned n, uint64_t now)
{
	for (unsigned i = first; i < first + n; i++) {
		char key[32], ip[32];

		snprintf(key, sizeof(key), "%s%u", as, i);
		snprintf(ip, sizeof(ip), "198.18.%u.%u", i >> 8, i & 255);
		announce(l, key, ip, "", now);
	}
}

static void announce_many(struct l2 *l, unsigned first, unsigned n, uint64_t now)
{
	announce_many_as(l, "default/n", first, n, now);
}

static unsigned number(const struct arp_message *m)
{
	return ntohl(m->frame.packet.sender_ip.s_addr) & 0xffff;
}

static void a_takeover_of_many_does_not_flood_and_each_has_its_first_frame_early(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .rate = 1000 });
	static bool told[MANY];
	size_t first_frames = 0, sent = 0;
	struct arp_message m;
	uint64_t now = 0;

	(void)state;
	announce_many(l, 0, MANY, 0);
	for (; first_frames < MANY; now = l2_deadline(l)) {
		size_t before = sent;

		l2_tick(l, now);
		for (; next_arp(l, &m); sent++) {
			first_frames += !told[number(&m)];
			assert_true(!told[number(&m)] || first_frames == MANY);
			told[number(&m)] = true;
		}
		assert_true(sent - before <= 20);
		assert_true(sent <= 20 + now); /* one a millisecond, after what the bucket held */
	}
	assert_in_range(now, MANY, MANY + MANY / 40);
	/* and in the end each has all ten */
	for (; l2_deadline(l) != UINT64_MAX; sent += frames(l, now))
		now = l2_deadline(l);
	assert_int_equal(sent, 10 * MANY);
	assert_in_range(now, 10 * MANY, 10 * MANY + 10 * MANY / 40);
	l2_free(l);
}

static unsigned asked(const struct arp_message *m)
{
	return ntohl(m->frame.packet.target_ip.s_addr) & 0xffff;
}

/* And each is asked for three times before it is told, within the same pace. */
static void questions_keep_to_the_pace_and_wait_for_takeovers(void **state)
{
	enum { NEW = 500, TAKEN = 100 };
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .rate = 1000, .probe_ms = 30 });
	unsigned questions[NEW] = { 0 }, told = 0, sent = 0, all = 0;
	uint64_t last[NEW] = { 0 };
	struct arp_message m;
	bool begun = false;

	(void)state;
	announce_many_as(l, "+default/n", 0, NEW, 0);
	for (uint64_t now = 0; told < NEW; now = l2_deadline(l)) {
		l2_tick(l, now);
		if (now >= 100 && !begun)
			announce_many(l, NEW, TAKEN, now);
		begun = now >= 100;
		for (; next_arp(l, &m); sent++) {
			unsigned i = asked(&m);

			assert_true(!begun || m.frame.packet.sender_ip.s_addr || all == 2 * TAKEN);
			all += i >= NEW;
			if (i >= NEW || questions[i] > 3)
				continue;
			assert_true(now >= last[i] + (questions[i] ? 10 : 0));
			assert_int_equal(m.frame.packet.sender_ip.s_addr == 0, questions[i] < 3);
			told += questions[i]++ == 3;
			last[i] = now;
		}
		assert_true(sent <= 20 + now);
	}
	l2_free(l);
}

static void the_newest_takeover_goes_first(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .rate = 100 });
	struct arp_message m;

	(void)state;
	announce_many(l, 0, 100, 0);
	assert_int_equal(frames(l, 0), 2);
	announce_many(l, 1000, 2, 5);
	l2_tick(l, 11);
	assert_true(next_arp(l, &m) && number(&m) == 1000);
	l2_tick(l, 22);
	assert_true(next_arp(l, &m) && number(&m) == 1001);
	l2_tick(l, 33);
	assert_true(next_arp(l, &m) && number(&m) < 100);
	l2_free(l);
}

static void links_have_each_its_own_pace(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ .rate = 100 });

	(void)state;
	set_links(l, links, 2, 0);
	announce_many(l, 0, 100, 0);
	assert_int_equal(frames(l, 0), 4);
	assert_int_equal(frames(l, 10), 0);
	assert_int_equal(frames(l, 11), 2);
	l2_free(l);
}

static void no_second_has_more_frames_than_the_pace(void **state)
{
	static const uint32_t rates[] = { 1, 3, 49, 50, 51, 120, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct l2 *l = engine_on_eth0(&(struct l2_options){ .rate = rates[i] });
		static uint64_t sent[MANY]; /* when */
		size_t n = 0;

		announce_many(l, 0, 1000, 0);
		for (uint64_t now = 0; now < 4000; now = l2_deadline(l))
			for (size_t due = frames(l, now); due > 0; due--, n++) {
				assert_true(n < rates[i] || now - sent[n - rates[i]] >= 1000);
				sent[n] = now;
			}
		assert_in_range(n, 36 * rates[i] / 10, 4 * rates[i]);
		l2_free(l);
	}
}

static void each_address_is_told_again_before_a_switch_forgets(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .refresh_ms = 240000 });
	struct arp_message m;
	uint64_t now = 0;

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	for (now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	assert_int_equal(l2_deadline(l), 244400);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(frames(l, 4400 + (uint64_t)i * 240000 - 1), 0);
		l2_tick(l, 4400 + (uint64_t)i * 240000);
		assert_true(next_arp(l, &m) && m.frame.packet.op == ARP_REQUEST);
		assert_false(next_arp(l, &m));
	}
	l2_withdraw(l, "default/web", 900000);
	assert_true(l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void the_longest_refresh_and_grace_hold(void **state)
{
	const uint64_t longest = UINT64_C(24) * 86400 * 1000;
	struct l2 *l = engine_on_eth0(
	    &(struct l2_options){ .refresh_ms = (uint32_t)longest, .grace_ms = (uint32_t)longest });
	uint64_t now = UINT32_MAX - 2000; /* the low bits of the time wrap soon */

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", now);
	for (int i = 0; i < 5; i++, now += 1100)
		assert_int_equal(frames(l, now), 2);
	now += longest - 1100;
	assert_int_equal(l2_deadline(l), now);
	assert_int_equal(frames(l, now - 1), 0);
	assert_int_equal(frames(l, now), 1);
	assert_string_equal(happened(l), "announcing default/web");
	l2_withdraw(l, "default/web", now);
	assert_int_equal(l2_deadline(l), now + longest);
	l2_tick(l, now + longest - 1);
	assert_string_equal(happened(l), "");
	l2_tick(l, now + longest);
	assert_string_equal(happened(l), "ended default/web");
	l2_free(l);
}

/* Announced together, and yet no storm every four minutes. */
static void refreshing_many_is_spread(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .refresh_ms = 240000 });
	uint64_t now = 0;
	size_t sent = 0;

	(void)state;
	announce_many(l, 0, 1000, 0);
	while (now < 240000) {
		frames(l, now);
		now = l2_deadline(l);
	}
	for (; now < 480000; now = l2_deadline(l)) {
		size_t n = frames(l, now);

		assert_true(n <= 1);
		sent += n;
	}
	assert_in_range(sent, 1000, 2000);
	l2_free(l);
}

/* Whatever comes and goes, from one frame of an address to its next it is never longer than that. */
static void no_refresh_is_late(void **state)
{
	enum { ADDRESSES = 60, REFRESH_MS = 6000 };
	struct l2 *l =
	    engine_on_eth0(&(struct l2_options){ .refresh_ms = REFRESH_MS, .grace_ms = 700 });
	uint64_t last[ADDRESSES] = { 0 };
	struct arp_message m;

	(void)state;
	announce_many(l, 0, 20, 0);
	for (uint64_t now = 0; now < 100000; now = l2_deadline(l)) {
		l2_tick(l, now);
		while (next_arp(l, &m)) {
			uint64_t *at = &last[number(&m)];

			assert_true(now - *at <= REFRESH_MS || !*at);
			*at = now;
		}
		if (now > 30000 && !last[59])
			announce_many(l, 20, 40, now);
		if (now > 60000 && now < 60500) {
			l2_withdraw(l, "default/n7", now);
			announce(l, "default/n7", "198.18.0.7", "", now + 1);
		}
		for (unsigned i = 25; now > 70000 && i < 55; i++) {
			char key[32];

			snprintf(key, sizeof(key), "default/n%u", i);
			l2_withdraw(l, key, now);
		}
	}
	l2_free(l);
}

/* More than there are milliseconds: as fast as there are. */
static void refreshing_very_many_comes_to_an_end(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .refresh_ms = 1000 });
	uint64_t now = 0;

	(void)state;
	announce_many(l, 0, MANY, 0);
	for (; now <= 10000; now = l2_deadline(l))
		assert_true(frames(l, now) <= 2 * MANY);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_takeover_of_many_does_not_flood_and_each_has_its_first_frame_early),
		cmocka_unit_test(questions_keep_to_the_pace_and_wait_for_takeovers),
		cmocka_unit_test(the_newest_takeover_goes_first),
		cmocka_unit_test(links_have_each_its_own_pace),
		cmocka_unit_test(no_second_has_more_frames_than_the_pace),
		cmocka_unit_test(each_address_is_told_again_before_a_switch_forgets),
		cmocka_unit_test(the_longest_refresh_and_grace_hold),
		cmocka_unit_test(refreshing_many_is_spread),
		cmocka_unit_test(no_refresh_is_late),
		cmocka_unit_test(refreshing_very_many_comes_to_an_end),
	};

	return cmocka_run_group_tests_name("l2 bursts", tests, NULL, NULL);
}
