/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/client.h"

#include <string.h>

#include "pkg/arena/arena.h"
#include "pkg/kube/auth.h"
#include "pkg/kube/kubeconfig.h"

struct kube {
	struct loop *loop;
	struct kubeconfig config;
	struct http *http;
	struct auth *auth;
	struct loop_timer *start; /* sends what waits, at the end of the round */
	struct client_call *calls, **last;
	uint64_t serial; /* counts calls */
	unsigned depth;  /* of callbacks that start() is in */
	bool doomed;
};

struct client_call {
	struct kube *kube;
	struct client_call *next, **prev;
	struct arena arena; /* owns what request points to */
	struct http_request request;
	struct client_events ev;
	uint64_t serial;
	struct http_call *http; /* NULL: waiting to be sent */
	uint64_t generation;
	bool again;   /* sent for the second time */
	bool refused; /* with 401, and may be sent again: nobody is told of this answer */
};

static void call_free(struct client_call *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		c->kube->last = c->prev;
	http_cancel(c->http);
	arena_release(&c->arena);
	free(c);
}

static void call_over(struct client_call *c, const struct err *e)
{
	struct http_events ev = c->ev.http;

	call_free(c);
	ev.done(ev.arg, e);
}

/* --- answers --------------------------------------------------------------------------- */

static void on_head(void *arg, int status, uint32_t retry_after)
{
	struct client_call *c = arg;

	c->refused = status == 401 && !c->again && auth_refused(c->kube->auth, c->generation);
	if (!c->refused)
		c->ev.http.head(c->ev.http.arg, status, retry_after);
}

static bool on_body(void *arg, const char *bytes, size_t n)
{
	struct client_call *c = arg;

	return c->refused || c->ev.http.body(c->ev.http.arg, bytes, n);
}

static void on_done(void *arg, const struct err *e)
{
	struct client_call *c = arg;

	c->http = NULL;
	if (!c->refused) {
		call_over(c, e);
		return;
	}
	c->refused = false;
	c->again = true;
	loop_timer_set(c->kube->start, 0);
}

/* --- sending --------------------------------------------------------------------------- */

/* The first that waits, of those up to `serial`. */
static struct client_call *waiting(const struct kube *k, uint64_t serial)
{
	struct client_call *c = k->calls;

	while (c && c->http)
		c = c->next;
	return c && c->serial <= serial ? c : NULL;
}

static int send_call(
    struct client_call *c, const struct http_identity *id, uint64_t generation, struct err *e)
{
	struct http_events ev = { on_head, on_body, on_done, c };

	c->request.identity = id;
	c->generation = generation;
	c->http = http_start(c->kube->http, &c->request, &ev, e);
	return c->http ? 0 : -1;
}

/* Sends all that waits, with one look at the credentials. */
static void on_start(void *arg)
{
	struct kube *k = arg;
	struct client_call *c = waiting(k, k->serial);
	struct http_identity id;
	uint64_t serial = k->serial; /* what a callback sends goes in the next round */
	uint64_t generation = 0;
	struct err e = ERR_INIT;
	enum auth_answer answer;

	if (!c)
		return;
	answer = auth_identity(k->auth, &id, &generation, &e);
	if (answer == AUTH_WAIT)
		return;
	k->depth++;
	for (; !k->doomed && c; c = waiting(k, serial))
		if (answer == AUTH_FAILED || send_call(c, &id, generation, &e) < 0)
			call_over(c, &e);
	if (!--k->depth && k->doomed) {
		k->doomed = false;
		kube_close(k);
	}
}

static void on_auth(void *arg)
{
	struct kube *k = arg;

	loop_timer_set(k->start, 0);
}

struct client_call *client_start(
    struct kube *k, const struct http_request *r, const struct client_events *ev, struct err *e)
{
	struct client_call *c = calloc(1, sizeof(*c));

	if (!c) {
		err_memory(e);
		return NULL;
	}
	c->kube = k;
	c->ev = *ev;
	c->serial = ++k->serial;
	c->request = *r;
	c->request.method = arena_copy(&c->arena, r->method);
	c->request.path = arena_copy(&c->arena, r->path);
	c->request.content_type = arena_copy(&c->arena, r->content_type);
	c->request.body = r->body ? arena_copy_n(&c->arena, r->body, r->body_len) : NULL;
	if (c->arena.bad) {
		arena_release(&c->arena);
		free(c);
		err_memory(e);
		return NULL;
	}
	c->prev = k->last;
	*k->last = c;
	k->last = &c->next;
	loop_timer_set(k->start, 0);
	return c;
}

void client_cancel(struct client_call *c)
{
	if (c)
		call_free(c);
}

void client_resume(struct client_call *c)
{
	if (c->http)
		http_resume(c->http);
}

struct loop *client_loop(struct kube *k)
{
	return k->loop;
}

void client_reconnect(struct kube *k)
{
	http_reconnect(k->http);
}

/* --- the client ------------------------------------------------------------------------ */

struct kube *kube_open(struct loop *l, const struct kube_options *o, struct err *e)
{
	struct kube *k = calloc(1, sizeof(*k));

	if (!k) {
		err_memory(e);
		return NULL;
	}
	k->loop = l;
	k->last = &k->calls;
	if (kubeconfig_load(&k->config, o, e) < 0) {
		free(k);
		return NULL;
	}
	k->auth = auth_new(l, &k->config, on_auth, k, e);
	k->http = k->auth ? http_new(l, &k->config.target, e) : NULL;
	k->start = k->http ? loop_timer_add(l, on_start, k, e) : NULL;
	if (!k->start) {
		kube_close(k);
		return NULL;
	}
	return k;
}

void kube_close(struct kube *k)
{
	if (!k)
		return;
	while (k->calls) {
		struct client_events ev = k->calls->ev;

		call_free(k->calls);
		ev.dropped(ev.http.arg);
	}
	if (k->depth) {
		k->doomed = true;
		return;
	}
	http_free(k->http);
	auth_free(k->auth);
	loop_timer_remove(k->start);
	kubeconfig_release(&k->config);
	free(k);
}

void kube_freep(struct kube **k)
{
	kube_close(*k);
}

const char *kube_server(const struct kube *k)
{
	return k->config.target.url;
}

const char *kube_namespace(const struct kube *k)
{
	return k->config.namespace;
}
