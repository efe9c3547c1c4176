/* SPDX-License-Identifier: Apache-2.0 */
/* speaker: the engine of pkg/l2 on a NIC of the simulated LAN. */
#ifndef LB_SIM_SPEAKER_H
#define LB_SIM_SPEAKER_H

#include "pkg/l2/l2.h"
#include "tests/sim/lan.h"

struct sim_speaker {
	struct sim *s;
	struct l2 *l; /* NULL: it is dead */
	struct mac mac;
	int nic;
	uint64_t timer_at;
	void (*happened)(struct sim_speaker *v, const struct l2_event *ev); /* may be NULL */
	void *arg;
};

static inline void sim_speaker_pump(struct sim_speaker *v);

static inline void sim_speaker_timer(void *arg)
{
	struct sim_speaker *v = arg;

	if (v->timer_at > sim_now_ms(v->s))
		return; /* set anew since */
	v->timer_at = UINT64_MAX;
	sim_speaker_pump(v);
}

/* To be called after whatever was told to the engine. */
static inline void sim_speaker_pump(struct sim_speaker *v)
{
	uint8_t bytes[SIM_FRAME_MAX];
	struct l2_event ev;
	struct l2_frame f;
	uint64_t next;

	if (!v->l)
		return;
	l2_tick(v->l, sim_now_ms(v->s));
	while (l2_next_frame(v->l, &f)) {
		if (f.ipv6)
			sim_send(v->s, v->nic, bytes, ndp_frame_encode(&f.ndp, bytes));
		else
			arp_frame_encode(&f.arp, bytes), sim_send(v->s, v->nic, bytes, ARP_FRAME_LEN);
	}
	while (l2_next_event(v->l, &ev))
		if (v->happened)
			v->happened(v, &ev);
	next = l2_deadline(v->l);
	if (next < v->timer_at) {
		v->timer_at = next > sim_now_ms(v->s) ? next : sim_now_ms(v->s) + 1;
		sim_at(v->s, v->timer_at, sim_speaker_timer, v);
	}
}

static inline void sim_speaker_receive(void *arg, const uint8_t *bytes, size_t len)
{
	struct sim_speaker *v = arg;
	struct arp_message arp = { .ifindex = 1 }, arp_out;
	struct ndp_message ndp = { .ifindex = 1 }, ndp_out;
	struct err e = ERR_INIT;
	uint8_t out[SIM_FRAME_MAX];
	uint64_t now = sim_now_ms(v->s);

	if (!v->l)
		return;
	if (arp_frame_decode(&arp.frame, bytes, len, &e) == 0) {
		if (l2_receive_arp(v->l, &arp, now, &arp_out) == L2_ANSWERED) {
			arp_frame_encode(&arp_out.frame, out);
			sim_send(v->s, v->nic, out, ARP_FRAME_LEN);
		}
	} else if (ndp_frame_decode(&ndp.frame, bytes, len, &e) == 0) {
		if (l2_receive_ndp(v->l, &ndp, now, &ndp_out) == L2_ANSWERED)
			sim_send(v->s, v->nic, out, ndp_frame_encode(&ndp_out.frame, out));
	}
	sim_speaker_pump(v);
}

static inline void sim_speaker_start(struct sim_speaker *v, const struct l2_options *o)
{
	struct netlink_link eth0 = {
		.ifindex = 1,
		.name = "eth0",
		.mac = v->mac,
		.ethernet = true,
		.up = true,
		.running = true,
		.broadcast = true,
	};
	struct err e = ERR_INIT;

	v->timer_at = UINT64_MAX;
	v->l = l2_new(o, &e);
	if (!v->l || l2_set_links(v->l, &eth0, 1, sim_now_ms(v->s), &e) < 0)
		abort();
}

/* As after SIGKILL. */
static inline void sim_speaker_kill(struct sim_speaker *v)
{
	l2_free(v->l);
	v->l = NULL;
}

/* A host of the LAN with that last byte of its MAC.  `v` must stay where it is. */
static inline void sim_speaker_init(
    struct sim_speaker *v, struct sim *s, int sw, uint8_t last, const struct l2_options *o)
{
	*v = (struct sim_speaker){ .s = s, .mac = { { 2, 0, 0, 0, 1, last } } };
	v->nic = sim_nic(s, sw, &v->mac, sim_speaker_receive, v);
	sim_speaker_start(v, o);
}

static inline void sim_speaker_announce(
    struct sim_speaker *v, const char *key, const struct addr *a, size_t n)
{
	struct l2_announcement what = { .key = key, .addresses = a, .addresses_n = n };
	struct err e = ERR_INIT;

	if (v->l && l2_announce(v->l, &what, sim_now_ms(v->s), &e) < 0)
		abort();
	sim_speaker_pump(v);
}

static inline void sim_speaker_withdraw(struct sim_speaker *v, const char *key)
{
	if (v->l)
		l2_withdraw(v->l, key, sim_now_ms(v->s));
	sim_speaker_pump(v);
}

#endif
