/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/member/engine.h"

uint32_t member_interval_us(size_t nodes)
{
	uint64_t ms =
	    nodes < 2 ? 0
		      : ((uint64_t)(nodes - 1) * 1000 + MEMBER_PACKETS_MAX - 1) / MEMBER_PACKETS_MAX;

	return (uint32_t)(ms < MEMBER_INTERVAL_MS ? MEMBER_INTERVAL_MS : ms) * 1000;
}

static void open_session(struct members *m, struct peer *p, const struct addr *at, uint64_t now_us)
{
	struct bfd_options o = {
		.interval_us = m->interval_us,
		.multiplier = m->multiplier,
		.authenticated = m->authenticated,
		.sequence = m->sequence + (uint32_t)(now_us * MEMBER_SEQUENCE_HZ / 1000000),
		.seed = m->seed += UINT64_C(0xd1342543de82ef95),
		.jitter = m->jitter,
	};

	p->at = *at;
	p->was_up = false;
	bfd_session_init(&p->session, &o, now_us);
	HASH_ADD(by_address, m->by_address, at, sizeof(p->at), p);
	if (!p->by_address.tbl)
		p->at = (struct addr){ 0 }; /* it has none, and the next change tries again */
}

static void close_session(struct members *m, struct peer *p)
{
	if (p->at.family)
		HASH_DELETE(by_address, m->by_address, p);
	p->at = (struct addr){ 0 };
}

void peers_close(struct members *m)
{
	struct peer *p, *next;

	HASH_ITER(by_address, m->by_address, p, next)
	close_session(m, p);
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
void peers_sweep(struct members *m)
{
	struct peer *p, *next;

	HASH_ITER(by_name, m->by_name, p, next)
	{
		if (p->gone && !p->changed && (!p->at.family || !p->session.copies))
			drop(m, p);
	}
}

/* After any change of what is known of the Nodes. */
void peers_refresh(struct members *m, uint64_t now_us)
{
	struct peer *p, *next;

	peers_sweep(m);
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
		peer_judge(m, p, now_us);
	}
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
	if (p->by_name.tbl)
		return p;
	free(p->name);
	free(p);
	return NULL;
}

struct members *member_new(const struct member_options *o, uint64_t now_us, struct err *e)
{
	struct members *m = calloc(1, sizeof(*m));

	if (!m) {
		err_memory(e);
		return NULL;
	}
	*m = (struct members){
		.authenticated = o->key,
		.fixed_interval_us = o->interval_us,
		.sequence = o->sequence,
		.multiplier = o->multiplier,
		.seed = o->seed,
		.jitter = ~o->seed,
	};
	if (o->key)
		m->key = *o->key;
	m->self = get(m, o->node);
	if (!m->self) {
		free(m);
		err_memory(e);
		return NULL;
	}
	set_interval(m);
	peer_set(m, m->self, false, MEMBER_JOINING, now_us);
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
	peers_refresh(m, now_us);
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
		peer_touch(m, p);
		if (p->at.family)
			bfd_session_stop(&p->session, BFD_DIAG_ADMIN_DOWN);
	}
	peers_refresh(m, now_us);
}

struct addr member_local(const struct members *m, uint8_t family)
{
	return m->self->ips[family == ADDR_IPV6];
}
