/* SPDX-License-Identifier: Apache-2.0 */
/* stream: records of newline-delimited JSON, read and written.
 *
 * A record is one Kubernetes watch event on one line (lbctl-stream(5)).  Reading is pure:
 * bytes in, records out; a record's type, kind and apiVersion are told from its first bytes
 * when they stand in the order that lbctl and the API server write, and by a whole parse
 * otherwise.  A line that is no record, or longer than STREAM_RECORD_MAX, comes out as
 * RECORD_BAD with the reason: never fatal.
 *
 * Writing is queued and never blocks on a pipe: all that a round of the loop queued leaves
 * in one writev(), no record torn, and a reader that went away is noticed also while idle. */
#ifndef LB_STREAM_H
#define LB_STREAM_H

#include "pkg/json/json.h"
#include "pkg/loop/loop.h"

enum {
	STREAM_RECORD_MAX = 8 << 20, /* bytes of a line with its newline */
	STREAM_QUEUE_MAX = 4 << 20,  /* bytes queued for output beyond which input shall wait */
};

enum record_type {
	RECORD_BAD, /* not a record: `bad` says why */
	RECORD_ADDED,
	RECORD_MODIFIED,
	RECORD_DELETED,
	RECORD_BOOKMARK,
	RECORD_ERROR,
	RECORD_APPLY,
	RECORD_OTHER, /* a type that this version does not know: forward it */
};

/* Everything is borrowed from the reader, and valid until its next call. */
struct record {
	enum record_type type;
	const char *text; /* as read, with its newline (added if the last line lacked it) */
	size_t len;
	uint64_t line;    /* from 1 */
	const char *kind; /* not NUL-terminated; "" when the object has none */
	size_t kind_len;
	const char *group; /* apiVersion up to its "/", "" for the core group */
	size_t group_len;
	const struct json *parsed; /* the whole record, if telling its kind took a parse, or NULL */
	const char *bad;
};

bool record_is(const struct record *r, const char *kind, const char *group);
enum record_type record_type_of(const struct json *record); /* by its "type" */

/* The record as a tree, owned by the caller.  A record whose first bytes were good may still be
 * malformed further on: NULL with ERR_PROTOCOL. */
struct json *record_parse(const struct record *r, struct err *e) MUST_CHECK;

struct stream_reader;
struct stream_reader *stream_reader_new(struct err *e) MUST_CHECK;
void stream_reader_free(struct stream_reader *r);

/* Where the next bytes go, at least 64 KiB of room, NULL when out of memory; then how many came. */
char *stream_reader_room(struct stream_reader *r, size_t *room);
void stream_reader_fed(struct stream_reader *r, size_t n);
void stream_reader_end(
    struct stream_reader *r); /* no more will come: a last line without newline counts */

/* The next whole record, oldest first; false when more bytes are needed.  Blank lines are skipped. */
bool stream_reader_next(struct stream_reader *r, struct record *out);

/* The writer does not own fd.  A pipe or socket is made non-blocking, and put back by
 * stream_writer_free(). */
struct stream_writer;
struct stream_writer_events {
	void (*closed)(void *arg,
	    const struct err *e); /* the reader has gone (ERR_CLOSED) or a write failed; once */
	void (*drained)(
	    void *arg); /* the queue emptied, or fell below half of STREAM_QUEUE_MAX; may be NULL */
	void *arg;
};
struct stream_writer *stream_writer_new(
    struct loop *l, int fd, const struct stream_writer_events *ev, struct err *e) MUST_CHECK;
void stream_writer_free(struct stream_writer *w); /* drops what is still queued */

/* Queues one or more whole records; text ends in a newline and is copied. */
void stream_writer_add(struct stream_writer *w, const char *text, size_t len);
size_t stream_writer_queued(const struct stream_writer *w); /* bytes */

#endif
