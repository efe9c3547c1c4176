/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of the formats: what is accepted and what is refused, with the words. */
#include "pkg/config/config.h"

#include "tests/yaml.h"

static void put(struct config_store *s, const char *kind, const char *name, const char *rest)
{
	char text[2000];
	CLEANUP(json_freep) struct json *j = NULL;

	snprintf(text, sizeof(text),
	    "{kind: %s, apiVersion: %s, metadata: {name: %s, namespace: lb}, %s}", kind,
	    strcmp(kind, "ConfigMap") ? "metallb.io/v1beta1" : "v1", name, rest);
	j = yaml(text);
	config_store_put(s, j);
}

static void put_configmap(struct config_store *s, const char *text)
{
	struct json *data = json_new_object(), *o = yaml("{kind: ConfigMap, apiVersion: v1, "
							 "metadata: {name: config, namespace: lb}}");

	json_set(data, "config", json_new_string(text, strlen(text)));
	json_set(o, "data", data);
	config_store_put(s, o);
	json_free(o);
}

static struct config_store *store(void)
{
	struct err e = ERR_INIT;
	struct config_store *s = config_store_new("lb", &e);

	assert_non_null(s);
	return s;
}

static const struct config *get(struct config_store *s)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(s, &e);

	assert_non_null(c);
	return c;
}

/* All problems, one a line. */
static const char *problems(struct config_store *s, char *out, size_t size)
{
	const struct config_problem *p;
	size_t n, at = 0;

	get(s);
	p = config_store_problems(s, &n);
	out[0] = 0;
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s: %s%s", i ? "\n" : "", p[i].path,
		    p[i].message,
		    p[i].harmless ? " (harmless)"
		    : p[i].kept   ? " (kept)"
				  : "");
	return out;
}

struct rule {
	const char *text;
	const char *want; /* the problems, "" when accepted */
};

static void check(const char *kind, const struct rule *r)
{
	struct config_store *s = store();
	char have[4000];

	if (!strcmp(kind, "config"))
		put_configmap(s, r->text);
	else
		put(s, kind, "first", r->text);
	problems(s, have, sizeof(have));
	if (strcmp(have, r->want) != 0)
		fail_msg("%s\n  have: %s\n  want: %s", r->text, have, r->want);
	config_store_free(s);
}

