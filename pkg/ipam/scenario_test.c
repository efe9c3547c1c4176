/* SPDX-License-Identifier: Apache-2.0 */
/* Histories: what changes when pools, Services and Namespaces do.  Where MetalLB's tests have the
 * scenario, the name begins with theirs. */
#include "pkg/ipam/ipam_test.h"

static void without_a_pool_it_says_so_and_nothing_else(void **state)
{
	struct world *w = *state;

	world_empty(w);
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	RUN_WORDS(w,
	    "a; NoPool: there is no pool yet: add an IPAddressPool, or address-pools to MetalLB's "
	    "ConfigMap config\n"
	    "b; NoPool: there is no pool yet: add an IPAddressPool, or address-pools to MetalLB's "
	    "ConfigMap config");
	world_pool(w, "first", "addresses: [192.0.2.10/31]");
	RUN_WORDS(w, "a -> 192.0.2.10 (first); AddressAssigned: gave 192.0.2.10 of pool \"first\"; "
		     "+IPAllocated: Assigned IP [\"192.0.2.10\"]\n"
		     "b -> 192.0.2.11 (first); AddressAssigned: gave 192.0.2.11 of pool \"first\"; "
		     "+IPAllocated: Assigned IP [\"192.0.2.11\"]");
}

static void ip_01_a_type_change_gives_the_address_to_the_next(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.1/32]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_service(w, "c", AGE(3), "", "");
	RUN_WORDS(w, "a -> 192.0.2.1 (p); AddressAssigned: gave 192.0.2.1 of pool \"p\"; +IPAllocated: "
		     "Assigned IP "
		     "[\"192.0.2.1\"]\n"
		     "b; PoolExhausted: no IPv4 address is free: \"p\" is full; add addresses to a "
		     "pool, or delete a "
		     "Service that has one; !AllocationFailed: Failed to allocate IP for "
		     "\"default/b\": no available "
		     "IPs\n"
		     "c; PoolExhausted: no IPv4 address is free: \"p\" is full; add addresses to a "
		     "pool, or delete a "
		     "Service that has one; !AllocationFailed: Failed to allocate IP for "
		     "\"default/c\": no available "
		     "IPs");
	world_service(w, "a", OLD(1, "p"), "type: ClusterIP", "192.0.2.1");
	RUN_WORDS(w,
	    "a -> (); AddressReleased: gave back 192.0.2.1, because its type is not LoadBalancer\n"
	    "b -> 192.0.2.1 (p); AddressAssigned: gave 192.0.2.1 of pool \"p\"; +IPAllocated: "
	    "Assigned IP [\"192.0.2.1\"]");
	/* The write is under way, and then it is there. */
	world_service(w, "a", OLD(1, "p"), "type: ClusterIP", "192.0.2.1");
	RUN(w, "");
	world_service(w, "a", AGE(1), "type: ClusterIP", "");
	RUN(w, "");
}

static void ip_02_a_deletion_gives_the_address_to_the_next(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.1/32]");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "c", AGE(3), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_run(w, false);
	world_gone(w, "a");
	RUN(w, "a; AddressReleased\nb -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
	world_gone(w, "c");
	RUN(w, "");
	world_gone(w, "nobody");
	RUN(w, "");
}

static void ip_03_restarts_never_change_the_assignments(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct world *w = world_new(NULL);

		world_service(w, "d", AGE(1), "", "");
		world_service(w, "c", AGE(2), "", "");
		world_service(w, "b", OLD(3, "p"), "", "192.0.2.0");
		world_service(w, "a", OLD(4, "p"), "", "192.0.2.1");
		world_pool(w, "p", "addresses: [192.0.2.0/31]");
		RUN(w, "b; AddressKept\na; AddressKept\n"
		       "d; PoolExhausted; !AllocationFailed\nc; PoolExhausted; !AllocationFailed");
		world_free(w);
	}
}

#define LOCAL(app) ", externalTrafficPolicy: Local, selector: {app: " app "}"

