/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl allocate: gives each Service an address out of a pool, or says why not.
 *
 * This file knows records and options; which address belongs to whom is pkg/ipam's. */
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/complaints.h"
#include "cmd/verdicts.h"
#include "pkg/ipam/ipam.h"
#include "pkg/log/log.h"
#include "pkg/stage/stage.h"

struct args {
	const char *lb_class;
	const char *namespace;
	const char *output;
	const char *log;
};

static const struct opt opts[] = {
	OPT_STRING(0, "lb-class", "CLASS", struct args, lb_class,
	    "only Services of this loadBalancerClass; default: only those without one"),
	OPT_STRING(0, "namespace", "NAME", struct args, namespace,
	    "where the configuration is; default: $METALLB_NAMESPACE, else metallb-system"),
	OPT_STRING('o', "output", "FORMAT", struct args, output,
	    "json, table, wide or name; a table on a terminal, else json"),
	OPT_STRING(0, "log", "LEVEL", struct args, log, "error, warn, info or debug"),
	OPT_END,
};

struct allocate {
	struct stage *stage;
	struct ipam *ipam;
	struct config_store *store;
	struct complaints *complaints;
	struct verdicts *verdicts;
	bool config_changed;
	bool rows; /* people read it: one row a Service is enough */
	struct arena scratch;
	struct buf line;
};

static const struct stage_kind kinds[] = {
	{ "Service", "", true },
	{ "Namespace", "", true },
	{ "ConfigMap", "", true },
	{ "IPAddressPool", "metallb.io", true },
	{ "AddressPool", "metallb.io", false },
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
	struct api_meta meta;

	complaints_object(x->complaints, "Service", object, e->text);
	for (size_t i = 0; at && i < n; i++) {
		const char *ip = json_string(json_get(json_item(list, i), "ip"));

		if (ip && addr_parse(&at[found], ip, &ignored) == 0)
			found++;
	}
	if (at && api_meta_decode(&meta, object, &x->scratch, &ignored) == 0)
		ipam_service_unreadable(x->ipam, meta.namespace, meta.name, at, found, e->text);
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

static void record(void *ctx, const struct record *r, const struct json *object)
{
	struct allocate *x = ctx;

	arena_reset(&x->scratch);
	if (record_is(r, "Service", ""))
		take_service(x, r, object);
	else if (record_is(r, "Namespace", ""))
		take_namespace(x, r, object);
	else if (r->type == RECORD_DELETED)
		x->config_changed |= config_store_remove(x->store, object);
	else if (r->type != RECORD_APPLY)
		x->config_changed |= config_store_put(x->store, object);
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
		    &x->line, o->namespace, o->name, o->addresses, o->addresses_n, o->pool);
		add_line(x);
	}
	for (size_t i = 0; i < o->events_n && !x->rows; i++) {
		record_event(&x->line, &o->events[i]);
		add_line(x);
	}
	if (o->decided)
		add_decision(x, &o->decision);
}

static void settle(void *ctx)
{
	struct allocate *x = ctx;
	const struct config_problem *problems;
	struct ipam_outcome o;
	struct err e = ERR_INIT;
	const struct config *c;
	size_t n;
	int more;

	if (x->config_changed) {
		c = config_store_get(x->store, &e);
		if (!c) {
			stage_fail(x->stage, &e);
			return;
		}
		x->config_changed = false;
		problems = config_store_problems(x->store, &n);
		complaints_config(x->complaints, problems, n);
		verdicts_config(x->verdicts, problems, n, add_decision, x);
		ipam_config(x->ipam, c);
	}
	while ((more = ipam_next(x->ipam, &o, &e)) > 0)
		add_outcome(x, &o);
	if (more < 0)
		stage_fail(x->stage, &e);
}

static int open_all(struct allocate *x, const struct args *args, struct err *e)
{
	static const struct stage_ops ops = { .kinds = kinds, .record = record, .settle = settle };
	const char *namespace = args->namespace ? args->namespace : getenv("METALLB_NAMESPACE");
	const struct ipam_options options = {
		.lb_class = args->lb_class && *args->lb_class ? args->lb_class : NULL,
	};
	enum print_output output;

	if (args->log && log_configure(args->log, e) < 0)
		return -1;
	if (print_output(args->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	x->rows = output == PRINT_TABLE || output == PRINT_WIDE;
	x->config_changed = true;
	x->ipam = ipam_new(&options, e);
	x->store = config_store_new(namespace && *namespace ? namespace : "metallb-system", e);
	x->complaints = complaints_new(e);
	x->verdicts = verdicts_new(e);
	if (!x->ipam || !x->store || !x->complaints || !x->verdicts)
		return -1;
	x->stage = stage_new(&ops, x, output, e);
	return x->stage ? 0 : -1;
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
	stage_free(x.stage);
	ipam_free(x.ipam);
	config_store_free(x.store);
	complaints_free(x.complaints);
	verdicts_free(x.verdicts);
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
