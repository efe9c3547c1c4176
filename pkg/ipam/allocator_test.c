/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios of MetalLB's allocator tests and of its end-to-end tests that concern a pool, each
 * named after its own; the addresses are moved to documentation ranges. */
#include "pkg/ipam/ipam_test.h"

#define ASK(ip) ", loadBalancerIP: " ip

static void books(struct world *w, const char *pool, uint8_t family, uint64_t capacity,
    uint64_t assigned, uint64_t available)
{
	struct ipam_books b;

	assert_true(ipam_books(w->m, pool, family, &b));
	assert_int_equal(b.capacity, capacity);
	assert_int_equal(b.assigned, assigned);
	assert_int_equal(b.available, available);
}

static void l2_07_and_08_a_pool_by_range_or_by_cidr(void **state)
{
	struct world *w = *state;

	world_pool(w, "range", "addresses: [192.0.2.7 - 192.0.2.8]");
	world_pool(w, "cidr", "addresses: [192.0.2.20/31], autoAssign: false");
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_service(w, "c", AGE(3) ", " POOL("cidr"), "", "");
	RUN(w, "a -> 192.0.2.7 (range); AddressAssigned; +IPAllocated\n"
	       "b -> 192.0.2.8 (range); AddressAssigned; +IPAllocated\n"
	       "c -> 192.0.2.20 (cidr); AddressAssigned; +IPAllocated");
}

static void l2_11_a_pool_asked_for_whatever_its_auto_assign(void **state)
{
	struct world *w = *state;

	world_pool(w, "a", "addresses: [192.0.2.0/31]");
	world_pool(w, "yes-auto", "addresses: [192.0.2.8/31], autoAssign: true");
	world_pool(w, "no-auto", "addresses: [192.0.2.16/31], autoAssign: false");
	world_service(w, "s", AGE(1) ", " POOL("yes-auto"), "", "");
	world_service(w, "t", AGE(2) ", " POOL("no-auto"), "", "");
	RUN(w, "s -> 192.0.2.8 (yes-auto); AddressAssigned; +IPAllocated\n"
	       "t -> 192.0.2.16 (no-auto); AddressAssigned; +IPAllocated");
}

static void l2_34_a_foreign_class_gets_nothing(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/31]");
	world_service(w, "s", "", "loadBalancerClass: example.com/other", "");
	RUN(w, "s; OtherClass");
}

static void test_auto_assign(void **state)
{
	struct world *w = *state;

	world_pool(w, "a", "addresses: [192.0.2.0/31, '2001:db8:a::/127'], autoAssign: false");
	world_pool(w, "b", "addresses: [192.0.2.8/31, '2001:db8:b::/127']");
	for (int i = 1; i <= 3; i++) {
		char name[8], meta[80];

		snprintf(name, sizeof(name), "s%d", i);
		snprintf(meta, sizeof(meta), "creationTimestamp: '2024-01-01T00:00:0%dZ'", i);
		world_service(w, name, meta, DUAL "RequireDualStack", "");
	}
	RUN(w, "s1 -> 192.0.2.8 2001:db8:b:: (b); AddressAssigned; +IPAllocated\n"
	       "s2 -> 192.0.2.9 2001:db8:b::1 (b); AddressAssigned; +IPAllocated\n"
	       "s3; PoolExhausted; !AllocationFailed");
}

static void test_buggy_ips(void **state)
{
	struct world *w = *state;
	char name[8], meta[80];

	world_pool(w, "a", "addresses: [192.0.2.0/31]");
	world_pool(w, "b", "addresses: [192.0.2.254/31]");
	world_pool(w, "c", "addresses: [198.51.100.0/31], avoidBuggyIPs: true");
	world_pool(w, "d", "addresses: [198.51.100.254/31], avoidBuggyIPs: true");
	for (int i = 1; i <= 7; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(meta, sizeof(meta), "creationTimestamp: '2024-01-01T00:00:0%dZ'", i);
		world_service(w, name, meta, "", "");
	}
	RUN(w, "s1 -> 192.0.2.0 (a); AddressAssigned; +IPAllocated\n"
	       "s2 -> 192.0.2.1 (a); AddressAssigned; +IPAllocated\n"
	       "s3 -> 192.0.2.254 (b); AddressAssigned; +IPAllocated\n"
	       "s4 -> 192.0.2.255 (b); AddressAssigned; +IPAllocated\n"
	       "s5 -> 198.51.100.1 (c); AddressAssigned; +IPAllocated\n"
	       "s6 -> 198.51.100.254 (d); AddressAssigned; +IPAllocated\n"
	       "s7; PoolExhausted; !AllocationFailed");
	world_service(w, "t", "", "clusterIP: 198.51.100.7" ASK("198.51.100.0"), "");
	RUN(w, "t; AddressAvoided; !AllocationFailed");
}

