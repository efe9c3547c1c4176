/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl elect: decides which node announces the addresses of each Service.
 *
 * This file knows records and options; who wins, and why, is pkg/election's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/complaints.h"
#include "cmd/elect_lease.h"
#include "pkg/election/election.h"
#include "pkg/log/log.h"
#include "pkg/stage/stage.h"

struct args {
	const char *node;
	struct opt_list down;
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

struct elect {
	struct stage *stage;
	struct election *election;
	struct config_store *store;
	struct complaints *complaints;
	bool config_changed;
	const char *node;
	bool rows;            /* people read it: one row a Service is enough */
	bool looked_for_node; /* said that this node is not there, if so */
};

static const struct stage_kind kinds[] = {
	{ "Service", "", true },
	{ "EndpointSlice", "discovery.k8s.io", true },
	{ "Node", "", true },
	{ "ConfigMap", "", true },
	{ "IPAddressPool", "metallb.io", true },
	{ "L2Advertisement", "metallb.io", true },
	{ "AddressPool", "metallb.io", false },
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
	if (r->type == RECORD_DELETED)
		rc = election_remove(x->election, facts[i].is, object, &e);
	else if (r->type != RECORD_APPLY)
		rc = election_put(x->election, facts[i].is, object, &e);
	else if (facts[i].is == ELECTION_SERVICE)
		rc = election_apply(x->election, object, &e);
	if (rc == 0 && r->type != RECORD_APPLY)
		complaints_over(x->complaints, facts[i].kind, object);
	else if (rc < 0 && e.kind == ERR_PROTOCOL)
		complaints_object(x->complaints, facts[i].kind, object, e.text);
	else if (rc < 0)
		stage_fail(x->stage, &e);
}

static bool is_ours(const struct elect *x, const struct election_result *r)
{
	return r && r->winner && !strcmp(r->winner, x->node);
}

/* "192.0.2.10 and 2001:db8::10" */
static void put_addresses(struct buf *out, const struct election_result *r)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < r->addresses_n; i++)
		buf_printf(out, "%s%s", i ? " and " : "", addr_format(&r->addresses[i], text));
}

/* Why this node, in particular, is not even a candidate. */
static void put_refusal(struct buf *out, const struct elect *x, const struct election_result *r)
{
	for (size_t i = r->candidates_n; i < r->nodes_n; i++)
		if (!strcmp(r->nodes[i].name, x->node))
			buf_printf(out, "; %s may not: %s", x->node, r->nodes[i].message);
}

static void put_message(struct buf *out, const struct elect *x, const struct election_outcome *o)
{
	const struct election_result *r = o->now;

	if (!r) {
		buf_puts(out, o->deleted ? "the Service is deleted"
					 : "the Service is no load balancer, or one of another class");
	} else if (!r->winner) {
		buf_puts(out, r->message);
	} else {
		buf_printf(out, "%s announces ", r->winner);
		put_addresses(out, r);
		if (r->candidates_n > 1)
			buf_printf(out, ", first of %zu candidates%s%s", r->candidates_n,
			    r->nodes[0].message[0] ? " by " : "", r->nodes[0].message);
		else
			buf_puts(out, ", the only candidate");
		put_refusal(out, x, r);
	}
}

static enum record_verdict verdict_of(const struct election_outcome *o)
{
	static const char *const waiting[] = { "NoAddress", "NoEndpoints", "NoCandidate" };

	if (!o->now)
		return VERDICT_RELEASED;
	if (o->now->winner)
		return VERDICT_DONE;
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		if (!strcmp(o->now->code, waiting[i]))
			return VERDICT_WAITING;
	return VERDICT_REFUSED;
}

static void add_decision(struct elect *x, const struct election_outcome *o, const char *message)
{
	const struct election_result *r = o->now;
	struct record_decision d = {
		.subject_kind = "Service",
		.namespace = o->namespace,
		.name = o->name,
		.component = "elect",
		.verdict = verdict_of(o),
		.code = o->deleted      ? "ServiceDeleted"
			: !r            ? "NotLoadBalancer"
			: !r->winner    ? r->code
			: is_ours(x, r) ? "Elected"
					: "NotElected",
		.message = message,
	};
	struct buf out = BUF_INIT;

	if (r) {
		d.addresses = r->addresses;
		d.addresses_n = r->addresses_n;
		d.considered = r->nodes;
		d.considered_n = r->nodes_n;
	}
	record_decision(&out, &d);
	stage_add(x->stage, &out);
	buf_release(&out);
}

