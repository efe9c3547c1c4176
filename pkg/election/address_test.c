/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: several of one Service, and one of several Services.  The order of node-a, node-b,
 * node-c is c b a for 192.0.2.10, a b c for 192.0.2.7, b a c for 2001:db8::1. */
#include "pkg/election/election_test.h"

#define DUAL "192.0.2.10'},{'ip':'2001:db8::1"
#define SHARED ",'annotations':{'metallb.io/allow-shared-ip':'k'}"
#define LOCAL ",'externalTrafficPolicy':'Local'"

static void each_address_of_a_service_is_elected_by_itself(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	service(&w, "web", DUAL, "", "");
	assert_string_equal(
	    settle(&w), "web Elected node-b node-a node-c"); /* the other is as it was */
	service(&w, "web", "192.0.2.10'},{'ip':'192.0.2.7", "", "");
	assert_string_equal(
	    settle(&w), "web Elected node-c node-b node-a\nweb Elected node-a node-b node-c");
	service(&w, "web", "192.0.2.10", "", ""); /* told, since one less is announced */
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	world_close(&w);
}

static void a_node_that_dies_takes_only_its_own_address_with_it(void **state)
{
	struct election_options o = { .self = "node-a" };
	struct world w;

	(void)state;
	world_open_usual(&w, &o);
	service(&w, "web", DUAL, "", "");
	settle(&w);
	node_status(&w, "node-b", "Ready", "False");
	assert_string_equal(settle(&w), "~web Elected node-c node-a -node-b:NodeNotReady\n"
					"web Elected node-a node-c -node-b:NodeNotReady");
	world_close(&w);
}

static void slice_of(struct world *w, const char *name, const char *type, const char *nodes)
{
	tell(w, PUT,
	    "{'kind':'EndpointSlice','addressType':'%s','metadata':{'namespace':'default','name':'%s',"
	    "'labels':{'kubernetes.io/service-name':'web'}},'endpoints':[%s]}",
	    type, name, nodes);
}

static void an_address_needs_endpoints_of_its_family(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", DUAL, "", LOCAL);
	slice_of(&w, "web-1", "IPv4", "{'nodeName':'node-a'},{'nodeName':'node-b'}");
	assert_string_equal(
	    settle(&w), "web Elected node-b node-a -node-c:NoLocalEndpoint\nweb NoEndpoints");
	slice_of(&w, "web-2", "IPv6", "{'nodeName':'node-a'},{'nodeName':'node-c'}");
	assert_string_equal(settle(&w), "web Elected node-a node-c -node-b:NoLocalEndpoint");
	slice_of(&w, "web-1", "IPv4", "");
	assert_string_equal(settle(&w), "web NoEndpoints");
	slice_of(&w, "web-2", "IPv6", "");
	assert_string_equal(settle(&w), "web NoEndpoints");
	slice_of(&w, "web-2", "FQDN", "{'nodeName':'node-c'}"); /* of either family, as for MetalLB */
	assert_string_equal(settle(&w),
	    "web Elected node-c -node-a:NoLocalEndpoint -node-b:NoLocalEndpoint\n"
	    "web Elected node-c -node-a:NoLocalEndpoint -node-b:NoLocalEndpoint");
	world_close(&w);
}

/* MetalLB, which elects by the first address of each Service, has two announcers here. */
static void the_second_address_of_one_may_be_the_first_of_another(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", DUAL, SHARED, "");
	slice(&w, "v6", "node-a");
	service(&w, "v6", "2001:db8::1", SHARED, "");
	assert_string_equal(settle(&w), "v6 Elected node-b node-a node-c\n"
					"web Elected node-c node-b node-a\n"
					"web Elected node-b node-a node-c");
	world_close(&w);
}

