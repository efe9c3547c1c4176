/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl allocate: gives each Service an address out of a pool, or says why not.
 *
 * This file knows records and options; which address belongs to whom is pkg/ipam's. */
#include <string.h>
#include <unistd.h>

#include "cmd/allocate.h"
#include "cmd/cmd.h"
#include "cmd/complaints.h"
#include "cmd/verdicts.h"
#include "pkg/log/log.h"
#include "pkg/stage/stage.h"

struct args {
	const char *lb_class;
	const char *namespace;
	const char *on_pool_change;
	uint32_t reuse_delay;
	bool sticky;
	bool what_if;
	const char *output;
	const char *log;
};

static const struct opt opts[] = {
	OPT_STRING(0, "lb-class", "CLASS", struct args, lb_class,
	    "only Services of this loadBalancerClass; default: only those without one"),
	OPT_STRING(0, "namespace", "NAME", struct args, namespace,
	    "where the configuration is; default: $METALLB_NAMESPACE, else metallb-system"),
	OPT_STRING(0, "on-pool-change", "WHAT", struct args, on_pool_change,
	    "keep: an address whose pool no longer has it is kept; default: move"),
	OPT_DURATION(0, "reuse-delay", "DURATION", struct args, reuse_delay,
	    "a released address is given to nobody else before this has passed"),
	OPT_FLAG(0, "sticky", struct args, sticky,
	    "a Service that is made again gets what it had, while that is free"),
	OPT_FLAG(0, "what-if", struct args, what_if,
	    "tell what the records after the snapshot would do to each address; want nothing"),
	OPT_STRING('o', "output", "FORMAT", struct args, output,
	    "json, table, wide or name; a table on a terminal, else json"),
	OPT_STRING(0, "log", "LEVEL", struct args, log, "error, warn, info or debug"),
	OPT_END,
};

enum { NAME_MAX_LEN = 253, STATUS_PAUSE_MS = 2000, STATUS_CHANGES = 1000 };

struct allocate {
	struct stage *stage;
	struct ipam *ipam;
	struct config_store *store;
	const struct config *config; /* in force */
	struct pool_statuses *statuses;
	struct loop_timer *pause; /* in the changes of the pools' numbers, after which they are told */
	unsigned changes;
	struct loop_timer *rested; /* an address has, or NULL */
	struct what_if *what_if;   /* or NULL */
	size_t invalid;            /* objects that the configuration of last made so */
	struct complaints *complaints;
	struct verdicts *verdicts;
	bool config_changed;
	bool settled; /* once */
	int verdict;  /* of --what-if: -1 and `why`, when the change does harm */
	struct err why;
	bool rows; /* people read it: one row a Service is enough */
	struct arena scratch;
	struct buf line;
};

static const struct stage_kind kinds[] = {
	{ "Service", "", true },
	{ "Namespace", "", true },
	{ "ConfigMap", "", true },
	{ "IPAddressPool", "metallb.io", true },
	{ "AddressPool", "metallb.io", true },
	{ "Decision", RECORD_GROUP, false },
	{ "Node", "", false },
	{ NULL, NULL, false },
};

static void add_line(struct allocate *x)
{
	stage_add(x->stage, &x->line);
	buf_reset(&x->line);
}

/* Whoever can't be read keeps what is recorded. */
static void unreadable(struct allocate *x, const struct json *object, const struct err *e)
{
	const struct json *list = json_at(object, "status", "loadBalancer", "ingress", NULL);
	size_t n = json_count(list), found = 0;
	struct addr *at = arena_alloc(&x->scratch, (n + 1) * sizeof(*at));
	struct err ignored = ERR_INIT; /* what is no address is nobody's */
	const char *namespace = json_string(json_at(object, "metadata", "namespace", NULL));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));

	complaints_object(x->complaints, "Service", object, e->text);
	for (size_t i = 0; at && i < n; i++) {
		const char *ip = json_string(json_get(json_item(list, i), "ip"));

		if (ip && addr_parse(&at[found], ip, &ignored) == 0)
			found++;
	}
	namespace = namespace ? namespace : "";
	if (at && name && *name && strlen(name) <= NAME_MAX_LEN && strlen(namespace) <= NAME_MAX_LEN)
		ipam_service_unreadable(x->ipam, namespace, name, at, found, e->text);
}

