/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a node that returns takes its addresses back.  The order is c b a for 192.0.2.10. */
#include "pkg/election/election_test.h"

static void holds(struct world *w, const char *name, const char *addresses)
{
	tell(w, PUT,
	    "{'kind':'Node','metadata':{'name':'%s','annotations':{'lbctl.dev/addresses':'%s'}}}", name,
	    addresses);
}

static void lives(struct world *w, const char *name, bool is, const char *since)
{
	tell(w, PUT,
	    "{'kind':'Member','metadata':{'name':'%s'},'status':{'alive':%s,"
	    "'since':'2024-01-01T00:00:%sZ'}}",
	    name, is ? "true" : "false", since);
}

static void open(struct world *w, enum election_failback failback, uint32_t ms)
{
	struct election_options o = { .failback = failback, .failback_ms = ms };

	world_open_usual(w, &o);
	lives(w, "node-a", true, "01.000");
	lives(w, "node-b", true, "01.000");
	lives(w, "node-c", true, "01.000");
	assert_string_equal(settle(w), "web Elected node-c node-b node-a");
	holds(w, "node-c", "192.0.2.10");
	settle(w);
	lives(w, "node-c", false, "10.000");
	assert_string_equal(settle(w), "web Elected node-b node-a -node-c:MemberDown");
	holds(w, "node-b", "192.0.2.9,192.0.2.10,no address,");
	holds(w, "node-c", ""); /* says its speaker when it starts */
	settle(w);
	lives(w, "node-c", true, "20.500");
}

static void immediate_takes_back_at_once(void **state)
{
	struct world w;

	(void)state;
	open(&w, ELECTION_FAILBACK_IMMEDIATE, 0);
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	world_close(&w);
}

#define KEPT "web Elected node-b node-c node-a"

static void never_leaves_it_where_it_is_until_it_must_go(void **state)
{
	struct world w;

	(void)state;
	open(&w, ELECTION_FAILBACK_NEVER, 0);
	assert_string_equal(settle(&w), "~" KEPT);
	election_clock(w.el, INT64_MAX);
	assert_string_equal(settle(&w), "");
	assert_true(election_deadline(w.el) == INT64_MAX);
	lives(&w, "node-b", false, "40.000");
	assert_string_equal(settle(&w), "web Elected node-c node-a -node-b:MemberDown");
	world_close(&w);
}

static void delay_gives_it_back_when_the_node_has_been_alive_for_so_long(void **state)
{
	static const int64_t base = INT64_C(1704067200000); /* 2024-01-01T00:00:00Z */
	struct world w;

	(void)state;
	open(&w, ELECTION_FAILBACK_DELAY, 5000);
	assert_string_equal(settle(&w), "~" KEPT);
	assert_true(election_deadline(w.el) == base + 25500);
	election_clock(w.el, base + 25499);
	assert_string_equal(settle(&w), "");
	election_clock(w.el, base + 25500);
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	assert_true(election_deadline(w.el) == INT64_MAX);
	world_close(&w);
	/* the time of another record does it too, so that a recording needs no clock */
	open(&w, ELECTION_FAILBACK_DELAY, 5000);
	settle(&w);
	lives(&w, "node-a", true, "26.000");
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	world_close(&w);
}

static void nobody_waits_where_nobody_has_it(void **state)
{
	struct world w;

	(void)state;
	open(&w, ELECTION_FAILBACK_NEVER, 0);
	settle(&w);
	holds(&w, "node-b", "192.0.2.9"); /* all of them have started anew */
	assert_string_equal(settle(&w), "web Elected node-c node-b node-a");
	/* of two that say they have it, the order decides */
	holds(&w, "node-a", "192.0.2.10");
	holds(&w, "node-b", "192.0.2.10");
	assert_string_equal(settle(&w), "web Elected node-b node-c node-a");
	world_close(&w);
}

static void what_keeps_it_is_said(void **state)
{
	struct election_outcome o;
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	open(&w, ELECTION_FAILBACK_NEVER, 0);
	assert_int_equal(election_next(w.el, config_store_get(w.store, &e), &o, &e), 1);
	assert_string_equal(o.now->addresses[0].nodes[0].message, "having it already");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(immediate_takes_back_at_once),
		cmocka_unit_test(never_leaves_it_where_it_is_until_it_must_go),
		cmocka_unit_test(delay_gives_it_back_when_the_node_has_been_alive_for_so_long),
		cmocka_unit_test(nobody_waits_where_nobody_has_it),
		cmocka_unit_test(what_keeps_it_is_said),
	};

	return cmocka_run_group_tests_name("election failback", tests, NULL, NULL);
}
