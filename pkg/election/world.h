/* SPDX-License-Identifier: Apache-2.0 */
/* world: what an election knows, inside pkg/election. */
#ifndef LB_ELECTION_WORLD_H
#define LB_ELECTION_WORLD_H

#include "pkg/election/election.h"
#include "pkg/election/rank.h"
#include "pkg/tree/tree.h"

/* A Service, or the name of one that only its EndpointSlices have told yet. */
struct service {
	struct tree_node in_services;
	struct tree_node in_dirty;
	bool dirty;
	char *namespace;
	char *name;

	bool known; /* observed, a load balancer, of our class */
	struct api_service observed;
	struct arena observed_arena;
	bool overlaid; /* `ingress` is desired and not yet observed */
	const struct api_ingress *ingress;
	size_t ingress_n;
	struct arena overlay_arena;

	struct slice *slices; /* a list */
	struct rank *rank;    /* of the first address, when there is one */

	bool deleted; /* gone since it was last elected */
	bool told;    /* `last` is a result */
	struct election_result last;
	uint64_t last_digest;
	struct arena last_arena;
};

struct slice {
	struct tree_node in_slices;
	char *namespace;
	char *name;
	struct service *service;
	struct slice *next, **link; /* of service->slices; *link == this */
	bool usable;                /* at least one endpoint is */
	const char **nodes;         /* of usable endpoints, sorted, once each */
	size_t nodes_n;
	struct arena arena;
};

/* A Node, a Member, or both, of one name. */
struct node {
	struct tree_node in_nodes;
	char *name;
	unsigned id;   /* small, for rank */
	uint64_t hash; /* of the name */
	bool known;    /* there is a Node object */
	struct api_node observed;
	struct arena arena;
	bool member; /* there is a Member object */
	bool alive;
	char *reason;
	bool down; /* by the options */
};

struct election {
	struct election_options options;
	struct tree services;
	struct tree dirty;
	struct tree slices;
	struct tree nodes;
	const struct node **roll; /* all of `nodes`, by name, unless it is stale */
	size_t roll_cap;
	bool roll_stale;
	struct ranks *ranks;
	unsigned *free_ids;
	size_t free_ids_n, free_ids_cap;
	unsigned next_id;
	bool members_seen;
	uint64_t count;
	/* The outcome told last: its texts live until the next call. */
	struct election_result before, now;
	struct arena before_arena;
	struct arena now_arena;
};

/* What election_put() and the others do, for each kind. */
int service_put(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int service_remove(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int slice_put(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int slice_remove(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int node_put(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int node_remove(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int member_put(struct election *el, const struct json *object, struct err *e) MUST_CHECK;
int member_remove(struct election *el, const struct json *object, struct err *e) MUST_CHECK;

/* To be elected again. */
void service_touch(struct election *el, struct service *s);
void service_touch_all(struct election *el);

/* The Service of this name, made when there is none; and the end of one that nothing is known
 * of any more. */
struct service *service_get(
    struct election *el, const char *namespace, const char *name, struct err *e) MUST_CHECK;
void service_drop_if_empty(struct election *el, struct service *s);
void service_free(struct election *el, struct service *s);
void slice_free(struct election *el, struct slice *s);
void node_free(struct election *el, struct node *n);

int service_compare(const struct tree_node *a, const struct tree_node *b);
int dirty_compare(const struct tree_node *a, const struct tree_node *b);
int slice_compare(const struct tree_node *a, const struct tree_node *b);
int node_compare(const struct tree_node *a, const struct tree_node *b);

/* FNV-1a, 64 bits, of one more text; begin with HASH_BEGIN. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t hash_text(uint64_t h, const char *text);

/* Applies the rules to one Service; the result is the arena's, the names of nodes are the nodes'.
 * *digest is of what is not kept of a result: who would come next; or, when nobody announces,
 * why.  -1 when out of memory. */
int elect_service(struct election *el, const struct config *c, struct service *s,
    struct election_result *r, uint64_t *digest, struct arena *a, struct err *e) MUST_CHECK;

#endif
