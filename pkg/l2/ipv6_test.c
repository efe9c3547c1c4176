/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine does for IPv6 addresses: RFC 4861 section 7.2, RFC 4862 section 5.4. */
#include "pkg/l2/l2_test.h"

static const struct mac client = { { 2, 0, 0, 0, 0, 0x64 } }, other = { { 2, 0, 0, 0, 0, 9 } };

static struct in6_addr ip6(const char *text)
{
	struct addr a = address(text);

	return addr_to_in6(&a);
}

static struct l2 *announcing_six(uint32_t grace_ms)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = grace_ms });

	set_links(l, &eth0, 1, 0);
	announce(l, "default/web", "2001:db8::10", "", 0);
	assert_string_equal(happened(l), "announcing default/web");
	return l;
}

static struct ndp_message solicitation(const char *source, const char *target)
{
	struct in6_addr from = ip6(source), about = ip6(target);

	return (struct ndp_message){ ETH0, ndp_solicit(&client, &from, &about) };
}

static void a_solicitation_gets_the_links_mac(void **state)
{
	/* clang-format off */
	static const uint8_t is_at_1[] = {
		2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
		0x60, 0, 0, 0, 0, 32, 58, 255,
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
		136, 0, 0x89, 0xf3, 0x60, 0, 0, 0, /* Solicited, Override; no Router */
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
		2, 1, 2, 0, 0, 0, 0, 1, /* target link-layer address */
	};
	/* clang-format on */
	struct l2 *l = announcing_six(0);
	struct ndp_message m = solicitation("2001:db8::64", "2001:db8::10"), reply;
	uint8_t bytes[NDP_FRAME_MAX];

	(void)state;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_ANSWERED);
	assert_int_equal(reply.ifindex, ETH0);
	assert_int_equal(ndp_frame_encode(&reply.frame, bytes), sizeof(is_at_1));
	assert_memory_equal(bytes, is_at_1, sizeof(is_at_1));
	l2_free(l);
}

static void a_unicast_solicitation_without_a_mac_is_answered(void **state)
{
	struct l2 *l = announcing_six(0);
	struct ndp_message m = solicitation("2001:db8::64", "2001:db8::10"), reply;

	(void)state;
	m.frame.to = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	m.frame.destination = ip6("2001:db8::10");
	m.frame.has_mac = false;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_ANSWERED);
	assert_memory_equal(&reply.frame.to, &client, MAC_LEN);
	assert_true(reply.frame.solicited && reply.frame.override && reply.frame.has_mac);
	m.frame.to.bytes[5] = 7;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_NOT_TO_US);
	l2_free(l);
}

static void who_would_take_our_address_is_told_that_it_is_taken(void **state)
{
	struct l2 *l = announcing_six(0);
	struct ndp_message m = solicitation("::", "2001:db8::10"), reply;

	(void)state;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_ANSWERED);
	assert_memory_equal(&reply.frame.destination, &ndp_all_nodes, 16);
	assert_false(reply.frame.solicited);
	assert_true(reply.frame.override);
	l2_free(l);
}

static void what_is_not_asked_of_us_is_not_answered(void **state)
{
	struct l2 *l = announcing_six(0);
	struct ndp_message m = solicitation("2001:db8::64", "2001:db8::11"), reply;

	(void)state;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_NOT_ANNOUNCED);
	m = solicitation("2001:db8::64", "2001:db8::10");
	m.ifindex = ETH1;
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_NOT_HERE);
	m = solicitation("2001:db8::64", "2001:db8::10");
	m.frame.from = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_OWN_FRAME);
	m = solicitation("2001:db8::64", "2001:db8::10");
	m.frame.mac = (struct mac){ { 0x33, 0x33, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive_ndp(l, &m, 0, &reply), L2_BAD_SENDER);
	l2_free(l);
}

