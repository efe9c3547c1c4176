/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/probe/probe_test.h"

static void asks_count_times_and_ends_soon_after_the_last_answer(void **state)
{
	(void)state;
	struct net *n = start(&asking, 10, 10);

	host(n, 10, 1, 512);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct arp_frame want = arp_request(&ours, ip(100), ip(10));

		assert_int_equal(n->sent[i].at, 5 * S + i * S);
		assert_memory_equal(&n->sent[i].m.arp.packet.target_ip, &want.packet.target_ip, 4);
		assert_memory_equal(&n->sent[i].m.arp.packet.sender_ip, &want.packet.sender_ip, 4);
		assert_true(mac_equal(&n->sent[i].m.arp.to, &arp_broadcast));
	}
	assert_int_equal(n->told_n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(n->told[i].what, PROBE_REPLY);
		assert_int_equal(n->told[i].rtt_us, 512);
		assert_int_equal(n->told[i].number, i + 1);
		assert_int_equal(n->told[i].first, i == 0);
		assert_true(n->told[i].unicast);
	}
	assert_int_equal(n->done_at, 7 * S + 512 + 200 * MS);
	assert_int_equal(probe_totals(n->p).answered, 1);
	assert_int_equal(probe_totals(n->p).conflicting, 0);
	end(n);
}

static void silence_is_waited_for(void **state)
{
	(void)state;
	struct net *n = start(&asking, 10, 10);

	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	assert_int_equal(n->told_n, 0);
	assert_int_equal(n->done_at, 8 * S);
	assert_int_equal(probe_totals(n->p).answered, 0);
	assert_false(probe_totals(n->p).cut_short);
	end(n);
}

static void two_hosts_with_one_address_are_both_told(void **state)
{
	(void)state;
	struct probe_options o = asking;
	struct net *n;
	const struct probe_answer *a;

	o.count = 1;
	n = start(&o, 10, 10);
	host(n, 10, 1, 300);
	host(n, 10, 2, 150 * MS); /* late, but within the time to settle */
	run_until(n, 100 * S);
	assert_int_equal(n->told_n, 2);
	assert_int_equal(probe_totals(n->p).conflicting, 1);
	a = probe_answer(n->p, probe_target(n->p, 0), NULL);
	assert_true(mac_equal(&a->mac, &(struct mac){ { 2, 0, 0, 0, 0, 1 } }) && a->rtt_us == 300);
	a = probe_answer(n->p, probe_target(n->p, 0), a);
	assert_true(mac_equal(&a->mac, &(struct mac){ { 2, 0, 0, 0, 0, 2 } }) && a->rtt_us == 150 * MS);
	assert_null(probe_answer(n->p, probe_target(n->p, 0), a));
	end(n);
}

static void an_address_of_three_is_one_conflict(void **state)
{
	(void)state;
	struct net *n = start(&asking, 10, 10);

	for (uint8_t i = 1; i <= 3; i++)
		host(n, 10, i, 300);
	run_until(n, 100 * S);
	assert_int_equal(probe_totals(n->p).conflicting, 1);
	assert_int_equal(probe_totals(n->p).answered, 1);
	assert_int_equal(probe_target(n->p, 0)->macs, 3);
	end(n);
}

static void lost_probes_are_not_waited_for_once_a_later_one_is_answered(void **state)
{
	(void)state;
	struct net *n = start(&asking, 10, 10);

	run_until(n, 6500 * MS); /* two without an answer */
	host(n, 10, 1, 300);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	assert_int_equal(n->told_n, 1);
	assert_int_equal(n->told[0].number, 3);
	assert_int_equal(n->done_at, 7 * S + 300 + 200 * MS);
	end(n);
}

static void first_answer_ends_it_when_told_so(void **state)
{
	(void)state;
	struct probe_options o = asking;
	struct net *n;

	o.until_first = true;
	n = start(&o, 10, 10);
	host(n, 10, 1, 300);
	run_until(n, 100 * S);
	assert_int_equal(n->done_at, 5 * S + 300);
	assert_int_equal(n->sent_n, 1);
	end(n);
}

static void deadline_ends_it_whatever_is_outstanding(void **state)
{
	(void)state;
	struct probe_options o = asking;
	struct net *n;

	o.count = 0;
	o.deadline_us = 3500 * MS;
	n = start(&o, 10, 10);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 4);
	assert_int_equal(n->done_at, 8500 * MS);
	assert_true(probe_totals(n->p).cut_short);
	end(n);
}

static void without_a_count_it_goes_on_until_stopped(void **state)
{
	(void)state;
	struct probe_options o = asking;
	struct net *n;

	o.count = 0;
	n = start(&o, 10, 10);
	host(n, 10, 1, 300);
	run_until(n, 64 * S + 1);
	assert_int_equal(n->sent_n, 60);
	assert_int_equal(n->done_at, 0);
	probe_stop(n->p);
	assert_int_equal(probe_deadline(n->p, n->now), 0);
	take_events(n);
	assert_int_equal(n->done_at, n->now);
	end(n);
}

