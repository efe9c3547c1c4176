/* SPDX-License-Identifier: Apache-2.0 */
/* The ConfigMap of MetalLB 0.12: the key `config` of its data is YAML text, and no key that
 * MetalLB did not know is let through.  The parts about BGP are read for their keys only. */
#include <string.h>

#include "pkg/config/decode.h"
#include "pkg/yaml/yaml.h"

static const char *const root_keys[] = { "peers", "address-pools", "bgp-communities", "bfd-profiles",
	NULL };
static const char *const pool_keys[] = { "name", "protocol", "addresses", "avoid-buggy-ips",
	"auto-assign", "bgp-advertisements", NULL };
static const char *const advertisement_keys[] = { "aggregation-length", "aggregation-length-v6",
	"localpref", "communities", NULL };
static const char *const peer_keys[] = { "my-asn", "peer-asn", "peer-address", "source-address",
	"peer-port", "hold-time", "keepalive-time", "router-id", "node-selectors", "password",
	"bfd-profile", "ebgp-multihop", NULL };
static const char *const node_selector_keys[] = { "match-labels", "match-expressions", NULL };
static const char *const expression_keys[] = { "key", "operator", "values", NULL };
static const char *const bfd_keys[] = { "name", "receive-interval", "transmit-interval",
	"echo-interval", "detect-multiplier", "minimum-ttl", "echo-mode", "passive-mode", NULL };

typedef void check_fn(struct decoder *d, const struct json *item, const struct path *at);

/* A list of objects with these keys; more() looks into each. */
static void check_list(struct decoder *d, const struct json *object, const struct path *up,
    const char *key, const char *const *known, check_fn *more)
{
	const struct json *list = get_typed(d, object, up, key, JSON_ARRAY);
	struct path where = path_key(up, key);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);
		struct path at = path_item(&where, i);

		if (json_type(item) != JSON_OBJECT) {
			refuse_value(d, &at, json_type_name(JSON_OBJECT), item);
			continue;
		}
		check_keys(d, item, &at, known);
		if (more)
			more(d, item, &at);
	}
}

static void check_node_selector(struct decoder *d, const struct json *item, const struct path *at)
{
	check_list(d, item, at, "match-expressions", expression_keys, NULL);
}

static void check_peer(struct decoder *d, const struct json *item, const struct path *at)
{
	check_list(d, item, at, "node-selectors", node_selector_keys, check_node_selector);
}

/* What the pools of one ConfigMap have in common. */
struct common {
	const struct api_meta *meta;
	struct faults *faults;
	struct reserves reserves;
	bool unclear; /* what is reserved: no pool of it can come into force */
};

static struct version *decode_pool(struct decoder *d, const struct json *item, const struct path *at,
    const char *name, const struct common *x)
{
	struct arena arena = ARENA_INIT;
	struct version *v = arena_alloc(&arena, sizeof(*v));

	if (!v)
		return NULL;
	v->path = arena_copy(&arena, at->text);
	v->pool.name = arena_copy(&arena, name);
	v->pool.source_kind = "ConfigMap";
	v->pool.source_namespace = arena_copy(&arena, x->meta->namespace);
	v->pool.source_name = arena_copy(&arena, x->meta->name);
	v->has_pool = true;
	v->arena = arena;
	d->arena = &v->arena;
	check_keys(d, item, at, pool_keys);
	get_protocol(d, item, at, v);
	get_addresses(d, item, at, v);
	take_reserves(d, &x->reserves, v);
	v->pool.auto_assign = get_bool(d, item, at, "auto-assign", true);
	v->pool.avoid_buggy_ips = get_bool(d, item, at, "avoid-buggy-ips", false);
	if (v->has_l2 && json_get(item, "bgp-advertisements")) {
		struct path key = path_key(at, "bgp-advertisements");

		refuse(d, &key, "goes with protocol bgp only; this pool's protocol is layer2");
	}
	check_list(d, item, at, "bgp-advertisements", advertisement_keys, NULL);
	if (!d->bad && !x->unclear && !v->arena.bad)
		return v;
	version_free(v);
	return NULL;
}

static bool is_taken(const struct configmap *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].name && !strcmp(c->at[i].name, name))
			return true;
	return false;
}

