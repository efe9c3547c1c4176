/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and watches against a server in the same loop that gives prepared answers. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/kube/kube.h"
#include "tests/unit.h"

#define JSON(status, body) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n" BODY(body)
#define BODY(body) "Connection: close\r\n\r\n" body
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

/* What every test has: a loop, a server on loopback, and a client of it. */
struct world {
	struct loop *loop;
	int listener, open[16];
	struct loop_fd *accepting, *reading[16];
	size_t n;
	const char *const *answers; /* one a connection; NULL: it stays open and silent */
	size_t answered;
	struct buf asked; /* all requests */
	struct kube *kube;
	char kubeconfig[64];
	struct loop_timer *late;

	/* what callbacks saw */
	struct buf seen;
	unsigned left; /* callbacks until the loop stops */
	struct kube_call *call;
	struct kube_watch *watch;
};

struct connection {
	struct world *w;
	size_t i;
};
static struct connection connections[16];

static void on_readable(int what, void *arg)
{
	struct connection *c = arg;
	struct world *w = c->w;
	char chunk[4096];
	ssize_t n = read(w->open[c->i], chunk, sizeof(chunk));
	const char *answer;

	(void)what;
	if (n > 0) {
		buf_add(&w->asked, chunk, (size_t)n);
		if (memmem(chunk, (size_t)n, "\r\n\r\n", 4) == NULL &&
		    memmem(chunk, (size_t)n, "}", 1) == NULL)
			return;
		answer = w->answers[w->answered];
		if (!answer)
			return;
		w->answered++;
		assert_int_equal(write(w->open[c->i], answer, strlen(answer)), strlen(answer));
	}
	if (n <= 0 || !strstr(answer, "X-Stay: open")) {
		loop_fd_remove(w->reading[c->i]);
		w->reading[c->i] = NULL;
		close(w->open[c->i]);
	}
}

static void on_connection(int what, void *arg)
{
	struct world *w = arg;
	struct err e = ERR_INIT;
	size_t i = w->n++;

	(void)what;
	assert_true(i < ARRAY_LEN(w->open));
	w->open[i] = accept(w->listener, NULL, NULL);
	connections[i] = (struct connection){ w, i };
	w->reading[i] = loop_fd_add(w->loop, w->open[i], LOOP_READ, on_readable, &connections[i], &e);
}

static void on_late(void *arg)
{
	(void)arg;
	fail_msg("nothing happened for five seconds");
}

static void world_start(struct world *w, const char *const *answers, const char *user)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct kube_options o = { .kubeconfig = w->kubeconfig };
	struct err e = ERR_INIT;
	FILE *f;

	*w = (struct world){ .answers = answers, .left = 1 };
	w->loop = loop_new(&e);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&in, &len), 0);
	w->accepting = loop_fd_add(w->loop, w->listener, LOOP_READ, on_connection, w, &e);
	w->late = loop_timer_add(w->loop, on_late, w, &e);
	loop_timer_set(w->late, 5000);

	strcpy(w->kubeconfig, "/tmp/client_test.XXXXXX");
	f = fdopen(mkstemp(w->kubeconfig), "w");
	assert_non_null(f);
	fprintf(f,
	    "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%d'}}]\nusers: [{name: u, user: "
	    "{%s}}]\n"
	    "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
	    ntohs(in.sin_port), user);
	fclose(f);
	w->kube = kube_open(w->loop, &o, &e);
	if (!w->kube)
		fail_msg("%s", e.text);
}

static void world_end(struct world *w)
{
	kube_watch_close(w->watch);
	kube_close(w->kube);
	for (size_t i = 0; i < w->n; i++) {
		if (w->reading[i])
			close(w->open[i]);
		loop_fd_remove(w->reading[i]);
	}
	loop_fd_remove(w->accepting);
	loop_timer_remove(w->late);
	close(w->listener);
	loop_free(w->loop);
	unlink(w->kubeconfig);
	buf_release(&w->asked);
	buf_release(&w->seen);
}

static void run(struct world *w)
{
	struct err e = ERR_INIT;

	assert_int_equal(loop_run(w->loop, &e), 0);
}

