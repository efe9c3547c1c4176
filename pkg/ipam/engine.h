/* SPDX-License-Identifier: Apache-2.0 */
/* engine: the state behind ipam.h; inside pkg/ipam only.
 *
 *	facts.c   what a Service says, packed
 *	space.c   pools, and which of their addresses are free
 *	hold.c    who holds what, and who is in whose way
 *	share.c   sharing keys: which addresses and ports those of one key have
 *	rest.c    addresses that were released, and quarantine
 *	choose.c  which pools fit a Service, and which of their addresses
 *	wait.c    Services that wait, in classes that wait for the same
 *	queue.c   classes of which only the first needs to be tried
 *	review.c  may a Service keep what it has?
 *	explain.c why it gets nothing, in words
 *	survey.c  what every pool says to a Service
 *	tell.c    the outcome: what to write, events, the decision
 *	ipam.c    the input, and the order of the work */
#ifndef LB_IPAM_ENGINE_H
#define LB_IPAM_ENGINE_H

#include <string.h>

#define HASH_NONFATAL_OOM 1 /* the node stays out of the table, and the caller looks */
#include <uthash.h>
#include <utlist.h>

#include "pkg/ipam/ipam.h"
#include "pkg/table/table.h"
#include "pkg/tree/tree.h"

/* Which addresses a Service needs. */
enum need {
	NEED_NONE, /* it has no cluster IP and will have none */
	NEED_IPV4,
	NEED_IPV6,
	NEED_EITHER,  /* nothing says which: IPv4 if there is one, else IPv6 */
	NEED_PREFER,  /* both, or else one */
	NEED_REQUIRE, /* both */
};

/* What a Service says, except for its status.  One block of memory. */
struct facts {
	const char *uid;
	bool load_balancer; /* its type */
	const char *class;  /* NULL: none */
	enum need need;
	bool not_enough; /* RequireDualStack with one cluster IP */
	uint8_t primary; /* family */
	struct api_map labels;
	const char *sharing; /* the key, "" for none */
	const char *backend; /* what sharers must have in common beyond it */
	const struct api_port *ports;
	size_t ports_n;
	struct addr asked[2]; /* explicit addresses */
	size_t asked_n;
	const char *asked_pool; /* NULL: none */
	const char *invalid;    /* why the request can't be understood; NULL: it can */
	const char *invalid_go; /* the same for the event */
	const char *deprecated; /* a deprecated annotation, or NULL */
};

/* What its status says.  One block. */
struct seen {
	size_t n;
	bool odd;         /* there are entries that are no address */
	bool old;         /* the annotation has its old spelling */
	const char *pool; /* the annotation, NULL: none */
	struct addr at[];
};

struct ipam;
struct service;
struct class;
struct pool;

struct used { /* an address that is not free */
	struct tree_node node;
	struct addr addr;
	struct tree holds; /* those only recorded last; by what they must have in common, then age */
	size_t holders;    /* of them not only recorded */
};

/* An address that was released and is not used since: while reuse_delay_ms passes it rests, and
 * nobody but its owner gets it; then it waits its turn behind those that are free for longer.
 * Without a delay it is as free as any, and only remembered for its owner (sticky). */
struct former {
	struct tree_node node;       /* by address */
	struct tree_node order_node; /* by the time of release */
	struct tree_node turn_node;  /* in its pool's turns, if it has rested */
	struct addr addr;
	uint64_t order;    /* of all releases */
	uint64_t since;    /* ms */
	bool apart;        /* it is in no gap */
	struct pool *pool; /* in whose turns it is, or NULL */
	struct owner *owner;
	struct former *next, *prev; /* of the owner, the newest first */
};
struct owner {
	UT_hash_handle hh;
	struct former *formers;
	char key[]; /* namespace, NUL, name */
};

struct report { /* that addresses are in quarantine */
	UT_hash_handle hh;
	char *by;
	char *why;
	struct barred *at;
	size_t n;
};
struct barred { /* by address, then report */
	struct tree_node node;
	struct addr addr;
	const struct report *report;
};
/* A Service has the address, or it only stands in its status: what we gave up and is not yet
 * written, or what another controller gave.  Such an address is given to nobody, but whoever has
 * it recorded too may keep it. */
struct hold {
	struct tree_node node; /* of used */
	struct used *used;
	struct service *service;
	bool recorded;
	bool stale;          /* others of the same Service take its place */
	struct taken *taken; /* one a port, if the Service shares */
};

