/* SPDX-License-Identifier: Apache-2.0 */
/* lan_test: speakers on a network in virtual time, every random choice from one seed.
 *
 * Each node runs the engine of pkg/member as a port would; what it is told of the others becomes
 * its view, by which it announces an address when no live node comes before it in the order of
 * that address.  Packets are delayed, lost and overtaken; links are cut, one way or both; nodes are
 * killed, stopped, started again, and paused with their packets kept or lost. */
#ifndef LB_LAN_TEST_H
#define LB_LAN_TEST_H

#include "pkg/member/member.h"
#include "tests/unit.h"

enum {
	LAN_NODES = 256,
	LAN_ADDRESSES = 3,
	LAN_KEPT = 64, /* packets that wait: quiet ones, and those for a node that is paused */
	MS = 1000,
	SECOND = 1000 * MS,
};

enum lan_state { LAN_DEAD, LAN_RUNS, LAN_PAUSED };

struct lan_event {
	uint64_t at;
	uint16_t node;
	bool is_packet;
	struct bfd_datagram packet; /* peer: its sender */
};

struct lan_node {
	enum lan_state state;
	bool keeps; /* packets, while it is paused */
	struct members *m;
	uint64_t opened; /* when its present or last life began */
	uint64_t timer;  /* the time for which an event is queued */
	struct {
		struct bfd_datagram packet;
		uint64_t arrived;
	} kept[LAN_KEPT];
	size_t kept_n;
	bool alive[LAN_NODES]; /* its view */
	uint64_t sent;
	unsigned downs; /* how often it has seen another go */
	enum member_reason last_reason;
	enum bfd_diag last_diag;
};

struct lan {
	size_t n;
	uint64_t now;
	uint64_t seed;
	uint64_t wall_us; /* ahead of `now`: clocks of a calendar may step */
	unsigned loss;    /* of a thousand packets */
	uint32_t interval_us;
	uint32_t delay_us; /* up to that much */
	const struct bfd_key *key;
	struct lan_node node[LAN_NODES];
	bool cut[LAN_NODES][LAN_NODES]; /* from, to */
	bool changed;                   /* who announces what may have */
	struct lan_event *heap;
	size_t heap_n, heap_cap;
};

static inline uint64_t lan_roll(struct lan *l)
{
	uint64_t z = l->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t lan_upto(struct lan *l, uint64_t n)
{
	return lan_roll(l) % (n + 1);
}

static inline struct addr lan_address(size_t i)
{
	return (struct addr){ .family = ADDR_IPV4,
		.bytes = { 192, 0, (uint8_t)(2 + i / 250), (uint8_t)(1 + i % 250) } };
}

static inline size_t lan_index(const struct addr *a)
{
	return (size_t)(a->bytes[2] - 2) * 250 + a->bytes[3] - 1U;
}

static inline const char *lan_name(size_t i)
{
	static char names[LAN_NODES][8];

	snprintf(names[i], sizeof(names[i]), "n%u", (unsigned)i % LAN_NODES);
	return names[i];
}

/* --- events, soonest first -------------------------------------------------------------- */

static inline bool lan_sooner(const struct lan *l, size_t a, size_t b)
{
	return l->heap[a].at < l->heap[b].at;
}

static inline void lan_swap(struct lan *l, size_t a, size_t b)
{
	struct lan_event e = l->heap[a];

	l->heap[a] = l->heap[b];
	l->heap[b] = e;
}

static inline void lan_push(struct lan *l, const struct lan_event *e)
{
	size_t i = l->heap_n;

	if (l->heap_n == l->heap_cap) {
		l->heap_cap = l->heap_cap ? 2 * l->heap_cap : 1024;
		l->heap = reallocarray(l->heap, l->heap_cap, sizeof(*l->heap));
		assert_non_null(l->heap);
	}
	l->heap[l->heap_n++] = *e;
	for (; i && lan_sooner(l, i, (i - 1) / 2); i = (i - 1) / 2)
		lan_swap(l, i, (i - 1) / 2);
}

static inline struct lan_event lan_pop(struct lan *l)
{
	struct lan_event e = l->heap[0];
	size_t i = 0, least;

	l->heap[0] = l->heap[--l->heap_n];
	for (;; i = least) {
		least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < l->heap_n; child++)
			least = lan_sooner(l, child, least) ? child : least;
		if (least == i)
			return e;
		lan_swap(l, i, least);
	}
}

/* --- nodes ------------------------------------------------------------------------------ */

static inline void lan_send(struct lan *l, size_t from, const struct bfd_datagram *d)
{
	struct lan_event e = { .node = (uint16_t)lan_index(&d->peer), .is_packet = true, .packet = *d };

	l->node[from].sent++;
	if (l->cut[from][e.node] || lan_upto(l, 999) < l->loss)
		return;
	e.packet.peer = lan_address(from);
	e.at = l->now + 50 + lan_upto(l, l->delay_us);
	lan_push(l, &e);
}

