/* SPDX-License-Identifier: Apache-2.0 */
/* host: a client on the simulated LAN, with the neighbour cache of Linux.
 *
 * As in net/ipv4/arp.c and net/core/neighbour.c: an entry that is valid takes another MAC from a
 * request or broadcast (it is STALE then) or from a reply (REACHABLE), but not within `locktime`
 * (1 s) of its last change; `garp_overrides` is Linux from 4.12 on, where a gratuitous request
 * counts in that time too.  For IPv6 the Override flag decides (RFC 4861 section 7.2.5).  What is
 * STALE is used for 5 s more (DELAY), then probed three times, then asked for anew. */
#ifndef LB_SIM_HOST_H
#define LB_SIM_HOST_H

#include "pkg/arp/arp.h"
#include "pkg/ndp/ndp.h"
#include "tests/sim/lan.h"

enum {
	SIM_LOCKTIME_MS = 1000,
	SIM_REACHABLE_MS = 30000,
	SIM_DELAY_MS = 5000,
	SIM_RETRANS_MS = 1000,
	SIM_TRIES = 3,
	SIM_MOST_NEIGHBOURS = 64,
};

enum sim_nud { SIM_NONE, SIM_INCOMPLETE, SIM_REACHABLE, SIM_STALE, SIM_DELAY, SIM_PROBE, SIM_FAILED };

struct sim_neighbour {
	struct addr ip;
	struct mac mac;
	enum sim_nud state;
	uint64_t updated, confirmed, timer; /* in ms */
	unsigned tries;
};

struct sim_host {
	struct sim *s;
	struct mac mac;
	struct addr ip[2]; /* its own: IPv4, IPv6 */
	int nic;
	bool garp_overrides;
	struct sim_neighbour at[SIM_MOST_NEIGHBOURS];
	size_t n;
};

static inline struct sim_neighbour *sim_neighbour(struct sim_host *h, const struct addr *ip)
{
	for (size_t i = 0; i < h->n; i++)
		if (addr_equal(&h->at[i].ip, ip))
			return &h->at[i];
	return NULL;
}

static inline bool sim_is_valid(const struct sim_neighbour *n)
{
	return n->state >= SIM_REACHABLE && n->state <= SIM_PROBE;
}

static inline void sim_ask(struct sim_host *h, const struct sim_neighbour *n)
{
	bool unicast = n->state == SIM_PROBE;
	uint8_t bytes[SIM_FRAME_MAX];

	if (n->ip.family == ADDR_IPV4) {
		struct arp_frame f = arp_request(&h->mac, addr_to_in(&h->ip[0]), addr_to_in(&n->ip));

		f.to = unicast ? n->mac : f.to;
		arp_frame_encode(&f, bytes);
		sim_send(h->s, h->nic, bytes, ARP_FRAME_LEN);
	} else {
		struct in6_addr from = addr_to_in6(&h->ip[1]), to = addr_to_in6(&n->ip);
		struct ndp_frame f = ndp_solicit(&h->mac, &from, &to);

		if (unicast) {
			f.to = n->mac;
			f.destination = to;
		}
		sim_send(h->s, h->nic, bytes, ndp_frame_encode(&f, bytes));
	}
}

static inline void sim_host_timer(void *arg);

static inline void sim_neighbour_wait(struct sim_host *h, struct sim_neighbour *n, uint64_t ms)
{
	n->timer = sim_now_ms(h->s) + ms;
	sim_at(h->s, n->timer, sim_host_timer, h);
}

static inline void sim_neighbour_timer(struct sim_host *h, struct sim_neighbour *n)
{
	uint64_t now = sim_now_ms(h->s);

	if (n->timer != now ||
	    (n->state != SIM_INCOMPLETE && n->state != SIM_DELAY && n->state != SIM_PROBE))
		return;
	if (n->state == SIM_DELAY) {
		n->state = SIM_PROBE;
		n->tries = 0;
	}
	if (n->tries++ == SIM_TRIES) {
		n->state = SIM_FAILED;
		return;
	}
	sim_ask(h, n);
	sim_neighbour_wait(h, n, SIM_RETRANS_MS);
}

