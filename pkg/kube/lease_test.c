/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a Lease in virtual time: one contender and prepared answers. */
#include "pkg/kube/lease.h"
#include "tests/unit.h"

struct one {
	struct lease *lease;
	struct lease_now now;
	struct lease_event ev;
};

static const struct lease_options options = { .namespace = "ns",
	.name = "x",
	.identity = "me",
	.duration_ms = 15000,
	.renew_deadline_ms = 10000,
	.retry_ms = 2000,
	.seed = 1 };

static struct one start(void)
{
	struct err e = ERR_INIT;
	struct one t = { .now = { 5000, 1700000000123456 } };

	t.lease = lease_new(&options, t.now, &e);
	assert_non_null(t.lease);
	return t;
}

static bool next(struct one *t)
{
	return lease_next(t->lease, t->now, &t->ev);
}

static void asks(struct one *t, enum lease_ask what)
{
	assert_true(next(t));
	assert_int_equal(t->ev.what, LEASE_ASK);
	assert_int_equal(t->ev.ask, what);
}

static void tells(struct one *t, enum lease_what what)
{
	assert_true(next(t));
	assert_int_equal(t->ev.what, what);
}

static void passes(struct one *t, uint64_t ms)
{
	t->now.ms += ms;
	t->now.wall_us += (int64_t)ms * 1000;
}

/* Up to its own deadline, which must come within [least, most]. */
static void waits(struct one *t, uint64_t least, uint64_t most)
{
	uint64_t at = lease_deadline(t->lease);

	assert_false(next(t));
	assert_in_range(at, t->now.ms + least, t->now.ms + most);
	passes(t, at - t->now.ms);
}

static void answer(struct one *t, int status, const char *text)
{
	struct err e = ERR_INIT;
	struct json *object = text ? json_parse(text, strlen(text), &e) : NULL;
	struct lease_answer a = { .status = status, .object = object, .error = NULL };

	assert_true(!text || object);
	if (status < 200 || status > 299) {
		err_set(&e, ERR_SYSTEM, "it said %d", status);
		a.error = &e;
	}
	lease_answer(t->lease, &a, t->now);
	json_free(object);
}

/* The server takes what was asked, as version `version`. */
static void taken(struct one *t, const char *version)
{
	struct json *o = json_copy(t->ev.object);
	struct buf text = BUF_INIT;

	assert_int_equal(json_set(json_edit(o, "metadata"), "resourceVersion",
			     json_new_string(version, strlen(version))),
	    0);
	json_write(o, &text);
	answer(t, 200, text.data);
	buf_release(&text);
	json_free(o);
}

static const char *body(const struct one *t, struct buf *b)
{
	buf_reset(b);
	json_write(t->ev.object, b);
	return b->data;
}

#define HELD_BY(holder, version)                                                                 \
	"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"" version                           \
	"\",\"labels\":{\"keep\":\"me\"}},"                                                      \
	"\"spec\":{\"holderIdentity\":\"" holder "\",\"leaseDurationSeconds\":15,\"renewTime\":" \
	"\"2026-01-01T00:00:" version ".000000Z\",\"leaseTransitions\":4,\"strategy\":\"s\"}}"

/* Holding since now, with version 1. */
static struct one holding(void)
{
	struct one t = start();

	asks(&t, LEASE_GET);
	answer(&t, 404, NULL);
	asks(&t, LEASE_CREATE);
	taken(&t, "1");
	tells(&t, LEASE_HELD);
	return t;
}

