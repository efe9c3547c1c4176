/* SPDX-License-Identifier: Apache-2.0 */
/* event: what the API server sends to a list or a watch, taken apart. */
#ifndef LB_KUBE_EVENT_H
#define LB_KUBE_EVENT_H

#include "pkg/json/json.h"

enum event_type {
	EVENT_OTHER,
	EVENT_ADDED,
	EVENT_MODIFIED,
	EVENT_DELETED,
	EVENT_BOOKMARK,
	EVENT_ERROR
};

/* One line of a watch.  The rest is borrowed from `tree`, which the caller frees. */
struct event {
	struct json *tree;
	enum event_type type;
	const struct json *object; /* for EVENT_ERROR a Status */
	const char *version;       /* metadata.resourceVersion, "" for none */
	bool initial_events_end;   /* of a bookmark */
};
int event_decode(struct event *ev, const char *line, size_t len, struct err *e) MUST_CHECK;

/* One page of a list, likewise. */
struct page {
	struct json *tree;
	const struct json *items; /* a list, or NULL for none */
	const char *version;
	const char *more; /* the token of the next page, "" on the last */
};
int page_decode(struct page *p, const char *body, size_t len, struct err *e) MUST_CHECK;

#endif
