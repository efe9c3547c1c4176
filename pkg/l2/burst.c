/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP: who has to be told what, when.
 *
 * Bursts whose time has come stand in `due`, the others in `waiting`.  The interval is one and the
 * same for all, so appending keeps `waiting` in order of time, and its head is the deadline. */
#include "pkg/l2/engine.h"

static struct burst *burst_find(struct vip *v, int ifindex)
{
	for (struct burst *b = v->bursts; b; b = b->next_of_vip)
		if (b->ifindex == ifindex)
			return b;
	return NULL;
}

static void leave_queue(struct l2 *l, struct burst *b)
{
	if (b->waiting)
		DL_DELETE(l->waiting, b);
	else
		DL_DELETE(l->due, b);
}

static void burst_end(struct l2 *l, struct burst *b)
{
	leave_queue(l, b);
	DL_DELETE2(b->vip->bursts, b, prev_of_vip, next_of_vip);
	free(b);
}

void burst_start(struct l2 *l, struct vip *v, const struct link *k)
{
	struct burst *b = burst_find(v, k->ifindex);

	if (b) {
		leave_queue(l, b);
	} else {
		b = calloc(1, sizeof(*b));
		if (!b)
			return;
		b->vip = v;
		b->ifindex = k->ifindex;
		DL_APPEND2(v->bursts, b, prev_of_vip, next_of_vip);
	}
	b->rounds = L2_BURST_ROUNDS;
	b->half = b->waiting = false;
	DL_APPEND(l->due, b);
}

void bursts_stop(struct l2 *l, struct vip *v)
{
	while (v->bursts)
		burst_end(l, v->bursts);
}

void bursts_wake(struct l2 *l)
{
	while (l->waiting && l->waiting->at <= l->now) {
		struct burst *b = l->waiting;

		DL_DELETE(l->waiting, b);
		b->waiting = false;
		DL_APPEND(l->due, b);
	}
}

bool l2_next_frame(struct l2 *l, struct arp_message *out)
{
	while (l->due) {
		struct burst *b = l->due;
		const struct link *k = link_find(l, b->ifindex);

		/* Withdrawn or restricted since, or the link went: news no more. */
		if (!k || !vip_allowed(b->vip, k, NULL, false)) {
			burst_end(l, b);
			continue;
		}
		out->ifindex = b->ifindex;
		out->frame = arp_gratuitous(b->half ? ARP_REPLY : ARP_REQUEST, &k->mac, b->vip->ip);
		b->half = !b->half;
		if (b->half)
			return true;
		if (--b->rounds == 0) {
			burst_end(l, b);
		} else {
			DL_DELETE(l->due, b);
			b->waiting = true;
			b->at = l->now + L2_BURST_INTERVAL_MS;
			DL_APPEND(l->waiting, b);
		}
		return true;
	}
	return false;
}
