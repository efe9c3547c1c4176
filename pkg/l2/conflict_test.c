/* SPDX-License-Identifier: Apache-2.0 */
/* Many that claim, or often: what is told of it, and what is remembered. */
#include "pkg/l2/claims_test.h"

static void peers_that_claim_in_turn_are_a_conflict_too(void **state)
{
	const struct mac both[] = { peer, { { 2, 0, 0, 0, 0, 0x0c } } };
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(l2_set_peers(l, both, 2, &e), 0);
	for (uint64_t now = 20000; now < 22000; now += 200)
		assert_int_equal(claims(l, &both[now / 200 % 2], now), L2_PEER_CLAIM);
	assert_int_equal(claims(l, &both[0], 22000), L2_FOREIGN_CLAIM);
	assert_string_equal(happened(l), "conflict default/web");
	/* what a stranger does is not counted against them, nor what was long ago */
	assert_int_equal(claims(l, &both[1], 81999), L2_FOREIGN_CLAIM);
	assert_int_equal(claims(l, &other, 141999), L2_FOREIGN_CLAIM);
	assert_int_equal(claims(l, &both[1], 144000), L2_PEER_CLAIM);
	l2_free(l);
}

static void hosts_that_claim_in_turn_are_each_told_once_a_minute(void **state)
{
	const struct mac many[] = { other, router, { { 2, 0, 0, 0, 0, 0x11 } },
		{ { 2, 0, 0, 0, 0, 0x12 } } };
	struct l2 *l = settled(&(struct l2_options){ .defend = L2_DEFEND_NEVER });
	struct l2_event ev;
	size_t told[2] = { 0 };

	(void)state;
	for (uint64_t now = 20000; now < 140000; now += 100) {
		unsigned i = (unsigned)(now / 100 % ARRAY_LEN(many));

		assert_int_equal(claims(l, &many[i], now), L2_FOREIGN_CLAIM);
		l2_tick(l, now);
		while (l2_next_event(l, &ev)) {
			assert_memory_equal(&ev.by, &many[i], MAC_LEN); /* at once */
			assert_int_equal(ev.claims, now < 80000 ? 1 : 150);
			told[now >= 80000]++;
		}
	}
	assert_int_equal(told[0], ARRAY_LEN(many));
	assert_int_equal(told[1], ARRAY_LEN(many));
	l2_free(l);
}

static void of_many_claimants_at_once_the_first_are_told(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ .defend = L2_DEFEND_NEVER });
	struct l2_event ev;

	(void)state;
	for (uint8_t i = 0; i < 100; i++) {
		struct mac m = { { 2, 0, 0, 0, 1, i } };

		assert_int_equal(claims(l, &m, 20000), L2_FOREIGN_CLAIM);
	}
	for (uint8_t i = 0; i < 4; i++) {
		assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT);
		assert_int_equal(ev.by.bytes[5], i);
	}
	assert_string_equal(happened(l), "");
	claims(l, &other, 79999);
	assert_string_equal(happened(l), "");
	claims(l, &other, 80000); /* there is room again */
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
}

static void a_stranger_may_be_a_peer_with_another_mac(void **state)
{
	const struct mac both[] = { peer, other };
	struct l2 *l = settled(&(struct l2_options){ .defend = L2_DEFEND_NEVER });
	struct err e = ERR_INIT;
	struct l2_event ev;

	(void)state;
	assert_int_equal(claims(l, &peer, 20000), L2_PEER_CLAIM);
	assert_false(l2_met_stranger(l));
	assert_int_equal(claims(l, &other, 21000), L2_FOREIGN_CLAIM);
	assert_true(l2_met_stranger(l));
	assert_false(l2_met_stranger(l));
	assert_int_equal(l2_set_peers(l, both, 2, &e), 0);
	assert_string_equal(happened(l), "");
	assert_int_equal(claims(l, &other, 21100), L2_PEER_CLAIM);
	assert_int_equal(claims(l, &other, 22000), L2_FOREIGN_CLAIM);
	assert_false(l2_met_stranger(l));
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT && ev.by_peer && ev.claims == 1);
	l2_free(l);
}

