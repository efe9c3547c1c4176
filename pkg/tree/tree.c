/* SPDX-License-Identifier: Apache-2.0 */
/* An AVL tree: the heights of a node's two subtrees differ by at most one, so no path is
 * longer than 1.45 log2(n).  Adding and removing walk down with the path on the stack and
 * mend the heights on the way back. */
#include "pkg/tree/tree.h"

enum { DEPTH = 96 }; /* no tree that fits in 64 bits of memory is deeper */

static int height(const struct tree_node *n)
{
	return n ? n->height : 0;
}

static void measure(struct tree_node *n)
{
	int l = height(n->left), r = height(n->right);

	n->height = (l > r ? l : r) + 1;
}

static struct tree_node *rotate_right(struct tree_node *n)
{
	struct tree_node *l = n->left;

	n->left = l->right;
	l->right = n;
	measure(n);
	measure(l);
	return l;
}

static struct tree_node *rotate_left(struct tree_node *n)
{
	struct tree_node *r = n->right;

	n->right = r->left;
	r->left = n;
	measure(n);
	measure(r);
	return r;
}

/* The subtree of n in balance, its own subtrees being so and off by at most two. */
static struct tree_node *balance(struct tree_node *n)
{
	int lean = height(n->left) - height(n->right);

	if (lean > 1) {
		if (height(n->left->left) < height(n->left->right))
			n->left = rotate_left(n->left);
		return rotate_right(n);
	}
	if (lean < -1) {
		if (height(n->right->right) < height(n->right->left))
			n->right = rotate_right(n->right);
		return rotate_left(n);
	}
	measure(n);
	return n;
}

/* Mends path[0..depth), the links from the root down, from the bottom up.  Above a subtree that is as
 * high as it was, all is as it was. */
static void mend(struct tree_node **path[], int depth)
{
	while (depth-- > 0) {
		int was = (*path[depth])->height;

		*path[depth] = balance(*path[depth]);
		if ((*path[depth])->height == was)
			return;
	}
}

struct tree_node *tree_add(struct tree *t, struct tree_node *n)
{
	struct tree_node **path[DEPTH], **at = &t->root;
	int depth = 0;

	while (*at) {
		int c = t->compare(n, *at);

		if (c == 0)
			return *at;
		path[depth++] = at;
		at = c < 0 ? &(*at)->left : &(*at)->right;
	}
	n->left = n->right = NULL;
	n->height = 1;
	*at = n;
	mend(path, depth);
	t->n++;
	return NULL;
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node **path[DEPTH], **at = &t->root;
	int depth = 0, hole;

	while (*at && *at != n) {
		path[depth++] = at;
		at = t->compare(n, *at) < 0 ? &(*at)->left : &(*at)->right;
	}
	if (!*at)
		return;
	t->n--;
	if (!n->left || !n->right) {
		*at = n->left ? n->left : n->right;
		mend(path, depth);
		return;
	}
	/* The next node in order takes n's place. */
	struct tree_node **down = &n->right, *next;

	hole = depth;
	path[depth++] = at;
	while ((*down)->left) {
		path[depth++] = down;
		down = &(*down)->left;
	}
	next = *down;
	*down = next->right;
	next->left = n->left;
	next->right = n->right;
	next->height = n->height;
	*at = next;
	if (hole + 1 < depth)
		path[hole + 1] = &next->right; /* it was n's, and n has gone */
	mend(path, depth);
}

struct tree_node *tree_pop(struct tree *t)
{
	struct tree_node **path[DEPTH], **at = &t->root, *n;
	int depth = 0;

	if (!*at)
		return NULL;
	for (; (*at)->left; at = &(*at)->left)
		path[depth++] = at;
	n = *at;
	*at = n->right;
	mend(path, depth);
	t->n--;
	return n;
}

static void clear(struct tree_node *n, void (*each)(struct tree_node *n))
{
	struct tree_node *right;

	for (; n; n = right) {
		clear(n->left, each);
		right = n->right;
		each(n);
	}
}

void tree_clear(struct tree *t, void (*each)(struct tree_node *n))
{
	clear(t->root, each);
	t->root = NULL;
	t->n = 0;
}

struct tree_node *tree_find(const struct tree *t, const struct tree_node *probe)
{
	struct tree_node *n = t->root;

	while (n) {
		int c = t->compare(probe, n);

		if (c == 0)
			return n;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

/* The last node before the probe, or an equal one if `equal`. */
static struct tree_node *below(const struct tree *t, const struct tree_node *probe, bool equal)
{
	struct tree_node *n = t->root, *best = NULL;

	while (n) {
		int c = t->compare(n, probe);

		if (c < 0 || (c == 0 && equal)) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

static struct tree_node *above(const struct tree *t, const struct tree_node *probe, bool equal)
{
	struct tree_node *n = t->root, *best = NULL;

	while (n) {
		int c = t->compare(n, probe);

		if (c > 0 || (c == 0 && equal)) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct tree_node *tree_at_most(const struct tree *t, const struct tree_node *probe)
{
	return below(t, probe, true);
}

struct tree_node *tree_at_least(const struct tree *t, const struct tree_node *probe)
{
	return above(t, probe, true);
}

struct tree_node *tree_before(const struct tree *t, const struct tree_node *probe)
{
	return below(t, probe, false);
}

struct tree_node *tree_after(const struct tree *t, const struct tree_node *probe)
{
	return above(t, probe, false);
}

struct tree_node *tree_first(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct tree_node *tree_last(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}
