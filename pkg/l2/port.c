/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the engine to the kernel and the loop: links from netlink, frames through two packet
 * sockets for all links, whose kernel filters let in what is asked of us or claimed, nothing else.
 *
 * Whatever changes the engine asks for a pump() at the end of the round of the loop, so that a
 * thousand announcements of one read cost one filter. */
#include "pkg/l2/l2.h"

#include "pkg/l2/bind.h"
#include "pkg/l2/ears.h"
#include "pkg/l2/in_kernel.h"
#include "pkg/log/log.h"

enum {
	RETRY_MS = 1,       /* when the kernel's queue for sending was full */
	BATCHES_A_TURN = 8, /* received before others have their turn */
	LATE_US =
	    1000000, /* who isn't answered for that long asks again (RFC 1122 2.3.2.1, RFC 4861 10) */
};

struct l2_port {
	struct loop *loop;
	struct l2_port_events ev;
	struct l2 *engine;
	struct bind *bind;
	struct netlink_monitor *monitor;
	struct loop_fd *on_monitor, *on_arp, *on_ndp;
	struct loop_timer *timer, *retry;
	struct ears ears;
	struct in_kernel in_kernel;
	uint64_t generation, groups_generation; /* of what is listened for */
	bool links_changed;
	uint64_t woke_us; /* what had come before is late */
	uint64_t speak_until_ms;
	bool silent;     /* that has passed */
	bool was_silent; /* when addresses were last put on interfaces */
	bool blocked;    /* until `retry`: nothing is sent, so nothing is received */
	struct log_limit group_limit;
};

static void on_arp(int what, void *arg);
static void on_ndp(int what, void *arg);

static void fail(struct l2_port *p, const struct err *e)
{
	p->ev.failed(p->ev.arg, e);
}

static int listen_for_frames(struct l2_port *p, int what, struct err *e)
{
	return loop_fd_set(p->on_arp, what, e) < 0 || loop_fd_set(p->on_ndp, what, e) < 0 ? -1 : 0;
}

/* Whether the time to speak has passed.  Whoever did not run may have more of it, unread. */
static bool check_silent(struct l2_port *p, uint64_t now)
{
	if (now < p->speak_until_ms || p->silent)
		return p->silent;
	p->silent = true;
	in_kernel_stop(&p->in_kernel);
	loop_timer_set(p->timer, 0);
	p->ev.expired(p->ev.arg);
	return p->silent;
}

/* Sends what is queued, or as much as the kernel takes. */
static void send_out(struct l2_port *p)
{
	struct err e = ERR_INIT;

	if (ears_send(&p->ears, loop_now_ms(p->loop)) || p->blocked)
		return;
	p->blocked = true;
	loop_timer_set(p->retry, RETRY_MS);
	if (listen_for_frames(p, 0, &e) < 0)
		fail(p, &e);
}

/* The addresses that are answered now; the caller frees them. */
static struct addr *take_addresses(const struct l2_port *p, size_t *n, struct err *e)
{
	struct addr *set;

	*n = l2_addresses(p->engine, NULL, 0);
	set = malloc(*n * sizeof(*set) + 1);
	if (!set) {
		err_memory(e);
		return NULL;
	}
	l2_addresses(p->engine, set, *n);
	return set;
}

/* The kernel filters and groups for what is answered now.  A group that can't be joined is no
 * reason to stop: broadcasts and other groups still work. */
static int listen_anew(struct l2_port *p, struct err *e)
{
	CLEANUP(freep) struct addr *set = NULL;
	struct err why = ERR_INIT;
	size_t n;

	if (p->groups_generation != l2_groups_generation(p->engine)) {
		p->groups_generation = l2_groups_generation(p->engine);
		if (ears_join(&p->ears, p->engine, &why) < 0 &&
		    log_allow(&p->group_limit, loop_now_ms(p->loop)))
			log_warn("l2", "%s; some hosts may not be able to ask for addresses there",
			    why.text);
	}
	if (p->generation == l2_generation(p->engine))
		return 0;
	set = take_addresses(p, &n, e);
	if (!set || ears_hear(&p->ears, set, n, e) < 0)
		return -1;
	p->generation = l2_generation(p->engine);
	return 0;
}

/* True when there is more, but the time has to go on first: that of a question counts from when it was
 * sent. */
static bool send_due(struct l2_port *p)
{
	struct l2_frame f;

	while (!p->blocked && !p->silent) {
		bool more = false;

		while (ears_have_room(&p->ears) && (more = l2_next_frame(p->engine, &f)))
			ears_queue(&p->ears, &f);
		send_out(p);
		if (!more || l2_is_probing(p->engine))
			return more;
	}
	return false;
}

