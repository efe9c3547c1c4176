/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the engine share: links, announcements and questions in few words. */
#ifndef LB_L2_TEST_H
#define LB_L2_TEST_H

#include "pkg/l2/l2.h"
#include "tests/addr.h"

/* clang-format off */
/* who-has 192.0.2.10 tell 192.0.2.100, broadcast by 02:00:00:00:00:64, padded as off a wire */
static const uint8_t who_has_10[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x64, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
	0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
};
/* clang-format on */

enum { ETH0 = 2, ETH1 = 3, BR0 = 4 };

static inline struct netlink_link link_up(int ifindex, const char *name, uint8_t last)
{
	struct netlink_link k = {
		.ifindex = ifindex,
		.mac = { { 2, 0, 0, 0, 0, last } },
		.ethernet = true,
		.up = true,
		.running = true,
		.broadcast = true,
	};

	snprintf(k.name, sizeof(k.name), "%s", name);
	return k;
}

static inline struct l2 *engine(const struct l2_options *o)
{
	struct err e = ERR_INIT;
	struct l2 *l = l2_new(o, &e);

	assert_non_null(l);
	return l;
}

static inline void set_links(struct l2 *l, const struct netlink_link *at, size_t n, uint64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(l2_set_links(l, at, n, now, &e), 0);
}

/* `addresses` and `interfaces`: separated by one blank, or "". */
static inline void announce(
    struct l2 *l, const char *key, const char *addresses, const char *interfaces, uint64_t now)
{
	char copy[2][256], *rest, *word;
	const char *names[8];
	const bool all[8] = { true, true, true, true, true, true, true, true };
	struct addr at[8];
	struct l2_announcement a = { .key = key, .addresses = at, .interfaces.at = names };
	struct err e = ERR_INIT;

	snprintf(copy[0], sizeof(copy[0]), "%s", addresses);
	snprintf(copy[1], sizeof(copy[1]), "%s", interfaces);
	for (word = strtok_r(copy[0], " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		at[a.addresses_n++] = address(word);
	for (word = strtok_r(copy[1], " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		names[a.interfaces.n++] = word;
	a.is_new = key[0] == '+' ? all : NULL; /* "+default/web": new to the cluster */
	assert_int_equal(l2_announce(l, &a, now, &e), 0);
}

static inline struct arp_message message(int ifindex, const uint8_t *bytes, size_t len)
{
	struct arp_message m = { .ifindex = ifindex };
	struct err e = ERR_INIT;

	assert_int_equal(arp_frame_decode(&m.frame, bytes, len, &e), 0);
	return m;
}

static inline struct arp_message asks(int ifindex, const char *ip)
{
	struct arp_message m = message(ifindex, who_has_10, sizeof(who_has_10));
	struct addr a = address(ip);

	m.frame.packet.target_ip = addr_to_in(&a);
	return m;
}

static inline enum l2_outcome ask(struct l2 *l, int ifindex, const char *ip)
{
	struct arp_message m = asks(ifindex, ip), reply;

	return l2_receive_arp(l, &m, 0, &reply);
}

/* The next frame, which is ARP. */
static inline bool next_arp(struct l2 *l, struct arp_message *m)
{
	struct l2_frame f;

	if (!l2_next_frame(l, &f))
		return false;
	assert_false(f.ipv6);
	*m = (struct arp_message){ f.ifindex, f.arp };
	return true;
}

/* How many frames are due at `now`. */
static inline size_t frames(struct l2 *l, uint64_t now)
{
	struct l2_frame f;
	size_t n = 0;

	l2_tick(l, now);
	while (l2_next_frame(l, &f))
		n++;
	return n;
}

/* The next event as "what key", or ""; that an address is free is left out. */
static inline const char *happened(struct l2 *l)
{
	static const char *const names[] = { "announcing", "no-link", "free", "in-use", "conflict",
		"ended" };
	static char text[128];
	struct l2_event ev;

	do {
		if (!l2_next_event(l, &ev))
			return "";
	} while (ev.what == L2_FREE);
	snprintf(text, sizeof(text), "%s %s", names[ev.what], ev.key);
	return text;
}

static inline struct l2 *announcing_10(uint32_t grace_ms)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = grace_ms });

	set_links(l, &eth0, 1, 0);
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "announcing default/web");
	return l;
}

#endif
