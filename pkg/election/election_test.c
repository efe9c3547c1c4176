/* SPDX-License-Identifier: Apache-2.0 */
/* The rules, one at a time.  The order of node-a, node-b, node-c is c b a for 192.0.2.10,
 * a b c for 192.0.2.7 and b a c for 2001:db8::1 (computed with Python's hashlib). */
#include "pkg/election/election_test.h"

#define LOCAL ",'externalTrafficPolicy':'Local'"
#define EXCLUDE "'node.kubernetes.io/exclude-from-external-load-balancers':''"

static void the_order_is_that_of_the_hashes(void **state)
{
	static const struct {
		const char *ip;
		const char *want;
	} cases[] = {
		{ "192.0.2.10", "web Elected node-c node-b node-a" },
		{ "192.0.2.7", "web Elected node-a node-b node-c" },
		{ "2001:db8::1", "web Elected node-b node-a node-c" },
		{ "2001:DB8:0:0::1", "web Elected node-b node-a node-c" }, /* as canonical text */
		{ "::ffff:192.0.2.7", "web Elected node-a node-b node-c" },
		/* each address by itself, in the order of the status */
		{ "192.0.2.10'},{'ip':'2001:db8::1",
		    "web Elected node-c node-b node-a\nweb Elected node-b node-a node-c" },
		{ "2001:db8::1'},{'ip':'192.0.2.10",
		    "web Elected node-b node-a node-c\nweb Elected node-c node-b node-a" },
		{ "192.0.2.10'},{'ip':'192.0.2.10", "web Elected node-c node-b node-a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_open_usual(&w, NULL);
		service(&w, "web", cases[i].ip, "", "");
		assert_string_equal(settle(&w), cases[i].want);
		world_close(&w);
	}
}

/* The rules about the Service, each breaking alone what elects otherwise. */
static void a_service_that_is_not_announced_says_the_first_reason(void **state)
{
	static const struct {
		const char *ip;
		const char *meta;
		const char *spec;
		const char *want;
	} cases[] = {
		{ "192.0.2.10", "", "", "web Elected node-c node-b node-a" },
		{ "", "", "", "web NoAddress" },
		{ "192.0.2.300", "", "", "web InvalidAddress" },
		{ "192.0.2.10'},{'hostname':'h.example", "", "", "web InvalidAddress" },
		{ "198.51.100.1", "", "", "web NotInPool" },
		{ "192.0.2.10'},{'ip':'198.51.100.1", "", "", "web NotInPool" },
		{ "192.0.2.10'},{'ip':'203.0.113.1", "", "", "web NotInPool" }, /* another pool's */
		{ "192.0.2.10", "", ",'loadBalancerClass':'example.com/other'", "" },
		{ "192.0.2.10", "", ",'type':'NodePort'", "" },
		{ "192.0.2.10", ",'annotations':{'metallb.io/allow-shared-ip':'k'}", "",
		    "web Elected node-c node-b node-a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_open_usual(&w, NULL);
		tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
		pool(&w, "q", "'203.0.113.0/24'");
		service(&w, "web", cases[i].ip, cases[i].meta, cases[i].spec);
		assert_string_equal(settle(&w), cases[i].want);
		world_close(&w);
	}
}

static void the_class_must_be_the_one_asked_for(void **state)
{
	struct election_options o = { .lb_class = "example.com/lb" };
	struct world w;

	(void)state;
	world_open_usual(&w, &o);
	assert_string_equal(settle(&w), ""); /* none */
	service(&w, "web", "192.0.2.10", "", ",'loadBalancerClass':'example.com/lb'");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	service(&w, "web", "192.0.2.10", "", ",'loadBalancerClass':'example.com/other'");
	assert_string_equal(settle(&w), "web gone");
	world_close(&w);
}

static void at_least_one_endpoint_must_be_usable(void **state)
{
	static const struct {
		const char *endpoints;
		bool elects;
	} cases[] = {
		{ "", false },
		{ "{'nodeName':'x','conditions':{'ready':false}}", false },
		{ "{'nodeName':'x','conditions':{'ready':false,'serving':true}}", true },
		{ "{'nodeName':'x','conditions':{'ready':true,'serving':false}}", true },
		{ "{'nodeName':'x'}", true },
		{ "{'addresses':['198.51.100.7']}", true }, /* a manual slice, outside the cluster */
		{ "{'conditions':{'ready':false}},{'conditions':{}}", true },
		{ "{'conditions':{}},{'conditions':{'ready':false}}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_open_usual(&w, NULL);
		tell(&w, PUT,
		    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-1',"
		    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[%s]}",
		    cases[i].endpoints);
		assert_string_equal(settle(&w),
		    cases[i].elects ? "web Elected node-c node-b node-a" : "web NoEndpoints");
		world_close(&w);
	}
}

static void an_endpoint_without_a_node_comes_and_goes(void **state)
{
	static const char slice_of[] =
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-1','labels':"
	    "{'kubernetes.io/service-name':'web'}},'endpoints':[{'conditions':{'ready':%s}}]}";
	struct world w;
	char text[500];

	(void)state;
	world_open_usual(&w, NULL);
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), slice_of, i % 2 ? "false" : "true");
		tell(&w, PUT, "%s", text);
		assert_string_equal(
		    settle(&w), i % 2 ? "web NoEndpoints" : "web Elected node-c node-b node-a");
	}
	world_close(&w);
}

