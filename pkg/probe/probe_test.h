/* SPDX-License-Identifier: Apache-2.0 */
/* In virtual time: run_until() jumps from deadline to deadline, and hosts of the test answer. */
#ifndef LB_PROBE_TEST_H
#define LB_PROBE_TEST_H

#include "pkg/probe/probe.h"
#include "tests/unit.h"

enum { MS = 1000, S = 1000000, IFINDEX = 7, HOSTS_MAX = 4, LOG_MAX = 4096 };

static const struct mac ours = { { 2, 0, 0, 0, 0, 0x64 } };

static inline struct in_addr ip(uint32_t last) /* 192.0.2.0 + last */
{
	return (struct in_addr){ htonl(0xc0000200 + last) };
}

static inline struct addr ip4(uint32_t last)
{
	return addr_from_in(ip(last));
}

static inline struct probe_message arp_message(struct arp_frame f)
{
	return (struct probe_message){ .ifindex = IFINDEX, .family = ADDR_IPV4, .arp = f };
}

static inline struct addr ip6(uint8_t last) /* 2001:db8:: + last */
{
	return (struct addr){ ADDR_IPV6, { 0x20, 1, 0x0d, 0xb8, [15] = last } };
}

static inline struct mac mac(uint8_t last)
{
	return (struct mac){ { 2, 0, 0, 0, 0, last } };
}

struct host {
	uint32_t ip; /* the last part of its address */
	uint8_t mac;
	uint64_t after_us; /* how long it thinks */
};

struct net {
	struct probe *p;
	uint64_t now;
	struct host hosts[HOSTS_MAX];
	size_t hosts_n;
	struct {
		uint64_t at;
		struct probe_message m;
	} coming[LOG_MAX];
	size_t coming_n;
	struct {
		uint64_t at;
		struct probe_message m;
	} sent[LOG_MAX];
	size_t sent_n;
	struct probe_event told[LOG_MAX];
	size_t told_n;
	uint64_t done_at;
};

static inline bool is_asked(const struct host *h, const struct probe_message *m)
{
	struct addr it6 = ip6((uint8_t)h->ip);
	struct in6_addr in6 = addr_to_in6(&it6);

	if (m->family == ADDR_IPV4)
		return m->arp.packet.op == ARP_REQUEST &&
		       m->arp.packet.target_ip.s_addr == ip(h->ip).s_addr;
	return m->ndp.type == NDP_SOLICITATION && IN6_ARE_ADDR_EQUAL(&m->ndp.target, &in6);
}

static inline void answer(struct net *n, const struct probe_message *m)
{
	for (size_t i = 0; i < n->hosts_n; i++) {
		struct mac it = mac(n->hosts[i].mac);
		struct probe_message reply = { .ifindex = IFINDEX, .family = m->family };

		if (!is_asked(&n->hosts[i], m))
			continue;
		if (m->family == ADDR_IPV4)
			reply.arp = arp_reply(&m->arp.packet, &it);
		else
			reply.ndp = ndp_answer(&m->ndp, &it);
		n->coming[n->coming_n].at = n->now + n->hosts[i].after_us;
		n->coming[n->coming_n++].m = reply;
	}
}

static inline void take_events(struct net *n)
{
	struct probe_event ev;

	while (probe_next(n->p, n->now, &ev)) {
		if (ev.what == PROBE_SEND) {
			assert_true(n->sent_n < LOG_MAX);
			n->sent[n->sent_n].at = n->now;
			n->sent[n->sent_n++].m = ev.message;
			answer(n, &ev.message);
		} else if (ev.what == PROBE_DONE) {
			assert_int_equal(n->done_at, 0);
			n->done_at = n->now;
		} else {
			assert_true(n->told_n < LOG_MAX);
			n->told[n->told_n++] = ev;
		}
	}
}

static inline void input(struct net *n, const struct probe_message *m)
{
	struct err e = ERR_INIT;
	size_t told = n->told_n;
	uint64_t next;

	assert_int_equal(probe_input(n->p, m, n->now, &e), 0);
	next = probe_deadline(n->p, n->now);
	take_events(n);
	assert_true(n->told_n == told || next <= n->now);
}

/* Until it is done, or that time has come. */
static inline void run_until(struct net *n, uint64_t end)
{
	take_events(n);
	while (!n->done_at && n->now < end) {
		uint64_t next = probe_deadline(n->p, n->now);
		size_t first = SIZE_MAX;

		for (size_t i = 0; i < n->coming_n; i++)
			if (n->coming[i].at <= next) {
				next = n->coming[i].at;
				first = i;
			}
		assert_true(next >= n->now);
		n->now = next < end ? next : end;
		if (first != SIZE_MAX && n->now == next) {
			struct probe_message m = n->coming[first].m;

			n->coming[first] = n->coming[--n->coming_n];
			input(n, &m);
		}
		take_events(n);
	}
}

static inline struct range range(uint32_t first, uint32_t last)
{
	return (struct range){ addr_from_in(ip(first)), addr_from_in(ip(last)) };
}

static const struct probe_link link0 = { .ifindex = IFINDEX, .mac = { { 2, 0, 0, 0, 0, 0x64 } } };

static inline struct net *start(const struct probe_options *o, uint32_t first, uint32_t last)
{
	struct net *n = calloc(1, sizeof(*n));
	struct probe_link link = link0;
	struct range r = range(first, last);
	struct err e = ERR_INIT;

	link.source = ip4(100);
	n->now = 5 * S;
	n->p = probe_new(o, &e);
	assert_int_equal(probe_add(n->p, &link, &r, &e), 0);
	assert_int_equal(probe_start(n->p, n->now, &e), 0);
	return n;
}

static inline struct net *start6(const struct probe_options *o, uint8_t first, uint8_t last)
{
	struct net *n = calloc(1, sizeof(*n));
	struct probe_link link = link0;
	struct range r = { ip6(first), ip6(last) };
	struct err e = ERR_INIT;

	link.source = ip6(100);
	n->now = 5 * S;
	n->p = probe_new(o, &e);
	assert_int_equal(probe_add(n->p, &link, &r, &e), 0);
	assert_int_equal(probe_start(n->p, n->now, &e), 0);
	return n;
}

static inline void host(struct net *n, uint32_t last, uint8_t its_mac, uint64_t after_us)
{
	n->hosts[n->hosts_n++] = (struct host){ last, its_mac, after_us };
}

static inline void end(struct net *n)
{
	probe_free(n->p);
	free(n);
}

static const struct probe_options asking = {
	.mode = PROBE_ASK,
	.count = 3,
	.rate = 1000,
	.interval_us = 1 * S,
	.wait_us = 1 * S,
	.settle_us = 200 * MS,
};

static const struct probe_options sweeping = {
	.mode = PROBE_ASK,
	.count = 3,
	.rate = 1000,
	.interval_us = 300 * MS,
	.wait_us = 500 * MS,
	.settle_us = 200 * MS,
	.until_answered = true,
};

/* RFC 5227, section 2.1.1 */
static const struct probe_options probing = {
	.mode = PROBE_DUPLICATE,
	.count = 3,
	.rate = 1000,
	.interval_us = 1 * S,
	.wait_us = 2 * S,
	.settle_us = 200 * MS,
	.until_answered = true,
};

#endif
