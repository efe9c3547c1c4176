/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/http_state.h"

#include <string.h>

#include "pkg/log/log.h"

/* One socket of libcurl's. */
struct sock {
	struct http *http;
	struct loop_fd *fd;
	curl_socket_t s;
};

/* --- sockets and time ------------------------------------------------------------------ */

static void finish(struct http *h);

static void on_socket(int what, void *arg)
{
	struct sock *k = arg;
	struct http *h = k->http;
	int running, mask = (what & LOOP_READ ? CURL_CSELECT_IN : 0) |
			    (what & LOOP_WRITE ? CURL_CSELECT_OUT : 0);

	h->depth++;
	curl_multi_socket_action(h->multi, k->s, mask, &running);
	finish(h);
}

static void on_timer(void *arg)
{
	struct http *h = arg;
	int running;

	h->depth++;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish(h);
}

static int on_want_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(h->timer);
	else
		loop_timer_set(h->timer, (uint64_t)ms);
	return 0;
}

static int on_want_socket(CURL *easy, curl_socket_t s, int what, void *arg, void *sockp)
{
	struct http *h = arg;
	struct sock *k = sockp;
	struct err e = ERR_INIT;
	int wait = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (k)
			loop_fd_remove(k->fd);
		free(k);
		return 0;
	}
	if (k)
		return loop_fd_set(k->fd, wait, &e);
	k = calloc(1, sizeof(*k));
	if (!k)
		return -1;
	*k = (struct sock){ .http = h, .s = s, .fd = loop_fd_add(h->loop, s, wait, on_socket, k, &e) };
	if (!k->fd) {
		free(k);
		return -1;
	}
	curl_multi_assign(h->multi, s, k);
	return 0;
}

/* --- a call ---------------------------------------------------------------------------- */

static void call_free(struct http_call *c)
{
	if (!c)
		return;
	if (c->prev) {
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
	}
	if (c->easy) {
		curl_multi_remove_handle(c->http->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->connect_to);
	buf_release(&c->what);
	free(c->body);
	free(c);
}

size_t http_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	curl_off_t after = 0;
	long status = 0;

	n *= size;
	if (c->headed || n > 2 || (n == 2 && line[0] != '\r'))
		return n;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200) /* 1xx announces another head */
		return n;
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	if (after < 0 || after > UINT32_MAX)
		after = 0;
	c->headed = true;
	c->ev.head(c->ev.arg, (int)status, (uint32_t)after);
	return n;
}

size_t http_on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	return c->ev.body(c->ev.arg, bytes, size * n) ? size * n : CURL_WRITEFUNC_PAUSE;
}

static int describe(struct err *e, const struct http_call *c, CURLcode code)
{
	const char *url = c->http->target->url;
	const char *text = c->text[0] ? c->text : curl_easy_strerror(code);

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(e, ERR_USAGE,
		    "%s: its certificate is not trusted: %s; certificate-authority must be the CA "
		    "that signed it, and tls-server-name, or the host in the URL, a name in it",
		    url, text);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(e, ERR_USAGE, "certificate-authority cannot be used: %s", text);
	case CURLE_SSL_CERTPROBLEM:
		return err_set(
		    e, ERR_USAGE, "client-certificate and client-key cannot be used: %s", text);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return err_set(e, ERR_SYSTEM, "cannot reach %s: %s", url, text);
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(e, ERR_SYSTEM, "TLS with %s failed: %s", url, text);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, ERR_SYSTEM, "%s does not answer: %s", url, text);
	case CURLE_OUT_OF_MEMORY:
		return err_memory(e);
	default:
		return err_set(e, ERR_SYSTEM, "connection to %s failed: %s", url, text);
	}
}

static void log_end(const struct http_call *c, const char *how)
{
	long status = 0, version = 0, port = 0;

	if (!log_enabled(LOG_DEBUG, "kube"))
		return;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(c->easy, CURLINFO_LOCAL_PORT, &port);
	log_debug("kube", "%s: HTTP/%s %ld from local port %ld after %llu ms%s%s", c->what.data,
	    version == CURL_HTTP_VERSION_2_0 ? "2" : "1.1", status, port,
	    (unsigned long long)((loop_clock_us() - c->started_us) / 1000), how[0] ? ": " : "", how);
}