static void slices_are_of_the_service_in_their_own_namespace(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	slice(&w, "web", "");
	assert_string_equal(settle(&w), "web NoEndpoints");
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'other','name':'web-1',"
	    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[{}]}");
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2'},"
	    "'endpoints':[{}]}");
	assert_string_equal(settle(&w), "");
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2',"
	    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[{}]}");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	/* It changes its owner, then loses it, then goes. */
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2',"
	    "'labels':{'kubernetes.io/service-name':'db'}},'endpoints':[{}]}");
	assert_string_equal(settle(&w), "web NoEndpoints");
	service(&w, "db", "192.0.2.7", "", "");
	assert_string_equal(settle(&w), "db Elected node-a node-b node-c");
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2'},"
	    "'endpoints':[{}]}");
	assert_string_equal(settle(&w), "db NoEndpoints");
	slice(&w, "db", "node-a");
	assert_string_equal(settle(&w), "db Elected node-a node-b node-c");
	tell(&w, REMOVE, "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'db-1'}}");
	tell(&w, REMOVE, "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'no'}}");
	assert_string_equal(settle(&w), "db NoEndpoints");
	world_close(&w);
}

/* The rules about a node, in the order in which they are asked. */
static void a_node_is_refused_by_the_first_rule(void **state)
{
	struct election_options o = { .down = { (const char *const[]){ "node-c" }, 1 } };
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	node_status(&w, "node-c", "Ready", "False");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeNotReady");
	node_status(&w, "node-c", "Ready", "Unknown");
	assert_string_equal(settle(&w), "");
	node_status(&w, "node-c", "NetworkUnavailable", "True");
	assert_string_equal(settle(&w), ""); /* still not a candidate: nothing else is told */
	node_status(&w, "node-c", "NetworkUnavailable", "False");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	node(&w, "node-c", EXCLUDE);
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeExcluded");
	node_status(&w, "node-b", "NetworkUnavailable", "True");
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:NodeNetworkUnavailable -node-c:NodeExcluded");
	node_status(&w, "node-a", "Ready", "False");
	assert_string_equal(settle(&w), "web NoCandidate -node-a:NodeNotReady "
					"-node-b:NodeNetworkUnavailable -node-c:NodeExcluded");
	tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'node-a'}}");
	assert_string_equal(settle(&w), "web NoCandidate -node-b:NodeNetworkUnavailable "
					"-node-c:NodeExcluded");
	tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'node-b'}}");
	tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'node-c'}}");
	tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'node-c'}}");
	assert_string_equal(settle(&w), "web NoCandidate");
	world_close(&w);

	world_open_usual(&w, &o);
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeDown");
	world_close(&w);
}

