/* SPDX-License-Identifier: Apache-2.0 */
/* election: which node announces the addresses of a Service.
 *
 * A pure function of the Services, EndpointSlices, Nodes, Members and the configuration, so
 * that every speaker computes it alone and all that know the same facts agree: the rules of
 * MetalLB's layer 2 mode, and its order (the sum of the preference weights, most first; then
 * sha256(node "#" address), least first).
 *
 * A node that lacks the advertised interface, or has it down, is no candidate.  Only what all
 * speakers know may decide, and what links a node has only that node knows: so its speaker says
 * it in the annotation lbctl.dev/links of its Node ("eth0,eth1": those it could announce on now),
 * and it counts when it comes back from the API server, for all alike.  A Node without the
 * annotation is trusted to have every interface.
 *
 * Each address is elected by itself, those of one Service too, and once for all Services that
 * share it: its candidates are the nodes that may announce it for every one of them, taken in
 * the order of their names.  A Service that would leave none is the one that is refused.
 *
 * The engine is fed the objects as they appear, change and go, and keeps what it needs of
 * them.  A fact concerns some Services; only these are elected again, by election_next(), and
 * only what came out differently than before is told.  The order in which facts arrive does
 * not matter for where it ends. */
#ifndef LB_ELECTION_H
#define LB_ELECTION_H

#include "pkg/config/config.h"
#include "pkg/record/record.h"

struct election_options {
	const char *lb_class; /* Services of this loadBalancerClass; NULL: those without any */
	bool ignore_exclude;  /* the label that excludes a Node does not count */
	/* Whatever the facts say, these nodes count as dead; as drained, so that they announce nothing;
	 * and as there and alive, with the labels of a Node that has just come if there is none yet. */
	struct election_names {
		const char *const *at;
		size_t n;
	} down, drained, added;
	/* No node announces more than one address above the mean of the nodes that may; else the order
	 * alone decides.  All nodes must be of one mind about it.  See balance.c. */
	bool balanced;
	/* A node that announces an address keeps it from one that comes before it: not at all, until
	 * that one has been alive for failback_ms, or for as long as it may announce it.  Which node
	 * has an address all know from the annotation lbctl.dev/addresses of the Nodes. */
	enum election_failback {
		ELECTION_FAILBACK_IMMEDIATE,
		ELECTION_FAILBACK_DELAY,
		ELECTION_FAILBACK_NEVER,
	} failback;
	uint32_t failback_ms;
	/* Who asks.  Then a change among those who would come next is told only of what this node
	 * announces.  NULL: of everything. */
	const char *self;
};

struct election;
/* The options' texts are borrowed. */
struct election *election_new(const struct election_options *o, struct err *e) MUST_CHECK;
void election_free(struct election *el); /* NULL is fine */

/* The kinds of objects that an election reads, beside the configuration. */
enum election_kind { ELECTION_SERVICE, ELECTION_ENDPOINT_SLICE, ELECTION_NODE, ELECTION_MEMBER };

/* An object appeared or changed.  ERR_PROTOCOL: it is wrong, and its last good version stays.
 *
 * Until the first Member, a Node is alive when it is Ready; from then on the Members tell, for good:
 * `members` tells its own node, which isn't alive yet, before the world is known, so that a speaker
 * that joins never decides by Ready; and when the last is gone, nobody is known to be alive. */
int election_put(
    struct election *el, enum election_kind kind, const struct json *object, struct err *e) MUST_CHECK;
/* An object is gone; what was never there may go. */
int election_remove(
    struct election *el, enum election_kind kind, const struct json *object, struct err *e) MUST_CHECK;

/* An APPLY of a Service: its status.loadBalancer counts as if it were observed, until an
 * observed version has the same ingress, the Service goes, or another APPLY comes.  One without
 * status.loadBalancer, or of a Service never seen, says nothing. */
int election_apply(struct election *el, const struct json *service, struct err *e) MUST_CHECK;

/* The configuration is not what it was at the last election_next(). */
void election_config_changed(struct election *el);

/* Is what came out for an address another one than before?  Quietly: only the interfaces, the
 * pool or those who would come next are. */
enum election_news { ELECTION_SAME, ELECTION_QUIET, ELECTION_DECIDED };

/* For failback: the time, in milliseconds of the Unix epoch by the clock that Member.status.since
 * is of; it never goes back, and the `since` of a Member that is read moves it on.  The deadline is
 * when it is next to be told, INT64_MAX when it needn't be. */
void election_clock(struct election *el, int64_t now_ms);
int64_t election_deadline(const struct election *el);

/* What came out for one address of a Service. */
struct election_address {
	struct addr addr;
	const char *code;    /* "Elected" when there is a winner, else the first rule that said no */
	const char *message; /* a sentence, "" when there is a winner */
	const char *winner;  /* a node, or NULL */
	const char *const *interfaces; /* of the winner; none: all */
	size_t interfaces_n;
	/* The candidates, best first: the winner with the code "", the others "Standby"; then the
	 * nodes that may not announce it, by name, each with the first rule that refused it. */
	const struct record_considered *nodes;
	size_t nodes_n;
	size_t candidates_n;
	enum election_news news;
};

/* What came out for one Service. */
struct election_result {
	const char *code;    /* the first rule about the Service that said no, "" when none did */
	const char *message; /* a sentence, "" when none did */
	const struct election_address *addresses; /* with `code`, they have no winner */
	size_t addresses_n;
	const char *pool; /* "" when none holds the addresses */
};

struct election_outcome {
	const char *namespace;
	const char *name;
	const char *uid;                      /* of the Service, "" when unknown or gone */
	const struct election_result *before; /* without `nodes`; NULL when there was none */
	const struct election_result *now;    /* NULL when it is gone or no load balancer of ours */
	bool deleted;                         /* now is NULL because the Service is gone */
	/* now is NULL, or has a code, and that is another one or of other addresses than before. */
	bool decided;
};

/* Elects what something happened to, then tells of one more Service.  1: the outcome is another
 * one, and all that *out points to is valid until the next call of an election_ function; 0:
 * there is no more; -1 when out of memory.  Services come by namespace, then name. */
int election_next(struct election *el, const struct config *c, struct election_outcome *out,
    struct err *e) MUST_CHECK;

/* Is there a Node of this name? */
bool election_has_node(const struct election *el, const char *name);

/* Who announces an address, as last elected; NULL: nobody. */
const char *election_winner(const struct election *el, const struct addr *a);

/* How many addresses of one have another winner, or none, in the other. */
size_t election_moved(const struct election *one, const struct election *other);

/* How many addresses each node announces, as last elected. */
struct election_share {
	const char *node; /* the engine's */
	size_t n;
	bool able; /* no rule about nodes alone refuses it */
};
/* Of all nodes by name, those that are not able too; *out is the caller's to free(). */
int election_shares(
    const struct election *el, struct election_share **out, size_t *n, struct err *e) MUST_CHECK;

/* How many addresses were elected so far, for tests and figures. */
uint64_t election_count(const struct election *el);

#endif
