/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of lease.h on a loop and a client; and a watch on the Lease while another holds it,
 * so that one that is released is taken at once.  Where watching is not allowed, polling does. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "pkg/kube/client.h"
#include "pkg/kube/event.h"
#include "pkg/kube/lease.h"
#include "pkg/kube/path.h"

enum { WATCH_S = 300, LINE_MAX = 1 << 20 };

static const struct api_kind lease_kind = { .kind = "Lease",
	.group = "coordination.k8s.io",
	.version = "v1",
	.plural = "leases",
	.namespaced = true };

struct kube_lease {
	struct kube *kube;
	struct lease *engine;
	struct kube_lease_events ev;
	struct loop_timer *timer;
	uint32_t timeout_ms, retry_ms;
	char identity[320];
	char *name;
	struct buf collection, path;
	struct kube_call *call;

	struct client_call *watch;
	int watch_status;
	bool watch_refused;  /* not asked again */
	uint64_t not_before; /* of the next one */
	struct buf line;     /* of the watch, as far as it came */
	bool running;        /* callbacks are being made */
	bool closed;
};

static struct lease_now now(void)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct lease_now){ (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000,
		(int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 };
}

static void on_answer(const struct kube_response *r, void *arg)
{
	struct kube_lease *l = arg;
	struct lease_answer a = { .status = r->status,
		.object = r->object,
		.error = r->error,
		.retry_after_ms = (uint64_t)r->retry_after * 1000 };

	l->call = NULL;
	lease_answer(l->engine, &a, now());
	loop_timer_set(l->timer, 0);
}

static void send_ask(struct kube_lease *l, const struct lease_event *ev)
{
	static const char *const methods[] = { "GET", "POST", "PUT" };
	struct buf body = BUF_INIT;
	struct kube_request r = { .method = methods[ev->ask],
		.path = ev->ask == LEASE_CREATE ? l->collection.data : l->path.data,
		.timeout_ms = l->timeout_ms };
	struct err e = ERR_INIT;

	if (ev->object) {
		json_write(ev->object, &body);
		r.content_type = "application/json";
		r.body = body.data;
		r.body_len = body.len;
	}
	if (body.bad)
		err_memory(&e);
	else
		l->call = kube_send(l->kube, &r, on_answer, l, &e);
	buf_release(&body);
	if (!l->call)
		lease_answer(l->engine, &(struct lease_answer){ .error = &e }, now());
}

static void tell(struct kube_lease *l, const struct lease_event *ev)
{
	switch (ev->what) {
	case LEASE_ASK:
		send_ask(l, ev);
		break;
	case LEASE_HELD:
		l->ev.held(l->ev.arg, ev->until);
		break;
	case LEASE_LOST:
		l->ev.lost(l->ev.arg, ev->error);
		break;
	case LEASE_WAITING:
		l->ev.waiting(l->ev.arg, ev->holder);
		break;
	case LEASE_TROUBLE:
		l->ev.trouble(l->ev.arg, ev->error);
		break;
	case LEASE_OVER:
		l->ev.over(l->ev.arg);
		break;
	}
}

/* --- the watch -------------------------------------------------------------------------- */

/* Called from the midst of libcurl: the engine, which only notes, may be told, and nobody else. */
static void take_line(struct kube_lease *l, size_t len)
{
	struct err ignored = ERR_INIT; /* what can't be read is no Lease */
	struct event ev = { 0 };
	bool there = event_decode(&ev, l->line.data, len, &ignored) == 0 &&
		     (ev.type == EVENT_ADDED || ev.type == EVENT_MODIFIED);

	lease_seen(l->engine, there ? ev.object : NULL, now());
	loop_timer_set(l->timer, 0);
	json_free(ev.tree);
}

static void on_watch_head(void *arg, int status, uint32_t retry_after)
{
	struct kube_lease *l = arg;

	(void)retry_after;
	l->watch_status = status;
}

static bool on_watch_body(void *arg, const char *bytes, size_t n)
{
	struct kube_lease *l = arg;
	const char *end;

	if (l->watch_status != 200)
		return true;
	buf_add(&l->line, bytes, n);
	while (!l->line.bad && l->line.len && (end = memchr(l->line.data, '\n', l->line.len))) {
		size_t len = (size_t)(end - l->line.data);

		take_line(l, len);
		buf_shift(&l->line, len + 1);
	}
	if (l->line.bad || l->line.len > LINE_MAX)
		buf_release(&l->line);
	return true;
}

static void on_watch_done(void *arg, const struct err *e)
{
	struct kube_lease *l = arg;

	(void)e; /* polling goes on, and starts another */
	l->watch = NULL;
	l->watch_refused = l->watch_status == 403;
	buf_reset(&l->line);
}

static void on_watch_dropped(void *arg)
{
	((struct kube_lease *)arg)->watch = NULL;
}

static void keep_watch(struct kube_lease *l)
{
	struct client_events ev = { { on_watch_head, on_watch_body, on_watch_done, l },
		on_watch_dropped };
	CLEANUP(buf_release) struct buf path = BUF_INIT;
	struct http_request r = { .method = "GET", .endless = true };
	struct err e = ERR_INIT;

	if (l->watch || l->watch_refused || !lease_idle(l->engine) || now().ms < l->not_before)
		return;
	l->not_before = now().ms + l->retry_ms;
	buf_puts(&path, l->collection.data);
	buf_puts(&path, "?watch=true&fieldSelector=metadata.name%3D");
	path_escape(&path, l->name);
	buf_printf(&path, "&timeoutSeconds=%d&resourceVersion=", WATCH_S);
	path_escape(&path, lease_version(l->engine));
	if (path.bad)
		return;
	r.path = path.data;
	l->watch_status = 0;
	l->watch = client_start(l->kube, &r, &ev, &e);
}

/* --- all of it -------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
	struct kube_lease *l = arg;
	struct lease_event ev;
	uint64_t at, then;

	l->running = true;
	while (!l->closed && lease_next(l->engine, now(), &ev))
		tell(l, &ev);
	l->running = false;
	if (l->closed) {
		kube_lease_close(l);
		return;
	}
	keep_watch(l);
	at = now().ms;
	then = lease_deadline(l->engine);
	if (then != UINT64_MAX)
		loop_timer_set(l->timer, then > at ? then - at : 1);
}

/* As client-go's users name themselves: the host, and what no other process has. */
static void name_ourselves(struct kube_lease *l)
{
	char host[256] = "";
	uint64_t r[2] = { (uint64_t)getpid(), now().ms };

	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		strcpy(host, "lbctl");
	(void)!getrandom(r, sizeof(r), 0);
	snprintf(l->identity, sizeof(l->identity), "%s_%016llx%016llx", host, (unsigned long long)r[0],
	    (unsigned long long)r[1]);
}

struct kube_lease *kube_lease_open(struct kube *k, const struct kube_lease_options *o,
    const struct kube_lease_events *ev, struct err *e)
{
	struct kube_lease *l = calloc(1, sizeof(*l));
	struct lease_options engine = { o->namespace, o->name, NULL, o->duration_ms,
		o->renew_deadline_ms, o->retry_ms, now().ms ^ (uint64_t)getpid() << 32 };

	if (!l) {
		err_memory(e);
		return NULL;
	}
	l->kube = k;
	l->ev = *ev;
	l->timeout_ms = o->renew_deadline_ms / 2;
	l->retry_ms = o->retry_ms;
	l->name = strdup(o->name);
	kube_path(&l->collection, &lease_kind, o->namespace, NULL, NULL);
	kube_path(&l->path, &lease_kind, o->namespace, o->name, NULL);
	name_ourselves(l);
	engine.identity = l->identity;
	l->engine = lease_new(&engine, now(), e);
	l->timer = l->engine ? loop_timer_add(client_loop(k), on_timer, l, e) : NULL;
	if (l->timer && (!l->name || l->collection.bad || l->path.bad))
		err_memory(e);
	else if (l->timer) {
		loop_timer_set(l->timer, 0);
		return l;
	}
	kube_lease_close(l);
	return NULL;
}

void kube_lease_stop(struct kube_lease *l)
{
	lease_stop(l->engine, now());
	client_cancel(TAKE(l->watch));
	loop_timer_set(l->timer, 0);
}

void kube_lease_close(struct kube_lease *l)
{
	if (!l)
		return;
	l->closed = true;
	if (l->running)
		return;
	kube_cancel(l->call);
	client_cancel(l->watch);
	loop_timer_remove(l->timer);
	lease_free(l->engine);
	buf_release(&l->collection);
	buf_release(&l->path);
	buf_release(&l->line);
	free(l->name);
	free(l);
}

const char *kube_lease_identity(const struct kube_lease *l)
{
	return l->identity;
}
