/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/reflector_harness.h"

static void a_streamed_list_goes_on_as_a_watch(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	assert_true(
	    asked(&s, "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools?watch=true"));
	assert_true(asked(&s, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
	assert_true(asked(&s, "&allowWatchBookmarks=true&timeoutSeconds="));
	assert_false(asked(&s, "resourceVersion="));
	input(&s, EVENT("MODIFIED", POOL("a", "11")) BOOKMARK("12") EVENT("DELETED", POOL("b", "13")));
	told(&s, "MODIFIED a 11, DELETED b 13");
	s.now += 400000;
	end(&s);
	start(&s);
	assert_true(asked(&s, "?watch=true&resourceVersion=13&allowWatchBookmarks=true&"));
	assert_null(reflector_trouble(s.r));
	run_end(&s);
}

static void every_split_of_a_stream_tells_the_same(void **state)
{
	static const char stream[] =
	    EVENT("ADDED", POOL("a", "3")) "\n" EVENT("ADDED", POOL("b", "5")) INITIAL_END("10")
		EVENT("MODIFIED", POOL("a", "11")) BOOKMARK("12") EVENT("DELETED", POOL("b", "13"));

	(void)state;
	for (size_t cut = 0; cut <= sizeof(stream) - 1; cut++) {
		struct run s;

		run_start(&s, &pools, false);
		start(&s);
		reflector_head(s.r, 200, 0, s.now);
		reflector_input(s.r, stream, cut, s.now);
		if (cut % 2)
			drain(&s);
		reflector_input(s.r, stream + cut, sizeof(stream) - 1 - cut, s.now);
		drain(&s);
		told(&s, "ADDED a 3, ADDED b 5, BOOKMARK, MODIFIED a 11, DELETED b 13");
		run_end(&s);
	}
}

static void a_record_has_kind_first_and_no_managed_fields(void **state)
{
	static const char body[] =
	    "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":{\"name\":\"web\","
	    "\"managedFields\":[{\"manager\":\"kubectl\"}],\"annotations\":{\"a\":\"b\","
	    "\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\"},\"resourceVersion\":\"2\"},"
	    "\"spec\":{\"ratio\":1.50,\"text\":\"a/"
	    "b\\u00e9\"},\"apiVersion\":\"v1\",\"kind\":\"Service\"}]}";
	struct run s;

	(void)state;
	run_start(&s, &services, false);
	answer(&s, 422, STATUS(422, "Invalid", "sendInitialEvents is forbidden"));
	answer(&s, 200, body);
	assert_string_equal(s.text.data,
	    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{"
	    "\"name\":\"web\",\"annotations\":{\"a\":\"b\"},\"resourceVersion\":\"2\"},"
	    "\"spec\":{\"ratio\":1.50,\"text\":\"a/b\xc3\xa9\"}}}\n"
	    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\","
	    "\"metadata\":{"
	    "\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
	run_end(&s);

	run_start(&s, &services, true);
	answer(&s, 422, STATUS(422, "Invalid", "sendInitialEvents is forbidden"));
	answer(&s, 200, body);
	assert_non_null(strstr(s.text.data, "managedFields"));
	assert_non_null(strstr(s.text.data, "last-applied"));
	run_end(&s);
}

static void a_server_that_cannot_stream_is_read_in_pages(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	answer(&s, 422, STATUS(422, "Invalid", "sendInitialEvents is forbidden"));
	told(&s, "");
	answer(&s, 200, LIST("20", "more &1", ITEM("a", "1") "," ITEM("b", "2")));
	assert_true(asked(&s, "/ipaddresspools?limit=500"));
	assert_false(asked(&s, "continue"));
	told(&s, "ADDED a 1, ADDED b 2");
	assert_false(reflector_synced(s.r));
	answer(&s, 200, LIST("20", "", ITEM("c", "3")));
	assert_true(asked(&s, "?limit=500&continue=more%20%261"));
	told(&s, "ADDED c 3, BOOKMARK");
	start(&s);
	assert_true(asked(&s, "?watch=true&resourceVersion=20&"));
	run_end(&s);
}

static void a_server_that_ignores_streaming_is_noticed(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	input(&s, EVENT("ADDED", POOL("a", "1")));
	s.now = reflector_deadline(s.r);
	assert_int_equal(s.now, 1000 + REFLECTOR_STREAM_MS);
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	answer(&s, 200, LIST("20", "", ITEM("a", "1") "," ITEM("b", "2")));
	told(&s, "ADDED a 1, ADDED b 2, BOOKMARK");
	run_end(&s);
}

static void an_interrupted_list_repeats_nothing(void **state)
{
	struct run s;
	struct err e = ERR_INIT;

	(void)state;
	run_start(&s, &pools, false);
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	input(&s, EVENT("ADDED", POOL("a", "1")) EVENT("ADDED", POOL("b", "2")) "{\"type\":\"ADD");
	err_set(&e, ERR_SYSTEM, "connection reset");
	reflector_end(s.r, &e);
	drain(&s);
	told(&s, "ADDED a 1, ADDED b 2");
	assert_string_equal(reflector_trouble(s.r)->text, "connection reset");
	wait_for(&s, REFLECTOR_START);
	start(&s);
	assert_true(asked(&s, "sendInitialEvents"));
	reflector_head(s.r, 200, 0, s.now);
	input(&s, EVENT("ADDED", POOL("b", "4")) EVENT("ADDED", POOL("c", "5")) INITIAL_END("9"));
	told(&s, "MODIFIED b 4, ADDED c 5, DELETED a 1, BOOKMARK");
	assert_null(reflector_trouble(s.r));
	run_end(&s);
}

static void an_expired_version_is_told_as_the_difference(void **state)
{
	struct run s;

	(void)state;
	for (int as_event = 0; as_event < 2; as_event++) {
		run_synced(&s);
		if (as_event) {
			input(&s, EVENT("ERROR",
				      STATUS(410, "Expired", "too old resource version: 10 (99)")));
			assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
		} else {
			s.now += 5000;
			end(&s);
			answer(&s, 410, STATUS(410, "Expired", "too old resource version: 10 (99)"));
		}
		assert_null(reflector_trouble(s.r));
		start(&s);
		assert_true(asked(&s, "sendInitialEvents=true"));
		reflector_head(s.r, 200, 0, s.now);
		input(&s,
		    EVENT("ADDED", POOL("c", "50")) EVENT("ADDED", POOL("a", "3")) INITIAL_END("99"));
		told(&s, "ADDED c 50, DELETED b 5");
		assert_non_null(strstr(s.text.data, "{\"type\":\"DELETED\",\"object\":{\"kind\":"
						    "\"IPAddressPool\",\"apiVersion\":\"metallb.io/"
						    "v1beta1\",\"metadata\":{\"namespace\":\"metallb-"
						    "system\",\"name\":\"b\",\"uid\":\"u-b\","
						    "\"resourceVersion\":\"5\"}}}\n"));
		run_end(&s);
	}
}

static void an_expired_page_starts_the_list_again(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	answer(&s, 400, STATUS(400, "BadRequest", "no"));
	answer(&s, 200, LIST("20", "t1", ITEM("a", "1") "," ITEM("b", "2")));
	answer(&s, 410, STATUS(410, "Expired", "The provided continue parameter is too old"));
	answer(&s, 200, LIST("30", "t2", ITEM("b", "2") "," ITEM("c", "3")));
	assert_false(asked(&s, "continue"));
	answer(&s, 200, LIST("30", "", ITEM("d", "4")));
	told(&s, "ADDED a 1, ADDED b 2, ADDED c 3, ADDED d 4, DELETED a 1, BOOKMARK");
	run_end(&s);
}

static void versions_that_keep_expiring_are_asked_for_slowly(void **state)
{
	struct run s;

	(void)state;
	run_start(&s, &pools, false);
	answer(&s, 400, STATUS(400, "BadRequest", "no"));
	answer(&s, 200, LIST("20", "t1", ITEM("a", "1")));
	answer(&s, 410, STATUS(410, "Expired", ""));
	answer(&s, 200, LIST("20", "t1", ITEM("a", "1")));
	answer(&s, 410, STATUS(410, "Expired", ""));
	assert_true(wait_for(&s, REFLECTOR_START) >= REFLECTOR_BACKOFF_MS / 2);
	start(&s);
	assert_true(asked(&s, "limit=0"));
	run_end(&s);
}

static void a_kind_that_the_server_lacks_is_empty_until_it_appears(void **state)
{
	struct run s;
	uint64_t first;

	(void)state;
	run_start(&s, &pools, false);
	answer(&s, 404, "404 page not found\n");
	told(&s, "BOOKMARK");
	assert_true(reflector_synced(s.r));
	assert_null(reflector_trouble(s.r));
	first = wait_for(&s, REFLECTOR_START);
	assert_in_range(first, REFLECTOR_ABSENT_MS / 2, REFLECTOR_ABSENT_MS);
	for (int i = 0; i < 6; i++) {
		answer(&s, 404, "404 page not found\n");
		assert_in_range(
		    wait_for(&s, REFLECTOR_START), REFLECTOR_ABSENT_MS / 2, REFLECTOR_ABSENT_MAX_MS);
	}
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	input(&s, EVENT("ADDED", POOL("a", "3")) INITIAL_END("10"));
	told(&s, "ADDED a 3");
	run_end(&s);
}

static void an_object_made_anew_under_its_name_is_told_as_two(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	input(&s, EVENT("ERROR", STATUS(410, "Expired", "")));
	assert_int_equal(reflector_action(s.r, s.now), REFLECTOR_ABORT);
	start(&s);
	reflector_head(s.r, 200, 0, s.now);
	input(&s, EVENT("ADDED", POOL_UID("a", "30", "new")) EVENT("ADDED", POOL("b", "5"))
		      INITIAL_END("40"));
	told(&s, "DELETED a -, ADDED a 30");
	run_end(&s);
}

static void what_was_told_is_not_told_again(void **state)
{
	struct run s;

	(void)state;
	run_synced(&s);
	input(&s, EVENT("ADDED", POOL("a", "3")) EVENT("MODIFIED", POOL("c", "20"))
		      EVENT("DELETED", POOL("d", "21")) EVENT("NEWTYPE", POOL("e", "22")));
	told(&s, "ADDED c 20");
	run_end(&s);
}

static void one_name_is_asked_for_by_a_field_selector(void **state)
{
	struct api_kind one = pools;
	struct run s;

	(void)state;
	one.only = "config";
	run_start(&s, &one, false);
	start(&s);
	assert_true(asked(&s, "&fieldSelector=metadata.name%3Dconfig"));
	run_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_streamed_list_goes_on_as_a_watch),
		cmocka_unit_test(every_split_of_a_stream_tells_the_same),
		cmocka_unit_test(a_record_has_kind_first_and_no_managed_fields),
		cmocka_unit_test(a_server_that_cannot_stream_is_read_in_pages),
		cmocka_unit_test(a_server_that_ignores_streaming_is_noticed),
		cmocka_unit_test(an_interrupted_list_repeats_nothing),
		cmocka_unit_test(an_expired_version_is_told_as_the_difference),
		cmocka_unit_test(an_expired_page_starts_the_list_again),
		cmocka_unit_test(versions_that_keep_expiring_are_asked_for_slowly),
		cmocka_unit_test(a_kind_that_the_server_lacks_is_empty_until_it_appears),
		cmocka_unit_test(an_object_made_anew_under_its_name_is_told_as_two),
		cmocka_unit_test(what_was_told_is_not_told_again),
		cmocka_unit_test(one_name_is_asked_for_by_a_field_selector),
	};

	return cmocka_run_group_tests_name("reflector", tests, NULL, NULL);
}
