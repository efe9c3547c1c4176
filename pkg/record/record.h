/* SPDX-License-Identifier: Apache-2.0 */
/* record: the records that lbctl itself adds to the stream, each written in one place.
 *
 * Every function appends one whole line to `out`.  The shapes are those of
 * lbctl-stream(5): `type` first, then `object` with `kind` and `apiVersion` first. */
#ifndef LB_RECORD_H
#define LB_RECORD_H

#include "pkg/api/api.h"

#define RECORD_GROUP "lbctl.dev"
#define RECORD_API_VERSION "lbctl.dev/v1"

/* The verdicts and their codes.  Codes are part of the interface: they don't change their
 * meaning; the table in lbctl-stream(5) is checked against this one. */
enum record_verdict { VERDICT_DONE, VERDICT_WAITING, VERDICT_REFUSED, VERDICT_KEPT, VERDICT_RELEASED };

struct record_code {
	const char *code;    /* "AddressAssigned" */
	const char *meaning; /* one sentence for the manual */
};
extern const struct record_code record_codes[]; /* sorted by code, ends in { NULL } */

/* Why something was or was not done. */
struct record_considered {
	const char *name; /* a pool, a node, a Service */
	const char *code; /* the first rule that refused it, or "" when it was chosen */
	const char *message;
};
struct record_decision {
	const char *subject_kind; /* "Service", "IPAddressPool" */
	const char *namespace;    /* "" for none */
	const char *name;
	const char *component; /* "allocate", "elect", ...: who decided */
	enum record_verdict verdict;
	const char *code;
	const char *message;          /* a sentence that a person can act on */
	const struct addr *addresses; /* that it is about, if any */
	size_t addresses_n;
	const struct record_considered *considered;
	size_t considered_n;
	/* Of a what-if: the node as it is without, "" for none (NULL: it is no what-if); and of a node,
	 * how many addresses it announces without and with it (NULL: it is about something else). */
	const char *before;
	const struct record_share *share;
};
struct record_share {
	size_t now;
	size_t then;
};
void record_decision(struct buf *out, const struct record_decision *d);

/* Service.status.loadBalancer and the annotation metallb.io/ip-allocated-from-pool, as an APPLY.
 * No addresses: the status is emptied.  pool NULL: the annotation is removed.  old: so is the one of
 * the old spelling, that MetalLB 0.14 wrote. */
void record_service_status(struct buf *out, const char *namespace, const char *name,
    const struct addr *addresses, size_t n, const char *pool, bool old);

/* IPAddressPool.status, as an APPLY: IPv4, IPv6. */
struct record_pool_status {
	const char *namespace;
	const char *name;
	int64_t assigned[2];
	int64_t available[2];
};
/* The keys of these numbers, in their order: assigned IPv4, IPv6, available IPv4, IPv6. */
extern const char *const record_pool_status_keys[4];
void record_pool_status(struct buf *out, const struct record_pool_status *s);

/* A core/v1 Event about a Service, as an APPLY.  It carries no time: `apply` fills that in.  Its
 * name is derived from the content, so that the same event again is the same object. */
struct record_event {
	const char *namespace; /* of the Service */
	const char *name;
	const char *uid;    /* "" when unknown */
	bool warning;       /* type Warning, else Normal */
	const char *reason; /* "IPAllocated" */
	const char *message;
	const char *component; /* "metallb-controller", as MetalLB's users filter by */
	const char *host;      /* the speaker's node, "" for the controller */
};
void record_event(struct buf *out, const struct record_event *ev);

/* This node shall make these addresses known.  `type` is "ADDED", "MODIFIED" or "DELETED". */
struct record_announcement {
	const char *namespace; /* the Service's */
	const char *name;
	const char *uid; /* the Service's; NULL or "" when unknown */
	const char *node;
	const struct addr *addresses;
	size_t addresses_n;
	const char *pool;
	const char *const *interfaces; /* none: all that fit */
	size_t interfaces_n;
	const char *reason;
	const struct record_considered *candidates; /* best first */
	size_t candidates_n;
};
void record_announcement(struct buf *out, const char *type, const struct record_announcement *a);

/* Whether a node's speaker lives.  `type` is "ADDED", "MODIFIED" or "DELETED". */
struct record_member {
	const char *node;
	bool alive;
	const char *since;      /* RFC 3339, by the clock of the node that tells it */
	const char *reason;     /* "detection time expired" */
	const char *diagnostic; /* RFC 5880's, or "" */
	uint64_t silence_ms;    /* after which it counts as dead; 0: none */
	struct addr address;    /* ADDR_NONE: none */
	pid_t notify; /* the process that is to get SIGURG once all stages have read this; 0: none */
};
void record_member(struct buf *out, const char *type, const struct record_member *m);
pid_t record_member_notify(const struct json *status); /* of a Member; 0: it has none */

/* Of a Node: the addresses that its speaker found in use by other hosts, with commas, each with the
 * MAC: "192.0.2.10=02:00:00:00:00:64". */
#define RECORD_IN_USE "lbctl.dev/addresses-in-use"

/* The annotations lbctl.dev/links, lbctl.dev/addresses and RECORD_IN_USE of a Node as an APPLY; NULL
 * leaves one out, which takes it away if it was ours. */
void record_node(
    struct buf *out, const char *node, const char *links, const char *addresses, const char *in_use);

/* initial-events-end of a kind. */
void record_bookmark(struct buf *out, const struct api_kind *k, const char *resource_version);

#endif
