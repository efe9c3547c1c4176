/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel filter: which ARP frames are worth waking up for.
 *
 * The set is sorted and merged into ranges first..last.  The program finds the range that an
 * address could be in by halving: a node is "x >= pivot?", one instruction.  When few ranges are
 * left they are tried one after the other (a leaf), because two instructions for "yes" and "no"
 * are then shared by all of them.  Larger leaves make the program shorter and a packet's way
 * through it longer, so the smallest leaf size that fits is taken.  When none fits, the narrowest
 * gaps between ranges are filled until one does: the filter then passes a little too much.
 *
 * Classic BPF jumps forwards only; conditional jumps reach 255 instructions, so a node whose
 * left half is longer is followed by an unconditional jump. */
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <string.h>

#include "pkg/arp/arp.h"

enum {
	/* offsets in the frame */
	AT_ETHERTYPE = 12,
	AT_HARDWARE_AND_PROTOCOL = 14,
	AT_LENGTHS = 18,
	AT_OPERATION = 20,
	AT_SENDER_IP = 28,
	AT_TARGET_IP = 38,

	NEAR = 255,           /* how far a conditional jump reaches */
	LEAF_SMALLEST = 8,    /* instructions */
	LEAF_LARGEST = 128,   /* well below NEAR */
	PASS = 0x40000,       /* bytes of the frame to keep: all of it */
	FILTER_SMALLEST = 64, /* room for the checks of the header and two leaves of one range */
};

static const uint32_t UNPATCHED = UINT32_MAX;

struct span {
	uint32_t first;
	uint32_t last;
};

struct program {
	struct sock_filter *at;
	size_t n;
};

struct plan {
	struct span *spans;
	size_t n;
	size_t leaf; /* instructions that a leaf may have, its two ends not counted */
};

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The set as ascending ranges with a gap between any two. */
static int merge_set(struct plan *plan, const struct in_addr *set, size_t n, struct err *e)
{
	CLEANUP(freep) uint32_t *sorted = malloc(n * sizeof(*sorted) + 1);

	plan->spans = malloc(n * sizeof(*plan->spans) + 1);
	if (!sorted || !plan->spans)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		sorted[i] = ntohl(set[i].s_addr);
	qsort(sorted, n, sizeof(*sorted), compare_u32);
	for (size_t i = 0; i < n; i++) {
		struct span *last = plan->n ? &plan->spans[plan->n - 1] : NULL;

		if (last && sorted[i] - last->last <= 1)
			last->last = sorted[i];
		else
			plan->spans[plan->n++] = (struct span){ sorted[i], sorted[i] };
	}
	return 0;
}

static uint32_t gap_before(const struct plan *plan, size_t i)
{
	return plan->spans[i].first - plan->spans[i - 1].last;
}

/* Fills the narrowest gaps, an eighth of them. */
static int widen(struct plan *plan, struct err *e)
{
	size_t gaps = plan->n - 1;
	size_t fill = gaps / 8 + 1;
	size_t kept = 1, below = 0;
	CLEANUP(freep) uint32_t *sorted = malloc(gaps * sizeof(*sorted) + 1);
	uint32_t limit;

	if (!sorted)
		return err_memory(e);
	for (size_t i = 0; i < gaps; i++)
		sorted[i] = gap_before(plan, i + 1);
	qsort(sorted, gaps, sizeof(*sorted), compare_u32);
	limit = sorted[fill - 1];
	while (sorted[below] < limit)
		below++;
	fill -= below; /* how many of just the limit's width */
	for (size_t i = 1; i < plan->n; i++) {
		struct span next = plan->spans[i];
		uint32_t gap = next.first - plan->spans[kept - 1].last;

		if (gap < limit || (gap == limit && fill > 0)) {
			fill -= gap == limit;
			plan->spans[kept - 1].last = next.last;
		} else {
			plan->spans[kept++] = next;
		}
	}
	plan->n = kept;
	return 0;
}

static size_t span_cost(const struct span *s)
{
	return s->first == s->last ? 1 : 2;
}

static size_t leaf_cost(const struct plan *plan, size_t from, size_t to)
{
	size_t cost = 0;

	for (size_t i = from; i < to; i++)
		cost += span_cost(&plan->spans[i]);
	return cost;
}

static bool is_leaf(const struct plan *plan, size_t from, size_t to)
{
	return to - from <= 1 || (to - from <= plan->leaf && leaf_cost(plan, from, to) <= plan->leaf);
}

/* Instructions that emit_tree() will make. */
static size_t tree_size(const struct plan *plan, size_t from, size_t to)
{
	size_t mid = from + (to - from) / 2;
	size_t left;

	if (is_leaf(plan, from, to))
		return leaf_cost(plan, from, to) + 2;
	left = tree_size(plan, from, mid);
	return 1 + (left > NEAR) + left + tree_size(plan, mid, to);
}

static void emit(struct program *p, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	p->at[p->n++] = (struct sock_filter){ code, (uint8_t)yes, (uint8_t)no, k };
}

static void emit_jump(struct program *p, uint32_t by)
{
	emit(p, BPF_JMP | BPF_JA, by, 0, 0);
}

/* Tries the ranges in turn; behind them stand "no" (a jump to be patched) and "yes". */
static void emit_leaf(struct program *p, const struct plan *plan, size_t from, size_t to)
{
	size_t yes = p->n + leaf_cost(plan, from, to) + 1;

	for (size_t i = from; i < to; i++) {
		const struct span *s = &plan->spans[i];

		if (s->first == s->last) {
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, s->first, yes - p->n - 1, 0);
		} else {
			emit(p, BPF_JMP | BPF_JGT | BPF_K, s->last, 1, 0);
			emit(p, BPF_JMP | BPF_JGE | BPF_K, s->first, yes - p->n - 1, 0);
		}
	}
	emit_jump(p, UNPATCHED);
	emit(p, BPF_RET | BPF_K, PASS, 0, 0);
}

