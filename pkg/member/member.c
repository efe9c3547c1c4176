/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/member/member.h"

#include <string.h>
#include <uthash.h>

/* Another node, or our own. */
struct peer {
	char *name;
	struct addr ips[2]; /* the first IPv4 and the first IPv6 InternalIP, or ADDR_NONE */
	struct addr at;     /* where its session is, or ADDR_NONE: it has none */
	struct bfd_session session;
	bool was_up;
	bool alive;
	bool changed; /* to be told */
	bool told;    /* since it is known */
	bool gone;
	enum member_reason reason;
	enum bfd_diag diag;
	uint64_t silence_us;
	uint64_t since_us;
	UT_hash_handle by_name;
	UT_hash_handle by_address;
};

struct members {
	struct peer *by_name;
	struct peer *by_address; /* those that have a session */
	struct peer *self;
	size_t changed;
	struct bfd_key key;
	bool authenticated;
	bool open;
	bool joining; /* and not yet alive */
	bool stopped;
	uint32_t fixed_interval_us;
	uint32_t interval_us;
	uint32_t sequence;
	uint8_t multiplier;
	uint64_t seed;
	uint64_t join_until_us;
	uint64_t woke_us; /* when we were last called */
};

uint32_t member_interval_us(size_t nodes)
{
	uint64_t ms =
	    nodes < 2 ? 0
		      : ((uint64_t)(nodes - 1) * 1000 + MEMBER_PACKETS_MAX - 1) / MEMBER_PACKETS_MAX;

	return (uint32_t)(ms < MEMBER_INTERVAL_MS ? MEMBER_INTERVAL_MS : ms) * 1000;
}

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

static void touch(struct members *m, struct peer *p)
{
	m->changed += !p->changed;
	p->changed = true;
}

static void set(
    struct members *m, struct peer *p, bool alive, enum member_reason reason, uint64_t now_us)
{
	if (p->told && p->alive == alive && p->reason == reason)
		return;
	if (!p->told || p->alive != alive)
		p->since_us = now_us;
	p->told = true;
	p->alive = alive;
	p->reason = reason;
	touch(m, p);
}

/* Up at both ends: a peer that is still at Init may not hear us, and would be so for the detection
 * time of its slow packets. */
static bool is_up(const struct peer *p)
{
	return p->session.state == BFD_UP && p->session.remote_state == BFD_UP;
}

/* What its session says of it. */
static void judge(struct members *m, struct peer *p, uint64_t now_us)
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
		set(m, p, false, MEMBER_NO_ADDRESS, now_us);
	} else if (is_up(p)) {
		p->was_up = true;
		set(m, p, true, MEMBER_UP, now_us);
	} else if (!p->was_up) {
		set(m, p, false, MEMBER_NEVER_UP, now_us);
	} else if (s->diag == BFD_DIAG_EXPIRED || s->diag == BFD_DIAG_FORWARDING) {
		p->silence_us = s->diag == BFD_DIAG_EXPIRED ? s->silence_us : now_us - s->heard_us;
		set(m, p, false, MEMBER_EXPIRED, now_us);
	} else if (s->remote_state == BFD_ADMIN_DOWN) {
		p->diag = s->remote_diag;
		set(m, p, false, MEMBER_ADMIN_DOWN, now_us);
	} else {
		p->diag = s->remote_diag;
		set(m, p, false,
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
	judge(m, p, now_us);
	if (m->self)
		set(m, m->self, true, MEMBER_SELF, now_us);
}

static void join(struct members *m, uint64_t now_us)
{
	m->joining = true;
	m->join_until_us = now_us + (uint64_t)m->multiplier * m->interval_us;
}

/* We have not run for so long that our peers have given us up, and what we know is old. */
static void wake(struct members *m, uint64_t now_us)
{
	uint64_t slept = now_us - m->woke_us;
	struct peer *p, *next;

	m->woke_us = now_us;
	if (!m->open || m->stopped || slept <= (uint64_t)m->multiplier * m->interval_us)
		return;
	join(m, now_us);
	if (m->self) {
		m->self->silence_us = slept;
		set(m, m->self, false, MEMBER_STALLED, now_us);
	}
	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->at.family && p->session.state != BFD_DOWN)
			bfd_session_restart(&p->session, BFD_DIAG_FORWARDING, now_us);
	}
}

