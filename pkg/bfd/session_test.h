/* SPDX-License-Identifier: Apache-2.0 */
/* session_test: a session of a test, and its peer. */
#ifndef LB_BFD_SESSION_TEST_H
#define LB_BFD_SESSION_TEST_H

#include "pkg/bfd/bfd.h"
#include "tests/unit.h"

#include "tests/unit.h"

enum { MS = 1000, FAST = 100 * MS };

static const struct bfd_options fast = {
	.interval_us = FAST, .multiplier = 3, .authenticated = true, .sequence = 1000, .seed = 7
};

static inline struct bfd_session begin(const struct bfd_options *o, uint64_t now)
{
	struct bfd_session s;

	bfd_session_init(&s, o, now);
	return s;
}

/* What a peer with discriminator 9 says, after all it has said before. */
static inline struct bfd_packet say(const struct bfd_session *s, enum bfd_state state)
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

static inline void hear(struct bfd_session *s, enum bfd_state state, uint64_t now)
{
	struct bfd_packet p = say(s, state);

	assert_true(bfd_session_input(s, &p, now));
}

/* Discards what is due. */
static inline int flush(struct bfd_session *s, uint64_t now)
{
	struct bfd_packet p;
	int n = 0;

	while (bfd_session_output(s, &p, now))
		n++;
	return n;
}

/* A session in that state, nothing due, its poll over. */
static inline struct bfd_session in_state(enum bfd_state state, uint64_t now)
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
static inline int pass(struct bfd_session *from, struct bfd_session *to, uint64_t now)
{
	struct bfd_packet p;
	int n = 0;

	for (; bfd_session_output(from, &p, now); n++)
		bfd_session_input(to, &p, now);
	return n;
}

#endif