static void sweep_is_paced_and_asks_again_only_who_was_silent(void **state)
{
	(void)state;
	struct net *n = start(&sweeping, 0, 255);
	size_t asked[256] = { 0 };

	host(n, 3, 3, 400);
	host(n, 77, 77, 2 * MS);
	host(n, 200, 200, 350 * MS); /* answers after it was asked twice */
	run_until(n, 100 * S);
	for (size_t i = 0; i < n->sent_n; i++) {
		asked[ntohl(n->sent[i].m.arp.packet.target_ip.s_addr) & 255]++;
		if (i > 0)
			assert_true(n->sent[i].at - n->sent[i - 1].at >= 1 * MS);
	}
	for (size_t i = 0; i < 256; i++)
		assert_int_equal(asked[i], i == 3 || i == 77 ? 1 : i == 200 ? 2 : 3);
	assert_int_equal(probe_totals(n->p).answered, 3);
	assert_int_equal(probe_totals(n->p).probes, 256 * 3 - 2 - 2 - 1);
	/* 253 and more a round of 300 ms, three rounds, and the wait */
	assert_true(n->done_at - 5 * S < 1400 * MS);
	end(n);
}

static void rate_is_kept_when_it_is_the_narrowest(void **state)
{
	(void)state;
	struct probe_options o = sweeping;
	struct net *n;

	o.rate = 100;
	o.count = 1;
	n = start(&o, 0, 255);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 256);
	assert_int_equal(n->sent[255].at - n->sent[0].at, 255 * 10 * MS);
	end(n);
}

static void a_caller_that_is_late_makes_up_for_little(void **state)
{
	(void)state;
	struct probe_options o = sweeping;
	struct net *n;

	o.count = 1;
	n = start(&o, 0, 255);
	run_until(n, 5 * S + 20 * MS);
	assert_int_equal(n->sent_n, 21);
	n->now += 150 * MS; /* stood still */
	take_events(n);
	assert_true(n->sent_n >= 21 + 10 && n->sent_n <= 21 + 12);
	end(n);
}

static void overlapping_operands_ask_each_address_once(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct probe *p = probe_new(&sweeping, &e);
	struct probe_link a = { .ifindex = 1 }, b = { .ifindex = 2 };
	struct range first = range(10, 20), second = range(15, 30);

	assert_int_equal(probe_add(p, &a, &first, &e), 0);
	assert_int_equal(probe_add(p, &b, &second, &e), 0);
	assert_int_equal(probe_start(p, 0, &e), 0);
	assert_int_equal(probe_targets(p), 21);
	for (size_t i = 0; i < 21; i++) {
		assert_int_equal(probe_target(p, i)->ip.bytes[3], 10 + i);
		assert_int_equal(probe_link_of(p, probe_target(p, i))->ifindex, i <= 10 ? 1 : 2);
	}
	for (uint32_t i = 9; i <= 31; i++) {
		struct addr found = ip4(i);

		assert_int_equal(probe_find(p, &found) != NULL, i >= 10 && i <= 30);
	}
	probe_free(p);
}

