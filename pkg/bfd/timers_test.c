/* SPDX-License-Identifier: Apache-2.0 */
/* When a session sends, and what silence is an end. */
#include "pkg/bfd/session_test.h"

static void silence_is_an_end_after_the_detection_time(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p;

	hear(&s, BFD_UP, 50 * MS);
	bfd_session_tick(&s, 350 * MS - 1);
	assert_int_equal(s.state, BFD_UP);
	while (bfd_session_output(&s, &p, 350 * MS - 1))
		;
	assert_int_equal(bfd_session_deadline(&s), 350 * MS);
	bfd_session_tick(&s, 350 * MS);
	assert_int_equal(s.state, BFD_DOWN);
	assert_int_equal(s.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(s.silence_us, 300 * MS);
	assert_true(bfd_session_output(&s, &p, 350 * MS));
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.diag, BFD_DIAG_EXPIRED);
	assert_int_equal(p.your_discriminator, 0); /* forgotten (6.8.1) */
}

static void the_slower_interval_and_the_peers_multiplier_count(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p = say(&s, BFD_UP);

	p.desired_min_tx_us = 250 * MS;
	p.required_min_rx_us = 400 * MS;
	p.multiplier = 5;
	assert_true(bfd_session_input(&s, &p, 2000));
	assert_int_equal(bfd_session_detection_us(&s), 1250 * MS);
	bfd_session_tick(&s, s.next_us);
	flush(&s, 2000);
	assert_in_range(s.next_us - 2000, 300 * MS, 400 * MS);
}

static void packets_are_75_to_100_percent_of_the_interval_apart(void **state)
{
	(void)state;
	for (uint8_t multiplier = 1; multiplier <= 3; multiplier += 2) {
		struct bfd_session s = in_state(BFD_UP, 1000);
		uint64_t least = UINT64_MAX, most = 0, now = 1000;

		s.multiplier = multiplier;
		for (int i = 0; i < 5000; i++) {
			uint64_t gap = s.next_us - now;

			if (i > 0) {
				least = gap < least ? gap : least;
				most = gap > most ? gap : most;
			}
			now = s.next_us;
			hear(&s, BFD_UP, now);
			bfd_session_tick(&s, now);
			assert_int_equal(flush(&s, now), 1);
		}
		assert_in_range(least, 75 * MS, 76 * MS);
		if (multiplier == 1)
			assert_in_range(most, 89 * MS, 90 * MS);
		else
			assert_in_range(most, 99 * MS, 100 * MS);
	}
}

/* One moment for all, at random within what the RFC has; two systems have moments of their own. */
static void sessions_of_one_system_send_together_and_of_two_do_not(void **state)
{
	(void)state;
	struct bfd_session s[3];
	int together = 0;

	for (int i = 0; i < 3; i++) {
		s[i] = in_state(BFD_UP, 1000);
		s[i].jitter = i < 2 ? 5 : 6;
	}
	s[0].send_due = true;
	assert_int_equal(flush(&s[0], 20 * MS), 1);
	for (uint64_t now = 20 * MS; now < 100000 * MS; now = s[0].next_us) {
		for (int i = 0; i < 3; i++) {
			uint64_t floor = s[i].earliest_us;
			bool due;

			hear(&s[i], BFD_UP, now);
			bfd_session_tick(&s[i], now);
			due = s[i].send_due;
			bfd_session_ride(&s[i], now);
			assert_true(due || s[i].send_due == (now >= floor));
		}
		together += s[0].next_us == s[2].next_us;
		for (int i = 0; i < 3; i++)
			if (s[i].send_due) {
				assert_int_equal(flush(&s[i], now), 1);
				assert_true(s[i].earliest_us == now + 75 * MS);
				assert_in_range(s[i].next_us, now + 75 * MS, now + 100 * MS);
			}
		if (now > 200 * MS)
			assert_true(s[0].next_us == s[1].next_us);
	}
	assert_in_range(together, 0, 5);
}

static void until_it_is_up_a_session_is_slow(void **state)
{
	(void)state;
	struct bfd_session s = begin(&fast, 0);
	struct bfd_packet p;
	uint64_t now = 0;

	for (int i = 0; i < 50; i++) {
		assert_true(bfd_session_output(&s, &p, now));
		assert_int_equal(p.desired_min_tx_us, BFD_SLOW_US);
		assert_int_equal(p.required_min_rx_us, FAST);
		assert_int_equal(p.sequence, 1000 + i);
		assert_false(p.poll);
		assert_false(bfd_session_output(&s, &p, now));
		assert_in_range(bfd_session_deadline(&s) - now, 750 * MS, 1000 * MS);
		now = bfd_session_deadline(&s);
		bfd_session_tick(&s, now);
	}
}

static void a_poll_is_answered_at_once_and_never_with_both_bits(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p = say(&s, BFD_UP);
	uint64_t next = s.next_us;

	s.polling = true;
	p.poll = true;
	assert_true(bfd_session_input(&s, &p, 2000));
	assert_true(bfd_session_output(&s, &p, 2000));
	assert_true(p.final && !p.poll);
	assert_int_equal(s.next_us, next); /* the periodic ones go on as they were */
	assert_false(bfd_session_output(&s, &p, 2000));
	bfd_session_tick(&s, next);
	assert_true(bfd_session_output(&s, &p, next));
	assert_true(p.poll && !p.final);
}

