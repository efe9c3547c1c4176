/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a reflector, shared by reflector.c (what to ask and when) and
 * reflector_read.c (what the answers say). */
#ifndef LB_KUBE_REFLECTOR_STATE_H
#define LB_KUBE_REFLECTOR_STATE_H

#include "pkg/kube/event.h"
#include "pkg/kube/known.h"
#include "pkg/kube/reflector.h"
#include "pkg/kube/status.h"

enum {
	PAGE_LIMIT = 500,
	TIMEOUT_MIN_S = 300, /* of a watch, told to the server */
	TIMEOUT_SPREAD_S = 300,
	TIMEOUT_SLACK_MS = 30000,
	CALM_MS = 1000,    /* a watch that lived so long works */
	EXPIRED_MS = 5000, /* after a version expired, in which another one should not */
	RETRY_AFTER_MAX_S = 600,
	ERROR_BODY_MAX = 64 << 10,
};

enum phase { STREAM, PAGES, WATCH };
enum sweep { SWEEP_NONE, SWEEP_LIST, SWEEP_ABSENT };

struct reflector {
	const struct api_kind *kind;
	char *namespace;
	bool full;
	uint64_t random;

	struct known *known;
	enum phase phase;
	struct buf version; /* where a watch goes on */
	bool no_stream;     /* the server can't stream a list */
	bool synced;
	enum sweep sweep; /* what the list lacked is being told as gone */
	struct buf queued;

	/* pages */
	struct buf more;  /* the token of the next page, empty for the first */
	unsigned limit;   /* 0: everything at once */
	struct page page; /* being told, while it has a tree */
	size_t page_at;

	/* the request under way */
	bool in_flight;
	bool ended;
	bool cut; /* ended, and not as it should */
	bool abort, reconnect;
	struct err why_cut;
	struct buf path; /* asked, for messages */
	int status;
	uint32_t retry_after;
	uint64_t started, head_at, heard, limit_at;
	uint64_t events;
	struct buf in;
	size_t in_at;   /* read up to here */
	size_t scanned; /* no newline up to here */

	/* when it does not go well */
	uint64_t at; /* of the next request */
	unsigned failures;
	unsigned absences;
	unsigned ended_early;
	uint64_t expired_at;
	bool expired_before;
	struct err error;
};

/* After any of these the request is no longer under way. */
void reflector_fail(struct reflector *r, const struct err *e, uint64_t now); /* ask again later */
void reflector_fail_text(struct reflector *r, const char *text, uint64_t now);
void reflector_list_again(struct reflector *r, enum phase phase, uint64_t now);
void reflector_expired(struct reflector *r, uint64_t now);
void reflector_refused(
    struct reflector *r, const struct status_answer *a, const struct json *status, uint64_t now);

void reflector_calm(struct reflector *r); /* it works again */
enum phase reflector_list_phase(const struct reflector *r);

#endif
