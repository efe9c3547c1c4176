/* SPDX-License-Identifier: Apache-2.0 */
/* One record takes this way: read, told apart (stream_reader_next), parsed if its kind is one
 * of the stage's, forwarded, handed over, and then the stage settles.  Records forwarded in a
 * row lie in a row in the reader's buffer, so they are queued as one piece (`run`), which is
 * cut before anything is added. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/log/log.h"
#include "pkg/stage/awaited.h"

enum { PIPE_SIZE = 1 << 20 };

struct stage {
	const struct stage_ops *ops;
	void *ctx;
	struct loop *loop;
	struct stream_reader *reader;
	struct stream_writer *writer;
	struct print *print; /* NULL: the stream itself */
	struct loop_fd *in;
	struct awaited awaited;
	struct loop_timer *show; /* rows that were added outside a read are written soon */
	struct loop_signal *signals[2];
	int in_flags; /* to be put back, or -1 */
	const char *run;
	size_t run_len;
	bool synced;
	bool paused; /* in settling */
	bool draining;
	bool drained; /* ops->drain() was called */
	bool done;
	bool failed;
	struct arena scratch; /* of the record that is handed over */
	uint64_t bad;
	struct log_limit bad_limit;
	struct err e;
};

struct loop *stage_loop(struct stage *s)
{
	return s->loop;
}

bool stage_synced(const struct stage *s)
{
	return s->synced;
}

bool stage_listed(const struct stage *s, const char *kind)
{
	return awaited_is_listed(&s->awaited, kind);
}

bool stage_draining(const struct stage *s)
{
	return s->draining;
}

void stage_fail(struct stage *s, const struct err *e)
{
	if (s->failed)
		return;
	s->failed = true;
	s->e = *e;
	loop_stop(s->loop);
}

bool stage_is_full(const struct stage *s)
{
	return stream_writer_queued(s->writer) > STREAM_QUEUE_MAX;
}

static void read_input(struct stage *s, bool on)
{
	struct err e = ERR_INIT;

	if (s->in && loop_fd_set(s->in, on ? LOOP_READ : 0, &e) < 0)
		stage_fail(s, &e);
}

void stage_pause(struct stage *s)
{
	s->paused = true;
	read_input(s, false);
}

static void settle(struct stage *s)
{
	s->paused = false;
	if (s->synced && s->ops->settle)
		s->ops->settle(s->ctx);
}

static void stop_if_done(struct stage *s)
{
	if (s->done && !stream_writer_queued(s->writer))
		loop_stop(s->loop);
}

/* Queues what was forwarded and not yet queued. */
static void cut_run(struct stage *s)
{
	if (s->run_len && !s->print)
		stream_writer_add(s->writer, s->run, s->run_len);
	s->run_len = 0;
}

static void forward(struct stage *s, const struct record *r)
{
	if (s->run_len && s->run + s->run_len != r->text)
		cut_run(s);
	if (!s->run_len)
		s->run = r->text;
	s->run_len += r->len;
}

static void show(struct stage *s, const struct buf *record)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(record->data, record->len, &e);

	if (j)
		print_record(s->print, record_type_of(j), json_get(j, "object"));
	json_free(j);
}

void stage_add(struct stage *s, const struct buf *record)
{
	struct err e = ERR_INIT;

	if (record->bad) {
		err_memory(&e);
		stage_fail(s, &e);
		return;
	}
	if (s->print) {
		show(s, record);
		loop_timer_set(s->show, 0);
		return;
	}
	cut_run(s);
	stream_writer_add(s->writer, record->data, record->len);
}

static void flush_print(struct stage *s)
{
	struct buf out = BUF_INIT;

	if (!s->print)
		return;
	print_flush(s->print, &out);
	stream_writer_add(s->writer, out.data, out.len);
	buf_release(&out);
}

static void on_show(void *arg)
{
	flush_print(arg);
}

void stage_done(struct stage *s)
{
	s->done = true;
	flush_print(s);
	stop_if_done(s);
}

