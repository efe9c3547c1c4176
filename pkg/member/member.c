/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/member/engine.h"

const char *member_reason_text(enum member_reason reason)
{
	static const char *const texts[] = {
		[MEMBER_UP] = "session up",
		[MEMBER_SELF] = "this node",
		[MEMBER_JOINING] = "joining",
		[MEMBER_STALLED] = "local stall",
		[MEMBER_NO_ADDRESS] = "no address",
		[MEMBER_NEVER_UP] = "never up",
		[MEMBER_EXPIRED] = "detection time expired",
		[MEMBER_ADMIN_DOWN] = "AdminDown",
		[MEMBER_PATH_DOWN] = "path down",
		[MEMBER_RESTARTED] = "restarted",
	};

	return texts[reason];
}

void peer_touch(struct members *m, struct peer *p)
{
	m->changed += !p->changed;
	p->changed = true;
}

void peer_set(struct members *m, struct peer *p, bool alive, enum member_reason reason, uint64_t now_us)
{
	if (p->told && p->alive == alive && p->reason == reason)
		return;
	if (!p->told || p->alive != alive)
		p->since_us = now_us;
	p->told = true;
	p->alive = alive;
	p->reason = reason;
	peer_touch(m, p);
}

/* Up at both ends: a peer that is still at Init may not hear us, and would be so for the detection
 * time of its slow packets. */
static bool is_up(const struct peer *p)
{
	return p->session.state == BFD_UP && p->session.remote_state == BFD_UP;
}

/* What its session says of it. */
void peer_judge(struct members *m, struct peer *p, uint64_t now_us)
{
	const struct bfd_session *s = &p->session;

	if (p == m->self || p->gone || !m->open || m->stopped)
		return;
	if (m->joining && p->at.family && !is_up(p))
		return; /* it may come yet */
	if (p->at.family && p->was_up && !p->alive && !is_up(p))
		return; /* why it went is known, and perhaps still to be told */
	p->diag = s->diag;
	p->silence_us = 0;
	if (!p->at.family) {
		peer_set(m, p, false, MEMBER_NO_ADDRESS, now_us);
	} else if (is_up(p)) {
		p->was_up = true;
		peer_set(m, p, true, MEMBER_UP, now_us);
	} else if (!p->was_up) {
		peer_set(m, p, false, MEMBER_NEVER_UP, now_us);
	} else if (s->diag == BFD_DIAG_EXPIRED || s->diag == BFD_DIAG_FORWARDING) {
		p->silence_us = s->diag == BFD_DIAG_EXPIRED ? s->silence_us : now_us - s->heard_us;
		peer_set(m, p, false, MEMBER_EXPIRED, now_us);
	} else if (s->remote_state == BFD_ADMIN_DOWN) {
		p->diag = s->remote_diag;
		peer_set(m, p, false, MEMBER_ADMIN_DOWN, now_us);
	} else {
		p->diag = s->remote_diag;
		peer_set(m, p, false,
		    s->remote_diag == BFD_DIAG_EXPIRED ? MEMBER_PATH_DOWN : MEMBER_RESTARTED, now_us);
	}
}

/* Alive as soon as all peers know us, or those that don't have had their time. */
static void finish_joining(struct members *m, uint64_t now_us)
{
	struct peer *p, *next;
	bool waiting = false;

	if (!m->joining || m->stopped)
		return;
	HASH_ITER(by_name, m->by_name, p, next)
	waiting |= p->at.family && !is_up(p) && !p->gone;
	if (waiting && now_us < m->join_until_us)
		return;
	m->joining = false;
	HASH_ITER(by_name, m->by_name, p, next)
	peer_judge(m, p, now_us);
	if (m->self)
		peer_set(m, m->self, true, MEMBER_SELF, now_us);
}

static void join(struct members *m, uint64_t now_us)
{
	m->joining = true;
	m->join_until_us = now_us + (uint64_t)m->multiplier * m->interval_us;
}

/* How long our peers wait for us, if their interval is not longer than ours. */
static uint64_t detection_us(const struct members *m)
{
	uint64_t us = (uint64_t)m->multiplier * m->interval_us;

	return us < BFD_DETECTION_MAX_US ? us : BFD_DETECTION_MAX_US;
}

/* We have not run for so long that our peers have given us up, and what we know is old. */
static void wake(struct members *m, uint64_t now_us)
{
	uint64_t slept = now_us - m->woke_us;
	struct peer *p, *next;

	m->woke_us = now_us;
	if (!m->open || m->stopped || slept <= detection_us(m))
		return;
	join(m, now_us);
	m->ticked_us = now_us;
	if (m->self) {
		m->self->silence_us = slept;
		peer_set(m, m->self, false, MEMBER_STALLED, now_us);
	}
	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->at.family && p->session.state != BFD_DOWN)
			bfd_session_restart(&p->session, BFD_DIAG_FORWARDING, now_us);
	}
}

void member_open(struct members *m, uint64_t now_us)
{
	if (m->open && !m->stopped)
		return;
	if (m->stopped)
		peers_close(m);
	m->open = true;
	m->stopped = false;
	m->woke_us = m->ticked_us = now_us;
	join(m, now_us);
	peers_refresh(m, now_us);
	finish_joining(m, now_us);
}

void member_stop(struct members *m, enum bfd_diag diag)
{
	struct peer *p, *next;

	m->stopped = true;
	HASH_ITER(by_address, m->by_address, p, next)
	bfd_session_stop(&p->session, diag);
}

