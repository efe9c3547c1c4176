/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what the decoders of the formats share; inside pkg/config only. */
#ifndef LB_CONFIG_DECODE_H
#define LB_CONFIG_DECODE_H

#include "pkg/config/config.h"
#include "pkg/tree/tree.h"

/* One good version of one pool or advertisement, with the memory of all that is in it. */
struct version {
	struct arena arena;
	struct tree_node node; /* for trees of pool names */
	bool has_pool;
	bool has_l2; /* alone, or implied by the pool's protocol layer2 */
	struct config_pool pool;
	struct config_l2 l2;
	const char *path;         /* of the pool in its object: "spec", "address-pools[1]" */
	const char *const *texts; /* pool.ranges as written */
	struct range_node *nodes; /* pool.ranges again, for trees of ranges */
};
void version_free(struct version *v);

struct range_node {
	struct tree_node node;
	struct range range;
	const struct version *version;
	size_t index; /* of pool.ranges */
};
/* Orders ranges that don't overlap; those that do compare as equal. */
int range_node_compare(const struct tree_node *a, const struct tree_node *b);

/* What is wrong with one object, in the order found. */
struct fault {
	const char *path;
	const char *message;
	size_t entry;  /* of the ConfigMap's address-pools, or NO_ENTRY */
	bool harmless; /* the rest is used */
};
enum { FAULTS_MAX = 100 }; /* kept of one object; enough to work on, little enough to read */
#define NO_ENTRY SIZE_MAX

struct faults {
	struct arena arena;
	struct fault at[FAULTS_MAX];
	size_t n;
	size_t more; /* not kept */
};

/* A pool or advertisement that is being decoded.  A value that is wrong is told to `faults` and
 * reads as absent, so that decoding goes on and finds the next. */
struct decoder {
	struct arena *arena;
	struct faults *faults;
	size_t entry;
	bool bad;     /* something was wrong with this one */
	bool lenient; /* a resource: an unknown key is told and harmless: the API of a newer MetalLB may
			 have it */
};

/* A place in an object: its text, cut if need be. */
struct path {
	char text[200];
};
struct path path_key(const struct path *up, const char *key); /* up "": just the key */
struct path path_item(const struct path *up, size_t i);

void refuse(struct decoder *d, const struct path *at, const char *fmt, ...) PRINTF(3, 4);
/* "want WANT, have VALUE" */
void refuse_value(struct decoder *d, const struct path *at, const char *want, const struct json *have);

/* The value of the key, NULL when absent, null, or (refused) of another type. */
const struct json *get_typed(struct decoder *d, const struct json *object, const struct path *up,
    const char *key, enum json_type type);
bool get_bool(
    struct decoder *d, const struct json *object, const struct path *up, const char *key, bool absent);
/* The arena's text, NULL when absent or refused.  A number is text too, as in YAML's Go readers. */
const char *get_string(
    struct decoder *d, const struct json *object, const struct path *up, const char *key);
/* A list of different, not empty strings. */
struct config_names get_names(
    struct decoder *d, const struct json *object, const struct path *up, const char *key);
/* A list of different LabelSelectors. */
struct config_selectors get_selectors(
    struct decoder *d, const struct json *object, const struct path *up, const char *key);
bool get_selector(struct decoder *d, const struct json *selector, const struct path *at,
    struct api_selector *out); /* false: refused */
/* spec.addresses: at least one prefix or range, none overlapping. */
void get_addresses(
    struct decoder *d, const struct json *object, const struct path *up, struct version *v);
/* What stands between the commas of the annotation lbctl.dev/reserve. */
struct reserve {
	const char *text;
	struct range range;
};
struct reserves {
	const struct reserve *at;
	size_t n;
};
struct reserves get_reserves(struct decoder *d, const struct api_meta *meta);
bool reserve_is_of(const struct reserve *r, const struct version *v); /* an address of the pool */
/* Those that are of the pool, after its addresses. */
void take_reserves(struct decoder *d, const struct reserves *r, struct version *v);
/* The annotation of a resource: all of it must be of its pool. */
void get_reserved(struct decoder *d, const struct api_meta *meta, struct version *v);
#define RESERVE_KEY "lbctl.dev/reserve"
#define RESERVE_PATH "metadata.annotations[" RESERVE_KEY "]"
/* protocol: layer2 implies an advertisement of the pool, bgp none. */
void get_protocol(
    struct decoder *d, const struct json *object, const struct path *up, struct version *v);
/* Refuses every key that is not among `known` (ends in NULL). */
void check_keys(
    struct decoder *d, const struct json *object, const struct path *up, const char *const *known);

/* The formats.  NULL when anything is wrong with it (told to faults), or out of memory. */
struct version *decode_ip_address_pool(
    const struct json *object, const struct api_meta *meta, struct faults *f);
struct version *decode_address_pool(
    const struct json *object, const struct api_meta *meta, struct faults *f);
struct version *decode_l2_advertisement(
    const struct json *object, const struct api_meta *meta, struct faults *f);

/* The ConfigMap: one entry for each of its address-pools. */
struct entry {
	const char *name;        /* the faults arena's; NULL when it can't be told */
	struct version *version; /* NULL when it is wrong */
};
struct configmap {
	struct entry *at; /* to free(); the versions are the caller's */
	size_t n;
	bool unsure; /* pools may be missing from the list for another reason than being removed */
};
/* -1 only when out of memory. */
int decode_configmap(struct configmap *c, const struct json *object, const struct api_meta *meta,
    struct faults *f) MUST_CHECK;

#endif
