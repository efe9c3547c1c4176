/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl arping: asks the network who has an address.
 *
 * What is asked when, and which answer belongs to which question, is pkg/probe's; this file
 * binds it to the socket, the clock and the options.  Names of nodes come on the side and are
 * waited for only before something is printed, and not for long. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/arping.h"
#include "cmd/cmd.h"

enum {
	MS = 1000,
	UNSET = 0xffffffff,
	COUNT = 3,
	RATE = 1000,
	INTERVAL_MS = 1000,
	SWEEP_INTERVAL_MS = 300,
	ANNOUNCE_INTERVAL_MS = 1100, /* receivers may take one a second */
	SETTLE_MS = 200,
	NAMES_WAIT_MS = 1000, /* for a cluster that nobody named */
	NAMED_WAIT_MS = 5000, /* for what --from or --kubeconfig names */
	RETRY_MS = 1,         /* when the kernel's queue for sending is full */
};

struct args {
	struct source_options source;
	const char *interface;
	const char *from_address;
	const char *output;
	uint32_t count;
	uint32_t rate;
	uint32_t interval_ms;
	uint32_t deadline_ms;
	bool first;
	bool quiet;
	bool duplicate;
	bool gratuitous;
};

static const struct opt opts[] = {
	OPT_UINT('c', "count", "N", struct args, count,
	    "ask each address N times, 0: until interrupted; default 3"),
	OPT_DURATION('w', "deadline", "DURATION", struct args, deadline_ms,
	    "end after that time, whatever is outstanding"),
	OPT_DURATION('i', "interval", "DURATION", struct args, interval_ms,
	    "between two probes of an address; default 1s, for ranges 300ms"),
	OPT_STRING('I', "interface", "NAME", struct args, interface,
	    "ask there; default: where the route leads, or the only interface that can"),
	OPT_STRING('s', "source", "ADDRESS", struct args, from_address,
	    "ask from that address of this host, or 0.0.0.0"),
	OPT_FLAG('1', "first", struct args, first, "end at the first answer"),
	OPT_FLAG('q', "quiet", struct args, quiet, "print nothing; the exit status tells"),
	OPT_FLAG('D', "duplicate", struct args, duplicate,
	    "probe as RFC 5227 does before an address is taken; exit 0: free, 4: taken"),
	OPT_FLAG('U', "gratuitous", struct args, gratuitous,
	    "tell everybody that the address is here, as a speaker does"),
	OPT_UINT(0, "rate", "N", struct args, rate, "at most N frames a second; default 1000"),
	OPT_STRING('o', "output", "FORMAT", struct args, output, "text (the default) or json"),
	OPT_INCLUDE(source_opts, struct args, source),
	OPT_END,
};

struct arping {
	struct args args;
	struct netlink_world world;
	struct probe_link *links; /* of the operands */
	size_t links_n;
	struct probe *probe;
	struct arping_nodes *nodes;
	struct arping_show show;
	struct loop *loop;
	int fd;
	struct loop_fd *on_arp;
	struct loop_timer *timer;
	struct loop_signal *signals[2];
	struct arp_message unsent; /* when `blocked` */
	bool blocked;
	struct probe_event *held; /* until the names of nodes are known, or were waited for */
	size_t held_n, held_cap;
	uint64_t names_until_us;
	bool done;
	bool failed;
	struct err why;
};

static enum probe_mode mode_of(const struct args *a)
{
	return a->duplicate ? PROBE_DUPLICATE : a->gratuitous ? PROBE_ANNOUNCE : PROBE_ASK;
}

static int check_args(const struct args *a, struct err *e)
{
	if (a->duplicate && a->gratuitous)
		return err_set(e, ERR_USAGE, "--duplicate and --gratuitous exclude each other");
	if (a->output && strcmp(a->output, "json") != 0 && strcmp(a->output, "text") != 0)
		return err_set(e, ERR_USAGE, "-o: want text or json, have '%s'", a->output);
	if (a->from_address && (a->duplicate || a->gratuitous))
		return err_set(e, ERR_USAGE, "-s: the source is fixed with --%s",
		    a->duplicate ? "duplicate" : "gratuitous");
	if (a->rate == 0)
		return err_set(e, ERR_USAGE, "--rate: want at least 1 frame a second");
	if (a->count == 0 && a->duplicate)
		return err_set(e, ERR_USAGE, "-c: want at least 1 probe with --duplicate");
	return 0;
}

