/* SPDX-License-Identifier: Apache-2.0 */
/* lan: a LAN in virtual time, for tests of engines: switches that learn and forget, wires that lose,
 * delay and are cut, timers.  Nothing here sleeps; the same seed gives the same run.
 *
 *	struct sim *s = sim_new(seed);
 *	int sw = sim_switch(s, 300000);
 *	int nic = sim_nic(s, sw, &mac, received, arg);
 *	sim_send(s, nic, bytes, len);
 *	sim_run(s, 5000);                 // until then, in ms
 *
 * A frame is bytes, Ethernet header first.  Switches make a tree (trunks must not loop).  Everything
 * here is static inline, so that a test includes it and is done. */
#ifndef LB_SIM_LAN_H
#define LB_SIM_LAN_H

#include <stdlib.h>
#include <string.h>

#include "pkg/addr/addr.h"

enum {
	SIM_FRAME_MAX = 256,
	SIM_MOST_PORTS = 256,
	SIM_MOST_SWITCHES = 16,
	SIM_MOST_MACS = 512,
};

typedef void sim_receive_fn(void *arg, const uint8_t *bytes, size_t len);
typedef void sim_timer_fn(void *arg);

struct sim_port {                   /* of a switch: a NIC is at its other end, or another switch */
	int sw, peer_sw, peer_port; /* peer_sw -1: a NIC */
	struct mac mac;
	sim_receive_fn *receive;
	void *arg;
	bool cut;
	unsigned loss; /* of a thousand frames, each way */
	uint32_t delay_us, jitter_us;
};

struct sim_learnt {
	struct mac mac;
	int port;
	uint64_t at;
};

struct sim_switch {
	uint64_t ageing_us;
	struct sim_learnt macs[SIM_MOST_MACS];
	size_t macs_n;
};

struct sim_event {
	uint64_t at, seq;
	sim_timer_fn *timer; /* or a frame: */
	void *arg;
	int port;
	bool to_switch;
	uint16_t len;
	uint8_t bytes[SIM_FRAME_MAX];
};

struct sim {
	uint64_t now_us, seq, frames;
	uint64_t seed;
	struct sim_port ports[SIM_MOST_PORTS];
	struct sim_switch switches[SIM_MOST_SWITCHES];
	int ports_n, switches_n;
	struct sim_event *heap; /* the earliest first */
	size_t heap_n, heap_cap;
};

static inline struct sim *sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->seed = seed * 2 + 1;
	return s;
}

static inline void sim_free(struct sim *s)
{
	free(s->heap);
	free(s);
}

static inline uint64_t sim_now_ms(const struct sim *s)
{
	return s->now_us / 1000;
}

/* 0..n-1 */
static inline uint32_t sim_random(struct sim *s, uint32_t n)
{
	s->seed = s->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((s->seed >> 33) % n);
}