static void one_that_nobody_has_made_is_made_and_held(void **state)
{
	struct one t = start();
	struct buf b = BUF_INIT;

	(void)state;
	asks(&t, LEASE_GET);
	assert_false(next(&t)); /* one at a time */
	answer(&t, 404, NULL);
	asks(&t, LEASE_CREATE);
	assert_string_equal(body(&t, &b),
	    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"namespace\":"
	    "\"ns\",\"name\":\"x\"},\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
	    "\"renewTime\":\"2023-11-14T22:13:20.123456Z\",\"acquireTime\":\"2023-11-14T22:13:20."
	    "123456Z\","
	    "\"leaseTransitions\":0}}");
	passes(&t, 700);
	taken(&t, "1");
	tells(&t, LEASE_HELD);
	assert_int_equal(t.ev.until, 5000 + 15000 - 1000); /* counted from when it was asked for */
	waits(&t, 2000, 2000);
	asks(&t, LEASE_UPDATE);
	assert_non_null(
	    strstr(body(&t, &b), "\"renewTime\":\"2023-11-14T22:13:22.823456Z\",\"acquireTime\":\""
				 "2023-11-14T22:13:20.123456Z\",\"leaseTransitions\":0"));
	taken(&t, "2");
	tells(&t, LEASE_HELD);
	assert_int_equal(t.ev.until, 5000 + 2700 + 15000 - 1000);
	buf_release(&b);
	lease_free(t.lease);
}

static void one_that_another_has_is_taken_when_it_did_not_change_for_its_duration(void **state)
{
	struct one t = start();
	struct buf b = BUF_INIT;
	uint64_t changed;

	(void)state;
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("other", "10"));
	tells(&t, LEASE_WAITING);
	assert_string_equal(t.ev.holder, "other");
	waits(&t, 2000, 4400); /* client-go's jitter */
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("other", "12")); /* renewed */
	changed = t.now.ms;
	while (t.now.ms < changed + 15000) {
		waits(&t, 0, 4400);
		asks(&t, LEASE_GET);
		if (t.now.ms < changed + 15000)
			answer(&t, 200, HELD_BY("other", "12"));
	}
	assert_in_range(t.now.ms, changed + 15000, changed + 15100);
	answer(&t, 200, HELD_BY("other", "12"));
	asks(&t, LEASE_UPDATE);
	body(&t, &b);
	assert_non_null(strstr(b.data, "\"holderIdentity\":\"me\""));
	assert_non_null(strstr(b.data, "\"leaseTransitions\":5"));
	assert_non_null(
	    strstr(b.data, "\"resourceVersion\":\"12\"")); /* it may have changed meanwhile */
	assert_non_null(strstr(b.data, "\"keep\":\"me\""));
	assert_non_null(strstr(b.data, "\"strategy\":\"s\""));
	taken(&t, "13");
	tells(&t, LEASE_HELD);
	buf_release(&b);
	lease_free(t.lease);
}

static void a_change_of_anything_but_its_spec_does_not_renew_it(void **state)
{
	struct one t = start();
	uint64_t since = t.now.ms;

	(void)state;
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("other", "10"));
	tells(&t, LEASE_WAITING);
	for (unsigned v = 11; t.now.ms < since + 15000; v++) {
		char text[512];

		waits(&t, 0, 4400);
		asks(&t, LEASE_GET);
		snprintf(text, sizeof(text), "%s", HELD_BY("other", "10"));
		memcpy(strstr(text, "Version\":\"10") + 10, v % 2 ? "11" : "12", 2);
		answer(&t, 200, text);
	}
	asks(&t, LEASE_UPDATE);
	lease_free(t.lease);
}

static void one_that_is_free_is_taken_at_once(void **state)
{
	struct one t = start();

	(void)state;
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("other", "10"));
	tells(&t, LEASE_WAITING);
	assert_false(next(&t));
	assert_true(lease_idle(t.lease));
	assert_string_equal(lease_version(t.lease), "10");
	{
		struct err e = ERR_INIT;
		struct json *released = json_parse(HELD_BY("", "11"), strlen(HELD_BY("", "11")), &e);

		lease_seen(t.lease, released, t.now); /* by a watch */
		json_free(released);
	}
	asks(&t, LEASE_UPDATE);
	answer(&t, 409, NULL); /* somebody was quicker */
	waits(&t, 2000, 4400);
	asks(&t, LEASE_GET);
	lease_free(t.lease);
}

