/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/arena/arena.h"

#include <stdalign.h>

#include "tests/unit.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
	struct arena a = ARENA_INIT;
	char *before = NULL;

	(void)state;
	for (size_t i = 1; i < 3000; i += 7) {
		char *p = arena_alloc(&a, i);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0x5a, i);
		if (before)
			assert_int_equal(*before, 0x5a);
		before = p;
		arena_copy(&a, "odd"); /* what follows must be aligned all the same */
	}
	arena_release(&a);
	assert_null(a.blocks);
}

static void text_is_copied(void **state)
{
	struct arena a = ARENA_INIT;
	char text[] = "node-a";
	char *copy = arena_copy(&a, text), *part = arena_copy_n(&a, text, 4);

	(void)state;
	memset(text, 'x', 6);
	assert_string_equal(copy, "node-a");
	assert_string_equal(part, "node");
	assert_string_equal(arena_printf(&a, "spec.addresses[%d]", 3), "spec.addresses[3]");
	assert_string_equal(arena_join(&a, "gave ", "", "192.0.2.1", NULL), "gave 192.0.2.1");
	assert_string_equal(arena_join(&a, "", NULL), "");
	assert_null(arena_copy(&a, NULL));
	arena_release(&a);
}

static void what_is_too_large_fails_sticky(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	assert_true(a.bad);
	assert_null(arena_alloc(&a, 1));
	arena_release(&a);
	assert_non_null(arena_alloc(&a, 1));
	arena_release(&a);
}

static void text_is_printed_whole_wherever_a_block_ends(void **state)
{
	struct arena a = ARENA_INIT;
	char want[200], *last = NULL;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char *p = arena_printf(&a, "%0*d", i % 190 + 1, i);

		snprintf(want, sizeof(want), "%0*d", i % 190 + 1, i);
		assert_string_equal(p, want);
		if (last)
			assert_int_equal(atoi(last), i - 1);
		last = p;
	}
	arena_release(&a);
}

static void a_reset_keeps_memory_but_nothing_in_it(void **state)
{
	struct arena a = ARENA_INIT;
	void *first;

	(void)state;
	arena_reset(&a);
	assert_null(a.blocks);
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(&a, 100), 0x5a, 100);
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	first = arena_alloc(&a, 50);
	for (int i = 0; i < 50; i++)
		assert_int_equal(((char *)first)[i], 0);
	arena_reset(&a);
	assert_ptr_equal(arena_alloc(&a, 50), first);
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
		cmocka_unit_test(text_is_copied),
		cmocka_unit_test(what_is_too_large_fails_sticky),
		cmocka_unit_test(text_is_printed_whole_wherever_a_block_ends),
		cmocka_unit_test(a_reset_keeps_memory_but_nothing_in_it),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
