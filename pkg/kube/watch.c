/* SPDX-License-Identifier: Apache-2.0 */
/* One reflector a kind, each with at most one request under way. */
#include <string.h>
#include <unistd.h>

#include "pkg/kube/client.h"
#include "pkg/kube/reflector.h"

enum {
	ONCE_FAILURES = 4, /* in a row, after which a snapshot is given up */
	/* A server that is just starting refuses everybody for a moment: after so long a refusal is
	 * told, and ends a snapshot; after so long any watch of what was never seen. */
	REFUSED_MS = 2000,
	REFUSED_MAX_MS = 30000,
};

struct seat {
	struct kube_watch *watch;
	struct reflector *reflector;
	struct client_call *call; /* under way, or NULL */
	bool stalled;             /* its answer waits in the network */
	bool finished;
};

struct kube_watch {
	struct kube *kube;
	struct kube_watch_events ev;
	bool once, paused, over, troubled;
	bool told_refusal;
	uint64_t refused_since; /* 0: the server does not refuse us */
	bool *gone;             /* set when a callback closed us */
	struct loop_timer *timer;
	struct buf record;
	size_t n;
	struct seat seats[];
};

static uint64_t now_ms(const struct kube_watch *w)
{
	return loop_now_ms(client_loop(w->kube));
}

static void soon(struct kube_watch *w)
{
	if (!w->over)
		loop_timer_set(w->timer, 0);
}

/* --- what the network says ------------------------------------------------------------- */

static void on_head(void *arg, int status, uint32_t retry_after)
{
	struct seat *s = arg;

	reflector_head(s->reflector, status, retry_after, now_ms(s->watch));
	soon(s->watch);
}

static bool on_body(void *arg, const char *bytes, size_t n)
{
	struct seat *s = arg;

	s->stalled = reflector_pending(s->reflector) > REFLECTOR_PENDING_MAX;
	if (s->stalled)
		return false;
	reflector_input(s->reflector, bytes, n, now_ms(s->watch));
	soon(s->watch);
	return true;
}

static void on_done(void *arg, const struct err *e)
{
	struct seat *s = arg;

	s->call = NULL;
	s->stalled = false;
	reflector_end(s->reflector, e);
	soon(s->watch);
}

static void on_dropped(void *arg)
{
	struct seat *s = arg;

	s->call = NULL;
}

/* --- what we say ----------------------------------------------------------------------- */

static void start(struct seat *s)
{
	struct client_events ev = { { on_head, on_body, on_done, s }, on_dropped };
	CLEANUP(buf_release) struct buf path = BUF_INIT;
	struct http_request r = { .method = "GET", .endless = true };
	struct err e = ERR_INIT;

	reflector_path(s->reflector, &path, now_ms(s->watch));
	r.path = path.data;
	if (path.bad)
		err_memory(&e);
	else
		s->call = client_start(s->watch->kube, &r, &ev, &e);
	if (!s->call)
		reflector_end(s->reflector, &e);
}

static void stop(struct seat *s)
{
	client_cancel(s->call);
	s->call = NULL;
	s->stalled = false;
}

static void act(struct seat *s)
{
	switch (reflector_action(s->reflector, now_ms(s->watch))) {
	case REFLECTOR_WAIT:
		break;
	case REFLECTOR_START:
		start(s);
		soon(s->watch);
		break;
	case REFLECTOR_RECONNECT:
		stop(s);
		client_reconnect(s->watch->kube);
		soon(s->watch);
		break;
	case REFLECTOR_ABORT:
		stop(s);
		soon(s->watch);
	}
	if (s->stalled && reflector_pending(s->reflector) < REFLECTOR_PENDING_MAX / 2) {
		s->stalled = false;
		client_resume(s->call);
	}
}

static bool is_refused(const struct kube_watch *w, uint64_t ms)
{
	return w->refused_since && now_ms(w) - w->refused_since >= ms;
}

/* What waiting does not mend, before the kind was ever seen; or too many failures for a snapshot. */
static const struct err *fatal(const struct seat *s)
{
	const struct err *e = reflector_trouble(s->reflector);
	bool once = s->watch->once;

	if (!e)
		return NULL;
	if (e->kind == ERR_PERMISSION && !is_refused(s->watch, once ? REFUSED_MS : REFUSED_MAX_MS))
		return NULL;
	if (e->kind == ERR_PERMISSION || e->kind == ERR_USAGE)
		return reflector_synced(s->reflector) ? NULL : e;
	return once && reflector_failures(s->reflector) >= ONCE_FAILURES ? e : NULL;
}

/* Tells what there is to tell.  False: the callback closed the watch. */
static bool drain(struct seat *s)
{
	struct kube_watch *w = s->watch;
	bool gone = false;

	w->gone = &gone;
	while (!w->paused && reflector_next(s->reflector, &w->record, now_ms(w))) {
		w->ev.record(w->ev.arg, w->record.data, w->record.len);
		if (gone)
			return false;
	}
	w->gone = NULL;
	return true;
}

