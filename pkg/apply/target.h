/* SPDX-License-Identifier: Apache-2.0 */
/* target: the data of the engine, which apply.c moves forwards and done.c judges.
 *
 * The life of a target (an object that was wanted at least once):
 *
 *	want -> queue -> flight -> written
 *
 * There are two queues: Events wait until nothing else is written.
 *
 * A newer want replaces an older one that waits.  A write that is to be tried again becomes the
 * want, unless there is a newer one.  `strip` is a second step, after a write whose answer
 * still showed an annotation that was to go. */
#ifndef LB_APPLY_TARGET_H
#define LB_APPLY_TARGET_H

#include "pkg/apply/apply.h"
#include "pkg/tree/tree.h"

/* What can be written, and where. */
struct writable {
	const char *kind;
	const char *group;
	const char *subresource;
	bool event;
};

struct target {
	struct tree_node node;
	struct target *next; /* in the queue */
	const struct writable *what;
	const struct api_kind *kind;
	char *namespace;
	char *name;
	bool queued;
	bool dropped; /* while its write is under way: not to be tried again */
	/* Objects as text, for there may be very many: NULL is none. */
	char *want;
	char *flight;
	char *written;
	uint32_t want_times; /* of an Event */
	uint64_t want_ms;    /* since when it waits */
	uint32_t flight_times;
	bool merging; /* what is under way is `strip` */
	struct json *strip;
	uint64_t id;         /* of the write under way; 0: none is */
	struct json *object; /* of it */
	struct json *body;   /* of it */
	uint64_t version;    /* of the object when we had written it; 0 when unknown */
	bool seen;           /* a record showed what we wrote */
	uint64_t not_before;
	unsigned attempts;
	char *refusal;  /* as it was reported */
	uint32_t count; /* of an Event */
	int64_t first;
	uint64_t last_ms;
};

struct report {
	struct report *next;
	enum record_verdict verdict;
	const char *code;
	char *kind, *namespace, *name, *message;
};

struct apply {
	struct tree targets;
	size_t events, forget_at;
	struct queue {
		struct target *first, **end;
	} queues[2]; /* the second: Events */
	struct target **flights;
	size_t flights_n, flights_max;
	size_t events_n;    /* of them */
	uint64_t events_ms; /* when one more would be on time, had none been allowed ahead of it */
	uint64_t last_id;
	uint64_t hold; /* start nothing before */
	unsigned outages;
	bool doubt; /* no write succeeded since the last outage: the server may be starting */
	bool hurry;
	struct report *reports, **reports_end, *told;
};

void apply_target_free(struct apply *a, struct target *t);
void apply_enqueue(struct apply *a, struct target *t);
void apply_report_free(struct report *r); /* NULL is fine */

#endif
