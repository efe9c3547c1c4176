/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the engine of pkg/probe to the socket, the clock and standard output. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cmd/arping.h"
#include "pkg/log/log.h"

enum {
	MS = 1000,
	NAMES_WAIT_MS = 1000, /* for a cluster that nobody named */
	NAMED_WAIT_MS = 5000, /* for what --from or --kubeconfig names */
	TURN_MS = 1,          /* until the next turn: none of 0, in which nothing is heard */
	ROUNDS = 8,           /* batches of frames a turn */
	SENT_MAX = 256,       /* frames a turn: answers and signals have theirs */
	HELD_MAX = 65536,     /* answers that wait for names */
};

/* Something to be shown. */
struct held {
	bool is_news;
	union {
		struct probe_event event;
		struct probe_news news;
	};
};

struct arping {
	struct arping_plan *plan;
	struct arping_nodes *nodes;
	struct arping_show show;
	struct loop *loop;
	struct probe_wire *wire;
	struct probe_capture *capture; /* with --pcap */
	struct loop_fd *on_capture;
	struct loop_fd *on_arp, *on_ndp;
	struct loop_timer *timer;
	struct loop_signal *signals[2];
	struct probe_message unsent; /* when `blocked` */
	bool blocked;
	struct probe_watch *watch; /* with --watch */
	struct arping_out out;
	bool *down;        /* of the plan's links, with --watch: they are, and it was said */
	struct held *held; /* until the names of nodes are known, or were waited for */
	size_t held_n, held_cap;
	uint64_t names_until_us;
	bool done;
	bool failed;
	struct err why;
};

static void give_up(struct arping *a, const struct err *e)
{
	if (!a->failed)
		a->why = *e;
	a->failed = true;
	loop_stop(a->loop);
}

static void on_out_failed(void *arg, const struct err *e)
{
	give_up(arg, e);
}

static void flush_out(struct arping *a)
{
	struct err e = ERR_INIT;

	if (arping_out_flush(&e) < 0)
		give_up(a, &e);
}

static bool names_pending(struct arping *a)
{
	return !arping_nodes_settled(a->nodes) && loop_clock_us() < a->names_until_us;
}

static void show_one(struct arping *a, const struct held *h)
{
	if (h->is_news)
		arping_show_news(&a->show, &h->news);
	else
		arping_show_event(&a->show, &h->event);
}

static void show_held(struct arping *a)
{
	for (size_t i = 0; i < a->held_n; i++)
		show_one(a, &a->held[i]);
	a->held_n = 0;
}

static void hold(struct arping *a, const struct held *h)
{
	if (a->held_n == HELD_MAX)
		show_held(a);
	if (a->held_n == a->held_cap) {
		size_t cap = a->held_cap ? 2 * a->held_cap : 64;
		struct held *grown = reallocarray(a->held, cap, sizeof(*grown));

		if (!grown) { /* better without a name than lost */
			show_held(a);
			show_one(a, h);
			return;
		}
		a->held = grown;
		a->held_cap = cap;
	}
	a->held[a->held_n++] = *h;
}

static const char *link_name(const struct arping *a, int ifindex)
{
	return netlink_link_by_index(&a->plan->world, ifindex)->name;
}

/* Says once that a link is down. */
static void note_link(struct arping *a, int ifindex, bool down)
{
	for (size_t i = 0; a->watch && i < a->plan->links_n; i++) {
		if (a->plan->links[i].ifindex != ifindex)
			continue;
		if (down && !a->down[i])
			log_warn(NULL, "%s is down: what is asked there is lost until it is up again",
			    link_name(a, ifindex));
		a->down[i] = down;
	}
}

/* A watch outlives that a link is down for a while; one that has gone for good (ENXIO) ends it. */
static bool is_survived(const struct arping *a, const struct err *e)
{
	return a->watch && e->sys == ENETDOWN;
}

/* False when the kernel's queue is full; the frame then waits in `unsent`. */
static bool send_frame(struct arping *a, const struct probe_message *m)
{
	struct err e = ERR_INIT;
	int sent = probe_wire_send(a->wire, m, &e);
	bool lost = sent < 0 && is_survived(a, &e);

	if (sent > 0 || lost)
		note_link(a, m->ifindex, lost);
	if (sent < 0 && e.sys == ENXIO)
		err_wrap(&e, "%s has gone", link_name(a, m->ifindex));
	if (sent < 0 && !lost)
		give_up(a, &e);
	a->blocked = sent == 0;
	if (a->blocked)
		a->unsent = *m;
	return sent > 0 || lost;
}

/* What --watch makes of it. */
static void see(struct arping *a, const struct probe_event *ev)
{
	struct held h = { .is_news = true };
	struct err e = ERR_INIT;

	if (probe_watch_event(a->watch, ev, &e) < 0)
		give_up(a, &e);
	while (probe_watch_next(a->watch, &h.news))
		hold(a, &h);
}

