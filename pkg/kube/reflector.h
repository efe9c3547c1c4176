/* SPDX-License-Identifier: Apache-2.0 */
/* reflector: keeps up with one kind of object by the API's own rules of list and watch.
 *
 * Pure: it is told what the server answered and what time it is, and says what to ask next
 * and which records come of it.  Whoever drives it does, in this order, whenever something
 * happened: reflector_next() until it is empty, reflector_action(), then a timer for
 * reflector_deadline().
 *
 * A list is streamed (sendInitialEvents) where the server can, else read in pages.  Every
 * list is compared with what has been told before, so an interrupted, repeated or expired
 * one costs no record and repeats none. */
#ifndef LB_KUBE_REFLECTOR_H
#define LB_KUBE_REFLECTOR_H

#include "pkg/api/api.h"

enum {
	REFLECTOR_PAGE_MAX = 64 << 20,   /* bytes of one page of a list */
	REFLECTOR_LINE_MAX = 8 << 20,    /* bytes of one event of a watch */
	REFLECTOR_PENDING_MAX = 1 << 20, /* bytes of events unread beyond which input shall wait */
	REFLECTOR_SILENT_MS = 180000,    /* of a watch; the API server sends a bookmark a minute */
	REFLECTOR_ANSWER_MS = 75000, /* to begin an answer; the API server itself gives up after 60 s */
	REFLECTOR_PAGE_MS = 30000,   /* of a page of a list, between its bytes */
	REFLECTOR_STREAM_MS = 10000, /* of a streamed list that goes on but says nothing more */
	REFLECTOR_BACKOFF_MS = 250,  /* the first, doubled with each failure */
	REFLECTOR_BACKOFF_MAX_MS = 15000,
	REFLECTOR_ABSENT_MS =
	    5000, /* until a kind that the server lacks is looked for again, doubled */
	REFLECTOR_ABSENT_MAX_MS = 30000,
	REFLECTOR_ABSENT_TIMES = 3, /* that a kind with objects must be missed before they are gone */
};

struct reflector_options {
	const struct api_kind *kind; /* borrowed */
	const char *namespace;       /* copied; "" for all */
	bool full;
	uint64_t seed; /* of what is random */
};

enum reflector_action {
	REFLECTOR_WAIT,
	REFLECTOR_START,     /* send GET reflector_path() */
	REFLECTOR_ABORT,     /* give up the request that is under way, without reflector_end() */
	REFLECTOR_RECONNECT, /* that, and use a new connection: on this one nobody answers */
};

struct reflector;
struct reflector *reflector_new(const struct reflector_options *o, struct err *e) MUST_CHECK;
void reflector_free(struct reflector *r); /* NULL is fine */

enum reflector_action reflector_action(struct reflector *r, uint64_t now_ms);
/* When to ask again although nothing happened. */
uint64_t reflector_deadline(const struct reflector *r);
/* What to ask, after REFLECTOR_START; the request counts as under way from then on. */
void reflector_path(struct reflector *r, struct buf *out, uint64_t now_ms);

/* The answer.  retry_after in seconds, 0 for none. */
void reflector_head(struct reflector *r, int status, uint32_t retry_after, uint64_t now_ms);
void reflector_input(struct reflector *r, const void *bytes, size_t n, uint64_t now_ms);
/* No more comes: NULL when the answer was whole, else what went wrong. */
void reflector_end(struct reflector *r, const struct err *e);

/* The next record, one whole line, replacing what `out` held; false when there is none yet. */
bool reflector_next(struct reflector *r, struct buf *out, uint64_t now_ms);
size_t reflector_pending(const struct reflector *r); /* bytes that reflector_next() has yet to read */
/* The reader was slow; silence until now says nothing about the server. */
void reflector_resume(struct reflector *r, uint64_t now_ms);

bool reflector_synced(const struct reflector *r); /* initial-events-end has been told */
/* Why it is not keeping up, NULL when it is.  A failure that the next attempt mends is not told. */
const struct err *reflector_trouble(const struct reflector *r);
unsigned reflector_failures(const struct reflector *r); /* in a row */

#endif