static void a_storm_of_spoofed_claims_is_told_in_moderation(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .rate = 1000, .defend = L2_DEFEND_ALWAYS });
	size_t told = 0, sent = 0;
	struct l2_event ev;

	(void)state;
	for (unsigned i = 0; i < 250; i++) {
		char key[32], text[32];

		snprintf(key, sizeof(key), "default/n%u", i);
		snprintf(text, sizeof(text), "192.0.2.%u", i);
		announce(l, key, text, "", 0);
	}
	while (l2_next_event(l, &ev))
		;
	for (unsigned i = 0; i < 100000; i++) {
		struct mac m = { { 2, 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1 } };
		struct arp_message a = { ETH0,
			arp_gratuitous(ARP_REQUEST, &m, ip((uint8_t)(i % 250))) },
				   reply;

		assert_int_equal(l2_receive_arp(l, &a, 10000 + i / 100, &reply), L2_FOREIGN_CLAIM);
		if (i % 100 == 0) {
			sent += frames(l, 10000 + i / 100);
			while (l2_next_event(l, &ev))
				told++;
		}
	}
	assert_in_range(told, 100, 120);
	assert_in_range(sent, 900, 1100); /* the pace, for one second */
	l2_free(l);
}

static void what_could_not_be_told_at_once_is_told_in_its_turn(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .defend = L2_DEFEND_NEVER });
	size_t told = 0, at_once = 0;
	struct arp_message reply;
	struct l2_event ev;
	bool of[200] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		char key[32], text[32];

		snprintf(key, sizeof(key), "default/n%u", i);
		snprintf(text, sizeof(text), "192.0.2.%u", i);
		announce(l, key, text, "", 0);
	}
	for (uint64_t now = 0; now <= 6000; now += 100)
		frames(l, now);
	while (l2_next_event(l, &ev))
		;
	for (unsigned i = 0; i < 200; i++) {
		struct arp_message m = { ETH0, arp_gratuitous(ARP_REQUEST, &other, ip((uint8_t)i)) };

		assert_int_equal(l2_receive_arp(l, &m, 20000, &reply), L2_FOREIGN_CLAIM);
	}
	l2_withdraw(l, "default/n150", 20000);
	for (uint64_t now = 20000; now != UINT64_MAX; now = l2_deadline(l)) {
		assert_in_range(now, 20000, 26000);
		l2_tick(l, now);
		while (l2_next_event(l, &ev)) {
			if (ev.what != L2_CONFLICT)
				continue;
			of[ev.addresses[0].bytes[3]] = true;
			told++;
		}
		at_once = at_once ? at_once : told;
	}
	assert_int_equal(at_once, 100);
	assert_int_equal(told, 199); /* one is no conflict any more */
	assert_true(of[0] && of[199] && !of[150]);
	l2_free(l);
}

static bool counts(const struct l2 *l, const char *line)
{
	struct buf out = BUF_INIT;
	bool found;

	l2_metrics(l, NULL, "node-a", &out);
	found = strstr(out.data, line) != NULL;
	buf_release(&out);
	return found;
}

static void a_link_that_flaps_forgets_no_claims(void **state)
{
	const char *two = "lbctl_layer2_conflicts_total{ip=\"192.0.2.10\",interface=\"eth0\"} 2\n";
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = settled(&(struct l2_options){ 0 });

	(void)state;
	claims(l, &other, 20000);
	assert_int_equal(frames(l, 20000), 2);
	assert_string_equal(happened(l), "conflict default/web");
	eth0.up = eth0.running = false;
	set_links(l, &eth0, 1, 20100);
	assert_string_equal(happened(l), "no-link default/web");
	eth0.up = eth0.running = true;
	set_links(l, &eth0, 1, 20200);
	assert_int_equal(frames(l, 20200), 2);
	assert_string_equal(happened(l), "announcing default/web");
	claims(l, &other, 20300);
	assert_int_equal(frames(l, 20300), 0); /* it was defended less than 10 s ago */
	assert_string_equal(happened(l), "");
	assert_true(counts(l, two));
	set_links(l, NULL, 0, 20400); /* another one of that name is another one */
	set_links(l, &eth0, 1, 20500);
	claims(l, &other, 20600);
	assert_false(counts(l, two));
	l2_withdraw(l, "default/web", 20700);
	while (*happened(l))
		;
	announce(l, "default/web", "192.0.2.10", "", 20800);
	claims(l, &other, 20800);
	assert_false(counts(l, two));
	l2_free(l);
}

