/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/api/api_test.h"

#define META "'metadata':{'name':'web','namespace':'default'}"

static void every_field_is_read(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;
	const struct api_service *s = &out.service;

	(void)state;
	accepted(decode_service,
	    "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web','namespace':'default',"
	    "'uid':'u-1','resourceVersion':'42','creationTimestamp':'2024-02-29T12:00:00Z',"
	    "'labels':{'b':'2','a':'1'},'annotations':{'metallb.io/address-pool':'p1',"
	    "'example.com/other':'x'}},"
	    "'spec':{'type':'LoadBalancer','loadBalancerClass':'example.com/lb',"
	    "'loadBalancerIP':'192.0.2.9','clusterIP':'203.0.113.5',"
	    "'clusterIPs':['203.0.113.5','2001:db8::5'],'ipFamilies':['IPv4','IPv6'],"
	    "'ipFamilyPolicy':'RequireDualStack','externalTrafficPolicy':'Local',"
	    "'selector':{'app':'web'},'ports':[{'name':'http','port':80,'targetPort':'http'},"
	    "{'protocol':'UDP','port':65535}]},"
	    "'status':{'loadBalancer':{'ingress':[{'ip':'192.0.2.10'},{'hostname':'h.example'}]}}}",
	    &out, &a);
	assert_string_equal(s->meta.name, "web");
	assert_string_equal(s->meta.namespace, "default");
	assert_string_equal(s->meta.uid, "u-1");
	assert_string_equal(s->meta.resource_version, "42");
	assert_int_equal(s->meta.created, 1709208000);
	assert_int_equal(s->meta.labels.n, 2);
	assert_string_equal(s->meta.labels.at[0].key, "a");
	assert_string_equal(api_map_get(&s->meta.labels, "b"), "2");
	assert_null(api_map_get(&s->meta.labels, "c"));
	assert_int_equal(s->meta.annotations.n, 1); /* others' are not kept */
	assert_string_equal(api_annotation(&s->meta, "address-pool"), "p1");
	assert_true(s->load_balancer);
	assert_string_equal(s->load_balancer_class, "example.com/lb");
	assert_string_equal(s->load_balancer_ip, "192.0.2.9");
	assert_int_equal(s->cluster_ips_n, 2);
	assert_string_equal(s->cluster_ips[1], "2001:db8::5");
	assert_int_equal(s->ip_families[0], ADDR_IPV4);
	assert_int_equal(s->ip_families[1], ADDR_IPV6);
	assert_int_equal(s->ip_family_policy, API_REQUIRE_DUAL_STACK);
	assert_true(s->external_traffic_local);
	assert_string_equal(api_map_get(&s->selector, "app"), "web");
	assert_int_equal(s->ports_n, 2);
	assert_int_equal(s->ports[0].protocol, API_TCP);
	assert_int_equal(s->ports[0].port, 80);
	assert_string_equal(api_protocol_name(s->ports[1].protocol), "UDP");
	assert_int_equal(s->ports[1].port, 65535);
	assert_int_equal(s->ingress_n, 2);
	assert_string_equal(s->ingress[0].ip, "192.0.2.10");
	assert_string_equal(s->ingress[0].hostname, "");
	assert_string_equal(s->ingress[1].ip, "");
	assert_string_equal(s->ingress[1].hostname, "h.example");
	arena_release(&a);
}

