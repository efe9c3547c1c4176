/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the engine to the kernel and the loop: links from netlink, frames through one packet
 * socket for all links, whose kernel filter lets in what is asked of us and nothing else.
 *
 * Whatever changes the engine asks for a pump() at the end of the round of the loop, so that a
 * thousand announcements of one read cost one filter. */
#include "pkg/l2/l2.h"

#include <string.h>
#include <unistd.h>

#include "pkg/l2/bind.h"
#include "pkg/log/log.h"

enum {
	RETRY_MS = 1,       /* when the kernel's queue for sending was full */
	BATCHES_A_TURN = 8, /* received before others have their turn */
};

struct l2_port {
	struct loop *loop;
	struct l2_port_events ev;
	struct l2 *engine;
	struct bind *bind;
	struct netlink_monitor *monitor;
	struct loop_fd *on_monitor, *on_arp;
	struct loop_timer *timer, *retry;
	int fd;
	struct in_addr *set; /* what is listened for, as of `generation` */
	size_t set_n, set_cap;
	uint64_t generation;
	bool links_changed;
	struct arp_message out[ARP_BATCH]; /* to be sent, in order */
	size_t out_n;
	bool blocked; /* until `retry`: nothing is sent, so nothing is received */
};

static void fail(struct l2_port *p, const struct err *e)
{
	p->ev.failed(p->ev.arg, e);
}

/* Sends what stands in `out`, or as much as the kernel takes. */
static void send_out(struct l2_port *p)
{
	size_t done = 0;

	while (done < p->out_n) {
		struct err e = ERR_INIT;
		int sent = arp_send(p->fd, p->out + done, p->out_n - done, &e);

		if (sent == 0)
			break;
		if (sent < 0) /* the link went down or away: netlink will tell */
			log_debug("l2", "%s", e.text);
		done += sent < 0 ? 1 : (size_t)sent;
	}
	p->out_n -= done;
	memmove(p->out, p->out + done, p->out_n * sizeof(p->out[0]));
	if (p->out_n && !p->blocked) {
		struct err e = ERR_INIT;

		p->blocked = true;
		loop_timer_set(p->retry, RETRY_MS);
		if (loop_fd_set(p->on_arp, 0, &e) < 0)
			fail(p, &e);
	}
}

/* The kernel filter for what is answered now. */
static int listen_anew(struct l2_port *p, struct err *e)
{
	unsigned match;
	size_t n = l2_listens(p->engine, p->set, p->set_cap, &match);
	bool exact;

	if (n > p->set_cap) {
		struct in_addr *more = reallocarray(p->set, 2 * n, sizeof(*more));

		if (!more)
			return err_memory(e);
		p->set = more;
		p->set_cap = 2 * n;
		n = l2_listens(p->engine, p->set, p->set_cap, &match);
	}
	p->set_n = n;
	if (arp_hear(p->fd, p->set, n, match, &exact, e) < 0)
		return -1;
	if (!exact)
		log_debug("l2", "the kernel filter for %zu addresses lets some neighbours through", n);
	p->generation = l2_generation(p->engine);
	return 0;
}

static void send_due(struct l2_port *p)
{
	while (!p->blocked) {
		while (p->out_n < ARRAY_LEN(p->out) && l2_next_frame(p->engine, &p->out[p->out_n]))
			p->out_n++;
		if (!p->out_n)
			return;
		send_out(p);
	}
}

static uint64_t deadline(const struct l2_port *p)
{
	uint64_t at = p->blocked ? UINT64_MAX : l2_deadline(p->engine);
	uint64_t renew = p->bind ? bind_deadline(p->bind) : UINT64_MAX;

	return at < renew ? at : renew;
}

static void sync_bind(struct l2_port *p, bool changed, uint64_t now)
{
	struct err e = ERR_INIT;

	if (!p->bind || (!changed && bind_deadline(p->bind) > now))
		return;
	if (bind_sync(p->bind, p->engine, p->set, p->set_n, l2_port_world(p), now, &e) < 0) {
		if (e.kind == ERR_PERMISSION)
			fail(p, &e);
		else
			log_debug("l2", "%s", e.text);
	}
}

static void pump(struct l2_port *p)
{
	uint64_t now = loop_now_ms(p->loop), next;
	struct err e = ERR_INIT;
	struct l2_event ev;
	bool changed;

	l2_tick(p->engine, now);
	changed = p->generation != l2_generation(p->engine);
	if (changed && listen_anew(p, &e) < 0) {
		fail(p, &e);
		return;
	}
	sync_bind(p, changed || p->links_changed, now);
	p->links_changed = false;
	send_due(p);
	next = deadline(p);
	if (next == UINT64_MAX)
		loop_timer_stop(p->timer);
	else
		loop_timer_set(p->timer, next > now ? next - now : 0);
	while (l2_next_event(p->engine, &ev))
		p->ev.happened(p->ev.arg, &ev);
	if (p->ev.quiet)
		p->ev.quiet(p->ev.arg);
}

static void on_timer(void *arg)
{
	pump(arg);
}

static void on_retry(void *arg)
{
	struct l2_port *p = arg;
	struct err e = ERR_INIT;

	p->blocked = false;
	if (loop_fd_set(p->on_arp, LOOP_READ, &e) < 0)
		fail(p, &e);
	send_out(p);
	if (!p->blocked)
		pump(p);
}