/* What a port does after each call. */
static inline void lan_pump(struct lan *l, size_t i)
{
	struct lan_node *x = &l->node[i];
	struct bfd_datagram d;
	struct member_event ev;
	uint64_t at;

	while (member_output(x->m, &d, l->now))
		lan_send(l, i, &d);
	while (member_next(x->m, &ev)) {
		size_t other = strtoul(ev.name + 1, NULL, 10);
		bool alive = !ev.gone && ev.alive;

		x->downs += x->alive[other] && !alive && other != i;
		x->alive[other] = alive;
		x->last_reason = ev.reason;
		x->last_diag = ev.diag;
		l->changed = true;
	}
	at = member_deadline(x->m);
	if (at != UINT64_MAX && at != x->timer) {
		struct lan_event e = { .at = at > l->now ? at : l->now + 1, .node = (uint16_t)i };

		x->timer = e.at;
		lan_push(l, &e);
	}
}

static inline void lan_start(struct lan *l, size_t i)
{
	struct lan_node *x = &l->node[i];
	struct err e = ERR_INIT;
	struct member_options o = {
		.node = lan_name(i),
		.interval_us = l->interval_us,
		.multiplier = 3,
		.key = l->key,
		.sequence = (uint32_t)(l->wall_us * MEMBER_SEQUENCE_HZ / SECOND),
		.seed = lan_roll(l),
	};

	*x = (struct lan_node){ .state = LAN_RUNS, .opened = l->now };
	x->m = member_new(&o, l->now, &e);
	assert_non_null(x->m);
	for (size_t k = 0; k < l->n; k++) {
		struct addr at = lan_address(k);

		assert_int_equal(member_node(x->m, lan_name(k), &at, 1, l->now, &e), 0);
	}
	member_open(x->m, l->now);
	lan_pump(l, i);
}

static inline void lan_kill(struct lan *l, size_t i)
{
	member_free(l->node[i].m);
	l->node[i].m = NULL;
	l->node[i].state = LAN_DEAD;
	l->changed = true;
}

static inline void lan_leave(struct lan *l, size_t i)
{
	member_stop(l->node[i].m, BFD_DIAG_ADMIN_DOWN);
	lan_pump(l, i);
	lan_kill(l, i);
}

static inline void lan_pause(struct lan *l, size_t i, bool keeps)
{
	l->node[i].state = LAN_PAUSED;
	l->node[i].keeps = keeps;
	l->node[i].kept_n = 0;
	l->changed = true;
}

/* Reads all that has arrived. */
static inline void lan_wake(struct lan *l, size_t i)
{
	struct lan_node *x = &l->node[i];
	struct err e = ERR_INIT;

	for (size_t k = 0; k < x->kept_n; k++) {
		x->kept[k].packet.age_ns = (l->now - x->kept[k].arrived) * 1000;
		member_input(x->m, &x->kept[k].packet, l->now, &e);
	}
	x->kept_n = 0;
	member_tick(x->m, l->now);
	lan_pump(l, i);
}

static inline void lan_hear(struct lan *l, size_t i, const struct bfd_datagram *d)
{
	struct lan_node *x = &l->node[i];

	if (x->kept_n < LAN_KEPT) {
		x->kept[x->kept_n].packet = *d;
		x->kept[x->kept_n++].arrived = l->now;
	}
	if (x->state == LAN_RUNS && !bfd_is_quiet(d->bytes, d->len))
		lan_wake(l, i);
}

static inline void lan_resume(struct lan *l, size_t i)
{
	l->node[i].state = LAN_RUNS;
	l->changed = true;
	lan_wake(l, i);
}

/* --- time ------------------------------------------------------------------------------- */

static inline void lan_happen(struct lan *l, const struct lan_event *e)
{
	struct lan_node *x = &l->node[e->node];

	if (e->is_packet && (x->state == LAN_RUNS || (x->state == LAN_PAUSED && x->keeps)))
		lan_hear(l, e->node, &e->packet);
	else if (!e->is_packet && x->state == LAN_RUNS && e->at == x->timer)
		lan_wake(l, e->node);
}

/* Until then; after each event that may have changed something, look() if there is one. */
static inline void lan_run(
    struct lan *l, uint64_t until, void (*look)(struct lan *l, void *arg), void *arg)
{
	while (l->heap_n && l->heap[0].at <= until) {
		struct lan_event e = lan_pop(l);

		l->now = e.at;
		lan_happen(l, &e);
		if (look && l->changed)
			look(l, arg);
		l->changed = false;
	}
	l->now = until;
	if (look)
		look(l, arg);
}

static inline void lan_open(struct lan *l, size_t n, uint64_t seed)
{
	*l = (struct lan){ .n = n, .seed = seed, .now = SECOND, .delay_us = 2 * MS };
	l->wall_us = 1800000000 * (uint64_t)SECOND + lan_upto(l, 1000 * (uint64_t)SECOND);
}

static inline void lan_close(struct lan *l)
{
	for (size_t i = 0; i < l->n; i++)
		member_free(l->node[i].m);
	free(l->heap);
}

/* --- who announces ---------------------------------------------------------------------- */

static inline uint64_t lan_order(size_t address, size_t node)
{
	uint64_t z = (address * LAN_NODES + node + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return z ^ z >> 32;
}

static inline bool lan_announces(const struct lan *l, size_t i, size_t address)
{
	const struct lan_node *x = &l->node[i];

	if (x->state != LAN_RUNS || !x->alive[i])
		return false;
	for (size_t k = 0; k < l->n; k++)
		if (k != i && x->alive[k] && lan_order(address, k) < lan_order(address, i))
			return false;
	return true;
}

static inline bool lan_linked(const struct lan *l, size_t a, size_t b)
{
	return a == b || (!l->cut[a][b] && !l->cut[b][a]);
}

#endif
