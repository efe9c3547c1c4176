/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of every object of the configuration with every kind of wrong value: the error names
 * the object and the place, and another pool is in force all the same. */
#include "pkg/config/config.h"

#include "tests/yaml.h"

static struct config_store *store_with_a_good_pool(void)
{
	struct err e = ERR_INIT;
	struct config_store *s = config_store_new("lb", &e);
	CLEANUP(json_freep)
	struct json *good = yaml("{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: "
				 "{name: good, namespace: lb, creationTimestamp: "
				 "'2024-01-01T00:00:00Z'}, spec: {addresses: [203.0.113.0/24]}}");

	assert_non_null(s);
	config_store_put(s, good);
	return s;
}

/* "a.b.c" of the object is this JSON. */
static void set_at(struct json *object, const char *path, const char *value)
{
	char copy[200], *rest = copy, *key;
	struct json *at = object;
	struct err e = ERR_INIT;
	char text[70000];

	snprintf(copy, sizeof(copy), "%s", path);
	while ((key = strsep(&rest, "|")) && rest)
		at = json_edit(at, key);
	snprintf(text, sizeof(text), "{\"v\":%s}", value);
	CLEANUP(json_freep) struct json *j = json_parse(text, strlen(text), &e);
	assert_non_null(j);
	assert_int_equal(json_set(at, key, json_get(j, "v") ? json_copy(json_get(j, "v")) : NULL), 0);
}

struct field {
	const char *path;  /* keys with | between */
	const char *right; /* of the values below, those that are right here: letters */
};

/* a null, b true, c -1, d 1.5, e "x", f [], g {}, h [7], i [null], j [{}], k a long text, l 0, m "" */
static const char *const values[] = { "null", "true", "-1", "1.5", "\"x\"", "[]", "{}", "[7]", "[null]",
	"[{}]", NULL, "0", "\"\"" };

static const char pool[] =
    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: bad, namespace: lb, "
    "annotations: {}}, spec: {addresses: [192.0.2.0/24], autoAssign: true, avoidBuggyIPs: false, "
    "serviceAllocation: {priority: 5, namespaces: [a], namespaceSelectors: [{matchLabels: {a: b}}], "
    "serviceSelectors: [{matchLabels: {a: b}}]}}}";
static const struct field pool_fields[] = {
	{ "spec", "" },
	{ "spec|addresses", "" },
	{ "spec|autoAssign", "ab" },
	{ "spec|avoidBuggyIPs", "ab" },
	{ "spec|serviceAllocation", "ag" },
	{ "spec|serviceAllocation|priority", "acl" },
	{ "spec|serviceAllocation|namespaces", "af" },
	{ "spec|serviceAllocation|namespaceSelectors", "afj" },
	{ "spec|serviceAllocation|serviceSelectors", "afj" },
	{ "metadata|annotations|lbctl.dev/reserve", "am" },
};
static const char old[] =
    "{kind: AddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: bad, namespace: lb}, spec: "
    "{protocol: layer2, addresses: [192.0.2.0/24], autoAssign: true, avoidBuggyIPs: false}}";
static const struct field old_fields[] = {
	{ "spec", "" },
	{ "spec|protocol", "" },
	{ "spec|addresses", "" },
	{ "spec|autoAssign", "ab" },
	{ "spec|avoidBuggyIPs", "ab" },
};

