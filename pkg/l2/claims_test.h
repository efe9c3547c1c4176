/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of other hosts that have an address share. */
#ifndef LB_L2_CLAIMS_TEST_H
#define LB_L2_CLAIMS_TEST_H

#include "pkg/l2/l2_test.h"

static const struct mac other = { { 2, 0, 0, 0, 0, 9 } }, peer = { { 2, 0, 0, 0, 0, 0x0b } },
			router = { { 2, 0, 0, 0, 0, 0x77 } };
static const struct in_addr none;

static inline struct in_addr ip(uint8_t last)
{
	return (struct in_addr){ htonl(0xc0000200U | last) };
}

static inline struct l2 *engine_on_eth0(const struct l2_options *o)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct err e = ERR_INIT;
	struct l2 *l = engine(o);

	set_links(l, &eth0, 1, 0);
	assert_int_equal(l2_set_peers(l, &peer, 1, &e), 0);
	return l;
}

/* Announced, told, and its burst over. */
static inline struct l2 *settled(const struct l2_options *o)
{
	struct l2 *l = engine_on_eth0(o);

	announce(l, "default/web", "192.0.2.10", "", 0);
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 2);
	assert_string_equal(happened(l), "announcing default/web");
	return l;
}

static inline enum l2_outcome claims(struct l2 *l, const struct mac *mac, uint64_t now)
{
	struct arp_message m = { ETH0, arp_gratuitous(ARP_REPLY, mac, ip(10)) }, reply;

	return l2_receive_arp(l, &m, now, &reply);
}

#endif