static void ip_04_sharing_follows_policy_and_selector(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.1/32]");
	world_service(w, "a", SHARE("k"),
	    "selector: {app: x}"
	    ", " PORT(80),
	    "");
	world_service(w, "b", SHARE("k"),
	    "selector: {app: x}"
	    ", " PORT(81),
	    "");
	RUN(w, "a -> 192.0.2.1 (p); AddressAssigned; +IPAllocated\n"
	       "b -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
	world_service(w, "b", SHARE("k"), "x: 1" LOCAL("x") ", " PORT(81), "192.0.2.1");
	RUN_WORDS(w,
	    "b -> (); PoolExhausted: no IPv4 address is free: \"p\" is full; add addresses to a "
	    "pool, or delete a Service that has one; 192.0.2.1 is not shared: it is held by "
	    "default/a, and with externalTrafficPolicy Local both must select the same Pods to share "
	    "it; gave up 192.0.2.1, because it is held by "
	    "default/a, and with externalTrafficPolicy Local both must select the same Pods to share "
	    "it; +ClearAssignment: current IP for \"default/b\" not allowed by config, will attempt "
	    "for new IP assignment: can't change sharing key for \"default/b\", address also in use "
	    "by default/a; !AllocationFailed: Failed to allocate IP for \"default/b\": no available "
	    "IPs");
	world_service(w, "a", SHARE("k"), "x: 1" LOCAL("x") ", " PORT(80), "192.0.2.1");
	RUN(w, "b -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
	world_service(w, "a", SHARE("k"), "x: 1" LOCAL("other") ", " PORT(80), "192.0.2.1");
	RUN(w, "a -> (); PoolExhausted; +ClearAssignment; !AllocationFailed");
	world_service(w, "b", SHARE("k"), "x: 1" LOCAL("other") ", " PORT(81), "192.0.2.1");
	RUN(w, "a -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
}

static void ip_05_all_pools_deleted_empties_the_ingress(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.1/32]");
	world_service(w, "a", OURS("p"), "", "192.0.2.1");
	RUN(w, "a; AddressKept");
	world_no_pool(w, "p");
	RUN_WORDS(w,
	    "a -> (); NoPool: there is no pool any more: add an IPAddressPool, or address-pools to "
	    "MetalLB's ConfigMap config; gave up 192.0.2.1, because it is in no pool; "
	    "+ClearAssignment: current IP for \"default/a\" not allowed by config, will attempt for "
	    "new IP assignment: [\"192.0.2.1\"] is not allowed in config");
}

static void ip_06_a_pool_deleted_moves_its_services(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.1/32]");
	world_pool(w, "q", "addresses: [198.51.100.0/30]");
	world_service(w, "a", OURS("p"), "", "192.0.2.1");
	RUN(w, "a; AddressKept");
	world_no_pool(w, "p");
	RUN(w, "a -> 198.51.100.0 (q); AddressAssigned; +ClearAssignment; +IPAllocated");
}

static void ip_07_to_12_pools_by_namespace_priority_and_label(void **state)
{
	struct world *w = *state;

	world_pool(w, "none", "addresses: [192.0.2.0/32]");
	world_pool(w, "prio", "addresses: [192.0.2.1/32], serviceAllocation: {priority: 9}");
	world_pool(w, "ns",
	    "addresses: [192.0.2.2/32], serviceAllocation: {priority: 5, namespaces: [red], "
	    "namespaceSelectors: [{matchLabels: {team: red}}]}");
	world_pool(w, "svc",
	    "addresses: [192.0.2.3/32], serviceAllocation: {priority: 4, serviceSelectors: "
	    "[{matchLabels: {app: web}}]}");
	world_service(w, "red/a", AGE(1), "", "");
	RUN(w, "a -> 192.0.2.2 (ns); AddressAssigned; +IPAllocated");
	world_service(w, "blue/b", AGE(2), "", "");
	RUN(w, "b -> 192.0.2.1 (prio); AddressAssigned; +IPAllocated");
	world_service(w, "blue/c", AGE(3) ", labels: {app: web}", "", "");
	RUN(w, "c -> 192.0.2.3 (svc); AddressAssigned; +IPAllocated");
	world_service(w, "blue/d", AGE(4), "", "");
	RUN(w, "d -> 192.0.2.0 (none); AddressAssigned; +IPAllocated");
	world_service(w, "blue/e", AGE(5), "", "");
	RUN_WORDS(w,
	    "e; PoolExhausted: no IPv4 address is free: \"prio\", \"none\" are full; add addresses "
	    "to a pool, or delete a Service that has one; !AllocationFailed: Failed to allocate IP "
	    "for \"blue/e\": no available IPs");
	/* IP-12: the namespace gets the label later. */
	ipam_service_gone(w->m, "red", "a");
	RUN(w, "a; AddressReleased");
	world_namespace(w, "blue", "team: red");
	RUN(w, "e -> 192.0.2.2 (ns); AddressAssigned; +IPAllocated");
	/* And loses it. */
	ipam_namespace_gone(w->m, "blue");
	RUN(w, "e -> (); PoolExhausted; +ClearAssignment; !AllocationFailed");
}

