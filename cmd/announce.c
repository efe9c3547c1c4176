/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl announce: answers for the addresses of the Announcements that it reads.
 *
 * This file knows records and options; what is answered, and what is sent when, is pkg/l2's. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/announce.h"
#include "cmd/cmd.h"
#include "pkg/log/log.h"
#include "pkg/record/record.h"

enum {
	HELD_INPUT = 500,  /* a descriptor beyond all others */
	LARGE = 32 * 1024, /* bytes at once that go back to the kernel when they are freed */
};

struct args {
	const char *node;
	const char *output;
	const char *log;
	const char *bind_interface;
	const char *exclude_file;
	const char *run_dir;
	struct opt_list interfaces;
	struct opt_list exclude;
	uint32_t grace_ms;
	uint32_t refresh_ms;
	uint32_t rate;
	uint32_t probe_ms;
	const char *defend;
	struct opt_list ignore;
	bool bind;
	bool links;
	bool addresses;
};

static const struct opt opts[] = {
	OPT_STRING(0, "node", "NAME", struct args, node,
	    "announce what is this node's; default: $NODE_NAME, else the host name"),
	OPT_LIST('i', "interface", "GLOB", struct args, interfaces,
	    "use only interfaces whose name matches; repeatable"),
	OPT_LIST(0, "exclude", "REGEX", struct args, exclude,
	    "leave interfaces alone whose name matches; repeatable"),
	OPT_STRING(0, "exclude-file", "FILE", struct args, exclude_file,
	    "more of them, from MetalLB's file excludel2.yaml"),
	OPT_DURATION(0, "grace", "DURATION", struct args, grace_ms,
	    "answer for that long after a withdrawal, or until another node takes over; default 1s"),
	OPT_DURATION(0, "refresh", "DURATION", struct args, refresh_ms,
	    "announce each address again after that long, 0s: never; default 4m"),
	OPT_UINT(0, "rate", "N", struct args, rate,
	    "announce and probe with at most N frames a second on an interface, 0: as fast as it goes; "
	    "default 5000"),
	OPT_DURATION(0, "probe", "DURATION", struct args, probe_ms,
	    "ask for that long whether an address that is new is free, 0s: don't; default 10ms"),
	OPT_LIST(0, "ignore-mac", "MAC", struct args, ignore,
	    "a router that answers for everybody (proxy ARP), whose claims don't count; repeatable"),
	OPT_STRING(0, "defend", "HOW", struct args, defend,
	    "announce an address again when another host claims it: once (in 10 s), always or never; "
	    "default once"),
	OPT_FLAG(0, "bind", struct args, bind,
	    "put each address on an interface too, for hosts without kube-proxy"),
	OPT_STRING(0, "bind-interface", "NAME", struct args, bind_interface,
	    "with --bind, the interface; default: the first that the address is announced on"),
	OPT_STRING(0, "run-dir", "DIR", struct args, run_dir,
	    "tell what was counted on the unix socket DIR/announce.sock"),
	OPT_FLAG(0, "links", struct args, links,
	    "tell the cluster on which interfaces this node can announce, so that it is elected for no "
	    "other"),
	OPT_FLAG(0, "addresses", struct args, addresses,
	    "tell the cluster which addresses this node announces, for the failback of lbctl elect"),
	OPT_STRING('o', "output", "FORMAT", struct args, output, "json, wide, name or table"),
	OPT_STRING(0, "log", "LEVEL", struct args, log,
	    "error, warn, info or debug; debug:l2 tells each frame"),
	OPT_END,
};

static void finish_if_idle(struct announce *a)
{
	if (a->draining && l2_port_is_idle(a->port))
		stage_done(a->stage);
}

static void on_happened(void *ctx, const struct l2_event *ev)
{
	struct announce *a = ctx;

	a->self_changed |= a->tells_addresses;
	announce_tell(a, ev);
}

static void on_quiet(void *ctx, bool links_changed)
{
	struct announce *a = ctx;

	a->self_changed |= links_changed;
	if (a->in_use_n)
		announce_in_use_review(a);
	if (a->self_changed && !a->draining)
		announce_self(a);
	finish_if_idle(ctx);
}

static void on_expired(void *ctx)
{
	struct announce *a = ctx;

	announce_members_expired(a->members);
}

static void on_in_use_ends(void *ctx)
{
	on_quiet(ctx, false);
}

static void on_stranger(void *ctx)
{
	struct announce *a = ctx;

	announce_peers_stranger(a->peers);
}

static void on_failed(void *ctx, const struct err *e)
{
	struct announce *a = ctx;

	stage_fail(a->stage, e);
}

static void on_record(void *ctx, const struct record *r, const struct json *object)
{
	struct announce *a = ctx;
	const struct json *meta = json_get(object, "metadata");
	const char *name = json_string(json_get(meta, "name"));
	bool gone = r->type == RECORD_DELETED;

	if (record_is(r, "Service", ""))
		announce_new_service(&a->new, object, stage_listed(a->stage, "Service"));
	else if (record_is(r, "Decision", RECORD_GROUP))
		announce_new_decision(&a->new, object);
	else if (record_is(r, "Member", RECORD_GROUP) && name)
		announce_member(a->members, name, object, gone);
	else if (record_is(r, "Node", "") && name)
		announce_peers_node(a->peers, name, object, gone);
	else if (record_is(r, "Announcement", RECORD_GROUP))
		announce_announcement(a, r, object);
}

/* What came with the last records is announced before it is withdrawn. */
static void on_drain(void *ctx)
{
	struct announce *a = ctx;

	l2_port_flush(a->port);
	a->draining = true;
	announce_members_end(a->members);
	l2_port_withdraw_all(a->port);
}