static void ip_address_pools_are_checked(void **state)
{
	static const struct rule rules[] = {
		{ "spec: {addresses: [192.0.2.0/24]}", "" },
		{ "spec: {addresses: ['192.0.2.10-192.0.2.20', ' 198.51.100.1 - 198.51.100.9 ', "
		  "'2001:db8::/64']}",
		    "" },
		{ "spec: {addresses: [192.0.2.7/24]}", "" }, /* host bits are masked off */
		{ "x: 1", "spec: is missing" },
		{ "spec: []", "spec: want an object, have a list" },
		{ "spec: {}", "spec.addresses: the pool has no addresses; list prefixes such as "
			      "192.0.2.0/24 or ranges "
			      "such as 192.0.2.10-192.0.2.20" },
		{ "spec: {addresses: []}", "spec.addresses: the pool has no addresses; list prefixes "
					   "such as 192.0.2.0/24 or ranges "
					   "such as 192.0.2.10-192.0.2.20" },
		{ "spec: {addresses: [192.0.2.0/24], autoassign: false, serviceAllocation: {namespace: "
		  "[a]}}",
		    "spec.autoassign: no such key; the keys here are addresses, autoAssign, "
		    "avoidBuggyIPs, serviceAllocation (harmless)\n"
		    "spec.serviceAllocation.namespace: no such key; the keys here are priority, "
		    "namespaces, namespaceSelectors, serviceSelectors (harmless)" },
		{ "spec: {addresses: 192.0.2.0/24}",
		    "spec.addresses: want a list, have \"192.0.2.0/24\"" },
		{ "spec: {addresses: [{}]}", "spec.addresses[0]: want a string, have an object" },
		{ "spec: {addresses: [192.0.2.1]}", "spec.addresses[0]: \"192.0.2.1\" is one address "
						    "where a range is wanted; write it as "
						    "192.0.2.1/32" },
		{ "spec: {addresses: ['2001:db8::1']}", "spec.addresses[0]: \"2001:db8::1\" is one "
							"address where a range is wanted; write it as "
							"2001:db8::1/128" },
		{ "spec: {addresses: [192.0.2.0/33]}", "spec.addresses[0]: \"192.0.2.0/33\" is not a "
						       "prefix: after the slash want a length from 0 "
						       "to 32, have \"33\"" },
		{ "spec: {addresses: [192.0.2.9-192.0.2.1]}",
		    "spec.addresses[0]: \"192.0.2.9-192.0.2.1\" is not a range: its start 192.0.2.9 is "
		    "after "
		    "its end 192.0.2.1; swap them" },
		{ "spec: {addresses: ['192.0.2.1-2001:db8::1']}",
		    "spec.addresses[0]: \"192.0.2.1-2001:db8::1\" is not a range: 192.0.2.1 is IPv4 "
		    "but "
		    "2001:db8::1 is IPv6; both ends must be of one family" },
		{ "spec: {addresses: [0.0.0.0/0]}", "spec.addresses[0]: \"0.0.0.0/0\" is every IPv4 "
						    "address; write only those that may be "
						    "given away" },
		{ "spec: {addresses: ['::ffff:0:0/96']}",
		    "spec.addresses[0]: \"::ffff:0:0/96\" is every IPv4 address; write only those that "
		    "may be "
		    "given away" },
		{ "spec: {addresses: ['::/0', nonsense]}",
		    "spec.addresses[0]: \"::/0\" is every IPv6 address; write only those that may be "
		    "given "
		    "away\n"
		    "spec.addresses[1]: \"nonsense\" is neither a prefix such as 192.0.2.0/24 nor a "
		    "range such "
		    "as 192.0.2.10-192.0.2.20" },
		{ "spec: {addresses: [192.0.2.0/24, 198.51.100.0/24, 192.0.2.128-192.0.2.130]}",
		    "spec.addresses[2]: \"192.0.2.128-192.0.2.130\" overlaps \"192.0.2.0/24\" of the "
		    "same pool; "
		    "no address may be there twice" },
		{ "spec: {addresses: [192.0.2.0/24], autoAssign: false, avoidBuggyIPs: true}", "" },
		{ "spec: {addresses: [192.0.2.0/24], autoAssign: 'no', avoidBuggyIPs: 1}",
		    "spec.autoAssign: want a boolean, have \"no\"\nspec.avoidBuggyIPs: want a boolean, "
		    "have 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		check("IPAddressPool", &rules[i]);
}

static void service_allocation_is_checked(void **state)
{
#define POOL(allocation) "spec: {addresses: [192.0.2.0/24], serviceAllocation: " allocation "}"
	static const struct rule rules[] = {
		{ POOL("{priority: 20, namespaces: [a, b]}"), "" },
		{ POOL("{priority: -1}"), "" },
		{ POOL("{}"), "" },
		{ POOL("[]"), "spec.serviceAllocation: want an object, have a list" },
		{ POOL("{priority: high}"), "spec.serviceAllocation.priority: want an integer (lower "
					    "comes first, 0 comes last), have "
					    "\"high\"" },
		{ POOL("{priority: 1.5}"), "spec.serviceAllocation.priority: want an integer (lower "
					   "comes first, 0 comes last), have "
					   "1.5" },
		{ POOL("{priority: 4294967296}"), "" },
		{ POOL("{priority: 9223372036854775808}"),
		    "spec.serviceAllocation.priority: want an integer (lower comes first, 0 comes "
		    "last), have 9223372036854775808" },
		{ POOL("{namespaces: [a, b, a]}"), "spec.serviceAllocation.namespaces[2]: \"a\" is "
						   "there already, as namespaces[0]; remove one" },
		{ POOL("{namespaces: ['']}"),
		    "spec.serviceAllocation.namespaces[0]: want a name, have \"\"" },
		{ POOL("{namespaceSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: c}}]}"), "" },
		{ POOL("{namespaceSelectors: [{matchLabels: {a: b, c: d}}, {matchLabels: {c: d, a: "
		       "b}}]}"),
		    "spec.serviceAllocation.namespaceSelectors[1]: says the same as another of "
		    "namespaceSelectors; remove one" },
		{ POOL("{serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [x, "
		       "w]}]}]}"),
		    "" },
		{ POOL("{serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [x, "
		       "x]}]}]}"),
		    "spec.serviceAllocation.serviceSelectors[0]: \"x\" stands twice among the values "
		    "of a; "
		    "remove one" },
		{ POOL("{serviceSelectors: [{matchExpressions: [{key: a, operator: Exists}, "
		       "{key: a, operator: Exists}]}]}"),
		    "spec.serviceAllocation.serviceSelectors[0]: the expression about a stands twice; "
		    "remove "
		    "one" },
		{ POOL("{serviceSelectors: [{matchExpressions: [{key: a, operator: Near}]}]}"),
		    "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator: want In, "
		    "NotIn, "
		    "Exists or DoesNotExist, have \"Near\"" },
		{ POOL("{serviceSelectors: [web]}"), "spec.serviceAllocation.serviceSelectors[0]: want "
						     "a label selector ({} for everything), "
						     "have \"web\"" },
	};
#undef POOL

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		check("IPAddressPool", &rules[i]);
}

static void old_address_pools_are_checked(void **state)
{
	static const struct rule rules[] = {
		{ "spec: {protocol: layer2, addresses: [192.0.2.0/24], autoAssign: false}", "" },
		{ "spec: {protocol: bgp, addresses: [192.0.2.0/24], bgpAdvertisements: [{}]}", "" },
		{ "spec: {addresses: [192.0.2.0/24]}",
		    "spec.protocol: want layer2 or bgp, have nothing" },
		{ "spec: {protocol: arp, addresses: [192.0.2.0/24]}",
		    "spec.protocol: want layer2 or bgp, have \"arp\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		check("AddressPool", &rules[i]);
}

static void l2_advertisements_are_checked(void **state)
{
	static const struct rule rules[] = {
		{ "x: 1", "" },
		{ "spec: {}", "" },
		{ "spec: {ipAddressPools: [a, b], ipAddressPoolSelectors: [{}], interfaces: [eth0], "
		  "nodeSelectors: [{matchLabels: {a: b}}], serviceSelectors: [{matchLabels: {a: b}}], "
		  "preferredNodeSelectors: [{weight: 100, preference: {}}]}",
		    "" },
		{ "spec: {ipAddressPools: [a, a]}", "spec.ipAddressPools[1]: \"a\" is there already, "
						    "as ipAddressPools[0]; remove one" },
		{ "spec: {ipAddressPools: a}", "spec.ipAddressPools: want a list, have \"a\"" },
		{ "spec: {interfaces: [[]]}", "spec.interfaces[0]: want a string, have a list" },
		{ "spec: {nodeSelectors: {}}", "spec.nodeSelectors: want a list, have an object" },
		{ "spec: {preferredNodeSelectors: [{weight: 101, preference: {}}, {weight: 1}, 7]}",
		    "spec.preferredNodeSelectors[0].weight: want an integer from 1 to 100, have 101\n"
		    "spec.preferredNodeSelectors[1].preference: want a label selector ({} for "
		    "everything), "
		    "have nothing\n"
		    "spec.preferredNodeSelectors[2]: want a weight and a preference, have 7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		check("L2Advertisement", &rules[i]);
}

#define P(more) "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]" more "}]"
static void the_configmap_is_checked(void **state)
{
	static const struct rule rules[] = {
		{ "", "" },
		{ P(", auto-assign: no, avoid-buggy-ips: yes"), "" },
		{ "address-pools:\n- name: a\n  protocol: bgp\n  addresses:\n  - 192.0.2.0/24\n"
		  "  bgp-advertisements:\n  - aggregation-length: 32\n    localpref: 100\n"
		  "    communities: [no-advertise]\n"
		  "peers:\n- my-asn: 64500\n  peer-asn: 64501\n  peer-address: 192.0.2.1\n"
		  "  node-selectors:\n  - match-labels: {a: b}\n    match-expressions: [{key: a, "
		  "operator: In, values: [b]}]\n"
		  "bgp-communities: {no-advertise: '65535:65282'}\n"
		  "bfd-profiles:\n- name: b\n  echo-mode: true\n",
		    "" },
		{ "- 1", "data.config: want keys such as address-pools, have a list" },
		{ "address-pools: {}", "address-pools: want a list, have an object" },
		{ "address-pools: [7]", "address-pools[0]: want an object, have 7" },
		{ "adress-pools: []", "adress-pools: no such key; the keys here are peers, "
				      "address-pools, bgp-communities, "
				      "bfd-profiles" },
		{ "address-pools: [{protocol: layer2, addresses: [192.0.2.0/24]}]",
		    "address-pools[0].name: the pool has no name; give it one" },
		{ P(", cidr: [x]"),
		    "address-pools[0].cidr: no such key; the keys here are name, protocol, addresses, "
		    "avoid-buggy-ips, auto-assign, bgp-advertisements" },
		{ "address-pools: [{name: a, addresses: [192.0.2.0/24]}]",
		    "address-pools[0].protocol: want layer2 or bgp, have nothing" },
		{ "address-pools: [{name: a, protocol: l2, addresses: [192.0.2.0/24]}]",
		    "address-pools[0].protocol: want layer2 or bgp, have \"l2\"" },
		{ "address-pools: [{name: a, protocol: bgp}]",
		    "address-pools[0].addresses: the pool has no addresses; list prefixes such as "
		    "192.0.2.0/24 or ranges such as 192.0.2.10-192.0.2.20" },
		{ P(", auto-assign: 'no'"),
		    "address-pools[0].auto-assign: want a boolean, have \"no\"" },
		{ P(", bgp-advertisements: []"), "address-pools[0].bgp-advertisements: goes with "
						 "protocol bgp only; this pool's protocol is "
						 "layer2" },
		{ "peers: [{my-as: 1}]",
		    "peers[0].my-as: no such key; the keys here are my-asn, peer-asn, peer-address, "
		    "source-address, peer-port, hold-time, keepalive-time, router-id, node-selectors, "
		    "password, "
		    "bfd-profile, ebgp-multihop" },
		{ "peers: [{node-selectors: [{matchLabels: {}}]}]",
		    "peers[0].node-selectors[0].matchLabels: no such key; the keys here are "
		    "match-labels, "
		    "match-expressions" },
		{ "bfd-profiles: [{nam: 1}]",
		    "bfd-profiles[0].nam: no such key; the keys here are name, receive-interval, "
		    "transmit-interval, echo-interval, detect-multiplier, minimum-ttl, echo-mode, "
		    "passive-mode" },
		{ "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/25]}, "
		  "{name: a, protocol: layer2, addresses: [192.0.2.128/25]}]",
		    "address-pools[1].name: another pool before is named \"a\"; rename one" },
		{ "a: [", "data.config: line 2, column 1: did not find expected node content while "
			  "parsing a flow "
			  "node" },
		{ "peers: []\npeers: []\n",
		    "data.config: line 2, column 1: key 'peers' is here twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		check("config", &rules[i]);
}

static void a_configmap_without_its_key_says_so(void **state)
{
	static const struct rule missing = { "data: {}",
		"data.config: is missing; the configuration is YAML text under this key" };
	struct config_store *s = store();
	char have[400];

	(void)state;
	put(s, "ConfigMap", "config", missing.text);
	assert_string_equal(problems(s, have, sizeof(have)), missing.want);
	assert_true(get(s)->incomplete);
	config_store_free(s);
}

static void all_fields_of_a_pool_come_through(void **state)
{
	struct config_store *s = store();
	const struct config_pool *p;
	char text[RANGE_TEXT_LEN];

	(void)state;
	put(s, "IPAddressPool", "gold",
	    "spec: {addresses: [198.51.100.0/30, 192.0.2.10-192.0.2.12], autoAssign: false, "
	    "avoidBuggyIPs: true, serviceAllocation: {priority: 7, namespaces: [a], "
	    "namespaceSelectors: [{matchLabels: {k: v}}], serviceSelectors: [{}, {matchLabels: {x: "
	    "z}}]}}");
	p = config_pool_find(get(s), "gold");
	assert_non_null(p);
	assert_int_equal(p->ranges_n, 2);
	assert_string_equal(range_format(&p->ranges[0], text), "198.51.100.0-198.51.100.3");
	assert_string_equal(range_format(&p->ranges[1], text), "192.0.2.10-192.0.2.12");
	assert_false(p->auto_assign);
	assert_true(p->avoid_buggy_ips);
	assert_true(p->restricted);
	assert_int_equal(p->priority, 7);
	assert_true(config_names_has(&p->namespaces, "a"));
	assert_int_equal(p->namespace_selectors.n, 1);
	assert_int_equal(p->service_selectors.n, 2);
	assert_string_equal(p->source_kind, "IPAddressPool");
	assert_string_equal(p->source_namespace, "lb");
	config_store_free(s);
}

static void defaults_are_the_apis(void **state)
{
	struct config_store *s = store();
	const struct config_pool *p;

	(void)state;
	put(s, "IPAddressPool", "a", "spec: {addresses: [192.0.2.0/24]}");
	p = config_pool_find(get(s), "a");
	assert_true(p->auto_assign);
	assert_false(p->avoid_buggy_ips);
	assert_false(p->restricted);
	config_store_free(s);
}

static void a_layer2_pool_of_the_configmap_is_advertised(void **state)
{
	struct config_store *s = store();
	const struct config *c;

	(void)state;
	put_configmap(s, "address-pools:\n"
			 "- {name: routed, protocol: bgp, addresses: [198.51.100.0/24]}\n"
			 "- {name: lan, protocol: layer2, addresses: [192.0.2.0/24]}\n");
	c = get(s);
	assert_int_equal(c->pools_n, 2);
	assert_int_equal(c->l2_n, 1);
	assert_true(config_l2_covers_pool(&c->l2[0], config_pool_find(c, "lan")));
	assert_false(config_l2_covers_pool(&c->l2[0], config_pool_find(c, "routed")));
	assert_string_equal(config_pool_find(c, "lan")->source_kind, "ConfigMap");
	config_store_free(s);
}

static void an_advertisement_covers_pools_by_name_by_label_or_all(void **state)
{
	struct config_store *s = store();
	const struct config *c;
	const struct config_pool *a, *b;

	(void)state;
	put(s, "IPAddressPool", "a", "spec: {addresses: [192.0.2.0/24]}");
	put(s, "IPAddressPool", "b, labels: {tier: gold}", "spec: {addresses: [198.51.100.0/24]}");
	put(s, "L2Advertisement", "l1", "spec: {}");
	put(s, "L2Advertisement", "l2", "spec: {ipAddressPools: [a, nobody]}");
	put(s, "L2Advertisement", "l3",
	    "spec: {ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]}");
	c = get(s);
	a = config_pool_find(c, "a");
	b = config_pool_find(c, "b");
	assert_true(config_l2_covers_pool(&c->l2[0], a) && config_l2_covers_pool(&c->l2[0], b));
	assert_true(config_l2_covers_pool(&c->l2[1], a) && !config_l2_covers_pool(&c->l2[1], b));
	assert_true(!config_l2_covers_pool(&c->l2[2], a) && config_l2_covers_pool(&c->l2[2], b));
	config_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_address_pools_are_checked),
		cmocka_unit_test(service_allocation_is_checked),
		cmocka_unit_test(old_address_pools_are_checked),
		cmocka_unit_test(l2_advertisements_are_checked),
		cmocka_unit_test(the_configmap_is_checked),
		cmocka_unit_test(a_configmap_without_its_key_says_so),
		cmocka_unit_test(all_fields_of_a_pool_come_through),
		cmocka_unit_test(defaults_are_the_apis),
		cmocka_unit_test(a_layer2_pool_of_the_configmap_is_advertised),
		cmocka_unit_test(an_advertisement_covers_pools_by_name_by_label_or_all),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
