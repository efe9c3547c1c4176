/* SPDX-License-Identifier: Apache-2.0 */
/* What a server must not do, and does. */
#include "pkg/kube/reflector_harness.h"

static void a_kind_with_objects_is_not_gone_for_one_404(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	s.now += 5000;
	end(&s);
	answer(&s, 404, "404 page not found\n");
	wait_for(&s, REFLECTOR_START);
	answer(&s, 404, "404 page not found\n");
	told(&s, "");
	assert_non_null(reflector_trouble(s.r));
	wait_for(&s, REFLECTOR_START);
	answer(&s, 404, "404 page not found\n");
	told(&s, "DELETED a 3, DELETED b 5");
	run_end(&s);
}

static void a_404_for_a_core_kind_is_an_error(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &services, false);
	answer(&s, 404, "404 page not found\n");
	told(&s, "");
	assert_string_equal(reflector_trouble(s.r)->text,
	    "GET /api/v1/namespaces/metallb-system/services: HTTP 404: 404 page not found");
	run_end(&s);
}

static void what_is_not_an_answer_is_asked_again(void **state)
{
	static const struct {
		int status;
		const char *body;
		const char *says;
	} bad[] = {
		{ 200, "<html><body>Please log in</body></html>\n", "Please log in" },
		{ 500, "<!DOCTYPE html><h1>Oops</h1>", "Oops" },
		{ 500, STATUS(500, "InternalError", "etcd is gone"), "HTTP 500: etcd is gone" },
		{ 503, "", "HTTP 503: no reason given" },
		{ 200, "{\"type\":\"ADDED\",\"object\":", "in the middle of an event" },
		{ 200, "{\"type\":\"ADDED\"\n", "not JSON" },
		{ 200, "", "before the list was whole" },
		{ 200, "[]\n", "not JSON: \"[]\"" },
		{ 200, "{}\n", "no type or no object" },
		{ 200, EVENT("ADDED", "{\"metadata\":{}}"), "without metadata.name" },
		{ 302, "", "HTTP 302" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct run s;

		run_start(&s, &pools, false);
		start(&s);
		reflector_head(s.r, bad[i].status, 0, s.now);
		input(&s, bad[i].body);
		end(&s);
		if (reflector_action(s.r, s.now) == REFLECTOR_ABORT)
			assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_WAIT);
		told(&s, "");
		assert_non_null(reflector_trouble(s.r));
		if (!strstr(reflector_trouble(s.r)->text, bad[i].says))
			fail_msg("%zu: %s", i, reflector_trouble(s.r)->text);
		assert_in_range(
		    wait_for(&s, REFLECTOR_START), REFLECTOR_BACKOFF_MS / 2, REFLECTOR_BACKOFF_MS);
		start(&s);
		reflector_head(s.r, 200, 0, s.now);
		input(&s, EVENT("ADDED", POOL("a", "3")) INITIAL_END("10"));
		told(&s, "ADDED a 3, BOOKMARK");
		assert_null(reflector_trouble(s.r));
		run_end(&s);
	}
}

static void a_bad_page_is_asked_again(void **state)
{
	static const char *const bad[] = { "", "<html>", "[]", "{}", "{\"items\":{},\"metadata\":{}}",
		LIST("1", "", "{\"metadata\":{}}"),
		"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct run s;

		run_start(&s, &pools, false);
		answer(&s, 400, "");
		answer(&s, 200, LIST("20", "t1", ITEM("a", "1")));
		answer(&s, 200, bad[i]);
		assert_non_null(reflector_trouble(s.r));
		wait_for(&s, REFLECTOR_START);
		answer(&s, 200, LIST("20", "", ITEM("b", "2")));
		assert_true(asked(&s, "continue=t1"));
		told(&s, "ADDED a 1, ADDED b 2, BOOKMARK");
		run_end(&s);
	}
}

static void retries_come_slower_up_to_a_bound(void **state)
{
	struct run s;
	uint64_t most = REFLECTOR_BACKOFF_MS;

	(void)state;
	run_start(&s, &pools, false);
	for (int i = 0; i < 12; i++) {
		answer(&s, 500, "");
		assert_in_range(wait_for(&s, REFLECTOR_START), most / 2, most);
		most = most * 2 < REFLECTOR_BACKOFF_MAX_MS ? most * 2 : REFLECTOR_BACKOFF_MAX_MS;
	}
	run_end(&s);
}

static void retry_after_is_kept(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	start(&s);
	reflector_head(s.r, 429, 7, s.now);
	end(&s);
	assert_in_range(wait_for(&s, REFLECTOR_START), 7000, 7000 + REFLECTOR_BACKOFF_MS);
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	input(&s,
	    EVENT("ERROR", "{\"kind\":\"Status\",\"code\":429,\"details\":{\"retryAfterSeconds\":3}}"));
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	assert_in_range(wait_for(&s, REFLECTOR_START), 3000, 3000 + REFLECTOR_BACKOFF_MS);
	run_end(&s);
}