static void a_holder_that_cannot_renew_has_lost_it_at_the_deadline(void **state)
{
	struct one t = holding();
	unsigned tries = 0;
	uint64_t until = t.ev.until;

	(void)state;
	passes(&t, 2000);
	asks(&t, LEASE_UPDATE);
	answer(&t, 0, NULL);
	tells(&t, LEASE_TROUBLE);
	assert_string_equal(t.ev.error->text, "it said 0");
	asks(&t, LEASE_GET); /* at once: was it written? */
	answer(&t, 0, NULL);
	for (; t.now.ms < 15000; tries++) {
		waits(&t, 1, 2000);
		assert_true(next(&t));
		if (t.ev.what == LEASE_LOST)
			break;
		assert_int_equal(t.ev.ask, LEASE_GET);
		answer(&t, 0, NULL);
	}
	assert_int_equal(t.now.ms, 5000 + 10000);
	assert_int_equal(tries, 3);
	assert_int_equal(t.ev.until, until);
	assert_int_equal(t.ev.error->kind, ERR_SYSTEM);
	assert_string_equal(t.ev.error->text, "the Lease ns/x was not renewed within 10 s: it said 0");
	assert_false(next(&t));
	lease_stop(
	    t.lease, t.now); /* it is still ours in the record: given back, if there is anybody */
	asks(&t, LEASE_UPDATE);
	answer(&t, 0, NULL);
	lease_free(t.lease);
}

static void a_holder_whose_request_hangs_has_lost_it_at_the_deadline(void **state)
{
	struct one t = holding();

	(void)state;
	passes(&t, 2000);
	asks(&t, LEASE_UPDATE);
	waits(&t, 8000, 8000);
	tells(&t, LEASE_LOST);
	answer(&t, 200, HELD_BY("me", "10")); /* too late, and nothing comes of it */
	assert_false(next(&t));
	lease_free(t.lease);
}

static void a_holder_that_reads_another_name_has_lost_it_at_once(void **state)
{
	struct one t = holding();

	(void)state;
	passes(&t, 2000);
	asks(&t, LEASE_UPDATE);
	answer(&t, 409, NULL);
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("other", "10"));
	tells(&t, LEASE_LOST);
	assert_int_equal(t.ev.error->kind, ERR_CONFLICT);
	assert_string_equal(t.ev.error->text, "the Lease ns/x is now held by other");
	lease_stop(t.lease, t.now);
	tells(&t, LEASE_OVER); /* nothing to give back */
	assert_false(next(&t));
	assert_int_equal(lease_deadline(t.lease), UINT64_MAX);
	lease_free(t.lease);
}

static void a_renewal_whose_answer_was_lost_goes_on_from_what_is_read(void **state)
{
	struct one t = holding();
	struct buf b = BUF_INIT;

	(void)state;
	passes(&t, 2000);
	asks(&t, LEASE_UPDATE);
	answer(&t, 0, NULL);
	tells(&t, LEASE_TROUBLE);
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("me", "10"));
	tells(&t, LEASE_TROUBLE);
	assert_null(t.ev.error); /* over */
	asks(&t, LEASE_UPDATE);
	assert_non_null(strstr(body(&t, &b), "\"resourceVersion\":\"10\""));
	taken(&t, "11");
	tells(&t, LEASE_HELD);
	buf_release(&b);
	lease_free(t.lease);
}

static void a_holder_that_stops_gives_it_back(void **state)
{
	struct one t = holding();
	struct buf b = BUF_INIT;

	(void)state;
	passes(&t, 500);
	lease_stop(t.lease, t.now);
	asks(&t, LEASE_UPDATE);
	body(&t, &b);
	assert_null(strstr(b.data, "holderIdentity"));
	assert_non_null(strstr(b.data, "\"leaseDurationSeconds\":1,"));
	assert_non_null(strstr(b.data, "\"resourceVersion\":\"1\""));
	answer(&t, 409, NULL); /* somebody labelled it */
	asks(&t, LEASE_GET);
	answer(&t, 200, HELD_BY("me", "10"));
	asks(&t, LEASE_UPDATE);
	assert_non_null(strstr(body(&t, &b), "\"resourceVersion\":\"10\""));
	taken(&t, "11");
	tells(&t, LEASE_OVER);
	buf_release(&b);
	lease_free(t.lease);
}

static void one_that_stops_while_it_takes_it_waits_for_the_answer_and_gives_it_back(void **state)
{
	struct one t = start();

	(void)state;
	asks(&t, LEASE_GET);
	answer(&t, 404, NULL);
	asks(&t, LEASE_CREATE);
	lease_stop(t.lease, t.now);
	assert_false(next(&t));
	taken(&t, "1");
	asks(&t, LEASE_UPDATE); /* never HELD */
	assert_null(json_at(t.ev.object, "spec", "holderIdentity", NULL));
	waits(&t, 5000, 5000);
	tells(&t, LEASE_OVER); /* no answer: not for ever */
	lease_free(t.lease);
}