static void a_selector_that_matches_no_namespace_lets_none_in(void **state)
{
	struct world *w = *state;

	world_pool(w, "p",
	    "addresses: [192.0.2.0/32], serviceAllocation: {namespaceSelectors: "
	    "[{matchLabels: {team: red}}], serviceSelectors: [{}]}");
	world_service(w, "a", "annotations: {metallb.io/loadBalancerIPs: 192.0.2.0}", "", "");
	RUN(w, "a; PoolRefusesNamespace; !AllocationFailed");
	world_pool(w, "p",
	    "addresses: [192.0.2.0/32], serviceAllocation: {namespaceSelectors: "
	    "[{matchLabels: {kubernetes.io/metadata.name: default}}]}");
	RUN(w, "a -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
}

static void ip_13_to_15_prefer_dual_stack_takes_the_best_pool(void **state)
{
	struct world *w = *state;

	world_pool(w, "a4", "addresses: [192.0.2.0/31]");
	world_pool(w, "b6", "addresses: ['2001:db8:6::/127']");
	world_pool(w, "c", "addresses: [198.51.100.0/32, '2001:db8:c::/128']");
	world_service(w, "s1", AGE(1), DUAL "PreferDualStack", "");
	RUN(w, "s1 -> 198.51.100.0 2001:db8:c:: (c); AddressAssigned; +IPAllocated");
	world_service(w, "s2", AGE(2), DUAL "PreferDualStack", "");
	RUN(w, "s2 -> 192.0.2.0 (a4); AddressAssigned; +IPAllocated");
	world_service(w, "s2b", AGE(2),
	    "clusterIPs: ['2001:db8:f::1', 10.0.0.1], ipFamilyPolicy: PreferDualStack", "");
	RUN(w, "s2b -> 192.0.2.1 (a4); AddressAssigned; +IPAllocated");
	world_service(w, "s3", AGE(3), DUAL "PreferDualStack, ipFamilies: [IPv6, IPv4]", "");
	RUN(w, "s3 -> 2001:db8:6:: (b6); AddressAssigned; +IPAllocated");
	world_service(w, "s4", AGE(4), DUAL "RequireDualStack", "");
	RUN(w, "s4; PoolExhausted; !AllocationFailed");
}

static void ip_16_a_pool_that_grows_to_dual_adds_the_second_address(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "s", "", DUAL "PreferDualStack", "");
	RUN(w, "s -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
	world_service(w, "s", OURS("p"), DUAL "PreferDualStack", "192.0.2.0");
	RUN(w, "");
	world_pool(w, "p", "addresses: [192.0.2.0/31, '2001:db8::/128']");
	RUN_WORDS(w,
	    "s -> 192.0.2.0 2001:db8:: (p); AddressAssigned: has now 192.0.2.0 and 2001:db8:: of pool "
	    "\"p\"; +IPAllocated: Assigned additional IP [\"2001:db8::\"]");
	world_service(w, "t", "", DUAL "PreferDualStack", "");
	RUN(w, "t -> 192.0.2.1 (p); AddressAssigned; +IPAllocated");
	world_service(w, "t", OURS("p"), DUAL "PreferDualStack", "192.0.2.1");
	RUN_WORDS(w,
	    "t; SecondAddressPending: has 192.0.2.1; pool \"p\" has no free IPv6 address for the "
	    "second, which it would like; +AdditionalAssignFailed: cannot assign additional IP in "
	    "PreferDualStack: no available IPs in pool p");
	world_service(w, "t", OURS("p"), DUAL "PreferDualStack", "192.0.2.1");
	RUN(w, "");
	world_gone(w, "s");
	RUN(w, "s; AddressReleased\n"
	       "t -> 192.0.2.1 2001:db8:: (p); AddressAssigned; +IPAllocated");
}

static void ip_16_the_second_address_may_be_that_of_the_first_family(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: ['2001:db8::/128']");
	world_service(
	    w, "s", OURS("p"), DUAL "PreferDualStack, ipFamilies: [IPv4, IPv6]", "2001:db8::");
	RUN(w, "s; AddressKept");
	world_pool(w, "p", "addresses: [192.0.2.0/31, '2001:db8::/128']");
	RUN_WORDS(w,
	    "s -> 192.0.2.0 2001:db8:: (p); AddressAssigned: has now 192.0.2.0 and 2001:db8:: of pool "
	    "\"p\"; +IPAllocated: Assigned additional IP [\"192.0.2.0\"]");
}

static void ip_17_require_takes_the_single_address_away_and_prefer_gives_one_back(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "s", OURS("p"), DUAL "PreferDualStack", "192.0.2.0");
	RUN(w, "s; AddressKept");
	world_service(w, "s", OURS("p"), DUAL "RequireDualStack", "192.0.2.0");
	RUN(w, "s -> (); NoPoolForFamily; !AllocationFailed");
	world_service(w, "s", "", DUAL "RequireDualStack", "");
	RUN(w, "");
	world_service(w, "s", "", DUAL "PreferDualStack", "");
	RUN(w, "s -> 192.0.2.0 (p); AddressAssigned; +IPAllocated");
}