static void check(const char *object, const struct field *f, size_t v)
{
	static char text[66000];
	CLEANUP(json_freep) struct json *j = yaml(object);
	struct config_store *s = store_with_a_good_pool();
	struct err e = ERR_INIT;
	const struct config *c;
	const struct config_problem *p;
	bool right = strchr(f->right, (int)('a' + v)) != NULL;
	char place[200];
	size_t n;

	text[0] = text[65001] = '"';
	memset(text + 1, 'x', 65000);
	set_at(j, f->path, values[v] ? values[v] : text);
	config_store_put(s, j);
	c = config_store_get(s, &e);
	assert_non_null(c);
	p = config_store_problems(s, &n);
	if (!config_pool_find(c, "good"))
		fail_msg("%s = %s: the good pool went", f->path, values[v]);
	if (right != (n == 0) || right != (config_pool_find(c, "bad") != NULL))
		fail_msg("%s = %s: %zu problems, the first %s", f->path, values[v] ? values[v] : "long",
		    n, n ? p[0].message : "");
	snprintf(place, sizeof(place), "%s", strchr(f->path, '|') ? strchr(f->path, '|') + 1 : "spec");
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(p[i].name, "bad");
		assert_true(strlen(p[i].message) >= 10 && strlen(p[i].message) < 480);
		if (!strstr(p[i].path, strrchr(f->path, '|') ? strrchr(f->path, '|') + 1 : "spec"))
			fail_msg("%s = %s is told of %s", f->path, values[v], p[i].path);
	}
	config_store_free(s);
}

static void every_field_with_every_wrong_value(void **state)
{
	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(values); v++) {
		for (size_t i = 0; i < ARRAY_LEN(pool_fields); i++)
			check(pool, &pool_fields[i], v);
		for (size_t i = 0; i < ARRAY_LEN(old_fields); i++)
			check(old, &old_fields[i], v);
	}
}

static const struct {
	const char *addresses;
	const char *says; /* NULL: it is right */
} ranges[] = {
	{ "0.0.0.0/0", "every IPv4 address" },
	{ "::/0", "every IPv6 address" },
	{ "0.0.0.0-255.255.255.255", "every IPv4 address" },
	{ "::ffff:0:0/96", "" },
	{ "192.0.2.1-2001:db8::1", "" },
	{ "2001:db8::1-192.0.2.1", "" },
	{ "192.0.2.9-192.0.2.1", "swap them" },
	{ "192.0.2.1", "192.0.2.1/32" },
	{ "192.0.2.0/33", "from 0 to 32, have \"33\"" },
	{ "192.0.2.0/-1", "from 0 to 32, have \"-1\"" },
	{ "192.0.2.0/255.255.255.0", "from 0 to 32, have \"255.255.255.0\"" },
	{ "192.0.2.0/24 ", "from 0 to 32, have \"24 \"" },
	{ "::ffff:192.0.2.1", "write it as 192.0.2.1/32" },
	{ "192.0.2.0/", "" },
	{ "/24", "" },
	{ "-", "" },
	{ "192.0.2.1-", "" },
	{ "192.0.2.256/32", "" },
	{ "192.0.2.01/32", "" },
	{ "fe80::1%eth0/64", "" },
	{ "lb.example/32", "" },
	{ "192.0.2.0/24,198.51.100.0/24", "have \"24,198.51.100.0/24\"" },
	{ "192.0.2.0/25','192.0.2.64/26", "overlaps" },
	{ "192.0.2.0/24','192.0.2.0/24", "overlaps" },
	{ "203.0.113.128/25", "overlaps" },
	{ "192.0.2.7/24", NULL },
	{ " 192.0.2.1 - 192.0.2.9 ", NULL },
	{ "2001:db8::/64','2001:db8:0:1::/64", NULL },
};

static void every_wrong_range(void **state)
{
	char text[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct config_store *s = store_with_a_good_pool();
		struct err e = ERR_INIT;
		const struct config_problem *p;
		const struct config *c;
		size_t n;

		snprintf(text, sizeof(text),
		    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: bad, "
		    "namespace: "
		    "lb}, spec: {addresses: ['%s']}}",
		    ranges[i].addresses);
		CLEANUP(json_freep) struct json *j = yaml(text);
		config_store_put(s, j);
		c = config_store_get(s, &e);
		p = config_store_problems(s, &n);
		assert_non_null(config_pool_find(c, "good"));
		if ((ranges[i].says == NULL) != (n == 0) ||
		    (n && !strstr(p[0].message, ranges[i].says)))
			fail_msg("%s: %zu, %s", ranges[i].addresses, n, n ? p[0].message : "");
		config_store_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_with_every_wrong_value),
		cmocka_unit_test(every_wrong_range),
	};

	return cmocka_run_group_tests_name("config: what is wrong", tests, NULL, NULL);
}
