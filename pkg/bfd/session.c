/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine and the timers of RFC 5880, section 6.8. */
#include "pkg/bfd/bfd.h"

enum { STOP_COPIES = 3 };

/* A new one for each life of the session, so that what was recorded of an earlier life is
 * addressed to nobody. */
static void renew_discriminator(struct bfd_session *s)
{
	do
		s->discriminator = (uint32_t)(splitmix64(&s->random) >> 32);
	while (!s->discriminator);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What we want to send (6.8.3): no less than a second apart until the session is up. */
static uint32_t wanted_tx_us(const struct bfd_session *s)
{
	return s->state == BFD_UP ? s->interval_us : larger(s->interval_us, BFD_SLOW_US);
}

/* Before jitter; 0: none are to be sent (6.8.7). */
static uint32_t transmit_us(const struct bfd_session *s)
{
	if (!s->remote_rx_us || s->state == BFD_ADMIN_DOWN)
		return 0;
	if (s->remote_demand && s->state == BFD_UP && s->remote_state == BFD_UP && !s->polling)
		return 0;
	return larger(s->tx_us, s->remote_rx_us);
}

/* 75 to 100%, or 75 to 90% when a single loss is an end.  The share is random, but one of the moment:
 * sessions of one system that have sent together will do so again. */
static void set_next(struct bfd_session *s, uint64_t now_us)
{
	uint64_t interval = transmit_us(s), span = s->multiplier == 1 ? 15 : 25;
	uint64_t moment = s->jitter + now_us * UINT64_C(0x9e3779b97f4a7c15);

	s->earliest_us = now_us + interval * 3 / 4;
	s->next_us = interval
			 ? now_us + interval * 3 / 4 + splitmix64(&moment) % (interval * span / 100 + 1)
			 : UINT64_MAX;
}

/* An interval that has become shorter doesn't wait for the longer one to end. */
static void hasten(struct bfd_session *s, uint64_t now_us)
{
	uint32_t interval = transmit_us(s);

	if (!interval)
		s->next_us = UINT64_MAX;
	else if (s->next_us == UINT64_MAX || s->next_us > now_us + interval)
		set_next(s, now_us);
}

/* What becomes of a changed interval at once, and what after a Poll Sequence (6.8.3). */
static void apply_interval(struct bfd_session *s)
{
	uint32_t tx = wanted_tx_us(s);

	if (s->state != BFD_UP) {
		s->tx_us = tx;
		s->rx_us = s->interval_us;
		s->polling = false;
		return;
	}
	if (tx != s->tx_us || s->interval_us != s->rx_us)
		s->polling = true;
	if (tx < s->tx_us)
		s->tx_us = tx;
	if (s->interval_us > s->rx_us)
		s->rx_us = s->interval_us;
}

static void end_poll(struct bfd_session *s)
{
	s->polling = false;
	s->tx_us = wanted_tx_us(s);
	s->rx_us = s->interval_us;
}

static void become(struct bfd_session *s, enum bfd_state state, enum bfd_diag diag)
{
	if (s->state >= BFD_INIT && state <= BFD_DOWN)
		s->diag = diag;
	if (state == BFD_UP)
		s->diag = BFD_DIAG_NONE;
	if (state == BFD_DOWN)
		renew_discriminator(s);
	s->state = state;
	s->send_due = true;
	apply_interval(s);
}

void bfd_session_init(struct bfd_session *s, const struct bfd_options *o, uint64_t now_us)
{
	*s = (struct bfd_session){
		.state = BFD_DOWN,
		.remote_state = BFD_DOWN,
		.interval_us = o->interval_us,
		.remote_rx_us = 1,
		.multiplier = o->multiplier,
		.authenticated = o->authenticated,
		.sequence = o->sequence,
		.random = o->seed,
		.jitter = o->jitter,
	};
	become(s, BFD_DOWN, BFD_DIAG_NONE);
	set_next(s, now_us);
}

/* How far apart the peer's packets are, at most. */
static uint64_t receive_us(const struct bfd_session *s)
{
	return larger(s->rx_us, s->remote_tx_us);
}

uint64_t bfd_session_detection_us(const struct bfd_session *s)
{
	uint64_t all = receive_us(s) * s->remote_multiplier;

	return all < BFD_DETECTION_MAX_US ? all : BFD_DETECTION_MAX_US;
}

static bool is_fresh(const struct bfd_session *s, const struct bfd_packet *p)
{
	uint32_t ahead = p->sequence - s->remote_sequence;
	bool starts = s->state != BFD_UP || s->remote_state != BFD_UP || !p->your_discriminator;
	uint32_t most = starts ? (uint32_t)INT32_MAX : 3U * s->multiplier + s->polls;

	if (!s->authenticated || !s->sequence_known)
		return true;
	return ahead != 0 && ahead <= most;
}

static void follow(struct bfd_session *s, enum bfd_state theirs)
{
	if (theirs == BFD_ADMIN_DOWN) {
		if (s->state != BFD_DOWN)
			become(s, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN);
	} else if (s->state == BFD_DOWN) {
		if (theirs == BFD_DOWN)
			become(s, BFD_INIT, BFD_DIAG_NONE);
		else if (theirs == BFD_INIT)
			become(s, BFD_UP, BFD_DIAG_NONE);
	} else if (s->state == BFD_INIT) {
		if (theirs >= BFD_INIT)
			become(s, BFD_UP, BFD_DIAG_NONE);
	} else if (theirs == BFD_DOWN) {
		become(s, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN);
	}
}

bool bfd_session_input(struct bfd_session *s, const struct bfd_packet *p, uint64_t now_us)
{
	bool anew = p->my_discriminator != s->remote_discriminator;

	if (!is_fresh(s, p))
		return false;
	s->sequence_known = s->authenticated;
	s->remote_sequence = p->sequence;
	s->heard_us = now_us;
	s->again_us = s->polls = 0;
	s->remote_discriminator = p->my_discriminator;
	s->remote_state = p->state;
	s->remote_diag = p->diag;
	s->remote_demand = p->demand;
	s->remote_multiplier = p->multiplier;
	s->remote_tx_us = p->desired_min_tx_us;
	s->remote_rx_us = p->required_min_rx_us;
	if (p->final && s->polling)
		end_poll(s);
	if (s->state == BFD_ADMIN_DOWN)
		return true;
	follow(s, p->state);
	/* It can't know that we are at Init: what we sent was for its earlier life (6.8.7). */
	if (anew && s->state == BFD_INIT)
		s->send_due = true;
	if (p->poll)
		s->final_due = true;
	hasten(s, now_us);
	return true;
}

void bfd_session_stray(struct bfd_session *s, const struct bfd_packet *p)
{
	if (s->state != BFD_DOWN && s->state != BFD_INIT)
		return;
	if (!s->remote_discriminator || p->my_discriminator == s->remote_discriminator ||
	    !is_fresh(s, p))
		return;
	become(s, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN);
	s->remote_discriminator = 0;
}

/* No packet for the detection time: the peer is unknown again; for twice that, its numbers are. */
static void expire(struct bfd_session *s, uint64_t now_us)
{
	uint64_t detection = bfd_session_detection_us(s);

	if (!s->heard_us || !detection)
		return;
	if (now_us - s->heard_us >= 2 * detection)
		s->sequence_known = false;
	if (now_us - s->heard_us < detection || !s->remote_discriminator)
		return;
	s->silence_us = now_us - s->heard_us;
	s->remote_discriminator = 0;
	s->remote_demand = false;
	s->remote_rx_us = 1;
	s->remote_state = BFD_DOWN;
	if (s->state >= BFD_INIT)
		become(s, BFD_DOWN, BFD_DIAG_EXPIRED);
}

/* One packet of the peer's must have been lost: a poll makes it answer at once, so that a few lost
 * packets are no end. */
static bool is_overdue(const struct bfd_session *s, uint64_t now_us)
{
	return s->state == BFD_UP && s->next_us != UINT64_MAX &&
	       now_us - s->heard_us > receive_us(s) * 5 / 4;
}

void bfd_session_tick(struct bfd_session *s, uint64_t now_us)
{
	if (s->state == BFD_ADMIN_DOWN)
		return;
	expire(s, now_us);
	hasten(s, now_us);
	if (now_us >= s->next_us || (is_overdue(s, now_us) && now_us >= s->again_us))
		s->send_due = true;
}

void bfd_session_ride(struct bfd_session *s, uint64_t now_us)
{
	if (s->next_us != UINT64_MAX && now_us >= s->earliest_us)
		s->send_due = true;
}

void bfd_session_rouse(struct bfd_session *s)
{
	if (s->state == BFD_DOWN)
		s->send_due = true;
}

uint64_t bfd_session_deadline(const struct bfd_session *s)
{
	uint64_t at = s->next_us, detection = bfd_session_detection_us(s);

	if (s->state == BFD_ADMIN_DOWN)
		return UINT64_MAX;
	if (s->state == BFD_UP && s->again_us && s->again_us < at)
		at = s->again_us;
	if (s->heard_us && detection && s->remote_discriminator) {
		if (s->heard_us + detection < at)
			at = s->heard_us + detection;
	} else if (s->sequence_known && s->heard_us + 2 * detection < at) {
		at = s->heard_us + 2 * detection;
	}
	return at;
}

/* A poll of the peer is answered whatever the intervals, and a state is told at once. */
bool bfd_session_output(struct bfd_session *s, struct bfd_packet *p, uint64_t now_us)
{
	bool final = s->final_due;

	if (!final && !s->send_due && !s->copies)
		return false;
	if (is_overdue(s, now_us)) {
		s->polling = true;
		s->again_us = now_us + receive_us(s) / BFD_OVERDUE_POLLS;
	}
	*p = (struct bfd_packet){
		.diag = s->diag,
		.state = s->state,
		.poll = s->polling && !final, /* never both (6.5) */
		.final = final,
		.multiplier = s->multiplier,
		.my_discriminator = s->discriminator,
		.your_discriminator = s->remote_discriminator,
		.desired_min_tx_us = wanted_tx_us(s),
		.required_min_rx_us = s->interval_us,
		.sequence = s->sequence++,
	};
	s->final_due = false;
	s->polls += p->poll;
	if (final)
		return true;
	if (s->copies)
		s->copies--;
	s->send_due = false;
	set_next(s, now_us);
	return true;
}

void bfd_session_set_interval(struct bfd_session *s, uint32_t interval_us)
{
	if (interval_us == s->interval_us)
		return;
	s->interval_us = interval_us;
	apply_interval(s);
}

void bfd_session_stop(struct bfd_session *s, enum bfd_diag diag)
{
	if (s->state == BFD_ADMIN_DOWN)
		return;
	become(s, BFD_ADMIN_DOWN, diag);
	s->diag = diag;
	s->send_due = s->final_due = false;
	s->copies = STOP_COPIES;
	s->next_us = UINT64_MAX;
}

void bfd_session_restart(struct bfd_session *s, enum bfd_diag diag, uint64_t now_us)
{
	if (s->state < BFD_INIT)
		return;
	become(s, BFD_DOWN, diag);
	s->remote_discriminator = 0;
	s->remote_rx_us = 1;
	hasten(s, now_us);
}
