/* SPDX-License-Identifier: Apache-2.0 */
/* words: what is told about a Service, and why; inside pkg/ipam only. */
#ifndef LB_IPAM_WORDS_H
#define LB_IPAM_WORDS_H

#include "pkg/ipam/engine.h"

/* explain.c */
struct refusal {
	enum record_verdict verdict;
	const char *code;
	const char *message;
	const char *go;     /* MetalLB's words, NULL: no event */
	const char *reason; /* of the event */
	bool normal;        /* its type, else Warning */
	const struct record_considered *considered;
	size_t considered_n;
};
/* Why no waiting will give s an address; false: one can be tried, and *like is the class to join
 * (like->pools has room for all pools). */
bool explain_static(struct ipam *m, struct service *s, struct class *like, struct refusal *r);
const char *explain_need(enum need need, bool article); /* "IPv4 address", "an IPv4 address" */
void explain_refuse(
    struct refusal *r, enum record_verdict verdict, const char *code, const char *message);
/* Wraps MetalLB's words for a failed allocation. */
void explain_failed(struct ipam *m, const struct service *s, struct refusal *r, const char *why);
const char *explain_refusal(struct ipam *m, const struct pool *p, const char *code);
const char *explain_conflict(
    struct ipam *m, const struct service *s, const struct service *other, const char *code);
const char *explain_conflict_go(struct ipam *m, const struct service *s, const struct service *other,
    const char *code, const struct addr *a);
void explain_invalid_kept(struct ipam *m, struct service *s);
void explain_foreign(struct ipam *m, struct service *s);
void explain_other_class(struct ipam *m, struct service *s);
void explain_unreadable(struct ipam *m, struct service *s);
void tell_waiting(struct ipam *m, struct service *s); /* why its class sleeps */

/* survey.c */
/* Why no pool has an address for s: the automatic choice, or the pool it asks for. */
void explain_pools(struct ipam *m, const struct service *s, struct refusal *r);
/* What else keeps a pool's addresses from being given; NULL: nothing. */
const char *pool_withholds(const struct ipam *m, const struct pool *p);

/* tell.c */
void tell_begin(struct ipam *m, struct service *s);
bool tell_anything(const struct ipam *m);
void tell_event(
    struct ipam *m, const struct service *s, bool warning, const char *reason, const char *message);
void tell_loss(struct ipam *m, struct service *s, const char *go, const char *fmt, ...) PRINTF(4, 5);
void tell_forget(struct service *s); /* the loss */
void tell_seen(struct service *s);   /* its status was read again */
/* It has no address: empties the status if there is something to empty. */
void tell_refused(struct ipam *m, struct service *s, const struct refusal *r);
/* It keeps what it holds, but something is wrong.  second: only that it lacks another. */
void tell_holding(struct ipam *m, struct service *s, const struct refusal *r, bool second);
/* had: the address that it had before and still has, or NULL. */
void tell_assigned(struct ipam *m, struct service *s, const struct addr *had);
void tell_kept(struct ipam *m, struct service *s, bool second);
void tell_released(struct ipam *m, struct service *s, const struct addr *at, size_t n, const char *why);
/* Just a decision; nothing is written. */
void tell_only(struct ipam *m, struct service *s, enum record_verdict verdict, const char *code,
    const char *message);
const char *tell_addresses(struct ipam *m, const struct addr *at, size_t n); /* "a and b" */
const char *tell_go(struct ipam *m, const struct addr *at, size_t n);        /* ["a" "b"] */
const char *tell_name(struct ipam *m, const struct service *s);              /* "namespace/name" */

#endif