struct gap { /* free addresses in a row, of one range of a pool; the ends are usable */
	struct tree_node node;
	uint32_t range;
	struct addr first;
	struct addr last;
};
struct pool {
	const struct config_pool *config;
	struct tree gaps[2];  /* IPv4, IPv6; by range, then address */
	struct tree turns[2]; /* free too, but given only when no gap is left, the longest free first */
	uint64_t capacity[2]; /* usable ones; INT64_MAX: more */
	uint64_t open[2];     /* of them not reserved */
	uint64_t out[2];      /* of those not in the gaps now */
	uint64_t assigned[2]; /* of all usable ones */
	uint64_t reserved_assigned[2]; /* of the reserved ones */
	struct pool_waiter *waiters;
};
struct pool_waiter { /* a class that may use its addresses, or a queue of them */
	struct pool_waiter *next, *prev;
	struct class *class;
	struct queue *queue;
};
struct place { /* where an address belongs */
	struct range range;
	struct pool *pool;
	uint32_t index; /* of the range in its pool */
};

struct namespace
{
	UT_hash_handle hh;
	char *name;
	struct api_map labels; /* its own block */
	bool known;            /* there is an object */
	struct service *services;
};

struct pool_name { /* kept as long as the engine */
	UT_hash_handle hh;
	char name[];
};

struct sharing { /* the Services with one sharing key */
	UT_hash_handle hh;
	char *key;
	uint64_t order; /* of all keys */
	size_t services_n;
	struct tree addresses; /* that they hold: struct shared */
	struct tree ports;     /* struct shared_port */
	struct class *waiting; /* for an address that they may share */
};
struct shared { /* an address */
	struct tree_node node;
	struct used *used;
	size_t n; /* holds of this key */
};
struct shared_port { /* a port, for one backend */
	struct tree_node node;
	char *backend;
	struct api_port port;
	struct tree taken; /* by address, then age */
	struct port_waiter *waiting;
};
struct taken { /* a port of an address */
	struct tree_node node;
	struct shared_port *port;
	const struct hold *hold;
};
struct port_waiter { /* a class waits until a port is free on some address */
	struct port_waiter *next, *prev;
	struct shared_port *port;
	struct class *class;
};

/* Why an address was given up, to be told with what comes next. */
struct loss {
	char *sentence;
	char *go; /* MetalLB's words for the event ClearAssignment; NULL: it says none */
};

struct service {
	uint32_t key_len;
	uint32_t key_hash;
	const char *name;
	struct facts *facts; /* NULL: never readable */
	struct seen *seen;
	char *unreadable; /* why the newest object can't be read, or NULL */
	bool gone;

	struct namespace *ns;
	struct service *ns_next, *ns_prev;
	struct sharing *sharing; /* NULL: shares nothing */

	bool ours; /* to serve, by its type and class */
	struct hold *holds;
	size_t holds_n;
	const char *pool;     /* they were last in; NULL: none, or not known */
	struct hold *records; /* addresses of pools in its status that it doesn't hold */
	size_t records_n;
	struct loss *loss; /* NULL: nothing */

	/* The last status we wanted written, until it is seen. */
	bool writing;
	uint64_t from_addresses, from_pool; /* what was seen then */
	uint64_t to_addresses, to_pool;

	const char *code;       /* of the last decision; NULL: none yet */
	uint64_t decided;       /* its words */
	uint64_t decided_holds; /* what it held when that was told; 0: not told */

	bool dirty;
	uint8_t rank;    /* in the dirty tree */
	int64_t created; /* as its newest facts say; 0: they don't */
	struct tree_node dirty_node;
	struct class *class; /* NULL: it doesn't wait */
	bool fresh;          /* it has not been told that it waits */
	struct tree_node wait_node;
	char key[]; /* namespace, NUL, name */
};
#define SERVICE_NAMESPACE(s) ((s)->key)

struct awaited { /* a class waits for one address */
	struct tree_node node;
	struct addr addr;
	uint64_t sharing; /* the order of its key; 0: none */
	struct class *class;
};

enum wants { WANTS_ANY, WANTS_ASKED, WANTS_SECOND };

