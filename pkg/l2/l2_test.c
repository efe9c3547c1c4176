/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/l2.h"

#include "tests/unit.h"

/* clang-format off */
/* who-has 192.0.2.10 tell 192.0.2.100, broadcast by 02:00:00:00:00:64, padded as off a wire */
static const uint8_t who_has_10[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x64, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
	0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
};
/* what eth0 of 02:00:00:00:00:01 says to it */
static const uint8_t is_at_1[ARP_FRAME_LEN] = {
	2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
};
/* the two halves of a gratuitous round */
static const uint8_t gratuitous_request[ARP_FRAME_LEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10,
};
static const uint8_t gratuitous_reply[ARP_FRAME_LEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10,
};
/* clang-format on */

enum { ETH0 = 2, ETH1 = 3, BR0 = 4 };

static struct netlink_link link_up(int ifindex, const char *name, uint8_t last)
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

static struct addr address(const char *text)
{
	struct err e = ERR_INIT;
	struct addr a;

	assert_int_equal(addr_parse(&a, text, &e), 0);
	return a;
}

static struct l2 *engine(const struct l2_options *o)
{
	struct err e = ERR_INIT;
	struct l2 *l = l2_new(o, &e);

	assert_non_null(l);
	return l;
}

static void set_links(struct l2 *l, const struct netlink_link *at, size_t n, uint64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(l2_set_links(l, at, n, now, &e), 0);
}

/* `addresses` and `interfaces`: separated by one blank, or "". */
static void announce(
    struct l2 *l, const char *key, const char *addresses, const char *interfaces, uint64_t now)
{
	char copy[2][256], *rest, *word;
	const char *names[8];
	struct addr at[8];
	struct l2_announcement a = { .key = key, .addresses = at, .interfaces.at = names };
	struct err e = ERR_INIT;

	snprintf(copy[0], sizeof(copy[0]), "%s", addresses);
	snprintf(copy[1], sizeof(copy[1]), "%s", interfaces);
	for (word = strtok_r(copy[0], " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		at[a.addresses_n++] = address(word);
	for (word = strtok_r(copy[1], " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		names[a.interfaces.n++] = word;
	assert_int_equal(l2_announce(l, &a, now, &e), 0);
}

static struct arp_message message(int ifindex, const uint8_t *bytes, size_t len)
{
	struct arp_message m = { .ifindex = ifindex };
	struct err e = ERR_INIT;

	assert_int_equal(arp_frame_decode(&m.frame, bytes, len, &e), 0);
	return m;
}

static struct arp_message asks(int ifindex, const char *ip)
{
	struct arp_message m = message(ifindex, who_has_10, sizeof(who_has_10));
	struct addr a = address(ip);

	m.frame.packet.target_ip = addr_to_in(&a);
	return m;
}

static enum l2_outcome ask(struct l2 *l, int ifindex, const char *ip)
{
	struct arp_message m = asks(ifindex, ip), reply;

	return l2_receive(l, &m, &reply);
}

/* Everything due at `now`, counted; when it is one round on eth0, its bytes are checked. */
static size_t frames(struct l2 *l, uint64_t now)
{
	struct arp_message m;
	size_t n = 0;

	l2_tick(l, now);
	while (l2_next_frame(l, &m))
		n++;
	return n;
}

/* The next event as "what key", or "" */
static const char *happened(struct l2 *l)
{
	static const char *const names[] = { "announcing", "no-link", "no-ipv6", "ended" };
	static char text[128];
	struct l2_event ev;

	if (!l2_next_event(l, &ev))
		return "";
	snprintf(text, sizeof(text), "%s %s", names[ev.what], ev.key);
	return text;
}

static struct l2 *announcing_10(uint32_t grace_ms)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = grace_ms });

	set_links(l, &eth0, 1, 0);
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "announcing default/web");
	return l;
}

static void a_request_gets_the_links_mac(void **state)
{
	struct l2 *l = announcing_10(0);
	struct arp_message m = message(ETH0, who_has_10, sizeof(who_has_10)), reply;
	uint8_t bytes[ARP_FRAME_LEN];

	(void)state;
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED);
	assert_int_equal(reply.ifindex, ETH0);
	arp_frame_encode(&reply.frame, bytes);
	assert_memory_equal(bytes, is_at_1, sizeof(bytes));
	m.frame.to = (struct mac){ { 2, 0, 0, 0, 0, 1 } }; /* unicast, as a resolver refreshes */
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED);
	m.frame.packet.sender_ip.s_addr = 0; /* an RFC 5227 probe */
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED);
	assert_int_equal(reply.frame.packet.target_ip.s_addr, 0);
	l2_free(l);
}