static void one_that_stops_while_it_waits_is_over_at_once(void **state)
{
	struct one t = start();

	(void)state;
	asks(&t, LEASE_GET);
	lease_stop(t.lease, t.now);
	tells(&t, LEASE_OVER);
	answer(&t, 404, NULL);
	assert_false(next(&t));
	lease_free(t.lease);
}

static void what_is_no_lease_is_told_and_asked_for_again(void **state)
{
	static const char *const texts[] = { "{}", "[]", "\"x\"",
		"{\"metadata\":{\"resourceVersion\":7}}" };
	struct one t = start();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		asks(&t, LEASE_GET);
		answer(&t, 200, texts[i]);
		if (!i) { /* and once only */
			tells(&t, LEASE_TROUBLE);
			assert_string_equal(t.ev.error->text,
			    "the answer is no Lease: it has no metadata.resourceVersion");
		}
		waits(&t, 2000, 4400);
	}
	asks(&t, LEASE_GET); /* one without a spec is nobody's */
	answer(&t, 200, "{\"metadata\":{\"resourceVersion\":\"7\"}}");
	tells(&t, LEASE_TROUBLE);
	asks(&t, LEASE_UPDATE);
	lease_free(t.lease);
}

static void retry_after_is_kept_as_far_as_a_holder_can(void **state)
{
	struct one t = start();
	struct err e = ERR_INIT;
	struct lease_answer busy = { .status = 429, .error = &e, .retry_after_ms = 30000 };

	(void)state;
	err_set(&e, ERR_SYSTEM, "later");
	asks(&t, LEASE_GET);
	lease_answer(t.lease, &busy, t.now);
	tells(&t, LEASE_TROUBLE);
	waits(&t, 30000, 30000);
	lease_free(t.lease);
	t = holding();
	passes(&t, 2000);
	asks(&t, LEASE_UPDATE);
	lease_answer(t.lease, &busy, t.now);
	tells(&t, LEASE_TROUBLE);
	waits(&t, 4000, 4000); /* half of what is left */
	lease_free(t.lease);
}

static void durations_that_do_not_fit_are_refused(void **state)
{
	static const uint64_t bad[][3] = { { 0, 0, 0 }, { 1500, 1000, 100 }, { 15000, 15000, 2000 },
		{ 15000, 10000, 9000 }, { 15000, 10000, 0 } };
	struct lease_options o = options;
	struct lease_now now = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;

		o.duration_ms = bad[i][0];
		o.renew_deadline_ms = bad[i][1];
		o.retry_ms = bad[i][2];
		assert_null(lease_new(&o, now, &e));
		assert_int_equal(e.kind, ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_nobody_has_made_is_made_and_held),
		cmocka_unit_test(one_that_another_has_is_taken_when_it_did_not_change_for_its_duration),
		cmocka_unit_test(a_change_of_anything_but_its_spec_does_not_renew_it),
		cmocka_unit_test(one_that_is_free_is_taken_at_once),
		cmocka_unit_test(a_holder_that_cannot_renew_has_lost_it_at_the_deadline),
		cmocka_unit_test(a_holder_whose_request_hangs_has_lost_it_at_the_deadline),
		cmocka_unit_test(a_holder_that_reads_another_name_has_lost_it_at_once),
		cmocka_unit_test(a_renewal_whose_answer_was_lost_goes_on_from_what_is_read),
		cmocka_unit_test(a_holder_that_stops_gives_it_back),
		cmocka_unit_test(
		    one_that_stops_while_it_takes_it_waits_for_the_answer_and_gives_it_back),
		cmocka_unit_test(one_that_stops_while_it_waits_is_over_at_once),
		cmocka_unit_test(what_is_no_lease_is_told_and_asked_for_again),
		cmocka_unit_test(retry_after_is_kept_as_far_as_a_holder_can),
		cmocka_unit_test(durations_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