static void absent_fields_have_the_defaults_of_the_api(void **state)
{
	static const char *const objects[] = {
		"{" META "}",
		"{" META ",'spec':null,'status':null}",
		"{" META ",'spec':{},'status':{}}",
		"{" META ",'spec':{'type':null,'loadBalancerClass':null,'loadBalancerIP':null,"
		"'clusterIP':null,'clusterIPs':null,'ipFamilies':null,'ipFamilyPolicy':null,"
		"'externalTrafficPolicy':null,'selector':null,'ports':null},"
		"'status':{'loadBalancer':null}}",
		"{" META ",'spec':{'type':'','clusterIP':'None','clusterIPs':['None'],'ports':[]},"
		"'status':{'loadBalancer':{'ingress':null}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct arena a = ARENA_INIT;
		union api_any out;
		const struct api_service *s = &out.service;

		accepted(decode_service, objects[i], &out, &a);
		assert_string_equal(s->meta.uid, "");
		assert_string_equal(s->meta.resource_version, "");
		assert_int_equal(s->meta.created, 0);
		assert_false(s->load_balancer);
		assert_null(s->load_balancer_class);
		assert_string_equal(s->load_balancer_ip, "");
		assert_int_equal(s->cluster_ips_n, 0);
		assert_int_equal(s->ip_families[0], ADDR_NONE);
		assert_int_equal(s->ip_families[1], ADDR_NONE);
		assert_int_equal(s->ip_family_policy, API_SINGLE_STACK);
		assert_false(s->external_traffic_local);
		assert_int_equal(s->selector.n, 0);
		assert_int_equal(s->ports_n, 0);
		assert_int_equal(s->ingress_n, 0);
		arena_release(&a);
	}
}

static void the_old_single_cluster_ip_is_read(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;

	(void)state;
	accepted(decode_service, "{" META ",'spec':{'clusterIP':'203.0.113.5'}}", &out, &a);
	assert_int_equal(out.service.cluster_ips_n, 1);
	assert_string_equal(out.service.cluster_ips[0], "203.0.113.5");
	arena_release(&a);
}

static void a_cluster_ip_that_is_ipv4_written_as_ipv6_is_ipv4(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;

	(void)state;
	accepted(decode_service, "{" META ",'spec':{'clusterIPs':['::ffff:203.0.113.5']}}", &out, &a);
	assert_string_equal(out.service.cluster_ips[0], "203.0.113.5");
	arena_release(&a);
}

static void a_null_label_is_empty_and_a_null_entry_of_ingress_has_nothing(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;

	(void)state;
	accepted(decode_service,
	    "{'metadata':{'name':'web','labels':{'a':null}},"
	    "'status':{'loadBalancer':{'ingress':[null,{}]}}}",
	    &out, &a);
	assert_string_equal(api_map_get(&out.service.meta.labels, "a"), "");
	assert_int_equal(out.service.ingress_n, 2);
	assert_string_equal(out.service.ingress[0].ip, "");
	arena_release(&a);
}

#define SPEC(s) "{" META ",'spec':{" s "}}"
#define STATUS(s) "{" META ",'status':" s "}"
#define OF_META(s) "{'metadata':{'name':'web'," s "}}"

