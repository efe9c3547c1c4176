/* SPDX-License-Identifier: Apache-2.0 */
/* Spreading: no node announces more than one address above the mean of those that could.
 *
 * All nodes must come to the same from the same facts, in whatever order these came, and an
 * address shall move only when it must.  What is announced where can't be a fact, since nobody
 * writes it down; but the API server tells when each Node and each Service was created.  So the
 * past is played again: in the order of their creation, addresses are given to nodes, and a
 * node that comes takes what the others have too much of.  That gives each address its home,
 * whoever is alive.  A home is where it stays; the addresses whose home can't announce them now
 * go to others, which keep what they have.
 *
 * So a node that dies moves what was there, one that comes back what is its, a new one what the
 * others have above the bound, and a new Service nothing: each the least that keeps the bound
 * when all nodes may announce all addresses.  When they may not, more may have to move. */
#include <string.h>

#include "pkg/election/world.h"

struct plan {
	struct vip *vip;
	int64_t created;       /* the oldest of its Services */
	const uint64_t *may;   /* who could announce it, alive or not */
	const uint64_t *can;   /* who can now */
	const struct node *at; /* NULL: nobody */
};

struct balance {
	struct election *el;
	struct plan *plans; /* by age */
	size_t n;
	uint64_t *sets;    /* two a plan */
	uint64_t *present; /* the nodes that have come so far */
	uint64_t *among;   /* the set that was asked for last, and of it: */
	unsigned *load;    /* by id */
	uint64_t sum, count;
	bool uniform; /* all addresses are for the same nodes */
};

static int by_age(const void *x, const void *y)
{
	const struct plan *a = x, *b = y;

	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return addr_compare(&a->vip->rank.addr, &b->vip->rank.addr);
}

