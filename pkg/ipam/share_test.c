/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for an address that others share, and what wakes them. */
#include "pkg/ipam/ipam_test.h"

#define SHARED(t) AGE(t) ", " SHARE("k")
#define GIVEN(name, ip) name " -> " ip " (p); AddressAssigned; +IPAllocated"

static void who_waits_behind_others_is_not_told_again_who_is_in_the_way(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", SHARED(1), PORT(80), "");
	world_service(w, "b", SHARED(2), PORT(80), "");
	world_service(w, "c", SHARED(3), PORT(80), "");
	world_service(w, "d", SHARED(4), PORT(80), "");
	RUN(w, GIVEN("a", "192.0.2.0") "\nb; PoolExhausted; !AllocationFailed\nc; PoolExhausted; "
				       "!AllocationFailed\nd; PoolExhausted; !AllocationFailed");
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\n" GIVEN("b", "192.0.2.0") "\nc; PoolExhausted; !AllocationFailed");
	world_gone(w, "b");
	RUN(w, "b; AddressReleased\n" GIVEN("c", "192.0.2.0") "\nd; PoolExhausted; !AllocationFailed");
}

static void who_waits_for_another_port_is_left_alone(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", SHARED(1), PORT(80), "");
	world_service(w, "b", SHARED(2), PORT(81), "");
	world_service(w, "c", SHARED(3), PORT(81), "");
	world_service(w, "d", SHARED(4), PORT(80), "");
	world_run(w, false);
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\n" GIVEN("d", "192.0.2.0"));
}

static void of_two_keys_that_ask_for_one_address_the_other_learns_who_has_it(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", SHARED(1), PORT(80), "");
	world_service(w, "b", SHARED(2), PORT(81), "");
	world_service(w, "c", AGE(3) ", " SHARE("l"), PORT(82) ", loadBalancerIP: 192.0.2.0", "");
	world_service(w, "d", SHARED(4), PORT(81) ", loadBalancerIP: 192.0.2.0", "");
	world_run(w, false);
	world_gone(w, "a");
	world_run(w, true);
	assert_non_null(strstr(w->text, "c; AddressInUse: 192.0.2.0, which it asks for, is held by "
					"default/b"));
	assert_null(strstr(w->text, "d;"));
	world_gone(w, "b");
	RUN(w, "b; AddressReleased\n" GIVEN("c", "192.0.2.0") "\nd; AddressInUse; !AllocationFailed");
	world_gone(w, "c");
	RUN(w, "c; AddressReleased\n" GIVEN("d", "192.0.2.0"));
}

static void an_address_that_rests_is_shared_once_its_owner_has_it_back(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	ipam_free(w->m);
	w->m = ipam_new(&(struct ipam_options){ .reuse_delay_ms = 100 }, &e);
	assert_non_null(w->m);
	ipam_time(w->m, 1000);
	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", SHARED(1), PORT(80), "");
	world_run(w, false);
	world_gone(w, "a");
	world_service(w, "b", SHARED(2), PORT(81), "");
	RUN(w, "a; AddressReleased\nb; PoolExhausted; !AllocationFailed");
	world_service(w, "a", SHARED(1), PORT(80), "");
	RUN(w, GIVEN("a", "192.0.2.0") "\n" GIVEN("b", "192.0.2.0"));
}

static void what_still_stands_in_its_status_it_gets_before_the_older(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", OLD(1, "p"), "", "192.0.2.0");
	world_service(w, "b", OLD(3, "p"), "loadBalancerIP: 192.0.2.0", "192.0.2.0");
	world_run(w, false);
	world_service(w, "c", AGE(2), "loadBalancerIP: 192.0.2.0", "");
	RUN(w, "c; AddressInUse; !AllocationFailed");
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\nc; AddressInUse; !AllocationFailed\n" GIVEN(
		   "b", "192.0.2.0") "\nc; AddressInUse; !AllocationFailed");
}

