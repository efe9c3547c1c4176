/* SPDX-License-Identifier: Apache-2.0 */
/* What is told: of all that is announced, and of nothing else. */
#include "pkg/l2/l2_test.h"

static const struct mac other = { { 2, 0, 0, 0, 0, 9 } };

static struct l2 *engine_on_eth0(void)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .probe_ms = 300, .grace_ms = 1000 });

	set_links(l, &eth0, 1, 0);
	return l;
}

static void claimed(struct l2 *l, const struct mac *by, uint64_t now)
{
	struct arp_message m = { ETH0,
		arp_gratuitous(ARP_REPLY, by, (struct in_addr){ htonl(0xc000020a) }) };
	struct arp_message reply;

	assert_int_equal(l2_receive_arp(l, &m, now, &reply), L2_TAKEN);
}

/* The next event but that an address is free, with its addresses: "announcing default/web 192.0.2.10"
 */
static const char *told(struct l2 *l)
{
	static const char *const names[] = { "announcing", "no-link", "free", "in-use", "conflict",
		"ended" };
	static char text[256];
	struct l2_event ev;
	char ip[ADDR_TEXT_LEN];
	int n;

	do
		if (!l2_next_event(l, &ev))
			return "";
	while (ev.what == L2_FREE);
	n = snprintf(text, sizeof(text), "%s%s %s", ev.gained ? "newly " : "", names[ev.what], ev.key);
	for (size_t i = 0; i < ev.addresses_n; i++)
		n += snprintf(
		    text + n, sizeof(text) - (size_t)n, " %s", addr_format(&ev.addresses[i], ip));
	return text;
}

