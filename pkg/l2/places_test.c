/* SPDX-License-Identifier: Apache-2.0 */
/* Where addresses are answered, as it is told to what answers in this process's stead. */
#include "pkg/l2/l2_test.h"

static const char *text(const struct l2_place *p)
{
	static char out[80];
	char ip[ADDR_TEXT_LEN];

	snprintf(out, sizeof(out), "%s on %d", addr_format(&p->address, ip), p->ifindex);
	return out;
}

static const char *next_place(struct l2 *l)
{
	struct l2_place p;

	return l2_next_place(l, &p) ? text(&p) : "";
}

static const char *next_gone(struct l2 *l)
{
	struct l2_place p;

	return l2_next_gone(l, &p) ? text(&p) : "";
}

static void each_place_is_told_once_and_its_end(void **state)
{
	struct l2 *l = announcing_10(1000);

	(void)state;
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	assert_string_equal(next_place(l), "");
	announce(l, "default/web", "192.0.2.10 2001:db8::10", "", 0);
	assert_string_equal(next_place(l), "2001:db8::10 on 2");
	l2_withdraw(l, "default/web", 0);
	l2_tick(l, 999); /* its grace */
	assert_string_equal(next_gone(l), "");
	l2_tick(l, 1000);
	assert_string_equal(next_gone(l), "2001:db8::10 on 2");
	assert_string_equal(next_gone(l), "192.0.2.10 on 2");
	assert_string_equal(next_gone(l), "");
	assert_string_equal(next_place(l), "");
	l2_free(l);
}

static void what_comes_and_goes_unasked_is_not_told(void **state)
{
	struct l2 *l = announcing_10(0);

	(void)state;
	l2_withdraw(l, "default/web", 0);
	assert_string_equal(next_gone(l), "");
	assert_string_equal(next_place(l), "");
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	l2_withdraw(l, "default/web", 0);
	announce(l, "default/web", "192.0.2.10", "", 0); /* both are told, the end first */
	assert_string_equal(next_gone(l), "192.0.2.10 on 2");
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	assert_string_equal(next_place(l), "");
	l2_free(l);
}

static void a_successor_ends_a_place_at_once(void **state)
{
	static const struct mac other = { { 2, 0, 0, 0, 0, 9 } };
	struct l2 *l = announcing_10(1000);
	const struct addr ip = address("192.0.2.10");
	struct arp_message m = { ETH0, arp_gratuitous(ARP_REPLY, &other, addr_to_in(&ip)) }, reply;

	(void)state;
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	l2_withdraw(l, "default/web", 0);
	assert_int_equal(l2_receive_arp(l, &m, 10, &reply), L2_SUCCESSOR);
	assert_string_equal(next_gone(l), "192.0.2.10 on 2");
	l2_free(l);
}

static void a_link_that_goes_takes_its_places_along(void **state)
{
	struct netlink_link links[] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 2) };
	struct l2 *l = engine(&(struct l2_options){ 0 });

	(void)state;
	set_links(l, links, 2, 0);
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	assert_string_equal(next_place(l), "192.0.2.10 on 3");
	links[0].running = false;
	set_links(l, links, 2, 0);
	assert_string_equal(next_gone(l), "192.0.2.10 on 2");
	links[0].running = true;
	set_links(l, links, 1, 0);
	assert_string_equal(next_gone(l), "192.0.2.10 on 3");
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	l2_free(l);
}

static uint64_t seven(void *arg, const struct addr *ip, int ifindex)
{
	(void)arg;
	return ip->family == ADDR_IPV4 && ifindex == ETH0 ? 7 : 0;
}

static uint64_t eight_on(void *arg, int ifindex)
{
	(void)arg;
	return ifindex == ETH0 ? 8 : 0;
}

static void assert_counted(const struct l2 *l, const struct l2_elsewhere *x, const char *line, bool yes)
{
	struct buf out = BUF_INIT;

	l2_metrics(l, x, "node-a", &out);
	if (!strstr(out.data, line) == yes)
		fail_msg("%s in:\n%s", line, out.data);
	buf_release(&out);
}

