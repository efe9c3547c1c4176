/* SPDX-License-Identifier: Apache-2.0 */
/* What stays in force when objects come, change and go. */
#include "pkg/config/config.h"

#include "tests/yaml.h"

struct fixture {
	struct config_store *s;
	char text[4000];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	f->s = config_store_new("lb", &e);
	*state = f;
	return f->s ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_store_free(f->s);
	free(f);
	return 0;
}

/* An IPAddressPool of age `created` (a year, 0 for unknown). */
static struct json *pool(const char *name, int created, const char *addresses)
{
	char text[600], when[60] = "";

	if (created)
		snprintf(when, sizeof(when), ", creationTimestamp: '%d-01-01T00:00:00Z'", created);
	snprintf(text, sizeof(text),
	    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: %s, namespace: "
	    "lb%s}, "
	    "spec: {addresses: [%s]}}",
	    name, when, addresses);
	return yaml(text);
}

static bool put_pool(struct fixture *f, const char *name, int created, const char *addresses)
{
	CLEANUP(json_freep) struct json *j = pool(name, created, addresses);

	return config_store_put(f->s, j);
}

static void remove_pool(struct fixture *f, const char *name)
{
	CLEANUP(json_freep) struct json *j = pool(name, 0, "");

	assert_true(config_store_remove(f->s, j));
}

static bool put_configmap(struct fixture *f, const char *namespace, const char *text)
{
	struct json *data = json_new_object(), *o;
	char head[200];
	bool changed;

	snprintf(head, sizeof(head),
	    "{kind: ConfigMap, apiVersion: v1, metadata: {name: config, namespace: %s}}", namespace);
	o = yaml(head);
	json_set(data, "config", json_new_string(text, strlen(text)));
	json_set(o, "data", data);
	changed = config_store_put(f->s, o);
	json_free(o);
	return changed;
}

/* "a=192.0.2.0-192.0.2.255 b=... | KIND NAME PATH (kept)...", the whole state in short. */
static const char *state_of(struct fixture *f)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(f->s, &e);
	const struct config_problem *p;
	char *out = f->text, range[RANGE_TEXT_LEN];
	size_t n, at = 0, size = sizeof(f->text);

	assert_non_null(c);
	out[0] = 0;
	for (size_t i = 0; i < c->pools_n; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s=%s", i ? " " : "", c->pools[i].name,
		    range_format(&c->pools[i].ranges[0], range));
	p = config_store_problems(f->s, &n);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, size - at, " | %s/%s %s%s", p[i].namespace, p[i].name,
		    p[i].path, p[i].kept ? " kept" : "");
	if (c->incomplete)
		snprintf(out + at, size - at, " | incomplete");
	return out;
}

static void a_pool_that_goes_wrong_keeps_its_last_good_version(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "192.0.2.0/30");
	put_pool(f, "b", 0, "198.51.100.0/30");
	assert_string_equal(state_of(f), "a=192.0.2.0-192.0.2.3 b=198.51.100.0-198.51.100.3");
	put_pool(f, "a", 0, "192.0.2.0");
	put_pool(f, "b", 0, "198.51.100.4/30");
	assert_string_equal(state_of(f),
	    "a=192.0.2.0-192.0.2.3 b=198.51.100.4-198.51.100.7 | lb/a spec.addresses[0] kept");
	put_pool(f, "a", 0, "192.0.2.4/30");
	assert_string_equal(state_of(f), "a=192.0.2.4-192.0.2.7 b=198.51.100.4-198.51.100.7");
}

static void a_pool_wrong_from_the_start_leaves_the_others(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "nonsense");
	put_pool(f, "b", 0, "198.51.100.0/30");
	assert_string_equal(
	    state_of(f), "b=198.51.100.0-198.51.100.3 | lb/a spec.addresses[0] | incomplete");
	remove_pool(f, "a");
	assert_string_equal(state_of(f), "b=198.51.100.0-198.51.100.3");
}

static void a_pool_removed_is_gone_also_when_it_was_wrong(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "192.0.2.0/30");
	state_of(f);
	put_pool(f, "a", 0, "nonsense");
	assert_string_equal(state_of(f), "a=192.0.2.0-192.0.2.3 | lb/a spec.addresses[0] kept");
	remove_pool(f, "a");
	assert_string_equal(state_of(f), "");
}

