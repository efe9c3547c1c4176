/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl apply: writes what the stages before it decided.
 *
 * Reads APPLY records and writes their fields to the API server, or to DIR/.lbctl/; forwards
 * all it reads and adds a Decision for every write.  At the end of input it finishes what
 * waits, for a bounded time. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "pkg/apply/apply.h"
#include "pkg/log/log.h"
#include "pkg/record/record.h"
#include "pkg/stage/stage.h"

struct args {
	struct kube_options server;
	const char *to;
	const char *output;
	const char *log;
	uint32_t in_flight;
	uint32_t timeout;
	bool dry_run;
};

static const struct opt opts[] = {
	OPT_STRING('t', "to", "DIR", struct args, to, "write to DIR/.lbctl instead of an API server"),
	OPT_FLAG('n', "dry-run", struct args, dry_run, "write nothing, tell what would be written"),
	OPT_DURATION(0, "timeout", "TIME", struct args, timeout,
	    "how long to go on writing after the end of input (5s)"),
	OPT_UINT(0, "in-flight", "N", struct args, in_flight, "writes under way at once (16)"),
	OPT_INCLUDE(kube_opts, struct args, server),
	OPT_STRING('o', "output", "FORMAT", struct args, output,
	    "json, table, wide or name; a table on a terminal, else json"),
	OPT_STRING(0, "log", "LEVEL", struct args, log,
	    "error, warn, info or debug; debug:kube,apply for some parts"),
	OPT_END,
};

struct writer {
	struct stage *stage;
	struct apply *engine;
	struct apply_sink sink;
	struct loop_timer *due;     /* the engine's deadline */
	struct loop_timer *timeout; /* after the end of input */
	struct log_limit limit;
	uint32_t timeout_ms;
	bool dry_run;
	bool pumping;
	bool known;
	size_t lost;
};

static void pump(struct writer *w);

static struct apply_now now(const struct writer *w)
{
	return (struct apply_now){ .ms = loop_now_ms(stage_loop(w->stage)), .wall = time(NULL) };
}

static void decide(struct writer *w, const struct apply_report *r)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT;
	struct record_decision d = { .subject_kind = r->kind,
		.namespace = r->namespace,
		.name = r->name,
		.component = "apply",
		.verdict = r->verdict,
		.code = r->code,
		.message = r->message };

	if (r->verdict == VERDICT_REFUSED)
		log_warn(NULL, "%s %s/%s: %s", r->kind, r->namespace, r->name, r->message);
	record_decision(&line, &d);
	stage_add(w->stage, &line);
}

static void tell_dry(struct writer *w, const struct apply_write *write)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	struct apply_report r = { .kind = write->kind->kind,
		.namespace = write->namespace,
		.name = write->name,
		.verdict = VERDICT_KEPT,
		.code = "DryRun" };

	buf_puts(&text, "would write ");
	apply_describe(write->body, &text);
	r.message = text.bad ? "would write" : text.data;
	decide(w, &r);
}

static void on_done(void *arg, uint64_t id, const struct apply_result *r)
{
	struct writer *w = arg;
	bool before = apply_troubled(w->engine), after;

	apply_done(w->engine, id, r, now(w));
	after = apply_troubled(w->engine);
	if (after && !before)
		log_warn(NULL, "%s; trying again", r->why ? r->why : "no answer");
	else if (before && !after)
		log_info(NULL, "writing again");
	if (!w->pumping)
		pump(w);
}

static void name_lost(void *arg, const char *kind, const char *namespace, const char *name)
{
	struct writer *w = arg;

	if (w->lost++ < 20)
		log_error(NULL, "not written: %s %s/%s", kind, namespace, name);
}

/* Starts what can be started, and tells what became of what was. */
static void pump(struct writer *w)
{
	struct apply_write write;
	struct apply_report report;
	uint64_t deadline;

	w->pumping = true;
	while (apply_next(w->engine, now(w), &write)) {
		if (w->dry_run)
			tell_dry(w, &write);
		apply_sink_start(&w->sink, &write);
	}
	w->pumping = false;
	while (apply_report(w->engine, &report))
		decide(w, &report);
	deadline = apply_deadline(w->engine);
	if (deadline != UINT64_MAX) {
		uint64_t at = now(w).ms;

		loop_timer_set(w->due, deadline > at ? deadline - at : 0);
	}
	if (stage_draining(w->stage) && apply_idle(w->engine))
		stage_done(w->stage);
}

static void on_due(void *arg)
{
	pump(arg);
}

