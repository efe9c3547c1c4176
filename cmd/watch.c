/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl watch: writes the world as a stream.
 *
 * Reads a Kubernetes API server, a directory of manifests or a recording, and writes
 * lbctl-stream(5).  It waits while its reader is behind, and ends when that goes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "pkg/log/log.h"
#include "pkg/print/print.h"
#include "pkg/source/source.h"
#include "pkg/stream/stream.h"

enum { MOST_KINDS = 64 };

struct args {
	struct source_options source;
	struct opt_list kinds;
	const char *output;
	const char *log;
};

static const struct opt opts[] = {
	OPT_LIST('k', "kinds", "KIND,...", struct args, kinds,
	    "what to watch, or controller or speaker for what those read; else what both do"),
	OPT_FLAG(0, "once", struct args, source.once, "write what exists and exit"),
	OPT_FLAG(
	    0, "full", struct args, source.full, "keep managedFields and the last-applied annotation"),
	OPT_STRING('o', "output", "FORMAT", struct args, output,
	    "json, table, wide or name; a table on a terminal, else json"),
	OPT_STRING(0, "log", "LEVEL", struct args, log,
	    "error, warn, info or debug; debug:kube tells of the API server"),
	OPT_INCLUDE(source_opts, struct args, source),
	OPT_END,
};

struct watch {
	struct loop *loop;
	struct source *source;
	struct stream_writer *writer;
	struct print *print; /* NULL: the stream itself */
	struct loop_timer *show;
	struct log_limit bad_limit; /* of records that a table can't show */
	struct loop_signal *signals[2];
	const struct api_kind *kinds[MOST_KINDS + 1];
	bool chosen; /* --kinds was given */
	bool ending;
	bool failed;
	struct err e;
};

static void add_kind(struct watch *w, const struct api_kind *k)
{
	size_t n = 0;

	for (; w->kinds[n]; n++)
		if (w->kinds[n] == k)
			return;
	if (n < MOST_KINDS)
		w->kinds[n] = k;
}

static void add_preset(struct watch *w, unsigned preset)
{
	for (const struct api_kind *k = api_kinds; k->kind; k++)
		if (k->presets & preset)
			add_kind(w, k);
}

static int choose_kinds(struct watch *w, const struct opt_list *words, struct err *e)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->at[i];
		const struct api_kind *k = api_kind_by_word(word);

		if (!strcmp(word, "controller"))
			add_preset(w, API_CONTROLLER);
		else if (!strcmp(word, "speaker"))
			add_preset(w, API_SPEAKER);
		else if (k)
			add_kind(w, k);
		else
			return err_set(e, ERR_USAGE,
			    "--kinds: '%s' is none that lbctl knows; want controller, speaker, or "
			    "kinds "
			    "such as services,ipaddresspools",
			    word);
	}
	w->chosen = words->n > 0;
	if (!words->n)
		add_preset(w, API_CONTROLLER | API_SPEAKER);
	return 0;
}

static void stop_if_written(struct watch *w)
{
	if (w->ending && !stream_writer_queued(w->writer))
		loop_stop(w->loop);
}

static void flush_print(struct watch *w)
{
	struct buf out = BUF_INIT;

	if (!w->print)
		return;
	print_flush(w->print, &out);
	stream_writer_add(w->writer, out.data, out.len);
	buf_release(&out);
}

static void on_show(void *arg)
{
	flush_print(arg);
}

/* A recording has records of every kind; a table shows those that were asked for. */
static bool wanted(const struct watch *w, const struct json *object)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	const char *slash = version ? strchr(version, '/') : NULL;
	size_t len = slash ? (size_t)(slash - version) : 0;

	if (!w->chosen)
		return true;
	for (size_t n = 0; kind && w->kinds[n]; n++)
		if (!strcmp(w->kinds[n]->kind, kind) && strlen(w->kinds[n]->group) == len &&
		    !strncmp(w->kinds[n]->group, version, len))
			return true;
	return false;
}

static void show(struct watch *w, const char *text, size_t len)
{
	struct err e = ERR_INIT;
	CLEANUP(json_freep) struct json *j = json_parse(text, len, &e);

	if (j && wanted(w, json_get(j, "object")))
		print_record(w->print, record_type_of(j), json_get(j, "object"));
	else if (!j && log_allow(&w->bad_limit, loop_now_ms(w->loop)))
		log_warn(NULL, "a record is not shown: %s", e.text);
	if (!loop_timer_is_set(w->show))
		loop_timer_set(w->show, 0);
}