static void test_pool_count(void **state)
{
	struct world *w = *state;

	world_pool(w, "a", "addresses: [192.0.2.0/24]");
	world_pool(w, "b", "addresses: [198.51.100.0/24, 203.0.113.0/25]");
	world_pool(w, "c", "addresses: [198.18.0.0/24, 198.18.1.0/25], avoidBuggyIPs: true");
	world_pool(w, "d", "addresses: [198.18.2.0/31, '2001:db8:d::/127'], avoidBuggyIPs: true");
	world_pool(w, "e", "addresses: ['2001:db8:1::/64', '2001:db8:2::/48']");
	world_pool(w, "f", "addresses: [198.19.0.0/16], avoidBuggyIPs: true");
	books(w, "a", ADDR_IPV4, 256, 0, 256);
	books(w, "b", ADDR_IPV4, 384, 0, 384);
	books(w, "c", ADDR_IPV4, 381, 0, 381);
	books(w, "d", ADDR_IPV4, 1, 0, 1);
	books(w, "d", ADDR_IPV6, 2, 0, 2);
	books(w, "e", ADDR_IPV6, INT64_MAX, 0, INT64_MAX);
	books(w, "f", ADDR_IPV4, 65536 - 512, 0, 65536 - 512);
	assert_false(ipam_books(w->m, "none", ADDR_IPV4, &(struct ipam_books){ 0 }));
}

static void test_pool_metrics(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/30, '2001:db8::/126']");
	world_service(w, "a", AGE(1), DUAL "RequireDualStack", "");
	world_service(w, "b", AGE(2) ", " SHARE("k"), PORT(80), "");
	world_service(w, "c", AGE(3) ", " SHARE("k"), PORT(81), "");
	world_run(w, false);
	books(w, "p", ADDR_IPV4, 4, 2, 2); /* a shared address is one */
	books(w, "p", ADDR_IPV6, 4, 1, 3);
	world_gone(w, "b");
	world_run(w, false);
	books(w, "p", ADDR_IPV4, 4, 2, 2);
	world_gone(w, "c");
	world_gone(w, "a");
	world_run(w, false);
	books(w, "p", ADDR_IPV4, 4, 0, 4);
	books(w, "p", ADDR_IPV6, 4, 0, 4);
}

static const struct {
	const char *change, *before[2], *after[3], *has, *want;
} reloads[] = {
	{ "the same", { "p", "192.0.2.0/30" }, { "p", "192.0.2.0/30" }, "192.0.2.1", "" },
	{ "expand", { "p", "192.0.2.0/30" }, { "p", "192.0.2.0/24" }, "192.0.2.1", "" },
	{ "shrink around it", { "p", "192.0.2.0/24" }, { "p", "192.0.2.0/30" }, "192.0.2.1", "" },
	{ "shrink drops it", { "p", "192.0.2.0/24" }, { "p", "192.0.2.0/32" }, "192.0.2.1",
	    "s -> 192.0.2.0 (p); AddressAssigned; +ClearAssignment; +IPAllocated" },
	{ "rename", { "p", "192.0.2.0/30" }, { "q", "192.0.2.0/30" }, "192.0.2.1",
	    "s -> 192.0.2.1 (q); AddressKept" },
	{ "split", { "p", "192.0.2.0/29" }, { "p", "192.0.2.0/30", "192.0.2.4/30" }, "192.0.2.5",
	    "s -> 192.0.2.5 (more); AddressKept" },
	{ "ranges written otherwise", { "p", "192.0.2.0-192.0.2.3" }, { "p", "192.0.2.0/30" },
	    "192.0.2.3", "" },
};

static void test_config_reload(void **state)
{
	char spec[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reloads); i++) {
		struct world *w = world_new(NULL);
		struct err e = ERR_INIT;
		CLEANUP(json_freep) struct json *old = NULL;

		snprintf(spec, sizeof(spec), "addresses: [%s]", reloads[i].before[1]);
		world_pool(w, reloads[i].before[0], spec);
		world_service(w, "s", OURS("p"), "", reloads[i].has);
		RUN(w, "s; AddressKept");
		/* All of the change at once. */
		old = yaml("{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: "
			   "{name: p, namespace: lb}}");
		if (strcmp(reloads[i].after[0], "p") != 0)
			config_store_remove(w->store, old);
		snprintf(spec, sizeof(spec), "addresses: [%s]", reloads[i].after[1]);
		world_pool(w, reloads[i].after[0], spec);
		if (reloads[i].after[2]) {
			snprintf(spec, sizeof(spec), "addresses: [%s]", reloads[i].after[2]);
			world_pool(w, "more", spec);
		}
		ipam_config(w->m, config_store_get(w->store, &e));
		if (strcmp(world_run(w, false), reloads[i].want) != 0)
			fail_msg("%s: %s", reloads[i].change, w->text);
		world_free(w);
	}
}