/* Why nobody announces is told anew when the reasons change. */
static void other_reasons_for_nobody_are_told(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'nodeSelectors':[{'matchLabels':{'zone':'c'}}]");
	node_status(&w, "node-c", "Ready", "False");
	assert_string_equal(settle(&w),
	    "web NoCandidate -node-a:NodeNotSelected -node-b:NodeNotSelected -node-c:NodeNotReady");
	node(&w, "node-c", EXCLUDE);
	assert_string_equal(settle(&w),
	    "web NoCandidate -node-a:NodeNotSelected -node-b:NodeNotSelected -node-c:NodeExcluded");
	world_close(&w);
}

static void members_tell_who_is_alive_once_there_are_any(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	node_status(&w, "node-c", "Ready", "False");
	settle(&w);
	member(&w, "node-c", true, "");
	assert_string_equal(
	    settle(&w), "web Elected node-c -node-a:NoMember -node-b:NoMember"); /* Ready or not */
	member(&w, "node-a", false, "silent");
	member(&w, "node-b", true, "");
	assert_string_equal(settle(&w), "~web Elected node-c node-b -node-a:MemberDown");
	member(&w, "node-c", false, "left");
	assert_string_equal(settle(&w), "web Elected node-b -node-a:MemberDown -node-c:MemberDown");
	member(&w, "node-x", true, ""); /* no Node */
	assert_string_equal(settle(&w), "");
	member(&w, "node-b", false, "left");
	assert_string_equal(settle(&w), "web NoCandidate -node-a:MemberDown -node-b:MemberDown "
					"-node-c:MemberDown -node-x:NodeMissing");
	tell(&w, REMOVE, "{'kind':'Member','metadata':{'name':'node-x'}}");
	tell(&w, REMOVE, "{'kind':'Member','metadata':{'name':'node-b'}}");
	assert_string_equal(
	    settle(&w), "web NoCandidate -node-a:MemberDown -node-b:NoMember -node-c:MemberDown");
	world_close(&w);
}

static void the_last_member_that_goes_does_not_bring_ready_back(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	member(&w, "node-a", true, "");
	settle(&w);
	tell(&w, REMOVE, "{'kind':'Member','metadata':{'name':'node-a'}}");
	assert_string_equal(
	    settle(&w), "web NoCandidate -node-a:NoMember -node-b:NoMember -node-c:NoMember");
	world_close(&w);

	world_open_usual(&w, NULL); /* nor does one that was never seen */
	tell(&w, REMOVE, "{'kind':'Member','metadata':{'name':'node-a'}}");
	assert_string_equal(
	    settle(&w), "web NoCandidate -node-a:NoMember -node-b:NoMember -node-c:NoMember");
	world_close(&w);
}

