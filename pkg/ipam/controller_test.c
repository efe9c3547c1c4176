/* SPDX-License-Identifier: Apache-2.0 */
/* The table of MetalLB's controller tests: one Service, the pools p1 to p12, what it gets.  The
 * addresses are its own, moved to 192.0.2.0/24 and 2001:db8::/32. */
#include "pkg/ipam/ipam_test.h"

/* p1 192.0.2.0/31, p2 .32 no auto, p3 2001:db8:1::/127, p4 2001:db8:2::1 no auto; p5 dual, asked only
 * by name as it comes after; ns1: p6 .60/31 prio 10, p7 .70/31 prio 11; label team=metallb: p8 prio
 * 9, p10 .100/31 prio 8; ns2: p9 .90/31 prio 0; ns1 and label: p11 prio 8, p12 .120/31 prio 5. */
static void put_pools(struct world *w)
{
	static const char *const pools[][2] = {
		{ "p1", "addresses: [192.0.2.0/31]" },
		{ "p2", "addresses: [192.0.2.32/32], autoAssign: false" },
		{ "p3", "addresses: ['2001:db8:1::/127']" },
		{ "p4", "addresses: ['2001:db8:2::1/128'], autoAssign: false" },
		{ "p5", "addresses: [192.0.2.50/31, '2001:db8:5::/127']" },
		{ "p6", "addresses: [192.0.2.60/31], serviceAllocation: {priority: 10, namespaces: "
			"[ns1]}" },
		{ "p7", "addresses: [192.0.2.70/31], serviceAllocation: {priority: 11, namespaces: "
			"[ns1]}" },
		{ "p8",
		    "addresses: [192.0.2.80/31], serviceAllocation: {priority: 9, serviceSelectors: "
		    "[{matchLabels: {team: metallb}}]}" },
		{ "p9",
		    "addresses: [192.0.2.90/31], serviceAllocation: {priority: 0, namespaces: [ns2]}" },
		{ "p10",
		    "addresses: [192.0.2.100/31], serviceAllocation: {priority: 8, serviceSelectors: "
		    "[{matchLabels: {team: metallb}}]}" },
		{ "p11",
		    "addresses: [192.0.2.110/31], serviceAllocation: {priority: 8, namespaces: [ns1], "
		    "serviceSelectors: [{matchLabels: {team: red}}]}" },
		{ "p12",
		    "addresses: [192.0.2.120/31], serviceAllocation: {priority: 5, namespaces: [ns1], "
		    "serviceSelectors: [{matchLabels: {team: red}}]}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(pools); i++)
		world_pool(w, pools[i][0], pools[i][1]);
}

#define ASK(ips) "annotations: {metallb.io/loadBalancerIPs: '" ips "'}"
#define V6 "clusterIPs: ['2001:db8:f::1']"

static const struct {
	const char *scenario;
	const char *name, *meta, *spec, *status;
	const char *want;
} rows[] = {
	{ "ClusterIP Service", "s", "", "type: ClusterIP", "", "" },
	{ "no ClusterIP", "s", "", "clusterIP: None", "", "s; NoClusterIP" },
	{ "plain LB v4", "s", "", "", "", "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	{ "plain LB v6", "s", "", V6, "", "s -> 2001:db8:1:: (p3); AddressAssigned; +IPAllocated" },
	{ "loadBalancerIP", "s", "", "loadBalancerIP: 192.0.2.1", "",
	    "s -> 192.0.2.1 (p1); AddressAssigned; +IPAllocated" },
	{ "loadBalancerIPs", "s", ASK(" 192.0.2.1 "), "", "",
	    "s -> 192.0.2.1 (p1); AddressAssigned; +IPAllocated" },
	{ "loadBalancerIPs, white space as of a YAML block", "s",
	    "annotations: {metallb.io/loadBalancerIPs: \"\\t192.0.2.1\\n\"}", "", "",
	    "s -> 192.0.2.1 (p1); AddressAssigned; +IPAllocated" },
	{ "loadBalancerIPs, old spelling", "s",
	    "annotations: {metallb.universe.tf/loadBalancerIPs: 192.0.2.1}", "", "",
	    "s -> 192.0.2.1 (p1); AddressAssigned; !deprecatedAnnotation; +IPAllocated" },
	{ "loadBalancerIPs, the new spelling wins even if empty", "s",
	    "annotations: {metallb.universe.tf/loadBalancerIPs: 192.0.2.1, metallb.io/loadBalancerIPs: "
	    "''}",
	    "", "", "s -> 192.0.2.0 (p1); AddressAssigned; !deprecatedAnnotation; +IPAllocated" },
	{ "both fields", "s", ASK("192.0.2.1"), "loadBalancerIP: 192.0.2.1", "",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "garbage IP", "s", "", "loadBalancerIP: please", "",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "garbage IP in the annotation", "s", ASK("192.0.2.1,x"), "", "",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "two v4 in the annotation", "s", ASK("192.0.2.0,192.0.2.1"), DUAL "PreferDualStack", "",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "three in the annotation", "s", ASK("192.0.2.0,2001:db8::1,2001:db8::2"), "", "",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "IP and foreign pool", "s",
	    "annotations: {metallb.io/loadBalancerIPs: 192.0.2.1, metallb.io/address-pool: p5}", "", "",
	    "s; PoolMismatch; !AllocationFailed" },
	{ "unknown pool", "s", POOL("does-not-exist"), "", "", "s; PoolUnknown; !AllocationFailed" },
	{ "infeasible IP while holding 1.2.3.1", "s", OURS("p1"), "loadBalancerIP: 203.0.113.9",
	    "192.0.2.1", "s -> (); AddressNotInPool; !AllocationFailed" },
	{ "pool p1", "s", POOL("p1"), "", "", "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	{ "switch to p2 while holding 1.2.3.0", "s",
	    "annotations: {metallb.io/address-pool: p2, metallb.io/ip-allocated-from-pool: p1}", "",
	    "192.0.2.0", "s -> 192.0.2.32 (p2); AddressAssigned; +IPAllocated" },
	{ "status IP not in any pool", "s", OURS("p1"), "", "203.0.113.9",
	    "s -> 192.0.2.0 (p1); AddressAssigned; +ClearAssignment; +IPAllocated" },
	{ "hostname and foreign IP in ingress", "s", OURS("p1"), "", "lb.example, 203.0.113.9",
	    "s -> 192.0.2.0 (p1); AddressAssigned; +ClearAssignment; +IPAllocated" },
	{ "wrong family in status", "s", OURS("p1"), "",
	    "2001:db8:1::", "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	{ "wrong family in status, v6", "s", OURS("p1"), V6, "192.0.2.0",
	    "s -> 2001:db8:1:: (p3); AddressAssigned; +IPAllocated" },
	{ "NodePort with old ingress", "s", OURS("p1"), "type: NodePort", "192.0.2.0",
	    "s -> (); AddressReleased" },
	{ "autoAssign=false IP asked explicitly", "s", ASK("192.0.2.32"), "", "",
	    "s -> 192.0.2.32 (p2); AddressAssigned; +IPAllocated" },
	{ "autoAssign=false IP asked explicitly, Local", "s", ASK("192.0.2.32"),
	    "externalTrafficPolicy: Local", "", "s -> 192.0.2.32 (p2); AddressAssigned; +IPAllocated" },
	{ "autoAssign=false pool", "s", POOL("p2"), "", "",
	    "s -> 192.0.2.32 (p2); AddressAssigned; +IPAllocated" },
	{ "v4 requested for v6 Service", "s", ASK("192.0.2.1"), V6, "",
	    "s; FamilyMismatch; !AllocationFailed" },
	{ "v6 requested for v4 Service", "s", ASK("2001:db8:1::"), "", "",
	    "s; FamilyMismatch; !AllocationFailed" },
	{ "dual and Require", "s", "", DUAL "RequireDualStack", "",
	    "s -> 192.0.2.50 2001:db8:5:: (p5); AddressAssigned; +IPAllocated" },
	{ "dual and Prefer", "s", "", DUAL "PreferDualStack", "",
	    "s -> 192.0.2.50 2001:db8:5:: (p5); AddressAssigned; +IPAllocated" },
	{ "dual, Prefer, p1", "s", POOL("p1"), DUAL "PreferDualStack", "",
	    "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	{ "dual, Require, p1", "s", POOL("p1"), DUAL "RequireDualStack", "",
	    "s; NoPoolForFamily; !AllocationFailed" },
	{ "v6-only, Prefer, p3", "s", POOL("p3"), V6 ", ipFamilyPolicy: PreferDualStack", "",
	    "s -> 2001:db8:1:: (p3); AddressAssigned; +IPAllocated" },
	{ "single clusterIP, Prefer, p5", "s", POOL("p5"), "ipFamilyPolicy: PreferDualStack", "",
	    "s -> 192.0.2.50 (p5); AddressAssigned; +IPAllocated" },
	{ "single clusterIP, Require, p5", "s", POOL("p5"), "ipFamilyPolicy: RequireDualStack", "",
	    "s; NotEnoughClusterIPs; !not enough clusterips" },
	{ "dual and loadBalancerIP", "s", "", DUAL "PreferDualStack, loadBalancerIP: 192.0.2.50", "",
	    "s; FamilyMismatch; !AllocationFailed" },
	{ "dual, one IP in the annotation", "s", ASK("192.0.2.50"), DUAL "RequireDualStack", "",
	    "s; FamilyMismatch; !AllocationFailed" },
	{ "dual, both in the annotation", "s", ASK("2001:db8:5::,192.0.2.51"), DUAL "RequireDualStack",
	    "", "s -> 2001:db8:5:: 192.0.2.51 (p5); AddressAssigned; +IPAllocated" },
	{ "dual, both in the annotation, two pools", "s", ASK("2001:db8:1::,192.0.2.51"),
	    DUAL "RequireDualStack", "", "s; AddressNotInPool; !AllocationFailed" },
	{ "both in the annotation in a single-stack cluster", "s", ASK("192.0.2.50,2001:db8:5::"), "",
	    "", "s; FamilyMismatch; !AllocationFailed" },
	{ "ns1", "ns1/s", "", "", "", "s -> 192.0.2.60 (p6); AddressAssigned; +IPAllocated" },
	{ "ns2", "ns2/s", "", "", "", "s -> 192.0.2.90 (p9); AddressAssigned; +IPAllocated" },
	{ "label", "s", "labels: {team: metallb}", "", "",
	    "s -> 192.0.2.100 (p10); AddressAssigned; +IPAllocated" },
	{ "ns1 and label", "ns1/s", "labels: {team: red}", "", "",
	    "s -> 192.0.2.120 (p12); AddressAssigned; +IPAllocated" },
	{ "three IPs in status", "s", OURS("p1"), "", "192.0.2.0, 192.0.2.1, 192.0.2.32",
	    "s; !nolbIPsIPFamily\ns -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	/* Beyond MetalLB's table. */
	{ "recorded and right", "s", OURS("p1"), "", "192.0.2.1", "s; AddressKept" },
	{ "recorded without annotation, in a pool", "s", "", "", "192.0.2.1",
	    "s -> 192.0.2.1 (p1); AddressKept" },
	{ "recorded, the pool was renamed", "s", OURS("old"), "", "192.0.2.1",
	    "s -> 192.0.2.1 (p1); AddressKept" },
	{ "recorded by another controller", "s", "", "", "203.0.113.9", "s; ForeignAddress" },
	{ "a hostname by another controller", "s", "", "", "lb.example", "s; ForeignAddress" },
	{ "hostname beside ours", "s", OURS("p1"), "", "lb.example, 192.0.2.1",
	    "s -> 192.0.2.1 (p1); AddressKept" },
	{ "a stale annotation without address", "s", OURS("p1"), "loadBalancerIP: 203.0.113.9", "",
	    "s -> (); AddressNotInPool; !AllocationFailed" },
	{ "garbage request while holding", "s", OURS("p1"), "loadBalancerIP: please", "192.0.2.1",
	    "s; RequestInvalid; !LoadBalancerFailed" },
	{ "pool of another namespace", "s", POOL("p6"), "", "", "s; NoPoolMatches; !AllocationFailed" },
	{ "address of another namespace", "s", ASK("192.0.2.60"), "", "",
	    "s; PoolRefusesNamespace; !AllocationFailed" },
	{ "address of other labels", "s", ASK("192.0.2.80"), "", "",
	    "s; PoolRefusesService; !AllocationFailed" },
	{ "recorded, but of another namespace", "s", OURS("p6"), "", "192.0.2.60",
	    "s -> 192.0.2.0 (p1); AddressAssigned; +ClearAssignment; +IPAllocated" },
	{ "a manifest without cluster IPs", "s", "", "clusterIPs: []", "",
	    "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated" },
	{ "a manifest of IPv6", "s", "", "clusterIPs: [], ipFamilies: [IPv6]", "",
	    "s -> 2001:db8:1:: (p3); AddressAssigned; +IPAllocated" },
	{ "a manifest that asks for IPv6", "s", "", "clusterIPs: [], loadBalancerIP: '2001:db8:1::1'",
	    "", "s -> 2001:db8:1::1 (p3); AddressAssigned; +IPAllocated" },
	{ "a manifest that prefers both", "s", "", "clusterIPs: [], ipFamilyPolicy: PreferDualStack",
	    "", "s -> 192.0.2.50 2001:db8:5:: (p5); AddressAssigned; +IPAllocated" },
};

static void each_service_gets_what_metallb_gives(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(NULL);
		const char *have;

		put_pools(w);
		world_service(w, rows[i].name, rows[i].meta, rows[i].spec, rows[i].status);
		have = world_run(w, false);
		if (strcmp(have, rows[i].want) != 0)
			fail_msg("%s\n  have: %s\n  want: %s", rows[i].scenario, have, rows[i].want);
		world_free(w);
	}
}

/* Whatever order objects come in before the first answer, it is the same. */
static void the_order_of_arrival_does_not_matter(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(NULL);

		world_empty(w);
		world_service(w, rows[i].name, rows[i].meta, rows[i].spec, rows[i].status);
		put_pools(w);
		assert_string_equal(world_run(w, false), rows[i].want);
		world_free(w);
	}
}

/* Once more without any change: not a word. */
static void the_same_again_says_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(NULL);

		put_pools(w);
		world_service(w, rows[i].name, rows[i].meta, rows[i].spec, rows[i].status);
		world_run(w, false);
		world_service(w, rows[i].name, rows[i].meta, rows[i].spec, rows[i].status);
		if (*world_run(w, false))
			fail_msg("%s: %s", rows[i].scenario, w->text);
		world_empty(w);
		if (*world_run(w, false))
			fail_msg("%s, configured again: %s", rows[i].scenario, w->text);
		world_free(w);
	}
}

static const struct {
	const char *flag, *class;
	bool ours;
} classes[] = {
	{ NULL, NULL, true },
	{ NULL, "a", false },
	{ "a", NULL, false },
	{ "a", "a", true },
	{ "a", "b", false },
};

static void the_class_decides_who_serves(void **state)
{
	char spec[60];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct world *w = world_new(classes[i].flag);

		put_pools(w);
		snprintf(spec, sizeof(spec), classes[i].class ? "loadBalancerClass: %s" : "%s",
		    classes[i].class ? classes[i].class : "");
		world_service(w, "s", "", spec, "");
		RUN(w, classes[i].ours ? "s -> 192.0.2.0 (p1); AddressAssigned; +IPAllocated"
				       : "s; OtherClass");
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_service_gets_what_metallb_gives),
		cmocka_unit_test(the_order_of_arrival_does_not_matter),
		cmocka_unit_test(the_same_again_says_nothing),
		cmocka_unit_test(the_class_decides_who_serves),
	};

	return cmocka_run_group_tests_name("ipam controller", tests, NULL, NULL);
}
