/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl elect: decides which node announces the addresses of each Service.
 *
 * This file knows records and options; who wins, and why, is pkg/election's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/elect.h"
#include "cmd/elect_lease.h"
#include "pkg/log/log.h"
#include "pkg/record/record.h"

struct args {
	const char *node;
	struct opt_list down, drain, add;
	const char *spread;
	const char *failback;
	uint32_t failback_ms;
	const char *lb_class;
	bool ignore_exclude;
	const char *namespace;
	const char *output;
	const char *log;
	struct elect_lease_args lease;
};

static const struct opt opts[] = {
	OPT_STRING(0, "node", "NAME", struct args, node,
	    "announce what is this node's; default: $NODE_NAME, else the host name"),
	OPT_LIST(0, "down", "NODE,...", struct args, down, "what if these nodes were dead; repeatable"),
	OPT_LIST(0, "drain", "NODE,...", struct args, drain,
	    "what if these nodes announced nothing; repeatable"),
	OPT_LIST(0, "add", "NODE,...", struct args, add,
	    "what if these nodes were there and alive; repeatable"),
	OPT_STRING(0, "spread", "hash|balanced", struct args, spread,
	    "by the order alone, as MetalLB (hash), or evenly; the same on all nodes"),
	OPT_STRING(0, "failback", "immediate|delay|never", struct args, failback,
	    "whether a node that returns takes its addresses back; default immediate"),
	OPT_DURATION(0, "failback-delay", "DURATION", struct args, failback_ms,
	    "with --failback delay, after having been alive for that long; default 1m"),
	OPT_STRING(0, "lb-class", "CLASS", struct args, lb_class,
	    "only Services of this loadBalancerClass; default: only those without one"),
	OPT_FLAG(0, "ignore-exclude-lb", struct args, ignore_exclude,
	    "a node's label exclude-from-external-load-balancers does not count"),
	OPT_STRING(0, "namespace", "NAME", struct args, namespace,
	    "where the configuration is; default: $METALLB_NAMESPACE, else metallb-system"),
	OPT_STRING('o', "output", "FORMAT", struct args, output,
	    "json, table, wide or name; a table on a terminal, else json"),
	OPT_STRING(0, "log", "LEVEL", struct args, log, "error, warn, info or debug"),
	OPT_INCLUDE(elect_lease_opts, struct args, lease),
	OPT_END,
};

static const struct stage_kind kinds[] = {
	{ "Service", "", true },
	{ "EndpointSlice", "discovery.k8s.io", true },
	{ "Node", "", true },
	{ "ConfigMap", "", true },
	{ "IPAddressPool", "metallb.io", true },
	{ "L2Advertisement", "metallb.io", true },
	{ "AddressPool", "metallb.io", true },
	{ "Member", RECORD_GROUP, false },
	{ NULL, NULL, false },
};

static void record_config(struct elect *x, const struct record *r, const struct json *object)
{
	bool changed = false;

	if (r->type == RECORD_DELETED)
		changed = config_store_remove(x->store, object);
	else if (r->type != RECORD_APPLY)
		changed = config_store_put(x->store, object);
	if (!changed)
		return;
	x->config_changed = true;
	election_config_changed(x->election);
	if (x->plain)
		election_config_changed(x->plain);
}

static int tell(struct election *el, const struct record *r, enum election_kind kind,
    const struct json *object, struct err *e)
{
	if (r->type == RECORD_DELETED)
		return election_remove(el, kind, object, e);
	if (r->type != RECORD_APPLY)
		return election_put(el, kind, object, e);
	return kind == ELECTION_SERVICE ? election_apply(el, object, e) : 0;
}

/* The lbctl members of this pipeline wants to know that this stage runs. */
static void note_members(struct elect *x, const struct json *member)
{
	const char *name = json_string(json_at(member, "metadata", "name", NULL));
	pid_t members = record_member_notify(json_get(member, "status"));

	if (members && name && !strcmp(name, x->node))
		keepalive_end_set(x->keepalive, members, false);
}

static void record(void *ctx, const struct record *r, const struct json *object)
{
	static const struct {
		const char *kind;
		const char *group;
		enum election_kind is;
	} facts[] = {
		{ "Service", "", ELECTION_SERVICE },
		{ "EndpointSlice", "discovery.k8s.io", ELECTION_ENDPOINT_SLICE },
		{ "Node", "", ELECTION_NODE },
		{ "Member", RECORD_GROUP, ELECTION_MEMBER },
	};
	struct elect *x = ctx;
	struct err e = ERR_INIT;
	size_t i = 0;
	int rc = 0;

	while (i < ARRAY_LEN(facts) && !record_is(r, facts[i].kind, facts[i].group))
		i++;
	if (i == ARRAY_LEN(facts)) {
		record_config(x, r, object);
		return;
	}
	if (facts[i].is == ELECTION_MEMBER)
		note_members(x, object);
	rc = tell(x->election, r, facts[i].is, object, &e);
	if (rc == 0 && x->plain)
		rc = tell(x->plain, r, facts[i].is, object, &e);
	if (rc == 0 && r->type != RECORD_APPLY)
		complaints_over(x->complaints, facts[i].kind, object);
	else if (rc < 0 && e.kind == ERR_PROTOCOL)
		complaints_object(x->complaints, facts[i].kind, object, e.text);
	else if (rc < 0)
		stage_fail(x->stage, &e);
}

/* A name that no Node has is most likely a wrong one. */
static void look_for_node(struct elect *x)
{
	if (!x->looked_for_node && !x->rows && !election_has_node(x->election, x->node))
		log_warn(NULL,
		    "there is no Node %s, so nothing is announced here; --node tells this node's name",
		    x->node);
	x->looked_for_node = true;
}