static void on_timeout(void *arg)
{
	struct writer *w = arg;

	apply_unwritten(w->engine, name_lost, w);
	stage_done(w->stage);
}

static void on_record(void *ctx, const struct record *r, const struct json *object)
{
	struct writer *w = ctx;
	const char *namespace = json_string(json_at(object, "metadata", "namespace", NULL));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	struct err e = ERR_INIT;

	if (r->type == RECORD_APPLY) {
		if (apply_want(w->engine, object, now(w), &e) < 0 && log_allow(&w->limit, now(w).ms))
			log_warn(
			    NULL, "standard input, line %llu: %s", (unsigned long long)r->line, e.text);
		pump(w);
		return;
	}
	if (record_is(r, "Event", "") || !namespace || !name)
		return;
	apply_observed(w->engine, r->type == RECORD_DELETED, object);
	if (!w->dry_run && record_is(r, "Service", ""))
		apply_sink_exists(&w->sink, namespace, name, r->type != RECORD_DELETED);
}

/* The list of Services was complete once: what is kept of others can go. */
static void on_settle(void *ctx)
{
	struct writer *w = ctx;

	if (w->known || stage_draining(w->stage))
		return;
	w->known = true;
	apply_sink_known(&w->sink);
}

static void on_drain(void *ctx)
{
	struct writer *w = ctx;

	apply_hurry(w->engine);
	loop_timer_set(w->timeout, w->timeout_ms);
	pump(w);
}

static const struct stage_kind kinds[] = { { "Service", "", true },
	{ "IPAddressPool", "metallb.io", false }, { "Node", "", false }, { "Event", "", false },
	{ 0 } };
static const struct stage_ops ops = { kinds, on_record, on_settle, on_drain };

static int open_sink(struct writer *w, const struct args *a, struct err *e)
{
	struct apply_sink_events ev = { on_done, w };

	if (a->dry_run)
		return apply_to_nothing(&w->sink, &ev, e);
	if (a->to)
		return apply_to_directory(&w->sink, stage_loop(w->stage), a->to, &ev, e);
	return apply_to_cluster(&w->sink, stage_loop(w->stage), &a->server, &ev, e);
}

static int start(struct writer *w, const struct args *a, struct err *e)
{
	enum print_output output;

	w->timeout_ms = a->timeout;
	w->dry_run = a->dry_run;
	w->limit = (struct log_limit){ .burst = 10, .window_ms = 1000 };
	if (print_output(a->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	w->engine = apply_new(a->in_flight, e);
	w->stage = w->engine ? stage_new(&ops, w, output, e) : NULL;
	if (!w->stage)
		return -1;
	w->due = loop_timer_add(stage_loop(w->stage), on_due, w, e);
	w->timeout = loop_timer_add(stage_loop(w->stage), on_timeout, w, e);
	return w->due && w->timeout ? open_sink(w, a, e) : -1;
}

static void release(struct writer *w)
{
	apply_sink_close(&w->sink);
	loop_timer_remove(w->due);
	loop_timer_remove(w->timeout);
	stage_free(w->stage);
	apply_free(w->engine);
}

static int verdict(const struct writer *w, struct err *e)
{
	size_t refused = apply_refused(w->engine);

	if (w->lost)
		return err_set(e, ERR_SYSTEM, "%zu write%s not made within the time of --timeout",
		    w->lost, w->lost == 1 ? " was" : "s were");
	if (refused)
		return err_set(
		    e, ERR_SYSTEM, "%zu write%s refused", refused, refused == 1 ? " was" : "s were");
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .in_flight = 16, .timeout = 5000 };
	struct writer w = { 0 };
	int n = opts_parse(opts, &args, argc, argv, e);
	int status = n;

	if (n > 0)
		status = err_set(e, ERR_USAGE, "takes no operand, have '%s'", argv[1]);
	if (status == 0 && (args.in_flight < 1 || args.in_flight > APPLY_IN_FLIGHT_MAX))
		status = err_set(e, ERR_USAGE, "--in-flight: want 1 to %d", APPLY_IN_FLIGHT_MAX);
	if (status == 0 && args.log)
		status = log_configure(args.log, e);
	if (status == 0)
		status = start(&w, &args, e);
	if (status == 0)
		status = stage_run(w.stage, e);
	if (status == 0)
		status = verdict(&w, e);
	release(&w);
	return status;
}

const struct cmd cmd_apply = {
	.name = "apply",
	.operands = "",
	.summary = "write what the stages before it decided",
	.opts = opts,
	.run = run,
};