static void a_takeover_is_five_advertisements_to_all_nodes(void **state)
{
	struct l2 *l = announcing_six(0);
	struct l2_frame f;

	(void)state;
	for (uint64_t now = 0; now <= 4400; now += 1100) {
		assert_int_equal(l2_deadline(l), now);
		l2_tick(l, now);
		assert_true(l2_next_frame(l, &f) && f.ipv6 && f.ifindex == ETH0);
		assert_memory_equal(&f.ndp.destination, &ndp_all_nodes, 16);
		assert_true(f.ndp.override && !f.ndp.solicited);
		assert_int_equal(f.ndp.mac.bytes[5], 1);
		assert_false(l2_next_frame(l, &f));
	}
	assert_true(l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void the_successors_advertisement_ends_the_grace(void **state)
{
	const struct in6_addr ten = ip6("2001:db8::10");
	struct l2 *l = announcing_six(1000);
	struct ndp_message m = { ETH0, ndp_unsolicited(&other, &ten) }, reply;

	(void)state;
	l2_withdraw(l, "default/web", 100);
	assert_int_equal(l2_receive_ndp(l, &m, 110, &reply), L2_SUCCESSOR);
	m = solicitation("2001:db8::64", "2001:db8::10");
	assert_int_equal(l2_receive_ndp(l, &m, 110, &reply), L2_NOT_HERE);
	l2_tick(l, 110);
	assert_string_equal(happened(l), "ended default/web");
	l2_free(l);
}

/* In each group where one is asked, on each link where that is answered. */
static void the_groups_follow_addresses_and_links(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	const struct in6_addr group = ip6("ff02::1:ff00:10");
	struct l2 *l = announcing_six(0);
	struct ndp_group at[4];
	uint64_t before = l2_groups_generation(l);

	(void)state;
	assert_int_equal(l2_groups(l, at, 4), 1);
	assert_int_equal(at[0].ifindex, ETH0);
	assert_memory_equal(&at[0].group, &group, 16);
	announce(l, "default/four", "192.0.2.10", "", 0);
	assert_true(l2_groups_generation(l) == before);
	set_links(l, links, 2, 10);
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(l2_groups(l, at, 4), 2);
	links[0].up = false;
	set_links(l, links, 2, 20);
	assert_int_equal(l2_groups(l, at, 4), 1);
	assert_int_equal(at[0].ifindex, ETH1);
	l2_withdraw(l, "default/web", 30);
	assert_int_equal(l2_groups(l, at, 4), 0);
	l2_free(l);
}

/* The kernel takes IPv6, with its groups, off a link whose MTU falls below 1280. */
static void a_link_with_a_small_mtu_is_without_ipv6(void **state)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct ndp_message m = solicitation("2001:db8::64", "2001:db8::10"), reply;
	struct l2 *l = announcing_six(0);
	uint64_t before = l2_groups_generation(l);

	(void)state;
	announce(l, "default/four", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "announcing default/four");
	frames(l, 100000);
	eth0.mtu = 1279;
	eth0.ipv6_lost = 1;
	set_links(l, &eth0, 1, 100000);
	assert_string_equal(happened(l), "no-link default/web");
	assert_string_equal(happened(l), "");
	assert_int_equal(l2_receive_ndp(l, &m, 100000, &reply), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(l2_groups(l, NULL, 0), 0);
	eth0.mtu = 1280;
	set_links(l, &eth0, 1, 100000);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(l2_groups(l, NULL, 0), 1);
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(frames(l, 100000), 1);
	assert_int_equal(l2_receive_ndp(l, &m, 100000, &reply), L2_ANSWERED);
	l2_free(l);
}

/* Both changes were heard of at once. */
static void ipv6_that_came_back_at_once_is_joined_and_told_anew(void **state)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = announcing_six(0);
	uint64_t before = l2_groups_generation(l);
	struct ndp_group was, is;

	(void)state;
	frames(l, 100000);
	l2_groups(l, &was, 1);
	eth0.ipv6_lost = 1;
	set_links(l, &eth0, 1, 100000);
	assert_string_equal(happened(l), "");
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(l2_groups(l, &is, 1), 1);
	assert_true(is.round != was.round);
	assert_int_equal(frames(l, 100000), 1);
	l2_free(l);
}

/* Or a host that would take it, too, is not heard behind a switch that snoops MLD. */
static void the_groups_of_an_address_are_there_while_it_is_probed(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ .probe_ms = 300 });
	uint64_t before = l2_groups_generation(l);
	struct ndp_group at[4];

	(void)state;
	set_links(l, links, 1, 0);
	announce(l, "+default/web", "2001:db8::10", "", 0);
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(l2_groups(l, at, 4), 1);
	assert_int_equal(at[0].ifindex, ETH0);
	before = l2_groups_generation(l);
	set_links(l, links, 2, 0);
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(l2_groups(l, at, 4), 2);
	before = l2_groups_generation(l);
	for (uint64_t now = 0; now < 300; now += 100)
		assert_int_equal(frames(l, now), 2);
	assert_int_equal(frames(l, 300), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	assert_true(l2_groups_generation(l) == before);
	assert_int_equal(l2_groups(l, at, 4), 2);
	announce(l, "+default/other", "2001:db8::11", "", 400);
	before = l2_groups_generation(l);
	l2_withdraw(l, "+default/other", 410);
	assert_string_equal(happened(l), "");
	assert_true(l2_groups_generation(l) != before);
	assert_int_equal(l2_groups(l, at, 4), 2);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_solicitation_gets_the_links_mac),
		cmocka_unit_test(a_unicast_solicitation_without_a_mac_is_answered),
		cmocka_unit_test(who_would_take_our_address_is_told_that_it_is_taken),
		cmocka_unit_test(what_is_not_asked_of_us_is_not_answered),
		cmocka_unit_test(a_takeover_is_five_advertisements_to_all_nodes),
		cmocka_unit_test(the_successors_advertisement_ends_the_grace),
		cmocka_unit_test(the_groups_follow_addresses_and_links),
		cmocka_unit_test(a_link_with_a_small_mtu_is_without_ipv6),
		cmocka_unit_test(ipv6_that_came_back_at_once_is_joined_and_told_anew),
		cmocka_unit_test(the_groups_of_an_address_are_there_while_it_is_probed),
	};

	return cmocka_run_group_tests_name("l2 for IPv6", tests, NULL, NULL);
}
