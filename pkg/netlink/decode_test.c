/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes are the kernel's own (tests/corpus/netlink, captured on Linux 6.18): eth0 with
 * 192.0.2.1/24, 192.0.2.20 peer 192.0.2.21 and 2001:db8::1/64, its peer port0 in the bridge br0,
 * a default route over 192.0.2.254. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "pkg/netlink/netlink.h"
#include "tests/addr.h"

enum { LO = 1, PORT0 = 2, ETH0 = 3, BR0 = 4 };

static uint8_t *read_capture(const char *name, size_t *len)
{
	char path[128];
	uint8_t *bytes = malloc(16384);
	FILE *f;

	snprintf(path, sizeof(path), "tests/corpus/netlink/%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	*len = fread(bytes, 1, 16384, f);
	assert_true(*len > 0 && *len < 16384);
	fclose(f);
	return bytes;
}

/* Takes a capture into the world.  Returns whether anything changed; *last is the last message. */
static bool take(struct netlink_world *w, const char *name, struct netlink_message *last)
{
	size_t len;
	CLEANUP(freep) uint8_t *bytes = read_capture(name, &len);
	const uint8_t *at = bytes;
	struct netlink_message m;
	struct err e = ERR_INIT;
	bool changed = false;
	int got;

	while ((got = netlink_decode(&at, &len, &m, &e)) > 0) {
		int applied = netlink_world_apply(w, &m, &e);

		assert_true(applied >= 0);
		changed |= applied;
		if (last && m.tells != NETLINK_TELLS_NOTHING &&
		    (m.tells != NETLINK_TELLS_ERROR || m.error))
			*last = m;
	}
	assert_int_equal(got, 0);
	assert_int_equal(len, 0);
	return changed;
}

static struct netlink_world captured_world(void)
{
	struct netlink_world w = NETLINK_WORLD_INIT;
	struct netlink_message last;

	assert_true(take(&w, "links", &last));
	assert_true(last.tells == NETLINK_TELLS_DONE && !last.error);
	assert_true(take(&w, "addresses", &last));
	return w;
}

static const struct netlink_address *find(
    const struct netlink_world *w, int ifindex, const char *text, uint8_t len)
{
	struct addr a = address(text);

	for (size_t i = 0; i < w->addresses_n; i++)
		if (w->addresses[i].ifindex == ifindex && w->addresses[i].len == len &&
		    addr_equal(&w->addresses[i].addr, &a))
			return &w->addresses[i];
	return NULL;
}

static void links_are_what_ip_link_shows(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();
	const struct netlink_link *eth0 = netlink_link_by_name(&w, "eth0");
	const struct netlink_link *port0 = netlink_link_by_index(&w, PORT0);
	const struct netlink_link *lo = netlink_link_by_name(&w, "lo");
	const struct netlink_link *br0 = netlink_link_by_name(&w, "br0");
	char text[MAC_TEXT_LEN];

	assert_int_equal(w.links_n, 4);
	assert_int_equal(eth0->ifindex, ETH0);
	assert_string_equal(mac_format(&eth0->mac, text), "02:00:00:00:00:01");
	assert_string_equal(eth0->kind, "veth");
	assert_int_equal(eth0->mtu, 1500);
	assert_true(eth0->up && eth0->running && eth0->broadcast && eth0->ethernet);
	assert_true(!eth0->loopback && !eth0->noarp && eth0->master == 0);
	assert_true(netlink_link_speaks_arp(eth0));
	assert_string_equal(port0->name, "port0");
	assert_int_equal(port0->master, BR0);
	assert_false(netlink_link_speaks_arp(port0));
	assert_true(lo->loopback && !lo->ethernet && !netlink_link_speaks_arp(lo));
	assert_string_equal(br0->kind, "bridge");
	assert_true(!br0->up && !netlink_link_speaks_arp(br0));
	assert_null(netlink_link_by_name(&w, "eth1"));
	assert_null(netlink_link_by_index(&w, 99));
}

static void addresses_are_this_hosts_own(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();

	assert_non_null(find(&w, ETH0, "192.0.2.1", 24));
	assert_non_null(find(&w, ETH0, "2001:db8::1", 64));
	assert_non_null(find(&w, LO, "127.0.0.1", 8));
	/* of a point-to-point address the local end, not the peer's */
	assert_non_null(find(&w, ETH0, "192.0.2.20", 32));
	assert_null(find(&w, ETH0, "192.0.2.21", 32));
	assert_false(find(&w, ETH0, "2001:db8::1", 64)->link_local);
	assert_true(find(&w, PORT0, "fe80::ff:fe00:2", 64)->link_local);
	assert_false(find(&w, ETH0, "2001:db8::1", 64)->tentative);
}

static void same_news_again_is_no_change(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();

	assert_false(take(&w, "links", NULL));
	assert_false(take(&w, "addresses", NULL));
}

static void leaving_a_bridge_is_not_vanishing(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();
	size_t len;
	CLEANUP(freep) uint8_t *bytes = read_capture("event-left-bridge", &len);
	const uint8_t *at = bytes;
	struct netlink_message m;
	struct err e = ERR_INIT;

	while (netlink_decode(&at, &len, &m, &e) > 0)
		assert_int_not_equal(m.tells, NETLINK_TELLS_LINK_GONE);
	assert_true(take(&w, "event-left-bridge", NULL));
	assert_non_null(netlink_link_by_index(&w, PORT0));
	assert_int_equal(netlink_link_by_index(&w, PORT0)->master, 0);
	assert_true(netlink_link_speaks_arp(netlink_link_by_index(&w, PORT0)));
}

static void lost_carrier_shows_at_both_ends(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();

	assert_true(take(&w, "event-carrier-lost", NULL));
	assert_false(netlink_link_by_index(&w, PORT0)->up);
	assert_true(netlink_link_by_index(&w, ETH0)->up);
	assert_false(netlink_link_by_index(&w, ETH0)->running);
}

static void what_is_gone_is_gone(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();

	assert_true(take(&w, "event-address-gone", NULL));
	assert_null(find(&w, ETH0, "192.0.2.20", 32));
	assert_non_null(find(&w, ETH0, "192.0.2.1", 24));
	assert_true(take(&w, "event-link-gone", NULL));
	assert_null(netlink_link_by_name(&w, "eth0"));
	assert_null(netlink_link_by_name(&w, "port0"));
	assert_int_equal(w.links_n, 2);
	for (size_t i = 0; i < w.addresses_n; i++)
		assert_int_equal(w.addresses[i].ifindex, LO);
}

static struct netlink_message route(const char *name)
{
	CLEANUP(netlink_world_release) struct netlink_world w = NETLINK_WORLD_INIT;
	struct netlink_message m = { 0 };

	take(&w, name, &m);
	return m;
}

static void routes_tell_interface_source_and_gateway(void **state)
{
	(void)state;
	struct netlink_message near = route("route-near"), far = route("route-far");
	struct netlink_message own = route("route-own"), ipv6 = route("route-ipv6");
	char text[ADDR_TEXT_LEN];

	assert_int_equal(near.tells, NETLINK_TELLS_ROUTE);
	assert_int_equal(near.route.ifindex, ETH0);
	assert_string_equal(addr_format(&near.route.source, text), "192.0.2.1");
	assert_true(near.route.gateway.family == ADDR_NONE && !near.route.local);
	assert_string_equal(addr_format(&far.route.gateway, text), "192.0.2.254");
	assert_true(own.route.local && own.route.ifindex == LO);
	assert_int_equal(ipv6.route.ifindex, ETH0);
	assert_string_equal(addr_format(&ipv6.route.source, text), "2001:db8::1");
}

static void a_neighbour_has_an_address_and_a_mac(void **state)
{
	/* clang-format off */
	static const uint8_t reachable[] = {
		48, 0, 0, 0, 28, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* RTM_NEWNEIGH */
		2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 1, /* AF_INET, eth0, NUD_REACHABLE */
		8, 0, 1, 0, 192, 0, 2, 9,
		10, 0, 2, 0, 2, 0, 0, 0, 0, 9, 0, 0,
	};
	/* clang-format on */
	_Alignas(4) uint8_t copy[sizeof(reachable)];
	const uint8_t *at = copy;
	size_t len = sizeof(copy);
	struct netlink_message m;
	struct err e = ERR_INIT;
	char text[ADDR_TEXT_LEN];

	(void)state;
	memcpy(copy, reachable, sizeof(copy));
	assert_int_equal(netlink_decode(&at, &len, &m, &e), 1);
	assert_int_equal(m.tells, NETLINK_TELLS_NEIGHBOUR);
	assert_int_equal(m.neighbour.ifindex, ETH0);
	assert_string_equal(addr_format(&m.neighbour.addr, text), "192.0.2.9");
	assert_int_equal(m.neighbour.mac.bytes[5], 9);
	copy[24] = 0x20; /* NUD_FAILED: its MAC is of the past */
	at = copy;
	len = sizeof(copy);
	assert_int_equal(netlink_decode(&at, &len, &m, &e), 1);
	assert_int_equal(m.tells, NETLINK_TELLS_NOTHING);
}

static void refusals_carry_the_kernels_words(void **state)
{
	(void)state;
	struct netlink_message m = route("address-refused");

	assert_int_equal(m.tells, NETLINK_TELLS_ERROR);
	assert_int_equal(m.error, EINVAL);
	assert_string_equal(m.error_text, "ipv4: address lifetime invalid");
	assert_int_equal(route("route-none").error, ENETUNREACH);
}

static void an_mtu_too_small_for_ipv6_is_remembered(void **state)
{
	(void)state;
	CLEANUP(netlink_world_release) struct netlink_world w = captured_world();
	struct netlink_message m = { .tells = NETLINK_TELLS_LINK, .link = w.links[0] };
	const uint32_t mtus[] = { 1500, 1279, 576, 1280, 1000, 1500 };
	const uint32_t lost[] = { 0, 1, 1, 1, 2, 2 };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(mtus); i++) {
		m.link.mtu = mtus[i];
		assert_true(netlink_world_apply(&w, &m, &e) >= 0);
		assert_int_equal(w.links[0].ipv6_lost, lost[i]);
		assert_int_equal(netlink_link_carries_ipv6(&w.links[0]), mtus[i] >= 1280);
	}
}