static void on_record(void *arg, const char *text, size_t len)
{
	struct watch *w = arg;

	if (w->print)
		show(w, text, len);
	else
		stream_writer_add(w->writer, text, len);
	if (stream_writer_queued(w->writer) > STREAM_QUEUE_MAX)
		source_pause(w->source, true);
}

/* No more will come: write what is queued, then go. */
static void end(struct watch *w)
{
	w->ending = true;
	source_pause(w->source, true);
	flush_print(w);
	stop_if_written(w);
}

static void on_ended(void *arg)
{
	end(arg);
}

/* A reader shall know, too. */
static void write_error(struct watch *w, const struct err *e)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT;
	struct json_writer j = json_writer(&line);

	if (w->print)
		return;
	json_begin(&j, '{');
	json_field(&j, "type", "ERROR");
	json_key(&j, "object");
	json_begin(&j, '{');
	json_field(&j, "kind", "Status");
	json_field(&j, "apiVersion", "v1");
	json_field(&j, "status", "Failure");
	json_field(&j, "message", e->text);
	json_end(&j, '}');
	json_end(&j, '}');
	buf_putc(&line, '\n');
	stream_writer_add(w->writer, line.data, line.len);
}

static void on_failed(void *arg, const struct err *e)
{
	struct watch *w = arg;

	w->failed = true;
	w->e = *e;
	write_error(w, e);
	end(w);
}

static void on_warned(void *arg, const char *text)
{
	(void)arg;
	log_warn(NULL, "%s", text);
}

static void on_closed(void *arg, const struct err *e)
{
	struct watch *w = arg;

	if (!w->failed) {
		w->failed = true;
		w->e = *e;
	}
	loop_stop(w->loop);
}

static void on_drained(void *arg)
{
	struct watch *w = arg;

	if (!w->ending)
		source_pause(w->source, false);
	stop_if_written(w);
}

/* The first signal is a graceful stop, the second an end. */
static void on_signal(int number, void *arg)
{
	struct watch *w = arg;

	(void)number;
	if (w->ending)
		loop_stop(w->loop);
	else
		end(w);
}

static int start(struct watch *w, const struct args *a, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	struct source_events from = { on_record, on_ended, on_failed, on_warned, w };
	struct stream_writer_events to = { on_closed, on_drained, w };
	enum print_output output;

	if (print_output(a->output, STDOUT_FILENO, &output, e) < 0 || choose_kinds(w, &a->kinds, e) < 0)
		return -1;
	w->loop = loop_new(e);
	if (!w->loop)
		return -1;
	if (output != PRINT_JSON) {
		w->print = print_new(output, e);
		if (!w->print)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		w->signals[i] = loop_signal_add(w->loop, numbers[i], on_signal, w, e);
		if (!w->signals[i])
			return -1;
	}
	w->show = loop_timer_add(w->loop, on_show, w, e);
	w->writer = stream_writer_new(w->loop, STDOUT_FILENO, &to, e);
	if (!w->show || !w->writer)
		return -1;
	w->source = source_open(w->loop, &a->source, w->kinds, &from, e);
	return w->source ? 0 : -1;
}

static void release(struct watch *w)
{
	source_close(w->source);
	stream_writer_free(w->writer);
	loop_timer_remove(w->show);
	for (size_t i = 0; i < ARRAY_LEN(w->signals); i++)
		loop_signal_remove(w->signals[i]);
	print_free(w->print);
	loop_free(w->loop);
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { 0 };
	struct watch w = { .bad_limit = { .burst = 10, .window_ms = 1000 } };
	int n = opts_parse(opts, &args, argc, argv, e);
	int status = n;

	if (n > 0)
		status = err_set(e, ERR_USAGE, "takes no operand, have '%s'", argv[1]);
	if (status == 0 && args.log)
		status = log_configure(args.log, e);
	if (status == 0)
		status = start(&w, &args, e);
	if (status == 0)
		status = loop_run(w.loop, e);
	if (status == 0 && w.failed) {
		*e = w.e;
		status = -1;
	}
	release(&w);
	opt_list_release(&args.kinds);
	return status;
}

const struct cmd cmd_watch = {
	.name = "watch",
	.operands = "",
	.summary = "write the world as a stream: an API server, a directory, a recording",
	.opts = opts,
	.run = run,
};