static void what_is_not_asked_of_us_is_not_answered(void **state)
{
	struct l2 *l = announcing_10(0);
	struct arp_message m, reply;

	(void)state;
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_NOT_ANNOUNCED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE); /* an unknown link */
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.op = ARP_REPLY;
	assert_int_equal(l2_receive(l, &m, &reply), L2_NOT_A_REQUEST);
	m = asks(ETH0, "192.0.2.10");
	m.frame.to.bytes[5] = 9;
	assert_int_equal(l2_receive(l, &m, &reply), L2_NOT_TO_US);
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.sender_mac = arp_broadcast;
	assert_int_equal(l2_receive(l, &m, &reply), L2_BAD_SENDER);
	m = asks(ETH0, "192.0.2.10");
	m.frame.from = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive(l, &m, &reply), L2_OWN_FRAME);
	m = asks(ETH0, "192.0.2.10");
	m.frame.packet.sender_mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(l2_receive(l, &m, &reply), L2_OWN_FRAME);
	l2_free(l);
}

static void a_takeover_is_five_rounds_of_both_forms(void **state)
{
	static const uint64_t at[] = { 0, 1100, 2200, 3300, 4400 };
	struct l2 *l = announcing_10(0);
	struct arp_message m;
	uint8_t bytes[ARP_FRAME_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		assert_int_equal(l2_deadline(l), at[i]);
		if (i > 0)
			assert_int_equal(frames(l, at[i] - 1), 0);
		l2_tick(l, at[i]);
		assert_true(l2_next_frame(l, &m));
		assert_int_equal(m.ifindex, ETH0);
		arp_frame_encode(&m.frame, bytes);
		assert_memory_equal(bytes, gratuitous_request, sizeof(bytes));
		assert_true(l2_next_frame(l, &m));
		arp_frame_encode(&m.frame, bytes);
		assert_memory_equal(bytes, gratuitous_reply, sizeof(bytes));
		assert_false(l2_next_frame(l, &m));
	}
	assert_true(l2_deadline(l) == UINT64_MAX);
	assert_int_equal(frames(l, 1000000), 0);
	l2_free(l);
}

static void a_late_tick_keeps_the_distance(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	assert_int_equal(frames(l, 1900), 2);
	assert_int_equal(frames(l, 2999), 0); /* receivers heed one a second */
	assert_int_equal(frames(l, 3000), 2);
	l2_free(l);
}

static void the_same_again_is_no_news(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	for (uint64_t now = 0; now < 10000; now += 100) {
		size_t n = frames(l, now);

		assert_int_equal(n, now % 1100 == 0 && now <= 4400 ? 2 : 0);
		announce(l, "default/web", "192.0.2.10", "", now);
	}
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_link_that_comes_up_is_told(void **state)
{
	struct l2 *l = announcing_10(0);
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct arp_message m;

	(void)state;
	while (frames(l, l2_deadline(l)) > 0 && l2_deadline(l) != UINT64_MAX)
		;
	links[1].running = false;
	set_links(l, links, 2, 20000);
	assert_int_equal(frames(l, 20000), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	links[1].running = true;
	set_links(l, links, 2, 21000);
	l2_tick(l, 21000);
	assert_true(l2_next_frame(l, &m));
	assert_int_equal(m.ifindex, ETH1);
	assert_int_equal(m.frame.packet.sender_mac.bytes[5], 7);
	assert_int_equal(frames(l, 21000), 1);
	set_links(l, links, 2, 21500); /* the same */
	assert_int_equal(frames(l, 21500), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	set_links(l, links, 1, 21600); /* gone, in the middle of its burst */
	assert_int_equal(frames(l, 22100), 0);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_new_mac_is_told_and_used(void **state)
{
	struct l2 *l = announcing_10(0);
	struct netlink_link eth0 = link_up(ETH0, "eth0", 0x22);
	struct arp_message m = message(ETH0, who_has_10, sizeof(who_has_10)), reply;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	set_links(l, &eth0, 1, 500);
	l2_tick(l, 500);
	assert_true(l2_next_frame(l, &reply));
	assert_int_equal(reply.frame.from.bytes[5], 0x22);
	assert_int_equal(reply.frame.packet.sender_mac.bytes[5], 0x22);
	assert_int_equal(frames(l, 500), 1);
	assert_int_equal(frames(l, 1100), 0); /* the old burst is no more */
	assert_int_equal(frames(l, 1600), 2);
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED);
	assert_int_equal(reply.frame.packet.sender_mac.bytes[5], 0x22);
	m.frame.packet.sender_mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } }; /* no longer ours */
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED);
	l2_free(l);
}