/* An address, a prefix or a range. */
static int parse_operand(const char *text, struct range *r, struct err *e)
{
	struct addr a;

	if (strchr(text, '/') || strchr(text, '-')) {
		if (range_parse(r, text, e) < 0) {
			e->kind = ERR_USAGE;
			return -1;
		}
	} else {
		if (addr_parse(&a, text, e) < 0) {
			e->kind = ERR_USAGE;
			return -1;
		}
		*r = (struct range){ a, a };
	}
	if (r->first.family != ADDR_IPV4)
		return err_set(e, ERR_USAGE,
		    "%s is IPv6, whose neighbour discovery arping doesn't speak yet; want an IPv4 "
		    "address, prefix or range",
		    text);
	return 0;
}

/* RFC 5227: three probes, one to two seconds apart, and two seconds after the last. */
static struct probe_options options_for(const struct args *a, bool sweep)
{
	enum probe_mode mode = mode_of(a);
	uint32_t interval = mode == PROBE_ANNOUNCE       ? ANNOUNCE_INTERVAL_MS
			    : sweep && mode == PROBE_ASK ? SWEEP_INTERVAL_MS
							 : INTERVAL_MS;
	uint32_t wait;

	if (a->interval_ms != UNSET)
		interval = a->interval_ms;
	wait = mode == PROBE_ANNOUNCE ? 0 : mode == PROBE_DUPLICATE ? 2 * interval : interval;
	if (mode != PROBE_ANNOUNCE && wait < SETTLE_MS)
		wait = SETTLE_MS;
	return (struct probe_options){
		.mode = mode,
		.count = a->count == UNSET ? COUNT : a->count,
		.rate = a->rate,
		.interval_us = (uint64_t)interval * MS,
		.wait_us = (uint64_t)wait * MS,
		.settle_us = SETTLE_MS * MS,
		.deadline_us = (uint64_t)a->deadline_ms * MS,
		.until_answered = sweep || mode == PROBE_DUPLICATE,
		.until_first = a->first,
	};
}

static int add_link(struct arping *a, const struct probe_link *l, struct err *e)
{
	struct probe_link *grown;

	for (size_t i = 0; i < a->links_n; i++)
		if (a->links[i].ifindex == l->ifindex)
			return 0;
	grown = reallocarray(a->links, a->links_n + 1, sizeof(*grown));
	if (!grown)
		return err_memory(e);
	a->links = grown;
	grown[a->links_n++] = *l;
	return 0;
}

static int add_operand(struct arping *a, const char *text, struct err *e)
{
	struct probe_link link;
	struct range r;

	if (parse_operand(text, &r, e) < 0)
		return -1;
	if (arping_link(&link, &a->world, a->args.interface, a->args.from_address, &r.first, e) < 0)
		return -1;
	if (probe_add(a->probe, &link, &r, e) < 0)
		return -1;
	return add_link(a, &link, e);
}

/* Before anything is opened: what is asked, and how. */
static int read_operands(struct arping *a, char **at, int n, struct err *e)
{
	struct probe_options o;
	bool sweep = false;

	if (n == 0)
		return err_set(e, ERR_USAGE, "want an ADDRESS, a prefix or a range to ask for");
	for (int i = 0; i < n; i++) {
		struct range r;

		if (parse_operand(at[i], &r, e) < 0)
			return -1;
		sweep |= !addr_equal(&r.first, &r.last);
	}
	if (netlink_snapshot(&a->world, e) < 0)
		return -1;
	o = options_for(&a->args, sweep);
	a->probe = probe_new(&o, e);
	if (!a->probe)
		return -1;
	for (int i = 0; i < n; i++)
		if (add_operand(a, at[i], e) < 0)
			return -1;
	a->show = (struct arping_show){
		.mode = o.mode,
		.sweep = sweep,
		.json = a->args.output && !strcmp(a->args.output, "json"),
		.quiet = a->args.quiet,
		.probe = a->probe,
		.world = &a->world,
	};
	return 0;
}

/* The kernel lets through what is about the targets and the nodes. */
static int hear(struct arping *a, struct err *e)
{
	struct probe *nodes = a->nodes ? arping_nodes_probe(a->nodes) : NULL;
	size_t n = 0, most = probe_targets(a->probe) + (nodes ? probe_targets(nodes) : 0);
	CLEANUP(freep) struct in_addr *set = malloc(most * sizeof(*set) + 1);
	unsigned match = ARP_MATCH_SENDER | (a->args.duplicate ? ARP_MATCH_ASKED : 0);

	if (!set)
		return err_memory(e);
	for (size_t i = 0; i < probe_targets(a->probe); i++)
		set[n++] = probe_target(a->probe, i)->ip;
	for (size_t i = 0; nodes && i < probe_targets(nodes); i++)
		set[n++] = probe_target(nodes, i)->ip;
	return arp_hear(a->fd, set, n, match, NULL, e);
}

