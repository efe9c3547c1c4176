/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/election/rank.h"

#include "tests/unit.h"

static struct rank *open(struct ranks *rs, const char *text)
{
	struct err e = ERR_INIT;
	struct addr a = { 0 };

	assert_int_equal(addr_parse(&a, text, &e), 0);
	return rank_get(rs, &a, &e);
}

static uint64_t key(struct ranks *rs, struct rank *r, unsigned id, const char *node)
{
	struct err e = ERR_INIT;
	uint64_t k = 0;

	assert_int_equal(rank_key(rs, r, id, node, &k, &e), 0);
	return k;
}

/* The first two stand in MetalLB's own tests. */
static void a_key_is_the_beginning_of_the_digest(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank *r = open(rs, "10.0.0.1"), *six = open(rs, "2001:DB8:0::1");

	(void)state;
	assert_true(key(rs, r, 0, "node-a") == UINT64_C(0xdd41591fe8f31f9f));
	assert_true(key(rs, r, 1, "node-b") == UINT64_C(0x2acae88581fd8b47));
	/* of the canonical text, node-b before node-a before node-c */
	assert_true(key(rs, six, 1, "node-b") < key(rs, six, 0, "node-a"));
	assert_true(key(rs, six, 0, "node-a") < key(rs, six, 2, "node-c"));
	rank_put(rs, r);
	rank_put(rs, six);
	ranks_free(rs);
}

static void the_whole_digest_decides_a_tie_of_its_beginning(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank *r = open(rs, "10.0.0.1");

	(void)state;
	assert_true(rank_tie(rs, r, "node-b", "node-a") < 0);
	assert_true(rank_tie(rs, r, "node-a", "node-b") > 0);
	assert_int_equal(rank_tie(rs, r, "node-a", "node-a"), 0);
	rank_put(rs, r);
	ranks_free(rs);
}

static void an_id_can_go_to_another_node(void **state)
{
	struct err e = ERR_INIT;
	struct ranks *rs = ranks_new(&e);
	struct rank *r = open(rs, "192.0.2.10"), *again = open(rs, "192.0.2.10");
	uint64_t a = key(rs, r, 100, "node-a"), b = key(rs, r, 3, "node-b");

	(void)state;
	assert_ptr_equal(r, again);
	assert_true(key(rs, r, 100, "another") == a); /* kept, the name is not looked at */
	ranks_forget(rs, 100);
	assert_true(key(rs, r, 100, "another") != a);
	assert_true(key(rs, again, 3, "?") == b);
	rank_put(rs, again);
	assert_true(key(rs, r, 3, "?") == b); /* there is still a user */
	rank_put(rs, r);
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