void member_stall(struct members *m, uint64_t silence_us, uint64_t now_us)
{
	if (!m->open || m->stopped)
		return;
	member_stop(m, BFD_DIAG_CONCATENATED);
	m->self->silence_us = silence_us;
	peer_set(m, m->self, false, MEMBER_STALLED, now_us);
}

uint64_t member_alive_until_us(const struct members *m)
{
	uint64_t held;

	if (!m->open || m->stopped || !m->self->alive)
		return 0;
	held = detection_us(m);
	return m->woke_us + (held > MEMBER_HELD_MIN_US ? held : MEMBER_HELD_MIN_US);
}

void member_rouse(struct members *m)
{
	struct peer *p, *next;

	HASH_ITER(by_address, m->by_address, p, next)
	bfd_session_rouse(&p->session);
}

/* To an earlier life of the session.  While neither end is up, both may know the other's earlier
 * life only, and must be heard to find out. */
static bool is_stale(const struct bfd_session *s, const struct bfd_packet *p)
{
	return p->your_discriminator && p->your_discriminator != s->discriminator &&
	       (s->state == BFD_UP || p->state > BFD_DOWN);
}

static uint64_t arrival_us(const struct members *m, const struct bfd_datagram *d, uint64_t now_us)
{
	uint64_t age_us = d->age_ns / 1000, at = age_us < now_us ? now_us - age_us : 0;

	return at > m->ticked_us ? at : m->ticked_us;
}

/* One that was down is heard: perhaps because the network has come together, and who else is not
 * heard can be.  The others, hearing us, do the same, so that all find each other at once. */
static void spread_word(struct members *m, uint64_t now_us)
{
	if (now_us - m->roused_us < m->interval_us)
		return;
	m->roused_us = now_us;
	member_rouse(m);
}

bool member_input(struct members *m, const struct bfd_datagram *d, uint64_t now_us, struct err *e)
{
	struct bfd_packet packet;
	char text[ADDR_TEXT_LEN];
	enum bfd_state before;
	struct peer *p;

	wake(m, now_us);
	HASH_FIND(by_address, m->by_address, &d->peer, sizeof(d->peer), p);
	if (!p || p->gone) {
		err_set(
		    e, ERR_PROTOCOL, "%s: it is no InternalIP of a Node", addr_format(&d->peer, text));
		return false;
	}
	if (bfd_decode(&packet, d->bytes, d->len, m->authenticated ? &m->key : NULL, e) < 0) {
		err_wrap(e, "%s (%s)", p->name, addr_format(&d->peer, text));
		return false;
	}
	if (is_stale(&p->session, &packet)) {
		bfd_session_stray(&p->session, &packet);
		err_set(e, ERR_NONE, "%s (%s): it speaks to an earlier session", p->name,
		    addr_format(&d->peer, text));
		return false;
	}
	before = p->session.state;
	if (!bfd_session_input(&p->session, &packet, arrival_us(m, d, now_us))) {
		err_set(e, ERR_PROTOCOL, "%s (%s): sequence number %u, want one after %u", p->name,
		    addr_format(&d->peer, text), packet.sequence, p->session.remote_sequence);
		return false;
	}
	if (before == BFD_DOWN && p->session.state != BFD_DOWN)
		spread_word(m, now_us);
	peer_judge(m, p, now_us);
	finish_joining(m, now_us);
	return true;
}

void member_tick(struct members *m, uint64_t now_us)
{
	struct peer *p, *next;
	bool sending = false;

	wake(m, now_us);
	m->ticked_us = now_us;
	peers_sweep(m);
	HASH_ITER(by_address, m->by_address, p, next)
	{
		bfd_session_tick(&p->session, now_us);
		sending |= p->session.send_due;
		peer_judge(m, p, now_us);
	}
	if (sending)
		HASH_ITER(by_address, m->by_address, p, next)
	bfd_session_ride(&p->session, now_us);
	finish_joining(m, now_us);
}

uint64_t member_deadline(const struct members *m)
{
	uint64_t at = UINT64_MAX;
	struct peer *p, *next;

	if (!m->open || m->stopped)
		return at;
	at = m->woke_us + m->interval_us / 2;
	if (m->joining && m->join_until_us < at)
		at = m->join_until_us;
	HASH_ITER(by_address, m->by_address, p, next)
	{
		uint64_t its = bfd_session_deadline(&p->session);

		at = its < at ? its : at;
	}
	return at;
}

bool member_output(struct members *m, struct bfd_datagram *d, uint64_t now_us)
{
	struct bfd_packet packet;
	struct peer *p, *next;

	HASH_ITER(by_address, m->by_address, p, next)
	{
		if (bfd_session_output(&p->session, &packet, now_us)) {
			d->peer = p->at;
			d->len =
			    (uint16_t)bfd_encode(&packet, m->authenticated ? &m->key : NULL, d->bytes);
			return true;
		}
	}
	return false;
}

static void fill(struct member_event *ev, const struct peer *p)
{
	*ev = (struct member_event){ .name = p->name, .first = !p->shown, .gone = p->gone };
	if (p->gone)
		return;
	ev->alive = p->alive;
	ev->reason = p->reason;
	ev->address = p->at;
	ev->diag = p->diag;
	ev->silence_us = p->silence_us;
	ev->since_us = p->since_us;
}

static struct peer *next_changed(struct members *m)
{
	struct peer *p, *next;

	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->changed && p != m->self)
			return p;
	}
	return m->self;
}

bool member_next(struct members *m, struct member_event *ev)
{
	while (m->changed) {
		struct peer *p = next_changed(m);
		bool is_news = p->shown || !p->gone;

		fill(ev, p);
		p->changed = false;
		p->shown = !p->gone;
		m->changed--;
		if (is_news)
			return true;
	}
	return false;
}
