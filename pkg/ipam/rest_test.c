/* SPDX-License-Identifier: Apache-2.0 */
/* Rest, sticky addresses, reservations, quarantine. */
#include "pkg/ipam/ipam_test.h"

#define SHARED AGE(9) ", " SHARE("k")
#define GIVEN(name, ip) name " -> " ip " (p); AddressAssigned; +IPAllocated"

static struct world *world_with(const struct ipam_options *o, const char *pool)
{
	struct world *w = world_new(NULL);
	struct err e = ERR_INIT;

	ipam_free(w->m);
	w->m = ipam_new(o, &e);
	assert_non_null(w->m);
	ipam_time(w->m, 1000);
	world_pool(w, "p", pool);
	return w;
}

static void release(struct world *w, const char *name)
{
	world_gone(w, name);
	world_run(w, false);
}

static void what_rested_is_given_last_and_the_longest_free_first(void **state)
{
	struct world *w =
	    world_with(&(struct ipam_options){ .reuse_delay_ms = 100 }, "addresses: [192.0.2.0/30]");

	(void)state;
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_service(w, "c", AGE(3), "", "");
	world_run(w, false);
	release(w, "b");
	ipam_time(w->m, 1050);
	release(w, "a");
	assert_int_equal(ipam_deadline(w->m), 1100);
	world_service(w, "d", AGE(4), "", "");
	RUN(w, GIVEN("d", "192.0.2.3")); /* never given before */
	world_service(w, "e", AGE(5), "", "");
	world_service(w, "f", AGE(6), "", "");
	RUN(w, "e; PoolExhausted; !AllocationFailed\nf; PoolExhausted; !AllocationFailed");
	ipam_time(w->m, 1099);
	RUN(w, "");
	ipam_time(w->m, 1100);
	RUN(w, GIVEN("e", "192.0.2.1")); /* not the lower one, which was released later */
	ipam_time(w->m, 1150);
	RUN(w, GIVEN("f", "192.0.2.0"));
	assert_true(ipam_deadline(w->m) == UINT64_MAX);
	world_free(w);
}

static void its_owner_has_it_back_at_once_but_not_for_ever(void **state)
{
	struct world *w =
	    world_with(&(struct ipam_options){ .reuse_delay_ms = 100 }, "addresses: [192.0.2.0/29]");

	(void)state;
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_run(w, false);
	release(w, "b");
	world_service(w, "c", AGE(3), "", "");
	RUN(w, GIVEN("c", "192.0.2.2"));
	world_service(w, "b", AGE(4), "", "");
	RUN(w, GIVEN("b", "192.0.2.1"));
	release(w, "b");
	ipam_time(w->m, 2000);
	world_service(w, "b", AGE(5), "", "");
	RUN(w, GIVEN("b", "192.0.2.3")); /* it is like any other now */
	world_free(w);
}

static void sticky_gives_both_addresses_back(void **state)
{
	struct world *w = world_with(
	    &(struct ipam_options){ .sticky = true }, "addresses: [192.0.2.0/30, '2001:db8::/126']");
	static const char dual[] =
	    "clusterIPs: [198.51.100.1, '2001:db8:f::1'], ipFamilyPolicy: PreferDualStack";

	(void)state;
	world_service(w, "a", AGE(1), dual, "");
	world_service(w, "b", AGE(2), dual, "");
	world_run(w, false);
	release(w, "a");
	release(w, "b");
	world_service(w, "b", AGE(3), dual, "");
	RUN(w, GIVEN("b", "192.0.2.1 2001:db8::1"));
	/* Not when its pool doesn't let it in any more. */
	release(w, "b");
	world_pool(w, "p", "addresses: [192.0.2.0/30], autoAssign: false");
	world_pool(w, "q", "addresses: [198.51.100.0/30]");
	world_service(w, "b", AGE(4), dual, "");
	RUN(w, "b -> 198.51.100.0 (q); AddressAssigned; +IPAllocated");
	world_free(w);
}

static void nothing_is_remembered_unless_asked_for(void **state)
{
	struct world *w = world_with(&(struct ipam_options){ 0 }, "addresses: [192.0.2.0/30]");

	(void)state;
	world_service(w, "a", AGE(1), "", "");
	world_service(w, "b", AGE(2), "", "");
	world_run(w, false);
	release(w, "a");
	release(w, "b");
	world_service(w, "b", AGE(3), "", "");
	RUN(w, GIVEN("b", "192.0.2.0"));
	world_free(w);
}

/* 192.0.2.0 of pool p, which has 192.0.2.1 besides. */
static void reserve_the_first(struct world *w)
{
	struct err e = ERR_INIT;
	CLEANUP(json_freep)
	struct json *pool =
	    yaml("{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: p, "
		 "namespace: lb, annotations: {lbctl.dev/reserve: 192.0.2.0}}, spec: {addresses: "
		 "[192.0.2.0/31]}}");

	config_store_put(w->store, pool);
	ipam_config(w->m, config_store_get(w->store, &e));
}