struct class
{ /* Services that get the same answer */
	UT_hash_handle hh;
	void *key;
	size_t key_len;
	enum wants wants;
	enum need need;
	uint8_t primary;
	struct tree members; /* by age */
	size_t fresh_n;
	struct pool **pools; /* to try, in this order */
	size_t pools_n;
	size_t pinned_n;           /* the first of them, tried before the others */
	struct pool_waiter *waits; /* one for each, in its list while it is in no queue */
	bool alone;                /* it may have back what a Service had */
	struct queue *queue;       /* it sleeps there; NULL: in none */
	struct queue *scouts;      /* it is tried for those in the queue too */
	struct awaited awaited[2];
	size_t awaited_n;
	struct sharing *sharing; /* of its members; NULL: they share nothing */
	struct class *sharing_next, *sharing_prev;
	struct port_waiter *ports;
	size_t ports_n;
	const char *code;            /* of the last refusal; NULL: none yet */
	bool ready;                  /* something changed since the oldest was refused */
	struct tree_node ready_node; /* also of the queue */
	struct service *head;        /* the oldest, while it is in either */
};

struct queue { /* classes to which the same pools say the same words; see queue.c */
	UT_hash_handle hh;
	struct class like;   /* its need, primary and pools */
	struct tree classes; /* by the age of their oldest */
	struct class *scout; /* the one that is tried; NULL: all sleep */
	char *key;
};

struct ipam {
	char *lb_class;
	bool keep;
	bool sticky;
	uint64_t reuse_delay;
	uint64_t now;
	bool bad; /* out of memory */

	const struct config *config;
	bool had_pools;
	struct pool *pools; /* in the order to try */
	size_t pools_n;
	struct pool **by_name; /* as config->pools */
	struct place *places;  /* by address */
	size_t places_n;

	struct table services; /* by key */
	struct namespace *namespaces;
	struct sharing *sharings;
	uint64_t sharings_made;
	struct pool_name *names;
	struct tree used;
	struct tree dirty;

	struct tree formers;
	struct tree released; /* the formers in order */
	uint64_t releases;
	struct former *resting; /* the first of `released` that rests; NULL: none does */
	struct owner *owners;
	struct report *reports;
	struct tree barred;

	struct class *classes;
	struct queue *queues;
	struct tree ready;
	struct tree awaited;
	struct class *telling;      /* its members are being told why they wait */
	const struct service *told; /* the last of them */
	bool telling_all;           /* else only those that never were */

	struct arena scratch; /* of the outcome under way */
	struct ipam_outcome out;
	struct addr out_addresses[2];
};

static inline size_t family_index(uint8_t family)
{
	return family == ADDR_IPV6;
}

/* ipam.c */
void soil(struct ipam *m, struct service *s); /* it is to be reviewed */

/* facts.c */
struct facts *facts_new(const struct api_service *s);
struct seen *seen_new(const struct api_service *s);
struct seen *seen_of(const struct addr *at, size_t n);
int by_service_age(const struct service *a, const struct service *b); /* oldest first */
struct api_map labels_new(const char *namespace, const struct api_map *labels, bool *ok);

/* space.c */
void space_build(struct ipam *m, const struct config *c);
void space_free(struct ipam *m);
const struct place *space_find(const struct ipam *m, const struct addr *a); /* NULL: in no pool */
bool space_avoids(const struct pool *p, const struct addr *a);              /* avoidBuggyIPs */
bool space_reserves(const struct pool *p, const struct addr *a);            /* lbctl.dev/reserve */
bool space_open(const struct pool *p, const struct addr *a);                /* neither of both */
void space_take(struct ipam *m, const struct addr *a);
void space_put(struct ipam *m, const struct addr *a);
void space_assigned(struct ipam *m, const struct addr *a, bool assigned); /* for the books */
bool space_lowest(const struct pool *p, uint8_t family, struct addr *a, uint32_t *range);
const char *space_name(struct ipam *m, const char *pool); /* a copy as long as the engine */
struct pool *space_pool(const struct ipam *m, const char *name);
/* There is no such pool, but one is wrong and may be it, even if another has its addresses now. */
bool space_lacks(const struct ipam *m, const char *pool);

/* rest.c */
/* Nobody has it any more: into the gaps, or apart to rest. */
void rest_released(struct ipam *m, const struct addr *a, const struct service *owner);
void rest_used(struct ipam *m, const struct addr *a); /* somebody has it */
void rest_time(struct ipam *m);                       /* what has rested by now */
void rest_rebuild(struct ipam *m);                    /* the pools are others */
/* The address of the pool and family that is free for the longest, of those not in the gaps. */
bool rest_longest(const struct pool *p, uint8_t family, struct addr *out);
/* The address of the pool may be given to who doesn't ask for it. */
bool rest_open(const struct ipam *m, const struct pool *p, const struct addr *a);
/* Why a free address can't be given to s: NULL, "AddressInUse" or "AddressResting". */
const char *rest_refusal(const struct ipam *m, const struct service *s, const struct addr *a);
struct former *rest_own(const struct ipam *m, const struct service *s);       /* the newest, or NULL */
const struct report *rest_report(const struct ipam *m, const struct addr *a); /* NULL: none */
const char *rest_owner(struct ipam *m, const struct addr *a); /* whose it was, "namespace/name" */
void rest_free(struct ipam *m);

