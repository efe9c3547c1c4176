/* SPDX-License-Identifier: Apache-2.0 */
/* Histories that go beyond MetalLB's: conflicts, wrong pools, other controllers, writes. */
#include "pkg/ipam/ipam_test.h"

/* 9.3 no. 3 of MetalLB's rough edges: no flapping. */
static void one_cluster_ip_and_prefer_never_gets_a_second_address(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31, '2001:db8::/127']");
	world_service(w, "s", "", "ipFamilyPolicy: PreferDualStack", "");
	RUN(w, "s -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	world_service(w, "s", OURS("p"), "ipFamilyPolicy: PreferDualStack", "192.0.2.0");
	RUN(w, "");
}

static void pools_are_tried_by_priority_then_name(void **state)
{
	struct world *w = *state;
	char name[8], want[80];

	world_pool(w, "e", "addresses: [192.0.2.4/32]");
	world_pool(w, "d", "addresses: [192.0.2.3/32]");
	world_pool(w, "c", "addresses: [192.0.2.2/32], serviceAllocation: {priority: 0}");
	world_pool(w, "b", "addresses: [192.0.2.1/32], serviceAllocation: {priority: 7}");
	world_pool(w, "a", "addresses: [192.0.2.5/32], serviceAllocation: {priority: 7}");
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(want, sizeof(want), "s%d -> 192.0.2.%d (%c); AddressAssigned; +IPAllocated", i,
		    "\5\1\2\3\4"[i], "abcde"[i]);
		world_service(w, name, "", "", "");
		RUN(w, want);
	}
}

static void of_two_with_one_recorded_address_the_older_keeps_it(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/30]");
	world_service(w, "a", OLD(2, "p"), "", "192.0.2.2");
	world_service(w, "b", OLD(1, "p"), "", "192.0.2.2");
	RUN_WORDS(w,
	    "b; AddressKept: keeps 192.0.2.2 of pool \"p\"\n"
	    "a -> 192.0.2.0 (p); AddressAssigned: gave 192.0.2.0 of pool \"p\"; gave up 192.0.2.2, "
	    "because "
	    "it is held by default/b, and to share it both need the same annotation "
	    "metallb.io/allow-shared-ip; +ClearAssignment: current IP for \"default/a\" not allowed "
	    "by config, will attempt for new IP assignment: can't change sharing key for "
	    "\"default/a\", address also in use by default/b; +IPAllocated: Assigned IP "
	    "[\"192.0.2.0\"]");
}

static void while_a_pool_is_wrong_addresses_in_no_pool_are_kept(void **state)
{
	struct world *w = *state;

	world_pool(w, "bad", "addresses: [nonsense]");
	world_pool(w, "good", "addresses: [192.0.2.0/30]");
	world_service(w, "a", OURS("bad"), "", "203.0.113.9");
	world_service(w, "b", "", "", "203.0.113.8");
	world_service(w, "c",
	    "annotations: {metallb.io/address-pool: bad, "
	    "metallb.io/ip-allocated-from-pool: bad}",
	    "", "203.0.113.7");
	RUN_WORDS(w,
	    "a; AddressKept: keeps 203.0.113.9, which is in no pool that is valid, but a pool is wrong "
	    "and may be its own\n"
	    "c; AddressKept: keeps 203.0.113.7, which is in no pool that is valid, but a pool is wrong "
	    "and may be its own\n"
	    "b; ForeignAddress: left alone: its status has 203.0.113.8, which is in no pool and not "
	    "marked as given from one, so another controller wrote it; empty status.loadBalancer if "
	    "it is a remnant");
	world_pool(w, "bad", "addresses: [203.0.113.8/31]");
	RUN(w, "a; AddressKept\nb -> 203.0.113.8 (bad); AddressKept\n"
	       "c -> (); PoolExhausted; +ClearAssignment; !AllocationFailed");
}