static inline void sim_host_timer(void *arg)
{
	struct sim_host *h = arg;

	for (size_t i = 0; i < h->n; i++)
		sim_neighbour_timer(h, &h->at[i]);
}

/* neigh_update() */
static inline void sim_neighbour_update(
    struct sim_host *h, struct sim_neighbour *n, const struct mac *mac, bool reachable, bool override)
{
	bool differs = !mac_equal(&n->mac, mac);

	if (sim_is_valid(n) && differs && !override)
		return;
	if (sim_is_valid(n) && !differs && !reachable)
		return; /* it keeps its state */
	n->mac = *mac;
	n->state = reachable ? SIM_REACHABLE : SIM_STALE;
	n->updated = sim_now_ms(h->s);
	if (reachable)
		n->confirmed = n->updated;
}

static inline void sim_host_arp(struct sim_host *h, const struct arp_frame *f)
{
	struct addr sender = addr_from_in(f->packet.sender_ip);
	struct sim_neighbour *n = sim_neighbour(h, &sender);
	bool gratuitous =
	    f->packet.sender_ip.s_addr == f->packet.target_ip.s_addr && f->packet.op == ARP_REQUEST;
	bool override;

	if (!n)
		return;
	override = sim_now_ms(h->s) > n->updated + SIM_LOCKTIME_MS || (gratuitous && h->garp_overrides);
	sim_neighbour_update(h, n, &f->packet.sender_mac,
	    f->packet.op == ARP_REPLY && mac_equal(&f->to, &h->mac), override);
}

static inline void sim_host_ndp(struct sim_host *h, const struct ndp_frame *f)
{
	struct addr target = addr_from_in6(&f->target);
	struct sim_neighbour *n = f->type == NDP_ADVERTISEMENT ? sim_neighbour(h, &target) : NULL;

	if (n && f->has_mac)
		sim_neighbour_update(h, n, &f->mac, f->solicited, f->override);
}

static inline void sim_host_receive(void *arg, const uint8_t *bytes, size_t len)
{
	struct arp_frame arp;
	struct ndp_frame ndp;
	struct err e = ERR_INIT;

	if (arp_frame_decode(&arp, bytes, len, &e) == 0)
		sim_host_arp(arg, &arp);
	else if (ndp_frame_decode(&ndp, bytes, len, &e) == 0)
		sim_host_ndp(arg, &ndp);
}

/* 192.0.2.LAST and 2001:db8::LAST.  `h` must stay where it is. */
static inline void sim_host_init(struct sim_host *h, struct sim *s, int sw, uint8_t last)
{
	struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = last } };

	*h = (struct sim_host){ .s = s, .mac = { { 2, 0, 0, 0, 2, last } } };
	h->ip[0] = addr_from_in((struct in_addr){ htonl(0xc0000200U | last) });
	h->ip[1] = addr_from_in6(&six);
	h->nic = sim_nic(s, sw, &h->mac, sim_host_receive, h);
}

/* The host has something to send to the address: the MAC that it would send to now, or NULL while it
 * has to ask. */
static inline const struct mac *sim_host_use(struct sim_host *h, const struct addr *ip)
{
	struct sim_neighbour *n = sim_neighbour(h, ip);
	uint64_t now = sim_now_ms(h->s);

	if (!n) {
		if (h->n == SIM_MOST_NEIGHBOURS)
			abort();
		n = &h->at[h->n++];
		*n = (struct sim_neighbour){ .ip = *ip };
	}
	if (n->state == SIM_REACHABLE && now > n->confirmed + SIM_REACHABLE_MS)
		n->state = SIM_STALE;
	if (n->state == SIM_STALE) {
		n->state = SIM_DELAY;
		sim_neighbour_wait(h, n, SIM_DELAY_MS);
	} else if (n->state == SIM_NONE || n->state == SIM_FAILED) {
		n->state = SIM_INCOMPLETE;
		n->tries = 1;
		sim_ask(h, n);
		sim_neighbour_wait(h, n, SIM_RETRANS_MS);
	}
	return sim_is_valid(n) ? &n->mac : NULL;
}

#endif
