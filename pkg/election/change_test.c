/* SPDX-License-Identifier: Apache-2.0 */
/* What a change brings: which Services are elected again, and what is told of it. */
#include "pkg/election/election_test.h"

static void an_event_elects_only_what_it_concerns(void **state)
{
	struct world w;
	uint64_t before;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "db", "192.0.2.7", "", "");
	slice(&w, "db", "node-a");
	assert_string_equal(
	    settle(&w), "db Elected node-a node-b node-c\nweb Elected node-c node-b node-a");
	before = election_count(w.el);
	slice(&w, "db", "node-a node-b");
	assert_string_equal(settle(&w), "");
	assert_int_equal(election_count(w.el), before + 1);
	slice(&w, "db", "node-b node-a node-b"); /* the same for an election */
	node(&w, "node-a", "'zone':'a'");
	slice(&w, "unknown", "node-a");
	settle(&w);
	assert_int_equal(election_count(w.el), before + 1);
	service(&w, "web", "192.0.2.10", ",'labels':{'a':'b'}", "");
	settle(&w);
	assert_int_equal(election_count(w.el), before + 2);
	node(&w, "node-a", "'zone':'x'");
	settle(&w);
	assert_int_equal(election_count(w.el), before + 4);
	settle(&w);
	assert_int_equal(election_count(w.el), before + 4);
	world_close(&w);
}

static void nothing_is_told_twice(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	service(&w, "web", "192.0.2.10", "", "");
	slice(&w, "web", "node-a");
	election_config_changed(w.el);
	assert_string_equal(settle(&w), "");
	world_close(&w);
}

static void the_end_of_a_service_is_told_once(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
	assert_string_equal(settle(&w), "web deleted");
	tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
	assert_string_equal(settle(&w), "");
	service(&w, "web", "192.0.2.10", "", ""); /* its slice is still there */
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	service(&w, "web", "192.0.2.10", "", ",'type':'ClusterIP'");
	assert_string_equal(settle(&w), "web gone");
	service(&w, "web", "192.0.2.10", "", ",'type':'ClusterIP'");
	assert_string_equal(settle(&w), "");
	tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
	assert_string_equal(settle(&w), "");
	world_close(&w);
}

static void what_was_before_is_told(void **state)
{
	struct world w;
	struct election_outcome o;
	struct err e = ERR_INIT;
	const struct config *c;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	service(&w, "web", "192.0.2.7", "", "");
	c = config_store_get(w.store, &e);
	assert_int_equal(election_next(w.el, c, &o, &e), 1);
	assert_string_equal(o.namespace, "default");
	assert_string_equal(o.before->addresses[0].winner, "node-c");
	assert_string_equal(o.before->pool, "p");
	assert_int_equal(o.before->addresses[0].addr.bytes[3], 10);
	assert_string_equal(o.now->addresses[0].winner, "node-a");
	assert_int_equal(o.now->addresses[0].addr.bytes[3], 7);
	assert_int_equal(o.now->addresses[0].news, ELECTION_DECIDED);
	assert_int_equal(election_next(w.el, c, &o, &e), 0);
	world_close(&w);
}

static void a_pool_that_got_another_name_is_told_quietly(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	tell(&w, REMOVE,
	    "{'kind':'IPAddressPool','apiVersion':'metallb.io/v1beta1',"
	    "'metadata':{'namespace':'lb','name':'p'}}");
	pool(&w, "q", "'192.0.2.0/24'");
	assert_string_equal(settle(&w), "~web Elected node-c node-b node-a");
	world_close(&w);
}

#define SERVICE(ingress)                                                     \
	"{'kind':'Service','metadata':{'namespace':'default','name':'web'}," \
	"'status':{'loadBalancer':{'ingress':[" ingress "]}}}"

static void what_is_desired_is_laid_over_what_is_observed(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", "", "", "");
	assert_string_equal(settle(&w), "web NoAddress");
	tell(&w, APPLY, SERVICE("{'ip':'192.0.2.10'}"));
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	/* another change of the Service comes before the status does */
	service(&w, "web", "", ",'labels':{'a':'b'}", "");
	assert_string_equal(settle(&w), "");
	tell(&w, APPLY, SERVICE("{'ip':'192.0.2.7'}"));
	assert_string_equal(settle(&w), "web Elected node-a node-b node-c");
	service(&w, "web", "192.0.2.10", "", ""); /* the first APPLY, late */
	assert_string_equal(settle(&w), "");
	service(&w, "web", "192.0.2.7", "", ""); /* confirmed */
	assert_string_equal(settle(&w), "");
	service(&w, "web", "192.0.2.10", "", ""); /* from now on what is observed counts */
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	tell(&w, APPLY, SERVICE(""));
	assert_string_equal(settle(&w), "web NoAddress");
	tell(&w, APPLY, SERVICE("{'ip':'192.0.2.10'}")); /* as observed */
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	service(&w, "web", "", "", "");
	assert_string_equal(settle(&w), "web NoAddress");
	world_close(&w);
}

