/* SPDX-License-Identifier: Apache-2.0 */
/* Binds the engine to the loop: one UDP socket of each family that our Node has an address of,
 * everything that is due in one turn sent in one system call. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "pkg/log/log.h"
#include "pkg/member/member.h"
#include "pkg/netlink/netlink.h"

enum {
	BATCHES_A_TURN = 16, /* received before what is due is sent */
	ROUTES_MS = 10,      /* after a link came up, until the kernel has its routes too */
	NETWORK_MS = 100,    /* between looks at the network of a host where it changes all the time */
	FLOOD_US = 1000000,  /* for so long after one, packets are read as they come */
};

struct socket {
	struct member_port *port;
	struct addr local; /* as it is bound */
	struct loop_fd *watch;
	struct loop_fd *flood; /* of what is quiet, which is polled only while there is too much */
	struct bfd_socket at;
};

struct member_port {
	struct loop *loop;
	struct member_port_events ev;
	struct members *engine;
	uint16_t port;
	struct loop_timer *timer;
	struct socket sockets[2];
	struct netlink_monitor *monitor;
	struct loop_fd *watch; /* of it */
	struct loop_timer *look;
	uint64_t looked_ms;
	uint64_t flood_until_us;
	bool opened; /* as soon as it can */
	bool has_node;
	char *node;
	struct log_limit refused, unsent, absent;
};

static const uint8_t families[2] = { ADDR_IPV4, ADDR_IPV6 };

static void fail(struct member_port *p, const struct err *e)
{
	p->ev.failed(p->ev.arg, e);
}

/* What is due, in as few calls as there are families. */
static void send_due(struct member_port *p)
{
	struct bfd_datagram out[2][BFD_BATCH];
	size_t n[2] = { 0 };
	uint64_t now = loop_clock_us(); /* of all: then they are due together again */
	struct bfd_datagram d;
	bool more = true;

	while (more) {
		more = member_output(p->engine, &d, now);
		if (more) {
			int i = d.peer.family == ADDR_IPV6;

			out[i][n[i]++] = d;
		}
		for (int i = 0; i < 2; i++) {
			struct err e = ERR_INIT;

			if (!n[i] || (more && n[i] < BFD_BATCH))
				continue;
			if (p->sockets[i].at.fd >= 0 &&
			    bfd_send(&p->sockets[i].at, p->port, out[i], n[i], &e) > 0 &&
			    log_allow(&p->unsent, loop_now_ms(p->loop)))
				log_debug("bfd", "%s", e.text);
			n[i] = 0;
		}
	}
}

/* After each call of the engine: tell, send, and set the clock. */
static void pump(struct member_port *p)
{
	struct member_event ev;
	uint64_t at, now;

	send_due(p);
	while (member_next(p->engine, &ev))
		p->ev.changed(p->ev.arg, &ev);
	at = member_deadline(p->engine);
	now = loop_clock_us();
	if (at == UINT64_MAX)
		loop_timer_stop(p->timer);
	else
		loop_timer_set(p->timer, at > now ? (at - now + 999) / 1000 : 1);
}

/* Told in the order of their arrival, which is when the engine counts them as heard. */
static int read_socket(struct socket *s)
{
	struct member_port *p = s->port;
	struct bfd_datagram got[BFD_BATCH];
	uint64_t now = loop_clock_us();
	struct err e = ERR_INIT;
	int n = BFD_BATCH, most = 0;

	for (int turn = 0; turn < BATCHES_A_TURN && n >= BFD_BATCH / 2; turn++) {
		n = bfd_receive(&s->at, got, &e);
		if (n < 0) {
			fail(p, &e);
			return -1;
		}
		most = n > most ? n : most;
		for (int i = 0; i < n; i++) {
			struct err why = ERR_INIT;

			if (!member_input(p->engine, &got[i], now, &why) && why.kind &&
			    log_allow(&p->refused, loop_now_ms(p->loop)))
				log_debug("bfd", "refused a packet of %s", why.text);
		}
	}
	return most;
}