/* hold.c */
struct used *hold_find(const struct ipam *m, const struct addr *a);
void hold_take(struct ipam *m, struct service *s, const struct addr *at, size_t n);
void hold_drop(struct ipam *m, struct service *s); /* and wakes who waits for it */
void hold_record(struct ipam *m, struct service *s, const struct addr *at, size_t n);
/* Before and after its facts or its age change. */
void hold_loosen(struct ipam *m, struct service *s);
void hold_fasten(struct ipam *m, struct service *s);
void hold_changed(struct ipam *m, struct service *s); /* its rule of sharing did: wakes who waits */
/* NULL: s may hold u together with all others.  Else the oldest who is in the way and *code why.  Those
 * that only have it recorded are in the way only when an address is given (giving). */
const struct service *hold_conflict(
    const struct service *s, const struct used *u, bool giving, const char **code);
void hold_free(struct service *s); /* when all go; then used_free() */
void used_free(struct ipam *m);
void hold_contest(struct ipam *m, struct service *s); /* they are reviewed again */
bool hold_has(const struct service *s, const struct addr *a);
bool hold_equals(const struct service *s, const struct addr *at, size_t n);

/* share.c */
void sharing_link(struct ipam *m, struct service *s);
void sharing_unlink(struct ipam *m, struct service *s);
void sharing_free_all(struct ipam *m);
/* NULL: both may have one address, if their ports differ.  Else the code why not. */
const char *sharing_refusal(const struct facts *a, const struct facts *b);
/* h holds its address and ports, or does no more. */
void sharing_take(struct ipam *m, struct hold *h);
void sharing_drop(struct hold *h);
/* Who has the i-th port of s on this address, for the same key and backend (s too): the next by age
 * after `after`, or the first. */
const struct taken *sharing_taken(
    const struct service *s, size_t i, const struct addr *a, const struct taken *after);
/* Some port of s is taken on every address of its key. */
bool sharing_is_full(const struct service *s);
void sharing_wait(struct ipam *m, struct class *c, const struct service *s);
void sharing_wait_no_more(struct class *c);
void sharing_wake_ports(struct ipam *m, const struct hold *h); /* who waits for those of h */

/* choose.c */
/* NULL: the pool's rules let the Service in.  Else the code of the first that doesn't. */
const char *choose_refusal(const struct service *s, const struct pool *p);
bool choose_has(const struct pool *p, enum need need); /* addresses that it could use at all */
/* Addresses for the head of a class; false: there are none now. */
bool choose(
    struct ipam *m, const struct class *c, const struct service *s, struct addr out[2], size_t *n);

/* wait.c */
void wait_leave(struct ipam *m, struct service *s);
/* Joins the class that waits for this, made if need be.  pools: in the order to try.  True when s
 * needs to be told now (the class sleeps); else it will be tried. */
bool wait_join(struct ipam *m, struct service *s, const struct class *like);
void wait_wake(struct ipam *m, struct class *c);
void wait_wake_address(struct ipam *m, const struct addr *a);
/* Only those that ask for it and don't have this key. */
void wait_wake_others(struct ipam *m, const struct addr *a, const struct sharing *sh);
/* Its oldest was refused. */
void wait_sleep(struct ipam *m, struct class *c);
/* Into the lists of waiters of its pools, and out of them. */
void wait_list(struct class *c, struct pool_waiter *waits, struct queue *q);
void wait_unlist(const struct class *c, struct pool_waiter *waits);
struct class *wait_next(const struct ipam *m); /* the ready class with the oldest head, or NULL */
void wait_free(struct ipam *m);

/* queue.c */
void queue_join(struct ipam *m, struct class *c); /* its oldest was refused; it need not join */
void queue_leave(struct class *c);                /* it is in one, but asleep no more */
void queue_wake(struct ipam *m, struct queue *q); /* a pool has an address */
/* The class is a scout: those in its queue learn that it was refused, or got something or goes. */
void queue_scouted(struct ipam *m, struct class *c, bool refused);
void queue_free_all(struct ipam *m);

/* review.c */
void review(struct ipam *m, struct service *s);
void review_try(struct ipam *m, struct class *c); /* the head of a ready class */

#endif