static void emit_tree(struct program *p, const struct plan *plan, size_t from, size_t to)
{
	size_t mid = from + (to - from) / 2;
	size_t left;

	if (is_leaf(plan, from, to)) {
		emit_leaf(p, plan, from, to);
		return;
	}
	left = tree_size(plan, from, mid);
	if (left > NEAR) {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, plan->spans[mid].first, 0, 1);
		emit_jump(p, (uint32_t)left);
	} else {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, plan->spans[mid].first, left, 0);
	}
	emit_tree(p, plan, from, mid);
	emit_tree(p, plan, mid, to);
}

/* Is the address at `offset` in the set?  Passes if it is, goes on behind the tree if not. */
static void emit_search(struct program *p, const struct plan *plan, uint32_t offset)
{
	size_t start = p->n;

	emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
	emit_tree(p, plan, 0, plan->n);
	for (size_t i = start; i < p->n; i++)
		if (p->at[i].code == (BPF_JMP | BPF_JA) && p->at[i].k == UNPATCHED)
			p->at[i].k = (uint32_t)(p->n - i - 1);
}

/* Drops the frame unless "A op k" is `want`. */
static void emit_demand(struct program *p, uint16_t op, uint32_t k, bool want)
{
	emit(p, BPF_JMP | op | BPF_K, k, want, !want);
	emit(p, BPF_RET | BPF_K, 0, 0, 0);
}

static void emit_checks(struct program *p)
{
	/* PACKET_HOST or PACKET_BROADCAST */
	emit(p, BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), 0, 0);
	emit_demand(p, BPF_JGT, PACKET_BROADCAST, false);
	emit(p, BPF_LD | BPF_H | BPF_ABS, AT_ETHERTYPE, 0, 0);
	emit_demand(p, BPF_JEQ, ARP_ETHERTYPE, true);
	emit(p, BPF_LD | BPF_W | BPF_ABS, AT_HARDWARE_AND_PROTOCOL, 0, 0);
	emit_demand(p, BPF_JEQ, 0x00010800, true); /* Ethernet, IPv4 */
	emit(p, BPF_LD | BPF_H | BPF_ABS, AT_LENGTHS, 0, 0);
	emit_demand(p, BPF_JEQ, 0x0604, true);
	emit(p, BPF_LD | BPF_H | BPF_ABS, AT_OPERATION, 0, 0);
}

static void emit_all(struct program *p, const struct plan *plan, unsigned match)
{
	size_t tree = tree_size(plan, 0, plan->n);

	emit_checks(p);
	if (match == ARP_MATCH_ASKED) {
		emit_demand(p, BPF_JEQ, ARP_REQUEST, true);
		emit_search(p, plan, AT_TARGET_IP);
	} else if (match == ARP_MATCH_SENDER) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARP_REQUEST, 2, 0);
		emit_demand(p, BPF_JEQ, ARP_REPLY, true);
		emit_search(p, plan, AT_SENDER_IP);
	} else {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARP_REQUEST, 3, 0);
		emit_demand(p, BPF_JEQ, ARP_REPLY, true);
		emit_jump(p, (uint32_t)(1 + tree)); /* over the load and the tree */
		emit_search(p, plan, AT_TARGET_IP);
		emit_search(p, plan, AT_SENDER_IP);
	}
	emit(p, BPF_RET | BPF_K, 0, 0, 0);
}

static size_t size_all(const struct plan *plan, unsigned match)
{
	static const size_t around = 20; /* at most: checks, operation, loads, the last return */
	size_t trees = match == (ARP_MATCH_ASKED | ARP_MATCH_SENDER) ? 2 : 1;

	return around + trees * tree_size(plan, 0, plan->n);
}

/* Chooses the size of leaves, and widens the set if that isn't enough. */
static int fit(struct plan *plan, unsigned match, size_t max, bool *exact, struct err *e)
{
	for (*exact = true;; *exact = false) {
		for (plan->leaf = LEAF_SMALLEST; plan->leaf <= LEAF_LARGEST; plan->leaf *= 2)
			if (size_all(plan, match) <= max)
				return 0;
		if (widen(plan, e) < 0)
			return -1;
	}
}

int arp_filter_make(struct arp_filter *f, const struct in_addr *set, size_t n, unsigned match,
    size_t max, struct err *e)
{
	struct plan plan = { 0 };
	CLEANUP(freep) struct sock_filter *at = NULL;
	struct program p;
	bool exact = true;
	int got;

	if (max < FILTER_SMALLEST)
		max = FILTER_SMALLEST;
	if (max > ARP_FILTER_MAX)
		max = ARP_FILTER_MAX;
	at = malloc(max * sizeof(*at));
	if (!at)
		return err_memory(e);
	p = (struct program){ at, 0 };
	got = merge_set(&plan, set, n, e);
	if (got == 0 && plan.n > 0 && match)
		got = fit(&plan, match, max, &exact, e);
	if (got == 0 && plan.n > 0 && match)
		emit_all(&p, &plan, match);
	else if (got == 0)
		emit(&p, BPF_RET | BPF_K, 0, 0, 0);
	free(plan.spans);
	if (got < 0)
		return -1;
	*f = (struct arp_filter){ TAKE(at), p.n, exact };
	return 0;
}

void arp_filter_release(struct arp_filter *f)
{
	free(f->at);
	*f = (struct arp_filter){ 0 };
}
