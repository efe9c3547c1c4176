/* SPDX-License-Identifier: Apache-2.0 */
/* The metallb.io resources: IPAddressPool, the older AddressPool, L2Advertisement. */
#include <string.h>

#include "pkg/config/decode.h"

static const struct path spec_path = { "spec" };

static const char *const pool_keys[] = { "addresses", "autoAssign", "avoidBuggyIPs",
	"serviceAllocation", NULL };
static const char *const old_pool_keys[] = { "protocol", "addresses", "autoAssign", "avoidBuggyIPs",
	"bgpAdvertisements", NULL };
static const char *const allocation_keys[] = { "priority", "namespaces", "namespaceSelectors",
	"serviceSelectors", NULL };
static const char *const l2_keys[] = { "ipAddressPools", "ipAddressPoolSelectors", "nodeSelectors",
	"interfaces", "serviceSelectors", "preferredNodeSelectors", NULL };
static const char *const preference_keys[] = { "weight", "preference", NULL };

/* An empty version with what all kinds have in common, lying in its own arena. */
static struct version *version_new(const struct api_meta *meta, const char *kind)
{
	struct arena arena = ARENA_INIT;
	struct version *v = arena_alloc(&arena, sizeof(*v));
	struct api_pair *labels;

	if (!v)
		return NULL;
	labels = meta->labels.n ? arena_alloc(&arena, meta->labels.n * sizeof(*labels)) : NULL;
	for (size_t i = 0; labels && i < meta->labels.n; i++) {
		labels[i].key = arena_copy(&arena, meta->labels.at[i].key);
		labels[i].value = arena_copy(&arena, meta->labels.at[i].value);
	}
	v->path = spec_path.text;
	v->pool.name = v->l2.name = arena_copy(&arena, meta->name);
	v->pool.labels = (struct api_map){ labels, labels ? meta->labels.n : 0 };
	v->pool.source_kind = kind;
	v->pool.source_namespace = arena_copy(&arena, meta->namespace);
	v->pool.source_name = v->pool.name;
	v->pool.auto_assign = true;
	v->arena = arena;
	return v;
}

/* v, if nothing was wrong with it. */
static struct version *finish(struct version *v, const struct decoder *d)
{
	if (!d->bad && !v->arena.bad)
		return v;
	version_free(v);
	return NULL;
}

/* The spec, NULL when there is none (told). */
static const struct json *get_spec(struct decoder *d, const struct json *object)
{
	const struct path root = { "" };
	const struct json *spec = get_typed(d, object, &root, "spec", JSON_OBJECT);

	if (!spec && !json_get(object, "spec"))
		refuse(d, &spec_path, "is missing");
	return spec;
}

static void get_allocation(
    struct decoder *d, const struct json *spec, const struct path *up, struct version *v)
{
	static const char key[] = "serviceAllocation";
	const struct json *j = get_typed(d, spec, up, key, JSON_OBJECT);
	struct path at = path_key(up, key);
	struct path priority = path_key(&at, "priority");
	const struct json *number = json_get(j, "priority");
	struct config_pool *p = &v->pool;
	int64_t n = 0;

	if (!j)
		return;
	p->restricted = true;
	check_keys(d, j, &at, allocation_keys);
	if (number && !json_int(number, &n))
		refuse_value(d, &priority, "an integer (lower comes first, 0 comes last)", number);
	else
		p->priority = n;
	p->namespaces = get_names(d, j, &at, "namespaces");
	p->namespace_selectors = get_selectors(d, j, &at, "namespaceSelectors");
	p->service_selectors = get_selectors(d, j, &at, "serviceSelectors");
}

/* A pool of the kind, whose spec has these keys; more() reads what only this kind has. */
static struct version *decode(const struct json *object, const struct api_meta *meta, struct faults *f,
    const char *kind, const char *const *keys,
    void (*more)(struct decoder *d, const struct json *spec, const struct path *up, struct version *v))
{
	struct version *v = version_new(meta, kind);
	struct decoder d = { .faults = f, .entry = NO_ENTRY, .lenient = true };
	const struct json *spec;

	if (!v)
		return NULL;
	d.arena = &v->arena;
	v->has_pool = true;
	spec = get_spec(&d, object);
	if (spec) {
		check_keys(&d, spec, &spec_path, keys);
		get_addresses(&d, spec, &spec_path, v);
		v->pool.auto_assign = get_bool(&d, spec, &spec_path, "autoAssign", true);
		v->pool.avoid_buggy_ips = get_bool(&d, spec, &spec_path, "avoidBuggyIPs", false);
		get_reserved(&d, meta, v);
		more(&d, spec, &spec_path, v);
	}
	return finish(v, &d);
}

struct version *decode_ip_address_pool(
    const struct json *object, const struct api_meta *meta, struct faults *f)
{
	return decode(object, meta, f, "IPAddressPool", pool_keys, get_allocation);
}

struct version *decode_address_pool(
    const struct json *object, const struct api_meta *meta, struct faults *f)
{
	return decode(object, meta, f, "AddressPool", old_pool_keys, get_protocol);
}

static void get_preference(
    struct decoder *d, const struct json *item, const struct path *at, struct config_preference *p)
{
	struct path weight = path_key(at, "weight"), preference = path_key(at, "preference");
	int64_t n;

	if (json_type(item) != JSON_OBJECT) {
		refuse_value(d, at, "a weight and a preference", item);
		return;
	}
	check_keys(d, item, at, preference_keys);
	if (!json_int(json_get(item, "weight"), &n) || n < 1 || n > 100)
		refuse_value(d, &weight, "an integer from 1 to 100", json_get(item, "weight"));
	else
		p->weight = (uint32_t)n;
	get_selector(d, json_get(item, "preference"), &preference, &p->selector);
}

struct version *decode_l2_advertisement(
    const struct json *object, const struct api_meta *meta, struct faults *f)
{
	static const char preferred[] = "preferredNodeSelectors";
	struct version *v = version_new(meta, "L2Advertisement");
	struct decoder d = { .faults = f, .entry = NO_ENTRY, .lenient = true };
	const struct path root = { "" };
	const struct json *spec, *list;
	struct config_preference *at;
	struct path where = path_key(&spec_path, preferred);

	if (!v)
		return NULL;
	d.arena = &v->arena;
	v->has_l2 = true;
	/* Without a spec it covers everything, as in the API. */
	spec = get_typed(&d, object, &root, "spec", JSON_OBJECT);
	check_keys(&d, spec, &spec_path, l2_keys);
	v->l2.pools = get_names(&d, spec, &spec_path, "ipAddressPools");
	v->l2.pool_selectors = get_selectors(&d, spec, &spec_path, "ipAddressPoolSelectors");
	v->l2.node_selectors = get_selectors(&d, spec, &spec_path, "nodeSelectors");
	v->l2.interfaces = get_names(&d, spec, &spec_path, "interfaces");
	v->l2.service_selectors = get_selectors(&d, spec, &spec_path, "serviceSelectors");
	list = get_typed(&d, spec, &spec_path, preferred, JSON_ARRAY);
	v->l2.preferences_n = json_count(list);
	at = v->l2.preferences_n ? arena_alloc(d.arena, v->l2.preferences_n * sizeof(*at)) : NULL;
	for (size_t i = 0; at && i < v->l2.preferences_n; i++) {
		struct path item = path_item(&where, i);

		get_preference(&d, json_item(list, i), &item, &at[i]);
	}
	v->l2.preferences = at;
	return finish(v, &d);
}