static bool asked(const struct world *w, const char *what)
{
	return w->asked.len && strstr(w->asked.data, what);
}

static void seen(struct world *w, const char *what)
{
	assert_string_equal(w->seen.len ? w->seen.data : "", what);
	buf_reset(&w->seen);
}

static void on_response(const struct kube_response *r, void *arg)
{
	struct world *w = arg;
	const char *name = json_string(json_at(r->object, "metadata", "name", NULL));

	buf_printf(&w->seen, "%d %s%s%s", r->status, r->reason, name ? name : "",
	    r->retry_after ? " later" : "");
	if (r->error)
		buf_printf(&w->seen, " (%s)", r->error->text);
	buf_puts(&w->seen, "; ");
	if (!--w->left)
		loop_stop(w->loop);
}

static void get(struct world *w, const char *path)
{
	struct err e = ERR_INIT;

	w->call = kube_get(w->kube, path, on_response, w, &e);
	assert_non_null(w->call);
}

/* --- requests -------------------------------------------------------------------------- */

static void an_answer_is_told_with_what_the_server_said(void **state)
{
	static const char *const answers[] = {
		JSON("200 OK", "{\"metadata\":{\"name\":\"a\"}}"),
		JSON("409 Conflict",
		    "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"it changed\"}"),
		"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n" BODY(""),
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" BODY(
		    "<html><title>Log in</title></html>"),
		JSON("403 Forbidden",
		    "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"User \\\"u\\\" "
		    "cannot get resource \\\"nodes\\\"\"}"),
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"",
		"rubbish\r\n\r\n",
	};
	static const char *const wants[] = { "200 a; ", "409 Conflict (GET /x: HTTP 409: it changed); ",
		"429  later (GET /x: HTTP 429: no reason given); ",
		"200  (GET /x: HTTP 200 with HTML (\"Log in\"): this is not the API server; is the "
		"server's URL "
		"right, or is a proxy in between?); ",
		"403 Forbidden (GET /x: HTTP 403: User \"u\" cannot get resource \"nodes\"; grant it "
		"with a Role or "
		"ClusterRole); " };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: secret");
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		w.left = 1;
		get(&w, "/x?limit=1");
		run(&w);
		if (i < ARRAY_LEN(wants))
			seen(&w, wants[i]);
		else
			assert_non_null(strstr(w.seen.data, "0  (connection to http://127.0.0.1:"));
		buf_reset(&w.seen);
	}
	assert_true(asked(&w, "Authorization: Bearer secret\r\n"));
	world_end(&w);
}

static void a_body_is_sent_with_its_type(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}") };
	struct world w;
	struct buf body = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_puts(&body, "{\"status\":{}}");
	world_start(&w, answers, "username: me, password: pw, as: you");
	assert_non_null(
	    kube_patch(w.kube, "/p", "application/apply-patch+yaml", &body, on_response, &w, &e));
	buf_release(&body);
	run(&w);
	seen(&w, "200 ; ");
	assert_true(asked(&w, "PATCH /p HTTP/1.1\r\n"));
	assert_true(asked(&w, "Content-Type: application/apply-patch+yaml\r\n"));
	assert_true(asked(&w, "Authorization: Basic bWU6cHc=\r\n"));
	assert_true(asked(&w, "Impersonate-User: you\r\n"));
	assert_true(asked(&w, "\r\n\r\n{\"status\":{}}"));
	assert_false(asked(&w, "Expect:"));
	world_end(&w);
}

static void a_cancelled_request_calls_nobody(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}"), NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	get(&w, "/gone");
	kube_cancel(w.call);
	get(&w, "/kept");
	run(&w);
	seen(&w, "200 ; ");
	assert_false(asked(&w, "/gone"));
	get(&w, "/under/way");
	kube_cancel(NULL);
	world_end(&w); /* with a request that has not been sent */
}

static void on_response_close(const struct kube_response *r, void *arg)
{
	struct world *w = arg;

	(void)r;
	kube_cancel(w->call); /* its own: over already */
	kube_close(w->kube);
	w->kube = NULL;
	loop_stop(w->loop);
}