static void while_a_pool_is_wrong_what_is_asked_of_another_is_given(void **state)
{
	struct world *w = *state;
	static const char pool[] = "annotations: {metallb.io/address-pool: %s, "
				   "metallb.io/ip-allocated-from-pool: bad}";
	char ask[200];

	world_pool(w, "bad", "addresses: [nonsense]");
	world_pool(w, "good", "addresses: [192.0.2.0/30]");
	world_service(w, "a", OURS("bad"), "", "203.0.113.9");
	world_service(w, "b", OURS("bad"), "", "203.0.113.8");
	RUN(w, "a; AddressKept\nb; AddressKept");
	world_service(w, "a", OURS("bad"), "loadBalancerIP: 203.0.113.7", "203.0.113.9");
	snprintf(ask, sizeof(ask), pool, "worse");
	world_service(w, "b", ask, "", "203.0.113.8");
	RUN(w, "");
	world_service(w, "a", OURS("bad"), "loadBalancerIP: 192.0.2.1", "203.0.113.9");
	snprintf(ask, sizeof(ask), pool, "good");
	world_service(w, "b", ask, "", "203.0.113.8");
	RUN(w, "a -> 192.0.2.1 (good); AddressAssigned; +IPAllocated\n"
	       "b -> 192.0.2.0 (good); AddressAssigned; +IPAllocated");
}

/* Started again, of two that overlap another may be in force; nobody moves for that. */
static void what_a_wrong_pool_gave_is_kept_when_another_has_it(void **state)
{
	struct world *w = *state;

	world_pool(w, "p1", "addresses: [192.0.2.0/30], serviceAllocation: {namespaces: [shop]}");
	world_pool(w, "p2", "addresses: [192.0.2.0/31]");
	world_service(w, "a", OURS("p2"), "", "192.0.2.1");
	world_service(w, "b",
	    "annotations: {metallb.io/address-pool: p2, metallb.io/ip-allocated-from-pool: p2}", "",
	    "192.0.2.0");
	RUN_WORDS(w, "a; AddressKept: keeps 192.0.2.1, which pool \"p2\" gave; there is no such pool, "
		     "but one is "
		     "wrong and may be it\n"
		     "b; AddressKept: keeps 192.0.2.0, which pool \"p2\" gave; there is no such pool, "
		     "but one is "
		     "wrong and may be it");
	world_service(w, "a", OURS("p2"), "loadBalancerIP: 192.0.2.1", "192.0.2.1");
	RUN(w, "");
	world_no_pool(w, "p1");
	RUN(w, "");
	world_pool(w, "p2", "addresses: [192.0.2.0/32]");
	RUN(w, "a -> (); AddressNotInPool; +ClearAssignment; !AllocationFailed");
}

static void before_any_pool_is_known_recorded_addresses_are_kept(void **state)
{
	struct world *w = *state;

	world_empty(w);
	world_service(w, "a", OURS("p"), "", "192.0.2.9");
	world_service(w, "b", AGE(2), "", "");
	RUN_WORDS(w,
	    "a; AddressKept: keeps 192.0.2.9, which is in no pool, because there is no pool at all\n"
	    "b; NoPool: there is no pool yet: add an IPAddressPool, or address-pools to MetalLB's "
	    "ConfigMap "
	    "config");
	world_pool(w, "p", "addresses: [192.0.2.9/32]");
	RUN(w, "a; AddressKept\nb; PoolExhausted; !AllocationFailed");
}

