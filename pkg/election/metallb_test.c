/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios of MetalLB's own tests that an election decides, each named after what it shows
 * there.  The order of node-a, node-b, node-c is c b a for 192.0.2.10 and a b c for 192.0.2.7. */
#include "pkg/election/election_test.h"

#define LOCAL ",'externalTrafficPolicy':'Local'"
#define SHARED ",'annotations':{'metallb.io/allow-shared-ip':'k'}"
#define EXCLUDE "'node.kubernetes.io/exclude-from-external-load-balancers':''"
#define ZONE(z) "[{'matchLabels':{'zone':'" z "'}}]"
#define PREFER(z, weight) "{'weight':" weight ",'preference':{'matchLabels':{'zone':'" z "'}}}"
#define ALL "web Elected node-c node-b node-a"

static void an_endpoint_that_moves_moves_the_leader(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", "192.0.2.10", "", LOCAL);
	slice(&w, "web", "node-a");
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:NoLocalEndpoint -node-c:NoLocalEndpoint");
	slice(&w, "web", "node-b");
	assert_string_equal(
	    settle(&w), "web Elected node-b -node-a:NoLocalEndpoint -node-c:NoLocalEndpoint");
	world_close(&w);
}

static void a_leader_without_network_is_left_and_returned_to(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	assert_string_equal(settle(&w), ALL);
	node_status(&w, "node-c", "NetworkUnavailable", "True");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeNetworkUnavailable");
	node_status(&w, "node-c", "NetworkUnavailable", "False");
	assert_string_equal(settle(&w), ALL);
	world_close(&w);
}

static void a_leader_that_is_excluded_by_label_is_left_and_returned_to(void **state)
{
	struct election_options ignore = { .ignore_exclude = true };
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	node(&w, "node-c", EXCLUDE);
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeExcluded");
	node(&w, "node-c", "");
	assert_string_equal(settle(&w), ALL);
	world_close(&w);
	world_open_usual(&w, &ignore);
	node(&w, "node-c", EXCLUDE);
	assert_string_equal(settle(&w), ALL);
	world_close(&w);
}

static void services_that_share_an_ip_have_one_announcer(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", "192.0.2.10", SHARED, "");
	slice(&w, "dns", "node-a");
	service(&w, "dns", "192.0.2.10", SHARED, "");
	assert_string_equal(settle(&w), "dns Elected node-c node-b node-a\n" ALL);
	world_close(&w);
}

static void node_selectors_are_a_hard_filter(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'nodeSelectors':" ZONE("a"));
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:NodeNotSelected -node-c:NodeNotSelected");
	/* several, each for a Service of its own */
	ad(&w, "all", "'nodeSelectors':" ZONE("a") ",'serviceSelectors':[{'matchLabels':{'app':'x'}}]");
	ad(&w, "two", "'nodeSelectors':" ZONE("b") ",'serviceSelectors':[{'matchLabels':{'app':'y'}}]");
	service(&w, "web", "192.0.2.10", ",'labels':{'app':'x'}", "");
	slice(&w, "db", "node-c");
	service(&w, "db", "192.0.2.7", ",'labels':{'app':'y'}", "");
	assert_string_equal(
	    settle(&w), "db Elected node-b -node-a:NodeNotSelected -node-c:NodeNotSelected");
	world_close(&w);
}

static void a_selector_that_matches_no_node_waits_for_a_label(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'nodeSelectors':" ZONE("later"));
	assert_string_equal(settle(&w), "web NoCandidate -node-a:NodeNotSelected "
					"-node-b:NodeNotSelected -node-c:NodeNotSelected");
	node(&w, "node-a", "'zone':'later'");
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:NodeNotSelected -node-c:NodeNotSelected");
	world_close(&w);
}

static void a_preferred_node_wins_until_its_label_goes(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("a", "10") "]");
	assert_string_equal(settle(&w), "web Elected node-a node-c node-b");
	node(&w, "node-a", "");
	assert_string_equal(settle(&w), ALL);
	/* no node matches: as without */
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("none", "10") "]");
	assert_string_equal(settle(&w), "");
	world_close(&w);
}