static void a_callback_may_close_the_client(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}"), NULL };
	struct world w;
	struct err e = ERR_INIT;

	(void)state;
	world_start(&w, answers, "token: t");
	w.call = kube_get(w.kube, "/x", on_response_close, &w, &e);
	assert_non_null(kube_get(w.kube, "/y", on_response_close, &w, &e));
	run(&w);
	world_end(&w);

	world_start(
	    &w, answers, "exec: {apiVersion: client.authentication.k8s.io/v1, command: /absent}");
	w.call = kube_get(w.kube, "/x", on_response_close, &w, &e);
	assert_non_null(kube_get(w.kube, "/y", on_response_close, &w, &e));
	run(&w);
	world_end(&w);
}

static void nobody_there_is_an_error(void **state)
{
	static const char *const answers[] = { NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	loop_fd_remove(w.accepting);
	w.accepting = NULL;
	close(w.listener);
	get(&w, "/x");
	run(&w);
	assert_non_null(strstr(w.seen.data, "0  (cannot reach http://127.0.0.1:"));
	world_end(&w);
}

/* --- credentials ----------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, 0700);
}

static void a_token_file_is_read_for_each_request(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}"), JSON("200 OK", "{}"),
		JSON("401 Unauthorized",
		    "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"no\"}") };
	struct world w;
	char path[] = "/tmp/client_token.XXXXXX", user[64];

	(void)state;
	close(mkstemp(path));
	write_file(path, "one\n");
	snprintf(user, sizeof(user), "tokenFile: %s", path);
	world_start(&w, answers, user);
	get(&w, "/x");
	run(&w);
	assert_true(asked(&w, "Bearer one\r\n"));
	write_file(path, "two\n");
	w.left = 1;
	get(&w, "/x");
	run(&w);
	assert_true(asked(&w, "Bearer two\r\n"));
	w.left = 1;
	buf_reset(&w.seen);
	get(&w, "/x"); /* refused, and the file has nothing newer */
	run(&w);
	assert_non_null(
	    strstr(w.seen.data, "401 Unauthorized (GET /x: HTTP 401: no; the server does not know us"));
	assert_int_equal(w.answered, 3);
	write_file(path, "  \n");
	w.left = 1;
	buf_reset(&w.seen);
	get(&w, "/x");
	run(&w);
	assert_non_null(strstr(w.seen.data, " is empty)"));
	unlink(path);
	world_end(&w);
}

#define EXEC(command) \
	"exec: {apiVersion: client.authentication.k8s.io/v1, command: " command ", args: [-c, '"
#define CREDENTIAL \
	"\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":"

static void a_plugin_is_run_once_and_again_when_refused(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}"), JSON("200 OK", "{}"),
		JSON("401 Unauthorized", "{}"), JSON("200 OK", "{}"), JSON("401 Unauthorized", "{}"),
		JSON("401 Unauthorized", "{}") };
	char path[] = "/tmp/client_exec.XXXXXX", user[600];
	struct world w;

	(void)state;
	close(mkstemp(path));
	snprintf(user, sizeof(user),
	    EXEC("/bin/sh") "echo x >>%s; n=$(wc -l <%s); cat <<E\n\n{" CREDENTIAL
			    "{\"token\":\"t$n\"}}\n\nE\n\n']}",
	    path, path);
	world_start(&w, answers, user);
	w.left = 2;
	get(&w, "/a");
	get(&w, "/b");
	run(&w);
	seen(&w, "200 ; 200 ; ");
	assert_true(asked(&w, "Bearer t1\r\n"));
	assert_false(asked(&w, "Bearer t2\r\n"));
	w.left = 1;
	get(&w, "/c");
	run(&w);
	seen(&w, "200 ; ");
	assert_true(asked(&w, "Bearer t2\r\n"));
	w.left = 1;
	get(&w, "/d"); /* refused twice: an error, not a loop */
	run(&w);
	assert_non_null(strstr(w.seen.data, "401  ("));
	assert_int_equal(w.answered, 6);
	unlink(path);
	world_end(&w);
}