static const struct {
	const char *object;
	const char *text;
} wrong[] = {
	{ "[]", "the object: want an object, have a list" },
	{ "'Service'", "the object: want an object, have \"Service\"" },
	{ "{}", "metadata.name: want a name, have nothing" },
	{ "{'metadata':[]}", "metadata: want an object, have a list" },
	{ "{'metadata':{'name':7}}", "metadata.name: want a string, have 7" },
	{ "{'metadata':{'name':''}}", "metadata.name: want a name, have \"\"" },
	{ "{'metadata':{'name':'a/b'}}",
	    "metadata.name: want at most 253 letters, digits, '-' and '.', have \"a/b\"" },
	{ "{'metadata':{'name':'a\\nb'}}",
	    "metadata.name: want at most 253 letters, digits, '-' and '.', have \"a\\nb\"" },
	{ "{'metadata':{'name':'a\\u0000b'}}",
	    "metadata.name: want a string without NUL characters, have \"a\\u0000b\"" },
	{ OF_META("'namespace':{}"), "metadata.namespace: want a string, have an object" },
	{ OF_META("'uid':true"), "metadata.uid: want a string, have true" },
	{ OF_META("'resourceVersion':12"), "metadata.resourceVersion: want a string, have 12" },
	{ OF_META("'creationTimestamp':0"), "metadata.creationTimestamp: want a string, have 0" },
	{ OF_META("'creationTimestamp':'yesterday'"),
	    "metadata.creationTimestamp: want a time like 2006-01-02T15:04:05Z, have \"yesterday\"" },
	{ OF_META("'labels':'a'"), "metadata.labels: want an object, have \"a\"" },
	{ OF_META("'labels':{'a.example/b':7}"),
	    "metadata.labels[a.example/b]: want a string, have 7" },
	{ OF_META("'annotations':[1]"), "metadata.annotations: want an object, have a list" },
	{ OF_META("'annotations':{'metallb.io/address-pool':['p']}"),
	    "metadata.annotations[metallb.io/address-pool]: want a string, have a list" },
	{ "{" META ",'spec':'x'}", "spec: want an object, have \"x\"" },
	{ SPEC("'type':1"),
	    "spec.type: want ClusterIP, NodePort, LoadBalancer or ExternalName, have 1" },
	{ SPEC("'type':'loadbalancer'"), "spec.type: want ClusterIP, NodePort, LoadBalancer or "
					 "ExternalName, have \"loadbalancer\"" },
	{ SPEC("'loadBalancerClass':{}"), "spec.loadBalancerClass: want a string, have an object" },
	{ SPEC("'loadBalancerIP':192"), "spec.loadBalancerIP: want a string, have 192" },
	{ SPEC("'clusterIP':7"), "spec.clusterIP: want a string, have 7" },
	{ SPEC("'clusterIP':'none'"), "spec.clusterIP: want an IP address or \"None\", have \"none\"" },
	{ SPEC("'clusterIPs':'192.0.2.1'"), "spec.clusterIPs: want a list, have \"192.0.2.1\"" },
	{ SPEC("'clusterIPs':['192.0.2.1',7]"), "spec.clusterIPs[1]: want a string, have 7" },
	{ SPEC("'clusterIPs':['192.0.2.256']"),
	    "spec.clusterIPs[0]: want an IP address or \"None\", have \"192.0.2.256\"" },
	{ SPEC("'clusterIPs':['192.0.2.1','2001:db8::1','192.0.2.2']"),
	    "spec.clusterIPs: want at most one address of each family, have "
	    "[\"192.0.2.1\",\"2001:db8::1\",\"192.0.2.2\"]" },
	{ SPEC("'clusterIPs':['192.0.2.1','192.0.2.2']"),
	    "spec.clusterIPs: want at most one address of each family, have "
	    "[\"192.0.2.1\",\"192.0.2.2\"]" },
	{ SPEC("'ipFamilies':'IPv4'"), "spec.ipFamilies: want a list, have \"IPv4\"" },
	{ SPEC("'ipFamilies':['IPv4','ipv6']"),
	    "spec.ipFamilies[1]: want IPv4 or IPv6, have \"ipv6\"" },
	{ SPEC("'ipFamilies':['IPv4','IPv4']"),
	    "spec.ipFamilies: want IPv4 and IPv6 at most once each, have [\"IPv4\",\"IPv4\"]" },
	{ SPEC("'ipFamilies':['IPv4','IPv6','IPv4']"),
	    "spec.ipFamilies: want IPv4 and IPv6 at most once each, have "
	    "[\"IPv4\",\"IPv6\",\"IPv4\"]" },
	{ SPEC("'ipFamilyPolicy':false"),
	    "spec.ipFamilyPolicy: want SingleStack, PreferDualStack or RequireDualStack, have false" },
	{ SPEC("'externalTrafficPolicy':'local'"),
	    "spec.externalTrafficPolicy: want Cluster or Local, have \"local\"" },
	{ SPEC("'selector':['a']"), "spec.selector: want an object, have a list" },
	{ SPEC("'selector':{'app':1}"), "spec.selector[app]: want a string, have 1" },
	{ SPEC("'ports':{}"), "spec.ports: want a list, have an object" },
	{ SPEC("'ports':[80]"), "spec.ports[0]: want an object, have 80" },
	{ SPEC("'ports':[null]"), "spec.ports[0]: want an object, have nothing" },
	{ SPEC("'ports':[{}]"), "spec.ports[0].port: want an integer from 1 to 65535, have nothing" },
	{ SPEC("'ports':[{'port':80},{'port':'http'}]"),
	    "spec.ports[1].port: want an integer from 1 to 65535, have \"http\"" },
	{ SPEC("'ports':[{'port':0}]"), "spec.ports[0].port: want an integer from 1 to 65535, have 0" },
	{ SPEC("'ports':[{'port':65536}]"),
	    "spec.ports[0].port: want an integer from 1 to 65535, have 65536" },
	{ SPEC("'ports':[{'port':-1}]"),
	    "spec.ports[0].port: want an integer from 1 to 65535, have -1" },
	{ SPEC("'ports':[{'port':80.5}]"),
	    "spec.ports[0].port: want an integer from 1 to 65535, have 80.5" },
	{ SPEC("'ports':[{'port':80,'protocol':'tcp'}]"),
	    "spec.ports[0].protocol: want TCP, UDP or SCTP, have \"tcp\"" },
	{ STATUS("7"), "status: want an object, have 7" },
	{ STATUS("{'loadBalancer':[]}"), "status.loadBalancer: want an object, have a list" },
	{ STATUS("{'loadBalancer':{'ingress':{}}}"),
	    "status.loadBalancer.ingress: want a list, have an object" },
	{ STATUS("{'loadBalancer':{'ingress':['192.0.2.1']}}"),
	    "status.loadBalancer.ingress[0]: want an object, have \"192.0.2.1\"" },
	{ STATUS("{'loadBalancer':{'ingress':[{'ip':{}}]}}"),
	    "status.loadBalancer.ingress[0].ip: want a string, have an object" },
	{ STATUS("{'loadBalancer':{'ingress':[{},{'hostname':1}]}}"),
	    "status.loadBalancer.ingress[1].hostname: want a string, have 1" },
};