static void ip_18_a_dual_pool_that_appears_later_moves_nobody(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "s", OURS("p"), DUAL "PreferDualStack", "192.0.2.0");
	RUN(w, "s; AddressKept");
	world_pool(w, "a", "addresses: [198.51.100.0/31, '2001:db8::/127']");
	RUN(w, "");
}

static void ip_19_a_dual_pool_that_shrinks_moves_to_another_dual_pool(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31, '2001:db8::/127']");
	world_pool(w, "q", "addresses: [198.51.100.0/31, '2001:db8:1::/127']");
	world_service(w, "s", OURS("p"), DUAL "PreferDualStack", "192.0.2.0, 2001:db8::");
	RUN(w, "s; AddressKept");
	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	RUN(w, "s -> 198.51.100.0 2001:db8:1:: (q); AddressAssigned; +ClearAssignment; +IPAllocated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(without_a_pool_it_says_so_and_nothing_else),
		WORLD_TEST(ip_01_a_type_change_gives_the_address_to_the_next),
		WORLD_TEST(ip_02_a_deletion_gives_the_address_to_the_next),
		WORLD_TEST(ip_03_restarts_never_change_the_assignments),
		WORLD_TEST(ip_04_sharing_follows_policy_and_selector),
		WORLD_TEST(ip_05_all_pools_deleted_empties_the_ingress),
		WORLD_TEST(ip_06_a_pool_deleted_moves_its_services),
		WORLD_TEST(ip_07_to_12_pools_by_namespace_priority_and_label),
		WORLD_TEST(a_selector_that_matches_no_namespace_lets_none_in),
		WORLD_TEST(ip_13_to_15_prefer_dual_stack_takes_the_best_pool),
		WORLD_TEST(ip_16_the_second_address_may_be_that_of_the_first_family),
		WORLD_TEST(ip_16_a_pool_that_grows_to_dual_adds_the_second_address),
		WORLD_TEST(ip_17_require_takes_the_single_address_away_and_prefer_gives_one_back),
		WORLD_TEST(ip_18_a_dual_pool_that_appears_later_moves_nobody),
		WORLD_TEST(ip_19_a_dual_pool_that_shrinks_moves_to_another_dual_pool),
	};

	return cmocka_run_group_tests_name("ipam scenarios", tests, NULL, NULL);
}