static void take_service(struct allocate *x, const struct record *r, const struct json *object)
{
	struct err e = ERR_INIT;
	struct api_service s;
	struct api_meta meta;
	bool gone = r->type == RECORD_DELETED;
	int rc;

	if (r->type == RECORD_APPLY && !json_get(object, "status"))
		return;
	if (gone)
		rc = api_meta_decode(&meta, object, &x->scratch, &e);
	else
		rc = api_service_decode(&s, object, &x->scratch, &e);
	if (rc < 0 && e.kind != ERR_PROTOCOL) {
		stage_fail(x->stage, &e);
	} else if (rc < 0 && (gone || r->type == RECORD_APPLY)) {
		complaints_object(x->complaints, "Service", object, e.text);
	} else if (rc < 0) {
		unreadable(x, object, &e);
	} else if (r->type == RECORD_APPLY) {
		ipam_service_status(x->ipam, &s);
	} else {
		complaints_over(x->complaints, "Service", object);
		if (gone)
			ipam_service_gone(x->ipam, meta.namespace, meta.name);
		else
			ipam_service(x->ipam, &s);
	}
}

static void take_namespace(struct allocate *x, const struct record *r, const struct json *object)
{
	struct err e = ERR_INIT;
	struct api_namespace n;

	if (r->type == RECORD_APPLY)
		return;
	if (api_namespace_decode(&n, object, &x->scratch, &e) < 0)
		complaints_object(x->complaints, "Namespace", object, e.text);
	else if (r->type == RECORD_DELETED)
		ipam_namespace_gone(x->ipam, n.meta.name);
	else
		ipam_namespace(x->ipam, &n);
}

/* Somebody found that addresses are in use, or that they are no more. */
static void take_decision(struct allocate *x, const struct record *r, const struct json *object)
{
	const struct json *spec = json_get(object, "spec"), *list = json_get(spec, "addresses");
	const char *component = json_string(json_get(spec, "component"));
	const char *kind = json_string(json_at(spec, "subject", "kind", NULL));
	const char *code = json_string(json_get(spec, "code"));
	const char *message = json_string(json_get(spec, "message"));
	bool in_use = r->type != RECORD_DELETED && code && !strcmp(code, "AddressInUse");
	size_t n = !in_use ? 0 : json_type(list) == JSON_ARRAY ? json_count(list) : 1, good = 0;
	struct addr *at = arena_alloc(&x->scratch, (n + 1) * sizeof(*at));
	struct err e = ERR_INIT;
	struct api_meta meta;
	const char *by;

	if (!component || !strcmp(component, "allocate") || r->type == RECORD_APPLY)
		return;
	if (api_meta_decode(&meta, object, &x->scratch, &e) < 0) {
		complaints_object(x->complaints, "Decision", object, e.text);
		return;
	}
	for (size_t i = 0; at && i < n; i++) {
		const char *text = json_string(json_item(list, i));

		if (text && addr_parse(&at[good], text, &e) == 0)
			good++;
		else
			complaints_part(x->complaints, "Decision", object,
			    "spec.addresses: want IP addresses", text);
	}
	by = arena_printf(
	    &x->scratch, "%s %s %s/%s", component, kind ? kind : "", meta.namespace, meta.name);
	if (at && by)
		ipam_quarantine(x->ipam, by, at, good,
		    message && *message ? message : arena_printf(&x->scratch, "%s says so", component));
}

/* Its speaker found that addresses are in use. */
static void take_node(struct allocate *x, const struct record *r, const struct json *object)
{
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	const char *list = json_string(json_at(object, "metadata", "annotations", RECORD_IN_USE, NULL));
	char *by = arena_printf(&x->scratch, "Node %s", name ? name : "");
	char *why = arena_printf(&x->scratch, "node \"%s\" found it", name ? name : "");
	char *text = arena_copy(&x->scratch, list && r->type != RECORD_DELETED ? list : "");
	struct addr *at = arena_alloc(&x->scratch, (text ? strlen(text) : 1) * sizeof(*at));
	struct err e = ERR_INIT;
	size_t good = 0;
	char *rest;

	if (!name || !by || !why || !text || !at)
		return;
	complaints_over(x->complaints, "Node", object);
	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		one[strcspn(one, "=")] = '\0';
		if (addr_parse(&at[good], one, &e) == 0)
			good++;
		else
			complaints_part(x->complaints, "Node", object,
			    "annotation " RECORD_IN_USE
			    ": want addresses with commas, as 192.0.2.10=02:00:00:00:00:01",
			    one);
	}
	ipam_quarantine(x->ipam, by, at, good, why);
}

