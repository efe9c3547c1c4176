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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_is_dropped_has_its_grace),
		cmocka_unit_test(another_address_under_the_same_key_cuts_no_grace),
		cmocka_unit_test(an_address_that_is_taken_back_within_its_grace_never_ended),
		cmocka_unit_test(losing_all_addresses_is_a_withdrawal),
	};

	return cmocka_run_group_tests_name("l2 announcements that come again", tests, NULL, NULL);
}