static void what_was_answered_elsewhere_is_counted(void **state)
{
	const struct l2_elsewhere x = { seven, eight_on, NULL };
	struct l2 *l = announcing_10(0);
	const char *place = "metallb_layer2_responses_sent{ip=\"192.0.2.10\",interface=\"eth0\"} 8\n",
		   *asked =
		       "metallb_layer2_requests_received{ip=\"192.0.2.10\",interface=\"eth0\"} 8\n",
		   *link = "lbctl_layer2_frames_total{interface=\"eth0\",outcome=\"answered\"} 9\n",
		   *in_kernel = "lbctl_layer2_answered_in_kernel_total{interface=\"eth0\"} 8\n";

	(void)state;
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	assert_counted(l, NULL, place, false);
	assert_counted(l, NULL, "in_kernel_total{", false);
	assert_counted(l, &x, place, true);
	assert_counted(l, &x, asked, true);
	assert_counted(l, &x, link, true);
	assert_counted(l, &x, in_kernel, true);
	l2_end_elsewhere(l, &x); /* it stays counted */
	assert_counted(l, NULL, place, true);
	assert_counted(l, NULL, asked, true);
	assert_counted(l, NULL, link, true);
	assert_counted(l, NULL, in_kernel, true);
	assert_string_equal(next_gone(l), "");
	assert_string_equal(next_place(l), "192.0.2.10 on 2");
	assert_string_equal(next_place(l), "");
	l2_free(l);
}

enum { ADDRESSES = 12, STEPS = 20000 };

struct mirror {
	bool at[ADDRESSES][ETH1 + 1];
};

static size_t index_of(const struct addr *a)
{
	return ntohl(addr_to_in(a).s_addr) & 0xff;
}

static void follow(struct mirror *m, struct l2 *l)
{
	struct l2_place p;

	while (l2_next_gone(l, &p)) {
		assert_true(m->at[index_of(&p.address)][p.ifindex]);
		m->at[index_of(&p.address)][p.ifindex] = false;
	}
	while (l2_next_place(l, &p)) {
		assert_false(m->at[index_of(&p.address)][p.ifindex]);
		m->at[index_of(&p.address)][p.ifindex] = true;
	}
	assert_false(l2_places_lost(l));
}

static void assert_right(const struct mirror *m, struct l2 *l)
{
	char ip[20];

	for (unsigned i = 0; i < ADDRESSES; i++)
		for (int k = ETH0; k <= ETH1; k++) {
			snprintf(ip, sizeof(ip), "192.0.2.%u", i);
			assert_int_equal(ask(l, k, ip) == L2_ANSWERED, m->at[i][k]);
		}
}

/* Some Service gets one address or two, on all links or one, or goes; or a link changes. */
static void change(struct l2 *l, struct netlink_link links[2], uint64_t now)
{
	char key[20], addresses[40];
	unsigned what = (unsigned)rand() % 8, i = (unsigned)rand() % ADDRESSES;

	snprintf(key, sizeof(key), "default/%u", (unsigned)rand() % 8);
	snprintf(addresses, sizeof(addresses), "192.0.2.%u 192.0.2.%u", i, (i + 1) % ADDRESSES);
	if (what == 0) {
		links[rand() % 2].running ^= true;
		set_links(l, links, 1 + (size_t)(rand() % 2), now);
	} else if (what < 4) {
		l2_withdraw(l, key, now);
	} else {
		announce(l, key, what == 4 ? addresses : strchr(addresses, ' ') + 1,
		    what == 5 ? "eth1" : "", now);
	}
}

static void whoever_follows_knows_what_is_answered(void **state)
{
	struct netlink_link links[] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 2) };
	const struct l2_elsewhere none = { seven, eight_on, NULL };
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = 20 });
	struct mirror m = { 0 };

	(void)state;
	srand(1);
	set_links(l, links, 2, 0);
	for (uint64_t now = 0; now < STEPS; now += 1 + (uint64_t)(rand() % 10)) {
		change(l, links, now);
		if (rand() % 3 == 0)
			l2_tick(l, now);
		if (rand() % 50 == 0) {
			l2_end_elsewhere(l, &none);
			m = (struct mirror){ 0 };
		}
		if (rand() % 4)
			continue;
		follow(&m, l);
		assert_right(&m, l);
	}
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_place_is_told_once_and_its_end),
		cmocka_unit_test(what_comes_and_goes_unasked_is_not_told),
		cmocka_unit_test(a_successor_ends_a_place_at_once),
		cmocka_unit_test(a_link_that_goes_takes_its_places_along),
		cmocka_unit_test(what_was_answered_elsewhere_is_counted),
		cmocka_unit_test(whoever_follows_knows_what_is_answered),
	};

	return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
