/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl members: tells which nodes have a live speaker.
 *
 * This file knows records and options; when a speaker counts as alive is pkg/member's.
 *
 * It joins in two steps.  Once the world is read, it adds a Member of its own node that is not
 * alive and carries its process id; the stages after it read that after all of the world, and the
 * last, lbctl announce, answers with SIGURG (pkg/keepalive).  So when the sessions are opened, whoever
 * takes over from another speaker is ready to.  From then on the two tell each other that they run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "pkg/keepalive/keepalive.h"
#include "pkg/log/log.h"
#include "pkg/member/member.h"
#include "pkg/record/record.h"
#include "pkg/stage/stage.h"

enum {
	INTERVAL_MIN_MS = 30,
	INTERVAL_MAX_MS = 10000,
	SECRET_MAX = 4096,
	UNREADY_MS = 5000, /* after which it is said that nobody answers */
	BEAT_MS = 100,     /* between two keepalives to a stage */
	BEATS_MAX = 20,    /* without an answer: that stage does not run */
	LATER_MAX = 4,     /* elect and announce, and who strays in */
};

struct args {
	const char *node;
	const char *secret_file;
	const char *output;
	uint32_t port;
	uint32_t interval_ms;
	uint32_t multiplier;
	bool no_wait;
};

static const struct opt opts[] = {
	OPT_STRING(0, "node", "NAME", struct args, node,
	    "be this node's speaker; default: $NODE_NAME, else the host name"),
	OPT_STRING(0, "secret-file", "FILE", struct args, secret_file,
	    "sign packets with the secret in there, and refuse others"),
	OPT_UINT(0, "port", "N", struct args, port, "of UDP, the same on all nodes; default 7946"),
	OPT_DURATION(0, "interval", "DURATION", struct args, interval_ms,
	    "between two packets to a node; default 100ms, and more from 34 nodes on"),
	OPT_UINT(0, "multiplier", "N", struct args, multiplier,
	    "a node that is not heard for so many intervals is dead; default 3"),
	OPT_FLAG(0, "no-wait", struct args, no_wait,
	    "join when the world is read, whether or not lbctl announce is ready"),
	OPT_STRING('o', "output", "FORMAT", struct args, output, "json, wide, name or table"),
	OPT_END,
};

/* A stage after this one that answers keepalives. */
struct later {
	pid_t pid;
	unsigned unanswered; /* one after the other */
	bool answers;        /* it has answered one, and is of this pipeline */
};

struct members_cmd {
	struct stage *stage;
	struct member_port *port;
	struct loop_timer *unready;
	struct loop_fd *watch;
	int keepalive;
	struct loop_timer *beat;
	struct later later[LATER_MAX];
	size_t later_n, beats;
	const char *node;
	bool no_wait;
	bool asked; /* whether announce is ready */
	bool ready; /* it is */
	bool told_unknown;
};

/* --- what is added ---------------------------------------------------------------------- */

static void add(struct members_cmd *c, const struct member_event *ev, pid_t notify)
{
	const char *type = ev->gone ? "DELETED" : ev->first ? "ADDED" : "MODIFIED";
	struct buf out = BUF_INIT;
	char since[WALL_TEXT_LEN];
	struct record_member r = { .node = ev->name,
		.alive = ev->alive,
		.since = wall_text(wall_ms(ev->since_us), since),
		.reason = ev->gone ? "no Node of this name" : member_reason_text(ev->reason),
		.diagnostic = !ev->alive && ev->diag ? bfd_diag_name(ev->diag) : "",
		.silence_ms = ev->silence_us / 1000,
		.address = ev->address,
		.notify = notify };

	record_member(&out, type, &r);
	stage_add(c->stage, &out);
	buf_release(&out);
}

/* Whether, and for how long, this node is alive: at once. */
static void tell_later(struct members_cmd *c)
{
	for (size_t i = 0; i < c->later_n; i++)
		(void)keepalive_send(c->later[i].pid, member_port_alive_until_ms(c->port));
	if (c->later_n && !loop_timer_is_set(c->beat))
		loop_timer_set(c->beat, BEAT_MS / c->later_n);
}

static void on_changed(void *ctx, const struct member_event *ev)
{
	struct members_cmd *c = ctx;

	if (!strcmp(ev->name, c->node))
		tell_later(c);
	add(c, ev, 0);
	if (ev->gone)
		log_info(NULL, "%s: its Node is gone", ev->name);
	else if (ev->silence_us)
		log_info(NULL, "%s: %s, after %llu ms", ev->name, member_reason_text(ev->reason),
		    (unsigned long long)ev->silence_us / 1000);
	else
		log_info(NULL, "%s: %s", ev->name, member_reason_text(ev->reason));
}

static void on_failed(void *ctx, const struct err *e)
{
	struct members_cmd *c = ctx;

	stage_fail(c->stage, e);
}

/* --- joining ---------------------------------------------------------------------------- */