/* So much must not fill the socket while nobody looks. */
static void watch_flood(struct socket *s, bool is)
{
	uint64_t now = loop_clock_us();
	struct err e = ERR_INIT;

	if (is)
		s->port->flood_until_us = now + FLOOD_US;
	if (s->flood && loop_fd_set(s->flood, now < s->port->flood_until_us ? LOOP_READ : 0, &e) < 0)
		fail(s->port, &e);
}

/* Whatever woke us, what has arrived comes before what has not. */
static void turn(struct member_port *p)
{
	for (int i = 0; i < 2; i++) {
		struct socket *s = &p->sockets[i];
		int n = s->at.fd < 0 ? 0 : read_socket(s);

		if (n < 0)
			return;
		watch_flood(s, n >= BFD_BATCH / 2);
	}
	member_tick(p->engine, loop_clock_us());
	pump(p);
}

static void on_timer(void *arg)
{
	turn(arg);
}

static void on_packets(int what, void *arg)
{
	struct socket *s = arg;

	(void)what;
	turn(s->port);
}

static void close_socket(struct socket *s)
{
	loop_fd_remove(s->watch);
	loop_fd_remove(s->flood);
	s->watch = s->flood = NULL;
	bfd_close(&s->at);
	s->local = (struct addr){ 0 };
}

static int watch_socket(struct socket *s, struct err *e)
{
	s->watch = loop_fd_add(s->port->loop, s->at.fd, LOOP_READ, on_packets, s, e);
	if (!s->watch)
		return -1;
	if (s->at.quiet < 0)
		return 0;
	s->flood = loop_fd_add(s->port->loop, s->at.quiet, 0, on_packets, s, e);
	return s->flood ? 0 : -1;
}

/* An address of the Node that isn't this host's (yet) is waited for. */
static int open_sockets(struct member_port *p, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		struct socket *s = &p->sockets[i];
		struct addr local = member_local(p->engine, families[i]);
		struct err why = ERR_INIT;

		if (addr_equal(&local, &s->local))
			continue;
		close_socket(s);
		if (!local.family)
			continue;
		if (bfd_open(&s->at, &local, p->port, &why) < 0) {
			if (why.kind != ERR_NOT_FOUND) {
				*e = why;
				return -1;
			}
			if (log_allow(&p->absent, loop_now_ms(p->loop)))
				log_warn(NULL, "%s; waiting for it", why.text);
			continue;
		}
		s->local = local;
		if (watch_socket(s, e) < 0)
			return -1;
	}
	return 0;
}

/* Where its sessions are: at IPv4 if the Node has it. */
static bool can_hear(const struct member_port *p)
{
	for (int i = 0; i < 2; i++)
		if (member_local(p->engine, families[i]).family)
			return p->sockets[i].at.fd >= 0;
	return true; /* no address, so nobody to hear */
}

/* Who can't hear the others must not take them for dead: it joins when its address is there. */
static int try_open(struct member_port *p, struct err *e)
{
	if (open_sockets(p, e) < 0)
		return -1;
	if (can_hear(p))
		member_open(p->engine, loop_clock_us());
	return 0;
}

/* An address of ours may be there now, or a link that leads to the others. */
static void on_look(void *arg)
{
	struct member_port *p = arg;
	struct err e = ERR_INIT;

	p->looked_ms = loop_now_ms(p->loop);
	if (p->opened && try_open(p, &e) < 0) {
		fail(p, &e);
		return;
	}
	member_rouse(p->engine);
	turn(p);
}

static void on_network(int what, void *arg)
{
	struct member_port *p = arg;
	uint64_t now = loop_now_ms(p->loop), next = p->looked_ms + NETWORK_MS;
	struct err e = ERR_INIT;
	bool changed;

	(void)what;
	if (netlink_monitor_read(p->monitor, &changed, NULL, &e) < 0)
		fail(p, &e);
	else if (changed)
		loop_timer_set(p->look, next > now + ROUTES_MS ? next - now : ROUTES_MS);
}

