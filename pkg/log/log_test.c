/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/log/log.h"

#include "tests/unit.h"

static void levels_and_tokens_filter(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(log_configure("debug:kube,l2", &e), 0);
	assert_true(log_enabled(LOG_DEBUG, "l2"));
	assert_false(log_enabled(LOG_DEBUG, "l"));
	assert_false(log_enabled(LOG_DEBUG, NULL));
	assert_true(log_enabled(LOG_WARNING, "ipam"));
	assert_int_equal(log_configure("error", &e), 0);
	assert_false(log_enabled(LOG_WARNING, NULL));
	assert_int_equal(log_configure("debug", &e), 0);
	assert_true(log_enabled(LOG_DEBUG, NULL));
	assert_int_equal(log_configure("info", &e), 0);
}

static void a_wrong_level_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(log_configure("loud", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.text, "'loud'"));
	assert_int_equal(log_configure("debug:l2,nope", &e), -1);
	assert_non_null(strstr(e.text, "'nope'"));
	assert_int_equal(log_configure("debug:", &e), -1);
	assert_int_equal(log_configure("debug:l2,", &e), -1);
}

static void a_burst_is_let_through_and_then_silence_until_the_window_ends(void **state)
{
	struct log_limit limit = { .burst = 2, .window_ms = 1000 };

	(void)state;
	assert_true(log_allow(&limit, 5000));
	assert_true(log_allow(&limit, 5001));
	assert_false(log_allow(&limit, 5002));
	assert_false(log_allow(&limit, 5999));
	assert_int_equal(limit.held, 2);
	assert_true(log_allow(&limit, 6000));
	assert_int_equal(limit.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_and_tokens_filter),
		cmocka_unit_test(a_wrong_level_is_named),
		cmocka_unit_test(a_burst_is_let_through_and_then_silence_until_the_window_ends),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
