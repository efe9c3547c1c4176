/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses: who claims each, and who wins it. */
#include <string.h>

#include "pkg/election/world.h"

int vip_compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(&TREE_ITEM(a, struct vip, in_vips)->rank.addr,
	    &TREE_ITEM(b, struct vip, in_vips)->rank.addr);
}

int dirty_vip_compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(&TREE_ITEM(a, struct vip, in_dirty)->rank.addr,
	    &TREE_ITEM(b, struct vip, in_dirty)->rank.addr);
}

static struct vip *get(struct election *el, const struct addr *a, struct err *e)
{
	struct vip probe = { .rank.addr = *a };
	struct vip *v = TREE_ITEM(tree_find(&el->vips, &probe.in_vips), struct vip, in_vips);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v) {
		err_memory(e);
		return NULL;
	}
	v->rank.addr = *a;
	el->homes_known = false;
	tree_add(&el->vips, &v->in_vips);
	return v;
}

static void drop_if_unclaimed(struct election *el, struct vip *v)
{
	if (v->claims)
		return;
	if (v->dirty)
		tree_remove(&el->dirty_vips, &v->in_dirty);
	tree_remove(&el->vips, &v->in_vips);
	rank_release(&v->rank);
	free(v);
}

int claim_open(
    struct election *el, struct service *s, const struct addr *a, struct claim **out, struct err *e)
{
	struct claim *c = calloc(1, sizeof(*c)), **at;
	struct vip *v = c ? get(el, a, e) : NULL;

	if (!v) {
		free(c);
		return err_memory(e);
	}
	*c = (struct claim){ .service = s, .vip = v };
	at = &v->claims;
	while (*at && service_compare(&(*at)->service->in_services, &s->in_services) < 0)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
	vip_touch(el, v);
	*out = c;
	return 0;
}

void claim_close(struct election *el, struct claim *c)
{
	struct vip *v = c->vip;
	struct claim **at = &v->claims;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
	vip_touch(el, v);
	drop_if_unclaimed(el, v);
}

void vip_touch(struct election *el, struct vip *v)
{
	el->unbalanced = true; /* even if the vip goes: the others are fewer now */
	if (v->dirty)
		return;
	v->dirty = true;
	tree_add(&el->dirty_vips, &v->in_dirty);
}

void vip_touch_address(struct election *el, const struct addr *a)
{
	struct vip probe = { .rank.addr = *a };
	struct vip *v = TREE_ITEM(tree_find(&el->vips, &probe.in_vips), struct vip, in_vips);

	if (v)
		vip_touch(el, v);
}

void vip_touch_all(struct election *el)
{
	for (struct tree_node *n = tree_first(&el->vips); n; n = tree_after(&el->vips, n))
		vip_touch(el, TREE_ITEM(n, struct vip, in_vips));
}

static bool is_scored(const struct election *el)
{
	for (size_t i = 0; i < el->covers_n; i++)
		if (el->covers[i].scores)
			return true;
	return false;
}

/* Negative: a comes before b. */
static int by_key(struct election *el, struct vip *v, const struct node *a, const struct node *b,
    int *order, struct err *e)
{
	uint32_t x, y;

	if (rank_key(el->ranks, &v->rank, a->id, a->name, &x, e) < 0 ||
	    rank_key(el->ranks, &v->rank, b->id, b->name, &y, e) < 0)
		return -1;
	*order = x < y ? -1 : x > y ? 1 : rank_tie(el->ranks, &v->rank, a->name, b->name);
	if (!*order)
		*order = strcmp(a->name, b->name);
	return 0;
}

static bool is_self(const struct election *el, const struct node *n)
{
	return n && el->options.self && !strcmp(n->name, el->options.self);
}

int vips_touch_node(struct election *el, const struct node *n, struct err *e)
{
	bool all = !el->options.self || el->options.balanced || el->options.failback || is_scored(el);

	for (struct tree_node *at = tree_first(&el->vips); at; at = tree_after(&el->vips, at)) {
		struct vip *v = TREE_ITEM(at, struct vip, in_vips);
		int order = -1;

		if (!all && v->winner && v->winner != n && !v->claims->next &&
		    !is_self(el, v->winner) && by_key(el, v, n, v->winner, &order, e) < 0)
			return -1;
		if (order < 0)
			vip_touch(el, v);
	}
	return 0;
}

