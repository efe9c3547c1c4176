/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/table/table.h"

#include "tests/unit.h"

enum { KEYS = 500, STEPS = 200000 };

struct item {
	uint32_t key;
	bool in;
};

static uint32_t hash_key(uint32_t key)
{
	return key % 7 ? table_hash(&key, sizeof(key)) : 3; /* some collide */
}

static uint32_t hash(const void *item)
{
	return hash_key(((const struct item *)item)->key);
}

static bool equal(const void *item, const void *key)
{
	return ((const struct item *)item)->key == *(const uint32_t *)key;
}

static struct item *find(const struct table *t, uint32_t key)
{
	return table_find(t, hash_key(key), equal, &key);
}

static void an_empty_table_has_nothing(void **state)
{
	struct table t = TABLE_INIT(hash);
	struct item a = { 1, false };
	size_t i = 0;

	(void)state;
	assert_null(find(&t, 1));
	assert_null(table_next(&t, &i));
	table_remove(&t, &a);
	table_release(&t);
}

/* Any history of adding and removing, against a flag in each item. */
static void what_is_in_is_found_and_nothing_else(void **state)
{
	static struct item items[KEYS];
	struct table t = TABLE_INIT(hash);
	uint32_t seed = 1, in = 0;

	(void)state;
	for (uint32_t k = 0; k < KEYS; k++)
		items[k] = (struct item){ k, false };
	for (int step = 0; step < STEPS; step++) {
		struct item *one;
		bool grow = (step / 5000) % 2 == 0;

		seed = seed * 1664525 + 1013904223;
		one = &items[(seed >> 8) % KEYS];
		if (one->in == grow && (seed >> 28))
			continue;
		if (one->in)
			table_remove(&t, one);
		else
			assert_true(table_add(&t, one));
		one->in = !one->in;
		in += one->in ? 1 : -1U;
		assert_int_equal(t.n, in);
		if (step % 1000)
			continue;
		for (uint32_t k = 0; k < KEYS; k++)
			assert_ptr_equal(find(&t, k), items[k].in ? &items[k] : NULL);
	}
	table_release(&t);
}

static void each_item_comes_once_the_oldest_first(void **state)
{
	static struct item items[100];
	struct table t = TABLE_INIT(hash);
	struct item *one;
	size_t n = 0;

	(void)state;
	for (uint32_t k = 0; k < 100; k++) {
		items[k] = (struct item){ k, false };
		assert_true(table_add(&t, &items[k]));
	}
	for (uint32_t k = 0; k < 100; k += 3)
		table_remove(&t, &items[k]);
	for (size_t i = 0; (one = table_next(&t, &i)); n++) {
		assert_int_equal(one->key, n / 2 * 3 + n % 2 + 1); /* in order */
		if (n % 5 == 0)
			table_remove(&t, one);
	}
	assert_int_equal(n, 66);
	table_release(&t);
}

static void removing_and_adding_in_turn_takes_no_more_memory(void **state)
{
	static struct item items[1000];
	struct table t = TABLE_INIT(hash);
	size_t size;

	(void)state;
	for (uint32_t k = 0; k < 1000; k++) {
		items[k] = (struct item){ k, false };
		assert_true(table_add(&t, &items[k]));
	}
	size = t.size;
	for (uint32_t k = 0; k < 20000; k++) {
		table_remove(&t, &items[k % 1000]);
		assert_true(table_add(&t, &items[k % 1000]));
		assert_true(t.size <= 2 * size);
	}
	for (uint32_t k = 0; k < 999; k++)
		table_remove(&t, &items[k]);
	table_remove(&t, &items[998]); /* not there */
	assert_true(table_add(&t, &items[0]));
	assert_true(t.size < 100);
	table_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(what_is_in_is_found_and_nothing_else),
		cmocka_unit_test(each_item_comes_once_the_oldest_first),
		cmocka_unit_test(removing_and_adding_in_turn_takes_no_more_memory),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