static void an_expired_credential_is_replaced_before_use(void **state)
{
	static const char *const answers[] = { JSON("200 OK", "{}"), JSON("200 OK", "{}") };
	char path[] = "/tmp/client_exec.XXXXXX", user[600];
	struct world w;

	(void)state;
	close(mkstemp(path));
	snprintf(user, sizeof(user),
	    EXEC("/bin/sh") "echo x >>%s; cat <<E\n\n{" CREDENTIAL "{\"token\":\"t$(wc -l "
			    "<%s)\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"}}\n\nE\n\n']}",
	    path, path);
	world_start(&w, answers, user);
	get(&w, "/a");
	run(&w);
	w.left = 1;
	get(&w, "/b");
	run(&w);
	seen(&w, "200 ; 200 ; ");
	assert_true(asked(&w, "Bearer t1\r\n"));
	assert_true(asked(&w, "Bearer t2\r\n"));
	unlink(path);
	world_end(&w);
}

static void a_plugin_that_fails_says_which_and_why(void **state)
{
	static const struct {
		const char *user, *says;
	} rows[] = {
		{ EXEC("/absent/plugin") "', x], installHint: get it from there}",
		    "exec: /absent/plugin: No such file or directory; get it" },
		{ EXEC("/bin/sh") "exit 3']}", "users, name u: exec: /bin/sh ended with status 3" },
		{ EXEC("/bin/sh") "kill -9 $$']}", "exec: /bin/sh was killed by signal 9" },
		{ EXEC("/bin/sh") "echo {}']}",
		    "want an ExecCredential of client.authentication.k8s.io/v1, have kind \"\"" },
		{ EXEC("/bin/sh") "echo no']}", "exec: /bin/sh: want an ExecCredential: not JSON" },
		{ EXEC("/bin/sh") "']}", "want an ExecCredential: not JSON" },
		{ EXEC("/bin/sh") "cat /dev/zero']}", "exec: /bin/sh printed more than 1048576 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char *const answers[] = { NULL };
		struct world w;

		world_start(&w, answers, rows[i].user);
		get(&w, "/a");
		run(&w);
		if (!strstr(w.seen.data, rows[i].says))
			fail_msg("%s does not say %s", w.seen.data, rows[i].says);
		world_end(&w);
	}
}

/* --- watches --------------------------------------------------------------------------- */

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

static void a_missing_permission_ends_the_watch(void **state)
{
	static const char forbidden[] =
	    JSON("403 Forbidden", "{\"kind\":\"Status\",\"message\":\"nodes is forbidden: User "
				  "\\\"u\\\" cannot list resource \\\"nodes\\\"\"}");
	static const char *const answers[] = { forbidden, forbidden, NULL };
	struct world w;

	(void)state;
	world_start(&w, answers, "token: t");
	watch(&w, false);
	run(&w);
	seen(&w, "trouble; failed 7: GET /api/v1/nodes: HTTP 403: nodes is forbidden: User \"u\" "
		 "cannot list "
		 "resource \"nodes\"; grant it with a Role or ClusterRole");
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
		cmocka_unit_test(an_answer_is_told_with_what_the_server_said),
		cmocka_unit_test(a_body_is_sent_with_its_type),
		cmocka_unit_test(a_cancelled_request_calls_nobody),
		cmocka_unit_test(a_callback_may_close_the_client),
		cmocka_unit_test(nobody_there_is_an_error),
		cmocka_unit_test(a_token_file_is_read_for_each_request),
		cmocka_unit_test(a_plugin_is_run_once_and_again_when_refused),
		cmocka_unit_test(an_expired_credential_is_replaced_before_use),
		cmocka_unit_test(a_plugin_that_fails_says_which_and_why),
		cmocka_unit_test(a_snapshot_ends_with_the_list),
		cmocka_unit_test(an_outage_is_told_once_and_loses_nothing),
		cmocka_unit_test(a_missing_permission_ends_the_watch),
		cmocka_unit_test(a_snapshot_gives_up_on_a_server_that_stays_away),
		cmocka_unit_test(a_callback_may_close_its_watch),
		cmocka_unit_test(a_paused_watch_tells_nothing_and_later_all),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
