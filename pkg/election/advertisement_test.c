/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of L2Advertisements: whom they are for, interfaces, preferences. */
#include "pkg/election/election_test.h"

#define LOCAL ",'externalTrafficPolicy':'Local'"

static void advertisements_say_for_which_pools_services_and_nodes(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	ad(&w, "all", "'ipAddressPools':['q']");
	assert_string_equal(settle(&w), "web NoAdvertisement");
	ad(&w, "all", "'ipAddressPools':['q','p']");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	ad(&w, "all", "'serviceSelectors':[{'matchLabels':{'app':'web'}}]");
	assert_string_equal(settle(&w), "web NoAdvertisement");
	service(&w, "web", "192.0.2.10", ",'labels':{'app':'web'}", "");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	ad(&w, "all", "'nodeSelectors':[{'matchLabels':{'zone':'a'}},{'matchLabels':{'zone':'b'}}]");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeNotSelected");
	/* Of two advertisements either may select a node, if it is for the Service. */
	ad(&w, "more", "'nodeSelectors':[{'matchLabels':{'zone':'c'}}]");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	ad(&w, "more",
	    "'nodeSelectors':[{'matchLabels':{'zone':'c'}}],"
	    "'serviceSelectors':[{'matchLabels':{'app':'db'}}]");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeNotSelected");
	tell(&w, REMOVE,
	    "{'kind':'L2Advertisement','apiVersion':'metallb.io/v1beta1',"
	    "'metadata':{'namespace':'lb','name':'all'}}");
	assert_string_equal(settle(&w), "web NoAdvertisement");
	world_close(&w);
}

static void a_shared_address_and_service_selectors_exclude_each_other(void **state)
{
	static const char *const annotations[] = { "metallb.io/allow-shared-ip':'k",
		"metallb.universe.tf/allow-shared-ip':'k", "metallb.io/allow-shared-ip':'" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(annotations); i++) {
		struct world w;
		char meta[200];

		snprintf(
		    meta, sizeof(meta), ",'labels':{'app':'web'},'annotations':{'%s'}", annotations[i]);
		world_open_usual(&w, NULL);
		service(&w, "web", "192.0.2.10", meta, "");
		ad(&w, "more", "'serviceSelectors':[{'matchLabels':{'app':'db'}}]");
		assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
		ad(&w, "more", "'serviceSelectors':[{'matchLabels':{'app':'web'}}]");
		assert_string_equal(settle(&w), "web SharedAddressWithSelectors");
		world_close(&w);
	}
}

static void interfaces_are_the_union_of_the_winners_advertisements(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'interfaces':['eth1','eth0']");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a eth0 eth1");
	ad(&w, "more", "'interfaces':['eth0','bond0'],'nodeSelectors':[{'matchLabels':{'zone':'c'}}]");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a bond0 eth0 eth1");
	/* of another node, or of another Service: not counted */
	ad(&w, "more", "'interfaces':['bond0'],'nodeSelectors':[{'matchLabels':{'zone':'b'}}]");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a eth0 eth1");
	ad(&w, "more", "'nodeSelectors':[{'matchLabels':{'zone':'b'}}]");
	assert_string_equal(settle(&w), "");
	ad(&w, "more", "");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a");
	world_close(&w);
}

