/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/election/rank.h"

#include "tests/unit.h"

static struct rank of(const char *text)
{
	struct err e = ERR_INIT;
	struct rank r = { 0 };

	assert_int_equal(addr_parse(&r.addr, text, &e), 0);
	return r;
}

static uint32_t key(struct ranks *rs, struct rank *r, unsigned id, const char *node)
{
	struct err e = ERR_INIT;
	uint32_t k = 0;

	assert_int_equal(rank_key(rs, r, id, node, &k, &e), 0);
	return k;
}

/* The first two stand in MetalLB's own tests. */
static void a_key_is_the_beginning_of_the_digest(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank r = of("10.0.0.1"), six = of("2001:DB8:0::1");

	(void)state;
	assert_int_equal(key(rs, &r, 0, "node-a"), 0xdd41591f);
	assert_int_equal(key(rs, &r, 1, "node-b"), 0x2acae885);
	/* of the canonical text, node-b before node-a before node-c */
	assert_true(key(rs, &six, 1, "node-b") < key(rs, &six, 0, "node-a"));
	assert_true(key(rs, &six, 0, "node-a") < key(rs, &six, 2, "node-c"));
	rank_release(&r);
	rank_release(&six);
	ranks_free(rs);
}

static void the_whole_digest_decides_a_tie_of_its_beginning(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank r = of("10.0.0.1");

	(void)state;
	assert_true(rank_tie(rs, &r, "node-b", "node-a") < 0);
	assert_true(rank_tie(rs, &r, "node-a", "node-b") > 0);
	assert_int_equal(rank_tie(rs, &r, "node-a", "node-a"), 0);
	ranks_free(rs);
}

static void an_id_can_go_to_another_node(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank r = of("192.0.2.10");
	uint32_t a = key(rs, &r, 100, "node-a"), b = key(rs, &r, 3, "node-b");

	(void)state;
	assert_int_equal(key(rs, &r, 100, "another"), a); /* kept, the name is not looked at */
	rank_forget(&r, 100);
	rank_forget(&r, 1000);
	assert_int_not_equal(key(rs, &r, 100, "another"), a);
	assert_int_equal(key(rs, &r, 3, "?"), b);
	rank_release(&r);
	ranks_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_the_beginning_of_the_digest),
		cmocka_unit_test(the_whole_digest_decides_a_tie_of_its_beginning),
		cmocka_unit_test(an_id_can_go_to_another_node),
	};

	return cmocka_run_group_tests_name("election rank", tests, NULL, NULL);
}
