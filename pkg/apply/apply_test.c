/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/apply_test.h"

static void the_same_is_written_once(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t id;

	(void)state;
	want(a, "web", "192.0.2.1");
	want(a, "web", "192.0.2.1");
	id = starts(a, "web", "192.0.2.1");
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
	done(a, id, APPLY_WRITTEN, "192.0.2.1", 5);
	assert_string_equal(reported(a), "Applied default/web wrote its address 192.0.2.1");
	assert_string_equal(reported(a), "");
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
	assert_true(apply_idle(a));
}

static void the_newest_wins_and_one_is_under_way(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t id;

	(void)state;
	want(a, "web", "192.0.2.1");
	id = starts(a, "web", "192.0.2.1");
	want(a, "web", "192.0.2.2");
	want(a, "web", "192.0.2.3");
	nothing_starts(a);
	done(a, id, APPLY_WRITTEN, "192.0.2.1", 5);
	id = starts(a, "web", "192.0.2.3");
	want(a, "web", "192.0.2.4");
	want(a, "web", "192.0.2.3"); /* what is under way after all */
	done(a, id, APPLY_WRITTEN, "192.0.2.3", 6);
	nothing_starts(a);
	assert_true(apply_idle(a));
}

static void a_change_by_another_is_undone_when_wanted_again(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 10);
	observed(a, "web", NULL, 9); /* from before our write */
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
	observed(a, "web", "192.0.2.1", 10);
	observed(a, "web", NULL, 11);
	want(a, "web", "192.0.2.1");
	starts(a, "web", "192.0.2.1");
}

static void versions_compare_as_numbers(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 1000);
	observed(a, "web", NULL, 999);
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
}

static void without_versions_what_was_seen_once_can_change(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, NULL, 0);
	observed(a, "web", NULL, 7); /* maybe from before */
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
	observed(a, "web", "192.0.2.1", 8);
	observed(a, "web", NULL, 9);
	want(a, "web", "192.0.2.1");
	starts(a, "web", "192.0.2.1");
}

static void fields_that_the_server_adds_are_no_change(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	CLEANUP(json_freep)
	struct json *seen = parse(
	    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","
	    "\"name\":"
	    "\"web\",\"uid\":\"u\",\"resourceVersion\":\"6\",\"annotations\":{\"pool\":\"p\",\"other\":"
	    "\"x\"}},\"spec\":{},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\","
	    "\"ipMode\":\"VIP\"}]}}}");

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	apply_observed(a, false, seen);
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
}

static void a_conflict_pauses_one_object_only(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t web;

	(void)state;
	want(a, "web", "192.0.2.1");
	want(a, "db", "192.0.2.2");
	web = starts(a, "web", "192.0.2.1");
	done(a, web, APPLY_CONFLICT, NULL, 0);
	starts(a, "db", "192.0.2.2");
	nothing_starts(a);
	assert_int_equal(apply_deadline(a), 1000 + APPLY_PAUSE_MIN_MS);
	clock_ms += APPLY_PAUSE_MIN_MS;
	done(a, starts(a, "web", "192.0.2.1"), APPLY_CONFLICT, NULL, 0);
	assert_int_equal(apply_deadline(a), clock_ms + 2 * APPLY_PAUSE_MIN_MS);
	want(a, "web", "192.0.2.9");
	clock_ms += 2 * APPLY_PAUSE_MIN_MS;
	done(a, starts(a, "web", "192.0.2.9"), APPLY_WRITTEN, "192.0.2.9", 3);
}

static void an_outage_tries_one_at_a_time_with_growing_pauses(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t ids[2], last = 0;

	(void)state;
	want(a, "web", "192.0.2.1");
	want(a, "db", "192.0.2.2");
	ids[0] = starts(a, "web", "192.0.2.1");
	ids[1] = starts(a, "db", "192.0.2.2");
	done(a, ids[0], APPLY_OUTAGE, NULL, 0);
	done(a, ids[1], APPLY_OUTAGE, NULL, 0);
	assert_true(apply_troubled(a));
	for (int i = 0; i < 20; i++) {
		struct apply_write w;

		nothing_starts(a);
		assert_true(apply_deadline(a) - clock_ms >= last);
		assert_true(apply_deadline(a) - clock_ms <= APPLY_PAUSE_MAX_MS);
		last = apply_deadline(a) - clock_ms;
		clock_ms = apply_deadline(a);
		assert_true(apply_next(a, now(), &w));
		nothing_starts(a);
		done(a, w.id, APPLY_OUTAGE, NULL, 0);
	}
	assert_int_equal(last, APPLY_PAUSE_MAX_MS);
	clock_ms = apply_deadline(a);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	assert_false(apply_troubled(a));
	done(a, starts(a, "db", "192.0.2.2"), APPLY_WRITTEN, "192.0.2.2", 6);
	assert_true(apply_idle(a));
}

