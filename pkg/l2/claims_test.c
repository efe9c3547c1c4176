/* SPDX-License-Identifier: Apache-2.0 */
/* Other hosts that have an address: before its first use, and while it is announced. */
#include "pkg/l2/claims_test.h"

static enum l2_outcome claims_on(struct l2 *l, int ifindex, const struct mac *mac, uint64_t now)
{
	struct arp_message m = { ifindex, arp_gratuitous(ARP_REPLY, mac, ip(10)) }, reply;

	return l2_receive_arp(l, &m, now, &reply);
}

static void a_new_address_is_probed_thrice_before_it_is_used(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct arp_message m;

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	for (uint64_t now = 0; now < 300; now += 100) {
		assert_int_equal(l2_deadline(l), now);
		l2_tick(l, now);
		assert_true(next_arp(l, &m));
		assert_int_equal(m.frame.packet.op, ARP_REQUEST);
		assert_int_equal(m.frame.packet.sender_ip.s_addr, 0);
		assert_int_equal(m.frame.packet.target_ip.s_addr, ip(10).s_addr);
		assert_memory_equal(&m.frame.to, &arp_broadcast, MAC_LEN);
		assert_false(next_arp(l, &m));
		assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
		assert_string_equal(happened(l), "");
	}
	assert_int_equal(l2_deadline(l), 300);
	assert_int_equal(frames(l, 300), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_free(l);
}

/* However long the process or the pace holds a question up, the next one waits for it. */
static void that_an_address_is_free_is_told_once_it_was_probed(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct l2_event ev;

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	l2_withdraw(l, "+default/web", 50); /* it never was announced */
	assert_false(l2_next_event(l, &ev));
	announce(l, "+default/web", "192.0.2.10", "", 50);
	for (uint64_t now = 50; now < 350; now += 100) {
		assert_int_equal(frames(l, now), 1);
		assert_false(l2_next_event(l, &ev));
	}
	assert_int_equal(frames(l, 350), 2);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_FREE);
	assert_string_equal(ev.key, "+default/web");
	assert_int_equal(ev.addresses_n, 1);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_ANNOUNCING);
	assert_false(l2_next_event(l, &ev));
	l2_free(l);
}

static void set_eth0(struct l2 *l, bool up, uint64_t now)
{
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);

	eth0.up = up;
	set_links(l, &eth0, 1, now);
}