static int nodes_by_age(const void *x, const void *y)
{
	const struct node *a = *(const struct node *const *)x, *b = *(const struct node *const *)y;
	int64_t at = a->observed.meta.created, bt = b->observed.meta.created;

	if (at != bt)
		return at < bt ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Sums the load of a plan's nodes: of `set`, as far as they are in `within` (NULL: all). */
static void ask(struct balance *b, const uint64_t *set, const uint64_t *within)
{
	bool same = true;

	for (size_t w = 0; w < b->el->words; w++) {
		uint64_t is = set[w] & (within ? within[w] : ~UINT64_C(0));

		same &= b->among[w] == is;
		b->among[w] = is;
	}
	if (same && b->count)
		return;
	b->sum = b->count = 0;
	for (unsigned id = 0; id < b->el->next_id; id++)
		if (set_has(b->among, id)) {
			b->sum += b->load[id];
			b->count++;
		}
}

static void carry(struct balance *b, struct plan *p, const struct node *to)
{
	if (p->at) {
		b->load[p->at->id]--;
		b->sum -= set_has(b->among, p->at->id);
	}
	p->at = to;
	if (to) {
		b->load[to->id]++;
		b->sum += set_has(b->among, to->id);
	}
}

/* Gives the address to the first in its order, among those asked for, that is at most one above
 * the mean with it. */
static int place(struct balance *b, struct plan *p, struct err *e)
{
	const struct node *to = NULL;
	uint64_t most = 0;
	uint32_t least = 0;

	carry(b, p, NULL);
	for (unsigned id = 0; id < b->el->next_id; id++) {
		const struct node *n = b->el->by_id[id];
		uint64_t score;
		uint32_t key;
		int order = -1;

		if (!set_has(b->among, id) || b->load[id] * b->count > b->sum + 1)
			continue;
		score = vip_score(b->el, p->vip, n);
		if (rank_key(b->el->ranks, &p->vip->rank, id, n->name, &key, e) < 0)
			return -1;
		if (to && (score < most || (score == most && key > least)))
			continue;
		if (to && score == most && key == least &&
		    vip_order(b->el, p->vip, n, to, &order, e) < 0)
			return -1;
		if (order > 0)
			continue;
		to = n;
		most = score;
		least = key;
	}
	carry(b, p, to);
	return 0;
}

static bool is_too_much(const struct balance *b, const struct plan *p)
{
	return p->at && b->load[p->at->id] * b->count > b->sum + b->count;
}

/* Moves those of the first n addresses that are where there are too many, the youngest first; with
 * `at`, of that node only. */
static int shed(
    struct balance *b, size_t n, bool now, const struct node *at, bool *moved, struct err *e)
{
	*moved = false;
	for (size_t i = n; i-- > 0;) {
		struct plan *p = &b->plans[i];

		if (at && p->at != at)
			continue;
		ask(b, now ? p->can : p->may, now ? NULL : b->present);
		if (!is_too_much(b, p))
			continue;
		if (place(b, p, e) < 0)
			return -1;
		*moved = true;
	}
	return 0;
}

/* Until there is no such address.  Each move makes the sum of the squares of the loads less, so it
 * ends.  After one was placed, only those beside it can be too many. */
static int settle(struct balance *b, size_t n, bool now, const struct plan *placed, struct err *e)
{
	bool moved;

	if (placed && (b->uniform || !placed->at))
		return 0;
	do {
		if (shed(b, n, now, placed ? placed->at : NULL, &moved, e) < 0)
			return -1;
		placed = NULL;
	} while (moved);
	return 0;
}

/* A new node may have what nobody else may, too. */
static int join(struct balance *b, const struct node *node, size_t n, struct err *e)
{
	set_put(b->present, node->id, true);
	b->count = 0;
	for (size_t i = 0; i < n; i++) {
		struct plan *p = &b->plans[i];

		if (p->at || !set_has(p->may, node->id))
			continue;
		ask(b, p->may, b->present);
		if (place(b, p, e) < 0)
			return -1;
	}
	return settle(b, n, false, NULL, e);
}

/* Plays the past again. */
static int find_homes(struct balance *b, struct err *e)
{
	struct election *el = b->el;
	CLEANUP(freep) const struct node **nodes = calloc(el->nodes.n + 1, sizeof(*nodes));
	size_t k = 0, n = 0;

	if (!nodes)
		return err_memory(e);
	for (size_t i = 0; i < el->nodes.n; i++)
		if (set_has(el->homes, el->roll[i]->id))
			nodes[n++] = el->roll[i];
	qsort(nodes, n, sizeof(*nodes), nodes_by_age);
	for (size_t i = 0; i <= b->n; i++) {
		while (k < n && (i == b->n || nodes[k]->observed.meta.created <= b->plans[i].created))
			if (join(b, nodes[k++], i, e) < 0)
				return -1;
		if (i == b->n)
			break;
		ask(b, b->plans[i].may, b->present);
		if (place(b, &b->plans[i], e) < 0 || settle(b, i + 1, false, &b->plans[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->n; i++)
		b->plans[i].vip->home = b->plans[i].at;
	return 0;
}

/* Who has a home that can't announce it goes elsewhere. */
static int find_places(struct balance *b, struct err *e)
{
	memset(b->load, 0, b->el->words * 64 * sizeof(*b->load));
	b->count = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct plan *p = &b->plans[i];
		const struct node *home = p->vip->home;

		p->at = NULL;
		if (home && set_has(p->can, home->id))
			carry(b, p, home);
	}
	b->count = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->plans[i].at)
			continue;
		ask(b, b->plans[i].can, NULL);
		if (place(b, &b->plans[i], e) < 0)
			return -1;
	}
	return settle(b, b->n, true, NULL, e);
}

static uint64_t mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* Of all that the homes depend on. */
static uint64_t facts_of(const struct balance *b)
{
	const struct election *el = b->el;
	uint64_t h = mix(FNV_BEGIN, el->scores_digest);

	for (size_t i = 0; i < el->nodes.n; i++)
		h = mix(mix(mix(h, el->roll[i]->hash), el->roll[i]->id),
		    (uint64_t)el->roll[i]->observed.meta.created);
	for (size_t i = 0; i < b->n; i++) {
		const struct plan *p = &b->plans[i];
		uint64_t half[2];

		memcpy(half, p->vip->rank.addr.bytes, sizeof(half));
		h = mix(mix(mix(h, half[0]), half[1]), (uint64_t)p->created);
		h = mix(h, p->vip->rank.addr.family);
		for (size_t k = 0; k < p->vip->claims->service->ads_n; k++)
			h = mix(h, p->vip->claims->service->ads[k]);
		for (size_t w = 0; w < el->words; w++)
			h = mix(h, p->may[w]);
	}
	return h;
}

static void prepare(struct balance *b)
{
	struct election *el = b->el;
	uint64_t *set = b->sets;

	for (struct tree_node *n = tree_first(&el->vips); n; n = tree_after(&el->vips, n)) {
		struct plan *p = &b->plans[b->n++];

		p->vip = TREE_ITEM(n, struct vip, in_vips);
		p->created = p->vip->claims->service->observed.meta.created;
		for (const struct claim *c = p->vip->claims; c; c = c->next)
			if (c->service->observed.meta.created < p->created)
				p->created = c->service->observed.meta.created;
		vip_candidates(el, p->vip, el->homes);
		p->may = memcpy(set, el->candidates, el->words * sizeof(*set));
		set += el->words;
		vip_candidates(el, p->vip, el->able);
		p->can = memcpy(set, el->candidates, el->words * sizeof(*set));
		set += el->words;
	}
	qsort(b->plans, b->n, sizeof(*b->plans), by_age);
	b->uniform = true;
	for (size_t i = 1; i < b->n && b->uniform; i++)
		b->uniform = !memcmp(b->plans[0].may, b->plans[i].may, el->words * sizeof(*set));
}

static int balance(struct balance *b, struct err *e)
{
	uint64_t facts;

	prepare(b);
	facts = facts_of(b);
	if ((!b->el->homes_known || facts != b->el->homes_facts) && find_homes(b, e) < 0)
		return -1;
	b->el->homes_known = true;
	b->el->homes_facts = facts;
	if (find_places(b, e) < 0)
		return -1;
	for (size_t i = 0; i < b->n; i++) {
		struct vip *v = b->plans[i].vip;
		const struct node *was = v->winner;

		v->winner = b->plans[i].at;
		if (v->winner != was || v->dirty)
			vip_news(b->el, v, was);
	}
	return 0;
}

int vips_balance(struct election *el, struct err *e)
{
	struct balance b = { .el = el };
	int rc;

	if (!el->words || !el->vips.n)
		return 0;
	b.plans = calloc(el->vips.n, sizeof(*b.plans));
	b.sets = calloc(el->vips.n * 2 * el->words, sizeof(*b.sets));
	b.present = calloc(el->words, sizeof(*b.present));
	b.among = calloc(el->words, sizeof(*b.among));
	b.load = calloc(el->words * 64, sizeof(*b.load));
	rc = b.plans && b.sets && b.present && b.among && b.load ? balance(&b, e) : err_memory(e);
	free(b.plans);
	free(b.sets);
	free(b.present);
	free(b.among);
	free(b.load);
	return rc;
}