static void the_servers_own_pause_is_kept(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	struct apply_result r = { .outcome = APPLY_OUTAGE, .retry_after_ms = 7000 };

	(void)state;
	want(a, "web", "192.0.2.1");
	apply_done(a, starts(a, "web", "192.0.2.1"), &r, now());
	assert_int_equal(apply_deadline(a), clock_ms + 7000);
	apply_hurry(a);
	starts(a, "web", "192.0.2.1");
}

/* The answer to a write may be lost, and not the write. */
static void after_an_outage_the_older_value_counts_as_unknown(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	want(a, "web", "192.0.2.2");
	done(a, starts(a, "web", "192.0.2.2"), APPLY_OUTAGE, NULL, 0);
	want(a, "web", "192.0.2.1");
	clock_ms = apply_deadline(a);
	starts(a, "web", "192.0.2.1");
}

static void a_refusal_is_told_once_and_dropped(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "bad");
	done(a, starts(a, "web", "bad"), APPLY_REFUSED, NULL, 0);
	assert_string_equal(reported(a), "ApplyFailed default/web why");
	assert_true(apply_idle(a));
	assert_int_equal(apply_refused(a), 1);
	want(a, "web", "bad");
	done(a, starts(a, "web", "bad"), APPLY_REFUSED, NULL, 0);
	assert_string_equal(reported(a), "");
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	assert_int_equal(apply_refused(a), 0);
}

static void what_is_forbidden_is_told_once_and_tried_until_it_is_allowed(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_FORBIDDEN, NULL, 0);
	assert_string_equal(reported(a), "ApplyFailed default/web why");
	for (int i = 0; i < 20; i++) {
		clock_ms = apply_deadline(a);
		done(a, starts(a, "web", "192.0.2.1"), APPLY_FORBIDDEN, NULL, 0);
		assert_string_equal(reported(a), "");
		assert_true(apply_deadline(a) - clock_ms <= APPLY_PAUSE_MAX_MS);
	}
	clock_ms = apply_deadline(a);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	assert_string_equal(reported(a), "Applied default/web wrote its address 192.0.2.1");
	assert_true(apply_idle(a));
	assert_int_equal(apply_refused(a), 0);
	want(a, "web", "192.0.2.2");
	apply_hurry(a); /* the end: what is forbidden now stays undone */
	done(a, starts(a, "web", "192.0.2.2"), APPLY_FORBIDDEN, NULL, 0);
	assert_true(apply_idle(a));
	assert_int_equal(apply_refused(a), 1);
}

/* An API server that starts knows no roles yet. */
static void what_is_forbidden_after_an_outage_is_no_refusal_yet(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_OUTAGE, NULL, 0);
	apply_hurry(a);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_FORBIDDEN, NULL, 0);
	assert_string_equal(reported(a), "");
	clock_ms = apply_deadline(a);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	assert_string_equal(reported(a), "Applied default/web wrote its address 192.0.2.1");
}

static void what_is_gone_is_dropped(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t id;

	(void)state;
	want(a, "web", "192.0.2.1");
	done(a, starts(a, "web", "192.0.2.1"), APPLY_GONE, NULL, 0);
	assert_string_equal(reported(a), "ApplyDropped default/web why");
	assert_true(apply_idle(a));
	want(a, "web", "192.0.2.1"); /* it is there again */
	id = starts(a, "web", "192.0.2.1");
	deleted(a, "web");
	done(a, id, APPLY_OUTAGE, NULL, 0);
	assert_true(apply_idle(a));
	want(a, "web", "192.0.2.2");
	deleted(a, "web");
	assert_true(apply_idle(a));
}

static void what_comes_again_under_the_same_name_is_written_anew(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t id;

	(void)state;
	want(a, "web", "192.0.2.1");
	id = starts(a, "web", "192.0.2.1");
	deleted(a, "web");
	want(a, "web", "192.0.2.1");
	nothing_starts(a); /* one at a time */
	done(a, id, APPLY_WRITTEN, "192.0.2.1", 5);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 9);
	want(a, "web", "192.0.2.1");
	nothing_starts(a);
}