static void who_waits_is_told_what_else_keeps_addresses_from_being_given(void **state)
{
	struct world *w = world_with(&(struct ipam_options){ 0 }, "addresses: [192.0.2.0/31]");
	struct addr a = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	reserve_the_first(w);
	world_pool(w, "q", "addresses: [198.51.100.0/32], avoidBuggyIPs: true");
	assert_int_equal(addr_parse(&a, "192.0.2.1", &e), 0);
	ipam_quarantine(w->m, "announce", &a, 1, "seen at 02:00:00:00:00:01");
	world_service(w, "a", "", "", "");
	world_run(w, true);
	assert_non_null(strstr(w->text, "\"p\" (some are reserved, some held back) is full"));
	ipam_quarantine(w->m, "announce", NULL, 0, "");
	RUN(w, GIVEN("a", "192.0.2.1"));
	world_service(w, "b", "", "", "");
	world_run(w, true);
	assert_non_null(strstr(w->text, "\"p\" (some are reserved) is full"));
	world_no_pool(w, "p");
	world_service(w, "c", "", "", "");
	world_run(w, true);
	assert_non_null(strstr(w->text, "add one to \"q\" (avoidBuggyIPs excludes all)"));
	world_free(w);
}

static void reserved_and_quarantined_addresses_are_not_shared_unasked(void **state)
{
	struct world *w = world_with(&(struct ipam_options){ 0 }, "addresses: [192.0.2.0/31]");
	struct addr a;
	struct err e = ERR_INIT;

	(void)state;
	reserve_the_first(w);
	world_service(w, "a", SHARED, PORT(80) ", loadBalancerIP: 192.0.2.0", "");
	RUN(w, GIVEN("a", "192.0.2.0"));
	world_service(w, "b", SHARED, PORT(81), "");
	RUN(w, GIVEN("b", "192.0.2.1")); /* not beside a */
	assert_int_equal(addr_parse(&a, "192.0.2.1", &e), 0);
	ipam_quarantine(w->m, "announce", &a, 1, "seen at 02:00:00:00:00:01");
	RUN(w, ""); /* b keeps it */
	world_service(w, "c", SHARED, PORT(82), "");
	world_run(w, false);
	assert_non_null(strstr(w->text, "c; PoolExhausted"));
	ipam_quarantine(w->m, "announce", NULL, 0, "");
	RUN(w, GIVEN("c", "192.0.2.1"));
	world_free(w);
}

static void two_reports_of_one_address_must_both_end(void **state)
{
	struct world *w = world_with(&(struct ipam_options){ 0 }, "addresses: [192.0.2.0/32]");
	struct addr a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(addr_parse(&a, "192.0.2.0", &e), 0);
	ipam_quarantine(w->m, "one", &a, 1, "x");
	ipam_quarantine(w->m, "two", &a, 1, "y");
	world_service(w, "s", AGE(1), "", "");
	RUN(w, "s; PoolExhausted; !AllocationFailed");
	ipam_quarantine(w->m, "one", NULL, 0, "");
	RUN(w, "");
	ipam_quarantine(w->m, "two", NULL, 0, "");
	RUN(w, GIVEN("s", "192.0.2.0"));
	world_free(w);
}

/* Services that come and go with names of their own leave nothing behind that grows. */
static void memory_follows_services_not_history(void **state)
{
	struct world *w = world_with(&(struct ipam_options){ .sticky = true, .reuse_delay_ms = 1 },
	    "addresses: ['2001:db8::/64']");
	struct ipam_books b;
	unsigned last;
	char name[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		world_service(w, name, AGE(1), "clusterIPs: ['2001:db8:f::1']", "");
		world_run(w, false);
		release(w, name);
		ipam_time(w->m, 2000 + (uint64_t)i * 10);
	}
	assert_true(ipam_books(w->m, "p", ADDR_IPV6, &b));
	assert_int_equal(b.assigned, 0);
	assert_true(b.held <= 1);
	/* The first to be released were forgotten, and given again. */
	world_service(w, "last", AGE(1), "clusterIPs: ['2001:db8:f::1']", "");
	world_run(w, false);
	assert_int_equal(sscanf(w->text, "last -> 2001:db8::%x (p);", &last), 1);
	assert_true(last < 5000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rested_is_given_last_and_the_longest_free_first),
		cmocka_unit_test(its_owner_has_it_back_at_once_but_not_for_ever),
		cmocka_unit_test(sticky_gives_both_addresses_back),
		cmocka_unit_test(nothing_is_remembered_unless_asked_for),
		cmocka_unit_test(who_waits_is_told_what_else_keeps_addresses_from_being_given),
		cmocka_unit_test(reserved_and_quarantined_addresses_are_not_shared_unasked),
		cmocka_unit_test(two_reports_of_one_address_must_both_end),
		cmocka_unit_test(memory_follows_services_not_history),
	};

	return cmocka_run_group_tests_name("ipam rest", tests, NULL, NULL);
}