static void what_is_in_use_elsewhere_is_not_told_as_announced(void **state)
{
	struct l2 *l = engine_on_eth0();

	(void)state;
	announce(l, "+default/web", "192.0.2.10 2001:db8::10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	claimed(l, &other, 2);
	assert_string_equal(told(l), "in-use +default/web 192.0.2.10");
	assert_string_equal(told(l), "");
	frames(l, 100);
	frames(l, 200);
	frames(l, 300);
	assert_string_equal(told(l), "newly announcing +default/web 2001:db8::10");
	for (uint64_t now = 60002; now <= 60302; now += 100) /* it has gone */
		frames(l, now);
	assert_string_equal(told(l), "newly announcing +default/web 192.0.2.10 2001:db8::10");
	assert_string_equal(told(l), "");
	l2_withdraw(l, "+default/web", 70000);
	l2_tick(l, 71000);
	assert_string_equal(told(l), "ended +default/web 192.0.2.10 2001:db8::10");
	l2_free(l);
}

static void what_was_in_use_elsewhere_does_not_end(void **state)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine_on_eth0();

	(void)state;
	announce(l, "+default/web", "192.0.2.10 2001:db8::10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	claimed(l, &other, 2);
	assert_string_equal(told(l), "in-use +default/web 192.0.2.10");
	for (uint64_t now = 100; now <= 300; now += 100)
		frames(l, now);
	assert_string_equal(told(l), "newly announcing +default/web 2001:db8::10");
	eth0.up = false;
	set_links(l, &eth0, 1, 400);
	assert_string_equal(told(l), "no-link +default/web 2001:db8::10");
	eth0.up = true;
	set_links(l, &eth0, 1, 500);
	assert_string_equal(told(l), "newly announcing +default/web 2001:db8::10");
	l2_withdraw(l, "+default/web", 600);
	assert_false(l2_is_probing(l));
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	l2_tick(l, 1600);
	assert_string_equal(told(l), "ended +default/web 2001:db8::10");
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void all_that_want_an_address_are_told_that_it_is_in_use(void **state)
{
	const struct mac another = { { 2, 0, 0, 0, 0, 8 } };
	struct l2 *l = engine_on_eth0();

	(void)state;
	announce(l, "+default/a", "192.0.2.10", "", 0);
	announce(l, "+default/b", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	claimed(l, &other, 2);
	assert_string_equal(told(l), "in-use +default/a 192.0.2.10");
	assert_string_equal(told(l), "in-use +default/b 192.0.2.10");
	assert_string_equal(told(l), "");
	announce(l, "+default/c", "192.0.2.10", "", 10); /* comes later */
	announce(l, "+default/b", "192.0.2.10", "eth0", 10);
	assert_string_equal(told(l), "in-use +default/c 192.0.2.10");
	assert_string_equal(told(l), "");
	claimed(l, &another, 20);
	for (int i = 0; i < 3; i++)
		assert_memory_equal(told(l), "in-use", 6);
	assert_string_equal(told(l), "");
	l2_withdraw(l, "+default/b", 30);
	l2_tick(l, 2000);
	assert_string_equal(told(l), ""); /* it never was announced */
	l2_withdraw(l, "+default/a", 3000);
	l2_withdraw(l, "+default/c", 3000);
	assert_true(l2_is_idle(l) && !l2_addresses(l, NULL, 0));
	announce(l, "+default/a", "192.0.2.10", "", 3000); /* which is probed anew */
	assert_int_equal(frames(l, 3000), 1);
	l2_free(l);
}

static void what_is_dropped_is_told_at_once_and_ends_after_its_grace(void **state)
{
	struct l2 *l = engine_on_eth0();

	(void)state;
	announce(l, "default/web", "192.0.2.10 192.0.2.11", "", 0);
	assert_string_equal(told(l), "newly announcing default/web 192.0.2.10 192.0.2.11");
	announce(l, "default/web", "192.0.2.11", "", 10);
	assert_string_equal(told(l), "announcing default/web 192.0.2.11");
	announce(l, "default/web", "192.0.2.11 192.0.2.10 192.0.2.12", "", 20);
	assert_string_equal(told(l), "newly announcing default/web 192.0.2.11 192.0.2.10 192.0.2.12");
	announce(l, "default/web", "192.0.2.12", "", 30);
	assert_string_equal(told(l), "announcing default/web 192.0.2.12");
	l2_tick(l, 1030);
	assert_string_equal(told(l), "ended default/web 192.0.2.11 192.0.2.10");
	assert_string_equal(told(l), "");
	l2_free(l);
}

static void what_never_was_announced_does_not_end(void **state)
{
	struct l2 *l = engine_on_eth0();

	(void)state;
	announce(l, "default/web", "192.0.2.10", "eth7", 0);
	assert_string_equal(told(l), "no-link default/web 192.0.2.10");
	l2_withdraw(l, "default/web", 10);
	l2_tick(l, 2000);
	assert_string_equal(told(l), "");
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void counted_as_announced_is_what_each_announces_itself(void **state)
{
	struct l2 *l = engine_on_eth0();
	struct buf out = BUF_INIT;
	struct addr at[2];

	(void)state;
	announce(l, "default/a", "192.0.2.10", "eth0", 0);
	announce(l, "default/b", "192.0.2.10 192.0.2.11", "eth7", 0);
	l2_metrics(l, NULL, "node-a", &out);
	assert_non_null(strstr(out.data, "announced{service=\"default/a\""));
	assert_null(strstr(out.data, "announced{service=\"default/b\""));
	buf_release(&out);
	assert_int_equal(l2_announced(l, at, 2), 1);
	assert_int_equal(at[0].bytes[3], 10);
	l2_withdraw(l, "default/a", 10); /* still answered */
	assert_int_equal(l2_announced(l, at, 2), 0);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_use_elsewhere_is_not_told_as_announced),
		cmocka_unit_test(what_was_in_use_elsewhere_does_not_end),
		cmocka_unit_test(all_that_want_an_address_are_told_that_it_is_in_use),
		cmocka_unit_test(what_is_dropped_is_told_at_once_and_ends_after_its_grace),
		cmocka_unit_test(what_never_was_announced_does_not_end),
		cmocka_unit_test(counted_as_announced_is_what_each_announces_itself),
	};

	return cmocka_run_group_tests_name("l2 events", tests, NULL, NULL);
}