static void add_announcement(struct elect *x, const struct election_outcome *o, const char *message)
{
	bool was = is_ours(x, o->before), is = is_ours(x, o->now);
	const struct election_result *r = is ? o->now : o->before;
	struct buf out = BUF_INIT;

	if ((!was && !is) || x->rows)
		return;
	record_announcement(&out,
	    !is   ? "DELETED"
	    : was ? "MODIFIED"
		  : "ADDED",
	    &(struct record_announcement){
		.namespace = o->namespace,
		.name = o->name,
		.uid = o->uid,
		.node = x->node,
		.addresses = r->addresses,
		.addresses_n = r->addresses_n,
		.pool = r->pool,
		.interfaces = r->interfaces,
		.interfaces_n = r->interfaces_n,
		.reason = message,
		.candidates = is ? r->nodes : NULL,
		.candidates_n = is ? r->candidates_n : 0,
	    });
	stage_add(x->stage, &out);
	buf_release(&out);
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
	while (c && (rc = election_next(x->election, c, &o, &e)) == 1) {
		struct buf message = BUF_INIT;

		put_message(&message, x, &o);
		if (!message.bad) {
			add_announcement(x, &o, message.data);
			if (o.decided)
				add_decision(x, &o, message.data);
		}
		rc = message.bad ? err_memory(&e) : 0;
		buf_release(&message);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		stage_fail(x->stage, &e);
}

static const char *first_of(const char *option, const char *variable, const char *otherwise)
{
	const char *v = option ? option : getenv(variable);

	return v && v[0] ? v : otherwise;
}

static int open_all(struct elect *x, const struct args *args, struct err *e)
{
	static const struct stage_ops ops = { .kinds = kinds, .record = record, .settle = settle };
	struct election_options options = {
		.lb_class = args->lb_class,
		.ignore_exclude = args->ignore_exclude,
		.down = args->down.at,
		.down_n = args->down.n,
	};
	enum print_output output;

	if (args->log && log_configure(args->log, e) < 0)
		return -1;
	if (print_output(args->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	x->rows = output == PRINT_TABLE || output == PRINT_WIDE;
	x->election = election_new(&options, e);
	x->store =
	    config_store_new(first_of(args->namespace, "METALLB_NAMESPACE", "metallb-system"), e);
	x->complaints = complaints_new(e);
	if (!x->election || !x->store || !x->complaints)
		return -1;
	x->stage = stage_new(&ops, x, output, e);
	return x->stage ? 0 : -1;
}

static int run_lease(const struct args *args, char **argv, struct err *e)
{
	if (args->log && log_configure(args->log, e) < 0)
		return -1;
	return elect_lease_run(
	    &args->lease, first_of(args->namespace, "METALLB_NAMESPACE", "metallb-system"), argv, e);
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .lease = ELECT_LEASE_DEFAULTS };
	struct elect x = { 0 };
	char host[256] = "";
	int status = opts_parse(opts, &args, argc, argv, e);

	if (status >= 0 && args.lease.name) {
		argv[1 + status] = NULL;
		return run_lease(&args, argv + 1, e);
	}
	if (status > 0)
		status = err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	if (status == 0 && gethostname(host, sizeof(host) - 1) < 0)
		host[0] = 0;
	x.node = first_of(args.node, "NODE_NAME", host);
	if (status == 0)
		status = open_all(&x, &args, e);
	if (status == 0)
		status = stage_run(x.stage, e);
	stage_free(x.stage);
	election_free(x.election);
	config_store_free(x.store);
	complaints_free(x.complaints);
	opt_list_release(&args.down);
	return status;
}

const struct cmd cmd_elect = {
	.name = "elect",
	.operands = "[-- COMMAND...]",
	.summary = "decide which node announces the addresses of each Service",
	.opts = opts,
	.run = run,
};