static void links_that_do_not_fit_are_left_alone(void **state)
{
	static const char *const only[] = { "eth*", "br0" }, *const except[] = { "eth9" };
	struct netlink_link links[8];
	struct l2 *l = engine(&(struct l2_options){ .only = { only, 2 }, .except = { except, 1 } });

	(void)state;
	for (int i = 0; i < 8; i++)
		links[i] = link_up(i + 2, "eth0", (uint8_t)i);
	links[0].up = false;
	links[1].broadcast = false;
	links[2].noarp = true;
	links[3].master = 99;
	links[4].ethernet = false;
	snprintf(links[5].name, sizeof(links[5].name), "eth9");
	snprintf(links[6].name, sizeof(links[6].name), "cni0");
	snprintf(links[7].name, sizeof(links[7].name), "br0");
	set_links(l, links, 8, 0);
	announce(l, "default/web", "192.0.2.10", "", 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(ask(l, i + 2, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, 9, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(frames(l, 0), 2);
	l2_free(l);
}

static void an_announcement_may_name_its_links(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ 0 });
	struct arp_message m;

	(void)state;
	set_links(l, links, 2, 0);
	announce(l, "default/web", "192.0.2.10", "eth1", 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(frames(l, 0), 2);
	assert_string_equal(happened(l), "announcing default/web");
	announce(l, "default/web", "192.0.2.10", "eth0 eth1", 100); /* eth0 is new, eth1 isn't */
	l2_tick(l, 100);
	assert_true(l2_next_frame(l, &m));
	assert_int_equal(m.ifindex, ETH0);
	assert_int_equal(frames(l, 100), 1);
	assert_string_equal(happened(l), "");
	announce(l, "default/web", "192.0.2.10", "eth9", 200);
	assert_string_equal(happened(l), "no-link default/web");
	assert_int_equal(frames(l, 1300), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	links[1] = link_up(9, "eth9", 9);
	set_links(l, links, 2, 1400);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 1400), 2);
	l2_free(l);
}

static void a_shared_address_lasts_as_long_as_one_wants_it(void **state)
{
	struct netlink_link links[2] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 7) };
	struct l2 *l = engine(&(struct l2_options){ 0 });

	(void)state;
	set_links(l, links, 2, 0);
	announce(l, "default/tcp", "192.0.2.10", "eth0", 0);
	assert_int_equal(frames(l, 0), 2);
	announce(l, "default/udp", "192.0.2.10", "eth0 eth1", 50);
	assert_int_equal(frames(l, 50), 2); /* eth1 alone */
	l2_withdraw(l, "default/tcp", 60);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_ANSWERED);
	announce(l, "default/tcp", "192.0.2.10", "eth0", 65); /* nothing new for anybody */
	assert_int_equal(frames(l, 65), 0);
	l2_withdraw(l, "default/udp", 70);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_int_equal(ask(l, ETH1, "192.0.2.10"), L2_NOT_HERE);
	l2_withdraw(l, "default/tcp", 80);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_is_idle(l) && l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void a_changed_address_leaves_the_old_one_at_once(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	announce(l, "default/web", "192.0.2.11", "", 100);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_int_equal(ask(l, ETH0, "192.0.2.11"), L2_ANSWERED);
	assert_int_equal(frames(l, 100), 2);
	assert_string_equal(happened(l), "announcing default/web");
	l2_free(l);
}

static void withdrawn_without_grace_is_silent_at_once(void **state)
{
	struct l2 *l = announcing_10(0);
	struct l2_event ev;

	(void)state;
	l2_withdraw(l, "default/web", 10);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AT_ONCE);
	assert_string_equal(ev.key, "default/web");
	assert_false(l2_next_event(l, &ev));
	l2_withdraw(l, "default/web", 20);
	assert_false(l2_next_event(l, &ev));
	l2_free(l);
}

static void grace_bridges_the_gap_in_silence(void **state)
{
	struct l2 *l = announcing_10(1000);
	struct l2_event ev;

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	l2_withdraw(l, "default/web", 100);
	assert_int_equal(l2_deadline(l), 1100);
	assert_int_equal(frames(l, 1099), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_false(l2_is_idle(l) || l2_next_event(l, &ev));
	l2_withdraw(l, "default/web", 1099); /* again: no more grace for that */
	assert_int_equal(frames(l, 1100), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_ANNOUNCED);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_GRACE);
	assert_true(l2_is_idle(l));
	l2_free(l);
}

