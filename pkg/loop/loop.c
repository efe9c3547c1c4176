/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/loop/loop_state.h"

struct loop {
	struct event_base *base;
};

struct loop_fd {
	struct loop *loop;
	struct event *ev; /* for a regular file: a timer, since epoll takes none */
	int fd;
	int what;
	bool always_ready;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_timer {
	struct event *ev;
	loop_timer_fn *fn;
	void *arg;
};

struct loop_signal {
	struct event *ev;
	loop_signal_fn *fn;
	void *arg;
};

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

struct loop *loop_new(struct err *e)
{
	struct event_config *config = event_config_new();
	struct loop *l = calloc(1, sizeof(*l));

	if (config && l) {
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
		l->base = event_base_new_with_config(config);
	}
	if (config)
		event_config_free(config);
	if (l && l->base)
		return l;
	free(l);
	err_set(e, ERR_SYSTEM, "cannot make an event loop");
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

int loop_run(struct loop *l, struct err *e)
{
	if (event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return err_sys(e, errno, "waiting for events");
	return 0;
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

uint64_t loop_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t loop_now_ms(struct loop *l)
{
	(void)l; /* the vDSO's clock costs less than remembering it would */
	return loop_clock_us() / 1000;
}

static void on_fd(evutil_socket_t fd, short got, void *arg)
{
	struct loop_fd *f = arg;
	int what = (got & EV_READ ? LOOP_READ : 0) | (got & EV_WRITE ? LOOP_WRITE : 0);

	(void)fd;
	if (f->always_ready) {
		event_add(f->ev, &(struct timeval){ 0 }); /* and again in the next round */
		what = f->what;
	}
	f->fn(what, f->arg);
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, int what, loop_fd_fn *fn, void *arg, struct err *e)
{
	struct loop_fd *f = calloc(1, sizeof(*f));
	struct stat st;

	if (!f) {
		err_memory(e);
		return NULL;
	}
	*f = (struct loop_fd){ .loop = l, .fd = fd, .fn = fn, .arg = arg };
	/* epoll takes neither regular files nor directories; /dev/null is a device that it refuses. */
	f->always_ready = fstat(fd, &st) == 0 &&
			  (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
			      (S_ISCHR(st.st_mode) && !isatty(fd) && lseek(fd, 0, SEEK_CUR) == 0));
	if (loop_fd_set(f, what, e) < 0) {
		loop_fd_remove(f);
		return NULL;
	}
	return f;
}

int loop_fd_set(struct loop_fd *f, int what, struct err *e)
{
	short want = (short)((what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0));

	if (f->ev && f->what == what)
		return 0;
	if (f->ev)
		event_free(f->ev);
	f->what = what;
	f->ev = f->always_ready ? event_new(f->loop->base, -1, 0, on_fd, f)
				: event_new(f->loop->base, f->fd, want | EV_PERSIST, on_fd, f);
	if (!f->ev)
		return err_memory(e);
	if (!what)
		return 0;
	if (event_add(f->ev, f->always_ready ? &(struct timeval){ 0 } : NULL) < 0)
		return err_sys(e, errno, "waiting for descriptor %d", f->fd);
	return 0;
}

void loop_fd_remove(struct loop_fd *f)
{
	if (!f)
		return;
	if (f->ev)
		event_free(f->ev);
	free(f);
}

static void on_timer(evutil_socket_t fd, short got, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)got;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_add(struct loop *l, loop_timer_fn *fn, void *arg, struct err *e)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t) {
		*t = (struct loop_timer){ .fn = fn, .arg = arg };
		t->ev = evtimer_new(l->base, on_timer, t);
	}
	if (t && t->ev)
		return t;
	free(t);
	err_memory(e);
	return NULL;
}

void loop_timer_set(struct loop_timer *t, uint64_t after_ms)
{
	struct timeval tv = { .tv_sec = (time_t)(after_ms / 1000),
		.tv_usec = (suseconds_t)(after_ms % 1000 * 1000) };

	if (after_ms)
		event_add(t->ev, &tv);
	else
		event_active(t->ev, EV_TIMEOUT, 0);
}

void loop_timer_stop(struct loop_timer *t)
{
	event_del(t->ev);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return event_pending(t->ev, EV_TIMEOUT, NULL) != 0;
}

void loop_timer_remove(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	free(t);
}

static void on_signal(evutil_socket_t number, short got, void *arg)
{
	struct loop_signal *s = arg;

	(void)got;
	s->fn((int)number, s->arg);
}

struct loop_signal *loop_signal_add(
    struct loop *l, int signal, loop_signal_fn *fn, void *arg, struct err *e)
{
	struct loop_signal *s = calloc(1, sizeof(*s));

	if (s) {
		*s = (struct loop_signal){ .fn = fn, .arg = arg };
		s->ev = evsignal_new(l->base, signal, on_signal, s);
	}
	if (s && s->ev && evsignal_add(s->ev, NULL) == 0)
		return s;
	loop_signal_remove(s);
	err_set(e, ERR_SYSTEM, "cannot wait for signal %d", signal);
	return NULL;
}

void loop_signal_remove(struct loop_signal *s)
{
	if (!s)
		return;
	if (s->ev)
		event_free(s->ev);
	free(s);
}