static uint64_t deadline(const struct l2_port *p)
{
	uint64_t at = p->blocked || p->silent ? UINT64_MAX : l2_deadline(p->engine);
	uint64_t renew = p->bind ? bind_deadline(p->bind) : UINT64_MAX;
	uint64_t review = in_kernel_deadline(&p->in_kernel);

	if (!p->silent && p->speak_until_ms < at)
		at = p->speak_until_ms;
	at = review < at ? review : at;
	return at < renew ? at : renew;
}

static void sync_bind(struct l2_port *p, bool changed, uint64_t now)
{
	CLEANUP(freep) struct addr *set = NULL;
	struct err e = ERR_INIT;
	size_t n;

	if (!p->bind || (!changed && bind_deadline(p->bind) > now))
		return;
	set = take_addresses(p, &n, &e);
	if (p->silent)
		n = 0; /* or the kernel would answer */
	if (!set || bind_sync(p->bind, p->engine, set, n, p->links_changed, now, &e) < 0) {
		if (e.kind == ERR_PERMISSION)
			fail(p, &e);
		else
			log_debug("l2", "%s", e.text);
	}
}

/* An address is not free before the answers that wait have been heard. */
static void hear_all(struct l2_port *p)
{
	if (p->blocked)
		return;
	on_arp(LOOP_READ, p);
	on_ndp(LOOP_READ, p);
}

static void pump(struct l2_port *p)
{
	uint64_t now = loop_now_ms(p->loop), next;
	struct err e = ERR_INIT;
	struct l2_event ev;
	bool changed, more, links = p->links_changed;

	check_silent(p, now);
	if (l2_is_probing(p->engine))
		hear_all(p);
	l2_tick(p->engine, now);
	in_kernel_forget(&p->in_kernel, p->engine);
	changed = p->generation != l2_generation(p->engine);
	if (listen_anew(p, &e) < 0) {
		fail(p, &e);
		return;
	}
	sync_bind(p, changed || links || p->silent != p->was_silent, now);
	p->links_changed = false;
	p->was_silent = p->silent;
	more = send_due(p);
	more |= in_kernel_learn(&p->in_kernel, p->engine); /* after the first frames */
	in_kernel_review(&p->in_kernel, p->engine, now);
	next = more ? now : deadline(p);
	if (next == UINT64_MAX)
		loop_timer_stop(p->timer);
	else
		loop_timer_set(p->timer, next > now ? next - now : 0);
	if (l2_met_stranger(p->engine))
		p->ev.stranger(p->ev.arg);
	while (l2_next_event(p->engine, &ev))
		p->ev.happened(p->ev.arg, &ev);
	p->ev.quiet(p->ev.arg, links);
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
	if (listen_for_frames(p, LOOP_READ, &e) < 0)
		fail(p, &e);
	send_out(p);
	if (!p->blocked)
		pump(p);
}

/* After a batch: the answers go out, and what was heard may have made something due. */
static bool answered(struct l2_port *p, size_t got, size_t most)
{
	size_t n = p->ears.arp_n + p->ears.ndp_n;
	int ifindex = n ? ears_last_link(&p->ears) : 0;

	send_out(p);
	if (n && in_kernel_answered(&p->in_kernel, p->engine, l2_port_world(p), ifindex, n,
		     loop_now_ms(p->loop), p->speak_until_ms))
		loop_timer_set(p->timer, 0);
	if (l2_deadline(p->engine) <= loop_now_ms(p->loop))
		loop_timer_set(p->timer, 0);
	return got == most && !p->blocked;
}

/* A frame that waited for so long tells that we did not run, and so did all that came meanwhile. */
static void note_age(struct l2_port *p, uint32_t age_us, uint64_t now_us)
{
	if (age_us >= LATE_US)
		p->woke_us = now_us;
	l2_set_late(p->engine, p->silent || now_us < p->woke_us + age_us);
}

/* Answers one batch; false when that was all. */
static bool answer_arp(struct l2_port *p)
{
	uint64_t now = loop_now_ms(p->loop), now_us;
	bool log = log_enabled(LOG_DEBUG, "l2");
	struct err e = ERR_INIT;
	struct arp_batch b;

	if (arp_receive(p->ears.arp, &b, &e) < 0) {
		log_debug("l2", "%s", e.text);
		return false;
	}
	now_us = loop_clock_us();
	check_silent(p, now);
	for (size_t i = 0; i < b.n; i++) {
		enum l2_outcome o;

		note_age(p, b.age_us[i], now_us);
		o = l2_receive_arp(p->engine, &b.at[i], now, &p->ears.arp_out[p->ears.arp_n]);
		p->ears.arp_n += o == L2_ANSWERED;
		if (log)
			ears_log_arp(l2_port_world(p), &b.at[i], o);
	}
	return answered(p, b.n + b.bad, PACKET_BATCH);
}