static void of_two_that_overlap_the_older_is_in_force_whatever_came_first(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "young", 2022, "192.0.2.0/30");
	put_pool(f, "old", 2021, "192.0.2.2-192.0.2.9");
	put_pool(f, "ageless", 0, "192.0.2.8-192.0.2.9");
	assert_string_equal(state_of(f),
	    "old=192.0.2.2-192.0.2.9 | lb/ageless spec.addresses[0] | lb/young spec.addresses[0] | "
	    "incomplete");
	remove_pool(f, "old");
	assert_string_equal(state_of(f), "ageless=192.0.2.8-192.0.2.9 young=192.0.2.0-192.0.2.3");
}

static void of_two_that_overlap_the_one_in_force_stays(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "young", 2022, "192.0.2.0/30");
	state_of(f);
	put_pool(f, "old", 2021, "192.0.2.2-192.0.2.9");
	assert_string_equal(
	    state_of(f), "young=192.0.2.0-192.0.2.3 | lb/old spec.addresses[0] | incomplete");
	put_pool(f, "old", 2021, "192.0.2.4-192.0.2.9");
	assert_string_equal(state_of(f), "old=192.0.2.4-192.0.2.9 young=192.0.2.0-192.0.2.3");
}

static void a_pool_that_grows_into_another_keeps_its_old_size_until_there_is_room(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "192.0.2.0/25");
	put_pool(f, "b", 0, "192.0.2.128/25");
	state_of(f);
	put_pool(f, "a", 0, "192.0.2.0/24");
	assert_string_equal(state_of(f),
	    "a=192.0.2.0-192.0.2.127 b=192.0.2.128-192.0.2.255 | lb/a spec.addresses[0] kept");
	remove_pool(f, "b");
	assert_string_equal(state_of(f), "a=192.0.2.0-192.0.2.255");
}

static void two_pools_swap_their_addresses_in_two_steps(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "192.0.2.0/25");
	put_pool(f, "b", 0, "192.0.2.128/25");
	state_of(f);
	put_pool(f, "a", 0, "192.0.2.128/25");
	state_of(f);
	put_pool(f, "b", 0, "192.0.2.0/25");
	assert_string_equal(state_of(f), "a=192.0.2.128-192.0.2.255 b=192.0.2.0-192.0.2.127");
}

/* "new" has room beside the edit of "a", but not beside what "a" falls back to. */
static void a_fallback_takes_its_room_back(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 2022, "192.0.2.0/25");
	put_pool(f, "b", 2021, "192.0.2.128/25");
	state_of(f);
	put_pool(f, "new", 2020, "192.0.2.0/26");
	put_pool(f, "a", 2022, "192.0.2.64/26, 192.0.2.192/26");
	assert_string_equal(state_of(f),
	    "a=192.0.2.0-192.0.2.127 b=192.0.2.128-192.0.2.255 | lb/a "
	    "spec.addresses[1] kept | lb/new spec.addresses[0] | incomplete");
}

static void one_name_from_two_formats_is_refused(void **state)
{
	struct fixture *f = *state;

	put_pool(f, "a", 0, "192.0.2.0/30");
	state_of(f);
	put_configmap(
	    f, "lb", "address-pools: [{name: a, protocol: layer2, addresses: [198.51.100.0/30]}]");
	assert_string_equal(
	    state_of(f), "a=192.0.2.0-192.0.2.3 | lb/config address-pools[0].name | incomplete");
}

static void one_wrong_pool_of_the_configmap_leaves_the_others(void **state)
{
	struct fixture *f = *state;

	put_configmap(f, "lb",
	    "address-pools:\n- {name: a, protocol: layer2, addresses: [192.0.2.0/30]}\n"
	    "- {name: b, protocol: layer2, addresses: [198.51.100.0/30]}\n");
	assert_string_equal(state_of(f), "a=192.0.2.0-192.0.2.3 b=198.51.100.0-198.51.100.3");
	put_configmap(f, "lb",
	    "address-pools:\n- {name: c, protocol: layer2, addresses: [203.0.113.0/30]}\n"
	    "- {name: b, protocol: layer3, addresses: [198.51.100.0/28]}\n");
	assert_string_equal(state_of(f),
	    "b=198.51.100.0-198.51.100.3 c=203.0.113.0-203.0.113.3 | lb/config "
	    "address-pools[1].protocol kept");
}