void vips_forget(struct election *el, const struct node *n)
{
	el->homes_known = false;
	for (struct tree_node *at = tree_first(&el->vips); at; at = tree_after(&el->vips, at)) {
		struct vip *v = TREE_ITEM(at, struct vip, in_vips);

		rank_forget(&v->rank, n->id);
		if (v->home == n)
			v->home = NULL;
		if (v->winner != n)
			continue;
		v->winner = NULL;
		vip_touch(el, v);
	}
}

/* Who may announce the address for this Service alone, into `to`; false: nobody. */
static bool candidates_of(
    const struct election *el, const struct claim *c, const uint64_t *able, uint64_t *to)
{
	const struct service *s = c->service;
	uint8_t family = c->vip->rank.addr.family;
	bool usable = false, any = false;

	if (!el->words)
		return false;
	memset(to, 0, el->words * sizeof(*to));
	for (const struct slice *sl = s->slices; sl; sl = sl->next)
		usable |= sl->usable && slice_is_of(sl, family);
	if (!usable)
		return false;
	if (!s->observed.external_traffic_local)
		memset(to, 0xff, el->words * sizeof(*to));
	for (const struct slice *sl = s->slices; s->observed.external_traffic_local && sl;
	     sl = sl->next)
		for (size_t i = 0; slice_is_of(sl, family) && i < sl->nodes_n; i++) {
			const struct node *n = node_find(el, sl->nodes[i]);

			if (n)
				set_put(to, n->id, true);
		}
	for (size_t w = 0; w < el->words; w++) {
		uint64_t covered = 0;

		for (size_t i = 0; i < s->ads_n; i++)
			covered |= el->covers[s->ads[i]].nodes[w];
		to[w] &= covered & able[w];
		any |= to[w] != 0;
	}
	return any;
}

void vip_candidates(struct election *el, struct vip *v, const uint64_t *able)
{
	bool first = true;

	for (struct claim *c = v->claims; c; c = c->next)
		c->admitted = c->refused = false;
	if (el->words)
		memset(el->candidates, 0, el->words * sizeof(*el->candidates));
	for (struct claim *c = v->claims; c; c = c->next) {
		bool some = false;

		if (!candidates_of(el, c, able, el->scratch))
			continue;
		for (size_t w = 0; w < el->words; w++)
			some |= (el->candidates[w] & el->scratch[w]) != 0;
		c->admitted = first || some;
		c->refused = !c->admitted;
		for (size_t w = 0; w < el->words && c->admitted; w++)
			el->candidates[w] = el->scratch[w] & (first ? ~UINT64_C(0) : el->candidates[w]);
		first = false;
	}
}

/* Services that share an address have the same advertisements: serviceSelectors and sharing
 * exclude each other. */
uint64_t vip_score(const struct election *el, const struct vip *v, const struct node *n)
{
	const struct service *s = v->claims->service;
	uint64_t sum = 0;

	for (size_t i = 0; i < s->ads_n; i++)
		if (el->covers[s->ads[i]].scores)
			sum += el->covers[s->ads[i]].scores[n->id];
	return sum;
}

int vip_order(struct election *el, struct vip *v, const struct node *a, const struct node *b,
    int *order, struct err *e)
{
	uint64_t x = vip_score(el, v, a), y = vip_score(el, v, b);

	*order = x > y ? -1 : 1;
	return x != y ? 0 : by_key(el, v, a, b, order, e);
}

/* The best of el->candidates; of those that hold the address, if asked. */
static int best(
    struct election *el, struct vip *v, bool holders, const struct node **out, struct err *e)
{
	const struct node *winner = NULL;

