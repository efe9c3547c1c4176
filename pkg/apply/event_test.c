/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/apply_test.h"

static void a_forbidden_event_is_given_up(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	struct apply_write w;
	int n = 0;

	(void)state;
	want_event(a, "e");
	while (apply_next(a, now(), &w)) {
		done(a, w.id, APPLY_FORBIDDEN, NULL, 0);
		if (apply_deadline(a) != UINT64_MAX)
			clock_ms = apply_deadline(a);
		assert_true(++n < 10);
	}
	assert_true(apply_idle(a));
	assert_int_equal(apply_refused(a), 0);
}

static void events_are_counted_and_paced(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	CLEANUP(buf_release) struct buf body = BUF_INIT;
	struct apply_write w;

	(void)state;
	want_event(a, "e");
	assert_true(apply_next(a, now(), &w));
	want_event(a, "e");
	done(a, w.id, APPLY_WRITTEN, NULL, 0);
	assert_string_equal(reported(a), "Applied default/e wrote the event R");
	nothing_starts(a);
	want_event(a, "e");
	assert_int_equal(apply_deadline(a), clock_ms + APPLY_EVENT_PAUSE_MS);
	clock_ms += APPLY_EVENT_PAUSE_MS;
	assert_true(apply_next(a, now(), &w));
	done(a, w.id, APPLY_CONFLICT, NULL, 0);
	want_event(a, "e");
	clock_ms = apply_deadline(a);
	assert_true(apply_next(a, now(), &w));
	json_write(w.body, &body);
	assert_string_equal(body.data,
	    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","
	    "\"name\":"
	    "\"e\"},\"reason\":\"R\",\"firstTimestamp\":\"2023-11-14T22:13:21Z\",\"lastTimestamp\":"
	    "\"2023-11-14T22:13:31Z\",\"count\":4}");
	done(a, w.id, APPLY_WRITTEN, NULL, 0);
	assert_true(apply_idle(a));
}

static void events_wait_for_all_else(void **state)
{
	struct apply *a = new_engine(1);
	struct apply_write w;
	uint64_t id;

	(void)state;
	want_event(a, "e");
	want(a, "web", "192.0.2.1");
	want_event(a, "f");
	want(a, "api", "192.0.2.2");
	id = starts(a, "web", "192.0.2.1");
	done(a, id, APPLY_CONFLICT, NULL, 0); /* waits for its pause, which holds up nobody */
	id = starts(a, "api", "192.0.2.2");
	done(a, id, APPLY_WRITTEN, "192.0.2.2", 2);
	assert_true(apply_next(a, now(), &w));
	assert_string_equal(w.name, "e");
	assert_true(w.fresh);
	done(a, w.id, APPLY_WRITTEN, NULL, 0);
	clock_ms += 200;
	id = starts(a, "web", "192.0.2.1");
	assert_false(apply_idle(a));
	done(a, id, APPLY_WRITTEN, "192.0.2.1", 3);
	assert_true(apply_next(a, now(), &w));
	assert_string_equal(w.name, "f");
	done(a, w.id, APPLY_WRITTEN, NULL, 0);
	assert_true(apply_idle(a));
	want_event(a, "e");
	clock_ms += APPLY_EVENT_PAUSE_MS;
	assert_true(apply_next(a, now(), &w));
	assert_false(w.fresh); /* it is there now */
	apply_free(a);
}

static void an_event_waits_for_writes_under_way_but_not_for_ever(void **state)
{
	struct apply *a = new_engine(4);
	struct apply_write w;
	uint64_t id;

	(void)state;
	want(a, "web", "192.0.2.1");
	id = starts(a, "web", "192.0.2.1");
	want_event(a, "e");
	nothing_starts(a);
	assert_int_equal(apply_deadline(a), clock_ms + APPLY_EVENT_WAIT_MS);
	clock_ms += APPLY_EVENT_WAIT_MS;
	assert_true(apply_next(a, now(), &w));
	want_event(a, "f");
	nothing_starts(a);
	done(a, id, APPLY_WRITTEN, "192.0.2.1", 2);
	assert_true(apply_next(a, now(), &w)); /* beside another Event */
	assert_string_equal(w.name, "f");
	apply_free(a);
}

static void memory_for_events_is_bounded(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct apply_write w;
		char name[16];

		snprintf(name, sizeof(name), "e%d", i);
		want_event(a, name);
		clock_ms += 1000;
		while (apply_next(a, now(), &w))
			done(a, w.id, APPLY_WRITTEN, NULL, 0);
	}
	assert_true(apply_idle(a));
}

static void events_come_many_at_once_and_then_so_many_a_second(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	uint64_t begin = clock_ms, at_once = 0, all = 0;
	struct apply_write w;
	char name[16];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		want_event(a, name);
	}
	while (!apply_idle(a)) {
		while (apply_next(a, now(), &w)) {
			snprintf(name, sizeof(name), "e%d", (int)all);
			assert_string_equal(w.name, name);
			done(a, w.id, APPLY_WRITTEN, NULL, 0);
			all++;
			at_once += clock_ms == begin;
		}
		if (!apply_idle(a)) {
			assert_true(apply_deadline(a) > clock_ms);
			clock_ms = apply_deadline(a);
		}
	}
	assert_int_equal(at_once, APPLY_EVENTS_AT_ONCE);
	assert_int_equal(all, 300);
	assert_int_equal(clock_ms - begin, 200 * 1000 / APPLY_EVENTS_A_SECOND);

	clock_ms += APPLY_EVENTS_AT_ONCE * 1000 / APPLY_EVENTS_A_SECOND; /* of quiet: as at first */
	for (int i = 300; i < 600; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		want_event(a, name);
	}
	for (all = 0; apply_next(a, now(), &w); all++)
		done(a, w.id, APPLY_WRITTEN, NULL, 0);
	assert_int_equal(all, APPLY_EVENTS_AT_ONCE);
	apply_hurry(a); /* at the end there is no time to wait for */
	for (; apply_next(a, now(), &w); all++)
		done(a, w.id, APPLY_WRITTEN, NULL, 0);
	assert_int_equal(all, 300);
}

/* Whatever waits, a Service's address does not. */
static void events_that_wait_for_their_pace_keep_nothing_else(void **state)
{
	CLEANUP(apply_freep) struct apply *a = new_engine(16);
	struct apply_write w;
	char name[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		want_event(a, name);
	}
	for (int i = 0; i < APPLY_EVENTS_AT_ONCE; i++) {
		assert_true(apply_next(a, now(), &w));
		done(a, w.id, APPLY_WRITTEN, NULL, 0);
	}
	nothing_starts(a);
	want(a, "web", "192.0.2.1");
	assert_true(apply_deadline(a) <= clock_ms);
	done(a, starts(a, "web", "192.0.2.1"), APPLY_WRITTEN, "192.0.2.1", 5);
	nothing_starts(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forbidden_event_is_given_up),
		cmocka_unit_test(events_are_counted_and_paced),
		cmocka_unit_test(events_wait_for_all_else),
		cmocka_unit_test(an_event_waits_for_writes_under_way_but_not_for_ever),
		cmocka_unit_test(memory_for_events_is_bounded),
		cmocka_unit_test(events_come_many_at_once_and_then_so_many_a_second),
		cmocka_unit_test(events_that_wait_for_their_pace_keep_nothing_else),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
