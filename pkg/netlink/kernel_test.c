/* SPDX-License-Identifier: Apache-2.0 */
/* Against the kernel, in a network namespace of the test's own, which needs no root: only lo is
 * there, so that is what gets addresses. */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "pkg/netlink/netlink.h"
#include "tests/addr.h"

enum { LO = 1 };

/* cmocka runs a group's setup in the same process, so the namespace holds for all. */
static int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return 0;
	printf("ok 1 - the kernel # skip no network namespace: %s\n1..1\n", strerror(errno));
	exit(0);
}

static bool has(const struct netlink_world *w, const char *text)
{
	struct addr a = address(text);

	for (size_t i = 0; i < w->addresses_n; i++)
		if (addr_equal(&w->addresses[i].addr, &a))
			return true;
	return false;
}

static void address_is_added_renewed_and_removed(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = NETLINK_WORLD_INIT;
	const struct addr a = address("192.0.2.10"), b = address("2001:db8::10");
	struct err e = ERR_INIT;

	assert_int_equal(netlink_address_set(LO, &a, 32, 20, 10, &e), 0);
	assert_int_equal(netlink_address_set(LO, &a, 32, 30, 10, &e), 0);
	assert_int_equal(netlink_address_set(LO, &b, 128, NETLINK_FOREVER, NETLINK_FOREVER, &e), 0);
	assert_int_equal(netlink_snapshot(&w, &e), 0);
	assert_true(has(&w, "192.0.2.10") && has(&w, "2001:db8::10"));
	assert_string_equal(netlink_link_by_index(&w, LO)->name, "lo");
	assert_int_equal(netlink_address_remove(LO, &a, 32, &e), 0);
	assert_int_equal(netlink_address_remove(LO, &b, 128, &e), 0);
	assert_int_equal(netlink_snapshot(&w, &e), 0);
	assert_false(has(&w, "192.0.2.10") || has(&w, "2001:db8::10"));
}

static void refusals_name_address_and_interface(void **state)
{
	(void)state;
	const struct addr a = address("192.0.2.10");
	struct err e = ERR_INIT;

	assert_int_equal(netlink_address_remove(LO, &a, 32, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "removing 192.0.2.10/32 from lo: "));
	assert_int_equal(netlink_address_set(4711, &a, 32, 20, 10, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "adding 192.0.2.10/32 to link 4711: "));
	assert_int_equal(netlink_address_set(LO, &a, 32, 0, 0, &e), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
}

static void a_short_lifetime_ends_by_itself(void **state)
{
	(void)state;
	const struct addr a = address("192.0.2.11");
	struct netlink_monitor *m;
	struct err e = ERR_INIT;
	bool changed;
	int rounds = 0;

	assert_int_equal(netlink_address_set(LO, &a, 32, 1, 1, &e), 0);
	m = netlink_monitor_new(&e);
	assert_non_null(m);
	assert_true(has(netlink_monitor_world(m), "192.0.2.11"));
	while (has(netlink_monitor_world(m), "192.0.2.11") && rounds++ < 1000) {
		struct timespec wait = { .tv_nsec = 10000000 };

		nanosleep(&wait, NULL);
		assert_int_equal(netlink_monitor_read(m, &changed, NULL, &e), 0);
	}
	assert_false(has(netlink_monitor_world(m), "192.0.2.11"));
	netlink_monitor_free(m);
}

static void route_of_an_own_address_is_local_and_others_have_none(void **state)
{
	(void)state;
	const struct addr a = address("192.0.2.12"), other = address("198.51.100.1"),
			  ipv6 = address("2001:db8::1");
	struct netlink_route r = { .ifindex = 99 };
	struct err e = ERR_INIT;

	assert_int_equal(netlink_route(&other, &r, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_string_equal(e.text, "no route to 198.51.100.1");
	assert_int_equal(netlink_route(&ipv6, &r, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_int_equal(r.ifindex, 99);
	assert_int_equal(netlink_address_set(LO, &a, 32, 20, 10, &e), 0);
	assert_int_equal(netlink_route(&a, &r, &e), 0);
	assert_true(r.local && r.ifindex == LO);
	assert_int_equal(netlink_address_remove(LO, &a, 32, &e), 0);
}

static void monitor_tells_changes_once(void **state)
{
	(void)state;
	const struct addr a = address("192.0.2.13");
	struct err e = ERR_INIT;
	struct netlink_monitor *m = netlink_monitor_new(&e);
	bool changed, resynced;

	assert_non_null(m);
	assert_true(netlink_monitor_fd(m) >= 0);
	assert_int_equal(netlink_monitor_read(m, &changed, &resynced, &e), 0);
	assert_false(changed || resynced);
	assert_int_equal(netlink_address_set(LO, &a, 32, 20, 10, &e), 0);
	assert_int_equal(netlink_monitor_read(m, &changed, &resynced, &e), 0);
	assert_true(changed && !resynced && has(netlink_monitor_world(m), "192.0.2.13"));
	assert_int_equal(netlink_address_set(LO, &a, 32, 30, 10, &e), 0); /* renewed only */
	assert_int_equal(netlink_monitor_read(m, &changed, &resynced, &e), 0);
	assert_false(changed);
	assert_int_equal(netlink_address_remove(LO, &a, 32, &e), 0);
	assert_int_equal(netlink_monitor_read(m, &changed, &resynced, &e), 0);
	assert_true(changed && !has(netlink_monitor_world(m), "192.0.2.13"));
	netlink_monitor_free(m);
}

static void a_monitor_that_lost_news_reads_the_world_anew(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct netlink_monitor *m = netlink_monitor_new(&e);
	struct addr a = address("192.0.2.0");
	bool changed, resynced;

	assert_non_null(m);
	for (int i = 0; i < 4000; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		assert_int_equal(netlink_address_set(LO, &a, 32, 60, 60, &e), 0);
	}
	assert_int_equal(netlink_monitor_read(m, &changed, &resynced, &e), 0);
	assert_true(changed && resynced);
	assert_int_equal(netlink_monitor_world(m)->addresses_n, 4000);
	netlink_monitor_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_is_added_renewed_and_removed),
		cmocka_unit_test(refusals_name_address_and_interface),
		cmocka_unit_test(a_short_lifetime_ends_by_itself),
		cmocka_unit_test(route_of_an_own_address_is_local_and_others_have_none),
		cmocka_unit_test(monitor_tells_changes_once),
		cmocka_unit_test(a_monitor_that_lost_news_reads_the_world_anew),
	};

	return cmocka_run_group_tests_name("netlink of the kernel", tests, enter_namespace, NULL);
}
