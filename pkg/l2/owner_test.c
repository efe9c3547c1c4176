/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/l2_test.h"

static void an_announcement_may_name_its_links(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ 0 });
	struct arp_message m;

	(void)state;
	set_links(l, links, 2, 0);
	announce(l, "default/web", "192.0.2.10", "eth1", 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(frames(l, 0), 2);
	assert_string_equal(happened(l), "announcing default/web");
	announce(l, "default/web", "192.0.2.10", "eth0 eth1", 100); /* eth0 is new, eth1 isn't */
	l2_tick(l, 100);
	assert_true(next_arp(l, &m));
	assert_int_equal(m.ifindex, ETH0);
	assert_int_equal(frames(l, 100), 1);
	assert_string_equal(happened(l), "");
	announce(l, "default/web", "192.0.2.10", "eth9", 200);
	assert_string_equal(happened(l), "no-link default/web");
	assert_int_equal(frames(l, 1300), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	links[1] = link_up(9, "eth9", 9);
	set_links(l, links, 2, 1400);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 1400), 2);
	l2_free(l);
}

static void a_shared_address_lasts_as_long_as_one_wants_it(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ 0 });

	(void)state;
	set_links(l, links, 2, 0);
	announce(l, "default/tcp", "192.0.2.10", "eth0", 0);
	assert_int_equal(frames(l, 0), 2);
	announce(l, "default/udp", "192.0.2.10", "eth0 eth1", 50);
	assert_int_equal(frames(l, 50), 2); /* eth1 alone */
	l2_withdraw(l, "default/tcp", 60);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	announce(l, "default/tcp", "192.0.2.10", "eth0", 65); /* nothing new for anybody */
	assert_int_equal(frames(l, 65), 0);
	l2_withdraw(l, "default/udp", 70);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	l2_withdraw(l, "default/tcp", 80);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_is_idle(l) && l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void withdrawn_without_grace_is_silent_at_once(void **state)
{
	struct l2 *l = announcing_10(0);
	struct l2_event ev;

	(void)state;
	l2_withdraw(l, "default/web", 10);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AT_ONCE);
	assert_string_equal(ev.key, "default/web");
	assert_false(l2_next_event(l, &ev));
	l2_withdraw(l, "default/web", 20);
	assert_false(l2_next_event(l, &ev));
	l2_free(l);
}

static void grace_bridges_the_gap_in_silence(void **state)
{
	struct l2 *l = announcing_10(1000);
	struct l2_event ev;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	l2_withdraw(l, "default/web", 100);
	assert_int_equal(l2_deadline(l), 1100);
	assert_int_equal(frames(l, 1099), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_false(l2_is_idle(l) || l2_next_event(l, &ev));
	l2_withdraw(l, "default/web", 1099); /* again: no more grace for that */
	assert_int_equal(frames(l, 1100), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_GRACE);
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void the_successors_first_frame_ends_the_grace(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH0 }, reply;
	struct l2_event ev;
	struct addr set[2];

	(void)state;
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_FOREIGN_CLAIM); /* while it is ours */
	l2_withdraw(l, "default/web", 600);
	assert_int_equal(l2_addresses(l, set, 2), 1);
	assert_int_equal(l2_receive_arp(l, &m, 600, &reply), L2_SUCCESSOR);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(l2_deadline(l), 600);
	l2_tick(l, 601);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_SUCCESSOR);
	assert_memory_equal(&ev.by, &other, sizeof(other));
	assert_true(l2_is_idle(l));
	assert_int_equal(l2_addresses(l, set, 2), 0);
	l2_free(l);
}

static struct l2 *announcing_10_with_peer(const struct mac *peer)
{
	struct l2 *l = announcing_10(1000);
	struct err e = ERR_INIT;

	assert_int_equal(l2_set_peers(l, peer, 1, &e), 0);
	return l;
}

static void a_successor_heard_just_before_leaves_a_moment_of_the_grace(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10_with_peer(&other);
	struct arp_message m = { .ifindex = ETH0 }, reply;
	struct l2_event ev;

	(void)state;
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 100, &reply), L2_PEER_CLAIM);
	l2_withdraw(l, "default/web", 120);
	l2_tick(l, 120);
	assert_int_equal(l2_deadline(l), 140);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_tick(l, 139);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_false(l2_next_event(l, &ev));
	l2_tick(l, 140);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_SUCCESSOR);
	assert_memory_equal(&ev.by, &other, sizeof(other));
	assert_true(l2_is_idle(l));
	l2_free(l);
}