/* A request went out, and no answer came.  How long a watch may take is its owner's business. */
static bool unanswered(const struct http_call *c, CURLcode code)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	return code == CURLE_OPERATION_TIMEDOUT && !c->endless && sent && !c->headed;
}

static void call_over(struct http_call *c, CURLcode code)
{
	struct http *h = c->http;
	struct http_events ev = c->ev;
	bool dead = unanswered(c, code);
	struct err e = ERR_INIT;

	log_end(c, !code ? "" : c->text[0] ? c->text : curl_easy_strerror(code));
	if (code)
		describe(&e, c, code);
	call_free(c);
	ev.done(ev.arg, code ? &e : NULL);
	if (dead && !h->doomed)
		http_reconnect(h);
}

/* Ends what libcurl has finished with, then one level of callbacks. */
static void finish(struct http *h)
{
	CURLMsg *m;
	int left;

	while (!h->doomed && (m = curl_multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		call_over(c, code);
	}
	h->depth--;
	if (h->doomed && !h->depth) {
		h->doomed = false;
		http_free(h);
	}
}

/* --- the calls of a user ------------------------------------------------------------------ */

struct http_call *http_start(
    struct http *h, const struct http_request *r, const struct http_events *ev, struct err *e)
{
	struct http_call *c = calloc(1, sizeof(*c));

	if (!c) {
		err_memory(e);
		return NULL;
	}
	c->http = h;
	c->ev = *ev;
	c->endless = r->endless;
	c->started_us = loop_clock_us();
	c->easy = curl_easy_init();
	buf_printf(&c->what, "%s %s", r->method, r->path);
	if (!c->easy || c->what.bad || http_setup(c, r) < 0) {
		err_set(e, ERR_SYSTEM, "%s %s: libcurl does not take the request", r->method, r->path);
		call_free(c);
		return NULL;
	}
	c->next = h->calls;
	c->prev = &h->calls;
	if (c->next)
		c->next->prev = &c->next;
	h->calls = c;
	curl_multi_add_handle(h->multi, c->easy);
	return c;
}

void http_cancel(struct http_call *c)
{
	if (c)
		log_end(c, "given up");
	call_free(c);
}

void http_resume(struct http_call *c)
{
	curl_easy_pause(c->easy, CURLPAUSE_CONT);
}

/* --- the server ------------------------------------------------------------------------ */

static int set_multi(struct http *h, struct err *e)
{
	h->multi = curl_multi_init();
	if (!h->multi)
		return err_memory(e);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	return 0;
}

struct http *http_new(struct loop *l, const struct http_target *t, struct err *e)
{
	struct http *h;

	if (libcurl_load(e) < 0)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(h);
		err_memory(e);
		return NULL;
	}
	h->loop = l;
	h->target = t;
	h->timer = loop_timer_add(l, on_timer, h, e);
	if (!h->timer || set_multi(h, e) < 0) {
		http_free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		call_free(h->calls);
	while (h->given_up)
		call_free(h->given_up);
	if (h->depth) {
		h->doomed = true;
		return;
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	loop_timer_remove(h->timer);
	free(h);
	curl_global_cleanup();
}

void http_reconnect(struct http *h)
{
	CURLM *old = h->multi;
	struct err e = ERR_INIT;
	struct http_call *c;

	if (set_multi(h, &e) < 0) {
		h->multi = old;
		return;
	}
	h->given_up = h->calls;
	h->calls = NULL;
	for (c = h->given_up; c; c = c->next) {
		curl_multi_remove_handle(old, c->easy);
		curl_easy_cleanup(c->easy);
		c->easy = NULL;
	}
	if (h->given_up)
		h->given_up->prev = &h->given_up;
	curl_multi_cleanup(old);
	loop_timer_stop(h->timer);
	err_set(&e, ERR_SYSTEM, "%s does not answer", h->target->url);
	h->depth++;
	while ((c = h->given_up)) {
		struct http_events ev = c->ev;

		call_free(c);
		ev.done(ev.arg, &e);
	}
	finish(h);
}