static void a_configmap_that_may_hide_pools_loses_none(void **state)
{
	struct fixture *f = *state;

	put_configmap(
	    f, "lb", "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/30]}]");
	state_of(f);
	put_configmap(f, "lb", "address-pools: [");
	assert_string_equal(
	    state_of(f), "a=192.0.2.0-192.0.2.3 | lb/config data.config kept | incomplete");
	put_configmap(f, "lb", "adress-pools: []");
	assert_string_equal(
	    state_of(f), "a=192.0.2.0-192.0.2.3 | lb/config adress-pools kept | incomplete");
	put_configmap(f, "lb",
	    "x: y\naddress-pools: [{name: a, protocol: layer2, addresses: [198.51.100.0/30]}]");
	assert_string_equal(state_of(f), "a=198.51.100.0-198.51.100.3 | lb/config x | incomplete");
	put_configmap(
	    f, "lb", "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/30]}]");
	assert_string_equal(state_of(f), "a=192.0.2.0-192.0.2.3");
	put_configmap(f, "lb", "address-pools: [{protocol: layer2, addresses: [192.0.2.0/30]}]");
	assert_string_equal(
	    state_of(f), "a=192.0.2.0-192.0.2.3 | lb/config address-pools[0].name | incomplete");
	put_configmap(f, "lb", "address-pools: []");
	assert_string_equal(state_of(f), "");
}

static void only_the_namespace_of_the_configuration_counts(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_freep)
	struct json *j = yaml("{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, "
			      "metadata: {name: a, namespace: default}, spec: "
			      "{addresses: [192.0.2.0/30]}}");

	assert_false(put_configmap(
	    f, "other", "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/30]}]"));
	assert_true(config_store_put(f->s, j));
	assert_string_equal(state_of(f), " | default/a metadata.namespace");
}

static void what_does_not_matter_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	const struct config *c;
	CLEANUP(json_freep) struct json *j = pool("a", 2021, "192.0.2.0/30");
	CLEANUP(json_freep) struct json *status = yaml("{assignedIPv4: 3}");
	CLEANUP(json_freep)
	struct json *service = yaml("{kind: Service, apiVersion: v1, metadata: {name: a}}");

	assert_true(config_store_put(f->s, j));
	c = config_store_get(f->s, &e);
	json_set(j, "status", TAKE(status));
	assert_false(config_store_put(f->s, j));
	assert_false(config_store_put(f->s, service));
	assert_ptr_equal(config_store_get(f->s, &e), c);
	assert_false(config_store_reads("Service", ""));
	assert_true(config_store_reads("ConfigMap", ""));
	assert_false(config_store_reads("IPAddressPool", ""));
}

static void a_configuration_outlives_the_changes_until_the_next_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	const struct config *c;
	struct addr in, out;

	assert_int_equal(addr_parse(&in, "192.0.2.3", &e) | addr_parse(&out, "192.0.2.4", &e), 0);
	put_pool(f, "a", 0, "192.0.2.0/30");
	c = config_store_get(f->s, &e);
	put_pool(f, "a", 0, "198.51.100.0/30");
	remove_pool(f, "a");
	assert_string_equal(config_pool_of(c, &in)->name, "a");
	assert_null(config_pool_of(c, &out));
	assert_true(config_pool_holds(&c->pools[0], &in));
	assert_false(config_pool_holds(&c->pools[0], &out));
	assert_null(config_pool_find(c, "b"));
	assert_null(config_pool_of(config_store_get(f->s, &e), &in));
}

static void ten_thousand_pools_that_all_overlap_are_settled(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	size_t n;
	char name[20], addresses[40];

	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "p%05d", i);
		snprintf(
		    addresses, sizeof(addresses), "192.%d.%d.0/24, 198.51.100.0/24", i >> 8, i & 255);
		put_pool(f, name, 0, addresses);
	}
	assert_int_equal(config_store_get(f->s, &e)->pools_n, 1);
	config_store_problems(f->s, &n);
	assert_int_equal(n, 9999);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_pool_that_goes_wrong_keeps_its_last_good_version),
		TEST(a_pool_wrong_from_the_start_leaves_the_others),
		TEST(a_pool_removed_is_gone_also_when_it_was_wrong),
		TEST(of_two_that_overlap_the_older_is_in_force_whatever_came_first),
		TEST(of_two_that_overlap_the_one_in_force_stays),
		TEST(a_pool_that_grows_into_another_keeps_its_old_size_until_there_is_room),
		TEST(two_pools_swap_their_addresses_in_two_steps),
		TEST(a_fallback_takes_its_room_back),
		TEST(one_name_from_two_formats_is_refused),
		TEST(one_wrong_pool_of_the_configmap_leaves_the_others),
		TEST(a_configmap_that_may_hide_pools_loses_none),
		TEST(only_the_namespace_of_the_configuration_counts),
		TEST(what_does_not_matter_changes_nothing),
		TEST(a_configuration_outlives_the_changes_until_the_next_is_asked_for),
		TEST(ten_thousand_pools_that_all_overlap_are_settled),
	};

	return cmocka_run_group_tests_name("config store", tests, NULL, NULL);
}