static void set_timer(struct elect *x)
{
	int64_t at = election_deadline(x->election), now;

	if (x->plain && election_deadline(x->plain) < at)
		at = election_deadline(x->plain);
	if (at == INT64_MAX) {
		loop_timer_stop(x->ripe);
		return;
	}
	now = wall_ms(loop_clock_us());
	loop_timer_set(x->ripe, at > now ? (uint64_t)(at - now) : 0);
}

static void settle(void *ctx)
{
	struct elect *x = ctx;
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(x->store, &e);
	struct election_outcome o;
	int rc = c ? 0 : -1;

	if (c && x->config_changed) {
		size_t n = 0;
		const struct config_problem *problems = config_store_problems(x->store, &n);

		complaints_config(x->complaints, problems, n);
		x->config_changed = false;
	}
	look_for_node(x);
	while (c && x->plain && (rc = election_next(x->plain, c, &o, &e)) == 1)
		;
	while (c && rc == 0 && (rc = election_next(x->election, c, &o, &e)) == 1) {
		rc = elect_tell(x, &o, &e);
		if (rc < 0)
			break;
		if (stage_is_full(x->stage)) {
			stage_pause(x->stage);
			return;
		}
	}
	if (rc < 0)
		stage_fail(x->stage, &e);
	set_timer(x);
}

static void drain(void *ctx)
{
	struct elect *x = ctx;
	struct err e = ERR_INIT;

	if (x->plain && elect_summary(x, &e) < 0)
		stage_fail(x->stage, &e);
	else
		stage_done(x->stage);
}

/* A node may have been alive for long enough now. */
static void on_ripe(void *ctx)
{
	struct elect *x = ctx;
	int64_t now = wall_ms(loop_clock_us());

	if (stage_draining(x->stage))
		return;
	election_clock(x->election, now);
	if (x->plain)
		election_clock(x->plain, now);
	settle(x);
}

static int parse_failback(const struct args *args, struct election_options *o, struct err *e)
{
	static const char *const names[] = { "immediate", "delay", "never" };

	for (size_t i = 0; args->failback && i < ARRAY_LEN(names); i++)
		if (!strcmp(args->failback, names[i])) {
			o->failback = (enum election_failback)i;
			o->failback_ms = args->failback_ms;
			if (o->failback && o->balanced)
				return err_set(e, ERR_USAGE,
				    "--failback %s: addresses that are balanced go home at once",
				    names[i]);
			return 0;
		}
	return args->failback
		   ? err_set(e, ERR_USAGE, "--failback: want immediate, delay or never, have '%s'",
			 args->failback)
		   : 0;
}

/* And, for a what-if, the election without it. */
static int open_elections(struct elect *x, const struct args *args, struct err *e)
{
	struct election_options options = {
		.lb_class = args->lb_class,
		.ignore_exclude = args->ignore_exclude,
		.down = { args->down.at, args->down.n },
		.drained = { args->drain.at, args->drain.n },
		.added = { args->add.at, args->add.n },
		.balanced = args->spread && !strcmp(args->spread, "balanced"),
		.self = x->node,
	};

	if (args->spread && !options.balanced && strcmp(args->spread, "hash") != 0)
		return err_set(
		    e, ERR_USAGE, "--spread: want hash or balanced, have '%s'", args->spread);
	if (parse_failback(args, &options, e) < 0)
		return -1;
	x->election = election_new(&options, e);
	if (!x->election)
		return -1;
	if (!options.down.n && !options.drained.n && !options.added.n)
		return 0;
	options.down = options.drained = options.added = (struct election_names){ 0 };
	x->plain = election_new(&options, e);
	return x->plain ? 0 : -1;
}

static int open_all(struct elect *x, const struct args *args, struct err *e)
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
	x->wide = output == PRINT_WIDE;
	if (open_elections(x, args, e) < 0)
		return -1;
	x->store = config_store_new(default_namespace(args->namespace), e);
	x->complaints = complaints_new(e);
	if (!x->store || !x->complaints)
		return -1;
	x->stage = stage_new(&ops, x, output, e);
	if (x->stage)
		x->ripe = loop_timer_add(stage_loop(x->stage), on_ripe, x, e);
	if (x->ripe)
		x->keepalive = keepalive_end_new(stage_loop(x->stage), NULL, NULL, e);
	return x->keepalive ? 0 : -1;
}

static int run_lease(const struct args *args, char **argv, struct err *e)
{
	if (args->log && log_configure(args->log, e) < 0)
		return -1;
	return elect_lease_run(&args->lease, default_namespace(args->namespace), argv, e);
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .lease = ELECT_LEASE_DEFAULTS, .failback_ms = 60000 };
	struct elect x = { 0 };
	char host[256];
	int status = opts_parse(opts, &args, argc, argv, e);

	if (status >= 0 && args.lease.name) {
		argv[1 + status] = NULL;
		return run_lease(&args, argv + 1, e);
	}
	if (status > 0)
		status = err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	x.node = default_node(args.node, host);
	if (status == 0)
		status = open_all(&x, &args, e);
	if (status == 0)
		status = stage_run(x.stage, e);
	keepalive_end_free(x.keepalive);
	loop_timer_remove(x.ripe);
	stage_free(x.stage);
	election_free(x.election);
	election_free(x.plain);
	config_store_free(x.store);
	complaints_free(x.complaints);
	opt_list_release(&args.down);
	opt_list_release(&args.drain);
	opt_list_release(&args.add);
	return status;
}

const struct cmd cmd_elect = {
	.name = "elect",
	.operands = "[-- COMMAND...]",
	.summary = "decide which node announces the addresses of each Service",
	.opts = opts,
	.run = run,
};
