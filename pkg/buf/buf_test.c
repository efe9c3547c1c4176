/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/buf/buf.h"

#include "tests/unit.h"

static void text_is_built_and_always_ends_in_nul(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "a");
	buf_putc(&b, 'b');
	buf_printf(&b, "%d%s", 7, "xyz");
	buf_add(&b, "\0q", 2);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "ab7xyz\0q\0", 9);
	buf_shift(&b, 3);
	assert_string_equal(b.data, "xyz");
	buf_shift(&b, 99);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_release(&b);
	assert_null(b.data);
}

static void growing_keeps_what_is_there(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.data + 4 * 1234, "1234", 4);
	buf_release(&b);
}

static void failure_is_sticky_until_reset(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "x");
	assert_null(buf_room(&b, SIZE_MAX / 2));
	assert_true(b.bad);
	buf_puts(&b, "y");
	assert_string_equal(b.data, "x");
	buf_reset(&b);
	buf_puts(&b, "z");
	assert_string_equal(b.data, "z");
	buf_release(&b);
}

static void plain_text_commands_no_terminal(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "a\nb\x1b[31mc\xc2\x9b"
		     "2Jd\x7f\xc3\x9b\xc2\xa0\xc2");
	buf_plain(&b, 2);
	assert_string_equal(b.data, "a\nb [31mc  2Jd \xc3\x9b\xc2\xa0\xc2");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_built_and_always_ends_in_nul),
		cmocka_unit_test(growing_keeps_what_is_there),
		cmocka_unit_test(failure_is_sticky_until_reset),
		cmocka_unit_test(plain_text_commands_no_terminal),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