static void preferences_come_before_the_hash(void **state)
{
#define PREFER(zone, weight) "{'weight':" weight ",'preference':{'matchLabels':{'zone':'" zone "'}}}"
	static const struct {
		const char *one;
		const char *two;
		const char *want;
	} cases[] = {
		{ "'preferredNodeSelectors':[" PREFER("a", "1") "]", NULL,
		    "web Elected node-a node-c node-b" },
		{ "'preferredNodeSelectors':[" PREFER("a", "1") "," PREFER("b", "2") "]", NULL,
		    "web Elected node-b node-a node-c" },
		/* no node matches: as without */
		{ "'preferredNodeSelectors':[" PREFER("x", "100") "]", NULL,
		    "web Elected node-c node-b node-a" },
		/* an empty preference matches every node */
		{ "'preferredNodeSelectors':[{'weight':7,'preference':{}}]", NULL,
		    "web Elected node-c node-b node-a" },
		/* weights add up, over the terms and over the advertisements */
		{ "'preferredNodeSelectors':[" PREFER("a", "2") "," PREFER("b", "3") "," PREFER(
		      "a", "2") "]",
		    NULL, "web Elected node-a node-b node-c" },
		{ "'preferredNodeSelectors':[" PREFER("a", "2") "," PREFER("b", "3") "]",
		    "'preferredNodeSelectors':[" PREFER("a", "2") "]",
		    "web Elected node-a node-b node-c" },
		/* only among the nodes that the same advertisement selects */
		{ "'nodeSelectors':[{'matchLabels':{'zone':'b'}}],"
		  "'preferredNodeSelectors':[" PREFER("a", "9") "]",
		    "", "web Elected node-c node-b node-a" },
		{ "'nodeSelectors':[{'matchLabels':{'zone':'b'}}],"
		  "'preferredNodeSelectors':[" PREFER("a", "9") "]",
		    NULL, "web Elected node-b -node-a:NodeNotSelected -node-c:NodeNotSelected" },
		/* and only of the advertisements that are for the Service */
		{ "",
		    "'serviceSelectors':[{'matchLabels':{'app':'db'}}],"
		    "'preferredNodeSelectors':[" PREFER("a", "9") "]",
		    "web Elected node-c node-b node-a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_open_usual(&w, NULL);
		ad(&w, "all", cases[i].one);
		if (cases[i].two)
			ad(&w, "two", cases[i].two);
		assert_string_equal(settle(&w), cases[i].want);
		world_close(&w);
	}
}

static void a_preferred_node_without_a_local_endpoint_is_out(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("a", "9") "]");
	slice(&w, "web", "node-b node-c");
	service(&w, "web", "192.0.2.10", "", LOCAL);
	assert_string_equal(settle(&w), "web Elected node-c node-b -node-a:NoLocalEndpoint");
	slice(&w, "web", "node-b");
	assert_string_equal(
	    settle(&w), "web Elected node-b -node-a:NoLocalEndpoint -node-c:NoLocalEndpoint");
	/* A second slice counts as well as the first. */
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2',"
	    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[{'nodeName':'node-a'},"
	    "{'nodeName':'node-a'},{'nodeName':'node-c','conditions':{'ready':false}}]}");
	assert_string_equal(settle(&w), "web Elected node-a node-b -node-c:NoLocalEndpoint");
	slice(&w, "web", "");
	tell(&w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-2',"
	    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[{'addresses':['x']}]}");
	assert_string_equal(settle(&w), "web NoCandidate -node-a:NoLocalEndpoint "
					"-node-b:NoLocalEndpoint -node-c:NoLocalEndpoint");
	world_close(&w);
}

static void links(struct world *w, const char *node, const char *zone, const char *links)
{
	tell(w, PUT,
	    "{'kind':'Node','metadata':{'name':'%s','labels':{'zone':'%s'},'annotations':"
	    "{'lbctl.dev/links':'%s'}},'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
	    node, zone, links);
}

/* L2-27, L2-29: in MetalLB such a node may win, and then nobody answers. */
static void a_node_without_the_interface_is_no_candidate(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'interfaces':['eth1']");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a eth1"); /* nothing is said */
	links(&w, "node-c", "c", "eth0,eth10,eth");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeWithoutInterface eth1");
	links(&w, "node-b", "b", "");
	assert_string_equal(settle(&w), "web Elected node-a -node-b:NodeWithoutInterface "
					"-node-c:NodeWithoutInterface eth1");
	links(&w, "node-c", "c", "eth0,eth1");
	assert_string_equal(settle(&w), "web Elected node-c node-a -node-b:NodeWithoutInterface eth1");
	/* an advertisement without interfaces is for any, but one must be up */
	ad(&w, "all", "");
	assert_string_equal(settle(&w), "~web Elected node-c node-a -node-b:NodeWithoutInterface");
	links(&w, "node-b", "b", "lan0");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a");
	/* selected by one for an interface that it hasn't, and by one for an interface that it has */
	ad(&w, "all", "'interfaces':['eth1']");
	ad(&w, "more", "'interfaces':['lan0'],'nodeSelectors':[{'matchLabels':{'zone':'b'}}]");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a eth1");
	ad(&w, "all", "'interfaces':['no'],'nodeSelectors':[{'matchLabels':{'zone':'b'}}]");
	assert_string_equal(
	    settle(&w), "web Elected node-b -node-a:NodeNotSelected -node-c:NodeNotSelected lan0");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advertisements_say_for_which_pools_services_and_nodes),
		cmocka_unit_test(a_shared_address_and_service_selectors_exclude_each_other),
		cmocka_unit_test(interfaces_are_the_union_of_the_winners_advertisements),
		cmocka_unit_test(preferences_come_before_the_hash),
		cmocka_unit_test(a_preferred_node_without_a_local_endpoint_is_out),
		cmocka_unit_test(a_node_without_the_interface_is_no_candidate),
	};

	return cmocka_run_group_tests_name("election advertisement", tests, NULL, NULL);
}
