/* SPDX-License-Identifier: Apache-2.0 */
/* config: MetalLB's configuration as structs, from either of its formats, validated.
 *
 * The store is fed the configuration objects as they appear, change and go: IPAddressPool,
 * AddressPool and L2Advertisement (metallb.io), and the ConfigMap of MetalLB 0.12.  From
 * them it makes one immutable `struct config`.  All errors are collected, each with its
 * object, path, value and remedy.
 *
 * An object that is wrong leaves the others in use, and leaves its own last good version in
 * force; so does one pool of a ConfigMap.  Of two pools that overlap, or have one name, the
 * one that is in force stays, else the older (creationTimestamp, then name), and the other
 * is refused until there is room for it.  What is in force is settled by config_store_get(),
 * so that the order in which objects arrive before it does not matter.
 *
 * Source: the CRDs of metallb.io/v1beta1; the example ConfigMap of MetalLB 0.12.1. */
#ifndef LB_CONFIG_H
#define LB_CONFIG_H

#include "pkg/api/api.h"

struct config_selectors { /* OR-ed */
	const struct api_selector *at;
	size_t n;
};

struct config_names {
	const char *const *at;
	size_t n;
};

struct config_pool {
	const char *name;
	struct api_map labels;
	const struct range *ranges; /* in the order declared; they don't overlap */
	size_t ranges_n;
	const struct range *reserved; /* never given unasked; ascending, apart, may exceed the pool */
	size_t reserved_n;
	bool auto_assign;
	bool avoid_buggy_ips;
	bool restricted;  /* spec.serviceAllocation is there */
	int64_t priority; /* lower comes first; 0: after all others */
	struct config_names namespaces;
	struct config_selectors namespace_selectors; /* with namespaces both empty: every namespace */
	struct config_selectors service_selectors;   /* empty: every Service */
	const char *source_kind;                     /* "IPAddressPool", "AddressPool" or "ConfigMap" */
	const char *source_namespace;
	const char *source_name;
};

struct config_preference {
	uint32_t weight; /* 1..100 */
	struct api_selector selector;
};

struct config_l2 {
	const char *name;
	struct config_names pools; /* with pool_selectors both empty: every pool */
	struct config_selectors pool_selectors;
	struct config_selectors node_selectors;    /* empty: every node */
	struct config_names interfaces;            /* empty: every interface */
	struct config_selectors service_selectors; /* empty: every Service */
	const struct config_preference *preferences;
	size_t preferences_n;
};

struct config_range {
	struct range range;
	const struct config_pool *pool;
};

struct config {
	const struct config_pool *pools; /* sorted by name */
	size_t pools_n;
	const struct config_l2 *l2; /* sorted by name */
	size_t l2_n;
	/* Some pool is wrong and has no good version: what it held is not known, so an address
	 * outside all pools may be one of its. */
	bool incomplete;
	const struct config_range *ranges; /* of all pools, sorted by address */
	size_t ranges_n;
	struct arena arena; /* holds the lists */
};

struct config_problem {
	const char *kind; /* of the object that is wrong */
	const char *namespace;
	const char *name;
	const char *path;    /* "spec.addresses[1]" */
	const char *message; /* what is wrong, with the value, and what would be right */
	bool kept;           /* its last good version stays in force */
	bool harmless;       /* only this is not used, the rest of the object is */
};

struct config_store;
struct config_store *config_store_new(
    const char *namespace, struct err *e) MUST_CHECK; /* where configuration lives */
void config_store_free(struct config_store *s);

/* The kinds that a store reads, for a stage's table. */
bool config_store_reads(const char *kind, const char *group);

/* One object appeared or changed, or (remove) went.  True when the configuration or its problems
 * may have changed.  What is wrong with it becomes a problem. */
bool config_store_put(struct config_store *s, const struct json *object);
bool config_store_remove(struct config_store *s, const struct json *object);

/* The configuration as it now is; the same pointer while nothing changed.  Valid until the
 * config_store_get() that gives another, whatever is put or removed meanwhile.  NULL only when
 * out of memory. */
const struct config *config_store_get(struct config_store *s, struct err *e) MUST_CHECK;

/* All that is wrong with the configuration that config_store_get() gave, sorted by kind,
 * namespace, name; valid as long as it. */
const struct config_problem *config_store_problems(struct config_store *s, size_t *n);

const struct config_pool *config_pool_find(const struct config *c, const char *name);
/* The pool that holds the address, whatever its rules; NULL when none does. */
const struct config_pool *config_pool_of(const struct config *c, const struct addr *a);
bool config_pool_holds(const struct config_pool *p, const struct addr *a);
bool config_l2_covers_pool(const struct config_l2 *l, const struct config_pool *p);
bool config_selectors_match(
    const struct config_selectors *s, const struct api_map *labels); /* true when empty */
bool config_names_has(const struct config_names *n, const char *name);

#endif