static void every_truncation_is_told(void **state)
{
	(void)state;
	static const char *const captures[] = { "links", "addresses", "route-far", "address-refused" };

	for (size_t i = 0; i < ARRAY_LEN(captures); i++) {
		size_t len;
		CLEANUP(freep) uint8_t *bytes = read_capture(captures[i], &len);
		uint32_t first = ((struct nlmsghdr *)(void *)bytes)->nlmsg_len;

		for (size_t n = 1; n < first; n++) {
			CLEANUP(freep) uint8_t *exact = malloc(n);
			const uint8_t *at = exact;
			size_t left = n;
			struct netlink_message m;
			struct err e = ERR_INIT;

			memcpy(exact, bytes, n);
			assert_int_equal(netlink_decode(&at, &left, &m, &e), -1);
			assert_int_equal(e.kind, ERR_PROTOCOL);
			assert_true(at == exact && left == n);
		}
	}
}

/* As if the kernel had sent less than it should: the length is right, the content is short. */
static void short_content_is_told_or_skipped(void **state)
{
	(void)state;
	size_t len;
	CLEANUP(freep) uint8_t *bytes = read_capture("links", &len);
	uint32_t first = ((struct nlmsghdr *)(void *)bytes)->nlmsg_len;
	size_t told = 0;

	for (uint32_t n = sizeof(struct nlmsghdr); n < first; n++) {
		CLEANUP(freep) uint8_t *exact = malloc(n);
		const uint8_t *at = exact;
		size_t left = n;
		struct netlink_message m;
		struct err e = ERR_INIT;

		memcpy(exact, bytes, n);
		((struct nlmsghdr *)(void *)exact)->nlmsg_len = n;
		told += netlink_decode(&at, &left, &m, &e) < 0 && e.kind == ERR_PROTOCOL;
	}
	assert_true(told >= sizeof(struct ifinfomsg)); /* without a name it is no link */
}