static void a_full_pool_names_each_shared_address_once(void **state)
{
	struct world *w = *state;
	struct ipam_outcome o;
	struct err e = ERR_INIT;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "a", SHARED(1), PORT(80), "");
	world_service(w, "b", SHARED(2), PORT(81), "");
	world_service(w, "c", AGE(3) ", " SHARE("l"), PORT(81), "");
	world_run(w, false);
	world_service(w, "d", SHARED(4), PORT(81), "");
	assert_int_equal(ipam_next(w->m, &o, &e), 1);
	assert_int_equal(o.decision.considered_n, 2); /* the pool, and who is in the way */
	assert_string_equal(o.decision.considered[1].name, "default/b");
	assert_string_equal(o.decision.considered[1].code, "PortInUse");
	assert_string_equal(
	    o.decision.considered[1].message, "holds 192.0.2.0, which has port TCP/81 too");
}

static void who_gets_a_second_address_wakes_nobody_of_another_key(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31, '2001:db8::/127']");
	world_service(w, "b", SHARED(2), PORT(80), "192.0.2.0");
	world_service(w, "c", AGE(3) ", " SHARE("l"), PORT(82) ", loadBalancerIP: 192.0.2.0", "");
	RUN(w, "b -> 192.0.2.0 (p); AddressKept\nc; AddressInUse; !AllocationFailed");
	world_service(w, "a", SHARED(1), DUAL "PreferDualStack, " PORT(81), "192.0.2.0");
	RUN(w, "a -> 192.0.2.0 (p); AddressKept\na -> 192.0.2.0 2001:db8:: (p); AddressAssigned; "
	       "+IPAllocated");
}

static void of_all_keys_that_wait_the_oldest_service_is_served(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_service(w, "z", AGE(3) ", " SHARE("k"), "", "");
	world_service(w, "v", AGE(5) ", " SHARE("l"), "", "");
	world_service(w, "x", AGE(6) ", " SHARE("m"), "", "");
	world_run(w, false);
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\n" GIVEN("z", "192.0.2.0"));
	world_service(w, "w", AGE(4) ", " SHARE("o"), "", "");
	RUN(w, "w; PoolExhausted; !AllocationFailed");
	world_gone(w, "b");
	world_gone(w, "z");
	RUN(w, "b; AddressReleased\nz; AddressReleased\n" GIVEN("w", "192.0.2.0") "\n" GIVEN(
		   "v", "192.0.2.1"));
	world_gone(w, "w");
	RUN(w, "w; AddressReleased\n" GIVEN("x", "192.0.2.0"));
}

static void of_all_keys_that_wait_each_learns_that_some_of_the_pool_is_held_back(void **state)
{
	struct world *w = *state;
	struct addr a;
	struct err e = ERR_INIT;

	assert_int_equal(addr_parse(&a, "192.0.2.0", &e), 0);
	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_service(w, "c", AGE(3) ", " SHARE("k"), "", "");
	world_service(w, "d", AGE(4) ", " SHARE("l"), "", "");
	world_service(w, "e", AGE(5) ", " SHARE("m"), "", "");
	world_run(w, false);
	ipam_quarantine(w->m, "x", &a, 1, "somebody has it");
	world_gone(w, "a");
	world_gone(w, "b");
	RUN(w, "a; AddressReleased\nb; AddressReleased\n" GIVEN(
		   "c", "192.0.2.1") "\nd; PoolExhausted; !AllocationFailed\ne; PoolExhausted; "
				     "!AllocationFailed");
	assert_int_equal(ipam_next(w->m, &(struct ipam_outcome){ 0 }, &e), 0);
	ipam_quarantine(w->m, "x", NULL, 0, "");
	RUN(w, GIVEN("d", "192.0.2.0") "\ne; PoolExhausted; !AllocationFailed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(who_waits_behind_others_is_not_told_again_who_is_in_the_way),
		WORLD_TEST(who_waits_for_another_port_is_left_alone),
		WORLD_TEST(of_two_keys_that_ask_for_one_address_the_other_learns_who_has_it),
		WORLD_TEST(an_address_that_rests_is_shared_once_its_owner_has_it_back),
		WORLD_TEST(what_still_stands_in_its_status_it_gets_before_the_older),
		WORLD_TEST(a_full_pool_names_each_shared_address_once),
		WORLD_TEST(who_gets_a_second_address_wakes_nobody_of_another_key),
		WORLD_TEST(of_all_keys_that_wait_the_oldest_service_is_served),
		WORLD_TEST(of_all_keys_that_wait_each_learns_that_some_of_the_pool_is_held_back),
	};

	return cmocka_run_group_tests_name("ipam sharing", tests, NULL, NULL);
}
