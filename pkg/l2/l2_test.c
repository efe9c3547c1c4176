/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/l2_test.h"

/* clang-format off */
/* what eth0 of 02:00:00:00:00:01 says to it */
static const uint8_t is_at_1[ARP_FRAME_LEN] = {
	2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
};
/* the two halves of a gratuitous round */
static const uint8_t gratuitous_request[ARP_FRAME_LEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10,
};
static const uint8_t gratuitous_reply[ARP_FRAME_LEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10,
};
/* clang-format on */

static void a_request_gets_the_links_mac(void **state)
{
	struct l2 *l = announcing_10(0);
	struct arp_message m = message(ETH0, who_has_10, sizeof(who_has_10)), reply;
	uint8_t bytes[ARP_FRAME_LEN];

	(void)state;
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_ANSWERED);
	assert_int_equal(reply.ifindex, ETH0);
	arp_frame_encode(&reply.frame, bytes);
	assert_memory_equal(bytes, is_at_1, sizeof(bytes));
	m.frame.to = (struct mac){ { 2, 0, 0, 0, 0, 1 } }; /* unicast, as a resolver refreshes */
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_ANSWERED);
	m.frame.packet.sender_ip.s_addr = 0; /* an RFC 5227 probe */
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_ANSWERED);
	assert_int_equal(reply.frame.packet.target_ip.s_addr, 0);
	l2_free(l);
}

static void what_is_not_asked_of_us_is_not_answered(void **state)
{
	struct l2 *l = announcing_10(0);
	struct arp_message m, reply;

	(void)state;
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_NOT_ANNOUNCED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE); /* an unknown link */
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.op = ARP_REPLY;
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_NOT_A_REQUEST);
	m = asks(ETH0, "192.0.2.10");
	m.frame.to.bytes[5] = 9;
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_NOT_TO_US);
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.sender_mac = arp_broadcast;
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_BAD_SENDER);
	m = asks(ETH0, "192.0.2.10");
	m.frame.from = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_OWN_FRAME);
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.sender_mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_OWN_FRAME);
	l2_free(l);
}

static void what_was_asked_too_long_ago_is_not_answered(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	l2_set_late(l, true);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_LATE);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_NOT_ANNOUNCED);
	l2_set_late(l, false);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

static void a_takeover_is_five_rounds_of_both_forms(void **state)
{
	static const uint64_t at[] = { 0, 1100, 2200, 3300, 4400 };
	struct l2 *l = announcing_10(0);
	struct arp_message m;
	uint8_t bytes[ARP_FRAME_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		assert_int_equal(l2_deadline(l), at[i]);
		if (i > 0)
			assert_int_equal(frames(l, at[i] - 1), 0);
		l2_tick(l, at[i]);
		assert_true(next_arp(l, &m));
		assert_int_equal(m.ifindex, ETH0);
		arp_frame_encode(&m.frame, bytes);
		assert_memory_equal(bytes, gratuitous_request, sizeof(bytes));
		assert_true(next_arp(l, &m));
		arp_frame_encode(&m.frame, bytes);
		assert_memory_equal(bytes, gratuitous_reply, sizeof(bytes));
		assert_false(next_arp(l, &m));
	}
	assert_true(l2_deadline(l) == UINT64_MAX);
	assert_int_equal(frames(l, 1000000), 0);
	l2_free(l);
}

static void a_late_tick_keeps_the_distance(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	assert_int_equal(frames(l, 1900), 2);
	assert_int_equal(frames(l, 2999), 0); /* receivers heed one a second */
	assert_int_equal(frames(l, 3000), 2);
	l2_free(l);
}