static void report_bad(struct stage *s, const struct record *r, const char *why)
{
	s->bad++;
	if (log_allow(&s->bad_limit, loop_now_ms(s->loop)))
		log_warn(
		    NULL, "standard input, line %llu: %s; skipped", (unsigned long long)r->line, why);
}

static int find_kind(const struct stage *s, const struct record *r)
{
	for (int i = 0; s->ops->kinds[i].kind; i++)
		if (record_is(r, s->ops->kinds[i].kind, s->ops->kinds[i].group))
			return i;
	return -1;
}

static void become_synced(struct stage *s)
{
	s->synced = true;
	awaited_stop(&s->awaited);
	settle(s);
}

static bool changes(enum record_type t)
{
	return t == RECORD_ADDED || t == RECORD_MODIFIED || t == RECORD_DELETED || t == RECORD_APPLY;
}

/* A record of a kind that the stage reads. */
static void hand_over(struct stage *s, const struct record *r, int kind)
{
	struct err e = ERR_INIT;
	const struct json *view = r->parsed ? r->parsed : json_view(r->text, r->len, &s->scratch);
	struct json *own = view ? NULL : record_parse(r, &e);
	const struct json *object = json_get(view ? view : own, "object");

	if (!view && !own) {
		report_bad(s, r, e.text);
		return;
	}
	forward(s, r);
	if (r->type == RECORD_BOOKMARK) {
		awaited_bookmark(&s->awaited, (size_t)kind, object);
		if (!s->synced && awaited_is_done(&s->awaited))
			become_synced(s);
	} else if (changes(r->type)) {
		s->ops->record(s->ctx, r, object);
		settle(s);
	}
	json_free(own);
	arena_reset(&s->scratch);
}

static void report_source_error(struct stage *s, const struct record *r)
{
	struct err e = ERR_INIT;
	struct json *own = r->parsed ? NULL : record_parse(r, &e);
	const char *message =
	    json_string(json_at(r->parsed ? r->parsed : own, "object", "message", NULL));

	if (log_allow(&s->bad_limit, loop_now_ms(s->loop)))
		log_warn(
		    NULL, "the source reports: %s", message ? message : "an error without a message");
	json_free(own);
}

static void take(struct stage *s, const struct record *r)
{
	int kind;

	if (r->type == RECORD_BAD) {
		report_bad(s, r, r->bad);
		return;
	}
	if (r->type == RECORD_ERROR)
		report_source_error(s, r);
	kind = find_kind(s, r);
	if (kind >= 0 &&
	    (s->ops->kinds[kind].awaited != STAGE_ONLY_AWAITED || r->type == RECORD_BOOKMARK))
		hand_over(s, r, kind);
	else
		forward(s, r);
}

static void take_all(struct stage *s)
{
	struct record r;

	while (!s->failed && !s->paused && stream_reader_next(s->reader, &r))
		take(s, &r);
	cut_run(s);
}

/* What is known is the world, and then the command finishes. */
static void finish(struct stage *s)
{
	if (!s->paused && !s->synced)
		become_synced(s);
	if (s->paused || s->drained || s->failed)
		return;
	s->drained = true;
	flush_print(s);
	if (s->ops->drain)
		s->ops->drain(s->ctx);
	else
		stage_done(s);
}

/* No more input. */
static void drain(struct stage *s)
{
	if (s->draining || s->failed)
		return;
	s->draining = true;
	loop_fd_remove(s->in);
	s->in = NULL;
	awaited_stop(&s->awaited);
	finish(s);
}

static void on_input(int what, void *arg)
{
	struct stage *s = arg;
	struct err e = ERR_INIT;
	size_t room;
	char *to = stream_reader_room(s->reader, &room);
	ssize_t n = to ? read(STDIN_FILENO, to, room) : -1;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && to)
		return;
	if (n < 0) {
		if (to)
			err_sys(&e, errno, "reading standard input");
		else
			err_memory(&e);
		stage_fail(s, &e);
		return;
	}
	if (n > 0)
		stream_reader_fed(s->reader, (size_t)n);
	else
		stream_reader_end(s->reader);
	take_all(s);
	flush_print(s);
	if (n == 0)
		drain(s);
	else if (!s->synced)
		awaited_read(&s->awaited);
	if (stage_is_full(s))
		read_input(s, false);
}

