/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a client, and a server in the same loop that gives prepared answers. */
#ifndef LB_KUBE_CLIENT_HARNESS_H
#define LB_KUBE_CLIENT_HARNESS_H

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/kube/kube.h"
#include "tests/unit.h"

#define JSON(status, body) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n" BODY(body)
#define BODY(body) "Connection: close\r\n\r\n" body
struct connection {
	struct world *w;
	size_t i;
};

/* What every test has: a loop, a server on loopback, and a client of it. */
struct world {
	struct loop *loop;
	int listener, open[16];
	struct loop_fd *accepting, *reading[16];
	struct connection connections[16];
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

static inline void on_readable(int what, void *arg)
{
	struct connection *c = arg;
	struct world *w = c->w;
	char chunk[4096];
	ssize_t n = read(w->open[c->i], chunk, sizeof(chunk));
	const char *answer = "";

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

static inline void on_connection(int what, void *arg)
{
	struct world *w = arg;
	struct err e = ERR_INIT;
	size_t i = w->n++;

	(void)what;
	assert_true(i < ARRAY_LEN(w->open));
	w->open[i] = accept(w->listener, NULL, NULL);
	w->connections[i] = (struct connection){ w, i };
	w->reading[i] =
	    loop_fd_add(w->loop, w->open[i], LOOP_READ, on_readable, &w->connections[i], &e);
}

static inline void on_late(void *arg)
{
	(void)arg;
	fail_msg("nothing happened for five seconds");
}

static inline void world_start(struct world *w, const char *const *answers, const char *user)
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

static inline void world_end(struct world *w)
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

static inline void run(struct world *w)
{
	struct err e = ERR_INIT;

	assert_int_equal(loop_run(w->loop, &e), 0);
}

static inline bool asked(const struct world *w, const char *what)
{
	return w->asked.len && strstr(w->asked.data, what);
}

static inline void seen(struct world *w, const char *what)
{
	assert_string_equal(w->seen.len ? w->seen.data : "", what);
	buf_reset(&w->seen);
}

#endif