static void services_that_share_an_address_are_one_election(void **state)
{
	uint64_t before;
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", "192.0.2.10", SHARED, "");
	service(&w, "dns", "192.0.2.10", SHARED, "");
	assert_string_equal(settle(&w), "dns NoEndpoints\nweb Elected node-c node-b node-a");
	before = election_count(w.el);
	slice(&w, "dns", "node-a");
	assert_string_equal(settle(&w), "dns Elected node-c node-b node-a");
	assert_int_equal(election_count(w.el), before + 1);
	/* Both must be possible on the node; who can't be, is not announced. */
	service(&w, "dns", "192.0.2.10", SHARED, LOCAL);
	assert_string_equal(settle(&w),
	    "dns Elected node-a -node-b:NoLocalEndpoint -node-c:NoLocalEndpoint\n"
	    "web Elected node-a -node-b:SharedAddressElsewhere -node-c:SharedAddressElsewhere");
	service(&w, "web", "192.0.2.10", SHARED, LOCAL);
	slice(&w, "web", "node-b node-c");
	assert_string_equal(settle(&w), "web SharedAddressElsewhere");
	slice(&w, "web", "node-b node-a");
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:SharedAddressElsewhere -node-c:NoLocalEndpoint");
	/* The first is gone, so the other has its own way. */
	tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'dns'}}");
	assert_string_equal(
	    settle(&w), "dns deleted\nweb Elected node-b node-a -node-c:NoLocalEndpoint");
	world_close(&w);
}

/* With `self`, only what is news to that node is told. */
static void who_would_come_next_is_told_only_of_ones_own(void **state)
{
	struct election_options o = { .self = "node-c" };
	struct world w;
	uint64_t before;

	(void)state;
	world_open_usual(&w, &o);
	service(&w, "db", "192.0.2.7", "", "");
	slice(&w, "db", "node-a");
	settle(&w);
	before = election_count(w.el);
	node_status(&w, "node-b", "Ready", "False");
	assert_string_equal(settle(&w), "~web Elected node-c node-a -node-b:NodeNotReady");
	assert_int_equal(election_count(w.el), before + 1); /* node-b comes after node-a */
	node_status(&w, "node-b", "Ready", "True");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a");
	assert_int_equal(election_count(w.el), before + 2);
	node_status(&w, "node-a", "Ready", "False");
	assert_string_equal(settle(&w), "db Elected node-b node-c -node-a:NodeNotReady\n"
					"~web Elected node-c node-b -node-a:NodeNotReady");
	node_status(&w, "node-a", "Ready", "True");
	assert_string_equal(settle(&w), "db Elected node-a node-b node-c\n"
					"~web Elected node-c node-b node-a");
	world_close(&w);
}

static void a_hundred_nodes_are_more_than_a_word_of_bits(void **state)
{
	struct world w;
	char name[20];

	(void)state;
	world_open_usual(&w, NULL);
	for (int i = 0; i < 140; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		node(&w, name, "'zone':'x'");
	}
	ad(&w, "all", "'nodeSelectors':[{'matchLabels':{'zone':'a'}}]");
	assert_non_null(strstr(settle(&w), "web Elected node-a -node-b:NodeNotSelected"));
	node(&w, "x139", "'zone':'a'");
	assert_non_null(strstr(settle(&w), " x139 ")); /* it comes before node-a */
	for (int i = 0; i < 140; i++)
		tell(&w, REMOVE, "{'kind':'Node','metadata':{'name':'x%d'}}", i);
	assert_string_equal(
	    settle(&w), "web Elected node-a -node-b:NodeNotSelected -node-c:NodeNotSelected");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_of_a_service_is_elected_by_itself),
		cmocka_unit_test(a_node_that_dies_takes_only_its_own_address_with_it),
		cmocka_unit_test(an_address_needs_endpoints_of_its_family),
		cmocka_unit_test(the_second_address_of_one_may_be_the_first_of_another),
		cmocka_unit_test(services_that_share_an_address_are_one_election),
		cmocka_unit_test(who_would_come_next_is_told_only_of_ones_own),
		cmocka_unit_test(a_hundred_nodes_are_more_than_a_word_of_bits),
	};

	return cmocka_run_group_tests_name("election address", tests, NULL, NULL);
}
