/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories, seeded; what is checked after each step stands in oracle_test.h.
 *
 *	HISTORIES=100000 property_test        more of them;  SEED=7 property_test: this one only */
#include "tests/unit.h"

#define FAIL fail_msg
#include "pkg/ipam/oracle_test.h"

static void the_rules_hold_in_every_history(void **state)
{
	const char *many = getenv("HISTORIES"), *one = getenv("SEED");
	uint32_t first = one ? (uint32_t)atoi(one) : 1;
	uint32_t n = one ? 1 : many ? (uint32_t)atoi(many) : 1500;

	(void)state;
	for (uint32_t seed = first; seed < first + n; seed++)
		history(seed, NULL, 0, true);
}

static void one_history_gives_one_answer(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 100; seed++)
		assert_true(history(seed, NULL, 0, false) == history(seed, NULL, 0, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_hold_in_every_history),
		cmocka_unit_test(one_history_gives_one_answer),
	};

	return cmocka_run_group_tests_name("ipam properties", tests, NULL, NULL);
}
