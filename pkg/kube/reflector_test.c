/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/reflector.h"

#include "tests/unit.h"

#define POOL(name, version) POOL_UID(name, version, "u-" name)
#define POOL_UID(name, version, uid)                                                            \
	"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{"      \
	"\"name\":\"" name "\",\"namespace\":\"metallb-system\",\"resourceVersion\":\"" version \
	"\",\"uid\":\"" uid "\"}}"
#define ITEM(name, version)                                                      \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"metallb-system\"," \
	"\"resourceVersion\":\"" version "\",\"uid\":\"u-" name "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                      \
	EVENT("BOOKMARK", "{\"kind\":\"IPAddressPool\",\"apiVersion\":\"metallb.io/v1beta1\"," \
			  "\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define INITIAL_END(version)                                                                    \
	EVENT("BOOKMARK", "{\"kind\":\"IPAddressPool\",\"apiVersion\":\"metallb.io/v1beta1\","  \
			  "\"metadata\":{\"resourceVersion\":\"" version "\",\"annotations\":{" \
			  "\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, message)                                                        \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}"
#define LIST(version, more, items)                                                             \
	"{\"kind\":\"IPAddressPoolList\",\"apiVersion\":\"metallb.io/v1beta1\",\"metadata\":{" \
	"\"resourceVersion\":\"" version "\",\"continue\":\"" more "\"},\"items\":[" items "]}"

static const struct api_kind pools = { .kind = "IPAddressPool",
	.group = "metallb.io",
	.version = "v1beta1",
	.plural = "ipaddresspools",
	.namespaced = true,
	.configuration = true };
static const struct api_kind services = {
	.kind = "Service", .group = "", .version = "v1", .plural = "services", .namespaced = true
};

/* A reflector, its clock, and what it told so far: "ADDED a 1, BOOKMARK, ..." */
struct run {
	struct reflector *r;
	uint64_t now;
	struct buf told;
	struct buf text; /* the records themselves */
	struct buf path; /* of the last request */
};

static void run_start(struct run *s, const struct api_kind *k, bool full)
{
	struct err e = ERR_INIT;
	struct reflector_options o = {
		.kind = k, .namespace = "metallb-system", .full = full, .seed = 7
	};

	*s = (struct run){ .r = reflector_new(&o, &e), .now = 1000 };
	assert_non_null(s->r);
}

static void run_end(struct run *s)
{
	reflector_free(s->r);
	buf_release(&s->told);
	buf_release(&s->text);
	buf_release(&s->path);
}

static void drain(struct run *s)
{
	struct buf record = BUF_INIT;

	while (reflector_next(s->r, &record, s->now)) {
		struct err e = ERR_INIT;
		struct json *j = json_parse(record.data, record.len, &e);
		const struct json *m = json_at(j, "object", "metadata", NULL);
		const char *type = json_string(json_get(j, "type"));
		const char *name = json_string(json_get(m, "name"));
		const char *version = json_string(json_get(m, "resourceVersion"));

		assert_non_null(j);
		assert_int_equal(record.data[record.len - 1], '\n');
		buf_printf(&s->told, "%s%s", s->told.len ? ", " : "", type);
		if (name)
			buf_printf(&s->told, " %s %s", name, version ? version : "-");
		buf_add(&s->text, record.data, record.len);
		json_free(j);
	}
	buf_release(&record);
}

static void start(struct run *s)
{
	assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_START);
	buf_reset(&s->path);
	reflector_path(s->r, &s->path, s->now);
	assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_WAIT);
}

static void input(struct run *s, const char *body)
{
	reflector_input(s->r, body, strlen(body), s->now);
	drain(s);
}

static void end(struct run *s)
{
	reflector_end(s->r, NULL);
	drain(s);
}

/* One whole answer to one request. */
static void answer(struct run *s, int status, const char *body)
{
	start(s);
	reflector_head(s->r, status, 0, s->now);
	input(s, body);
	end(s);
}

/* Moves the clock until there is something to do; how long that took. */
static uint64_t wait_for(struct run *s, enum reflector_action what)
{
	uint64_t from = s->now;

	while (reflector_action(s->r, s->now) == REFLECTOR_WAIT) {
		uint64_t at = reflector_deadline(s->r);

		assert_true(at > s->now && at != UINT64_MAX);
		s->now = at;
	}
	if (what == REFLECTOR_START)
		assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_START);
	return s->now - from;
}

static void told(struct run *s, const char *what)
{
	assert_string_equal(s->told.len ? s->told.data : "", what);
	buf_reset(&s->told);
}

static bool asked(const struct run *s, const char *part)
{
	return strstr(s->path.data, part);
}

/* Listed by streaming, with a and b at version 10, and watching on. */
static void run_synced(struct run *s)
{
	run_start(s, &pools, false);
	start(s);
	reflector_head(s->r, 200, 0, s->now);
	input(s, EVENT("ADDED", POOL("a", "3")) EVENT("ADDED", POOL("b", "5")) INITIAL_END("10"));
	told(s, "ADDED a 3, ADDED b 5, BOOKMARK");
	assert_true(reflector_synced(s->r));
}

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
		cmocka_unit_test(a_kind_with_objects_is_not_gone_for_one_404),
		cmocka_unit_test(a_404_for_a_core_kind_is_an_error),
		cmocka_unit_test(what_is_not_an_answer_is_asked_again),
		cmocka_unit_test(a_bad_page_is_asked_again),
		cmocka_unit_test(retries_come_slower_up_to_a_bound),
		cmocka_unit_test(retry_after_is_kept),
		cmocka_unit_test(one_failure_that_the_next_attempt_mends_is_not_told),
		cmocka_unit_test(a_silent_watch_is_given_up_and_goes_on_where_it_was),
		cmocka_unit_test(an_object_made_anew_under_its_name_is_told_as_two),
		cmocka_unit_test(what_was_told_is_not_told_again),
		cmocka_unit_test(a_server_that_lost_its_past_is_listed_again),
		cmocka_unit_test(a_refusal_names_what_is_missing),
		cmocka_unit_test(one_name_is_asked_for_by_a_field_selector),
		cmocka_unit_test(a_page_or_event_that_never_ends_is_bounded),
	};

	return cmocka_run_group_tests_name("reflector", tests, NULL, NULL);
}