/* What MetalLB's own table of nodes has, row by row; its iris2 comes first. */
static void metallbs_table_of_nodes(void **state)
{
#define ON(zone) "'nodeSelectors':[{'matchLabels':{'zone':'" zone "'}}]"
	static const struct {
		const char *ads[2];
		const char *endpoints;
		bool local;
		const char *excluded[2];
		bool ignore;
		const char *want;
	} cases[] = {
		{ { ON("1") }, "iris1", false, { "", "" }, false,
		    "web Elected iris1 -iris2:NodeNotSelected" },
		{ { ON("1"), ON("2") }, "iris1", true, { "", "" }, false,
		    "web Elected iris1 -iris2:NoLocalEndpoint" },
		{ { "" }, "iris1", false, { "", "" }, false, "web Elected iris2 iris1" },
		{ { ON("1") }, "iris1 iris2", false, { "", "" }, false,
		    "web Elected iris1 -iris2:NodeNotSelected" },
		{ { ON("2") }, "iris1", true, { "", "" }, false,
		    "web NoCandidate -iris1:NodeNotSelected -iris2:NoLocalEndpoint" },
		{ { "" }, "iris1", false, { "", EXCLUDE "," }, false,
		    "web Elected iris1 -iris2:NodeExcluded" },
		{ { "" }, "iris1", false, { EXCLUDE ",", "" }, false,
		    "web Elected iris2 -iris1:NodeExcluded" },
		{ { "" }, "iris1", false, { EXCLUDE ",", EXCLUDE "," }, false,
		    "web NoCandidate -iris1:NodeExcluded -iris2:NodeExcluded" },
		{ { "" }, "iris1", true, { EXCLUDE ",", EXCLUDE "," }, true,
		    "web Elected iris1 -iris2:NoLocalEndpoint" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct election_options o = { .ignore_exclude = cases[i].ignore };
		struct world w;
		char labels[200];

		world_open(&w, &o);
		pool(&w, "p", "'10.20.30.0/24'");
		ad(&w, "one", cases[i].ads[0]);
		if (cases[i].ads[1])
			ad(&w, "two", cases[i].ads[1]);
		for (int n = 0; n < 2; n++) {
			snprintf(labels, sizeof(labels), "%s'zone':'%d'", cases[i].excluded[n], n + 1);
			node(&w, n ? "iris2" : "iris1", labels);
		}
		slice(&w, "web", cases[i].endpoints);
		service(&w, "web", "10.20.30.1", "", cases[i].local ? LOCAL : "");
		assert_string_equal(settle(&w), cases[i].want);
		world_close(&w);
	}
}

static void the_configmap_of_metallb_012_advertises_its_layer2_pools(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	tell(&w, PUT,
	    "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'namespace':'lb','name':'config'},"
	    "'data':{'config':'address-pools:\\n- name: old\\n  protocol: layer2\\n  addresses:\\n"
	    "  - 192.0.2.0/24\\n'}}");
	node(&w, "node-a", "");
	node(&w, "node-b", "");
	slice(&w, "web", "x");
	service(&w, "web", "192.0.2.10", "", "");
	assert_string_equal(settle(&w), "web Elected node-b node-a");
	world_close(&w);
}

static void without_a_pool_nothing_is_announced(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	slice(&w, "web", "x");
	service(&w, "web", "192.0.2.10", "", "");
	assert_string_equal(settle(&w), "web NotInPool");
	pool(&w, "p", "'192.0.2.0/24'");
	assert_string_equal(settle(&w), "web NoAdvertisement");
	ad(&w, "all", "");
	assert_string_equal(settle(&w), "web NoCandidate");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_that_of_the_hashes),
		cmocka_unit_test(a_service_that_is_not_announced_says_the_first_reason),
		cmocka_unit_test(the_class_must_be_the_one_asked_for),
		cmocka_unit_test(at_least_one_endpoint_must_be_usable),
		cmocka_unit_test(an_endpoint_without_a_node_comes_and_goes),
		cmocka_unit_test(slices_are_of_the_service_in_their_own_namespace),
		cmocka_unit_test(a_node_is_refused_by_the_first_rule),
		cmocka_unit_test(other_reasons_for_nobody_are_told),
		cmocka_unit_test(members_tell_who_is_alive_once_there_are_any),
		cmocka_unit_test(the_last_member_that_goes_does_not_bring_ready_back),
		cmocka_unit_test(metallbs_table_of_nodes),
		cmocka_unit_test(the_configmap_of_metallb_012_advertises_its_layer2_pools),
		cmocka_unit_test(without_a_pool_nothing_is_announced),
	};

	return cmocka_run_group_tests_name("election", tests, NULL, NULL);
}
