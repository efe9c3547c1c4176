/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "pkg/api/api_test.h"
#include "pkg/api/field.h"

static void a_kind_is_found_by_kind_and_group(void **state)
{
	char version[64];

	(void)state;
	assert_string_equal(api_kind_find("Service", "")->plural, "services");
	assert_null(api_kind_find("Service", "metallb.io"));
	assert_null(api_kind_find("service", ""));
	api_version_text(api_kind_find("Service", ""), version, sizeof(version));
	assert_string_equal(version, "v1");
	api_version_text(api_kind_find("L2Advertisement", "metallb.io"), version, sizeof(version));
	assert_string_equal(version, "metallb.io/v1beta1");
}

static void a_kind_is_found_as_a_person_types_it(void **state)
{
	static const struct {
		const char *word;
		const char *kind;
	} cases[] = {
		{ "Service", "Service" },
		{ "service", "Service" },
		{ "SERVICES", "Service" },
		{ "svc", "Service" },
		{ "no", "Node" },
		{ "ns", "Namespace" },
		{ "cm", "ConfigMap" },
		{ "ev", "Event" },
		{ "ipaddresspools.metallb.io", "IPAddressPool" },
		{ "IPAddressPool.metallb.io", "IPAddressPool" },
		{ "addresspool", "AddressPool" },
		{ "endpointslices", "EndpointSlice" },
		{ "members.lbctl.dev", "Member" },
		{ "servic", NULL },
		{ "servicesx", NULL },
		{ "services.", NULL },
		{ "services.v1", NULL },
		{ "ipaddresspools.example.com", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct api_kind *k = api_kind_by_word(cases[i].word);

		if (!cases[i].kind)
			assert_null(k);
		else
			assert_string_equal(k ? k->kind : cases[i].word, cases[i].kind);
	}
}

static void a_preset_holds_only_what_its_part_reads(void **state)
{
	static const char *const controller[] = { "Service", "Node", "Namespace", "ConfigMap",
		"IPAddressPool", "AddressPool" };
	static const char *const speaker[] = { "Service", "EndpointSlice", "Node", "ConfigMap",
		"IPAddressPool", "AddressPool", "L2Advertisement" };
	size_t c = 0, s = 0;

	(void)state;
	for (const struct api_kind *k = api_kinds; k->kind; k++) {
		if (k->presets & API_CONTROLLER)
			assert_string_equal(controller[c++], k->kind);
		if (k->presets & API_SPEAKER)
			assert_string_equal(speaker[s++], k->kind);
		assert_true(k->namespaced || !k->configuration);
	}
	assert_int_equal(c, ARRAY_LEN(controller));
	assert_int_equal(s, ARRAY_LEN(speaker));
	assert_string_equal(api_kind_find("ConfigMap", "")->only, "config");
}

static void the_stable_annotation_wins_even_if_empty(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;
	const char *key = NULL;

	(void)state;
	accepted(decode_namespace,
	    "{'metadata':{'name':'a','annotations':{'metallb.universe.tf/allow-shared-ip':'k',"
	    "'metallb.io/allow-shared-ip':'','metallb.universe.tf/address-pool':'p'}}}",
	    &out, &a);
	assert_string_equal(api_annotation(&out.namespace.meta, "allow-shared-ip"), "");
	assert_string_equal(api_annotation(&out.namespace.meta, "address-pool"), "p");
	assert_null(api_annotation(&out.namespace.meta, "address"));
	assert_null(api_annotation(&out.namespace.meta, "loadBalancerIPs"));
	assert_true(api_annotation_deprecated(&out.namespace.meta, &key));
	assert_string_equal(key, "metallb.universe.tf/address-pool");
	arena_release(&a);
	accepted(
	    decode_namespace, "{'metadata':{'name':'a','annotations':{'metallb.io/x':'y'}}}", &out, &a);
	assert_false(api_annotation_deprecated(&out.namespace.meta, &key));
	arena_release(&a);
}

static void times_are_those_of_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2024-02-29T12:00:00Z", 1709208000 },
		{ "2024-02-29T12:00:00.123456Z", 1709208000 },
		{ "2024-02-29T14:00:00+02:00", 1709208000 },
		{ "2024-02-29T11:30:00-00:30", 1709208000 },
		{ "2023-02-29T12:00:00Z", -1 },
		{ "2024-13-01T12:00:00Z", -1 },
		{ "2024-02-01T24:00:00Z", -1 },
		{ "2024-02-01T23:60:00Z", -1 },
		{ "2024-02-01T12:00:00", -1 },
		{ "2024-02-01", -1 },
		{ "2024-02-01T12:00:00Zx", -1 },
		{ "2024-02-01T12:00:00+2:00", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		char object[200];
		union api_any out;
		struct json *j;

		snprintf(object, sizeof(object), "{'metadata':{'name':'a','creationTimestamp':'%s'}}",
		    cases[i].text);
		j = parse(object);
		if (decode_namespace(&out, j, &a, &e) < 0)
			out.namespace.meta.created = -1;
		assert_int_equal(out.namespace.meta.created, cases[i].seconds);
		json_free(j);
		arena_release(&a);
	}
}