static void give_up(struct arping *a, const struct err *e)
{
	if (!a->failed)
		a->why = *e;
	a->failed = true;
	loop_stop(a->loop);
}

static void flush_out(struct arping *a)
{
	struct err e = ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (errno == EPIPE)
		err_set(&e, ERR_CLOSED, "writing standard output: its reader has gone");
	else
		err_sys(&e, errno, "writing standard output");
	give_up(a, &e);
}

static bool names_pending(struct arping *a)
{
	return !arping_nodes_settled(a->nodes) && loop_clock_us() < a->names_until_us;
}

static void show_held(struct arping *a)
{
	for (size_t i = 0; i < a->held_n; i++)
		arping_show_event(&a->show, &a->held[i]);
	a->held_n = 0;
}

static void hold(struct arping *a, const struct probe_event *ev)
{
	if (a->held_n == a->held_cap) {
		size_t cap = a->held_cap ? 2 * a->held_cap : 64;
		struct probe_event *grown = reallocarray(a->held, cap, sizeof(*grown));

		if (!grown) { /* better without a name than lost */
			show_held(a);
			arping_show_event(&a->show, ev);
			return;
		}
		a->held = grown;
		a->held_cap = cap;
	}
	a->held[a->held_n++] = *ev;
}

/* False when the kernel's queue is full; the frame then waits in `unsent`. */
static bool send_frame(struct arping *a, const struct arp_message *m)
{
	struct err e = ERR_INIT;
	int sent = arp_send(a->fd, m, 1, &e);

	if (sent < 0)
		give_up(a, &e);
	a->blocked = sent == 0;
	if (a->blocked)
		a->unsent = *m;
	return sent > 0;
}

static bool pump_one(struct arping *a, struct probe *p)
{
	struct probe_event ev;

	while (!a->blocked && !a->failed && probe_next(p, loop_clock_us(), &ev)) {
		if (ev.what == PROBE_SEND)
			send_frame(a, &ev.message);
		else if (p != a->probe)
			arping_nodes_event(a->nodes, &ev);
		else if (ev.what == PROBE_DONE)
			a->done = true;
		else
			hold(a, &ev);
	}
	return !a->blocked && !a->failed;
}

static uint64_t next_deadline(struct arping *a)
{
	struct probe *nodes = arping_nodes_probe(a->nodes);
	uint64_t now = loop_clock_us();
	uint64_t at = probe_deadline(a->probe, now), other;

	if (nodes && !arping_nodes_settled(a->nodes)) {
		other = probe_deadline(nodes, now);
		at = other < at ? other : at;
	}
	if ((a->held_n || a->done) && names_pending(a) && a->names_until_us < at)
		at = a->names_until_us;
	return at;
}

/* Does all that is due, and sets the timer for what comes next. */
static void pump(struct arping *a)
{
	struct probe *nodes = arping_nodes_probe(a->nodes);
	uint64_t at, now;

	if (a->blocked && !send_frame(a, &a->unsent)) {
		loop_timer_set(a->timer, RETRY_MS);
		return;
	}
	if (pump_one(a, a->probe) && nodes && !arping_nodes_settled(a->nodes))
		pump_one(a, nodes);
	if (!names_pending(a)) {
		show_held(a);
		flush_out(a);
		if (a->done)
			loop_stop(a->loop);
	}
	at = a->blocked ? 0 : next_deadline(a);
	now = loop_clock_us();
	if (at == UINT64_MAX)
		loop_timer_stop(a->timer);
	else
		loop_timer_set(a->timer, a->blocked ? RETRY_MS
					 : at > now ? (at - now + MS - 1) / MS
						    : 0);
}

static void on_timer(void *arg)
{
	pump(arg);
}

static void on_signal(int number, void *arg)
{
	struct arping *a = arg;

	(void)number;
	if (a->done) /* waits for names only */
		arping_nodes_give_up(a->nodes);
	probe_stop(a->probe);
	pump(a);
}

/* From the source or from inside of pump(): what it leads to is done in the loop's next turn. */
static void on_nodes(void *arg)
{
	struct arping *a = arg;
	struct err e = ERR_INIT;

	if (!arping_nodes_settled(a->nodes) && hear(a, &e) < 0)
		give_up(a, &e);
	loop_timer_set(a->timer, 0);
}