/* address-pools[i] */
static void decode_entry(struct configmap *c, const struct json *item, const struct path *at, size_t i,
    const struct common *x)
{
	struct decoder d = { .arena = &x->faults->arena, .faults = x->faults, .entry = i };
	struct path key = path_key(at, "name");
	struct entry *e = &c->at[i];
	const char *name;

	c->n = i + 1;
	if (json_type(item) != JSON_OBJECT) {
		refuse_value(&d, at, json_type_name(JSON_OBJECT), item);
		c->unsure = true;
		return;
	}
	name = get_string(&d, item, at, "name");
	if (!name || !*name) {
		if (!d.bad)
			refuse(&d, &key, "the pool has no name; give it one");
		c->unsure = true;
	} else if (is_taken(c, name)) {
		refuse(&d, &key, "another pool before is named \"%.60s\"; rename one", name);
	} else {
		e->name = name;
	}
	e->version = decode_pool(&d, item, at, name ? name : "", x);
}

/* What the ConfigMap reserves must be in one of its pools. */
static void check_reserves(struct decoder *d, const struct configmap *c, const struct reserves *r)
{
	for (size_t i = 0; i < r->n; i++) {
		bool found = false;

		for (size_t k = 0; k < c->n && !found; k++) /* what a wrong one has is not known */
			found = !c->at[k].version || reserve_is_of(&r->at[i], c->at[k].version);
		if (!found)
			refuse(d, &(struct path){ RESERVE_PATH },
			    "\"%s\" has no address of any pool here; reserve some that are there, or "
			    "remove it",
			    r->at[i].text);
	}
}

static void decode_pools(
    struct configmap *c, const struct json *list, const struct api_meta *meta, struct faults *f)
{
	static const struct path pools = { "address-pools" };
	struct decoder d = { .arena = &f->arena, .faults = f }; /* told of the first, holds for all */
	struct common x = { .meta = meta, .faults = f, .reserves = get_reserves(&d, meta) };

	x.unclear = d.bad;
	c->at = calloc(json_count(list) + 1, sizeof(*c->at));
	if (!c->at)
		f->arena.bad = true;
	for (size_t i = 0; c->at && i < json_count(list); i++) {
		struct path at = path_item(&pools, i);

		decode_entry(c, json_item(list, i), &at, i, &x);
	}
	d.entry = NO_ENTRY;
	if (!c->unsure)
		check_reserves(&d, c, &x.reserves);
}

static void decode_root(
    struct configmap *c, const struct json *root, const struct api_meta *meta, struct faults *f)
{
	static const struct path top = { "" };
	struct decoder d = { .arena = &f->arena, .faults = f, .entry = NO_ENTRY };
	const struct json *list;

	if (root && json_type(root) != JSON_OBJECT) {
		refuse_value(&d, &(struct path){ "data.config" }, "keys such as address-pools", root);
		c->unsure = true;
		return;
	}
	check_keys(&d, root, &top, root_keys);
	list = get_typed(&d, root, &top, "address-pools", JSON_ARRAY);
	c->unsure = d.bad; /* a key that is misspelt may be address-pools */
	check_list(&d, root, &top, "peers", peer_keys, check_peer);
	check_list(&d, root, &top, "bfd-profiles", bfd_keys, NULL);
	(void)get_typed(&d, root, &top, "bgp-communities", JSON_OBJECT);
	decode_pools(c, list, meta, f);
}

int decode_configmap(
    struct configmap *c, const struct json *object, const struct api_meta *meta, struct faults *f)
{
	static const struct path where = { "data.config" };
	struct decoder d = { .arena = &f->arena, .faults = f, .entry = NO_ENTRY };
	const struct json *text = json_at(object, "data", "config", NULL);
	CLEANUP(json_freep) struct json *root = NULL;
	struct err e = ERR_INIT;

	*c = (struct configmap){ 0 };
	if (!json_string(text)) {
		if (text)
			refuse_value(&d, &where, "YAML text", text);
		else
			refuse(&d, &where, "is missing; the configuration is YAML text under this key");
		c->unsure = true;
		return 0;
	}
	if (yaml_parse(json_string(text), json_string_len(text), &root, &e) < 0) {
		refuse(&d, &where, "%s", e.text);
		c->unsure = true;
		return 0;
	}
	decode_root(c, root, meta, f);
	return f->arena.bad ? -1 : 0;
}