static void a_preferred_node_that_was_gone_takes_it_back(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("a", "10") "]");
	member(&w, "node-a", true, "");
	member(&w, "node-b", true, "");
	member(&w, "node-c", true, "");
	assert_string_equal(settle(&w), "web Elected node-a node-c node-b");
	member(&w, "node-a", false, "gone");
	assert_string_equal(settle(&w), "web Elected node-c node-b -node-a:MemberDown");
	member(&w, "node-a", true, "");
	assert_string_equal(settle(&w), "web Elected node-a node-c node-b");
	/* an advertisement that is edited elects anew */
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("b", "10") "]");
	assert_string_equal(settle(&w), "web Elected node-b node-c node-a");
	world_close(&w);
}

static void a_preference_only_orders_what_the_node_selectors_allow(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all",
	    "'nodeSelectors':[{'matchExpressions':[{'key':'zone','operator':'In','values':['a','b']}]}]"
	    ","
	    "'preferredNodeSelectors':[" PREFER("a", "1") "," PREFER("c", "100") "]");
	assert_string_equal(settle(&w), "web Elected node-a node-b -node-c:NodeNotSelected");
	/* disjoint: the selected announces */
	ad(&w, "all",
	    "'nodeSelectors':" ZONE("b") ",'preferredNodeSelectors':[" PREFER("c", "100") "]");
	assert_string_equal(
	    settle(&w), "web Elected node-b -node-a:NodeNotSelected -node-c:NodeNotSelected");
	world_close(&w);
}

static void weights_of_two_advertisements_sum_where_they_select_the_service(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("a", "60") "," PREFER("b", "50") "]");
	ad(&w, "two", "'preferredNodeSelectors':[" PREFER("b", "20") "]");
	assert_string_equal(settle(&w), "web Elected node-b node-a node-c");
	ad(&w, "two",
	    "'serviceSelectors':[{'matchLabels':{'app':'other'}}],"
	    "'preferredNodeSelectors':[" PREFER("b", "20") "]");
	assert_string_equal(settle(&w), "web Elected node-a node-b node-c");
	world_close(&w);
}

static void a_preferred_node_without_an_endpoint_is_passed_over(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'preferredNodeSelectors':[" PREFER("a", "10") "]");
	service(&w, "web", "192.0.2.10", "", LOCAL);
	slice(&w, "web", "node-b node-c");
	assert_string_equal(settle(&w), "web Elected node-c node-b -node-a:NoLocalEndpoint");
	world_close(&w);
}

static void a_speaker_that_can_run_no_more_is_replaced_and_returned_to(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	member(&w, "node-a", true, "");
	member(&w, "node-b", true, "");
	member(&w, "node-c", true, "");
	settle(&w);
	tell(&w, REMOVE, "{'kind':'Member','metadata':{'name':'node-c'}}");
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NoMember");
	member(&w, "node-c", true, "");
	assert_string_equal(settle(&w), ALL);
	world_close(&w);
}

static void interfaces_of_two_advertisements_are_joined_and_any_is_any(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'interfaces':['eth0']");
	ad(&w, "two", "'interfaces':['eth1']");
	assert_string_equal(settle(&w), ALL " eth0 eth1");
	ad(&w, "two", "");
	assert_string_equal(settle(&w), "~" ALL);
	world_close(&w);
}

static void an_interface_goes_with_its_node_selector(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'interfaces':['eth0'],'nodeSelectors':" ZONE("a"));
	ad(&w, "two", "'interfaces':['eth1'],'nodeSelectors':" ZONE("b"));
	assert_string_equal(settle(&w), "web Elected node-b node-a -node-c:NodeNotSelected eth1");
	member(&w, "node-a", true, "");
	assert_string_equal(settle(&w), "web Elected node-a -node-b:NoMember -node-c:NoMember eth0");
	world_close(&w);
}

static void service_selectors_are_ored_and_two_that_match_have_one_announcer(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	ad(&w, "all", "'serviceSelectors':[{'matchLabels':{'app':'x'}},{'matchLabels':{'app':'y'}}]");
	assert_string_equal(settle(&w), "web NoAdvertisement");
	service(&w, "web", "192.0.2.10", ",'labels':{'app':'y'}", "");
	assert_string_equal(settle(&w), ALL);
	ad(&w, "two", "'serviceSelectors':[{'matchLabels':{'app':'y'}}]");
	assert_string_equal(settle(&w), "");
	/* one for the Service and not its node, one the other way round: nobody */
	ad(&w, "all", "'serviceSelectors':[{'matchLabels':{'app':'y'}}],'nodeSelectors':" ZONE("z"));
	ad(&w, "two", "'serviceSelectors':[{'matchLabels':{'app':'x'}}]");
	assert_string_equal(settle(&w), "web NoCandidate -node-a:NodeNotSelected "
					"-node-b:NodeNotSelected -node-c:NodeNotSelected");
	world_close(&w);
}