static bool answer_ndp(struct l2_port *p)
{
	uint64_t now = loop_now_ms(p->loop), now_us;
	bool log = log_enabled(LOG_DEBUG, "l2");
	struct err e = ERR_INIT;
	struct ndp_batch b;

	if (ndp_receive(p->ears.ndp, &b, &e) < 0) {
		log_debug("l2", "%s", e.text);
		return false;
	}
	if (b.bad && log)
		log_debug("l2", "%s", b.why.text);
	now_us = loop_clock_us();
	check_silent(p, now);
	for (size_t i = 0; i < b.n; i++) {
		enum l2_outcome o;

		note_age(p, b.age_us[i], now_us);
		o = l2_receive_ndp(p->engine, &b.at[i], now, &p->ears.ndp_out[p->ears.ndp_n]);
		p->ears.ndp_n += o == L2_ANSWERED;
		if (log)
			ears_log_ndp(l2_port_world(p), &b.at[i], o);
	}
	return answered(p, b.n + b.bad, PACKET_BATCH);
}

static void on_arp(int what, void *arg)
{
	(void)what;
	for (int i = 0; i < BATCHES_A_TURN; i++)
		if (!answer_arp(arg))
			return;
}

static void on_ndp(int what, void *arg)
{
	(void)what;
	for (int i = 0; i < BATCHES_A_TURN; i++)
		if (!answer_ndp(arg))
			return;
}

static int take_links(struct l2_port *p, struct err *e)
{
	const struct netlink_world *w = netlink_monitor_world(p->monitor);

	p->links_changed = true;
	in_kernel_links(&p->in_kernel, p->engine, w);
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
	if (ears_open(&p->ears, e) < 0)
		return -1;
	p->engine = l2_new(&o->engine, e);
	if (!p->engine)
		return -1;
	p->monitor = netlink_monitor_new(e);
	if (!p->monitor)
		return -1;
	if (o->bind) {
		p->in_kernel.not_before_ms = UINT64_MAX; /* the kernel answers itself */
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
	p->on_arp = loop_fd_add(p->loop, p->ears.arp, LOOP_READ, on_arp, p, e);
	p->on_ndp = loop_fd_add(p->loop, p->ears.ndp, LOOP_READ, on_ndp, p, e);
	if (!p->on_monitor || !p->on_arp || !p->on_ndp)
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
	p->speak_until_ms = UINT64_MAX;
	p->ears = (struct ears){ .arp = -1, .ndp = -1 };
	p->group_limit = (struct log_limit){ .burst = 5, .window_ms = 60000 };
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
	loop_fd_remove(p->on_ndp);
	loop_fd_remove(p->on_monitor);
	loop_timer_remove(p->timer);
	loop_timer_remove(p->retry);
	in_kernel_stop(&p->in_kernel);
	ears_close(&p->ears);
	bind_free(p->bind);
	in_kernel_close(&p->in_kernel, p->engine);
	netlink_monitor_free(p->monitor);
	l2_free(p->engine);
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

void l2_port_lose_all(struct l2_port *p)
{
	l2_lose_all(p->engine, loop_now_ms(p->loop));
	loop_timer_set(p->timer, 0);
}

void l2_port_tell_again(struct l2_port *p)
{
	l2_tell_again(p->engine, loop_now_ms(p->loop));
	loop_timer_set(p->timer, 0);
}

int l2_port_set_peers(struct l2_port *p, const struct mac *at, size_t n, struct err *e)
{
	return l2_set_peers(p->engine, at, n, e);
}

void l2_port_flush(struct l2_port *p)
{
	pump(p);
}

void l2_port_speak_until(struct l2_port *p, uint64_t until_ms)
{
	uint64_t now = loop_now_ms(p->loop);

	p->speak_until_ms = until_ms;
	if (until_ms < p->in_kernel.until_ms)
		in_kernel_stop(&p->in_kernel);
	if (p->silent && until_ms > now) {
		p->silent = false;
		l2_port_tell_again(p);
	} else if (!check_silent(p, now) && !loop_timer_is_set(p->timer)) {
		loop_timer_set(p->timer, 0);
	}
}

bool l2_port_is_silent(const struct l2_port *p)
{
	return p->silent;
}

bool l2_port_is_idle(const struct l2_port *p)
{
	return l2_is_idle(p->engine);
}

void l2_port_metrics(const struct l2_port *p, const char *node, struct buf *out)
{
	struct l2_elsewhere x;

	l2_metrics(p->engine, in_kernel_counts(&p->in_kernel, &x) ? &x : NULL, node, out);
}

const struct l2 *l2_port_engine(const struct l2_port *p)
{
	return p->engine;
}

const struct netlink_world *l2_port_world(const struct l2_port *p)
{
	return netlink_monitor_world(p->monitor);
}