static void take_event(struct arping *a, struct probe *p, const struct probe_event *ev)
{
	if (p != a->plan->probe) {
		arping_nodes_event(a->nodes, ev);
		return;
	}
	a->done |= ev->what == PROBE_DONE;
	if (a->watch)
		see(a, ev);
	else if (ev->what != PROBE_SEND && ev->what != PROBE_DONE)
		hold(a, &(struct held){ .event = *ev });
}

static bool pump_one(struct arping *a, struct probe *p)
{
	struct probe_event ev;
	int sent = 0;

	while (!a->blocked && !a->failed && sent < SENT_MAX && probe_next(p, loop_clock_us(), &ev)) {
		if (ev.what == PROBE_SEND) {
			send_frame(a, &ev.message);
			sent++;
		}
		if (ev.what != PROBE_SEND || p == a->plan->probe)
			take_event(a, p, &ev);
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
		loop_timer_set(a->timer, TURN_MS);
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
		loop_timer_set(a->timer, at > now ? (at - now + MS - 1) / MS : TURN_MS);
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

/* As many frames as a few batches hold: in a flood, the clock has its turn all the same. */
static int take_frames(struct arping *a, enum addr_family family, struct err *e)
{
	struct probe_batch b = { .more = true };

	for (int round = 0; round < ROUNDS && b.more; round++) {
		struct probe *nodes = arping_nodes_probe(a->nodes);
		uint64_t now;

		if (probe_wire_receive(a->wire, family, &b, e) < 0)
			return -1;
		now = loop_clock_us();
		for (size_t i = 0; i < b.n; i++) {
			uint64_t then = now - b.age_us[i];

			if (probe_input(a->plan->probe, &b.at[i], then, e) < 0 ||
			    (nodes && probe_input(nodes, &b.at[i], then, e) < 0))
				return -1;
		}
	}
	return 0;
}

/* False when it gave up. */
static bool hear_frames(struct arping *a, enum addr_family family)
{
	struct err e = ERR_INIT;

	if (probe_wire_fd(a->wire, family) < 0 || take_frames(a, family, &e) == 0 || is_survived(a, &e))
		return true;
	if (a->plan->links_n == 1)
		err_wrap(&e, "%s", link_name(a, a->plan->links[0].ifindex));
	give_up(a, &e);
	return false;
}

static void on_frames(struct arping *a, enum addr_family family)
{
	if (hear_frames(a, family))
		pump(a);
}

/* Answers that are there already come before the next question. */
static void on_timer(void *arg)
{
	struct arping *a = arg;

	if (hear_frames(a, ADDR_IPV4) && hear_frames(a, ADDR_IPV6))
		pump(a);
}

static void on_arp(int what, void *arg)
{
	(void)what;
	on_frames(arg, ADDR_IPV4);
}

static void on_ndp(int what, void *arg)
{
	(void)what;
	on_frames(arg, ADDR_IPV6);
}

/* The kernel lets through what is about the targets and the nodes. */
static int hear(struct arping *a, struct err *e)
{
	const struct probe *all[] = { a->plan->probe, a->nodes ? arping_nodes_probe(a->nodes) : NULL };
	int arp, ndp;

	if (probe_wire_hear(a->wire, all, ARRAY_LEN(all), a->show.mode == PROBE_DUPLICATE, e) < 0)
		return -1;
	arp = probe_wire_fd(a->wire, ADDR_IPV4);
	ndp = probe_wire_fd(a->wire, ADDR_IPV6);
	if (arp >= 0 && !a->on_arp) {
		a->on_arp = loop_fd_add(a->loop, arp, LOOP_READ, on_arp, a, e);
		if (!a->on_arp)
			return -1;
	}
	if (ndp >= 0 && !a->on_ndp) {
		a->on_ndp = loop_fd_add(a->loop, ndp, LOOP_READ, on_ndp, a, e);
		if (!a->on_ndp)
			return -1;
	}
	return 0;
}

/* From the source or from inside of pump(): what it leads to is done in the loop's next turn. */
static void on_nodes(void *arg)
{
	struct arping *a = arg;
	struct err e = ERR_INIT;

	if (a->nodes && !arping_nodes_settled(a->nodes) && hear(a, &e) < 0)
		give_up(a, &e);
	loop_timer_set(a->timer, 0);
}

static void take_capture(struct arping *a, bool all)
{
	struct err e = ERR_INIT;
	bool full = false;

	if (probe_capture_take(a->capture, all, &full, &e) < 0)
		give_up(a, &e);
	else if (full)
		log_warn(NULL, "%s has %d MiB; the rest is left out", a->plan->pcap,
		    PROBE_CAPTURE_MAX >> 20);
}

static void on_capture(int what, void *arg)
{
	(void)what;
	take_capture(arg, false);
}

static int open_capture(struct arping *a, struct err *e)
{
	struct arping_plan *plan = a->plan;

	if (!plan->pcap)
		return 0;
	a->capture = probe_capture_open(plan->pcap, plan->probe, plan->links, plan->links_n, e);
	if (!a->capture)
		return -1;
	a->on_capture = loop_fd_add(a->loop, probe_capture_fd(a->capture), LOOP_READ, on_capture, a, e);
	return a->on_capture ? 0 : -1;
}

static int open_names(struct arping *a, struct err *e)
{
	struct arping_nodes_options o = {
		.source = a->plan->source,
		.world = &a->plan->world,
		.links = a->plan->links,
		.links_n = a->plan->links_n,
		.rate = a->plan->rate,
		.records = a->plan->pool.name ? &a->plan->pool.nodes : NULL,
		.off = a->show.quiet && !a->plan->pool.name,
		.needed = a->show.who,
		.changed = on_nodes,
		.arg = a,
	};

	a->nodes = arping_nodes_new(a->loop, &o, e);
	if (!a->nodes)
		return -1;
	if (arping_nodes_probe(a->nodes) && hear(a, e) < 0)
		return -1;
	a->show.nodes = a->nodes;
	a->names_until_us =
	    loop_clock_us() + (arping_nodes_wanted(&o) ? NAMED_WAIT_MS : NAMES_WAIT_MS) * MS;
	return 0;
}

static int start(struct arping *a, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	a->wire = probe_wire_new(a->plan->links_n == 1 ? a->plan->links[0].ifindex : 0, e);
	a->loop = a->wire ? loop_new(e) : NULL;
	if (!a->loop || open_capture(a, e) < 0) /* before the signals have handlers: it can wait */
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		a->signals[i] = loop_signal_add(a->loop, numbers[i], on_signal, a, e);
		if (!a->signals[i])
			return -1;
	}
	a->timer = loop_timer_add(a->loop, on_timer, a, e);
	if (!a->timer)
		return -1;
	if (probe_start(a->plan->probe, loop_clock_us(), e) < 0 || hear(a, e) < 0 ||
	    (a->show.mode == PROBE_ASK && arping_know_own(a->plan->probe, &a->plan->world, e) < 0))
		return -1;
	if (a->show.watch) {
		a->watch = probe_watch_new(
		    probe_targets(a->plan->probe), probe_interval_us(a->plan->probe), e);
		a->show.watched = a->watch;
		a->down = calloc(a->plan->links_n + 1, sizeof(*a->down));
		if (!a->watch)
			return -1;
		if (!a->down)
			return err_memory(e);
		a->out = (struct arping_out){ .failed = on_out_failed, .arg = a };
		if (!a->show.quiet && arping_out_watch(&a->out, a->loop, e) < 0)
			return -1;
	}
	pump_one(a, a->plan->probe); /* first of all: opening a source can take its time */
	if (open_names(a, e) < 0)
		return -1;
	arping_show_start(&a->show);
	loop_timer_set(a->timer, 0); /* pump() may end the loop, so it has to run */
	return 0;
}

static void release(struct arping *a)
{
	arping_nodes_free(a->nodes);
	loop_fd_remove(a->on_arp);
	loop_fd_remove(a->on_ndp);
	loop_fd_remove(a->on_capture);
	arping_out_release(&a->out);
	loop_timer_remove(a->timer);
	for (size_t i = 0; i < ARRAY_LEN(a->signals); i++)
		loop_signal_remove(a->signals[i]);
	loop_free(a->loop);
	probe_capture_close(a->capture);
	probe_wire_free(a->wire);
	probe_watch_free(a->watch);
	free(a->down);
	free(a->held);
}

/* What was seen until an error ended the watch. */
static void tell_so_far(struct arping *a)
{
	see(a, &(struct probe_event){ .what = PROBE_DONE, .at_us = loop_clock_us() });
	show_held(a);
	if (!a->show.quiet)
		arping_news_summary(&a->show);
}

int arping_run(struct arping_plan *plan, const struct arping_show *show, struct err *e)
{
	struct arping a = { .plan = plan, .show = *show };
	int status = start(&a, e);

	if (status == 0 && !a.failed)
		status = loop_run(a.loop, e);
	if (status == 0 && a.capture && !a.failed)
		take_capture(&a, true);
	if (status == 0 && a.failed) {
		if (a.watch && a.why.kind != ERR_CLOSED)
			tell_so_far(&a);
		*e = a.why;
		status = -1;
	}
	if (status == 0)
		status = arping_show_end(&a.show, e);
	release(&a);
	return status;
}