static void on_drained(void *arg)
{
	struct stage *s = arg;

	if (s->paused) {
		settle(s);
		take_all(s);
		if (s->draining)
			finish(s);
	}
	if (!s->paused && !stage_is_full(s))
		read_input(s, true);
	stop_if_done(s);
}

static void on_closed(void *arg, const struct err *e)
{
	stage_fail(arg, e);
}

/* The first signal is a graceful stop, the second an end. */
static void on_signal(int number, void *arg)
{
	struct stage *s = arg;

	(void)number;
	if (s->draining)
		loop_stop(s->loop);
	else
		drain(s);
}

static int open_input(struct stage *s, struct err *e)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) < 0)
		return err_sys(e, errno, "standard input");
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		s->in_flags = fcntl(STDIN_FILENO, F_GETFL);
		fcntl(STDIN_FILENO, F_SETFL, s->in_flags | O_NONBLOCK);
		fcntl(
		    STDIN_FILENO, F_SETPIPE_SZ, PIPE_SIZE); /* fewer turns a record; refused is fine */
	}
	s->in = loop_fd_add(s->loop, STDIN_FILENO, LOOP_READ, on_input, s, e);
	return s->in ? 0 : -1;
}

static int open_all(struct stage *s, enum print_output output, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	struct stream_writer_events ev = { on_closed, on_drained, s };

	s->loop = loop_new(e);
	if (!s->loop)
		return -1;
	s->reader = stream_reader_new(e);
	s->writer = stream_writer_new(s->loop, STDOUT_FILENO, &ev, e);
	s->show = loop_timer_add(s->loop, on_show, s, e);
	if (!s->reader || !s->writer || !s->show ||
	    awaited_begin(&s->awaited, s->ops->kinds, s->loop, e) < 0)
		return -1;
	/* One that awaits nothing knows the world from the start. */
	s->synced = awaited_is_done(&s->awaited);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		s->signals[i] = loop_signal_add(s->loop, numbers[i], on_signal, s, e);
		if (!s->signals[i])
			return -1;
	}
	if (output != PRINT_JSON) {
		s->print = print_new(output, e);
		if (!s->print)
			return -1;
	}
	return open_input(s, e);
}

struct stage *stage_new(const struct stage_ops *ops, void *ctx, enum print_output output, struct err *e)
{
	struct stage *s = calloc(1, sizeof(*s));

	if (!s) {
		err_memory(e);
		return NULL;
	}
	*s = (struct stage){
		.ops = ops, .ctx = ctx, .in_flags = -1, .bad_limit = { .burst = 10, .window_ms = 1000 }
	};
	if (open_all(s, output, e) == 0)
		return s;
	stage_free(s);
	return NULL;
}

void stage_free(struct stage *s)
{
	if (!s)
		return;
	loop_fd_remove(s->in);
	if (s->in_flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, s->in_flags);
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		loop_signal_remove(s->signals[i]);
	awaited_end(&s->awaited);
	loop_timer_remove(s->show);
	stream_writer_free(s->writer);
	stream_reader_free(s->reader);
	print_free(s->print);
	loop_free(s->loop);
	arena_release(&s->scratch);
	free(s);
}

void stage_freep(struct stage **s)
{
	stage_free(*s);
}

int stage_run(struct stage *s, struct err *e)
{
	struct err ours = ERR_INIT;

	if (!s->synced)
		awaited_read(&s->awaited);
	if (!s->failed && loop_run(s->loop, &ours) < 0)
		stage_fail(s, &ours);
	if (s->bad)
		log_warn(NULL, "%llu bad record%s skipped", (unsigned long long)s->bad,
		    s->bad == 1 ? " was" : "s were");
	if (!s->failed)
		return 0;
	*e = s->e;
	return -1;
}