static void log_frame(const struct l2_port *p, const struct arp_message *m, enum l2_outcome o)
{
	const struct netlink_link *k = netlink_link_by_index(l2_port_world(p), m->ifindex);
	struct addr target = addr_from_in(m->frame.packet.target_ip);
	char mac[MAC_TEXT_LEN], ip[ADDR_TEXT_LEN];

	log_debug("l2", "%s on %s, %s %s: %s", mac_format(&m->frame.packet.sender_mac, mac),
	    k ? k->name : "an unknown link", m->frame.packet.op == ARP_REQUEST ? "asks for" : "answers",
	    addr_format(&target, ip), l2_outcome_text(o));
}

/* Answers one batch; false when that was all. */
static bool answer(struct l2_port *p)
{
	bool log = log_enabled(LOG_DEBUG, "l2"), succeeded = false;
	struct err e = ERR_INIT;
	struct arp_batch b;

	if (arp_receive(p->fd, &b, &e) < 0) {
		log_debug("l2", "%s", e.text);
		return false;
	}
	for (size_t i = 0; i < b.n; i++) {
		enum l2_outcome o = l2_receive(p->engine, &b.at[i], &p->out[p->out_n]);

		p->out_n += o == L2_ANSWERED;
		succeeded |= o == L2_SUCCESSOR;
		if (log)
			log_frame(p, &b.at[i], o);
	}
	if (p->out_n)
		send_out(p);
	if (succeeded)
		loop_timer_set(p->timer, 0);
	return b.n + b.bad == ARP_BATCH && !p->blocked;
}

static void on_arp(int what, void *arg)
{
	(void)what;
	for (int i = 0; i < BATCHES_A_TURN; i++)
		if (!answer(arg))
			return;
}

static int take_links(struct l2_port *p, struct err *e)
{
	const struct netlink_world *w = netlink_monitor_world(p->monitor);

	p->links_changed = true;
	return l2_set_links(p->engine, w->links, w->links_n, loop_now_ms(p->loop), e);
}

static void on_monitor(int what, void *arg)
{
	struct l2_port *p = arg;
	struct err e = ERR_INIT;
	bool changed;

	(void)what;
	if (netlink_monitor_read(p->monitor, &changed, NULL, &e) < 0 ||
	    (changed && take_links(p, &e) < 0)) {
		fail(p, &e);
		return;
	}
	if (changed)
		pump(p);
}

static int open_all(struct l2_port *p, const struct l2_port_options *o, struct err *e)
{
	p->fd = arp_open(0, e);
	if (p->fd < 0)
		return -1;
	p->engine = l2_new(&o->engine, e);
	if (!p->engine)
		return -1;
	p->monitor = netlink_monitor_new(e);
	if (!p->monitor)
		return -1;
	if (o->bind) {
		p->bind = bind_new(o->bind_interface, l2_port_world(p), e);
		if (!p->bind)
			return -1;
	}
	p->timer = loop_timer_add(p->loop, on_timer, p, e);
	p->retry = loop_timer_add(p->loop, on_retry, p, e);
	if (!p->timer || !p->retry)
		return -1;
	p->on_monitor =
	    loop_fd_add(p->loop, netlink_monitor_fd(p->monitor), LOOP_READ, on_monitor, p, e);
	p->on_arp = loop_fd_add(p->loop, p->fd, LOOP_READ, on_arp, p, e);
	if (!p->on_monitor || !p->on_arp)
		return -1;
	return take_links(p, e);
}

struct l2_port *l2_port_new(
    struct loop *loop, const struct l2_port_options *o, const struct l2_port_events *ev, struct err *e)
{
	struct l2_port *p = calloc(1, sizeof(*p));

	if (!p) {
		err_memory(e);
		return NULL;
	}
	p->loop = loop;
	p->ev = *ev;
	p->fd = -1;
	if (open_all(p, o, e) == 0)
		return p;
	l2_port_free(p);
	return NULL;
}

void l2_port_free(struct l2_port *p)
{
	if (!p)
		return;
	loop_fd_remove(p->on_arp);
	loop_fd_remove(p->on_monitor);
	loop_timer_remove(p->timer);
	loop_timer_remove(p->retry);
	if (p->fd >= 0)
		close(p->fd);
	bind_free(p->bind);
	netlink_monitor_free(p->monitor);
	l2_free(p->engine);
	free(p->set);
	free(p);
}

int l2_port_announce(struct l2_port *p, const struct l2_announcement *a, struct err *e)
{
	loop_timer_set(p->timer, 0);
	return l2_announce(p->engine, a, loop_now_ms(p->loop), e);
}

void l2_port_withdraw(struct l2_port *p, const char *key)
{
	l2_withdraw(p->engine, key, loop_now_ms(p->loop));
	loop_timer_set(p->timer, 0);
}

void l2_port_withdraw_all(struct l2_port *p)
{
	l2_withdraw_all(p->engine, loop_now_ms(p->loop));
	loop_timer_set(p->timer, 0);
}

void l2_port_flush(struct l2_port *p)
{
	pump(p);
}

bool l2_port_is_idle(const struct l2_port *p)
{
	return l2_is_idle(p->engine);
}

const struct l2 *l2_port_engine(const struct l2_port *p)
{
	return p->engine;
}

const struct netlink_world *l2_port_world(const struct l2_port *p)
{
	return netlink_monitor_world(p->monitor);
}
