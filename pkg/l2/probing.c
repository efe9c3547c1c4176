/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate detection: is an address that is new to the cluster free?
 *
 * Each probing stands in the queue of its next step.  What is appended to a queue is due after all that
 * is there already, since the distance is the same for all; so the head is the earliest.  The distance
 * counts from when the question before has gone out on the last of the links, however long the pace
 * has held it up. */
#include <string.h>

#include "pkg/l2/engine.h"

enum {
	QUESTIONS = PROBE_LAST + 1,
	RETRY_MS = 60000,
};

uint32_t probing_hash(const void *probing)
{
	return table_hash(&((const struct probing *)probing)->ip, sizeof(struct in6_addr));
}

static bool has_ip(const void *probing, const void *ip)
{
	return !memcmp(&((const struct probing *)probing)->ip, ip, sizeof(struct in6_addr));
}

struct probing *probing_find(const struct l2 *l, const struct in6_addr *ip)
{
	return table_find(&l->probings, table_hash(ip, sizeof(*ip)), has_ip, ip);
}

/* Whether the question can be put on the link. */
static bool is_asked_on(const struct vip *v, const struct link *k)
{
	for (size_t i = 0; link_carries(k, &v->first.ip) && i < v->owners_n; i++)
		if (vip_owner(v, i)->state == OWNER_ACTIVE && owner_allows(vip_owner(v, i), k))
			return true;
	return false;
}

struct link *probing_next_link(const struct l2 *l, const struct vip *v, size_t *i)
{
	struct link *k;

	while ((k = table_next(&l->links, i)))
		if (is_asked_on(v, k))
			return k;
	return NULL;
}

/* Where no link fits, it stays to be probed until one does. */
static unsigned first_step(const struct l2 *l, const struct vip *v)
{
	return probing_next_link(l, v, &(size_t){ 0 }) ? PROBE_FIRST : PROBE_LINK;
}

/* Whether it was asked for on one of its links all the time. */
static bool was_asked(const struct l2 *l, const struct probing *p, const struct vip *v)
{
	const struct link *k;

	for (size_t i = 0; (k = probing_next_link(l, v, &i));)
		if (k->since <= p->began)
			return true;
	return false;
}

static void append(struct l2 *l, struct probing *p, unsigned step, uint64_t at)
{
	p->step = step;
	p->at = at;
	DL_APPEND(l->probes[step], p);
}

static void leave(struct l2 *l, struct probing *p)
{
	DL_DELETE(l->probes[p->step], p);
	if (l->asking == p)
		l->asking = NULL;
}

static void go_to(struct l2 *l, struct probing *p, unsigned step, uint64_t at)
{
	leave(l, p);
	append(l, p, step, at);
}

static void start(struct l2 *l, struct vip *v)
{
	struct probing *p;

	if (!l->probe_ms || probing_find(l, &v->first.ip))
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->ip = v->first.ip;
	if (!table_add(&l->probings, p)) {
		free(p);
		return;
	}
	append(l, p, first_step(l, v), l->now);
	l->groups_generation += ip_is_ipv6(&p->ip);
	v->blocked = true;
}

static void begin(struct l2 *l, struct probing *p, const struct vip *v)
{
	go_to(l, p, first_step(l, v), l->now);
	vip_owners_changed(l, v);
}

static void drop(struct l2 *l, struct probing *p)
{
	leave(l, p);
	table_remove(&l->probings, p);
	free(p);
}

void probing_stop(struct l2 *l, struct vip *v)
{
	struct probing *p = probing_find(l, &v->first.ip);

	l->groups_generation += v->blocked && ip_is_ipv6(&p->ip);
	v->blocked = false;
	if (p)
		drop(l, p);
}

void probing_link_changed(struct l2 *l, const struct vip *v, const struct link *k)
{
	struct probing *p = probing_find(l, &v->first.ip);

	l->groups_generation += ip_is_ipv6(&p->ip);
	if (p->step == PROBE_LINK && is_asked_on(v, k))
		begin(l, p, v);
}

static bool matters_on(const struct l2 *l, const struct vip *v, int ifindex)
{
	const struct link *k = link_find(l, ifindex);

	return k && is_asked_on(v, k);
}

static bool is_taken(const struct l2 *l, const struct probing *p, const struct vip *v)
{
	return (p->step == PROBE_TAKEN || p->step == PROBE_IN_USE) && matters_on(l, v, p->ifindex);
}

/* Unless another host has it. */
static void again(struct l2 *l, const struct vip *v)
{
	struct probing *p = probing_find(l, &v->first.ip);

	if (!is_taken(l, p, v))
		begin(l, p, v);
}

static void needless(struct l2 *l, struct vip *v)
{
	if (!is_taken(l, probing_find(l, &v->first.ip), v))
		probing_stop(l, v);
}

bool probing_is_on(const struct l2 *l, const struct vip *v)
{
	return probing_find(l, &v->first.ip)->step != PROBE_LINK;
}

/* That another LAN has the same address is no matter.  That a peer has it means that it isn't new after
 * all. */
bool probing_taken(struct l2 *l, const struct vip *v, const struct mac *by, int ifindex)
{
	struct probing *p = probing_find(l, &v->first.ip);
	bool known;

	if (!p || mac_is_peer(l, by) || !matters_on(l, v, ifindex))
		return false;
	known = p->step == PROBE_TAKEN && mac_equal(&p->by, by);
	p->by = *by;
	p->ifindex = ifindex;
	go_to(l, p, known ? PROBE_TAKEN : PROBE_IN_USE, l->now + RETRY_MS);
	return true;
}

