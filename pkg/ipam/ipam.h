/* SPDX-License-Identifier: Apache-2.0 */
/* ipam: which Service holds which address.
 *
 * A pure engine.  It is fed the configuration, the Services and the Namespaces as they appear,
 * change and go, and ipam_next() gives what follows, one Service at a time: the status to
 * write, the events and the decision.  It has no clock, no socket and no randomness: the same
 * calls give the same answers.
 *
 *  - What is recorded in a Service's status is adopted before any address is given.
 *  - Pools are tried by priority (0 last), those with a serviceAllocation before those without,
 *    then by name; the lowest free address of the first that fits is given: ranges in the order
 *    declared, addresses ascending.
 *  - Services that wait are served oldest first (creationTimestamp, then namespace and name).
 *  - An address is moved only when its Service, or the configuration, no longer allows it.
 *
 * Finding the lowest free address, checking one, taking it and giving it back take O(log n)
 * steps, whatever the size of the pool, however full it is, and however many share an address.
 * Services that wait for the same thing wait together, so that an address or a port that becomes
 * free is offered once, not to each.
 * Memory is proportional to Services and pools, never to addresses. */
#ifndef LB_IPAM_H
#define LB_IPAM_H

#include "pkg/config/config.h"
#include "pkg/record/record.h"

struct ipam;

struct ipam_options {
	const char *lb_class; /* the loadBalancerClass to serve; NULL: Services without one */
	/* What a Service has it keeps, even if no pool holds it any more or its pool no longer allows
	 * it, until it goes or asks for another. */
	bool keep;
	/* Nobody but who released it gets an address before this has passed, and then the longest free
	 * is given first; 0: at once, and the lowest. */
	uint64_t reuse_delay_ms;
	/* A Service that is made again under its name gets what it had, while it is free. */
	bool sticky;
};

struct ipam *ipam_new(const struct ipam_options *o, struct err *e) MUST_CHECK;
void ipam_free(struct ipam *m); /* NULL is fine */

/* The input.  Everything is copied, except the configuration, which must stay valid until the next
 * ipam_config().  Running out of memory is told by ipam_next(). */
void ipam_time(struct ipam *m, uint64_t now_ms); /* never less than before; matters to reuse_delay_ms */
uint64_t ipam_deadline(const struct ipam *m); /* when the next address has rested; UINT64_MAX: none */
void ipam_config(struct ipam *m, const struct config *c);
void ipam_namespace(struct ipam *m, const struct api_namespace *n);
void ipam_namespace_gone(struct ipam *m, const char *name);
void ipam_service(struct ipam *m, const struct api_service *s);
void ipam_service_gone(struct ipam *m, const char *namespace, const char *name);
/* A stage before this one wants this status written: as if it were already so. */
void ipam_service_status(struct ipam *m, const struct api_service *s);
/* Its object can't be read.  What it holds it keeps; if nothing is known of it, the addresses
 * recorded in it are at least given to nobody else. */
void ipam_service_unreadable(struct ipam *m, const char *namespace, const char *name,
    const struct addr *recorded, size_t n, const char *why);

/* Somebody else on the network uses these addresses: they are given to nobody until `by`, who found
 * that out, says otherwise.  n 0: none any more. */
void ipam_quarantine(
    struct ipam *m, const char *by, const struct addr *addresses, size_t n, const char *why);

enum { IPAM_EVENTS_MAX = 4 };

struct ipam_outcome {
	const char *namespace;
	const char *name;
	bool write; /* the status shall be: */
	const struct addr *addresses;
	size_t addresses_n; /* 0: the status is emptied */
	const char *pool;   /* of the annotation; NULL: it is removed */
	bool old;           /* it has the annotation in its old spelling too, which is removed */
	struct record_event events[IPAM_EVENTS_MAX];
	size_t events_n;
	bool decided; /* the decision is another than before */
	struct record_decision decision;
	const char *answer;  /* the decision's message, without: */
	const char *gave_up; /* which address was given up, and why; NULL: none */
};

/* The next thing that follows from the input: 1, or 0 when there is no more, or -1.  Call it until
 * it says 0 before the next input, or after all of a first load.  *o is borrowed until the next
 * call. */
int ipam_next(struct ipam *m, struct ipam_outcome *o, struct err *e) MUST_CHECK;

/* For tests and reports: calls each() for every address held, in their order, once for each
 * holder. */
struct ipam_held {
	struct addr addr;
	const char *namespace;
	const char *name;
	const char *pool; /* NULL: in no pool */
	bool recorded;    /* it only stands in the status: given up, or another controller's */
};
void ipam_each_held(
    const struct ipam *m, void (*each)(const struct ipam_held *h, void *arg), void *arg);

/* The addresses of a pool, of one family; INT64_MAX: that many or more.  Each is counted once:
 * capacity = assigned + available + reserved + held, unless there are more. */
struct ipam_books {
	uint64_t capacity;  /* without those that avoidBuggyIPs excludes */
	uint64_t assigned;  /* Services hold them */
	uint64_t available; /* would be given now */
	uint64_t reserved;  /* by lbctl.dev/reserve, and not assigned */
	uint64_t held;      /* only recorded, resting, or in quarantine */
};
bool ipam_books(const struct ipam *m, const char *pool, uint8_t family, struct ipam_books *out);

#endif
