/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine, and what is refused. */
#include "pkg/bfd/session_test.h"

static void two_systems_are_up_after_three_packets_each_at_most(void **state)
{
	(void)state;
	struct bfd_options other = fast;
	struct bfd_session a = begin(&fast, 5), b;
	int sent = 0, n;

	other.seed = 8;
	b = begin(&other, 5);
	do {
		n = pass(&a, &b, 5);
		n += pass(&b, &a, 5);
		sent += n;
	} while (n);
	assert_int_equal(a.state, BFD_UP);
	assert_int_equal(b.state, BFD_UP);
	assert_false(a.polling || b.polling);
	assert_int_equal(a.remote_discriminator, b.discriminator);
	assert_in_range(sent, 3, 8); /* with two polls and their answers */
	assert_int_equal(bfd_session_detection_us(&a), 300 * MS);
}

static void the_state_machine_is_that_of_6_8_6(void **state)
{
	(void)state;
	const enum bfd_state A = BFD_ADMIN_DOWN, D = BFD_DOWN, I = BFD_INIT, U = BFD_UP;
	const enum bfd_state next[4][4] = {
		[A] = { A, A, A, A },
		[D] = { D, I, U, D },
		[I] = { D, I, U, U },
		[U] = { D, D, U, U },
	};

	for (enum bfd_state have = A; have <= U; have++)
		for (enum bfd_state heard = A; heard <= U; heard++) {
			struct bfd_session s = in_state(have, 1000);

			hear(&s, heard, 2000);
			assert_int_equal(s.state, next[have][heard]);
			if (have >= I && s.state == D)
				assert_int_equal(s.diag, BFD_DIAG_NEIGHBOR_DOWN);
			/* a change is told at once */
			assert_int_equal(flush(&s, 2000) > 0, s.state != have);
		}
}

static void admin_down_is_said_three_times_and_then_nothing(void **state)
{
	(void)state;
	struct bfd_session a = in_state(BFD_UP, 1000), b = in_state(BFD_UP, 1000);
	struct bfd_packet p = { 0 };

	b.remote_sequence = a.sequence - 1;
	bfd_session_stop(&a, BFD_DIAG_PATH_DOWN);
	assert_int_equal(pass(&a, &b, 2000), 3);
	assert_int_equal(b.state, BFD_DOWN);
	assert_int_equal(b.diag, BFD_DIAG_NEIGHBOR_DOWN);
	assert_int_equal(b.remote_state, BFD_ADMIN_DOWN);
	assert_int_equal(b.remote_diag, BFD_DIAG_PATH_DOWN);
	hear(&a, BFD_UP, 3000);
	bfd_session_tick(&a, 900000 * MS);
	assert_false(bfd_session_output(&a, &p, 900000 * MS));
	assert_true(bfd_session_deadline(&a) == UINT64_MAX);
}

static bool takes(struct bfd_session s, uint32_t ahead, uint32_t your)
{
	struct bfd_packet p = say(&s, your ? BFD_UP : BFD_DOWN);
	enum bfd_state before = s.state;
	bool taken;

	p.sequence = s.remote_sequence + ahead;
	p.your_discriminator = your;
	taken = bfd_session_input(&s, &p, 2000);
	assert_true(taken || s.state == before);
	return taken;
}

static void a_replay_is_refused(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);

	s.remote_sequence = 0xfffffffe; /* a circular space */
	assert_true(takes(s, 1, s.discriminator) && takes(s, 9, s.discriminator));
	assert_false(takes(s, 0, s.discriminator) || takes(s, 10, s.discriminator));
	assert_false(takes(s, 0U - 1, s.discriminator) || takes(s, 0x7fffffff, s.discriminator));
	/* one that has restarted begins further on, never before */
	assert_true(takes(s, 1, 0) && takes(s, 1000000, 0) && takes(s, 0x7fffffff, 0));
	assert_false(takes(s, 0, 0) || takes(s, 0U - 1, 0) || takes(s, 0x80000000, 0));
	/* nor does a session that isn't up mind what was lost */
	s.state = BFD_INIT;
	assert_true(takes(s, 10, s.discriminator) && takes(s, 0x7fffffff, s.discriminator));
	assert_false(takes(s, 0, s.discriminator) || takes(s, 0U - 1, s.discriminator));
	s.state = BFD_UP;
	s.remote_state = BFD_INIT; /* it did not hear yet that we are up, nor we that it is */
	assert_true(takes(s, 10, s.discriminator) && takes(s, 0x7fffffff, s.discriminator));
	assert_false(takes(s, 0, s.discriminator) || takes(s, 0U - 1, s.discriminator));
	s.authenticated = false;
	assert_true(takes(s, 0, s.discriminator));
}

static void numbers_are_forgotten_after_twice_the_detection_time(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);

	bfd_session_tick(&s, 1000 + 300 * MS);
	assert_false(takes(s, 0, 0));
	flush(&s, 1000 + 300 * MS);
	assert_int_equal(bfd_session_deadline(&s), 1000 + 600 * MS);
	bfd_session_tick(&s, 1000 + 600 * MS);
	assert_true(takes(s, 0, 0));
}

static void each_life_has_a_discriminator_of_its_own(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	uint32_t first = s.discriminator;

	hear(&s, BFD_ADMIN_DOWN, 2000);
	assert_int_not_equal(s.discriminator, first);
	assert_int_not_equal(s.discriminator, 0);
}

