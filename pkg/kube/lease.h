/* SPDX-License-Identifier: Apache-2.0 */
/* lease: a coordination.k8s.io/v1 Lease, of which one contender at a time is the holder; the rules
 * of client-go's leader election as an engine that owns no socket and no clock.
 *
 * No two machines' clocks are compared: a record expires when it has not changed for the
 * leaseDurationSeconds that stand in it, by the clock of the one who watches it.  A holder counts
 * from when it sent the write that was taken, which is earlier than anybody can have seen it; so
 * at `until` nobody else can hold the Lease yet.
 *
 * Differences from client-go: a holder that reads somebody else's name in the record, or none, has
 * lost it at once, rather than at its deadline; and a record that expires is tried for when it does. */
#ifndef LB_KUBE_LEASE_H
#define LB_KUBE_LEASE_H

#include "pkg/json/json.h"

struct lease_options { /* copied */
	const char *namespace;
	const char *name;
	const char *identity; /* nobody else's */
	uint64_t duration_ms; /* whole seconds: how long the others wait for a holder that is silent */
	uint64_t renew_deadline_ms; /* how long a holder tries to renew before it gives up */
	uint64_t retry_ms;          /* between two tries */
	uint64_t seed;              /* of the jitter */
};

struct lease_now {
	uint64_t ms;     /* of a clock that goes on while the machine sleeps */
	int64_t wall_us; /* since the Unix epoch: for people who read the record */
};

struct lease;
/* ERR_USAGE when the three durations do not fit each other. */
struct lease *lease_new(const struct lease_options *o, struct lease_now now, struct err *e) MUST_CHECK;
void lease_free(struct lease *l); /* NULL is fine */

enum lease_ask { LEASE_GET, LEASE_CREATE, LEASE_UPDATE };

enum lease_what {
	LEASE_ASK,     /* send this, and tell the answer by lease_answer(); one at a time */
	LEASE_HELD,    /* it is ours, or was renewed: until `until` */
	LEASE_LOST,    /* it is, or soon will be, another's: stop by `until`.  No more HELD will come */
	LEASE_WAITING, /* `holder` has it; told when that changes */
	LEASE_TROUBLE, /* the server does not do what is asked, for this reason; NULL: it does again */
	LEASE_OVER,    /* after lease_stop(): released, or not ours, or nobody answers */
};

struct lease_event { /* what it points to is borrowed until the next call of anything here */
	enum lease_what what;
	enum lease_ask ask;
	const struct json *object; /* the body of CREATE and UPDATE */
	const char *holder;
	uint64_t until;
	const struct err *error;
};
/* What follows from all that was told, oldest first; false when there is nothing now. */
bool lease_next(struct lease *l, struct lease_now now, struct lease_event *ev);
/* When to call lease_next() again, if nothing else happens. */
uint64_t lease_deadline(const struct lease *l);

struct lease_answer {
	int status;                /* of HTTP; 0: none came */
	const struct json *object; /* the Lease, when status is 2xx */
	const struct err *error;   /* when it is not */
	uint64_t retry_after_ms;   /* 0: not said */
};
void lease_answer(struct lease *l, const struct lease_answer *a, struct lease_now now);
/* The record as a watch told it, which makes a waiting contender quicker; NULL: it is gone. */
void lease_seen(struct lease *l, const struct json *object, struct lease_now now);

/* Done with it: what is held is released. */
void lease_stop(struct lease *l, struct lease_now now);

/* Neither holds it nor is asking for anything: a watch would help. */
bool lease_idle(const struct lease *l);
const char *lease_version(const struct lease *l); /* of the record as last seen; "" when none was */

#endif