static void a_shared_ip_under_service_selectors_is_announced_by_nobody(void **state)
{
	static const char *const spellings[] = { "metallb.io", "metallb.universe.tf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		struct world w;
		char meta[200];

		world_open_usual(&w, NULL);
		ad(&w, "two", "'serviceSelectors':[{'matchLabels':{'app':'y'}}]");
		snprintf(meta, sizeof(meta),
		    ",'labels':{'app':'y'},'annotations':{'%s/allow-shared-ip':'k'}", spellings[i]);
		service(&w, "web", "192.0.2.10", meta, "");
		assert_string_equal(settle(&w), "web SharedAddressWithSelectors");
		world_close(&w);
	}
}

/* All nodes see the same, whichever advertisement covers which. */
static void mixed_advertisements_do_not_split_the_brain(void **state)
{
	static const char *const nodes[] = { "node-a", "node-b", "node-c" };
	int winners = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		struct election_options o = { .self = nodes[i] };
		struct world w;
		char want[50];

		world_open_usual(&w, &o);
		ad(&w, "all", "'nodeSelectors':" ZONE("a"));
		ad(&w, "two",
		    "'nodeSelectors':[{'matchLabels':{'zone':'b'}},{'matchLabels':{'zone':'a'}}]");
		snprintf(want, sizeof(want), "web Elected %s ", nodes[i]);
		winners += strstr(settle(&w), want) != NULL;
		world_close(&w);
	}
	assert_int_equal(winners, 1);
}

static void without_the_leaders_one_after_the_other_the_next_takes_over(void **state)
{
	static const char *const want[] = { "web Elected node-b node-a -node-c:NodeMissing",
		"web Elected node-a -node-b:NodeMissing -node-c:NodeMissing",
		"web NoCandidate -node-a:NodeMissing -node-b:NodeMissing -node-c:NodeMissing" };
	static const char *const order[] = { "node-c", "node-b", "node-a" };
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		member(&w, order[i], true, "");
	assert_string_equal(settle(&w), ALL);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'%s'}}", order[i]);
		assert_string_equal(settle(&w), want[i]);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_that_moves_moves_the_leader),          /* L2-03 */
		cmocka_unit_test(a_leader_without_network_is_left_and_returned_to), /* L2-05 */
		cmocka_unit_test(
		    a_leader_that_is_excluded_by_label_is_left_and_returned_to),     /* L2-06 */
		cmocka_unit_test(services_that_share_an_ip_have_one_announcer),      /* L2-09 */
		cmocka_unit_test(node_selectors_are_a_hard_filter),                  /* L2-12, 13 */
		cmocka_unit_test(a_selector_that_matches_no_node_waits_for_a_label), /* L2-14 */
		cmocka_unit_test(a_preferred_node_wins_until_its_label_goes),        /* L2-15, 16 */
		cmocka_unit_test(a_preferred_node_that_was_gone_takes_it_back),      /* L2-17, 18 */
		cmocka_unit_test(
		    a_preference_only_orders_what_the_node_selectors_allow), /* L2-19, 20 */
		cmocka_unit_test(
		    weights_of_two_advertisements_sum_where_they_select_the_service), /* 21, 22 */
		cmocka_unit_test(a_preferred_node_without_an_endpoint_is_passed_over),
		cmocka_unit_test(
		    a_speaker_that_can_run_no_more_is_replaced_and_returned_to), /* L2-23 */
		cmocka_unit_test(
		    interfaces_of_two_advertisements_are_joined_and_any_is_any), /* L2-28 */
		cmocka_unit_test(an_interface_goes_with_its_node_selector),      /* L2-29 */
		cmocka_unit_test(
		    service_selectors_are_ored_and_two_that_match_have_one_announcer), /* L2-30 to 33 */
		cmocka_unit_test(a_shared_ip_under_service_selectors_is_announced_by_nobody),
		cmocka_unit_test(mixed_advertisements_do_not_split_the_brain),
		cmocka_unit_test(without_the_leaders_one_after_the_other_the_next_takes_over),
	};

	return cmocka_run_group_tests_name("election of MetalLB", tests, NULL, NULL);
}
