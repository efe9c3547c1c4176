/* SPDX-License-Identifier: Apache-2.0 */
/* stage: what every filter of the stream has in common.
 *
 * Reads records from standard input, forwards each unchanged and in order, hands those of
 * the kinds it asked for to the command, and writes what the command adds.  The rules of
 * lbctl-stream(5) are kept here, once: nothing is decided before the initial-events-end of
 * every awaited kind (or the end of input); the end of input, SIGTERM and SIGINT are a
 * graceful stop; a reader that went away ends the stage at once with ERR_CLOSED; a bad
 * record is reported with its line and skipped; input waits while output is full.
 *
 * After every record, never in the middle of one, settle() is called once the world is
 * known, so that what a stage adds does not depend on how the input was cut into reads. */
#ifndef LB_STAGE_H
#define LB_STAGE_H

#include "pkg/print/print.h"
#include "pkg/stream/stream.h"

struct stage;

enum stage_awaits {
	STAGE_NOT_AWAITED,
	STAGE_AWAITED,
	STAGE_ONLY_AWAITED, /* nothing else of the kind is read: record() is not called */
};

struct stage_kind {
	const char *kind;  /* "Service" */
	const char *group; /* "", "metallb.io" */
	int awaited;       /* STAGE_AWAITED (true): decide nothing before its initial-events-end */
};

struct stage_ops {
	const struct stage_kind *kinds; /* ends in { NULL } */
	/* A record of one of those kinds, after it was forwarded.  `object` is borrowed for the call.
	 * Not called for bookmarks. */
	void (*record)(void *ctx, const struct record *r, const struct json *object);
	/* The world is known and something may have changed: decide, and stage_add().  When much
	 * follows and stage_is_full(), it calls stage_pause(), and is called again once there is room.
	 */
	void (*settle)(void *ctx);
	/* No more input will come.  The command calls stage_done() when it has finished, now or later.
	 * NULL: it has finished. */
	void (*drain)(void *ctx);
};

/* `output` as parsed by print_output(); PRINT_JSON forwards and adds, any other form shows only
 * what the command adds. */
struct stage *stage_new(
    const struct stage_ops *ops, void *ctx, enum print_output output, struct err *e) MUST_CHECK;
void stage_free(struct stage *s);
void stage_freep(struct stage **s);

/* Runs until the end; -1 with *e when the reader has gone or the kernel fails us. */
int stage_run(struct stage *s, struct err *e) MUST_CHECK;

struct loop *stage_loop(struct stage *s);
bool stage_synced(const struct stage *s); /* the world is known */
/* The initial list of a kind of the stage has ended, be that awaited or not. */
bool stage_listed(const struct stage *s, const char *kind);
bool stage_draining(const struct stage *s); /* no more input will come */

/* One record (with its newline) to write. */
void stage_add(struct stage *s, const struct buf *record);

/* The reader is slow, and more than enough waits for it. */
bool stage_is_full(const struct stage *s);
void stage_pause(struct stage *s); /* nothing is read before settle() returns without it */

void stage_done(struct stage *s);                      /* after drain(): flush and return 0 */
void stage_fail(struct stage *s, const struct err *e); /* give up: stage_run() returns -1 with *e */

#endif