static void open_session(struct members *m, struct peer *p, const struct addr *at, uint64_t now_us)
{
	struct bfd_options o = {
		.interval_us = m->interval_us,
		.multiplier = m->multiplier,
		.authenticated = m->authenticated,
		.sequence = m->sequence + (uint32_t)(now_us * MEMBER_SEQUENCE_HZ / 1000000),
		.seed = m->seed += UINT64_C(0xd1342543de82ef95),
	};

	p->at = *at;
	p->was_up = false;
	bfd_session_init(&p->session, &o, now_us);
	HASH_ADD(by_address, m->by_address, at, sizeof(p->at), p);
}

static void close_session(struct members *m, struct peer *p)
{
	if (p->at.family)
		HASH_DELETE(by_address, m->by_address, p);
	p->at = (struct addr){ 0 };
}

/* IPv4 where both have it, so that both ends choose the same; none while we have no address, or
 * when another node has the same. */
static struct addr choose(struct members *m, const struct peer *p)
{
	struct addr none = { 0 };
	struct peer *other = NULL;

	for (int i = 0; i < 2 && m->open && m->self && p != m->self; i++) {
		if (!p->ips[i].family || !m->self->ips[i].family ||
		    addr_equal(&p->ips[i], &m->self->ips[i]))
			continue;
		HASH_FIND(by_address, m->by_address, &p->ips[i], sizeof(p->ips[i]), other);
		if (other && other->gone)
			close_session(m, other); /* whoever is there now doesn't want its goodbye */
		else if (other && other != p)
			return none;
		return p->ips[i];
	}
	return none;
}

static bool is_chosen(struct members *m, const struct peer *p)
{
	struct addr at = choose(m, p);

	return addr_equal(&at, &p->at);
}

static void set_interval(struct members *m)
{
	struct peer *p, *next;
	size_t nodes = 0;

	HASH_ITER(by_name, m->by_name, p, next)
	nodes += !p->gone && (p->ips[0].family || p->ips[1].family);
	m->interval_us = m->fixed_interval_us ? m->fixed_interval_us : member_interval_us(nodes);
	HASH_ITER(by_address, m->by_address, p, next)
	bfd_session_set_interval(&p->session, m->interval_us);
}

static void drop(struct members *m, struct peer *p)
{
	close_session(m, p);
	m->changed -= p->changed;
	HASH_DELETE(by_name, m->by_name, p);
	free(p->name);
	free(p);
}

/* A Node that is no more is forgotten once that was told and its goodbye was sent. */
static void sweep(struct members *m)
{
	struct peer *p, *next;

	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->gone && !p->changed && (!p->at.family || !p->session.copies))
			drop(m, p);
	}
}

/* After any change of what is known of the Nodes. */
static void refresh(struct members *m, uint64_t now_us)
{
	struct peer *p, *next;

	sweep(m);
	set_interval(m);
	if (m->stopped)
		return;
	/* What another node has now is given up first. */
	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (!p->gone && p->at.family && !is_chosen(m, p))
			close_session(m, p);
	}
	HASH_ITER(by_name, m->by_name, p, next)
	{
		struct addr at;

		if (p->gone)
			continue;
		at = choose(m, p);
		if (!addr_equal(&at, &p->at)) {
			close_session(m, p);
			if (at.family)
				open_session(m, p, &at, now_us);
		}
		judge(m, p, now_us);
	}
}

struct members *member_new(const struct member_options *o, uint64_t now_us, struct err *e)
{
	struct members *m = calloc(1, sizeof(*m));
	struct peer *self = calloc(1, sizeof(*self));

	if (!m || !self || !(self->name = strdup(o->node))) {
		free(self);
		free(m);
		err_memory(e);
		return NULL;
	}
	*m = (struct members){
		.self = self,
		.authenticated = o->key,
		.fixed_interval_us = o->interval_us,
		.sequence = o->sequence,
		.multiplier = o->multiplier,
		.seed = o->seed,
	};
	if (o->key)
		m->key = *o->key;
	HASH_ADD_KEYPTR(by_name, m->by_name, self->name, strlen(self->name), self);
	set_interval(m);
	set(m, self, false, MEMBER_JOINING, now_us);
	return m;
}

void member_free(struct members *m)
{
	struct peer *p, *next;

	if (!m)
		return;
	HASH_ITER(by_name, m->by_name, p, next)
	drop(m, p);
	free(m);
}

static struct peer *find(const struct members *m, const char *name)
{
	struct peer *p;