static void every_day_of_four_centuries_is_the_c_library_s(void **state)
{
	const time_t from = -11676096000, days = 146097 + 366; /* 1600-01-01 */

	(void)state;
	for (time_t day = 0; day < days; day++) {
		time_t t = from + day * 86400 + day % 86400;
		char text[40];
		struct tm tm;
		int64_t ms;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (!time_parse(text, &ms) || ms != (int64_t)t * 1000)
			fail_msg("%s", text);
	}
}

static void a_node_tells_its_conditions_and_addresses(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;
	const struct api_node *n = &out.node;

	(void)state;
	accepted(decode_node,
	    "{'metadata':{'name':'node-a','labels':"
	    "{'node.kubernetes.io/exclude-from-external-load-balancers':'false'}},"
	    "'status':{'conditions':[{'type':'MemoryPressure','status':'False'},null,"
	    "{'type':'Ready','status':'True'},{'type':'NetworkUnavailable','status':'True'}],"
	    "'addresses':[{'type':'Hostname','address':'node-a'},null,"
	    "{'type':'InternalIP','address':'192.0.2.11'},{'type':'InternalIP','address':'?'},"
	    "{'type':'InternalIP','address':'2001:db8::11'},"
	    "{'type':'ExternalIP','address':'198.51.100.1'}]}}",
	    &out, &a);
	assert_true(n->ready);
	assert_true(n->network_unavailable);
	assert_true(n->excluded); /* whatever its value is */
	assert_int_equal(n->internal_ips_n, 2);
	assert_int_equal(n->internal_ips[1].family, ADDR_IPV6);
	arena_release(&a);
	accepted(decode_node,
	    "{'metadata':{'name':'node-a'},'status':{'conditions':[{'type':'Ready','status':'Unknown'},"
	    "{'type':'NetworkUnavailable','status':'False'},{'type':'DiskPressure','status':'True'}]}}",
	    &out, &a);
	assert_false(n->ready);
	assert_false(n->network_unavailable);
	assert_false(n->excluded);
	arena_release(&a);
	accepted(decode_node, "{'metadata':{'name':'node-a'}}", &out, &a);
	assert_false(n->ready);
	arena_release(&a);
}

static void a_wrong_node_is_refused(void **state)
{
	(void)state;
	refused(decode_node, "{'metadata':{'name':'n'},'status':[]}",
	    "status: want an object, have a list");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'conditions':{}}}",
	    "status.conditions: want a list, have an object");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'conditions':['Ready']}}",
	    "status.conditions[0]: want an object, have \"Ready\"");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'conditions':[{'type':1}]}}",
	    "status.conditions[0].type: want a string, have 1");
	refused(decode_node,
	    "{'metadata':{'name':'n'},'status':{'conditions':[{'type':'Ready','status':true}]}}",
	    "status.conditions[0].status: want a string, have true");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'addresses':''}}",
	    "status.addresses: want a list, have \"\"");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'addresses':[7]}}",
	    "status.addresses[0]: want an object, have 7");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'addresses':[{'type':[]}]}}",
	    "status.addresses[0].type: want a string, have a list");
	refused(decode_node, "{'metadata':{'name':'n'},'status':{'addresses':[{'address':1}]}}",
	    "status.addresses[0].address: want a string, have 1");
}