/* A node that stops sends a last frame after ours, and is back within half a second: until it answers
 * again, we do. */
static void the_last_frame_of_a_predecessor_that_comes_back_ends_no_grace(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10_with_peer(&other);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 1, &reply), L2_PEER_CLAIM); /* the last one */
	l2_withdraw(l, "default/web", 200);                                /* it is back */
	l2_tick(l, 200);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(l2_receive_arp(l, &m, 212, &reply), L2_SUCCESSOR); /* and ready */
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(l2_deadline(l), 212);
	l2_tick(l, 212);
	assert_true(l2_is_idle(l));
	l2_free(l);
}

/* Those of a moment and those of a whole grace end each in its own time, or come back. */
static void graces_of_two_lengths_end_in_any_order(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10_with_peer(&other);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	announce(l, "a/1", "192.0.2.11", "", 0);
	announce(l, "a/2", "192.0.2.10 192.0.2.11", "", 0); /* of one no successor was heard */
	while (happened(l)[0])
		;
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 100, &reply), L2_PEER_CLAIM);
	l2_withdraw(l, "a/1", 100);
	l2_withdraw(l, "a/2", 110);
	l2_withdraw(l, "default/web", 120);
	assert_int_equal(l2_deadline(l), 140);
	announce(l, "default/web", "192.0.2.10", "", 130);
	assert_string_equal(happened(l), "");
	l2_withdraw(l, "default/web", 135);
	l2_tick(l, 155);
	assert_string_equal(happened(l), "ended default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED); /* for a/2 */
	l2_tick(l, 1100);
	assert_string_equal(happened(l), "ended a/1");
	l2_tick(l, 1110);
	assert_string_equal(happened(l), "ended a/2");
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void what_others_have_taken_over_unheard_ends_at_once_and_is_news_again(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	announce(l, "default/left", "192.0.2.11", "", 6000);
	l2_withdraw(l, "default/left", 6100); /* in its grace */
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	happened(l);
	l2_lose_all(l, 6200);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_NOT_ANNOUNCED);
	assert_true(l2_is_idle(l));
	l2_withdraw(l, "default/web", 6200);
	announce(l, "default/web", "192.0.2.10", "", 6201);
	assert_int_equal(frames(l, 6201), 2);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

static void a_successor_counts_for_its_grace_alone(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH1 }, reply;

	(void)state;
	m.frame = arp_gratuitous(ARP_REPLY, &other, (struct in_addr){ htonl(0xc000020a) });
	l2_withdraw(l, "default/web", 100);
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_NOT_A_REQUEST); /* of an unknown link */
	m.ifindex = ETH0;
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_SUCCESSOR);
	announce(l, "default/web", "192.0.2.10", "", 200);
	l2_tick(l, 200);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_withdraw(l, "default/web", 300);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

static void a_shared_address_has_no_successor_while_one_wants_it(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	announce(l, "default/udp", "192.0.2.10", "", 50);
	l2_withdraw(l, "default/web", 100);
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_FOREIGN_CLAIM);
	l2_tick(l, 1100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

static void the_generation_tells_when_to_listen_anew(void **state)
{
	struct l2 *l = announcing_10(0);
	uint64_t before = l2_generation(l);
	struct addr set[1];

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_true(l2_generation(l) == before);
	announce(l, "default/web2", "192.0.2.11", "", 0);
	assert_true(l2_generation(l) != before);
	assert_int_equal(l2_addresses(l, set, 1), 2); /* more than there was room for */
	l2_free(l);
}

static void the_uid_and_the_links_are_given_back_as_they_came(void **state)
{
	static const char *const uids[] = {
		"5f0c3a1e-7b8d-4e2f-9a6b-0123456789ab",
		"5F0C3A1E-7B8D-4E2F-9A6B-0123456789AB",
		"5f0c3a1e-7b8d-4e2f-9a6b-0123456789a",
		"5f0c3a1e-7b8d-4e2f-9a6b-0123456789abc",
		"5f0c3a1e07b8d-4e2f-9a6b-0123456789ab",
		"5f0c3a1e-7b8d-4e2f-9a6b-0123456789ag",
		"web",
		"",
	};
	const char *links[] = { "eth0", "", "eth1" };
	struct addr ip = address("192.0.2.10");
	struct l2_announcement a = { .addresses = &ip, .addresses_n = 1 };
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ 0 });
	struct err e = ERR_INIT;
	struct l2_event ev;

	(void)state;
	set_links(l, &eth0, 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		a.key = uids[i];
		a.uid = uids[i];
		a.interfaces = (struct l2_names){ links, i % 4 };
		assert_int_equal(l2_announce(l, &a, 0, &e), 0);
		assert_true(l2_next_event(l, &ev) && ev.what == L2_ANNOUNCING);
		assert_string_equal(ev.key, uids[i]);
		assert_string_equal(ev.uid, uids[i]);
		assert_int_equal(ev.interfaces.n, i % 4 < 2 ? i % 4 : i % 4 - 1); /* "" is none */
		for (size_t k = 0; k < ev.interfaces.n; k++)
			assert_string_equal(ev.interfaces.at[k], k ? "eth1" : "eth0");
		if (i % 4 < 2)
			assert_int_equal(l2_announce(l, &a, 0, &e), 0);
		assert_false(l2_next_event(l, &ev));
	}
	l2_free(l);
}

