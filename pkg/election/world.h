/* SPDX-License-Identifier: Apache-2.0 */
/* world: what an election knows, inside pkg/election.
 *
 * A Service claims its addresses; the claims on one address make it a vip, which is what is
 * elected.  A change is worked off in three steps: the Services that it touched are reviewed
 * (service.c, review.c), then the vips that it or they touched are elected (vip.c), then the
 * Services for which that made a difference are told (election.c, tell.c). */
#ifndef LB_ELECTION_WORLD_H
#define LB_ELECTION_WORLD_H

#include "pkg/election/election.h"
#include "pkg/election/rank.h"
#include "pkg/tree/tree.h"

struct vip;

/* A Service's, on one of its addresses. */
struct claim {
	struct service *service;
	struct vip *vip;
	struct claim *next; /* of the vip, by the Services' names */
	bool admitted;      /* its nodes count */
	bool refused;       /* those admitted before it left it no node */
};

/* A Service, or the name of one that only its EndpointSlices have told yet. */
struct service {
	struct tree_node in_services;
	struct tree_node in_dirty;
	struct tree_node in_telling;
	bool dirty;   /* to be reviewed */
	bool telling; /* to be told, if there is news */
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

	/* The review: what the rules say of the Service, before any node is looked at. */
	const char *code; /* the first that said no, "" when none did */
	const char *message;
	const struct addr *addresses;
	size_t addresses_n;
	const struct config_pool *pool;
	const size_t *ads; /* of the pool, that select the Service: numbers in config.l2 */
	size_t ads_n;
	struct arena review_arena;
	struct claim **claims; /* on each of the addresses once, when no rule said no */
	size_t claims_n;

	bool deleted; /* gone since it was last told */
	bool was_told;
	struct election_result last;
	/* Of each of its addresses: who would come next; or, when nobody announces it, why. */
	const uint64_t *last_digests;
	struct arena last_arena;
};

/* An address, and who claims it. */
struct vip {
	struct tree_node in_vips;
	struct tree_node in_dirty;
	bool dirty;
	struct rank rank; /* has the address */
	struct claim *claims;
	const struct node *winner; /* NULL: nobody */
	const struct node *home;   /* when addresses are balanced: see balance.c */
};

struct slice {
	struct tree_node in_slices;
	char *namespace;
	char *name;
	struct service *service;
	struct slice *next, **link; /* of service->slices; *link == this */
	uint8_t family;             /* of its endpoints; ADDR_NONE: not told, so either */
	bool usable;                /* at least one endpoint is */
	const char **nodes;         /* of usable endpoints, sorted, once each */
	size_t nodes_n;
	struct arena arena;
};

/* A Node, a Member, or both, of one name. */
struct node {
	struct tree_node in_nodes;
	char *name;
	unsigned id;   /* small: a bit of a set of nodes */
	uint64_t hash; /* of the name */
	bool known;    /* there is a Node object */
	struct api_node observed;
	struct arena arena;
	bool member; /* there is a Member object */
	bool alive;
	int64_t since_ms;
	struct addr *held; /* which it says that it announces, sorted */
	size_t held_n;
	char *reason;
	bool down, drained, added; /* by the options */
};

/* The nodes that an advertisement selects and that have one of its links, and what its preferences give
 * each. */
struct cover {
	uint64_t *nodes;
	uint32_t *scores; /* by id; NULL when it has no preferences */
};

struct election {
	struct election_options options;
	struct tree services;
	struct tree dirty; /* Services */
	struct tree telling;
	struct tree vips;
	struct tree dirty_vips;
	struct tree slices;
	struct tree nodes;
	struct ranks *ranks;
	bool members_seen;
	uint64_t count;

	/* Sets of nodes are arrays of `words`, a bit an id. */
	size_t words;
	unsigned next_id;
	unsigned *free_ids;
	size_t free_ids_n;
	struct node **by_id; /* words * 64 of them; NULL: nobody has it */
	uint64_t *able;      /* the nodes that no rule about nodes alone refuses */
	uint64_t *homes;     /* the same, were all of them alive */
	uint64_t *candidates, *scratch;
	const struct node **roll; /* all of `nodes`, by name, unless it is stale */
	bool roll_stale;
	struct cover *covers; /* of each advertisement, unless they are stale */
	size_t covers_n;
	bool covers_stale;
	uint64_t scores_digest; /* of their scores */