static int watch_network(struct member_port *p, struct err *e)
{
	p->look = loop_timer_add(p->loop, on_look, p, e);
	p->monitor = p->look ? netlink_monitor_new(e) : NULL;
	if (!p->monitor)
		return -1;
	p->watch = loop_fd_add(p->loop, netlink_monitor_fd(p->monitor), LOOP_READ, on_network, p, e);
	return p->watch ? 0 : -1;
}

/* Where sequence numbers start (see struct member_options), and what nobody can guess. */
static void fill_in(struct member_options *o)
{
	struct timespec wall, mono;
	int64_t ahead_us;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	ahead_us =
	    (wall.tv_sec - mono.tv_sec) * INT64_C(1000000) + (wall.tv_nsec - mono.tv_nsec) / 1000;
	o->sequence = (uint32_t)(ahead_us * MEMBER_SEQUENCE_HZ / 1000000);
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = (uint64_t)wall.tv_nsec << 32 ^ (uint64_t)getpid();
}

struct member_port *member_port_new(struct loop *loop, const struct member_port_options *o,
    const struct member_port_events *ev, struct err *e)
{
	struct member_port *p = calloc(1, sizeof(*p));
	struct member_options engine = o->engine;

	if (!p) {
		err_memory(e);
		return NULL;
	}
	*p = (struct member_port){ .loop = loop,
		.ev = *ev,
		.port = o->port,
		.refused = { .burst = 5, .window_ms = 10000 },
		.unsent = { .burst = 5, .window_ms = 10000 },
		.absent = { .burst = 1, .window_ms = 60000 } };
	for (int i = 0; i < 2; i++)
		p->sockets[i] = (struct socket){ .port = p, .at = { -1, -1 } };
	fill_in(&engine);
	p->engine = member_new(&engine, loop_clock_us(), e);
	p->timer = loop_timer_add(loop, on_timer, p, e);
	p->node = strdup(o->engine.node);
	if (p->engine && p->timer && p->node && watch_network(p, e) == 0) {
		pump(p);
		return p;
	}
	member_port_free(p);
	return NULL;
}

void member_port_free(struct member_port *p)
{
	if (!p)
		return;
	for (int i = 0; i < 2; i++)
		close_socket(&p->sockets[i]);
	loop_timer_remove(p->timer);
	loop_timer_remove(p->look);
	loop_fd_remove(p->watch);
	netlink_monitor_free(p->monitor);
	member_free(p->engine);
	free(p->node);
	free(p);
}

int member_port_node(struct member_port *p, const struct api_node *n, struct err *e)
{
	if (!strcmp(n->meta.name, p->node))
		p->has_node = true;
	if (member_node(
		p->engine, n->meta.name, n->internal_ips, n->internal_ips_n, loop_clock_us(), e) < 0)
		return -1;
	if (p->opened && try_open(p, e) < 0)
		return -1;
	pump(p);
	return 0;
}

void member_port_node_gone(struct member_port *p, const char *name)
{
	if (!strcmp(name, p->node))
		p->has_node = false;
	member_node_gone(p->engine, name, loop_clock_us());
	pump(p);
}

bool member_port_has_node(const struct member_port *p)
{
	return p->has_node;
}

int member_port_open(struct member_port *p, struct err *e)
{
	p->opened = true;
	if (try_open(p, e) < 0)
		return -1;
	pump(p);
	return 0;
}

bool member_port_is_open(const struct member_port *p)
{
	return p->opened;
}

void member_port_stop(struct member_port *p, enum bfd_diag diag)
{
	p->opened = false;
	member_stop(p->engine, diag);
	pump(p);
}

void member_port_stall(struct member_port *p, uint64_t silence_us)
{
	p->opened = false;
	member_stall(p->engine, silence_us, loop_clock_us());
	pump(p);
}

uint64_t member_port_alive_until_ms(const struct member_port *p)
{
	return member_alive_until_us(p->engine) / 1000;
}
