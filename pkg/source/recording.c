/* SPDX-License-Identifier: Apache-2.0 */
/* Records are passed on as they were read: the bytes of a recording are those that it was
 * made of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/log/log.h"
#include "pkg/source/backend.h"
#include "pkg/stream/stream.h"

struct recording {
	struct loop *loop;
	struct source_events ev;
	struct stream_reader *reader;
	struct loop_fd *watch;
	struct loop_timer *resume; /* records that were read already, after a pause */
	char *name;
	int fd;
	int flags;    /* of standard input, to be put back, or -1 */
	uint64_t bad; /* records */
	struct log_limit bad_limit;
	bool paused;
	bool ended;      /* of file */
	bool delivering; /* a callback is running */
	bool closed;     /* by it: to be freed after it */
};

static void warn(const struct recording *s, const char *text)
{
	if (s->ev.warned)
		s->ev.warned(s->ev.arg, text);
}

static void warn_bad(struct recording *s, const struct record *r)
{
	char text[480];

	s->bad++;
	if (!log_allow(&s->bad_limit, loop_now_ms(s->loop)))
		return;
	snprintf(text, sizeof(text), "%s, line %llu: %s; skipped", s->name, (unsigned long long)r->line,
	    r->bad);
	warn(s, text);
}

static void warn_total(const struct recording *s)
{
	char text[480];

	if (!s->bad)
		return;
	snprintf(text, sizeof(text), "%s: %llu bad record%s skipped", s->name,
	    (unsigned long long)s->bad, s->bad == 1 ? " was" : "s were");
	warn(s, text);
}

static void free_recording(struct recording *s)
{
	loop_fd_remove(s->watch);
	loop_timer_remove(s->resume);
	stream_reader_free(s->reader);
	if (s->flags >= 0)
		fcntl(s->fd, F_SETFL, s->flags);
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->name);
	free(s);
}

static bool may_tell(const struct recording *s)
{
	return !s->closed && !s->paused;
}

/* The records that were read, until the receiver pauses or closes us. */
static void deliver(struct recording *s)
{
	struct record r;

	s->delivering = true;
	while (may_tell(s) && stream_reader_next(s->reader, &r)) {
		if (r.type == RECORD_BAD)
			warn_bad(s, &r);
		else
			s->ev.record(s->ev.arg, r.text, r.len);
	}
	if (may_tell(s) && s->ended) {
		warn_total(s);
		s->ev.ended(s->ev.arg);
	}
	s->delivering = false;
	if (s->closed)
		free_recording(s);
}

static void give_up(struct recording *s, const struct err *e)
{
	loop_fd_remove(s->watch);
	s->watch = NULL;
	s->ev.failed(s->ev.arg, e);
}

static void on_ready(int what, void *arg)
{
	struct recording *s = arg;
	struct err e = ERR_INIT;
	size_t room;
	char *to = stream_reader_room(s->reader, &room);
	ssize_t n = to ? read(s->fd, to, room) : -1;

	(void)what;
	if (!to) {
		err_memory(&e);
		give_up(s, &e);
	} else if (n > 0) {
		stream_reader_fed(s->reader, (size_t)n);
		deliver(s);
	} else if (n == 0) {
		loop_fd_remove(s->watch);
		s->watch = NULL;
		s->ended = true;
		stream_reader_end(s->reader);
		deliver(s);
	} else if (errno != EAGAIN && errno != EINTR) {
		err_sys(&e, errno, "reading %s", s->name);
		give_up(s, &e);
	}
}

static void on_resume(void *arg)
{
	deliver(arg);
}

static void recording_close(void *state)
{
	struct recording *s = state;

	if (s->delivering)
		s->closed = true;
	else
		free_recording(s);
}

static int open_file(struct recording *s, const char *from, struct err *e)
{
	struct stat st;

	if (strcmp(from, "-") != 0) {
		s->fd = open(from, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (s->fd < 0 && errno == ENOENT)
			return err_set(e, ERR_NOT_FOUND, "%s: no such file or directory", from);
		return s->fd < 0 ? err_sys(e, errno, "%s", from) : 0;
	}
	s->fd = STDIN_FILENO;
	if (fstat(s->fd, &st) < 0)
		return err_sys(e, errno, "standard input");
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		s->flags = fcntl(s->fd, F_GETFL);
		fcntl(s->fd, F_SETFL, s->flags | O_NONBLOCK);
	}
	return 0;
}

static void *recording_open(struct loop *l, const struct source_options *o,
    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e)
{
	struct recording *s = calloc(1, sizeof(*s));

	(void)kinds;
	if (s)
		*s = (struct recording){ .loop = l,
			.ev = *ev,
			.fd = -1,
			.flags = -1,
			.bad_limit = { .burst = 10, .window_ms = 1000 },
			.name = strdup(strcmp(o->from, "-") != 0 ? o->from : "standard input") };
	if (!s || !s->name) {
		free(s);
		err_memory(e);
		return NULL;
	}
	s->reader = stream_reader_new(e);
	s->resume = s->reader ? loop_timer_add(l, on_resume, s, e) : NULL;
	if (s->resume && open_file(s, o->from, e) == 0)
		s->watch = loop_fd_add(l, s->fd, LOOP_READ, on_ready, s, e);
	if (s->watch)
		return s;
	recording_close(s);
	return NULL;
}

static void recording_pause(void *state, bool paused)
{
	struct recording *s = state;
	struct err ignored = ERR_INIT; /* it goes on reading, and keeps what it read */

	if (s->paused == paused)
		return;
	s->paused = paused;
	if (s->watch)
		(void)(loop_fd_set(s->watch, paused ? 0 : LOOP_READ, &ignored) < 0);
	if (!paused)
		loop_timer_set(s->resume, 0);
}

const struct source_backend source_recording = { recording_open, recording_close, recording_pause };