static void links_come_and_go_in_any_order(void **state)
{
	struct netlink_link links[5];
	struct l2 *l = engine(&(struct l2_options){ 0 });
	struct addr ip = address("192.0.2.10");

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	for (unsigned round = 0; round < 1 << 10; round++) {
		unsigned have = round < 1 << 5 ? round : 31 & (round * 0x9e3779b1u >> 20);
		int lowest = 0;
		size_t n = 0;

		for (int i = 4; i >= 0; i--)
			if (have >> i & 1)
				lowest = 2 + i;
		for (int i = 0; i < 5; i++)
			if (have >> i & 1)
				links[n++] = link_up(2 + i, "eth", (uint8_t)(2 + i));
		set_links(l, links, n, 0);
		for (int i = 0; i < 5; i++)
			assert_int_equal(
			    ask(l, 2 + i, "192.0.2.10"), have >> i & 1 ? L2_ANSWERED : L2_NOT_HERE);
		assert_int_equal(l2_first_link(l, &ip), lowest);
	}
	l2_free(l);
}

/* Of five that are in their grace, some are announced again, and all end that were not. */
static void a_grace_that_is_broken_off_does_not_touch_the_others(void **state)
{
	static const char *const keys[] = { "a/0", "a/1", "a/2", "a/3", "a/4" };

	(void)state;
	for (unsigned back = 0; back < 1 << 5; back++) {
		struct l2 *l = announcing_10(1000);

		for (int i = 0; i < 5; i++)
			announce(l, keys[i], "192.0.2.10", "", 0);
		while (happened(l)[0])
			;
		for (int i = 0; i < 5; i++)
			l2_withdraw(l, keys[i], 10);
		for (int i = 4; i >= 0; i--)
			if (back >> i & 1)
				announce(l, keys[i], "192.0.2.10", "", 20);
		for (int i = 0; i < 5; i++)
			l2_withdraw(l, keys[i], 500); /* those again, behind the rest */
		l2_tick(l, 1010);
		for (int i = 0; i < 5; i++)
			if (!(back >> i & 1))
				assert_string_equal(strchr(happened(l), ' ') + 1, keys[i]);
		assert_string_equal(happened(l), "");
		l2_tick(l, 1500);
		for (int i = 0; i < 5; i++)
			if (back >> i & 1)
				assert_string_equal(strchr(happened(l), ' ') + 1, keys[i]);
		assert_string_equal(happened(l), "");
		l2_free(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_announcement_may_name_its_links),
		cmocka_unit_test(a_shared_address_lasts_as_long_as_one_wants_it),
		cmocka_unit_test(withdrawn_without_grace_is_silent_at_once),
		cmocka_unit_test(grace_bridges_the_gap_in_silence),
		cmocka_unit_test(the_successors_first_frame_ends_the_grace),
		cmocka_unit_test(a_successor_heard_just_before_leaves_a_moment_of_the_grace),
		cmocka_unit_test(the_last_frame_of_a_predecessor_that_comes_back_ends_no_grace),
		cmocka_unit_test(graces_of_two_lengths_end_in_any_order),
		cmocka_unit_test(what_others_have_taken_over_unheard_ends_at_once_and_is_news_again),
		cmocka_unit_test(a_successor_counts_for_its_grace_alone),
		cmocka_unit_test(a_shared_address_has_no_successor_while_one_wants_it),
		cmocka_unit_test(the_generation_tells_when_to_listen_anew),
		cmocka_unit_test(the_uid_and_the_links_are_given_back_as_they_came),
		cmocka_unit_test(links_come_and_go_in_any_order),
		cmocka_unit_test(a_grace_that_is_broken_off_does_not_touch_the_others),
	};

	return cmocka_run_group_tests_name("l2 announcements", tests, NULL, NULL);
}