static void an_address_asked_for_and_held_is_waited_for(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/30]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "loadBalancerIP: 192.0.2.0", "");
	world_service(w, "c", AGE(3), "loadBalancerIP: 192.0.2.0", "");
	RUN_WORDS(w,
	    "a -> 192.0.2.0 (p); AddressAssigned: gave 192.0.2.0 of pool \"p\"; +IPAllocated: Assigned "
	    "IP [\"192.0.2.0\"]\n"
	    "b; AddressInUse: 192.0.2.0, which it asks for, is held by default/a, and to share it both "
	    "need the same annotation metallb.io/allow-shared-ip; !AllocationFailed: Failed to "
	    "allocate IP for \"default/b\": can't change sharing key for \"default/b\", address also "
	    "in use by default/a\n"
	    "c; AddressInUse: 192.0.2.0, which it asks for, is held by default/a, and to share it both "
	    "need the same annotation metallb.io/allow-shared-ip; !AllocationFailed: Failed to "
	    "allocate IP for \"default/c\": can't change sharing key for \"default/c\", address also "
	    "in use by default/a");
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\nb -> 192.0.2.0 (p); AddressAssigned; +IPAllocated\n"
	       "c; AddressInUse; !AllocationFailed");
}

static void a_freed_port_wakes_who_waits_for_it(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", AGE(1) ", " SHARE("k"), "ports: [{port: 80}, {port: 443}]", "");
	world_service(w, "b", AGE(2) ", " SHARE("k"), "ports: [{port: 443}]", "");
	RUN(w,
	    "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated\nb; PoolExhausted; !AllocationFailed");
	world_service(
	    w, "a", AGE(1) ", " SHARE("k"), "ports: [{port: 80}, {port: 443, protocol: UDP}]", "");
	RUN(w, "b -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
}

static void what_other_controllers_hold_is_not_given(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "other", "", "loadBalancerClass: x", "192.0.2.0");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "loadBalancerIP: 192.0.2.0", "");
	RUN(w, "other; OtherClass\na -> 192.0.2.1 (p); AddressAssigned; +IPAllocated\n"
	       "b; AddressInUse; !AllocationFailed");
	world_service(w, "other", "", "loadBalancerClass: x", "");
	RUN(w, "b -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
}