static void too_many_addresses_are_refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct probe *p = probe_new(&sweeping, &e);
	struct range r = { addr_from_in(ip(0)), addr_from_in((struct in_addr){ htonl(0xc0100200) }) };

	assert_int_equal(probe_add(p, &link0, &r, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	probe_free(p);
}

static void what_was_not_an_answer_to_us_is_ignored(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	struct net *n = start(&asking, 10, 10);
	struct arp_frame request = arp_request(&ours, ip(100), ip(10));
	struct probe_message good = arp_message(arp_reply(&request.packet, &other)), m;

	take_events(n);
	m = good; /* on another link */
	m.ifindex = 8;
	input(n, &m);
	m = good; /* about another address */
	m.arp.packet.sender_ip = ip(11);
	input(n, &m);
	m = good; /* to another host */
	m.arp.packet.target_mac = mac(5);
	input(n, &m);
	m = good; /* to another address of ours */
	m.arp.packet.target_ip = ip(99);
	input(n, &m);
	m = good; /* a request */
	m.arp.packet.op = ARP_REQUEST;
	input(n, &m);
	m = good; /* our own */
	m.arp.packet.sender_mac = ours;
	input(n, &m);
	m.arp = arp_gratuitous(ARP_REPLY, &other, ip(10));
	input(n, &m);
	assert_int_equal(n->told_n, 0);
	input(n, &good);
	assert_int_equal(n->told_n, 1);
	end(n);
}

static void what_names_no_host_is_ignored(void **state)
{
	(void)state;
	static const struct mac none[] = { { { 0 } }, { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		{ { 1, 0, 0x5e, 0, 0, 1 } } };
	const struct mac from = mac(9);

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct net *n = start(&asking, 10, 10);
		struct net *n6 = start6(&asking, 10, 10);
		struct probe_message m, m6;

		take_events(n);
		take_events(n6);
		m = arp_message(arp_reply(&n->sent[0].m.arp.packet, &from));
		m.arp.packet.sender_mac = none[i];
		m6 = (struct probe_message){ .ifindex = IFINDEX,
			.family = ADDR_IPV6,
			.ndp = ndp_answer(&n6->sent[0].m.ndp, &from) };
		m6.ndp.mac = none[i];
		input(n, &m);
		input(n6, &m6);
		assert_int_equal(n->told_n + n6->told_n, 0);
		assert_int_equal(probe_totals(n->p).replies + probe_totals(n6->p).replies, 0);
		end(n);
		end(n6);
	}
}

static void an_answer_before_the_question_is_ignored(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	struct net *n = start(&asking, 10, 10);
	struct arp_frame request = arp_request(&ours, ip(100), ip(10));
	struct probe_message good = arp_message(arp_reply(&request.packet, &other));
	struct err e = ERR_INIT;

	assert_int_equal(probe_input(n->p, &good, n->now, &e), 0);
	take_events(n);
	assert_int_equal(n->told_n, 0);
	end(n);
}

static void of_one_host_that_answers_without_end_a_few_answers_a_probe_are_told(void **state)
{
	(void)state;
	struct probe_options o = asking;
	const struct mac other = mac(9);
	struct arp_frame request = arp_request(&ours, ip(100), ip(10));
	struct probe_message m = arp_message(arp_reply(&request.packet, &other));
	struct net *n;

	o.count = 2;
	n = start(&o, 10, 10);
	take_events(n);
	for (unsigned i = 0; i < 1000; i++)
		input(n, &m);
	assert_int_equal(n->told_n, PROBE_TOLD_MAX);
	run_until(n, 6 * S);
	for (unsigned i = 0; i < 1000; i++)
		input(n, &m);
	assert_int_equal(n->told_n, 2 * PROBE_TOLD_MAX);
	assert_int_equal(probe_totals(n->p).replies, 2000);
	end(n);
}

static void claims_are_told_beside_the_answers_when_asked_for(void **state)
{
	(void)state;
	struct probe_options o = asking;
	const struct mac other = mac(9);
	struct probe_message m = arp_message(arp_gratuitous(ARP_REQUEST, &other, ip(10)));
	struct net *n;

	o.claims = true;
	n = start(&o, 10, 10);
	take_events(n);
	input(n, &m);
	assert_int_equal(n->told_n, 1);
	assert_int_equal(n->told[0].what, PROBE_CLAIM);
	assert_int_equal(n->told[0].at_us, n->now);
	assert_int_equal(probe_totals(n->p).replies, 0);
	assert_int_equal(probe_totals(n->p).answered, 0);
	end(n);
}

static void a_flood_of_macs_is_bounded(void **state)
{
	(void)state;
	struct net *n = start(&asking, 10, 10);
	struct arp_frame request = arp_request(&ours, ip(100), ip(10));
	size_t remembered = 0;

	take_events(n);
	for (unsigned i = 0; i < 3000; i++) {
		struct mac it = { { 2, 9, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		struct probe_message m = arp_message(arp_reply(&request.packet, &it));

		input(n, &m);
	}
	for (const struct probe_answer *a = NULL; (a = probe_answer(n->p, probe_target(n->p, 0), a));)
		remembered++;
	assert_int_equal(remembered, PROBE_MACS_MAX);
	assert_int_equal(n->told_n, PROBE_MACS_MAX + PROBE_TOLD_MAX);
	assert_int_equal(probe_totals(n->p).replies, 3000);
	run_until(n, 6 * S); /* the next probe */
	for (uint8_t i = 0; i < 20; i++) {
		struct mac it = { { 2, 8, 0, 0, 0, i } };
		struct probe_message m = arp_message(arp_reply(&request.packet, &it));

		input(n, &m);
	}
	assert_int_equal(n->told_n, PROBE_MACS_MAX + 2 * PROBE_TOLD_MAX);
	end(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_count_times_and_ends_soon_after_the_last_answer),
		cmocka_unit_test(silence_is_waited_for),
		cmocka_unit_test(two_hosts_with_one_address_are_both_told),
		cmocka_unit_test(an_address_of_three_is_one_conflict),
		cmocka_unit_test(lost_probes_are_not_waited_for_once_a_later_one_is_answered),
		cmocka_unit_test(first_answer_ends_it_when_told_so),
		cmocka_unit_test(deadline_ends_it_whatever_is_outstanding),
		cmocka_unit_test(without_a_count_it_goes_on_until_stopped),
		cmocka_unit_test(sweep_is_paced_and_asks_again_only_who_was_silent),
		cmocka_unit_test(rate_is_kept_when_it_is_the_narrowest),
		cmocka_unit_test(a_caller_that_is_late_makes_up_for_little),
		cmocka_unit_test(overlapping_operands_ask_each_address_once),
		cmocka_unit_test(too_many_addresses_are_refused),
		cmocka_unit_test(what_was_not_an_answer_to_us_is_ignored),
		cmocka_unit_test(what_names_no_host_is_ignored),
		cmocka_unit_test(an_answer_before_the_question_is_ignored),
		cmocka_unit_test(of_one_host_that_answers_without_end_a_few_answers_a_probe_are_told),
		cmocka_unit_test(claims_are_told_beside_the_answers_when_asked_for),
		cmocka_unit_test(a_flood_of_macs_is_bounded),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