static void the_same_again_is_no_news(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	for (uint64_t now = 0; now < 10000; now += 100) {
		size_t n = frames(l, now);

		assert_int_equal(n, now % 1100 == 0 && now <= 4400 ? 2 : 0);
		announce(l, "default/web", "192.0.2.10", "", now);
	}
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_link_that_comes_up_is_told(void **state)
{
	struct l2 *l = announcing_10(0);
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct arp_message m;

	(void)state;
	while (frames(l, l2_deadline(l)) > 0 && l2_deadline(l) != UINT64_MAX)
		;
	links[1].running = false;
	set_links(l, links, 2, 20000);
	assert_int_equal(frames(l, 20000), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	links[1].running = true;
	set_links(l, links, 2, 21000);
	l2_tick(l, 21000);
	assert_true(next_arp(l, &m));
	assert_int_equal(m.ifindex, ETH1);
	assert_int_equal(m.frame.packet.sender_mac.bytes[5], 7);
	assert_int_equal(frames(l, 21000), 1);
	set_links(l, links, 2, 21500); /* the same */
	assert_int_equal(frames(l, 21500), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	set_links(l, links, 1, 21600); /* gone, in the middle of its burst */
	assert_int_equal(frames(l, 22100), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_new_mac_is_told_and_used(void **state)
{
	struct l2 *l = announcing_10(0);
	struct netlink_link eth0 = link_up(ETH0, "eth0", 0x22);
	struct arp_message m = message(ETH0, who_has_10, sizeof(who_has_10)), reply;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	set_links(l, &eth0, 1, 500);
	l2_tick(l, 500);
	assert_true(next_arp(l, &reply));
	assert_int_equal(reply.frame.from.bytes[5], 0x22);
	assert_int_equal(reply.frame.packet.sender_mac.bytes[5], 0x22);
	assert_int_equal(frames(l, 500), 1);
	assert_int_equal(frames(l, 1100), 0); /* the old burst is no more */
	assert_int_equal(frames(l, 1600), 2);
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_ANSWERED);
	assert_int_equal(reply.frame.packet.sender_mac.bytes[5], 0x22);
	m.frame.packet.sender_mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } }; /* no longer ours */
	assert_int_equal(l2_receive_arp(l, &m, 0, &reply), L2_ANSWERED);
	l2_free(l);
}

static void links_that_do_not_fit_are_left_alone(void **state)
{
	static const char *const only[] = { "eth*", "br0" }, *const except[] = { "", "9$" };
	struct netlink_link links[8];
	struct l2 *l = engine(&(struct l2_options){ .only = { only, 2 }, .except = { except, 2 } });

	(void)state;
	for (int i = 0; i < 8; i++)
		links[i] = link_up(i + 2, "eth0", (uint8_t)i);
	links[0].up = false;
	links[1].broadcast = false;
	links[2].noarp = true;
	links[3].master = 99;
	links[4].ethernet = false;
	snprintf(links[5].name, sizeof(links[5].name), "eth9");
	snprintf(links[6].name, sizeof(links[6].name), "cni0");
	snprintf(links[7].name, sizeof(links[7].name), "br0");
	set_links(l, links, 8, 0);
	announce(l, "default/web", "192.0.2.10", "", 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(ask(l, i + 2, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, 9, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(frames(l, 0), 2);
	l2_free(l);
}

static void a_burst_that_begins_anew_begins_with_a_request(void **state)
{
	struct l2 *l = announcing_10(0);
	struct netlink_link eth0 = link_up(ETH0, "eth0", 0x22);
	struct arp_message m;

	(void)state;
	l2_tick(l, 0);
	assert_true(next_arp(l, &m) && m.frame.packet.op == ARP_REQUEST);
	set_links(l, &eth0, 1, 0);
	assert_true(next_arp(l, &m) && m.frame.packet.op == ARP_REQUEST);
	assert_true(next_arp(l, &m) && m.frame.packet.op == ARP_REPLY);
	assert_false(next_arp(l, &m));
	l2_free(l);
}

static void each_link_has_its_reason(void **state)
{
	static const char *const only[] = { "eth*" }, *const except[] = { "^et.1" };
	static const char *const named[] = { "eth0", "eth1", "br0" };
	struct l2 *l = engine(&(struct l2_options){ .only = { only, 1 }, .except = { except, 1 } });
	const struct l2_names any = { 0 }, three = { named, 3 };
	struct netlink_link k = link_up(ETH0, "eth0", 1);

	(void)state;
	assert_int_equal(l2_link_fit(l, &k, &any), L2_LINK_FITS);
	k.running = false;
	assert_int_equal(l2_link_fit(l, &k, &any), L2_LINK_WITHOUT_CARRIER);
	k.up = false;
	assert_int_equal(l2_link_fit(l, &k, &any), L2_LINK_DOWN);
	snprintf(k.name, sizeof(k.name), "eth1");
	assert_int_equal(l2_link_fit(l, &k, &three), L2_LINK_EXCLUDED);
	snprintf(k.name, sizeof(k.name), "br0");
	assert_int_equal(l2_link_fit(l, &k, &three), L2_LINK_NOT_SELECTED);
	snprintf(k.name, sizeof(k.name), "eth2");
	assert_int_equal(l2_link_fit(l, &k, &three), L2_LINK_NOT_NAMED);
	k.master = BR0;
	assert_int_equal(l2_link_fit(l, &k, &three), L2_LINK_ENSLAVED);
	k.noarp = true;
	assert_int_equal(l2_link_fit(l, &k, &three), L2_LINK_WITHOUT_ARP);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_gets_the_links_mac),
		cmocka_unit_test(what_is_not_asked_of_us_is_not_answered),
		cmocka_unit_test(what_was_asked_too_long_ago_is_not_answered),
		cmocka_unit_test(a_takeover_is_five_rounds_of_both_forms),
		cmocka_unit_test(a_late_tick_keeps_the_distance),
		cmocka_unit_test(the_same_again_is_no_news),
		cmocka_unit_test(a_link_that_comes_up_is_told),
		cmocka_unit_test(a_new_mac_is_told_and_used),
		cmocka_unit_test(links_that_do_not_fit_are_left_alone),
		cmocka_unit_test(a_burst_that_begins_anew_begins_with_a_request),
		cmocka_unit_test(each_link_has_its_reason),
	};

	return cmocka_run_group_tests_name("l2", tests, NULL, NULL);
}
