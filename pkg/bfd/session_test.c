/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/bfd/bfd.h"

#include "tests/unit.h"

enum { MS = 1000, FAST = 100 * MS };

static const struct bfd_options fast = {
	.interval_us = FAST, .multiplier = 3, .authenticated = true, .sequence = 1000, .seed = 7
};

static struct bfd_session begin(const struct bfd_options *o, uint64_t now)
{
	struct bfd_session s;

	bfd_session_init(&s, o, now);
	return s;
}

/* What a peer with discriminator 9 says, after all it has said before. */
static struct bfd_packet say(const struct bfd_session *s, enum bfd_state state)
{
	static uint32_t sequence = 5000;

	if (s->sequence_known)
		sequence = s->remote_sequence;
	sequence++;
	return (struct bfd_packet){ .state = state,
		.multiplier = 3,
		.my_discriminator = 9,
		.your_discriminator = s->discriminator,
		.desired_min_tx_us = FAST,
		.required_min_rx_us = FAST,
		.sequence = sequence };
}

static void hear(struct bfd_session *s, enum bfd_state state, uint64_t now)
{
	struct bfd_packet p = say(s, state);

	assert_true(bfd_session_input(s, &p, now));
}

/* Discards what is due. */
static int flush(struct bfd_session *s, uint64_t now)
{
	struct bfd_packet p;
	int n = 0;

	while (bfd_session_output(s, &p, now))
		n++;
	return n;
}

/* A session in that state, nothing due, its poll over. */
static struct bfd_session in_state(enum bfd_state state, uint64_t now)
{
	struct bfd_session s = begin(&fast, now);

	if (state == BFD_ADMIN_DOWN)
		bfd_session_stop(&s, BFD_DIAG_ADMIN_DOWN);
	if (state >= BFD_INIT)
		hear(&s, BFD_DOWN, now);
	if (state == BFD_UP) {
		struct bfd_packet p;

		hear(&s, BFD_INIT, now);
		p = say(&s, BFD_UP);
		p.final = true;
		assert_true(bfd_session_input(&s, &p, now));
	}
	flush(&s, now);
	assert_int_equal(s.state, state);
	return s;
}

/* Everything due from one is heard by the other; returns how many packets. */
static int pass(struct bfd_session *from, struct bfd_session *to, uint64_t now)
{
	struct bfd_packet p;
	int n = 0;

	for (; bfd_session_output(from, &p, now); n++)
		bfd_session_input(to, &p, now);
	return n;
}

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