static void so_many_at_once_and_no_more(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(3);
	struct apply_write w;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		want(a, name, "192.0.2.1");
	}
	while (apply_next(a, now(), &w))
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(apply_deadline(a), UINT64_MAX);
}

static void an_annotation_of_somebody_else_is_removed_by_a_second_write(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	CLEANUP(json_freep) struct json *left = service("web", "192.0.2.1", 5);
	CLEANUP(buf_release) struct buf body = BUF_INIT;
	struct apply_result r = { .outcome = APPLY_WRITTEN, .object = left };
	struct apply_write w;

	(void)state;
	want(a, "web", NULL);
	assert_true(apply_next(a, now(), &w));
	assert_int_equal(w.how, APPLY_FIELDS);
	json_write(w.body, &body);
	assert_string_equal(body.data,
	    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","
	    "\"name\":\"web\",\"annotations\":{}},\"status\":{\"loadBalancer\":{\"ingress\":[]}}}");
	apply_done(a, w.id, &r, now());
	assert_true(apply_next(a, now(), &w));
	assert_int_equal(w.how, APPLY_MERGE);
	buf_reset(&body);
	json_write(w.body, &body);
	assert_string_equal(body.data, "{\"metadata\":{\"annotations\":{\"pool\":null}}}");
	done(a, w.id, APPLY_OUTAGE, NULL, 0);
	clock_ms = apply_deadline(a);
	assert_true(apply_next(a, now(), &w));
	assert_int_equal(w.how, APPLY_MERGE);
	want(a, "web", NULL); /* is so */
	done(a, w.id, APPLY_WRITTEN, NULL, 7);
	assert_true(apply_idle(a));
}

static void what_cannot_be_written_is_refused(void **state)
{
	static const struct {
		const char *object, *want;
	} cases[] = {
		{ "{\"apiVersion\":\"v1\"}", "APPLY of an object without kind" },
		{ "{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}",
		    "APPLY of v1 Secret: no such object is written; want a Service, an IPAddressPool, "
		    "a "
		    "Node or an Event" },
		{ "{\"kind\":\"Service\",\"apiVersion\":\"serving.knative.dev/"
		  "v1\",\"metadata\":{\"name\":"
		  "\"n\",\"namespace\":\"a\"}}",
		    "APPLY of serving.knative.dev/v1 Service: no such object is written; want a "
		    "Service, an IPAddressPool, a Node or an Event" },
		{ "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}",
		    "APPLY of Service n: metadata.namespace is missing" },
	};
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	CLEANUP(json_freep)
	struct json *ours = parse("{\"kind\":\"Decision\",\"apiVersion\":\"lbctl.dev/"
				  "v1\",\"metadata\":{\"name\":\"n\"}}");
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(json_freep) struct json *j = parse(cases[i].object);

		assert_int_equal(apply_want(a, j, now(), &e), -1);
		assert_string_equal(e.text, cases[i].want);
	}
	assert_int_equal(apply_want(a, ours, now(), &e), 0);
	assert_true(apply_idle(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_written_once),
		cmocka_unit_test(the_newest_wins_and_one_is_under_way),
		cmocka_unit_test(a_change_by_another_is_undone_when_wanted_again),
		cmocka_unit_test(versions_compare_as_numbers),
		cmocka_unit_test(without_versions_what_was_seen_once_can_change),
		cmocka_unit_test(fields_that_the_server_adds_are_no_change),
		cmocka_unit_test(a_conflict_pauses_one_object_only),
		cmocka_unit_test(an_outage_tries_one_at_a_time_with_growing_pauses),
		cmocka_unit_test(the_servers_own_pause_is_kept),
		cmocka_unit_test(after_an_outage_the_older_value_counts_as_unknown),
		cmocka_unit_test(a_refusal_is_told_once_and_dropped),
		cmocka_unit_test(what_is_forbidden_is_told_once_and_tried_until_it_is_allowed),
		cmocka_unit_test(what_is_forbidden_after_an_outage_is_no_refusal_yet),
		cmocka_unit_test(what_is_gone_is_dropped),
		cmocka_unit_test(what_comes_again_under_the_same_name_is_written_anew),
		cmocka_unit_test(so_many_at_once_and_no_more),
		cmocka_unit_test(an_annotation_of_somebody_else_is_removed_by_a_second_write),
		cmocka_unit_test(what_cannot_be_written_is_refused),
	};

	return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
