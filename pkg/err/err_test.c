/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/err/err.h"

#include <errno.h>

#include "tests/unit.h"

static void context_goes_in_front(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_sys(&e, ENOENT, "opening %s", "pool.yaml"), -1);
	assert_int_equal(err_wrap(&e, "loading the pools"), -1);
	assert_string_equal(e.text, "loading the pools: opening pool.yaml: No such file or directory");
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_int_equal(e.sys, ENOENT);
}

static void long_text_is_cut_not_overrun(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_USAGE, "%0600d", 0);
	err_wrap(&e, "%0100d", 0);
	err_sys(&e, EIO, "%0600d", 0);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void a_refusal_of_the_kernel_is_a_missing_permission(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_sys(&e, EPERM, "opening a packet socket");
	assert_int_equal(err_exit_code(e.kind), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(long_text_is_cut_not_overrun),
		cmocka_unit_test(a_refusal_of_the_kernel_is_a_missing_permission),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
