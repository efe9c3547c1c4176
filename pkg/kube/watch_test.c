/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/client_harness.h"

#define END                                                                                            \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{" \
	"\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define NODE(name, version)                                              \
	"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"" name \
	"\",\"resourceVersion\":\"" version "\"}}}\n"

static const struct api_kind nodes = {
	.kind = "Node", .group = "", .version = "v1", .plural = "nodes"
};
static const struct api_kind *const kinds[] = { &nodes, NULL };

static void on_record(void *arg, const char *text, size_t len)
{
	struct world *w = arg;
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, len, &e);
	const char *name = json_string(json_at(j, "object", "metadata", "name", NULL));

	assert_non_null(j);
	buf_printf(
	    &w->seen, "%s%s%s; ", json_string(json_get(j, "type")), name ? " " : "", name ? name : "");
	json_free(j);
	if (!--w->left)
		loop_stop(w->loop);
}

static void on_ended(void *arg)
{
	struct world *w = arg;

	buf_puts(&w->seen, "ended");
	loop_stop(w->loop);
}

static void on_failed(void *arg, const struct err *e)
{
	struct world *w = arg;

	buf_printf(&w->seen, "failed %d: %s", e->kind, e->text);
	loop_stop(w->loop);
}

static void on_trouble(void *arg, const struct err *e)
{
	struct world *w = arg;

	buf_puts(&w->seen, e ? "trouble; " : "fine; ");
	if (!--w->left)
		loop_stop(w->loop);
}

static void watch(struct world *w, bool once)
{
	struct kube_watch_options o = { .kinds = kinds, .namespace = "n", .once = once };
	struct kube_watch_events ev = { on_record, on_ended, on_failed, on_trouble, w };
	struct err e = ERR_INIT;

	w->left = 1000;
	w->watch = kube_watch_open(w->kube, &o, &ev, &e);
	assert_non_null(w->watch);
}

static void a_snapshot_ends_with_the_list(void **state)
{
	static const char *const answers[] = { JSON(
	    "200 OK", NODE("a", "1") NODE("b", "2") END NODE("c", "10")) };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, true);
	run(&w);
	assert_memory_equal(w.seen.data, "ADDED a; ADDED b; BOOKMARK; ", 28);
	assert_non_null(strstr(w.seen.data, "ended"));
	assert_true(asked(&w, "GET /api/v1/nodes?watch=true&sendInitialEvents=true&"));
	world_end(&w);
}

static void an_outage_is_told_once_and_loses_nothing(void **state)
{
	static const char *const answers[] = { JSON("200 OK", NODE("a", "1") END),
		JSON("500 Oops", "{}"), JSON("500 Oops", "{}"), JSON("500 Oops", "{}"),
		"HTTP/1.1 200 OK\r\nX-Stay: open\r\n\r\n" NODE("b", "12"), NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, false);
	w.left = 5;
	run(&w);
	seen(&w, "ADDED a; BOOKMARK; trouble; ADDED b; fine; ");
	assert_true(asked(&w, "GET /api/v1/nodes?watch=true&resourceVersion=9&"));
	world_end(&w);
}

#define FORBIDDEN                                                                            \
	JSON("403 Forbidden", "{\"kind\":\"Status\",\"message\":\"nodes is forbidden: User " \
			      "\\\"u\\\" cannot list resource \\\"nodes\\\"\"}")

static void a_missing_permission_ends_a_snapshot(void **state)
{
	static const char *const answers[] = { FORBIDDEN, FORBIDDEN, NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, true);
	run(&w);
	seen(&w, "failed 7: GET /api/v1/nodes: HTTP 403: nodes is forbidden: User \"u\" cannot list "
		 "resource \"nodes\"; grant it with a Role or ClusterRole");
	world_end(&w);
}

static void a_server_that_starts_may_refuse_for_a_moment(void **state)
{
	static const char *const answers[] = { FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN,
		JSON("200 OK",
		    "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":{\"name\":"
		    "\"a\",\"resourceVersion\":\"1\"}}]}"),
		NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, false);
	w.left = 2;
	run(&w);
	seen(&w, "ADDED a; BOOKMARK; ");
	world_end(&w);
}

static void a_snapshot_gives_up_on_a_server_that_stays_away(void **state)
{
	static const char *const answers[] = { JSON("500 Oops", "{}"), JSON("500 Oops", "{}"),
		JSON("500 Oops", "{}"), JSON("500 Oops", "{}"), JSON("500 Oops", "{}"), NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, true);
	run(&w);
	seen(&w, "trouble; failed 1: GET /api/v1/nodes: HTTP 500: {}");
	world_end(&w);
}

static void on_record_close(void *arg, const char *text, size_t len)
{
	struct world *w = arg;

	(void)text;
	(void)len;
	buf_puts(&w->seen, "record; ");
	kube_watch_close(w->watch);
	w->watch = NULL;
	loop_stop(w->loop);
}

static void a_callback_may_close_its_watch(void **state)
{
	static const char *const answers[] = { JSON("200 OK", NODE("a", "1") NODE("b", "2") END) };
	struct kube_watch_options o = { .kinds = kinds, .namespace = "n" };
	struct world w;
	struct kube_watch_events ev = { on_record_close, on_ended, on_failed, on_trouble, &w };
	struct err e = ERR_INIT;

	(void)state;
	world_start(&w, answers, "token: t");
	w.watch = kube_watch_open(w.kube, &o, &ev, &e);
	assert_non_null(w.watch);
	run(&w);
	seen(&w, "record; ");
	world_end(&w);
}

static void on_record_pause(void *arg, const char *text, size_t len)
{
	struct world *w = arg;

	on_record(arg, text, len);
	kube_watch_pause(w->watch, true);
}

static void on_tick(void *arg)
{
	loop_stop(arg);
}

static void a_paused_watch_tells_nothing_and_later_all(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 200 OK\r\nX-Stay: open\r\n\r\n" NODE("a", "1")
		    NODE("b", "2") END };
	struct kube_watch_options o = { .kinds = kinds, .namespace = "n" };
	struct world w;
	struct kube_watch_events ev = { on_record_pause, on_ended, on_failed, on_trouble, &w };
	struct loop_timer *tick;
	struct err e = ERR_INIT;

	(void)state;
	world_start(&w, answers, "token: t");
	tick = loop_timer_add(w.loop, on_tick, w.loop, &e);
	w.watch = kube_watch_open(w.kube, &o, &ev, &e);
	run(&w);
	loop_timer_set(tick, 50);
	run(&w);
	seen(&w, "ADDED a; ");
	kube_watch_pause(w.watch, false);
	w.left = 1;
	run(&w);
	seen(&w, "ADDED b; ");
	kube_watch_pause(w.watch, false);
	w.left = 1;
	run(&w);
	seen(&w, "BOOKMARK; ");
	loop_timer_remove(tick);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_ends_with_the_list),
		cmocka_unit_test(an_outage_is_told_once_and_loses_nothing),
		cmocka_unit_test(a_missing_permission_ends_a_snapshot),
		cmocka_unit_test(a_server_that_starts_may_refuse_for_a_moment),
		cmocka_unit_test(a_snapshot_gives_up_on_a_server_that_stays_away),
		cmocka_unit_test(a_callback_may_close_its_watch),
		cmocka_unit_test(a_paused_watch_tells_nothing_and_later_all),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
