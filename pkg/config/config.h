/* SPDX-License-Identifier: Apache-2.0 */
/* config: MetalLB's configuration as structs, from either of its formats, validated.
 *
 * The store is fed the configuration objects as they appear, change and go: IPAddressPool
 * and L2Advertisement (metallb.io), and the ConfigMap of MetalLB 0.12.  From them it makes
 * one immutable `struct config`.  All errors are collected, each with its object, path,
 * value and remedy; an object that is wrong leaves the others in use, and leaves its own
 * last good version in force.  Of two pools that overlap, or have one name, the one that is
 * in force stays, else the older (creationTimestamp, then name), and the other is refused.
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
	const struct range *ranges; /* in the order declared */
	size_t ranges_n;
	bool auto_assign;
	bool avoid_buggy_ips;
	bool restricted;   /* spec.serviceAllocation is there */
	uint32_t priority; /* lower comes first; 0: after all others */
	struct config_names namespaces;
	struct config_selectors namespace_selectors;
	struct config_selectors service_selectors;
	const char *source_kind; /* "IPAddressPool" or "ConfigMap" */
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

struct config {
	const struct config_pool *pools; /* sorted by name */
	size_t pools_n;
	const struct config_l2 *l2; /* sorted by name */
	size_t l2_n;
	struct arena arena; /* holds it all */
};

struct config_problem {
	const char *kind; /* of the object that is wrong */
	const char *namespace;
	const char *name;
	const char *path;    /* "spec.addresses[1]" */
	const char *message; /* what is wrong, with the value, and what would be right */
	bool kept;           /* its last good version stays in force */
};

struct config_store;
struct config_store *config_store_new(
    const char *namespace, struct err *e) MUST_CHECK; /* where configuration lives */
void config_store_free(struct config_store *s);

/* The kinds that a store reads, for a stage's table. */
bool config_store_reads(const char *kind, const char *group);

/* One object appeared or changed, or (gone) went.  True when the configuration may have changed.
 * -1 never: what is wrong with it becomes a problem. */
bool config_store_put(struct config_store *s, const struct json *object);
bool config_store_remove(struct config_store *s, const struct json *object);

/* The configuration as it now is; valid until the next call of a config_store_ function. */
const struct config *config_store_get(struct config_store *s, struct err *e) MUST_CHECK;

/* All that is wrong now, sorted by kind, namespace, name; valid as long as the config. */
const struct config_problem *config_store_problems(struct config_store *s, size_t *n);

const struct config_pool *config_pool_find(const struct config *c, const char *name);
/* The pool that holds the address, whatever its rules; NULL when none does. */
const struct config_pool *config_pool_of(const struct config *c, const struct addr *a);
bool config_pool_holds(const struct config_pool *p, const struct addr *a);
bool config_l2_covers_pool(const struct config_l2 *l, const struct config_pool *p);
bool config_selectors_match(
    const struct config_selectors *s, const struct api_map *labels); /* true when empty */

#endif