	int64_t now_ms;   /* see election_clock() */
	int64_t wake_ms;  /* when the next node will have been alive for long enough */
	bool unbalanced;  /* a vip was touched since all were balanced */
	bool homes_known; /* vip->home is, and goes back to these facts */
	uint64_t homes_facts;

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

/* To be reviewed, to be told. */
void service_touch(struct election *el, struct service *s);
void service_touch_all(struct election *el);
void service_tell(struct election *el, struct service *s);

/* The Service of this name, made when there is none; and the end of one that nothing is known
 * of any more. */
struct service *service_get(
    struct election *el, const char *namespace, const char *name, struct err *e) MUST_CHECK;
void service_drop_if_empty(struct election *el, struct service *s);
void service_free(struct election *el, struct service *s);
void slice_free(struct election *el, struct slice *s);
void node_free(struct election *el, struct node *n);
/* The slice's endpoints are of the family. */
bool slice_is_of(const struct slice *s, uint8_t family);

int service_compare(const struct tree_node *a, const struct tree_node *b);
int dirty_compare(const struct tree_node *a, const struct tree_node *b);
int telling_compare(const struct tree_node *a, const struct tree_node *b);
int slice_compare(const struct tree_node *a, const struct tree_node *b);
int node_compare(const struct tree_node *a, const struct tree_node *b);
int vip_compare(const struct tree_node *a, const struct tree_node *b);
int dirty_vip_compare(const struct tree_node *a, const struct tree_node *b);

/* Applies the rules about a Service, and makes its claims what they allow. */
int service_review(
    struct election *el, const struct config *c, struct service *s, struct err *e) MUST_CHECK;

/* Makes the nodes that the options add. */
int nodes_add(struct election *el, struct err *e) MUST_CHECK;
/* Of a Node: the links that its speaker could announce on now, with commas. */
#define NODE_LINKS "lbctl.dev/links"
/* The addresses that its speaker announces, with commas. */
#define NODE_ADDRESSES "lbctl.dev/addresses"
bool node_holds(const struct node *n, const struct addr *a);
/* Takes them in, and touches the vips that came or went. */
int node_take_addresses(struct election *el, struct node *n, struct err *e) MUST_CHECK;
/* It has this link (NULL: any), or doesn't say which it has. */
bool node_has_link(const struct node *n, const char *name);
struct node *node_find(const struct election *el, const char *name);
/* The first rule about nodes alone that refuses it, NULL when none does. */
const char *node_refused(
    const struct election *el, const struct node *n, struct arena *a, const char **message);
/* Room for sets and lists of nodes that are one more. */
int nodes_grow(struct election *el, struct err *e) MUST_CHECK;
/* Makes el->roll and el->covers current. */
int nodes_refresh(struct election *el, const struct config *c, struct err *e) MUST_CHECK;
void covers_free(struct election *el);

static inline bool set_has(const uint64_t *set, unsigned id)
{
	return set[id / 64] >> id % 64 & 1;
}

static inline void set_put(uint64_t *set, unsigned id, bool in)
{
	uint64_t bit = UINT64_C(1) << id % 64;

	set[id / 64] = in ? set[id / 64] | bit : set[id / 64] & ~bit;
}

/* A claim of this Service on the address. */
int claim_open(struct election *el, struct service *s, const struct addr *a, struct claim **out,
    struct err *e) MUST_CHECK;
void claim_close(struct election *el, struct claim *c);

void vip_touch(struct election *el, struct vip *v);
void vip_touch_all(struct election *el);
void vip_touch_address(struct election *el, const struct addr *a); /* if there is one */
/* Those for which a node makes a difference that became able, unable, or (as both) another. */
int vips_touch_node(struct election *el, const struct node *n, struct err *e) MUST_CHECK;
/* The node is going. */
void vips_forget(struct election *el, const struct node *n);
/* Who of `able` may announce it, into el->candidates, and whose claims count for that. */
void vip_candidates(struct election *el, struct vip *v, const uint64_t *able);
/* The sum of the weights of the preferences for a node. */
uint64_t vip_score(const struct election *el, const struct vip *v, const struct node *n);
/* Negative: a comes before b. */
int vip_order(struct election *el, struct vip *v, const struct node *a, const struct node *b,
    int *order, struct err *e) MUST_CHECK;
/* The vip is elected; has its Services told if the winner or what they know of it is new. */
void vip_news(struct election *el, struct vip *v, const struct node *was);
/* Elects all, as --spread balanced does. */
int vips_balance(struct election *el, struct err *e) MUST_CHECK;
/* Elects those that were touched, and has the Services told for which that is news. */
int vips_elect(struct election *el, struct err *e) MUST_CHECK;

/* Of one more text; begin with FNV_BEGIN. */
uint64_t hash_text(uint64_t h, const char *text);

/* What came out for a Service; the texts are the arena's and the nodes'.  There is room for as
 * many digests as it has addresses. */
int tell_service(struct election *el, const struct config *c, struct service *s,
    struct election_result *r, uint64_t *digests, struct arena *a, struct err *e) MUST_CHECK;

#endif