static void take_config(struct allocate *x, const struct record *r, const struct json *object)
{
	bool gone = r->type == RECORD_DELETED;

	if (r->type == RECORD_APPLY)
		return;
	if (gone && record_is(r, "IPAddressPool", "metallb.io"))
		pool_statuses_gone(x->statuses, object);
	else if (record_is(r, "IPAddressPool", "metallb.io"))
		pool_statuses_seen(x->statuses, object);
	x->config_changed |=
	    gone ? config_store_remove(x->store, object) : config_store_put(x->store, object);
}

static void record(void *ctx, const struct record *r, const struct json *object)
{
	struct allocate *x = ctx;

	arena_reset(&x->scratch);
	if (x->rested)
		ipam_time(x->ipam, loop_now_ms(stage_loop(x->stage)));
	if (record_is(r, "Service", ""))
		take_service(x, r, object);
	else if (record_is(r, "Namespace", ""))
		take_namespace(x, r, object);
	else if (record_is(r, "Decision", RECORD_GROUP))
		take_decision(x, r, object);
	else if (record_is(r, "Node", ""))
		take_node(x, r, object);
	else
		take_config(x, r, object);
}

static void add_decision(void *arg, const struct record_decision *d)
{
	struct allocate *x = arg;

	record_decision(&x->line, d);
	add_line(x);
}

static void add_outcome(struct allocate *x, const struct ipam_outcome *o)
{
	if (o->write && !x->rows) {
		record_service_status(
		    &x->line, o->namespace, o->name, o->addresses, o->addresses_n, o->pool, o->old);
		add_line(x);
	}
	for (size_t i = 0; i < o->events_n && !x->rows; i++) {
		record_event(&x->line, &o->events[i]);
		add_line(x);
	}
	if (o->decided)
		add_decision(x, &o->decision);
}

static void add_status(void *arg, const struct record_pool_status *s)
{
	struct allocate *x = arg;

	record_pool_status(&x->line, s);
	add_line(x);
}

/* The pools' numbers, if they changed. */
static void tell_statuses(void *arg)
{
	struct allocate *x = arg;
	struct err e = ERR_INIT;

	if (!x->rows && x->config &&
	    pool_statuses_tell(x->statuses, x->ipam, x->config, add_status, x, &e) < 0)
		stage_fail(x->stage, &e);
	x->changes = 0;
	loop_timer_stop(x->pause);
}

/* Many changes of the pools' numbers are told together: when there is a pause, or a thousand. */
static void coalesce(struct allocate *x, bool first)
{
	if (first || x->changes >= STATUS_CHANGES)
		tell_statuses(x);
	else if (x->changes)
		loop_timer_set(x->pause, STATUS_PAUSE_MS);
}

static int configure(struct allocate *x, struct err *e)
{
	const struct config_problem *problems;
	size_t n;

	if (!x->config_changed)
		return 0;
	x->config = config_store_get(x->store, e);
	if (!x->config)
		return -1;
	x->config_changed = false;
	x->changes++;
	problems = config_store_problems(x->store, &n);
	complaints_config(x->complaints, problems, n);
	x->invalid = verdicts_config(x->verdicts, problems, n, add_decision, x);
	ipam_config(x->ipam, x->config);
	return 0;
}

static void await_rest(struct allocate *x)
{
	uint64_t at = x->rested ? ipam_deadline(x->ipam) : UINT64_MAX;
	uint64_t now = loop_now_ms(stage_loop(x->stage));

	if (at != UINT64_MAX)
		loop_timer_set(x->rested, at > now ? at - now : 0);
}

static void settle(void *ctx)
{
	struct allocate *x = ctx;
	bool first = !x->settled;
	struct ipam_outcome o;
	struct err e = ERR_INIT;
	int more;

	if (x->what_if && !first)
		return; /* the change is looked at when it is complete */
	if (configure(x, &e) < 0) {
		stage_fail(x->stage, &e);
		return;
	}
	if (x->what_if) {
		if (what_if_run(x->what_if, x->ipam, &e) < 0 ||
		    what_if_snapshot(x->what_if, x->ipam, &e) < 0)
			stage_fail(x->stage, &e);
		x->settled = true;
		return;
	}
	while ((more = ipam_next(x->ipam, &o, &e)) > 0) {
		x->changes += o.write;
		add_outcome(x, &o);
		if (stage_is_full(x->stage)) {
			stage_pause(x->stage);
			return;
		}
	}
	if (more < 0)
		stage_fail(x->stage, &e);
	x->settled = true;
	await_rest(x);
	coalesce(x, first);
}