static inline bool sim_earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static inline struct sim_event *sim_push(struct sim *s, uint64_t at_us)
{
	struct sim_event e = { .at = at_us > s->now_us ? at_us : s->now_us, .seq = s->seq++ };
	size_t i = s->heap_n++;

	if (s->heap_n > s->heap_cap) {
		s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 64;
		s->heap = realloc(s->heap, s->heap_cap * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	for (; i > 0 && sim_earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
	return &s->heap[i];
}

static inline struct sim_event sim_pop(struct sim *s)
{
	struct sim_event first = s->heap[0], *last = &s->heap[--s->heap_n];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < s->heap_n; i = child) {
		if (child + 1 < s->heap_n && sim_earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!sim_earlier(&s->heap[child], last))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = *last;
	return first;
}

/* Calls timer(arg) then; it can't be taken back, so that a stale one has to know itself. */
static inline void sim_at(struct sim *s, uint64_t at_ms, sim_timer_fn *timer, void *arg)
{
	struct sim_event *e = sim_push(s, at_ms * 1000);

	e->timer = timer;
	e->arg = arg;
}

static inline int sim_switch(struct sim *s, uint64_t ageing_ms)
{
	if (s->switches_n == SIM_MOST_SWITCHES)
		abort();
	s->switches[s->switches_n].ageing_us = ageing_ms * 1000;
	return s->switches_n++;
}

static inline int sim_port(struct sim *s, int sw)
{
	if (s->ports_n == SIM_MOST_PORTS)
		abort();
	s->ports[s->ports_n] =
	    (struct sim_port){ .sw = sw, .peer_sw = -1, .delay_us = 20, .jitter_us = 30 };
	return s->ports_n++;
}

/* Plugs in a host.  The number is what sim_send(), sim_cut() and sim_lose() want. */
static inline int sim_nic(
    struct sim *s, int sw, const struct mac *mac, sim_receive_fn *receive, void *arg)
{
	int n = sim_port(s, sw);

	s->ports[n].mac = *mac;
	s->ports[n].receive = receive;
	s->ports[n].arg = arg;
	return n;
}

/* Joins two switches; the number of the wire is its end at `a`. */
static inline int sim_trunk(struct sim *s, int a, int b)
{
	int here = sim_port(s, a), there = sim_port(s, b);

	s->ports[here].peer_sw = b;
	s->ports[here].peer_port = there;
	s->ports[there].peer_sw = a;
	s->ports[there].peer_port = here;
	return here;
}

static inline void sim_cut(struct sim *s, int wire, bool cut)
{
	s->ports[wire].cut = cut;
	if (s->ports[wire].peer_sw >= 0)
		s->ports[s->ports[wire].peer_port].cut = cut;
}

static inline void sim_lose(struct sim *s, int wire, unsigned of_thousand)
{
	s->ports[wire].loss = of_thousand;
}

/* Over the wire of a port: to its switch, or away from it. */
static inline void sim_carry(struct sim *s, int port, bool to_switch, const uint8_t *bytes, size_t len)
{
	struct sim_port *p = &s->ports[port];
	struct sim_event *e;

	s->frames++;
	if (p->cut || len > SIM_FRAME_MAX || sim_random(s, 1000) < p->loss)
		return;
	e = sim_push(s, s->now_us + p->delay_us + sim_random(s, p->jitter_us + 1));
	e->port = port;
	e->to_switch = to_switch;
	e->len = (uint16_t)len;
	memcpy(e->bytes, bytes, len);
}

static inline void sim_send(struct sim *s, int nic, const uint8_t *bytes, size_t len)
{
	sim_carry(s, nic, true, bytes, len);
}

static inline struct sim_learnt *sim_learnt(struct sim *s, struct sim_switch *w, const uint8_t *mac)
{
	for (size_t i = 0; i < w->macs_n; i++)
		if (!memcmp(&w->macs[i].mac, mac, MAC_LEN))
			return s->now_us - w->macs[i].at < w->ageing_us ? &w->macs[i] : NULL;
	return NULL;
}

static inline void sim_learn(struct sim *s, struct sim_switch *w, const uint8_t *mac, int port)
{
	size_t i = 0;

	while (i < w->macs_n && memcmp(&w->macs[i].mac, mac, MAC_LEN) != 0)
		i++;
	if (i == SIM_MOST_MACS)
		return;
	w->macs_n += i == w->macs_n;
	memcpy(&w->macs[i].mac, mac, MAC_LEN);
	w->macs[i].port = port;
	w->macs[i].at = s->now_us;
}

static inline void sim_forward(struct sim *s, int sw, int from, const uint8_t *bytes, size_t len)
{
	struct sim_switch *w = &s->switches[sw];
	struct sim_learnt *known = bytes[0] & 1 ? NULL : sim_learnt(s, w, bytes);

	sim_learn(s, w, bytes + MAC_LEN, from);
	for (int i = 0; i < s->ports_n; i++)
		if (s->ports[i].sw == sw && i != from && (!known || known->port == i))
			sim_carry(s, i, false, bytes, len);
}

static inline void sim_arrive(struct sim *s, const struct sim_event *e)
{
	const struct sim_port *p = &s->ports[e->port];

	if (e->to_switch)
		sim_forward(s, p->sw, e->port, e->bytes, e->len);
	else if (p->peer_sw >= 0)
		sim_forward(s, p->peer_sw, p->peer_port, e->bytes, e->len);
	else if (e->bytes[0] & 1 || !memcmp(e->bytes, &p->mac, MAC_LEN))
		p->receive(p->arg, e->bytes, e->len);
}

static inline void sim_run(struct sim *s, uint64_t until_ms)
{
	while (s->heap_n && s->heap[0].at <= until_ms * 1000) {
		struct sim_event e = sim_pop(s);

		s->now_us = e.at;
		if (e.timer)
			e.timer(e.arg);
		else
			sim_arrive(s, &e);
	}
	s->now_us = until_ms * 1000;
}

#endif
