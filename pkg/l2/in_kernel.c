/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/in_kernel.h"

#include <errno.h>

#include "pkg/log/log.h"
#include "pkg/responder/responder.h"

enum {
	GO_ON_MS = 100,
	MUCH = 50, /* in that time */
	REVIEW_MS = 10000,
	LITTLE = 1000, /* in that time */
	RETRY_MS = 60000,
	A_TURN = 2000, /* addresses learnt before others have their turn */
};

static uint64_t answered(void *arg, const struct addr *ip, int ifindex)
{
	return responder_answered(arg, ip, ifindex);
}

static uint64_t answered_on(void *arg, int ifindex)
{
	return responder_answered_on(arg, ifindex);
}

bool in_kernel_counts(const struct in_kernel *x, struct l2_elsewhere *out)
{
	*out = (struct l2_elsewhere){ answered, answered_on, x->responder };
	return x->responder;
}

void in_kernel_close(struct in_kernel *x, struct l2 *l)
{
	struct l2_elsewhere counts;

	if (!in_kernel_counts(x, &counts))
		return;
	in_kernel_stop(x);
	l2_end_elsewhere(l, &counts);
	responder_free(x->responder);
	x->responder = NULL;
	x->knows_all = false;
}

static void give_up(struct in_kernel *x, struct l2 *l, const struct err *e)
{
	log_debug("responder", "only the sockets answer: %s", e->text);
	in_kernel_close(x, l);
	x->not_before_ms = x->since_ms + RETRY_MS;
}

static int set_own(struct in_kernel *x, const struct netlink_world *w, struct err *e)
{
	CLEANUP(freep) struct mac *own = malloc(w->links_n * sizeof(*own) + 1);

	if (!own)
		return err_memory(e);
	for (size_t i = 0; i < w->links_n; i++)
		own[i] = w->links[i].mac;
	return responder_set_own(x->responder, own, w->links_n, e);
}

/* On a link that has just gone, or for which there is no room, the sockets answer alone. */
static void set_link(struct in_kernel *x, struct l2 *l, const struct netlink_link *k)
{
	struct err e = ERR_INIT;

	if (responder_set_link(x->responder, k->ifindex, &k->mac, &e) < 0 && e.kind != ERR_EXHAUSTED &&
	    e.sys != ENODEV)
		give_up(x, l, &e);
}

void in_kernel_links(struct in_kernel *x, struct l2 *l, const struct netlink_world *w)
{
	struct err e = ERR_INIT;
	int ifindex;

	if (x->responder && set_own(x, w, &e) < 0)
		give_up(x, l, &e);
	for (size_t i = 0; x->responder && (ifindex = responder_next_link(x->responder, &i));) {
		const struct netlink_link *k = netlink_link_by_index(w, ifindex);

		if (k)
			set_link(x, l, k);
		else
			responder_drop_link(x->responder, ifindex);
	}
}

void in_kernel_forget(struct in_kernel *x, struct l2 *l)
{
	struct err e = ERR_INIT;
	struct l2_place p;

	while (x->responder && l2_next_gone(l, &p))
		if (responder_drop(x->responder, &p.address, p.ifindex, &e) < 0)
			give_up(x, l, &e);
	if (x->responder && l2_places_lost(l))
		in_kernel_close(x, l);
	if (x->until_ms && l2_is_probing(l))
		in_kernel_stop(x);
}

bool in_kernel_learn(struct in_kernel *x, struct l2 *l)
{
	struct err e = ERR_INIT;
	struct l2_place p;

	for (int i = 0; x->responder && i < A_TURN; i++) {
		x->knows_all = !l2_next_place(l, &p);
		if (x->knows_all)
			return false;
		if (responder_add(x->responder, &p.address, p.ifindex, &e) < 0)
			give_up(x, l, &e);
	}
	in_kernel_stop(x);
	return x->responder;
}

static void start(
    struct in_kernel *x, struct l2 *l, const struct netlink_world *w, int ifindex, uint64_t now_ms)
{
	const struct netlink_link *k = netlink_link_by_index(w, ifindex);
	struct err e = ERR_INIT;

	if (!x->responder) {
		x->responder = responder_new(&e);
		x->review_ms = now_ms + REVIEW_MS;
		x->by_it = 0;
		if (!x->responder || set_own(x, w, &e) < 0)
			give_up(x, l, &e);
	}
	if (x->responder && k)
		set_link(x, l, k);
}

/* Whether that is much, and the sockets' work on a link that has no program yet. */
static bool is_much(struct in_kernel *x, int ifindex, size_t n, uint64_t now_ms)
{
	if (x->responder && responder_has_link(x->responder, ifindex))
		return false;
	if (now_ms - x->since_ms >= GO_ON_MS) {
		x->since_ms = now_ms;
		x->ifindex = ifindex;
		x->by_sockets = 0;
	}
	if (x->ifindex == ifindex)
		x->by_sockets += n;
	return x->by_sockets >= MUCH;
}

bool in_kernel_answered(struct in_kernel *x, struct l2 *l, const struct netlink_world *w, int ifindex,
    size_t n, uint64_t now_ms, uint64_t most_ms)
{
	bool had = x->responder;

	if (now_ms >= x->not_before_ms && is_much(x, ifindex, n, now_ms) &&
	    !log_enabled(LOG_DEBUG, "l2"))
		start(x, l, w, ifindex, now_ms);
	if (x->knows_all && !l2_is_probing(l)) {
		x->until_ms = now_ms + GO_ON_MS < most_ms ? now_ms + GO_ON_MS : most_ms;
		responder_answer_until(x->responder, x->until_ms);
	}
	return x->responder && !had;
}

void in_kernel_stop(struct in_kernel *x)
{
	if (x->until_ms)
		responder_answer_until(x->responder, 0);
	x->until_ms = 0;
}

void in_kernel_review(struct in_kernel *x, struct l2 *l, uint64_t now_ms)
{
	uint64_t all = 0;
	int ifindex;

	if (now_ms < in_kernel_deadline(x))
		return;
	for (size_t i = 0; (ifindex = responder_next_link(x->responder, &i));)
		all += responder_answered_on(x->responder, ifindex);
	x->review_ms = now_ms + REVIEW_MS;
	if (all >= x->by_it && all < x->by_it + LITTLE)
		in_kernel_close(x, l);
	x->by_it = all; /* fewer than before: a link has gone */
}

uint64_t in_kernel_deadline(const struct in_kernel *x)
{
	return x->responder ? x->review_ms : UINT64_MAX;
}