static void one_failure_that_the_next_attempt_mends_is_not_told(void **state)
{
	struct run s;
	struct err e = ERR_INIT;

	(void)state;
	run_synced(&s);
	err_set(&e, ERR_SYSTEM, "connection reset");
	reflector_end(s.r, &e);
	drain(&s);
	assert_null(reflector_trouble(s.r));
	wait_for(&s, REFLECTOR_START);
	start(&s);
	assert_true(asked(&s, "resourceVersion=10&"));
	reflector_end(s.r, &e);
	drain(&s);
	assert_non_null(reflector_trouble(s.r));
	wait_for(&s, REFLECTOR_START);
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	assert_non_null(reflector_trouble(s.r));
	s.now = reflector_deadline(s.r);
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_WAIT);
	assert_null(reflector_trouble(s.r));
	input(&s, EVENT("MODIFIED", POOL("a", "12")));
	told(&s, "MODIFIED a 12");
	run_end(&s);
}

static void a_silent_watch_is_given_up_and_goes_on_where_it_was(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	s.now += REFLECTOR_SILENT_MS / 2;
	input(&s, BOOKMARK("44"));
	assert_int_equal(reflector_deadline(s.r), s.now + REFLECTOR_SILENT_MS);
	s.now += REFLECTOR_SILENT_MS;
	reflector_resume(s.r, s.now); /* the reader was slow, not the server */
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_WAIT);
	s.now += REFLECTOR_SILENT_MS;
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	wait_for(&s, REFLECTOR_START);
	start(&s);
	assert_true(asked(&s, "resourceVersion=44&"));
	s.now += REFLECTOR_ANSWER_MS; /* not even a status */
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_RECONNECT);
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_WAIT);
	told(&s, "");
	run_end(&s);
}

static void a_server_that_lost_its_past_is_listed_again(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	input(&s, EVENT("ERROR",
		      STATUS(504, "Timeout", "Timeout: Too large resource version: 10, current: 4")));
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	wait_for(&s, REFLECTOR_START);
	start(&s);
	assert_true(asked(&s, "sendInitialEvents=true"));
	run_end(&s);
}

static void a_refusal_names_what_is_missing(void **state)
{
	static const char forbidden[] = STATUS(403, "Forbidden",
	    "ipaddresspools.metallb.io is forbidden: User \\\"u\\\" cannot list resource "
	    "\\\"ipaddresspools\\\" "
	    "in API group \\\"metallb.io\\\" in the namespace \\\"metallb-system\\\"");
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	answer(&s, 403, forbidden);
	assert_null(reflector_trouble(s.r)); /* it may be that only a streamed list is refused */
	answer(&s, 403, forbidden);
	assert_int_equal(reflector_trouble(s.r)->kind, ERR_PERMISSION);
	assert_non_null(strstr(reflector_trouble(s.r)->text,
	    "User \"u\" cannot list resource \"ipaddresspools\" in API group \"metallb.io\" in the "
	    "namespace \"metallb-system\"; grant it with a Role or ClusterRole"));
	run_end(&s);
}

static void a_page_or_event_that_never_ends_is_bounded(void **state)
{
	struct run s;
	CLEANUP(freep) char *blob = malloc(1 << 20);

	(void)state;
	assert_non_null(blob);
	memset(blob, ' ', 1 << 20);
	run_synced(&s);
	for (int i = 0; i <= REFLECTOR_LINE_MAX >> 20; i++) {
		reflector_input(s.r, blob, 1 << 20, s.now);
		drain(&s);
	}
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	assert_int_equal(reflector_pending(s.r), 0);
	run_end(&s);

	run_start(&s, &pools, false);
	answer(&s, 400, "");
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	for (int i = 0; i <= REFLECTOR_PAGE_MAX >> 20; i++) {
		reflector_input(s.r, blob, 1 << 20, s.now);
		drain(&s);
	}
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	wait_for(&s, REFLECTOR_START);
	start(&s);
	assert_true(asked(&s, "limit=125"));
	run_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_with_objects_is_not_gone_for_one_404),
		cmocka_unit_test(a_404_for_a_core_kind_is_an_error),
		cmocka_unit_test(what_is_not_an_answer_is_asked_again),
		cmocka_unit_test(a_bad_page_is_asked_again),
		cmocka_unit_test(retries_come_slower_up_to_a_bound),
		cmocka_unit_test(retry_after_is_kept),
		cmocka_unit_test(one_failure_that_the_next_attempt_mends_is_not_told),
		cmocka_unit_test(a_silent_watch_is_given_up_and_goes_on_where_it_was),
		cmocka_unit_test(a_server_that_lost_its_past_is_listed_again),
		cmocka_unit_test(a_refusal_names_what_is_missing),
		cmocka_unit_test(a_page_or_event_that_never_ends_is_bounded),
	};

	return cmocka_run_group_tests_name("reflector_bad", tests, NULL, NULL);
}