static void a_conflict_of_a_link_that_is_down_is_told_no_more(void **state)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = settled(&(struct l2_options){ 0 });

	(void)state;
	claims(l, &other, 20000);
	eth0.up = eth0.running = false;
	set_links(l, &eth0, 1, 20000);
	assert_string_equal(happened(l), "no-link default/web");
	assert_string_equal(happened(l), "");
	eth0.up = eth0.running = true;
	set_links(l, &eth0, 1, 20100);
	assert_string_equal(happened(l), "announcing default/web");
	claims(l, &other, 20200);
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
}

static enum l2_outcome claims_on(struct l2 *l, int ifindex, uint8_t last, uint64_t now)
{
	struct arp_message m = { ifindex, arp_gratuitous(ARP_REPLY, &other, ip(last)) }, reply;

	return l2_receive_arp(l, &m, now, &reply);
}

/* "one" on eth0 and "two" on eth1 share 192.0.2.10; "one" has 192.0.2.11 too. */
static struct l2 *shared(void)
{
	struct netlink_link both[] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 2) };
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = 8000 });

	set_links(l, both, 2, 0);
	announce(l, "default/one", "192.0.2.10 192.0.2.11", "eth0", 0);
	announce(l, "default/two", "192.0.2.10", "eth1", 0);
	frames(l, 0);
	assert_string_equal(happened(l), "announcing default/one");
	assert_string_equal(happened(l), "announcing default/two");
	return l;
}

static void a_successor_on_one_link_is_heard_while_another_goes_on(void **state)
{
	struct l2 *l = shared();
	struct l2_event ev;

	(void)state;
	l2_withdraw(l, "default/one", 20000);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(claims_on(l, ETH0, 10, 20100), L2_SUCCESSOR);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED); /* not that one */
	announce(l, "default/three", "192.0.2.10", "eth1", 20200);
	l2_tick(l, 20200);
	assert_string_equal(happened(l), "announcing default/three");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(claims_on(l, ETH0, 11, 20300), L2_SUCCESSOR);
	l2_tick(l, 20300);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_SUCCESSOR);
	assert_memory_equal(&ev.by, &other, MAC_LEN);
	/* the others still have a grace of their own */
	l2_withdraw(l, "default/two", 30000);
	l2_withdraw(l, "default/three", 30000);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	l2_tick(l, 38000);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_ANNOUNCED);
	l2_free(l);
}

static void a_successor_on_one_link_is_heard_before_the_withdrawal_too(void **state)
{
	struct l2 *l = shared();

	(void)state;
	claims_on(l, ETH0, 10, 20000);
	claims_on(l, ETH0, 11, 20000);
	l2_withdraw(l, "default/one", 20100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_tick(l, 20120);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_that_claim_in_turn_are_a_conflict_too),
		cmocka_unit_test(hosts_that_claim_in_turn_are_each_told_once_a_minute),
		cmocka_unit_test(of_many_claimants_at_once_the_first_are_told),
		cmocka_unit_test(a_stranger_may_be_a_peer_with_another_mac),
		cmocka_unit_test(a_storm_of_spoofed_claims_is_told_in_moderation),
		cmocka_unit_test(what_could_not_be_told_at_once_is_told_in_its_turn),
		cmocka_unit_test(a_link_that_flaps_forgets_no_claims),
		cmocka_unit_test(a_conflict_of_a_link_that_is_down_is_told_no_more),
		cmocka_unit_test(a_successor_on_one_link_is_heard_while_another_goes_on),
		cmocka_unit_test(a_successor_on_one_link_is_heard_before_the_withdrawal_too),
	};

	return cmocka_run_group_tests_name("l2 and conflicts", tests, NULL, NULL);
}
