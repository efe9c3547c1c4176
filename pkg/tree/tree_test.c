/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/tree/tree.h"

#include "tests/unit.h"

enum { N = 600 };

struct item {
	struct tree_node node;
	int key;
	bool in;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return TREE_ITEM(a, const struct item, node)->key - TREE_ITEM(b, const struct item, node)->key;
}

/* The height of a subtree that is in order and in balance. */
static int check(const struct tree_node *n, int above, int below, size_t *count)
{
	int l, r, key;

	if (!n)
		return 0;
	key = TREE_ITEM(n, const struct item, node)->key;
	assert_true(key > above && key < below);
	l = check(n->left, above, key, count);
	r = check(n->right, key, below, count);
	assert_true(l - r <= 1 && r - l <= 1);
	assert_int_equal(n->height, (l > r ? l : r) + 1);
	++*count;
	return n->height;
}

/* Looks up every key, there or not, and compares with a walk over the array. */
static void check_neighbours(const struct tree *t, const struct item *items)
{
	const struct item *before = NULL, *after;

	for (int k = 0; k < N; k++) {
		const struct item probe = { .key = items[k].key };
		const struct item *here = items[k].in ? &items[k] : NULL;

		after = NULL;
		for (int i = k + 1; i < N && !after; i++)
			if (items[i].in)
				after = &items[i];
		assert_ptr_equal(TREE_ITEM(tree_find(t, &probe.node), struct item, node), here);
		assert_ptr_equal(TREE_ITEM(tree_before(t, &probe.node), struct item, node), before);
		assert_ptr_equal(TREE_ITEM(tree_after(t, &probe.node), struct item, node), after);
		assert_ptr_equal(
		    TREE_ITEM(tree_at_most(t, &probe.node), struct item, node), here ? here : before);
		assert_ptr_equal(
		    TREE_ITEM(tree_at_least(t, &probe.node), struct item, node), here ? here : after);
		if (here)
			before = here;
	}
	assert_ptr_equal(TREE_ITEM(tree_last(t), struct item, node), before);
}

static void every_history_leaves_it_ordered_and_balanced(void **state)
{
	static struct item items[N];
	struct tree t = TREE_INIT(compare);
	uint32_t random = 1;
	size_t there = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		items[i].key = i * 2;
	for (int step = 0; step < 20000; step++) {
		struct item *it;
		size_t count = 0;

		random = random * 1664525 + 1013904223;
		it = &items[(random >> 8) % N];
		if (it->in)
			tree_remove(&t, &it->node), there--;
		else
			assert_null(tree_add(&t, &it->node)), there++;
		it->in = !it->in;
		if (step % 50 == 0) {
			check(t.root, -1, 2 * N, &count);
			assert_int_equal(count, there);
			assert_int_equal(t.n, there);
		}
		if (step % 2000 == 0)
			check_neighbours(&t, items);
	}
}

static void ascending_keys_stay_shallow(void **state)
{
	static struct item items[N];
	struct tree t = TREE_INIT(compare);
	size_t count = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		items[i].key = i;
		assert_null(tree_add(&t, &items[i].node));
	}
	assert_true(check(t.root, -1, N, &count) <= 13);
	for (int i = 0; i < N; i++) {
		assert_ptr_equal(tree_first(&t), &items[i].node);
		if (i % 2)
			tree_remove(&t, &items[i].node);
		else
			assert_ptr_equal(tree_pop(&t), &items[i].node);
		count = 0;
		check(t.root, i, N, &count);
		assert_int_equal(t.n, count);
	}
	assert_null(t.root);
	assert_null(tree_pop(&t));
}

static int cleared;

static void clear_next(struct tree_node *n)
{
	struct item *i = TREE_ITEM(n, struct item, node);

	assert_int_equal(i->key, cleared++);
	memset(i, 0xff, sizeof(*i)); /* as if it were freed */
}

static void all_go_in_order_and_may_be_freed_meanwhile(void **state)
{
	static struct item items[N];
	struct tree t = TREE_INIT(compare);

	(void)state;
	for (int i = 0; i < N; i++) {
		items[i].key = i * 7 % N;
		assert_null(tree_add(&t, &items[i].node));
	}
	tree_clear(&t, clear_next);
	assert_int_equal(cleared, N);
	assert_null(tree_first(&t));
	assert_int_equal(t.n, 0);
}

static void an_equal_key_is_not_added_twice(void **state)
{
	struct tree t = TREE_INIT(compare);
	struct item a = { .key = 7 }, b = { .key = 7 };

	(void)state;
	assert_null(tree_first(&t));
	assert_null(tree_add(&t, &a.node));
	assert_ptr_equal(tree_add(&t, &b.node), &a.node);
	assert_int_equal(t.n, 1);
	tree_remove(&t, &b.node); /* not in the tree: nothing happens */
	assert_int_equal(t.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_history_leaves_it_ordered_and_balanced),
		cmocka_unit_test(ascending_keys_stay_shallow),
		cmocka_unit_test(all_go_in_order_and_may_be_freed_meanwhile),
		cmocka_unit_test(an_equal_key_is_not_added_twice),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