static const struct stage_kind kinds[] = {
	{ "Announcement", RECORD_GROUP, false },
	{ "Member", RECORD_GROUP, false },
	{ "Decision", RECORD_GROUP, false },
	{ "Service", "", false },
	{ "Node", "", false },
	{ NULL, NULL, false },
};

static const struct stage_ops ops = {
	.kinds = kinds,
	.record = on_record,
	.drain = on_drain,
};

static int parse_defend(const char *text, enum l2_defend *out, struct err *e)
{
	static const char *const names[] = { "once", "always", "never" };

	*out = L2_DEFEND_ONCE;
	for (size_t i = 0; text && i < ARRAY_LEN(names); i++) {
		*out = (enum l2_defend)i;
		if (!strcmp(text, names[i]))
			return 0;
	}
	return text ? err_set(e, ERR_USAGE, "--defend: \"%s\" is not once, always or never", text) : 0;
}

static int parse_macs(const struct opt_list *list, struct mac *out, struct err *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (mac_parse(&out[i], list->at[i], e) < 0) {
			e->kind = ERR_USAGE;
			return err_wrap(e, "--ignore-mac");
		}
	return 0;
}

static bool on_http(void *ctx, const char *path, struct buf *out)
{
	struct announce *a = ctx;

	if (strcmp(path, "/metrics") != 0)
		return false;
	l2_port_metrics(a->port, a->node, out);
	return true;
}

static int serve(struct announce *a, const char *dir, struct err *e)
{
	char path[4096];

	if (!dir)
		return 0;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, errno, "--run-dir: making %s", dir);
	snprintf(path, sizeof(path), "%s/announce.sock", dir);
	a->http = loop_http_new(stage_loop(a->stage), path, on_http, a, e);
	return a->http ? 0 : err_wrap(e, "--run-dir");
}

/* When this process is killed, the kernel closes what was opened last first, and waits some tens of
 * milliseconds for each packet socket.  That whoever writes to us sees it at once, our input is the
 * last one, too. */
static void hold_input(void)
{
	(void)fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, HELD_INPUT);
}

static int run_stage(
    struct announce *a, const struct args *args, const struct l2_port_options *o, struct err *e)
{
	struct l2_port_events ev = { on_happened, on_quiet, on_expired, on_stranger, on_failed, a };
	CLEANUP(stage_freep) struct stage *stage = NULL;
	enum print_output output;
	int status = -1;

	if (print_output(args->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	stage = a->stage = stage_new(&ops, a, output, e);
	if (!stage)
		return -1;
	a->port = l2_port_new(stage_loop(stage), o, &ev, e);
	a->in_use_ends = loop_timer_add(stage_loop(stage), on_in_use_ends, a, e);
	a->peers = a->port && a->in_use_ends ? announce_peers_new(a, e) : NULL;
	a->members = a->peers ? announce_members_new(a, e) : NULL;
	if (a->members)
		announce_self(a);
	hold_input();
	mallopt(M_MMAP_THRESHOLD, LARGE); /* for each new set of addresses a list is made, and freed */
	if (a->members && serve(a, args->run_dir, e) == 0)
		status = stage_run(stage, e);
	loop_http_free(a->http);
	announce_members_free(a->members);
	announce_peers_free(a->peers);
	l2_port_free(a->port);
	announce_new_release(&a->new);
	announce_self_release(a);
	loop_timer_remove(a->in_use_ends);
	return status;
}

static int announce(
    const struct args *args, const struct announce_excludes *excludes, const char *node, struct err *e)
{
	struct announce a = { .node = node,
		.tells_links = args->links,
		.tells_addresses = args->addresses,
		.conflicts = { .burst = 5, .window_ms = 10000 } };
	CLEANUP(freep) struct mac *ignore = calloc(args->ignore.n + 1, sizeof(*ignore));
	struct l2_port_options o = {
		.engine = { .only = { args->interfaces.at, args->interfaces.n },
		    .except = { excludes->at, excludes->n },
		    .grace_ms = args->grace_ms,
		    .refresh_ms = args->refresh_ms,
		    .rate = args->rate,
		    .probe_ms = args->probe_ms,
		    .ignore = ignore,
		    .ignore_n = args->ignore.n },
		.bind = args->bind,
		.bind_interface = args->bind_interface,
	};

	if (!ignore)
		return err_memory(e);
	if (parse_defend(args->defend, &o.engine.defend, e) < 0 ||
	    parse_macs(&args->ignore, ignore, e) < 0)
		return -1;
	return run_stage(&a, args, &o, e);
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .grace_ms = 1000, .refresh_ms = 240000, .rate = 5000, .probe_ms = 10 };
	struct announce_excludes excludes = { 0 };
	char host[256];
	int status = opts_parse(opts, &args, argc, argv, e);

	if (status > 0)
		status = err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	if (status == 0 && args.log)
		status = log_configure(args.log, e);
	if (status == 0 && args.interfaces.uses && !args.interfaces.n) /* all would be too many */
		status = err_set(e, ERR_USAGE, "--interface: want GLOB, have ''");
	if (status == 0 && args.bind_interface && !args.bind)
		status = err_set(e, ERR_USAGE, "--bind-interface goes with --bind");
	if (status == 0)
		status = announce_excludes_read(&excludes, &args.exclude, args.exclude_file, e);
	if (status == 0)
		status = announce(&args, &excludes, default_node(args.node, host), e);
	announce_excludes_release(&excludes);
	opt_list_release(&args.interfaces);
	opt_list_release(&args.exclude);
	opt_list_release(&args.ignore);
	return status;
}

const struct cmd cmd_announce = {
	.name = "announce",
	.operands = "",
	.summary = "answer ARP and NDP for the addresses of this node's Announcements",
	.opts = opts,
	.run = run,
};