static void without_a_link_a_new_address_stays_to_be_probed(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });

	(void)state;
	set_eth0(l, false, 0);
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "no-link +default/web");
	assert_int_equal(frames(l, 1000), 0);
	assert_true(l2_deadline(l) == UINT64_MAX);
	assert_false(l2_is_probing(l));
	set_eth0(l, true, 2000);
	assert_string_equal(happened(l), "");
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	assert_int_equal(frames(l, 2000), 1);
	assert_int_equal(frames(l, 2100), 1);
	set_eth0(l, false, 2150); /* who has it may not have heard that */
	assert_int_equal(frames(l, 2200), 0);
	assert_string_equal(happened(l), "no-link +default/web");
	set_eth0(l, true, 3000);
	assert_int_equal(frames(l, 3000), 1);
	assert_int_equal(frames(l, 3100), 1);
	assert_int_equal(frames(l, 3200), 1);
	set_eth0(l, false, 3250);
	set_eth0(l, true, 3260);
	for (uint64_t now = 3300; now < 3600; now += 100)
		assert_int_equal(frames(l, now), 1);
	assert_string_equal(happened(l), "");
	assert_int_equal(frames(l, 3600), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void what_is_not_new_any_more_is_taken_over_at_once(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	const struct addr ten = address("192.0.2.10");
	struct l2_announcement a = { .key = "+default/web", .addresses = &ten, .addresses_n = 1 };
	struct err e = ERR_INIT;

	(void)state;
	set_eth0(l, false, 0);
	announce(l, "+default/web", "192.0.2.10", "eth0", 0);
	assert_string_equal(happened(l), "no-link +default/web");
	assert_int_equal(l2_announce(l, &a, 0, &e), 0);
	set_eth0(l, true, 2000);
	assert_int_equal(frames(l, 2000), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void a_probe_begins_anew_on_other_links(void **state)
{
	const struct netlink_link both[] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 2) };
	struct l2 *l = engine(&(struct l2_options){ .probe_ms = 300 });

	(void)state;
	set_links(l, both, 2, 0);
	announce(l, "+default/web", "192.0.2.10", "eth0", 0);
	for (uint64_t now = 0; now < 300; now += 100)
		assert_int_equal(frames(l, now), 1);
	announce(l, "+default/web", "192.0.2.10", "eth1", 250);
	for (uint64_t now = 300; now < 600; now += 100)
		assert_int_equal(frames(l, now), 1);
	assert_string_equal(happened(l), "");
	assert_int_equal(frames(l, 600), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void who_has_it_on_a_link_where_it_is_not_announced_does_not_count(void **state)
{
	const struct netlink_link both[] = { link_up(ETH0, "eth0", 1), link_up(ETH1, "eth1", 2) };
	struct l2 *l = engine(&(struct l2_options){ .probe_ms = 300 });
	struct arp_message m = { ETH1, arp_request(&other, none, ip(10)) }, reply;

	(void)state;
	set_links(l, both, 2, 0);
	announce(l, "+default/web", "192.0.2.10", "eth0", 0);
	assert_int_equal(frames(l, 0), 1);
	assert_int_equal(claims_on(l, ETH1, &other, 10), L2_NOT_A_REQUEST);
	assert_int_equal(l2_receive_arp(l, &m, 10, &reply), L2_NOT_HERE);
	assert_int_equal(claims_on(l, 9, &other, 10), L2_NOT_A_REQUEST); /* a link that has gone */
	assert_string_equal(happened(l), "");
	assert_int_equal(claims_on(l, ETH0, &other, 20), L2_TAKEN);
	assert_string_equal(happened(l), "in-use +default/web");
	/* and it is no reason not to announce it elsewhere */
	announce(l, "+default/web", "192.0.2.10", "eth1", 50);
	for (uint64_t now = 50; now < 350; now += 100)
		assert_int_equal(frames(l, now), 1);
	assert_int_equal(frames(l, 350), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void a_question_that_goes_out_late_holds_up_the_end(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	l2_tick(l, 1000); /* nothing was sent yet */
	assert_string_equal(happened(l), "");
	assert_int_equal(frames(l, 1000), 1);
	assert_int_equal(frames(l, 1099), 0);
	assert_int_equal(frames(l, 1500), 1);
	assert_int_equal(frames(l, 1600), 1);
	l2_tick(l, 1699);
	assert_string_equal(happened(l), "");
	assert_int_equal(l2_deadline(l), 1700);
	l2_tick(l, 1700);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void an_address_that_another_host_has_is_not_used(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct l2_event ev;

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	assert_int_equal(claims(l, &other, 2), L2_TAKEN);
	assert_int_equal(l2_deadline(l), 2);
	assert_int_equal(frames(l, 2), 0);
	assert_true(l2_next_event(l, &ev) && ev.what == L2_IN_USE);
	assert_string_equal(ev.key, "+default/web");
	assert_memory_equal(&ev.by, &other, MAC_LEN);
	assert_int_equal(ev.ifindex, ETH0);
	assert_int_equal(ev.addresses_n, 1);
	assert_false(l2_next_event(l, &ev));
	assert_int_equal(frames(l, 60001), 0);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_NOT_HERE);
	/* probed again after a minute: it has gone */
	assert_int_equal(frames(l, 60002), 1);
	assert_int_equal(frames(l, 60102), 1);
	assert_int_equal(frames(l, 60202), 1);
	assert_int_equal(frames(l, 60302), 2);
	assert_string_equal(happened(l), "announcing +default/web");
	l2_free(l);
}

static void two_that_probe_for_one_address_both_leave_it(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });
	struct arp_message m = { ETH0, arp_request(&other, none, ip(10)) }, reply;
	struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 } };
	struct ndp_message n = { ETH0, ndp_solicit(&other, &in6addr_any, &six) }, advertisement;

	(void)state;
	announce(l, "+default/web", "192.0.2.10 2001:db8::10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	m.frame.packet.sender_ip = ip(100); /* who has an address only asks */
	assert_int_equal(l2_receive_arp(l, &m, 1, &reply), L2_NOT_HERE);
	m.frame.packet.sender_ip = none;
	assert_int_equal(l2_receive_arp(l, &m, 1, &reply), L2_TAKEN);
	assert_int_equal(l2_receive_ndp(l, &n, 1, &advertisement), L2_TAKEN);
	assert_string_equal(happened(l), "in-use +default/web");
	assert_string_equal(happened(l), "in-use +default/web");
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void peers_and_ignored_hosts_do_not_take_a_new_address(void **state)
{
	struct l2 *l =
	    engine_on_eth0(&(struct l2_options){ .probe_ms = 300, .ignore = &router, .ignore_n = 1 });

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(claims(l, &router, 2), L2_IGNORED_CLAIM);
	assert_int_equal(claims(l, &peer, 2), L2_NOT_A_REQUEST);
	for (uint64_t now = 0; now < 300; now += 100)
		assert_int_equal(frames(l, now), 1);
	l2_tick(l, 300);
	assert_string_equal(happened(l), "announcing +default/web");
	assert_int_equal(claims(l, &router, 302), L2_IGNORED_CLAIM);
	assert_string_equal(happened(l), "");
	l2_free(l);
}

static void a_takeover_is_never_probed(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300 });

	(void)state;
	announce(l, "default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 2);
	assert_string_equal(happened(l), "announcing default/web");
	/* and what is announced already isn't new, whoever says so */
	announce(l, "+default/web2", "192.0.2.10", "", 0);
	assert_string_equal(happened(l), "announcing +default/web2");
	l2_free(l);
}

static void withdrawn_while_it_is_probed_is_forgotten(void **state)
{
	struct l2 *l = engine_on_eth0(&(struct l2_options){ .probe_ms = 300, .grace_ms = 1000 });

	(void)state;
	announce(l, "+default/web", "192.0.2.10", "", 0);
	assert_int_equal(frames(l, 0), 1);
	l2_withdraw(l, "+default/web", 50);
	assert_string_equal(happened(l), ""); /* it never was announced */
	assert_int_equal(frames(l, 400), 0);
	assert_true(l2_deadline(l) == UINT64_MAX);
	l2_free(l);
}

static void a_foreign_claim_is_told_at_once_and_defended_once_in_10_s(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct l2_event ev;

	(void)state;
	assert_int_equal(claims(l, &other, 20000), L2_FOREIGN_CLAIM);
	assert_int_equal(l2_deadline(l), 20000);
	assert_int_equal(frames(l, 20000), 2); /* both forms */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT && ev.claims == 1 && !ev.by_peer);
	assert_memory_equal(&ev.by, &other, MAC_LEN);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED); /* still ours */
	for (uint64_t now = 20100; now < 30000; now += 100) {
		assert_int_equal(claims(l, &other, now), L2_FOREIGN_CLAIM);
		assert_int_equal(frames(l, now), 0);
		assert_string_equal(happened(l), "");
	}
	claims(l, &other, 30000);
	assert_int_equal(frames(l, 30000), 2);
	for (uint64_t now = 30100; now < 80000; now += 100)
		claims(l, &other, now);
	assert_string_equal(happened(l), "");
	claims(l, &other, 80000); /* a minute later it still goes on */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT);
	assert_int_equal(ev.claims, 600);
	l2_free(l);
}