/* Its earlier life had our Init; the new one takes that for a packet to another.  To wait for our next
 * turn would cost up to another second. */
static void a_peer_that_begins_anew_is_answered_at_once(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_INIT, 1000);
	struct bfd_packet p = say(&s, BFD_DOWN);

	assert_true(bfd_session_input(&s, &p, 2000)); /* the same life */
	assert_int_equal(flush(&s, 2000), 0);
	p = say(&s, BFD_DOWN);
	p.my_discriminator = 10;
	p.your_discriminator = 0;
	assert_true(bfd_session_input(&s, &p, 3000));
	assert_true(bfd_session_output(&s, &p, 3000));
	assert_int_equal(p.state, BFD_INIT);
	assert_int_equal(p.your_discriminator, 10);
	assert_int_equal(flush(&s, 3000), 0);
}

/* Without it, each would discard what the other sends until the detection time of slow packets. */
static void two_that_know_an_earlier_life_of_the_other_begin_again(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_INIT, 1000);
	struct bfd_packet p = say(&s, BFD_UP);
	uint32_t before = s.discriminator;

	p.your_discriminator = before + 1;
	bfd_session_stray(&s, &p); /* of the life that we know: it will hear us */
	assert_int_equal(s.state, BFD_INIT);
	assert_int_equal(flush(&s, 2000), 0);
	p.my_discriminator = 10;
	p.sequence = s.remote_sequence;
	bfd_session_stray(&s, &p); /* a replay */
	assert_int_equal(s.state, BFD_INIT);
	p.sequence++;
	bfd_session_stray(&s, &p);
	assert_int_equal(s.state, BFD_DOWN);
	assert_true(bfd_session_output(&s, &p, 2000));
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.your_discriminator, 0);
	assert_int_not_equal(p.my_discriminator, before);
	p = say(&s, BFD_UP);
	p.my_discriminator = 11;
	bfd_session_stray(&s, &p); /* is not answered each time */
	assert_int_equal(flush(&s, 3000), 0);

	s = in_state(BFD_UP, 1000);
	p = say(&s, BFD_DOWN);
	p.my_discriminator = 10;
	bfd_session_stray(&s, &p);
	assert_int_equal(s.state, BFD_UP);
}

static void a_peer_that_wants_no_packets_gets_none_but_answers(void **state)
{
	(void)state;
	for (int demand = 0; demand < 2; demand++) {
		struct bfd_session s = in_state(BFD_UP, 1000);
		struct bfd_packet p = say(&s, BFD_UP);

		p.demand = demand;
		p.required_min_rx_us = demand ? FAST : 0;
		assert_true(bfd_session_input(&s, &p, 2000));
		assert_int_equal(bfd_session_deadline(&s), 2000 + 300 * MS);
		bfd_session_tick(&s, 200 * MS);
		assert_false(bfd_session_output(&s, &p, 200 * MS));
		p = say(&s, BFD_UP);
		p.poll = true;
		assert_true(bfd_session_input(&s, &p, 200 * MS));
		assert_true(bfd_session_output(&s, &p, 200 * MS) && p.final);
	}
}

static void a_peer_that_lies_about_its_intervals_is_bounded(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p = say(&s, BFD_UP);

	p.desired_min_tx_us = p.required_min_rx_us = 4000000000;
	p.multiplier = 255;
	assert_true(bfd_session_input(&s, &p, 2000));
	assert_int_equal(bfd_session_detection_us(&s), BFD_DETECTION_MAX_US);
	bfd_session_tick(&s, 2000 + BFD_DETECTION_MAX_US);
	assert_int_equal(s.diag, BFD_DIAG_EXPIRED);
	/* zero and one are no licence to flood */
	s = in_state(BFD_UP, 1000);
	p = say(&s, BFD_UP);
	p.desired_min_tx_us = 0;
	p.required_min_rx_us = 1;
	assert_true(bfd_session_input(&s, &p, 2000));
	assert_int_equal(bfd_session_detection_us(&s), 300 * MS);
	bfd_session_tick(&s, s.next_us);
	flush(&s, 100 * MS);
	assert_in_range(s.next_us - 100 * MS, 75 * MS, 100 * MS);
}

static void restart_begins_again(void **state)
{
	(void)state;
	struct bfd_session s = in_state(BFD_UP, 1000);
	struct bfd_packet p;

	bfd_session_restart(&s, BFD_DIAG_FORWARDING, 9000 * MS);
	assert_true(bfd_session_output(&s, &p, 9000 * MS));
	assert_int_equal(p.state, BFD_DOWN);
	assert_int_equal(p.diag, BFD_DIAG_FORWARDING);
	assert_int_equal(p.your_discriminator, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_systems_are_up_after_three_packets_each_at_most),
		cmocka_unit_test(the_state_machine_is_that_of_6_8_6),
		cmocka_unit_test(admin_down_is_said_three_times_and_then_nothing),
		cmocka_unit_test(a_replay_is_refused),
		cmocka_unit_test(numbers_are_forgotten_after_twice_the_detection_time),
		cmocka_unit_test(each_life_has_a_discriminator_of_its_own),
		cmocka_unit_test(a_peer_that_begins_anew_is_answered_at_once),
		cmocka_unit_test(two_that_know_an_earlier_life_of_the_other_begin_again),
		cmocka_unit_test(a_peer_that_wants_no_packets_gets_none_but_answers),
		cmocka_unit_test(a_peer_that_lies_about_its_intervals_is_bounded),
		cmocka_unit_test(restart_begins_again),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