void probings_new(struct l2 *l, const struct l2_announcement *a)
{
	for (size_t i = 0; a->is_new && i < a->addresses_n; i++) {
		struct in6_addr ip = addr_to_mapped(&a->addresses[i]);
		struct vip *v = a->is_new[i] ? vip_find(l, &ip) : NULL;

		if (v && v->owners_n == 1 && !v->blocked)
			start(l, v);
	}
}

void probings_changed(struct l2 *l, const struct l2_announcement *a)
{
	for (size_t i = 0; l->probings.n && i < a->addresses_n; i++) {
		struct in6_addr ip = addr_to_mapped(&a->addresses[i]);
		struct vip *v = vip_find(l, &ip);

		if (v && v->blocked && a->is_new && a->is_new[i])
			again(l, v);
		else if (v && v->blocked)
			needless(l, v);
	}
}

static void end(struct l2 *l, struct probing *p)
{
	struct vip *v = vip_find(l, &p->ip);
	uint64_t groups = l->groups_generation;

	if (!was_asked(l, p, v)) {
		begin(l, p, v);
		return;
	}
	go_to(l, p, PROBE_FREE, 0);
	v->blocked = false;
	vip_update(l, v);
	l->groups_generation = groups; /* they are joined already */
	vip_owners_changed(l, v);
}

static struct probing *due(const struct l2 *l, unsigned step)
{
	struct probing *p = l->probes[step];

	return p && p->at <= l->now ? p : NULL;
}

void probings_tick(struct l2 *l)
{
	struct probing *p;

	while ((p = due(l, PROBE_TAKEN)))
		begin(l, p, vip_find(l, &p->ip)); /* perhaps that host has gone by now */
	while ((p = due(l, PROBE_END)))
		end(l, p);
}

/* Whose question is next.  What was begun is brought to its end first. */
static struct probing *next_question(const struct l2 *l)
{
	struct probing *p = l->asking;

	for (unsigned step = QUESTIONS; !p && step-- > PROBE_FIRST;)
		p = due(l, step);
	return p;
}

static size_t asked_to(const struct l2 *l, const struct probing *p)
{
	return p == l->asking ? l->asked_to : 0;
}

static uint64_t question_deadline(const struct l2 *l)
{
	const struct probing *p = next_question(l);
	uint64_t first = UINT64_MAX;
	const struct link *k;
	size_t at;

	if (p) {
		at = asked_to(l, p);
		k = probing_next_link(l, vip_find(l, &p->ip), &at);
		first = k ? burst_pace(l, k) : l->now;
		return first > l->now ? first : l->now;
	}
	for (unsigned step = PROBE_FIRST; step <= PROBE_LAST; step++)
		if (l->probes[step] && l->probes[step]->at < first)
			first = l->probes[step]->at;
	return first;
}

uint64_t probings_deadline(const struct l2 *l)
{
	uint64_t first = question_deadline(l);
	const struct probing *end = l->probes[PROBE_END], *taken = l->probes[PROBE_TAKEN];

	if (l->probes[PROBE_IN_USE])
		return l->now;
	if (end && end->at < first)
		first = end->at;
	return taken && taken->at < first ? taken->at : first;
}

static void question(struct l2_frame *out, const struct link *k, const struct in6_addr *ip)
{
	out->ifindex = k->ifindex;
	out->ipv6 = ip_is_ipv6(ip);
	if (out->ipv6)
		out->ndp = ndp_solicit(&k->mac, &in6addr_any, ip);
	else
		out->arp = arp_request(&k->mac, (struct in_addr){ 0 }, addr_unmap(ip));
}

static void asked(struct l2 *l, struct probing *p)
{
	go_to(l, p, p->step + 1, l->now + (l->probe_ms + QUESTIONS - 1) / QUESTIONS);
}

bool probing_next_frame(struct l2 *l, struct l2_frame *out)
{
	struct probing *p;

	while ((p = next_question(l))) {
		const struct vip *v = vip_find(l, &p->ip);
		size_t at = asked_to(l, p);
		struct link *k = probing_next_link(l, v, &at);

		if (k) {
			if (!burst_lets_ask(l, k))
				return false;
			question(out, k, &p->ip);
			if (p->step == PROBE_FIRST && !asked_to(l, p))
				p->began = l->round;
			l->asking = p;
			l->asked_to = at;
			if (!probing_next_link(l, v, &at))
				asked(l, p);
			return true;
		}
		if (p == l->asking) /* the other links have gone */
			asked(l, p);
		else
			begin(l, p, v);
	}
	return false;
}

bool l2_is_probing(const struct l2 *l)
{
	for (unsigned step = PROBE_FIRST; step <= PROBE_END; step++)
		if (l->probes[step])
			return true;
	return false;
}

struct probing *probing_untold(struct l2 *l)
{
	struct probing *p = l->probes[PROBE_IN_USE];

	if (p)
		go_to(l, p, PROBE_TAKEN, l->now + RETRY_MS);
	return p;
}

bool probing_found_free(struct l2 *l, struct in6_addr *ip)
{
	struct probing *p = l->probes[PROBE_FREE];

	if (!p)
		return false;
	*ip = p->ip;
	drop(l, p);
	return true;
}