static void an_advertisement_of_another_is_a_conflict_too(void **state)
{
	struct in6_addr six = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 } };
	struct l2 *l = engine_on_eth0(&(struct l2_options){ 0 });
	struct ndp_message m = { ETH0, ndp_unsolicited(&other, &six) }, reply;
	struct l2_frame f;

	(void)state;
	announce(l, "default/web", "2001:db8::10", "", 0);
	for (uint64_t now = 0; now <= 4400; now += 1100)
		assert_int_equal(frames(l, now), 1);
	assert_string_equal(happened(l), "announcing default/web");
	assert_int_equal(l2_receive_ndp(l, &m, 9000, &reply), L2_FOREIGN_CLAIM);
	l2_tick(l, 9000);
	assert_true(l2_next_frame(l, &f) && f.ipv6 && f.ndp.override);
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
}

static void each_defends_as_it_is_told(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ .defend = L2_DEFEND_NEVER });

	(void)state;
	claims(l, &other, 20000);
	assert_int_equal(frames(l, 20000), 0);
	assert_string_equal(happened(l), "conflict default/web");
	l2_free(l);
	l = settled(&(struct l2_options){ .defend = L2_DEFEND_ALWAYS, .rate = 5000 });
	for (uint64_t now = 20000; now < 21000; now += 100) {
		claims(l, &other, now);
		assert_int_equal(frames(l, now), 2);
	}
	l2_free(l);
}