static void an_endpoint_is_usable_as_metallb_counts(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;
	const struct api_endpoint_slice *s = &out.slice;

	(void)state;
	accepted(decode_slice,
	    "{'metadata':{'name':'web-x','namespace':'default','labels':"
	    "{'kubernetes.io/service-name':'web'}},'addressType':'IPv6','endpoints':["
	    "{'nodeName':'a'},"
	    "{'nodeName':'b','conditions':{}},"
	    "{'nodeName':'c','conditions':{'ready':null,'serving':false}},"
	    "{'nodeName':'d','conditions':{'ready':true,'serving':false}},"
	    "{'nodeName':null,'conditions':{'ready':false,'serving':true,'terminating':true}},"
	    "{'nodeName':'f','conditions':{'ready':false}},"
	    "{'nodeName':'g','conditions':{'ready':false,'serving':false}}]}",
	    &out, &a);
	assert_string_equal(s->service, "web");
	assert_int_equal(s->family, ADDR_IPV6);
	assert_int_equal(s->endpoints_n, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(s->endpoints[i].usable, i < 5);
	assert_string_equal(s->endpoints[3].node, "d");
	assert_string_equal(s->endpoints[4].node, "");
	arena_release(&a);
	accepted(decode_slice, "{'metadata':{'name':'x'},'endpoints':null}", &out, &a);
	assert_string_equal(s->service, "");
	assert_int_equal(s->family, ADDR_NONE);
	assert_int_equal(s->endpoints_n, 0);
	arena_release(&a);
	accepted(decode_slice, "{'metadata':{'name':'x'},'addressType':'IPv4'}", &out, &a);
	assert_int_equal(s->family, ADDR_IPV4);
	arena_release(&a);
	accepted(decode_slice, "{'metadata':{'name':'x'},'addressType':'FQDN'}", &out, &a);
	assert_int_equal(s->family, ADDR_NONE);
	arena_release(&a);
}

static void a_wrong_slice_is_refused(void **state)
{
	(void)state;
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':{}}",
	    "endpoints: want a list, have an object");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':['192.0.2.1']}",
	    "endpoints[0]: want an object, have \"192.0.2.1\"");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':[null]}",
	    "endpoints[0]: want an object, have nothing");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':[{},{'nodeName':1}]}",
	    "endpoints[1].nodeName: want a string, have 1");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':[{'conditions':[]}]}",
	    "endpoints[0].conditions: want an object, have a list");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':[{'conditions':{'ready':'yes'}}]}",
	    "endpoints[0].conditions.ready: want a boolean, have \"yes\"");
	refused(decode_slice, "{'metadata':{'name':'x'},'endpoints':[{'conditions':{'serving':1}}]}",
	    "endpoints[0].conditions.serving: want a boolean, have 1");
}

static void a_member_is_alive_or_not(void **state)
{
	struct arena a = ARENA_INIT;
	union api_any out;
	static const char *const same[] = { "2024-01-01T00:00:00.25Z", "2024-01-01T05:30:00.2509+05:30",
		"2023-12-31t19:00:00.250-05:00" };

	(void)state;
	accepted(decode_member,
	    "{'metadata':{'name':'node-a'},'status':{'alive':false,'reason':'silent','since':'x'}}",
	    &out, &a);
	assert_false(out.member.alive);
	assert_string_equal(out.member.reason, "silent");
	assert_int_equal(out.member.since_ms, 0);
	arena_release(&a);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		char text[160];

		snprintf(text, sizeof(text),
		    "{'metadata':{'name':'a'},'status':{'alive':true,'since':'%s'}}", same[i]);
		accepted(decode_member, text, &out, &a);
		assert_int_equal(out.member.since_ms, 1704067200250);
		arena_release(&a);
	}
	refused(decode_member, "{'metadata':{'name':'a'},'status':{}}",
	    "status.alive: want a boolean, have nothing");
	refused(
	    decode_member, "{'metadata':{'name':'a'}}", "status.alive: want a boolean, have nothing");
	refused(decode_member, "{'metadata':{'name':'a'},'status':{'alive':'yes'}}",
	    "status.alive: want a boolean, have \"yes\"");
	refused(decode_member, "{'metadata':{'name':'a'},'status':{'alive':true,'reason':1}}",
	    "status.reason: want a string, have 1");
	refused(decode_member, "{'metadata':{'name':'a'},'status':true}",
	    "status: want an object, have true");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_is_found_by_kind_and_group),
		cmocka_unit_test(a_kind_is_found_as_a_person_types_it),
		cmocka_unit_test(a_preset_holds_only_what_its_part_reads),
		cmocka_unit_test(the_stable_annotation_wins_even_if_empty),
		cmocka_unit_test(times_are_those_of_rfc_3339),
		cmocka_unit_test(every_day_of_four_centuries_is_the_c_library_s),
		cmocka_unit_test(a_node_tells_its_conditions_and_addresses),
		cmocka_unit_test(a_wrong_node_is_refused),
		cmocka_unit_test(an_endpoint_is_usable_as_metallb_counts),
		cmocka_unit_test(a_wrong_slice_is_refused),
		cmocka_unit_test(a_member_is_alive_or_not),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