static void a_service_that_goes_to_another_class_gives_back(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_run(w, false);
	world_service(w, "a", OLD(1, "p"), "loadBalancerClass: x", "192.0.2.0");
	RUN(w, "a -> (); AddressReleased\nb; PoolExhausted; !AllocationFailed");
	world_service(w, "a", AGE(1), "loadBalancerClass: x", "");
	RUN(w, "a; OtherClass\nb -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
}

static void a_class_lost_with_the_type_gives_back(void **state)
{
	struct world *w = world_new("x");

	(void)state;
	world_pool(w, "p", "addresses: [192.0.2.0/32]");
	world_service(w, "a", AGE(1), "loadBalancerClass: x", "");
	world_service(w, "b", AGE(2), "loadBalancerClass: x", "");
	world_run(w, false);
	world_service(w, "a", OLD(1, "p"), "type: ClusterIP", "192.0.2.0");
	RUN(w, "a -> (); AddressReleased\nb -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	world_free(w);
}

static void a_write_is_repeated_only_when_somebody_undid_it(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "a", "", "", "");
	RUN(w, "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	world_service(w, "a", "labels: {x: z}", "", ""); /* not there yet */
	RUN(w, "");
	world_service(w, "a", "", "", "192.0.2.0"); /* half of it */
	RUN(w, "");
	world_service(w, "a", OURS("p"), "", "192.0.2.0");
	RUN(w, "");
	world_service(w, "a", OURS("p"), "", "");
	RUN(w, "a -> 192.0.2.0 (p)");
	world_service(w, "a", OURS("p"), "", "192.0.2.0");
	world_service(w, "a", "", "", "192.0.2.0"); /* the annotation was removed */
	RUN(w, "a -> 192.0.2.0 (p)");
	world_service(w, "a", OURS("p"), "", "192.0.2.1"); /* another controller of our kind */
	RUN(w, "a; AddressKept");
	world_service(w, "a", OURS("p"), "", "203.0.113.1"); /* nonsense is put right */
	RUN(w, "a -> 192.0.2.1 (p)");
}

static void a_status_wanted_by_a_stage_before_counts_as_written(void **state)
{
	struct world *w = *state;
	struct arena arena = ARENA_INIT;
	struct api_service s;
	struct err e = ERR_INIT;
	CLEANUP(json_freep)
	struct json *j = yaml(
	    "{metadata: {name: a, namespace: default, " OURS("p") "}, status: {loadBalancer: "
								  "{ingress: [{ip: 192.0.2.1}]}}}");

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "a", "", "", "");
	assert_int_equal(api_service_decode(&s, j, &arena, &e), 0);
	ipam_service_status(w->m, &s);
	arena_release(&arena);
	RUN(w, "a; AddressKept");
}

static void an_unreadable_service_keeps_what_it_has(void **state)
{
	struct world *w = *state;
	struct addr recorded;
	struct err e = ERR_INIT;

	assert_int_equal(addr_parse(&recorded, "192.0.2.1", &e), 0);
	world_pool(w, "p", "addresses: [192.0.2.0/30]");
	world_service(w, "a", "", "", "");
	RUN(w, "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	ipam_service_unreadable(w->m, "default", "a", NULL, 0, "spec.ports: want a list");
	ipam_service_unreadable(w->m, "default", "x", &recorded, 1, "spec.ports: want a list");
	world_service(w, "b", "", "", "");
	RUN_WORDS(w,
	    "a; ServiceInvalid: it can't be read, and keeps what it has: spec.ports: want a list\n"
	    "x; ServiceInvalid: it can't be read, and keeps what it has: spec.ports: want a list\n"
	    "b -> 192.0.2.2 (p); AddressAssigned: gave 192.0.2.2 of pool \"p\"; +IPAllocated: "
	    "Assigned IP [\"192.0.2.2\"]");
	world_service(w, "a", OURS("p"), "", "192.0.2.0");
	world_service(w, "x", OURS("p"), "", "192.0.2.1");
	RUN(w, "a; AddressKept\nx; AddressKept");
	ipam_service_unreadable(w->m, "default", "y", &recorded, 1, "again");
	RUN(w, "y; ServiceInvalid");
	world_gone(w, "y");
	RUN(w, "");
}

static void a_service_made_again_unseen_is_another(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/30]");
	world_service(w, "z", "uid: u0", "", "");
	world_service(w, "a", "uid: u1", "", "");
	RUN(w, "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated\n"
	       "z -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
	world_service(w, "a", "uid: u2", "", "");
	RUN(w, "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	world_gone(w, "z");
	world_service(w, "z", "uid: u3", "", "");
	RUN(w, "z -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(one_cluster_ip_and_prefer_never_gets_a_second_address),
		WORLD_TEST(pools_are_tried_by_priority_then_name),
		WORLD_TEST(of_two_with_one_recorded_address_the_older_keeps_it),
		WORLD_TEST(while_a_pool_is_wrong_addresses_in_no_pool_are_kept),
		WORLD_TEST(while_a_pool_is_wrong_what_is_asked_of_another_is_given),
		WORLD_TEST(what_a_wrong_pool_gave_is_kept_when_another_has_it),
		WORLD_TEST(before_any_pool_is_known_recorded_addresses_are_kept),
		WORLD_TEST(an_address_asked_for_and_held_is_waited_for),
		WORLD_TEST(a_freed_port_wakes_who_waits_for_it),
		WORLD_TEST(what_other_controllers_hold_is_not_given),
		WORLD_TEST(a_service_that_goes_to_another_class_gives_back),
		WORLD_TEST(a_class_lost_with_the_type_gives_back),
		WORLD_TEST(a_write_is_repeated_only_when_somebody_undid_it),
		WORLD_TEST(a_status_wanted_by_a_stage_before_counts_as_written),
		WORLD_TEST(an_unreadable_service_keeps_what_it_has),
		WORLD_TEST(a_service_made_again_unseen_is_another),
	};

	return cmocka_run_group_tests_name("ipam histories", tests, NULL, NULL);
}