static void coming_up_polls_until_the_answer(void **state)
{
	(void)state;
	struct bfd_session s = begin(&fast, 0);
	struct bfd_packet p;

	hear(&s, BFD_INIT, 1000);
	for (int i = 0; i < 3; i++) {
		assert_true(bfd_session_output(&s, &p, s.next_us));
		assert_true(p.poll);
		assert_int_equal(p.desired_min_tx_us, FAST);
		hear(&s, BFD_UP, s.next_us);
		bfd_session_tick(&s, s.next_us);
	}
	p = say(&s, BFD_UP);
	p.final = true;
	assert_true(bfd_session_input(&s, &p, s.next_us));
	bfd_session_tick(&s, s.next_us);
	assert_true(bfd_session_output(&s, &p, s.next_us));
	assert_false(p.poll);
}

static void a_peer_that_is_overdue_is_polled_until_its_time_is_over(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	uint64_t now = 2000 + 125 * MS, over = 2000 + 300 * MS;
	struct bfd_packet p;
	unsigned polls = 0;

	hear(&s, BFD_UP, 2000);
	s.send_due = true;
	assert_true(bfd_session_output(&s, &p, now));
	assert_false(p.poll);
	for (now++; s.state == BFD_UP; now = bfd_session_deadline(&s)) {
		bfd_session_tick(&s, now);
		assert_true(bfd_session_output(&s, &p, now));
		assert_true(p.poll == (s.state == BFD_UP) && now <= over);
		polls += p.poll;
	}
	assert_int_equal(polls, 14); /* in 175 ms */
	assert_int_equal(s.silence_us, over - 2000);
}

static void the_answer_to_one_of_many_polls_ends_them(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p;

	for (uint64_t now = 150 * MS; now <= 250 * MS; now += 20 * MS) {
		bfd_session_tick(&s, now);
		assert_true(bfd_session_output(&s, &p, now));
		assert_true(p.poll);
	}
	p = say(&s, BFD_UP);
	p.final = true;
	p.sequence += 3 * s.multiplier + 6 - 1; /* so many may have been lost, with six answers */
	assert_true(bfd_session_input(&s, &p, 260 * MS));
	assert_true(bfd_session_deadline(&s) > 300 * MS);
	bfd_session_tick(&s, s.next_us);
	assert_true(bfd_session_output(&s, &p, s.next_us));
	assert_false(p.poll);
}

static void a_longer_interval_is_sent_with_only_when_the_peer_knows(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p;

	bfd_session_set_interval(&s, 400 * MS);
	bfd_session_tick(&s, s.next_us);
	assert_true(bfd_session_output(&s, &p, 100 * MS));
	assert_true(p.poll);
	assert_int_equal(p.desired_min_tx_us, 400 * MS);
	assert_in_range(s.next_us - 100 * MS, 75 * MS, 100 * MS); /* as before */
	assert_int_equal(bfd_session_detection_us(&s), 1200 * MS);
	p = say(&s, BFD_UP);
	p.final = true;
	assert_true(bfd_session_input(&s, &p, 101 * MS));
	bfd_session_tick(&s, s.next_us);
	flush(&s, 200 * MS);
	assert_in_range(s.next_us - 200 * MS, 300 * MS, 400 * MS);
}

static void a_shorter_interval_is_expected_only_when_the_peer_knows(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p = say(&s, BFD_UP);

	p.desired_min_tx_us = 10 * MS;
	p.required_min_rx_us = 10 * MS;
	assert_true(bfd_session_input(&s, &p, 2000));
	bfd_session_set_interval(&s, 50 * MS);
	assert_int_equal(bfd_session_detection_us(&s), 300 * MS);
	bfd_session_tick(&s, 3000);
	assert_int_equal(s.tx_us, 50 * MS); /* but sent with at once */
	p = say(&s, BFD_UP);
	p.desired_min_tx_us = 10 * MS;
	p.final = true;
	assert_true(bfd_session_input(&s, &p, 4000));
	assert_int_equal(bfd_session_detection_us(&s), 150 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_an_end_after_the_detection_time),
		cmocka_unit_test(the_slower_interval_and_the_peers_multiplier_count),
		cmocka_unit_test(packets_are_75_to_100_percent_of_the_interval_apart),
		cmocka_unit_test(sessions_of_one_system_send_together_and_of_two_do_not),
		cmocka_unit_test(until_it_is_up_a_session_is_slow),
		cmocka_unit_test(a_poll_is_answered_at_once_and_never_with_both_bits),
		cmocka_unit_test(coming_up_polls_until_the_answer),
		cmocka_unit_test(a_peer_that_is_overdue_is_polled_until_its_time_is_over),
		cmocka_unit_test(the_answer_to_one_of_many_polls_ends_them),
		cmocka_unit_test(a_longer_interval_is_sent_with_only_when_the_peer_knows),
		cmocka_unit_test(a_shorter_interval_is_expected_only_when_the_peer_knows),
	};

	return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
