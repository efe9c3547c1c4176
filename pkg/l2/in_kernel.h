/* SPDX-License-Identifier: Apache-2.0 */
/* in_kernel: the responder (pkg/responder), while there is much to answer.
 *
 * When the sockets have answered 50 requests of a link in a tenth of a second, it is put there; it goes
 * when hardly anything was left to it for ten seconds.  It answers for a tenth of a second after
 * this process has, and only while it knows all the addresses, so that it takes no claim of one for
 * a plain request.  Where the kernel does not let us have one, or as soon as anything about it fails,
 * the sockets answer alone. */
#ifndef LB_L2_IN_KERNEL_H
#define LB_L2_IN_KERNEL_H

#include "pkg/l2/l2.h"

struct responder;

struct in_kernel {
	struct responder *responder; /* NULL: none */
	bool knows_all;
	uint64_t until_ms;      /* it answers until then */
	uint64_t not_before_ms; /* there is none: when to try again */
	int ifindex;            /* where the sockets answer: */
	uint64_t since_ms;
	uint64_t by_sockets; /* that many since then */
	uint64_t review_ms;  /* whether it is still of use */
	uint64_t by_it;      /* answered when that was looked at last */
};

/* Ends it.  The engine has its counts then. */
void in_kernel_close(struct in_kernel *x, struct l2 *l);

/* The sockets have just answered n requests, the last on that link.  So it may be done in their stead,
 * until `most_ms` at most.  True when there is a responder, and was none: in_kernel_learn() is due. */
bool in_kernel_answered(struct in_kernel *x, struct l2 *l, const struct netlink_world *w, int ifindex,
    size_t n, uint64_t now_ms, uint64_t most_ms);
void in_kernel_stop(struct in_kernel *x); /* until in_kernel_answered() */

/* Takes over the links and their MACs as they are now. */
void in_kernel_links(struct in_kernel *x, struct l2 *l, const struct netlink_world *w);
/* What the engine answers no more; and what it answers now.  True: there is more of that. */
void in_kernel_forget(struct in_kernel *x, struct l2 *l);
bool in_kernel_learn(struct in_kernel *x, struct l2 *l);

void in_kernel_review(struct in_kernel *x, struct l2 *l, uint64_t now_ms); /* at its deadline */
uint64_t in_kernel_deadline(const struct in_kernel *x);

/* For l2_metrics(); false: there is none. */
bool in_kernel_counts(const struct in_kernel *x, struct l2_elsewhere *out);

#endif