static void on_rested(void *arg)
{
	struct allocate *x = arg;

	ipam_time(x->ipam, loop_now_ms(stage_loop(x->stage)));
	x->changes++;
	if (stage_synced(x->stage))
		settle(x);
}

static void tell_what_if(struct allocate *x)
{
	struct what_if_sum sum;
	struct err e = ERR_INIT;

	x->invalid = 0; /* what was so in the snapshot is not the change's */
	if (configure(x, &e) < 0 || what_if_run(x->what_if, x->ipam, &e) < 0 ||
	    what_if_tell(x->what_if, x->ipam, add_decision, x, &sum, &e) < 0)
		stage_fail(x->stage, &e);
	else
		x->verdict = what_if_verdict(&sum, x->invalid, &x->why);
}

static void drain(void *ctx)
{
	struct allocate *x = ctx;

	if (x->what_if)
		tell_what_if(x);
	else
		tell_statuses(x);
	stage_done(x->stage);
}

static int read_options(struct ipam_options *o, const struct args *args, struct err *e)
{
	const char *change = args->on_pool_change ? args->on_pool_change : "move";

	if (strcmp(change, "keep") != 0 && strcmp(change, "move") != 0)
		return err_set(
		    e, ERR_USAGE, "--on-pool-change: want keep or move, have \"%s\"", change);
	*o = (struct ipam_options){
		.lb_class = args->lb_class && *args->lb_class ? args->lb_class : NULL,
		.keep = !strcmp(change, "keep"),
		.reuse_delay_ms = args->reuse_delay,
		.sticky = args->sticky,
	};
	return 0;
}

static int open_parts(struct allocate *x, const struct args *args, struct err *e)
{
	struct ipam_options options;

	if (read_options(&options, args, e) < 0)
		return -1;
	x->config_changed = true;
	x->ipam = ipam_new(&options, e);
	x->store = config_store_new(default_namespace(args->namespace), e);
	x->complaints = complaints_new(e);
	x->verdicts = verdicts_new(e);
	x->statuses = pool_statuses_new(e);
	if (args->what_if)
		x->what_if = what_if_new(e);
	return x->ipam && x->store && x->complaints && x->verdicts && x->statuses &&
		       (x->what_if || !args->what_if)
		   ? 0
		   : -1;
}

static int open_all(struct allocate *x, const struct args *args, struct err *e)
{
	static const struct stage_ops ops = {
		.kinds = kinds, .record = record, .settle = settle, .drain = drain
	};
	enum print_output output;

	if (args->log && log_configure(args->log, e) < 0)
		return -1;
	if (print_output(args->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	x->rows = output == PRINT_TABLE || output == PRINT_WIDE;
	if (open_parts(x, args, e) < 0)
		return -1;
	x->stage = stage_new(&ops, x, output, e);
	if (!x->stage)
		return -1;
	x->pause = loop_timer_add(stage_loop(x->stage), tell_statuses, x, e);
	if (args->reuse_delay)
		x->rested = loop_timer_add(stage_loop(x->stage), on_rested, x, e);
	return x->pause && (x->rested || !args->reuse_delay) ? 0 : -1;
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { 0 };
	struct allocate x = { 0 };
	int status = opts_parse(opts, &args, argc, argv, e);

	if (status > 0)
		status = err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	if (status == 0)
		status = open_all(&x, &args, e);
	if (status == 0)
		status = stage_run(x.stage, e);
	if (status == 0 && x.verdict < 0) {
		*e = x.why;
		status = -1;
	}
	loop_timer_remove(x.pause);
	loop_timer_remove(x.rested);
	stage_free(x.stage);
	ipam_free(x.ipam);
	config_store_free(x.store);
	complaints_free(x.complaints);
	verdicts_free(x.verdicts);
	pool_statuses_free(x.statuses);
	what_if_free(x.what_if);
	arena_release(&x.scratch);
	buf_release(&x.line);
	return status;
}

const struct cmd cmd_allocate = {
	.name = "allocate",
	.operands = "",
	.summary = "give each Service an address out of a pool, or say why not",
	.opts = opts,
	.run = run,
};
