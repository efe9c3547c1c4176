/* SPDX-License-Identifier: Apache-2.0 */
/* Gratuitous ARP and unsolicited advertisements: who has to be told what, when.
 *
 * Each place stands in the queue of its next step, on its link.  What is appended to a queue is due
 * after all that is there already, since the distance is the same for all; so the head is the
 * earliest.  The first step alone is a stack, for the newest takeover comes first.  Of what is due,
 * the lowest step goes first: every address gets its first frame before any gets its second. */
#include "pkg/l2/engine.h"

/* As much as the pace allows in 20 ms may be sent at once, or one frame.  The rest of a second brings
 * so much less that no second has more frames than the pace. */
enum {
	BUCKET_MS = 20,
	FRAME_TOKENS = 1000 * 1000,
	TOKENS_A_MS = 1000 - BUCKET_MS, /* at one frame a second */
	FULL_MS = 2000,                 /* fills any bucket */
};

static void link_ready(struct l2 *l, struct link *k)
{
	if (k->ready)
		return;
	k->ready = true;
	DL_APPEND(l->ready, k);
}

void link_unready(struct l2 *l, struct link *k)
{
	if (k->ready)
		DL_DELETE(l->ready, k);
	k->ready = false;
}

static void enqueue(struct l2 *l, struct link *k, struct place *p, unsigned step, uint64_t at)
{
	p->step = step;
	p->at = (uint32_t)at;
	p->queued = true;
	if (step > STEP_FIRST) {
		DL_APPEND(k->queue[step], p);
		k->refresh_n += step == STEP_REFRESH;
	} else {
		if (k->newest && k->newest->at == p->at)
			DL_APPEND_ELEM(k->queue[step], k->newest, p);
		else
			DL_PREPEND(k->queue[step], p);
		k->newest = p;
	}
	if (at <= l->now)
		link_ready(l, k);
}

static void dequeue(struct link *k, struct place *p)
{
	if (!p->queued)
		return;
	DL_DELETE(k->queue[p->step], p);
	k->refresh_n -= p->step == STEP_REFRESH;
	if (k->newest == p)
		k->newest = NULL;
	p->queued = false;
}

void burst_start(struct l2 *l, struct place *p)
{
	struct link *k = link_find(l, p->ifindex);

	dequeue(k, p);
	if (p->announced)
		enqueue(l, k, p, STEP_FIRST, l->now);
	else
		p->step = STEP_FIRST; /* for when it is announced again */
}

static void burst_end(struct l2 *l, struct link *k, struct place *p)
{
	if (l->refresh_ms)
		enqueue(l, k, p, STEP_REFRESH, l->now + l->refresh_ms);
	else
		p->step = STEP_NONE;
}

/* In its place by time, which is near the end: what comes again together comes in the same order. */
static void enqueue_again(struct l2 *l, struct link *k, struct place *p)
{
	struct place **queue = &k->queue[p->step], *before = *queue ? (*queue)->prev : NULL;

	while (before && (int32_t)(before->at - p->at) > 0)
		before = before == *queue ? NULL : before->prev;
	if (before)
		DL_APPEND_ELEM(*queue, before, p);
	else
		DL_PREPEND(*queue, p);
	k->refresh_n += p->step == STEP_REFRESH;
	p->queued = true;
	if (whole_time(l, p->at) <= l->now)
		link_ready(l, k);
}

void burst_resume(struct l2 *l, struct place *p)
{
	if (p->step == STEP_FIRST)
		burst_start(l, p);
	else if (p->step != STEP_NONE)
		enqueue_again(l, link_find(l, p->ifindex), p);
}

void burst_stop(struct l2 *l, struct place *p)
{
	if (p->queued)
		dequeue(link_find(l, p->ifindex), p);
}

/* Its queue stays in order of time: what is due is due, and this the first. */
void burst_defend(struct l2 *l, struct place *p)
{
	struct link *k = link_find(l, p->ifindex);

	if (p->step < STEP_REFRESH) {
		burst_start(l, p);
		return;
	}
	dequeue(k, p);
	p->step = STEP_LAST;
	p->at = (uint32_t)l->now;
	p->queued = true;
	DL_PREPEND(k->queue[STEP_LAST], p);
	link_ready(l, k);
}

void burst_soon(struct l2 *l, struct place *p)
{
	struct link *k = link_find(l, p->ifindex);

	if (p->step < STEP_REFRESH)
		return;
	dequeue(k, p);
	enqueue(l, k, p, STEP_SECOND, l->now + L2_BURST_INTERVAL_MS);
}