static int take_frames(struct arping *a, struct err *e)
{
	struct arp_batch b;

	do {
		struct probe *nodes = arping_nodes_probe(a->nodes);
		uint64_t now;

		if (arp_receive(a->fd, &b, e) < 0)
			return -1;
		now = loop_clock_us();
		for (size_t i = 0; i < b.n; i++) {
			uint64_t then = now - b.age_us[i];

			if (probe_input(a->probe, &b.at[i], then, e) < 0 ||
			    (nodes && probe_input(nodes, &b.at[i], then, e) < 0))
				return -1;
		}
	} while (b.n + b.bad == ARP_BATCH);
	return 0;
}

static void on_arp(int what, void *arg)
{
	struct arping *a = arg;
	struct err e = ERR_INIT;

	(void)what;
	if (take_frames(a, &e) < 0)
		give_up(a, &e);
	else
		pump(a);
}

/* This host answers nobody's question about itself, least of all its own. */
static int know_own(struct arping *a, struct err *e)
{
	for (size_t i = 0; i < a->world.addresses_n && a->show.mode == PROBE_ASK; i++) {
		const struct netlink_address *own = &a->world.addresses[i];
		const struct netlink_link *l = netlink_link_by_index(&a->world, own->ifindex);

		if (own->addr.family == ADDR_IPV4 && l && l->ethernet &&
		    probe_known(a->probe, addr_to_in(&own->addr), &l->mac, e) < 0)
			return -1;
	}
	return 0;
}

static int open_names(struct arping *a, struct err *e)
{
	struct arping_nodes_options o = {
		.source = a->args.source,
		.world = &a->world,
		.links = a->links,
		.links_n = a->links_n,
		.off = a->args.quiet,
		.changed = on_nodes,
		.arg = a,
	};

	a->nodes = arping_nodes_new(a->loop, &o, e);
	if (!a->nodes)
		return -1;
	a->show.nodes = a->nodes;
	return 0;
}

static int start(struct arping *a, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	bool named = arping_nodes_named(&a->args.source);

	a->fd = arp_open(a->links_n == 1 ? a->links[0].ifindex : 0, e);
	if (a->fd < 0 || arp_time(a->fd, e) < 0)
		return -1;
	a->loop = loop_new(e);
	if (!a->loop)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		a->signals[i] = loop_signal_add(a->loop, numbers[i], on_signal, a, e);
		if (!a->signals[i])
			return -1;
	}
	a->timer = loop_timer_add(a->loop, on_timer, a, e);
	a->on_arp = a->timer ? loop_fd_add(a->loop, a->fd, LOOP_READ, on_arp, a, e) : NULL;
	if (!a->on_arp)
		return -1;
	if (probe_start(a->probe, loop_clock_us(), e) < 0 || hear(a, e) < 0 || know_own(a, e) < 0)
		return -1;
	pump_one(a, a->probe); /* first of all: opening a source can take its time */
	if (open_names(a, e) < 0)
		return -1;
	a->names_until_us = loop_clock_us() + (named ? NAMED_WAIT_MS : NAMES_WAIT_MS) * MS;
	arping_show_start(&a->show);
	pump(a);
	return 0;
}

static void release(struct arping *a)
{
	arping_nodes_free(a->nodes);
	loop_fd_remove(a->on_arp);
	loop_timer_remove(a->timer);
	for (size_t i = 0; i < ARRAY_LEN(a->signals); i++)
		loop_signal_remove(a->signals[i]);
	loop_free(a->loop);
	if (a->fd >= 0)
		close(a->fd);
	probe_free(a->probe);
	netlink_world_release(&a->world);
	free(a->links);
	free(a->held);
}

static int run(int argc, char **argv, struct err *e)
{
	struct arping a = { .args = { .count = UNSET, .interval_ms = UNSET, .rate = RATE }, .fd = -1 };
	int n = opts_parse(opts, &a.args, argc, argv, e);
	int status = n < 0 ? -1 : check_args(&a.args, e);

	if (status == 0)
		status = read_operands(&a, argv + 1, n, e);
	if (status == 0)
		status = start(&a, e);
	if (status == 0 && !a.failed)
		status = loop_run(a.loop, e);
	if (status == 0 && a.failed) {
		*e = a.why;
		status = -1;
	}
	if (status == 0)
		status = arping_show_end(&a.show, e);
	release(&a);
	return status;
}

const struct cmd cmd_arping = {
	.name = "arping",
	.operands = "ADDRESS|RANGE|PREFIX...",
	.summary = "ask the network who has an address",
	.opts = opts,
	.run = run,
};