static void join(struct members_cmd *c)
{
	struct err e = ERR_INIT;

	if (member_port_is_open(c->port) || stage_draining(c->stage))
		return;
	loop_timer_stop(c->unready);
	if (member_port_open(c->port, &e) < 0)
		stage_fail(c->stage, &e);
}

/* When a stage after this one doesn't run, the others shall not wait for it. */
static void check_later(struct members_cmd *c)
{
	for (size_t i = 0; i < c->later_n; i++) {
		struct later *l = &c->later[i];

		if (l->unanswered < BEATS_MAX || !member_port_is_open(c->port))
			continue;
		log_warn(NULL,
		    "process %d, a stage after this one, has not run for %d ms: this node counts as "
		    "dead until it does",
		    (int)l->pid, BEATS_MAX * BEAT_MS);
		member_port_stall(c->port, BEATS_MAX * BEAT_MS * UINT64_C(1000));
	}
}

static bool all_run(const struct members_cmd *c)
{
	for (size_t i = 0; i < c->later_n; i++)
		if (c->later[i].unanswered >= BEATS_MAX)
			return false;
	return true;
}

/* To one after the other, so that their answers don't come together, when one would be forgotten.  One
 * that is gone, or that we may not speak to, is not waited for. */
static void on_beat(void *ctx)
{
	struct members_cmd *c = ctx;
	struct later *l;

	if (!c->later_n)
		return;
	loop_timer_set(c->beat, BEAT_MS / c->later_n);
	check_later(c);
	l = &c->later[c->beats++ % c->later_n];
	if (keepalive_send(l->pid, member_port_alive_until_ms(c->port))) {
		l->unanswered += l->answers;
		return;
	}
	*l = c->later[--c->later_n];
	if (c->ready && all_run(c))
		join(c);
}

/* `answers`: it is no word of its own, but an answer.  Only a stage of this pipeline is to be waited
 * for.  False when there are too many. */
static bool note_later(struct members_cmd *c, pid_t pid, bool answers)
{
	size_t i = 0;

	while (i < c->later_n && c->later[i].pid != pid)
		i++;
	if (i == LATER_MAX)
		return false;
	if (i == c->later_n)
		c->later[c->later_n++] = (struct later){ .pid = pid };
	else if (answers && getpgid(pid) == getpgrp())
		c->later[i].answers = true;
	c->later[i].unanswered = 0;
	return true;
}

/* The first one with a time that has passed says that announce is ready. */
static void on_keepalive(int what, void *ctx)
{
	struct members_cmd *c = ctx;
	struct keepalive k;

	(void)what;
	while (keepalive_read(c->keepalive, &k)) {
		bool asks = k.until_ms <= loop_now_ms(stage_loop(c->stage));

		if (!c->asked || stage_draining(c->stage) || !note_later(c, k.from, !asks))
			continue;
		c->ready |= asks;
		if (c->ready && all_run(c))
			join(c);
		if (asks)
			tell_later(c);
	}
}

static void on_unready(void *ctx)
{
	(void)ctx;
	log_warn(
	    NULL, "not a member yet: no lbctl announce in this pipeline has said that it is ready");
}

static void on_settle(void *ctx)
{
	struct members_cmd *c = ctx;
	struct member_event self = { .name = c->node, .reason = MEMBER_JOINING };

	if (c->asked || stage_draining(c->stage))
		return;
	if (!member_port_has_node(c->port)) {
		if (!c->told_unknown)
			log_warn(NULL,
			    "there is no Node \"%s\", which this is the speaker of (see --node); "
			    "waiting for it",
			    c->node);
		c->told_unknown = true;
		return;
	}
	c->asked = true;
	if (c->no_wait) {
		join(c);
		return;
	}
	self.since_us = loop_clock_us();
	add(c, &self, getpid());
	loop_timer_set(c->unready, UNREADY_MS);
}

/* --- records ---------------------------------------------------------------------------- */

static void on_record(void *ctx, const struct record *r, const struct json *object)
{
	struct members_cmd *c = ctx;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct api_node node;
	struct api_meta meta;

	if (r->type == RECORD_DELETED) {
		if (api_meta_decode(&meta, object, &a, &e) == 0)
			member_port_node_gone(c->port, meta.name);
		else
			log_warn(
			    NULL, "line %llu: %s; ignoring it", (unsigned long long)r->line, e.text);
	} else if (api_node_decode(&node, object, &a, &e) < 0) {
		log_warn(NULL, "line %llu: %s; ignoring it", (unsigned long long)r->line, e.text);
	} else if (member_port_node(c->port, &node, &e) < 0) {
		stage_fail(c->stage, &e);
	}
	arena_release(&a);
}

static void on_drain(void *ctx)
{
	struct members_cmd *c = ctx;

	loop_timer_stop(c->beat);
	member_port_stop(c->port, BFD_DIAG_ADMIN_DOWN);
	stage_done(c->stage);
}