	HASH_FIND(by_name, m->by_name, name, strlen(name), p);
	return p;
}

static struct peer *get(struct members *m, const char *name)
{
	struct peer *p = find(m, name);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || !(p->name = strdup(name))) {
		free(p);
		return NULL;
	}
	HASH_ADD_KEYPTR(by_name, m->by_name, p->name, strlen(p->name), p);
	return p;
}

int member_node(struct members *m, const char *name, const struct addr *ips, size_t n, uint64_t now_us,
    struct err *e)
{
	struct peer *p = get(m, name);
	struct addr first[2] = { 0 };

	if (!p)
		return err_memory(e);
	for (size_t i = n; i-- > 0;)
		first[ips[i].family == ADDR_IPV6] = ips[i];
	if (!p->gone && p->told && addr_equal(&first[0], &p->ips[0]) &&
	    addr_equal(&first[1], &p->ips[1]))
		return 0;
	if (p->gone)
		close_session(m, p); /* it has said goodbye for good */
	p->gone = false;
	p->ips[0] = first[0];
	p->ips[1] = first[1];
	refresh(m, now_us);
	return 0;
}

/* Its peer struct stays until its goodbye was sent. */
void member_node_gone(struct members *m, const char *name, uint64_t now_us)
{
	struct peer *p = find(m, name);

	if (!p || p->gone)
		return;
	p->ips[0] = p->ips[1] = (struct addr){ 0 };
	if (p != m->self) {
		p->gone = true;
		p->told = false;
		touch(m, p);
		if (p->at.family)
			bfd_session_stop(&p->session, BFD_DIAG_ADMIN_DOWN);
	}
	refresh(m, now_us);
}

struct addr member_local(const struct members *m, uint8_t family)
{
	return m->self->ips[family == ADDR_IPV6];
}

void member_open(struct members *m, uint64_t now_us)
{
	if (m->open || m->stopped)
		return;
	m->open = true;
	m->woke_us = now_us;
	join(m, now_us);
	refresh(m, now_us);
	finish_joining(m, now_us);
}

bool member_is_open(const struct members *m)
{
	return m->open;
}

void member_stop(struct members *m, enum bfd_diag diag)
{
	struct peer *p, *next;

	m->stopped = true;
	HASH_ITER(by_address, m->by_address, p, next)
	bfd_session_stop(&p->session, diag);
}

/* To an earlier life of the session.  While neither end is up, both may know the other's earlier
 * life only, and must be heard to find out. */
static bool is_stale(const struct bfd_session *s, const struct bfd_packet *p)
{
	return p->your_discriminator && p->your_discriminator != s->discriminator &&
	       (s->state == BFD_UP || p->state > BFD_DOWN);
}

bool member_input(struct members *m, const struct bfd_datagram *d, uint64_t now_us, struct err *e)
{
	struct bfd_packet packet;
	char text[ADDR_TEXT_LEN];
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
		err_set(e, ERR_NONE, "%s (%s): it speaks to an earlier session", p->name,
		    addr_format(&d->peer, text));
		return false;
	}
	if (!bfd_session_input(&p->session, &packet, now_us)) {
		err_set(e, ERR_PROTOCOL, "%s (%s): sequence number %u, want one after %u", p->name,
		    addr_format(&d->peer, text), packet.sequence, p->session.remote_sequence);
		return false;
	}
	judge(m, p, now_us);
	finish_joining(m, now_us);
	return true;
}

void member_tick(struct members *m, uint64_t now_us)
{
	struct peer *p, *next;

	wake(m, now_us);
	sweep(m);
	HASH_ITER(by_address, m->by_address, p, next)
	{
		bfd_session_tick(&p->session, now_us);
		judge(m, p, now_us);
	}
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
	*ev = (struct member_event){ .name = p->name, .gone = p->gone };
	if (p->gone)
		return;
	ev->alive = p->alive;
	ev->reason = p->reason;
	ev->address = p->at;
	ev->diag = p->diag;
	ev->silence_us = p->silence_us;
	ev->since_us = p->since_us;
}

bool member_next(struct members *m, struct member_event *ev)
{
	struct peer *p, *next, *first = NULL;

	if (!m->changed)
		return false;
	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->changed && p != m->self) {
			first = p;
			break;
		}
	}
	if (!first)
		first = m->self;
	fill(ev, first);
	first->changed = false;
	m->changed--;
	return true;
}