static void a_peers_claim_is_no_conflict_while_the_election_is_on_its_way(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct l2_event ev;

	(void)state;
	assert_int_equal(claims(l, &peer, 20000), L2_PEER_CLAIM);
	assert_int_equal(claims(l, &peer, 21100), L2_PEER_CLAIM);
	assert_string_equal(happened(l), "");
	/* still ours after that: then the hosts must hear of it */
	assert_int_equal(frames(l, 20000), 0);
	assert_int_equal(frames(l, 21100), 2);
	assert_int_equal(claims(l, &peer, 22000), L2_FOREIGN_CLAIM); /* two nodes announce it */
	assert_true(l2_next_event(l, &ev) && ev.what == L2_CONFLICT && ev.by_peer);
	l2_free(l);
}

static void claims_are_counted_by_address_and_link(void **state)
{
	struct l2 *l = settled(&(struct l2_options){ 0 });
	struct buf out = BUF_INIT;

	(void)state;
	claims(l, &other, 20000);
	claims(l, &other, 20001);
	assert_int_equal(ask(l, ETH0, "192.0.2.10"), L2_ANSWERED);
	l2_metrics(l, NULL, "node \"a\"", &out);
	assert_non_null(
	    strstr(out.data, "lbctl_layer2_conflicts_total{ip=\"192.0.2.10\",interface=\"eth0\"} 2\n"));
	assert_non_null(strstr(
	    out.data, "metallb_layer2_gratuitous_sent{ip=\"192.0.2.10\",interface=\"eth0\"} 10\n"));
	assert_non_null(strstr(
	    out.data, "metallb_layer2_responses_sent{ip=\"192.0.2.10\",interface=\"eth0\"} 1\n"));
	assert_non_null(
	    strstr(out.data, "protocol=\"layer2\",node=\"node \\\"a\\\"\",ip=\"192.0.2.10\"} 1\n"));
	buf_release(&out);
	l2_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_address_is_probed_thrice_before_it_is_used),
		cmocka_unit_test(an_address_that_another_host_has_is_not_used),
		cmocka_unit_test(that_an_address_is_free_is_told_once_it_was_probed),
		cmocka_unit_test(without_a_link_a_new_address_stays_to_be_probed),
		cmocka_unit_test(what_is_not_new_any_more_is_taken_over_at_once),
		cmocka_unit_test(a_probe_begins_anew_on_other_links),
		cmocka_unit_test(who_has_it_on_a_link_where_it_is_not_announced_does_not_count),
		cmocka_unit_test(a_question_that_goes_out_late_holds_up_the_end),
		cmocka_unit_test(two_that_probe_for_one_address_both_leave_it),
		cmocka_unit_test(peers_and_ignored_hosts_do_not_take_a_new_address),
		cmocka_unit_test(a_takeover_is_never_probed),
		cmocka_unit_test(withdrawn_while_it_is_probed_is_forgotten),
		cmocka_unit_test(a_foreign_claim_is_told_at_once_and_defended_once_in_10_s),
		cmocka_unit_test(an_advertisement_of_another_is_a_conflict_too),
		cmocka_unit_test(each_defends_as_it_is_told),
		cmocka_unit_test(a_peers_claim_is_no_conflict_while_the_election_is_on_its_way),
		cmocka_unit_test(claims_are_counted_by_address_and_link),
	};

	return cmocka_run_group_tests_name("l2 and other hosts", tests, NULL, NULL);
}
