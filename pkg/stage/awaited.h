/* SPDX-License-Identifier: Apache-2.0 */
/* awaited: of which kinds the initial list has ended. */
#ifndef LB_STAGE_AWAITED_H
#define LB_STAGE_AWAITED_H

#include "pkg/stage/stage.h"

enum { AWAITED_MAX = 32 }; /* kinds of a stage */

struct awaited {
	const struct stage_kind *kinds;
	bool seen[AWAITED_MAX]; /* the initial-events-end of kinds[i] */
	struct loop_timer *complaint;
};

/* The kinds are borrowed. */
int awaited_begin(
    struct awaited *a, const struct stage_kind *kinds, struct loop *l, struct err *e) MUST_CHECK;
void awaited_end(struct awaited *a); /* one that was not begun is fine */

/* A bookmark of kinds[kind]. */
void awaited_bookmark(struct awaited *a, size_t kind, const struct json *object);
bool awaited_is_listed(const struct awaited *a, const char *kind);
bool awaited_is_done(const struct awaited *a); /* nothing is awaited any more */

/* Something was read, so what is awaited may still come: without it for ten seconds, that is said. */
void awaited_read(struct awaited *a);
/* No more is read, or needed. */
void awaited_stop(struct awaited *a);

#endif
