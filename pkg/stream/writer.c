/* SPDX-License-Identifier: Apache-2.0 */
/* What is queued lies in a list of chunks that only grow at the end, so that nothing is ever
 * moved.  A flush is due at the end of the round in which something was queued; when the pipe
 * is full, it is due when the loop says that there is room. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pkg/stream/stream.h"

enum {
	CHUNK = 64 << 10,
	FLUSH_AT = 256 << 10, /* a round that queues more than this need not wait for its end */
	MOST_CHUNKS = 64,     /* in one writev() */
	PIPE_SIZE = 1 << 20,
};

struct chunk {
	struct chunk *next;
	size_t cap;
	size_t len;
	size_t sent;
	char bytes[];
};

struct stream_writer {
	struct stream_writer_events ev;
	int fd;
	int flags;               /* to be put back, or -1 */
	struct loop_fd *watch;   /* of a pipe or socket, else NULL */
	struct loop_timer *soon; /* end of the round */
	struct chunk *first;
	struct chunk *last;
	size_t queued;
	bool full; /* the pipe: wait for LOOP_WRITE */
	bool closed;
};

static void flush(struct stream_writer *w);

static void drop_all(struct stream_writer *w)
{
	while (w->first) {
		struct chunk *c = w->first;

		w->first = c->next;
		free(c);
	}
	w->last = NULL;
	w->queued = 0;
}

static void fail(struct stream_writer *w, int errnum)
{
	struct err e = ERR_INIT;

	if (w->closed)
		return;
	w->closed = true;
	drop_all(w);
	loop_fd_remove(w->watch);
	w->watch = NULL;
	if (errnum == EPIPE || errnum == ECONNRESET)
		err_set(&e, ERR_CLOSED, "the reader of the output has gone");
	else
		err_sys(&e, errnum, "writing standard output");
	w->ev.closed(w->ev.arg, &e);
}

static void watch_for(struct stream_writer *w, int what)
{
	struct err e = ERR_INIT;

	if (w->watch && loop_fd_set(w->watch, what, &e) < 0)
		fail(w, e.sys ? e.sys : ENOMEM);
}

/* A write end becomes "readable" only when its reader has gone; a socket also when data came. */
static void on_ready(int what, void *arg)
{
	struct stream_writer *w = arg;
	struct pollfd p = { .fd = w->fd };

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL)) {
		fail(w, EPIPE);
		return;
	}
	if (what & LOOP_WRITE) {
		w->full = false;
		watch_for(w, LOOP_READ);
		flush(w);
	} else {
		watch_for(w, w->full ? LOOP_WRITE : 0);
	}
}

static void on_soon(void *arg)
{
	flush(arg);
}

struct stream_writer *stream_writer_new(
    struct loop *l, int fd, const struct stream_writer_events *ev, struct err *e)
{
	struct stream_writer *w = calloc(1, sizeof(*w));
	struct stat st;

	if (!w) {
		err_memory(e);
		return NULL;
	}
	*w = (struct stream_writer){ .ev = *ev, .fd = fd, .flags = -1 };
	w->soon = loop_timer_add(l, on_soon, w, e);
	if (!w->soon)
		goto undo;
	if (fstat(fd, &st) < 0) {
		err_sys(e, errno, "standard output");
		goto undo;
	}
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		w->watch = loop_fd_add(l, fd, LOOP_READ, on_ready, w, e);
		if (!w->watch)
			goto undo;
		w->flags = fcntl(fd, F_GETFL);
		fcntl(fd, F_SETFL, w->flags | O_NONBLOCK);
		fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE); /* fewer turns a record; refused is fine */
	}
	return w;
undo:
	stream_writer_free(w);
	return NULL;
}

void stream_writer_free(struct stream_writer *w)
{
	if (!w)
		return;
	drop_all(w);
	if (w->flags >= 0)
		fcntl(w->fd, F_SETFL, w->flags);
	loop_fd_remove(w->watch);
	loop_timer_remove(w->soon);
	free(w);
}

static void sent(struct stream_writer *w, size_t n)
{
	w->queued -= n;
	while (n) {
		struct chunk *c = w->first;
		size_t part = c->len - c->sent;

		if (n < part) {
			c->sent += n;
			return;
		}
		n -= part;
		w->first = c->next;
		if (!w->first)
			w->last = NULL;
		free(c);
	}
}

static void flush(struct stream_writer *w)
{
	size_t before = w->queued;

	while (w->first && !w->full && !w->closed) {
		struct iovec iov[MOST_CHUNKS];
		int count = 0;
		ssize_t n;

		for (struct chunk *c = w->first; c && count < MOST_CHUNKS; c = c->next)
			iov[count++] = (struct iovec){ c->bytes + c->sent, c->len - c->sent };
		n = writev(w->fd, iov, count);
		if (n >= 0) {
			sent(w, (size_t)n);
		} else if (errno == EAGAIN) {
			w->full = true;
			watch_for(w, LOOP_READ | LOOP_WRITE);
		} else if (errno != EINTR) {
			fail(w, errno);
		}
	}
	if (!w->closed && w->ev.drained && before != w->queued &&
	    (!w->queued || (before > STREAM_QUEUE_MAX / 2 && w->queued <= STREAM_QUEUE_MAX / 2)))
		w->ev.drained(w->ev.arg);
}

void stream_writer_add(struct stream_writer *w, const char *text, size_t len)
{
	struct chunk *c = w->last;

	if (w->closed || !len)
		return;
	if (!c || c->cap - c->len < len) {
		size_t cap = len > CHUNK ? len : CHUNK;

		c = malloc(sizeof(*c) + cap);
		if (!c) {
			fail(w, ENOMEM);
			return;
		}
		*c = (struct chunk){ .cap = cap };
		if (w->last)
			w->last->next = c;
		else
			w->first = c;
		w->last = c;
	}
	memcpy(c->bytes + c->len, text, len);
	c->len += len;
	w->queued += len;
	if (w->full)
		return;
	if (w->queued > FLUSH_AT)
		flush(w);
	else if (!loop_timer_is_set(w->soon))
		loop_timer_set(w->soon, 0);
}

size_t stream_writer_queued(const struct stream_writer *w)
{
	return w->queued;
}
