/* SPDX-License-Identifier: Apache-2.0 */
/* Other hosts that have an address: before its first use, and while it is announced. */
#include "pkg/l2/l2_test.h"

static const struct mac other = { { 2, 0, 0, 0, 0, 9 } }, peer = { { 2, 0, 0, 0, 0, 0x0b } },
			router = { { 2, 0, 0, 0, 0, 0x77 } };
static const struct in_addr none;

static struct in_addr ip(uint8_t last)
{
	return (struct in_addr){ htonl(0xc0000200U | last) };
}

static struct l2 *engine_on_eth0(const struct l2_options *o)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct err e = ERR_INIT;
	struct l2 *l = engine(o);

	set_links(l, &eth0, 1, 0);
	assert_int_equal(l2_set_peers(l, &peer, 1, &e), 0);
	return l;
}

/* Announced, told, and its burst over. */
static struct l2 *settled(const struct l2_options *o)
{
	struct l2 *l = engine_on_eth0(o);

	announce(l, "default/web", "192.0.2.10", "", 0);
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	assert_string_equal(happened(l), "announcing default/web");
	return l;
}

static enum l2_outcome claims(struct l2 *l, const struct mac *mac, uint64_t now)
{
	struct arp_message m = { ETH0, arp_gratuitous(ARP_REPLY, mac, ip(10)) }, reply;

	return l2_receive_arp(l, &m, now, &reply);
}

static void a_new_address_is_probed_thrice_before_it_is_used(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct arp_message m;

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	for (uint64_t now = 0; now < 300; now += 100) {
		assert_int_equal(l2_deadline(l), now);
		l2_tick(l, now);
		assert_true(next_arp(l, &m));
		assert_int_equal(m.frame.packet.op, ARP_REQUEST);
		assert_int_equal(m.frame.packet.sender_ip.s_addr, 0);
		assert_int_equal(m.frame.packet.target_ip.s_addr, ip(10).s_addr);
		assert_memory_equal(&m.frame.to, &arp_broadcast, MAC_LEN);
		assert_false(next_arp(l, &m));
		assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
		assert_string_equal(happened(l), "");
	}
	assert_int_equal(l2_deadline(l), 300);
	assert_int_equal(frames(l, 300), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

static void an_address_that_another_host_has_is_not_used(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct l2_event ev;

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	assert_int_equal(claims(l, &other, 2), L2_TAKEN);
	assert_int_equal(l2_deadline(l), 2);
	assert_int_equal(frames(l, 2), 0);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_IN_USE);
	assert_string_equal(ev.key, "+default/web");
	assert_memory_equal(&ev.by, &other, MAC_LEN);
	assert_int_equal(ev.ifindex, ETH0);
	assert_int_equal(ev.addresses_n, 1);
	assert_false(l2_next_event(l, &ev));
	assert_int_equal(frames(l, 60001), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	/* probed again after a minute: it has gone */
	assert_int_equal(frames(l, 60002), 1);
	assert_int_equal(frames(l, 60102), 1);
	assert_int_equal(frames(l, 60202), 1);
	assert_int_equal(frames(l, 60302), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void two_that_probe_for_one_address_both_leave_it(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct arp_message m = { ETH0, arp_request(&other, none, ip(10)) }, reply;
	struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 } };
	struct ndp_message n = { ETH0, ndp_solicit(&other, &in6addr_any, &six) }, advertisement;

	(void)state;
	announce(l, "+default/web", "192.0.2.10 2001:db8::10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	m.frame.packet.sender_ip = ip(100); /* who has an address only asks */
	assert_int_equal(l2_receive_arp(l, &m, 1, &reply), L2_NOT_HERE);
	m.frame.packet.sender_ip = none;
	assert_int_equal(l2_receive_arp(l, &m, 1, &reply), L2_TAKEN);
	assert_int_equal(l2_receive_ndp(l, &n, 1, &advertisement), L2_TAKEN);
	assert_string_equal(happened(l), "in-use +default/web");
	assert_string_equal(happened(l), "in-use +default/web");
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void peers_and_ignored_hosts_do_not_take_a_new_address(void **state)
{
	struct l2 *l =
	    engine_on_eth0(&(struct l2_options){ .probe_ms = 300, .ignore = &router, .ignore_n = 1 });

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(claims(l, &router, 2), L2_IGNORED_CLAIM);
	assert_int_equal(claims(l, &peer, 2), L2_NOT_A_REQUEST);
	l2_tick(l, 300);
	assert_string_equal(happened(l), "announcing +default/web");
	assert_int_equal(claims(l, &router, 302), L2_IGNORED_CLAIM);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_takeover_is_never_probed(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	assert_string_equal(happened(l), "announcing default/web");
	/* and what is announced already isn't new, whoever says so */
	announce(l, "+default/web2", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "announcing +default/web2");
	l2_free(l);
}

static void withdrawn_while_it_is_probed_is_forgotten(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300, .grace_ms = 1000 });

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	l2_withdraw(l, "+default/web", 50);
	assert_string_equal(happened(l), "ended +default/web");
	assert_int_equal(frames(l, 400), 0);
	assert_true(l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void a_foreign_claim_is_told_at_once_and_defended_once_in_10_s(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct l2_event ev;

	(void)state;
	assert_int_equal(claims(l, &other, 20000), L2_FOREIGN_CLAIM);
	assert_int_equal(l2_deadline(l), 20000);
	assert_int_equal(frames(l, 20000), 2); /* both forms */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT && ev.claims == 1 && !ev.by_peer);
	assert_memory_equal(&ev.by, &other, MAC_LEN);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED); /* still ours */
	for (uint64_t now = 20100; now < 30000; now += 100) {
		assert_int_equal(claims(l, &other, now), L2_FOREIGN_CLAIM);
		assert_int_equal(frames(l, now), 0);
		assert_string_equal(happened(l), "");
	}
	claims(l, &other, 30000);
	assert_int_equal(frames(l, 30000), 2);
	for (uint64_t now = 30100; now < 80000; now += 100)
		claims(l, &other, now);
	assert_string_equal(happened(l), "");
	claims(l, &other, 80000); /* a minute later it still goes on */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT);
	assert_int_equal(ev.claims, 600);
	l2_free(l);
}

static void an_advertisement_of_another_is_a_conflict_too(void **state)
{
	struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 } };
	struct l2 *l = engine_on_eth0(&(struct l2_options){ 0 });
	struct ndp_message m = { ETH0, ndp_unsolicited(&other, &six) }, reply;
	struct l2_frame f;

	(void)state;
	announce(l, "default/web", "2001:db8::10", "", 0);
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 1);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(l2_receive_ndp(l, &m, 9000, &reply), L2_FOREIGN_CLAIM);
	l2_tick(l, 9000);
	assert_true(l2_next_frame(l, &f) && f.ipv6 && f.ndp.override);
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
}

