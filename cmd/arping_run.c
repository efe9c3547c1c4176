/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the engine of pkg/probe to the socket, the clock and standard output. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/arping.h"

enum {
	MS = 1000,
	NAMES_WAIT_MS = 1000, /* for a cluster that nobody named */
	NAMED_WAIT_MS = 5000, /* for what --from or --kubeconfig names */
	RETRY_MS = 1,         /* when the kernel's queue for sending is full */
};

struct arping {
	struct arping_plan *plan;
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

/* The kernel lets through what is about the targets and the nodes. */
static int hear(struct arping *a, struct err *e)
{
	struct probe *nodes = a->nodes ? arping_nodes_probe(a->nodes) : NULL;
	size_t n = 0, most = probe_targets(a->plan->probe) + (nodes ? probe_targets(nodes) : 0);
	CLEANUP(freep) struct in_addr *set = malloc(most * sizeof(*set) + 1);
	unsigned match = ARP_MATCH_SENDER | (a->show.mode == PROBE_DUPLICATE ? ARP_MATCH_ASKED : 0);

	if (!set)
		return err_memory(e);
	for (size_t i = 0; i < probe_targets(a->plan->probe); i++)
		set[n++] = probe_target(a->plan->probe, i)->ip;
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
		else if (p != a->plan->probe)
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
	uint64_t at = probe_deadline(a->plan->probe, now), other;

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
	if (pump_one(a, a->plan->probe) && nodes && !arping_nodes_settled(a->nodes))
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
	probe_stop(a->plan->probe);
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

			if (probe_input(a->plan->probe, &b.at[i], then, e) < 0 ||
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
	if (take_frames(a, &e) == 0) {
		pump(a);
		return;
	}
	if (a->plan->links_n == 1)
		err_wrap(
		    &e, "%s", netlink_link_by_index(&a->plan->world, a->plan->links[0].ifindex)->name);
	give_up(a, &e);
}

/* This host answers nobody's question about itself, least of all its own. */
static int know_own(struct arping *a, struct err *e)
{
	for (size_t i = 0; i < a->plan->world.addresses_n && a->show.mode == PROBE_ASK; i++) {
		const struct netlink_address *own = &a->plan->world.addresses[i];
		const struct netlink_link *l = netlink_link_by_index(&a->plan->world, own->ifindex);

		if (own->addr.family == ADDR_IPV4 && l && l->ethernet &&
		    probe_known(a->plan->probe, addr_to_in(&own->addr), &l->mac, e) < 0)
			return -1;
	}
	return 0;
}

static int open_names(struct arping *a, struct err *e)
{
	struct arping_nodes_options o = {
		.source = a->plan->source,
		.world = &a->plan->world,
		.links = a->plan->links,
		.links_n = a->plan->links_n,
		.off = a->show.quiet,
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
	bool named = arping_nodes_named(&a->plan->source);

	a->fd = arp_open(a->plan->links_n == 1 ? a->plan->links[0].ifindex : 0, e);
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
	if (probe_start(a->plan->probe, loop_clock_us(), e) < 0 || hear(a, e) < 0 || know_own(a, e) < 0)
		return -1;
	pump_one(a, a->plan->probe); /* first of all: opening a source can take its time */
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
	free(a->held);
}

int arping_run(struct arping_plan *plan, const struct arping_show *show, struct err *e)
{
	struct arping a = { .plan = plan, .show = *show, .fd = -1 };
	int status = start(&a, e);

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
