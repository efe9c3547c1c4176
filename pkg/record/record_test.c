/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/record/record.h"

#include "tests/addr.h"

static void assert_line(struct buf *out, const char *want)
{
	assert_string_equal(out->data, want);
	buf_release(out);
}

static void a_status_is_an_apply_of_ingress_and_annotation(void **state)
{
	struct addr a[] = { address("203.0.113.10"), address("2001:db8::10") };
	struct buf out = BUF_INIT;

	(void)state;
	record_service_status(&out, "default", "web", a, 2, "first", false);
	assert_line(&out,
	    "{\"type\":\"APPLY\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{"
	    "\"namespace\":\"default\",\"name\":\"web\",\"annotations\":{\"metallb.io/"
	    "ip-allocated-from-pool\":"
	    "\"first\"}},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"203.0.113.10\"},{\"ip\":"
	    "\"2001:db8::10\"}]}}}}\n");
}

static void an_empty_status_removes_the_annotation(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	record_service_status(&out, "default", "web", NULL, 0, NULL, true);
	assert_line(&out,
	    "{\"type\":\"APPLY\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{"
	    "\"namespace\":\"default\",\"name\":\"web\",\"annotations\":{\"metallb.io/"
	    "ip-allocated-from-pool\":null,\"metallb.universe.tf/ip-allocated-from-pool\":null}},"
	    "\"status\":{\"loadBalancer\":{\"ingress\":[]}}}}\n");
}

static void the_same_event_has_the_same_name_and_another_has_not(void **state)
{
	struct record_event ev = { "default", "web", "u1", false, "IPAllocated",
		"Assigned IP [\"203.0.113.10\"]", "metallb-controller", "" };
	struct buf first = BUF_INIT, again = BUF_INIT, other = BUF_INIT;

	(void)state;
	record_event(&first, &ev);
	record_event(&again, &ev);
	ev.message = "Assigned IP [\"203.0.113.11\"]";
	record_event(&other, &ev);
	assert_string_equal(first.data, again.data);
	assert_string_not_equal(strstr(first.data, "web."), strstr(other.data, "web."));
	assert_non_null(
	    strstr(first.data, "\"involvedObject\":{\"kind\":\"Service\",\"apiVersion\":\"v1\","
			       "\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"u1\"}"));
	assert_non_null(strstr(first.data, "\"message\":\"Assigned IP [\\\"203.0.113.10\\\"]\""));
	buf_release(&first);
	buf_release(&again);
	buf_release(&other);
}

static void a_decision_names_subject_code_and_all_that_was_considered(void **state)
{
	struct record_considered pools[] = { { "first", "PoolExhausted", "all 2 addresses are in use" },
		{ "second", "", NULL } };
	struct record_decision d = {
		.subject_kind = "Service",
		.namespace = "default",
		.name = "web",
		.component = "allocate",
		.verdict = VERDICT_DONE,
		.code = "AddressAssigned",
		.message = "203.0.113.10 from pool second",
		.considered = pools,
		.considered_n = 2,
	};
	struct buf out = BUF_INIT;

	(void)state;
	record_decision(&out, &d);
	assert_line(&out,
	    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Decision\",\"apiVersion\":\"lbctl.dev/"
	    "v1\",\"metadata\":{"
	    "\"namespace\":\"default\",\"name\":\"web\"},\"spec\":{\"subject\":{\"kind\":\"Service\","
	    "\"namespace\":"
	    "\"default\",\"name\":\"web\"},\"component\":\"allocate\",\"verdict\":\"done\",\"code\":"
	    "\"AddressAssigned\",\"message\":\"203.0.113.10 from pool "
	    "second\",\"considered\":[{\"name\":\"first\","
	    "\"code\":\"PoolExhausted\",\"message\":\"all 2 addresses are in "
	    "use\"},{\"name\":\"second\"}]}}}\n");
}

static void an_announcement_says_who_where_and_why(void **state)
{
	struct addr a = address("203.0.113.10");
	const char *const interfaces[] = { "eth0" };
	struct record_considered nodes[] = { { "node-b", "", NULL }, { "node-a", "", NULL } };
	struct record_announcement an = { "default", "web", "u-1", "node-b", &a, 1, "first", interfaces,
		1, "Elected", nodes, 2 };
	struct buf out = BUF_INIT;

	(void)state;
	record_announcement(&out, "ADDED", &an);
	assert_line(&out,
	    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Announcement\",\"apiVersion\":\"lbctl.dev/"
	    "v1\",\"metadata\":{"
	    "\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"u-1\"},\"spec\":{\"node\":\"node-b\","
	    "\"addresses\":["
	    "\"203.0.113.10\"],\"protocols\":[\"layer2\"],\"interfaces\":[\"eth0\"],\"pool\":\"first\","
	    "\"reason\":"
	    "\"Elected\",\"candidates\":[{\"name\":\"node-b\"},{\"name\":\"node-a\"}]}}}\n");
}

static void the_codes_are_sorted_and_explained(void **state)
{
	(void)state;
	for (const struct record_code *c = record_codes; c->code; c++) {
		assert_true(c->meaning && c->meaning[0]);
		if (c[1].code)
			assert_true(strcmp(c->code, c[1].code) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_is_an_apply_of_ingress_and_annotation),
		cmocka_unit_test(an_empty_status_removes_the_annotation),
		cmocka_unit_test(the_same_event_has_the_same_name_and_another_has_not),
		cmocka_unit_test(a_decision_names_subject_code_and_all_that_was_considered),
		cmocka_unit_test(an_announcement_says_who_where_and_why),
		cmocka_unit_test(the_codes_are_sorted_and_explained),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