static void each_defends_as_it_is_told(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ .defend = L2_DEFEND_NEVER });

	(void)state;
	claims(l, &other, 20000);
	assert_int_equal(frames(l, 20000), 0);
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
	l = settled(&(struct l2_options){ .defend = L2_DEFEND_ALWAYS, .rate = 5000 });
	for (uint64_t now = 20000; now < 21000; now += 100) {
		claims(l, &other, now);
		assert_int_equal(frames(l, now), 2);
	}
	l2_free(l);
}

static void a_peers_claim_is_no_conflict_while_the_election_is_on_its_way(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct l2_event ev;

	(void)state;
	assert_int_equal(claims(l, &peer, 20000), L2_PEER_CLAIM);
	assert_int_equal(claims(l, &peer, 21100), L2_PEER_CLAIM);
	assert_string_equal(happened(l), "");
	/* still ours after that: then the hosts must hear of it */
	assert_int_equal(frames(l, 20000), 0);
	assert_int_equal(frames(l, 21100), 2);
	assert_int_equal(claims(l, &peer, 22000), L2_FOREIGN_CLAIM); /* two nodes announce it */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT && ev.by_peer);
	l2_free(l);
}

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
	claims(l, &other, 20001); /* there is room again */
	assert_string_equal(happened(l), "conflict default/web");
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

static void claims_are_counted_by_address_and_link(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct buf out = BUF_INIT;

	(void)state;
	claims(l, &other, 20000);
	claims(l, &other, 20001);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_metrics(l, NULL, "node \"a\"", &out);
	assert_non_null(
	    strstr(out.data, "lbctl_layer2_conflicts_total{ip=\"192.0.2.10\",interface=\"eth0\"} 2\n"));
	assert_non_null(strstr(
	    out.data, "metallb_layer2_gratuitous_sent{ip=\"192.0.2.10\",interface=\"eth0\"} 10\n"));
	assert_non_null(strstr(
	    out.data, "metallb_layer2_responses_sent{ip=\"192.0.2.10\",interface=\"eth0\"} 1\n"));
	assert_non_null(
	    strstr(out.data, "protocol=\"layer2\",node=\"node \\\"a\\\"\",ip=\"192.0.2.10\"} 1\n"));
	buf_release(&out);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_address_is_probed_thrice_before_it_is_used),
		cmocka_unit_test(an_address_that_another_host_has_is_not_used),
		cmocka_unit_test(two_that_probe_for_one_address_both_leave_it),
		cmocka_unit_test(peers_and_ignored_hosts_do_not_take_a_new_address),
		cmocka_unit_test(a_takeover_is_never_probed),
		cmocka_unit_test(withdrawn_while_it_is_probed_is_forgotten),
		cmocka_unit_test(a_foreign_claim_is_told_at_once_and_defended_once_in_10_s),
		cmocka_unit_test(an_advertisement_of_another_is_a_conflict_too),
		cmocka_unit_test(each_defends_as_it_is_told),
		cmocka_unit_test(a_peers_claim_is_no_conflict_while_the_election_is_on_its_way),
		cmocka_unit_test(peers_that_claim_in_turn_are_a_conflict_too),
		cmocka_unit_test(hosts_that_claim_in_turn_are_each_told_once_a_minute),
		cmocka_unit_test(of_many_claimants_at_once_the_first_are_told),
		cmocka_unit_test(a_storm_of_spoofed_claims_is_told_in_moderation),
		cmocka_unit_test(what_could_not_be_told_at_once_is_told_in_its_turn),
		cmocka_unit_test(claims_are_counted_by_address_and_link),
		cmocka_unit_test(a_link_that_flaps_forgets_no_claims),
		cmocka_unit_test(a_conflict_of_a_link_that_is_down_is_told_no_more),
	};

	return cmocka_run_group_tests_name("l2 and other hosts", tests, NULL, NULL);
}
