/* SPDX-License-Identifier: Apache-2.0 */
/* A set of 32-bit words as a part of a kernel filter.
 *
 * The set is sorted and merged into ranges first..last.  The program finds the range that a
 * word could be in by halving: a node is "x >= pivot?", one instruction.  When few ranges are
 * left they are tried one after the other (a leaf), because two instructions for "yes" and "no"
 * are then shared by all of them.  Larger leaves make the program shorter and a packet's way
 * through it longer, so the smallest leaf size that fits is taken.  When none fits, the narrowest
 * gaps between ranges are filled until one does: the filter then passes a little too much.
 *
 * Classic BPF jumps forwards only; conditional jumps reach 255 instructions, so a node whose
 * left half is longer is followed by an unconditional jump. */
#include <linux/filter.h>
#include <string.h>

#include "pkg/packet/packet.h"

enum {
	NEAR = 255,         /* how far a conditional jump reaches */
	LEAF_SMALLEST = 8,  /* instructions */
	LEAF_LARGEST = 128, /* well below NEAR */
};

static const uint32_t UNPATCHED = UINT32_MAX;

struct packet_span {
	uint32_t first;
	uint32_t last;
};

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The set as ascending ranges with a gap between any two. */
int packet_words_make(struct packet_words *plan, uint32_t *sorted, size_t n, struct err *e)
{
	*plan = (struct packet_words){ .spans = malloc(n * sizeof(*plan->spans) + 1) };
	if (!plan->spans)
		return err_memory(e);
	qsort(sorted, n, sizeof(*sorted), compare_u32);
	for (size_t i = 0; i < n; i++) {
		struct packet_span *last = plan->n ? &plan->spans[plan->n - 1] : NULL;

		if (last && sorted[i] - last->last <= 1)
			last->last = sorted[i];
		else
			plan->spans[plan->n++] = (struct packet_span){ sorted[i], sorted[i] };
	}
	return 0;
}

static uint32_t gap_before(const struct packet_words *plan, size_t i)
{
	return plan->spans[i].first - plan->spans[i - 1].last;
}

/* Fills the narrowest gaps, an eighth of them. */
static int widen(struct packet_words *plan, struct err *e)
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
		struct packet_span next = plan->spans[i];
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

static size_t span_cost(const struct packet_span *s)
{
	return s->first == s->last ? 1 : 2;
}

static size_t leaf_cost(const struct packet_words *plan, size_t from, size_t to)
{
	size_t cost = 0;

	for (size_t i = from; i < to; i++)
		cost += span_cost(&plan->spans[i]);
	return cost;
}

static bool is_leaf(const struct packet_words *plan, size_t from, size_t to)
{
	return to - from <= 1 || (to - from <= plan->leaf && leaf_cost(plan, from, to) <= plan->leaf);
}

/* Instructions that emit_tree() will make for that part. */
static size_t tree_size(const struct packet_words *plan, size_t from, size_t to)
{
	size_t mid = from + (to - from) / 2;
	size_t left;

	if (is_leaf(plan, from, to))
		return leaf_cost(plan, from, to) + 2;
	left = tree_size(plan, from, mid);
	return 1 + (left > NEAR) + left + tree_size(plan, mid, to);
}

void packet_emit(struct packet_program *p, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	p->at[p->n++] = (struct sock_filter){ code, (uint8_t)yes, (uint8_t)no, k };
}

void packet_emit_jump(struct packet_program *p, uint32_t by)
{
	packet_emit(p, BPF_JMP | BPF_JA, by, 0, 0);
}

/* Tries the ranges in turn; behind them stand "no" (a jump to be patched) and "yes". */
static void emit_leaf(struct packet_program *p, const struct packet_words *plan, size_t from, size_t to)
{
	size_t yes = p->n + leaf_cost(plan, from, to) + 1;

	for (size_t i = from; i < to; i++) {
		const struct packet_span *s = &plan->spans[i];

		if (s->first == s->last) {
			packet_emit(p, BPF_JMP | BPF_JEQ | BPF_K, s->first, yes - p->n - 1, 0);
		} else {
			packet_emit(p, BPF_JMP | BPF_JGT | BPF_K, s->last, 1, 0);
			packet_emit(p, BPF_JMP | BPF_JGE | BPF_K, s->first, yes - p->n - 1, 0);
		}
	}
	packet_emit_jump(p, UNPATCHED);
	packet_emit(p, BPF_RET | BPF_K, PACKET_PASS, 0, 0);
}

static void emit_tree(struct packet_program *p, const struct packet_words *plan, size_t from, size_t to)
{
	size_t mid = from + (to - from) / 2;
	size_t left;

	if (is_leaf(plan, from, to)) {
		emit_leaf(p, plan, from, to);
		return;
	}
	left = tree_size(plan, from, mid);
	if (left > NEAR) {
		packet_emit(p, BPF_JMP | BPF_JGE | BPF_K, plan->spans[mid].first, 0, 1);
		packet_emit_jump(p, (uint32_t)left);
	} else {
		packet_emit(p, BPF_JMP | BPF_JGE | BPF_K, plan->spans[mid].first, left, 0);
	}
	emit_tree(p, plan, from, mid);
	emit_tree(p, plan, mid, to);
}

/* Is the address at `offset` in the set?  Passes if it is, goes on behind the tree if not. */
void packet_emit_search(struct packet_program *p, const struct packet_words *plan, uint32_t offset)
{
	size_t start = p->n;

	packet_emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
	emit_tree(p, plan, 0, plan->n);
	for (size_t i = start; i < p->n; i++)
		if (p->at[i].code == (BPF_JMP | BPF_JA) && p->at[i].k == UNPATCHED)
			p->at[i].k = (uint32_t)(p->n - i - 1);
}

/* Drops the frame unless "A op k" is `want`. */
void packet_emit_demand(struct packet_program *p, uint16_t op, uint32_t k, bool want)
{
	packet_emit(p, BPF_JMP | op | BPF_K, k, want, !want);
	packet_emit(p, BPF_RET | BPF_K, 0, 0, 0);
}

size_t packet_words_size(const struct packet_words *w)
{
	return 1 + tree_size(w, 0, w->n);
}

int packet_words_fit(struct packet_words *w, size_t max, bool *exact, struct err *e)
{
	for (*exact = true;; *exact = false) {
		for (w->leaf = LEAF_SMALLEST; w->leaf <= LEAF_LARGEST; w->leaf *= 2)
			if (packet_words_size(w) <= max)
				return 0;
		if (widen(w, e) < 0)
			return -1;
	}
}

void packet_words_release(struct packet_words *w)
{
	free(w->spans);
	*w = (struct packet_words){ 0 };
}