static void test_config_reload_avoid_buggy_ips_turned_on(void **state)
{
	struct world *w = *state;

	world_pool(w, "p", "addresses: [192.0.2.0/30]");
	world_service(w, "s", OURS("p"), "", "192.0.2.0");
	RUN(w, "s; AddressKept");
	world_pool(w, "p", "addresses: [192.0.2.0/30], avoidBuggyIPs: true");
	RUN(w, "s -> 192.0.2.1 (p); AddressAssigned; +ClearAssignment; +IPAllocated");
}

/* The steps of TestAssignment: who asks for which address, sharing what, and whether it is given. */
static const struct {
	const char *name, *key, *spec;
	bool given;
} assignments[] = {
	{ "s1", NULL, PORT(80) ASK("192.0.2.1"), true },
	{ "s1", NULL, PORT(80) ASK("192.0.2.2"), true },   /* moves */
	{ "s2", NULL, PORT(80) ASK("192.0.2.2"), false },  /* can't steal */
	{ "s2", NULL, PORT(80) ASK("192.0.2.1"), true },   /* what s1 left */
	{ "s3", "k", PORT(80) ASK("192.0.2.3"), true },    /* to be shared */
	{ "s4", "k", PORT(443) ASK("192.0.2.3"), true },   /* another port */
	{ "s5", "k", PORT(80) ASK("192.0.2.3"), false },   /* the same port */
	{ "s5", "l", PORT(8080) ASK("192.0.2.3"), false }, /* another key */
	{ "s5", NULL, PORT(8080) ASK("192.0.2.3"), false },
	{ "s5", "k", PORT(8080) ", externalTrafficPolicy: Local, selector: {a: b}" ASK("192.0.2.3"),
	    false },
	{ "s5", "k", PORT(8080) ASK("192.0.2.3"), true },
	{ "s5", "k", PORT(8081) ASK("192.0.2.3"), true },  /* its own port may change */
	{ "s5", "l", PORT(8081) ASK("192.0.2.3"), false }, /* its key may not, while it shares */
	{ "s1", "m", PORT(80) ASK("192.0.2.2"), true },    /* alone, it may */
	{ "s6", "m", PORT(81) ASK("192.0.2.2"), true },
};

static void test_assignment(void **state)
{
	struct world *w = *state;
	char meta[100];

	world_pool(w, "p", "addresses: [192.0.2.0/29]");
	for (size_t i = 0; i < ARRAY_LEN(assignments); i++) {
		bool given;

		snprintf(meta, sizeof(meta), "%s%s%s",
		    assignments[i].key ? "annotations: {metallb.io/allow-shared-ip: " : "",
		    assignments[i].key ? assignments[i].key : "", assignments[i].key ? "}" : "");
		world_service(w, assignments[i].name, meta, assignments[i].spec, "");
		world_run(w, false);
		given = !strstr(w->text, "AddressInUse");
		if (given != assignments[i].given)
			fail_msg("step %zu: %s", i, w->text);
	}
}

static void test_pool_allocation(void **state)
{
	struct world *w = *state;

	world_pool(w, "no", "addresses: [198.51.100.0/24]");
	world_pool(w, "p", "addresses: [192.0.2.4/31, 192.0.2.9-192.0.2.10], autoAssign: false");
	for (char c = '1'; c <= '6'; c++) {
		char name[] = { 's', c, 0 }, meta[160];

		snprintf(
		    meta, sizeof(meta), "creationTimestamp: '2024-01-01T00:00:0%cZ', " POOL("p"), c);
		world_service(w, name, meta, "", "");
	}
	RUN(w, "s1 -> 192.0.2.4 (p); AddressAssigned; +IPAllocated\n"
	       "s2 -> 192.0.2.5 (p); AddressAssigned; +IPAllocated\n"
	       "s3 -> 192.0.2.9 (p); AddressAssigned; +IPAllocated\n"
	       "s4 -> 192.0.2.10 (p); AddressAssigned; +IPAllocated\n"
	       "s5; PoolExhausted; !AllocationFailed\ns6; PoolExhausted; !AllocationFailed");
	world_gone(w, "s3");
	RUN(w, "s3; AddressReleased\ns5 -> 192.0.2.9 (p); AddressAssigned; +IPAllocated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(l2_07_and_08_a_pool_by_range_or_by_cidr),
		WORLD_TEST(l2_11_a_pool_asked_for_whatever_its_auto_assign),
		WORLD_TEST(l2_34_a_foreign_class_gets_nothing),
		WORLD_TEST(test_auto_assign),
		WORLD_TEST(test_buggy_ips),
		WORLD_TEST(test_pool_count),
		WORLD_TEST(test_pool_metrics),
		WORLD_TEST(test_config_reload),
		WORLD_TEST(test_config_reload_avoid_buggy_ips_turned_on),
		WORLD_TEST(test_assignment),
		WORLD_TEST(test_pool_allocation),
	};

	return cmocka_run_group_tests_name("ipam allocator", tests, NULL, NULL);
}
