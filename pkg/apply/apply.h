/* SPDX-License-Identifier: Apache-2.0 */
/* apply: APPLY records in, writes out, and what became of them.
 *
 * The engine owns no socket and no clock: wanted and observed objects, results of writes and
 * the time go in; writes to start, and reports, come out.  What always holds:
 *  - of one object at most one write is under way, and what was wanted last is written last;
 *  - what was wanted meanwhile and then superseded is never written;
 *  - what is wanted again as it was last written, or is being written, is not written again,
 *    unless a record newer than that write showed that somebody changed it;
 *  - a write that the server could not take now is tried again, with a growing pause, and one that
 *    nobody may make, too; during an outage one write at a time is tried; what is refused for its
 *    content, or whose object is gone, is dropped.
 * An Event is written when nothing else is, so that the server has its hands free for what matters,
 * or has waited for APPLY_EVENT_WAIT_MS; many are paced: what all speakers and the controller tell
 * of thousands of Services must not keep the server from serving them.  An Event wanted again is one
 * that happened again: it is counted, and written at most once in APPLY_EVENT_PAUSE_MS. */
#ifndef LB_APPLY_H
#define LB_APPLY_H

#include "pkg/api/api.h"
#include "pkg/kube/kube.h"
#include "pkg/loop/loop.h"
#include "pkg/record/record.h"

enum {
	APPLY_PAUSE_MIN_MS = 100, /* before the first retry; doubles with every one */
	APPLY_PAUSE_MAX_MS = 30000,
	APPLY_EVENT_PAUSE_MS = 10000,
	APPLY_EVENT_WAIT_MS = 1000, /* at most, for other writes to be over */
	APPLY_EVENTS_AT_ONCE = 100,
	APPLY_EVENTS_A_SECOND = 25, /* beyond those; a client of client-go has less */
	APPLY_IN_FLIGHT_MAX = 256,
};
#define APPLY_MANAGER "lbctl" /* the field manager of what is written */

struct apply_now {
	uint64_t ms;  /* monotonic */
	int64_t wall; /* seconds of the Unix epoch, for the times in Events */
};

struct apply;
struct apply *apply_new(uint32_t in_flight, struct err *e) MUST_CHECK;
void apply_free(struct apply *a); /* NULL is fine */
void apply_freep(struct apply **a);

/* The object of an APPLY record.  0 also for what is written nowhere (lbctl.dev/v1); ERR_PROTOCOL
 * when it is nothing that can be written. */
int apply_want(
    struct apply *a, const struct json *object, struct apply_now now, struct err *e) MUST_CHECK;
/* The object of an ADDED, MODIFIED or DELETED record. */
void apply_observed(struct apply *a, bool deleted, const struct json *object);

enum apply_how {
	APPLY_FIELDS, /* server-side apply of `body` */
	APPLY_MERGE,  /* JSON merge patch `body`: removes an annotation that somebody else owns */
};

struct apply_write {
	uint64_t id;
	enum apply_how how;
	bool fresh; /* an Event that was not written before, and so most likely is not there */
	const struct api_kind *kind;
	const char *namespace;
	const char *name;
	const char *subresource; /* "status", or NULL */
	/* Both borrowed until apply_done(). */
	const struct json *object; /* as wanted: null is "to be removed" */
	const struct json *body;
};
/* The next write to start; false when there is none now. */
bool apply_next(struct apply *a, struct apply_now now, struct apply_write *w);
/* When to ask apply_next() again, if nothing else happens; UINT64_MAX: not before that. */
uint64_t apply_deadline(const struct apply *a);

enum apply_outcome {
	APPLY_WRITTEN,
	APPLY_SAME,     /* it was so already */
	APPLY_GONE,     /* the object, or its namespace, doesn't exist */
	APPLY_CONFLICT, /* try again */
	APPLY_OUTAGE,   /* nobody answers, or not now: try again, and don't hurry with the rest */
	/* A permission is missing.  It may be granted, and an API server that is just starting refuses
	 * everybody: told once, tried again in the object's own time, an Event not for ever. */
	APPLY_FORBIDDEN,
	APPLY_REFUSED, /* trying again won't help */
};
struct apply_result {
	enum apply_outcome outcome;
	const struct json *object; /* as it is now; NULL when unknown */
	uint64_t retry_after_ms;   /* 0: not said */
	const char *why;           /* of a failure, for people */
};
void apply_done(struct apply *a, uint64_t id, const struct apply_result *r, struct apply_now now);

/* What became of a write, oldest first; false when there is none. */
struct apply_report {
	const char *kind; /* borrowed until the next call of anything here */
	const char *namespace;
	const char *name;
	enum record_verdict verdict;
	const char *code; /* of record_codes[] */
	const char *message;
};
bool apply_report(struct apply *a, struct apply_report *r);

/* "its address 192.0.2.1": what a body writes, for people. */
void apply_describe(const struct json *body, struct buf *out);

bool apply_idle(const struct apply *a);     /* nothing waits, nothing is under way */
bool apply_troubled(const struct apply *a); /* since a write found nobody, until one succeeds */
/* Objects, Events left out, whose last write was refused. */
size_t apply_refused(const struct apply *a);
/* There is no more time: pauses end, Events are written now. */
void apply_hurry(struct apply *a);
/* What is not written: waiting or under way. */
void apply_unwritten(struct apply *a,
    void (*each)(void *arg, const char *kind, const char *namespace, const char *name), void *arg);

/* Where writes go. */
struct apply_sink_events {
	void (*done)(
	    void *arg, uint64_t id, const struct apply_result *r); /* maybe inside of start() */
	void *arg;
};
struct apply_sink {
	const struct apply_sink_ops *ops;
	void *state;
};
/* Each opens *s; ops is NULL before. */
int apply_to_cluster(struct apply_sink *s, struct loop *l, const struct kube_options *o,
    const struct apply_sink_events *ev, struct err *e) MUST_CHECK;
int apply_to_directory(struct apply_sink *s, struct loop *l, const char *dir,
    const struct apply_sink_events *ev, struct err *e) MUST_CHECK;
int apply_to_nothing(
    struct apply_sink *s, const struct apply_sink_events *ev, struct err *e) MUST_CHECK;

void apply_sink_start(struct apply_sink *s, const struct apply_write *w);
/* A Service is there, or is gone, and: all that are there were told.  What a directory keeps of
 * Services that are no more is then removed. */
void apply_sink_exists(struct apply_sink *s, const char *namespace, const char *name, bool exists);
void apply_sink_known(struct apply_sink *s);
void apply_sink_close(struct apply_sink *s);

#endif
