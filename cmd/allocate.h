/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lbctl allocate share. */
#ifndef LB_CMD_ALLOCATE_H
#define LB_CMD_ALLOCATE_H

#include "pkg/ipam/ipam.h"

/* The status of each IPAddressPool: what was seen or written last, and what it should be. */
struct pool_statuses;
struct pool_statuses *pool_statuses_new(struct err *e) MUST_CHECK;
void pool_statuses_free(struct pool_statuses *p); /* NULL is fine */
void pool_statuses_seen(struct pool_statuses *p, const struct json *object);
void pool_statuses_gone(struct pool_statuses *p, const struct json *object);
/* Calls add() with an APPLY for each pool whose numbers are others than were seen or written. */
int pool_statuses_tell(struct pool_statuses *p, const struct ipam *m, const struct config *c,
    void (*add)(void *arg, const struct record_pool_status *s), void *arg, struct err *e) MUST_CHECK;

/* --what-if: what a change of the configuration would do to each address. */
struct what_if;
struct what_if *what_if_new(struct err *e) MUST_CHECK;
void what_if_free(struct what_if *w); /* NULL is fine */
/* Runs the engine until nothing follows any more, as if everything that it wants were written. */
int what_if_run(struct what_if *w, struct ipam *m, struct err *e) MUST_CHECK;
/* What is held now is what there was before the change. */
int what_if_snapshot(struct what_if *w, struct ipam *m, struct err *e) MUST_CHECK;
struct what_if_sum { /* Services */
	size_t moved, lost;
};
/* After the change and another run: calls add() with a Decision for each address that is kept, moved,
 * lost or new, by namespace and name. */
int what_if_tell(struct what_if *w, struct ipam *m,
    void (*add)(void *arg, const struct record_decision *d), void *arg, struct what_if_sum *sum,
    struct err *e) MUST_CHECK;
/* -1 and ERR_CONFLICT when the change does harm: a Service would lose what it has, or so many objects
 * of it are invalid. */
int what_if_verdict(const struct what_if_sum *sum, size_t invalid, struct err *e);

#endif