/* What was announced together is not refreshed together for ever: it is spread, the earlier ones before
 * their time. */
static uint64_t refresh_time(const struct l2 *l, const struct link *k)
{
	uint64_t at = whole_time(l, k->queue[STEP_REFRESH]->at);
	uint64_t queued_at = at - l->refresh_ms, pace = l->refresh_ms / k->refresh_n;

	pace = (pace ? pace : 1) + (queued_at > k->refreshed_at ? queued_at : k->refreshed_at);
	return at < pace ? at : pace;
}

/* When the next of the link is due, not counting the pace. */
static uint64_t link_time(const struct l2 *l, const struct link *k, struct place **which)
{
	uint64_t first = UINT64_MAX;

	for (unsigned step = 0; step < STEPS; step++) {
		struct place *p = k->queue[step];
		uint64_t at;

		if (!p)
			continue;
		at = step == STEP_REFRESH ? refresh_time(l, k) : whole_time(l, p->at);
		if (at >= first)
			continue;
		first = at;
		*which = p;
		if (at <= l->now)
			break;
	}
	return first;
}

static void fill(const struct l2 *l, struct link *k)
{
	uint64_t most = (uint64_t)l->rate * BUCKET_MS * 1000, ms = l->now - k->filled_at;

	if (most < FRAME_TOKENS)
		most = FRAME_TOKENS;
	k->tokens += (ms < FULL_MS ? ms : FULL_MS) * l->rate * TOKENS_A_MS;
	if (k->tokens > most)
		k->tokens = most;
	k->filled_at = l->now;
}

uint64_t burst_pace(const struct l2 *l, const struct link *k)
{
	uint64_t a_ms = (uint64_t)l->rate * TOKENS_A_MS;

	if (!l->rate || k->tokens >= FRAME_TOKENS)
		return 0;
	return k->filled_at + (FRAME_TOKENS - k->tokens + a_ms - 1) / a_ms;
}

static void spend(const struct l2 *l, struct link *k)
{
	k->tokens -= l->rate ? FRAME_TOKENS : 0;
}

bool burst_lets_ask(const struct l2 *l, struct link *k)
{
	if (k->queue[STEP_FIRST] || k->queue[STEP_FIRST + 1] || burst_pace(l, k) > l->now)
		return false;
	spend(l, k);
	return true;
}

void bursts_wake(struct l2 *l)
{
	struct place *unused;
	struct link *k;

	for (size_t i = 0; (k = table_next(&l->links, &i));) {
		fill(l, k);
		if (link_time(l, k, &unused) <= l->now && burst_pace(l, k) <= l->now)
			link_ready(l, k);
	}
}

uint64_t bursts_deadline(const struct l2 *l)
{
	uint64_t first = UINT64_MAX;
	struct place *unused;
	const struct link *k;

	for (size_t i = 0; (k = table_next(&l->links, &i));) {
		uint64_t at = link_time(l, k, &unused), pace = burst_pace(l, k);

		if (at != UINT64_MAX && at < pace)
			at = pace;
		if (at < first)
			first = at;
	}
	return first;
}

static void step_done(struct l2 *l, struct link *k, struct place *p)
{
	unsigned step = p->step;
	bool within = step < STEP_REFRESH && step % 2 == 0 && !ip_is_ipv6(&p->ip);
	unsigned next = step + (within || step % 2 ? 1 : 2);

	dequeue(k, p);
	p->gratuitous++;
	if (step == STEP_REFRESH)
		k->refreshed_at = l->now;
	if (next >= STEP_REFRESH)
		burst_end(l, k, p);
	else
		enqueue(l, k, p, next, within ? l->now : l->now + L2_BURST_INTERVAL_MS);
}

bool l2_next_frame(struct l2 *l, struct l2_frame *out)
{
	struct link *k;
	struct place *p;

	if (probing_next_frame(l, out))
		return true;
	for (; (k = l->ready); link_unready(l, k)) {
		if (link_time(l, k, &p) > l->now || burst_pace(l, k) > l->now)
			continue;
		out->ifindex = k->ifindex;
		out->ipv6 = ip_is_ipv6(&p->ip);
		if (out->ipv6)
			out->ndp = ndp_unsolicited(&k->mac, &p->ip);
		else
			out->arp = arp_gratuitous(
			    p->step < STEP_REFRESH && p->step % 2 ? ARP_REPLY : ARP_REQUEST, &k->mac,
			    addr_unmap(&p->ip));
		spend(l, k);
		step_done(l, k, p);
		return true;
	}
	return false;
}
