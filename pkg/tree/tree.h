/* SPDX-License-Identifier: Apache-2.0 */
/* tree: an ordered set of structs, each with a tree_node inside.
 *
 * Finding, the neighbour of any key, adding and removing take O(log n) steps, whatever the
 * order of arrival (an AVL tree).  The tree allocates nothing and owns nothing: a node
 * belongs to at most one tree, and must be removed before its memory goes.  Keys of nodes
 * that are in the tree must not change.
 *
 * To look something up, fill the key fields of a struct of the same type (a probe) and pass
 * its node. */
#ifndef LB_TREE_H
#define LB_TREE_H

#include "pkg/base/base.h"

struct tree_node {
	struct tree_node *left;
	struct tree_node *right;
	int height;
};

/* Negative, zero or positive: a total order. */
typedef int tree_compare_fn(const struct tree_node *a, const struct tree_node *b);

struct tree {
	struct tree_node *root;
	tree_compare_fn *compare;
	size_t n;
};

#define TREE_INIT(compare_fn)         \
	{                             \
		NULL, (compare_fn), 0 \
	}

/* The struct around a node; NULL for NULL. */
#define TREE_ITEM(node, type, member)                                                                 \
	({                                                                                            \
		__typeof__(node) n_ = (node);                                                         \
		n_ ? (type *)(void *)((char *)(uintptr_t)n_ - offsetof(type, member)) : (type *)NULL; \
	})

/* NULL, or the equal node that is already there, and nothing was added. */
struct tree_node *tree_add(struct tree *t, struct tree_node *n);
/* A node that is in the tree. */
void tree_remove(struct tree *t, struct tree_node *n);
/* Removes the first without comparing, and returns it; NULL: there is none. */
struct tree_node *tree_pop(struct tree *t);
/* All at once, in order; `each` may free its node. */
void tree_clear(struct tree *t, void (*each)(struct tree_node *n));

/* NULL when there is none.  The probe need not be in the tree. */
struct tree_node *tree_find(const struct tree *t, const struct tree_node *probe);
struct tree_node *tree_at_most(const struct tree *t, const struct tree_node *probe);  /* last <= */
struct tree_node *tree_at_least(const struct tree *t, const struct tree_node *probe); /* first >= */
struct tree_node *tree_before(const struct tree *t, const struct tree_node *probe);   /* last < */
struct tree_node *tree_after(const struct tree *t, const struct tree_node *probe);    /* first > */
struct tree_node *tree_first(const struct tree *t);
struct tree_node *tree_last(const struct tree *t);

#endif