/* The kinds that lbctl elect awaits, so that it has them when announce answers. */
static const struct stage_kind kinds[] = {
	{ "Node", "", STAGE_AWAITED },
	{ "Service", "", STAGE_ONLY_AWAITED },
	{ "EndpointSlice", "discovery.k8s.io", STAGE_ONLY_AWAITED },
	{ "ConfigMap", "", STAGE_ONLY_AWAITED },
	{ "IPAddressPool", "metallb.io", STAGE_ONLY_AWAITED },
	{ "AddressPool", "metallb.io", STAGE_ONLY_AWAITED },
	{ "L2Advertisement", "metallb.io", STAGE_ONLY_AWAITED },
	{ NULL, NULL, STAGE_NOT_AWAITED },
};

static const struct stage_ops ops = {
	.kinds = kinds,
	.record = on_record,
	.settle = on_settle,
	.drain = on_drain,
};

/* --- options ---------------------------------------------------------------------------- */

static int read_secret(struct bfd_key *key, const char *path, struct err *e)
{
	char bytes[SECRET_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	int failed = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_sys(e, failed, "%s", path);
	if (n > SECRET_MAX)
		return err_set(e, ERR_USAGE, "%s: want a secret of at most %d bytes", path, SECRET_MAX);
	while (n > 0 && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r'))
		n--;
	if (bfd_key_make(key, bytes, (size_t)n, e) < 0)
		return err_wrap(e, "%s", path);
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

static int check(const struct args *a, struct err *e)
{
	if (!a->port || a->port > UINT16_MAX)
		return err_set(e, ERR_USAGE, "--port: want 1 to 65535, have %u", a->port);
	if (!a->multiplier || a->multiplier > UINT8_MAX)
		return err_set(e, ERR_USAGE, "--multiplier: want 1 to 255, have %u", a->multiplier);
	if (a->interval_ms && (a->interval_ms < INTERVAL_MIN_MS || a->interval_ms > INTERVAL_MAX_MS))
		return err_set(e, ERR_USAGE, "--interval: want %dms to %ds, have %ums", INTERVAL_MIN_MS,
		    INTERVAL_MAX_MS / 1000, a->interval_ms);
	return 0;
}

static void release(struct members_cmd *c)
{
	loop_fd_remove(c->watch);
	if (c->keepalive >= 0)
		close(c->keepalive);
	loop_timer_remove(c->unready);
	loop_timer_remove(c->beat);
	member_port_free(c->port);
	stage_free(c->stage);
}

static int start(struct members_cmd *c, const struct args *args, const struct bfd_key *key,
    enum print_output output, struct err *e)
{
	struct member_port_events ev = { on_changed, on_failed, c };
	struct member_port_options o = {
		.engine = { .node = c->node,
		    .interval_us = args->interval_ms * 1000,
		    .multiplier = (uint8_t)args->multiplier,
		    .key = key },
		.port = (uint16_t)args->port,
	};

	c->stage = stage_new(&ops, c, output, e);
	if (!c->stage)
		return -1;
	c->unready = loop_timer_add(stage_loop(c->stage), on_unready, c, e);
	c->beat = loop_timer_add(stage_loop(c->stage), on_beat, c, e);
	c->keepalive = keepalive_open(e);
	if (!c->unready || !c->beat || c->keepalive < 0)
		return -1;
	c->watch = loop_fd_add(stage_loop(c->stage), c->keepalive, LOOP_READ, on_keepalive, c, e);
	if (!c->watch)
		return -1;
	c->port = member_port_new(stage_loop(c->stage), &o, &ev, e);
	return c->port ? 0 : -1;
}

static int members(const struct args *args, const char *node, struct err *e)
{
	struct members_cmd c = { .node = node, .no_wait = args->no_wait, .keepalive = -1 };
	enum print_output output;
	struct bfd_key key;
	char hurry[160];
	int status = print_output(args->output, STDOUT_FILENO, &output, e);

	if (status == 0 && args->secret_file)
		status = read_secret(&key, args->secret_file, e);
	if (status < 0)
		return -1;
	status = start(&c, args, args->secret_file ? &key : NULL, output, e);
	if (status == 0) {
		member_hurry(hurry, sizeof(hurry));
		log_info(NULL, "%s", hurry);
		if (!args->secret_file)
			log_warn(NULL,
			    "no --secret-file: whoever reaches UDP port %u can pass for another node",
			    args->port);
		status = stage_run(c.stage, e);
		/* Ours is dead when the stages after us are: the peers needn't wait to find out. */
		if (status < 0)
			member_port_stop(c.port, BFD_DIAG_CONCATENATED);
	}
	release(&c);
	return status;
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .port = MEMBER_PORT, .multiplier = MEMBER_MULTIPLIER };
	char host[256];
	int n = opts_parse(opts, &args, argc, argv, e);

	if (n > 0)
		return err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	if (n < 0 || check(&args, e) < 0)
		return -1;
	return members(&args, default_node(args.node, host), e);
}

const struct cmd cmd_members = {
	.name = "members",
	.operands = "",
	.summary = "tell which nodes have a live speaker",
	.opts = opts,
	.run = run,
};