static void the_successors_first_frame_ends_the_grace(void **state)
{
	const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	struct arp_message m = { .ifindex = ETH0 }, reply;
	struct l2_event ev;
	struct in_addr set[2];
	unsigned match;

	(void)state;
	m.frame = arp_gratuitous(ARP_REQUEST, &other, (struct in_addr){ htonl(0xc000020a) });
	assert_int_equal(l2_receive(l, &m, &reply), L2_ANSWERED); /* not while it is ours */
	assert_int_equal(l2_listens(l, set, 2, &match), 1);
	assert_int_equal(match, ARP_MATCH_ASKED);
	l2_withdraw(l, "default/web", 100);
	assert_int_equal(l2_listens(l, set, 2, &match), 1);
	assert_int_equal(match, ARP_MATCH_ASKED | ARP_MATCH_SENDER);
	assert_int_equal(l2_receive(l, &m, &reply), L2_SUCCESSOR);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(l2_deadline(l), 100);
	l2_tick(l, 101);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ENDED && ev.why == L2_AFTER_SUCCESSOR);
	assert_memory_equal(&ev.successor, &other, sizeof(other));
	assert_true(l2_is_idle(l));
	assert_int_equal(l2_listens(l, set, 2, &match), 0);
	l2_free(l);
}

static void announced_again_in_its_grace_is_a_takeover(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	assert_int_equal(frames(l, 0), 2);
	l2_withdraw(l, "default/web", 100);
	announce(l, "default/web", "192.0.2.10", "", 200);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(frames(l, 200), 2);
	assert_int_equal(frames(l, 1300), 2);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void ipv6_is_kept_and_said_not_to_be_announced(void **state)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = 1000 });
	struct l2_event ev;

	(void)state;
	set_links(l, &eth0, 1, 0);
	announce(l, "default/both", "192.0.2.10 2001:db8::10", "", 0);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_NO_IPV6);
	assert_int_equal(ev.addresses_n, 2);
	assert_string_equal(happened(l), "announcing default/both");
	announce(l, "default/both", "192.0.2.10 2001:db8::10", "eth0", 0);
	assert_string_equal(happened(l), "");
	announce(l, "default/six", "2001:db8::11", "", 0);
	assert_string_equal(happened(l), "no-ipv6 default/six");
	assert_string_equal(happened(l), "");
	l2_withdraw(l, "default/six", 10);
	assert_string_equal(happened(l), "ended default/six");
	l2_free(l);
}

static void the_generation_tells_when_to_listen_anew(void **state)
{
	struct l2 *l = announcing_10(0);
	uint64_t before = l2_generation(l);
	struct in_addr set[1];
	unsigned match;

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_true(l2_generation(l) == before);
	announce(l, "default/web2", "192.0.2.11", "", 0);
	assert_true(l2_generation(l) != before);
	assert_int_equal(l2_listens(l, set, 1, &match), 2); /* more than there was room for */
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_gets_the_links_mac),
		cmocka_unit_test(what_is_not_asked_of_us_is_not_answered),
		cmocka_unit_test(a_takeover_is_five_rounds_of_both_forms),
		cmocka_unit_test(a_late_tick_keeps_the_distance),
		cmocka_unit_test(the_same_again_is_no_news),
		cmocka_unit_test(a_link_that_comes_up_is_told),
		cmocka_unit_test(a_new_mac_is_told_and_used),
		cmocka_unit_test(links_that_do_not_fit_are_left_alone),
		cmocka_unit_test(an_announcement_may_name_its_links),
		cmocka_unit_test(a_shared_address_lasts_as_long_as_one_wants_it),
		cmocka_unit_test(a_changed_address_leaves_the_old_one_at_once),
		cmocka_unit_test(withdrawn_without_grace_is_silent_at_once),
		cmocka_unit_test(grace_bridges_the_gap_in_silence),
		cmocka_unit_test(the_successors_first_frame_ends_the_grace),
		cmocka_unit_test(announced_again_in_its_grace_is_a_takeover),
		cmocka_unit_test(ipv6_is_kept_and_said_not_to_be_announced),
		cmocka_unit_test(the_generation_tells_when_to_listen_anew),
	};

	return cmocka_run_group_tests_name("l2", tests, NULL, NULL);
}
