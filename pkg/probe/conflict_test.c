/* SPDX-License-Identifier: Apache-2.0 */
/* Address conflict detection, RFC 5227: probing and announcing. */
#include "pkg/probe/probe_test.h"

static void free_address_is_probed_three_times_from_nobody(void **state)
{
	(void)state;
	struct net *n = start(&probing, 10, 10);

	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(n->sent[i].m.arp.packet.sender_ip.s_addr, 0);
		assert_int_equal(n->sent[i].m.arp.packet.op, ARP_REQUEST);
	}
	assert_int_equal(n->done_at, 5 * S + 2 * S + 2 * S);
	assert_int_equal(probe_totals(n->p).answered, 0);
	end(n);
}

static void taken_address_is_known_after_the_first_answer(void **state)
{
	(void)state;
	struct net *n = start(&probing, 10, 10);

	host(n, 10, 1, 400);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 1);
	assert_int_equal(n->told[0].what, PROBE_REPLY);
	assert_int_equal(n->done_at, 5 * S + 400 + 200 * MS);
	assert_int_equal(probe_totals(n->p).answered, 1);
	end(n);
}

static void answer_to_a_probe_may_name_any_target(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	struct net *n = start(&probing, 10, 10);
	struct arp_frame request = arp_request(&ours, ip(10), ip(10)); /* as some write it */
	struct probe_message m = arp_message(arp_reply(&request.packet, &other));

	take_events(n);
	input(n, &m);
	assert_int_equal(n->told_n, 1);
	assert_int_equal(n->told[0].what, PROBE_REPLY);
	end(n);
}

static void any_use_and_another_probe_make_it_taken(void **state)
{
	(void)state;
	const struct mac other = mac(9), nobody = { { 0 } };
	const struct arp_frame claims[] = {
		arp_gratuitous(ARP_REQUEST, &other, ip(10)), arp_gratuitous(ARP_REPLY, &other, ip(10)),
		arp_request(&other, ip(10), ip(55)),                /* it asks for somebody else */
		arp_request(&other, (struct in_addr){ 0 }, ip(10)), /* it probes, as we do */
	};
	const struct arp_frame others[] = {
		arp_request(&other, ip(55), ip(10)),                /* looks for the owner, too */
		arp_request(&other, (struct in_addr){ 0 }, ip(11)), /* probes its neighbour */
		arp_request(&ours, (struct in_addr){ 0 }, ip(10)),  /* our own */
		arp_gratuitous(ARP_REQUEST, &nobody, ip(10)),
	};

	for (size_t i = 0; i < ARRAY_LEN(claims) + ARRAY_LEN(others); i++) {
		bool claim = i < ARRAY_LEN(claims);
		struct net *n = start(&probing, 10, 10);
		struct probe_message m = arp_message(claim ? claims[i] : others[i - ARRAY_LEN(claims)]);

		take_events(n);
		n->now += 10 * MS;
		input(n, &m);
		assert_int_equal(n->told_n, claim);
		assert_int_equal(probe_totals(n->p).answered, claim);
		if (claim)
			assert_int_equal(n->told[0].what, PROBE_CLAIM);
		end(n);
	}
}

static void announcing_sends_both_forms_a_round(void **state)
{
	(void)state;
	struct probe_options o = { .mode = PROBE_ANNOUNCE,
		.count = 2,
		.rate = 1000,
		.interval_us = 1100 * MS,
		.wait_us = 100 * MS };
	struct net *n = start(&o, 10, 11);

	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 8);
	for (size_t i = 0; i < 8; i++) {
		const struct arp_packet *a = &n->sent[i].m.arp.packet;

		assert_int_equal(a->op, i % 2 ? ARP_REPLY : ARP_REQUEST);
		assert_int_equal(ntohl(a->sender_ip.s_addr) & 255, 10 + i / 2 % 2);
		assert_int_equal(a->target_ip.s_addr, a->sender_ip.s_addr);
		assert_true(n->sent[i].at >= 5 * S + (i >= 4 ? 1100 * MS : 0));
	}
	assert_int_equal(probe_totals(n->p).probes, 4);
	end(n);
}

static void announcing_notices_the_other_owner(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	struct probe_options o = {
		.mode = PROBE_ANNOUNCE, .count = 1, .rate = 1000, .wait_us = 100 * MS
	};
	struct net *n = start(&o, 10, 10);
	struct probe_message m = arp_message(arp_gratuitous(ARP_REPLY, &other, ip(10)));

	take_events(n);
	input(n, &m);
	assert_int_equal(n->told_n, 1);
	assert_int_equal(n->told[0].what, PROBE_CLAIM);
	end(n);
}

static void our_own_address_needs_no_answer_but_a_second_owner_shows(void **state)
{
	(void)state;
	struct net *n = start(&asking, 100, 100);
	struct err e = ERR_INIT;

	struct addr own = ip4(100);

	assert_int_equal(probe_known(n->p, &own, &ours, &e), 0);
	assert_int_equal(probe_totals(n->p).answered, 1);
	host(n, 100, 5, 300);
	run_until(n, 100 * S);
	assert_int_equal(probe_totals(n->p).conflicting, 1);
	assert_int_equal(probe_answer(n->p, probe_target(n->p, 0), NULL)->replies, 0);
	end(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_address_is_probed_three_times_from_nobody),
		cmocka_unit_test(taken_address_is_known_after_the_first_answer),
		cmocka_unit_test(answer_to_a_probe_may_name_any_target),
		cmocka_unit_test(any_use_and_another_probe_make_it_taken),
		cmocka_unit_test(announcing_sends_both_forms_a_round),
		cmocka_unit_test(announcing_notices_the_other_owner),
		cmocka_unit_test(our_own_address_needs_no_answer_but_a_second_owner_shows),
	};

	return cmocka_run_group_tests_name("probe: conflicts", tests, NULL, NULL);
}
