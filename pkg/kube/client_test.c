/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/client_harness.h"

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

static struct kube_call *ask(struct world *w, const char *path, kube_response_fn *fn)
{
	struct err e = ERR_INIT;
	struct kube_request r = { .method = "GET", .path = path };
	struct kube_call *c = kube_send(w->kube, &r, fn, w, &e);

	assert_non_null(c);
	return c;
}

static void get(struct world *w, const char *path)
{
	w->call = ask(w, path, on_response);
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
		"0  (GET /x: HTTP 200 with HTML (\"Log in\"): this is not the API server; is the "
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
	struct err e = ERR_INIT;
	char body[] = "{\"status\":{}}";
	struct kube_request r = { .method = "PATCH",
		.path = "/p",
		.content_type = "application/apply-patch+yaml",
		.body = body,
		.body_len = strlen(body) };

	(void)state;
	world_start(&w, answers, "username: me, password: pw, as: you");
	assert_non_null(kube_send(w.kube, &r, on_response, &w, &e));
	memset(body, 'x', sizeof(body)); /* it was copied */
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

	(void)state;
	world_start(&w, answers, "token: t");
	w.call = ask(&w, "/x", on_response_close);
	ask(&w, "/y", on_response_close);
	run(&w);
	world_end(&w);

	world_start(
	    &w, answers, "exec: {apiVersion: client.authentication.k8s.io/v1, command: /absent}");
	w.call = ask(&w, "/x", on_response_close);
	ask(&w, "/y", on_response_close);
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
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