static void every_wrong_field_is_named_with_what_it_wants_and_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		refused(decode_service, wrong[i].object, wrong[i].text);
}

static void a_long_value_is_cut_in_the_message(void **state)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	char object[8192];
	union api_any out;
	struct json *j;

	(void)state;
	snprintf(object, sizeof(object), "{'metadata':{'name':'%05000d'}}", 0);
	j = parse(object);
	assert_int_equal(decode_service(&out, j, &a, &e), -1);
	assert_true(strlen(e.text) < 200);
	assert_non_null(strstr(e.text, "000...\""));
	json_free(j);
	snprintf(object, sizeof(object), "{'metadata':{'name':'web','labels':{'%05000d':1}}}", 0);
	j = parse(object);
	assert_int_equal(decode_service(&out, j, &a, &e), -1);
	assert_true(strlen(e.text) < 200);
	assert_non_null(strstr(e.text, "000...]: want a string, have 1"));
	json_free(j);
	/* 59 bytes and the quote, then an "é" that does not fit any more */
	snprintf(
	    object, sizeof(object), "{'metadata':{'name':'web'},'spec':{'type':'%058dé%020d'}}", 0, 0);
	j = parse(object);
	assert_int_equal(decode_service(&out, j, &a, &e), -1);
	assert_non_null(strstr(e.text, "0...\""));
	assert_null(strstr(e.text, "\xc3"));
	json_free(j);
	arena_release(&a);
}

static void no_object_is_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	union api_any out;

	(void)state;
	assert_int_equal(decode_service(&out, NULL, &a, &e), -1);
	assert_string_equal(e.text, "the object: want an object, have nothing");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(absent_fields_have_the_defaults_of_the_api),
		cmocka_unit_test(the_old_single_cluster_ip_is_read),
		cmocka_unit_test(a_cluster_ip_that_is_ipv4_written_as_ipv6_is_ipv4),
		cmocka_unit_test(a_null_label_is_empty_and_a_null_entry_of_ingress_has_nothing),
		cmocka_unit_test(every_wrong_field_is_named_with_what_it_wants_and_has),
		cmocka_unit_test(a_long_value_is_cut_in_the_message),
		cmocka_unit_test(no_object_is_refused),
	};

	return cmocka_run_group_tests_name("api service", tests, NULL, NULL);
}