	for (unsigned id = 0; id < el->next_id; id++) {
		int order = -1;

		if (!set_has(el->candidates, id) ||
		    (holders && !node_holds(el->by_id[id], &v->rank.addr)))
			continue;
		if (winner && vip_order(el, v, el->by_id[id], winner, &order, e) < 0)
			return -1;
		if (order < 0)
			winner = el->by_id[id];
	}
	*out = winner;
	return 0;
}

/* Who has the address keeps it from one that has not been alive for long enough. */
static int hold_back(struct election *el, struct vip *v, struct err *e)
{
	const struct node *first = v->winner, *holder = NULL;
	int64_t ripe;

	if (!first || !el->options.failback || node_holds(first, &v->rank.addr))
		return 0;
	if (best(el, v, true, &holder, e) < 0)
		return -1;
	ripe = first->since_ms + el->options.failback_ms;
	if (!holder || (el->options.failback == ELECTION_FAILBACK_DELAY && ripe <= el->now_ms))
		return 0;
	v->winner = holder;
	if (el->options.failback == ELECTION_FAILBACK_DELAY && ripe < el->wake_ms)
		el->wake_ms = ripe;
	return 0;
}

void vip_news(struct election *el, struct vip *v, const struct node *was)
{
	const struct node *is = v->winner;

	if (is == was && is && el->options.self && !v->claims->next && !is_self(el, is))
		return; /* only who would come next, which is not this node's business */
	for (struct claim *c = v->claims; c; c = c->next)
		service_tell(el, c->service);
}

static int elect(struct election *el, struct vip *v, struct err *e)
{
	const struct node *was = v->winner;

	el->count++;
	if (el->options.balanced)
		return 0; /* all together */
	vip_candidates(el, v, el->able);
	if (best(el, v, false, &v->winner, e) < 0 || hold_back(el, v, e) < 0)
		return -1;
	vip_news(el, v, was);
	return 0;
}

int vips_elect(struct election *el, struct err *e)
{
	struct tree_node *n;

	if (el->options.balanced && el->unbalanced && vips_balance(el, e) < 0)
		return -1;
	el->unbalanced = false;
	while ((n = tree_first(&el->dirty_vips))) {
		struct vip *v = TREE_ITEM(n, struct vip, in_dirty);

		if (elect(el, v, e) < 0)
			return -1; /* it stays to be elected */
		tree_remove(&el->dirty_vips, &v->in_dirty);
		v->dirty = false;
	}
	return 0;
}

const char *election_winner(const struct election *el, const struct addr *a)
{
	struct vip probe = { .rank.addr = *a };
	const struct vip *v = TREE_ITEM(tree_find(&el->vips, &probe.in_vips), struct vip, in_vips);

	return v && v->winner ? v->winner->name : NULL;
}

size_t election_moved(const struct election *one, const struct election *other)
{
	size_t n = 0;

	for (struct tree_node *t = tree_first(&one->vips); t; t = tree_after(&one->vips, t)) {
		const struct vip *v = TREE_ITEM(t, struct vip, in_vips);
		const char *is = election_winner(other, &v->rank.addr);

		n += v->winner ? !is || strcmp(v->winner->name, is) != 0 : is != NULL;
	}
	return n;
}

int election_shares(const struct election *el, struct election_share **out, size_t *n, struct err *e)
{
	CLEANUP(freep) size_t *by_id = calloc(el->next_id + 1, sizeof(*by_id));
	struct election_share *at = calloc(el->nodes.n + 1, sizeof(*at));

	if (!by_id || !at) {
		free(at);
		return err_memory(e);
	}
	for (struct tree_node *t = tree_first(&el->vips); t; t = tree_after(&el->vips, t)) {
		const struct vip *v = TREE_ITEM(t, struct vip, in_vips);

		if (v->winner)
			by_id[v->winner->id]++;
	}
	*n = 0;
	for (struct tree_node *t = tree_first(&el->nodes); t; t = tree_after(&el->nodes, t)) {
		const struct node *node = TREE_ITEM(t, struct node, in_nodes);

		at[(*n)++] =
		    (struct election_share){ node->name, by_id[node->id], set_has(el->able, node->id) };
	}
	*out = at;
	return 0;
}
