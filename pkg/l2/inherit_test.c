/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements that come again, changed or not, while what they had is in its grace. */
#include "pkg/l2/l2_test.h"

static void an_address_that_is_dropped_has_its_grace(void **state)
{
	struct l2 *l = announcing_10(1000);
	struct l2_event ev;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	announce(l, "default/web", "192.0.2.11", "", 100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	assert_int_equal(frames(l, 100), 2);
	assert_string_equal(happened(l), "announcing default/web");
	l2_tick(l, 1099);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_string_equal(happened(l), "");
	l2_tick(l, 1100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_GRACE);
	assert_string_equal(ev.key, "default/web");
	assert_int_equal(ev.addresses_n, 1);
	assert_int_equal(ev.addresses[0].bytes[3], 10);
	assert_false(l2_next_event(l, &ev));
	l2_free(l);
}

/* Withdrawn, and its key comes again with another address: the grace goes on. */
static void another_address_under_the_same_key_cuts_no_grace(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(3000);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	l2_withdraw(l, "default/web", 500);
	announce(l, "default/web", "192.0.2.11", "", 600);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_withdraw(l, "default/web", 700);
	l2_withdraw(l, "default/web", 800);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 900, &reply), L2_SUCCESSOR);
	l2_tick(l, 900);
	assert_string_equal(happened(l), "ended default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	l2_tick(l, 3700);
	assert_string_equal(happened(l), "ended default/web");
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void an_address_that_is_taken_back_within_its_grace_never_ended(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	announce(l, "default/web", "192.0.2.10 192.0.2.11", "", 0);
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 4);
	assert_string_equal(happened(l), "announcing default/web");
	announce(l, "default/web", "192.0.2.11", "eth0", 5000);
	announce(l, "default/web", "192.0.2.12", "eth0", 5100); /* two are in their grace */
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	for (uint64_t now = 5100; now <= 5900; now += 100)
		assert_int_equal(frames(l, now), now == 5100 ? 2 : 0);
	announce(l, "default/web", "192.0.2.12 192.0.2.11 192.0.2.10", "eth0", 5900);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 5900), 0);
	assert_int_equal(frames(l, 6200), 2); /* of .12 */
	assert_string_equal(happened(l), "");
	l2_withdraw(l, "default/web", 6300);
	l2_tick(l, 7300);
	assert_string_equal(happened(l), "ended default/web");
	assert_string_equal(happened(l), "");
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void a_dropped_address_that_another_took_over_has_ended(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	announce(l, "default/web", "192.0.2.11", "", 500);
	assert_string_equal(happened(l), "announcing default/web");
	frames(l, 500);
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive_arp(l, &m, 510, &reply), L2_SUCCESSOR);
	announce(l, "default/web", "192.0.2.11 192.0.2.10", "", 510);
	assert_string_equal(happened(l), "ended default/web");
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 510), 2);
	l2_free(l);
}

static void losing_all_addresses_is_a_withdrawal(void **state)
{
	struct l2 *l = announcing_10(1000);
	struct l2_event ev;

	(void)state;
	announce(l, "default/web", "", "", 100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_false(l2_next_event(l, &ev));
	l2_tick(l, 1100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_GRACE);
	assert_int_equal(ev.addresses_n, 1);
	assert_false(l2_next_event(l, &ev));
	l2_free(l);
}

/* As when the only endpoint of a Service goes and comes. */
static void announced_again_in_its_grace_is_no_news(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	l2_withdraw(l, "default/web", 5000);
	announce(l, "default/web", "192.0.2.10", "", 5900);
	assert_string_equal(happened(l), "");
	assert_int_equal(frames(l, 5900), 0);
	assert_int_equal(frames(l, 20000), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_flap_within_the_burst_neither_restarts_nor_repeats_it(void **state)
{
	struct l2 *l = announcing_10(1000);
	size_t sent = frames(l, 0);

	(void)state;
	for (uint64_t now = 100; now < 4000; now += 500) {
		l2_withdraw(l, "default/web", now);
		assert_int_equal(frames(l, now), 0);
		announce(l, "default/web", "192.0.2.10", "", now + 150);
		sent += frames(l, now + 150);
		sent += frames(l, now + 350);
	}
	for (uint64_t now = 4000; now < 10000; now += 100)
		sent += frames(l, now);
	assert_int_equal(sent, 10);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

/* Whatever came due during the grace is sent after it, each in its turn. */
static void bursts_that_go_on_keep_their_order(void **state)
{
	struct l2 *l = announcing_10(1000);
	struct arp_message m;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	announce(l, "default/db", "192.0.2.11", "", 500);
	assert_int_equal(frames(l, 500), 2);
	l2_withdraw(l, "default/db", 600);
	l2_withdraw(l, "default/web", 600);
	announce(l, "default/db", "192.0.2.11", "", 700);
	announce(l, "default/web", "192.0.2.10", "", 700);
	assert_int_equal(l2_deadline(l), 1100);
	l2_tick(l, 1100);
	assert_true(next_arp(l, &m) && ntohl(m.frame.packet.sender_ip.s_addr) == 0xc000020a);
	assert_int_equal(frames(l, 1100), 1);
	assert_int_equal(l2_deadline(l), 1600);
	l2_withdraw(l, "default/db", 1500);
	assert_int_equal(frames(l, 1600), 0);
	announce(l, "default/db", "192.0.2.11", "", 1700);
	assert_int_equal(frames(l, 1700), 2);
	assert_int_equal(l2_deadline(l), 2200);
	l2_free(l);
}

/* A link that came up meanwhile, or has another MAC, has heard nothing of it. */
static void what_changes_within_the_grace_is_news(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = announcing_10(1000);

	(void)state;
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	l2_withdraw(l, "default/web", 5000);
	links[0].mac.bytes[5] = 0x51;
	set_links(l, links, 2, 5100);
	assert_int_equal(frames(l, 5100), 0);
	announce(l, "default/web", "192.0.2.10", "", 5200);
	assert_int_equal(frames(l, 5200), 4);
	l2_free(l);
}

static void announced_again_after_a_successor_is_a_takeover(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH0 }, reply;

	(void)state;
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	l2_withdraw(l, "default/web", 5000);
	assert_int_equal(l2_receive_arp(l, &m, 5010, &reply), L2_SUCCESSOR);
	announce(l, "default/web", "192.0.2.10", "", 5020);
	assert_string_equal(happened(l), "ended default/web");
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 5020), 2);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_is_dropped_has_its_grace),
		cmocka_unit_test(another_address_under_the_same_key_cuts_no_grace),
		cmocka_unit_test(an_address_that_is_taken_back_within_its_grace_never_ended),
		cmocka_unit_test(a_dropped_address_that_another_took_over_has_ended),
		cmocka_unit_test(losing_all_addresses_is_a_withdrawal),
		cmocka_unit_test(announced_again_in_its_grace_is_no_news),
		cmocka_unit_test(a_flap_within_the_burst_neither_restarts_nor_repeats_it),
		cmocka_unit_test(bursts_that_go_on_keep_their_order),
		cmocka_unit_test(what_changes_within_the_grace_is_news),
		cmocka_unit_test(announced_again_after_a_successor_is_a_takeover),
	};

	return cmocka_run_group_tests_name("l2 announcements that come again", tests, NULL, NULL);
}