static void what_is_desired_ends_with_the_service(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	service(&w, "web", "", ",'uid':'1'", "");
	tell(&w, APPLY, SERVICE("{'ip':'192.0.2.10'}"));
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	tell(&w, REMOVE, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
	assert_string_equal(settle(&w), "web deleted");
	service(&w, "web", "", ",'uid':'2'", "");
	assert_string_equal(settle(&w), "web NoAddress");
	tell(&w, APPLY, SERVICE("{'ip':'192.0.2.10'}"));
	settle(&w);
	service(&w, "web", "", ",'uid':'3'", ""); /* deleted and made again, unseen */
	assert_string_equal(settle(&w), "web NoAddress");
	world_close(&w);
}

static void an_apply_that_says_nothing_of_the_address_changes_nothing(void **state)
{
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	tell(&w, APPLY, "{'kind':'Service','metadata':{'namespace':'default','name':'web'}}");
	tell(&w, APPLY,
	    "{'kind':'Service','metadata':{'namespace':'default','name':'web'},'status':{}}");
	tell(&w, APPLY,
	    "{'kind':'Service','metadata':{'namespace':'default','name':'never-seen'},"
	    "'status':{'loadBalancer':{'ingress':[{'ip':'192.0.2.9'}]}}}");
	assert_string_equal(settle(&w), "");
	world_close(&w);
}

static void an_object_that_is_wrong_keeps_its_last_good_version(void **state)
{
	static const struct {
		enum deed deed;
		const char *object;
		const char *text;
	} cases[] = {
		{ PUT, "{'kind':'Service','metadata':{'namespace':'default','name':'web'},'spec':7}",
		    "spec: want an object, have 7" },
		{ PUT, "{'kind':'Node','metadata':{'name':'node-c'},'status':{'conditions':7}}",
		    "status.conditions: want a list, have 7" },
		{ PUT,
		    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'web-1'},"
		    "'endpoints':7}",
		    "endpoints: want a list, have 7" },
		{ PUT, "{'kind':'Member','metadata':{'name':'node-c'}}",
		    "status.alive: want a boolean, have nothing" },
		{ APPLY,
		    "{'kind':'Service','metadata':{'namespace':'default','name':'web'},"
		    "'status':{'loadBalancer':7}}",
		    "status.loadBalancer: want an object, have 7" },
		{ REMOVE, "{'kind':'Service','metadata':{}}",
		    "metadata.name: want a name, have nothing" },
		{ REMOVE, "{'kind':'Node'}", "metadata.name: want a name, have nothing" },
		{ REMOVE, "{'kind':'EndpointSlice','metadata':7}", "metadata: want an object, have 7" },
		{ REMOVE, "{'kind':'Member','metadata':{'name':7}}",
		    "metadata.name: want a string, have 7" },
	};
	struct world w;

	(void)state;
	world_open_usual(&w, NULL);
	settle(&w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(world_try(&w, cases[i].deed, cases[i].object, &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_string_equal(e.text, cases[i].text);
		election_config_changed(w.el);
		assert_string_equal(settle(&w), "");
	}
	world_close(&w);
}

static void the_message_tells_a_person_what_is_wrong(void **state)
{
	static const struct {
		const char *ip;
		const char *want;
	} cases[] = {
		{ "", "the Service has no address yet" },
		{ "198.51.100.1", "no pool holds 198.51.100.1" },
		{ "192.0.2.10'},{'ip':'198.51.100.1",
		    "no pool holds 192.0.2.10 and the Service's other addresses" },
		{ "x", "status.loadBalancer.ingress[0] has ip \"x\", which is no IP address" },
		{ "192.0.2.10",
		    "none of 3 nodes may announce 192.0.2.10 (node-a: its condition Ready is not True; "
		    "node-b: it has the label node.kubernetes.io/exclude-from-external-load-balancers; "
		    "node-c: its condition NetworkUnavailable is True)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;
		struct election_outcome o;
		struct err e = ERR_INIT;

		world_open_usual(&w, NULL);
		node_status(&w, "node-a", "Ready", "False");
		node(&w, "node-b", "'node.kubernetes.io/exclude-from-external-load-balancers':''");
		node_status(&w, "node-c", "NetworkUnavailable", "True");
		service(&w, "web", cases[i].ip, "", "");
		assert_int_equal(election_next(w.el, config_store_get(w.store, &e), &o, &e), 1);
		assert_string_equal(
		    o.now->code[0] ? o.now->message : o.now->addresses[0].message, cases[i].want);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_elects_only_what_it_concerns),
		cmocka_unit_test(nothing_is_told_twice),
		cmocka_unit_test(the_end_of_a_service_is_told_once),
		cmocka_unit_test(what_was_before_is_told),
		cmocka_unit_test(a_pool_that_got_another_name_is_told_quietly),
		cmocka_unit_test(what_is_desired_is_laid_over_what_is_observed),
		cmocka_unit_test(what_is_desired_ends_with_the_service),
		cmocka_unit_test(an_apply_that_says_nothing_of_the_address_changes_nothing),
		cmocka_unit_test(an_object_that_is_wrong_keeps_its_last_good_version),
		cmocka_unit_test(the_message_tells_a_person_what_is_wrong),
	};

	return cmocka_run_group_tests_name("election change", tests, NULL, NULL);
}