static void finish(struct kube_watch *w, const struct err *e)
{
	struct err why = e ? *e : (struct err)ERR_INIT;

	w->over = true;
	loop_timer_stop(w->timer);
	for (size_t i = 0; i < w->n; i++)
		stop(&w->seats[i]);
	if (e)
		w->ev.failed(w->ev.arg, &why);
	else
		w->ev.ended(w->ev.arg);
}

/* Of several troubles the one that a person has to mend. */
static const struct err *worst_trouble(const struct kube_watch *w)
{
	const struct err *worst = NULL;

	for (size_t i = 0; i < w->n; i++) {
		const struct err *e = reflector_trouble(w->seats[i].reflector);

		if (e && (!worst || (e->kind == ERR_PERMISSION && worst->kind != ERR_PERMISSION)))
			worst = e;
	}
	return worst;
}

/* A refusal is told when it has lasted, also when it follows an outage that has been told, as when a
 * token expired meanwhile.  False: the callback closed the watch. */
static bool tell_trouble(struct kube_watch *w)
{
	const struct err *e = worst_trouble(w);
	bool refusal = e && e->kind == ERR_PERMISSION, gone = false;

	if (!refusal)
		w->refused_since = 0;
	else if (!w->refused_since)
		w->refused_since = now_ms(w);
	if (refusal && !is_refused(w, REFUSED_MS))
		return true;
	if (!e == !w->troubled && (!refusal || w->told_refusal))
		return true;
	w->told_refusal = refusal;
	w->troubled = e;
	w->gone = &gone;
	if (w->ev.trouble)
		w->ev.trouble(w->ev.arg, e);
	if (!gone)
		w->gone = NULL;
	return !gone;
}

static void set_timer(struct kube_watch *w)
{
	uint64_t now = now_ms(w), lasts = w->refused_since + REFUSED_MS;
	uint64_t at = w->refused_since && lasts > now ? lasts : UINT64_MAX;

	for (size_t i = 0; i < w->n; i++)
		if (!w->seats[i].finished && reflector_deadline(w->seats[i].reflector) < at)
			at = reflector_deadline(w->seats[i].reflector);
	if (at != UINT64_MAX)
		loop_timer_set(w->timer, at > now ? at - now : 1);
}

static void work(void *arg)
{
	struct kube_watch *w = arg;
	const struct err *e = NULL;
	size_t finished = 0;

	for (size_t i = 0; i < w->n && !w->paused; i++) {
		struct seat *s = &w->seats[i];

		if (!s->finished && !drain(s))
			return;
		if (w->once && reflector_synced(s->reflector) && !s->finished) {
			stop(s);
			s->finished = true;
		}
		finished += s->finished;
		e = e ? e : fatal(s);
	}
	if (!e && !tell_trouble(w))
		return;
	if (e || finished == w->n) {
		finish(w, e);
		return;
	}
	if (w->paused)
		return;
	set_timer(w);
	for (size_t i = 0; i < w->n; i++)
		if (!w->seats[i].finished)
			act(&w->seats[i]);
}

/* --- the watch ------------------------------------------------------------------------- */

static int add_seat(struct kube_watch *w, const struct kube_watch_options *o, size_t i, struct err *e)
{
	struct reflector_options r = {
		.kind = o->kinds[i],
		.namespace = o->kinds[i]->configuration && o->namespace ? o->namespace : "",
		.full = o->full,
		.seed = (loop_clock_us() << 8 ^ (uint64_t)getpid() << 32) + i,
	};

	w->seats[i].watch = w;
	w->seats[i].reflector = reflector_new(&r, e);
	if (!w->seats[i].reflector)
		return -1;
	w->n++;
	return 0;
}

struct kube_watch *kube_watch_open(struct kube *k, const struct kube_watch_options *o,
    const struct kube_watch_events *ev, struct err *e)
{
	struct kube_watch *w;
	size_t n = 0;

	while (o->kinds[n])
		n++;
	w = calloc(1, sizeof(*w) + n * sizeof(w->seats[0]));
	if (!w) {
		err_memory(e);
		return NULL;
	}
	w->kube = k;
	w->ev = *ev;
	w->once = o->once;
	w->timer = loop_timer_add(client_loop(k), work, w, e);
	for (size_t i = 0; i < n && w->timer; i++) {
		if (add_seat(w, o, i, e) < 0) {
			kube_watch_close(w);
			return NULL;
		}
	}
	if (!w->timer) {
		kube_watch_close(w);
		return NULL;
	}
	soon(w);
	return w;
}

void kube_watch_close(struct kube_watch *w)
{
	if (!w)
		return;
	if (w->gone)
		*w->gone = true;
	for (size_t i = 0; i < w->n; i++) {
		stop(&w->seats[i]);
		reflector_free(w->seats[i].reflector);
	}
	loop_timer_remove(w->timer);
	buf_release(&w->record);
	free(w);
}

void kube_watch_pause(struct kube_watch *w, bool paused)
{
	if (w->paused == paused)
		return;
	w->paused = paused;
	for (size_t i = 0; i < w->n && !paused; i++)
		reflector_resume(w->seats[i].reflector, now_ms(w));
	if (!paused)
		soon(w);
}