struct crafted {
	struct nlmsghdr head;
	struct ifinfomsg link;
	struct rtattr attribute;
	char text[20];
};

/* A link of that name, `len` bytes of it without a NUL. */
static int decode_named(size_t len, struct netlink_message *m, struct err *e)
{
	struct crafted c = { .head = { .nlmsg_type = RTM_NEWLINK }, .link = { .ifi_index = 9 } };
	const uint8_t *at = (const uint8_t *)&c;
	size_t size = offsetof(struct crafted, text) + (len + 3) / 4 * 4;

	c.head.nlmsg_len = (uint32_t)size;
	c.attribute.rta_type = IFLA_IFNAME;
	c.attribute.rta_len = (unsigned short)(sizeof(c.attribute) + len);
	memset(c.text, 'x', len);
	return netlink_decode(&at, &size, m, e);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	struct netlink_message m;
	struct err e = ERR_INIT;

	assert_int_equal(decode_named(0, &m, &e), -1);
	assert_string_equal(e.text, "netlink: link 9 has no name");
	assert_int_equal(decode_named(1, &m, &e), 1);
	assert_string_equal(m.link.name, "x");
	assert_int_equal(decode_named(IF_NAMESIZE - 1, &m, &e), 1);
	assert_string_equal(m.link.name, "xxxxxxxxxxxxxxx");
	assert_int_equal(decode_named(IF_NAMESIZE, &m, &e), -1);
	assert_int_equal(decode_named(20, &m, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_what_ip_link_shows),
		cmocka_unit_test(addresses_are_this_hosts_own),
		cmocka_unit_test(same_news_again_is_no_change),
		cmocka_unit_test(leaving_a_bridge_is_not_vanishing),
		cmocka_unit_test(lost_carrier_shows_at_both_ends),
		cmocka_unit_test(what_is_gone_is_gone),
		cmocka_unit_test(routes_tell_interface_source_and_gateway),
		cmocka_unit_test(a_neighbour_has_an_address_and_a_mac),
		cmocka_unit_test(refusals_carry_the_kernels_words),
		cmocka_unit_test(names_that_do_not_fit_are_refused),
		cmocka_unit_test(an_mtu_too_small_for_ipv6_is_remembered),
		cmocka_unit_test(every_truncation_is_told),
		cmocka_unit_test(short_content_is_told_or_skipped),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
